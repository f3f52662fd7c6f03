//! What `hearth ledger`, `policy`, `inbox`, `kill-switch` and `runs` can be asked.

use std::ffi::OsString;
use std::path::PathBuf;

use super::invocation::{Usage, Words};

/// What is asked of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerAsk {
    /// `tail`
    Tail {
        /// How many entries.
        count: u64,
    },
    /// `show ENTRY`
    Show(u64),
    /// `verify`
    Verify,
    /// `export`
    Export(ExportForm),
}

/// How the ledger is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// An object a line.
    JsonLines,
    /// A header and rows.
    Csv,
}

/// What is asked of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAsk {
    /// `check`
    Check(PolicyRequest),
    /// `explain`
    Explain(PolicyRequest),
    /// `who-can`
    WhoCan(PolicyRequest),
    /// `test [FILE]`
    Test(Option<PathBuf>),
}

/// A request as it was written: `key=value` each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRequest {
    /// Who; nobody for `who-can`.
    pub principal: Option<String>,
    /// What.
    pub action: String,
    /// To what: a path, `domain:NAME` or `name:NAME`.
    pub resource: Option<String>,
    /// `L0` to `L4`; by itself that of the action.
    pub risk: Option<String>,
    /// What holds.
    pub when: Vec<String>,
}

/// What is asked of the Inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboxAsk {
    /// Nothing more: a list.
    List,
    /// `show ITEM`
    Show(u64),
    /// `approve ITEM`
    Approve {
        /// The item.
        item: u64,
        /// `once`, `session` or `always`.
        scope: String,
    },
    /// `deny ITEM`
    Deny(u64),
}

/// What is asked of the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchAsk {
    /// How it stands.
    State,
    /// `on`
    On,
    /// `off`
    Off,
}

/// What is asked of the runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunsAsk {
    /// Nothing more, or `list`.
    List,
    /// `start PLAN`
    Start {
        /// The plan's file.
        plan: PathBuf,
        /// Whose rights it has; by itself its owner's.
        principal: Option<String>,
    },
    /// `show RUN`
    Show(u64),
    /// `why RUN STEP`
    Why {
        /// The run.
        run: u64,
        /// The step.
        step: String,
    },
    /// `logs RUN [STEP]`
    Logs {
        /// The run.
        run: u64,
        /// One of its steps, or all.
        step: Option<String>,
    },
    /// `resume RUN`
    Resume(u64),
    /// `cancel RUN`
    Cancel(u64),
}

/// Entries that `tail` shows by itself.
const TAIL: u64 = 20;

pub(super) fn ledger(mut words: Words) -> Result<LedgerAsk, Usage> {
    let (count, format) = (words.value("--count")?, words.value("--format")?);
    let (name, mut rest) = verb(words, 1)?;
    let ask = match name.as_str() {
        "tail" => LedgerAsk::Tail {
            count: count.as_deref().map_or(Ok(TAIL), |count| number(count, "--count"))?,
        },
        "show" => LedgerAsk::Show(one(&mut rest, "`hearth ledger show` needs an entry.")?),
        "verify" => LedgerAsk::Verify,
        "export" => LedgerAsk::Export(match format.as_deref() {
            None | Some("jsonl") => ExportForm::JsonLines,
            Some("csv") => ExportForm::Csv,
            Some(_) => return Err("--format is jsonl or csv.".to_owned()),
        }),
        _ => return Err("`hearth ledger` knows tail, show, verify and export.".to_owned()),
    };
    if count.is_some() && !matches!(ask, LedgerAsk::Tail { .. }) {
        return Err("--count belongs to `hearth ledger tail`.".to_owned());
    }
    if format.is_some() && !matches!(ask, LedgerAsk::Export(_)) {
        return Err("--format belongs to `hearth ledger export`.".to_owned());
    }
    nothing_more(&rest, "ledger")?;
    Ok(ask)
}

pub(super) fn policy(words: Words) -> Result<PolicyAsk, Usage> {
    let (name, mut rest) = verb(words, 8)?;
    Ok(match name.as_str() {
        "check" => PolicyAsk::Check(request(&rest, true)?),
        "explain" => PolicyAsk::Explain(request(&rest, true)?),
        "who-can" => PolicyAsk::WhoCan(request(&rest, false)?),
        "test" => {
            let file = rest.pop().map(PathBuf::from);
            nothing_more(&rest, "policy")?;
            PolicyAsk::Test(file)
        }
        _ => return Err("`hearth policy` knows check, explain, who-can and test.".to_owned()),
    })
}

fn request(words: &[OsString], needs_principal: bool) -> Result<PolicyRequest, Usage> {
    let mut request = PolicyRequest::default();
    for word in words {
        let text = word.to_str().ok_or("A policy is asked in plain text.")?;
        let (key, value) = text.split_once('=').ok_or_else(|| {
            format!(
                "\"{text}\" is not key=value: write principal=, action=, resource=, risk=, when=."
            )
        })?;
        let value = value.to_owned();
        match key {
            "principal" => request.principal = Some(value),
            "action" => request.action = value,
            "resource" => request.resource = Some(value),
            "risk" => request.risk = Some(value),
            "when" => request.when = value.split(',').map(str::to_owned).collect(),
            _ => {
                return Err(format!(
                    "A policy is not asked about \"{key}\": write principal=, action=, resource=, \
                     risk=, when=."
                ));
            }
        }
    }
    if request.action.is_empty() {
        return Err("Write action=NOUN.VERB; `hearth commands` lists them.".to_owned());
    }
    if needs_principal && request.principal.is_none() {
        return Err(
            "Write principal=WHO: owner, client, trainer, agent:NAME or the like.".to_owned()
        );
    }
    Ok(request)
}

