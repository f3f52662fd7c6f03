//! The thread that commits.
//!
//! It takes whatever has gathered, decides each transaction in its turn, hands the accepted ones to
//! the log as one group, and waits until they are durable there. Only then readers see them and
//! their owners are told. The index follows without syncs of its own, but for one now and then, so
//! that a next process has little to follow.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::index::{Batch, Changing, Index, Standing};
use super::record::{self, PictureId, ROW_STREAM, Versions};
use super::recovery::{self, Place, Recovered};
use super::snapshot::{Doubt, Snapshot, View};
use super::transaction::Transaction;
use super::{Found, Opened, RowError, Version};
use crate::log::{AppendError, Entry, Health, Kind, LogError, Sequence, Ticket};

/// What one group holds at most.
const GROUP_MAX: usize = 1024;
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The index is settled after so much, or when nothing comes for a while: it is what a next process
/// has to follow if this one is killed.
const SETTLE_BYTES: u64 = 8 * 1024 * 1024;
const SETTLE_COMMITS: u64 = 20_000;
const SETTLE_IDLE: Duration = Duration::from_secs(2);

/// Without the log's sync within this, it is settled another time.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// A picture is given up without the log's sync within this: it is only to make the log shorter.
const PICTURE_WAIT: Duration = Duration::from_secs(5);

/// Others write to the log as well, and what they write lies between the index and its end.
const MARK_RECORDS: u64 = 4096;
const MARK_IDLE: Duration = Duration::from_secs(60);

/// The writer asks this often whether it is to end while the disk does not answer.
const SYNC_ASK: Duration = Duration::from_millis(100);

/// After its end was asked for, it waits for the disk no longer than this.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Told what became of a transaction.
pub(super) type Told = Box<dyn FnOnce(Result<Version, RowError>) + Send>;

/// A transaction and who waits for it, who is told in any case.
pub(super) struct Waiting {
    pub(super) transaction: Transaction,
    told: Option<Told>,
}

impl Waiting {
    pub(super) fn new(transaction: Transaction, told: Told) -> Self {
        Self { transaction, told: Some(told) }
    }

    pub(super) fn tell(mut self, result: Result<Version, RowError>) {
        if let Some(told) = self.told.take() {
            told(result);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(told) = self.told.take() {
            told(Err(RowError::Closed));
        }
    }
}

pub(super) enum Message {
    Commit(Waiting),
    /// Begin a picture of all rows.
    Begin(SyncSender<Result<Picture, RowError>>),
    /// A picture is whole: its id, its rows and its bytes.
    End(PictureId, u64, u64, SyncSender<Result<(), RowError>>),
    /// Damage was met by a reader of this index, the first being 0.
    Distrust(u64),
    Rebuild(SyncSender<Result<Opened, RowError>>),
    Settle(SyncSender<Result<(), RowError>>),
    Close,
}

/// A picture that was begun.
pub(super) struct Picture {
    pub(super) id: PictureId,
    pub(super) begun: Sequence,
    pub(super) snapshot: Snapshot,
}

/// What callers and the writer share.
pub(super) struct Shared {
    pub(super) view: RwLock<Arc<View>>,
    /// Transactions and bytes that wait.
    pub(super) waiting: AtomicUsize,
    pub(super) waiting_bytes: AtomicUsize,
    pub(super) is_ending: AtomicBool,
    pub(super) is_worth_condensing: AtomicBool,
    pub(super) opened: Mutex<Opened>,
}

/// What the thread owns.
pub(super) struct Writer {
    place: Place,
    /// `None` when it is damaged and could not be made anew yet.
    index: Option<Arc<Index>>,
    standing: Standing,
    /// As it was settled last.
    settled: Standing,
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    /// For readers, who tell of damage.
    sender: Sender<Message>,
    /// Counts indexes that were made anew.
    generation: u64,
    /// The size of the last group and how long the log took for it.
    last_group: usize,
    last_sync: Duration,
}

/// A group as it was decided: each transaction's answer, and what goes to the log, if anything.
type Decided = (Vec<Result<Version, RowError>>, Option<Zeroizing<Vec<u8>>>);

impl Writer {
    pub(super) fn new(
        place: Place,
        (index, standing): (Arc<Index>, Standing),
        replayed: u64,
        shared: Arc<Shared>,
        (sender, receiver): (Sender<Message>, Receiver<Message>),
    ) -> Self {
        Self {
            place,
            index: Some(index),
            standing,
            settled: if replayed == 0 { standing } else { Standing::default() },
            shared,
            receiver,
            sender,
            generation: 0,
            last_group: 1,
            last_sync: Duration::ZERO,
        }
    }

