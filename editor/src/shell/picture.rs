//! What is drawn, written as a PNG.

use std::io::BufWriter;
use std::path::Path;

use serde_json::{Value, json};

use crate::registry::Fault;

/// Pixels as the CPU renderer leaves them: `0x00RRGGBB`, row by row.
pub struct Picture<'a> {
    /// Physical width.
    pub width: u32,
    /// Physical height.
    pub height: u32,
    /// `width * height` pixels.
    pub pixels: &'a [u32],
}

impl Picture<'_> {
    /// Writes it and answers as `app.screenshot` does.
    pub fn answer(&self, path: &Path) -> Result<Value, Fault> {
        self.write(path).map_err(|error| Fault::file("Writing the picture", path, &error))?;
        Ok(json!({"width": self.width, "height": self.height}))
    }

    /// Writes it as an opaque PNG.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let file = BufWriter::new(std::fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let bytes: Vec<u8> =
            self.pixels.iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect();
        let mut writer = encoder.write_header().map_err(std::io::Error::other)?;
        writer.write_image_data(&bytes).map_err(std::io::Error::other)?;
        writer.finish().map_err(std::io::Error::other)
    }
}
