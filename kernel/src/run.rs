//! Runs: work that is made of steps, survives the end of the process, and explains itself.
//!
//! - [`Plan`] says what is to be done: steps, what each takes, and how it may be repeated.
//! - [`Runs`] does it. [`Runs::start`] writes a plan down, [`Runs::drive`] does its steps and
//!   answers when nothing more can be done now; [`Runs::cancel`], [`Runs::pause`] and
//!   [`Runs::answer`] come from a person or the scheduler.
//! - [`Executor`]s do steps, by the id of their action; [`Artifacts`] keep bytes, as a rule
//!   [`ObjectArtifacts`]; and a [`GateKeeper`] is asked before each try.
//! - [`Runs::remove`] takes a run away that is over, and what only it needed.
//!
//! A step's identity is the hash of its action, the action's version and its inputs. From it follow
//! the cache of Pure steps, over all runs; what a resumed run still has to do; and `why`.
//!
//! Invariants:
//! - outputs are durable, then the row that names them, and only then is a step done;
//! - a step of effect Once is never done twice unasked: that it starts is durable before it does,
//!   and if there is no result then, it is in doubt, and a person is asked;
//! - a step starts only after the gate allowed it, keeps to what that obliges it to or is not
//!   done, and nothing goes on under the kill switch;
//! - timeouts and waits rest on the clock that nobody can set.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use std::sync::Arc;
//!
//! use kernel::run::{Artifacts, Context, GateKeeper, Inputs, Outputs, Plan, Runs};
//! # fn f(rows: Arc<kernel::row::Rows>, artifacts: Arc<dyn Artifacts>, gate: Arc<dyn GateKeeper>)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! let lanes = BTreeMap::from([("main".to_owned(), 4), ("gpu".to_owned(), 1)]);
//! let mut runs = Runs::new(rows, artifacts, gate, lanes);
//! runs.register("words.count", Arc::new(|_: &Context, inputs: &Inputs| {
//!     let words = inputs.get("text")?.split(u8::is_ascii_whitespace).count();
//!     Ok(Outputs::from([("count".to_owned(), words.to_string().into_bytes())]))
//! }));
//! let plan = Plan::from_toml(r#"
//!     name = "count"
//!     [[steps]]
//!     name = "count"
//!     action = "words.count"
//!     version = 1
//!     effect = "pure"
//!     inputs.text = { value = "to be or not" }
//! "#)?;
//! let run = runs.start("owner", &plan)?;
//! runs.drive(run)?;
//! println!("{}", serde_json::to_string(&runs.list()?)?);
//! # Ok(()) }
//! ```

mod artifact;
mod digest;
mod drive;
mod executor;
mod fault;
mod plan;
mod process;
mod query;
mod record;
mod removal;
pub mod sandbox;
pub mod schedule;
mod seam;
mod token;
mod worker;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

pub use artifact::ObjectArtifacts;
pub use digest::Digest;
pub use executor::{Context, Duties, Executor, Inputs, LOG_CHUNK_BYTES, Outputs, Spent, StepError};
pub use fault::RunError;
pub use plan::{
    Budget, Compensation, INPUTS_MAX, Input, PLAN_BYTES_MAX, Plan, PlanError, Retry, STEPS_MAX,
    Step,
};
pub use query::{RunSummary, RunView, StepCount, StepView};
pub use record::{RunId, RunState, StepState, Try, TryEnd};
pub use seam::{ArtifactError, Artifacts, Decision, GateKeeper, Wish};
pub use token::{CancelToken, Cause};

use crate::gate::CanonicalPath;
use crate::row::{RowError, Rows, Transaction};
use artifact::{Fresh, Noting};
use drive::Drive;
use record::{NEWEST, RUNS, RunRow, STEPS, StepRow};

/// The runs of a profile.
pub struct Runs {
    rows: Arc<Rows>,
    artifacts: Arc<dyn Artifacts>,
    gate: Arc<dyn GateKeeper>,
    executors: HashMap<String, Arc<dyn Executor>>,
    /// How many steps of a lane may run at the same time.
    lanes: BTreeMap<String, usize>,
    /// How many do.
    busy: Mutex<HashMap<String, usize>>,
    live: Mutex<HashMap<RunId, Arc<Live>>>,
    /// Told when a run is driven no more.
    ended: Condvar,
    /// Held for writing while it is found out which artifacts nobody needs.
    releasing: Arc<RwLock<()>>,
    is_closed: AtomicBool,
}

/// A run that is driven now.
#[derive(Default)]
struct Live {
    token: CancelToken,
    contexts: Mutex<HashMap<u32, Context>>,
    fresh: Arc<Fresh>,
}

impl Live {
    fn contexts(&self) -> MutexGuard<'_, HashMap<u32, Context>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> MutexGuard<'_, HashSet<Digest>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a person says of a step that is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was not done: do it.
    RunAgain,
    /// It was done, and gave nothing.
    Happened,
    /// It was not done and shall not be.
    GiveUp,
}

