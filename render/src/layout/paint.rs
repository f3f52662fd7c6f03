//! Painting a layout into a scene.

use super::{ElementId, Inside, Layout, Placed};
use crate::geometry::Rect;
use crate::scene::{Primitive, Quad, Scene};

impl Layout {
    /// Adds everything to a scene; custom elements stay empty.
    pub fn paint(&self, scene: &mut Scene) {
        self.paint_with(scene, &mut |_, _, _| {});
    }

    /// Adds everything to a scene, and has `custom` paint each custom element at its turn.
    pub fn paint_with(
        &self,
        scene: &mut Scene,
        custom: &mut dyn FnMut(&mut Scene, ElementId, Rect),
    ) {
        // Where a clip ends: the index one past the last descendant of what clips.
        let mut clips: Vec<usize> = Vec::new();
        for (index, placed) in self.placed.iter().enumerate() {
            while clips.last().is_some_and(|end| *end <= index) {
                clips.pop();
                scene.push(Primitive::PopClip);
            }
            paint_box(placed, scene);
            if placed.clip {
                let edge = placed.paint.border.map_or(0.0, |border| border.width);
                let radius = (placed.paint.radii.top_left - edge).max(0.0);
                scene.push(Primitive::PushClip(placed.rect.outset(-edge), radius));
                clips.push(placed.end);
            }
            match (&placed.inside, placed.id) {
                (Inside::Words(words), _) => words.paint(placed.rect, self.direction, scene),
                (Inside::Icon(icon, color), _) => scene.icon(*icon, placed.rect, *color),
                (Inside::Custom, Some(id)) => custom(scene, id, placed.rect),
                (Inside::Custom | Inside::Nothing, _) => {}
            }
        }
        for _ in clips {
            scene.push(Primitive::PopClip);
        }
    }
}

fn paint_box(placed: &Placed, scene: &mut Scene) {
    let paint = &placed.paint;
    if paint.fill.a == 0 && paint.border.is_none() && paint.shadow.is_none() {
        return;
    }
    scene.quad(Quad {
        rect: placed.rect,
        radii: paint.radii,
        fill: paint.fill,
        border: paint.border,
        shadow: paint.shadow,
    });
}
