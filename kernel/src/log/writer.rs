//! The thread that writes, and the one beside it that waits for syncs.
//!
//! Appending puts a value into a queue: no lock that a worker holds, no disk. The writer seals and
//! writes whatever has gathered in one `write(2)`; a sync begins soon after the first byte that
//! needs one, on the other thread, so that a slow disk delays no write.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::compact::{self, Compacted};
use super::{Entry, Health, Log, LogError, LogOptions, LogReader, RecordHeader, Sequence, SyncJob};
use crate::keys::{Opener, Sealer};

/// A sync begins at most this long after the write that needs it. With the sync's own time this
/// stays under the 100 ms that a power cut may cost on a disk that answers within 60 ms.
const SYNC_DELAY: Duration = Duration::from_millis(40);

/// More than this is synced at once: it is what a failed sync has to write again.
const UNSYNCED_BYTES_MAX: usize = 1024 * 1024;

/// What one write gathers at most.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// What may wait for the writer, in bytes of payload; a full disk can make it wait.
const QUEUE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The same in records.
const QUEUE_RECORDS_MAX: usize = 1 << 20;

/// How often a full or failing disk is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// A place in the order of what was appended through one [`LogWriter`]; later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl Ticket {
    /// The place that the record has, or will have, in the log.
    #[must_use]
    pub fn sequence(self) -> Sequence {
        Sequence(self.0)
    }
}

/// What the writer tells, from its own thread: the receiver must only pass it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// Everything up to this ticket survives the end of the process.
    Written(Ticket),
    /// Everything up to this ticket survives a power cut.
    Synced(Ticket),
    /// The log's health is another now. Told once for each change.
    Health(Health),
}

/// An entry that was not taken.
#[derive(Debug)]
pub enum AppendError {
    /// Too much waits already, as when the disk is full for long; here is the entry again.
    Backlog(Entry),
    /// It can never be taken, for this reason.
    Refused(LogError),
    /// The writer has ended.
    Closed,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backlog(_) => {
                f.write_str("too much waits for the disk already: free some space, or check it")
            }
            Self::Refused(error) => error.fmt(f),
            Self::Closed => LogError::Closed.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {}

enum Message {
    Entry(Entry),
    Sealer(Sealer),
    /// Sync now.
    Hurry,
    /// Close the segment and tell which is the first that is not closed.
    Close(SyncSender<Result<Closed, LogError>>),
    /// A sync has its answer.
    Answered,
    End,
}

/// What compaction has to know of the writer.
struct Closed {
    first_open: u64,
    sealer: Sealer,
    options: LogOptions,
}

/// What callers and the writer share without waiting for each other.
struct Shared {
    written: AtomicU64,
    synced: AtomicU64,
    health: AtomicU8,
    queued_bytes: AtomicUsize,
    queued_records: AtomicUsize,
    /// For those who wait: [`LogWriter::flush`] and the like, never the UI thread.
    progress: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Ended,
}

/// A [`Log`] on a thread of its own. Dropping it writes and syncs what waits, as far as the disk
/// lets it.
pub struct LogWriter {
    shared: Arc<Shared>,
    /// Taken by appenders alone, so that tickets and the queue have one order.
    queue: Mutex<Queue>,
    reader: LogReader,
    thread: Option<JoinHandle<()>>,
}

struct Queue {
    sender: Sender<Message>,
    next: u64,
}

impl LogWriter {
    /// Starts the threads. `tell` runs on them and must not block.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        log: Log,
        tell: impl Fn(LogEvent) + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (sender, receiver) = mpsc::channel();
        let (jobs, job_receiver) = mpsc::sync_channel::<SyncJob>(1);
        let answered = sender.clone();
        thread::Builder::new().name("log sync".into()).spawn(move || {
            for job in job_receiver {
                job.run();
                if answered.send(Message::Answered).is_err() {
                    break;
                }
            }
        })?;
        let shared = Arc::new(Shared {
            written: AtomicU64::new(log.written().0),
            synced: AtomicU64::new(log.synced().0),
            health: AtomicU8::new(0),
            queued_bytes: AtomicUsize::new(0),
            queued_records: AtomicUsize::new(0),
            progress: Mutex::new(State::Running),
            changed: Condvar::new(),
        });
        let queue = Mutex::new(Queue { sender, next: log.next().0 });
        let reader = log.reader();
        let writer = Writer {
            log,
            shared: shared.clone(),
            receiver,
            jobs,
            tell: Box::new(tell),
            sync_due: None,
            taken: (0, 0),
            retry_due: None,
        };
        let thread =
            thread::Builder::new().name("log writer".into()).spawn(move || writer.run())?;
        Ok(Self { shared, queue, reader, thread: Some(thread) })
    }

