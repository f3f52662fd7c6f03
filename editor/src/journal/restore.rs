//! Reads the journal back. It reads files, opens seals and replays histories: for a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kernel::keys::{Opener, Unlocked};
use kernel::log::{Damage, DamageKind, LogError, LogReader, LogWriter, Record, RecordHeader};
use kernel::row::Rows;
use kernel::stores;
use text::bytes::Encoding;
use text::{Author, Authors, Document, Operation, Rope, TextHash};

use super::StreamKey;
use super::record::{self, Opened, Session};
use crate::files::load::{self, Loaded, LoadedFile};
use crate::files::stamp::Stamp;
use crate::registry::path_from_json;
use crate::sharing;

/// What the journal holds.
#[derive(Default)]
pub struct Restored {
    /// Texts that were open.
    pub texts: Vec<RestoredText>,
    /// Where everything was.
    pub session: Option<Session>,
    /// Files that were seen and never edited, as they are now.
    pub files: BTreeMap<PathBuf, LoadedFile>,
    /// Streams of files that were cut off before anything was typed.
    pub unbegun: Vec<StreamKey>,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
}

/// A text as it was.
pub struct RestoredText {
    /// Its stream.
    pub stream: StreamKey,
    /// Text, history and undo.
    pub document: Document,
    /// What its file held when it was last read or written here.
    pub saved: Rope,
    /// Its file.
    pub path: Option<PathBuf>,
    /// The number of a draft.
    pub draft: u32,
    /// Its encoding.
    pub encoding: Encoding,
    /// What the file looks like now; `None` if there is none.
    pub stamp: Option<Stamp>,
    /// Whether it ever had a file.
    pub had_file: bool,
    /// Its language.
    pub language: Option<syntax::Language>,
    /// What the project says of it.
    pub rules: crate::files::editorconfig::Rules,
}

#[derive(Default)]
struct Stream {
    opened: Option<Opened>,
    base: Option<String>,
    /// How many records the base came from.
    parts: usize,
    operations: Vec<Operation>,
    /// Who made those of this device.
    own: BTreeSet<Author>,
    /// How many of the operations the file held, and what it was then.
    saved: Option<(usize, Opened)>,
    damaged: usize,
    is_closed: bool,
}

impl Stream {
    fn take(&mut self, record: &Record) {
        match record.header.kind {
            record::OPENED => self.opened = Opened::from_bytes(&record.payload),
            record::BASE => match record::base_text(&record.payload) {
                Some(text) => {
                    self.base.get_or_insert_default().push_str(&text);
                    self.parts += 1;
                }
                None => self.damaged += 1,
            },
            record::OPERATIONS | record::ELSEWHERE => {
                let mut rest = record.payload.as_slice();
                while !rest.is_empty() {
                    let Ok((operation, length)) = Operation::decode(rest) else {
                        self.damaged += 1;
                        break;
                    };
                    if record.header.kind == record::OPERATIONS {
                        self.own.insert(operation.id.author);
                    }
                    self.operations.push(operation);
                    rest = &rest[length..];
                }
            }
            record::SAVED => {
                let opened = Opened::from_bytes(&record.payload);
                self.saved = opened.map(|opened| (self.operations.len(), opened));
            }
            record::CLOSED => self.is_closed = true,
            _ => {}
        }
    }

    /// Whether a kill came before the whole text was written that it starts from. No operation is
    /// written before that, so that nothing of it was ever seen.
    fn is_unbegun(&self) -> bool {
        let wanted = self.opened.as_ref().map_or(1, |opened| opened.parts.max(1));
        self.operations.is_empty() && self.damaged == 0 && self.parts < wanted
    }

    /// What the text started from. Where damage cost a part of it the file may still hold it.
    fn base(&mut self, on_disk: Option<&Rope>) -> Rope {
        let kept = self.base.take().map(|text| Rope::from_str(&text));
        let (hash, wanted) = match &self.opened {
            Some(opened) => (opened.saved.as_deref(), opened.parts),
            None => (None, 0),
        };
        let is_same =
            |text: &&Rope| hash.is_some_and(|hash| TextHash::of(text).to_string() == hash);
        match (kept, on_disk) {
            (Some(kept), _) if self.parts >= wanted => kept,
            (None, Some(text)) => text.clone(),
            (Some(kept), on_disk) => on_disk.filter(is_same).cloned().unwrap_or(kept),
            (None, None) => Rope::default(),
        }
    }

    fn restore(mut self, stream: StreamKey, problems: &mut Vec<String>) -> Option<RestoredText> {
        let opened = self.saved.as_ref().map(|(_, opened)| opened).or(self.opened.as_ref());
        let opened = opened.cloned().unwrap_or(Opened {
            path: None,
            draft: 1,
            encoding: Encoding::default().to_string(),
            saved: None,
            parts: 0,
        });
        let path = opened.path();
        let name = path.as_ref().map_or("A draft".to_owned(), |path| path.display().to_string());
        let encoding = opened.encoding.parse().unwrap_or_default();
        let on_disk = path.as_ref().and_then(|path| load::read(path, Some(encoding)).ok());
        let disk_text = on_disk.as_ref().map(|contents| contents.rope.clone());
        let base = self.base(disk_text.as_ref());
        let authors = || Authors::default().with_earlier(self.own.iter().copied());
        let restored = Document::restore(base.clone(), &self.operations, authors());
        let lost = self.damaged + restored.refused.len();
        if lost > 0 {
            problems.push(format!("{name}: {lost} damaged edits could not be restored."));
        }
        let saved_hash = opened.saved.clone();
        let saved_count = self.saved.as_ref().map_or(0, |(count, _)| *count);
        let saved = match (&saved_hash, disk_text) {
            (Some(hash), Some(text)) if TextHash::of(&text).to_string() == *hash => text,
            // The file changed meanwhile: what it held is worked out, to merge from.
            _ => Document::restore(base, &self.operations[..saved_count], authors())
                .document
                .rope()
                .clone(),
        };
        let rules = path.as_deref().map(crate::files::editorconfig::rules_for).unwrap_or_default();
        let rope = restored.document.rope();
        let language = crate::buffer::Buffer::detect_language(path.as_deref(), rope);
        Some(RestoredText {
            stream,
            language,
            document: restored.document,
            saved: if saved_hash.is_some() { saved } else { Rope::new() },
            had_file: saved_hash.is_some(),
            path,
            draft: opened.draft,
            encoding,
            stamp: on_disk.map(|contents| contents.stamp),
            rules,
        })
    }
}

