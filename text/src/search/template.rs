//! What a match is replaced with.

use std::ops::Range;

use super::{Kind, QueryError};
use crate::line_ending::LineEnding;

/// A replacement, read once.
///
/// For an expression: `$1` or `${1}` is a group, `${name}` a named one, `$0` or `$&` the whole
/// match, `$$` a dollar; `\n`, `\t` and `\\` are what they are elsewhere; `\u` and `\l` change the
/// case of the next letter, `\U` and `\L` that of all that follows until `\E`. Anything else stands
/// for itself, and so does everything in the replacement of a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    LineBreak,
    Group(usize),
    Named(String),
    Case(Change),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    UpperNext,
    LowerNext,
    UpperAll,
    LowerAll,
    End,
}

impl Template {
    /// Reads a replacement; `kind` is that of the query.
    pub fn new(text: &str, kind: Kind) -> Result<Self, QueryError> {
        match kind {
            Kind::Literal => Ok(Template { parts: lines(text) }),
            Kind::Regex => Reader { text, at: 0, parts: Vec::new() }.read(),
        }
    }

    /// Whether it is the same text for every match.
    pub fn is_constant(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_) | Part::LineBreak))
    }

    /// The names of groups in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Named(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The largest group number in it.
    pub(super) fn last_group(&self) -> usize {
        let numbers = self.parts.iter().map(|part| if let Part::Group(n) = part { *n } else { 0 });
        numbers.max().unwrap_or(0)
    }

    /// The replacement of one match. `group` gives a group's text, `number` a name's group, and
    /// `ending` is the line ending of the text that it goes into.
    pub(super) fn expand(
        &self,
        ending: LineEnding,
        number: impl Fn(&str) -> Option<usize>,
        group: impl Fn(usize) -> Option<String>,
    ) -> String {
        let mut out = Output::default();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push(text),
                Part::LineBreak => out.push(ending.as_str()),
                Part::Group(index) => out.push(&group(*index).unwrap_or_default()),
                Part::Named(name) => out.push(&number(name).and_then(&group).unwrap_or_default()),
                Part::Case(Change::End) => (out.next, out.all) = (None, None),
                Part::Case(change @ (Change::UpperNext | Change::LowerNext)) => {
                    out.next = Some(*change);
                }
                Part::Case(change) => out.all = Some(*change),
            }
        }
        out.text
    }
}

#[derive(Default)]
struct Output {
    text: String,
    next: Option<Change>,
    all: Option<Change>,
}

impl Output {
    fn push(&mut self, piece: &str) {
        let mut rest = piece;
        if let Some(c) = piece.chars().next()
            && let Some(change) = self.next.take()
        {
            match change {
                Change::LowerNext => self.text.extend(c.to_lowercase()),
                _ => self.text.extend(c.to_uppercase()),
            }
            rest = &piece[c.len_utf8()..];
        }
        match self.all {
            Some(Change::UpperAll) => self.text.push_str(&rest.to_uppercase()),
            Some(Change::LowerAll) => self.text.push_str(&rest.to_lowercase()),
            _ => self.text.push_str(rest),
        }
    }
}

