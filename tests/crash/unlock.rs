//! A locked profile that a person unlocks while the program runs.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::profile::locked;
use super::{IDLE_MAX, SESSION_KEPT, items, one_sentence, start, texts};
use tests::instance::{Home, Instance};

/// What [`Home`] makes the profile with.
const WORDS: &str = "correct horse battery staple";

const BASE: &str = "one\ntwo\nthree\nfour\nfive\nsix\n";

/// A home in which a file has unsaved edits and a draft was left behind, by a kill.
fn left_behind() -> (Home, PathBuf) {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", BASE).unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("kept ").unwrap();
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("a draft").unwrap();
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    (home, path)
}

/// Asks for the passphrase as a person does, by the palette.
fn ask(hearth: &mut Instance) {
    hearth.keys("ctrl-shift-p").unwrap();
    hearth.type_text("unlock the profile").unwrap();
    hearth.keys("enter").unwrap();
    let state = hearth.call("app.state", json!({})).unwrap();
    assert_eq!(state["prompt"]["question"], json!("Passphrase of the profile"), "{state}");
}

fn answer(hearth: &mut Instance, words: &str) -> Value {
    hearth.type_text(words).unwrap();
    let typed = hearth.call("app.state", json!({})).unwrap();
    assert!(words.is_empty() || !typed.to_string().contains(words), "{typed}");
    hearth.keys("enter").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.call("app.state", json!({})).unwrap()
}

/// Fails if `words` stand anywhere in the files of the home.
fn check_unkept(home: &Home, words: &str) {
    let mut folders = vec![home.profile()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap();
                let shows = bytes.windows(words.len()).any(|piece| piece == words.as_bytes());
                assert!(!shows, "{} has the passphrase", entry.path().display());
            }
        }
    }
}

#[test]
fn what_waited_comes_back_with_its_undo_and_what_was_typed_meanwhile_stays() {
    let (home, path) = left_behind();
    let mut hearth = locked(&home);
    hearth.open(&path).unwrap();
    assert_eq!(hearth.text().unwrap(), BASE);
    hearth.keys("ctrl-end").unwrap();
    hearth.type_text("meanwhile").unwrap();
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("another draft").unwrap();
    hearth.keys("alt-1").unwrap();
    ask(&mut hearth);
    let state = answer(&mut hearth, WORDS);
    assert_eq!(state["prompt"], json!(null), "{state}");
    assert!(state["notices"].to_string().contains("unlocked"), "{state}");
    let whole = format!("kept {BASE}meanwhile");
    assert_eq!(hearth.text().unwrap(), whole, "the text that was typed in has the keyboard");
    let head = hearth.item().unwrap()["selections"][0]["head"].clone();
    assert_eq!(head, json!([6, 9]), "and the caret is behind what was typed");
    let mut all = texts(&mut hearth);
    all.sort();
    assert_eq!(all, ["a draft", "another draft", &whole]);
    let kept = all.iter().position(|text| *text == whole).unwrap();
    let tab = texts(&mut hearth).iter().position(|text| *text == all[kept]).unwrap() + 1;
    hearth.keys(&format!("alt-{tab} ctrl-z ctrl-z")).unwrap();
    assert_eq!(hearth.text().unwrap(), BASE, "what was typed before can be taken back");
    hearth.keys("ctrl-shift-z ctrl-shift-z").unwrap();
    assert_eq!(hearth.text().unwrap(), whole);
}

#[test]
fn a_kill_after_the_unlock_loses_nothing() {
    let (home, path) = left_behind();
    let mut hearth = locked(&home);
    hearth.open(&path).unwrap();
    hearth.keys("ctrl-end").unwrap();
    hearth.type_text("meanwhile").unwrap();
    ask(&mut hearth);
    answer(&mut hearth, WORDS);
    hearth.type_text(" and after").unwrap();
    hearth.kill();
    let whole = format!("kept {BASE}meanwhile and after");
    for _ in 0..2 {
        let mut again = start(&home, &[]);
        let mut all = texts(&mut again);
        all.sort();
        assert_eq!(all, ["a draft", &whole]);
        assert!(items(&mut again).iter().all(|item| item["dirty"] == json!(true)));
        again.kill();
    }
    // What was sealed while it was locked opens too when it is locked and unlocked again.
    let mut shut = locked(&home);
    ask(&mut shut);
    answer(&mut shut, WORDS);
    let mut all = texts(&mut shut);
    all.sort();
    assert_eq!(all, ["a draft", &whole]);
}

#[test]
fn a_wrong_passphrase_is_told_where_it_was_typed_and_no_passphrase_is_kept() {
    let (home, _) = left_behind();
    let mut hearth = locked(&home);
    let fault = hearth.call("profile.unlock", json!({})).unwrap_err();
    one_sentence(&fault, &["person", "window"]);
    ask(&mut hearth);
    let state = answer(&mut hearth, "certainly not it");
    one_sentence(state["prompt"]["hint"].as_str().unwrap(), &["not the passphrase"]);
    let state = answer(&mut hearth, "");
    assert_eq!(state["prompt"]["hint"], json!("Type the passphrase"));
    // What is typed cannot be copied from the line, nor taken back into it.
    hearth.keys("ctrl-z").unwrap();
    hearth.type_text(WORDS).unwrap();
    hearth.keys("ctrl-a ctrl-c ctrl-x escape ctrl-n ctrl-v").unwrap();
    assert_eq!(hearth.text().unwrap(), "");
    ask(&mut hearth);
    answer(&mut hearth, WORDS);
    assert!(texts(&mut hearth).contains(&"a draft".to_owned()));
    hearth.keys("ctrl-shift-p").unwrap();
    hearth.type_text("unlock the profile").unwrap();
    hearth.keys("enter").unwrap();
    let state = hearth.until(|state| state["notices"].to_string().contains("already")).unwrap();
    assert_eq!(state["prompt"], json!(null));
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    for words in [WORDS, "certainly not it"] {
        check_unkept(&home, words);
    }
}
