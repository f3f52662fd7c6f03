//! The profile: what guards it, whether it opens here, whether it is this machine's.

use std::path::Path;
use std::time::Duration;

use kernel::disk::RealDisk;
use kernel::keys::{Origin, Unlocked};

use super::{Check, within};
use crate::directories::Directories;
use crate::profile::{self, Guard, Keys};

/// How long a keychain, or a passphrase to be stretched, is waited for.
const UNLOCK_MAX: Duration = Duration::from_secs(15);

/// What was found of the profile.
pub(super) struct Looked {
    pub(super) check: Check,
    pub(super) guard: Option<Guard>,
    /// Its keys, where they are at hand.
    pub(super) keys: Option<Unlocked>,
}

/// Looks at it, and opens it with what is at hand: nobody is asked for a passphrase.
pub(super) fn look(directories: &Directories) -> Looked {
    let name = "profile";
    let guard = match profile::guard(&RealDisk, directories) {
        Ok(Some(guard)) => guard,
        Ok(None) => {
            let check = Check::well(name, "there is none yet; `hearth init` makes one");
            return Looked { check, guard: None, keys: None };
        }
        Err(fault) => {
            let check = Check::ill(name, fault.sentence, "restore the profile from a backup");
            return Looked { check, guard: None, keys: None };
        }
    };
    let check = told(directories, guard, &directories.profile());
    let (check, keys) = match open(directories.clone()) {
        Ok(keys) if keys.origin() == Origin::Elsewhere => {
            let detail = format!("{}; it was last used on another machine", check.detail);
            let remedy = "use it on one of the two only, and start Hearth here if it is this one";
            (Check::ill(name, detail, remedy), Some(keys))
        }
        Ok(keys) => (check, Some(keys)),
        Err(reason) => {
            let detail = format!("{}; locked here: {reason}", check.detail);
            (Check { detail, ..check }, None)
        }
    };
    Looked { check, guard: Some(guard), keys }
}

fn open(directories: Directories) -> Result<Unlocked, String> {
    let file = profile::passphrase_file();
    let opened =
        within(UNLOCK_MAX, move || profile::open_or_make(&RealDisk, &directories, file.as_deref()));
    match opened {
        Some(Ok(opened)) => match opened.keys {
            Keys::Open(keys) => Ok(keys),
            Keys::Sealed { reason, .. } => Err(reason.sentence),
        },
        Some(Err(fault)) => Err(fault.sentence),
        None => Err(format!("it did not open within {} s", UNLOCK_MAX.as_secs())),
    }
}

/// What guards it.
fn told(directories: &Directories, guard: Guard, place: &Path) -> Check {
    let (name, place) = ("profile", place.display());
    match guard {
        Guard::Passphrase => Check::well(name, format!("{place}, guarded by a passphrase")),
        Guard::Credential => Check::well(
            name,
            format!(
                "{place}, sealed with a generated passphrase in {}, which only you can read",
                directories.credential().display()
            ),
        )
        .or("keep that file out of what others can read; `hearth profile passphrase` sets a \
             passphrase of your own, `hearth profile keychain` uses the system's keychain"),
        Guard::Keychain => Check::well(name, format!("{place}, guarded by the system's keychain")),
        Guard::Nothing => Check::ill(
            name,
            format!("{place}, unprotected, as its owner chose"),
            "guard it with `hearth profile passphrase`",
        ),
        Guard::Foreign => Check::ill(
            name,
            format!("{place}, guarded by something that this version does not know"),
            "update Hearth",
        ),
    }
}
