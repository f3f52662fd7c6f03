//! `kill -9` at random moments while typing.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{IDLE_MAX, SESSION_KEPT, items, kill_after, start, texts};
use tests::instance::{Home, Instance};
use tests::seed::Seed;

const ROUNDS: usize = 12;

/// A text as a person would expect it: plain letters, one cursor.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    base: String,
    text: String,
    cursor: usize,
    saved: String,
}

impl Model {
    fn new(base: &str) -> Self {
        Self { base: base.into(), text: base.into(), cursor: 0, saved: base.into() }
    }

    fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// Does one random thing; answers the call that does it in the program.
    fn step(&mut self, seed: &mut Seed, has_file: bool) -> (&'static str, Value) {
        let keys = |keys: &str| ("app.keys", json!({ "keys": keys }));
        match seed.below(12) {
            0 => {
                self.insert("\n");
                keys("enter")
            }
            1 => {
                if self.cursor > 0 {
                    self.cursor -= 1;
                    self.text.remove(self.cursor);
                }
                keys("backspace")
            }
            2 => {
                self.cursor = self.cursor.saturating_sub(1);
                keys("left")
            }
            3 => {
                self.cursor = self.text.len();
                keys("ctrl-end")
            }
            4 => {
                self.cursor = 0;
                keys("ctrl-home")
            }
            5 if has_file => {
                self.saved = self.text.clone();
                keys("ctrl-s")
            }
            6 => {
                self.insert("abc");
                keys("a b c")
            }
            _ => {
                let word = format!("w{}_", seed.below(1000));
                self.insert(&word);
                ("app.text", json!({ "text": word }))
            }
        }
    }
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let mut seed = Seed::of_run("what_was_answered_is_there_after_a_kill");
    for round in 0..ROUNDS {
        one_round(&mut seed, round);
    }
}

fn settings(home: &Home) {
    let config = home.profile().join("config");
    fs::create_dir_all(&config).unwrap();
    let plain = "[files]\nfinal_newline = false\n[editor]\nauto_indent = false\n";
    fs::write(config.join("settings.toml"), plain).unwrap();
}

