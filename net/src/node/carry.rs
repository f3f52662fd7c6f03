//! A live link: its queues, and the tasks that carry frames over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::principal::DeviceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{EVENT_BYTES_MAX, Event, SendError, Shared, now_s};
use crate::channel::Channel;
use crate::gossip::{self, Message};
use crate::link::{Gone, Link, Path, Side};
use crate::quic::Quic;

/// The first byte of a frame on control: of this crate.
pub(super) const OURS: u8 = 0;
/// The first byte of a frame on control: of whoever uses it.
pub(super) const THEIRS: u8 = 1;

/// Frames, and bytes of them, that wait for a channel at most.
const QUEUE_FRAMES: usize = 4096;
const QUEUE_BYTES: usize = 8 << 20;

/// What waits for one channel.
struct Queue {
    frames: mpsc::Sender<(Vec<u8>, Option<OwnedSemaphorePermit>)>,
    bytes: Arc<Semaphore>,
    /// Whether somebody was told that it is full.
    was_full: Arc<AtomicBool>,
}

/// A link that is up.
pub(super) struct Live {
    link: Arc<dyn Link>,
    queues: [Queue; 4],
    number: u64,
}

impl Live {
    pub(super) fn path(&self) -> Path {
        self.link.path()
    }

    pub(super) fn close(&self) {
        self.link.close();
    }

    /// Puts a frame in its queue.
    pub(super) fn offer(&self, channel: Channel, frame: Vec<u8>) -> Result<(), SendError> {
        let queue = &self.queues[channel.place()];
        let full = |_| {
            queue.was_full.store(true, Ordering::Release);
            SendError::Full
        };
        let count = u32::try_from(frame.len()).map_err(|_| SendError::TooLong)?;
        let permit = queue.bytes.clone().try_acquire_many_owned(count).map_err(full)?;
        queue.frames.try_send((frame, Some(permit))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => full(tokio::sync::TryAcquireError::NoPermits),
            mpsc::error::TrySendError::Closed(_) => SendError::NoLink,
        })
    }

    /// Says something of the group. It is dropped when the queue of frames is full: the heads that
    /// are told on the next link bring it up again.
    pub(super) fn say(&self, message: &Message) {
        let frame = [&[OURS], &message.encode()[..]].concat();
        drop(self.queues[Channel::Control.place()].frames.try_send((frame, None)));
    }
}

/// Takes in every link that comes.
pub(super) async fn take_in(shared: Arc<Shared>, quic: Arc<Quic>) {
    while let Some(link) = quic.next().await {
        shared.adopt(link).await;
    }
}

impl Shared {
    /// Takes a link that is proved, unless a better one is up.
    pub(super) async fn adopt(self: &Arc<Self>, link: Arc<dyn Link>) {
        let device = link.peer();
        let (live, receivers, was_up) = {
            let mut state = self.state();
            let belongs = state.group.as_ref().is_some_and(|it| it.standing(device).belongs());
            let is_better = state.links.get(&device).is_none_or(|old| self.replaces(old, &*link));
            if !belongs || !is_better {
                link.close();
                return;
            }
            state.links_made += 1;
            let number = state.links_made;
            let peer = state.kept.peers.entry(device).or_default();
            if let (Path::Direct(at), Side::Dialled) = (link.path(), link.side()) {
                peer.reached_at(at);
            }
            peer.told_of(link.hello().addresses.iter().copied());
            let (queues, receivers) = queues();
            let live = Live { link: link.clone(), queues, number };
            gossip::greeting(&state.kept).iter().for_each(|said| live.say(said));
            let old = state.links.insert(device, live);
            if let Some(old) = &old {
                old.close();
            }
            // The others hear where it is.
            let known = state.kept.peers.get(&device).map(|peer| peer.addresses.clone());
            let news = Message::Addresses(vec![(device, known.unwrap_or_default())]);
            let others = state.links.iter().filter(|(other, _)| **other != device);
            others.for_each(|(_, live)| live.say(&news));
            (number, receivers, old.is_some())
        };
        self.keep_transport(device);
        if was_up {
            // Frames of the other link may be lost: whoever counts on them begins anew.
            drop(self.events.send((Event::Disconnected(device), None)).await);
        }
        // Before any frame of it.
        let told = self.events.send((Event::Connected(device, link.path()), None)).await;
        drop(told);
        self.carry(link, live, receivers);
        self.save_aside();
    }