pub(super) fn inbox(mut words: Words) -> Result<InboxAsk, Usage> {
    let scope = words.value("--for")?;
    let mut rest = words.end(2)?;
    if rest.is_empty() {
        return Ok(InboxAsk::List);
    }
    let name = rest.remove(0);
    let needs = "It needs the item's number; `hearth inbox` lists them.";
    let ask = match name.to_str() {
        Some("list") => InboxAsk::List,
        Some("show") => InboxAsk::Show(one(&mut rest, needs)?),
        Some("approve") => InboxAsk::Approve {
            item: one(&mut rest, needs)?,
            scope: match scope.as_deref() {
                None => "once".to_owned(),
                Some(scope @ ("once" | "session" | "always")) => scope.to_owned(),
                Some(_) => return Err("--for is once, session or always.".to_owned()),
            },
        },
        Some("deny") => InboxAsk::Deny(one(&mut rest, needs)?),
        _ => return Err("`hearth inbox` knows list, show, approve and deny.".to_owned()),
    };
    if scope.is_some() && !matches!(ask, InboxAsk::Approve { .. }) {
        return Err("--for belongs to `hearth inbox approve`.".to_owned());
    }
    nothing_more(&rest, "inbox")?;
    Ok(ask)
}

pub(super) fn kill_switch(words: Words) -> Result<SwitchAsk, Usage> {
    match words.end(1)?.pop().as_deref().map(|word| word.as_encoded_bytes()) {
        None => Ok(SwitchAsk::State),
        Some(b"on") => Ok(SwitchAsk::On),
        Some(b"off") => Ok(SwitchAsk::Off),
        Some(_) => Err("`hearth kill-switch` knows on and off.".to_owned()),
    }
}

pub(super) fn runs(mut words: Words) -> Result<RunsAsk, Usage> {
    let principal = words.value("--as")?;
    let mut rest = words.end(3)?;
    if rest.is_empty() {
        return Ok(RunsAsk::List);
    }
    let name = rest.remove(0);
    let needs = "It needs the run's number; `hearth runs` lists them.";
    let ask = match name.to_str() {
        Some("list") => RunsAsk::List,
        Some("start") if rest.len() == 1 => {
            RunsAsk::Start { plan: rest.remove(0).into(), principal: principal.clone() }
        }
        Some("start") => return Err("`hearth runs start` needs a plan's file.".to_owned()),
        Some("show") => RunsAsk::Show(one(&mut rest, needs)?),
        Some("why") => {
            let run = one(&mut rest, needs)?;
            let step = step(&mut rest)?.ok_or("`hearth runs why` needs a run and a step.")?;
            RunsAsk::Why { run, step }
        }
        Some("logs") => {
            let run = one(&mut rest, needs)?;
            RunsAsk::Logs { run, step: step(&mut rest)? }
        }
        Some("resume") => RunsAsk::Resume(one(&mut rest, needs)?),
        Some("cancel") => RunsAsk::Cancel(one(&mut rest, needs)?),
        _ => {
            return Err(
                "`hearth runs` knows list, start, show, why, logs, resume and cancel.".to_owned()
            );
        }
    };
    if principal.is_some() && !matches!(ask, RunsAsk::Start { .. }) {
        return Err("--as belongs to `hearth runs start`.".to_owned());
    }
    nothing_more(&rest, "runs")?;
    Ok(ask)
}

fn verb(words: Words, words_max: usize) -> Result<(String, Vec<OsString>), Usage> {
    let mut rest = words.end(words_max + 1)?;
    if rest.is_empty() {
        return Ok((String::new(), rest));
    }
    let name = rest.remove(0).into_string().map_err(|_| "A subcommand is plain text.")?;
    Ok((name, rest))
}

fn one(rest: &mut Vec<OsString>, needs: &str) -> Result<u64, Usage> {
    if rest.is_empty() {
        return Err(needs.to_owned());
    }
    number(rest.remove(0).to_str().unwrap_or_default(), "It")
}

fn step(rest: &mut Vec<OsString>) -> Result<Option<String>, Usage> {
    if rest.is_empty() {
        return Ok(None);
    }
    let name = rest.remove(0).into_string().map_err(|_| "A step's name is plain text.")?;
    Ok(Some(name))
}

fn number(text: &str, what: &str) -> Result<u64, Usage> {
    text.parse().map_err(|_| format!("{what} takes a number, not \"{text}\"."))
}

fn nothing_more(rest: &[OsString], name: &str) -> Result<(), Usage> {
    match rest.first() {
        Some(word) => Err(format!("`hearth {name}` does not take \"{}\".", word.display())),
        None => Ok(()),
    }
}
