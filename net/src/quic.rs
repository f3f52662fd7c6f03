//! Links over QUIC: a stream each way for each reliable channel, datagrams for presence.
//!
//! Each side opens three streams, whose first byte says the channel, and says hello as the first
//! frame on control. The one that dialled says it first; the link counts for either side only when
//! the other's has come. A frame is its count (4 bytes) and its bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::ledger::Signer;
use kernel::principal::DeviceId;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use tokio::sync::{Semaphore, mpsc};

use crate::channel::Channel;
use crate::identity::TransportKey;
use crate::link::{
    DATAGRAM_BYTES_MAX, FRAME_BYTES_MAX, Gone, Hello, Later, Link, Path, Side, Transport,
};
use crate::tls::{self, Roll};

/// How long a handshake and its hellos may take.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Nothing for so long ends a link.
const IDLE: Duration = Duration::from_secs(15);
/// How often a quiet link is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Handshakes at once: a stranger can fill these, and no more.
const HANDSHAKES_MAX: usize = 32;
/// Bytes in flight on one stream, and on all of a link, that a peer may make us hold.
const STREAM_WINDOW: u32 = 4 << 20;
const LINK_WINDOW: u32 = 8 << 20;

const RELIABLE: [Channel; 3] = [Channel::Operations, Channel::Control, Channel::Bulk];
const CLOSED: VarInt = VarInt::from_u32(0);
const REFUSED: VarInt = VarInt::from_u32(1);

/// The limits of every connection between devices.
pub(crate) fn limits(streams: u32) -> Arc<quinn::TransportConfig> {
    let mut config = quinn::TransportConfig::default();
    config.max_concurrent_bidi_streams(0u32.into());
    config.max_concurrent_uni_streams(streams.into());
    config.stream_receive_window(STREAM_WINDOW.into());
    config.receive_window(LINK_WINDOW.into());
    config.send_window(u64::from(LINK_WINDOW));
    config.datagram_receive_buffer_size(Some(64 << 10));
    config.keep_alive_interval(Some(KEEP_ALIVE));
    config.max_idle_timeout(IDLE.try_into().ok());
    Arc::new(config)
}

/// A UDP endpoint on `port` of every address, IPv6 with IPv4 or IPv4 alone; on any port when that
/// one is taken.
pub(crate) fn bind(port: u16) -> std::io::Result<Endpoint> {
    let both = |port| {
        let six = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let four = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        UdpSocket::bind(six).or_else(|_| UdpSocket::bind(four))
    };
    let socket = both(port).or_else(|_| both(0))?;
    let runtime = quinn::default_runtime().ok_or(std::io::ErrorKind::Unsupported)?;
    Endpoint::new(quinn::EndpointConfig::default(), None, socket, runtime)
}

