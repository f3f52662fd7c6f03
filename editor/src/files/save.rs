//! Writes a file so that a crash at any point leaves the old text or the new, and so that the
//! file stays what it was: owner, mode, attributes, links.
//!
//! The usual way is a temporary file beside it, fsync, rename, fsync of the folder. Where a rename
//! would change what the file is (another hard link, a foreign owner, a mount point, a folder that
//! takes no new file), the new text first becomes durable in the safety folder and is then written
//! over the old in place; [`unfinished`] finds what a crash in that moment left.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::stamp::Stamp;
use super::trouble::Trouble;

/// How a file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It did not exist.
    Created,
    /// A new file took its name.
    Replaced,
    /// The same file was written over.
    InPlace,
}

impl Way {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::InPlace => "in place",
        }
    }
}

/// What the caller knows of the file.
#[derive(Clone, Copy, Debug)]
pub enum Expect<'a> {
    /// It has not changed since this was seen; else it is not written.
    Unchanged(&'a Stamp),
    /// It does not exist; else it is not written.
    Missing,
    /// It may be anything; the person said so.
    Anything,
}

/// A file that was written.
#[derive(Clone, Debug)]
pub struct Saved {
    /// How.
    pub way: Way,
    /// What it looks like now.
    pub stamp: Stamp,
    /// How many bytes it holds.
    pub bytes: u64,
}

/// Writes `chunks` to `path`, through a link if it is one. `safety` is a folder of our own.
pub fn save(
    path: &Path,
    chunks: &[&[u8]],
    expect: Expect<'_>,
    safety: &Path,
) -> Result<Saved, Trouble> {
    let trouble = |error: io::Error| Trouble::saving(path, &error);
    let target = follow(path).map_err(trouble)?;
    let now = Stamp::of(&target).map_err(trouble)?;
    check(path, expect, now.as_ref())?;
    let bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    let way = match &now {
        None => {
            create(&target, chunks, safety).map_err(trouble)?;
            Way::Created
        }
        Some(_) => {
            refuse_what_is_no_file(&target).map_err(trouble)?;
            refuse_read_only(&target).map_err(trouble)?;
            match replace(&target, chunks, safety).map_err(trouble)? {
                Replacement::Done => Way::Replaced,
                Replacement::WouldChangeIt => {
                    write_over(&target, chunks, safety).map_err(trouble)?;
                    Way::InPlace
                }
            }
        }
    };
    let stamp = Stamp::of(&target).map_err(trouble)?.ok_or_else(|| {
        Trouble::saving(path, &io::Error::new(io::ErrorKind::NotFound, "it vanished"))
    })?;
    Ok(Saved { way, stamp, bytes })
}

fn check(path: &Path, expect: Expect<'_>, now: Option<&Stamp>) -> Result<(), Trouble> {
    match (expect, now) {
        (Expect::Anything, _) | (Expect::Missing, None) | (Expect::Unchanged(_), None) => Ok(()),
        (Expect::Unchanged(seen), Some(now)) if seen.same_file_state(now) => Ok(()),
        (Expect::Unchanged(_) | Expect::Missing, Some(_)) => Err(Trouble::changed_outside(path)),
    }
}

