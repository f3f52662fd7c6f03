//! What the program records of itself survives restarts and kills.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{IDLE_MAX, start};
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};

/// Metrics are written soon after something was counted; this is later.
const WRITTEN_MAX: Duration = Duration::from_secs(25);

/// `hearth doctor --json`, by the name of its checks.
pub fn doctor(home: &Home) -> impl Fn(&str) -> Value + use<> {
    let output = home.command(&binary(Profile::Dev).unwrap()).args(["doctor", "--json"]).output();
    let Output { status, stdout, stderr } = output.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let checks: Value = serde_json::from_slice(&stdout).unwrap();
    move |name| {
        let mut all = checks.as_array().unwrap().iter();
        let found = all.find(|check| check["check"] == name);
        found.unwrap_or_else(|| panic!("no check {name} in {checks}")).clone()
    }
}

fn metrics(hearth: &mut Instance) -> Value {
    hearth.call("app.metrics", json!({})).unwrap()
}

fn count(metrics: &Value, measure: &str) -> u64 {
    metrics["measures"][measure]["count"].as_u64().unwrap()
}

/// Types, so that there is something to count.
fn type_some(hearth: &mut Instance) {
    hearth.keys("ctrl-n").unwrap();
    for number in 0..20 {
        hearth.type_text(&format!("word{number} ")).unwrap();
    }
    hearth.wait_idle(IDLE_MAX).unwrap();
}

#[test]
fn metrics_are_there_after_a_restart_and_after_a_kill() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "base\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    type_some(&mut hearth);
    let first = metrics(&mut hearth);
    for measure in
        ["input_to_present_us", "ui_cpu_us", "frame_us", "journal_write_us", "journal_sync_us"]
    {
        assert!(count(&first, measure) > 0, "{measure}: {first}");
        let figures = &first["measures"][measure];
        let at = |name: &str| figures[name].as_u64().unwrap();
        assert!(at("p50") <= at("p99") && at("p99") <= at("max"), "{measure}: {figures}");
    }
    assert_eq!(count(&first, "restore_us"), 1, "{first}");
    assert!(count(&first, "open_us") > 0, "{first}");
    hearth.call("app.quit", json!({})).ok();
    hearth.ended(IDLE_MAX).unwrap();

    let mut hearth = start(&home, &[]);
    let second = metrics(&mut hearth);
    assert_eq!(second["since_ms"], first["since_ms"]);
    assert_eq!((first["starts"].clone(), second["starts"].clone()), (json!(1), json!(2)));
    assert!(count(&second, "frame_us") > count(&first, "frame_us"), "{first} and {second}");
    type_some(&mut hearth);
    let counted = count(&metrics(&mut hearth), "input_to_present_us");
    // It writes by itself, and what it wrote is there after a kill.
    let file = home.profile().join("state/records/metrics");
    let (before, begun) = (fs::read(&file).unwrap(), Instant::now());
    while fs::read(&file).unwrap() == before {
        assert!(begun.elapsed() < WRITTEN_MAX, "the metrics are not written while it runs");
        std::thread::sleep(Duration::from_millis(50));
    }
    hearth.kill();
    let mut hearth = start(&home, &[]);
    let third = metrics(&mut hearth);
    assert_eq!(third["starts"], json!(3));
    assert!(count(&third, "input_to_present_us") >= counted, "{counted} and {third}");
    assert!(count(&third, "resident_kib") > 0, "{third}");
    let told = doctor(&home)("metrics");
    assert!(told["detail"].as_str().unwrap().contains("key to frame"), "{told}");
}

#[test]
fn metrics_that_cannot_be_read_are_put_aside_and_said() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    type_some(&mut hearth);
    hearth.call("app.quit", json!({})).ok();
    hearth.ended(IDLE_MAX).unwrap();
    let file = home.profile().join("state/records/metrics");
    let whole = fs::read(&file).unwrap();
    // The version stands behind sixteen bytes that name the format.
    for (at, word) in [(whole.len() / 2, "damaged"), (16, "later Hearth")] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&file, &bytes).unwrap();
        let told = doctor(&home)("metrics");
        assert_eq!(told["ok"], json!(false));
        assert!(told["detail"].as_str().unwrap().contains(word), "{told}");
        let mut hearth = start(&home, &[]);
        assert_eq!(metrics(&mut hearth)["starts"], json!(1));
        home.said("it was put aside").unwrap();
        let aside = fs::read(home.profile().join("state/records/metrics.unread")).unwrap();
        assert_eq!(aside, bytes);
        hearth.call("app.quit", json!({})).ok();
        hearth.ended(IDLE_MAX).unwrap();
    }
}

#[test]
fn whoever_may_connect_reads_the_metrics_but_drives_nothing() {
    let name = "whoever_may_connect_reads_the_metrics_but_drives_nothing";
    let display = match Display::start(800, 600) {
        Ok(display) => display,
        Err(reason) => return tests::skip(name, &reason),
    };
    let home = Home::new().unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", display.name());
    let mut hearth = Instance::start(command, &home).unwrap();
    assert!(hearth.call("app.state", json!({})).is_err());
    assert!(metrics(&mut hearth)["measures"].is_object());
}
