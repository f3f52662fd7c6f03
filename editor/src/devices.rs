//! The owner's other machines: the node of `net`, started once there is somebody to reach.
//!
//! No socket is opened before this device has a group or its person asks for pairing. Nothing here
//! is for the UI thread.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Risk;
use kernel::disk::RealDisk;
use kernel::gate::{Context, Request, Resource};
use kernel::keys::Unlocked;
use kernel::ledger::{Decision, DeviceKey, EvidenceHash, Signer, TraceId};
use kernel::principal::{ActionId, DeviceId, Principal};
use net::identity::DeviceName;
use net::kept::{PURPOSE, Store};
use net::link::Path;
use net::node::{Guest, Joining, Seen, Shown, Way};
use net::pairing::{Code, Qr, ShortCode, Words};
use net::{Config, Discover, Event, Frontier, Node, NodeError, Standing};
use serde_json::{Value, json};

use crate::directories::Directories;
use crate::registry::{Arguments, Fault, FaultKind};
use crate::stores::Stores;

type Told = Box<dyn Fn(Event) + Send + Sync>;
type Kept = Box<dyn Fn(DeviceId) -> Frontier + Send + Sync>;

/// This device among the others.
pub struct Devices {
    signer: Arc<DeviceKey>,
    store: Store,
    running: Mutex<Running>,
    /// What is kept of the work of a device that is removed: whoever replicates it knows.
    frontier: Mutex<Option<Kept>>,
}

#[derive(Default)]
struct Running {
    node: Option<Arc<Node>>,
    /// Hears of what happens; where nobody does, no node is started.
    told: Option<Arc<Told>>,
}

impl Devices {
    /// This device of an unlocked profile. It reads nothing yet.
    pub fn new(places: &Directories, keys: &Unlocked, signer: Arc<DeviceKey>) -> Self {
        let (sealer, opener) = (keys.sealer(PURPOSE), keys.opener(PURPOSE));
        let store = Store { disk: Arc::new(RealDisk), path: places.devices(), sealer, opener };
        Self { signer, store, running: Mutex::default(), frontier: Mutex::default() }
    }

    /// Tells `told` of what happens from now on, and starts the node if this device has others.
    ///
    /// # Errors
    /// What is kept cannot be read, or the network cannot be used.
    pub fn listen(&self, told: Told) -> Result<(), Fault> {
        self.running().told = Some(Arc::new(told));
        let kept = self.store.load().map_err(|error| Fault::told(FaultKind::Machine, &error))?;
        match kept.is_some_and(|kept| kept.group.is_some()) {
            true => self.started().map(drop),
            false => Ok(()),
        }
    }

    /// Who says what of a device's work is kept when it is removed.
    pub fn keep_by(&self, frontier: Kept) {
        *self.frontier.lock().unwrap_or_else(PoisonError::into_inner) = Some(frontier);
    }

    /// Signs for this device.
    pub fn signer(&self) -> Arc<dyn Signer> {
        self.signer.clone()
    }

    /// The node, if it runs.
    pub fn node(&self) -> Option<Arc<Node>> {
        self.running().node.clone()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node; it is started if it does not run.
    fn started(&self) -> Result<Arc<Node>, Fault> {
        let mut running = self.running();
        if let Some(node) = &running.node {
            return Ok(node.clone());
        }
        let told = running.told.clone().ok_or_else(|| {
            Fault::state("Hearth does not run: start it, or `hearth --headless` without a window.")
        })?;
        let config = Config {
            signer: self.signer.clone(),
            store: self.store.clone(),
            discover: Discover::LocalNetwork,
        };
        let (node, mut events) = Node::start(config).map_err(|error| fault(&error))?;
        let hear = move || {
            while let Some(event) = events.wait() {
                told(event);
            }
        };
        std::thread::Builder::new()
            .name("devices".to_owned())
            .spawn(hear)
            .map_err(|error| Fault::machine(format!("No thread for the devices: {error}.")))?;
        let node = Arc::new(node);
        running.node = Some(node.clone());
        Ok(node)
    }

    /// Ends every link.
    pub fn close(&self) {
        let running = std::mem::take(&mut *self.running());
        drop(running);
    }

    /// Seals what is kept under the key that seals now.
    ///
    /// # Errors
    /// What the disk says.
    pub fn seal_anew(&self) -> Result<(), Fault> {
        let machine = |error: &dyn std::fmt::Display| Fault::told(FaultKind::Machine, error);
        if let Some(node) = self.node() {
            return node.keep().map_err(|error| machine(&error));
        }
        match self.store.load().map_err(|error| machine(&error))? {
            Some(kept) => self.store.save(&kept).map_err(|error| machine(&error)),
            None => Ok(()),
        }
    }

    /// Every device that belongs.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub fn list(&self) -> Result<Vec<Seen>, Fault> {
        let seen = match self.node() {
            Some(node) => node.devices(),
            None => {
                let kept = self.store.load();
                let kept = kept.map_err(|error| Fault::told(FaultKind::Machine, &error))?;
                kept.map_or_else(Vec::new, |kept| net::node::seen(&kept, self.signer.id()))
            }
        };
        Ok(seen.into_iter().filter(|it| it.standing.belongs() || it.this).collect())
    }

