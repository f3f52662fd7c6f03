//! XChaCha20-Poly1305, with a quick way for short texts.
//!
//! The `poly1305` crate's vector code for x86-64 takes 3 us before it has seen 200 bytes: its setup
//! works on vector types outside of functions that may use them, so each addition is a call. Rows,
//! entries of the ledger and keys pressed are that short. There the authenticator is computed here,
//! in three limbs of 44, 44 and 42 bits (the `poly1305-donna-64` of Andrew Moon, public domain), in
//! 0.1 us; both ways make the same bytes, which the tests hold against each other and the vectors
//! of RFC 8439. Nothing in it branches on a secret.

use chacha20::XChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use super::Secret;

pub(super) const NONCE: usize = 24;
pub(super) const TAG: usize = 16;

/// Texts up to here take the quick way: beyond it vectors win, once they are set up.
const SHORT: usize = 2048;
/// The stream's first block gives the authenticator's key.
const BLOCK: usize = 64;

/// A key, ready to seal and open with. It is wiped when it is dropped.
pub(crate) struct Cipher {
    key: Secret,
    long: XChaCha20Poly1305,
}

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { key: Zeroizing::new(*key), long: XChaCha20Poly1305::new(key.into()) }
    }

    /// Encrypts `text` in its place, and answers the tag.
    pub(super) fn seal(&self, nonce: &[u8; NONCE], about: &[u8], text: &mut [u8]) -> [u8; TAG] {
        if is_long(text) {
            let sealed =
                self.long.encrypt_inout_detached(&XNonce::from(*nonce), about, text.into());
            return sealed.expect("no record comes near the cipher's 256 GiB").into();
        }
        let mut place = Zeroizing::new([0; BLOCK + SHORT]);
        let key = self.stream_over(nonce, text, &mut place);
        text.copy_from_slice(&place[BLOCK..BLOCK + text.len()]);
        tag(&key, about, text)
    }

    /// Decrypts `text` in its place, if the tag is right; else it stays as it is, or becomes
    /// nothing of use.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE],
        about: &[u8],
        text: &mut [u8],
        sealed: &[u8; TAG],
    ) -> Option<()> {
        if is_long(text) {
            let (nonce, sealed) = (XNonce::from(*nonce), Tag::from(*sealed));
            return self.long.decrypt_inout_detached(&nonce, about, text.into(), &sealed).ok();
        }
        let mut place = Zeroizing::new([0; BLOCK + SHORT]);
        let key = self.stream_over(nonce, text, &mut place);
        // Compared in one piece, so that how long it takes says nothing.
        if u128::from_le_bytes(tag(&key, about, text)) ^ u128::from_le_bytes(*sealed) != 0 {
            return None;
        }
        text.copy_from_slice(&place[BLOCK..BLOCK + text.len()]);
        Some(())
    }

    /// Puts `text` with the stream over it behind the first block of `place`, and answers the
    /// authenticator's key.
    fn stream_over(
        &self,
        nonce: &[u8; NONCE],
        text: &[u8],
        place: &mut [u8; BLOCK + SHORT],
    ) -> Secret {
        let place = &mut place[..BLOCK + text.len()];
        place[BLOCK..].copy_from_slice(text);
        let mut stream = XChaCha20::new((&*self.key).into(), nonce.into());
        stream.apply_keystream(place);
        Zeroizing::new(*place.first_chunk().expect("a block is longer"))
    }
}

fn is_long(text: &[u8]) -> bool {
    // Elsewhere the crate's own code has no such setup.
    text.len() > SHORT || !cfg!(target_arch = "x86_64")
}

/// What authenticates `about` and the encrypted text, as RFC 8439, 2.8, has it.
fn tag(key: &Secret, about: &[u8], text: &[u8]) -> [u8; TAG] {
    let mut mac = Mac::new(key);
    mac.padded(about);
    mac.padded(text);
    let mut lengths = [0; TAG];
    lengths[..8].copy_from_slice(&(about.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(text.len() as u64).to_le_bytes());
    mac.block(&lengths);
    mac.finish()
}

const LOW_44: u64 = (1 << 44) - 1;
const LOW_42: u64 = (1 << 42) - 1;

/// Poly1305 over whole blocks.
#[derive(Zeroize)]
#[zeroize(drop)]
struct Mac {
    r: [u64; 3],
    h: [u64; 3],
    pad: [u64; 2],
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("there are eight bytes"))
}

impl Mac {
    fn new(key: &[u8; 32]) -> Self {
        let (low, high) = (word(&key[..8]), word(&key[8..]));
        let r = [
            low & 0x0ffc_0fff_ffff,
            (low >> 44 | high << 20) & 0x0fff_ffc0_ffff,
            high >> 24 & 0x000f_ffff_fc0f,
        ];
        Self { r, h: [0; 3], pad: [word(&key[16..]), word(&key[24..])] }
    }

    /// All of `bytes`, and zeros up to a whole block.
    fn padded(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks();
        blocks.iter().for_each(|block| self.block(block));
        if !rest.is_empty() {
            let mut last = [0; TAG];
            last[..rest.len()].copy_from_slice(rest);
            self.block(&last);
        }
    }

