//! Many values of one quantity.

use std::time::Duration;

/// Values in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a value.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds a time, in milliseconds.
    pub fn push_ms(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1e3);
    }

    /// The value that `share` (0 to 1) of all are at or below: nearest rank, so that it is one of
    /// those measured. NaN if there is none.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).or(sorted.last()).copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.percentile(1.0)
    }
}

/// Runs `a` and `b` in turns, so that a slow spell of the machine meets both.
pub fn paired<E>(
    rounds: usize,
    mut a: impl FnMut() -> Result<f64, E>,
    mut b: impl FnMut() -> Result<f64, E>,
) -> Result<(Samples, Samples), E> {
    let (mut of_a, mut of_b) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        of_a.push(a()?);
        of_b.push(b()?);
    }
    Ok((of_a, of_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let samples = Samples((1..=200).map(f64::from).collect());
        assert_eq!((samples.median(), samples.percentile(0.99), samples.max()), (100., 198., 200.));
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn paired_runs_alternate() {
        let order = std::cell::RefCell::new(String::new());
        let turn = |name| {
            order.borrow_mut().push(name);
            Ok::<_, ()>(1.0)
        };
        paired(2, || turn('a'), || turn('b')).unwrap();
        assert_eq!(*order.borrow(), "abab");
    }
}
