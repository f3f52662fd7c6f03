//! What a step keeps to: the gate's obligations, the sandbox, and the times that are told of it.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kernel::Effect;
use kernel::disk::Disk;
use kernel::disk::sim::SimDisk;
use kernel::gate::Obligations;
use kernel::keys::{Profile, Protection};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::row::{RowOptions, Rows, Source};
use kernel::run::{
    ArtifactError, Artifacts, Compensation, Context, Decision, Digest, Duties, Executor,
    GateKeeper, Input, Inputs, Outputs, Plan, Retry, RunState, Runs, Step, StepError, StepView,
    TryEnd, Wish,
};

const SECRET: &str = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";

#[derive(Default)]
struct Memory(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Artifacts for Memory {
    fn put(&self, bytes: &[u8]) -> Result<Digest, ArtifactError> {
        let digest = Digest::of(bytes);
        self.0.lock().unwrap().insert(digest, bytes.to_vec());
        Ok(digest)
    }

    fn get(&self, name: Digest) -> Result<Vec<u8>, ArtifactError> {
        let found = self.0.lock().unwrap().get(&name).cloned();
        found.ok_or_else(|| ArtifactError("gone".to_owned()))
    }
}

/// Says these, one after the other, and then that all may be done.
#[derive(Default)]
struct Says(Mutex<Vec<Decision>>);

impl GateKeeper for Says {
    fn decide(&self, _: &Wish<'_>) -> Decision {
        let mut left = self.0.lock().unwrap();
        if left.is_empty() { Decision::Allow } else { left.remove(0) }
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

struct Bench {
    runs: Runs,
    artifacts: Arc<Memory>,
    says: Arc<Says>,
}

/// Keeps to the sandbox by itself.
struct Caged;

impl Executor for Caged {
    fn run(&self, context: &Context, _: &Inputs) -> Result<Outputs, StepError> {
        let name = context.obligations().sandbox.clone().unwrap_or_default();
        Ok(Outputs::from([("sandbox".to_owned(), name.into_bytes())]))
    }

    fn duties(&self) -> Duties {
        Duties { sandbox: true, redact: false }
    }
}

fn open() -> Bench {
    let keys = Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected);
    let (keys, disk) = (keys.unwrap(), Arc::new(SimDisk::new(1)) as Arc<dyn Disk>);
    let sealer = keys.sealer("log");
    let log = Log::open(disk.clone(), Path::new("p/log"), sealer, LogOptions::default()).unwrap();
    let log = Arc::new(LogWriter::start(log, |_| {}).unwrap());
    let source = Source { log, opener: keys.opener("log") };
    let rows = Rows::open(disk, Path::new("p/rows"), source, &keys, RowOptions::default());
    let (artifacts, says) = (Arc::new(Memory::default()), Arc::new(Says::default()));
    let rows = Arc::new(rows.unwrap());
    let mut runs = Runs::new(rows, artifacts.clone(), says.clone(), BTreeMap::new());
    runs.register(
        "x.tell",
        Arc::new(|context: &Context, inputs: &Inputs| {
            context.log(format!("token {SECRET}\n").repeat(3000).as_bytes())?;
            Ok(Outputs::from([("out".to_owned(), inputs.get("gives")?)]))
        }),
    );
    runs.register(
        "x.wait",
        Arc::new(|context: &Context, _: &Inputs| {
            context.sleep(Duration::from_secs(60))?;
            Ok(Outputs::new())
        }),
    );
    let tries = std::sync::atomic::AtomicUsize::new(0);
    runs.register(
        "x.second",
        Arc::new(move |context: &Context, _: &Inputs| {
            context.sleep(Duration::from_millis(30))?;
            match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Err(StepError::Transient("not yet".to_owned())),
                _ => Ok(Outputs::new()),
            }
        }),
    );
    runs.register(
        "x.fail",
        Arc::new(|_: &Context, _: &Inputs| {
            Err::<Outputs, _>(StepError::Permanent("no luck".to_owned()))
        }),
    );
    runs.register("x.caged", Arc::new(Caged));
    Bench { runs, artifacts, says }
}

impl Bench {
    /// Drives one step that is allowed with these.
    fn bound(&self, step: Step, obligations: Obligations) -> (RunState, StepView) {
        self.says.0.lock().unwrap().push(Decision::AllowWith(Box::new(obligations)));
        let name = step.name.clone();
        let plan = Plan { name: "p".to_owned(), steps: vec![step] };
        let run = self.runs.start("agent:a", &plan).unwrap();
        let state = self.runs.drive(run).unwrap();
        (state, self.runs.why(run, &name).unwrap())
    }

    fn holds_secret(&self) -> bool {
        let kept = self.artifacts.0.lock().unwrap();
        let has = |bytes: &Vec<u8>| bytes.windows(SECRET.len()).any(|it| it == SECRET.as_bytes());
        // The plan itself names what was to be given.
        kept.values().any(|bytes| !bytes.starts_with(b"{\"name\"") && has(bytes))
    }
}

fn value(text: &str) -> Input {
    Input::Value { value: text.to_owned() }
}

fn step(action: &str) -> Step {
    Step::new("s", action, 1, Effect::Idempotent)
}

#[test]
fn what_has_to_be_redacted_is_kept_without_secrets_or_not_at_all() {
    let redact = || Obligations { redact: true, ..Obligations::default() };
    let bench = open();
    let told = step("x.tell").with("gives", value(&format!("it is {SECRET}")));
    let (state, view) = bench.bound(told.clone(), redact());
    assert_eq!(state, RunState::Done, "{}", view.reason);
    assert!(!bench.holds_secret(), "neither in the log, at whatever place it is cut, nor given");
    let given = bench.artifacts.get(view.outputs["out"]).unwrap();
    assert!(String::from_utf8(given).unwrap().contains("redacted"));
    let (state, _) = bench.bound(told, Obligations::default());
    assert_eq!(state, RunState::Done);
    assert!(bench.holds_secret(), "which nobody had asked for");

    let bench = open();
    bench.runs.start("owner", &Plan { name: "n".to_owned(), steps: vec![step("x.fail")] }).unwrap();
    let bytes = bench.artifacts.put(b"\xff\xfe no text").unwrap();
    let told = step("x.tell").with("gives", Input::Hash { hash: bytes });
    let (state, view) = bench.bound(told, redact());
    assert_eq!(state, RunState::Failed);
    assert!(view.reason.contains("is no text"), "{}", view.reason);
}

#[test]
fn budgets_stop_a_step_and_a_sandbox_that_nobody_has_stops_it_before() {
    let bench = open();
    let begun = Instant::now();
    let time = Obligations { budget_s: Some(1), ..Obligations::default() };
    let (state, view) = bench.bound(step("x.wait"), time);
    assert_eq!((state, view.tries[0].end), (RunState::Failed, Some(TryEnd::Stopped)));
    assert_eq!(view.reason, "it used more than its budget");
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(20), "{took:?}");

    let few = Obligations { budget_bytes: Some(100), ..Obligations::default() };
    let (state, view) = bench.bound(step("x.tell").with("gives", value("x")), few.clone());
    assert_eq!(state, RunState::Failed, "its log is longer");
    assert_eq!(view.reason, "it used more than its budget");

    let caged = || Obligations { sandbox: Some("pack".to_owned()), ..Obligations::default() };
    let (state, view) = bench.bound(step("x.wait"), caged());
    assert_eq!(state, RunState::Failed);
    assert!(view.reason.contains("cannot be put into one") && view.tries.is_empty(), "{view:?}");
    let (state, view) = bench.bound(step("x.caged"), caged());
    assert_eq!(state, RunState::Done, "{}", view.reason);
    assert_eq!(bench.artifacts.get(view.outputs["sandbox"]).unwrap(), b"pack");
}