    /// h = (h + block + 2^128) r mod 2^130 - 5, but for carries.
    fn block(&mut self, block: &[u8; TAG]) {
        let (low, high) = (word(&block[..8]), word(&block[8..]));
        let [r0, r1, r2] = self.r;
        let h0 = self.h[0] + (low & LOW_44);
        let h1 = self.h[1] + ((low >> 44 | high << 20) & LOW_44);
        let h2 = self.h[2] + (high >> 24 | 1 << 40);
        // What is above 2^130 comes in again below, five times; the limbs below are 2 bits short.
        let (s1, s2) = (r1 * 20, r2 * 20);
        let times = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let d0 = times(h0, r0) + times(h1, s2) + times(h2, s1);
        let d1 = times(h0, r1) + times(h1, r0) + times(h2, s2) + (d0 >> 44);
        let d2 = times(h0, r2) + times(h1, r1) + times(h2, r0) + (d1 >> 44);
        let above = (d2 >> 42) as u64 * 5;
        let h0 = (d0 as u64 & LOW_44) + above;
        self.h = [h0 & LOW_44, (d1 as u64 & LOW_44) + (h0 >> 44), d2 as u64 & LOW_42];
    }

    fn finish(mut self) -> [u8; TAG] {
        let [mut h0, mut h1, mut h2] = self.h;
        // Twice round, so that every limb is within its bits.
        for _ in 0..2 {
            (h1, h0) = (h1 + (h0 >> 44), h0 & LOW_44);
            (h2, h1) = (h2 + (h1 >> 44), h1 & LOW_44);
            (h0, h2) = (h0 + (h2 >> 42) * 5, h2 & LOW_42);
        }
        (h1, h0) = (h1 + (h0 >> 44), h0 & LOW_44);
        // h - p, and which of the two is below p: if h is, the subtraction borrows.
        let g0 = h0 + 5;
        let g1 = h1 + (g0 >> 44);
        let g2 = (h2 + (g1 >> 44)).wrapping_sub(1 << 42);
        let is_below = (g2 >> 63).wrapping_neg();
        let pick = |h: u64, g: u64| (h & is_below) | (g & !is_below);
        (h0, h1, h2) = (pick(h0, g0 & LOW_44), pick(h1, g1 & LOW_44), pick(h2, g2 & LOW_42));
        let sum = u128::from(h0) | u128::from(h1) << 44 | u128::from(h2) << 88;
        let pad = u128::from(self.pad[0]) | u128::from(self.pad[1]) << 64;
        self.h = [0; 3];
        sum.wrapping_add(pad).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(pair).collect()
    }

    fn mac(key: &[u8], text: &[u8]) -> [u8; TAG] {
        assert_eq!(text.len() % TAG, 0, "the authenticator here knows whole blocks alone");
        let mut mac = Mac::new(key.try_into().unwrap());
        mac.padded(text);
        mac.finish()
    }

    /// RFC 8439, A.3, those of whole blocks: among them the ones that catch a carry left out.
    #[test]
    fn the_vectors_of_the_rfc() {
        let f = "ffffffffffffffffffffffffffffffff";
        let of = |number: &str| format!("{number}{}", "00".repeat(32 - number.len() / 2));
        let cases = [
            (of(""), "00".repeat(64), "00".repeat(16)),
            (of("02"), f.to_owned(), format!("03{}", "00".repeat(15))),
            (
                format!("02{}{f}", "00".repeat(15)),
                format!("02{}", "00".repeat(15)),
                format!("03{}", "00".repeat(15)),
            ),
            (of("01"), format!("{f}f0{}11{}", "ff".repeat(15), "00".repeat(15)), {
                format!("05{}", "00".repeat(15))
            }),
            (of("01"), format!("{f}fb{}{}", "fe".repeat(15), "01".repeat(16)), "00".repeat(16)),
            (of("02"), format!("fd{}", "ff".repeat(15)), format!("fa{}", "ff".repeat(15))),
            (
                of("010000000000000004"),
                "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000
                 0000000000000000000000000000000001000000000000000000000000000000"
                    .to_owned(),
                "14000000000000005500000000000000".to_owned(),
            ),
            (
                of("010000000000000004"),
                "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000
                 00000000000000000000000000000000"
                    .to_owned(),
                "13000000000000000000000000000000".to_owned(),
            ),
        ];
        for (key, text, tag) in cases {
            assert_eq!(mac(&bytes(&key), &bytes(&text))[..], bytes(&tag), "{key} {text}");
        }
    }

