//! Where the layers of a policy lie, and their reading.

use std::io;
use std::path::{Path, PathBuf};

use super::policy::FILE_BYTES_MAX;
use super::{CanonicalPath, Fingerprint, Places, Source, Sources, Workspace};
use crate::disk::{self, Disk};

/// The files above the built-in policy. A missing one is an empty layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFiles {
    /// The device's.
    pub device: PathBuf,
    /// The user's: what is approved for always is written there.
    pub user: PathBuf,
    /// The open workspace's.
    pub workspace: Option<PathBuf>,
    /// The workspace policy that the owner has approved.
    pub approved: Option<Fingerprint>,
    /// What `$workspace` and the like stand for.
    pub places: Places,
    /// Further workspaces.
    pub others: Vec<WorkspaceFiles>,
}

/// Where the policy of a further workspace lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceFiles {
    /// The workspace's folder.
    pub root: CanonicalPath,
    /// Its policy.
    pub policy: PathBuf,
    /// The policy that the owner has approved.
    pub approved: Option<Fingerprint>,
}

impl PolicyFiles {
    /// Reads them. Not for the UI thread.
    #[must_use]
    pub fn read(&self, disk: &dyn Disk) -> Sources {
        Sources {
            device: source(disk, &self.device),
            user: source(disk, &self.user),
            workspace: self.workspace.as_deref().and_then(|path| source(disk, path)),
            approved: self.approved,
            others: self.others.iter().map(|other| other.read(disk)).collect(),
        }
    }
}

impl WorkspaceFiles {
    fn read(&self, disk: &dyn Disk) -> Workspace {
        let Self { root, policy, approved } = self;
        Workspace { root: root.clone(), policy: source(disk, policy), approved: *approved }
    }
}

/// The file as a layer. One that cannot be read may forbid something, so it is a damaged layer.
fn source(disk: &dyn Disk, path: &Path) -> Option<Source> {
    let file = path.display().to_string();
    match read(disk, path) {
        Ok(text) => text.map(|text| Source { file, text }),
        Err(error) => Some(Source { file, text: format!("it cannot be read ({error})") }),
    }
}

/// The text of a policy file; `None` where there is no file.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<String>> {
    match disk::read(disk, path, FILE_BYTES_MAX + 1) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
