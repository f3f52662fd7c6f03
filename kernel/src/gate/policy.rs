//! Policy files, and what they are compiled to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use super::glob::{self, PATTERN_BYTES_MAX, PathGlob};
use super::resource::Resource;
use super::{Context, Fact, Obligations, Places, Request, Role};
use crate::action::Risk;
use crate::principal::{Name, Principal, PrincipalKind};

/// The longest policy file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;
/// Rules in one file.
const RULES_MAX: usize = 10_000;

/// Where a rule stands. A later layer adds rules; none can take away another's forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// In the program.
    Builtin,
    /// For this machine.
    Device,
    /// For the owner, on every machine.
    User,
    /// In a folder: it may only narrow.
    Workspace,
}

impl Layer {
    /// Every layer, the lowest first.
    pub const ALL: [Self; 4] = [Self::Builtin, Self::Device, Self::User, Self::Workspace];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Device => "device",
            Self::User => "user",
            Self::Workspace => "workspace",
        }
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// Allows up to its risk.
    Permit,
    /// Denies from its risk on, whatever others say.
    Forbid,
    /// Asks a person from its risk on.
    Ask,
}

/// Something wrong in a policy file. It costs the file's layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The file, as its source named it.
    pub file: String,
    /// Where in it, from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl std::error::Error for PolicyError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    test: Vec<Spanned<RawTest>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    effect: RuleEffect,
    principal: Vec<String>,
    action: Vec<String>,
    #[serde(default)]
    risk: Option<RawRisk>,
    #[serde(default)]
    resource: Option<Vec<String>>,
    #[serde(default)]
    when: BTreeSet<Fact>,
    #[serde(default)]
    unless: BTreeSet<Fact>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    obligations: Option<Obligations>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTest {
    pub(super) principal: String,
    pub(super) action: String,
    risk: RawRisk,
    #[serde(default)]
    pub(super) resource: Option<String>,
    #[serde(default)]
    pub(super) when: BTreeSet<Fact>,
    pub(super) expect: String,
}

impl RawTest {
    pub(super) fn risk(&self) -> Risk {
        self.risk.into()
    }
}

#[derive(Clone, Copy, Deserialize)]
enum RawRisk {
    L0,
    L1,
    L2,
    L3,
    L4,
}

impl From<RawRisk> for Risk {
    fn from(risk: RawRisk) -> Self {
        match risk {
            RawRisk::L0 => Self::L0,
            RawRisk::L1 => Self::L1,
            RawRisk::L2 => Self::L2,
            RawRisk::L3 => Self::L3,
            RawRisk::L4 => Self::L4,
        }
    }
}

/// A rule, compiled.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: Name,
    pub(super) layer: Layer,
    pub(super) effect: RuleEffect,
    principals: Vec<Who>,
    actions: Vec<Box<str>>,
    /// The highest risk of a permit, the lowest of the others.
    risk: Option<Risk>,
    /// Any, if there is none.
    resources: Option<Vec<What>>,
    when: Context,
    unless: Context,
    pub(super) reason: Option<Box<str>>,
    /// Asks of other rules that a permit settles for good, by layer and id.
    answers: Vec<(Layer, Name)>,
    pub(super) obligations: Option<Obligations>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    Kind(PrincipalKind),
    One(Principal),
    Role(Role),
}

#[derive(Clone, Debug)]
enum What {
    Nothing,
    Path(PathGlob),
    Domain(Box<str>),
    Named(Box<str>),
}

/// Why a rule does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is about others.
    Principal,
    /// It is about other actions.
    Action,
    /// The action's risk is outside its own.
    Risk,
    /// It is about something else.
    Resource,
    /// A fact that it needs does not hold, or one that it excludes does.
    Context,
}

impl Rule {
    pub(super) fn check(&self, request: &Request<'_>, role: Option<Role>) -> Result<(), Miss> {
        if !self.principals.iter().any(|who| who.matches(request.principal, role)) {
            return Err(Miss::Principal);
        }
        let action = request.action.as_str().as_bytes();
        if !self.actions.iter().any(|of| glob::starred(of.as_bytes(), action)) {
            return Err(Miss::Action);
        }
        let is_within = self.risk.is_none_or(|risk| match self.effect {
            RuleEffect::Permit => request.risk <= risk,
            RuleEffect::Forbid | RuleEffect::Ask => request.risk >= risk,
        });
        if !is_within {
            return Err(Miss::Risk);
        }
        if !request.context.holds_all(self.when) || request.context.holds_any(self.unless) {
            return Err(Miss::Context);
        }
        let is_about = |what: &What| what.matches(request.resource);
        match &self.resources {
            Some(resources) if !resources.iter().any(is_about) => Err(Miss::Resource),
            _ => Ok(()),
        }
    }

    /// Whether this permit is a person's lasting answer to what `ask` asks.
    pub(super) fn answers(&self, ask: &Rule) -> bool {
        self.answers.iter().any(|(layer, id)| *layer == ask.layer && *id == ask.id)
    }

