//! The threads that call executors.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Digest;
use super::drive::Event;
use super::executor::{Context, Executor, Inputs, Spent, StepError};
use super::seam::Artifacts;

/// One try of a step.
pub(super) struct Job {
    pub(super) step: u32,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) context: Context,
    pub(super) inputs: Inputs,
}

/// What waits for a thread. A channel behind a lock would wake two threads for each job: the one
/// that takes it, and the next to wait for the channel.
#[derive(Default)]
pub(super) struct Jobs {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Jobs {
    pub(super) fn push(&self, job: Job) {
        self.queue().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Waits for a job; there is none when no more will come.
    fn take(&self) -> Option<Job> {
        let is_idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.is_closed;
        let queue = self.changed.wait_while(self.queue(), is_idle);
        queue.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the threads home when it is dropped, also by a panic.
pub(super) struct Closing<'a>(pub(super) &'a Jobs);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// Does jobs until there are no more to come.
pub(super) fn work(jobs: &Jobs, artifacts: &dyn Artifacts, to: &Sender<Event>) {
    while let Some(job) = jobs.take() {
        let result = attempt(&job, artifacts);
        // The driver hears all jobs out before it goes.
        drop(to.send(Event::Ended(job.step, result)));
    }
}

/// What was done counts as done, even if the step was told to stop meanwhile.
fn attempt(job: &Job, artifacts: &dyn Artifacts) -> Result<BTreeMap<String, Digest>, StepError> {
    let begun = thread_cpu();
    let run = || job.executor.run(&job.context, &job.inputs);
    let result = catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(StepError::Permanent("its code panicked".to_owned())));
    let cpu = thread_cpu().saturating_sub(begun);
    // The executor has ended, so there is nothing left to stop.
    drop(job.context.spend(Spent { cpu, ..Spent::default() }));
    let logged = job.context.close_log();
    let outputs = job.context.cleared(result?, job.executor.duties())?;
    logged?;
    let mut digests = BTreeMap::new();
    for (name, bytes) in outputs {
        digests.insert(name, artifacts.put(&bytes)?);
    }
    Ok(digests)
}

/// CPU time of this thread.
#[cfg(unix)]
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place outlives the call, which writes nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Not known here; executors count what they use themselves.
#[cfg(not(unix))]
fn thread_cpu() -> Duration {
    Duration::ZERO
}
