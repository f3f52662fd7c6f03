//! A profile's keys.
//!
//! A random data key seals everything. It lies in the profile's header once per *slot*, each slot
//! wrapping it in another way. An X25519 pair stands beside it: the public half seals what is
//! written while the profile is locked, the private half is itself sealed under the data key.
//!
//! Invariants: no key and no passphrase can be printed, each is wiped when it is dropped, and
//! nonces are random, never a counter that a restored copy could repeat.

mod header;
mod passphrase;
mod seal;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub use header::KdfCost;
pub use passphrase::Passphrase;
pub use seal::{Opener, SEAL_OVERHEAD_MAX, Sealer};
pub(crate) use seal::{open_with, seal_with};

use crate::disk::{self, Disk};
use header::{Header, PassphraseSlot, Slot, UnprotectedSlot};

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Where the header lies in the profile's folder, and its twin, should one of them be damaged.
const FILES: [&str; 2] = ["profile", "profile.copy"];

/// Two headers of a usual size would be 3 KiB.
const HEADER_BYTES_MAX: usize = 256 * 1024;

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

/// What an existing profile needs before it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionKind {
    /// [`Locked::unlock`] with the passphrase.
    Passphrase,
    /// [`Locked::unlock_unprotected`].
    Unprotected,
    /// Only kinds of slots that this build does not know.
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
        let id = ProfileId(random()?);
        let data_key: Secret = Zeroizing::new(random()?);
        let private = StaticSecret::from(*Zeroizing::new(random::<32>()?));
        let public = PublicKey::from(&private).to_bytes();
        let slot = match protection {
            Protection::Passphrase(passphrase) => {
                PassphraseSlot::wrap(id, &data_key, &passphrase, KdfCost::default())?.into()
            }
            Protection::PassphraseAt(passphrase, cost) => {
                PassphraseSlot::wrap(id, &data_key, &passphrase, cost)?.into()
            }
            Protection::Unprotected => UnprotectedSlot::new(&data_key).into(),
        };
        let header = Header::new(id, public, slot, &data_key, &private)?;
        let bytes = header.encode();
        for file in FILES {
            let path = dir.join(file);
            disk::replace(disk, &path, &bytes).map_err(|error| KeyError::disk(&path, error))?;
        }
        Ok(Unlocked { id, public, data_key, private })
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
                Ok(header) => return Ok(Locked { header, path }),
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
}

impl Locked {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ProfileId {
        self.header.id()
    }

    /// What it needs to open.
    #[must_use]
    pub fn protection(&self) -> ProtectionKind {
        let has = |wanted: fn(&Slot) -> bool| self.header.slots().iter().any(wanted);
        if has(|slot| matches!(slot, Slot::Unprotected(_))) {
            ProtectionKind::Unprotected
        } else if has(|slot| matches!(slot, Slot::Passphrase(_))) {
            ProtectionKind::Passphrase
        } else {
            ProtectionKind::Foreign
        }
    }

    /// Seals to the public half; only the unlocked profile opens it again.
    ///
    /// # Errors
    /// When the system gives no randomness, or the public half is not a usable point.
    pub fn sealer(&self, purpose: &'static str) -> Result<Sealer, KeyError> {
        Sealer::for_public(self.id(), self.header.public(), purpose)
    }

    /// Unwraps the data key. It takes about 0.1 s and the header's 64 MiB: not for the UI thread.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`], [`KeyError::NoSlot`], or [`KeyError::Damaged`].
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<Unlocked, KeyError> {
        let mut error = KeyError::NoSlot;
        for slot in self.header.slots() {
            if let Slot::Passphrase(slot) = slot {
                match slot.unwrap_key(self.id(), passphrase) {
                    Ok(key) => return self.open_with(key),
                    Err(why) => error = why,
                }
            }
        }
        Err(error)
    }

    /// Takes the data key of a profile whose owner chose to leave it unprotected.
    ///
    /// # Errors
    /// [`KeyError::NoSlot`] for a profile that is protected.
    pub fn unlock_unprotected(&self) -> Result<Unlocked, KeyError> {
        let found = self.header.slots().iter().find_map(|slot| match slot {
            Slot::Unprotected(slot) => Some(slot.key()),
            _ => None,
        });
        self.open_with(found.ok_or(KeyError::NoSlot)?)
    }

    /// Checks that the header belongs to the key before anything is trusted.
    fn open_with(&self, data_key: Secret) -> Result<Unlocked, KeyError> {
        let damaged = || KeyError::Damaged(self.path.clone());
        let private = self.header.private(&data_key).ok_or_else(damaged)?;
        let public = PublicKey::from(&private).to_bytes();
        // A public half that somebody swapped would seal typing to a stranger.
        if public != self.header.public() {
            return Err(damaged());
        }
        Ok(Unlocked { id: self.id(), public, data_key, private })
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locked({}, {:?})", self.id(), self.protection())
    }
}

/// A profile that can seal and open.
pub struct Unlocked {
    id: ProfileId,
    public: [u8; 32],
    data_key: Secret,
    private: StaticSecret,
}

impl Unlocked {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> ProfileId {
        self.id
    }

    /// Seals under the data key. `purpose` separates rooms: what one seals, another cannot open.
    #[must_use]
    pub fn sealer(&self, purpose: &'static str) -> Sealer {
        Sealer::for_data_key(self.id, &self.data_key, purpose)
    }

    /// Opens what [`Unlocked::sealer`] or [`Locked::sealer`] sealed for the same purpose.
    #[must_use]
    pub fn opener(&self, purpose: &'static str) -> Opener {
        Opener::new(self.id, &self.data_key, &self.private, self.public, purpose)
    }

    /// A secret of its own for `purpose`, always the same for this profile.
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        seal::derive(purpose, &*self.data_key)
    }
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlocked({})", self.id)
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
        assert_eq!(locked.protection(), ProtectionKind::Passphrase);
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
        assert_eq!(locked.protection(), ProtectionKind::Unprotected);
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
