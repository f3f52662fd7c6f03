//! What can go wrong with objects, and what was found damaged.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::ObjectId;
use crate::keys::KeyError;

/// Why the store did not do what was asked; each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ObjectError {
    /// Another process has this store open.
    Busy(PathBuf),
    /// A later Hearth wrote this file.
    Newer(PathBuf),
    /// There is no such object.
    Missing(ObjectId),
    /// The object was there, and a part of it cannot be read any more.
    Damaged(ObjectId),
    /// It is not 64 hexadecimal digits.
    NotAName,
    /// A holder or a key of a root is longer than 4096 bytes.
    LongRoot,
    /// One batch holds more objects than one commit can take.
    LongBatch,
    /// What would have been written and what is left, in bytes.
    Quota {
        /// What the put needs.
        needed: u64,
        /// What the quota leaves.
        left: u64,
    },
    /// A sync failed: what this batch has written is not known to be durable, and was dropped.
    SyncFailed(io::Error),
    /// Roots may have been lost with damaged bytes, so nothing is swept.
    Incomplete,
    /// There is no other tier.
    NoRemote,
    /// The other tier's own answer.
    Remote(String),
    /// The other tier does not hold what was written to it.
    RemoteDamaged,
    /// Its copy in the other tier was not verified, so the local one stays.
    NotAway(ObjectId),
    /// What is put could not be read.
    Source(io::Error),
    /// The seal could not be made.
    Seal(KeyError),
    /// The disk's own answer for a path.
    Disk(PathBuf, io::Error),
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(dir) => write!(
                f,
                "another Hearth uses {}: use that one, or set HEARTH_HOME to another folder",
                dir.display()
            ),
            Self::Newer(path) => write!(
                f,
                "{} was written by a later Hearth: update this one to read it",
                path.display()
            ),
            Self::Missing(id) => write!(f, "there is no object {id}: put it again"),
            Self::Damaged(id) => {
                write!(f, "object {id} is damaged: put it again, or restore it from a backup")
            }
            Self::NotAName => f.write_str("an object's name is 64 hexadecimal digits: check it"),
            Self::LongRoot => {
                f.write_str("a root's holder and key have at most 4096 bytes: shorten them")
            }
            Self::LongBatch => {
                f.write_str("a batch with so many objects is over the limit: commit in between")
            }
            Self::Quota { needed, left } => write!(
                f,
                "{needed} bytes do not fit the {left} that the objects' quota leaves: \
                 raise it, or release what is not needed and sweep"
            ),
            Self::SyncFailed(error) => write!(
                f,
                "the disk did not keep what was put ({error}): check that it is well, and put it \
                 again"
            ),
            Self::Incomplete => f.write_str(
                "roots may be lost with damaged bytes, so nothing is swept: run `hearth doctor \
                 --repair`",
            ),
            Self::NoRemote => {
                f.write_str("this store has no other tier: set one in the settings first")
            }
            Self::Remote(error) => {
                write!(f, "the other tier failed ({error}): check that it can be reached")
            }
            Self::RemoteDamaged => f.write_str(
                "the other tier does not give back what it was given: check it, and move again",
            ),
            Self::NotAway(id) => write!(
                f,
                "object {id} is not wholly in the other tier, so the local copy stays: copy it out"
            ),
            Self::Source(error) => write!(f, "what was to be put could not be read ({error})"),
            Self::Seal(error) => error.fmt(f),
            Self::Disk(path, error) => write!(
                f,
                "{} could not be used ({error}): check the disk and the folder's rights",
                path.display()
            ),
        }
    }
}

impl std::error::Error for ObjectError {}

/// One damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's name.
    pub file: String,
    /// What is wrong there.
    pub what: DamageKind,
}

/// What is wrong with a damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The index is not as it was written; it was built again from the packs.
    Index,
    /// The pack's own header; its frames are found without it.
    PackHeader,
    /// Bytes from and to, that are no frame any more.
    Unreadable(u64, u64),
    /// The end of the newest pack, from and to: a write that was cut off. It was promised to
    /// nobody, unless it is damage to the last thing that was put.
    TornTail(u64, u64),
    /// A root or another fact at this offset that the key does not open.
    Fact(u64),
    /// The file is nowhere.
    Gone,
    /// What an object is made of; its name went with it.
    Manifest,
    /// An object that cannot be read whole.
    Object(ObjectId),
    /// A root whose object is not there.
    Root(super::Root, ObjectId),
}
