//! A passphrase and the places it can come from, the prompt excepted.

use std::fmt;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::KeyError;
use crate::disk::{self, Access, Disk, Open};
use crate::redaction::Secret;

/// A passphrase in memory, wiped when dropped, never printed.
#[derive(Clone)]
pub struct Passphrase(Secret<Vec<u8>>);

impl Passphrase {
    /// Longer than anybody types.
    pub const BYTES_MAX: usize = 4096;

    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// [`KeyError::BadPassphrase`] when there are none or too many.
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.is_empty() || bytes.len() > Self::BYTES_MAX {
            return Err(KeyError::BadPassphrase(bytes.len()));
        }
        Ok(Self(Secret::new(bytes.to_vec())))
    }

    /// Reads `HEARTH_PASSPHRASE_FILE` or a service manager's credential: its first line.
    ///
    /// # Errors
    /// [`KeyError::Exposed`] when anybody but its owner can read it (not asked on Windows, where
    /// a file inherits its folder's access list); else what the disk says.
    pub fn from_file(disk: &dyn Disk, path: &Path) -> Result<Self, KeyError> {
        let wrap = |error| KeyError::disk(path, error);
        let file = disk.open(path, Open::Read).map_err(wrap)?;
        if file.access().map_err(wrap)? == Access::Others {
            return Err(KeyError::Exposed(path.to_owned()));
        }
        let bytes = disk::read_file(&*file, Self::BYTES_MAX + 2).map_err(wrap)?;
        Self::first_line(&Zeroizing::new(bytes))
    }

    /// Reads a stream, such as standard input, to its end: its first line.
    ///
    /// # Errors
    /// [`KeyError::BadPassphrase`], or what the stream says.
    pub fn from_reader(reader: impl Read) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES_MAX + 2));
        let limit = Self::BYTES_MAX as u64 + 2;
        let read = reader.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| KeyError::disk(Path::new("the stream"), error))?;
        Self::first_line(&bytes)
    }

    /// Reads the file descriptor that a parent process left open: its first line. A descriptor is
    /// no storage, so this does not go through a [`Disk`].
    ///
    /// # Errors
    /// As [`Passphrase::from_reader`], and when nothing is open at that number.
    #[cfg(unix)]
    pub fn from_descriptor(number: u32) -> Result<Self, KeyError> {
        let path = std::path::PathBuf::from(format!("/dev/fd/{number}"));
        let file = std::fs::File::open(&path).map_err(|error| KeyError::disk(&path, error))?;
        Self::from_reader(file)
    }

    /// Editors and `echo` end a line; that is not part of the passphrase.
    fn first_line(bytes: &[u8]) -> Result<Self, KeyError> {
        let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        Self::new(line.strip_suffix(b"\r").unwrap_or(line))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_end_is_no_part_of_it() {
        for text in ["open", "open\n", "open\r\n", "open\nnote to self"] {
            assert_eq!(Passphrase::from_reader(text.as_bytes()).unwrap().bytes(), b"open");
        }
        assert!(matches!(Passphrase::from_reader(&b"\n"[..]), Err(KeyError::BadPassphrase(0))));
        let long = vec![b'a'; Passphrase::BYTES_MAX + 1];
        assert!(Passphrase::from_reader(&long[..]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credential");
        std::fs::write(&path, "open sesame\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = Passphrase::from_file(&disk::RealDisk, &path).unwrap_err();
        assert!(matches!(error, KeyError::Exposed(_)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let read = Passphrase::from_file(&disk::RealDisk, &path).unwrap();
        assert_eq!(read.bytes(), b"open sesame");
    }

    #[cfg(unix)]
    #[test]
    fn a_descriptor_is_read() {
        use std::io::Write;
        use std::os::fd::AsRawFd;

        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"through a pipe\n").unwrap();
        drop(writer);
        let read = Passphrase::from_descriptor(reader.as_raw_fd() as u32).unwrap();
        assert_eq!(read.bytes(), b"through a pipe");
    }
}
