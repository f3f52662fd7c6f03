//! Code in other languages within a text.

use std::time::Instant;

use syntax::{Languages, Syntax};
use text::{ByteOffset, CharOffset, CharRange, Edit, Rope, Transaction};

use crate::{colors_of, parse, parsed};

/// The colour of a word, and the language that it stands in.
#[track_caller]
fn look(language: &str, source: &str, word: &str) -> (&'static str, &'static str) {
    let rope = Rope::from_str(source);
    look_in(&parsed(language, &rope), &rope, word)
}

#[track_caller]
fn look_in(syntax: &Syntax, rope: &Rope, word: &str) -> (&'static str, &'static str) {
    let source = rope.to_string();
    let byte = source.find(word).unwrap_or_else(|| panic!("{word} is not in {source}"));
    let start = CharOffset(rope.byte_to_char(byte));
    let spans = colors_of(syntax, rope, CharRange { start, end: start + word.chars().count() });
    let highlight = spans.first().map_or("", |span| span.highlight.name());
    let tree = syntax.tree().unwrap();
    let at = tree.language_at(ByteOffset(byte));
    let name = Languages::builtin().named(at.name()).map_or("", |language| language.name());
    (highlight, name)
}

#[test]
fn what_a_rust_macro_is_given_is_rust() {
    let source =
        "fn f() {\n    assert_eq!(a.method(|x| x.field), Some(b::<u8>()), \"{}\", q);\n}\n";
    assert_eq!(look("rust", source, "method").0, "function.method");
    assert_eq!(look("rust", source, "field").0, "property");
    assert_eq!(look("rust", source, "u8").0, "type.builtin");
    let nested = "fn f() { vec![format!(\"{}\", deep(1))]; }";
    assert_eq!(look("rust", nested, "format").0, "function.macro");
    assert_eq!(look("rust", nested, "deep").0, "function");
    let rules = "macro_rules! m { ($x:expr) => { $x + 1 }; }";
    assert_eq!(look("rust", rules, "$x").0, "variable.parameter");
}

#[test]
fn documentation_of_rust_is_markdown_with_rust_in_it() {
    let source = "/// # Head\n///\n/// Some `code` here.\n///\n/// ```\n/// let a = \"é\n/// b\";\n\
                  /// ```\n/// after\nfn f() {}\n";
    assert_eq!(look("rust", source, "# Head").0, "markup.heading");
    assert_eq!(look("rust", source, "code").0, "markup.raw");
    assert_eq!(look("rust", source, "let").0, "keyword");
    assert_eq!(look("rust", source, "\"é").0, "string");
    assert_eq!(look("rust", source, "b\";").0, "string", "a string goes on over its lines");
    assert_eq!(look("rust", source, "/// b").0, "comment.doc", "the marks are not in it");
    assert_eq!(look("rust", source, "after").0, "comment.doc");
    let ignored = "//! ```no_run\n//! use a::b;\n//! ```\n";
    assert_eq!(look("rust", ignored, "use").0, "keyword");
    let other = "/// ```json\n/// {\"a\": 1}\n/// ```\n";
    assert_eq!(look("rust", other, "\"a\"").0, "property.key");
    let plain = "/// ```text\n/// let it be\n/// ```\n";
    assert_ne!(look("rust", plain, "let").0, "keyword");
    assert_eq!(look("rust", "// # Head\n", "# Head").0, "comment", "other comments are prose");
}

#[test]
fn here_documents_are_what_reads_them_or_ends_them() {
    let read = "python3 - <<'EOF'\nimport os\nEOF\n";
    assert_eq!(look("bash", read, "import"), ("keyword", "python"));
    let ended = "cat > x <<JSON\n{\"a\": 1}\nJSON\n";
    assert_eq!(look("bash", ended, "\"a\""), ("property.key", "json"));
    assert_eq!(look("bash", "cat <<EOF\nimport os\nEOF\n", "import"), ("string", "bash"));
}

