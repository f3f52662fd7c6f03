//! A disk in memory for tests: it loses power, tears writes, fills up, fails its syncs, its writes
//! and its reads, and reads short, the same way for the same seed.
//!
//! What it is strict about, as POSIX allows and file systems do: a name is durable only after its
//! directory was synced; un-synced bytes survive a cut sector by sector, in no order; a sync that
//! failed has forgotten what it was asked to keep, and the next one succeeds without it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, Disk, DiskFile, DiskLock, Open};

/// The unit that a cut either keeps or loses.
const SECTOR: usize = 512;

/// Sebastiano Vigna's SplitMix64: numbers for tests, from a seed.
#[derive(Clone, Debug)]
pub struct SplitMix(u64);

impl SplitMix {
    /// The same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below 0");
        self.next_u64() % end
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// The disk; clones share it, as processes share a machine.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// The boot that its holder lives in; without one it is the test's own hand.
    boot: Option<u64>,
}

/// How much a read gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// What is asked for.
    Whole,
    /// Often only the beginning of it.
    Short,
}

/// Accesses that fail, and with what.
#[derive(Clone, Copy)]
struct Failing {
    /// So many succeed before.
    after: u64,
    times: u64,
    kind: io::ErrorKind,
}

impl Failing {
    /// Counts an access.
    fn meet(failing: &mut Option<Self>) -> io::Result<()> {
        let Some(it) = failing else { return Ok(()) };
        if it.after > 0 {
            it.after -= 1;
            return Ok(());
        }
        let kind = it.kind;
        it.times = it.times.saturating_sub(1);
        if it.times == 0 {
            *failing = None;
        }
        Err(kind.into())
    }
}

struct State {
    random: SplitMix,
    /// Inodes by number; one that lost its last name stays until the next crash.
    nodes: BTreeMap<u64, Node>,
    /// Names as a running process sees them.
    names: BTreeMap<PathBuf, u64>,
    /// Names as a cut would leave them.
    kept_names: BTreeMap<PathBuf, u64>,
    /// Changes of names since, in order.
    pending_names: Vec<NameChange>,
    locks: BTreeSet<PathBuf>,
    capacity: u64,
    failing_syncs: u32,
    failing_writes: Option<Failing>,
    failing_reads: Option<Failing>,
    reads: Reads,
    steps_until_crash: Option<u64>,
    is_off: bool,
    /// Counts crashes: what was opened before one is dead after it.
    boot: u64,
    next_node: u64,
}

