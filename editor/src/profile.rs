//! The profile's keys at the start of the program.
//!
//! Typing is sealed from the first key on, whatever is known by then. A first start without a
//! passphrase makes one up and keeps it in a credential file that only its owner can read, so that
//! nothing is stored in the clear and nothing is lost; `hearth doctor` says so. A profile that
//! cannot be unlocked now seals to its public key.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kernel::disk::{self, Disk};
use kernel::keys::{KdfCost, KeyError, Locked, Passphrase, Profile, Protection, Unlocked, Way};

use crate::directories::Directories;
use crate::keychain::SystemKeychain;
use crate::registry::{Fault, FaultKind};

/// The variable that names a file with the passphrase.
pub const PASSPHRASE_VARIABLE: &str = "HEARTH_PASSPHRASE_FILE";

/// Stretching is for passphrases that can be guessed; 256 random bits cannot be.
const CREDENTIAL_COST: KdfCost = KdfCost { passes: 1, memory_kib: 64, lanes: 1 };

/// The keys as they are after the start.
pub enum Keys {
    /// They seal and open.
    Open(Unlocked),
    /// They seal to the public key; what was sealed before waits for the unlock.
    Sealed {
        /// The profile.
        locked: Locked,
        /// Why it is locked and what to do, in one sentence.
        reason: Fault,
    },
}

/// What keeps the data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A passphrase that its owner knows.
    Passphrase,
    /// The generated passphrase in the credential file.
    Credential,
    /// The system's keychain.
    Keychain,
    /// Nothing, as its owner chose.
    Nothing,
    /// Something that this build does not know.
    Foreign,
}

impl Guard {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Credential => "credential",
            Self::Keychain => "keychain",
            Self::Nothing => "nothing",
            Self::Foreign => "foreign",
        }
    }
}

/// A profile that was found or made.
pub struct Opened {
    /// Its keys.
    pub keys: Keys,
    /// What keeps them.
    pub guard: Guard,
}

/// Opens the profile, or makes one on a first start. It derives a key, which takes 0.1 s where a
/// passphrase guards it: not for the UI thread.
///
/// # Errors
/// When a first start's passphrase cannot be read, or the header cannot be read or written: there
/// is then no key to seal anything with.
pub fn open_or_make(
    disk: &dyn Disk,
    directories: &Directories,
    passphrase_file: Option<&Path>,
) -> Result<Opened, Fault> {
    match Profile::open(disk, &directories.profile()) {
        Ok(locked) => Ok(open(disk, directories, passphrase_file, locked)),
        Err(KeyError::Missing(_)) => {
            make(disk, directories, passphrase_file).map_err(|error| told(&error))
        }
        Err(error) => Err(told(&error)),
    }
}

