//! The shell around the group: it listens, goes to the others, and carries frames.
//!
//! It has one thread of its own with all that waits in it. What is asked of it from other threads
//! answers at once, except what changes the group, which returns when that is durable.

mod carry;
mod nearby;
mod pair;
mod seek;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kernel::ledger::Signer;
use kernel::principal::DeviceId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::channel::Channel;
use crate::discovery::Discovery;
use crate::entry::{Entry, Frontier};
use crate::gossip::{self, Message};
use crate::group::{Group, GroupError, Standing};
use crate::identity::{Card, DeviceName, Role, TransportKey, random};
use crate::kept::{Kept, Store, StoreError};
use crate::link::{DATAGRAM_BYTES_MAX, FRAME_BYTES_MAX, Path};
use crate::pairing::{PairError, Words};
use crate::quic::Quic;
use crate::tls::Roll;
use carry::Live;
pub use pair::{Guest, Joining, Shown, Watched, Way};

/// Events that wait at most, and bytes of frames in them.
const EVENTS_MAX: usize = 1024;
const EVENT_BYTES_MAX: usize = 32 << 20;

/// A transport key is replaced after this.
const ROTATION: Duration = Duration::from_secs(24 * 60 * 60);

/// What a node tells.
#[derive(Debug)]
pub enum Event {
    /// A link is up. Where it replaces one, that one's [`Event::Disconnected`] comes first, and
    /// some of its frames may still come after this.
    Connected(DeviceId, Path),
    /// A frame came.
    Received(DeviceId, Channel, Vec<u8>),
    /// A link is down; it is sought again by itself.
    Disconnected(DeviceId),
    /// A queue that was full has room.
    Room(DeviceId, Channel),
    /// Who belongs has changed, or a key came.
    Changed(Arc<Group>),
    /// A newcomer has the code, and its person is asked whether these words are shown here.
    Met(Words),
    /// A newcomer has come by a shown code: a person is asked.
    Asked(Guest),
    /// This device's own joining has ended.
    JoinEnded(Result<(), PairError>),
    /// What was met on the way, in a sentence for the person.
    Trouble(String),
}

/// Where events come out.
pub struct Events(mpsc::Receiver<(Event, Option<OwnedSemaphorePermit>)>);

impl Events {
    /// Waits for the next event; `None` when the node has stopped. Not for the UI thread, nor for
    /// a thread of an async runtime.
    pub fn wait(&mut self) -> Option<Event> {
        self.0.blocking_recv().map(|(event, _)| event)
    }

    /// The next event, if there is one.
    pub fn poll(&mut self) -> Option<Event> {
        self.0.try_recv().ok().map(|(event, _)| event)
    }
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// There is no link with the device now.
    NoLink,
    /// The channel's queue is full; an [`Event::Room`] comes.
    Full,
    /// It is longer than a frame of that channel may be.
    TooLong,
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoLink => "that device is not connected: wait until it is",
            Self::Full => "too much waits for that device: wait until some is sent",
            Self::TooLong => "that is more than a frame carries: cut it",
        })
    }
}

impl std::error::Error for SendError {}

/// Why a node did not start, or did not do what it was asked.
#[derive(Debug)]
pub enum NodeError {
    /// The socket or the thread could not be had.
    System(std::io::Error),
    /// What is kept could not be read or written.
    Store(StoreError),
    /// The group does not take it.
    Group(GroupError),
    /// A pairing came to nothing.
    Pair(PairError),
    /// This device is in no group yet.
    Alone,
    /// This device is in a group already.
    Grouped,
}

impl std::fmt::Display for NodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(error) => {
                write!(f, "the network could not be used ({error}): see `hearth doctor`")
            }
            Self::Store(error) => error.fmt(f),
            Self::Group(error) => error.fmt(f),
            Self::Pair(error) => error.fmt(f),
            Self::Alone => f.write_str("this device has no others: pair one with `hearth pair`"),
            Self::Grouped => f.write_str(
                "this device belongs to a group with others already: remove it there first",
            ),
        }
    }
}

