//! An open text: its document, its file, its language.
//!
//! Several views may show one buffer. A buffer without a path is a draft; it is kept over a
//! restart as any other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syntax::{Language, Syntax};
use text::bidi::Base;
use text::bytes::Encoding;
use text::indentation::Indentation;
use text::line_ending::{LineEnding, LineEndings};
use text::{Change, Document, Operation, Positions, Rope, Version};

use crate::files::stamp::Stamp;
use crate::sharing::SharedFile;

/// Names an open buffer within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u64);

/// What the person's settings say of texts that do not tell themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Whether what a text shows of its indentation counts more than all rules.
    pub detects_indentation: bool,
    /// Whether `.editorconfig` counts.
    pub follows_projects: bool,
    /// One step of indentation.
    pub indentation: Indentation,
    /// How lines of a new text end.
    pub line_ending: LineEnding,
}

/// The text that a history starts from, and its operations.
pub type History = (Rope, Vec<Operation>);

/// How a buffer's file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnDisk {
    /// It was never written, or never read.
    Nothing,
    /// It looked like this when it was last read or written.
    Seen(Stamp),
    /// Another program deleted it.
    Deleted,
}

/// An open text.
pub struct Buffer {
    /// Its name.
    pub id: BufferId,
    /// Text and history.
    pub document: Document,
    /// Which shared file it is, if it is one.
    pub shared: Option<SharedFile>,
    /// What its document came from where that is more than its text: for the journal's stream.
    pub history: Option<Arc<History>>,
    /// Colours, folds and outline.
    pub syntax: Syntax,
    /// Where it is saved; `None` for a draft.
    pub path: Option<PathBuf>,
    /// How its characters become bytes.
    pub encoding: Encoding,
    /// How new lines end.
    pub line_ending: LineEnding,
    /// One step of indentation.
    pub indentation: Indentation,
    /// What is known of its file.
    pub on_disk: OnDisk,
    /// What the file holds, as far as we know; the base of a merge with what others write.
    pub saved: Rope,
    /// What `.editorconfig` says of it.
    pub house_rules: crate::files::editorconfig::Rules,
    /// The number of a draft, as in "Untitled 2".
    pub draft: u32,
    /// What a draft is called that is more than untitled.
    pub named: Option<String>,
    /// The file may have changed without a new stamp: it is read when it is looked at next.
    pub must_look: bool,
    /// Whether its lines do not all end alike.
    pub has_mixed_endings: bool,
    /// Colours of the lines that were shown lately.
    pub colors: crate::view::colors::Colors,
    /// The parse that is under way.
    pub parsing: Option<crate::program::ParseFlag>,
    /// What came from elsewhere while a long merge is under way.
    pub merging: Option<Vec<Operation>>,
    /// Its stream in the journal, once it has one.
    pub stream: Option<crate::journal::StreamKey>,
    /// What that stream begins with, made before it is needed; `None` where it is made then.
    pub base: Option<crate::journal::Base>,
    /// Whether a worker paints lines of it.
    pub is_coloring: bool,
    /// When a tree with errors that was made in steps is made again.
    pub renewal_due: Option<std::time::Instant>,
    /// The symbols around the caret.
    pub crumbs: Crumbs,
    brackets: std::cell::RefCell<Option<Brackets>>,
    saved_version: Option<Version>,
    is_dirty: bool,
}

/// The brackets at a place, kept while caret and text stay the same.
struct Brackets {
    caret: text::CharOffset,
    version: Version,
    is_parsed: bool,
    pair: Option<[text::CharOffset; 2]>,
}

/// The symbols around a place, outermost first, as a worker found them last.
#[derive(Default)]
pub struct Crumbs {
    found: Option<Place>,
    labels: Vec<String>,
    is_asked: bool,
}

/// What symbols were looked for around.
#[derive(Clone)]
pub struct Place {
    line: text::Line,
    tree: std::sync::Weak<syntax::SyntaxTree>,
}

