//! What a batch holds: what happened to the files of a workspace, in order.
//!
//! Bytes: a count, then for each item its kind (one byte) and its fields as [`net::codec`] writes
//! them.

use net::codec::{Reader, Writer};
use text::{Operation, TextHash};

use crate::id::{ChainId, FileId};

/// Items of a batch at most.
pub const ITEMS_MAX: usize = 4096;
/// Bytes of a path within a workspace at most.
pub const PATH_BYTES_MAX: usize = 4096;

/// Chains that edited one file at most, as far as a removal names them.
pub const CHAINS_MAX: usize = 4096;
/// The largest time, far below where a sum could overflow.
pub const TIME_MAX: u64 = 1 << 48;

/// Something that happened to a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The file is here from now on, or under this name from now on.
    Placed {
        /// Which.
        file: FileId,
        /// Its place from the workspace's root on.
        path: RelativePath,
        /// The text that its history starts from.
        base: TextHash,
        /// More than that of any placement or removal that its writer knew of.
        time: u64,
    },
    /// It was edited: operations of one author, in order.
    Edited {
        /// Which.
        file: FileId,
        /// Not empty.
        operations: Vec<Operation>,
    },
    /// On the device that says so the file on the disk holds this text.
    Saved {
        /// Which.
        file: FileId,
        /// The text.
        text: TextHash,
    },
    /// It was deleted. Who edits it without knowing of that brings it back.
    Removed {
        /// Which.
        file: FileId,
        /// As in [`Item::Placed`].
        time: u64,
        /// How many batches of each chain its writer knew that edit the file.
        seen: Vec<(ChainId, u64)>,
    },
}

const PLACED: u8 = 1;
const EDITED: u8 = 2;
const SAVED: u8 = 3;
const REMOVED: u8 = 4;

/// A path within a workspace: names parted by `/`, none of them empty, `.` or `..`, without NUL and
/// backslash.
///
/// ```
/// use sync::item::RelativePath;
/// assert!(RelativePath::new("src/main.rs").is_some());
/// assert!(RelativePath::new("../etc/passwd").is_none());
/// assert!(RelativePath::new("/etc/passwd").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelativePath(Box<str>);

impl RelativePath {
    /// The path that a text is; `None` if it is none that every system can have.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name != "."
                && name != ".."
                && !name.contains(['\0', '\\', ':'])
                && !name.eq_ignore_ascii_case(".git")
        };
        let fits = text.len() <= PATH_BYTES_MAX && text.split('/').all(is_name);
        fits.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Item {
    /// Which file it is about.
    #[must_use]
    pub fn file(&self) -> FileId {
        match self {
            Self::Placed { file, .. }
            | Self::Edited { file, .. }
            | Self::Saved { file, .. }
            | Self::Removed { file, .. } => *file,
        }
    }

    fn write(&self, to: &mut Writer) {
        match self {
            Self::Placed { file, path, base, time } => {
                let to = to.byte(PLACED).fixed(&file.0);
                to.bytes(path.as_str().as_bytes()).fixed(&base.to_bytes()).number(*time);
            }
            Self::Edited { file, operations } => {
                let mut bytes = Vec::new();
                operations.iter().for_each(|operation| operation.encode(&mut bytes));
                to.byte(EDITED).fixed(&file.0).bytes(&bytes);
            }
            Self::Saved { file, text } => {
                to.byte(SAVED).fixed(&file.0).fixed(&text.to_bytes());
            }
            Self::Removed { file, time, seen } => {
                to.byte(REMOVED).fixed(&file.0).number(*time).count(seen.len());
                for (chain, count) in seen {
                    to.fixed(&chain.0).number(*count);
                }
            }
        }
    }

    fn read(from: &mut Reader<'_>, limit: usize) -> Option<Self> {
        let kind = from.byte()?;
        let file = FileId(from.fixed()?);
        Some(match kind {
            PLACED => {
                let path = RelativePath::new(from.text(PATH_BYTES_MAX)?)?;
                let base = TextHash::from_bytes(from.fixed()?);
                Self::Placed { file, path, base, time: time(from)? }
            }
            EDITED => Self::Edited { file, operations: operations(from.bytes(limit)?)? },
            SAVED => Self::Saved { file, text: TextHash::from_bytes(from.fixed()?) },
            REMOVED => {
                let time = time(from)?;
                let count = from.count(CHAINS_MAX)?;
                let pair = |_| Some((ChainId(from.fixed()?), from.number()?));
                Self::Removed { file, time, seen: (0..count).map(pair).collect::<Option<_>>()? }
            }
            _ => return None,
        })
    }
}

fn time(from: &mut Reader<'_>) -> Option<u64> {
    from.number().filter(|time| *time <= TIME_MAX)
}

fn operations(mut bytes: &[u8]) -> Option<Vec<Operation>> {
    let mut read = Vec::new();
    while !bytes.is_empty() {
        let (operation, length) = Operation::decode(bytes).ok()?;
        bytes = bytes.get(length..)?;
        read.push(operation);
    }
    (!read.is_empty()).then_some(read)
}

/// Items as bytes.
#[must_use]
pub fn encode(items: &[Item]) -> Vec<u8> {
    let mut to = Writer::default();
    to.count(items.len());
    items.iter().for_each(|item| item.write(&mut to));
    to.finish()
}

/// Items from bytes; `None` for what [`encode`] does not write.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<Item>> {
    let mut from = Reader::new(bytes);
    let count = from.count(ITEMS_MAX)?;
    let items = (0..count).map(|_| Item::read(&mut from, bytes.len())).collect::<Option<_>>()?;
    from.end()?;
    Some(items)
}