/// Reads everything that was open.
pub fn restore(reader: &LogReader, opener: &Opener) -> Result<Restored, LogError> {
    let mut streams: BTreeMap<StreamKey, Stream> = BTreeMap::new();
    let mut restored = Restored::default();
    let report = reader.replay(opener, record::is_own, |record| {
        let key = StreamKey(record.header.stream.0);
        if key == record::SESSION_STREAM {
            if let Some(session) = Session::from_bytes(&record.payload) {
                restored.session = Some(session);
            }
        } else {
            streams.entry(key).or_default().take(&record);
        }
    })?;
    let places = report.damage.iter().filter(|one| one.what != DamageKind::TornTail).count();
    if places > 0 {
        restored.problems.push(format!(
            "The log is damaged in {places} places; everything else was restored, and `hearth \
             doctor` lists them."
        ));
    }
    for (key, stream) in streams {
        if stream.is_closed {
            continue;
        }
        let has_file = stream.opened.as_ref().is_some_and(|opened| opened.path.is_some());
        // Its file is read as it is now. A draft has none, and keeps what came of it.
        if has_file && stream.is_unbegun() {
            restored.unbegun.push(key);
        } else {
            restored.texts.extend(stream.restore(key, &mut restored.problems));
        }
    }
    load_files(&mut restored);
    Ok(restored)
}

/// Reads the files of the session that have no stream of their own.
fn load_files(restored: &mut Restored) {
    let Some(session) = &restored.session else { return };
    let known: BTreeSet<StreamKey> = restored.texts.iter().map(|text| text.stream).collect();
    let panes = session.windows().flat_map(|window| &window.panes);
    for view in panes.flat_map(|pane| &pane.views) {
        let has_text = view.stream().is_some_and(|stream| known.contains(&stream));
        let Some(path) = view.path.as_ref().and_then(path_from_json).filter(|_| !has_text) else {
            continue;
        };
        if restored.files.contains_key(&path) {
            continue;
        }
        match load::load(&path, None) {
            Ok(Loaded::File(file)) => {
                restored.files.insert(path, *file);
            }
            // It went while nobody looked, and it held nothing of ours.
            Ok(Loaded::Missing { .. } | Loaded::Folder) => {}
            Err(trouble) => restored.problems.push(trouble.to_string()),
        }
    }
}

/// Seals everything under the key that seals now, so that older ones can be forgotten.
pub fn seal_anew(writer: &LogWriter, keys: &Unlocked) -> Result<(), String> {
    let opener = keys.opener(super::PURPOSE);
    let told = |error: LogError| format!("The log could not be sealed anew: {error}.");
    let done = writer.compact(&opener, |_| true).map_err(told)?;
    let unopened = |one: &Damage| matches!(one.what, DamageKind::Unopenable(_));
    match done.report.damage.iter().filter(|one| unopened(one)).count() {
        0 => Ok(()),
        count => Err(format!(
            "{count} records of the log do not open, so the old keys are kept: `hearth doctor` \
             names the damage."
        )),
    }
}

/// A log with fewer records to drop than this is left as it is.
const DROPPED_MIN: u64 = 200;

/// Drops the streams of texts that were closed, all sessions but the last, and what a picture of
/// the rows makes superfluous where that is worth it.
pub fn compact(writer: &LogWriter, keys: &Unlocked, rows: Option<&Rows>) -> Result<(), String> {
    let rows = rows.filter(|rows| rows.is_worth_condensing());
    let condensed = rows.map(Rows::condense).transpose();
    let condensed = condensed.map_err(|error| format!("The rows were not condensed: {error}."))?;
    let opener = keys.opener(super::PURPOSE);
    let told = |error: LogError| format!("The log could not be tidied: {error}.");
    let mut closed: BTreeSet<StreamKey> = BTreeSet::new();
    let (mut sessions, mut last) = (0, None);
    let marks = |header: &RecordHeader| {
        record::is_own(header) && matches!(header.kind, record::CLOSED | record::SESSION)
    };
    let note = |record: Record| match record.header.kind {
        record::CLOSED => {
            closed.insert(StreamKey(record.header.stream.0));
        }
        _ => {
            sessions += 1;
            last = Some(record.header.sequence);
        }
    };
    writer.reader().replay(&opener, marks, note).map_err(told)?;
    if closed.is_empty() && sessions < DROPPED_MIN && condensed.is_none() {
        return Ok(());
    }
    let keep = |header: &RecordHeader| match header.kind {
        // What came after the look is newer than the last one seen.
        record::SESSION => Some(header.sequence) >= last,
        // What devices wrote is the history itself.
        _ if sharing::is_own(header) => true,
        _ if record::is_own(header) => !closed.contains(&StreamKey(header.stream.0)),
        // A ledger is never tidied, and rows say themselves what they need.
        _ => stores::needs(header, condensed.as_ref()),
    };
    writer.compact(&opener, keep).map(|_| ()).map_err(told)
}
