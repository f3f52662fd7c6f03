//! Names of bytes and of steps.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A BLAKE3 hash: of an artifact's bytes, or the identity of a step. As text, 64 hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The name of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let hash = blake3::Hash::from_hex(&text)
            .map_err(|_| serde::de::Error::custom("a hash has 64 hexadecimal digits"))?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// The identity of a step: what it does, in which version, to which bytes. Equal identities of Pure
/// steps have equal results.
///
/// The encoding is for ever, as caches on disks rest on it: a fixed beginning, the action's id, its
/// version, the number of inputs, and of each in the order of their names the name and the digest.
/// Lengths and numbers are 32 bits, little end first.
pub(super) fn identity<'a>(
    action: &str,
    version: u32,
    inputs: impl ExactSizeIterator<Item = (&'a String, Digest)>,
) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let text = |hasher: &mut blake3::Hasher, text: &str| {
        hasher.update(&(text.len() as u32).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    text(&mut hasher, "hearth 2026-11 step");
    text(&mut hasher, action);
    hasher.update(&version.to_le_bytes());
    hasher.update(&(inputs.len() as u32).to_le_bytes());
    for (name, digest) in inputs {
        text(&mut hasher, name);
        hasher.update(&digest.0);
    }
    Digest(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(action: &str, version: u32, inputs: &[(&str, &[u8])]) -> Digest {
        let inputs: BTreeMap<String, Digest> =
            inputs.iter().map(|&(name, bytes)| (name.to_owned(), Digest::of(bytes))).collect();
        identity(action, version, inputs.iter().map(|(name, &digest)| (name, digest)))
    }

    #[test]
    fn every_part_of_a_step_is_in_its_identity() {
        let all = [
            of("a.b", 1, &[]),
            of("a.b", 2, &[]),
            of("a.c", 1, &[]),
            of("a.b", 1, &[("x", b"")]),
            of("a.b", 1, &[("y", b"")]),
            of("a.b", 1, &[("x", b"1")]),
            of("a.b", 1, &[("x", b"1"), ("y", b"1")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|two| one != two), "{at} is met twice");
        }
    }

    #[test]
    fn the_encoding_is_for_ever() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(b"\x13\0\0\0hearth 2026-11 step");
        bytes.extend_from_slice(b"\x0b\0\0\0train.model\x03\0\0\0\x01\0\0\0");
        bytes.extend_from_slice(b"\x07\0\0\0samples");
        bytes.extend_from_slice(&Digest::of(b"ten").0);
        let identity = of("train.model", 3, &[("samples", b"ten")]);
        assert_eq!(identity, Digest::of(&bytes));
        assert_eq!(identity.to_string(), GOLDEN);
    }

    const GOLDEN: &str = "cb598fb2b6ac2ad3e919cb82b7eee08377dbcc9f17fe6d60375fe6a575497f61";
}
