//! Brackets, nodes, objects, breadcrumbs and regions.

use syntax::{Extent, ObjectKind, Region, Syntax};
use text::{ByteOffset, CharOffset, CharRange, Edit, Positions, Rope, Transaction};

use crate::parsed;

/// A text with its `$0` taken out, and where that was.
pub fn cursor(marked: &str) -> (Rope, CharOffset) {
    let at = marked.find("$0").expect("the cursor is marked");
    let rope = Rope::from_str(&marked.replacen("$0", "", 1));
    let at = rope.char_of_byte(ByteOffset(at));
    (rope, at)
}

fn text(rope: &Rope, range: CharRange) -> String {
    rope.slice_of(range).to_string()
}

#[track_caller]
fn matches(language: &str, marked: &str, open: usize, close: usize) {
    let (rope, at) = cursor(marked);
    let syntax = parsed(language, &rope);
    let pair = syntax.matching_bracket(&rope, at).map(|it| (it.open.start.0, it.close.start.0));
    assert_eq!(pair, Some((open, close)), "{marked}");
}

#[test]
fn brackets_match_over_strings_and_comments() {
    matches("rust", "fn f() $0{ \"}\"; /* } */ }", 7, 22);
    matches("rust", "fn f() { \"}\"; /* } */ }$0", 7, 22);
    matches("rust", "let a: Vec$0<Vec<u8>>;", 10, 18);
    matches("python", "f(\")\", [1, 2]$0)", 1, 13);
    matches("javascript", "`a ${ {b: 1}.b $0}`", 3, 15);
    matches("bash", "echo $0$(ls \")\")", 5, 13);
    matches("json", "{\"a\": [1, {}$0]}", 6, 12);
    matches("tsx", "const a = $0<div>x</div>;", 10, 14);
    // What the tree takes for an error is counted by characters.
    matches("rust", "} ) $0(a [b)", 4, 9);
}

#[test]
fn brackets_match_while_the_tree_is_behind() {
    let (mut rope, _) = cursor("fn f() { \"}\" }$0\n");
    let mut syntax = parsed("rust", &rope);
    let before = rope.clone();
    let edit = Edit::insert(CharOffset(8), " {");
    Transaction::single(edit.clone()).apply_to(&mut rope);
    syntax.edit(&before, &rope, &[edit]);
    let pair = syntax.matching_bracket(&rope, CharOffset(9)).unwrap();
    assert_eq!((pair.open.start.0, pair.close.start.0), (9, 15), "not the one in the string");
    assert_eq!(syntax.matching_bracket(&rope, CharOffset(3)), None);
}

#[test]
fn a_selection_grows_node_by_node_and_shrinks_again() {
    let (rope, at) = cursor("fn f() {\n    g(a + $0bc, 2);\n}\n");
    let syntax = parsed("rust", &rope);
    let tree = syntax.tree().unwrap();
    let mut range = CharRange::at(at);
    let mut steps = Vec::new();
    while let Some(next) = tree.expand(&rope, range) {
        range = next;
        steps.push(range);
    }
    let texts: Vec<String> = steps.iter().map(|range| text(&rope, *range)).collect();
    assert_eq!(texts[..4], ["bc", "a + bc", "(a + bc, 2)", "g(a + bc, 2)"]);
    assert_eq!(texts.last().unwrap(), &rope.to_string());
    for pair in steps.windows(2).rev() {
        assert_eq!(tree.shrink(&rope, pair[1], at), Some(pair[0]));
    }
}

#[test]
fn a_selection_grows_out_of_an_injected_language() {
    let (rope, at) = cursor("# a\n\n```rust\nfn $0f() {}\n```\n");
    let syntax = parsed("markdown", &rope);
    let tree = syntax.tree().unwrap();
    let first = tree.expand(&rope, CharRange::at(at)).unwrap();
    assert_eq!(text(&rope, first), "f");
    let second = tree.expand(&rope, first).unwrap();
    assert_eq!(text(&rope, second), "fn f() {}");
    assert_eq!(tree.language_at(rope.byte_of(at)).name(), "rust");
    assert_eq!(tree.language_at(ByteOffset(2)).name(), "markdown");
    let mut all = second;
    while let Some(next) = tree.expand(&rope, all) {
        all = next;
    }
    assert_eq!(text(&rope, all), rope.to_string());
}

#[track_caller]
fn object(language: &str, marked: &str, kind: ObjectKind, extent: Extent, expected: &str) {
    let (rope, at) = cursor(marked);
    let syntax = parsed(language, &rope);
    let found = syntax.tree().unwrap().object(&rope, CharRange::at(at), kind, extent);
    assert_eq!(found.map(|range| text(&rope, range)).as_deref(), Some(expected), "{marked}");
}

