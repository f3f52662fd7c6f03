//! Opening: the index as the last process left it, brought to the log's end; or one made anew from
//! the log.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::file::{Mark, Means};
use super::index::{Index, Seals, Standing};
use super::record::{self, Payload, PictureId, ROW_STREAM};
use super::{Found, Opened, RowError, Version};
use crate::disk::Disk;
use crate::keys::Opener;
use crate::log::{Kind, LogWriter, Record, RecordHeader, Sequence};

/// How long what an earlier process left unsynced may take to become durable. On a disk that is
/// full, or answers late, rows open without: the index is then not settled before the log is.
const SYNC_TIME_MAX: Duration = Duration::from_secs(2);

/// Where everything is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) means: Means,
    pub(super) seals: Seals,
    pub(super) cache_bytes: usize,
    pub(super) log: Arc<LogWriter>,
    pub(super) log_opener: Opener,
}

/// An index that is at the log's end.
pub(super) struct Recovered {
    pub(super) index: Index,
    pub(super) standing: Standing,
    pub(super) opened: Opened,
}

/// Why the index cannot simply follow the log.
enum Astray {
    /// The record where it stood is not in the log: it is an old copy, or the log is.
    Unanchored,
    /// A commit is missing behind it.
    Gap,
    /// An error that making it anew does not help.
    Error(RowError),
}

impl From<RowError> for Astray {
    fn from(error: RowError) -> Self {
        Self::Error(error)
    }
}

/// The index as it was, or another.
pub(super) fn open(place: &Place) -> Result<Recovered, RowError> {
    let path = place.path();
    // What readers are shown is durable, if the disk answers.
    drop(place.log.flush(SYNC_TIME_MAX));
    let (disk, means) = (&*place.disk, place.means.clone());
    let why = match Index::open(disk, &path, means, place.cache_bytes) {
        Ok((index, mark)) => match follow_from_standing(place, &index) {
            Ok((standing, replayed)) => {
                let found = match mark {
                    Mark::Clean => Found::Sound,
                    Mark::InUse => Found::Checked,
                };
                let opened = Opened { found, replayed, lost: 0 };
                return Ok(Recovered { index, standing, opened });
            }
            Err(Astray::Error(RowError::Damaged(why))) => why,
            Err(Astray::Error(error)) => return Err(error),
            Err(Astray::Gap) => "the log lacks a commit that the index lacks too".into(),
            Err(Astray::Unanchored) => return unanchored(place, index),
        },
        Err(RowError::Disk(_, error)) if error.kind() == io::ErrorKind::NotFound => {
            return rebuild(place, Found::Made);
        }
        Err(RowError::Damaged(why)) => why,
        // It may be readable another day; until then it is made anew beside what promises more.
        Err(RowError::Disk(_, error)) => error.to_string(),
        Err(error) => return Err(error),
    };
    rebuild(place, Found::Rebuilt(why))
}

/// One of the two is older than the other remembers. Whichever knows of more commits is right.
fn unanchored(place: &Place, index: Index) -> Result<Recovered, RowError> {
    let standing = index.standing(&place.seals)?;
    let fresh = make(place, "rows.new")?;
    if fresh.1.version >= standing.version {
        drop(index);
        let why = "it is an older copy, or of another log".into();
        return adopt(place, fresh, Found::Rebuilt(why));
    }
    drop(fresh);
    // It is removed by the next one that is made, if not now.
    drop(place.disk.remove(&place.dir.join("rows.new")));
    let opened = Opened { found: Found::LogRolledBack, replayed: 0, lost: 0 };
    Ok(Recovered { index, standing, opened })
}

/// Applies what the log has behind the place where the index stood.
fn follow_from_standing(place: &Place, index: &Index) -> Result<(Standing, u64), Astray> {
    let standing = index.standing(&place.seals)?;
    let batch = index.begin()?;
    let result = batch.change(|rows| {
        let state = RefCell::new((standing, standing.anchor == Sequence(0), 0));
        let result = place.replay(
            standing.anchor,
            |kind| kind != record::PART,
            |record| {
                let (standing, is_anchored, replayed) = &mut *state.borrow_mut();
                let (sequence, payload) = (record.header.sequence, &record.payload);
                if !*is_anchored {
                    *is_anchored = standing.is_at(sequence, payload);
                    return if *is_anchored { Ok(()) } else { Err(Astray::Unanchored) };
                }
                match read(record)? {
                    Payload::Commit(versions, changes) => {
                        if versions.first != standing.version.next() {
                            return Err(Astray::Gap);
                        }
                        rows.apply(&place.seals, &changes)?;
                        *replayed += versions.last.0 - standing.version.0;
                        standing.version = versions.last;
                        standing.commit_bytes += payload.len() as u64;
                    }
                    Payload::Begin(..) | Payload::Part(..) | Payload::End(..) | Payload::Mark => {}
                }
                standing.reach(sequence, payload);
                Ok(())
            },
        );
        let (standing, is_anchored, replayed) = state.into_inner();
        Ok(match result {
            Ok(_) if !is_anchored => Err(Astray::Unanchored),
            Ok(_) => Ok((standing, replayed)),
            Err(astray) => Err(astray),
        })
    })?;
    if matches!(result, Ok((_, replayed)) if replayed > 0) {
        batch.commit()?;
    }
    result
}

/// Makes the index anew from the log and puts it in the place of the old one.
pub(super) fn rebuild(place: &Place, found: Found) -> Result<Recovered, RowError> {
    adopt(place, make(place, "rows.new")?, found)
}

