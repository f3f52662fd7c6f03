//! The gate: who may do what, to what, and why.
//!
//! [`Gate::decide`] is pure and total: a request and a policy give one [`Verdict`], which names the
//! rule, its layer and the policy's epoch. What no rule permits is denied. Rules have no order:
//! every rule that applies counts, and of what they say `Deny > Ask > AllowWith > Allow` holds.
//!
//! - Layers: the built-in policy, the device's, the user's and a workspace's. The last may only
//!   narrow: its permits are ignored and named, its asks turn what others allow into a question,
//!   and it is inert until its fingerprint is approved. Of several workspaces each request is
//!   judged by the one that it is asked from.
//! - A permit of the owner's own layers may carry a lasting answer to asks that it names. What
//!   cannot be taken back (L4) is asked each time all the same.
//! - A damaged layer costs itself. Since its forbids are not known then, the last good version of
//!   it stays; where this process has none, everybody but the owner is denied until it is mended.
//! - [`Gate::grant`] gives a [`Capability`] for hot paths. It says whether it still holds with one
//!   atomic load: a new policy and the kill switch end all of them.
//! - The kill switch denies every autonomous principal.
//!
//! What a person decides about a [`Decided::Ask`] is kept elsewhere: it carries what that needs.
//!
//! ```
//! use kernel::gate::{Context, Decided, Fact, Gate, Places, Request, Resource, Sources};
//! use kernel::{Risk, principal::{ActionId, Principal}};
//!
//! let (gate, problems) = Gate::new(Sources::default(), Places::default());
//! assert!(problems.is_empty());
//! let (agent, action) = ("agent:helper".parse().unwrap(), ActionId::new("file.write").unwrap());
//! let request = Request {
//!     principal: &agent,
//!     action: &action,
//!     risk: Risk::L2,
//!     resource: &Resource::Nothing,
//!     context: Context::of(&[Fact::Trusted]),
//!     workspace: None,
//! };
//! let verdict = gate.decide(&request);
//! assert!(matches!(verdict.decided, Decided::Ask(_)));
//! assert_eq!(verdict.because.rule.unwrap().as_str(), "agent-asks");
//! gate.set_kill_switch(kernel::gate::KillSwitch::On);
//! assert_eq!(gate.decide(&request).decided, Decided::Deny);
//! ```

mod explain;
mod files;
mod glob;
mod pace;
mod policy;
mod resource;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use explain::{Holder, Line, TestFailure};
pub(crate) use files::read as read_policy;
pub use files::{PolicyFiles, WorkspaceFiles};
pub use policy::{Layer, Miss, PolicyError, RuleEffect};
pub use resource::{CanonicalPath, Domain, Resource};

use crate::action::Risk;
use crate::principal::{ActionId, Name, Principal};
use pace::Paces;
use policy::{Parsed, Policy, Rule};

const BUILTIN: &str = include_str!("gate/builtin.toml");

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What they want to do.
    pub action: &'a ActionId,
    /// That action's tier.
    pub risk: Risk,
    /// To what.
    pub resource: &'a Resource,
    /// What holds meanwhile.
    pub context: Context,
    /// The workspace that it is asked from, whose policy and `$workspace` then count. Without one,
    /// and for one that the gate does not know, it is that of [`Places`], if there is one.
    pub workspace: Option<&'a CanonicalPath>,
}

/// Something that holds or does not, and that rules can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The workspace is trusted by its owner.
    Trusted,
    /// The instance was started to be driven.
    Driven,
    /// The client has proved the owner's passphrase.
    Proved,
    /// Nobody has used the machine for a while.
    Idle,
    /// It runs on mains.
    Mains,
    /// The network costs by the byte.
    Metered,
    /// Work that is meant for others depends on it.
    Production,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 7] = [
        Self::Trusted,
        Self::Driven,
        Self::Proved,
        Self::Idle,
        Self::Mains,
        Self::Metered,
        Self::Production,
    ];
}

/// The facts that hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context(u8);

impl Context {
    /// Exactly these.
    #[must_use]
    pub fn of(facts: &[Fact]) -> Self {
        facts.iter().copied().collect()
    }

