//! The scheduler with real runs, a scripted machine and real processes, by the clock. Whether
//! processes are gone and what a thread has used is looked up in /proc.

#![cfg(target_os = "linux")]
// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kernel::Effect;
use kernel::disk::sim::SimDisk;
use kernel::keys::{Profile, Protection};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::object::{ObjectOptions, ObjectStore};
use kernel::row::{RowOptions, Rows, Source};
use kernel::run::schedule::{
    Conditions, Known, LocalZone, Parts, Presence, Required, Scheduled, Scheduler, ScriptedMachine,
    Snapshot, Wait, Work, Worth,
};
use kernel::run::{
    Context, Decision, GateKeeper, Input, Inputs, ObjectArtifacts, Outputs, Plan, RunError, RunId,
    RunState, Runs, Step, StepState, Wish,
};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

/// A gate that asks for `x.asked` until it is told, and can be stopped.
#[derive(Default)]
struct Gate {
    is_stopped: AtomicBool,
    has_consent: AtomicBool,
}

impl GateKeeper for Gate {
    fn decide(&self, wish: &Wish<'_>) -> Decision {
        match wish.action {
            "x.asked" if !self.has_consent.load(Ordering::Relaxed) => {
                Decision::Ask("may it?".to_owned())
            }
            _ => Decision::Allow,
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }
}

struct Bench {
    runs: Arc<Runs>,
    gate: Arc<Gate>,
    machine: Arc<ScriptedMachine>,
    presence: Arc<Presence>,
    done: Arc<AtomicUsize>,
}

fn night() -> Snapshot {
    Snapshot {
        idle: Known::Is(LONG),
        on_mains: Known::Is(true),
        cpu_percent: Known::Is(1.0),
        celsius: Known::Unknown,
        metered: Known::Unknown,
    }
}

fn open() -> Bench {
    let (disk, dir) = (Arc::new(SimDisk::new(1)), Path::new("p"));
    let keys = Profile::create(&*disk, &dir.join("keys"), Protection::Unprotected).unwrap();
    let options = LogOptions { segment_bytes: 200_000, reserve_bytes: 16_000 };
    let log = Log::open(disk.clone(), &dir.join("log"), keys.sealer("log"), options).unwrap();
    let log = Arc::new(LogWriter::start(log, |_| {}).unwrap());
    let source = Source { log, opener: keys.opener("log") };
    let options = RowOptions { cache_bytes: 256 * 1024 };
    let rows = Rows::open(disk.clone(), &dir.join("rows"), source, &keys, options).unwrap();
    let options = ObjectOptions::default();
    let objects = ObjectStore::open(disk, &dir.join("objects"), &keys, options).unwrap();
    let artifacts = Arc::new(ObjectArtifacts::new(objects));
    let gate = Arc::new(Gate::default());
    let mut runs = Runs::new(Arc::new(rows), artifacts, gate.clone(), BTreeMap::new());
    let done = Arc::new(AtomicUsize::new(0));
    let it = done.clone();
    let count = move |_: &Context, _: &Inputs| {
        it.fetch_add(1, Ordering::Relaxed);
        Ok(Outputs::new())
    };
    runs.register("x.count", Arc::new(count.clone()));
    runs.register("x.asked", Arc::new(count));
    runs.register(
        "x.sleep",
        Arc::new(|context: &Context, inputs: &Inputs| {
            let script = String::from_utf8(inputs.get("script")?).unwrap();
            let mut command = std::process::Command::new("sh");
            command.arg("-c").arg(script);
            context.process(command)?;
            Ok(Outputs::new())
        }),
    );
    let machine = Arc::new(ScriptedMachine::new(night()));
    let presence = Arc::new(Presence::new());
    Bench { runs: Arc::new(runs), gate, machine, presence, done }
}

impl Bench {
    fn scheduler(&self) -> Scheduler {
        let parts = Parts {
            runs: self.runs.clone(),
            machine: self.machine.clone(),
            presence: self.presence.clone(),
            zone: Arc::new(LocalZone),
            places: 1,
        };
        Scheduler::start(parts).unwrap()
    }