    /// Remembers the transport key that the handshake proved.
    fn keep_transport(&self, device: DeviceId) {
        let proved = self.roll.of(device);
        let mut state = self.state();
        if let (Some(proved), Some(peer)) = (proved, state.kept.peers.get_mut(&device)) {
            peer.transport = Some(proved);
        }
    }

    /// Of two links with the same start of a device both ends keep the one that the smaller id
    /// dialled; the links of an earlier start are dead.
    fn replaces(&self, old: &Live, new: &dyn Link) -> bool {
        let dialler = |link: &dyn Link| match link.side() {
            Side::Dialled => self.me,
            Side::Accepted => link.peer(),
        };
        let is_restarted = old.link.hello().instance != new.hello().instance;
        let (was, is) = (dialler(&*old.link), dialler(new));
        is_restarted || was == is || is < was
    }

    fn carry(self: &Arc<Self>, link: Arc<dyn Link>, number: u64, receivers: Receivers) {
        let mut tasks = tokio::task::JoinSet::new();
        for (channel, (frames, was_full)) in Channel::ALL.into_iter().zip(receivers) {
            let (shared, way) = (self.clone(), link.clone());
            self.runtime.spawn(async move { send(shared, way, channel, frames, was_full).await });
            tasks.spawn_on(receive(self.clone(), link.clone(), channel), &self.runtime);
        }
        let shared = self.clone();
        self.runtime.spawn(async move {
            // The first that ends takes the others with it.
            tasks.join_next().await;
            link.close();
            while tasks.join_next().await.is_some() {}
            shared.lost(link.peer(), number).await;
        });
    }

    async fn lost(self: &Arc<Self>, device: DeviceId, number: u64) {
        {
            let mut state = self.state();
            if state.links.get(&device).is_none_or(|live| live.number != number) {
                return;
            }
            state.links.remove(&device);
            state.kept.peers.entry(device).or_default().seen_s = now_s();
            if let Some(seeker) = state.seekers.get(&device) {
                seeker.notify_one();
            }
        }
        drop(self.events.send((Event::Disconnected(device), None)).await);
        self.save_aside();
    }
}

type Receivers = [(mpsc::Receiver<(Vec<u8>, Option<OwnedSemaphorePermit>)>, Arc<AtomicBool>); 4];

fn queues() -> ([Queue; 4], Receivers) {
    let made = Channel::ALL.map(|_| {
        let (frames, receiver) = mpsc::channel(QUEUE_FRAMES);
        let was_full = Arc::new(AtomicBool::new(false));
        let bytes = Arc::new(Semaphore::new(QUEUE_BYTES));
        (Queue { frames, bytes, was_full: was_full.clone() }, (receiver, was_full))
    });
    let [a, b, c, d] = made;
    ([a.0, b.0, c.0, d.0], [a.1, b.1, c.1, d.1])
}

async fn send(
    shared: Arc<Shared>,
    link: Arc<dyn Link>,
    channel: Channel,
    mut frames: mpsc::Receiver<(Vec<u8>, Option<OwnedSemaphorePermit>)>,
    was_full: Arc<AtomicBool>,
) {
    while let Some((frame, permit)) = frames.recv().await {
        if link.send(channel, frame).await.is_err() {
            link.close();
            return;
        }
        drop(permit);
        if was_full.swap(false, Ordering::AcqRel) {
            drop(shared.events.send((Event::Room(link.peer(), channel), None)).await);
        }
    }
}

async fn receive(shared: Arc<Shared>, link: Arc<dyn Link>, channel: Channel) -> Result<(), Gone> {
    loop {
        let mut frame = link.receive(channel).await?;
        if channel == Channel::Control {
            match frame.first() {
                Some(&OURS) => {
                    let message = Message::decode(&frame[1..]).ok_or(Gone::Malformed)?;
                    shared.hear(link.peer(), message).map_err(|_| Gone::Malformed)?;
                    continue;
                }
                Some(&THEIRS) => drop(frame.remove(0)),
                _ => return Err(Gone::Malformed),
            }
        }
        // While nobody takes the events, nothing more is read: the other side is held back.
        let count = u32::try_from(frame.len().min(EVENT_BYTES_MAX)).unwrap_or(u32::MAX);
        let permit = shared.event_bytes.clone().acquire_many_owned(count).await;
        let permit = permit.map_err(|_| Gone::Closed)?;
        let event = Event::Received(link.peer(), channel, frame);
        shared.events.send((event, Some(permit))).await.map_err(|_| Gone::Closed)?;
    }
}
