//! What a command line wants opened: kept by the first process, handed over by a second.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::registry::{Fault, path_from_json, path_to_json};

/// The command that a second process calls. Its arguments are [`Opening::to_json`]; with `wait`
/// it answers when all items were closed again.
pub const COMMAND: &str = "file.open_all";

/// What to open and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// In the order given. None means: show a window.
    pub items: Vec<Item>,
    /// Whether the caller waits until they are closed.
    pub wait: Wait,
    /// Where they go.
    pub place: Place,
}

/// One thing to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file or folder; a path that does not exist is a new file.
    Path {
        /// Absolute.
        path: PathBuf,
        /// From 0.
        line: Option<usize>,
        /// From 0, in bytes of the line.
        column: Option<usize>,
    },
    /// What came on standard input.
    Text(String),
    /// Two files beside each other.
    Diff {
        /// On the left; absolute.
        before: PathBuf,
        /// On the right; absolute.
        after: PathBuf,
    },
}

/// Whether a caller waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// It does not.
    #[default]
    No,
    /// Until the items are closed.
    UntilClosed,
}

/// Where items go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The window that is there.
    #[default]
    Current,
    /// A new one.
    New,
}

impl Opening {
    /// As [`COMMAND`]'s arguments: `{"items": [{"path", "line"?, "column"?} | {"text"} | {"diff":
    /// [before, after]}], "wait", "new"}`.
    pub fn to_json(&self) -> Value {
        let items: Value = self.items.iter().map(Item::to_json).collect();
        let (wait, new) = (self.wait == Wait::UntilClosed, self.place == Place::New);
        json!({ "items": items, "wait": wait, "new": new })
    }

    /// Reads them back.
    ///
    /// # Errors
    /// The first item that is none.
    pub fn from_json(arguments: &Value) -> Result<Self, Fault> {
        let wrong = || {
            Fault::usage(format!(
                "{COMMAND} takes items, each {{\"path\", \"line\"?, \"column\"?}} with an absolute \
                 path, {{\"text\"}}, or {{\"diff\"}} with two absolute paths."
            ))
        };
        let items = arguments["items"].as_array().ok_or_else(wrong)?.iter();
        let items: Option<Vec<_>> = items.map(Item::from_json).collect();
        let truth = |name: &str| arguments[name].as_bool().unwrap_or(false);
        Ok(Self {
            items: items.ok_or_else(wrong)?,
            wait: if truth("wait") { Wait::UntilClosed } else { Wait::No },
            place: if truth("new") { Place::New } else { Place::Current },
        })
    }
}

impl Item {
    /// What `argument` names: a path, or a path with `:LINE` or `:LINE:COLUMN`, both from 1. A
    /// file that exists under the whole name wins. `folder` is what relative paths start from.
    pub fn from_argument(argument: &OsStr, folder: &Path, exists: &dyn Fn(&Path) -> bool) -> Self {
        let whole = folder.join(argument);
        let mut numbers = Vec::new();
        let mut rest = argument.as_encoded_bytes();
        if !exists(&whole) {
            while let Some((shorter, number)) = split_number(rest)
                && numbers.len() < 2
            {
                rest = shorter;
                numbers.insert(0, number);
                if exists(&folder.join(prefix(argument, rest.len()))) {
                    break;
                }
            }
        }
        let line = numbers.first().map(|number| number.saturating_sub(1));
        let column = numbers.get(1).map(|number| number.saturating_sub(1));
        let path =
            if numbers.is_empty() { whole } else { folder.join(prefix(argument, rest.len())) };
        Self::Path { path, line, column }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Path { path, line, column } => {
                let mut item = json!({ "path": path_to_json(path) });
                if let Some(line) = line {
                    item["line"] = json!(line);
                }
                if let Some(column) = column {
                    item["column"] = json!(column);
                }
                item
            }
            Self::Text(text) => json!({ "text": text }),
            Self::Diff { before, after } => {
                json!({ "diff": [path_to_json(before), path_to_json(after)] })
            }
        }
    }

    fn from_json(item: &Value) -> Option<Self> {
        if let Some(text) = item.get("text") {
            return Some(Self::Text(text.as_str()?.to_owned()));
        }
        let absolute = |path: &Value| path_from_json(path).filter(|path| path.is_absolute());
        if let Some(diff) = item.get("diff") {
            let [before, after] = diff.as_array()?.as_slice() else { return None };
            return Some(Self::Diff { before: absolute(before)?, after: absolute(after)? });
        }
        let path = absolute(item.get("path")?)?;
        let count = |name: &str| match item.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(number) => Some(Some(usize::try_from(number.as_u64()?).ok()?)),
        };
        Some(Self::Path { path, line: count("line")?, column: count("column")? })
    }
}

