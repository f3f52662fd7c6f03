//! What survives a crash: every edit, every unsaved text, where everything was.
//!
//! Each text that was edited has a stream in the sealed log: what it started from, its operations,
//! and when it was saved. One more stream holds the session. The UI thread hands records over and
//! goes on; a frame is shown once the records behind it are written ([`Journal::is_written`]).

mod record;
mod restore;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use kernel::keys::Sealer;
use kernel::log::{
    AppendError, Entry, Health, Kind, Log, LogEvent, LogReader, LogWriter, StreamId, Ticket, Unmade,
};
use text::{Change, Operation, Rope};

use crate::buffer::{Buffer, History, OnDisk};
use crate::program::Program;
use crate::workers::Post;

pub use record::{Base, Opened, PaneState, Session, ViewState, WindowState, base};
pub use restore::{Restored, RestoredText, compact, restore, seal_anew};

/// Names the stream of a text in the log; random, kept over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey(pub u128);

impl StreamKey {
    fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        StreamKey(u128::from_le_bytes(bytes))
    }
}

/// What seals the log's records and nothing else.
pub const PURPOSE: &str = "hearth log";

/// Operations of a history in one record.
const HISTORY_OPERATIONS: usize = 256;

/// A wait for the disk is given up after this long, and the caller is told.
const DURABLE_TIME_MAX: Duration = Duration::from_secs(10);

/// Told when everything up to a call is durable, or in a sentence why it is not.
type Told = Box<dyn FnOnce(Result<(), String>) + Send>;

/// The journal of a process.
pub struct Journal {
    writer: Option<Arc<LogWriter>>,
    flusher: Option<Sender<Told>>,
    last: Option<Ticket>,
    /// A frame waits for the writer.
    is_awaited: Arc<AtomicBool>,
    /// Records that the writer had no room for, oldest first.
    overflow: VecDeque<Waiting>,
    health: Health,
    session: Option<Vec<u8>>,
    /// Why there is no journal.
    missing: Option<String>,
    /// Whether earlier records can be read.
    lock: Lock,
}

/// A record on its way to the writer.
enum Waiting {
    Made(Entry),
    /// The writer makes it, in its place among the others.
    Unmade(Unmade),
}

fn encoded(operations: &[Operation]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(96);
    operations.iter().for_each(|operation| operation.encode(&mut payload));
    payload
}

/// Whether the profile is unlocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// What was written before can be read.
    Open,
    /// It cannot; what is typed is kept all the same.
    Locked,
    /// It is being unlocked.
    Opening,
}

impl Journal {
    /// Starts to write to a log.
    pub fn start(log: Log, lock: Lock, post: Post) -> std::io::Result<Self> {
        let is_awaited = Arc::new(AtomicBool::new(false));
        let awaited = Arc::clone(&is_awaited);
        let writer = LogWriter::start(log, move |event| match event {
            LogEvent::Written(_) => {
                if awaited.swap(false, Ordering::AcqRel) {
                    post(Box::new(|_| {}));
                }
            }
            LogEvent::Synced(_) => {}
            LogEvent::Health(health) => {
                post(Box::new(move |program: &mut Program| program.journal_health(health)));
            }
        })?;
        let writer = Arc::new(writer);
        let (send, receive) = channel::<Told>();
        let flushed = Arc::clone(&writer);
        std::thread::Builder::new().name("durable".to_owned()).spawn(move || {
            while let Ok(first) = receive.recv() {
                let waiting: Vec<Told> = std::iter::once(first).chain(receive.try_iter()).collect();
                let result = flushed.flush(DURABLE_TIME_MAX).map_err(|error| error.to_string());
                waiting.into_iter().for_each(|told| told(result.clone()));
            }
        })?;
        Ok(Journal {
            writer: Some(writer),
            flusher: Some(send),
            last: None,
            is_awaited,
            overflow: VecDeque::new(),
            health: Health::Good,
            session: None,
            missing: None,
            lock,
        })
    }

    /// A journal that keeps nothing, and says why.
    pub fn missing(reason: impl Into<String>) -> Self {
        Journal {
            writer: None,
            flusher: None,
            last: None,
            is_awaited: Arc::default(),
            overflow: VecDeque::new(),
            health: Health::Good,
            session: None,
            missing: Some(reason.into()),
            lock: Lock::Locked,
        }
    }

    /// A journal that keeps nothing and is content with that.
    #[cfg(test)]
    pub fn unkept() -> Self {
        Journal { missing: None, lock: Lock::Open, ..Self::missing("") }
    }

