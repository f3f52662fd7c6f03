//! Texts with carets and selections written into them, and a random source that can be replayed.
//!
//! `|` is a caret; `«a|»` and `«|a»` are selections whose head is the bar.

use ropey::Rope;

use crate::position::CharOffset;
use crate::seeded::Seeded;
use crate::selection::{Selection, Selections};

/// The text without its marks, and what they mark.
pub(crate) fn unmarked(marked: &str) -> (Rope, Selections) {
    let mut text = String::new();
    let mut found = Vec::new();
    let (mut anchor, mut head) = (None, None);
    let mut at = CharOffset(0);
    for c in marked.chars() {
        match c {
            '«' => anchor = Some(at),
            '|' if anchor.is_some() => head = Some(at),
            '|' => found.push(Selection::caret(at)),
            '»' => {
                let anchor = anchor.take().expect("« comes before »");
                let head = head.take().expect("a selection has a |");
                found.push(Selection::new(if head == at { anchor } else { at }, head));
            }
            c => {
                text.push(c);
                at = at + 1;
            }
        }
    }
    (Rope::from_str(&text), Selections::new(found, 0))
}

/// The text with its marks.
pub(crate) fn marked(rope: &Rope, selections: &Selections) -> String {
    let mut marks: Vec<(usize, &str)> = Vec::new();
    for one in selections.iter() {
        let range = one.range();
        match (one.is_caret(), one.anchor < one.head) {
            (true, _) => marks.push((one.head.0, "|")),
            (_, true) => marks.extend([(range.start.0, "«"), (range.end.0, "|»")]),
            (_, false) => marks.extend([(range.start.0, "«|"), (range.end.0, "»")]),
        }
    }
    marks.sort_by_key(|(at, mark)| (*at, mark.starts_with('«')));
    let mut marks = marks.into_iter().peekable();
    let mut shown = String::new();
    for (index, c) in rope.chars().map(Some).chain([None]).enumerate() {
        while let Some((_, mark)) = marks.next_if(|(at, _)| *at == index) {
            shown.push_str(mark);
        }
        shown.extend(c);
    }
    shown
}

/// Random texts; `HEARTH_SEED` replays a run.
pub(crate) struct Random(Seeded);

impl Random {
    /// A new source in every run; it prints its seed.
    pub(crate) fn new() -> Self {
        Random(Seeded::new(std::time::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_nanos() as u64)))
    }

    /// Less than the limit; 0 for the limit 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit)
    }

    /// One of several.
    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0.pick::<&str>(from)
    }

    /// A text of everything that has ever broken an editor.
    pub(crate) fn text(&mut self, pieces: usize) -> String {
        const PIECES: [&str; 40] = [
            "a",
            "B",
            "fooBar",
            "_",
            "x1",
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "(",
            ")",
            "[",
            "{",
            "}",
            "\"",
            "->",
            ".",
            "e\u{301}",
            "\u{301}",
            "ع",
            "مرحبا",
            "تُطبَّق",
            "כן",
            "١٢",
            "字",
            "です",
            "한",
            "👩\u{200d}🚀",
            "🇸",
            "🇸🇦",
            "👍🏽",
            "\u{200d}",
            "\u{200f}",
            "\u{202e}",
            "\u{202c}",
            "क्षि",
            "\u{600}",
            "\0",
        ];
        (0..self.below(pieces)).map(|_| self.pick(&PIECES)).collect()
    }
}

mod tests {
    use super::*;

    #[test]
    fn marks_are_read_and_written_alike() {
        for text in ["|", "a|b", "«a|»b", "«|a»b|", "x[0] |", "«ab|»«|c»", "f(|)[1]"] {
            let (rope, selections) = unmarked(text);
            assert_eq!(marked(&rope, &selections), text);
        }
    }
}
