//! The node on the local network: it announces itself, and hears where the others are.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Discover, Event, Shared, now_s};
use crate::discovery::{Announced, Discovery, Watch, name_of, tag_of};
use crate::identity::random;
use crate::kept::ADDRESSES_MAX;
use crate::pairing::ShortCode;

/// How long a newcomer looks for a code.
const LOOK: Duration = Duration::from_secs(5);
/// How often the day's name is looked at.
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY_S: u64 = 24 * 60 * 60;

/// Where a typed code is shown on the local network. Waits for it: not within the runtime.
pub(super) fn look_for(code: &ShortCode) -> Vec<std::net::SocketAddr> {
    match Discovery::start() {
        Ok(discovery) => discovery.look(Announced::Code, &tag_of(code), LOOK),
        Err(_) => Vec::new(),
    }
}

impl Shared {
    /// Starts to announce and to listen, if it may. Where that cannot be, it is told once.
    pub(super) fn look_around(self: &Arc<Self>) {
        if self.discover == Discover::Nobody {
            return;
        }
        let weak = Arc::downgrade(self);
        let begun = Discovery::start().and_then(|discovery| {
            discovery.watch(Announced::Device, move |name, addresses| match weak.upgrade() {
                None => Watch::Enough,
                Some(shared) => {
                    shared.heard_of(name, addresses);
                    Watch::On
                }
            })?;
            Ok(discovery)
        });
        match begun {
            Ok(discovery) => self.state().discovery = Some(Arc::new(discovery)),
            Err(why) => {
                return self.tell(Event::Trouble(format!(
                    "Devices are not found by themselves on this network ({why}): add their \
                     addresses when you pair."
                )));
            }
        }
        let weak: Weak<Self> = Arc::downgrade(self);
        self.runtime.spawn(async move {
            loop {
                tokio::time::sleep(HOUR).await;
                match weak.upgrade() {
                    Some(shared) => shared.announce(),
                    None => return,
                }
            }
        });
    }

    /// Announces this device under today's name.
    pub(super) fn announce(&self) {
        let announced = {
            let state = self.state();
            let (Some(discovery), Some(group)) = (&state.discovery, &state.group) else { return };
            let key = group.current_epoch().and_then(|id| group.epoch(id));
            let name = key.map(|key| name_of(key, self.me, now_s() / DAY_S));
            let port = state.quic.as_ref().map_or(0, |quic| quic.port());
            name.map(|name| (discovery.clone(), name, port))
        };
        if let Some((discovery, name, port)) = announced
            && let Err(why) = discovery.announce(Announced::Device, &name, port)
        {
            self.tell(Event::Trouble(format!(
                "This device is not announced on the local network ({why}): the others reach it \
                 where it was before."
            )));
        }
    }

    /// Somebody is announced: one of the group by today's name, or by that of a day beside it where
    /// clocks differ, is gone to.
    fn heard_of(&self, name: &str, addresses: Vec<std::net::SocketAddr>) {
        let mut state = self.state();
        let Some(group) = state.group.clone() else { return };
        let Some(key) = group.current_epoch().and_then(|id| group.epoch(id)) else { return };
        let today = now_s() / DAY_S;
        let days = today.saturating_sub(1)..=today + 1;
        let is_named = |id| days.clone().any(|day| name_of(key, id, day) == name);
        let others = group.devices().filter(|it| it.standing.belongs() && it.id != self.me);
        let Some(found) = others.map(|it| it.id).find(|id| is_named(*id)) else { return };
        let peer = state.kept.peers.entry(found).or_default();
        // What is announced now is likelier than what was remembered.
        peer.addresses.retain(|known| !addresses.contains(known));
        peer.addresses.splice(0..0, addresses);
        peer.addresses.truncate(ADDRESSES_MAX);
        if let Some(seeker) = state.seekers.get(&found) {
            seeker.notify_one();
        }
    }

    /// Announces where a code is shown.
    pub(super) fn announce_code(&self, code: &ShortCode, port: u16) {
        let Some(discovery) = self.state().discovery.clone() else { return };
        let Some(digits) = random::<6>() else { return };
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}{digits}", tag_of(code));
        if let Err(why) = discovery.announce(Announced::Code, &name, port) {
            self.tell(Event::Trouble(format!(
                "The short code is not found by itself ({why}): type the address with it."
            )));
        }
    }

    /// No code is shown any more.
    pub(super) fn withdraw_code(&self) {
        let discovery = self.state().discovery.clone();
        if let Some(discovery) = discovery {
            discovery.withdraw(Announced::Code);
        }
    }
}