    /// Whether there is a journal at all.
    pub fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// What reads the log.
    pub fn reader(&self) -> Option<LogReader> {
        self.writer.as_ref().map(|writer| writer.reader())
    }

    /// The writer, for compaction on a worker.
    pub fn writer(&self) -> Option<Arc<LogWriter>> {
        self.writer.clone()
    }

    /// Whether what was written before waits for the profile to be unlocked.
    pub fn is_locked(&self) -> bool {
        self.lock == Lock::Locked
    }

    /// Whether what was written before can be read.
    pub fn is_unlocked(&self) -> bool {
        self.lock == Lock::Open
    }

    /// Whether the profile is being unlocked.
    pub fn is_opening(&self) -> bool {
        self.lock == Lock::Opening
    }

    /// Notes that the profile was unlocked, or that it was not.
    pub fn set_lock(&mut self, lock: Lock, sealer: Option<Sealer>) {
        self.lock = lock;
        if let (Some(writer), Some(sealer)) = (&self.writer, sealer) {
            writer.set_sealer(sealer);
        }
    }

    /// Keeps a change; its buffer gets a stream if it has none.
    pub fn record(&mut self, buffer: &mut Buffer, change: &Change) {
        if change.operations.is_empty() {
            return;
        }
        let stream = match buffer.stream {
            Some(stream) => stream,
            None => self.begin(buffer, change.before()),
        };
        let payload = encoded(&change.operations);
        let this = buffer.document.author();
        let is_own = change.operations.iter().all(|operation| operation.id.author == this);
        let kind = if is_own { record::OPERATIONS } else { record::ELSEWHERE };
        self.append(stream, kind, payload);
    }

    /// Keeps a text that came from nowhere that it could be read from again.
    pub fn adopt(&mut self, buffer: &mut Buffer) {
        if buffer.stream.is_none() {
            let base = buffer.rope().clone();
            self.begin(buffer, &base);
        }
    }

    /// Opens the stream of a buffer: what it is now, and the text that it starts from. Whatever of
    /// that is not at hand is made by the writer before it goes on to the first operation, so that
    /// no operation is ever in the log without its base.
    fn begin(&mut self, buffer: &mut Buffer, base: &Rope) -> StreamKey {
        let stream = StreamKey::random();
        buffer.stream = Some(stream);
        let history = buffer.history.take();
        let base = history.as_ref().map_or(base, |history| &history.0);
        let count = record::part_count(base);
        self.append_unmade(stream, record::OPENED, Opened::unmade(buffer, count));
        match buffer.base.take().filter(|_| history.is_none()) {
            Some(parts) => {
                debug_assert_eq!(parts.len(), count, "nothing changed since they were made");
                parts.into_iter().for_each(|part| self.append(stream, record::BASE, part));
            }
            None => (0..count).for_each(|part| {
                self.append_unmade(stream, record::BASE, record::unmade_part(base, part));
            }),
        }
        for operations in history.iter().flat_map(|history| history.1.chunks(HISTORY_OPERATIONS)) {
            self.append(stream, record::ELSEWHERE, encoded(operations));
        }
        stream
    }

    /// From now on a buffer's document comes from this history. The stream that it had is dropped;
    /// what was not saved has one again at once.
    pub fn begin_anew(&mut self, buffer: &mut Buffer, history: Arc<History>) {
        if let Some(stream) = buffer.stream.take() {
            self.forget_stream(stream);
        }
        buffer.base = None;
        buffer.history = Some(history);
        if buffer.is_dirty() {
            let base = buffer.rope().clone();
            self.begin(buffer, &base);
        }
    }

    /// Writes the beginning of a stream as far as its first `parts` records of the base: what a
    /// kill leaves.
    #[cfg(test)]
    pub fn begin_and_end(&mut self, buffer: &Buffer, parts: usize) -> StreamKey {
        let stream = StreamKey::random();
        let count = record::part_count(buffer.rope());
        self.append_unmade(stream, record::OPENED, Opened::unmade(buffer, count));
        for part in base(buffer.rope()).into_iter().take(parts) {
            self.append(stream, record::BASE, part);
        }
        stream
    }

    /// Notes that a buffer's file holds what the buffer calls saved.
    pub fn saved(&mut self, buffer: &Buffer) {
        let Some(stream) = buffer.stream else { return };
        if let OnDisk::Seen(_) = buffer.on_disk {
            self.append_unmade(stream, record::SAVED, Opened::unmade(buffer, 0));
        }
    }

    /// Notes that a buffer was closed: its stream may be dropped.
    pub fn forget(&mut self, buffer: &Buffer) {
        if let Some(stream) = buffer.stream {
            self.forget_stream(stream);
        }
    }

