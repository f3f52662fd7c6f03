//! The ledger: what was decided and done on a device, in an order that cannot be changed unnoticed.
//!
//! Its entries are records of a stream of the profile's [log]. Over them stands the
//! Merkle tree of RFC 6962, whose root the device signs in [`Checkpoint`]s; other devices cosign
//! those, so that even who has this device's keys cannot rewrite what they have seen. The promise
//! is "tamper-evident", not "tamper-proof".
//!
//! - [`Ledger::append`] is memory and a queue: any thread may call it, the UI thread included.
//! - [`Ledger::checkpoint`] makes what was appended durable, signs it, and keeps what the next
//!   opening starts from. Whoever owns the ledger calls it now and then, and before it ends: what
//!   came since the last one is read again by the next opening.
//! - An entry has no room for text: ids, principals and rules are of closed grammars, all else is
//!   a hash. What a hash stands for can be made unreadable ([`SubjectKeys`]).
//!
//! Beside the log a folder has `head` (the state at the last checkpoint) and `tiles-*` (the tree's
//! hashes), all sealed. Both can be made again from the log.
//!
//! ```
//! # use std::{path::Path, sync::Arc, time::Duration};
//! # use kernel::{disk::sim::SimDisk, keys::*, log::*, principal::*};
//! use kernel::ledger::{Decision, DeviceKey, Entry, Ledger, Parts, Time, TraceId};
//!
//! # let disk = Arc::new(SimDisk::new(1));
//! # let keys = Profile::create(&*disk, Path::new("p"), Protection::Unprotected).unwrap();
//! # let log = Log::open(disk.clone(), Path::new("p/log"), keys.sealer("log"),
//! #     LogOptions::default()).unwrap();
//! # let writer = Arc::new(LogWriter::start(log, |_| {}).unwrap());
//! let signer = Arc::new(DeviceKey::from_seed(&[7; 32]));
//! let opener = keys.opener("log");
//! let dir = Path::new("p/ledger");
//! let patience = Duration::from_secs(30);
//! let parts = Parts { disk, dir, keys: &keys, writer, opener, signer, patience };
//! let (ledger, faults) = Ledger::open(parts).unwrap();
//! assert!(faults.is_empty());
//! let entry = Entry {
//!     time: Time::now(),
//!     trace: TraceId(1),
//!     actor: "agent:reviewer".parse().unwrap(),
//!     action: ActionId::new("file.write").unwrap(),
//!     subject: None,
//!     decision: Decision::Denied,
//!     rule: Some(Name::new("read-only").unwrap()),
//!     evidence: Vec::new(),
//! };
//! let index = ledger.append(&entry).unwrap().index;
//! let checkpoint = ledger.checkpoint().unwrap();
//! let proof = ledger.prove(index, checkpoint.size).unwrap();
//! assert!(proof.proves(&entry, &checkpoint));
//! assert!(ledger.verify().unwrap().is_ok());
//! ```

mod checkpoint;
mod entry;
pub mod export;
mod head;
mod merkle;
mod open;
mod replay;
mod subject;
mod tiles;
mod verify;
mod witness;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use checkpoint::{CHECKPOINT_BYTES, Checkpoint, Cosignature, DeviceKey, Signer};
pub use entry::{Decision, EVIDENCE_MAX, Entry, EvidenceHash, SubjectHash, Time, TraceId};
pub use merkle::TreeHash;
pub use subject::{SealedEvidence, SubjectKeys};
pub use verify::Verified;
pub use witness::{ConsistencyProof, CosignError};

use crate::disk::{self, Disk};
use crate::keys::{KeyError, Opener, Sealer, Unlocked};
use crate::log::{
    self, AppendError, Kind, LogError, LogWriter, RecordHeader, Sequence, StreamId, Ticket,
};
use crate::principal::DeviceId;
use head::Head;
use merkle::Frontier;
use replay::Delivery;
use tiles::{TILE, Tiles};

const PURPOSE: &str = "hearth 2026-11 ledger";
const HEAD_FILE: &str = "head";

/// Faults beyond these are not listed.
const FAULTS_MAX: usize = 1000;

