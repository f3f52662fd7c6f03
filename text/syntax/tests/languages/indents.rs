//! Line breaks and closing brackets.

use syntax::{IndentStyle, IndentUnit, Languages, Syntax};
use text::{CharOffset, CharRange, Edit, Positions, Rope, Transaction};

use crate::parsed;
use crate::questions::cursor;

fn style(syntax: &Syntax) -> IndentStyle {
    IndentStyle { unit: syntax.language().unwrap().spec().indent, tab_width: 4 }
}

/// What an editor makes of the Enter key: the text with the cursor as `$0`.
fn enter(syntax: &Syntax, rope: &Rope, at: CharOffset) -> String {
    let indent = syntax.indent_for_newline(rope, at, style(syntax));
    let rest = rope.chars_at(at.0).take_while(|c| matches!(c, ' ' | '\t')).count();
    let mut after = rope.clone();
    after.remove(at.0..at.0 + rest);
    let mut text = format!("\n{}$0", indent.line);
    if let Some(closer) = indent.closer {
        text.push_str(&format!("\n{closer}"));
    }
    after.insert(at.0, &text);
    after.to_string()
}

#[track_caller]
fn check(language: &str, marked: &str, expected: &str) {
    let (rope, at) = cursor(marked);
    let syntax = parsed(language, &rope);
    assert_eq!(enter(&syntax, &rope, at), expected, "by the tree");
}

/// The same answer is expected before the tree has caught up.
#[track_caller]
fn check_both(language: &str, marked: &str, expected: &str) {
    check(language, marked, expected);
    let (rope, at) = cursor(marked);
    let mut syntax = Syntax::new(Languages::builtin().named(language));
    assert_eq!(enter(&syntax, &rope, at), expected, "by characters");
    // And with a tree from before the line was typed.
    let line = CharRange::new(rope.line_start(rope.line_of(at)), rope.end());
    let mut old = rope.clone();
    old.remove(line.start.0..line.end.0);
    syntax = parsed(language, &old);
    let edit = Edit::insert(line.start, rope.slice_of(line).to_string());
    let mut new = old.clone();
    Transaction::single(edit.clone()).apply_to(&mut new);
    syntax.edit(&old, &new, &[edit]);
    assert_eq!(enter(&syntax, &rope, at), expected, "by a tree that is behind");
}

#[test]
fn blocks_indent_and_closing_brackets_get_their_own_line() {
    check_both("rust", "fn f() {$0}", "fn f() {\n    $0\n}");
    check_both("rust", "fn f() {$0\n", "fn f() {\n    $0\n");
    check_both("rust", "    f(a, [1,$0\n", "    f(a, [1,\n        $0\n");
    check_both("rust", "    a();$0\n", "    a();\n    $0\n");
    check_both("rust", "    a(\"{\");$0\n", "    a(\"{\");\n    $0\n");
    check_both("rust", "    a(); // {$0\n", "    a(); // {\n    $0\n");
    check_both("javascript", "f(() => {$0});", "f(() => {\n  $0\n});");
    check_both("json", "{\"a\": [$0]}", "{\"a\": [\n  $0\n]}");
    check_both("toml", "a = [$0]", "a = [\n    $0\n]");
    check_both("c", "int f() {$0}", "int f() {\n    $0\n}");
}

#[test]
fn lines_stand_where_their_statement_began() {
    let chain = "fn f() {\n    let a = b\n        .c();$0\n}\n";
    check("rust", chain, "fn f() {\n    let a = b\n        .c();\n    $0\n}\n");
    let call = "fn f() {\n    g(\n        1,\n        2);$0\n}\n";
    check("rust", call, "fn f() {\n    g(\n        1,\n        2);\n    $0\n}\n");
    check("rust", "    let a =$0\n", "    let a =\n        $0\n");
    check("rust", "if a {\n} else {$0\n}\n", "if a {\n} else {\n    $0\n}\n");
    check("rust", "fn f() {\n    a\n}$0\n", "fn f() {\n    a\n}\n$0\n");
    let middle = "fn f() {\n    a();$0 b();\n}\n";
    check("rust", middle, "fn f() {\n    a();\n    $0b();\n}\n");
    check("rust", "fn f() {\n    a();$0 }\n", "fn f() {\n    a();\n$0}\n");
    check("rust", "    $0a();\n", "    \n    $0a();\n");
    check("typescript", "const a =\n  b;$0\n", "const a =\n  b;\n$0\n");
}

