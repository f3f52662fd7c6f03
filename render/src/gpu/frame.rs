//! From a scene to instances: a pure step, without a device.
//!
//! Every shape is cut to its clips here, so that one draw call can paint a whole frame; only the
//! round corners of clips are left to the shader. Another picture needs another draw call.

use std::ops::Range;
use std::sync::Arc;

use super::atlas::{Atlas, Known, PageId, Slot};
use super::instance::{CLIPS_MAX, Clip, Instance, Kind, PLAIN_CURVE};
use super::sheet::Full;
use crate::color::Color;
use crate::cpu::Colors;
use crate::device;
use crate::geometry::{PhysicalRect, PhysicalSize, Rect};
use crate::glyph::{BitmapKind, GlyphBitmap, GlyphCache, curve_of, snap_pen};
use crate::scene::{
    GlyphRun, IconQuad, Image, ImageData, Primitive, Quad, Rule, RuleStyle, Scene, Shadow, Stroke,
};

/// Consecutive instances that one draw call paints.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub instances: Range<u32>,
    /// What its pictures show; any batch without one can join its neighbour.
    pub picture: Option<Arc<ImageData>>,
}

/// What holds where a primitive stands.
#[derive(Clone, Copy)]
struct Scope {
    bounds: PhysicalRect,
    /// The innermost round clip, counted from 1.
    clip: u16,
}

/// The instances of a frame. Its memory serves the next one.
#[derive(Default)]
pub(super) struct Frame {
    pub instances: Vec<Instance>,
    pub batches: Vec<Batch>,
    pub clips: Vec<Clip>,
    /// What could not be drawn as the scene has it: see [`super::Presented`].
    pub left_out: u32,
    /// The largest picture that the device can hold, texels a side.
    pub picture_side_max: u32,
}

/// What is done about a full sheet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overflow {
    StartAnew,
    GiveUp,
}

impl Frame {
    /// Builds the frame of a scene; `size` is within [`super::instance::EXTENT_MAX`].
    pub fn build(
        &mut self,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
        atlas: &mut Atlas,
        glyphs: &mut GlyphCache,
    ) {
        atlas.begin();
        for attempt in 0..3 {
            let overflow = if attempt < 2 { Overflow::StartAnew } else { Overflow::GiveUp };
            let mut builder = Builder::new(self, size, scale, atlas, glyphs, overflow);
            if builder.all(scene).is_ok() {
                break;
            }
            match attempt {
                0 => atlas.evict(),
                _ => atlas.clear(),
            }
        }
    }
}

struct Builder<'a> {
    frame: &'a mut Frame,
    atlas: &'a mut Atlas,
    glyphs: &'a mut GlyphCache,
    scale: f32,
    overflow: Overflow,
    /// The target, then one scope for each clip pushed.
    scopes: Vec<Scope>,
}

impl<'a> Builder<'a> {
    fn new(
        frame: &'a mut Frame,
        size: PhysicalSize,
        scale: f32,
        atlas: &'a mut Atlas,
        glyphs: &'a mut GlyphCache,
        overflow: Overflow,
    ) -> Self {
        frame.instances.clear();
        frame.batches.clear();
        frame.batches.push(Batch { instances: 0..0, picture: None });
        frame.clips.clear();
        frame.left_out = 0;
        let scopes = vec![Scope { bounds: PhysicalRect::of(size), clip: 0 }];
        Self { frame, atlas, glyphs, scale, overflow, scopes }
    }

    fn all(&mut self, scene: &Scene) -> Result<(), Full> {
        for primitive in scene.primitives() {
            match primitive {
                Primitive::Quad(quad) => self.quad(quad),
                Primitive::Glyphs(run) => self.run(run)?,
                Primitive::Rule(rule) => self.rule(rule),
                Primitive::Image(image) => self.image(image),
                Primitive::Icon(icon) => self.icon(icon)?,
                Primitive::PushClip(rect, radius) => self.push_clip(*rect, *radius),
                Primitive::PopClip if self.scopes.len() > 1 => {
                    self.scopes.pop();
                }
                Primitive::PopClip => {}
            }
        }
        let end = self.frame.instances.len() as u32;
        self.batch().instances.end = end;
        Ok(())
    }

    fn scope(&self) -> Scope {
        *self.scopes.last().expect("the target's scope is never popped")
    }

