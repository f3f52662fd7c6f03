//! Finding each other on the local network: multicast DNS under names that only members know.
//!
//! A device announces its port under 16 hex digits of a keyed hash of its id and the day; whoever
//! has the epoch's key computes the names of the others, and anybody else sees digits that change
//! each day. While a pairing code is out, its port is announced under the code's first letter and
//! random digits: the letter, 5 of its 50 bits, keeps the newcomer from trying a stranger's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::principal::DeviceId;
use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::epoch::EpochKey;
use crate::identity::random;
use crate::pairing::ShortCode;

const NAME: &str = "hearth 2026-11 name on the local network";
/// Addresses of one announcement that are looked at.
const ADDRESSES_MAX: usize = 8;

/// What is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Announced {
    /// A device of a group.
    Device,
    /// A pairing code.
    Code,
}

impl Announced {
    fn service(self) -> &'static str {
        match self {
            Self::Device => "_hearth._udp.local.",
            Self::Code => "_hearth-pair._udp.local.",
        }
    }
}

/// The name of a device on a day, counted from 1970.
#[must_use]
pub fn name_of(key: &EpochKey, device: DeviceId, day: u64) -> String {
    let hash = key.derive(NAME, &[&device.0[..], &day.to_le_bytes()].concat());
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The start of the name of a pairing code.
#[must_use]
pub fn tag_of(code: &ShortCode) -> String {
    format!("{}-", char::from(code.letters()[0]).to_ascii_lowercase())
}

/// Announces, and hears others. It ends when it is dropped.
pub struct Discovery {
    daemon: ServiceDaemon,
    announced: Mutex<BTreeMap<Announced, (String, String)>>,
}

impl Discovery {
    /// Opens the sockets.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn start() -> Result<Self, String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        Ok(Self { daemon, announced: Mutex::default() })
    }

    /// Announces `port` under `name`, in place of what was announced of that kind.
    ///
    /// # Errors
    /// What is wrong with the network, in words.
    pub fn announce(&self, what: Announced, name: &str, port: u16) -> Result<(), String> {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if announced.get(&what).is_some_and(|(known, _)| known == name) {
            return Ok(());
        }
        let host = random::<8>().ok_or("the system gives no random bytes")?;
        let host: String = host.iter().map(|byte| format!("{byte:02x}")).collect();
        let host = format!("{host}.local.");
        let nothing: &[(&str, &str)] = &[];
        let info = ServiceInfo::new(what.service(), name, &host, "", port, nothing);
        let info = info.map_err(|error| error.to_string())?.enable_addr_auto();
        let full = info.get_fullname().to_owned();
        self.daemon.register(info).map_err(|error| error.to_string())?;
        if let Some((_, old)) = announced.insert(what, (name.to_owned(), full)) {
            // It expires by itself otherwise.
            drop(self.daemon.unregister(&old));
        }
        Ok(())
    }

    /// Announces that no more.
    pub fn withdraw(&self, what: Announced) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, full)) = announced.remove(&what) {
            // It expires by itself otherwise.
            drop(self.daemon.unregister(&full));
        }
    }

    /// Tells `found` of every announcement from now on, on a thread of its own, until it answers
    /// that it is enough or this is dropped.
    ///
    /// # Errors
    /// What is wrong with the network or the thread, in words.
    pub fn watch(
        &self,
        what: Announced,
        mut found: impl FnMut(&str, Vec<SocketAddr>) -> Watch + Send + 'static,
    ) -> Result<(), String> {
        let events = self.daemon.browse(what.service()).map_err(|error| error.to_string())?;
        let hear = move || {
            while let Ok(event) = events.recv() {
                if let ServiceEvent::ServiceResolved(service) = event
                    && let Some(name) = name_in(&service, what)
                    && found(name, addresses(&service)) == Watch::Enough
                {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("discovery".to_owned());
        thread.spawn(hear).map(drop).map_err(|error| error.to_string())
    }

    /// Where those are whose names begin with `tag`, as far as they answer within `patience`; the
    /// first that does ends it a moment later.
    #[must_use]
    pub fn look(&self, what: Announced, tag: &str, patience: Duration) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        let Ok(events) = self.daemon.browse(what.service()) else { return all };
        let mut until = Instant::now() + patience;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Ok(event) = events.recv_timeout(left) else { break };
            if let ServiceEvent::ServiceResolved(service) = event
                && name_in(&service, what).is_some_and(|name| name.starts_with(tag))
            {
                for address in addresses(&service) {
                    if !all.contains(&address) {
                        all.push(address);
                    }
                }
                // The other addresses of the same machine come right behind.
                until = until.min(Instant::now() + Duration::from_millis(300));
            }
        }
        all
    }
}

/// Whether to go on watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Go on.
    On,
    /// It is enough.
    Enough,
}

impl Drop for Discovery {
    fn drop(&mut self) {
        // It says goodbye for what was announced; who listens no more has not to wait for it.
        drop(self.daemon.shutdown());
    }
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Discovery")
    }
}

fn name_in(service: &ResolvedService, what: Announced) -> Option<&str> {
    service.fullname.strip_suffix(what.service())?.strip_suffix('.')
}

/// Straight ones first. Addresses of one link alone need its scope, which QUIC is not told.
fn addresses(service: &ResolvedService) -> Vec<SocketAddr> {
    let ips = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr);
    let is_far = |ip: &std::net::IpAddr| match ip {
        std::net::IpAddr::V4(_) => true,
        std::net::IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    };
    let mut all: Vec<SocketAddr> =
        ips.filter(is_far).map(|ip| SocketAddr::new(ip, service.port)).collect();
    all.sort_by_key(|at| (at.ip().is_loopback(), at.is_ipv6(), *at));
    all.truncate(ADDRESSES_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_nothing_to_whoever_has_no_key_and_change_each_day() {
        let (key, other) = (EpochKey::new([1; 32]), EpochKey::new([2; 32]));
        let (device, second) = (DeviceId([3; 32]), DeviceId([4; 32]));
        let name = name_of(&key, device, 20_000);
        assert_eq!(name.len(), 16);
        assert_eq!(name, name_of(&key, device, 20_000));
        assert_ne!(name, name_of(&key, device, 20_001));
        assert_ne!(name, name_of(&key, second, 20_000));
        assert_ne!(name, name_of(&other, device, 20_000));
    }

    #[test]
    fn what_is_announced_is_found_by_its_tag_until_it_is_withdrawn() {
        let (here, there) = (Discovery::start().unwrap(), Discovery::start().unwrap());
        let unique = format!("q-{}", std::process::id());
        here.announce(Announced::Code, &unique, 4321).unwrap();
        let found = there.look(Announced::Code, &unique, Duration::from_secs(10));
        assert!(found.iter().all(|at| at.port() == 4321) && !found.is_empty(), "{found:?}");
        let found = there.look(Announced::Code, "z-none", Duration::from_millis(300));
        assert!(found.is_empty(), "{found:?}");
    }
}
