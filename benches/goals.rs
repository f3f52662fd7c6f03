//! The goals, as `goals.toml` states them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// At most the goal.
    Lower,
    /// At least the goal.
    Higher,
}

impl Better {
    /// The word that the JSON uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// What a row is held to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// What the figure counts.
    pub unit: String,
    /// Which way is good.
    pub better: Better,
    /// The bound, in `unit`.
    pub goal: f64,
    /// What is measured, in one sentence.
    pub about: String,
    /// Where the bound comes from.
    pub source: String,
}

impl Goal {
    /// Whether `value` is good enough.
    pub fn met(&self, value: f64) -> bool {
        match self.better {
            Better::Lower => value <= self.goal,
            Better::Higher => value >= self.goal,
        }
    }
}

/// All goals, by the row's full name.
#[derive(Debug)]
pub struct Goals(BTreeMap<String, Goal>);

impl Goals {
    /// Reads the goals that were built in.
    pub fn read() -> Result<Self, String> {
        let goals = toml::from_str(include_str!("goals.toml"));
        goals.map(Self).map_err(|error| format!("goals.toml: {error}"))
    }

    /// The goal of a row that [`Goals::cover`] has seen.
    pub fn of(&self, row: &str) -> &Goal {
        self.0.get(row).expect("rows without a goal end the run before it starts")
    }

    /// That rows and goals are the same set.
    pub fn cover<'a>(&self, rows: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let rows: BTreeSet<_> = rows.collect();
        let goals: BTreeSet<_> = self.0.keys().map(String::as_str).collect();
        match (rows.difference(&goals).next(), goals.difference(&rows).next()) {
            (Some(row), _) => Err(format!("{row} has no goal in goals.toml")),
            (_, Some(goal)) => Err(format!("nothing measures {goal} of goals.toml")),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_goal_and_an_unmeasured_one_are_errors() {
        let goals = Goals::read().unwrap();
        assert!(goals.cover(["no.such"].into_iter()).is_err());
        assert!(goals.cover([].into_iter()).is_err());
    }

    #[test]
    fn the_bound_itself_is_met() {
        let goal = |better| Goal {
            unit: String::new(),
            better,
            goal: 0.0,
            about: String::new(),
            source: String::new(),
        };
        assert!(goal(Better::Lower).met(0.0) && !goal(Better::Lower).met(1.0));
        assert!(goal(Better::Higher).met(0.0) && !goal(Better::Higher).met(-1.0));
    }
}
