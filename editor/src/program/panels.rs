//! What a person sees of the stores: the Inbox, the runs and the ledger, as lists to look into.

use std::sync::Arc;

use kernel::authority::PolicyEdit;
use kernel::gate::KillSwitch;
use kernel::inbox::{Item, ItemId, ItemState};
use kernel::ledger::{Decision, Entry as LedgerEntry, Time};
use kernel::run::{Digest, RunId, RunState, RunSummary, RunView, StepState, StepView};
use serde_json::json;

use super::authority::{asks, id_json};
use super::{Overlay, Program};
use crate::cli::utc;
use crate::picker::{About, Entries, Entry, Kind, Picker, Target};
use crate::registry::{Fault, FaultKind, path_to_json};
use crate::stores::told;
use crate::timeline::{self, Timeline};
use crate::workers::Urgency;

/// Lines of a change that stand in the question itself; the rest is opened as a text.
const DIFF_LINES_MAX: usize = 10;

/// Entries of the ledger that are listed.
const LISTED_MAX: u64 = 2000;

impl Program {
    /// Lists what waits for a person, and what they said lately.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_inbox(&mut self) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.authority.items().map_err(|error| told(&error));
        self.show_when_read("reading the Inbox", read, |items| inbox(&items));
        Ok(())
    }

    /// Puts one question before the person.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_item(&mut self, id: ItemId) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.authority.show(id).map_err(|error| told(&error));
        self.show_when_read("reading the Inbox", read, move |item| question(id, &item));
        Ok(())
    }

    /// Shows the edit of the policy that approving for always means.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_proposal(&mut self, id: ItemId) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.authority.proposal(id).map_err(|error| told(&error));
        self.show_when_read("reading the policy", read, move |edit| proposal(id, &edit));
        Ok(())
    }

    /// Opens what an item would change as a text.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_change(&mut self, id: ItemId) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        self.workers.run(
            "reading the Inbox",
            Urgency::Awaited,
            move || stores.authority.show(id).map_err(|error| told(&error)),
            |program, item| match item.map(|item| item.diff.unwrap_or_default()) {
                Ok(text) => drop(program.new_draft(&text)),
                Err(fault) => program.fail(&fault),
            },
        );
        Ok(())
    }

    /// Lists the runs, newest first.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_runs(&mut self) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.runs.list().map_err(|error| failed(&error));
        self.show_when_read("reading the runs", read, |runs| run_list(&runs));
        Ok(())
    }

    /// Shows a run with its steps.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_run(&mut self, id: RunId) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.runs.show(id).map_err(|error| failed(&error));
        self.show_when_read("reading a run", read, |run| run_card(&run));
        Ok(())
    }

    /// Shows a step, and why it stands as it does.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_step(&mut self, run: RunId, step: String) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || stores.runs.why(run, &step).map_err(|error| failed(&error));
        self.show_when_read("reading a step", read, move |step| step_card(run, &step));
        Ok(())
    }

    /// Opens what a step printed as a text.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_log(&mut self, run: RunId, step: String) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        self.workers.run(
            "reading a log",
            Urgency::Awaited,
            move || stores.runs.logs(run, &step).map_err(|error| failed(&error)),
            |program, log| match log {
                Ok(bytes) => drop(program.new_draft(&String::from_utf8_lossy(&bytes))),
                Err(fault) => program.fail(&fault),
            },
        );
        Ok(())
    }

    /// Lists the newest entries of the ledger.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_ledger(&mut self) -> Result<(), Fault> {
        let stores = self.need_stores()?;
        let read = move || {
            let (mut entries, size) = (Vec::new(), stores.ledger.len());
            let from = size.saturating_sub(LISTED_MAX);
            stores
                .ledger
                .entries(from..size, |index, entry| entries.push((index, entry)))
                .map_err(|error| failed(&error))?;
            Ok((size, entries))
        };
        self.show_when_read("reading the ledger", read, |(size, entries)| {
            ledger_list(size, &entries)
        });
        Ok(())
    }

    /// Asks whether the kill switch is to be thrown back.
    pub fn ask_kill_switch(&mut self) {
        let mut picker = Picker::new(Kind::Choices, "Let things act on their own again?");
        picker.about =
            vec![About::Words("Runs that were stopped go on where they stood.".to_owned())];
        picker.fill(Arc::new(Entries::new(vec![
            entry("Keep everything stopped", "", Target::Nothing),
            entry(
                "Turn the kill switch off",
                "",
                Target::Call("kill.off", json!({ "sure": true })),
            ),
        ])));
        self.open_overlay(Overlay::Picker(picker));
    }

    /// Whether it is on.
    pub fn is_stopped(&self) -> bool {
        self.gate.kill_switch() == KillSwitch::On
    }

    /// Reads on a worker, and floats what came of it over the window that asked.
    pub(super) fn show_when_read<T: Send + 'static>(
        &mut self,
        name: &'static str,
        read: impl FnOnce() -> Result<T, Fault> + Send + 'static,
        show: impl FnOnce(T) -> Picker + Send + 'static,
    ) {
        let done = self.here(move |program: &mut Program, found: Result<T, Fault>| match found {
            Ok(found) => program.open_overlay(Overlay::Picker(show(found))),
            Err(fault) => program.fail(&fault),
        });
        self.workers.run(name, Urgency::Awaited, read, done);
    }
}

