//! Clips while painting. A clip's rectangle narrows what may be written; its round corners are put
//! back at the end: what was there before is kept, and mixed in by how little the corner covers.

use super::canvas::{Canvas, blend, byte};
use crate::device;
use crate::geometry::{PhysicalRect, Rect};

/// A corner's pixels as they were before the clip, and its circle.
struct Corner {
    area: PhysicalRect,
    center: (f32, f32),
    radius: f32,
    before: Vec<u32>,
}

struct Pushed {
    outer: PhysicalRect,
    corners: Vec<Corner>,
}

#[derive(Default)]
pub(super) struct ClipStack {
    pushed: Vec<Pushed>,
}

impl ClipStack {
    pub fn push(&mut self, canvas: &mut Canvas<'_>, area: Rect, radius: f32, scale: f32) {
        let rect = device::snap_rect(area, scale);
        let outer = canvas.clip;
        let mut inner = outer.intersect(rect);
        if inner.is_empty() {
            // An empty clip must not turn inside out when it is narrowed again.
            inner = PhysicalRect::new(outer.left, outer.top, outer.left, outer.top);
        }
        canvas.clip = inner;
        let most = rect.width().min(rect.height()) as f32 / 2.0;
        let corners = corners(canvas, rect, (radius * scale).clamp(0.0, most));
        self.pushed.push(Pushed { outer, corners });
    }

    pub fn pop(&mut self, canvas: &mut Canvas<'_>) {
        let Some(pushed) = self.pushed.pop() else { return };
        for corner in &pushed.corners {
            restore(canvas, corner);
        }
        canvas.clip = pushed.outer;
    }

    /// Ends the clips that the scene left open.
    pub fn finish(&mut self, canvas: &mut Canvas<'_>) {
        while !self.pushed.is_empty() {
            self.pop(canvas);
        }
    }
}

/// The corners of a round rectangle that can be written to, with their pixels.
fn corners(canvas: &mut Canvas<'_>, rect: PhysicalRect, radius: f32) -> Vec<Corner> {
    if radius <= 0.0 {
        return Vec::new();
    }
    let side = radius.ceil() as i32;
    let (left, right) = (rect.left as f32 + radius, rect.right as f32 - radius);
    let (top, bottom) = (rect.top as f32 + radius, rect.bottom as f32 - radius);
    let place = |x: i32, y: i32| PhysicalRect::new(x, y, x + side, y + side);
    let candidates = [
        (place(rect.left, rect.top), (left, top)),
        (place(rect.right - side, rect.top), (right, top)),
        (place(rect.left, rect.bottom - side), (left, bottom)),
        (place(rect.right - side, rect.bottom - side), (right, bottom)),
    ];
    let mut corners = Vec::new();
    for (area, center) in candidates {
        let area = area.intersect(canvas.clip);
        if area.is_empty() {
            continue;
        }
        let mut before = Vec::with_capacity(area.area() as usize);
        for y in area.top..area.bottom {
            if let Some((_, row)) = canvas.row(y, area.left, area.right) {
                before.extend_from_slice(row);
            }
        }
        corners.push(Corner { area, center, radius, before });
    }
    corners
}

fn restore(canvas: &mut Canvas<'_>, corner: &Corner) {
    let width = corner.area.width() as usize;
    for (y, before) in (corner.area.top..).zip(corner.before.chunks_exact(width)) {
        let Some((left, row)) = canvas.row(y, corner.area.left, corner.area.right) else {
            continue;
        };
        for ((x, pixel), before) in (left..).zip(row).zip(before) {
            let coverage = circle_coverage(x, y, corner.center, corner.radius);
            *pixel = blend(*before, *pixel, byte(coverage));
        }
    }
}

/// How much of a pixel a circle covers, 0 to 1.
pub(super) fn circle_coverage(x: i32, y: i32, center: (f32, f32), radius: f32) -> f32 {
    let (dx, dy) = (x as f32 + 0.5 - center.0, y as f32 + 0.5 - center.1);
    (radius - (dx * dx + dy * dy).sqrt() + 0.5).clamp(0.0, 1.0)
}
