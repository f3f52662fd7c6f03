//! Drawing a scene and comparing it with its picture.

use std::fs;
use std::path::PathBuf;

use render::cpu::{Contents, CpuRenderer};
use render::geometry::PhysicalSize;
use render::glyph::Rasterisation;
use render::scene::Scene;

fn path(name: &str) -> PathBuf {
    let crate_root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_root.join("goldens").join(format!("{name}.png"))
}

/// Draws a scene of a size in logical pixels.
pub fn drawn(scene: &Scene, size: (u32, u32), scale: f32) -> (PhysicalSize, Vec<u32>) {
    let extent = |logical: u32| (logical as f32 * scale).round() as u32;
    let size = PhysicalSize::new(extent(size.0), extent(size.1));
    let mut target = vec![0x00ff_00ff; size.pixels()];
    let mut renderer = CpuRenderer::new(Rasterisation::default());
    renderer.draw(scene, size, scale, Contents::Unknown, &mut target);
    (size, target)
}

fn rgb(pixels: &[u32]) -> Vec<u8> {
    pixels.iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect()
}

pub fn encode(size: PhysicalSize, pixels: &[u32]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&rgb(pixels)).unwrap();
    writer.finish().unwrap();
    file
}

fn decode(file: &[u8]) -> (PhysicalSize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());
    (PhysicalSize::new(info.width, info.height), pixels)
}

/// Compares a scene with its picture.
pub fn check(name: &str, scene: &Scene, size: (u32, u32), scale: f32) {
    let (size, pixels) = drawn(scene, size, scale);
    let path = path(name);
    if std::env::var_os("HEARTH_UPDATE_GOLDENS").is_some() {
        fs::write(&path, encode(size, &pixels)).unwrap();
        return;
    }
    let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (expected_size, expected) = decode(&file);
    assert_eq!(size, expected_size, "{name}: another size");
    let actual = rgb(&pixels);
    let differing = actual.chunks(3).zip(expected.chunks(3)).filter(|(a, b)| a != b).count();
    if differing > 0 {
        let beside = std::env::temp_dir().join(format!("hearth-{name}-actual.png"));
        fs::write(&beside, encode(size, &pixels)).unwrap();
        panic!("{name}: {differing} pixels differ; drawn picture: {}", beside.display());
    }
}
