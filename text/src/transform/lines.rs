//! Whole lines: moved, copied, joined, deleted, sorted, trimmed.

use std::collections::HashSet;

use ropey::Rope;

use super::{Block, Builder, Carry, Transformed, block_of, blocks};
use crate::edit::{Bias, Edit, Transaction};
use crate::line_ending::LineEnding;
use crate::movement::first_non_blank;
use crate::movement::vertical::Vertical;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::{Selection, Selections};
use crate::word::{self, Class};

/// An order of lines, by their characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Moves the lines of the selections past the line above or below them. Line endings stay where
/// they are, so that the last line may lack one before and after.
pub fn shift(rope: &Rope, selections: &Selections, to: Vertical) -> Transformed {
    let mut edits = Vec::new();
    let mut moved: Vec<(Block, isize)> = Vec::new();
    for block in blocks(rope, selections) {
        let range = block.range(rope);
        match to {
            Vertical::Up if block.first.0 > 0 => {
                let line = rope.line_range(block.first - 1);
                let ending = CharRange { start: line.end, end: range.start };
                let taken = CharRange { start: line.start, end: range.start };
                edits.push(Edit::delete(taken));
                edits.push(Edit::insert(
                    range.end,
                    format!("{}{}", text(rope, ending), text(rope, line)),
                ));
                moved.push((block, -(taken.len() as isize)));
            }
            Vertical::Down if block.last < rope.last_line() => {
                let line = rope.line_range(block.last + 1);
                let ending = CharRange { start: range.end, end: line.start };
                let taken = CharRange { start: range.end, end: line.end };
                edits.push(Edit::insert(
                    range.start,
                    format!("{}{}", text(rope, line), text(rope, ending)),
                ));
                edits.push(Edit::delete(taken));
                moved.push((block, taken.len() as isize));
            }
            _ => moved.push((block, 0)),
        }
    }
    let mut done = Transformed::carried(rope, edits, selections, Carry::Stay);
    // What is inserted beside a block must not push its selections, so they move with it.
    let shifted = selections.map(|one| {
        let lines = block_of(rope, one);
        let found =
            moved.iter().find(|(block, _)| block.first <= lines.first && lines.last <= block.last);
        let by = found.map_or(0, |(_, by)| *by);
        let end = rope.end().0;
        let at = |offset: CharOffset| CharOffset(offset.0.saturating_add_signed(by).min(end));
        Selection::new(at(one.anchor), at(one.head))
    });
    done.selections = Transformed::snapped(rope, done.transaction.clone(), shifted).selections;
    done
}

/// Copies the lines of the selections; the selections go to the copy above or below.
pub fn duplicate(
    rope: &Rope,
    selections: &Selections,
    to: Vertical,
    ending: LineEnding,
) -> Transformed {
    let edits = blocks(rope, selections).into_iter().map(|block| {
        let range = block.range(rope);
        let own = match block.last < rope.last_line() {
            true => {
                text(rope, CharRange { start: range.end, end: rope.line_start(block.last + 1) })
            }
            false => ending.as_str().to_owned(),
        };
        match to {
            Vertical::Down => Edit::insert(range.start, format!("{}{own}", text(rope, range))),
            Vertical::Up => Edit::insert(range.end, format!("{own}{}", text(rope, range))),
        }
    });
    let carry = if to == Vertical::Down { Carry::Follow } else { Carry::Stay };
    Transformed::carried(rope, edits.collect(), selections, carry)
}