    pub(super) fn run(mut self) {
        // A next process that finds the anchor far behind has to read all that lies between.
        drop(self.mark_if_far());
        loop {
            let idle = if self.standing == self.settled { MARK_IDLE } else { SETTLE_IDLE };
            match self.receiver.recv_timeout(idle) {
                Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(Message::Commit(first)) => self.gather(first),
                Ok(other) => self.obey(other),
                Err(RecvTimeoutError::Timeout) => self.rest(),
            }
        }
        self.rest();
    }

    /// What there is time for when nothing comes. What fails is tried again the next time.
    fn rest(&mut self) {
        drop(self.mark_if_far());
        if self.standing != self.settled {
            drop(self.settle());
        }
    }

    fn obey(&mut self, message: Message) {
        // Whoever asked and went away needs no answer.
        match message {
            Message::Commit(_) | Message::Close => unreachable!("the loop takes these itself"),
            Message::Begin(answer) => drop(answer.send(self.begin_picture())),
            Message::End(id, rows, bytes, answer) => {
                drop(answer.send(self.end_picture(id, rows, bytes)));
            }
            Message::Distrust(generation) => {
                // Many may tell of the same damage, and some late.
                if generation == self.generation && self.index.is_some() {
                    drop(self.rebuild("a reader met damage".into()));
                }
            }
            Message::Rebuild(answer) => drop(answer.send(self.rebuild("it was asked for".into()))),
            Message::Settle(answer) => drop(answer.send(self.settle())),
        }
    }

    /// Takes what waits behind `first`, and what those who were just answered are about to send: a
    /// group that sets out too early makes the others wait for a whole sync.
    fn gather(&mut self, first: Waiting) {
        let mut bytes = first.transaction.bytes();
        let mut group = vec![first];
        let deadline = Instant::now() + (self.last_sync / 8).min(Duration::from_micros(500));
        let mut other = None;
        while group.len() < GROUP_MAX && bytes < GROUP_BYTES_MAX {
            let next = match self.receiver.try_recv() {
                Ok(next) => next,
                Err(_) if group.len() >= self.last_group => break,
                Err(_) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let Ok(next) = self.receiver.recv_timeout(left) else { break };
                    next
                }
            };
            match next {
                Message::Commit(waiting) => {
                    bytes += waiting.transaction.bytes();
                    group.push(waiting);
                }
                message => {
                    other = Some(message);
                    break;
                }
            }
        }
        self.last_group = group.len();
        self.shared.waiting.fetch_sub(group.len(), Ordering::Relaxed);
        self.shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.commit(group);
        let since = self.standing.commit_bytes.saturating_sub(self.settled.commit_bytes);
        let commits = self.standing.version.0 - self.settled.version.0;
        if since > SETTLE_BYTES || commits > SETTLE_COMMITS {
            drop(self.settle());
        }
        match other {
            // The loop is to see it, after what came before.
            Some(Message::Close) => drop(self.sender.send(Message::Close)),
            Some(message) => self.obey(message),
            None => {}
        }
    }

    /// Decides a group and tells each what became of it.
    fn commit(&mut self, mut group: Vec<Waiting>) {
        let mut result = self.try_commit(&mut group);
        if let Err(Failed::Before(RowError::Damaged(why))) = &result {
            // Nothing has gone to the log: with another index it can be tried again.
            let why = why.clone();
            result = match self.rebuild(why) {
                Ok(_) => self.try_commit(&mut group),
                Err(error) => Err(Failed::Before(error)),
            };
        }
        match result {
            Ok(answers) => {
                for (waiting, answer) in group.into_iter().zip(answers) {
                    waiting.tell(answer);
                }
            }
            Err(Failed::Before(error) | Failed::Behind(error)) => {
                for waiting in group {
                    waiting.tell(Err(error.clone()));
                }
            }
        }
    }

