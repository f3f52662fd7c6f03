//! Indentation: one step in, one step out, and the tab key.

use ropey::Rope;

use super::{Builder, Carry, Style, Transformed, block_of, blocks, leading};
use crate::edit::Edit;
use crate::indentation::Indentation;
use crate::movement::{PlainColumns, is_blank};
use crate::position::{CharRange, Line, Positions};
use crate::selection::{Selection, Selections};

/// Indents the lines of the selections by one step; blank lines are left as they are, unless one
/// is all there is.
pub fn indent(rope: &Rope, selections: &Selections, style: Style) -> Transformed {
    let chosen = blocks(rope, selections);
    let only_blank = chosen.iter().flat_map(|block| block.lines()).all(|line| is_blank(rope, line));
    let edits: Vec<Edit> = chosen
        .iter()
        .flat_map(|block| block.lines())
        .filter(|&line| only_blank || !is_blank(rope, line))
        .map(|line| Edit::insert(rope.line_start(line), style.indentation.as_str()))
        .collect();
    Transformed::carried(rope, edits, selections, Carry::Include)
}

/// Takes one step of indentation from the lines of the selections, as far as they have it.
pub fn outdent(rope: &Rope, selections: &Selections, style: Style) -> Transformed {
    let edits = blocks(rope, selections).into_iter().flat_map(|block| block.lines()).map(|line| {
        let start = rope.line_start(line);
        Edit::delete(CharRange { start, end: start + step(rope, line, style) })
    });
    Transformed::carried(rope, edits.collect(), selections, Carry::Follow)
}

/// The characters of a line's first step of indentation.
fn step(rope: &Rope, line: Line, style: Style) -> usize {
    let (mut column, mut length) = (0, 0);
    for blank in leading(rope, line).chars() {
        if column >= style.indent_cells() {
            break;
        }
        let after = if blank == '\t' { style.tab.next_stop(column) } else { column + 1 };
        // A tab that reaches further than one step stays, if something else could go.
        if length > 0 && blank == '\t' && after > style.indent_cells() {
            break;
        }
        (column, length) = (after, length + 1);
    }
    length
}

/// The tab key: indents the lines of selections that span several; elsewhere replaces the
/// selection with blanks up to the next stop, or with a tab.
pub fn tab(rope: &Rope, selections: &Selections, style: Style) -> Transformed {
    let spans = |one: Selection| {
        let block = block_of(rope, one);
        block.first < block.last
    };
    if selections.iter().any(spans) {
        return indent(rope, selections, style);
    }
    let columns = PlainColumns::new(rope, style.tab);
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let range = one.range();
        let blanks = match style.indentation {
            Indentation::Tab => "\t".to_owned(),
            Indentation::Spaces(_) => {
                let step = style.indent_cells();
                " ".repeat(step - columns.cell(range.start) % step)
            }
        };
        let length = blanks.len();
        let start = builder.replace(range, blanks);
        builder.keep(start + length, start + length);
    }
    builder.finish(selections.primary_index())
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;
    use crate::width::TabWidth;

    fn spaces() -> Style {
        Style::default()
    }

    fn tabs() -> Style {
        Style { indentation: Indentation::Tab, tab: TabWidth::new(8), ..Style::default() }
    }

    #[test]
    fn lines_go_one_step_in() {
        let run = |text, style| after(text, |r, s| indent(r, s, style));
        assert_eq!(run("a|\r\nb", spaces()), "    a|\r\nb");
        assert_eq!(run("«a\n\nb|»", tabs()), "«\ta\n\n\tb|»");
        assert_eq!(run("|\na", tabs()), "\t|\na");
        assert_eq!(run("x «y|»", spaces()), "    x «y|»");
    }

    #[test]
    fn lines_go_one_step_out() {
        let run = |text, style| after(text, |r, s| outdent(r, s, style));
        assert_eq!(run("      a|", spaces()), "  a|");
        assert_eq!(run("  a|", spaces()), "a|");
        assert_eq!(run("\ta|\n", spaces()), "a|\n");
        assert_eq!(run("«\ta\n        b\nc|»", tabs()), "«a\nb\nc|»");
        assert_eq!(run("  |  a", spaces()), "|a");
    }

    #[test]
    fn the_tab_key_reaches_the_next_stop() {
        let run = |text, style| after(text, |r, s| tab(r, s, style));
        assert_eq!(run("ab|c", spaces()), "ab  |c");
        assert_eq!(run("字|\n|", spaces()), "字  |\n    |");
        assert_eq!(run("a«b|»c", tabs()), "a\t|c");
        assert_eq!(run("«a\nb|»", spaces()), "«    a\n    b|»");
    }
}
