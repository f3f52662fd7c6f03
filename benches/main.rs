//! Measurements of the whole and of its rooms, against the goals in `goals.toml`.
//!
//! `cargo run --release -p benches` runs all and prints one table; `-- NAME...` picks those whose
//! names start so, `--json FILE` also writes them, `--list` names them. A figure without a goal is
//! an error, and so is a goal that nothing measures; what cannot run says why and is never met.

mod clock;
mod coloring;
mod eye;
mod gate;
mod goals;
mod ledger;
mod load;
mod measure;
mod merging;
mod neighbours;
mod objects;
mod opening;
mod picker;
mod pixels;
mod report;
mod resting;
mod rows;
mod runs;
mod samples;
mod sharing;
mod source;
mod start;
mod trace;
mod typing;

use std::path::PathBuf;
use std::process::ExitCode;

use goals::Goals;
use measure::{Measure, Outcome};

/// What the command line asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    prefixes: Vec<String>,
    json: Option<PathBuf>,
    list: bool,
}

fn wanted(arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => {
                let file = arguments.next().ok_or("--json needs the name of a file")?;
                wanted.json = Some(file.into());
            }
            "--list" => wanted.list = true,
            option if option.starts_with("--") => return Err(format!("no option {option}")),
            prefix => wanted.prefixes.push(prefix.to_owned()),
        }
    }
    Ok(wanted)
}

fn all() -> Vec<Measure> {
    let rooms = [
        typing::measures,
        pixels::measures,
        start::measures,
        resting::measures,
        opening::measures,
        trace::measures,
        merging::measures,
        coloring::measures,
        picker::measures,
        gate::measures,
        ledger::measures,
        objects::measures,
        rows::measures,
        runs::measures,
        sharing::measures,
    ];
    rooms.iter().flat_map(|measures| measures()).collect()
}

fn run() -> Result<(), String> {
    let wanted = wanted(std::env::args().skip(1))?;
    let goals = Goals::read()?;
    let all = all();
    goals.cover(all.iter().flat_map(|measure| measure.rows.iter().copied()))?;
    let picked: Vec<_> = all.iter().filter(|measure| measure.matches(&wanted.prefixes)).collect();
    if picked.is_empty() {
        return Err(format!("nothing is named {}", wanted.prefixes.join(", ")));
    }
    if wanted.list {
        report::list(&picked, &goals);
        return Ok(());
    }
    let outcomes: Vec<Outcome> = picked.iter().flat_map(|measure| measure.outcomes()).collect();
    report::table(&outcomes, &goals);
    match wanted.json {
        Some(file) => report::json(&outcomes, &goals, &file),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    match runs::child().unwrap_or_else(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_goal_and_every_goal_a_row() {
        let all = all();
        Goals::read().unwrap().cover(all.iter().flat_map(|m| m.rows.iter().copied())).unwrap();
    }

    #[test]
    fn arguments_are_prefixes_unless_they_are_options() {
        let wanted = wanted(["text", "--json", "f", "x"].map(str::to_owned).into_iter()).unwrap();
        assert_eq!(wanted.prefixes, ["text", "x"]);
        assert_eq!(wanted.json, Some("f".into()));
        assert!(super::wanted(["--jsno".to_owned()].into_iter()).is_err());
    }
}
