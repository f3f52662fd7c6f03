//! The order in which one line is seen (UAX #9), and moving a caret through it.
//!
//! Between two clusters the caret belongs to the one with the lower embedding level, and at a
//! line's ends to the line's own direction. Reversing a run then permutes the places strictly
//! inside it and leaves its two ends where they are, so that the places of a caret in the text and
//! those on the screen are one to one: a step to the left or right always reaches a new place,
//! visits each once, and needs no memory of where it came from.

use std::ops::Range;

use unicode_bidi::{BidiClass, Level, ParagraphBidiInfo, bidi_class};
use unicode_segmentation::UnicodeSegmentation;

/// A line longer than this many bytes is taken as one run in its base direction: the
/// algorithm reads the whole line, and nobody reads a line of that length.
pub const LINE_BYTES_MAX: usize = 1 << 16;

/// How a line gets its base direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Base {
    /// From its first strong character, as prose wants it; left to right if there is none.
    #[default]
    Auto,
    /// Left to right, as code wants it.
    Ltr,
    /// Right to left.
    Rtl,
}

/// A direction of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

/// Left or right as seen on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Towards the left edge.
    Left,
    /// Towards the right edge.
    Right,
}

/// A stretch of one direction, in the order in which it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisualRun {
    /// Its bytes in the line.
    pub bytes: Range<usize>,
    /// Its embedding level; odd is right to left.
    pub level: u8,
}

impl VisualRun {
    /// The direction in which it is written.
    pub fn direction(&self) -> Direction {
        if is_rtl(self.level) { Direction::Rtl } else { Direction::Ltr }
    }
}

/// A line with its order worked out. A value without borrows, to be cached beside the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BidiLine {
    base: Direction,
    runs: Vec<VisualRun>,
    /// Where a caret may stand, in bytes, ascending; empty in a line that is plain.
    stops: Box<[u32]>,
    /// For each stop its place on the screen, counted from the left in clusters.
    slots: Box<[u32]>,
    /// For each place on the screen its stop.
    stop_of_slot: Box<[u32]>,
    /// Levels of the clusters between the stops.
    levels: Box<[u8]>,
}

/// The direction that a line has under a policy.
pub fn direction(text: &str, base: Base) -> Direction {
    match base {
        Base::Ltr => Direction::Ltr,
        Base::Rtl => Direction::Rtl,
        Base::Auto if text.is_ascii() => Direction::Ltr,
        Base::Auto => match unicode_bidi::get_base_direction(text) {
            unicode_bidi::Direction::Rtl => Direction::Rtl,
            _ => Direction::Ltr,
        },
    }
}

/// Whether anything in a text can make its order differ from left to right.
pub fn has_rtl(text: &str) -> bool {
    // Everything before Hebrew is written left to right or neutral.
    !text.is_ascii()
        && text.chars().filter(|&c| c >= '\u{590}').any(|c| {
            use BidiClass::{AL, AN, FSI, LRE, LRI, LRO, PDF, PDI, R, RLE, RLI, RLO};
            matches!(
                bidi_class(c),
                R | AL | AN | RLE | RLO | RLI | LRE | LRO | LRI | FSI | PDF | PDI
            )
        })
}

impl BidiLine {
    /// Works out the order of a line, given without its line ending.
    pub fn new(text: &str, base: Base) -> Self {
        let head = &text[..text.floor_char_boundary(LINE_BYTES_MAX)];
        let direction = direction(head, base);
        let is_plain = direction == Direction::Ltr && !has_rtl(head);
        if text.is_empty() || is_plain || text.len() > LINE_BYTES_MAX {
            let level = u8::from(direction == Direction::Rtl && !is_plain);
            let runs = match text.len() {
                0 => Vec::new(),
                length => vec![VisualRun { bytes: 0..length, level }],
            };
            let nothing: Box<[u32]> = Box::default();
            return BidiLine {
                base: direction,
                runs,
                stops: nothing.clone(),
                slots: nothing.clone(),
                stop_of_slot: nothing,
                levels: Box::default(),
            };
        }
        BidiLine::ordered(text, direction)
    }

