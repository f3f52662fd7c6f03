//! Who asks over the control socket. What they may is the gate's to say.

use std::path::PathBuf;

use kernel::action::{Action, Shape};
use kernel::gate::{CanonicalPath, Context, Fact, Gate, Resource};
use kernel::principal::Principal as Asker;
use serde_json::Value;

use crate::guard::{self, Redaction};
use crate::registry::{Fault, path_from_json};

/// Who a connection speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Any process of the owner's.
    Socket,
    /// The same in an instance that was started to be driven.
    Driver,
    /// A script that has proved that it knows the owner's passphrase.
    Owner,
    /// A person at a terminal, who has proved it too: a subcommand that asks for its owner's word.
    Terminal,
}

/// Whether an instance was started with `--headless` or `--drive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driving {
    /// It was.
    Allowed,
    /// It was not: no `app.*`.
    Refused,
}

/// What of the program itself drives nothing.
const DRIVES_NOTHING: &[&str] = &["app.quit", "app.metrics"];

impl Principal {
    /// Who a new connection is.
    pub fn of_connection(driving: Driving) -> Self {
        match driving {
            Driving::Allowed => Self::Driver,
            Driving::Refused => Self::Socket,
        }
    }

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Driver => "driver",
            Self::Owner => "owner",
            Self::Terminal => "terminal",
        }
    }

    /// As the gate knows it.
    pub fn of_gate(self) -> Asker {
        match self {
            Self::Socket | Self::Driver | Self::Owner => Asker::Client,
            Self::Terminal => Asker::Owner,
        }
    }

    fn context(self, driving: Driving) -> Context {
        let driven = (driving == Driving::Allowed).then_some(Fact::Driven);
        let proved = matches!(self, Self::Owner | Self::Terminal).then_some(Fact::Proved);
        driven.into_iter().chain(proved).collect()
    }

    /// Whether it may do `action` while `here` is the folder of the focused window; what the policy
    /// does not allow is denied. It may look at the file system: not for the UI thread.
    ///
    /// # Errors
    /// Who may do it instead, in one sentence.
    pub fn may(
        self,
        gate: &Gate,
        action: &Action,
        params: &Value,
        (driving, here): (Driving, Option<&CanonicalPath>),
    ) -> Result<Redaction, Fault> {
        // Whoever asks: what drives a window is not there in an instance that is not driven.
        let drives = action.id.starts_with("app.") && !DRIVES_NOTHING.contains(&action.id);
        let asker = if drives { Asker::Client } else { self.of_gate() };
        let named = named(action, params);
        let resource = match &named {
            Some(path) if guard::writes(action) => CanonicalPath::resolve(path)
                .map(Resource::Path)
                .map_err(|error| Fault::file("Finding", path, &error))?,
            _ => Resource::Nothing,
        };
        // What lies in a folder that is open is judged there, whichever window is in front.
        let own = named.and_then(|path| CanonicalPath::resolve(&path).ok());
        let own = own.and_then(|path| gate.workspace_of(&path));
        let workspace = own.as_ref().or(here);
        guard::decide(gate, &asker, action, &resource, self.context(driving), workspace)
    }
}

