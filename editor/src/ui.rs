//! The parts of the window around the text: values in, elements out.
//!
//! Nothing here knows the program; each file draws one part from what it is given.

pub mod card;
pub mod find_bar;
pub mod first_page;
pub mod keycaps;
pub mod notices;
pub mod status;
pub mod tabs;
pub mod target;
pub mod title;
pub mod type_scale;
