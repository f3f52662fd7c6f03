//! Bitmaps of glyphs and icons, rasterised once and shared by both renderers.
//!
//! A bitmap is keyed by face, glyph, device size, horizontal bin and hinting. Vertically glyphs lie
//! on whole pixels, horizontally on one or four bins. The CPU renderer blends the bitmaps, the
//! GPU's atlas packs them; both pass coverage through the same [`CoverageCurves`].

use std::collections::HashMap;
use std::sync::Arc;

use swash::scale::image::Content as SwashContent;
use swash::scale::{Render, ScaleContext, Source, StrikeWith};
use swash::zeno::{Angle, Fill, Format, Mask, Transform, Vector};

use crate::color::Color;
use crate::digest::BuildDigest;
use crate::icon::{ICON_UNITS, Icon};
use crate::shape::{Face, FaceId};

/// Whether outlines are fitted to the pixel grid, vertically only: advances stay as shaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hinting {
    /// Fitted by the font's own instructions up to 20 device pixels: crisp at 96 DPI.
    #[default]
    On,
    /// As drawn.
    Off,
}

/// Whether the edges of glyphs are blended with what lies under them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Smoothing {
    /// By how much of a pixel is covered.
    #[default]
    On,
    /// A pixel is of the glyph or is not.
    Off,
}

/// How finely glyphs are placed horizontally.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Bins {
    /// On whole pixels: a quarter of the bitmaps.
    One,
    /// On quarters of a pixel: even spacing.
    Four,
    /// On whole pixels up to scale 1, on quarters above.
    #[default]
    ByScale,
}

impl Bins {
    /// One or four, at a scale factor.
    pub fn at(self, scale: f32) -> Self {
        match self {
            Self::ByScale if scale <= 1.0 => Self::One,
            Self::ByScale => Self::Four,
            given => given,
        }
    }
}

/// How glyphs become pixels. These are settings of the person's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rasterisation {
    /// Fitting to the grid.
    pub hinting: Hinting,
    /// Blending of edges.
    pub smoothing: Smoothing,
    /// Exponent by which coverage is blended: 1 is plain sRGB blending, 2.2 linear light. Dark text
    /// gets thinner and light text bolder as it grows.
    pub gamma: f32,
    /// Horizontal placing.
    pub bins: Bins,
}

impl Default for Rasterisation {
    fn default() -> Self {
        Self { hinting: Hinting::On, smoothing: Smoothing::On, gamma: 1.2, bins: Bins::ByScale }
    }
}

/// What names a bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlyphKey {
    /// The face; icons have one of their own.
    pub face: FaceId,
    /// Index of the glyph, or the icon.
    pub glyph: u16,
    /// Bits of the em's size in device pixels, an `f32`.
    pub size_bits: u32,
    /// Quarters of a pixel to the right, 0 to 3.
    pub bin: u8,
    /// Fitting to the grid.
    pub hinting: Hinting,
    /// Blending of edges.
    pub smoothing: Smoothing,
}

/// What the bytes of a bitmap are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BitmapKind {
    /// One byte a pixel: how much of it is covered.
    Coverage,
    /// Four bytes a pixel: RGBA, straight alpha.
    Color,
}

/// A rasterised glyph.
#[derive(Clone, Debug)]
pub struct GlyphBitmap {
    /// From the pen's pixel to the left column.
    pub left: i32,
    /// From the baseline up to the top row.
    pub top: i32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What the bytes are.
    pub kind: BitmapKind,
    /// The pixels, row by row without gaps.
    pub data: Box<[u8]>,
}

/// The pixel and bin of a pen position in device pixels; `bins` as it is [`Bins::at`] the scale.
pub fn snap_pen(x: f32, bins: Bins) -> (i32, u8) {
    match bins {
        Bins::One => ((x + 0.5).floor() as i32, 0),
        Bins::Four | Bins::ByScale => {
            let quarters = (x * 4.0 + 0.5).floor() as i32;
            (quarters >> 2, (quarters & 3) as u8)
        }
    }
}

/// Above this size in device pixels fitting to the grid shows little, and its bytecode costs about
/// forty times what the outline alone does (78 us a letter of Geist Mono, against 1.8).
const HINTED_PIXELS_MAX: f32 = 20.0;

/// The face of icons; bundled faces count from zero, system faces have the top bit.
const ICON_FACE: FaceId = FaceId(u64::MAX >> 1);
/// Past this much the cache starts anew: far more than a screen of any one size needs.
const BYTES_MAX: usize = 24 << 20;

/// Rasterises and keeps bitmaps.
pub struct GlyphCache {
    context: ScaleContext,
    settings: Rasterisation,
    entries: HashMap<GlyphKey, Option<Arc<GlyphBitmap>>, BuildDigest>,
    bytes: usize,
}

