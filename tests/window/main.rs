//! The real program in a real window, with real keys, under Xvfb.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
mod bus;
mod clipboard;
mod gpu;
mod keys;
mod motion;
mod pointer;
mod preferences;
#[cfg(target_os = "linux")]
mod reader;
mod stage;
mod unlock;
mod windows;
#[cfg(target_os = "linux")]
mod xsettings;

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use stage::Stage;
use tests::instance::{Home, Profile, binary};
use tests::picture::Picture;

#[test]
fn what_the_display_shows_is_what_the_program_draws() {
    let Some(mut stage) = Stage::open("what_the_display_shows", "fn main() {}\n// مرحبا 世界\n")
    else {
        return;
    };
    stage.hearth.keys("ctrl-end x").unwrap();
    stage.hearth.wait_idle(stage::IDLE_MAX).unwrap();
    let own = stage.hearth.screenshot(&stage.home.beside("own.png")).unwrap();
    assert!(own.colours() > 40, "it is blank");
    let wanted = |shown: &Picture| {
        (shown.width, shown.height) == (own.width, own.height) && shown.differing(&own) == 0
    };
    let mut shown = stage.import();
    for _ in 0..40 {
        if wanted(&shown) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
        shown = stage.import();
    }
    assert_eq!((shown.width, shown.height), (own.width, own.height));
    assert_eq!(shown.differing(&own), 0, "pixels differ");
}

#[test]
fn the_display_follows_every_edit_and_scroll() {
    let lines: String = (0..500).map(|line| format!("line {line} of the text\n")).collect();
    let Some(mut stage) = Stage::open("the_display_follows", &lines) else { return };
    for keys in [
        "x y z",
        "enter enter",
        "pagedown",
        "pagedown pageup down",
        "ctrl-end backspace",
        "ctrl-home ctrl-a",
        "escape ctrl-f l i n e",
        "escape ctrl-\\",
        "ctrl-k w ctrl-shift-p",
        "escape ctrl-=",
    ] {
        stage.hearth.keys(keys).unwrap();
        stage.hearth.wait_idle(stage::IDLE_MAX).unwrap();
        // Springs come to rest.
        std::thread::sleep(Duration::from_millis(700));
        let own = stage.hearth.screenshot(&stage.home.beside("own.png")).unwrap();
        let shown = stage.import();
        assert_eq!(shown.differing(&own), 0, "after {keys}: damage was not drawn");
    }
}

#[test]
fn a_window_is_resized_and_drawn_anew() {
    let Some(mut stage) = Stage::open("a_window_is_resized", "text\n") else { return };
    for (width, height) in [(700, 500), (1100, 760), (300, 200), (900, 600)] {
        stage.window(&["windowsize", "--sync"], &[&width.to_string(), &height.to_string()]);
        let path = stage.home.beside("own.png");
        let start = std::time::Instant::now();
        let own = loop {
            let own = stage.hearth.screenshot(&path).unwrap();
            if (own.width, own.height) == (width, height) {
                break own;
            }
            let size = (own.width, own.height);
            assert!(start.elapsed() < stage::IDLE_MAX, "it is {size:?}, not {width}x{height}");
            std::thread::sleep(Duration::from_millis(20));
        };
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(stage.import().differing(&own), 0, "at {width}x{height}");
    }
}

#[test]
fn an_idle_window_draws_nothing() {
    let Some(mut stage) = Stage::open("an_idle_window_draws_nothing", "text\n") else { return };
    std::thread::sleep(Duration::from_secs(6));
    stage.hearth.call("app.frames", json!({"reset": true})).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let frames = stage.hearth.call("app.frames", json!({})).unwrap();
    assert_eq!(frames["frames"], json!(0), "{frames}");
}

#[test]
fn without_a_display_one_sentence_says_so() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "text\n").unwrap();
    for display in [None, Some(":4711")] {
        let mut command: Command = home.command(&binary(Profile::Dev).unwrap());
        command.arg(&path).envs(display.map(|display| ("DISPLAY", display)));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{display:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{display:?}: {said}");
        assert!(said.trim_end().ends_with('.') && said.contains("display"), "{display:?}: {said}");
    }
}

#[test]
fn a_closed_window_keeps_what_was_unsaved() {
    let Some(mut stage) = Stage::open("a_closed_window_keeps", "text\n") else { return };
    stage.display.xdotool(&["type", "--delay", "5", "unsaved "]).unwrap();
    stage.until_text("unsaved text\n");
    stage.display.keys(&["ctrl+q"]).unwrap();
    stage.hearth.ended(stage::IDLE_MAX).unwrap();
    stage.restart();
    assert_eq!(stage.hearth.text().unwrap(), "unsaved text\n");
}

#[test]
fn what_was_shown_is_there_after_a_kill() {
    let Some(mut stage) = Stage::open("what_was_shown_is_there", "text\n") else { return };
    let before = stage.import();
    stage.display.xdotool(&["type", "--delay", "0", "shown"]).unwrap();
    while stage.import().differing(&before) < 20 {
        std::thread::sleep(Duration::from_millis(2));
    }
    stage.until_text("showntext\n");
    std::thread::sleep(Duration::from_millis(100));
    stage.restart();
    assert_eq!(stage.hearth.text().unwrap(), "showntext\n");
}
