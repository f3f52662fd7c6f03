//! The threads that call executors.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Does jobs until there are no more to come.
pub(super) fn work(jobs: &Mutex<Receiver<Job>>, artifacts: &dyn Artifacts, to: &Sender<Event>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
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
    let outputs = result?;
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
