//! One way to the data key.
//!
//! What a person or a keychain holds gives a key pair of the slot's own, and the data key is sealed
//! to its public half. So rotation writes a new data key into every slot without asking for any
//! passphrase, and whoever knows an old data key learns nothing about the next.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::header::hex;
use super::ring::Generation;
use super::seal::{agree, derive, open_with, seal_with};
use super::{KeyError, Passphrase, ProfileId, Secret, Way, random};

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
    pub(super) fn stretch(self, passphrase: &Passphrase, salt: &[u8]) -> Result<Secret, KeyError> {
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

/// A way to the data key, as the header keeps it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Slot {
    Known(KnownSlot),
    /// A kind that a later build wrote; this one leaves it as it is.
    Foreign(serde_json::Map<String, serde_json::Value>),
}

impl Slot {
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Known(KnownSlot::Passphrase(_)) => Way::Passphrase,
            Self::Known(KnownSlot::Recovery(_)) => Way::Recovery,
            Self::Known(KnownSlot::Keychain(_)) => Way::Keychain,
            Self::Known(KnownSlot::Unprotected(_)) => Way::Unprotected,
            Self::Foreign(_) => Way::Foreign,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum KnownSlot {
    Passphrase(Stretched),
    Recovery(Stretched),
    Keychain(Kept),
    Unprotected(Plain),
}

/// Guarded by something that a person remembers or has written down.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stretched {
    cost: KdfCost,
    #[serde(with = "hex")]
    salt: Vec<u8>,
    to: Wrapped,
}

/// Guarded by 256 random bits that lie in the system's keychain.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    to: Wrapped,
}

/// Guarded by nothing: the data key as it is.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Plain {
    #[serde(with = "hex")]
    key: Zeroizing<Vec<u8>>,
}

/// A data key sealed to a slot's public half.
#[derive(Clone, Serialize, Deserialize)]
struct Wrapped {
    #[serde(with = "hex")]
    public: [u8; 32],
    #[serde(with = "hex")]
    ephemeral: [u8; 32],
    #[serde(with = "hex")]
    sealed: Vec<u8>,
}

/// What a slot's seal is bound to besides the slot.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) id: ProfileId,
    pub(super) generation: Generation,
}

const PURPOSE: &str = "hearth 2026-11 profile slot";

impl Wrapped {
    fn new(
        public: [u8; 32],
        bound: Bound,
        about: &[u8],
        data_key: &Secret,
    ) -> Result<Self, KeyError> {
        let secret = StaticSecret::from(*Zeroizing::new(random::<32>()?));
        let ephemeral = PublicKey::from(&secret).to_bytes();
        let agreed = agree(&secret, public, ephemeral, public, PURPOSE);
        let cipher = agreed.ok_or(KeyError::Random)?;
        let mut sealed = Vec::new();
        seal_with(&cipher, &Self::about(bound, about), &**data_key, &mut sealed)?;
        Ok(Self { public, ephemeral, sealed })
    }

    /// `None` when `secret` is not the slot's, or the slot was altered.
    fn open(&self, secret: &Secret, bound: Bound, about: &[u8]) -> Option<Secret> {
        let private = private_half(secret);
        if PublicKey::from(&private).to_bytes() != self.public {
            return None;
        }
        let cipher = agree(&private, self.ephemeral, self.ephemeral, self.public, PURPOSE)?;
        let opened = open_with(&cipher, &Self::about(bound, about), &self.sealed)?;
        Some(Zeroizing::new(opened[..].try_into().ok()?))
    }

    fn about(bound: Bound, about: &[u8]) -> Vec<u8> {
        [b"slot 1", &bound.id.0[..], &bound.generation.0.to_le_bytes(), about].concat()
    }
}

/// The slot's own pair, from what its holder has.
fn private_half(secret: &Secret) -> StaticSecret {
    StaticSecret::from(*derive("hearth 2026-11 profile slot pair", &**secret))
}

fn public_half(secret: &Secret) -> [u8; 32] {
    PublicKey::from(&private_half(secret)).to_bytes()
}

impl Stretched {
    pub(super) fn new(
        passphrase: &Passphrase,
        cost: KdfCost,
        bound: Bound,
        data_key: &Secret,
    ) -> Result<Self, KeyError> {
        let salt: [u8; 16] = random()?;
        let public = public_half(&cost.stretch(passphrase, &salt)?);
        let to = Wrapped::new(public, bound, &Self::about(cost, &salt), data_key)?;
        Ok(Self { cost, salt: salt.to_vec(), to })
    }

    pub(super) fn open(&self, passphrase: &Passphrase, bound: Bound) -> Result<Secret, KeyError> {
        let secret = self.cost.stretch(passphrase, &self.salt)?;
        let about = Self::about(self.cost, &self.salt);
        self.to.open(&secret, bound, &about).ok_or(KeyError::WrongPassphrase)
    }

    fn about(cost: KdfCost, salt: &[u8]) -> Vec<u8> {
        let mut about = b"stretched".to_vec();
        for part in [cost.passes, cost.memory_kib, cost.lanes] {
            about.extend_from_slice(&part.to_le_bytes());
        }
        about.extend_from_slice(salt);
        about
    }
}

impl Kept {
    pub(super) fn new(secret: &Secret, bound: Bound, data_key: &Secret) -> Result<Self, KeyError> {
        Ok(Self { to: Wrapped::new(public_half(secret), bound, b"kept", data_key)? })
    }

    /// `None` when the keychain holds another profile's secret.
    pub(super) fn open(&self, secret: &Secret, bound: Bound) -> Option<Secret> {
        self.to.open(secret, bound, b"kept")
    }
}

impl Plain {
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

impl KnownSlot {
    /// The same way to another data key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn lead_to(&mut self, bound: Bound, data_key: &Secret) -> Result<(), KeyError> {
        match self {
            Self::Passphrase(slot) | Self::Recovery(slot) => {
                let about = Stretched::about(slot.cost, &slot.salt);
                slot.to = Wrapped::new(slot.to.public, bound, &about, data_key)?;
            }
            Self::Keychain(slot) => {
                slot.to = Wrapped::new(slot.to.public, bound, b"kept", data_key)?;
            }
            Self::Unprotected(slot) => *slot = Plain::new(data_key),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cannot_ask_for_all_memory() {
        let cost = KdfCost { passes: 1, memory_kib: u32::MAX, lanes: 1 };
        let passphrase = Passphrase::new(b"x").unwrap();
        assert!(matches!(cost.stretch(&passphrase, &[0; 16]), Err(KeyError::Cost(_))));
    }

    #[test]
    fn a_slot_opens_with_its_secret_for_its_generation_alone() {
        let bound = Bound { id: ProfileId([7; 16]), generation: Generation(1) };
        let (secret, key) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let slot = Kept::new(&secret, bound, &key).unwrap();
        assert_eq!(slot.open(&secret, bound).unwrap(), key);
        assert!(slot.open(&Zeroizing::new([3; 32]), bound).is_none());
        let later = Bound { generation: Generation(2), ..bound };
        assert!(slot.open(&secret, later).is_none());
        let mut slot = KnownSlot::Keychain(slot);
        slot.lead_to(later, &Zeroizing::new([4; 32])).unwrap();
        let KnownSlot::Keychain(slot) = slot else { unreachable!("it was one") };
        assert_eq!(*slot.open(&secret, later).unwrap(), [4; 32]);
        assert!(slot.open(&secret, bound).is_none());
    }
}
