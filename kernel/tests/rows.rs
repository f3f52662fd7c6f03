//! Rows on a disk that fails in every way that it can, from a seed (`HEARTH_SEED`), against a plain
//! map. The threads take their turns as they like, so a seed gives the same operations and faults,
//! not the same interleaving.
//!
//! The long run is `HEARTH_ROW_OPERATIONS=1000000 cargo test --release -p kernel --test rows life`.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::disk::sim::{Reads, SimDisk, SplitMix};
use kernel::disk::{self, Disk, Open};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{Entry, Kind, Log, LogOptions, LogWriter, StreamId};
use kernel::row::{
    Found, Migrating, Migration, Pending, ROW_STREAM, RowError, RowOptions, Rows, Schema, Source,
    Table, Transaction, Version,
};

const SOON: Duration = Duration::from_secs(20);
const FACTS: Table<String, Vec<u8>> = Table::new("facts");
const COUNTS: Table<u64, u64> = Table::new("counts");
const SMALL: LogOptions = LogOptions { segment_bytes: 20_000, reserve_bytes: 16_000 };

fn seed() -> u64 {
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("HEARTH_SEED={seed}");
    seed
}

fn profile() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected).unwrap()
}

/// The rows of a process, and the log under them.
struct Store {
    rows: Rows,
    log: Arc<LogWriter>,
}

fn try_open(disk: &SimDisk, keys: &Unlocked) -> Result<Store, RowError> {
    let shared: Arc<dyn Disk> = Arc::new(disk.process());
    let log = Log::open(shared.clone(), Path::new("log"), keys.sealer("log"), SMALL)?;
    let log = Arc::new(LogWriter::start(log, |_| {}).unwrap());
    let source = Source { log: log.clone(), opener: keys.opener("log") };
    // A small cache, so that pages are read from the disk.
    let options = RowOptions { cache_bytes: 64 * 1024 };
    let rows = Rows::open(shared, Path::new("rows"), source, keys, options)?;
    Ok(Store { rows, log })
}

fn open(disk: &SimDisk, keys: &Unlocked) -> Store {
    try_open(disk, keys).unwrap()
}

type Facts = BTreeMap<String, Vec<u8>>;

fn facts(rows: &Rows) -> Result<(Version, Facts), RowError> {
    let snapshot = rows.snapshot();
    let facts = snapshot.range(&FACTS, ..)?.collect::<Result<Facts, RowError>>()?;
    for (key, value) in &facts {
        assert_eq!(snapshot.get(&FACTS, key)?.as_ref(), Some(value), "by key and by range");
    }
    Ok((snapshot.version(), facts))
}

/// Every transaction that was handed over and may have been committed, by its version.
#[derive(Default)]
struct Model {
    /// The facts at `version`, which is acknowledged.
    facts: Facts,
    version: u64,
    /// What was handed over after that, in order.
    behind: Vec<Vec<(String, Option<Vec<u8>>)>>,
}

impl Model {
    fn apply(facts: &mut Facts, changes: &[(String, Option<Vec<u8>>)]) {
        for (key, value) in changes {
            match value {
                Some(value) => drop(facts.insert(key.clone(), value.clone())),
                None => drop(facts.remove(key)),
            }
        }
    }

    fn acknowledge(&mut self) {
        self.version += self.behind.len() as u64;
        for changes in std::mem::take(&mut self.behind) {
            Self::apply(&mut self.facts, &changes);
        }
    }

    /// What is there is what was acknowledged and a whole beginning of the rest; it counts from
    /// now on.
    fn check(&mut self, rows: &Rows, context: &str) {
        self.compare(facts(rows).unwrap_or_else(|error| panic!("{context}: {error}")), context);
    }

    fn compare(&mut self, (version, got): (Version, Facts), context: &str) {
        assert!(version.0 >= self.version, "{context}: {version:?}, {} promised", self.version);
        let more = (version.0 - self.version) as usize;
        assert!(more <= self.behind.len(), "{context}: {version:?} was never handed over");
        self.behind.truncate(more);
        self.acknowledge();
        let other = |(key, value)| got.get(key) != Some(value);
        let lacks: Vec<_> = self.facts.iter().filter(|&row| other(row)).map(|it| it.0).collect();
        let is_same = lacks.is_empty() && got.len() == self.facts.len();
        assert!(is_same, "{context}: {version:?} differs in {lacks:?}");
    }
}

