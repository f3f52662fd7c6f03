//! The program before the gate: what its actions may do, where its policy lies, and whether
//! anything may act on its own.
//!
//! The gate is there from the start, locked profile or not; what it remembers is in
//! [`crate::stores`], which needs the keys.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kernel::Risk;
use kernel::action::{Action, Effect};
use kernel::authority::{SwitchFile, Tiers};
use kernel::disk::RealDisk;
use kernel::gate::{
    CanonicalPath, Context, Decided, Fact, Fallback, Gate, Places, PolicyFiles, Problem, Request,
    Resource, Source, Verdict,
};
use kernel::principal::{ActionId, Principal};
use kernel::run::schedule::{Known, MachineState, Presence, ThisMachine};

use crate::directories::Directories;
use crate::registry::{Fault, Registry};
use crate::settings::FolderTrust;
use crate::trust::TrustStore;

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
pub fn gate(places: &Directories, folder: Option<&Path>) -> (Gate, Vec<Problem>) {
    let files = policy_files(places, folder);
    let (gate, problems) = Gate::new(files.read(&RealDisk), files.places.clone());
    gate.set_kill_switch(switch(places).state());
    (gate, problems)
}

/// The kill switch's file.
pub fn switch(places: &Directories) -> SwitchFile {
    SwitchFile::new(Arc::new(RealDisk), places.kill_switch())
}

/// Where the policy lies for whoever works in `folder`. A folder that is trusted as it is has its
/// policy approved. It reads files: not for the UI thread.
pub fn policy_files(places: &Directories, folder: Option<&Path>) -> PolicyFiles {
    let resolve = |path: &Path| CanonicalPath::resolve(path).ok();
    let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    let workspace = folder.map(|folder| folder.join(OWN_POLICY));
    let approved = folder.zip(workspace.as_deref()).and_then(|(folder, policy)| {
        let store = TrustStore::load(places).ok()?;
        let is_trusted = store.state(folder) == FolderTrust::Trusted;
        let text = is_trusted.then(|| std::fs::read_to_string(policy).ok())??;
        Some(Source { file: String::new(), text }.fingerprint())
    });
    PolicyFiles {
        device: places.device_policy(),
        user: places.policy(),
        workspace,
        approved,
        places: Places {
            workspace: folder.and_then(resolve),
            home: home.as_deref().map(Path::new).and_then(resolve),
            profile: resolve(&places.profile()),
        },
    }
}

/// Asks the gate about one of the program's actions.
///
/// # Errors
/// Why it is denied, and who may do it, in one sentence.
pub fn decide(
    gate: &Gate,
    principal: &Principal,
    action: &Action,
    resource: &Resource,
    context: Context,
) -> Result<(), Fault> {
    let id = ActionId::new(action.id)
        .map_err(|_| Fault::internal(format!("{} is no action's id.", action.id)))?;
    let request = Request { principal, action: &id, risk: tier_of(action), resource, context };
    let verdict = gate.decide(&request);
    match verdict.decided {
        Decided::Allow | Decided::AllowWith(_) => Ok(()),
        Decided::Deny | Decided::Ask(_) => Err(denied(principal, action, &verdict)),
    }
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

/// What the program knows of its person and the open folder; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Whether the open folder is trusted.
    pub is_trusted: Arc<AtomicBool>,
    /// When a key was touched.
    pub presence: Arc<Presence>,
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

    fn context(&self) -> Context {
        let machine = ThisMachine.look(self.around.presence.idle());
        let mut facts = Vec::new();
        if matches!(machine.idle, Known::Is(idle) if idle >= IDLE) {
            facts.push(Fact::Idle);
        }
        if self.around.is_trusted.load(Ordering::Relaxed) {
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
