//! The log's state machine: what is accepted, written and synced, and what to do when that fails.
//!
//! Bytes that are written but not yet known durable stay in memory. When a sync fails they are
//! written again, to a fresh segment: a kernel that has failed a sync once has dropped what it
//! could not write, and says so only once. When the disk is full they go to the reserve, whose
//! space was taken beforehand.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};

use super::compact::{self, Compacted};
use super::segment::{self, Segment, SegmentHeader, SegmentName};
use super::{
    Damage, DamageKind, Entry, Health, Kind, LogError, LogOptions, LogReader, PAYLOAD_BYTES_MAX,
    RecordHeader, Sequence, frame,
};
use crate::disk::{self, Disk, DiskFile, DiskLock, Open};
use crate::keys::{Opener, Sealer};

/// The file whose space is kept for a full disk.
const RESERVE: &str = "reserve";

/// A number that a file which cannot be read may have used must not be given out again.
const SEQUENCES_PER_FILE_MAX: u64 = 1 << 21;

/// How often a write looks for another place before it gives up for now.
const ATTEMPTS_MAX: u32 = 3;

/// A log that is open for writing. One thread owns it; [`super::LogWriter`] is that thread.
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: LogOptions,
    sealer: Sealer,
    reader: LogReader,
    /// Damage that was found, and cut, on opening.
    found: Vec<Damage>,
    /// Where records go; none until the first one comes.
    active: Option<Active>,
    next_segment: u64,
    next_sequence: u64,
    /// Accepted, not sealed yet.
    waiting: VecDeque<Entry>,
    /// Sealed, not written yet.
    backlog: Batch,
    /// Written, not known durable.
    unsynced: Batch,
    written: u64,
    synced: u64,
    health: Health,
    /// Segments that hold nothing but copies of what is in `unsynced`.
    stale: Vec<SegmentName>,
    _lock: DiskLock,
}

/// Frames, and the sequence of the last.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where the frames end that a sync of this sequence covers, oldest first.
    marks: VecDeque<(u64, usize)>,
}

impl Batch {
    fn take_from(&mut self, other: &mut Self) {
        let shift = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.marks.extend(other.marks.drain(..).map(|(last, end)| (last, end + shift)));
    }

    fn mark(&mut self, last: u64) {
        self.marks.push_back((last, self.bytes.len()));
    }

    /// Forgets what is durable up to `sequence`.
    fn forget(&mut self, sequence: u64) {
        let mut cut = 0;
        while self.marks.front().is_some_and(|(last, _)| *last <= sequence) {
            cut = self.marks.pop_front().expect("it was just looked at").1;
        }
        self.bytes.drain(..cut);
        for (_, end) in &mut self.marks {
            *end -= cut;
        }
    }
}

/// The segment that is being written.
struct Active {
    name: SegmentName,
    file: Arc<dyn DiskFile>,
    /// The next frame's offset.
    end: u64,
    /// The sync that another thread is running.
    in_flight: Option<Arc<SyncResult>>,
    state: Trust,
    /// Whether its name is known to be durable.
    naming: Naming,
    /// Whether nothing durable is in it but copies.
    is_stale: bool,
    /// As its header has them.
    base: u64,
    begun_after: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Sound,
    /// A sync failed: its later syncs may not be believed.
    Lost,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Pending,
    Durable,
}

/// Where the answer of a sync is put.
struct SyncResult {
    upto: u64,
    answer: Mutex<Option<io::Result<()>>>,
    ready: Condvar,
}

/// A sync to be run on any thread; it must be run, or dropped, which counts as a failure.
pub struct SyncJob {
    disk: Arc<dyn Disk>,
    dir: Option<PathBuf>,
    file: Arc<dyn DiskFile>,
    result: Arc<SyncResult>,
}

impl SyncJob {
    /// Waits for the disk; [`Log::finish_sync`] takes the answer.
    pub fn run(self) {
        let mut answer = self.file.sync();
        if let (Ok(()), Some(dir)) = (&answer, &self.dir) {
            answer = self.disk.sync_dir(dir);
        }
        self.result.put(answer);
    }
}

