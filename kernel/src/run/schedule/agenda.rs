//! What is to be done, what of it is at work, and what follows from how the machine is.
//!
//! It has no thread and no clock: each turn is told the time and the machine's state, and answers
//! what to begin and what to stop. The [scheduler](super::Scheduler) does that.

use std::fmt;
use std::time::Duration;

use super::super::{Plan, RunError, RunId, RunState};
use super::{
    Conditions, Cron, CronMemory, Due, Job, Known, Snapshot, Verdict, Wait, Worth, Zone, decide,
};

/// Jobs that may be scheduled at the same time.
pub const SCHEDULED_MAX: usize = 256;

/// A job that had to stop is not begun again before, so that a condition on its edge does not make
/// it begin and stop all the time.
pub(super) const REST: Duration = Duration::from_secs(10);
/// A job that could not be driven is tried again then.
pub(super) const RETRY: Duration = Duration::from_secs(60);
/// How soon the machine is looked at again while something waits for it.
pub(super) const LOOK_WAITING: Duration = Duration::from_secs(5);
/// The same while something runs: half of the second in which it has to stop.
pub(super) const LOOK_RUNNING: Duration = Duration::from_millis(500);
/// How soon it is looked whether a time has come.
const LOOK_CRON: Duration = Duration::from_secs(20);

/// Work that nobody waits for.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// Its name, which is its own.
    pub name: String,
    /// What it is worth.
    pub worth: Worth,
    /// What has to be so while it runs.
    pub conditions: Conditions,
    /// When it is begun, if not at any time; then it is begun again and again.
    pub cron: Option<Cron>,
    /// What is done.
    pub work: Work,
}

/// What a job does.
#[derive(Clone, Debug)]
pub enum Work {
    /// It drives a run that is written down, to its end.
    Run(RunId),
    /// It writes a run down for a principal, each time that it is begun.
    Plan {
        /// For whom it is done.
        principal: String,
        /// What is done.
        plan: Plan,
    },
}

/// Why a job was not scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There are as many as there may be.
    Full,
    /// A run that is written down ends once: it has no times.
    RunWithTimes,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(
                f,
                "{SCHEDULED_MAX} jobs are scheduled, and no more may be: withdraw one first"
            ),
            Self::RunWithTimes => f.write_str(
                "a run that is written down is done once: schedule its plan to do it at times",
            ),
        }
    }
}

impl std::error::Error for ScheduleError {}

/// How a job stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its score, and why it does not run; it runs, or is about to, if there is nothing.
    pub verdict: Verdict,
    /// Its run, if one is written down.
    pub run: Option<RunId>,
    /// What went wrong when it was last driven.
    pub trouble: Option<String>,
}

/// What both clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The clock that nobody can set, from any beginning.
    pub steady: Duration,
    /// The calendar's minute, from the beginning of 1970 in UTC.
    pub minute: i64,
}

/// Whether the kill switch is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Nothing autonomous may go on.
    Stop,
    /// It may.
    Go,
}

/// What the scheduler has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Drive the job of that name.
    Begin(String),
    /// Stop it; this is said again until it has stopped.
    Stop(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Rests,
    Runs,
    /// It was told to stop; it goes when it has.
    Withdrawn,
}

#[derive(Debug)]
struct Entry {
    job: Scheduled,
    run: Option<RunId>,
    times: CronMemory,
    due: Due,
    state: State,
    /// By the steady clock.
    not_before: Duration,
    /// A person has to say something first.
    asks: bool,
    trouble: Option<String>,
    verdict: Verdict,
}

/// All jobs, and at most `places` at work.
#[derive(Debug)]
pub(super) struct Agenda {
    entries: Vec<Entry>,
    places: usize,
}

impl Agenda {
    pub(super) fn new(places: usize) -> Self {
        Self { entries: Vec::new(), places: places.max(1) }
    }

