//! A target with the rectangle that may be written, and the few ways to write to it.

use crate::color::Color;
use crate::geometry::PhysicalRect;

/// Rows of pixels. Nothing outside `clip` is ever written.
pub(super) struct Canvas<'a> {
    pixels: &'a mut [u32],
    stride: usize,
    pub clip: PhysicalRect,
}

/// `below` with `above` over it at `alpha`, 0 to 255; both `0x00RRGGBB`.
#[inline]
pub(super) fn blend(below: u32, above: u32, alpha: u32) -> u32 {
    // 0..=255 to 0..=256, so that 255 gives `above` exactly.
    let alpha = alpha + (alpha >> 7);
    let rest = 256 - alpha;
    let red_blue = (below & 0xff_00ff) * rest + (above & 0xff_00ff) * alpha + 0x80_0080;
    let green = (below & 0x00_ff00) * rest + (above & 0x00_ff00) * alpha + 0x00_8000;
    ((red_blue >> 8) & 0xff_00ff) | ((green >> 8) & 0x00_ff00)
}

/// Coverage times opacity, both 0 to 255.
#[inline]
pub(super) fn scaled(coverage: u32, alpha: u8) -> u32 {
    (coverage * u32::from(alpha) + 127) / 255
}

/// Coverage from 0 to 1 as a byte.
#[inline]
pub(super) fn byte(coverage: f32) -> u32 {
    (coverage.clamp(0.0, 1.0) * 255.0 + 0.5) as u32
}

impl<'a> Canvas<'a> {
    /// `clip` lies inside the target.
    pub fn new(pixels: &'a mut [u32], stride: usize, clip: PhysicalRect) -> Self {
        Self { pixels, stride, clip }
    }

    /// The part of a row from `left` to `right` that may be written, and its first column.
    #[inline]
    pub fn row(&mut self, y: i32, left: i32, right: i32) -> Option<(i32, &mut [u32])> {
        let (left, right) = (left.max(self.clip.left), right.min(self.clip.right));
        if y < self.clip.top || y >= self.clip.bottom || left >= right {
            return None;
        }
        let start = y as usize * self.stride;
        Some((left, &mut self.pixels[start + left as usize..start + right as usize]))
    }

    /// Writes one pixel at a coverage of 0 to 255.
    #[inline]
    pub fn cover(&mut self, x: i32, y: i32, color: Color, coverage: u32) {
        if coverage == 0 {
            return;
        }
        if let Some((_, row)) = self.row(y, x, x + 1) {
            row[0] = blend(row[0], color.to_pixel(), scaled(coverage, color.a));
        }
    }

    /// Fills part of a row.
    #[inline]
    pub fn span(&mut self, y: i32, left: i32, right: i32, color: Color) {
        let Some((_, row)) = self.row(y, left, right) else { return };
        let pixel = color.to_pixel();
        match color.a {
            255 => row.fill(pixel),
            0 => {}
            alpha => row.iter_mut().for_each(|p| *p = blend(*p, pixel, u32::from(alpha))),
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, rect: PhysicalRect, color: Color) {
        let rect = rect.intersect(self.clip);
        for y in rect.top..rect.bottom {
            self.span(y, rect.left, rect.right, color);
        }
    }
}
