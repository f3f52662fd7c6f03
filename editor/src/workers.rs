//! Work off the UI thread: named, counted, and answered on the UI thread.
//!
//! A job is a closure that sees only what it was given. Its answer comes back as a
//! [`Completion`], which the UI thread runs between two inputs. What is pending is known by name,
//! so that a caller who waits can be told for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::program::Program;

/// What the UI thread does with the answer of a job.
pub type Completion = Box<dyn FnOnce(&mut Program) + Send>;

/// Brings a [`Completion`] to the UI thread and wakes it.
pub type Post = Arc<dyn Fn(Completion) + Send + Sync>;

/// A bounded pool that leaves one core to the UI.
pub struct Workers {
    pool: rayon::ThreadPool,
    post: Post,
    pending: Arc<Mutex<BTreeMap<JobId, String>>>,
    next: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct JobId(u64);

impl Workers {
    /// A pool whose answers go through `post`.
    pub fn new(post: Post) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(cores.saturating_sub(1).max(1))
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .expect("a pool of threads can be started");
        Workers { pool, post, pending: Arc::default(), next: 0 }
    }

    /// Runs `work` on the pool, then `done` on the UI thread with what it answered.
    ///
    /// A panic in `work` is reported as a notice that names the job; the pool goes on.
    pub fn run<T: Send + 'static>(
        &mut self,
        name: impl Into<String>,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut Program, T) + Send + 'static,
    ) {
        let id = JobId(self.next);
        self.next += 1;
        let name = name.into();
        self.lock().insert(id, name.clone());
        let (post, pending) = (Arc::clone(&self.post), Arc::clone(&self.pending));
        self.pool.spawn(move || {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            post(Box::new(move |program| {
                match answer {
                    Ok(answer) => done(program, answer),
                    Err(_) => program.report_failed_job(&name),
                }
                // After the answer, so that a caller who waits sees the work that it started.
                lock(&pending).remove(&id);
            }));
        });
    }

    /// The names of what has not been answered yet, oldest first.
    pub fn pending(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    /// Brings a completion to the UI thread from any thread.
    pub fn post(&self) -> Post {
        Arc::clone(&self.post)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<JobId, String>> {
        lock(&self.pending)
    }
}

fn lock(
    pending: &Mutex<BTreeMap<JobId, String>>,
) -> std::sync::MutexGuard<'_, BTreeMap<JobId, String>> {
    pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
