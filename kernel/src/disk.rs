//! The one door to storage.
//!
//! [`RealDisk`] is the machine's file system. [`sim::SimDisk`] is memory that loses power, tears
//! writes, fills up and fails its syncs, from a seed.

mod real;
pub mod sim;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use real::RealDisk;

/// Storage as the kernel sees it.
///
/// What is promised after a power cut: the bytes of a file up to its last successful
/// [`DiskFile::sync`], and the names of a directory up to its last successful
/// [`Disk::sync_dir`]. After the end of the process alone, everything that was written.
pub trait Disk: Send + Sync {
    /// Opens the file `path`. A created file can be read and written by its owner alone.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;

    /// Puts `from` in the place of `to`, which disappears if it exists.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes the name of a file away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names of the files directly in `dir`, sorted; folders are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes `dir` and what is missing above it, for the owner alone.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that an ordinary process may still write on the volume of `dir`.
    fn free_space(&self, dir: &Path) -> io::Result<u64>;

    /// Takes the exclusive lock of the file `path`, making it if needed.
    ///
    /// # Errors
    /// `WouldBlock` when another holder, in this process or another, has it.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;
}

/// An open file of a [`Disk`]; shared by reference, so that a sync can run beside a write.
pub trait DiskFile: Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads at `offset`; 0 bytes only at the end or past it, fewer than asked for anywhere.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes at `offset` and answers how many bytes were taken, which may be fewer.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;

    /// Makes its bytes and its length durable. A failure means that nothing written since the last
    /// success may be assumed durable, ever, even if a later call succeeds.
    fn sync(&self) -> io::Result<()>;

    /// Cuts it, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Who can read it.
    fn access(&self) -> io::Result<Access>;

    /// Writes all of `bytes` at `offset`; on an error a part of them may have been written.
    fn write_all_at(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(offset, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    offset += taken as u64;
                    bytes = &bytes[taken..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes all of `bytes` behind its present end.
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(self.len()?, bytes)
    }

    /// Takes the space of its first `len` bytes, so that writing there later needs none.
    ///
    /// It writes zeros: promised but unwritten extents may still need space on their first write.
    fn preallocate(&self, len: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let mut at = self.len()?;
        while at < len {
            let some = (len - at).min(ZEROS.len() as u64);
            self.write_all_at(at, &ZEROS[..some as usize])?;
            at += some;
        }
        Ok(())
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It must exist; reading only.
    Read,
    /// It must exist; reading and writing.
    Write,
    /// It must not exist; reading and writing.
    CreateNew,
    /// It is made if it is missing, and emptied if it is there; reading and writing.
    Truncate,
}

/// Who, besides the administrator, can read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The user that this process runs as, and nobody else.
    OwnerOnly,
    /// It belongs to somebody else, or others may read it.
    Others,
    /// This platform was not asked.
    Unknown,
}

/// A lock that is given back when it is dropped.
pub struct DiskLock {
    /// What releases the lock when it goes.
    _held: Box<dyn Send + Sync>,
}

impl DiskLock {
    /// A lock that lasts as long as `held`.
    #[must_use]
    pub fn new(held: Box<dyn Send + Sync>) -> Self {
        Self { _held: held }
    }
}

impl std::fmt::Debug for DiskLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DiskLock")
    }
}

/// Reads all of `path`, refusing more than `limit` bytes.
///
/// # Errors
/// `InvalidData` when the file is longer, else what the disk says.
pub fn read(disk: &dyn Disk, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    read_file(&*disk.open(path, Open::Read)?, limit)
}

/// Reads all of an open file, refusing more than `limit` bytes. A file that does not know its
/// length (a pipe, `/proc`) is read to its end.
pub(crate) fn read_file(file: &dyn DiskFile, limit: usize) -> io::Result<Vec<u8>> {
    // Growing as it goes would move what was read several times.
    let expected = usize::try_from(file.len().unwrap_or(0)).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(expected);
    let mut block = [0; 64 * 1024];
    loop {
        match file.read_at(bytes.len() as u64, &mut block) {
            Ok(0) => return Ok(bytes),
            Ok(some) => bytes.extend_from_slice(&block[..some]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if bytes.len() > limit {
            return Err(too_long());
        }
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is too long")
}

/// Reads at `offset` until `into` is full or the file ends, and answers how much that was.
pub(crate) fn read_part(file: &dyn DiskFile, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut some = 0;
    while some < into.len() {
        match file.read_at(offset + some as u64, &mut into[some..]) {
            Ok(0) => break,
            Ok(more) => some += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(some)
}

/// Makes the file `path`, taking away what a crash has left under that name. It is not emptied in
/// place: a crash in the middle of a rename may have left a second name for the same bytes.
pub(crate) fn create_anew(disk: &dyn Disk, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.open(path, Open::CreateNew),
    }
}

/// Puts `bytes` in the place of `path` so that a crash leaves either the old or the new content.
///
/// # Errors
/// What the disk says; the old content is then still there.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let fresh: PathBuf = dir.join(name);
    let file = create_anew(disk, &fresh)?;
    file.write_all_at(0, bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&fresh, path)?;
    disk.sync_dir(dir)
}
