//! The thread itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use kernel::log::{AppendError, Entry, Ticket};
use kernel::object::{ObjectId, Root};
use net::node::SendError;
use net::{Channel, DeviceId, Frontier, Group};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use sync::{
    Act, ChainId, FileId, RelativePath, Replica, Workspace, WorkspaceId, WriteError, Writing,
};
use text::{Author, Cause, Grouping, Operation, Origin, Rope, TextHash, Version};

use super::convergence::Convergence;
use super::folder::{Folder, Lies};
use super::{Adoption, Order, Parts, SharedFile, kept};
use crate::buffer::BufferId;
use crate::notice::Severity;
use crate::program::Program;
use crate::registry::{Fault, path_to_json};
use crate::shell::Reply;

/// How often everything is compared with every peer.
const MINUTE: Duration = Duration::from_secs(60);
/// How long a device that joins waits for the files before it answers.
const JOIN_TIME: Duration = Duration::from_secs(60);
/// A device that joins has everything when nothing came for so long.
const JOIN_QUIET: Duration = Duration::from_millis(600);
/// Frames that are kept before it is known who belongs; what is lost is sent again.
const EARLY_MAX: usize = 1024;
/// Paths that another program touched within this time are looked at together.
const TOGETHER: Duration = Duration::from_millis(15);
/// A disk that does not take what devices wrote is tried for so long.
const PATIENCE: Duration = Duration::from_secs(10);

const OUTSIDE: Origin = Origin { group: Grouping::Command, cause: Cause::Outside };

type Counts = BTreeMap<(WorkspaceId, ChainId), u64>;

struct Shared {
    folder: Folder,
    workspace: Workspace,
    _watcher: Option<RecommendedWatcher>,
    /// How many files of this device were merged and set aside when it joined.
    merged: usize,
    branched: usize,
    troubles: usize,
    convergence: Convergence,
}

impl Shared {
    fn new(folder: Folder, workspace: Workspace, watcher: Option<RecommendedWatcher>) -> Self {
        Self {
            folder,
            workspace,
            _watcher: watcher,
            merged: 0,
            branched: 0,
            troubles: 0,
            convergence: Convergence::default(),
        }
    }
}

struct Join {
    workspace: WorkspaceId,
    until: Instant,
    heard: Instant,
    reply: Reply,
}

struct Worker {
    parts: Parts,
    orders: Sender<Order>,
    flusher: Sender<(Ticket, Counts)>,
    group: Option<Arc<Group>>,
    linked: BTreeSet<DeviceId>,
    shared: BTreeMap<WorkspaceId, Shared>,
    queues: BTreeMap<(DeviceId, Channel), VecDeque<Vec<u8>>>,
    /// What was logged and is not known to be durable.
    logged: Counts,
    last: Option<Ticket>,
    joins: Vec<Join>,
    /// Frames that came before it was known who belongs.
    early: Vec<(DeviceId, Channel, Vec<u8>)>,
    /// What is written once there is a key.
    unwritten: Vec<(SharedFile, Vec<Operation>)>,
}

pub(super) fn start(
    parts: Parts,
    orders: Sender<Order>,
    receive: Receiver<Order>,
) -> std::io::Result<()> {
    let (flusher, flushes) = channel::<(Ticket, Counts)>();
    let (log, durable) = (parts.log.clone(), orders.clone());
    std::thread::Builder::new().name("shared durable".to_owned()).spawn(move || {
        while let Ok((mut last, mut counts)) = flushes.recv() {
            for (ticket, more) in flushes.try_iter() {
                last = ticket;
                counts.extend(more);
            }
            // What is not durable in this time is with the next that is.
            if log.flush_to(last, PATIENCE).is_ok() {
                let done = counts.into_iter().map(|((it, chain), count)| (it, chain, count));
                drop(durable.send(Order::Durable(done.collect())));
            }
        }
    })?;
    let mut worker = Worker {
        parts,
        orders,
        flusher,
        group: None,
        linked: BTreeSet::new(),
        shared: BTreeMap::new(),
        queues: BTreeMap::new(),
        logged: Counts::new(),
        last: None,
        joins: Vec::new(),
        early: Vec::new(),
        unwritten: Vec::new(),
    };
    std::thread::Builder::new().name("sharing".to_owned()).spawn(move || worker.run(&receive))?;
    Ok(())
}

