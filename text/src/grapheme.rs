//! Grapheme clusters (UAX #29, extended) of a rope: where a caret may stand.
//!
//! Nothing here reads more than three blocks of `BLOCK` characters, however long a line or a
//! cluster is. A lookup starts at the nearest place before it where a boundary is certain from
//! the two characters around it alone (between two letters, say), and segments from there. In
//! ordinary text that is one step. Where a whole block holds no such place (a megabyte of flags or
//! of combining marks) the start of the next block counts as a boundary, so that every call agrees
//! on where clusters lie, and none of them walks the text.

use ropey::Rope;
use unicode_segmentation::UnicodeSegmentation;

use crate::position::{CharOffset, CharRange, Positions};

/// Characters in a block; a cluster never spans more than two blocks.
const BLOCK: usize = 512;

/// The boundary after an offset; the text's end at the end.
pub fn next(rope: &Rope, at: CharOffset) -> CharOffset {
    if at >= rope.end() {
        return rope.end();
    }
    if is_certain(rope, at.0 + 1) {
        return at + 1;
    }
    let window = Window::around(rope, at);
    window.boundaries().find(|&boundary| boundary > at).unwrap_or(window.end)
}

/// The boundary before an offset; the text's start at the start.
pub fn previous(rope: &Rope, at: CharOffset) -> CharOffset {
    let at = rope.nearest(at);
    if at.0 == 0 { at } else { floor(rope, at - 1) }
}

/// The last boundary that is not after an offset.
pub fn floor(rope: &Rope, at: CharOffset) -> CharOffset {
    let at = rope.nearest(at);
    if is_certain(rope, at.0) {
        return at;
    }
    let window = Window::around(rope, at);
    window.boundaries().take_while(|&boundary| boundary <= at).last().unwrap_or(window.start)
}

/// The first boundary that is not before an offset.
pub fn ceil(rope: &Rope, at: CharOffset) -> CharOffset {
    let at = rope.nearest(at);
    if is_boundary(rope, at) { at } else { next(rope, at) }
}

/// Whether a caret may stand at an offset.
pub fn is_boundary(rope: &Rope, at: CharOffset) -> bool {
    at <= rope.end() && floor(rope, at) == at
}

/// The cluster that holds the character at an offset; empty at the text's end.
pub fn at(rope: &Rope, at: CharOffset) -> CharRange {
    let start = floor(rope, at);
    CharRange { start, end: next(rope, start) }
}

/// A stretch that starts at a boundary and reaches past the place that is asked about.
struct Window {
    start: CharOffset,
    end: CharOffset,
    text: String,
}

impl Window {
    /// The stretch around the character at an offset.
    fn around(rope: &Rope, at: CharOffset) -> Window {
        let block = at.0 / BLOCK * BLOCK;
        let limit = block.saturating_sub(BLOCK);
        let certain = (limit..=at.0).rev().find(|&offset| is_certain(rope, offset));
        let start = certain.unwrap_or(block);
        let last = match certain {
            Some(found) if found >= block => block + 2 * BLOCK,
            _ => block + BLOCK,
        }
        .min(rope.len_chars());
        let end = (at.0 + 1..last).find(|&offset| is_certain(rope, offset)).unwrap_or(last);
        let text = rope.slice(start..end).to_string();
        Window { start: CharOffset(start), end: CharOffset(end), text }
    }

    /// The boundaries in it, its start and end included.
    fn boundaries(&self) -> impl Iterator<Item = CharOffset> + '_ {
        let lengths = self.text.graphemes(true).map(|cluster| cluster.chars().count());
        let ends = lengths.scan(self.start, |at, length| {
            *at = *at + length;
            Some(*at)
        });
        std::iter::once(self.start).chain(ends)
    }
}

/// Whether there is a boundary before the character at an offset, whatever stands further away.
fn is_certain(rope: &Rope, at: usize) -> bool {
    if at == 0 || at >= rope.len_chars() {
        return true;
    }
    let (before, after) = (rope.char(at - 1), rope.char(at));
    stands_alone(before) && stands_alone(after) && (before, after) != ('\r', '\n')
}

/// Characters of the break class Other or Control: between two of them there is a boundary
/// (UAX #29 GB4, GB5, GB999) in any context, except inside CRLF.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\0'..='\u{7f}'
        | 'À'..='\u{2ff}'
        | '\u{370}'..='\u{482}'
        | '\u{5d0}'..='\u{5ea}'
        | '\u{620}'..='\u{64a}'
        | '\u{660}'..='\u{66f}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::fixture::Random;

    fn boundaries(text: &str) -> Vec<usize> {
        let rope = Rope::from_str(text);
        (0..=rope.len_chars()).filter(|&at| is_boundary(&rope, CharOffset(at))).collect()
    }

    #[test]
    fn a_cluster_is_one_step() {
        assert_eq!(boundaries("e\u{301}x"), [0, 2, 3]);
        assert_eq!(boundaries("a\r\nb"), [0, 1, 3, 4]);
        assert_eq!(boundaries("👨‍👩‍👧!"), [0, 5, 6]);
        assert_eq!(boundaries("🇸🇦🇪🇬"), [0, 2, 4]);
        assert_eq!(boundaries("تُطبَّق"), [0, 2, 3, 6, 7]);
        assert_eq!(boundaries("क्षि"), [0, 4]);
        assert_eq!(boundaries(""), [0]);
    }

    #[test]
    fn random_texts_have_the_boundaries_of_the_standard() {
        let mut random = Random::new();
        for _ in 0..400 {
            let text = random.text(60);
            let mut expected = vec![0];
            for cluster in text.graphemes(true) {
                expected.push(expected[expected.len() - 1] + cluster.chars().count());
            }
            assert_eq!(boundaries(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_lookup_agrees_where_no_boundary_is_near() {
        for unit in ["🇸", "\u{301}", "👩\u{200d}", "가"] {
            let rope = Rope::from_str(&unit.repeat(3000));
            let mut forward = vec![CharOffset(0)];
            while forward[forward.len() - 1] < rope.end() {
                let step = next(&rope, forward[forward.len() - 1]);
                assert!(step > forward[forward.len() - 1]);
                forward.push(step);
            }
            let mut backward = vec![rope.end()];
            while backward[backward.len() - 1].0 > 0 {
                backward.push(previous(&rope, backward[backward.len() - 1]));
            }
            backward.reverse();
            assert_eq!(forward, backward, "{unit}");
            assert!(forward.iter().all(|&boundary| is_boundary(&rope, boundary)));
        }
    }

    #[test]
    fn offsets_outside_the_text_are_its_end() {
        let rope = Rope::from_str("ab");
        let far = CharOffset(usize::MAX / 2);
        assert_eq!(next(&rope, far), CharOffset(2));
        assert_eq!(previous(&rope, far), CharOffset(1));
        assert_eq!(ceil(&rope, far), CharOffset(2));
        assert!(!is_boundary(&rope, far));
        assert_eq!(at(&rope, far), CharRange::at(CharOffset(2)));
    }
}
