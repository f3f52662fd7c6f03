//! How typed keys and values become bytes.
//!
//! A key's bytes sort as the key does, and none is the beginning of another, so that keys can be
//! put together. A value's bytes are its own affair; decoding either refuses what it does not know.

/// A key of a [`Table`](super::Table).
///
/// Keys are sealed on the disk as values are, but each is looked up in memory in the clear: it is
/// no place for a secret.
pub trait Key: Sized {
    /// Appends its bytes; they sort as the keys do, and none is the beginning of another.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes a key off the front of `bytes`; `None` when there is none.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

/// A value of a [`Table`](super::Table).
pub trait Value: Sized {
    /// Appends its bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// The value of exactly these bytes; `None` when they are not one.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// Stands for a zero byte inside text, of which a bare zero is the end.
const ZERO: [u8; 2] = [0, 0xff];
const END: [u8; 2] = [0, 1];

macro_rules! number {
    ($($number:ty),*) => {$(
        impl Key for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_be_bytes(*number))
            }
        }

        impl Value for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}

number!(u8, u16, u32, u64, u128);

impl<const N: usize> Key for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (array, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(*array)
    }
}

impl<const N: usize> Value for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

impl Key for Vec<u8> {
    fn encode(&self, out: &mut Vec<u8>) {
        for &byte in self {
            match byte {
                0 => out.extend_from_slice(&ZERO),
                other => out.push(other),
            }
        }
        out.extend_from_slice(&END);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        loop {
            let zero = bytes.iter().position(|&byte| byte == 0)?;
            text.extend_from_slice(&bytes[..zero]);
            let (what, rest) = bytes[zero..].split_first_chunk::<2>()?;
            *bytes = rest;
            match *what {
                ZERO => text.push(0),
                END => return Some(text),
                _ => return None,
            }
        }
    }
}

impl Value for Vec<u8> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl Key for String {
    fn encode(&self, out: &mut Vec<u8>) {
        // UTF-8 sorts as its characters do, and so do its bytes here.
        for &byte in self.as_bytes() {
            match byte {
                0 => out.extend_from_slice(&ZERO),
                other => out.push(other),
            }
        }
        out.extend_from_slice(&END);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(<Vec<u8> as Key>::decode(bytes)?).ok()
    }
}

impl Value for String {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

impl Key for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(_bytes: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

impl Value for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.is_empty().then_some(())
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some((A::decode(bytes)?, B::decode(bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    fn bytes(random: &mut SplitMix) -> Vec<u8> {
        // Few different bytes, so that beginnings are shared and zeros are met.
        (0..random.below(5)).map(|_| [0, 1, 0xff, b'a'][random.below(4) as usize]).collect()
    }

    #[test]
    fn bytes_of_keys_sort_as_the_keys_do_and_come_back() {
        let mut random = SplitMix::new(1);
        let encoded = |key: &(Vec<u8>, u16)| {
            let mut out = Vec::new();
            key.encode(&mut out);
            out
        };
        for _ in 0..20_000 {
            let one = (bytes(&mut random), random.below(3) as u16);
            let two = (bytes(&mut random), random.below(3) as u16);
            assert_eq!(one.cmp(&two), encoded(&one).cmp(&encoded(&two)), "{one:?} {two:?}");
            let whole = encoded(&one);
            let mut rest = &whole[..];
            assert_eq!(<(Vec<u8>, u16)>::decode(&mut rest), Some(one));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn garbage_is_no_key_and_does_not_panic() {
        let mut random = SplitMix::new(2);
        for _ in 0..20_000 {
            let noise: Vec<u8> = (0..random.below(12)).map(|_| random.next_u64() as u8).collect();
            let mut rest = &noise[..];
            if let Some(key) = <(String, u32)>::decode(&mut rest) {
                let mut again = Vec::new();
                key.encode(&mut again);
                assert_eq!(again, noise[..noise.len() - rest.len()], "two keys for one");
            }
        }
    }
}
