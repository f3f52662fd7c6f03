//! What the program did, kept on this machine: a log, a panic's report, memory.
//!
//! Nothing here is sent anywhere. No text of a buffer, no secret and no argument of a call is
//! recorded: an event has a fixed name, numbers, words of the program's own, and paths.
//! Recording never waits: a thread of its own writes, and what it cannot keep up with is counted.

mod crash;
mod field;
mod file;
mod memory;
#[cfg(target_os = "linux")]
mod signal;

pub use crash::{install as install_crash_reports, reports};
pub use field::{Field, Trace};
pub use file::newest as newest_file;

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use crate::registry::Fault;
use crate::settings::Level;
use file::LogFile;

/// Events that wait for the writing thread; more are counted and dropped.
const WAITING_MAX: usize = 4096;

static RECORDER: OnceLock<Recorder> = OnceLock::new();

struct Recorder {
    queue: SyncSender<Message>,
    level: AtomicU8,
    dropped: AtomicU64,
}

enum Message {
    Event(Event),
    /// Answered when all before it is in the file.
    Flush(SyncSender<()>),
}

struct Event {
    time: SystemTime,
    level: Level,
    name: &'static str,
    trace: Option<Trace>,
    fields: Vec<(&'static str, Field)>,
}

/// Starts recording into `folder`. Until then, and after a failure, events go nowhere.
///
/// # Errors
/// When the folder or the file in it cannot be made.
pub fn start(folder: &Path, level: Level) -> Result<(), Fault> {
    let file =
        LogFile::open(folder).map_err(|error| Fault::file("Recording in", folder, &error))?;
    let (queue, waiting) = sync_channel(WAITING_MAX);
    let recorder =
        Recorder { queue, level: AtomicU8::new(level as u8), dropped: AtomicU64::new(0) };
    if RECORDER.set(recorder).is_err() {
        return Err(Fault::internal("Recording was started twice."));
    }
    std::thread::Builder::new()
        .name("records".into())
        .spawn(move || write_all(file, &waiting))
        .map_err(|error| Fault::machine(format!("No thread for the records: {error}.")))?;
    Ok(())
}

/// Changes the least weight that is kept.
pub fn set_level(level: Level) {
    if let Some(recorder) = RECORDER.get() {
        recorder.level.store(level as u8, Ordering::Relaxed);
    }
}

/// Records what happened. `name` is `noun.verb`, fixed, and says what the fields mean.
pub fn event(level: Level, name: &'static str, fields: &[(&'static str, Field)]) {
    put(level, name, None, fields);
}

/// [`event`] as a part of what `trace` runs through.
pub fn traced(level: Level, name: &'static str, trace: Trace, fields: &[(&'static str, Field)]) {
    put(level, name, Some(trace), fields);
}

/// Records a sentence that a person was shown; `severity` is the notice's own word for its weight.
pub fn notice(severity: &'static str, sentence: &str) {
    let level = match severity {
        "error" => Level::Error,
        "warning" | "warn" => Level::Warn,
        _ => Level::Info,
    };
    event(level, "notice.show", &[("sentence", Field::text(sentence))]);
}

/// Records that the UI thread was busy for `time` with `cause`, the name of a command or a phase.
pub fn stall(time: Duration, cause: &str) {
    let ms = Field::Number(time.as_secs_f64() * 1e3);
    event(Level::Warn, "ui.stall", &[("ms", ms), ("cause", Field::text(cause))]);
}

/// Records measurements that the program made of itself: the object that `app.frames` answers.
/// Memory is added to it.
pub fn metrics(figures: serde_json::Value) {
    let memory = memory::now();
    let bytes = |bytes: Option<u64>| bytes.map_or(Field::Absent, Field::Count);
    let fields = [
        ("figures", Field::Json(figures)),
        ("resident_bytes", bytes(memory.resident)),
        ("peak_bytes", bytes(memory.peak)),
    ];
    event(Level::Info, "ui.metrics", &fields);
}

/// Waits until what was recorded is in the file, but not longer than `timeout`.
pub fn flush(timeout: Duration) {
    let Some(recorder) = RECORDER.get() else { return };
    let (done, finished) = sync_channel(1);
    if recorder.queue.try_send(Message::Flush(done)).is_ok() {
        // Late or not, the program goes on.
        let _late = finished.recv_timeout(timeout);
    }
}

fn put(level: Level, name: &'static str, trace: Option<Trace>, fields: &[(&'static str, Field)]) {
    let Some(recorder) = RECORDER.get() else { return };
    if level as u8 > recorder.level.load(Ordering::Relaxed) {
        return;
    }
    let event = Event { time: SystemTime::now(), level, name, trace, fields: fields.to_vec() };
    if recorder.queue.try_send(Message::Event(event)).is_err() {
        recorder.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn write_all(mut file: LogFile, waiting: &Receiver<Message>) {
    for message in waiting {
        match message {
            Message::Event(event) => file.append(&event.line()),
            Message::Flush(done) => {
                // Whoever asked may have stopped waiting.
                let _unheard = done.send(());
            }
        }
        let dropped = RECORDER.get().map_or(0, |own| own.dropped.swap(0, Ordering::Relaxed));
        if dropped > 0 {
            let fields = vec![("events", Field::Count(dropped))];
            let (time, name) = (SystemTime::now(), "records.drop");
            file.append(&Event { time, level: Level::Warn, name, trace: None, fields }.line());
        }
    }
}

impl Event {
    /// One line of JSON: `t` in milliseconds since 1970, `level`, `event`, then the fields.
    fn line(&self) -> String {
        let mut line = serde_json::Map::new();
        let since = self.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        line.insert("t".into(), u64::try_from(since.as_millis()).unwrap_or(u64::MAX).into());
        line.insert("level".into(), self.level.name().into());
        line.insert("event".into(), self.name.into());
        if let Some(trace) = self.trace {
            line.insert("trace".into(), trace.to_string().into());
        }
        for (name, field) in &self.fields {
            line.insert((*name).into(), field.to_json());
        }
        let mut text = serde_json::Value::Object(line).to_string();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_reach_the_file_by_weight_with_their_trace() {
        let dir = tempfile::tempdir().unwrap();
        start(dir.path(), Level::Info).unwrap();
        assert!(start(dir.path(), Level::Info).is_err());
        let trace = Trace::new();
        event(Level::Debug, "test.unkept", &[]);
        traced(Level::Info, "test.kept", trace, &[("bytes", Field::Count(3))]);
        stall(Duration::from_millis(9), "buffer.undo");
        notice("error", "It is so.");
        set_level(Level::Error);
        event(Level::Warn, "test.unkept", &[]);
        set_level(Level::Debug);
        event(Level::Debug, "test.kept_now", &[]);
        flush(Duration::from_secs(10));
        let text = std::fs::read_to_string(newest_file(dir.path())).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Other tests of this process may record too.
        let find = |name: &str| lines.iter().find(|line| line["event"] == name);
        assert_eq!(find("test.kept").unwrap()["trace"], trace.to_string());
        assert_eq!(find("test.kept").unwrap()["bytes"], 3);
        assert_eq!(find("ui.stall").unwrap()["cause"], "buffer.undo");
        assert_eq!(find("notice.show").unwrap()["level"], "error");
        assert!(find("test.kept_now").is_some());
        assert!(find("test.unkept").is_none());
    }
}
