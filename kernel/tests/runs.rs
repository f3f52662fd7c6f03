//! Runs on disks that are cut, in processes that are killed, and against a plain model, from a
//! seed (`HEARTH_SEED`).

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kernel::Effect;
use kernel::disk::sim::{SimDisk, SplitMix};
use kernel::disk::{self, Disk, RealDisk};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::row::{RowOptions, Rows, Source};
use kernel::run::schedule::{Presence, drive_until_touched};
use kernel::run::{
    Answer, ArtifactError, Artifacts, Compensation, Context, Decision, Digest, GateKeeper, Input,
    Inputs, Outputs, Plan, Retry, RunError, RunId, RunState, Runs, Step, StepError, StepState,
    Wish,
};

const SMALL: LogOptions = LogOptions { segment_bytes: 20_000, reserve_bytes: 16_000 };

fn seed() -> u64 {
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("HEARTH_SEED={seed}");
    seed
}

/// One file for each artifact, durable when it is there.
struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    writing: Mutex<()>,
}

impl Artifacts for Files {
    fn put(&self, bytes: &[u8]) -> Result<Digest, ArtifactError> {
        let _one = self.writing.lock().unwrap();
        let digest = Digest::of(bytes);
        disk::replace(&*self.disk, &self.dir.join(digest.to_string()), bytes)
            .map_err(|error| ArtifactError(error.to_string()))?;
        Ok(digest)
    }

    fn get(&self, name: Digest) -> Result<Vec<u8>, ArtifactError> {
        let bytes = disk::read(&*self.disk, &self.dir.join(name.to_string()), 1 << 24)
            .map_err(|error| ArtifactError(error.to_string()))?;
        if Digest::of(&bytes) == name { Ok(bytes) } else { Err(ArtifactError("torn".to_owned())) }
    }
}

/// A gate that forbids `x.forbidden`, asks for `x.asked` until it is told, and can be stopped.
#[derive(Default)]
struct Gate {
    is_stopped: AtomicBool,
    has_consent: AtomicBool,
}

impl GateKeeper for Gate {
    fn decide(&self, wish: &Wish<'_>) -> Decision {
        match wish.action {
            "x.forbidden" => Decision::Deny("not at night".to_owned()),
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
    runs: Runs,
    gate: Arc<Gate>,
    /// What was done, in order of its ends.
    done: Arc<Mutex<Vec<String>>>,
}

fn try_open(disk: Arc<dyn Disk>, dir: &Path, keys: &Unlocked) -> Result<Bench, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    disk.create_dir(&dir.join("artifacts")).map_err(|error| text(&error))?;
    let log = Log::open(disk.clone(), &dir.join("log"), keys.sealer("log"), SMALL);
    let log = LogWriter::start(log.map_err(|error| text(&error))?, |_| {});
    let log = Arc::new(log.map_err(|error| text(&error))?);
    let source = Source { log, opener: keys.opener("log") };
    let options = RowOptions { cache_bytes: 256 * 1024 };
    let rows = Rows::open(disk.clone(), &dir.join("rows"), source, keys, options);
    let rows = Arc::new(rows.map_err(|error| text(&error))?);
    let artifacts = Arc::new(Files { disk, dir: dir.join("artifacts"), writing: Mutex::default() });
    let gate = Arc::new(Gate::default());
    let lanes = BTreeMap::from([("main".to_owned(), 3)]);
    let mut runs = Runs::new(rows, artifacts, gate.clone(), lanes);
    let done = Arc::new(Mutex::new(Vec::new()));
    register(&mut runs, &done);
    Ok(Bench { runs, gate, done })
}

fn register(runs: &mut Runs, done: &Arc<Mutex<Vec<String>>>) {
    let it = done.clone();
    let mix = move |_: &Context, inputs: &Inputs| {
        let label = String::from_utf8(inputs.get("label")?).unwrap();
        it.lock().unwrap().push(label);
        Ok(Outputs::from([("out".to_owned(), mixed(inputs)?)]))
    };
    for action in ["x.mix", "x.forbidden", "x.asked"] {
        runs.register(action, Arc::new(mix.clone()));
    }
    let it = done.clone();
    runs.register(
        "x.undo",
        Arc::new(move |_: &Context, inputs: &Inputs| {
            let label = String::from_utf8(inputs.get("label")?).unwrap();
            inputs.get("output.out")?;
            it.lock().unwrap().push(format!("undo {label}"));
            Ok(Outputs::new())
        }),
    );
    runs.register(
        "x.fail",
        Arc::new(|context: &Context, _: &Inputs| {
            context.log(b"about to fail")?;
            Err::<Outputs, _>(StepError::Permanent("no luck".to_owned()))
        }),
    );
    let tries = AtomicUsize::new(0);
    runs.register(
        "x.third",
        Arc::new(move |_: &Context, _: &Inputs| match tries.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err(StepError::Transient("not yet".to_owned())),
            _ => Ok(Outputs::new()),
        }),
    );
    runs.register(
        "x.wait",
        Arc::new(|context: &Context, _: &Inputs| {
            context.sleep(Duration::from_secs(60))?;
            Ok(Outputs::new())
        }),
    );
    #[cfg(unix)]
    runs.register(
        "x.shell",
        Arc::new(|context: &Context, inputs: &Inputs| {
            let mut command = std::process::Command::new("sh");
            command.arg("-c").arg(String::from_utf8(inputs.get("script")?).unwrap());
            let status = context.process(command)?;
            Ok(Outputs::from([("status".to_owned(), status.to_string().into_bytes())]))
        }),
    );
}

