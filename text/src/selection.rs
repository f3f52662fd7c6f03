//! Selections as values: an anchor, a head, and never two that overlap.

use smallvec::{SmallVec, smallvec};

use crate::edit::{Bias, Edit, map_through};
use crate::position::{CharOffset, CharRange};

/// In which of two rows a caret is shown that stands where a line is wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// At the end of the upper one, with what is before it.
    Upstream,
    /// At the start of the lower one, with what is after it.
    #[default]
    Downstream,
}

/// An offset together with the side on which a caret is shown there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The offset.
    pub at: CharOffset,
    /// The side.
    pub affinity: Affinity,
}

impl From<CharOffset> for Place {
    fn from(at: CharOffset) -> Self {
        Place { at, affinity: Affinity::Downstream }
    }
}

/// One cursor with what it has selected; empty when anchor and head meet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// Where it started.
    pub anchor: CharOffset,
    /// Where the caret is.
    pub head: CharOffset,
    /// The side on which it is shown where a line is wrapped; forgotten when the text changes.
    pub affinity: Affinity,
    /// The column that vertical movement returns to, in display cells; forgotten by any other
    /// movement.
    pub goal: Option<f32>,
}

impl Selection {
    /// A selection from where it started to where the caret is.
    pub fn new(anchor: CharOffset, head: CharOffset) -> Self {
        Selection { anchor, head, affinity: Affinity::Downstream, goal: None }
    }

    /// Where the caret is shown.
    pub fn place(self) -> Place {
        Place { at: self.head, affinity: self.affinity }
    }

    /// A caret with nothing selected.
    pub fn caret(at: CharOffset) -> Self {
        Selection::new(at, at)
    }

    /// What is selected, whichever way it was made.
    pub fn range(self) -> CharRange {
        CharRange::new(self.anchor, self.head)
    }

    /// Whether it is a caret alone.
    pub fn is_caret(self) -> bool {
        self.anchor == self.head
    }

    /// The same selection with its head elsewhere; the anchor follows unless it is extended.
    pub fn moved(self, head: impl Into<Place>, movement: Movement) -> Self {
        let Place { at, affinity } = head.into();
        let moved = match movement {
            Movement::Move => Selection::caret(at),
            Movement::Extend => Selection::new(self.anchor, at),
        };
        Selection { affinity, ..moved }
    }

    /// Where it stands after edits. A caret goes to that side of what is inserted at it; the
    /// edges of a selection keep out what is inserted beside it.
    pub fn mapped(self, edits: &[Edit], caret: Bias) -> Self {
        if self.is_caret() {
            return Selection::caret(map_through(edits, self.head, caret));
        }
        let range = self.range();
        let start = map_through(edits, range.start, Bias::After);
        let end = map_through(edits, range.end, Bias::Before).max(start);
        match self.anchor <= self.head {
            true => Selection::new(start, end),
            false => Selection::new(end, start),
        }
    }
}

/// Whether a movement leaves the anchor behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The caret moves and nothing is selected.
    Move,
    /// The anchor stays and the selection grows or shrinks.
    Extend,
}

/// All cursors of a view: at least one, in order of position, none touching another.
#[derive(Clone, Debug, PartialEq)]
pub struct Selections {
    all: SmallVec<[Selection; 1]>,
    primary: usize,
}

impl Default for Selections {
    fn default() -> Self {
        Selections::single(Selection::caret(CharOffset(0)))
    }
}

impl Selections {
    /// One selection.
    pub fn single(selection: Selection) -> Self {
        Selections { all: smallvec![selection], primary: 0 }
    }

