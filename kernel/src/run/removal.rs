//! Taking a run away, with the artifacts that nothing else needs.
//!
//! 1. What the run may leave behind is written down.
//! 2. Its results leave the cache.
//! 3. Its row and those of its steps go in one piece, so that no half of it can be resumed.
//! 4. Of what was written down, that which no run, step or cached result names is released.
//!
//! A process that ends in between leaves the rest of 4 to the next removal.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use super::plan::Input;
use super::record::{CACHE, RUNS, STEPS, StepRow};
use super::{Digest, RunError, RunId, Runs};
use crate::row::{Snapshot, Table, Transaction};

/// What removed runs may have left, by run and part.
const LEFT: Table<(u64, u32), Left> = Table::new("run leftovers");

/// Digests in one row, and rows in one transaction.
const GROUP: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Left(Vec<Digest>);

super::record::json!(Left);

impl Runs {
    /// Takes a run away that is over: its rows, its results in the cache, and those of its
    /// artifacts that nothing else needs. What its plan took by hash belongs to whoever put it. It
    /// reads the rows of all runs; not for the UI thread.
    ///
    /// # Errors
    /// The run is not there, is not over or is driven, or the rows or artifacts say no; then it
    /// may be there still, whole, or be gone and leave its artifacts to the next removal.
    pub fn remove(&self, run: RunId) -> Result<(), RunError> {
        self.claim(run, &Arc::default())?;
        let result = self.take_away(run);
        self.let_go(run);
        result?;
        self.release_left()
    }

    fn take_away(&self, run: RunId) -> Result<(), RunError> {
        let row = self.row(run)?;
        if !row.state.is_over() {
            return Err(RunError::NotOver(run));
        }
        let snapshot = self.rows.snapshot();
        let (mut left, mut cached) = (HashSet::from([row.plan]), Vec::new());
        let mut whole = Transaction::new();
        whole.expect(&RUNS, &run.0, Some(&row)).remove(&RUNS, &run.0);
        for step in snapshot.range(&STEPS, (run.0, 0)..=(run.0, u32::MAX))? {
            let (key, step) = step?;
            left.extend(step.outputs.values().chain(&step.log));
            whole.remove(&STEPS, &key);
            if let Some(identity) = step.identity
                && snapshot.get(&CACHE, &identity.0)?.is_some_and(|it| it.run == run.0)
            {
                cached.push(identity);
            }
        }
        let left: Vec<Digest> = left.into_iter().collect();
        for (part, digests) in left.chunks(GROUP).enumerate() {
            let mut transaction = Transaction::new();
            transaction.put(&LEFT, &(run.0, part as u32), &Left(digests.to_vec()));
            self.durable(transaction)?;
        }
        for identities in cached.chunks(GROUP) {
            let mut transaction = Transaction::new();
            for identity in identities {
                transaction.remove(&CACHE, &identity.0);
            }
            self.durable(transaction)?;
        }
        self.durable(whole)
    }

    /// Releases what is written down as left and is needed by nothing.
    fn release_left(&self) -> Result<(), RunError> {
        let _alone = self.releasing.write().unwrap_or_else(PoisonError::into_inner);
        // In this order: what a drive has put is named by its rows before the drive is forgotten.
        let driven: Vec<_> = self.live().values().cloned().collect();
        let snapshot = self.rows.snapshot();
        let (mut rows, mut left) = (Vec::new(), HashSet::new());
        for row in snapshot.range(&LEFT, ..)? {
            let (key, digests) = row?;
            left.extend(digests.0);
            rows.push(key);
        }
        for drive in driven {
            let fresh = drive.fresh();
            left.retain(|it| !fresh.contains(it));
        }
        self.keep_named(&snapshot, &mut left)?;
        let left: Vec<Digest> = left.into_iter().collect();
        self.artifacts.release(&left)?;
        for rows in rows.chunks(GROUP) {
            let mut transaction = Transaction::new();
            for row in rows {
                transaction.remove(&LEFT, row);
            }
            self.durable(transaction)?;
        }
        Ok(())
    }

    /// Takes out of `left` what any row or plan names.
    fn keep_named(&self, rows: &Snapshot, left: &mut HashSet<Digest>) -> Result<(), RunError> {
        for run in rows.range(&RUNS, ..)? {
            let (_, row) = run?;
            left.remove(&row.plan);
            // Of a run that has not come so far, only the plan says what it takes.
            for step in &self.plan(&row)?.plan.steps {
                for input in step.inputs.values() {
                    if let Input::Hash { hash } = input {
                        left.remove(hash);
                    }
                }
            }
        }
        for step in rows.range(&STEPS, ..)? {
            let (_, StepRow { inputs, outputs, log, .. }) = step?;
            for named in inputs.values().chain(outputs.values()).chain(&log) {
                left.remove(named);
            }
        }
        for cached in rows.range(&CACHE, ..)? {
            for named in cached?.1.outputs.values() {
                left.remove(named);
            }
        }
        Ok(())
    }
}
