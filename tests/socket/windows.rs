//! Several windows of one process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{IDLE_MAX, one_sentence, start};
use tests::instance::{Home, Instance, Profile, binary};

/// Runs a second `hearth` with these arguments, as a person does in a terminal.
fn hand_over(home: &Home, arguments: &[&Path]) -> std::process::Output {
    home.command(&binary(Profile::Dev).unwrap()).args(arguments).output().unwrap()
}

fn windows(hearth: &mut Instance) -> Vec<Value> {
    hearth.call("app.state", json!({})).unwrap()["windows"].as_array().unwrap().clone()
}

fn titles(window: &Value) -> Vec<&str> {
    let panes = window["panes"].as_array().unwrap().iter();
    let items = panes.flat_map(|pane| pane["items"].as_array().unwrap());
    items.map(|item| item["title"].as_str().unwrap()).collect()
}

fn theme(hearth: &mut Instance) -> Value {
    hearth.call("app.state", json!({})).unwrap()["theme"].clone()
}

fn text_of(hearth: &mut Instance, path: &Path) -> Value {
    hearth.call("buffer.text", json!({ "path": path })).unwrap()["text"].clone()
}

#[test]
fn new_opens_a_second_window_of_the_same_process() {
    let home = Home::new().unwrap();
    let [a, b] = ["a.txt", "b.txt"].map(|name| home.file(name, name).unwrap());
    let mut hearth = start(&home, &[&a]);
    let output = hand_over(&home, &[Path::new("--new"), &b]);
    assert!(output.status.success(), "{output:?}");
    let now = windows(&mut hearth);
    assert_eq!(now.len(), 2);
    assert_eq!((titles(&now[0]), titles(&now[1])), (vec!["a.txt"], vec!["b.txt"]));
    assert_eq!((&now[0]["active"], &now[1]["active"]), (&json!(false), &json!(true)));
    let output = hand_over(&home, &[&a]);
    assert!(output.status.success(), "{output:?}");
    let now = windows(&mut hearth);
    assert_eq!(titles(&now[1]), ["b.txt", "a.txt"], "without --new it comes where one works");
    hearth.keys("x").unwrap();
    let now = windows(&mut hearth);
    assert_eq!(now[0]["panes"][0]["items"][0]["dirty"], json!(true), "it is one text");
    assert_eq!(text_of(&mut hearth, &a), "xa.txt");
}

#[test]
fn all_windows_come_back_after_a_kill_with_their_layouts() {
    let home = Home::new().unwrap();
    let [a, b, c] = ["a.txt", "b.txt", "c.txt"].map(|name| home.file(name, name).unwrap());
    let mut hearth = start(&home, &[&a]);
    hearth.keys("x ctrl-\\ ctrl-shift-n").unwrap();
    hearth.open(&b).unwrap();
    hearth.open(&c).unwrap();
    hearth.keys("y ctrl-= ctrl-=").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.kill();
    let mut hearth = start(&home, &[]);
    let now = windows(&mut hearth);
    assert_eq!(now.len(), 2);
    let (focused, other): (Vec<_>, Vec<_>) =
        now.iter().partition(|window| window["active"] == json!(true));
    assert_eq!(titles(focused[0]), ["b.txt", "c.txt"]);
    assert_eq!(titles(other[0]), ["a.txt", "a.txt"], "two panes of one text");
    assert_eq!(text_of(&mut hearth, &a), "xa.txt");
    assert_eq!(hearth.text().unwrap(), "yc.txt");
    hearth.keys("ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "c.txt");
}

#[test]
fn a_text_that_was_closed_unsaved_can_be_opened_again_after_a_kill() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "text\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.keys("x ctrl-w down enter").unwrap();
    assert_eq!(hearth.item().unwrap(), Value::Null);
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.kill();
    let mut hearth = start(&home, &[]);
    assert_eq!(hearth.item().unwrap(), Value::Null, "closed is closed");
    hearth.keys("ctrl-shift-t").unwrap();
    assert_eq!(hearth.text().unwrap(), "xtext\n");
    hearth.keys("ctrl-z").unwrap();
    assert_eq!(hearth.text().unwrap(), "text\n");
}

#[test]
fn the_process_ends_with_its_last_window() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "text\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.call("window.new", json!({})).unwrap();
    hearth.call("window.close", json!({})).unwrap();
    assert_eq!(windows(&mut hearth).len(), 1);
    assert_eq!(hearth.text().unwrap(), "text\n");
    // The answer may be cut off by the end.
    let _ = hearth.call("window.close", json!({}));
    hearth.ended(IDLE_MAX).unwrap();
}

#[test]
fn quitting_keeps_every_window() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "text\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.keys("ctrl-shift-n ctrl-n d r a f t").unwrap();
    // The answer may be cut off by the end.
    let _ = hearth.call("app.quit", json!({}));
    hearth.ended(IDLE_MAX).unwrap();
    let mut hearth = start(&home, &[]);
    let now = windows(&mut hearth);
    assert_eq!(now.len(), 2);
    assert_eq!(hearth.text().unwrap(), "draft");
}

