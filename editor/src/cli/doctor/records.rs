//! What the program recorded of itself: its log, its metrics, its crashes.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Check;
use crate::directories::Directories;
use crate::record::{self, Measure, Metrics, Report, Seen};

/// Errors and warnings lately.
pub(super) fn check_log(directories: &Directories) -> Check {
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
            let (errors, warnings) = (count("error"), count("warn"));
            let path = path.display();
            Check::well(name, format!("{path}: {errors} errors, {warnings} warnings lately"))
        }
    }
}

/// Latencies, memory and stalls over the runs of the last months.
pub(super) fn check_metrics(directories: &Directories) -> Check {
    let name = "metrics";
    let folder = directories.records();
    match record::read_metrics(&folder) {
        Err(reason) => Check::ill(
            name,
            format!("{} {reason}", record::metrics_file(&folder).display()),
            "nothing has to be done: the next start puts it aside and counts anew",
        ),
        Ok(None) => Check::well(name, "nothing was counted yet"),
        Ok(Some(metrics)) => {
            let mut detail = summary(&metrics);
            let aside = record::metrics_aside(&folder);
            if aside.exists() {
                detail.push_str(&format!("; {} could not be read", aside.display()));
                let remedy = "delete that file: its figures are not in these";
                return Check { remedy: Some(remedy.to_owned()), ..Check::well(name, detail) };
            }
            Check::well(name, detail)
        }
    }
}

/// What matters of them, in one line.
fn summary(metrics: &Metrics) -> String {
    let (since_ms, starts) = metrics.span();
    let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since_ms));
    let since = since.and_then(|since| since.elapsed().ok()).unwrap_or_default();
    let mut parts = vec![format!("{starts} starts in {}", told(since))];
    for (measure, name) in [
        (Measure::InputToPresent, "key to frame"),
        (Measure::UiCpu, "CPU for it"),
        (Measure::JournalSync, "journal sync"),
        (Measure::Open, "opening a file"),
    ] {
        let at = |share| metrics.quantile(measure, share).map(|us| us as f64 / 1e3);
        if let (Some(p50), Some(p99)) = (at(0.5), at(0.99)) {
            parts.push(format!("{name} {p50:.1} ms at p50, {p99:.1} at p99"));
        }
    }
    if metrics.max(Measure::Resident) > 0 {
        parts.push(format!("{} MB at most", metrics.max(Measure::Resident) >> 10));
    }
    parts.push(match metrics.stalls() {
        (0, _) | (_, None) => "no stalls".to_owned(),
        (count, Some(cause)) => format!("{count} stalls, most in {cause}"),
    });
    parts.join("; ")
}

/// A time in its greatest unit.
fn told(time: Duration) -> String {
    let (unit, seconds) = match time {
        time if time < Duration::from_secs(2 * 3600) => ("minutes", 60),
        time if time < Duration::from_secs(2 * 86_400) => ("hours", 3600),
        _ => ("days", 86_400),
    };
    format!("{} {unit}", time.as_secs() / seconds)
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

/// Reports of crashes: those that nobody has seen are wrong.
pub(super) fn check_crashes(directories: &Directories) -> Check {
    let name = "crashes";
    let reports = record::reports(&directories.crashes());
    let new: Vec<&Report> = reports.iter().filter(|report| report.seen == Seen::No).collect();
    let Some(last) = new.first() else {
        return Check::well(
            name,
            match reports.len() {
                0 => "no reports".to_owned(),
                count => format!("{count} reports, all of them seen"),
            },
        );
    };
    let ago = last.written.and_then(|written| written.elapsed().ok());
    let ago = ago.map_or(String::new(), |ago| format!(" {} ago", told(ago)));
    let dump = last.dump.as_ref().map_or("", |_| "; its minidump lies beside it");
    Check::ill(
        name,
        match new.len() {
            1 => format!("1 new report,{ago}: {}{dump}", last.message),
            count => format!("{count} new reports, the last{ago}: {}{dump}", last.message),
        },
        format!("read {}, then `hearth doctor --seen` notes that you have", last.path.display()),
    )
}
