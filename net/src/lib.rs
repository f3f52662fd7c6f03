//! Devices of one owner: who they are, how they meet, and the links between them.
//!
//! Invariants:
//! - a stranger is refused within the handshake, before any byte of ours is read or written, and
//!   a link counts only after both have said hello on it;
//! - who belongs is a function of the set of entries of the device log, in whatever order they
//!   came, and removal beats what is concurrent with it;
//! - nothing is announced or opened before the node is started, and nothing leaves unencrypted;
//! - bytes of a peer are read within limits, and cannot panic;
//! - no secret is printed, and none is in the log of devices but wrapped for one device.
//!
//! It must never know documents or models: what goes over a link is bytes on a [`channel`].
//!
//! # What others use
//!
//! [`Group`] is a plain value: [`Group::standing`] of a device ([`Standing`]: member, hub, removed
//! with its [`Frontier`], stranger), [`Group::current_epoch`] to seal with (`None`: seal nothing
//! now), [`Group::epoch`] for a key by id (`None`: it has not come yet; keep what is sealed with
//! it), [`Group::devices`]. Entries are made by [`Group::admit`], [`Group::remove`] and the like,
//! and signed with [`Signer`].
//!
//! [`Node`] owns the group, its storage and the links. It is told to send: [`Node::send`] answers
//! at once, `Full` when the queue of that channel is (an [`Event::Room`] follows when it has room).
//! It tells, through one bounded queue: [`Event::Connected`], [`Event::Received`],
//! [`Event::Disconnected`], [`Event::Room`] and [`Event::Changed`] (who belongs, or the keys). A
//! frame has less than [`link::FRAME_BYTES_MAX`] bytes, on [`Channel::Presence`] at most
//! [`link::DATAGRAM_BYTES_MAX`]. What was sent is not what came: after `Disconnected` nothing is
//! known of the frames in between.
//!
//! Start reading at [`identity`], then [`entry`] and [`group`]; then [`tls`], [`link`] and
//! [`node`]; [`pairing`] is how a device comes to a group.

pub mod channel;
pub mod codec;
pub mod discovery;
pub mod entry;
pub mod epoch;
pub mod gossip;
pub mod group;
pub mod identity;
pub mod kept;
pub mod link;
pub mod node;
pub mod pairing;
pub mod quic;
pub mod tls;
pub mod wrap;

pub use channel::Channel;
pub use entry::{Frontier, GroupId};
pub use epoch::{EpochId, EpochKey};
pub use group::{Device, Group, GroupError, Standing};
pub use kernel::ledger::Signer;
pub use kernel::principal::DeviceId;
pub use node::{Config, Discover, Event, Events, Node, NodeError, SendError};
