//! Runs: ten thousand steps loaded, driven and resumed after a kill, and a hundred thousand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kernel::Effect;
use kernel::disk::RealDisk;
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::object::{ObjectOptions, ObjectStore};
use kernel::row::{RowOptions, Rows, Source};
use kernel::run::{
    Context, Decision, GateKeeper, Inputs, ObjectArtifacts, Outputs, Plan, RunId, RunState, Runs,
    Step, Wish,
};

use crate::clock::process_cpu_now;
use crate::measure::{Figure, Measure};

const STEPS: u64 = 10_000;
const STEPS_MANY: u64 = 100_000;
/// Steps that need nothing of each other.
const WIDTH: u64 = 500;
const LANE: usize = 2;
const ROUNDS: usize = 5;
const SOON: Duration = Duration::from_secs(60);

/// Where the process that is killed works; who finds it set is that process.
const CHILD: &str = "HEARTH_BENCHES_RUN";

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["runs.load", "runs.step"], run: drive },
        Measure { rows: &["runs.resume"], run: resume },
        Measure { rows: &["runs.many"], run: many },
    ]
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Allows everything: the gate has figures of its own.
struct Open;

impl GateKeeper for Open {
    fn decide(&self, _: &Wish<'_>) -> Decision {
        Decision::Allow
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

/// Runs on this disk, and what their steps tell.
struct Bench {
    runs: Runs,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    /// When the first step was begun.
    first: OnceLock<Instant>,
    done: AtomicU64,
}

fn open(dir: &Path, keys: &Unlocked) -> Result<Bench, String> {
    let disk = Arc::new(RealDisk);
    let options = LogOptions::default();
    let log = Log::open(disk.clone(), &dir.join("log"), keys.sealer("log"), options);
    let log = Arc::new(LogWriter::start(log.map_err(text)?, |_| {}).map_err(text)?);
    let source = Source { log, opener: keys.opener("log") };
    let rows = Rows::open(disk.clone(), &dir.join("rows"), source, keys, RowOptions::default());
    let rows = Arc::new(rows.map_err(text)?);
    let options = ObjectOptions::default();
    let objects = ObjectStore::open(disk, &dir.join("objects"), keys, options).map_err(text)?;
    let artifacts = Arc::new(ObjectArtifacts::new(objects));
    let lanes = BTreeMap::from([("main".to_owned(), LANE)]);
    let mut runs = Runs::new(rows, artifacts, Arc::new(Open), lanes);
    let told = Arc::new(Told::default());
    let it = told.clone();
    let nothing = move |_: &Context, _: &Inputs| {
        it.first.get_or_init(Instant::now);
        it.done.fetch_add(1, Ordering::Relaxed);
        Ok(Outputs::new())
    };
    runs.register("bench.nothing", Arc::new(nothing));
    Ok(Bench { runs, told })
}

/// Layers of steps, each of which waits for one of the layer before.
fn plan(steps: u64) -> Plan {
    let mut all = Vec::new();
    for number in 0..steps {
        let name = format!("step {number}");
        let mut step = Step::new(&name, "bench.nothing", 1, Effect::Idempotent);
        if number >= WIDTH {
            step.after.push(format!("step {}", number - WIDTH));
        }
        all.push(step);
    }
    Plan { name: "bench".to_owned(), steps: all }
}

fn profile(dir: &Path) -> Result<Unlocked, String> {
    Profile::create(&RealDisk, &dir.join("profile"), Protection::Unprotected).map_err(text)
}

/// What the threads that make commits durable have used until now: they live as long as the rows.
fn writers_cpu() -> Result<Duration, String> {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").map_err(text)?.flatten() {
        // A thread may end while it is looked at.
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if matches!(read("comm").trim(), "row writer" | "log writer" | "log sync") {
            let nanoseconds = read("schedstat");
            let first = nanoseconds.split(' ').next().and_then(|it| it.parse::<u64>().ok());
            sum += first.ok_or("this Linux does not count the time of threads")?;
        }
    }
    Ok(Duration::from_nanos(sum))
}

/// One run of `steps`, from its plan to its end.
struct Driven {
    /// Written down.
    start: Duration,
    /// From there to the first step.
    load: Duration,
    /// By the clock.
    drive: Duration,
    /// Of all threads but those that commit.
    cpu: Duration,
    /// Of those.
    commit_cpu: Duration,
}

fn drive_once(steps: u64) -> Result<Driven, String> {
    let dir = tempfile::tempdir().map_err(text)?;
    let bench = open(dir.path(), &profile(dir.path())?)?;
    let plan = plan(steps);
    let begun = Instant::now();
    let run = bench.runs.start("owner", &plan).map_err(text)?;
    let start = begun.elapsed();
    let (cpu, writers, begun) = (process_cpu_now(), writers_cpu()?, Instant::now());
    let state = bench.runs.drive(run).map_err(text)?;
    let drive = begun.elapsed();
    let commit_cpu = writers_cpu()? - writers;
    let cpu = (process_cpu_now() - cpu).saturating_sub(commit_cpu);
    let done = bench.told.done.load(Ordering::Relaxed);
    if state != RunState::Done || done != steps {
        return Err(format!("{done} of {steps} steps were done: {state:?}"));
    }
    let first = bench.told.first.get().ok_or("no step was begun")?;
    Ok(Driven { start, load: *first - begun, drive, cpu, commit_cpu })
}

/// Medians of all.
fn drive() -> Result<Vec<Figure>, String> {
    let all = (0..ROUNDS).map(|_| drive_once(STEPS)).collect::<Result<Vec<_>, _>>()?;
    let median = |of: fn(&Driven) -> Duration| {
        let mut times: Vec<f64> = all.iter().map(|it| of(it).as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    };
    let each = |of: fn(&Driven) -> Duration| median(of) * 1e6 / STEPS as f64;
    let load = Figure::new("runs.load", median(|it| it.load) * 1e3);
    let step = Figure::new("runs.step", each(|it| it.cpu));
    Ok(vec![
        load.beside("written down", median(|it| it.start) * 1e3),
        step.beside("commit's share", each(|it| it.commit_cpu))
            .beside("by the clock, durable", each(|it| it.drive)),
    ])
}

fn many() -> Result<Vec<Figure>, String> {
    let driven = drive_once(STEPS_MANY)?;
    let figure = Figure::new("runs.many", driven.drive.as_secs_f64());
    let figure = figure.beside("load", driven.load.as_secs_f64());
    let cpu = driven.cpu + driven.commit_cpu;
    Ok(vec![
        figure.beside("written down", driven.start.as_secs_f64()).beside("cpu", cpu.as_secs_f64()),
    ])
}

/// From nothing open to the first step of a run that was killed half way.
fn resume() -> Result<Vec<Figure>, String> {
    let (mut times, mut opened) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let dir = tempfile::tempdir().map_err(text)?;
        drop(profile(dir.path())?);
        kill_half_way(dir.path())?;
        let begun = Instant::now();
        let profile = Profile::open(&RealDisk, &dir.path().join("profile")).map_err(text)?;
        let bench = open(dir.path(), &profile.unlock_unprotected().map_err(text)?)?;
        opened.push(begun.elapsed().as_secs_f64());
        let state = bench.runs.drive(RunId(1)).map_err(text)?;
        let done = bench.told.done.load(Ordering::Relaxed);
        if state != RunState::Done || !(1..STEPS).contains(&done) {
            return Err(format!("{done} steps were left to do: {state:?}"));
        }
        let first = bench.told.first.get().ok_or("no step was begun")?;
        times.push((*first - begun).as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    opened.sort_by(f64::total_cmp);
    let figure = Figure::new("runs.resume", times[ROUNDS / 2]);
    Ok(vec![figure.beside("max", times[ROUNDS - 1]).beside("opening", opened[ROUNDS / 2])])
}

/// Lets another process of this program begin the run, and kills it when half is done.
fn kill_half_way(dir: &Path) -> Result<(), String> {
    let program = std::env::current_exe().map_err(text)?;
    let mut child = Command::new(program);
    child.env(CHILD, dir).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = child.spawn().map_err(text)?;
    let begun = Instant::now();
    let waited = loop {
        if half_way(dir).exists() {
            break Ok(());
        }
        match child.try_wait().map_err(text)? {
            Some(status) => break Err(format!("the run ended before it was killed: {status}")),
            None if begun.elapsed() > SOON => break Err("the run does not come half way".into()),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    child.kill().and_then(|()| child.wait()).map_err(text)?;
    waited
}

fn half_way(dir: &Path) -> PathBuf {
    dir.join("half way")
}

/// Does the part of the process that is killed, if this is one.
pub fn child() -> Option<Result<(), String>> {
    let dir = PathBuf::from(std::env::var_os(CHILD)?);
    Some(begin(&dir))
}

/// Half of the steps are done at once, and the others wait for the end.
fn begin(dir: &Path) -> Result<(), String> {
    let profile = Profile::open(&RealDisk, &dir.join("profile")).map_err(text)?;
    let mut bench = open(dir, &profile.unlock_unprotected().map_err(text)?)?;
    let (told, mark) = (bench.told.clone(), half_way(dir));
    let slow = move |context: &Context, _: &Inputs| {
        if told.done.fetch_add(1, Ordering::Relaxed) >= STEPS / 2 {
            // What is durable by now is not much less than half.
            fs::write(&mark, "").map_err(|error| kernel::run::StepError::Permanent(text(error)))?;
            context.sleep(SOON)?;
        }
        Ok(Outputs::new())
    };
    bench.runs.register("bench.nothing", Arc::new(slow));
    let run = bench.runs.start("owner", &plan(STEPS)).map_err(text)?;
    bench.runs.drive(run).map_err(text).map(drop)
}
