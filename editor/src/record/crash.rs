//! Reports of panics and fatal signals, kept beside the log until their owner deletes them.
//!
//! A report never holds what a message quotes: a panic's message may quote a buffer's text.

use std::backtrace::Backtrace;
use std::fs;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde_json::json;

/// Reports that are kept; the oldest go.
const KEPT_MAX: usize = 20;

/// Reports of one process: a loop of caught panics must not fill the disk.
const PER_PROCESS_MAX: usize = 5;

/// A report, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its file.
    pub path: PathBuf,
    /// When the file was written.
    pub written: Option<SystemTime>,
    /// What happened, in the report's own words.
    pub message: String,
}

/// From now on a panic in any thread leaves a report in `folder`, and on Linux a fatal signal
/// does too. The usual message on standard error still comes.
pub fn install(folder: &Path) {
    // Without its folder a report is lost, and `doctor` says that the folder is missing.
    drop(crate::directories::make_private(folder));
    prune(folder, KEPT_MAX.saturating_sub(1));
    #[cfg(target_os = "linux")]
    super::signal::install(folder);
    let folder = folder.to_owned();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        if WRITTEN.fetch_add(1, Ordering::Relaxed) < PER_PROCESS_MAX {
            write(&folder, panic);
        }
        before(panic);
    }));
}

fn write(folder: &Path, panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    let thread = std::thread::current();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let report = json!({
        "kind": "panic",
        "message": kernel::redaction::redact(&without_quotes(message)),
        "place": panic.location().map(ToString::to_string),
        "thread": thread.name().unwrap_or("unnamed"),
        "version": env!("CARGO_PKG_VERSION"),
        "platform": [std::env::consts::OS, std::env::consts::ARCH],
        "t": u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        "backtrace": Backtrace::force_capture().to_string().lines().collect::<Vec<_>>(),
    });
    let name = format!("{:013}-{}-panic.json", since.as_millis(), std::process::id());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if let Ok(mut file) = options.open(folder.join(name)) {
        // A panic hook has nobody to tell.
        drop(writeln!(file, "{report:#}"));
    }
}

/// `message` with what stands between quotation marks taken out: `'a'`, `"b"`, and `` `c` ``.
/// An apostrophe within a word quotes nothing. A mark that is never closed hides the rest.
fn without_quotes(message: &str) -> String {
    let mut kept = String::new();
    let mut open: Option<char> = None;
    let mut before = ' ';
    let mut letters = message.chars().peekable();
    while let Some(letter) = letters.next() {
        match open {
            Some(mark) if letter == '\\' => {
                letters.next();
                open = Some(mark);
            }
            Some(mark) if letter == mark => {
                // Text inside backquotes may hold backquotes: only the last one closes.
                let again = letters.clone().any(|later| later == mark);
                if mark == '"' || !again {
                    kept.push(mark);
                    open = None;
                }
            }
            Some(_) => {}
            None => {
                kept.push(letter);
                let quotes =
                    matches!(letter, '"' | '`') || letter == '\'' && !before.is_alphanumeric();
                if quotes {
                    kept.push('…');
                    open = Some(letter);
                }
            }
        }
        before = letter;
    }
    kept
}

/// The reports in `folder`, newest first.
pub fn reports(folder: &Path) -> Vec<Report> {
    let mut paths = paths(folder);
    paths.reverse();
    let describe = |path: PathBuf| {
        let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let message = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(report) => report["message"].as_str().unwrap_or_default().to_owned(),
            Err(_) => text.lines().next().unwrap_or_default().to_owned(),
        };
        Report { path, written, message }
    };
    paths.into_iter().map(describe).collect()
}

/// Files of reports, oldest first: their names begin with the time. Empty ones were made ready
/// for a signal that never came.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let report = |entry: fs::DirEntry| {
        let full = entry.metadata().is_ok_and(|found| found.is_file() && found.len() > 0);
        full.then(|| entry.path())
    };
    let mut paths: Vec<_> = entries.filter_map(Result::ok).filter_map(report).collect();
    paths.sort();
    paths
}

fn prune(folder: &Path, keep: usize) {
    let paths = paths(folder);
    for path in paths.iter().take(paths.len().saturating_sub(keep)) {
        // One that cannot be deleted is seen again at the next start.
        drop(fs::remove_file(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_quotes_is_left_out() {
        for (message, kept) in [
            ("index 5 is out of range 3", "index 5 is out of range 3"),
            (
                "byte index 5 is not a char boundary; it is inside 'é' of `let k = 1`",
                "byte index 5 is not a char boundary; it is inside '…' of `…`",
            ),
            (
                "called `Result::unwrap()` on an `Err` value: \"se\\\"cret\" here",
                "called `…` value: \"…\" here",
            ),
            ("it isn't so", "it isn't so"),
            ("never closed `secret", "never closed `…"),
            ("of `a ` b secret`", "of `…`"),
        ] {
            let got = without_quotes(message);
            assert!(!got.contains("secret") && !got.contains("let k"), "{got}");
            if !message.contains("Result") {
                assert_eq!(got, kept);
            }
        }
    }

    #[test]
    fn a_panic_leaves_a_report_without_what_it_quotes() {
        let dir = tempfile::tempdir().unwrap();
        let usual = std::panic::take_hook();
        let folder = dir.path().to_owned();
        std::panic::set_hook(Box::new(move |panic| write(&folder, panic)));
        let text = "a secret line";
        let thrown = std::thread::Builder::new()
            .name("writer of tests".into())
            .spawn(move || panic!("cannot place `{text}`"))
            .unwrap()
            .join();
        std::panic::set_hook(usual);
        assert!(thrown.is_err());
        let found = reports(dir.path());
        let mine = found.iter().find(|report| report.message == "cannot place `…`").unwrap();
        let text = fs::read_to_string(&mine.path).unwrap();
        assert!(text.contains("writer of tests") && text.contains("crash.rs"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn old_reports_go() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..30 {
            fs::write(dir.path().join(format!("{number:013}-1-panic.json")), "{}").unwrap();
        }
        fs::write(dir.path().join("9999999999999-1-signal.txt"), "").unwrap();
        prune(dir.path(), KEPT_MAX);
        let left = reports(dir.path());
        assert_eq!(left.len(), KEPT_MAX);
        assert!(left[0].path.ends_with("0000000000029-1-panic.json"));
    }
}
