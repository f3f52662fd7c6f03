//! The layers of a tree, moved along with edits.
//!
//! A key may come while a worker holds the tree, and a text may have fifty thousand layers. So
//! they stay as they were parsed, shared, and the edits since are kept beside them: where a layer
//! is now is worked out when somebody looks at it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use text::Rope;
use tree_sitter::{InputEdit, Point};

use crate::tree::{Fate, Layer, Missed};

/// Layers and the edits since they were parsed. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    /// The text's own first, then by depth and start; those of one depth do not overlap.
    parsed: Arc<Vec<Layer>>,
    /// Oldest first, each in the text that those before it left.
    moves: Vec<Move>,
    /// What has become of the layers that an edit was in, by their index.
    edited: BTreeMap<usize, Edited>,
}

/// The bytes of an edit.
#[derive(Clone, Copy, Debug)]
struct Move {
    start: usize,
    old_end: usize,
    new_end: usize,
}

#[derive(Clone, Debug)]
enum Edited {
    Kept(Layer),
    /// Its start was replaced: this is where the rest of it ended up.
    Lost(usize),
}

impl Move {
    fn of(edit: &InputEdit) -> Self {
        Move { start: edit.start_byte, old_end: edit.old_end_byte, new_end: edit.new_end_byte }
    }

    /// Where a range that the edit does not touch is after it.
    fn apply(self, place: Range<usize>) -> Range<usize> {
        match self.old_end <= place.start {
            true => {
                place.start - self.old_end + self.new_end..place.end - self.old_end + self.new_end
            }
            false => place,
        }
    }
}

impl Layers {
    /// Layers as they were parsed; the first is the text's own, and the only one of depth 0.
    pub(crate) fn new(mut parsed: Vec<Layer>) -> Self {
        parsed.sort_by_key(|layer| (layer.depth, layer.start));
        Layers { parsed: Arc::new(parsed), moves: Vec::new(), edited: BTreeMap::new() }
    }

    /// That of the text's own language.
    pub(crate) fn own(&self) -> &Layer {
        match self.edited.get(&0) {
            Some(Edited::Kept(layer)) => layer,
            _ => &self.parsed[0],
        }
    }

    /// All of them, by depth and start. Takes as long as there are layers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Layer> {
        (0..self.parsed.len()).filter_map(|index| self.get(index))
    }

    /// The layers that have a part in a range of bytes, outer ones first. An empty range is a
    /// place between two bytes, and layers that end or begin there count.
    pub(crate) fn meeting(&self, range: Range<usize>) -> impl Iterator<Item = Layer> {
        let deepest = self.parsed.last().map_or(0, |layer| layer.depth);
        let reach = range.end + usize::from(range.is_empty());
        // The text's own language has a part in everything, though the text be empty.
        let inner = (1..=deepest).flat_map(move |depth| {
            let (start, is_empty) = (range.start, range.is_empty());
            let first = self.first(depth, |place| match is_empty {
                true => place.end < start,
                false => place.end <= start,
            });
            let here = (first..self.depth(depth).end)
                .take_while(move |index| self.place(*index).start < reach);
            here.filter_map(move |index| self.get(index))
        });
        std::iter::once(self.own().clone()).chain(inner)
    }

    /// The indices of the layers of a depth.
    fn depth(&self, depth: u8) -> Range<usize> {
        let first = |depth: u8| self.parsed.partition_point(|layer| layer.depth < depth);
        first(depth)..first(depth + 1)
    }

    /// The first layer of a depth that is not `before`, which holds for some first ones of them.
    fn first(&self, depth: u8, before: impl Fn(Range<usize>) -> bool) -> usize {
        let Range { mut start, mut end } = self.depth(depth);
        while start < end {
            let middle = start + (end - start) / 2;
            match before(self.place(middle)) {
                true => start = middle + 1,
                false => end = middle,
            }
        }
        start
    }

    /// Where a layer is now; a lost one takes no bytes.
    fn place(&self, index: usize) -> Range<usize> {
        match self.edited.get(&index) {
            Some(Edited::Kept(layer)) => layer.range(),
            Some(Edited::Lost(at)) => *at..*at,
            None => self.moves.iter().fold(self.parsed[index].range(), |at, it| it.apply(at)),
        }
    }

    fn get(&self, index: usize) -> Option<Layer> {
        match self.edited.get(&index) {
            Some(Edited::Kept(layer)) => Some(layer.clone()),
            Some(Edited::Lost(_)) => None,
            None => {
                let Range { start, end } = self.place(index);
                Some(Layer { start, end, ..self.parsed[index].clone() })
            }
        }
    }

    /// Moves them along with one edit. Takes as long as there are layers with an edit in them.
    pub(crate) fn edit(&mut self, Missed { edit, before }: &Missed) {
        let moved = Move::of(edit);
        let deepest = self.parsed.last().map_or(0, |layer| layer.depth);
        for depth in 0..=deepest {
            let first = self.first(depth, |place| place.end <= moved.start);
            for index in first..self.depth(depth).end {
                if self.place(index).start >= moved.old_end {
                    break;
                }
                if !self.edited.contains_key(&index)
                    && let Some(layer) = self.get(index)
                {
                    self.edited.insert(index, Edited::Kept(layer));
                }
            }
        }
        let own = match self.edited.remove(&0) {
            Some(Edited::Kept(layer)) => layer,
            _ => self.parsed[0].clone(),
        };
        for it in self.edited.values_mut() {
            it.edit(edit, before);
        }
        self.edited.insert(0, Edited::Kept(own.edited_whole(edit)));
        self.moves.push(moved);
    }
}

