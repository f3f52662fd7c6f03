//! Going to a device that is not linked, again and again, ever less often.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::principal::DeviceId;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::Shared;
use crate::identity::random;
use crate::quic::QuicLink;

/// The first pause after a try, and the longest.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long one address has for itself before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(150);

/// Seeks `device` as long as it belongs. `wake` is told of a lost link, of news of an address, and
/// of its removal.
pub(super) async fn seek(shared: Arc<Shared>, device: DeviceId, wake: Arc<Notify>) {
    let mut pause = PAUSE;
    loop {
        let (is_sought, is_linked, addresses, quic) = {
            let state = shared.state();
            let is_sought = state.seekers.get(&device).is_some_and(|it| Arc::ptr_eq(it, &wake));
            let addresses = state.kept.peers.get(&device).map(|peer| peer.addresses.clone());
            let is_linked = state.links.contains_key(&device);
            (is_sought, is_linked, addresses.unwrap_or_default(), state.quic.clone())
        };
        let Some(quic) = quic.filter(|_| is_sought) else { return };
        if is_linked {
            pause = PAUSE;
            wake.notified().await;
            continue;
        }
        if let Some(link) = first(&quic, device, addresses).await {
            shared.adopt(link).await;
            continue;
        }
        // Up to half more, so that two that seek each other do not meet in the middle for ever.
        let share = random::<1>().map_or(128, |byte| u32::from(byte[0]));
        let pausing = tokio::time::sleep(pause + pause * share / 512);
        tokio::select! {
            () = pausing => pause = (pause * 2).min(PAUSE_MAX),
            () = wake.notified() => pause = PAUSE,
        }
    }
}

/// The first address that answers as the device.
async fn first(
    quic: &Arc<crate::quic::Quic>,
    device: DeviceId,
    addresses: Vec<SocketAddr>,
) -> Option<Arc<QuicLink>> {
    let mut tries = JoinSet::new();
    for (place, at) in addresses.into_iter().enumerate() {
        let quic = quic.clone();
        let wait = HEAD_START * u32::try_from(place).unwrap_or(u32::MAX);
        tries.spawn(async move {
            tokio::time::sleep(wait).await;
            quic.go(device, at).await
        });
    }
    while let Some(tried) = tries.join_next().await {
        if let Ok(Ok(link)) = tried {
            return Some(link);
        }
    }
    None
}
