//! A profile that can seal and open, and whose slots and keys can be changed.
//!
//! A change reads the header anew under a lock, so that two processes cannot undo each other's, and
//! is durable in both files before it counts.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::header::Header;
use super::machine::MachineId;
use super::ring::{Generation, Keys, Ring};
use super::slot::{Bound, KdfCost, Kept, KnownSlot, Slot, Stretched};
use super::{
    FILES, KeyError, Keychain, KeychainError, Opener, Origin, Passphrase, Profile, ProfileId,
    RecoveryWords, Sealer, Way, random, seal,
};
use crate::disk::{self, Disk, DiskLock};

/// Held while the header is changed.
const LOCK: &str = "profile.lock";

/// A profile that can seal and open. Clones are the same profile: what one rotates, all seal with.
#[derive(Clone)]
pub struct Unlocked {
    ring: Arc<Ring>,
    origin: Origin,
}

impl Unlocked {
    pub(super) fn new(ring: Ring, origin: Origin) -> Self {
        Self { ring: Arc::new(ring), origin }
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ProfileId {
        self.ring.id
    }

    /// Whether it was last used on this machine, as it was when it was unlocked.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The generation that seals now.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.ring.current()
    }

    /// The account under which a [`Keychain`] keeps this profile's secret.
    #[must_use]
    pub fn keychain_account(&self) -> String {
        account(self.id())
    }

    /// Every generation that can be opened, ascending.
    #[must_use]
    pub fn generations(&self) -> Vec<Generation> {
        self.ring.generations()
    }

    /// Seals under the data key. `purpose` separates rooms: what one seals, another cannot open.
    #[must_use]
    pub fn sealer(&self, purpose: &'static str) -> Sealer {
        Sealer::for_data_key(Arc::clone(&self.ring), purpose)
    }

    /// Opens what [`Unlocked::sealer`] or [`super::Locked::sealer`] sealed for the same purpose.
    #[must_use]
    pub fn opener(&self, purpose: &'static str) -> Opener {
        Opener::new(Arc::clone(&self.ring), purpose)
    }

