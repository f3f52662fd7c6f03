//! Rows: facts by key, in typed tables.
//!
//! A commit is first a record of the profile's [log](crate::log), durable there; one database per
//! profile is an index of those records, and can be made anew from them. So a durable commit costs
//! one write and one sync for a whole group, whatever the database does.
//!
//! - [`Rows`] is the open store, with one thread that commits. [`Rows::commit`] hands over a
//!   [`Transaction`], which may have conditions; it never waits.
//! - [`Snapshot`] reads. It never waits for the writer, and shows everything that was acknowledged.
//! - [`Schema`] brings tables to the shape that this build reads.
//!
//! What is sealed: every value, bound to its table and key; and again every page of the database's
//! file, so that keys, their order, names and counts are hidden, and a flipped bit anywhere is
//! noticed when its page is read (`row/file.rs`). Keys stay ordered, as they are hidden by the page
//! and not one by one. In memory keys are in the clear, values are not.
//!
//! What is noticed: damage of the index, which is then made anew by itself; commits that the log
//! lacks, as their versions have no gaps; an index that is older than the log, or a log that is
//! older than the index. Not noticed is a whole profile, index and log, that was put back to an
//! older copy of both: only other devices remember better. A disk that called a page durable and
//! lost it is noticed after a stop without a last word, when all pages are checked; else
//! when a page above names it no more, or by [`Rows::rebuild`].
//!
//! A locked profile has no rows: reading a condition needs the key, and nothing that a locked
//! editor does is a row. [`Rows::open`] takes the unlocked profile.
//!
//! ```
//! # use std::{path::Path, sync::Arc, time::Duration};
//! # use kernel::disk::sim::SimDisk;
//! # use kernel::keys::{Profile, Protection};
//! # use kernel::log::{Log, LogOptions, LogWriter};
//! use kernel::row::{RowOptions, Rows, Source, Table, Transaction};
//!
//! const BUILDS: Table<(String, u64), String> = Table::new("builds");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let disk = Arc::new(SimDisk::new(1));
//! # let keys = Profile::create(&*disk, Path::new("p"), Protection::Unprotected)?;
//! # let (place, options) = (Path::new("p/log"), LogOptions::default());
//! # let log = Log::open(disk.clone(), place, keys.sealer("log"), options)?;
//! # let log = Arc::new(LogWriter::start(log, |_| {})?);
//! let source = Source { log, opener: keys.opener("log") };
//! let rows = Rows::open(disk, Path::new("p/rows"), source, &keys, RowOptions::default())?;
//!
//! let mut transaction = Transaction::new();
//! transaction.insert(&BUILDS, &("main".to_owned(), 7), &"passed".to_owned());
//! rows.commit(transaction).wait(Duration::from_secs(10))?; // durable, and seen by every reader
//!
//! let snapshot = rows.snapshot();
//! for build in snapshot.range(&BUILDS, ("main".to_owned(), 0)..)? {
//!     let ((branch, number), state) = build?;
//!     assert_eq!((branch.as_str(), number, state.as_str()), ("main", 7, "passed"));
//! }
//! # Ok(()) }
//! ```

mod codec;
mod fault;
mod file;
mod index;
mod migration;
mod record;
mod recovery;
mod snapshot;
mod table;
mod transaction;
mod writer;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use zeroize::Zeroizing;

pub use codec::{Key, Value};
pub use fault::RowError;
pub use migration::{Migrated, Migrating, Migration, Schema};
pub use record::ROW_STREAM;
pub use snapshot::{Range, Snapshot};
pub use table::{KEY_BYTES_MAX, Table, VALUE_BYTES_MAX};
pub use transaction::{TRANSACTION_BYTES_MAX, Transaction};

use crate::disk::Disk;
use crate::keys::{Opener, Unlocked};
use crate::log::{AppendError, Entry, LogWriter, RecordHeader, Sequence};
use file::Means;
use index::Seals;
use recovery::{Place, Recovered};
use snapshot::{Doubt, View};
use writer::{Message, Shared, Told, Waiting, Writer};

/// What may wait for the writer: a full disk can make it wait.
const WAITING_MAX: usize = 64 * 1024;
const WAITING_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A part of a picture is about this long, in bytes.
const PART_BYTES: usize = 256 * 1024;

/// How many commits there were; each gives the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The log that rows are in.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where commits are appended.
    pub log: Arc<LogWriter>,
    /// Opens the log's records: of the purpose that the log's sealer has.
    pub opener: Opener,
}

/// Sizes; the defaults are what a profile uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOptions {
    /// Pages that are kept in memory, in bytes.
    pub cache_bytes: usize,
}

impl Default for RowOptions {
    /// 16 MiB of pages.
    fn default() -> Self {
        Self { cache_bytes: 16 * 1024 * 1024 }
    }
}

/// What was met when rows were opened or made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How the index was found.
    pub found: Found,
    /// Commits that were taken from the log.
    pub replayed: u64,
    /// Commits, or rows of a picture, that the log once had and lacks: damage took them.
    pub lost: u64,
}

