//! Why a run did not do what was asked.

use std::fmt;

use super::plan::PlanError;
use super::record::{RunId, RunState};
use super::seam::ArtifactError;
use crate::row::RowError;

/// Why a run did not do what was asked; each says what to do. That a step failed is no error here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RunError {
    /// There is no such run.
    Unknown(RunId),
    /// The run has no such step.
    UnknownStep(RunId, String),
    /// It is over, in this state.
    Over(RunId, RunState),
    /// It may go on.
    NotOver(RunId),
    /// It is being driven.
    Driven(RunId),
    /// The step is not in doubt.
    NotInDoubt(RunId, String),
    /// Nobody here does what the step wants.
    NoExecutor {
        /// The step.
        step: String,
        /// Its action.
        action: String,
    },
    /// The plan is wrong.
    Plan(PlanError),
    /// The artifacts' own answer.
    Artifact(ArtifactError),
    /// The rows' own answer.
    Row(RowError),
    /// The system gave no thread, and says why.
    NoThread(String),
    /// The process is about to end.
    Closed,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(run) => write!(f, "there is no run {run}: `hearth runs` lists them"),
            Self::UnknownStep(run, step) => {
                write!(f, "run {run} has no step \"{step}\": `hearth runs show {run}` lists them")
            }
            Self::Over(run, RunState::Done) => write!(f, "run {run} is done: start a new one"),
            Self::Over(run, _) => {
                write!(f, "run {run} has ended: `hearth runs resume {run}` tries the rest again")
            }
            Self::NotOver(run) => {
                write!(f, "run {run} has not ended: `hearth runs cancel {run}` ends it")
            }
            Self::Driven(run) => write!(f, "run {run} is at work: wait for it, or cancel it"),
            Self::NotInDoubt(run, step) => {
                write!(f, "the step \"{step}\" of run {run} is not in doubt: nothing is asked")
            }
            Self::NoExecutor { step, action } => write!(
                f,
                "the step \"{step}\" wants \"{action}\", which this Hearth cannot do: update it, \
                 or change the plan"
            ),
            Self::Plan(error) => error.fmt(f),
            Self::Artifact(error) => error.fmt(f),
            Self::Row(error) => error.fmt(f),
            Self::NoThread(why) => write!(
                f,
                "there is no thread for the run ({why}): close other programs, and try again"
            ),
            Self::Closed => f.write_str("Hearth is about to end: the run goes on with the next"),
        }
    }
}

impl std::error::Error for RunError {}

impl From<PlanError> for RunError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<ArtifactError> for RunError {
    fn from(error: ArtifactError) -> Self {
        Self::Artifact(error)
    }
}

impl From<RowError> for RunError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}
