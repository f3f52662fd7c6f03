//! Pairing over QUIC: an endpoint of its own on a port of its own, which lives as long as a code.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::principal::DeviceId;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{Event, Node, NodeError, Shared, State};
use crate::codec::{Reader, Writer};
use crate::group::{Group, Standing};
use crate::identity::{Card, DeviceName, Role};
use crate::kept::{read_addresses, write_addresses};
use crate::link::Gone;
use crate::pairing::{
    CODE_LIFE, Code, FRAME_BYTES_MAX, GROUP_BYTES_MAX, Host, Hosting, Joiner, JoinerStep, Offer,
    PairError, Qr, ShortCode, Shower, ShowerStep, Words,
};
use crate::quic;
use crate::tls::PairingKey;

/// How long one step between the machines may take.
const STEP: Duration = Duration::from_secs(10);
/// How long a person may take.
const PERSON: Duration = Duration::from_secs(600);
/// Connections to a code at once.
const GUESTS_MAX: usize = 4;
const EXPORTER: &[u8] = b"EXPORTER hearth 2026-11 pairing";
/// What a newcomer says when it keeps the group.
const KEPT: &[u8] = b"kept";

/// A code that is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// To scan or to paste.
    pub code: Zeroizing<String>,
    /// To type.
    pub short: Zeroizing<String>,
    /// The code to draw.
    pub qr: Qr,
    /// How long it lives still.
    pub left: Duration,
    /// Where a device that types goes, when it does not find the way by itself.
    pub at: Vec<SocketAddr>,
}

/// What a person looks at while a code is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// How long it lives still; zero when it works no more.
    pub left: Duration,
    /// A newcomer has it and is asked about these words; who it is, it says once it has confirmed.
    pub words: Option<Words>,
}

/// A newcomer that a person is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its identity.
    pub id: DeviceId,
    /// What it calls itself.
    pub name: DeviceName,
    /// What its screen shows if nobody is between.
    pub words: Words,
}

/// How this device's own joining stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joining {
    /// A person is asked whether the words are on the other screen, too.
    Asked(Box<Host>, Words),
    /// It was confirmed here, and is not admitted there yet.
    Waiting(Box<Host>, Words),
    /// It belongs to the group.
    Joined(Box<Host>, Words),
    /// It came to nothing.
    Failed(PairError),
}

/// What a newcomer has of a code.
#[derive(Clone, Debug)]
pub enum Way {
    /// All of it.
    Scanned(Code),
    /// What is typed, and where the other is; nowhere: it is looked for on the local network.
    Typed(ShortCode, Vec<SocketAddr>),
}

/// What a node keeps of pairings.
#[derive(Default)]
pub(super) struct Pairings {
    shown: Option<Showing>,
    guests: Vec<(Guest, Card, Shower, oneshot::Sender<bool>)>,
    joining: Option<(Joining, Option<Open>)>,
}

struct Showing {
    offer: Arc<Mutex<Offer>>,
    endpoint: Endpoint,
    words: Option<Words>,
}

/// A connection that waits for the person at this device.
struct Open {
    joiner: Joiner,
    connection: Connection,
    send: SendStream,
    receive: RecvStream,
    /// Dropped, it would end the connection.
    endpoint: Endpoint,
}

impl Node {
    /// Shows a code, in place of one that was shown. Founds a group named `group` if this device,
    /// which then calls itself `name`, is in none.
    ///
    /// # Errors
    /// What the system, the group or the store says.
    pub fn show(&self, group: DeviceName, name: DeviceName) -> Result<Shown, NodeError> {
        self.found(group, name)?;
        let shared = &self.shared;
        let random = || NodeError::Pair(PairError::Random);
        let key = PairingKey::fresh().ok_or_else(random)?;
        let endpoint = {
            let _entered = shared.runtime.enter();
            quic::bind(0).map_err(NodeError::System)?
        };
        let tls = key.listen().and_then(|tls| {
            QuicServerConfig::try_from(tls)
                .map_err(|error| rustls::Error::General(error.to_string()))
        });
        let tls = tls.map_err(|error| NodeError::System(std::io::Error::other(error)))?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(limits(1)).max_incoming(GUESTS_MAX);
        endpoint.set_server_config(Some(config));
        let port = endpoint.local_addr().map_err(NodeError::System)?.port();
        let code = Code::fresh(key.fingerprint(), quic::own_addresses(port)).ok_or_else(random)?;
        let short = ShortCode::fresh().ok_or_else(random)?;
        let offer = Offer::new(code, short, Instant::now());
        let offer = Arc::new(Mutex::new(offer));
        let old = shared.state().pairings.shown.replace(Showing {
            offer: offer.clone(),
            endpoint: endpoint.clone(),
            words: None,
        });
        if let Some(old) = old {
            old.end();
        }
        {
            let offer = offer.lock().unwrap_or_else(PoisonError::into_inner);
            shared.announce_code(offer.short(), port);
        }
        shared.runtime.spawn(host(shared.clone(), endpoint, offer));
        self.shown().ok_or_else(random)
    }

