//! How long it takes until what is written here is durable on every device that is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Times that are kept.
const KEPT: usize = 1024;
/// Batches that are timed at once; while more are on their way, the newer ones are not.
const TIMED_MAX: usize = 1024;

/// Times from a batch to the last acknowledgement of it.
#[derive(Default)]
pub struct Convergence {
    /// Which batch, as the count of batches up to it, and since when.
    waiting: VecDeque<(u64, Instant)>,
    times: VecDeque<Duration>,
}

impl Convergence {
    /// So many batches are written by now.
    pub fn wrote(&mut self, count: u64, now: Instant) {
        let is_new = self.waiting.back().is_none_or(|(last, _)| *last < count);
        if is_new && self.waiting.len() < TIMED_MAX {
            self.waiting.push_back((count, now));
        }
    }

    /// Every device that is there has so many of them; `None` if none is there.
    pub fn came(&mut self, count: Option<u64>, now: Instant) {
        let Some(count) = count else {
            // Whoever is away is not waited for.
            return self.waiting.clear();
        };
        while let Some((_, since)) = self.waiting.front().filter(|(it, _)| *it <= count) {
            self.times.push_back(now.duration_since(*since));
            self.waiting.pop_front();
            if self.times.len() > KEPT {
                self.times.pop_front();
            }
        }
    }

    /// The time within which so large a part of all came, in milliseconds; `None` without any.
    pub fn percentile(&self, part: f64) -> Option<f64> {
        let mut sorted: Vec<Duration> = self.times.iter().copied().collect();
        sorted.sort_unstable();
        let at = ((sorted.len().checked_sub(1)?) as f64 * part).round() as usize;
        Some((sorted[at].as_secs_f64() * 100_000.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_the_batch_to_its_acknowledgement() {
        let (mut it, start) = (Convergence::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(it.percentile(0.5), None);
        it.wrote(1, at(0));
        it.wrote(1, at(3));
        it.wrote(2, at(10));
        it.came(Some(1), at(4));
        it.came(Some(2), at(40));
        assert_eq!((it.percentile(0.0), it.percentile(1.0)), (Some(4.0), Some(30.0)));
        it.wrote(3, at(50));
        it.came(None, at(60));
        it.came(Some(3), at(9_000));
        assert_eq!(it.percentile(1.0), Some(30.0), "nobody was there to wait for");
    }
}
