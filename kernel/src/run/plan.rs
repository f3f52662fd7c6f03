//! What is to be done: a graph of steps, as data.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::action::Effect;
use crate::disk::sim::SplitMix;

/// Steps of one plan.
pub const STEPS_MAX: usize = 1_000_000;
/// Inputs of one step.
pub const INPUTS_MAX: usize = 256;
/// Bytes of a name: of a plan, step, action, input, output or lane.
pub const NAME_BYTES_MAX: usize = 200;
/// Tries of one step.
pub const ATTEMPTS_MAX: u32 = 100;
/// Bytes of a plan in TOML.
pub const PLAN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A graph of steps, in TOML or built in code; [`Plan::check`] says whether it can be run.
///
/// ```
/// use kernel::run::Plan;
///
/// let plan = Plan::from_toml(r#"
///     name = "nightly"
///
///     [[steps]]
///     name = "collect"
///     action = "samples.collect"
///     version = 1
///     effect = "pure"
///     inputs.since = { value = "2026-11-01" }
///
///     [[steps]]
///     name = "train"
///     action = "model.train"
///     version = 3
///     effect = "idempotent"
///     inputs.samples = { step = "collect", output = "samples" }
///     lane = "gpu"
///     timeout_ms = 3_600_000
///     retry = { attempts = 3, backoff_ms = 1000, backoff_max_ms = 60_000 }
///     budget = { gpu_ms = 1_800_000 }
/// "#)?;
/// assert_eq!(plan.steps.len(), 2);
/// # Ok::<(), kernel::run::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What a person calls it.
    pub name: String,
    /// The steps, in any order; equals are started in this one.
    pub steps: Vec<Step>,
}

/// One node of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name in the plan.
    pub name: String,
    /// What it does: the id of an action.
    pub action: String,
    /// The version of the action; a result of another version is another result.
    pub version: u32,
    /// What repeating it does.
    pub effect: Effect,
    /// What it takes, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Input>,
    /// Steps that must be done before, though nothing of theirs is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Where it queues; lanes limit how many run at the same time. By default `main`.
    #[serde(default = "main_lane", skip_serializing_if = "is_main")]
    pub lane: String,
    /// Whether and when it is tried again.
    #[serde(default, skip_serializing_if = "Retry::is_default")]
    pub retry: Retry,
    /// How long one try may take, in milliseconds; none for as long as it wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What one try may use.
    #[serde(default, skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
    /// What the gate is asked for; by default the step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What takes it back, if the run fails or is cancelled after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
}

impl Step {
    /// A step without inputs and with every default.
    #[must_use]
    pub fn new(name: &str, action: &str, version: u32, effect: Effect) -> Self {
        Self {
            name: name.to_owned(),
            action: action.to_owned(),
            version,
            effect,
            inputs: BTreeMap::new(),
            after: Vec::new(),
            lane: main_lane(),
            retry: Retry::default(),
            timeout_ms: None,
            budget: Budget::default(),
            resource: None,
            compensation: None,
        }
    }

    /// The same, that also takes `input` under `name`.
    #[must_use]
    pub fn with(mut self, name: &str, input: Input) -> Self {
        self.inputs.insert(name.to_owned(), input);
        self
    }

    /// The steps that it needs, some perhaps twice.
    pub(super) fn needs(&self) -> impl Iterator<Item = &str> {
        let taken = self.inputs.values().filter_map(|input| match input {
            Input::Step { step, .. } => Some(step.as_str()),
            Input::Hash { .. } | Input::Value { .. } => None,
        });
        taken.chain(self.after.iter().map(String::as_str))
    }
}

fn main_lane() -> String {
    "main".to_owned()
}

fn is_main(lane: &String) -> bool {
    lane == "main"
}

/// Where an input comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Input {
    /// An artifact that is already there.
    Hash {
        /// Its name.
        hash: Digest,
    },
    /// What another step of the plan gives.
    Step {
        /// The step.
        step: String,
        /// Which of its outputs.
        output: String,
    },
    /// These very bytes, as text.
    Value {
        /// The text.
        value: String,
    },
}

