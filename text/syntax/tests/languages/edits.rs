//! A tree made in steps is the tree made from nothing.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use syntax::{Freshness, Languages, Syntax};
use text::{CharOffset, CharRange, Edit, Positions, Rope, Transaction};

use crate::fixtures::sources;
use crate::{Random, colors_of, parse, parsed};

fn all(rope: &Rope) -> CharRange {
    CharRange::new(CharOffset(0), rope.end())
}

/// Applies some random edits at once.
fn scramble(random: &mut Random, rope: &mut Rope) -> Vec<Edit> {
    let edits = (0..1 + random.below(3)).map(|_| {
        let start = random.below(rope.len_chars() + 1);
        let end = (start + random.below(12)).min(rope.len_chars());
        let from = random.below(rope.len_chars() + 1);
        let to = (from + random.below(20)).min(rope.len_chars());
        // What the text itself is made of breaks it in more interesting ways than noise does.
        let piece = match random.below(4) {
            0 => String::new(),
            1 => "\n".repeat(random.below(3)),
            2 => "x{(\"'#`/é\r\n"[..].chars().nth(random.below(10)).unwrap().to_string(),
            _ => rope.slice(from..to).to_string(),
        };
        Edit::replace(CharRange::new(CharOffset(start), CharOffset(end)), piece)
    });
    let Ok(transaction) = Transaction::new(edits.collect()) else { return Vec::new() };
    transaction.apply_to(rope);
    transaction.into_edits()
}

/// Applies edits and brings the tree up to date.
fn apply(syntax: &mut Syntax, rope: &mut Rope, transaction: &Transaction) {
    let before = rope.clone();
    transaction.apply_to(rope);
    syntax.edit(&before, rope, transaction.edits());
    if !syntax.is_current() {
        parse(syntax, rope);
    }
}

#[track_caller]
fn same(name: &str, language: &str, syntax: &Syntax, rope: &Rope) {
    let fresh = parsed(language, rope);
    let (tree, other) = (syntax.tree().unwrap(), fresh.tree().unwrap());
    let colours = |syntax: &Syntax| colors_of(syntax, rope, all(rope));
    assert_eq!(colours(syntax), colours(&fresh), "{name}: {rope}");
    assert_eq!(tree.folds(rope), other.folds(rope), "{name}: {rope}");
    assert_eq!(tree.outline(rope), other.outline(rope), "{name}: {rope}");
}

#[test]
fn a_tree_made_in_steps_says_what_one_made_from_nothing_says() {
    let mut random = Random::from_environment();
    for (name, language, source) in sources() {
        let mut rope = Rope::from_str(&source);
        let mut syntax = parsed(&language, &rope);
        assert!(!syntax.tree().unwrap().has_errors(), "{name} is to be without errors");
        for _ in 0..12 {
            // There through broken texts, and all the way back.
            let mut back = Vec::new();
            for _ in 0..1 + random.below(6) {
                let before = rope.clone();
                let transaction = Transaction::new(scramble(&mut random, &mut rope.clone()));
                let transaction = transaction.unwrap();
                back.push(transaction.invert(&before));
                apply(&mut syntax, &mut rope, &transaction);
                same(&name, &language, &syntax, &rope);
            }
            for transaction in back.iter().rev() {
                apply(&mut syntax, &mut rope, transaction);
                same(&name, &language, &syntax, &rope);
            }
            assert_eq!(rope, source);
        }
    }
}

#[test]
fn what_is_outside_the_invalidated_ranges_looks_as_before() {
    let mut random = Random::from_environment();
    for (name, language, source) in sources() {
        let mut rope = Rope::from_str(&source);
        let mut syntax = parsed(&language, &rope);
        for _ in 0..40 {
            let before = rope.clone();
            let edits = scramble(&mut random, &mut rope);
            syntax.edit(&before, &rope, &edits);
            let Some(job) = syntax.job(&rope) else { continue };
            let shifted = colours(&syntax, &rope);
            let answer = job.run(&AtomicBool::new(false), Duration::from_secs(60));
            let installed = syntax.install(answer, &rope);
            let exact = colours(&syntax, &rope);
            for at in 0..rope.len_chars() {
                let told = installed.invalidated.iter().any(|it| it.contains(CharOffset(at)));
                let byte = rope.char_to_byte(at);
                assert!(
                    told || shifted[byte] == exact[byte],
                    "{name}: character {at} went from {:?} to {:?} unannounced in {rope}",
                    shifted[byte],
                    exact[byte]
                );
            }
        }
    }
}

fn colours(syntax: &Syntax, rope: &Rope) -> Vec<Option<&'static str>> {
    let mut colours = vec![None; rope.len_bytes() + 1];
    for span in colors_of(syntax, rope, all(rope)) {
        colours[span.start.0..span.end.0].fill(Some(span.highlight.name()));
    }
    colours
}

#[test]
fn colours_move_along_with_an_edit_before_any_parse() {
    let mut rope = Rope::from_str("fn main() {\n    let a = \"é\";\n}\n");
    let mut syntax = parsed("rust", &rope);
    let before = rope.clone();
    let edit = Edit::insert(CharOffset(0), "// two\n// lines\n");
    Transaction::single(edit.clone()).apply_to(&mut rope);
    syntax.edit(&before, &rope, &[edit]);
    let spans = colors_of(&syntax, &rope, all(&rope));
    let string = spans.iter().find(|span| span.highlight.name() == "string").unwrap();
    assert_eq!(rope.byte_slice(string.start.0..string.end.0), "\"é\"");
    assert!(!syntax.is_current());
}

#[test]
fn an_answer_that_comes_late_is_moved_along_and_one_that_is_older_dropped() {
    let mut rope = Rope::from_str("fn a() {}\n");
    let mut syntax = Syntax::new(Languages::builtin().named("rust"));
    let run = |syntax: &Syntax, rope: &Rope| {
        syntax.job(rope).unwrap().run(&AtomicBool::new(false), Duration::from_secs(60))
    };
    let first = run(&syntax, &rope);
    let before = rope.clone();
    let edit = Edit::insert(CharOffset(0), "const B: u8 = 1; ");
    Transaction::single(edit.clone()).apply_to(&mut rope);
    syntax.edit(&before, &rope, &[edit]);
    let late = syntax.install(first.clone(), &rope);
    assert_eq!(late.freshness, Freshness::Behind);
    let spans = colors_of(&syntax, &rope, all(&rope));
    let text = |span: &syntax::Span| rope.byte_slice(span.start.0..span.end.0).to_string();
    let named: Vec<String> =
        spans.iter().filter(|it| it.highlight.name() == "function").map(text).collect();
    assert_eq!(named, ["a"]);
    let second = run(&syntax, &rope);
    assert_eq!(syntax.install(second, &rope).freshness, Freshness::Current);
    assert_eq!(syntax.install(first, &rope).freshness, Freshness::Dropped);
    assert!(syntax.is_current() && syntax.job(&rope).is_none());
}
