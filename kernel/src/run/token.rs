//! Stopping what runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why something has to stop. The first that is said counts.
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
    /// Says to stop, unless that was said already.
    pub fn cancel(&self, cause: Cause) {
        let (done, met) = (Ordering::AcqRel, Ordering::Acquire);
        // The first cause counts, so a failed exchange is as good as one that succeeds.
        let _ = self.0.compare_exchange(0, cause as u8, done, met);
    }

    /// Why to stop, if so.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        Cause::of(self.0.load(Ordering::Acquire))
    }
}
