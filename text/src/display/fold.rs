//! The second layer: ranges that are hidden behind a placeholder.

use std::sync::Arc;

use ropey::Rope;

use super::inline::{InlineMap, InlineOffset, Span, Steps};
use crate::edit::{Bias, Edit};
use crate::position::{CharOffset, CharRange, Line, Positions};

/// Characters from the start of what folds leave to see; a placeholder counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldOffset(pub usize);

/// A line of what folds leave to see, from 0: one line of the document, or several that folds
/// join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldLine(pub usize);

/// What is folded. A value: changes make a new one, copies are O(1).
///
/// Folds may lie in one another: unfolding the outer one leaves the inner one folded. Queries are
/// O(log k) for k folds; an edit moves those behind it, a fold places all of them anew.
#[derive(Clone, Debug, Default)]
pub struct FoldMap {
    /// By start, then the longest first; none empty, none twice.
    folds: Arc<Vec<CharRange>>,
    hidden: Arc<Vec<Hidden>>,
}

/// A union of folds that overlap.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    pub range: CharRange,
    pub start: InlineOffset,
    pub end: InlineOffset,
    /// Where its placeholder stands.
    pub placeholder: FoldOffset,
    /// The line that its placeholder stands in.
    line: FoldLine,
    /// Line breaks hidden by this one and all before it.
    lines: usize,
}

impl FoldMap {
    /// The map of these folds over a text and its inlays.
    pub fn new(rope: &Rope, inline: &InlineMap, mut folds: Vec<CharRange>) -> Self {
        let end = rope.end();
        for fold in &mut folds {
            *fold = CharRange { start: fold.start.min(end), end: fold.end.min(end) };
        }
        let folds = ordered(folds);
        let mut placing = Placing::after(&[]);
        placing.place(rope, inline, &folds);
        FoldMap { folds: Arc::new(folds), hidden: Arc::new(placing.hidden) }
    }

    pub(super) fn hidden(&self) -> &[Hidden] {
        &self.hidden
    }

    /// Every fold, by start; those inside others too.
    pub fn folds(&self) -> &[CharRange] {
        &self.folds
    }

    /// Line breaks that are hidden.
    pub fn hidden_lines(&self) -> usize {
        self.hidden.last().map_or(0, |last| last.lines)
    }

    /// What is hidden, a piece for each placeholder.
    pub fn placeholders(&self) -> impl Iterator<Item = CharRange> {
        self.hidden.iter().map(|hidden| hidden.range)
    }

    /// Where an offset stands; inside a fold, before its placeholder or after it.
    pub fn to_fold(&self, offset: InlineOffset, bias: Bias) -> FoldOffset {
        let passed = self.hidden.partition_point(|hidden| hidden.end <= offset);
        if let Some(inside) = self.hidden.get(passed).filter(|hidden| hidden.start < offset) {
            return match bias {
                Bias::Before => inside.placeholder,
                Bias::After => FoldOffset(inside.placeholder.0 + 1),
            };
        }
        match passed.checked_sub(1).map(|last| &self.hidden[last]) {
            None => FoldOffset(offset.0),
            Some(last) => FoldOffset(last.placeholder.0 + 1 + (offset.0 - last.end.0)),
        }
    }

    /// The offset that stands there.
    pub fn to_inline(&self, offset: FoldOffset) -> InlineOffset {
        let passed = self.hidden.partition_point(|hidden| hidden.placeholder < offset);
        match passed.checked_sub(1).map(|last| &self.hidden[last]) {
            None => InlineOffset(offset.0),
            Some(last) => InlineOffset(last.end.0 + (offset.0 - last.placeholder.0 - 1)),
        }
    }

    /// The line that shows an offset, or the placeholder that hides it.
    pub fn line_of(&self, rope: &Rope, offset: CharOffset) -> FoldLine {
        let passed = self.hidden.partition_point(|hidden| hidden.range.end <= offset);
        if let Some(inside) = self.hidden.get(passed).filter(|h| h.range.start < offset) {
            return inside.line;
        }
        let lines = passed.checked_sub(1).map_or(0, |last| self.hidden[last].lines);
        FoldLine(rope.line_of(offset).0 - lines)
    }

    /// The line of the document that a line begins with.
    pub fn first_line(&self, line: FoldLine) -> Line {
        let passed = self.hidden.partition_point(|hidden| hidden.line < line);
        Line(line.0 + passed.checked_sub(1).map_or(0, |last| self.hidden[last].lines))
    }