    /// Newcomers that a person is asked about.
    pub fn guests(&self) -> Vec<Guest> {
        self.node().map_or_else(Vec::new, |node| node.guests())
    }

    /// Shows a code.
    ///
    /// # Errors
    /// What the node says.
    pub fn show(&self, name: DeviceName) -> Result<Shown, Fault> {
        self.started()?.show(group_name(), name).map_err(|error| fault(&error))
    }

    /// Goes to the device that shows `code`, at `at` if it is a typed one.
    ///
    /// # Errors
    /// What is wrong with the code, or what the node says.
    pub fn join(&self, code: &str, at: Option<&str>, name: DeviceName) -> Result<Joining, Fault> {
        let way = way(code, at)?;
        self.started()?.join(way, name).map_err(|error| fault(&error))
    }

    fn frontier(&self, device: DeviceId) -> Frontier {
        let frontier = self.frontier.lock().unwrap_or_else(PoisonError::into_inner);
        frontier.as_ref().map_or_else(Frontier::default, |frontier| frontier(device))
    }
}

/// What this machine calls itself.
pub fn machine_name() -> DeviceName {
    DeviceName::near(&host_name().unwrap_or_default())
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    let mut name = [0u8; 256];
    // SAFETY: the pointer and the length are those of `name`, of which the last byte stays zero.
    let got = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let end = name.iter().position(|byte| *byte == 0)?;
    (got == 0).then(|| String::from_utf8_lossy(&name[..end]).into_owned())
}

#[cfg(windows)]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

fn group_name() -> DeviceName {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    DeviceName::near(
        &user.map_or_else(|_| "my devices".to_owned(), |user| format!("{user}'s devices")),
    )
}

fn way(code: &str, at: Option<&str>) -> Result<Way, Fault> {
    let is_whole = code.trim_start().get(..7).is_some_and(|it| it.eq_ignore_ascii_case("hearth:"));
    if is_whole {
        let code = Code::read(code).map_err(|error| Fault::told(FaultKind::Usage, &error))?;
        return Ok(Way::Scanned(code));
    }
    let short = ShortCode::read(code).ok_or_else(|| {
        Fault::usage("That is no pairing code: copy all of it, or type its ten letters and digits.")
    })?;
    // Without an address it is looked for on the local network.
    let Some(at) = at else { return Ok(Way::Typed(short, Vec::new())) };
    let at: SocketAddr = at.trim().parse().map_err(|_| {
        Fault::usage(format!("\"{at}\" is no address: write it as 192.168.1.7:4000."))
    })?;
    Ok(Way::Typed(short, vec![at]))
}

fn fault(error: &NodeError) -> Fault {
    let kind = match error {
        NodeError::System(_) | NodeError::Store(_) => FaultKind::Machine,
        NodeError::Pair(_) | NodeError::Group(_) | NodeError::Alone | NodeError::Grouped => {
            FaultKind::State
        }
    };
    Fault::told(kind, error)
}

/// Does `id` with checked arguments, for `actor`.
///
/// # Errors
/// What the node says.
pub fn act(
    stores: &Stores,
    id: &str,
    arguments: &Arguments,
    actor: &Principal,
) -> Result<Value, Fault> {
    let devices = &stores.devices;
    match id {
        "device.list" => Ok(devices.list()?.iter().map(seen_json).collect()),
        "device.pending" => Ok(devices.guests().iter().map(guest_json).collect()),
        "device.code" => {
            Ok(devices.node().and_then(|node| node.watched()).map_or(Value::Null, |it| {
                let words = it.words.map(|words| words.0);
                json!({ "expires_s": it.left.as_secs(), "check_words": words })
            }))
        }
        "device.pair" => Ok(shown_json(&devices.show(name(arguments)?)?)),
        "device.hide" => {
            if let Some(node) = devices.node() {
                node.hide();
            }
            Ok(Value::Null)
        }
        "device.join" => {
            let (code, at) = (arguments.text("code")?, arguments.maybe_text("at")?);
            Ok(joining_json(&devices.join(code, at, name(arguments)?)?))
        }
        "device.confirm" => {
            let node = devices.started()?;
            let joining = node.confirm(arguments.text("words")?).map_err(|error| fault(&error))?;
            Ok(joining_json(&joining))
        }
        "device.leave_joining" => {
            if let Some(node) = devices.node() {
                node.stop_joining();
            }
            Ok(Value::Null)
        }
        "device.refuse" => {
            let device = device(arguments)?;
            let was_there = devices.node().is_some_and(|node| node.refuse_guest(device));
            match was_there {
                true => Ok(json!({ "id": device.to_string() })),
                false => Err(Fault::unknown("No device with that id waits to be admitted.")),
            }
        }
        "device.admit" => {
            let device = device(arguments)?;
            let node = devices.started()?;
            let guest = node.admit_guest(device, arguments.text("words")?);
            let guest = guest.map_err(|error| fault(&error))?;
            note(stores, id, device, actor)?;
            Ok(json!({ "id": device.to_string(), "name": guest.name.as_str() }))
        }
        "device.remove" => {
            let device = device(arguments)?;
            let removed = devices.started()?.remove(device, devices.frontier(device));
            removed.map_err(|error| fault(&error))?;
            note(stores, id, device, actor)?;
            Ok(json!({ "id": device.to_string() }))
        }
        "device.rename" => {
            let (device, name) = (device(arguments)?, name(arguments)?);
            let renamed = devices.started()?.rename(device, name.clone());
            renamed.map_err(|error| fault(&error))?;
            Ok(json!({ "id": device.to_string(), "name": name.as_str() }))
        }
        _ => Err(Fault::internal(format!("{id} is not asked of the devices."))),
    }
}

