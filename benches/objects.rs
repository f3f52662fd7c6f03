//! What objects cost: putting until it is durable, getting, opening a store with history, and how
//! much of a source tree's revisions is kept once.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kernel::disk::RealDisk;
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::object::{ObjectOptions, ObjectStore, Root};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source::{self, Numbers};

const OBJECT_BYTES: usize = 64 * 1024;
const PUTS: usize = 200;
const GROUP: usize = 64;
const FILES: usize = 200;
const REVISIONS: usize = 50;
const HISTORY_BYTES: usize = 1_000_000_000;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["object.put", "object.get"], run: put_and_get },
        Measure { rows: &["object.open"], run: open_history },
        Measure { rows: &["object.dedupe"], run: dedupe },
    ]
}

struct Home {
    dir: tempfile::TempDir,
    profile: Unlocked,
}

impl Home {
    /// Beside the build, which is on a disk; a temporary folder may be memory.
    fn new() -> Result<Self, String> {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).map_err(text)?;
        let path = dir.path().join("home");
        let profile = Profile::create(&RealDisk, &path, Protection::Unprotected).map_err(text)?;
        Ok(Self { dir, profile })
    }

    /// Nothing is kept in memory, so that what is read is read from the disk's cache.
    fn open(&self) -> Result<ObjectStore, String> {
        let options = ObjectOptions { cache_bytes: 0, ..ObjectOptions::default() };
        let dir = self.dir.path().join("home/objects");
        ObjectStore::open(Arc::new(RealDisk), &dir, &self.profile, options).map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Source text that no other `number` gives.
fn content(number: usize, bytes: usize) -> Vec<u8> {
    let mut content = source::of_bytes(bytes).into_bytes();
    content.truncate(bytes);
    let mut numbers = Numbers::from_seed(number as u64);
    for line in content.chunks_mut(64) {
        let at = numbers.below(line.len());
        line[at] = b'a' + numbers.below(26) as u8;
    }
    content
}

/// Beside it what the disk asks for 64 KB and a sync, and a put that shares its sync with others.
fn put_and_get() -> Result<Vec<Figure>, String> {
    let home = Home::new()?;
    let store = home.open()?;
    let (mut puts, mut cpu, mut raw) = (Samples::default(), Samples::default(), Samples::default());
    let mut ids = Vec::new();
    for number in 0..PUTS {
        let content = content(number, OBJECT_BYTES);
        let (start, busy) = (Instant::now(), thread_cpu());
        ids.push(store.put(&content).map_err(text)?);
        cpu.push_ms(thread_cpu() - busy);
        puts.push_ms(start.elapsed());
        raw.push_ms(raw_write(&home.dir.path().join("raw"), &content)?);
    }
    let group: Vec<_> = (0..GROUP).map(|at| content(PUTS + at, OBJECT_BYTES)).collect();
    let (mut batch, start) = (store.batch(), Instant::now());
    for content in &group {
        batch.put(content).map_err(text)?;
    }
    batch.commit().map_err(text)?;
    let grouped = start.elapsed().as_secs_f64() * 1e3 / GROUP as f64;
    let (mut gets, mut get_cpu) = (Samples::default(), Samples::default());
    for id in ids {
        let (start, busy) = (Instant::now(), thread_cpu());
        let got = store.get(id).map_err(text)?;
        get_cpu.push_ms(thread_cpu() - busy);
        gets.push_ms(start.elapsed());
        if got.len() != OBJECT_BYTES {
            return Err(format!("{} bytes came back", got.len()));
        }
    }
    let put = Figure::new("object.put", puts.median()).beside("p99", puts.percentile(0.99));
    let put = put.beside("cpu", cpu.median()).beside("raw write and sync", raw.median());
    let get = Figure::new("object.get", gets.median()).beside("p99", gets.percentile(0.99));
    let get = get.beside("cpu", get_cpu.median());
    Ok(vec![put.beside("each of 64 in a batch", grouped), get])
}

fn raw_write(path: &Path, content: &[u8]) -> Result<std::time::Duration, String> {
    use std::io::Write;

    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(path).map_err(text)?;
    let start = Instant::now();
    file.write_all(content).map_err(text)?;
    file.sync_data().map_err(text)?;
    Ok(start.elapsed())
}

/// The CPU time of opening, once after a clean end; beside it the clock, and the same with the
/// index lost, which reads all packs.
fn open_history() -> Result<Vec<Figure>, String> {
    let home = Home::new()?;
    let store = home.open()?;
    let mut numbers = Numbers::from_seed(3);
    let mut bytes = vec![0; 1_000_000];
    for number in 0..HISTORY_BYTES / bytes.len() {
        bytes.fill_with(|| numbers.below(256) as u8);
        let root = Root::new("benches", &number.to_string());
        store.put_held(&root, &bytes).map_err(text)?;
    }
    drop(store);
    let (mut cpu, mut clock) = (Samples::default(), Samples::default());
    for _ in 0..9 {
        let (start, busy) = (Instant::now(), thread_cpu());
        let store = home.open()?;
        cpu.push_ms(thread_cpu() - busy);
        clock.push_ms(start.elapsed());
        drop(store);
    }
    std::fs::remove_file(home.dir.path().join("home/objects/index")).map_err(text)?;
    let start = Instant::now();
    drop(home.open()?);
    let lost = start.elapsed().as_secs_f64() * 1e3;
    let figure = Figure::new("object.open", clock.median()).beside("cpu", cpu.median());
    Ok(vec![figure.beside("index lost", lost)])
}

/// Every revision changes a tenth of the files: a line here and there, as people do, and now and
/// then a file is new. All files of all revisions are put. The figure is what of their bytes was
/// not kept a second time, before compression; beside it what the packs take with compression, of
/// the same bytes, and what of the bytes is in files that did not change at all.
fn dedupe() -> Result<Vec<Figure>, String> {
    let home = Home::new()?;
    let store = home.open()?;
    let mut numbers = Numbers::from_seed(9);
    let mut files: Vec<Vec<u8>> =
        (0..FILES).map(|at| content(at, 1_000 + numbers.below(60_000))).collect();
    let (mut raw, mut unchanged) = (0, 0);
    for revision in 0..REVISIONS {
        let mut batch = store.batch();
        for file in &mut files {
            let is_changed = revision > 0 && numbers.below(10) == 0;
            if is_changed {
                edit(file, &mut numbers);
            } else if revision > 0 {
                unchanged += file.len();
            }
            raw += file.len();
            batch.put(file).map_err(text)?;
        }
        batch.commit().map_err(text)?;
        files.push(content(FILES + revision, 1_000 + numbers.below(20_000)));
    }
    let usage = store.usage().map_err(text)?;
    let share = |bytes: usize| 100.0 * (1.0 - bytes as f64 / raw as f64);
    let figure = Figure::new("object.dedupe", share(usage.chunk_bytes as usize));
    let figure = figure.beside("with compression", share(usage.disk_bytes as usize));
    Ok(vec![figure.beside("in files that stayed", share(raw - unchanged))])
}

/// One to five lines are changed, added or taken away.
fn edit(file: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(5) {
        let at = numbers.below(file.len());
        let end = (at + 40).min(file.len());
        match numbers.below(3) {
            0 => file[at..end].fill(b'x'),
            1 => drop(file.splice(at..at, *b"    let another = line_of(source, 42);\n")),
            _ if file.len() > 1_000 => drop(file.drain(at..end)),
            _ => {}
        }
    }
}
