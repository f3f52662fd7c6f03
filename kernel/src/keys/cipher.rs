//! XChaCha20-Poly1305, as everything is sealed with.
//!
//! On x86-64 the `poly1305` crate's vector code takes 3 us before it has seen 200 bytes, and rows,
//! entries of the ledger and keys pressed are that short; its portable code takes 0.3 to 0.6. So
//! `.cargo/config.toml` chooses the portable one for the whole build. A build without that flag is
//! slower and the same in all else.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};

pub(super) const NONCE: usize = 24;
pub(super) const TAG: usize = 16;

/// A key, ready to seal and open with. It is wiped when it is dropped.
pub(crate) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts `text` in its place, and answers the tag.
    pub(super) fn seal(&self, nonce: &[u8; NONCE], about: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let sealed = self.0.encrypt_inout_detached(&XNonce::from(*nonce), about, text.into());
        sealed.expect("no record comes near the cipher's 256 GiB").into()
    }

    /// Decrypts `text` in its place, if the tag is right; else it holds nothing of use.
    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE],
        about: &[u8],
        text: &mut [u8],
        sealed: &[u8; TAG],
    ) -> Option<()> {
        let (nonce, sealed) = (XNonce::from(*nonce), Tag::from(*sealed));
        self.0.decrypt_inout_detached(&nonce, about, text.into(), &sealed).ok()
    }
}