    /// The code that is shown, while it lives.
    #[must_use]
    pub fn shown(&self) -> Option<Shown> {
        let state = self.shared.state();
        let offer = state.pairings.shown.as_ref()?.offer.clone();
        drop(state);
        let offer = offer.lock().unwrap_or_else(PoisonError::into_inner);
        let left = offer.left(Instant::now()).ok()?;
        let code = offer.code().text();
        let (qr, at) = (Qr::of(&code)?, offer.code().addresses().to_vec());
        Some(Shown { qr, at, short: offer.short().text(), code, left })
    }

    /// What a person looks at while a code is out; `None` when none was shown.
    #[must_use]
    pub fn watched(&self) -> Option<Watched> {
        let (offer, words) = {
            let state = self.shared.state();
            let showing = state.pairings.shown.as_ref()?;
            (showing.offer.clone(), showing.words)
        };
        let offer = offer.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Watched { left: offer.left(Instant::now()).unwrap_or_default(), words })
    }

    /// Ends the code that is shown.
    pub fn hide(&self) {
        let shown = self.shared.state().pairings.shown.take();
        if let Some(showing) = shown {
            showing.end();
            self.shared.withdraw_code();
        }
    }

    /// Newcomers that a person is asked about.
    #[must_use]
    pub fn guests(&self) -> Vec<Guest> {
        let state = self.shared.state();
        let waiting = state.pairings.guests.iter().filter(|guest| !guest.3.is_closed());
        waiting.map(|(guest, ..)| guest.clone()).collect()
    }

    /// Admits a newcomer with the words that its screen shows; durable when this returns.
    ///
    /// # Errors
    /// [`PairError::WrongWords`] and the like, or what the group or the store says.
    pub fn admit_guest(&self, id: DeviceId, words: &str) -> Result<Guest, NodeError> {
        let (guest, card, _, decide) = {
            let mut state = self.shared.state();
            let guests = &mut state.pairings.guests;
            let at = guests.iter().position(|(guest, ..)| guest.id == id);
            let at = at.ok_or(NodeError::Pair(PairError::Lost))?;
            match guests[at].2.admit(words) {
                Ok(()) => guests.swap_remove(at),
                Err(PairError::WrongWords) => return Err(NodeError::Pair(PairError::WrongWords)),
                Err(error) => {
                    guests.swap_remove(at);
                    return Err(NodeError::Pair(error));
                }
            }
        };
        if decide.is_closed() {
            return Err(NodeError::Pair(PairError::Lost));
        }
        self.admit(card, Role::Member)?;
        // A newcomer that is gone now is a member all the same, which the list shows.
        let _ = decide.send(true);
        Ok(guest)
    }

    /// Refuses a newcomer, and says whether there was one.
    pub fn refuse_guest(&self, id: DeviceId) -> bool {
        let mut state = self.shared.state();
        let guests = &mut state.pairings.guests;
        let before = guests.len();
        // Dropping its end refuses it.
        guests.retain(|(guest, ..)| guest.id != id);
        guests.len() < before
    }

    /// Goes to the device that shows a code, up to the question whether the words are the same.
    /// Waits for the network: not for the UI thread.
    ///
    /// # Errors
    /// [`NodeError::Grouped`], or why it came to nothing.
    pub fn join(&self, way: Way, name: DeviceName) -> Result<Joining, NodeError> {
        let card = {
            let state = self.shared.state();
            let others = state.kept.group.as_ref().is_some_and(|group| {
                group.standing(self.shared.me).belongs()
                    && group.devices().filter(|it| it.standing.belongs()).count() > 1
            });
            if others {
                return Err(NodeError::Grouped);
            }
            Card::sign(&*self.shared.signer, name, state.kept.wrapping.public())
        };
        let way = match way {
            Way::Typed(code, at) if at.is_empty() => {
                let at = super::nearby::look_for(&code);
                Way::Typed(code, at)
            }
            way => way,
        };
        // The key that the group's keys will be wrapped for outlives a crash from here on.
        self.shared.save()?;
        let (sender, answer) = std::sync::mpsc::channel();
        self.shared.runtime.spawn(async move {
            let met = tokio::time::timeout(STEP * 2, meet(way, card)).await;
            // Nobody waits any more when the node has stopped.
            drop(sender.send(met.unwrap_or(Err(PairError::Lost))));
        });
        let met = answer.recv().map_err(|_| NodeError::Pair(PairError::Lost))?;
        let (open, host, words) = met.map_err(NodeError::Pair)?;
        let joining = Joining::Asked(Box::new(host), words);
        self.shared.state().pairings.joining = Some((joining.clone(), Some(open)));
        Ok(joining)
    }

    /// How this device's joining stands, if it was begun.
    #[must_use]
    pub fn joining(&self) -> Option<Joining> {
        self.shared.state().pairings.joining.as_ref().map(|(joining, _)| joining.clone())
    }

    /// Gives a joining up.
    pub fn stop_joining(&self) {
        if let Some((_, Some(open))) = self.shared.state().pairings.joining.take() {
            open.connection.close(code(PairError::Refused), b"");
        }
    }

    /// A person says that these words are on the other screen, too. Said again it tells how it
    /// stands.
    ///
    /// # Errors
    /// [`PairError::WrongWords`], or that there is nothing to confirm.
    pub fn confirm(&self, words: &str) -> Result<Joining, NodeError> {
        let mut state = self.shared.state();
        let Some((joining, open)) = &mut state.pairings.joining else {
            return Err(NodeError::Pair(PairError::Lost));
        };
        match joining {
            Joining::Failed(error) => return Err(NodeError::Pair(*error)),
            Joining::Waiting(_, shown) | Joining::Joined(_, shown) if !shown.are(words) => {
                return Err(NodeError::Pair(PairError::WrongWords));
            }
            Joining::Waiting(..) | Joining::Joined(..) => return Ok(joining.clone()),
            Joining::Asked(host, shown) => {
                let Some(asked) = open else {
                    return Err(NodeError::Pair(PairError::Lost));
                };
                let frame = asked.joiner.confirm(words, &*self.shared.signer);
                let frame = frame.map_err(NodeError::Pair)?;
                *joining = Joining::Waiting(host.clone(), *shown);
                if let Some(open) = open.take() {
                    let shared = self.shared.clone();
                    self.shared.runtime.spawn(async move { shared.wait(open, frame).await });
                }
            }
        }
        Ok(joining.clone())
    }
}