    /// After edits of the document, which the layer below saw as `spans`.
    ///
    /// What is typed at either edge of a fold stays out of it; a fold whose text is gone is gone.
    pub fn apply(
        &self,
        rope: &Rope,
        inline: &InlineMap,
        edits: &[Edit],
        spans: &[Span<InlineOffset>],
    ) -> (FoldMap, Vec<Span<FoldOffset>>) {
        let (Some(first), Some(last)) = (edits.first(), edits.last()) else {
            return (self.clone(), Vec::new());
        };
        // What is hidden wholly before the edits stays, what is wholly after them moves as one.
        let head = self.hidden.partition_point(|hidden| hidden.range.end < first.range.start);
        let tail = self.hidden.partition_point(|hidden| hidden.range.start <= last.range.end);
        let fold_of = |hidden: usize| match self.hidden.get(hidden) {
            Some(hidden) => self.folds.partition_point(|fold| fold.start < hidden.range.start),
            None => self.folds.len(),
        };
        let (from, to) = (fold_of(head), fold_of(tail));
        let middle = ordered(moved(&self.folds[from..to], &Steps::new(edits)));
        let mut placing = Placing::after(&self.hidden[..head]);
        placing.place(rope, inline, &middle);
        let shift = placing.tail(rope, inline, &self.hidden[tail..], edits);
        let folds = [&self.folds[..from], &middle].concat();
        let folds = folds.into_iter().chain(self.folds[to..].iter().map(|fold| shift.range(*fold)));
        let after = FoldMap { folds: Arc::new(folds.collect()), hidden: Arc::new(placing.hidden) };
        let spans = after.spans_from(self, spans);
        (after, spans)
    }

    /// After other inlays came into the layer below.
    pub fn reflow(
        &self,
        rope: &Rope,
        inline: &InlineMap,
        spans: &[Span<InlineOffset>],
    ) -> (FoldMap, Vec<Span<FoldOffset>>) {
        let after = FoldMap::new(rope, inline, self.folds.to_vec());
        let spans = after.spans_from(self, spans);
        (after, spans)
    }

    /// With other folds, over the same text. Spans cover what was shown or hidden by it.
    pub fn replace(
        &self,
        rope: &Rope,
        inline: &InlineMap,
        folds: Vec<CharRange>,
    ) -> (FoldMap, Vec<Span<FoldOffset>>) {
        let after = FoldMap::new(rope, inline, folds);
        let mut changed: Vec<CharRange> = self
            .placeholders()
            .filter(|range| !after.hides(*range))
            .chain(after.placeholders().filter(|range| !self.hides(*range)))
            .collect();
        changed.sort_by_key(|range| (range.start, range.end));
        let mut spans: Vec<Span<InlineOffset>> = Vec::new();
        for range in changed {
            let start = inline.to_inline(range.start, Bias::Before);
            let end = inline.to_inline(range.end, Bias::After);
            match spans.last_mut() {
                Some(last) if start <= last.old.end => {
                    let end = last.old.end.max(end);
                    (last.old.end, last.new.end) = (end, end);
                }
                _ => spans.push(Span { old: start..end, new: start..end }),
            }
        }
        let spans = after.spans_from(self, &spans);
        (after, spans)
    }

    /// Whether exactly this range has a placeholder.
    fn hides(&self, range: CharRange) -> bool {
        let at = self.hidden.partition_point(|hidden| hidden.range.start < range.start);
        self.hidden.get(at).is_some_and(|hidden| hidden.range == range)
    }

    fn spans_from(&self, old: &FoldMap, spans: &[Span<InlineOffset>]) -> Vec<Span<FoldOffset>> {
        let through = |map: &FoldMap, range: &std::ops::Range<InlineOffset>| {
            map.to_fold(range.start, Bias::Before)..map.to_fold(range.end, Bias::After)
        };
        let span = |span: &Span<InlineOffset>| Span {
            old: through(old, &span.old),
            new: through(self, &span.new),
        };
        spans.iter().map(span).collect()
    }
}

/// Folds by start, then the longest first, without empty ones and doubles.
fn ordered(mut folds: Vec<CharRange>) -> Vec<CharRange> {
    folds.retain(|fold| !fold.is_empty());
    folds.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
    folds.dedup();
    folds
}

/// Folds after edits.
fn moved(folds: &[CharRange], steps: &Steps) -> Vec<CharRange> {
    let mut by_end: Vec<usize> = (0..folds.len()).collect();
    by_end.sort_by_key(|index| folds[*index].end);
    let mut starts = steps.cursor();
    let mut all: Vec<CharRange> =
        folds.iter().map(|fold| CharRange::at(starts.map(fold.start, Bias::After))).collect();
    let mut ends = steps.cursor();
    for index in by_end {
        let end = ends.map(folds[index].end, Bias::Before);
        all[index].end = end.max(all[index].start);
    }
    all
}

/// Hidden ranges being placed one after another.
struct Placing {
    hidden: Vec<Hidden>,
    /// Characters of the inline layer that are gone so far.
    chars: usize,
    /// Line breaks that are hidden so far.
    lines: usize,
}

/// How far what follows the edits has moved; wrapping, since it may be backwards.
#[derive(Default)]
struct TailShift {
    chars: usize,
}

