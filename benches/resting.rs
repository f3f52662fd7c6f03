//! What the program costs while nobody does anything.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};

use crate::clock::{memory, process_cpu};
use crate::measure::{Figure, Measure};
use crate::source;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["idle.frames", "idle.cpu"], run: idle },
        Measure { rows: &["memory.empty"], run: empty },
    ]
}

fn idle() -> Result<Vec<Figure>, String> {
    let display = Display::start(1600, 1000)?;
    let home = Home::new()?;
    let file = home.beside("idle.rs");
    fs::write(&file, source::of_lines(2_000)).map_err(|error| error.to_string())?;
    let program = binary(Profile::Release)?;
    let mut hearth = Instance::windowed(&program, &home, display.name(), &[&file])?;
    display.focus(hearth.pid())?;
    hearth.wait_idle(Duration::from_secs(20))?;
    thread::sleep(Duration::from_secs(2));
    hearth.call("app.frames", json!({"reset": true}))?;
    // Let the answer's own cost settle before the clock is read.
    thread::sleep(Duration::from_millis(100));
    let (start, before) = (Instant::now(), process_cpu(hearth.pid())?);
    thread::sleep(Duration::from_secs(10));
    let (after, elapsed) = (process_cpu(hearth.pid())?, start.elapsed());
    let frames = hearth.call("app.frames", json!({"reset": false}))?;
    let drawn = frames["frames"].as_f64().ok_or("app.frames has no frames")?;
    let share = (after - before).as_secs_f64() / elapsed.as_secs_f64() * 100.0;
    Ok(vec![Figure::new("idle.frames", drawn), Figure::new("idle.cpu", share)])
}

fn empty() -> Result<Vec<Figure>, String> {
    let display = Display::start(1600, 1000)?;
    let home = Home::new()?;
    let folder = home.beside("empty");
    fs::create_dir(&folder).map_err(|error| error.to_string())?;
    let program = binary(Profile::Release)?;
    let mut hearth = Instance::windowed(&program, &home, display.name(), &[&folder])?;
    hearth.wait_idle(Duration::from_secs(20))?;
    thread::sleep(Duration::from_secs(2));
    let renderer = hearth.call("app.state", json!({}))?["renderer"].take();
    if renderer != json!("cpu") {
        return Err(format!("the renderer is {renderer}, not the CPU's"));
    }
    let resident = memory(hearth.pid(), "VmRSS")?;
    let anonymous = memory(hearth.pid(), "RssAnon")?;
    Ok(vec![Figure::new("memory.empty", resident).beside("anonymous", anonymous)])
}