impl Showing {
    /// Takes nobody any more; who is being asked about stays.
    fn end(self) {
        self.endpoint.set_server_config(None);
    }
}

fn limits(streams: u32) -> Arc<quinn::TransportConfig> {
    let mut config = quinn::TransportConfig::default();
    config.max_concurrent_bidi_streams(streams.into());
    config.max_concurrent_uni_streams(0u32.into());
    config.datagram_receive_buffer_size(None);
    config.keep_alive_interval(Some(Duration::from_secs(5)));
    config.max_idle_timeout(Duration::from_secs(20).try_into().ok());
    Arc::new(config)
}

fn code(error: PairError) -> VarInt {
    VarInt::from_u32(error.byte().into())
}

/// What the other side said when it ended the connection.
fn why(connection: &Connection, gone: Gone) -> PairError {
    match connection.close_reason() {
        Some(quinn::ConnectionError::ApplicationClosed(close)) => {
            PairError::of_byte(close.error_code.into_inner())
        }
        _ if gone == Gone::Malformed => PairError::Malformed,
        _ => PairError::Lost,
    }
}

fn exporter(connection: &Connection) -> Result<[u8; 32], PairError> {
    let mut exported = [0; 32];
    let done = connection.export_keying_material(&mut exported, EXPORTER, b"");
    done.map(|()| exported).map_err(|_| PairError::Malformed)
}

async fn read(
    connection: &Connection,
    stream: &mut RecvStream,
    limit: usize,
    patience: Duration,
) -> Result<Vec<u8>, PairError> {
    match tokio::time::timeout(patience, quic::read_frame(stream, limit)).await {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(gone)) => Err(why(connection, gone)),
        Err(_) => Err(PairError::Lost),
    }
}

/// Takes whoever comes to a code, as long as it lives.
async fn host(shared: Arc<Shared>, endpoint: Endpoint, offer: Arc<Mutex<Offer>>) {
    let ends = tokio::time::sleep(CODE_LIFE);
    tokio::pin!(ends);
    let at_once = Arc::new(Semaphore::new(GUESTS_MAX));
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = &mut ends => None,
        };
        let Some(incoming) = incoming else { break };
        let Ok(permit) = at_once.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let (shared, offer) = (shared.clone(), offer.clone());
        tokio::spawn(async move {
            let Ok(connecting) = incoming.accept() else { return };
            let Ok(Ok(connection)) = tokio::time::timeout(STEP, connecting).await else { return };
            if let Err(error) = receive(&shared, &connection, &offer).await {
                connection.close(code(error), b"");
            }
            drop(permit);
        });
    }
    endpoint.set_server_config(None);
    let is_latest = {
        let state = shared.state();
        state.pairings.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(&shown.offer, &offer))
    };
    if is_latest {
        shared.withdraw_code();
    }
    // The port is free once nobody is asked about any more.
    endpoint.wait_idle().await;
}

