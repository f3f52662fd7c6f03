//! How logical geometry becomes device pixels. Both renderers use it, so that they agree.

use crate::geometry::{PhysicalRect, Point, Rect};
use crate::scene::{Primitive, Quad, Radii, Rule, RuleStyle, Shadow};

/// Length of a dash, in strokes.
pub const DASH: f32 = 3.0;
/// From the start of a dash to the next, in strokes.
pub const DASH_PERIOD: f32 = 5.0;
/// From one crest of a squiggle to the next, in strokes.
pub const WAVE_PERIOD: f32 = 5.0;
/// From the middle of a squiggle to the middle of its stroke at a crest, in strokes.
pub const WAVE_AMPLITUDE: f32 = 1.25;

/// A rectangle with its edges on whole pixels; what had an extent keeps at least one pixel.
pub fn snap_rect(rect: Rect, scale: f32) -> PhysicalRect {
    let (left, top) = (round(rect.x * scale), round(rect.y * scale));
    let mut snapped =
        PhysicalRect::new(left, top, round(rect.right() * scale), round(rect.bottom() * scale));
    if rect.width > 0.0 {
        snapped.right = snapped.right.max(left.saturating_add(1));
    }
    if rect.height > 0.0 {
        snapped.bottom = snapped.bottom.max(top.saturating_add(1));
    }
    snapped
}

/// The nearest whole pixel; halves go up, so that equal rows stay equal.
pub fn round(value: f32) -> i32 {
    (value + 0.5).floor() as i32
}

/// The width of a stroke in whole pixels, at least one.
pub fn stroke(width: f32, scale: f32) -> i32 {
    round(width * scale).max(1)
}

/// The radii of a snapped rectangle in device pixels, clockwise from the top left, limited to half
/// of its shorter side.
pub fn radii(radii: Radii, rect: PhysicalRect, scale: f32) -> [f32; 4] {
    let most = rect.width().min(rect.height()) as f32 / 2.0;
    [radii.top_left, radii.top_right, radii.bottom_right, radii.bottom_left]
        .map(|radius| (radius * scale).clamp(0.0, most))
}

/// Standard deviation of a shadow's blur in device pixels.
pub fn sigma(shadow: &Shadow, scale: f32) -> f32 {
    (shadow.blur * scale / 2.0).max(0.5)
}

/// The rectangle whose blur a shadow is.
pub fn shadow_rect(quad: &Quad, shadow: &Shadow, scale: f32) -> PhysicalRect {
    snap_rect(quad.rect.offset(shadow.offset.x, shadow.offset.y), scale)
}

/// How far a shadow reaches beyond its rectangle, in whole pixels: what lies further is below one
/// part in 255.
pub fn shadow_reach(sigma: f32) -> i32 {
    (sigma * 3.0).ceil() as i32
}

/// The part of a quad that hides its own shadow; `radius` is its largest, in device pixels.
pub fn shadow_hidden_by(quad: &Quad, radius: f32, scale: f32) -> PhysicalRect {
    if !quad.fill.is_opaque() {
        return PhysicalRect::default();
    }
    let rect = snap_rect(quad.rect, scale);
    let edge = quad.border.map_or(0, |border| stroke(border.width, scale));
    let by = edge.max(radius.ceil() as i32);
    let inner = PhysicalRect::new(rect.left + by, rect.top + by, rect.right - by, rect.bottom - by);
    if inner.is_empty() { PhysicalRect::default() } else { inner }
}

/// The snapped rectangle of a rule: its stroke, or the room of its wave.
pub fn rule_rect(rule: &Rule, scale: f32) -> PhysicalRect {
    let thickness = stroke(rule.thickness, scale);
    let height = match rule.style {
        RuleStyle::Solid | RuleStyle::Dashed => thickness,
        RuleStyle::Squiggle => (thickness as f32 * (2.0 * WAVE_AMPLITUDE + 1.0)).ceil() as i32 + 1,
    };
    let (left, top) = (round(rule.origin.x * scale), round(rule.origin.y * scale));
    let right = round((rule.origin.x + rule.length) * scale);
    PhysicalRect::new(left, top, right, top.saturating_add(height))
}

/// The square of an icon: the shorter side, centred, in whole pixels.
pub fn icon_square(rect: Rect, scale: f32) -> PhysicalRect {
    let side = round(rect.width.min(rect.height) * scale).max(1);
    let center = rect.center();
    let left = round(center.x * scale - side as f32 / 2.0);
    let top = round(center.y * scale - side as f32 / 2.0);
    PhysicalRect::new(left, top, left.saturating_add(side), top.saturating_add(side))
}

/// The row of a baseline.
pub fn baseline(origin: Point, scale: f32) -> i32 {
    round(origin.y * scale)
}

/// Every pixel that a primitive can touch; nothing for clips.
pub fn bounds(primitive: &Primitive, scale: f32) -> PhysicalRect {
    match primitive {
        Primitive::Quad(quad) => {
            let rect = snap_rect(quad.rect, scale);
            quad.shadow.as_ref().map_or(rect, |shadow| {
                let reach = shadow_reach(sigma(shadow, scale));
                let below = shadow_rect(quad, shadow, scale);
                rect.union(PhysicalRect::new(
                    below.left.saturating_sub(reach),
                    below.top.saturating_sub(reach),
                    below.right.saturating_add(reach),
                    below.bottom.saturating_add(reach),
                ))
            })
        }
        Primitive::Glyphs(run) => PhysicalRect::around(run.line.ink_bounds(run.origin), scale),
        Primitive::Rule(rule) => rule_rect(rule, scale),
        Primitive::Image(image) => snap_rect(image.rect, scale),
        Primitive::Icon(icon) => icon_square(icon.rect, scale),
        Primitive::PushClip(..) | Primitive::PopClip => PhysicalRect::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_their_edge_at_every_scale() {
        for scale in [1.0, 1.25, 1.5, 1.75, 2.0] {
            let (mut y, mut last) = (0.0, 0);
            for _ in 0..50 {
                let snapped = snap_rect(Rect::new(0.0, y, 10.0, 22.0), scale);
                assert_eq!(snapped.top, last);
                (y, last) = (y + 22.0, snapped.bottom);
            }
        }
    }

    #[test]
    fn thin_things_keep_a_pixel() {
        let hair = snap_rect(Rect::new(1.2, 0.0, 0.2, 10.0), 1.0);
        assert_eq!((hair.left, hair.right), (1, 2));
        assert_eq!((stroke(0.3, 1.0), stroke(1.0, 1.5), stroke(1.0, 2.0)), (1, 2, 2));
        assert!(snap_rect(Rect::default(), 1.0).is_empty());
    }
}
