//! The program before the gate: what its actions may do, where its policy lies, and whether
//! anything may act on its own.
//!
//! The gate is there from the start, locked profile or not; what it remembers is in
//! [`crate::stores`], which needs the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use kernel::Risk;
use kernel::action::{Action, Effect};
use kernel::authority::{SwitchFile, Tiers};
use kernel::disk::RealDisk;
use kernel::gate::{
    CanonicalPath, Context, Decided, Fact, Fallback, Fingerprint, Gate, Obligations, Places,
    PolicyFiles, Problem, Request, Resource, Source, Verdict, WorkspaceFiles,
};
use kernel::principal::{ActionId, Principal};
use kernel::redaction;
use kernel::run::sandbox;
use kernel::run::schedule::{Known, MachineState, Presence, ThisMachine};

use serde_json::Value;

use crate::directories::Directories;
use crate::registry::{Fault, Registry};
use crate::settings::FolderTrust;
use crate::stores::Stores;
use crate::trust;

/// A folder's own policy, under it.
const OWN_POLICY: &str = ".hearth/policy.toml";

/// Actions that only runs have.
const RUN_ACTIONS: &[(&str, Risk)] = &[
    ("process.run", Risk::L3),
    ("ledger.checkpoint", Risk::L2),
    ("log.tidy", Risk::L2),
    ("object.sweep", Risk::L2),
];

/// Without a key for so long, nobody is at the machine.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// How this system holds what an action runs, for a person; none for one that runs no programs.
pub fn held(action: &str) -> Option<String> {
    (action == "process.run").then(|| sandbox::ability().told())
}

/// How much an action can do, as the gate weighs it: to look is to read and to move nothing.
pub fn tier_of(action: &Action) -> Risk {
    match (action.risk, action.effect) {
        (Risk::L0, Effect::Pure) => Risk::L0,
        (risk, _) => risk.max(Risk::L1),
    }
}

/// Whether an action writes files of the owner's.
pub fn writes(action: &Action) -> bool {
    tier_of(action) >= Risk::L2
}

/// The gate with the policy as it is now, and the kill switch; and what is wrong with them.
pub fn gate(places: &Directories, main: Option<&Space>) -> (Gate, Vec<Problem>) {
    let files = policy_files(places, main, &BTreeMap::new());
    let (gate, problems) = Gate::new(files.read(&RealDisk), files.places.clone());
    gate.set_kill_switch(switch(places).state());
    (gate, problems)
}

/// The kill switch's file.
pub fn switch(places: &Directories) -> SwitchFile {
    SwitchFile::new(Arc::new(RealDisk), places.kill_switch())
}

/// Where the policy lies: for whoever works in no folder, or in `main`, and in each of `spaces`. A
/// folder that is trusted as it is has its policy approved. It reads files: not for the UI thread.
pub fn policy_files(
    places: &Directories,
    main: Option<&Space>,
    spaces: &BTreeMap<PathBuf, Space>,
) -> PolicyFiles {
    let resolve = |path: &Path| CanonicalPath::resolve(path).ok();
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    // One folder may be open under two names.
    let roots: BTreeMap<_, _> = spaces.values().map(|space| (&space.root, space)).collect();
    let others = roots.into_values().map(|space| WorkspaceFiles {
        root: space.root.clone(),
        policy: space.policy(),
        approved: space.approved(),
    });
    PolicyFiles {
        device: places.device_policy(),
        user: places.policy(),
        workspace: main.map(Space::policy),
        approved: main.and_then(Space::approved),
        places: Places {
            workspace: main.map(|space| space.root.clone()),
            home: home.as_deref().map(Path::new).and_then(resolve),
            profile: resolve(&places.profile()),
        },
        others: others.collect(),
    }
}