#[test]
fn objects_are_found_around_the_cursor() {
    use Extent::{Inner, Outer};
    use ObjectKind::{Class, Comment, Function, Parameter};
    let rust = "impl A {\n    fn f(a: u8, b: u8) {\n        g($0a);\n    }\n}\n";
    object("rust", rust, Function, Inner, "g(a);");
    object("rust", rust, Function, Outer, "fn f(a: u8, b: u8) {\n        g(a);\n    }");
    object("rust", rust, Class, Outer, rust.trim_end().replace("$0", "").as_str());
    object("rust", "fn f(a: u8, $0b: u8) {}", Parameter, Inner, "b: u8");
    object("rust", "fn f(a: u8, $0b: u8) {}", Parameter, Outer, ", b: u8");
    object("rust", "fn f($0a: u8, b: u8) {}", Parameter, Outer, "a: u8,");
    object("rust", "// wo$0rds\n", Comment, Outer, "// words");
    object("python", "class A:\n    def f(self):\n        $0x\n", Function, Inner, "x");
    object("javascript", "const a = (b) => { $0c() };", Function, Inner, "c()");
    object("typescript", "interface A { b$0: string }", Class, Inner, "b: string");
    object("c", "int f(int a) { return $0a; }", Function, Inner, "return a;");
    object("bash", "f() { $0ls -l; }", Function, Inner, "ls -l;");
    object("json", "[1, $02, 3]", Parameter, Outer, "2,");
    object("toml", "[a]\nb = $01\n[c]\n", Class, Inner, "b = 1");
    object("yaml", "a:\n  b: $01\n", Class, Outer, "b: 1");
    object("markdown", "# A\n\ntext$0\n\n# B\n", Class, Outer, "# A\n\ntext\n\n");
    let nested = "# A\n\n```rust\nfn f() { 1$0 }\n```\n";
    object("markdown", nested, Function, Inner, "1");
}

#[test]
fn breadcrumbs_are_the_symbols_around() {
    let (rope, at) = cursor("mod m {\n    impl Edit {\n        fn apply() { $0 }\n    }\n}\n");
    let syntax = parsed("rust", &rope);
    let path = syntax.tree().unwrap().breadcrumbs(&rope, at);
    let labels: Vec<&str> = path.iter().map(|symbol| symbol.label.as_str()).collect();
    assert_eq!(labels, ["mod m", "impl Edit", "fn apply"]);
    assert_eq!(path[2].name, "apply");
    assert_eq!(text(&rope, path[2].name_range), "apply");
    assert_eq!(path[2].depth, 2);
    let (rope, at) = cursor("# A\n\n## B\n\ntext$0\n\n# C\n");
    let syntax = parsed("markdown", &rope);
    let path = syntax.tree().unwrap().breadcrumbs(&rope, at);
    let names: Vec<&str> = path.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["A", "B"]);
}

#[test]
fn underlined_headings_make_sections_too() {
    let source = "One\n===\n\ntext\n\nTwo\n---\n\n$0deep\n\n# Three\n\nend\n";
    let (rope, at) = cursor(source);
    let syntax = parsed("markdown", &rope);
    let tree = syntax.tree().unwrap();
    let outline = tree.outline(&rope);
    let found: Vec<_> = outline.iter().map(|it| (it.name.as_str(), it.depth)).collect();
    assert_eq!(found, [("One", 0), ("Two", 1), ("Three", 0)]);
    let path: Vec<_> = syntax::symbols_at(&outline, at).map(|it| it.name.as_str()).collect();
    assert_eq!(path, ["One", "Two"]);
    let folds: Vec<_> = tree.folds(&rope).iter().map(|fold| (fold.start.0, fold.end.0)).collect();
    assert_eq!(folds, [(0, 8), (5, 8), (10, 12)]);
}

#[test]
fn strings_and_comments_are_told_from_code() {
    let region = |language: &str, marked: &str| {
        let (rope, at) = cursor(marked);
        let syntax: Syntax = parsed(language, &rope);
        syntax.tree().unwrap().region(&rope, at)
    };
    assert_eq!(region("rust", "let a = \"b$0c\";"), Region::String);
    assert_eq!(region("rust", "let a = \"b\\$0nc\";"), Region::String);
    assert_eq!(region("rust", "let $0a = 1;"), Region::Code);
    assert_eq!(region("rust", "// it$0's\n"), Region::Comment);
    assert_eq!(region("python", "f\"a {$0b}\""), Region::Code);
    assert_eq!(region("javascript", "`a ${$0b}`"), Region::Code);
    assert_eq!(region("javascript", "`a$0 ${b}`"), Region::String);
    assert_eq!(region("bash", "echo 'a$0b'"), Region::String);
    assert_eq!(region("bash", "echo \"a $0$b\""), Region::Code);
    assert_eq!(region("markdown", "```c\n/* $0 */\n```\n"), Region::Comment);
    assert_eq!(region("rust", "$0"), Region::Code);
}
