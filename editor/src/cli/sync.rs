//! `hearth sync`: folders that devices share.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::invocation::{Form, Usage, Words};
use super::line;
use crate::directories::Directories;
use crate::instance;
use crate::registry::{Fault, path_to_json};

/// A first copy of a large folder takes its time.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What is asked of shared folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncAsk {
    /// `share PATH`
    Share(PathBuf),
    /// `join ID PATH`
    Join(String, PathBuf),
    /// `status`
    Status,
}

/// Reads what is asked.
///
/// # Errors
/// What is wrong with the words.
pub(super) fn ask(words: Words) -> Result<SyncAsk, Usage> {
    let mut rest = words.end(3)?.into_iter();
    let needs = || "`hearth sync` knows share PATH, join ID PATH and status.".to_owned();
    let verb = rest.next().map(|word| word.to_string_lossy().into_owned());
    let ask = match (verb.as_deref(), rest.next(), rest.next()) {
        (None | Some("status"), None, None) => SyncAsk::Status,
        (Some("share"), Some(path), None) => SyncAsk::Share(path.into()),
        (Some("join"), Some(id), Some(path)) => {
            SyncAsk::Join(id.to_string_lossy().into_owned(), path.into())
        }
        _ => return Err(needs()),
    };
    Ok(ask)
}

pub(super) fn run(directories: &Directories, ask: &SyncAsk, form: Form) -> Result<String, Fault> {
    let client = instance::find(directories)?.ok_or_else(|| {
        Fault::state("Hearth does not run: start it, or `hearth --headless` without a window.")
    })?;
    let absolute = |path: &Path| -> Result<Value, Fault> {
        let path =
            std::path::absolute(path).map_err(|error| Fault::file("Reading", path, &error))?;
        Ok(path_to_json(&path))
    };
    let answer = match ask {
        SyncAsk::Share(path) => {
            client.call("sync.share", json!({ "path": absolute(path)? }), TIMEOUT)?
        }
        SyncAsk::Join(id, path) => {
            let arguments = json!({ "id": id, "path": absolute(path)? });
            client.call("sync.join", arguments, TIMEOUT)?
        }
        SyncAsk::Status => client.call("sync.status", json!({}), TIMEOUT)?,
    };
    Ok(match form {
        Form::Json => line(&answer),
        _ => text(ask, &answer),
    })
}

fn text(ask: &SyncAsk, answer: &Value) -> String {
    let word = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
    match ask {
        SyncAsk::Share(_) => format!(
            "{} is shared. On another device: hearth sync join {} FOLDER\n",
            word(answer, "path"),
            word(answer, "id")
        ),
        SyncAsk::Join(..) => format!(
            "{} has {} files now; {} were merged, {} of yours are kept beside them.\n",
            word(answer, "path"),
            answer["files"],
            answer["merged"],
            answer["branched"]
        ),
        SyncAsk::Status => status(answer),
    }
}

fn status(answer: &Value) -> String {
    let workspaces = answer["workspaces"].as_array().cloned().unwrap_or_default();
    if workspaces.is_empty() {
        return "No folder is shared: `hearth sync share FOLDER` shares one.\n".to_owned();
    }
    let mut text = String::new();
    for workspace in workspaces {
        let name = workspace["path"].as_str().unwrap_or_default();
        let id = workspace["id"].as_str().unwrap_or_default();
        text.push_str(&format!("{name}\n    {id}, {} files\n", workspace["files"]));
        for peer in workspace["peers"].as_array().into_iter().flatten() {
            let device = peer["device"].as_str().unwrap_or_default().get(..16).unwrap_or_default();
            let online = if peer["online"] == true { "online" } else { "away" };
            let lag = match peer["lag_ops"].as_u64() {
                Some(0) | None => "has everything".to_owned(),
                Some(lag) => format!("lacks {lag} edits"),
            };
            text.push_str(&format!("    {device}  {online}, {lag}\n"));
        }
    }
    text
}