    fn try_commit(
        &mut self,
        group: &mut [Waiting],
    ) -> Result<Vec<Result<Version, RowError>>, Failed> {
        if self.index.is_none() {
            self.rebuild("it could not be used before".into()).map_err(Failed::Before)?;
        }
        let index = self.index.clone().expect("it was just made");
        let batch = index.begin().map_err(Failed::Before)?;
        let decided = batch.change(|rows| self.decide(group, rows));
        let (answers, payload) = decided.map_err(Failed::Before)?;
        let Some(payload) = payload else { return Ok(answers) };
        let version = answers.iter().flatten().max().copied().unwrap_or(self.standing.version);
        self.log(&batch, version, &payload).map_err(|error| {
            // What is in the log and what is not is known to the log alone now.
            self.index = None;
            Failed::Behind(error)
        })?;
        // The promise is kept in the log from here on.
        if let Err(error) = batch.commit().and_then(|()| self.show(&index)) {
            drop(index);
            self.rebuild(error.to_string()).map_err(Failed::Behind)?;
        }
        Ok(answers)
    }

    /// Applies what can be accepted, in order.
    fn decide(&self, group: &mut [Waiting], rows: &mut Changing<'_>) -> Result<Decided, RowError> {
        let (mut answers, mut accepted) = (Vec::new(), Vec::new());
        let mut version = self.standing.version;
        for waiting in group {
            let transaction = &mut waiting.transaction;
            if let Some(fault) = transaction.take_fault() {
                answers.push(Err(fault));
                continue;
            }
            let mut holds = true;
            for condition in &transaction.conditions {
                holds = holds && rows.holds(&self.place.seals, condition, version)?;
            }
            if !holds {
                answers.push(Err(RowError::Conflict));
                continue;
            }
            if !transaction.is_empty() {
                version = version.next();
                rows.apply(&self.place.seals, &transaction.changes)?;
                accepted.push(&*transaction.changes);
            }
            answers.push(Ok(version));
        }
        let versions = Versions { first: self.standing.version.next(), last: version };
        let changes = accepted.iter().copied().flatten();
        let payload = (!accepted.is_empty()).then(|| record::commit(versions, changes));
        Ok((answers, payload))
    }

    /// Puts the commits up to `version` into the log and waits until they are durable. The batch is
    /// only held.
    fn log(&mut self, _batch: &Batch, version: Version, payload: &[u8]) -> Result<(), RowError> {
        let mut standing = self.standing;
        let ticket = self.append(record::COMMIT, payload.to_vec())?;
        standing.reach(ticket.sequence(), payload);
        standing.version = version;
        standing.commit_bytes += payload.len() as u64;
        let begun = Instant::now();
        self.sync(ticket)?;
        self.last_sync = begun.elapsed();
        self.standing = standing;
        Ok(())
    }

