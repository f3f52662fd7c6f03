//! The file that the database lies in: pages that are sealed, each on its own, with its place.
//!
//! The database asks for bytes at offsets; here they are 4 KiB pages, each sealed under the file's
//! id and the page's number. So keys, names, counts and free space are as unreadable as values, and
//! a flipped bit in any page is noticed when that page is read, where the database itself would
//! have followed it to a wrong place.
//!
//! Layout: two heads of 8 KiB, then page 1, 2, ... of [`SEALED`] bytes each. A head is
//! `"HEARTHRW"`, the version (4 bytes), zeros (4), the file's id (16), and sealed: a counter (8),
//! the mark (1) and page 0. Page 0 is the one that the database writes over in place; so the heads
//! take turns, one being left alone until the other is known durable, and the higher counter that
//! opens counts.
//!
//! A write that the disk refuses is kept in memory and tried again with the next sync; the database
//! is not told. It is an index: the log holds what was promised. What it costs is the clean mark,
//! without which the next process checks every page before it believes one.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::StorageBackend;
use zeroize::Zeroizing;

use crate::disk::{self, Disk, DiskFile, DiskLock, Open};
use crate::keys::{DATA_KEY_OVERHEAD, KeyError, Opener, Sealer, random};

/// The database's page; every access but that of its header is of whole pages.
pub(super) const PAGE: usize = 4096;

/// A sealed page: the mode, the nonce, the text and the tag.
const SEALED: usize = PAGE + DATA_KEY_OVERHEAD;

/// A head's place; two of them come before page 1.
const HEAD_PLACE: u64 = 8192;

/// Bytes of a head in the clear.
const CLEAR: usize = 32;

/// Counter and mark, before page 0.
const NOTES: usize = 9;

const HEAD: usize = CLEAR + SEALED + NOTES;

const MAGIC: [u8; 8] = *b"HEARTHRW";
const VERSION: u32 = 1;

/// What the disk refused is kept up to here, in pages: 256 MiB.
const KEPT_MAX: usize = 64 * 1024;

/// How the process that had the file before left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// In order, and everything in it was durable.
    Clean,
    /// It is in use, or its process ended without a last word.
    InUse,
}

/// Why a file could not be used.
#[derive(Debug)]
pub(super) enum FileError {
    /// A later Hearth wrote it.
    Newer,
    /// Neither head opens: it is damaged, of another profile, or was never finished.
    NoHead,
    /// The seal could not be made.
    Seal(KeyError),
    /// The disk's own answer.
    Disk(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// What seals and opens the pages, and the lock that nobody else may hold meanwhile.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    /// Given back when the last file that was opened with it is closed.
    pub(super) _lock: Arc<DiskLock>,
}

/// The sealed file; the database owns it.
pub(super) struct SealedFile {
    file: Arc<dyn DiskFile>,
    means: Means,
    id: [u8; 16],
    state: Mutex<State>,
    /// Pages that the disk has refused so far, sealed.
    kept: RwLock<BTreeMap<u64, Vec<u8>>>,
    /// Set for good by damage or a failed sync: the next process has to look at every page.
    is_doubtful: AtomicBool,
}

struct State {
    /// As the database sees it, in bytes.
    len: u64,
    page_0: Zeroizing<Vec<u8>>,
    counter: u64,
    /// Which head is known durable, and how the other one is.
    durable: usize,
    other: Other,
    /// What the durable head says.
    mark: Mark,
    /// Page 0 as the durable head has it, while that is marked clean.
    clean_page_0: Zeroizing<Vec<u8>>,
}

impl State {
    /// Whether a head may still wait: the file is as the last process left it, and if this one
    /// changes nothing it never touches the disk.
    fn is_untouched(&self, kept: &BTreeMap<u64, Vec<u8>>) -> bool {
        self.mark == Mark::Clean && kept.is_empty()
    }
}

/// The head that is not the durable one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// Older, or nothing.
    Old,
    /// Written since the last sync.
    Written,
    /// Not written yet, or the disk refused it; the state has what belongs there.
    Refused,
}

impl SealedFile {
    /// Makes a file in the place of what may be there.
    pub(super) fn create(disk: &dyn Disk, path: &Path, means: Means) -> Result<Self, FileError> {
        let file = disk::create_anew(disk, path)?;
        let state = State {
            len: 0,
            page_0: Zeroizing::new(vec![0; PAGE]),
            counter: 0,
            durable: 1,
            other: Other::Old,
            mark: Mark::InUse,
            clean_page_0: Zeroizing::default(),
        };
        let id = random().map_err(FileError::Seal)?;
        Ok(Self::new(file, means, id, state))
    }

