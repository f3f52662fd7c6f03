//! The ledger on a simulated disk that cuts the power, flips bits and is put back, and against
//! somebody who has the profile's keys and rewrites its log.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kernel::disk::sim::{SimDisk, SplitMix};
use kernel::disk::{Disk, Open};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::ledger::{
    Checkpoint, ConsistencyProof, CosignError, Decision, DeviceKey, Entry, EvidenceHash, Fault,
    Ledger, LedgerError, Parts, SubjectKeys, Time, TraceId, export,
};
use kernel::log::{Kind, Log, LogOptions, LogWriter, Record, StreamId};
use kernel::principal::{ActionId, Name};

const SOON: Duration = Duration::from_secs(20);
const LOG: &str = "p/log";
const LEDGER: &str = "p/ledger";

fn seed() -> u64 {
    let given = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Time::now().0);
    eprintln!("HEARTH_SEED={seed}");
    seed
}

/// Keys that every disk of a test shares.
fn profile() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("p"), Protection::Unprotected).unwrap()
}

fn writer(disk: &SimDisk, keys: &Unlocked, dir: &str) -> Result<Arc<LogWriter>, String> {
    let options = LogOptions { segment_bytes: 6_000, reserve_bytes: 0 };
    let disk = Arc::new(disk.process());
    let log = Log::open(disk, Path::new(dir), keys.sealer("log"), options);
    let log = log.map_err(|error| error.to_string())?;
    Ok(Arc::new(LogWriter::start(log, |_| {}).unwrap()))
}

fn try_open(
    disk: &SimDisk,
    keys: &Unlocked,
    device: u8,
    patience: Duration,
) -> Result<(Ledger, Vec<Fault>, Arc<LogWriter>), String> {
    let writer = writer(disk, keys, LOG)?;
    let parts = Parts {
        disk: Arc::new(disk.process()),
        dir: Path::new(LEDGER),
        keys,
        writer: writer.clone(),
        opener: keys.opener("log"),
        signer: Arc::new(DeviceKey::from_seed(&[device; 32])),
        patience,
    };
    let (ledger, faults) = Ledger::open(parts).map_err(|error| error.to_string())?;
    Ok((ledger, faults, writer))
}

fn open(disk: &SimDisk, keys: &Unlocked) -> (Ledger, Vec<Fault>) {
    let (ledger, faults, _) = try_open(disk, keys, 1, SOON).unwrap();
    (ledger, faults)
}

/// Entries that differ in everything.
fn entry(number: u64) -> Entry {
    let actors = ["owner", "trainer", "agent:reviewer", "pack:rust/fmt", "client"];
    let decisions = [Decision::Denied, Decision::Allowed, Decision::Asked, Decision::Promoted];
    Entry {
        time: Time(1_790_000_000_000 + number),
        trace: TraceId(u128::from(number) << 3),
        actor: actors[number as usize % 5].parse().unwrap(),
        action: ActionId::new(["file.write", "model.promote"][number as usize % 2]).unwrap(),
        subject: None,
        decision: decisions[number as usize % 4],
        rule: number.is_multiple_of(3).then(|| Name::new("a-rule").unwrap()),
        evidence: vec![EvidenceHash([number as u8; 32]); number as usize % 3],
    }
}

fn append(ledger: &Ledger, numbers: std::ops::Range<u64>) {
    for number in numbers {
        assert_eq!(ledger.append(&entry(number)).unwrap().index, number);
    }
}

fn read(ledger: &Ledger) -> Vec<(u64, Entry)> {
    let mut read = Vec::new();
    ledger.entries(0..u64::MAX, |index, entry| read.push((index, entry))).unwrap();
    read
}

fn files(disk: &SimDisk, dir: &str) -> Vec<String> {
    let names = disk.list(Path::new(dir)).unwrap();
    names.into_iter().map(|name| format!("{dir}/{name}")).collect()
}

fn bytes(disk: &SimDisk, path: &str) -> Vec<u8> {
    kernel::disk::read(disk, Path::new(path), 1 << 26).unwrap()
}

