//! The build id of a module: the note that the linker left in it, read where it is mapped.
//!
//! The layout is the System V ABI's: a 64-bit ELF header, program headers, notes.

use super::maps::{Maps, Module};

const PROGRAM_HEADERS_MAX: u64 = 64;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_GNU_BUILD_ID: u32 = 3;
const ID_BYTES_MAX: usize = 32;

pub(super) struct BuildId {
    bytes: [u8; ID_BYTES_MAX],
    len: usize,
}

impl BuildId {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The build id of `module`; `None` if it has none that is mapped.
pub(super) fn find(maps: &Maps, module: &Module) -> Option<BuildId> {
    let base = module.start;
    if maps.peek(base)? != *b"\x7fELF\x02" {
        return None;
    }
    let u64_at = |address: u64| maps.peek(address).map(u64::from_le_bytes);
    let u32_at = |address: u64| maps.peek(address).map(u32::from_le_bytes);
    let u16_at = |address: u64| maps.peek(address).map(u16::from_le_bytes);
    let headers = base.checked_add(u64_at(base + 32)?)?;
    let (size, count) = (u64::from(u16_at(base + 54)?), u64::from(u16_at(base + 56)?));
    let header = |index: u64| headers.checked_add(index * size);
    let mut bias = base;
    for index in 0..count.min(PROGRAM_HEADERS_MAX) {
        let at = header(index)?;
        let address = u64_at(at.checked_add(16)?)?;
        match u32_at(at)? {
            // The part that the file begins with tells how far the whole was moved.
            PT_LOAD if u64_at(at + 8)? == 0 => bias = base.wrapping_sub(address),
            PT_NOTE => {
                let begin = bias.wrapping_add(address);
                let end = begin.checked_add(u64_at(at.checked_add(40)?)?)?;
                if let Some(id) = in_notes(maps, begin, end) {
                    return Some(id);
                }
            }
            _ => {}
        }
    }
    None
}

fn in_notes(maps: &Maps, mut at: u64, end: u64) -> Option<BuildId> {
    let padded = |len: u32| (u64::from(len) + 3) & !3;
    while at.checked_add(12)? <= end {
        let word = |index: u64| maps.peek(at + 4 * index).map(u32::from_le_bytes);
        let (name, content, kind) = (word(0)?, word(1)?, word(2)?);
        let begin = (at + 12).checked_add(padded(name))?;
        if kind == NT_GNU_BUILD_ID && maps.peek(at + 12)? == *b"GNU\0" {
            let mut id = BuildId { bytes: [0; ID_BYTES_MAX], len: 0 };
            for (index, byte) in id.bytes.iter_mut().take(content as usize).enumerate() {
                [*byte] = maps.peek(begin + index as u64)?;
                id.len += 1;
            }
            return Some(id);
        }
        at = begin.checked_add(padded(content))?;
    }
    None
}