impl std::error::Error for NodeError {}

impl From<GroupError> for NodeError {
    fn from(error: GroupError) -> Self {
        Self::Group(error)
    }
}

impl From<StoreError> for NodeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a node needs.
pub struct Config {
    /// Signs for this device.
    pub signer: Arc<dyn Signer>,
    /// Where its group is kept.
    pub store: Store,
    /// Whether it looks for the others by itself.
    pub discover: Discover,
}

/// Whether a node is found, and finds others, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discover {
    /// By addresses alone.
    Nobody,
    /// On the local network, too.
    LocalNetwork,
}

/// A device as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its identity.
    pub id: DeviceId,
    /// What it is called.
    pub name: DeviceName,
    /// How it stands.
    pub standing: Standing,
    /// Whether it is this one.
    pub this: bool,
    /// How it is linked, if it is.
    pub path: Option<Path>,
    /// How long ago a link with it ended; `None` when there never was one, or one is up.
    pub last_seen: Option<Duration>,
}

/// What all of a node's tasks share.
struct Shared {
    signer: Arc<dyn Signer>,
    me: DeviceId,
    store: Store,
    /// Held while the file is written, so that an older state never replaces a newer one.
    saving: Mutex<()>,
    state: Mutex<State>,
    roll: Arc<Roll>,
    events: mpsc::Sender<(Event, Option<OwnedSemaphorePermit>)>,
    event_bytes: Arc<Semaphore>,
    /// Told of when the node stops.
    stop: Notify,
    instance: [u8; 16],
    discover: Discover,
    runtime: tokio::runtime::Handle,
}

struct State {
    kept: Kept,
    /// `kept.group` for others, as of the last change.
    group: Option<Arc<Group>>,
    quic: Option<Arc<Quic>>,
    discovery: Option<Arc<Discovery>>,
    links: BTreeMap<DeviceId, Live>,
    links_made: u64,
    /// Wakes whoever seeks a device.
    seekers: BTreeMap<DeviceId, Arc<Notify>>,
    pairings: pair::Pairings,
}