/// Joins the lines of each selection, or the line of a caret with the next, with one blank
/// between what both hold. A caret goes to where the lines meet.
pub fn join(rope: &Rope, selections: &Selections) -> Transformed {
    let mut edits: Vec<Edit> = Vec::new();
    let mut meet = Vec::new();
    let mut done = Line(0);
    for one in selections.iter() {
        let Block { first, last } = block_of(rope, one);
        let last = last.max(first + 1).min(rope.last_line());
        for line in (first.max(done).0..last.0).map(Line) {
            let here = rope.line_range(line);
            let mut gap = CharRange {
                start: word::skip_left(rope, here, here.end, Class::Space),
                end: first_non_blank(rope, line + 1),
            };
            // A blank line belongs to the gap before it.
            if let Some(before) = edits.pop_if(|before| before.range.end >= gap.start) {
                gap.start = before.range.start;
            }
            let bare = gap.start == rope.line_start(rope.line_of(gap.start))
                || gap.end == rope.line_end(line + 1);
            edits.push(Edit::replace(gap, if bare { "" } else { " " }));
        }
        done = done.max(last);
        let joint = edits.last().filter(|edit| edit.range.end > one.range().start);
        meet.push(joint.map_or(one.head, |edit| edit.range.start));
    }
    let transaction = Transaction::new(edits).expect("each line is joined once");
    let at = |offset| transaction.map(offset, Bias::Before);
    let mut joints = meet.into_iter();
    let moved = selections.map(|one| {
        let joint = joints.next().unwrap_or(one.head);
        match one.is_caret() {
            true => Selection::caret(at(joint)),
            false => Selection::new(at(one.anchor), at(one.head)),
        }
    });
    Transformed::snapped(rope, transaction, moved)
}

/// Deletes the lines of the selections with their endings.
pub fn delete(rope: &Rope, selections: &Selections) -> Transformed {
    let mut builder = Builder::new(rope);
    for block in blocks(rope, selections) {
        let range = block.range(rope);
        let range = if block.last < rope.last_line() {
            CharRange { start: range.start, end: rope.line_start(block.last + 1) }
        } else if block.first.0 > 0 {
            CharRange { start: rope.line_end(block.first - 1), end: range.end }
        } else {
            range
        };
        let place = builder.replace(range, "");
        builder.keep(place, place);
    }
    let mut done = builder.finish(0);
    // A caret that went to the end of the line before belongs to that line's start.
    let mut after = rope.clone();
    done.transaction.apply_to(&mut after);
    done.selections =
        done.selections.map(|one| Selection::caret(after.line_start(after.line_of(one.head))));
    done
}

/// Sorts the lines of each selection; with carets alone, all lines.
pub fn sort(rope: &Rope, selections: &Selections, order: Order) -> Transformed {
    rearrange(rope, selections, |lines| {
        lines.sort();
        if order == Order::Descending {
            lines.reverse();
        }
    })
}

/// Deletes the lines of each selection that were there before; with carets alone, of all lines.
pub fn unique(rope: &Rope, selections: &Selections) -> Transformed {
    rearrange(rope, selections, |lines| {
        let mut seen = HashSet::new();
        lines.retain(|line| seen.insert(line.clone()));
    })
}

/// Lets a function change the lines of each block; each place keeps its ending.
fn rearrange(
    rope: &Rope,
    selections: &Selections,
    change: impl Fn(&mut Vec<String>),
) -> Transformed {
    let whole = selections.iter().all(Selection::is_caret);
    let chosen = match whole {
        true => {
            let last = rope.last_line();
            let empty = last.0 > 0 && rope.line_range(last).is_empty();
            vec![Block { first: Line(0), last: if empty { last - 1 } else { last } }]
        }
        false => blocks(rope, selections),
    };
    let mut builder = Builder::new(rope);
    for block in chosen {
        let range = block.range(rope);
        let mut contents: Vec<String> =
            block.lines().map(|line| text(rope, rope.line_range(line))).collect();
        let endings: Vec<String> = (block.first.0..block.last.0)
            .map(Line)
            .map(|line| {
                let ending =
                    CharRange { start: rope.line_end(line), end: rope.line_start(line + 1) };
                text(rope, ending)
            })
            .collect();
        change(&mut contents);
        let mut changed = String::new();
        for (index, line) in contents.iter().enumerate() {
            if index > 0 {
                changed.push_str(&endings[index - 1]);
            }
            changed.push_str(line);
        }
        let length = changed.chars().count();
        let start = match rope.slice_of(range) == changed.as_str() {
            true => builder.place(range.start),
            false => builder.replace(range, changed),
        };
        builder.keep(start, start + length);
    }
    let done = builder.finish(0);
    match whole {
        true => Transformed::carried(rope, done.transaction.into_edits(), selections, Carry::Stay),
        false => done,
    }
}

