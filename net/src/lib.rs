//! Devices of one owner: who they are, how they meet, and the links between them.
//!
//! It must never know documents or models: what goes over a link is bytes on a [`channel`].

pub mod channel;
pub mod epoch;

pub use channel::Channel;
pub use epoch::{EpochId, EpochKey};
pub use kernel::principal::DeviceId;
