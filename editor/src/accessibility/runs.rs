//! The text of a control as assistive technology reads it: runs of characters of one direction on
//! one row, with where words begin and where each character lies.

use accesskit::{Node, NodeId, Rect, Role, TextDirection, TextPosition, TextSelection};

/// Characters of a run at most: a word's start is one byte, and counts them.
const RUN_MAX: usize = 200;

/// Runs of a row at most; what comes behind them is not told.
pub const ROW_RUNS_MAX: usize = 4096;

/// What a caret steps over at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Character {
    /// Where it is in the control, in the control's own offsets.
    pub at: usize,
    /// Bytes of the row's text.
    pub bytes: u8,
    /// The direction that it is written in.
    pub direction: TextDirection,
    /// Its left and right edge, physical pixels of the window; `None` if it was not drawn.
    pub x: Option<(f32, f32)>,
}

/// A row of a control.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowText {
    /// Its characters in logical order, its line break the last of them.
    pub text: String,
    /// The same, one by one.
    pub characters: Vec<Character>,
    /// Offsets of the control at which words begin, ascending.
    pub words: Vec<usize>,
    /// Top and bottom edge, and where an empty row's caret is, physical pixels of the window;
    /// `None` if it was not drawn.
    pub place: Option<RowPlace>,
}

/// Where a row was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowPlace {
    /// Its upper edge.
    pub top: f32,
    /// Its lower edge.
    pub bottom: f32,
    /// Where its caret is when it is empty.
    pub start: f32,
}

impl RowText {
    /// Adds a character; one of more bytes than can be told is told in parts.
    pub fn push(&mut self, text: &str, character: Character) {
        self.text.push_str(text);
        let mut rest = text.len();
        let mut start = 0;
        while rest > 0 {
            let end = text.floor_char_boundary(start + usize::from(u8::MAX));
            self.characters.push(Character { bytes: (end - start) as u8, ..character });
            rest = text.len() - end;
            start = end;
        }
    }
}

/// A run: a node of the tree.
struct Run {
    id: NodeId,
    text: String,
    characters: Vec<Character>,
    words: Vec<u8>,
    place: Option<RowPlace>,
    /// Whether it goes on the row of the run before it.
    goes_on: bool,
}

/// The runs of a control.
#[derive(Default)]
pub struct Runs {
    all: Vec<Run>,
    /// The offset behind the last character.
    end: usize,
}

/// On which side of a wrapped line's edge a caret stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the end of the upper row.
    Above,
    /// At the start of the lower one.
    Below,
}

impl Runs {
    /// Adds a row, whose runs `id` names by their number in it. `end` is the offset behind it.
    pub fn push(&mut self, row: &RowText, end: usize, id: impl Fn(usize) -> NodeId) {
        self.end = end;
        let mut words = row.words.iter().copied().peekable();
        let (mut byte, mut from, mut number) = (0, 0, 0);
        loop {
            let rest = &row.characters[from..];
            let direction = rest.first().map(|one| one.direction);
            let length = rest
                .iter()
                .take(RUN_MAX)
                .take_while(|one| Some(one.direction) == direction)
                .count();
            let characters = rest[..length].to_vec();
            let bytes: usize = characters.iter().map(|one| usize::from(one.bytes)).sum();
            let mut starts = Vec::new();
            for (index, character) in characters.iter().enumerate() {
                while words.next_if(|word| *word < character.at).is_some() {}
                if words.next_if_eq(&character.at).is_some() {
                    starts.push(index as u8);
                }
            }
            self.all.push(Run {
                id: id(number),
                text: row.text[byte..byte + bytes].to_owned(),
                characters,
                words: starts,
                place: row.place,
                goes_on: number > 0,
            });
            (byte, from, number) = (byte + bytes, from + length, number + 1);
            if from == row.characters.len() || number == ROW_RUNS_MAX {
                return;
            }
        }
    }

    /// Where an offset is; `None` if it is not among what is told.
    pub fn position(&self, at: usize, side: Side) -> Option<TextPosition> {
        let first = self.start_of_run(self.all.first()?);
        if at < first || at > self.end {
            return None;
        }
        // Of several parts of one character the first is where it starts.
        let before = |run: &&Run| run.characters.first().is_some_and(|one| one.at < at);
        let behind = self.all.iter().take_while(before).count();
        let start = self.all.get(behind).map(|run| self.start_of_run(run));
        let starts_run = start == Some(at);
        let run = match (starts_run, side) {
            (true, Side::Above) if self.is_wrapped(behind) => behind - 1,
            (true, _) => behind,
            (false, _) => behind.saturating_sub(1),
        };
        let run = self.all.get(run)?;
        let index = run.characters.partition_point(|one| one.at < at);
        Some(TextPosition { node: run.id, character_index: index })
    }

