//! A folder that two processes share over QUIC on loopback: how soon one has what the other wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::instance::{Home, Instance, Profile, binary};

use crate::measure::{Figure, Measure};
use crate::samples::Samples;

/// What takes longer is lost.
const LIMIT: Duration = Duration::from_secs(20);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    let rows = &["sync.key.p50", "sync.key.p99", "sync.file.p95"];
    vec![Measure { rows, run }]
}

fn ask(home: &Home, program: &Path, words: &[&str]) -> Result<Value, String> {
    let output = home.command(program).args(words).arg("--json").output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Pairs two homes whose instances run, as people do.
fn pair(here: &Home, there: &Home, program: &Path) -> Result<(), String> {
    let shown = ask(here, program, &["pair", "--show"])?;
    let code = text(&shown, "code");
    let joining = ask(there, program, &["pair", "--join", &code])?;
    let words: Vec<&str> =
        joining["check_words"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let words = words.join(" ");
    ask(there, program, &["pair", "--join", &code, "--confirm", &words])?;
    let begun = Instant::now();
    let id = loop {
        let pending = ask(here, program, &["devices", "pending"])?;
        match pending[0]["id"].as_str() {
            Some(id) => break id.to_owned(),
            None if begun.elapsed() > LIMIT => return Err("nobody came to be admitted".to_owned()),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    ask(here, program, &["devices", "admit", &id, "--words", &words])?;
    while ask(there, program, &["pair", "--join", &code, "--confirm", &words])?["state"]
        != json!("joined")
    {
        if begun.elapsed() > LIMIT {
            return Err("the newcomer did not join".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn run() -> Result<Vec<Figure>, String> {
    let program = binary(Profile::Release)?;
    let (here, there) = (Home::new()?, Home::new()?);
    let mut a = Instance::headless(&program, &here, &[])?;
    let mut b = Instance::headless(&program, &there, &[])?;
    a.wait_idle(LIMIT)?;
    b.wait_idle(LIMIT)?;
    pair(&here, &there, &program)?;
    let (from, to) = (here.beside("work"), there.beside("work"));
    fs::create_dir_all(&from).map_err(|error| error.to_string())?;
    fs::write(from.join("typed.txt"), "one\n").map_err(|error| error.to_string())?;
    fs::write(from.join("saved.txt"), "one\n").map_err(|error| error.to_string())?;
    let path = |path: &PathBuf| path.display().to_string();
    let shared = ask(&here, &program, &["sync", "share", &path(&from)])?;
    ask(&there, &program, &["sync", "join", &text(&shared, "id"), &path(&to)])?;
    let typed = |folder: &Path| folder.canonicalize().map(|it| it.join("typed.txt"));
    a.open(&typed(&from).map_err(|error| error.to_string())?)?;
    b.open(&typed(&to).map_err(|error| error.to_string())?)?;
    a.wait_idle(LIMIT)?;
    b.wait_idle(LIMIT)?;
    let keys = keys(&mut a, &mut b)?;
    let files = files(&from.join("saved.txt"), &to.join("saved.txt"))?;
    Ok(vec![
        Figure::new("sync.key.p50", keys.median()),
        Figure::new("sync.key.p99", keys.percentile(0.99)).beside("max", keys.max()),
        Figure::new("sync.file.p95", files.percentile(0.95)).beside("p50", files.median()),
    ])
}

/// From the call that presses a key until the other's text has it. The call answers when the key
/// is durable here, which is later: what is measured does not wait for that.
fn keys(a: &mut Instance, b: &mut Instance) -> Result<Samples, String> {
    let mut times = Samples::default();
    for round in 0..220 {
        let before = b.text()?.len();
        let start = Instant::now();
        let took = std::thread::scope(|scope| {
            let pressed = scope.spawn(|| a.keys("x"));
            let seen = loop {
                if b.text()?.len() > before {
                    break start.elapsed();
                }
                if start.elapsed() > LIMIT {
                    return Err("a key did not come".to_owned());
                }
            };
            pressed.join().expect("calls answer errors and do not panic")?;
            Ok(seen)
        })?;
        if round >= 20 {
            times.push_ms(took);
        }
        std::thread::sleep(Duration::from_millis(20 + round % 7));
    }
    Ok(times)
}

/// From another program's write until the other disk has it.
fn files(from: &Path, to: &Path) -> Result<Samples, String> {
    let mut times = Samples::default();
    for round in 0..60 {
        let written = format!("one\n{round}\n");
        let start = Instant::now();
        fs::write(from, &written).map_err(|error| error.to_string())?;
        while fs::read_to_string(to).unwrap_or_default() != written {
            if start.elapsed() > LIMIT {
                return Err("a file did not come".to_owned());
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        times.push_ms(start.elapsed());
        std::thread::sleep(Duration::from_millis(60));
    }
    Ok(times)
}
