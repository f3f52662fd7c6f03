//! One drive of a run: a thread that decides, threads that work, and one commit at a time.
//!
//! What has changed gathers while a commit is under way, and goes out with the next one: so a
//! step's share of a commit is small when many end together, and its wait is one commit when it is
//! alone. Nothing that rests on a change is begun before its commit is durable.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::executor::{Context, Executor, Inputs, StepError};
use super::plan::{Graph, Input};
use super::record::{self, CACHE, CacheRow, RUNS, RunRow, STEPS, StepRow, TryEnd};
use super::seam::{Artifacts, Decision, Wish};
use super::worker::{self, Closing, Job, Jobs};
use super::{Cause, Digest, Live, RunError, RunId, RunState, Runs, StepState, digest};
use crate::action::Effect;
use crate::gate::Obligations;
use crate::row::{RowError, Snapshot, Transaction, Version};

/// How often cancellation, the kill switch and timeouts are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How long a drive that has to end waits until what has ended is durable.
const CLOSING: Duration = Duration::from_millis(200);
/// Steps in one transaction.
const GROUP_MAX: usize = 1024;
/// Threads of one drive.
const THREADS_MAX: usize = 64;

/// What reaches the deciding thread.
pub(super) enum Event {
    Ended(u32, Result<BTreeMap<String, Digest>, StepError>),
    Committed(Result<Version, RowError>),
}

/// What follows once a change is durable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The try may begin.
    Begin,
    /// The steps that need it may.
    Release,
    Nothing,
}

/// Why no further step is begun.
enum Halt {
    Failed(String),
    Stopped(Cause),
    Broken(RunError),
}

struct Running {
    context: Context,
    begun: Instant,
    deadline: Option<(Instant, Cause)>,
}

impl Running {
    fn new(context: Context) -> Self {
        Self { context, begun: Instant::now(), deadline: None }
    }
}

/// Everything that one drive knows.
pub(super) struct Drive<'a> {
    runs: &'a Runs,
    artifacts: Arc<dyn Artifacts>,
    id: RunId,
    live: Arc<Live>,
    graph: Graph,
    row: RunRow,
    steps: Vec<StepRow>,
    /// Of each step, how many it needs that have no result yet.
    open: Vec<u32>,
    /// Those that need nothing more.
    ready: VecDeque<u32>,
    /// By lane, those that have to run.
    queues: HashMap<String, VecDeque<u32>>,
    /// Those that are tried again, and when.
    delayed: Vec<(Instant, u32)>,
    running: HashMap<u32, Running>,
    changes: Vec<(u32, Then)>,
    committing: Option<Vec<(u32, Then)>>,
    halt: Option<Halt>,
    events: (Sender<Event>, Receiver<Event>),
}

impl<'a> Drive<'a> {
    pub(super) fn load(runs: &'a Runs, id: RunId, live: Arc<Live>) -> Result<Self, RunError> {
        let row = runs.row(id)?;
        if row.state.is_over() {
            return Err(RunError::Over(id, row.state));
        }
        let graph = runs.plan(&row)?;
        for step in &graph.plan.steps {
            let taken_back = step.compensation.as_ref().map(|it| &it.action);
            for action in [Some(&step.action), taken_back].into_iter().flatten() {
                if !runs.executors.contains_key(action) {
                    let (step, action) = (step.name.clone(), action.clone());
                    return Err(RunError::NoExecutor { step, action });
                }
            }
        }
        let steps = runs.step_rows(id, &graph)?;
        let open = |needs: &Vec<u32>| {
            needs.iter().filter(|&&it| !steps[it as usize].state.has_result()).count() as u32
        };
        let open: Vec<u32> = graph.needs.iter().map(open).collect();
        let halt = if row.state == RunState::Cancelling {
            Some(Halt::Stopped(Cause::Cancelled))
        } else {
            let failed = steps.iter().position(|step| step.state == StepState::Failed);
            failed.map(|step| Halt::Failed(failure(&graph.plan.steps[step].name, &steps[step])))
        };
        let mut drive = Self {
            runs,
            artifacts: runs.noting(&live),
            id,
            live,
            graph,
            row,
            steps,
            open,
            ready: VecDeque::new(),
            queues: HashMap::new(),
            delayed: Vec::new(),
            running: HashMap::new(),
            changes: Vec::new(),
            committing: None,
            halt,
            events: mpsc::channel(),
        };
        drive.prepare();
        Ok(drive)
    }