/// A running node. It stops when it is dropped.
pub struct Node {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// Starts one, and listens at once if this device has a group.
    ///
    /// # Errors
    /// [`NodeError::Store`] or [`NodeError::System`].
    pub fn start(config: Config) -> Result<(Self, Events), NodeError> {
        let Config { signer, store, discover } = config;
        let kept = match store.load()? {
            Some(kept) => kept,
            None => Kept::fresh().ok_or(StoreError::Random)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(NodeError::System)?;
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            me: signer.id(),
            signer,
            store,
            saving: Mutex::new(()),
            state: Mutex::new(State {
                group: kept.group.clone().map(Arc::new),
                kept,
                quic: None,
                discovery: None,
                links: BTreeMap::new(),
                links_made: 0,
                seekers: BTreeMap::new(),
                pairings: pair::Pairings::default(),
            }),
            roll: Arc::default(),
            events,
            event_bytes: Arc::new(Semaphore::new(EVENT_BYTES_MAX)),
            stop: Notify::new(),
            instance: *random::<16>().ok_or(StoreError::Random)?,
            discover,
            runtime: runtime.handle().clone(),
        });
        let waiting = shared.clone();
        let thread = std::thread::Builder::new().name("net".to_owned()).spawn(move || {
            runtime.block_on(async {
                waiting.stop.notified().await;
                waiting.end().await;
            });
            // Tasks hold what they share: without this they would keep each other.
            runtime.shutdown_background();
        });
        let node = Self { shared, thread: Some(thread.map_err(NodeError::System)?) };
        node.shared.begin()?;
        Ok((node, Events(receiver)))
    }

    /// This device.
    #[must_use]
    pub fn me(&self) -> DeviceId {
        self.shared.me
    }

    /// Who belongs together, as of the last change.
    #[must_use]
    pub fn group(&self) -> Option<Arc<Group>> {
        self.shared.state().group.clone()
    }

    /// The port that is listened on; 0 before there is a group.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.state().quic.as_ref().map_or(0, |quic| quic.port())
    }

    /// Every device that belongs or belonged, as it is now.
    #[must_use]
    pub fn devices(&self) -> Vec<Seen> {
        let state = self.shared.state();
        let mut seen = seen(&state.kept, self.shared.me);
        for device in &mut seen {
            device.path = state.links.get(&device.id).map(Live::path);
            device.last_seen = device.last_seen.filter(|_| device.path.is_none());
        }
        seen
    }

    /// Writes what is kept, as after the profile's key has changed.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep(&self) -> Result<(), StoreError> {
        self.shared.save()
    }

    /// Sends a frame to a device, if its queue has room.
    ///
    /// # Errors
    /// [`SendError`], at once; the frame is then not sent.
    pub fn send(&self, to: DeviceId, channel: Channel, frame: &[u8]) -> Result<(), SendError> {
        let limit = match channel {
            Channel::Presence => DATAGRAM_BYTES_MAX,
            // A byte says whose frame it is.
            _ => FRAME_BYTES_MAX - 1,
        };
        if frame.len() > limit {
            return Err(SendError::TooLong);
        }
        let state = self.shared.state();
        let live = state.links.get(&to).ok_or(SendError::NoLink)?;
        let frame = match channel {
            Channel::Control => [&[carry::THEIRS], frame].concat(),
            _ => frame.to_vec(),
        };
        live.offer(channel, frame)
    }

    /// Founds a group with this device in it, unless it is in one.
    ///
    /// # Errors
    /// What the group or the store says.
    pub fn found(&self, group: DeviceName, name: DeviceName) -> Result<(), NodeError> {
        {
            let mut state = self.shared.state();
            if state.kept.group.is_some() {
                return Ok(());
            }
            let card = Card::sign(&*self.shared.signer, name, state.kept.wrapping.public());
            state.kept.group = Some(Group::found(&*self.shared.signer, group, card)?);
        }
        self.shared.save()?;
        self.shared.begin()
    }

    /// Admits a device that introduced itself with `card`; durable when this returns.
    ///
    /// # Errors
    /// What the group or the store says.
    pub fn admit(&self, card: Card, role: Role) -> Result<(), NodeError> {
        self.shared.change(|group, signer| group.admit(signer, card, role))
    }

    /// Removes a device and keeps `frontier` of its work; durable when this returns.
    ///
    /// # Errors
    /// What the group or the store says.
    pub fn remove(&self, device: DeviceId, frontier: Frontier) -> Result<(), NodeError> {
        self.shared.change(|group, signer| group.remove(signer, device, frontier))
    }

    /// Renames a device; durable when this returns.
    ///
    /// # Errors
    /// What the group or the store says.
    pub fn rename(&self, device: DeviceId, name: DeviceName) -> Result<(), NodeError> {
        self.shared.change(|group, signer| group.rename(signer, device, name))
    }

    /// Gives a device another role; durable when this returns.
    ///
    /// # Errors
    /// What the group or the store says.
    pub fn set_role(&self, device: DeviceId, role: Role) -> Result<(), NodeError> {
        self.shared.change(|group, signer| group.set_role(signer, device, role))
    }

    /// Tells where a device can be reached: it is tried at once.
    pub fn tell_of(&self, device: DeviceId, at: SocketAddr) {
        let mut state = self.shared.state();
        state.kept.peers.entry(device).or_default().reached_at(at);
        if let Some(seeker) = state.seekers.get(&device) {
            seeker.notify_one();
        }
    }

    /// Takes a fresh transport key for links from now on.
    ///
    /// # Errors
    /// What the store or the system says.
    pub fn rotate(&self) -> Result<(), NodeError> {
        self.shared.rotate()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported where it happened.
            drop(thread.join());
        }
    }
}

