//! Bringing rows to the shape that this build reads, step by step, in one transaction.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::codec::{Key, Value};
use super::table::Table;
use super::transaction::{Change, Transaction};
use super::{RowError, Rows, Snapshot};

/// How often a migration begins again because others committed meanwhile.
const ATTEMPTS_MAX: u32 = 16;

/// Which step each schema has reached.
const SCHEMAS: Table<String, u32> = Table::new("hearth schemas");

/// The shape of some tables that belong together, as the steps that lead to it.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its name, for ever.
    pub name: &'static str,
    /// The steps from nothing on. One that was released is never changed; another is added.
    pub steps: &'static [Migration],
}

/// One step. It may be run on rows that it was run on before: a step that finds its work done
/// leaves it so.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does, in a few words.
    pub name: &'static str,
    /// Reads what is there, the changes of earlier steps included, and changes it.
    pub run: fn(&mut Migrating<'_>) -> Result<(), RowError>,
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The steps that the rows had behind them.
    pub from: u32,
    /// And have now.
    pub to: u32,
}

/// Rows while they are migrated: a snapshot with the changes so far over it.
pub struct Migrating<'a> {
    snapshot: &'a Snapshot,
    changes: BTreeMap<Vec<u8>, Option<Zeroizing<Vec<u8>>>>,
}

impl Migrating<'_> {
    /// The row of a key.
    ///
    /// # Errors
    /// As [`Snapshot::get`].
    pub fn get<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, RowError> {
        match self.changes.get(&table.place(key)) {
            None => self.snapshot.get(table, key),
            Some(None) => Ok(None),
            Some(Some(value)) => {
                V::decode(value).map(Some).ok_or(RowError::Undecodable(table.name()))
            }
        }
    }

    /// All rows of a table, in order.
    ///
    /// # Errors
    /// As [`Snapshot::range`].
    pub fn rows<K: Key, V: Value>(&self, table: &Table<K, V>) -> Result<Vec<(K, V)>, RowError> {
        let mut rows = BTreeMap::new();
        for row in self.snapshot.range(table, ..)? {
            let (key, value) = row?;
            rows.insert(table.place(&key), (key, value));
        }
        for (place, value) in self.changes.range(table.prefix().to_vec()..) {
            if !place.starts_with(&table.prefix()) {
                break;
            }
            rows.remove(place);
            let Some(value) = value else { continue };
            let row = Table::<K, V>::key_of(place).zip(V::decode(value));
            rows.insert(place.clone(), row.ok_or(RowError::Undecodable(table.name()))?);
        }
        Ok(rows.into_values().collect())
    }

    /// Puts a row.
    pub fn put<K: Key, V: Value>(&mut self, table: &Table<K, V>, key: &K, value: &V) {
        let mut bytes = Zeroizing::new(Vec::new());
        value.encode(&mut bytes);
        self.changes.insert(table.place(key), Some(bytes));
    }

    /// Takes a row away.
    pub fn remove<K: Key, V: Value>(&mut self, table: &Table<K, V>, key: &K) {
        self.changes.insert(table.place(key), None);
    }
}

impl fmt::Debug for Migrating<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migrating({:?}, {} changes)", self.snapshot, self.changes.len())
    }
}

impl Rows {
    /// Runs the steps that the rows do not have behind them yet: all together, or none.
    ///
    /// # Errors
    /// [`RowError::NewerSchema`] when a later Hearth was here; what a step answers; or as a commit.
    pub fn migrate(&self, schema: &Schema, timeout: Duration) -> Result<Migrated, RowError> {
        let name = schema.name.to_owned();
        let to = u32::try_from(schema.steps.len()).expect("nobody writes so many steps");
        for _ in 0..ATTEMPTS_MAX {
            let snapshot = self.snapshot();
            let from = snapshot.get(&SCHEMAS, &name)?.unwrap_or(0);
            if from > to {
                return Err(RowError::NewerSchema { schema: schema.name, found: from, known: to });
            }
            if from == to {
                return Ok(Migrated { from, to });
            }
            let mut migrating = Migrating { snapshot: &snapshot, changes: BTreeMap::new() };
            for step in &schema.steps[from as usize..] {
                (step.run)(&mut migrating)?;
            }
            migrating.put(&SCHEMAS, &name, &to);
            let mut transaction = Transaction::new();
            transaction.expect_version(snapshot.version());
            for (place, value) in migrating.changes {
                transaction.add(Change { place, value });
            }
            match self.commit(transaction).wait(timeout) {
                Ok(_) => return Ok(Migrated { from, to }),
                Err(RowError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(RowError::Conflict)
    }
}
