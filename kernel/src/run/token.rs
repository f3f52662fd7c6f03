//! Stopping what runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why something has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// A person cancelled the run.
    Cancelled = 1,
    /// The person is back, or the machine is needed: the run goes on later.
    Preempted,
    /// The kill switch is on.
    KillSwitch,
    /// The step took longer than it may.
    Timeout,
    /// The step used more than it may.
    Budget,
    /// Another step failed, or the engine cannot write down what happens.
    Abandoned,
}

impl Cause {
    fn of(number: u8) -> Option<Self> {
        let all = [
            Self::Cancelled,
            Self::Preempted,
            Self::KillSwitch,
            Self::Timeout,
            Self::Budget,
            Self::Abandoned,
        ];
        all.into_iter().find(|&cause| cause as u8 == number)
    }
}

/// Tells whoever works that it has to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicU8>);

impl CancelToken {
    /// Says to stop. The first cause counts, but that a person cancels counts more.
    pub fn cancel(&self, cause: Cause) {
        if cause == Cause::Cancelled {
            return self.0.store(cause as u8, Ordering::Release);
        }
        let (done, met) = (Ordering::AcqRel, Ordering::Acquire);
        // A failed exchange means that there is a cause already.
        let _ = self.0.compare_exchange(0, cause as u8, done, met);
    }

    /// Why to stop, if so.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        Cause::of(self.0.load(Ordering::Acquire))
    }
}
