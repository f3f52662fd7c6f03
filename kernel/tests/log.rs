//! The log on a disk that fails in every way that it can, from a seed (`HEARTH_SEED`).

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use kernel::disk::sim::{SimDisk, SplitMix};
use kernel::disk::{Disk, DiskFile, Open};
use kernel::keys::{Opener, Profile, Protection, Sealer, Unlocked};
use kernel::log::{
    DamageKind, Entry, Health, Kind, Log, LogError, LogOptions, LogReader, Record, Report,
    Sequence, StreamId,
};

const DIR: &str = "home/log";
const SMALL: LogOptions = LogOptions { segment_bytes: 6000, reserve_bytes: 8000 };
const STREAMS: u64 = 4;

fn seed() -> u64 {
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("HEARTH_SEED={seed}");
    seed
}

fn profile() -> Unlocked {
    let disk = SimDisk::new(0);
    Profile::create(&disk, Path::new("home"), Protection::Unprotected).unwrap()
}

fn open(disk: &SimDisk, sealer: Sealer) -> Log {
    Log::open(Arc::new(disk.process()), Path::new(DIR), sealer, SMALL).unwrap()
}

fn replay(reader: &LogReader, opener: &Opener) -> (BTreeMap<u64, Entry>, Report) {
    let mut got = BTreeMap::new();
    let mut last = 0;
    let report = reader
        .replay(
            opener,
            |_| true,
            |record| {
                let sequence = record.header.sequence.0;
                assert!(sequence > last, "{sequence} came after {last}");
                last = sequence;
                let entry = Entry {
                    stream: record.header.stream,
                    kind: record.header.kind,
                    payload: record.payload.to_vec(),
                };
                got.insert(sequence, entry);
            },
        )
        .unwrap();
    assert_eq!(reader.survey(Some(opener)).unwrap(), report, "a survey finds what a replay does");
    (got, report)
}

/// A replay that begins later gives what the whole one gives from there on.
fn check_replay_between(
    reader: &LogReader,
    opener: &Opener,
    from: u64,
    whole: &BTreeMap<u64, Entry>,
) {
    let mut got = Vec::new();
    let each = |record: Record| got.push(record.header.sequence.0);
    let between = Sequence(from.max(1))..=Sequence(u64::MAX);
    reader.replay_between(opener, between, |_| true, each).unwrap();
    let wanted: Vec<u64> = whole.range(from..).map(|(sequence, _)| *sequence).collect();
    assert_eq!(got, wanted, "from {from}");
}

fn entry(random: &mut SplitMix) -> Entry {
    let len = if random.once_in(20) { random.below(3000) } else { random.below(120) };
    Entry {
        stream: StreamId(u128::from(random.below(STREAMS))),
        kind: Kind(random.below(5) as u16),
        payload: (0..len).map(|_| random.next_u64() as u8).collect(),
    }
}

/// What the log has promised.
#[derive(Default)]
struct Model {
    /// What the log has under each sequence, as far as this process knows.
    entries: BTreeMap<u64, Entry>,
    /// Everything that was ever handed over under a sequence. A power cut may bring back what an
    /// earlier process did not find, as long as nothing else was promised in its place.
    ever: BTreeMap<u64, Vec<Entry>>,
    /// Streams that were dropped up to a sequence, by a compaction that came to its end.
    dropped: Vec<(BTreeSet<StreamId>, u64)>,
    /// The same by one that a crash may have stopped.
    perhaps: Vec<(BTreeSet<StreamId>, u64)>,
    written: u64,
    synced: u64,
}

impl Model {
    fn is_in(list: &[(BTreeSet<StreamId>, u64)], sequence: u64, entry: &Entry) -> bool {
        list.iter().any(|(streams, upto)| sequence <= *upto && streams.contains(&entry.stream))
    }