#[derive(Default)]
struct Node {
    now: Vec<u8>,
    kept: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

enum NameChange {
    Link(PathBuf, u64),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            Self::Link(path, _) | Self::Unlink(path) | Self::Rename(_, path) => path,
        }
    }

    fn node(&self) -> Option<u64> {
        match self {
            Self::Link(_, node) => Some(*node),
            Self::Unlink(_) | Self::Rename(..) => None,
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Link(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Unlink(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl SimDisk {
    /// An empty disk that never fills up.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: SplitMix::new(seed),
            nodes: BTreeMap::new(),
            names: BTreeMap::new(),
            kept_names: BTreeMap::new(),
            pending_names: Vec::new(),
            locks: BTreeSet::new(),
            capacity: u64::MAX,
            failing_syncs: 0,
            failing_writes: None,
            failing_reads: None,
            reads: Reads::Whole,
            steps_until_crash: None,
            is_off: false,
            boot: 0,
            next_node: 1,
        };
        Self { state: Arc::new(Mutex::new(state)), boot: None }
    }

    /// The disk as a process has it that is started now: after the next crash or kill it reaches
    /// nothing any more, by handle or by name, however long its threads go on.
    #[must_use]
    pub fn process(&self) -> Self {
        Self { state: self.state.clone(), boot: Some(self.state().boot) }
    }

    /// Cuts the power and starts again: what was not synced is lost, kept or torn; whatever was
    /// open answers errors from now on.
    pub fn cut_power(&self) {
        let mut state = self.state();
        let state = &mut *state;
        // Journals keep the order of names, so a cut keeps a beginning of the changes.
        let keep = state.random.below(state.pending_names.len() as u64 + 1) as usize;
        for change in state.pending_names.drain(..).take(keep) {
            change.apply(&mut state.kept_names);
        }
        state.names = state.kept_names.clone();
        for node in state.nodes.values_mut() {
            node.keep_some(&mut state.random);
            node.now = node.kept.clone();
        }
        state.restart();
    }

    /// Ends the process and starts again: nothing that was written is lost; whatever was open
    /// answers errors from now on.
    pub fn kill(&self) {
        self.state().restart();
    }

    /// Lets `steps` more changes succeed; the one after it stops half way, and from then on
    /// everything fails until [`SimDisk::cut_power`] or [`SimDisk::kill`].
    pub fn crash_after(&self, steps: u64) {
        self.state().steps_until_crash = Some(steps);
    }

    /// Lets all files together hold `bytes`; fewer than they hold now makes it full at once.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// Bytes that all files together hold.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// The next `times` syncs fail, and forget what they were asked to keep.
    pub fn fail_syncs(&self, times: u32) {
        self.state().failing_syncs = times;
    }

    /// Lets `after` more writes succeed; the `times` behind those fail with `kind`, as
    /// `StorageFull` or `Other`.
    pub fn fail_writes(&self, after: u64, times: u64, kind: io::ErrorKind) {
        self.state().failing_writes = (times > 0).then_some(Failing { after, times, kind });
    }

    /// Lets `after` more reads succeed; the `times` behind those fail.
    pub fn fail_reads(&self, after: u64, times: u64) {
        let kind = io::ErrorKind::Other;
        self.state().failing_reads = (times > 0).then_some(Failing { after, times, kind });
    }

    /// How much reads give from now on.
    pub fn set_reads(&self, reads: Reads) {
        self.state().reads = reads;
    }

    /// Whether a crash has come that [`SimDisk::crash_after`] announced.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// Turns bit `bit` (0 to 7) of the byte at `offset` over, if there is such a byte.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) {
        let mut state = self.state();
        let Some(node) = state.names.get(path).copied() else { return };
        let node = state.nodes.get_mut(&node).expect("a name leads to a node");
        for bytes in [&mut node.now, &mut node.kept] {
            if let Some(byte) = bytes.get_mut(offset as usize) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For whoever lives: of a machine that is off and of a process that has ended, nobody does.
    fn living(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        state.look()?;
        match self.boot {
            Some(boot) if boot != state.boot => Err(io::Error::other("the process has ended")),
            _ => Ok(state),
        }
    }
}

impl State {
    fn restart(&mut self) {
        // A name that is gone may come back with a cut, and needs its node then.
        let pending = self.pending_names.iter().filter_map(NameChange::node);
        let named = self.names.values().chain(self.kept_names.values()).copied();
        let named: BTreeSet<u64> = named.chain(pending).collect();
        self.nodes.retain(|node, _| named.contains(node));
        self.locks.clear();
        self.steps_until_crash = None;
        self.is_off = false;
        self.boot += 1;
    }

    fn used(&self) -> u64 {
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        named.iter().map(|node| self.nodes[node].now.len() as u64).sum()
    }

    fn look(&self) -> io::Result<()> {
        if self.is_off { Err(io::Error::other("the simulated machine is off")) } else { Ok(()) }
    }

    /// Counts a change; the last one before a crash is told that it fails.
    fn step(&mut self) -> io::Result<Step> {
        self.look()?;
        match &mut self.steps_until_crash {
            None => Ok(Step::Whole),
            Some(0) => {
                self.is_off = true;
                Ok(Step::Half)
            }
            Some(left) => {
                *left -= 1;
                Ok(Step::Whole)
            }
        }
    }

    fn whole_step(&mut self) -> io::Result<()> {
        match self.step()? {
            Step::Whole => Ok(()),
            Step::Half => self.look(),
        }
    }

    fn rename_now(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }
}

enum Step {
    Whole,
    Half,
}

impl Node {
    /// Makes everything, or after a failed sync everything that it still remembers, durable.
    fn keep_all(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::SetLen(len) => self.kept.resize(len as usize, 0),
                Change::Write(offset, bytes) => put(&mut self.kept, offset as usize, &bytes),
            }
        }
    }

    /// Makes whichever sectors the generator picks durable, and forgets the others.
    fn keep_some(&mut self, random: &mut SplitMix) {
        // Some cuts keep nearly everything, some nearly nothing.
        let luck = random.below(5);
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::SetLen(len) if random.below(4) < luck => {
                    self.kept.resize(len as usize, 0);
                }
                Change::SetLen(_) => {}
                Change::Write(offset, bytes) => {
                    for part in sectors(offset as usize, bytes.len()) {
                        if random.below(4) < luck {
                            let from = part.start - offset as usize;
                            put(&mut self.kept, part.start, &bytes[from..from + part.len()]);
                        }
                    }
                }
            }
        }
    }
}