    /// Where a run starts; one without characters is the last.
    fn start_of_run(&self, run: &Run) -> usize {
        run.characters.first().map_or(self.end, |one| one.at)
    }

    /// Whether a run starts a row that goes on the line of the row above.
    fn is_wrapped(&self, run: usize) -> bool {
        let above = run.checked_sub(1).and_then(|above| self.all.get(above));
        let is_first = self.all.get(run).is_some_and(|run| !run.goes_on);
        is_first && above.is_some_and(|above| !above.text.ends_with('\n'))
    }

    /// A selection between two offsets, each brought to what is told. `None` where the caret is
    /// elsewhere: a caret in a place where it is not would mislead.
    pub fn selection(&self, anchor: usize, focus: usize, side: Side) -> Option<TextSelection> {
        let first = self.start_of_run(self.all.first()?);
        let near = anchor.clamp(first, self.end);
        let side_of_anchor = if anchor == focus { side } else { Side::Below };
        Some(TextSelection {
            anchor: self.position(near, side_of_anchor)?,
            focus: self.position(focus, side)?,
        })
    }

    /// The offset of a position; `None` for one in a run that is gone.
    pub fn offset(&self, position: TextPosition) -> Option<usize> {
        let run = self.all.iter().position(|run| run.id == position.node)?;
        let here = self.all[run].characters.get(position.character_index);
        let next = self.all.get(run + 1).and_then(|run| run.characters.first());
        Some(here.or(next).map_or(self.end, |one| one.at))
    }

    /// The offset at which the run of this id begins.
    pub fn start_of(&self, id: NodeId) -> Option<usize> {
        self.offset(TextPosition { node: id, character_index: 0 })
    }

    /// The ids, in order.
    pub fn ids(&self) -> Vec<NodeId> {
        self.all.iter().map(|run| run.id).collect()
    }

    /// The runs as nodes of the tree.
    pub fn into_nodes(self) -> Vec<(NodeId, Node)> {
        let ids = self.ids();
        let goes_on: Vec<bool> = self.all.iter().map(|run| run.goes_on).collect();
        let nodes = self.all.into_iter().enumerate().map(|(index, run)| {
            let id = run.id;
            let mut node = run.into_node();
            if goes_on[index] {
                node.set_previous_on_line(ids[index - 1]);
            }
            if goes_on.get(index + 1) == Some(&true) {
                node.set_next_on_line(ids[index + 1]);
            }
            (id, node)
        });
        nodes.collect()
    }
}

impl Run {
    fn into_node(self) -> Node {
        let mut node = Node::new(Role::TextRun);
        let direction =
            self.characters.first().map_or(TextDirection::LeftToRight, |one| one.direction);
        node.set_text_direction(direction);
        let lengths: Vec<u8> = self.characters.iter().map(|one| one.bytes).collect();
        node.set_character_lengths(lengths);
        node.set_word_starts(self.words.clone());
        self.set_place(&mut node, direction);
        node.set_value(self.text);
        node
    }

