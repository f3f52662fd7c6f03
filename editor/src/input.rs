//! What reaches the program from outside: keys, text, the pointer, the window.
//!
//! The window and the control socket make the same values, so that what is driven is what is used.

use std::path::PathBuf;

use render::geometry::{Point, Size};
use smallvec::SmallVec;

use crate::keymap::{KeyPress, Modifiers};

/// One event, in logical pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A key went down.
    Key {
        /// Which one, with what held: what the layout says first, then what else it may mean (the
        /// shifted sign, the Latin letter in that place of the keyboard). The first that is bound
        /// counts.
        presses: SmallVec<[KeyPress; 3]>,
        /// The text that it types, if any.
        text: Option<String>,
    },
    /// Text from an input method, a dead key or a script.
    Text(String),
    /// What an input method is composing; empty when it ends.
    Preedit {
        /// The text being composed.
        text: String,
        /// Where its caret stands, in bytes of `text`.
        cursor: usize,
    },
    /// A button of the pointer went down.
    Press {
        /// Where.
        at: Point,
        /// Which button.
        button: Button,
        /// 1 for a single click, 2 for a double one, 3 for a triple one.
        count: u8,
        /// What is held.
        modifiers: Modifiers,
    },
    /// The pointer moved.
    Move {
        /// To where.
        at: Point,
        /// What is held.
        modifiers: Modifiers,
    },
    /// A button went up.
    Release {
        /// Where.
        at: Point,
        /// Which button.
        button: Button,
    },
    /// The pointer left the window.
    Leave,
    /// The wheel turned or two fingers moved; positive is towards the end of the text.
    Scroll {
        /// Where the pointer is.
        at: Point,
        /// How far.
        by: Scroll,
        /// What is held.
        modifiers: Modifiers,
    },
    /// The window has a new size or scale.
    Resize {
        /// In logical pixels.
        size: Size,
        /// Physical pixels for one logical pixel.
        scale: f32,
    },
    /// The window got the focus or lost it.
    Focus(Focus),
    /// The system prefers another appearance.
    Appearance(Appearance),
    /// A file was dropped on the window.
    Drop(PathBuf),
    /// The person wants the window closed.
    Close,
}

impl Input {
    /// What it is, without what was typed: the cause of a stall in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Input::Key { .. } => "a key",
            Input::Text(_) => "text",
            Input::Preedit { .. } => "a composition",
            Input::Press { .. } => "a click",
            Input::Move { .. } => "a movement of the pointer",
            Input::Release { .. } => "the release of a button",
            Input::Leave => "the pointer leaving",
            Input::Scroll { .. } => "scrolling",
            Input::Resize { .. } => "a new size",
            Input::Focus(_) => "a change of focus",
            Input::Appearance(_) => "a change of appearance",
            Input::Drop(_) => "a dropped file",
            Input::Close => "closing",
        }
    }
}

/// Whether the window has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// It has.
    Gained,
    /// It has not.
    Lost,
}

/// What the system prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Appearance {
    /// Dark text on light ground.
    #[default]
    Light,
    /// Light text on dark ground.
    Dark,
}

/// A button of the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The main one.
    Left,
    /// The wheel.
    Middle,
    /// The secondary one.
    Right,
}

/// How far a wheel turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scroll {
    /// Notches of a wheel: columns, rows.
    Lines(f32, f32),
    /// A touchpad's distance in logical pixels.
    Pixels(f32, f32),
}
