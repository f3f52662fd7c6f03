//! A line as grapheme clusters with their cells, read in blocks: no line is too long for it.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::fold::FoldLine;
use super::layers::{Layers, Piece, PieceOrigin, Pieces};
use crate::position::{CharOffset, CharRange, Positions};
use crate::width::{self, TabWidth};

/// Cells of the placeholder of a fold.
pub const FOLD_CELLS: usize = 3;

/// Characters that are read at once; a longer cluster is cut there.
const BLOCK: usize = 1024;

/// What a caret steps over at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// Characters from the start of the line, in the fold layer.
    pub at: usize,
    /// Its length there.
    pub chars: usize,
    pub glyph: Glyph,
    pub origin: Origin,
}

/// How wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    /// Reaches to the next tab stop.
    Tab,
    /// Ends the row; a line feed in an inlay.
    Break,
    /// One cell, which may stand beyond the edge of a row.
    Space,
    /// That many cells.
    Cells(usize),
    /// A placeholder.
    Fold,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Text(CharOffset),
    Fold(CharRange),
    /// The inlay of that index, and the bytes of its text.
    Inlay {
        index: usize,
        bytes: Range<usize>,
    },
}

impl Glyph {
    /// The column after it.
    pub fn advance(self, column: usize, tab: TabWidth) -> usize {
        match self {
            Glyph::Tab => tab.next_stop(column),
            Glyph::Break => column,
            Glyph::Space => column + 1,
            Glyph::Cells(cells) => column + cells,
            Glyph::Fold => column + FOLD_CELLS,
        }
    }

    fn of(cluster: &str, is_inlay: bool) -> Glyph {
        match cluster.as_bytes() {
            b"\t" => return Glyph::Tab,
            b" " => return Glyph::Space,
            b"\n" | b"\r" | b"\r\n" if is_inlay => return Glyph::Break,
            _ => {}
        }
        Glyph::Cells(width::cells(cluster))
    }
}

/// The clusters of a line from a character of it on, which must start one.
pub(super) struct Clusters<'l> {
    layers: &'l Layers,
    pieces: Pieces<'l>,
    piece: Option<Piece>,
    block: Cow<'l, str>,
    /// Bytes of the block that are passed, and its characters' first place in the piece.
    byte: usize,
    /// Where the last cluster starts in the block.
    start: usize,
    /// Characters of the piece that are passed.
    passed: usize,
    /// Characters of the piece up to the end of the block.
    loaded: usize,
}

impl<'l> Clusters<'l> {
    pub fn new(layers: &'l Layers, line: FoldLine, from: usize) -> Self {
        Clusters {
            layers,
            pieces: layers.pieces(line, from),
            piece: None,
            block: Cow::Borrowed(""),
            byte: 0,
            start: 0,
            passed: 0,
            loaded: 0,
        }
    }

    /// The text of the cluster that was answered last; an object's where it is a placeholder.
    pub fn text(&self, last: &Cluster) -> &str {
        match last.origin {
            Origin::Fold(_) => "\u{fffc}",
            _ => &self.block[self.start..self.byte],
        }
    }

    /// Reads the block that starts where the last cluster ended.
    fn load(&mut self, piece: &Piece) {
        self.byte = 0;
        match &piece.origin {
            PieceOrigin::Text(range) => {
                let start = range.start + self.passed;
                let end = (start + BLOCK).min(range.end);
                self.block = Cow::from(self.layers.rope.slice_of(CharRange { start, end }));
                self.loaded = self.passed + (end - start);
            }
            PieceOrigin::Inlay { index, skip } => {
                let text = &self.layers.inline.placed()[*index].inlay.text;
                self.byte = text.char_indices().nth(*skip).map_or(text.len(), |(byte, _)| byte);
                self.block = Cow::Borrowed(text);
                self.loaded = piece.chars;
            }
            PieceOrigin::Fold(_) => self.loaded = 1,
        }
    }

    /// The next cluster's bytes in the block, once enough is read to know where it ends.
    fn cluster(&mut self, piece: &Piece) -> Range<usize> {
        loop {
            let rest = &self.block[self.byte..];
            let length = match rest.as_bytes() {
                [b' '..=b'~', next, ..] if next.is_ascii() => 1,
                _ => rest.graphemes(true).next().map_or(0, str::len),
            };
            let is_cut = length == rest.len() && self.loaded < piece.chars;
            if !is_cut || self.loaded - self.passed >= BLOCK {
                return self.byte..self.byte + length;
            }
            self.load(piece);
        }
    }
}

impl Iterator for Clusters<'_> {
    type Item = Cluster;

    fn next(&mut self) -> Option<Cluster> {
        let piece = match self.piece.take() {
            Some(piece) if self.passed < piece.chars => piece,
            _ => {
                let piece = self.pieces.next()?;
                self.passed = 0;
                self.load(&piece);
                piece
            }
        };
        let at = piece.at + self.passed;
        if let PieceOrigin::Fold(range) = piece.origin {
            self.passed = 1;
            self.piece = Some(piece);
            let origin = Origin::Fold(range);
            return Some(Cluster { at, chars: 1, glyph: Glyph::Fold, origin });
        }
        if self.passed >= self.loaded {
            self.load(&piece);
        }
        let bytes = self.cluster(&piece);
        let text = &self.block[bytes.clone()];
        let chars = if bytes.len() == 1 { 1 } else { text.chars().count() };
        let (glyph, origin) = match &piece.origin {
            PieceOrigin::Inlay { index, .. } => {
                (Glyph::of(text, true), Origin::Inlay { index: *index, bytes: bytes.clone() })
            }
            PieceOrigin::Text(range) => {
                (Glyph::of(text, false), Origin::Text(range.start + self.passed))
            }
            PieceOrigin::Fold(_) => unreachable!("placeholders were answered above"),
        };
        (self.start, self.byte) = (bytes.start, bytes.end);
        self.passed += chars;
        self.piece = Some(piece);
        Some(Cluster { at, chars, glyph, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropey::Rope;

    #[test]
    fn clusters_do_not_depend_on_where_blocks_and_chunks_end() {
        let text = "ab\u{301}c👩‍👩‍👧🇸🇦🇸🇦 ع\u{64b}文\t".repeat(400);
        let layers = Layers::new(&Rope::from_str(&text));
        let expected: Vec<usize> = text.graphemes(true).map(|g| g.chars().count()).collect();
        let found: Vec<usize> =
            Clusters::new(&layers, FoldLine(0), 0).map(|cluster| cluster.chars).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cluster_without_end_is_cut_rather_than_read_whole() {
        let text = format!("a{}", "\u{301}".repeat(BLOCK * 3));
        let layers = Layers::new(&Rope::from_str(&text));
        let all: Vec<Cluster> = Clusters::new(&layers, FoldLine(0), 0).collect();
        assert!(all.iter().all(|cluster| cluster.chars <= BLOCK));
        assert_eq!(all.iter().map(|cluster| cluster.chars).sum::<usize>(), 1 + BLOCK * 3);
    }
}
