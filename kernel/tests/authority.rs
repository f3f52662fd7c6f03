//! Who is asked, what their answers do, and what of it survives.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::Risk;
use kernel::authority::{
    Approval, Ask, Authority, AuthorityError, Event, Outcome, Parts, SwitchFile, TrustPrint,
};
use kernel::disk::sim::SimDisk;
use kernel::disk::{self, Disk};
use kernel::gate::{
    CanonicalPath, Context, Decided, Fact, Gate, KillSwitch, PolicyFiles, Request, Resource,
};
use kernel::inbox::{ItemId, ItemState, OPEN_MAX};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::ledger::{self, Decision, DeviceKey, Entry, Ledger, SubjectKeys, TraceId};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::principal::{ActionId, Principal};
use kernel::row::{RowOptions, Rows, Source};

const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_millis(400);
const USER: &str = "p/policy.toml";
const SWITCH: &str = "p/kill-switch";

fn profile() -> Unlocked {
    Profile::create(&SimDisk::new(0), Path::new("home"), Protection::Unprotected).unwrap()
}

/// A process with an authority, and what it was told.
struct Process {
    authority: Authority,
    told: Arc<Mutex<Vec<Event>>>,
}

fn try_open(disk: &SimDisk, keys: &Unlocked) -> Result<Process, String> {
    let disk: Arc<dyn Disk> = Arc::new(disk.process());
    let fail = |error: &dyn std::fmt::Display| error.to_string();
    let options = LogOptions { segment_bytes: 60_000, reserve_bytes: 0 };
    let log = Log::open(disk.clone(), Path::new("p/log"), keys.sealer("log"), options);
    let writer = LogWriter::start(log.map_err(|error| fail(&error))?, |_| {}).unwrap();
    let writer = Arc::new(writer);
    let source = Source { log: writer.clone(), opener: keys.opener("log") };
    let dir = Path::new("p/rows");
    let rows = Rows::open(disk.clone(), dir, source, keys, RowOptions::default());
    let parts = ledger::Parts {
        disk: disk.clone(),
        dir: Path::new("p/ledger"),
        keys,
        writer,
        opener: keys.opener("log"),
        signer: Arc::new(DeviceKey::from_seed(&[7; 32])),
        patience: PATIENCE,
    };
    let (ledger, faults) = Ledger::open(parts).map_err(|error| fail(&error))?;
    assert!(faults.is_empty(), "{faults:?}");
    let subjects = SubjectKeys::open(&*disk, Path::new("p/subjects"), keys);
    let files = PolicyFiles { user: USER.into(), ..PolicyFiles::default() };
    let (gate, problems) = Gate::new(files.read(&*disk), files.places.clone());
    assert!(problems.is_empty(), "{problems:?}");
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let authority = Authority::open(Parts {
        gate: Arc::new(gate),
        rows: Arc::new(rows.map_err(|error| fail(&error))?),
        ledger: Arc::new(ledger),
        subjects: Arc::new(subjects.map_err(|error| fail(&error))?),
        switch: SwitchFile::new(disk.clone(), SWITCH.into()),
        disk,
        files,
        patience: PATIENCE,
        told: Box::new(move |event| heard.lock().unwrap().push(event)),
    });
    Ok(Process { authority: authority.map_err(|error| fail(&error))?, told })
}

fn open(disk: &SimDisk, keys: &Unlocked) -> Process {
    try_open(disk, keys).unwrap()
}

/// Somebody who asks.
struct Asker {
    principal: Principal,
    action: ActionId,
    resource: Resource,
    risk: Risk,
}

impl Asker {
    fn agent() -> Self {
        Self {
            principal: "agent:helper".parse().unwrap(),
            action: ActionId::new("file.write").unwrap(),
            resource: Resource::Nothing,
            risk: Risk::L2,
        }
    }

    fn owner_erases() -> Self {
        Self {
            principal: Principal::Owner,
            action: ActionId::new("history.erase").unwrap(),
            resource: Resource::Nothing,
            risk: Risk::L4,
        }
    }

