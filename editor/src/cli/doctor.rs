//! `hearth doctor`: what this machine has and lacks, and what to do about it.
//!
//! It changes nothing, and answers for each check even when another fails.

use std::fmt::Write;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::disk::RealDisk;
use render::shape::{FontChoice, Fonts};
use serde_json::{Value, json};

use super::invocation::Form;
use super::{line, list};
use crate::directories::Directories;
use crate::instance;
use crate::profile::{self, Guard};
use crate::program::font_choice;
use crate::record;
use crate::registry::Registry;
use crate::source::Problem;
use crate::trust::TrustStore;

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// Its name.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    fn well(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, detail: detail.into(), remedy: None }
    }

    fn ill(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, ok: false, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks at everything.
pub(super) fn examine(directories: &Directories) -> Vec<Check> {
    let registry = Registry::gather(crate::command::GROUPS);
    let (settings, setting_problems) = list::load_settings(directories);
    let key_problems = list::keymap(directories, &registry).1;
    let mut checks = vec![
        check_profile(directories),
        check_directories(directories),
        check_problems("settings", &setting_problems),
        check_problems("keymap", &key_problems),
        check_trust(directories),
        check_instance(directories),
        check_records(directories),
        check_crashes(directories),
        check_fonts(&font_choice(&settings)),
    ];
    let wanted = settings.appearance().renderer.name();
    checks.extend(check_display(wanted));
    checks
}

/// The checks for people or, as `INTERFACES.md` has it, for programs.
pub(super) fn report(checks: &[Check], form: Form) -> String {
    if form == Form::Json {
        let row = |check: &Check| {
            let mut row = json!({ "check": check.name, "ok": check.ok, "detail": check.detail });
            if let Some(remedy) = &check.remedy {
                row["remedy"] = json!(remedy);
            }
            row
        };
        return line(&checks.iter().map(row).collect::<Value>());
    }
    let mut text = String::new();
    for check in checks {
        let sign = if check.ok { "good " } else { "wrong" };
        let remedy = check.remedy.as_ref().map(|remedy| format!("\n      -> {remedy}"));
        writeln!(text, "{sign} {}: {}{}", check.name, check.detail, remedy.unwrap_or_default())
            .expect("writing to a string cannot fail");
    }
    text
}

fn check_profile(directories: &Directories) -> Check {
    let name = "profile";
    let place = directories.profile();
    let place = place.display();
    match profile::guard(&RealDisk, directories) {
        Err(fault) => Check::ill(name, fault.sentence, "restore the profile from a backup"),
        Ok(None) => Check::well(name, "there is none yet; `hearth init` makes one"),
        Ok(Some(Guard::Passphrase)) => {
            Check::well(name, format!("{place}, guarded by a passphrase"))
        }
        Ok(Some(Guard::Credential)) => Check {
            remedy: Some(
                "keep that file out of what others can read; `hearth profile passphrase` sets a \
                 passphrase of your own, `hearth profile keychain` uses the system's keychain"
                    .to_owned(),
            ),
            ..Check::well(
                name,
                format!(
                    "{place}, sealed with a generated passphrase in {}, which only you can read",
                    directories.credential().display()
                ),
            )
        },
        Ok(Some(Guard::Keychain)) => {
            Check::well(name, format!("{place}, guarded by the system's keychain"))
        }
        Ok(Some(Guard::Nothing)) => Check::ill(
            name,
            format!("{place}, unprotected, as its owner chose"),
            "guard it with `hearth profile passphrase`",
        ),
        Ok(Some(Guard::Foreign)) => Check::ill(
            name,
            format!("{place}, guarded by something that this version does not know"),
            "update Hearth",
        ),
    }
}

fn check_directories(directories: &Directories) -> Check {
    let name = "directories";
    let folders = [&directories.config, &directories.data, &directories.state, &directories.cache];
    for folder in folders {
        if let Err(error) = try_writing(folder) {
            return Check::ill(
                name,
                format!("{} cannot be written ({error})", folder.display()),
                "change its permissions, free some space, or set HEARTH_HOME to another folder",
            );
        }
    }
    let places: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Check::well(name, places.join(", "))
}

/// Writes to `folder`, or to the nearest folder above that exists, and takes it back.
fn try_writing(folder: &Path) -> std::io::Result<()> {
    let Some(there) = folder.ancestors().find(|folder| folder.exists()) else { return Ok(()) };
    let probe = there.join(format!(".hearth-probe-{}", std::process::id()));
    std::fs::write(&probe, b"probe")?;
    std::fs::remove_file(&probe)
}

fn check_problems(name: &'static str, problems: &[Problem]) -> Check {
    match problems {
        [] => Check::well(name, "understood"),
        problems => {
            let told: Vec<_> = problems.iter().take(5).map(Problem::to_string).collect();
            let more = match problems.len().saturating_sub(told.len()) {
                0 => String::new(),
                more => format!(" And {more} more."),
            };
            Check::ill(name, format!("{}{more}", told.join(" ")), "correct these lines")
        }
    }
}

fn check_trust(directories: &Directories) -> Check {
    match TrustStore::load(directories) {
        Ok(_) => Check::well("trust", "the list of trusted folders can be read"),
        Err(fault) => Check::ill("trust", fault.sentence, "delete it and trust folders again"),
    }
}

fn check_instance(directories: &Directories) -> Check {
    let name = "instance";
    let socket = directories.socket();
    match instance::find(directories) {
        Ok(Some(_)) => Check::well(name, format!("one answers at {}", socket.display())),
        Ok(None) => Check::well(name, "none runs"),
        Err(fault) => Check::ill(name, fault.sentence, "end it, or set HEARTH_HOME"),
    }
}

fn check_records(directories: &Directories) -> Check {
    let name = "records";
    let path = record::newest_file(&directories.records());
    match tail(&path) {
        Ok(None) => Check::well(name, "nothing was recorded yet"),
        Err(error) => Check::ill(
            name,
            format!("{} cannot be read ({error})", path.display()),
            "change its permissions or delete it",
        ),
        Ok(Some(text)) => {
            let lines: Vec<Value> =
                text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let count = |level: &str| lines.iter().filter(|line| line["level"] == level).count();
            let stalls = lines.iter().filter(|line| line["event"] == "ui.stall").count();
            let latency = lines.iter().rev().find(|line| line["event"] == "ui.metrics");
            let mut detail = format!(
                "{}: {} errors, {} warnings, {stalls} stalls lately",
                path.display(),
                count("error"),
                count("warn")
            );
            if let Some(latency) = latency {
                let figure = |name: &str| latency["figures"]["input_to_present_us"][name].as_f64();
                if let (Some(p50), Some(p99)) = (figure("p50"), figure("p99")) {
                    let (p50, p99) = (p50 / 1e3, p99 / 1e3);
                    write!(detail, "; key to frame {p50:.1} ms at p50, {p99:.1} at p99")
                        .expect("writing to a string cannot fail");
                }
                if let Some(bytes) = latency["peak_bytes"].as_u64() {
                    write!(detail, "; {} MB at most", bytes >> 20)
                        .expect("writing to a string cannot fail");
                }
            }
            Check::well(name, detail)
        }
    }
}

/// The last 256 KiB of a file; the first line of that may be torn.
fn tail(path: &Path) -> std::io::Result<Option<String>> {
    const BYTES: u64 = 256 << 10;
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn check_crashes(directories: &Directories) -> Check {
    let name = "crashes";
    let reports = record::reports(&directories.crashes());
    let Some(last) = reports.first() else { return Check::well(name, "no reports") };
    let ago =
        last.written.and_then(|written| written.elapsed().ok()).map_or(String::new(), |ago| {
            let (unit, seconds) = match ago {
                ago if ago < Duration::from_secs(3600) => ("minutes", 60),
                ago if ago < Duration::from_secs(2 * 86_400) => ("hours", 3600),
                _ => ("days", 86_400),
            };
            format!(", {} {unit} ago", ago.as_secs() / seconds)
        });
    Check::ill(
        name,
        format!("the last of {} reports{ago}: {}", reports.len(), last.message),
        format!("read {}, and delete it when it is dealt with", last.path.display()),
    )
}

fn check_fonts(choice: &FontChoice) -> Check {
    let name = "fonts";
    let missing = match choice == &FontChoice::default() {
        true => Vec::new(),
        false => Fonts::scan(choice).missing().iter().map(ToString::to_string).collect(),
    };
    if !missing.is_empty() {
        return Check::ill(
            name,
            missing.join(", "),
            "install what is missing, or name a font that is there in editor.font_family, \
             appearance.font_family and appearance.fallback_fonts",
        );
    }
    let mut folders: Vec<PathBuf> = if cfg!(target_os = "macos") {
        vec!["/System/Library/Fonts".into(), "/Library/Fonts".into()]
    } else if cfg!(windows) {
        std::env::var_os("WINDIR").map(|root| Path::new(&root).join("Fonts")).into_iter().collect()
    } else {
        vec!["/usr/share/fonts".into(), "/usr/local/share/fonts".into()]
    };
    if let Some(home) = std::env::var_os("HOME") {
        let home = Path::new(&home);
        folders.extend([home.join(".local/share/fonts"), home.join(".fonts")]);
    }
    if folders.iter().any(|folder| has_font(folder, 4)) {
        let FontChoice { mono, ui, .. } = choice;
        Check::well(name, format!("{mono} and {ui}, and the system's for what they lack"))
    } else {
        Check {
            remedy: Some("install fonts, such as fonts-noto-core and fonts-noto-cjk".to_owned()),
            ..Check::well(name, "the bundled ones; other scripts than theirs show as boxes")
        }
    }
}

fn has_font(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        let suffix = path.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
        let font = ["ttf", "otf", "ttc"].iter().any(|known| suffix.eq_ignore_ascii_case(known));
        font || depth > 0 && path.is_dir() && has_font(&path, depth - 1)
    })
}

