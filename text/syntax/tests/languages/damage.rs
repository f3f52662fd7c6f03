//! Damaged data, garbage and limits.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use syntax::{
    Extent, Freshness, IndentStyle, IndentUnit, LanguageSpec, Languages, ObjectKind, ParseStop,
    Part, Syntax, builtin,
};
use text::{CharOffset, CharRange, Edit, Positions, Rope};

use crate::{Random, colors_of, parse, parsed};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn every_built_in_query_compiles() {
    let languages = Languages::builtin();
    for language in languages.all() {
        assert_eq!(language.check(), []);
    }
    for inline in ["markdown_inline", "rust_doc_inline"] {
        assert_eq!(languages.named(inline).unwrap().check(), []);
    }
    assert_eq!(languages.all().len(), 11);
}

fn damaged(damage: impl Fn(&mut LanguageSpec)) -> Languages {
    let mut specs = builtin::specs();
    specs.iter_mut().filter(|spec| spec.name == "rust").for_each(damage);
    Languages::new(specs)
}

fn open(languages: &Languages, name: &str, rope: &Rope) -> Syntax {
    let mut syntax = Syntax::new(languages.named(name));
    parse(&mut syntax, rope);
    syntax
}

#[test]
fn a_damaged_query_costs_itself_alone_and_is_named() {
    let languages = damaged(|spec| spec.queries.outline = vec!["(function_item (nonsense".into()]);
    let rope = Rope::from_str("fn main() {\n    1;\n}\n");
    let syntax = open(&languages, "rust", &rope);
    let tree = syntax.tree().unwrap();
    assert!(tree.outline(&rope).is_empty());
    assert_eq!(tree.folds(&rope).len(), 1, "folds are not damaged");
    assert!(!colors_of(&syntax, &rope, CharRange::new(CharOffset(0), rope.end())).is_empty());
    let problems = languages.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].language, problems[0].part), ("rust", Part::Outline));
    assert!(problems[0].to_string().contains("outline query of rust"), "{}", problems[0]);

    let json = Rope::from_str("{\"a\": 1}");
    let syntax = open(&languages, "json", &json);
    assert_eq!(syntax.tree().unwrap().outline(&json).len(), 1, "other languages are not damaged");
}

#[test]
fn a_capture_that_no_theme_knows_is_named_and_the_others_stay() {
    let languages = damaged(|spec| {
        spec.queries.highlights = vec!["(integer_literal) @number (identifier) @sparkle".into()];
    });
    let rope = Rope::from_str("static A: u8 = 1;");
    let syntax = open(&languages, "rust", &rope);
    let spans = colors_of(&syntax, &rope, CharRange::new(CharOffset(0), rope.end()));
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].highlight.name(), "number");
    assert!(languages.problems()[0].message.contains("sparkle"));
}

#[test]
fn a_language_without_its_grammar_is_plain_text_that_says_so() {
    let languages = damaged(|spec| spec.grammar = None);
    let rope = Rope::from_str("fn main() {}");
    let syntax = Syntax::new(languages.named("rust"));
    assert!(syntax.job(&rope).is_none());
    assert_eq!(syntax.language().unwrap().spec().comments.line, Some("//"));
    let style = IndentStyle { unit: IndentUnit::Spaces(4), tab_width: 4 };
    let after = syntax.indent_for_newline(&rope, CharOffset(11), style);
    assert_eq!(after.closer.as_deref(), Some(""), "characters still tell where a block opens");
    assert_eq!(after.line, "    ");
}

