//! What an unlocked profile keeps beside its texts: rows, objects, the ledger, runs, and who may do
//! what.
//!
//! They are opened on a worker once the program can be used, and handed about as one value. What
//! can be asked of them is in `act`, the same for the running program and for a subcommand that
//! opens the profile by itself.

mod act;
pub mod upkeep;

pub use act::{Asking, Driving, act, told};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kernel::authority::{Authority, Event, Keeper, Parts};
use kernel::disk::{Disk, RealDisk};
use kernel::gate::{Gate, PolicyFiles, Problem};
use kernel::keys::Unlocked;
use kernel::ledger::{self, DeviceKey, Ledger, Signer, SubjectKeys};
use kernel::log::LogWriter;
use kernel::object::{ObjectOptions, ObjectStore};
use kernel::row::{Found, RowOptions, Rows, Source};
use kernel::run::sandbox::{Network, Walls};
use kernel::run::{Context, Duties, Executor, Inputs, ObjectArtifacts, Outputs, Runs, StepError};

use crate::devices::Devices;
use crate::directories::Directories;
use crate::guard::{self, Around, Steps};
use crate::journal;
use crate::profile;
use crate::registry::{Fault, FaultKind};

/// How long whoever works off the UI thread waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// What seals a device's signing key.
const IDENTITY: &str = "hearth device identity";

/// They hold each other, so they are one value.
pub struct Stores {
    /// Facts by key.
    pub rows: Arc<Rows>,
    /// Bytes by hash.
    pub objects: ObjectStore,
    /// What was decided.
    pub ledger: Arc<Ledger>,
    subjects: Arc<SubjectKeys>,
    places: Directories,
    around: Around,
    /// Decides, asks and remembers.
    pub authority: Arc<Authority>,
    /// Work in steps.
    pub runs: Arc<Runs>,
    /// The owner's other machines.
    pub devices: Arc<Devices>,
}

/// What opening them needs.
pub struct Opening {
    /// Where they lie.
    pub places: Directories,
    /// The unlocked profile.
    pub keys: Arc<Unlocked>,
    /// The profile's log.
    pub log: Arc<LogWriter>,
    /// The program's gate.
    pub gate: Arc<Gate>,
    /// Its policy.
    pub files: PolicyFiles,
    /// What the program knows of its person and the open folder.
    pub around: Around,
    /// Told of news of the Inbox.
    pub told: Box<dyn Fn(Event) + Send + Sync>,
}

impl Stores {
    /// Opens them, and says in a sentence each what was met. Not for the UI thread.
    ///
    /// # Errors
    /// What cannot be opened: nothing then acts on its own.
    pub fn open(opening: Opening) -> Result<(Self, Vec<String>), Fault> {
        let Opening { places, keys, log, gate, files, around, told } = opening;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let opener = || keys.opener(journal::PURPOSE);
        let mut problems = Vec::new();
        let source = Source { log: log.clone(), opener: opener() };
        let rows = Rows::open(disk.clone(), &places.rows(), source, &keys, RowOptions::default());
        let rows = Arc::new(rows.map_err(|error| refused("rows", &error))?);
        problems.extend(met(&rows));
        let objects =
            ObjectStore::open(disk.clone(), &places.objects(), &keys, ObjectOptions::default());
        let objects = objects.map_err(|error| refused("objects", &error))?;
        if !objects.found().is_empty() {
            problems.push(format!(
                "{} objects are damaged: `hearth doctor` names them.",
                objects.found().len()
            ));
        }
        let signer = signer(&places, &keys)?;
        let device = signer.id().to_string();
        let devices = Arc::new(Devices::new(&places, &keys, signer.clone()));
        let parts = ledger::Parts {
            disk: disk.clone(),
            dir: &places.ledgers().join(&device[..16]),
            keys: &keys,
            writer: log.clone(),
            opener: opener(),
            signer,
            patience: PATIENCE,
        };
        let (ledger, faults) = Ledger::open(parts).map_err(|error| refused("ledger", &error))?;
        if !faults.is_empty() {
            problems.push(format!(
                "The ledger has {} faults: `hearth ledger verify` names them.",
                faults.len()
            ));
        }
        let ledger = Arc::new(ledger);
        let subjects = SubjectKeys::open(&*disk, &places.subjects(), &keys)
            .map_err(|error| refused("ledger's subjects", &error))?;
        let subjects = Arc::new(subjects);
        let authority = Authority::open(Parts {
            gate,
            rows: rows.clone(),
            ledger: ledger.clone(),
            subjects: subjects.clone(),
            switch: guard::switch(&places),
            disk,
            files,
            patience: PATIENCE,
            told,
        });
        let authority = Arc::new(authority.map_err(|error| refused("authority", &error))?);
        let keeper = Keeper::new(authority.clone(), Arc::new(Steps::new(around.clone())));
        let artifacts = Arc::new(ObjectArtifacts::new(objects.clone()));
        let lanes = BTreeMap::from([("main".to_owned(), 2)]);
        let mut runs = Runs::new(rows.clone(), artifacts, Arc::new(keeper), lanes);
        runs.register("process.run", Arc::new(Programs::new(&places)));
        let kept = (rows.clone(), objects.clone(), ledger.clone());
        upkeep::register(&mut runs, (log, keys), kept);
        let runs = Arc::new(runs);
        let stores =
            Self { rows, objects, ledger, subjects, places, around, authority, runs, devices };
        Ok((stores, problems))
    }

    /// Puts the policy in force that counts now in every folder that somebody works in.
    pub fn reload_policy(&self) -> Vec<Problem> {
        self.around.reload(&self.places, self.authority.gate(), Some(self)).0
    }