    fn start(&self, step: Step) -> RunId {
        self.runs.start("owner", &Plan { name: "p".to_owned(), steps: vec![step] }).unwrap()
    }

    fn is(&self, run: RunId, state: RunState) -> bool {
        self.runs.show(run).unwrap().summary.state == state
    }
}

fn job(name: &str, run: RunId, conditions: Conditions) -> Scheduled {
    let worth = Worth { impact: 1.0, confidence: 1.0, freshness: 1.0, cost: 1.0 };
    Scheduled { name: name.to_owned(), worth, conditions, cron: None, work: Work::Run(run) }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "{what} does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A step that starts a shell with a child of its own, and the file that has both of their ids.
fn sleeping(dir: &Path) -> (Step, std::path::PathBuf) {
    let pids = dir.join("pids");
    let path = pids.display();
    let script = format!(
        "sleep 600 & echo $! > {path}.new; echo $$ >> {path}.new; mv {path}.new {path}; wait"
    );
    let script = Input::Value { value: script };
    (Step::new("w", "x.sleep", 1, Effect::Idempotent).with("script", script), pids)
}

fn are_alive(pids: &Path) -> bool {
    let is_alive = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z")
    };
    std::fs::read_to_string(pids).unwrap().lines().any(is_alive)
}

/// How long it takes until no process of the step is left.
fn stops_after(bench: &Bench, scheduler: &Scheduler, name: &str, stop: impl FnOnce()) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let (step, pids) = sleeping(dir.path());
    let run = bench.start(step);
    let idle = Conditions {
        idle: Some(Duration::from_millis(50)),
        mains: Some(Required),
        ..Conditions::default()
    };
    scheduler.schedule(job(name, run, idle)).unwrap();
    wait_until("the process", || pids.exists());
    assert!(are_alive(&pids));
    let begun = Instant::now();
    stop();
    wait_until("the end of the process", || !are_alive(&pids));
    let took = begun.elapsed();
    wait_until("the end of the drive", || bench.is(run, RunState::Waiting));
    assert_eq!(bench.runs.why(run, "w").unwrap().state, StepState::Waiting);
    scheduler.withdraw(name);
    took
}

#[test]
fn a_key_the_kill_switch_and_the_battery_stop_a_real_process_within_a_second() {
    let bench = open();
    let scheduler = bench.scheduler();
    let took = stops_after(&bench, &scheduler, "key", || bench.presence.touch());
    assert!(took < SECOND, "a key: {took:?}");
    let took = stops_after(&bench, &scheduler, "battery", || {
        bench.machine.set(Snapshot { on_mains: Known::Is(false), ..night() });
    });
    assert!(took < SECOND, "the battery: {took:?}");
    bench.machine.set(night());
    scheduler.look();
    let took = stops_after(&bench, &scheduler, "switch", || {
        bench.gate.is_stopped.store(true, Ordering::Relaxed);
    });
    assert!(took < SECOND, "the kill switch: {took:?}");
    bench.gate.is_stopped.store(false, Ordering::Relaxed);
    scheduler.look();
    let begun = std::cell::Cell::new(Instant::now());
    let took = stops_after(&bench, &scheduler, "withdrawn", || {
        begun.set(Instant::now());
        scheduler.withdraw("withdrawn");
    });
    assert!(took < SECOND, "withdrawn: {took:?}");
    assert!(scheduler.standings().is_empty());
}

