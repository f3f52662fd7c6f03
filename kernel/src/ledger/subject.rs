//! Evidence that can be made unreadable without touching the ledger.
//!
//! Evidence is sealed under a random key of its subject, and the ledger has the hash of the sealed
//! bytes. When the key is destroyed the bytes say nothing more, and their hash, the entry and every
//! proof stay as they are.
//!
//! The file has a slot of equal length for each subject, sealed with its number; destroying a key
//! overwrites its slot in place and syncs. A drive that writes elsewhere instead keeps old bytes
//! for a while, sealed under the profile's key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::entry::{EvidenceHash, SubjectHash};
use super::{LedgerError, wrap};
use crate::disk::{self, Disk, DiskFile, Open};
use crate::keys::{self, DATA_KEY_OVERHEAD, Opener, SEAL_OVERHEAD_MAX, Sealer, Unlocked};

/// A slot's length: the subject and its key, sealed.
const SLOT: usize = 64 + SEAL_OVERHEAD_MAX;
/// 100 MB of slots; a file that is longer was not written here.
const SLOTS_MAX: u64 = 1 << 20;
const PURPOSE: &str = "hearth 2026-11 ledger subject keys";
const PEPPER: &str = "hearth 2026-11 ledger subject hash";

/// The keys of subjects; see the module.
pub struct SubjectKeys {
    path: PathBuf,
    sealer: Sealer,
    pepper: Zeroizing<[u8; 32]>,
    slots: Mutex<Slots>,
}

struct Slots {
    file: Arc<dyn DiskFile>,
    keys: BTreeMap<SubjectHash, (u64, Zeroizing<[u8; 32]>)>,
    /// Slots that hold no key, or none that can be read.
    free: Vec<u64>,
    damaged: u64,
    next: u64,
}

