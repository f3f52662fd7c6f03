//! When work that nobody waits for is done, and which of it first.
//!
//! [`decide`] is a function of the machine's state, the queue and the time alone: it says of every
//! job whether it runs, and if not, why. A [`Scheduler`] acts on that: it drives runs, and stops
//! them within a second. [`Presence`] is how it hears of a key.

mod agenda;
mod cron;
mod machine;
mod scheduler;
mod zone;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{RunError, RunId, RunState, Runs};

pub use agenda::{Moment, SCHEDULED_MAX, ScheduleError, Scheduled, Standing, Work};
pub use cron::{Cron, CronError, CronMemory, LocalTime, Zone};
pub use machine::{Known, MachineState, Pressure, ScriptedMachine, Snapshot, ThisMachine};
pub use scheduler::{PLACES_MAX, Parts, Scheduler};
pub use zone::LocalZone;

/// What a job is worth and costs: the higher [`Worth::score`], the sooner its turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// How much it would help, in any unit that all jobs share.
    pub impact: f64,
    /// How likely that is, from 0 to 1.
    pub confidence: f64,
    /// How much of that is left by now, from 0 to 1.
    pub freshness: f64,
    /// What it takes, in any unit that all jobs share; what is not above 0 counts as very little.
    pub cost: f64,
}

impl Worth {
    /// Impact x confidence x freshness / cost; 0 when any of them is no number.
    #[must_use]
    pub fn score(&self) -> f64 {
        let worth =
            self.impact.max(0.0) * self.confidence.clamp(0.0, 1.0) * self.freshness.clamp(0.0, 1.0)
                / self.cost.max(1e-9);
        if worth.is_finite() { worth } else { 0.0 }
    }
}

/// What has to be so while a job runs. What the machine does not know counts as not so, and the
/// reason says that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Conditions {
    /// Nobody has touched a key for so long.
    pub idle: Option<Duration>,
    /// Only on mains.
    pub mains: Option<Required>,
    /// Others use less of the CPU than this, in percent.
    pub cpu_percent_max: Option<f32>,
    /// No part of the machine is hotter, in degrees Celsius.
    pub celsius_max: Option<f32>,
    /// Only when the network is not paid by what is moved.
    pub unmetered: Option<Required>,
}

/// Marks a condition that has no limit to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Required;

/// Something that could be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// Its name, which is its own.
    pub name: String,
    /// What it is worth.
    pub worth: Worth,
    /// What has to be so.
    pub conditions: Conditions,
    /// Whether its time has come, if it has one: [`Cron`] says so.
    pub due: Due,
}

/// Whether a job's time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Any time will do, or this one.
    Now,
    /// Its time is later.
    Later,
}

/// What becomes of a job now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The job.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// Why it does not run; it runs if there is nothing.
    pub waits: Vec<Wait>,
}

/// Why a job does not run now. As text, a few words for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Its time has not come.
    NotDue,
    /// Somebody is at work; so much longer without a key.
    NotIdle(Duration),
    /// The machine runs from its battery.
    OnBattery,
    /// The CPU is in use: percent, and the limit.
    CpuBusy(f32, f32),
    /// It is hot: degrees, and the limit.
    Hot(f32, f32),
    /// The network is paid by what is moved.
    Metered,
    /// The machine does not say this.
    Unknown(&'static str),
    /// Others come first.
    Turn,
    /// Nothing autonomous may go on.
    KillSwitch,
    /// A person has to say something first.
    Asks,
    /// It had to stop, or could not be driven; so much longer until it is tried again.
    Resting(Duration),
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotDue => f.write_str("its time has not come"),
            Self::NotIdle(left) => write!(f, "waits for {} s more without a key", left.as_secs()),
            Self::OnBattery => f.write_str("waits for mains"),
            Self::CpuBusy(is, limit) => write!(f, "the CPU is at {is:.0} %, above {limit:.0} %"),
            Self::Hot(is, limit) => write!(f, "the machine is at {is:.0} °C, above {limit:.0} °C"),
            Self::Metered => f.write_str("waits for a network that is not metered"),
            Self::Unknown(what) => write!(f, "this machine does not say {what}"),
            Self::Turn => f.write_str("waits for its turn"),
            Self::KillSwitch => f.write_str("the kill switch is on"),
            Self::Asks => f.write_str("waits for a person's answer"),
            Self::Resting(left) => write!(f, "is tried again in {} s", left.as_secs()),
        }
    }
}

