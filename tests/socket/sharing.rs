//! A folder that two machines share: what is written on one is on the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::devices::{Pair, json_of, paired, two, until};
use super::start;
use tests::instance::Instance;

const SOON: Duration = Duration::from_secs(20);

/// Two paired machines with a folder that both have.
struct Shared {
    pair: Pair,
    desk: PathBuf,
    studio: PathBuf,
    joined: Value,
    id: String,
}

/// `there` is what lies in the studio's folder before it joins.
fn shared(files: &[(&str, &str)], there: &[(&str, &str)]) -> Shared {
    let pair = two();
    paired(&pair);
    let (desk, studio) = (pair.desk.beside("work"), pair.studio.beside("work"));
    for (folder, files) in [(&desk, files), (&studio, there)] {
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let share = json_of(&pair.desk, &["sync", "share", desk.to_str().unwrap()]);
    let id = share["id"].as_str().unwrap().to_owned();
    assert_eq!(share["path"], json!(desk.canonicalize().unwrap()));
    let begun = Instant::now();
    let joined = json_of(&pair.studio, &["sync", "join", &id, studio.to_str().unwrap()]);
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    let (desk, studio) = (desk.canonicalize().unwrap(), studio.canonicalize().unwrap());
    Shared { pair, desk, studio, joined, id }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until a file holds a text.
fn comes(path: &Path, text: &str) {
    let begun = Instant::now();
    while read(path) != text {
        assert!(begun.elapsed() < SOON, "{} stays {:?}", path.display(), read(path));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the active text of an instance is this.
fn shows(instance: &mut Instance, text: &str) {
    let begun = Instant::now();
    while instance.text().unwrap() != text {
        assert!(begun.elapsed() < SOON, "the text stays {:?}", instance.text().unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_empty_folder_gets_all_texts_and_what_is_ignored_stays_at_home() {
    let files = [
        ("a.txt", "one\n"),
        ("src/main.rs", "fn main() {}\n"),
        (".gitignore", "target\n"),
        ("target/out", "built"),
        (".git/config", "secret"),
        ("نص.txt", "سلام\n"),
    ];
    let shared = shared(&files, &[]);
    assert_eq!(shared.joined["files"], json!(4), "{}", shared.joined);
    assert_eq!(shared.joined["branched"], json!(0));
    for (name, text) in &files {
        let is_shared = !name.starts_with("target") && !name.starts_with(".git/");
        assert_eq!(read(&shared.studio.join(name)), if is_shared { *text } else { "" }, "{name}");
    }
    let status = json_of(&shared.pair.desk, &["sync", "status"]);
    assert_eq!(status["workspaces"][0]["id"], json!(shared.id));
    until(&shared.pair.desk, &["sync", "status"], |status| {
        status["workspaces"][0]["peers"][0]["lag_ops"] == json!(0)
    });
}

#[test]
fn what_lies_in_the_folder_that_joins_is_kept_beside_what_comes() {
    let there = [("a.txt", "one\n"), ("b.txt", "mine\n"), ("c.txt", "only here\n")];
    let shared = shared(&[("a.txt", "one\n"), ("b.txt", "theirs\n")], &there);
    assert_eq!(shared.joined["branched"], json!(1), "{}", shared.joined);
    assert_eq!(read(&shared.studio.join("b.txt")), "theirs\n");
    assert_eq!(read(&shared.studio.join("b (before joining).txt")), "mine\n");
    comes(&shared.desk.join("c.txt"), "only here\n");
}

#[test]
fn keys_on_one_are_in_the_open_text_of_the_other_and_both_type_at_once() {
    let mut shared = shared(&[("a.txt", "one\n")], &[]);
    let (desk, studio) = (&mut shared.pair.at_desk, &mut shared.pair.at_studio);
    desk.open(&shared.desk.join("a.txt")).unwrap();
    studio.open(&shared.studio.join("a.txt")).unwrap();
    desk.type_text("desk ").unwrap();
    shows(studio, "desk one\n");
    studio.keys("ctrl-end").unwrap();
    studio.type_text("studio").unwrap();
    shows(desk, "desk one\nstudio");
    for _ in 0..20 {
        desk.type_text("d").unwrap();
        studio.type_text("s").unwrap();
    }
    let text = format!("desk {}one\nstudio{}", "d".repeat(20), "s".repeat(20));
    shows(desk, &text);
    shows(studio, &text);
    // Undo takes back one's own.
    desk.keys("ctrl-z").unwrap();
    let begun = Instant::now();
    while !studio.text().unwrap().ends_with(&"s".repeat(20)) || studio.text().unwrap() == text {
        assert!(begun.elapsed() < SOON, "the text stays {:?}", studio.text().unwrap());
    }
    assert_eq!(studio.text().unwrap(), desk.text().unwrap());
    // A save on one is one on the other.
    assert_eq!(read(&shared.studio.join("a.txt")), "one\n", "nothing was saved yet");
    desk.call("file.save", json!({})).unwrap();
    let text = desk.text().unwrap();
    comes(&shared.desk.join("a.txt"), &text);
    comes(&shared.studio.join("a.txt"), &text);
    let times = json_of(&shared.pair.desk, &["sync", "status"]);
    let times = &times["workspaces"][0]["convergence_ms"];
    assert!(times["p50"].as_f64().unwrap() > 0.0, "{times}");
}

#[test]
fn what_other_programs_do_to_files_is_done_on_the_other_disk() {
    let shared = shared(&[("a.txt", "one\n"), ("dir/b.txt", "b\n")], &[]);
    fs::write(shared.desk.join("a.txt"), "one\ntwo\n").unwrap();
    comes(&shared.studio.join("a.txt"), "one\ntwo\n");
    fs::write(shared.studio.join("new.txt"), "new\n").unwrap();
    comes(&shared.desk.join("new.txt"), "new\n");
    fs::create_dir(shared.desk.join("other")).unwrap();
    fs::rename(shared.desk.join("dir/b.txt"), shared.desk.join("other/c.txt")).unwrap();
    comes(&shared.studio.join("other/c.txt"), "b\n");
    comes(&shared.studio.join("dir/b.txt"), "");
    fs::remove_file(shared.studio.join("a.txt")).unwrap();
    comes(&shared.desk.join("a.txt"), "");
    assert!(!shared.desk.join("a.txt").exists());
}

#[test]
fn after_a_kill_and_an_absence_both_have_what_both_wrote() {
    let mut shared = shared(&[("a.txt", "one\ntwo\nthree\n")], &[]);
    let file = shared.desk.join("a.txt");
    shared.pair.at_desk.open(&file).unwrap();
    shared.pair.at_desk.type_text("unsaved ").unwrap();
    // The studio is away, and its disk is written to.
    let Pair { desk, at_desk, studio, at_studio } = shared.pair;
    at_studio.kill();
    fs::write(shared.studio.join("a.txt"), "one\ntwo\nTHREE\n").unwrap();
    at_desk.kill();
    let mut at_desk = start(&desk, &[&file]);
    let _at_studio = start(&studio, &[]);
    shows(&mut at_desk, "unsaved one\ntwo\nTHREE\n");
    at_desk.call("file.save", json!({})).unwrap();
    comes(&shared.studio.join("a.txt"), "unsaved one\ntwo\nTHREE\n");
}
