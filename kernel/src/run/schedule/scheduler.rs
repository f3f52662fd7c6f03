//! The thread that acts on the agenda.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::super::{RunError, RunId, RunState, Runs};
use super::agenda::{
    Act, Agenda, Moment, ScheduleError, Scheduled, Standing, Switch, Work, with_idle,
};
use super::{LOOK, MachineState, Presence, Zone};

/// Jobs that may be at work at the same time.
pub const PLACES_MAX: usize = 16;

/// How long the end of a scheduler waits for what is at work.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a scheduler stands on.
pub struct Parts {
    /// Drives what is begun, and asks the gate whether the kill switch is on.
    pub runs: Arc<Runs>,
    /// Says how the machine is.
    pub machine: Arc<dyn MachineState>,
    /// Says when a key was touched.
    pub presence: Arc<Presence>,
    /// What the minutes of cron are called.
    pub zone: Arc<dyn Zone + Send + Sync>,
    /// How many jobs may be at work at the same time, up to [`PLACES_MAX`].
    pub places: usize,
}

/// Begins what may be done now, and stops within a second what may not go on: a key was touched,
/// the kill switch is on, the machine is needed or on battery.
///
/// One thread decides, and each job at work has one more. With nothing scheduled the thread sleeps;
/// with something that waits it looks at the machine every five seconds at the most. Dropping it
/// stops what is at work, which another process may go on with.
pub struct Scheduler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    parts: Parts,
    begun: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    agenda: Agenda,
    /// Somebody told something since the last turn.
    is_told: bool,
    is_closed: bool,
    /// Threads that drive.
    drives: usize,
}

impl Scheduler {
    /// Begins to schedule.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(parts: Parts) -> io::Result<Self> {
        let places = parts.places.min(PLACES_MAX);
        let agenda = Agenda::new(places);
        let state = State { agenda, is_told: false, is_closed: false, drives: 0 };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let shared = Arc::new(Shared { parts, begun: Instant::now(), state, changed });
        let it = shared.clone();
        let thread = std::thread::Builder::new().name("scheduler".into());
        let thread = Some(thread.spawn(move || it.run())?);
        Ok(Self { shared, thread })
    }

    /// Schedules a job, in the place of one of that name.
    ///
    /// # Errors
    /// There are too many, or it makes no sense.
    pub fn schedule(&self, job: Scheduled) -> Result<(), ScheduleError> {
        let now = self.shared.now();
        self.shared.tell(|state| state.agenda.add(job, now))
    }

    /// Takes a job away; if it is at work, it stops within a second.
    pub fn withdraw(&self, name: &str) {
        self.shared.tell(|state| state.agenda.withdraw(name));
    }

    /// Looks again now: the kill switch was turned, a person has answered, the machine woke up.
    pub fn look(&self) {
        self.shared.tell(|_| ());
    }

    /// How each job stands, the best first.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.shared.state().agenda.standings()
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.tell(|state| state.is_closed = true);
        if let Some(thread) = self.thread.take() {
            // Its panic was told where it happened.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scheduler({} jobs)", self.standings().len())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        state.is_told = true;
        self.changed.notify_all();
        result
    }

    fn now(&self) -> Moment {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let minute = (since_1970.unwrap_or_default().as_secs() / 60) as i64;
        Moment { steady: self.begun.elapsed(), minute }
    }

    fn run(self: Arc<Self>) {
        loop {
            self.meet_answers();
            let idle = self.parts.presence.idle();
            // Looking at the machine reads files, so it is done without the lock.
            let machine = self.parts.machine.look(idle);
            let switch = match self.parts.runs.gate.is_stopped() {
                true => Switch::Stop,
                false => Switch::Go,
            };
            let mut state = self.state();
            if state.is_closed {
                return self.finish(state);
            }
            state.is_told = false;
            let machine = with_idle(machine, idle);
            let acts = state.agenda.turn(self.now(), &machine, switch, &*self.parts.zone);
            for act in acts {
                self.act(&mut state, act);
            }
            self.rest(state);
        }
    }

    /// Sleeps until something may have changed.
    fn rest(&self, mut state: MutexGuard<'_, State>) {
        let quiet = state.agenda.quiet();
        let begun = Instant::now();
        while !state.is_told && !state.is_closed {
            let Some(quiet) = quiet else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let Some(left) = quiet.checked_sub(begun.elapsed()) else { return };
            // Only what is at work has to be stopped soon after a key.
            let at_work = state.agenda.is_at_work();
            let nap = if at_work { left.min(LOOK) } else { left };
            let waited = self.changed.wait_timeout(state, nap);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let is_needed = state.agenda.idle_needed();
            if is_needed.is_some_and(|needed| self.parts.presence.idle() < needed)
                || at_work && self.parts.runs.gate.is_stopped()
            {
                return;
            }
        }
    }

    /// What waits for a person goes on when its run does not ask any more.
    fn meet_answers(&self) {
        let asking = self.state().agenda.asking();
        for (name, run) in asking {
            // What cannot be read now is asked again with the next look.
            if self.parts.runs.row(run).is_ok_and(|row| row.state != RunState::Asks) {
                self.state().agenda.answered(&name);
            }
        }
    }

    fn act(self: &Arc<Self>, state: &mut State, act: Act) {
        match act {
            Act::Stop(name) => {
                if let Some((_, Some(run))) = state.agenda.work(&name) {
                    self.parts.runs.pause(run);
                }
            }
            Act::Begin(name) => {
                let (work, run) = state.agenda.work(&name).expect("it was just there");
                let (it, of) = (self.clone(), name.clone());
                let thread = std::thread::Builder::new().name("scheduled run".into());
                match thread.spawn(move || it.drive(&of, work, run)) {
                    Ok(_) => state.drives += 1,
                    Err(error) => {
                        let error = RunError::NoThread(error.to_string());
                        state.agenda.ended(&name, Err(error), self.now());
                    }
                }
            }
        }
    }

    fn drive(&self, name: &str, work: Work, run: Option<RunId>) {
        let runs = &self.parts.runs;
        let run = match (run, work) {
            (Some(run), _) | (None, Work::Run(run)) => Ok(run),
            (None, Work::Plan { principal, plan }) => runs.start(&principal, &plan),
        };
        let how = run.and_then(|run| {
            self.tell(|state| state.agenda.begun(name, run));
            runs.drive(run)
        });
        let now = self.now();
        self.tell(|state| {
            state.drives -= 1;
            state.agenda.ended(name, how, now);
        });
    }

    /// Stops what is at work, and waits for that, but not for ever.
    fn finish(&self, mut state: MutexGuard<'_, State>) {
        let begun = Instant::now();
        while state.drives > 0 && begun.elapsed() < PATIENCE {
            state.agenda.at_work().into_iter().for_each(|run| self.parts.runs.pause(run));
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
