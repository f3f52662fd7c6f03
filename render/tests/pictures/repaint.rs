//! A partial repaint gives what a full one gives, whatever changed, at every scale and age.

use render::color::Color;
use render::cpu::{Contents, CpuRenderer};
use render::geometry::{PhysicalSize, Point, Rect};
use render::glyph::Rasterisation;
use render::icon::Icon;
use render::scene::{Border, Quad, Radii, Rule, RuleStyle, Scene, Shadow};
use render::shape::{Fonts, ShapeOptions, Shaper, TextStyle};

/// Splitmix64 (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// A coordinate that is often between pixels.
    pub fn at(&mut self, bound: u64) -> f32 {
        self.below(bound * 4) as f32 / 4.0
    }

    fn color(&mut self) -> Color {
        let alpha = if self.below(2) == 0 { 255 } else { self.below(256) as u8 };
        Color::hex(self.below(1 << 24) as u32).with_alpha(alpha)
    }
}

/// Some things that a scene may hold; the same seed gives the same thing.
fn thing(seed: u64, shaper: &mut Shaper, scene: &mut Scene) {
    let mut random = Random(seed);
    let (x, y) = (random.at(180), random.at(110));
    let rect = Rect::new(x, y, random.at(90), random.at(60));
    let color = random.color();
    match random.below(6) {
        0 | 1 => {
            let radii = Radii { bottom_left: random.at(20), ..Radii::all(random.at(14)) };
            let border = [
                None,
                Some(Border::solid(random.at(4), random.color())),
                Some(Border::dashed(1.0, random.color())),
            ][random.below(3) as usize];
            let shadow = Shadow { offset: Point::new(0.0, 4.0), blur: random.at(24), color };
            let shadow = (random.below(3) == 0).then_some(shadow);
            scene.quad(Quad { rect, radii, fill: random.color(), border, shadow });
        }
        2 | 3 => {
            let texts = ["let x = edit(1);", "ab سلام cd", "fi é 世界 🦀", "Ág|jy_"];
            let text = texts[random.below(4) as usize];
            let style = [TextStyle::mono(14.0), TextStyle::ui(13.0)][random.below(2) as usize];
            let line = shaper.shape(text, style, ShapeOptions::default());
            scene.text(&line, Point::new(x, y), color);
        }
        4 => {
            let style = [RuleStyle::Solid, RuleStyle::Dashed, RuleStyle::Squiggle];
            let style = style[random.below(3) as usize];
            let origin = Point::new(x, y);
            scene.rule(Rule { origin, length: rect.width, thickness: 1.0, color, style });
        }
        _ => scene.icon(Icon::Search, rect, color),
    }
}

pub fn scene(seeds: &[u64], clip: Rect, radius: f32, shaper: &mut Shaper) -> Scene {
    let mut scene = Scene::new(Color::hex(0xf4_edf3));
    let (outside, inside) = seeds.split_at(seeds.len() / 2);
    for seed in outside {
        thing(*seed, shaper, &mut scene);
    }
    scene.clipped(clip, radius, |scene| {
        for seed in inside {
            thing(*seed, shaper, scene);
        }
    });
    scene
}

#[test]
fn what_is_repainted_in_part_equals_what_is_painted_whole() {
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(20_261_120);
    eprintln!("HEARTH_SEED={seed}");
    let mut random = Random(seed);
    let mut shaper = Shaper::new(Fonts::bundled());
    let mut partial = 0;
    for scale in [1.0, 1.25, 1.5] {
        let size = PhysicalSize::new((220.0 * scale) as u32, (140.0 * scale) as u32);
        let mut renderer = CpuRenderer::new(Rasterisation::default());
        let mut targets = [vec![0; size.pixels()], vec![0; size.pixels()]];
        let mut seeds: Vec<u64> = (0..10).map(|_| random.below(u64::MAX)).collect();
        let (mut clip, mut radius) = (Rect::new(20.0, 20.0, 160.0, 90.0), 10.0);
        for step in 0..150 {
            match random.below(6) {
                0 => seeds.swap(random.below(10) as usize, 0),
                1 => (clip.width, radius) = (100.0 + random.at(60), random.at(16)),
                2 => {}
                _ => seeds[random.below(10) as usize] = random.below(u64::MAX),
            }
            let scene = scene(&seeds, clip, radius, &mut shaper);
            // Two targets in turn: each is two frames old when it is drawn to again.
            let contents = if step < 2 { Contents::Unknown } else { Contents::Frame(2) };
            let target = &mut targets[step % 2];
            let damage = renderer.draw(&scene, size, scale, contents, target);
            partial += usize::from(damage.area() < size.pixels() as i64 / 2);
            let mut whole = vec![0; size.pixels()];
            let mut fresh = CpuRenderer::new(Rasterisation::default());
            fresh.draw(&scene, size, scale, Contents::Unknown, &mut whole);
            assert!(*target == whole, "scale {scale}, step {step}, {damage:?}");
        }
    }
    assert!(partial > 100, "only {partial} repaints were partial");
}
