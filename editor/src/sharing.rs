//! Workspaces that devices share: the thread that brings together the disk, the log, the links and
//! the open texts.
//!
//! All of it happens in the order in which it is told ([`Order`]); what the UI thread has to know
//! is posted to it. The rules are those of [`sync`]; here is what they are carried out with.

mod convergence;
mod folder;
mod kept;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use kernel::keys::Opener;
use kernel::ledger::Signer;
use kernel::log::LogWriter;
use kernel::object::ObjectStore;
use net::node::SendError;
use net::{Channel, DeviceId, Event, Frontier, Group};
use sync::{Attached, ChainId, FileId, WorkspaceId};
use text::{Operation, Rope, Transaction, Version};

use crate::buffer::BufferId;
use crate::devices::Devices;
use crate::shell::Reply;
use crate::workers::Post;

pub use kept::is_own;

/// What carries frames to other devices.
pub trait Wire: Send + Sync {
    /// Sends a frame, or says why it was not taken.
    ///
    /// # Errors
    /// [`SendError`].
    fn send(&self, to: DeviceId, channel: Channel, frame: &[u8]) -> Result<(), SendError>;
}

impl Wire for Devices {
    fn send(&self, to: DeviceId, channel: Channel, frame: &[u8]) -> Result<(), SendError> {
        self.node().ok_or(SendError::NoLink)?.send(to, channel, frame)
    }
}

/// Which shared file a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// Which file.
    pub file: FileId,
}

/// What is told to the thread.
pub enum Order {
    /// Who belongs, and the keys.
    Group(Arc<Group>),
    /// A link is up.
    Linked(DeviceId),
    /// It is down.
    Unlinked(DeviceId),
    /// A frame came.
    Frame(DeviceId, Channel, Vec<u8>),
    /// A queue has room again.
    Room(DeviceId, Channel),
    /// A text that lies at a path was opened, or changed before it was attached.
    Attach {
        /// Which text.
        buffer: BufferId,
        /// Its file.
        path: PathBuf,
        /// Its version.
        version: Version,
        /// Its text.
        rope: Rope,
    },
    /// It was edited here.
    Edited(SharedFile, Vec<Operation>),
    /// It was saved here as this text.
    Saved(SharedFile, Rope),
    /// It was closed; its file holds this.
    Detach(SharedFile, Rope),
    /// Share a folder.
    Share(PathBuf, Reply),
    /// Join a workspace in a folder.
    Join(WorkspaceId, PathBuf, Reply),
    /// Tell how all of them stand.
    Status(Reply),
    /// Tell what is here of a device's work.
    Held(DeviceId, Sender<Frontier>),
    /// These batches survive a power cut: of each chain so many.
    Durable(Vec<(WorkspaceId, ChainId, u64)>),
    /// Another program touched these.
    Touched(WorkspaceId, Vec<PathBuf>),
    /// It may have touched anything.
    Rescan(WorkspaceId),
}

/// What it needs.
pub struct Parts {
    /// The profile's log.
    pub log: Arc<LogWriter>,
    /// What opens it.
    pub opener: Opener,
    /// This device.
    pub signer: Arc<dyn Signer>,
    /// Texts that histories start from.
    pub objects: ObjectStore,
    /// What carries frames.
    pub wire: Arc<dyn Wire>,
    /// Where a file is kept while it is written over in place.
    pub safety: PathBuf,
    /// The UI thread.
    pub post: Post,
}

/// The thread, for whoever tells it something. It ends with the last of these.
#[derive(Clone)]
pub struct Sharing(Sender<Order>);

/// A history for an open text, and the way to it.
pub struct Adoption {
    /// Which file it is.
    pub shared: SharedFile,
    /// The document, its base and its operations.
    pub attached: Attached,
    /// What brings the text that was told to the document's.
    pub forward: Transaction,
}

impl Sharing {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(parts: Parts) -> std::io::Result<Self> {
        let (send, receive) = channel();
        worker::start(parts, send.clone(), receive)?;
        Ok(Self(send))
    }

    /// Tells it what it has to know of an event of the links; answers what others have to know too.
    pub fn hear(&self, event: Event) -> Option<Event> {
        match event {
            Event::Received(from, channel, frame) => self.tell(Order::Frame(from, channel, frame)),
            Event::Room(device, channel) => self.tell(Order::Room(device, channel)),
            Event::Connected(device, path) => {
                self.tell(Order::Linked(device));
                return Some(Event::Connected(device, path));
            }
            Event::Disconnected(device) => {
                self.tell(Order::Unlinked(device));
                return Some(Event::Disconnected(device));
            }
            Event::Changed(group) => {
                self.tell(Order::Group(Arc::clone(&group)));
                return Some(Event::Changed(group));
            }
            other => return Some(other),
        }
        None
    }

    /// What is here of a device's work, as it is kept when the device is removed. It waits for the
    /// thread: not for the UI thread.
    pub fn held_of(&self, device: DeviceId) -> Frontier {
        let (send, receive) = channel();
        self.tell(Order::Held(device, send));
        receive.recv().unwrap_or_default()
    }

    /// Tells it something; at once.
    pub fn tell(&self, order: Order) {
        // The thread ends with the program, and nobody waits for it then.
        drop(self.0.send(order));
    }
}