fn changes(random: &mut SplitMix) -> Vec<(String, Option<Vec<u8>>)> {
    (0..=random.below(3))
        .map(|_| {
            let key = format!("key {}", random.below(60));
            let len = if random.once_in(30) { random.below(9000) } else { random.below(200) };
            let value = (0..len).map(|_| random.next_u64() as u8).collect();
            (key, (!random.once_in(4)).then_some(value))
        })
        .collect()
}

fn transaction(changes: &[(String, Option<Vec<u8>>)]) -> Transaction {
    let mut transaction = Transaction::new();
    for (key, value) in changes {
        match value {
            Some(value) => transaction.put(&FACTS, key, value),
            None => transaction.remove(&FACTS, key),
        };
    }
    transaction
}

/// The answer; none when the machine goes off before there is one.
fn answer(disk: &SimDisk, pending: &Pending) -> Option<Result<Version, RowError>> {
    let begun = Instant::now();
    loop {
        match pending.wait(Duration::from_millis(5)) {
            Err(_) if disk.is_off() => return None,
            Err(RowError::Late) => assert!(begun.elapsed() < SOON, "no answer came"),
            answer => return Some(answer),
        }
    }
}

/// Hands over and waits, a few at a time; ends when the machine does.
fn work(store: &Store, model: &mut Model, disk: &SimDisk, random: &mut SplitMix, count: u64) {
    for _ in 0..count {
        let mut last = None;
        for _ in 0..=random.below(4) {
            let changes = changes(random);
            last = Some(store.rows.commit(transaction(&changes)));
            model.behind.push(changes);
        }
        match answer(disk, &last.unwrap()) {
            Some(Ok(version)) => {
                assert_eq!(version.0, model.version + model.behind.len() as u64);
                model.acknowledge();
            }
            Some(Err(error)) => panic!("{error}"),
            None => return,
        }
    }
}

/// Drops what rows no longer need from the log.
fn condense(store: &Store, keys: &Unlocked) -> Result<(), RowError> {
    let condensed = store.rows.condense()?;
    store.log.compact(&keys.opener("log"), |record| condensed.keeps(record))?;
    Ok(())
}

#[test]
fn a_life_of_operations_is_as_a_plain_map_has_it() {
    let operations = std::env::var("HEARTH_ROW_OPERATIONS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(4000);
    let (mut random, keys) = (SplitMix::new(seed()), profile());
    let disk = SimDisk::new(random.next_u64());
    let mut model = Model::default();
    let (mut process, mut end) = (0, "");
    while model.version < operations {
        process += 1;
        let context = format!("process {process} behind {end:?}");
        if random.once_in(3) {
            disk.crash_after(random.below(600));
        }
        let Ok(store) = try_open(&disk, &keys) else {
            assert!(disk.is_off(), "{context} could not begin");
            disk.cut_power();
            end = "a cut in the recovery";
            continue;
        };
        let context = format!("{context}, {:?}", store.rows.opened());
        match facts(&store.rows) {
            Ok(facts) => model.compare(facts, &context),
            // It went off between its start and the look.
            Err(error) => assert!(disk.is_off(), "{context}: {error}"),
        }
        let count = 1 + random.below(60.max(operations / 100));
        work(&store, &mut model, &disk, &mut random, count);
        if !disk.is_off() && random.once_in(3) {
            let done = condense(&store, &keys);
            assert!(done.is_ok() || disk.is_off(), "{context}: {done:?}");
        }
        match random.below(3) {
            0 => {
                drop(store);
                end = "an orderly end";
                if disk.is_off() {
                    end = "a cut before or in an orderly end";
                    disk.cut_power();
                }
            }
            1 => {
                end = if disk.is_off() { "a cut that tore nothing" } else { "a kill" };
                disk.kill();
                drop(store);
            }
            _ => {
                end = "a cut";
                disk.cut_power();
                drop(store);
            }
        }
    }
    eprintln!("{process} processes, {} commits", model.version);
}

#[test]
fn a_cut_at_every_step_and_one_in_the_recovery_keep_whole_transactions() {
    let (keys, seed) = (profile(), seed());
    let mut is_through = false;
    for after in 0.. {
        if is_through {
            break;
        }
        let mut random = SplitMix::new(seed);
        let disk = SimDisk::new(seed + after);
        let mut model = Model::default();
        disk.crash_after(after);
        if let Ok(store) = try_open(&disk, &keys) {
            work(&store, &mut model, &disk, &mut random, 3);
            if !disk.is_off() {
                drop(store.rows.settle());
                work(&store, &mut model, &disk, &mut random, 2);
            }
            drop(store);
        }
        is_through = !disk.is_off();
        disk.cut_power();
        disk.crash_after(after % 23);
        drop(try_open(&disk, &keys));
        disk.cut_power();
        let store = open(&disk, &keys);
        model.check(&store.rows, &format!("seed {seed}, cut after {after}"));
        assert_eq!(store.rows.opened().lost, 0);
        work(&store, &mut model, &disk, &mut random, 1);
    }
}

#[test]
fn a_failing_write_anywhere_costs_nothing_that_was_acknowledged() {
    let (keys, seed) = (profile(), seed());
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        // Those that fail six times make the log wait, and try again after half a second.
        let once = (0..100).map(|after| (after, 1));
        for (after, times) in once.chain((0..100).step_by(12).map(|after| (after, 6))) {
            let mut random = SplitMix::new(seed);
            let disk = SimDisk::new(seed + after);
            let mut model = Model::default();
            let store = open(&disk, &keys);
            work(&store, &mut model, &disk, &mut random, 1);
            disk.fail_writes(after, times, kind);
            for _ in 0..3 {
                let changes = changes(&mut random);
                let pending = store.rows.commit(transaction(&changes));
                model.behind.push(changes);
                if pending.wait(Duration::from_millis(30)).is_ok() {
                    model.acknowledge();
                }
            }
            drop(store.rows.settle());
            disk.fail_writes(0, 0, kind);
            model.check(&store.rows, &format!("{kind:?} after {after}, in the same process"));
            drop(store);
            disk.cut_power();
            let store = open(&disk, &keys);
            model.check(&store.rows, &format!("{kind:?} after {after}, {times} times"));
        }
    }
}

