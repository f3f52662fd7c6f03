//! `hearth pair` and `hearth devices`.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::invocation::{Form, Usage, Words};
use super::reach::{Reach, Wish, confirm};
use super::{line, print};
use crate::directories::Directories;
use crate::registry::Fault;

/// Bytes of a picture at most.
const PICTURE_BYTES_MAX: u64 = 64 << 20;
/// How often a terminal looks whether somebody came.
const LOOK: Duration = Duration::from_millis(500);
/// How long a terminal waits to be admitted.
const ADMISSION: Duration = Duration::from_secs(600);

/// What is asked of pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairAsk {
    /// `--show`
    Show {
        /// What this device calls itself.
        name: Option<String>,
    },
    /// `--join CODE`
    Join {
        /// The code, or a picture of it.
        code: String,
        /// Where the other is, for a typed code.
        at: Option<String>,
        /// What this device calls itself.
        name: Option<String>,
        /// `--confirm "w w w w"`
        words: Option<String>,
    },
}

/// What is asked of the devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DevicesAsk {
    /// Nothing more, or `list`.
    List,
    /// `pending`
    Pending,
    /// `admit ID --words "w w w w"`
    Admit {
        /// Who.
        id: String,
        /// The words on its screen.
        words: String,
    },
    /// `refuse ID`
    Refuse(String),
    /// `remove ID`
    Remove(String),
    /// `rename ID NAME`
    Rename {
        /// Who.
        id: String,
        /// Its name from now on.
        name: String,
    },
}

pub(super) fn pair(mut words: Words) -> Result<PairAsk, Usage> {
    let (name, at) = (words.value("--name")?, words.value("--at")?);
    let (join, confirmed) = (words.value("--join")?, words.value("--confirm")?);
    let show = words.take("--show");
    words.end(0)?;
    match (show, join) {
        (true, None) if at.is_none() && confirmed.is_none() => Ok(PairAsk::Show { name }),
        (false, Some(code)) => Ok(PairAsk::Join { code, at, name, words: confirmed }),
        (true, None) => Err("--at and --confirm belong to `hearth pair --join`.".to_owned()),
        _ => Err("`hearth pair` takes --show, or --join with a code.".to_owned()),
    }
}

pub(super) fn devices(mut words: Words) -> Result<DevicesAsk, Usage> {
    let said = words.value("--words")?;
    let mut rest = words.end(3)?.into_iter().map(|word| {
        word.into_string().map_err(|_| "`hearth devices` takes plain text.".to_owned())
    });
    let Some(name) = rest.next().transpose()? else { return Ok(DevicesAsk::List) };
    let mut id = || {
        let id = rest.next().transpose()?;
        id.ok_or("It needs the device's id; `hearth devices` lists them.".to_owned())
    };
    let ask = match name.as_str() {
        "list" => DevicesAsk::List,
        "pending" => DevicesAsk::Pending,
        "admit" => DevicesAsk::Admit {
            id: id()?,
            words: said.clone().ok_or("Write the four words on its screen after --words.")?,
        },
        "refuse" => DevicesAsk::Refuse(id()?),
        "remove" => DevicesAsk::Remove(id()?),
        "rename" => DevicesAsk::Rename { id: id()?, name: id()? },
        _ => {
            return Err("`hearth devices` knows list, pending, admit, refuse, remove and rename."
                .to_owned());
        }
    };
    if said.is_some() && !matches!(ask, DevicesAsk::Admit { .. }) {
        return Err("--words belongs to `hearth devices admit`.".to_owned());
    }
    match rest.next().transpose()? {
        Some(more) => Err(format!("`hearth devices {name}` does not take \"{more}\".")),
        None => Ok(ask),
    }
}