    /// Lengths around blocks and the limit, and texts and keys of bits that are mostly all set or
    /// all clear, which make carries that random ones never make.
    #[test]
    fn both_ways_make_the_same_bytes_and_open_each_others() {
        let mut random = SplitMix::new(8);
        let fill = |random: &mut SplitMix, len: usize| -> Vec<u8> {
            let way = random.below(4);
            let byte = |random: &mut SplitMix| match way {
                0 => random.next_u64() as u8,
                1 => [0, 0xff][random.below(2) as usize],
                2 => 0xff,
                _ => 0,
            };
            (0..len).map(|_| byte(random)).collect()
        };
        for _ in 0..20_000 {
            let len = match random.below(3) {
                0 => random.below(40) as usize,
                1 => SHORT - random.below(40) as usize,
                _ => random.below(SHORT as u64 + 100) as usize,
            };
            let few = random.below(70) as usize;
            let (key, about) = (fill(&mut random, 32), fill(&mut random, few));
            let cipher = Cipher::new(key[..].try_into().unwrap());
            let nonce: [u8; NONCE] = fill(&mut random, NONCE).try_into().unwrap();
            let text = fill(&mut random, len);
            let (mut ours, mut theirs) = (text.clone(), text.clone());
            let tag = cipher.seal(&nonce, &about, &mut ours);
            let crate_tag = cipher
                .long
                .encrypt_inout_detached(&nonce.into(), &about, theirs[..].as_mut().into())
                .unwrap();
            assert_eq!((&ours, tag), (&theirs, crate_tag.into()));
            assert!(cipher.open(&nonce, &about, &mut theirs, &tag).is_some());
            assert_eq!(theirs, text);

            let (mut bad, mut bad_tag, mut bad_about) = (ours.clone(), tag, about.clone());
            let bit = 1 << random.below(8);
            match random.below(3) {
                0 if !bad.is_empty() => bad[random.below(len as u64) as usize] ^= bit,
                1 if few > 0 => bad_about[random.below(few as u64) as usize] ^= bit,
                _ => bad_tag[random.below(16) as usize] ^= bit,
            }
            assert!(cipher.open(&nonce, &bad_about, &mut bad, &bad_tag).is_none());
        }
    }

    /// The authenticator alone, under keys and over blocks that are at their edges.
    #[test]
    fn the_authenticator_is_right_at_its_edges() {
        // The crate hands its authenticator out only inside the whole; the model has numbers of 4
        // bits, multiplied as on paper.
        fn model(key: &[u8; 32], text: &[u8]) -> [u8; TAG] {
            let nibbles = |bytes: &[u8]| -> Vec<u64> {
                bytes.iter().flat_map(|it| [u64::from(it & 15), u64::from(it >> 4)]).collect()
            };
            let mut clamped = [0; 16];
            clamped.copy_from_slice(&key[..16]);
            for at in [3, 7, 11, 15] {
                clamped[at] &= 15;
            }
            for at in [4, 8, 12] {
                clamped[at] &= 252;
            }
            let r = nibbles(&clamped);
            let mut h = vec![0_u64; 33];
            for block in text.chunks(16) {
                for (digit, more) in h.iter_mut().zip(nibbles(block).into_iter().chain([1])) {
                    *digit += more;
                }
                let mut product = vec![0_u64; 70];
                for (i, a) in h.iter().enumerate() {
                    for (j, b) in r.iter().enumerate() {
                        product[i + j] += a * b;
                    }
                }
                h = reduced(product);
            }
            // Below p = 2^130 - 5 by taking it away while it goes.
            let mut plus = h.clone();
            plus[0] += 5;
            carry(&mut plus);
            if plus[32] >= 4 {
                plus[32] -= 4;
                h = plus;
            }
            let mut sum = h[..32].to_vec();
            for (digit, more) in sum.iter_mut().zip(nibbles(&key[16..])) {
                *digit += more;
            }
            carry(&mut sum);
            let mut tag = [0; TAG];
            for (at, pair) in sum.chunks(2).enumerate() {
                tag[at] = (pair[0] & 15 | (pair[1] & 15) << 4) as u8;
            }
            tag
        }
        fn carry(digits: &mut [u64]) {
            for at in 1..digits.len() {
                digits[at] += digits[at - 1] >> 4;
                digits[at - 1] &= 15;
            }
        }
        fn reduced(mut wide: Vec<u64>) -> Vec<u64> {
            for _ in 0..4 {
                wide.resize(80, 0);
                carry(&mut wide);
                // 2^130 is 5: digit 32 holds its two lowest bits of what is above.
                let mut low: Vec<u64> = wide[..33].to_vec();
                low[32] &= 3;
                for at in 32..79 {
                    let above = (wide[at] >> 2) | ((wide[at + 1] & 3) << 2);
                    low.resize(low.len().max(at - 31), 0);
                    low[at - 32] += above * 5;
                }
                wide = low;
            }
            carry(&mut wide);
            wide.resize(33, 0);
            wide
        }
        let mut random = SplitMix::new(9);
        for _ in 0..30_000 {
            let edge = |random: &mut SplitMix| match random.below(5) {
                0 => 0,
                1 => 0xff,
                2 => [1, 0xfe, 0xfb, 0xfc, 0xf0][random.below(5) as usize],
                _ => random.next_u64() as u8,
            };
            let key: Vec<u8> = (0..32).map(|_| edge(&mut random)).collect();
            let key: [u8; 32] = key.try_into().unwrap();
            let blocks = random.below(4);
            let text: Vec<u8> = (0..16 * blocks).map(|_| edge(&mut random)).collect();
            assert_eq!(mac(&key, &text), model(&key, &text), "{key:?} {text:?}");
        }
    }
}