    /// Seals everything under the key that seals now, so that older ones can be forgotten. The log,
    /// which rows and the ledger rest on, is sealed anew by its own.
    ///
    /// # Errors
    /// What could not be sealed anew: the old keys are then still needed.
    pub fn seal_anew(&self, places: &Directories, keys: &Unlocked) -> Result<(), Fault> {
        let fail = |error: &dyn std::fmt::Display| Fault::told(FaultKind::Machine, error);
        self.rows.rebuild().map_err(|error| fail(&error))?;
        self.ledger.seal_anew().map_err(|error| fail(&error))?;
        self.subjects.seal_anew(&RealDisk).map_err(|error| fail(&error))?;
        self.devices.seal_anew()?;
        let (sealer, opener) = (keys.sealer(IDENTITY), keys.opener(IDENTITY));
        DeviceKey::seal_anew(&RealDisk, &places.identity(), &sealer, &opener)
            .map_err(|error| fail(&error))?;
        match self.objects.seal_anew().map_err(|error| fail(&error))? {
            0 => Ok(()),
            packs => Err(Fault::machine(format!(
                "{packs} packs of objects do not open whole, so the old keys are kept: `hearth \
                 doctor` names the damage."
            ))),
        }
    }

    /// Ends what runs and signs the ledger as it is. Not for the UI thread.
    pub fn close(&self) {
        self.runs.close();
        self.devices.close();
        // Without it the next opening reads a little more.
        drop(self.ledger.checkpoint());
        drop(self.objects.save_index());
    }
}

/// What was met while the rows were opened.
fn met(rows: &Rows) -> Vec<String> {
    let (opened, mut told) = (rows.opened(), Vec::new());
    if let Found::Rebuilt(why) = &opened.found {
        told.push(format!("The index of the rows was made anew from the log: {why}."));
    }
    if opened.lost > 0 {
        told.push(format!(
            "Damage in the log took {} rows: `hearth doctor` names the file.",
            opened.lost
        ));
    }
    told
}

/// Signs for this device.
fn signer(places: &Directories, keys: &Unlocked) -> Result<Arc<DeviceKey>, Fault> {
    let (sealer, opener) = (keys.sealer(IDENTITY), keys.opener(IDENTITY));
    DeviceKey::load(&RealDisk, &places.identity(), &sealer, &opener)
        .map(Arc::new)
        .map_err(|error| refused("device's key", &error))
}

/// Lets a profile that was copied here be a device of its own: two machines that sign with one key
/// would tell two stories under one name.
///
/// # Errors
/// What the disk says.
pub fn set_identity_aside(places: &Directories) -> Result<(), Fault> {
    // What it was to others, it is no more.
    for from in [places.devices(), places.identity()] {
        match std::fs::rename(&from, from.with_extension("elsewhere")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Fault::file("Renaming", &from, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn refused(what: &str, error: &dyn std::fmt::Display) -> Fault {
    let sentence = error.to_string();
    Fault::told(FaultKind::Machine, &format!("the {what} could not be opened: {sentence}"))
}

/// Runs programs: a step's inputs are `program`, `arguments`, a line each, and `folder`. It runs in
/// a sandbox: it writes in that folder, in a place for temporary files that goes with it, and where
/// `writes` says, a path a line; it has no network unless `network` is "yes".
struct Programs {
    hidden: Vec<PathBuf>,
}

impl Programs {
    /// What they must not see: the profile, the control socket, and what unlocks.
    fn new(places: &Directories) -> Self {
        let socket = places.socket();
        let around_socket = socket.parent().map(Path::to_owned);
        let own = [places.data.clone(), places.state.clone()];
        let hidden = own.into_iter().chain(around_socket).chain(profile::passphrase_file());
        Self { hidden: hidden.collect() }
    }
}

impl Executor for Programs {
    fn run(&self, context: &Context, inputs: &Inputs) -> Result<Outputs, StepError> {
        let text = |name: &str| -> Result<Option<String>, StepError> {
            if !inputs.names().contains_key(name) {
                return Ok(None);
            }
            String::from_utf8(inputs.get(name)?)
                .map(Some)
                .map_err(|_| StepError::Permanent(format!("the input \"{name}\" is not UTF-8")))
        };
        let program = text("program")?
            .ok_or_else(|| StepError::Permanent("the step needs an input \"program\"".into()))?;
        let mut command = std::process::Command::new(program);
        command.args(text("arguments")?.unwrap_or_default().lines());
        let temporary = tempfile::Builder::new().prefix("hearth-step-").tempdir();
        let temporary = temporary
            .map_err(|error| StepError::Transient(format!("no temporary folder: {error}")))?;
        command.env("TMPDIR", temporary.path());
        let mut writes = vec![temporary.path().to_owned()];
        if let Some(folder) = text("folder")? {
            command.current_dir(Path::new(&folder));
            writes.push(PathBuf::from(folder));
        }
        writes.extend(text("writes")?.unwrap_or_default().lines().map(PathBuf::from));
        let network = match text("network")?.as_deref() {
            None | Some("no") => Network::None,
            Some("yes") => Network::Open,
            Some(other) => {
                let why = format!("\"network\" is yes or no, not \"{other}\"");
                return Err(StepError::Permanent(why));
            }
        };
        let walls = Walls { writes, hidden: self.hidden.clone(), network, ..Walls::default() };
        let status = context.walled_process(command, walls)?;
        if status.success() {
            Ok(Outputs::from([("status".to_owned(), status.to_string().into_bytes())]))
        } else {
            Err(StepError::Permanent(format!("the program ended with {status}")))
        }
    }

    fn duties(&self) -> Duties {
        Duties { sandbox: true, redact: false }
    }
}
