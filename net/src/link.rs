//! A link with one other device, whatever carries it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use kernel::principal::DeviceId;
use tokio::sync::{Mutex, mpsc, watch};

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
    /// Within this process.
    Memory,
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

/// One end of a link within the process: what tests and a hub within the process use.
pub struct MemoryLink {
    peer: DeviceId,
    hello: Hello,
    side: Side,
    to: [mpsc::Sender<Vec<u8>>; 4],
    from: [Mutex<mpsc::Receiver<Vec<u8>>>; 4],
    closed: Arc<watch::Sender<bool>>,
}

/// Frames that wait in a link within the process.
const MEMORY_FRAMES: usize = 64;

impl MemoryLink {
    /// Both ends of a link between `one` and `other`: the first is `one`'s.
    #[must_use]
    pub fn pair(one: DeviceId, other: DeviceId) -> (Self, Self) {
        let closed = Arc::new(watch::channel(false).0);
        let there = Channel::ALL.map(|_| mpsc::channel(MEMORY_FRAMES));
        let back = Channel::ALL.map(|_| mpsc::channel(MEMORY_FRAMES));
        let (to_other, from_one) = split(there);
        let (to_one, from_other) = split(back);
        let end = |peer: DeviceId, side, to, from| {
            let instance = peer.0[..16].try_into().expect("a device's id has 32 bytes");
            let hello = Hello { instance, addresses: Vec::new() };
            Self { peer, hello, side, to, from, closed: closed.clone() }
        };
        let mine = end(other, Side::Dialled, to_other, from_other);
        (mine, end(one, Side::Accepted, to_one, from_one))
    }
}

type Ends = ([mpsc::Sender<Vec<u8>>; 4], [Mutex<mpsc::Receiver<Vec<u8>>>; 4]);

type Pair = (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>);

fn split(pairs: [Pair; 4]) -> Ends {
    let [a, b, c, d] = pairs;
    ([a.0, b.0, c.0, d.0], [a.1, b.1, c.1, d.1].map(Mutex::new))
}

impl Link for MemoryLink {
    fn peer(&self) -> DeviceId {
        self.peer
    }

    fn path(&self) -> Path {
        Path::Memory
    }

    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn side(&self) -> Side {
        self.side
    }

    fn send<'a>(&'a self, channel: Channel, frame: Vec<u8>) -> Later<'a, Result<(), Gone>> {
        Box::pin(async move {
            let to = &self.to[channel.place()];
            if channel == Channel::Presence {
                // A full queue loses it, as the air would.
                drop(to.try_send(frame));
                return Ok(());
            }
            tokio::select! {
                sent = to.send(frame) => sent.map_err(|_| Gone::Lost),
                gone = self.ended() => Err(gone),
            }
        })
    }

    fn receive(&self, channel: Channel) -> Later<'_, Result<Vec<u8>, Gone>> {
        Box::pin(async move {
            let mut from = self.from[channel.place()].lock().await;
            tokio::select! {
                frame = from.recv() => frame.ok_or(Gone::Lost),
                gone = self.ended() => Err(gone),
            }
        })
    }

    fn close(&self) {
        self.closed.send_replace(true);
    }

    fn ended(&self) -> Later<'_, Gone> {
        let mut closed = self.closed.subscribe();
        Box::pin(async move {
            // The other end holds the sender, too, so that an error is an end as well.
            drop(closed.wait_for(|closed| *closed).await);
            Gone::Lost
        })
    }
}
