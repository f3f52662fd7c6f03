//! Which words may leave the process.

use super::maps::Maps;

/// Integers on both sides of zero that are kept: no character of a text is that small.
const SMALL: i64 = 32;

/// A null pointer and the fields behind it.
const NULL_BYTES: u64 = 64 << 10;

/// A fault this far from something mapped was meant for it.
const NEAR_BYTES: u64 = 1 << 20;

/// Knows addresses from text.
#[derive(Clone, Copy)]
pub(super) struct Keep<'a> {
    pub(super) maps: &'a Maps,
}

impl Keep<'_> {
    /// A word of a register or a stack: itself if it leads into a module's code or a stack or is a
    /// small integer, else zero.
    pub(super) fn word(self, word: u64) -> u64 {
        let is_small = (-SMALL..SMALL).contains(&word.cast_signed());
        if is_small || self.maps.is_code(word) || self.maps.is_stack(word) { word } else { 0 }
    }

    /// The address of a fault: itself if it lies near zero or near something that is mapped.
    pub(super) fn address(self, address: u64) -> u64 {
        let is_near = || self.maps.is_near(address, NEAR_BYTES);
        if address < NULL_BYTES || is_near() { address } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_address_and_no_small_integer() {
        let mut maps = Box::new(Maps::new());
        maps.read();
        let here = 0_u64;
        maps.add_stack(&raw const here as u64);
        let keep = Keep { maps: &maps };
        let code = text_is_no_address_and_no_small_integer as *const () as u64;
        for word in [code, &raw const here as u64, 0, 7, u64::MAX] {
            assert_eq!(keep.word(word), word, "{word:#x}");
        }
        // A whole word of text, its end, one character, two of UTF-16, and a place on the heap.
        let heap = Box::new(7_u64);
        for word in [
            u64::from_le_bytes(*b"correct "),
            u64::from_le_bytes(*b"le\0\0\0\0\0\0"),
            u64::from(b'a'),
            u64::from_le_bytes(*b"a\0b\0\0\0\0\0"),
            &raw const *heap as u64,
        ] {
            assert_eq!(keep.word(word), 0, "{word:#x}");
        }
        assert_eq!(keep.address(0x1008), 0x1008);
        assert_eq!(keep.address(u64::from_le_bytes(*b"correct ")), 0);
    }
}