    /// Adds a job. One of that name is replaced; if it runs, it goes on as it was begun, held to
    /// the new conditions.
    pub(super) fn add(&mut self, job: Scheduled, now: Moment) -> Result<(), ScheduleError> {
        if job.cron.is_some() && matches!(job.work, Work::Run(_)) {
            return Err(ScheduleError::RunWithTimes);
        }
        let run = match job.work {
            Work::Run(run) => Some(run),
            Work::Plan { .. } => None,
        };
        if let Some(old) = self.entries.iter_mut().find(|it| it.job.name == job.name) {
            if old.state == State::Rests {
                old.run = run.or(old.run);
            }
            if old.job.cron != job.cron {
                old.due = if job.cron.is_some() { Due::Later } else { Due::Now };
                old.times = CronMemory::new(now.minute);
            }
            if old.state == State::Withdrawn {
                old.state = State::Runs;
            }
            old.job = job;
            return Ok(());
        }
        if self.entries.len() >= SCHEDULED_MAX {
            return Err(ScheduleError::Full);
        }
        let due = if job.cron.is_some() { Due::Later } else { Due::Now };
        let verdict =
            Verdict { name: job.name.clone(), score: job.worth.score(), waits: Vec::new() };
        self.entries.push(Entry {
            run,
            times: CronMemory::new(now.minute),
            due,
            state: State::Rests,
            not_before: Duration::ZERO,
            asks: false,
            trouble: None,
            verdict,
            job,
        });
        Ok(())
    }

    /// Takes a job away, once it has stopped.
    pub(super) fn withdraw(&mut self, name: &str) {
        self.entries.retain_mut(|it| {
            if it.job.name == name && it.state != State::Rests {
                it.state = State::Withdrawn;
            }
            it.job.name != name || it.state != State::Rests
        });
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        let mut all: Vec<Standing> = self.entries.iter().map(Entry::standing).collect();
        all.sort_by(|a, b| b.verdict.score.total_cmp(&a.verdict.score));
        all
    }

    pub(super) fn work(&self, name: &str) -> Option<(Work, Option<RunId>)> {
        self.of(name).map(|it| (it.job.work.clone(), it.run))
    }

    /// Runs that wait for a person, who may have said something.
    pub(super) fn asking(&self) -> Vec<(String, RunId)> {
        let asking = self.entries.iter().filter(|it| it.asks);
        asking.filter_map(|it| Some((it.job.name.clone(), it.run?))).collect()
    }

    /// The least idleness that something at work rests on.
    pub(super) fn idle_needed(&self) -> Option<Duration> {
        let at_work = self.entries.iter().filter(|it| it.state == State::Runs);
        at_work.filter_map(|it| it.job.conditions.idle).max()
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.entries.iter().any(|it| it.state != State::Rests)
    }

    fn of(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|it| it.job.name == name)
    }

    fn of_mut(&mut self, name: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|it| it.job.name == name)
    }

    /// The runs that are at work.
    pub(super) fn at_work(&self) -> Vec<RunId> {
        self.entries.iter().filter(|it| it.state != State::Rests).filter_map(|it| it.run).collect()
    }

    /// A person has said what a run asked.
    pub(super) fn answered(&mut self, name: &str) {
        if let Some(it) = self.of_mut(name) {
            it.asks = false;
        }
    }

    /// The run of a job is written down.
    pub(super) fn begun(&mut self, name: &str, run: RunId) {
        if let Some(it) = self.of_mut(name) {
            it.run = Some(run);
        }
    }

    /// A drive has ended.
    pub(super) fn ended(&mut self, name: &str, how: Result<RunState, RunError>, now: Moment) {
        let Some(at) = self.entries.iter().position(|it| it.job.name == name) else { return };
        let it = &mut self.entries[at];
        let is_withdrawn = it.state == State::Withdrawn;
        it.state = State::Rests;
        it.trouble = None;
        it.not_before = now.steady;
        let is_over = match how {
            Ok(RunState::Waiting | RunState::Running | RunState::Cancelling) => {
                it.not_before += REST;
                false
            }
            Ok(RunState::Asks) => {
                it.asks = true;
                false
            }
            Ok(RunState::Done | RunState::Failed | RunState::Cancelled) => true,
            Err(error) => {
                it.not_before += RETRY;
                it.trouble = Some(error.to_string());
                matches!(error, RunError::Unknown(_) | RunError::Over(..) | RunError::Plan(_))
            }
        };
        if is_over {
            it.run = None;
            it.due = Due::Later;
        }
        if is_withdrawn || is_over && it.job.cron.is_none() {
            self.entries.remove(at);
        }
    }

    /// What is to be done now. What runs keeps its place until its conditions are lost; free places
    /// go to the best of those that may.
    pub(super) fn turn(
        &mut self,
        now: Moment,
        machine: &Snapshot,
        switch: Switch,
        zone: &dyn Zone,
    ) -> Vec<Act> {
        for it in &mut self.entries {
            let times = it.job.cron.as_ref();
            if times.is_some_and(|cron| it.times.is_due(cron, zone, now.minute)) {
                it.due = Due::Now;
            }
        }
        let jobs: Vec<Job> = self.entries.iter().map(Entry::as_job).collect();
        let mut verdicts = decide(machine, &jobs, usize::MAX);
        let at_work = self.entries.iter().filter(|it| it.state != State::Rests).count();
        let (mut left, mut acts) = (self.places.saturating_sub(at_work), Vec::new());
        for verdict in &mut verdicts {
            let it = self.of_mut(&verdict.name).expect("it was just listed");
            if switch == Switch::Stop {
                verdict.waits.insert(0, Wait::KillSwitch);
            }
            if it.state != State::Rests {
                if it.state == State::Withdrawn || !verdict.waits.is_empty() {
                    acts.push(Act::Stop(verdict.name.clone()));
                }
            } else {
                if it.asks {
                    verdict.waits.push(Wait::Asks);
                }
                if let Some(rest) = it.not_before.checked_sub(now.steady).filter(|it| !it.is_zero())
                {
                    verdict.waits.push(Wait::Resting(rest));
                }
                match (verdict.waits.is_empty(), left.checked_sub(1)) {
                    (true, Some(fewer)) => {
                        (left, it.state) = (fewer, State::Runs);
                        acts.push(Act::Begin(verdict.name.clone()));
                    }
                    (true, None) => verdict.waits.push(Wait::Turn),
                    (false, _) => {}
                }
            }
            it.verdict = verdict.clone();
        }
        acts
    }

    /// How long nothing can change by itself; without a time, until somebody tells something.
    pub(super) fn quiet(&self) -> Option<Duration> {
        if self.is_at_work() {
            return Some(LOOK_RUNNING);
        }
        self.entries.iter().map(Entry::quiet).min()
    }
}

