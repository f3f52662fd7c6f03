//! `.editorconfig`: how a project wants its files written.
//!
//! The format is that of <https://editorconfig.org> version 0.17: the nearest file wins, `root`
//! ends the search, sections are globs that match the path below the file.

use std::fs;
use std::path::Path;

use text::bytes::Encoding;
use text::indentation::Indentation;
use text::line_ending::LineEnding;

/// What the files say of one path; `None` where they say nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// One step of indentation.
    pub indentation: Option<Indentation>,
    /// Columns of a tab.
    pub tab_width: Option<u8>,
    /// How lines of a new file end.
    pub line_ending: Option<LineEnding>,
    /// The encoding of a new file.
    pub encoding: Option<Encoding>,
    /// Whether blanks at line ends go when it is saved.
    pub trim_trailing: Option<bool>,
    /// Whether it ends with a line end when it is saved.
    pub final_newline: Option<bool>,
    /// The column of the ruler.
    pub line_length: Option<u16>,
}

/// A file larger than this is not one.
const BYTES_MAX: u64 = 256 * 1024;

/// Reads the rules for a path from the folders above it. Touches the disk: for a worker.
pub fn rules_for(path: &Path) -> Rules {
    let mut files = Vec::new();
    for folder in path.ancestors().skip(1) {
        let file = folder.join(".editorconfig");
        let small = fs::metadata(&file).is_ok_and(|file| file.is_file() && file.len() < BYTES_MAX);
        if !small {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let is_root = is_root(&text);
        let below = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        files.push((text, below));
        if is_root {
            break;
        }
    }
    let mut pairs = Pairs::default();
    // The farthest file first, so that nearer ones win.
    files.iter().rev().for_each(|(text, below)| pairs.read(text, below));
    pairs.rules()
}

fn is_root(text: &str) -> bool {
    text.lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with('['))
        .filter_map(pair)
        .any(|(key, value)| key == "root" && value == "true")
}

fn pair(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    Some((key.trim().to_lowercase(), value.trim().to_lowercase()))
}

#[derive(Default)]
struct Pairs(std::collections::HashMap<String, String>);

impl Pairs {
    fn read(&mut self, text: &str, below: &str) {
        let mut applies = false;
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                applies = section_matches(section, below);
            } else if applies && let Some((key, value)) = pair(line) {
                self.0.insert(key, value);
            }
        }
    }

    fn rules(&self) -> Rules {
        let get = |key: &str| self.0.get(key).map(String::as_str).filter(|value| *value != "unset");
        let truth = |key: &str| match get(key) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let number = |key: &str| get(key).and_then(|value| value.parse::<u8>().ok());
        let tab_width = number("tab_width").filter(|width| (1..=16).contains(width));
        let size = match get("indent_size") {
            Some("tab") => tab_width,
            _ => number("indent_size").filter(|size| (1..=16).contains(size)),
        };
        let indentation = match get("indent_style") {
            Some("tab") => Some(Indentation::Tab),
            Some("space") => Some(Indentation::Spaces(size.or(tab_width).unwrap_or(4))),
            _ => size.map(Indentation::Spaces),
        };
        Rules {
            indentation,
            tab_width: tab_width.or(size),
            line_ending: get("end_of_line").and_then(|value| match value {
                "lf" => Some(LineEnding::Lf),
                "crlf" => Some(LineEnding::CrLf),
                "cr" => Some(LineEnding::Cr),
                _ => None,
            }),
            encoding: get("charset").and_then(|value| value.parse().ok()),
            trim_trailing: truth("trim_trailing_whitespace"),
            final_newline: truth("insert_final_newline"),
            line_length: get("max_line_length").and_then(|value| value.parse().ok()),
        }
    }
}

fn section_matches(section: &str, below: &str) -> bool {
    let anchored = section.contains('/');
    let pattern: Vec<char> = section.trim_start_matches('/').chars().collect();
    let candidate = if anchored { below } else { below.rsplit('/').next().unwrap_or(below) };
    let text: Vec<char> = candidate.chars().collect();
    let mut steps = STEPS_MAX;
    matches(&pattern, &text, &mut steps)
}

/// A glob that needs more steps than this matches nothing.
const STEPS_MAX: u32 = 50_000;

fn matches(pattern: &[char], text: &[char], steps: &mut u32) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return false;
    }
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        '*' if rest.first() == Some(&'*') => {
            (0..=text.len()).any(|skip| matches(&rest[1..], &text[skip..], steps))
        }
        '*' => {
            let reach = text.iter().take_while(|letter| **letter != '/').count();
            (0..=reach).any(|skip| matches(rest, &text[skip..], steps))
        }
        '?' => {
            text.first().is_some_and(|letter| *letter != '/') && matches(rest, &text[1..], steps)
        }
        '[' => match class(rest) {
            Some((class, after)) => {
                text.first().is_some_and(|letter| class.holds(*letter))
                    && matches(after, &text[1..], steps)
            }
            None => text.first() == Some(&'[') && matches(rest, &text[1..], steps),
        },
        '{' => match braces(rest) {
            Some((choices, after)) => choices.iter().any(|choice| match choice {
                Choice::Text(choice) => {
                    let joined: Vec<char> = choice.iter().chain(after).copied().collect();
                    matches(&joined, text, steps)
                }
                Choice::Numbers(low, high) => numbers(text, *low, *high)
                    .into_iter()
                    .any(|length| matches(after, &text[length..], steps)),
            }),
            None => text.first() == Some(&'{') && matches(rest, &text[1..], steps),
        },
        '\\' if !rest.is_empty() => {
            text.first() == rest.first() && matches(&rest[1..], &text[1..], steps)
        }
        letter => text.first() == Some(letter) && matches(rest, &text[1..], steps),
    }
}