fn one_round(seed: &mut Seed, round: usize) {
    let home = Home::new().unwrap();
    settings(&home);
    let path = home.file("a.txt", "base_one\nbase_two\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.keys("ctrl-n").unwrap();
    let mut models = [Model::new("base_one\nbase_two\n"), Model::new("")];
    // A draft is worth a tab once something was written in it.
    models[1].insert("draft_");
    hearth.type_text("draft_").unwrap();
    let mut at = 1;
    let delay = Duration::from_millis(5 + seed.next() % 900);
    let killer = kill_after(&hearth, delay);
    let mut steps = 0;
    // What was not answered may be there or not.
    let (mut unanswered, mut asked) = (models.clone(), Value::Null);
    while steps < 2000 {
        if seed.below(8) == 0 {
            at = 1 - at;
            if hearth.keys(["alt-1", "alt-2"][at]).is_err() {
                break;
            }
        }
        unanswered = models.clone();
        let (method, arguments) = unanswered[at].step(seed, at == 0);
        asked = arguments.clone();
        if hearth.call(method, arguments).is_err() {
            break;
        }
        models = unanswered.clone();
        steps += 1;
    }
    killer.join().unwrap();
    drop(hearth);
    let context = format!("round {round}, {steps} steps, killed after {delay:?} in {asked}");
    let halves = halves(&models[at], &asked);
    check(&home, &path, &models, &unanswered, &halves, &context);
}

/// What a text may be when the kill came between two letters of a word.
fn halves(model: &Model, asked: &Value) -> Vec<String> {
    let word = match (asked["text"].as_str(), asked["keys"].as_str()) {
        (Some(word), _) => word.to_owned(),
        (None, Some("a b c")) => "abc".to_owned(),
        (None, _) => return Vec::new(),
    };
    let half = |end: usize| {
        let mut model = model.clone();
        model.insert(&word[..end]);
        model.text
    };
    (1..word.len()).map(half).collect()
}

fn check(
    home: &Home,
    path: &PathBuf,
    models: &[Model],
    unanswered: &[Model],
    halves: &[String],
    context: &str,
) {
    let mut again = start(home, &[]);
    let found = texts(&mut again);
    assert_eq!(found.len(), 2, "{context}: {found:?}");
    let on_disk = fs::read_to_string(path).unwrap();
    // The order of tabs is kept a moment later than what was typed.
    let is_file = |item: &Value| item["path"] == json!(path);
    let file_at = items(&mut again).iter().position(is_file).expect("the file has its tab");
    for tab in 0..2 {
        let place = if tab == 0 { file_at } else { 1 - file_at };
        let text = &found[place];
        let expected = [&models[tab].text, &unanswered[tab].text];
        let fits = expected.contains(&text) || halves.contains(text);
        assert!(fits, "{context}, tab {tab}: {text:?} is not {expected:?}");
        again.keys(&format!("alt-{}", place + 1)).unwrap();
        let item = again.item().unwrap();
        if tab == 0 {
            assert_eq!(item["path"], json!(path), "{context}");
            assert_eq!(item["dirty"], json!(*text != on_disk), "{context}: {on_disk:?}, {text:?}");
            let saved = [&models[0].saved, &unanswered[0].saved];
            assert!(saved.contains(&&on_disk), "{context}: {on_disk:?} is not {saved:?}");
        } else {
            assert_eq!(item["dirty"], json!(true), "{context}: an unsaved draft");
        }
        undo_all(&mut again, &models[tab].base, context);
    }
}

/// Undo reaches the beginning, and redo the end again.
fn undo_all(hearth: &mut Instance, base: &str, context: &str) {
    let full = hearth.text().unwrap();
    let mut last = full.clone();
    for _ in 0..5000 {
        if last == base {
            break;
        }
        hearth.keys("ctrl-z").unwrap();
        let now = hearth.text().unwrap();
        assert_ne!(now, last, "{context}: undo stops before {base:?}, of {full:?}");
        last = now;
    }
    assert_eq!(last, base, "{context}");
}

/// Of a state what a person sees, without numbers that may differ.
fn seen(state: &Value) -> Value {
    let names = ["kind", "active", "title", "path", "dirty", "text_hash", "selections", "encoding"];
    let item = |item: &Value| -> Value { names.iter().map(|name| item[*name].clone()).collect() };
    let pane = |pane: &Value| -> Value {
        let items: Value = pane["items"].as_array().unwrap().iter().map(item).collect();
        json!([pane["active"], items])
    };
    state["panes"].as_array().unwrap().iter().map(pane).collect()
}

#[test]
fn tabs_splits_cursors_and_undo_come_back() {
    let home = Home::new().unwrap();
    let paths = ["a.rs", "b.md", "c.txt"].map(|name| {
        let lines: String = (0..300).map(|line| format!("{name} {line}\n")).collect();
        home.file(name, lines).unwrap()
    });
    let mut hearth = start(&home, &[&paths[0], &paths[1], &paths[2]]);
    hearth.keys("alt-2 ctrl-g 1 5 0 enter shift-down shift-right x").unwrap();
    hearth.keys("ctrl-\\ ctrl-alt-down ctrl-alt-down y").unwrap();
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("a draft\nof two lines").unwrap();
    hearth.keys("ctrl-k down ctrl-n").unwrap();
    hearth.type_text("another draft").unwrap();
    hearth.keys("ctrl-1 alt-3 pagedown pagedown ctrl-z").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let before = hearth.call("app.state", json!({})).unwrap();
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    let mut again = start(&home, &[]);
    let after = again.call("app.state", json!({})).unwrap();
    assert_eq!(seen(&after), seen(&before));
    again.keys("alt-2").unwrap();
    let text = again.text().unwrap();
    again.keys("ctrl-z ctrl-z ctrl-z ctrl-z").unwrap();
    assert_eq!(again.text().unwrap(), fs::read_to_string(&paths[1]).unwrap());
    again.keys("ctrl-shift-z ctrl-shift-z ctrl-shift-z ctrl-shift-z").unwrap();
    assert_eq!(again.text().unwrap(), text);
}

#[test]
fn redo_is_there_after_a_kill() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "base\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("gone ").unwrap();
    hearth.keys("ctrl-z").unwrap();
    hearth.kill();
    let mut again = start(&home, &[&path]);
    assert_eq!(again.text().unwrap(), "base\n");
    again.keys("ctrl-shift-z").unwrap();
    assert_eq!(again.text().unwrap(), "gone base\n");
}

#[test]
fn a_quit_and_many_starts_keep_what_was_unsaved() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "base\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("0").unwrap();
    for round in 1..5 {
        // It ends before it can answer.
        hearth.call("app.quit", json!({})).ok();
        hearth.ended(Duration::from_secs(10)).unwrap();
        hearth = start(&home, &[]);
        hearth.keys("home").unwrap();
        hearth.type_text(&round.to_string()).unwrap();
    }
    assert_eq!(hearth.text().unwrap(), "43210base\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "base\n");
}

#[test]
fn a_change_outside_while_nothing_ran_is_merged_at_the_next_start() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "one\ntwo\nthree\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("my ").unwrap();
    hearth.kill();
    fs::write(&path, "one\ntwo\nTHREE\n").unwrap();
    let mut again = start(&home, &[&path]);
    let wanted = json!(blake3::hash(b"my one\ntwo\nTHREE\n").to_hex().to_string());
    again.until(|state| state["panes"][0]["items"][0]["text_hash"] == wanted).unwrap();
    assert_eq!(again.item().unwrap()["dirty"], json!(true));
}
