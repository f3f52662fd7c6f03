//! Reading: all rows as they were at one version, for as long as somebody holds on to it.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use zeroize::Zeroizing;

use super::codec::{Key, Value};
use super::index::{Index, ReadRows, damaged, guarded, unopenable};
use super::table::{PREFIX, Table};
use super::writer::Message;
use super::{RowError, Version};
use crate::keys::Opener;

/// All rows at one version. Cloning it is cheap; holding one keeps the space of what was replaced
/// since, so it is let go after use.
#[derive(Clone)]
pub struct Snapshot(Arc<View>);

/// What snapshots of one version share.
pub(super) struct View {
    /// Taken when it is dropped, before the index.
    rows: Option<ReadRows>,
    index: Option<Arc<Index>>,
    opener: Opener,
    version: Version,
    doubt: Doubt,
}

/// Who is told of damage, and in which index it was.
pub(super) struct Doubt {
    pub(super) writer: Sender<Message>,
    pub(super) generation: u64,
}

impl View {
    pub(super) fn new(
        index: &Arc<Index>,
        opener: Opener,
        version: Version,
        doubt: Doubt,
    ) -> Result<Self, RowError> {
        let rows = Some(index.read()?);
        Ok(Self { rows, index: Some(index.clone()), opener, version, doubt })
    }

    pub(super) fn snapshot(self: &Arc<Self>) -> Snapshot {
        Snapshot(self.clone())
    }

    fn rows(&self) -> &ReadRows {
        self.rows.as_ref().expect("it is there until it is dropped")
    }

    /// Lets the writer make the index anew after damage.
    fn checked<T>(&self, result: Result<T, RowError>) -> Result<T, RowError> {
        if let Err(RowError::Damaged(_)) = &result {
            // A writer that has ended leaves it to the next process, which finds no clean mark.
            drop(self.doubt.writer.send(Message::Distrust(self.doubt.generation)));
        }
        result
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let rows = self.rows.take();
        // After a panic in the database its locks are poisoned, and letting go panics again.
        drop(catch_unwind(AssertUnwindSafe(|| drop(rows))));
        self.index = None;
    }
}

impl Snapshot {
    /// The version that it shows.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// The row of a key.
    ///
    /// # Errors
    /// [`RowError::Damaged`] when the index is, which is then made anew: ask again later. Or
    /// [`RowError::Undecodable`].
    pub fn get<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, RowError> {
        let view = &*self.0;
        let place = table.place(key);
        let opened = guarded(|| {
            let Some(sealed) = view.rows().get(&place[..]).map_err(damaged)? else {
                return Ok(None);
            };
            let mut text = Zeroizing::new(Vec::new());
            let opened = view.opener.open_into(&place, sealed.value(), &mut text);
            opened.ok_or_else(unopenable)?;
            Ok(Some(text))
        });
        let Some(text) = view.checked(opened)? else { return Ok(None) };
        V::decode(&text).map(Some).ok_or(RowError::Undecodable(table.name()))
    }

    /// The rows of a table whose keys are in `range`, in order.
    ///
    /// # Errors
    /// As [`Snapshot::get`], also of each item.
    pub fn range<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        range: impl RangeBounds<K>,
    ) -> Result<Range<K, V>, RowError> {
        let start = match range.start_bound() {
            Bound::Unbounded => Bound::Included(table.prefix().to_vec()),
            Bound::Included(key) => Bound::Included(table.place(key)),
            Bound::Excluded(key) => Bound::Excluded(table.place(key)),
        };
        let end = match range.end_bound() {
            Bound::Unbounded => match after(table.prefix()) {
                Some(next) => Bound::Excluded(next.to_vec()),
                None => Bound::Unbounded,
            },
            Bound::Included(key) => Bound::Included(table.place(key)),
            Bound::Excluded(key) => Bound::Excluded(table.place(key)),
        };
        let places = self.places(start, end)?;
        let text = Zeroizing::default();
        Ok(Range { places, text, table: table.name(), types: PhantomData })
    }

    /// Everything, as it lies in the database.
    pub(super) fn everything(&self) -> Result<Places, RowError> {
        let first_table = 1_u64.to_be_bytes().to_vec();
        self.places(Bound::Included(first_table), Bound::Unbounded)
    }

    fn places(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Result<Places, RowError> {
        let view = &*self.0;
        let is_empty = match (&start, &end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            _ => false,
        };
        if is_empty {
            return Ok(Places { snapshot: self.clone(), rows: None });
        }
        let bounds = (start.as_ref().map(|it| &it[..]), end.as_ref().map(|it| &it[..]));
        let rows = guarded(|| view.rows().range::<&[u8]>(bounds).map_err(damaged));
        Ok(Places { snapshot: self.clone(), rows: Some(view.checked(rows)?) })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({:?})", self.0.version)
    }
}

/// The first prefix behind all of a table's keys.
fn after(prefix: [u8; PREFIX]) -> Option<[u8; PREFIX]> {
    u64::from_be_bytes(prefix).checked_add(1).map(u64::to_be_bytes)
}

/// Rows of a table, in the order of their keys.
pub struct Range<K, V> {
    places: Places,
    /// One value after the other is opened here; what was in it is wiped at the end.
    text: Zeroizing<Vec<u8>>,
    table: &'static str,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Iterator for Range<K, V> {
    type Item = Result<(K, V), RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { places, text, table, .. } = self;
        places.next(text, |place, value| {
            let key = Table::<K, V>::key_of(place).ok_or(RowError::Undecodable(table))?;
            Ok((key, V::decode(value).ok_or(RowError::Undecodable(table))?))
        })
    }
}

impl<K, V> fmt::Debug for Range<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Range({})", self.table)
    }
}

/// Rows as they lie in the database.
pub(super) struct Places {
    snapshot: Snapshot,
    /// `None` behind the end, and after damage.
    rows: Option<redb::Range<'static, &'static [u8], &'static [u8]>>,
}

impl Places {
    /// Hands the next row's place and value to `take`; the value is opened into `text`.
    pub(super) fn next<T>(
        &mut self,
        text: &mut Vec<u8>,
        take: impl FnOnce(&[u8], &[u8]) -> Result<T, RowError>,
    ) -> Option<Result<T, RowError>> {
        let view = &*self.snapshot.0;
        let rows = self.rows.as_mut()?;
        let taken = guarded(|| {
            let Some(row) = rows.next() else { return Ok(None) };
            let (place, sealed) = row.map_err(damaged)?;
            let (place, sealed) = (place.value(), sealed.value());
            view.opener.open_into(place, sealed, text).ok_or_else(unopenable)?;
            Ok(Some(take(place, text)))
        });
        match view.checked(taken) {
            Ok(Some(Ok(row))) => Some(Ok(row)),
            Ok(None) => {
                self.let_go();
                None
            }
            // An order that is damaged is not followed further.
            Ok(Some(Err(error))) | Err(error) => {
                self.let_go();
                Some(Err(error))
            }
        }
    }

    fn let_go(&mut self) {
        let rows = self.rows.take();
        // As in the view.
        drop(catch_unwind(AssertUnwindSafe(|| drop(rows))));
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        self.let_go();
    }
}
