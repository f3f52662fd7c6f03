//! Bytes of the wire and of the disk: little-endian, every length before what it measures, and
//! every length checked against its limit before anything is allocated.

/// Writes values one after another.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts with these bytes.
    #[must_use]
    pub fn after(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// One byte.
    pub fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Eight bytes.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    /// Bytes whose count both sides know.
    pub fn fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes after their count.
    ///
    /// # Panics
    /// Past 4 GiB, which no caller builds.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).fixed(bytes)
    }

    /// How many things follow.
    ///
    /// # Panics
    /// As [`Writer::bytes`].
    pub fn count(&mut self, count: usize) -> &mut Self {
        let count = u32::try_from(count).expect("nothing here has 4 GiB");
        self.fixed(&count.to_le_bytes())
    }

    /// What was written.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads what a [`Writer`] wrote; `None` for anything else.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes that were not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// Eight bytes.
    pub fn number(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// As many bytes as the type has.
    pub fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// Counted bytes, at most `limit`.
    pub fn bytes(&mut self, limit: usize) -> Option<&'a [u8]> {
        let count = self.count(limit)?;
        self.take(count)
    }

    /// Counted text, at most `limit` bytes.
    pub fn text(&mut self, limit: usize) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(limit)?).ok()
    }

    /// How many things follow, at most `limit`.
    pub fn count(&mut self, limit: usize) -> Option<usize> {
        let count = u32::from_le_bytes(self.fixed()?) as usize;
        (count <= limit).then_some(count)
    }

    /// Whether nothing is left, as it should be at the end.
    #[must_use]
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_longer_than_its_limit() {
        let mut writer = Writer::default();
        let bytes = writer.byte(7).number(9).bytes(b"name").count(3).finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.byte(), Some(7));
        assert_eq!(reader.number(), Some(9));
        assert_eq!(reader.text(4), Some("name"));
        assert_eq!(reader.count(3), Some(3));
        assert_eq!(reader.end(), Some(()));
        assert_eq!(Reader::new(&bytes[9..]).bytes(3), None);
        assert_eq!(Reader::new(&[0xff; 8]).bytes(usize::MAX), None);
        assert_eq!(Reader::new(&[]).byte(), None);
    }
}
