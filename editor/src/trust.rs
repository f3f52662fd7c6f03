//! Folders whose own files may run something, because their owner said so.
//!
//! Trust holds for what the folder's files say now: it is given to a fingerprint of everything
//! under `.hearth/` there (settings, tasks, policy), and ends when one of them changes. It holds
//! for that folder, not for those in it. Who is trusted is kept by
//! [`kernel::authority::Authority`], so that a locked profile trusts nobody; this is what it is
//! held against.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use kernel::authority::{Authority, TrustPrint};
use kernel::gate::CanonicalPath;

use crate::registry::Fault;
use crate::settings::FolderTrust;

/// The folder, inside another, whose files can run something.
pub const OWN_FOLDER: &str = ".hearth";

/// Files of one folder that are looked at.
const FILES_MAX: usize = 2000;

/// Bytes of one folder that are looked at.
const BYTES_MAX: u64 = 64 << 20;

/// What `folder`'s own files say now, as one hash. It reads files: not for the UI thread.
///
/// # Errors
/// When something cannot be read, or is more than a person could have looked at.
pub fn fingerprint(folder: &Path) -> Result<TrustPrint, Fault> {
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    gather(folder, Path::new(OWN_FOLDER), &mut found, &mut bytes)?;
    let mut hasher = blake3::Hasher::new_derive_key("hearth 2026 folder trust");
    for (path, content) in found {
        let name = path.as_os_str().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
        hasher.update(content.as_bytes());
    }
    Ok(TrustPrint(*hasher.finalize().as_bytes()))
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

/// Whether the folder's own files may count as they are now. It reads files: not for the UI thread.
/// What cannot be read is not trusted.
pub fn state(authority: &Authority, folder: &CanonicalPath) -> FolderTrust {
    let given = authority.trusted(folder).ok().flatten();
    let is_same = given
        .is_some_and(|given| fingerprint(Path::new(folder.as_str())).is_ok_and(|now| now == given));
    if is_same { FolderTrust::Trusted } else { FolderTrust::Untrusted }
}

/// The folder that a person names, under its one name.
///
/// # Errors
/// When it is no folder, or has a name that no policy could say.
pub fn real_folder(folder: &Path) -> Result<CanonicalPath, Fault> {
    let real =
        std::fs::canonicalize(folder).map_err(|error| Fault::file("Finding", folder, &error))?;
    if !real.is_dir() {
        return Err(Fault::usage(format!(
            "{} is not a folder; trust its folder.",
            folder.display()
        )));
    }
    CanonicalPath::resolve(&real).map_err(|error| Fault::file("Finding", folder, &error))
}

/// The same for one that may be gone: then it is taken as it is written.
///
/// # Errors
/// A name that no policy could say.
pub fn named_folder(folder: &Path) -> Result<CanonicalPath, Fault> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    CanonicalPath::resolve(&absolute).map_err(|error| Fault::file("Finding", folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("code");
        std::fs::create_dir_all(folder.join(".hearth/tasks")).unwrap();
        std::fs::write(folder.join(".hearth/settings.toml"), "").unwrap();
        (dir, folder)
    }

    #[test]
    fn a_fingerprint_changes_with_what_would_run_and_with_nothing_else() {
        let (_dir, folder) = folder();
        let first = fingerprint(&folder).unwrap();
        assert_eq!(first.to_string().len(), 64);
        std::fs::write(folder.join("main.rs"), "code alone runs nothing").unwrap();
        assert_eq!(fingerprint(&folder).unwrap(), first);
        std::fs::write(folder.join(".hearth/tasks/build"), "rm").unwrap();
        assert_ne!(fingerprint(&folder).unwrap(), first);
        std::fs::remove_file(folder.join(".hearth/tasks/build")).unwrap();
        assert_eq!(fingerprint(&folder).unwrap(), first);
        let (from, to) = (".hearth/settings.toml", ".hearth/tasks/settings.toml");
        std::fs::rename(folder.join(from), folder.join(to)).unwrap();
        assert_ne!(fingerprint(&folder).unwrap(), first, "a name counts too");
    }

    #[test]
    fn a_folder_has_one_name_and_a_file_is_none() {
        let (_dir, folder) = folder();
        let real = real_folder(&folder.join("../code")).unwrap();
        assert_eq!(real, real_folder(&folder).unwrap());
        assert!(real_folder(&folder.join(".hearth/settings.toml")).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(real_folder(&folder).is_err());
        assert_eq!(named_folder(&folder).unwrap(), real);
    }
}