    /// Takes a record and answers at once, having touched neither the disk nor a worker's lock.
    /// What one thread appends is kept in that order.
    ///
    /// # Errors
    /// When the entry was not taken.
    pub fn append(&self, entry: Entry) -> Result<Ticket, AppendError> {
        Log::check(&entry).map_err(AppendError::Refused)?;
        let bytes = entry.payload.len();
        let shared = &*self.shared;
        let is_full = shared.queued_bytes.load(Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX
            || shared.queued_records.load(Ordering::Relaxed) >= QUEUE_RECORDS_MAX;
        if is_full {
            return Err(AppendError::Backlog(entry));
        }
        shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        shared.queued_records.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.sender.send(Message::Entry(entry)).map_err(|_| AppendError::Closed)?;
        let ticket = Ticket(queue.next);
        queue.next += 1;
        Ok(ticket)
    }

    /// Whether everything up to `ticket` survives the end of the process.
    #[must_use]
    pub fn written(&self, ticket: Ticket) -> bool {
        self.shared.written.load(Ordering::Acquire) >= ticket.0
    }

    /// Whether everything up to `ticket` survives a power cut.
    #[must_use]
    pub fn synced(&self, ticket: Ticket) -> bool {
        self.shared.synced.load(Ordering::Acquire) >= ticket.0
    }

    /// How well the log can keep its promises now.
    #[must_use]
    pub fn health(&self) -> Health {
        health_from(self.shared.health.load(Ordering::Acquire))
    }

    /// Waits until what was appended so far survives the end of the process. Not for the UI thread.
    ///
    /// # Errors
    /// [`LogError::Late`] or [`LogError::Closed`].
    pub fn wait_written(&self, timeout: Duration) -> Result<(), LogError> {
        let last = self.queue.lock().unwrap_or_else(PoisonError::into_inner).next - 1;
        self.wait(timeout, || self.shared.written.load(Ordering::Acquire) >= last)
    }

    /// Syncs at once and waits until what was appended so far survives a power cut. Not for the UI
    /// thread.
    ///
    /// # Errors
    /// [`LogError::Late`] when it does not within `timeout`, as on a full disk; or
    /// [`LogError::Closed`].
    pub fn flush(&self, timeout: Duration) -> Result<(), LogError> {
        let last = {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.sender.send(Message::Hurry).map_err(|_| LogError::Closed)?;
            queue.next - 1
        };
        self.wait(timeout, || self.shared.synced.load(Ordering::Acquire) >= last)
    }

    fn wait(&self, timeout: Duration, is_done: impl Fn() -> bool) -> Result<(), LogError> {
        let guard = self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| *state == State::Running && !is_done();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(guard, timeout, waits)
            .unwrap_or_else(PoisonError::into_inner);
        match (is_done(), *state) {
            (true, _) => Ok(()),
            (false, State::Running) => Err(LogError::Late),
            (false, State::Ended) => Err(LogError::Closed),
        }
    }

    /// Seals what is appended from now on with another sealer, as after unlocking.
    pub fn set_sealer(&self, sealer: Sealer) {
        // A writer that has ended seals nothing more.
        drop(self.send(Message::Sealer(sealer)));
    }

    /// Replays what is written; flush before, to see what was just appended.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// As [`Log::compact`], on the caller's thread, while others append. Not for the UI thread.
    ///
    /// # Errors
    /// As [`Log::compact`], or [`LogError::Closed`].
    pub fn compact(
        &self,
        opener: &Opener,
        keep: impl Fn(&RecordHeader) -> bool,
    ) -> Result<Compacted, LogError> {
        let (answer, closed) = mpsc::sync_channel(1);
        self.send(Message::Close(answer))?;
        let closed = closed.recv().map_err(|_| LogError::Closed)??;
        let Closed { first_open, sealer, options } = closed;
        compact::compact(&self.reader, first_open, opener, &sealer, options, &keep)
    }

    fn send(&self, message: Message) -> Result<(), LogError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.sender.send(message).map_err(|_| LogError::Closed)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        // A thread that has ended needs no telling, and its panic was told where it happened.
        drop(self.send(Message::End));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogWriter({:?}, {:?})", self.reader, self.health())
    }
}

/// The order of [`health_from`].
const HEALTHS: [Health; 5] =
    [Health::Good, Health::OnReserve, Health::Full, Health::SyncFailed, Health::Failing];

fn health_from(number: u8) -> Health {
    HEALTHS[usize::from(number)]
}

/// What the thread owns.
struct Writer {
    log: Log,
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    jobs: SyncSender<SyncJob>,
    tell: Box<dyn Fn(LogEvent) + Send>,
    /// When the oldest byte that needs a sync gets one.
    sync_due: Option<Instant>,
    /// Bytes and records taken from the queue and not written yet.
    taken: (usize, usize),
    /// When a full or failing disk is tried again.
    retry_due: Option<Instant>,
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Continue,
    End,
}

impl Writer {
    fn run(mut self) {
        let ended = Ended(self.shared.clone());
        self.keep_reserve();
        while self.turn() == Then::Continue {}
        // The last words: whatever cannot be made durable now was told as not synced.
        drop(self.log.retry());
        drop(self.log.sync());
        self.publish();
        drop(ended);
    }