/// Evidence as it may be stored anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEvidence {
    /// What the ledger keeps: BLAKE3 of the bytes.
    pub hash: EvidenceHash,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl SubjectKeys {
    /// Reads the keys in the file `path`, making it if it is missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(disk: &dyn Disk, path: &Path, profile: &Unlocked) -> Result<Self, LedgerError> {
        let file = match disk.open(path, Open::Write) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let file = disk.open(path, Open::CreateNew).map_err(wrap(path))?;
                disk.sync_dir(path.parent().unwrap_or(Path::new("."))).map_err(wrap(path))?;
                file
            }
            opened => opened.map_err(wrap(path))?,
        };
        let slots = Slots::read(file, &profile.opener(PURPOSE)).map_err(wrap(path))?;
        Ok(Self {
            path: path.to_owned(),
            sealer: profile.sealer(PURPOSE),
            pepper: profile.derive(PEPPER),
            slots: Mutex::new(slots),
        })
    }

    /// The hash under which the ledger knows a subject: a path, a name, an address. It is keyed
    /// by the profile, so that nobody else can try what it might be.
    #[must_use]
    pub fn subject(&self, subject: &[u8]) -> SubjectHash {
        SubjectHash(*blake3::keyed_hash(&self.pepper, subject).as_bytes())
    }

    /// Seals evidence under the subject's key, making one, durably, if there is none.
    ///
    /// # Errors
    /// What the disk says, or the generator of random bytes.
    pub fn seal(
        &self,
        subject: SubjectHash,
        evidence: &[u8],
    ) -> Result<SealedEvidence, LedgerError> {
        let mut slots = self.slots();
        let key = match slots.keys.get(&subject) {
            Some((_, key)) => key.clone(),
            None => self.add(&mut slots, subject)?,
        };
        drop(slots);
        let mut bytes = Vec::with_capacity(evidence.len() + 40);
        keys::seal_with(&cipher(&key), &subject.0, evidence, &mut bytes)?;
        Ok(SealedEvidence { hash: EvidenceHash(*blake3::hash(&bytes).as_bytes()), bytes })
    }

    /// The evidence again; `None` when it is another's, was altered, or its key is destroyed.
    #[must_use]
    pub fn open_evidence(
        &self,
        subject: SubjectHash,
        hash: EvidenceHash,
        bytes: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        if blake3::hash(bytes).as_bytes() != &hash.0 {
            return None;
        }
        let key = self.slots().keys.get(&subject)?.1.clone();
        keys::open_with(&cipher(&key), &subject.0, bytes)
    }

    /// Seals every key under the one that seals now, in a new file in the place of the old. Not for
    /// the UI thread.
    ///
    /// # Errors
    /// What the disk says; the old file is then still used.
    pub fn seal_anew(&self, disk: &dyn Disk) -> Result<(), LedgerError> {
        let mut slots = self.slots();
        let mut bytes = vec![0; slots.next as usize * SLOT];
        for (subject, (slot, key)) in &slots.keys {
            let at = *slot as usize * SLOT;
            bytes[at..at + SLOT].copy_from_slice(&self.sealed(*slot, *subject, key)?);
        }
        disk::replace(disk, &self.path, &bytes).map_err(wrap(&self.path))?;
        slots.file = disk.open(&self.path, Open::Write).map_err(wrap(&self.path))?;
        Ok(())
    }

    /// A slot's bytes.
    fn sealed(
        &self,
        slot: u64,
        subject: SubjectHash,
        key: &[u8; 32],
    ) -> Result<Vec<u8>, LedgerError> {
        let plain = Zeroizing::new([&subject.0[..], key].concat());
        let mut sealed = Vec::with_capacity(SLOT);
        self.sealer.seal(&slot.to_le_bytes(), &plain, &mut sealed)?;
        sealed.resize(SLOT, 0);
        Ok(sealed)
    }

    /// Destroys the subject's key. Whether there was one.
    ///
    /// # Errors
    /// What the disk says; the key may then still be there, so it is still used.
    pub fn shred(&self, subject: SubjectHash) -> Result<bool, LedgerError> {
        let mut slots = self.slots();
        let Some(&(slot, _)) = slots.keys.get(&subject) else { return Ok(false) };
        slots.file.write_all_at(slot * SLOT as u64, &[0; SLOT]).map_err(wrap(&self.path))?;
        slots.file.sync().map_err(wrap(&self.path))?;
        slots.keys.remove(&subject);
        slots.free.push(slot);
        Ok(true)
    }

    /// Slots whose bytes were damaged: what was sealed under those keys is lost.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.slots().damaged
    }

    fn add(
        &self,
        slots: &mut Slots,
        subject: SubjectHash,
    ) -> Result<Zeroizing<[u8; 32]>, LedgerError> {
        let key = Zeroizing::new(keys::random::<32>()?);
        let slot = slots.free.last().copied().unwrap_or(slots.next);
        let sealed = self.sealed(slot, subject, &key)?;
        slots.file.write_all_at(slot * SLOT as u64, &sealed).map_err(wrap(&self.path))?;
        slots.file.sync().map_err(wrap(&self.path))?;
        if slots.free.pop().is_none() {
            slots.next += 1;
        }
        slots.keys.insert(subject, (slot, key.clone()));
        Ok(key)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn read(file: Arc<dyn DiskFile>, opener: &Opener) -> std::io::Result<Self> {
        let bytes = Zeroizing::new(disk::read_file(&*file, SLOTS_MAX as usize * SLOT)?);
        let mut slots = Self { file, keys: BTreeMap::new(), free: Vec::new(), damaged: 0, next: 0 };
        for sealed in bytes.chunks(SLOT) {
            let slot = slots.next;
            slots.next += 1;
            // A slot's seal is shorter than the slot, which has room for either mode.
            let used = sealed
                .get(..64 + DATA_KEY_OVERHEAD)
                .and_then(|it| opener.open(&slot.to_le_bytes(), it));
            match used.as_deref().and_then(|plain| plain.split_first_chunk::<32>()) {
                Some((subject, key)) => {
                    let key = Zeroizing::new(key.try_into().expect("32 bytes are left of 64"));
                    slots.keys.insert(SubjectHash(*subject), (slot, key));
                }
                None => {
                    slots.damaged += u64::from(sealed.iter().any(|&byte| byte != 0));
                    slots.free.push(slot);
                }
            }
        }
        Ok(slots)
    }
}

impl fmt::Debug for SubjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKeys({} of {})", self.slots().keys.len(), self.path.display())
    }
}

