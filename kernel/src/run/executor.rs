//! Who does steps, and what they are given for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::Try;
use super::seam::{ArtifactError, Artifacts};
use super::token::{CancelToken, Cause};
use super::{Budget, Digest};
use crate::gate::Obligations;
use crate::redaction;

/// Bytes of one artifact of a log.
pub const LOG_CHUNK_BYTES: usize = 64 * 1024;
/// Artifacts of one log; what comes behind is not kept, and the log says so.
pub const LOG_CHUNKS_MAX: usize = 1024;

/// What a step gives, by name.
pub type Outputs = BTreeMap<String, Vec<u8>>;

/// Does the steps of one action.
pub trait Executor: Send + Sync {
    /// Does a step. It may be called on several threads at the same time, and must look at
    /// [`Context::check`] a few times per second, or leave that to [`Context::process`].
    ///
    /// # Errors
    /// Why it was not done, and whether trying again may help.
    fn run(&self, context: &Context, inputs: &Inputs) -> Result<Outputs, StepError>;

    /// What of [`Obligations`] it keeps itself. What it does not, the engine does where it can:
    /// budgets, rates, and secrets in text; or the step fails.
    fn duties(&self) -> Duties {
        Duties::default()
    }
}

/// Obligations that an executor keeps itself, as [`Context::obligations`] tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// Whatever it runs, it runs in the sandbox: by [`Context::process`], or by its own means.
    pub sandbox: bool,
    /// What it gives has gone through [`crate::redaction`], so that it may be other than text.
    pub redact: bool,
}

impl<F> Executor for F
where
    F: Fn(&Context, &Inputs) -> Result<Outputs, StepError> + Send + Sync,
{
    fn run(&self, context: &Context, inputs: &Inputs) -> Result<Outputs, StepError> {
        self(context, inputs)
    }
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// It may succeed later: try again, if the step says so.
    Transient(String),
    /// It will not succeed.
    Permanent(String),
    /// It was told to stop.
    Stopped(Cause),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(why) | Self::Permanent(why) => f.write_str(why),
            Self::Stopped(Cause::Timeout) => f.write_str("it took longer than it may"),
            Self::Stopped(Cause::Budget) => f.write_str("it used more than its budget"),
            Self::Stopped(_) => f.write_str("it was told to stop"),
        }
    }
}

impl std::error::Error for StepError {}

impl From<ArtifactError> for StepError {
    fn from(error: ArtifactError) -> Self {
        Self::Transient(error.0)
    }
}

/// The inputs of a step; their bytes are read when they are asked for.
pub struct Inputs {
    pub(super) names: BTreeMap<String, Digest>,
    /// Those that the plan itself holds.
    pub(super) inline: BTreeMap<String, String>,
    pub(super) artifacts: Arc<dyn Artifacts>,
}

impl Inputs {
    /// Names and digests of all.
    #[must_use]
    pub fn names(&self) -> &BTreeMap<String, Digest> {
        &self.names
    }

    /// The bytes of one.
    ///
    /// # Errors
    /// There is no such input, or its artifact cannot be read.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, StepError> {
        if let Some(text) = self.inline.get(name) {
            return Ok(text.clone().into_bytes());
        }
        let missing = || StepError::Permanent(format!("the step needs an input \"{name}\""));
        let digest = *self.names.get(name).ok_or_else(missing)?;
        Ok(self.artifacts.get(digest)?)
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inputs({:?})", self.names)
    }
}

/// What a step has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Spent {
    /// CPU time, of its thread and of processes that have ended.
    pub cpu: Duration,
    /// GPU time, as the executor counts it.
    pub gpu: Duration,
    /// Bytes, as the executor counts them.
    pub bytes: u64,
    /// Millionths of the owner's currency, as the executor counts them.
    pub money_micros: u64,
}

impl Spent {
    fn add(&mut self, more: Self) {
        self.cpu = self.cpu.saturating_add(more.cpu);
        self.gpu = self.gpu.saturating_add(more.gpu);
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.money_micros = self.money_micros.saturating_add(more.money_micros);
    }

    fn is_over(&self, budget: Budget) -> bool {
        let over = |limit: Option<u64>, used: u128| limit.is_some_and(|it| used > u128::from(it));
        over(budget.cpu_ms, self.cpu.as_millis())
            || over(budget.gpu_ms, self.gpu.as_millis())
            || over(budget.bytes, self.bytes.into())
            || over(budget.money_micros, self.money_micros.into())
    }
}

/// What is known of a step while it runs.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) spent: Spent,
    /// From 0 to 1000.
    pub(super) progress: u16,
    pub(super) log: Vec<Digest>,
    tail: Vec<u8>,
    /// The try that is under way.
    pub(super) begun: Option<Try>,
}

/// What an executor may use besides its inputs. Clones share it.
#[derive(Clone)]
pub struct Context {
    token: CancelToken,
    budget: Budget,
    obligations: Arc<Obligations>,
    artifacts: Arc<dyn Artifacts>,
    work: Arc<Mutex<Work>>,
}

