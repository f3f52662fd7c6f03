//! What can be asked about runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::plan::Graph;
use super::record::{RUNS, RunRow, STEPS, StepRow, Try};
use super::{Digest, RunError, RunId, RunState, Runs, StepState};
use crate::gate::CanonicalPath;

/// A run in a list, as `hearth runs` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its number, as text.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// How it stands.
    pub state: RunState,
    /// How far it is.
    pub steps: StepCount,
}

/// How many steps of a run have a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepCount {
    /// Those that have.
    pub done: u32,
    /// All.
    pub total: u32,
}

/// A run with its steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunView {
    /// As in the list.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// Why it stands so.
    pub reason: String,
    /// For whom it is done.
    pub principal: String,
    /// The folder in which it was asked for, if it was in one.
    pub workspace: Option<String>,
    /// When it was written down, in milliseconds since 1970.
    pub begun_ms: u64,
    /// When it was over, if it is.
    pub ended_ms: Option<u64>,
    /// Its steps, in the plan's order.
    pub steps: Vec<StepView>,
}

/// A step, and why it stands as it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepView {
    /// Its name in the plan.
    pub name: String,
    /// What it does.
    pub action: String,
    /// In which version.
    pub version: u32,
    /// How it stands.
    pub state: StepState,
    /// Why: it ran, was taken from the cache, waits, asks or failed.
    pub reason: String,
    /// The hash of action, version and inputs, once the inputs are known.
    pub identity: Option<Digest>,
    /// What it takes, once that is known.
    pub inputs: BTreeMap<String, Digest>,
    /// What it gave.
    pub outputs: BTreeMap<String, Digest>,
    /// How often it was tried.
    pub attempts: u32,
    /// Each try, oldest first: when it began, how long it took and what became of it.
    pub tries: Vec<Try>,
    /// How much of it is done, from 0 to 1.
    pub progress: f32,
}

impl Runs {
    /// All runs, oldest first.
    ///
    /// # Errors
    /// What the rows say.
    pub fn list(&self) -> Result<Vec<RunSummary>, RunError> {
        let snapshot = self.rows.snapshot();
        let runs = snapshot.range(&RUNS, ..)?;
        runs.map(|run| run.map(|(id, row)| summary(RunId(id), &row)).map_err(Into::into)).collect()
    }

    /// The workspaces of runs that are not over, each once.
    ///
    /// # Errors
    /// What the rows say.
    pub fn workspaces(&self) -> Result<BTreeSet<CanonicalPath>, RunError> {
        let snapshot = self.rows.snapshot();
        let mut found = BTreeSet::new();
        for run in snapshot.range(&RUNS, ..)? {
            let (_, row) = run?;
            if !row.state.is_over() {
                found.extend(row.workspace.as_deref().and_then(CanonicalPath::lexical));
            }
        }
        Ok(found)
    }

    /// A run and all of its steps.
    ///
    /// # Errors
    /// There is none, or what the rows or the artifacts say.
    pub fn show(&self, run: RunId) -> Result<RunView, RunError> {
        let row = self.row(run)?;
        let graph = self.plan(&row)?;
        let steps = self.step_rows(run, &graph)?;
        let views = (0..steps.len() as u32).map(|step| self.view(run, &graph, &steps, step));
        Ok(RunView {
            reason: row.reason.clone(),
            principal: row.principal.clone(),
            workspace: row.workspace.clone(),
            begun_ms: row.begun_ms,
            ended_ms: row.ended_ms,
            steps: views.collect(),
            summary: summary(run, &row),
        })
    }

    /// One step, and why it stands as it does.
    ///
    /// # Errors
    /// There is none, or what the rows or the artifacts say.
    pub fn why(&self, run: RunId, step: &str) -> Result<StepView, RunError> {
        let graph = self.plan(&self.row(run)?)?;
        let number = graph.numbers.get(step);
        let &number = number.ok_or_else(|| RunError::UnknownStep(run, step.to_owned()))?;
        let steps = self.step_rows(run, &graph)?;
        Ok(self.view(run, &graph, &steps, number))
    }

