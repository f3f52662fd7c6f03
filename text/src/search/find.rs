//! Finding matches: all of them, the next, the previous, how many.

use std::ops::Range;

use regex_cursor::Input;
use regex_cursor::engines::meta;
use ropey::Rope;

use super::chunks::{Guarded, Limits, Stopped, run};
use super::{Searcher, WordCheck};
use crate::grapheme;
use crate::position::{ByteOffset, CharOffset, CharRange, Line, Positions};
use crate::word::{self, Class};

/// One match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where it is.
    pub range: CharRange,
    /// The same in bytes of the text.
    pub bytes: Range<usize>,
}

/// What a search for the next or previous match does at the end or start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// It goes on from the other end.
    Around,
    /// It ends.
    Stop,
}

/// How many matches there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(usize),
    /// So many were counted, and there are more.
    MoreThan(usize),
}

/// Bytes of text in which the previous match is first looked for; each further stretch is
/// twice as long.
const STRETCH: usize = 1 << 14;

impl Searcher {
    /// The matches in a range, in order, none overlapping another. What stands outside of the
    /// range is seen by `^`, `\b` and the like, but no match reaches there. An error ends it.
    pub fn find_iter<'a>(
        &'a self,
        rope: &'a Rope,
        range: CharRange,
        limits: Limits<'a>,
    ) -> Matches<'a> {
        let bytes = rope.byte_of(range.start).0..rope.byte_of(range.end).0;
        Matches { searcher: self, rope, cache: None, limits, bytes, last_end: None }
    }

    /// The first match that starts at an offset or after it.
    pub fn next_from(
        &self,
        rope: &Rope,
        from: CharOffset,
        wrap: Wrap,
        limits: Limits<'_>,
    ) -> Result<Option<Match>, Stopped> {
        let ahead = CharRange { start: rope.nearest(from), end: rope.end() };
        let mut found = self.find_iter(rope, ahead, limits).next().transpose()?;
        if found.is_none() && wrap == Wrap::Around {
            let everything = CharRange { start: CharOffset(0), end: rope.end() };
            found = self.find_iter(rope, everything, limits).next().transpose()?;
        }
        Ok(found)
    }

    /// The last match that ends at an offset or before it. Matches are counted from the start of
    /// a line some way before, so that one which spans many lines may be cut differently than
    /// by [`Searcher::find_iter`] from the text's start.
    pub fn previous_from(
        &self,
        rope: &Rope,
        from: CharOffset,
        wrap: Wrap,
        limits: Limits<'_>,
    ) -> Result<Option<Match>, Stopped> {
        let found = self.last_in(rope, rope.nearest(from), limits)?;
        if found.is_none() && wrap == Wrap::Around {
            return self.last_in(rope, rope.end(), limits);
        }
        Ok(found)
    }

    fn last_in(
        &self,
        rope: &Rope,
        end: CharOffset,
        limits: Limits<'_>,
    ) -> Result<Option<Match>, Stopped> {
        let mut stretch = STRETCH;
        let end_byte = rope.byte_of(end);
        loop {
            let near = rope.char_of_byte(ByteOffset(end_byte.0.saturating_sub(stretch)));
            let line = rope.line_of(near);
            let mut start = rope.line_start(line);
            if near - start > stretch {
                start = grapheme::floor(rope, near);
            }
            let range = CharRange { start, end };
            let mut last = None;
            for found in self.find_iter(rope, range, limits) {
                last = Some(found?);
            }
            if last.is_some() || start.0 == 0 {
                return Ok(last);
            }
            stretch = stretch.saturating_mul(2);
        }
    }

    /// Counts the matches in a range, up to a limit.
    pub fn count(
        &self,
        rope: &Rope,
        range: CharRange,
        limit: usize,
        limits: Limits<'_>,
    ) -> Result<Count, Stopped> {
        let mut count = 0;
        for found in self.find_iter(rope, range, limits) {
            found?;
            if count == limit {
                return Ok(Count::MoreThan(limit));
            }
            count += 1;
        }
        Ok(Count::Exactly(count))
    }

    /// The matches that touch some lines: what a view highlights.
    pub fn in_lines<'a>(
        &'a self,
        rope: &'a Rope,
        lines: Range<usize>,
        limits: Limits<'a>,
    ) -> Matches<'a> {
        let start = rope.line_start(Line(lines.start));
        let end = rope.line_start(Line(lines.end));
        self.find_iter(rope, CharRange::new(start, end), limits)
    }

    /// Where the groups of a match are, in bytes; the whole match is the first. Groups that took
    /// no part are none. Empty if the text no longer matches there.
    pub(super) fn groups(
        &self,
        rope: &Rope,
        found: &Match,
        limits: Limits<'_>,
    ) -> Result<Vec<Option<Range<usize>>>, Stopped> {
        let mut captures = self.regex.create_captures();
        let mut cache = self.regex.create_cache();
        run(|| {
            let cursor = Guarded::at(rope, found.bytes.start, limits);
            let mut input = Input::new(cursor);
            input.set_range(found.bytes.start..rope.len_bytes());
            self.regex.search_captures_with(&mut cache, &mut input, &mut captures);
        })?;
        if captures.get_match().is_none_or(|whole| whole.range() != found.bytes) {
            return Ok(Vec::new());
        }
        let group = |index| captures.get_group(index).map(|span| span.range());
        Ok((0..captures.group_len()).map(group).collect())
    }

    /// The number of a named group.
    pub(super) fn group_index(&self, name: &str) -> Option<usize> {
        let pattern = regex_cursor::regex_automata::PatternID::ZERO;
        self.regex.group_info().to_index(pattern, name)
    }

    fn accepts(&self, rope: &Rope, bytes: &Range<usize>) -> bool {
        if self.words == WordCheck::None {
            return true;
        }
        let is_word = |c: char| matches!(word::class(c), Class::Word | Class::Mark);
        let mut before = rope.chars_at(rope.byte_to_char(bytes.start));
        let mut after = rope.chars_at(rope.byte_to_char(bytes.end));
        !before.prev().is_some_and(is_word) && !after.next().is_some_and(is_word)
    }
}