/// Asks the gate about one of the program's actions.
///
/// What comes back is what its caller has to keep to: all that is left of the obligations is
/// [`Obligations::redact`]. A rate is kept here; a command of the window can be held to no budget
/// and put into no sandbox, so that one that has to be is denied.
///
/// # Errors
/// Why it is denied, and who may do it, in one sentence.
pub fn decide(
    gate: &Gate,
    principal: &Principal,
    action: &Action,
    resource: &Resource,
    context: Context,
    workspace: Option<&CanonicalPath>,
) -> Result<Redaction, Fault> {
    let id = ActionId::new(action.id)
        .map_err(|_| Fault::internal(format!("{} is no action's id.", action.id)))?;
    let risk = tier_of(action);
    let request = Request { principal, action: &id, risk, resource, context, workspace };
    let verdict = gate.decide(&request);
    match verdict.decided {
        Decided::Allow => Ok(Redaction::None),
        Decided::AllowWith(ref obligations) => {
            if let Some(what) = beyond_a_command(obligations) {
                return Err(unkept(action, &verdict, what));
            }
            gate.pace(&request, obligations, Instant::now()).map_err(|wait| {
                Fault::denied(format!(
                    "{} was done as often as the policy lets it in a minute: again in {} s.",
                    action.id,
                    wait.as_secs() + 1
                ))
            })?;
            Ok(if obligations.redact { Redaction::Wanted } else { Redaction::None })
        }
        Decided::Deny | Decided::Ask(_) => Err(denied(principal, action, &verdict)),
    }
}

/// Whether what an action answers has to go through [`kernel::redaction`] before it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It leaves as it is.
    None,
    /// It has to.
    Wanted,
}

impl Redaction {
    /// `answer` as it may leave.
    pub fn of(self, answer: Value) -> Value {
        match (self, answer) {
            (Self::None, answer) => answer,
            (Self::Wanted, Value::String(text)) => redaction::redact(&text).into_owned().into(),
            (Self::Wanted, Value::Array(all)) => all.into_iter().map(|it| self.of(it)).collect(),
            (Self::Wanted, Value::Object(all)) => {
                all.into_iter().map(|(name, it)| (name, self.of(it))).collect()
            }
            (Self::Wanted, answer) => answer,
        }
    }
}

/// What of these no command that runs in the program itself can be held to.
fn beyond_a_command(obligations: &Obligations) -> Option<&'static str> {
    let Obligations { redact: _, rate_per_minute: _, budget_s, budget_bytes, sandbox } =
        obligations;
    match (sandbox, budget_s, budget_bytes) {
        (Some(_), ..) => Some("in a sandbox"),
        (None, Some(_), _) => Some("within a time"),
        (None, None, Some(_)) => Some("within a number of bytes"),
        (None, None, None) => None,
    }
}

fn unkept(action: &Action, verdict: &Verdict, what: &str) -> Fault {
    let because = &verdict.because;
    let rule = because.rule.as_ref().map_or("", |rule| rule.as_str());
    Fault::denied(format!(
        "The policy allows {} only {what}, by rule \"{rule}\" of the {} layer, and a command of \
         the program cannot be kept there: only a step of a run can.",
        action.id,
        because.layer.name()
    ))
}

fn denied(principal: &Principal, action: &Action, verdict: &Verdict) -> Fault {
    let (id, because) = (action.id, &verdict.because);
    let rule = because.rule.as_ref().map_or("", |rule| rule.as_str());
    Fault::denied(match (principal, rule, because.fallback) {
        (Principal::Client, "driven-only", _) => {
            format!("{id} drives the window: start Hearth with --headless or --drive to allow it.")
        }
        (Principal::Client, "person-approves", _) => format!(
            "{id} belongs to a person: do it in the window or with its `hearth` subcommand."
        ),
        (_, _, Some(Fallback::DamagedLayer)) => {
            "A policy file is damaged, so only you at the window may do anything: `hearth policy \
             test` names the line."
                .to_owned()
        }
        (Principal::Client, "", _) => format!(
            "{id} is the owner's: do it in the window, or set HEARTH_PASSPHRASE_FILE to prove \
             that you act for the owner."
        ),
        _ => format!(
            "The policy does not allow {id}: rule \"{rule}\" of the {} layer; `hearth policy \
             explain` shows why.",
            because.layer.name()
        ),
    })
}

