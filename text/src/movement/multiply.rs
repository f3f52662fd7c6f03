//! Many selections from one.

use ropey::Rope;

use super::columns::{Columns, PlainColumns};
use super::vertical::{Vertical, shifted};
use crate::grapheme;
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::search::{Case, Limits, Query, Searcher, Stopped, Words};
use crate::selection::{Movement, Place, Selection, Selections};
use crate::word;

/// Most selections that one command makes; more than that no view can follow.
pub const SELECTIONS_MAX: usize = 10_000;

/// Adds a caret in the row above the first selection or below the last, at the column where the
/// column of carets began. Rows too short for that column get a caret at their end.
pub fn add_caret(columns: &dyn Columns, selections: &Selections, to: Vertical) -> Selections {
    let edge = match to {
        Vertical::Up => selections.iter().next(),
        Vertical::Down => selections.iter().next_back(),
    };
    let edge = edge.unwrap_or_else(|| selections.primary());
    let row = columns.row(edge.place());
    let goal = edge.goal.unwrap_or_else(|| columns.column(edge.place()));
    let Some(row) = shifted(columns, row, to, 1) else {
        return selections.clone();
    };
    let caret = edge.moved(columns.place(row, goal), Movement::Move);
    let caret = Selection { goal: Some(goal), ..caret };
    let kept = selections.iter().map(|one| Selection { goal: one.goal.or(Some(goal)), ..one });
    let last = selections.len();
    Selections::new(kept.chain([caret]), last)
}

/// What the next match is looked for: the primary selection's text, or the word at its caret.
///
/// From a caret, the first step selects that word; the word is then matched as a whole.
pub fn pattern(rope: &Rope, selections: &Selections) -> Option<Query> {
    let primary = selections.primary();
    let (range, words) = match primary.is_caret() {
        true => (word::word_at(rope, primary.head)?, Words::Whole),
        false => (primary.range(), Words::Any),
    };
    let text = rope.slice_of(range).to_string();
    Some(Query { words, case: Case::Sensitive, ..Query::literal(text) })
}

/// Selects the next match of the primary selection too; from a caret, the word that it is in.
/// After the last match it goes on at the start of the text. Unchanged if there is no more.
pub fn add_next_match(
    rope: &Rope,
    selections: &Selections,
    searcher: &Searcher,
    limits: Limits<'_>,
) -> Result<Selections, Stopped> {
    let primary = selections.primary();
    if primary.is_caret() {
        let word = word::word_at(rope, primary.head);
        return Ok(word.map_or_else(
            || selections.clone(),
            |word| selections.map(|one| if one == primary { span(rope, word) } else { one }),
        ));
    }
    let taken = |range: CharRange| selections.iter().any(|one| overlap(one.range(), range));
    let after = CharRange { start: primary.range().end, end: rope.end() };
    let before = CharRange { start: CharOffset(0), end: primary.range().start };
    for range in [after, before] {
        for found in searcher.find_iter(rope, range, limits) {
            let found = found?.range;
            if !found.is_empty() && !taken(found) {
                return Ok(selections.with(span(rope, found)));
            }
        }
    }
    Ok(selections.clone())
}

/// Selects every match in the text, at most [`SELECTIONS_MAX`] of them. The primary one is the
/// match that the primary selection is in. Unchanged if there is none.
pub fn select_all_matches(
    rope: &Rope,
    selections: &Selections,
    searcher: &Searcher,
    limits: Limits<'_>,
) -> Result<Selections, Stopped> {
    select_matches_in(
        rope,
        selections,
        &[CharRange::new(CharOffset(0), rope.end())],
        searcher,
        limits,
    )
}

/// Selects every match inside the selections; carets are left out.
pub fn select_matches_within(
    rope: &Rope,
    selections: &Selections,
    searcher: &Searcher,
    limits: Limits<'_>,
) -> Result<Selections, Stopped> {
    let ranges: Vec<CharRange> = selections.iter().map(Selection::range).collect();
    select_matches_in(rope, selections, &ranges, searcher, limits)
}

