//! Where a stream of bytes is cut, so that an edit moves only the cuts beside it.
//!
//! FastCDC (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data
//! Deduplication", USENIX ATC 2016), normalised at level 2, with a gear table that is this store's
//! own secret: with a public table the lengths of the chunks would tell a known file to whoever
//! sees the disk. The `fastcdc` crate offers one 64-bit number that it XORs into a public table,
//! which is a far smaller secret; and where cuts fall decides what deduplicates with what is
//! stored already, so no upgrade of somebody else's crate may move them.
//!
//! What a keyed table does not hide: the lengths themselves. Somebody who can have much text of
//! their choice stored and measures every chunk learns about the table bit by bit.

use zeroize::Zeroize;

/// No chunk but the last is shorter, in bytes.
pub(super) const CHUNK_BYTES_MIN: usize = 8 * 1024;
/// Chunks are about this long, in bytes.
const CHUNK_BYTES_USUAL: usize = 32 * 1024;
/// No chunk is longer, in bytes.
pub(super) const CHUNK_BYTES_MAX: usize = 128 * 1024;

/// Bits that must be 0 at a cut: two more than log2 of the usual length before it is reached, and
/// two fewer after it. The gear's highest bits are those that the most bytes have gone into.
const MASK_EARLY: u64 = high_bits(CHUNK_BYTES_USUAL.ilog2() + 2);
const MASK_LATE: u64 = high_bits(CHUNK_BYTES_USUAL.ilog2() - 2);

const fn high_bits(count: u32) -> u64 {
    !(u64::MAX >> count)
}

/// The secret table.
pub(super) struct Gear(Box<[u64; 256]>);

impl Gear {
    /// The table of `key`: 2 KiB of BLAKE3's output under it.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut bytes = [0; 256 * 8];
        blake3::Hasher::new_keyed(key).update(b"gear").finalize_xof().fill(&mut bytes);
        let mut table = Box::new([0; 256]);
        for (value, bytes) in table.iter_mut().zip(bytes.chunks_exact(8)) {
            *value = u64::from_le_bytes(*bytes.first_chunk().expect("a chunk of 8"));
        }
        bytes.zeroize();
        Self(table)
    }

    /// The length of the first chunk of `bytes`. It is final only if `bytes` holds
    /// [`CHUNK_BYTES_MAX`] or ends where the stream ends.
    pub(super) fn cut(&self, bytes: &[u8]) -> usize {
        let end = bytes.len().min(CHUNK_BYTES_MAX);
        let mut gear = 0_u64;
        for (at, &byte) in bytes[..end].iter().enumerate().skip(CHUNK_BYTES_MIN) {
            gear = (gear << 1).wrapping_add(self.0[usize::from(byte)]);
            let mask = if at < CHUNK_BYTES_USUAL { MASK_EARLY } else { MASK_LATE };
            if gear & mask == 0 {
                return at + 1;
            }
        }
        end
    }
}

impl Drop for Gear {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut random = SplitMix::new(seed);
        (0..len).map(|_| random.next_u64() as u8).collect()
    }

    fn cuts(gear: &Gear, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let (chunk, rest) = bytes.split_at(gear.cut(bytes));
            chunks.push(chunk.to_vec());
            bytes = rest;
        }
        chunks
    }

    #[test]
    fn chunks_join_to_the_whole_and_keep_their_bounds() {
        let bytes = noise(1, 4_000_000);
        let chunks = cuts(&Gear::new(&[1; 32]), &bytes);
        assert_eq!(chunks.concat(), bytes);
        let (last, all) = chunks.split_last().unwrap();
        assert!(last.len() <= CHUNK_BYTES_MAX);
        assert!(all.iter().all(|it| (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(&it.len())));
        let usual = bytes.len() / chunks.len();
        assert!((24 * 1024..48 * 1024).contains(&usual), "{usual} bytes a chunk");
    }

    #[test]
    fn an_insertion_costs_the_chunks_beside_it() {
        let gear = Gear::new(&[1; 32]);
        let mut bytes = noise(2, 2_000_000);
        let before: std::collections::HashSet<_> = cuts(&gear, &bytes).into_iter().collect();
        bytes.splice(1_000_000..1_000_000, *b"one more line");
        let fresh = cuts(&gear, &bytes).iter().filter(|chunk| !before.contains(*chunk)).count();
        assert!(fresh <= 3, "{fresh} of {} chunks are new", before.len());
    }

    #[test]
    fn another_key_cuts_elsewhere() {
        let bytes = noise(3, 1_000_000);
        let ends = |key| -> std::collections::BTreeSet<usize> {
            let lens = cuts(&Gear::new(&[key; 32]), &bytes).into_iter().map(|chunk| chunk.len());
            lens.scan(0, |end, len| {
                *end += len;
                Some(*end)
            })
            .collect()
        };
        let (one, two) = (ends(1), ends(2));
        let both = one.intersection(&two).count();
        assert!(both <= 3, "{both} of {} cuts are the same under another key", one.len());
    }
}
