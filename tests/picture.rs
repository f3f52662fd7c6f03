//! Pictures of the program, read back to be looked at by a test.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// A picture with 8 bits a channel, alpha left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Reads a PNG.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| told(&error))?;
        let mut decoder = png::Decoder::new(BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|error| told(&error))?;
        let size = reader.output_buffer_size().ok_or_else(|| told(&"too large"))?;
        let mut bytes = vec![0; size];
        let frame = reader.next_frame(&mut bytes).map_err(|error| told(&error))?;
        let channels = frame.color_type.samples();
        let pixel = |one: &[u8]| match *one {
            [red, green, blue, ..] => [red, green, blue],
            [grey, ..] => [grey; 3],
            [] => [0; 3],
        };
        let pixels = bytes[..frame.buffer_size()].chunks_exact(channels).map(pixel).collect();
        Ok(Self { width: frame.width, height: frame.height, pixels })
    }

    /// How many colours are in it.
    #[must_use]
    pub fn colours(&self) -> usize {
        self.pixels.iter().collect::<BTreeSet<_>>().len()
    }

    /// The colour of the pixel at a place inside.
    #[must_use]
    pub fn at(&self, x: u32, y: u32) -> [u8; 3] {
        self.pixels[(y * self.width + x) as usize]
    }

    /// How many pixels differ from those of `other`, which has the same size.
    #[must_use]
    pub fn differing(&self, other: &Self) -> usize {
        assert_eq!((self.width, self.height), (other.width, other.height), "sizes differ");
        self.pixels.iter().zip(&other.pixels).filter(|(one, two)| one != two).count()
    }
}
