//! What differs between two frames.
//!
//! A frame is remembered as one digest and one rectangle per primitive. Primitives that both
//! frames have in the same order cost nothing; the rectangles of all others are damage. Rectangles
//! are merged where painting the space between is cheaper than another walk over the scene.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use crate::color::Color;
use crate::device;
use crate::digest::{BuildDigest, Digest};
use crate::geometry::{PhysicalRect, PhysicalSize};
use crate::scene::{Primitive, Scene};

/// More rectangles than this are merged.
const RECTS_MAX: usize = 12;
/// Pixels that cost as much as a further rectangle.
const MERGE_PIXELS: i64 = 2048;

/// A primitive as it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    digest: u64,
    /// What it can touch inside its clips.
    pub bounds: PhysicalRect,
    /// Whether no clip around it has round corners.
    pub unrounded: bool,
}

/// A frame as it is remembered.
#[derive(Debug)]
pub(super) struct Frame {
    pub size: PhysicalSize,
    scale: f32,
    background: Color,
    /// One per primitive, clips included.
    pub items: Vec<Item>,
}

impl Frame {
    pub fn new(scene: &Scene, size: PhysicalSize, scale: f32) -> Self {
        let outermost = Item { digest: 0, bounds: PhysicalRect::of(size), unrounded: true };
        let mut clips = vec![outermost];
        let mut items = Vec::with_capacity(scene.primitives().len());
        for primitive in scene.primitives() {
            let clip = *clips.last().expect("the outermost clip stays");
            let mut digest = Digest::default();
            (clip.digest, primitive.digest()).hash(&mut digest);
            let digest = digest.finish();
            let bounds = device::bounds(primitive, scale).intersect(clip.bounds);
            items.push(Item { digest, bounds, unrounded: clip.unrounded });
            match primitive {
                Primitive::PushClip(rect, radius) => clips.push(Item {
                    digest,
                    bounds: device::snap_rect(*rect, scale).intersect(clip.bounds),
                    unrounded: clip.unrounded && *radius <= 0.0,
                }),
                Primitive::PopClip if clips.len() > 1 => {
                    clips.pop();
                }
                _ => {}
            }
        }
        Self { size, scale, background: scene.background, items }
    }
}

/// The rectangles in which two frames may differ.
pub(super) fn changes(old: &Frame, new: &Frame) -> Vec<PhysicalRect> {
    let same_ground = old.size == new.size
        && old.scale == new.scale
        && old.background.with_alpha(255) == new.background.with_alpha(255);
    if !same_ground {
        return vec![PhysicalRect::of(new.size)];
    }
    let (mut before, mut after) = (&old.items[..], &new.items[..]);
    let head = before.iter().zip(after).take_while(|(a, b)| a.digest == b.digest).count();
    (before, after) = (&before[head..], &after[head..]);
    let tail = before.iter().rev().zip(after.iter().rev());
    let tail = tail.take_while(|(a, b)| a.digest == b.digest).count();
    (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
    let mut rects = Vec::new();
    let mut kept = vec![false; before.len()];
    let mut places: HashMap<u64, Vec<usize>, BuildDigest> = HashMap::default();
    for (index, item) in before.iter().enumerate().rev() {
        places.entry(item.digest).or_default().push(index);
    }
    let mut reached = 0;
    for item in after {
        // Those earlier than one that was kept already have changed their order.
        let place = places.get_mut(&item.digest).and_then(|places| {
            while places.last().is_some_and(|place| *place < reached) {
                places.pop();
            }
            places.pop()
        });
        match place {
            Some(place) => {
                kept[place] = true;
                reached = place + 1;
            }
            None => add(&mut rects, item.bounds),
        }
    }
    for (item, _) in before.iter().zip(&kept).filter(|(_, kept)| !**kept) {
        add(&mut rects, item.bounds);
    }
    rects
}

/// Adds a rectangle, merged with others where that is cheaper.
pub(super) fn add(rects: &mut Vec<PhysicalRect>, mut rect: PhysicalRect) {
    if rect.is_empty() {
        return;
    }
    while let Some((index, waste)) = cheapest(rects, rect) {
        if waste > MERGE_PIXELS && rects.len() < RECTS_MAX {
            break;
        }
        rect = rects.swap_remove(index).union(rect);
    }
    rects.push(rect);
}

/// The rectangle that is best merged with `rect`, and the pixels painted for nothing.
fn cheapest(rects: &[PhysicalRect], rect: PhysicalRect) -> Option<(usize, i64)> {
    let waste = |other: &PhysicalRect| other.union(rect).area() - other.area() - rect.area();
    rects.iter().map(waste).enumerate().min_by_key(|(_, waste)| *waste)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;

    const SIZE: PhysicalSize = PhysicalSize::new(1000, 1000);

    fn frame(rects: &[(f32, f32)]) -> Frame {
        let mut scene = Scene::new(Color::WHITE);
        for (x, y) in rects {
            scene.fill(Rect::new(*x, *y, 10.0, 10.0), Color::BLACK);
        }
        Frame::new(&scene, SIZE, 1.0)
    }

    #[test]
    fn what_was_inserted_is_damaged_alone() {
        let old = frame(&[(0.0, 0.0), (500.0, 500.0)]);
        let new = frame(&[(0.0, 0.0), (900.0, 0.0), (500.0, 500.0)]);
        let rect = PhysicalRect::new(900, 0, 910, 10);
        assert_eq!(changes(&old, &new), [rect]);
        assert_eq!(changes(&new, &old), [rect]);
        assert!(changes(&new, &new).is_empty());
    }

    #[test]
    fn a_changed_order_is_damage() {
        let old = frame(&[(0.0, 0.0), (5.0, 5.0)]);
        let new = frame(&[(5.0, 5.0), (0.0, 0.0)]);
        assert!(!changes(&old, &new).is_empty());
    }

    #[test]
    fn a_changed_clip_damages_what_it_holds() {
        let clipped = |width: f32| {
            let mut scene = Scene::new(Color::WHITE);
            scene.clipped(Rect::new(0.0, 0.0, width, 50.0), 0.0, |scene| {
                scene.fill(Rect::new(0.0, 0.0, 100.0, 100.0), Color::BLACK);
            });
            Frame::new(&scene, SIZE, 1.0)
        };
        let damage = changes(&clipped(40.0), &clipped(60.0));
        assert_eq!(damage, [PhysicalRect::new(0, 0, 60, 50)]);
    }

    #[test]
    fn many_rectangles_are_merged_to_a_few_that_cover_all() {
        let mut rects = Vec::new();
        let all: Vec<PhysicalRect> = (0..200)
            .map(|i| {
                PhysicalRect::new(i * 37 % 900, i * 91 % 900, i * 37 % 900 + 5, i * 91 % 900 + 5)
            })
            .collect();
        for rect in &all {
            add(&mut rects, *rect);
        }
        assert!(rects.len() <= RECTS_MAX);
        for rect in all {
            assert!(rects.iter().any(|merged| merged.intersect(rect) == rect));
        }
    }
}