/// A copy of what a disk holds.
fn copy(disk: &SimDisk, dirs: &[&str]) -> SimDisk {
    let other = SimDisk::new(1);
    for dir in dirs {
        other.create_dir(Path::new(dir)).unwrap();
        for path in files(disk, dir) {
            if path.ends_with("lock") {
                continue;
            }
            let file = other.open(Path::new(&path), Open::CreateNew).unwrap();
            file.append(&bytes(disk, &path)).unwrap();
            file.sync().unwrap();
        }
        other.sync_dir(Path::new(dir)).unwrap();
    }
    other
}

#[test]
fn every_entry_is_proved_against_every_checkpoint_across_openings() {
    let (disk, keys) = (SimDisk::new(1), profile());
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    let mut random = SplitMix::new(3);
    let mut size = 0;
    for _ in 0..6 {
        let (ledger, faults) = open(&disk, &keys);
        assert_eq!(faults, []);
        assert_eq!(ledger.len(), size);
        for _ in 0..3 {
            let more = random.below(200);
            append(&ledger, size..size + more);
            size += more;
            if random.once_in(2) {
                checkpoints.push(ledger.checkpoint().unwrap());
            }
        }
        ledger.flush(SOON).unwrap();
    }
    let (ledger, _) = open(&disk, &keys);
    let last = ledger.checkpoint().unwrap();
    assert_eq!((last.size, last.is_genuine()), (size, true));
    for checkpoint in &checkpoints {
        let growth = ledger.prove_growth(checkpoint.size, size).unwrap();
        assert!(growth.proves(checkpoint, &last));
        for index in (0..checkpoint.size).step_by(7) {
            let proof = ledger.prove(index, checkpoint.size).unwrap();
            assert!(proof.proves(&entry(index), checkpoint), "{index} of {}", checkpoint.size);
            assert!(!proof.proves(&entry(index + 1), checkpoint));
        }
    }
    assert!(matches!(ledger.prove(size, size), Err(LedgerError::Beyond { .. })));
    let verified = ledger.verify().unwrap();
    assert_eq!((verified.entries, &verified.faults[..]), (size, &[][..]));
    assert!(verified.checkpoints >= checkpoints.len() as u64);
    let expected: Vec<_> = (0..size).map(|index| (index, entry(index))).collect();
    assert!(read(&ledger) == expected);
    let mut some = Vec::new();
    ledger.entries(size - 3..size + 9, |index, _| some.push(index)).unwrap();
    assert_eq!(some, [size - 3, size - 2, size - 1]);
}

#[test]
fn what_is_sealed_anew_is_proved_when_the_old_key_is_forgotten() {
    let (home, disk) = (SimDisk::new(0), SimDisk::new(1));
    let keys = Profile::create(&home, Path::new("p"), Protection::Unprotected).unwrap();
    let (ledger, _) = open(&disk, &keys);
    append(&ledger, 0..1000);
    ledger.checkpoint().unwrap();
    let before = ledger.last_checkpoint().unwrap();
    keys.rotate(&home, Path::new("p")).unwrap();
    append(&ledger, 1000..1400);
    ledger.seal_anew().unwrap();
    let names = files(&disk, LEDGER);
    let check = |ledger: &Ledger| {
        let last = ledger.checkpoint().unwrap();
        assert!(ledger.prove_growth(before.size, last.size).unwrap().proves(&before, &last));
        for index in [0, 255, 256, 700, 1399] {
            assert!(ledger.prove(index, last.size).unwrap().proves(&entry(index), &last));
        }
    };
    check(&ledger);
    drop(ledger);
    // The log is sealed anew by its own; here it is what still needs the old key.
    let tiles = copy(&disk, &[LEDGER]);
    keys.forget_old(&home, Path::new("p")).unwrap();
    assert!(names.iter().any(|name| name.ends_with("tiles-0")), "{names:?}");
    let opener = keys.opener("hearth 2026-11 ledger");
    let sealed = bytes(&tiles, &format!("{LEDGER}/tiles-0"));
    let about = [b"tile 1".as_slice(), &0_u64.to_le_bytes(), &0_u64.to_le_bytes()].concat();
    let tile = sealed.len() / 5;
    assert!(opener.open(&about, &sealed[..tile]).is_some(), "the tile has the old seal");
}

