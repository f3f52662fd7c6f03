//! Who asks over the control socket, and what they may.

use kernel::action::{Action, Effect, Risk};

use crate::registry::Fault;

/// Who a connection speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Any process of the owner's: it reads state, and opens and saves files.
    Socket,
    /// The same in an instance that was started to be driven: it acts as its keys could.
    Driver,
    /// It proved that it knows the owner's passphrase.
    Owner,
}

/// What asks for a secret: a person has to be there to give it.
const FOR_A_PERSON: &[&str] = &["profile.unlock"];

/// Whether an instance was started with `--headless` or `--drive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driving {
    /// It was.
    Allowed,
    /// It was not: no `app.*`.
    Refused,
}

/// What any client may do beside reading.
const OPEN_TO_ALL: &[&str] =
    &["file.open", "file.open_all", "file.save", "buffer.text", "suggest.now"];

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
        }
    }

    /// Whether it may do `action`; what is not allowed here is denied.
    ///
    /// # Errors
    /// Who may do it instead, in one sentence.
    pub fn may(self, action: &Action, driving: Driving) -> Result<(), Fault> {
        let id = action.id;
        if id.starts_with("app.") && id != "app.quit" && driving == Driving::Refused {
            return Err(Fault::denied(format!(
                "{id} drives the window: start Hearth with --headless or --drive to allow it."
            )));
        }
        if FOR_A_PERSON.contains(&id) {
            return Err(Fault::denied(format!(
                "{id} asks for the passphrase, so a person has to do it at the window."
            )));
        }
        let reads = action.effect == Effect::Pure && action.risk == Risk::L0;
        let allowed = reads
            || OPEN_TO_ALL.contains(&id)
            || match self {
                Self::Socket => false,
                Self::Driver => action.risk <= Risk::L2,
                Self::Owner => action.risk <= Risk::L3,
            };
        match (allowed, self) {
            (true, _) => Ok(()),
            (false, Self::Owner) => Err(Fault::denied(format!(
                "{id} cannot be taken back, so a person has to do it at the window or the terminal."
            ))),
            (false, _) => Err(Fault::denied(format!(
                "{id} is the owner's: do it in the window, or set HEARTH_PASSPHRASE_FILE to prove \
                 that you act for the owner."
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Shape, Thread};

    fn action(id: &'static str, effect: Effect, risk: Risk) -> Action {
        Action {
            id,
            title: "",
            about: "",
            arguments: &[],
            result: Shape::Nothing,
            effect,
            risk,
            thread: Thread::Ui,
        }
    }

    fn may(principal: Principal, id: &'static str, effect: Effect, risk: Risk) -> bool {
        let driving = match principal {
            Principal::Driver => Driving::Allowed,
            Principal::Socket | Principal::Owner => Driving::Refused,
        };
        principal.may(&action(id, effect, risk), driving).is_ok()
    }

    #[test]
    fn a_plain_client_reads_and_opens_and_nothing_else() {
        use Principal::Socket;
        assert!(may(Socket, "buffer.text", Effect::Pure, Risk::L0));
        assert!(may(Socket, "pane.list", Effect::Pure, Risk::L0));
        assert!(may(Socket, "file.open", Effect::Idempotent, Risk::L1));
        assert!(may(Socket, "file.save", Effect::Idempotent, Risk::L2));
        for risk in [Risk::L0, Risk::L1, Risk::L2, Risk::L3, Risk::L4] {
            assert!(!may(Socket, "edit.paste", Effect::Once, risk), "{risk:?}");
        }
        assert!(!may(Socket, "clipboard.read", Effect::Pure, Risk::L1));
    }

    #[test]
    fn nobody_but_a_person_unlocks_the_profile() {
        for principal in [Principal::Socket, Principal::Driver, Principal::Owner] {
            assert!(!may(principal, "profile.unlock", Effect::Once, Risk::L0));
        }
    }

    #[test]
    fn driving_needs_an_instance_that_was_started_for_it() {
        let keys = action("app.keys", Effect::Once, Risk::L1);
        for principal in [Principal::Socket, Principal::Owner] {
            assert!(principal.may(&keys, Driving::Refused).is_err());
        }
        assert!(Principal::Driver.may(&keys, Driving::Allowed).is_ok());
        let state = action("app.state", Effect::Pure, Risk::L0);
        assert!(Principal::Socket.may(&state, Driving::Refused).is_err());
    }

    #[test]
    fn a_driver_does_what_keys_do_and_an_owner_more() {
        assert!(may(Principal::Driver, "edit.paste", Effect::Once, Risk::L1));
        assert!(!may(Principal::Driver, "task.run", Effect::Once, Risk::L3));
        assert!(may(Principal::Owner, "task.run", Effect::Once, Risk::L3));
        assert!(!may(Principal::Owner, "history.erase", Effect::Once, Risk::L4));
    }
}