    pub(super) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The principals that it names one by one.
    pub(super) fn named(&self) -> impl Iterator<Item = &Principal> {
        self.principals.iter().filter_map(|who| match who {
            Who::One(principal) => Some(principal),
            _ => None,
        })
    }
}

impl Who {
    fn new(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Anyone);
        }
        if let Some(role) = text.strip_prefix("role:") {
            return Role::ALL.into_iter().find(|it| it.name() == role).map(Self::Role);
        }
        let kind = PrincipalKind::ALL.into_iter().find(|kind| kind.name() == text);
        kind.map(Self::Kind).or_else(|| text.parse().ok().map(Self::One))
    }

    fn matches(&self, principal: &Principal, role: Option<Role>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Kind(kind) => principal.kind() == *kind,
            Self::One(one) => one == principal,
            Self::Role(wanted) => role == Some(*wanted),
        }
    }

    /// The kinds of principals that it can match.
    fn kinds(&self) -> Vec<PrincipalKind> {
        match self {
            Self::Anyone | Self::Role(_) => PrincipalKind::ALL.to_vec(),
            Self::Kind(kind) => vec![*kind],
            Self::One(one) => vec![one.kind()],
        }
    }
}

impl What {
    fn new(text: &str, places: &Places) -> Option<Self> {
        if text == "nothing" {
            return Some(Self::Nothing);
        }
        match text.split_once(':')? {
            ("path", pattern) => {
                let full = places.expand(pattern)?;
                let absolute = if full.starts_with("**") { format!("/{full}") } else { full };
                PathGlob::new(&absolute).map(Self::Path)
            }
            ("domain", pattern) => {
                let plain = pattern.strip_prefix("*.").unwrap_or(pattern);
                let is_right = pattern == "*" || super::Domain::new(plain).is_some();
                is_right.then(|| Self::Domain(pattern.to_ascii_lowercase().into()))
            }
            ("name", pattern) => {
                (pattern.len() <= PATTERN_BYTES_MAX).then(|| Self::Named(pattern.into()))
            }
            _ => None,
        }
    }

    fn matches(&self, resource: &Resource) -> bool {
        match (self, resource) {
            (Self::Nothing, Resource::Nothing) => true,
            (Self::Path(glob), Resource::Path(path)) => glob.matches(path.as_str()),
            (Self::Domain(pattern), Resource::Domain(it)) => glob::domain(pattern, it.as_str()),
            (Self::Named(pattern), Resource::Named(name)) => {
                glob::starred(pattern.as_bytes(), name.as_str().as_bytes())
            }
            _ => false,
        }
    }
}

/// A file, read.
pub(super) struct Parsed {
    pub(super) rules: Vec<Rule>,
    pub(super) roles: Vec<(Principal, Role)>,
    pub(super) tests: Vec<(usize, RawTest)>,
}

pub(super) fn parse(
    file: &str,
    text: &str,
    layer: Layer,
    places: &Places,
) -> Result<Parsed, PolicyError> {
    let line_of = |at: usize| text.as_bytes()[..at.min(text.len())].split(|b| *b == b'\n').count();
    let wrong =
        |at: usize, what: String| PolicyError { file: file.to_owned(), line: line_of(at), what };
    if text.len() > FILE_BYTES_MAX {
        return Err(wrong(0, format!("the file is over {FILE_BYTES_MAX} bytes: shorten it")));
    }
    let raw: RawFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(at, format!("{}: mend it", error.message()))
    })?;
    if raw.rule.len() > RULES_MAX {
        return Err(wrong(0, format!("there are over {RULES_MAX} rules: join some")));
    }
    let mut roles = Vec::new();
    for (principal, role) in raw.roles {
        let at = text.find(&principal).unwrap_or(0);
        // A role can be what a permit is for.
        if layer == Layer::Workspace {
            return Err(wrong(
                at,
                "a workspace gives no roles: move them to your own policy".into(),
            ));
        }
        let known = principal.parse().map_err(|error| wrong(at, format!("{error}")))?;
        roles.push((known, role));
    }
    let (mut rules, mut ids) = (Vec::new(), BTreeSet::new());
    for spanned in raw.rule {
        let at = spanned.span().start;
        let rule = compile(spanned.into_inner(), layer, places).map_err(|what| wrong(at, what))?;
        if !ids.insert(rule.id.clone()) {
            return Err(wrong(at, format!("there is a rule `{}` already: rename it", rule.id)));
        }
        rules.push(rule);
    }
    let test = |it: Spanned<RawTest>| (line_of(it.span().start), it.into_inner());
    Ok(Parsed { rules, roles, tests: raw.test.into_iter().map(test).collect() })
}

