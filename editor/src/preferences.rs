//! What the system prefers: light or dark, movement or none.
//!
//! Linux desktops answer over D-Bus (`org.freedesktop.portal.Settings`) and tell of changes; a
//! thread of its own asks and listens, with a time limit for each answer. Windows and macOS are
//! asked for movement when a window gets the keyboard; light and dark they tell windows themselves.
//! An X display has settings of its own beside (XSETTINGS), which count where no desktop answers.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
mod portal;
#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "linux")]
mod xsettings;

#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "linux")]
use portal as system;
#[cfg(target_os = "windows")]
use windows as system;

use std::time::Duration;

use render::glyph::{Hinting, Smoothing};
use render::motion::Motion;

use crate::input::Appearance;

/// One thing that the system prefers, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// What.
    pub what: Preferred,
    /// Who says so.
    pub from: Source,
}

/// One thing that the system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// Light or dark.
    Appearance(Appearance),
    /// Movement or none.
    Motion(Motion),
    /// Letters fitted to pixels or not.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only X displays say so"))]
    Hinting(Hinting),
    /// Edges of letters blended or not.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only X displays say so"))]
    Smoothing(Smoothing),
    /// Two clicks within this time are a double click.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only X displays say so"))]
    DoubleClick(Duration),
}

/// Who tells of a preference; the first counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The desktop, or the system itself.
    Desktop,
    /// The X display.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has one"))]
    Display,
}

/// What each of them has said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    appearance: Said<Appearance>,
    motion: Said<Motion>,
    hinting: Said<Hinting>,
    smoothing: Said<Smoothing>,
    double_click: Said<Duration>,
}

/// What the desktop says of one thing, and what the display does.
#[derive(Clone, Copy, Debug, Default)]
struct Said<T>([Option<T>; 2]);

impl<T: Copy> Said<T> {
    fn take(&mut self, from: Source, value: T) {
        self.0[from as usize] = Some(value);
    }

    fn get(&self) -> Option<T> {
        self.0[0].or(self.0[1])
    }
}

impl Told {
    /// Somebody says something.
    pub fn take(&mut self, preference: Preference) {
        let from = preference.from;
        match preference.what {
            Preferred::Appearance(it) => self.appearance.take(from, it),
            Preferred::Motion(it) => self.motion.take(from, it),
            Preferred::Hinting(it) => self.hinting.take(from, it),
            Preferred::Smoothing(it) => self.smoothing.take(from, it),
            Preferred::DoubleClick(it) => self.double_click.take(from, it),
        }
    }

    /// Light or dark.
    pub fn appearance(&self) -> Appearance {
        self.appearance.get().unwrap_or_default()
    }

    /// Movement or none.
    pub fn motion(&self) -> Motion {
        self.motion.get().unwrap_or_default()
    }

    /// Letters fitted to pixels or not, if anybody says.
    pub fn hinting(&self) -> Option<Hinting> {
        self.hinting.get()
    }

    /// Edges of letters blended or not.
    pub fn smoothing(&self) -> Smoothing {
        self.smoothing.get().unwrap_or_default()
    }

    /// Two clicks within this time are a double click.
    pub fn double_click(&self) -> Duration {
        self.double_click.get().unwrap_or(DOUBLE_CLICK)
    }
}

/// Where nobody says otherwise.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

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
pub fn follow(tell: impl Fn(Preference) + Clone + Send + 'static) {
    #[cfg(target_os = "linux")]
    if is_x11() {
        let tell = tell.clone();
        on_a_thread("xsettings", move || xsettings::listen(&tell));
    }
    let tell = move |what| tell(Preference { what, from: Source::Desktop });
    on_a_thread("preferences", move || system::listen(&tell));
}

fn on_a_thread(name: &str, listen: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(listen);
    // Without a thread nothing is known of the system, and the settings decide.
    drop(thread);
}

/// Whether windows are shown on an X display; where there is Wayland, winit takes that.
#[cfg(target_os = "linux")]
fn is_x11() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") && !is_set("WAYLAND_SOCKET")
}

/// Other systems have no preferences that we know of.
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
mod system {
    pub const CHANGES: super::Changes = super::Changes::Asked;

    pub fn listen(_: &impl Fn(super::Preferred)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_desktop_says_counts_more_than_the_display_whoever_says_it_first() {
        let mut told = Told::default();
        let says = |from, what| Preference { what, from };
        told.take(says(Source::Display, Preferred::Appearance(Appearance::Dark)));
        assert_eq!(told.appearance(), Appearance::Dark);
        told.take(says(Source::Desktop, Preferred::Appearance(Appearance::Light)));
        told.take(says(Source::Display, Preferred::Appearance(Appearance::Dark)));
        assert_eq!(told.appearance(), Appearance::Light);
        assert_eq!(told.double_click(), DOUBLE_CLICK);
        told.take(says(Source::Display, Preferred::DoubleClick(Duration::from_millis(90))));
        assert_eq!(told.double_click(), Duration::from_millis(90));
        assert_eq!(told.hinting(), None, "the person's own setting counts");
    }
}
