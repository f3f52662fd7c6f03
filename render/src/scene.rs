//! A scene: what a frame shows, as few primitives in paint order.
//!
//! Building one costs nothing per glyph: text is a shared [`ShapedLine`], its colours a shared
//! slice. Two primitives with the same [`Primitive::digest`] paint the same pixels, which is what
//! damage is found by.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crate::color::Color;
use crate::digest::Digest;
use crate::geometry::{Point, Rect};
use crate::icon::Icon;
use crate::shape::ShapedLine;

/// Corner radii in logical pixels, clockwise from the top left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Radii {
    /// Top left.
    pub top_left: f32,
    /// Top right.
    pub top_right: f32,
    /// Bottom right.
    pub bottom_right: f32,
    /// Bottom left.
    pub bottom_left: f32,
}

impl Radii {
    /// The same radius at every corner.
    pub const fn all(radius: f32) -> Self {
        Self { top_left: radius, top_right: radius, bottom_right: radius, bottom_left: radius }
    }
}

/// How a border or a rule is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stroke {
    /// Unbroken.
    #[default]
    Solid,
    /// Dashes three strokes long, two apart: the edge of whatever the machine proposes.
    Dashed,
}

/// A border, drawn inside the edge of its quad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Border {
    /// Stroke width, logical pixels; at least one device pixel is drawn.
    pub width: f32,
    /// Colour of the stroke.
    pub color: Color,
    /// Solid or dashed.
    pub stroke: Stroke,
}

impl Border {
    /// A solid border of `width` logical pixels.
    pub const fn solid(width: f32, color: Color) -> Self {
        Self { width, color, stroke: Stroke::Solid }
    }

    /// A dashed border of `width` logical pixels.
    pub const fn dashed(width: f32, color: Color) -> Self {
        Self { width, color, stroke: Stroke::Dashed }
    }
}

/// A soft shadow under a quad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Where it lies from its quad, logical pixels.
    pub offset: Point,
    /// Blur as in CSS: twice the standard deviation, logical pixels.
    pub blur: f32,
    /// Colour where it is densest.
    pub color: Color,
}

/// A filled rectangle with round corners, a border and a shadow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quad {
    /// The outer edge.
    pub rect: Rect,
    /// Corner radii; limited to half of the shorter side.
    pub radii: Radii,
    /// Fill, border excluded.
    pub fill: Color,
    /// Border inside the edge.
    pub border: Option<Border>,
    /// Shadow below.
    pub shadow: Option<Shadow>,
}

impl Quad {
    /// A sharp rectangle of one colour.
    pub const fn fill(rect: Rect, fill: Color) -> Self {
        Self { rect, radii: Radii::all(0.0), fill, border: None, shadow: None }
    }
}

/// The colour of some bytes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColorSpan {
    /// Bytes of the shaped text.
    pub bytes: Range<u32>,
    /// Their colour.
    pub color: Color,
}

/// A shaped line at a place.
#[derive(Clone, Debug)]
pub struct GlyphRun {
    /// The line.
    pub line: Arc<ShapedLine>,
    /// Left end of the baseline, logical pixels.
    pub origin: Point,
    /// Colour of what no span covers.
    pub color: Color,
    /// Colours by byte, ascending and disjoint.
    pub spans: Arc<[ColorSpan]>,
}

/// The look of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuleStyle {
    /// Unbroken.
    #[default]
    Solid,
    /// Dashes three strokes long, two apart.
    Dashed,
    /// A wave four times as high as the stroke, under what is wrong.
    Squiggle,
}

/// A horizontal line: an underline, a strike-through, an inner rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Left end, top of the stroke (of the wave for a squiggle).
    pub origin: Point,
    /// Extent to the right, logical pixels.
    pub length: f32,
    /// Height of the stroke, logical pixels; at least one device pixel is drawn.
    pub thickness: f32,
    /// Colour.
    pub color: Color,
    /// Look.
    pub style: RuleStyle,
}

/// Pixels to show, RGBA with straight alpha, row by row.
#[derive(Clone, Debug)]
pub struct ImageData {
    width: u32,
    height: u32,
    rgba: Box<[u8]>,
    digest: u64,
}

impl ImageData {
    /// An image of `width` by `height` pixels; none when `rgba` is not exactly four bytes a pixel
    /// or a side is empty.
    pub fn new(width: u32, height: u32, rgba: Vec<u8>) -> Option<Self> {
        let bytes = (width as usize).checked_mul(height as usize)?.checked_mul(4)?;
        if bytes == 0 || bytes != rgba.len() {
            return None;
        }
        let mut digest = Digest::default();
        (width, height, &rgba).hash(&mut digest);
        Some(Self { width, height, rgba: rgba.into(), digest: digest.finish() })
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels.
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// A hash of size and pixels.
    pub fn digest(&self) -> u64 {
        self.digest
    }
}

/// An image stretched over a rectangle.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it lies.
    pub rect: Rect,
    /// Its pixels.
    pub data: Arc<ImageData>,
    /// Corner radius, logical pixels.
    pub radius: f32,
}

/// An icon of the theme, drawn in one colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IconQuad {
    /// Where it lies; icons are square, so the shorter side counts, centred.
    pub rect: Rect,
    /// Which one.
    pub icon: Icon,
    /// Its colour.
    pub color: Color,
}

