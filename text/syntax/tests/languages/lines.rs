//! Real files typed line by line: how often a new line stands where its author put it.
//!
//! Lines that nothing before them could tell of are left out: those that stand within a string or
//! a comment, those that are aligned with something (no whole number of steps), and in languages
//! whose blocks end by indentation alone those that leave one.

use std::fs;
use std::path::{Path, PathBuf};

use syntax::{IndentStyle, IndentUnit, Languages, Region, Syntax};
use text::{CharRange, Edit, Line, Positions, Rope, Transaction};

use crate::fixtures::sources;
use crate::{parse, parsed};

/// Lines of one file that are typed.
const LINES_MAX: usize = 400;

/// How a file is indented: its most frequent step.
fn style(source: &str) -> IndentStyle {
    let mut counts = [0; 9];
    let mut before = 0;
    let mut tabs = 0;
    for line in source.lines().filter(|line| !line.trim().is_empty()) {
        tabs += usize::from(line.starts_with('\t'));
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent > before && indent - before <= 8 {
            counts[indent - before] += 1;
        }
        before = indent;
    }
    let most = (1..9).max_by_key(|step| counts[*step]).unwrap();
    let unit = match tabs > counts[most] {
        true => IndentUnit::Tab,
        false => IndentUnit::Spaces(most as u8),
    };
    IndentStyle { unit, tab_width: 8 }
}

fn replace(syntax: &mut Syntax, rope: &mut Rope, range: CharRange, text: &str) {
    let before = rope.clone();
    let edit = Edit::replace(range, text);
    Transaction::single(edit.clone()).apply_to(rope);
    syntax.edit(&before, rope, &[edit]);
    if !syntax.is_current() {
        parse(syntax, rope);
    }
}

/// Types a file from its first line on, closing brackets typed as a person types them; answers
/// how many lines were right, of how many, and the first that were not.
fn typed(language: &str, source: &str) -> (usize, usize, Vec<String>) {
    let style = style(source);
    let mut rope = Rope::from_str("");
    let mut syntax = Syntax::new(Languages::builtin().named(language));
    let whole = Rope::from_str(source);
    let finished = parsed(language, &whole);
    let within = |number: usize| {
        let start = whole.line_start(Line(number));
        let tree = finished.tree().unwrap();
        let region = |at| tree.region(&whole, at);
        start.0 > 0 && region(start) != Region::Code && region(start - 1) != Region::Code
    };
    let by_indentation = matches!(language, "python" | "yaml");
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    let mut before = 0;
    for (number, line) in source.lines().take(LINES_MAX).enumerate() {
        let text = line.trim_start_matches([' ', '\t']);
        let own = &line[..line.len() - text.len()];
        if rope.len_chars() > 0 {
            let indent = syntax.indent_for_newline(&rope, rope.end(), style);
            let end = rope.end();
            replace(&mut syntax, &mut rope, CharRange::at(end), &format!("\n{}", indent.line));
        }
        if text.is_empty() {
            continue;
        }
        let start = rope.line_start(rope.last_line());
        // A word or a bracket that closes moves its line once it is typed.
        let word = text.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or("");
        let head: &str = match text.chars().next() {
            Some('}' | ')' | ']') => &text[..1],
            _ => word,
        };
        let end = rope.end();
        replace(&mut syntax, &mut rope, CharRange::at(end), head);
        if let Some(indent) = syntax.outdent_for_closer(&rope, rope.end(), style) {
            let old = rope.line(rope.last_line().0).chars();
            let blanks = old.take_while(|c| matches!(c, ' ' | '\t')).count();
            let range = CharRange { start, end: start + blanks };
            replace(&mut syntax, &mut rope, range, &indent);
        }
        let found = rope.slice_of(rope.line_range(Line(rope.last_line().0))).to_string();
        let found = &found[..found.len() - found.trim_start_matches([' ', '\t']).len()];
        let step = style.unit.text().len();
        let leaves = by_indentation && own.len() < before;
        let is_item = language == "yaml" && text.starts_with("- ") && text.contains(':');
        before = own.len() + if is_item { 2 } else { 0 };
        let is_told = !leaves && own.len().is_multiple_of(step) && !within(number);
        all += usize::from(is_told);
        match found == own {
            true => right += usize::from(is_told),
            false if is_told => wrong.push(format!("{found:?} for {line:?}")),
            false => {}
        }
        let whole = CharRange { start, end: rope.end() };
        replace(&mut syntax, &mut rope, whole, line);
    }
    (right, all, wrong)
}

/// Files of a language below a folder, smallest names first.
fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

/// Files that are kept here and well formatted, typed; the share of lines that stood right.
fn share(language: &str, extension: &str, folder: &Path, files: usize) -> f64 {
    let mut paths = Vec::new();
    collect(folder, extension, &mut paths);
    let step = (paths.len() / files).max(1);
    let (mut right, mut all) = (0, 0);
    let verbose = std::env::var_os("HEARTH_LINES").is_some();
    for path in paths.iter().step_by(step).take(files) {
        let Ok(source) = fs::read_to_string(path) else { continue };
        let (fine, lines, wrong) = typed(language, &source);
        (right, all) = (right + fine, all + lines);
        if verbose {
            eprintln!("{} {fine} of {lines}", path.display());
            wrong.iter().take(12).for_each(|line| eprintln!("    {line}"));
        }
    }
    let share = right as f64 / (all as f64).max(1.0);
    eprintln!("{language}: {right} of {all} lines, {:.1} %", share * 100.0);
    share
}

#[test]
fn new_lines_stand_where_their_author_put_them() {
    let (mut right, mut all) = (0, 0);
    for (name, language, source) in sources() {
        if language == "markdown" {
            continue;
        }
        let (fine, lines, wrong) = typed(&language, &source);
        eprintln!("{name}: {fine} of {lines} {wrong:#?}");
        assert!(fine * 10 >= lines * 8, "{name}: {fine} of {lines} lines, {wrong:#?}");
        (right, all) = (right + fine, all + lines);
    }
    assert!(right * 100 > all * 95, "{right} of {all} lines");
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let own = share("rust", "rs", Path::new(own), 5);
    assert!(own > 0.95, "{own}");
}

#[test]
#[ignore = "measures files that only some machines have"]
fn files_of_this_machine_typed_line_by_line() {
    for (language, extension, folder) in [
        ("rust", "rs", concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        ("python", "py", "/usr/lib/python3"),
        ("c", "c", "/root/.cargo/registry/src"),
        ("c", "h", "/root/.cargo/registry/src"),
        ("typescript", "ts", "/usr/lib/node_modules"),
        ("javascript", "js", "/usr/lib/node_modules"),
        ("javascript", "js", "/root/.cargo/registry/src"),
        ("json", "json", "/root/.cargo/registry/src"),
        ("yaml", "yml", "/root/.cargo/registry/src"),
        ("bash", "sh", "/root/.cargo/registry/src"),
        ("bash", "sh", "/usr/share"),
    ] {
        share(language, extension, Path::new(folder), 12);
    }
}
