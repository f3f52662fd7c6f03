//! A profile's keys.
//!
//! A random data key seals everything. The header leads to it once per *slot*, each in another way:
//! a passphrase, the system's keychain, twelve words on paper. An X25519 pair stands beside it: the
//! public half seals what is written while the profile is locked. Rotation puts a new *generation*
//! of both in front without stopping work.
//!
//! - [`Profile`] makes and opens profiles; [`Locked`] seals and opens nothing; [`Unlocked`] does
//!   both, and changes the slots and the keys.
//! - [`Sealer`] and [`Opener`] are what other rooms get, each for a purpose of its own.
//!
//! Invariants: no key and no passphrase can be printed, each is wiped when it is dropped, and
//! nonces are random, never a counter that a restored copy could repeat.

mod cipher;
mod header;
mod keychain;
mod machine;
mod passphrase;
mod recovery;
mod ring;
mod seal;
mod slot;
mod unlocked;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub(crate) use cipher::Cipher;
pub use keychain::{Keychain, KeychainError};
pub use machine::Origin;
pub use passphrase::Passphrase;
pub use recovery::RecoveryWords;
pub use ring::Generation;
pub use seal::{DATA_KEY_OVERHEAD, Opener, SEAL_OVERHEAD_MAX, Sealer};
pub(crate) use seal::{open_with, seal_with};
pub use slot::KdfCost;
pub use unlocked::Unlocked;

use crate::disk::{self, Disk};
use header::Header;
use machine::MachineId;
use ring::Ring;
use slot::{Bound, KnownSlot, Plain, Slot, Stretched};

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Where the header lies in the profile's folder, and its twin, should one of them be damaged.
const FILES: [&str; 2] = ["profile", "profile.copy"];

/// Two headers of a usual size would be 6 KiB.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// Who a profile is: random, and bound into every seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileId(pub [u8; 16]);

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&header::to_hex(&self.0))
    }
}

/// How a new profile's data key is kept.
pub enum Protection {
    /// Wrapped by a passphrase, stretched at the usual [`KdfCost`].
    Passphrase(Passphrase),
    /// Wrapped by a passphrase, stretched at a cost of the caller's choice.
    PassphraseAt(Passphrase, KdfCost),
    /// In the clear: whoever can read the folder can read everything. Only by the owner's
    /// explicit choice, which the header records.
    Unprotected,
}

/// A way to unlock a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// [`Locked::unlock`] with the passphrase.
    Passphrase,
    /// [`Locked::unlock_from`] the system's keychain.
    Keychain,
    /// [`Locked::recover`] with the twelve words.
    Recovery,
    /// [`Locked::unlock_unprotected`].
    Unprotected,
    /// One that this build does not know.
    Foreign,
}

/// Makes and opens profiles.
#[derive(Debug)]
pub struct Profile;

impl Profile {
    /// Makes a profile in `dir`, making the folder if needed. When it returns, the header and its
    /// twin are durable.
    ///
    /// # Errors
    /// [`KeyError::Exists`] rather than replacing a profile; else what the disk or the system's
    /// source of randomness says.
    pub fn create(
        disk: &dyn Disk,
        dir: &Path,
        protection: Protection,
    ) -> Result<Unlocked, KeyError> {
        disk.create_dir(dir).map_err(|error| KeyError::disk(dir, error))?;
        let names = disk.list(dir).map_err(|error| KeyError::disk(dir, error))?;
        if FILES.iter().any(|file| names.iter().any(|name| name == file)) {
            return Err(KeyError::Exists(dir.to_owned()));
        }
        let ring = Ring::random(ProfileId(random()?))?;
        let keys = ring.current_keys();
        let bound = Bound { id: ring.id, generation: keys.generation };
        let stretched = |passphrase: &Passphrase, cost| {
            Stretched::new(passphrase, cost, bound, &keys.data_key).map(KnownSlot::Passphrase)
        };
        let slot = match protection {
            Protection::Passphrase(words) => stretched(&words, KdfCost::default())?,
            Protection::PassphraseAt(words, cost) => stretched(&words, cost)?,
            Protection::Unprotected => KnownSlot::Unprotected(Plain::new(&keys.data_key)),
        };
        let machine = MachineId::read(disk).mark(&ring.root);
        let slots = vec![Slot::Known(slot)];
        let header = Header::new(&ring, keys.generation, &keys, slots, machine)?;
        unlocked::write(disk, dir, &header)?;
        Ok(Unlocked::new(ring, Origin::Here))
    }

