//! The kill switch as it lies on the disk.
//!
//! It is a file, and on means that the file is there: so it is read before there is a key, holds
//! where nothing else of the profile can be read, and can be thrown with `touch`. Whatever cannot
//! be read is on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{self, Disk};
use crate::gate::KillSwitch;

const CONTENT: &[u8] = b"Everything that acts on its own is stopped while this file is here.\n";

/// The file.
#[derive(Clone)]
pub struct SwitchFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl SwitchFile {
    /// At `path`.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        Self { disk, path }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> KillSwitch {
        match disk::read(&*self.disk, &self.path, CONTENT.len()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => KillSwitch::Off,
            _ => KillSwitch::On,
        }
    }

    /// Throws it; durable when this answers.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set(&self, switch: KillSwitch) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(std::path::Path::new("."));
        match switch {
            KillSwitch::On => {
                self.disk.create_dir(dir)?;
                disk::replace(&*self.disk, &self.path, CONTENT)
            }
            KillSwitch::Off => match self.disk.remove(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed.and_then(|()| self.disk.sync_dir(dir)),
            },
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

impl std::fmt::Debug for SwitchFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SwitchFile({})", self.path.display())
    }
}
