//! Replacing matches, as a transaction.

use ropey::Rope;

use super::chunks::{Limits, Stopped};
use super::find::Match;
use super::template::Template;
use super::{QueryError, Searcher};
use crate::edit::{Edit, Transaction};
use crate::line_ending::LineEnding;
use crate::position::{ByteOffset, CharRange, Positions};

/// Every match in a range, replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The edits; a match that already reads like its replacement has none.
    pub transaction: Transaction,
    /// How many matches there were.
    pub matches: usize,
}

impl Searcher {
    /// Whether the groups that a replacement names exist; else the sentence to show.
    pub fn check(&self, template: &Template) -> Result<(), QueryError> {
        let error = |message| Err(QueryError { message, at: None, column: 0 });
        if let Some(name) = template.names().find(|name| self.group_index(name).is_none()) {
            return error(format!("the pattern has no group named {name}"));
        }
        let groups = self.regex.captures_len();
        if template.last_group() >= groups {
            return error(match groups {
                1 => "the pattern has no groups".to_owned(),
                _ => format!("the pattern has only {} groups", groups - 1),
            });
        }
        Ok(())
    }

    /// What one match becomes. `ending` is the line ending of the text.
    pub fn replacement(
        &self,
        rope: &Rope,
        found: &Match,
        template: &Template,
        ending: LineEnding,
    ) -> Result<String, Stopped> {
        if template.is_constant() {
            return Ok(template.expand(ending, |_| None, |_| None));
        }
        let groups = self.groups(rope, found, Limits::default())?;
        let text = |index: usize| {
            let bytes = groups.get(index)?.clone()?;
            let start = rope.char_of_byte(ByteOffset(bytes.start));
            let end = rope.char_of_byte(ByteOffset(bytes.end));
            Some(rope.slice_of(CharRange { start, end }).to_string())
        };
        Ok(template.expand(ending, |name| self.group_index(name), text))
    }

    /// The transaction that replaces one match.
    pub fn replace(
        &self,
        rope: &Rope,
        found: &Match,
        template: &Template,
        ending: LineEnding,
    ) -> Result<Transaction, Stopped> {
        let text = self.replacement(rope, found, template, ending)?;
        Ok(Transaction::single(Edit::replace(found.range, text)))
    }

    /// The transaction that replaces every match in a range.
    pub fn replace_all(
        &self,
        rope: &Rope,
        range: CharRange,
        template: &Template,
        ending: LineEnding,
        limits: Limits<'_>,
    ) -> Result<Replaced, Stopped> {
        let mut edits = Vec::new();
        let mut matches = 0;
        for found in self.find_iter(rope, range, limits) {
            let found = found?;
            matches += 1;
            let text = self.replacement(rope, &found, template, ending)?;
            if rope.slice_of(found.range) != text.as_str() {
                edits.push(Edit::replace(found.range, text));
            }
        }
        let transaction = Transaction::new(edits).expect("matches do not overlap");
        Ok(Replaced { transaction, matches })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::CharOffset;
    use crate::search::Query;

    fn replaced(query: &Query, text: &str, template: &str) -> (String, usize) {
        let mut rope = Rope::from_str(text);
        let template = Template::new(template, query.kind).unwrap();
        let searcher = query.compile().unwrap();
        searcher.check(&template).unwrap();
        let range = CharRange { start: CharOffset(0), end: rope.end() };
        let limits = Limits::default();
        let all = searcher.replace_all(&rope, range, &template, LineEnding::CrLf, limits).unwrap();
        all.transaction.apply_to(&mut rope);
        (rope.to_string(), all.matches)
    }

    #[test]
    fn every_match_is_replaced() {
        let swap = Query::regex(r"(\w+)=(?<value>\w+)");
        assert_eq!(
            replaced(&swap, "عمل=a\r\nb=c", r"${value}:\u$1"),
            ("a:عمل\r\nc:B".to_owned(), 2)
        );
        assert_eq!(replaced(&Query::literal("a"), "abaa", "$1"), ("$1b$1$1".to_owned(), 3));
        assert_eq!(replaced(&Query::regex(";"), "a;b", r"\n"), ("a\r\nb".to_owned(), 1));
        assert_eq!(replaced(&Query::regex("^"), "a\r\nb", "> "), ("> a\r\n> b".to_owned(), 2));
        assert_eq!(replaced(&Query::literal("a"), "aa", "a").1, 2);
    }

    #[test]
    fn groups_see_what_stands_around_their_match() {
        let query = Query::regex(r"\b(a)(x)?$");
        assert_eq!(replaced(&query, "a a\nba", "<$1$2>"), ("a <a>\nba".to_owned(), 1));
    }

    #[test]
    fn a_group_that_is_not_there_is_an_error() {
        let searcher = Query::regex("(a)").compile().unwrap();
        let check = |text| {
            let template = Template::new(text, crate::search::Kind::Regex).unwrap();
            searcher.check(&template).map_err(|error| error.to_string())
        };
        assert_eq!(check("$1"), Ok(()));
        assert_eq!(check("$2"), Err("the pattern has only 1 groups".to_owned()));
        assert_eq!(check("${x}"), Err("the pattern has no group named x".to_owned()));
    }
}
