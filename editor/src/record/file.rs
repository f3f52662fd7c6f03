//! The log's file, and the older ones that it replaced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that has this many bytes is put aside.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Files kept, the newest included: 16 MB together.
const FILES_MAX: usize = 4;

/// The file that is appended to.
pub(super) struct LogFile {
    folder: PathBuf,
    file: File,
    len: u64,
    bytes_max: u64,
}

/// The newest file in `folder`.
pub fn newest(folder: &Path) -> PathBuf {
    folder.join("hearth.jsonl")
}

/// The file that was put aside `age` turns ago.
fn aside(folder: &Path, age: usize) -> PathBuf {
    folder.join(format!("hearth.{age}.jsonl"))
}

impl LogFile {
    /// Opens the newest file in `folder`, making both if they are missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        crate::directories::make_private(folder)?;
        let file = open(&newest(folder))?;
        let len = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, len, bytes_max: FILE_BYTES_MAX })
    }

    /// Appends a line. When that fails, the line is lost: there is no place left to say so.
    pub fn append(&mut self, line: &str) {
        if self.len > 0 && self.len + line.len() as u64 > self.bytes_max {
            // If it cannot be put aside, the file grows instead.
            drop(self.turn());
        }
        if self.file.write_all(line.as_bytes()).is_ok() {
            self.len += line.len() as u64;
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        for age in (1..FILES_MAX - 1).rev() {
            match std::fs::rename(aside(&self.folder, age), aside(&self.folder, age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(newest(&self.folder), aside(&self.folder, 1))?;
        self.file = open(&newest(&self.folder))?;
        self.len = 0;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = LogFile::open(dir.path()).unwrap();
        file.bytes_max = 30;
        for number in 0..40 {
            file.append(&format!("line {number:04}\n"));
        }
        let names = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(names, FILES_MAX);
        let text = std::fs::read_to_string(newest(dir.path())).unwrap();
        assert!(text.ends_with("line 0039\n") && text.len() <= 30, "{text}");
        let oldest = std::fs::read_to_string(aside(dir.path(), FILES_MAX - 1)).unwrap();
        assert!(oldest.starts_with("line 0030\n"), "{oldest}");
    }

    #[test]
    fn a_new_process_goes_on_in_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        LogFile::open(dir.path()).unwrap().append("one\n");
        LogFile::open(dir.path()).unwrap().append("two\n");
        assert_eq!(std::fs::read_to_string(newest(dir.path())).unwrap(), "one\ntwo\n");
    }
}