#[test]
fn a_full_disk_is_survived_with_the_logs_reserve() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let disk = SimDisk::new(1);
    let mut model = Model::default();
    let store = open(&disk, &keys);
    work(&store, &mut model, &disk, &mut random, 5);
    drop(store);
    let store = open(&disk, &keys);
    disk.set_capacity(disk.used());
    // What fits the reserve is as durable as ever.
    for number in 0..10 {
        let changes = vec![(format!("full {number}"), Some(vec![7; 50]))];
        store.rows.commit(transaction(&changes)).wait(SOON).unwrap();
        model.behind.push(changes);
        model.acknowledge();
    }
    store.rows.settle().unwrap();
    model.check(&store.rows, "full");
    drop(store);
    disk.kill();
    let store = open(&disk, &keys);
    model.check(&store.rows, "still full");
    disk.set_capacity(u64::MAX);
    work(&store, &mut model, &disk, &mut random, 5);
    drop(store);
    model.check(&open(&disk, &keys).rows, "space again");
}

#[test]
fn failed_syncs_short_reads_and_read_errors_give_no_wrong_value() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let disk = SimDisk::new(7);
    let mut model = Model::default();
    disk.set_reads(Reads::Short);
    for process in 0..30 {
        let store = open(&disk, &keys);
        model.check(&store.rows, &format!("process {process}"));
        disk.fail_syncs(random.below(4) as u32);
        work(&store, &mut model, &disk, &mut random, 4);
        disk.fail_syncs(random.below(3) as u32);
        drop(store.rows.settle());
        disk.fail_reads(random.below(20), random.below(3));
        if let Ok((version, facts)) = facts(&store.rows) {
            assert_eq!((version.0, facts), (model.version, model.facts.clone()));
        }
        disk.fail_reads(0, 0);
        disk.fail_syncs(0);
        if random.once_in(2) {
            disk.cut_power();
        }
    }
}

fn paths(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    disk.list(Path::new(dir)).unwrap().iter().map(|name| Path::new(dir).join(name)).collect()
}

fn content(disk: &SimDisk, path: &Path) -> Vec<u8> {
    disk::read(disk, path, usize::MAX).unwrap()
}

fn put_back(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    let file = disk.open(path, Open::Truncate).unwrap();
    file.write_all_at(0, bytes).unwrap();
}

/// A disk with an orderly closed store that has some pages.
fn filled(keys: &Unlocked, random: &mut SplitMix) -> (SimDisk, Model) {
    let (disk, mut model) = (SimDisk::new(3), Model::default());
    let store = open(&disk, keys);
    work(&store, &mut model, &disk, random, 60);
    drop(store);
    (disk, model)
}

