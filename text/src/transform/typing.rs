//! What the keyboard and the clipboard do: text, line breaks, backspace, paste.

use ropey::Rope;

use super::delete;
use super::pairs::{self, Pair};
use super::{Builder, Style, Transformed, leading};
use crate::grapheme;
use crate::line_ending::LineEnding;
use crate::movement::PlainColumns;
use crate::movement::vertical::Vertical;
use crate::position::{CharOffset, CharRange, Positions};
use crate::selection::{Selection, Selections};
use crate::word::{self, Class};

/// Puts a text in place of every selection, verbatim, with the caret after it.
pub fn insert(rope: &Rope, selections: &Selections, text: &str) -> Transformed {
    each(rope, selections, |_| text.to_owned())
}

/// Pastes a text: if it has as many lines as there are selections, each gets one, else each gets
/// all. Line breaks become those of the document.
pub fn paste(rope: &Rope, selections: &Selections, text: &str, ending: LineEnding) -> Transformed {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
    if selections.len() > 1 && lines.len() == selections.len() {
        return each(rope, selections, |index| lines[index].to_owned());
    }
    let text = text.replace('\n', ending.as_str());
    insert(rope, selections, &text)
}

/// What copying takes: the selected texts, one to a line; for carets alone, their lines whole.
pub fn copied(rope: &Rope, selections: &Selections, ending: LineEnding) -> String {
    let carets = selections.iter().all(Selection::is_caret);
    let mut all = String::new();
    for (index, one) in selections.iter().enumerate() {
        let range = match carets {
            true => rope.line_range(rope.line_of(one.head)),
            false => one.range(),
        };
        if index > 0 && !carets {
            all.push_str(ending.as_str());
        }
        all.extend(rope.slice_of(range).chunks());
        if carets {
            all.push_str(ending.as_str());
        }
    }
    all
}

fn each(rope: &Rope, selections: &Selections, text: impl Fn(usize) -> String) -> Transformed {
    let mut builder = Builder::new(rope);
    for (index, one) in selections.iter().enumerate() {
        let text = text(index);
        let length = text.chars().count();
        let start = builder.replace(one.range(), text);
        builder.keep(start + length, start + length);
    }
    builder.finish(selections.primary_index())
}

/// Breaks the line at every selection. The new line is indented as the one that it came from; one
/// step more after an opening bracket, or where `opens_block` says so of the offset. Between a
/// bracket and its closing one, that one goes to a third line. No blanks are left at the break.
pub fn newline(
    rope: &Rope,
    selections: &Selections,
    pairs: &[Pair],
    style: Style,
    opens_block: &dyn Fn(CharOffset) -> bool,
) -> Transformed {
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let range = one.range();
        let first = rope.line_of(range.start);
        let (start_line, end_line) =
            (rope.line_range(first), rope.line_range(rope.line_of(range.end)));
        let mut indentation = leading(rope, first);
        indentation.truncate(range.start - start_line.start);
        let broken = CharRange {
            start: word::skip_left(rope, start_line, range.start, Class::Space),
            end: word::skip_right(rope, end_line, range.end, Class::Space),
        };
        let brackets = pairs.iter().filter(|(open, close)| open != close);
        let before = broken.start.0.checked_sub(1).and_then(|index| rope.get_char(index));
        let after = rope.get_char(broken.end.0);
        let opened = brackets.clone().find(|(open, _)| before == Some(*open));
        let ending = style.ending.as_str();
        let mut text = format!("{ending}{indentation}");
        if opened.is_some() || opens_block(range.start) {
            text.push_str(style.indentation.as_str());
        }
        let caret = text.chars().count();
        if opened.is_some_and(|(_, close)| after == Some(*close)) {
            text.push_str(ending);
            text.push_str(&indentation);
        }
        let place = builder.replace(broken, text);
        builder.keep(place + caret, place + caret);
    }
    builder.finish(selections.primary_index())
}

/// Opens an empty line above or below the line of each selection, indented like it.
pub fn open_line(
    rope: &Rope,
    selections: &Selections,
    side: Vertical,
    style: Style,
) -> Transformed {
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let line = rope.line_of(one.head);
        let indentation = leading(rope, line);
        let width = indentation.len();
        let ending = style.ending.as_str();
        let caret = match side {
            Vertical::Down => {
                let end = CharRange::at(rope.line_end(line));
                builder.replace(end, format!("{ending}{indentation}")) + ending.len() + width
            }
            Vertical::Up => {
                let start = CharRange::at(rope.line_start(line));
                builder.replace(start, format!("{indentation}{ending}")) + width
            }
        };
        builder.keep(caret, caret);
    }
    builder.finish(selections.primary_index())
}

