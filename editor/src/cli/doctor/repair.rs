//! `hearth doctor --repair`: the index of the profile's rows made anew from the log, and the
//! objects freed of what is damaged.
//!
//! The log is what counts, and nothing of it is deleted: opening it puts the torn end of its newest
//! file aside, as every start does, and damage within it stays where it is and is told.

use std::sync::Arc;
use std::time::Duration;

use kernel::disk::{Disk, RealDisk};
use kernel::keys::{Profile, Unlocked};
use kernel::log::{Log, LogOptions, LogReader, LogWriter, Report};
use kernel::object::{ObjectError, ObjectOptions, ObjectStore};
use kernel::row::{Found, RowError, RowOptions, Rows, Source};
use serde_json::json;

use super::super::invocation::Form;
use super::super::{line, profile_keys};
use super::storage;
use crate::directories::Directories;
use crate::instance;
use crate::journal;
use crate::profile;
use crate::registry::{Fault, FaultKind};

/// How long the log is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was done and what is lost.
#[derive(Debug)]
struct Repaired {
    /// How the index was found.
    found: String,
    /// Commits of rows that the log has.
    commits: u64,
    /// Rows that are there now, each of them opened.
    rows: u64,
    /// Commits that the log once had.
    lost: u64,
    /// Every record of the log.
    log: Report,
    /// Files that damaged bytes were put aside in.
    aside: usize,
    /// What was damaged of the objects.
    objects: Vec<String>,
}

/// Repairs, and says what it did.
///
/// # Errors
/// When an instance runs, the profile does not open, or the disk refuses.
pub(super) fn run(directories: &Directories, form: Form) -> Result<String, Fault> {
    if !directories.log().exists() {
        return Err(Fault::state("There is no log here yet, so there is nothing to repair."));
    }
    if instance::find(directories)?.is_some() {
        return Err(Fault::state("A Hearth runs for this profile: quit it, then repair."));
    }
    // Nothing may start meanwhile.
    let held = instance::hold(directories)?;
    let locked =
        Profile::open(&RealDisk, &directories.profile()).map_err(|error| profile::told(&error))?;
    let keys = profile_keys::unlock(directories, &locked)?;
    let repaired = repair(directories, &keys)?;
    drop(held);
    Ok(match form {
        Form::Json => line(&repaired.to_json()),
        _ => repaired.to_text(),
    })
}

/// Makes the index anew, checks every row, and makes that durable.
fn repair(directories: &Directories, keys: &Unlocked) -> Result<Repaired, Fault> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let place = directories.log();
    let sealer = keys.sealer(journal::PURPOSE);
    let log = Log::open(disk.clone(), &place, sealer, LogOptions::default());
    let log = log.map_err(|error| Fault::told(FaultKind::Machine, &error))?;
    let opener = keys.opener(journal::PURPOSE);
    let mut report = LogReader::beside(disk.clone(), &place)
        .survey(Some(&opener))
        .map_err(|error| Fault::told(FaultKind::Machine, &error))?;
    report.damage.extend_from_slice(log.found());
    let log = LogWriter::start(log, |_| {})
        .map_err(|error| Fault::machine(format!("No thread for the log: {error}.")))?;
    let log = Arc::new(log);
    let source = Source { log: log.clone(), opener };
    let told = |error: RowError| Fault::told(FaultKind::Machine, &error);
    let rows = Rows::open(disk, &directories.rows(), source, keys, RowOptions::default());
    let rows = rows.map_err(told)?;
    let found = match rows.opened().found {
        Found::Sound | Found::Checked => "in order".to_owned(),
        Found::Made => "missing".to_owned(),
        Found::Rebuilt(reason) => reason,
        Found::LogRolledBack => "newer than the log, which has its rows again now".to_owned(),
    };
    let opened = rows.rebuild().map_err(told)?;
    let count = rows.verify().map_err(told)?;
    rows.settle().map_err(told)?;
    drop(rows);
    log.flush(PATIENCE).map_err(|error| Fault::told(FaultKind::Machine, &error))?;
    let objects = repair_objects(directories, keys)?;
    let names = RealDisk.list(&place).unwrap_or_default();
    Ok(Repaired {
        found,
        commits: opened.replayed,
        rows: count,
        lost: opened.lost,
        log: report,
        objects,
        aside: names.iter().filter(|name| name.starts_with("quarantine-")).count(),
    })
}

