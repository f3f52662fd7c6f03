//! The dump's file: bytes one after another, gathered in a buffer that was there before.

use std::ffi::c_int;

const BUFFER_BYTES: usize = 4096;

/// Where something lies in the dump (`MINIDUMP_LOCATION_DESCRIPTOR`).
#[derive(Clone, Copy)]
pub(super) struct Location {
    pub(super) bytes: u32,
    pub(super) at: u32,
}

impl Location {
    /// It is not there.
    pub(super) const NONE: Self = Self { bytes: 0, at: 0 };
}

/// The file. What the disk does not take is lost: there is nobody to tell.
pub(super) struct Output {
    file: c_int,
    buffer: [u8; BUFFER_BYTES],
    len: usize,
    /// Where the buffer will lie in the file.
    flushed: u32,
}

impl Output {
    pub(super) const fn new() -> Self {
        Self { file: -1, buffer: [0; BUFFER_BYTES], len: 0, flushed: 0 }
    }

    /// Begins a file, leaving `room` bytes at its start.
    pub(super) fn begin(&mut self, file: c_int, room: usize) {
        (self.file, self.len, self.flushed) = (file, 0, 0);
        self.zeros(room);
    }

    /// Where the next byte will lie.
    pub(super) fn at(&self) -> u32 {
        self.flushed.wrapping_add(self.len as u32)
    }

    /// What was written since `begun`.
    pub(super) fn since(&self, begun: u32) -> Location {
        Location { bytes: self.at().wrapping_sub(begun), at: begun }
    }

    pub(super) fn u8(&mut self, byte: u8) {
        if self.len == BUFFER_BYTES {
            self.finish();
        }
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    pub(super) fn u16(&mut self, number: u16) {
        number.to_le_bytes().into_iter().for_each(|byte| self.u8(byte));
    }

    pub(super) fn u32(&mut self, number: u32) {
        number.to_le_bytes().into_iter().for_each(|byte| self.u8(byte));
    }

    pub(super) fn u64(&mut self, number: u64) {
        number.to_le_bytes().into_iter().for_each(|byte| self.u8(byte));
    }

    pub(super) fn zeros(&mut self, count: usize) {
        (0..count).for_each(|_| self.u8(0));
    }

    pub(super) fn location(&mut self, location: Location) {
        self.u32(location.bytes);
        self.u32(location.at);
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Location {
        let begun = self.at();
        bytes.iter().for_each(|byte| self.u8(*byte));
        self.since(begun)
    }

    /// A `MINIDUMP_STRING`: its bytes of UTF-16, those, and a zero. What is no ASCII becomes `?`.
    pub(super) fn string(&mut self, text: impl Iterator<Item = u8> + Clone) {
        self.u32(2 * text.clone().count() as u32);
        for byte in text {
            self.u16(u16::from(if byte.is_ascii() { byte } else { b'?' }));
        }
        self.u16(0);
    }

    /// Writes what is gathered.
    pub(super) fn finish(&mut self) {
        let bytes = self.buffer.get(..self.len).unwrap_or_default();
        self.write(bytes, self.flushed);
        self.flushed = self.at();
        self.len = 0;
    }

    pub(super) fn put_at_start(&self, bytes: &[u8]) {
        self.write(bytes, 0);
    }

    fn write(&self, mut bytes: &[u8], at: u32) {
        let mut at = libc::off_t::from(at);
        while !bytes.is_empty() {
            // SAFETY: the pointer and length are those of `bytes`.
            let taken = unsafe { libc::pwrite(self.file, bytes.as_ptr().cast(), bytes.len(), at) };
            let Ok(taken @ 1..) = usize::try_from(taken) else { return };
            bytes = bytes.get(taken..).unwrap_or_default();
            at += taken as libc::off_t;
        }
    }
}
