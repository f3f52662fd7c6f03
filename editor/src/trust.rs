//! Folders whose own files may run something, because their owner said so.
//!
//! Trust holds for what the folder's files say now: it is given to a fingerprint of everything
//! under `.hearth/` there (settings, tasks, policy), and ends when one of them changes. It holds
//! for that folder, not for those in it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use kernel::disk::{self, RealDisk};
use serde_json::{Value, json};

use crate::directories::Directories;
use crate::registry::{Fault, path_from_json, path_to_json};
use crate::settings::FolderTrust;

/// The folder, inside another, whose files can run something.
pub const OWN_FOLDER: &str = ".hearth";

/// Files of one folder that are looked at.
const FILES_MAX: usize = 2000;

/// Bytes of one folder that are looked at.
const BYTES_MAX: u64 = 64 << 20;

/// A store of this size has tens of thousands of folders.
const STORE_BYTES_MAX: usize = 8 << 20;

/// What a folder's own files say, as one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(blake3::Hash);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.to_hex())
    }
}

impl Fingerprint {
    /// Of `folder` as it is now. It reads files: not for the UI thread.
    ///
    /// # Errors
    /// When something cannot be read, or is more than a person could have looked at.
    pub fn of(folder: &Path) -> Result<Self, Fault> {
        let mut found = BTreeMap::new();
        let mut bytes = 0;
        gather(folder, Path::new(OWN_FOLDER), &mut found, &mut bytes)?;
        let mut hasher = blake3::Hasher::new_derive_key("hearth 2026 folder trust");
        for (path, content) in found {
            let name = path.as_os_str().as_encoded_bytes();
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
            hasher.update(content.as_bytes());
        }
        Ok(Self(hasher.finalize()))
    }
}

/// Hashes what lies at `inside` of `folder` into `found`, folders in it too. A link counts as its
/// target's name and is not followed.
fn gather(
    folder: &Path,
    inside: &Path,
    found: &mut BTreeMap<PathBuf, blake3::Hash>,
    bytes: &mut u64,
) -> Result<(), Fault> {
    let path = folder.join(inside);
    let fault = |error: &std::io::Error| Fault::file("Reading", &path, error);
    let metadata = match std::fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(&error)),
    };
    if metadata.is_dir() {
        for entry in std::fs::read_dir(&path).map_err(|error| fault(&error))? {
            let entry = entry.map_err(|error| fault(&error))?;
            gather(folder, &inside.join(entry.file_name()), found, bytes)?;
        }
        return Ok(());
    }
    let mut hasher = blake3::Hasher::new();
    if metadata.is_symlink() {
        let target = std::fs::read_link(&path).map_err(|error| fault(&error))?;
        hasher.update(b"link").update(target.as_os_str().as_encoded_bytes());
    } else if metadata.is_file() {
        hasher.update(b"file");
        let file = std::fs::File::open(&path).map_err(|error| fault(&error))?;
        let room = BYTES_MAX.saturating_sub(*bytes) + 1;
        let mut file = file.take(room);
        *bytes += std::io::copy(&mut file, &mut hasher).map_err(|error| fault(&error))?;
    } else {
        hasher.update(b"other");
    }
    found.insert(inside.to_owned(), hasher.finalize());
    if found.len() > FILES_MAX || *bytes > BYTES_MAX {
        return Err(Fault::state(format!(
            "{} has more than {FILES_MAX} files or {} MB: nobody can know what they do, so make it \
             smaller.",
            folder.join(OWN_FOLDER).display(),
            BYTES_MAX >> 20
        )));
    }
    Ok(())
}

/// The folders that are trusted.
pub struct TrustStore {
    path: PathBuf,
    folders: BTreeMap<PathBuf, String>,
}