impl Worker {
    fn run(&mut self, orders: &Receiver<Order>) {
        let mut minute = Instant::now() + MINUTE;
        loop {
            let now = Instant::now();
            let wait = match self.joins.is_empty() {
                true => minute.saturating_duration_since(now),
                false => JOIN_QUIET.min(minute.saturating_duration_since(now)),
            };
            match orders.recv_timeout(wait) {
                Ok(order) => self.obey(order, orders),
                Err(RecvTimeoutError::Timeout) => {}
                // The program has ended: nobody but this thread tells it anything.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= minute {
                minute = Instant::now() + MINUTE;
                self.each(|shared| shared.workspace.tick());
            }
            let now = Instant::now();
            for shared in self.shared.values_mut() {
                let replica = shared.workspace.replica();
                shared.convergence.wrote(replica.written(), now);
                shared.convergence.came(replica.converged(), now);
            }
            self.answer_joins();
            self.flush();
        }
    }

    fn obey(&mut self, order: Order, orders: &Receiver<Order>) {
        match order {
            Order::Group(group) => self.take_group(group),
            Order::Linked(device) => {
                self.linked.insert(device);
                self.queues.retain(|(to, _), _| *to != device);
                self.each(|shared| shared.workspace.linked(device));
            }
            Order::Unlinked(device) => {
                self.linked.remove(&device);
                self.queues.retain(|(to, _), _| *to != device);
                self.shared.values_mut().for_each(|it| it.workspace.unlinked(device));
            }
            Order::Frame(from, channel, frame) => self.hear(from, channel, &frame),
            Order::Room(device, channel) => self.send_queued(device, channel),
            Order::Attach { buffer, path, version, rope } => {
                self.attach(buffer, &path, version, &rope);
            }
            Order::Edited(file, operations) => self.edited(file, operations),
            Order::Saved(SharedFile { workspace, file }, rope) => {
                self.write(workspace, |it, group| it.saved(file, rope, group));
            }
            Order::Detach(SharedFile { workspace, file }, on_disk) => {
                if let Some(shared) = self.shared.get_mut(&workspace) {
                    shared.workspace.detach(file, on_disk);
                }
            }
            Order::Share(path, reply) => reply(self.share(&path)),
            Order::Join(id, path, reply) => self.join(id, path, reply),
            Order::Status(reply) => reply(Ok(self.status())),
            Order::Held(device, answer) => {
                // Whoever asked may have gone.
                drop(answer.send(self.held_of(device)));
            }
            Order::Durable(counts) => {
                for (workspace, chain, count) in counts {
                    self.one(workspace, |it| it.durable(chain, count));
                }
            }
            Order::Touched(workspace, paths) => self.touched(workspace, paths, orders),
            Order::Rescan(workspace) => self.rescan(workspace),
        }
    }

    /// Lets each workspace do something, and carries it out.
    fn each(&mut self, with: impl Fn(&mut Shared) -> Vec<Act>) {
        let all: Vec<WorkspaceId> = self.shared.keys().copied().collect();
        for id in all {
            let acts = self.shared.get_mut(&id).map(&with).unwrap_or_default();
            self.carry_out(id, acts);
        }
    }

    fn one(&mut self, id: WorkspaceId, with: impl FnOnce(&mut Workspace) -> Vec<Act>) {
        let acts = self.shared.get_mut(&id).map(|it| with(&mut it.workspace)).unwrap_or_default();
        self.carry_out(id, acts);
    }

    /// Lets a workspace write something; what cannot be written is told.
    fn write(
        &mut self,
        id: WorkspaceId,
        with: impl FnOnce(&mut Workspace, &Group) -> Result<Vec<Act>, WriteError>,
    ) -> bool {
        let (Some(shared), Some(group)) = (self.shared.get_mut(&id), &self.group) else {
            return false;
        };
        match with(&mut shared.workspace, group) {
            Ok(acts) => {
                self.carry_out(id, acts);
                true
            }
            Err(WriteError::NoKey) => false,
            Err(error) => {
                self.say(Severity::Error, format!("A shared edit was not sent: {error}."));
                true
            }
        }
    }

