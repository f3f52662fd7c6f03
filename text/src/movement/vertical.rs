//! Up and down, keeping the column.

use super::columns::Columns;
use crate::position::CharOffset;
use crate::selection::{Movement, Selection, Selections};

/// A direction across rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vertical {
    /// Towards the start of the text.
    Up,
    /// Towards its end.
    Down,
}

/// Moves one selection by a number of rows. It aims at the column where the first of several such
/// movements began, so that a short line on the way is no loss. From the first row up is the start
/// of the text, from the last row down its end.
pub fn move_rows(
    columns: &dyn Columns,
    selection: Selection,
    direction: Vertical,
    rows: usize,
    movement: Movement,
) -> Selection {
    let from = match (movement, direction) {
        (Movement::Extend, _) => selection.head,
        (Movement::Move, Vertical::Up) => selection.range().start,
        (Movement::Move, Vertical::Down) => selection.range().end,
    };
    // Goal and side belong to the head: a selection that is left from its other end starts anew.
    let is_head = from == selection.head;
    let from = if is_head { selection.place() } else { from.into() };
    let row = columns.row(from);
    let goal = selection.goal.filter(|_| is_head);
    let goal = goal.unwrap_or_else(|| columns.column(from));
    let head = match shifted(columns, row, direction, rows) {
        Some(row) => columns.place(row, goal),
        None if direction == Vertical::Up => CharOffset(0).into(),
        None => columns.place(columns.last_row(), f32::INFINITY),
    };
    Selection { goal: Some(goal), ..selection.moved(head, movement) }
}

/// [`move_rows`] for every selection.
pub fn move_all_rows(
    columns: &dyn Columns,
    selections: &Selections,
    direction: Vertical,
    rows: usize,
    movement: Movement,
) -> Selections {
    selections.map(|one| move_rows(columns, one, direction, rows, movement))
}

/// The row that far away, or the last one on the way there; none if there is no other row.
pub(super) fn shifted(
    columns: &dyn Columns,
    row: usize,
    direction: Vertical,
    rows: usize,
) -> Option<usize> {
    let target = match direction {
        Vertical::Up => row.saturating_sub(rows),
        Vertical::Down => row.saturating_add(rows).min(columns.last_row()),
    };
    (target != row).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::PlainColumns;
    use crate::movement::fixture::{marked, unmarked};
    use crate::width::TabWidth;

    fn moved(text: &str, steps: &[(Vertical, usize)], movement: Movement) -> String {
        let (rope, mut selections) = unmarked(text);
        let columns = PlainColumns::new(&rope, TabWidth::new(4));
        for &(direction, rows) in steps {
            selections = move_all_rows(&columns, &selections, direction, rows, movement);
        }
        marked(&rope, &selections)
    }

    #[test]
    fn the_column_survives_a_short_line() {
        let down = (Vertical::Down, 1);
        assert_eq!(moved("abcd|\nx\nefgh", &[down], Movement::Move), "abcd\nx|\nefgh");
        assert_eq!(moved("abcd|\nx\nefgh", &[down, down], Movement::Move), "abcd\nx\nefgh|");
        assert_eq!(moved("abcd|\n字字字", &[down], Movement::Move), "abcd\n字字|字");
        assert_eq!(moved("abcd|\n\tx", &[down], Movement::Move), "abcd\n\t|x");
    }

    #[test]
    fn the_edges_of_the_text_are_reached() {
        assert_eq!(moved("a|b\nc", &[(Vertical::Up, 1)], Movement::Move), "|ab\nc");
        assert_eq!(moved("ab\n|cd", &[(Vertical::Down, 1)], Movement::Move), "ab\ncd|");
        assert_eq!(moved("a|b\nc\nde", &[(Vertical::Down, 40)], Movement::Move), "ab\nc\nd|e");
        let back = [(Vertical::Up, 1), (Vertical::Down, 1)];
        assert_eq!(moved("a|b\ncd", &back, Movement::Move), "ab\nc|d");
    }

    #[test]
    fn a_selection_grows_by_rows_or_is_left_at_its_edge() {
        let down = [(Vertical::Down, 1)];
        assert_eq!(moved("a«b|»c\ndef", &down, Movement::Extend), "a«bc\nde|»f");
        assert_eq!(moved("a«|b»c\ndef", &down, Movement::Move), "abc\nde|f");
        assert_eq!(moved("a|bc\nde|f\nghi", &down, Movement::Move), "abc\nd|ef\ngh|i");
    }
}
