//! The gate with a memory: who asks is decided, written down, and where a person has to say, asked.
//!
//! [`Gate`] is pure; this is what stands around it in an unlocked profile. [`Authority::ask`]
//! decides, puts what is to be asked into the [`Inbox`], honours what was approved there, and
//! leaves an entry in the [`Ledger`]. [`Authority::approve`] and [`Authority::deny`] are a person's
//! words, [`Authority::trust`] and [`Authority::distrust`] their word about a folder, which is kept
//! in rows. The kill switch is thrown here, and lies in a file ([`SwitchFile`]).
//!
//! Invariants:
//! - what acts on its own and changes anything has its entry in the ledger, durably, before it is
//!   told that it may;
//! - an approval holds for what was looked at: principal, action, risk, resource and change;
//! - approved once is used once, whatever crashes between; for the session ends with the process;
//!   for always is an edit of the owner's policy, which is shown first and decided anew after;
//! - what cannot be taken back (L4) is asked each time;
//! - a person's no holds until the item's time is over: asking again does not ask again.
//!
//! ```
//! # use std::{path::Path, sync::Arc, time::Duration};
//! # use kernel::disk::sim::SimDisk;
//! # use kernel::gate::{Context, Fact, Gate, PolicyFiles, Places, Request, Resource};
//! # use kernel::keys::{Profile, Protection};
//! # use kernel::ledger::{self, DeviceKey, Ledger, SubjectKeys, TraceId};
//! # use kernel::log::{Log, LogOptions, LogWriter};
//! # use kernel::row::{RowOptions, Rows, Source};
//! # use kernel::{Risk, principal::ActionId};
//! use kernel::authority::{Approval, Ask, Authority, Outcome, Parts, SwitchFile};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let disk = Arc::new(SimDisk::new(1));
//! # let keys = Profile::create(&*disk, Path::new("p"), Protection::Unprotected)?;
//! # let log = Log::open(disk.clone(), Path::new("p/log"), keys.sealer("log"),
//! #     LogOptions::default())?;
//! # let writer = Arc::new(LogWriter::start(log, |_| {})?);
//! # let patience = Duration::from_secs(10);
//! # let source = Source { log: writer.clone(), opener: keys.opener("log") };
//! # let rows = Rows::open(disk.clone(), Path::new("p/rows"), source, &keys,
//! #     RowOptions::default())?;
//! # let (ledger, _) = Ledger::open(ledger::Parts { disk: disk.clone(), dir: Path::new("p/ledger"),
//! #     keys: &keys, writer, opener: keys.opener("log"),
//! #     signer: Arc::new(DeviceKey::from_seed(&[1; 32])), patience })?;
//! # let subjects = SubjectKeys::open(&*disk, Path::new("p/subjects"), &keys)?;
//! # let files = PolicyFiles { user: "p/policy.toml".into(), ..PolicyFiles::default() };
//! # let gate = Arc::new(Gate::new(files.read(&*disk), Places::default()).0);
//! # let switch = SwitchFile::new(disk.clone(), "p/kill-switch".into());
//! let authority = Authority::open(Parts {
//!     gate, rows: Arc::new(rows), ledger: Arc::new(ledger), subjects: Arc::new(subjects),
//!     disk, files, switch, patience, told: Box::new(|event| println!("{event:?}")),
//! })?;
//! let (agent, action) = ("agent:helper".parse()?, ActionId::new("file.write")?);
//! let ask = Ask {
//!     request: Request { principal: &agent, action: &action, risk: Risk::L2,
//!         resource: &Resource::Nothing, context: Context::of(&[Fact::Trusted]),
//!         workspace: None },
//!     trace: TraceId(7), origin: "a conversation", diff: Some("-one\n+two\n"),
//!     stands: Duration::from_secs(3600),
//! };
//! let Outcome::Asked(item) = authority.ask(&ask)? else { panic!("an agent asks") };
//! authority.approve(item, Approval::Once)?;
//! assert!(matches!(authority.ask(&ask)?, Outcome::Allowed(_)));
//! assert!(matches!(authority.ask(&ask)?, Outcome::Asked(_)), "once is once");
//! # Ok(()) }
//! ```

mod edit;
mod fault;
mod keeper;
mod switch;
mod trust;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use edit::PolicyEdit;
pub use fault::AuthorityError;
pub use keeper::{Keeper, Tiers};
pub use switch::SwitchFile;
pub use trust::TrustPrint;

