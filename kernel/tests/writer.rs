//! The writer's threads: on a simulated disk for their order, on the real one for a real `kill -9`.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use kernel::disk::RealDisk;
use kernel::disk::sim::{SimDisk, SplitMix};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{
    AppendError, Entry, Health, Kind, Log, LogError, LogEvent, LogOptions, LogWriter,
    PAYLOAD_BYTES_MAX, StreamId, Unmade,
};

const SOON: Duration = Duration::from_secs(20);

fn profile() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected).unwrap()
}

fn entry(number: u64) -> Entry {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(80, 7);
    Entry { stream: StreamId(1), kind: Kind(1), payload }
}

fn start(
    disk: &SimDisk,
    profile: &Unlocked,
    tell: impl Fn(LogEvent) + Send + 'static,
) -> LogWriter {
    let options = LogOptions { segment_bytes: 20_000, reserve_bytes: 16_000 };
    let disk = Arc::new(disk.process());
    let log = Log::open(disk, Path::new("log"), profile.sealer("log"), options).unwrap();
    LogWriter::start(log, tell).unwrap()
}

fn append(writer: &LogWriter, numbers: std::ops::Range<u64>) {
    for number in numbers {
        writer.append(entry(number)).unwrap();
    }
}

fn numbers(writer: &LogWriter, profile: &Unlocked) -> Vec<u64> {
    let mut got = Vec::new();
    let read = |record: kernel::log::Record| {
        got.push(u64::from_le_bytes(*record.payload.first_chunk().unwrap()));
    };
    writer.reader().replay(&profile.opener("log"), |_| true, read).unwrap();
    got
}

