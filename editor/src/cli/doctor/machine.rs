//! What the machine offers: fonts, a clipboard, input methods, a keychain, a display.

use std::time::Duration;

use render::shape::{FontChoice, Fonts};

use super::{Check, within};
use crate::keychain::SystemKeychain;
use crate::profile::Guard;

/// Other programs answer for the clipboard and the keychain.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Scripts, and a letter that no font for another one has.
const SCRIPTS: &[(&str, char)] = &[
    ("Latin", 'a'),
    ("Greek", 'λ'),
    ("Cyrillic", 'ж'),
    ("Arabic", 'س'),
    ("Hebrew", 'ש'),
    ("Devanagari", 'क'),
    ("Thai", 'ก'),
    ("Chinese", '漢'),
    ("Japanese", 'あ'),
    ("Korean", '한'),
    ("emoji", '😀'),
    ("mathematics", '∮'),
];

/// Which scripts can be drawn, and whether the fonts that were chosen are there.
pub(super) fn check_fonts(choice: &FontChoice) -> Check {
    let name = "fonts";
    let fonts = Fonts::scan(choice);
    if !fonts.missing().is_empty() {
        let missing: Vec<String> = fonts.missing().iter().map(ToString::to_string).collect();
        return Check::ill(
            name,
            missing.join(", "),
            "install what is missing, or name a font that is there in editor.font_family, \
             appearance.font_family and appearance.fallback_fonts",
        );
    }
    let missing: Vec<&str> = SCRIPTS
        .iter()
        .filter(|(_, letter)| !fonts.covers(*letter))
        .map(|(name, _)| *name)
        .collect();
    let count = format!("the bundled ones and {} faces of the system", fonts.system_faces());
    match missing.as_slice() {
        [] => Check::well(name, format!("{count} cover all {} scripts tried", SCRIPTS.len())),
        missing => Check::well(name, format!("{count}; without {}", missing.join(", "))).or(
            "where you read those, install fonts: on Debian fonts-noto-core, fonts-noto-cjk and \
             fonts-noto-color-emoji",
        ),
    }
}

/// Whether the system's clipboard can be reached.
pub(super) fn check_clipboard() -> Check {
    let name = "clipboard";
    let has_display = ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if cfg!(all(unix, not(target_os = "macos"))) && !has_display {
        return Check::well(name, "without a display, what is copied stays within Hearth");
    }
    let remedy = "copying works within Hearth alone until then: see the check of the display";
    match within(ANSWER_MAX, || arboard::Clipboard::new().map(drop)) {
        Some(Ok(())) => Check::well(name, "the system's answers"),
        Some(Err(error)) => {
            let reason = error.to_string();
            let reason = reason.trim_end_matches('.');
            Check::ill(name, format!("the system's cannot be opened ({reason})"), remedy)
        }
        None => Check::ill(name, "the system's does not answer", remedy),
    }
}

/// What the variables of input methods say.
pub(super) fn check_input_method() -> Check {
    let name = "input method";
    if cfg!(not(all(unix, not(target_os = "macos")))) {
        return Check::well(name, "the system's");
    }
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    input_method(&value)
}

fn input_method(value: &dyn Fn(&str) -> Option<String>) -> Check {
    let name = "input method";
    let modifiers = value("XMODIFIERS");
    let server = modifiers.as_deref().and_then(|text| text.split("@im=").nth(1));
    let others = ["GTK_IM_MODULE", "QT_IM_MODULE"].map(value);
    let wanted = others.iter().flatten().find(|name| !["none", "simple"].contains(&name.as_str()));
    match (value("WAYLAND_DISPLAY"), server, wanted) {
        (Some(_), _, _) => Check::well(name, "the one that the Wayland compositor offers"),
        (None, Some("none"), _) => Check::well(name, "none, as XMODIFIERS says"),
        (None, Some(server), _) => Check::well(name, format!("{server}, by XMODIFIERS")),
        (None, None, Some(wanted)) => Check::ill(
            name,
            format!("other programs use {wanted}, but XMODIFIERS is not set"),
            format!("set XMODIFIERS=@im={wanted} before the desktop starts"),
        ),
        (None, None, None) => Check::well(name, "none is set: keys and dead keys alone"),
    }
}

