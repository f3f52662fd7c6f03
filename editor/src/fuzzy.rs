//! Fuzzy ranking of names and paths: what the palette and the pickers show for what was typed.
//!
//! Scores are those of `nucleo-matcher`. Two things keep 100,000 paths within a frame: a mask of
//! the characters of each candidate, which refuses most of them without looking, and the ranking
//! before, whose matches are the only candidates of a longer query.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};
use rayon::prelude::*;

/// Candidates that one thread looks at before it takes more.
const PART: usize = 4_096;

/// One name or path that can be found.
#[derive(Clone, Debug)]
pub struct Candidate {
    text: Utf32String,
    mask: u64,
}

impl Candidate {
    /// Prepares a text for matching.
    pub fn new(text: &str) -> Self {
        // Letters with marks match their plain ones, so the mask of such a text refuses nothing.
        let mask = if text.is_ascii() { mask(text) } else { u64::MAX };
        Candidate { text: Utf32String::from(text), mask }
    }
}

/// What the texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// Titles and names.
    Names,
    /// Paths: the last part and the start of a part count more.
    Paths,
}

/// Candidates that match, best first.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    query: String,
    /// Indexes into the candidates.
    pub best: Vec<u32>,
}

impl Ranking {
    /// Ranks `candidates` for `query`; an empty query keeps their order. Only what matched in
    /// `before` is looked at when `query` extends its query.
    pub fn new(
        candidates: &[Candidate],
        texts: Texts,
        query: &str,
        before: Option<&Ranking>,
    ) -> Self {
        let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        let query = query.trim().to_owned();
        if query.is_empty() {
            return Ranking { query, best: (0..count).collect() };
        }
        // What an exclusion names must be missing, so it cannot be asked for.
        let wanted = if query.contains('!') { 0 } else { mask(&query) };
        let pattern = pattern(&query);
        let look = |matcher: &mut Matcher, index: u32| {
            let candidate = &candidates[index as usize];
            if candidate.mask & wanted != wanted {
                return None;
            }
            let score = pattern.score(candidate.text.slice(..), matcher)?;
            Some(order(score, candidate.text.len(), index))
        };
        let all;
        let asked = match before.filter(|before| narrows(&before.query, &query)) {
            Some(before) => before.best.as_slice(),
            None => {
                all = (0..count).collect::<Vec<u32>>();
                &all
            }
        };
        // In parts on all threads of the pool that runs this; one alone would miss a frame.
        let mut scored: Vec<u64> = asked
            .par_chunks(PART)
            .map_init(
                || matcher(texts),
                |matcher, part| {
                    part.iter().filter_map(|index| look(matcher, *index)).collect::<Vec<_>>()
                },
            )
            .flatten_iter()
            .collect();
        scored.par_sort_unstable();
        Ranking { query, best: scored.into_iter().map(|key| key as u32).collect() }
    }
}

/// A number that is smaller the better: by score, then the shorter text, then the earlier one,
/// whose index is the lower half. One number sorts three times as fast as three.
fn order(score: u32, length: usize, index: u32) -> u64 {
    let part = |value: u64| value.min(u64::from(u16::MAX));
    let (worse, length) = (u64::from(u16::MAX) - part(score.into()), part(length as u64));
    worse << 48 | length << 32 | u64::from(index)
}

/// The characters of `text` that `query` matched, in order, to be marked.
pub fn matched(text: &str, texts: Texts, query: &str) -> Vec<u32> {
    let mut buffer = Vec::new();
    let mut at = Vec::new();
    let haystack = Utf32Str::new(text, &mut buffer);
    if pattern(query.trim()).indices(haystack, &mut matcher(texts), &mut at).is_none() {
        return Vec::new();
    }
    at.sort_unstable();
    at.dedup();
    at
}

fn pattern(query: &str) -> Pattern {
    Pattern::parse(query, CaseMatching::Smart, Normalization::Smart)
}

fn matcher(texts: Texts) -> Matcher {
    Matcher::new(match texts {
        Texts::Names => Config::DEFAULT,
        Texts::Paths => Config::DEFAULT.match_paths(),
    })
}

/// Whether what matches `query` also matched `before`. The operators of a pattern can widen it.
fn narrows(before: &str, query: &str) -> bool {
    !before.is_empty() && query.starts_with(before) && !query.contains(['!', '^', '$', '\'', '\\'])
}

/// A bit for each ASCII letter and digit that occurs, whatever its case.
fn mask(text: &str) -> u64 {
    text.bytes().fold(0, |mask, byte| match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => mask | 1 << (letter - b'a'),
        digit @ b'0'..=b'9' => mask | 1 << (26 + digit - b'0'),
        _ => mask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(texts: &[&str]) -> Vec<Candidate> {
        texts.iter().map(|text| Candidate::new(text)).collect()
    }

    #[test]
    fn the_name_of_a_file_counts_more_than_its_folders() {
        let paths =
            candidates(&["document/x/other.rs", "text/src/document.rs", "text/src/undo.rs"]);
        let ranking = Ranking::new(&paths, Texts::Paths, "docrs", None);
        assert_eq!(ranking.best, [1, 0]);
    }

    #[test]
    fn a_longer_query_finds_among_what_matched_what_a_fresh_one_finds() {
        let texts: Vec<String> =
            (0..2000).map(|n| format!("src/{}/file_{n}.rs", ["alpha", "beta"][n % 2])).collect();
        let paths: Vec<Candidate> = texts.iter().map(|text| Candidate::new(text)).collect();
        let first = Ranking::new(&paths, Texts::Paths, "bet", None);
        let narrowed = Ranking::new(&paths, Texts::Paths, "beta 19", Some(&first));
        let fresh = Ranking::new(&paths, Texts::Paths, "beta 19", None);
        assert_eq!(narrowed.best, fresh.best);
        assert!(!fresh.best.is_empty() && fresh.best.len() < first.best.len());
    }

    #[test]
    fn an_exclusion_typed_behind_a_query_is_not_taken_for_a_narrowing() {
        let names = candidates(&["ab", "ac"]);
        let first = Ranking::new(&names, Texts::Names, "ab", None);
        let widened = Ranking::new(&names, Texts::Names, "ab !c", Some(&first));
        assert_eq!(widened.best, [0]);
        assert!(Ranking::new(&names, Texts::Names, "!b", None).best == [1]);
    }

    #[test]
    fn matched_characters_are_told_for_marking() {
        assert_eq!(matched("Split pane right", Texts::Names, "spr"), [0, 1, 11]);
        assert!(matched("Split", Texts::Names, "x").is_empty());
    }
}
