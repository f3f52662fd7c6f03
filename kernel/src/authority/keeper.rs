//! The authority as runs ask it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Ask, Authority, Outcome};
use crate::action::Risk;
use crate::gate::{CanonicalPath, Context, KillSwitch, Request, Resource};
use crate::ledger::TraceId;
use crate::principal::{ActionId, Name, Principal};
use crate::run::{Decision, GateKeeper, Wish};

/// How long a run's question stands: a week.
const STANDS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What actions mean and what holds: the program knows, the kernel does not.
pub trait Tiers: Send + Sync {
    /// The tier of an action; none for one that the program does not have.
    fn risk(&self, action: &str) -> Option<Risk>;

    /// How this system holds what the action runs, as a person is told it; none where it runs
    /// nothing.
    fn held(&self, _action: &str) -> Option<String> {
        None
    }

    /// What holds now, for whoever works in `workspace`.
    fn context(&self, workspace: Option<&CanonicalPath>) -> Context;
}

/// Asks for steps of runs.
pub struct Keeper {
    authority: Arc<Authority>,
    tiers: Arc<dyn Tiers>,
}

impl Keeper {
    /// Of `authority`.
    #[must_use]
    pub fn new(authority: Arc<Authority>, tiers: Arc<dyn Tiers>) -> Self {
        Self { authority, tiers }
    }

    fn ask(&self, wish: &Wish<'_>) -> Result<Outcome, String> {
        let Wish { principal, action, resource, .. } = *wish;
        let who: Principal = principal.parse().map_err(|error| format!("{error}"))?;
        let id = ActionId::new(action).map_err(|error| error.to_string())?;
        let risk = self.tiers.risk(action).ok_or_else(|| {
            format!("{action} is no action of this program, so nobody knows what it may do")
        })?;
        // A step that names no resource is asked for by its own name.
        let named = || Name::new(resource).ok().map(Resource::Named);
        let resource = Resource::read(resource).or_else(named).ok_or_else(|| {
            format!("\"{resource}\" is no resource: write nothing, path:, domain: or name:")
        })?;
        let workspace = wish.workspace.map(|text| {
            CanonicalPath::lexical(text).ok_or_else(|| format!("\"{text}\" is no folder"))
        });
        let workspace = workspace.transpose()?;
        let request = Request {
            principal: &who,
            action: &id,
            risk,
            resource: &resource,
            context: self.tiers.context(workspace.as_ref()),
            workspace: workspace.as_ref(),
        };
        let origin = format!("run {}, step {}", wish.run, wish.step);
        let mut content = content(wish);
        if let Some(held) = self.tiers.held(action) {
            content = format!("it runs {held}\n{content}");
        }
        let ask = Ask {
            request,
            trace: TraceId(u128::from(wish.run.0)),
            origin: &origin,
            diff: (!content.is_empty()).then_some(&content),
            stands: STANDS,
        };
        self.authority.ask(&ask).map_err(|error| error.to_string())
    }
}

/// What a step takes, for a person to look at: an approval holds for just this. What stands in the
/// plan is shown whole, all else by its hash.
fn content(wish: &Wish<'_>) -> String {
    let mut text = String::new();
    for (name, digest) in wish.inputs {
        match wish.inline.get(name) {
            Some(value) if value.contains('\n') => {
                text.push_str(&format!("{name}:\n"));
                value.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
            }
            Some(value) => text.push_str(&format!("{name}: {value}\n")),
            None => text.push_str(&format!("{name}: {digest}\n")),
        }
    }
    text
}

impl GateKeeper for Keeper {
    fn decide(&self, wish: &Wish<'_>) -> Decision {
        let action = wish.action;
        match self.ask(wish) {
            Ok(Outcome::Allowed(obligations)) if obligations.is_empty() => Decision::Allow,
            Ok(Outcome::Allowed(obligations)) => Decision::AllowWith(Box::new(obligations)),
            Ok(Outcome::Later(wait)) => Decision::Later(wait),
            Ok(Outcome::Asked(item)) => {
                Decision::Ask(format!("{action} waits for you in the Inbox, item {item}"))
            }
            Ok(Outcome::Denied(verdict)) => {
                let rule = verdict.because.rule.as_ref().map_or("default-deny", |it| it.as_str());
                let layer = verdict.because.layer.name();
                Decision::Deny(format!("the policy denies {action}: `{rule}`, {layer} layer"))
            }
            Err(why) => Decision::Deny(why),
        }
    }

    fn is_stopped(&self) -> bool {
        self.authority.gate.kill_switch() == KillSwitch::On
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keeper({:?})", self.authority)
    }
}
