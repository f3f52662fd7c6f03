//! Text that a person wrote for the program, and what is wrong with it.
//!
//! A damaged entry costs that entry alone, and is named with its file and line.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More than any keymap or settings file; what is beyond it is not read.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;

/// Errors of one file that are reported one by one.
const PROBLEMS_MAX: usize = 50;

/// A TOML file as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it came from, for messages; a name in angle brackets if it is not a file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Something in a [`Source`] that was not understood; the rest of it still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong and what would be right, without a full stop.
    pub sentence: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}.", self.path.display(), self.line, self.sentence)
    }
}

impl Source {
    /// A source with this path and text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Reads the file at `path`: `None` if there is none.
    ///
    /// # Errors
    /// A [`Problem`] when it cannot be read, is over [`SOURCE_BYTES_MAX`], or is not UTF-8.
    pub fn read(path: &Path) -> Result<Option<Self>, Problem> {
        use std::io::Read;
        let problem = |sentence: String| Problem { path: path.to_owned(), line: 1, sentence };
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(format!("it cannot be read ({error})"))),
        };
        let mut bytes = Vec::new();
        let read = file.take(SOURCE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| problem(format!("it cannot be read ({error})")))?;
        if bytes.len() > SOURCE_BYTES_MAX {
            return Err(problem(format!("it has more than {SOURCE_BYTES_MAX} bytes")));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Self::new(path, text))),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..good].iter().filter(|b| **b == b'\n').count();
                let sentence = "it is not UTF-8 from here on".to_owned();
                Err(Problem { path: path.to_owned(), line, sentence })
            }
        }
    }

    /// A problem at the bytes `span`.
    pub fn problem(&self, span: Range<usize>, sentence: impl Into<String>) -> Problem {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Problem { path: self.path.clone(), line, sentence: sentence.into() }
    }

    /// The table that the text holds. What does not parse is left out and named.
    pub fn parse(&self) -> (Spanned<DeTable<'_>>, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        let mut problems = Vec::new();
        for error in errors.iter().take(PROBLEMS_MAX) {
            let said = error.message().lines().next().unwrap_or("it is not TOML");
            let problem = self.problem(error.span().unwrap_or(0..0), said);
            let known = problems.last().is_some_and(|last: &Problem| last.line == problem.line);
            if !known {
                problems.push(problem);
            }
        }
        (table, problems)
    }
}

/// `problems` of one source in the order of its lines, the first of each line.
pub fn by_line(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.line);
    problems.dedup_by_key(|problem| problem.line);
    problems
}

/// `value` as JSON; `None` for what JSON has no form for: a date, an infinity, a huge number.
pub fn to_json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    use serde_json::Value;
    Some(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(digits) => {
            Value::from(i64::from_str_radix(digits.as_str(), digits.radix()).ok()?)
        }
        DeValue::Float(digits) => {
            let number: f64 = digits.as_str().parse().ok()?;
            Value::Number(serde_json::Number::from_f64(number)?)
        }
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            items.iter().map(|item| to_json(item.get_ref())).collect::<Option<_>>()?
        }
        DeValue::Table(table) => {
            let fields = table.iter();
            let fields = fields
                .map(|(name, item)| Some((name.get_ref().to_string(), to_json(item.get_ref())?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_costs_that_line_alone() {
        let source = Source::new("s.toml", "a = 1\nb = = 2\nc = 3\n[t]\nd = \"x\ne = 4\n");
        let (table, problems) = source.parse();
        let table = table.get_ref();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 5], "{problems:?}");
        assert!(table.contains_key("a") && table.contains_key("c"));
        assert!(table.get("t").unwrap().get_ref().as_table().unwrap().contains_key("e"));
    }

    #[test]
    fn a_problem_reads_like_a_compilers() {
        let source = Source::new("/c/s.toml", "a = 1\nb = 2\n");
        let problem = source.problem(6..7, "b is not a setting");
        assert_eq!(problem.to_string(), "/c/s.toml:2: b is not a setting.");
    }

    #[test]
    fn a_file_that_cannot_be_text_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.toml");
        assert!(Source::read(&path).unwrap().is_none());
        std::fs::write(&path, b"a = 1\nb = \xff\n").unwrap();
        assert_eq!(Source::read(&path).unwrap_err().line, 2);
        std::fs::write(&path, vec![b'#'; SOURCE_BYTES_MAX + 1]).unwrap();
        assert!(Source::read(&path).is_err());
    }
}
