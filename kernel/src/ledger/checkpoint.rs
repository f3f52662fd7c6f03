//! Signed checkpoints: what a device says of its ledger, and what others say of having seen it.
//!
//! A checkpoint is `"hearth ledger checkpoint 1"`, the device's key, the size (8 bytes), the root
//! and the time (8 bytes), all with an Ed25519 signature of that. A cosignature signs `"hearth
//! ledger cosignature 1"`, the cosigner's key and those same bytes. Signatures are checked
//! strictly: no weak key and no second form of a signature passes.

use std::path::Path;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::entry::{Bytes, Time};
use super::merkle::TreeHash;
use super::{LedgerError, damaged, wrap};
use crate::disk::{self, Disk};
use crate::keys::{self, Opener, Sealer};
use crate::principal::DeviceId;

const CHECKPOINT: &[u8] = b"hearth ledger checkpoint 1";
const COSIGNATURE: &[u8] = b"hearth ledger cosignature 1";
/// What a device's key is sealed for.
const KEY: &[u8] = b"device key 1";

/// Bytes of a checkpoint on the wire.
pub const CHECKPOINT_BYTES: usize = 32 + 8 + 32 + 8 + 64;

/// Signs for a device.
pub trait Signer: Send + Sync {
    /// The device's public key.
    fn id(&self) -> DeviceId;

    /// Its Ed25519 signature of `message`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// A signing key in memory, wiped when dropped, never printed.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// The key of these 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads the sealed key in the file `path`, making one if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when the file is not what was sealed for this profile: it is not
    /// replaced, since the signatures of the old key would be a stranger's; else what the disk or
    /// the generator of random bytes says.
    pub fn load(
        disk: &dyn Disk,
        path: &Path,
        sealer: &Sealer,
        opener: &Opener,
    ) -> Result<Self, LedgerError> {
        match disk::read(disk, path, 1024) {
            Ok(sealed) => {
                let seed = opener.open(KEY, &sealed).ok_or_else(|| damaged(path))?;
                let seed = <&[u8; 32]>::try_from(&seed[..]).map_err(|_| damaged(path))?;
                Ok(Self::from_seed(seed))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let seed = Zeroizing::new(keys::random::<32>()?);
                let mut sealed = Vec::new();
                sealer.seal(KEY, &*seed, &mut sealed)?;
                disk::replace(disk, path, &sealed).map_err(wrap(path))?;
                Ok(Self::from_seed(&seed))
            }
            Err(error) => Err(wrap(path)(error)),
        }
    }

    /// Seals the key in the file `path` under the key that seals now.
    ///
    /// # Errors
    /// As [`DeviceKey::load`]; the file is then as it was.
    pub fn seal_anew(
        disk: &dyn Disk,
        path: &Path,
        sealer: &Sealer,
        opener: &Opener,
    ) -> Result<(), LedgerError> {
        let sealed = disk::read(disk, path, 1024).map_err(wrap(path))?;
        let seed = opener.open(KEY, &sealed).ok_or_else(|| damaged(path))?;
        let mut fresh = Vec::new();
        sealer.seal(KEY, &seed, &mut fresh)?;
        disk::replace(disk, path, &fresh).map_err(wrap(path))
    }
}

impl Signer for DeviceKey {
    fn id(&self) -> DeviceId {
        DeviceId(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKey({})", self.id())
    }
}

/// What a device says of its ledger at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose ledger.
    pub device: DeviceId,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
    /// When it was signed.
    pub time: Time,
    signature: [u8; 64],
}

impl Checkpoint {
    pub(super) fn sign(signer: &dyn Signer, size: u64, root: TreeHash, time: Time) -> Self {
        let mut made = Self { device: signer.id(), size, root, time, signature: [0; 64] };
        made.signature = signer.sign(&made.message());
        made
    }

    fn message(&self) -> Vec<u8> {
        let (size, time) = (self.size.to_le_bytes(), self.time.0.to_le_bytes());
        [CHECKPOINT, &self.device.0, &size, &self.root.0, &time].concat()
    }

    /// Whether its device signed exactly this.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        verify(self.device, &self.message(), &self.signature)
    }

    /// The bytes that another device is sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.message()[CHECKPOINT.len()..], &self.signature].concat()
    }

    /// Reads what [`Checkpoint::encode`] wrote; `None` for other bytes and a wrong signature.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let decoded = Self {
            device: DeviceId(bytes.take()?),
            size: bytes.number()?,
            root: TreeHash(bytes.take()?),
            time: Time(bytes.number()?),
            signature: bytes.take()?,
        };
        (bytes.0.is_empty() && decoded.is_genuine()).then_some(decoded)
    }
}

/// A device's word that it saw another's checkpoint, and that it continues what it saw before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Who saw it.
    pub device: DeviceId,
    signature: [u8; 64],
}

impl Cosignature {
    pub(super) fn sign(signer: &dyn Signer, checkpoint: &Checkpoint) -> Self {
        let device = signer.id();
        Self { device, signature: signer.sign(&Self::message(device, checkpoint)) }
    }

    fn message(device: DeviceId, checkpoint: &Checkpoint) -> Vec<u8> {
        [COSIGNATURE, &device.0, &checkpoint.message()].concat()
    }

    /// Whether its device signed it for exactly this checkpoint.
    #[must_use]
    pub fn is_of(&self, checkpoint: &Checkpoint) -> bool {
        verify(self.device, &Self::message(self.device, checkpoint), &self.signature)
    }
}

fn verify(device: DeviceId, message: &[u8], signature: &[u8; 64]) -> bool {
    let key = VerifyingKey::from_bytes(&device.0);
    key.is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    #[test]
    fn the_first_published_ed25519_vector_comes_out() {
        // RFC 8032, 7.1, test 1: the empty message.
        let hex = |text: &str| -> Vec<u8> {
            let pairs = (0..text.len()).step_by(2);
            pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = DeviceKey::from_seed(seed[..].try_into().unwrap());
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.id().to_string(), public);
        let signature = hex(concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ));
        assert_eq!(key.sign(b"").to_vec(), signature);
    }

    #[test]
    fn any_flip_makes_a_checkpoint_nobodys() {
        let key = DeviceKey::from_seed(&[3; 32]);
        let made = Checkpoint::sign(&key, 5, TreeHash([9; 32]), Time(7));
        let bytes = made.encode();
        assert_eq!(bytes.len(), CHECKPOINT_BYTES);
        assert_eq!(Checkpoint::decode(&bytes), Some(made.clone()));
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert_eq!(Checkpoint::decode(&bad), None, "bit {at}");
        }
        let mut random = SplitMix::new(1);
        for _ in 0..2_000 {
            let len = random.below(300);
            let noise: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
            assert_eq!(Checkpoint::decode(&noise), None);
        }
        let cosignature = Cosignature::sign(&DeviceKey::from_seed(&[4; 32]), &made);
        assert!(cosignature.is_of(&made));
        assert!(!cosignature.is_of(&Checkpoint::sign(&key, 6, TreeHash([9; 32]), Time(7))));
    }
}