    /// Where the run lies, and each character in it: counted from where the run starts, which is
    /// its right edge where it runs to the left.
    fn set_place(&self, node: &mut Node, direction: TextDirection) {
        let edges: Option<Vec<(f32, f32)>> = self.characters.iter().map(|one| one.x).collect();
        let (Some(place), Some(edges)) = (self.place, edges) else { return };
        let left = edges.iter().map(|edge| edge.0).reduce(f32::min).unwrap_or(place.start);
        let right = edges.iter().map(|edge| edge.1).reduce(f32::max).unwrap_or(place.start);
        node.set_bounds(Rect {
            x0: left.into(),
            y0: place.top.into(),
            x1: right.into(),
            y1: place.bottom.into(),
        });
        let start = |edge: &(f32, f32)| match direction {
            TextDirection::RightToLeft => right - edge.1,
            _ => edge.0 - left,
        };
        let positions: Vec<f32> = edges.iter().map(start).collect();
        let widths: Vec<f32> = edges.iter().map(|edge| edge.1 - edge.0).collect();
        node.set_character_positions(positions);
        node.set_character_widths(widths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, start: usize, rtl: std::ops::Range<usize>) -> RowText {
        let mut row = RowText::default();
        for (index, letter) in text.chars().enumerate() {
            let direction = match rtl.contains(&index) {
                true => TextDirection::RightToLeft,
                false => TextDirection::LeftToRight,
            };
            let at = start + index;
            let character = Character { at, bytes: 0, direction, x: None };
            row.push(letter.encode_utf8(&mut [0; 4]), character);
        }
        row
    }

    fn runs(rows: &[RowText]) -> Runs {
        let mut runs = Runs::default();
        for (number, row) in rows.iter().enumerate() {
            let end = row.characters.last().map_or(runs.end, |last| last.at + 1);
            runs.push(row, end, |run| NodeId((number * 10_000 + run) as u64));
        }
        runs
    }

    #[test]
    fn every_offset_has_a_position_that_leads_back_to_it() {
        let long = "x".repeat(3 * RUN_MAX + 7);
        let rows = [row("ab\n", 0, 0..0), row("a سلام b\n", 3, 2..6), row(&long, 12, 0..0)];
        let runs = runs(&rows);
        for at in 0..=runs.end {
            let position = runs.position(at, Side::Below).unwrap();
            assert_eq!(runs.offset(position), Some(at), "{position:?}");
        }
        assert_eq!(runs.position(runs.end + 1, Side::Below), None);
        assert_eq!(runs.offset(TextPosition { node: NodeId(7), character_index: 0 }), None);
    }

    #[test]
    fn a_row_is_cut_where_its_direction_changes_and_where_it_is_long() {
        let nodes = runs(&[row("a سلام b\n", 0, 2..6)]).into_nodes();
        let told: Vec<_> = nodes
            .iter()
            .map(|(_, node)| (node.value().unwrap(), node.text_direction().unwrap()))
            .collect();
        let (ltr, rtl) = (TextDirection::LeftToRight, TextDirection::RightToLeft);
        assert_eq!(told, [("a ", ltr), ("سلام", rtl), (" b\n", ltr)]);
        assert_eq!(nodes[0].1.next_on_line(), Some(nodes[1].0));
        assert_eq!(nodes[1].1.previous_on_line(), Some(nodes[0].0));
        assert_eq!(nodes[2].1.next_on_line(), None);
        let long = runs(&[row(&"x".repeat(1000), 0, 0..0)]).into_nodes();
        assert!(long.iter().all(|(_, node)| node.character_lengths().len() <= RUN_MAX));
    }

    #[test]
    fn an_empty_text_and_an_empty_last_line_have_a_place_for_the_caret() {
        let empty = runs(&[RowText::default()]);
        assert!(empty.position(0, Side::Below).is_some());
        let two = runs(&[row("ab\n", 0, 0..0), RowText::default()]);
        let last = two.position(3, Side::Below).unwrap();
        assert_eq!(last, TextPosition { node: NodeId(10_000), character_index: 0 });
        let broken = two.position(2, Side::Below).unwrap();
        let before_break = TextPosition { node: NodeId(0), character_index: 2 };
        assert_eq!(broken, before_break);
    }

    #[test]
    fn the_edge_of_a_wrapped_row_is_on_both_rows() {
        let runs = runs(&[row("one ", 0, 0..0), row("two", 4, 0..0)]);
        let above = runs.position(4, Side::Above).unwrap();
        let below = runs.position(4, Side::Below).unwrap();
        assert_eq!((above.node, above.character_index), (NodeId(0), 4));
        assert_eq!((below.node, below.character_index), (NodeId(10_000), 0));
        assert_eq!(runs.offset(above), runs.offset(below));
    }

    #[test]
    fn characters_that_run_to_the_left_are_counted_from_the_right() {
        let mut row = row("سل", 0, 0..2);
        row.place = Some(RowPlace { top: 0.0, bottom: 20.0, start: 0.0 });
        row.characters[0].x = Some((18.0, 30.0));
        row.characters[1].x = Some((10.0, 18.0));
        let nodes = runs(&[row]).into_nodes();
        let node = &nodes[0].1;
        assert_eq!(node.bounds().map(|bounds| (bounds.x0, bounds.x1)), Some((10.0, 30.0)));
        assert_eq!(node.character_positions(), Some([0.0, 12.0].as_slice()));
        assert_eq!(node.character_widths(), Some([12.0, 8.0].as_slice()));
    }

    #[test]
    fn a_character_of_very_many_marks_is_told_in_parts() {
        let zalgo = format!("a{}", "\u{301}".repeat(400));
        let mut row = RowText::default();
        let direction = TextDirection::LeftToRight;
        row.push(&zalgo, Character { at: 0, bytes: 0, direction, x: None });
        let nodes = runs(&[row]).into_nodes();
        let lengths = nodes[0].1.character_lengths();
        let sum: usize = lengths.iter().map(|bytes| usize::from(*bytes)).sum();
        assert_eq!(sum, zalgo.len());
    }
}