use crate::action::Risk;
use crate::disk::{self, Disk};
use crate::gate::{
    CanonicalPath, Context, Decided, Gate, KillSwitch, Obligations, PolicyFiles, Problem, Question,
    Request, Resource, Source, Verdict,
};
use crate::inbox::{DIFF_BYTES_MAX, Inbox, Item, ItemId, ItemState, OPEN_MAX, ORIGIN_BYTES_MAX};
use crate::ledger::{Decision, Entry, EvidenceHash, Ledger, SubjectKeys, Time, TraceId};
use crate::principal::{ActionId, Name, Principal};
use crate::row::{RowError, Rows, Table, Transaction};

/// What the ledger was last told of the kill switch: 1 for on.
const SWITCH_TOLD: Table<(), u64> = Table::new("kill switch");

/// Denials of principals that do not act on their own, in one minute: a socket client cannot fill
/// the ledger.
const DENIALS_MAX: u32 = 60;

/// What an authority is made of.
pub struct Parts {
    /// Decides.
    pub gate: Arc<Gate>,
    /// Keeps the Inbox.
    pub rows: Arc<Rows>,
    /// Is told.
    pub ledger: Arc<Ledger>,
    /// Hashes what entries are about.
    pub subjects: Arc<SubjectKeys>,
    /// Where the policy files lie.
    pub disk: Arc<dyn Disk>,
    /// The policy's files.
    pub files: PolicyFiles,
    /// The kill switch.
    pub switch: SwitchFile,
    /// How long the disk is waited for.
    pub patience: Duration,
    /// Told of news of the Inbox, on whatever thread makes them: it must only pass that on.
    pub told: Box<dyn Fn(Event) + Send + Sync>,
}

/// News of the Inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A person is asked.
    Asked(ItemId),
    /// Somebody may go on, or has to give up.
    Settled(ItemId),
}

/// What is asked, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who wants what.
    pub request: Request<'a>,
    /// What it is a part of.
    pub trace: TraceId,
    /// Where it comes from, for a person; at most [`ORIGIN_BYTES_MAX`].
    pub origin: &'a str,
    /// What would change; at most [`DIFF_BYTES_MAX`].
    pub diff: Option<&'a str>,
    /// How long the question stands.
    pub stands: Duration,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may be done now, so.
    Allowed(Obligations),
    /// It must not be.
    Denied(Verdict),
    /// A person has to say: ask again when the item is settled.
    Asked(ItemId),
    /// It may be done, but was done too often in this minute: ask again after so long.
    Later(Duration),
}

/// What a person approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// This, one time.
    Once,
    /// This principal, action and resource, while the process runs.
    Session,
    /// The same, from now on, by this edit of the policy; [`Authority::proposal`] gives it.
    Always(PolicyEdit),
}

/// What was approved for as long as the process runs.
struct Grant {
    principal: Principal,
    action: ActionId,
    risk: Risk,
    resource: Resource,
    workspace: Option<CanonicalPath>,
}

/// See the [module](self).
pub struct Authority {
    gate: Arc<Gate>,
    rows: Arc<Rows>,
    inbox: Inbox,
    ledger: Arc<Ledger>,
    subjects: Arc<SubjectKeys>,
    disk: Arc<dyn Disk>,
    files: Mutex<PolicyFiles>,
    switch: SwitchFile,
    patience: Duration,
    told: Box<dyn Fn(Event) + Send + Sync>,
    session: Mutex<Vec<Grant>>,
    /// The minute, and how many denials it has had.
    denials: Mutex<(u64, u32)>,
    /// One answer of a person at a time: an edit of the policy is a read and a write.
    answering: Mutex<()>,
}

impl Authority {
    /// Begins, with the kill switch as its file says. If that was changed while no ledger was
    /// open, it is told now. Not for the UI thread.
    ///
    /// # Errors
    /// What the rows or the ledger say.
    pub fn open(parts: Parts) -> Result<Self, AuthorityError> {
        let Parts { gate, rows, ledger, subjects, disk, files, switch, patience, told } = parts;
        let authority = Self {
            inbox: Inbox::new(rows.clone(), patience),
            files: Mutex::new(files),
            session: Mutex::default(),
            denials: Mutex::default(),
            answering: Mutex::default(),
            gate,
            rows,
            ledger,
            subjects,
            disk,
            switch,
            patience,
            told,
        };
        let state = authority.switch.state();
        if authority.gate.kill_switch() != state {
            authority.gate.set_kill_switch(state);
        }
        authority.tell_switch(state, &Principal::Owner, Decision::Noted)?;
        Ok(authority)
    }

