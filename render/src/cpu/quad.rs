//! Rectangles: fills, round corners, borders.

use super::canvas::{Canvas, blend, byte};
use super::clip::circle_coverage;
use super::shadow::{self, Shadows};
use crate::color::Color;
use crate::device;
use crate::geometry::PhysicalRect;
use crate::scene::{Quad, Stroke};

/// A rectangle with round corners in device pixels.
#[derive(Clone, Copy)]
struct Round {
    rect: PhysicalRect,
    radii: [f32; 4],
}

impl Round {
    fn inset(self, by: i32) -> Self {
        let rect = self.rect;
        Self {
            rect: PhysicalRect::new(
                rect.left + by,
                rect.top + by,
                rect.right - by,
                rect.bottom - by,
            ),
            radii: self.radii.map(|radius| (radius - by as f32).max(0.0)),
        }
    }

    /// The radius at the left and at the right end of a row, and the y of their circles.
    fn row(&self, y: i32) -> [(f32, f32); 2] {
        let (top, bottom) = (self.rect.top as f32, self.rect.bottom as f32);
        let middle = y as f32 + 0.5;
        let [top_left, top_right, bottom_right, bottom_left] = self.radii;
        let end = |above: f32, below: f32| {
            if middle < top + above {
                (above, top + above)
            } else if middle > bottom - below {
                (below, bottom - below)
            } else {
                (0.0, middle)
            }
        };
        [end(top_left, bottom_left), end(top_right, bottom_right)]
    }

    /// How much of a pixel is inside, 0 to 1.
    fn coverage(&self, x: i32, y: i32) -> f32 {
        let rect = self.rect;
        if x < rect.left || x >= rect.right || y < rect.top || y >= rect.bottom {
            return 0.0;
        }
        let [(left, left_y), (right, right_y)] = self.row(y);
        let middle = x as f32 + 0.5;
        if left > 0.0 && middle < rect.left as f32 + left {
            circle_coverage(x, y, (rect.left as f32 + left, left_y), left)
        } else if right > 0.0 && middle > rect.right as f32 - right {
            circle_coverage(x, y, (rect.right as f32 - right, right_y), right)
        } else {
            1.0
        }
    }
}

pub(super) fn draw(quad: &Quad, scale: f32, shadows: &mut Shadows, canvas: &mut Canvas<'_>) {
    let rect = device::snap_rect(quad.rect, scale);
    let outer = Round { rect, radii: device::radii(quad.radii, rect, scale) };
    if let Some(below) = &quad.shadow {
        shadow::draw(quad, below, outer.radii, scale, shadows, canvas);
    }
    let Some(border) = quad.border else {
        return fill(outer, quad.fill, None, canvas);
    };
    let width = device::stroke(border.width, scale);
    match border.stroke {
        Stroke::Solid => fill(outer, quad.fill, Some((width, border.color)), canvas),
        Stroke::Dashed => {
            fill(outer, quad.fill, None, canvas);
            dashes(outer, width, border.color, canvas);
        }
    }
}

/// Fills a round rectangle with an unbroken border, row by row: ends pixel by pixel, the middle in
/// one go.
fn fill(outer: Round, color: Color, border: Option<(i32, Color)>, canvas: &mut Canvas<'_>) {
    let (width, edge) = border.unwrap_or((0, Color::TRANSPARENT));
    if color.a == 0 && edge.a == 0 {
        return;
    }
    let inner = outer.inset(width);
    let rect = outer.rect;
    for y in rect.top.max(canvas.clip.top)..rect.bottom.min(canvas.clip.bottom) {
        let [(left, _), (right, _)] = outer.row(y);
        let in_edge = y < inner.rect.top || y >= inner.rect.bottom;
        let ends = |radius: f32| if radius > 0.0 { (radius.ceil() as i32).max(width) } else { 0 };
        let first = (rect.left + ends(left)).min(rect.right);
        let last = (rect.right - ends(right)).max(first);
        for x in (rect.left..first).chain(last..rect.right) {
            if x < canvas.clip.left || x >= canvas.clip.right {
                continue;
            }
            let whole = outer.coverage(x, y);
            let inside = if width > 0 { inner.coverage(x, y) } else { whole };
            mixed(canvas, (x, y), (color, inside), (edge, whole - inside));
        }
        if in_edge {
            canvas.span(y, first, last, edge);
            continue;
        }
        // A border wider than half of the rectangle leaves no inside.
        let (from, to) = (first.max(inner.rect.left).min(last), last.min(inner.rect.right));
        canvas.span(y, first, from, edge);
        canvas.span(y, from, to.max(from), color);
        canvas.span(y, to.max(from), last, edge);
    }
}