    /// Those that hold, in their order.
    #[must_use]
    pub fn facts(self) -> Vec<Fact> {
        Fact::ALL.into_iter().filter(|&fact| self.holds_any(Self::of(&[fact]))).collect()
    }

    fn holds_all(self, facts: Self) -> bool {
        self.0 & facts.0 == facts.0
    }

    fn holds_any(self, facts: Self) -> bool {
        self.0 & facts.0 != 0
    }
}

impl FromIterator<Fact> for Context {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().fold(0, |bits, fact| bits | 1 << fact as u8))
    }
}

/// What a policy file calls a principal; the first may the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The owner, and nobody else.
    Owner,
    /// Manages devices, agents and packs.
    Admin,
    /// Changes and runs.
    Builder,
    /// Reads and judges.
    Reviewer,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Admin, Self::Builder, Self::Reviewer, Self::Viewer];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Builder => "builder",
            Self::Reviewer => "reviewer",
            Self::Viewer => "viewer",
        }
    }
}

/// What whoever is allowed has to keep to. Of several, the strictest of each counts.
///
/// Whoever carries a request out keeps each of them, or does not do it: a run hands them to the
/// step's [`crate::run::Context`], which stops it, takes secrets out of what it gives, or puts its
/// programs into the sandbox; where a step's action can do none of that, the step fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Obligations {
    /// What leaves goes through [`crate::redaction`].
    pub redact: bool,
    /// At most so many seconds of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_s: Option<u64>,
    /// At most so many bytes written or sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_bytes: Option<u64>,
    /// At most so many times a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<u64>,
    /// In the sandbox of this name; of two names, in neither: the request is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
}

impl Obligations {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The strictest of both; `None` when they ask for two sandboxes.
    fn and(self, other: &Self) -> Option<Self> {
        let least = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        let sandbox = match (self.sandbox, &other.sandbox) {
            (Some(one), Some(two)) if one != *two => return None,
            (one, two) => one.or_else(|| two.clone()),
        };
        Some(Self {
            redact: self.redact || other.redact,
            budget_s: least(self.budget_s, other.budget_s),
            budget_bytes: least(self.budget_bytes, other.budget_bytes),
            rate_per_minute: least(self.rate_per_minute, other.rate_per_minute),
            sandbox,
        })
    }
}

/// What an Inbox needs to put a request before a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Why it is asked, in the words of the rule.
    pub reason: String,
    /// The action's tier.
    pub risk: Risk,
    /// What holds once it is approved.
    pub obligations: Obligations,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It must not be.
    Deny,
    /// A person has to say.
    Ask(Box<Question>),
    /// It may be, so.
    AllowWith(Box<Obligations>),
    /// It may be.
    Allow,
}

impl Decided {
    /// The word in a policy's tests.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Ask(_) => "ask",
            Self::AllowWith(_) => "allow_with",
            Self::Allow => "allow",
        }
    }
}

/// Why it was decided so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The rule that decided; none where nothing permits, where the kill switch is on or where a
    /// layer is damaged. Of several that say the same, the first of the lowest layer.
    pub rule: Option<Name>,
    /// Its layer.
    pub layer: Layer,
    /// The policy's epoch: another one may decide otherwise.
    pub epoch: Epoch,
    /// What decided where no rule did.
    pub fallback: Option<Fallback>,
}

/// What decides where no rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing permits it.
    NothingPermits,
    /// The kill switch is on.
    KillSwitch,
    /// A layer is damaged, so that its forbids are not known.
    DamagedLayer,
    /// Two permits ask for different sandboxes.
    TwoSandboxes,
}

/// Counts changes of the policy and of the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// A decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What.
    pub decided: Decided,
    /// Why.
    pub because: Because,
}

