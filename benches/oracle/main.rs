//! Holds the gate against Cedar: a million requests over random policies of permits and forbids,
//! which is the part that both have. `cargo run --release -- [REQUESTS] [SEED]`.
//!
//! Each rule is written twice from one description, as TOML for the gate and as Cedar; a request is
//! made once and given to both. The built-in policy has rules of its own, so the principals and
//! actions are ones that none of them is about.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context as CedarContext, Decision, Entities, EntityUid, PolicySet,
    Request as CedarRequest, RestrictedExpression,
};
use kernel::Risk;
use kernel::disk::sim::SplitMix;
use kernel::gate::{
    Context, Decided, Domain, Fact, Gate, Places, Request, Resource, Source, Sources,
};
use kernel::principal::{ActionId, Principal};

/// Policies; each is asked its share of the requests.
const POLICIES: u64 = 200;
const AGENTS: [&str; 4] = ["a", "b", "c", "d"];
const NOUNS: [&str; 3] = ["x", "y", "z"];
const VERBS: [&str; 3] = ["one", "two", "three"];
const HOSTS: [&str; 5] = ["a.org", "b.a.org", "c.b.a.org", "x-a.org", "b.net"];
const FACTS: [(Fact, &str); 3] =
    [(Fact::Metered, "metered"), (Fact::Idle, "idle"), (Fact::Production, "production")];
const RISKS: [Risk; 5] = [Risk::L0, Risk::L1, Risk::L2, Risk::L3, Risk::L4];

struct Dice(SplitMix);

impl Dice {
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.0.below(of.len() as u64) as usize]
    }
}

/// One rule in both languages.
fn rule(dice: &mut Dice, number: usize, toml: &mut String, cedar: &mut String) {
    let permits = !dice.0.once_in(3);
    let effect = if permits { "permit" } else { "forbid" };
    let mut conditions = Vec::new();
    let principal = match dice.0.below(3) {
        0 => "pack".to_owned(),
        _ => {
            let name = *dice.pick(&AGENTS);
            conditions.push(format!("context.who == \"{name}\""));
            format!("pack:{name}")
        }
    };
    let (noun, verb) = (*dice.pick(&NOUNS), *dice.pick(&VERBS));
    let action = match dice.0.below(4) {
        0 => "*".to_owned(),
        1 => {
            conditions.push(format!("context.action like \"{noun}.*\""));
            format!("{noun}.*")
        }
        2 => {
            conditions.push(format!("context.action like \"*.{verb}\""));
            format!("*.{verb}")
        }
        _ => {
            conditions.push(format!("context.action == \"{noun}.{verb}\""));
            format!("{noun}.{verb}")
        }
    };
    let _written = write!(
        toml,
        "[[rule]]\nid = \"r{number}\"\neffect = \"{effect}\"\nprincipal = [\"{principal}\"]\n\
         action = [\"{action}\"]\n"
    );
    if dice.0.once_in(2) {
        let risk = dice.0.below(5);
        let compare = if permits { "<=" } else { ">=" };
        conditions.push(format!("context.risk {compare} {risk}"));
        toml.push_str(&format!("risk = \"L{risk}\"\n"));
    }
    if dice.0.once_in(2) {
        let host = *dice.pick(&HOSTS);
        let pattern = if dice.0.once_in(2) { format!("*.{host}") } else { host.to_owned() };
        conditions.push(format!("context.host like \"{pattern}\""));
        toml.push_str(&format!("resource = [\"domain:{pattern}\"]\n"));
    }
    for key in ["when", "unless"] {
        if dice.0.once_in(3) {
            let (_, name) = *dice.pick(&FACTS);
            let not = if key == "unless" { "!" } else { "" };
            conditions.push(format!("{not}context.{name}"));
            toml.push_str(&format!("{key} = [\"{name}\"]\n"));
        }
    }
    let when = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" && ") };
    cedar.push_str(&format!("{effect}(principal, action, resource) when {{ {when} }};\n"));
}

