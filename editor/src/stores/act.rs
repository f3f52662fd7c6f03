//! What can be asked of the stores, by the id of an action; answers are JSON.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernel::authority::{Approval, AuthorityError, PolicyEdit, TrustPrint};
use kernel::gate::{CanonicalPath, KillSwitch};
use kernel::inbox::{Item, ItemId, ItemState};
use kernel::ledger::{Entry, export};
use kernel::principal::Principal;
use kernel::run::{Answer, Plan, RunError, RunId, RunState, Runs};
use serde_json::{Value, json};

use super::{Stores, upkeep};
use crate::devices;
use crate::record;
use crate::registry::{Arguments, Fault, FaultKind, path_from_json, path_to_json};
use crate::settings::FolderTrust;
use crate::trust;

/// Entries of the ledger in one answer.
const ENTRIES_MAX: u64 = 10_000;

/// Bytes of a plan's file.
const PLAN_BYTES_MAX: u64 = 64 << 20;

/// Where a run is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driving {
    /// By whoever asks, until it stands.
    Here,
    /// On a thread of its own, while the program goes on.
    Aside,
}

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Whose word it is.
    pub actor: Principal,
    /// The folder that they work in.
    pub folder: Option<PathBuf>,
    /// Where a run is driven.
    pub driving: Driving,
}

/// Does `id` with checked arguments. Not for the UI thread.
///
/// # Errors
/// What the stores say.
pub fn act(
    stores: &Arc<Stores>,
    id: &str,
    arguments: &Arguments,
    asking: &Asking,
) -> Result<Value, Fault> {
    let driving = asking.driving;
    match id.split('.').next() {
        Some("device") => devices::act(stores, id, arguments, &asking.actor),
        Some("inbox") => act_inbox(stores, id, arguments),
        Some("ledger") => act_ledger(stores, id, arguments),
        Some("upkeep") => {
            let run = stores.runs.start(upkeep::PRINCIPAL, &upkeep::plan());
            stores.drive(run.map_err(|error| ran(&error))?, driving, Runs::drive)
        }
        Some("run") => act_run(stores, id, arguments, asking),
        Some("trust") => act_trust(stores, id, arguments, asking),
        Some("kill") => {
            let switch = if id == "kill.on" { KillSwitch::On } else { KillSwitch::Off };
            let thrown = stores.authority.set_kill_switch(switch, &asking.actor);
            thrown.map_err(|error| told(&error))?;
            Ok(json!({ "on": switch == KillSwitch::On }))
        }
        _ => Err(unasked(id)),
    }
}

fn unasked(id: &str) -> Fault {
    Fault::internal(format!("{id} is not asked of the stores."))
}

fn act_inbox(stores: &Stores, id: &str, arguments: &Arguments) -> Result<Value, Fault> {
    let told = |error: AuthorityError| told(&error);
    let authority = &stores.authority;
    if id == "inbox.list" {
        let items = authority.items().map_err(told)?;
        return Ok(items.iter().map(|(id, item)| item_json(*id, item)).collect());
    }
    let item = ItemId(arguments.integer("id")?.unsigned_abs());
    match id {
        "inbox.show" => {
            let shown = authority.show(item).map_err(told)?;
            let mut value = item_json(item, &shown);
            value["diff"] = json!(shown.diff);
            if shown.state == ItemState::Open {
                value["always"] = match authority.proposal(item) {
                    Ok(edit) => edit_json(&edit),
                    Err(error) => json!({ "refused": error.to_string() }),
                };
            }
            Ok(value)
        }
        "inbox.approve" => {
            let approval = match arguments.maybe_text("for")?.unwrap_or("once") {
                "once" => Approval::Once,
                "session" => Approval::Session,
                "always" => Approval::Always(edit(arguments)?),
                other => {
                    return Err(Fault::usage(format!(
                        "\"{other}\" is no approval: write once, session or always."
                    )));
                }
            };
            authority.approve(item, approval).map(|it| item_json(item, &it)).map_err(told)
        }
        "inbox.deny" => authority.deny(item).map(|it| item_json(item, &it)).map_err(told),
        _ => Err(unasked(id)),
    }
}

