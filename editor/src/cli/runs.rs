//! `hearth runs`: work in steps that outlives the program.

use kernel::ledger::Time;
use kernel::run::Try;
use serde_json::{Value, json};

use super::asks::RunsAsk;
use super::invocation::Form;
use super::ledger::utc;
use super::line;
use super::reach::{Reach, Wish};
use crate::directories::Directories;
use crate::registry::{Fault, path_to_json};
use crate::timeline::{self, Timeline};

/// Columns of a line of times.
const COLUMNS: usize = 40;

pub(super) fn run(directories: &Directories, ask: &RunsAsk, form: Form) -> Result<String, Fault> {
    let wish = match ask {
        RunsAsk::Start { .. } | RunsAsk::Resume(_) | RunsAsk::Cancel(_) => Wish::Word,
        _ => Wish::Look,
    };
    let reach = Reach::open(directories, wish)?;
    let (answer, text) = match ask {
        RunsAsk::List => {
            let runs = reach.ask("run.list", Value::Null)?;
            let text = list(&runs);
            (runs, text)
        }
        RunsAsk::Start { plan, principal } => {
            let path = std::path::absolute(plan).unwrap_or_else(|_| plan.clone());
            let arguments = json!({ "path": path_to_json(&path), "as": principal });
            let answer = reach.ask("run.start", arguments)?;
            let text = format!("Run {} {}.\n", word(&answer, "id"), word(&answer, "state"));
            (answer, text)
        }
        RunsAsk::Show(run) => {
            let answer = reach.ask("run.show", json!({ "id": run }))?;
            let text = card(&answer);
            (answer, text)
        }
        RunsAsk::Why { run, step } => {
            let answer = reach.ask("run.why", json!({ "id": run, "step": step }))?;
            let text = why(&answer);
            (answer, text)
        }
        RunsAsk::Logs { run, step } => logs(&reach, *run, step.as_deref())?,
        RunsAsk::Resume(run) => {
            let answer = reach.ask("run.resume", json!({ "id": run }))?;
            let text = format!("Run {run}: {}.\n", word(&answer, "state"));
            (answer, text)
        }
        RunsAsk::Cancel(run) => {
            let state = reach.ask("run.cancel", json!({ "id": run }))?;
            let text = format!("Run {run}: {}.\n", state.as_str().unwrap_or_default());
            (json!({ "id": run.to_string(), "state": state }), text)
        }
    };
    Ok(match form {
        Form::Json => line(&answer),
        _ => text,
    })
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list(runs: &Value) -> String {
    let runs = runs.as_array().map(Vec::as_slice).unwrap_or_default();
    if runs.is_empty() {
        return "There are no runs yet.\n".to_owned();
    }
    let mut text = String::new();
    for run in runs {
        let steps = &run["steps"];
        let (id, state) = (word(run, "id"), word(run, "state"));
        let steps = format!("{} of {}", steps["done"], steps["total"]);
        text.push_str(&format!("{id:>5}  {state:<10}  {steps:<14}  {}\n", word(run, "name")));
    }
    text
}

fn card(run: &Value) -> String {
    let mut text = format!(
        "run    {} {}\nstate  {}: {}\nfor    {}\n\n",
        word(run, "id"),
        word(run, "name"),
        word(run, "state"),
        word(run, "reason"),
        word(run, "principal")
    );
    let steps = run["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    for step in steps {
        let (name, state) = (word(step, "name"), word(step, "state"));
        text.push_str(&format!("{name:<20}  {state:<10}  {}\n", word(step, "reason")));
    }
    text.push_str(&times(run, steps));
    text
}

/// When each step was tried, on one line that all of them share.
fn times(run: &Value, steps: &[Value]) -> String {
    let tries = |step: &Value| -> Vec<Try> {
        serde_json::from_value(step["tries"].clone()).unwrap_or_default()
    };
    let all: Vec<(&str, Vec<Try>)> =
        steps.iter().map(|step| (word(step, "name"), tries(step))).collect();
    let Some(first) = all.iter().flat_map(|(_, tries)| tries).map(|it| it.started_ms).min() else {
        return String::new();
    };
    let every = all.iter().flat_map(|(_, tries)| tries);
    let line = Timeline::over(every, run["ended_ms"].as_u64(), Time::now().0);
    let mut text = format!("\n{}, {}\n", utc(first), timeline::took(line.length_ms()));
    for (name, tries) in &all {
        let drawn = timeline::drawn(&line.stretches(tries), COLUMNS);
        let told: Vec<String> = tries
            .iter()
            .map(|it| match it.took_ms {
                Some(ms) => format!("{} {}", timeline::end_word(it.end), timeline::took(ms)),
                None => timeline::end_word(it.end).to_owned(),
            })
            .collect();
        text.push_str(&format!("{name:<20}  {drawn}  {}\n", told.join(", ")));
    }
    text
}

fn why(step: &Value) -> String {
    let mut text = format!(
        "step   {}\ndoes   {} (version {})\nstate  {}: {}\ntries  {}\n",
        word(step, "name"),
        word(step, "action"),
        step["version"],
        word(step, "state"),
        word(step, "reason"),
        step["attempts"],
    );
    if let Some(identity) = step["identity"].as_str() {
        text.push_str(&format!("is     {identity}\n"));
    }
    for (title, name) in [("takes", "inputs"), ("gave", "outputs")] {
        for (key, digest) in step[name].as_object().into_iter().flatten() {
            let digest = digest.as_str().unwrap_or_default();
            text.push_str(&format!("{title:<7}{key}  {digest}\n"));
        }
    }
    text
}

/// What one step printed, or all of them under their names.
fn logs(reach: &Reach, run: u64, step: Option<&str>) -> Result<(Value, String), Fault> {
    let read = |step: &str| -> Result<String, Fault> {
        let answer = reach.ask("run.logs", json!({ "id": run, "step": step }))?;
        Ok(word(&answer, "log").to_owned())
    };
    if let Some(step) = step {
        let log = read(step)?;
        return Ok((json!({ step: log }), log));
    }
    let shown = reach.ask("run.show", json!({ "id": run }))?;
    let (mut all, mut text) = (json!({}), String::new());
    for step in shown["steps"].as_array().into_iter().flatten() {
        let name = word(step, "name");
        let log = read(name)?;
        if !log.is_empty() {
            text.push_str(&format!("== {name}\n{}\n", log.trim_end()));
        }
        all[name] = Value::from(log);
    }
    Ok((all, text))
}