#[test]
fn a_flip_in_any_block_of_the_index_gives_no_wrong_value_and_heals() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, mut model) = filled(&keys, &mut random);
    let path = Path::new("rows/rows.db");
    let sound = content(&disk, path);
    let (mut rebuilt, mut blocks) = (0, 0);
    for block in 0..sound.len().div_ceil(512) {
        let room = (sound.len() - block * 512).min(512) as u64;
        let offset = block as u64 * 512 + random.below(room);
        if sound[offset as usize & !511..].iter().take(512).all(|&byte| byte == 0) {
            continue;
        }
        blocks += 1;
        put_back(&disk, path, &sound);
        disk.flip_bit(path, offset, random.below(8) as u8);
        let store = open(&disk, &keys);
        let begun = Instant::now();
        // Either all of it is right, or it is told as damage and is right soon.
        while let Err(error) = facts(&store.rows) {
            assert!(matches!(error, RowError::Damaged(_)), "{error}");
            assert!(begun.elapsed() < SOON, "it does not heal: {error}");
            std::thread::sleep(Duration::from_millis(2));
            rebuilt += 1;
        }
        model.check(&store.rows, &format!("a flip at {offset}"));
        rebuilt += u64::from(matches!(store.rows.opened().found, Found::Rebuilt(_)));
    }
    assert!(blocks > 20 && rebuilt > blocks / 4, "{rebuilt} of {blocks} flips were noticed");
}

#[test]
fn a_flip_in_any_block_of_the_log_is_told_as_a_loss_when_the_index_is_gone_too() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, mut model) = filled(&keys, &mut random);
    let files: Vec<(PathBuf, Vec<u8>)> = paths(&disk, "log")
        .into_iter()
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .map(|path| (path.clone(), content(&disk, &path)))
        .collect();
    let index = content(&disk, Path::new("rows/rows.db"));
    let mut told = 0;
    for (path, sound) in &files {
        for block in 0..sound.len() / 512 {
            for (path, bytes) in &files {
                put_back(&disk, path, bytes);
            }
            let offset = block as u64 * 512 + random.below(512);
            disk.flip_bit(path, offset, random.below(8) as u8);
            // With the index nothing is lost, as it has all that the log said.
            put_back(&disk, Path::new("rows/rows.db"), &index);
            let store = open(&disk, &keys);
            if !matches!(store.rows.opened().found, Found::Rebuilt(_)) {
                model.check(&store.rows, &format!("{} at {offset}", path.display()));
            }
            drop(store);
            disk.remove(Path::new("rows/rows.db")).unwrap();
            let store = open(&disk, &keys);
            let (_, got) = facts(&store.rows).unwrap();
            let is_last = got != model.facts && store.rows.snapshot().version().0 < model.version;
            let lost = store.rows.opened().lost;
            assert!(got == model.facts || lost > 0 || is_last, "a loss at {offset} is not told");
            told += u64::from(lost > 0);
        }
    }
    assert!(told > 10, "{told} losses were told");
}

#[test]
fn an_old_index_catches_up_and_an_old_log_is_noticed() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, mut model) = filled(&keys, &mut random);
    let path = Path::new("rows/rows.db");
    let old_index = content(&disk, path);
    let old_log: Vec<(PathBuf, Vec<u8>)> =
        paths(&disk, "log").into_iter().map(|path| (path.clone(), content(&disk, &path))).collect();
    let store = open(&disk, &keys);
    work(&store, &mut model, &disk, &mut random, 30);
    drop(store);
    let index = content(&disk, path);

    put_back(&disk, path, &old_index);
    let store = open(&disk, &keys);
    assert!(store.rows.opened().replayed > 0);
    model.check(&store.rows, "an old index, and the log has all since");
    condense(&store, &keys).unwrap();
    work(&store, &mut model, &disk, &mut random, 3);
    drop(store);
    put_back(&disk, path, &old_index);
    let store = open(&disk, &keys);
    assert!(matches!(store.rows.opened().found, Found::Rebuilt(_)));
    model.check(&store.rows, "an old index, and the log was condensed since");
    drop(store);

    let now = model.version;
    for path in paths(&disk, "log") {
        disk.remove(&path).unwrap();
    }
    for (path, bytes) in &old_log {
        put_back(&disk, path, bytes);
    }
    put_back(&disk, path, &index);
    let store = open(&disk, &keys);
    assert_eq!(store.rows.opened().found, Found::LogRolledBack);
    assert!(store.rows.snapshot().version().0 <= now);
    let (version, kept) = facts(&store.rows).unwrap();
    let before = store.rows.rebuild().unwrap();
    assert_eq!(before.lost, 0, "it was written to the log again");
    assert_eq!(facts(&store.rows).unwrap(), (version, kept));
}

