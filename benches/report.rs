//! The table that a person reads and the JSON that a script reads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::goals::Goals;
use crate::measure::{Figure, Measure, Outcome};

/// Prints the names, goals and meanings of `measures`.
pub fn list(measures: &[&Measure], goals: &Goals) {
    let rows = measures.iter().flat_map(|measure| measure.rows.iter());
    let cells = rows.map(|row| {
        let goal = goals.of(row);
        vec![(*row).to_owned(), bound(goals, row), goal.about.clone(), goal.source.clone()]
    });
    print(&aligned(cells.collect()));
}

/// Prints one aligned table.
pub fn table(outcomes: &[Outcome], goals: &Goals) {
    let titles = ["name", "figure", "unit", "goal", "verdict", "beside"].map(str::to_owned);
    let mut cells = vec![titles.to_vec()];
    cells.extend(outcomes.iter().map(|outcome| cells_of(outcome, goals)));
    print(&aligned(cells));
}

/// Writes the outcomes to `file` as `INTERFACES.md` has them; what was not run has a null value and
/// its reason.
pub fn json(outcomes: &[Outcome], goals: &Goals, file: &Path) -> Result<(), String> {
    let entry = |outcome: &Outcome| {
        let goal = goals.of(outcome.row);
        let mut entry = json!({
            "name": outcome.row, "unit": goal.unit, "better": goal.better.word(),
            "goal": goal.goal, "value": Value::Null, "met": false, "beside": {},
        });
        match &outcome.figure {
            Ok(figure) => {
                entry["value"] = json!(figure.value);
                entry["met"] = json!(goal.met(figure.value));
                entry["beside"] = json!(figure.beside);
            }
            Err(reason) => entry["reason"] = json!(reason),
        }
        entry
    };
    let entries: Vec<_> = outcomes.iter().map(entry).collect();
    let text = serde_json::to_string_pretty(&entries).expect("a JSON value is written as it is");
    fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
}

fn cells_of(outcome: &Outcome, goals: &Goals) -> Vec<String> {
    let goal = goals.of(outcome.row);
    let (figure, verdict, beside) = match &outcome.figure {
        Ok(figure) => {
            let verdict = if goal.met(figure.value) { "met" } else { "missed" };
            (number(figure.value), verdict.to_owned(), besides(figure))
        }
        Err(reason) => ("-".to_owned(), "not run".to_owned(), first_line(reason).to_owned()),
    };
    let row = outcome.row.to_owned();
    vec![row, figure, goal.unit.clone(), bound(goals, outcome.row), verdict, beside]
}

fn bound(goals: &Goals, row: &str) -> String {
    let goal = goals.of(row);
    let sign = if goal.better.word() == "lower" { "<=" } else { ">=" };
    format!("{sign} {}", number(goal.goal))
}

fn besides(figure: &Figure) -> String {
    let pairs = figure.beside.iter().map(|(name, value)| format!("{name} {}", number(*value)));
    pairs.collect::<Vec<_>>().join(", ")
}

fn first_line(reason: &str) -> &str {
    reason.lines().next().unwrap_or_default()
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Pads the columns; the second, a number, to the right. The last one is left as it is.
fn aligned(rows: Vec<Vec<String>>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| match at {
            1 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[expect(clippy::print_stdout, reason = "the report is what standard output is for")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_run_is_never_met() {
        let goals = Goals::read().unwrap();
        let figure = Err("no display\nmore".to_owned());
        let outcomes = [Outcome { row: "idle.frames", figure }];
        let file = tempfile::NamedTempFile::new().unwrap();
        json(&outcomes, &goals, file.path()).unwrap();
        let written: Value = serde_json::from_reader(file.as_file()).unwrap();
        assert_eq!(written[0]["met"], json!(false));
        assert_eq!(written[0]["value"], Value::Null);
        assert_eq!(cells_of(&outcomes[0], &goals)[4..], ["not run", "no display"]);
    }

    #[test]
    fn numbers_line_up() {
        let rows = vec![vec!["a".to_owned(), "1.5".to_owned()], vec!["bb".into(), "10".into()]];
        assert_eq!(aligned(rows), "a   1.5\nbb   10");
    }
}
