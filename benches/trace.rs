//! A long session of typing, one operation a key, through our document and through the rivals.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use text::edit::Bias;
use text::{CharOffset, CharRange, Document, Edit, Origin, Rope, Transaction};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source::Numbers;

const KEYSTROKES: usize = 260_000;
/// As many as a file with diagnostics, folds and a few cursors has.
const ANCHORS: usize = 100;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["text.trace", "text.lead"], run }]
}

/// One key: at `at`, `deleted` characters give way to `inserted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub at: usize,
    pub deleted: usize,
    pub inserted: &'static str,
}

/// The keys of somebody who writes: bursts of letters, words and lines, some taken back, and now
/// and then a jump to another place. The same every time.
pub fn keys(count: usize) -> Vec<Key> {
    const LETTERS: [&str; 8] = ["e", "t", "a", "o", "n", "s", "r", " "];
    let mut numbers = Numbers::from_seed(3);
    let (mut length, mut cursor, mut burst) = (0_usize, 0_usize, 0_usize);
    let mut keys = Vec::with_capacity(count);
    while keys.len() < count {
        if burst == 0 {
            burst = 5 + numbers.below(120);
            // Most jumps are short; one in four goes anywhere.
            cursor = match numbers.below(4) {
                0 => numbers.below(length + 1),
                _ => (cursor + numbers.below(400)).saturating_sub(200).min(length),
            };
        }
        burst -= 1;
        if numbers.below(100) < 18 && cursor > 0 {
            cursor -= 1;
            length -= 1;
            keys.push(Key { at: cursor, deleted: 1, inserted: "" });
        } else {
            let line_ends = numbers.below(40) == 0;
            let inserted = if line_ends { "\n" } else { LETTERS[numbers.below(LETTERS.len())] };
            keys.push(Key { at: cursor, deleted: 0, inserted });
            cursor += 1;
            length += 1;
        }
    }
    keys
}

/// The length in characters that `keys` leave.
pub fn final_length(keys: &[Key]) -> usize {
    let inserted: usize = keys.iter().map(|key| key.inserted.chars().count()).sum();
    inserted - keys.iter().map(|key| key.deleted).sum::<usize>()
}

/// Ours three times, then the rivals once each.
fn run() -> Result<Vec<Figure>, String> {
    let keys = keys(KEYSTROKES);
    let mut ours = Samples::default();
    for _ in 0..3 {
        ours.push(through_document(&keys)?);
    }
    let figure = Figure::new("text.trace", ours.median());
    let rivals = match rivals(&keys) {
        Ok(rivals) => rivals,
        Err(reason) => {
            eprintln!("{reason}");
            return Ok(vec![figure]);
        }
    };
    let best = rivals.iter().map(|(_, speed)| *speed).fold(f64::NAN, f64::max);
    let beside = |figure: Figure, (name, speed): &(String, f64)| figure.beside(name, *speed);
    let figure = rivals.iter().fold(figure, beside);
    Ok(vec![figure, Figure::new("text.lead", ours.median() / best)])
}

/// Millions of edits a second of CPU, each through rope, history, undo and anchors, its record
/// written as the log would take it.
fn through_document(keys: &[Key]) -> Result<f64, String> {
    let mut document = Document::from_base(Rope::new());
    let (mut log, mut logged) = (Vec::with_capacity(1 << 16), 0);
    let start = thread_cpu();
    for (at, key) in keys.iter().enumerate() {
        if at.is_multiple_of((keys.len() / ANCHORS).max(1)) {
            document.anchors_mut().insert(CharOffset(key.at), Bias::After);
        }
        let place = CharOffset(key.at);
        let (edit, origin) = if key.deleted > 0 {
            let range = CharRange { start: place, end: CharOffset(key.at + key.deleted) };
            (Edit::delete(range), Origin::DELETING)
        } else {
            (Edit::insert(place, key.inserted), Origin::TYPING)
        };
        let change = document.apply(Transaction::single(edit), origin);
        let change = change.map_err(|error| format!("key {at}: {error}"))?;
        change.operations.iter().for_each(|operation| operation.encode(&mut log));
        if log.len() > 1 << 15 {
            logged += log.len();
            log.clear();
        }
    }
    let seconds = (thread_cpu() - start).as_secs_f64();
    if document.rope().len_chars() != final_length(keys) || logged == 0 || !document.can_undo() {
        return Err("the document did not end with the text of the trace".to_owned());
    }
    Ok(keys.len() as f64 / seconds / 1e6)
}

/// How each rival took `keys`, in millions of edits a second, or that they are not built.
pub fn rivals(keys: &[Key]) -> Result<Vec<(String, f64)>, String> {
    let program = rivals_program()?;
    let folder = TempDir::with_prefix("hearth-trace-").map_err(|error| error.to_string())?;
    let trace = folder.path().join("trace");
    fs::write(&trace, written(keys)).map_err(|error| error.to_string())?;
    let output =
        Command::new(program).arg(&trace).output().map_err(|error| format!("rivals: {error}"))?;
    if !output.status.success() {
        return Err(format!("rivals: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| rival(line, keys)).collect()
}

fn rival(line: &str, keys: &[Key]) -> Result<(String, f64), String> {
    let said: Value = serde_json::from_str(line).map_err(|error| format!("rivals: {error}"))?;
    let (Some(name), Some(seconds)) = (said["name"].as_str(), said["seconds"].as_f64()) else {
        return Err(format!("rivals said {line}"));
    };
    if said["length"].as_u64() != Some(final_length(keys) as u64) {
        return Err(format!("{name} did not end with the text of the trace"));
    }
    Ok((name.to_owned(), keys.len() as f64 / seconds / 1e6))
}

fn written(keys: &[Key]) -> String {
    let mut text = String::new();
    for key in keys {
        writeln!(text, "{} {} {:?}", key.at, key.deleted, key.inserted)
            .expect("a string takes whatever is written");
    }
    text
}

/// Beside this program, which lies in the same target directory.
fn rivals_program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = own.parent().and_then(Path::parent).map(|target| target.join("release/rivals"));
    let manifest = "benches/rivals/Cargo.toml";
    let rivals = ::tests::tree::root().join("benches/rivals/target/release/rivals");
    let mut places = beside.into_iter().chain([rivals]);
    places.find(|path| path.is_file()).ok_or_else(|| {
        format!("rivals not built: cargo build --release --manifest-path {manifest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_stays_within_the_text_and_never_changes() {
        let trace = keys(20_000);
        let mut length = 0;
        for key in &trace {
            assert!(key.at + key.deleted <= length);
            length = length - key.deleted + key.inserted.len();
        }
        assert_eq!(length, final_length(&trace));
        assert_eq!(trace[..50], keys(50)[..]);
        let key = Key { at: 3, deleted: 1, inserted: "\n" };
        assert_eq!(written(&[key]), "3 1 \"\\n\"\n");
    }
}