    /// Everything up to `promised` is there, nothing else than what was handed over, and nothing
    /// that was dropped.
    fn check(&self, got: &BTreeMap<u64, Entry>, promised: u64, context: &str) {
        for (sequence, entry) in got {
            let known = self.entries.get(sequence).filter(|_| *sequence <= promised);
            let is_as_handed = known.map_or_else(
                || self.ever.get(sequence).is_some_and(|ever| ever.contains(entry)),
                |known| known == entry,
            );
            assert!(is_as_handed, "{context}: {sequence} of {promised} promised differs");
            let is_dropped = Self::is_in(&self.dropped, *sequence, entry);
            assert!(!is_dropped, "{context}: {sequence} came back");
        }
        for (sequence, entry) in self.entries.range(..=promised) {
            let may_lack = Self::is_in(&self.dropped, *sequence, entry)
                || Self::is_in(&self.perhaps, *sequence, entry);
            let context = || format!("{context}: {sequence} of {promised} promised is lost");
            assert!(got.contains_key(sequence) || may_lack, "{}", context());
        }
    }

    fn look(&mut self, log: &Log) {
        self.written = log.written().0;
        self.synced = log.synced().0;
    }
}

/// One life of a log: many processes, each ended by a kill, a cut, or by itself.
fn live(seed: u64, faults: Faults) {
    let mut random = SplitMix::new(seed);
    let (disk, profile) = (SimDisk::new(seed), profile());
    let opener = profile.opener("log");
    let mut model = Model::default();
    for process in 0..6 {
        let context = format!("seed {seed}, process {process}");
        let mut log = open(&disk, profile.sealer("log"));
        if random.once_in(2) {
            drop(log.ensure_reserve());
        }
        let (got, _) = replay(&log.reader(), &opener);
        let from = random.below(log.next().0 + 2);
        check_replay_between(&log.reader(), &opener, from, &got);
        model.entries = got;
        assert!(log.next().0 > model.entries.keys().next_back().copied().unwrap_or(0));
        model.look(&log);
        if random.once_in(2) {
            disk.crash_after(random.below(120));
        }
        for _ in 0..random.below(60) {
            act(&mut log, &mut model, &mut random, &disk, &opener, faults);
            model.look(&log);
        }
        disk.set_capacity(u64::MAX);
        disk.fail_syncs(0);
        if random.once_in(2) {
            disk.cut_power();
            drop(log);
            let (got, _) = replay(&open(&disk, profile.sealer("log")).reader(), &opener);
            model.check(&got, model.synced, &format!("{context}, cut"));
        } else {
            disk.kill();
            drop(log);
            let (got, _) = replay(&open(&disk, profile.sealer("log")).reader(), &opener);
            model.check(&got, model.written, &format!("{context}, kill"));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Faults {
    Crashes,
    CrashesAndDisks,
}

fn act(
    log: &mut Log,
    model: &mut Model,
    random: &mut SplitMix,
    disk: &SimDisk,
    opener: &Opener,
    faults: Faults,
) {
    match random.below(20) {
        0..=11 => {
            let batch: Vec<Entry> = (0..1 + random.below(4)).map(|_| entry(random)).collect();
            let first = log.next().0;
            for (at, entry) in batch.iter().enumerate() {
                let sequence = first + at as u64;
                model.entries.insert(sequence, entry.clone());
                model.ever.entry(sequence).or_default().push(entry.clone());
            }
            // Whether it was written is what the log says; that it failed is no promise broken.
            drop(log.write(batch));
        }
        12..=15 => drop(log.sync()),
        16 => drop(log.retry().and_then(|()| log.leave_reserve())),
        17 if random.once_in(3) => {
            let streams: BTreeSet<StreamId> =
                [StreamId(u128::from(random.below(STREAMS)))].into_iter().collect();
            let upto = log.written().0;
            model.perhaps.push((streams.clone(), upto));
            let keep = |header: &kernel::log::RecordHeader| {
                header.sequence.0 > upto || !streams.contains(&header.stream)
            };
            if log.compact(opener, keep).is_ok() {
                model.dropped.push((streams.clone(), upto));
            }
        }
        18 if faults == Faults::CrashesAndDisks => {
            let room = if random.once_in(2) { random.below(4000) } else { 1 << 30 };
            disk.set_capacity(disk.used() + room);
        }
        19 if faults == Faults::CrashesAndDisks => disk.fail_syncs(random.below(3) as u32),
        _ => {}
    }
}

#[test]
fn cuts_and_kills_lose_nothing_that_was_promised() {
    let seed = seed();
    for life in 0..150 {
        live(seed.wrapping_mul(1000) + life, Faults::Crashes);
    }
}

#[test]
fn full_disks_and_failed_syncs_lose_nothing_that_was_promised() {
    let seed = seed();
    for life in 0..150 {
        live(seed.wrapping_mul(1000) + life, Faults::CrashesAndDisks);
    }
}

fn filled(disk: &SimDisk, profile: &Unlocked, records: u64) -> (Log, BTreeMap<u64, Entry>) {
    let mut random = SplitMix::new(9);
    let mut log = open(disk, profile.sealer("log"));
    let mut entries = BTreeMap::new();
    for sequence in 1..=records {
        let one = entry(&mut random);
        entries.insert(sequence, one.clone());
        log.write(vec![one]).unwrap();
    }
    log.sync().unwrap();
    (log, entries)
}

fn segments(disk: &SimDisk) -> Vec<String> {
    let mut names = disk.list(Path::new(DIR)).unwrap();
    names.retain(|name| name.ends_with(".seg"));
    names
}

#[test]
fn a_flipped_bit_costs_its_record_alone_and_is_named() {
    let seed = seed();
    let profile = profile();
    let opener = profile.opener("log");
    for round in 0..200 {
        let mut random = SplitMix::new(seed.wrapping_mul(1000) + round);
        let disk = SimDisk::new(round);
        let (log, entries) = filled(&disk, &profile, 60);
        // Its last word may write over the bit.
        drop(log);
        let names = segments(&disk);
        let name = &names[random.below(names.len() as u64) as usize];
        let path = Path::new(DIR).join(name);
        let len = disk.open(&path, Open::Read).unwrap().len().unwrap();
        disk.flip_bit(&path, random.below(len), random.below(8) as u8);
        let log = open(&disk, profile.sealer("log"));
        let (got, report) = replay(&log.reader(), &opener);
        let lost: Vec<u64> = entries.keys().copied().filter(|it| !got.contains_key(it)).collect();
        assert!(lost.len() <= 1, "round {round}: {lost:?} lost for one bit");
        assert!(got.iter().all(|(sequence, entry)| entries[sequence] == *entry));
        let named = log.found().iter().chain(&report.damage).any(|damage| damage.segment == *name);
        assert!(named, "round {round}: a flip in {name} is not named in {report:?}");
    }
}

#[test]
fn a_survey_beside_the_writer_counts_with_a_key_and_without() {
    let (disk, profile) = (SimDisk::new(seed()), profile());
    let (mut log, entries) = filled(&disk, &profile, 60);
    let beside = || LogReader::beside(Arc::new(disk.process()), Path::new(DIR));
    let opener = profile.opener("log");
    for opener in [Some(&opener), None] {
        let report = beside().survey(opener).unwrap();
        assert_eq!((report.records, report.damage), (entries.len() as u64, vec![]));
    }
    // Of another profile: without its key nobody can tell.
    let other = self::profile().opener("log");
    let report = beside().survey(Some(&other)).unwrap();
    assert_eq!((report.records, report.damage.len()), (0, entries.len()));
    log.write(vec![entry(&mut SplitMix::new(9))]).unwrap();
    assert_eq!(beside().survey(None).unwrap().records, entries.len() as u64 + 1);
}

#[test]
fn a_taken_away_record_is_missed() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let (log, entries) = filled(&disk, &profile, 200);
    drop(log);
    let names = segments(&disk);
    assert!(names.len() > 3, "{names:?}");
    disk.remove(&Path::new(DIR).join(&names[1])).unwrap();
    let log = open(&disk, profile.sealer("log"));
    let (got, report) = replay(&log.reader(), &profile.opener("log"));
    let missing: Vec<_> = report.damage.iter().map(|damage| damage.what.clone()).collect();
    let [DamageKind::Missing(range)] = &missing[..] else { panic!("{missing:?}") };
    let lost: Vec<u64> = entries.keys().copied().filter(|it| !got.contains_key(it)).collect();
    assert_eq!(range.clone().collect::<Vec<_>>(), lost);
}

#[test]
fn a_full_disk_is_typed_into_the_reserve_and_left_when_there_is_space() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let mut log = open(&disk, profile.sealer("log"));
    log.ensure_reserve().unwrap();
    let mut random = SplitMix::new(4);
    let small = |random: &mut SplitMix| Entry { payload: vec![7; 80], ..entry(random) };
    log.write(vec![small(&mut random)]).unwrap();
    disk.set_capacity(disk.used() + 100);
    let mut accepted = 1;
    while log.health() != Health::Full {
        let written = log.write(vec![small(&mut random)]);
        accepted += 1;
        assert_eq!(written.is_ok(), log.health() != Health::Full);
        if written.is_ok() {
            log.sync().unwrap();
            assert_eq!(log.synced().0, accepted, "a full disk cost durability");
        }
    }
    assert!(accepted > 30, "the reserve took {accepted} records only");
    assert!(matches!(log.retry(), Err(LogError::Full)));
    disk.set_capacity(u64::MAX);
    log.retry().unwrap();
    assert_eq!((log.written().0, log.health()), (accepted, Health::OnReserve));
    log.leave_reserve().unwrap();
    log.sync().unwrap();
    assert_eq!(log.health(), Health::Good);
    disk.cut_power();
    drop(log);
    let log = open(&disk, profile.sealer("log"));
    let (got, report) = replay(&log.reader(), &profile.opener("log"));
    assert_eq!(got.len() as u64, accepted);
    assert_eq!(report.damage, []);
}

#[test]
fn a_failed_sync_is_told_and_made_good_in_a_fresh_segment() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let (mut log, _) = filled(&disk, &profile, 3);
    let before = segments(&disk).len();
    log.write(vec![entry(&mut SplitMix::new(3))]).unwrap();
    disk.fail_syncs(1);
    let job = log.begin_sync().unwrap();
    job.run();
    assert!(log.finish_sync().is_err());
    assert_eq!((log.health(), log.synced().0), (Health::SyncFailed, 3));
    log.sync().unwrap();
    assert_eq!((log.health(), log.synced().0), (Health::Good, 4));
    assert_eq!(segments(&disk).len(), before + 1);
    disk.cut_power();
    drop(log);
    let (got, report) =
        replay(&open(&disk, profile.sealer("log")).reader(), &profile.opener("log"));
    assert_eq!((got.len(), report.damage), (4, Vec::new()));
}

