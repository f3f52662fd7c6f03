//! From a key to a changed pixel, in a real window, by the clock.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};

use crate::eye::{Area, Eye, changed_rows};
use crate::load::Load;
use crate::measure::{Figure, Measure};
use crate::neighbours::{self, Neighbour};
use crate::samples::Samples;
use crate::typing::large_file;

const LETTER: u32 = 0x78;
const BACKSPACE: u32 = 0xff08;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    let rows = &["pixels.quiet.p50", "pixels.quiet.p99", "pixels.busy.p99"];
    vec![Measure { rows, run }]
}

/// Quiet and busy in turns, three times 120 keys each.
fn run() -> Result<Vec<Figure>, String> {
    let display = Display::start(1600, 1000)?;
    let home = Home::new()?;
    let file = large_file(&home)?;
    let program = binary(Profile::Release)?;
    let mut hearth = Instance::windowed(&program, &home, display.name(), &[&file])?;
    let eye = Eye::open(display.name())?;
    let (window, area) = eye.window(Duration::from_secs(20))?;
    eye.focus(window)?;
    hearth.call("file.open", json!({"path": file, "line": 50_003, "column": 0}))?;
    hearth.wait_idle(Duration::from_secs(60))?;
    let Turns { quiet, busy } = turns(&eye, area, 3)?;
    drop(hearth);
    let others: Vec<_> = neighbours::installed()
        .iter()
        .map(|it| (it.name, neighbour(it, &home, display.name(), &file)))
        .collect();
    let those = |of: fn(&Turns) -> f64| -> Vec<_> {
        others.iter().map(|(name, it)| (*name, it.as_ref().map(of).map_err(Clone::clone))).collect()
    };
    let p50 = Figure::new("pixels.quiet.p50", quiet.median());
    let p99 = Figure::new("pixels.quiet.p99", quiet.percentile(0.99)).beside("max", quiet.max());
    let busy = Figure::new("pixels.busy.p99", busy.percentile(0.99))
        .beside("p50", busy.median())
        .beside("max", busy.max());
    Ok(vec![
        neighbours::beside(p50, &those(|it| it.quiet.median())),
        neighbours::beside(p99, &those(|it| it.quiet.percentile(0.99))),
        neighbours::beside(busy, &those(|it| it.busy.percentile(0.99))),
    ])
}

/// What keys took, with nothing beside and with both cores busy.
struct Turns {
    quiet: Samples,
    busy: Samples,
}

fn turns(eye: &Eye, window: Area, rounds: usize) -> Result<Turns, String> {
    let line = line_of_the_cursor(eye, window)?;
    let (mut quiet, mut busy) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        keys(eye, line, &mut quiet)?;
        let _load = Load::start()?;
        keys(eye, line, &mut busy)?;
    }
    Ok(Turns { quiet, busy })
}

/// Another editor with the same file and keys, at its start, which all of them can do.
fn neighbour(it: &Neighbour, home: &Home, display: &str, file: &Path) -> Result<Turns, String> {
    let eye = Eye::open(display)?;
    let (_end, area) = it.open(home, display, &eye, file, 50_004)?;
    turns(&eye, area, 1)
}

/// The strip of the window in which a letter shows: the first rows that the second letter changes,
/// since the first one may also mark the tab as changed.
fn line_of_the_cursor(eye: &Eye, window: Area) -> Result<Area, String> {
    let pause = Duration::from_millis(300);
    eye.press(LETTER)?;
    thread::sleep(pause);
    let before = eye.image(window)?;
    eye.press(LETTER)?;
    thread::sleep(pause);
    let after = eye.image(window)?;
    for _ in 0..2 {
        eye.press(BACKSPACE)?;
    }
    thread::sleep(pause);
    let rows = changed_rows(window, &before, &after);
    rows.first().copied().ok_or_else(|| "a key changed nothing in the window".to_owned())
}

fn keys(eye: &Eye, line: Area, times: &mut Samples) -> Result<(), String> {
    for at in 0..120 {
        let key = if at % 60 < 30 { LETTER } else { BACKSPACE };
        times.push_ms(eye.press_until_changed(key, line)?);
        thread::sleep(Duration::from_millis(20 + at % 7));
    }
    Ok(())
}