impl Runs {
    /// Runs in `rows`. A lane that `lanes` does not name lets one step run at a time.
    #[must_use]
    pub fn new(
        rows: Arc<Rows>,
        artifacts: Arc<dyn Artifacts>,
        gate: Arc<dyn GateKeeper>,
        lanes: BTreeMap<String, usize>,
    ) -> Self {
        Self {
            rows,
            artifacts,
            gate,
            lanes,
            executors: HashMap::new(),
            busy: Mutex::default(),
            live: Mutex::default(),
            ended: Condvar::new(),
            releasing: Arc::default(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Says who does the steps of an action, or takes them back.
    pub fn register(&mut self, action: &str, executor: Arc<dyn Executor>) {
        self.executors.insert(action.to_owned(), executor);
    }

    /// Writes a run of no workspace down, as [`Runs::start_in`].
    ///
    /// # Errors
    /// As there.
    pub fn start(&self, principal: &str, plan: &Plan) -> Result<RunId, RunError> {
        self.start_in(None, principal, plan)
    }

    /// Writes a run down that is judged by a workspace's policy; when it answers, that is durable.
    /// Somebody has to drive it.
    ///
    /// # Errors
    /// The plan is wrong, or cannot be written down.
    pub fn start_in(
        &self,
        workspace: Option<&CanonicalPath>,
        principal: &str,
        plan: &Plan,
    ) -> Result<RunId, RunError> {
        plan.check()?;
        let bytes = serde_json::to_vec(plan).expect("a plan's maps have text for keys");
        // Until a row names the plan, nobody may find that it is not needed.
        let _shared = self.releasing.read().unwrap_or_else(PoisonError::into_inner);
        let digest = self.artifacts.put(&bytes)?;
        let row = RunRow {
            name: plan.name.clone(),
            principal: principal.to_owned(),
            workspace: workspace.map(ToString::to_string),
            plan: digest,
            state: RunState::Waiting,
            reason: "nobody has driven it yet".to_owned(),
            total: plan.steps.len() as u32,
            done: 0,
            begun_ms: record::now_ms(),
            ended_ms: None,
        };
        loop {
            let newest = self.rows.snapshot().get(&NEWEST, &())?;
            let next = newest.unwrap_or(0) + 1;
            let mut transaction = Transaction::new();
            transaction.expect(&NEWEST, &(), newest.as_ref()).put(&NEWEST, &(), &next);
            transaction.insert(&RUNS, &next, &row);
            match self.durable(transaction) {
                Err(RunError::Row(RowError::Conflict)) => {}
                other => return other.map(|()| RunId(next)),
            }
        }
    }

    /// Does what can be done of a run now, on threads of its own, and answers how it stands then.
    /// Not for the UI thread.
    ///
    /// # Errors
    /// The run is not there, is over, is driven already, or cannot be written down; it then stands
    /// as the rows say.
    pub fn drive(&self, run: RunId) -> Result<RunState, RunError> {
        let live = Arc::new(Live::default());
        self.claim(run, &live)?;
        let result = Drive::load(self, run, live.clone()).and_then(Drive::run);
        self.let_go(run);
        match result {
            // It was cancelled when there was nothing left to stop.
            Ok(RunState::Waiting | RunState::Asks)
                if live.token.cause() == Some(Cause::Cancelled) =>
            {
                self.cancel(run)
            }
            result => result,
        }
    }

    /// Drives a run again that failed, was cancelled or asks: what is done stays done, what failed,
    /// was taken back or was refused is tried again.
    ///
    /// # Errors
    /// As [`Runs::drive`].
    pub fn resume(&self, run: RunId) -> Result<RunState, RunError> {
        if self.live().contains_key(&run) {
            return Err(RunError::Driven(run));
        }
        let snapshot = self.rows.snapshot();
        let mut row = snapshot.get(&RUNS, &run.0)?.ok_or(RunError::Unknown(run))?;
        let mut transaction = Transaction::new();
        transaction.expect(&RUNS, &run.0, Some(&row));
        for step in snapshot.range(&STEPS, (run.0, 0)..=(run.0, u32::MAX))? {
            let (key, step) = step?;
            match step.state {
                StepState::Failed | StepState::Asks => {
                    transaction.put(&STEPS, &key, &step.anew());
                }
                StepState::Compensated => {
                    row.done -= 1;
                    transaction.put(&STEPS, &key, &step.anew());
                }
                _ => {}
            }
        }
        row.state = RunState::Waiting;
        row.ended_ms = None;
        transaction.put(&RUNS, &run.0, &row);
        self.durable(transaction)?;
        self.drive(run)
    }

    /// Cancels a run: what runs is stopped, and what is done is taken back where the plan says how.
    /// When nobody drives it, that is done here.
    ///
    /// # Errors
    /// As [`Runs::drive`].
    pub fn cancel(&self, run: RunId) -> Result<RunState, RunError> {
        if let Some(live) = self.live().get(&run) {
            live.token.cancel(Cause::Cancelled);
            return Ok(RunState::Cancelling);
        }
        let mut row = self.row(run)?;
        if row.state.is_over() {
            return Err(RunError::Over(run, row.state));
        }
        row.state = RunState::Cancelling;
        let mut transaction = Transaction::new();
        transaction.put(&RUNS, &run.0, &row);
        self.durable(transaction)?;
        self.drive(run)
    }

    /// Stops a run for now, if it is driven; its drive ends, and another goes on later.
    pub fn pause(&self, run: RunId) {
        if let Some(live) = self.live().get(&run) {
            live.token.cancel(Cause::Preempted);
        }
    }

    /// Settles a step that is in doubt; drive the run then.
    ///
    /// # Errors
    /// It is not in doubt, the run is driven, or this cannot be written down.
    pub fn answer(&self, run: RunId, step: &str, answer: Answer) -> Result<(), RunError> {
        if self.live().contains_key(&run) {
            return Err(RunError::Driven(run));
        }
        let graph = self.plan(&self.row(run)?)?;
        let not_in_doubt = || RunError::NotInDoubt(run, step.to_owned());
        let key = (run.0, *graph.numbers.get(step).ok_or_else(not_in_doubt)?);
        let (mut row, old) = (self.row(run)?, self.rows.snapshot().get(&STEPS, &key)?);
        let is_in_doubt = |it: &StepRow| {
            // A process that was killed has not written more than that it starts.
            matches!(it.state, StepState::InDoubt | StepState::Started)
        };
        let mut new = old.clone().filter(is_in_doubt).ok_or_else(not_in_doubt)?;
        new.reason = "a person said so".to_owned();
        new.state = match answer {
            Answer::RunAgain => StepState::Waiting,
            Answer::Happened => StepState::Done,
            Answer::GiveUp => StepState::Failed,
        };
        let mut transaction = Transaction::new();
        transaction.expect(&STEPS, &key, old.as_ref());
        if answer == Answer::Happened {
            row.done += 1;
            new.order = row.done;
        }
        if !row.state.is_over() && row.state != RunState::Cancelling {
            row.state = RunState::Waiting;
        }
        transaction.put(&STEPS, &key, &new).put(&RUNS, &run.0, &row);
        self.durable(transaction)
    }

    /// Makes every drive end soon, as the process is about to: what runs is stopped, what has ended
    /// is written down if the disk answers soon, and nothing is begun any more. The runs go on in
    /// the next process. [`Runs::wait_idle`] waits for that.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        for live in self.live().values() {
            live.token.cancel(Cause::Preempted);
        }
    }

    /// Waits until nothing is driven, but no longer than `patience`; answers the runs that still
    /// are. After [`Runs::close`] that is how a process ends in order. Not for the UI thread.
    #[must_use]
    pub fn wait_idle(&self, patience: Duration) -> Vec<RunId> {
        let waited = self.ended.wait_timeout_while(self.live(), patience, |live| !live.is_empty());
        let mut left: Vec<RunId> =
            waited.unwrap_or_else(PoisonError::into_inner).0.keys().copied().collect();
        left.sort_unstable();
        left
    }

    /// Takes a run for one drive, or one removal, alone.
    fn claim(&self, run: RunId, live: &Arc<Live>) -> Result<(), RunError> {
        let mut all = self.live();
        // Whoever closes looks at the drives after that, so this one is refused or told to stop.
        if self.is_closed() {
            return Err(RunError::Closed);
        }
        match all.entry(run) {
            Entry::Occupied(_) => Err(RunError::Driven(run)),
            Entry::Vacant(place) => {
                place.insert(live.clone());
                Ok(())
            }
        }
    }

    fn let_go(&self, run: RunId) {
        self.live().remove(&run);
        self.ended.notify_all();
    }

    /// The artifacts for a drive, which notes what it relies on.
    fn noting(&self, live: &Live) -> Arc<dyn Artifacts> {
        let (artifacts, releasing) = (self.artifacts.clone(), self.releasing.clone());
        Arc::new(Noting { artifacts, fresh: live.fresh.clone(), releasing })
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, run: RunId) -> Result<RunRow, RunError> {
        self.rows.snapshot().get(&RUNS, &run.0)?.ok_or(RunError::Unknown(run))
    }

    fn plan(&self, row: &RunRow) -> Result<plan::Graph, RunError> {
        let bytes = self.artifacts.get(row.plan)?;
        let plan: Plan = serde_json::from_slice(&bytes)
            .map_err(|error| PlanError::Unreadable(error.to_string()))?;
        Ok(plan.into_graph()?)
    }

    /// Commits, and waits until that is durable, for as long as the disk needs.
    fn durable(&self, transaction: Transaction) -> Result<(), RunError> {
        let pending = self.rows.commit(transaction);
        loop {
            match pending.wait(Duration::from_millis(50)) {
                Ok(_) => return Ok(()),
                Err(RowError::Late) if self.is_closed() => return Err(RunError::Closed),
                Err(RowError::Late) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runs({} driven)", self.live().len())
    }
}
