//! Sealing and opening: XChaCha20-Poly1305 with a random 24-byte nonce.
//!
//! What is sealed under a data key is `0, generation, nonce, ciphertext, tag`. What is sealed to a
//! public half is `1, generation, ephemeral public, nonce, ciphertext, tag`; the key then is
//! BLAKE3's derivation from the X25519 secret and both public halves. One ephemeral pair serves one
//! sealer, so that a key pressed while the profile is locked costs no curve arithmetic.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::cipher::{Cipher, NONCE, TAG};
use super::ring::{Generation, Ring};
use super::{KeyError, ProfileId, Secret, random};

/// Bytes that a seal adds at most: the mode, the generation, an ephemeral public half, the nonce
/// and the tag.
pub const SEAL_OVERHEAD_MAX: usize = DATA_KEY_OVERHEAD + 32;

/// Bytes that a seal under a data key adds: the mode, the generation, the nonce and the tag.
pub const DATA_KEY_OVERHEAD: usize = 1 + 2 + NONCE + TAG;

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
pub(super) fn agree(
    secret: &StaticSecret,
    other: [u8; 32],
    ephemeral: [u8; 32],
    public: [u8; 32],
    purpose: &str,
) -> Option<Cipher> {
    let shared = secret.diffie_hellman(&PublicKey::from(other));
    // A point of low order would make the key known to everybody.
    if !shared.was_contributory() {
        return None;
    }
    let mut material = Zeroizing::new([0; 96]);
    material[..32].copy_from_slice(shared.as_bytes());
    material[32..64].copy_from_slice(&ephemeral);
    material[64..].copy_from_slice(&public);
    let inner = derive("hearth 2026-11 sealed to a public half", &*material);
    Some(cipher(&derive(purpose, &*inner)))
}

pub(super) fn cipher(key: &Secret) -> Cipher {
    Cipher::new(key)
}

/// Seals `plain` in one piece behind `out`; the nonce goes first.
pub(crate) fn seal_with(
    cipher: &Cipher,
    about: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), KeyError> {
    let nonce: [u8; NONCE] = random()?;
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plain);
    let tag = cipher.seal(&nonce, about, &mut out[start..]);
    out.extend_from_slice(&tag);
    Ok(())
}

/// Opens `nonce, ciphertext, tag`; `None` when a bit of it or of `about` is not as it was sealed.
pub(crate) fn open_with(
    cipher: &Cipher,
    about: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(vec![0; sealed.len().checked_sub(NONCE + TAG)?]);
    open_onto_with(cipher, about, sealed, &mut plain)?;
    Some(plain)
}

/// The same into a place of exactly the text's length, which holds nothing of use on a `None`.
fn open_onto_with(cipher: &Cipher, about: &[u8], sealed: &[u8], into: &mut [u8]) -> Option<()> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
    let (text, tag) = rest.split_last_chunk::<TAG>()?;
    if text.len() != into.len() {
        return None;
    }
    into.copy_from_slice(text);
    cipher.open(nonce, about, into, tag)
}

/// What is authenticated beside the text: which profile and generation, and what the caller says
/// of it.
fn bind(id: ProfileId, generation: Generation, about: &[u8]) -> Vec<u8> {
    [&id.0[..], &generation.0.to_le_bytes(), about].concat()
}

/// Seals; it can be cloned and sent to the thread that writes. It opens nothing. One that seals
/// under the data key goes over to a rotated key by itself.
#[derive(Clone)]
pub struct Sealer(Arc<SealerInner>);

struct SealerInner {
    id: ProfileId,
    way: Way,
}

enum Way {
    UnderDataKey {
        ring: Arc<Ring>,
        purpose: &'static str,
        /// Of the generation that was current at the last seal.
        cipher: RwLock<(Generation, Cipher)>,
    },
    ToPublicHalf {
        generation: Generation,
        ephemeral: [u8; 32],
        cipher: Cipher,
    },
}

impl Sealer {
    pub(super) fn for_data_key(ring: Arc<Ring>, purpose: &'static str) -> Self {
        let keys = ring.current_keys();
        let cipher = RwLock::new((keys.generation, cipher(&derive(purpose, &*keys.data_key))));
        Self(Arc::new(SealerInner {
            id: ring.id,
            way: Way::UnderDataKey { ring, purpose, cipher },
        }))
    }

    pub(super) fn for_public(
        id: ProfileId,
        generation: Generation,
        public: [u8; 32],
        purpose: &str,
    ) -> Result<Self, KeyError> {
        let secret = StaticSecret::from(*Zeroizing::new(random::<32>()?));
        let ephemeral = PublicKey::from(&secret).to_bytes();
        let agreed = agree(&secret, public, ephemeral, public, purpose);
        let cipher = agreed.ok_or(KeyError::Random)?;
        let way = Way::ToPublicHalf { generation, ephemeral, cipher };
        Ok(Self(Arc::new(SealerInner { id, way })))
    }