#[cfg(not(target_os = "linux"))]
fn check_display(wanted: &str) -> Vec<Check> {
    vec![Check::well("renderer", format!("the setting is \"{wanted}\""))]
}

#[cfg(target_os = "linux")]
fn check_display(wanted: &str) -> Vec<Check> {
    use super::libraries::{GRAPHICS, KEYBOARD, Library, WAYLAND, X11};
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let (wayland, x11) = (set("WAYLAND_DISPLAY"), set("DISPLAY"));
    let display = match (wayland, x11) {
        (true, _) => Check::well("display", "Wayland"),
        (false, true) => Check::well("display", "X11"),
        (false, false) => Check::ill(
            "display",
            "neither WAYLAND_DISPLAY nor DISPLAY is set",
            "start from a desktop, or with --headless",
        ),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, Directories) {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::under(dir.path(), dir.path().into());
        directories.make().unwrap();
        (dir, directories)
    }

    fn check(checks: &[Check], name: &str) -> Check {
        checks.iter().find(|check| check.name == name).unwrap().clone()
    }

    #[test]
    fn a_new_home_is_well_but_for_the_machine() {
        let (_dir, directories) = places();
        let checks = examine(&directories);
        for name in ["profile", "directories", "settings", "trust", "instance", "records"] {
            assert!(check(&checks, name).ok, "{:?}", check(&checks, name));
        }
        let names: std::collections::BTreeSet<_> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), checks.len());
    }

    #[test]
    fn what_is_wrong_is_named_with_a_remedy() {
        let (_dir, directories) = places();
        std::fs::write(directories.settings(), "[editor]\ntab_width = 99\n").unwrap();
        std::fs::write(directories.trust(), "{").unwrap();
        crate::directories::make_private(&directories.crashes()).unwrap();
        let report_file = directories.crashes().join("0000000000001-1-panic.json");
        std::fs::write(report_file, r#"{"message": "it broke"}"#).unwrap();
        let checks = examine(&directories);
        for (name, part) in
            [("settings", "settings.toml:2"), ("trust", "damaged"), ("crashes", "it broke")]
        {
            let check = check(&checks, name);
            assert!(!check.ok && check.remedy.is_some(), "{check:?}");
            assert!(check.detail.contains(part), "{check:?}");
        }
    }

    #[test]
    fn the_guard_of_the_profile_is_said() {
        let (_dir, directories) = places();
        profile::open_or_make(&RealDisk, &directories, None).unwrap();
        let found = check(&examine(&directories), "profile");
        assert!(found.ok && found.detail.contains("generated passphrase"), "{found:?}");
        let (_other, directories) = places();
        let unprotected = kernel::keys::Protection::Unprotected;
        profile::init(&RealDisk, &directories, unprotected).unwrap();
        let found = check(&examine(&directories), "profile");
        assert!(!found.ok && found.detail.contains("unprotected"), "{found:?}");
    }

    #[test]
    fn json_has_the_promised_fields() {
        let checks = [Check::well("a", "b"), Check::ill("c", "d", "e")];
        let listed: Value = serde_json::from_str(&report(&checks, Form::Json)).unwrap();
        assert_eq!(listed[0], json!({"check": "a", "ok": true, "detail": "b"}));
        let ill = json!({"check": "c", "ok": false, "detail": "d", "remedy": "e"});
        assert_eq!(listed[1], ill);
    }
}
