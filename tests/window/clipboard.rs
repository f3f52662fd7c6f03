//! The clipboard and the primary selection, shared with other programs.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::stage::{IDLE_MAX, Stage};

/// Gives a selection of the display to another program.
fn give(stage: &Stage, selection: &str, text: &str) {
    let mut xclip = stage.display.command("xclip");
    xclip.args(["-i", "-selection", selection]).stdin(Stdio::piped());
    let mut child = xclip.spawn().expect("xclip (package xclip) starts");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Waits until another program gets `wanted` from a selection of the display.
fn until_given(stage: &Stage, selection: &str, wanted: &str) {
    let start = Instant::now();
    loop {
        let mut xclip = stage.display.command("timeout");
        let output = xclip.args(["5", "xclip", "-o", "-selection", selection]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text == wanted {
            return;
        }
        assert!(start.elapsed() < IDLE_MAX, "{selection} gives {text:?}, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn copied_text_reaches_other_programs_and_theirs_is_pasted() {
    let Some(mut stage) = Stage::open("copied_text_reaches", "مرحبا and 世界\n") else {
        return;
    };
    stage.display.keys(&["shift+End", "ctrl+c"]).unwrap();
    until_given(&stage, "clipboard", "مرحبا and 世界");
    give(&stage, "clipboard", "from outside: 👋\n");
    stage.display.keys(&["ctrl+End", "ctrl+v"]).unwrap();
    stage.until_text("مرحبا and 世界\nfrom outside: 👋\n");
}

#[test]
fn cut_text_can_be_pasted_again() {
    let Some(mut stage) = Stage::open("cut_text_can_be_pasted", "one\ntwo\n") else { return };
    stage.display.keys(&["shift+End", "ctrl+x", "ctrl+End", "ctrl+v"]).unwrap();
    stage.until_text("\ntwo\none");
    until_given(&stage, "clipboard", "one");
}

#[test]
fn a_large_text_is_copied_and_pasted() {
    let text = "0123456789 ".repeat(100_000);
    let Some(mut stage) = Stage::open("a_large_text_is_copied", "x") else { return };
    give(&stage, "clipboard", &text);
    stage.display.keys(&["ctrl+a", "ctrl+v"]).unwrap();
    stage.until_text(&text);
    stage.display.keys(&["ctrl+a", "ctrl+c"]).unwrap();
    until_given(&stage, "clipboard", &text);
}

#[test]
fn the_primary_selection_goes_both_ways() {
    let Some(mut stage) = Stage::open("the_primary_selection", &"word ".repeat(8)) else { return };
    stage.display.keys(&["shift+End"]).unwrap();
    until_given(&stage, "primary", &"word ".repeat(8));
    give(&stage, "primary", "pasted");
    stage.window(&["mousemove", "--window"], &["300", "300"]);
    stage.display.xdotool(&["click", "2"]).unwrap();
    stage.until_text(&format!("{}pasted", "word ".repeat(8)));
}
