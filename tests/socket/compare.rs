//! Two texts beside each other.

use std::path::Path;

use serde_json::{Value, json};

use super::{IDLE_MAX, one_sentence, start};
use tests::instance::{Home, Instance, Profile, binary};

const OLD: &str = "fn main() {\n    let count = 1;\n    print(count);\n}\n";
const NEW: &str = "// New\nfn main() {\n    let total = 1;\n    print(count);\n}\n";

/// Runs a second `hearth` with these arguments.
fn hand_over(home: &Home, arguments: &[&Path]) -> std::process::Output {
    home.command(&binary(Profile::Dev).unwrap()).args(arguments).output().unwrap()
}

fn titles(hearth: &mut Instance) -> Vec<Value> {
    let state = hearth.call("app.state", json!({})).unwrap();
    let panes = state["panes"].as_array().unwrap().clone();
    let items = panes.iter().flat_map(|pane| pane["items"].as_array().unwrap().clone());
    items.map(|item| item["title"].clone()).collect()
}

#[test]
fn diff_shows_two_files_and_each_can_be_edited() {
    let home = Home::new().unwrap();
    let (old, new) = (home.file("old.rs", OLD).unwrap(), home.file("new.rs", NEW).unwrap());
    let mut hearth = start(&home, &[Path::new("--diff"), &old, &new]);
    assert_eq!(titles(&mut hearth), [json!("old.rs"), json!("new.rs")]);
    let picture = |hearth: &mut Instance, name: &str| {
        hearth.wait_idle(IDLE_MAX).unwrap();
        hearth.screenshot(&home.beside(name)).unwrap()
    };
    let compared = picture(&mut hearth, "compared.png");
    hearth.keys("f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([2, 0]));
    hearth.keys("f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([0, 0]), "it goes round");
    hearth.keys("ctrl-shift-k").unwrap();
    hearth.keys("f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([1, 0]), "compared anew");
    hearth.keys("ctrl-z ctrl-home").unwrap();
    hearth.call("pane.focus_left", json!({})).unwrap();
    hearth.type_text("// New\n").unwrap();
    let same = picture(&mut hearth, "same.png");
    assert!(same.differing(&compared) > 1_000, "the line stands on both sides now");
    hearth.keys("f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([2, 0]));
}

#[test]
fn a_comparison_comes_back_after_a_kill() {
    let home = Home::new().unwrap();
    let (old, new) = (home.file("old.rs", OLD).unwrap(), home.file("new.rs", NEW).unwrap());
    let mut hearth = start(&home, &[&new]);
    let output = hand_over(&home, &[Path::new("--diff"), &old, &new]);
    assert!(output.status.success(), "{output:?}");
    hearth.keys("f7 x").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.kill();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-home f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([2, 0]));
}

#[test]
fn a_missing_file_is_told_in_a_sentence_and_nothing_starts() {
    let home = Home::new().unwrap();
    let old = home.file("old.rs", OLD).unwrap();
    let missing = home.beside("missing.rs");
    let output = hand_over(&home, &[Path::new("--diff"), &old, &missing]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    one_sentence(said.trim_end(), &["missing.rs"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let mut hearth = start(&home, &[&old]);
    let fault = hearth.call("file.diff", json!({ "path": missing })).unwrap_err();
    one_sentence(&fault, &["missing.rs"]);
    assert_eq!(titles(&mut hearth), [json!("old.rs")]);
    let alone = hearth.call("change.next", json!({})).unwrap_err();
    one_sentence(&alone, &["not compared"]);
}

#[test]
fn a_text_is_compared_with_what_its_file_holds() {
    let home = Home::new().unwrap();
    let path = home.file("a.rs", OLD).unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.keys("down down x").unwrap();
    hearth.call("file.diff_saved", json!({})).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(titles(&mut hearth), [json!("a.rs, as it was saved"), json!("a.rs")]);
    hearth.keys("ctrl-home f7").unwrap();
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([2, 0]));
    hearth.call("pane.focus_left", json!({})).unwrap();
    assert_eq!(hearth.text().unwrap(), OLD);
}
