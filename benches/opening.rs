//! A large file opened in a window that is already there.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};

use crate::eye::{Eye, colour, ink};
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source;
use crate::start::{TEXT_INK, middle};

/// The part of the middle of the window that is coloured once a Rust file is.
const CODE_COLOUR: f64 = 0.01;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["open.first", "open.colored"], run }]
}

/// Five homes, each opening the file for the first time on a first page without text.
fn run() -> Result<Vec<Figure>, String> {
    let program = binary(Profile::Release)?;
    let text = source::of_bytes(10_000_000);
    let (mut first, mut colored) = (Samples::default(), Samples::default());
    let mut idle = Samples::default();
    for _ in 0..5 {
        let display = Display::start(1600, 1000)?;
        let home = Home::new()?;
        let folder = home.beside("folder");
        let file = folder.join("ten.rs");
        fs::create_dir(&folder).map_err(|error| error.to_string())?;
        fs::write(&file, &text).map_err(|error| error.to_string())?;
        let mut hearth = Instance::windowed(&program, &home, display.name(), &[&folder])?;
        hearth.wait_idle(Duration::from_secs(20))?;
        let eye = Eye::open(display.name())?;
        let (_, area) = eye.window(Duration::from_secs(20))?;
        let before = eye.image(middle(area))?;
        if ink(&before) > TEXT_INK || colour(&before) > CODE_COLOUR {
            return Err("the first page is too full to tell a file from it".to_owned());
        }
        let start = Instant::now();
        // The answer may come after the first screen, so the screen is watched meanwhile.
        let limit = Duration::from_secs(20);
        let (seen, coloured, settled) = std::thread::scope(|scope| {
            let settled = scope.spawn(move || {
                hearth.call("file.open", json!({"path": file}))?;
                hearth.wait_idle(Duration::from_secs(60))?;
                Ok::<_, String>((start.elapsed(), hearth))
            });
            let seen = eye.until(start, middle(area), limit, |now| ink(now) > TEXT_INK);
            let coloured = eye.until(start, middle(area), limit, |now| colour(now) > CODE_COLOUR);
            (seen, coloured, settled.join().expect("calls answer errors and do not panic"))
        });
        first.push_ms(seen?);
        colored.push_ms(coloured?);
        idle.push_ms(settled?.0);
    }
    Ok(vec![
        Figure::new("open.first", first.median()).beside("max", first.max()),
        Figure::new("open.colored", colored.median())
            .beside("max", colored.max())
            .beside("until nothing pends", idle.median()),
    ])
}
