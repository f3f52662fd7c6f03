//! Putting placed glyphs together to a line.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::face::Face;
use super::line::{Cluster, Clusters, Direction, Glyph, GlyphSpan, Ink, ShapedLine};
use crate::digest::Digest;

/// Collects a line from left to right.
#[derive(Default)]
pub(crate) struct Assembly {
    pub pen: f32,
    glyphs: Vec<Glyph>,
    spans: SmallVec<[GlyphSpan; 1]>,
    clusters: Vec<Cluster>,
    ascent: f32,
    descent: f32,
    ink: Ink,
}

impl Assembly {
    /// Makes room for a style's own face in the line's height, used or not, so that a fallback
    /// never moves the baseline.
    pub fn measure(&mut self, face: &Face, size: f32) {
        self.ascent = self.ascent.max(face.ascent * size);
        self.descent = self.descent.max(face.descent * size);
        self.ink.cover(face, size);
    }

    pub fn glyph(&mut self, face: &Arc<Face>, size: f32, glyph: Glyph) {
        let index = self.glyphs.len() as u32;
        self.glyphs.push(glyph);
        match self.spans.last_mut() {
            Some(span) if span.size == size && span.face.id == face.id => {
                span.glyphs.end = index + 1;
            }
            _ => {
                self.ink.cover(face, size);
                let face = Arc::clone(face);
                self.spans.push(GlyphSpan { face, size, glyphs: index..index + 1 });
            }
        }
    }

    /// Adds a cluster from the pen on and moves the pen past it.
    pub fn cluster(&mut self, bytes: Range<usize>, advance: f32, direction: Direction) {
        let (x0, x1) = (self.pen, self.pen + advance);
        let (start, end) = (bytes.start as u32, bytes.end as u32);
        self.clusters.push(Cluster { start, end, x0, x1, direction });
        self.pen = x1;
    }

    pub fn finish(self, identity: u64, text: &str, direction: Direction) -> ShapedLine {
        let ordered = self.clusters.is_sorted_by_key(|cluster| cluster.start)
            && self.clusters.iter().all(|cluster| cluster.direction == Direction::Ltr);
        let logical = (!ordered).then(|| {
            let mut order: Vec<u32> = (0..self.clusters.len() as u32).collect();
            order.sort_by_key(|&index| self.clusters[index as usize].start);
            order.into()
        });
        ShapedLine {
            identity,
            width: self.pen,
            ascent: self.ascent,
            descent: self.descent,
            ink: self.ink,
            direction,
            len: text.len() as u32,
            glyphs: self.glyphs.into(),
            spans: self.spans,
            clusters: Clusters::Table { visual: self.clusters.into(), logical },
        }
    }
}

/// A digest of anything hashable.
pub(crate) fn digest_of(value: impl Hash) -> u64 {
    let mut digest = Digest::default();
    value.hash(&mut digest);
    digest.finish()
}