pub(super) fn run_pair(
    directories: &Directories,
    ask: &PairAsk,
    form: Form,
) -> Result<ExitCode, Fault> {
    let reach = Reach::open(directories, Wish::Word)?;
    let is_asked = form != Form::Json && std::io::stdin().is_terminal();
    match ask {
        PairAsk::Show { name } => {
            let shown =
                reach.ask("device.pair", json!({ "name": name.as_deref().unwrap_or("") }))?;
            if form == Form::Json {
                return print(&line(&shown));
            }
            print(&code(&shown))?;
            if is_asked {
                print(&admit_whoever_comes(&reach, &shown)?)
            } else {
                Ok(ExitCode::SUCCESS)
            }
        }
        PairAsk::Join { words: Some(words), .. } => {
            let joining = reach.ask("device.confirm", json!({ "words": words }))?;
            print(&if form == Form::Json { line(&joining) } else { stands(&joining) })
        }
        PairAsk::Join { code, at, name, words: None } => {
            let mut arguments = json!({ "code": of_picture(code)? });
            for (key, value) in [("at", at), ("name", name)] {
                if let Some(value) = value {
                    arguments[key] = json!(value);
                }
            }
            let joining = reach.ask("device.join", arguments)?;
            if form == Form::Json {
                return print(&line(&joining));
            }
            print(&stands(&joining))?;
            if is_asked {
                print(&join_when_confirmed(&reach, &joining)?)
            } else {
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The code itself, or the one in a picture's file.
fn of_picture(code: &str) -> Result<String, Fault> {
    let path = Path::new(code);
    let is_picture = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("png"));
    if !is_picture {
        return Ok(code.to_owned());
    }
    let fault = |error: &std::io::Error| Fault::file("Reading", path, error);
    let metadata = std::fs::metadata(path).map_err(|error| fault(&error))?;
    if metadata.len() > PICTURE_BYTES_MAX {
        return Err(Fault::usage(format!("{} is too large for a picture.", path.display())));
    }
    let file = std::fs::read(path).map_err(|error| fault(&error))?;
    let code = net::pairing::read_picture(&file);
    let code = code.map_err(|error| Fault::told(crate::registry::FaultKind::Usage, &error))?;
    Ok(code.text().to_string())
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn words(value: &Value) -> String {
    let words = value["check_words"].as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn code(shown: &Value) -> String {
    let at = shown["at"][0].as_str().unwrap_or_default();
    format!(
        "{}\nScan this on the new device, or give it the text:\n\n{}\n\nor the short code {} (on \
         another network with --at {at}). It works once, for {} seconds.\n",
        word(shown, "qr"),
        word(shown, "code"),
        word(shown, "short_code"),
        shown["expires_s"],
    )
}

/// Waits for a newcomer and asks the person about it.
fn admit_whoever_comes(reach: &Reach, shown: &Value) -> Result<String, Fault> {
    let begun = Instant::now();
    let life = Duration::from_secs(shown["expires_s"].as_u64().unwrap_or(0));
    // Its person may take a while to compare the words.
    let mut told = false;
    while begun.elapsed() < life + ADMISSION {
        let code = reach.ask("device.code", Value::Null)?;
        if code["check_words"].is_array() && !std::mem::replace(&mut told, true) {
            let words = words(&code);
            // Without standard error there is nobody to tell.
            drop(write!(
                std::io::stderr(),
                "A device has the code. Confirm there if it shows these words:\n\n    {words}\n\n"
            ));
        }
        if !told && code["expires_s"] == 0 {
            break;
        }
        let pending = reach.ask("device.pending", Value::Null)?;
        if let Some(guest) = pending.get(0) {
            let (id, name, words) = (word(guest, "id"), word(guest, "name"), words(guest));
            let asked = format!(
                "{name} wants to join, and its screen must show these words:\n\n    {words}\n\n\
                 Does it?"
            );
            if !confirm(&asked)? {
                reach.ask("device.refuse", json!({ "id": id }))?;
                return Ok(format!("{name} was refused.\n"));
            }
            reach.ask("device.admit", json!({ "id": id, "words": words }))?;
            return Ok(format!("{name} is one of your devices now.\n"));
        }
        std::thread::sleep(LOOK);
    }
    Err(Fault::state("Nobody came: show a new code when the other device is ready."))
}

/// Asks the person about the words, and waits for the one at the other device.
fn join_when_confirmed(reach: &Reach, joining: &Value) -> Result<String, Fault> {
    let words = words(joining);
    if !confirm(&format!("Are these words on {}, too?", word(joining, "name")))? {
        reach.ask("device.leave_joining", Value::Null)?;
        return Err(Fault::cancelled("Nothing was joined, and nothing of this device was sent."));
    }
    let begun = Instant::now();
    let mut told = false;
    while begun.elapsed() < ADMISSION {
        let joining = reach.ask("device.confirm", json!({ "words": words }))?;
        if word(&joining, "state") == "joined" {
            return Ok(stands(&joining));
        }
        if !std::mem::replace(&mut told, true) {
            // Without standard error there is nobody to tell.
            drop(write!(std::io::stderr(), "{}", stands(&joining)));
        }
        std::thread::sleep(LOOK);
    }
    Err(Fault::state("It was not admitted in time: begin again."))
}

/// How a joining stands, in a sentence.
fn stands(joining: &Value) -> String {
    let (name, group) = (word(joining, "name"), word(joining, "group"));
    match word(joining, "state") {
        "joined" => format!("This device belongs to {group} now.\n"),
        "waiting" => format!("Admit this device on {name}: its screen asks about it.\n"),
        _ => format!(
            "{name} of {group} shows the code. These words must be on its screen, too:\n\n    \
             {}\n\n",
            words(joining)
        ),
    }
}

pub(super) fn run(
    directories: &Directories,
    ask: &DevicesAsk,
    form: Form,
) -> Result<String, Fault> {
    let wish = match ask {
        DevicesAsk::List | DevicesAsk::Pending => Wish::Look,
        _ => Wish::Word,
    };
    let reach = Reach::open(directories, wish)?;
    let (answer, text) = match ask {
        DevicesAsk::List => {
            let all = reach.ask("device.list", Value::Null)?;
            let text = list(&all);
            (all, text)
        }
        DevicesAsk::Pending => {
            let all = reach.ask("device.pending", Value::Null)?;
            let text = pending(&all);
            (all, text)
        }
        DevicesAsk::Admit { id, words } => {
            let admitted = reach.ask("device.admit", json!({ "id": id, "words": words }))?;
            let text = format!("{} is one of your devices now.\n", word(&admitted, "name"));
            (admitted, text)
        }
        DevicesAsk::Refuse(id) => {
            let refused = reach.ask("device.refuse", json!({ "id": id }))?;
            (refused, "It was refused.\n".to_owned())
        }
        DevicesAsk::Remove(id) => {
            if !confirm("It reads nothing from then on. Remove it?")? {
                return Err(Fault::cancelled("Nothing was removed."));
            }
            let removed = reach.ask("device.remove", json!({ "id": id }))?;
            (removed, "It is none of your devices any more.\n".to_owned())
        }
        DevicesAsk::Rename { id, name } => {
            let renamed = reach.ask("device.rename", json!({ "id": id, "name": name }))?;
            (renamed, format!("It is called {name} now.\n"))
        }
    };
    Ok(if form == Form::Json { line(&answer) } else { text })
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn list(all: &Value) -> String {
    if rows(all).is_empty() {
        return "This device has no others yet: `hearth pair --show` adds one.\n".to_owned();
    }
    let row = |it: &Value| {
        let state = match (it["this"].as_bool(), it["path"].as_str(), it["last_seen_s"].as_u64()) {
            (Some(true), ..) => "this device".to_owned(),
            (_, Some(path), _) => format!("online, {path}"),
            (_, _, Some(ago)) => format!("seen {ago} s ago"),
            _ => "not seen yet".to_owned(),
        };
        format!("{}  {}  {state}\n", word(it, "id"), word(it, "name"))
    };
    rows(all).iter().map(row).collect()
}

fn pending(all: &Value) -> String {
    if rows(all).is_empty() {
        return "Nobody waits to be admitted.\n".to_owned();
    }
    let row = |it: &Value| format!("{}  {}  {}\n", word(it, "id"), word(it, "name"), words(it));
    rows(all).iter().map(row).collect()
}
