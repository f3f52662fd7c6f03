//! What is written down of a run, as rows.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::executor::{Spent, StepError};
use super::{Cause, Digest};
use crate::row::Table;

/// A run's number in its profile: they count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of the newest run.
pub(super) const NEWEST: Table<(), u64> = Table::new("run newest");
pub(super) const RUNS: Table<u64, RunRow> = Table::new("runs");
/// By run, and by the step's place in the plan.
pub(super) const STEPS: Table<(u64, u32), StepRow> = Table::new("run steps");
/// Results of Pure steps by their identity.
pub(super) const CACHE: Table<[u8; 32], CacheRow> = Table::new("run cache");

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It may go on whenever somebody drives it.
    Waiting,
    /// It is being driven; or it was, when the process ended.
    Running,
    /// A person has to say something first: the gate asks, or a step is in doubt.
    Asks,
    /// Every step is done.
    Done,
    /// A step failed; what had to be was taken back.
    Failed,
    /// It is to be cancelled; what has to be is taken back meanwhile.
    Cancelling,
    /// A person cancelled it; what had to be was taken back.
    Cancelled,
}

impl RunState {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Its turn has not come.
    Waiting,
    /// It runs; or did, when the process ended.
    Started,
    /// The gate asks a person.
    Asks,
    /// It counts each time, was started, and nobody knows whether it was done: a person has to
    /// say.
    InDoubt,
    /// It was done.
    Done,
    /// Its result was there already.
    Cached,
    /// It failed for good, or the gate said no.
    Failed,
    /// It was done, and taken back.
    Compensated,
}

impl StepState {
    pub(super) fn has_result(self) -> bool {
        matches!(self, Self::Done | Self::Cached)
    }
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TryEnd {
    /// It did what it should.
    Done,
    /// It failed; another may follow.
    Failed,
    /// It was told to stop.
    Stopped,
    /// It took back what was done.
    TakenBack,
}

/// One try of a step, or of what takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Try {
    /// When it began, by the clock that people set, in milliseconds since 1970: shown, never
    /// reckoned with.
    pub started_ms: u64,
    /// How long it took, by the clock that nobody sets; none while it runs, and where the process
    /// ended meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// What became of it, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<TryEnd>,
}

/// Tries of one step that are remembered, the newest.
pub(super) const TRIES_KEPT_MAX: usize = 100;

/// By the clock that people set, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct RunRow {
    pub(super) name: String,
    pub(super) principal: String,
    /// The folder in which it was asked for, whose policy counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) workspace: Option<String>,
    /// The artifact that holds the plan.
    pub(super) plan: Digest,
    pub(super) state: RunState,
    /// Why it is in that state, for a person.
    pub(super) reason: String,
    pub(super) total: u32,
    pub(super) done: u32,
    /// By the clock that people set, in milliseconds since 1970: shown, never reckoned with.
    pub(super) begun_ms: u64,
    /// When it was over, by the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct StepRow {
    pub(super) state: StepState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Digest>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) inputs: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) outputs: BTreeMap<String, Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) log: Vec<Digest>,
    #[serde(default)]
    pub(super) attempts: u32,
    /// The how-manieth of its run it was done.
    #[serde(default)]
    pub(super) order: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tries: Vec<Try>,
    #[serde(default)]
    pub(super) spent: Spent,
    /// Why it was run, taken from the cache, or failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
}

impl StepRow {
    pub(super) fn new(state: StepState) -> Self {
        Self {
            state,
            identity: None,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            log: Vec::new(),
            attempts: 0,
            order: 0,
            tries: Vec::new(),
            spent: Spent::default(),
            reason: String::new(),
        }
    }

    /// As if it had not been its turn, with what was tried until now.
    pub(super) fn anew(&self) -> Self {
        Self { tries: self.tries.clone(), ..Self::new(StepState::Waiting) }
    }

    /// A try begins now.
    pub(super) fn begin_try(&mut self) {
        if self.tries.len() >= TRIES_KEPT_MAX {
            self.tries.remove(0);
        }
        self.tries.push(Try { started_ms: now_ms(), took_ms: None, end: None });
    }

    /// The newest try has ended.
    pub(super) fn end_try(&mut self, took: Duration, end: TryEnd) {
        if let Some(it) = self.tries.last_mut() {
            it.took_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            it.end = Some(end);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct CacheRow {
    pub(super) outputs: BTreeMap<String, Digest>,
    /// Who made it.
    pub(super) run: u64,
    pub(super) step: String,
}

macro_rules! json {
    ($($row:ty),*) => {$(
        impl crate::row::Value for $row {
            fn encode(&self, out: &mut Vec<u8>) {
                serde_json::to_writer(out, self).expect("maps have text for keys");
            }

            fn decode(bytes: &[u8]) -> Option<Self> {
                serde_json::from_slice(bytes).ok()
            }
        }
    )*};
}

pub(super) use json;

json!(RunRow, StepRow, CacheRow);

/// What became of a try that ended so.
pub(super) fn end_of<T>(result: &Result<T, StepError>) -> TryEnd {
    match result {
        Ok(_) => TryEnd::Done,
        Err(StepError::Stopped(_)) => TryEnd::Stopped,
        Err(_) => TryEnd::Failed,
    }
}

/// What a run that stopped says of it.
pub(super) fn told(cause: Cause) -> &'static str {
    match cause {
        Cause::Cancelled => "cancelled by a person",
        Cause::Preempted => "the machine is needed; it goes on later",
        Cause::KillSwitch => "the kill switch is on",
        Cause::Timeout => "a step took too long",
        Cause::Budget => "a step used too much",
        Cause::Abandoned => "another step failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;
    use crate::row::Value;

    fn survives<T: Value + PartialEq + fmt::Debug>(row: &T, random: &mut SplitMix) {
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        assert_eq!(T::decode(&bytes).as_ref(), Some(row));
        for _ in 0..2000 {
            let mut broken = bytes.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(broken.len() as u64) as usize;
                broken[at] = random.next_u64() as u8;
            }
            broken.truncate(random.below(broken.len() as u64 * 2) as usize + 1);
            // What is taken is a row like any other.
            if let Some(row) = T::decode(&broken) {
                let mut again = Vec::new();
                row.encode(&mut again);
                assert_eq!(T::decode(&again), Some(row));
            }
        }
    }

    #[test]
    fn rows_come_back_and_garbage_is_refused() {
        let mut random = SplitMix::new(6);
        let outputs = BTreeMap::from([("out".to_owned(), Digest::of(b"x"))]);
        let mut step = StepRow::new(StepState::InDoubt);
        step.identity = Some(Digest::of(b"y"));
        step.log = vec![Digest::of(b"z")];
        step.outputs = outputs.clone();
        step.reason = "why".to_owned();
        step.begin_try();
        step.end_try(Duration::from_millis(7), TryEnd::Failed);
        survives(&step, &mut random);
        survives(&CacheRow { outputs, run: 7, step: "s".to_owned() }, &mut random);
        let run = RunRow {
            name: "n".to_owned(),
            principal: "owner".to_owned(),
            workspace: Some("/w".to_owned()),
            plan: Digest::of(b"p"),
            state: RunState::Asks,
            reason: String::new(),
            total: 3,
            done: 2,
            begun_ms: 1,
            ended_ms: Some(2),
        };
        survives(&run, &mut random);
    }
}