    fn ordered(text: &str, base: Direction) -> Self {
        let level = if base == Direction::Rtl { Level::rtl() } else { Level::ltr() };
        let info = ParagraphBidiInfo::new(text, Some(level));
        let (levels_of_bytes, ranges) = info.visual_runs(0..text.len());
        let runs = ranges
            .into_iter()
            .map(|bytes| VisualRun { level: levels_of_bytes[bytes.start].number(), bytes })
            .collect();
        let mut stops: Vec<u32> = Vec::new();
        let mut levels: Vec<Level> = Vec::new();
        for (start, _) in text.grapheme_indices(true) {
            stops.push(narrow(start));
            levels.push(levels_of_bytes[start]);
        }
        stops.push(narrow(text.len()));
        let levels_of_clusters: Box<[u8]> = levels.iter().map(|level| level.number()).collect();
        let mut slots = vec![0; stops.len()];
        let place_of = places(&levels);
        let outside = level.number();
        for stop in 0..stops.len() {
            let before = stop.checked_sub(1).map_or(outside, |index| levels_of_clusters[index]);
            let after = levels_of_clusters.get(stop).copied().unwrap_or(outside);
            let slot = match (stop.checked_sub(1), before <= after) {
                // The line's start, in its own direction.
                (None, true) => side_of(base, Edge::Start, levels.len()),
                (Some(index), true) => place_of[index] + usize::from(!is_rtl(before)),
                (_, false) if stop == levels.len() => side_of(base, Edge::End, levels.len()),
                (_, false) => place_of[stop] + usize::from(is_rtl(after)),
            };
            slots[stop] = narrow(slot);
        }
        let mut stop_of_slot = vec![0; stops.len()];
        for (stop, &slot) in slots.iter().enumerate() {
            stop_of_slot[slot as usize] = narrow(stop);
        }
        BidiLine {
            base,
            runs,
            stops: stops.into(),
            slots: slots.into(),
            stop_of_slot: stop_of_slot.into(),
            levels: levels_of_clusters,
        }
    }

    /// The direction of the line as a whole: at which edge it starts.
    pub fn base(&self) -> Direction {
        self.base
    }

    /// The runs from left to right; together they are the whole line.
    pub fn runs(&self) -> &[VisualRun] {
        &self.runs
    }

    /// Whether the line is seen in the order in which it is written.
    pub fn is_plain(&self) -> bool {
        self.stops.is_empty() && self.base == Direction::Ltr
    }

    /// The direction of the character at a byte; at the line's end, that of the line.
    pub fn direction_at(&self, byte: usize) -> Direction {
        let run = self.runs.iter().find(|run| run.bytes.contains(&byte));
        run.map_or(self.base, VisualRun::direction)
    }

    /// The caret's place after one step on the screen, both as bytes in the line; none at
    /// that edge of the line. `text` is the line that this was made from.
    pub fn step(&self, text: &str, byte: usize, side: Side) -> Option<usize> {
        if self.stops.is_empty() {
            let forward = (side == Side::Right) == (self.base == Direction::Ltr);
            return if forward { next_stop(text, byte) } else { previous_stop(text, byte) };
        }
        let slot = self.slots[self.stop_at(byte)] as usize;
        let slot = match side {
            Side::Left => slot.checked_sub(1)?,
            Side::Right => slot + 1,
        };
        let stop = *self.stop_of_slot.get(slot)? as usize;
        Some(self.stops[stop] as usize)
    }

    /// The leftmost or rightmost caret place, as a byte in the line of the given length.
    pub fn edge(&self, side: Side, length: usize) -> usize {
        if (side == Side::Left) == (self.base == Direction::Ltr) { 0 } else { length }
    }

    /// The places on the screen, counted in clusters from the left, at which the caret of a byte
    /// is drawn: the first is where steps find it; a second exists where two directions meet, and
    /// is where a letter of the other direction would appear. None in a plain line, where the
    /// place is the number of clusters before.
    pub fn slots_of(&self, byte: usize) -> Option<(usize, Option<usize>)> {
        if self.stops.is_empty() {
            return None;
        }
        let stop = self.stop_at(byte);
        let slot = self.slots[stop] as usize;
        let levels: Vec<Level> = self.levels.iter().filter_map(|&l| Level::new(l).ok()).collect();
        let place_of = places(&levels);
        let before = stop
            .checked_sub(1)
            .map(|index| place_of[index] + usize::from(!is_rtl(self.levels[index])));
        let after = (stop < self.levels.len())
            .then(|| place_of[stop] + usize::from(is_rtl(self.levels[stop])));
        let other = [before, after].into_iter().flatten().find(|&place| place != slot);
        Some((slot, other))
    }

    fn stop_at(&self, byte: usize) -> usize {
        self.stops.partition_point(|&stop| stop as usize <= byte).saturating_sub(1)
    }
}

/// One step to the left on the screen; see [`BidiLine::step`].
pub fn visual_left(text: &str, byte: usize, base: Base) -> Option<usize> {
    BidiLine::new(text, base).step(text, byte, Side::Left)
}

/// One step to the right on the screen; see [`BidiLine::step`].
pub fn visual_right(text: &str, byte: usize, base: Base) -> Option<usize> {
    BidiLine::new(text, base).step(text, byte, Side::Right)
}

/// Whether a level is one of those written from right to left (UAX #9 BD2).
fn is_rtl(level: u8) -> bool {
    level & 1 == 1
}

enum Edge {
    Start,
    End,
}

fn side_of(base: Direction, edge: Edge, clusters: usize) -> usize {
    match (base, edge) {
        (Direction::Ltr, Edge::Start) | (Direction::Rtl, Edge::End) => 0,
        (Direction::Ltr, Edge::End) | (Direction::Rtl, Edge::Start) => clusters,
    }
}