impl Edited {
    fn edit(&mut self, edit: &InputEdit, before: &Rope) {
        match self {
            Edited::Kept(layer) => {
                let inside = edit.start_byte < layer.end && edit.old_end_byte > layer.start;
                let origin = if inside { point(before, layer.start) } else { Point::default() };
                if layer.edit(edit, origin) == Fate::Lost {
                    *self = Edited::Lost(edit.new_end_byte);
                }
            }
            Edited::Lost(at) if edit.old_end_byte <= *at => {
                *at = *at - edit.old_end_byte + edit.new_end_byte;
            }
            Edited::Lost(at) if edit.start_byte < *at => *at = edit.new_end_byte,
            Edited::Lost(_) => {}
        }
    }
}

/// Where a byte stands, or the text's end.
fn point(rope: &Rope, byte: usize) -> Point {
    let byte = byte.min(rope.len_bytes());
    let row = rope.byte_to_line(byte);
    Point { row, column: byte - rope.line_to_byte(row) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::Languages;
    use crate::syntax::{Syntax, input_edit};
    use std::fmt::Write as _;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;
    use text::{CharOffset, CharRange, Edit};

    fn of_markdown(rope: &Rope) -> Layers {
        let language = Languages::builtin().named("markdown");
        let mut syntax = Syntax::new(language);
        while let Some(job) = syntax.job(rope) {
            syntax.install(job.run(&AtomicBool::new(false), Duration::from_secs(60)), rope);
        }
        syntax.tree().expect("it was parsed").layers.clone()
    }

    /// What the edits do when each layer is moved along on its own.
    fn moved_one_by_one(layers: &mut Vec<Layer>, missed: &Missed) {
        let own = layers.remove(0).edited_whole(&missed.edit);
        layers.retain_mut(|layer| {
            let mut it = Edited::Kept(layer.clone());
            it.edit(&missed.edit, &missed.before);
            match it {
                Edited::Kept(moved) => *layer = moved,
                Edited::Lost(_) => return false,
            }
            true
        });
        layers.insert(0, own);
    }

    fn told<'a>(layers: impl Iterator<Item = &'a Layer>) -> Vec<(Range<usize>, u8, bool, String)> {
        let one = |it: &Layer| (it.range(), it.depth, it.touched, it.root().to_sexp());
        layers.map(one).collect()
    }

    #[test]
    fn edits_move_all_layers_as_they_move_each() {
        let mut text = String::new();
        for number in 0..40 {
            let fence = ["rust", "json", "markdown"][number % 3];
            let body = ["fn f() { /// *x*\n}\n", "{\"a\": [1]}\n", "a *b* `c`\n"][number % 3];
            writeln!(text, "# Part {number} *one*\n\n```{fence}\n{body}```\n").expect("no disk");
        }
        for seed in 1..40_u64 {
            let mut state = seed;
            let mut below = |limit: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as usize % limit.max(1)
            };
            let mut rope = Rope::from_str(&text);
            let mut layers = of_markdown(&rope);
            assert!(layers.iter().count() > 40, "there is something to move");
            let mut each: Vec<Layer> = layers.iter().collect();
            for step in 0..12 {
                let start = below(rope.len_chars() + 1);
                let length = [0, 1, 30, 400][below(4)];
                let end = (start + length).min(rope.len_chars());
                let range = CharRange { start: CharOffset(start), end: CharOffset(end) };
                let edit = Edit::replace(range, ["", "x", "é\n", "`\n```\n"][below(4)]);
                let missed = Missed { edit: input_edit(&rope, &edit), before: rope.clone() };
                rope.remove(start..end);
                rope.insert(start, &edit.text);
                layers.edit(&missed);
                moved_one_by_one(&mut each, &missed);
                let all: Vec<Layer> = layers.iter().collect();
                assert_eq!(told(all.iter()), told(each.iter()), "seed {seed}, step {step}");
                for _ in 0..8 {
                    let start = below(rope.len_bytes() + 1);
                    let range = start..(start + [0, 1, 50][below(3)]).min(rope.len_bytes());
                    let met: Vec<Layer> = layers.meeting(range.clone()).collect();
                    let reach = range.end + usize::from(range.is_empty());
                    let meets = |it: &&Layer| {
                        let begun =
                            it.end > range.start || range.is_empty() && it.end == range.start;
                        it.depth == 0 || begun && it.start < reach
                    };
                    assert_eq!(told(met.iter()), told(each.iter().filter(meets)), "seed {seed}");
                }
            }
        }
    }
}