/// The file that a chain of links names, whether it exists or not.
pub fn follow(path: &Path) -> io::Result<PathBuf> {
    const LINKS_MAX: usize = 40;
    let mut at = std::path::absolute(path)?;
    for _ in 0..LINKS_MAX {
        match fs::read_link(&at) {
            Ok(next) => at = at.parent().unwrap_or(Path::new("/")).join(next),
            Err(_) => return Ok(at),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn refuse_what_is_no_file(target: &Path) -> io::Result<()> {
    let kind = fs::metadata(target)?.file_type();
    match kind.is_file() {
        true => Ok(()),
        false if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        false => Err(io::Error::other("it is not an ordinary file")),
    }
}

/// A rename would get around a file's own write protection; a person does not expect that.
fn refuse_read_only(target: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(target) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

fn create(target: &Path, chunks: &[&[u8]], safety: &Path) -> io::Result<()> {
    let draft = Draft::beside(target, safety)?;
    draft.fill(chunks)?;
    // A hard link refuses a name that was taken in between; a rename would win over it.
    match fs::hard_link(&draft.path, target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => draft.rename(target)?,
    }
    drop(draft);
    sync_folder(target)
}

enum Replacement {
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing is replaced there"))]
    Done,
    WouldChangeIt,
}

#[cfg(unix)]
fn replace(target: &Path, chunks: &[&[u8]], safety: &Path) -> io::Result<Replacement> {
    use std::os::unix::fs::MetadataExt;

    let old = fs::metadata(target)?;
    if old.nlink() > 1 {
        return Ok(Replacement::WouldChangeIt);
    }
    let draft = match Draft::beside(target, safety) {
        Ok(draft) => draft,
        // The folder takes no new file, but the file itself may be writable.
        Err(error) if is_refusal(&error) => return Ok(Replacement::WouldChangeIt),
        Err(error) => return Err(error),
    };
    if !draft.resembles(target, &old) {
        return Ok(Replacement::WouldChangeIt);
    }
    draft.fill(chunks)?;
    match draft.rename(target) {
        Ok(()) => {}
        // A file that is a mount point of its own cannot be renamed over.
        Err(error) if is_refusal(&error) || error.raw_os_error() == Some(libc::EBUSY) => {
            return Ok(Replacement::WouldChangeIt);
        }
        Err(error) => return Err(error),
    }
    sync_folder(target)?;
    Ok(Replacement::Done)
}

/// A rename on this system would lose the file's access list.
#[cfg(not(unix))]
fn replace(_target: &Path, _chunks: &[&[u8]], _safety: &Path) -> io::Result<Replacement> {
    Ok(Replacement::WouldChangeIt)
}

#[cfg(unix)]
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Writes the new text over the old, with a durable copy of it kept until that is done.
fn write_over(target: &Path, chunks: &[&[u8]], safety: &Path) -> io::Result<()> {
    fs::create_dir_all(safety)?;
    let name = blake3::hash(target.as_os_str().as_encoded_bytes()).to_hex();
    let copy = safety.join(format!("{name}.text"));
    let label = safety.join(format!("{name}.path"));
    write_durably(&label, &[target.as_os_str().as_encoded_bytes()])?;
    write_durably(&copy, chunks)?;
    sync_folder(&copy)?;
    overwrite(target, chunks)?;
    fs::remove_file(&copy)?;
    fs::remove_file(&label)
}

fn overwrite(target: &Path, chunks: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(target)?;
    let mut length = 0_u64;
    for chunk in chunks {
        file.write_all(chunk)?;
        length += chunk.len() as u64;
    }
    file.set_len(length)?;
    file.rewind()?;
    file.sync_all()
}

/// Writes a file that has its name only once it is whole: what a crash cuts off is found by
/// nobody, and a whole copy from before stays until another takes its place.
fn write_durably(path: &Path, chunks: &[&[u8]]) -> io::Result<()> {
    let part = path.with_added_extension("part");
    let mut file = private().create(true).truncate(true).open(&part)?;
    chunks.iter().try_for_each(|chunk| file.write_all(chunk))?;
    file.sync_all()?;
    fs::rename(part, path)
}

/// Copies that an in-place write left when it was cut off: the file and what it should hold.
pub fn unfinished(safety: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(safety) else { return Vec::new() };
    let copies = entries.filter_map(Result::ok).map(|entry| entry.path());
    copies
        .filter(|path| path.extension().is_some_and(|extension| extension == "text"))
        .filter_map(|copy| {
            let label = fs::read(copy.with_extension("path")).ok()?;
            let mut bytes = Vec::new();
            File::open(&copy).ok()?.read_to_end(&mut bytes).ok()?;
            Some((path_of(label)?, bytes))
        })
        .collect()
}

/// Removes drafts that a kill left beside their files. Only what we wrote a note of is touched.
pub fn sweep(safety: &Path) {
    let Ok(entries) = fs::read_dir(safety) else { return };
    for note in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if note.extension().is_none_or(|extension| extension != "draft") {
            continue;
        }
        if let Some(draft) = fs::read(&note).ok().and_then(path_of) {
            // It may have been renamed, or its folder may be gone.
            let _ = fs::remove_file(draft);
        }
        // Read again at the next start if it cannot be removed now.
        let _ = fs::remove_file(note);
    }
}

#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(OsString::from(String::from_utf8(bytes).ok()?).into())
}

/// A file that only its owner can read until it gets the mode of the one that it replaces.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Notes where a draft is about to be. A full disk of our own is no reason not to save to another.
fn leave_note(safety: &Path, draft: &[u8]) -> Option<PathBuf> {
    let note = safety.join(format!("{}.draft", blake3::hash(draft).to_hex()));
    fs::create_dir_all(safety).ok()?;
    fs::write(&note, draft).ok()?;
    Some(note)
}

/// The new text under a name of its own, gone unless it is renamed. A note of that name lies in
/// the safety folder, so that a draft that a kill left is found at the next start.
struct Draft {
    file: File,
    path: PathBuf,
    note: Option<PathBuf>,
}

impl Draft {
    fn beside(target: &Path, safety: &Path) -> io::Result<Self> {
        let folder = target.parent().unwrap_or(Path::new("."));
        let name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut attempt = 0_u32;
        loop {
            let mut draft = OsString::from(".");
            // A name as long as the system allows leaves no room for ours.
            draft.push(if name.len() > 200 { "long".as_ref() } else { name });
            draft.push(format!(".hearth-{}-{attempt}", std::process::id()));
            let path = folder.join(draft);
            let bytes = path.as_os_str().as_encoded_bytes();
            let note = leave_note(safety, bytes);
            match private().create_new(true).open(&path) {
                Ok(file) => return Ok(Draft { file, path, note }),
                Err(error) => {
                    drop(note.map(fs::remove_file));
                    if error.kind() != io::ErrorKind::AlreadyExists || attempt == 100 {
                        return Err(error);
                    }
                    attempt += 1;
                }
            }
        }
    }

    /// Gives it the owner, mode and attributes of the old file; false where that is not possible.
    #[cfg(unix)]
    fn resembles(&self, target: &Path, old: &fs::Metadata) -> bool {
        use std::os::unix::fs::{MetadataExt, fchown};

        let Ok(ours) = self.file.metadata() else { return false };
        if (ours.uid(), ours.gid()) != (old.uid(), old.gid())
            && fchown(&self.file, Some(old.uid()), Some(old.gid())).is_err()
        {
            return false;
        }
        // After the owner, since changing that clears the set-id bits.
        if self.file.set_permissions(old.permissions()).is_err() {
            return false;
        }
        let Ok(names) = xattr::list(target) else { return true };
        names.into_iter().all(|name| match xattr::get(target, &name) {
            Ok(Some(value)) => {
                let has = xattr::get(&self.path, &name).ok().flatten();
                has.as_ref() == Some(&value) || xattr::set(&self.path, &name, &value).is_ok()
            }
            Ok(None) => true,
            Err(_) => false,
        })
    }

    fn fill(&self, chunks: &[&[u8]]) -> io::Result<()> {
        let mut file = &self.file;
        chunks.iter().try_for_each(|chunk| file.write_all(chunk))?;
        file.sync_all()
    }

    fn rename(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing under this name; that is the usual case.
        let _ = fs::remove_file(&self.path);
        // A note that stays names a draft that is gone, which the next start forgives.
        let _ = self.note.as_ref().map(fs::remove_file);
    }
}

/// Makes a new name durable.
#[cfg(unix)]
fn sync_folder(target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder, and some folders can be written but not read.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_folder(_target: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn write(path: &Path, text: &str) -> Result<Saved, Trouble> {
        let safety = path.parent().unwrap().join("safety");
        save(path, &[text.as_bytes()], Expect::Anything, &safety)
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_attributes() {
        let folder = folder();
        let path = folder.path().join("script.sh");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
        let tagged = xattr::set(&path, "user.tag", b"mine").is_ok();
        let saved = write(&path, "new").unwrap();
        assert_eq!(saved.way, Way::Replaced);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o751);
        if tagged {
            assert_eq!(xattr::get(&path, "user.tag").unwrap().unwrap(), b"mine");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no draft is left");
    }

    #[test]
    fn hard_links_stay_one_file_and_no_copy_is_left() {
        let folder = folder();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "a longer old text").unwrap();
        fs::hard_link(&one, &two).unwrap();
        assert_eq!(write(&one, "new").unwrap().way, Way::InPlace);
        assert_eq!(fs::read_to_string(&two).unwrap(), "new");
        assert!(unfinished(&folder.path().join("safety")).is_empty());
    }

    #[test]
    fn a_link_is_written_through() {
        let folder = folder();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        symlink("real", &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        let dangling = folder.path().join("dangling");
        symlink("later", &dangling).unwrap();
        assert_eq!(write(&dangling, "x").unwrap().way, Way::Created);
        assert_eq!(fs::read_to_string(folder.path().join("later")).unwrap(), "x");
    }

    #[test]
    fn what_changed_outside_is_not_written_over() {
        let folder = folder();
        let path = folder.path().join("file");
        fs::write(&path, "seen").unwrap();
        let seen = Stamp::of(&path).unwrap().unwrap();
        fs::write(&path, "changed by another").unwrap();
        let refused = save(&path, &[b"ours"], Expect::Unchanged(&seen), folder.path());
        assert!(refused.is_err_and(|trouble| trouble.is_changed_outside()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "changed by another");
        assert!(save(&path, &[b"ours"], Expect::Missing, folder.path()).is_err());
    }

    #[test]
    fn a_missing_folder_and_a_folder_in_place_of_a_file_are_told_in_a_sentence() {
        let folder = folder();
        let safety = folder.path().join("safety");
        let sentence =
            |path: &Path| save(path, &[b"x"], Expect::Anything, &safety).unwrap_err().to_string();
        let missing = sentence(&folder.path().join("gone/file"));
        assert!(missing.contains("folder") && missing.ends_with('.'), "{missing}");
        let is_folder = sentence(folder.path());
        assert!(is_folder.contains("is a folder"), "{is_folder}");
    }

    #[test]
    fn a_cut_in_place_write_leaves_a_copy_that_is_found() {
        let folder = folder();
        let (target, safety) = (folder.path().join("target"), folder.path().join("safety"));
        fs::create_dir(&safety).unwrap();
        write_durably(&safety.join("k.path"), &[target.as_os_str().as_encoded_bytes()]).unwrap();
        write_durably(&safety.join("k.text"), &[b"what it should hold"]).unwrap();
        assert_eq!(unfinished(&safety), [(target, b"what it should hold".to_vec())]);
    }

    #[test]
    fn a_draft_that_a_kill_left_is_swept_away_and_nothing_else() {
        let folder = folder();
        let (target, safety) = (folder.path().join("target"), folder.path().join("safety"));
        fs::write(&target, "kept").unwrap();
        std::mem::forget(Draft::beside(&target, &safety).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        sweep(&safety);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "target and safety are left");
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(fs::read_dir(&safety).unwrap().count(), 0);
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "tests/run reads the line")]
    fn a_file_of_another_owner_stays_theirs() {
        let folder = folder();
        let path = folder.path().join("theirs");
        fs::write(&path, "old").unwrap();
        if std::os::unix::fs::chown(&path, Some(12_345), Some(12_345)).is_err() {
            println!("SKIPPED: a_file_of_another_owner_stays_theirs: giving files away needs root");
            return;
        }
        write(&path, "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().uid(), 12_345);
    }
}