/// Reads every object, and takes what is whole for all there is.
fn repair_objects(directories: &Directories, keys: &Unlocked) -> Result<Vec<String>, Fault> {
    let place = directories.objects();
    if !place.exists() {
        return Ok(Vec::new());
    }
    let told = |error: ObjectError| Fault::told(FaultKind::Machine, &error);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let store = ObjectStore::open(disk, &place, keys, ObjectOptions::default()).map_err(told)?;
    let mut damage = store.found().to_vec();
    damage.extend(store.verify().map_err(told)?);
    store.repair().map_err(told)?;
    store.save_index().map_err(told)?;
    damage.dedup();
    Ok(damage.iter().map(storage::object_damage).collect())
}

impl Repaired {
    fn damage(&self) -> Vec<String> {
        self.log.damage.iter().map(storage::damage).collect()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "found": self.found,
            "commits": self.commits,
            "rows": self.rows,
            "lost": self.lost,
            "records": self.log.records,
            "damage": self.damage(),
            "aside": self.aside,
            "objects": self.objects,
        })
    }

    fn to_text(&self) -> String {
        let Self { found, commits, rows, lost, log, aside, objects } = self;
        let mut lines = vec![
            format!("The log has {}.", counted(log.records, "whole record")),
            format!("The index of the rows was {}.", found.trim_end_matches('.')),
            format!(
                "It was made anew from {}; {} opened and whole.",
                counted(*commits, "commit"),
                match rows {
                    1 => "its 1 row was".to_owned(),
                    rows => format!("its {rows} rows were"),
                }
            ),
        ];
        lines.push(match (lost, self.damage().as_slice()) {
            (0, []) => "Nothing is lost.".to_owned(),
            (0, places) => {
                format!("No row is lost; damaged in the log: {}.", places.join(", "))
            }
            (lost, places) => format!(
                "Lost to damage in the log: {} of rows; {}.",
                counted(*lost, "commit"),
                places.join(", ")
            ),
        });
        if !objects.is_empty() {
            lines.push(format!("Damaged among the objects: {}.", objects.join(", ")));
        }
        if *aside > 0 {
            lines.push(format!(
                "{aside} files beside the log keep damaged bytes that were cut out."
            ));
        }
        lines.join("\n") + "\n"
    }
}

