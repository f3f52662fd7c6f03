//! Pairs: closed when they are opened, typed over, put around selections.

use ropey::Rope;

use super::{Builder, Transformed};
use crate::position::{CharOffset, CharRange, Positions};
use crate::selection::{Selection, Selections};
use crate::word::{self, Class};

/// An opening character and what closes it; the same one for quotes.
pub type Pair = (char, char);

/// The pairs that most languages share.
pub const DEFAULT: [Pair; 6] =
    [('(', ')'), ('[', ']'), ('{', '}'), ('"', '"'), ('\'', '\''), ('`', '`')];

/// What typing a pair depends on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The pairs of the language.
    pub pairs: &'a [Pair],
    /// Whether a pair opened at an offset is closed at once; not in a comment, say.
    pub may_close: &'a dyn Fn(CharOffset) -> bool,
    /// Whether a closing character at an offset may be typed over: one that was put there with
    /// its opening one.
    pub may_type_over: &'a dyn Fn(CharOffset) -> bool,
}

impl Default for Context<'_> {
    /// The default pairs, closed and typed over everywhere.
    fn default() -> Self {
        Context { pairs: &DEFAULT, may_close: &|_| true, may_type_over: &|_| true }
    }
}

/// What a typed character does at one selection.
enum Typed {
    Plain,
    Over,
    Closed(char),
    Around(char),
}

/// Types a character at every selection: an opening one is closed where nothing follows that
/// it could belong to, a closing one moves over the same one, either kind of quote knows both, and
/// a selection is put between the two.
pub fn type_char(
    rope: &Rope,
    selections: &Selections,
    typed: char,
    context: &Context<'_>,
) -> Transformed {
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let range = one.range();
        match effect(rope, one, typed, context) {
            Typed::Plain => {
                let start = builder.replace(range, typed);
                builder.keep(start + 1, start + 1);
            }
            Typed::Over => {
                let start = builder.place(range.start);
                builder.keep(start + 1, start + 1);
            }
            Typed::Closed(close) => {
                let start = builder.replace(range, format!("{typed}{close}"));
                builder.keep(start + 1, start + 1);
            }
            Typed::Around(close) => {
                put_around(&mut builder, one, &typed.to_string(), &close.to_string())
            }
        }
    }
    builder.finish(selections.primary_index())
}

fn effect(rope: &Rope, one: Selection, typed: char, context: &Context<'_>) -> Typed {
    let opens = context.pairs.iter().find(|(open, _)| *open == typed);
    let closes = context.pairs.iter().any(|(_, close)| *close == typed);
    if !one.is_caret() {
        return opens.map_or(Typed::Plain, |(_, close)| Typed::Around(*close));
    }
    let at = one.head;
    let next = rope.get_char(at.0);
    if closes && next == Some(typed) && (context.may_type_over)(at) {
        return Typed::Over;
    }
    let Some(&(open, close)) = opens else {
        return Typed::Plain;
    };
    // Before something that could be what it opens, it was meant for that alone.
    let free = next.is_none_or(|c| {
        c.is_whitespace()
            || matches!(c, ';' | ',' | '.' | ':' | '=' | '>')
            || context.pairs.iter().any(|(open, close)| *close == c && *open != c)
    });
    let quote = open == close;
    let before = at.0.checked_sub(1).and_then(|index| rope.get_char(index));
    // After a letter a quote is an apostrophe or an end, after its like part of a longer quote.
    let fits = !quote
        || before.is_none_or(|c| {
            c != typed && c != '\\' && !matches!(word::class(c), Class::Word | Class::Mark)
        });
    match free && fits && (context.may_close)(at) {
        true => Typed::Closed(close),
        false => Typed::Plain,
    }
}

/// Puts two texts around each selection, which stays selected; between the two at a caret.
pub fn surround(rope: &Rope, selections: &Selections, open: &str, close: &str) -> Transformed {
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        put_around(&mut builder, one, open, close);
    }
    builder.finish(selections.primary_index())
}

fn put_around(builder: &mut Builder<'_>, one: Selection, open: &str, close: &str) {
    let range = one.range();
    let opened = builder.replace(CharRange::at(range.start), open);
    let start = opened + open.chars().count();
    let end = start + range.len();
    builder.replace(CharRange::at(range.end), close);
    match one.anchor <= one.head {
        true => builder.keep(start, end),
        false => builder.keep(end, start),
    }
}

/// Deletes the pair right around each selection, if there is one.
pub fn unsurround(rope: &Rope, selections: &Selections, pairs: &[Pair]) -> Transformed {
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let range = one.range();
        let paired = is_between(rope, range, pairs);
        if paired {
            builder.replace(CharRange { start: range.start - 1, end: range.start }, "");
        }
        let start = builder.place(range.start);
        let end = builder.place(range.end);
        if paired {
            builder.replace(CharRange { start: range.end, end: range.end + 1 }, "");
        }
        match one.anchor <= one.head {
            true => builder.keep(start, end),
            false => builder.keep(end, start),
        }
    }
    builder.finish(selections.primary_index())
}

/// Whether a range stands right between the two characters of a pair.
pub fn is_between(rope: &Rope, range: CharRange, pairs: &[Pair]) -> bool {
    let before = range.start.0.checked_sub(1).and_then(|index| rope.get_char(index));
    let after = rope.get_char(rope.nearest(range.end).0);
    pairs.iter().any(|&(open, close)| before == Some(open) && after == Some(close))
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    fn typed(text: &str, c: char) -> String {
        after(text, |r, s| type_char(r, s, c, &Context::default()))
    }

    #[test]
    fn an_opened_pair_is_closed_where_it_is_free() {
        assert_eq!(typed("f|", '('), "f(|)");
        assert_eq!(typed("f|x", '('), "f(|x");
        assert_eq!(typed("[|]", '{'), "[{|}]");
        assert_eq!(typed("a = |;", '"'), "a = \"|\";");
        assert_eq!(typed("don|", '\''), "don'|");
        assert_eq!(typed("عمل|", '"'), "عمل\"|");
        assert_eq!(typed("|\n|\n|x", '['), "[|]\n[|]\n[|x");
        assert_eq!(typed("|", 'é'), "é|");
    }

    #[test]
    fn a_closing_character_moves_over_its_like() {
        assert_eq!(typed("f(|)", ')'), "f()|");
        assert_eq!(typed("\"a|\"", '"'), "\"a\"|");
        assert_eq!(typed("f(a|", ')'), "f(a)|");
        let never = Context { may_type_over: &|_| false, ..Context::default() };
        assert_eq!(after("(|)", |r, s| type_char(r, s, ')', &never)), "()|)");
        let comment = Context { may_close: &|_| false, ..Context::default() };
        assert_eq!(after("|", |r, s| type_char(r, s, '(', &comment)), "(|");
    }

    #[test]
    fn a_selection_is_put_between_a_pair() {
        assert_eq!(typed("a «b|» «|c»", '('), "a («b|») («|c»)");
        assert_eq!(typed("«a|»«b|»", '"'), "\"«a|»\"\"«b|»\"");
        assert_eq!(typed("«a|»", ')'), ")|");
        assert_eq!(after("«a|»", |r, s| surround(r, s, "<b>", "</b>")), "<b>«a|»</b>");
        assert_eq!(after("(«a|») [|]", |r, s| unsurround(r, s, &DEFAULT)), "«a|» |");
    }
}
