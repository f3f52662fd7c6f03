//! The thin shell around the program: windows, or none.
//!
//! A shell shows exactly the windows that the program has. It turns what the system sends into
//! [`crate::input::Input`], draws the scene that the program answers, and carries out its
//! [`Request`]s. It decides nothing.

pub mod headless;
pub mod meter;
pub mod picture;
pub mod window;

use std::path::PathBuf;

use render::geometry::Rect;
use serde_json::Value;

use crate::registry::Fault;

/// What the program asks of its shell, for one of its windows or for all of them.
pub enum Request {
    /// End the process; everything is durable.
    Quit,
    /// What the title bar of the system shows.
    Title(String),
    /// Where a composition window may lie; `None` when nothing takes text.
    Caret(Option<Rect>),
    /// Which shape the pointer has.
    Pointer(PointerShape),
    /// Give the window another size: logical width and height, and a scale without a window.
    Resize {
        /// Logical width.
        width: f32,
        /// Logical height.
        height: f32,
        /// Physical pixels for one logical pixel; `None` leaves it.
        scale: Option<f32>,
    },
    /// Write what is drawn as a PNG.
    Screenshot {
        /// Where to.
        path: PathBuf,
        /// Who waits.
        reply: Reply,
    },
    /// Lose the device of the GPU, as a driver may.
    LoseDevice(Reply),
    /// Answer with the frames since the last reset.
    Frames {
        /// Whether to count anew.
        reset: bool,
        /// Who waits.
        reply: Reply,
    },
    /// Fill the screen, or stop filling it.
    Fullscreen,
    /// Bring the window to the front.
    Raise,
}

/// Answers a caller once.
pub type Reply = Box<dyn FnOnce(Result<Value, Fault>) + Send>;

/// The shape of the pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PointerShape {
    /// An arrow.
    #[default]
    Arrow,
    /// Over text.
    Text,
    /// Over what can be pressed.
    Hand,
    /// Over a border between panes beside each other.
    ResizeColumn,
    /// Over a border between panes above each other.
    ResizeRow,
}