fn act_ledger(stores: &Stores, id: &str, arguments: &Arguments) -> Result<Value, Fault> {
    match id {
        "ledger.read" => read_ledger(stores, arguments),
        "ledger.show" => show_entry(stores, arguments.integer("index")?.unsigned_abs()),
        "ledger.verify" => verify_ledger(stores),
        _ => Err(unasked(id)),
    }
}

fn act_run(
    stores: &Arc<Stores>,
    id: &str,
    arguments: &Arguments,
    asking: &Asking,
) -> Result<Value, Fault> {
    let (runs, driving) = (&stores.runs, asking.driving);
    match id {
        "run.list" => return to_json(runs.list()),
        "run.start" => return start_run(stores, arguments, asking),
        _ => {}
    }
    let run = RunId(arguments.integer("id")?.unsigned_abs());
    let step = || arguments.text("step");
    match id {
        "run.show" => to_json(runs.show(run)),
        "run.why" => to_json(runs.why(run, step()?)),
        "run.logs" => {
            let log = runs.logs(run, step()?).map_err(|error| ran(&error))?;
            Ok(json!({ "log": String::from_utf8_lossy(&log) }))
        }
        "run.cancel" => to_json(runs.cancel(run)),
        "run.resume" => stores.drive(run, driving, Runs::resume),
        "run.answer" => {
            let answer = match arguments.text("answer")? {
                "again" => Answer::RunAgain,
                "happened" => Answer::Happened,
                "give_up" => Answer::GiveUp,
                other => {
                    return Err(Fault::usage(format!(
                        "\"{other}\" is no answer: write again, happened or give_up."
                    )));
                }
            };
            runs.answer(run, step()?, answer).map_err(|error| ran(&error))?;
            stores.drive(run, driving, Runs::drive)
        }
        _ => Err(unasked(id)),
    }
}

/// Trusts a folder as it is now, or no more, or tells which ones are.
fn act_trust(
    stores: &Stores,
    id: &str,
    arguments: &Arguments,
    asking: &Asking,
) -> Result<Value, Fault> {
    let authority = &stores.authority;
    if id == "trust.list" {
        let all = authority.all_trusted().map_err(|error| told(&error))?;
        let row = |(folder, print): (CanonicalPath, TrustPrint)| {
            let trusted = trust::state(authority, &folder) == FolderTrust::Trusted;
            json!({ "path": folder.as_str(), "trusted": trusted, "fingerprint": print.to_string() })
        };
        return Ok(all.into_iter().map(row).collect());
    }
    let named = match arguments.maybe_path("path")? {
        Some(path) => path,
        None => asking.folder.clone().ok_or_else(|| {
            Fault::usage("No folder is open here: name the one that you mean with `path`.")
        })?,
    };
    let (folder, trusted, print) = match id {
        "trust.grant" => {
            let folder = trust::real_folder(&named)?;
            let print = trust::fingerprint(Path::new(folder.as_str()))?;
            authority.trust(&folder, print, &asking.actor).map_err(|error| told(&error))?;
            (folder, true, Some(print))
        }
        "trust.revoke" => {
            let folder = trust::named_folder(&named)?;
            authority.distrust(&folder, &asking.actor).map_err(|error| told(&error))?;
            let print = trust::fingerprint(Path::new(folder.as_str())).ok();
            (folder, false, print)
        }
        _ => return Err(unasked(id)),
    };
    // Whatever rests on it rests on it before anybody hears that it is so.
    stores.reload_policy();
    let print = print.map(|print| print.to_string());
    Ok(json!({ "path": folder.as_str(), "trusted": trusted, "fingerprint": print }))
}

