//! The gate: decisions from nothing, through a capability, a reload, and Cedar's opinion.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use kernel::Risk;
use kernel::gate::{Context, Decided, Domain, Gate, Places, Request, Resource, Source, Sources};
use kernel::principal::{ActionId, Principal};
use serde_json::Value;

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};

/// Rules beside the built-in ones.
const RULES: usize = 200;
const DECISIONS: u32 = 1_000_000;
const LOOKS: u32 = 100_000_000;
const RELOADS: u32 = 50;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["gate.decide", "gate.handle", "gate.reload"], run },
        Measure { rows: &["gate.oracle"], run: oracle },
    ]
}

/// Rules as a person with several agents and packs would have them: most are about one of them,
/// and a third about whatever they do.
fn sources() -> Sources {
    let mut text = String::new();
    for at in 0..RULES {
        let effect = ["permit", "forbid", "ask"][at % 3];
        let who = [format!("agent:a{}", at % 17), "agent".into(), format!("pack:p{}", at % 5)];
        let action = [format!("noun{}.*", at % 20), format!("noun{}.verb", at % 30), "*".into()];
        let resource = [format!("domain:*.site{at}.org"), format!("path:/srv/{at}/**/*.rs")];
        write!(
            text,
            "[[rule]]\nid = \"r{at}\"\neffect = \"{effect}\"\nprincipal = [\"{}\"]\n\
             action = [\"{}\"]\nresource = [\"{}\"]\n",
            who[at / 3 % 3],
            action[at / 2 % 3],
            resource[at % 2],
        )
        .expect("a string takes whatever is written");
    }
    let permit = "[[rule]]\nid = \"last\"\neffect = \"permit\"\nprincipal = [\"agent:a3\"]\n\
                  action = [\"noun3.verb\"]\nresource = [\"domain:*.example.com\"]\n";
    text.push_str(permit);
    Sources { user: Some(Source { file: "policy.toml".into(), text }), ..Sources::default() }
}

fn run() -> Result<Vec<Figure>, String> {
    let (gate, problems) = Gate::new(sources(), Places::default());
    if let Some(problem) = problems.first() {
        return Err(problem.to_string());
    }
    let agent: Principal = "agent:a3".parse().expect("it is of the grammar");
    let action = ActionId::new("noun3.verb").expect("it is of the grammar");
    let domain = Domain::new("api.example.com").expect("it is a name");
    let resource = Resource::Domain(domain);
    let context = Context::default();
    let request = Request {
        principal: &agent,
        action: &action,
        risk: Risk::L0,
        resource: &resource,
        context,
        workspace: None,
    };
    let start = thread_cpu();
    for _ in 0..DECISIONS {
        if black_box(gate.decide(black_box(&request))).decided != Decided::Allow {
            return Err("the request is allowed by the last rule".to_owned());
        }
    }
    let decide = (thread_cpu() - start).as_secs_f64() * 1e9 / f64::from(DECISIONS);
    let capability = gate.grant(&request).map_err(|verdict| verdict.to_json().to_string())?;
    let start = thread_cpu();
    for _ in 0..LOOKS {
        black_box(black_box(&capability).holds());
    }
    let handle = (thread_cpu() - start).as_secs_f64() * 1e9 / f64::from(LOOKS);
    let start = thread_cpu();
    for _ in 0..RELOADS {
        gate.reload(sources(), Places::default());
    }
    let reload = (thread_cpu() - start).as_secs_f64() * 1e3 / f64::from(RELOADS);
    Ok(vec![
        Figure::new("gate.decide", decide),
        Figure::new("gate.handle", handle),
        Figure::new("gate.reload", reload),
    ])
}

fn oracle() -> Result<Vec<Figure>, String> {
    let output =
        Command::new(oracle_program()?).output().map_err(|error| format!("the oracle: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let number = |key: &str| said[key].as_f64().ok_or_else(|| format!("the oracle said {said}"));
    let figure = Figure::new("gate.oracle", number("agreement")?);
    Ok(vec![figure.beside("requests", number("requests")?).beside("allowed", number("allowed")?)])
}

/// Beside this program, which lies in the same target directory, or in its own.
fn oracle_program() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = own.parent().and_then(Path::parent).map(|target| target.join("release/oracle"));
    let manifest = "benches/oracle/Cargo.toml";
    let built = ::tests::tree::root().join("benches/oracle/target/release/oracle");
    let mut places = beside.into_iter().chain([built]);
    places.find(|path| path.is_file()).ok_or_else(|| {
        format!("the oracle is not built: cargo build --release --manifest-path {manifest}")
    })
}
