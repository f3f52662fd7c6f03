//! The machine's own file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{Access, Disk, DiskFile, DiskLock, Open};

/// The machine's file system, through `std::fs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match how {
            Open::Read => {}
            Open::Write => {
                options.write(true);
            }
            Open::CreateNew => {
                options.write(true).create_new(true);
            }
            Open::Truncate => {
                options.write(true).create(true).truncate(true);
            }
        }
        for_owner_alone(&mut options);
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours.
            if let (false, Ok(name)) =
                (entry.file_type()?.is_dir(), entry.file_name().into_string())
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    }

    #[cfg(not(windows))]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// NTFS journals its names; a directory handle cannot be flushed without special rights.
    #[cfg(windows)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::metadata(dir).map(|_| ())
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        free_space(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        for_owner_alone(&mut options);
        let file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(DiskLock::new(Box::new(file))),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A created file is its owner's alone, whatever the umask.
fn for_owner_alone(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _unused = options; // Profile folders inherit the user's own access list on Windows.
}

#[cfg(unix)]
fn free_space(dir: &Path) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;

    let path = std::ffi::CString::new(dir.as_os_str().as_bytes())?;
    let mut stats = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` ends with a zero byte and `stats` has room for one statvfs.
    if unsafe { libc::statvfs(path.as_ptr(), stats.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has filled the whole struct.
    let stats = unsafe { stats.assume_init() };
    // The widths of these fields differ between platforms.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    Ok((stats.f_bavail as u64).saturating_mul(stats.f_frsize as u64))
}

#[cfg(windows)]
fn free_space(dir: &Path) -> io::Result<u64> {
    use std::os::windows::ffi::OsStrExt;
    use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;

    let path: Vec<u16> = dir.as_os_str().encode_wide().chain([0]).collect();
    let mut free = 0_u64;
    let nothing = std::ptr::null_mut();
    // SAFETY: `path` ends with a zero and `free` outlives the call; the other results are optional.
    if unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &mut free, nothing, nothing) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(free)
}

/// An open file of the machine.
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.0, into, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.0, into, offset);
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset);
    }

    /// `std` asks for `F_FULLFSYNC` on macOS, which reaches the platter.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    #[cfg(unix)]
    fn access(&self) -> io::Result<Access> {
        use std::os::unix::fs::MetadataExt;

        let metadata = self.0.metadata()?;
        // SAFETY: geteuid has no arguments and cannot fail.
        let me = unsafe { libc::geteuid() };
        // An administrator's process may be handed a file of the administrator's.
        let mine = metadata.uid() == me || metadata.uid() == 0;
        let shut = metadata.mode() & 0o077 == 0;
        Ok(if mine && shut { Access::OwnerOnly } else { Access::Others })
    }

    #[cfg(not(unix))]
    fn access(&self) -> io::Result<Access> {
        Ok(Access::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_exclusive_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        RealDisk.lock(&path).unwrap();
    }

    #[test]
    fn what_is_written_is_read_and_listed() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        RealDisk.create_dir(&deep).unwrap();
        super::super::replace(&RealDisk, &deep.join("x"), b"one").unwrap();
        super::super::replace(&RealDisk, &deep.join("x"), b"two").unwrap();
        assert_eq!(super::super::read(&RealDisk, &deep.join("x"), 3).unwrap(), b"two");
        assert!(super::super::read(&RealDisk, &deep.join("x"), 2).is_err());
        assert_eq!(RealDisk.list(&deep).unwrap(), ["x"]);
        assert!(RealDisk.list(dir.path()).unwrap().is_empty());
        assert!(RealDisk.free_space(dir.path()).unwrap() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_created_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let file = RealDisk.open(&path, Open::CreateNew).unwrap();
        assert_eq!(file.access().unwrap(), Access::OwnerOnly);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(file.access().unwrap(), Access::Others);
    }
}
