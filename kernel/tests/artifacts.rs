//! Artifacts of runs in the object store: kept through a kill, kept once, and let go with the last
//! run that needs them.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kernel::Effect;
use kernel::disk::RealDisk;
use kernel::disk::sim::{SimDisk, SplitMix};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::object::{Now, ObjectOptions, ObjectStore};
use kernel::row::{RowOptions, Rows, Source};
use kernel::run::{
    Artifacts, Context, Decision, Digest, GateKeeper, Input, Inputs, ObjectArtifacts, Outputs,
    Plan, RunError, RunId, RunState, Runs, Step, StepState, Wish,
};

struct Open;

impl GateKeeper for Open {
    fn decide(&self, _: &Wish<'_>) -> Decision {
        Decision::Allow
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

struct Bench {
    runs: Runs,
    objects: ObjectStore,
    /// How many steps were done, whatever they gave.
    done: Arc<AtomicUsize>,
    /// What a step of `x.gated` waits for before it ends.
    go_on: mpsc::Sender<()>,
}

fn open(dir: &Path, keys: &Unlocked, quota_bytes: Option<u64>) -> Bench {
    let disk = Arc::new(RealDisk);
    let options = LogOptions { segment_bytes: 200_000, reserve_bytes: 16_000 };
    let log = Log::open(disk.clone(), &dir.join("log"), keys.sealer("log"), options).unwrap();
    let log = Arc::new(LogWriter::start(log, |_| {}).unwrap());
    let source = Source { log, opener: keys.opener("log") };
    let options = RowOptions { cache_bytes: 256 * 1024 };
    let rows = Rows::open(disk.clone(), &dir.join("rows"), source, keys, options).unwrap();
    let options = ObjectOptions { quota_bytes, ..ObjectOptions::default() };
    let objects = ObjectStore::open(disk, &dir.join("objects"), keys, options).unwrap();
    let artifacts = Arc::new(ObjectArtifacts::new(objects.clone()));
    let lanes = BTreeMap::from([("main".to_owned(), 3)]);
    let mut runs = Runs::new(Arc::new(rows), artifacts, Arc::new(Open), lanes);
    let done = Arc::new(AtomicUsize::new(0));
    let it = done.clone();
    let noise = move |context: &Context, inputs: &Inputs| {
        let number = |name| String::from_utf8(inputs.get(name).unwrap()).unwrap().parse().unwrap();
        it.fetch_add(1, Ordering::Relaxed);
        context.log(format!("seed {}\n", number("seed")).as_bytes())?;
        Ok(Outputs::from([("out".to_owned(), noise(number("seed"), number("bytes")))]))
    };
    runs.register("x.noise", Arc::new(noise.clone()));
    let (go_on, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    runs.register(
        "x.gated",
        Arc::new(move |context: &Context, inputs: &Inputs| {
            let outputs = noise(context, inputs)?;
            // A whole chunk of the log is put while the step runs.
            context.log(&outputs["out"])?;
            waits.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
            Ok(outputs)
        }),
    );
    Bench { runs, objects, done, go_on }
}

/// Bytes that do not get shorter.
fn noise(seed: u64, bytes: u64) -> Vec<u8> {
    let mut random = SplitMix::new(seed);
    (0..bytes).map(|_| random.next_u64() as u8).collect()
}

fn keys() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected).unwrap()
}

fn step(name: &str, effect: Effect, seed: u64, bytes: u64) -> Step {
    let value = |number: u64| Input::Value { value: number.to_string() };
    let step = Step::new(name, "x.noise", 1, effect);
    step.with("seed", value(seed)).with("bytes", value(bytes))
}

fn plan(name: &str, steps: Vec<Step>) -> Plan {
    Plan { name: name.to_owned(), steps }
}

fn done(bench: &Bench, plan: &Plan) -> RunId {
    let run = bench.runs.start("owner", plan).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    run
}

fn sweep(objects: &ObjectStore) {
    objects.sweep(Now::read(), Duration::ZERO).unwrap();
    objects.sweep(Now::read().after(Duration::from_secs(1)), Duration::ZERO).unwrap();
}

fn is_there(bench: &Bench, seed: u64, bytes: u64) -> bool {
    let artifacts = ObjectArtifacts::new(bench.objects.clone());
    artifacts.get(Digest::of(&noise(seed, bytes))).is_ok_and(|it| it == noise(seed, bytes))
}

#[test]
fn what_is_given_twice_is_kept_once_and_goes_with_the_last_that_needs_it() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let bench = open(dir.path(), &keys, None);
    let first = done(&bench, &plan("a", vec![step("s", Effect::Idempotent, 1, 50_000)]));
    let usage = bench.objects.usage().unwrap().chunk_bytes;
    let both =
        vec![step("s", Effect::Idempotent, 1, 50_000), step("own", Effect::Idempotent, 2, 50_000)];
    let second = done(&bench, &plan("b", both));
    let grown = bench.objects.usage().unwrap().chunk_bytes - usage;
    assert!((50_000..60_000).contains(&grown), "{grown} more for what is new");

