//! How many cells of a monospace grid a text takes.

use std::num::NonZeroU8;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::reveal;

/// Cells between tab stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TabWidth(NonZeroU8);

impl TabWidth {
    /// At least one cell, at most 255.
    pub fn new(cells: usize) -> Self {
        let cells = u8::try_from(cells).unwrap_or(u8::MAX);
        TabWidth(NonZeroU8::new(cells).unwrap_or(NonZeroU8::MIN))
    }

    /// As a number of cells.
    pub fn cells(self) -> usize {
        usize::from(self.0.get())
    }

    /// The first tab stop after a column, both in cells.
    pub fn next_stop(self, column: usize) -> usize {
        (column / self.cells() + 1) * self.cells()
    }
}

impl Default for TabWidth {
    /// Four cells.
    fn default() -> Self {
        TabWidth::new(4)
    }
}

/// Cells of one grapheme cluster: an East Asian wide character or an emoji takes two, marks on a
/// letter none, a line ending none, and an invisible character that stands by itself takes the
/// cells of the box that shows its name ([`reveal::label`]). A tab counts as one: use
/// [`TabWidth::next_stop`], which knows the column. A mark without a letter takes one cell, so
/// that a caret can stand on either side of it.
pub fn cells(cluster: &str) -> usize {
    match cluster.as_bytes() {
        [b' '..=b'~' | b'\t'] => return 1,
        [b'\n'] | [b'\r'] | [b'\r', b'\n'] | [] => return 0,
        _ => {}
    }
    let mut chars = cluster.chars();
    if let (Some(only), None) = (chars.next(), chars.next())
        && let Some(label) = reveal::label(only)
    {
        return label.len();
    }
    cluster.width().max(1)
}

/// Cells of a text that starts at a column, with its tabs.
pub fn text_cells(text: &str, column: usize, tab: TabWidth) -> usize {
    let end = text.graphemes(true).fold(column, |column, cluster| advance(cluster, column, tab));
    end - column
}

/// The column after a cluster that stands at a column, in cells.
pub fn advance(cluster: &str, column: usize, tab: TabWidth) -> usize {
    if cluster == "\t" { tab.next_stop(column) } else { column + cells(cluster) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_takes_the_cells_that_terminals_and_fonts_give_it() {
        for (cluster, expected) in [
            ("a", 1),
            ("é", 1),
            ("e\u{301}", 1),
            ("م", 1),
            ("تُ", 1),
            ("字", 2),
            ("한", 2),
            ("ａ", 2),
            ("👍", 2),
            ("👍🏽", 2),
            ("👨‍👩‍👧", 2),
            ("🇸🇦", 2),
            ("❤\u{fe0f}", 2),
            ("\u{301}", 1),
            ("\r\n", 0),
            ("", 0),
        ] {
            assert_eq!(cells(cluster), expected, "{cluster:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_takes_the_cells_of_its_name() {
        assert_eq!(cells("\u{202e}"), 3);
        assert_eq!(cells("\0"), 3);
        assert_eq!(cells("\u{200b}"), 4);
    }

    #[test]
    fn a_tab_reaches_the_next_stop() {
        let tab = TabWidth::new(4);
        assert_eq!(text_cells("\t", 0, tab), 4);
        assert_eq!(text_cells("ab\tc", 0, tab), 5);
        assert_eq!(text_cells("\t", 3, tab), 1);
        assert_eq!(text_cells("字\t", 1, tab), 3);
        assert_eq!(TabWidth::new(0).next_stop(7), 8);
    }
}
