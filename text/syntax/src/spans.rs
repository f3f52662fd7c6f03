//! The colours of a range: captures of all its layers, painted outer before inner.

use std::cmp::Reverse;
use std::ops::Range;

use text::{ByteOffset, CharOffset, Positions, Rope};

use crate::grammar::{Meaning, Places};
use crate::highlight::{Highlight, Span};
use crate::matches::{Haste, Reach, each_match};
use crate::tree::{Layer, SyntaxTree};

/// Bytes that are painted at a time.
const WINDOW: usize = 1 << 18;
const PLAIN: u16 = u16::MAX;
/// Bytes of a text in which places of values are looked for.
const MAX_FORMAT: usize = 4_096;

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

impl Region {
    /// What a stretch of this colour is.
    pub fn of(highlight: Highlight) -> Region {
        match highlight {
            it if it.is("comment") => Region::Comment,
            it if it.is("string") => Region::String,
            _ => Region::Code,
        }
    }
}

/// The colours of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Painted {
    /// In order and disjoint; what is not in them has no colour.
    pub spans: Vec<Span>,
    /// Whether they are all.
    pub reach: Reach,
}

impl SyntaxTree {
    /// The colours of a range of bytes. Costs what the range costs, whatever the text's length,
    /// unless the text is one error: ask on a worker, for what is visible.
    pub fn highlights(&self, rope: &Rope, range: Range<usize>, haste: Haste) -> Painted {
        let end = range.end.min(rope.len_bytes());
        let mut painted = Painted { spans: Vec::new(), reach: Reach::Whole };
        let mut start = range.start;
        while start < end && painted.reach == Reach::Whole {
            let window = start..end.min(start + WINDOW);
            start = window.end;
            painted.reach = self.paint(rope, window, haste, &mut painted.spans);
        }
        painted
    }

    fn paint(
        &self,
        rope: &Rope,
        window: Range<usize>,
        haste: Haste,
        spans: &mut Vec<Span>,
    ) -> Reach {
        let mut canvas = vec![PLAIN; window.len()];
        let mut reach = Reach::Whole;
        for layer in self.layers_in(window.clone()) {
            let (captures, so_far) = captures(&layer, rope, &window, haste);
            reach = reach.and(so_far);
            for capture in captures {
                layer.each_own_part(capture.range, |part| {
                    let start = part.start.max(window.start);
                    let end = part.end.min(window.end);
                    if start < end {
                        canvas[start - window.start..end - window.start].fill(capture.highlight.0);
                    }
                });
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
        reach
    }

    /// What the character at an offset is; at the end of the text, what the one before it is.
    /// Code where that would take a key too long to find out.
    pub fn region(&self, rope: &Rope, offset: CharOffset) -> Region {
        let last = CharOffset(rope.len_chars().saturating_sub(1));
        let start = rope.byte_of(offset.min(last)).0;
        let painted = self.highlights(rope, start..start + 1, Haste::Key);
        painted.spans.first().map_or(Region::Code, |span| Region::of(span.highlight))
    }
}

/// What the places of values in a text look like.
fn place_highlight() -> Highlight {
    Highlight::named("string.escape").expect("it is one of the names")
}

impl Places {
    /// Where values are filled in, in bytes.
    fn find(self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        let mut at = 0;
        let mark = if self == Places::Braces { '{' } else { '%' };
        while let Some(found) = text[at..].find(mark) {
            let start = at + found;
            let rest = &text[start + 1..];
            let length = match self {
                _ if rest.starts_with(mark) => {
                    at = start + 2;
                    continue;
                }
                Places::Braces => {
                    rest.find(['}', '{', '\n']).filter(|end| rest[*end..].starts_with('}'))
                }
                Places::Percents => {
                    let flags = |c: char| {
                        !matches!(c, '0'..='9' | '-' | '+' | '#' | '.' | '*' | 'l' | 'h' | 'z')
                    };
                    rest.find(flags).filter(|end| rest[*end..].starts_with(char::is_alphabetic))
                }
            };
            at = start + 1;
            if let Some(length) = length {
                at = start + 2 + length;
                places.push(start..at);
            }
        }
        places
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
fn captures(
    layer: &Layer,
    rope: &Rope,
    window: &Range<usize>,
    haste: Haste,
) -> (Vec<Capture>, Reach) {
    let mut captures = Vec::with_capacity((window.len() / 4).clamp(16, 4_096));
    let Some(highlights) = &layer.grammar().highlights else {
        return (captures, Reach::Whole);
    };
    let text = layer.text(rope);
    let reach =
        each_match(&highlights.query, layer.root(), &text, layer.clip(window), haste, |found| {
            for capture in found.captures() {
                let node = capture.node.byte_range();
                let pattern = found.pattern_index;
                let mut push = |node: Range<usize>, highlight: Highlight| {
                    let range = layer.start + node.start..layer.start + node.end;
                    captures.push(Capture { range, highlight, pattern });
                };
                match highlights.captures[capture.index as usize] {
                    Some(Meaning::Color(highlight)) => push(node, highlight),
                    Some(Meaning::Format(places)) => {
                        let start = node.start;
                        let string = text.string(node, MAX_FORMAT);
                        for place in places.find(&string) {
                            push(start + place.start..start + place.end, place_highlight());
                        }
                    }
                    None => {}
                }
            }
        });
    captures.sort_by_key(|it| (it.range.start, Reverse(it.range.end), it.pattern));
    (captures, reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_values_are_told_from_what_only_looks_like_them() {
        let found = |places: Places, text: &str| -> Vec<String> {
            places.find(text).into_iter().map(|place| text[place].to_owned()).collect()
        };
        let braces = "{a:>8} {{no}} {} { {b} {";
        assert_eq!(found(Places::Braces, braces), ["{a:>8}", "{}", "{b}"]);
        let percents = "%d 100%% %-8.3f é% %s%";
        assert_eq!(found(Places::Percents, percents), ["%d", "%-8.3f", "%s"]);
    }
}