fn failed(error: &dyn std::fmt::Display) -> Fault {
    Fault::told(FaultKind::State, error)
}

fn entry(label: impl Into<String>, detail: impl Into<String>, target: Target) -> Entry {
    Entry {
        label: label.into(),
        detail: detail.into(),
        keys: Vec::new(),
        depth: 0,
        stretches: Vec::new(),
        target,
    }
}

fn panel(title: impl Into<String>, about: Vec<About>, entries: Vec<Entry>) -> Picker {
    let mut picker = Picker::new(Kind::Choices, title);
    picker.about = about;
    picker.fill(Arc::new(Entries::new(entries)));
    picker
}

fn inbox(items: &[(ItemId, Item)]) -> Picker {
    let now = Time::now();
    let rank = |item: &Item| item.state != ItemState::Open;
    let mut items: Vec<_> = items.iter().collect();
    // Newest first already; what waits comes before what was said.
    items.sort_by_key(|(_, item)| rank(item));
    let mut entries: Vec<Entry> = items
        .iter()
        .map(|(id, item)| {
            let detail = match item.state {
                ItemState::Open => {
                    format!(
                        "L{} \u{b7} {} left",
                        item.tier,
                        span(item.expires_ms.saturating_sub(now.0))
                    )
                }
                state => state_word(state).to_owned(),
            };
            entry(asks(item), detail, Target::Call("inbox.look", id_json(*id)))
        })
        .collect();
    let waiting = items.iter().filter(|(_, item)| item.state == ItemState::Open).count();
    let title = match waiting {
        0 => "Inbox: nothing waits for you".to_owned(),
        1 => "Inbox: one question waits for you".to_owned(),
        count => format!("Inbox: {count} questions wait for you"),
    };
    if entries.is_empty() {
        entries.push(entry("Close", "what asks before it acts is listed here", Target::Nothing));
    }
    panel(title, Vec::new(), entries)
}

fn question(id: ItemId, item: &Item) -> Picker {
    let now = Time::now();
    let mut about = vec![
        About::Fact("Why", format!("{} ({})", item.reason, item.rule)),
        About::Fact("Risk", format!("L{}: {}", item.tier, risk_words(item.tier))),
        About::Fact("From", item.origin.clone()),
    ];
    if item.state == ItemState::Open {
        about.push(About::Fact(
            "Until",
            format!("{} from now", span(item.expires_ms.saturating_sub(now.0))),
        ));
    } else {
        about.push(About::Fact("State", state_word(item.state).to_owned()));
    }
    let lines: Vec<&str> = item.diff.as_deref().unwrap_or_default().lines().collect();
    if !lines.is_empty() {
        let first = lines.iter().take(DIFF_LINES_MAX);
        about.extend(first.map(|line| About::Code((*line).to_owned())));
        let rest = lines.len().saturating_sub(DIFF_LINES_MAX);
        about.extend((rest > 0).then(|| About::Words(format!("and {rest} more lines"))));
    }
    let approve = |how: &str| Target::Call("inbox.approve", json!({ "id": id.0, "for": how }));
    let mut entries = Vec::new();
    if item.state == ItemState::Open {
        entries.push(entry("Decide later", "", Target::Nothing));
        entries.push(entry("Approve this once", "", approve("once")));
        if item.tier < 4 {
            let any = format!("any {} of {}", item.action, item.principal);
            entries.push(entry("Approve until Hearth ends", any, approve("session")));
            let always = Target::Call("inbox.propose", id_json(id));
            entries.push(entry("Approve always\u{2026}", "shows the edit of your policy", always));
        }
        entries.push(entry("Deny", "", Target::Call("inbox.deny", id_json(id))));
    } else {
        entries.push(entry("Back to the Inbox", "", Target::Command("inbox.open")));
    }
    if !lines.is_empty() {
        let open = Target::Call("inbox.open_change", id_json(id));
        entries.push(entry("Open the whole change", "", open));
    }
    panel(asks(item), about, entries)
}