/// What guards the profile, without opening it; `None` if there is none.
///
/// # Errors
/// A header that cannot be read.
pub fn guard(disk: &dyn Disk, directories: &Directories) -> Result<Option<Guard>, Fault> {
    match Profile::open(disk, &directories.profile()) {
        Ok(locked) => Ok(Some(guard_of(disk, directories, &locked))),
        Err(KeyError::Missing(_)) => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// Makes a profile with the protection that its owner chose, for `hearth init`.
///
/// # Errors
/// When there is one already, or the disk refuses.
pub fn init(
    disk: &dyn Disk,
    directories: &Directories,
    protection: Protection,
) -> Result<Unlocked, Fault> {
    Profile::create(disk, &directories.profile(), protection).map_err(|error| told(&error))
}

/// The file that [`PASSPHRASE_VARIABLE`] names.
pub fn passphrase_file() -> Option<PathBuf> {
    std::env::var_os(PASSPHRASE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from)
}

/// A key error as a person is told it.
pub fn told(error: &KeyError) -> Fault {
    let kind = match error {
        KeyError::WrongPassphrase | KeyError::WrongWords => FaultKind::Denied,
        KeyError::BadPassphrase(_) | KeyError::UnknownWord(_) | KeyError::BadWords => {
            FaultKind::Usage
        }
        KeyError::Exists(_)
        | KeyError::Missing(_)
        | KeyError::NoSlot
        | KeyError::LastSlot
        | KeyError::Busy(_) => FaultKind::State,
        _ => FaultKind::Machine,
    };
    Fault::told(kind, error)
}

fn guard_of(disk: &dyn Disk, directories: &Directories, locked: &Locked) -> Guard {
    let ways = locked.ways();
    let has = |way| ways.contains(&way);
    if has(Way::Unprotected) {
        Guard::Nothing
    } else if has(Way::Passphrase) && exists(disk, &directories.credential()) {
        Guard::Credential
    } else if has(Way::Keychain) {
        Guard::Keychain
    } else if has(Way::Passphrase) {
        Guard::Passphrase
    } else {
        Guard::Foreign
    }
}

fn exists(disk: &dyn Disk, path: &Path) -> bool {
    !matches!(disk::read(disk, path, Passphrase::BYTES_MAX + 2),
        Err(error) if error.kind() == ErrorKind::NotFound)
}

fn open(
    disk: &dyn Disk,
    directories: &Directories,
    passphrase_file: Option<&Path>,
    locked: Locked,
) -> Opened {
    let guard = guard_of(disk, directories, &locked);
    let credential = directories.credential();
    let unlocked = match guard {
        Guard::Nothing => locked.unlock_unprotected(),
        Guard::Foreign => Err(KeyError::NoSlot),
        Guard::Keychain => match passphrase_file {
            Some(file) if locked.ways().contains(&Way::Passphrase) => {
                Passphrase::from_file(disk, file).and_then(|words| locked.unlock(&words))
            }
            _ => SystemKeychain::open()
                .map_err(KeyError::Keychain)
                .and_then(|keychain| locked.unlock_from(&keychain)),
        },
        Guard::Passphrase | Guard::Credential => {
            let file = match (passphrase_file, guard) {
                (Some(file), _) => Some(file),
                (None, Guard::Credential) => Some(credential.as_path()),
                (None, _) => None,
            };
            match file {
                Some(file) => {
                    Passphrase::from_file(disk, file).and_then(|words| locked.unlock(&words))
                }
                None => {
                    let reason = Fault::state(format!(
                        "The profile is locked: what you type is kept, and what was unsaved comes \
                         back once you unlock it (\"Unlock the profile\" in the palette, or \
                         {PASSPHRASE_VARIABLE} at the next start)."
                    ));
                    return Opened { keys: Keys::Sealed { locked, reason }, guard };
                }
            }
        }
    };
    let keys = match unlocked {
        Ok(unlocked) => Keys::Open(unlocked),
        Err(error) => Keys::Sealed { locked, reason: told(&error) },
    };
    Opened { keys, guard }
}

fn make(
    disk: &dyn Disk,
    directories: &Directories,
    passphrase_file: Option<&Path>,
) -> Result<Opened, KeyError> {
    let (protection, guard) = match passphrase_file {
        Some(file) => {
            (Protection::Passphrase(Passphrase::from_file(disk, file)?), Guard::Passphrase)
        }
        None => {
            let words = credential(disk, &directories.credential())?;
            (Protection::PassphraseAt(words, CREDENTIAL_COST), Guard::Credential)
        }
    };
    let unlocked = Profile::create(disk, &directories.profile(), protection)?;
    Ok(Opened { keys: Keys::Open(unlocked), guard })
}

/// Reads the credential that an interrupted first start left, or writes a new one. It is durable
/// before the profile that needs it is made.
fn credential(disk: &dyn Disk, path: &Path) -> Result<Passphrase, KeyError> {
    match Passphrase::from_file(disk, path) {
        Ok(words) => return Ok(words),
        Err(KeyError::Disk(_, error)) if error.kind() == ErrorKind::NotFound => {}
        // A torn one opens nothing, since its profile was not made yet.
        Err(KeyError::BadPassphrase(_)) => {}
        Err(error) => return Err(error),
    }
    let wrap = |error| KeyError::Disk(path.to_owned(), error);
    disk.create_dir(path.parent().unwrap_or(Path::new("."))).map_err(wrap)?;
    let words = random_words()?;
    disk::replace(disk, path, &words).map_err(wrap)?;
    // Read back, which checks too that nobody else can read it.
    Passphrase::from_file(disk, path)
}

/// 256 random bits in hexadecimal, and a line end.
fn random_words() -> Result<Vec<u8>, KeyError> {
    let mut bits = [0_u8; 32];
    getrandom::fill(&mut bits).map_err(|_| KeyError::Random)?;
    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
    let digits = bits.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]);
    Ok(digits.chain([b'\n']).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::disk::RealDisk;

    fn places() -> (tempfile::TempDir, Directories) {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::under(dir.path(), dir.path().into());
        directories.make().unwrap();
        (dir, directories)
    }

    fn words_file(dir: &Path, words: &str) -> PathBuf {
        let path = dir.join("words");
        std::fs::write(&path, words).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    fn id(opened: &Opened) -> kernel::keys::ProfileId {
        match &opened.keys {
            Keys::Open(unlocked) => unlocked.id(),
            Keys::Sealed { reason, .. } => panic!("locked: {reason}"),
        }
    }

    #[test]
    fn a_first_start_without_a_passphrase_is_sealed_by_a_credential_file() {
        let (_dir, directories) = places();
        let first = open_or_make(&RealDisk, &directories, None).unwrap();
        assert_eq!(first.guard, Guard::Credential);
        let again = open_or_make(&RealDisk, &directories, None).unwrap();
        assert_eq!((again.guard, id(&again)), (Guard::Credential, id(&first)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(directories.credential()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::remove_file(directories.credential()).unwrap();
        let without = open_or_make(&RealDisk, &directories, None).unwrap();
        assert!(matches!(without.keys, Keys::Sealed { .. }));
    }

    #[test]
    fn a_credential_without_its_profile_is_used_again() {
        let (_dir, directories) = places();
        let words = credential(&RealDisk, &directories.credential()).unwrap();
        let opened = open_or_make(&RealDisk, &directories, None).unwrap();
        drop(words);
        id(&opened);
        let text = std::fs::read_to_string(directories.credential()).unwrap();
        assert_eq!(text.trim().len(), 64);
    }

    #[test]
    fn a_passphrase_file_makes_and_opens_the_profile() {
        let (dir, directories) = places();
        let file = words_file(dir.path(), "open sesame\n");
        let first = open_or_make(&RealDisk, &directories, Some(&file)).unwrap();
        assert_eq!(first.guard, Guard::Passphrase);
        let again = open_or_make(&RealDisk, &directories, Some(&file)).unwrap();
        assert_eq!(id(&again), id(&first));
        let none = open_or_make(&RealDisk, &directories, None).unwrap();
        let Keys::Sealed { reason, locked } = none.keys else { panic!("it opened by itself") };
        assert!(reason.sentence.contains(PASSPHRASE_VARIABLE));
        locked.sealer("test").unwrap();
        let wrong = words_file(dir.path(), "open barley\n");
        let wrong = open_or_make(&RealDisk, &directories, Some(&wrong)).unwrap();
        assert!(matches!(wrong.keys, Keys::Sealed { .. }));
    }

    #[test]
    fn a_first_start_with_an_unreadable_passphrase_makes_nothing() {
        let (dir, directories) = places();
        let missing = dir.path().join("nowhere");
        assert!(open_or_make(&RealDisk, &directories, Some(&missing)).is_err());
        assert_eq!(guard(&RealDisk, &directories).unwrap(), None);
    }

    #[test]
    fn an_unprotected_profile_is_its_owners_choice() {
        let (_dir, directories) = places();
        init(&RealDisk, &directories, Protection::Unprotected).unwrap();
        assert_eq!(guard(&RealDisk, &directories).unwrap(), Some(Guard::Nothing));
        assert!(init(&RealDisk, &directories, Protection::Unprotected).is_err());
    }
}