/// How an index was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// As the last process left it, in order.
    Sound,
    /// The last process ended without a last word; every page was checked and is in order.
    Checked,
    /// There was none.
    Made,
    /// It could not be used, for this reason, and was made anew.
    Rebuilt(String),
    /// The log is an older copy than the index, which was kept and written to the log again.
    LogRolledBack,
}

/// The rows of a profile. Dropping it commits what waits, as far as the disk lets it.
pub struct Rows {
    shared: Arc<Shared>,
    sender: Sender<Message>,
    log: Arc<LogWriter>,
    /// One picture at a time.
    condensing: Mutex<()>,
    thread: Option<JoinHandle<()>>,
}

impl Rows {
    /// Opens the rows in `dir`, making them if needed. After an orderly end it reads the log's last
    /// segment; after another it checks the whole index too; and when that cannot be used, it reads
    /// the whole log. Not for the UI thread.
    ///
    /// # Errors
    /// [`RowError::Busy`], [`RowError::Newer`], [`RowError::NewerRecord`], or what the log, the
    /// keys or the disk say. Damage is no error: [`Rows::opened`] tells of it.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        source: Source,
        keys: &Unlocked,
        options: RowOptions,
    ) -> Result<Self, RowError> {
        let wrap = |error| RowError::Disk(dir.to_owned(), Arc::new(error));
        disk.create_dir(dir).map_err(wrap)?;
        let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => RowError::Busy(dir.to_owned()),
            _ => wrap(error),
        })?;
        let (pages, values) = ("hearth 2026-11 row pages", "hearth 2026-11 row values");
        let place = Place {
            disk,
            dir: dir.to_owned(),
            means: Means {
                sealer: keys.sealer(pages),
                opener: keys.opener(pages),
                _lock: Arc::new(lock),
            },
            seals: Seals { sealer: keys.sealer(values), opener: keys.opener(values) },
            cache_bytes: options.cache_bytes,
            log: source.log.clone(),
            log_opener: source.opener,
        };
        let rows = Self::start(place, source.log)?;
        if rows.opened().found == Found::LogRolledBack {
            rows.condense()?;
        }
        Ok(rows)
    }

    fn start(place: Place, log: Arc<LogWriter>) -> Result<Self, RowError> {
        let Recovered { index, standing, opened } = recovery::open(&place)?;
        let index = Arc::new(index);
        let (sender, receiver) = mpsc::channel();
        let doubt = Doubt { writer: sender.clone(), generation: 0 };
        let view = View::new(&index, place.seals.opener.clone(), standing.version, doubt)?;
        let shared = Arc::new(Shared {
            view: RwLock::new(Arc::new(view)),
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
            is_worth_condensing: AtomicBool::new(standing.is_worth_condensing()),
            opened: Mutex::new(opened.clone()),
        });
        let dir = place.dir.clone();
        let ends = (sender.clone(), receiver);
        let writer = Writer::new(place, (index, standing), opened.replayed, shared.clone(), ends);
        let thread = std::thread::Builder::new()
            .name("row writer".into())
            .spawn(move || writer.run())
            .map_err(|error| RowError::Disk(dir, Arc::new(error)))?;
        let (condensing, thread) = (Mutex::new(()), Some(thread));
        Ok(Self { shared, sender, log, condensing, thread })
    }

    /// What was met on opening, or since, when the index was made anew.
    #[must_use]
    pub fn opened(&self) -> Opened {
        self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All rows as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.view.read().unwrap_or_else(PoisonError::into_inner).snapshot()
    }

    /// Hands a transaction over and answers at once, having touched neither the disk nor a lock
    /// that the writer holds for long. What one thread commits is decided in that order.
    pub fn commit(&self, transaction: Transaction) -> Pending {
        let pending = Pending(Arc::default());
        let slot = pending.0.clone();
        self.commit_then(transaction, move |result| slot.put(result));
        pending
    }

    /// As [`Rows::commit`], and calls `told` with what became of it, on the writer's thread: it
    /// must only pass that on.
    pub fn commit_then(
        &self,
        transaction: Transaction,
        told: impl FnOnce(Result<Version, RowError>) + Send + 'static,
    ) {
        let told: Told = Box::new(told);
        let (shared, bytes) = (&*self.shared, transaction.bytes());
        let waiting = Waiting::new(transaction, told);
        let is_full = shared.waiting.load(Ordering::Relaxed) >= WAITING_MAX
            || shared.waiting_bytes.load(Ordering::Relaxed) + bytes > WAITING_BYTES_MAX;
        if is_full {
            waiting.tell(Err(RowError::Backlog));
            return;
        }
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        // If the writer has ended, the transaction comes back and tells so when it is dropped.
        drop(self.sender.send(Message::Commit(waiting)));
    }

    /// Whether [`Rows::condense`] would make the log so much shorter that it is worth its writing.
    #[must_use]
    pub fn is_worth_condensing(&self) -> bool {
        self.shared.is_worth_condensing.load(Ordering::Relaxed)
    }

    /// Writes all rows to the log in one piece, while others commit, so that the commits before can
    /// be dropped there: hand what it answers to [`LogWriter::compact`]. Not for the UI thread.
    ///
    /// # Errors
    /// What the log says, or [`RowError::Damaged`]; the commits are then still needed.
    pub fn condense(&self) -> Result<Condensed, RowError> {
        let _one = self.condensing.lock().unwrap_or_else(PoisonError::into_inner);
        let writer::Picture { id, begun, snapshot } = self.ask(Message::Begin)?;
        let mut places = snapshot.everything()?;
        let (mut text, mut part) = (Zeroizing::default(), record::part(id));
        let (mut rows, mut bytes) = (0, 0);
        loop {
            let row = places.next(&mut text, |place, value| {
                record::add_row(&mut part, place, value);
                Ok(())
            });
            match row {
                Some(row) => row?,
                None => break,
            }
            rows += 1;
            if part.len() >= PART_BYTES {
                bytes += part.len() as u64;
                self.append(std::mem::replace(&mut part, record::part(id)))?;
            }
        }
        bytes += part.len() as u64;
        self.append(part)?;
        self.ask(|answer| Message::End(id, rows, bytes, answer))?;
        Ok(Condensed { before: begun })
    }

    fn append(&self, part: Zeroizing<Vec<u8>>) -> Result<(), RowError> {
        let payload = part.to_vec();
        let mut entry = Entry { stream: ROW_STREAM, kind: record::PART, payload };
        loop {
            match self.log.append(entry) {
                Ok(_) => return Ok(()),
                Err(AppendError::Backlog(again)) => {
                    entry = again;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(AppendError::Refused(error)) => return Err(error.into()),
                Err(AppendError::Closed) => return Err(RowError::Closed),
            }
        }
    }

    /// Makes the index anew from the log, as `hearth doctor --repair` does. Reads go on meanwhile,
    /// commits wait.
    ///
    /// # Errors
    /// What the log or the disk say.
    pub fn rebuild(&self) -> Result<Opened, RowError> {
        self.ask(Message::Rebuild)
    }

    /// Makes the index durable now, so that a next process has nothing to follow.
    ///
    /// # Errors
    /// What the log or the disk say.
    pub fn settle(&self) -> Result<(), RowError> {
        self.ask(Message::Settle)
    }

    /// Opens every row, and counts them: damage is met by this, if there is any.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn verify(&self) -> Result<u64, RowError> {
        let mut places = self.snapshot().everything()?;
        let mut text = Zeroizing::default();
        let mut rows = 0;
        while let Some(row) = places.next(&mut text, |_, _| Ok(())) {
            row?;
            rows += 1;
        }
        Ok(rows)
    }

    /// Asks the writer and waits for its answer.
    fn ask<T>(
        &self,
        message: impl FnOnce(SyncSender<Result<T, RowError>>) -> Message,
    ) -> Result<T, RowError> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.sender.send(message(answer)).map_err(|_| RowError::Closed)?;
        answered.recv().map_err(|_| RowError::Closed)?
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // A thread that has ended needs no telling, and its panic was told where it happened.
        drop(self.sender.send(Message::Close));
        self.shared.is_ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({:?}, {:?})", self.snapshot(), self.opened())
    }
}