/// Writes a pixel that two colours share, each with its part of the pixel.
fn mixed(
    canvas: &mut Canvas<'_>,
    (x, y): (i32, i32),
    (a, part_a): (Color, f32),
    (b, part_b): (Color, f32),
) {
    let (weight_a, weight_b) = (part_a * f32::from(a.a), part_b.max(0.0) * f32::from(b.a));
    let sum = weight_a + weight_b;
    if sum < 0.5 {
        return;
    }
    let color = a.with_alpha(255).mix(b.with_alpha(255), weight_b / sum);
    if let Some((_, row)) = canvas.row(y, x, x + 1) {
        row[0] = blend(row[0], color.to_pixel(), byte(sum / 255.0));
    }
}

/// Draws a dashed ring. The dashes divide the way around evenly, from the start of the top edge
/// clockwise; one radius counts for all corners.
fn dashes(outer: Round, width: i32, color: Color, canvas: &mut Canvas<'_>) {
    let inner = outer.inset(width);
    let way = Way::new(outer, width);
    let rect = outer.rect.intersect(canvas.clip);
    for y in rect.top..rect.bottom {
        let [(left, _), (right, _)] = outer.row(y);
        let in_edge = y < inner.rect.top || y >= inner.rect.bottom;
        let ends = |radius: f32| (radius.ceil() as i32).max(width);
        let skip = outer.rect.left + ends(left)..outer.rect.right - ends(right);
        for x in rect.left..rect.right {
            if !in_edge && skip.contains(&x) {
                continue;
            }
            let ring = outer.coverage(x, y) - inner.coverage(x, y);
            if ring > 0.0 {
                canvas.cover(x, y, color, byte(ring * way.dash(x, y)));
            }
        }
    }
}

/// The way around a round rectangle.
struct Way {
    rect: [f32; 4],
    radius: f32,
    width: f32,
    across: f32,
    down: f32,
    arc: f32,
    period: f32,
}

impl Way {
    fn new(outer: Round, width: i32) -> Self {
        let rect = outer.rect;
        let radius = outer.radii[0];
        let across = rect.width() as f32 - 2.0 * radius;
        let down = rect.height() as f32 - 2.0 * radius;
        let arc = radius * std::f32::consts::FRAC_PI_2;
        let length = 2.0 * (across + down) + 4.0 * arc;
        let wanted = device::DASH_PERIOD * width as f32;
        let period = length / (length / wanted).round().max(1.0);
        let rect = [rect.left, rect.top, rect.right, rect.bottom].map(|edge| edge as f32);
        Self { rect, radius, width: width as f32, across, down, arc, period }
    }

    /// How far along the way the middle of a pixel lies.
    fn at(&self, x: f32, y: f32) -> f32 {
        let [left, top, right, bottom] = self.rect;
        let (r, across, down, arc) = (self.radius, self.across, self.down, self.arc);
        let angle = |dx: f32, dy: f32| dx.atan2(dy).max(0.0) * r;
        match (x < left + r, x > right - r, y < top + r, y > bottom - r) {
            (_, true, true, _) => across + angle(x - (right - r), (top + r) - y),
            (_, true, _, true) => across + arc + down + angle(y - (bottom - r), x - (right - r)),
            (true, _, _, true) => {
                2.0 * across + 2.0 * arc + down + angle((left + r) - x, y - (bottom - r))
            }
            (true, _, true, _) => {
                2.0 * (across + down) + 3.0 * arc + angle((top + r) - y, (left + r) - x)
            }
            _ if y < top + self.width => x - (left + r),
            _ if x > right - self.width => across + arc + y - (top + r),
            _ if y > bottom - self.width => across + 2.0 * arc + down + (right - r) - x,
            _ => 2.0 * across + 3.0 * arc + down + (bottom - r) - y,
        }
    }

    /// How much of a dash covers a pixel, 0 to 1.
    fn dash(&self, x: i32, y: i32) -> f32 {
        let phase = self.at(x as f32 + 0.5, y as f32 + 0.5).rem_euclid(self.period);
        dash_coverage(phase, self.period)
    }
}

/// How much of a dash covers a pixel whose middle is `phase` into the period, 0 to 1.
pub(super) fn dash_coverage(phase: f32, period: f32) -> f32 {
    let half = period * device::DASH / device::DASH_PERIOD / 2.0;
    // The next dash begins where this period ends.
    let distance = (phase - half).abs().min((phase - period - half).abs());
    (half - distance + 0.5).clamp(0.0, 1.0)
}
