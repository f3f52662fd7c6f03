//! A locked profile in a window, unlocked with real keys.

use serde_json::json;

use super::stage::IDLE_MAX;
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};
use tests::skip;

#[test]
fn real_keys_unlock_the_profile_and_a_kill_after_it_loses_nothing() {
    let display = match Display::start(1280, 900) {
        Ok(display) => display,
        Err(error) => return skip("real_keys_unlock_the_profile", &error),
    };
    let home = Home::new().unwrap();
    let program = binary(Profile::Dev).unwrap();
    let mut before = Instance::headless(&program, &home, &[]).unwrap();
    before.keys("ctrl-n").unwrap();
    before.type_text("unsaved before").unwrap();
    before.kill();
    let mut command = home.command(&program);
    command.env("DISPLAY", display.name()).env_remove("HEARTH_PASSPHRASE_FILE").arg("--drive");
    let mut hearth = Instance::start(command, &home).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    display.focus(hearth.pid()).unwrap();
    display.keys(&["ctrl+n"]).unwrap();
    display.xdotool(&["type", "--delay", "20", "typed meanwhile"]).unwrap();
    display.keys(&["ctrl+shift+p"]).unwrap();
    display.xdotool(&["type", "--delay", "20", "unlock the profile\n"]).unwrap();
    hearth.until(|state| state["focus"] == json!("prompt")).unwrap();
    let empty = hearth.screenshot(&home.beside("empty.png")).unwrap();
    display.xdotool(&["type", "--delay", "20", "horse"]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let typed = hearth.screenshot(&home.beside("typed.png")).unwrap();
    assert!(typed.differing(&empty) > 20, "that something was typed is seen");
    display.keys(&["ctrl+a"]).unwrap();
    display.xdotool(&["type", "--delay", "20", "wrong\n"]).unwrap();
    let told = |state: &serde_json::Value| {
        state["prompt"]["hint"].as_str().is_some_and(|hint| hint.contains("not the passphrase"))
    };
    hearth.until(told).unwrap();
    display.xdotool(&["type", "--delay", "20", "correct horse battery staple\n"]).unwrap();
    hearth.until(|state| state["prompt"].is_null()).unwrap();
    assert_eq!(hearth.text().unwrap(), "typed meanwhile");
    display.xdotool(&["type", "--delay", "20", " and after"]).unwrap();
    hearth.until(|state| state["panes"][0]["items"].as_array().unwrap().len() == 2).unwrap();
    let start = std::time::Instant::now();
    while hearth.text().unwrap() != "typed meanwhile and after" {
        assert!(start.elapsed() < IDLE_MAX, "{:?}", hearth.text());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    hearth.kill();
    let mut again = Instance::headless(&program, &home, &[]).unwrap();
    again.wait_idle(IDLE_MAX).unwrap();
    let mut texts: Vec<String> = ["alt-1", "alt-2"]
        .map(|tab| {
            again.keys(tab).unwrap();
            again.text().unwrap()
        })
        .into();
    texts.sort();
    assert_eq!(texts, ["typed meanwhile and after", "unsaved before"]);
}
