//! A shared folder on the disk: which of its files are shared, what they hold, and how they are
//! written.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sync::RelativePath;
use text::bytes::Encoding;
use text::{Rope, TextHash};

use crate::files::save::{self, Expect};

/// Bytes of a file that is shared as a text, at most.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// The file of rules that are only Hearth's.
const OWN_RULES: &str = ".hearthignore";

/// A folder.
pub struct Folder {
    root: PathBuf,
    rules: Gitignore,
}

/// What lies at a path.
pub enum Lies {
    /// A text in UTF-8.
    Text(String),
    /// Nothing.
    Nothing,
    /// Something that is not shared: a folder, a link, other bytes than text, too much of it.
    Other,
}

impl Folder {
    /// A folder with the rules that lie in it.
    pub fn new(root: PathBuf) -> Self {
        let mut builder = GitignoreBuilder::new(&root);
        for name in [".gitignore", OWN_RULES] {
            // A rule that makes no sense costs that rule.
            drop(builder.add(root.join(name)));
        }
        let rules = builder.build().unwrap_or_else(|_| Gitignore::empty());
        Self { root, rules }
    }

    /// Where it lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a path within it; `None` for what is not shared by its name.
    pub fn relative(&self, path: &Path) -> Option<RelativePath> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let names: Option<Vec<&str>> =
            inside.components().map(|part| part.as_os_str().to_str()).collect();
        let relative = RelativePath::new(&names?.join("/"))?;
        let ignored = self.rules.matched_path_or_any_parents(inside, false).is_ignore();
        (!ignored && !is_temporary(path)).then_some(relative)
    }

    /// The path on the disk of a place.
    pub fn absolute(&self, path: &RelativePath) -> PathBuf {
        path.as_str().split('/').fold(self.root.clone(), |at, name| at.join(name))
    }

    /// All files that are shared by their names.
    pub fn files(&self) -> Vec<RelativePath> {
        let mut walk = WalkBuilder::new(&self.root);
        walk.hidden(false).require_git(false).git_global(false).git_exclude(false);
        walk.parents(false).add_custom_ignore_filename(OWN_RULES);
        walk.filter_entry(|entry| !entry.file_name().eq_ignore_ascii_case(".git"));
        let files = walk.build().filter_map(Result::ok);
        let files = files.filter(|it| it.file_type().is_some_and(|kind| kind.is_file()));
        files.filter_map(|it| self.relative(it.path())).collect()
    }

    /// What lies at a place.
    pub fn read(&self, path: &RelativePath) -> Lies {
        let path = self.absolute(path);
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { return Lies::Nothing };
        if !metadata.is_file() || metadata.len() > TEXT_BYTES_MAX {
            return Lies::Other;
        }
        match std::fs::read(&path) {
            Ok(bytes) if !bytes.contains(&0) => {
                String::from_utf8(bytes).map_or(Lies::Other, Lies::Text)
            }
            Ok(_) => Lies::Other,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Lies::Nothing,
            Err(_) => Lies::Other,
        }
    }

    /// The hash of the text at a place, if one lies there.
    pub fn hash(&self, path: &RelativePath) -> Option<TextHash> {
        match self.read(path) {
            Lies::Text(text) => Some(TextHash::of(&Rope::from_str(&text))),
            Lies::Nothing | Lies::Other => None,
        }
    }

    /// Makes the folder that a file is to lie in; not through a link to somewhere else.
    fn make_parent(&self, path: &Path) -> std::io::Result<()> {
        let Some(parent) = path.parent() else { return Ok(()) };
        std::fs::create_dir_all(parent)?;
        match parent.canonicalize()?.starts_with(self.root.canonicalize()?) {
            true => Ok(()),
            false => Err(std::io::Error::other("a link there leads out of the shared folder")),
        }
    }

    /// Brings a file to a text, whole or not at all.
    ///
    /// # Errors
    /// A sentence.
    pub fn write(&self, path: &RelativePath, text: &Rope, safety: &Path) -> Result<(), String> {
        let path = self.absolute(path);
        self.make_parent(&path)
            .map_err(|error| format!("{} could not be written: {error}.", path.display()))?;
        let bytes = text::bytes::encode(text, Encoding::default())
            .map_err(|error| format!("{} could not be written: {error}.", path.display()))?;
        save::save(&path, &[&bytes], Expect::Anything, safety)
            .map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Lets a file lie elsewhere, unless something lies there.
    pub fn rename(&self, from: &RelativePath, to: &RelativePath) -> std::io::Result<()> {
        let (from, to) = (self.absolute(from), self.absolute(to));
        if to.exists() {
            return Err(std::io::ErrorKind::AlreadyExists.into());
        }
        self.make_parent(&to)?;
        std::fs::rename(from, to)
    }

    /// Deletes a file, if it holds what it was.
    pub fn remove(&self, path: &RelativePath, was: TextHash) -> std::io::Result<()> {
        match self.hash(path) {
            Some(hash) if hash == was => std::fs::remove_file(self.absolute(path)),
            _ => Ok(()),
        }
    }

    /// Sets what lies at a place aside, under a name that tells so; answers that name.
    pub fn set_aside(&self, path: &RelativePath) -> std::io::Result<PathBuf> {
        let at = self.absolute(path);
        let stem = at.file_stem().map_or_else(Default::default, std::ffi::OsStr::to_os_string);
        for number in 1.. {
            let mut name = stem.clone();
            name.push(match number {
                1 => " (before joining)".to_owned(),
                _ => format!(" (before joining {number})"),
            });
            if let Some(extension) = at.extension() {
                name.push(".");
                name.push(extension);
            }
            let aside = at.with_file_name(name);
            if !aside.exists() {
                std::fs::copy(&at, &aside)?;
                return Ok(aside);
            }
        }
        unreachable!("some number is free")
    }
}

/// Whether a name is one under which programs write before they rename.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.ends_with('~') || name.ends_with(".swp") || name.starts_with(".hearth-")
}