#[test]
fn what_was_condensed_is_rebuilt_from_the_log_alone() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, mut model) = filled(&keys, &mut random);
    let store = open(&disk, &keys);
    let before = disk.used();
    let other = StreamId(9);
    for _ in 0..3 {
        let entry = Entry { stream: other, kind: Kind(1), payload: b"another's".to_vec() };
        store.log.append(entry).unwrap();
        condense(&store, &keys).unwrap();
        work(&store, &mut model, &disk, &mut random, 2);
    }
    let mut others = 0;
    store
        .log
        .reader()
        .replay(&keys.opener("log"), |it| it.stream != ROW_STREAM, |_| others += 1)
        .unwrap();
    assert_eq!(others, 3, "what is another's stays");
    drop(store);
    assert!(disk.used() < before, "{} of {before} bytes are left", disk.used());
    disk.remove(Path::new("rows/rows.db")).unwrap();
    let store = open(&disk, &keys);
    assert_eq!(store.rows.opened().found, Found::Made);
    assert_eq!(store.rows.opened().lost, 0);
    model.check(&store.rows, "from the log alone");
    assert_eq!(store.rows.verify().unwrap(), model.facts.len() as u64);
}

#[test]
fn an_orderly_end_is_found_sound_and_another_is_checked() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, mut model) = filled(&keys, &mut random);
    let store = open(&disk, &keys);
    assert_eq!(store.rows.opened().found, Found::Sound);
    assert_eq!(store.rows.opened().replayed, 0);
    // Two at once: the second is told.
    let second = try_open(&disk, &keys);
    assert!(matches!(second.err(), Some(RowError::Log(_))));
    work(&store, &mut model, &disk, &mut random, 2);
    store.rows.settle().unwrap();
    disk.kill();
    drop(store);
    let store = open(&disk, &keys);
    assert_eq!(store.rows.opened().found, Found::Checked);
    model.check(&store.rows, "after a kill");
}