/// The file that an action is about. One that is only opened is shown to its owner, wherever it is.
fn named(action: &Action, params: &Value) -> Option<PathBuf> {
    let mut paths = action.arguments.iter().filter(|argument| argument.shape == Shape::Path);
    paths.find_map(|argument| path_from_json(params.get(argument.name)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Argument, Effect, Need, Risk, Thread};
    use kernel::gate::{Places, Source, Sources};
    use serde_json::json;

    const PATH: &[Argument] =
        &[Argument { name: "path", shape: Shape::Path, need: Need::Optional, about: "" }];

    fn action(id: &'static str, effect: Effect, risk: Risk) -> Action {
        Action {
            id,
            title: "",
            about: "",
            arguments: PATH,
            result: Shape::Nothing,
            effect,
            risk,
            thread: Thread::Ui,
        }
    }

    fn gate() -> Gate {
        Gate::new(Sources::default(), Places::default()).0
    }

    fn may(principal: Principal, id: &'static str, effect: Effect, risk: Risk) -> bool {
        let driving = match principal {
            Principal::Driver => Driving::Allowed,
            _ => Driving::Refused,
        };
        principal.may(&gate(), &action(id, effect, risk), &Value::Null, (driving, None)).is_ok()
    }

    #[test]
    fn a_plain_client_reads_and_opens_and_nothing_else() {
        use Principal::Socket;
        assert!(may(Socket, "buffer.text", Effect::Pure, Risk::L0));
        assert!(may(Socket, "pane.list", Effect::Pure, Risk::L0));
        assert!(may(Socket, "file.open", Effect::Idempotent, Risk::L1));
        assert!(may(Socket, "file.save", Effect::Idempotent, Risk::L2));
        assert!(may(Socket, "kill.on", Effect::Idempotent, Risk::L2), "whoever it is may stop");
        for risk in [Risk::L0, Risk::L1, Risk::L2, Risk::L3, Risk::L4] {
            assert!(!may(Socket, "edit.paste", Effect::Once, risk), "{risk:?}");
        }
        assert!(!may(Socket, "clipboard.read", Effect::Pure, Risk::L1));
    }

    #[test]
    fn nobody_but_a_person_unlocks_the_profile() {
        // At a terminal one has proved the passphrase, so that there is nothing to unlock.
        for principal in [Principal::Socket, Principal::Driver, Principal::Owner] {
            assert!(!may(principal, "profile.unlock", Effect::Once, Risk::L2));
        }
    }

    #[test]
    fn driving_needs_an_instance_that_was_started_for_it() {
        let (gate, keys) = (gate(), action("app.keys", Effect::Once, Risk::L1));
        for principal in [Principal::Socket, Principal::Owner, Principal::Terminal] {
            assert!(principal.may(&gate, &keys, &Value::Null, (Driving::Refused, None)).is_err());
        }
        assert!(
            Principal::Driver.may(&gate, &keys, &Value::Null, (Driving::Allowed, None)).is_ok()
        );
        let state = action("app.state", Effect::Pure, Risk::L0);
        assert!(
            Principal::Socket.may(&gate, &state, &Value::Null, (Driving::Refused, None)).is_err()
        );
    }

    #[test]
    fn of_the_program_itself_a_plain_client_has_the_metrics_alone() {
        let gate = gate();
        let all = crate::command::GROUPS.iter().flat_map(|group| group.iter());
        let mut count = 0;
        for command in all.filter(|command| command.action.id.starts_with("app.")) {
            let (id, null) = (command.action.id, &Value::Null);
            let may = Principal::Socket.may(&gate, &command.action, null, (Driving::Refused, None));
            assert_eq!(may.is_ok(), id == "app.metrics", "{id}");
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn a_driver_does_what_keys_do_an_owner_more_and_a_person_approves() {
        assert!(may(Principal::Driver, "edit.paste", Effect::Once, Risk::L1));
        assert!(!may(Principal::Driver, "task.run", Effect::Once, Risk::L3));
        assert!(may(Principal::Owner, "task.run", Effect::Once, Risk::L3));
        assert!(!may(Principal::Owner, "history.erase", Effect::Once, Risk::L4));
        for id in ["inbox.approve", "inbox.deny", "kill.off"] {
            for principal in [Principal::Socket, Principal::Driver, Principal::Owner] {
                assert!(!may(principal, id, Effect::Once, Risk::L2), "{principal:?} {id}");
            }
            assert!(may(Principal::Terminal, id, Effect::Once, Risk::L2), "{id}");
        }
    }

    #[test]
    fn the_owners_policy_narrows_what_a_client_may_and_nothing_is_written_over_the_keys() {
        let text = "[[rule]]\nid = \"quiet\"\neffect = \"forbid\"\nprincipal = [\"client\"]\n\
                    action = [\"file.open\"]\n";
        let user = Some(Source { file: "policy.toml".into(), text: text.into() });
        let (gate, problems) = Gate::new(Sources { user, ..Sources::default() }, Places::default());
        assert!(problems.is_empty(), "{problems:?}");
        let open = action("file.open", Effect::Idempotent, Risk::L1);
        let told = Principal::Socket.may(&gate, &open, &Value::Null, (Driving::Refused, None));
        assert!(told.unwrap_err().sentence.contains("\"quiet\""));
        let save = action("file.save", Effect::Idempotent, Risk::L2);
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join(".ssh/authorized_keys");
        let params = json!({ "path": target });
        assert!(Principal::Socket.may(&gate, &save, &params, (Driving::Refused, None)).is_err());
        let params = json!({ "path": dir.path().join("a.txt") });
        Principal::Socket.may(&gate, &save, &params, (Driving::Refused, None)).unwrap();
    }
}