impl Entry {
    fn as_job(&self) -> Job {
        // A time that has come is not over before its run is.
        let due =
            if self.state == State::Rests && self.run.is_none() { self.due } else { Due::Now };
        let (name, conditions) = (self.job.name.clone(), self.job.conditions);
        Job { name, worth: self.job.worth, conditions, due }
    }

    fn standing(&self) -> Standing {
        Standing { verdict: self.verdict.clone(), run: self.run, trouble: self.trouble.clone() }
    }

    /// All that it waits for has to pass: the longest of those whose end is known.
    fn quiet(&self) -> Duration {
        let each = self.verdict.waits.iter().map(|wait| match wait {
            Wait::NotIdle(left) | Wait::Resting(left) => *left,
            Wait::NotDue => LOOK_CRON,
            _ => LOOK_WAITING,
        });
        each.max().unwrap_or(LOOK_WAITING).clamp(Duration::from_millis(10), LOOK_CRON)
    }
}

/// The same machine, idle for so long.
pub(super) fn with_idle(machine: Snapshot, idle: Duration) -> Snapshot {
    let idle = match machine.idle {
        Known::Is(known) => known.min(idle),
        Known::Unknown => idle,
    };
    Snapshot { idle: Known::Is(idle), ..machine }
}

#[cfg(test)]
mod tests {
    use super::super::{LocalTime, MachineState, Required, ScriptedMachine};
    use super::*;
    use crate::disk::sim::SplitMix;

    struct Utc;

    impl Zone for Utc {
        fn local(&self, minute: i64) -> LocalTime {
            super::super::cron::utc(minute)
        }
    }

    /// An agenda, a machine that is as told, and clocks that go on when they are told.
    struct World {
        agenda: Agenda,
        machine: ScriptedMachine,
        state: Snapshot,
        now: Moment,
        switch: Switch,
    }

    impl World {
        fn new(places: usize) -> Self {
            let state = Snapshot {
                idle: Known::Is(Duration::from_secs(1000)),
                on_mains: Known::Is(true),
                cpu_percent: Known::Is(2.0),
                celsius: Known::Is(40.0),
                metered: Known::Is(false),
            };
            let now = Moment { steady: Duration::ZERO, minute: 0 };
            let machine = ScriptedMachine::new(state);
            Self { agenda: Agenda::new(places), machine, state, now, switch: Switch::Go }
        }

        fn add(&mut self, job: Scheduled) {
            self.agenda.add(job, self.now).unwrap();
        }

        fn turn(&mut self) -> Vec<Act> {
            self.machine.set(self.state);
            let state = self.machine.look(Duration::ZERO);
            self.agenda.turn(self.now, &state, self.switch, &Utc)
        }

