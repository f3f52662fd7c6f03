//! The mouse and the wheel.

use serde_json::Value;

use super::stage::Stage;

fn text() -> String {
    "word word word word word word word word word word\n".repeat(200)
}

fn selection(stage: &mut Stage) -> Value {
    stage.hearth.item().unwrap()["selections"][0].clone()
}

fn place(selection: &Value, end: &str) -> (u64, u64) {
    (selection[end][0].as_u64().unwrap(), selection[end][1].as_u64().unwrap())
}

/// Waits until the selection is as `holds` wants it.
fn until(stage: &mut Stage, holds: impl Fn((u64, u64), (u64, u64)) -> bool) -> Value {
    for _ in 0..300 {
        let now = selection(stage);
        if holds(place(&now, "anchor"), place(&now, "head")) {
            return now;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the selection stays {}", selection(stage));
}

#[test]
fn clicks_place_the_cursor_and_select_words_and_lines() {
    let Some(mut stage) = Stage::open("clicks_place_the_cursor", &text()) else { return };
    stage.window(&["mousemove", "--window"], &["300", "300"]);
    stage.display.xdotool(&["click", "1"]).unwrap();
    let one = until(&mut stage, |anchor, head| anchor == head && head.0 > 2 && head.1 > 0);
    let line = place(&one, "head").0;
    std::thread::sleep(std::time::Duration::from_millis(700));
    stage.display.xdotool(&["click", "--repeat", "2", "--delay", "40", "1"]).unwrap();
    until(&mut stage, |anchor, head| {
        anchor.0 == line && head.0 == line && matches!(anchor.1.abs_diff(head.1), 1 | 4)
    });
    std::thread::sleep(std::time::Duration::from_millis(700));
    stage.display.xdotool(&["click", "--repeat", "3", "--delay", "40", "1"]).unwrap();
    until(&mut stage, |anchor, head| anchor == (line, 0) && head == (line + 1, 0));
}

#[test]
fn a_drag_selects_and_shift_click_extends() {
    let Some(mut stage) = Stage::open("a_drag_selects", &text()) else { return };
    stage.window(&["mousemove", "--window"], &["300", "200"]);
    stage.display.xdotool(&["mousedown", "1"]).unwrap();
    stage.window(&["mousemove", "--window"], &["350", "260"]);
    stage.window(&["mousemove", "--window"], &["400", "330"]);
    stage.display.xdotool(&["mouseup", "1"]).unwrap();
    let one = until(&mut stage, |anchor, head| head.0 >= anchor.0 + 4 && head.1 > anchor.1);
    stage.window(&["mousemove", "--window"], &["400", "500"]);
    stage.display.xdotool(&["keydown", "shift", "click", "1", "keyup", "shift"]).unwrap();
    let (anchor, head) = (place(&one, "anchor"), place(&one, "head"));
    until(&mut stage, |now, further| now == anchor && further.0 > head.0);
}

#[test]
fn alt_click_adds_a_cursor() {
    let Some(mut stage) = Stage::open("alt_click_adds_a_cursor", &text()) else { return };
    stage.window(&["mousemove", "--window"], &["300", "300"]);
    stage.display.xdotool(&["keydown", "alt", "click", "1", "keyup", "alt"]).unwrap();
    let two =
        |state: &Value| state["panes"][0]["items"][0]["selections"].as_array().unwrap().len() == 2;
    stage.hearth.until(two).unwrap();
}

#[test]
fn the_wheel_scrolls_and_leaves_the_cursor() {
    let Some(mut stage) = Stage::open("the_wheel_scrolls", &text()) else { return };
    let before = stage.hearth.screenshot(&stage.home.beside("one.png")).unwrap();
    stage.window(&["mousemove", "--window"], &["300", "300"]);
    stage.display.xdotool(&["click", "--repeat", "3", "5"]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let after = stage.hearth.screenshot(&stage.home.beside("two.png")).unwrap();
    assert!(after.differing(&before) > 500, "nothing moved");
    assert_eq!(place(&selection(&mut stage), "head"), (0, 0));
    stage.display.xdotool(&["click", "--repeat", "3", "4"]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    stage.window(&["mousemove", "--window"], &["2", "2"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let back = stage.hearth.screenshot(&stage.home.beside("three.png")).unwrap();
    assert!(back.differing(&before) < 500, "{} pixels differ", back.differing(&before));
}

#[test]
fn a_click_on_a_tab_shows_it() {
    let Some(mut stage) = Stage::open("a_click_on_a_tab_shows_it", "first\n") else { return };
    let second = stage.home.file("second.txt", "second\n").unwrap();
    stage.hearth.open(&second).unwrap();
    stage.until_text("second\n");
    // The tabs lie in the strip under the title of 44 pixels.
    stage.window(&["mousemove", "--window"], &["50", "70"]);
    stage.display.xdotool(&["click", "1"]).unwrap();
    stage.until_text("first\n");
}