/// A folder that somebody works in, as the gate knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// The folder, under its one name.
    pub root: CanonicalPath,
    /// Whether its own files count.
    pub trust: FolderTrust,
}

impl Space {
    /// How `folder` stands; without stores nobody knows whether it is trusted. It reads files: not
    /// for the UI thread.
    pub fn look(folder: &Path, stores: Option<&Stores>) -> Option<Self> {
        let root = CanonicalPath::resolve(folder).ok()?;
        let known = |stores: &Stores| trust::state(&stores.authority, &root);
        let trust = stores.map_or(FolderTrust::Locked, known);
        Some(Self { root, trust })
    }

    /// Where its own policy lies.
    pub fn policy(&self) -> PathBuf {
        Path::new(self.root.as_str()).join(OWN_POLICY)
    }

    fn approved(&self) -> Option<Fingerprint> {
        let is_trusted = self.trust == FolderTrust::Trusted;
        let text = is_trusted.then(|| std::fs::read_to_string(self.policy()).ok())??;
        Some(Source { file: String::new(), text }.fingerprint())
    }
}

/// What the program knows of its person and the folders of its windows; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// When a key was touched.
    pub presence: Arc<Presence>,
    folders: Arc<Folders>,
}

#[derive(Debug, Default)]
struct Folders {
    /// Those that a window works in, and that of the focused one.
    open: Mutex<(BTreeSet<PathBuf>, Option<PathBuf>)>,
    /// What is known of them, by the names that windows have for them.
    known: RwLock<BTreeMap<PathBuf, Space>>,
    /// Whoever reads them anew does it alone.
    reading: Mutex<()>,
}

impl Around {
    /// Notes which folders windows work in, and which of them the focused one does.
    pub fn set_open(&self, open: BTreeSet<PathBuf>, focused: Option<PathBuf>) {
        *self.folders.open.lock().unwrap_or_else(PoisonError::into_inner) = (open, focused);
    }

    /// The folder of the focused window, once it is known.
    pub fn focused(&self) -> Option<CanonicalPath> {
        let open = self.folders.open.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = open.1.clone();
        drop(open);
        self.root_of(folder.as_deref()?)
    }

    /// The one name of a window's folder, once it is known.
    pub fn root_of(&self, folder: &Path) -> Option<CanonicalPath> {
        self.known().get(folder).map(|space| space.root.clone())
    }

    /// The innermost of the folders that `file` lies in.
    pub fn root_around(&self, file: &Path) -> Option<CanonicalPath> {
        let known = self.known();
        let space = file.ancestors().find_map(|folder| known.get(folder));
        space.map(|space| space.root.clone())
    }

    fn is_trusted(&self, root: &CanonicalPath) -> bool {
        let is_it = |space: &Space| space.root == *root && space.trust == FolderTrust::Trusted;
        self.known().values().any(is_it)
    }

    fn known(&self) -> RwLockReadGuard<'_, BTreeMap<PathBuf, Space>> {
        self.folders.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the policy and every folder's trust anew, for the windows and for runs that are not
    /// over, and puts them in force. Not for the UI thread.
    pub fn reload(
        &self,
        places: &Directories,
        gate: &Gate,
        stores: Option<&Stores>,
    ) -> (Vec<Problem>, BTreeMap<PathBuf, Space>) {
        let _alone = self.folders.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.folders.open.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        let of_runs = stores.and_then(|stores| stores.runs.workspaces().ok());
        open.extend(of_runs.into_iter().flatten().map(|root| PathBuf::from(root.as_str())));
        let look = |folder: PathBuf| Space::look(&folder, stores).map(|space| (folder, space));
        let spaces: BTreeMap<PathBuf, Space> = open.into_iter().filter_map(look).collect();
        let files = policy_files(places, None, &spaces);
        let problems = match stores {
            Some(stores) => stores.authority.reload(Some(files)),
            None => gate.reload(files.read(&RealDisk), files.places.clone()),
        };
        *self.folders.known.write().unwrap_or_else(PoisonError::into_inner) = spaces.clone();
        (problems, spaces)
    }
}