#[test]
fn steps_in_yaml_are_shell() {
    let block = "a:\n  - run: |\n      if x; then\n        cat <<END\n      text\n      END\n      \
                 fi\n    b: c\n";
    assert_eq!(look("yaml", block, "if"), ("keyword", "bash"));
    assert_eq!(look("yaml", block, "fi\n").0, "keyword", "the indentation is not in it");
    assert_eq!(look("yaml", block, "b: c"), ("property.key", "yaml"));
    assert_eq!(look("yaml", "run: cargo test\n", "cargo"), ("function", "bash"));
    assert_eq!(look("yaml", "script:\n  - make all\n", "make"), ("function", "bash"));
    assert_eq!(look("yaml", "name: make all\n", "make"), ("string", "yaml"));
}

#[test]
fn templates_are_what_their_tags_say() {
    let json = "const a = json`{\"b\": \"${c}\", \"d\": 1}`;";
    assert_eq!(look("javascript", json, "\"d\""), ("property.key", "json"));
    assert_eq!(look("javascript", json, "c}\""), ("variable", "javascript"));
    assert_eq!(look("typescript", "await $`ls -l | wc`;", "ls"), ("function", "bash"));
    assert_eq!(look("tsx", "JSON.parse('{\"k\": 1}')", "\"k\""), ("property.key", "json"));
    assert_eq!(look("javascript", "other`{\"d\": 1}`", "\"d\"").1, "javascript");
}

#[test]
fn a_string_that_python_reads_as_json_is_json() {
    let source = "import json\na = json.loads('{\"k\": 1}')\n";
    assert_eq!(look("python", source, "\"k\""), ("property.key", "json"));
}

#[test]
fn the_head_of_a_page_is_yaml_or_toml() {
    assert_eq!(look("markdown", "---\na: 1\n---\n\n# b\n", "a"), ("property.key", "yaml"));
    assert_eq!(look("markdown", "+++\na = 1\n+++\n\n# b\n", "a"), ("property.key", "toml"));
}

#[test]
fn a_line_that_joins_a_comment_is_one_text_with_it() {
    let mut rope = Rope::from_str("/// ```\n/// let a = 1;\nfn f() {}\n\nfn g() {}\n");
    let mut syntax = parsed("rust", &rope);
    for added in ["/// let b = 2;\n", "/// ```\n", "/// # Head\n"] {
        let before = rope.clone();
        let at = CharOffset(rope.to_string().find("fn f").unwrap());
        let edit = Edit::insert(at, added);
        Transaction::single(edit.clone()).apply_to(&mut rope);
        syntax.edit(&before, &rope, &[edit]);
        parse(&mut syntax, &rope);
    }
    assert_eq!(look_in(&syntax, &rope, "b = 2").0, "variable");
    assert_eq!(look_in(&syntax, &rope, "# Head").0, "markup.heading");
}

#[test]
fn a_key_does_not_look_for_pieces_where_nothing_changed() {
    let body = "/// Some `words`.\nfn f() {\n    assert!(a.b() == c, \"d\");\n}\n\n";
    let mut rope = Rope::from_str(&body.repeat(6_000));
    let mut syntax = parsed("rust", &rope);
    let last = CharOffset(rope.len_chars() - 20);
    let mut times = Vec::new();
    for _ in 0..9 {
        let before = rope.clone();
        let edit = Edit::insert(last, "e");
        Transaction::single(edit.clone()).apply_to(&mut rope);
        syntax.edit(&before, &rope, &[edit]);
        let begun = Instant::now();
        parse(&mut syntax, &rope);
        times.push(begun.elapsed());
    }
    let begun = Instant::now();
    let fresh = parsed("rust", &rope);
    let whole = begun.elapsed();
    times.sort();
    eprintln!("{} bytes: {whole:?} from nothing, {:?} after a key", rope.len_bytes(), times[4]);
    assert!(times[4] * 4 < whole, "{:?} of {whole:?}", times[4]);
    let tail =
        CharRange { start: CharOffset(rope.len_chars() - 400), end: CharOffset(rope.len_chars()) };
    assert_eq!(colors_of(&syntax, &rope, tail), colors_of(&fresh, &rope, tail));
}
