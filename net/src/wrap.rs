//! Keys for one device: HPKE (RFC 9180) in base mode, with DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256 and ChaCha20-Poly1305. Who wrapped a key is said by the signature around it.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use crate::identity::random;

const INFO: &[u8] = b"hearth 2026-11 wrapped key";

/// Bytes of a wrapped key: what was encapsulated, the key, the tag.
pub const WRAPPED_BYTES: usize = 32 + 32 + 16;

/// A key that one device alone can open.
pub type Wrapped = [u8; WRAPPED_BYTES];

/// The secret half of a device's wrapping key; wiped when dropped.
pub struct WrappingKey(StaticSecret);

impl WrappingKey {
    /// A fresh key; `None` when the system gives no random bytes.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        Some(Self::from_bytes(&*random::<32>()?))
    }

    /// The key of these secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// Its secret bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// What others wrap for.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// Opens what [`wrap`] made for this key and `about`.
    #[must_use]
    pub fn open(&self, about: &[u8], wrapped: &Wrapped) -> Option<Zeroizing<[u8; 32]>> {
        let (sent, sealed) = wrapped.split_at(32);
        let secret = <X25519HkdfSha256 as hpke::Kem>::PrivateKey::from_bytes(&*self.to_bytes());
        let sent = <X25519HkdfSha256 as hpke::Kem>::EncappedKey::from_bytes(sent).ok()?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &secret.ok()?,
            &sent,
            INFO,
            sealed,
            about,
        );
        let mut opened = opened.ok()?;
        let key = <[u8; 32]>::try_from(&opened[..]).ok().map(Zeroizing::new);
        opened.zeroize();
        key
    }
}

impl std::fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrappingKey(..)")
    }
}

/// Wraps `key` for the device whose wrapping key is `public`, bound to `about`; `None` when that
/// is no usable key.
#[must_use]
pub fn wrap(public: &[u8; 32], about: &[u8], key: &[u8; 32]) -> Option<Wrapped> {
    let public = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(public).ok()?;
    let (sent, sealed) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        INFO,
        key,
        about,
    )
    .ok()?;
    [&sent.to_bytes()[..], &sealed[..]].concat().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_opens_for_its_device_and_its_matter_alone() {
        let (mine, other) = (WrappingKey::fresh().unwrap(), WrappingKey::fresh().unwrap());
        let wrapped = wrap(&mine.public(), b"epoch", &[9; 32]).unwrap();
        assert_eq!(*mine.open(b"epoch", &wrapped).unwrap(), [9; 32]);
        assert!(mine.open(b"other", &wrapped).is_none());
        assert!(other.open(b"epoch", &wrapped).is_none());
        for at in 0..wrapped.len() {
            let mut bad = wrapped;
            bad[at] ^= 1;
            assert!(mine.open(b"epoch", &bad).is_none(), "a flip at {at} passed");
        }
        assert!(wrap(&[0; 32], b"epoch", &[9; 32]).is_none(), "a point of small order passed");
    }
}
