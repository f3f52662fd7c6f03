//! Text from characters to placed glyphs.
//!
//! [`Shaper::shape`] gives a [`ShapedLine`], from its cache when the line was shaped before. Start
//! reading at `shaper`; `pieces` says how a line is cut, `fallback` which face draws what the
//! bundled ones cannot, `line` what one can ask of the result.

mod assemble;
mod cache;
mod choice;
mod face;
mod fallback;
mod fonts;
mod line;
mod pieces;
mod shaper;
mod style;

pub use choice::{BUNDLED_MONO, BUNDLED_UI, FontChoice, MissingFont};
pub use face::{Face, FaceId};
pub use fonts::{Fonts, Generation};
pub use line::{Affinity, Cluster, Direction, Glyph, GlyphSpan, ShapedLine, VisualStep};
pub use shaper::{LINE_BYTES_MAX, Shaper};
pub use style::{
    Family, Ligatures, ParagraphDirection, ShapeOptions, Slant, StyleSpan, TextStyle, Weight,
};