/// Says of every job what becomes of it now, the best first: at most `places` run.
#[must_use]
pub fn decide(state: &Snapshot, queue: &[Job], places: usize) -> Vec<Verdict> {
    let verdict = |job: &Job| Verdict {
        name: job.name.clone(),
        score: job.worth.score(),
        waits: waits(state, job),
    };
    let mut verdicts: Vec<Verdict> = queue.iter().map(verdict).collect();
    verdicts.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
    let mut left = places;
    for verdict in verdicts.iter_mut().filter(|it| it.waits.is_empty()) {
        match left.checked_sub(1) {
            Some(fewer) => left = fewer,
            None => verdict.waits.push(Wait::Turn),
        }
    }
    verdicts
}

fn waits(state: &Snapshot, job: &Job) -> Vec<Wait> {
    let mut waits = Vec::new();
    let conditions = &job.conditions;
    if job.due == Due::Later {
        waits.push(Wait::NotDue);
    }
    if let Some(needed) = conditions.idle {
        let wait = match state.idle {
            Known::Is(idle) => needed.checked_sub(idle).filter(|left| !left.is_zero()),
            Known::Unknown => None,
        };
        waits.extend(wait.map(Wait::NotIdle));
        if state.idle == Known::Unknown {
            waits.push(Wait::Unknown("how long it is idle"));
        }
    }
    if conditions.mains.is_some() {
        waits.extend(state.on_mains.refuse(
            |on| !on,
            |_| Wait::OnBattery,
            "whether it is on mains",
        ));
    }
    if let Some(limit) = conditions.cpu_percent_max {
        let busy = |is: f32| Wait::CpuBusy(is, limit);
        waits.extend(state.cpu_percent.refuse(|is| is > limit, busy, "how busy its CPU is"));
    }
    if let Some(limit) = conditions.celsius_max {
        let hot = |is: f32| Wait::Hot(is, limit);
        waits.extend(state.celsius.refuse(|is| is > limit, hot, "how hot it is"));
    }
    if conditions.unmetered.is_some() {
        let what = "whether its network is metered";
        waits.extend(state.metered.refuse(|is| is, |_| Wait::Metered, what));
    }
    waits
}

impl<T: Copy> Known<T> {
    fn refuse(
        self,
        is_bad: impl FnOnce(T) -> bool,
        wait: impl FnOnce(T) -> Wait,
        what: &'static str,
    ) -> Option<Wait> {
        match self {
            Self::Is(it) => is_bad(it).then(|| wait(it)),
            Self::Unknown => Some(Wait::Unknown(what)),
        }
    }
}

/// When somebody last touched a key. Telling it costs nanoseconds.
#[derive(Debug)]
pub struct Presence {
    begun: Instant,
    /// Milliseconds from `begun`.
    last: AtomicU64,
}

impl Presence {
    /// Somebody is there now.
    #[must_use]
    pub fn new() -> Self {
        Self { begun: Instant::now(), last: AtomicU64::new(0) }
    }

    /// A key was touched.
    pub fn touch(&self) {
        self.last.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// How long no key was touched, by the clock that nobody can set.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(last)
    }
}

impl Default for Presence {
    fn default() -> Self {
        Self::new()
    }
}

/// How often it is looked whether a key was touched: well within the second that is promised.
const LOOK: Duration = Duration::from_millis(50);