    /// Notes that a stream may be dropped.
    pub fn forget_stream(&mut self, stream: StreamKey) {
        self.append(stream, record::CLOSED, Vec::new());
    }

    /// Keeps where everything is, unless nothing moved.
    pub fn keep_session(&mut self, session: &Session) {
        let bytes = session.to_bytes();
        if self.session.as_ref() != Some(&bytes) {
            self.append(record::SESSION_STREAM, record::SESSION, bytes.clone());
            self.session = Some(bytes);
        }
    }

    fn append(&mut self, stream: StreamKey, kind: Kind, payload: Vec<u8>) {
        let entry = Entry { stream: StreamId(stream.0), kind, payload };
        self.overflow.push_back(Waiting::Made(entry));
        self.drain();
    }

    fn append_unmade(&mut self, stream: StreamKey, kind: Kind, content: record::Unmade) {
        let record::Unmade { bytes_max, make } = content;
        let entry = Unmade { stream: StreamId(stream.0), kind, bytes_max, make };
        self.overflow.push_back(Waiting::Unmade(entry));
        self.drain();
    }

    /// Hands over what waits, in order.
    fn drain(&mut self) {
        let Some(writer) = &self.writer else {
            self.overflow.clear();
            return;
        };
        while let Some(waiting) = self.overflow.pop_front() {
            let appended = match waiting {
                Waiting::Made(entry) => {
                    writer.append(entry).map_err(|error| error.map(Waiting::Made))
                }
                Waiting::Unmade(entry) => {
                    writer.append_unmade(entry).map_err(|error| error.map(Waiting::Unmade))
                }
            };
            match appended {
                Ok(ticket) => self.last = Some(ticket),
                Err(AppendError::Backlog(waiting)) => {
                    self.overflow.push_front(waiting);
                    return;
                }
                Err(AppendError::Refused(error)) => {
                    self.missing = Some(error.to_string());
                }
                Err(AppendError::Closed) => {
                    self.missing = Some("the log's writer has ended; start Hearth again".into());
                    self.writer = None;
                    return;
                }
            }
        }
    }

    /// Whether everything that was recorded survives the end of the process. If not, the shell is
    /// woken when it does. A disk that takes nothing does not hold up what is seen: that is said.
    pub fn is_written(&mut self) -> bool {
        // What the writer had no room for may fit by now.
        self.drain();
        if self.is_all_written() || self.health != Health::Good {
            return true;
        }
        self.is_awaited.store(true, Ordering::Release);
        // It may have been written just before the flag was set.
        self.is_all_written()
    }

    fn is_all_written(&self) -> bool {
        let (Some(writer), Some(last)) = (&self.writer, self.last) else { return true };
        self.overflow.is_empty() && writer.written(last)
    }

    /// Tells when everything that was recorded so far survives a power cut.
    pub fn when_durable(&mut self, told: Told) {
        self.drain();
        if let Some(reason) = &self.missing {
            return told(Err(format!("edits are not kept: {}", reason.trim_end_matches('.'))));
        }
        let is_durable = match (&self.writer, self.last) {
            (Some(writer), Some(last)) => writer.synced(last),
            _ => true,
        };
        match &self.flusher {
            Some(flusher) if !is_durable => {
                if let Err(back) = flusher.send(told) {
                    (back.0)(Err("the journal has ended; start Hearth again".to_owned()));
                }
            }
            _ => told(Ok(())),
        }
    }

    /// Takes a change of the log's health.
    pub fn set_health(&mut self, health: Health) {
        self.health = health;
        self.drain();
    }

    /// What the status line says of the journal when it is not as it should be.
    pub fn trouble(&self) -> Option<String> {
        if let Some(reason) = &self.missing {
            return Some(format!("edits are not kept: {reason}"));
        }
        match (self.health, self.lock) {
            (Health::Good, Lock::Locked) => Some("profile locked".to_owned()),
            (Health::Good, Lock::Open | Lock::Opening) => None,
            (Health::OnReserve, _) => Some("disk full: edits are kept in reserve".to_owned()),
            (Health::Full, _) => Some("disk full: the newest edits are in memory only".to_owned()),
            (Health::SyncFailed, _) => Some("the disk failed: edits are written anew".to_owned()),
            (Health::Failing, _) => {
                Some("the disk takes nothing: the newest edits are in memory only".to_owned())
            }
        }
    }

    /// Writes what waits and ends.
    pub fn close(&mut self, timeout: Duration) {
        self.drain();
        self.flusher = None;
        if let Some(writer) = self.writer.take() {
            // What does not reach the disk in this time is still written when the thread ends.
            let _ = writer.flush(timeout);
        }
    }
}