    /// What a step printed in its last try; while it runs, a chunk behind.
    ///
    /// # Errors
    /// There is no such step, or what the rows or the artifacts say.
    pub fn logs(&self, run: RunId, step: &str) -> Result<Vec<u8>, RunError> {
        let graph = self.plan(&self.row(run)?)?;
        let number = graph.numbers.get(step);
        let &number = number.ok_or_else(|| RunError::UnknownStep(run, step.to_owned()))?;
        let chunks = match self.work(run, number, |work| work.log.clone()) {
            Some(chunks) => chunks,
            None => {
                let row = self.rows.snapshot().get(&STEPS, &(run.0, number))?;
                row.map(|row| row.log).unwrap_or_default()
            }
        };
        let mut log = Vec::new();
        for chunk in chunks {
            log.extend(self.artifacts.get(chunk)?);
        }
        Ok(log)
    }

    fn work<T>(
        &self,
        run: RunId,
        step: u32,
        look: impl FnOnce(&super::executor::Work) -> T,
    ) -> Option<T> {
        let live = self.live().get(&run).cloned()?;
        let context = live.contexts().get(&step).cloned()?;
        Some(context.with_work(|work| look(work)))
    }

    pub(super) fn step_rows(&self, run: RunId, graph: &Graph) -> Result<Vec<StepRow>, RunError> {
        let mut steps = vec![StepRow::new(StepState::Waiting); graph.plan.steps.len()];
        let snapshot = self.rows.snapshot();
        for step in snapshot.range(&STEPS, (run.0, 0)..=(run.0, u32::MAX))? {
            let ((_, number), row) = step?;
            if let Some(place) = steps.get_mut(number as usize) {
                *place = row;
            }
        }
        Ok(steps)
    }

    fn view(&self, run: RunId, graph: &Graph, steps: &[StepRow], number: u32) -> StepView {
        let (step, row) = (&graph.plan.steps[number as usize], &steps[number as usize]);
        let progress = self.work(run, number, |work| work.progress);
        let state = match (progress, row.state) {
            (Some(_), StepState::Waiting) => StepState::Started,
            (_, state) => state,
        };
        let open = graph.needs[number as usize].iter().map(|&it| it as usize);
        let open: Vec<_> = open
            .filter(|&it| !steps[it].state.has_result())
            .map(|it| graph.plan.steps[it].name.as_str())
            .collect();
        let reason = match state {
            StepState::Waiting if !open.is_empty() => format!("waits for {}", open.join(", ")),
            StepState::Waiting if row.reason.is_empty() => "waits for its turn".to_owned(),
            StepState::Started => "runs".to_owned(),
            _ => row.reason.clone(),
        };
        StepView {
            name: step.name.clone(),
            action: step.action.clone(),
            version: step.version,
            state,
            reason,
            identity: row.identity,
            inputs: row.inputs.clone(),
            outputs: row.outputs.clone(),
            attempts: row.attempts,
            tries: self.tries(run, number, row),
            progress: match state.has_result() {
                true => 1.0,
                false => f32::from(progress.unwrap_or(0)) / 1000.0,
            },
        }
    }
}

impl Runs {
    /// Those that are written down, and the one that is under way.
    fn tries(&self, run: RunId, step: u32, row: &StepRow) -> Vec<Try> {
        let mut tries = row.tries.clone();
        if let Some(Some(now)) = self.work(run, step, |work| work.begun.clone())
            && tries.last().is_none_or(|last| last.started_ms != now.started_ms)
        {
            tries.push(now);
        }
        tries
    }
}

fn summary(id: RunId, row: &RunRow) -> RunSummary {
    RunSummary {
        id: id.to_string(),
        name: row.name.clone(),
        state: row.state,
        steps: StepCount { done: row.done, total: row.total },
    }
}
