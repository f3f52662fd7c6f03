//! Folders as they come to be shared: from the log, by sharing one here, by joining one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use net::{DeviceId, Frontier};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use sync::{ChainId, Replica, Workspace, WorkspaceId};
use text::Author;

use super::{JOIN_QUIET, JOIN_TIME, Join, Shared, Worker};
use crate::notice::Severity;
use crate::registry::{Fault, path_to_json};
use crate::sharing::folder::Folder;
use crate::sharing::{Order, kept};
use crate::shell::Reply;

impl Worker {
    /// Reads what the log has.
    pub(super) fn begin(&mut self) {
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

    pub(super) fn open(
        &mut self,
        id: WorkspaceId,
        root: PathBuf,
        batches: Vec<sync::batch::Batch>,
    ) {
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

    pub(super) fn watch(&self, id: WorkspaceId, root: &Path) -> Option<RecommendedWatcher> {
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

    pub(super) fn tell_roots(&self) {
        let roots = self.shared.iter().map(|(id, it)| (*id, it.folder.root().to_owned())).collect();
        self.post(move |program| program.shared_folders(roots));
    }

    pub(super) fn place(&mut self, path: &Path) -> Result<PathBuf, Fault> {
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

    pub(super) fn share(&mut self, path: &Path) -> Result<serde_json::Value, Fault> {
        let root = self.place(path)?;
        let id = WorkspaceId::random()
            .ok_or_else(|| Fault::machine("The system gave no random bytes."))?;
        self.append(kept::place(id, &root));
        self.open(id, root.clone(), Vec::new());
        self.tell_roots();
        Ok(json!({ "id": id.to_string(), "path": path_to_json(&root) }))
    }

    pub(super) fn join(&mut self, id: WorkspaceId, path: PathBuf, reply: Reply) {
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
    pub(super) fn answer_joins(&mut self) {
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

    pub(super) fn held_of(&self, device: DeviceId) -> Frontier {
        let shared = self.shared.values();
        let held = shared.flat_map(|it| it.workspace.replica().held_of(device));
        Frontier(held.map(|(chain, count)| (chain.0, count)).collect())
    }

    pub(super) fn status(&self) -> serde_json::Value {
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
}