#[test]
fn a_text_that_is_too_large_or_too_slow_says_so() {
    let rope = Rope::from_str(&"fn main() { f(1, 2, 3); }\n".repeat(40_000));
    let mut syntax = Syntax::new(Languages::builtin().named("rust"));
    syntax.set_max_bytes(1 << 20);
    let job = syntax.job(&Rope::from_str(&"a\n".repeat(1 << 20))).unwrap();
    let answer = job.run(&AtomicBool::new(false), LONG);
    assert_eq!(answer.stop(), Some(&ParseStop::TooLarge { bytes: 2 << 20, limit: 1 << 20 }));
    let small = Rope::from_str(&"fn main() { f(1, 2, 3); }\n".repeat(30_000));
    let budget = Duration::from_millis(2);
    let answer = syntax.job(&small).unwrap().run(&AtomicBool::new(false), budget);
    assert_eq!(answer.stop(), Some(&ParseStop::OutOfTime { budget }));
    assert!(answer.took() < Duration::from_secs(1), "it took {:?}", answer.took());
    assert_eq!(syntax.install(answer, &small).freshness, Freshness::Dropped);
    assert!(syntax.stopped().unwrap().to_string().contains("2 ms"));
    assert!(syntax.job(&small).is_none(), "what is too slow is not tried with every key");
    syntax.restart();
    assert!(syntax.job(&small).is_some());
    syntax.set_max_bytes(64 << 20);
    let answer = syntax.job(&rope).unwrap().run(&AtomicBool::new(true), LONG);
    assert_eq!(answer.stop(), Some(&ParseStop::Cancelled));
    assert!(syntax.install(answer, &rope).retired.is_none());
    assert_eq!(syntax.stopped(), None, "who cancels knows why");
}

/// Asks everything that can be asked.
fn interrogate(syntax: &Syntax, rope: &Rope, random: &mut Random) {
    let at = CharOffset(random.below(rope.len_chars() + 1));
    let to = CharOffset(random.below(rope.len_chars() + 1));
    let range = CharRange::new(at, to);
    let style = IndentStyle { unit: IndentUnit::Tab, tab_width: 8 };
    let spans = colors_of(syntax, rope, range);
    assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
    assert!(spans.iter().all(|span| span.start < span.end && span.end.0 <= rope.len_bytes()));
    syntax.indent_for_newline(rope, at, style);
    syntax.outdent_for_closer(rope, at, style);
    syntax.matching_bracket(rope, at);
    let Some(tree) = syntax.tree() else { return };
    tree.region(rope, at);
    tree.breadcrumbs(rope, at);
    let grown = tree.expand(rope, range);
    assert!(grown.is_none_or(|grown| grown.start <= range.start && range.end <= grown.end));
    tree.shrink(rope, range, at);
    for kind in [ObjectKind::Function, ObjectKind::Class, ObjectKind::Parameter] {
        tree.object(rope, range, kind, Extent::Inner);
        tree.object(rope, range, kind, Extent::Outer);
    }
    for fold in tree.folds(rope) {
        assert!(fold.start < fold.end && fold.end <= rope.last_line());
    }
    for symbol in tree.outline(rope) {
        assert!(symbol.range.end <= rope.end(), "{symbol:?}");
    }
}

#[test]
fn garbage_is_parsed_edited_and_asked_without_a_panic() {
    let mut random = Random::from_environment();
    let pieces = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "\"",
        "'",
        "`",
        "```rust\n",
        "```\n",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "é",
        "𝄞",
        "ع",
        "\u{202e}",
        "\0",
        "fn ",
        "if ",
        "<<EOF\n",
        "EOF\n",
        "---\n",
        "- ",
        ": ",
        "# ",
        "/*",
        "*/",
        "//",
        "\\",
        "=",
        "a",
        "0",
        "$(",
        "${",
        "| ",
        "> ",
        "<",
        "/>",
        "'''",
    ];
    for language in Languages::builtin().all() {
        for _ in 0..6 {
            let count = random.below(300);
            let mut rope = Rope::from_str("");
            let mut syntax = parsed(language.name(), &rope);
            for step in 0..count {
                let at = CharOffset(random.below(rope.len_chars() + 1));
                let end = (at + random.below(4)).min(rope.end());
                let end = if random.below(3) == 0 { end } else { at };
                let piece = pieces[random.below(pieces.len())];
                let edit = Edit::replace(CharRange { start: at, end }, piece);
                let before = rope.clone();
                text::Transaction::single(edit.clone()).apply_to(&mut rope);
                syntax.edit(&before, &rope, &[edit]);
                if step % 16 == 0 {
                    interrogate(&syntax, &rope, &mut random);
                    parse(&mut syntax, &rope);
                    interrogate(&syntax, &rope, &mut random);
                }
            }
        }
    }
}
