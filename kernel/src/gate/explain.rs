//! Answers for a person: which rules were looked at, who can do something, and whether a policy's
//! own tests hold.

use std::fmt;

use super::policy::{self, Layer, Miss, PolicyError, RawTest, RuleEffect};
use super::{
    CanonicalPath, Context, Decided, Domain, Epoch, Gate, Request, Resource, Source, Sources,
    Verdict, load,
};
use crate::principal::{ActionId, DeviceId, Name, Principal, PrincipalKind};

/// A rule, and whether it applies to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The rule.
    pub rule: Name,
    /// Its layer.
    pub layer: Layer,
    /// What it does where it applies.
    pub effect: RuleEffect,
    /// Why it does not apply; none where it does.
    pub miss: Option<Miss>,
}

/// Somebody, and what the gate would say to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// A principal that the policy names, or `KIND:*` for all others of a kind.
    pub who: String,
    /// The verdict.
    pub verdict: Verdict,
}

/// A test of a policy that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestFailure {
    /// The file.
    pub file: String,
    /// Where the test stands, from 1.
    pub line: usize,
    /// What it says and what is so.
    pub what: String,
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl Gate {
    /// The verdict, and every rule of the policy with the reason why it applies or does not.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> (Verdict, Vec<Line>) {
        let state = self.state();
        let ruling = state.of(request);
        let role = ruling.policy.role(request.principal);
        let line = |rule: &policy::Rule| Line {
            rule: rule.id.clone(),
            layer: rule.layer,
            effect: rule.effect,
            miss: rule.check(request, role).err(),
        };
        let lines = ruling.policy.rules.iter().map(line).collect();
        drop(state);
        (self.decide(request), lines)
    }

    /// What everybody would be told who asked this: the principals that the policy names, and one
    /// of each kind that it does not. The request's own principal is not looked at.
    #[must_use]
    pub fn who_can(&self, request: &Request<'_>) -> Vec<Holder> {
        let named = self.state().of(request).policy.named();
        let unnamed = PrincipalKind::ALL.map(|kind| {
            // No rule names these: `Name` has no such word, and no device this key.
            let stranger = DeviceId([0xff; 32]);
            let name = || Name::new("zz-nobody-in-a-policy").expect("it is of the grammar");
            match kind {
                PrincipalKind::Owner => ("owner".to_owned(), Principal::Owner),
                PrincipalKind::Trainer => ("trainer".to_owned(), Principal::Trainer),
                PrincipalKind::Client => ("client".to_owned(), Principal::Client),
                PrincipalKind::Device => ("device:*".to_owned(), Principal::Device(stranger)),
                PrincipalKind::Hub => ("hub:*".to_owned(), Principal::Hub(stranger)),
                PrincipalKind::Agent => ("agent:*".to_owned(), Principal::Agent(name())),
                PrincipalKind::Pack => ("pack:*".to_owned(), Principal::Pack(name())),
            }
        });
        let named = named.into_iter().map(|principal| (principal.to_string(), principal));
        let mut all: Vec<_> = unnamed.into_iter().chain(named).collect();
        all.dedup_by(|one, two| one.1 == two.1);
        let holder = |(who, principal): (String, Principal)| Holder {
            who,
            verdict: self.decide(&Request { principal: &principal, ..*request }),
        };
        all.into_iter().map(holder).collect()
    }

    /// Runs the tests that a policy file carries, with that file in its layer and the others as
    /// they are. What is in force does not change.
    ///
    /// # Errors
    /// What is wrong with the file itself.
    pub fn test(&self, layer: Layer, source: &Source) -> Result<Vec<TestFailure>, PolicyError> {
        let state = self.state();
        let mut sources = Sources::default();
        for (of, other) in state.main.layers.iter().chain([&(layer, source.clone())]) {
            match of {
                Layer::Builtin => {}
                Layer::Device => sources.device = Some(other.clone()),
                Layer::User => sources.user = Some(other.clone()),
                Layer::Workspace => {
                    sources.approved = Some(other.fingerprint());
                    sources.workspace = Some(other.clone());
                }
            }
        }
        let places = state.main.places.or_examples();
        drop(state);
        let parsed = policy::parse(&source.file, &source.text, layer, &places)?;
        let Sources { device, user, workspace, approved, .. } = sources;
        let (trial, _) = load((device, user), (workspace, approved), places, &[]);
        let mut failures = Vec::new();
        for (line, test) in parsed.tests {
            let fail = |what: String| TestFailure { file: source.file.clone(), line, what };
            match run(&trial, &test) {
                Ok(decided) if decided.name() == test.expect => {}
                Ok(decided) => failures.push(fail(format!(
                    "{} {} is expected to be `{}`, and is `{}`",
                    test.principal,
                    test.action,
                    test.expect,
                    decided.name()
                ))),
                Err(what) => failures.push(fail(what)),
            }
        }
        Ok(failures)
    }
}

fn run(trial: &super::Ruling, test: &RawTest) -> Result<Decided, String> {
    let principal: Principal = test.principal.parse().map_err(|error| format!("{error}"))?;
    let action = ActionId::new(&test.action).map_err(|error| error.to_string())?;
    let resource = match test.resource.as_deref() {
        None | Some("nothing") => Resource::Nothing,
        Some(text) => resource(text, trial)
            .ok_or_else(|| format!("`{text}` is no resource: write path:, domain: or name:"))?,
    };
    let context: Context = test.when.iter().copied().collect();
    let request = Request {
        principal: &principal,
        action: &action,
        risk: test.risk(),
        resource: &resource,
        context,
        workspace: None,
    };
    Ok(trial.decide(&request, Epoch(0)).decided)
}

fn resource(text: &str, trial: &super::Ruling) -> Option<Resource> {
    match text.split_once(':')? {
        ("path", path) => {
            let path = trial.places.expand(path)?;
            CanonicalPath::lexical(&path).map(Resource::Path)
        }
        ("domain", name) => Domain::new(name).map(Resource::Domain),
        ("name", name) => Name::new(name).ok().map(Resource::Named),
        _ => None,
    }
}
