//! Taking numbers and pieces off bytes that may be anything.

/// A place in bytes; every take answers `None` past their end.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (piece, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(piece)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Text behind its length, which is at most `limit`.
    pub(super) fn text(&mut self, limit: usize) -> Option<String> {
        let len = self.u32()? as usize;
        let bytes = if len <= limit { self.take(len)? } else { return None };
        String::from_utf8(bytes.to_vec()).ok()
    }

    /// `Some` when nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    let len = u32::try_from(text.len()).expect("the length was checked when it was accepted");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