    fn ask(&self, authority: &Authority, diff: &str) -> Result<Outcome, AuthorityError> {
        let request = Request {
            principal: &self.principal,
            action: &self.action,
            risk: self.risk,
            resource: &self.resource,
            context: Context::of(&[Fact::Trusted]),
            workspace: None,
        };
        let (trace, diff) = (TraceId(7), Some(diff));
        authority.ask(&Ask { request, trace, origin: "a test", diff, stands: HOUR })
    }

    fn item(&self, authority: &Authority, diff: &str) -> ItemId {
        match self.ask(authority, diff) {
            Ok(Outcome::Asked(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    fn is_allowed(&self, authority: &Authority, diff: &str) -> bool {
        matches!(self.ask(authority, diff), Ok(Outcome::Allowed(_)))
    }
}

fn entries(authority: &Authority) -> Vec<Entry> {
    let mut entries = Vec::new();
    authority.ledger().entries(0..u64::MAX, |_, entry| entries.push(entry)).unwrap();
    entries
}

fn decisions(authority: &Authority) -> Vec<(String, Decision)> {
    entries(authority).into_iter().map(|it| (it.action.to_string(), it.decision)).collect()
}

#[test]
fn approved_once_is_once_and_for_what_was_looked_at() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let Process { authority, told } = open(&disk, &keys);
    let item = agent.item(&authority, "+one");
    assert_eq!(agent.item(&authority, "+one"), item, "one question is one item");
    let other = agent.item(&authority, "+two");
    assert_ne!(item, other, "another change is another question");
    assert_eq!(*told.lock().unwrap(), [Event::Asked(item), Event::Asked(other)]);
    authority.approve(item, Approval::Once).unwrap();
    assert!(!agent.is_allowed(&authority, "+two"));
    assert!(agent.is_allowed(&authority, "+one"));
    assert!(!agent.is_allowed(&authority, "+one"));
    assert_eq!(authority.show(item).unwrap().state, ItemState::Used);
    assert!(matches!(
        authority.approve(item, Approval::Once),
        Err(AuthorityError::Settled(_, ItemState::Used))
    ));
    let written = |decision| ("file.write".to_owned(), decision);
    assert_eq!(
        decisions(&authority),
        [
            written(Decision::Asked),
            written(Decision::Asked),
            ("inbox.approve".to_owned(), Decision::Approved),
            written(Decision::Approved),
            written(Decision::Asked),
        ]
    );
    assert!(authority.ledger().verify().unwrap().is_ok());
}

#[test]
fn a_question_and_its_answer_survive_and_a_session_does_not() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let process = open(&disk, &keys);
    let item = agent.item(&process.authority, "+one");
    let session = agent.item(&process.authority, "+session");
    process.authority.approve(session, Approval::Session).unwrap();
    assert!(agent.is_allowed(&process.authority, "+any"), "a session is for any change");
    disk.cut_power();
    drop(process);
    let Process { authority, .. } = open(&disk, &keys);
    assert!(!agent.is_allowed(&authority, "+session"));
    let kept = authority.show(item).unwrap();
    assert_eq!((kept.state, kept.diff.as_deref()), (ItemState::Open, Some("+one")));
    assert_eq!((kept.rule.as_str(), kept.tier), ("builtin:agent-asks", 2));
    authority.deny(item).unwrap();
    disk.cut_power();
    drop(authority);
    let Process { authority, told } = open(&disk, &keys);
    let asked = agent.ask(&authority, "+one").unwrap();
    assert!(matches!(asked, Outcome::Denied(verdict) if verdict.decided == Decided::Deny));
    assert!(told.lock().unwrap().is_empty(), "a no is not asked again");
}

#[test]
fn always_is_an_edit_that_is_shown_and_decided_anew() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let mine = "# mine\n[[rule]]\nid = \"reads\"\neffect = \"permit\"\nprincipal = [\"client\"]\n\
                action = [\"file.read\"]\n";
    disk::replace(&disk, Path::new(USER), mine.as_bytes()).unwrap();
    let Process { authority, .. } = open(&disk, &keys);
    let item = agent.item(&authority, "+one");
    let edit = authority.proposal(item).unwrap();
    assert_eq!(edit.before, mine);
    assert!(edit.added.contains("answers = [\"builtin:agent-asks\"]"), "{}", edit.added);
    authority.approve(item, Approval::Always(edit.clone())).unwrap();
    let text = disk::read(&disk, Path::new(USER), 10_000).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), edit.after());
    assert!(agent.is_allowed(&authority, "+other"));
    let mut stranger = Asker::agent();
    stranger.principal = "agent:stranger".parse().unwrap();
    let again = stranger.item(&authority, "+one");
    // Two who look at the same time: the second has to look again.
    let other = authority.proposal(again).unwrap();
    disk::replace(&disk, Path::new(USER), b"# empty\n").unwrap();
    let changed = authority.approve(again, Approval::Always(other));
    assert!(matches!(changed, Err(AuthorityError::Changed(_))), "{changed:?}");
    drop(authority);
    let Process { authority, .. } = open(&disk, &keys);
    assert!(!agent.is_allowed(&authority, "+other"), "a rule that was taken out is gone");
}