    /// A secret of its own for `purpose`, always the same for this profile: a rotation leaves it.
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        seal::derive(purpose, &*self.ring.root)
    }

    /// Lets `passphrase` unlock the profile from now on, and no passphrase before it. It stretches:
    /// not for the UI thread.
    ///
    /// # Errors
    /// [`KeyError::Busy`], [`KeyError::Changed`], or what the disk says; the old one then holds.
    pub fn set_passphrase(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        passphrase: &Passphrase,
        cost: KdfCost,
    ) -> Result<(), KeyError> {
        self.replace(disk, dir, Way::Passphrase, |bound, keys| {
            Stretched::new(passphrase, cost, bound, &keys.data_key).map(KnownSlot::Passphrase)
        })
    }

    /// Makes twelve words that recover the profile, and makes those before them useless. They are
    /// kept nowhere: whoever calls shows them once.
    ///
    /// # Errors
    /// As [`Unlocked::set_passphrase`].
    pub fn set_recovery(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        cost: KdfCost,
    ) -> Result<RecoveryWords, KeyError> {
        let words = RecoveryWords::random()?;
        self.replace(disk, dir, Way::Recovery, |bound, keys| {
            Stretched::new(&words.passphrase(), cost, bound, &keys.data_key)
                .map(KnownSlot::Recovery)
        })?;
        Ok(words)
    }

    /// Lets the system's keychain unlock the profile. What it holds is read back before the header
    /// relies on it. It may wait for a person: not for the UI thread.
    ///
    /// # Errors
    /// [`KeyError::Keychain`], or as [`Unlocked::set_passphrase`].
    pub fn set_keychain(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        keychain: &dyn Keychain,
    ) -> Result<(), KeyError> {
        let secret = Zeroizing::new(random::<32>()?);
        let account = account(self.id());
        keychain.put(&account, &*secret).map_err(KeyError::Keychain)?;
        let kept = keychain.get(&account).map_err(KeyError::Keychain)?;
        if *kept != *secret {
            return Err(KeyError::Keychain(KeychainError::Unavailable(
                "it gave back another secret than it was given".to_owned(),
            )));
        }
        self.replace(disk, dir, Way::Keychain, |bound, keys| {
            Kept::new(&secret, bound, &keys.data_key).map(KnownSlot::Keychain)
        })
    }

    /// Takes a way to unlock away. What a keychain holds is its caller's to remove.
    ///
    /// # Errors
    /// [`KeyError::LastSlot`], [`KeyError::NoSlot`], or as [`Unlocked::set_passphrase`].
    pub fn remove_way(&self, disk: &dyn Disk, dir: &Path, way: Way) -> Result<(), KeyError> {
        let edit = self.edit(disk, dir)?;
        let is_it = |slot: &Slot| slot.way() == way;
        let mut slots = edit.header.slots().to_vec();
        if !slots.iter().any(is_it) {
            return Err(KeyError::NoSlot);
        }
        slots.retain(|slot| !is_it(slot));
        // Words on paper are for the day when everything else is gone.
        if !slots.iter().any(|slot| !matches!(slot.way(), Way::Recovery | Way::Foreign)) {
            return Err(KeyError::LastSlot);
        }
        edit.put(&self.ring, slots)
    }

    /// Puts a new data key in front: what is sealed from now on, by sealers made before too, is
    /// sealed under it. What was sealed before opens as ever, until it is sealed anew and
    /// [`Unlocked::forget_old`] is called.
    ///
    /// # Errors
    /// [`KeyError::ForeignSlot`], [`KeyError::Generations`], or as [`Unlocked::set_passphrase`];
    /// the old key then goes on sealing.
    pub fn rotate(&self, disk: &dyn Disk, dir: &Path) -> Result<Generation, KeyError> {
        let edit = self.edit(disk, dir)?;
        let mut slots = edit.header.slots().to_vec();
        if slots.iter().any(|slot| matches!(slot, Slot::Foreign(_))) {
            return Err(KeyError::ForeignSlot);
        }
        let fresh = self.ring.prepare()?;
        let bound = Bound { id: self.id(), generation: fresh.generation };
        for slot in &mut slots {
            if let Slot::Known(slot) = slot {
                slot.lead_to(bound, &fresh.data_key)?;
            }
        }
        let generation = fresh.generation;
        Edit { keys: fresh, ..edit }.put(&self.ring, slots)?;
        Ok(generation)
    }

    /// Forgets every data key but the one that seals. What is still sealed under another can never
    /// be opened again: everything has to be sealed anew before.
    ///
    /// # Errors
    /// As [`Unlocked::set_passphrase`].
    pub fn forget_old(&self, disk: &dyn Disk, dir: &Path) -> Result<(), KeyError> {
        let edit = self.edit(disk, dir)?;
        let slots = edit.header.slots().to_vec();
        edit.put_from(&self.ring, edit.keys.generation, slots)?;
        self.ring.forget_old();
        Ok(())
    }

    /// Says that this machine is now the profile's own, after its owner was told that it came from
    /// another; and makes the header's twin what the header is.
    ///
    /// # Errors
    /// As [`Unlocked::set_passphrase`].
    pub fn settle(&self, disk: &dyn Disk, dir: &Path) -> Result<(), KeyError> {
        let mut edit = self.edit(disk, dir)?;
        edit.machine = MachineId::read(disk).mark(&self.ring.root);
        let slots = edit.header.slots().to_vec();
        edit.put(&self.ring, slots)
    }

    /// Puts one slot in the place of all that are of its kind, or behind the others.
    fn replace(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        way: Way,
        make: impl FnOnce(Bound, &Keys) -> Result<KnownSlot, KeyError>,
    ) -> Result<(), KeyError> {
        let edit = self.edit(disk, dir)?;
        let made = Slot::Known(make(edit.header.bound(), &edit.keys)?);
        let mut slots = edit.header.slots().to_vec();
        let at = slots.iter().position(|slot| slot.way() == way).unwrap_or(slots.len());
        slots.retain(|slot| slot.way() != way);
        slots.insert(at.min(slots.len()), made);
        // A key that lies in the clear protects nothing, whatever stands beside it.
        if way != Way::Recovery {
            slots.retain(|slot| slot.way() != Way::Unprotected);
        }
        edit.put(&self.ring, slots)
    }

    /// The header as it is now, for this process to change.
    fn edit<'a>(&self, disk: &'a dyn Disk, dir: &'a Path) -> Result<Edit<'a>, KeyError> {
        let lock = disk.lock(&dir.join(LOCK)).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => KeyError::Busy(dir.to_owned()),
            _ => KeyError::disk(dir, error),
        })?;
        let header = Profile::open(disk, dir)?.header;
        let changed = || KeyError::Changed(dir.to_owned());
        // A rotation that failed half-way has left a key of ours that does not seal yet.
        let keys = self.ring.keys(header.generation()).ok_or_else(changed)?;
        let (ring, machine) = header.ring(&keys.data_key).ok_or_else(changed)?;
        let mut known = self.ring.generations();
        known.retain(|generation| *generation <= keys.generation);
        if ring.id != self.id() || ring.generations() != known {
            return Err(changed());
        }
        Ok(Edit { disk, dir, header, keys, machine, _lock: lock })
    }
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlocked({})", self.id())
    }
}

/// A change of the header, under its lock.
struct Edit<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    header: Header,
    /// What the header leads to, or will.
    keys: Keys,
    machine: Option<[u8; 32]>,
    _lock: DiskLock,
}

impl Edit<'_> {
    fn put(&self, ring: &Ring, slots: Vec<Slot>) -> Result<(), KeyError> {
        let oldest = *ring.generations().first().expect("a ring has a generation");
        self.put_from(ring, oldest, slots)
    }

    fn put_from(&self, ring: &Ring, oldest: Generation, slots: Vec<Slot>) -> Result<(), KeyError> {
        let header = Header::new(ring, oldest, &self.keys, slots, self.machine)?;
        write(self.disk, self.dir, &header)?;
        ring.go_over_to(self.keys.generation);
        Ok(())
    }
}

/// Writes the header and its twin, each durable before the next is touched.
pub(super) fn write(disk: &dyn Disk, dir: &Path, header: &Header) -> Result<(), KeyError> {
    let bytes = header.encode();
    for file in FILES {
        let path = dir.join(file);
        disk::replace(disk, &path, &bytes).map_err(|error| KeyError::disk(&path, error))?;
    }
    Ok(())
}

/// The name under which a keychain keeps a profile's secret.
pub(super) fn account(id: ProfileId) -> String {
    format!("profile {id}")
}
