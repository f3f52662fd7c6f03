//! What this device keeps of its group between two starts: one sealed file, replaced as a whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use kernel::disk::{self, Disk};
use kernel::keys::{Opener, Sealer};
use kernel::principal::DeviceId;
use zeroize::Zeroizing;

use crate::codec::{Reader, Writer};
use crate::epoch::{EpochId, EpochKey};
use crate::group::{ENTRIES_MAX, Group};
use crate::wrap::WrappingKey;

/// What the file is sealed for.
pub const PURPOSE: &str = "hearth devices";

const ABOUT: &[u8] = b"devices 1";
const BYTES_MAX: usize = 64 << 20;

/// Addresses that are remembered of a device at most.
pub const ADDRESSES_MAX: usize = 16;

/// What is remembered of another device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Where it was reached, the latest first.
    pub addresses: Vec<SocketAddr>,
    /// Its highest transport key so far.
    pub transport: Option<(u64, [u8; 32])>,
    /// When a link with it ended last, in seconds since 1970 by this machine's clock; only shown.
    pub seen_s: u64,
}

impl Peer {
    /// Remembers `address` as the latest.
    pub fn reached_at(&mut self, address: SocketAddr) {
        self.addresses.retain(|known| *known != address);
        self.addresses.insert(0, address);
        self.addresses.truncate(ADDRESSES_MAX);
    }

    /// Remembers what the device or another says of it, after what worked.
    pub fn told_of(&mut self, addresses: impl IntoIterator<Item = SocketAddr>) {
        for address in addresses {
            if !self.addresses.contains(&address) && self.addresses.len() < ADDRESSES_MAX {
                self.addresses.push(address);
            }
        }
    }
}

/// What is kept. A device without a group keeps its keys all the same once it has asked for one.
#[derive(Debug)]
pub struct Kept {
    /// Who belongs together, if this device belongs.
    pub group: Option<Group>,
    /// Opens what is wrapped for this device.
    pub wrapping: WrappingKey,
    /// The sequence of the last transport key.
    pub sequence: u64,
    /// The port that was listened on last.
    pub port: u16,
    /// What is known of the others.
    pub peers: BTreeMap<DeviceId, Peer>,
}

impl Kept {
    /// What a device starts with; `None` when the system gives no random bytes.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        let wrapping = WrappingKey::fresh()?;
        Some(Self { group: None, wrapping, sequence: 0, port: 0, peers: BTreeMap::new() })
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::default();
        writer.fixed(&*self.wrapping.to_bytes()).number(self.sequence);
        writer.number(u64::from(self.port)).count(self.peers.len());
        for (device, peer) in &self.peers {
            writer.fixed(&device.0);
            write_addresses(&mut writer, &peer.addresses);
            let (sequence, key) = peer.transport.unwrap_or_default();
            writer.byte(peer.transport.is_some().into()).number(sequence).fixed(&key);
            writer.number(peer.seen_s);
        }
        match &self.group {
            None => writer.byte(0),
            Some(group) => {
                let keys = group.epochs().filter_map(|id| Some((id, group.epoch(id)?)));
                let keys: Vec<(EpochId, &EpochKey)> = keys.collect();
                writer.byte(1).bytes(&group.encode()).count(keys.len());
                for (id, key) in keys {
                    writer.fixed(&id.0).fixed(key.bytes());
                }
                &mut writer
            }
        };
        Zeroizing::new(writer.finish())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let wrapping = WrappingKey::from_bytes(&Zeroizing::new(reader.fixed()?));
        let (sequence, port) = (reader.number()?, reader.number()?.try_into().ok()?);
        let mut peers = BTreeMap::new();
        for _ in 0..reader.count(ENTRIES_MAX)? {
            let device = DeviceId(reader.fixed()?);
            let addresses = read_addresses(&mut reader)?;
            let (has, sequence, key) = (reader.byte()?, reader.number()?, reader.fixed()?);
            let transport = (has == 1).then_some((sequence, key));
            let seen_s = reader.number()?;
            peers.insert(device, Peer { addresses, transport, seen_s });
        }
        let group = match reader.byte()? {
            0 => None,
            _ => {
                let mut group = Group::decode(reader.bytes(BYTES_MAX)?, &wrapping).ok()?;
                for _ in 0..reader.count(ENTRIES_MAX)? {
                    let id = EpochId(reader.fixed()?);
                    group.keep_key(id, EpochKey::new(reader.fixed()?));
                }
                Some(group)
            }
        };
        reader.end()?;
        Some(Self { group, wrapping, sequence, port, peers })
    }
}

/// Writes addresses, at most [`ADDRESSES_MAX`].
pub(crate) fn write_addresses(writer: &mut Writer, addresses: &[SocketAddr]) {
    let addresses = &addresses[..addresses.len().min(ADDRESSES_MAX)];
    writer.count(addresses.len());
    for address in addresses {
        match address.ip() {
            IpAddr::V4(ip) => writer.byte(4).fixed(&ip.octets()),
            IpAddr::V6(ip) => writer.byte(6).fixed(&ip.octets()),
        };
        writer.fixed(&address.port().to_le_bytes());
    }
}

