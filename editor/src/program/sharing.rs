//! Open texts of shared folders: what is written here goes to the other devices, and what they
//! write comes here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sync::WorkspaceId;
use text::{Change, Grouping, Operation, Origin, TextHash, Version};

use super::Program;
use crate::buffer::{Buffer, BufferId};
use crate::notice::Severity;
use crate::registry::Fault;
use crate::sharing::{Adoption, Order, Parts, SharedFile, Sharing};

/// What devices wrote before a text was opened here.
const OUTSIDE: Origin = Origin { group: Grouping::Command, cause: text::Cause::Outside };

/// What the program knows of shared folders.
#[derive(Default)]
pub struct SharedFolders {
    thread: Option<Sharing>,
    roots: Vec<(WorkspaceId, PathBuf)>,
}

impl Program {
    /// Starts to share, once the profile's stores are open.
    pub(super) fn start_sharing(&mut self) {
        let (Some(stores), Some(keys)) = (self.stores.clone(), self.keys.clone()) else { return };
        let Some(log) = self.journal.writer() else { return };
        let parts = Parts {
            log,
            opener: keys.opener(crate::journal::PURPOSE),
            signer: stores.devices.signer(),
            objects: stores.objects.clone(),
            wire: stores.devices.clone(),
            safety: self.places.state.join("saving"),
            post: self.workers.post(),
        };
        match Sharing::start(parts) {
            Ok(thread) => self.sharing.thread = Some(thread),
            Err(error) => self.fail(&Fault::machine(format!(
                "No thread for shared folders, so nothing is shared: {error}."
            ))),
        }
    }

    /// The thread that shares.
    pub fn sharing(&self) -> Option<&Sharing> {
        self.sharing.thread.as_ref()
    }

    /// Asks the thread that shares for something that it answers.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn ask_sharing(
        &mut self,
        order: impl FnOnce(crate::shell::Reply) -> Order,
    ) -> Result<Value, Fault> {
        self.need_stores()?;
        let thread = self.sharing.thread.clone();
        let thread = thread.ok_or_else(|| Fault::state("Shared folders are not at work."))?;
        let (reply, post) = (self.answer_later(), self.workers.post());
        let told = move |answer| post(Box::new(move |_: &mut Program| reply(answer)));
        thread.tell(order(Box::new(told)));
        Ok(Value::Null)
    }

    /// These folders are shared now.
    pub fn shared_folders(&mut self, roots: Vec<(WorkspaceId, PathBuf)>) {
        self.sharing.roots = roots;
        let ids: Vec<BufferId> = self.buffers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.attach(id));
    }

    fn is_shared(&self, path: &Path) -> bool {
        self.sharing.roots.iter().any(|(_, root)| path.starts_with(root))
    }

    /// Lets a text take part, if its file lies in a shared folder and it does not yet.
    pub(super) fn attach(&mut self, id: BufferId) {
        let Some(thread) = self.sharing.thread.clone() else { return };
        let Some(buffer) = self.buffers.get(&id).filter(|it| it.shared.is_none()) else { return };
        let Some(path) = buffer.path.clone() else { return };
        if self.is_shared(&path) {
            let (version, rope) = (buffer.document.version(), buffer.rope().clone());
            thread.tell(Order::Attach { buffer: id, path, version, rope });
        }
    }

    /// The history of a text came: from now on it is one with those of the other devices.
    pub fn adopt(&mut self, id: BufferId, version: &Version, adoption: Adoption) {
        let Adoption { shared, attached, forward } = adoption;
        let Some(buffer) = self.buffers.get_mut(&id) else {
            if let Some(thread) = &self.sharing.thread {
                let on_disk = attached.on_disk.unwrap_or_default();
                thread.tell(Order::Detach(shared, on_disk));
            }
            return;
        };
        if buffer.document.version() != *version {
            // Something was typed meanwhile: it is told again, with that.
            return self.attach(id);
        }
        if !forward.edits().is_empty() {
            buffer.document.seal_group();
            self.apply_to(id, forward, OUTSIDE);
        }
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let mut document = attached.document;
        *document.anchors_mut() = buffer.document.anchors().clone();
        buffer.document = document;
        buffer.shared = Some(shared);
        self.journal.begin_anew(buffer, Arc::new((attached.base, attached.operations)));
        buffer.judge();
        self.redraw_showing(id);
    }

    /// A change of a shared text: what was written here is told.
    pub(super) fn share_change(&mut self, id: BufferId, change: &Change) {
        let Some(buffer) = self.buffers.get(&id) else { return };
        let (Some(shared), Some(thread)) = (buffer.shared, &self.sharing.thread) else { return };
        let this = buffer.document.author();
        let own = change.operations.iter().filter(|operation| operation.id.author == this);
        let own: Vec<Operation> = own.cloned().collect();
        if !own.is_empty() {
            thread.tell(Order::Edited(shared, own));
        }
    }

    /// A text's file holds what the text is.
    pub(super) fn share_saved(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get(&id).filter(|buffer| !buffer.is_dirty()) else {
            return;
        };
        match (buffer.shared, &self.sharing.thread) {
            (Some(shared), Some(thread)) => {
                thread.tell(Order::Saved(shared, buffer.saved.clone()));
            }
            _ => self.attach(id),
        }
    }

    /// A text was closed.
    pub(super) fn share_closed(&mut self, buffer: &mut Buffer) {
        if let (Some(shared), Some(thread)) = (buffer.shared.take(), &self.sharing.thread) {
            thread.tell(Order::Detach(shared, buffer.saved.clone()));
        }
    }

    fn shared_buffer(&self, file: SharedFile) -> Option<BufferId> {
        self.buffers.values().find(|it| it.shared == Some(file)).map(|it| it.id)
    }

    /// Another device edited a file that may be open here.
    pub fn edited_elsewhere(&mut self, file: SharedFile, operations: Vec<Operation>) {
        if let Some(id) = self.shared_buffer(file) {
            self.merge(id, operations);
        }
    }

    /// Another device saved a file that may be open here: with the same text, it is saved here.
    pub fn saved_elsewhere(&mut self, file: SharedFile, text: TextHash) {
        let Some(id) = self.shared_buffer(file) else { return };
        let Some(buffer) = self.buffers.get(&id) else { return };
        if buffer.is_dirty() && buffer.document.text_hash() == text {
            let title = buffer.title();
            let post = self.workers.post();
            let reply = move |saved: Result<Value, Fault>| {
                if let Err(fault) = saved {
                    post(Box::new(move |program: &mut Program| {
                        let sentence = format!("{title} was saved elsewhere and not here: {fault}");
                        program.say(Severity::Warning, sentence);
                    }));
                }
            };
            self.save(id, None, Box::new(reply));
        }
    }
}
