//! A line that is typed into and a ranked list under it: commands, files, symbols, choices.

use std::path::PathBuf;
use std::sync::Arc;

use net::pairing::Qr;
use text::CharRange;

use crate::fuzzy::{Candidate, Ranking, Texts};
use crate::line_input::LineInput;
use crate::timeline::Stretch;

/// What a picker picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any command of the registry.
    Commands,
    /// A file of the workspace.
    Files,
    /// A symbol of the active buffer.
    Symbols,
    /// One of a few answers to a question.
    Choices,
}

/// What happens when an entry is confirmed.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Run a command without arguments.
    Command(&'static str),
    /// Run a command with arguments.
    Call(&'static str, serde_json::Value),
    /// Open a file.
    File(PathBuf),
    /// Go to a place in the active buffer.
    Place(CharRange),
    /// Nothing: the question is taken back.
    Nothing,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is matched and shown.
    pub label: String,
    /// Shown beside it, not matched.
    pub detail: String,
    /// Caps of the keys that do the same; each is one press.
    pub keys: Vec<Vec<String>>,
    /// How deep it lies in an outline.
    pub depth: u16,
    /// Where what it names lies on a line that all of them share.
    pub stretches: Vec<Stretch>,
    /// What it does.
    pub target: Target,
}

/// A line of what a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A text that is not saved.
    Unsaved(String),
    /// A sentence.
    Words(String),
    /// Something by its name.
    Fact(&'static str, String),
    /// A line of a file or a change.
    Code(String),
    /// Words that another screen shows, too.
    CheckWords([&'static str; 4]),
}

/// Entries, prepared once for matching and shared with workers.
pub struct Entries {
    /// In the order that an empty query shows.
    pub all: Vec<Entry>,
    candidates: Vec<Candidate>,
}

impl Entries {
    /// Prepares entries.
    pub fn new(all: Vec<Entry>) -> Self {
        let candidates = all.iter().map(|entry| Candidate::new(&entry.label)).collect();
        Entries { all, candidates }
    }

    /// Ranks them; see [`Ranking::new`].
    pub fn rank(&self, texts: Texts, query: &str, before: Option<&Ranking>) -> Ranking {
        Ranking::new(&self.candidates, texts, query, before)
    }
}

/// A list of this length is ranked at once; a longer one on a worker.
const AT_ONCE_MAX: usize = 2_000;

/// The state of an open picker.
pub struct Picker {
    /// What it picks.
    pub kind: Kind,
    /// What is typed.
    pub input: LineInput,
    /// A question, or what could be typed.
    pub placeholder: String,
    /// What a question is about, a line each: shown above the list.
    pub about: Vec<About>,
    /// A code to scan, beside what it is about.
    pub qr: Option<Arc<Qr>>,
    /// What it picks from; `None` while it is being gathered.
    pub entries: Option<Arc<Entries>>,
    /// What matches.
    pub ranking: Arc<Ranking>,
    /// The chosen line, an index into the ranking.
    pub chosen: usize,
    /// The first line that is shown.
    pub top: usize,
}

/// Whether a ranking was made or has to be made on a worker.
#[derive(Debug, PartialEq, Eq)]
pub enum Ranked {
    /// It is there.
    Now,
    /// The list is long: [`Picker::job`] makes it.
    OnWorker,
}

/// Lines that are shown at once.
pub const ROWS_MAX: usize = 12;

impl Picker {
    /// A picker without entries yet.
    pub fn new(kind: Kind, placeholder: impl Into<String>) -> Self {
        Picker {
            kind,
            input: LineInput::default(),
            placeholder: placeholder.into(),
            about: Vec::new(),
            qr: None,
            entries: None,
            ranking: Arc::default(),
            chosen: 0,
            top: 0,
        }
    }

    /// How its entries are matched.
    pub fn texts(&self) -> Texts {
        match self.kind {
            Kind::Files => Texts::Paths,
            Kind::Commands | Kind::Symbols | Kind::Choices => Texts::Names,
        }
    }

    /// Takes entries, gathered anew or for the first time.
    pub fn fill(&mut self, entries: Arc<Entries>) -> Ranked {
        self.entries = Some(entries);
        self.ranking = Arc::default();
        self.rank()
    }

    /// Ranks for what is typed now.
    pub fn rank(&mut self) -> Ranked {
        let Some(entries) = &self.entries else { return Ranked::Now };
        if entries.all.len() > AT_ONCE_MAX {
            return Ranked::OnWorker;
        }
        let ranking = entries.rank(self.texts(), self.input.text(), None);
        self.install(Arc::new(ranking));
        Ranked::Now
    }

    /// What a worker needs to rank for what is typed now.
    pub fn job(&self) -> Option<impl FnOnce() -> (String, Arc<Ranking>) + Send + 'static> {
        let entries = Arc::clone(self.entries.as_ref()?);
        let (texts, query) = (self.texts(), self.input.text().to_owned());
        let before = Arc::clone(&self.ranking);
        Some(move || {
            let ranking = entries.rank(texts, &query, Some(&before));
            (query, Arc::new(ranking))
        })
    }

    /// Shows a ranking; the best line is chosen.
    pub fn install(&mut self, ranking: Arc<Ranking>) {
        self.ranking = ranking;
        self.chosen = 0;
        self.top = 0;
    }

    /// Chooses the line `step` on, going round; `page` steps stop at the ends.
    pub fn choose(&mut self, step: isize, round: Round) {
        let count = self.ranking.best.len();
        if count == 0 {
            return;
        }
        let to = self.chosen as isize + step;
        self.chosen = match round {
            Round::Goes => to.rem_euclid(count as isize) as usize,
            Round::Stops => to.clamp(0, count as isize - 1) as usize,
        };
        self.reveal();
    }

    /// Chooses a line of the ranking.
    pub fn choose_line(&mut self, line: usize) {
        self.chosen = line.min(self.ranking.best.len().saturating_sub(1));
        self.reveal();
    }

    /// Moves what is shown, without choosing.
    pub fn scroll(&mut self, rows: isize) {
        let last = self.ranking.best.len().saturating_sub(ROWS_MAX);
        self.top = (self.top as isize + rows).clamp(0, last as isize) as usize;
    }

    /// The chosen entry.
    pub fn confirmed(&self) -> Option<&Entry> {
        let index = *self.ranking.best.get(self.chosen)?;
        self.entries.as_ref()?.all.get(index as usize)
    }

    /// The lines that are shown, each with its place in the ranking.
    pub fn shown(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let entries = self.entries.as_deref();
        let end = (self.top + ROWS_MAX).min(self.ranking.best.len());
        (self.top.min(end)..end).filter_map(move |line| {
            Some((line, entries?.all.get(self.ranking.best[line] as usize)?))
        })
    }

    fn reveal(&mut self) {
        self.top = self.top.clamp(self.chosen.saturating_sub(ROWS_MAX - 1), self.chosen);
    }
}

/// What happens past the last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// It goes on at the other end.
    Goes,
    /// It stays.
    Stops,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker(count: usize) -> Picker {
        let entry = |index: usize| Entry {
            label: format!("entry {index}"),
            detail: String::new(),
            keys: Vec::new(),
            depth: 0,
            stretches: Vec::new(),
            target: Target::Nothing,
        };
        let mut picker = Picker::new(Kind::Choices, "");
        picker.fill(Arc::new(Entries::new((0..count).map(entry).collect())));
        picker
    }

    #[test]
    fn the_chosen_line_is_always_shown() {
        let mut picker = picker(40);
        picker.choose(-1, Round::Goes);
        assert_eq!(picker.chosen, 39);
        assert_eq!(picker.shown().last().unwrap().0, 39);
        picker.choose(1, Round::Goes);
        assert_eq!(picker.shown().next().unwrap().0, 0);
        picker.choose(ROWS_MAX as isize, Round::Stops);
        assert_eq!(picker.shown().last().unwrap().0, ROWS_MAX);
    }

    #[test]
    fn typing_ranks_and_chooses_the_best() {
        let mut picker = picker(30);
        picker.choose(5, Round::Stops);
        picker.input.insert("17");
        assert_eq!(picker.rank(), Ranked::Now);
        assert_eq!(picker.confirmed().unwrap().label, "entry 17");
    }

    #[test]
    fn a_list_without_matches_confirms_nothing() {
        let mut picker = picker(3);
        picker.input.insert("zzz");
        picker.rank();
        picker.choose(1, Round::Goes);
        assert!(picker.confirmed().is_none());
        assert_eq!(picker.shown().count(), 0);
    }
}
