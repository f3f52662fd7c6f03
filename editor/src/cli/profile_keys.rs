//! `hearth profile`: what unlocks the profile, and its change.
//!
//! Whoever runs it proves to be the owner by unlocking the profile first. From a terminal words are
//! asked for; from a pipe standard input gives them, a line each, in the order of the questions.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use kernel::disk::RealDisk;
use kernel::keys::{
    KdfCost, KeyError, Keychain, Locked, Passphrase, Profile, RecoveryWords, Unlocked, Way,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::init::{Asking, terminal};
use super::invocation::{Form, ProfileChange};
use super::line;
use crate::control::Place;
use crate::directories::Directories;
use crate::instance;
use crate::keychain::SystemKeychain;
use crate::profile::{self, Guard};
use crate::registry::{Fault, path_to_json};

/// A log of gigabytes is sealed anew.
const ROTATION_TIMEOUT: Duration = Duration::from_secs(3600);

pub(super) fn run(
    directories: &Directories,
    change: ProfileChange,
    form: Form,
) -> Result<String, Fault> {
    let dir = directories.profile();
    let locked = Profile::open(&RealDisk, &dir).map_err(|error| profile::told(&error))?;
    let mut words = None;
    let text = match change {
        ProfileChange::Show => show(&dir, &locked),
        ProfileChange::Passphrase => {
            let keys = unlock(directories, &locked)?;
            set_passphrase(directories, &keys)?
        }
        ProfileChange::Words => {
            let keys = unlock(directories, &locked)?;
            let made = keys.set_recovery(&RealDisk, &dir, KdfCost::default());
            let made = made.map_err(|error| profile::told(&error))?.reveal();
            let text = told_words(&made);
            words = Some(made);
            text
        }
        ProfileChange::Recover => {
            let given = RecoveryWords::parse(&ask("The twelve words: ")?);
            let keys = given.and_then(|words| locked.recover(&words));
            set_passphrase(directories, &keys.map_err(|error| profile::told(&error))?)?
        }
        ProfileChange::Keychain => keep(directories, &locked)?,
        ProfileChange::NoKeychain => forget(directories, &locked)?,
        ProfileChange::Rotate => rotate(directories, &locked)?,
    };
    match form {
        Form::Json => answer(&dir, words),
        _ => Ok(text),
    }
}

/// What `--json` prints: how the profile is afterwards.
fn answer(dir: &Path, words: Option<Zeroizing<String>>) -> Result<String, Fault> {
    let locked = Profile::open(&RealDisk, dir).map_err(|error| profile::told(&error))?;
    let ways: Vec<&str> = locked.ways().into_iter().map(name).collect();
    let mut answer = json!({
        "id": locked.id().to_string(),
        "path": path_to_json(dir),
        "ways": ways,
        "generation": locked.generation().0,
    });
    if let Some(words) = words {
        answer["words"] = Value::from(words.split(' ').collect::<Vec<_>>());
    }
    Ok(line(&answer))
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Passphrase => "passphrase",
        Way::Keychain => "keychain",
        Way::Recovery => "words",
        Way::Unprotected => "none",
        Way::Foreign => "unknown",
    }
}

fn show(dir: &Path, locked: &Locked) -> String {
    let name = |way| match way {
        Way::Passphrase => "a passphrase",
        Way::Keychain => "the system's keychain",
        Way::Recovery => "twelve words",
        Way::Unprotected => "nothing at all, as its owner chose",
        Way::Foreign => "something that this version does not know",
    };
    let ways: Vec<&str> = locked.ways().into_iter().map(name).collect();
    let mut text = format!("{} is unlocked by {}.\n", dir.display(), ways.join(", or by "));
    if !locked.ways().contains(&Way::Recovery) {
        text.push_str("`hearth profile words` makes twelve words that recover it.\n");
    }
    text
}

/// With what is at hand, else by asking.
pub(super) fn unlock(directories: &Directories, locked: &Locked) -> Result<Unlocked, Fault> {
    let guard = profile::guard(&RealDisk, directories)?;
    if guard == Some(Guard::Passphrase) && profile::passphrase_file().is_none() {
        let words = match std::io::stdin().is_terminal() {
            true => terminal::ask(Asking::Once)?,
            false => passphrase(&next_line()?)?,
        };
        return locked.unlock(&words).map_err(|error| profile::told(&error));
    }
    let file = profile::passphrase_file();
    match profile::open_or_make(&RealDisk, directories, file.as_deref())?.keys {
        profile::Keys::Open(keys) => Ok(keys),
        profile::Keys::Sealed { reason, .. } => Err(reason),
    }
}

