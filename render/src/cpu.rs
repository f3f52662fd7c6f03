//! The CPU renderer: draws what changed, exactly the same on every run.
//!
//! Start at [`CpuRenderer::draw`]: `damage` finds the rectangles that differ from the last frame;
//! each is painted from its background up, with every primitive cut to it. What a pixel becomes
//! never depends on where the rectangle lies, so a partial repaint equals a full one.

mod canvas;
mod clip;
mod damage;
mod image;
mod quad;
mod rule;
mod shadow;
mod text;

use std::collections::VecDeque;

use canvas::Canvas;
use clip::ClipStack;
use damage::{Frame, Item};
use shadow::Shadows;
pub(crate) use text::Colors;

use crate::color::Color;
use crate::device;
use crate::geometry::{PhysicalRect, PhysicalSize};
use crate::glyph::{CoverageCurves, GlyphCache, Rasterisation};
use crate::scene::{Primitive, Scene};

/// What a target shows before it is drawn to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contents {
    /// Anything: all of it is painted.
    Unknown,
    /// What this renderer drew so many calls of `draw` ago: 1 is the last call.
    Frame(u8),
}

/// What was painted: device rectangles, which may overlap. Empty when the target already showed
/// the scene.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// The rectangles.
    pub rects: Vec<PhysicalRect>,
}

impl Damage {
    /// Whether nothing was painted.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Pixels painted, those in overlaps counted again.
    pub fn area(&self) -> i64 {
        self.rects.iter().map(|rect| rect.area()).sum()
    }
}

/// Frames whose damage is remembered, for targets that are older than the last one.
const HISTORY: usize = 4;

/// Draws scenes into memory. One per window.
pub struct CpuRenderer {
    glyphs: GlyphCache,
    curves: CoverageCurves,
    shadows: Shadows,
    last: Option<Frame>,
    /// What each of the last frames changed, newest first.
    history: VecDeque<Vec<PhysicalRect>>,
}

impl std::fmt::Debug for CpuRenderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CpuRenderer").field("glyphs", &self.glyphs).finish_non_exhaustive()
    }
}

impl CpuRenderer {
    /// A renderer that has drawn nothing yet.
    pub fn new(settings: Rasterisation) -> Self {
        Self {
            glyphs: GlyphCache::new(settings),
            curves: CoverageCurves::new(settings.gamma),
            shadows: Shadows::default(),
            last: None,
            history: VecDeque::new(),
        }
    }

    /// Rasterises differently from now on; the next frame is painted whole.
    pub fn set_rasterisation(&mut self, settings: Rasterisation) {
        if settings != self.glyphs.settings() {
            *self = Self::new(settings);
        }
    }

    /// Draws a scene at a scale factor into rows of `0x00RRGGBB`, and says what it painted.
    ///
    /// # Panics
    /// When `target` has fewer pixels than `size`.
    pub fn draw(
        &mut self,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
        contents: Contents,
        target: &mut [u32],
    ) -> Damage {
        assert!(target.len() >= size.pixels(), "the target is smaller than the size");
        let whole = PhysicalRect::of(size);
        if whole.is_empty() {
            return Damage::default();
        }
        let frame = Frame::new(scene, size, scale);
        let changed = match &self.last {
            Some(last) => damage::changes(last, &frame),
            None => vec![whole],
        };
        let rects = self.repaint(contents, &changed, whole);
        for rect in &rects {
            self.paint(scene, &frame, *rect, scale, target);
        }
        self.last = Some(frame);
        self.history.push_front(changed);
        self.history.truncate(HISTORY);
        Damage { rects }
    }

    /// What has to be painted on a target of some age.
    fn repaint(
        &self,
        contents: Contents,
        changed: &[PhysicalRect],
        whole: PhysicalRect,
    ) -> Vec<PhysicalRect> {
        let Contents::Frame(age @ 1..) = contents else { return vec![whole] };
        let older = usize::from(age) - 1;
        if self.last.is_none() || older > self.history.len() {
            return vec![whole];
        }
        let mut rects = changed.to_vec();
        for damage in self.history.iter().take(older) {
            for rect in damage {
                damage::add(&mut rects, rect.intersect(whole));
            }
        }
        rects
    }

    /// Paints one rectangle from its background up.
    fn paint(
        &mut self,
        scene: &Scene,
        frame: &Frame,
        rect: PhysicalRect,
        scale: f32,
        target: &mut [u32],
    ) {
        let mut canvas = Canvas::new(target, frame.size.width as usize, rect);
        let first = first_visible(scene, frame, rect, scale);
        if first.is_none() {
            canvas.fill(rect, opaque(scene.background));
        }
        let first = first.unwrap_or(0);
        let mut clips = ClipStack::default();
        for (index, primitive) in scene.primitives().iter().enumerate() {
            match primitive {
                Primitive::PushClip(area, radius) => {
                    clips.push(&mut canvas, *area, *radius, scale);
                }
                Primitive::PopClip => clips.pop(&mut canvas),
                drawn => {
                    let bounds = frame.items[index].bounds.intersect(rect);
                    if index >= first && !bounds.is_empty() {
                        self.primitive(drawn, scale, &mut canvas);
                    }
                }
            }
        }
        clips.finish(&mut canvas);
    }

