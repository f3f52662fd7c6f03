//! The colours of a range: captures of all its layers, painted outer before inner.

use std::cmp::Reverse;
use std::ops::Range;

use text::{ByteOffset, CharOffset, Positions, Rope};

use crate::highlight::{Highlight, Span};
use crate::matches::{Haste, each_match};
use crate::tree::{Layer, SyntaxTree};

/// Bytes that are painted at a time.
const WINDOW: usize = 1 << 18;
const PLAIN: u16 = u16::MAX;

/// What a place is, for whoever must not act in strings and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Neither of the others.
    Code,
    /// A string, its quotes included, interpolated code in it excluded.
    String,
    /// A comment.
    Comment,
}

impl SyntaxTree {
    /// See [`crate::Syntax::highlights`]; `range` is in bytes.
    pub fn highlights(&self, rope: &Rope, range: Range<usize>) -> Vec<Span> {
        let end = range.end.min(rope.len_bytes());
        let mut spans: Vec<Span> = Vec::new();
        let mut start = range.start;
        while start < end {
            let window = start..end.min(start + WINDOW);
            start = window.end;
            self.paint(rope, window, &mut spans);
        }
        spans
    }

    fn paint(&self, rope: &Rope, window: Range<usize>, spans: &mut Vec<Span>) {
        let mut canvas = vec![PLAIN; window.len()];
        for layer in self.layers_in(window.clone()) {
            for capture in captures(layer, rope, &window) {
                let start = capture.range.start.max(window.start);
                let end = capture.range.end.min(window.end);
                if start < end {
                    canvas[start - window.start..end - window.start].fill(capture.highlight.0);
                }
            }
        }
        let mut at = 0;
        for run in canvas.chunk_by(|a, b| a == b) {
            let (start, end) = (window.start + at, window.start + at + run.len());
            at += run.len();
            if run[0] == PLAIN {
                continue;
            }
            let highlight = Highlight(run[0]);
            match spans.last_mut() {
                Some(last) if last.end.0 == start && last.highlight == highlight => {
                    last.end = ByteOffset(end);
                }
                _ => spans.push(Span { start: ByteOffset(start), end: ByteOffset(end), highlight }),
            }
        }
    }

    /// What the character at an offset is; at the end of the text, what the one before it is.
    pub fn region(&self, rope: &Rope, offset: CharOffset) -> Region {
        let last = CharOffset(rope.len_chars().saturating_sub(1));
        let start = rope.byte_of(offset.min(last)).0;
        let spans = self.highlights(rope, start..start + 1);
        match spans.first().map(|span| span.highlight) {
            Some(highlight) if highlight.is("comment") => Region::Comment,
            Some(highlight) if highlight.is("string") => Region::String,
            _ => Region::Code,
        }
    }
}

struct Capture {
    /// Bytes of the whole text.
    range: Range<usize>,
    highlight: Highlight,
    pattern: usize,
}

/// What a layer's query captures in a window, parents before children, and of one node's
/// captures the one that counts last.
fn captures(layer: &Layer, rope: &Rope, window: &Range<usize>) -> Vec<Capture> {
    let mut captures = Vec::with_capacity((window.len() / 4).clamp(16, 4_096));
    let Some(highlights) = &layer.grammar().highlights else {
        return captures;
    };
    let text = layer.text(rope);
    each_match(
        &highlights.query,
        layer.root(),
        &text,
        layer.clip(window),
        Haste::Screen,
        |found| {
            for capture in found.captures() {
                if let Some(highlight) = highlights.captures[capture.index as usize] {
                    let node = capture.node.byte_range();
                    captures.push(Capture {
                        range: layer.start + node.start..layer.start + node.end,
                        highlight,
                        pattern: found.pattern_index,
                    });
                }
            }
        },
    );
    captures.sort_by_key(|it| (it.range.start, Reverse(it.range.end), it.pattern));
    captures
}