/// Reads what [`write_addresses`] wrote.
pub(crate) fn read_addresses(reader: &mut Reader<'_>) -> Option<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for _ in 0..reader.count(ADDRESSES_MAX)? {
        let ip = match reader.byte()? {
            4 => IpAddr::from(reader.fixed::<4>()?),
            6 => IpAddr::from(reader.fixed::<16>()?),
            _ => return None,
        };
        addresses.push(SocketAddr::new(ip, u16::from_le_bytes(reader.fixed()?)));
    }
    Some(addresses)
}

/// Where it is kept.
#[derive(Clone)]
pub struct Store {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The file.
    pub path: PathBuf,
    /// Seals for [`PURPOSE`].
    pub sealer: Sealer,
    /// Opens it.
    pub opener: Opener,
}

/// Why it could not be read or written.
#[derive(Debug)]
pub enum StoreError {
    /// The file is not what was sealed for this profile.
    Damaged(PathBuf),
    /// The disk's own answer.
    Disk(PathBuf, std::io::Error),
    /// The system gives no random bytes.
    Random,
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(path) => {
                write!(f, "{} is damaged: remove it and pair this device anew", path.display())
            }
            Self::Disk(path, error) => {
                write!(f, "{} could not be used ({error}): check its folder", path.display())
            }
            Self::Random => f.write_str("the system gives no random bytes: restart the machine"),
        }
    }
}

impl std::error::Error for StoreError {}

impl Store {
    /// Reads what is kept; `None` when nothing is.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], which replaces nothing, or [`StoreError::Disk`].
    pub fn load(&self) -> Result<Option<Kept>, StoreError> {
        let sealed = match disk::read(&*self.disk, &self.path, BYTES_MAX) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Disk(self.path.clone(), error)),
        };
        let opened = self.opener.open(ABOUT, &sealed);
        let kept = opened.and_then(|bytes| Kept::decode(&bytes));
        kept.map(Some).ok_or_else(|| StoreError::Damaged(self.path.clone()))
    }

    /// Keeps it: durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Disk`] or [`StoreError::Random`]; the file is then as it was.
    pub fn save(&self, kept: &Kept) -> Result<(), StoreError> {
        self.write(&self.seal(kept)?)
    }

    /// The file's bytes.
    pub(crate) fn seal(&self, kept: &Kept) -> Result<Vec<u8>, StoreError> {
        let mut sealed = Vec::new();
        let plain = kept.encode();
        self.sealer.seal(ABOUT, &plain, &mut sealed).map_err(|_| StoreError::Random)?;
        Ok(sealed)
    }

    /// Replaces the file.
    pub(crate) fn write(&self, sealed: &[u8]) -> Result<(), StoreError> {
        disk::replace(&*self.disk, &self.path, sealed)
            .map_err(|error| StoreError::Disk(self.path.clone(), error))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kernel::disk::sim::SimDisk;
    use kernel::keys::{Profile, Protection};
    use kernel::ledger::DeviceKey;

    use super::*;
    use crate::identity::{Card, DeviceName};

    fn store(disk: &SimDisk) -> Store {
        let made = Profile::create(disk, Path::new("p"), Protection::Unprotected);
        let keys = made
            .or_else(|_| Profile::open(disk, Path::new("p")).unwrap().unlock_unprotected())
            .unwrap();
        let (sealer, opener) = (keys.sealer(PURPOSE), keys.opener(PURPOSE));
        Store { disk: Arc::new(disk.clone()), path: "devices".into(), sealer, opener }
    }

    #[test]
    fn what_is_kept_survives_a_power_cut_at_any_step() {
        for after in 0..12 {
            let disk = SimDisk::new(after);
            let before = store(&disk);
            assert!(before.load().unwrap().is_none());
            let signer = DeviceKey::from_seed(&[1; 32]);
            let mut kept = Kept::fresh().unwrap();
            let card = Card::sign(&signer, DeviceName::near("a"), kept.wrapping.public());
            kept.group = Group::found(&signer, DeviceName::near("home"), card).ok();
            before.save(&kept).unwrap();
            kept.sequence = 7;
            let peer = kept.peers.entry(DeviceId([4; 32])).or_default();
            peer.reached_at("127.0.0.1:9".parse().unwrap());
            peer.told_of(["[::1]:8".parse().unwrap()]);
            peer.transport = Some((4, [9; 32]));
            disk.crash_after(after);
            let saved = before.save(&kept).is_ok();
            disk.cut_power();
            let again = store(&disk).load().unwrap().expect("the first one was durable");
            assert!(!saved || again.sequence == 7, "an answer was not durable");
            let (mine, group) = (kept.group.as_ref().unwrap(), again.group.as_ref().unwrap());
            let epoch = group.current_epoch().unwrap();
            assert_eq!(Some(epoch), mine.current_epoch());
            assert!(group.epoch(epoch).is_some());
            if again.sequence == 7 {
                assert_eq!(again.peers, kept.peers);
            }
        }
    }

    #[test]
    fn a_damaged_file_is_named_and_left_as_it_is() {
        let disk = SimDisk::new(1);
        let place = store(&disk);
        place.save(&Kept::fresh().unwrap()).unwrap();
        disk.flip_bit(Path::new("devices"), 60, 1);
        assert!(matches!(place.load(), Err(StoreError::Damaged(_))));
        let bytes = Kept::fresh().unwrap().encode();
        for len in 0..bytes.len() {
            assert!(Kept::decode(&bytes[..len]).is_none());
        }
    }
}