    fn batch(&mut self) -> &mut Batch {
        self.frame.batches.last_mut().expect("a frame begins with a batch")
    }

    fn push_clip(&mut self, rect: Rect, radius: f32) {
        let outer = self.scope();
        let rect = device::snap_rect(rect, self.scale);
        let most = rect.width().min(rect.height()) as f32 / 2.0;
        let radius = (radius * self.scale).clamp(0.0, most.max(0.0));
        let mut clip = outer.clip;
        if radius > 0.0 && self.frame.clips.len() < CLIPS_MAX {
            let edges = [rect.left, rect.top, rect.right, rect.bottom];
            let outer = u32::from(clip);
            self.frame.clips.push(Clip { rect: edges, radius, outer, unused: [0; 2] });
            clip = self.frame.clips.len() as u16;
        } else if radius > 0.0 {
            self.frame.left_out += 1;
        }
        self.scopes.push(Scope { bounds: outer.bounds.intersect(rect), clip });
    }

    /// Adds what an instance of `rect` paints inside `bounds` and the clips; it may add nothing.
    #[inline]
    fn add(
        &mut self,
        kind: Kind,
        bounds: PhysicalRect,
        rect: PhysicalRect,
        color: Color,
    ) -> Option<&mut Instance> {
        let scope = self.scope();
        let bounds = bounds.intersect(scope.bounds);
        if bounds.is_empty() {
            return None;
        }
        let instance = Instance::new(kind, bounds, rect, color).clip(scope.clip);
        self.frame.instances.push(instance);
        self.frame.instances.last_mut()
    }

    fn quad(&mut self, quad: &Quad) {
        let rect = device::snap_rect(quad.rect, self.scale);
        let radii = device::radii(quad.radii, rect, self.scale);
        if let Some(shadow) = &quad.shadow {
            self.shadow(quad, shadow, radii);
        }
        let border = quad.border.filter(|border| border.color.a > 0 || quad.fill.a > 0);
        let width = border.map_or(0, |border| device::stroke(border.width, self.scale)) as f32;
        let solid = border.filter(|border| border.stroke == Stroke::Solid);
        if (quad.fill.a > 0 || solid.is_some())
            && let Some(instance) = self.add(Kind::Quad, rect, rect, quad.fill)
        {
            instance.shape = radii;
            if let Some(border) = solid {
                let edge = border.color;
                instance.edge = [edge.r, edge.g, edge.b, edge.a];
                instance.stroke = width;
            }
        }
        if let Some(border) = border.filter(|border| border.stroke == Stroke::Dashed)
            && let Some(instance) = self.add(Kind::DashedRing, rect, rect, border.color)
        {
            instance.shape = radii;
            instance.stroke = width;
        }
    }