struct Class {
    letters: Vec<char>,
    is_negated: bool,
}

impl Class {
    fn holds(&self, letter: char) -> bool {
        letter != '/' && self.letters.contains(&letter) != self.is_negated
    }
}

fn class(rest: &[char]) -> Option<(Class, &[char])> {
    let end = rest.iter().position(|letter| *letter == ']').filter(|end| *end > 0)?;
    let is_negated = rest[0] == '!';
    let letters = rest[usize::from(is_negated)..end].to_vec();
    (!letters.contains(&'/')).then(|| (Class { letters, is_negated }, &rest[end + 1..]))
}

enum Choice {
    Text(Vec<char>),
    Numbers(i64, i64),
}

fn braces(rest: &[char]) -> Option<(Vec<Choice>, &[char])> {
    let (mut depth, mut start) = (0, 0);
    let mut parts = Vec::new();
    for (at, letter) in rest.iter().enumerate() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                parts.push(rest[start..at].to_vec());
                start = at + 1;
            }
            '}' => {
                parts.push(rest[start..at].to_vec());
                return Some((choices(parts), &rest[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

fn choices(parts: Vec<Vec<char>>) -> Vec<Choice> {
    if let [only] = parts.as_slice() {
        let text: String = only.iter().collect();
        if let Some((low, high)) = text.split_once("..")
            && let (Ok(low), Ok(high)) = (low.parse(), high.parse())
        {
            return vec![Choice::Numbers(low, high)];
        }
        // `{single}` without a comma stands for itself, braces included.
        return vec![Choice::Text(format!("\\{{{text}\\}}").chars().collect())];
    }
    parts.into_iter().map(Choice::Text).collect()
}

/// The lengths of the numbers within bounds that `text` starts with.
fn numbers(text: &[char], low: i64, high: i64) -> Vec<usize> {
    let sign = usize::from(text.first().is_some_and(|letter| matches!(letter, '-' | '+')));
    let digits = text[sign..].iter().take_while(|letter| letter.is_ascii_digit()).count();
    (1..=digits)
        .map(|count| sign + count)
        .filter(|length| {
            let number: String = text[..*length].iter().collect();
            number.parse::<i64>().is_ok_and(|number| (low..=high).contains(&number))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_match_as_the_standard_says() {
        let yes =
            |section: &str, path: &str| assert!(section_matches(section, path), "{section} {path}");
        let no = |section: &str, path: &str| {
            assert!(!section_matches(section, path), "{section} {path}")
        };
        yes("*", "a/b/c.rs");
        yes("*.rs", "src/lib.rs");
        no("*.rs", "src/lib.rsx");
        yes("{Makefile,*.mk}", "sub/Makefile");
        yes("src/**.rs", "src/a/b.rs");
        no("src/*.rs", "src/a/b.rs");
        yes("/lib.rs", "lib.rs");
        no("/lib.rs", "src/lib.rs");
        yes("[ab].txt", "a.txt");
        no("[!ab].txt", "a.txt");
        yes("file{1..3}.txt", "file2.txt");
        no("file{1..3}.txt", "file4.txt");
        yes("{single}.b", "{single}.b");
    }

    #[test]
    fn a_glob_of_stars_ends() {
        let section = "*a".repeat(40);
        assert!(!section_matches(&section, &"a".repeat(200).replace("aaaa", "aaab")));
    }

    #[test]
    fn the_nearest_file_wins_and_root_ends_the_search() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let write = |path: &Path, text: &str| fs::write(path.join(".editorconfig"), text).unwrap();
        write(folder.path(), "[*]\nindent_style = tab\ncharset = latin1\n");
        write(&folder.path().join("a"), "root = true\n[*]\nindent_size = 2\nend_of_line=crlf\n");
        write(&inner, "# near\n[*.py]\nindent_style = space\ninsert_final_newline = true\n");
        let rules = rules_for(&inner.join("x.py"));
        assert_eq!(rules.indentation, Some(Indentation::Spaces(2)));
        assert_eq!(rules.line_ending, Some(LineEnding::CrLf));
        assert_eq!(rules.final_newline, Some(true));
        assert_eq!(rules.encoding, None, "the file above root is not read");
        assert_eq!(rules_for(&inner.join("x.rs")).final_newline, None);
    }
}