/// One newcomer, from its first frame to the group.
async fn receive(
    shared: &Arc<Shared>,
    connection: &Connection,
    offer: &Arc<Mutex<Offer>>,
) -> Result<(), PairError> {
    let mut shower = Shower::new(exporter(connection)?);
    let accepted = tokio::time::timeout(STEP, connection.accept_bi()).await;
    let (mut send, mut receive) =
        accepted.map_err(|_| PairError::Lost)?.map_err(|_| PairError::Lost)?;
    let (group, card) = {
        let state = shared.state();
        let group = state.group.clone().ok_or(PairError::Lost)?;
        let own = group.devices().find(|it| it.id == shared.me).ok_or(PairError::Lost)?;
        let card = Card::sign(&*shared.signer, own.name.clone(), own.wrapping);
        (group, card)
    };
    let hosting = Hosting {
        signer: &*shared.signer,
        card: &card,
        group: group.id(),
        group_name: group.name(),
    };
    let mut steps = 0;
    let (guest, words) = loop {
        // From the third on the newcomer's person is asked.
        let patience = if steps < 2 { STEP } else { PERSON };
        let frame = read(connection, &mut receive, FRAME_BYTES_MAX, patience).await?;
        steps += 1;
        let step = {
            let mut offer = offer.lock().unwrap_or_else(PoisonError::into_inner);
            shower.hear(&frame, &mut offer, &hosting, Instant::now())?
        };
        match step {
            ShowerStep::Send(frame) => {
                // Here before there: the person at the newcomer compares at once.
                shared.watch(offer, shower.words());
                write(connection, &mut send, &frame).await?;
            }
            ShowerStep::Ask { card, words } => break (card, words),
        }
    };
    let asked = Guest { id: guest.device, name: guest.name.clone(), words };
    let (decide, decided) = oneshot::channel();
    {
        let guests = &mut shared.state().pairings.guests;
        guests.retain(|(known, .., decide)| known.id != asked.id && !decide.is_closed());
        if guests.len() >= GUESTS_MAX {
            return Err(PairError::Refused);
        }
        guests.push((asked.clone(), guest, shower, decide));
    }
    shared.tell(Event::Asked(asked));
    let decided = tokio::select! {
        decided = tokio::time::timeout(PERSON, decided) => decided,
        _ = connection.closed() => return Err(PairError::Lost),
    };
    if !matches!(decided, Ok(Ok(true))) {
        return Err(PairError::Refused);
    }
    let group = group_frame(&shared.state()).ok_or(PairError::Lost)?;
    write(connection, &mut send, &group).await?;
    let answer = read(connection, &mut receive, FRAME_BYTES_MAX, STEP).await?;
    connection.close(VarInt::from_u32(u32::from(u8::MAX)), b"");
    (answer == KEPT).then_some(()).ok_or(PairError::Malformed)
}

async fn write(
    connection: &Connection,
    stream: &mut SendStream,
    frame: &[u8],
) -> Result<(), PairError> {
    match tokio::time::timeout(STEP, quic::write_frame(stream, frame)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(gone)) => Err(why(connection, gone)),
        Err(_) => Err(PairError::Lost),
    }
}

/// What a newcomer is sent: where this device is, and the log of devices.
fn group_frame(state: &State) -> Option<Vec<u8>> {
    let mut writer = Writer::default();
    let port = state.quic.as_ref()?.port();
    write_addresses(&mut writer, &quic::own_addresses(port));
    Some(writer.bytes(&state.kept.group.as_ref()?.encode()).finish())
}