        fn later(&mut self, seconds: u64) {
            let before = self.now.steady.as_secs() / 60;
            self.now.steady += Duration::from_secs(seconds);
            self.now.minute += (self.now.steady.as_secs() / 60 - before) as i64;
        }

        fn end(&mut self, name: &str, how: Result<RunState, RunError>) {
            self.agenda.ended(name, how, self.now);
        }

        fn waits(&self, name: &str) -> Vec<Wait> {
            self.agenda.of(name).unwrap().verdict.waits.clone()
        }
    }

    fn job(name: &str, impact: f64, run: u64) -> Scheduled {
        Scheduled {
            name: name.to_owned(),
            worth: Worth { impact, confidence: 1.0, freshness: 1.0, cost: 1.0 },
            conditions: Conditions {
                idle: Some(Duration::from_secs(300)),
                mains: Some(Required),
                cpu_percent_max: Some(20.0),
                celsius_max: Some(80.0),
                unmetered: Some(Required),
            },
            cron: None,
            work: Work::Run(RunId(run)),
        }
    }

    fn nightly(name: &str, cron: &str) -> Scheduled {
        let plan = Plan { name: name.to_owned(), steps: Vec::new() };
        let work = Work::Plan { principal: "owner".to_owned(), plan };
        Scheduled { cron: Some(cron.parse().unwrap()), work, ..job(name, 1.0, 0) }
    }

    fn begin(name: &str) -> Vec<Act> {
        vec![Act::Begin(name.to_owned())]
    }

    fn stop(name: &str) -> Vec<Act> {
        vec![Act::Stop(name.to_owned())]
    }

    #[test]
    fn the_best_begins_and_keeps_its_place_and_the_next_follows() {
        let mut world = World::new(1);
        world.add(job("a", 1.0, 1));
        world.add(job("b", 2.0, 2));
        assert_eq!(world.turn(), begin("b"));
        assert_eq!(world.waits("a"), [Wait::Turn]);
        world.add(job("c", 9.0, 3));
        assert_eq!(world.turn(), [], "what runs is not stopped for a better one");
        world.end("b", Ok(RunState::Done));
        assert_eq!(world.turn(), begin("c"));
        world.end("c", Ok(RunState::Failed));
        assert_eq!(world.turn(), begin("a"));
        world.end("a", Ok(RunState::Cancelled));
        assert_eq!((world.turn(), world.agenda.standings()), (vec![], vec![]));
        assert_eq!(world.agenda.quiet(), None, "nothing is left to wait for");
    }

    #[test]
    fn each_lost_condition_stops_it_until_it_has_stopped_and_it_rests_then() {
        let lose: [fn(&mut World); 6] = [
            |it| it.state.idle = Known::Is(Duration::ZERO),
            |it| it.state.on_mains = Known::Is(false),
            |it| it.state.cpu_percent = Known::Is(50.0),
            |it| it.state.celsius = Known::Is(95.0),
            |it| it.state.metered = Known::Unknown,
            |it| it.switch = Switch::Stop,
        ];
        for lose in lose {
            let mut world = World::new(2);
            world.add(job("a", 1.0, 1));
            assert_eq!(world.turn(), begin("a"));
            assert_eq!(world.agenda.idle_needed(), Some(Duration::from_secs(300)));
            let calm = world.state;
            lose(&mut world);
            assert_eq!((world.turn(), world.turn()), (stop("a"), stop("a")));
            world.end("a", Ok(RunState::Waiting));
            assert_eq!(world.turn(), []);
            (world.state, world.switch) = (calm, Switch::Go);
            world.later(9);
            assert_eq!(world.turn(), []);
            assert_eq!(world.waits("a"), [Wait::Resting(Duration::from_secs(1))]);
            assert_eq!(world.agenda.quiet(), Some(Duration::from_secs(1)));
            world.later(1);
            assert_eq!(world.turn(), begin("a"));
        }
    }