    /// Decides about `ask`. What may be done once is used up by this. Not for the UI thread.
    ///
    /// # Errors
    /// What the rows, the ledger or the disk say: it must then not be done.
    pub fn ask(&self, ask: &Ask<'_>) -> Result<Outcome, AuthorityError> {
        let verdict = self.gate.decide(&ask.request);
        match &verdict.decided {
            Decided::Allow => self.allow(ask, &verdict, Decision::Allowed, Obligations::default()),
            Decided::AllowWith(obligations) => {
                self.allow(ask, &verdict, Decision::AllowedWith, (**obligations).clone())
            }
            Decided::Deny => self.deny_now(ask, verdict),
            Decided::Ask(question) => self.put(ask, &verdict, question),
        }
    }

    fn allow(
        &self,
        ask: &Ask<'_>,
        verdict: &Verdict,
        decision: Decision,
        obligations: Obligations,
    ) -> Result<Outcome, AuthorityError> {
        let request = &ask.request;
        if let Err(wait) = self.gate.pace(request, &obligations, Instant::now()) {
            return Ok(Outcome::Later(wait));
        }
        self.note_allowed(ask, verdict, decision, &obligations)
    }

    fn note_allowed(
        &self,
        ask: &Ask<'_>,
        verdict: &Verdict,
        decision: Decision,
        obligations: &Obligations,
    ) -> Result<Outcome, AuthorityError> {
        let request = &ask.request;
        // A person's own typing is no decision of anybody's; what runs programs is.
        if request.principal.is_autonomous() || request.risk >= Risk::L3 {
            let rule = verdict.because.rule.clone();
            self.note(request, decision, rule, Vec::new(), ask.trace)?;
            if request.risk > Risk::L0 {
                self.ledger.flush(self.patience)?;
            }
        }
        Ok(Outcome::Allowed(obligations.clone()))
    }

    fn deny_now(&self, ask: &Ask<'_>, verdict: Verdict) -> Result<Outcome, AuthorityError> {
        if ask.request.principal.is_autonomous() || self.may_note_denial() {
            let rule = verdict.because.rule.clone();
            self.note(&ask.request, Decision::Denied, rule, Vec::new(), ask.trace)?;
        }
        Ok(Outcome::Denied(verdict))
    }

    fn may_note_denial(&self) -> bool {
        let minute = Time::now().0 / 60_000;
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.0 != minute {
            *denials = (minute, 0);
        }
        denials.1 += 1;
        denials.1 <= DENIALS_MAX
    }

    /// A question: answered already, or for the Inbox.
    fn put(
        &self,
        ask: &Ask<'_>,
        verdict: &Verdict,
        question: &Question,
    ) -> Result<Outcome, AuthorityError> {
        let request = &ask.request;
        let rule = verdict.because.rule.clone();
        if self.is_granted(request) {
            return self.allow(ask, verdict, Decision::Approved, question.obligations.clone());
        }
        if ask.diff.is_some_and(|diff| diff.len() > DIFF_BYTES_MAX) {
            return Err(AuthorityError::TooLong(DIFF_BYTES_MAX));
        }
        let digest = digest_of(ask);
        let now = Time::now();
        match self.inbox.bound_to(&digest)? {
            Some((id, item)) if item.is_open(now) => return Ok(Outcome::Asked(id)),
            Some((id, item)) if item.state == ItemState::Approved && !item.is_past(now) => {
                if let Err(wait) = self.gate.pace(request, &question.obligations, Instant::now()) {
                    return Ok(Outcome::Later(wait));
                }
                // Of two that use it at the same moment, one does.
                self.inbox.settle(id, &item, ItemState::Used)?;
                return self.note_allowed(ask, verdict, Decision::Approved, &question.obligations);
            }
            Some((_, item)) if item.state == ItemState::Denied && !item.is_past(now) => {
                let evidence = vec![EvidenceHash(item.digest)];
                self.note(request, Decision::Refused, rule, evidence, ask.trace)?;
                let denied = Verdict { decided: Decided::Deny, because: verdict.because.clone() };
                return Ok(Outcome::Denied(denied));
            }
            _ => {}
        }
        let item = self.item(ask, verdict, question, digest, now);
        let of_same =
            |other: &(ItemId, Item)| other.1.is_open(now) && other.1.principal == item.principal;
        if self.inbox.all()?.iter().filter(|it| of_same(it)).count() >= OPEN_MAX {
            return Err(AuthorityError::Full);
        }
        let id = self.inbox.add(&item)?;
        let evidence = vec![EvidenceHash(digest)];
        self.note(request, Decision::Asked, rule, evidence, ask.trace)?;
        (self.told)(Event::Asked(id));
        Ok(Outcome::Asked(id))
    }