fn set_passphrase(directories: &Directories, keys: &Unlocked) -> Result<String, Fault> {
    let words = match std::io::stdin().is_terminal() {
        true => terminal::ask(Asking::Twice)?,
        false => passphrase(&next_line()?)?,
    };
    let dir = directories.profile();
    keys.set_passphrase(&RealDisk, &dir, &words, KdfCost::default())
        .map_err(|error| profile::told(&error))?;
    let credential = directories.credential();
    match std::fs::remove_file(&credential) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Fault::file("Removing", &credential, &error));
        }
        _ => {}
    }
    Ok("The profile is unlocked by the new passphrase alone, besides its other ways. Copies of the \
        profile that were made before still open with the old one.\n"
        .to_owned())
}

fn told_words(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let mut text = String::from(
        "Write these down and keep them away from this machine. They are kept nowhere and not \
         shown again; whoever has them and the profile reads everything.\n\n",
    );
    for (row, four) in words.chunks(4).enumerate() {
        for (column, word) in four.iter().enumerate() {
            text.push_str(&format!("  {:>2} {word:<10}", row * 4 + column + 1));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn keep(directories: &Directories, locked: &Locked) -> Result<String, Fault> {
    let told = |error: KeyError| profile::told(&error);
    let keychain = SystemKeychain::open().map_err(|error| told(KeyError::Keychain(error)))?;
    let keys = unlock(directories, locked)?;
    let dir = directories.profile();
    keys.set_keychain(&RealDisk, &dir, &keychain).map_err(told)?;
    // A generated passphrase beside the profile would make the keychain pointless.
    let credential = directories.credential();
    if credential.exists() {
        keys.remove_way(&RealDisk, &dir, Way::Passphrase).map_err(told)?;
        std::fs::remove_file(&credential)
            .map_err(|error| Fault::file("Removing", &credential, &error))?;
    }
    let mut text = "The system's keychain unlocks the profile.\n".to_owned();
    if !locked.ways().contains(&Way::Recovery) {
        text.push_str("Without it nothing does: make twelve words with `hearth profile words`.\n");
    }
    Ok(text)
}

fn forget(directories: &Directories, locked: &Locked) -> Result<String, Fault> {
    let told = |error: KeyError| profile::told(&error);
    let keys = unlock(directories, locked)?;
    keys.remove_way(&RealDisk, &directories.profile(), Way::Keychain).map_err(told)?;
    let keychain = SystemKeychain::open();
    let removed = keychain.and_then(|keychain| keychain.remove(&keys.keychain_account()));
    Ok(match removed {
        Ok(()) => "The keychain does not unlock the profile any more.\n".to_owned(),
        Err(error) => format!(
            "The keychain does not unlock the profile any more; its entry could not be removed \
             ({error}).\n"
        ),
    })
}

/// A running Hearth rotates itself, so that it seals with the new key at once.
fn rotate(directories: &Directories, locked: &Locked) -> Result<String, Fault> {
    let keys = unlock(directories, locked)?;
    let Some(client) = instance::find(directories)? else {
        let dir = directories.profile();
        keys.rotate(&RealDisk, &dir).map_err(|error| profile::told(&error))?;
        return Ok("A new key seals from the next start on.\n".to_owned());
    };
    client.prove_with(&keys, Place::Script)?;
    client.call("profile.rotate_key", Value::Null, ROTATION_TIMEOUT)?;
    Ok("A new key seals from now on, and what the old one sealed was sealed anew.\n".to_owned())
}

fn passphrase(line: &str) -> Result<Passphrase, Fault> {
    Passphrase::new(line.as_bytes()).map_err(|error| profile::told(&error))
}

/// Asks for a line that may be seen.
fn ask(prompt: &str) -> Result<Zeroizing<String>, Fault> {
    if std::io::stdin().is_terminal() {
        // A prompt that cannot be shown leaves a cursor that waits all the same.
        drop(write!(std::io::stderr(), "{prompt}"));
    }
    next_line()
}

/// The next line of standard input.
fn next_line() -> Result<Zeroizing<String>, Fault> {
    let mut line = Zeroizing::new(String::with_capacity(Passphrase::BYTES_MAX));
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Fault::file("Reading", Path::new("standard input"), &error))?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}