    bench.runs.remove(first).unwrap();
    sweep(&bench.objects);
    assert!(matches!(bench.runs.show(first), Err(RunError::Unknown(_))));
    assert!(is_there(&bench, 1, 50_000), "the second run has it, too");
    assert_eq!(bench.runs.logs(second, "s").unwrap(), b"seed 1\n");
    let taken = Input::Hash { hash: Digest::of(&noise(2, 50_000)) };
    let taking = step("t", Effect::Idempotent, 3, 10).with("more", taken);
    let third = bench.runs.start("owner", &plan("c", vec![taking])).unwrap();
    assert!(matches!(bench.runs.remove(third), Err(RunError::NotOver(_))), "it may go on");
    bench.runs.remove(second).unwrap();
    sweep(&bench.objects);
    assert!(!is_there(&bench, 1, 50_000), "nothing has it");
    assert!(is_there(&bench, 2, 50_000), "a plan takes it");
    assert_eq!(bench.runs.drive(third).unwrap(), RunState::Done);
    bench.runs.remove(third).unwrap();
    sweep(&bench.objects);
    assert_eq!(bench.objects.usage().unwrap().objects, 1, "it belongs to whoever put it");
    assert!(bench.runs.list().unwrap().is_empty());
}

#[test]
fn what_the_cache_gives_stays_and_what_it_gave_goes() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let bench = open(dir.path(), &keys, None);
    let of = |name| plan(name, vec![step("s", Effect::Pure, 5, 20_000)]);
    let (maker, taker) = (done(&bench, &of("a")), done(&bench, &of("b")));
    assert_eq!(bench.runs.why(taker, "s").unwrap().state, StepState::Cached);
    bench.runs.remove(maker).unwrap();
    sweep(&bench.objects);
    assert!(is_there(&bench, 5, 20_000), "the run that took it has it still");
    let again = done(&bench, &of("c"));
    assert_eq!(bench.done.load(Ordering::Relaxed), 2, "who made it is gone, so it is made anew");
    bench.runs.remove(taker).unwrap();
    sweep(&bench.objects);
    assert!(is_there(&bench, 5, 20_000));
    bench.runs.remove(again).unwrap();
    sweep(&bench.objects);
    assert_eq!(bench.objects.usage().unwrap().objects, 0);
}

#[test]
fn a_removal_leaves_alone_what_a_drive_has_put_and_not_yet_named() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let bench = open(dir.path(), &keys, None);
    let mut gated = step("s", Effect::Idempotent, 9, 64 * 1024);
    gated.action = "x.gated".to_owned();
    bench.go_on.send(()).unwrap();
    let first = done(&bench, &plan("a", vec![gated.clone()]));
    let second = bench.runs.start("owner", &plan("b", vec![gated])).unwrap();
    std::thread::scope(|scope| {
        let drive = scope.spawn(|| bench.runs.drive(second));
        let begun = Instant::now();
        while bench.done.load(Ordering::Relaxed) < 2
            || bench.runs.logs(second, "s").unwrap().is_empty()
        {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(matches!(bench.runs.remove(second), Err(RunError::Driven(_))));
        bench.runs.remove(first).unwrap();
        sweep(&bench.objects);
        bench.go_on.send(()).unwrap();
        assert_eq!(drive.join().unwrap().unwrap(), RunState::Done);
    });
    let mut log = b"seed 9\n".to_vec();
    log.extend(noise(9, 64 * 1024));
    assert_eq!(bench.runs.logs(second, "s").unwrap(), log);
    assert!(is_there(&bench, 9, 64 * 1024));
}

