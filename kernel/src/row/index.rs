//! The database: an index of what the log says, in one redb file of sealed pages.
//!
//! Nothing that goes wrong in it is the caller's loss, as it can be made anew from the log. So its
//! panics are caught, and each of its errors means the same: damaged.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use redb::{
    Builder, Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};
use zeroize::Zeroizing;

use super::file::{FileError, Mark, Means, SealedFile};
use super::table::OWN;
use super::transaction::{Change, Condition};
use super::{RowError, Version};
use crate::disk::Disk;
use crate::keys::{Opener, Sealer};
use crate::log::Sequence;

/// One table of the database holds the rows of all tables, each under its table's prefix.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// Where [`Standing`] lies among the kernel's own rows.
const STANDING: &[u8] = b"standing";

/// A picture is worth its writing when commits take so much, and twice what the last one took.
const CONDENSE_BYTES_MIN: u64 = 4 * 1024 * 1024;

type Rows<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;
pub(super) type ReadRows = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// How far the index has followed the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) version: Version,
    /// The row record that was met last: where the log goes on from here.
    pub(super) anchor: Sequence,
    /// The beginning of that record's BLAKE3: the log may have been another since.
    pub(super) anchor_hash: [u8; 16],
    /// Bytes that the last picture in the log took, and that commits took since.
    pub(super) picture_bytes: u64,
    pub(super) commit_bytes: u64,
}

impl Standing {
    /// Goes on to the record `payload` at `sequence`.
    pub(super) fn reach(&mut self, sequence: Sequence, payload: &[u8]) {
        self.anchor = sequence;
        self.anchor_hash = hash(payload);
    }

    /// Whether the anchor is that record.
    pub(super) fn is_at(&self, sequence: Sequence, payload: &[u8]) -> bool {
        self.anchor == sequence && self.anchor_hash == hash(payload)
    }

    pub(super) fn is_worth_condensing(&self) -> bool {
        self.commit_bytes > CONDENSE_BYTES_MIN.max(2 * self.picture_bytes)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![1];
        out.extend_from_slice(&self.version.0.to_le_bytes());
        out.extend_from_slice(&self.anchor.0.to_le_bytes());
        out.extend_from_slice(&self.anchor_hash);
        out.extend_from_slice(&self.picture_bytes.to_le_bytes());
        out.extend_from_slice(&self.commit_bytes.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 49] = bytes.try_into().ok()?;
        let number = |at: usize| {
            u64::from_le_bytes(*bytes[at..].first_chunk().expect("the array is long enough"))
        };
        (bytes[0] == 1).then(|| Self {
            version: Version(number(1)),
            anchor: Sequence(number(9)),
            anchor_hash: *bytes[17..].first_chunk().expect("the array is long enough"),
            picture_bytes: number(33),
            commit_bytes: number(41),
        })
    }
}