    fn append(&self, kind: Kind, payload: Vec<u8>) -> Result<Ticket, RowError> {
        let mut entry = Entry { stream: ROW_STREAM, kind, payload };
        loop {
            match self.place.log.append(entry) {
                Ok(ticket) => return Ok(ticket),
                Err(AppendError::Backlog(again)) if !self.is_ending() => {
                    entry = again;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(AppendError::Backlog(_)) => return Err(LogError::Late.into()),
                Err(AppendError::Refused(error)) => return Err(error.into()),
                Err(AppendError::Closed) => return Err(LogError::Closed.into()),
            }
        }
    }

    /// Waits for the disk, however long, unless it is to end.
    fn sync(&self, ticket: Ticket) -> Result<(), RowError> {
        let mut since_end: Option<Instant> = None;
        loop {
            match self.place.log.flush_to(ticket, SYNC_ASK) {
                Err(LogError::Late) if !self.is_ending() => {}
                // What the log holds in memory it offers to the disk itself when it ends.
                Err(LogError::Late) if self.place.log.health() != Health::Good => {
                    return Err(LogError::Late.into());
                }
                Err(LogError::Late) => {
                    if since_end.get_or_insert_with(Instant::now).elapsed() >= LAST_WAIT {
                        return Err(LogError::Late.into());
                    }
                }
                other => return Ok(other?),
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.shared.is_ending.load(Ordering::Acquire)
    }

    fn doubt(&self) -> Doubt {
        Doubt { writer: self.sender.clone(), generation: self.generation }
    }

    /// Lets readers see what was committed.
    fn show(&self, index: &Arc<Index>) -> Result<(), RowError> {
        let opener = self.place.seals.opener.clone();
        let view = View::new(index, opener, self.standing.version, self.doubt())?;
        let is_worth = self.standing.is_worth_condensing();
        self.shared.is_worth_condensing.store(is_worth, Ordering::Relaxed);
        let fresh = Arc::new(view);
        let old = {
            let mut shown = self.shared.view.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *shown, fresh)
        };
        // It may be the last holder of an index that closes its file: not under the lock.
        drop(old);
        Ok(())
    }

    /// Makes the index durable, with how far it is.
    fn settle(&mut self) -> Result<(), RowError> {
        let Some(index) = self.index.clone() else { return Ok(()) };
        // A power cut must not leave the index with more than the log has.
        self.place.log.flush(SETTLE_WAIT)?;
        if let Err(error) = index.settle(&self.place.seals, &self.standing) {
            drop(index);
            self.rebuild(error.to_string())?;
        }
        self.settled = self.standing;
        Ok(())
    }

    /// Sets the anchor near the log's end, if others have moved that far away.
    fn mark_if_far(&mut self) -> Result<(), RowError> {
        if self.place.log.last().0 < self.standing.anchor.0.saturating_add(MARK_RECORDS)
            && self.standing.anchor <= self.place.log.last()
        {
            return Ok(());
        }
        let payload = record::mark()?;
        let ticket = self.append(record::MARK, payload.clone())?;
        self.sync(ticket)?;
        self.standing.reach(ticket.sequence(), &payload);
        Ok(())
    }

    fn rebuild(&mut self, why: String) -> Result<Opened, RowError> {
        self.index = None;
        let result = recovery::rebuild(&self.place, Found::Rebuilt(why));
        let Recovered { index, standing, opened } = result?;
        let index = Arc::new(index);
        self.standing = standing;
        self.settled = standing;
        self.generation += 1;
        self.show(&index)?;
        self.index = Some(index);
        *self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner) = opened.clone();
        Ok(opened)
    }

    fn begin_picture(&mut self) -> Result<Picture, RowError> {
        if self.index.is_none() {
            self.rebuild("it could not be used before".into())?;
        }
        let id = crate::keys::random()?;
        let payload = record::begin(id, self.standing.version);
        let ticket = self.append(record::BEGIN, payload.clone())?;
        self.place.log.flush_to(ticket, PICTURE_WAIT)?;
        self.standing.reach(ticket.sequence(), &payload);
        let view = self.shared.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Picture { id, begun: ticket.sequence(), snapshot: view.snapshot() })
    }

    /// The anchor is behind the picture when this returns, so that what it replaces may go.
    fn end_picture(&mut self, id: PictureId, rows: u64, bytes: u64) -> Result<(), RowError> {
        let payload = record::end(id, rows);
        let ticket = self.append(record::END, payload.clone())?;
        self.place.log.flush_to(ticket, PICTURE_WAIT)?;
        self.standing.reach(ticket.sequence(), &payload);
        self.standing.picture_bytes = bytes;
        self.standing.commit_bytes = 0;
        self.settled.commit_bytes = 0;
        self.shared.is_worth_condensing.store(false, Ordering::Relaxed);
        self.settle()
    }
}

/// Where a group failed.
enum Failed {
    /// Nothing of it has gone to the log.
    Before(RowError),
    /// It is in the log, or may be.
    Behind(RowError),
}
