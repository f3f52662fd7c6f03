//! Objects: bytes by their BLAKE3 hash.
//!
//! An object is cut into chunks where its content says so, each compressed, sealed, and kept once
//! however many objects it is part of; the names on the disk are keyed hashes, so that who does
//! not have the key cannot even ask whether a known file is there. What the lengths of sealed
//! chunks tell is not hidden.
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use kernel::disk::{Disk, sim::SimDisk};
//! use kernel::keys::{Profile, Protection};
//! use kernel::object::{ObjectId, ObjectOptions, ObjectStore, Root};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
//! let profile = Profile::create(&*disk, Path::new("home"), Protection::Unprotected)?;
//! let options = ObjectOptions::default();
//! let store = ObjectStore::open(disk, Path::new("home/objects"), &profile, options)?;
//! let root = Root::new("runs", "42/log");
//! let id = store.put_held(&root, b"what the run said")?; // durable, and safe from the sweep
//! assert_eq!(id, ObjectId::of(b"what the run said"));
//! assert_eq!(**store.get(id)?, *b"what the run said");
//! assert_eq!(**store.get_range(id, 5..12)?, *b"the run");
//! # Ok(())
//! # }
//! ```
//!
//! Invariants:
//! - a put that returned survives a power cut; one that did not is absent whole;
//! - what is read is what was put, or an error: every frame is authenticated under its own name,
//!   and an object that is read whole is hashed;
//! - nothing that a root holds is swept, nor what is being put or was put within the grace;
//! - the index is disposable: the packs say everything that it says.
//!
//! Layout of the folder: `*.pack` hold sealed frames (`object/frame.rs`, `object/pack.rs`), and no
//! process appends to a pack of another; `index` says where each frame lies and may be deleted;
//! `lock` is held by the process that has the store open.

mod batch;
mod bytes;
mod cache;
mod chunker;
mod error;
mod facts;
mod frame;
mod index;
mod manifest;
mod open;
mod pack;
mod read;
mod remote;
mod store;
mod sweep;
mod tiers;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

pub use batch::Batch;
pub use error::{Damage, DamageKind, ObjectError};
pub use read::ObjectReader;
pub use remote::RemoteConfig;
pub use store::{ObjectStore, Usage};
pub use sweep::Swept;
pub use tiers::Tier;

/// An object's name: the BLAKE3 hash of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub [u8; 32]);

impl ObjectId {
    /// The name of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for ObjectId {
    type Err = ObjectError;

    /// 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ObjectError> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| ObjectError::NotAName)?;
        Ok(Self(*hash.as_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who holds an object: a holder, and a key of the holder's that stays the same. Holding under the
/// same root again replaces what it held; an object is held as often as roots lead to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Root {
    /// A room or a part of one: `backups`, `runs`.
    pub holder: String,
    /// What the holder calls it: `2026-11-20/src/main.rs`, `42/log`.
    pub key: String,
}

impl Root {
    /// The root `key` of `holder`, each at most 4096 bytes.
    #[must_use]
    pub fn new(holder: &str, key: &str) -> Self {
        Self { holder: holder.to_owned(), key: key.to_owned() }
    }
}

/// Sizes and places; the defaults are what a profile uses.
#[derive(Clone, Debug)]
pub struct ObjectOptions {
    /// What the profile calls this store; it keeps the secrets of several apart.
    pub name: String,
    /// A pack that is longer is closed and the next one begun, in bytes; at most 1 GiB.
    pub pack_bytes: u64,
    /// How long all packs on the local disk may be together, in bytes.
    pub quota_bytes: Option<u64>,
    /// How much opened content is kept in memory, in bytes; 0 for none.
    pub cache_bytes: usize,
    /// The tier beyond the local disk.
    pub remote: Option<RemoteConfig>,
}

impl Default for ObjectOptions {
    /// Packs of 64 MiB, no quota, 32 MiB in memory, no other tier.
    fn default() -> Self {
        Self {
            name: "objects".to_owned(),
            pack_bytes: 64 * 1024 * 1024,
            quota_bytes: None,
            cache_bytes: 32 * 1024 * 1024,
            remote: None,
        }
    }
}

/// What two clocks say: the one that people set, and the one that nobody can.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// It may jump either way.
    pub wall: SystemTime,
    /// It never does, but it starts anew with the machine.
    pub steady: Instant,
}

impl Now {
    /// Looks at both.
    #[must_use]
    pub fn read() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// Both of them later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self { wall: self.wall + time, steady: self.steady + time }
    }
}