fn hash(payload: &[u8]) -> [u8; 16] {
    *blake3::hash(payload).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

/// What seals and opens values; the place that a value lies at is bound in.
#[derive(Clone)]
pub(super) struct Seals {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
}

/// The open database. Its last holder closes it, which marks it clean.
pub(super) struct Index {
    /// Taken when it is dropped.
    database: Option<Database>,
}

impl Index {
    /// Makes an empty one in the place of what may be there.
    pub(super) fn create(
        disk: &dyn Disk,
        path: &Path,
        means: Means,
        cache_bytes: usize,
    ) -> Result<Self, RowError> {
        let file = SealedFile::create(disk, path, means).map_err(|why| told(path, why))?;
        let index = Self::start(file, cache_bytes)?;
        let batch = index.begin()?;
        batch.change(|_| Ok(()))?;
        batch.commit()?;
        Ok(index)
    }

    /// Opens what is there. What was not left in order is checked from its first page to its last.
    pub(super) fn open(
        disk: &dyn Disk,
        path: &Path,
        means: Means,
        cache_bytes: usize,
    ) -> Result<(Self, Mark), RowError> {
        let (file, mark) = SealedFile::open(disk, path, means).map_err(|why| told(path, why))?;
        let mut index = Self::start(file, cache_bytes)?;
        if mark == Mark::InUse && !index.check()? {
            return Err(RowError::Damaged("pages are missing after the last end".into()));
        }
        Ok((index, mark))
    }

    fn start(file: SealedFile, cache_bytes: usize) -> Result<Self, RowError> {
        let database = guarded(|| {
            Builder::new().set_cache_size(cache_bytes).create_with_backend(file).map_err(damaged)
        })?;
        Ok(Self { database: Some(database) })
    }

    /// Whether every page is the one that the page above it names.
    fn check(&mut self) -> Result<bool, RowError> {
        let database = self.database.as_mut().expect("it is there until it is dropped");
        guarded(|| database.check_integrity().map_err(damaged))
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is there until it is dropped")
    }

    /// Begins to write; only one thread does.
    pub(super) fn begin(&self) -> Result<Batch, RowError> {
        guarded(|| {
            let mut transaction = self.database().begin_write().map_err(damaged)?;
            transaction.set_durability(Durability::None).map_err(damaged)?;
            Ok(Batch { transaction: Some(transaction) })
        })
    }

    /// Makes what was committed durable, with how far that is.
    pub(super) fn settle(&self, seals: &Seals, standing: &Standing) -> Result<(), RowError> {
        let mut batch = self.begin()?;
        let value = Some(Zeroizing::new(standing.encode()));
        let change = Change { place: [&OWN, STANDING].concat(), value };
        batch.change(|rows| rows.apply(seals, &[change]))?;
        guarded(|| {
            let transaction = batch.transaction.as_mut().expect("it was just begun");
            transaction.set_durability(Durability::Immediate).map_err(damaged)?;
            transaction.set_two_phase_commit(true);
            Ok(())
        })?;
        batch.commit()
    }

    /// How far it had come when it was settled last.
    pub(super) fn standing(&self, seals: &Seals) -> Result<Standing, RowError> {
        let place = [&OWN, STANDING].concat();
        let bytes = guarded(|| {
            let table = self.read()?;
            let Some(sealed) = table.get(&place[..]).map_err(damaged)? else { return Ok(None) };
            seals.opener.open(&place, sealed.value()).ok_or_else(unopenable).map(Some)
        })?;
        match bytes {
            None => Ok(Standing::default()),
            Some(bytes) => Standing::decode(&bytes).ok_or_else(unopenable),
        }
    }

    /// All rows as they were committed last.
    pub(super) fn read(&self) -> Result<ReadRows, RowError> {
        guarded(|| {
            let transaction = self.database().begin_read().map_err(damaged)?;
            transaction.open_table(ROWS).map_err(damaged)
        })
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let database = self.database.take();
        // A database that panics on closing is not marked clean, and will be checked.
        drop(catch_unwind(AssertUnwindSafe(|| drop(database))));
    }
}

/// Changes that are not committed yet; dropped, they never were.
pub(super) struct Batch {
    transaction: Option<WriteTransaction>,
}

impl Batch {
    /// Reads and changes rows.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Changing<'_>) -> Result<T, RowError>,
    ) -> Result<T, RowError> {
        guarded(|| {
            let transaction = self.transaction.as_ref().expect("it is there until its end");
            let rows = transaction.open_table(ROWS).map_err(damaged)?;
            work(&mut Changing { rows, sealed: Vec::new(), opened: Zeroizing::default() })
        })
    }

    /// Lets readers see the changes.
    pub(super) fn commit(mut self) -> Result<(), RowError> {
        let transaction = self.transaction.take().expect("it is there until its end");
        guarded(|| transaction.commit().map_err(damaged))
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let transaction = self.transaction.take();
        // The database is dropped soon, if it panics here.
        drop(catch_unwind(AssertUnwindSafe(|| drop(transaction))));
    }
}

/// The rows while they change.
pub(super) struct Changing<'a> {
    rows: Rows<'a>,
    sealed: Vec<u8>,
    opened: Zeroizing<Vec<u8>>,
}

impl Changing<'_> {
    pub(super) fn apply(&mut self, seals: &Seals, changes: &[Change]) -> Result<(), RowError> {
        for Change { place, value } in changes {
            match value {
                Some(value) => {
                    self.sealed.clear();
                    seals.sealer.seal(place, value, &mut self.sealed)?;
                    self.rows.insert(&place[..], &self.sealed[..]).map_err(damaged)?;
                }
                None => drop(self.rows.remove(&place[..]).map_err(damaged)?),
            }
        }
        Ok(())
    }

    /// Whether a condition of a transaction holds at `version`.
    pub(super) fn holds(
        &mut self,
        seals: &Seals,
        condition: &Condition,
        version: Version,
    ) -> Result<bool, RowError> {
        let (place, wanted) = match condition {
            Condition::Version(wanted) => return Ok(*wanted == version),
            Condition::Row(place, wanted) => (place, wanted),
        };
        let there = self.rows.get(&place[..]).map_err(damaged)?;
        let (Some(there), Some(wanted)) = (&there, wanted) else {
            return Ok(there.is_none() && wanted.is_none());
        };
        let opened = seals.opener.open_into(place, there.value(), &mut self.opened);
        opened.ok_or_else(unopenable)?;
        Ok(*self.opened == **wanted)
    }
}

/// Runs `work`, of whose panics only the news gets out.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, RowError>) -> Result<T, RowError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(RowError::Damaged("the database panicked".into())))
}

pub(super) fn damaged(error: impl fmt::Display) -> RowError {
    RowError::Damaged(error.to_string())
}

pub(super) fn unopenable() -> RowError {
    RowError::Damaged("a value is not as it was sealed".into())
}

fn told(path: &Path, why: FileError) -> RowError {
    match why {
        FileError::Newer => RowError::Newer(path.to_owned()),
        FileError::NoHead => RowError::Damaged("neither head of the file opens".into()),
        FileError::Seal(error) => error.into(),
        FileError::Disk(error) => RowError::Disk(path.to_owned(), Arc::new(error)),
    }
}
