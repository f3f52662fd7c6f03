//! The profile's header file: one line of JSON and, on a second line, its BLAKE3 checksum.
//!
//! The secrets of every generation lie in one box, sealed under the current data key. Every field
//! that is not secret is bound into it, so that editing the header makes it fail to open rather
//! than open differently. Slots of unknown kinds are kept as they are, so that another way to
//! unlock can be added without a new version.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ring::{Generation, Keys, Ring};
use super::seal::{cipher, derive, open_with, seal_with};
use super::slot::{Bound, KnownSlot, Slot};
use super::{KeyError, ProfileId, Secret};

/// The format that this build writes, and the newest that it reads.
const VERSION: u32 = 1;

/// More slots than anybody has keychains.
const SLOTS_MAX: usize = 64;

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    #[serde(with = "hex")]
    id: [u8; 16],
    generation: u16,
    #[serde(with = "hex")]
    public: [u8; 32],
    slots: Vec<Slot>,
    /// The ring and the machine's mark, under the data key.
    #[serde(with = "hex")]
    ring: Vec<u8>,
}

impl Header {
    /// A header of `ring` up to the generation `keys`, which the slots lead to.
    pub(super) fn new(
        ring: &Ring,
        oldest: Generation,
        keys: &Keys,
        slots: Vec<Slot>,
        machine: Option<[u8; 32]>,
    ) -> Result<Self, KeyError> {
        let mut header = Self {
            version: VERSION,
            id: ring.id.0,
            generation: keys.generation.0,
            public: keys.public,
            slots,
            ring: Vec::new(),
        };
        let plain = ring.encode(oldest..=keys.generation, machine);
        let mut sealed = Vec::new();
        seal_with(&ring_cipher(&keys.data_key), &header.about(), &plain, &mut sealed)?;
        header.ring = sealed;
        Ok(header)
    }

    pub(super) fn id(&self) -> ProfileId {
        ProfileId(self.id)
    }

    pub(super) fn generation(&self) -> Generation {
        Generation(self.generation)
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(super) fn bound(&self) -> Bound {
        Bound { id: self.id(), generation: self.generation() }
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn known_slots(&self) -> impl Iterator<Item = &KnownSlot> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Known(slot) => Some(slot),
            Slot::Foreign(_) => None,
        })
    }

    /// The ring and the machine's mark; `None` when the header does not belong to the key.
    pub(super) fn ring(&self, data_key: &Secret) -> Option<(Ring, Option<[u8; 32]>)> {
        let opened = open_with(&ring_cipher(data_key), &self.about(), &self.ring)?;
        let (ring, machine) = Ring::decode(self.id(), &opened)?;
        let keys = ring.current_keys();
        // A public half that somebody swapped would seal typing to a stranger.
        let belongs = keys.generation == self.generation()
            && keys.public == self.public
            && keys.data_key == *data_key;
        belongs.then_some((ring, machine))
    }

    /// Everything that is not secret.
    fn about(&self) -> Vec<u8> {
        let slots = Zeroizing::new(
            serde_json::to_vec(&self.slots).expect("slots are strings, numbers and objects"),
        );
        let mut about = b"hearth ring 1".to_vec();
        about.extend_from_slice(&self.id);
        about.extend_from_slice(&self.generation.to_le_bytes());
        about.extend_from_slice(&self.public);
        about.extend_from_slice(blake3::hash(&slots).as_bytes());
        about
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let json = serde_json::to_vec(self).expect("a header is strings and numbers");
        let mut bytes = Zeroizing::new(json);
        let sum = blake3::hash(&bytes);
        bytes.push(b'\n');
        bytes.extend_from_slice(sum.to_hex().as_bytes());
        bytes.push(b'\n');
        bytes
    }

    pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Self, KeyError> {
        let damaged = || KeyError::Damaged(path.to_owned());
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let (Some(json), Some(sum)) = (lines.next(), lines.next()) else { return Err(damaged()) };
        if blake3::hash(json).to_hex().as_bytes() != sum {
            return Err(damaged());
        }
        /// What every version has.
        #[derive(Deserialize)]
        struct AnyVersion {
            version: u32,
        }
        let any: AnyVersion = serde_json::from_slice(json).map_err(|_| damaged())?;
        if any.version > VERSION {
            return Err(KeyError::Newer(path.to_owned(), any.version));
        }
        let header: Self = serde_json::from_slice(json).map_err(|_| damaged())?;
        if header.slots.len() > SLOTS_MAX { Err(damaged()) } else { Ok(header) }
    }
}