/// All inputs but the label, hashed with their names.
fn mixed(inputs: &Inputs) -> Result<Vec<u8>, StepError> {
    let mut all = Vec::new();
    for name in inputs.names().keys() {
        all.extend_from_slice(name.as_bytes());
        all.extend(inputs.get(name)?);
    }
    Ok(Digest::of(&all).to_string().into_bytes())
}

fn keys() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected).unwrap()
}

fn open() -> Bench {
    try_open(Arc::new(SimDisk::new(1)), Path::new("p"), &keys()).unwrap()
}

fn value(text: &str) -> Input {
    Input::Value { value: text.to_owned() }
}

fn mix(name: &str, effect: Effect, from: &[&str]) -> Step {
    let mut step = Step::new(name, "x.mix", 1, effect).with("label", value(name));
    for &from in from {
        let input = Input::Step { step: from.to_owned(), output: "out".to_owned() };
        step = step.with(&format!("from {from}"), input);
    }
    step
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan { name: "p".to_owned(), steps }
}

/// A graph whose steps take from earlier ones, and what each gives.
fn random_plan(random: &mut SplitMix, steps: u64, effect: fn(u64) -> Effect) -> Plan {
    let mut all = Vec::new();
    for number in 0..steps {
        let few = random.below(4).min(number);
        let from: Vec<String> = (0..few).map(|_| format!("s{}", random.below(number))).collect();
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        all.push(mix(&format!("s{number}"), effect(random.below(3)), &from));
    }
    // The order in the plan is no order of work.
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at as u64 + 1) as usize);
    }
    plan(all)
}

fn expected(plan: &Plan) -> BTreeMap<String, Digest> {
    let mut outputs: BTreeMap<String, String> = BTreeMap::new();
    while outputs.len() < plan.steps.len() {
        'step: for step in &plan.steps {
            let mut all = Vec::new();
            for (name, input) in &step.inputs {
                all.extend_from_slice(name.as_bytes());
                match input {
                    Input::Value { value } => all.extend_from_slice(value.as_bytes()),
                    Input::Step { step, .. } => match outputs.get(step) {
                        Some(output) => all.extend_from_slice(output.as_bytes()),
                        None => continue 'step,
                    },
                    Input::Hash { .. } => unreachable!("not made here"),
                }
            }
            outputs.insert(step.name.clone(), Digest::of(&all).to_string());
        }
    }
    outputs.into_iter().map(|(name, text)| (name, Digest::of(text.as_bytes()))).collect()
}

fn outputs(runs: &Runs, run: RunId) -> BTreeMap<String, Digest> {
    let steps = runs.show(run).unwrap().steps;
    steps.into_iter().map(|step| (step.name, step.outputs["out"])).collect()
}

