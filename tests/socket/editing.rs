//! Typing, undo, many cursors.

use serde_json::json;

use super::{start, undo_to, with_file};
use tests::instance::Home;

#[test]
fn what_is_typed_is_in_the_text_and_saved_to_the_file() {
    let (_home, mut hearth, path) = with_file("a.txt", "one\ntwo\n");
    hearth.type_text("zero ").unwrap();
    hearth.keys("x enter").unwrap();
    assert_eq!(hearth.text().unwrap(), "zero x\none\ntwo\n");
    assert_eq!(hearth.item().unwrap()["dirty"], json!(true));
    hearth.keys("ctrl-s").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "zero x\none\ntwo\n");
    assert_eq!(hearth.item().unwrap()["dirty"], json!(false));
}

#[test]
fn undo_takes_back_everything_and_redo_gives_it_again() {
    let (_home, mut hearth, _) = with_file("a.txt", "base\n");
    for step in ["alpha", "beta gamma", "\n", "delta"] {
        hearth.type_text(step).unwrap();
        hearth.keys("ctrl-end ctrl-home").unwrap();
    }
    let full = hearth.text().unwrap();
    undo_to(&mut hearth, "base\n");
    assert_eq!(hearth.item().unwrap()["dirty"], json!(false), "it is as the file is");
    for _ in 0..20 {
        hearth.keys("ctrl-shift-z").unwrap();
    }
    assert_eq!(hearth.text().unwrap(), full);
}

#[test]
fn a_typed_word_is_one_step_of_undo() {
    let (_home, mut hearth, _) = with_file("a.txt", "");
    hearth.keys("w o r d").unwrap();
    hearth.keys("ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "");
}

#[test]
fn every_cursor_types() {
    let (_home, mut hearth, _) = with_file("a.txt", "foo bar\nfoo baz\nqux foo\n");
    hearth.keys("ctrl-d ctrl-d ctrl-d").unwrap();
    let item = hearth.item().unwrap();
    assert_eq!(
        item["selections"],
        json!([
            {"anchor": [0, 0], "head": [0, 3]},
            {"anchor": [1, 0], "head": [1, 3]},
            {"anchor": [2, 4], "head": [2, 7]},
        ])
    );
    hearth.keys("n e w").unwrap();
    assert_eq!(hearth.text().unwrap(), "new bar\nnew baz\nqux new\n");
    hearth.keys("ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "foo bar\nfoo baz\nqux foo\n");
}

#[test]
fn cursors_are_added_below_and_reduced_to_one() {
    let (_home, mut hearth, _) = with_file("a.txt", "a\nb\nc\n");
    hearth.keys("ctrl-alt-down ctrl-alt-down > escape").unwrap();
    assert_eq!(hearth.text().unwrap(), ">a\n>b\n>c\n");
    assert_eq!(hearth.item().unwrap()["selections"].as_array().unwrap().len(), 1);
}

#[test]
fn lines_are_moved_joined_duplicated_and_deleted() {
    let (_home, mut hearth, _) = with_file("a.txt", "a\nb\nc\n");
    hearth.keys("alt-down").unwrap();
    assert_eq!(hearth.text().unwrap(), "b\na\nc\n");
    hearth.keys("ctrl-shift-d").unwrap();
    assert_eq!(hearth.text().unwrap(), "b\na\na\nc\n");
    hearth.keys("ctrl-home ctrl-shift-j").unwrap();
    assert_eq!(hearth.text().unwrap(), "b a\na\nc\n");
    hearth.keys("ctrl-shift-k").unwrap();
    assert_eq!(hearth.text().unwrap(), "a\nc\n");
}

#[test]
fn a_comment_is_toggled_as_the_language_writes_it() {
    let (_home, mut hearth, _) = with_file("a.rs", "fn a() {\n    b();\n}\n");
    hearth.keys("down ctrl-/").unwrap();
    assert_eq!(hearth.text().unwrap(), "fn a() {\n    // b();\n}\n");
    hearth.keys("ctrl-/").unwrap();
    assert_eq!(hearth.text().unwrap(), "fn a() {\n    b();\n}\n");
}

#[test]
fn copy_and_paste_within_the_program() {
    let (_home, mut hearth, _) = with_file("a.txt", "abc\n");
    hearth.keys("shift-end ctrl-c ctrl-end ctrl-v").unwrap();
    assert_eq!(hearth.text().unwrap(), "abc\nabc");
}

#[test]
fn an_input_method_shows_what_it_composes_and_types_what_it_commits() {
    let (_home, mut hearth, _) = with_file("a.txt", "");
    hearth.call("app.ime", json!({"preedit": "にほ", "cursor": 6})).unwrap();
    assert_eq!(hearth.text().unwrap(), "", "a composition is not text yet");
    hearth.call("app.ime", json!({"commit": "日本"})).unwrap();
    assert_eq!(hearth.text().unwrap(), "日本");
}

#[test]
fn text_of_every_script_comes_back_from_the_file() {
    let home = Home::new().unwrap();
    let path = home.beside("new.txt");
    let mut hearth = start(&home, &[&path]);
    let text = concat!(
        "السلام عليكم let x = 1; // تعليق\n",
        "漢字かな交じり文 한국어\n",
        "👩‍👩‍👧‍👦 🇸🇦 e\u{301} 👍🏽\n",
        "\ttab\t\tend\n",
    );
    hearth.type_text(text).unwrap();
    let long = "long ".repeat(20_000);
    hearth.type_text(&long).unwrap();
    hearth.type_text("\n").unwrap();
    let whole = format!("{text}{long}\n");
    assert_eq!(hearth.text().unwrap(), whole);
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
}

#[test]
fn the_cursor_moves_by_what_a_person_sees_as_a_letter() {
    let (_home, mut hearth, _) = with_file("a.txt", "👩‍👩‍👧e\u{301}x\n");
    hearth.keys("right right").unwrap();
    let family = "👩‍👩‍👧e\u{301}".len();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([0, family]));
    hearth.keys("backspace").unwrap();
    assert_eq!(hearth.text().unwrap().chars().last(), Some('\n'));
    assert!(hearth.text().unwrap().starts_with("👩‍👩‍👧"));
}

#[test]
fn a_new_line_is_indented_as_the_code_asks() {
    let (_home, mut hearth, _) = with_file("a.rs", "fn a() {\n}\n");
    hearth.keys("end enter x").unwrap();
    assert_eq!(hearth.text().unwrap(), "fn a() {\n    x\n}\n");
}
