//! Holds the style of the tree: what a reader should never have to ask for in a review.
//!
//! Each check is a function from a file to its findings, and has a self-test that shows it failing
//! on bad input. The exceptions stand in [`EXCEPTIONS`], by name, each with its reason; one that is
//! no longer needed fails too.

use std::fs;
use std::path::Path;

use tests::rust::{Kind, Token, functions, tokens};
use tests::tree;
use unicode_width::UnicodeWidthStr;

const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 1000;
/// Below this many characters a crate's opening cannot say what it is, what holds in it, what it
/// must never know and where to start.
const OPENING_CHARS_MIN: usize = 300;
/// Names that say where something was put, not what it is.
const VAGUE_NAMES: [&str; 8] =
    ["mod", "util", "utils", "common", "helper", "helpers", "misc", "shared"];

/// A finding that is allowed to stand.
struct Exception {
    check: &'static str,
    path: &'static str,
    /// The name in the finding: a function, a file, a line's first words.
    name: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    check: &'static str,
    line: usize,
    name: String,
    what: String,
}

type Check = fn(&Path, &str) -> Vec<Finding>;

const CHECKS: [Check; 9] = [
    width,
    function_length,
    file_length,
    names,
    opening,
    leftovers,
    ignored_tests,
    dropped_values,
    empty_reasons,
];

#[test]
fn the_tree_is_tidy() {
    let root = tree::root();
    let mut used = vec![false; EXCEPTIONS.len()];
    let mut report = Vec::new();
    for path in tree::files(&root, is_checked).unwrap() {
        let source = fs::read_to_string(root.join(&path)).unwrap();
        for finding in CHECKS.iter().flat_map(|check| check(&path, &source)) {
            let excused = EXCEPTIONS.iter().position(|exception| {
                exception.check == finding.check
                    && Path::new(exception.path) == path
                    && exception.name == finding.name
            });
            match excused {
                Some(at) => used[at] = true,
                None => report.push(format!(
                    "{}:{}: {} ({})",
                    path.display(),
                    finding.line,
                    finding.what,
                    finding.check
                )),
            }
        }
    }
    for (exception, used) in EXCEPTIONS.iter().zip(used) {
        if !used {
            report.push(format!(
                "{}: the exception for `{}` ({}) is no longer needed: {}",
                exception.path, exception.name, exception.check, exception.reason
            ));
        }
    }
    assert!(report.is_empty(), "{} findings\n{}", report.len(), report.join("\n"));
}

/// Rust, shaders, queries and the scripts of the house. Prose and data wrap as they need.
fn is_checked(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    matches!(end, Some("rs" | "wgsl" | "scm"))
        || ["tests/run", ".ci/run"].iter().any(|script| path == Path::new(script))
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rs")
}

fn width(_: &Path, source: &str) -> Vec<Finding> {
    let wide = |(line, text): (usize, &str)| {
        let columns = text.width();
        (columns > COLUMNS_MAX).then(|| Finding {
            check: "width",
            line: line + 1,
            name: text.trim().chars().take(30).collect(),
            what: format!("{columns} columns; {COLUMNS_MAX} fit"),
        })
    };
    source.lines().enumerate().filter_map(wide).collect()
}

fn function_length(path: &Path, source: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let long = functions(&tokens(source)).into_iter().filter(|f| f.length > FUNCTION_LINES_MAX);
    long.map(|f| Finding {
        check: "function",
        line: f.line,
        what: format!("`{}` has {} lines; {FUNCTION_LINES_MAX} fit a screen", f.name, f.length),
        name: f.name,
    })
    .collect()
}

fn file_length(path: &Path, source: &str) -> Vec<Finding> {
    let lines = source.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    vec![Finding {
        check: "file",
        line: FILE_LINES_MAX,
        name: name.unwrap_or_default(),
        what: format!("{lines} lines: more than one noun lives here"),
    }]
}