/// `text` before its last `:NUMBER`, and the number. Something must stand before it.
fn split_number(text: &[u8]) -> Option<(&[u8], usize)> {
    let colon = text.iter().rposition(|byte| *byte == b':').filter(|at| *at > 0)?;
    let digits = std::str::from_utf8(&text[colon + 1..]).ok()?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((&text[..colon], digits.parse().ok().filter(|_| plain)?))
}

/// The first `len` bytes of `argument`, which end before an ASCII colon.
fn prefix(argument: &OsStr, len: usize) -> &OsStr {
    // SAFETY: the bytes are those of an OsStr, cut right before an ASCII character, which the
    // encoding allows.
    unsafe { OsStr::from_encoded_bytes_unchecked(&argument.as_encoded_bytes()[..len]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(argument: &str, existing: &[&str]) -> (String, Option<usize>, Option<usize>) {
        let exists = |path: &Path| existing.iter().any(|known| Path::new("/w").join(known) == path);
        let item = Item::from_argument(OsStr::new(argument), Path::new("/w"), &exists);
        let Item::Path { path, line, column } = item else { panic!("it is a path") };
        (path.to_str().unwrap().to_owned(), line, column)
    }

    #[test]
    fn a_line_and_a_column_follow_the_path() {
        assert_eq!(item("a.rs", &[]), ("/w/a.rs".into(), None, None));
        assert_eq!(item("a.rs:3", &["a.rs"]), ("/w/a.rs".into(), Some(2), None));
        assert_eq!(item("a.rs:3:7", &["a.rs"]), ("/w/a.rs".into(), Some(2), Some(6)));
        assert_eq!(item("new.rs:3:7", &[]), ("/w/new.rs".into(), Some(2), Some(6)));
        assert_eq!(item("/etc/x:0", &[]), ("/etc/x".into(), Some(0), None));
    }

    #[test]
    fn a_path_that_exists_wins_over_a_line() {
        assert_eq!(item("log:12", &["log:12"]), ("/w/log:12".into(), None, None));
        assert_eq!(item("log:12:5", &["log:12"]), ("/w/log:12".into(), Some(4), None));
        assert_eq!(item("log:12:5:6", &["log:12"]), ("/w/log:12".into(), Some(4), Some(5)));
    }

    #[test]
    fn what_is_no_number_belongs_to_the_name() {
        for name in ["a:b", "a:", ":3", "a:-1", "a:+1", "a:99999999999999999999999", "12:00:x"] {
            assert_eq!(item(name, &[]), (format!("/w/{name}"), None, None));
        }
    }

    #[test]
    fn an_opening_survives_the_socket() {
        let path = |name: &str, line| Item::Path { path: name.into(), line, column: line };
        let opening = Opening {
            items: vec![path("/a", None), path("/b", Some(3)), Item::Text("x\n".into())],
            wait: Wait::UntilClosed,
            place: Place::New,
        };
        assert_eq!(Opening::from_json(&opening.to_json()).unwrap(), opening);
        for bad in [
            json!(null),
            json!({"items": [{"path": "relative"}]}),
            json!({"items": [{"path": "/a", "line": -1}]}),
            json!({"items": [3]}),
        ] {
            assert!(Opening::from_json(&bad).is_err(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_unicode_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let argument = OsStr::from_bytes(b"\xff.rs:2");
        let item = Item::from_argument(argument, Path::new("/w"), &|_| false);
        let expected = PathBuf::from(OsStr::from_bytes(b"/w/\xff.rs"));
        assert_eq!(item, Item::Path { path: expected, line: Some(1), column: None });
        let opening = Opening { items: vec![item], ..Opening::default() };
        assert_eq!(Opening::from_json(&opening.to_json()).unwrap(), opening);
    }
}
