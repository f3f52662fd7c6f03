//! What an event can say.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::redaction::redact;
use serde_json::Value;

/// Longer text is cut, once it is redacted: half a secret at the edge would look like none.
const TEXT_BYTES_MAX: usize = 512;

/// What is looked at of a text at all.
const SEEN_BYTES_MAX: usize = 64 * 1024;

/// A value of an event's field.
#[derive(Clone, Debug)]
pub enum Field {
    /// Not known here.
    Absent,
    /// A count or a size.
    Count(u64),
    /// A measurement.
    Number(f64),
    /// A sentence or name of the program's own; see [`Field::text`].
    Text(String),
    /// A file.
    Path(PathBuf),
    /// Figures that are JSON already.
    Json(Value),
}

impl Field {
    /// `text` of the program's own making, cut where it is long. Never text of a buffer.
    pub fn text(text: &str) -> Self {
        Self::Text(text[..text.floor_char_boundary(SEEN_BYTES_MAX)].to_owned())
    }

    /// A file's path.
    pub fn path(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Count(count) => Value::from(*count),
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => {
                let redacted = redact(text);
                Value::from(&redacted[..redacted.floor_char_boundary(TEXT_BYTES_MAX)])
            }
            Self::Path(path) => match crate::registry::path_to_json(path) {
                Value::String(path) => Value::from(redact(&path)),
                bytes => bytes,
            },
            Self::Json(value) => value.clone(),
        }
    }
}

/// What the events of one call have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u64);

impl Trace {
    /// One that this process has not given yet.
    pub fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        // Two processes that append to one file must not share traces.
        let start = START.get_or_init(|| RandomState::new().hash_one(std::process::id()));
        Self(start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let len = |text: &str| Field::text(text).to_json().as_str().unwrap().len();
        assert_eq!(len(&"é ".repeat(400)), TEXT_BYTES_MAX);
        assert_eq!(len(&"漢a b ".repeat(400)), TEXT_BYTES_MAX - 1);
    }

    #[test]
    fn a_secret_at_the_cut_leaves_no_half() {
        let secret = "https://me:kite-8-lamp-of-glass@host/x";
        for before in TEXT_BYTES_MAX - secret.len()..TEXT_BYTES_MAX {
            let text = format!("{} {secret}", "a ".repeat(before / 2));
            let said = Field::text(&text).to_json();
            assert!(!said.as_str().unwrap().contains("kite"), "{before}: {said}");
        }
    }

    #[test]
    fn what_looks_like_a_secret_and_a_home_s_name_are_not_recorded() {
        let said = Field::text("could not reach https://me:kite-8-lamp@host/x").to_json();
        assert_eq!(said, "could not reach https://me:[redacted: password]@host/x");
        let path = Field::path(Path::new("/home/jane/a.rs")).to_json();
        assert_eq!(path, "/home/[redacted: name]/a.rs");
    }

    #[test]
    fn traces_differ() {
        assert_ne!(Trace::new(), Trace::new());
    }
}