impl Verdict {
    /// `{"decision", "rule", "layer", "epoch", "obligations"}`, as `hearth policy check` prints it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let (decision, obligations) = match &self.decided {
            Decided::Deny => ("deny", None),
            Decided::Ask(question) => ("ask", Some(&question.obligations)),
            Decided::AllowWith(obligations) => ("allow", Some(&**obligations)),
            Decided::Allow => ("allow", None),
        };
        let rule = self.because.rule.as_ref().map_or_else(
            || match self.because.fallback {
                Some(Fallback::KillSwitch) => "kill-switch",
                Some(Fallback::DamagedLayer) => "damaged-layer",
                Some(Fallback::TwoSandboxes) => "two-sandboxes",
                Some(Fallback::NothingPermits) | None => "default-deny",
            },
            Name::as_str,
        );
        serde_json::json!({
            "decision": decision,
            "rule": rule,
            "layer": self.because.layer.name(),
            "epoch": self.because.epoch.0,
            "obligations": obligations.filter(|it| !it.is_empty()),
        })
    }
}

/// What `$workspace`, `$home` and `$profile` stand for in a path of a policy; a pattern with one
/// that is not known matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The open folder.
    pub workspace: Option<CanonicalPath>,
    /// The owner's home.
    pub home: Option<CanonicalPath>,
    /// The profile's folder.
    pub profile: Option<CanonicalPath>,
}

impl Places {
    /// With an example in the place of each that is not known, for a policy's tests.
    fn or_examples(&self) -> Self {
        let or = |place: &Option<CanonicalPath>, example: &str| {
            place.clone().or_else(|| CanonicalPath::lexical(example))
        };
        Self {
            workspace: or(&self.workspace, "/example/workspace"),
            home: or(&self.home, "/example"),
            profile: or(&self.profile, "/example/profile"),
        }
    }

    fn expand(&self, pattern: &str) -> Option<String> {
        let Some(rest) = pattern.strip_prefix('$') else { return Some(pattern.to_owned()) };
        let (word, behind) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let place = match word {
            "workspace" => &self.workspace,
            "home" => &self.home,
            "profile" => &self.profile,
            _ => return None,
        };
        // A name with a NUL is no file's. A star in a folder's name would be a pattern.
        let unknown = "/\0".to_owned();
        let known = place.as_ref().filter(|path| !path.as_str().contains('*'));
        Some(known.map_or(unknown, |path| path.as_str().trim_end_matches('/').to_owned() + behind))
    }
}

/// A policy file's name and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// For messages.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// A hash of a policy file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Source {
    /// What an approval of a workspace's policy is of.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*blake3::hash(self.text.as_bytes()).as_bytes())
    }
}

/// The policy files above the built-in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The device's.
    pub device: Option<Source>,
    /// The user's.
    pub user: Option<Source>,
    /// The workspace's.
    pub workspace: Option<Source>,
    /// The workspace policy that the owner has approved.
    pub approved: Option<Fingerprint>,
    /// Further workspaces.
    pub others: Vec<Workspace>,
}

/// A workspace beside that of [`Places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its folder: what `$workspace` stands for in requests from it.
    pub root: CanonicalPath,
    /// Its policy.
    pub policy: Option<Source>,
    /// The policy that the owner has approved.
    pub approved: Option<Fingerprint>,
}

/// What came of reading the layers, for the person to see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A layer is damaged, and its last good version stays in force.
    Kept(PolicyError),
    /// A layer is damaged and there is no earlier version: all but the owner are denied.
    Closed(PolicyError),
    /// A workspace's permit, which counts for nothing.
    Ignored {
        /// The file.
        file: String,
        /// The rule.
        rule: Name,
    },
    /// The workspace's policy is not approved, and counts for nothing.
    Unapproved {
        /// The file.
        file: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(error) => write!(f, "{error}; until then its last good version holds"),
            Self::Closed(error) => {
                write!(f, "{error}; until then everybody but the owner is denied")
            }
            Self::Ignored { file, rule } => write!(
                f,
                "{file}: `{rule}` permits, and a workspace may only narrow: move it to your own \
                 policy"
            ),
            Self::Unapproved { file } => {
                write!(f, "{file} is not approved and counts for nothing: look at it and trust it")
            }
        }
    }
}

/// The kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillSwitch {
    /// Whatever acts on its own is denied.
    On,
    /// The policy decides.
    Off,
}

/// The gate; see the [module](self). It is shared by reference.
pub struct Gate {
    state: RwLock<State>,
    /// Beside the lock, so that a capability looks at one word.
    epoch: Arc<AtomicU64>,
    paces: Mutex<Paces>,
}