    fn item(
        &self,
        ask: &Ask<'_>,
        verdict: &Verdict,
        question: &Question,
        digest: [u8; 32],
        now: Time,
    ) -> Item {
        let request = &ask.request;
        let because = &verdict.because;
        let rule = because.rule.as_ref().map_or("", Name::as_str);
        let end = ask.origin.floor_char_boundary(ORIGIN_BYTES_MAX);
        let stands = u64::try_from(ask.stands.as_millis()).unwrap_or(u64::MAX);
        Item {
            state: ItemState::Open,
            principal: request.principal.to_string(),
            action: request.action.to_string(),
            tier: request.risk as u8,
            resource: request.resource.to_string(),
            facts: request.context.facts(),
            workspace: request.workspace.map(ToString::to_string),
            reason: question.reason.clone(),
            rule: format!("{}:{rule}", because.layer.name()),
            obligations: question.obligations.clone(),
            diff: ask.diff.map(str::to_owned),
            origin: ask.origin[..end].to_owned(),
            trace: ask.trace.to_string(),
            digest,
            asked_ms: now.0,
            expires_ms: now.0.saturating_add(stands),
            settled_ms: None,
        }
    }

    fn is_granted(&self, request: &Request<'_>) -> bool {
        request.risk < Risk::L4
            && self.session().iter().any(|grant| {
                grant.principal == *request.principal
                    && grant.action == *request.action
                    && grant.resource == *request.resource
                    && grant.workspace.as_ref() == request.workspace
                    && grant.risk >= request.risk
            })
    }

    /// What the Inbox holds, newest first; open items whose time is over are told as expired.
    ///
    /// # Errors
    /// What the rows say.
    pub fn items(&self) -> Result<Vec<(ItemId, Item)>, AuthorityError> {
        let now = Time::now();
        let mut items = self.inbox.all()?;
        for (_, item) in &mut items {
            if item.state == ItemState::Open && item.is_past(now) {
                item.state = ItemState::Expired;
            }
        }
        Ok(items)
    }

    /// One item, as in the list.
    ///
    /// # Errors
    /// There is none, or what the rows say.
    pub fn show(&self, id: ItemId) -> Result<Item, AuthorityError> {
        let mut item = self.inbox.get(id)?.ok_or(AuthorityError::Unknown(id))?;
        if item.state == ItemState::Open && item.is_past(Time::now()) {
            item.state = ItemState::Expired;
        }
        Ok(item)
    }

    /// The edit of the policy that approving for always would make. Not for the UI thread.
    ///
    /// # Errors
    /// Where that cannot be: it is asked each time, or its resource cannot be written as a rule.
    pub fn proposal(&self, id: ItemId) -> Result<PolicyEdit, AuthorityError> {
        let item = self.open_item(id)?;
        if item.risk() == Risk::L4 {
            return Err(AuthorityError::EachTime);
        }
        if item.resource.contains('*') {
            return Err(AuthorityError::NoRule(item.resource));
        }
        let path = self.files().user.clone();
        let before = crate::gate::read_policy(&*self.disk, &path)
            .map_err(|error| AuthorityError::Disk(path.clone(), error))?
            .unwrap_or_default();
        let asked = Asked::read(&item).ok_or(AuthorityError::Unreadable(id))?;
        let added = edit::rule(&self.gate, &asked.request(&item), &item, &before);
        Ok(PolicyEdit { path, before, added })
    }