/// What the actions of runs may do.
pub struct Steps {
    registry: Registry,
    around: Around,
}

impl Steps {
    /// Those of the program.
    pub fn new(around: Around) -> Self {
        Self { registry: Registry::gather(crate::command::GROUPS), around }
    }
}

impl Default for Steps {
    /// For whoever only looks actions up.
    fn default() -> Self {
        Self::new(Around::default())
    }
}

impl Tiers for Steps {
    fn risk(&self, action: &str) -> Option<Risk> {
        let own = RUN_ACTIONS.iter().find(|(id, _)| *id == action).map(|(_, risk)| *risk);
        own.or_else(|| self.registry.get(action).map(|command| tier_of(&command.action)))
    }

    fn held(&self, action: &str) -> Option<String> {
        held(action)
    }

    fn context(&self, workspace: Option<&CanonicalPath>) -> Context {
        let machine = ThisMachine.look(self.around.presence.idle());
        let mut facts = Vec::new();
        if matches!(machine.idle, Known::Is(idle) if idle >= IDLE) {
            facts.push(Fact::Idle);
        }
        if workspace.is_some_and(|root| self.around.is_trusted(root)) {
            facts.push(Fact::Trusted);
        }
        if machine.on_mains == Known::Is(true) {
            facts.push(Fact::Mains);
        }
        if machine.metered == Known::Is(true) {
            facts.push(Fact::Metered);
        }
        Context::of(&facts)
    }
}

#[cfg(test)]
mod tests {
    use kernel::gate::Sources;
    use serde_json::json;

    use super::*;

    fn decided(obligation: &str) -> Vec<Result<Redaction, String>> {
        let text = format!(
            "[[rule]]\nid = \"bound\"\neffect = \"permit\"\nprincipal = [\"agent\"]\naction = \
             [\"buffer.text\"]\n[rule.obligations]\n{obligation}\n"
        );
        let user = Some(Source { file: "policy.toml".into(), text });
        let (gate, problems) = Gate::new(Sources { user, ..Sources::default() }, Places::default());
        assert!(problems.is_empty(), "{problems:?}");
        let registry = Registry::gather(crate::command::GROUPS);
        let action = &registry.get("buffer.text").unwrap().action;
        let agent = "agent:a".parse().unwrap();
        let ask = || {
            decide(&gate, &agent, action, &Resource::Nothing, Context::default(), None)
                .map_err(|fault| fault.sentence)
        };
        vec![ask(), ask(), ask()]
    }

    #[test]
    fn what_a_command_cannot_keep_to_it_is_not_let_do() {
        for (obligation, word) in [
            ("sandbox = \"pack\"", "in a sandbox"),
            ("budget_s = 1", "within a time"),
            ("budget_bytes = 10", "within a number of bytes"),
        ] {
            let told = decided(obligation)[0].clone().unwrap_err();
            assert!(told.contains(word) && told.contains("\"bound\""), "{told}");
        }
        assert_eq!(decided("redact = true")[0], Ok(Redaction::Wanted));
        let thrice = decided("rate_per_minute = 2");
        assert_eq!(thrice[..2], [Ok(Redaction::None), Ok(Redaction::None)]);
        assert!(thrice[2].clone().unwrap_err().contains("as often as the policy lets it"));
    }

    #[test]
    fn what_leaves_is_redacted_wherever_it_stands() {
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let answer = json!({ "text": format!("key {token}"), "all": [1, { "it": token }] });
        let told = Redaction::Wanted.of(answer.clone()).to_string();
        assert!(!told.contains(&token) && told.contains("redacted"), "{told}");
        assert_eq!(Redaction::None.of(answer.clone()), answer);
    }
}