#[test]
fn compaction_keeps_what_is_wanted_and_joins_small_segments() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let (mut log, entries) = filled(&disk, &profile, 300);
    let opener = profile.opener("log");
    let done = log.compact(&opener, |header| header.stream == StreamId(2)).unwrap();
    let wanted: BTreeMap<u64, Entry> =
        entries.into_iter().filter(|(_, entry)| entry.stream == StreamId(2)).collect();
    assert_eq!(done.dropped, 300 - wanted.len() as u64);
    let (got, report) = replay(&log.reader(), &opener);
    assert_eq!((got, report.damage), (wanted.clone(), Vec::new()));
    // A second time the small remains are joined, and a third time nothing is left to do.
    let again = log.compact(&opener, |_| true).unwrap();
    assert!(again.segments_after < done.segments_after, "{again:?} after {done:?}");
    let names = segments(&disk);
    log.compact(&opener, |_| true).unwrap();
    assert!(segments(&disk).len() <= names.len());
    log.write(vec![entry(&mut SplitMix::new(3))]).unwrap();
    assert_eq!(log.written().0, 301);
    let (got, report) = replay(&log.reader(), &opener);
    assert_eq!((got.len(), report.damage), (wanted.len() + 1, Vec::new()));
}

#[test]
fn a_locked_log_is_typed_into_and_read_after_unlocking() {
    let disk = SimDisk::new(1);
    let home = Path::new("home");
    drop(Profile::create(&disk, home, Protection::Unprotected).unwrap());
    let locked = Profile::open(&disk, home).unwrap();
    let mut log = open(&disk, locked.sealer("log").unwrap());
    let one = entry(&mut SplitMix::new(1));
    log.write(vec![one.clone()]).unwrap();
    let unlocked = locked.unlock_unprotected().unwrap();
    let opener = unlocked.opener("log");
    assert!(matches!(log.compact(&opener, |_| true), Err(LogError::Locked)));
    log.set_sealer(unlocked.sealer("log"));
    let two = entry(&mut SplitMix::new(2));
    log.write(vec![two.clone()]).unwrap();
    let expected = BTreeMap::from([(1, one), (2, two)]);
    assert_eq!(replay(&log.reader(), &opener).0, expected);
    log.compact(&opener, |_| true).unwrap();
    assert_eq!(replay(&log.reader(), &opener).0, expected);
}

