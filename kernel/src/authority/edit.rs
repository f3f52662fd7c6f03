//! "Always": the edit of the owner's policy that it means.

use std::path::PathBuf;

use crate::gate::{Fact, Gate, Layer, Line, Request, RuleEffect};
use crate::inbox::Item;

/// An edit of a policy file, to be looked at before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyEdit {
    /// The file.
    pub path: PathBuf,
    /// What it holds now; empty where there is none.
    pub before: String,
    /// What is added at its end.
    pub added: String,
}

impl PolicyEdit {
    /// What the file holds then.
    #[must_use]
    pub fn after(&self) -> String {
        let mut text = self.before.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&self.added);
        text
    }
}

/// The rule that allows what `item` asks from now on: for the same principal, action and resource,
/// up to the same risk, and where it was asked in a trusted folder only in one.
pub(super) fn rule(gate: &Gate, request: &Request<'_>, item: &Item, before: &str) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let number = (1..).find(|number| !before.contains(&format!("\"always-{number}\"")));
    let (_, lines) = gate.explain(request);
    let is_asking = |line: &&Line| line.effect == RuleEffect::Ask && line.miss.is_none();
    let asks: Vec<String> = lines
        .iter()
        .filter(is_asking)
        .map(|line: &Line| quoted(&format!("{}:{}", line.layer.name(), line.rule)))
        .collect();
    let mut text = String::new();
    if !before.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!(
        "# Approved for always in the Inbox; take the rule out to be asked again.\n\
         [[rule]]\nid = \"always-{}\"\neffect = \"permit\"\nprincipal = [{}]\naction = [{}]\n\
         risk = \"L{}\"\nresource = [{}]\n",
        number.expect("numbers do not end"),
        quoted(&item.principal),
        quoted(&item.action),
        item.tier,
        quoted(&item.resource),
    ));
    if item.facts.contains(&Fact::Trusted) {
        text.push_str("when = [\"trusted\"]\n");
    }
    if !item.facts.contains(&Fact::Production) {
        text.push_str("unless = [\"production\"]\n");
    }
    text.push_str(&format!("answers = [{}]\n", asks.join(", ")));
    text
}

/// The layer that it is written to.
pub(super) const LAYER: Layer = Layer::User;
