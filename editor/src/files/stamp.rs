//! What a file looks like from outside, to tell whether it may have changed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Size, times and identity of a file, and its content's hash where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

#[cfg(unix)]
type Identity = (u64, u64, i64, i64);

#[cfg(not(unix))]
type Identity = ();

impl Stamp {
    /// The stamp of the file that a path leads to; `None` if there is none.
    pub fn of(path: &Path) -> io::Result<Option<Stamp>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Stamp::from_metadata(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The stamp in what the system told of a file.
    pub fn from_metadata(metadata: &fs::Metadata) -> Stamp {
        Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }

    /// Whether the file has surely not been written since: a coarse clock may hide a second write
    /// within its tick, so a reader compares the content when it can afford to.
    pub fn same_file_state(&self, now: &Stamp) -> bool {
        self == now
    }
}

/// Device, inode and the time of the last change of its status, which no program can set back.
#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> Identity {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_changes_the_stamp_and_a_missing_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(Stamp::of(&path).unwrap().is_none());
        fs::write(&path, "one").unwrap();
        let before = Stamp::of(&path).unwrap().unwrap();
        assert!(before.same_file_state(&Stamp::of(&path).unwrap().unwrap()));
        fs::write(&path, "two!").unwrap();
        assert!(!before.same_file_state(&Stamp::of(&path).unwrap().unwrap()));
    }
}