    /// Several; those that overlap or share a caret become one. `primary` indexes `all`.
    /// An empty list gives a caret at the start of the text.
    pub fn new(all: impl IntoIterator<Item = Selection>, primary: usize) -> Self {
        let mut marked: Vec<(Selection, bool)> =
            all.into_iter().enumerate().map(|(index, one)| (one, index == primary)).collect();
        marked.sort_by_key(|(one, _)| (one.range().start, one.range().end));
        let mut merged: Vec<(Selection, bool)> = Vec::with_capacity(marked.len());
        for (next, is_primary) in marked {
            match merged.last_mut() {
                Some((last, last_primary)) if meet(*last, next) => {
                    *last = union(*last, next);
                    *last_primary |= is_primary;
                }
                _ => merged.push((next, is_primary)),
            }
        }
        if merged.is_empty() {
            return Selections::default();
        }
        let primary = merged.iter().position(|(_, is_primary)| *is_primary).unwrap_or(0);
        Selections { all: merged.into_iter().map(|(one, _)| one).collect(), primary }
    }

    /// The one that the view follows.
    pub fn primary(&self) -> Selection {
        self.all[self.primary]
    }

    /// Where the primary one stands in [`Selections::iter`].
    pub fn primary_index(&self) -> usize {
        self.primary
    }

    /// All of them, in order of position.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Selection> + ExactSizeIterator + '_ {
        self.all.iter().copied()
    }

    /// How many there are; never zero.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Each one replaced, then brought back in order.
    pub fn map(&self, change: impl FnMut(Selection) -> Selection) -> Self {
        Selections::new(self.iter().map(change), self.primary)
    }

    /// Where they stand after edits; see [`Selection::mapped`].
    pub fn mapped(&self, edits: &[Edit], caret: Bias) -> Self {
        self.map(|selection| selection.mapped(edits, caret))
    }

    /// With one more, which becomes the primary one.
    pub fn with(&self, selection: Selection) -> Self {
        let all: SmallVec<[Selection; 1]> = self.iter().chain(std::iter::once(selection)).collect();
        let primary = all.len() - 1;
        Selections::new(all, primary)
    }

    /// The primary one alone.
    pub fn only_primary(&self) -> Self {
        Selections::single(self.primary())
    }
}

fn meet(a: Selection, b: Selection) -> bool {
    let (first, second) = (a.range(), b.range());
    let touches = first.end == second.start && (first.is_empty() || second.is_empty());
    second.start < first.end || touches
}

/// The union of two selections that meet, pointing the way of the first.
fn union(a: Selection, b: Selection) -> Selection {
    let start = a.range().start.min(b.range().start);
    let end = a.range().end.max(b.range().end);
    let forward = if a.is_caret() { b.anchor <= b.head } else { a.anchor <= a.head };
    if forward { Selection::new(start, end) } else { Selection::new(end, start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(anchor: usize, head: usize) -> Selection {
        Selection::new(CharOffset(anchor), CharOffset(head))
    }

    #[test]
    fn selections_that_meet_become_one_and_keep_the_primary() {
        let all = Selections::new([selection(8, 4), selection(0, 2), selection(5, 9)], 2);
        assert_eq!(all.len(), 2);
        assert_eq!(all.primary(), selection(9, 4));
        let carets = Selections::new([selection(3, 3), selection(3, 3)], 1);
        assert_eq!(carets.len(), 1);
    }

    #[test]
    fn neighbours_that_only_touch_stay_two() {
        assert_eq!(Selections::new([selection(0, 2), selection(2, 4)], 0).len(), 2);
    }

    #[test]
    fn a_caret_follows_what_is_typed_at_it_and_a_selection_keeps_it_out() {
        let typed = [Edit::insert(CharOffset(4), "ab")];
        assert_eq!(selection(4, 4).mapped(&typed, Bias::After), selection(6, 6));
        assert_eq!(selection(4, 4).mapped(&typed, Bias::Before), selection(4, 4));
        assert_eq!(selection(4, 6).mapped(&typed, Bias::After), selection(6, 8));
        assert_eq!(selection(4, 2).mapped(&typed, Bias::After), selection(4, 2));
    }
}