/// What a ledger is made of.
pub struct Parts<'a> {
    /// Where the folder lies.
    pub disk: Arc<dyn Disk>,
    /// The folder of the head and the tiles; made if it is missing.
    pub dir: &'a Path,
    /// The unlocked profile: a locked one has no ledger, and nothing autonomous acts in it.
    pub keys: &'a Unlocked,
    /// The profile's log.
    pub writer: Arc<LogWriter>,
    /// What opens the log's records.
    pub opener: Opener,
    /// Signs for this device.
    pub signer: Arc<dyn Signer>,
    /// How long a checkpoint and whatever reads wait for the disk.
    pub patience: Duration,
}

/// A device's ledger; see the [module](self).
pub struct Ledger {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    sealer: Sealer,
    writer: Arc<LogWriter>,
    opener: Opener,
    signer: Arc<dyn Signer>,
    stream: StreamId,
    patience: Duration,
    /// Held for memory alone, so that appending never waits for the disk.
    state: Mutex<State>,
    /// Held by the one who writes the head.
    saving: Mutex<()>,
}

/// Where the tree has come to.
struct State {
    frontier: Frontier,
    tiles: Tiles,
    checkpoint: Option<Checkpoint>,
    witnessed: BTreeMap<DeviceId, Checkpoint>,
    /// The stream's last record.
    last: Sequence,
}

/// Where an entry went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its place among the entries, from 0.
    pub index: u64,
    /// For [`LogWriter::written`] and [`LogWriter::synced`].
    pub ticket: Ticket,
}

/// What shows that an entry is in the ledger of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The entry's place.
    pub index: u64,
    /// The audit path, from the leaf up.
    pub path: Vec<TreeHash>,
}

impl InclusionProof {
    /// Whether `entry` is at that place of the ledger that `checkpoint` was signed of. The
    /// checkpoint's own signature is not checked here: what was decoded is genuine.
    #[must_use]
    pub fn proves(&self, entry: &Entry, checkpoint: &Checkpoint) -> bool {
        let mut bytes = Vec::new();
        if entry.evidence.len() > EVIDENCE_MAX {
            return false;
        }
        entry.encode(&mut bytes);
        let leaf = TreeHash::of_leaf(&bytes);
        let (size, root) = (checkpoint.size, checkpoint.root);
        merkle::proves_inclusion(leaf, self.index, size, &self.path, root)
    }
}

impl Ledger {
    /// Opens the ledger, or begins it. It reads what came since the last checkpoint; without a
    /// head that can be used, all of the log. The faults are what it met there: the ledger works
    /// on behind them, and [`Ledger::verify`] goes on to name them.
    ///
    /// Entries behind a hole that no checkpoint covers are appended anew, behind an entry
    /// `ledger.mend`.
    ///
    /// # Errors
    /// [`LedgerError::OtherDevice`], or what the log and the disk say.
    pub fn open(parts: Parts<'_>) -> Result<(Self, Vec<Fault>), LedgerError> {
        parts.disk.create_dir(parts.dir).map_err(wrap(parts.dir))?;
        let (sealer, opener) = (parts.keys.sealer(PURPOSE), parts.keys.opener(PURPOSE));
        let tiles = Tiles::new(parts.disk.clone(), parts.dir, sealer.clone(), opener);
        let opened = open::open(&parts, tiles)?;
        let mend = opened.adrift.is_some().then(|| open::mend_entry(&parts));
        let ledger = Self {
            stream: stream(parts.signer.id()),
            patience: parts.patience,
            disk: parts.disk,
            dir: parts.dir.to_owned(),
            sealer,
            writer: parts.writer,
            opener: parts.opener,
            signer: parts.signer,
            state: Mutex::new(opened.state),
            saving: Mutex::new(()),
        };
        if let Some(adrift) = opened.adrift {
            let mut state = ledger.state();
            let size = state.frontier.size().to_le_bytes().to_vec();
            state.last = ledger.put(replay::CUT, size)?.sequence();
            drop(state);
            for entry in mend.iter().chain(&adrift) {
                ledger.append(entry)?;
            }
        }
        if opened.is_stale {
            ledger.save()?;
        }
        Ok((ledger, opened.faults))
    }

