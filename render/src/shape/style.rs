//! What a text looks like before it is shaped.

use std::hash::{Hash, Hasher};

/// Which of the two type families; fallback faces follow by script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// Geist: the interface.
    #[default]
    Ui,
    /// Geist Mono: code, keys, the terminal.
    Mono,
}

/// Stroke weight. The bundled Geist Mono and Noto Sans Arabic have bold for semi-bold, and Noto
/// Sans Arabic has regular for medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Weight {
    /// 400.
    #[default]
    Regular,
    /// 500.
    Medium,
    /// 600.
    SemiBold,
}

/// Upright or slanted. Families without an italic face are skewed by 12 degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Slant {
    /// As drawn.
    #[default]
    Upright,
    /// Italic, or skewed.
    Italic,
}

/// Whether the face may join letters that the script does not require to be joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ligatures {
    /// Standard and contextual ligatures apply.
    On,
    /// Only what the script requires (Arabic stays joined).
    #[default]
    Off,
}

/// The style of a run of text. Colour is not part of it: it never changes the shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// Type family.
    pub family: Family,
    /// Size of the em, logical pixels.
    pub size: f32,
    /// Stroke weight.
    pub weight: Weight,
    /// Upright or slanted.
    pub slant: Slant,
    /// Added after every cluster, logical pixels; never inside joined scripts.
    pub tracking: f32,
    /// Optional ligatures.
    pub ligatures: Ligatures,
}

impl TextStyle {
    /// Interface text of `size` logical pixels, regular weight.
    pub const fn ui(size: f32) -> Self {
        Self {
            family: Family::Ui,
            size,
            weight: Weight::Regular,
            slant: Slant::Upright,
            tracking: 0.0,
            ligatures: Ligatures::On,
        }
    }

    /// Code of `size` logical pixels, regular weight, no ligatures.
    pub const fn mono(size: f32) -> Self {
        Self { family: Family::Mono, ligatures: Ligatures::Off, ..Self::ui(size) }
    }

    /// The same in another weight.
    pub const fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The same in another slant.
    pub const fn slant(self, slant: Slant) -> Self {
        Self { slant, ..self }
    }

    /// The same with another tracking.
    pub const fn tracking(self, tracking: f32) -> Self {
        Self { tracking, ..self }
    }

    /// The same with ligatures on or off.
    pub const fn ligatures(self, ligatures: Ligatures) -> Self {
        Self { ligatures, ..self }
    }
}

impl Default for TextStyle {
    fn default() -> Self {
        Self::ui(13.0)
    }
}

impl Hash for TextStyle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.family.hash(state);
        self.size.to_bits().hash(state);
        self.weight.hash(state);
        self.slant.hash(state);
        self.tracking.to_bits().hash(state);
        self.ligatures.hash(state);
    }
}

/// The base direction of a paragraph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParagraphDirection {
    /// From the first strong character, left to right without one (UAX 9, P2 and P3).
    #[default]
    Auto,
    /// Left to right whatever the text is.
    Ltr,
    /// Right to left whatever the text is.
    Rtl,
}

/// How a line is shaped, beyond the style of its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShapeOptions {
    /// Base direction.
    pub direction: ParagraphDirection,
    /// Width of a column, logical pixels. When given, monospaced text lies on a grid: a cluster is
    /// one column, an East Asian wide one or an emoji two, a joined script (Arabic, Syriac...)
    /// keeps the advances of its face. Without it the face's own advances hold, wide clusters
    /// are still two of the mono face's columns.
    pub cell_width: Option<f32>,
}

impl Hash for ShapeOptions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.direction.hash(state);
        self.cell_width.map(f32::to_bits).hash(state);
    }
}

/// A stretch of a text in its own style.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleSpan {
    /// Bytes of the text; on character boundaries.
    pub bytes: std::ops::Range<usize>,
    /// Their style.
    pub style: TextStyle,
}
