//! What macOS prefers: "Reduce motion" of its accessibility settings.

use objc2_app_kit::NSWorkspace;
use render::motion::Motion;

use super::{Changes, Preferred};

/// It is asked again when a window gets the keyboard.
pub const CHANGES: Changes = Changes::Asked;

/// Asks once.
pub fn listen(tell: &impl Fn(Preferred)) {
    let is_reduced = NSWorkspace::sharedWorkspace().accessibilityDisplayShouldReduceMotion();
    tell(Preferred::Motion(if is_reduced { Motion::Reduced } else { Motion::Full }));
}
