//! A batch: what one device wrote between two moments, signed, sealed, chained to the one before.
//!
//! Bytes: `version (1) | workspace (16) | device (32) | chain (16) | number (8) | previous (32) |
//! epoch (32) | nonce (24) | count (4) and sealed items | signature (64)`. The sealed items are
//! XChaCha20-Poly1305 under a key that is derived from the epoch's key for this workspace; all
//! before the nonce is what they are about. The id is the BLAKE3 hash of all before the signature
//! behind `"hearth 2026-11 sync batch"`, and what the device signs.

use std::sync::Arc;

use chacha20poly1305::aead::{AeadInOut, Buffer, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use kernel::ledger::Signer;
use net::codec::{Reader, Writer};
use net::identity::is_signed;
use net::{DeviceId, EpochId, EpochKey};

use crate::id::{ChainId, WorkspaceId};
use crate::item::{self, Item};

const DOMAIN: &[u8] = b"hearth 2026-11 sync batch";
const KEY: &str = "hearth 2026-11 sync batch of a workspace";
const VERSION: u8 = 1;
const NONCE: usize = 24;
const SIGNATURE: usize = 64;

/// Bytes of a batch's sealed items at most: an operation of the largest text fits.
pub const SEALED_BYTES_MAX: usize = (2 << 20) + (64 << 10);

/// Names a batch: its hash. All zeros stands before the first of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub [u8; 32]);

/// Where a batch belongs; readable without any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// Who wrote and signed it.
    pub device: DeviceId,
    /// Which of the device's chains.
    pub chain: ChainId,
    /// How many batches of the chain come before it.
    pub number: u64,
    /// The batch before it.
    pub previous: BatchId,
    /// Whose key it is sealed with.
    pub epoch: EpochId,
}

/// A batch whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: Header,
    id: BatchId,
    bytes: Arc<[u8]>,
}

impl Header {
    fn write(&self) -> Writer {
        let mut to = Writer::after(&[VERSION]);
        to.fixed(&self.workspace.0).fixed(&self.device.0).fixed(&self.chain.0);
        to.number(self.number).fixed(&self.previous.0).fixed(&self.epoch.0);
        to
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        (from.byte()? == VERSION).then_some(())?;
        Some(Self {
            workspace: WorkspaceId(from.fixed()?),
            device: DeviceId(from.fixed()?),
            chain: ChainId(from.fixed()?),
            number: from.number()?,
            previous: BatchId(from.fixed()?),
            epoch: EpochId(from.fixed()?),
        })
    }
}

fn cipher(key: &EpochKey, workspace: WorkspaceId) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.derive(KEY, &workspace.0)).into())
}

fn id_of(signed: &[u8]) -> BatchId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    hasher.update(signed);
    BatchId(*hasher.finalize().as_bytes())
}

impl Batch {
    /// Seals and signs items.
    ///
    /// `None` where the system has no random bytes, and for more items than a batch can hold.
    #[must_use]
    pub fn seal(
        signer: &dyn Signer,
        header: Header,
        key: &EpochKey,
        items: &[Item],
    ) -> Option<Self> {
        let mut sealed = item::encode(items);
        if items.len() > item::ITEMS_MAX || sealed.len() + 16 > SEALED_BYTES_MAX {
            return None;
        }
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let about = header.write().finish();
        let cipher = cipher(key, header.workspace);
        cipher.encrypt_in_place(&XNonce::from(nonce), &about, &mut sealed).ok()?;
        let mut to = Writer::after(&about);
        let mut bytes = to.fixed(&nonce).bytes(&sealed).finish();
        let id = id_of(&bytes);
        bytes.extend_from_slice(&signer.sign(&id.0));
        Some(Self { header, id, bytes: bytes.into() })
    }

    /// Reads a batch and checks its signature; `None` if it is none, or not signed by who it
    /// names.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let header = Header::read(&mut from)?;
        from.take(NONCE)?;
        from.bytes(SEALED_BYTES_MAX)?;
        let signed = &bytes[..bytes.len() - from.rest().len()];
        let signature = from.fixed::<SIGNATURE>()?;
        from.end()?;
        let id = id_of(signed);
        is_signed(header.device, &id.0, &signature).then(|| Self {
            header,
            id,
            bytes: bytes.into(),
        })
    }

    /// Where it belongs.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// As it goes over the wire and into the log.
    #[must_use]
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What it holds; `None` if this is not the key, or what was sealed is no list of items.
    #[must_use]
    pub fn open(&self, key: &EpochKey) -> Option<Vec<Item>> {
        let mut from = Reader::new(&self.bytes);
        Header::read(&mut from)?;
        let about = &self.bytes[..self.bytes.len() - from.rest().len()];
        let nonce = from.fixed::<NONCE>()?;
        let mut sealed = from.bytes(SEALED_BYTES_MAX)?.to_vec();
        let cipher = cipher(key, self.header.workspace);
        cipher
            .decrypt_in_place(&XNonce::from(nonce), about, &mut sealed as &mut dyn Buffer)
            .ok()?;
        item::decode(&sealed)
    }
}
