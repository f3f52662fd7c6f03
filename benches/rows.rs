//! What rows cost: a durable commit beside the bare disk, a read, a scan, and a start.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::disk::RealDisk;
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{Entry, Kind, Log, LogOptions, LogWriter, StreamId};
use kernel::row::{RowOptions, Rows, Source, Table, Transaction};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};

const FACTS: Table<u64, Vec<u8>> = Table::new("facts");

/// The length of a value, in bytes.
const VALUE: usize = 200;

const WRITERS: u64 = 8;
const ROUNDS: u64 = 12;
/// Commits of each writer, and batches of the bare disk, in one round.
const BATCHES: u64 = 40;

const ROWS: u64 = 200_000;
const READS: u64 = 200_000;

/// The history under the start.
const HISTORY_BYTES: usize = 1 << 30;
const STARTS: usize = 15;

const SOON: Duration = Duration::from_secs(60);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["rows.commit"], run: commit },
        Measure { rows: &["rows.read", "rows.scan"], run: read },
        Measure { rows: &["rows.start"], run: start },
    ]
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Rows under `dir`, with a log and keys of their own.
fn open(dir: &Path, keys: &Unlocked) -> Result<Rows, String> {
    let disk = Arc::new(RealDisk);
    let sealer = keys.sealer("log");
    let log = Log::open(disk.clone(), &dir.join("log"), sealer, LogOptions::default());
    let log = Arc::new(LogWriter::start(log.map_err(text)?, |_| {}).map_err(text)?);
    let source = Source { log, opener: keys.opener("log") };
    Rows::open(disk, &dir.join("rows"), source, keys, RowOptions::default()).map_err(text)
}

fn profile(dir: &Path) -> Result<Unlocked, String> {
    Profile::create(&RealDisk, &dir.join("profile"), Protection::Unprotected).map_err(text)
}

/// Eight writers that each wait for their commit to be durable, beside batches of eight records of
/// the same length that are written and synced with nothing else done. The two take turns, so that
/// a disk which others use as well serves both alike.
fn commit() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir().map_err(text)?;
    let keys = profile(dir.path())?;
    let rows = open(dir.path(), &keys)?;
    let mut bare = File::create(dir.path().join("bare")).map_err(text)?;
    // A frame's head, a seal, a commit's head and a row.
    let batch = vec![0x5a; WRITERS as usize * (58 + 41 + 9 + 25 + VALUE)];
    let (mut ours, mut raw) = (Duration::ZERO, Duration::ZERO);
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        for _ in 0..BATCHES {
            bare.write_all(&batch).and_then(|()| bare.sync_data()).map_err(text)?;
        }
        let bare_took = begun.elapsed();
        let begun = Instant::now();
        write_together(&rows, round)?;
        // The first round makes the files.
        if round > 0 {
            raw += bare_took;
            ours += begun.elapsed();
        }
    }
    let commits = (WRITERS * ROUNDS * BATCHES) as f64;
    let rate = |took: Duration| commits / took.as_secs_f64();
    let ratio = ours.as_secs_f64() / raw.as_secs_f64();
    let figure = Figure::new("rows.commit", ratio);
    Ok(vec![figure.beside("commits/s", rate(ours)).beside("bare records/s", rate(raw))])
}

fn write_together(rows: &Rows, round: u64) -> Result<(), String> {
    std::thread::scope(|scope| {
        let write = |writer: u64| {
            for number in 0..BATCHES {
                let key = (round * WRITERS + writer) * BATCHES + number;
                let mut transaction = Transaction::new();
                transaction.put(&FACTS, &key, &vec![writer as u8; VALUE]);
                rows.commit(transaction).wait(SOON).map_err(text)?;
            }
            Ok(())
        };
        let threads: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        threads.into_iter().try_for_each(|it| it.join().map_err(|_| "a writer panicked")?)
    })
}

