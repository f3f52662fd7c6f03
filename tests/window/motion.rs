//! What moves in a real window, and that it comes to rest.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{IDLE_MAX, Stage};

/// Springs are at rest after this long.
const REST: Duration = Duration::from_millis(1500);

fn frames(stage: &mut Stage) -> u64 {
    let frames = stage.hearth.call("app.frames", json!({ "reset": true })).unwrap();
    frames["frames"].as_u64().unwrap()
}

/// A picture for whoever wants to look at it.
fn keep(stage: &mut Stage, name: &str) -> tests::picture::Picture {
    let path = stage.home.beside(name);
    let picture = stage.hearth.screenshot(&path).unwrap();
    if let Some(folder) = std::env::var_os("HEARTH_KEEP") {
        std::fs::copy(&path, std::path::Path::new(&folder).join(name)).unwrap();
    }
    picture
}

/// Does something and answers how many frames that took, until everything rests.
fn moved(stage: &mut Stage, name: &str, act: impl FnOnce(&mut Stage)) -> u64 {
    stage.hearth.wait_idle(IDLE_MAX).unwrap();
    std::thread::sleep(REST);
    frames(stage);
    act(stage);
    let under_way = keep(stage, name);
    std::thread::sleep(REST);
    let took = frames(stage);
    let own = keep(stage, "rest.png");
    assert!(own.colours() > 40 && under_way.colours() > 40, "it is blank");
    assert_eq!(stage.import().differing(&own), 0, "{name}: damage was not drawn");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(frames(stage), 0, "{name}: what rests is not drawn");
    took
}

#[test]
fn tabs_slide_and_notices_leave_and_then_nothing_is_drawn() {
    let Some(mut stage) = Stage::open("tabs_slide", "fn main() {}\n") else { return };
    for name in ["second.txt", "third.txt", "fourth.txt"] {
        let path = stage.home.file(name, name).unwrap();
        stage.hearth.open(&path).unwrap();
    }
    let close_first = |stage: &mut Stage| {
        stage.hearth.call("tab.focus", json!({ "index": 1 })).unwrap();
        stage.hearth.call("tab.close", Value::Null).unwrap();
    };
    let took = moved(&mut stage, "slide.png", close_first);
    assert!(took >= 6, "three tabs slid in {took} frames");
    let complain = |stage: &mut Stage| {
        stage.hearth.keys("ctrl-g 9 9 9 x enter escape ctrl-shift-t ctrl-shift-t").unwrap();
    };
    moved(&mut stage, "notice.png", complain);
    let dismiss = |stage: &mut Stage| {
        stage.hearth.call("notification.dismiss", Value::Null).unwrap();
    };
    let took = moved(&mut stage, "leaving.png", dismiss);
    assert!(took >= 6, "a notice left in {took} frames");
    let still = json!({ "key": "appearance.reduce_motion", "value": "on", "layer": "session" });
    stage.hearth.call("settings.set", still).unwrap();
    let took = moved(&mut stage, "still.png", close_first);
    assert!(took <= 4, "less motion is wanted, and {took} frames were drawn");
}
