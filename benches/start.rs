//! From the start of the process to text on the screen.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tests::display::Display;
use tests::instance::{Home, Profile, binary};

use crate::eye::{Area, Eye, ink};
use crate::measure::{Figure, Measure};
use crate::neighbours::{self, End};
use crate::samples::Samples;
use crate::source;

/// The share of pixels that text covers at least, and that a bare window with its bars does not.
pub const TEXT_INK: f64 = 0.03;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["start.text"], run }]
}

/// The middle of a window, which its text fills, and no bar or panel.
pub fn middle(window: Area) -> Area {
    Area {
        x: window.x + (window.width / 4) as i16,
        y: window.y + (window.height / 4) as i16,
        width: window.width / 4,
        height: window.height / 2,
    }
}

/// One start that does not count, then eleven that do, each with a home of its own whose profile
/// exists already, as on every day but the first.
fn run() -> Result<Vec<Figure>, String> {
    let program = binary(Profile::Release)?;
    let display = Display::start(1600, 1000)?;
    let home = Home::new()?;
    let file = home.beside("start.rs");
    fs::write(&file, source::of_lines(2_000)).map_err(|error| error.to_string())?;
    let mut times = Samples::default();
    for round in 0..12 {
        let eye = Eye::open(display.name())?;
        let mut command = home.command(&program);
        command.env("DISPLAY", display.name()).arg(&file);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().map_err(|error| format!("hearth: {error}"))?;
        let _end = End(child);
        let limit = Duration::from_secs(20);
        let (_, area) = eye.window(limit)?;
        let time = eye.until(start, middle(area), limit, |image| ink(image) > TEXT_INK)?;
        if round > 0 {
            times.push_ms(time);
        }
    }
    let least = times.percentile(0.0);
    let own = Figure::new("start.text", times.median());
    let own = own.beside("min", least).beside("max", times.max());
    let others: Vec<_> = neighbours::installed()
        .iter()
        .map(|it| (it.name, it.text(&home, display.name(), &file)))
        .collect();
    Ok(vec![neighbours::beside(own, &others)])
}
