//! Pictures, sampled bilinearly; one image pixel per device pixel is copied as it is.

use super::canvas::{Canvas, blend};
use super::clip::ClipStack;
use crate::device;
use crate::scene::{Image, ImageData};

pub(super) fn draw(image: &Image, scale: f32, canvas: &mut Canvas<'_>) {
    let rect = device::snap_rect(image.rect, scale);
    let mut clips = ClipStack::default();
    clips.push(canvas, image.rect, image.radius, scale);
    let step_x = image.data.width() as f32 / rect.width().max(1) as f32;
    let step_y = image.data.height() as f32 / rect.height().max(1) as f32;
    for y in rect.top.max(canvas.clip.top)..rect.bottom.min(canvas.clip.bottom) {
        let v = ((y - rect.top) as f32 + 0.5) * step_y - 0.5;
        let Some((left, row)) = canvas.row(y, rect.left, rect.right) else { continue };
        for (x, pixel) in (left..).zip(row) {
            let u = ((x - rect.left) as f32 + 0.5) * step_x - 0.5;
            let [r, g, b, a] = sample(&image.data, u, v);
            *pixel = blend(*pixel, r << 16 | g << 8 | b, a);
        }
    }
    clips.finish(canvas);
}

/// The colour at a place between pixels, weighted by alpha so that transparent ones add none.
fn sample(data: &ImageData, u: f32, v: f32) -> [u32; 4] {
    let (right, bottom) = (data.width() as i32 - 1, data.height() as i32 - 1);
    let (x, y) = (u.floor(), v.floor());
    let (part_x, part_y) = (u - x, v - y);
    let mut sums = [0.0_f32; 4];
    let corners = [
        (0, 0, (1.0 - part_x) * (1.0 - part_y)),
        (1, 0, part_x * (1.0 - part_y)),
        (0, 1, (1.0 - part_x) * part_y),
        (1, 1, part_x * part_y),
    ];
    for (dx, dy, weight) in corners {
        let column = (x as i32 + dx).clamp(0, right) as usize;
        let row = (y as i32 + dy).clamp(0, bottom) as usize;
        let start = (row * data.width() as usize + column) * 4;
        let pixel = &data.rgba()[start..start + 4];
        let alpha = f32::from(pixel[3]) * weight;
        for (sum, channel) in sums.iter_mut().zip(&pixel[..3]) {
            *sum += f32::from(*channel) * alpha;
        }
        sums[3] += alpha;
    }
    let alpha = sums[3];
    if alpha <= 0.0 {
        return [0; 4];
    }
    let channel = |sum: f32| (sum / alpha + 0.5) as u32;
    [channel(sums[0]), channel(sums[1]), channel(sums[2]), (alpha + 0.5) as u32]
}