#[test]
fn random_graphs_give_what_the_model_says_and_their_pure_steps_are_done_once() {
    let mut random = SplitMix::new(seed());
    let bench = open();
    for _ in 0..12 {
        let steps = 1 + random.below(60);
        let mut plan = random_plan(&mut random, steps, |_| Effect::Pure);
        for step in &mut plan.steps {
            step.inputs.insert("salt".to_owned(), value(&random.next_u64().to_string()));
        }
        for is_again in [false, true] {
            bench.done.lock().unwrap().clear();
            let run = bench.runs.start("owner", &plan).unwrap();
            assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
            assert_eq!(outputs(&bench.runs, run), expected(&plan));
            let done = bench.done.lock().unwrap().len();
            assert_eq!(done, if is_again { 0 } else { plan.steps.len() });
            let why = bench.runs.why(run, "s0").unwrap();
            let state = if is_again { StepState::Cached } else { StepState::Done };
            assert_eq!(why.state, state, "{why:?}");
        }
    }
    let json = serde_json::to_value(&bench.runs.list().unwrap()[0]).unwrap();
    let count = &json["steps"];
    assert_eq!(
        (&json["id"], &json["name"], &json["state"]),
        (&"1".into(), &"p".into(), &"done".into())
    );
    assert!(count["done"] == count["total"] && count["total"].as_u64() > Some(0), "{json}");
}

#[test]
fn a_run_that_is_cut_anywhere_ends_as_one_that_is_not() {
    let mut random = SplitMix::new(seed());
    let effect = |number| [Effect::Pure, Effect::Idempotent, Effect::Once][number as usize];
    let plan = random_plan(&mut random, 14, effect);
    let whole = expected(&plan);
    let (keys, mut cuts, mut doubts) = (keys(), 0, 0);
    for round in 0..40 {
        let disk = SimDisk::new(random.next_u64());
        let bench = try_open(Arc::new(disk.process()), Path::new("p"), &keys).unwrap();
        let run = bench.runs.start("owner", &plan).unwrap();
        let mut done = Vec::new();
        let mut bench = Some(bench);
        for _ in 0..2 {
            disk.crash_after(random.below(250));
            let it = match bench.take() {
                Some(it) => Ok(it),
                None => try_open(Arc::new(disk.process()), Path::new("p"), &keys),
            };
            // A machine may go off while it starts, too.
            if let Ok(it) = it {
                drive_until_off(&it.runs, run, &disk);
                done.append(&mut it.done.lock().unwrap());
            }
            cuts += usize::from(disk.is_off());
            disk.cut_power();
        }
        let it = try_open(Arc::new(disk.process()), Path::new("p"), &keys).unwrap();
        let mut again = Vec::new();
        let is_done = || it.runs.list().unwrap()[0].state == RunState::Done;
        while !is_done() && it.runs.drive(run).unwrap() == RunState::Asks {
            for step in it.runs.show(run).unwrap().steps {
                if step.state == StepState::InDoubt {
                    doubts += 1;
                    it.runs.answer(run, &step.name, Answer::RunAgain).unwrap();
                    again.push(step.name);
                }
            }
        }
        done.append(&mut it.done.lock().unwrap());
        assert_eq!(outputs(&it.runs, run), whole, "round {round}");
        for step in plan.steps.iter().filter(|step| step.effect == Effect::Once) {
            let times = done.iter().filter(|&name| *name == step.name).count();
            let allowed = 1 + usize::from(again.contains(&step.name));
            assert!((1..=allowed).contains(&times), "round {round}: {} {times} times", step.name);
        }
    }
    assert!(cuts > 20 && doubts > 0, "{cuts} cuts, {doubts} doubts: nothing was tried");
}

