//! Work off the UI thread: named, counted, and answered on the UI thread.
//!
//! A job is a closure that sees only what it was given. Its answer comes back as a
//! [`Completion`], which the UI thread runs between two inputs. What is pending is known by name,
//! so that a caller who waits can be told for what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::program::Program;
use crate::schedule;

/// What the UI thread does with the answer of a job.
pub type Completion = Box<dyn FnOnce(&mut Program) + Send>;

/// Brings a [`Completion`] to the UI thread and wakes it.
pub type Post = Arc<dyn Fn(Completion) + Send + Sync>;

/// Whether somebody waits for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A person does: a file to open or save, a list to rank. These do not queue behind parsing.
    Awaited,
    /// It is looked at when it comes, and what is pressed meanwhile does not depend on it: colours.
    /// These do not queue behind parsing either.
    Seen,
    /// Nobody does.
    Background,
}

impl Urgency {
    fn schedule(self) {
        match self {
            Urgency::Awaited | Urgency::Seen => {}
            Urgency::Background => schedule::as_background(),
        }
    }
}

/// Threads for what is awaited: they mostly wait for a disk themselves.
const AWAITED_THREADS: usize = 2;

/// Two bounded pools; the one for long work leaves one core to the UI.
pub struct Workers {
    awaited: ThreadPool,
    background: ThreadPool,
    post: Post,
    pending: Arc<Mutex<BTreeMap<JobId, Pending>>>,
    next: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct JobId(u64);

struct Pending {
    name: String,
    urgency: Urgency,
}

impl Workers {
    /// Pools whose answers go through `post`.
    pub fn new(post: Post) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
        let pool = |name: &'static str, threads: usize, urgency: Urgency| {
            ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(move |index| format!("{name}-{index}"))
                .start_handler(move |_| urgency.schedule())
                .build()
                .expect("a pool of threads can be started")
        };
        Workers {
            awaited: pool("awaited", AWAITED_THREADS, Urgency::Awaited),
            background: pool("worker", cores.saturating_sub(1).max(1), Urgency::Background),
            post,
            pending: Arc::default(),
            next: 0,
        }
    }

    /// Runs `work` on a pool, then `done` on the UI thread with what it answered.
    ///
    /// A panic in `work` is reported as a notice that names the job; the pool goes on.
    pub fn run<T: Send + 'static>(
        &mut self,
        name: impl Into<String>,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut Program, T) + Send + 'static,
    ) {
        let id = JobId(self.next);
        self.next += 1;
        let name = name.into();
        lock(&self.pending).insert(id, Pending { name: name.clone(), urgency });
        let (post, pending) = (Arc::clone(&self.post), Arc::clone(&self.pending));
        let job = move || {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            post(Box::new(move |program| {
                match answer {
                    Ok(answer) => done(program, answer),
                    Err(_) => program.report_failed_job(&name),
                }
                // After the answer, so that a caller who waits sees the work that it started.
                lock(&pending).remove(&id);
            }));
        };
        match urgency {
            Urgency::Awaited | Urgency::Seen => self.awaited.spawn(job),
            Urgency::Background => self.background.spawn(job),
        }
    }

    /// The names of what has not been answered yet, oldest first.
    pub fn pending(&self) -> Vec<String> {
        lock(&self.pending).values().map(|job| job.name.clone()).collect()
    }

    /// Whether a person waits for something.
    pub fn is_awaited(&self) -> bool {
        lock(&self.pending).values().any(|job| job.urgency == Urgency::Awaited)
    }

    /// Brings a completion to the UI thread from any thread.
    pub fn post(&self) -> Post {
        Arc::clone(&self.post)
    }
}

fn lock(pending: &Mutex<BTreeMap<JobId, Pending>>) -> MutexGuard<'_, BTreeMap<JobId, Pending>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
