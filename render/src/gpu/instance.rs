//! What the shader reads: one instance per primitive or glyph, and the round clips of a frame.

use bytemuck::{Pod, Zeroable};

use crate::color::Color;
use crate::geometry::{PhysicalRect, PhysicalSize};
use crate::glyph::CURVES;

/// How an instance is coloured; the numbers are those of `paint.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Quad = 0,
    DashedRing = 1,
    Shadow = 2,
    DashedRule = 3,
    Squiggle = 4,
    CoverageBitmap = 5,
    ColorBitmap = 6,
    Picture = 7,
}

/// The row of the curve texture that leaves coverage as it is: below those of the text.
pub(super) const PLAIN_CURVE: usize = CURVES;

/// One rectangle of pixels to paint.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Instance {
    /// The pixels, clips applied: half-open edges, inside the target.
    pub bounds: [i16; 4],
    /// The edges of the shape; for bitmaps, what leads from a pixel to its place in the sheet.
    pub rect: [i32; 4],
    /// Corner radii; for a shadow, its deviation and radius.
    pub shape: [f32; 4],
    pub fill: [u8; 4],
    pub edge: [u8; 4],
    /// Kind, coverage curve, and the round clip counted from 1.
    what: u32,
    /// Width of the stroke, device pixels.
    pub stroke: f32,
}

/// The largest target: what `bounds` can hold, and more than any device offers.
pub(super) const EXTENT_MAX: u32 = 16_384;

impl Instance {
    /// An instance of one colour that paints `bounds`, which lie inside a target.
    pub fn new(kind: Kind, bounds: PhysicalRect, rect: PhysicalRect, color: Color) -> Self {
        let edge = |at: i32| {
            debug_assert!((0..=EXTENT_MAX as i32).contains(&at), "an edge outside the target");
            at as i16
        };
        Self {
            bounds: [bounds.left, bounds.top, bounds.right, bounds.bottom].map(edge),
            rect: [rect.left, rect.top, rect.right, rect.bottom],
            shape: [0.0; 4],
            fill: [color.r, color.g, color.b, color.a],
            edge: [0; 4],
            what: kind as u32,
            stroke: 0.0,
        }
    }

    /// This instance through a coverage curve.
    pub fn curve(mut self, curve: usize) -> Self {
        self.what |= (curve as u32) << 8;
        self
    }

    /// This instance inside a round clip.
    pub fn clip(mut self, clip: u16) -> Self {
        self.what |= u32::from(clip) << 16;
        self
    }

    /// The attributes of an instance, for the pipeline.
    pub const ATTRIBUTES: [wgpu::VertexAttribute; 7] = wgpu::vertex_attr_array![
        0 => Sint16x4, 1 => Sint32x4, 2 => Float32x4, 3 => Unorm8x4, 4 => Unorm8x4,
        5 => Uint32, 6 => Float32,
    ];
}

/// A clip with round corners.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Clip {
    pub rect: [i32; 4],
    pub radius: f32,
    /// The round clip around this one, counted from 1.
    pub outer: u32,
    pub unused: [u32; 2],
}

/// Round clips in one frame; those beyond have sharp corners and are counted as left out. With the
/// header they fill half of the smallest uniform binding that a device may offer.
pub(super) const CLIPS_MAX: usize = 255;

/// What stands before the instances in the buffer of a frame.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Header {
    size: [f32; 2],
    unused: [f32; 6],
    clips: [Clip; CLIPS_MAX],
}

impl Header {
    pub fn new(size: PhysicalSize, clips: &[Clip]) -> Self {
        let mut header = Self::zeroed();
        header.size = [size.width as f32, size.height as f32];
        header.clips[..clips.len()].copy_from_slice(clips);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_describe_the_whole_instance() {
        let last = Instance::ATTRIBUTES[6];
        assert_eq!(last.offset + last.format.size(), size_of::<Instance>() as u64);
        assert_eq!(size_of::<Header>(), 8192);
    }

    #[test]
    fn kind_curve_and_clip_share_a_word() {
        let rect = PhysicalRect::new(0, 0, 1, 1);
        let instance = Instance::new(Kind::CoverageBitmap, rect, rect, Color::BLACK);
        assert_eq!(instance.curve(PLAIN_CURVE).clip(255).what, 255 << 16 | 8 << 8 | 5);
    }
}