fn select_matches_in(
    rope: &Rope,
    selections: &Selections,
    ranges: &[CharRange],
    searcher: &Searcher,
    limits: Limits<'_>,
) -> Result<Selections, Stopped> {
    let mut all = Vec::new();
    for &range in ranges {
        for found in searcher.find_iter(rope, range, limits) {
            let found = found?.range;
            if !found.is_empty() {
                all.push(span(rope, found));
            }
            if all.len() == SELECTIONS_MAX {
                break;
            }
        }
    }
    if all.is_empty() {
        return Ok(selections.clone());
    }
    let head = selections.primary().range().start;
    let primary = all.iter().position(|one| one.range().end >= head).unwrap_or(0);
    Ok(Selections::new(all, primary))
}

/// One selection in each row between two points, from the column of the one to that of the other:
/// a block as it is dragged. Rows that end before the block get none, unless it has no width or no
/// row reaches it.
pub fn block(columns: &dyn Columns, anchor: (usize, f32), head: (usize, f32)) -> Selections {
    let (first, last) = (anchor.0.min(head.0), anchor.0.max(head.0).min(columns.last_row()));
    let left = anchor.1.min(head.1);
    let mut reaching = Vec::new();
    let mut short = Vec::new();
    for row in (first..=last).take(SELECTIONS_MAX) {
        let from = columns.place(row, anchor.1);
        let to = columns.place(row, head.1);
        let end = columns.place(row, f32::INFINITY);
        let one = Selection::caret(from.at).moved(to, Movement::Extend);
        let reaches = from != to || (anchor.1 == head.1 && columns.column(end) >= left);
        (if reaches { &mut reaching } else { &mut short }).push((row, one));
    }
    let all = if reaching.is_empty() { short } else { reaching };
    let primary = if head.0 >= anchor.0 { all.len().saturating_sub(1) } else { 0 };
    Selections::new(all.into_iter().map(|(_, one)| one), primary)
}

/// [`block`] between two places of the text, in a plain view.
pub fn block_between(
    columns: &PlainColumns<'_>,
    anchor: CharOffset,
    head: CharOffset,
) -> Selections {
    let point = |at: Place| (columns.row(at), columns.column(at));
    block(columns, point(anchor.into()), point(head.into()))
}

/// One selection in each line that a selection covers, without line endings.
pub fn split_into_lines(rope: &Rope, selections: &Selections) -> Selections {
    let mut all = Vec::new();
    let mut primary = 0;
    for (index, one) in selections.iter().enumerate() {
        if index == selections.primary_index() {
            primary = all.len();
        }
        let range = one.range();
        if one.is_caret() {
            all.push(one);
            continue;
        }
        let lines = rope.line_of(range.start).0..=rope.line_of(range.end).0;
        for line in lines {
            let part = rope.line_range(Line(line));
            let (start, end) = (part.start.max(range.start), part.end.min(range.end));
            // A selection that ends at the start of a line does not cover it.
            if start < end || (start == end && part.end < range.end) {
                all.push(Selection::new(start, end));
            }
            if all.len() >= SELECTIONS_MAX {
                break;
            }
        }
    }
    Selections::new(all, primary)
}

/// Without the newest selection; the last one stays.
pub fn drop_primary(selections: &Selections) -> Selections {
    if selections.len() == 1 {
        return selections.clone();
    }
    let dropped = selections.primary_index();
    let kept = selections.iter().enumerate().filter(|(index, _)| *index != dropped);
    Selections::new(kept.map(|(_, one)| one), dropped.min(selections.len() - 2))
}

/// A selection of a range, grown to whole clusters.
fn span(rope: &Rope, range: CharRange) -> Selection {
    Selection::new(grapheme::floor(rope, range.start), grapheme::ceil(rope, range.end))
}

