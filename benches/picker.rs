//! The file picker over many paths.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::instance::{Home, Instance, Profile, binary};

use crate::measure::{Figure, Measure};
use crate::samples::Samples;

const FOLDERS: usize = 1_000;
const FILES_EACH: usize = 100;
const QUERIES: [&str; 6] = ["src17", "m42rs", "f099", "lib5", "a1b2", "note77"];

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["picker.key.p99"], run }]
}

/// Each key is timed from the call until nothing is pending, so the ranking is in it, and two
/// round trips over the socket too.
fn run() -> Result<Vec<Figure>, String> {
    let program = binary(Profile::Release)?;
    let home = Home::new()?;
    let folder = home.beside("many");
    for at in 0..FOLDERS {
        let inner = folder.join(format!("src{}/module_{at}", at % 37));
        fs::create_dir_all(&inner).map_err(|error| error.to_string())?;
        for file in 0..FILES_EACH {
            fs::write(inner.join(format!("note_f{file:03}_{}.rs", at * 31 % 101)), "")
                .map_err(|error| error.to_string())?;
        }
    }
    let mut hearth = Instance::headless(&program, &home, &[&folder])?;
    hearth.wait_idle(Duration::from_secs(60))?;
    hearth.keys("ctrl-p")?;
    hearth.wait_idle(Duration::from_secs(60))?;
    let mut times = Samples::default();
    for round in 0..5 {
        for query in QUERIES {
            for letter in query.chars() {
                let start = Instant::now();
                hearth.call("app.text", json!({"text": letter.to_string()}))?;
                hearth.wait_idle(Duration::from_secs(10))?;
                if round > 0 {
                    times.push_ms(start.elapsed());
                }
            }
            hearth.keys(&vec!["backspace"; query.len()].join(" "))?;
            hearth.wait_idle(Duration::from_secs(10))?;
        }
    }
    let figure = Figure::new("picker.key.p99", times.percentile(0.99));
    Ok(vec![figure.beside("p50", times.median()).beside("max", times.max())])
}
