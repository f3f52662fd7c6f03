//! `hearth doctor`: what this machine has and lacks, and what to do about it.
//!
//! Looking changes nothing, works beside a running instance and with a locked profile, and answers
//! for each check even when another fails. What may hang or end a process is asked in one of its
//! own, or on a thread that is waited for only so long.

mod adapters;
mod machine;
mod profile;
mod records;
mod repair;
mod storage;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::invocation::{DoctorTask, Form};
use super::{line, list};
use crate::directories::Directories;
use crate::instance;
use crate::program::font_choice;
use crate::record;
use crate::registry::{Fault, Registry};
use crate::source::Problem;

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

    /// The same with something that may be done about it.
    fn or(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Does what was asked. What it finds is its answer: it fails only where it cannot look or act.
///
/// # Errors
/// Why something was not done.
pub(super) fn run(
    directories: &Directories,
    task: DoctorTask,
    form: Form,
) -> Result<String, Fault> {
    match task {
        DoctorTask::Examine => {
            let program = std::env::current_exe().ok();
            Ok(report(&examine(directories, program), form))
        }
        DoctorTask::See => see(directories, form),
        DoctorTask::Adapters => adapters::list(form),
        DoctorTask::Repair => repair::run(directories, form),
    }
}

fn see(directories: &Directories, form: Form) -> Result<String, Fault> {
    let folder = directories.crashes();
    let seen = record::see_reports(&folder)
        .map_err(|error| Fault::file("Noting what was seen in", &folder, &error))?;
    Ok(match (form, seen) {
        (Form::Json, _) => line(&json!({ "seen": seen })),
        (_, 1) => "1 report is seen now.\n".to_owned(),
        (_, seen) => format!("{seen} reports are seen now.\n"),
    })
}

/// Looks at everything. `program` is this program, for what is asked in a process of its own.
fn examine(directories: &Directories, program: Option<PathBuf>) -> Vec<Check> {
    let registry = Registry::gather(crate::command::GROUPS);
    let (settings, setting_problems) = list::load_settings(directories);
    let key_problems = list::keymap(directories, &registry).1;
    let looked = profile::look(directories);
    let mut checks = vec![
        looked.check,
        storage::check_log(directories, looked.keys.as_ref()),
        storage::check_objects(directories, looked.keys.as_ref()),
        check_directories(directories),
        storage::check_disk(directories),
        check_problems("settings", &setting_problems),
        check_problems("keymap", &key_problems),
        check_trust(directories),
        check_instance(directories),
        records::check_log(directories),
        records::check_metrics(directories),
        records::check_crashes(directories),
        machine::check_fonts(&font_choice(&settings)),
        machine::check_clipboard(),
        machine::check_input_method(),
        machine::check_keychain(looked.guard),
    ];
    let wanted = settings.appearance().renderer.name();
    checks.extend(machine::check_display(wanted));
    checks.extend(program.map(|program| adapters::check(&program, wanted)));
    checks
}

/// What `ask` answers, on a thread that is left alone when it takes longer than `time`.
fn within<T: Send + 'static>(
    time: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (send, receive) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("doctor".to_owned());
    // Whoever waited may be gone when it answers; without a thread there is no answer.
    drop(thread.spawn(move || drop(send.send(ask()))));
    receive.recv_timeout(time).ok()
}

/// The checks for people or, as `INTERFACES.md` has it, for programs.
fn report(checks: &[Check], form: Form) -> String {
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
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut put = |parts: std::fmt::Arguments<'_>| {
        text.write_fmt(parts).expect("writing to a string cannot fail");
    };
    for check in checks {
        let sign = if check.ok { "good " } else { "wrong" };
        put(format_args!("{sign}  {:width$}  {}\n", check.name, check.detail));
        if let Some(remedy) = &check.remedy {
            put(format_args!("{:pad$}-> {remedy}\n", "", pad = width + 9));
        }
    }
    match checks.iter().filter(|check| !check.ok).count() {
        0 => put(format_args!("\nAll is well.\n")),
        1 => put(format_args!("\n1 of {} wants something.\n", checks.len())),
        wrong => put(format_args!("\n{wrong} of {} want something.\n", checks.len())),
    }
    text
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
fn try_writing(folder: &std::path::Path) -> std::io::Result<()> {
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
    let (name, old) = ("trust", directories.old_trust());
    if old.exists() {
        let detail = format!("{} is of an earlier version and trusts nothing", old.display());
        return Check::ill(name, detail, "delete it, and `hearth trust` your folders again");
    }
    let listed = match instance::find(directories) {
        Ok(Some(client)) => client.call("trust.list", Value::Null, Duration::from_secs(5)),
        _ => return Check::well(name, "who is trusted is sealed in the profile, and nobody asks"),
    };
    match listed {
        Ok(all) => {
            let count = all.as_array().map_or(0, Vec::len);
            Check::well(name, format!("{count} folders are trusted, as they were looked at"))
        }
        // A locked profile trusts nobody, which is no fault of it.
        Err(fault) => Check::well(name, fault.sentence),
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

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::disk::RealDisk;

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
        let checks = examine(&directories, None);
        for name in
            ["profile", "log", "disk", "directories", "settings", "trust", "instance", "records"]
        {
            assert!(check(&checks, name).ok, "{:?}", check(&checks, name));
        }
        let names: std::collections::BTreeSet<_> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), checks.len());
    }

    #[test]
    fn what_is_wrong_is_named_with_a_remedy() {
        let (_dir, directories) = places();
        std::fs::write(directories.settings(), "[editor]\ntab_width = 99\n").unwrap();
        std::fs::write(directories.old_trust(), "{").unwrap();
        crate::directories::make_private(&directories.crashes()).unwrap();
        let report_file = directories.crashes().join("0000000000001-1-panic.json");
        std::fs::write(report_file, r#"{"message": "it broke"}"#).unwrap();
        let checks = examine(&directories, None);
        for (name, part) in
            [("settings", "settings.toml:2"), ("trust", "earlier version"), ("crashes", "it broke")]
        {
            let check = check(&checks, name);
            assert!(!check.ok && check.remedy.is_some(), "{check:?}");
            assert!(check.detail.contains(part), "{check:?}");
        }
    }

    #[test]
    fn the_guard_of_the_profile_is_said() {
        let (_dir, directories) = places();
        crate::profile::open_or_make(&RealDisk, &directories, None).unwrap();
        let found = check(&examine(&directories, None), "profile");
        assert!(found.ok && found.detail.contains("generated passphrase"), "{found:?}");
        let (_other, directories) = places();
        let unprotected = kernel::keys::Protection::Unprotected;
        crate::profile::init(&RealDisk, &directories, unprotected).unwrap();
        let found = check(&examine(&directories, None), "profile");
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

    #[test]
    fn people_get_aligned_lines_and_a_count() {
        let checks = [Check::well("a", "b"), Check::ill("long name", "d", "e")];
        let told = report(&checks, Form::Text);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "good   a          b");
        assert_eq!(lines[1], "wrong  long name  d");
        assert_eq!(lines[2], "                  -> e");
        assert_eq!(lines[4], "1 of 2 wants something.");
    }

    #[test]
    fn what_never_answers_is_not_waited_for() {
        assert_eq!(within(Duration::from_secs(10), || 7), Some(7));
        let hang = || std::thread::sleep(Duration::from_secs(3600));
        assert_eq!(within(Duration::from_millis(20), hang), None);
    }
}