/// Rows of 200 bytes, more than fit the cache: by keys in no order, and all in order. In CPU time
/// of the thread that reads, as every page is in the system's cache.
fn read() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir().map_err(text)?;
    let keys = profile(dir.path())?;
    let rows = open(dir.path(), &keys)?;
    for first in (0..ROWS).step_by(10_000) {
        let mut transaction = Transaction::new();
        for key in first..first + 10_000 {
            transaction.put(&FACTS, &key, &vec![key as u8; VALUE]);
        }
        rows.commit(transaction).wait(SOON).map_err(text)?;
    }
    rows.settle().map_err(text)?;
    let snapshot = rows.snapshot();
    // A thousand rows are looked at again and again, as those in use are; and then all of them.
    let by_key = |among: u64| {
        let begun = thread_cpu();
        let mut key = 1_u64;
        for _ in 0..READS {
            key =
                key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = snapshot.get(&FACTS, &((key >> 33) % among)).map_err(text)?;
            if value.is_none_or(|value| value.len() != VALUE) {
                return Err("a row is not there".to_owned());
            }
        }
        Ok((thread_cpu() - begun).as_secs_f64() * 1e6 / READS as f64)
    };
    let (warm, all) = (by_key(1000)?, by_key(ROWS)?);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begun = thread_cpu();
        let mut count = 0;
        for row in snapshot.range(&FACTS, ..).map_err(text)? {
            let (_, value) = row.map_err(text)?;
            count += u64::from(value.len() == VALUE);
        }
        if count != ROWS {
            return Err(format!("a scan met {count} of {ROWS} rows"));
        }
        best = best.min((thread_cpu() - begun).as_secs_f64());
    }
    Ok(vec![
        Figure::new("rows.read", warm).beside("from 200,000 rows", all),
        Figure::new("rows.scan", ROWS as f64 / best / 1e6),
    ])
}

/// From the unlocked profile to the first row, over a log of others' records: mostly long ones, and
/// in the last segment what typing gives.
fn start() -> Result<Vec<Figure>, String> {
    let dir = tempfile::tempdir().map_err(text)?;
    let keys = profile(dir.path())?;
    let mut transaction = Transaction::new();
    transaction.put(&FACTS, &1, &vec![1; VALUE]);
    open(dir.path(), &keys)?.commit(transaction).wait(SOON).map_err(text)?;
    fill(dir.path(), &keys)?;
    // The process that wrote all that had rows open as well, and ended in order.
    drop(open(dir.path(), &keys)?);
    let (mut times, mut cpu) = (Vec::new(), f64::INFINITY);
    let mut log_alone = f64::INFINITY;
    for _ in 0..STARTS {
        let (begun, cpu_begun) = (Instant::now(), thread_cpu());
        let rows = open(dir.path(), &keys)?;
        if rows.snapshot().get(&FACTS, &1).map_err(text)?.is_none() {
            return Err("the row is not there".to_owned());
        }
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        cpu = cpu.min((thread_cpu() - cpu_begun).as_secs_f64() * 1e3);
        drop(rows);
        let begun = Instant::now();
        let log = Log::open(
            Arc::new(RealDisk),
            &dir.path().join("log"),
            keys.sealer("log"),
            LogOptions::default(),
        );
        drop(log.map_err(text)?);
        log_alone = log_alone.min(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let middle = times[STARTS / 2];
    let figure = Figure::new("rows.start", middle).beside("CPU at best", cpu);
    Ok(vec![figure.beside("the log alone, at best", log_alone)])
}

fn fill(dir: &Path, keys: &Unlocked) -> Result<(), String> {
    let log =
        Log::open(Arc::new(RealDisk), &dir.join("log"), keys.sealer("log"), LogOptions::default());
    let mut log = log.map_err(text)?;
    let entry = |len| Entry { stream: StreamId(7), kind: Kind(1), payload: vec![9; len] };
    const LONG: usize = 16 * 1024;
    for _ in 0..HISTORY_BYTES / LONG / 64 {
        log.write((0..64).map(|_| entry(LONG)).collect()).map_err(text)?;
    }
    for _ in 0..200 {
        log.write((0..100).map(|_| entry(100)).collect()).map_err(text)?;
    }
    log.sync().map_err(text)
}
