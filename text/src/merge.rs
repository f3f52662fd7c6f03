//! Three-way merge: what two sides made of one text, brought together.
//!
//! Both sides are compared with the base line by line. Hunks that do not touch apply. Where hunks
//! touch, both sides are compared again word by word, and apply if their words do not touch
//! either; else ours stays, and the conflict says what theirs was. Nothing is written into the
//! text to mark it.

use ropey::Rope;

use crate::diff::{self, Replacement};
use crate::edit::{Edit, Transaction};
use crate::position::{CharOffset, CharRange, Positions};

/// What a merge came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// Brings into our text what they changed, where that was possible.
    pub transaction: Transaction,
    /// Where both sides changed the same, in order; our text stays there.
    pub conflicts: Vec<Conflict>,
}

/// A place that both sides changed, each in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conflict {
    /// What it was.
    pub base: CharRange,
    /// What we made of it, in our text.
    pub ours: CharRange,
    /// What they made of it, in their text.
    pub theirs: CharRange,
    /// Ours, in the merged text.
    pub merged: CharRange,
}

impl Conflict {
    /// The edit of the merged text that takes their side.
    pub fn take_theirs(&self, theirs: &Rope) -> Edit {
        Edit::replace(self.merged, theirs.slice_of(self.theirs).to_string())
    }
}

/// Brings what they changed since the base into our text.
pub fn merge(base: &Rope, ours: &Rope, theirs: &Rope) -> Merge {
    let lines = |side: &Rope| -> Vec<Replacement> {
        diff::hunks(base, side).iter().map(|hunk| hunk.chars(base, side)).collect()
    };
    let mut edits = Vec::new();
    let mut conflicts = Vec::new();
    let mut left = diff::REFINE_TOTAL;
    for region in regions(&lines(ours), &lines(theirs), Origin::default()) {
        match region.words(base, [ours, theirs], &mut left) {
            Some(own) => edits.extend(own),
            None => conflicts.push(Conflict {
                base: region.base,
                ours: region.ours,
                theirs: region.theirs,
                merged: region.ours,
            }),
        }
    }
    let transaction = Transaction::new(edits).expect("regions do not touch one another");
    for conflict in &mut conflicts {
        let start = transaction.map(conflict.ours.start, crate::edit::Bias::Before);
        conflict.merged = CharRange { start, end: start + conflict.ours.len() };
    }
    Merge { transaction, conflicts }
}

/// Where what is compared starts in each text.
#[derive(Clone, Copy, Default)]
struct Origin {
    base: CharOffset,
    ours: CharOffset,
    theirs: CharOffset,
}

/// Changes that touch one another, and the same place in all three texts.
struct Region {
    base: CharRange,
    ours: CharRange,
    theirs: CharRange,
    sides: Sides,
}

#[derive(Clone, Copy, PartialEq)]
enum Sides {
    Ours,
    Theirs,
    Both,
}

impl Region {
    /// The edits of our text that bring in their side; none if the sides conflict.
    fn words(
        &self,
        base: &Rope,
        [ours, theirs]: [&Rope; 2],
        left: &mut usize,
    ) -> Option<Vec<Edit>> {
        if self.sides == Sides::Ours || ours.slice_of(self.ours) == theirs.slice_of(self.theirs) {
            return Some(Vec::new());
        }
        // Each side spends from the same, so that the answer does not depend on which is which.
        let before = *left;
        let mut words = |side: &Rope, after: CharRange| {
            let mut own = before;
            let hunk = Replacement { before: self.base, after };
            let found = diff::refine_within(base, side, hunk, &mut own);
            *left = own.min(*left);
            found
        };
        let [our_words, their_words] = [words(ours, self.ours), words(theirs, self.theirs)];
        let origin =
            Origin { base: self.base.start, ours: self.ours.start, theirs: self.theirs.start };
        let mut edits = Vec::new();
        for region in regions(&our_words, &their_words, origin) {
            let text = theirs.slice_of(region.theirs);
            match region.sides {
                Sides::Ours => {}
                Sides::Theirs => edits.push(Edit::replace(region.ours, text.to_string())),
                Sides::Both if ours.slice_of(region.ours) == text => {}
                Sides::Both => return None,
            }
        }
        Some(edits)
    }
}