/// The pieces that a write of `len` bytes at `offset` falls into at the sectors' edges.
fn sectors(offset: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = offset + len;
    let mut at = offset;
    std::iter::from_fn(move || {
        let start = at;
        at = end.min((start / SECTOR + 1) * SECTOR);
        (start < end).then_some(start..at)
    })
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if into.len() < offset + bytes.len() {
        into.resize(offset + bytes.len(), 0);
    }
    into[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.living()?;
        let there = state.names.get(path).copied();
        let node = match (how, there) {
            (Open::Read | Open::Write, None) => return Err(io::ErrorKind::NotFound.into()),
            (Open::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Open::Read | Open::Write, Some(node)) => node,
            (Open::Truncate, Some(node)) => {
                state.whole_step()?;
                let file = state.nodes.get_mut(&node).expect("a name leads to a node");
                file.now.clear();
                file.pending.push(Change::SetLen(0));
                node
            }
            (Open::CreateNew | Open::Truncate, None) => {
                state.whole_step()?;
                let node = state.next_node;
                state.next_node += 1;
                state.nodes.insert(node, Node::default());
                state.rename_now(NameChange::Link(path.to_owned(), node));
                node
            }
        };
        Ok(Arc::new(SimFile { disk: self.clone(), node, boot: state.boot, how }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.whole_step()?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_now(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.whole_step()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_now(NameChange::Unlink(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.living()?;
        let here = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.living().map(drop)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.living()?;
        state.whole_step()?;
        let state = &mut *state;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            return Err(io::Error::other("a simulated failure of a directory's sync"));
        }
        // A journal commits what came before as well: all pending changes, of any directory, up to
        // the last one of this directory.
        let last =
            state.pending_names.iter().rposition(|change| change.path().parent() == Some(dir));
        for change in state.pending_names.drain(..last.map_or(0, |at| at + 1)) {
            change.apply(&mut state.kept_names);
        }
        Ok(())
    }

    fn free_space(&self, _dir: &Path) -> io::Result<u64> {
        let state = self.living()?;
        Ok(state.capacity.saturating_sub(state.used()))
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let mut state = self.living()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (disk, boot) = (self.clone(), state.boot);
        Ok(DiskLock::new(Box::new(SimLock { disk, boot, path: path.to_owned() })))
    }
}

struct SimLock {
    disk: SimDisk,
    boot: u64,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        // A crash has given the lock back already, and another may hold it since.
        if state.boot == self.boot {
            state.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    disk: SimDisk,
    node: u64,
    boot: u64,
    how: Open,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        state.look()?;
        if state.boot == self.boot {
            Ok(state)
        } else {
            Err(io::Error::other("the file was opened before the crash"))
        }
    }

    fn writable(&self) -> io::Result<MutexGuard<'_, State>> {
        match self.how {
            Open::Read => Err(io::ErrorKind::PermissionDenied.into()),
            Open::Write | Open::CreateNew | Open::Truncate => self.state(),
        }
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.nodes[&self.node].now.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let state = &mut *state;
        Failing::meet(&mut state.failing_reads)?;
        let bytes = &state.nodes[&self.node].now;
        let from = bytes.len().min(offset as usize);
        let mut some = into.len().min(bytes.len() - from);
        if state.reads == Reads::Short && some > 1 && state.random.once_in(2) {
            some = 1 + state.random.below(some as u64) as usize;
        }
        into[..some].copy_from_slice(&bytes[from..from + some]);
        Ok(some)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.writable()?;
        let step = state.step()?;
        Failing::meet(&mut state.failing_writes)?;
        let mut take = bytes.len();
        // The kernel may take less than it was offered, and a crash comes between two sectors.
        if matches!(step, Step::Half) || (take > 1 && state.random.once_in(8)) {
            take = state.random.below(take as u64 + 1) as usize;
        }
        let free = state.capacity.saturating_sub(state.used());
        let room = state.nodes[&self.node].now.len() as u64 + free;
        take = take.min(room.saturating_sub(offset) as usize);
        if take == 0 && room <= offset && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let take = if take == 0 && matches!(step, Step::Whole) { bytes.len().min(1) } else { take };
        let node = state.nodes.get_mut(&self.node).expect("an open file has a node");
        put(&mut node.now, offset as usize, &bytes[..take]);
        node.pending.push(Change::Write(offset, bytes[..take].to_vec()));
        match step {
            Step::Whole => Ok(take),
            Step::Half => Err(io::Error::other("the simulated machine went off while writing")),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let step = state.step()?;
        let state = &mut *state;
        let node = state.nodes.get_mut(&self.node).expect("an open file has a node");
        if matches!(step, Step::Half) {
            // It may have got through without anybody hearing of it.
            if state.random.once_in(2) {
                node.keep_all();
            }
            return Err(io::Error::other("the simulated machine went off while syncing"));
        }
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            node.keep_some(&mut state.random);
            return Err(io::Error::other("a simulated failure of a sync"));
        }
        node.keep_all();
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.writable()?;
        state.whole_step()?;
        let node = state.nodes.get_mut(&self.node).expect("an open file has a node");
        node.now.resize(len as usize, 0);
        node.pending.push(Change::SetLen(len));
        Ok(())
    }

    fn access(&self) -> io::Result<Access> {
        Ok(Access::OwnerOnly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> &'static Path {
        Path::new("d/file")
    }

    fn content(disk: &SimDisk) -> Vec<u8> {
        super::super::read(disk, path(), usize::MAX).unwrap()
    }

    #[test]
    fn a_process_that_was_ended_reaches_nothing_by_name_either() {
        let disk = SimDisk::new(1);
        let process = disk.process();
        process.open(path(), Open::CreateNew).unwrap().append(&[1; 10]).unwrap();
        disk.kill();
        assert!(process.open(path(), Open::Read).is_err());
        assert!(process.open(Path::new("d/other"), Open::CreateNew).is_err());
        assert!(process.remove(path()).is_err() && process.lock(path()).is_err());
        assert_eq!(content(&disk.process()), [1; 10]);
    }

    #[test]
    fn a_cut_keeps_what_was_synced_and_tears_the_rest_by_sectors() {
        let mut torn = 0;
        for seed in 0..50 {
            let disk = SimDisk::new(seed);
            let file = disk.open(path(), Open::CreateNew).unwrap();
            file.append(&[1; 700]).unwrap();
            file.sync().unwrap();
            disk.sync_dir(Path::new("d")).unwrap();
            file.append(&[2; 2000]).unwrap();
            disk.cut_power();
            assert!(file.sync().is_err(), "a handle outlived the machine");
            let bytes = content(&disk);
            assert_eq!(bytes[..700], [1; 700]);
            let lost = bytes[700..].iter().filter(|&&byte| byte == 0).count();
            torn += usize::from(lost > 0 && lost < bytes.len() - 700);
        }
        assert!(torn > 5, "only {torn} of 50 cuts tore a write");
    }

    #[test]
    fn a_name_is_durable_only_after_its_directory_was_synced() {
        let lost = (0..50).filter(|&seed| {
            let disk = SimDisk::new(seed);
            disk.open(path(), Open::CreateNew).unwrap().sync().unwrap();
            disk.cut_power();
            disk.open(path(), Open::Read).is_err()
        });
        assert!((5..45).contains(&lost.count()));
    }

    #[test]
    fn a_failed_sync_is_not_made_good_by_the_next() {
        let disk = SimDisk::new(3);
        let file = disk.open(path(), Open::CreateNew).unwrap();
        disk.sync_dir(Path::new("d")).unwrap();
        file.append(&[1; 64 * SECTOR]).unwrap();
        disk.fail_syncs(1);
        file.sync().unwrap_err();
        file.sync().unwrap();
        assert_eq!(content(&disk), [1; 64 * SECTOR], "the cache still shows it");
        disk.cut_power();
        assert_ne!(content(&disk), [1; 64 * SECTOR]);
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_what_was_preallocated() {
        let disk = SimDisk::new(1);
        let file = disk.open(path(), Open::CreateNew).unwrap();
        file.preallocate(100).unwrap();
        disk.set_capacity(110);
        file.write_all_at(0, &[7; 100]).unwrap();
        let error = file.write_all_at(100, &[7; 11]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.used(), 110);
    }

    #[test]
    fn the_same_seed_tears_the_same_way() {
        let run = |seed| {
            let disk = SimDisk::new(seed);
            let file = disk.open(path(), Open::CreateNew).unwrap();
            disk.sync_dir(Path::new("d")).unwrap();
            file.append(&[9; 9000]).unwrap();
            disk.cut_power();
            content(&disk)
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
