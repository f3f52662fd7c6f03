//! What a keystroke costs, as the program counts it: CPU of the UI thread, and time by the clock.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::instance::{Home, Instance, Profile, binary};

use crate::load::Load;
use crate::measure::{Figure, Measure};
use crate::samples::paired;
use crate::source;

/// Longer than any file of these measures takes to parse.
const SETTLE: Duration = Duration::from_secs(60);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["typing.cpu.p50", "typing.cpu.p99"], run: cpu },
        Measure { rows: &["typing.busy.p99"], run: busy },
        Measure { rows: &["screen.page", "screen.dropped"], run: screen },
    ]
}

/// A file of 100,000 lines of Rust in a home of its own.
pub fn large_file(home: &Home) -> Result<PathBuf, String> {
    let path = home.beside("large.rs");
    fs::write(&path, source::of_lines(100_000)).map_err(|error| error.to_string())?;
    Ok(path)
}

/// A headless instance with the large file open, coloured, the cursor in its middle.
fn ready(home: &Home) -> Result<Instance, String> {
    let file = large_file(home)?;
    let mut hearth = Instance::headless(&binary(Profile::Release)?, home, &[&file])?;
    hearth.call("app.resize", json!({"width": 1280, "height": 1080, "scale": 1.0}))?;
    hearth.call("file.open", json!({"path": file, "line": 50_003, "column": 0}))?;
    hearth.wait_idle(SETTLE)?;
    Ok(hearth)
}

/// Types `count` letters, one call each, at a pace that a person cannot reach, and answers what
/// the program counted. Every 40 letters are taken back, so that the line stays a line.
fn type_letters(hearth: &mut Instance, count: usize) -> Result<Value, String> {
    hearth.call("app.frames", json!({"reset": true}))?;
    for at in 0..count {
        hearth.keys(if at % 80 < 40 { "x" } else { "backspace" })?;
        thread::sleep(Duration::from_millis(8));
    }
    let frames = hearth.call("app.frames", json!({"reset": false}))?;
    match frames["frames"].as_u64() {
        Some(drawn) if drawn as usize >= count * 9 / 10 => Ok(frames),
        drawn => Err(format!("{count} keys gave {drawn:?} frames")),
    }
}

/// A time that the program counted, in milliseconds.
fn counted(frames: &Value, which: &str, rank: &str) -> Result<f64, String> {
    let micros = frames[which][rank].as_f64();
    micros.map(|micros| micros / 1e3).ok_or_else(|| format!("app.frames has no {which}.{rank}"))
}

fn cpu() -> Result<Vec<Figure>, String> {
    let home = Home::new()?;
    let mut hearth = ready(&home)?;
    type_letters(&mut hearth, 80)?;
    let frames = type_letters(&mut hearth, 800)?;
    let drawn = frames["frames"].as_f64().unwrap_or_default();
    let p99 = Figure::new("typing.cpu.p99", counted(&frames, "ui_cpu_us", "p99")?);
    Ok(vec![
        Figure::new("typing.cpu.p50", counted(&frames, "ui_cpu_us", "p50")?)
            .beside("frames", drawn),
        p99.beside("max", counted(&frames, "ui_cpu_us", "max")?),
    ])
}

/// Quiet and busy in turns; the figure is the worst of the busy turns.
fn busy() -> Result<Vec<Figure>, String> {
    let home = Home::new()?;
    let hearth = std::cell::RefCell::new(ready(&home)?);
    let turn = || {
        let frames = type_letters(&mut hearth.borrow_mut(), 240)?;
        counted(&frames, "input_to_present_us", "p99")
    };
    turn()?;
    let loaded = || {
        let _load = Load::start()?;
        turn()
    };
    let (quiet, busy) = paired(3, turn, loaded)?;
    Ok(vec![Figure::new("typing.busy.p99", busy.max()).beside("quiet", quiet.max())])
}

/// Pages down 60 times a second for 5 s.
fn screen() -> Result<Vec<Figure>, String> {
    const FRAME: Duration = Duration::from_nanos(16_666_667);
    const PAGES: u32 = 300;
    let home = Home::new()?;
    let mut hearth = ready(&home)?;
    hearth.keys("pagedown pagedown pageup pageup")?;
    hearth.wait_idle(SETTLE)?;
    hearth.call("app.frames", json!({"reset": true}))?;
    let start = Instant::now();
    let mut late = 0_u32;
    for page in 1..=PAGES {
        let asked = Instant::now();
        hearth.keys("pagedown")?;
        late += u32::from(asked.elapsed() > FRAME);
        thread::sleep((FRAME * page).saturating_sub(start.elapsed()));
    }
    let frames = hearth.call("app.frames", json!({"reset": false}))?;
    let drawn = frames["frames"].as_u64().ok_or("app.frames has no frames")?;
    let missing = u64::from(PAGES).saturating_sub(drawn);
    let page = Figure::new("screen.page", counted(&frames, "ui_cpu_us", "p99")?);
    let dropped = missing as f64 + f64::from(late);
    Ok(vec![
        page.beside("p50", counted(&frames, "ui_cpu_us", "p50")?),
        Figure::new("screen.dropped", dropped).beside("late", f64::from(late)),
    ])
}
