//! The two renderers agree: scenes drawn by the GPU renderer and by the CPU renderer.
//!
//! Here that GPU is mostly lavapipe. A machine where wgpu finds nothing says `SKIPPED`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use render::color::Color;
use render::geometry::{PhysicalSize, Point, Rect};
use render::glyph::{BitmapKind, GlyphCache, Rasterisation};
use render::gpu::{GpuTarget, Wanted};
use render::scene::Scene;
use render::shape::{Fonts, ShapeOptions, Shaper, TextStyle};
use render::theme::Appearance;

use crate::desk::Desk;
use crate::goldens::drawn;
use crate::repaint::Random;
use crate::{marks, repaint, words};

/// Differences allowed between two pictures of one scene.
struct Tolerance {
    /// Largest difference of a channel, of 255, in all but `outliers`.
    channel: u32,
    /// Pixels in a million that may differ by more.
    outliers: usize,
    /// Mean difference of all channels, of 255.
    mean: f64,
}

/// Eight bits are rounded after every layer, by us and by the device.
const ROUNDING: Tolerance = Tolerance { channel: 2, outliers: 100, mean: 0.05 };
/// Where layers overlap below the round corner of a clip, they are cut one by one.
const CORNERS: Tolerance = Tolerance { channel: 2, outliers: 1000, mean: 0.05 };

/// Many translucent layers on each other: every one is rounded, and the roundings add up.
const LAYERS: Tolerance = Tolerance { channel: 3, outliers: 1000, mean: 0.25 };

/// One device at a time: they share two cores, and drivers are slow to open.
static TURN: Mutex<()> = Mutex::new(());

fn target(test: &str) -> Option<(GpuTarget, MutexGuard<'static, ()>)> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match GpuTarget::open(Wanted::Gpu, Rasterisation::default()) {
        Ok(target) => Some((target, turn)),
        Err(none) => {
            eprintln!("SKIPPED: {test}: {none}");
            None
        }
    }
}

/// The largest difference, the pixels beyond the tolerance, and the mean.
fn compare(a: &[u32], b: &[u32], channel: u32) -> (u32, usize, f64) {
    assert_eq!(a.len(), b.len());
    let (mut largest, mut beyond, mut sum) = (0, 0, 0_u64);
    for (a, b) in a.iter().zip(b) {
        let of = |shift: u32| (a >> shift & 0xff).abs_diff(b >> shift & 0xff);
        let all = [of(16), of(8), of(0)];
        let most = all.into_iter().max().unwrap();
        largest = most.max(largest);
        beyond += usize::from(most > channel);
        sum += u64::from(all.iter().sum::<u32>());
    }
    (largest, beyond, sum as f64 / (a.len() * 3) as f64)
}

fn write(name: &str, size: PhysicalSize, pixels: &[u32]) {
    let path = std::env::temp_dir().join(format!("hearth-{name}.png"));
    std::fs::write(&path, crate::goldens::encode(size, pixels)).unwrap();
    eprintln!("written: {}", path.display());
}

fn check(
    gpu: &mut GpuTarget,
    name: &str,
    scene: &Scene,
    (extent, scale): ((u32, u32), f32),
    tolerance: &Tolerance,
) {
    let (size, on_cpu) = drawn(scene, extent, scale);
    let on_gpu = gpu.render_to_pixels(scene, size, scale).unwrap();
    let (largest, beyond, mean) = compare(&on_cpu, &on_gpu, tolerance.channel);
    let allowed = (size.pixels() * tolerance.outliers).div_ceil(1_000_000);
    eprintln!("{name} at {scale}: largest {largest}, beyond {beyond} of {allowed}, mean {mean:.4}");
    if beyond > allowed || mean > tolerance.mean {
        write(&format!("{name}-cpu"), size, &on_cpu);
        write(&format!("{name}-gpu"), size, &on_gpu);
        panic!("{name} at {scale}: the renderers disagree");
    }
}

const SCALES: [f32; 4] = [1.0, 1.25, 1.5, 2.0];

#[test]
fn the_gpu_draws_marks_as_the_cpu_does() {
    let Some((mut gpu, _turn)) = target("the_gpu_draws_marks_as_the_cpu_does") else { return };
    for scale in SCALES {
        check(&mut gpu, "marks", &marks::scene(), ((300, 256), scale), &CORNERS);
    }
}

#[test]
fn the_gpu_draws_words_as_the_cpu_does() {
    let Some((mut gpu, _turn)) = target("the_gpu_draws_words_as_the_cpu_does") else { return };
    let light = words::scene(Color::hex(0xfc_f9f9), Color::hex(0x2b_2733));
    let dark = words::scene(Color::hex(0x14_1414), Color::hex(0xed_eded));
    for scale in SCALES {
        check(&mut gpu, "words-light", &light, ((420, 370), scale), &ROUNDING);
        check(&mut gpu, "words-dark", &dark, ((420, 370), scale), &ROUNDING);
    }
}