#[test]
fn a_full_quota_is_one_sentence_and_the_run_goes_on_once_there_is_room() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), keys());
    let small = open(dir.path(), &keys, Some(300_000));
    let old = done(&small, &plan("old", vec![step("s", Effect::Idempotent, 1, 150_000)]));
    let mut second = step("b", Effect::Idempotent, 3, 200_000);
    second.after = vec!["a".to_owned()];
    let steps = vec![step("a", Effect::Idempotent, 2, 20_000), second];
    let run = small.runs.start("owner", &plan("new", steps)).unwrap();
    assert_eq!(small.runs.drive(run).unwrap(), RunState::Failed);
    let why = small.runs.why(run, "b").unwrap();
    assert_eq!(why.state, StepState::Failed);
    assert!(why.reason.contains("quota leaves: raise it, or release"), "{}", why.reason);
    assert_eq!(why.reason.lines().count(), 1);
    assert_eq!(small.runs.why(run, "a").unwrap().state, StepState::Done);
    let refused = small.runs.start(
        "owner",
        &plan(
            &"n".repeat(199),
            vec![step("s", Effect::Pure, 1, 1).with(
                "much",
                Input::Value { value: String::from_utf8_lossy(&noise(7, 200_000)).into_owned() },
            )],
        ),
    );
    assert!(matches!(refused, Err(RunError::Artifact(_))), "{refused:?}");

    small.runs.remove(old).unwrap();
    sweep(&small.objects);
    assert_eq!(small.runs.resume(run).unwrap(), RunState::Done);
    assert_eq!(small.done.load(Ordering::Relaxed), 4, "what was done was not done again");
    assert!(is_there(&small, 3, 200_000));
}

/// The test starts itself again as the process that is killed.
#[cfg(unix)]
#[test]
fn outputs_survive_a_kill_and_every_byte_of_them_is_read_back() {
    let name = "outputs_survive_a_kill_and_every_byte_of_them_is_read_back";
    let open_at = |dir: &Path| {
        let keys = match Profile::create(&RealDisk, &dir.join("keys"), Protection::Unprotected) {
            Ok(keys) => keys,
            Err(_) => {
                Profile::open(&RealDisk, &dir.join("keys")).unwrap().unlock_unprotected().unwrap()
            }
        };
        open(dir, &keys, None)
    };
    if let Ok(dir) = std::env::var("HEARTH_RUN_CHILD") {
        let bench = open_at(Path::new(&dir));
        let mut steps: Vec<Step> = (0..40)
            .map(|seed| step(&format!("s{seed}"), Effect::Idempotent, seed, 3000 + 1000 * seed))
            .collect();
        let mut last = step("last", Effect::Idempotent, 99, 10);
        last.action = "x.gated".to_owned();
        last.after = steps.iter().map(|step| step.name.clone()).collect();
        steps.push(last);
        let run = bench.runs.start("owner", &plan("p", steps)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| bench.runs.drive(run));
            while bench.runs.why(run, "last").unwrap().state != StepState::Started {
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
    sweep(&bench.objects);
    for seed in 0..40 {
        assert!(is_there(&bench, seed, 3000 + 1000 * seed), "output {seed}");
        let log = bench.runs.logs(RunId(1), &format!("s{seed}")).unwrap();
        assert_eq!(log, format!("seed {seed}\n").as_bytes());
    }
    bench.go_on.send(()).unwrap();
    assert_eq!(bench.runs.drive(RunId(1)).unwrap(), RunState::Done);
    assert_eq!(bench.done.load(Ordering::Relaxed), 1, "only the last was left");
}
