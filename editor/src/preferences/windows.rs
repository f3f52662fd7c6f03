//! What Windows prefers: "Animation effects" of its settings.

use render::motion::Motion;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    SPI_GETCLIENTAREAANIMATION, SystemParametersInfoW,
};
use windows_sys::core::BOOL;

use super::{Changes, Preferred};

/// It is asked again when a window gets the keyboard.
pub const CHANGES: Changes = Changes::Asked;

/// Asks once.
pub fn listen(tell: &impl Fn(Preferred)) {
    let mut moves: BOOL = 1;
    // SAFETY: the action writes one BOOL to the place that it is given, which lives through the
    // call; nothing is set, so nobody is told of a change.
    let is_known = unsafe {
        SystemParametersInfoW(SPI_GETCLIENTAREAANIMATION, 0, (&raw mut moves).cast(), 0) != 0
    };
    if is_known {
        let motion = if moves == 0 { Motion::Reduced } else { Motion::Full };
        tell(Preferred::Motion(motion));
    }
}