#[test]
fn the_gpu_draws_the_desk_as_the_cpu_does() {
    let Some((mut gpu, _turn)) = target("the_gpu_draws_the_desk_as_the_cpu_does") else { return };
    let mut light = Desk::new(Appearance::Light);
    let mut scene = light.scene();
    check(&mut gpu, "desk-light", &scene, ((1280, 800), 1.0), &ROUNDING);
    light.palette(&mut scene);
    check(&mut gpu, "desk-palette", &scene, ((1280, 800), 1.5), &ROUNDING);
    let dark = Desk::new(Appearance::Dark).scene();
    check(&mut gpu, "desk-dark", &dark, ((1280, 800), 1.0), &ROUNDING);
}

#[test]
fn the_gpu_draws_colour_glyphs_as_the_cpu_does() {
    let test = "the_gpu_draws_colour_glyphs_as_the_cpu_does";
    let Some((mut gpu, _turn)) = target(test) else { return };
    let mut shaper = Shaper::new(Fonts::scan_system());
    let line = shaper.shape("🦀🌍 over 🎉", TextStyle::ui(24.0), ShapeOptions::default());
    let mut cache = GlyphCache::new(Rasterisation::default());
    let (span, first) = (&line.spans()[0], line.glyphs()[0]);
    let bitmap = cache.glyph(&span.face, first.id, span.size, 0);
    if bitmap.is_none_or(|bitmap| bitmap.kind != BitmapKind::Color) {
        eprintln!("SKIPPED: {test}: no font with colour emoji is installed");
        return;
    }
    let mut scene = Scene::new(Color::hex(0xf4_edf3));
    scene.text(&line, Point::new(4.0, 40.0), Color::BLACK);
    scene.text(&line, Point::new(4.0, 80.0), Color::BLACK.with_alpha(120));
    for scale in SCALES {
        check(&mut gpu, "emoji", &scene, ((220, 100), scale), &ROUNDING);
    }
}

#[test]
fn the_gpu_draws_any_scene_as_the_cpu_does() {
    let Some((mut gpu, _turn)) = target("the_gpu_draws_any_scene_as_the_cpu_does") else { return };
    let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(20_261_120);
    eprintln!("HEARTH_SEED={seed}");
    let mut random = Random(seed);
    let mut shaper = Shaper::new(Fonts::bundled());
    for round in 0..60 {
        let scale = [1.0, 1.25, 1.5][round % 3];
        let seeds: Vec<u64> = (0..10).map(|_| random.below(u64::MAX)).collect();
        let clip = Rect::new(random.at(60), random.at(40), 60.0 + random.at(90), 90.0);
        let scene = repaint::scene(&seeds, clip, 0.0, &mut shaper);
        check(&mut gpu, "random", &scene, ((220, 140), scale), &LAYERS);
        let scene = repaint::scene(&seeds, clip, 9.0, &mut shaper);
        check(&mut gpu, "random round", &scene, ((220, 140), scale), &LAYERS);
    }
}

#[test]
fn a_lost_device_is_told_and_another_can_be_opened() {
    let test = "a_lost_device_is_told_and_another_can_be_opened";
    let Some((mut gpu, turn)) = target(test) else { return };
    let size = PhysicalSize::new(30, 20);
    let scene = Scene::new(Color::rgb(1, 2, 3));
    assert_eq!(gpu.render_to_pixels(&scene, size, 1.0).unwrap(), [0x0001_0203; 600]);
    gpu.lose_device();
    let lost = gpu.render_to_pixels(&scene, size, 1.0).unwrap_err();
    assert!(lost.reason.contains("stopped drawing"), "{lost}");
    drop((gpu, turn));
    let (mut again, _turn) = target(test).unwrap();
    assert_eq!(again.render_to_pixels(&scene, size, 1.0).unwrap(), [0x0001_0203; 600]);
}

#[test]
fn an_absurd_size_is_an_error_and_an_empty_one_nothing() {
    let test = "an_absurd_size_is_an_error_and_an_empty_one_nothing";
    let Some((mut gpu, _turn)) = target(test) else { return };
    let scene = Scene::new(Color::WHITE);
    assert!(gpu.render_to_pixels(&scene, PhysicalSize::new(1 << 20, 1), 1.0).is_err());
    assert!(gpu.render_to_pixels(&scene, PhysicalSize::new(0, 9), 1.0).unwrap().is_empty());
    // Neither costs the device.
    assert_eq!(gpu.render_to_pixels(&scene, PhysicalSize::new(1, 1), 1.0).unwrap(), [0x00ff_ffff]);
}