/// No file, folder or inline module with a name that says nothing.
fn names(path: &Path, source: &str) -> Vec<Finding> {
    let finding = |line, name: &str| Finding {
        check: "names",
        line,
        name: name.to_owned(),
        what: format!("`{name}` does not say what lives in it"),
    };
    let mut found = Vec::new();
    for part in path.with_extension("").iter().filter_map(|part| part.to_str()) {
        if VAGUE_NAMES.contains(&part) {
            found.push(finding(1, part));
        }
    }
    if is_rust(path) {
        for pair in code_tokens(source).windows(2) {
            if pair[0].is("mod") && VAGUE_NAMES.contains(&pair[1].text) {
                found.push(finding(pair[1].line, pair[1].text));
            }
        }
    }
    found
}

/// A crate's `lib.rs` opens with what it is, its invariants, what it must never know, and where to
/// start reading.
fn opening(path: &Path, source: &str) -> Vec<Finding> {
    if path.file_name().is_none_or(|name| name != "lib.rs") {
        return Vec::new();
    }
    let doc: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let doc = doc.join("\n").to_lowercase();
    let said = ["never", "start"].iter().all(|word| doc.contains(word));
    if said && doc.chars().count() >= OPENING_CHARS_MIN {
        return Vec::new();
    }
    vec![Finding {
        check: "opening",
        line: 1,
        name: "lib.rs".to_owned(),
        what: "opens without what it is, what holds, what it must never know, where to start"
            .to_owned(),
    }]
}

/// Notes to self and macros that stand for code not written.
fn leftovers(path: &Path, source: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let finding = |line, name: &str| Finding {
        check: "leftovers",
        line,
        name: name.to_owned(),
        what: format!("`{name}` is not for a finished tree"),
    };
    let all = tokens(source);
    let mut found = Vec::new();
    for comment in all.iter().filter(|token| token.kind == Kind::Comment) {
        let words = comment.text.split(|c: char| !c.is_alphanumeric());
        for word in words.filter(|word| ["TODO", "FIXME", "XXX", "HACK"].contains(word)) {
            found.push(finding(comment.line, word));
        }
    }
    for pair in all.windows(2) {
        let stands_in = ["todo", "unimplemented", "dbg"].iter().any(|name| pair[0].is(name));
        if stands_in && pair[1].is("!") {
            found.push(finding(pair[0].line, pair[0].text));
        }
    }
    found
}

fn ignored_tests(path: &Path, source: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let bare = |four: &&[Token<'_>]| {
        ["#", "[", "ignore", "]"].iter().zip(*four).all(|(text, token)| token.is(text))
    };
    let code = code_tokens(source);
    code.windows(4)
        .filter(bare)
        .map(|four| Finding {
            check: "ignored",
            line: four[0].line,
            name: "ignore".to_owned(),
            what: "an ignored test names its reason".to_owned(),
        })
        .collect()
}

/// `let _ =` with no comment on its line or on the one above.
fn dropped_values(path: &Path, source: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let all = tokens(source);
    let code = code_tokens(source);
    let dropped = code.windows(3).filter(|three| {
        three[0].is("let") && three[1].is("_") && (three[2].is("=") || three[2].is(":"))
    });
    dropped
        .filter(|three| !explained(&all, three[0].line))
        .map(|three| Finding {
            check: "dropped",
            line: three[0].line,
            name: "let _".to_owned(),
            what: "a value is dropped without the reason beside it".to_owned(),
        })
        .collect()
}

/// Whether a comment stands on `line` or ends right above it.
fn explained(all: &[Token<'_>], line: usize) -> bool {
    let mut comments = all.iter().filter(|token| token.kind == Kind::Comment);
    comments.any(|comment| comment.last_line == line || comment.last_line + 1 == line)
}

/// `#[allow]` and `#[expect]` say why, in themselves or in a comment beside them.
fn empty_reasons(path: &Path, source: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let all = tokens(source);
    let code = code_tokens(source);
    let mut found = Vec::new();
    for at in 2..code.len() {
        let attribute = code[at - 1].is("[") && (code[at - 2].is("#") || code[at - 2].is("!"));
        if !attribute || !(code[at].is("allow") || code[at].is("expect")) {
            continue;
        }
        let mut inside = code[at..].iter().take_while(|token| !token.is("]"));
        if !inside.any(|token| token.is("reason")) && !explained(&all, code[at].line) {
            found.push(Finding {
                check: "reasons",
                line: code[at].line,
                name: code[at].text.to_owned(),
                what: "a lint is switched off without a reason".to_owned(),
            });
        }
    }
    found
}

fn code_tokens(source: &str) -> Vec<Token<'_>> {
    tokens(source).into_iter().filter(|token| token.kind != Kind::Comment).collect()
}