struct State {
    /// For whoever asks from no workspace, or from that of the places.
    main: Ruling,
    others: Vec<(CanonicalPath, Ruling)>,
    switch: KillSwitch,
}

/// What counts for requests from one workspace.
struct Ruling {
    policy: Policy,
    places: Places,
    /// The last good version of each layer, with its text.
    layers: Vec<(Layer, Source)>,
    is_closed: bool,
}

/// A permission that was decided once. It holds until the policy or the kill switch changes.
#[derive(Clone, Debug)]
pub struct Capability {
    epoch: Arc<AtomicU64>,
    granted: u64,
    obligations: Obligations,
}

impl Capability {
    /// Whether it still holds: a load and a compare.
    #[inline]
    #[must_use]
    pub fn holds(&self) -> bool {
        self.epoch.load(Ordering::Acquire) == self.granted
    }

    /// What its holder keeps to.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        &self.obligations
    }
}

impl Gate {
    /// A gate with these layers, and what is wrong with them. The kill switch is off.
    #[must_use]
    pub fn new(sources: Sources, places: Places) -> (Self, Vec<Problem>) {
        let (state, problems) = load_all(sources, places, None);
        let epoch = Arc::new(AtomicU64::new(1));
        (Self { state: RwLock::new(state), epoch, paces: Mutex::default() }, problems)
    }

    /// Puts other layers in force, and ends every capability.
    pub fn reload(&self, sources: Sources, places: Places) -> Vec<Problem> {
        let (mut state, problems) = load_all(sources, places, Some(&self.state()));
        let mut held = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // It may have been thrown meanwhile.
        state.switch = held.switch;
        *held = state;
        self.epoch.fetch_add(1, Ordering::AcqRel);
        problems
    }

    /// Throws the kill switch, and ends every capability.
    pub fn set_kill_switch(&self, switch: KillSwitch) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).switch = switch;
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// How the kill switch stands.
    #[must_use]
    pub fn kill_switch(&self) -> KillSwitch {
        self.state().switch
    }

    /// Decides.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Verdict {
        self.state().decide(request, Epoch(self.epoch.load(Ordering::Acquire)))
    }

    /// Decides, and where it is allowed gives a capability for doing it again.
    ///
    /// # Errors
    /// The verdict, where it is denied or asked.
    pub fn grant(&self, request: &Request<'_>) -> Result<Capability, Verdict> {
        let state = self.state();
        // Whoever changes the state holds it for writing, and counts after.
        let granted = self.epoch.load(Ordering::Acquire);
        let verdict = state.decide(request, Epoch(granted));
        let obligations = match verdict.decided {
            Decided::Allow => Obligations::default(),
            Decided::AllowWith(obligations) => *obligations,
            Decided::Deny | Decided::Ask(_) => return Err(verdict),
        };
        Ok(Capability { epoch: self.epoch.clone(), granted, obligations })
    }

    /// The role that the policy gives a principal.
    #[must_use]
    pub fn role(&self, principal: &Principal) -> Option<Role> {
        self.state().main.policy.role(principal)
    }

    /// Counts what is about to be done, where it may be done so many times a minute. Whoever
    /// carries a request out asks this right before.
    ///
    /// # Errors
    /// How long to wait.
    pub fn pace(
        &self,
        request: &Request<'_>,
        obligations: &Obligations,
        now: Instant,
    ) -> Result<(), Duration> {
        let Some(rate) = obligations.rate_per_minute else { return Ok(()) };
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.take(request, rate, now)
    }

    /// Whether requests from this workspace are judged by its own policy.
    #[must_use]
    pub fn knows(&self, workspace: &CanonicalPath) -> bool {
        let state = self.state();
        state.main.places.workspace.as_ref() == Some(workspace)
            || state.others.iter().any(|(root, _)| root == workspace)
    }

    /// The innermost workspace that `path` lies in.
    #[must_use]
    pub fn workspace_of(&self, path: &CanonicalPath) -> Option<CanonicalPath> {
        let state = self.state();
        let roots = state.others.iter().map(|(root, _)| root).chain(&state.main.places.workspace);
        let around = roots.filter(|root| path.is_within(root));
        around.max_by_key(|root| root.as_str().len()).cloned()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "Gate({} rules, kill switch {:?})", state.main.policy.rules.len(), state.switch)
    }
}