impl Crumbs {
    /// Their names.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What has to be asked of a worker to know those around an offset: once for each line, and
    /// again for each tree.
    pub fn missing(&mut self, syntax: &Syntax, rope: &Rope, at: text::CharOffset) -> Option<Place> {
        let line = rope.line_of(at);
        let current = syntax.tree().filter(|_| syntax.is_current() && !self.is_asked)?;
        let is_known = |found: &Place| {
            found.line == line && std::ptr::eq(found.tree.as_ptr(), Arc::as_ptr(current))
        };
        if self.found.as_ref().is_some_and(is_known) {
            return None;
        }
        self.is_asked = true;
        Some(Place { line, tree: Arc::downgrade(current) })
    }

    /// Takes what a worker found; answers whether it is something else.
    pub fn take(&mut self, place: Place, labels: Vec<String>) -> bool {
        self.is_asked = false;
        self.found = Some(place);
        let is_other = self.labels != labels;
        self.labels = labels;
        is_other
    }
}

impl Buffer {
    /// A buffer of a document whose text is what the file holds.
    pub fn new(id: BufferId, document: Document, language: Option<Language>) -> Self {
        let endings = LineEndings::of(document.rope());
        let saved = document.rope().clone();
        Buffer {
            id,
            syntax: Syntax::new(language),
            path: None,
            encoding: Encoding::default(),
            line_ending: endings.dominant().unwrap_or(if cfg!(windows) {
                LineEnding::CrLf
            } else {
                LineEnding::Lf
            }),
            indentation: text::indentation::detect(&saved, text::indentation::LINES)
                .unwrap_or(Indentation::Spaces(4)),
            on_disk: OnDisk::Nothing,
            saved_version: Some(document.version()),
            saved,
            house_rules: Default::default(),
            draft: 0,
            named: None,
            must_look: false,
            has_mixed_endings: endings.is_mixed(),
            is_coloring: false,
            renewal_due: None,
            crumbs: Crumbs::default(),
            brackets: Default::default(),
            colors: Default::default(),
            parsing: None,
            merging: None,
            stream: None,
            shared: None,
            history: None,
            base: None,
            is_dirty: false,
            document,
        }
    }

    /// The text.
    pub fn rope(&self) -> &Rope {
        self.document.rope()
    }

    /// What a tab calls it.
    pub fn title(&self) -> String {
        match (&self.path, &self.named) {
            (Some(path), _) => match path.file_name() {
                Some(name) => name.to_string_lossy().into_owned(),
                None => path.display().to_string(),
            },
            (None, Some(name)) => name.clone(),
            (None, None) if self.draft <= 1 => "Untitled".to_owned(),
            (None, None) => format!("Untitled {}", self.draft),
        }
    }

    /// Whether it is text for people: its paragraphs choose their direction, and wrap.
    pub fn is_prose(&self) -> bool {
        self.syntax.language().is_none_or(|language| language.name() == "markdown")
    }

    /// The base direction of its lines: prose chooses it, code runs to the right.
    pub fn base(&self) -> Base {
        if self.is_prose() { Base::Auto } else { Base::Ltr }
    }

    /// Whether there are edits that the file lacks.
    pub fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Takes what the project says of it; what the text itself shows counts more for indentation
    /// if `detects`.
    pub fn obey(&mut self, rules: crate::files::editorconfig::Rules, habits: Habits) {
        let rules = if habits.follows_projects { rules } else { Default::default() };
        let shown = text::indentation::detect(self.rope(), text::indentation::LINES);
        self.indentation = match (shown, rules.indentation) {
            (Some(shown), _) if habits.detects_indentation => shown,
            (_, Some(wanted)) => wanted,
            (_, None) => habits.indentation,
        };
        if self.rope().len_chars() == 0 {
            self.line_ending = rules.line_ending.unwrap_or(habits.line_ending);
            self.encoding = rules.encoding.unwrap_or(self.encoding);
        }
        self.house_rules = rules;
    }

    /// Columns of a tab: what the project says, else what the person says.
    pub fn tab_width(&self, setting: usize) -> usize {
        self.house_rules.tab_width.map_or(setting, usize::from)
    }

