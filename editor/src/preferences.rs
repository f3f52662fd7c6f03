//! What the system prefers: light or dark, movement or none.
//!
//! Linux desktops answer over D-Bus (`org.freedesktop.portal.Settings`) and tell of changes; a
//! thread of its own asks and listens, with a time limit for each answer. Windows and macOS are
//! asked for movement when a window gets the keyboard; light and dark they tell windows themselves.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "linux")]
use portal as system;
#[cfg(target_os = "windows")]
use windows as system;

use render::motion::Motion;

use crate::input::Appearance;

/// One thing that the system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// Light or dark.
    Appearance(Appearance),
    /// Movement or none.
    Motion(Motion),
}

/// Whether the system tells of changes, or is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It tells.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux desktops tell"))]
    Told,
    /// It is asked when a window gets the keyboard.
    #[cfg_attr(target_os = "linux", allow(dead_code, reason = "Linux desktops tell"))]
    Asked,
}

/// How this system's changes are learned of.
pub const CHANGES: Changes = system::CHANGES;

/// Asks the system on a thread, and goes on listening where it tells of changes. A system that
/// does not answer leaves everything as it is.
pub fn follow(tell: impl Fn(Preference) + Send + 'static) {
    let listen = move || system::listen(&tell);
    let thread = std::thread::Builder::new().name("preferences".to_owned()).spawn(listen);
    // Without a thread nothing is known of the system, and the settings decide.
    drop(thread);
}

/// Other systems have no preferences that we know of.
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
mod system {
    pub const CHANGES: super::Changes = super::Changes::Asked;

    pub fn listen(_: &impl Fn(super::Preference)) {}
}