#[test]
fn what_was_done_too_often_is_done_later() {
    let bench = open();
    let wait = Duration::from_millis(150);
    bench.says.0.lock().unwrap().extend([Decision::Later(wait), Decision::Later(wait)]);
    let plan = Plan { name: "p".to_owned(), steps: vec![step("x.caged")] };
    let run = bench.runs.start("owner", &plan).unwrap();
    let begun = Instant::now();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Done);
    assert!(begun.elapsed() >= wait * 2);
    assert_eq!(bench.runs.why(run, "s").unwrap().attempts, 1, "to wait is no try");
}

#[test]
fn every_try_has_its_time_and_keeps_it_when_the_run_goes_on() {
    let bench = open();
    let mut second = step("x.second");
    second.name = "second".to_owned();
    second.retry = Retry { attempts: 2, backoff_ms: 40, backoff_max_ms: 40 };
    second.compensation = Some(Compensation { action: "x.caged".to_owned(), version: 1 });
    let mut fails = step("x.fail");
    fails.after = vec!["second".to_owned()];
    let plan = Plan { name: "p".to_owned(), steps: vec![second, fails] };
    let run = bench.runs.start("owner", &plan).unwrap();
    assert_eq!(bench.runs.drive(run).unwrap(), RunState::Failed);
    let shown = bench.runs.show(run).unwrap();
    let ends = |step: &StepView| step.tries.iter().map(|it| it.end).collect::<Vec<_>>();
    use TryEnd::{Done, Failed, TakenBack};
    assert_eq!(ends(&shown.steps[0]), [Some(Failed), Some(Done), Some(TakenBack)]);
    assert_eq!(ends(&shown.steps[1]), [Some(Failed)]);
    let [first, again, _] = &shown.steps[0].tries[..] else { panic!("three tries") };
    assert!(first.took_ms.unwrap() >= 30 && again.took_ms.unwrap() >= 30, "{shown:?}");
    assert!(again.started_ms >= first.started_ms + 30, "it waited before it was tried again");
    let ended = shown.ended_ms.unwrap();
    assert!(shown.begun_ms <= first.started_ms && again.started_ms <= ended);
    assert_eq!(bench.runs.resume(run).unwrap(), RunState::Failed);
    let shown = bench.runs.show(run).unwrap();
    assert_eq!(ends(&shown.steps[1]), [Some(Failed), Some(Failed)]);
    assert_eq!(shown.steps[0].tries.len(), 5, "{shown:?}");
    let json = serde_json::to_value(&shown.steps[0].tries[0]).unwrap();
    assert_eq!(json["end"], "failed");
}

