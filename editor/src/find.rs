//! What is looked for in a view, and where it was found.

use std::sync::Arc;

use text::search::{Case, Kind, Query, Words};
use text::{CharOffset, CharRange};

use crate::line_input::LineInput;

/// Which lines the bar has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// What is looked for.
    Find,
    /// That, and what replaces it.
    FindAndReplace,
}

/// How the pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether case counts.
    pub case: Case,
    /// Whether only whole words count.
    pub words: Words,
    /// Whether it is an expression.
    pub kind: Kind,
}

/// How far the search is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is looked for.
    Nothing,
    /// A worker is looking.
    Looking,
    /// All matches are known.
    Complete,
    /// There are more than are known.
    More,
    /// The pattern cannot be looked for: why.
    Refused(String),
}

/// A way to go once the matches are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the next match.
    Next,
    /// To the one before.
    Previous,
}

/// Matches that are kept for marking and counting; stepping goes on beyond them.
pub const MATCHES_MAX: usize = 100_000;

/// The state of a view's find bar.
pub struct Find {
    /// What is looked for.
    pub input: LineInput,
    /// What replaces it.
    pub replacement: LineInput,
    /// Which lines it has.
    pub rows: Rows,
    /// How the pattern is read.
    pub options: Options,
    /// Where it was found, in order.
    pub matches: Arc<[CharRange]>,
    /// How far the search is.
    pub progress: Progress,
    /// Whether the text changed since.
    pub is_stale: bool,
    /// Where the caret was when the bar was opened.
    pub origin: CharOffset,
    /// A step that waits for the matches.
    pub step: Option<Direction>,
    /// Which search the matches belong to.
    pub generation: u64,
    /// The match that is selected, counted from 0.
    pub current: Option<usize>,
}

impl Find {
    /// A bar that looks for a text.
    pub fn new(pattern: &str, origin: CharOffset, rows: Rows) -> Self {
        Find {
            input: LineInput::selected(pattern),
            replacement: LineInput::default(),
            rows,
            options: Options::default(),
            matches: Arc::from([]),
            progress: Progress::Nothing,
            is_stale: true,
            origin,
            step: None,
            generation: 0,
            current: None,
        }
    }

    /// The query as it is typed now.
    pub fn query(&self) -> Query {
        Query {
            pattern: self.input.text().to_owned(),
            kind: self.options.kind,
            case: self.options.case,
            words: self.options.words,
        }
    }

    /// The matches that touch a range.
    pub fn matches_in(&self, range: CharRange) -> &[CharRange] {
        if self.is_stale {
            return &[];
        }
        let start = self.matches.partition_point(|found| found.end < range.start);
        let end = self.matches.partition_point(|found| found.start <= range.end);
        &self.matches[start..end.max(start)]
    }

    /// Which match begins at or after an offset, going round.
    pub fn next(&self, from: CharOffset) -> Option<usize> {
        let count = self.matches.len();
        let at = self.matches.partition_point(|found| found.start < from);
        (count > 0).then(|| at % count)
    }

    /// Which match begins before an offset, going round.
    pub fn previous(&self, from: CharOffset) -> Option<usize> {
        let count = self.matches.len();
        let at = self.matches.partition_point(|found| found.start < from);
        (count > 0).then(|| (at + count - 1) % count)
    }

    /// What the bar says.
    pub fn summary(&self) -> String {
        let count = self.matches.len();
        match (&self.progress, self.current) {
            (Progress::Nothing, _) => String::new(),
            (Progress::Looking, _) => "Looking…".to_owned(),
            (Progress::Refused(why), _) => why.clone(),
            (Progress::Complete, _) if count == 0 => "No matches".to_owned(),
            (Progress::Complete, Some(current)) => format!("{} of {count}", current + 1),
            (Progress::Complete, None) if count == 1 => "1 match".to_owned(),
            (Progress::Complete, None) => format!("{count} matches"),
            (Progress::More, _) => format!("over {count}"),
        }
    }

    /// Whether the search found nothing, or cannot be made.
    pub fn is_in_vain(&self) -> bool {
        match self.progress {
            Progress::Refused(_) => true,
            Progress::Complete => self.matches.is_empty(),
            Progress::Nothing | Progress::Looking | Progress::More => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ranges: &[(usize, usize)]) -> Find {
        let mut find = Find::new("x", CharOffset(0), Rows::Find);
        find.matches = ranges
            .iter()
            .map(|(start, end)| CharRange::new(CharOffset(*start), CharOffset(*end)))
            .collect();
        find.progress = Progress::Complete;
        find.is_stale = false;
        find
    }

    #[test]
    fn steps_go_round() {
        let find = found(&[(2, 3), (7, 8)]);
        assert_eq!(find.next(CharOffset(3)), Some(1));
        assert_eq!(find.next(CharOffset(8)), Some(0));
        assert_eq!(find.previous(CharOffset(2)), Some(1));
        assert_eq!(find.previous(CharOffset(7)), Some(0));
        assert_eq!(found(&[]).next(CharOffset(0)), None);
    }

    #[test]
    fn only_matches_that_are_seen_are_marked() {
        let find = found(&[(2, 3), (7, 8), (20, 22)]);
        let seen = CharRange::new(CharOffset(5), CharOffset(12));
        assert_eq!(find.matches_in(seen).len(), 1);
    }

    #[test]
    fn the_summary_says_what_is_so() {
        let mut find = found(&[(2, 3), (7, 8)]);
        assert_eq!(find.summary(), "2 matches");
        find.current = Some(1);
        assert_eq!(find.summary(), "2 of 2");
        assert_eq!(found(&[]).summary(), "No matches");
        assert!(found(&[]).is_in_vain());
    }
}
