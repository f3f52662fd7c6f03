//! The first layer: text that is shown between characters but is not in the document.

use std::ops::Range;
use std::sync::Arc;

use ropey::Rope;

use crate::edit::{Bias, Edit};
use crate::position::CharOffset;

/// Characters from the start of the text with its inlays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InlineOffset(pub usize);

/// Names an inlay to whoever put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InlayId(pub u64);

/// What an inlay is, for the one who draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InlayKind {
    /// A type or parameter name from a language server.
    Hint,
    /// A suggestion that may be accepted.
    Ghost,
    /// What an input method is composing.
    Preedit,
}

/// Text shown at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inlay {
    /// Its owner's name for it.
    pub id: InlayId,
    /// Where it stands; several at one offset stand in the order given.
    pub at: CharOffset,
    /// Whether it stays before what is typed at its offset or goes after it.
    pub bias: Bias,
    /// What it is.
    pub kind: InlayKind,
    /// What is shown; a line feed in it starts a new row.
    pub text: Arc<str>,
}

/// One range replaced by another, in the coordinates of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<T> {
    /// In the text before.
    pub old: Range<T>,
    /// In the text after.
    pub new: Range<T>,
}

/// Where the inlays are. A value: changes make a new one, copies are O(1).
///
/// Queries are O(log k) for k inlays, changes O(k): a few thousand additions at most.
#[derive(Clone, Debug, Default)]
pub struct InlineMap {
    placed: Arc<Vec<Placed>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub inlay: Inlay,
    /// Where it begins.
    pub start: InlineOffset,
    /// Its length in characters; never 0.
    pub chars: usize,
}

impl Placed {
    pub fn end(&self) -> InlineOffset {
        InlineOffset(self.start.0 + self.chars)
    }

    /// Characters of this inlay and all before it.
    fn total(&self) -> usize {
        self.end().0 - self.inlay.at.0
    }
}

impl InlineMap {
    fn place(mut inlays: Vec<Inlay>) -> Self {
        inlays.retain(|inlay| !inlay.text.is_empty());
        inlays.sort_by_key(|inlay| inlay.at);
        let mut total = 0;
        let place = |inlay: Inlay| {
            let start = InlineOffset(inlay.at.0 + total);
            let chars = inlay.text.chars().count();
            total += chars;
            Placed { inlay, start, chars }
        };
        InlineMap { placed: Arc::new(inlays.into_iter().map(place).collect()) }
    }

    pub(super) fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// The inlays, in order of position.
    pub fn inlays(&self) -> impl Iterator<Item = &Inlay> {
        self.placed.iter().map(|placed| &placed.inlay)
    }

    /// How many characters all inlays have.
    pub fn total(&self) -> usize {
        self.placed.last().map_or(0, Placed::total)
    }

    /// Where an offset stands: before the inlays at it, or after them.
    pub fn to_inline(&self, offset: CharOffset, bias: Bias) -> InlineOffset {
        let passed = self.placed.partition_point(|placed| match bias {
            Bias::Before => placed.inlay.at < offset,
            Bias::After => placed.inlay.at <= offset,
        });
        let shift = passed.checked_sub(1).map_or(0, |last| self.placed[last].total());
        InlineOffset(offset.0 + shift)
    }

    /// The offset that stands there; anywhere in an inlay, the offset that it is shown at.
    pub fn to_buffer(&self, offset: InlineOffset) -> CharOffset {
        let passed = self.placed.partition_point(|placed| placed.start <= offset);
        match passed.checked_sub(1).map(|last| &self.placed[last]) {
            None => CharOffset(offset.0),
            Some(last) if offset < last.end() => last.inlay.at,
            Some(last) => CharOffset(offset.0 - last.total()),
        }
    }

    /// After edits of the document, from its text before to its text after.
    pub fn apply(
        &self,
        before: &Rope,
        after: &Rope,
        edits: &[Edit],
    ) -> (InlineMap, Vec<Span<InlineOffset>>) {
        let steps = Steps::new(edits);
        let mut cursor = steps.cursor();
        let moved = self.placed.iter().map(|placed| {
            let inlay = &placed.inlay;
            Inlay { at: cursor.map(inlay.at, inlay.bias), ..inlay.clone() }
        });
        let map = match self.placed.is_empty() {
            true => self.clone(),
            false => InlineMap::place(moved.collect()),
        };
        let span = |step: &Span<CharOffset>| {
            let step = with_line_endings(step, before, after);
            Span { old: self.around(step.old), new: map.around(step.new) }
        };
        let spans = steps.0.iter().map(span).collect();
        (map, spans)
    }

    /// With other inlays instead. Spans cover the offsets where they differ.
    pub fn replace(&self, inlays: Vec<Inlay>) -> (InlineMap, Vec<Span<InlineOffset>>) {
        let after = InlineMap::place(inlays);
        let mut spans = Vec::new();
        let (mut old, mut new) = (self.placed(), after.placed());
        while let Some(at) = [old, new].iter().filter_map(|all| Some(all.first()?.inlay.at)).min() {
            let (here, rest) = old.split_at(old.partition_point(|placed| placed.inlay.at <= at));
            let (there, others) = new.split_at(new.partition_point(|placed| placed.inlay.at <= at));
            if !here.iter().map(|p| &p.inlay).eq(there.iter().map(|p| &p.inlay)) {
                spans.push(Span { old: self.around(at..at), new: after.around(at..at) });
            }
            (old, new) = (rest, others);
        }
        (after, spans)
    }

