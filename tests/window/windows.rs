//! Several windows of one process on one display.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stage::{IDLE_MAX, Stage};
use tests::display::Display;
use tests::instance::{Profile, binary};

/// The display's names of the program's windows, oldest first.
fn shown(stage: &Stage) -> Vec<String> {
    let pid = stage.hearth.pid().to_string();
    let mut search = stage.display.command("xdotool");
    let found = search.args(Display::search(&pid)).output().unwrap();
    let mut ids: Vec<u64> = String::from_utf8(found.stdout)
        .unwrap()
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    ids.sort_unstable();
    ids.into_iter().map(|id| id.to_string()).collect()
}

/// Waits until the display shows so many windows.
fn until_shown(stage: &Stage, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let now = shown(stage);
        if now.len() == count {
            return now;
        }
        assert!(start.elapsed() < IDLE_MAX, "the display shows {now:?}, not {count} windows");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Opens `path` in a second window, as `hearth --new PATH` does.
fn second(stage: &Stage, path: &Path) -> [String; 2] {
    let mut command = stage.home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", stage.display.name()).arg("--new").arg(path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    until_shown(stage, 2).try_into().unwrap()
}

fn focus(stage: &Stage, window: &str) {
    stage.display.xdotool(&["windowfocus", "--sync", window]).unwrap();
}

fn type_into(stage: &Stage, window: &str, text: &str) {
    focus(stage, window);
    stage.display.xdotool(&["type", "--delay", "5", text]).unwrap();
}

fn until_text(stage: &mut Stage, path: &Path, wanted: &str) {
    let start = Instant::now();
    loop {
        let answer = stage.hearth.call("buffer.text", json!({ "path": path })).unwrap();
        if answer["text"] == json!(wanted) {
            return;
        }
        assert!(start.elapsed() < IDLE_MAX, "{} is not {wanted:?}", answer["text"]);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn window(state: &Value, title: &str) -> Value {
    let windows = state["windows"].as_array().unwrap().iter();
    let mut found =
        windows.filter(|one| one["panes"][0]["items"][0]["title"].as_str() == Some(title));
    found.next().unwrap_or_else(|| panic!("{title} is in no window: {state}")).clone()
}

#[test]
fn what_is_typed_goes_to_the_window_that_has_the_keyboard() {
    let Some(mut stage) = Stage::open("what_is_typed_goes_to_the_window", "one\n") else { return };
    let other = stage.home.file("b.txt", "two\n").unwrap();
    let [first, new] = second(&stage, &other);
    let path = stage.path.clone();
    type_into(&stage, &first, "here ");
    until_text(&mut stage, &path, "here one\n");
    type_into(&stage, &new, "there ");
    until_text(&mut stage, &other, "there two\n");
    until_text(&mut stage, &path, "here one\n");
    let state = stage.hearth.until(|state| state["windows"][1]["active"] == json!(true)).unwrap();
    assert_eq!(state["windows"].as_array().unwrap().len(), 2);
    focus(&stage, &first);
    stage.hearth.until(|state| state["windows"][0]["active"] == json!(true)).unwrap();
    stage.display.keys(&["ctrl+z"]).unwrap();
    until_text(&mut stage, &path, "one\n");
    until_text(&mut stage, &other, "there two\n");
}

#[test]
fn one_text_in_two_windows_is_drawn_in_both() {
    let Some(mut stage) = Stage::open("one_text_in_two_windows", "one\n") else { return };
    let path = stage.path.clone();
    let [first, new] = second(&stage, &path);
    let picture = |stage: &Stage, window: &str| {
        let path = stage.home.beside("window.png");
        let mut import = stage.display.command("import");
        let status = import.args(["-silent", "-window", window]).arg(&path).status();
        assert!(status.expect("import (package imagemagick) starts").success());
        tests::picture::Picture::read(&path).unwrap()
    };
    focus(&stage, &new);
    // Springs come to rest, and what each window shows is seen as it lies on top.
    std::thread::sleep(Duration::from_secs(1));
    stage.display.xdotool(&["windowraise", &first]).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let before = picture(&stage, &first);
    stage.display.xdotool(&["type", "--delay", "5", "shown in both "]).unwrap();
    until_text(&mut stage, &path, "shown in both one\n");
    let start = Instant::now();
    while picture(&stage, &first).differing(&before) < 100 {
        assert!(start.elapsed() < IDLE_MAX, "the other window was not drawn");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_closed_window_leaves_the_others_and_the_last_ends_the_program() {
    let Some(mut stage) = Stage::open("a_closed_window_leaves_the_others", "one\n") else {
        return;
    };
    let other = stage.home.file("b.txt", "two\n").unwrap();
    let [first, new] = second(&stage, &other);
    type_into(&stage, &new, "x");
    until_text(&mut stage, &other, "xtwo\n");
    stage.display.keys(&["ctrl+s"]).unwrap();
    stage
        .hearth
        .until(|state| window(state, "b.txt")["panes"][0]["items"][0]["dirty"] == false)
        .unwrap();
    stage.display.keys(&["ctrl+shift+w"]).unwrap();
    assert_eq!(until_shown(&stage, 1), std::slice::from_ref(&first));
    let path = stage.path.clone();
    type_into(&stage, &first, "still ");
    until_text(&mut stage, &path, "still one\n");
    stage.display.keys(&["ctrl+shift+w"]).unwrap();
    stage.hearth.ended(IDLE_MAX).unwrap();
}

#[test]
fn all_windows_come_back_on_the_display_after_a_kill() {
    let Some(mut stage) = Stage::open("all_windows_come_back", "one\n") else { return };
    let other = stage.home.file("b.txt", "two\n").unwrap();
    let [first, new] = second(&stage, &other);
    let path = stage.path.clone();
    type_into(&stage, &first, "a");
    type_into(&stage, &new, "b");
    until_text(&mut stage, &path, "aone\n");
    until_text(&mut stage, &other, "btwo\n");
    std::thread::sleep(Duration::from_millis(200));
    stage.restart();
    until_shown(&stage, 2);
    until_text(&mut stage, &path, "aone\n");
    until_text(&mut stage, &other, "btwo\n");
}

#[test]
fn two_idle_windows_draw_nothing() {
    let Some(mut stage) = Stage::open("two_idle_windows_draw_nothing", "one\n") else { return };
    let path = stage.path.clone();
    second(&stage, &path);
    std::thread::sleep(Duration::from_secs(6));
    stage.hearth.call("app.frames", json!({ "reset": true })).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let frames = stage.hearth.call("app.frames", json!({})).unwrap();
    assert_eq!(frames["frames"], json!(0), "{frames}");
}
