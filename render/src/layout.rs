//! From a tree of elements to rectangles, hits, paint and meaning.
//!
//! An element tree is built for a frame, laid out by taffy's flexbox, and read through
//! [`Layout`]. Start and end edges are mirrored as a whole for a right-to-left interface.

mod element;

pub use element::{Align, Axis, Content, Element, ElementId, Length, Overflow, Place, Role, Text};
