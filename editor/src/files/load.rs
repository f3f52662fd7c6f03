//! Reads a file into a document. Touches the disk and hashes: for a worker.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use syntax::Language;
use text::bytes::{Content, Decoder, Encoding};
use text::{Document, Rope};

use super::editorconfig::{self, Rules};
use super::stamp::Stamp;
use super::trouble::Trouble;
use crate::buffer::Buffer;

/// What a path leads to.
pub enum Loaded {
    /// A text.
    File(Box<LoadedFile>),
    /// Nothing yet: an empty buffer of that name.
    Missing {
        /// What the project says of such a file.
        rules: Rules,
        /// Its language, by name.
        language: Option<Language>,
    },
    /// A folder.
    Folder,
}

/// A text as it was read.
pub struct LoadedFile {
    /// The text and its beginning of history.
    pub document: Document,
    /// How its characters were bytes.
    pub encoding: Encoding,
    /// Whether it looks like text at all.
    pub content: Content,
    /// What the file looked like.
    pub stamp: Stamp,
    /// What the project says of it.
    pub rules: Rules,
    /// Its language.
    pub language: Option<Language>,
    /// Whether it may be written.
    pub access: Access,
}

/// Whether a file may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Writable,
    /// It may not.
    ReadOnly,
}

/// Bytes that are read at a time: what is looked at several times stays in a core's cache.
const CHUNK: usize = 128 << 10;

/// The text and encoding of a file, without a document around it.
pub struct Contents {
    /// The text.
    pub rope: Rope,
    /// How its characters were bytes.
    pub encoding: Encoding,
    /// Whether it looks like text at all.
    pub content: Content,
    /// What the file looked like.
    pub stamp: Stamp,
}

/// Reads what a path leads to.
pub fn load(path: &Path, hint: Option<Encoding>) -> Result<Loaded, Trouble> {
    let trouble = |error: io::Error| Trouble::opening(path, &error);
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let rules = editorconfig::rules_for(path);
            let language = Buffer::detect_language(Some(path), &Rope::new());
            return Ok(Loaded::Missing { rules, language });
        }
        Err(error) => return Err(trouble(error)),
    };
    if metadata.is_dir() {
        return Ok(Loaded::Folder);
    }
    if !metadata.is_file() {
        return Err(trouble(io::Error::other("it is not an ordinary file")));
    }
    let Contents { rope, encoding, content, stamp } = read(path, hint).map_err(trouble)?;
    let access = match metadata.permissions().readonly() {
        true => Access::ReadOnly,
        false => Access::Writable,
    };
    let language = Buffer::detect_language(Some(path), &rope);
    let rules = editorconfig::rules_for(path);
    let document = Document::from_base(rope);
    let file = LoadedFile { document, encoding, content, stamp, rules, language, access };
    Ok(Loaded::File(Box::new(file)))
}

/// Reads the text of a file.
pub fn read(path: &Path, hint: Option<Encoding>) -> io::Result<Contents> {
    let mut file = File::open(path)?;
    let mut decoder = Decoder::new(hint);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => decoder.feed(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let decoded = decoder.finish();
    let stamp = Stamp::from_metadata(&file.metadata()?);
    let text::bytes::Decoded { rope, encoding, content, .. } = decoded;
    Ok(Contents { rope, encoding, content, stamp })
}

/// The path as it is kept: absolute, without `.` and `..` where that is safe to take out.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What tells two paths to one file: the file itself where it exists.
pub fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| absolute(path))
}
