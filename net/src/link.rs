//! A link with one other device, whatever carries it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use kernel::principal::DeviceId;

use crate::channel::Channel;
use crate::codec::{Reader, Writer};
use crate::kept::{read_addresses, write_addresses};

const HELLO: &[u8] = b"hearth hello 1";

/// Bytes of a reliable frame at most.
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// Bytes of a frame of [`Channel::Presence`] at most, so that it fits a datagram on any path.
pub const DATAGRAM_BYTES_MAX: usize = 1100;

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a link goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Straight to this address.
    Direct(SocketAddr),
    /// Through a device in the role of a hub.
    Relay(DeviceId),
}

/// Why a link is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The other side ended it, or nothing came for too long.
    Lost,
    /// This side ended it.
    Closed,
    /// The other side sent what it must not.
    Malformed,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the other device cannot be reached: it is tried again",
            Self::Closed => "the link was closed on this device",
            Self::Malformed => "the other device sent what is no frame: update both",
        })
    }
}

impl std::error::Error for Gone {}

/// What a side says first on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Random for each start: a new one means that the other's old links are dead.
    pub instance: [u8; 16],
    /// Where it can be reached.
    pub addresses: Vec<SocketAddr>,
}

impl Hello {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::after(HELLO);
        writer.fixed(&self.instance);
        write_addresses(&mut writer, &self.addresses);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(HELLO)?);
        let instance = reader.fixed()?;
        let addresses = read_addresses(&mut reader)?;
        // What a later version adds stands behind.
        Some(Self { instance, addresses })
    }
}

/// Which side dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This one.
    Dialled,
    /// The other.
    Accepted,
}

/// A link: frames in order within a channel, none of a channel waiting for another's.
pub trait Link: Send + Sync {
    /// With whom. It was proved.
    fn peer(&self) -> DeviceId;

    /// How it goes now.
    fn path(&self) -> Path;

    /// What the other side said first.
    fn hello(&self) -> &Hello;

    /// Which side dialled.
    fn side(&self) -> Side;

    /// Sends a frame; ready when it is on its way, which is not when it came.
    fn send<'a>(&'a self, channel: Channel, frame: Vec<u8>) -> Later<'a, Result<(), Gone>>;

    /// The next frame of a channel.
    fn receive(&self, channel: Channel) -> Later<'_, Result<Vec<u8>, Gone>>;

    /// Ends it.
    fn close(&self);

    /// Ready when it has ended.
    fn ended(&self) -> Later<'_, Gone>;
}

/// What makes links.
pub trait Transport: Send + Sync {
    /// Goes to a device at an address; ready when both have proved who they are.
    fn dial(&self, device: DeviceId, at: SocketAddr) -> Later<'_, Result<Arc<dyn Link>, Gone>>;

    /// The next device that came; `None` when nothing comes any more.
    fn accept(&self) -> Later<'_, Option<Arc<dyn Link>>>;
}