/// Deletes the selections, and before each caret: both characters of an empty pair; in the blanks
/// before a line's text, back to the tab stop before; a single mark of scripts that type marks one
/// by one; else a grapheme cluster.
pub fn backspace(
    rope: &Rope,
    selections: &Selections,
    pairs: &[Pair],
    style: Style,
) -> Transformed {
    delete::ranges(rope, selections, |one| {
        if !one.is_caret() {
            return one.range();
        }
        let at = one.head;
        if pairs::is_between(rope, CharRange::at(at), pairs) {
            return CharRange { start: at - 1, end: at + 1 };
        }
        let start = match indentation_start(rope, at, style) {
            Some(start) => start,
            None if at.0 > 0 && is_typed_mark(rope.char(at.0 - 1)) => at - 1,
            None => grapheme::previous(rope, at),
        };
        CharRange { start, end: at }
    })
}

/// The tab stop before an offset that has only spaces before it in its line.
fn indentation_start(rope: &Rope, at: CharOffset, style: Style) -> Option<CharOffset> {
    let line = rope.line_of(at);
    let start = rope.line_start(line);
    let blanks = leading(rope, line);
    let before = at - start;
    if before == 0 || before > blanks.len() || !blanks[..before].ends_with(' ') {
        return None;
    }
    let column = PlainColumns::new(rope, style.tab).cell(at);
    let back = column - (column - 1) / style.indent_cells() * style.indent_cells();
    let spaces = blanks[..before].bytes().rev().take_while(|blank| *blank == b' ').count();
    Some(at - back.min(spaces))
}

/// Marks that are keys of their own: Hebrew points, Arabic harakat, Indic, Thai and Lao vowels.
fn is_typed_mark(c: char) -> bool {
    word::class(c) == Class::Mark
        && matches!(c, '\u{591}'..='\u{6ed}' | '\u{8d3}'..='\u{8ff}' | '\u{900}'..='\u{eff}')
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    fn broken(text: &str) -> String {
        let style = Style::default();
        after(text, |r, s| newline(r, s, &pairs::DEFAULT, style, &|_| false))
    }

    fn back(text: &str) -> String {
        after(text, |r, s| backspace(r, s, &pairs::DEFAULT, Style::default()))
    }

    #[test]
    fn a_new_line_keeps_the_indentation_and_splits_brackets() {
        assert_eq!(broken("  a|b"), "  a\n  |b");
        assert_eq!(broken("  a | b"), "  a\n  |b");
        assert_eq!(broken("  fn() {|}"), "  fn() {\n      |\n  }");
        assert_eq!(broken("f(|a)"), "f(\n    |a)");
        assert_eq!(broken("    |"), "\n    |");
        assert_eq!(broken("|  a"), "\n|a");
        assert_eq!(broken("a|\nb|"), "a\n|\nb\n|");
        assert_eq!(broken("a| | | b"), "a\n\n\n|b".replacen("\n\n\n", "\n|\n|\n", 1));
        let crlf = Style { ending: LineEnding::CrLf, ..Style::default() };
        let block = |r: &Rope, s: &Selections| newline(r, s, &[], crlf, &|_| true);
        assert_eq!(after("if x:|", block), "if x:\r\n    |");
    }

    #[test]
    fn backspace_takes_a_pair_a_step_a_mark_or_a_cluster() {
        assert_eq!(back("f(|)"), "f|");
        assert_eq!(back("\"|\""), "|");
        assert_eq!(back("      |a"), "    |a");
        assert_eq!(back("    |a"), "|a");
        assert_eq!(back("a   |"), "a  |");
        assert_eq!(back("\t |x"), "\t|x");
        assert_eq!(back("بَّ|"), "بَ|");
        assert_eq!(back("e\u{301}|"), "|");
        assert_eq!(back("👩🏽\u{200d}🚀|"), "|");
        assert_eq!(back("a\r\n|b"), "a|b");
        assert_eq!(back("a«b|»c|"), "a||".replacen("||", "|", 1));
        assert_eq!(back("|"), "|");
    }

    #[test]
    fn what_is_pasted_is_dealt_out_or_repeated() {
        let run = |text, clip| after(text, |r, s| paste(r, s, clip, LineEnding::CrLf));
        assert_eq!(run("|\r\n|", "a\nb\n"), "a|\r\nb|");
        assert_eq!(run("|x|", "a\nb\nc"), "a\r\nb\r\nc|xa\r\nb\r\nc|");
        assert_eq!(run("«x|»", "عمل\r"), "عمل\r\n|");
    }

    #[test]
    fn copying_takes_selections_or_whole_lines() {
        let copy = |text| {
            let (rope, selections) = crate::movement::fixture::unmarked(text);
            copied(&rope, &selections, LineEnding::Lf)
        };
        assert_eq!(copy("a«b|»c «d|»"), "b\nd");
        assert_eq!(copy("a|b\nc"), "ab\n");
    }

    #[test]
    fn an_empty_line_is_opened_beside() {
        let run = |text, side| after(text, |r, s| open_line(r, s, side, Style::default()));
        assert_eq!(run("  a|b\nc", Vertical::Down), "  ab\n  |\nc");
        assert_eq!(run("  a|b\nc", Vertical::Up), "  |\n  ab\nc");
        assert_eq!(run("a|b|", Vertical::Up), "|\n|\nab");
    }
}
