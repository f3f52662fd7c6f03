//! Counts of values by their size, in fixed memory: each doubling has eight buckets, so that a
//! value is known within a sixteenth of itself (as HdrHistogram has it, hdrhistogram.org).
//!
//! [`Live`] is counted by any thread without waiting; [`Figures`] is what one thread owns.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Buckets of each doubling, as a power of two.
const PART_BITS: u32 = 3;
const PARTS: usize = 1 << PART_BITS;

/// Greater values count as this: twelve days in microseconds.
const VALUE_MAX: u64 = (1 << 40) - 1;

/// Buckets of one histogram.
pub(super) const BUCKETS: usize = PARTS + (40 - PART_BITS as usize) * PARTS;

/// Counted by all threads, taken by one.
pub(super) struct Live {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

/// Counts that were taken; zero at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    counts: Vec<u64>,
    /// Of all values.
    pub(super) sum: u64,
    /// The greatest value.
    pub(super) max: u64,
}

/// The bucket of a value.
fn bucket(value: u64) -> usize {
    let value = value.min(VALUE_MAX);
    if value < PARTS as u64 {
        return value as usize;
    }
    let exponent = value.ilog2();
    let part = (value >> (exponent - PART_BITS)) as usize % PARTS;
    (exponent - PART_BITS + 1) as usize * PARTS + part
}

/// The least value of a bucket.
fn least(bucket: usize) -> u64 {
    if bucket < PARTS {
        return bucket as u64;
    }
    let (shift, part) = (bucket / PARTS - 1, bucket % PARTS);
    ((PARTS + part) as u64) << shift
}

impl Live {
    /// Nothing counted.
    pub(super) const fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }

    /// Counts a value. It waits for nobody.
    pub(super) fn count(&self, value: u64) {
        let value = value.min(VALUE_MAX);
        self.counts[bucket(value)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    /// Moves what was counted into `figures`. A value that is counted meanwhile comes now or later;
    /// none comes twice.
    pub(super) fn take_into(&self, figures: &mut Figures) {
        for (count, live) in figures.counts.iter_mut().zip(&self.counts) {
            *count = count.saturating_add(live.swap(0, Ordering::Relaxed));
        }
        figures.sum = figures.sum.saturating_add(self.sum.swap(0, Ordering::Relaxed));
        figures.max = figures.max.max(self.max.swap(0, Ordering::Relaxed));
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], sum: 0, max: 0 }
    }
}

impl Figures {
    /// Without buckets yet.
    pub(super) fn of(sum: u64, max: u64) -> Self {
        Self { sum, max, ..Self::default() }
    }

    /// Counts a value.
    pub(super) fn count(&mut self, value: u64) {
        let value = value.min(VALUE_MAX);
        self.add(bucket(value), 1);
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
    }

    /// Adds to a bucket; there is no such bucket beyond the last.
    pub(super) fn add(&mut self, bucket: usize, count: u64) {
        if let Some(own) = self.counts.get_mut(bucket) {
            *own = own.saturating_add(count);
        }
    }

    /// Adds what others counted.
    pub(super) fn join(&mut self, other: &Self) {
        other.filled().for_each(|(bucket, count)| self.add(bucket, count));
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// The buckets that hold something, in order.
    pub(super) fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// How many values there were.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The value that `share` of all values do not pass: the middle of its bucket, and never more
    /// than the greatest value; `None` without values.
    pub(super) fn quantile(&self, share: f64) -> Option<u64> {
        let total = self.total();
        let rank = ((total as f64 * share).ceil() as u64).clamp(1, total.max(1));
        let mut below = 0_u64;
        for (bucket, count) in self.filled() {
            below = below.saturating_add(count);
            if below >= rank {
                let (low, next) = (least(bucket), least(bucket + 1));
                return Some((low + (next - low) / 2).min(self.max.max(low)));
            }
        }
        None
    }

    /// `{"count", "mean", "p50", "p95", "p99", "max"}`; `null` where there is no value.
    pub(super) fn to_json(&self) -> Value {
        let total = self.total();
        let known = total > 0;
        json!({
            "count": total,
            "mean": known.then(|| self.sum / total),
            "p50": self.quantile(0.5),
            "p95": self.quantile(0.95),
            "p99": self.quantile(0.99),
            "max": known.then_some(self.max),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_values_between_its_least_and_the_next_ones() {
        for at in 0..BUCKETS {
            assert_eq!(bucket(least(at)), at);
            assert!(at == 0 || bucket(least(at) - 1) == at - 1);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket(VALUE_MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_right_within_a_sixteenth() {
        let mut figures = Figures::default();
        assert_eq!(figures.quantile(0.5), None);
        for value in 1..=100_000 {
            figures.count(value);
        }
        for (share, exact) in [(0.5, 50_000.0), (0.95, 95_000.0), (0.99, 99_000.0)] {
            let got = figures.quantile(share).unwrap() as f64;
            assert!((got - exact).abs() <= exact / 16.0, "{share}: {got}");
        }
        assert_eq!(figures.max, 100_000);
        assert_eq!(figures.to_json()["mean"], 50_000);
        let mut one = Figures::default();
        one.count(1_000_003);
        assert!(one.quantile(0.99).unwrap() <= 1_000_003);
    }

    #[test]
    fn what_many_threads_count_is_taken_once() {
        static LIVE: Live = Live::new();
        let mut figures = Figures::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|value| LIVE.count(value)));
            }
            for _ in 0..50 {
                LIVE.take_into(&mut figures);
            }
        });
        LIVE.take_into(&mut figures);
        LIVE.take_into(&mut figures);
        assert_eq!(figures.total(), 40_000);
        assert_eq!(figures.sum, 4 * 10_000 * 9_999 / 2);
        assert_eq!(figures.max, 9_999);
    }
}
