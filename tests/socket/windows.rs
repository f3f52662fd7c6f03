//! Several windows of one process.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{IDLE_MAX, start};
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