    /// Settles what another process has left, and finds what may begin.
    fn prepare(&mut self) {
        for number in 0..self.steps.len() as u32 {
            let step = &mut self.steps[number as usize];
            if step.state == StepState::Started {
                step.state = StepState::InDoubt;
                step.reason = "it was begun, and the process ended before it said what became of \
                               it: say whether it happened"
                    .to_owned();
                self.changes.push((number, Then::Nothing));
            } else if matches!(step.state, StepState::Waiting | StepState::Asks)
                && self.open[number as usize] == 0
            {
                self.ready.push_back(number);
            }
        }
    }

    pub(super) fn run(mut self) -> Result<RunState, RunError> {
        if self.row.state != RunState::Cancelling {
            self.set_state(RunState::Running, String::new())?;
        }
        let jobs = Jobs::default();
        let lanes: std::collections::BTreeSet<&str> =
            self.graph.plan.steps.iter().map(|step| step.lane.as_str()).collect();
        let limit = lanes.iter().map(|lane| self.limit(lane)).sum::<usize>().max(1);
        let threads = limit.min(self.steps.len().max(1)).min(THREADS_MAX);
        let artifacts = self.artifacts.clone();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (jobs, to) = (&jobs, self.events.0.clone());
                let artifacts = artifacts.clone();
                scope.spawn(move || worker::work(jobs, &*artifacts, &to));
            }
            let closing = Closing(&jobs);
            let result = self.decide(&jobs).and_then(|()| self.conclude(&jobs));
            for (number, it) in std::mem::take(&mut self.running) {
                it.context.token().cancel(Cause::Abandoned);
                self.leave(&self.graph.plan.steps[number as usize].lane);
            }
            drop(closing);
            result
        })
    }

    fn limit(&self, lane: &str) -> usize {
        self.runs.lanes.get(lane).copied().unwrap_or(1)
    }

    /// Goes on until nothing more can be done, or begun.
    fn decide(&mut self, jobs: &Jobs) -> Result<(), RunError> {
        let mut closing = None;
        loop {
            self.watch();
            if self.halt.is_none() {
                self.take_ready()?;
                self.fill_lanes(jobs)?;
            }
            self.commit();
            let has_more = self.halt.is_none() && !self.delayed.is_empty()
                || self.halt.is_none() && self.queues.values().any(|queue| !queue.is_empty())
                || self.halt.is_none() && !self.ready.is_empty();
            let is_under_way =
                !self.running.is_empty() || self.committing.is_some() || !self.changes.is_empty();
            // What waits for a commit has not begun, and a disk that is gone never answers.
            if self.runs.is_closed() && self.live.contexts().is_empty() {
                let since = *closing.get_or_insert_with(Instant::now);
                if is_under_way && since.elapsed() > CLOSING {
                    return Err(RunError::Closed);
                }
            }
            if !has_more && !is_under_way {
                break;
            }
            if let Some(event) = self.wait() {
                self.meet(event, jobs);
                while let Ok(event) = self.events.1.try_recv() {
                    self.meet(event, jobs);
                }
            }
        }
        match self.halt.take() {
            Some(Halt::Broken(error)) => Err(error),
            halt => {
                self.halt = halt;
                Ok(())
            }
        }
    }

    fn wait(&self) -> Option<Event> {
        // This end holds a sender, too: what fails is a time that is over.
        self.events.1.recv_timeout(TICK).ok()
    }

    /// Stops what has to stop, and wakes what waited long enough.
    fn watch(&mut self) {
        let now = Instant::now();
        if self.runs.gate.is_stopped() {
            self.live.token.cancel(Cause::KillSwitch);
        }
        if let Some(cause) = self.live.token.cause() {
            let is_new = match self.halt {
                None => true,
                Some(Halt::Stopped(_)) => cause == Cause::Cancelled,
                Some(Halt::Failed(_) | Halt::Broken(_)) => false,
            };
            if is_new {
                self.halt = Some(Halt::Stopped(cause));
            }
            self.running.values().for_each(|it| it.context.token().cancel(cause));
        }
        for it in self.running.values() {
            if let Some((deadline, cause)) = it.deadline
                && deadline <= now
            {
                it.context.token().cancel(cause);
            }
        }
        let ready = &mut self.ready;
        self.delayed.retain(|&(when, step)| {
            if when <= now {
                ready.push_back(step);
            }
            when > now
        });
    }

    /// Finds who steps are, and takes from the cache what is there.
    fn take_ready(&mut self) -> Result<(), RunError> {
        if self.ready.is_empty() {
            return Ok(());
        }
        // What the cache gives must not be released before a row of this run names it.
        let _shared = self.runs.releasing.read().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.runs.rows.snapshot();
        while self.changes.len() < GROUP_MAX
            && let Some(step) = self.ready.pop_front()
        {
            if let Err(why) = self.identify(step) {
                self.fail(step, why);
                return Ok(());
            }
            if !self.is_cached(&snapshot, step)? {
                let lane = &self.graph.plan.steps[step as usize].lane;
                match self.queues.get_mut(lane) {
                    Some(queue) => queue.push_back(step),
                    None => drop(self.queues.insert(lane.clone(), VecDeque::from([step]))),
                }
            }
        }
        Ok(())
    }

    fn identify(&mut self, number: u32) -> Result<(), String> {
        let step = &self.graph.plan.steps[number as usize];
        let mut inputs = BTreeMap::new();
        for (name, input) in &step.inputs {
            let digest = match input {
                Input::Hash { hash } => *hash,
                Input::Value { value } => Digest::of(value.as_bytes()),
                Input::Step { step: from, output } => {
                    let outputs = &self.steps[self.graph.numbers[from] as usize].outputs;
                    let missing = || format!("the step \"{from}\" gave no output \"{output}\"");
                    *outputs.get(output).ok_or_else(missing)?
                }
            };
            inputs.insert(name.clone(), digest);
        }
        let each = inputs.iter().map(|(name, &digest)| (name, digest));
        let row = &mut self.steps[number as usize];
        row.identity = Some(digest::identity(&step.action, step.version, each));
        row.inputs = inputs;
        Ok(())
    }

    fn is_cached(&mut self, snapshot: &Snapshot, number: u32) -> Result<bool, RunError> {
        let step = &self.graph.plan.steps[number as usize];
        let row = &mut self.steps[number as usize];
        let (Effect::Pure, Some(identity)) = (step.effect, row.identity) else { return Ok(false) };
        let Some(found) = snapshot.get(&CACHE, &identity.0)? else { return Ok(false) };
        row.state = StepState::Cached;
        self.live.fresh().extend(found.outputs.values());
        row.outputs = found.outputs;
        row.reason = format!("run {} has done the same as \"{}\"", found.run, found.step);
        self.has_result(number);
        Ok(true)
    }

    fn has_result(&mut self, number: u32) {
        self.row.done += 1;
        self.steps[number as usize].order = self.row.done;
        self.changes.push((number, Then::Release));
    }

    fn fail(&mut self, number: u32, why: String) {
        let row = &mut self.steps[number as usize];
        row.state = StepState::Failed;
        row.reason = why;
        let why = failure(&self.graph.plan.steps[number as usize].name, row);
        self.changes.push((number, Then::Nothing));
        self.halt.get_or_insert(Halt::Failed(why));
    }

    fn fill_lanes(&mut self, jobs: &Jobs) -> Result<(), RunError> {
        let lanes: Vec<String> =
            self.queues.iter().filter(|it| !it.1.is_empty()).map(|it| it.0.clone()).collect();
        for lane in lanes {
            while self.halt.is_none() && self.enter(&lane) {
                let step = self.queues.get_mut(&lane).and_then(VecDeque::pop_front);
                let Some(step) = step else {
                    self.leave(&lane);
                    break;
                };
                self.admit(step, jobs)?;
            }
        }
        Ok(())
    }

    /// Takes a place in a lane, which all runs share.
    fn enter(&self, lane: &str) -> bool {
        let mut busy = self.runs.busy.lock().unwrap_or_else(PoisonError::into_inner);
        match busy.get_mut(lane) {
            Some(busy) if *busy >= self.limit(lane) => return false,
            Some(busy) => *busy += 1,
            None => drop(busy.insert(lane.to_owned(), 1)),
        }
        true
    }

    fn leave(&self, lane: &str) {
        let mut busy = self.runs.busy.lock().unwrap_or_else(PoisonError::into_inner);
        *busy.get_mut(lane).expect("it was entered") -= 1;
    }

    /// What the gate says of a step, or of what takes it back.
    fn ask(&self, number: u32, action: &str) -> Decision {
        let (step, row) = (&self.graph.plan.steps[number as usize], &self.steps[number as usize]);
        let inputs = self.inputs(number);
        self.runs.gate.decide(&Wish {
            principal: &self.row.principal,
            workspace: self.row.workspace.as_deref(),
            run: self.id,
            step: &step.name,
            action,
            resource: step.resource.as_ref().unwrap_or(&step.name),
            identity: row.identity,
            inputs: &inputs.names,
            inline: &inputs.inline,
        })
    }

    /// Asks the gate. What counts each time is begun only after that is durable.
    fn admit(&mut self, number: u32, jobs: &Jobs) -> Result<(), RunError> {
        let step = &self.graph.plan.steps[number as usize];
        let decision = self.ask(number, &step.action);
        let executor = &self.runs.executors[&step.action];
        let (effect, row) = (step.effect, &mut self.steps[number as usize]);
        match bound(decision, &**executor) {
            Bound::Allow(obligations) => {
                row.attempts += 1;
                row.begin_try();
                let context = Context::new(step.budget, obligations, self.artifacts.clone());
                context.with_work(|work| work.begun = row.tries.last().cloned());
                self.running.insert(number, Running::new(context));
                if effect == Effect::Once {
                    row.state = StepState::Started;
                    self.changes.push((number, Then::Begin));
                } else {
                    let executor = executor.clone();
                    self.begin(number, executor, self.inputs(number), jobs);
                }
                return Ok(());
            }
            Bound::Later(wait) => self.delayed.push((Instant::now() + wait, number)),
            Bound::Ask(why) => {
                row.state = StepState::Asks;
                row.reason = why;
                self.changes.push((number, Then::Nothing));
            }
            Bound::Deny(why) => self.fail(number, format!("the gate says no: {why}")),
        }
        self.leave(&self.graph.plan.steps[number as usize].lane);
        Ok(())
    }

    fn inputs(&self, number: u32) -> Inputs {
        let step = &self.graph.plan.steps[number as usize];
        let inline = step.inputs.iter().filter_map(|(name, input)| match input {
            Input::Value { value } => Some((name.clone(), value.clone())),
            Input::Hash { .. } | Input::Step { .. } => None,
        });
        Inputs {
            names: self.steps[number as usize].inputs.clone(),
            inline: inline.collect(),
            artifacts: self.artifacts.clone(),
        }
    }

    fn begin(&mut self, number: u32, executor: Arc<dyn Executor>, inputs: Inputs, jobs: &Jobs) {
        let timeout = self.graph.plan.steps[number as usize].timeout_ms;
        let it = self.running.get_mut(&number).expect("it was admitted");
        it.begun = Instant::now();
        let after = |time: Duration, cause| it.begun.checked_add(time).map(|at| (at, cause));
        let timeout = timeout.and_then(|ms| after(Duration::from_millis(ms), Cause::Timeout));
        let budget = it.context.obligations().budget_s;
        let budget = budget.and_then(|most| after(Duration::from_secs(most), Cause::Budget));
        it.deadline = timeout.into_iter().chain(budget).min_by_key(|(at, _)| *at);
        let context = it.context.clone();
        self.live.contexts().insert(number, context.clone());
        let job = Job { step: number, executor, context, inputs };
        jobs.push(job);
    }

    fn commit(&mut self) {
        if self.committing.is_some() || self.changes.is_empty() {
            return;
        }
        let rest = self.changes.split_off(self.changes.len().min(GROUP_MAX));
        let group = std::mem::replace(&mut self.changes, rest);
        let mut transaction = Transaction::new();
        for &(number, then) in &group {
            let row = &self.steps[number as usize];
            transaction.put(&STEPS, &(self.id.0, number), row);
            let step = &self.graph.plan.steps[number as usize];
            let is_new = then == Then::Release && row.state == StepState::Done;
            if let (true, Effect::Pure, Some(identity)) = (is_new, step.effect, row.identity) {
                let (outputs, run) = (row.outputs.clone(), self.id.0);
                let cached = CacheRow { outputs, run, step: step.name.clone() };
                transaction.put(&CACHE, &identity.0, &cached);
            }
        }
        transaction.put(&RUNS, &self.id.0, &self.row);
        self.committing = Some(group);
        let to = self.events.0.clone();
        self.runs.rows.commit_then(transaction, move |result| {
            // A drive that was closed does not listen any more.
            drop(to.send(Event::Committed(result)));
        });
    }

    fn meet(&mut self, event: Event, jobs: &Jobs) {
        match event {
            Event::Committed(Ok(_)) => {
                for (number, then) in self.committing.take().into_iter().flatten() {
                    match then {
                        Then::Begin => self.begin_once(number, jobs),
                        Then::Release => self.release(number),
                        Then::Nothing => {}
                    }
                }
            }
            Event::Committed(Err(error)) => {
                // What waited for its beginning to be durable never begins.
                let lost = self.committing.take().into_iter().flatten();
                for (number, _) in lost.chain(std::mem::take(&mut self.changes)) {
                    if self.running.remove(&number).is_some() {
                        self.leave(&self.graph.plan.steps[number as usize].lane);
                    }
                }
                self.halt = Some(Halt::Broken(error.into()));
                self.running.values().for_each(|it| it.context.token().cancel(Cause::Abandoned));
            }
            Event::Ended(number, result) => self.ended(number, result),
        }
    }

    fn begin_once(&mut self, number: u32, jobs: &Jobs) {
        if self.halt.is_none() {
            let action = &self.graph.plan.steps[number as usize].action;
            let executor = self.runs.executors[action].clone();
            return self.begin(number, executor, self.inputs(number), jobs);
        }
        // It said that it begins, and did not.
        self.running.remove(&number);
        self.steps[number as usize].tries.pop();
        self.leave(&self.graph.plan.steps[number as usize].lane);
        self.steps[number as usize].state = StepState::Waiting;
        self.changes.push((number, Then::Nothing));
    }

    fn release(&mut self, number: u32) {
        for &next in &self.graph.leads_to[number as usize] {
            let open = &mut self.open[next as usize];
            *open -= 1;
            if *open == 0 && self.steps[next as usize].state == StepState::Waiting {
                self.ready.push_back(next);
            }
        }
    }

    fn ended(&mut self, number: u32, result: Result<BTreeMap<String, Digest>, StepError>) {
        self.live.contexts().remove(&number);
        let Some(it) = self.running.remove(&number) else { return };
        let step = &self.graph.plan.steps[number as usize];
        self.leave(&step.lane);
        if let Some(Halt::Broken(_)) = self.halt {
            return;
        }
        let row = &mut self.steps[number as usize];
        row.end_try(it.begun.elapsed(), record::end_of(&result));
        it.context.with_work(|work| {
            row.spent = work.spent;
            row.log = std::mem::take(&mut work.log);
        });
        let (is_once, retry) = (step.effect == Effect::Once, step.retry);
        match result {
            Ok(outputs) => {
                row.state = StepState::Done;
                row.outputs = outputs;
                row.reason = match step.effect {
                    Effect::Pure => "nothing of this identity had been done".to_owned(),
                    Effect::Idempotent | Effect::Once => "this run had not done it".to_owned(),
                };
                self.has_result(number);
            }
            Err(error @ StepError::Stopped(_)) if is_once => {
                row.state = StepState::InDoubt;
                row.reason = format!("{error}, perhaps in the middle: say whether it happened");
                self.changes.push((number, Then::Nothing));
            }
            Err(StepError::Transient(_)) if row.attempts < retry.attempts => {
                let seed = self.id.0 << 32 | u64::from(number);
                self.delayed.push((Instant::now() + retry.wait(row.attempts, seed), number));
                self.changes.push((number, Then::Nothing));
            }
            Err(StepError::Stopped(cause)) if !matches!(cause, Cause::Timeout | Cause::Budget) => {
                row.attempts -= 1;
                row.reason = record::told(cause).to_owned();
                self.changes.push((number, Then::Nothing));
            }
            Err(error) => self.fail(number, error.to_string()),
        }
    }

    /// Takes back what has to be, and says how the run stands.
    fn conclude(&mut self, jobs: &Jobs) -> Result<RunState, RunError> {
        let has = |state| self.steps.iter().any(|step| step.state == state);
        let (state, why) = match self.halt.take() {
            Some(Halt::Failed(why)) => (RunState::Failed, why),
            Some(Halt::Stopped(Cause::Cancelled)) => {
                let why = record::told(Cause::Cancelled).to_owned();
                self.set_state(RunState::Cancelling, why.clone())?;
                (RunState::Cancelled, why)
            }
            Some(Halt::Broken(error)) => return Err(error),
            Some(Halt::Stopped(cause)) => (RunState::Waiting, record::told(cause).to_owned()),
            None if has(StepState::InDoubt) => {
                (RunState::Asks, "a step may have been done and may not: say which".to_owned())
            }
            None if has(StepState::Asks) => (RunState::Asks, "the gate asks".to_owned()),
            None => (RunState::Done, "every step is done".to_owned()),
        };
        if matches!(state, RunState::Failed | RunState::Cancelled)
            && let Some(cause) = self.take_back(jobs)?
        {
            // It goes on where it stopped: the failed step, or the state, says so.
            let state = match state {
                RunState::Cancelled => RunState::Cancelling,
                _ => RunState::Waiting,
            };
            return self.set_state(state, record::told(cause).to_owned());
        }
        self.set_state(state, why)
    }

    /// Takes steps back, the last that was done first. Answers what stopped that, if anything did.
    fn take_back(&mut self, jobs: &Jobs) -> Result<Option<Cause>, RunError> {
        let has_way = |&number: &usize| {
            self.steps[number].state == StepState::Done
                && self.graph.plan.steps[number].compensation.is_some()
        };
        let mut numbers: Vec<usize> = (0..self.steps.len()).filter(has_way).collect();
        numbers.sort_by_key(|&number| std::cmp::Reverse(self.steps[number].order));
        for number in numbers {
            if self.runs.gate.is_stopped() {
                return Ok(Some(Cause::KillSwitch));
            }
            let result = self.compensate(number as u32, jobs)?;
            if let Err(StepError::Stopped(cause @ (Cause::KillSwitch | Cause::Preempted))) = result
            {
                return Ok(Some(cause));
            }
            let row = &mut self.steps[number];
            match result {
                Ok(()) => {
                    row.state = StepState::Compensated;
                    if let Some(it) = row.tries.last_mut() {
                        it.end = Some(TryEnd::TakenBack);
                    }
                }
                Err(error) => row.reason = format!("it could not be taken back: {error}"),
            }
            let mut transaction = Transaction::new();
            transaction.put(&STEPS, &(self.id.0, number as u32), row);
            self.runs.durable(transaction)?;
        }
        Ok(None)
    }

    fn compensate(&mut self, number: u32, jobs: &Jobs) -> Result<Result<(), StepError>, RunError> {
        let step = &self.graph.plan.steps[number as usize];
        let action = &step.compensation.as_ref().expect("it has one").action;
        let executor = self.runs.executors[action].clone();
        let obligations = loop {
            match bound(self.ask(number, action), &*executor) {
                Bound::Allow(obligations) => break obligations,
                Bound::Later(wait) => {
                    if self.runs.gate.is_stopped() {
                        return Ok(Err(StepError::Stopped(Cause::KillSwitch)));
                    }
                    if self.runs.is_closed() {
                        return Ok(Err(StepError::Stopped(Cause::Preempted)));
                    }
                    std::thread::sleep(wait.min(TICK));
                }
                Bound::Ask(why) | Bound::Deny(why) => {
                    return Ok(Err(StepError::Permanent(format!("the gate says no: {why}"))));
                }
            }
        };
        let context = Context::new(step.budget, obligations, self.artifacts.clone());
        self.steps[number as usize].begin_try();
        let mut inputs = self.inputs(number);
        for (name, &digest) in &self.steps[number as usize].outputs {
            inputs.names.insert(format!("output.{name}"), digest);
        }
        self.running.insert(number, Running::new(context.clone()));
        self.begin(number, executor, inputs, jobs);
        let deadline = self.running[&number].deadline;
        let result = loop {
            if let Some(Event::Ended(_, result)) = self.wait() {
                break result;
            }
            if self.runs.gate.is_stopped() {
                context.token().cancel(Cause::KillSwitch);
            }
            if self.runs.is_closed() {
                context.token().cancel(Cause::Preempted);
            }
            if let Some((at, cause)) = deadline
                && at <= Instant::now()
            {
                context.token().cancel(cause);
            }
        };
        if let Some(it) = self.running.remove(&number) {
            let end = record::end_of(&result);
            self.steps[number as usize].end_try(it.begun.elapsed(), end);
        }
        self.live.contexts().remove(&number);
        Ok(result.map(drop))
    }

    fn set_state(&mut self, state: RunState, reason: String) -> Result<RunState, RunError> {
        self.row.state = state;
        self.row.ended_ms = state.is_over().then(record::now_ms);
        self.row.reason = reason;
        let mut transaction = Transaction::new();
        transaction.put(&RUNS, &self.id.0, &self.row);
        self.runs.durable(transaction)?;
        Ok(state)
    }
}

/// What the gate says, and whether it can be kept to.
enum Bound {
    Allow(Obligations),
    Later(Duration),
    Ask(String),
    Deny(String),
}

/// Refuses what nobody could keep to.
fn bound(decision: Decision, executor: &dyn Executor) -> Bound {
    let obligations = match decision {
        Decision::Allow => Obligations::default(),
        Decision::AllowWith(obligations) => *obligations,
        Decision::Later(wait) => return Bound::Later(wait),
        Decision::Ask(why) => return Bound::Ask(why),
        Decision::Deny(why) => return Bound::Deny(why),
    };
    match &obligations.sandbox {
        Some(name) if !executor.duties().sandbox => Bound::Deny(format!(
            "the policy wants it in the sandbox \"{name}\", and this action cannot be put into one"
        )),
        _ => Bound::Allow(obligations),
    }
}

fn failure(name: &str, row: &StepRow) -> String {
    format!("the step \"{name}\" failed: {}", row.reason)
}
