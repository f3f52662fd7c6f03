//! How a subcommand reaches the profile's stores: through the program that runs, or by itself.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use kernel::disk::RealDisk;
use kernel::keys::{KeyError, Profile, Unlocked};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::principal::Principal;
use serde_json::Value;

use super::profile_keys;
use crate::control::{Client, Place};
use crate::directories::Directories;
use crate::guard;
use crate::instance::{self, Held};
use crate::journal;
use crate::profile;
use crate::registry::{Arguments, Fault, FaultKind, Registry};
use crate::stores::{self, Asking, Driving, Opening, Stores};

/// A ledger of millions of entries is read meanwhile.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What is going to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To look.
    Look,
    /// To say something as the owner.
    Word,
}

/// The way to the stores.
pub(super) enum Reach {
    /// The program runs.
    Instance(Client),
    /// It does not, and until this ends it cannot.
    Own(Box<Own>),
}

/// Stores that a subcommand has opened itself.
pub(super) struct Own {
    stores: Arc<Stores>,
    registry: Registry,
    _held: Held,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.stores.close();
    }
}

impl Reach {
    /// Finds the way. Whoever has a word to say is the owner, at a terminal or with the passphrase.
    ///
    /// # Errors
    /// No profile, a passphrase that does not open it, or a script that has not proved itself.
    pub(super) fn open(directories: &Directories, wish: Wish) -> Result<Self, Fault> {
        if wish == Wish::Word && !is_person() {
            return Err(Fault::denied(format!(
                "This is a person's word: run it at a terminal, or set {} to a file with the \
                 passphrase.",
                profile::PASSPHRASE_VARIABLE
            )));
        }
        if let Some(client) = instance::find(directories)? {
            if wish == Wish::Word {
                client.prove_with(&unlocked(directories)?, Place::Terminal)?;
            }
            return Ok(Self::Instance(client));
        }
        let held = instance::hold(directories)?;
        let stores = open_stores(directories, unlocked(directories)?)?;
        let registry = Registry::gather(crate::command::GROUPS);
        Ok(Self::Own(Box::new(Own { stores: Arc::new(stores), registry, _held: held })))
    }

    /// Asks for an action of the stores.
    ///
    /// # Errors
    /// What the stores say.
    pub(super) fn ask(&self, id: &str, arguments: Value) -> Result<Value, Fault> {
        match self {
            Self::Instance(client) => client.call(id, arguments, TIMEOUT),
            Self::Own(own) => {
                let command = own.registry.find(id)?;
                let arguments = Arguments::check(&command.action, arguments)?;
                let asking = Asking {
                    actor: Principal::Owner,
                    folder: std::env::current_dir().ok(),
                    driving: Driving::Here,
                };
                stores::act(&own.stores, id, &arguments, &asking)
            }
        }
    }
}

/// Whether a person is there, or has left their passphrase to a script.
pub(super) fn is_person() -> bool {
    profile::passphrase_file().is_some() || std::io::stdin().is_terminal()
}

/// Asks a question at the terminal that a person answers with yes or no; a script that has proved
/// itself is not asked.
///
/// # Errors
/// When the answer cannot be read.
pub(super) fn confirm(question: &str) -> Result<bool, Fault> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    // A question that cannot be shown is not answered with yes.
    drop(write!(std::io::stderr(), "{question} [y/N] "));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Fault::machine(format!("The terminal failed: {error}.")))?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn unlocked(directories: &Directories) -> Result<Unlocked, Fault> {
    match Profile::open(&RealDisk, &directories.profile()) {
        Ok(locked) => profile_keys::unlock(directories, &locked),
        Err(KeyError::Missing(_)) => Err(Fault::state(
            "There is no profile here yet: start Hearth once, or make one with `hearth init`.",
        )),
        Err(error) => Err(profile::told(&error)),
    }
}

fn open_stores(places: &Directories, keys: Unlocked) -> Result<Stores, Fault> {
    let fail = |error: &dyn std::fmt::Display| Fault::told(FaultKind::Machine, error);
    let sealer = keys.sealer(journal::PURPOSE);
    let log = Log::open(Arc::new(RealDisk), &places.log(), sealer, LogOptions::default());
    let log = LogWriter::start(log.map_err(|error| fail(&error))?, |_| {});
    let log = Arc::new(log.map_err(|error| fail(&error))?);
    let (gate, _) = guard::gate(places, None);
    let files = guard::policy_files(places, None, &Default::default());
    let around = guard::Around::default();
    let here = std::env::current_dir().ok();
    around.set_open(here.iter().cloned().collect(), here);
    let (stores, problems) = Stores::open(Opening {
        places: places.clone(),
        keys: Arc::new(keys),
        log,
        gate: Arc::new(gate),
        files,
        around,
        told: Box::new(|_| {}),
    })?;
    stores.reload_policy();
    for problem in problems {
        // Without standard error there is nobody to tell.
        drop(writeln!(std::io::stderr(), "hearth: {problem}"));
    }
    Ok(stores)
}