/// A text whose line breaks become those of where it goes.
fn lines(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        parts.extend([Part::Text(rest[..at].to_owned()), Part::LineBreak]);
        rest = rest[at..].strip_prefix("\r\n").unwrap_or(&rest[at + 1..]);
    }
    parts.push(Part::Text(rest.to_owned()));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    parts
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    parts: Vec<Part>,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Template, QueryError> {
        let mut plain = 0;
        while let Some(found) = self.text[self.at..].find(['$', '\\']) {
            let start = self.at + found;
            self.at = start;
            let Some(part) = self.special()? else {
                continue;
            };
            self.parts.extend(lines(&self.text[plain..start]));
            self.parts.push(part);
            plain = self.at;
        }
        self.parts.extend(lines(&self.text[plain..]));
        Ok(Template { parts: self.parts })
    }

    /// What a `$` or `\` begins; none if it stands for itself, and is passed over.
    fn special(&mut self) -> Result<Option<Part>, QueryError> {
        let rest = &self.text[self.at..];
        let mut chars = rest.chars();
        let (sign, second) = (chars.next(), chars.next());
        let (length, part) = match (sign, second) {
            (Some('$'), Some('{')) => return self.braced().map(Some),
            (Some('$'), Some('0'..='9')) => {
                let digits = rest[1..].bytes().take(3).take_while(u8::is_ascii_digit).count();
                (1 + digits, Part::Group(rest[1..=digits].parse().unwrap_or(0)))
            }
            (Some('$'), Some('&')) => (2, Part::Group(0)),
            (Some('$'), Some('$')) => (2, Part::Text("$".into())),
            (Some('\\'), Some('n')) => (2, Part::LineBreak),
            (Some('\\'), Some('t')) => (2, Part::Text("\t".into())),
            (Some('\\'), Some('$')) => (2, Part::Text("$".into())),
            (Some('\\'), Some('\\')) => (2, Part::Text("\\".into())),
            (Some('\\'), Some('u')) => (2, Part::Case(Change::UpperNext)),
            (Some('\\'), Some('l')) => (2, Part::Case(Change::LowerNext)),
            (Some('\\'), Some('U')) => (2, Part::Case(Change::UpperAll)),
            (Some('\\'), Some('L')) => (2, Part::Case(Change::LowerAll)),
            (Some('\\'), Some('E')) => (2, Part::Case(Change::End)),
            _ => {
                self.at += 1;
                return Ok(None);
            }
        };
        self.at += length;
        Ok(Some(part))
    }

    fn braced(&mut self) -> Result<Part, QueryError> {
        let Range { start, end } = self.at + 2..self.text.len();
        let Some(length) = self.text[start..end].find('}') else {
            return Err(self.error("a group that ${ begins is not closed with }"));
        };
        let name = &self.text[start..start + length];
        if name.is_empty() {
            return Err(self.error("a group needs a number or a name"));
        }
        self.at = start + length + 1;
        Ok(match name.parse() {
            Ok(index) => Part::Group(index),
            Err(_) => Part::Named(name.to_owned()),
        })
    }

    fn error(&self, message: &str) -> QueryError {
        let column = self.text[..self.at].chars().count();
        QueryError { message: message.into(), at: Some(self.at), column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> String {
        let template = Template::new(text, Kind::Regex).unwrap();
        let groups = ["whole Match", "foo", "عمل"];
        template.expand(
            LineEnding::CrLf,
            |name| (name == "word").then_some(2),
            |index| groups.get(index).map(|group| (*group).to_owned()),
        )
    }

    #[test]
    fn groups_escapes_and_case_are_expanded() {
        assert_eq!(expand("a$1b${1}c${word}d$0"), "afoobfoocعملdwhole Match");
        assert_eq!(expand(r"$$1 \$1 \\ \n\t$"), "$1 $1 \\ \r\n\t$");
        assert_eq!(expand(r"\u$1 \U$1x\E$1 \L$&\E"), "Foo FOOXfoo whole match");
        assert_eq!(expand(r"\l\U$0"), "wHOLE MATCH");
        assert_eq!(expand("$9|${nope}|\\q"), "||\\q");
    }

    #[test]
    fn a_literal_replacement_is_taken_as_it_stands() {
        let template = Template::new("$1\\n\nx", Kind::Literal).unwrap();
        assert!(template.is_constant());
        assert_eq!(template.expand(LineEnding::CrLf, |_| None, |_| None), "$1\\n\r\nx");
    }

    #[test]
    fn an_open_group_is_named_with_its_place() {
        let error = Template::new("عa${1", Kind::Regex).unwrap_err();
        assert_eq!(error.to_string(), "a group that ${ begins is not closed with } at character 3");
    }
}