fn overlap(a: CharRange, b: CharRange) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::fixture::{marked, unmarked};
    use crate::width::TabWidth;

    fn next(text: &str, times: usize) -> String {
        let (rope, mut selections) = unmarked(text);
        let query = pattern(&rope, &selections).unwrap();
        let searcher = query.compile().unwrap();
        for _ in 0..times {
            selections = add_next_match(&rope, &selections, &searcher, Limits::default()).unwrap();
        }
        marked(&rope, &selections)
    }

    #[test]
    fn the_next_match_is_added_and_wraps() {
        assert_eq!(next("a foo f|oo food foo", 1), "a foo «foo|» food foo");
        assert_eq!(next("a foo f|oo food foo", 2), "a foo «foo|» food «foo|»");
        assert_eq!(next("a foo f|oo food foo", 3), "a «foo|» «foo|» food «foo|»");
        assert_eq!(next("a foo f|oo food foo", 9), "a «foo|» «foo|» food «foo|»");
        assert_eq!(next("«foo|» food", 1), "«foo|» «foo|»d");
        assert_eq!(next("«كل|» يوم كل", 1), "«كل|» يوم «كل|»");
    }

    #[test]
    fn all_matches_are_selected_and_the_nearest_leads() {
        let (rope, selections) = unmarked("ab x a|b ab");
        let searcher = pattern(&rope, &selections).unwrap().compile().unwrap();
        let all = select_all_matches(&rope, &selections, &searcher, Limits::default()).unwrap();
        assert_eq!(marked(&rope, &all), "«ab|» x «ab|» «ab|»");
        assert_eq!(all.primary_index(), 1);
        let (rope, selections) = unmarked("ab «ab ab|» ab");
        let searcher = Query::literal("ab").compile().unwrap();
        let within =
            select_matches_within(&rope, &selections, &searcher, Limits::default()).unwrap();
        assert_eq!(marked(&rope, &within), "ab «ab|» «ab|» ab");
    }

    #[test]
    fn carets_are_added_in_a_column() {
        let (rope, selections) = unmarked("abc|d\nx\nabcd\n");
        let columns = PlainColumns::new(&rope, TabWidth::default());
        let mut all = selections;
        all = add_caret(&columns, &all, Vertical::Down);
        assert_eq!(marked(&rope, &all), "abc|d\nx|\nabcd\n");
        all = add_caret(&columns, &all, Vertical::Down);
        assert_eq!(marked(&rope, &all), "abc|d\nx|\nabc|d\n");
        assert_eq!(add_caret(&columns, &all, Vertical::Up), all);
        assert_eq!(marked(&rope, &drop_primary(&all)), "abc|d\nx|\nabcd\n");
    }

    #[test]
    fn a_block_is_measured_in_columns() {
        let rope = Rope::from_str("abcdef\n\tx\n字字字\nab\n");
        let columns = PlainColumns::new(&rope, TabWidth::new(4));
        let all = block(&columns, (0, 2.0), (2, 5.0));
        assert_eq!(marked(&rope, &all), "ab«cde|»f\n«\tx|»\n字«字|»字\nab\n");
        let all = block(&columns, (3, 6.0), (3, 9.0));
        assert_eq!(marked(&rope, &all), "abcdef\n\tx\n字字字\nab|\n");
        let all = block_between(&columns, CharOffset(3), CharOffset(1));
        assert_eq!(marked(&rope, &all), "a«|bc»def\n\tx\n字字字\nab\n");
    }

    #[test]
    fn a_selection_splits_into_its_lines() {
        let (rope, selections) = unmarked("a«b\r\n\r\ncd\r\n|»e");
        let split = split_into_lines(&rope, &selections);
        assert_eq!(marked(&rope, &split), "a«b|»\r\n|\r\n«cd|»\r\ne");
    }
}