    /// Opens what is there, and tells how it was left.
    pub(super) fn open(
        disk: &dyn Disk,
        path: &Path,
        means: Means,
    ) -> Result<(Self, Mark), FileError> {
        let file = disk.open(path, Open::Write)?;
        let mut best: Option<(usize, [u8; 16], Zeroizing<Vec<u8>>)> = None;
        let counter = |text: &[u8]| text.first_chunk().map_or(0, |it| u64::from_le_bytes(*it));
        let mut is_newer = false;
        for place in 0..2 {
            let mut bytes = vec![0; HEAD];
            if disk::read_part(&*file, place as u64 * HEAD_PLACE, &mut bytes)? < HEAD {
                continue;
            }
            if bytes[..8] != MAGIC {
                continue;
            }
            is_newer |= u32::from_le_bytes(*bytes[8..].first_chunk().expect("4 bytes")) > VERSION;
            let id: [u8; 16] = *bytes[16..].first_chunk().expect("16 bytes");
            let Some(text) = means.opener.open(&about_head(&bytes[..CLEAR]), &bytes[CLEAR..])
            else {
                continue;
            };
            if best.as_ref().is_none_or(|(_, _, known)| counter(known) < counter(&text)) {
                best = Some((place, id, text));
            }
        }
        let Some((durable, id, text)) = best else {
            return Err(if is_newer { FileError::Newer } else { FileError::NoHead });
        };
        let mark = if text[8] == 1 { Mark::Clean } else { Mark::InUse };
        let pages = file.len()?.saturating_sub(2 * HEAD_PLACE) / SEALED as u64;
        let state = State {
            len: (pages + 1) * PAGE as u64,
            page_0: Zeroizing::new(text[NOTES..].to_vec()),
            counter: counter(&text),
            durable,
            other: Other::Old,
            mark,
            clean_page_0: Zeroizing::new(text[NOTES..].to_vec()),
        };
        Ok((Self::new(file, means, id, state), mark))
    }

    fn new(file: Arc<dyn DiskFile>, means: Means, id: [u8; 16], state: State) -> Self {
        let (state, kept) = (Mutex::new(state), RwLock::default());
        Self { file, means, id, state, kept, is_doubtful: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the head that is not the durable one.
    fn write_head(&self, state: &mut State, mark: Mark) -> io::Result<()> {
        state.other = Other::Refused;
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.id);
        let mut text = Zeroizing::new(Vec::with_capacity(NOTES + PAGE));
        state.counter += 1;
        text.extend_from_slice(&state.counter.to_le_bytes());
        text.push(u8::from(mark == Mark::Clean));
        text.extend_from_slice(&state.page_0);
        let about = about_head(&bytes);
        self.means.sealer.seal(&about, &text, &mut bytes).map_err(io::Error::other)?;
        let place = (1 - state.durable) as u64 * HEAD_PLACE;
        self.file.write_all_at(place, &bytes)?;
        state.other = Other::Written;
        Ok(())
    }

    /// Makes everything durable, if the disk lets it.
    fn settle(&self, state: &mut State, mark: Mark) -> io::Result<()> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if state.mark == Mark::Clean {
            // Nothing is written over before it is durable that the file is in use.
            self.settle_head(state, Mark::InUse)?;
        }
        while let Some(entry) = kept.first_entry() {
            self.file.write_all_at(place_of(*entry.key()), entry.get())?;
            entry.remove();
        }
        self.settle_head(state, mark)
    }

    fn settle_head(&self, state: &mut State, mark: Mark) -> io::Result<()> {
        if state.other == Other::Refused {
            self.write_head(state, mark)?;
        }
        if let Err(error) = self.file.sync() {
            // What was written since the last success may be gone, though the next sync succeeds.
            self.is_doubtful.store(true, Ordering::Release);
            if state.other == Other::Written {
                state.other = Other::Refused;
            }
            return Err(error);
        }
        if state.other == Other::Written {
            state.durable = 1 - state.durable;
            state.other = Other::Old;
            state.mark = mark;
        }
        Ok(())
    }

