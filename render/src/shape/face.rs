//! A face: one font file's outlines at one weight, as the shaper chose it and as the rasteriser
//! needs it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cosmic_text::Font;

use crate::digest::BuildDigest;

/// The identity of a face: the same in every run and after system fonts are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaceId(pub(crate) u64);

/// Whether outlines are skewed because the family has no italic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Skew {
    #[default]
    None,
    Oblique,
}

/// A face that glyph indices refer to. Shared by lines, glyph caches and atlases.
pub struct Face {
    pub(crate) id: FaceId,
    pub(crate) font: Arc<Font>,
    pub(crate) weight: u16,
    pub(crate) skew: Skew,
    /// Ascent in ems.
    pub(crate) ascent: f32,
    /// Descent in ems, positive.
    pub(crate) descent: f32,
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face").field("id", &self.id).field("weight", &self.weight).finish()
    }
}

impl Face {
    pub(crate) fn new(id: FaceId, font: Arc<Font>, weight: u16, skew: Skew) -> Self {
        let metrics = font.metrics();
        let em = f32::from(metrics.units_per_em.max(1));
        let (ascent, descent) = (metrics.ascent / em, -metrics.descent / em);
        Self { id, font, weight, skew, ascent, descent }
    }

    pub(crate) fn is_skewed(&self) -> bool {
        self.skew == Skew::Oblique
    }

    /// Its identity.
    pub fn id(&self) -> FaceId {
        self.id
    }
}

/// A face with what the table path needs: glyph and advance of a character without shaping.
pub(crate) struct TableFace {
    pub face: Arc<Face>,
    ascii: Box<[(u16, f32); 128]>,
    others: HashMap<char, (u16, f32), BuildDigest>,
    /// The advance of a column: of every printable ASCII character, or of the widest.
    column: f32,
    /// Whether all of those have the same.
    is_even: bool,
}

impl TableFace {
    pub fn new(face: Arc<Face>) -> Self {
        let mut ascii = Box::new([(0, 0.0); 128]);
        for (code, entry) in ascii.iter_mut().enumerate() {
            *entry = look_up(&face, char::from(code as u8));
        }
        let advances = || ascii[0x21..0x7f].iter().map(|(_, advance)| *advance);
        let widest = advances().fold(0.0, f32::max);
        let is_even = advances().all(|advance| (advance - widest).abs() < 0.01);
        let column = if is_even { ascii[usize::from(b'0')].1 } else { widest };
        Self { face, ascii, others: HashMap::default(), column, is_even }
    }

    /// The width of a column on a grid, in ems.
    pub fn column(&self) -> f32 {
        self.column
    }

    /// Whether every character is a column wide by itself.
    pub fn is_even(&self) -> bool {
        self.is_even
    }

    /// Glyph index and advance in ems; index 0 when the face lacks the character.
    pub fn get(&mut self, c: char) -> (u16, f32) {
        match self.ascii.get(c as usize) {
            Some(entry) => *entry,
            None => *self.others.entry(c).or_insert_with(|| look_up(&self.face, c)),
        }
    }

    pub fn covers(&mut self, c: char) -> bool {
        self.get(c).0 != 0
    }
}

fn look_up(face: &Face, c: char) -> (u16, f32) {
    let font = face.font.as_swash();
    let glyph = font.charmap().map(c);
    (glyph, font.glyph_metrics(&[]).scale(1.0).advance_width(glyph))
}