impl State {
    fn of(&self, request: &Request<'_>) -> &Ruling {
        let of = |root| self.others.iter().find(|(known, _)| known == root);
        request.workspace.and_then(of).map_or(&self.main, |(_, ruling)| ruling)
    }

    fn decide(&self, request: &Request<'_>, epoch: Epoch) -> Verdict {
        if self.switch == KillSwitch::On && request.principal.is_autonomous() {
            return Verdict {
                decided: Decided::Deny,
                because: Because {
                    rule: None,
                    layer: Layer::Builtin,
                    epoch,
                    fallback: Some(Fallback::KillSwitch),
                },
            };
        }
        self.of(request).decide(request, epoch)
    }
}

impl Ruling {
    fn decide(&self, request: &Request<'_>, epoch: Epoch) -> Verdict {
        let denied = |fallback: Fallback| Verdict {
            decided: Decided::Deny,
            because: Because { rule: None, layer: Layer::Builtin, epoch, fallback: Some(fallback) },
        };
        if self.is_closed && *request.principal != Principal::Owner {
            return denied(Fallback::DamagedLayer);
        }
        let role = self.policy.role(request.principal);
        let (mut asks, mut permit) = (Asks::default(), None::<&Rule>);
        let mut obligations = Some(Obligations::default());
        let (mut forbid, mut has_answers) = (None::<&Rule>, false);
        for rule in self.policy.candidates(request) {
            if rule.check(request, role).is_err() {
                continue;
            }
            match rule.effect {
                RuleEffect::Forbid => forbid = lower(forbid, rule),
                RuleEffect::Ask => asks.add(rule),
                RuleEffect::Permit => {
                    if let Some(more) = &rule.obligations {
                        obligations = obligations.and_then(|had| had.and(more));
                    }
                    has_answers |= rule.has_answers();
                    permit = lower(permit, rule);
                }
            }
        }
        if has_answers && request.risk < Risk::L4 {
            asks = self.unanswered(request, role);
        }
        // A workspace's ask is no way to what nobody else allows.
        let ask = asks.own.or_else(|| permit.and(asks.of_workspace));
        let because = |rule: &Rule| Because {
            rule: Some(rule.id.clone()),
            layer: rule.layer,
            epoch,
            fallback: None,
        };
        if let Some(rule) = forbid {
            return Verdict { decided: Decided::Deny, because: because(rule) };
        }
        let Some(obligations) = obligations else { return denied(Fallback::TwoSandboxes) };
        if let Some(rule) = ask {
            let reason = rule.reason.as_deref().unwrap_or("the policy asks").to_owned();
            let question = Question { reason, risk: request.risk, obligations };
            return Verdict { decided: Decided::Ask(Box::new(question)), because: because(rule) };
        }
        let Some(rule) = permit else { return denied(Fallback::NothingPermits) };
        let decided = if obligations.is_empty() {
            Decided::Allow
        } else {
            Decided::AllowWith(Box::new(obligations))
        };
        Verdict { decided, because: because(rule) }
    }

    /// The asks that no permit answers; few policies have such permits.
    fn unanswered(&self, request: &Request<'_>, role: Option<Role>) -> Asks<'_> {
        let applies = |rule: &&Rule| rule.check(request, role).is_ok();
        let rules: Vec<&Rule> = self.policy.candidates(request).filter(applies).collect();
        let permits = || rules.iter().filter(|rule| rule.effect == RuleEffect::Permit);
        let mut asks = Asks::default();
        rules
            .iter()
            .filter(|rule| rule.effect == RuleEffect::Ask)
            .filter(|ask| !permits().any(|permit| permit.answers(ask)))
            .for_each(|ask| asks.add(ask));
        asks
    }
}

/// The asks that apply, of each kind the one that is named.
#[derive(Clone, Copy, Default)]
struct Asks<'a> {
    /// Of the owner's layers and the program's.
    own: Option<&'a Rule>,
    of_workspace: Option<&'a Rule>,
}