    /// A range with all inlays at its edges.
    fn around(&self, range: Range<CharOffset>) -> Range<InlineOffset> {
        self.to_inline(range.start, Bias::Before)..self.to_inline(range.end, Bias::After)
    }
}

/// A change with the other half of a CRLF that it stands in, makes or breaks: that character's
/// line changes too.
fn with_line_endings(step: &Span<CharOffset>, before: &Rope, after: &Rope) -> Span<CharOffset> {
    let follows_cr =
        |rope: &Rope, at: CharOffset| at.0 > 0 && rope.get_char(at.0 - 1) == Some('\r');
    let back = usize::from(follows_cr(before, step.old.start));
    let has_cr = follows_cr(before, step.old.end) || follows_cr(after, step.new.end);
    let ahead = usize::from(has_cr && before.get_char(step.old.end.0) == Some('\n'));
    let widen = |range: &Range<CharOffset>| range.start - back..range.end + ahead;
    Span { old: widen(&step.old), new: widen(&step.new) }
}

/// Edits with the lengths and shifts that mapping many offsets needs.
pub(super) struct Steps(pub Vec<Span<CharOffset>>);

impl Steps {
    pub fn new(edits: &[Edit]) -> Self {
        let (mut deleted, mut inserted) = (0, 0);
        let step = |edit: &Edit| {
            let start = CharOffset(edit.range.start.0 + inserted - deleted);
            let length = edit.text.chars().count();
            deleted += edit.range.len();
            inserted += length;
            Span { old: edit.range.start..edit.range.end, new: start..start + length }
        };
        Steps(edits.iter().map(step).collect())
    }

    pub fn cursor(&self) -> StepCursor<'_> {
        StepCursor { steps: &self.0, next: 0 }
    }
}

/// Maps offsets in ascending order, as [`crate::edit::map_through`] does each alone.
pub(super) struct StepCursor<'s> {
    steps: &'s [Span<CharOffset>],
    next: usize,
}

impl StepCursor<'_> {
    pub fn map(&mut self, offset: CharOffset, bias: Bias) -> CharOffset {
        while let Some(step) = self.steps.get(self.next) {
            let Range { start, end } = step.old;
            if offset < start || (offset == start && start < end) {
                break;
            }
            if offset < end || (offset == start && start == end) {
                return match bias {
                    Bias::Before => step.new.start,
                    Bias::After => step.new.end,
                };
            }
            self.next += 1;
        }
        match self.next.checked_sub(1).map(|last| &self.steps[last]) {
            None => offset,
            Some(last) => last.new.end + (offset - last.old.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Transaction, map_through};
    use crate::position::CharRange;
    use crate::seeded::Seeded;

    #[test]
    fn many_offsets_map_as_each_does_alone() {
        let mut random = Seeded::new(21);
        for _ in 0..500 {
            let mut edits = Vec::new();
            let mut at = 0;
            for _ in 0..random.below(5) {
                at += random.below(4);
                let end = at + random.below(4);
                edits.push(Edit::replace(
                    CharRange::new(CharOffset(at), CharOffset(end)),
                    "xyz".split_at(random.below(4)).0,
                ));
                at = end.max(at + 1);
            }
            let edits = Transaction::new(edits).unwrap().into_edits();
            let steps = Steps::new(&edits);
            for bias in [Bias::Before, Bias::After] {
                let mut cursor = steps.cursor();
                for offset in (0..24).map(CharOffset) {
                    assert_eq!(cursor.map(offset, bias), map_through(&edits, offset, bias));
                }
            }
        }
    }

    #[test]
    fn offsets_stand_on_either_side_of_what_is_shown_at_them() {
        let inlay = |id, at, text: &str| Inlay {
            id: InlayId(id),
            at: CharOffset(at),
            bias: Bias::After,
            kind: InlayKind::Hint,
            text: text.into(),
        };
        let (map, spans) = InlineMap::default().replace(vec![
            inlay(1, 2, "ab"),
            inlay(2, 2, "c"),
            inlay(3, 5, "d"),
        ]);
        assert_eq!(spans.len(), 2);
        assert_eq!(map.to_inline(CharOffset(2), Bias::Before), InlineOffset(2));
        assert_eq!(map.to_inline(CharOffset(2), Bias::After), InlineOffset(5));
        assert_eq!(map.to_buffer(InlineOffset(4)), CharOffset(2));
        assert_eq!(map.to_buffer(InlineOffset(9)), CharOffset(5));
        assert_eq!(map.to_buffer(InlineOffset(10)), CharOffset(6));
        let (typed, spans) = map.apply(
            &Rope::from_str("abcdef"),
            &Rope::from_str("abxcdef"),
            &[Edit::insert(CharOffset(2), "x")],
        );
        assert_eq!(typed.to_inline(CharOffset(2), Bias::After), InlineOffset(2));
        assert_eq!(spans[0].old, InlineOffset(2)..InlineOffset(5));
        assert_eq!(spans[0].new, InlineOffset(2)..InlineOffset(6));
    }
}