/// Each check fails on what it is there for, and passes what it is not.
mod self_tests {
    use super::*;

    fn lines(check: Check, path: &str, source: &str) -> Vec<usize> {
        check(Path::new(path), source).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn width_counts_columns_not_bytes() {
        let arabic = "س".repeat(COLUMNS_MAX);
        let wide = "字".repeat(COLUMNS_MAX / 2 + 1);
        assert_eq!(lines(width, "a.rs", &format!("{arabic}\n{wide}\n")), [2]);
        assert_eq!(lines(width, "a.rs", &"x".repeat(COLUMNS_MAX + 1)), [1]);
    }

    #[test]
    fn a_function_of_71_lines_is_too_long() {
        let body = |lines: usize| format!("fn f() {{\n{}}}\n", "  x();\n".repeat(lines - 2));
        assert!(lines(function_length, "a.rs", &body(FUNCTION_LINES_MAX)).is_empty());
        assert_eq!(lines(function_length, "a.rs", &body(FUNCTION_LINES_MAX + 1)), [1]);
    }

    #[test]
    fn a_file_of_1001_lines_is_too_long() {
        assert!(lines(file_length, "a.rs", &"\n".repeat(FILE_LINES_MAX)).is_empty());
        assert_eq!(lines(file_length, "a.rs", &"\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn vague_names_are_found_in_paths_and_modules() {
        assert_eq!(lines(names, "text/src/mod.rs", ""), [1]);
        assert_eq!(lines(names, "text/src/utils/rope.rs", ""), [1]);
        assert_eq!(lines(names, "text/src/rope.rs", "\nmod helpers {}"), [2]);
        assert!(lines(names, "text/src/rope.rs", "// mod helpers").is_empty());
    }

    #[test]
    fn a_lib_must_open_with_substance() {
        assert_eq!(lines(opening, "text/src/lib.rs", "//! Text.\n"), [1]);
        let full = format!("//! It never knows. Start at x. {}\n", "word ".repeat(60));
        assert!(lines(opening, "text/src/lib.rs", &full).is_empty());
        assert!(lines(opening, "text/src/rope.rs", "").is_empty());
    }

    #[test]
    fn notes_and_stand_ins_are_found_but_not_in_strings() {
        assert_eq!(lines(leftovers, "a.rs", "// TODO: x\n/* FIXME */"), [1, 2]);
        assert_eq!(lines(leftovers, "a.rs", "\ntodo!();\ndbg!(x)"), [2, 3]);
        assert!(lines(leftovers, "a.rs", "let x = \"TODO\"; let todo = 1; // AUTODOC").is_empty());
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        assert_eq!(lines(ignored_tests, "a.rs", "#[ignore]\nfn f() {}"), [1]);
        assert!(lines(ignored_tests, "a.rs", "#[ignore = \"needs a GPU\"]").is_empty());
    }

    #[test]
    fn a_dropped_value_needs_a_comment_beside_it() {
        assert_eq!(lines(dropped_values, "a.rs", "\nlet _ = f();"), [2]);
        assert!(lines(dropped_values, "a.rs", "// The peer is gone.\nlet _ = f();").is_empty());
        assert!(lines(dropped_values, "a.rs", "let _ = f(); // The peer is gone.").is_empty());
        assert_eq!(lines(dropped_values, "a.rs", "// Far away.\n\nlet _ = f();"), [3]);
        assert!(lines(dropped_values, "a.rs", "let _guard = f();").is_empty());
    }

    #[test]
    fn a_lint_switched_off_needs_a_reason() {
        assert_eq!(lines(empty_reasons, "a.rs", "#[allow(dead_code)]"), [1]);
        assert!(lines(empty_reasons, "a.rs", "#[expect(x, reason = \"y\")]").is_empty());
        assert!(lines(empty_reasons, "a.rs", "// Why.\n#[allow(x)]").is_empty());
        assert!(lines(empty_reasons, "a.rs", "x.expect(\"y\")").is_empty());
    }
}