/// One thing to paint.
#[derive(Clone, Debug)]
pub enum Primitive {
    /// A rectangle.
    Quad(Quad),
    /// A line of text.
    Glyphs(GlyphRun),
    /// A horizontal line.
    Rule(Rule),
    /// A picture.
    Image(Image),
    /// An icon.
    Icon(IconQuad),
    /// What follows shows only inside this rectangle with its corner radius, and inside the clips
    /// that are already pushed.
    PushClip(Rect, f32),
    /// Takes back the clip pushed last; ignored when there is none.
    PopClip,
}

/// The primitives of a frame, in paint order.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What lies under everything; its alpha is ignored.
    pub background: Color,
    primitives: Vec<Primitive>,
}

impl Scene {
    /// An empty scene on a background.
    pub fn new(background: Color) -> Self {
        Self { background, primitives: Vec::new() }
    }

    /// Empties the scene and keeps its memory for the next frame.
    pub fn clear(&mut self, background: Color) {
        self.background = background;
        self.primitives.clear();
    }

    /// The primitives, in paint order.
    pub fn primitives(&self) -> &[Primitive] {
        &self.primitives
    }

    /// Adds any primitive on top.
    pub fn push(&mut self, primitive: Primitive) {
        self.primitives.push(primitive);
    }

    /// Adds a quad on top.
    pub fn quad(&mut self, quad: Quad) {
        self.push(Primitive::Quad(quad));
    }

    /// Adds a sharp filled rectangle on top.
    pub fn fill(&mut self, rect: Rect, color: Color) {
        self.quad(Quad::fill(rect, color));
    }

    /// Adds a line of one colour on top; `origin` is the left end of its baseline.
    pub fn text(&mut self, line: &Arc<ShapedLine>, origin: Point, color: Color) {
        let spans: Arc<[ColorSpan]> = Arc::from([]);
        self.glyphs(line, origin, color, &spans);
    }

    /// Adds a line in several colours on top; `origin` is the left end of its baseline.
    pub fn glyphs(
        &mut self,
        line: &Arc<ShapedLine>,
        origin: Point,
        color: Color,
        spans: &Arc<[ColorSpan]>,
    ) {
        let (line, spans) = (Arc::clone(line), Arc::clone(spans));
        self.push(Primitive::Glyphs(GlyphRun { line, origin, color, spans }));
    }

    /// Adds a rule on top.
    pub fn rule(&mut self, rule: Rule) {
        self.push(Primitive::Rule(rule));
    }

    /// Adds an icon on top.
    pub fn icon(&mut self, icon: Icon, rect: Rect, color: Color) {
        self.push(Primitive::Icon(IconQuad { rect, icon, color }));
    }

    /// Paints what `inside` adds only within `rect`.
    pub fn clipped(&mut self, rect: Rect, radius: f32, inside: impl FnOnce(&mut Self)) {
        self.push(Primitive::PushClip(rect, radius));
        inside(self);
        self.push(Primitive::PopClip);
    }
}

fn hash_rect(rect: Rect, state: &mut Digest) {
    for value in [rect.x, rect.y, rect.width, rect.height] {
        value.to_bits().hash(state);
    }
}

impl Quad {
    fn digest(&self, state: &mut Digest) {
        hash_rect(self.rect, state);
        let r = self.radii;
        for radius in [r.top_left, r.top_right, r.bottom_right, r.bottom_left] {
            radius.to_bits().hash(state);
        }
        self.fill.hash(state);
        if let Some(border) = self.border {
            (1_u8, border.width.to_bits(), border.color, border.stroke).hash(state);
        }
        if let Some(shadow) = self.shadow {
            let (x, y) = (shadow.offset.x.to_bits(), shadow.offset.y.to_bits());
            (2_u8, x, y, shadow.blur.to_bits(), shadow.color).hash(state);
        }
    }
}

impl Primitive {
    /// A hash of everything that decides which pixels it paints.
    pub fn digest(&self) -> u64 {
        let mut state = Digest::default();
        std::mem::discriminant(self).hash(&mut state);
        match self {
            Self::Quad(quad) => quad.digest(&mut state),
            Self::Glyphs(run) => {
                let (x, y) = (run.origin.x.to_bits(), run.origin.y.to_bits());
                (run.line.identity(), x, y, run.color).hash(&mut state);
                for span in run.spans.iter() {
                    (span.bytes.start, span.bytes.end, span.color).hash(&mut state);
                }
            }
            Self::Rule(rule) => {
                let (x, y) = (rule.origin.x.to_bits(), rule.origin.y.to_bits());
                (x, y, rule.length.to_bits(), rule.thickness.to_bits()).hash(&mut state);
                (rule.color, rule.style).hash(&mut state);
            }
            Self::Image(image) => {
                hash_rect(image.rect, &mut state);
                (image.data.digest(), image.radius.to_bits()).hash(&mut state);
            }
            Self::Icon(icon) => {
                hash_rect(icon.rect, &mut state);
                (icon.icon, icon.color).hash(&mut state);
            }
            Self::PushClip(rect, radius) => {
                hash_rect(*rect, &mut state);
                radius.to_bits().hash(&mut state);
            }
            Self::PopClip => {}
        }
        state.finish()
    }
}