impl TailShift {
    fn range(&self, range: CharRange) -> CharRange {
        let shift = |at: CharOffset| CharOffset(at.0.wrapping_add(self.chars));
        CharRange { start: shift(range.start), end: shift(range.end) }
    }
}

impl Placing {
    fn after(head: &[Hidden]) -> Self {
        let (chars, lines) =
            head.last().map_or((0, 0), |last| (last.end.0 - last.placeholder.0 - 1, last.lines));
        Placing { hidden: head.to_vec(), chars, lines }
    }

    /// Places the unions of folds that overlap.
    fn place(&mut self, rope: &Rope, inline: &InlineMap, folds: &[CharRange]) {
        let mut folds = folds.iter().peekable();
        while let Some(first) = folds.next() {
            let mut range = *first;
            while let Some(next) = folds.next_if(|next| next.start < range.end) {
                range.end = range.end.max(next.end);
            }
            let start = inline.to_inline(range.start, Bias::After);
            let end = inline.to_inline(range.end, Bias::Before);
            let first = rope.line_of(range.start).0;
            let line = FoldLine(first - self.lines);
            self.lines += rope.line_of(range.end).0 - first;
            let placeholder = FoldOffset(start.0 - self.chars);
            self.hidden.push(Hidden { range, start, end, placeholder, line, lines: self.lines });
            self.chars += end.0 - start.0 - 1;
        }
    }

    /// Places what was hidden behind the last edit: all of it moved as its first piece did.
    fn tail(
        &mut self,
        rope: &Rope,
        inline: &InlineMap,
        tail: &[Hidden],
        edits: &[Edit],
    ) -> TailShift {
        let Some(first) = tail.first() else { return TailShift::default() };
        let steps = Steps::new(edits);
        let start = steps.cursor().map(first.range.start, Bias::After);
        let shift = TailShift { chars: start.0.wrapping_sub(first.range.start.0) };
        let before = self.hidden.len();
        self.place(rope, inline, &[shift.range(first.range)]);
        let placed = self.hidden[before].clone();
        let inline_shift = placed.start.0.wrapping_sub(first.start.0);
        let fold_shift = placed.placeholder.0.wrapping_sub(first.placeholder.0);
        let line_shift = placed.line.0.wrapping_sub(first.line.0);
        let hidden_shift = placed.lines.wrapping_sub(first.lines);
        self.hidden.extend(tail[1..].iter().map(|old| Hidden {
            range: shift.range(old.range),
            start: InlineOffset(old.start.0.wrapping_add(inline_shift)),
            end: InlineOffset(old.end.0.wrapping_add(inline_shift)),
            placeholder: FoldOffset(old.placeholder.0.wrapping_add(fold_shift)),
            line: FoldLine(old.line.0.wrapping_add(line_shift)),
            lines: old.lines.wrapping_add(hidden_shift),
        }));
        shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: usize, end: usize) -> CharRange {
        CharRange::new(CharOffset(start), CharOffset(end))
    }

    #[test]
    fn folds_within_folds_have_one_placeholder_and_survive_the_outer_one() {
        let rope = Rope::from_str("a {\n b {\n  c\n }\n}\nend\n");
        let inline = InlineMap::default();
        let both = FoldMap::new(&rope, &inline, vec![range(8, 14), range(3, 15)]);
        assert_eq!(both.placeholders().collect::<Vec<_>>(), [range(3, 15)]);
        assert_eq!(both.to_fold(InlineOffset(10), Bias::Before), FoldOffset(3));
        assert_eq!(both.to_fold(InlineOffset(15), Bias::Before), FoldOffset(4));
        assert_eq!(both.to_inline(FoldOffset(4)), InlineOffset(15));
        assert_eq!(both.first_line(FoldLine(1)), Line(4));
        let (inner, spans) = both.replace(&rope, &inline, vec![range(8, 14)]);
        assert_eq!(inner.first_line(FoldLine(1)), Line(1));
        assert_eq!(
            spans,
            [Span { old: FoldOffset(3)..FoldOffset(4), new: FoldOffset(3)..FoldOffset(10) }]
        );
    }

    #[test]
    fn what_is_typed_at_an_edge_stays_outside_and_an_emptied_fold_is_gone() {
        let rope = Rope::from_str("0123456789");
        let inline = InlineMap::default();
        let map = FoldMap::new(&rope, &inline, vec![range(3, 6)]);
        let edits = [Edit::insert(CharOffset(3), "x"), Edit::insert(CharOffset(6), "y")];
        let (_, spans) = inline.apply(&rope, &rope, &edits);
        let after = Rope::from_str("012x345y6789");
        let (typed, _) = map.apply(&after, &inline, &edits, &spans);
        assert_eq!(typed.folds(), [range(4, 7)]);
        let edits = [Edit::delete(range(2, 7))];
        let (_, spans) = inline.apply(&rope, &rope, &edits);
        let (gone, _) = map.apply(&Rope::from_str("01789"), &inline, &edits, &spans);
        assert!(gone.folds().is_empty());
    }
}
