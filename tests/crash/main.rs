//! Kills, full disks, damaged and locked profiles: nothing typed is lost.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod doctor;
mod full;
mod keys;
mod kills;
mod profile;
mod records;
mod saves;
#[cfg(target_os = "linux")]
mod signals;
mod unlock;

use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tests::instance::{Home, Instance, Profile, binary};

/// What is pending after this long is stuck.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The session, which has cursors and layout, is kept this long after something moved.
const SESSION_KEPT: Duration = Duration::from_millis(1500);

/// The program with these files open and nothing pending.
fn start(home: &Home, paths: &[&Path]) -> Instance {
    let mut hearth = Instance::headless(&binary(Profile::Dev).unwrap(), home, paths).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth
}

/// Kills `hearth` from another thread after `delay`, as a crash would at some moment.
fn kill_after(hearth: &Instance, delay: Duration) -> JoinHandle<()> {
    let pid = hearth.pid().to_string();
    thread::spawn(move || {
        thread::sleep(delay);
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    })
}

/// The texts of all tabs of the first pane, left to right.
fn texts(hearth: &mut Instance) -> Vec<String> {
    let count = items(hearth).len();
    (1..=count)
        .map(|tab| {
            hearth.keys(&format!("alt-{tab}")).unwrap();
            hearth.text().unwrap()
        })
        .collect()
}

fn items(hearth: &mut Instance) -> Vec<Value> {
    let state = hearth.call("app.state", json!({})).unwrap();
    state["panes"][0]["items"].as_array().unwrap().clone()
}

/// Fails unless `fault` is one sentence that has all `words`.
fn one_sentence(fault: &str, words: &[&str]) {
    let fault = fault.trim_end_matches('"');
    assert!(!fault.contains("\\n") && fault.ends_with('.'), "no sentence: {fault}");
    for word in words {
        assert!(fault.contains(word), "it does not say {word:?}: {fault}");
    }
}