/// Goes to the device that shows a code, and speaks with it up to the words.
async fn meet(way: Way, card: Card) -> Result<(Open, Host, Words), PairError> {
    let key = PairingKey::fresh().ok_or(PairError::Random)?;
    let (fingerprint, addresses) = match &way {
        Way::Scanned(code) => (Some(code.fingerprint), code.addresses()),
        Way::Typed(_, at) => (None, &at[..]),
    };
    let tls = key.dial(fingerprint).map_err(|_| PairError::Lost)?;
    let tls = QuicClientConfig::try_from(tls).map_err(|_| PairError::Lost)?;
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(limits(0));
    let endpoint = quic::bind(0).map_err(|_| PairError::Lost)?;
    let mut tries = JoinSet::new();
    for (place, at) in addresses.iter().copied().enumerate() {
        let (endpoint, config) = (endpoint.clone(), config.clone());
        let wait = Duration::from_millis(100) * u32::try_from(place).unwrap_or(u32::MAX);
        tries.spawn(async move {
            tokio::time::sleep(wait).await;
            endpoint.connect_with(config, at, "hearth").ok()?.await.ok()
        });
    }
    let connection = loop {
        match tries.join_next().await.ok_or(PairError::Lost)? {
            Ok(Some(connection)) => break connection,
            _ => continue,
        }
    };
    tries.abort_all();
    let exported = exporter(&connection)?;
    let (mut joiner, first) = match &way {
        Way::Scanned(code) => Joiner::scanned(code, &card, exported)?,
        Way::Typed(code, _) => Joiner::typed(code, &card, exported)?,
    };
    let (mut send, mut receive) = connection.open_bi().await.map_err(|_| PairError::Lost)?;
    let mut frame = first;
    loop {
        write(&connection, &mut send, &frame).await?;
        let heard = read(&connection, &mut receive, FRAME_BYTES_MAX, STEP).await?;
        match joiner.hear(&heard)? {
            JoinerStep::Send(next) => frame = next,
            JoinerStep::Confirm { host, words } => {
                let open = Open { joiner, connection, send, receive, endpoint };
                return Ok((open, *host, words));
            }
        }
    }
}

impl Shared {
    /// Shows the words beside the code.
    fn watch(&self, offer: &Arc<Mutex<Offer>>, words: Option<Words>) {
        let Some(words) = words else { return };
        if let Some(showing) = &mut self.state().pairings.shown
            && Arc::ptr_eq(&showing.offer, offer)
        {
            showing.words = Some(words);
        }
        self.tell(Event::Met(words));
    }

    /// Says who this device is, waits for the person at the other, and keeps the group.
    async fn wait(self: Arc<Self>, open: Open, frame: Vec<u8>) {
        let Open { connection, mut send, mut receive, endpoint, .. } = open;
        let ended = async {
            write(&connection, &mut send, &frame).await?;
            let group = read(&connection, &mut receive, GROUP_BYTES_MAX, PERSON).await?;
            self.enter(&group)?;
            write(&connection, &mut send, KEPT).await
        };
        let ended: Result<(), PairError> = ended.await;
        {
            let mut state = self.state();
            if let Some((joining, _)) = &mut state.pairings.joining {
                *joining =
                    match (std::mem::replace(joining, Joining::Failed(PairError::Lost)), ended) {
                        (Joining::Waiting(host, words), Ok(())) => Joining::Joined(host, words),
                        (_, Err(error)) => Joining::Failed(error),
                        (other, Ok(())) => other,
                    };
            }
        }
        self.tell(Event::JoinEnded(ended));
        if ended.is_ok() {
            // Until the other has read that it is kept.
            drop(tokio::time::timeout(STEP, connection.closed()).await);
        } else {
            connection.close(code(PairError::Refused), b"");
        }
        endpoint.wait_idle().await;
    }

    /// Keeps the group that this device was admitted to.
    fn enter(self: &Arc<Self>, frame: &[u8]) -> Result<(), PairError> {
        let mut reader = Reader::new(frame);
        let addresses = read_addresses(&mut reader).ok_or(PairError::Malformed)?;
        let bytes = reader.bytes(GROUP_BYTES_MAX).ok_or(PairError::Malformed)?;
        reader.end().ok_or(PairError::Malformed)?;
        {
            let mut state = self.state();
            let Some((Joining::Waiting(host, _), _)) = &state.pairings.joining else {
                return Err(PairError::Refused);
            };
            let host = host.clone();
            let group = Group::decode(bytes, &state.kept.wrapping);
            let group = group.map_err(|_| PairError::Malformed)?;
            // Of the group whose words were confirmed, from one of its members.
            let belong = [self.me, host.card.device]
                .into_iter()
                .all(|id| group.standing(id) == Standing::Member);
            if group.id() != host.group || !belong {
                return Err(PairError::Malformed);
            }
            state.kept.group = Some(group);
            state.kept.peers.entry(host.card.device).or_default().told_of(addresses);
        }
        self.save().map_err(|_| PairError::Lost)?;
        self.begin().map_err(|_| PairError::Lost)?;
        self.refresh();
        Ok(())
    }
}