fn proposal(id: ItemId, edit: &PolicyEdit) -> Picker {
    let mut about = vec![About::Words(format!("This is added to {}:", edit.path.display()))];
    about.extend(edit.added.trim().lines().map(|line| About::Code(line.to_owned())));
    let shown = json!({
        "path": path_to_json(&edit.path),
        "before": edit.before,
        "added": edit.added,
    });
    let arguments = json!({ "id": id.0, "for": "always", "edit": shown });
    let entries = vec![
        entry("Leave the policy as it is", "", Target::Call("inbox.look", id_json(id))),
        entry("Write it and approve", "", Target::Call("inbox.approve", arguments)),
    ];
    panel("Approve always?", about, entries)
}

fn run_list(runs: &[RunSummary]) -> Picker {
    let of = |run: &RunSummary| -> Option<Entry> {
        let id: u64 = run.id.parse().ok()?;
        let detail =
            format!("{} \u{b7} {} of {}", run_word(run.state), run.steps.done, run.steps.total);
        let look = Target::Call("run.look", json!({ "id": id }));
        Some(entry(format!("{id}  {}", run.name), detail, look))
    };
    let mut entries: Vec<Entry> = runs.iter().rev().filter_map(of).collect();
    let title = if entries.is_empty() { "Runs: none yet" } else { "Runs" };
    if entries.is_empty() {
        let start = "`hearth runs start PLAN.toml` starts one";
        entries.push(entry("Close", start, Target::Nothing));
    }
    panel(title, Vec::new(), entries)
}

/// Tries of a step that its card tells one by one.
const TRIES_SHOWN_MAX: usize = 5;

fn run_card(run: &RunView) -> Picker {
    let summary = &run.summary;
    let id: u64 = summary.id.parse().unwrap_or_default();
    let mut about = vec![
        About::Fact("State", format!("{}: {}", run_word(summary.state), run.reason)),
        About::Fact("For", run.principal.clone()),
        About::Fact("Steps", format!("{} of {} done", summary.steps.done, summary.steps.total)),
    ];
    let timeline = Timeline::of(run, Time::now().0);
    if run.steps.iter().any(|step| !step.tries.is_empty()) {
        about.push(About::Fact("Took", timeline::took(timeline.length_ms())));
    }
    let mut entries: Vec<Entry> = run
        .steps
        .iter()
        .map(|step| {
            let look = json!({ "id": id, "step": step.name });
            let detail = match step.state {
                StepState::Started if step.progress > 0.0 => {
                    format!("{:.0} %", f64::from(step.progress) * 100.0)
                }
                state => match step.tries.last().and_then(|it| it.took_ms) {
                    Some(ms) => {
                        format!("{} \u{b7} {}", step_word(state), timeline::took(ms))
                    }
                    None => step_word(state).to_owned(),
                },
            };
            let stretches = timeline.stretches(&step.tries);
            let shown = entry(step.name.clone(), detail, Target::Call("run.look_step", look));
            Entry { stretches, ..shown }
        })
        .collect();
    let call = |command| Target::Call(command, json!({ "id": id }));
    match summary.state {
        RunState::Failed | RunState::Cancelled | RunState::Asks => {
            entries.push(entry("Resume the run", "what is done stays done", call("run.resume")));
        }
        RunState::Waiting | RunState::Running => {
            let detail = "what is done is taken back where the plan says how";
            entries.push(entry("Cancel the run", detail, call("run.cancel")));
        }
        RunState::Done | RunState::Cancelling => {}
    }
    entries.push(entry("Back to the runs", "", Target::Command("run.open")));
    panel(format!("Run {id}: {}", summary.name), about, entries)
}