    fn say(&self, severity: Severity, sentence: String) {
        self.post(move |program| program.say(severity, sentence));
    }

    fn post(&self, with: impl FnOnce(&mut Program) + Send + 'static) {
        (self.parts.post)(Box::new(with));
    }

    // What others wrote, and what was written here.

    fn hear(&mut self, from: DeviceId, channel: Channel, frame: &[u8]) {
        let Some(group) = self.group.clone() else {
            if self.early.len() < EARLY_MAX {
                self.early.push((from, channel, frame.to_vec()));
            }
            return;
        };
        let Some(id) = workspace_of(frame) else { return };
        for join in self.joins.iter_mut().filter(|join| join.workspace == id) {
            join.heard = Instant::now();
        }
        self.one(id, |it| it.receive(from, channel, frame, &*group));
    }

    fn edited(&mut self, file: SharedFile, operations: Vec<Operation>) {
        self.unwritten.push((file, operations));
        self.write_waiting();
    }

    fn write_waiting(&mut self) {
        for (file, operations) in std::mem::take(&mut self.unwritten) {
            let known = self.shared.contains_key(&file.workspace);
            let kept = operations.clone();
            let written = self.unwritten.is_empty()
                && self.write(file.workspace, |it, group| it.edited(file.file, operations, group));
            if known && !written {
                self.unwritten.push((file, kept));
            }
        }
    }

    fn take_group(&mut self, group: Arc<Group>) {
        let is_first = self.group.replace(group).is_none();
        if is_first {
            self.begin();
            for (from, channel, frame) in std::mem::take(&mut self.early) {
                self.hear(from, channel, &frame);
            }
        } else {
            self.each(|shared| shared.workspace.tick());
        }
        self.write_waiting();
    }

    // The beginning, sharing and joining.

    /// Reads what the log has.
    fn begin(&mut self) {
        let found = match kept::read(&self.parts.log.reader(), &self.parts.opener) {
            Ok((found, 0)) => found,
            Ok((found, damaged)) => {
                self.say(
                    Severity::Warning,
                    format!(
                        "{damaged} records of shared folders are damaged; other devices send \
                         them again."
                    ),
                );
                found
            }
            Err(error) => {
                let sentence = format!("Shared folders could not be read: {error}.");
                return self.say(Severity::Error, sentence);
            }
        };
        for (id, found) in found {
            if let Some(root) = found.root {
                self.open(id, root, found.batches);
            }
        }
        self.tell_roots();
    }

    fn open(&mut self, id: WorkspaceId, root: PathBuf, batches: Vec<sync::batch::Batch>) {
        let (Some(group), Some(own)) = (self.group.clone(), ChainId::random()) else { return };
        let replica = Replica::new(id, own, self.parts.signer.clone());
        let replica = replica.restored(batches, &*group);
        let mut workspace = Workspace::new(replica, Author::random());
        let acts = workspace.begin(&*group);
        let folder = Folder::new(root);
        let watcher = self.watch(id, folder.root());
        let shared = Shared::new(folder, workspace, watcher);
        self.shared.insert(id, shared);
        self.carry_out(id, acts);
        self.rescan(id);
        for device in self.linked.clone() {
            self.one(id, |it| it.linked(device));
        }
    }

