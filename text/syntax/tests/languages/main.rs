//! Every built-in language on real text: colours, folds, outline, indentation, brackets and
//! objects against fixtures, and what edits, damage and garbage do.

#![expect(missing_docs, reason = "a test is not an interface")]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod damage;
mod edits;
mod fixtures;
mod indents;
mod injections;
mod lines;
mod questions;
mod speed;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use syntax::{Freshness, Haste, Languages, Reach, Span, Syntax};
use text::{CharRange, Positions, Rope};

/// The syntax of a text, parsed to the end.
pub fn parsed(language: &str, rope: &Rope) -> Syntax {
    let language = Languages::builtin().named(language).unwrap();
    let mut syntax = Syntax::new(Some(language));
    parse(&mut syntax, rope);
    syntax
}

/// Brings a syntax up to date, as a worker would.
pub fn parse(syntax: &mut Syntax, rope: &Rope) {
    assert!(syntax.job(rope).is_some(), "there is something to parse");
    while let Some(job) = syntax.job(rope) {
        let answer = job.run(&AtomicBool::new(false), Duration::from_secs(60));
        assert_eq!(answer.stop(), None);
        let installed = syntax.install(answer, rope);
        assert_eq!(installed.freshness, Freshness::Current);
    }
}

/// The colours of a range; none before there is a tree.
pub fn colors_of(syntax: &Syntax, rope: &Rope, range: CharRange) -> Vec<Span> {
    let Some(tree) = syntax.tree() else { return Vec::new() };
    let bytes = rope.byte_of(range.start).0..rope.byte_of(range.end).0;
    let painted = tree.highlights(rope, bytes, Haste::Whole);
    assert_eq!(painted.reach, Reach::Whole);
    painted.spans
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