/// Where this machine can be reached on `port`: the addresses that its routes leave by, then
/// itself. Asking the routes sends nothing.
#[must_use]
pub fn own_addresses(port: u16) -> Vec<SocketAddr> {
    let by = |from: &str, to: &str| -> Option<IpAddr> {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    // Addresses for documentation, which no packet goes to.
    let routes = [by("0.0.0.0:0", "192.0.2.1:9"), by("[::]:0", "[2001:db8::1]:9")];
    let found = routes.into_iter().flatten().filter(|ip| !ip.is_unspecified());
    let mut found: Vec<IpAddr> = found.collect();
    found.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    found.dedup();
    found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

/// A link over QUIC.
pub struct QuicLink {
    connection: Connection,
    peer: DeviceId,
    hello: Hello,
    side: Side,
    send: [tokio::sync::Mutex<SendStream>; 3],
    receive: [tokio::sync::Mutex<RecvStream>; 3],
}

/// A reliable channel's place among the three, and its priority.
fn reliable(channel: Channel) -> Option<(usize, i32)> {
    match channel {
        Channel::Operations => Some((0, 2)),
        Channel::Control => Some((1, 1)),
        Channel::Bulk => Some((2, 0)),
        Channel::Presence => None,
    }
}

impl QuicLink {
    /// Who the other side is, by the key that the handshake has proved.
    fn identify(connection: &Connection, roll: &Roll) -> Option<DeviceId> {
        let chain = connection.peer_identity()?;
        let chain = chain.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().ok()?;
        let certificate = tls::carried(chain.first()?)?;
        roll.proved(&certificate).then_some(certificate.device)
    }

    async fn establish(
        connection: Connection,
        roll: &Roll,
        own: &Hello,
        side: Side,
    ) -> Result<Self, Gone> {
        let Some(peer) = Self::identify(&connection, roll) else {
            connection.close(REFUSED, b"");
            return Err(Gone::Closed);
        };
        let hello = own.encode();
        let begin = async {
            let mut send = open(&connection).await?;
            if side == Side::Dialled {
                write_frame(&mut send[1], &hello).await?;
            }
            let mut receive = accept(&connection).await?;
            let theirs = read_frame(&mut receive[1], 4096).await?;
            let theirs = Hello::decode(&theirs).ok_or(Gone::Malformed)?;
            if side == Side::Accepted {
                write_frame(&mut send[1], &hello).await?;
            }
            Ok((send, receive, theirs))
        };
        match tokio::time::timeout(HELLO_TIMEOUT, begin).await {
            Ok(Ok((send, receive, hello))) => Ok(Self {
                connection,
                peer,
                hello,
                side,
                send: send.map(tokio::sync::Mutex::new),
                receive: receive.map(tokio::sync::Mutex::new),
            }),
            Ok(Err(gone)) => {
                connection.close(REFUSED, b"");
                Err(gone)
            }
            Err(_) => {
                connection.close(REFUSED, b"");
                Err(Gone::Lost)
            }
        }
    }

    fn gone(&self) -> Gone {
        match self.connection.close_reason() {
            Some(quinn::ConnectionError::LocallyClosed) => Gone::Closed,
            _ => Gone::Lost,
        }
    }
}

async fn open(connection: &Connection) -> Result<[SendStream; 3], Gone> {
    let mut streams = Vec::with_capacity(3);
    for channel in RELIABLE {
        let mut stream = connection.open_uni().await.map_err(|_| Gone::Lost)?;
        let (_, priority) = reliable(channel).ok_or(Gone::Malformed)?;
        stream.set_priority(priority).map_err(|_| Gone::Lost)?;
        let tag = u8::try_from(channel.place()).map_err(|_| Gone::Malformed)?;
        stream.write_all(&[tag]).await.map_err(|_| Gone::Lost)?;
        streams.push(stream);
    }
    streams.try_into().map_err(|_| Gone::Lost)
}

async fn accept(connection: &Connection) -> Result<[RecvStream; 3], Gone> {
    let mut streams = [None, None, None];
    for _ in RELIABLE {
        let mut stream = connection.accept_uni().await.map_err(|_| Gone::Lost)?;
        let mut tag = [0];
        stream.read_exact(&mut tag).await.map_err(|_| Gone::Lost)?;
        let channel = Channel::ALL.get(usize::from(tag[0])).copied().and_then(reliable);
        let (place, _) = channel.ok_or(Gone::Malformed)?;
        if streams[place].replace(stream).is_some() {
            return Err(Gone::Malformed);
        }
    }
    match streams {
        [Some(one), Some(two), Some(three)] => Ok([one, two, three]),
        _ => Err(Gone::Malformed),
    }
}

/// Writes a frame.
pub(crate) async fn write_frame(stream: &mut SendStream, frame: &[u8]) -> Result<(), Gone> {
    let count = u32::try_from(frame.len()).map_err(|_| Gone::Malformed)?;
    if frame.len() < 1 << 10 {
        // One write, so that a small frame goes as one packet.
        let both = [&count.to_le_bytes()[..], frame].concat();
        return stream.write_all(&both).await.map_err(|_| Gone::Lost);
    }
    stream.write_all(&count.to_le_bytes()).await.map_err(|_| Gone::Lost)?;
    stream.write_all(frame).await.map_err(|_| Gone::Lost)
}

/// Reads a frame of at most `limit` bytes. What is claimed is allocated as it comes.
pub(crate) async fn read_frame(stream: &mut RecvStream, limit: usize) -> Result<Vec<u8>, Gone> {
    const STEP: usize = 64 << 10;
    let mut count = [0; 4];
    stream.read_exact(&mut count).await.map_err(|_| Gone::Lost)?;
    let count = u32::from_le_bytes(count) as usize;
    if count > limit {
        return Err(Gone::Malformed);
    }
    let mut frame = Vec::new();
    while frame.len() < count {
        let from = frame.len();
        frame.resize(count.min(from + STEP.max(from)), 0);
        stream.read_exact(&mut frame[from..]).await.map_err(|_| Gone::Lost)?;
    }
    Ok(frame)
}

impl Link for QuicLink {
    fn peer(&self) -> DeviceId {
        self.peer
    }

    fn path(&self) -> Path {
        let at = self.connection.remote_address();
        Path::Direct(SocketAddr::new(at.ip().to_canonical(), at.port()))
    }

    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn side(&self) -> Side {
        self.side
    }

    fn send<'a>(&'a self, channel: Channel, frame: Vec<u8>) -> Later<'a, Result<(), Gone>> {
        Box::pin(async move {
            let Some((place, _)) = reliable(channel) else {
                if frame.len() > DATAGRAM_BYTES_MAX {
                    return Err(Gone::Malformed);
                }
                return match self.connection.send_datagram(frame.into()) {
                    Err(quinn::SendDatagramError::ConnectionLost(_)) => Err(self.gone()),
                    // Lost on a path that is too narrow, as it may be anywhere on its way.
                    _ => Ok(()),
                };
            };
            if frame.len() > FRAME_BYTES_MAX {
                return Err(Gone::Malformed);
            }
            let mut stream = self.send[place].lock().await;
            write_frame(&mut stream, &frame).await.map_err(|_| self.gone())
        })
    }

    fn receive(&self, channel: Channel) -> Later<'_, Result<Vec<u8>, Gone>> {
        Box::pin(async move {
            let Some((place, _)) = reliable(channel) else {
                let datagram = self.connection.read_datagram().await;
                return datagram.map(|bytes| bytes.to_vec()).map_err(|_| self.gone());
            };
            let mut stream = self.receive[place].lock().await;
            let frame = read_frame(&mut stream, FRAME_BYTES_MAX).await;
            frame.map_err(|gone| if gone == Gone::Lost { self.gone() } else { gone })
        })
    }

    fn close(&self) {
        self.connection.close(CLOSED, b"");
    }

    fn ended(&self) -> Later<'_, Gone> {
        Box::pin(async move {
            drop(self.connection.closed().await);
            self.gone()
        })
    }
}

