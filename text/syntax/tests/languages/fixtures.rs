//! Colours, folds and outlines of one file per language, beside what is expected of them.
//! `HEARTH_BLESS=1` writes what is there now; read the difference before committing it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use syntax::Languages;
use text::{CharOffset, CharRange, Line, Positions, Rope};

use crate::{colors_of, parsed};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// All fixtures: file name, language, text.
pub fn sources() -> Vec<(String, String, String)> {
    let mut sources: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it != "spans" && it != "shape"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let language = Languages::builtin().detect(Some(&name), "").unwrap();
            (name, language.name().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    sources.sort();
    assert_eq!(sources.len(), Languages::builtin().all().len(), "one for every language");
    sources
}

fn compare(name: &str, extension: &str, found: &str) {
    let path = folder().join(format!("{name}.{extension}"));
    if std::env::var_os("HEARTH_BLESS").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != found {
        let line = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
        let line = line.unwrap_or_else(|| expected.lines().count().min(found.lines().count()));
        panic!(
            "{name}.{extension}, line {}:\nexpected {:?}\nfound    {:?}",
            line + 1,
            expected.lines().nth(line),
            found.lines().nth(line)
        );
    }
}

#[test]
fn colours_are_those_of_the_fixtures() {
    for (name, language, source) in sources() {
        let rope = Rope::from_str(&source);
        let syntax = parsed(&language, &rope);
        let mut found = String::new();
        for line in 0..=rope.last_line().0 {
            let range = rope.line_range(Line(line));
            writeln!(found, "{:3} | {}", line + 1, rope.slice_of(range)).unwrap();
            for span in colors_of(&syntax, &rope, range) {
                let text = rope.byte_slice(span.start.0..span.end.0);
                writeln!(found, "    {:22} {text}", span.highlight.name()).unwrap();
            }
        }
        compare(&name, "spans", &found);
    }
}

#[test]
fn folds_and_outlines_are_those_of_the_fixtures() {
    for (name, language, source) in sources() {
        let rope = Rope::from_str(&source);
        let syntax = parsed(&language, &rope);
        let tree = syntax.tree().unwrap();
        let mut found = String::from("folds\n");
        for fold in tree.folds(&rope) {
            let (start, end) = (fold.start.0 + 1, fold.end.0 + 1);
            writeln!(found, "  {start:3} to {end:3} {:?}", fold.kind).unwrap();
        }
        found.push_str("outline\n");
        for symbol in tree.outline(&rope) {
            let line = rope.line_of(symbol.name_range.start).0 + 1;
            let indent = "  ".repeat(usize::from(symbol.depth));
            let (kind, label) = (symbol.kind.name(), &symbol.label);
            writeln!(found, "  {line:3} {indent}{label} ({kind})").unwrap();
        }
        compare(&name, "shape", &found);
    }
}

#[test]
fn colours_of_a_part_are_that_part_of_the_colours() {
    for (_, language, source) in sources() {
        let rope = Rope::from_str(&source);
        let syntax = parsed(&language, &rope);
        let whole = colors_of(&syntax, &rope, CharRange::new(CharOffset(0), rope.end()));
        for line in 0..=rope.last_line().0 {
            let range = rope.line_range(Line(line));
            let (start, end) = (rope.byte_of(range.start), rope.byte_of(range.end));
            let part = colors_of(&syntax, &rope, range);
            let clipped: Vec<_> = whole
                .iter()
                .filter(|span| span.start < end && start < span.end && start < end)
                .map(|span| (span.start.max(start), span.end.min(end), span.highlight))
                .collect();
            let part: Vec<_> =
                part.iter().map(|span| (span.start, span.end, span.highlight)).collect();
            assert_eq!(part, clipped, "{language}, line {}", line + 1);
        }
    }
}