    /// Reads the header of the profile in `dir`, from its twin if the first is damaged.
    ///
    /// # Errors
    /// [`KeyError::Missing`], [`KeyError::Damaged`], [`KeyError::Newer`], or what the disk says.
    pub fn open(disk: &dyn Disk, dir: &Path) -> Result<Locked, KeyError> {
        let mut first_error = None;
        for file in FILES {
            let path = dir.join(file);
            let read = disk::read(disk, &path, HEADER_BYTES_MAX);
            let found = match read {
                Ok(bytes) => Header::decode(&bytes, &path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(KeyError::Missing(dir.to_owned()))
                }
                Err(error) => Err(KeyError::disk(&path, error)),
            };
            match found {
                Ok(header) => return Ok(Locked { header, path, machine: MachineId::read(disk) }),
                // A damaged file tells more than a missing twin.
                Err(error) => match first_error {
                    None | Some(KeyError::Missing(_)) => first_error = Some(error),
                    Some(_) => {}
                },
            }
        }
        Err(first_error.expect("both names were tried, and neither gave a header"))
    }
}

/// A profile whose data key is still wrapped: it can seal, and open nothing.
pub struct Locked {
    /// As it was read.
    header: Header,
    /// The file that it was read from.
    path: PathBuf,
    machine: MachineId,
}

impl Locked {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ProfileId {
        self.header.id()
    }

    /// The ways to unlock it, in the header's order.
    #[must_use]
    pub fn ways(&self) -> Vec<Way> {
        self.header.slots().iter().map(Slot::way).collect()
    }