    /// A person's yes. Not for the UI thread.
    ///
    /// # Errors
    /// The item is settled or its time is over; the policy was changed since it was shown, or does
    /// not allow it even so; or what the rows, the ledger or the disk say.
    pub fn approve(&self, id: ItemId, approval: Approval) -> Result<Item, AuthorityError> {
        let _one = self.answer_alone();
        let item = self.open_item(id)?;
        let asked = Asked::read(&item).ok_or(AuthorityError::Unreadable(id))?;
        let state = match approval {
            Approval::Once => ItemState::Approved,
            Approval::Session if item.risk() == Risk::L4 => return Err(AuthorityError::EachTime),
            Approval::Session => ItemState::Session,
            Approval::Always(edit) => {
                self.make_edit(&edit, &item, &asked)?;
                ItemState::Always
            }
        };
        let settled = self.inbox.settle(id, &item, state)?;
        if state == ItemState::Session {
            let Asked { principal, action, resource, workspace, .. } = asked;
            let risk = item.risk();
            self.session().push(Grant { principal, action, risk, resource, workspace });
        }
        self.note_answer("inbox.approve", &item, Decision::Approved)?;
        (self.told)(Event::Settled(id));
        Ok(settled)
    }

    /// A person's no.
    ///
    /// # Errors
    /// As [`Authority::approve`].
    pub fn deny(&self, id: ItemId) -> Result<Item, AuthorityError> {
        let _one = self.answer_alone();
        let item = self.open_item(id)?;
        let settled = self.inbox.settle(id, &item, ItemState::Denied)?;
        self.note_answer("inbox.deny", &item, Decision::Refused)?;
        (self.told)(Event::Settled(id));
        Ok(settled)
    }

    fn open_item(&self, id: ItemId) -> Result<Item, AuthorityError> {
        let item = self.show(id)?;
        if item.state == ItemState::Open {
            Ok(item)
        } else {
            Err(AuthorityError::Settled(id, item.state))
        }
    }

    /// Writes the rule, puts it in force, and takes it back if the gate still says otherwise.
    fn make_edit(
        &self,
        edit: &PolicyEdit,
        item: &Item,
        asked: &Asked,
    ) -> Result<(), AuthorityError> {
        let wrap = |error| AuthorityError::Disk(edit.path.clone(), error);
        let now = crate::gate::read_policy(&*self.disk, &edit.path).map_err(wrap)?;
        if now.as_deref().unwrap_or_default() != edit.before {
            return Err(AuthorityError::Changed(edit.path.clone()));
        }
        let text = edit.after();
        let source = Source { file: edit.path.display().to_string(), text: text.clone() };
        self.gate.test(edit::LAYER, &source).map_err(AuthorityError::Policy)?;
        let dir = edit.path.parent().unwrap_or(std::path::Path::new("."));
        self.disk.create_dir(dir).map_err(wrap)?;
        disk::replace(&*self.disk, &edit.path, text.as_bytes()).map_err(wrap)?;
        self.reload(None);
        let verdict = self.gate.decide(&asked.request(item));
        if matches!(verdict.decided, Decided::Allow | Decided::AllowWith(_)) {
            return Ok(());
        }
        match now {
            Some(before) => disk::replace(&*self.disk, &edit.path, before.as_bytes()),
            None => self.disk.remove(&edit.path),
        }
        .map_err(wrap)?;
        self.reload(None);
        Err(AuthorityError::StillAsked(Box::new(verdict)))
    }

    /// Reads the policy anew, from other files if any are given. Not for the UI thread.
    pub fn reload(&self, files: Option<PolicyFiles>) -> Vec<Problem> {
        let mut held = self.files();
        if let Some(files) = files {
            *held = files;
        }
        self.gate.reload(held.read(&*self.disk), held.places.clone())
    }

    /// Throws the kill switch: the gate knows at once, the file and the ledger when this answers.
    /// Turned off, the file goes first, so that nothing begins that a crash would stop.
    ///
    /// # Errors
    /// What the disk or the ledger say; on is in force all the same.
    pub fn set_kill_switch(
        &self,
        switch: KillSwitch,
        actor: &Principal,
    ) -> Result<(), AuthorityError> {
        let wrap = |error| AuthorityError::Disk(self.switch.path().to_owned(), error);
        if switch == KillSwitch::On {
            self.gate.set_kill_switch(switch);
        }
        self.switch.set(switch).map_err(wrap)?;
        self.tell_switch(switch, actor, Decision::Done)?;
        if switch == KillSwitch::Off {
            self.gate.set_kill_switch(switch);
        }
        Ok(())
    }

