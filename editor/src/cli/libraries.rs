//! Whether the libraries that a window needs can be loaded.

/// A library, what it is for, and the Debian package that brings it.
pub(super) struct Library {
    /// The name that is loaded.
    pub file: &'static std::ffi::CStr,
    /// The Debian package.
    pub package: &'static str,
}

const fn library(file: &'static std::ffi::CStr, package: &'static str) -> Library {
    Library { file, package }
}

/// For keys, on both kinds of display.
pub(super) const KEYBOARD: &[Library] = &[
    library(c"libxkbcommon.so.0", "libxkbcommon0"),
    library(c"libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
];

/// For a window on X11.
pub(super) const X11: &[Library] = &[
    library(c"libX11.so.6", "libx11-6"),
    library(c"libX11-xcb.so.1", "libx11-xcb1"),
    library(c"libXcursor.so.1", "libxcursor1"),
    library(c"libXi.so.6", "libxi6"),
];

/// For a window on Wayland.
pub(super) const WAYLAND: &[Library] = &[library(c"libwayland-client.so.0", "libwayland-client0")];

/// For drawing on the GPU; one of them is enough.
pub(super) const GRAPHICS: &[Library] =
    &[library(c"libvulkan.so.1", "libvulkan1"), library(c"libEGL.so.1", "libegl1")];

impl Library {
    /// Whether the system loads it.
    pub fn loads(&self) -> bool {
        // SAFETY: the name ends with a zero. Loading runs the library's constructors; these
        // libraries are the ones that the program's window loads itself.
        let handle = unsafe { libc::dlopen(self.file.as_ptr(), libc::RTLD_LAZY) };
        if handle.is_null() {
            return false;
        }
        // SAFETY: the handle came from dlopen and is closed once.
        unsafe { libc::dlclose(handle) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_library_that_exists_loads() {
        assert!(library(c"libc.so.6", "libc6").loads());
        assert!(!library(c"libnowhere.so.9", "nowhere").loads());
    }
}
