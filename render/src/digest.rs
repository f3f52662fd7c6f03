//! The hash that names scene primitives and shaped lines: fast, and the same in every run.
//!
//! A multiply-and-rotate hash of whole words; 64 bits make a chance collision between two frames
//! of a few thousand primitives unlikely enough (below 1e-12) for what it decides: a stale pixel.

use std::hash::Hasher;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A deterministic hasher; never for data that an opponent chooses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digest(u64);

impl Digest {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        // The finaliser of splitmix64: without it the low bits depend on few of the inputs.
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(chunk.try_into().expect("a chunk of eight")));
        }
        let rest = chunks.remainder();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last) ^ (rest.len() as u64) << 56);
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
}

/// Builds [`Digest`]s, for hash maps keyed by our own values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildDigest;

impl std::hash::BuildHasher for BuildDigest {
    type Hasher = Digest;

    fn build_hasher(&self) -> Digest {
        Digest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hash;

    #[test]
    fn digest_tells_lengths_and_orders_apart() {
        let of = |bytes: &[u8]| {
            let mut digest = Digest::default();
            digest.write(bytes);
            digest.finish()
        };
        assert_ne!(of(b"ab"), of(b"ba"));
        assert_ne!(of(b"a"), of(b"a\0"));
        assert_ne!(of(b"12345678"), of(b"12345678\0"));
        let mut pinned = Digest::default();
        (1_u32, "hearth").hash(&mut pinned);
        let mut again = Digest::default();
        (1_u32, "hearth").hash(&mut again);
        assert_eq!(pinned.finish(), again.finish());
    }
}
