//! What two devices say to each other about a workspace, batches themselves apart.
//!
//! Each message is one frame: its kind (one byte), the workspace, and its fields. On
//! [`net::Channel::Operations`] every frame is a [`crate::batch`].

use net::codec::{Reader, Writer};
use text::TextHash;

use crate::batch::BatchId;
use crate::id::{ChainId, FileId, WorkspaceId};

/// Chains, or texts, that one message names at most.
pub const NAMED_MAX: usize = 4096;
/// Bytes of a part of a base at most.
pub const PART_BYTES: usize = 128 << 10;
/// Bytes of a base at most.
pub const BASE_BYTES_MAX: u64 = 256 << 20;

/// How much of a chain a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub chain: ChainId,
    /// So many batches are durable there.
    pub count: u64,
    /// The last of them; zeros for none.
    pub head: BatchId,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What is durable here: an acknowledgement, and on a fresh link the beginning.
    Have {
        /// Whether all that is not in it is to be sent again, since some did not come.
        resend: bool,
        /// How much of each chain; chains that are not named have not changed.
        chains: Vec<Held>,
    },
    /// The text of a base is needed.
    WantBase(TextHash),
    /// A part of it.
    Base {
        /// Of which.
        base: TextHash,
        /// Bytes of all of it.
        total: u64,
        /// Where the part begins.
        offset: u64,
        /// Not empty unless the base is.
        bytes: Vec<u8>,
    },
    /// It is not here.
    NoBase(TextHash),
    /// What the texts of files are at given versions.
    Texts(Vec<Digest>),
}

/// The text of a file at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Which.
    pub file: FileId,
    /// The hash of the version.
    pub version: [u8; 32],
    /// The text.
    pub text: TextHash,
}

const HAVE: u8 = 1;
const WANT_BASE: u8 = 2;
const BASE: u8 = 3;
const NO_BASE: u8 = 4;
const TEXTS: u8 = 5;

impl Message {
    /// As a frame.
    #[must_use]
    pub fn encode(&self, workspace: WorkspaceId) -> Vec<u8> {
        let kind = match self {
            Self::Have { .. } => HAVE,
            Self::WantBase(_) => WANT_BASE,
            Self::Base { .. } => BASE,
            Self::NoBase(_) => NO_BASE,
            Self::Texts(_) => TEXTS,
        };
        let mut to = Writer::after(&[kind]);
        to.fixed(&workspace.0);
        match self {
            Self::Have { resend, chains } => {
                to.byte(u8::from(*resend)).count(chains.len());
                for held in chains {
                    to.fixed(&held.chain.0).number(held.count).fixed(&held.head.0);
                }
            }
            Self::WantBase(base) | Self::NoBase(base) => {
                to.fixed(&base.to_bytes());
            }
            Self::Base { base, total, offset, bytes } => {
                to.fixed(&base.to_bytes()).number(*total).number(*offset).bytes(bytes);
            }
            Self::Texts(digests) => {
                to.count(digests.len());
                for one in digests {
                    to.fixed(&one.file.0).fixed(&one.version).fixed(&one.text.to_bytes());
                }
            }
        }
        to.finish()
    }

    /// From a frame, with the workspace that it is about; `None` for anything else.
    #[must_use]
    pub fn decode(frame: &[u8]) -> Option<(WorkspaceId, Self)> {
        let mut from = Reader::new(frame);
        let kind = from.byte()?;
        let workspace = WorkspaceId(from.fixed()?);
        let message = match kind {
            HAVE => Self::have(&mut from)?,
            WANT_BASE => Self::WantBase(TextHash::from_bytes(from.fixed()?)),
            NO_BASE => Self::NoBase(TextHash::from_bytes(from.fixed()?)),
            BASE => {
                let base = TextHash::from_bytes(from.fixed()?);
                let (total, offset) = (from.number()?, from.number()?);
                let bytes = from.bytes(PART_BYTES)?.to_vec();
                let end = offset.checked_add(bytes.len() as u64)?;
                (total <= BASE_BYTES_MAX && end <= total).then_some(())?;
                Self::Base { base, total, offset, bytes }
            }
            TEXTS => {
                let count = from.count(NAMED_MAX)?;
                let mut one = |_| {
                    let (file, version) = (FileId(from.fixed()?), from.fixed()?);
                    Some(Digest { file, version, text: TextHash::from_bytes(from.fixed()?) })
                };
                Self::Texts((0..count).map(&mut one).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        from.end()?;
        Some((workspace, message))
    }

    fn have(from: &mut Reader<'_>) -> Option<Self> {
        let resend = match from.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let count = from.count(NAMED_MAX)?;
        let one = |_| {
            let (chain, count) = (ChainId(from.fixed()?), from.number()?);
            Some(Held { chain, count, head: BatchId(from.fixed()?) })
        };
        Some(Self::Have { resend, chains: (0..count).map(one).collect::<Option<_>>()? })
    }
}