fn ring_cipher(data_key: &Secret) -> super::Cipher {
    cipher(&derive("hearth 2026-11 profile ring", &**data_key))
}

/// Lower-case hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes every write");
    }
    text
}

/// Bytes as hexadecimal strings in the JSON.
pub(super) mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(in crate::keys) fn serialize<S: Serializer>(
        bytes: &impl AsRef<[u8]>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Zeroizing::new(super::to_hex(bytes.as_ref())))
    }

    pub(in crate::keys) fn deserialize<'de, D: Deserializer<'de>, B: TryFrom<Vec<u8>>>(
        from: D,
    ) -> Result<B, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                let digits = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
                u8::from_str_radix(digits, 16).ok()
            })
            .collect();
        let bytes = bytes.ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        B::try_from(bytes).map_err(|_| D::Error::custom("a wrong number of bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::slot::Plain;

    fn header() -> (Header, Secret) {
        let ring = Ring::random(ProfileId([7; 16])).unwrap();
        let keys = ring.current_keys();
        let slot = Slot::Known(KnownSlot::Unprotected(Plain::new(&keys.data_key)));
        let header = Header::new(&ring, keys.generation, &keys, vec![slot], Some([5; 32])).unwrap();
        (header, keys.data_key)
    }

    fn file(value: &serde_json::Value) -> Vec<u8> {
        let json = serde_json::to_string(value).unwrap();
        format!("{json}\n{}\n", blake3::hash(json.as_bytes()).to_hex()).into_bytes()
    }

    #[test]
    fn a_slot_of_an_unknown_kind_is_kept() {
        let mut value = serde_json::to_value(header().0).unwrap();
        let slots = value["slots"].as_array_mut().unwrap();
        slots.insert(0, serde_json::json!({"kind": "smart_card", "entry": [1, "x"]}));
        let read = Header::decode(&file(&value), Path::new("p")).unwrap();
        assert!(matches!(read.slots(), [Slot::Foreign(_), Slot::Known(KnownSlot::Unprotected(_))]));
        let again = serde_json::to_value(&read).unwrap();
        assert_eq!(again["slots"][0], value["slots"][0]);
    }

    #[test]
    fn what_was_edited_does_not_open() {
        let (header, key) = header();
        assert!(header.ring(&key).is_some());
        let value = serde_json::to_value(&header).unwrap();
        let edits: [(&str, serde_json::Value); 4] = [
            ("/id", "08".repeat(16).into()),
            ("/generation", 2.into()),
            ("/public", "09".repeat(32).into()),
            ("/slots/0/key", "0a".repeat(32).into()),
        ];
        for (at, new) in edits {
            let mut value = value.clone();
            *value.pointer_mut(at).unwrap() = new;
            let read = Header::decode(&file(&value), Path::new("p")).unwrap();
            assert!(read.ring(&key).is_none(), "{at}");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let read =
            Header::decode(&file(&serde_json::json!({"version": 2, "other": []})), Path::new("p"));
        assert!(matches!(read, Err(KeyError::Newer(_, 2))));
    }

    #[test]
    fn a_flip_anywhere_is_noticed() {
        let bytes = header().0.encode();
        // The last byte is the line's end, which carries nothing.
        for at in 0..bytes.len() - 1 {
            let mut bad = bytes.to_vec();
            bad[at] ^= 4;
            assert!(Header::decode(&bad, Path::new("p")).is_err(), "at {at}");
        }
    }
}
