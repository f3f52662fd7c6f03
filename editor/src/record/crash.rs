//! Reports of panics and fatal signals, kept beside the log until their owner deletes them.
//!
//! A report never holds what a message quotes: a panic's message may quote a buffer's text.

use std::backtrace::Backtrace;
use std::fs;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde_json::json;

/// Reports that are kept, and the bytes of all their files; the oldest go.
const KEPT_MAX: usize = 20;
const KEPT_BYTES_MAX: u64 = 32 << 20;

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
    /// The minidump beside it.
    pub dump: Option<PathBuf>,
    /// Whether its owner has said to have seen it.
    pub seen: Seen,
}

/// Whether a report was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was.
    Yes,
    /// It was not.
    No,
}

/// The file that names the newest report that was seen.
const SEEN: &str = "seen";

/// From now on a panic in any thread leaves a report in `folder`, and on Linux a fatal signal
/// does too. The usual message on standard error still comes.
pub fn install(folder: &Path) {
    // Without its folder a report is lost, and `doctor` says that the folder is missing.
    drop(crate::directories::make_private(folder));
    prune(folder, KEPT_MAX - 1, KEPT_BYTES_MAX);
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
    // Names begin with the time, so that what was seen is everything up to a name.
    let seen = fs::read_to_string(folder.join(SEEN)).unwrap_or_default();
    let describe = |path: PathBuf| {
        let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let message = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(report) => report["message"].as_str().unwrap_or_default().to_owned(),
            Err(_) => text.lines().next().unwrap_or_default().to_owned(),
        };
        let dump = Some(path.with_extension("dmp")).filter(|dump| len(dump) > 0);
        let seen = if name(&path) <= seen.trim() { Seen::Yes } else { Seen::No };
        Report { path, written, message, dump, seen }
    };
    paths.into_iter().map(describe).collect()
}

/// Notes that all reports in `folder` were seen, and answers how many were new.
///
/// # Errors
/// When that cannot be written.
pub fn see(folder: &Path) -> io::Result<usize> {
    let reports = reports(folder);
    let Some(newest) = reports.first() else { return Ok(0) };
    let name = name(&newest.path);
    kernel::disk::replace(&kernel::disk::RealDisk, &folder.join(SEEN), name.as_bytes())?;
    Ok(reports.iter().filter(|report| report.seen == Seen::No).count())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// Files of reports, oldest first: their names begin with the time. Empty ones were made ready
/// for a signal that never came.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let all = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_report = |path: &PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        matches!(end, Some("json" | "txt")) && path.is_file() && len(path) > 0
    };
    let mut paths: Vec<_> = all.filter(is_report).collect();
    paths.sort();
    paths
}

/// Keeps the newest reports, at most so many and of so many bytes together.
fn prune(folder: &Path, keep: usize, bytes_max: u64) {
    let mut bytes = 0;
    for (age, path) in paths(folder).iter().rev().enumerate() {
        let dump = path.with_extension("dmp");
        bytes += len(path) + len(&dump);
        if age >= keep || bytes > bytes_max {
            // One that cannot be deleted is seen again at the next start.
            drop((fs::remove_file(path), fs::remove_file(&dump)));
        }
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
    fn old_reports_go_with_their_dumps() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..30 {
            fs::write(dir.path().join(format!("{number:013}-1-signal.txt")), "it broke").unwrap();
            fs::write(dir.path().join(format!("{number:013}-1-signal.dmp")), [7; 1000]).unwrap();
        }
        fs::write(dir.path().join("9999999999999-1-signal.txt"), "").unwrap();
        prune(dir.path(), KEPT_MAX, KEPT_BYTES_MAX);
        let left = reports(dir.path());
        assert_eq!(left.len(), KEPT_MAX);
        assert!(left[0].path.ends_with("0000000000029-1-signal.txt"));
        assert!(left.iter().all(|report| report.dump.is_some()));
        let dumps = || {
            let all = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
            all.filter(|path| path.extension().is_some_and(|end| end == "dmp")).count()
        };
        assert_eq!(dumps(), KEPT_MAX);
        prune(dir.path(), KEPT_MAX, 5 * 1008);
        assert_eq!((reports(dir.path()).len(), dumps()), (5, 5));
    }

    #[test]
    fn a_report_is_new_until_its_owner_has_seen_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(see(dir.path()).unwrap(), 0);
        let report = |number: u32| {
            fs::write(dir.path().join(format!("{number:013}-1-panic.json")), "{}").unwrap();
        };
        (0..3).for_each(report);
        assert_eq!(see(dir.path()).unwrap(), 3);
        report(3);
        let seen: Vec<Seen> = reports(dir.path()).iter().map(|report| report.seen).collect();
        assert_eq!(seen, [Seen::No, Seen::Yes, Seen::Yes, Seen::Yes]);
        assert_eq!((see(dir.path()).unwrap(), see(dir.path()).unwrap()), (1, 0));
    }
}