    /// Tells the ledger of the switch, unless it knows.
    fn tell_switch(
        &self,
        switch: KillSwitch,
        actor: &Principal,
        decision: Decision,
    ) -> Result<(), AuthorityError> {
        let told = self.rows.snapshot().get(&SWITCH_TOLD, &())?.unwrap_or(0);
        let number = u64::from(switch == KillSwitch::On);
        if told == number {
            return Ok(());
        }
        let action = if switch == KillSwitch::On { "kill.on" } else { "kill.off" };
        self.ledger.append(&Entry {
            time: Time::now(),
            trace: TraceId(0),
            actor: actor.clone(),
            action: ActionId::new(action).expect("it is of the grammar"),
            subject: None,
            decision,
            rule: None,
            evidence: Vec::new(),
        })?;
        self.ledger.flush(self.patience)?;
        let mut transaction = Transaction::new();
        transaction.put(&SWITCH_TOLD, &(), &number);
        self.rows.commit(transaction).wait(self.patience)?;
        Ok(())
    }

    /// The ledger's entry of a decision or of what came of it. It touches no disk.
    ///
    /// # Errors
    /// When the log takes no more.
    pub fn note(
        &self,
        request: &Request<'_>,
        decision: Decision,
        rule: Option<Name>,
        evidence: Vec<EvidenceHash>,
        trace: TraceId,
    ) -> Result<(), AuthorityError> {
        let subject = match request.resource {
            Resource::Nothing => None,
            resource => Some(self.subjects.subject(resource.to_string().as_bytes())),
        };
        self.ledger.append(&Entry {
            time: Time::now(),
            trace,
            actor: request.principal.clone(),
            action: request.action.clone(),
            subject,
            decision,
            rule,
            evidence,
        })?;
        Ok(())
    }

    fn note_answer(
        &self,
        action: &str,
        item: &Item,
        decision: Decision,
    ) -> Result<(), AuthorityError> {
        self.ledger.append(&Entry {
            time: Time::now(),
            trace: TraceId(u128::from_str_radix(&item.trace, 16).unwrap_or(0)),
            actor: Principal::Owner,
            action: ActionId::new(action).expect("it is of the grammar"),
            subject: Some(self.subjects.subject(item.resource.as_bytes())),
            decision,
            rule: None,
            evidence: vec![EvidenceHash(item.digest)],
        })?;
        self.ledger.flush(self.patience)?;
        Ok(())
    }

    /// The gate that it stands around.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The ledger that it writes to.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    fn answer_alone(&self) -> MutexGuard<'_, ()> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> MutexGuard<'_, PolicyFiles> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> MutexGuard<'_, Vec<Grant>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({:?}, {:?})", self.gate, self.ledger)
    }
}

/// An item's request, as it was asked.
struct Asked {
    principal: Principal,
    action: ActionId,
    resource: Resource,
    context: Context,
    workspace: Option<CanonicalPath>,
}

impl Asked {
    fn read(item: &Item) -> Option<Self> {
        Some(Self {
            principal: item.principal.parse().ok()?,
            action: ActionId::new(&item.action).ok()?,
            resource: Resource::read(&item.resource)?,
            context: item.facts.iter().copied().collect(),
            workspace: item.workspace.as_deref().and_then(CanonicalPath::lexical),
        })
    }

    fn request(&self, item: &Item) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: &self.action,
            risk: item.risk(),
            resource: &self.resource,
            context: self.context,
            workspace: self.workspace.as_ref(),
        }
    }
}

/// What an approval is bound to.
fn digest_of(ask: &Ask<'_>) -> [u8; 32] {
    let request = &ask.request;
    let mut hasher = blake3::Hasher::new_derive_key("hearth 2026-11 inbox item");
    let parts = [
        request.principal.to_string(),
        request.action.to_string(),
        format!("L{}", request.risk as u8),
        request.resource.to_string(),
        ask.diff.map_or_else(String::new, |diff| format!("diff {diff}")),
    ];
    let workspace = request.workspace.map(|root| format!("in {root}"));
    for part in parts.into_iter().chain(workspace) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

impl From<RowError> for AuthorityError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}
