//! A shaped line: glyphs in visual order, and the way from bytes to pixels and back.
//!
//! A cluster is a grapheme or, where the face joined several into one glyph, an equal share of
//! that glyph. Bytes inside a cluster count as its start. Every function is total: a byte past the
//! end counts as the end.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::face::Face;
use crate::geometry::{Point, Rect};

/// Which of the two clusters at a byte boundary is meant. They are apart on screen where the
/// direction changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Affinity {
    /// The cluster before the boundary: its trailing edge.
    Upstream,
    /// The cluster after the boundary: its leading edge.
    #[default]
    Downstream,
}

/// The resolved direction of a paragraph or a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Left to right.
    #[default]
    Ltr,
    /// Right to left.
    Rtl,
}

/// A step to a visually neighbouring position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VisualStep {
    /// Towards the left edge.
    Left,
    /// Towards the right edge.
    Right,
}

/// One glyph. Positions are from the line's origin: left edge and baseline, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glyph {
    /// Glyph index in its face; 0 is the face's mark for a missing character.
    pub id: u16,
    /// Byte of the text where its cluster starts.
    pub byte: u32,
    /// Pen position, logical pixels.
    pub x: f32,
    /// Distance below the baseline, logical pixels.
    pub y: f32,
}

/// Consecutive glyphs of one face and size.
#[derive(Clone, Debug)]
pub struct GlyphSpan {
    /// The face they are indices of.
    pub face: Arc<Face>,
    /// Size of the em, logical pixels.
    pub size: f32,
    /// Indices in [`ShapedLine::glyphs`].
    pub glyphs: Range<u32>,
}

/// A stretch of text that the caret does not enter, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Left edge, logical pixels.
    pub x0: f32,
    /// Right edge, logical pixels.
    pub x1: f32,
    /// Direction of its run.
    pub direction: Direction,
}

/// Where the clusters are. Most lines of code need no table at all.
#[derive(Clone, Debug)]
pub(crate) enum Clusters {
    /// `bytes` clusters of one byte each, left to right, `advance` apart.
    Uniform { advance: f32, bytes: u32 },
    /// In visual order; `logical` gives the indices in byte order where that differs.
    Table { visual: Box<[Cluster]>, logical: Option<Box<[u32]>> },
}

/// How far glyphs may reach from the baseline, generously: renderers cut what reaches further, so
/// that damage is never wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ink {
    pub above: f32,
    pub below: f32,
    pub beside: f32,
}

impl Ink {
    pub fn cover(&mut self, face: &Face, size: f32) {
        self.above = self.above.max((face.ascent + 0.2) * size);
        self.below = self.below.max((face.descent + 0.2) * size);
        self.beside = self.beside.max(0.5 * size);
    }
}

/// A line of text, shaped. Immutable and shared: a scene holds it by `Arc`.
#[derive(Clone, Debug)]
pub struct ShapedLine {
    pub(crate) identity: u64,
    pub(crate) width: f32,
    pub(crate) ascent: f32,
    pub(crate) descent: f32,
    pub(crate) ink: Ink,
    pub(crate) direction: Direction,
    pub(crate) len: u32,
    pub(crate) glyphs: Box<[Glyph]>,
    pub(crate) spans: SmallVec<[GlyphSpan; 1]>,
    pub(crate) clusters: Clusters,
}

impl ShapedLine {
    /// A hash of all that was shaped (text, styles, options, fonts): equal lines look equal.
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// Advance of the whole line, logical pixels.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// Height above the baseline of the tallest face used, logical pixels.
    pub fn ascent(&self) -> f32 {
        self.ascent
    }

    /// Depth below the baseline of the deepest face used, logical pixels, positive.
    pub fn descent(&self) -> f32 {
        self.descent
    }

    /// The rectangle around all ink when drawn at `origin`; renderers clip to it.
    pub fn ink_bounds(&self, origin: Point) -> Rect {
        Rect::from_edges(
            origin.x - self.ink.beside,
            origin.y - self.ink.above,
            origin.x + self.width + self.ink.beside,
            origin.y + self.ink.below,
        )
    }