fn drive_until_off(runs: &Runs, run: RunId, disk: &SimDisk) {
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(Ordering::Relaxed) {
                if disk.is_off() {
                    runs.close();
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        // Whatever it answers, the next process has to find its way.
        drop(runs.drive(run));
        has_ended.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_fails_is_taken_back_in_reverse_and_can_be_resumed() {
    let bench = open();
    let undone = |mut step: Step| {
        step.compensation = Some(Compensation { action: "x.undo".to_owned(), version: 1 });
        step
    };
    let mut last = Step::new("c", "x.fail", 1, Effect::Idempotent);
    last.after = vec!["b".to_owned()];
    let a = undone(mix("a", Effect::Idempotent, &[]));
    let b = undone(mix("b", Effect::Once, &["a"]));
    let run = bench.runs.start("owner", &plan(vec![a, b, last])).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Failed);
    assert_eq!(*bench.done.lock().unwrap(), ["a", "b", "undo b", "undo a"]);
    let why = bench.runs.why(run, "c").unwrap();
    assert_eq!((why.state, why.reason.as_str()), (StepState::Failed, "no luck"));
    assert_eq!(bench.runs.logs(run, "c").unwrap(), b"about to fail");
    assert!(matches!(bench.runs.drive(run), Err(RunError::Over(..))));
    assert_eq!(bench.runs.resume(run).unwrap(), RunState::Failed);
    assert_eq!(bench.done.lock().unwrap().len(), 8, "both were done and taken back again");
}

#[test]
fn retries_timeouts_and_the_gate() {
    let bench = open();
    let mut third = Step::new("t", "x.third", 1, Effect::Idempotent);
    third.retry = Retry { attempts: 3, backoff_ms: 5, backoff_max_ms: 20 };
    let run = bench.runs.start("owner", &plan(vec![third])).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    assert_eq!(bench.runs.why(run, "t").unwrap().attempts, 3);

    let mut slow = Step::new("w", "x.wait", 1, Effect::Idempotent);
    slow.timeout_ms = Some(50);
    let begun = Instant::now();
    let run = bench.runs.start("owner", &plan(vec![slow])).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Failed);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(bench.runs.why(run, "w").unwrap().reason, "it took longer than it may");

    let of = |action: &str| {
        let mut step = mix("g", Effect::Idempotent, &[]);
        step.action = action.to_owned();
        plan(vec![step])
    };
    let run = bench.runs.start("owner", &of("x.forbidden")).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Failed);
    let run = bench.runs.start("owner", &of("x.asked")).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Asks);
    assert!(bench.done.lock().unwrap().is_empty());
    bench.gate.has_consent.store(true, Ordering::Relaxed);
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    assert_eq!(*bench.done.lock().unwrap(), ["g"]);
}

#[test]
fn the_kill_switch_stops_within_a_second_and_the_run_goes_on_later() {
    let bench = open();
    let steps = vec![Step::new("w", "x.wait", 1, Effect::Idempotent), mix("a", Effect::Pure, &[])];
    let run = bench.runs.start("owner", &plan(steps)).unwrap();
    let state = std::thread::scope(|scope| {
        let drive = scope.spawn(|| bench.runs.drive(run));
        while bench.runs.why(run, "w").unwrap().state != StepState::Started {
            std::thread::sleep(Duration::from_millis(2));
        }
        let begun = Instant::now();
        bench.gate.is_stopped.store(true, Ordering::Relaxed);
        let state = drive.join().unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        state
    });
    assert_eq!(state, RunState::Waiting);
    assert_eq!(bench.runs.show(run).unwrap().reason, "the kill switch is on");
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Waiting, "it is still on");
    assert_eq!(bench.runs.cancel(run).unwrap(), RunState::Cancelled, "nothing has to be done");
}

