//! The stores together in one log: what compaction leaves them, and what a second process gets.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::disk::{Disk, RealDisk};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::ledger::{self, Decision, DeviceKey, Ledger, SubjectHash, Time, TraceId};
use kernel::log::{Entry, Kind, Log, LogError, LogOptions, LogWriter, RecordHeader, StreamId};
use kernel::object::{ObjectOptions, ObjectStore};
use kernel::principal::ActionId;
use kernel::row::{Found, ROW_STREAM, RowError, RowOptions, Rows, Source, Table, Transaction};
use kernel::run::{
    Context, GateKeeper, Inputs, ObjectArtifacts, Outputs, Plan, RunState, Runs, Step,
};
use kernel::stores;

const FACTS: Table<u64, Vec<u8>> = Table::new("facts");
const OTHER: StreamId = StreamId(5);
const SOON: Duration = Duration::from_secs(60);

struct Open;

impl GateKeeper for Open {
    fn decide(&self, _: &kernel::run::Wish<'_>) -> kernel::run::Decision {
        kernel::run::Decision::Allow
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

/// Every store of a profile.
struct Stores {
    log: Arc<LogWriter>,
    rows: Arc<Rows>,
    ledger: Ledger,
    objects: ObjectStore,
}

fn keys(dir: &Path) -> Unlocked {
    match Profile::create(&RealDisk, &dir.join("keys"), Protection::Unprotected) {
        Ok(keys) => keys,
        Err(_) => {
            Profile::open(&RealDisk, &dir.join("keys")).unwrap().unlock_unprotected().unwrap()
        }
    }
}

fn open_log(dir: &Path, keys: &Unlocked) -> Result<Arc<LogWriter>, LogError> {
    let options = LogOptions { segment_bytes: 20_000, reserve_bytes: 16_000 };
    let log = Log::open(Arc::new(RealDisk), dir, keys.sealer("log"), options)?;
    Ok(Arc::new(LogWriter::start(log, |_| {}).unwrap()))
}

fn open_rows(dir: &Path, log: &Arc<LogWriter>, keys: &Unlocked) -> Result<Rows, RowError> {
    let source = Source { log: log.clone(), opener: keys.opener("log") };
    let options = RowOptions { cache_bytes: 256 * 1024 };
    Rows::open(Arc::new(RealDisk), dir, source, keys, options)
}

fn open(dir: &Path) -> Stores {
    let (disk, keys): (Arc<dyn Disk>, _) = (Arc::new(RealDisk), keys(dir));
    let log = open_log(&dir.join("log"), &keys).unwrap();
    let rows = Arc::new(open_rows(&dir.join("rows"), &log, &keys).unwrap());
    let parts = ledger::Parts {
        disk: disk.clone(),
        dir: &dir.join("ledger"),
        writer: log.clone(),
        opener: keys.opener("log"),
        keys: &keys,
        signer: Arc::new(DeviceKey::from_seed(&[7; 32])),
        patience: SOON,
    };
    let (ledger, faults) = Ledger::open(parts).unwrap();
    assert_eq!(faults, []);
    let objects = ObjectStore::open(disk, &dir.join("objects"), &keys, ObjectOptions::default());
    Stores { log, rows, ledger, objects: objects.unwrap() }
}

impl Stores {
    fn put(&self, keys: std::ops::Range<u64>) {
        for key in keys {
            let mut transaction = Transaction::new();
            transaction.put(&FACTS, &(key % 50), &key.to_le_bytes().to_vec());
            self.rows.commit(transaction).wait(SOON).unwrap();
            let entry = ledger::Entry {
                time: Time(1),
                trace: TraceId(key.into()),
                actor: "owner".parse().unwrap(),
                action: ActionId::new("file.write").unwrap(),
                subject: Some(SubjectHash([3; 32])),
                decision: Decision::Allowed,
                rule: None,
                evidence: Vec::new(),
            };
            self.ledger.append(&entry).unwrap();
            let payload = vec![0; 200];
            self.log.append(Entry { stream: OTHER, kind: Kind(2), payload }).unwrap();
        }
        self.ledger.checkpoint().unwrap();
    }

    fn facts(&self) -> BTreeMap<u64, Vec<u8>> {
        self.rows.snapshot().range(&FACTS, ..).unwrap().map(Result::unwrap).collect()
    }

    fn runs(&self) -> Runs {
        let artifacts = Arc::new(ObjectArtifacts::new(self.objects.clone()));
        let mut runs = Runs::new(self.rows.clone(), artifacts, Arc::new(Open), BTreeMap::new());
        let give = |_: &Context, _: &Inputs| {
            Ok(Outputs::from([("out".to_owned(), b"what a step gave".to_vec())]))
        };
        runs.register("x.give", Arc::new(give));
        runs
    }
}

/// Each step drops everything that no store says it needs, which is how a store's record would be
/// lost if the question left one out; the rows' index goes too, so that the log has to answer.
#[test]
fn a_compaction_that_asks_leaves_every_store_whole() {
    let dir = tempfile::tempdir().unwrap();
    let stores = open(dir.path());
    stores.put(0..200);
    let step = Step::new("s", "x.give", 1, kernel::Effect::Idempotent);
    let runs = stores.runs();
    let plan = Plan { name: "p".to_owned(), steps: vec![step] };
    let run = runs.start("owner", &plan).unwrap();
    assert_eq!(runs.drive(run).unwrap(), RunState::Done);
    let shown = runs.show(run).unwrap();
    let opener = keys(dir.path()).opener("log");
    let done = stores.log.compact(&opener, |header| stores::needs(header, None)).unwrap();
    assert!((150..=200).contains(&done.dropped), "what is nobody's: {done:?}");
    let condensed = stores.rows.condense().unwrap();
    stores.put(200..230);
    let more = stores.log.compact(&opener, |header| stores::needs(header, Some(&condensed)));
    assert!(more.unwrap().dropped >= 150, "commits that the picture holds");
    let facts = stores.facts();
    drop((runs, stores));
    std::fs::remove_dir_all(dir.path().join("rows")).unwrap();

    let stores = open(dir.path());
    assert_eq!((stores.rows.opened().found, stores.rows.opened().lost), (Found::Made, 0));
    assert_eq!((stores.facts(), stores.facts().len()), (facts, 50));
    assert_eq!(stores.ledger.len(), 230);
    assert!(stores.ledger.verify().unwrap().is_ok());
    assert_eq!(stores.runs().show(run).unwrap(), shown);
    let (mut rows, mut entries, mut others) = (0, 0, 0);
    let count = |header: &RecordHeader| {
        match header.stream {
            ROW_STREAM => rows += 1,
            OTHER => others += 1,
            _ => entries += 1,
        }
        false
    };
    let count = std::cell::RefCell::new(count);
    stores.log.reader().replay(&opener, |header| count.borrow_mut()(header), |_| ()).unwrap();
    assert!(rows < 150 && entries >= 232 && others < 80, "{rows} {entries} {others}");
}

/// The test starts itself again as the process that has the profile.
#[test]
fn a_second_process_on_one_profile_is_refused_by_name() {
    let name = "a_second_process_on_one_profile_is_refused_by_name";
    if let Ok(dir) = std::env::var("HEARTH_STORES_CHILD") {
        let stores = open(Path::new(&dir));
        stores.put(0..20);
        std::fs::write(Path::new(&dir).join("ready"), "").unwrap();
        std::thread::sleep(SOON);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name]).env("HEARTH_STORES_CHILD", dir.path());
    let mut child = child.stdout(std::process::Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !dir.path().join("ready").exists() {
        assert!(begun.elapsed() < SOON, "the child does not come so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    let keys = keys(dir.path());
    let told = |what: &str, error: &dyn std::fmt::Display| {
        let (error, path) = (error.to_string(), dir.path().join(what).display().to_string());
        let is_named = error.contains(&path) && error.contains("another Hearth");
        assert!(is_named && error.contains("HEARTH_HOME"), "{what}: {error}");
    };
    let log = open_log(&dir.path().join("log"), &keys);
    assert!(matches!(log, Err(LogError::Busy(_))));
    told("log", &log.unwrap_err());
    // Whoever has come by another log does not get at the rows either.
    let other = open_log(&dir.path().join("other log"), &keys).unwrap();
    let rows = open_rows(&dir.path().join("rows"), &other, &keys);
    assert!(matches!(rows, Err(RowError::Busy(_))));
    told("rows", &rows.unwrap_err());
    let options = ObjectOptions::default();
    let disk = Arc::new(RealDisk);
    let objects = ObjectStore::open(disk, &dir.path().join("objects"), &keys, options);
    told("objects", &objects.err().unwrap());
    drop(other);

    child.kill().unwrap();
    child.wait().unwrap();
    let stores = open(dir.path());
    assert_eq!(stores.facts().len(), 20, "the one that had it lost nothing by this");
    assert_eq!(stores.ledger.len(), 20);
}

#[test]
fn starts_that_write_nothing_leave_no_segments_behind() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).put(0..30);
    // The second start may have something to say of the first, once.
    drop(open(dir.path()));
    let segments = || {
        let names = std::fs::read_dir(dir.path().join("log")).unwrap().flatten();
        names.filter(|it| it.file_name().to_string_lossy().ends_with(".seg")).count()
    };
    let before = segments();
    for _ in 0..5 {
        assert_eq!(open(dir.path()).facts().len(), 30);
    }
    assert_eq!(segments(), before);
}