impl std::fmt::Debug for GlyphCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GlyphCache")
            .field("settings", &self.settings)
            .field("bitmaps", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl GlyphCache {
    /// An empty cache.
    pub fn new(settings: Rasterisation) -> Self {
        Self { context: ScaleContext::new(), settings, entries: HashMap::default(), bytes: 0 }
    }

    /// How it rasterises.
    pub fn settings(&self) -> Rasterisation {
        self.settings
    }

    /// Bitmaps kept, blank ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The key of a glyph at `size` device pixels.
    pub fn key(&self, face: &Face, glyph: u16, size: f32, bin: u8) -> GlyphKey {
        let hinting = match self.settings.hinting {
            Hinting::On if size <= HINTED_PIXELS_MAX => Hinting::On,
            _ => Hinting::Off,
        };
        let smoothing = self.settings.smoothing;
        GlyphKey { face: face.id(), glyph, size_bits: size.to_bits(), bin, hinting, smoothing }
    }

    /// The bitmap of a glyph at `size` device pixels; none when it leaves no mark.
    pub fn glyph(
        &mut self,
        face: &Face,
        glyph: u16,
        size: f32,
        bin: u8,
    ) -> Option<&Arc<GlyphBitmap>> {
        let key = self.key(face, glyph, size, bin);
        if !self.entries.contains_key(&key) {
            let bitmap = rasterise(&mut self.context, face, &key, size);
            self.keep(key, bitmap);
        }
        self.entries.get(&key)?.as_ref()
    }

    /// The key of an icon `size` device pixels square.
    pub fn icon_key(&self, icon: Icon, size: u32) -> GlyphKey {
        GlyphKey {
            face: ICON_FACE,
            glyph: icon as u16,
            size_bits: (size as f32).to_bits(),
            bin: 0,
            hinting: Hinting::Off,
            smoothing: Smoothing::On,
        }
    }

    /// The bitmap of an icon `size` device pixels square; its pen is at the square's top left
    /// corner.
    pub fn icon(&mut self, icon: Icon, size: u32) -> Option<&Arc<GlyphBitmap>> {
        let key = self.icon_key(icon, size);
        if !self.entries.contains_key(&key) {
            let bitmap = rasterise_icon(icon, size);
            self.keep(key, bitmap);
        }
        self.entries.get(&key)?.as_ref()
    }

    fn keep(&mut self, key: GlyphKey, bitmap: Option<GlyphBitmap>) {
        let bytes = bitmap.as_ref().map_or(0, |bitmap| bitmap.data.len());
        if self.bytes + bytes > BYTES_MAX {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.entries.insert(key, bitmap.map(Arc::new));
    }
}

fn rasterise(
    context: &mut ScaleContext,
    face: &Face,
    key: &GlyphKey,
    size: f32,
) -> Option<GlyphBitmap> {
    let font = face.font.as_swash();
    let hinted = key.hinting == Hinting::On && !face.is_skewed();
    let builder = context.builder(font).size(size).hint(hinted);
    let weight = [(swash::tag_from_bytes(b"wght"), f32::from(face.weight))];
    let coords = font.variations().normalized_coords(weight);
    let mut scaler = builder.normalized_coords(coords).build();
    let sources =
        [Source::ColorOutline(0), Source::ColorBitmap(StrikeWith::BestFit), Source::Outline];
    let skew = Transform::skew(Angle::from_degrees(12.0), Angle::from_degrees(0.0));
    let image = Render::new(&sources)
        .format(Format::Alpha)
        .offset(Vector::new(f32::from(key.bin) / 4.0, 0.0))
        .transform(face.is_skewed().then_some(skew))
        .render(&mut scaler, key.glyph)?;
    let placement = image.placement;
    if placement.width == 0 || placement.height == 0 {
        return None;
    }
    let kind = match image.content {
        SwashContent::Mask => BitmapKind::Coverage,
        SwashContent::Color | SwashContent::SubpixelMask => BitmapKind::Color,
    };
    let mut data = image.data;
    if key.smoothing == Smoothing::Off && kind == BitmapKind::Coverage {
        data.iter_mut().for_each(|covered| *covered = if *covered < 128 { 0 } else { 255 });
    }
    Some(GlyphBitmap {
        left: placement.left,
        top: placement.top,
        width: placement.width,
        height: placement.height,
        kind,
        data: data.into(),
    })
}

fn rasterise_icon(icon: Icon, size: u32) -> Option<GlyphBitmap> {
    let scale = size as f32 / ICON_UNITS;
    let (data, placement) = Mask::new(icon.path())
        .style(Fill::EvenOdd)
        .transform(Some(Transform::scale(scale, scale)))
        .render();
    if placement.width == 0 || placement.height == 0 {
        return None;
    }
    Some(GlyphBitmap {
        left: placement.left,
        top: -placement.top,
        width: placement.width,
        height: placement.height,
        kind: BitmapKind::Coverage,
        data: data.into(),
    })
}

/// Levels of text luminance that have a curve of their own.
pub const CURVES: usize = 8;

/// How coverage is changed before it is blended in sRGB, so that the result is near to blending in
/// a space of the given gamma. As in Skia, the ground is taken to be as far from grey as the
/// text, on the other side.
#[derive(Clone, Debug)]
pub struct CoverageCurves([[u8; 256]; CURVES]);

impl CoverageCurves {
    /// The curves of a gamma.
    pub fn new(gamma: f32) -> Self {
        let gamma = gamma.clamp(0.5, 3.0);
        let mut curves = [[0; 256]; CURVES];
        for (level, curve) in curves.iter_mut().enumerate() {
            let text = level as f32 / (CURVES - 1) as f32;
            let ground = 1.0 - text;
            for (coverage, out) in curve.iter_mut().enumerate() {
                let plain = coverage as f32 / 255.0;
                let light = plain * text.powf(gamma) + (1.0 - plain) * ground.powf(gamma);
                let wanted = (light.powf(1.0 / gamma) - ground) / (text - ground);
                *out = (wanted.clamp(0.0, 1.0) * 255.0).round() as u8;
            }
        }
        Self(curves)
    }

    /// The curve for text of a colour: coverage in, coverage out.
    pub fn of(&self, color: Color) -> &[u8; 256] {
        &self.0[curve_of(color)]
    }

    /// All curves, by level.
    pub fn tables(&self) -> &[[u8; 256]; CURVES] {
        &self.0
    }
}

/// The index of the curve for a colour, by its luma (ITU-R BT.601 weights).
pub fn curve_of(color: Color) -> usize {
    let luma = u32::from(color.r) * 299 + u32::from(color.g) * 587 + u32::from(color.b) * 114;
    ((luma * (CURVES as u32 - 1) + 127_500) / 255_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Fonts, ShapeOptions, Shaper, TextStyle};

    #[test]
    fn pens_snap_to_whole_pixels_or_quarters() {
        assert_eq!(snap_pen(3.4, Bins::One), (3, 0));
        assert_eq!(snap_pen(3.5, Bins::One), (4, 0));
        assert_eq!(snap_pen(3.3, Bins::Four), (3, 1));
        assert_eq!(snap_pen(3.9, Bins::Four), (4, 0));
        assert_eq!(snap_pen(-0.25, Bins::Four), (-1, 3));
    }

    #[test]
    fn gamma_one_leaves_coverage_and_more_thins_dark_text() {
        let plain = CoverageCurves::new(1.0);
        assert!((0..=255).all(|c| plain.of(Color::BLACK)[c] == c as u8));
        let curves = CoverageCurves::new(1.8);
        assert!(curves.of(Color::BLACK)[128] < 110);
        assert!(curves.of(Color::WHITE)[128] > 146);
        for curve in curves.tables() {
            assert_eq!((curve[0], curve[255]), (0, 255));
            assert!(curve.is_sorted());
        }
    }

    #[test]
    fn a_bitmap_is_rasterised_once_and_by_its_bin() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let line = shaper.shape("l", TextStyle::mono(14.0), ShapeOptions::default());
        let (face, id) = (&line.spans()[0].face, line.glyphs()[0].id);
        let mut cache = GlyphCache::new(Rasterisation::default());
        let first = Arc::clone(cache.glyph(face, id, 14.0, 0).unwrap());
        assert!(Arc::ptr_eq(&first, cache.glyph(face, id, 14.0, 0).unwrap()));
        assert_eq!(first.kind, BitmapKind::Coverage);
        assert_eq!(first.data.len(), (first.width * first.height) as usize);
        let moved = cache.glyph(face, id, 14.0, 2).unwrap();
        assert_ne!(moved.data, first.data);
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn every_icon_leaves_a_mark_inside_its_square() {
        let mut cache = GlyphCache::new(Rasterisation::default());
        for icon in crate::icon::ICONS {
            let bitmap = cache.icon(icon, 16).unwrap();
            assert!(bitmap.left >= 0 && bitmap.top <= 0, "{}", icon.name());
            assert!(bitmap.left as u32 + bitmap.width <= 16, "{}", icon.name());
            assert!((-bitmap.top) as u32 + bitmap.height <= 16, "{}", icon.name());
        }
    }
}
