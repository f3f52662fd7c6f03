//! Breaking lines: each new one indented as the code around it asks.

use text::transform::{Style, Transformed, typing};
use text::{CharOffset, CharRange, Edit, Rope, Selection, Selections, Transaction};

use crate::buffer::Buffer;

/// With more carets than this the tree is not asked for each of them.
const CARETS_BY_TREE_MAX: usize = 200;

/// Whether a new line is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indent {
    /// As the language and the lines around it ask; `tab` is the columns of a tab.
    AsCode {
        /// The columns of a tab, where the project says nothing.
        tab: usize,
    },
    /// Not at all.
    Never,
}

/// Breaks the line at each of `selections`.
pub fn at(buffer: &Buffer, selections: &Selections, style: Style, indent: Indent) -> Transformed {
    let rope = buffer.rope();
    match indent {
        Indent::Never => typing::insert(rope, selections, style.ending.as_str()),
        Indent::AsCode { .. } if selections.len() > CARETS_BY_TREE_MAX => {
            let pairs = text::transform::pairs::DEFAULT;
            typing::newline(rope, selections, &pairs, style, &|_| false)
        }
        Indent::AsCode { tab } => by_syntax(buffer, selections, style, tab),
    }
}

fn by_syntax(buffer: &Buffer, selections: &Selections, style: Style, tab: usize) -> Transformed {
    let rope = buffer.rope();
    let (indent_style, ending) = (buffer.indent_style(tab), style.ending.as_str());
    let mut edits: Vec<Edit> = Vec::with_capacity(selections.len());
    let mut carets = Vec::with_capacity(selections.len());
    let (mut inserted, mut deleted) = (0, 0);
    for one in selections.iter() {
        let broken = broken_at(rope, one.range());
        let done = edits.last().map_or(CharOffset(0), |last| last.range.end);
        let start = broken.start.max(done);
        let broken = CharRange { start, end: broken.end.max(start) };
        let wanted = buffer.syntax.indent_for_newline(rope, one.range().start, indent_style);
        let mut text = format!("{ending}{}", wanted.line);
        let before_caret = text.chars().count();
        if let Some(closer) = wanted.closer {
            text.push_str(ending);
            text.push_str(&closer);
        }
        let place = CharOffset(start.0 + inserted - deleted);
        carets.push(Selection::caret(place + before_caret));
        inserted += text.chars().count();
        deleted += broken.len();
        match edits.last_mut() {
            // Two carets with nothing but blanks between them.
            Some(last) if last.range.end == start && broken.is_empty() => {
                last.text = format!("{}{text}", last.text).into();
            }
            _ => edits.push(Edit::replace(broken, text)),
        }
    }
    let transaction = Transaction::new(edits).expect("edits are made in order, none meets another");
    Transformed { transaction, selections: Selections::new(carets, selections.primary_index()) }
}

/// A selection with the blanks that would stand at the break.
fn broken_at(rope: &Rope, range: CharRange) -> CharRange {
    let is_blank = |letter: &char| matches!(letter, ' ' | '\t');
    let before = rope.chars_at(range.start.0).reversed().take_while(is_blank).count();
    let after = rope.chars_at(range.end.0).take_while(is_blank).count();
    CharRange { start: range.start - before, end: range.end + after }
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;

    fn after(name: &str, marked: &str, keys: &str) -> String {
        let mut stage = Stage::with_file(name, marked);
        stage.keys(keys);
        stage.marked()
    }

    #[test]
    fn a_new_line_is_indented_as_its_language_asks() {
        assert_eq!(after("a.rs", "fn f() {|}\n", "enter"), "fn f() {\n    |\n}\n");
        assert_eq!(after("a.py", "if x:|\n", "enter"), "if x:\n    |\n");
        assert_eq!(after("a.txt", "  a|  b", "enter"), "  a\n  |b");
        assert_eq!(after("a.txt", "  a |", "enter"), "  a\n  |");
    }

    #[test]
    fn every_cursor_breaks_its_own_line() {
        let twice = "fn f() {|}\nfn g() {|}\n";
        let broken = "fn f() {\n    |\n}\nfn g() {\n    |\n}\n";
        assert_eq!(after("a.rs", twice, "enter"), broken);
        assert_eq!(after("a.txt", "a| | |b", "enter"), "a\n|\n|\n|b");
    }

    #[test]
    fn lines_open_above_and_below_from_anywhere() {
        assert_eq!(after("a.rs", "fn f|() {\n}\n", "ctrl-enter"), "fn f() {\n    |\n}\n");
        assert_eq!(after("a.txt", "a\n  b|c", "ctrl-shift-enter"), "a\n  |\n  bc");
    }

    #[test]
    fn a_file_with_its_own_line_endings_keeps_them() {
        assert_eq!(after("a.txt", "a\r\nb|", "enter x"), "a\r\nb\r\nx|");
    }
}
