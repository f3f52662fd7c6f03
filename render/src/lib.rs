//! Pixels: what a frame shows, and the two renderers that draw it.
//!
//! The way of a frame: an [`layout::Element`] tree is laid out, painted into a [`scene::Scene`],
//! and a renderer draws that to a target. Text is shaped once by [`shape::Shaper`] and shared;
//! coverage and colour bitmaps of glyphs come from one [`glyph::GlyphCache`] for both renderers.
//!
//! Invariants:
//! - Units are logical pixels; only renderers know the scale factor.
//! - Building a scene does no work per glyph for a line that was shaped before.
//! - Equal scenes give equal pixels, on every machine; nothing changed means no damage.
//! - Nothing here reads a disk, but [`shape::Fonts::scan_system`] and [`gpu::Gpu::probe`] (for a
//!   worker) and the mapping of a fallback face when it is first needed.
//!
//! It must never know documents, commands, keys or files.
//!
//! Start reading at `scene`, then `shape`, `layout`, `cpu` and `gpu`.

pub mod color;
pub mod cpu;
pub mod device;
mod digest;
pub mod geometry;
pub mod glyph;
pub mod gpu;
pub mod icon;
pub mod layout;
pub mod motion;
pub mod scene;
pub mod shape;
pub mod theme;