    /// The generation that seals, by the header.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.header.generation()
    }

    /// Seals to the public half; only the unlocked profile opens it again.
    ///
    /// # Errors
    /// When the system gives no randomness, or the public half is not a usable point.
    pub fn sealer(&self, purpose: &'static str) -> Result<Sealer, KeyError> {
        let header = &self.header;
        Sealer::for_public(self.id(), header.generation(), header.public(), purpose)
    }

    /// Unwraps the data key. It takes about 0.1 s and the header's 64 MiB: not for the UI thread.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`], [`KeyError::NoSlot`], or [`KeyError::Damaged`].
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<Unlocked, KeyError> {
        self.stretch(passphrase, |slot| match slot {
            KnownSlot::Passphrase(slot) => Some(slot),
            _ => None,
        })
    }

    /// Unwraps the data key with the words that [`Unlocked::set_recovery`] gave; as slow as
    /// [`Locked::unlock`].
    ///
    /// # Errors
    /// [`KeyError::WrongWords`], [`KeyError::NoSlot`], or [`KeyError::Damaged`].
    pub fn recover(&self, words: &RecoveryWords) -> Result<Unlocked, KeyError> {
        let found = self.stretch(&words.passphrase(), |slot| match slot {
            KnownSlot::Recovery(slot) => Some(slot),
            _ => None,
        });
        found.map_err(|error| match error {
            KeyError::WrongPassphrase => KeyError::WrongWords,
            other => other,
        })
    }

    /// Takes the data key with what the system's keychain holds. It may wait for a person: not for
    /// the UI thread.
    ///
    /// # Errors
    /// [`KeyError::Keychain`], [`KeyError::NoSlot`], or [`KeyError::Damaged`].
    pub fn unlock_from(&self, keychain: &dyn Keychain) -> Result<Unlocked, KeyError> {
        let slot = self.header.known_slots().find_map(|slot| match slot {
            KnownSlot::Keychain(slot) => Some(slot),
            _ => None,
        });
        let slot = slot.ok_or(KeyError::NoSlot)?;
        let kept = keychain.get(&unlocked::account(self.id())).map_err(KeyError::Keychain)?;
        // A secret of another length or profile is as good as none.
        let missing = || KeyError::Keychain(KeychainError::Missing);
        let secret = Zeroizing::new(kept[..].try_into().map_err(|_| missing())?);
        self.open_with(&slot.open(&secret, self.header.bound()).ok_or_else(missing)?)
    }

    /// Takes the data key of a profile whose owner chose to leave it unprotected.
    ///
    /// # Errors
    /// [`KeyError::NoSlot`] for a profile that is protected.
    pub fn unlock_unprotected(&self) -> Result<Unlocked, KeyError> {
        let found = self.header.known_slots().find_map(|slot| match slot {
            KnownSlot::Unprotected(slot) => Some(slot.key()),
            _ => None,
        });
        self.open_with(&found.ok_or(KeyError::NoSlot)?)
    }

    fn stretch(
        &self,
        passphrase: &Passphrase,
        wanted: fn(&KnownSlot) -> Option<&Stretched>,
    ) -> Result<Unlocked, KeyError> {
        let mut error = KeyError::NoSlot;
        for slot in self.header.known_slots().filter_map(wanted) {
            match slot.open(passphrase, self.header.bound()) {
                Ok(key) => return self.open_with(&key),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    /// Checks that the header belongs to the key before anything is trusted.
    fn open_with(&self, data_key: &Secret) -> Result<Unlocked, KeyError> {
        let damaged = || KeyError::Damaged(self.path.clone());
        let (ring, mark) = self.header.ring(data_key).ok_or_else(damaged)?;
        let origin = self.machine.origin(&ring.root, mark);
        Ok(Unlocked::new(ring, origin))
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locked({}, {:?})", self.id(), self.ways())
    }
}

/// Why a profile could not be made, read or unlocked; each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// There is a profile already.
    Exists(PathBuf),
    /// There is none.
    Missing(PathBuf),
    /// Neither the header nor its twin can be read; the path of the one that was tried.
    Damaged(PathBuf),
    /// A later Hearth wrote it.
    Newer(PathBuf, u32),
    /// The passphrase does not unwrap the key.
    WrongPassphrase,
    /// The twelve words are another profile's.
    WrongWords,
    /// The word at this place, counted from 1, is not in the list.
    UnknownWord(usize),
    /// They are not twelve words, or two of them changed places.
    BadWords,
    /// What the system's keychain says.
    Keychain(KeychainError),
    /// The profile has a way to unlock that this build cannot lead to another key.
    ForeignSlot,
    /// It would be the profile's last way to unlock.
    LastSlot,
    /// Another process has changed the keys since they were read.
    Changed(PathBuf),
    /// Another process is changing the header.
    Busy(PathBuf),
    /// The data key was rotated as often as it can be.
    Generations,
    /// The profile has no slot of the kind that was tried.
    NoSlot,
    /// The passphrase is empty or too long, in bytes.
    BadPassphrase(usize),
    /// A file with a passphrase that others can read.
    Exposed(PathBuf),
    /// The cost of the key derivation is not one that can be paid.
    Cost(KdfCost),
    /// The system gave no random bytes.
    Random,
    /// The disk's own answer for a path.
    Disk(PathBuf, io::Error),
}

impl KeyError {
    fn disk(path: &Path, error: io::Error) -> Self {
        Self::Disk(path.to_owned(), error)
    }

    /// Of the ways to unlock a profile, and of their change.
    fn fmt_change(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongWords => {
                f.write_str("these twelve words are not this profile's: check that they are yours")
            }
            Self::UnknownWord(at) => {
                write!(f, "word {at} is none of the 2048 that there are: check its spelling")
            }
            Self::BadWords => f.write_str(
                "twelve words are needed, in their order: check that none is missing or swapped",
            ),
            Self::Keychain(error) => {
                write!(f, "{error}: unlock with the passphrase or the twelve words")
            }
            Self::ForeignSlot => f.write_str(
                "a later Hearth gave this profile a way to unlock that this one cannot renew: \
                 update it",
            ),
            Self::LastSlot => f.write_str(
                "nothing else unlocks this profile: give it another way before this one goes",
            ),
            Self::Changed(dir) => write!(
                f,
                "another process has changed the keys of the profile in {}: restart Hearth",
                dir.display()
            ),
            Self::Busy(dir) => write!(
                f,
                "another process is changing the profile in {}: try again when it has ended",
                dir.display()
            ),
            Self::Generations => f.write_str(
                "the data key cannot be rotated again before old records are sealed anew",
            ),
            _ => unreachable!("the other kinds are told by their caller"),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(dir) => write!(
                f,
                "there is a profile in {} already: unlock it, or set HEARTH_HOME to another folder",
                dir.display()
            ),
            Self::Missing(dir) => {
                write!(f, "there is no profile in {}: make one with `hearth init`", dir.display())
            }
            Self::Damaged(path) => write!(
                f,
                "the profile header {} and its copy are damaged: restore either from a backup",
                path.display()
            ),
            Self::Newer(path, version) => write!(
                f,
                "{} has format {version}, which a later Hearth wrote: update this one",
                path.display()
            ),
            Self::WrongPassphrase => {
                f.write_str("the passphrase does not unlock this profile: try it again")
            }
            Self::NoSlot => f.write_str(
                "this profile cannot be unlocked that way: `hearth doctor` shows what it needs",
            ),
            Self::BadPassphrase(len) => write!(
                f,
                "a passphrase has 1 to {} bytes, this one has {len}: choose another",
                Passphrase::BYTES_MAX
            ),
            Self::Exposed(path) => write!(
                f,
                "{} can be read by others: run `chmod 600` on it, and own it",
                path.display()
            ),
            Self::Cost(cost) => {
                write!(f, "a key derivation of {cost:?} is outside the limits: lower it")
            }
            Self::Random => f.write_str("the system gives no random bytes: restart the machine"),
            Self::Disk(path, error) => write!(
                f,
                "{} could not be used ({error}): check the folder and its rights",
                path.display()
            ),
            other => other.fmt_change(f),
        }
    }
}

impl std::error::Error for KeyError {}