#[test]
fn a_key_stops_an_idle_run_within_a_second() {
    let bench = open();
    let steps = vec![Step::new("w", "x.wait", 1, Effect::Idempotent)];
    let run = bench.runs.start("owner", &plan(steps)).unwrap();
    let presence = Presence::new();
    std::thread::sleep(Duration::from_millis(5));
    std::thread::scope(|scope| {
        let drive = scope.spawn(|| drive_until_touched(&bench.runs, run, &presence));
        while bench.runs.why(run, "w").unwrap().state != StepState::Started {
            std::thread::sleep(Duration::from_millis(2));
        }
        let begun = Instant::now();
        presence.touch();
        assert_eq!(drive.join().unwrap().unwrap(), RunState::Waiting);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
    assert_eq!(bench.runs.why(run, "w").unwrap().state, StepState::Waiting);
}

#[cfg(unix)]
#[test]
fn cancelling_reaches_a_tree_of_processes() {
    let bench = open();
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let path = pids.display();
    let script = format!(
        "echo begun; (sleep 600 & echo $! >> {path}; wait) & sleep 600 & echo $! >> {path}; wait"
    );
    let step = Step::new("s", "x.shell", 1, Effect::Idempotent).with("script", value(&script));
    let run = bench.runs.start("owner", &plan(vec![step])).unwrap();
    let sleeps = || std::fs::read_to_string(&pids).unwrap_or_default();
    std::thread::scope(|scope| {
        let drive = scope.spawn(|| bench.runs.drive(run));
        while sleeps().lines().count() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        bench.runs.cancel(run).unwrap();
        assert_eq!(drive.join().unwrap().unwrap(), RunState::Cancelled);
    });
    let is_alive = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains("sleep") && !stat.contains(") Z")
    };
    let begun = Instant::now();
    while sleeps().lines().any(is_alive) {
        assert!(begun.elapsed() < Duration::from_secs(10), "a sleep survived");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(bench.runs.logs(run, "s").unwrap(), b"begun\n");
}

/// The test starts itself again as the process that is killed.
#[cfg(unix)]
#[test]
fn a_killed_process_leaves_a_run_that_the_next_goes_on_with() {
    let name = "a_killed_process_leaves_a_run_that_the_next_goes_on_with";
    let steps = || {
        let mut slow = Step::new("slow", "x.wait", 1, Effect::Once);
        slow.after = vec!["a".to_owned()];
        plan(vec![mix("a", Effect::Idempotent, &[]), slow, mix("b", Effect::Pure, &["a"])])
    };
    let open_at = |dir: &Path| {
        let keys = match Profile::create(&RealDisk, &dir.join("keys"), Protection::Unprotected) {
            Ok(keys) => keys,
            Err(_) => {
                Profile::open(&RealDisk, &dir.join("keys")).unwrap().unlock_unprotected().unwrap()
            }
        };
        try_open(Arc::new(RealDisk), dir, &keys).unwrap()
    };
    if let Ok(dir) = std::env::var("HEARTH_RUN_CHILD") {
        let bench = open_at(Path::new(&dir));
        let run = bench.runs.start("owner", &steps()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| bench.runs.drive(run));
            let is = |step, state| bench.runs.why(run, step).unwrap().state == state;
            while !(is("slow", StepState::Started) && is("b", StepState::Done)) {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::fs::write(Path::new(&dir).join("ready"), "").unwrap();
        });
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name]).env("HEARTH_RUN_CHILD", dir.path());
    let mut child = child.stdout(std::process::Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !dir.path().join("ready").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the child does not come so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let bench = open_at(dir.path());
    let run = RunId(1);
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Asks);
    assert!(bench.done.lock().unwrap().is_empty(), "what is done stays done");
    assert_eq!(bench.runs.why(run, "slow").unwrap().state, StepState::InDoubt);
    bench.runs.answer(run, "slow", Answer::Happened).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    assert_eq!(bench.runs.list().unwrap()[0].steps.done, 3);
}

/// Figures by the clock are for a machine that is alone; what is held here is that it works, and
/// that a resumed run does nothing again.
#[test]
fn a_hundred_thousand_steps() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys();
    let bench = try_open(Arc::new(RealDisk), dir.path(), &keys).unwrap();
    let mut all = Vec::new();
    for number in 0..100_000_u32 {
        let mut step = Step::new(&format!("s{number}"), "x.nothing", 1, Effect::Idempotent);
        if number >= 1000 {
            step.after.push(format!("s{}", number - 1000));
        }
        all.push(step);
    }
    let begun = Instant::now();
    let mut bench = bench;
    bench.runs.register("x.nothing", Arc::new(|_: &Context, _: &Inputs| Ok(Outputs::new())));
    let run = bench.runs.start("owner", &plan(all)).unwrap();
    eprintln!("written down in {:?}", begun.elapsed());
    let begun = Instant::now();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    eprintln!("driven in {:?}, {:?} a step", begun.elapsed(), begun.elapsed() / 100_000);
    let begun = Instant::now();
    assert_eq!(bench.runs.show(run).unwrap().summary.steps.done, 100_000);
    eprintln!("shown in {:?}", begun.elapsed());
}