/// `1 row`, `2 rows`.
fn counted(count: u64, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use kernel::row::{Table, Transaction};

    use super::*;

    const PAIRS: Table<u64, String> = Table::new("pairs");

    struct Place {
        _dir: tempfile::TempDir,
        directories: Directories,
        keys: Unlocked,
    }

    impl Place {
        /// A profile with a hundred rows, each in a commit of its own.
        fn with_rows() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let directories = Directories::under(dir.path(), dir.path().into());
            directories.make().unwrap();
            let unprotected = kernel::keys::Protection::Unprotected;
            let keys = profile::init(&RealDisk, &directories, unprotected).unwrap();
            let place = Self { _dir: dir, directories, keys };
            let (rows, log) = place.open();
            for number in 0..100_u64 {
                let mut transaction = Transaction::new();
                transaction.insert(&PAIRS, &number, &format!("value {number}"));
                rows.commit(transaction).wait(PATIENCE).unwrap();
            }
            drop((rows, log));
            place
        }

        fn open(&self) -> (Rows, Arc<LogWriter>) {
            let disk: Arc<dyn Disk> = Arc::new(RealDisk);
            let (keys, options) = (&self.keys, LogOptions::default());
            let sealer = keys.sealer(journal::PURPOSE);
            let log = Log::open(disk.clone(), &self.directories.log(), sealer, options).unwrap();
            let log = Arc::new(LogWriter::start(log, |_| {}).unwrap());
            let source = Source { log: log.clone(), opener: keys.opener(journal::PURPOSE) };
            let (dir, options) = (self.directories.rows(), RowOptions::default());
            (Rows::open(disk, &dir, source, keys, options).unwrap(), log)
        }

        fn values(&self) -> Vec<(u64, String)> {
            let (rows, _log) = self.open();
            let snapshot = rows.snapshot();
            snapshot.range(&PAIRS, 0..).unwrap().map(Result::unwrap).collect()
        }

        fn files(&self, folder: &str) -> Vec<PathBuf> {
            let all = std::fs::read_dir(self.directories.data.join(folder)).unwrap();
            let mut paths: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
            paths.retain(|path| path.metadata().unwrap().len() > 0);
            paths.sort();
            paths
        }

        fn flip(path: &PathBuf, at: usize) {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[at] ^= 0x20;
            std::fs::write(path, bytes).unwrap();
        }
    }

    #[test]
    fn flipped_bytes_anywhere_in_the_index_cost_nothing() {
        let place = Place::with_rows();
        let whole = place.values();
        assert_eq!(whole.len(), 100);
        for path in place.files("rows") {
            let len = path.metadata().unwrap().len() as usize;
            for part in 0..4 {
                Place::flip(&path, (len - 1) * part / 3);
                let repaired = repair(&place.directories, &place.keys).unwrap();
                assert_eq!((repaired.rows, repaired.lost), (100, 0), "{repaired:?}");
                assert!(repaired.to_text().contains("Nothing is lost"), "{repaired:?}");
            }
        }
        assert_eq!(place.values(), whole);
    }

    #[test]
    fn an_index_that_is_gone_is_made_anew() {
        let place = Place::with_rows();
        std::fs::remove_dir_all(place.directories.rows()).unwrap();
        let repaired = repair(&place.directories, &place.keys).unwrap();
        assert_eq!((repaired.found.as_str(), repaired.rows), ("missing", 100));
    }

    #[test]
    fn a_damaged_object_is_named_and_the_others_stay() {
        let place = Place::with_rows();
        let open = || {
            let (disk, dir) = (Arc::new(RealDisk), place.directories.objects());
            ObjectStore::open(disk, &dir, &place.keys, ObjectOptions::default()).unwrap()
        };
        let store = open();
        let ids: Vec<_> = (0..20_u8).map(|number| store.put(&[number; 3000]).unwrap()).collect();
        for id in &ids {
            let root = kernel::object::Root::new("test", &id.to_string());
            store.hold(&root, *id).unwrap();
        }
        store.save_index().unwrap();
        drop(store);
        let pack = place.files("objects").into_iter();
        let pack = pack.filter(|path| path.extension().is_some_and(|end| end == "pack")).max();
        let pack = pack.unwrap();
        Place::flip(&pack, pack.metadata().unwrap().len() as usize / 2);
        let repaired = repair(&place.directories, &place.keys).unwrap();
        assert!(!repaired.objects.is_empty(), "{repaired:?}");
        assert!(repaired.to_text().contains("Damaged among the objects"), "{repaired:?}");
        assert_eq!((repaired.rows, repaired.lost), (100, 0));
        let store = open();
        let whole = |id: &&kernel::object::ObjectId| store.get(**id).is_ok();
        let count = ids.iter().filter(whole).count();
        assert!((18..20).contains(&count), "{count} of 20 are whole");
        assert!(!store.is_incomplete());
    }

    #[test]
    fn damage_in_the_log_costs_its_rows_alone_and_is_told() {
        let place = Place::with_rows();
        let segments = place.files("log").into_iter();
        let segment =
            segments.filter(|path| path.extension().is_some_and(|end| end == "seg")).max();
        let segment = segment.unwrap();
        let bytes = std::fs::read(&segment).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        Place::flip(&segment, used / 2);
        // Without its index nothing remembers what the damaged record said.
        std::fs::remove_dir_all(place.directories.rows()).unwrap();
        let repaired = repair(&place.directories, &place.keys).unwrap();
        assert_eq!((repaired.rows, repaired.lost), (99, 1), "{repaired:?}");
        let name = segment.file_name().unwrap().to_str().unwrap();
        let told = repaired.to_text();
        assert!(told.contains(name) && told.contains("1 commit of rows"), "{told}");
        assert!(std::fs::read(&segment).unwrap().len() >= used, "nothing of the log is deleted");
    }
}