    fn primitive(&mut self, primitive: &Primitive, scale: f32, canvas: &mut Canvas<'_>) {
        match primitive {
            Primitive::Quad(quad) => quad::draw(quad, scale, &mut self.shadows, canvas),
            Primitive::Glyphs(run) => {
                text::draw(run, scale, &mut self.glyphs, &self.curves, canvas);
            }
            Primitive::Rule(rule) => rule::draw(rule, scale, canvas),
            Primitive::Image(image) => image::draw(image, scale, canvas),
            Primitive::Icon(icon) => text::draw_icon(icon, scale, &mut self.glyphs, canvas),
            Primitive::PushClip(..) | Primitive::PopClip => {}
        }
    }
}

fn opaque(color: Color) -> Color {
    color.with_alpha(255)
}

/// The last opaque quad that hides everything below it in `rect`, background included.
fn first_visible(scene: &Scene, frame: &Frame, rect: PhysicalRect, scale: f32) -> Option<usize> {
    let hides = |item: &Item, primitive: &Primitive| match primitive {
        Primitive::Quad(quad) if quad.fill.is_opaque() => {
            let outer = device::snap_rect(quad.rect, scale);
            let radius = device::radii(quad.radii, outer, scale).into_iter().fold(0.0, f32::max);
            let border = quad.border.map_or(0, |border| device::stroke(border.width, scale));
            let edge = border.max(radius.ceil() as i32);
            let inner = PhysicalRect::new(
                outer.left.saturating_add(edge),
                outer.top.saturating_add(edge),
                outer.right.saturating_sub(edge),
                outer.bottom.saturating_sub(edge),
            );
            item.unrounded && inner.intersect(item.bounds).intersect(rect) == rect
        }
        _ => false,
    };
    let items = frame.items.iter().zip(scene.primitives());
    items.enumerate().rev().find(|(_, (item, primitive))| hides(item, primitive)).map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Rect;
    use crate::scene::Quad;

    const SIZE: PhysicalSize = PhysicalSize::new(64, 32);

    fn scene(x: f32) -> Scene {
        let mut scene = Scene::new(Color::WHITE);
        scene.fill(Rect::new(2.0, 2.0, 10.0, 10.0), Color::BLACK);
        let mut moving = Quad::fill(Rect::new(x, 4.0, 8.0, 8.0), Color::rgb(200, 0, 0));
        moving.radii = crate::scene::Radii::all(3.0);
        scene.quad(moving);
        scene
    }

    #[test]
    fn nothing_changed_means_no_damage() {
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        let mut target = vec![7; SIZE.pixels()];
        let first = renderer.draw(&scene(20.0), SIZE, 1.0, Contents::Unknown, &mut target);
        assert_eq!(first.rects, [PhysicalRect::of(SIZE)]);
        let second = renderer.draw(&scene(20.0), SIZE, 1.0, Contents::Frame(1), &mut target);
        assert!(second.is_empty());
    }

    #[test]
    fn a_partial_repaint_equals_a_full_one() {
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        let mut target = vec![7; SIZE.pixels()];
        renderer.draw(&scene(20.0), SIZE, 1.0, Contents::Unknown, &mut target);
        let damage = renderer.draw(&scene(30.0), SIZE, 1.0, Contents::Frame(1), &mut target);
        assert!(!damage.is_empty() && damage.area() < 200, "{damage:?}");
        let mut fresh = vec![9; SIZE.pixels()];
        CpuRenderer::new(Rasterisation::default()).draw(
            &scene(30.0),
            SIZE,
            1.0,
            Contents::Unknown,
            &mut fresh,
        );
        assert_eq!(target, fresh);
    }

    #[test]
    fn an_older_target_gets_the_older_damage_too() {
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        let (mut a, mut b) = (vec![0; SIZE.pixels()], vec![0; SIZE.pixels()]);
        renderer.draw(&scene(20.0), SIZE, 1.0, Contents::Unknown, &mut a);
        renderer.draw(&scene(30.0), SIZE, 1.0, Contents::Unknown, &mut b);
        // The first target is two calls old now.
        renderer.draw(&scene(40.0), SIZE, 1.0, Contents::Frame(2), &mut a);
        let mut fresh = vec![9; SIZE.pixels()];
        CpuRenderer::new(Rasterisation::default()).draw(
            &scene(40.0),
            SIZE,
            1.0,
            Contents::Unknown,
            &mut fresh,
        );
        assert_eq!(a, fresh);
        // One that is older than what is remembered is painted whole.
        let late = renderer.draw(&scene(40.0), SIZE, 1.0, Contents::Frame(9), &mut b);
        assert_eq!(late.rects, [PhysicalRect::of(SIZE)]);
    }

    #[test]
    fn a_border_wider_than_its_quad_stays_inside() {
        let mut scene = Scene::new(Color::WHITE);
        let mut quad = Quad::fill(Rect::new(10.0, 2.0, 3.0, 20.0), Color::BLACK);
        quad.radii = crate::scene::Radii::all(2.0);
        quad.border = Some(crate::scene::Border::solid(5.0, Color::BLACK));
        scene.quad(quad);
        let mut target = vec![0; SIZE.pixels()];
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        renderer.draw(&scene, SIZE, 1.0, Contents::Unknown, &mut target);
        let row = &target[12 * SIZE.width as usize..][..20];
        let inked: Vec<usize> = (0..20).filter(|x| row[*x] != 0x00ff_ffff).collect();
        assert_eq!(inked, [10, 11, 12]);
    }

    #[test]
    fn an_empty_target_is_no_error() {
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        let size = PhysicalSize::new(0, 40);
        assert!(renderer.draw(&scene(1.0), size, 1.0, Contents::Unknown, &mut []).is_empty());
    }
}
