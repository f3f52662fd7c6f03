//! Soft shadows: the Gaussian blur of a round rectangle, exact up to whole rows of its corners.
//!
//! A blurred rectangle is symmetric, and constant where it is far from its corners, so one quadrant
//! as large as blur and radius serves every rectangle that is at least that large.

use std::collections::HashMap;
use std::rc::Rc;

use super::canvas::{Canvas, scaled};
use crate::device;
use crate::digest::BuildDigest;
use crate::geometry::PhysicalRect;
use crate::scene::{Quad, Shadow};

/// Distinct shadows kept; a theme has one.
const KEPT_MAX: usize = 16;

/// The top left quadrant of a shadow, from its outer corner, 0 to 255.
struct Quadrant {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

type Key = (u32, u32, i32, i32);

/// Quadrants by blur, radius and size.
#[derive(Default)]
pub(super) struct Shadows(HashMap<Key, Rc<Quadrant>, BuildDigest>);

impl Shadows {
    fn quadrant(&mut self, sigma: f32, radius: f32, size: (i32, i32)) -> Rc<Quadrant> {
        let reach = device::shadow_reach(sigma);
        // Beyond this, more width changes nothing that is seen.
        let far = 2 * (2 * reach + radius.ceil() as i32);
        let size = (size.0.min(far), size.1.min(far));
        let key = (sigma.to_bits(), radius.to_bits(), size.0, size.1);
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&key) {
            self.0.clear();
        }
        Rc::clone(self.0.entry(key).or_insert_with(|| Rc::new(Quadrant::new(sigma, radius, size))))
    }
}

/// The normal distribution's integral up to `x` (Abramowitz and Stegun 7.1.26, error below 2e-7).
fn integral(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t
        * (0.254_829_6
            + t * (-0.284_496_72 + t * (1.421_413_8 + t * (-1.453_152 + t * 1.061_405_4))));
    let erf = 1.0 - series * (-z * z).exp();
    if x >= 0.0 { (1.0 + erf) / 2.0 } else { (1.0 - erf) / 2.0 }
}

impl Quadrant {
    fn new(sigma: f32, radius: f32, size: (i32, i32)) -> Self {
        let reach = device::shadow_reach(sigma);
        let width = ((size.0 + 1) / 2 + reach) as usize;
        let height = ((size.1 + 1) / 2 + reach) as usize;
        let (across, down) = (size.0 as f32, size.1 as f32);
        let between = |from: f32, to: f32, at: f32| {
            integral((at - from) / sigma) - integral((at - to) / sigma)
        };
        // One blurred row for every row of a corner, and one for the middle.
        let rows = radius.ceil() as usize;
        let blurred_row = |inset: f32| -> Vec<f32> {
            (0..width)
                .map(|x| between(inset, across - inset, x as f32 + 0.5 - reach as f32))
                .collect()
        };
        let corner_rows: Vec<Vec<f32>> = (0..rows)
            .map(|row| {
                let rise = (radius - row as f32 - 0.5).max(0.0);
                blurred_row(radius - (radius * radius - rise * rise).max(0.0).sqrt())
            })
            .collect();
        let middle_row = blurred_row(0.0);
        let mut data = Vec::with_capacity(width * height);
        let mut sums = vec![0.0_f32; width];
        for y in 0..height {
            let at = y as f32 + 0.5 - reach as f32;
            let middle = between(rows as f32, down - rows as f32, at).max(0.0);
            for (sum, value) in sums.iter_mut().zip(&middle_row) {
                *sum = middle * value;
            }
            for (row, values) in corner_rows.iter().enumerate() {
                let top = row as f32;
                let weight =
                    between(top, top + 1.0, at) + between(down - top - 1.0, down - top, at);
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            data.extend(sums.iter().map(|sum| (sum.clamp(0.0, 1.0) * 255.0 + 0.5) as u8));
        }
        Self { width, height, data }
    }
}

/// Draws the shadow of a quad, except below its opaque inside.
pub(super) fn draw(
    quad: &Quad,
    shadow: &Shadow,
    radii: [f32; 4],
    scale: f32,
    shadows: &mut Shadows,
    canvas: &mut Canvas<'_>,
) {
    let sigma = device::sigma(shadow, scale);
    let reach = device::shadow_reach(sigma);
    let below = device::shadow_rect(quad, shadow, scale);
    if below.is_empty() || shadow.color.a == 0 {
        return;
    }
    let radius = radii.into_iter().fold(0.0, f32::max);
    let quadrant = shadows.quadrant(sigma, radius, (below.width(), below.height()));
    let outer = PhysicalRect::new(
        below.left - reach,
        below.top - reach,
        below.right + reach,
        below.bottom + reach,
    );
    let hidden = device::shadow_hidden_by(quad, radius, scale);
    let area = outer.intersect(canvas.clip);
    for y in area.top..area.bottom {
        let from_edge = (y - outer.top).min(outer.bottom - 1 - y) as usize;
        let row = from_edge.min(quadrant.height - 1) * quadrant.width;
        let row = &quadrant.data[row..row + quadrant.width];
        let mut part = |left: i32, right: i32| {
            let Some((left, pixels)) = canvas.row(y, left, right) else { return };
            let color = shadow.color.to_pixel();
            for (x, pixel) in (left..).zip(pixels) {
                let column = (x - outer.left).min(outer.right - 1 - x) as usize;
                let coverage = u32::from(row[column.min(quadrant.width - 1)]);
                let alpha = scaled(coverage, shadow.color.a);
                *pixel = super::canvas::blend(*pixel, color, alpha);
            }
        };
        if y >= hidden.top && y < hidden.bottom {
            part(area.left, area.right.min(hidden.left));
            part(area.left.max(hidden.right), area.right);
        } else {
            part(area.left, area.right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_falls_off_from_inside_to_outside() {
        let quadrant = Quadrant::new(4.0, 3.0, (100, 100));
        let middle = &quadrant.data[(quadrant.height - 1) * quadrant.width..];
        assert!(middle.is_sorted());
        assert!(middle[0] <= 1);
        assert_eq!(middle.last(), Some(&255));
        // Half at the edge of a wide rectangle.
        assert!(middle[12].abs_diff(134) < 10, "{}", middle[12]);
    }

    #[test]
    fn a_rectangle_smaller_than_its_blur_is_pale_everywhere() {
        let quadrant = Quadrant::new(10.0, 2.0, (6, 6));
        let densest = quadrant.data.iter().max().unwrap();
        assert!(*densest > 0 && *densest < 40, "{densest}");
    }
}