    /// Takes an entry and answers at once, having touched no disk. It is durable when its ticket
    /// is synced, or when [`Ledger::flush`] or [`Ledger::checkpoint`] has returned.
    ///
    /// # Errors
    /// [`LedgerError::Evidence`], or when the log takes no more.
    pub fn append(&self, entry: &Entry) -> Result<Appended, LedgerError> {
        if entry.evidence.len() > EVIDENCE_MAX {
            return Err(LedgerError::Evidence(entry.evidence.len()));
        }
        let mut payload = replay::entry_payload(0, entry);
        let leaf = TreeHash::of_leaf(&payload[8..]);
        let mut state = self.state();
        let index = state.frontier.size();
        payload[..8].copy_from_slice(&index.to_le_bytes());
        let ticket = self.put(replay::ENTRY, payload)?;
        state.frontier.push(leaf);
        state.tiles.push(leaf, ticket.sequence());
        state.last = ticket.sequence();
        Ok(Appended { index, ticket })
    }

    /// Waits until what was appended survives a power cut. Not for the UI thread.
    ///
    /// # Errors
    /// As [`LogWriter::flush`].
    pub fn flush(&self, timeout: Duration) -> Result<(), LedgerError> {
        Ok(self.writer.flush(timeout)?)
    }

    /// Makes everything durable, signs it, and keeps it for the next opening. Without new entries
    /// it is the last one again. Not for the UI thread.
    ///
    /// # Errors
    /// What the log and the disk say; nothing that was not durable is answered.
    pub fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        let last = {
            let state = self.state();
            state.checkpoint.clone().filter(|it| it.size == state.frontier.size())
        };
        last.map_or_else(|| self.save(), Ok)
    }

    fn save(&self) -> Result<Checkpoint, LedgerError> {
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle()?;
        let (checkpoint, frontier, tiles, witnessed, at) = {
            let mut state = self.state();
            let (size, root) = (state.frontier.size(), state.frontier.root());
            let checkpoint = Checkpoint::sign(&*self.signer, size, root, Time::now());
            let payload = replay::checkpoint_payload(&checkpoint, &state.frontier);
            // It stands right behind its entries.
            state.last = self.put(replay::CHECKPOINT, payload)?.sequence();
            let State { frontier, tiles, witnessed, last, .. } = &*state;
            (checkpoint, frontier.clone(), tiles.clone(), witnessed.clone(), *last)
        };
        // The head must never know more than the log.
        self.writer.flush(self.patience)?;
        tiles.save()?;
        let growing = tiles.growing().iter().map(|tile| (**tile).clone()).collect();
        let head = Head { frontier, growing, checkpoint, at, witnessed };
        let mut sealed = Vec::new();
        self.sealer.seal(head::ABOUT, &head.encode(), &mut sealed)?;
        let path = self.dir.join(HEAD_FILE);
        disk::replace(&*self.disk, &path, &sealed).map_err(wrap(&path))?;
        let mut state = self.state();
        state.tiles.forget(&tiles);
        state.checkpoint = Some(head.checkpoint.clone());
        Ok(head.checkpoint)
    }

    /// Seals the head and the tiles under the key that seals now; the entries are the log's. Not
    /// for the UI thread.
    ///
    /// # Errors
    /// What the log and the disk say; the old key is then still needed.
    pub fn seal_anew(&self) -> Result<(), LedgerError> {
        self.save()?;
        let _one = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        // What grows meanwhile is sealed under the new key by itself.
        let tiles = self.state().tiles.clone();
        tiles.seal_anew()
    }

    /// Makes what was appended durable, so that a power cut cannot leave a checkpoint without its
    /// entries. Who appends all the while gets a checkpoint that can lose some, and tells it.
    fn settle(&self) -> Result<(), LedgerError> {
        for _ in 0..3 {
            let last = self.state().last;
            self.writer.flush(self.patience)?;
            if self.state().last == last {
                break;
            }
        }
        Ok(())
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.state().frontier.size()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last checkpoint that was signed.
    #[must_use]
    pub fn last_checkpoint(&self) -> Option<Checkpoint> {
        self.state().checkpoint.clone()
    }

    /// The proof that entry `index` is in the ledger as it was with `size` entries. It reads three
    /// blocks at most: not for the UI thread.
    ///
    /// # Errors
    /// [`LedgerError::Beyond`]; [`LedgerError::HashLost`] where damage took what it needs.
    pub fn prove(&self, index: u64, size: u64) -> Result<InclusionProof, LedgerError> {
        let tiles = self.tiles_of(size)?;
        if index >= size {
            return Err(LedgerError::Beyond { asked: index, size });
        }
        Ok(InclusionProof { index, path: merkle::inclusion(&tiles, index, size)? })
    }

    /// The proof that the ledger of `new` entries begins with that of `old`. Not for the UI thread.
    ///
    /// # Errors
    /// As [`Ledger::prove`].
    pub fn prove_growth(&self, old: u64, new: u64) -> Result<ConsistencyProof, LedgerError> {
        let tiles = self.tiles_of(new)?;
        if old > new {
            return Err(LedgerError::Beyond { asked: old, size: new });
        }
        Ok(ConsistencyProof(merkle::consistency(&tiles, old, new)?))
    }

    fn tiles_of(&self, size: u64) -> Result<Tiles, LedgerError> {
        let state = self.state();
        let own = state.frontier.size();
        if size > own {
            return Err(LedgerError::Beyond { asked: size, size: own });
        }
        Ok(state.tiles.clone())
    }

    /// Hands over the entries of `range` that are there, in order. Damaged ones are left out:
    /// their indices are missing. Not for the UI thread.
    ///
    /// # Errors
    /// What the log says.
    pub fn entries(
        &self,
        range: Range<u64>,
        each: impl FnMut(u64, Entry),
    ) -> Result<(), LedgerError> {
        let (tiles, size) = {
            let state = self.state();
            (state.tiles.clone(), state.frontier.size())
        };
        let end = range.end.min(size);
        if range.start >= end {
            return Ok(());
        }
        self.writer.wait_written(self.patience)?;
        let first_of = |index: u64| tiles.tile(0, index / TILE as u64).map(|tile| tile.first);
        let start = first_of(range.start).unwrap_or(Sequence(1));
        let behind = (end - 1) / TILE as u64 + 1;
        let known = tiles.tile(0, behind).filter(|tile| !tile.hashes.is_empty());
        let last = known.map_or(Sequence(u64::MAX), |tile| tile.first);
        let mut delivery = Delivery::new(range.start, each);
        self.writer.reader().replay_between(
            &self.opener,
            start..=last.max(start),
            |header| header.stream == self.stream && owns(header),
            |record| delivery.take(&record, end),
        )?;
        delivery.release();
        Ok(())
    }

    /// Reads everything, and holds it against what was signed. Not for the UI thread.
    ///
    /// # Errors
    /// When the log cannot be read at all; what is wrong in it stands in the answer.
    pub fn verify(&self) -> Result<Verified, LedgerError> {
        verify::verify(self)
    }

    /// Cosigns another device's checkpoint if it continues what was last seen of that device, which
    /// [`Ledger::seen`] names; the proof leads from there. The first one is taken on trust. When it
    /// returns, having seen it is durable. Not for the UI thread.
    ///
    /// # Errors
    /// [`CosignError`], with both checkpoints where they contradict each other: they are evidence.
    pub fn cosign(
        &self,
        theirs: &Checkpoint,
        proof: &ConsistencyProof,
    ) -> Result<Cosignature, CosignError> {
        if theirs.device == self.signer.id() {
            return Err(CosignError::Own);
        }
        {
            let mut state = self.state();
            witness::check(state.witnessed.get(&theirs.device), theirs, proof)?;
            state.last = self.put(replay::WITNESSED, theirs.encode())?.sequence();
            state.witnessed.insert(theirs.device, theirs.clone());
        }
        self.flush(self.patience)?;
        Ok(Cosignature::sign(&*self.signer, theirs))
    }

    /// The last checkpoint of `device` that was cosigned.
    #[must_use]
    pub fn seen(&self, device: DeviceId) -> Option<Checkpoint> {
        self.state().witnessed.get(&device).cloned()
    }

    fn put(&self, kind: Kind, payload: Vec<u8>) -> Result<Ticket, LedgerError> {
        let entry = log::Entry { stream: self.stream, kind, payload };
        self.writer.append(entry).map_err(LedgerError::Append)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({} entries of {})", self.len(), self.signer.id())
    }
}

