//! Sealing and opening: XChaCha20-Poly1305 with a random 24-byte nonce.
//!
//! What is sealed under the data key is `0, nonce, ciphertext, tag`. What is sealed to the public
//! half is `1, ephemeral public, nonce, ciphertext, tag`; the key then is BLAKE3's derivation from
//! the X25519 secret and both public halves. One ephemeral pair serves one sealer, so that a key
//! pressed while the profile is locked costs no curve arithmetic.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{KeyError, ProfileId, Secret, random};

/// Bytes that a seal adds at most: the mode, an ephemeral public half, the nonce and the tag.
pub const SEAL_OVERHEAD_MAX: usize = 1 + 32 + NONCE + TAG;

const NONCE: usize = 24;
const TAG: usize = 16;
const UNDER_DATA_KEY: u8 = 0;
const TO_PUBLIC_HALF: u8 = 1;

/// A 32-byte secret for one purpose (BLAKE3's key derivation, its context being `purpose`).
pub(super) fn derive(purpose: &str, key: &[u8]) -> Secret {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    hasher.update(key);
    let secret = Zeroizing::new(*hasher.finalize().as_bytes());
    zeroize::Zeroize::zeroize(&mut hasher);
    secret
}

/// Both sides of the exchange come to this key.
fn agree(
    secret: &StaticSecret,
    other: [u8; 32],
    ephemeral: [u8; 32],
    public: [u8; 32],
    purpose: &str,
) -> Option<XChaCha20Poly1305> {
    let shared = secret.diffie_hellman(&PublicKey::from(other));
    // A point of low order would make the key known to everybody.
    if !shared.was_contributory() {
        return None;
    }
    let mut material = Zeroizing::new([0; 96]);
    material[..32].copy_from_slice(shared.as_bytes());
    material[32..64].copy_from_slice(&ephemeral);
    material[64..].copy_from_slice(&public);
    let inner = derive("hearth 2026-11 sealed while locked", &*material);
    Some(cipher(&derive(purpose, &*inner)))
}

fn cipher(key: &Secret) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
}

/// Seals `plain` in one piece behind `out`; the nonce goes first.
pub(crate) fn seal_with(
    cipher: &XChaCha20Poly1305,
    about: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), KeyError> {
    let nonce: [u8; NONCE] = random()?;
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let sealed =
        cipher.encrypt_inout_detached(&XNonce::from(nonce), about, out[start..].as_mut().into());
    let tag = sealed.expect("no record comes near the cipher's 256 GiB");
    out.extend_from_slice(&tag);
    Ok(())
}

/// Opens `nonce, ciphertext, tag`; `None` when a bit of it or of `about` is not as it was sealed.
pub(crate) fn open_with(
    cipher: &XChaCha20Poly1305,
    about: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (text, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plain = Zeroizing::new(text.to_vec());
    cipher
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            about,
            plain.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(plain)
}

/// What is authenticated beside the text: which profile, and what the caller says of it.
fn bind(id: ProfileId, about: &[u8]) -> Vec<u8> {
    [&id.0[..], about].concat()
}

/// Seals; it can be cloned and sent to the thread that writes. It opens nothing.
#[derive(Clone)]
pub struct Sealer {
    id: ProfileId,
    /// Empty when sealing under the data key, else what the other side needs.
    ephemeral: Option<[u8; 32]>,
    cipher: Arc<XChaCha20Poly1305>,
}

impl Sealer {
    pub(super) fn for_data_key(id: ProfileId, key: &Secret, purpose: &str) -> Self {
        let cipher = Arc::new(cipher(&derive(purpose, &**key)));
        Self { id, ephemeral: None, cipher }
    }

    pub(super) fn for_public(
        id: ProfileId,
        public: [u8; 32],
        purpose: &str,
    ) -> Result<Self, KeyError> {
        let secret = StaticSecret::from(*Zeroizing::new(random::<32>()?));
        let ephemeral = PublicKey::from(&secret).to_bytes();
        let agreed = agree(&secret, public, ephemeral, public, purpose);
        let cipher = Arc::new(agreed.ok_or(KeyError::Random)?);
        Ok(Self { id, ephemeral: Some(ephemeral), cipher })
    }

    /// Whether what it seals needs the unlocked profile's private half.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.ephemeral.is_some()
    }

    /// Appends the sealed `plain` to `out`. It opens only with the same `about`, which is not
    /// kept: stream, place and kind belong there.
    ///
    /// # Errors
    /// [`KeyError::Random`]; `out` may then have grown by a few bytes.
    pub fn seal(&self, about: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        match self.ephemeral {
            None => out.push(UNDER_DATA_KEY),
            Some(ephemeral) => {
                out.push(TO_PUBLIC_HALF);
                out.extend_from_slice(&ephemeral);
            }
        }
        seal_with(&self.cipher, &bind(self.id, about), plain, out)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, locked: {})", self.id, self.is_locked())
    }
}

/// Opens what a [`Sealer`] of the same profile and purpose sealed. Clones share nothing but keys.
#[derive(Clone)]
pub struct Opener(Arc<OpenerInner>);

struct OpenerInner {
    id: ProfileId,
    under_data_key: XChaCha20Poly1305,
    private: StaticSecret,
    public: [u8; 32],
    purpose: &'static str,
    /// The last ephemeral half met, with its key: neighbours mostly share it.
    agreed: Mutex<Option<([u8; 32], XChaCha20Poly1305)>>,
}

impl Opener {
    pub(super) fn new(
        id: ProfileId,
        key: &Secret,
        private: &StaticSecret,
        public: [u8; 32],
        purpose: &'static str,
    ) -> Self {
        Self(Arc::new(OpenerInner {
            id,
            under_data_key: cipher(&derive(purpose, &**key)),
            private: private.clone(),
            public,
            purpose,
            agreed: Mutex::new(None),
        }))
    }

    /// The text, or `None` when it was not sealed so: damage, another place, another profile.
    #[must_use]
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let inner = &*self.0;
        let about = bind(inner.id, about);
        match sealed.split_first()? {
            (&UNDER_DATA_KEY, rest) => open_with(&inner.under_data_key, &about, rest),
            (&TO_PUBLIC_HALF, rest) => {
                let (&ephemeral, rest) = rest.split_first_chunk::<32>()?;
                let mut agreed = inner.agreed.lock().unwrap_or_else(PoisonError::into_inner);
                if agreed.as_ref().is_none_or(|(known, _)| *known != ephemeral) {
                    let public = inner.public;
                    let key = agree(&inner.private, ephemeral, ephemeral, public, inner.purpose)?;
                    *agreed = Some((ephemeral, key));
                }
                let (_, key) = agreed.as_ref().expect("it was just put there");
                open_with(key, &about, rest)
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({})", self.0.id)
    }
}