impl Drop for Log {
    /// Says what is durable, so that a next process has nothing to write again: without that each
    /// start would begin a segment, and read back to the last that says so.
    fn drop(&mut self) {
        let is_sound =
            |active: &&Active| active.in_flight.is_none() && active.state == Trust::Sound;
        if let Some(active) = self.active.as_ref().filter(is_sound) {
            let header = self.header(active.base, active.begun_after);
            // If this is lost, the next process writes a little more again.
            drop(active.file.write_all_at(0, &header.encode()));
        }
    }
}

impl Drop for SyncJob {
    fn drop(&mut self) {
        self.result.put(Err(io::Error::other("the sync was never run")));
    }
}

impl SyncResult {
    /// The first answer counts.
    fn put(&self, answer: io::Result<()>) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(answer);
        self.ready.notify_all();
    }

    fn take(&self) -> Option<io::Result<()>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn wait(&self) -> io::Result<()> {
        let guard = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut guard = self
            .ready
            .wait_while(guard, |answer| answer.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        guard.take().expect("it was waited for")
    }
}

impl Log {
    /// Opens the log in `dir` for writing, making it if needed, and cuts a torn tail.
    ///
    /// # Errors
    /// [`LogError::Busy`] when another process has it, [`LogError::Newer`], or what the disk says.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        sealer: Sealer,
        options: LogOptions,
    ) -> Result<Self, LogError> {
        let wrap = |error| LogError::Disk(dir.to_owned(), error);
        disk.create_dir(dir).map_err(wrap)?;
        let lock = disk.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => LogError::Busy(dir.to_owned()),
            _ => LogError::Disk(dir.to_owned(), error),
        })?;
        let listing = segment::list(&*disk, dir)?;
        for name in &listing.superseded {
            // It is ignored for as long as it stays.
            drop(disk.remove(&dir.join(name.to_string())));
        }
        let reader = LogReader {
            disk: disk.clone(),
            dir: dir.to_owned(),
            layout: Arc::new(RwLock::new(())),
            newest: Arc::default(),
        };
        let next_segment = listing.segments.last().map_or(1, |name| name.last + 1);
        let mut log = Self {
            disk,
            dir: dir.to_owned(),
            options,
            sealer,
            reader,
            found: Vec::new(),
            active: None,
            next_segment,
            next_sequence: 1,
            waiting: VecDeque::new(),
            backlog: Batch::default(),
            unsynced: Batch::default(),
            written: 0,
            synced: 0,
            health: Health::Good,
            stale: Vec::new(),
            _lock: lock,
        };
        log.find_end(&listing.segments)?;
        Ok(log)
    }

    /// Learns the highest sequence, cuts the newest segment behind its last whole frame, and takes
    /// what is not known durable to be written again: the process before may have ended between a
    /// failed sync and its repair, and the kernel tells a failure once only.
    fn find_end(&mut self, segments: &[SegmentName]) -> Result<(), LogError> {
        let (mut highest, mut durable, mut unread) = (0, None, 0);
        let mut ceiling = u64::MAX;
        let mut doubtful = BTreeMap::new();
        for (age, &name) in segments.iter().rev().enumerate() {
            let segment = match Segment::load(&*self.disk, &self.dir, name)? {
                Ok(segment) => segment,
                Err(damage) => {
                    self.found.push(damage);
                    unread += SEQUENCES_PER_FILE_MAX;
                    continue;
                }
            };
            if age == 0 {
                self.cut_tail(&segment)?;
            }
            if let Some(header) = segment.header {
                highest = highest.max(header.begun_after.0);
                durable = durable.max(Some(header.durable.0));
            }
            let mut is_below = !segment.frames.is_empty() && durable.is_some();
            for (header, range) in segment.frames_up_to(ceiling) {
                highest = highest.max(header.sequence());
                if header.sequence() > durable.unwrap_or(0) {
                    is_below = false;
                    let bytes = || segment.bytes[range.clone()].to_vec();
                    // The newest copy counts, and it was met first.
                    doubtful.entry(header.sequence()).or_insert_with(bytes);
                }
            }
            let begun = segment.header.map(|header| header.begun_after.0);
            if age == 0 && !segment.frames.is_empty() && segment.tail.is_empty() {
                *self.reader.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(segment);
            }
            if is_below {
                break;
            }
            ceiling = ceiling.min(begun.unwrap_or(u64::MAX));
        }
        let durable = durable.unwrap_or(0);
        for (sequence, bytes) in doubtful.split_off(&(durable + 1)) {
            self.unsynced.bytes.extend_from_slice(&bytes);
            self.unsynced.mark(sequence);
        }
        highest += unread;
        self.next_sequence = highest + 1;
        self.written = highest;
        self.synced = if self.unsynced.bytes.is_empty() { highest } else { durable };
        Ok(())
    }

    fn cut_tail(&mut self, segment: &Segment) -> Result<(), LogError> {
        let path = self.dir.join(segment.name.to_string());
        let wrap = |error| LogError::Disk(path.clone(), error);
        let file = self.disk.open(&path, Open::Write).map_err(wrap)?;
        if segment.header.is_none() && segment.frames.is_empty() {
            // It was begun, and the power went before anything of it was durable.
            if !segment.is_blank() {
                let whole = 0..segment.bytes.len();
                let damage = segment.damage(&whole, DamageKind::TornTail);
                segment::quarantine(&*self.disk, &self.dir, &damage, &segment.bytes);
                self.found.push(damage);
            }
            self.disk.remove(&path).map_err(wrap)?;
        } else if !segment.tail.is_empty() {
            let damage = segment.damage(&segment.tail, DamageKind::TornTail);
            let bytes = &segment.bytes[segment.tail.clone()];
            segment::quarantine(&*self.disk, &self.dir, &damage, bytes);
            file.set_len(segment.tail.start as u64).map_err(wrap)?;
            // If the cut is lost, the tail is told again.
            drop(file.sync());
            self.found.push(damage);
        }
        Ok(())
    }

    /// What was found, and cut, when it was opened.
    #[must_use]
    pub fn found(&self) -> &[Damage] {
        &self.found
    }

    /// Replays what is written.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// Everything up to here survives the end of the process.
    #[must_use]
    pub fn written(&self) -> Sequence {
        Sequence(self.written)
    }

    /// Everything up to here survives a power cut.
    #[must_use]
    pub fn synced(&self) -> Sequence {
        Sequence(self.synced)
    }

    /// The sequence that the next accepted record gets.
    #[must_use]
    pub fn next(&self) -> Sequence {
        Sequence(self.next_sequence + self.waiting.len() as u64)
    }

    /// How well it can keep its promises now.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health
    }

    /// Bytes that wait for a sync.
    #[must_use]
    pub fn unsynced_bytes(&self) -> usize {
        self.unsynced.bytes.len()
    }

    /// Seals what comes from now on with another sealer, as after unlocking.
    pub fn set_sealer(&mut self, sealer: Sealer) {
        self.sealer = sealer;
    }

    /// Whether a record of this kind, with so many bytes of payload, can be accepted.
    ///
    /// # Errors
    /// [`LogError::TooLong`] or [`LogError::ReservedKind`].
    pub fn check(kind: Kind, bytes: usize) -> Result<(), LogError> {
        if bytes > PAYLOAD_BYTES_MAX {
            return Err(LogError::TooLong(bytes));
        }
        if kind == Kind::DROPPED { Err(LogError::ReservedKind) } else { Ok(()) }
    }

    /// Accepts all of `entries`, or none, and tries to write them. When writing fails they wait,
    /// in order, for the next call or for [`Log::retry`].
    ///
    /// # Errors
    /// As [`Log::check`], with nothing accepted; else why they are not written yet.
    pub fn write(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        entries.iter().try_for_each(|entry| Self::check(entry.kind, entry.payload.len()))?;
        self.waiting.extend(entries);
        self.retry()
    }

    /// Tries again to write what waits.
    ///
    /// # Errors
    /// Why it is still not written; [`Log::health`] says the same in a word.
    pub fn retry(&mut self) -> Result<(), LogError> {
        self.seal_waiting()?;
        if self.backlog.bytes.is_empty() {
            return Ok(());
        }
        let mut attempts = 0;
        loop {
            let Err(error) = self.try_write() else { return Ok(()) };
            attempts += 1;
            let is_full = is_full(&error);
            let found = attempts < ATTEMPTS_MAX && self.move_on(is_full).is_ok();
            if !found {
                self.health = if is_full { Health::Full } else { Health::Failing };
                return Err(if is_full { LogError::Full } else { self.disk_error(error) });
            }
        }
    }

    fn seal_waiting(&mut self) -> Result<(), LogError> {
        while let Some(entry) = self.waiting.front() {
            let record = RecordHeader {
                sequence: Sequence(self.next_sequence),
                stream: entry.stream,
                kind: entry.kind,
            };
            frame::encode(record, 0, &entry.payload, &self.sealer, &mut self.backlog.bytes)?;
            self.backlog.mark(self.next_sequence);
            self.next_sequence += 1;
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn try_write(&mut self) -> io::Result<()> {
        self.turn_if_long();
        if self.active.is_none() {
            self.begin_segment()?;
        }
        let active = self.active.as_mut().expect("it was just begun");
        if let Err(error) = active.file.write_all_at(active.end, &self.backlog.bytes) {
            // Half a record would be told as damage; a disk that cannot cut it leaves it so.
            drop(active.file.set_len(active.end));
            return Err(error);
        }
        active.end += self.backlog.bytes.len() as u64;
        self.written = self.backlog.marks.back().expect("it is not empty").0;
        self.unsynced.take_from(&mut self.backlog);
        if matches!(self.health, Health::Full | Health::Failing) {
            // Until there is a reserve again, the disk counts as full.
            let is_bare = self.options.reserve_bytes > 0 && !self.has_reserve();
            self.health = if is_bare { Health::OnReserve } else { Health::Good };
        }
        Ok(())
    }

    /// Closes a segment that has become long. When it cannot be made durable it stays.
    fn turn_if_long(&mut self) {
        let is_long = |active: &Active| active.end >= self.options.segment_bytes;
        if self.active.as_ref().is_some_and(is_long) && self.health == Health::Good {
            // A failure moves to a fresh segment by itself.
            drop(self.close_segment());
        }
    }

    /// Looks for another place after a failed write: on a full disk the reserve.
    fn move_on(&mut self, is_full: bool) -> io::Result<()> {
        if is_full && !self.has_reserve() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // After a failure another segment is active already.
        drop(self.close_segment());
        if is_full && self.active.is_none() { self.open_reserve() } else { Ok(()) }
    }

    fn has_reserve(&self) -> bool {
        self.disk.open(&self.dir.join(RESERVE), Open::Read).is_ok()
    }

    /// Makes the active segment durable and leaves it, so that the next write begins another.
    ///
    /// # Errors
    /// When the sync failed; a fresh segment, with what was not durable, is then active.
    pub(super) fn close_segment(&mut self) -> Result<(), LogError> {
        self.sync_once()?;
        if let Some(active) = self.active.take() {
            let header = self.header(active.base, active.begun_after);
            // If this is lost, the next process writes a little more again.
            drop(active.file.write_all_at(0, &header.encode()));
        }
        Ok(())
    }

    /// Begins a segment in a new file and writes there what is not known durable.
    fn begin_segment(&mut self) -> io::Result<()> {
        let name = SegmentName::fresh(self.next_segment);
        let file = self.disk.open(&self.dir.join(name.to_string()), Open::CreateNew)?;
        self.next_segment += 1;
        self.begin_in(name, file)
    }

    /// The same, or on a full disk in the reserve.
    fn begin_anywhere(&mut self) -> io::Result<()> {
        match self.begin_segment() {
            Err(error) if is_full(&error) => self.open_reserve(),
            other => other,
        }
    }

    /// Begins a segment in the space that was kept for this.
    fn open_reserve(&mut self) -> io::Result<()> {
        let name = SegmentName::fresh(self.next_segment);
        let path = self.dir.join(name.to_string());
        self.clean_reserve()?;
        self.disk.rename(&self.dir.join(RESERVE), &path)?;
        self.next_segment += 1;
        let file = self.disk.open(&path, Open::Write)?;
        self.begin_in(name, file)?;
        self.health = Health::OnReserve;
        Ok(())
    }

    /// Wipes what an earlier process wrote there, if the power took the new name and not the bytes.
    fn clean_reserve(&self) -> io::Result<()> {
        let file = self.disk.open(&self.dir.join(RESERVE), Open::Write)?;
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        let bytes = disk::read_file(&*file, len)?;
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(());
        }
        file.write_all_at(0, &vec![0; bytes.len()])?;
        file.sync()
    }

    fn header(&self, base: u64, begun_after: u64) -> SegmentHeader {
        let [durable, base, begun_after] = [self.synced, base, begun_after].map(Sequence);
        SegmentHeader { durable, base, begun_after }
    }

    fn begin_in(&mut self, name: SegmentName, file: Arc<dyn DiskFile>) -> io::Result<()> {
        let mut bytes = self.header(self.synced, self.written).encode().to_vec();
        bytes.extend_from_slice(&self.unsynced.bytes);
        if let Err(error) = file.write_all_at(0, &bytes) {
            // A name without a use; the next listing would find an empty segment, which is no harm.
            drop(self.disk.remove(&self.dir.join(name.to_string())));
            return Err(error);
        }
        self.active = Some(Active {
            name,
            file,
            end: bytes.len() as u64,
            in_flight: None,
            state: Trust::Sound,
            naming: Naming::Pending,
            is_stale: true,
            base: self.synced,
            begun_after: self.written,
        });
        Ok(())
    }

    /// A sync of everything written so far, to be run on any thread; `None` when there is nothing
    /// to do or one is running.
    pub fn begin_sync(&mut self) -> Option<SyncJob> {
        if self.is_lost() {
            self.leave_lost();
        }
        if self.active.is_none() && self.synced < self.written {
            // What an earlier process left in doubt. If it has no place yet, it is tried again.
            drop(self.begin_anywhere());
        }
        let active = self.active.as_ref()?;
        let header = self.header(active.base, active.begun_after);
        let active = self.active.as_mut()?;
        if self.synced == self.written || active.in_flight.is_some() || active.state == Trust::Lost
        {
            return None;
        }
        // The mark that a next process starts from; it lies in one sector, so it is never half new.
        drop(active.file.write_all_at(0, &header.encode()));
        let result = Arc::new(SyncResult {
            upto: self.written,
            answer: Mutex::new(None),
            ready: Condvar::new(),
        });
        active.in_flight = Some(result.clone());
        let (disk, file) = (self.disk.clone(), active.file.clone());
        let dir = (active.naming == Naming::Pending).then(|| self.dir.clone());
        Some(SyncJob { disk, dir, file, result })
    }

    /// Whether a sync was begun and its answer not taken.
    #[must_use]
    pub fn is_syncing(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.in_flight.is_some())
    }

    /// Takes the answer of a sync, if there is one. After a failure everything not known durable is
    /// already written to a fresh segment and waits for a sync there.
    ///
    /// # Errors
    /// That failure.
    pub fn finish_sync(&mut self) -> Result<(), LogError> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let Some(result) = &active.in_flight else { return Ok(()) };
        let Some(answer) = result.take() else { return Ok(()) };
        let upto = result.upto;
        active.in_flight = None;
        self.take_answer(upto, answer)
    }

    fn take_answer(&mut self, upto: u64, answer: io::Result<()>) -> Result<(), LogError> {
        let active = self.active.as_mut().expect("an answer is of the active segment");
        match answer {
            Ok(()) => {
                active.naming = Naming::Durable;
                active.is_stale = false;
                self.synced = upto;
                self.unsynced.forget(upto);
                self.remove_stale();
                if self.health == Health::SyncFailed {
                    self.health = Health::Good;
                }
                Ok(())
            }
            Err(error) => {
                active.state = Trust::Lost;
                self.leave_lost();
                if self.health != Health::OnReserve {
                    self.health = Health::SyncFailed;
                }
                Err(self.disk_error(error))
            }
        }
    }

    /// Takes away copies of what is durable by now, unless somebody is reading.
    fn remove_stale(&mut self) {
        let Ok(_layout) = self.reader.layout.try_write() else { return };
        for name in self.stale.drain(..) {
            // Replay drops the copies if they stay.
            drop(self.disk.remove(&self.dir.join(name.to_string())));
        }
    }

    /// Leaves a segment whose sync failed, if another can be begun; else it stays, marked.
    fn leave_lost(&mut self) {
        let Some(old) = self.active.take() else { return };
        if self.begin_anywhere().is_err() {
            self.active = Some(old);
        } else if old.is_stale {
            self.stale.push(old.name);
        }
    }

    /// Makes everything that is written durable, waiting for the disk.
    ///
    /// # Errors
    /// When it is still not durable after several attempts.
    pub fn sync(&mut self) -> Result<(), LogError> {
        let mut result = self.sync_once();
        for _ in 1..ATTEMPTS_MAX {
            if result.is_ok() {
                break;
            }
            result = self.sync_once();
        }
        result
    }

    fn sync_once(&mut self) -> Result<(), LogError> {
        let in_flight = self.active.as_mut().and_then(|active| active.in_flight.take());
        if let Some(result) = in_flight {
            // Its failure would be told once only, so it is waited for before another is begun.
            let answer = result.wait();
            self.take_answer(result.upto, answer)?;
        }
        let Some(job) = self.begin_sync() else {
            let is_done = self.synced == self.written;
            return if is_done { Ok(()) } else { Err(LogError::Full) };
        };
        job.run();
        self.finish_sync()
    }

    fn is_lost(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.state == Trust::Lost)
    }

    /// Keeps space for a full disk, if there is plenty and none is kept yet.
    ///
    /// # Errors
    /// What the disk says; the log works without it.
    pub fn ensure_reserve(&mut self) -> Result<(), LogError> {
        let bytes = self.options.reserve_bytes;
        if bytes == 0 {
            return Ok(());
        }
        let path = self.dir.join(RESERVE);
        let there = self.disk.open(&path, Open::Read).and_then(|file| file.len());
        if there.is_ok_and(|len| len >= bytes) {
            return Ok(());
        }
        self.make_reserve(&path, bytes).map_err(|error| LogError::Disk(path.clone(), error))
    }

    fn make_reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        if self.disk.free_space(&self.dir)? < bytes.saturating_mul(2) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let fresh = self.dir.join("reserve.new");
        let file = disk::create_anew(&*self.disk, &fresh)?;
        let filled = file.preallocate(bytes).and_then(|()| file.sync());
        if let Err(error) = filled {
            // Half a reserve only takes space away.
            drop(self.disk.remove(&fresh));
            return Err(error);
        }
        self.disk.rename(&fresh, path)?;
        self.disk.sync_dir(&self.dir)
    }

    /// Goes back to ordinary segments once the disk has space again, and keeps a reserve anew.
    ///
    /// # Errors
    /// [`LogError::Full`] while it has not.
    pub fn leave_reserve(&mut self) -> Result<(), LogError> {
        if self.health != Health::OnReserve {
            return Ok(());
        }
        let free = self.disk.free_space(&self.dir).map_err(|error| self.disk_error(error))?;
        let wanted = self.options.reserve_bytes.saturating_mul(2) + self.options.segment_bytes / 8;
        if free < wanted {
            return Err(LogError::Full);
        }
        self.ensure_reserve()?;
        if let Some(active) = &self.active {
            // The rest of the space that was taken; zeros are no harm if it stays.
            drop(active.file.set_len(active.end));
        }
        self.close_segment()?;
        self.health = Health::Good;
        Ok(())
    }

    /// Rewrites what `keep` wants to be kept and drops the rest, a few segments at a time; a crash
    /// at any point leaves each either as it was or as it becomes.
    ///
    /// # Errors
    /// [`LogError::Locked`] when the sealer is of a locked profile; else what the disk says.
    pub fn compact(
        &mut self,
        opener: &Opener,
        keep: impl Fn(&RecordHeader) -> bool,
    ) -> Result<Compacted, LogError> {
        self.close_segment()?;
        let sealer = self.sealer.clone();
        compact::compact(&self.reader, self.next_segment, opener, &sealer, self.limits(), &keep)
    }

    /// Whether everything that was accepted is written.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.waiting.is_empty() && self.backlog.bytes.is_empty()
    }

    pub(super) fn sealer(&self) -> Sealer {
        self.sealer.clone()
    }

    pub(super) fn limits(&self) -> LogOptions {
        self.options
    }

    /// Segments from this number on are not closed.
    pub(super) fn first_open_segment(&self) -> u64 {
        self.active.as_ref().map_or(self.next_segment, |active| active.name.first)
    }

    fn disk_error(&self, error: io::Error) -> LogError {
        LogError::Disk(self.dir.clone(), error)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dir, written, synced, health, .. } = self;
        write!(f, "Log({}, written {written}, synced {synced}, {health:?})", dir.display())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