/// Every device that belongs or belonged by what `me` keeps, none of them linked.
#[must_use]
pub fn seen(kept: &Kept, me: DeviceId) -> Vec<Seen> {
    let now = now_s();
    let known = kept.group.iter().flat_map(Group::devices);
    let seen = known.map(|device| {
        let at = kept.peers.get(&device.id).map_or(0, |peer| peer.seen_s);
        Seen {
            id: device.id,
            name: device.name.clone(),
            standing: device.standing.clone(),
            this: device.id == me,
            path: None,
            last_seen: (at > 0).then(|| Duration::from_secs(now.saturating_sub(at))),
        }
    });
    seen.collect()
}

/// Seconds since 1970 by this machine's clock.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is kept.
    fn save(&self) -> Result<(), StoreError> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = self.store.seal(&self.state().kept)?;
        self.store.write(&sealed)
    }

    /// Writes what is kept, off the thread that must not wait.
    fn save_aside(self: &Arc<Self>) {
        let shared = self.clone();
        self.runtime.spawn_blocking(move || {
            if let Err(error) = shared.save() {
                shared.tell(Event::Trouble(error.to_string()));
            }
        });
    }

    /// Tells without waiting here; where the queue is full, a task waits.
    fn tell(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(told)) = self.events.try_send((event, None)) {
            let events = self.events.clone();
            self.runtime.spawn(async move { drop(events.send(told).await) });
        }
    }

    /// Listens, once there is a group.
    fn begin(self: &Arc<Self>) -> Result<(), NodeError> {
        let sequence = {
            let mut state = self.state();
            if state.kept.group.is_none() || state.quic.is_some() {
                return Ok(());
            }
            // At least the clock, so that a copy that was restored passes what it had shown; what
            // decides is the number alone.
            state.kept.sequence = (state.kept.sequence + 1).max(now_s());
            state.kept.sequence
        };
        self.save()?;
        let key = TransportKey::fresh(&*self.signer, sequence).ok_or(StoreError::Random)?;
        let port = self.state().kept.port;
        let quic = {
            let _entered = self.runtime.enter();
            Quic::start(port, self.roll.clone(), key, self.instance).map_err(NodeError::System)?
        };
        let is_moved = {
            let mut state = self.state();
            state.quic = Some(quic.clone());
            std::mem::replace(&mut state.kept.port, quic.port()) != quic.port()
        };
        if is_moved {
            self.save()?;
        }
        self.runtime.spawn(carry::take_in(self.clone(), quic));
        let shared = self.clone();
        self.runtime.spawn(async move {
            loop {
                tokio::time::sleep(ROTATION).await;
                if let Err(error) = shared.rotate() {
                    shared.tell(Event::Trouble(error.to_string()));
                }
            }
        });
        self.look_around();
        self.refresh();
        Ok(())
    }

    fn rotate(&self) -> Result<(), NodeError> {
        let (sequence, quic) = {
            let mut state = self.state();
            state.kept.sequence = (state.kept.sequence + 1).max(now_s());
            (state.kept.sequence, state.quic.clone().ok_or(NodeError::Alone)?)
        };
        // Kept before it is shown: a sequence is never used twice.
        self.save()?;
        quic.rotate(&*self.signer, sequence).map_err(NodeError::System)
    }

    /// Makes an entry, keeps it, and tells everyone.
    fn change(
        self: &Arc<Self>,
        make: impl FnOnce(&Group, &dyn Signer) -> Result<Entry, GroupError>,
    ) -> Result<(), NodeError> {
        let entry = {
            let mut state = self.state();
            let Kept { group, wrapping, .. } = &mut state.kept;
            let group = group.as_mut().ok_or(NodeError::Alone)?;
            let entry = make(group, &*self.signer)?;
            group.take([entry.clone()], wrapping)?;
            entry
        };
        self.save()?;
        self.spread(&[entry], None);
        self.refresh();
        Ok(())
    }

    /// Tells entries to every linked device but the one they came from.
    fn spread(&self, entries: &[Entry], but: Option<DeviceId>) {
        let messages = gossip::batches(entries.iter().cloned());
        let state = self.state();
        let more = gossip::addresses(&state.kept);
        for (device, live) in &state.links {
            if Some(*device) != but {
                messages.iter().for_each(|message| live.say(message));
                more.iter().for_each(|more| live.say(more));
            }
        }
    }

    /// Follows a change of the group: who may link, who is sought, what is told.
    fn refresh(self: &Arc<Self>) {
        let (group, gone) = {
            let mut state = self.state();
            let Some(group) = state.kept.group.clone().map(Arc::new) else { return };
            state.group = Some(group.clone());
            let belongs = group.standing(self.me).belongs();
            let others =
                group.devices().filter(|it| belongs && it.standing.belongs() && it.id != self.me);
            let others: Vec<DeviceId> = others.map(|it| it.id).collect();
            self.roll.set(
                others
                    .iter()
                    .map(|id| (*id, state.kept.peers.get(id).and_then(|peer| peer.transport))),
            );
            let gone = state.links.keys().filter(|id| !others.contains(id));
            let gone: Vec<DeviceId> = gone.copied().collect();
            state.seekers.retain(|id, seeker| {
                let stays = others.contains(id);
                if !stays {
                    seeker.notify_one();
                }
                stays
            });
            for id in others {
                state.seekers.entry(id).or_insert_with(|| {
                    let wake = Arc::new(Notify::new());
                    self.runtime.spawn(seek::seek(self.clone(), id, wake.clone()));
                    wake
                });
            }
            (group, gone)
        };
        for device in gone {
            let shared = self.clone();
            self.runtime.spawn(async move {
                // So that it hears why.
                tokio::time::sleep(Duration::from_millis(300)).await;
                shared.drop_link(device);
            });
        }
        self.announce();
        self.tell(Event::Changed(group));
    }

    /// Ends the link with a device that belongs no more.
    fn drop_link(&self, device: DeviceId) {
        let state = self.state();
        let belongs = state.group.as_ref().is_some_and(|it| it.standing(device).belongs());
        let mine = state.group.as_ref().is_some_and(|it| it.standing(self.me).belongs());
        if let Some(live) = state.links.get(&device)
            && !(belongs && mine)
        {
            live.close();
        }
    }

    /// Hears a message about the group.
    fn hear(self: &Arc<Self>, from: DeviceId, message: Message) -> Result<(), GroupError> {
        let (heard, renewed) = {
            let mut state = self.state();
            let heard = gossip::hear(&mut state.kept, self.me, from, message)?;
            let renewed = self.renew(&mut state.kept);
            if let Some(live) = state.links.get(&from) {
                heard.replies.iter().for_each(|reply| live.say(reply));
            }
            if heard.addresses {
                state.seekers.values().for_each(|seeker| seeker.notify_one());
            }
            (heard, renewed)
        };
        let is_new = !heard.fresh.is_empty();
        if is_new {
            self.spread(&heard.fresh, Some(from));
        }
        if let Some(entry) = &renewed {
            self.spread(std::slice::from_ref(entry), None);
        }
        if is_new || heard.keys || renewed.is_some() {
            self.refresh();
        }
        if is_new || heard.keys || heard.addresses {
            self.save_aside();
        }
        Ok(())
    }

    /// Makes an epoch when removals that did not know of each other left none.
    fn renew(&self, kept: &mut Kept) -> Option<Entry> {
        let group = kept.group.as_mut()?;
        if group.current_epoch().is_some() {
            return None;
        }
        let entry = group.renew(&*self.signer).ok()?;
        group.take([entry.clone()], &kept.wrapping).ok()?;
        Some(entry)
    }

    /// Ends every link and keeps what was learnt.
    async fn end(&self) {
        let (quic, discovery) = {
            let mut state = self.state();
            (state.quic.take(), state.discovery.take())
        };
        drop(discovery);
        {
            let mut state = self.state();
            let linked: Vec<DeviceId> = state.links.keys().copied().collect();
            for device in linked {
                state.kept.peers.entry(device).or_default().seen_s = now_s();
            }
            state.links.values().for_each(Live::close);
        }
        if let Some(quic) = quic {
            quic.stop().await;
            // It is known again from the next link.
            drop(self.save());
        }
    }
}
