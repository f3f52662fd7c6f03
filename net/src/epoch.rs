//! Epochs: between two changes of who belongs to the group, everything is sealed with one key.

use zeroize::Zeroizing;

/// Names an epoch: the BLAKE3 hash of the entry of the device log that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EpochId(pub [u8; 32]);

/// The key of an epoch: in memory, wiped when dropped, never printed.
#[derive(Clone)]
pub struct EpochKey(Zeroizing<[u8; 32]>);

impl EpochKey {
    /// The key of these 32 secret bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key for one purpose and what it is about, such as a workspace. `purpose` is a constant
    /// of the code, in the words that [`blake3::derive_key`] asks for.
    #[must_use]
    pub fn derive(&self, purpose: &'static str, about: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(purpose);
        hasher.update(&*self.0);
        hasher.update(about);
        Zeroizing::new(*hasher.finalize().as_bytes())
    }

    /// What says in the open which key it is, and nothing about it.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        *self.derive("hearth 2026-11 commitment to an epoch key", &[])
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EpochKey(..)")
    }
}