#[test]
fn conditions_are_decided_one_after_the_other() {
    let (keys, disk) = (profile(), SimDisk::new(1));
    let store = open(&disk, &keys);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut done = 0;
                while done < 40 {
                    let count = store.rows.snapshot().get(&COUNTS, &1).unwrap();
                    let mut transaction = Transaction::new();
                    transaction.expect(&COUNTS, &1, count.as_ref());
                    transaction.put(&COUNTS, &1, &(count.unwrap_or(0) + 1));
                    match store.rows.commit(transaction).wait(SOON) {
                        Ok(version) => {
                            assert!(store.rows.snapshot().version() >= version, "acknowledged");
                            done += 1;
                        }
                        Err(RowError::Conflict) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert_eq!(store.rows.snapshot().get(&COUNTS, &1).unwrap(), Some(320));
    let mut twice = Transaction::new();
    twice.insert(&COUNTS, &1, &0);
    let refused = store.rows.commit(twice).wait(SOON);
    assert!(matches!(refused, Err(RowError::Conflict)));
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let (keys, disk) = (profile(), SimDisk::new(1));
    let store = open(&disk, &keys);
    let put = |value| {
        let mut transaction = Transaction::new();
        for key in 0..500 {
            transaction.put(&COUNTS, &key, &value);
        }
        store.rows.commit(transaction).wait(SOON).unwrap();
    };
    put(1);
    let snapshot = store.rows.snapshot();
    let mut half = snapshot.range(&COUNTS, 100..).unwrap();
    assert_eq!(half.next().unwrap().unwrap(), (100, 1));
    put(2);
    store.rows.rebuild().unwrap();
    put(3);
    assert_eq!(snapshot.get(&COUNTS, &7).unwrap(), Some(1));
    assert!(half.all(|row| row.unwrap().1 == 1));
    assert_eq!(store.rows.snapshot().range(&COUNTS, 10..=12).unwrap().count(), 3);
    let none = store.rows.snapshot().range(&COUNTS, 12..12).unwrap().count();
    assert_eq!(none, 0);
}

#[test]
fn no_key_no_value_and_no_table_lies_in_the_clear() {
    let (keys, disk) = (profile(), SimDisk::new(1));
    let store = open(&disk, &keys);
    for number in 0..300_u64 {
        let mut transaction = Transaction::new();
        let key = format!("canary-key-{number}");
        transaction.put(&FACTS, &key, &format!("canary-value-{number}").into_bytes());
        store.rows.commit(transaction).wait(SOON).unwrap();
    }
    condense(&store, &keys).unwrap();
    store.rows.settle().unwrap();
    drop(store);
    let mut bytes = 0;
    for path in paths(&disk, "rows").into_iter().chain(paths(&disk, "log")) {
        let content = content(&disk, &path);
        bytes += content.len();
        for canary in [&b"canary"[..], b"facts", b"standing", b"redb"] {
            let is_there = content.windows(canary.len()).any(|part| part == canary);
            assert!(!is_there, "{} holds {}", path.display(), canary.escape_ascii());
        }
    }
    assert!(bytes > 100_000, "only {bytes} bytes were looked at");
}

fn begin(rows: &mut Migrating<'_>) -> Result<(), RowError> {
    rows.put(&COUNTS, &1, &10);
    Ok(())
}

fn double(rows: &mut Migrating<'_>) -> Result<(), RowError> {
    for (key, value) in rows.rows(&COUNTS)? {
        rows.put(&COUNTS, &(key + 100), &(value * 2));
        rows.remove(&COUNTS, &key);
    }
    Ok(())
}

fn fail(_rows: &mut Migrating<'_>) -> Result<(), RowError> {
    Err(RowError::Conflict)
}

#[test]
fn migrations_run_forward_once_whole_and_refuse_a_newer_schema() {
    const FIRST: Migration = Migration { name: "begin", run: begin };
    const SECOND: Migration = Migration { name: "double", run: double };
    const BAD: Migration = Migration { name: "fail", run: fail };
    let (keys, disk) = (profile(), SimDisk::new(1));
    let store = open(&disk, &keys);
    let schema = |steps: &'static [Migration]| Schema { name: "counting", steps };
    let migrate = |steps| store.rows.migrate(&schema(steps), SOON);
    assert!(migrate(&[FIRST, BAD]).is_err());
    assert_eq!(store.rows.snapshot().get(&COUNTS, &1).unwrap(), None, "all or none");
    for from in [0, 2] {
        let done = migrate(&[FIRST, SECOND]).unwrap();
        assert_eq!((done.from, done.to), (from, 2));
        let snapshot = store.rows.snapshot();
        assert_eq!(snapshot.get(&COUNTS, &101).unwrap(), Some(20));
        assert_eq!(snapshot.get(&COUNTS, &1).unwrap(), None);
    }
    let older = migrate(&[FIRST]).unwrap_err();
    assert!(matches!(older, RowError::NewerSchema { found: 2, known: 1, .. }), "{older}");
    assert!(older.to_string().contains("\"counting\""));
}

#[test]
fn what_a_later_hearth_wrote_is_refused_and_kept() {
    let (keys, mut random) = (profile(), SplitMix::new(seed()));
    let (disk, _) = filled(&keys, &mut random);
    let path = Path::new("rows/rows.db");
    let mut later = content(&disk, path);
    (later[8], later[8192 + 8]) = (2, 2);
    put_back(&disk, path, &later);
    let refused = try_open(&disk, &keys).err();
    assert!(matches!(refused, Some(RowError::Newer(at)) if at == path));
    assert_eq!(content(&disk, path), later);
    disk.remove(path).unwrap();
    let store = open(&disk, &keys);
    let entry = Entry { stream: ROW_STREAM, kind: Kind(1), payload: vec![2, 0] };
    store.log.append(entry).unwrap();
    drop(store);
    assert!(matches!(try_open(&disk, &keys).err(), Some(RowError::NewerRecord)));
}

#[test]
fn what_is_too_long_is_refused_with_its_limit() {
    let (keys, disk) = (profile(), SimDisk::new(1));
    let store = open(&disk, &keys);
    let mut long = Transaction::new();
    long.put(&FACTS, &"k".repeat(2000), &vec![]);
    let refused = store.rows.commit(long).wait(SOON).unwrap_err();
    assert!(matches!(refused, RowError::TooLong { what: "a key", max: 1024, .. }), "{refused}");
    let mut long = Transaction::new();
    long.put(&FACTS, &"k".to_owned(), &vec![0; (1 << 20) + 1]);
    assert!(store.rows.commit(long).wait(SOON).is_err());
    assert_eq!(store.rows.snapshot().version(), Version(0));
}
