//! Every built-in language on real text: colours, folds, outline, indentation, brackets and
//! objects against fixtures, and what edits, damage and garbage do.

#![expect(missing_docs, reason = "a test is not an interface")]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod damage;
mod edits;
mod fixtures;
mod indents;
mod questions;
mod speed;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use syntax::{Freshness, Languages, Syntax};
use text::Rope;

/// The syntax of a text, parsed to the end.
pub fn parsed(language: &str, rope: &Rope) -> Syntax {
    let language = Languages::builtin().named(language).unwrap();
    let mut syntax = Syntax::new(Some(language));
    parse(&mut syntax, rope);
    syntax
}

/// Brings a syntax up to date, as a worker would.
pub fn parse(syntax: &mut Syntax, rope: &Rope) {
    let job = syntax.job(rope).expect("there is something to parse");
    let answer = job.run(&AtomicBool::new(false), Duration::from_secs(60));
    assert_eq!(answer.stop(), None);
    let installed = syntax.install(answer, rope);
    assert_eq!(installed.freshness, Freshness::Current);
}

/// A small generator of pseudo-random numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// From `HEARTH_SEED`, or from the clock; printed, so that a failure can be replayed.
    pub fn from_environment() -> Self {
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64);
        let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(clock);
        eprintln!("HEARTH_SEED={seed}");
        Random(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }
}