#[test]
fn a_power_cut_anywhere_costs_nothing_that_was_signed() {
    let seed = seed();
    let keys = profile();
    for round in 0..40 {
        let disk = SimDisk::new(seed + round);
        let mut random = SplitMix::new(seed ^ round);
        let mut signed: Option<Checkpoint> = None;
        for life in 0..3 {
            disk.crash_after(random.below(60));
            let patience = Duration::from_millis(100);
            if let Ok((ledger, ..)) = try_open(&disk, &keys, 1, patience) {
                for _ in 0..3 {
                    let start = ledger.len();
                    for number in start..start + random.below(100) {
                        ledger.append(&entry(number)).unwrap();
                    }
                    match ledger.checkpoint() {
                        Ok(checkpoint) => signed = Some(checkpoint),
                        Err(_) => break,
                    }
                }
            }
            disk.cut_power();
            disk.crash_after(u64::MAX);
            let (ledger, faults) = open(&disk, &keys);
            // An entry that was not signed may be lost before one that is not.
            let floor = signed.as_ref().map_or(0, |signed| signed.size);
            let is_allowed =
                |fault: &Fault| matches!(fault, Fault::Missing { first, .. } if *first >= floor);
            assert!(faults.iter().all(is_allowed), "round {round}, life {life}: {faults:?}");
            let verified = ledger.verify().unwrap();
            assert!(verified.is_ok(), "round {round}, life {life}: {:?}", verified.faults);
            let now = ledger.checkpoint().unwrap();
            if let Some(signed) = &signed {
                assert!(now.size >= signed.size, "round {round}, life {life}");
                let growth = ledger.prove_growth(signed.size, now.size).unwrap();
                assert!(growth.proves(signed, &now), "round {round}, life {life}");
            }
            signed = Some(now);
            let is_whole = |got: &Entry| *got == entry(got.time.0 - entry(0).time.0);
            let is_mend = |got: &Entry| got.action.as_str() == "ledger.mend";
            let entries = read(&ledger);
            assert_eq!(entries.len() as u64, ledger.len(), "round {round}, life {life}");
            assert!(entries.iter().all(|(_, got)| is_mend(got) || is_whole(got)));
        }
    }
}

#[test]
fn a_flip_in_any_block_gives_no_wrong_entry_and_does_not_go_unnoticed() {
    let keys = profile();
    let disk = SimDisk::new(1);
    let (ledger, _) = open(&disk, &keys);
    for part in 0..4 {
        append(&ledger, part * 75..part * 75 + 75);
        ledger.checkpoint().unwrap();
    }
    append(&ledger, 300..320);
    ledger.flush(SOON).unwrap();
    drop(ledger);
    let mut random = SplitMix::new(seed());
    let mut named = 0;
    for path in [files(&disk, LOG), files(&disk, LEDGER)].concat() {
        let len = bytes(&disk, &path).len() as u64;
        for block in 0..len.div_ceil(1024) {
            let other = copy(&disk, &[LOG, LEDGER]);
            let at = (block * 1024 + random.below(1024)).min(len - 1);
            other.flip_bit(Path::new(&path), at, random.below(8) as u8);
            let place = format!("{path} at {at}");
            let (ledger, _) = open(&other, &keys);
            let verified = ledger.verify().unwrap();
            let entries = read(&ledger);
            let missing: Vec<u64> = (0..320)
                .filter(|&number| !entries.iter().any(|(_, got)| *got == entry(number)))
                .collect();
            let mends = entries.iter().filter(|(_, got)| got.action.as_str() == "ledger.mend");
            assert_eq!(mends.count() as u64, verified.mends, "{place}");
            let is_named = |number: &u64| {
                verified.faults.iter().any(|fault| match fault {
                    Fault::Missing { first, last } => (first..=last).contains(&number),
                    _ => false,
                })
            };
            // The last ones, if no checkpoint covers them, are the log's to miss: a torn tail.
            let is_tail = |number: &u64| *number >= 300 && *number >= verified.entries;
            for number in missing.iter().filter(|number| !is_tail(number)) {
                assert!(
                    is_named(number) || verified.mends > 0,
                    "{place}: {number} of {verified:?}"
                );
            }
            named += missing.len();
            // Nothing was made up, and what is left is in order.
            assert_eq!(entries.len() as u64, 320 - missing.len() as u64 + verified.mends);
            assert!(ledger.checkpoint().unwrap().is_genuine(), "{place}");
        }
    }
    assert!(named > 20, "{named} entries were hit: the flips did not reach the records");
}