fn adopt(
    place: &Place,
    (index, standing, lost): (Index, Standing, u64),
    found: Found,
) -> Result<Recovered, RowError> {
    // A disk that refuses leaves it under the other name, and the next process makes it again.
    let renamed = place.disk.rename(&place.dir.join("rows.new"), &place.path());
    drop(renamed.and_then(|()| place.disk.sync_dir(&place.dir)));
    let opened = Opened { found, replayed: standing.version.0, lost };
    Ok(Recovered { index, standing, opened })
}

/// What a first look at the log tells of its row records.
#[derive(Default)]
struct Survey {
    first_commit: Option<Version>,
    begun: BTreeMap<PictureId, (Sequence, Version)>,
    /// The last picture that has both its ends: where it began, at which version, and its rows.
    picture: Option<(PictureId, Sequence, Version, u64)>,
    /// The last that has parts at all.
    any_part: Option<PictureId>,
}

impl Survey {
    fn of(place: &Place) -> Result<Self, RowError> {
        let survey = RefCell::new(Self::default());
        let has_commit = Cell::new(false);
        let wanted = |kind| match kind {
            record::COMMIT => !has_commit.get(),
            _ => true,
        };
        place.replay(Sequence(0), wanted, |record| {
            let survey = &mut *survey.borrow_mut();
            match read(record)? {
                Payload::Commit(versions, _) => {
                    survey.first_commit = Some(versions.first);
                    has_commit.set(true);
                }
                Payload::Begin(id, version) => {
                    survey.begun.insert(id, (record.header.sequence, version));
                }
                Payload::End(id, rows) => {
                    if let Some(&(sequence, version)) = survey.begun.get(&id) {
                        survey.picture = Some((id, sequence, version, rows));
                    }
                }
                Payload::Part(id, _) => survey.any_part = Some(id),
                Payload::Mark => {}
            }
            Ok::<(), RowError>(())
        })?;
        Ok(survey.into_inner())
    }
}

/// Makes an index under `name` with everything that the log has, and counts what it lacks.
fn make(place: &Place, name: &str) -> Result<(Index, Standing, u64), RowError> {
    let survey = Survey::of(place)?;
    let path = place.dir.join(name);
    let index = Index::create(&*place.disk, &path, place.means.clone(), place.cache_bytes)?;
    let batch = index.begin()?;
    let mut standing = Standing::default();
    let mut lost = 0;
    batch.change(|rows| {
        // Without a whole picture all commits from the first are there, or something was lost: then
        // the rows of a picture that lacks an end are better than none.
        let picture = match survey.picture {
            Some((id, sequence, version, _)) => Some((id, sequence, version)),
            None if survey.first_commit == Some(Version(1)) => None,
            None => survey.any_part.map(|id| {
                let (sequence, version) = survey.begun.get(&id).copied().unwrap_or_default();
                (id, sequence, version)
            }),
        };
        let (id, from, version) = picture.unwrap_or_default();
        standing.version = version;
        if picture.is_some() {
            let (mut count, mut bytes) = (0, 0);
            place.replay(
                from,
                |kind| kind == record::PART,
                |record| match read(record)? {
                    Payload::Part(of, changes) if of == id => {
                        count += changes.len() as u64;
                        bytes += record.payload.len() as u64;
                        rows.apply(&place.seals, &changes)
                    }
                    _ => Ok(()),
                },
            )?;
            standing.picture_bytes = bytes;
            lost += survey.picture.map_or(1, |(.., rows)| rows.saturating_sub(count));
        }
        place.replay(
            from,
            |kind| kind != record::PART,
            |record| {
                let (sequence, payload) = (record.header.sequence, &record.payload);
                if let Payload::Commit(versions, changes) = read(record)? {
                    lost += versions.first.0.saturating_sub(standing.version.0 + 1);
                    rows.apply(&place.seals, &changes)?;
                    standing.version = versions.last;
                    standing.commit_bytes += payload.len() as u64;
                }
                standing.reach(sequence, payload);
                Ok::<(), RowError>(())
            },
        )
    })?;
    batch.commit()?;
    // Nothing may be durable in the index that a power cut could still take out of the log.
    if place.log.flush(SYNC_TIME_MAX).is_ok() {
        index.settle(&place.seals, &standing)?;
    }
    Ok((index, standing, lost))
}

fn read(record: &Record) -> Result<Payload, RowError> {
    record::decode(record.header.kind, &record.payload).map_err(|why| record::unread(&why))
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join("rows.db")
    }

    /// Hands over the row records from `from` on, until `each` answers an error.
    fn replay<E: From<RowError>>(
        &self,
        from: Sequence,
        wanted: impl Fn(Kind) -> bool,
        mut each: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = RefCell::new(None);
        let wanted = |header: &RecordHeader| {
            header.stream == ROW_STREAM && wanted(header.kind) && failed.borrow().is_none()
        };
        let between = from.max(Sequence(1))..=Sequence(u64::MAX);
        let take = |record| {
            let mut failed = failed.borrow_mut();
            if failed.is_none() {
                *failed = each(&record).err();
            }
        };
        let result = self.log.reader().replay_between(&self.log_opener, between, wanted, take);
        match failed.into_inner() {
            Some(error) => Err(error),
            None => result.map(drop).map_err(|error| RowError::from(error).into()),
        }
    }
}
