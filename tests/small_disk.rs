//! A disk that gets full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs with a size. It is taken away when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `bytes` at `folder`, which it makes. Needs root.
    ///
    /// # Errors
    ///
    /// Why it could not be mounted.
    pub fn mount(folder: &Path, bytes: u64) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder)
            .output()
            .map_err(|error| format!("mount does not start: {error}"))?;
        match output.status.success() {
            true => Ok(Self { folder: folder.to_owned() }),
            false => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Fills what is left of it with a file named `ballast`.
    pub fn fill(&self) {
        use std::io::Write;
        let mut ballast = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("ballast"))
            .expect("an empty file takes no block");
        for size in [1 << 16, 4096, 1] {
            let piece = vec![0x55; size];
            while ballast.write(&piece).is_ok_and(|written| written == size) {}
        }
    }

    /// Makes room again.
    pub fn empty(&self) {
        fs::remove_file(self.folder.join("ballast")).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A lazy unmount works with files still open; nothing can be done about another failure.
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