/// Whether and when a step that failed for the moment is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries altogether, at least 1.
    pub attempts: u32,
    /// The wait before the second try, in milliseconds; it doubles with every further one.
    #[serde(default)]
    pub backoff_ms: u64,
    /// No wait is longer, in milliseconds.
    #[serde(default = "hour_ms")]
    pub backoff_max_ms: u64,
}

fn hour_ms() -> u64 {
    3_600_000
}

impl Default for Retry {
    /// One try.
    fn default() -> Self {
        Self { attempts: 1, backoff_ms: 0, backoff_max_ms: hour_ms() }
    }
}

impl Retry {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How long to wait after `failed` tries have failed: between half of the doubled time and all
    /// of it, so that those who failed together do not try again together. The same seed gives the
    /// same wait.
    #[must_use]
    pub fn wait(&self, failed: u32, seed: u64) -> Duration {
        let doubled = self.backoff_ms.saturating_mul(1 << failed.saturating_sub(1).min(40));
        let whole = doubled.min(self.backoff_max_ms);
        let mut random = SplitMix::new(seed.wrapping_add(u64::from(failed)));
        Duration::from_millis(whole - random.below(whole / 2 + 1))
    }
}

/// What one try of a step may use; none is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// CPU time, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// GPU time, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_ms: Option<u64>,
    /// Bytes that are moved, by what the executor counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Money, in millionths of the owner's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_micros: Option<u64>,
}

impl Budget {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What takes a step back. It gets the step's inputs under their names, and its outputs as
/// `output.NAME`. It may be met twice, after a kill: it has to be idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Compensation {
    /// The id of an action.
    pub action: String,
    /// Its version.
    pub version: u32,
}

/// Why a plan cannot be run. It names the step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// It is no TOML, or not of this shape: what the parser says.
    Unreadable(String),
    /// Something is longer or more than may be.
    TooMuch {
        /// The step, or the plan.
        step: String,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A name is missing.
    Nameless {
        /// The step, or its place.
        step: String,
        /// The name of what.
        what: &'static str,
    },
    /// Two steps have this name.
    Twice(String),
    /// A step needs one that is not there.
    Unknown {
        /// The step that needs.
        step: String,
        /// The one that is missing.
        needs: String,
    },
    /// These steps need each other, in a ring.
    Cycle(Vec<String>),
    /// A step of effect Once has more than one try.
    OnceRetried(String),
    /// A step has no try at all.
    NeverTried(String),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "the plan cannot be read: {why}"),
            Self::TooMuch { step, what, max } => {
                write!(f, "\"{step}\" has too much of {what}: at most {max}")
            }
            Self::Nameless { step, what } => write!(f, "\"{step}\" lacks {what}: name it"),
            Self::Twice(step) => write!(f, "two steps are named \"{step}\": rename one"),
            Self::Unknown { step, needs } => {
                write!(f, "the step \"{step}\" needs \"{needs}\", which the plan does not have")
            }
            Self::Cycle(steps) => write!(f, "these steps wait for each other: {steps:?}"),
            Self::OnceRetried(step) => write!(
                f,
                "the step \"{step}\" counts each time that it is done: give it one attempt"
            ),
            Self::NeverTried(step) => write!(f, "the step \"{step}\" needs at least one attempt"),
        }
    }
}

impl std::error::Error for PlanError {}

/// A plan that was checked, with its edges as numbers.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) plan: Plan,
    /// Of each step, those that it needs, each once.
    pub(super) needs: Vec<Vec<u32>>,
    /// Of each step, those that need it.
    pub(super) leads_to: Vec<Vec<u32>>,
    /// The number of a step by its name.
    pub(super) numbers: HashMap<String, u32>,
}

