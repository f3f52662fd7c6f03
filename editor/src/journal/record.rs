//! The records of the journal's streams.

use std::path::PathBuf;

use kernel::log::{Kind, RecordHeader};
use kernel::row::ROW_STREAM;
use serde::{Deserialize, Serialize};
use text::{Rope, RopeSlice, TextHash};

use super::StreamKey;
use crate::buffer::Buffer;
use crate::panes::Shape;
use crate::registry::{path_from_json, path_to_json};

/// What a text is: [`Opened`].
pub const OPENED: Kind = Kind(1);
/// A part of the text that a stream starts from, compressed.
pub const BASE: Kind = Kind(2);
/// Operations of this device, one after the other.
pub const OPERATIONS: Kind = Kind(3);
/// The file holds the text as it is here: [`Opened`].
pub const SAVED: Kind = Kind(4);
/// The text was closed.
pub const CLOSED: Kind = Kind(5);
/// Operations that were made on other devices, one after the other.
pub const ELSEWHERE: Kind = Kind(6);
/// Where everything is: [`Session`].
pub const SESSION: Kind = Kind(10);

/// Whether a record is the journal's: rows and ledgers are streams of the same log, and rows count
/// their kinds from 1 as well.
pub fn is_own(header: &RecordHeader) -> bool {
    (OPENED.0..=SESSION.0).contains(&header.kind.0) && header.stream != ROW_STREAM
}

/// The stream of the session.
pub const SESSION_STREAM: StreamKey = StreamKey(1);

/// Characters of a base in one record; far below what a record can hold.
const BASE_CHARS: usize = 1 << 22;

/// Compression of bases: the fastest that still halves code.
const BASE_LEVEL: i32 = 1;

/// A base that claims to be longer than this when it is unpacked is damaged.
const BASE_BYTES_MAX: usize = 4 * BASE_CHARS;

/// The content of a record that takes long to make.
pub struct Unmade {
    /// It has at most so many bytes.
    pub bytes_max: usize,
    /// Makes it, on another thread.
    pub make: Box<dyn FnOnce() -> Vec<u8> + Send>,
}

/// What a text is, apart from its characters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Its file, as JSON writes paths.
    pub path: Option<serde_json::Value>,
    /// The number of a draft.
    pub draft: u32,
    /// Its encoding by name.
    pub encoding: String,
    /// The hash of what its file held; `None` if it had none.
    pub saved: Option<String>,
    /// How many [`BASE`] records follow this one as the first of its stream; 0 where that was not
    /// noted.
    #[serde(default)]
    pub parts: usize,
}

/// What a text is takes less, even with the longest path there is.
const OPENED_BYTES_MAX: usize = 1 << 16;

impl Opened {
    /// What a buffer is, as a record that is still to be made: the text is hashed for it.
    pub fn unmade(buffer: &Buffer, parts: usize) -> Unmade {
        let has_file = buffer.on_disk != crate::buffer::OnDisk::Nothing;
        let saved = has_file.then(|| buffer.saved.clone());
        let opened = Opened {
            path: buffer.path.as_deref().map(path_to_json),
            draft: buffer.draft,
            encoding: buffer.encoding.to_string(),
            saved: None,
            parts,
        };
        let make = move || {
            let saved = saved.map(|text| TextHash::of(&text).to_string());
            Opened { saved, ..opened }.to_bytes()
        };
        Unmade { bytes_max: OPENED_BYTES_MAX, make: Box::new(make) }
    }

    /// The file.
    pub fn path(&self) -> Option<PathBuf> {
        path_from_json(self.path.as_ref()?)
    }

    /// As a record.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields are always JSON")
    }

    /// From a record; `None` for one that is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The text that a stream starts from, as records in their order.
pub type Base = Vec<Vec<u8>>;

/// How many records a text is.
pub fn part_count(base: &Rope) -> usize {
    base.len_chars().div_ceil(BASE_CHARS).max(1)
}

/// One of the records of a text, of [`part_count`], still to be made.
pub fn unmade_part(base: &Rope, part: usize) -> Unmade {
    let base = base.clone();
    let bytes = part_of(&base, part).len_bytes();
    Unmade {
        bytes_max: zstd::zstd_safe::compress_bound(bytes),
        make: Box::new(move || compressed(part_of(&base, part))),
    }
}

/// A text as records: 10 MB of code take 30 ms, so it is for a worker.
pub fn base(text: &Rope) -> Base {
    (0..part_count(text)).map(|part| compressed(part_of(text, part))).collect()
}

fn part_of(base: &Rope, part: usize) -> RopeSlice<'_> {
    let start = part * BASE_CHARS;
    base.slice(start..(start + BASE_CHARS).min(base.len_chars()))
}

