//! One row as it is drawn.

use std::ops::Range;
use std::sync::Arc;

use super::clusters::{Glyph, Origin};
use super::fold::FoldOffset;
use super::inline::Inlay;
use super::layout::LaidLine;
use crate::position::{CharOffset, CharRange, Line, Positions};

/// A row of the display, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub usize);

/// What is drawn on one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayRow {
    /// Its number.
    pub row: Row,
    /// The line of the document that it begins in.
    pub line: Line,
    /// Whether it starts that line.
    pub kind: RowKind,
    /// The characters of the document that it stands for, those in folds included, without the
    /// line ending; empty where only an inlay is shown.
    pub range: CharRange,
    /// Cells before its first character; more than 0 only in rows that continue a line.
    pub indent: usize,
    /// Its parts within the columns that were asked for, from left to right in logical order.
    pub segments: Vec<Segment>,
}

/// Whether a row starts its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// It starts a line, and so has a line number.
    First,
    /// It continues one.
    Continuation,
}

/// A part of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Cells from the left edge of the text.
    pub columns: Range<usize>,
    /// What is shown there.
    pub content: Content,
}

/// What a part of a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Characters of the document, without tabs.
    Text(CharRange),
    /// A tab, as wide as its columns.
    Tab(CharOffset),
    /// The placeholder of what is folded.
    Fold(CharRange),
    /// Part of an inlay: bytes of its text.
    Inlay(Arc<Inlay>, Range<usize>),
}

/// The parts of a row within some columns; clusters that reach into them are whole.
pub(super) fn build(
    laid: LaidLine<'_>,
    first: usize,
    row: usize,
    columns: Range<usize>,
) -> DisplayRow {
    let layers = laid.layers;
    let whole = layers.line_range(laid.line);
    let (start, end) = laid.row(row);
    let at = |chars: usize| layers.to_buffer(FoldOffset(whole.start.0 + chars).min(whole.end));
    let range = CharRange::new(at(start), end.map_or_else(|| layers.to_buffer(whole.end), at));
    let mut segments: Vec<Segment> = Vec::new();
    let mut inlay: Option<(usize, Arc<Inlay>)> = None;
    for (cluster, cells) in laid.clusters(row, columns.start) {
        if cells.start >= columns.end {
            break;
        }
        if cells.end <= columns.start || cluster.glyph == Glyph::Break {
            continue;
        }
        let content = match cluster.origin {
            Origin::Text(at) if cluster.glyph == Glyph::Tab => Content::Tab(at),
            Origin::Text(start) => Content::Text(CharRange { start, end: start + cluster.chars }),
            Origin::Fold(range) => Content::Fold(range),
            Origin::Inlay { index, bytes } => {
                let shared = match inlay.take_if(|(known, _)| *known == index) {
                    Some((_, shared)) => shared,
                    None => Arc::new(layers.inline.placed()[index].inlay.clone()),
                };
                inlay = Some((index, shared.clone()));
                Content::Inlay(shared, bytes)
            }
        };
        if !segments.last_mut().is_some_and(|last| last.extend(&content, cells.end)) {
            segments.push(Segment { columns: cells, content });
        }
    }
    DisplayRow {
        row: Row(first + row),
        line: match row {
            0 => layers.folds.first_line(laid.line),
            _ => layers.rope.line_of(range.start),
        },
        kind: if row == 0 { RowKind::First } else { RowKind::Continuation },
        range,
        indent: laid.layout.map_or(0, |layout| layout.row_indent(row)),
        segments,
    }
}

impl Segment {
    /// Takes in what goes on where it ends.
    fn extend(&mut self, next: &Content, end: usize) -> bool {
        match (&mut self.content, next) {
            (Content::Text(range), Content::Text(more)) if range.end == more.start => {
                range.end = more.end;
            }
            (Content::Inlay(inlay, bytes), Content::Inlay(same, more))
                if Arc::ptr_eq(inlay, same) && bytes.end == more.start =>
            {
                bytes.end = more.end;
            }
            _ => return false,
        }
        self.columns.end = end;
        true
    }
}