/// Deletes the blanks at the ends of all lines.
pub fn trim(rope: &Rope, selections: &Selections) -> Transformed {
    let mut edits = Vec::new();
    for (index, line) in rope.lines().enumerate() {
        let body = line.chars_at(line.len_chars()).reversed();
        let mut blanks = body.skip_while(|c| matches!(c, '\n' | '\r')).take_while(|c| is_blank(*c));
        if blanks.next().is_some() {
            let end = rope.line_end(Line(index));
            let start = end - (1 + blanks.count());
            edits.push(Edit::delete(CharRange { start, end }));
        }
    }
    Transformed::carried(rope, edits, selections, Carry::Stay)
}

fn is_blank(c: char) -> bool {
    word::class(c) == Class::Space
}

fn text(rope: &Rope, range: CharRange) -> String {
    rope.slice_of(range).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    #[test]
    fn lines_move_and_keep_their_endings() {
        let up = |text| after(text, |r, s| shift(r, s, Vertical::Up));
        let down = |text| after(text, |r, s| shift(r, s, Vertical::Down));
        assert_eq!(up("a\r\nb|c\r\nd"), "b|c\r\na\r\nd");
        assert_eq!(up("a\nb|"), "b|\na");
        assert_eq!(up("a|\nb"), "a|\nb");
        assert_eq!(down("a|b\r\nc"), "c\r\na|b");
        assert_eq!(down("«a\nb\n|»c\nd"), "c\n«a\nb\n|»d");
        assert_eq!(down("|a\nb\n|c\nd\n"), "b\n|a\nd\n|c\n");
    }

    #[test]
    fn lines_are_copied_up_or_down() {
        let copy = |text, to| after(text, |r, s| duplicate(r, s, to, LineEnding::CrLf));
        assert_eq!(copy("a|b", Vertical::Down), "ab\r\na|b");
        assert_eq!(copy("ab|\nc", Vertical::Up), "ab|\nab\nc");
        assert_eq!(copy("«a\nb|»\nc", Vertical::Down), "a\nb\n«a\nb|»\nc");
    }

    #[test]
    fn lines_are_joined_with_one_blank() {
        assert_eq!(after("a|b  \r\n   cd\ne", join), "ab| cd\ne");
        assert_eq!(after("«a\n\n  b\nc|»\nd", join), "«a b c|»\nd");
        assert_eq!(after("a|\nb\nc|\nd", join), "a| b\nc| d");
        assert_eq!(after("a|", join), "a|");
        assert_eq!(after("a|\n|b\nc", join), "a| b| c");
    }

    #[test]
    fn lines_are_deleted_whole() {
        assert_eq!(after("a\nb|b\nc", delete), "a\n|c");
        assert_eq!(after("a\r\nb|", delete), "|a");
        assert_eq!(after("|", delete), "|");
        assert_eq!(after("|a\nb\nc|\nd", delete), "|b\n|d");
    }

    #[test]
    fn lines_are_sorted_and_made_unique() {
        let sorted = |text| after(text, |r, s| sort(r, s, Order::Ascending));
        assert_eq!(sorted("«c\r\na\nb|»\n0"), "«a\r\nb\nc|»\n0");
        assert_eq!(sorted("|b\na\n"), "|a\nb\n");
        assert_eq!(after("«b\na\nb\n|»c", unique), "«b\na|»\nc");
    }

    #[test]
    fn blanks_at_line_ends_are_trimmed() {
        assert_eq!(after("a \t\r\n  |\nb\u{a0}\n c|  ", trim), "a\r\n|\nb\n c|");
    }
}
