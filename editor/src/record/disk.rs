//! The machine's disk with its writes and syncs timed: what the journal waits for.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kernel::disk::{Access, Disk, DiskFile, DiskLock, Open, RealDisk};

use super::{Measure, time};

/// [`RealDisk`], timed.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimedDisk;

struct TimedFile(Arc<dyn DiskFile>);

impl Disk for TimedDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, how)?;
        Ok(Arc::new(TimedFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        RealDisk.free_space(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        RealDisk.lock(path)
    }
}

impl DiskFile for TimedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let start = Instant::now();
        let written = self.0.write_at(offset, bytes);
        time(Measure::JournalWrite, start.elapsed());
        written
    }

    fn sync(&self) -> io::Result<()> {
        let start = Instant::now();
        let synced = self.0.sync();
        time(Measure::JournalSync, start.elapsed());
        synced
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn access(&self) -> io::Result<Access> {
        self.0.access()
    }

    /// Not counted: it makes the reserve, which nobody waits for.
    fn preallocate(&self, len: u64) -> io::Result<()> {
        self.0.preallocate(len)
    }
}
