//! Commands that change text: pure functions from a text and its selections to a transaction and
//! the selections after it.
//!
//! Each works on every selection at once, keeps the line endings that are there, and gives new
//! lines the ending of the document. The selections that come out stand on grapheme boundaries of
//! the text after the transaction.

pub mod case;
pub mod comment;
pub mod delete;
pub mod indent;
pub mod lines;
pub mod pairs;
pub mod typing;

use ropey::Rope;

use crate::edit::{Bias, Edit, Transaction, map_through};
use crate::grapheme;
use crate::indentation::Indentation;
use crate::line_ending::LineEnding;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::{Selection, Selections};
use crate::width::TabWidth;

/// What a document's lines are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// What ends a new line.
    pub ending: LineEnding,
    /// One step of indentation.
    pub indentation: Indentation,
    /// Where tabs end.
    pub tab: TabWidth,
}

impl Default for Style {
    fn default() -> Self {
        let (ending, indentation) = (LineEnding::Lf, Indentation::Spaces(4));
        Style { ending, indentation, tab: TabWidth::default() }
    }
}

impl Style {
    /// The cells of one step of indentation.
    pub fn indent_cells(&self) -> usize {
        match self.indentation {
            Indentation::Tab => self.tab.cells(),
            Indentation::Spaces(count) => usize::from(count).max(1),
        }
    }
}

/// A change, and where the selections are after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformed {
    /// The change; empty if the command does nothing here.
    pub transaction: Transaction,
    /// The selections in the text after the change.
    pub selections: Selections,
}

/// Where a selection goes when text is inserted exactly at one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carry {
    /// Before it.
    Stay,
    /// After it.
    Follow,
    /// A caret after it, a selection around it.
    Include,
}

impl Transformed {
    /// A command that does nothing.
    fn nothing(selections: &Selections) -> Self {
        Transformed { transaction: Transaction::default(), selections: selections.clone() }
    }

    /// Edits that take the selections along.
    fn carried(rope: &Rope, edits: Vec<Edit>, selections: &Selections, carry: Carry) -> Self {
        let transaction = Transaction::new(edits).expect("edits of a command do not overlap");
        let at = |offset, bias| map_through(transaction.edits(), offset, bias);
        let moved = selections.map(|one| {
            let range = one.range();
            let (start, end) = match carry {
                Carry::Stay => (Bias::Before, Bias::Before),
                Carry::Follow => (Bias::After, Bias::After),
                Carry::Include if one.is_caret() => (Bias::After, Bias::After),
                Carry::Include => (Bias::Before, Bias::After),
            };
            let (start, end) = (at(range.start, start), at(range.end, end));
            if one.anchor <= one.head {
                Selection::new(start, end)
            } else {
                Selection::new(end, start)
            }
        });
        Transformed::snapped(rope, transaction, moved)
    }

    /// Puts the selections onto boundaries of the new text.
    fn snapped(rope: &Rope, transaction: Transaction, selections: Selections) -> Self {
        let mut after = rope.clone();
        transaction.apply_to(&mut after);
        let ceil = |at| grapheme::ceil(&after, at);
        let selections = selections.map(|one| Selection::new(ceil(one.anchor), ceil(one.head)));
        Transformed { transaction, selections }
    }
}

/// Gathers edits from the start of a text to its end, with the selections that they leave.
struct Builder<'a> {
    rope: &'a Rope,
    edits: Vec<Edit>,
    kept: Vec<Selection>,
    inserted: usize,
    deleted: usize,
}

impl<'a> Builder<'a> {
    fn new(rope: &'a Rope) -> Self {
        Builder { rope, edits: Vec::new(), kept: Vec::new(), inserted: 0, deleted: 0 }
    }

    /// Where an offset will stand after the edits so far; what the last one has replaced, or lies
    /// before it, goes to its end.
    fn place(&self, at: CharOffset) -> CharOffset {
        let done = self.edits.last().map_or(CharOffset(0), |last| last.range.end);
        CharOffset(at.max(done).0 + self.inserted - self.deleted)
    }

    /// Replaces a range, and says where its replacement will start. What an earlier edit has
    /// replaced already is left to that one.
    fn replace(&mut self, range: CharRange, text: impl Into<String>) -> CharOffset {
        let text = text.into();
        let done = self.edits.last().map_or(CharOffset(0), |last| last.range.end);
        let start = range.start.max(done);
        let range = CharRange { start, end: range.end.max(start) };
        let place = self.place(start);
        self.inserted += text.chars().count();
        self.deleted += range.len();
        match self.edits.last_mut() {
            Some(last) if last.range.end == range.start && range.is_empty() => {
                last.text = format!("{}{text}", last.text).into();
            }
            _ => self.edits.push(Edit::replace(range, text)),
        }
        place
    }

    /// A selection of the new text.
    fn keep(&mut self, anchor: CharOffset, head: CharOffset) {
        self.kept.push(Selection::new(anchor, head));
    }

    fn finish(self, primary: usize) -> Transformed {
        let transaction = Transaction::new(self.edits).expect("edits are gathered in order");
        Transformed::snapped(self.rope, transaction, Selections::new(self.kept, primary))
    }
}

/// Lines that stand together, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    first: Line,
    last: Line,
}

impl Block {
    /// From the start of its first line to the end of its last, without that one's ending.
    fn range(self, rope: &Rope) -> CharRange {
        CharRange { start: rope.line_start(self.first), end: rope.line_end(self.last) }
    }

