//! The other side of the control socket: a second `hearth`, `hearth ctl`, scripts.

use std::io;
use std::path::Path;
use std::time::Duration;

use kernel::keys::{Passphrase, Profile, Unlocked};
use rpc::local::{self, LocalError};
use rpc::{CallError, Framing, Handler, Limits, Peer, Request};
use serde_json::{Value, json};

use super::proof::{self, Challenge};
use crate::directories::Directories;
use crate::profile;
use crate::registry::{Fault, FaultKind};

/// Where whoever proves to be the owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A script, which may do what its owner's scripts may.
    Script,
    /// A subcommand that a person runs to say something: it may approve.
    Terminal,
}

/// A connection to the resident process.
pub struct Client {
    peer: Peer,
}

/// The resident process asks nothing of its clients.
struct Silent;

impl Handler for Silent {
    fn request(&mut self, request: Request) {
        let error = rpc::RpcError::method_not_found(&request.method);
        request.answer(Err(error));
    }

    fn closed(&mut self, _why: Option<io::Error>) {}
}

impl Client {
    /// Connects to whoever listens at `socket`; `None` if nobody does.
    ///
    /// # Errors
    /// When somebody does but cannot be talked to.
    pub fn connect(socket: &Path) -> Result<Option<Self>, Fault> {
        let wire = match local::connect(socket) {
            Ok(wire) => wire,
            Err(LocalError::Nobody(_)) => return Ok(None),
            Err(error) => return Err(Fault::told(FaultKind::Machine, &error)),
        };
        let peer = Peer::start(wire, Framing::Newline, Limits::default(), Silent)
            .map_err(|error| Fault::machine(format!("No thread for the connection: {error}.")))?;
        Ok(Some(Self { peer }))
    }

    /// Calls `method` and waits for its answer.
    ///
    /// # Errors
    /// The answer's own fault, or what happened to the connection.
    pub fn call(&self, method: &str, params: Value, timeout: Duration) -> Result<Value, Fault> {
        self.peer.call(method, params, timeout).map_err(|error| match error {
            CallError::Answered(error) => {
                Fault::told(FaultKind::from_code(error.code), &error.message)
            }
            CallError::Late(_) => Fault::cancelled(format!("{method} took too long: {error}.")),
            CallError::Closed => Fault::cancelled(format!(
                "Hearth ended before it answered {method}; `hearth doctor` shows crash reports."
            )),
            CallError::Busy | CallError::TooLong(_) => Fault::told(FaultKind::State, &error),
        })
    }

    /// Proves to the resident process that this one acts for the owner. It derives a key, which
    /// takes 0.1 s.
    ///
    /// # Errors
    /// A wrong passphrase, or a profile without one.
    pub fn prove(&self, directories: &Directories, passphrase: &Path) -> Result<(), Fault> {
        let disk = kernel::disk::RealDisk;
        let told = |error| profile::told(&error);
        let words = Passphrase::from_file(&disk, passphrase).map_err(told)?;
        let locked = Profile::open(&disk, &directories.profile()).map_err(told)?;
        self.prove_with(&locked.unlock(&words).map_err(told)?, Place::Script)
    }

    /// The same for whoever has unlocked the profile already.
    ///
    /// # Errors
    /// A profile that the resident process has not unlocked.
    pub fn prove_with(&self, unlocked: &Unlocked, place: Place) -> Result<(), Fault> {
        let timeout = Duration::from_secs(10);
        let asked = self.call("owner.challenge", Value::Null, timeout)?;
        let challenge = asked["challenge"].as_str().and_then(Challenge::from_hex);
        let challenge =
            challenge.ok_or_else(|| Fault::internal("The challenge cannot be read."))?;
        let answer = proof::answer(unlocked, challenge);
        let mut proof = json!({ "answer": answer });
        if place == Place::Terminal {
            proof["at"] = json!("terminal");
        }
        self.call("owner.prove", proof, timeout)?;
        Ok(())
    }
}
