//! The metrics' file: read at the start, written now and then and at the end, never torn.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use kernel::disk::{self, RealDisk};

use super::memory;
use super::metrics::{self, Measure, Metrics, Refused};

/// What was counted is written this long after the first of it, so that a kill costs little...
const WRITE_DELAY: Duration = Duration::from_secs(2);

/// ...but not more often than this.
const WRITE_PAUSE: Duration = Duration::from_secs(15);

/// A longer file is none of ours.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The metrics, and where they are kept; owned by the records' thread.
pub(super) struct Keeper {
    metrics: Metrics,
    path: PathBuf,
    /// When something that was counted is written next.
    due: Option<Instant>,
    written: Option<Instant>,
}

/// The metrics' file in the records' folder.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("metrics")
}

/// Where a file is put that cannot be read.
pub fn aside(folder: &Path) -> PathBuf {
    folder.join("metrics.unread")
}

/// Reads what is kept; `None` when nothing was kept yet.
///
/// # Errors
/// Why it cannot be read, as the end of a sentence that begins with its path.
pub fn read(folder: &Path) -> Result<Option<Metrics>, String> {
    match disk::read(&RealDisk, &file(folder), FILE_BYTES_MAX) {
        Ok(bytes) => Metrics::decode(&bytes).map(Some).map_err(|refused| refused.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(Refused::Damaged.to_string()),
        Err(error) => Err(format!("cannot be read ({error})")),
    }
}

impl Keeper {
    /// Goes on from what `folder` keeps. What cannot be read is put aside, and why is answered.
    pub(super) fn open(folder: &Path) -> (Self, Option<String>) {
        let begun = Metrics::begin(now_ms());
        let path = file(folder);
        let (mut metrics, trouble) = match read(folder) {
            Ok(kept) => (kept.unwrap_or(begun), None),
            Err(reason) => {
                // One that cannot be moved is written over: the reason is told either way.
                drop(std::fs::rename(&path, aside(folder)));
                (begun, Some(reason))
            }
        };
        metrics.turn(now_ms());
        metrics.started();
        (Self { metrics, path, due: None, written: None }, trouble)
    }

    /// When [`Keeper::write`] wants to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something was counted.
    pub(super) fn counted(&mut self) {
        let soon = Instant::now() + WRITE_DELAY;
        let due = self.written.map_or(soon, |written| soon.max(written + WRITE_PAUSE));
        self.due.get_or_insert(due);
    }

    /// The UI thread was held up.
    pub(super) fn stalled(&mut self, time: Duration, cause: &str) {
        self.metrics.stalled(time, cause);
        self.counted();
    }

    /// All that was counted up to now.
    pub(super) fn metrics(&mut self) -> &Metrics {
        self.metrics.take();
        &self.metrics
    }

    /// Writes it, so that a crash leaves the old file or the new one. A disk that refuses is tried
    /// again when more was counted.
    pub(super) fn write(&mut self) {
        self.due = None;
        self.written = Some(Instant::now());
        if let Some(bytes) = memory::now().resident {
            metrics::count(Measure::Resident, bytes >> 10);
        }
        self.metrics.turn(now_ms());
        let bytes = self.metrics().encode();
        drop(disk::replace(&RealDisk, &self.path, &bytes));
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_goes_on_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        for start in 1..4 {
            let (mut keeper, trouble) = Keeper::open(dir.path());
            assert_eq!(trouble, None);
            keeper.stalled(Duration::from_millis(20), "file.open");
            assert!(keeper.due().is_some());
            keeper.write();
            assert!(keeper.due().is_none());
            let kept = read(dir.path()).unwrap().unwrap();
            assert_eq!((kept.stalls().0, kept.span().1), (start, start as u32));
            assert!(!cfg!(target_os = "linux") || kept.max(Measure::Resident) > 0);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_put_aside_and_counting_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (mut keeper, _) = Keeper::open(dir.path());
        keeper.write();
        let mut bytes = std::fs::read(file(dir.path())).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(file(dir.path()), &bytes).unwrap();
        let (mut again, trouble) = Keeper::open(dir.path());
        assert_eq!(trouble.as_deref(), Some("is damaged"));
        assert_eq!(std::fs::read(aside(dir.path())).unwrap(), bytes);
        again.write();
        assert_eq!(read(dir.path()).unwrap().unwrap().span().1, 1);
    }

    #[test]
    fn a_crash_in_the_middle_keeps_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let (mut keeper, _) = Keeper::open(dir.path());
        keeper.stalled(Duration::from_millis(20), "file.open");
        keeper.write();
        // What a crash leaves of a file that was being written.
        std::fs::write(dir.path().join("metrics.new"), b"hearth metr").unwrap();
        let (mut again, trouble) = Keeper::open(dir.path());
        assert_eq!((trouble, again.metrics().stalls().0), (None, 1));
        again.write();
        assert_eq!(read(dir.path()).unwrap().unwrap().stalls().0, 1);
    }
}