#[test]
fn compaction_seals_anew_what_an_old_key_sealed() {
    let (disk, home) = (SimDisk::new(1), Path::new("home"));
    let profile = Profile::create(&disk, home, Protection::Unprotected).unwrap();
    let opener = profile.opener("log");
    let mut log = open(&disk, profile.sealer("log"));
    let mut random = SplitMix::new(1);
    let entries: Vec<Entry> = (0..20).map(|_| entry(&mut random)).collect();
    log.write(entries[..10].to_vec()).unwrap();
    profile.rotate(&disk, home).unwrap();
    log.write(entries[10..].to_vec()).unwrap();
    log.compact(&opener, |_| true).unwrap();
    drop(log);
    profile.forget_old(&disk, home).unwrap();
    let again = Profile::open(&disk, home).unwrap().unlock_unprotected().unwrap();
    let log = open(&disk, again.sealer("log"));
    let (got, report) = replay(&log.reader(), &again.opener("log"));
    assert_eq!(report.damage, []);
    assert_eq!(got.into_values().collect::<Vec<_>>(), entries);
}

#[test]
fn nothing_that_is_handed_over_lies_on_the_disk_in_the_clear() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let mut log = open(&disk, profile.sealer("log"));
    let payload = b"a sentence that nobody else may read".to_vec();
    log.write(vec![Entry { stream: StreamId(1), kind: Kind(1), payload: payload.clone() }])
        .unwrap();
    for name in disk.list(Path::new(DIR)).unwrap() {
        let bytes = kernel::disk::read(&disk, &Path::new(DIR).join(name), 1 << 20).unwrap();
        assert!(!bytes.windows(8).any(|window| window == &payload[..8]));
    }
}

