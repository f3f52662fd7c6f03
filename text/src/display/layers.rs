//! The text with inlays and folds, one line at a time: what the cells above are measured from.

use std::ops::Range;

use ropey::Rope;

use super::fold::{FoldLine, FoldMap, FoldOffset};
use super::inline::{InlineMap, InlineOffset};
use crate::edit::Bias;
use crate::position::{CharOffset, CharRange, Positions};

/// A text and its two lower layers. A value whose copies are O(1).
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub rope: Rope,
    pub inline: InlineMap,
    pub folds: FoldMap,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Characters from the start of the line, in the fold layer.
    pub at: usize,
    /// Its length there.
    pub chars: usize,
    pub origin: PieceOrigin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PieceOrigin {
    /// Characters of the document.
    Text(CharRange),
    /// A placeholder.
    Fold(CharRange),
    /// The inlay of that index, from its character `skip` on.
    Inlay { index: usize, skip: usize },
}

impl Layers {
    pub fn new(rope: &Rope) -> Self {
        let (inline, folds) = (InlineMap::default(), FoldMap::default());
        Layers { rope: rope.clone(), inline, folds }
    }

    /// The number of lines that are left to see; at least 1.
    pub fn lines(&self) -> usize {
        self.rope.len_lines() - self.folds.hidden_lines()
    }

    pub fn to_fold(&self, offset: CharOffset, bias: Bias) -> FoldOffset {
        self.folds.to_fold(self.inline.to_inline(offset, bias), bias)
    }

    pub fn to_buffer(&self, offset: FoldOffset) -> CharOffset {
        self.inline.to_buffer(self.folds.to_inline(offset)).min(self.rope.end())
    }

    pub fn line_of(&self, offset: CharOffset) -> FoldLine {
        self.folds.line_of(&self.rope, offset)
    }

    /// A line's characters of the document, those that are hidden too, without its ending.
    pub fn buffer_range(&self, line: FoldLine) -> CharRange {
        let start = self.rope.line_start(self.folds.first_line(line));
        let next = self.folds.first_line(FoldLine(line.0 + 1));
        CharRange { start, end: self.rope.line_end(next - 1).max(start) }
    }

    /// A line in the fold layer, without its ending.
    pub fn line_range(&self, line: FoldLine) -> Range<FoldOffset> {
        let range = self.buffer_range(line);
        self.to_fold(range.start, Bias::Before)..self.to_fold(range.end, Bias::After)
    }

    /// Characters that a line has in the fold layer.
    pub fn length(&self, line: FoldLine) -> usize {
        let range = self.line_range(line);
        range.end.0 - range.start.0
    }

    /// Whether an inlay breaks the line into rows.
    pub fn has_breaks(&self, line: FoldLine) -> bool {
        let placed = self.inline.placed();
        if placed.is_empty() {
            return false;
        }
        let range = self.buffer_range(line);
        let first = placed.partition_point(|placed| placed.inlay.at < range.start);
        placed[first..]
            .iter()
            .take_while(|placed| placed.inlay.at <= range.end)
            .any(|placed| placed.inlay.text.contains('\n'))
    }

    /// The parts of a line from a character of it on.
    pub fn pieces(&self, line: FoldLine, from: usize) -> Pieces<'_> {
        let range = self.line_range(line);
        Pieces { layers: self, start: range.start.0, at: range.start.0 + from, end: range.end.0 }
    }
}

/// See [`Layers::pieces`].
pub(super) struct Pieces<'l> {
    layers: &'l Layers,
    start: usize,
    at: usize,
    end: usize,
}

impl Pieces<'_> {
    fn piece(&mut self, chars: usize, origin: PieceOrigin) -> Option<Piece> {
        let at = self.at - self.start;
        self.at += chars;
        Some(Piece { at, chars, origin })
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.at >= self.end {
            return None;
        }
        let Layers { inline, folds, .. } = self.layers;
        let hidden = folds.hidden();
        let next = hidden.partition_point(|hidden| hidden.placeholder.0 < self.at);
        let fold = hidden.get(next);
        if let Some(here) = fold.filter(|hidden| hidden.placeholder.0 == self.at) {
            return self.piece(1, PieceOrigin::Fold(here.range));
        }
        let start = folds.to_inline(FoldOffset(self.at));
        let mut chars = fold.map_or(self.end, |fold| fold.placeholder.0.min(self.end)) - self.at;
        let placed = inline.placed();
        let index = placed.partition_point(|placed| placed.end() <= start);
        if let Some(inlay) = placed.get(index) {
            if inlay.start <= start {
                let chars = chars.min(inlay.end().0 - start.0);
                let skip = start.0 - inlay.start.0;
                return self.piece(chars, PieceOrigin::Inlay { index, skip });
            }
            chars = chars.min(inlay.start.0 - start.0);
        }
        let from = inline.to_buffer(InlineOffset(start.0));
        self.piece(chars, PieceOrigin::Text(CharRange { start: from, end: from + chars }))
    }
}
