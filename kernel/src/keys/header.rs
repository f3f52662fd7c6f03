//! The profile's header file: one line of JSON and, on a second line, its BLAKE3 checksum.
//!
//! Every field that is not secret is bound into what is sealed, so that editing the header makes it
//! fail to open rather than open differently. Slots of unknown kinds are skipped, so that another
//! way to unlock can be added without a new version.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use serde::{Deserialize, Serialize};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::seal::{derive, open_with, seal_with};
use super::{KeyError, Passphrase, ProfileId, Secret, random};

/// The format that this build writes, and the newest that it reads.
const VERSION: u32 = 1;

/// More slots than anybody has keychains.
const SLOTS_MAX: usize = 64;

/// What a passphrase costs to try: Argon2id (RFC 9106), version 0x13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KdfCost {
    /// Passes over the memory.
    pub passes: u32,
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Lanes, worked through one after another here.
    pub lanes: u32,
}

impl Default for KdfCost {
    /// 3 passes over 64 MiB in one lane.
    fn default() -> Self {
        Self { passes: 3, memory_kib: 64 * 1024, lanes: 1 }
    }
}

impl KdfCost {
    /// A header is input: what it asks for must not exhaust the machine.
    fn stretch(self, passphrase: &Passphrase, salt: &[u8]) -> Result<Secret, KeyError> {
        let within = (1..=16).contains(&self.passes)
            && (8..=1024 * 1024).contains(&self.memory_kib)
            && (1..=16).contains(&self.lanes)
            && salt.len() >= 8;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32));
        let (true, Ok(params)) = (within, params) else { return Err(KeyError::Cost(self)) };
        let mut out = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.bytes(), salt, &mut *out)
            .map_err(|_| KeyError::Cost(self))?;
        Ok(out)
    }
}

/// What the file says.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    #[serde(with = "hex")]
    id: [u8; 16],
    #[serde(with = "hex")]
    public: [u8; 32],
    /// The private half under the data key.
    #[serde(with = "hex")]
    private: Vec<u8>,
    slots: Vec<Slot>,
}

/// One way to the data key.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Slot {
    Passphrase(PassphraseSlot),
    Unprotected(UnprotectedSlot),
    /// A kind that a later build wrote; this one leaves it alone.
    #[serde(other)]
    Foreign,
}

/// The data key, wrapped by a stretched passphrase.
#[derive(Serialize, Deserialize)]
pub(super) struct PassphraseSlot {
    cost: KdfCost,
    #[serde(with = "hex")]
    salt: Vec<u8>,
    #[serde(with = "hex")]
    wrapped: Vec<u8>,
}

/// The data key as it is.
#[derive(Serialize, Deserialize)]
pub(super) struct UnprotectedSlot {
    #[serde(with = "hex")]
    key: Zeroizing<Vec<u8>>,
}

impl From<PassphraseSlot> for Slot {
    fn from(slot: PassphraseSlot) -> Self {
        Self::Passphrase(slot)
    }
}

impl From<UnprotectedSlot> for Slot {
    fn from(slot: UnprotectedSlot) -> Self {
        Self::Unprotected(slot)
    }
}

impl PassphraseSlot {
    pub(super) fn wrap(
        id: ProfileId,
        data_key: &Secret,
        passphrase: &Passphrase,
        cost: KdfCost,
    ) -> Result<Self, KeyError> {
        let salt: [u8; 16] = random()?;
        let key = cost.stretch(passphrase, &salt)?;
        let mut wrapped = Vec::new();
        let about = Self::about(id, cost, &salt);
        seal_with(&cipher(&key), &about, &**data_key, &mut wrapped)?;
        Ok(Self { cost, salt: salt.to_vec(), wrapped })
    }

    pub(super) fn unwrap_key(
        &self,
        id: ProfileId,
        passphrase: &Passphrase,
    ) -> Result<Secret, KeyError> {
        let key = self.cost.stretch(passphrase, &self.salt)?;
        let about = Self::about(id, self.cost, &self.salt);
        let opened = open_with(&cipher(&key), &about, &self.wrapped);
        let opened = opened.ok_or(KeyError::WrongPassphrase)?;
        let bytes: [u8; 32] = opened[..].try_into().map_err(|_| KeyError::WrongPassphrase)?;
        Ok(Zeroizing::new(bytes))
    }

