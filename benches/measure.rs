//! What a measure is, and what comes of running it.

use std::collections::BTreeMap;

/// One experiment; it may give several figures, each a row of the table with a goal of its own.
pub struct Measure {
    /// The full names of the rows that it gives, each of them exactly once.
    pub rows: &'static [&'static str],
    /// The experiment, or in one sentence why it cannot run here.
    pub run: fn() -> Result<Vec<Figure>, String>,
}

/// A measured value.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The row's full name.
    pub row: &'static str,
    /// In the unit that `goals.toml` states.
    pub value: f64,
    /// What else was measured in the same run, in the same unit unless the name says otherwise.
    pub beside: BTreeMap<String, f64>,
}

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The row's full name.
    pub row: &'static str,
    /// The figure, or why there is none.
    pub figure: Result<Figure, String>,
}

impl Figure {
    /// A figure with nothing beside it.
    pub fn new(row: &'static str, value: f64) -> Self {
        Self { row, value, beside: BTreeMap::new() }
    }

    /// The same with `value` beside it under `name`.
    pub fn beside(mut self, name: &str, value: f64) -> Self {
        self.beside.insert(name.to_owned(), value);
        self
    }
}

impl Measure {
    /// Whether any of its rows starts with one of `prefixes`; no prefixes pick everything.
    pub fn matches(&self, prefixes: &[String]) -> bool {
        let picked = |row: &&str| prefixes.iter().any(|prefix| row.starts_with(prefix.as_str()));
        prefixes.is_empty() || self.rows.iter().any(picked)
    }

    /// Runs it, and answers one outcome for each row.
    pub fn outcomes(&self) -> Vec<Outcome> {
        eprintln!("measuring {}", self.rows.join(", "));
        let result = (self.run)();
        let outcome = |row: &'static str| {
            let figure = match &result {
                Err(reason) => Err(reason.clone()),
                Ok(figures) => figures
                    .iter()
                    .find(|figure| figure.row == row && figure.value.is_finite())
                    .cloned()
                    .ok_or_else(|| "the run gave no such figure".to_owned()),
            };
            Outcome { row, figure }
        };
        self.rows.iter().map(|row| outcome(row)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_the_run_leaves_out_is_not_run() {
        let run = || Ok(vec![Figure::new("a.one", 1.0)]);
        let measure = Measure { rows: &["a.one", "a.two"], run };
        let outcomes = measure.outcomes();
        assert!(outcomes[0].figure.is_ok() && outcomes[1].figure.is_err());
        assert!(measure.matches(&["a.t".to_owned()]) && !measure.matches(&["b".to_owned()]));
    }
}