#[test]
fn python_indents_by_colon_and_leaves_by_keyword() {
    check_both("python", "def f():$0\n", "def f():\n    $0\n");
    check_both("python", "if a:  $0\n", "if a:  \n    $0\n");
    check_both("python", "class A:$0", "class A:\n    $0");
    check("python", "def f():\n    return 1$0\n", "def f():\n    return 1\n$0\n");
    check("python", "def f():\n    a = 1$0\n", "def f():\n    a = 1\n    $0\n");
    check(
        "python",
        "def f():\n    if a:\n        pass$0\n    b\n",
        "def f():\n    if a:\n        pass\n    $0\n    b\n",
    );
    check("python", "a = {'b':$0}", "a = {'b':\n    $0\n}");
    check("python", "f(a,\n  b)$0\n", "f(a,\n  b)\n$0\n");
}

#[test]
fn shell_indents_by_word() {
    check_both("bash", "if a; then$0\n", "if a; then\n    $0\n");
    check_both("bash", "for a in b; do$0\n", "for a in b; do\n    $0\n");
    check_both("bash", "f() {$0}\n", "f() {\n    $0\n}\n");
    check("bash", "if a; then\n    b\nfi$0\n", "if a; then\n    b\nfi\n$0\n");
    check("bash", "case $x in$0\nesac\n", "case $x in\n    $0\nesac\n");
    check("yaml", "a:$0\n", "a:\n  $0\n");
    check("yaml", "a:\n  - b$0\n", "a:\n  - b\n  $0\n");
}

#[test]
fn prose_stays_where_it_is() {
    check_both("markdown", "  some (words$0\n", "  some (words\n  $0\n");
    let rust = "# A\n\n```rust\nfn f() {$0\n```\n";
    check("markdown", rust, "# A\n\n```rust\nfn f() {\n  $0\n```\n");
    let rope = Rope::from_str("\tplain {");
    let syntax = Syntax::new(None);
    let style = IndentStyle { unit: IndentUnit::Spaces(2), tab_width: 4 };
    assert_eq!(syntax.indent_for_newline(&rope, rope.end(), style).line, "\t");
}

#[test]
fn closers_move_to_where_their_block_began() {
    let closed = |language: &str, marked: &str| {
        let (rope, at) = cursor(marked);
        let syntax = parsed(language, &rope);
        syntax.outdent_for_closer(&rope, at, style(&syntax))
    };
    assert_eq!(closed("rust", "  fn f() {\n    a();\n    }$0\n").as_deref(), Some("  "));
    assert_eq!(closed("rust", "\tfn f() {\n\t\t}$0\n").as_deref(), Some("\t"));
    assert_eq!(closed("rust", "fn f() {\n}$0\n"), None, "it stands right");
    assert_eq!(closed("rust", "    a }$0\n"), None, "it is not the first on its line");
    assert_eq!(closed("bash", "if a; then\n    b\n    fi$0\n").as_deref(), Some(""));
    assert_eq!(closed("bash", "if a; then\n    b\n    fil$0\n"), None);
    assert_eq!(closed("bash", "for a in b; do\n    done$0\n").as_deref(), Some(""));
    let python = "def f():\n    if a:\n        b\n        else:$0\n";
    assert_eq!(closed("python", python).as_deref(), Some("    "));
}