/// Whether the system keeps keys. A profile that is guarded by it needs it; others may do without.
pub(super) fn check_keychain(guard: Option<Guard>) -> Check {
    let name = "keychain";
    let found = within(ANSWER_MAX, || SystemKeychain::open().map(drop).map_err(|e| e.to_string()));
    let reason = match found {
        Some(Ok(())) => return Check::well(name, "the system's answers"),
        Some(Err(reason)) => reason,
        None => "the system's does not answer".to_owned(),
    };
    match guard {
        Some(Guard::Keychain) => Check::ill(
            name,
            reason,
            "log in where the keychain is, or unlock with HEARTH_PASSPHRASE_FILE",
        ),
        _ => Check::well(name, format!("the profile needs none; {reason}")),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn check_display(wanted: &str) -> Vec<Check> {
    vec![Check::well("renderer", format!("the setting is \"{wanted}\""))]
}

#[cfg(target_os = "linux")]
pub(super) fn check_display(wanted: &str) -> Vec<Check> {
    use super::super::libraries::{GRAPHICS, KEYBOARD, Library, WAYLAND, X11};
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let (wayland, x11) = (set("WAYLAND_DISPLAY"), set("DISPLAY"));
    let display = display();
    let missing = |libraries: &[&'static [Library]]| -> Vec<&'static str> {
        let all = libraries.iter().flat_map(|group| group.iter());
        all.filter(|library| !library.loads()).map(|library| library.package).collect()
    };
    let needed = match (wayland, x11) {
        (true, _) => missing(&[KEYBOARD, WAYLAND]),
        (false, _) => missing(&[KEYBOARD, X11]),
    };
    let libraries = match needed.as_slice() {
        [] => Check::well("libraries", "those that a window needs are there"),
        packages => Check::ill(
            "libraries",
            "some that a window needs are missing",
            format!("on Debian: apt install {}", packages.join(" ")),
        ),
    };
    let absent = missing(&[GRAPHICS]);
    let renderer = if absent.len() < GRAPHICS.len() {
        Check::well("renderer", format!("the setting is \"{wanted}\"; Vulkan or EGL is there"))
    } else if wanted == "gpu" {
        Check::ill(
            "renderer",
            "the setting is \"gpu\", but neither Vulkan nor EGL is there",
            format!("on Debian: apt install {}", absent.join(" ")),
        )
    } else {
        Check::well("renderer", format!("the setting is \"{wanted}\"; only the CPU can draw"))
    };
    vec![display, libraries, renderer]
}

/// Which display server there is, and whether it takes a connection.
#[cfg(target_os = "linux")]
fn display() -> Check {
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    let name = "display";
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (server, named, socket) = match (value("WAYLAND_DISPLAY"), value("DISPLAY")) {
        (Some(named), _) => {
            let folder = value("XDG_RUNTIME_DIR").unwrap_or_default();
            let socket = Path::new(&folder).join(&named);
            ("Wayland", named, Some(socket))
        }
        (None, Some(named)) => {
            // Another machine's display has its name before the colon.
            let number = named.strip_prefix(':').map(|rest| rest.split('.').next().unwrap_or(rest));
            let socket = number.map(|number| PathBuf::from(format!("/tmp/.X11-unix/X{number}")));
            ("X11", named, socket)
        }
        (None, None) => {
            return Check::ill(
                name,
                "neither WAYLAND_DISPLAY nor DISPLAY is set",
                "start from a desktop, or with --headless",
            );
        }
    };
    match socket.map(UnixStream::connect) {
        Some(Err(error)) => Check::ill(
            name,
            format!("{server} at {named} does not answer ({error})"),
            "start from a desktop that runs, or with --headless",
        ),
        Some(Ok(_)) => Check::well(name, format!("{server} at {named} answers")),
        None => Check::well(name, format!("{server} at {named}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_method_that_x_programs_cannot_find_is_told() {
        let told = |set: &[(&str, &str)]| {
            input_method(&|name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(told(&[]).ok);
        assert!(told(&[("XMODIFIERS", "@im=fcitx")]).detail.starts_with("fcitx"));
        let lost = told(&[("GTK_IM_MODULE", "ibus")]);
        assert!(!lost.ok && lost.remedy.unwrap().contains("XMODIFIERS=@im=ibus"));
        assert!(told(&[("GTK_IM_MODULE", "ibus"), ("WAYLAND_DISPLAY", "wayland-0")]).ok);
    }
}
