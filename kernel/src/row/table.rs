//! Tables: a name, and the types that go under it.

use std::fmt;
use std::marker::PhantomData;

use super::codec::{Key, Value};

/// The longest key, in encoded bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// The longest value, in encoded bytes. What is longer is an object.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that stand for a table's name before each of its keys.
pub(super) const PREFIX: usize = 8;

/// The kernel's own rows come before every table's.
pub(super) const OWN: [u8; PREFIX] = [0; PREFIX];

/// A table of `V` by `K`. The name is for ever: another name is another table.
///
/// ```
/// use kernel::row::Table;
/// const BUILDS: Table<u64, String> = Table::new("builds");
/// ```
pub struct Table<K, V> {
    name: &'static str,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// The table of that name, which must be one to 64 bytes long.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= 64, "a table's name has 1 to 64 bytes");
        Self { name, types: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What its keys begin with in the database: the first 8 bytes of the name's BLAKE3, which two
    /// of a thousand tables share once in 10^13 programs.
    pub(super) fn prefix(&self) -> [u8; PREFIX] {
        *blake3::hash(self.name.as_bytes()).as_bytes().first_chunk().expect("a hash has 32 bytes")
    }

    /// The database's key for a row.
    pub(super) fn place(&self, key: &K) -> Vec<u8> {
        let mut place = Vec::with_capacity(PREFIX + 32);
        place.extend_from_slice(&self.prefix());
        key.encode(&mut place);
        place
    }

    /// The key that a place stands for.
    pub(super) fn key_of(place: &[u8]) -> Option<K> {
        let mut rest = place.get(PREFIX..)?;
        let key = K::decode(&mut rest)?;
        rest.is_empty().then_some(key)
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.name)
    }
}