fn start_run(stores: &Arc<Stores>, arguments: &Arguments, asking: &Asking) -> Result<Value, Fault> {
    let plan = read_plan(&arguments.path("path")?)?;
    let principal = arguments.maybe_text("as")?.unwrap_or("owner");
    principal.parse::<Principal>().map_err(|error| Fault::told(FaultKind::Usage, &error))?;
    let folder = asking.folder.as_deref();
    let workspace = folder.and_then(|folder| CanonicalPath::resolve(folder).ok());
    let run = stores.runs.start_in(workspace.as_ref(), principal, &plan);
    let run = run.map_err(|error| ran(&error))?;
    if workspace.is_some_and(|root| !stores.authority.gate().knows(&root)) {
        stores.reload_policy();
    }
    stores.drive(run, asking.driving, Runs::drive)
}

impl Stores {
    /// Goes on with a run, and tells how it stands then or that it runs now.
    fn drive(
        self: &Arc<Self>,
        run: RunId,
        driving: Driving,
        how: fn(&Runs, RunId) -> Result<RunState, RunError>,
    ) -> Result<Value, Fault> {
        let state = match driving {
            Driving::Here => how(&self.runs, run).map_err(|error| ran(&error))?,
            Driving::Aside => {
                self.drive_aside(run, how)?;
                RunState::Running
            }
        };
        Ok(json!({ "id": run.to_string(), "state": state }))
    }

    /// Goes on with a run on a thread of its own.
    fn drive_aside(
        self: &Arc<Self>,
        run: RunId,
        how: fn(&Runs, RunId) -> Result<RunState, RunError>,
    ) -> Result<(), Fault> {
        let stores = Arc::clone(self);
        let work = move || {
            crate::schedule::as_background();
            if let Err(error) = how(&stores.runs, run) {
                record::notice("error", &error.to_string());
            }
        };
        std::thread::Builder::new()
            .name(format!("run {run}"))
            .spawn(work)
            .map(drop)
            .map_err(|error| Fault::machine(format!("No thread for the run: {error}.")))
    }

    /// Goes on with what a process before left, or what a person's answer lets go on.
    pub fn go_on(self: &Arc<Self>, with: fn(RunState) -> bool) -> Result<(), Fault> {
        for summary in self.runs.list().map_err(|error| ran(&error))? {
            let Ok(id) = summary.id.parse().map(RunId) else { continue };
            if with(summary.state) {
                let how = if summary.state == RunState::Asks { Runs::resume } else { Runs::drive };
                self.drive_aside(id, how)?;
            }
        }
        Ok(())
    }
}

/// A sentence of an authority as a person is told it.
pub fn told(error: &AuthorityError) -> Fault {
    let kind = match error {
        AuthorityError::Unknown(_) => FaultKind::Unknown,
        AuthorityError::Refused(_) => FaultKind::Denied,
        AuthorityError::Settled(..)
        | AuthorityError::EachTime
        | AuthorityError::NoRule(_)
        | AuthorityError::Changed(_)
        | AuthorityError::StillAsked(_)
        | AuthorityError::Full => FaultKind::State,
        _ => FaultKind::Machine,
    };
    Fault::told(kind, error)
}

fn ran(error: &RunError) -> Fault {
    Fault::told(FaultKind::State, error)
}

fn to_json<T: serde::Serialize>(result: Result<T, RunError>) -> Result<Value, Fault> {
    let value = result.map_err(|error| ran(&error))?;
    serde_json::to_value(value).map_err(|error| Fault::internal(format!("No JSON: {error}.")))
}