    fn lines(self) -> impl DoubleEndedIterator<Item = Line> {
        (self.first.0..=self.last.0).map(Line)
    }
}

/// The lines of one selection. One that ends at the start of a line does not cover that line.
fn block_of(rope: &Rope, selection: Selection) -> Block {
    let range = selection.range();
    let first = rope.line_of(range.start);
    let mut last = rope.line_of(range.end);
    if last > first && range.end == rope.line_start(last) {
        last = last - 1;
    }
    Block { first, last }
}

/// The lines of all selections; those that touch are one block.
fn blocks(rope: &Rope, selections: &Selections) -> Vec<Block> {
    let mut all: Vec<Block> = Vec::new();
    for selection in selections.iter() {
        let block = block_of(rope, selection);
        match all.last_mut() {
            Some(before) if block.first <= before.last + 1 => {
                before.last = before.last.max(block.last);
            }
            _ => all.push(block),
        }
    }
    all
}

/// The blanks that a line starts with.
fn leading(rope: &Rope, line: Line) -> String {
    let start = rope.line_start(line);
    let most = rope.line_end(line) - start;
    rope.chars_at(start.0).take(most).take_while(|c| matches!(c, ' ' | '\t')).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::movement::Motion;
    use crate::movement::fixture::{Random, marked, unmarked};
    use crate::movement::vertical::Vertical;

    /// The marked text after a command on a marked text.
    pub(crate) fn after(
        text: &str,
        command: impl FnOnce(&Rope, &Selections) -> Transformed,
    ) -> String {
        let (mut rope, selections) = unmarked(text);
        let done = command(&rope, &selections);
        done.transaction.check(rope.end()).unwrap();
        done.transaction.apply_to(&mut rope);
        marked(&rope, &done.selections)
    }

    type Command = fn(&Rope, &Selections) -> Transformed;

    const COMMANDS: [(&str, Command); 29] = [
        ("up", |r, s| lines::shift(r, s, Vertical::Up)),
        ("down", |r, s| lines::shift(r, s, Vertical::Down)),
        ("copy up", |r, s| lines::duplicate(r, s, Vertical::Up, LineEnding::CrLf)),
        ("copy down", |r, s| lines::duplicate(r, s, Vertical::Down, LineEnding::CrLf)),
        ("join", lines::join),
        ("delete lines", lines::delete),
        ("sort", |r, s| lines::sort(r, s, lines::Order::Descending)),
        ("unique", lines::unique),
        ("trim", lines::trim),
        ("indent", |r, s| indent::indent(r, s, Style::default())),
        ("outdent", |r, s| indent::outdent(r, s, Style::default())),
        ("tab", |r, s| indent::tab(r, s, Style::default())),
        ("comment", |r, s| comment::toggle(r, s, comment::Tokens::line("//"))),
        ("block", |r, s| comment::toggle(r, s, comment::Tokens::block("/*", "*/"))),
        ("upper", |r, s| case::change(r, s, case::Case::Upper)),
        ("title", |r, s| case::change(r, s, case::Case::Title)),
        ("left", |r, s| delete::by(r, s, Motion::Left)),
        ("right", |r, s| delete::by(r, s, Motion::Right)),
        ("word", |r, s| delete::by(r, s, Motion::WordStartLeft)),
        ("part", |r, s| delete::by(r, s, Motion::PartRight)),
        ("end", |r, s| delete::by(r, s, Motion::LineEnd)),
        ("backspace", |r, s| typing::backspace(r, s, &pairs::DEFAULT, Style::default())),
        ("type (", |r, s| pairs::type_char(r, s, '(', &pairs::Context::default())),
        ("type \"", |r, s| pairs::type_char(r, s, '"', &pairs::Context::default())),
        ("type )", |r, s| pairs::type_char(r, s, ')', &pairs::Context::default())),
        ("surround", |r, s| pairs::surround(r, s, "«", "»")),
        ("newline", |r, s| typing::newline(r, s, &pairs::DEFAULT, Style::default(), &|_| false)),
        ("open", |r, s| typing::open_line(r, s, Vertical::Up, Style::default())),
        ("paste", |r, s| typing::paste(r, s, "\u{301}x\ny", LineEnding::CrLf)),
    ];

    #[test]
    fn any_command_on_any_text_leaves_valid_edits_and_selections() {
        let mut random = Random::new();
        for _ in 0..250 {
            let text = random.text(50);
            let rope = Rope::from_str(&text);
            let mut place =
                || grapheme::floor(&rope, CharOffset(random.below(rope.len_chars() + 1)));
            let all: Vec<Selection> = (0..4)
                .flat_map(|_| [Selection::new(place(), place()), Selection::caret(place())])
                .collect();
            let selections = Selections::new(all, 3);
            for (name, command) in COMMANDS {
                let done = command(&rope, &selections);
                done.transaction.check(rope.end()).unwrap();
                let mut after = rope.clone();
                done.transaction.apply_to(&mut after);
                for one in done.selections.iter() {
                    let valid = [one.anchor, one.head]
                        .iter()
                        .all(|&offset| grapheme::is_boundary(&after, offset));
                    assert!(valid, "{name} on {text:?} with {selections:?} left {one:?}");
                }
                let mut back = after.clone();
                done.transaction.invert(&rope).apply_to(&mut back);
                assert_eq!(back, rope, "{name}");
            }
        }
    }
}