/// Writes the log anew under the same keys, as somebody could who has them.
fn rewrite(disk: &SimDisk, keys: &Unlocked, change: impl Fn(&mut Vec<kernel::log::Entry>)) {
    let mut records = Vec::new();
    let take = |record: Record| {
        records.push(kernel::log::Entry {
            stream: record.header.stream,
            kind: record.header.kind,
            payload: record.payload.to_vec(),
        });
    };
    let old = writer(disk, keys, LOG).unwrap();
    old.reader().replay(&keys.opener("log"), |_| true, take).unwrap();
    drop(old);
    change(&mut records);
    for path in files(disk, LOG) {
        disk.remove(Path::new(&path)).unwrap();
    }
    let new = writer(disk, keys, LOG).unwrap();
    for record in records {
        new.append(record).unwrap();
    }
    new.flush(SOON).unwrap();
}

/// The payload of an entry's record begins with its index.
fn alter(index: u64) -> impl Fn(&mut Vec<kernel::log::Entry>) {
    move |records| {
        let of_entry = |record: &&mut kernel::log::Entry| {
            record.kind == Kind(0x4c01) && record.payload[..8] == index.to_le_bytes()
        };
        let record = records.iter_mut().find(of_entry).unwrap();
        // The time of day.
        record.payload[9] ^= 1;
    }
}

fn with_checkpoints(disk: &SimDisk, keys: &Unlocked) {
    let (ledger, _) = open(disk, keys);
    for part in 0..4 {
        append(&ledger, part * 100..part * 100 + 100);
        ledger.checkpoint().unwrap();
    }
}

#[test]
fn who_has_the_keys_and_rewrites_an_entry_is_found_at_that_entry() {
    let (disk, keys) = (SimDisk::new(1), profile());
    with_checkpoints(&disk, &keys);
    rewrite(&disk, &keys, alter(123));
    let (ledger, _) = open(&disk, &keys);
    assert_eq!(ledger.verify().unwrap().faults, [Fault::Altered { entry: 123 }]);
}

#[test]
fn without_the_hashes_beside_the_log_it_is_found_between_two_checkpoints() {
    let (disk, keys) = (SimDisk::new(1), profile());
    with_checkpoints(&disk, &keys);
    rewrite(&disk, &keys, alter(123));
    for path in files(&disk, LEDGER) {
        disk.remove(Path::new(&path)).unwrap();
    }
    let (ledger, faults) = open(&disk, &keys);
    let differs = Fault::Differs { first: 100, last: 199 };
    assert!(faults == vec![differs.clone()], "{faults:?}");
    assert_eq!(ledger.verify().unwrap().faults, [differs]);
    // The tree is the one that was signed, whatever the log says.
    let whole = SimDisk::new(1);
    with_checkpoints(&whole, &keys);
    let (honest, _) = open(&whole, &keys);
    let (one, two) = (ledger.checkpoint().unwrap(), honest.checkpoint().unwrap());
    assert_eq!((one.size, one.root), (two.size, two.root));
}

#[test]
fn a_record_that_was_taken_out_a_stranger_s_checkpoint_and_a_cut_below_are_named() {
    let keys = profile();
    let faults_of = |change: &dyn Fn(&mut Vec<kernel::log::Entry>)| {
        let disk = SimDisk::new(1);
        with_checkpoints(&disk, &keys);
        rewrite(&disk, &keys, change);
        let (ledger, _) = open(&disk, &keys);
        ledger.verify().unwrap().faults
    };
    let taken = faults_of(&|records| drop(records.remove(50)));
    assert_eq!(taken[0], Fault::Missing { first: 50, last: 50 });
    let stranger = DeviceKey::from_seed(&[9; 32]);
    let forged = faults_of(&|records| {
        let at = records.iter().position(|record| record.kind == Kind(0x4c02)).unwrap();
        let key = kernel::ledger::Signer::sign(&stranger, b"something else");
        records[at].payload[80..144].copy_from_slice(&key);
    });
    assert_eq!(forged[0], Fault::Forged { size: 100 });
    let cut = faults_of(&|records| {
        let stream = records[0].stream;
        let payload = 20_u64.to_le_bytes().to_vec();
        records.push(kernel::log::Entry { stream, kind: Kind(0x4c04), payload });
    });
    assert_eq!(cut, [Fault::Unreadable { near: 400 }]);
    let twice = faults_of(&|records| {
        let again = records[7].clone();
        records.push(again);
    });
    assert_eq!(twice, [Fault::Repeated { entry: 7 }]);
}

