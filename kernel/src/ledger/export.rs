//! Entries as lines of text. No field needs escaping: each is a number, a hash or of a grammar.

use serde_json::json;

use super::entry::Entry;
use crate::principal::Name;

/// The columns of [`csv`], in order.
pub const CSV_HEADER: &str = "index,time_ms,trace,actor,action,subject,decision,rule,evidence";

/// The entry as one JSON object, without a line end.
#[must_use]
pub fn json(index: u64, entry: &Entry) -> String {
    json!({
        "index": index,
        "time_ms": entry.time.0,
        "trace": entry.trace.to_string(),
        "actor": entry.actor.to_string(),
        "action": entry.action.as_str(),
        "subject": entry.subject.map(|subject| subject.to_string()),
        "decision": entry.decision.name(),
        "rule": entry.rule.as_ref().map(Name::as_str),
        "evidence": entry.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
    .to_string()
}

/// The entry as a row under [`CSV_HEADER`], without a line end; evidence is separated by spaces.
#[must_use]
pub fn csv(index: u64, entry: &Entry) -> String {
    let evidence: Vec<String> = entry.evidence.iter().map(ToString::to_string).collect();
    [
        index.to_string(),
        entry.time.0.to_string(),
        entry.trace.to_string(),
        entry.actor.to_string(),
        entry.action.to_string(),
        entry.subject.map(|subject| subject.to_string()).unwrap_or_default(),
        entry.decision.name().to_owned(),
        entry.rule.as_ref().map(ToString::to_string).unwrap_or_default(),
        evidence.join(" "),
    ]
    .join(",")
}
