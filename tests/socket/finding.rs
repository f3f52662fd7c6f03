//! Find and replace, the palette, the file picker, going to a line or a symbol.

use serde_json::json;

use super::{IDLE_MAX, start, with_file};
use tests::instance::Home;

#[test]
fn the_next_match_is_selected() {
    let (_home, mut hearth, _) = with_file("a.txt", "cat dog\ndog cat\n");
    hearth.keys("ctrl-f d o g enter escape").unwrap();
    let first = hearth.item().unwrap()["selections"].clone();
    assert_eq!(first.as_array().unwrap().len(), 1);
    hearth.keys("f3").unwrap();
    let second = hearth.item().unwrap()["selections"].clone();
    assert_ne!(first, second);
    for found in [&first[0], &second[0]] {
        let (anchor, head) = (found["anchor"][1].as_u64(), found["head"][1].as_u64());
        assert_eq!(anchor.unwrap().abs_diff(head.unwrap()), 3, "{found}");
    }
}

#[test]
fn every_match_is_replaced_and_undone_at_once() {
    let (_home, mut hearth, _) = with_file("a.txt", "cat dog\ndog cat\n");
    hearth.keys("ctrl-h d o g tab o w l ctrl-enter escape").unwrap();
    assert_eq!(hearth.text().unwrap(), "cat owl\nowl cat\n");
    hearth.keys("escape ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "cat dog\ndog cat\n");
}

#[test]
fn a_regular_expression_replaces_with_what_it_captured() {
    let (_home, mut hearth, _) = with_file("a.txt", "ab-12\ncd-34\n");
    hearth.keys("ctrl-h alt-r").unwrap();
    hearth.type_text(r"(\w+)-(\d+)").unwrap();
    hearth.keys("tab").unwrap();
    hearth.type_text("$2-$1").unwrap();
    hearth.keys("ctrl-enter escape").unwrap();
    assert_eq!(hearth.text().unwrap(), "12-ab\n34-cd\n");
}

#[test]
fn a_bad_pattern_is_told_and_changes_nothing() {
    let (_home, mut hearth, _) = with_file("a.txt", "a(b\n");
    hearth.keys("ctrl-h alt-r").unwrap();
    hearth.type_text("a(").unwrap();
    hearth.keys("tab x ctrl-enter escape escape").unwrap();
    assert_eq!(hearth.text().unwrap(), "a(b\n");
}

#[test]
fn the_palette_runs_what_was_chosen() {
    let (_home, mut hearth, _) = with_file("a.txt", "");
    hearth.keys("ctrl-shift-p").unwrap();
    hearth.type_text("split right").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.keys("enter").unwrap();
    let state = hearth.call("app.state", json!({})).unwrap();
    assert_eq!(state["panes"].as_array().unwrap().len(), 2, "{state}");
}

#[test]
fn the_picker_opens_a_file_by_some_of_its_letters() {
    let home = Home::new().unwrap();
    home.file("work/src/main.rs", "fn main() {}\n").unwrap();
    home.file("work/src/other.rs", "\n").unwrap();
    let wanted = home.file("work/docs/manual.md", "# Manual\n").unwrap();
    let mut hearth = start(&home, &[&home.beside("work")]);
    hearth.keys("ctrl-p m a n u enter").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let item = hearth.item().unwrap();
    assert_eq!(item["path"], json!(wanted));
    assert_eq!(item["language"].as_str().map(str::to_lowercase), Some("markdown".into()));
}

#[test]
fn the_picker_opens_a_file_typed_in_one_go() {
    let home = Home::new().unwrap();
    for number in 0..200 {
        home.file(&format!("work/file{number}.txt"), "x\n").unwrap();
    }
    let wanted = home.file("work/deep/needle.txt", "found\n").unwrap();
    let mut hearth = start(&home, &[&home.beside("work")]);
    hearth.keys("ctrl-p n e e d l e enter").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(hearth.item().unwrap()["path"], json!(wanted));
}

#[test]
fn a_line_is_gone_to_by_its_number() {
    let lines: String = (1..=200).map(|line| format!("line {line}\n")).collect();
    let (_home, mut hearth, _) = with_file("a.txt", lines);
    hearth.keys("ctrl-g 1 2 3 enter").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([122, 0]));
    hearth.keys("ctrl-g 9 9 9 9 9 9 enter").unwrap();
    let head = hearth.item().unwrap()["selections"][0]["head"][0].as_u64().unwrap();
    assert!((199..=200).contains(&head), "past the end is the end, not {head}");
}

#[test]
fn a_symbol_is_gone_to_by_its_name() {
    let (_home, mut hearth, _) =
        with_file("a.rs", "struct First;\n\nfn second() {}\n\nfn third_one() {}\n");
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.keys("ctrl-shift-o t h i r d").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.keys("enter").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"][0], json!(4));
}

#[test]
fn a_line_on_the_command_line_is_gone_to() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "a\nb\nccc\n").unwrap();
    let argument = format!("{}:3:2", path.display());
    let mut hearth = start(&home, &[argument.as_ref()]);
    let item = hearth.item().unwrap();
    assert_eq!(item["path"], json!(path));
    assert_eq!(item["selections"][0]["head"], json!([2, 1]));
}
