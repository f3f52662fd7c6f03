//! Glyphs and icons.

use super::canvas::{Canvas, blend, scaled};
use crate::color::Color;
use crate::device;
use crate::geometry::PhysicalRect;
use crate::glyph::{BitmapKind, CoverageCurves, GlyphBitmap, GlyphCache, snap_pen};
use crate::scene::{GlyphRun, IconQuad};

/// Finds the colour of each byte, remembering the last answer: neighbours mostly share it.
pub(crate) struct Colors<'a> {
    run: &'a GlyphRun,
    from: u32,
    to: u32,
    color: Color,
}

impl<'a> Colors<'a> {
    pub fn new(run: &'a GlyphRun) -> Self {
        Self { run, from: 0, to: 0, color: run.color }
    }

    pub fn at(&mut self, byte: u32) -> Color {
        if byte >= self.from && byte < self.to {
            return self.color;
        }
        let spans = &self.run.spans;
        let next = spans.partition_point(|span| span.bytes.end <= byte);
        match spans.get(next) {
            Some(span) if span.bytes.start <= byte => {
                (self.from, self.to, self.color) = (span.bytes.start, span.bytes.end, span.color);
            }
            later => {
                self.from = next.checked_sub(1).map_or(0, |before| spans[before].bytes.end);
                self.to = later.map_or(u32::MAX, |span| span.bytes.start);
                self.color = self.run.color;
            }
        }
        self.color
    }
}

pub(super) fn draw(
    run: &GlyphRun,
    scale: f32,
    glyphs: &mut GlyphCache,
    curves: &CoverageCurves,
    canvas: &mut Canvas<'_>,
) {
    let line = &run.line;
    let bounds = PhysicalRect::around(line.ink_bounds(run.origin), scale);
    let outer = canvas.clip;
    canvas.clip = outer.intersect(bounds);
    let mut colors = Colors::new(run);
    let bins = glyphs.settings().bins.at(scale);
    for span in line.spans() {
        let size = span.size * scale;
        let all = &line.glyphs()[span.glyphs.start as usize..span.glyphs.end as usize];
        // Glyphs go from left to right, but marks may stand a little apart from their pens.
        let slack = span.size * 2.0;
        let left = canvas.clip.left as f32 / scale - run.origin.x - slack;
        let right = canvas.clip.right as f32 / scale - run.origin.x + slack;
        let first = all.partition_point(|glyph| glyph.x < left);
        for glyph in all[first..].iter().take_while(|glyph| glyph.x < right) {
            let (x, bin) = snap_pen((run.origin.x + glyph.x) * scale, bins);
            let y = device::round((run.origin.y + glyph.y) * scale);
            if let Some(bitmap) = glyphs.glyph(&span.face, glyph.id, size, bin) {
                let color = colors.at(glyph.byte);
                blit(bitmap, x, y, color, curves.of(color), canvas);
            }
        }
    }
    canvas.clip = outer;
}

pub(super) fn draw_icon(
    icon: &IconQuad,
    scale: f32,
    glyphs: &mut GlyphCache,
    canvas: &mut Canvas<'_>,
) {
    let square = device::icon_square(icon.rect, scale);
    let plain = std::array::from_fn(|coverage| coverage as u8);
    if let Some(bitmap) = glyphs.icon(icon.icon, square.width() as u32) {
        blit(bitmap, square.left, square.top, icon.color, &plain, canvas);
    }
}

fn blit(
    bitmap: &GlyphBitmap,
    x: i32,
    y: i32,
    color: Color,
    curve: &[u8; 256],
    canvas: &mut Canvas<'_>,
) {
    let (left, top) = (x + bitmap.left, y - bitmap.top);
    let width = bitmap.width as usize;
    let ink = color.to_pixel();
    let bytes = match bitmap.kind {
        BitmapKind::Coverage => 1,
        BitmapKind::Color => 4,
    };
    let first = (canvas.clip.top - top).max(0);
    let rows = bitmap.data.chunks_exact(width * bytes).enumerate().skip(first as usize);
    for (row, source) in rows {
        let y = top + row as i32;
        if y >= canvas.clip.bottom {
            break;
        }
        let Some((start, pixels)) = canvas.row(y, left, left + width as i32) else { continue };
        let source = &source[(start - left) as usize * bytes..];
        match bitmap.kind {
            BitmapKind::Coverage => {
                for (pixel, coverage) in pixels.iter_mut().zip(source) {
                    if *coverage > 0 {
                        let alpha = scaled(u32::from(curve[usize::from(*coverage)]), color.a);
                        *pixel = blend(*pixel, ink, alpha);
                    }
                }
            }
            BitmapKind::Color => {
                for (pixel, rgba) in pixels.iter_mut().zip(source.chunks_exact(4)) {
                    let above = Color::rgb(rgba[0], rgba[1], rgba[2]).to_pixel();
                    *pixel = blend(*pixel, above, scaled(u32::from(rgba[3]), color.a));
                }
            }
        }
    }
}