fn step_card(run: RunId, step: &StepView) -> Picker {
    let brief = |digest: &Digest| digest.to_string()[..16].to_owned();
    let named = |(name, digest): (&String, &Digest)| format!("{name}  {}", brief(digest));
    let mut about = vec![
        About::Fact("Does", format!("{} (version {})", step.action, step.version)),
        About::Fact("State", format!("{}: {}", step_word(step.state), step.reason)),
        About::Fact("Tries", step.attempts.to_string()),
    ];
    about.extend(step.tries.iter().rev().take(TRIES_SHOWN_MAX).rev().map(|it| {
        let took =
            it.took_ms.map_or_else(String::new, |ms| format!(" after {}", timeline::took(ms)));
        About::Fact("Try", format!("{}: {}{took}", utc(it.started_ms), timeline::end_word(it.end)))
    }));
    about.extend(step.identity.map(|identity| About::Fact("Is", brief(&identity))));
    about.extend(step.inputs.iter().map(|it| About::Fact("Takes", named(it))));
    about.extend(step.outputs.iter().map(|it| About::Fact("Gave", named(it))));
    let at = json!({ "id": run.0, "step": step.name });
    let mut entries = vec![
        entry("Back to the run", "", Target::Call("run.look", json!({ "id": run.0 }))),
        entry("Open what it printed", "", Target::Call("run.open_log", at)),
    ];
    if step.state == StepState::InDoubt {
        let answer = |word: &str| {
            let arguments = json!({ "id": run.0, "step": step.name, "answer": word });
            Target::Call("run.answer", arguments)
        };
        entries.push(entry("It was not done: do it", "", answer("again")));
        entries.push(entry("It was done", "and gave nothing", answer("happened")));
        entries.push(entry("Give it up", "", answer("give_up")));
    }
    panel(format!("Step {} of run {}", step.name, run.0), about, entries)
}

fn ledger_list(size: u64, entries: &[(u64, LedgerEntry)]) -> Picker {
    let now = Time::now();
    let lines = entries.iter().rev().map(|(index, it)| {
        let rule = it.rule.as_ref().map_or(String::new(), |rule| format!(" by {rule}"));
        let label = format!("{} {} {}", it.actor, decision_word(it.decision), it.action);
        let ago = span(now.0.saturating_sub(it.time.0));
        entry(label, format!("{ago} ago{rule} \u{b7} {index}"), Target::Nothing)
    });
    let mut lines: Vec<Entry> = lines.collect();
    if lines.is_empty() {
        lines.push(entry("Close", "what is decided is listed here", Target::Nothing));
    }
    let title = match size {
        0 => "Ledger: nothing was decided yet".to_owned(),
        1 => "Ledger: one entry".to_owned(),
        size => format!("Ledger: {size} entries"),
    };
    panel(title, Vec::new(), lines)
}

/// A time as people say it.
fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0 => "less than a minute".to_owned(),
        1 => "a minute".to_owned(),
        2..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / (60 * 24)),
    }
}

fn risk_words(tier: u8) -> &'static str {
    match tier {
        0 => "looks",
        1 => "changes what undo takes back",
        2 => "changes files or settings, with a way back",
        3 => "runs programs, reaches the network or other devices",
        _ => "cannot be taken back",
    }
}

fn state_word(state: ItemState) -> &'static str {
    match state {
        ItemState::Open => "open",
        ItemState::Approved => "approved once",
        ItemState::Used => "approved and done",
        ItemState::Session => "approved for a session",
        ItemState::Always => "approved always",
        ItemState::Denied => "denied",
        ItemState::Expired => "not answered in time",
    }
}

fn run_word(state: RunState) -> &'static str {
    match state {
        RunState::Waiting => "waits",
        RunState::Running => "runs",
        RunState::Asks => "asks",
        RunState::Done => "done",
        RunState::Failed => "failed",
        RunState::Cancelling => "is being cancelled",
        RunState::Cancelled => "cancelled",
    }
}

fn step_word(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waits",
        StepState::Started => "runs",
        StepState::Asks => "asks",
        StepState::InDoubt => "in doubt",
        StepState::Done => "done",
        StepState::Cached => "was known",
        StepState::Failed => "failed",
        StepState::Compensated => "taken back",
    }
}

fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Denied => "was denied",
        Decision::Asked => "asked for",
        Decision::AllowedWith | Decision::Allowed => "was allowed",
        Decision::Approved => "approved:",
        Decision::Refused => "refused:",
        Decision::Started => "began",
        Decision::Done => "did",
        Decision::Failed => "failed at",
        Decision::Stopped => "was stopped at",
        Decision::Promoted => "promoted",
        Decision::RolledBack => "rolled back",
        Decision::Noted => "noted",
    }
}