/// The matches in a range; see [`Searcher::find_iter`].
pub struct Matches<'a> {
    searcher: &'a Searcher,
    rope: &'a Rope,
    cache: Option<meta::Cache>,
    limits: Limits<'a>,
    /// What is still to be searched; empty and inverted once it is over.
    bytes: Range<usize>,
    last_end: Option<usize>,
}

impl Matches<'_> {
    fn engine_next(&mut self) -> Result<Option<Range<usize>>, Stopped> {
        let regex = &self.searcher.regex;
        let mut cache = self.cache.take().unwrap_or_else(|| regex.create_cache());
        let (bytes, rope, limits) = (self.bytes.clone(), self.rope, self.limits);
        let found = run(|| {
            let mut input = Input::new(Guarded::at(rope, bytes.start, limits));
            input.set_range(bytes);
            regex.search_with(&mut cache, &mut input)
        })?;
        // After an error the cache is in an unknown state, so it is kept only here.
        self.cache = Some(cache);
        Ok(found.map(|found| found.range()))
    }

    /// Goes on after the character at a byte; over if there is none.
    fn skip_from(&mut self, byte: usize) {
        if byte >= self.bytes.end {
            self.finish();
        } else {
            self.bytes.start = self.rope.char_to_byte(self.rope.byte_to_char(byte) + 1);
        }
    }

    fn finish(&mut self) {
        self.bytes = Range { start: 1, end: 0 };
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<Match, Stopped>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.bytes.start <= self.bytes.end {
            if let Err(stopped) = self.limits.check() {
                self.finish();
                return Some(Err(stopped));
            }
            let found = match self.engine_next() {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(stopped) => {
                    self.finish();
                    return Some(Err(stopped));
                }
            };
            if !self.searcher.accepts(self.rope, &found) {
                self.skip_from(found.start);
                continue;
            }
            if found.is_empty() {
                self.skip_from(found.start);
                // An empty match right behind the last one is part of it.
                if self.last_end == Some(found.start) {
                    continue;
                }
            } else {
                self.bytes.start = found.end;
            }
            self.last_end = Some(found.end);
            let start = CharOffset(self.rope.byte_to_char(found.start));
            let end = CharOffset(self.rope.byte_to_char(found.end));
            return Some(Ok(Match { range: CharRange { start, end }, bytes: found }));
        }
        self.finish();
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::movement::fixture::Random;
    use crate::search::{Case, Query, Words};

    fn all(rope: &Rope) -> CharRange {
        CharRange { start: CharOffset(0), end: rope.end() }
    }

    fn found(query: &Query, text: &str) -> Vec<String> {
        let rope = Rope::from_str(text);
        let searcher = query.compile().unwrap();
        let matches = searcher.find_iter(&rope, all(&rope), Limits::default());
        matches.map(|one| rope.slice_of(one.unwrap().range).to_string()).collect()
    }

    #[test]
    fn literals_match_by_case_and_word() {
        assert_eq!(found(&Query::literal("foo"), "Foo foobar"), ["Foo", "foo"]);
        assert_eq!(found(&Query::literal("Foo"), "Foo foobar"), ["Foo"]);
        let whole = Query { words: Words::Whole, ..Query::literal("foo") };
        assert_eq!(found(&whole, "foo_ foofoo foo."), ["foo"]);
        let whole = Query { words: Words::Whole, ..Query::literal("عمل") };
        assert_eq!(found(&whole, "عملية عمل عملَ"), ["عمل"]);
        let exact = Query { case: Case::Sensitive, ..Query::literal("a.c") };
        assert_eq!(found(&exact, "abc a.c A.C"), ["a.c"]);
    }

    #[test]
    fn expressions_span_lines_of_every_ending() {
        assert_eq!(found(&Query::regex(r"a\nb"), "a\nb a\r\nb"), ["a\nb", "a\r\nb"]);
        assert_eq!(found(&Query::literal("a\nb"), "a\r\nb\ra\rb"), ["a\r\nb", "a\rb"]);
        assert_eq!(found(&Query::regex("^.+$"), "ab\r\ncd\ref\n\n"), ["ab", "cd", "ef"]);
        assert_eq!(found(&Query::regex(r"(?s)\{.*\}"), "{\r\n}\n}"), ["{\r\n}\n}"]);
        let whole = Query { words: Words::Whole, ..Query::regex("a|ab") };
        assert_eq!(found(&whole, "ab a abc"), ["ab", "a"]);
    }

    #[test]
    fn empty_matches_advance_by_characters() {
        let rope = Rope::from_str("aعb");
        let searcher = Query::regex("x*").compile().unwrap();
        let matches = searcher.find_iter(&rope, all(&rope), Limits::default());
        let starts: Vec<usize> = matches.map(|one| one.unwrap().range.start.0).collect();
        assert_eq!(starts, [0, 1, 2, 3]);
    }

    #[test]
    fn the_next_and_the_previous_match_wrap() {
        let rope = Rope::from_str("ab ع ab ab");
        let searcher = Query::literal("ab").compile().unwrap();
        let limits = Limits::default();
        let next = |from, wrap| {
            let found = searcher.next_from(&rope, CharOffset(from), wrap, limits).unwrap();
            found.map(|one| one.range.start.0)
        };
        assert_eq!(next(1, Wrap::Stop), Some(5));
        assert_eq!(next(9, Wrap::Stop), None);
        assert_eq!(next(9, Wrap::Around), Some(0));
        let previous = |from, wrap| {
            let found = searcher.previous_from(&rope, CharOffset(from), wrap, limits).unwrap();
            found.map(|one| one.range.start.0)
        };
        assert_eq!(previous(9, Wrap::Stop), Some(5));
        assert_eq!(previous(1, Wrap::Stop), None);
        assert_eq!(previous(1, Wrap::Around), Some(8));
        let count = |limit| searcher.count(&rope, all(&rope), limit, limits).unwrap();
        assert_eq!(count(2), Count::MoreThan(2));
        assert_eq!(count(3), Count::Exactly(3));
    }

    #[test]
    fn the_previous_match_is_found_far_back() {
        let rope = Rope::from_str(&format!("needle{}", "hay ع\r\n".repeat(40_000)));
        let searcher = Query::literal("needle").compile().unwrap();
        let found = searcher.previous_from(&rope, rope.end(), Wrap::Stop, Limits::default());
        assert_eq!(found.unwrap().map(|one| one.range.start), Some(CharOffset(0)));
    }

    #[test]
    fn a_search_stops_when_it_is_told_to() {
        let rope = Rope::from_str(&"ab ع ".repeat(400_000));
        let searcher = Query::regex(r"\bz+\b").compile().unwrap();
        let cancel = AtomicBool::new(false);
        let limits = Limits { cancel: Some(&cancel), deadline: None };
        std::thread::scope(|scope| {
            let search = scope.spawn(|| {
                let mut rounds = 0;
                loop {
                    match searcher.count(&rope, all(&rope), 1, limits) {
                        Ok(_) => rounds += 1,
                        Err(stopped) => return (stopped, rounds),
                    }
                }
            });
            std::thread::sleep(Duration::from_millis(30));
            cancel.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(search.join().unwrap().0, Stopped::Cancelled);
        });
        // No word is that long, so that one call of the engine reads the whole text.
        let searcher = Query::regex(r"\b\w{3}\b").compile().unwrap();
        let deadline = Some(Instant::now() + Duration::from_millis(1));
        let late = Limits { cancel: None, deadline };
        assert_eq!(searcher.count(&rope, all(&rope), 1, late), Err(Stopped::TimedOut));
        assert_eq!(searcher.count(&rope, all(&rope), 1, Limits::default()), Ok(Count::Exactly(0)));
    }

    /// A rope with the small and odd chunks that editing leaves behind.
    fn edited(random: &mut Random, pieces: usize) -> Rope {
        let mut rope = Rope::new();
        for _ in 0..pieces {
            let at = random.below(rope.len_chars() + 1);
            let text = random.text(12).repeat(1 + random.below(60));
            rope.insert(at, &text);
            if random.below(3) == 0 {
                let start = random.below(rope.len_chars() + 1);
                let end = (start + random.below(2000)).min(rope.len_chars());
                rope.remove(start..end);
            }
        }
        rope
    }

    #[test]
    fn matches_in_a_rope_are_those_in_a_string() {
        let patterns = [
            "a",
            "مرحبا",
            "foo",
            r"\w+",
            r"\bx1\b",
            r"(?s)\(.*?\)",
            "a|ab|B",
            r"[^\n]{3,9}",
            "^.",
            r".$",
            r"\s+\n",
            r"(?i)FOO|بar",
            r"-> *\.",
            r"\d",
            "تُطبَّق",
            r"\p{Arabic}+\s",
        ];
        let mut random = Random::new();
        for _ in 0..60 {
            let rope = edited(&mut random, 12);
            let text = rope.to_string();
            let pattern = random.pick(&patterns);
            let query = Query { case: Case::Sensitive, ..Query::regex(pattern) };
            let searcher = query.compile().unwrap();
            let found: Vec<_> = searcher
                .find_iter(&rope, all(&rope), Limits::default())
                .map(|one| one.unwrap().bytes)
                .collect();
            let oracle = regex::RegexBuilder::new(&super::super::any_line_break(pattern))
                .multi_line(true)
                .crlf(true)
                .build()
                .unwrap();
            let expected: Vec<_> = oracle.find_iter(&text).map(|one| one.range()).collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
