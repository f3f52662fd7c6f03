//! Fuzzy ranking of names and paths: what the palette and the pickers show for what was typed.
//!
//! Scores are those of `nucleo-matcher`. Three things keep 100,000 paths within a frame: a mask of
//! the characters of each candidate, which refuses most of them without looking; the ranking
//! before, whose matches are the only candidates of a longer query; and a look for the query in
//! one piece, since where that begins a word or a part of a path no other way to match scores more.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str, Utf32String};
use rayon::prelude::*;

/// Candidates that one thread looks at before it takes more.
const PART: usize = 4_096;

/// One name or path that can be found.
#[derive(Clone, Debug)]
pub struct Candidate {
    text: Utf32String,
    /// What occurs, and what a word or a part of a path begins with; see [`mask`].
    mask: u64,
    starts: u64,
}

impl Candidate {
    /// Prepares a text for matching.
    pub fn new(text: &str) -> Self {
        // Letters with marks match their plain ones, so the mask of such a text refuses nothing.
        let (mask, starts) =
            if text.is_ascii() { (mask(text), starts(text)) } else { (u64::MAX, u64::MAX) };
        Candidate { text: Utf32String::from(text), mask, starts }
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
        let look = |scorer: &mut Scorer<'_>, index: u32| {
            let candidate = &candidates[index as usize];
            if candidate.mask & wanted != wanted {
                return None;
            }
            let score = scorer.score(candidate)?;
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
                || Scorer::new(&pattern, texts),
                |scorer, part| {
                    part.iter().filter_map(|index| look(scorer, *index)).collect::<Vec<_>>()
                },
            )
            .flatten_iter()
            .collect();
        scored.par_sort_unstable();
        Ranking { query, best: scored.into_iter().map(|key| key as u32).collect() }
    }
}

/// What one thread scores with.
struct Scorer<'p> {
    pattern: &'p Pattern,
    matcher: Matcher,
    /// For a pattern of one plain word.
    word: Option<Word<'p>>,
}

#[derive(Clone, Copy)]
struct Word<'p> {
    letters: Utf32Str<'p>,
    /// The first of them, as a [`mask`].
    start: u64,
    /// The score of a text that begins with it: the highest there is.
    perfect: u32,
}

impl<'p> Scorer<'p> {
    fn new(pattern: &'p Pattern, texts: Texts) -> Self {
        let mut matcher = matcher(texts);
        let word = match pattern.atoms.as_slice() {
            [atom] if atom.kind == AtomKind::Fuzzy && !atom.negative => {
                let letters = atom.needle_text();
                let start = mask(&letters.slice(..1).to_string());
                // This leaves the word's rules of case in the matcher too.
                let perfect = atom.score(letters, &mut matcher).map(u32::from);
                perfect.map(|perfect| Word { letters, start, perfect })
            }
            _ => None,
        };
        Scorer { pattern, matcher, word }
    }

    fn score(&mut self, candidate: &Candidate) -> Option<u32> {
        let text = candidate.text.slice(..);
        if let Some(Word { letters, start, perfect }) = self.word
            && candidate.starts & start == start
            && self.matcher.substring_match(text, letters).map(u32::from) == Some(perfect)
        {
            return Some(perfect);
        }
        self.pattern.score(text, &mut self.matcher)
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

/// The same of what stands first, or behind what is neither letter nor digit.
fn starts(text: &str) -> u64 {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .fold(0, |starts, word| starts | word.get(..1).map_or(0, mask))
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
    fn a_word_found_in_one_piece_scores_as_the_best_way_to_match_does() {
        let parts = ["src", "Src", "s", "r", "rs", "a", "_", "/", ".", "1", "sr", "é"];
        let mut seed = 1_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let mut quick = 0;
        for round in 0..2_000 {
            let text: String = (0..2 + next(8)).map(|_| parts[next(parts.len())]).collect();
            let candidate = Candidate::new(&text);
            let text = &candidate.text;
            for query in ["s", "sr", "Sr", "src", "src1", "r.s", "/s", "é"] {
                let texts = [Texts::Names, Texts::Paths][round % 2];
                let pattern = pattern(query);
                let best = pattern.score(text.slice(..), &mut matcher(texts));
                let mut scorer = Scorer::new(&pattern, texts);
                assert_eq!(scorer.score(&candidate), best, "{query:?} in {text:?}");
                quick += usize::from(best == scorer.word.map(|word| word.perfect));
            }
        }
        assert!(quick > 1_000, "only {quick} of the texts had the query in its best place");
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