#[test]
fn an_edit_that_another_rule_outweighs_is_taken_back() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let Process { authority, .. } = open(&disk, &keys);
    let item = agent.item(&authority, "+one");
    let own = "[[rule]]\nid = \"not-files\"\neffect = \"forbid\"\nprincipal = [\"agent\"]\n\
               action = [\"file.write\"]\n";
    disk::replace(&disk, Path::new(USER), own.as_bytes()).unwrap();
    let edit = authority.proposal(item).unwrap();
    let refused = authority.approve(item, Approval::Always(edit)).unwrap_err();
    assert!(refused.to_string().contains("not-files"), "{refused}");
    assert_eq!(disk::read(&disk, Path::new(USER), 10_000).unwrap(), own.as_bytes());
    assert_eq!(authority.show(item).unwrap().state, ItemState::Open);
    disk::replace(&disk, Path::new(USER), b"[[rule]\n").unwrap();
    let edit = authority.proposal(item).unwrap();
    let refused = authority.approve(item, Approval::Always(edit)).unwrap_err();
    assert!(matches!(refused, AuthorityError::Policy(_)), "{refused}");
}

#[test]
fn what_cannot_be_taken_back_is_asked_each_time() {
    let (disk, keys, owner) = (SimDisk::new(1), profile(), Asker::owner_erases());
    let Process { authority, .. } = open(&disk, &keys);
    let item = owner.item(&authority, "-all");
    assert!(matches!(authority.proposal(item), Err(AuthorityError::EachTime)));
    let session = authority.approve(item, Approval::Session);
    assert!(matches!(session, Err(AuthorityError::EachTime)));
    let always = "[[rule]]\nid = \"erases\"\neffect = \"permit\"\nprincipal = [\"owner\"]\n\
                  action = [\"*\"]\nanswers = [\"builtin:owner-confirms\"]\n";
    disk::replace(&disk, Path::new(USER), always.as_bytes()).unwrap();
    assert!(authority.reload(None).is_empty());
    assert_eq!(owner.item(&authority, "-all"), item);
    authority.approve(item, Approval::Once).unwrap();
    assert!(owner.is_allowed(&authority, "-all") && !owner.is_allowed(&authority, "-all"));
}