    fn read_page(&self, page: u64, into: &mut [u8]) -> io::Result<()> {
        let about = self.about(page);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sealed) = kept.get(&page) {
            return self.open_page(&about, sealed, into);
        }
        drop(kept);
        let mut sealed = [0; SEALED];
        let some = disk::read_part(&*self.file, place_of(page), &mut sealed)?;
        // What was never written is zeros, as the database asks; no page of its own is.
        if sealed[..some].iter().all(|&byte| byte == 0) {
            into.fill(0);
            return Ok(());
        }
        self.open_page(&about, &sealed, into)
    }

    fn open_page(&self, about: &[u8; 24], sealed: &[u8], into: &mut [u8]) -> io::Result<()> {
        self.means.opener.open_onto(about, sealed, into).ok_or_else(|| {
            self.is_doubtful.store(true, Ordering::Release);
            let message = "a page of the rows' file is not as it was sealed";
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
    }

    fn write_page(&self, page: u64, text: &[u8], place: Place) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(SEALED);
        self.means.sealer.seal(&self.about(page), text, &mut sealed).map_err(io::Error::other)?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let is_written = match place {
            Place::Disk => self.file.write_all_at(place_of(page), &sealed).is_ok(),
            Place::Memory => false,
        };
        if is_written {
            kept.remove(&page);
        } else if kept.len() < KEPT_MAX || kept.contains_key(&page) {
            kept.insert(page, sealed);
        } else {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn about(&self, page: u64) -> [u8; 24] {
        let mut about = [0; 24];
        about[..16].copy_from_slice(&self.id);
        about[16..].copy_from_slice(&page.to_le_bytes());
        about
    }
}

/// Where a page may be put now.
#[derive(Clone, Copy)]
enum Place {
    Disk,
    Memory,
}

/// A head is bound to what stands before it in the clear, and is no page.
fn about_head(clear: &[u8]) -> Vec<u8> {
    [b"head", clear].concat()
}

fn place_of(page: u64) -> u64 {
    2 * HEAD_PLACE + (page - 1) * SEALED as u64
}

impl StorageBackend for SealedFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset < PAGE as u64 {
            let state = self.state();
            let (from, end) = (offset as usize, offset as usize + out.len());
            let part = state.page_0.get(from..end).filter(|_| state.len >= end as u64);
            out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            return Ok(());
        }
        if offset + out.len() as u64 > self.state().len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        check_whole(offset, out.len())?;
        for (page, into) in (offset / PAGE as u64..).zip(out.chunks_exact_mut(PAGE)) {
            self.read_page(page, into)?;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let last = len.div_ceil(PAGE as u64);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.split_off(&last);
        if len < state.len {
            // A page that comes back later must be zeros. What cannot be cut is told.
            self.file.set_len(place_of(last.max(1)))?;
        } else {
            // Without the room now, each page still finds a place or is kept.
            drop(self.file.set_len(place_of(last.max(1))));
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        let is_untouched =
            state.is_untouched(&self.kept.read().unwrap_or_else(PoisonError::into_inner));
        if !is_untouched {
            // What the disk does not take now it is offered with the next sync, as said above.
            drop(self.settle(&mut state, Mark::InUse));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if offset < PAGE as u64 {
            let (from, end) = (offset as usize, offset as usize + data.len());
            let part = state.page_0.get_mut(from..end).ok_or(io::ErrorKind::InvalidInput)?;
            part.copy_from_slice(data);
            if state.is_untouched(&self.kept.read().unwrap_or_else(PoisonError::into_inner)) {
                state.other = Other::Refused;
            } else {
                drop(self.write_head(&mut state, Mark::InUse));
            }
            return Ok(());
        }
        let place = if state.mark == Mark::InUse { Place::Disk } else { Place::Memory };
        drop(state);
        check_whole(offset, data.len())?;
        for (page, text) in (offset / PAGE as u64..).zip(data.chunks_exact(PAGE)) {
            self.write_page(page, text, place)?;
        }
        Ok(())
    }

    /// The last word: the mark is put only on what is whole and durable.
    fn close(&self) -> io::Result<()> {
        let mut state = self.state();
        let is_untouched =
            state.is_untouched(&self.kept.read().unwrap_or_else(PoisonError::into_inner));
        if is_untouched && state.page_0 == state.clean_page_0 {
            return Ok(());
        }
        self.settle(&mut state, Mark::InUse)?;
        if self.is_doubtful.load(Ordering::Acquire) {
            return Ok(());
        }
        self.write_head(&mut state, Mark::Clean)?;
        self.settle(&mut state, Mark::Clean)
    }
}

/// The database touches whole pages alone, behind its header.
fn check_whole(offset: u64, len: usize) -> io::Result<()> {
    let is_whole = offset.is_multiple_of(PAGE as u64) && len.is_multiple_of(PAGE);
    if is_whole { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedFile")
    }
}