fn compressed(text: RopeSlice<'_>) -> Vec<u8> {
    let text = text.to_string();
    zstd::bulk::compress(text.as_bytes(), BASE_LEVEL).expect("memory takes any text")
}

/// The text in one record; `None` for one that is damaged.
pub fn base_text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(zstd::bulk::decompress(bytes, BASE_BYTES_MAX).ok()?).ok()
}

/// Where everything was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The window that had the keyboard. Its fields are the session's own, as they were when there
    /// was one window.
    #[serde(flatten)]
    pub window: WindowState,
    /// The other windows, oldest first.
    #[serde(default)]
    pub others: Vec<WindowState>,
    /// Files that were open lately, newest first.
    pub recent: Vec<serde_json::Value>,
    /// The streams of texts that were closed without saving, newest last: 32 hex digits each.
    #[serde(default)]
    pub aside: Vec<String>,
}

/// What was in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WindowState {
    /// The folder that was worked in.
    pub folder: Option<serde_json::Value>,
    /// Width and height, logical pixels.
    pub size: (f32, f32),
    /// How much larger text was than the settings say.
    #[serde(default)]
    pub zoom: Option<f32>,
    /// How panes lay.
    pub shape: Option<Shape>,
    /// Which pane had the focus.
    pub focus: u64,
    /// What was in them.
    pub panes: Vec<PaneState>,
}

/// What was in a pane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaneState {
    /// Its name.
    pub id: u64,
    /// Which tab was shown.
    pub active: usize,
    /// Its tabs.
    pub views: Vec<ViewState>,
}

/// Where a view was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewState {
    /// The stream of its text, if it was ever edited: 32 hex digits.
    pub stream: Option<String>,
    /// Its file.
    pub path: Option<serde_json::Value>,
    /// Anchor and head of each selection, in characters.
    pub selections: Vec<(usize, usize)>,
    /// Which of them was the primary one.
    pub primary: usize,
    /// What was at the top left corner: row and logical pixels.
    pub scroll: (f64, f32),
    /// What was folded, in characters.
    pub folds: Vec<(usize, usize)>,
    /// Whether lines were wrapped.
    pub wrap: bool,
    /// The comparison that it was a side of, and whether it showed the text after.
    #[serde(default)]
    pub compared: Option<(u64, bool)>,
}

impl ViewState {
    /// The stream's key.
    pub fn stream(&self) -> Option<StreamKey> {
        Self::stream_of(self.stream.as_deref()?)
    }

    /// The key that a name is kept for.
    pub fn stream_of(name: &str) -> Option<StreamKey> {
        u128::from_str_radix(name, 16).ok().map(StreamKey)
    }

    /// A key as it is kept.
    pub fn name_of(stream: StreamKey) -> String {
        format!("{:032x}", stream.0)
    }
}

impl Session {
    /// As a record.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields are always JSON")
    }

    /// From a record; `None` for one that is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The windows, the one that had the keyboard first.
    pub fn windows(&self) -> impl Iterator<Item = &WindowState> {
        std::iter::once(&self.window).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_base_comes_back_from_its_parts() {
        let text = "سطر من النص\r\n".repeat(BASE_CHARS / 10);
        let rope = Rope::from_str(&text);
        let parts = base(&rope);
        assert!(parts.len() > 1);
        let back: Option<String> = parts.iter().map(|part| base_text(part)).collect();
        assert_eq!(back.unwrap(), text);
        assert_eq!(base(&Rope::new()).len(), 1, "an empty base is a base");
        for (index, part) in parts.iter().enumerate() {
            let unmade = unmade_part(&rope, index);
            assert!(part.len() <= unmade.bytes_max);
            assert_eq!((unmade.make)(), *part, "it is the same whoever makes it, and when");
        }
    }

    #[test]
    fn a_session_of_one_window_is_read_as_it_was_written_then() {
        let kept = br#"{"folder":null,"size":[800.0,600.0],"shape":{"Pane":1},"focus":1,
            "panes":[{"id":1,"active":0,"views":[]}],"recent":["/a"]}"#;
        let session = Session::from_bytes(kept).unwrap();
        assert_eq!(session.window.size, (800.0, 600.0));
        assert_eq!(session.windows().count(), 1);
        let more = Session { others: vec![session.window.clone()], ..session };
        assert_eq!(Session::from_bytes(&more.to_bytes()), Some(more));
    }

    #[test]
    fn damaged_records_are_refused() {
        assert!(base_text(b"not compressed").is_none());
        assert!(Opened::from_bytes(b"{").is_none());
        assert!(Session::from_bytes(b"[]").is_none());
    }
}
