//! Keys of several keyboards.

use std::time::Duration;

use serde_json::json;

use super::stage::{IDLE_MAX, Stage};
use tests::display::Display;

/// Lets the display have a keyboard layout.
fn layout(display: &Display, arguments: &[&str]) {
    let status = display.command("setxkbmap").args(arguments).status();
    assert!(status.expect("setxkbmap (package x11-xkb-utils) starts").success());
}

#[test]
fn real_keys_type_save_and_undo() {
    let Some(mut stage) = Stage::open("real_keys_type_save_and_undo", "end\n") else { return };
    stage.display.xdotool(&["type", "--delay", "3", "Hello, World! 0-9 _+=/?\n"]).unwrap();
    stage.until_text("Hello, World! 0-9 _+=/?\nend\n");
    stage.display.keys(&["ctrl+s"]).unwrap();
    stage.hearth.until(|state| state["panes"][0]["items"][0]["dirty"] == json!(false)).unwrap();
    assert_eq!(std::fs::read_to_string(&stage.path).unwrap(), "Hello, World! 0-9 _+=/?\nend\n");
    for _ in 0..20 {
        stage.display.keys(&["ctrl+z"]).unwrap();
    }
    stage.until_text("end\n");
}

#[test]
fn every_key_of_a_fast_typist_arrives_in_order() {
    let Some(mut stage) = Stage::open("every_key_arrives", "") else { return };
    let text = "the quick brown fox jumps over the lazy dog ".repeat(10);
    stage.display.xdotool(&["type", "--delay", "0", &text]).unwrap();
    stage.until_text(&text);
}

#[test]
fn chords_and_named_keys_do_what_the_keymap_says() {
    let Some(mut stage) = Stage::open("chords_and_named_keys", "one\ntwo\n") else { return };
    stage.display.keys(&["ctrl+End", "x", "Tab", "Home", "ctrl+k", "Right"]).unwrap();
    stage.hearth.until(|state| state["panes"].as_array().unwrap().len() == 2).unwrap();
    stage.display.keys(&["ctrl+Home", "shift+End", "BackSpace", "Delete"]).unwrap();
    stage.until_text("two\nx   ");
}

#[test]
fn a_key_that_is_held_repeats() {
    let Some(mut stage) = Stage::open("a_key_that_is_held_repeats", "") else { return };
    stage.display.xdotool(&["keydown", "a", "sleep", "1.2", "keyup", "a"]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let text = stage.hearth.text().unwrap();
    assert!(text.len() > 5 && text.bytes().all(|byte| byte == b'a'), "{text:?}");
}

#[test]
fn dead_keys_compose() {
    let prepare = |display: &Display| layout(display, &["us", "-variant", "intl"]);
    let Some(mut stage) = Stage::open_with("dead_keys_compose", "", prepare) else { return };
    stage.display.keys(&["dead_acute", "e", "dead_diaeresis", "u"]).unwrap();
    stage.until_text("éü");
}

#[test]
fn the_compose_key_composes() {
    let prepare = |display: &Display| layout(display, &["us", "-option", "compose:ralt"]);
    let Some(mut stage) = Stage::open_with("the_compose_key", "", prepare) else { return };
    stage.display.keys(&["Multi_key", "apostrophe", "e"]).unwrap();
    stage.until_text("é");
}

#[test]
fn alt_gr_types_its_signs() {
    let prepare = |display: &Display| layout(display, &["de"]);
    let Some(mut stage) = Stage::open_with("alt_gr_types_its_signs", "", prepare) else { return };
    // The key of q by its number: 24; AltGr is ISO_Level3_Shift.
    let gr = ["keydown", "ISO_Level3_Shift", "key", "24", "keyup", "ISO_Level3_Shift"];
    stage.display.xdotool(&gr).unwrap();
    stage.display.keys(&["z"]).unwrap();
    stage.until_text("@z");
}

#[test]
fn an_arabic_layout_types_arabic_and_keeps_the_shortcuts() {
    let prepare = |display: &Display| layout(display, &["ara"]);
    let Some(mut stage) = Stage::open_with("an_arabic_layout", "", prepare) else { return };
    // The keys of s, a, z by their numbers.
    stage.display.keys(&["39", "38"]).unwrap();
    stage.until_text("سش");
    stage.display.keys(&["ctrl+39"]).unwrap();
    let saved = |state: &serde_json::Value| state["panes"][0]["items"][0]["dirty"] == json!(false);
    stage.hearth.until(saved).unwrap();
    assert_eq!(std::fs::read_to_string(&stage.path).unwrap().trim_end(), "سش");
    stage.display.keys(&["ctrl+52", "ctrl+52"]).unwrap();
    stage.until_text("");
}

#[test]
fn a_layout_that_changes_while_it_runs_is_followed() {
    let Some(mut stage) = Stage::open("a_layout_that_changes", "") else { return };
    stage.display.keys(&["39"]).unwrap();
    stage.until_text("s");
    layout(&stage.display, &["ara"]);
    std::thread::sleep(Duration::from_millis(300));
    stage.display.keys(&["39"]).unwrap();
    stage.until_text("sس");
}

#[test]
fn the_picker_works_with_real_keys() {
    let Some(mut stage) = Stage::open("the_picker_works", "a\n") else { return };
    stage.home.file("work/needle.txt", "found\n").unwrap();
    stage.hearth.open(&stage.home.beside("work")).unwrap();
    stage.hearth.wait_idle(IDLE_MAX).unwrap();
    stage.display.keys(&["ctrl+p"]).unwrap();
    stage.display.xdotool(&["type", "--delay", "0", "needle\n"]).unwrap();
    stage.until_text("found\n");
}