    /// Bytes of the text that was shaped.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the text was empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The paragraph's direction: where the line starts.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// All glyphs, from left to right.
    pub fn glyphs(&self) -> &[Glyph] {
        &self.glyphs
    }

    /// The glyphs by face and size, from left to right.
    pub fn spans(&self) -> &[GlyphSpan] {
        &self.spans
    }

    /// Where the baseline lies below the top of a row of `height`, with the text centred as a
    /// browser centres it: ascent and descent in whole pixels, the odd pixel below.
    pub fn baseline_in(&self, height: f32) -> f32 {
        let (ascent, descent) = (self.ascent.round(), self.descent.round());
        ((height - ascent - descent) / 2.0).floor() + ascent
    }

    fn cluster_count(&self) -> usize {
        match &self.clusters {
            Clusters::Uniform { bytes, .. } => *bytes as usize,
            Clusters::Table { visual, .. } => visual.len(),
        }
    }

    /// The cluster at a visual index, which is in range.
    fn visual(&self, index: usize) -> Cluster {
        match &self.clusters {
            Clusters::Uniform { advance, .. } => {
                let at = index as f32;
                Cluster {
                    start: index as u32,
                    end: index as u32 + 1,
                    x0: at * advance,
                    x1: (at + 1.0) * advance,
                    direction: Direction::Ltr,
                }
            }
            Clusters::Table { visual, .. } => visual[index],
        }
    }

    /// The visual index of the cluster at a logical index, which is in range.
    fn visual_index(&self, logical_index: usize) -> usize {
        match &self.clusters {
            Clusters::Table { logical: Some(logical), .. } => logical[logical_index] as usize,
            _ => logical_index,
        }
    }

    fn logical(&self, index: usize) -> Cluster {
        self.visual(self.visual_index(index))
    }

    /// The logical index of the cluster that holds `byte`; the count of clusters past the end.
    fn logical_at(&self, byte: usize) -> usize {
        match &self.clusters {
            Clusters::Uniform { bytes, .. } => byte.min(*bytes as usize),
            Clusters::Table { visual, logical } => {
                if byte >= self.len() {
                    return visual.len();
                }
                let after = match logical {
                    None => visual.partition_point(|c| c.start as usize <= byte),
                    Some(order) => {
                        order.partition_point(|&i| visual[i as usize].start as usize <= byte)
                    }
                };
                after.saturating_sub(1)
            }
        }
    }