#[test]
fn the_kill_switch_stops_at_once_and_survives() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let Process { authority, .. } = open(&disk, &keys);
    let item = agent.item(&authority, "+one");
    authority.approve(item, Approval::Session).unwrap();
    assert!(agent.is_allowed(&authority, "+one"));
    authority.set_kill_switch(KillSwitch::On, &Principal::Client).unwrap();
    assert!(matches!(agent.ask(&authority, "+one"), Ok(Outcome::Denied(_))));
    disk.cut_power();
    drop(authority);
    let Process { authority, .. } = open(&disk, &keys);
    assert_eq!(authority.gate().kill_switch(), KillSwitch::On);
    assert!(matches!(agent.ask(&authority, "+one"), Ok(Outcome::Denied(_))));
    authority.set_kill_switch(KillSwitch::Off, &Principal::Owner).unwrap();
    assert!(matches!(agent.ask(&authority, "+one"), Ok(Outcome::Asked(_))));
    drop(authority);
    // By hand, while nothing runs; and what is no file at all.
    disk::replace(&disk, Path::new(SWITCH), b"").unwrap();
    let Process { authority, .. } = open(&disk, &keys);
    assert_eq!(authority.gate().kill_switch(), KillSwitch::On);
    let of_switch = |it: &(String, Decision)| it.0.starts_with("kill.");
    let told: Vec<_> = decisions(&authority).into_iter().filter(of_switch).collect();
    let entry = |action: &str, decision| (action.to_owned(), decision);
    let wanted = [
        entry("kill.on", Decision::Done),
        entry("kill.off", Decision::Done),
        entry("kill.on", Decision::Noted),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn who_asks_without_end_is_heard_no_more() {
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let Process { authority, .. } = open(&disk, &keys);
    for at in 0..OPEN_MAX {
        agent.item(&authority, &format!("+{at}"));
    }
    assert!(matches!(agent.ask(&authority, "+more"), Err(AuthorityError::Full)));
    let long = "+".repeat(kernel::inbox::DIFF_BYTES_MAX + 1);
    assert!(matches!(agent.ask(&authority, &long), Err(AuthorityError::TooLong(_))));
    authority.deny(ItemId(1)).unwrap();
    agent.item(&authority, "+more");
}

#[test]
fn nothing_of_a_change_reaches_the_ledger_or_the_disk_in_the_clear() {
    const CANARY: &str = "canary-5e3a91-in-a-change";
    let (disk, keys, agent) = (SimDisk::new(1), profile(), Asker::agent());
    let Process { authority, .. } = open(&disk, &keys);
    agent.item(&authority, CANARY);
    authority.ledger().checkpoint().unwrap();
    for (at, entry) in entries(&authority).iter().enumerate() {
        assert!(!ledger::export::json(at as u64, entry).contains("canary"));
    }
    drop(authority);
    for dir in ["p", "p/log", "p/rows", "p/ledger"] {
        for name in disk.list(Path::new(dir)).unwrap() {
            let path = Path::new(dir).join(name);
            let bytes = disk::read(&disk, &path, usize::MAX).unwrap();
            let has = bytes.windows(CANARY.len()).any(|it| it == CANARY.as_bytes());
            assert!(!has, "{}", path.display());
        }
    }
}

/// Asks, approves and uses, with the power cut after each change of the disk.
#[test]
fn a_cut_at_any_step_never_lets_once_be_twice() {
    let (keys, agent) = (profile(), Asker::agent());
    let mut is_through = false;
    for after in 0.. {
        if is_through {
            break;
        }
        let disk = SimDisk::new(after);
        // The first process is whole, so that the steps are those of the work.
        drop(open(&disk, &keys));
        let (mut uses, mut is_approved) = (0, false);
        disk.crash_after(after);
        if let Ok(Process { authority, .. }) = try_open(&disk, &keys)
            && let Ok(Outcome::Asked(item)) = agent.ask(&authority, "+one")
        {
            is_approved = authority.approve(item, Approval::Once).is_ok();
            uses += u32::from(agent.is_allowed(&authority, "+one"));
        }
        is_through = !disk.is_off();
        disk.cut_power();
        let Process { authority, .. } = open(&disk, &keys);
        uses += u32::from(agent.is_allowed(&authority, "+one"));
        let open_now = authority.items().unwrap().len();
        assert!(uses <= 1, "cut after {after}: used {uses} times");
        assert!(!is_approved || open_now > 0, "cut after {after}: an answer was lost");
        assert!(authority.ledger().verify().unwrap().is_ok(), "cut after {after}");
    }
}

#[test]
fn trust_is_a_persons_word_that_is_kept_noted_and_taken_back() {
    let (disk, keys) = (SimDisk::new(21), profile());
    let folder = CanonicalPath::lexical("/code/hearth").unwrap();
    let inside = CanonicalPath::lexical("/code/hearth/sub").unwrap();
    let (print, other) = (TrustPrint([7; 32]), TrustPrint([9; 32]));
    let agent: Principal = "agent:helper".parse().unwrap();
    {
        let Process { authority, .. } = open(&disk, &keys);
        for stranger in [&agent, &Principal::Client] {
            let refused = authority.trust(&folder, print, stranger).unwrap_err();
            assert!(matches!(refused, AuthorityError::Refused(_)), "{refused}");
        }
        assert_eq!(authority.trusted(&folder).unwrap(), None);
        authority.trust(&folder, print, &Principal::Owner).unwrap();
        assert_eq!(authority.trusted(&inside).unwrap(), None, "not for what lies in it");
    }
    let Process { authority, .. } = open(&disk, &keys);
    assert_eq!(authority.trusted(&folder).unwrap(), Some(print));
    authority.trust(&folder, other, &Principal::Owner).unwrap();
    assert_eq!(authority.all_trusted().unwrap(), [(folder.clone(), other)]);
    assert!(authority.distrust(&folder, &agent).is_err(), "nobody else takes it back either");
    authority.distrust(&folder, &Principal::Owner).unwrap();
    authority.distrust(&folder, &Principal::Owner).unwrap();
    assert_eq!(authority.trusted(&folder).unwrap(), None);
    let told: Vec<_> = entries(&authority)
        .iter()
        .map(|it| (it.actor.to_string(), it.action.to_string(), it.decision))
        .collect();
    let of = |who: &str, what: &str, how| (who.to_owned(), what.to_owned(), how);
    assert_eq!(
        told,
        [
            of("agent:helper", "trust.grant", Decision::Denied),
            of("client", "trust.grant", Decision::Denied),
            of("owner", "trust.grant", Decision::Done),
            of("owner", "trust.grant", Decision::Done),
            of("agent:helper", "trust.revoke", Decision::Denied),
            of("owner", "trust.revoke", Decision::Done),
        ]
    );
}

#[test]
fn a_rate_is_kept_and_an_approval_is_not_used_up_by_waiting() {
    let (disk, keys) = (SimDisk::new(22), profile());
    let policy = "[[rule]]\nid = \"reads\"\neffect = \"permit\"\nprincipal = [\"agent\"]\naction = \
                  [\"*\"]\n[rule.obligations]\nrate_per_minute = 1\n";
    disk.create_dir(Path::new("p")).unwrap();
    disk::replace(&disk, Path::new(USER), policy.as_bytes()).unwrap();
    let Process { authority, .. } = open(&disk, &keys);
    let reads =
        Asker { action: ActionId::new("web.read").unwrap(), risk: Risk::L0, ..Asker::agent() };
    assert!(matches!(reads.ask(&authority, "a"), Ok(Outcome::Allowed(_))));
    let Ok(Outcome::Later(wait)) = reads.ask(&authority, "a") else { panic!("too often") };
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
    let writes = Asker::agent();
    for text in ["one", "two"] {
        let item = writes.item(&authority, text);
        authority.approve(item, Approval::Once).unwrap();
    }
    assert!(writes.is_allowed(&authority, "one"));
    assert!(matches!(writes.ask(&authority, "two"), Ok(Outcome::Later(_))));
    let waits = authority.items().unwrap();
    assert!(waits.iter().any(|(_, item)| item.state == ItemState::Approved), "{waits:?}");
}