/// The endpoint of a device, and what it needs to prove who it is.
pub struct Quic {
    endpoint: Endpoint,
    roll: Arc<Roll>,
    own: Mutex<(Arc<TransportKey>, Arc<Hello>)>,
    came: tokio::sync::Mutex<mpsc::Receiver<Arc<QuicLink>>>,
}

impl Quic {
    /// Listens on `port`, or another if that is taken. To be called within the runtime.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub fn start(
        port: u16,
        roll: Arc<Roll>,
        key: TransportKey,
        instance: [u8; 16],
    ) -> std::io::Result<Arc<Self>> {
        let endpoint = bind(port)?;
        let addresses = own_addresses(endpoint.local_addr()?.port());
        let hello = Arc::new(Hello { instance, addresses });
        let (sender, came) = mpsc::channel(1);
        let own = Mutex::new((Arc::new(key), hello));
        let came = tokio::sync::Mutex::new(came);
        let quic = Arc::new(Self { endpoint, roll, own, came });
        quic.show()?;
        tokio::spawn(take_in(quic.clone(), sender));
        Ok(quic)
    }

    fn own(&self) -> (Arc<TransportKey>, Arc<Hello>) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another transport key for the links from now on.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::Other`] when the key is none, which cannot be.
    pub fn rotate(&self, signer: &dyn Signer, sequence: u64) -> std::io::Result<()> {
        let key = TransportKey::fresh(signer, sequence).ok_or(std::io::ErrorKind::Other)?;
        self.own.lock().unwrap_or_else(PoisonError::into_inner).0 = Arc::new(key);
        self.show()
    }

    fn show(&self) -> std::io::Result<()> {
        let tls = tls::listen(self.roll.clone(), &self.own().0).map_err(std::io::Error::other)?;
        let tls = QuicServerConfig::try_from(tls).map_err(std::io::Error::other)?;
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(limits(3)).max_incoming(HANDSHAKES_MAX);
        self.endpoint.set_server_config(Some(config));
        Ok(())
    }

    /// The port that is listened on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.endpoint.local_addr().map_or(0, |address| address.port())
    }

    /// Goes to `device` at `at`.
    ///
    /// # Errors
    /// [`Gone`] when it is not there, or not it.
    pub async fn go(&self, device: DeviceId, at: SocketAddr) -> Result<Arc<QuicLink>, Gone> {
        let (key, hello) = self.own();
        let tls = tls::dial(self.roll.clone(), device, &key).map_err(|_| Gone::Closed)?;
        let tls = QuicClientConfig::try_from(tls).map_err(|_| Gone::Closed)?;
        let mut config = quinn::ClientConfig::new(Arc::new(tls));
        config.transport_config(limits(3));
        let connecting = self.endpoint.connect_with(config, at, "hearth");
        let connecting = connecting.map_err(|_| Gone::Lost)?;
        let connection = tokio::time::timeout(HELLO_TIMEOUT, connecting).await;
        let connection = connection.map_err(|_| Gone::Lost)?.map_err(|_| Gone::Lost)?;
        let link = QuicLink::establish(connection, &self.roll, &hello, Side::Dialled).await?;
        Ok(Arc::new(link))
    }

    /// The next device that came.
    pub async fn next(&self) -> Option<Arc<QuicLink>> {
        self.came.lock().await.recv().await
    }

    /// Ends every link and listens no more; ready when the others were told.
    pub async fn stop(&self) {
        self.endpoint.close(CLOSED, b"");
        drop(tokio::time::timeout(Duration::from_secs(1), self.endpoint.wait_idle()).await);
    }
}

/// Takes in whoever comes and belongs.
async fn take_in(quic: Arc<Quic>, came: mpsc::Sender<Arc<QuicLink>>) {
    let at_once = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = quic.endpoint.accept().await {
        let Ok(permit) = at_once.clone().try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let (quic, came) = (quic.clone(), came.clone());
        tokio::spawn(async move {
            let Ok(connecting) = incoming.accept() else { return };
            let Ok(Ok(connection)) = tokio::time::timeout(HELLO_TIMEOUT, connecting).await else {
                return;
            };
            let (_, hello) = quic.own();
            let link = QuicLink::establish(connection, &quic.roll, &hello, Side::Accepted).await;
            drop(permit);
            if let Ok(link) = link {
                // Nobody waits any more when the node has stopped.
                drop(came.send(Arc::new(link)).await);
            }
        });
    }
}

impl Transport for Quic {
    fn dial(&self, device: DeviceId, at: SocketAddr) -> Later<'_, Result<Arc<dyn Link>, Gone>> {
        Box::pin(async move { self.go(device, at).await.map(|link| link as Arc<dyn Link>) })
    }

    fn accept(&self) -> Later<'_, Option<Arc<dyn Link>>> {
        Box::pin(async move { self.next().await.map(|link| link as Arc<dyn Link>) })
    }
}
