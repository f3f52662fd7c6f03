//! The rope as the regex engine reads it, with a way to stop.
//!
//! The engine cannot be asked to stop, and must not be told that the text ends where it does not:
//! its reverse pass then misses what its forward pass found, and panics. So a chunk cursor that
//! finds the search cancelled unwinds, past the engine, to `run`. No panic hook sees that, and
//! nothing survives it: the engine's cache is dropped with the search.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use regex_cursor::{Cursor, RopeyCursor};
use ropey::Rope;

/// When a search stops before its end. By default never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits<'a> {
    /// Set by somebody else when the answer is no longer wanted.
    pub cancel: Option<&'a AtomicBool>,
    /// When it has taken too long.
    pub deadline: Option<Instant>,
}

/// Why a search did not reach its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The flag was set.
    Cancelled,
    /// The deadline passed.
    TimedOut,
    /// The regex engine failed on this pattern and text; what it said is in the log.
    Failed,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stopped::Cancelled => "the search was cancelled",
            Stopped::TimedOut => "the search took too long and was stopped",
            Stopped::Failed => "the search failed on this pattern",
        })
    }
}

impl std::error::Error for Stopped {}

impl Limits<'_> {
    /// Whether to stop now.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Stopped::Cancelled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Stopped::TimedOut);
        }
        Ok(())
    }
}

/// Runs a search over guarded chunks; what stops it, or a panic of the engine, becomes a value.
pub(super) fn run<T>(search: impl FnOnce() -> T) -> Result<T, Stopped> {
    // What the closure borrows is the engine's cache alone, and callers drop that on an error.
    catch_unwind(AssertUnwindSafe(search)).map_err(|payload: Box<dyn Any + Send>| {
        payload.downcast_ref::<Stopped>().copied().unwrap_or(Stopped::Failed)
    })
}

/// The chunks of a rope, which stop when the limits say so.
pub(super) struct Guarded<'a> {
    chunks: RopeyCursor<'a>,
    limits: Limits<'a>,
    steps: u32,
}

/// Chunks read between two looks at the limits; a chunk is about 1 KB.
const STEPS: u32 = 16;

impl<'a> Guarded<'a> {
    /// The chunks of a rope, at the one that holds a byte.
    pub(super) fn at(rope: &'a Rope, byte: usize, limits: Limits<'a>) -> Self {
        Guarded { chunks: RopeyCursor::at(rope.slice(..), byte), limits, steps: 0 }
    }

    fn step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS)
            && let Err(stopped) = self.limits.check()
        {
            resume_unwind(Box::new(stopped));
        }
    }
}

impl Cursor for Guarded<'_> {
    fn chunk(&self) -> &[u8] {
        self.chunks.chunk()
    }

    fn advance(&mut self) -> bool {
        self.step();
        self.chunks.advance()
    }

    fn backtrack(&mut self) -> bool {
        self.step();
        self.chunks.backtrack()
    }

    fn utf8_aware(&self) -> bool {
        true
    }

    fn total_bytes(&self) -> Option<usize> {
        self.chunks.total_bytes()
    }

    fn offset(&self) -> usize {
        self.chunks.offset()
    }
}