#[test]
fn a_log_that_was_put_back_is_noticed_and_the_ledger_goes_on_from_what_was_signed() {
    let (disk, keys) = (SimDisk::new(1), profile());
    let (ledger, _) = open(&disk, &keys);
    append(&ledger, 0..100);
    ledger.checkpoint().unwrap();
    let old = copy(&disk, &[LOG]);
    append(&ledger, 100..150);
    let signed = ledger.checkpoint().unwrap();
    drop(ledger);
    for path in files(&disk, LOG) {
        disk.remove(Path::new(&path)).unwrap();
    }
    for path in files(&old, LOG) {
        let file = disk.open(Path::new(&path), Open::CreateNew).unwrap();
        file.append(&bytes(&old, &path)).unwrap();
    }
    let (ledger, faults) = open(&disk, &keys);
    assert_eq!(faults, [Fault::CheckpointGone { size: 150 }]);
    append(&ledger, 150..160);
    let now = ledger.checkpoint().unwrap();
    assert!(ledger.prove_growth(150, 160).unwrap().proves(&signed, &now));
    let missing = Fault::Missing { first: 100, last: 149 };
    assert!(ledger.verify().unwrap().faults == vec![missing.clone()]);
    drop(ledger);
    let (ledger, faults) = open(&disk, &keys);
    assert_eq!((faults, ledger.len()), (Vec::new(), 160));
    assert_eq!(ledger.verify().unwrap().faults, [missing]);
}

#[test]
fn a_device_that_rewrites_its_history_is_caught_by_another() {
    let (keys, witness_disk) = (profile(), SimDisk::new(1));
    let (witness, ..) = try_open(&witness_disk, &keys, 2, SOON).unwrap();
    let disk = SimDisk::new(1);
    let (ledger, _) = open(&disk, &keys);
    append(&ledger, 0..10);
    let nothing = ConsistencyProof(Vec::new());
    let first = ledger.checkpoint().unwrap();
    let cosigned = witness.cosign(&first, &nothing).unwrap();
    assert!(cosigned.is_of(&first));
    let old = copy(&disk, &[LOG, LEDGER]);
    append(&ledger, 10..30);
    let second = ledger.checkpoint().unwrap();
    assert!(matches!(witness.cosign(&second, &nothing), Err(CosignError::NotProven(_))));
    let growth = ledger.prove_growth(10, 30).unwrap();
    assert!(witness.cosign(&second, &growth).unwrap().is_of(&second));
    assert!(matches!(ledger.cosign(&second, &growth), Err(CosignError::Own)));
    // The device is put back to an older copy of itself, whole, and goes on differently.
    let (forked, faults) = open(&old, &keys);
    assert_eq!((faults, forked.len()), (Vec::new(), 10));
    drop(witness);
    let (witness, ..) = try_open(&witness_disk, &keys, 2, SOON).unwrap();
    assert_eq!(witness.seen(second.device), Some(second.clone()));
    let back = forked.checkpoint().unwrap();
    assert!(matches!(witness.cosign(&back, &nothing), Err(CosignError::WentBack(_))));
    for number in 10..30 {
        forked.append(&entry(number + 1)).unwrap();
    }
    let other = forked.checkpoint().unwrap();
    match witness.cosign(&other, &nothing).unwrap_err() {
        CosignError::Equivocates(both) => assert!(both.iter().all(Checkpoint::is_genuine)),
        error => panic!("{error}"),
    }
    forked.append(&entry(30)).unwrap();
    let longer = forked.checkpoint().unwrap();
    let proof = forked.prove_growth(30, 31).unwrap();
    assert!(matches!(witness.cosign(&longer, &proof), Err(CosignError::NotProven(_))));
    drop(witness);
    // What was seen is in the log, also without the head.
    for path in files(&witness_disk, LEDGER) {
        witness_disk.remove(Path::new(&path)).unwrap();
    }
    let (witness, ..) = try_open(&witness_disk, &keys, 2, SOON).unwrap();
    assert_eq!(witness.seen(second.device), Some(second));
}

