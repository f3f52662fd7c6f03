//! `hearth policy`: who may do what, and why. It reads the policy's files itself, so that it
//! answers whether or not the program runs, and for the folder that it is called in.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kernel::Risk;
use kernel::authority::Tiers;
use kernel::gate::{
    CanonicalPath, Context, Fact, Gate, Layer, Line, Request, Resource, RuleEffect, Source,
};
use kernel::principal::{ActionId, Principal};
use serde_json::{Value, json};

use super::asks::{PolicyAsk, PolicyRequest};
use super::invocation::Form;
use super::reach::{Reach, Wish};
use super::{line, print};
use crate::directories::Directories;
use crate::guard::{self, Space, Steps};
use crate::registry::{Fault, FaultKind};
use crate::settings::FolderTrust;

pub(super) fn run(
    directories: &Directories,
    ask: &PolicyAsk,
    form: Form,
) -> Result<ExitCode, Fault> {
    let space = here(directories);
    let (gate, problems) = guard::gate(directories, space.as_ref());
    if !matches!(ask, PolicyAsk::Test(_)) {
        for problem in problems {
            // Without standard error there is nobody to tell.
            drop(writeln!(std::io::stderr(), "hearth: {problem}."));
        }
    }
    match ask {
        PolicyAsk::Check(request) => print(&check(&gate, &Asked::read(request)?, form)),
        PolicyAsk::Explain(request) => print(&explain(&gate, &Asked::read(request)?, form)),
        PolicyAsk::WhoCan(request) => print(&who_can(&gate, &Asked::read(request)?, form)),
        PolicyAsk::Test(file) => {
            let own = || directories.policy();
            test(&gate, &file.clone().unwrap_or_else(own), form)
        }
    }
}

/// The folder that it is called in. Whether it is trusted only matters where it has a policy.
fn here(directories: &Directories) -> Option<Space> {
    let mut space = Space::look(&std::env::current_dir().ok()?, None)?;
    if !space.policy().exists() {
        return Some(space);
    }
    let all = Reach::open(directories, Wish::Look).and_then(|it| it.ask("trust.list", Value::Null));
    match all {
        Ok(all) => {
            let is_it = |row: &Value| row["path"] == space.root.as_str() && row["trusted"] == true;
            let is_trusted = all.as_array().is_some_and(|all| all.iter().any(is_it));
            space.trust = if is_trusted { FolderTrust::Trusted } else { FolderTrust::Untrusted };
        }
        // Without standard error there is nobody to tell.
        Err(fault) => drop(writeln!(
            std::io::stderr(),
            "hearth: Nobody knows here whether this folder is trusted, so its own policy does not \
             count: {fault}"
        )),
    }
    Some(space)
}

/// A request that was read.
struct Asked {
    principal: Principal,
    action: ActionId,
    risk: Risk,
    resource: Resource,
    context: Context,
}

impl Asked {
    fn read(asked: &PolicyRequest) -> Result<Self, Fault> {
        let wrong = |error: &dyn std::fmt::Display| Fault::told(FaultKind::Usage, error);
        let principal = asked.principal.as_deref().unwrap_or("owner");
        let risk = match asked.risk.as_deref() {
            Some(risk) => risk_of(risk)
                .ok_or_else(|| Fault::usage(format!("\"{risk}\" is no risk: write L0 to L4.")))?,
            None => Steps::default().risk(&asked.action).ok_or_else(|| {
                Fault::usage(format!(
                    "{} is no action of this program, so its risk is not known: write risk=L0 to \
                     risk=L4.",
                    asked.action
                ))
            })?,
        };
        let facts = asked.when.iter().map(|name| fact(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            principal: principal.parse().map_err(|error| wrong(&error))?,
            action: ActionId::new(&asked.action).map_err(|error| wrong(&error))?,
            risk,
            resource: resource(asked.resource.as_deref())?,
            context: Context::of(&facts),
        })
    }

    fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: &self.action,
            risk: self.risk,
            resource: &self.resource,
            context: self.context,
            workspace: None,
        }
    }
}

fn risk_of(text: &str) -> Option<Risk> {
    let all = [Risk::L0, Risk::L1, Risk::L2, Risk::L3, Risk::L4];
    all.into_iter().find(|risk| format!("L{}", *risk as u8) == text)
}

fn fact(name: &str) -> Result<Fact, Fault> {
    serde_json::from_value(json!(name)).map_err(|_| {
        let all = Fact::ALL.map(|fact| json!(fact).as_str().unwrap_or_default().to_owned());
        Fault::usage(format!("\"{name}\" is nothing that holds: write {}.", all.join(", ")))
    })
}

