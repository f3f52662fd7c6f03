//! What the program did, kept on this machine: a log, metrics, reports of crashes.
//!
//! Nothing here is sent anywhere. No text of a buffer, no secret and no argument of a call is
//! recorded: an event has a fixed name, numbers, words of the program's own, and paths.
//! Recording never waits: a thread of its own writes, and what it cannot keep up with is counted.

mod crash;
mod disk;
mod field;
mod file;
mod histogram;
mod keeper;
mod memory;
mod metrics;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod minidump;
#[cfg(target_os = "linux")]
mod signal;

pub use crash::{Report, Seen, install as install_crash_reports, reports, see as see_reports};
pub use disk::TimedDisk;
pub use field::{Field, Trace};
pub use file::newest as newest_file;
pub use keeper::{aside as metrics_aside, file as metrics_file, read as read_metrics};
pub use metrics::{Measure, Metrics};

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use crate::registry::Fault;
use crate::settings::Level;
use crate::shell::Reply;
use file::LogFile;
use keeper::Keeper;

/// Events that wait for the writing thread; more are counted and dropped.
const WAITING_MAX: usize = 4096;

static RECORDER: OnceLock<Recorder> = OnceLock::new();

struct Recorder {
    queue: SyncSender<Message>,
    level: AtomicU8,
    dropped: AtomicU64,
    /// Whether something was counted that the thread has not been told of.
    has_counted: AtomicBool,
}

enum Message {
    Event(Event),
    /// The UI thread was held up, and by what.
    Stall(Duration, String),
    /// Something was counted.
    Counted,
    /// Answered with all metrics.
    Metrics(Reply),
    /// Answered when all before it is in the files.
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
    let recorder = Recorder {
        queue,
        level: AtomicU8::new(level as u8),
        dropped: AtomicU64::new(0),
        has_counted: AtomicBool::new(false),
    };
    if RECORDER.set(recorder).is_err() {
        return Err(Fault::internal("Recording was started twice."));
    }
    let folder = folder.to_owned();
    std::thread::Builder::new()
        .name("records".into())
        .spawn(move || write_all(file, open_metrics(&folder), &waiting))
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
    if let Some(recorder) = RECORDER.get() {
        recorder.put(Message::Stall(time, cause.to_owned()));
    }
    let ms = Field::Number(time.as_secs_f64() * 1e3);
    event(Level::Warn, "ui.stall", &[("ms", ms), ("cause", Field::text(cause))]);
}

/// Counts a time. It waits for nobody, on any thread.
pub fn time(measure: Measure, time: Duration) {
    metrics::count(measure, metrics::micros(time));
    let Some(recorder) = RECORDER.get() else { return };
    if !recorder.has_counted.swap(true, Ordering::AcqRel)
        && recorder.queue.try_send(Message::Counted).is_err()
    {
        // The next one tells it.
        recorder.has_counted.store(false, Ordering::Release);
    }
}

/// Answers with everything that was ever counted here, from the thread that keeps it.
pub fn answer_metrics(reply: Reply) {
    let sent = match RECORDER.get() {
        Some(recorder) => recorder.queue.try_send(Message::Metrics(reply)).map_err(|error| {
            let (TrySendError::Full(message) | TrySendError::Disconnected(message)) = error;
            message
        }),
        None => Err(Message::Metrics(reply)),
    };
    if let Err(Message::Metrics(reply)) = sent {
        reply(Err(Fault::state("Nothing is recorded now; `hearth doctor` says what is wrong.")));
    }
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
    recorder.put(Message::Event(event));
}

impl Recorder {
    fn put(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Goes on from the metrics that are kept, and says when they cannot be read.
fn open_metrics(folder: &Path) -> Keeper {
    let (keeper, trouble) = Keeper::open(folder);
    if let Some(reason) = trouble {
        let sentence = format!("The file of metrics {reason}; it was put aside.");
        event(Level::Warn, "metrics.set_aside", &[("reason", Field::text(&sentence))]);
    }
    keeper
}

fn write_all(mut file: LogFile, mut keeper: Keeper, waiting: &Receiver<Message>) {
    loop {
        let message = match keeper.due() {
            None => waiting.recv().map_err(RecvTimeoutError::from),
            Some(due) => waiting.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match message {
            Ok(message) => take(message, &mut file, &mut keeper),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if keeper.due().is_some_and(|due| due <= Instant::now()) {
            keep(&mut keeper);
        }
        let dropped = RECORDER.get().map_or(0, |own| own.dropped.swap(0, Ordering::Relaxed));
        if dropped > 0 {
            let fields = vec![("events", Field::Count(dropped))];
            let (time, name) = (SystemTime::now(), "records.drop");
            file.append(&Event { time, level: Level::Warn, name, trace: None, fields }.line());
        }
    }
}

fn take(message: Message, file: &mut LogFile, keeper: &mut Keeper) {
    match message {
        Message::Event(event) => file.append(&event.line()),
        Message::Stall(time, cause) => keeper.stalled(time, &cause),
        Message::Counted => keeper.counted(),
        Message::Metrics(reply) => reply(Ok(keeper.metrics().to_json())),
        Message::Flush(done) => {
            keep(keeper);
            // Whoever asked may have stopped waiting.
            let _unheard = done.send(());
        }
    }
}

/// Writes the metrics. What is counted from here on asks for the next write.
fn keep(keeper: &mut Keeper) {
    if let Some(recorder) = RECORDER.get() {
        recorder.has_counted.store(false, Ordering::Release);
    }
    keeper.write();
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