/// Whether a record of the log is a ledger's: compaction has to keep it.
#[must_use]
pub fn owns(header: &RecordHeader) -> bool {
    (replay::ENTRY..=replay::CUT).contains(&header.kind)
}

/// The stream of a device's ledger.
fn stream(device: DeviceId) -> StreamId {
    let hash = blake3::derive_key("hearth 2026-11 ledger stream", &device.0);
    StreamId(u128::from_le_bytes(*hash.first_chunk().expect("a hash has 32 bytes")))
}

/// What is wrong with a ledger, and where. Entries are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// These entries are gone.
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// This entry is another than the one that was signed.
    Altered {
        /// Which.
        entry: u64,
    },
    /// One of these entries is another than the one that was signed; which one cannot be told.
    Differs {
        /// The first that it can be.
        first: u64,
        /// The last that it can be.
        last: u64,
    },
    /// A second entry claims this place.
    Repeated {
        /// Which.
        entry: u64,
    },
    /// A record at about this place is none of a ledger's.
    Unreadable {
        /// The next entry.
        near: u64,
    },
    /// A checkpoint after so many entries is not this device's, or takes back an earlier one.
    Forged {
        /// How many.
        size: u64,
    },
    /// The checkpoint that the head was made at is not in the log: the log is an older copy, or
    /// that record is damaged.
    CheckpointGone {
        /// How many entries it was of.
        size: u64,
    },
    /// The hash that is kept beside the log for this entry is wrong; the entry is right.
    HashAltered {
        /// Which.
        entry: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first, last } if first == last => {
                write!(f, "entry {first} is missing")
            }
            Self::Missing { first, last } => write!(f, "entries {first} to {last} are missing"),
            Self::Altered { entry } => write!(f, "entry {entry} was altered"),
            Self::Differs { first, last } if first == last => {
                write!(f, "entry {first} was altered")
            }
            Self::Differs { first, last } => {
                write!(f, "one of the entries {first} to {last} was altered")
            }
            Self::Repeated { entry } => write!(f, "entry {entry} is there twice"),
            Self::Unreadable { near } => write!(f, "a record near entry {near} is not readable"),
            Self::Forged { size } => {
                write!(f, "a checkpoint of {size} entries is not one of this device's")
            }
            Self::CheckpointGone { size } => {
                write!(f, "the checkpoint of {size} entries is not in the log")
            }
            Self::HashAltered { entry } => write!(f, "the hash beside entry {entry} is wrong"),
        }
    }
}