    #[test]
    fn times_begin_a_run_each_and_one_that_is_late_keeps_its_turn() {
        let mut world = World::new(1);
        world.add(nightly("n", "30 2 * * *"));
        assert_eq!((world.turn(), world.waits("n")), (vec![], vec![Wait::NotDue]));
        world.later(150 * 60);
        assert_eq!(world.turn(), begin("n"));
        world.agenda.begun("n", RunId(7));
        world.state.on_mains = Known::Is(false);
        assert_eq!(world.turn(), stop("n"));
        world.end("n", Ok(RunState::Waiting));
        world.later(3600);
        assert_eq!((world.turn(), world.waits("n")), (vec![], vec![Wait::OnBattery]));
        world.state.on_mains = Known::Is(true);
        assert_eq!(world.turn(), begin("n"));
        assert_eq!(world.agenda.work("n").unwrap().1, Some(RunId(7)), "the same run goes on");
        world.end("n", Ok(RunState::Done));
        assert_eq!((world.turn(), world.waits("n")), (vec![], vec![Wait::NotDue]));
        world.later(24 * 3600);
        assert_eq!(world.turn(), begin("n"));
        assert_eq!(world.agenda.work("n").unwrap().1, None, "a new run");
        let once = Scheduled { work: Work::Run(RunId(1)), ..nightly("m", "* * * * *") };
        assert_eq!(world.agenda.add(once, world.now), Err(ScheduleError::RunWithTimes));
    }

    #[test]
    fn questions_troubles_and_withdrawals() {
        let mut world = World::new(1);
        world.add(job("a", 1.0, 1));
        assert_eq!(world.turn(), begin("a"));
        world.end("a", Ok(RunState::Asks));
        assert_eq!((world.turn(), world.waits("a")), (vec![], vec![Wait::Asks]));
        assert_eq!(world.agenda.asking(), [("a".to_owned(), RunId(1))]);
        world.agenda.answered("a");
        assert_eq!(world.turn(), begin("a"));
        world.end("a", Err(RunError::Driven(RunId(1))));
        assert_eq!(world.turn(), []);
        let standing = world.agenda.standings().remove(0);
        assert!(standing.trouble.unwrap().contains("at work"));
        world.later(60);
        assert_eq!(world.turn(), begin("a"));
        world.agenda.withdraw("a");
        assert_eq!((world.turn(), world.turn()), (stop("a"), stop("a")));
        world.end("a", Ok(RunState::Waiting));
        assert!(world.agenda.standings().is_empty());
        for number in 0..SCHEDULED_MAX as u64 {
            world.add(job(&format!("j{number}"), 1.0, number));
        }
        let one_more = world.agenda.add(job("more", 1.0, 0), world.now);
        assert_eq!(one_more, Err(ScheduleError::Full));
        world.add(job("j3", 9.0, 3));
        assert_eq!(world.turn(), begin("j3"), "one of that name was replaced");
    }

    /// Whatever happens: no more are at work than there are places, none without its conditions is
    /// begun, and none is begun twice.
    #[test]
    fn random_days() {
        for seed in 0..200 {
            let (mut random, mut world) = (SplitMix::new(seed), World::new(2));
            let (mut at_work, calm) = (Vec::<String>::new(), world.state);
            for _ in 0..300 {
                match random.below(9) {
                    0 | 1 => {
                        let number = random.below(8);
                        world.add(job(&format!("j{number}"), random.below(5) as f64, number));
                    }
                    2 => world.agenda.withdraw(&format!("j{}", random.below(8))),
                    3 => world.state.on_mains = Known::Is(random.below(2) == 0),
                    4 => world.state.idle = Known::Is(Duration::from_secs(random.below(600))),
                    5 => world.switch = [Switch::Stop, Switch::Go][random.below(2) as usize],
                    6 if !at_work.is_empty() => {
                        let name = at_work.swap_remove(random.below(at_work.len() as u64) as usize);
                        let how = [RunState::Done, RunState::Waiting, RunState::Asks];
                        world.end(&name, Ok(how[random.below(3) as usize]));
                    }
                    7 => (world.state, world.switch) = (calm, Switch::Go),
                    _ => world.later(random.below(40)),
                }
                let may = world.switch == Switch::Go
                    && world.state.on_mains == Known::Is(true)
                    && matches!(world.state.idle, Known::Is(it) if it.as_secs() >= 300);
                for act in world.turn() {
                    match act {
                        Act::Begin(name) => {
                            assert!(may && !at_work.contains(&name), "seed {seed}");
                            at_work.push(name);
                        }
                        Act::Stop(name) => assert!(at_work.contains(&name), "seed {seed}"),
                    }
                }
                assert!(at_work.len() <= 2, "seed {seed}");
                assert_eq!(world.agenda.is_at_work(), !at_work.is_empty(), "seed {seed}");
            }
        }
    }
}
