//! `hearth inbox`: what waits for its owner's word.

use serde_json::{Value, json};

use super::asks::InboxAsk;
use super::invocation::Form;
use super::ledger::utc;
use super::line;
use super::reach::{Reach, Wish, confirm};
use crate::directories::Directories;
use crate::registry::Fault;

pub(super) fn run(directories: &Directories, ask: &InboxAsk, form: Form) -> Result<String, Fault> {
    let wish = match ask {
        InboxAsk::List | InboxAsk::Show(_) => Wish::Look,
        InboxAsk::Approve { .. } | InboxAsk::Deny(_) => Wish::Word,
    };
    let reach = Reach::open(directories, wish)?;
    let (answer, text) = match ask {
        InboxAsk::List => {
            let items = reach.ask("inbox.list", Value::Null)?;
            let text = list(&items);
            (items, text)
        }
        InboxAsk::Show(item) => {
            let item = reach.ask("inbox.show", json!({ "id": item }))?;
            let text = card(&item);
            (item, text)
        }
        InboxAsk::Approve { item, scope } => approve(&reach, *item, scope)?,
        InboxAsk::Deny(item) => {
            let answer = reach.ask("inbox.deny", json!({ "id": item }))?;
            (answer, format!("Item {item} is denied, and is not asked again.\n"))
        }
    };
    Ok(match form {
        Form::Json => line(&answer),
        _ => text,
    })
}

/// Shows what is approved before it is.
fn approve(reach: &Reach, item: u64, scope: &str) -> Result<(Value, String), Fault> {
    let shown = reach.ask("inbox.show", json!({ "id": item }))?;
    let mut question = card(&shown);
    let mut arguments = json!({ "id": item, "for": scope });
    if scope == "always" {
        let edit = &shown["always"];
        if let Some(why) = edit["refused"].as_str() {
            return Err(Fault::state(format!("It cannot be approved always: {why}.")));
        }
        let path = edit["path"].as_str().unwrap_or("your policy");
        question.push_str(&format!(
            "\nThis is added to {path}:\n\n{}\n",
            edit["added"].as_str().unwrap_or_default().trim()
        ));
        arguments["edit"] = edit.clone();
    }
    let word = match scope {
        "once" => "Approve it once?",
        "session" => "Approve it until Hearth ends?",
        _ => "Write that and approve it always?",
    };
    if !confirm(&format!("{question}\n{word}"))? {
        return Err(Fault::cancelled("Nothing was approved."));
    }
    let answer = reach.ask("inbox.approve", arguments)?;
    Ok((answer, format!("Item {item} is approved ({scope}).\n")))
}

fn list(items: &Value) -> String {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_open = |item: &&Value| item["state"] == "open";
    if !items.iter().any(|item| is_open(&item)) {
        return "Nothing waits for you.\n".to_owned();
    }
    let word = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    for item in items.iter().filter(is_open) {
        text.push_str(&format!(
            "{:>5}  {}  {}  {}  {}\n",
            item["id"].to_string(),
            word(item, "risk"),
            word(item, "principal"),
            word(item, "action"),
            word(item, "resource"),
        ));
    }
    text
}

fn card(item: &Value) -> String {
    let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    let rows = [
        ("item", item["id"].to_string()),
        ("state", word("state")),
        ("who", word("principal")),
        ("what", word("action")),
        ("to", word("resource")),
        ("risk", word("risk")),
        ("why", format!("{} ({})", word("reason"), word("rule"))),
        ("from", word("origin")),
        ("until", utc(item["expires_ms"].as_u64().unwrap_or(0))),
    ];
    for (name, value) in rows {
        text.push_str(&format!("{name:<7}{value}\n"));
    }
    if let Some(diff) = item["diff"].as_str() {
        text.push_str(&format!("\n{}\n", diff.trim_end()));
    }
    text
}
