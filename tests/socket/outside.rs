//! Other programs write and delete what is open.

use std::fs;

use serde_json::{Value, json};

use super::{IDLE_MAX, undo_to, with_file};
use tests::instance::Instance;

fn hash_of(text: &str) -> Value {
    json!(blake3::hash(text.as_bytes()).to_hex().to_string())
}

fn until_text(hearth: &mut Instance, text: &str) {
    let wanted = hash_of(text);
    let holds = |state: &Value| state["panes"][0]["items"][0]["text_hash"] == wanted;
    if let Err(error) = hearth.until(holds) {
        panic!("{error}\nits text is {:?}", hearth.text());
    }
}

#[test]
fn a_change_outside_is_taken_into_a_text_without_edits() {
    let (_home, mut hearth, path) = with_file("a.txt", "one\ntwo\nthree\n");
    fs::write(&path, "one\n2\nthree\n").unwrap();
    until_text(&mut hearth, "one\n2\nthree\n");
    assert_eq!(hearth.item().unwrap()["dirty"], json!(false));
    hearth.keys("ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "one\ntwo\nthree\n", "undo takes it back");
}

#[test]
fn a_change_outside_is_merged_with_what_was_typed() {
    let (home, mut hearth, path) = with_file("a.txt", "one\ntwo\nthree\nfour\nfive\n");
    hearth.type_text("my ").unwrap();
    // As most editors save: another file takes the name.
    let other = home.file("other", "one\ntwo\nthree\nfour\nFIVE\n").unwrap();
    fs::rename(other, &path).unwrap();
    until_text(&mut hearth, "my one\ntwo\nthree\nfour\nFIVE\n");
    assert_eq!(hearth.item().unwrap()["dirty"], json!(true));
    home.said("both changes are in the text").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "my one\ntwo\nthree\nfour\nFIVE\n");
}

#[test]
fn a_change_outside_where_it_was_edited_keeps_the_edit_and_says_so() {
    let (home, mut hearth, path) = with_file("a.txt", "one\ntwo\n");
    hearth.type_text("my ").unwrap();
    fs::write(&path, "their one\ntwo\nthree\n").unwrap();
    home.said("your text is kept").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let text = hearth.text().unwrap();
    assert!(text.contains("my "), "{text}");
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_save_does_not_write_over_a_change_that_nobody_saw() {
    let (_home, mut hearth, path) = with_file("a.txt", "one\ntwo\nthree\n");
    hearth.type_text("my ").unwrap();
    fs::write(&path, "one\ntwo\nTHREE\n").unwrap();
    // At once: the watcher may not have told yet.
    let saved = hearth.call("file.save", json!({}));
    hearth.wait_idle(IDLE_MAX).unwrap();
    if saved.is_err() {
        until_text(&mut hearth, "my one\ntwo\nTHREE\n");
        hearth.call("file.save", json!({})).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "my one\ntwo\nTHREE\n");
}

#[test]
fn a_deleted_file_stays_in_its_buffer_and_is_made_again_by_saving() {
    let (home, mut hearth, path) = with_file("a.txt", "one\n");
    fs::remove_file(&path).unwrap();
    home.said("was deleted").unwrap();
    assert_eq!(hearth.text().unwrap(), "one\n");
    hearth.keys("x").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "xone\n");
}

#[test]
fn a_saved_text_is_not_taken_for_another_programs() {
    let (home, mut hearth, path) = with_file("a.txt", "one\n");
    for letter in ["a", "b", "c", "d", "e"] {
        hearth.keys(&format!("{letter} ctrl-s")).unwrap();
        hearth.keys("x").unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(600));
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(hearth.text().unwrap(), "axbxcxdxexone\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "axbxcxdxeone\n");
    let records = home.records();
    assert!(!records.contains("another program"), "{records}");
    undo_to(&mut hearth, "one\n");
}

#[test]
fn many_changes_outside_while_typing_lose_nothing() {
    let lines: String = (0..50).map(|line| format!("line {line}\n")).collect();
    let (_home, mut hearth, path) = with_file("a.txt", &lines);
    let mut theirs = lines.clone();
    for round in 0..10 {
        theirs.push_str(&format!("outside {round}\n"));
        fs::write(&path, &theirs).unwrap();
        hearth.type_text("k").unwrap();
    }
    until_text(&mut hearth, &format!("kkkkkkkkkk{theirs}"));
}
