//! One workspace on many devices.
//!
//! Each process of each device writes a chain of [`batch`]es into a workspace: signed by the
//! device, sealed with the group's key, each naming the one before. A [`Replica`] holds the chains
//! that this device has, and brings every device that it is linked with to the same set. What the
//! files are, and what their texts are, follows from that set alone.
//!
//! Invariants:
//! - a batch is in the log before it is sent or applied, and is acknowledged once it is durable;
//! - what a peer has is what it said that it has, never what was sent to it;
//! - a chain that was continued in two ways is stopped where they part, and that is told;
//! - what a removed device wrote outside its frontier is not taken, whoever brings it;
//! - bytes from a peer are read within limits and cannot panic.
//!
//! It must never know windows, and no socket: a replica is a value, told what came and what is
//! written here, that answers what to log, to send and to apply ([`Output`]).
//!
//! Start reading at [`replica`], then [`batch`], [`item`] and [`files`].

pub mod base;
pub mod batch;
mod chain;
pub mod files;
pub mod id;
pub mod item;
pub mod members;
pub mod message;
pub mod replica;
pub mod workspace;

pub use files::{File, Files};
pub use id::{ChainId, FileId, WorkspaceId};
pub use item::{Item, RelativePath};
pub use members::Members;
pub use replica::{Output, PeerStatus, Replica, Trouble, WriteError};
pub use workspace::{Act, Attached, Workspace, Writing};
