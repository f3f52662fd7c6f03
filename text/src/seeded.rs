//! The random numbers of tests: splitmix64 from a seed that is printed and can be replayed.

/// A generator; equal seeds give equal runs.
#[derive(Clone)]
pub(crate) struct Seeded(u64);

impl Seeded {
    /// Takes the seed from `HEARTH_SEED` where it is set, and prints what it took.
    pub(crate) fn new(default: u64) -> Self {
        let seed =
            std::env::var("HEARTH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
        eprintln!("HEARTH_SEED={seed}");
        Seeded(seed)
    }

    /// The next 64 bits (Vigna's splitmix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
