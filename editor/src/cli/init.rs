//! `hearth init`: makes the profile with the protection that its owner chooses, or checks the
//! passphrase of the one that is there.

use std::io::IsTerminal;

use kernel::disk::{Disk, RealDisk};
use kernel::keys::{Passphrase, Profile, Protection};
use serde_json::json;

use super::invocation::{Form, Protect};
use super::line;
use crate::directories::Directories;
use crate::profile::{self, Guard};
use crate::registry::{Fault, path_to_json};

pub(super) fn run(
    directories: &Directories,
    protect: Protect,
    form: Form,
) -> Result<String, Fault> {
    directories.make()?;
    let disk = RealDisk;
    let (id, text) = match profile::guard(&disk, directories)? {
        None => make(&disk, directories, protect)?,
        Some(guard) => check(&disk, directories, guard, protect)?,
    };
    let path = directories.profile();
    if form == Form::Json {
        let guard = profile::guard(&disk, directories)?.map(word);
        return Ok(line(&json!({ "id": id, "protection": guard, "path": path_to_json(&path) })));
    }
    Ok(text)
}

/// The guard in one word, for programs.
pub(super) fn word(guard: Guard) -> &'static str {
    match guard {
        Guard::Passphrase => "passphrase",
        Guard::Credential => "credential_file",
        Guard::Keychain => "keychain",
        Guard::Nothing => "none",
        Guard::Foreign => "unknown",
    }
}

fn make(
    disk: &dyn Disk,
    directories: &Directories,
    protect: Protect,
) -> Result<(String, String), Fault> {
    let protection = match protect {
        Protect::Nothing => Protection::Unprotected,
        Protect::Passphrase => Protection::Passphrase(passphrase(disk, Asking::Twice)?),
    };
    let id = profile::init(disk, directories, protection)?.id().to_string();
    let path = directories.profile();
    let text = match protect {
        Protect::Passphrase => format!(
            "The profile is made in {}. Without the passphrase nobody can read it, you included.\n",
            path.display()
        ),
        Protect::Nothing => format!(
            "The profile is made in {}, unprotected as you chose: whoever reads that folder reads \
             everything.\n",
            path.display()
        ),
    };
    Ok((id, text))
}

fn check(
    disk: &dyn Disk,
    directories: &Directories,
    guard: Guard,
    protect: Protect,
) -> Result<(String, String), Fault> {
    let path = directories.profile();
    if guard != Guard::Passphrase || protect == Protect::Nothing {
        let kept = match guard {
            Guard::Passphrase => "a passphrase",
            Guard::Credential => "a generated passphrase in its credential file",
            Guard::Keychain => "the system's keychain",
            Guard::Nothing => "nothing, as you chose",
            Guard::Foreign => "something that this version does not know",
        };
        return Err(Fault::state(format!(
            "There is a profile in {} already, guarded by {kept}: change that with `hearth \
             profile`, or set HEARTH_HOME to another folder for a new one.",
            path.display()
        )));
    }
    let locked = Profile::open(disk, &path).map_err(|error| profile::told(&error))?;
    let words = passphrase(disk, Asking::Once)?;
    let unlocked = locked.unlock(&words).map_err(|error| profile::told(&error))?;
    let text = format!("The profile in {} opens with this passphrase.\n", path.display());
    Ok((unlocked.id().to_string(), text))
}

/// How often a passphrase is asked for at the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// It exists already.
    Once,
    /// It is new, and a slip would lock its owner out.
    Twice,
}

/// From the file that `HEARTH_PASSPHRASE_FILE` names, from the terminal, or from a pipe.
pub(super) fn passphrase(disk: &dyn Disk, asking: Asking) -> Result<Passphrase, Fault> {
    let told = |error| profile::told(&error);
    if let Some(file) = profile::passphrase_file() {
        return Passphrase::from_file(disk, &file).map_err(told);
    }
    if !std::io::stdin().is_terminal() {
        return Passphrase::from_reader(std::io::stdin()).map_err(told);
    }
    terminal::ask(asking)
}

#[cfg(unix)]
pub(super) mod terminal {
    use std::io::{Read, Write};

    use kernel::keys::Passphrase;

    use super::Asking;
    use crate::profile;
    use crate::registry::Fault;

    pub(in crate::cli) fn ask(asking: Asking) -> Result<Passphrase, Fault> {
        let first = ask_once(match asking {
            Asking::Once => "Passphrase: ",
            Asking::Twice => "New passphrase: ",
        })?;
        if asking == Asking::Twice && *ask_once("Once more: ")? != *first {
            return Err(Fault::usage("The two differ, so nothing was changed: try it again."));
        }
        Passphrase::from_reader(&first[..]).map_err(|error| profile::told(&error))
    }

    /// Reads a line that is not shown.
    fn ask_once(prompt: &str) -> Result<Secret, Fault> {
        let _hidden = Hidden::new()?;
        // A prompt that cannot be shown leaves a cursor that waits all the same.
        drop(write!(std::io::stderr(), "{prompt}"));
        let mut line = Secret(Vec::with_capacity(Passphrase::BYTES_MAX + 2));
        let mut byte = [0];
        while line.0.len() < line.0.capacity() {
            let read = std::io::stdin().read(&mut byte);
            match read.map_err(|error| Fault::machine(format!("The terminal failed: {error}.")))? {
                0 => break,
                _ if byte[0] == b'\n' => break,
                _ => line.0.push(byte[0]),
            }
        }
        drop(writeln!(std::io::stderr()));
        Ok(line)
    }

    /// Bytes that are overwritten when dropped.
    struct Secret(Vec<u8>);

    impl std::ops::Deref for Secret {
        type Target = Vec<u8>;

        fn deref(&self) -> &Vec<u8> {
            &self.0
        }
    }

    impl Drop for Secret {
        fn drop(&mut self) {
            zeroize::Zeroize::zeroize(&mut self.0);
        }
    }

    /// A terminal that shows nothing of what is typed, until this is dropped.
    struct Hidden(libc::termios);

    impl Hidden {
        fn new() -> Result<Self, Fault> {
            let failed = || {
                let error = std::io::Error::last_os_error();
                Fault::machine(format!("The terminal cannot hide a passphrase: {error}."))
            };
            let mut before = std::mem::MaybeUninit::<libc::termios>::uninit();
            // SAFETY: the pointer is to room for one termios.
            if unsafe { libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) } != 0 {
                return Err(failed());
            }
            // SAFETY: tcgetattr has filled it.
            let before = unsafe { before.assume_init() };
            let mut hidden = before;
            hidden.c_lflag &= !libc::ECHO;
            // SAFETY: `hidden` is a valid termios for the call.
            if unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &raw const hidden) }
                != 0
            {
                return Err(failed());
            }
            Ok(Self(before))
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // SAFETY: it is what tcgetattr gave. A terminal that is gone needs no restoring.
            unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, &raw const self.0) };
        }
    }
}

#[cfg(not(unix))]
pub(super) mod terminal {
    use super::Asking;
    use crate::registry::Fault;

    pub(in crate::cli) fn ask(_asking: Asking) -> Result<kernel::keys::Passphrase, Fault> {
        Err(Fault::state(
            "This terminal cannot hide a passphrase: write it to a file and name that in \
             HEARTH_PASSPHRASE_FILE, or pipe it in.",
        ))
    }
}