/// Drives a run until it ends or a key is touched, which stops it within a second; another drive
/// goes on later. Not for the UI thread.
///
/// # Errors
/// As [`Runs::drive`].
pub fn drive_until_touched(
    runs: &Runs,
    run: RunId,
    presence: &Presence,
) -> Result<RunState, RunError> {
    let begun = Instant::now();
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !has_ended.load(Ordering::Acquire) {
                if presence.idle() < begun.elapsed() {
                    runs.pause(run);
                }
                std::thread::park_timeout(LOOK);
            }
        });
        let result = runs.drive(run);
        has_ended.store(true, Ordering::Release);
        watch.thread().unpark();
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, impact: f64) -> Job {
        let worth = Worth { impact, confidence: 0.5, freshness: 1.0, cost: 2.0 };
        let conditions = Conditions {
            idle: Some(Duration::from_secs(300)),
            mains: Some(Required),
            cpu_percent_max: Some(20.0),
            celsius_max: Some(80.0),
            unmetered: Some(Required),
        };
        Job { name: name.to_owned(), worth, conditions, due: Due::Now }
    }

    fn night() -> Snapshot {
        Snapshot {
            idle: Known::Is(Duration::from_secs(301)),
            on_mains: Known::Is(true),
            cpu_percent: Known::Is(3.0),
            celsius: Known::Is(45.0),
            metered: Known::Is(false),
        }
    }

    #[test]
    fn the_best_that_may_runs_and_the_rest_say_why_not() {
        let mut later = job("c", 9.0);
        later.due = Due::Later;
        let queue = [job("a", 1.0), job("b", 4.0), later];
        let verdicts = decide(&night(), &queue, 1);
        let told: Vec<_> = verdicts.iter().map(|it| (it.name.as_str(), &it.waits[..])).collect();
        assert_eq!(told, [("c", &[Wait::NotDue][..]), ("b", &[]), ("a", &[Wait::Turn])]);
        assert!((verdicts[1].score - 1.0).abs() < 1e-12, "{verdicts:?}");
    }

    #[test]
    fn each_condition_alone_makes_it_wait_and_so_does_not_knowing() {
        let waits = |change: fn(&mut Snapshot)| {
            let mut state = night();
            change(&mut state);
            decide(&state, &[job("a", 1.0)], 1).remove(0).waits
        };
        assert_eq!(waits(|_| {}), []);
        let left = Wait::NotIdle(Duration::from_secs(299));
        assert_eq!(waits(|it| it.idle = Known::Is(Duration::from_secs(1))), [left]);
        assert_eq!(waits(|it| it.on_mains = Known::Is(false)), [Wait::OnBattery]);
        assert_eq!(waits(|it| it.cpu_percent = Known::Is(21.0)), [Wait::CpuBusy(21.0, 20.0)]);
        assert_eq!(waits(|it| it.celsius = Known::Is(81.0)), [Wait::Hot(81.0, 80.0)]);
        assert_eq!(waits(|it| it.metered = Known::Is(true)), [Wait::Metered]);
        assert_eq!(waits(|it| *it = Snapshot::unknown()).len(), 5);
    }

    #[test]
    fn nonsense_has_no_score() {
        let worth = Worth { impact: f64::INFINITY, confidence: 1.0, freshness: 1.0, cost: 1.0 };
        assert_eq!(worth.score(), 0.0);
        assert_eq!(Worth { impact: f64::NAN, ..worth }.score(), 0.0);
        assert!(Worth { impact: 1.0, cost: 0.0, ..worth }.score() > 0.0);
    }

    #[test]
    fn a_touch_ends_idleness() {
        let presence = Presence::new();
        std::thread::sleep(Duration::from_millis(30));
        let idle = presence.idle();
        assert!(idle >= Duration::from_millis(30));
        presence.touch();
        assert!(presence.idle() < idle);
    }
}
