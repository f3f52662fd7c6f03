//! Upper, lower and title case.

use ropey::Rope;

use super::{Builder, Transformed};
use crate::position::{CharOffset, CharRange, Positions};
use crate::selection::Selections;
use crate::word::{self, Class};

/// A case that text is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// All capitals.
    Upper,
    /// No capitals.
    Lower,
    /// A capital at the start of each word.
    Title,
}

/// Puts the selections, or the words at carets, into a case. They stay selected.
pub fn change(rope: &Rope, selections: &Selections, case: Case) -> Transformed {
    let mut builder = Builder::new(rope);
    // What was changed last, in the old text, and where its replacement stands.
    let mut last = CharRange::default();
    let (mut start, mut end) = (CharOffset(0), CharOffset(0));
    for one in selections.iter() {
        let chosen = match one.is_caret() {
            false => one.range(),
            true => word::word_at(rope, one.head).unwrap_or(CharRange::at(one.head)),
        };
        // Several carets may stand in one word.
        let range = CharRange { start: chosen.start.max(last.end), ..chosen };
        if range.start < range.end {
            let changed = convert(&rope.slice_of(range).to_string(), case);
            let length = changed.chars().count();
            start = builder.replace(range, changed);
            (end, last) = (start + length, range);
        }
        let place = |at: CharOffset| match last.start <= at && at < last.end {
            true => (start + (at - last.start)).min(end),
            false => builder.place(at),
        };
        let (anchor, head) = (place(one.anchor), place(one.head));
        builder.keep(anchor, head);
    }
    builder.finish(selections.primary_index())
}

/// A text in a case, by the rules of Unicode that hold in every language.
pub fn convert(text: &str, case: Case) -> String {
    match case {
        Case::Upper => text.to_uppercase(),
        Case::Lower => text.to_lowercase(),
        Case::Title => {
            let mut titled = String::with_capacity(text.len());
            let mut inside = false;
            for c in text.chars() {
                match (word::class(c), inside) {
                    (Class::Word, false) => titled.extend(c.to_uppercase()),
                    (Class::Word, true) => titled.extend(c.to_lowercase()),
                    _ => titled.push(c),
                }
                // An apostrophe does not end a word here: "don't", not "Don'T".
                inside = match word::class(c) {
                    Class::Word | Class::Mark => c != '_',
                    _ => inside && matches!(c, '\'' | '’'),
                };
            }
            titled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    #[test]
    fn selections_and_words_change_case() {
        let run = |text, case| after(text, |r, s| change(r, s, case));
        assert_eq!(run("«straße|» a|b «|ÉA»", Case::Upper), "«STRASSE|» A|B «|ÉA»");
        assert_eq!(run("«ÉA|»", Case::Lower), "«éa|»");
        assert_eq!(run("«don't STOP foo_bar|»", Case::Title), "«Don't Stop Foo_Bar|»");
        assert_eq!(run("a + | b", Case::Upper), "a + | b");
        assert_eq!(run("f|oo f|oo", Case::Upper), "F|OO F|OO");
        assert_eq!(run("f|o|o", Case::Upper), "F|O|O");
    }
}