#[test]
fn garbage_in_the_folder_never_panics() {
    let seed = seed();
    let profile = profile();
    for round in 0..100 {
        let mut random = SplitMix::new(seed.wrapping_mul(1000) + round);
        let disk = SimDisk::new(round);
        let (log, entries) = filled(&disk, &profile, 40);
        drop(log);
        for name in segments(&disk) {
            let file = disk.open(&Path::new(DIR).join(name), Open::Write).unwrap();
            scramble(&*file, &mut random);
        }
        let log = open(&disk, profile.sealer("log"));
        let (got, _) = replay(&log.reader(), &profile.opener("log"));
        assert!(got.iter().all(|(sequence, entry)| entries[sequence] == *entry));
    }
}

fn scramble(file: &dyn DiskFile, random: &mut SplitMix) {
    let len = file.len().unwrap();
    for _ in 0..random.below(6) {
        let at = random.below(len);
        match random.below(3) {
            0 => file.set_len(at + 1).unwrap(),
            1 => {
                // A piece of the file over another piece of it.
                let mut piece = vec![0; random.below(2000) as usize];
                let some = file.read_at(random.below(len), &mut piece).unwrap();
                file.write_all_at(at, &piece[..some]).unwrap();
            }
            _ => {
                let noise: Vec<u8> =
                    (0..random.below(300)).map(|_| random.next_u64() as u8).collect();
                file.write_all_at(at, &noise).unwrap();
            }
        }
    }
}