    /// Whether what it seals needs the unlocked profile's private half.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.0.way, Way::ToPublicHalf { .. })
    }

    /// Whether `sealed` is from another generation than the one that seals now, or from the time
    /// when the profile was locked: sealing it anew lets the other key go.
    #[must_use]
    pub fn would_renew(&self, sealed: &[u8]) -> bool {
        match &self.0.way {
            Way::ToPublicHalf { .. } => false,
            Way::UnderDataKey { ring, .. } => {
                let current = ring.current().0.to_le_bytes();
                !sealed.starts_with(&[UNDER_DATA_KEY, current[0], current[1]])
            }
        }
    }

    /// Appends the sealed `plain` to `out`. It opens only with the same `about`, which is not
    /// kept: stream, place and kind belong there.
    ///
    /// # Errors
    /// [`KeyError::Random`]; `out` may then have grown by a few bytes.
    pub fn seal(&self, about: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let about = |generation| bind(self.0.id, generation, about);
        match &self.0.way {
            Way::ToPublicHalf { generation, ephemeral, cipher } => {
                out.push(TO_PUBLIC_HALF);
                out.extend_from_slice(&generation.0.to_le_bytes());
                out.extend_from_slice(ephemeral);
                seal_with(cipher, &about(*generation), plain, out)
            }
            Way::UnderDataKey { ring, purpose, cipher: known } => {
                let current = ring.current();
                let mut now = known.read().unwrap_or_else(PoisonError::into_inner);
                if now.0 != current {
                    drop(now);
                    let keys = ring.current_keys();
                    let fresh = (keys.generation, cipher(&derive(purpose, &*keys.data_key)));
                    *known.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                    now = known.read().unwrap_or_else(PoisonError::into_inner);
                }
                out.push(UNDER_DATA_KEY);
                out.extend_from_slice(&now.0.0.to_le_bytes());
                seal_with(&now.1, &about(now.0), plain, out)
            }
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, locked: {})", self.0.id, self.is_locked())
    }
}

/// Opens what a [`Sealer`] of the same profile and purpose sealed, under whichever generation.
#[derive(Clone)]
pub struct Opener(Arc<OpenerInner>);

struct OpenerInner {
    ring: Arc<Ring>,
    purpose: &'static str,
    /// Of the generations that were met, the newest first: it is the one that is mostly asked for.
    under_data_key: RwLock<Vec<(Generation, Cipher)>>,
    /// The last ephemeral half met, with its key: neighbours mostly share it.
    agreed: Mutex<Option<([u8; 32], Cipher)>>,
}

impl Opener {
    pub(super) fn new(ring: Arc<Ring>, purpose: &'static str) -> Self {
        let (under_data_key, agreed) = (RwLock::default(), Mutex::new(None));
        Self(Arc::new(OpenerInner { ring, purpose, under_data_key, agreed }))
    }

    /// The text, or `None` when it was not sealed so: damage, another place, another profile, or a
    /// generation that was forgotten.
    #[must_use]
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&mode, rest) = sealed.split_first()?;
        let (generation, rest) = rest.split_first_chunk::<2>()?;
        let generation = Generation(u16::from_le_bytes(*generation));
        let about = bind(self.0.ring.id, generation, about);
        match mode {
            UNDER_DATA_KEY => {
                self.0.with_data_key(generation, |cipher| open_with(cipher, &about, rest))
            }
            TO_PUBLIC_HALF => self.0.open_to_public_half(generation, &about, rest),
            _ => None,
        }
    }

    /// As [`Opener::open`] of what was sealed under a data key, into a place of the caller's, which
    /// becomes as long as the text. It serves readers of many small texts: nothing is allocated for
    /// each, and what one read is wiped once.
    #[must_use]
    pub fn open_into(&self, about: &[u8], sealed: &[u8], into: &mut Vec<u8>) -> Option<()> {
        let len = sealed.len().checked_sub(DATA_KEY_OVERHEAD)?;
        // What the place held before is written over, so it is not filled with zeros first.
        into.truncate(len);
        into.resize(len, 0);
        self.open_onto(about, sealed, into)
    }

    /// As [`Opener::open_into`], into a place of exactly the text's length.
    #[must_use]
    pub fn open_onto(&self, about: &[u8], sealed: &[u8], into: &mut [u8]) -> Option<()> {
        let (&UNDER_DATA_KEY, rest) = sealed.split_first()? else { return None };
        let (number, rest) = rest.split_first_chunk::<2>()?;
        let generation = Generation(u16::from_le_bytes(*number));
        let id = self.0.ring.id;
        let mut short = [0; 96];
        match short.get_mut(..18 + about.len()) {
            Some(bound) => {
                bound[..16].copy_from_slice(&id.0);
                bound[16..18].copy_from_slice(number);
                bound[18..].copy_from_slice(about);
                self.0.with_data_key(generation, |cipher| open_onto_with(cipher, bound, rest, into))
            }
            None => {
                let bound = bind(id, generation, about);
                self.0
                    .with_data_key(generation, |cipher| open_onto_with(cipher, &bound, rest, into))
            }
        }
    }
}

impl OpenerInner {
    /// Does something with the cipher of a generation, if the ring has that.
    fn with_data_key<T>(
        &self,
        generation: Generation,
        work: impl FnOnce(&Cipher) -> Option<T>,
    ) -> Option<T> {
        let known = self.under_data_key.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cipher)) = known.iter().find(|(number, _)| *number == generation) {
            return work(cipher);
        }
        drop(known);
        let keys = self.ring.keys(generation)?;
        let fresh = cipher(&derive(self.purpose, &*keys.data_key));
        let done = work(&fresh);
        let mut known = self.under_data_key.write().unwrap_or_else(PoisonError::into_inner);
        if !known.iter().any(|(number, _)| *number == generation) {
            let at = known.partition_point(|(number, _)| *number > generation);
            known.insert(at, (generation, fresh));
        }
        done
    }

    fn open_to_public_half(
        &self,
        generation: Generation,
        about: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (&ephemeral, rest) = sealed.split_first_chunk::<32>()?;
        let mut agreed = self.agreed.lock().unwrap_or_else(PoisonError::into_inner);
        if agreed.as_ref().is_none_or(|(known, _)| *known != ephemeral) {
            let keys = self.ring.keys(generation)?;
            let key = agree(&keys.private, ephemeral, ephemeral, keys.public, self.purpose)?;
            *agreed = Some((ephemeral, key));
        }
        let (_, key) = agreed.as_ref().expect("it was just put there");
        open_with(key, about, rest)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({})", self.0.ring.id)
    }
}