    /// One wait and what it brought.
    fn turn(&mut self) -> Then {
        // While a sync runs its answer is what the next one waits for.
        let sync_due = self.sync_due.filter(|_| !self.log.is_syncing());
        let due = [sync_due, self.retry_due].into_iter().flatten().min();
        let first = match due {
            None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => self.receiver.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        let mut then = Then::Continue;
        let mut next = match first {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Then::End,
        };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(message) = next {
            match message {
                Message::Entry(entry) => {
                    bytes += entry.payload.len();
                    batch.push(entry);
                }
                // The order of entries and of what is said between them is kept.
                other => {
                    self.write(std::mem::take(&mut batch));
                    if self.obey(other) == Then::End {
                        then = Then::End;
                    }
                }
            }
            if bytes >= BATCH_BYTES_MAX {
                break;
            }
            next = self.receiver.try_recv().ok();
        }
        self.write(batch);
        self.sync_if_due();
        self.retry_if_due();
        self.publish();
        then
    }

    fn obey(&mut self, message: Message) -> Then {
        match message {
            Message::Entry(_) => unreachable!("entries are gathered by the caller"),
            Message::Sealer(sealer) => self.log.set_sealer(sealer),
            Message::Hurry => self.sync_due = Some(Instant::now()),
            Message::Answered => self.take_answer(),
            Message::Close(answer) => {
                let closed = self.log.close_segment().map(|()| Closed {
                    first_open: self.log.first_open_segment(),
                    sealer: self.log.sealer(),
                    options: self.log.limits(),
                });
                // Nobody waits any more if this fails.
                drop(answer.send(closed));
            }
            Message::End => return Then::End,
        }
        Then::Continue
    }

    fn write(&mut self, batch: Vec<Entry>) {
        if batch.is_empty() {
            return;
        }
        self.taken.0 += batch.iter().map(|entry| entry.payload.len()).sum::<usize>();
        self.taken.1 += batch.len();
        if self.log.write(batch).is_err() && self.retry_due.is_none() {
            // What could not be written waits in the log, and its health says so.
            self.retry_due = Some(Instant::now() + RETRY);
        }
        self.sync_due.get_or_insert_with(|| Instant::now() + SYNC_DELAY);
        self.publish();
    }

    fn sync_if_due(&mut self) {
        if self.log.is_syncing() {
            return;
        }
        let now = Instant::now();
        let is_due = self.sync_due.is_some_and(|due| due <= now)
            || self.log.unsynced_bytes() > UNSYNCED_BYTES_MAX;
        if !is_due {
            return;
        }
        self.sync_due = None;
        if let Some(job) = self.log.begin_sync() {
            // A thread that is gone drops the job, which counts as a failed sync.
            drop(self.jobs.send(job));
        } else if self.log.synced() < self.log.written() {
            self.sync_due = Some(now + RETRY);
        }
    }

    fn take_answer(&mut self) {
        if self.log.finish_sync().is_err() {
            // It is written to a fresh segment, and needs a sync there.
            self.sync_due = Some(Instant::now() + SYNC_DELAY);
        }
    }

    fn retry_if_due(&mut self) {
        let now = Instant::now();
        if self.retry_due.is_some_and(|due| due <= now) {
            let written = self.log.retry();
            let left = self.log.leave_reserve();
            self.retry_due = (written.is_err() || left.is_err()).then(|| now + RETRY);
            self.sync_due.get_or_insert(now + SYNC_DELAY);
        } else if self.retry_due.is_none() && self.log.health() != Health::Good {
            self.retry_due = Some(now + RETRY);
        }
    }

    /// Without a reserve the log works on; `health` says when it is missed.
    fn keep_reserve(&mut self) {
        drop(self.log.ensure_reserve());
    }

    /// Tells what is true now, if it was not told before.
    fn publish(&mut self) {
        let shared = &*self.shared;
        let (written, synced) = (self.log.written().0, self.log.synced().0);
        let health = self.log.health();
        let is_written = shared.written.swap(written, Ordering::AcqRel) < written;
        let is_synced = shared.synced.swap(synced, Ordering::AcqRel) < synced;
        let number = HEALTHS.iter().position(|&one| one == health).expect("all are listed") as u8;
        let is_other = shared.health.swap(number, Ordering::AcqRel) != number;
        if self.log.is_caught_up() {
            let (bytes, records) = std::mem::take(&mut self.taken);
            shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            shared.queued_records.fetch_sub(records, Ordering::Relaxed);
        }
        if is_written || is_synced || is_other {
            // Taking the lock makes sure that nobody is between looking and waiting.
            drop(shared.progress.lock().unwrap_or_else(PoisonError::into_inner));
            shared.changed.notify_all();
        }
        if is_written {
            (self.tell)(LogEvent::Written(Ticket(written)));
        }
        if is_synced {
            (self.tell)(LogEvent::Synced(Ticket(synced)));
        }
        if is_other {
            (self.tell)(LogEvent::Health(health));
        }
    }
}

/// Wakes whoever waits when the thread ends, by a panic too.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner) = State::Ended;
        self.0.changed.notify_all();
    }
}