fn cipher(key: &[u8; 32]) -> keys::Cipher {
    keys::Cipher::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;
    use crate::keys::{Profile, Protection};

    fn profile(disk: &SimDisk) -> Unlocked {
        Profile::create(disk, Path::new("p"), Protection::Unprotected).unwrap()
    }

    #[test]
    fn evidence_is_unreadable_once_its_key_is_destroyed_and_other_evidence_stays() {
        let disk = SimDisk::new(1);
        let profile = profile(&disk);
        let open = || SubjectKeys::open(&disk, Path::new("p/subjects"), &profile).unwrap();
        let keys = open();
        let (one, two) = (keys.subject(b"/home/one"), keys.subject(b"/home/two"));
        assert_ne!(one, two);
        let first = keys.seal(one, b"what one did").unwrap();
        let second = keys.seal(two, b"what two did").unwrap();
        disk.cut_power();
        let keys = open();
        assert_eq!(keys.subject(b"/home/one"), one);
        let read = keys.open_evidence(one, first.hash, &first.bytes).unwrap();
        assert_eq!(*read, b"what one did");
        assert!(keys.open_evidence(two, first.hash, &first.bytes).is_none());
        assert!(keys.shred(one).unwrap() && !keys.shred(one).unwrap());
        disk.cut_power();
        for keys in [keys, open()] {
            assert!(keys.open_evidence(one, first.hash, &first.bytes).is_none());
            assert_eq!(blake3::hash(&first.bytes).as_bytes(), &first.hash.0);
            assert!(keys.open_evidence(two, second.hash, &second.bytes).is_some());
            assert_eq!(keys.damaged(), 0);
        }
        // A new key for the same subject opens nothing of the old.
        let keys = open();
        keys.seal(one, b"later").unwrap();
        assert!(keys.open_evidence(one, first.hash, &first.bytes).is_none());
    }

    #[test]
    fn keys_that_are_sealed_anew_open_when_the_old_key_is_forgotten() {
        let disk = SimDisk::new(1);
        let profile = profile(&disk);
        let path = Path::new("p/subjects");
        let keys = SubjectKeys::open(&disk, path, &profile).unwrap();
        let (one, two) = (keys.subject(b"one"), keys.subject(b"two"));
        let (first, second) = (keys.seal(one, b"x").unwrap(), keys.seal(two, b"y").unwrap());
        keys.shred(one).unwrap();
        profile.rotate(&disk, Path::new("p")).unwrap();
        keys.seal_anew(&disk).unwrap();
        profile.forget_old(&disk, Path::new("p")).unwrap();
        for keys in [&keys, &SubjectKeys::open(&disk, path, &profile).unwrap()] {
            assert_eq!(*keys.open_evidence(two, second.hash, &second.bytes).unwrap(), b"y");
            assert!(keys.open_evidence(one, first.hash, &first.bytes).is_none());
            assert_eq!(keys.damaged(), 0);
        }
        keys.seal(one, b"later").unwrap();
        let again = SubjectKeys::open(&disk, path, &profile).unwrap();
        assert_eq!(again.slots().keys.len(), 2);
    }

    #[test]
    fn a_flip_costs_one_key_and_is_counted() {
        let disk = SimDisk::new(1);
        let profile = profile(&disk);
        let path = Path::new("p/subjects");
        let keys = SubjectKeys::open(&disk, path, &profile).unwrap();
        let subjects: Vec<_> = (0..5_u8).map(|at| keys.subject(&[at])).collect();
        let sealed: Vec<_> = subjects.iter().map(|&it| keys.seal(it, b"x").unwrap()).collect();
        disk.flip_bit(path, 2 * SLOT as u64 + 30, 5);
        let keys = SubjectKeys::open(&disk, path, &profile).unwrap();
        assert_eq!(keys.damaged(), 1);
        let read = |at: usize| keys.open_evidence(subjects[at], sealed[at].hash, &sealed[at].bytes);
        let readable: Vec<bool> = (0..5).map(|at| read(at).is_some()).collect();
        assert_eq!(readable, [true, true, false, true, true]);
    }
}