impl<'a> Asks<'a> {
    fn add(&mut self, rule: &'a Rule) {
        let slot = match rule.layer {
            Layer::Workspace => &mut self.of_workspace,
            _ => &mut self.own,
        };
        *slot = lower(*slot, rule);
    }
}

/// The first of the lowest layer, so that the list's order tells nothing.
fn lower<'a>(had: Option<&'a Rule>, rule: &'a Rule) -> Option<&'a Rule> {
    match had {
        Some(had) if (had.layer, &had.id) <= (rule.layer, &rule.id) => Some(had),
        _ => Some(rule),
    }
}

/// Reads the layers for every workspace.
fn load_all(sources: Sources, places: Places, before: Option<&State>) -> (State, Vec<Problem>) {
    let Sources { device, user, workspace, approved, others } = sources;
    let shared = (device, user);
    let kept = |ruling: &Ruling| ruling.layers.clone();
    let before_main = before.map(|state| kept(&state.main)).unwrap_or_default();
    let of_main = (workspace, approved);
    let (main, mut problems) = load(shared.clone(), of_main, places.clone(), &before_main);
    let mut loaded = Vec::with_capacity(others.len());
    for Workspace { root, policy, approved } in others {
        let had = before.and_then(|state| state.others.iter().find(|(known, _)| *known == root));
        let had = had.map_or_else(|| before_main.clone(), |(_, ruling)| kept(ruling));
        let places = Places { workspace: Some(root.clone()), ..places.clone() };
        let (ruling, more) = load(shared.clone(), (policy, approved), places, &had);
        // What is wrong in a file of all workspaces is told once.
        let new: Vec<_> = more.into_iter().filter(|it| !problems.contains(it)).collect();
        problems.extend(new);
        loaded.push((root, ruling));
    }
    let switch = before.map_or(KillSwitch::Off, |state| state.switch);
    (State { main, others: loaded, switch }, problems)
}

/// Reads the layers for one workspace; where one is damaged, its version in `before` stays.
fn load(
    (device, user): (Option<Source>, Option<Source>),
    (workspace, approved): (Option<Source>, Option<Fingerprint>),
    places: Places,
    before: &[(Layer, Source)],
) -> (Ruling, Vec<Problem>) {
    let builtin = policy::parse("builtin.toml", BUILTIN, Layer::Builtin, &places);
    let Parsed { mut rules, mut roles, .. } = builtin.expect("a test reads it");
    let (mut problems, mut layers, mut is_closed) = (Vec::new(), Vec::new(), false);
    let workspace = workspace.filter(|source| {
        let is_approved = approved == Some(source.fingerprint());
        if !is_approved {
            problems.push(Problem::Unapproved { file: source.file.clone() });
        }
        is_approved
    });
    let all = [(Layer::Device, device), (Layer::User, user), (Layer::Workspace, workspace)];
    for (layer, source) in all {
        let Some(mut source) = source else { continue };
        let mut parsed = policy::parse(&source.file, &source.text, layer, &places);
        if let Err(error) = &parsed {
            let good = before.iter().find(|(of, good)| *of == layer && good.file == source.file);
            let again = good.and_then(|(_, good)| {
                policy::parse(&good.file, &good.text, layer, &places).ok().map(|it| (it, good))
            });
            match again {
                Some((kept, good)) => {
                    problems.push(Problem::Kept(error.clone()));
                    (parsed, source) = (Ok(kept), good.clone());
                }
                None => {
                    problems.push(Problem::Closed(error.clone()));
                    is_closed = true;
                }
            }
        }
        let Ok(Parsed { rules: more, roles: named, .. }) = parsed else { continue };
        let is_workspace = layer == Layer::Workspace;
        for rule in more {
            if is_workspace && rule.effect == RuleEffect::Permit {
                problems.push(Problem::Ignored { file: source.file.clone(), rule: rule.id });
            } else {
                rules.push(rule);
            }
        }
        roles.extend(named);
        layers.push((layer, source));
    }
    (Ruling { policy: Policy::new(rules, roles), places, layers, is_closed }, problems)
}
