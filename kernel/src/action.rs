//! The descriptor that the palette, the gate and a run's step share.
//!
//! Each room declares its own actions as constants; `editor` gathers them in one registry.

use serde::{Deserialize, Serialize};

/// What can be asked of the program: `noun.verb`, with everything that a caller must know of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Action {
    /// `noun.verb`, lower case, words within a part joined by `_`; unique in the registry.
    pub id: &'static str,
    /// What the palette shows: a sentence without a full stop.
    pub title: &'static str,
    /// One or two sentences for the generated reference.
    pub about: &'static str,
    /// What it takes, in order.
    pub arguments: &'static [Argument],
    /// The shape of what it answers.
    pub result: Shape,
    /// Whether it may be repeated or cached.
    pub effect: Effect,
    /// How much it can do.
    pub risk: Risk,
    /// Where it has to run.
    pub thread: Thread,
}

/// One named argument of an [`Action`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Argument {
    /// The key in the JSON object of arguments.
    pub name: &'static str,
    /// What is accepted under that key.
    pub shape: Shape,
    /// Whether a call without it is refused.
    pub need: Need,
    /// What it means, in a few words.
    pub about: &'static str,
}

/// Whether a caller may leave an argument out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A call without it is refused.
    Required,
    /// It has a default, which `about` tells.
    Optional,
}

/// The JSON type of an argument or a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `null`.
    Nothing,
    /// `true` or `false`.
    Truth,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A string.
    Text,
    /// A string that names a file or folder.
    Path,
    /// An array.
    List,
    /// An object; its fields stand in the reference.
    Object,
    /// Any of the above.
    Any,
}

/// What repeating an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reads only; equal inputs give equal results, which may be cached.
    Pure,
    /// Doing it twice leaves what doing it once leaves.
    Idempotent,
    /// Each time counts.
    Once,
}

/// Risk tiers, from looking to what cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Risk {
    /// Observes.
    L0,
    /// Changes what undo takes back.
    L1,
    /// Changes files or settings of the owner's, with a way back.
    L2,
    /// Runs programs, reaches the network, or touches other devices.
    L3,
    /// Cannot be taken back.
    L4,
}

/// Where an action runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thread {
    /// It touches documents, panes or the window.
    Ui,
    /// It may run on any worker.
    Any,
}