/// `N` bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    const CHEAP: KdfCost = KdfCost { passes: 1, memory_kib: 64, lanes: 1 };

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text.as_bytes()).unwrap()
    }

    fn made(disk: &SimDisk) -> Unlocked {
        let protection = Protection::PassphraseAt(phrase("open sesame"), CHEAP);
        Profile::create(disk, Path::new("p"), protection).unwrap()
    }

    #[test]
    fn the_right_passphrase_alone_unlocks() {
        let disk = SimDisk::new(1);
        let first = made(&disk);
        let mut sealed = Vec::new();
        first.sealer("t").seal(b"stream", b"text", &mut sealed).unwrap();
        disk.cut_power();
        let locked = Profile::open(&disk, Path::new("p")).unwrap();
        assert_eq!(locked.ways(), [Way::Passphrase]);
        assert!(matches!(locked.unlock(&phrase("x")), Err(KeyError::WrongPassphrase)));
        assert!(matches!(locked.unlock_unprotected(), Err(KeyError::NoSlot)));
        let again = locked.unlock(&phrase("open sesame")).unwrap();
        assert_eq!(*again.opener("t").open(b"stream", &sealed).unwrap(), b"text");
        assert!(again.opener("other").open(b"stream", &sealed).is_none());
        assert!(again.opener("t").open(b"another", &sealed).is_none());
    }

    #[test]
    fn what_is_sealed_while_locked_opens_after_unlocking() {
        let disk = SimDisk::new(1);
        drop(made(&disk));
        let locked = Profile::open(&disk, Path::new("p")).unwrap();
        let (sealer, mut one, mut two) = (locked.sealer("t").unwrap(), Vec::new(), Vec::new());
        sealer.seal(b"a", b"typed", &mut one).unwrap();
        sealer.seal(b"a", b"typed", &mut two).unwrap();
        assert_ne!(one, two);
        let opener = locked.unlock(&phrase("open sesame")).unwrap().opener("t");
        assert_eq!(*opener.open(b"a", &one).unwrap(), b"typed");
        assert_eq!(*opener.open(b"a", &two).unwrap(), b"typed");
        for at in 0..one.len() {
            let mut bad = one.clone();
            bad[at] ^= 1;
            assert!(opener.open(b"a", &bad).is_none(), "a flip at {at} was not noticed");
        }
    }

    #[test]
    fn unprotected_is_recorded_and_opens_without_a_passphrase() {
        let disk = SimDisk::new(1);
        Profile::create(&disk, Path::new("p"), Protection::Unprotected).unwrap();
        let locked = Profile::open(&disk, Path::new("p")).unwrap();
        assert_eq!(locked.ways(), [Way::Unprotected]);
        locked.unlock_unprotected().unwrap();
        assert!(matches!(locked.unlock(&phrase("x")), Err(KeyError::NoSlot)));
    }

    #[test]
    fn a_profile_is_never_replaced() {
        let disk = SimDisk::new(1);
        made(&disk);
        let again = Profile::create(&disk, Path::new("p"), Protection::Unprotected);
        assert!(matches!(again, Err(KeyError::Exists(_))));
    }

    #[test]
    fn one_damaged_header_is_read_from_its_twin_and_two_are_named() {
        let disk = SimDisk::new(1);
        made(&disk);
        disk.flip_bit(Path::new("p/profile"), 100, 3);
        let locked = Profile::open(&disk, Path::new("p")).unwrap();
        locked.unlock(&phrase("open sesame")).unwrap();
        disk.flip_bit(Path::new("p/profile.copy"), 100, 3);
        let error = Profile::open(&disk, Path::new("p")).unwrap_err();
        assert!(matches!(error, KeyError::Damaged(_)), "{error}");
    }

    #[test]
    fn any_power_cut_while_creating_leaves_no_profile_or_a_whole_one() {
        for after in 0..40 {
            let disk = SimDisk::new(after);
            disk.crash_after(after);
            let protection = Protection::PassphraseAt(phrase("x"), CHEAP);
            let made = Profile::create(&disk, Path::new("p"), protection);
            disk.cut_power();
            match Profile::open(&disk, Path::new("p")) {
                Ok(locked) => drop(locked.unlock(&phrase("x")).unwrap()),
                Err(KeyError::Missing(_)) => assert!(made.is_err(), "an answer was not durable"),
                Err(error) => panic!("after {after} steps: {error}"),
            }
        }
    }

    #[test]
    fn nothing_secret_can_be_printed() {
        let disk = SimDisk::new(1);
        let unlocked = made(&disk);
        assert_eq!(format!("{unlocked:?}"), format!("Unlocked({})", unlocked.id()));
        assert_eq!(format!("{:?}", phrase("open sesame")), "Passphrase(..)");
    }
}