#[test]
fn the_end_of_the_scheduler_and_of_the_runs_stops_what_is_at_work() {
    let bench = open();
    let scheduler = bench.scheduler();
    let dir = tempfile::tempdir().unwrap();
    let (step, pids) = sleeping(dir.path());
    let run = bench.start(step);
    scheduler.schedule(job("a", run, Conditions::default())).unwrap();
    wait_until("the process", || pids.exists());
    let begun = Instant::now();
    drop(scheduler);
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
    assert!(!are_alive(&pids));
    assert!(bench.is(run, RunState::Waiting), "another process goes on with it");

    std::fs::remove_file(&pids).unwrap();
    std::thread::scope(|scope| {
        let drive = scope.spawn(|| bench.runs.drive(run));
        wait_until("the process", || pids.exists());
        let begun = Instant::now();
        assert_eq!(bench.runs.wait_idle(Duration::from_millis(20)), [run]);
        bench.runs.close();
        assert_eq!(bench.runs.wait_idle(LONG), []);
        assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
        assert_eq!(drive.join().unwrap().unwrap(), RunState::Waiting);
    });
    assert!(!are_alive(&pids));
    assert!(matches!(bench.runs.drive(run), Err(RunError::Closed)), "nothing is begun any more");
    assert!(matches!(bench.runs.remove(run), Err(RunError::Closed)));
}

#[test]
fn the_better_job_goes_first_and_an_answer_lets_one_go_on() {
    let bench = open();
    let scheduler = bench.scheduler();
    bench.machine.set(Snapshot { on_mains: Known::Is(false), ..night() });
    let on_mains = Conditions { mains: Some(Required), ..Conditions::default() };
    let step = |action| Step::new("s", action, 1, Effect::Idempotent);
    let (good, better) = (bench.start(step("x.count")), bench.start(step("x.asked")));
    let mut second = job("better", better, on_mains);
    second.worth.impact = 5.0;
    scheduler.schedule(job("good", good, on_mains)).unwrap();
    scheduler.schedule(second).unwrap();
    wait_until("a look", || {
        scheduler.standings().iter().all(|it| it.verdict.waits == [Wait::OnBattery])
    });
    assert_eq!(scheduler.standings()[0].verdict.name, "better");
    bench.machine.set(night());
    scheduler.look();
    wait_until("the good one", || bench.is(good, RunState::Done));
    wait_until(
        "the question",
        || matches!(&scheduler.standings()[..], [it] if it.verdict.waits == [Wait::Asks]),
    );
    assert!(bench.is(better, RunState::Asks));
    bench.gate.has_consent.store(true, Ordering::Relaxed);
    assert_eq!(bench.runs.drive(better).unwrap(), RunState::Done, "a person let it go on");
    scheduler.look();
    wait_until("the end", || scheduler.standings().is_empty());
    assert_eq!(bench.done.load(Ordering::Relaxed), 2);
}

/// Only the scheduler's own thread is looked at: other tests run beside this one.
#[test]
fn waiting_costs_less_than_a_thousandth_of_a_cpu() {
    let name = "waiting_costs_less_than_a_thousandth_of_a_cpu";
    if std::env::var("HEARTH_SCHEDULE_CHILD").is_err() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name]).env("HEARTH_SCHEDULE_CHILD", "1");
        assert!(child.status().unwrap().success());
        return;
    }
    let bench = open();
    let scheduler = bench.scheduler();
    bench.machine.set(Snapshot { on_mains: Known::Is(false), ..night() });
    let on_mains = Conditions { mains: Some(Required), ..Conditions::default() };
    for number in 0..100 {
        let run = bench.start(Step::new("s", "x.count", 1, Effect::Idempotent));
        scheduler.schedule(job(&format!("j{number}"), run, on_mains)).unwrap();
    }
    let used = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let mut own = tasks.filter(|task| read(task.path().join("comm")).trim() == "scheduler");
        let stat = read(own.next().unwrap().path().join("schedstat"));
        Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
    };
    std::thread::sleep(Duration::from_millis(200));
    let (before, begun) = (used(), Instant::now());
    std::thread::sleep(Duration::from_secs(6));
    let share = (used() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    assert!(share < 0.001, "{:.4} % of a CPU", share * 100.0);
    assert_eq!(bench.done.load(Ordering::Relaxed), 0);
}