/// For each cluster its place from the left.
fn places(levels: &[Level]) -> Vec<usize> {
    let mut place_of = vec![0; levels.len()];
    for (place, index) in ParagraphBidiInfo::reorder_visual(levels).into_iter().enumerate() {
        place_of[index] = place;
    }
    place_of
}

/// Offsets in a line of at most [`LINE_BYTES_MAX`] bytes.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).expect("a line that is ordered is short")
}

fn next_stop(text: &str, byte: usize) -> Option<usize> {
    let byte = text.floor_char_boundary(byte);
    text[byte..].graphemes(true).next().map(|cluster| byte + cluster.len())
}

fn previous_stop(text: &str, byte: usize) -> Option<usize> {
    let byte = text.floor_char_boundary(byte);
    text[..byte].graphemes(true).next_back().map(|cluster| byte - cluster.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::movement::fixture::Random;

    /// The caret's places from the left edge to the right one, as character offsets.
    fn walk(text: &str, base: Base) -> Vec<usize> {
        let line = BidiLine::new(text, base);
        let mut at = line.edge(Side::Left, text.len());
        let mut seen = vec![text[..at].chars().count()];
        while let Some(next) = line.step(text, at, Side::Right) {
            assert_eq!(line.step(text, next, Side::Left), Some(at), "{text:?} back from {next}");
            at = next;
            seen.push(text[..at].chars().count());
            assert!(seen.len() <= text.len() + 1, "{text:?}: a step came back");
        }
        assert_eq!(at, line.edge(Side::Right, text.len()));
        seen
    }

    #[test]
    fn a_step_in_an_arabic_line_goes_where_the_arrow_points() {
        assert_eq!(walk("كل", Base::Auto), [2, 1, 0]);
        // The digits keep their own order inside a line from right to left.
        assert_eq!(walk("عام 2026 م", Base::Auto), [10, 9, 8, 5, 6, 7, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn an_arabic_string_in_code_is_crossed_from_its_last_letter() {
        let text = "s = \"مرحبا\";";
        assert_eq!(walk(text, Base::Ltr), [0, 1, 2, 3, 4, 5, 9, 8, 7, 6, 10, 11, 12]);
        let line = BidiLine::new("let greeting = \"مرحبا بالعالم\";", Base::Auto);
        assert_eq!(line.base(), Direction::Ltr);
        let order: Vec<_> = line.runs().iter().map(VisualRun::direction).collect();
        assert_eq!(order, [Direction::Ltr, Direction::Rtl, Direction::Ltr]);
    }

    #[test]
    fn marks_are_crossed_with_their_letter() {
        let text = "كل تعديل عملية: تُطبَّق هنا";
        let walked = walk(text, Base::Auto);
        assert_eq!(walked.len(), text.graphemes(true).count() + 1);
        assert!(walked.is_sorted_by(|a, b| a > b), "{walked:?}");
    }

    #[test]
    fn the_caret_has_two_places_where_directions_meet() {
        let text = "ab مر";
        let line = BidiLine::new(text, Base::Ltr);
        assert_eq!(line.slots_of(0), Some((0, None)));
        assert_eq!(line.slots_of(3), Some((3, Some(5))));
        assert_eq!(line.slots_of(text.len()), Some((5, Some(3))));
        assert_eq!(BidiLine::new("ab", Base::Auto).slots_of(1), None);
    }

    #[test]
    fn the_policy_sets_the_edge_where_a_line_starts() {
        assert_eq!(direction("// مرحبا", Base::Auto), Direction::Rtl);
        assert_eq!(direction("// مرحبا", Base::Ltr), Direction::Ltr);
        assert_eq!(direction("", Base::Auto), Direction::Ltr);
        assert_eq!(BidiLine::new("abc", Base::Rtl).edge(Side::Left, 3), 3);
        assert_eq!(walk("ab)", Base::Rtl), [3, 2, 1, 0]);
    }

    #[test]
    fn every_place_of_a_random_line_is_reached_once() {
        let mut random = Random::new();
        for round in 0..600 {
            let text: String = random.text(24).chars().filter(|c| !c.is_control()).collect();
            let text = text.replace(['\u{2028}', '\u{2029}'], "");
            let base = [Base::Auto, Base::Ltr, Base::Rtl][round % 3];
            let mut walked = walk(&text, base);
            walked.sort_unstable();
            walked.dedup();
            assert_eq!(walked.len(), text.graphemes(true).count() + 1, "{text:?} {base:?}");
        }
    }

    #[test]
    fn a_line_too_long_to_order_is_still_walked() {
        let text = "ع".repeat(LINE_BYTES_MAX);
        let line = BidiLine::new(&text, Base::Auto);
        assert_eq!(line.step(&text, 0, Side::Left), Some(2));
        assert_eq!(line.step(&text, 2, Side::Right), Some(0));
        assert_eq!(line.step(&text, 0, Side::Right), None);
    }
}
