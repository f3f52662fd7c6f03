//! What is committed in one piece: conditions, and what is put and taken away if all hold.

use std::fmt;

use zeroize::Zeroizing;

use super::codec::{Key, Value};
use super::table::{KEY_BYTES_MAX, PREFIX, Table, VALUE_BYTES_MAX};
use super::{RowError, Version};

/// What all rows of a transaction may hold together, in encoded bytes.
pub const TRANSACTION_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Rows that are written together or not at all, if the conditions hold when its turn comes.
#[derive(Default)]
pub struct Transaction {
    pub(super) conditions: Vec<Condition>,
    pub(super) changes: Vec<Change>,
    bytes: usize,
    /// The first thing that was too long.
    fault: Option<RowError>,
}

/// What has to be so before a transaction.
pub(super) enum Condition {
    /// The row holds this, or there is none.
    Row(Vec<u8>, Option<Zeroizing<Vec<u8>>>),
    /// Nothing at all was committed since.
    Version(Version),
}

/// What becomes of one row.
pub(super) struct Change {
    pub(super) place: Vec<u8>,
    /// `None` takes the row away.
    pub(super) value: Option<Zeroizing<Vec<u8>>>,
}

impl Transaction {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a row, in the place of what is there. A later call for the same key counts.
    pub fn put<K: Key, V: Value>(&mut self, table: &Table<K, V>, key: &K, value: &V) -> &mut Self {
        let (place, value) = (table.place(key), encoded(value));
        self.add(Change { place, value: Some(value) })
    }

    /// Takes a row away, if there is one.
    pub fn remove<K: Key, V: Value>(&mut self, table: &Table<K, V>, key: &K) -> &mut Self {
        self.add(Change { place: table.place(key), value: None })
    }

    /// Refuses the whole transaction unless the row, before it, holds `value`, or with `None` is
    /// not there.
    pub fn expect<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: Option<&V>,
    ) -> &mut Self {
        self.conditions.push(Condition::Row(table.place(key), value.map(encoded)));
        self
    }

    /// Puts a row that must not be there yet.
    pub fn insert<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> &mut Self {
        self.expect(table, key, None).put(table, key, value)
    }

    /// Refuses the whole transaction if anything was committed after `version`.
    pub fn expect_version(&mut self, version: Version) -> &mut Self {
        self.conditions.push(Condition::Version(version));
        self
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn add(&mut self, change: Change) -> &mut Self {
        let key = change.place.len() - PREFIX;
        let len = change.value.as_ref().map_or(0, |value| value.len());
        self.bytes += change.place.len() + len;
        let fault = if key > KEY_BYTES_MAX {
            Some(RowError::TooLong { what: "a key", bytes: key, max: KEY_BYTES_MAX })
        } else if len > VALUE_BYTES_MAX {
            Some(RowError::TooLong { what: "a value", bytes: len, max: VALUE_BYTES_MAX })
        } else if self.bytes > TRANSACTION_BYTES_MAX {
            let (bytes, max) = (self.bytes, TRANSACTION_BYTES_MAX);
            Some(RowError::TooLong { what: "a transaction", bytes, max })
        } else {
            self.changes.push(change);
            None
        };
        self.fault = self.fault.take().or(fault);
        self
    }

    /// What was handed over that can never be committed.
    pub(super) fn take_fault(&mut self) -> Option<RowError> {
        self.fault.take()
    }

    /// Roughly what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + 64 * (self.changes.len() + self.conditions.len())
    }
}

impl fmt::Debug for Transaction {
    /// Without the rows: they are what somebody did.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (conditions, changes) = (self.conditions.len(), self.changes.len());
        write!(f, "Transaction({conditions} conditions, {changes} changes)")
    }
}

fn encoded(value: &impl Value) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::new());
    value.encode(&mut bytes);
    bytes
}