/// Why the ledger did not do what was asked; each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum LedgerError {
    /// The folder belongs to another device's ledger, as in a copied profile.
    OtherDevice,
    /// So many hashes of evidence are too many.
    Evidence(usize),
    /// That entry or size is not there.
    Beyond {
        /// What was asked for.
        asked: u64,
        /// How many entries there are.
        size: u64,
    },
    /// A hash that the proof needs was lost to damage.
    HashLost {
        /// The first entry that it is of.
        first: u64,
    },
    /// A file is not what was sealed for this profile.
    Damaged(PathBuf),
    /// The log took no more.
    Append(AppendError),
    /// The log's answer.
    Log(LogError),
    /// The keys' answer.
    Key(KeyError),
    /// The disk's own answer for a path.
    Disk(PathBuf, io::Error),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDevice => f.write_str(
                "this ledger is another device's: a copied profile needs a device key of its own",
            ),
            Self::Evidence(count) => write!(
                f,
                "an entry has at most {EVIDENCE_MAX} hashes of evidence, this one has {count}: \
                 put them into one object"
            ),
            Self::Beyond { asked, size } => {
                write!(f, "there is no entry or size {asked}: the ledger has {size} entries")
            }
            Self::HashLost { first } => write!(
                f,
                "the hashes from entry {first} on were lost to damage: restore the ledger's folder"
            ),
            Self::Damaged(path) => {
                write!(f, "{} is damaged: restore it from a backup", path.display())
            }
            Self::Append(error) => error.fmt(f),
            Self::Log(error) => error.fmt(f),
            Self::Key(error) => error.fmt(f),
            Self::Disk(path, error) => write!(
                f,
                "{} could not be used ({error}): check the folder and its rights",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<KeyError> for LedgerError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

fn damaged(path: &Path) -> LedgerError {
    LedgerError::Damaged(path.to_owned())
}

fn wrap(path: &Path) -> impl Fn(io::Error) -> LedgerError + '_ {
    move |error| LedgerError::Disk(path.to_owned(), error)
}