    /// How the language's rules indent it.
    pub fn indent_style(&self, tab_setting: usize) -> syntax::IndentStyle {
        syntax::IndentStyle {
            unit: match self.indentation {
                Indentation::Tab => syntax::IndentUnit::Tab,
                Indentation::Spaces(count) => syntax::IndentUnit::Spaces(count),
            },
            tab_width: u8::try_from(self.tab_width(tab_setting)).unwrap_or(8),
        }
    }

    /// What the character at an offset is: by its colour if that is known, else by the tree.
    pub fn region(&self, at: text::CharOffset) -> syntax::Region {
        let rope = self.rope();
        let by_tree = || self.syntax.tree().map(|tree| tree.region(rope, at));
        self.colors.region(rope, at).or_else(by_tree).unwrap_or(syntax::Region::Code)
    }

    /// The bracket at a caret and its partner.
    pub fn bracket_at(&self, caret: text::CharOffset) -> Option<[text::CharOffset; 2]> {
        let version = self.document.version();
        let is_parsed = self.syntax.is_current();
        let mut kept = self.brackets.borrow_mut();
        if let Some(kept) = kept.as_ref()
            && (kept.caret, kept.is_parsed) == (caret, is_parsed)
            && kept.version == version
        {
            return kept.pair;
        }
        let rope = self.rope();
        // While a parse is under way nothing is marked: counting would take longer than a frame.
        let pair = match self.syntax.tree() {
            Some(_) if is_parsed => self
                .syntax
                .matching_bracket(rope, caret)
                .map(|pair| [pair.open.start, pair.close.start]),
            Some(_) => None,
            None => text::bracket::pair_at(rope, caret, &text::bracket::everything)
                .map(|pair| [pair.open, pair.close]),
        };
        *kept = Some(Brackets { caret, version, is_parsed, pair });
        pair
    }

    /// Notes that the file now holds `text`, which was the document at `version`.
    pub fn mark_saved(&mut self, text: Rope, version: Version, stamp: Stamp) {
        self.saved = text;
        self.saved_version = Some(version);
        self.on_disk = OnDisk::Seen(stamp);
        self.judge();
    }

    /// Notes that the file holds `text`, whatever the document holds.
    pub fn mark_on_disk(&mut self, text: Rope, stamp: Stamp) {
        self.saved = text;
        self.saved_version = None;
        self.on_disk = OnDisk::Seen(stamp);
        self.judge();
    }

    /// Notes that no file holds the text; `saved` is what one held last, if any did.
    pub fn mark_never_saved(&mut self, saved: Rope) {
        self.saved = saved;
        self.saved_version = None;
        self.judge();
    }

    /// Notes that the file looks different and holds the same.
    pub fn note_stamp(&mut self, stamp: Stamp) {
        self.on_disk = OnDisk::Seen(stamp);
    }

    /// Reads the text as another language from now on.
    pub fn set_language(&mut self, language: Option<Language>) {
        self.syntax = Syntax::new(language);
        self.crumbs = Crumbs::default();
        self.parsing = None;
    }

    /// Follows a change of the document.
    pub fn changed(&mut self, change: &Change) {
        self.syntax.edit(change.before(), change.after(), &change.edits);
        self.colors.changed(change);
        self.judge();
    }

    /// Decides whether the text is what the file holds. Equal lengths are compared; typing in
    /// a saved file changes the length, so this is cheap where it is frequent.
    pub fn judge(&mut self) {
        let rope = self.document.rope();
        let same = self.saved_version == Some(self.document.version())
            || rope.len_bytes() == self.saved.len_bytes() && *rope == self.saved;
        self.is_dirty = !same;
    }

    /// The language that a name and a first line speak for.
    pub fn detect_language(path: Option<&Path>, rope: &Rope) -> Option<Language> {
        let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy());
        let first = rope.slice_of(rope.line_range(text::Line(0)));
        let first: String = first.chars().take(200).collect();
        syntax::Languages::builtin().detect(name.as_deref(), &first)
    }
}
