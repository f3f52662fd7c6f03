//! Numbers that look random and can be had again.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// A splitmix64 generator (Steele, Lea and Flood 2014).
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed that `HEARTH_SEED` gives, else one from the clock. It is printed either way, so
    /// that a failing run can be had again.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "cargo shows it beside the test that failed")]
    pub fn of_run(test: &str) -> Self {
        let given = env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_nanos());
        let seed = given.unwrap_or_else(|| clock() as u64);
        println!("{test}: HEARTH_SEED={seed}");
        Self(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it gives no Option")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One of `these`, which are not none.
    pub fn pick<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_published_numbers() {
        // The first outputs of splitmix64 from 0, as its reference implementation gives them.
        let mut seed = Seed(0);
        assert_eq!([seed.next(), seed.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }
}