    fn shadow(&mut self, quad: &Quad, shadow: &Shadow, radii: [f32; 4]) {
        let sigma = device::sigma(shadow, self.scale);
        let reach = device::shadow_reach(sigma);
        let below = device::shadow_rect(quad, shadow, self.scale);
        if below.is_empty() || shadow.color.a == 0 {
            return;
        }
        let radius = radii.into_iter().fold(0.0, f32::max);
        let outer = PhysicalRect::new(
            below.left.saturating_sub(reach),
            below.top.saturating_sub(reach),
            below.right.saturating_add(reach),
            below.bottom.saturating_add(reach),
        );
        let hidden = device::shadow_hidden_by(quad, radius, self.scale);
        for part in around(outer, hidden) {
            if let Some(instance) = self.add(Kind::Shadow, part, below, shadow.color) {
                instance.shape = [sigma, radius, 0.0, 0.0];
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let rect = device::rule_rect(rule, self.scale);
        let kind = match rule.style {
            RuleStyle::Solid => Kind::Quad,
            RuleStyle::Dashed => Kind::DashedRule,
            RuleStyle::Squiggle => Kind::Squiggle,
        };
        let stroke = device::stroke(rule.thickness, self.scale) as f32;
        if let Some(instance) = self.add(kind, rect, rect, rule.color)
            && kind != Kind::Quad
        {
            instance.stroke = stroke;
        }
    }

    fn image(&mut self, image: &Image) {
        let data = &image.data;
        if data.width().max(data.height()) > self.frame.picture_side_max {
            self.frame.left_out += 1;
            return;
        }
        let start = self.frame.instances.len() as u32;
        let batch = self.batch();
        match &batch.picture {
            Some(shown) if shown.digest() != data.digest() => {
                batch.instances.end = start;
                let picture = Some(Arc::clone(data));
                self.frame.batches.push(Batch { instances: start..start, picture });
            }
            Some(_) => {}
            None => batch.picture = Some(Arc::clone(data)),
        }
        let rect = device::snap_rect(image.rect, self.scale);
        let most = rect.width().min(rect.height()) as f32 / 2.0;
        let radius = (image.radius * self.scale).clamp(0.0, most);
        if let Some(instance) = self.add(Kind::Picture, rect, rect, Color::WHITE) {
            instance.shape = [radius, 0.0, 0.0, 0.0];
        }
    }

    fn icon(&mut self, icon: &IconQuad) -> Result<(), Full> {
        let square = device::icon_square(icon.rect, self.scale);
        if square.intersect(self.scope().bounds).is_empty() {
            return Ok(());
        }
        let (size, glyph) = (square.width() as u32, icon.icon as u16);
        let page = self.atlas.page(self.glyphs.icon_key(icon.icon, size));
        let slot = match self.atlas.find(page, glyph, 0) {
            Known::Slot(slot) => slot,
            Known::Blank => return Ok(()),
            Known::TooLarge => {
                self.frame.left_out += 1;
                return Ok(());
            }
            Known::Unknown => {
                let bitmap = self.glyphs.icon(icon.icon, size).cloned();
                match self.place(page, glyph, 0, bitmap)? {
                    Some(slot) => slot,
                    None => return Ok(()),
                }
            }
        };
        let whole = self.scope().bounds;
        self.bitmap(slot, (square.left, square.top), whole, icon.color, PLAIN_CURVE);
        Ok(())
    }

    fn run(&mut self, run: &GlyphRun) -> Result<(), Full> {
        let line = &run.line;
        let bounds = PhysicalRect::around(line.ink_bounds(run.origin), self.scale);
        let bounds = bounds.intersect(self.scope().bounds);
        if bounds.is_empty() {
            return Ok(());
        }
        let mut colors = Colors::new(run);
        let bins = self.glyphs.settings().bins.at(self.scale);
        for span in line.spans() {
            let size = span.size * self.scale;
            let all = &line.glyphs()[span.glyphs.start as usize..span.glyphs.end as usize];
            let Some(first) = all.first() else { continue };
            let page = self.atlas.page(self.glyphs.key(&span.face, first.id, size, 0));
            // Glyphs go from left to right, but marks may stand a little apart from their pens.
            let slack = span.size * 2.0;
            let left = bounds.left as f32 / self.scale - run.origin.x - slack;
            let right = bounds.right as f32 / self.scale - run.origin.x + slack;
            let first = all.partition_point(|glyph| glyph.x < left);
            for glyph in all[first..].iter().take_while(|glyph| glyph.x < right) {
                let (x, bin) = snap_pen((run.origin.x + glyph.x) * self.scale, bins);
                let y = device::round((run.origin.y + glyph.y) * self.scale);
                let slot = match self.atlas.find(page, glyph.id, bin) {
                    Known::Slot(slot) => slot,
                    Known::Blank => continue,
                    Known::TooLarge => {
                        self.frame.left_out += 1;
                        continue;
                    }
                    Known::Unknown => {
                        let bitmap = self.glyphs.glyph(&span.face, glyph.id, size, bin).cloned();
                        match self.place(page, glyph.id, bin, bitmap)? {
                            Some(slot) => slot,
                            None => continue,
                        }
                    }
                };
                let color = colors.at(glyph.byte);
                self.bitmap(slot, (x, y), bounds, color, curve_of(color));
            }
        }
        Ok(())
    }

    /// Places a bitmap that the atlas does not have yet.
    fn place(
        &mut self,
        page: PageId,
        glyph: u16,
        bin: u8,
        bitmap: Option<Arc<GlyphBitmap>>,
    ) -> Result<Option<Slot>, Full> {
        match self.atlas.add(page, glyph, bin, bitmap.as_deref()) {
            Ok(Known::Slot(slot)) => Ok(Some(slot)),
            Ok(Known::Blank | Known::Unknown) => Ok(None),
            Err(Full) if self.overflow == Overflow::StartAnew => Err(Full),
            Ok(Known::TooLarge) | Err(Full) => {
                self.frame.left_out += 1;
                Ok(None)
            }
        }
    }

    /// Adds a bitmap whose pen is at a pixel.
    #[inline]
    fn bitmap(
        &mut self,
        slot: Slot,
        pen: (i32, i32),
        bounds: PhysicalRect,
        color: Color,
        curve: usize,
    ) {
        let left = pen.0.saturating_add(slot.left);
        let top = pen.1.saturating_sub(slot.top);
        let rect = PhysicalRect::new(
            left,
            top,
            left.saturating_add(slot.width as i32),
            top.saturating_add(slot.height as i32),
        );
        let kind = match slot.kind {
            BitmapKind::Coverage => Kind::CoverageBitmap,
            BitmapKind::Color => Kind::ColorBitmap,
        };
        let scope = self.scope();
        let visible = rect.intersect(bounds);
        if visible.is_empty() {
            return;
        }
        let way = (slot.place.0 as i32 - left, slot.place.1 as i32 - top);
        let way = PhysicalRect::new(way.0, way.1, 0, 0);
        let instance = Instance::new(kind, visible, way, color).curve(curve).clip(scope.clip);
        self.frame.instances.push(instance);
    }
}

/// What of `outer` is not `hole`, which may be empty.
fn around(outer: PhysicalRect, hole: PhysicalRect) -> [PhysicalRect; 4] {
    let hole = hole.intersect(outer);
    if hole.is_empty() {
        let none = PhysicalRect::default();
        return [outer, none, none, none];
    }
    [
        PhysicalRect { bottom: hole.top, ..outer },
        PhysicalRect { top: hole.bottom, ..outer },
        PhysicalRect { right: hole.left, top: hole.top, bottom: hole.bottom, ..outer },
        PhysicalRect { left: hole.right, top: hole.top, bottom: hole.bottom, ..outer },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::atlas::AtlasSides;
    use super::super::sheet::Sides;
    use super::*;
    use crate::geometry::Point;
    use crate::glyph::Rasterisation;
    use crate::scene::ColorSpan;
    use crate::shape::{Fonts, ShapeOptions, Shaper, TextStyle};

    const SIZE: PhysicalSize = PhysicalSize::new(400, 300);

    struct Bench {
        frame: Frame,
        atlas: Atlas,
        glyphs: GlyphCache,
    }

    impl Bench {
        fn new(most: u32) -> Self {
            let sides = Sides { first: 32, most };
            let atlas = Atlas::new(AtlasSides { coverage: sides, color: sides });
            let glyphs = GlyphCache::new(Rasterisation::default());
            let frame = Frame { picture_side_max: 64, ..Frame::default() };
            Self { frame, atlas, glyphs }
        }

        fn build(&mut self, scene: &Scene) -> &Frame {
            self.frame.build(scene, SIZE, 1.0, &mut self.atlas, &mut self.glyphs);
            &self.frame
        }
    }

    fn picture(value: u8) -> Arc<ImageData> {
        Arc::new(ImageData::new(2, 2, vec![value; 16]).unwrap())
    }

    fn text(letters: &str, shaper: &mut Shaper) -> Scene {
        let mut scene = Scene::new(Color::WHITE);
        let line = shaper.shape(letters, TextStyle::mono(14.0), ShapeOptions::default());
        scene.text(&line, Point::new(4.0, 40.0), Color::BLACK);
        scene
    }

    #[test]
    fn what_lies_outside_its_clips_is_no_instance() {
        let mut scene = Scene::new(Color::WHITE);
        scene.clipped(Rect::new(10.0, 10.0, 20.0, 20.0), 0.0, |scene| {
            scene.fill(Rect::new(0.0, 0.0, 15.0, 15.0), Color::BLACK);
            scene.fill(Rect::new(40.0, 0.0, 15.0, 15.0), Color::BLACK);
        });
        scene.fill(Rect::new(-50.0, 290.0, 500.0, 50.0), Color::BLACK);
        let mut bench = Bench::new(64);
        let bounds: Vec<_> = bench.build(&scene).instances.iter().map(|i| i.bounds).collect();
        assert_eq!(bounds, [[10, 10, 15, 15], [0, 290, 400, 300]]);
    }

    #[test]
    fn only_another_picture_begins_another_batch() {
        let mut scene = Scene::new(Color::WHITE);
        for value in [1, 1, 2] {
            scene.fill(Rect::new(0.0, 0.0, 9.0, 9.0), Color::BLACK);
            let rect = Rect::new(0.0, 0.0, 4.0, 4.0);
            scene.push(Primitive::Image(Image { rect, data: picture(value), radius: 0.0 }));
        }
        let mut bench = Bench::new(64);
        let frame = bench.build(&scene);
        let ranges: Vec<_> = frame.batches.iter().map(|b| b.instances.clone()).collect();
        assert_eq!(ranges, [0..5, 5..6]);
    }

    #[test]
    fn a_picture_larger_than_a_texture_may_be_is_counted() {
        let mut scene = Scene::new(Color::WHITE);
        let data = Arc::new(ImageData::new(65, 1, vec![0; 65 * 4]).unwrap());
        scene.push(Primitive::Image(Image {
            rect: Rect::new(0.0, 0.0, 9.0, 9.0),
            data,
            radius: 0.0,
        }));
        let mut bench = Bench::new(64);
        assert_eq!(bench.build(&scene).left_out, 1);
        assert!(bench.frame.instances.is_empty());
    }

    #[test]
    fn a_full_atlas_starts_the_frame_anew_and_loses_no_glyph() {
        let mut shaper = Shaper::new(Fonts::bundled());
        // Each line alone fits into 64 by 64 texels; all of them do not.
        let mut bench = Bench::new(64);
        for round in 0..3 {
            for letters in ["abcdefghijklmnop", "ABCDEFGHIJKLMNOP", "0123456789!?#$%&"] {
                let frame = bench.build(&text(letters, &mut shaper));
                assert_eq!((frame.instances.len(), frame.left_out), (16, 0), "{letters} {round}");
            }
        }
    }

    #[test]
    fn glyphs_that_no_sheet_can_hold_together_are_counted() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let mut bench = Bench::new(32);
        let frame = bench.build(&text("abcdefghijklmnopqrstuvwxyz", &mut shaper));
        assert!(frame.left_out > 0 && !frame.instances.is_empty());
        assert_eq!(frame.left_out as usize + frame.instances.len(), 26);
    }

    #[test]
    fn a_shadow_is_not_painted_below_what_hides_it() {
        let outer = PhysicalRect::new(0, 0, 10, 10);
        let hole = PhysicalRect::new(2, 3, 6, 20);
        let parts = around(outer, hole);
        let area: i64 = parts.iter().map(|part| part.area()).sum();
        assert_eq!(area, 100 - 4 * 7);
        assert!(parts.iter().all(|part| part.intersect(hole).is_empty()));
        assert_eq!(around(outer, PhysicalRect::default())[0], outer);
    }

    /// By hand: `cargo test -p render --lib dense -- --ignored --nocapture`.
    #[test]
    #[ignore = "measures, and says nothing on a busy machine"]
    fn a_dense_screen_is_built_in_half_a_millisecond() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let mut scene = Scene::new(Color::WHITE);
        for row in 0..50 {
            let text = format!("{row:4} let value = self.history.record(&edit).map(|x| x.len()); ");
            let text: String = text.repeat(2).chars().take(120).collect();
            let line = shaper.shape(&text, TextStyle::mono(14.0), ShapeOptions::default());
            let span = |i: u32| ColorSpan { bytes: i * 6..i * 6 + 5, color: Color::hex(i * 999) };
            let spans: Arc<[ColorSpan]> = (0..20).map(span).collect();
            let origin = Point::new(8.0, 16.0 + 20.0 * row as f32);
            scene.glyphs(&line, origin, Color::BLACK, &spans);
        }
        let size = PhysicalSize::new(1280, 1024);
        let mut bench = Bench::new(1024);
        let mut times: Vec<_> = (0..101)
            .map(|_| {
                let start = std::time::Instant::now();
                bench.frame.build(&scene, size, 1.0, &mut bench.atlas, &mut bench.glyphs);
                start.elapsed()
            })
            .collect();
        eprintln!("first {:?}, {} instances", times[0], bench.frame.instances.len());
        times.sort();
        eprintln!("median {:?}, slowest but one {:?}", times[50], times[99]);
    }
}