impl Plan {
    /// Reads and checks a plan in TOML.
    ///
    /// # Errors
    /// What is wrong, and in which step.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        if text.len() > PLAN_BYTES_MAX {
            let (step, what) = ("the plan".to_owned(), "bytes");
            return Err(PlanError::TooMuch { step, what, max: PLAN_BYTES_MAX });
        }
        let plan: Self =
            toml::from_str(text).map_err(|error| PlanError::Unreadable(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// What is wrong, and in which step.
    pub fn check(&self) -> Result<(), PlanError> {
        self.edges().map(drop)
    }

    pub(super) fn into_graph(self) -> Result<Graph, PlanError> {
        let (numbers, needs, leads_to) = self.edges()?;
        Ok(Graph { plan: self, needs, leads_to, numbers })
    }

    #[expect(clippy::type_complexity, reason = "the parts of a Graph, which takes the plan")]
    fn edges(&self) -> Result<(HashMap<String, u32>, Vec<Vec<u32>>, Vec<Vec<u32>>), PlanError> {
        check_name(&self.name, &self.name, "a name")?;
        if self.steps.len() > STEPS_MAX {
            let step = self.name.clone();
            return Err(PlanError::TooMuch { step, what: "steps", max: STEPS_MAX });
        }
        let mut numbers = HashMap::with_capacity(self.steps.len());
        for (number, step) in self.steps.iter().enumerate() {
            check_step(number, step)?;
            if numbers.insert(step.name.clone(), number as u32).is_some() {
                return Err(PlanError::Twice(step.name.clone()));
            }
        }
        let mut needs = Vec::with_capacity(self.steps.len());
        let mut leads_to = vec![Vec::new(); self.steps.len()];
        for (number, step) in self.steps.iter().enumerate() {
            let mut of_this = Vec::new();
            for name in step.needs() {
                let &needed = numbers.get(name).ok_or_else(|| PlanError::Unknown {
                    step: step.name.clone(),
                    needs: name.to_owned(),
                })?;
                of_this.push(needed);
            }
            of_this.sort_unstable();
            of_this.dedup();
            for &needed in &of_this {
                leads_to[needed as usize].push(number as u32);
            }
            needs.push(of_this);
        }
        self.check_order(&needs, &leads_to)?;
        Ok((numbers, needs, leads_to))
    }

    /// Takes away what needs nothing until nothing is left; what stays leads to a ring.
    fn check_order(&self, needs: &[Vec<u32>], leads_to: &[Vec<u32>]) -> Result<(), PlanError> {
        let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
        let mut free: Vec<usize> = (0..open.len()).filter(|&step| open[step] == 0).collect();
        let mut left = open.len();
        while let Some(step) = free.pop() {
            left -= 1;
            for &next in &leads_to[step] {
                open[next as usize] -= 1;
                if open[next as usize] == 0 {
                    free.push(next as usize);
                }
            }
        }
        if left == 0 {
            return Ok(());
        }
        // From a step that stays, back along needs that stay, until one is met again.
        let stays = |step: &u32| open[*step as usize] > 0;
        let mut at = (0..open.len() as u32).find(stays).expect("some step stays");
        let mut path = Vec::new();
        let mut met = HashMap::new();
        while !met.contains_key(&at) {
            met.insert(at, path.len());
            path.push(at);
            at = *needs[at as usize].iter().find(|need| stays(need)).expect("it needs one");
        }
        let ring = path[met[&at]..].iter();
        Err(PlanError::Cycle(ring.map(|&step| self.steps[step as usize].name.clone()).collect()))
    }
}

fn check_step(number: usize, step: &Step) -> Result<(), PlanError> {
    let place = if step.name.is_empty() { format!("step {number}") } else { step.name.clone() };
    check_name(&place, &step.name, "a name")?;
    check_name(&place, &step.action, "an action")?;
    check_name(&place, &step.lane, "a lane")?;
    for (name, input) in &step.inputs {
        check_name(&place, name, "an input's name")?;
        if let Input::Step { output, .. } = input {
            check_name(&place, output, "an output's name")?;
        }
    }
    if let Some(compensation) = &step.compensation {
        check_name(&place, &compensation.action, "a compensation's action")?;
    }
    if step.inputs.len() + step.after.len() > INPUTS_MAX {
        return Err(PlanError::TooMuch { step: place, what: "inputs", max: INPUTS_MAX });
    }
    let attempts = step.retry.attempts;
    if attempts > ATTEMPTS_MAX {
        let max = ATTEMPTS_MAX as usize;
        return Err(PlanError::TooMuch { step: place, what: "attempts", max });
    }
    match (attempts, step.effect) {
        (0, _) => Err(PlanError::NeverTried(place)),
        (2.., Effect::Once) => Err(PlanError::OnceRetried(place)),
        _ => Ok(()),
    }
}

fn check_name(step: &str, name: &str, what: &'static str) -> Result<(), PlanError> {
    match name.len() {
        0 => Err(PlanError::Nameless { step: step.to_owned(), what }),
        1..=NAME_BYTES_MAX => Ok(()),
        _ => {
            let step = step.chars().take(40).collect();
            Err(PlanError::TooMuch { step, what, max: NAME_BYTES_MAX })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, needs: &[&str]) -> Step {
        let mut step = Step::new(name, "a.b", 1, Effect::Pure);
        step.after = needs.iter().map(|&it| it.to_owned()).collect();
        step
    }

    fn check(steps: Vec<Step>) -> Result<(), PlanError> {
        Plan { name: "p".to_owned(), steps }.check()
    }

    #[test]
    fn a_wrong_plan_names_the_step() {
        assert_eq!(check(vec![step("a", &[]), step("b", &["a", "a"])]), Ok(()));
        let ring = vec![step("z", &["a"]), step("a", &["b"]), step("b", &["c"]), step("c", &["a"])];
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(check(ring), Err(PlanError::Cycle(names)));
        let alone = check(vec![step("a", &["a"])]);
        assert_eq!(alone, Err(PlanError::Cycle(vec!["a".to_owned()])));
        let (of, needs) = ("a".to_owned(), "x".to_owned());
        assert_eq!(check(vec![step("a", &["x"])]), Err(PlanError::Unknown { step: of, needs }));
        let twice = check(vec![step("a", &[]), step("a", &[])]);
        assert_eq!(twice, Err(PlanError::Twice("a".to_owned())));
        let mut once = step("a", &[]);
        (once.effect, once.retry.attempts) = (Effect::Once, 2);
        assert_eq!(check(vec![once.clone()]), Err(PlanError::OnceRetried("a".to_owned())));
        once.retry.attempts = 0;
        assert_eq!(check(vec![once]), Err(PlanError::NeverTried("a".to_owned())));
        let nameless = check(vec![step("", &[])]).unwrap_err();
        assert_eq!(nameless.to_string(), "\"step 0\" lacks a name: name it");
        let long = check(vec![step(&"n".repeat(201), &[])]).unwrap_err();
        assert!(matches!(long, PlanError::TooMuch { max: NAME_BYTES_MAX, .. }), "{long}");
    }

    #[test]
    fn a_plan_survives_its_stored_form_and_garbage_is_refused() {
        let mut full = step("b", &["a"]).with("x", Input::Hash { hash: Digest::of(b"x") });
        full = full.with("y", Input::Step { step: "a".to_owned(), output: "o".to_owned() });
        full.retry = Retry { attempts: 3, backoff_ms: 5, backoff_max_ms: 50 };
        full.timeout_ms = Some(7);
        full.compensation = Some(Compensation { action: "c.d".to_owned(), version: 2 });
        let plan = Plan { name: "p".to_owned(), steps: vec![step("a", &[]), full] };
        let stored = serde_json::to_vec(&plan).unwrap();
        assert_eq!(serde_json::from_slice::<Plan>(&stored).unwrap(), plan);
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(Plan::from_toml(&text).unwrap(), plan);
        let wrong = text.replace("timeout_ms", "timeout_s");
        assert!(matches!(Plan::from_toml(&wrong), Err(PlanError::Unreadable(_))));

        let mut random = SplitMix::new(3);
        for _ in 0..3000 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.next_u64() as u8;
            }
            // Whatever is taken has been checked.
            if let Ok(plan) = Plan::from_toml(&String::from_utf8_lossy(&bytes)) {
                assert_eq!(plan.check(), Ok(()));
            }
        }
    }

    #[test]
    fn waits_double_within_their_bounds_and_are_the_same_for_a_seed() {
        let retry = Retry { attempts: 9, backoff_ms: 100, backoff_max_ms: 1000 };
        for seed in 0..200 {
            for (failed, whole) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (90, 1000)] {
                let wait = retry.wait(failed, seed);
                assert_eq!(wait, retry.wait(failed, seed));
                assert!((whole / 2..=whole).contains(&(wait.as_millis() as u64)), "{wait:?}");
            }
        }
        assert!((0..50).any(|seed| retry.wait(1, seed) != retry.wait(1, 0)), "no jitter");
    }
}