fn compile(raw: RawRule, layer: Layer, places: &Places) -> Result<Rule, String> {
    let id = Name::new(&raw.id).map_err(|error| format!("id `{}`: {error}", raw.id))?;
    let who = |text: &String| {
        Who::new(text).ok_or_else(|| {
            format!("`{text}` is no principal: write *, a kind, KIND:NAME or role:ROLE")
        })
    };
    let what = |text: &String| {
        What::new(text, places).ok_or_else(|| {
            format!(
                "`{text}` is no resource: write nothing, path:GLOB (absolute, or from $workspace, \
                 $home or $profile), domain:NAME or name:GLOB"
            )
        })
    };
    let action = |text: &String| -> Result<Box<str>, String> {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._*-".contains(&byte)
        };
        let is_right = !text.is_empty() && text.len() <= 128 && text.bytes().all(is_letter);
        if is_right {
            Ok(text.as_str().into())
        } else {
            Err(format!("`{text}` is no action: write noun.verb, noun.* or *"))
        }
    };
    if raw.principal.is_empty() || raw.action.is_empty() {
        return Err(format!("rule `{id}` matches nothing: name a principal and an action"));
    }
    if raw.obligations.is_some() && raw.effect != RuleEffect::Permit {
        return Err(format!("rule `{id}` permits nothing: obligations belong to a permit"));
    }
    if raw.reason.is_some() && raw.effect != RuleEffect::Ask {
        return Err(format!("rule `{id}` asks nobody: a reason belongs to an ask"));
    }
    if !raw.answers.is_empty() && raw.effect != RuleEffect::Permit {
        return Err(format!("rule `{id}` permits nothing: only a permit answers asks"));
    }
    let answer = |text: &String| {
        let parts = text.split_once(':').and_then(|(layer, id)| {
            let layer = Layer::ALL.into_iter().find(|it| it.name() == layer)?;
            Some((layer, Name::new(id).ok()?))
        });
        parts.ok_or_else(|| format!("`{text}` is no rule: write LAYER:ID, as builtin:agent-asks"))
    };
    if let Some(sandbox) = raw.obligations.as_ref().and_then(|it| it.sandbox.as_deref()) {
        Name::new(sandbox).map_err(|error| format!("sandbox of `{id}`: {error}"))?;
    }
    Ok(Rule {
        layer,
        effect: raw.effect,
        principals: raw.principal.iter().map(who).collect::<Result<_, _>>()?,
        actions: raw.action.iter().map(action).collect::<Result<_, _>>()?,
        risk: raw.risk.map(Into::into),
        resources: raw
            .resource
            .map(|all| all.iter().map(what).collect::<Result<_, _>>())
            .transpose()?,
        when: raw.when.into_iter().collect(),
        unless: raw.unless.into_iter().collect(),
        reason: raw.reason.map(Into::into),
        answers: raw.answers.iter().map(answer).collect::<Result<_, _>>()?,
        obligations: raw.obligations,
        id,
    })
}

/// All layers' rules, found by who asks and by the noun of what is asked.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) rules: Vec<Rule>,
    roles: HashMap<Principal, Role>,
    index: [Index; PrincipalKind::ALL.len()],
}

/// Rules by noun, each list in the order of precedence, and those of any noun.
#[derive(Debug, Default)]
struct Index {
    by_noun: HashMap<Box<str>, Vec<u32>>,
    any: Vec<u32>,
}

impl Policy {
    pub(super) fn new(rules: Vec<Rule>, roles: Vec<(Principal, Role)>) -> Self {
        let mut policy = Self { rules, roles: HashMap::new(), index: Default::default() };
        for (principal, role) in roles {
            // Of two roles the lesser counts: layers have no order here either.
            let entry = policy.roles.entry(principal).or_insert(role);
            *entry = (*entry).max(role);
        }
        for (at, rule) in policy.rules.iter().enumerate() {
            let at = u32::try_from(at).expect("there are few rules");
            let kinds: BTreeSet<_> = rule.principals.iter().flat_map(Who::kinds).collect();
            for kind in kinds {
                let index = &mut policy.index[kind as usize];
                for action in &rule.actions {
                    match action.split_once('.') {
                        Some((noun, _)) if !noun.contains('*') => {
                            let list = index.by_noun.entry(noun.into()).or_default();
                            if list.last() != Some(&at) {
                                list.push(at);
                            }
                        }
                        _ if index.any.last() == Some(&at) => {}
                        _ => index.any.push(at),
                    }
                }
            }
        }
        policy
    }

    pub(super) fn role(&self, principal: &Principal) -> Option<Role> {
        match self.roles.get(principal) {
            None if *principal == Principal::Owner => Some(Role::Owner),
            // Nobody else is made an owner by a file.
            Some(Role::Owner) if *principal != Principal::Owner => Some(Role::Admin),
            role => role.copied(),
        }
    }

    /// The rules that can apply.
    pub(super) fn candidates(&self, request: &Request<'_>) -> impl Iterator<Item = &Rule> {
        let index = &self.index[request.principal.kind() as usize];
        let noun = request.action.as_str().split('.').next().unwrap_or_default();
        let of_noun = index.by_noun.get(noun).map_or(&[][..], Vec::as_slice);
        of_noun.iter().chain(&index.any).map(|at| &self.rules[*at as usize])
    }

    /// Principals that a rule or a role names one by one.
    pub(super) fn named(&self) -> BTreeSet<Principal> {
        let of_rules = self.rules.iter().flat_map(Rule::named);
        of_rules.chain(self.roles.keys()).cloned().collect()
    }
}