#[cfg(target_os = "linux")]
mod sandboxed {
    use std::process::Command;

    use kernel::run::sandbox::{Network, Walls, ability};

    use super::*;

    /// What a script says behind these walls, in a home whose `secret` and `socket` are hidden.
    fn said(
        script: &str,
        network: Network,
        obligations: Obligations,
    ) -> (RunState, String, String) {
        let bench = open();
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["may", "must-not", "socket"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        std::fs::write(at("secret"), "the passphrase").unwrap();
        std::fs::write(at("socket/control.sock"), "").unwrap();
        std::fs::write(at("must-not/file"), "here").unwrap();
        let (home, walls) = (
            dir.path().to_owned(),
            Walls {
                writes: vec![at("may")],
                hidden: vec![at("secret"), at("socket/control.sock"), at("socket")],
                network,
                ..Walls::default()
            },
        );
        let script = script.to_owned();
        let mut runs = bench.runs;
        runs.register("x.shell", Arc::new(Shell { script, home, walls }));
        let bench = Bench { runs, ..bench };
        let (state, view) = bench.bound(step("x.shell"), obligations);
        let log = bench.runs.logs(kernel::run::RunId(1), "s").unwrap();
        (state, String::from_utf8(log).unwrap(), view.reason)
    }

    struct Shell {
        script: String,
        home: std::path::PathBuf,
        walls: Walls,
    }

    impl Executor for Shell {
        fn run(&self, context: &Context, _: &Inputs) -> Result<Outputs, StepError> {
            let mut command = Command::new("sh");
            command.arg("-c").arg(&self.script).current_dir(&self.home);
            context.walled_process(command, self.walls.clone())?;
            Ok(Outputs::new())
        }

        fn duties(&self) -> Duties {
            Duties { sandbox: true, redact: false }
        }
    }

    #[test]
    fn a_program_writes_where_it_may_and_sees_no_secret_and_no_network() {
        let script = "echo x > may/file && (cd may && echo x > there) && echo wrote; \
                      echo y 2>/dev/null > must-not/file || echo \
                      kept; rm -f must-not/file 2>/dev/null || echo stays; cat must-not/file; cat \
                      secret; ls socket; ls /sys/class/net 2>/dev/null; grep -c : /proc/net/dev; \
                      umount socket 2>/dev/null || echo shut; echo $HEARTH_PASSPHRASE_FILE end";
        let (state, log, why) = said(script, Network::None, Obligations::default());
        assert_eq!(state, RunState::Done, "{why}");
        if !ability().is_whole() {
            assert!(log.contains("not sandboxed"), "{log}");
            return;
        }
        let lines: Vec<&str> = log.lines().collect();
        assert!(lines[0].contains("It runs sandboxed"), "{log}");
        for word in ["wrote", "kept", "stays", "here", "shut"] {
            assert!(lines.iter().any(|line| line.contains(word)), "no {word}: {log}");
        }
        assert!(!log.contains("passphrase") && !log.contains("control.sock"), "{log}");
        assert!(lines.contains(&"1"), "only the loopback is there: {log}");
        assert!(lines.contains(&" end") || lines.contains(&"end"), "{log}");
    }

    #[test]
    fn a_network_that_a_plan_asks_for_is_there_unless_the_policy_wants_a_sandbox() {
        let script = "readlink /proc/self/ns/net";
        let own = std::fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
        let (_, open, _) = said(script, Network::Open, Obligations::default());
        assert!(open.contains(&own), "{open}");
        let sandbox =
            |name: &str| Obligations { sandbox: Some(name.to_owned()), ..Obligations::default() };
        let (state, log, why) = said(script, Network::Open, sandbox("pack"));
        if ability().is_whole() {
            assert!(state == RunState::Done && !log.contains(&own), "{log} {why}");
        } else {
            assert!(state == RunState::Failed && why.contains("not sandboxed"), "{why}");
        }
        let (state, _, why) = said(script, Network::None, sandbox("nowhere"));
        assert_eq!(state, RunState::Failed);
        assert!(why.contains("there is no sandbox \"nowhere\""), "{why}");
    }

    #[test]
    fn bytes_are_counted_while_a_program_writes_them() {
        let few = Obligations { budget_bytes: Some(1 << 20), ..Obligations::default() };
        let one = "head -c 200000 /dev/zero > may/a; sleep 0.1; echo ok";
        let (state, _, why) = said(one, Network::None, few.clone());
        assert_eq!(state, RunState::Done, "{why}");
        let many =
            "for i in 1 2 3 4 5 6 7 8 9; do head -c 400000 /dev/zero > may/$i; done; sleep 30";
        let (state, _, why) = said(many, Network::None, few.clone());
        assert_eq!((state, why.as_str()), (RunState::Failed, "it used more than its budget"));
        let large =
            "head -c 5000000 /dev/zero > may/a 2>/dev/null; test $(stat -c %s may/a) -le 1048576";
        let (state, ..) = said(large, Network::None, few);
        assert_eq!(state, RunState::Failed, "one file may not be larger than all");
    }

    #[test]
    fn a_program_may_stand_in_the_folder_that_it_writes() {
        let dir = tempfile::tempdir().unwrap();
        let bench = open();
        let mut runs = bench.runs;
        let walls = Walls { writes: vec![dir.path().to_owned()], ..Walls::default() };
        let (script, home) = ("echo x > here".to_owned(), dir.path().to_owned());
        runs.register("x.shell", Arc::new(Shell { script, home, walls }));
        let bench = Bench { runs, ..bench };
        let (state, view) = bench.bound(step("x.shell"), Obligations::default());
        assert_eq!(state, RunState::Done, "{}", view.reason);
        assert!(dir.path().join("here").exists());
    }
}