impl TrustStore {
    /// Reads the profile's store; a missing one trusts nothing.
    ///
    /// # Errors
    /// A store that cannot be read. Whoever goes on without it trusts nothing.
    pub fn load(directories: &Directories) -> Result<Self, Fault> {
        let path = directories.trust();
        let bytes = match disk::read(&RealDisk, &path, STORE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { path, folders: BTreeMap::new() });
            }
            Err(error) => return Err(Fault::file("Reading", &path, &error)),
        };
        match parse(&bytes) {
            Some(folders) => Ok(Self { path, folders }),
            None => Err(Fault::state(format!(
                "{} is damaged, so no folder is trusted: delete it and trust them again.",
                path.display()
            ))),
        }
    }

    /// Whether the folder's own files may count as they are now. It reads files: not for the UI
    /// thread. What cannot be read is not trusted.
    pub fn state(&self, folder: &Path) -> FolderTrust {
        let trusted = std::fs::canonicalize(folder).ok().and_then(|folder| {
            let given = self.folders.get(&folder)?;
            Some(*given == Fingerprint::of(&folder).ok()?.to_string())
        });
        match trusted {
            Some(true) => FolderTrust::Trusted,
            Some(false) | None => FolderTrust::Untrusted,
        }
    }

    /// The folders, each with the fingerprint that was looked at.
    pub fn folders(&self) -> impl Iterator<Item = (&PathBuf, &String)> {
        self.folders.iter()
    }

    /// Trusts `folder` as it is now. Only a person's own act may lead here.
    ///
    /// # Errors
    /// When it is no folder, cannot be read, or the store cannot be written.
    pub fn trust(&mut self, folder: &Path) -> Result<(PathBuf, Fingerprint), Fault> {
        let folder = real_folder(folder)?;
        let fingerprint = Fingerprint::of(&folder)?;
        self.folders.insert(folder.clone(), fingerprint.to_string());
        self.save()?;
        Ok((folder, fingerprint))
    }

    /// Trusts `folder` no more. One that is gone can be named too.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn revoke(&mut self, folder: &Path) -> Result<(PathBuf, Option<Fingerprint>), Fault> {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let folder = std::fs::canonicalize(folder).unwrap_or(absolute);
        if self.folders.remove(&folder).is_some() {
            self.save()?;
        }
        let fingerprint = Fingerprint::of(&folder).ok();
        Ok((folder, fingerprint))
    }

    fn save(&self) -> Result<(), Fault> {
        let row = |(path, fingerprint): (&PathBuf, &String)| {
            let path = path_to_json(path);
            json!({ "path": path, "fingerprint": fingerprint })
        };
        let folders: Value = self.folders.iter().map(row).collect();
        let text = format!("{:#}\n", json!({ "version": 1, "folders": folders }));
        disk::replace(&RealDisk, &self.path, text.as_bytes())
            .map_err(|error| Fault::file("Writing", &self.path, &error))
    }
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<PathBuf, String>> {
    let store: Value = serde_json::from_slice(bytes).ok()?;
    if store["version"] != 1 {
        return None;
    }
    let row = |row: &Value| {
        let fingerprint = row["fingerprint"].as_str()?;
        Some((path_from_json(&row["path"])?, fingerprint.to_owned()))
    };
    store["folders"].as_array()?.iter().map(row).collect()
}

fn real_folder(folder: &Path) -> Result<PathBuf, Fault> {
    let real =
        std::fs::canonicalize(folder).map_err(|error| Fault::file("Finding", folder, &error))?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(Fault::usage(format!("{} is not a folder; trust its folder.", folder.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, Directories, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::under(&dir.path().join("home"), dir.path().into());
        directories.make().unwrap();
        let folder = dir.path().join("code");
        std::fs::create_dir_all(folder.join(".hearth/tasks")).unwrap();
        std::fs::write(folder.join(".hearth/settings.toml"), "").unwrap();
        (dir, directories, folder)
    }

    fn state(directories: &Directories, folder: &Path) -> FolderTrust {
        TrustStore::load(directories).unwrap().state(folder)
    }

    #[test]
    fn trust_is_kept_and_taken_back() {
        let (_dir, directories, folder) = places();
        assert_eq!(state(&directories, &folder), FolderTrust::Untrusted);
        let mut store = TrustStore::load(&directories).unwrap();
        let (path, fingerprint) = store.trust(&folder.join("../code")).unwrap();
        assert_eq!(path, std::fs::canonicalize(&folder).unwrap());
        assert_eq!(fingerprint.to_string().len(), 64);
        assert_eq!(state(&directories, &folder), FolderTrust::Trusted);
        store.revoke(&folder).unwrap();
        assert_eq!(state(&directories, &folder), FolderTrust::Untrusted);
    }

    #[test]
    fn trust_ends_when_what_would_run_changes() {
        let (_dir, directories, folder) = places();
        TrustStore::load(&directories).unwrap().trust(&folder).unwrap();
        std::fs::write(folder.join("main.rs"), "code alone runs nothing").unwrap();
        assert_eq!(state(&directories, &folder), FolderTrust::Trusted);
        std::fs::write(folder.join(".hearth/tasks/build"), "rm").unwrap();
        assert_eq!(state(&directories, &folder), FolderTrust::Untrusted);
        std::fs::remove_file(folder.join(".hearth/tasks/build")).unwrap();
        assert_eq!(state(&directories, &folder), FolderTrust::Trusted);
        let (from, to) = (".hearth/settings.toml", ".hearth/tasks/settings.toml");
        std::fs::rename(folder.join(from), folder.join(to)).unwrap();
        assert_eq!(state(&directories, &folder), FolderTrust::Untrusted, "a name counts too");
    }

    #[test]
    fn a_damaged_store_trusts_nothing_and_says_so() {
        let (_dir, directories, folder) = places();
        std::fs::write(directories.trust(), "{").unwrap();
        assert!(TrustStore::load(&directories).is_err());
        std::fs::remove_file(directories.trust()).unwrap();
        let file = folder.join(".hearth/settings.toml");
        assert!(TrustStore::load(&directories).unwrap().trust(&file).is_err());
    }
}