/// The built-in rules that are about packs, in Cedar: none of these requests is trusted, so that
/// its permits and asks do not apply, and its forbid does from L3 on.
const BUILTIN: &str = "forbid(principal, action, resource) when { context.risk >= 3 };\n";

fn run(requests: u64, seed: u64) -> Result<u64, String> {
    let mut dice = Dice(SplitMix::new(seed));
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let uid = |text: &str| EntityUid::from_str(text).map_err(|error| told(&error));
    let (who, act, on) = (uid("P::\"p\"")?, uid("Action::\"a\"")?, uid("R::\"r\"")?);
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let (mut allowed, mut asked) = (0, 0);
    for number in 0..POLICIES {
        let (mut toml, mut cedar) = (String::new(), BUILTIN.to_owned());
        for at in 0..=dice.0.below(20) as usize {
            rule(&mut dice, at, &mut toml, &mut cedar);
        }
        let source = Source { file: "oracle.toml".into(), text: toml.clone() };
        let sources = Sources { user: Some(source), ..Sources::default() };
        let (gate, problems) = Gate::new(sources, Places::default());
        if let Some(problem) = problems.first() {
            return Err(problem.to_string());
        }
        let policies = PolicySet::from_str(&cedar).map_err(|error| told(&error))?;
        for _ in 0..requests / POLICIES {
            let name = *dice.pick(&AGENTS);
            let action = format!("{}.{}", dice.pick(&NOUNS), dice.pick(&VERBS));
            let (risk, host) = (dice.0.below(5), *dice.pick(&HOSTS));
            let facts: Vec<_> = FACTS.iter().filter(|_| dice.0.once_in(2)).collect();
            let principal: Principal =
                format!("pack:{name}").parse().map_err(|error| told(&error))?;
            let id = ActionId::new(&action).map_err(|error| told(&error))?;
            let domain = Domain::new(host).ok_or("a host is no domain")?;
            let request = Request {
                principal: &principal,
                action: &id,
                risk: RISKS[risk as usize],
                resource: &Resource::Domain(domain),
                context: facts.iter().map(|(fact, _)| *fact).collect::<Context>(),
                workspace: None,
            };
            let ours = gate.decide(&request).decided == Decided::Allow;
            let holds = |of: &str| facts.iter().any(|(_, name)| *name == of);
            let mut pairs = vec![
                ("who".to_owned(), RestrictedExpression::new_string(name.to_owned())),
                ("action".to_owned(), RestrictedExpression::new_string(action.clone())),
                ("host".to_owned(), RestrictedExpression::new_string(host.to_owned())),
                ("risk".to_owned(), RestrictedExpression::new_long(risk as i64)),
            ];
            for (_, name) in FACTS {
                pairs.push((name.to_owned(), RestrictedExpression::new_bool(holds(name))));
            }
            let context = CedarContext::from_pairs(pairs).map_err(|error| told(&error))?;
            let theirs = CedarRequest::new(who.clone(), act.clone(), on.clone(), context, None)
                .map_err(|error| told(&error))?;
            let answer = authorizer.is_authorized(&theirs, &policies, &entities);
            if (answer.decision() == Decision::Allow) != ours {
                return Err(format!(
                    "policy {number} of seed {seed}: pack:{name} {action} L{risk} {host} \
                     {facts:?}: the gate allows: {ours}, Cedar: {:?}\n{toml}\n{cedar}",
                    answer.decision()
                ));
            }
            asked += 1;
            allowed += u64::from(ours);
        }
    }
    // Agreement on nothing but one answer would show nothing.
    if allowed * 20 < asked || allowed * 20 > asked * 19 {
        return Err(format!("only {allowed} of {asked} are allowed: the policies say too little"));
    }
    println!("{{\"requests\": {asked}, \"allowed\": {allowed}, \"agreement\": 100.0}}");
    Ok(asked)
}

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let (requests, seed) = (numbers.next().unwrap_or(1_000_000), numbers.next().unwrap_or(1));
    match run(requests, seed) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oracle: {error}");
            ExitCode::FAILURE
        }
    }
}