    fn about(id: ProfileId, cost: KdfCost, salt: &[u8]) -> Vec<u8> {
        let mut about = b"hearth passphrase slot 1".to_vec();
        about.extend_from_slice(&id.0);
        for part in [cost.passes, cost.memory_kib, cost.lanes] {
            about.extend_from_slice(&part.to_le_bytes());
        }
        about.extend_from_slice(salt);
        about
    }
}

impl UnprotectedSlot {
    pub(super) fn new(data_key: &Secret) -> Self {
        Self { key: Zeroizing::new(data_key.to_vec()) }
    }

    /// A key of the wrong length opens nothing, as a wrong key does.
    pub(super) fn key(&self) -> Secret {
        let mut key = Zeroizing::new([0; 32]);
        if self.key.len() == key.len() {
            key.copy_from_slice(&self.key);
        }
        key
    }
}

impl Header {
    pub(super) fn new(
        id: ProfileId,
        public: [u8; 32],
        slot: Slot,
        data_key: &Secret,
        private: &StaticSecret,
    ) -> Result<Self, KeyError> {
        let mut sealed = Vec::new();
        let about = private_about(id, &public);
        seal_with(&private_cipher(data_key), &about, private.as_bytes(), &mut sealed)?;
        Ok(Self { version: VERSION, id: id.0, public, private: sealed, slots: vec![slot] })
    }

    pub(super) fn id(&self) -> ProfileId {
        ProfileId(self.id)
    }

    pub(super) fn public(&self) -> [u8; 32] {
        self.public
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The private half; `None` when the header does not belong to the key.
    pub(super) fn private(&self, data_key: &Secret) -> Option<StaticSecret> {
        let about = private_about(self.id(), &self.public);
        let opened = open_with(&private_cipher(data_key), &about, &self.private)?;
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(opened[..].try_into().ok()?);
        Some(StaticSecret::from(*bytes))
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

fn private_about(id: ProfileId, public: &[u8; 32]) -> Vec<u8> {
    [&b"hearth private half 1"[..], &id.0, public].concat()
}

fn private_cipher(data_key: &Secret) -> XChaCha20Poly1305 {
    cipher(&derive("hearth 2026-11 private half", &**data_key))
}

fn cipher(key: &Secret) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
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
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        bytes: &impl AsRef<[u8]>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Zeroizing::new(super::to_hex(bytes.as_ref())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, B: TryFrom<Vec<u8>>>(
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

    fn header() -> Header {
        let id = ProfileId([7; 16]);
        let key = Zeroizing::new([1; 32]);
        let private = StaticSecret::from([9; 32]);
        Header::new(id, [2; 32], UnprotectedSlot::new(&key).into(), &key, &private).unwrap()
    }

    #[test]
    fn a_slot_of_an_unknown_kind_is_skipped() {
        let mut value = serde_json::to_value(header()).unwrap();
        let slots = value["slots"].as_array_mut().unwrap();
        slots.insert(0, serde_json::json!({"kind": "keychain", "entry": "x"}));
        let json = serde_json::to_string(&value).unwrap();
        let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()).to_hex());
        let read = Header::decode(text.as_bytes(), Path::new("p")).unwrap();
        assert!(matches!(read.slots(), [Slot::Foreign, Slot::Unprotected(_)]));
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let json = r#"{"version":2,"other":[]}"#;
        let text = format!("{json}\n{}\n", blake3::hash(json.as_bytes()).to_hex());
        let read = Header::decode(text.as_bytes(), Path::new("p"));
        assert!(matches!(read, Err(KeyError::Newer(_, 2))));
    }

    #[test]
    fn a_flip_anywhere_is_noticed() {
        let bytes = header().encode();
        // The last byte is the line's end, which carries nothing.
        for at in 0..bytes.len() - 1 {
            let mut bad = bytes.to_vec();
            bad[at] ^= 4;
            assert!(Header::decode(&bad, Path::new("p")).is_err(), "at {at}");
        }
    }

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        let cost = KdfCost { passes: 1, memory_kib: u32::MAX, lanes: 1 };
        let passphrase = Passphrase::new(b"x").unwrap();
        assert!(matches!(cost.stretch(&passphrase, &[0; 16]), Err(KeyError::Cost(_))));
    }
}
