//! The thread itself: what it is told, and what it carries out.

mod disk;
mod joining;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use kernel::log::{AppendError, Entry, Ticket};
use net::node::SendError;
use net::{Channel, DeviceId, Group};
use notify::RecommendedWatcher;
use sync::{Act, ChainId, Workspace, WorkspaceId, WriteError};
use text::change::Grouping;
use text::{Cause, Operation, Origin, Rope, Version};

use super::convergence::Convergence;
use super::folder::Folder;
use super::{Adoption, Order, Parts, SharedFile, kept};
use crate::buffer::BufferId;
use crate::notice::Severity;
use crate::program::Program;
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
    /// Workspaces of which the disk is looked at again once there is a key.
    unseen: BTreeSet<WorkspaceId>,
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
        unseen: BTreeSet::new(),
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
            Err(WriteError::NoKey) => {
                self.unseen.insert(id);
                false
            }
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
            for id in std::mem::take(&mut self.unseen) {
                self.rescan(id);
            }
        }
        self.write_waiting();
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