    fn watch(&self, id: WorkspaceId, root: &Path) -> Option<RecommendedWatcher> {
        let orders = self.orders.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let order = match event {
                Ok(event) if event.need_rescan() => Order::Rescan(id),
                Ok(event) if event.kind.is_access() => return,
                Ok(event) => Order::Touched(id, event.paths),
                Err(_) => Order::Rescan(id),
            };
            drop(orders.send(order));
        });
        let watching = watcher.and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        match watching {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                let root = root.display();
                self.say(
                    Severity::Warning,
                    format!(
                        "{root} cannot be watched ({error}): what other programs write there is \
                         seen at the next start."
                    ),
                );
                None
            }
        }
    }

    fn tell_roots(&self) {
        let roots = self.shared.iter().map(|(id, it)| (*id, it.folder.root().to_owned())).collect();
        self.post(move |program| program.shared_folders(roots));
    }

    fn place(&mut self, path: &Path) -> Result<PathBuf, Fault> {
        if self.group.is_none() {
            return Err(Fault::state(
                "This device has no others yet: pair one with `hearth pair`, then share.",
            ));
        }
        let root = path.canonicalize().map_err(|error| Fault::file("Reading", path, &error))?;
        if !root.is_dir() {
            return Err(Fault::state(format!("{} is no folder.", root.display())));
        }
        let meets = |other: &Path| root.starts_with(other) || other.starts_with(&root);
        match self.shared.values().find(|it| meets(it.folder.root())) {
            Some(other) => {
                Err(Fault::state(format!("{} is shared already.", other.folder.root().display())))
            }
            None => Ok(root),
        }
    }

    fn share(&mut self, path: &Path) -> Result<serde_json::Value, Fault> {
        let root = self.place(path)?;
        let id = WorkspaceId::random()
            .ok_or_else(|| Fault::machine("The system gave no random bytes."))?;
        self.append(kept::place(id, &root));
        self.open(id, root.clone(), Vec::new());
        self.tell_roots();
        Ok(json!({ "id": id.to_string(), "path": path_to_json(&root) }))
    }

    fn join(&mut self, id: WorkspaceId, path: PathBuf, reply: Reply) {
        if let Err(error) = std::fs::create_dir_all(&path) {
            return reply(Err(Fault::file("Making", &path, &error)));
        }
        if self.shared.contains_key(&id) {
            return reply(Err(Fault::state("This device has joined that workspace already.")));
        }
        let root = match self.place(&path) {
            Ok(root) => root,
            Err(fault) => return reply(Err(fault)),
        };
        self.append(kept::place(id, &root));
        let (Some(group), Some(own)) = (self.group.clone(), ChainId::random()) else { return };
        let replica = Replica::new(id, own, self.parts.signer.clone());
        let mut workspace = Workspace::new(replica, Author::random());
        drop(workspace.begin(&*group));
        let folder = Folder::new(root);
        let shared = Shared::new(folder, workspace, None);
        self.shared.insert(id, shared);
        for device in self.linked.clone() {
            self.one(id, |it| it.linked(device));
        }
        let now = Instant::now();
        self.joins.push(Join { workspace: id, until: now + JOIN_TIME, heard: now, reply });
    }

    /// Answers those who joined and have everything, or have waited long enough.
    fn answer_joins(&mut self) {
        let now = Instant::now();
        let (done, waiting): (Vec<Join>, Vec<Join>) =
            std::mem::take(&mut self.joins).into_iter().partition(|join| {
                let shared = self.shared.get(&join.workspace);
                let is_there = shared.is_some_and(|it| {
                    it.workspace.paths().next().is_some() && it.workspace.is_whole()
                });
                now >= join.until || is_there && now.duration_since(join.heard) >= JOIN_QUIET
            });
        self.joins = waiting;
        for join in done {
            let id = join.workspace;
            // Files that only this device has are shared from now on.
            let watcher = self.shared.get(&id).and_then(|it| self.watch(id, it.folder.root()));
            if let Some(shared) = self.shared.get_mut(&id) {
                shared._watcher = watcher;
            }
            self.rescan(id);
            self.tell_roots();
            let Some(shared) = self.shared.get(&id) else { continue };
            (join.reply)(Ok(json!({
                "id": id.to_string(),
                "path": path_to_json(shared.folder.root()),
                "files": shared.workspace.paths().count(),
                "merged": shared.merged,
                "branched": shared.branched,
            })));
        }
    }

    fn held_of(&self, device: DeviceId) -> Frontier {
        let shared = self.shared.values();
        let held = shared.flat_map(|it| it.workspace.replica().held_of(device));
        Frontier(held.map(|(chain, count)| (chain.0, count)).collect())
    }

    fn status(&self) -> serde_json::Value {
        let one = |(id, shared): (&WorkspaceId, &Shared)| {
            let peers = shared.workspace.replica().peers().map(|peer| {
                json!({
                    "device": peer.device.to_string(),
                    "online": peer.is_linked,
                    "lag_ops": peer.lag_operations,
                    "queue_bytes": peer.queue_bytes,
                })
            });
            json!({
                "id": id.to_string(),
                "path": path_to_json(shared.folder.root()),
                "files": shared.workspace.paths().count(),
                "peers": peers.collect::<Vec<_>>(),
                "convergence_ms": {
                    "p50": shared.convergence.percentile(0.5),
                    "p99": shared.convergence.percentile(0.99),
                },
                "conflicts": shared.branched,
                "differences": shared.troubles,
            })
        };
        json!({ "workspaces": self.shared.iter().map(one).collect::<Vec<_>>() })
    }

    // The disk.

    /// Looks at what another program touched, together with what it touches meanwhile.
    fn touched(&mut self, id: WorkspaceId, paths: Vec<PathBuf>, orders: &Receiver<Order>) {
        let mut all: BTreeSet<PathBuf> = paths.into_iter().collect();
        let mut later = Vec::new();
        let until = Instant::now() + TOGETHER;
        while let Ok(order) = orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
            match order {
                Order::Touched(other, more) if other == id => all.extend(more),
                other => {
                    later.push(other);
                    break;
                }
            }
        }
        let Some(shared) = self.shared.get(&id) else { return };
        let mut places: BTreeSet<RelativePath> = BTreeSet::new();
        for path in all {
            let Some(place) = shared.folder.relative(&path) else { continue };
            // A folder that went took what was in it along.
            let inside = format!("{}/", place.as_str());
            let below = |it: &&RelativePath| it.as_str().starts_with(&inside);
            places.extend(shared.workspace.paths().filter(below).cloned());
            if path.is_dir() {
                let found = shared.folder.files().into_iter();
                places.extend(found.filter(|it| it.as_str().starts_with(&inside)));
            } else {
                places.insert(place);
            }
        }
        self.look(id, places);
        for order in later {
            self.obey(order, orders);
        }
    }

    fn rescan(&mut self, id: WorkspaceId) {
        let Some(shared) = self.shared.get_mut(&id) else { return };
        shared.folder = Folder::new(shared.folder.root().to_owned());
        let places: BTreeSet<RelativePath> =
            shared.folder.files().into_iter().chain(shared.workspace.paths().cloned()).collect();
        self.look(id, places);
    }

    /// Brings what lies at these places into the workspace. A file that went while one of the same
    /// text came has another name now.
    fn look(&mut self, id: WorkspaceId, places: BTreeSet<RelativePath>) {
        let Some(shared) = self.shared.get(&id) else { return };
        let mut gone: Vec<(FileId, RelativePath)> = Vec::new();
        let mut found: Vec<(RelativePath, String)> = Vec::new();
        for place in places {
            match (shared.folder.read(&place), shared.workspace.file_at(&place)) {
                (Lies::Text(text), _) => found.push((place, text)),
                (Lies::Nothing, Some(file)) => gone.push((file, place)),
                (Lies::Nothing, None) | (Lies::Other, _) => {}
            }
        }
        let (known, fresh): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(place, _)| shared.workspace.file_at(place).is_some());
        let mut new = Vec::new();
        for (place, text) in fresh {
            let same = |(file, _): &(FileId, RelativePath)| {
                shared.workspace.text(*file).is_some_and(|known| *known == text.as_str())
            };
            match gone.iter().position(same) {
                Some(at) => {
                    let (file, _) = gone.remove(at);
                    new.push((Some(file), place, text));
                }
                None => new.push((None, place, text)),
            }
        }
        for (file, place, _) in new.iter().filter(|(file, ..)| file.is_some()) {
            if let Some(file) = *file {
                self.write(id, |it, group| it.renamed(file, place.clone(), group));
            }
        }
        let fresh: Vec<(RelativePath, String)> = new
            .into_iter()
            .filter(|(file, ..)| file.is_none())
            .map(|(_, place, text)| (place, text))
            .collect();
        if !fresh.is_empty() {
            self.write(id, |it, group| it.share(fresh, group));
        }
        for (place, text) in known {
            self.write(id, |it, group| it.outside(&place, Some(text), group));
        }
        for (_, place) in gone {
            self.write(id, |it, group| it.outside(&place, None, group));
        }
    }

    fn carry_out(&mut self, id: WorkspaceId, mut acts: Vec<Act>) {
        self.keep_bases(id, &mut acts);
        let mut todo: VecDeque<Act> = acts.into();
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Log(batch) => {
                    let header = *batch.header();
                    self.append(kept::batch(id, &batch));
                    self.logged.insert((id, header.chain), header.number + 1);
                }
                Act::Send(to, channel, frame) => self.send(to, channel, frame),
                Act::ReadBase(to, base) => {
                    let text = self.load_base(base);
                    if let Some(shared) = self.shared.get(&id) {
                        todo.extend(shared.workspace.hand_base(to, base, text.as_deref()));
                    }
                }
                Act::KeepBase(..) => self.keep_bases(id, &mut vec![act]),
                Act::LoadBase(base) => {
                    let text = self.load_base(base);
                    if let Some(shared) = self.shared.get_mut(&id) {
                        todo.extend(shared.workspace.base(base, text.as_deref()));
                    }
                }
                Act::Write(writing) => todo.extend(self.write_file(id, &writing)),
                Act::Move(from, to) => {
                    let moved = self.shared.get(&id).map(|it| it.folder.rename(&from, &to));
                    if let Some(Err(error)) = moved {
                        let (from, to) = (from.as_str(), to.as_str());
                        let sentence = format!("{from} could not be renamed to {to}: {error}.");
                        self.say(Severity::Warning, sentence);
                    }
                }
                Act::Remove(path, was) => {
                    if let Some(Err(error)) =
                        self.shared.get(&id).map(|it| it.folder.remove(&path, was))
                    {
                        let sentence = format!("{} was not deleted: {error}.", path.as_str());
                        self.say(Severity::Warning, sentence);
                    }
                }
                Act::Edited(file, operations) => {
                    let file = SharedFile { workspace: id, file };
                    self.post(move |program| program.edited_elsewhere(file, operations));
                }
                Act::Saved(file, text) => {
                    let file = SharedFile { workspace: id, file };
                    self.post(move |program| program.saved_elsewhere(file, text));
                }
                Act::Trouble(trouble) => {
                    if let Some(shared) = self.shared.get_mut(&id) {
                        shared.troubles += 1;
                    }
                    self.say(Severity::Warning, trouble.to_string());
                }
            }
        }
    }

    /// Brings a file to a text, after what another program wrote into it meanwhile.
    fn write_file(&mut self, id: WorkspaceId, writing: &Writing) -> Vec<Act> {
        let (Some(shared), Some(group)) = (self.shared.get_mut(&id), self.group.clone()) else {
            return Vec::new();
        };
        let wanted = TextHash::of(&writing.text);
        match shared.folder.read(&writing.path) {
            Lies::Text(found) => {
                let hash = TextHash::of(&Rope::from_str(&found));
                if hash == wanted {
                    return Vec::new();
                }
                if writing.before.is_some() && writing.before != Some(hash) {
                    // Another program was quicker: both are in the text, and then on the disk.
                    shared.workspace.not_written(writing);
                    let merged = shared.workspace.outside(&writing.path, Some(found), &*group);
                    return merged.unwrap_or_default();
                }
                if writing.before.is_none() {
                    return self.join_file(id, writing);
                }
            }
            Lies::Other => return self.join_file(id, writing),
            Lies::Nothing => {}
        }
        let written = shared.folder.write(&writing.path, &writing.text, &self.parts.safety);
        if let Err(sentence) = written {
            self.say(Severity::Error, sentence);
        }
        Vec::new()
    }

    /// A file of this device lies where one of the workspace comes: it is kept beside it.
    fn join_file(&mut self, id: WorkspaceId, writing: &Writing) -> Vec<Act> {
        let Some(shared) = self.shared.get_mut(&id) else { return Vec::new() };
        match shared.folder.set_aside(&writing.path) {
            Ok(aside) => {
                shared.branched += 1;
                let written = shared.folder.write(&writing.path, &writing.text, &self.parts.safety);
                let name = writing.path.as_str();
                let sentence = match written {
                    Ok(()) => format!(
                        "{name} was here already and is another text: yours is now {}.",
                        aside.display()
                    ),
                    Err(sentence) => sentence,
                };
                self.say(Severity::Warning, sentence);
            }
            Err(error) => {
                let sentence = format!(
                    "{} was not written, since what lies there could not be kept: {error}.",
                    writing.path.as_str()
                );
                self.say(Severity::Error, sentence);
            }
        }
        Vec::new()
    }

    /// Keeps the texts of bases among these acts, all of them with one sync.
    fn keep_bases(&self, id: WorkspaceId, acts: &mut Vec<Act>) {
        let mut batch = self.parts.objects.batch();
        let mut keep = |base: TextHash, text: &str| {
            let object = batch.put(text.as_bytes())?;
            batch.hold(&Root::new("sync", &format!("{id}/{base}")), object)
        };
        let (mut count, mut failed) = (0, None);
        acts.retain(|act| match act {
            Act::KeepBase(base, text) => {
                count += 1;
                failed = keep(*base, text).err().or(failed.take());
                false
            }
            _ => true,
        });
        if count > 0 {
            failed = batch.commit().err().or(failed);
        }
        if let Some(error) = failed {
            self.say(Severity::Error, format!("Shared texts could not be kept: {error}."));
        }
    }

    fn load_base(&self, base: TextHash) -> Option<String> {
        let bytes = self.parts.objects.get(ObjectId(base.to_bytes())).ok()?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    // The log and the links.

    fn append(&mut self, entry: Entry) {
        let (mut entry, until) = (entry, Instant::now() + PATIENCE);
        loop {
            match self.parts.log.append(entry) {
                Ok(ticket) => {
                    self.last = Some(ticket);
                    return;
                }
                Err(AppendError::Backlog(back)) if Instant::now() < until => {
                    entry = back;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(_) => {
                    let sentence = "What devices wrote is not kept: the log takes nothing.";
                    return self.say(Severity::Error, sentence.to_owned());
                }
            }
        }
    }

    /// Lets what was logged become durable, so that it is acknowledged.
    fn flush(&mut self) {
        if let Some(last) = self.last.take() {
            let counts = std::mem::take(&mut self.logged);
            drop(self.flusher.send((last, counts)));
        }
    }

    fn send(&mut self, to: DeviceId, channel: Channel, frame: Vec<u8>) {
        let queue = self.queues.entry((to, channel)).or_default();
        queue.push_back(frame);
        self.send_queued(to, channel);
    }

    fn send_queued(&mut self, to: DeviceId, channel: Channel) {
        let wire = &self.parts.wire;
        let Some(queue) = self.queues.get_mut(&(to, channel)) else { return };
        while let Some(frame) = queue.front() {
            match wire.send(to, channel, frame) {
                Err(SendError::Full) => return,
                // Without a link all of it is sent again on the next one.
                Ok(()) | Err(SendError::NoLink | SendError::TooLong) => {
                    queue.pop_front();
                }
            }
        }
    }

    // Open texts.

    fn attach(&mut self, buffer: BufferId, path: &Path, version: Version, rope: &Rope) {
        let Some(group) = self.group.clone() else { return };
        let found = self.shared.iter().find_map(|(id, shared)| {
            let place = shared.folder.relative(path)?;
            Some((*id, shared.workspace.file_at(&place)?))
        });
        let Some((id, file)) = found else { return };
        let Some(shared) = self.shared.get_mut(&id) else { return };
        let Some(mut attached) = shared.workspace.attach(file, &*group) else { return };
        let before = attached.document.rope().clone();
        let is_behind = attached.on_disk.as_ref() == Some(rope);
        let mut operations = Vec::new();
        if before != *rope && !is_behind {
            // The text holds what no device has yet.
            let base = attached.on_disk.clone().unwrap_or_else(|| attached.base.clone());
            let merge = text::merge::merge(&base, &before, rope);
            if let Ok(change) = attached.document.apply(merge.transaction, OUTSIDE) {
                operations = change.operations.to_vec();
            }
            attached.document.seal_group();
        }
        let file = SharedFile { workspace: id, file };
        if !operations.is_empty() {
            attached.operations.extend(operations.iter().cloned());
            self.edited(file, operations);
        }
        let forward = text::diff::transaction(rope, attached.document.rope());
        let adoption = Adoption { shared: file, attached, forward };
        self.post(move |program| program.adopt(buffer, &version, adoption));
    }
}

/// Which workspace a frame is about.
fn workspace_of(frame: &[u8]) -> Option<WorkspaceId> {
    // Batches and messages both begin with one byte of their own.
    Some(WorkspaceId(frame.get(1..17)?.try_into().ok()?))
}