impl Context {
    pub(super) fn new(
        budget: Budget,
        obligations: Obligations,
        artifacts: Arc<dyn Artifacts>,
    ) -> Self {
        let obligations = Arc::new(obligations);
        let (token, work) = (CancelToken::default(), Arc::default());
        Self { token, budget, obligations, artifacts, work }
    }

    /// What the gate wants the step to keep to.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    pub(super) fn with_work<T>(&self, look: impl FnOnce(&mut Work) -> T) -> T {
        look(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What says that the step has to stop.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`StepError::Stopped`]: give that back.
    pub fn check(&self) -> Result<(), StepError> {
        self.token.cause().map_or(Ok(()), |cause| Err(StepError::Stopped(cause)))
    }

    /// Waits, if nothing tells it to stop meanwhile.
    ///
    /// # Errors
    /// [`StepError::Stopped`].
    pub fn sleep(&self, time: Duration) -> Result<(), StepError> {
        let begun = std::time::Instant::now();
        loop {
            self.check()?;
            let Some(left) = time.checked_sub(begun.elapsed()) else { return Ok(()) };
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    /// Says how much of it is done, from 0 to 1.
    pub fn progress(&self, part: f32) {
        self.with_work(|work| work.progress = (part.clamp(0.0, 1.0) * 1000.0) as u16);
    }

    /// Counts what was used.
    ///
    /// # Errors
    /// [`StepError::Stopped`] when that is more than the step may use, or it has to stop anyway.
    pub fn spend(&self, more: Spent) -> Result<(), StepError> {
        let spent = self.with_work(|work| {
            work.spent.add(more);
            work.spent
        });
        let most = self.obligations.budget_bytes;
        if spent.is_over(self.budget) || most.is_some_and(|most| spent.bytes > most) {
            self.token.cancel(Cause::Budget);
        }
        self.check()
    }

    /// Adds to the step's log, which can be read while it runs, a chunk behind.
    ///
    /// # Errors
    /// The log cannot be kept.
    pub fn log(&self, bytes: &[u8]) -> Result<(), StepError> {
        if self.obligations.budget_bytes.is_some() {
            self.spend(Spent { bytes: bytes.len() as u64, ..Spent::default() })?;
        }
        self.with_work(|work| {
            work.tail.extend_from_slice(bytes);
            while work.tail.len() >= LOG_CHUNK_BYTES {
                let rest = work.tail.split_off(self.cut(&work.tail));
                let chunk = std::mem::replace(&mut work.tail, rest);
                self.keep(work, &chunk)?;
            }
            Ok(())
        })
    }

    /// What a step gives as it may be kept: within its budget, and without secrets.
    pub(super) fn cleared(&self, outputs: Outputs, duties: Duties) -> Result<Outputs, StepError> {
        let bytes = outputs.values().map(|bytes| bytes.len() as u64).sum();
        if self.obligations.budget_bytes.is_some() {
            self.spend(Spent { bytes, ..Spent::default() })?;
        }
        if !self.obligations.redact || duties.redact {
            return Ok(outputs);
        }
        let clear = |(name, bytes): (String, Vec<u8>)| match String::from_utf8(bytes) {
            Ok(text) => Ok((name, redaction::redact(&text).into_owned().into_bytes())),
            Err(_) => Err(StepError::Permanent(format!(
                "the policy wants secrets taken out of what it gives, and \"{name}\" is no text"
            ))),
        };
        outputs.into_iter().map(clear).collect()
    }

    /// Puts the last, short chunk away.
    pub(super) fn close_log(&self) -> Result<(), StepError> {
        self.with_work(|work| {
            let chunk = std::mem::take(&mut work.tail);
            if chunk.is_empty() { Ok(()) } else { self.keep(work, &chunk) }
        })
    }

    /// Where a full chunk ends. A secret that two chunks share is not seen in either, so that what
    /// is redacted is cut between lines.
    fn cut(&self, tail: &[u8]) -> usize {
        let line = tail[..LOG_CHUNK_BYTES].iter().rposition(|&byte| byte == b'\n');
        match line {
            Some(end) if self.obligations.redact => end + 1,
            _ => LOG_CHUNK_BYTES,
        }
    }

    fn keep(&self, work: &mut Work, chunk: &[u8]) -> Result<(), StepError> {
        let text;
        let chunk = if self.obligations.redact {
            text = redaction::redact(&String::from_utf8_lossy(chunk)).into_owned();
            text.as_bytes()
        } else {
            chunk
        };
        if work.log.len() < LOG_CHUNKS_MAX {
            work.log.push(self.artifacts.put(chunk)?);
        } else if work.log.len() == LOG_CHUNKS_MAX {
            work.log.push(self.artifacts.put(b"\nThe log is longer; the rest was not kept.\n")?);
        }
        Ok(())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({:?})", self.token)
    }
}