/// The ledger's entry; the device is its evidence.
fn note(stores: &Stores, id: &str, device: DeviceId, actor: &Principal) -> Result<(), Fault> {
    let action = ActionId::new(id).map_err(|_| Fault::internal(format!("{id} is no action.")))?;
    let request = Request {
        principal: actor,
        action: &action,
        risk: Risk::L3,
        resource: &Resource::Nothing,
        context: Context::default(),
        workspace: None,
    };
    let evidence = vec![EvidenceHash(device.0)];
    let noted = stores.authority.note(&request, Decision::Done, None, evidence, TraceId(0));
    noted.map_err(|error| Fault::told(FaultKind::Machine, &error))
}

fn device(arguments: &Arguments) -> Result<DeviceId, Fault> {
    arguments.text("id")?.parse().map_err(|_| {
        Fault::usage("That is no device's id: `hearth devices` and `devices pending` list them.")
    })
}

/// The name that was given, or the machine's own.
fn name(arguments: &Arguments) -> Result<DeviceName, Fault> {
    match arguments.maybe_text("name")? {
        None | Some("") => Ok(machine_name()),
        Some(name) => DeviceName::new(name).ok_or_else(|| {
            Fault::usage("A device's name is one line of at most 64 bytes, all of it visible.")
        }),
    }
}

/// The way to a device in a word; `None` while there is none.
pub fn path_word(seen: &Seen) -> Option<&'static str> {
    seen.path.map(|path| match path {
        Path::Direct(_) => "direct",
        Path::Relay(_) => "relay",
    })
}

fn seen_json(seen: &Seen) -> Value {
    let role = match seen.standing {
        Standing::Hub => "hub",
        Standing::Member => "member",
        Standing::Removed(_) | Standing::Stranger => "removed",
    };
    json!({
        "id": seen.id.to_string(),
        "name": seen.name.as_str(),
        "this": seen.this,
        "online": seen.this || seen.path.is_some(),
        "path": path_word(seen),
        "last_seen_s": seen.last_seen.map(|ago| ago.as_secs()),
        "role": role,
    })
}

fn guest_json(guest: &Guest) -> Value {
    json!({
        "id": guest.id.to_string(),
        "name": guest.name.as_str(),
        "check_words": guest.words.0,
    })
}

fn shown_json(shown: &Shown) -> Value {
    let at: Vec<String> = shown.at.iter().map(ToString::to_string).collect();
    json!({
        "code": shown.code.as_str(),
        "short_code": shown.short.as_str(),
        "expires_s": shown.left.as_secs(),
        "qr": drawn(&shown.qr),
        "at": at,
    })
}

fn drawn(qr: &Qr) -> String {
    qr.drawn()
}

/// A joining as it is told: where it stands, who shows the code, and the words.
fn joining_json(joining: &Joining) -> Value {
    let told = |host: &net::pairing::Host, words: &Words, state: &str| {
        json!({
            "device": host.card.device.to_string(),
            "name": host.card.name.as_str(),
            "group": host.group_name.as_str(),
            "check_words": words.0,
            "state": state,
        })
    };
    match joining {
        Joining::Asked(host, words) => told(host, words, "confirm"),
        Joining::Waiting(host, words) => told(host, words, "waiting"),
        Joining::Joined(host, words) => told(host, words, "joined"),
        Joining::Failed(error) => json!({ "state": "failed", "reason": error.to_string() }),
    }
}