#[test]
fn tickets_turn_written_then_synced_and_the_listener_hears_of_both() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let (sender, events) = mpsc::channel();
    let writer = start(&disk, &profile, move |event| {
        // At the end nobody listens any more.
        let _nobody = sender.send(event);
    });
    let mut last = None;
    for number in 0..500 {
        last = Some(writer.append(entry(number)).unwrap());
    }
    let last = last.unwrap();
    writer.wait_written(SOON).unwrap();
    assert!(writer.written(last));
    // Nobody asks for a sync: it comes by itself, and soon.
    let start_of_wait = Instant::now();
    while !writer.synced(last) {
        assert!(start_of_wait.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(numbers(&writer, &profile), (0..500).collect::<Vec<_>>());
    drop(writer);
    let events: Vec<LogEvent> = events.iter().collect();
    assert!(events.contains(&LogEvent::Written(last)) && events.contains(&LogEvent::Synced(last)));
}

#[test]
fn what_was_flushed_survives_a_cut_and_what_was_dropped_was_flushed() {
    let (disk, profile) = (SimDisk::new(2), profile());
    let writer = start(&disk, &profile, |_| {});
    append(&writer, 0..50);
    writer.flush(SOON).unwrap();
    disk.cut_power();
    drop(writer);
    let writer = start(&disk, &profile, |_| {});
    assert_eq!(numbers(&writer, &profile), (0..50).collect::<Vec<_>>());
    writer.append(entry(50)).unwrap();
    drop(writer);
    disk.cut_power();
    let writer = start(&disk, &profile, |_| {});
    assert_eq!(numbers(&writer, &profile), (0..51).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_is_told_once_and_typing_goes_on_to_the_reserve() {
    let (disk, profile) = (SimDisk::new(3), profile());
    let healths = Arc::new(Mutex::new(Vec::new()));
    let heard = healths.clone();
    let writer = start(&disk, &profile, move |event| {
        if let LogEvent::Health(health) = event {
            heard.lock().unwrap().push(health);
        }
    });
    writer.append(entry(0)).unwrap();
    writer.flush(SOON).unwrap();
    disk.set_capacity(disk.used());
    for number in 1..40 {
        writer.append(entry(number)).unwrap();
        writer.flush(SOON).unwrap();
    }
    assert_eq!(*healths.lock().unwrap(), [Health::OnReserve]);
    // More than the reserve takes: it waits, nothing is refused or lost.
    for number in 40..200 {
        writer.append(entry(number)).unwrap();
    }
    assert!(matches!(writer.flush(Duration::from_millis(100)), Err(LogError::Late)));
    assert_eq!(writer.health(), Health::Full);
    disk.set_capacity(u64::MAX);
    writer.flush(SOON).unwrap();
    let start_of_wait = Instant::now();
    while writer.health() != Health::Good {
        assert!(start_of_wait.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(5));
    }
    disk.cut_power();
    drop(writer);
    let writer = start(&disk, &profile, |_| {});
    assert_eq!(numbers(&writer, &profile), (0..200).collect::<Vec<_>>());
}

#[test]
fn failed_syncs_are_told_and_repaired_without_being_asked() {
    let (disk, profile) = (SimDisk::new(4), profile());
    let (sender, events) = mpsc::channel();
    let writer = start(&disk, &profile, move |event| {
        // At the end nobody listens any more.
        let _nobody = sender.send(event);
    });
    writer.append(entry(0)).unwrap();
    writer.flush(SOON).unwrap();
    disk.fail_syncs(2);
    let ticket = writer.append(entry(1)).unwrap();
    let start_of_wait = Instant::now();
    while !writer.synced(ticket) {
        assert!(start_of_wait.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(1));
    }
    disk.cut_power();
    drop(writer);
    assert!(events.iter().any(|event| event == LogEvent::Health(Health::SyncFailed)));
    let writer = start(&disk, &profile, |_| {});
    assert_eq!(numbers(&writer, &profile), [0, 1]);
}

#[test]
fn compaction_runs_while_others_append() {
    let (disk, profile) = (SimDisk::new(5), profile());
    let writer = start(&disk, &profile, |_| {});
    let opener = profile.opener("log");
    std::thread::scope(|scope| {
        scope.spawn(|| append(&writer, 0..3000));
        for _ in 0..5 {
            writer.compact(&opener, |header| header.sequence.0 % 2 == 0).unwrap();
        }
    });
    writer.flush(SOON).unwrap();
    writer.compact(&opener, |header| header.sequence.0 % 2 == 0).unwrap();
    assert_eq!(numbers(&writer, &profile), (0..3000).filter(|it| it % 2 == 1).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_taken_is_refused_at_once() {
    let (disk, profile) = (SimDisk::new(6), profile());
    let writer = start(&disk, &profile, |_| {});
    let long = Entry { payload: vec![0; PAYLOAD_BYTES_MAX + 1], ..entry(0) };
    assert!(matches!(writer.append(long), Err(AppendError::Refused(LogError::TooLong(_)))));
    let reserved = Entry { kind: Kind(u16::MAX), ..entry(0) };
    assert!(matches!(writer.append(reserved), Err(AppendError::Refused(LogError::ReservedKind))));
}

#[test]
fn an_entry_is_made_in_its_turn_and_nobody_waits_for_it() {
    let (disk, profile) = (SimDisk::new(6), profile());
    let writer = start(&disk, &profile, |_| {});
    let before = writer.append(entry(0)).unwrap();
    let (go, gate) = mpsc::channel::<()>();
    let make = move || {
        gate.recv().unwrap();
        entry(1).payload
    };
    let Entry { stream, kind, .. } = entry(1);
    let unmade = Unmade { stream, kind, bytes_max: 1000, make: Box::new(make) };
    let made = writer.append_unmade(unmade).unwrap();
    let after = writer.append(entry(2)).unwrap();
    let start_of_wait = Instant::now();
    while !writer.written(before) {
        assert!(start_of_wait.elapsed() < SOON, "what came before is not held up");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!writer.written(made) && !writer.written(after), "what comes behind waits");
    go.send(()).unwrap();
    writer.wait_written(SOON).unwrap();
    assert!(writer.written(after));
    assert_eq!(numbers(&writer, &profile), [0, 1, 2]);
    let Entry { stream, kind, .. } = entry(3);
    let long = Unmade { stream, kind, bytes_max: PAYLOAD_BYTES_MAX + 1, make: Box::new(Vec::new) };
    let refused = writer.append_unmade(long);
    assert!(matches!(refused, Err(AppendError::Refused(LogError::TooLong(_)))));
}

#[test]
fn appending_does_not_wait_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let profile = profile();
    let disk = Arc::new(RealDisk);
    let log = Log::open(disk, dir.path(), profile.sealer("log"), LogOptions::default()).unwrap();
    let writer = LogWriter::start(log, |_| {}).unwrap();
    let count = 100_000;
    let mut entries: Vec<Entry> = (0..count).map(entry).collect();
    let start_of_run = Instant::now();
    for entry in entries.drain(..) {
        writer.append(entry).unwrap();
    }
    let each = start_of_run.elapsed() / count as u32;
    writer.flush(SOON).unwrap();
    let all = start_of_run.elapsed();
    eprintln!("append of 80 bytes: {each:?} each; {count} durable after {all:?}");
    // Paired with the disk's own time: a caller that waited would take as long.
    assert!(each * count as u32 * 2 < all || each < Duration::from_micros(20), "{each:?}");
}

/// The child of the test below: appends, and says which number is written by now.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os("HEARTH_TEST_KILLED_CHILD") else { return };
    let dir = Path::new(&dir);
    let disk = Arc::new(RealDisk);
    let profile = Profile::open(&*disk, dir).unwrap().unlock_unprotected().unwrap();
    let options = LogOptions { segment_bytes: 50_000, ..LogOptions::default() };
    let log = Log::open(disk, &dir.join("log"), profile.sealer("log"), options).unwrap();
    let first = log.next().0;
    let writer = LogWriter::start(log, |_| {}).unwrap();
    for number in first.. {
        let ticket = writer.append(entry(number)).unwrap();
        while !writer.written(ticket) {
            std::thread::yield_now();
        }
        // Straight to the pipe: the test harness keeps what goes through `println`.
        std::io::Write::write_all(&mut std::io::stderr(), format!("n{number}\n").as_bytes())
            .unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    let home = tempfile::tempdir().unwrap();
    let profile = Profile::create(&RealDisk, home.path(), Protection::Unprotected).unwrap();
    let mut random = SplitMix::new(1);
    let mut promised = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_is_killed", "--exact", "--nocapture"])
            .env("HEARTH_TEST_KILLED_CHILD", home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let number = |line: String| line.strip_prefix('n').and_then(|digits| digits.parse().ok());
        let wanted = 50 + random.below(400);
        for line in said.by_ref().take(wanted as usize) {
            promised = number(line.unwrap()).unwrap_or(promised);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in said.map_while(Result::ok) {
            promised = number(line).unwrap_or(promised);
        }
        assert!(promised > round, "the child wrote nothing");
        let disk = Arc::new(RealDisk);
        let dir = home.path().join("log");
        let log = Log::open(disk, &dir, profile.sealer("log"), LogOptions::default()).unwrap();
        let mut got = Vec::new();
        let read = |record: kernel::log::Record| got.push(record.payload[..8].to_vec());
        let report = log.reader().replay(&profile.opener("log"), |_| true, read).unwrap();
        let expected: Vec<Vec<u8>> =
            (1..=got.len() as u64).map(|number| number.to_le_bytes().to_vec()).collect();
        assert_eq!(got, expected, "round {round}");
        assert!(got.len() as u64 >= promised, "{} of {promised} promised", got.len());
        assert_eq!(report.damage, []);
    }
    eprintln!("{promised} records over 12 kills");
}