#[test]
fn compaction_keeps_every_entry_and_another_stream_may_go() {
    let (disk, keys) = (SimDisk::new(1), profile());
    let (ledger, _, writer) = try_open(&disk, &keys, 1, SOON).unwrap();
    for number in 0..300 {
        append(&ledger, number..number + 1);
        let payload = vec![0; 100];
        writer.append(kernel::log::Entry { stream: StreamId(5), kind: Kind(2), payload }).unwrap();
    }
    ledger.checkpoint().unwrap();
    let done = writer.compact(&keys.opener("log"), kernel::ledger::owns).unwrap();
    assert_eq!(done.dropped, 300);
    assert!(ledger.verify().unwrap().is_ok());
    assert_eq!(read(&ledger).len(), 300);
    drop((ledger, writer));
    let (ledger, faults) = open(&disk, &keys);
    assert_eq!((faults, ledger.len()), (Vec::new(), 300));
    let mut some = Vec::new();
    ledger.entries(290..300, |index, got| some.push((index, got))).unwrap();
    assert!(some.len() == 10 && some.iter().all(|(index, got)| *got == entry(*index)));
}

#[test]
fn a_copied_folder_is_not_taken_for_this_device_s() {
    let (disk, keys) = (SimDisk::new(1), profile());
    with_checkpoints(&disk, &keys);
    let error = try_open(&disk, &keys, 2, SOON).unwrap_err();
    assert_eq!(error, LedgerError::OtherDevice.to_string());
}

#[test]
fn a_canary_reaches_no_file_and_no_export() {
    const CANARY: &str = "canary-4f1d-sk_live_Zq8";
    let (disk, keys) = (SimDisk::new(1), profile());
    let (ledger, _) = open(&disk, &keys);
    let subjects = SubjectKeys::open(&disk, Path::new("p/ledger/subjects"), &keys).unwrap();
    assert!(Name::new(CANARY).is_err() && ActionId::new(CANARY).is_err());
    let subject = subjects.subject(CANARY.as_bytes());
    let sealed = subjects.seal(subject, CANARY.as_bytes()).unwrap();
    let about = Entry { subject: Some(subject), evidence: vec![sealed.hash], ..entry(0) };
    let index = ledger.append(&about).unwrap().index;
    let checkpoint = ledger.checkpoint().unwrap();
    let mut lines = vec![export::CSV_HEADER.to_owned()];
    ledger
        .entries(0..9, |at, it| lines.extend([export::json(at, &it), export::csv(at, &it)]))
        .unwrap();
    assert_eq!(lines.len(), 3);
    let json: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(json["subject"], subject.to_string());
    assert_eq!(lines[2].split(',').count(), lines[0].split(',').count());
    assert!(lines.iter().all(|line| !line.contains("canary") && !line.contains('\n')));
    for path in [files(&disk, LOG), files(&disk, LEDGER)].concat() {
        let text = bytes(&disk, &path);
        assert!(!text.windows(6).any(|some| some == b"canary"), "{path}");
        assert!(!text.windows(10).any(|some| some == b"file.write"), "{path}");
    }
    assert!(!sealed.bytes.windows(6).any(|some| some == b"canary"));
    // The evidence goes; its hash, the entry and the proof stay.
    assert!(subjects.shred(subject).unwrap());
    assert!(subjects.open_evidence(subject, sealed.hash, &sealed.bytes).is_none());
    assert!(ledger.prove(index, 1).unwrap().proves(&about, &checkpoint));
    assert!(ledger.verify().unwrap().is_ok());
}