/// Nothing, `domain:`, `name:`, or a path as a person writes it.
fn resource(text: Option<&str>) -> Result<Resource, Fault> {
    let Some(text) = text.filter(|text| *text != "nothing") else { return Ok(Resource::Nothing) };
    if text.starts_with("domain:") || text.starts_with("name:") {
        return Resource::read(text)
            .ok_or_else(|| Fault::usage(format!("\"{text}\" is no resource.")));
    }
    let path = PathBuf::from(text.strip_prefix("path:").unwrap_or(text));
    let absolute = std::path::absolute(&path).unwrap_or(path);
    CanonicalPath::resolve(&absolute)
        .map(Resource::Path)
        .map_err(|error| Fault::file("Finding", &absolute, &error))
}

fn check(gate: &Gate, asked: &Asked, form: Form) -> String {
    let mut verdict = gate.decide(&asked.request()).to_json();
    let held = guard::held(asked.action.as_str());
    match form {
        Form::Json => {
            if let Some(held) = held {
                verdict["runs"] = json!(held);
            }
            line(&verdict)
        }
        _ => {
            let held = held.map_or_else(String::new, |held| format!("; it runs {held}"));
            format!("{}{held}\n", told(&verdict))
        }
    }
}

fn told(verdict: &Value) -> String {
    let word = |name: &str| verdict[name].as_str().unwrap_or_default();
    let mut text =
        format!("{}, by rule {} of the {} layer", word("decision"), word("rule"), word("layer"));
    if !verdict["obligations"].is_null() {
        text.push_str(&format!(", with {}", verdict["obligations"]));
    }
    text
}

fn explain(gate: &Gate, asked: &Asked, form: Form) -> String {
    let (verdict, lines) = gate.explain(&asked.request());
    let mut verdict = verdict.to_json();
    let miss = |line: &Line| line.miss.map(|miss| format!("{miss:?}").to_lowercase());
    if form == Form::Json {
        let rules = lines.iter().map(|line| {
            json!({
                "rule": line.rule.as_str(),
                "layer": line.layer.name(),
                "effect": effect(line.effect),
                "applies": line.miss.is_none(),
                "miss": miss(line),
            })
        });
        verdict["rules"] = rules.collect();
        return line(&verdict);
    }
    let mut text = format!("{}\n\n", told(&verdict));
    for line in &lines {
        let why = miss(line).map_or("applies".to_owned(), |miss| format!("not its {miss}"));
        let (layer, rule) = (line.layer.name(), line.rule.as_str());
        text.push_str(&format!("{:<7} {layer:<9} {rule:<24} {why}\n", effect(line.effect)));
    }
    text
}

fn effect(effect: RuleEffect) -> &'static str {
    match effect {
        RuleEffect::Permit => "permit",
        RuleEffect::Forbid => "forbid",
        RuleEffect::Ask => "ask",
    }
}

fn who_can(gate: &Gate, asked: &Asked, form: Form) -> String {
    let holders = gate.who_can(&asked.request());
    if form == Form::Json {
        let rows = holders.iter().map(|holder| {
            let mut row = holder.verdict.to_json();
            row["principal"] = json!(holder.who);
            row["role"] = json!(holder.who.parse().ok().and_then(|who| gate.role(&who)));
            row
        });
        return line(&rows.collect());
    }
    let width = holders.iter().map(|holder| holder.who.len()).max().unwrap_or(0);
    let row = |holder: &kernel::gate::Holder| {
        format!("{:<width$}  {}\n", holder.who, told(&holder.verdict.to_json()))
    };
    holders.iter().map(row).collect()
}

fn test(gate: &Gate, path: &Path, form: Form) -> Result<ExitCode, Fault> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Fault::file("Reading", path, &error))?;
    let source = Source { file: path.display().to_string(), text };
    let failures =
        gate.test(Layer::User, &source).map_err(|error| Fault::told(FaultKind::Usage, &error))?;
    if form == Form::Json {
        let rows = failures.iter().map(|it| json!({ "line": it.line, "what": it.what }));
        print(&line(&json!({ "ok": failures.is_empty(), "failures": rows.collect::<Value>() })))?;
    } else if failures.is_empty() {
        print(&format!("Every test of {} holds.\n", path.display()))?;
    } else {
        print(&failures.iter().map(|failure| format!("{failure}\n")).collect::<String>())?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