fn read_plan(path: &Path) -> Result<Plan, Fault> {
    let fault = |error: &std::io::Error| Fault::file("Reading", path, error);
    let metadata = std::fs::metadata(path).map_err(|error| fault(&error))?;
    if metadata.len() > PLAN_BYTES_MAX {
        return Err(Fault::usage(format!("{} is too long for a plan.", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fault(&error))?;
    Plan::from_toml(&text).map_err(|error| {
        Fault::told(FaultKind::Usage, &format!("{} is no plan: {error}", path.display()))
    })
}

/// An item in a list: everything but what would change.
fn item_json(id: ItemId, item: &Item) -> Value {
    let obligations = match item.obligations.is_empty() {
        true => Value::Null,
        false => json!(item.obligations),
    };
    json!({
        "id": id.0,
        "state": item.state,
        "principal": item.principal,
        "action": item.action,
        "risk": format!("L{}", item.tier),
        "resource": item.resource,
        "reason": item.reason,
        "rule": item.rule,
        "obligations": obligations,
        "origin": item.origin,
        "trace": item.trace,
        "asked_ms": item.asked_ms,
        "expires_ms": item.expires_ms,
        "settled_ms": item.settled_ms,
        "has_diff": item.diff.is_some(),
    })
}

fn edit_json(edit: &PolicyEdit) -> Value {
    json!({ "path": path_to_json(&edit.path), "before": edit.before, "added": edit.added })
}

/// The edit that the person looked at.
fn edit(arguments: &Arguments) -> Result<PolicyEdit, Fault> {
    let edit = arguments.value("edit").unwrap_or(&Value::Null);
    let text = |name: &str| edit.get(name).and_then(Value::as_str).map(str::to_owned);
    let path = path_from_json(&edit["path"]);
    match (path, text("before"), text("added")) {
        (Some(path), Some(before), Some(added)) => Ok(PolicyEdit { path, before, added }),
        _ => Err(Fault::usage(
            "Approving always needs the `edit` that inbox.show gives, so that it was looked at.",
        )),
    }
}

fn read_ledger(stores: &Stores, arguments: &Arguments) -> Result<Value, Fault> {
    let ledger = &stores.ledger;
    let size = ledger.len();
    let count = arguments.maybe_count("count")?.map_or(100, |count| count as u64);
    let count = count.clamp(1, ENTRIES_MAX);
    let from = arguments.maybe_count("from")?.map(|from| from as u64);
    let from = from.unwrap_or(size.saturating_sub(count));
    let mut entries = Vec::new();
    ledger
        .entries(from..from.saturating_add(count), |index, entry| {
            entries.push(entry_json(index, &entry));
        })
        .map_err(|error| Fault::told(FaultKind::Machine, &error))?;
    Ok(json!({ "size": size, "entries": entries }))
}

/// An entry, with the proof that it is in the ledger that this device signed last.
fn show_entry(stores: &Stores, index: u64) -> Result<Value, Fault> {
    let ledger = &stores.ledger;
    let fail = |error: &dyn std::fmt::Display| Fault::told(FaultKind::Machine, error);
    let mut found = None;
    ledger
        .entries(index..index.saturating_add(1), |_, entry| found = Some(entry))
        .map_err(|error| fail(&error))?;
    let entry = found.ok_or_else(|| {
        Fault::unknown(format!("There is no entry {index}: the ledger has {}.", ledger.len()))
    })?;
    let checkpoint = ledger.checkpoint().map_err(|error| fail(&error))?;
    let proof = ledger.prove(index, checkpoint.size).map_err(|error| fail(&error))?;
    if !proof.proves(&entry, &checkpoint) {
        return Err(Fault::machine(format!(
            "Entry {index} is not as it was signed: `hearth ledger verify` names what is wrong."
        )));
    }
    let path: Vec<String> = proof.path.iter().map(ToString::to_string).collect();
    Ok(json!({
        "entry": entry_json(index, &entry),
        "device": checkpoint.device.to_string(),
        "proof": { "size": checkpoint.size, "root": checkpoint.root.to_string(), "path": path },
    }))
}

fn entry_json(index: u64, entry: &Entry) -> Value {
    serde_json::from_str(&export::json(index, entry)).unwrap_or(Value::Null)
}

fn verify_ledger(stores: &Stores) -> Result<Value, Fault> {
    let verified =
        stores.ledger.verify().map_err(|error| Fault::told(FaultKind::Machine, &error))?;
    let faults: Vec<String> = verified.faults.iter().map(ToString::to_string).collect();
    Ok(json!({
        "entries": verified.entries,
        "checkpoints": verified.checkpoints,
        "mends": verified.mends,
        "ok": verified.is_ok(),
        "faults": faults,
    }))
}