/// What a [`Rows::condense`] made superfluous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condensed {
    before: Sequence,
}

impl Condensed {
    /// Whether rows still need a record: all of other streams are kept.
    #[must_use]
    pub fn keeps(&self, record: &RecordHeader) -> bool {
        record.stream != ROW_STREAM || record.sequence >= self.before
    }
}

/// A transaction that was handed over. It goes its way whether or not somebody waits.
#[derive(Clone, Debug)]
pub struct Pending(Arc<Slot>);

/// Where its answer is put.
#[derive(Debug, Default)]
struct Slot {
    answer: Mutex<Option<Result<Version, RowError>>>,
    ready: Condvar,
}

impl Slot {
    fn put(&self, result: Result<Version, RowError>) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(result);
        self.ready.notify_all();
    }
}

impl Pending {
    /// Waits until it is durable and seen by readers, or is known not to become so. Not for the UI
    /// thread.
    ///
    /// # Errors
    /// [`RowError::Conflict`] when a condition did not hold; [`RowError::Late`] when there is no
    /// answer yet, and it may still go either way; or why it was not committed.
    pub fn wait(&self, timeout: Duration) -> Result<Version, RowError> {
        let guard = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.ready.wait_timeout_while(guard, timeout, |answer| answer.is_none());
        let (answer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        answer.clone().unwrap_or(Err(RowError::Late))
    }

    /// What became of it, if that is known.
    #[must_use]
    pub fn answer(&self) -> Option<Result<Version, RowError>> {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