/// Groups the changes of both sides that touch one another. Changes of one side never do.
fn regions(
    ours: &[Replacement],
    theirs: &[Replacement],
    origin: Origin,
) -> impl Iterator<Item = Region> {
    let mut ours = ours.iter().peekable();
    let mut theirs = theirs.iter().peekable();
    // Up to where each text is told, at one place of the base.
    let mut told = origin;
    std::iter::from_fn(move || {
        let first = [ours.peek(), theirs.peek()].into_iter().flatten();
        let start = first.map(|change| change.before.start).min()?;
        let skipped = start - told.base;
        let from = Origin { base: start, ours: told.ours + skipped, theirs: told.theirs + skipped };
        let mut end = start;
        let (mut our_last, mut their_last) = (None, None);
        loop {
            if let Some(change) = ours.next_if(|change| change.before.start <= end) {
                end = end.max(change.before.end);
                our_last = Some(change);
            } else if let Some(change) = theirs.next_if(|change| change.before.start <= end) {
                end = end.max(change.before.end);
                their_last = Some(change);
            } else {
                break;
            }
        }
        let side = |from: CharOffset, last: Option<&Replacement>| CharRange {
            start: from,
            end: match last {
                Some(last) => last.after.end + (end - last.before.end),
                None => from + (end - start),
            },
        };
        let region = Region {
            base: CharRange { start, end },
            ours: side(from.ours, our_last),
            theirs: side(from.theirs, their_last),
            sides: match (our_last, their_last) {
                (Some(_), Some(_)) => Sides::Both,
                (Some(_), None) => Sides::Ours,
                (None, _) => Sides::Theirs,
            },
        };
        told = Origin { base: end, ours: region.ours.end, theirs: region.theirs.end };
        Some(region)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn merged(base: &str, ours: &str, theirs: &str) -> (String, Merge) {
        let [base, mut ours, theirs] = [base, ours, theirs].map(Rope::from_str);
        let merge = merge(&base, &ours, &theirs);
        merge.transaction.apply_to(&mut ours);
        (ours.to_string(), merge)
    }

    #[test]
    fn changes_apart_both_apply() {
        let base = "one\ntwo\nthree\nfour\nfive\n";
        let (text, merge) =
            merged(base, "ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nfive\nsix\n");
        assert_eq!(text, "ONE\ntwo\nthree\nfour\nfive\nsix\n");
        assert!(merge.conflicts.is_empty());
        assert_eq!(merge.transaction.edits().len(), 1);
    }

    #[test]
    fn two_words_of_one_line_both_apply() {
        let (text, merge) = merged("let a = b + c;\n", "let x = b + c;\n", "let a = b + y;\n");
        assert_eq!(text, "let x = b + y;\n");
        assert!(merge.conflicts.is_empty());
    }

    #[test]
    fn one_word_changed_in_two_ways_keeps_ours_and_tells_theirs() {
        let (text, merge) = merged("a\nkeep\nz\n", "a\nours\nz\n", "new\na\ntheirs\nz\n");
        assert_eq!(text, "new\na\nours\nz\n");
        let [conflict] = merge.conflicts[..] else { panic!("{:?}", merge.conflicts) };
        let mut rope = Rope::from_str(&text);
        assert_eq!(rope.slice_of(conflict.merged), "ours\n");
        let theirs = Rope::from_str("new\na\ntheirs\nz\n");
        Transaction::single(conflict.take_theirs(&theirs)).apply_to(&mut rope);
        assert_eq!(rope, "new\na\ntheirs\nz\n");
    }

    #[test]
    fn insertions_at_one_place_conflict_unless_they_are_the_same() {
        assert_eq!(merged("a\n", "a\nb\n", "a\nc\n").1.conflicts.len(), 1);
        let (text, merge) = merged("a\n", "a\nb\n", "a\nb\n");
        assert_eq!((text.as_str(), merge), ("a\nb\n", Merge::default()));
    }

    #[test]
    fn the_laws_of_merging_hold() {
        let mut random = Seeded::new(0x3e26e);
        let parts = ["a ", "b ", "\n", "\r\n", "عربي ", "x(1)", "same\n", "other\n"];
        let change = |random: &mut Seeded, base: &[&'static str]| {
            let mut text = base.to_vec();
            for _ in 0..random.below(4) {
                let at = random.below(text.len() + 1);
                let end = (at + random.below(3)).min(text.len());
                let new: Vec<_> = (0..random.below(3)).map(|_| *random.pick(&parts)).collect();
                text.splice(at..end, new);
            }
            text.concat()
        };
        let mut clean = 0;
        for _ in 0..3000 {
            let base: Vec<&str> = (0..random.below(40)).map(|_| *random.pick(&parts)).collect();
            let (o, t) = (change(&mut random, &base), change(&mut random, &base));
            let b = base.concat();
            assert_eq!(merged(&b, &b, &t).0, t);
            assert_eq!(merged(&b, &o, &b), (o.clone(), Merge::default()));
            assert_eq!(merged(&b, &o, &o), (o.clone(), Merge::default()));
            let (text, one) = merged(&b, &o, &t);
            let (other_text, other) = merged(&b, &t, &o);
            let sides = |merge: &Merge| -> Vec<_> {
                merge.conflicts.iter().map(|c| (c.base, c.ours, c.theirs)).collect()
            };
            let swapped: Vec<_> = sides(&other).into_iter().map(|(b, o, t)| (b, t, o)).collect();
            assert_eq!(sides(&one), swapped);
            let [our_text, merged_text] = [&o, &text].map(|text| Rope::from_str(text));
            for conflict in &one.conflicts {
                let kept = merged_text.slice_of(conflict.merged);
                assert_eq!(kept, our_text.slice_of(conflict.ours));
            }
            if one.conflicts.is_empty() {
                clean += 1;
                assert_eq!(text, other_text);
            }
        }
        assert!(clean > 500, "only {clean} of 3000 merged without a conflict");
    }
}