    /// Clusters from left to right.
    pub fn clusters(&self) -> impl Iterator<Item = Cluster> + '_ {
        (0..self.cluster_count()).map(|index| self.visual(index))
    }

    /// The x of the caret at `byte`, logical pixels from the left edge.
    pub fn x_of(&self, byte: usize, affinity: Affinity) -> f32 {
        let count = self.cluster_count();
        if count == 0 {
            return 0.0;
        }
        let index = self.logical_at(byte);
        let boundary = index == count || self.logical(index).start as usize == byte;
        let upstream = affinity == Affinity::Upstream && boundary && index > 0;
        if upstream || index == count {
            let cluster = self.logical(index - 1);
            if cluster.direction == Direction::Ltr { cluster.x1 } else { cluster.x0 }
        } else {
            let cluster = self.logical(index);
            if cluster.direction == Direction::Ltr { cluster.x0 } else { cluster.x1 }
        }
    }

    /// The caret position nearest to `x`: left of everything is the first visual edge, right of
    /// everything the last one.
    pub fn byte_at(&self, x: f32) -> (usize, Affinity) {
        let count = self.cluster_count();
        if count == 0 {
            return (0, Affinity::Downstream);
        }
        let index = match &self.clusters {
            Clusters::Uniform { advance, .. } => (x / advance).max(0.0) as usize,
            Clusters::Table { visual, .. } => visual.partition_point(|c| c.x1 <= x),
        };
        let cluster = self.visual(index.min(count - 1));
        let left_half = x < (cluster.x0 + cluster.x1) / 2.0;
        if left_half == (cluster.direction == Direction::Ltr) {
            (cluster.start as usize, Affinity::Downstream)
        } else {
            (cluster.end as usize, Affinity::Upstream)
        }
    }

    /// The stretches of x that `bytes` covers, from left to right; several where the direction
    /// changes inside. Clusters that are only partly in range count whole.
    pub fn spans_of(&self, bytes: Range<usize>) -> SmallVec<[(f32, f32); 2]> {
        let mut spans: SmallVec<[(f32, f32); 2]> = SmallVec::new();
        if bytes.start >= bytes.end || self.cluster_count() == 0 {
            return spans;
        }
        let first = self.logical_at(bytes.start);
        let last = self.logical_at(bytes.end - 1).min(self.cluster_count() - 1);
        if first > last {
            return spans;
        }
        let one_way = !matches!(&self.clusters, Clusters::Table { logical: Some(_), .. });
        if one_way {
            spans.push((self.visual(first).x0, self.visual(last).x1));
            return spans;
        }
        let mut order: Vec<usize> = (first..=last).map(|i| self.visual_index(i)).collect();
        order.sort_unstable();
        let mut previous = usize::MAX;
        for index in order {
            let cluster = self.visual(index);
            match spans.last_mut() {
                Some(span) if previous.wrapping_add(1) == index => span.1 = cluster.x1,
                _ => spans.push((cluster.x0, cluster.x1)),
            }
            previous = index;
        }
        spans
    }

    /// The caret position one cluster to the left or right of the one at `byte`, as it is seen;
    /// none at the edge of the line.
    pub fn step(
        &self,
        byte: usize,
        affinity: Affinity,
        step: VisualStep,
    ) -> Option<(usize, Affinity)> {
        let x = self.x_of(byte, affinity);
        let count = self.cluster_count();
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = (low + high) / 2;
            let cluster = self.visual(middle);
            if (cluster.x0 + cluster.x1) / 2.0 < x { low = middle + 1 } else { high = middle }
        }
        let first_right_of = low;
        let index = match step {
            VisualStep::Right => Some(first_right_of).filter(|&index| index < count)?,
            VisualStep::Left => first_right_of.checked_sub(1)?,
        };
        let cluster = self.visual(index);
        let onto_end = (step == VisualStep::Right) == (cluster.direction == Direction::Ltr);
        Some(if onto_end {
            (cluster.end as usize, Affinity::Upstream)
        } else {
            (cluster.start as usize, Affinity::Downstream)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Fonts, ShapeOptions, Shaper, TextStyle};

    fn shaped(text: &str) -> Arc<ShapedLine> {
        Shaper::new(Fonts::bundled()).shape(text, TextStyle::mono(10.0), ShapeOptions::default())
    }

    /// Splitmix64 (Steele, Lea and Flood 2014).
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % bound as u64) as usize
        }
    }

    #[test]
    fn columns_of_code_are_even() {
        let line = shaped("let x = 1;");
        assert_eq!(line.width(), 60.0);
        assert_eq!(line.x_of(4, Affinity::Downstream), 24.0);
        assert_eq!(line.byte_at(25.0), (4, Affinity::Downstream));
        assert_eq!(line.byte_at(29.0), (5, Affinity::Upstream));
        assert_eq!(line.byte_at(-5.0).0, 0);
        assert_eq!(line.byte_at(1e9).0, 10);
        assert_eq!(line.x_of(99, Affinity::Downstream), 60.0);
        assert_eq!(line.spans_of(4..5).as_slice(), [(24.0, 30.0)]);
    }

    #[test]
    fn wide_clusters_take_two_columns_with_or_without_a_font() {
        let line = shaped("a世界b🦀c");
        let x = |byte| (line.x_of(byte, Affinity::Downstream) / 6.0).round();
        assert_eq!([x(0), x(1), x(4), x(7), x(8), x(12), x(13)], [0., 1., 3., 5., 6., 8., 9.]);
    }

    #[test]
    fn arabic_runs_from_right_to_left_inside_a_line() {
        let line = shaped("ab سلام cd");
        assert_eq!(line.direction(), Direction::Ltr);
        let x = |byte| line.x_of(byte, Affinity::Downstream);
        assert!(x(3) > x(5) && x(5) > x(7), "later letters lie further left");
        assert!(x(12) > x(3));
        // The word and the space before it: apart on screen, although neighbours in the text.
        let spans = line.spans_of(2..5);
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[0], (12.0, 18.0));
        assert_eq!(shaped("سلام ab").direction(), Direction::Rtl);
    }

    #[test]
    fn letters_of_arabic_are_joined() {
        let isolated: Vec<u16> =
            ["س", "ل", "ا", "م"].iter().map(|c| shaped(c).glyphs()[0].id).collect();
        let joined: Vec<u16> = shaped("سلام").glyphs().iter().map(|glyph| glyph.id).collect();
        assert!(joined.iter().all(|id| *id != 0));
        assert!(!joined.contains(&isolated[0]) && !joined.contains(&isolated[1]));
    }

    #[test]
    fn steps_visit_every_cluster_from_left_to_right_and_back() {
        let line = shaped("ab سلام 12 cd");
        let (mut byte, mut affinity) = line.byte_at(-1.0);
        let mut steps = 0;
        let mut last = line.x_of(byte, affinity);
        while let Some(next) = line.step(byte, affinity, VisualStep::Right) {
            (byte, affinity) = next;
            let x = line.x_of(byte, affinity);
            assert!(x > last);
            (last, steps) = (x, steps + 1);
        }
        assert_eq!(steps, line.clusters().count());
        assert!((last - line.width()).abs() < 0.01);
        while let Some(next) = line.step(byte, affinity, VisualStep::Left) {
            (byte, affinity) = next;
            steps -= 1;
        }
        assert_eq!(steps, 0);
    }

    #[test]
    fn clusters_tile_the_line_and_the_text_whatever_it_holds() {
        const PARTS: [&str; 20] = [
            "a",
            "Z",
            " ",
            "fi",
            "->",
            "é",
            "e\u{301}",
            "世",
            "🦀",
            "👩\u{200d}💻",
            "س",
            "لا",
            "م\u{64f}",
            "1",
            "٣",
            "(",
            "\u{202e}",
            "\t",
            "ก\u{e33}",
            "\u{fe0f}",
        ];
        let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(20_261_120);
        eprintln!("HEARTH_SEED={seed}");
        let mut random = Random(seed);
        let mut shaper = Shaper::new(Fonts::bundled());
        for _ in 0..600 {
            let parts = random.below(14);
            let text: String = (0..parts).map(|_| PARTS[random.below(PARTS.len())]).collect();
            let styles = [TextStyle::mono(10.0), TextStyle::ui(13.0).tracking(0.5)];
            let style = styles[random.below(2)];
            check_tiling(&text, &shaper.shape(&text, style, ShapeOptions::default()));
        }
    }

    fn check_tiling(text: &str, line: &ShapedLine) {
        let visual: Vec<Cluster> = line.clusters().collect();
        let mut x = 0.0;
        for cluster in &visual {
            assert!((cluster.x0 - x).abs() < 0.01, "{text:?}: a gap at {x}");
            assert!(cluster.x1 >= cluster.x0, "{text:?}");
            x = cluster.x1;
        }
        assert!((line.width() - x).abs() < 0.01, "{text:?}");
        let mut bytes: Vec<(u32, u32)> = visual.iter().map(|c| (c.start, c.end)).collect();
        bytes.sort_unstable();
        let mut at = 0;
        for (start, end) in bytes {
            assert!(start == at && end > start, "{text:?}: {start}..{end} after {at}");
            assert!(text.is_char_boundary(end as usize), "{text:?}");
            at = end;
        }
        assert_eq!(at as usize, text.len(), "{text:?}");
        for cluster in visual.iter().filter(|cluster| cluster.x1 - cluster.x0 > 0.5) {
            let byte = cluster.start as usize;
            let edge = line.x_of(byte, Affinity::Downstream);
            let inside = if cluster.direction == Direction::Ltr { 0.1 } else { -0.1 };
            assert_eq!(line.byte_at(edge + inside).0, byte, "{text:?} at {byte}");
        }
    }
}