#[test]
fn two_idle_windows_draw_nothing_and_a_key_draws_those_that_show_its_text() {
    let home = Home::new().unwrap();
    let [a, b] = ["a.txt", "b.txt"].map(|name| home.file(name, name).unwrap());
    let mut hearth = start(&home, &[&a]);
    hearth.keys("ctrl-shift-n").unwrap();
    hearth.open(&b).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    hearth.call("app.frames", json!({ "reset": true })).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let frames = |hearth: &mut Instance| {
        hearth.call("app.frames", json!({ "reset": true })).unwrap()["frames"].as_u64().unwrap()
    };
    assert_eq!(frames(&mut hearth), 0);
    hearth.keys("x").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let alone = frames(&mut hearth);
    hearth.open(&a).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    frames(&mut hearth);
    hearth.keys("x").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let both = frames(&mut hearth);
    assert!(alone >= 1 && both > alone, "{alone} frames for one window, {both} for two");
}

#[test]
fn several_unsaved_texts_are_asked_about_in_one_question() {
    let home = Home::new().unwrap();
    let [a, b] = ["a.txt", "b.txt"].map(|name| home.file(name, "text\n").unwrap());
    let mut hearth = start(&home, &[&a, &b]);
    hearth.keys("x alt-1 y ctrl-k ctrl-w").unwrap();
    let path = home.beside("question.png");
    let asked = hearth.screenshot(&path).unwrap();
    hearth.keys("escape").unwrap();
    assert!(asked.differing(&hearth.screenshot(&path).unwrap()) > 5_000, "nothing was asked");
    hearth.keys("ctrl-k ctrl-w enter").unwrap();
    hearth.until(|state| state["panes"][0]["items"] == json!([])).unwrap();
    assert_eq!(std::fs::read_to_string(a).unwrap(), "ytext\n");
    assert_eq!(std::fs::read_to_string(b).unwrap(), "xtext\n");
}

/// A folder of the home's with a file and what it says of itself, trusted.
fn trusted(home: &Home, name: &str, settings: &str, policy: &str) -> (PathBuf, PathBuf) {
    home.file(&format!("{name}/.hearth/settings.toml"), settings).unwrap();
    home.file(&format!("{name}/.hearth/policy.toml"), policy).unwrap();
    let file = home.file(&format!("{name}/{name}.txt"), "").unwrap();
    let folder = home.beside(name);
    let output = hand_over(home, &[Path::new("trust"), &folder]);
    assert!(output.status.success(), "{output:?}");
    (folder, file)
}

#[test]
fn each_window_has_the_settings_and_the_policy_of_its_own_folder() {
    let home = Home::new().unwrap();
    let rule = |id: &str, action: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\neffect = \"forbid\"\nprincipal = [\"client\"]\naction = \
             [\"{action}\"]\n"
        )
    };
    let one = "[editor]\nauto_close = false\n[files]\nfinal_newline = false\n\
               [appearance]\ntheme = \"dark\"\n";
    let (here, a) = trusted(&home, "one", one, &rule("no-ledger", "ledger.*"));
    let (there, b) = trusted(&home, "two", "", &rule("no-saving", "file.save"));
    let mut hearth = start(&home, &[&here]);
    hearth.open(&a).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.type_text("(").unwrap();
    assert_eq!(hearth.text().unwrap(), "(", "its own folder does not want brackets closed");
    assert_eq!(theme(&mut hearth), json!("Hearth Dark"));
    let denied = |hearth: &mut Instance, id: &str, path: Value| {
        hearth.call(id, path).err().unwrap_or_else(|| format!("{id} was allowed"))
    };
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(std::fs::read_to_string(&a).unwrap(), "(", "nor a line end added");
    one_sentence(&denied(&mut hearth, "ledger.read", json!({})), &["no-ledger"]);

    let output = hand_over(&home, &[Path::new("--new"), &there]);
    assert!(output.status.success(), "{output:?}");
    hearth.open(&b).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.type_text("(").unwrap();
    assert_eq!(hearth.text().unwrap(), "()", "the other folder says nothing of it");
    assert_eq!(theme(&mut hearth), json!("Hearth Light"));
    one_sentence(&denied(&mut hearth, "file.save", json!({})), &["no-saving", "workspace"]);
    // What lies in the first folder is judged there, though the second is in front.
    let new = here.join("new.txt");
    hearth.call("file.save", json!({ "path": new })).unwrap();
    assert_eq!(std::fs::read_to_string(&new).unwrap(), "()\n", "as where it came from");
    hearth.open(&a).unwrap();
    hearth.type_text("(").unwrap();
    assert!(hearth.text().unwrap().ends_with('(') || hearth.text().unwrap().starts_with("(("));
    assert!(!hearth.text().unwrap().contains(')'), "{}", hearth.text().unwrap());

    hearth.keys("ctrl-z ctrl-shift-w").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(windows(&mut hearth).len(), 1);
    assert_eq!(theme(&mut hearth), json!("Hearth Dark"));
    one_sentence(&denied(&mut hearth, "ledger.read", json!({})), &["no-ledger"]);
    // Another text of its settings is another folder than the one that was trusted.
    home.file("one/.hearth/settings.toml", "[appearance]\ntheme = \"light\"\n").unwrap();
    home.said("its folder is not trusted as it is now").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(theme(&mut hearth), json!("Hearth Light"));
    hearth.call("ledger.read", json!({})).map(drop).unwrap_or_else(|told| {
        assert!(!told.contains("no-ledger"), "its policy counts no more either: {told}");
    });
}
