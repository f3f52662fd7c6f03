//! One resident process per profile.
//!
//! A lock on a file decides who it is: the system frees it when its process ends, however it ends.
//! The socket is bound only under the lock, so a socket without a process behind it is stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rpc::local::Listener;

use crate::control::Client;
use crate::directories::Directories;
use crate::registry::{Fault, FaultKind};

/// How long a second process waits for the first one's socket.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Which of them this process is.
pub enum Claim {
    /// The first: it holds the profile.
    Resident(Resident),
    /// Another one runs; here is the way to it.
    Second(Client),
}

/// The right to be the profile's process, until it is dropped.
pub struct Resident {
    /// Where clients come in.
    pub listener: Listener,
    /// Keeps the profile; dropped last, when the listener is gone.
    pub lock: Held,
}

/// The lock on the profile.
pub struct Held {
    _file: File,
}

/// Becomes the resident process, or finds it.
///
/// # Errors
/// When the folders cannot be used, or a process holds the profile and does not answer.
pub fn claim(directories: &Directories) -> Result<Claim, Fault> {
    claim_within(directories, ANSWER_TIMEOUT)
}

fn claim_within(directories: &Directories, timeout: Duration) -> Result<Claim, Fault> {
    directories.make()?;
    let socket = directories.socket();
    let start = Instant::now();
    loop {
        if let Some(lock) = try_lock(&directories.lock())? {
            let listener =
                Listener::bind(&socket).map_err(|error| Fault::told(FaultKind::Machine, &error))?;
            return Ok(Claim::Resident(Resident { listener, lock }));
        }
        if let Some(client) = Client::connect(&socket)? {
            return Ok(Claim::Second(client));
        }
        // Either it is just starting, or just ending.
        if start.elapsed() > timeout {
            return Err(unanswered(&directories.lock()));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Keeps the profile for a moment without being its program, as a subcommand does.
///
/// # Errors
/// When another process holds it.
pub fn hold(directories: &Directories) -> Result<Held, Fault> {
    directories.make()?;
    try_lock(&directories.lock())?.ok_or_else(|| unanswered(&directories.lock()))
}

/// Finds the resident process: `None` if there is none.
///
/// # Errors
/// When it cannot be talked to.
pub fn find(directories: &Directories) -> Result<Option<Client>, Fault> {
    Client::connect(&directories.socket())
}

fn try_lock(path: &Path) -> Result<Option<Held>, Fault> {
    let fault = |error: &std::io::Error| Fault::file("Locking", path, error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| fault(&error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(fault(&error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| fault(&error))?;
    Ok(Some(Held { _file: file }))
}

fn unanswered(path: &Path) -> Fault {
    let mut holder = String::new();
    // Windows lets nobody read a locked file; then the number is left out.
    let read = File::open(path).and_then(|file| file.take(20).read_to_string(&mut holder));
    let holder = match (read, holder.trim().parse::<u32>()) {
        (Ok(_), Ok(id)) => format!(" (process {id})"),
        _ => String::new(),
    };
    Fault::state(format!(
        "Another Hearth{holder} holds this profile and does not answer: end it, or set HEARTH_HOME \
         to another folder."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn places() -> (tempfile::TempDir, Directories) {
        let dir = tempfile::tempdir().unwrap();
        let directories = Directories::under(dir.path(), dir.path().into());
        (dir, directories)
    }

    #[test]
    fn the_first_is_resident_and_the_second_finds_it() {
        let (_dir, directories) = places();
        assert!(find(&directories).unwrap().is_none());
        let Claim::Resident(first) = claim(&directories).unwrap() else { panic!("it is alone") };
        assert!(matches!(claim(&directories).unwrap(), Claim::Second(_)));
        drop(first);
        assert!(matches!(claim(&directories).unwrap(), Claim::Resident(_)));
    }

    #[test]
    fn of_many_that_start_at_once_one_is_resident() {
        let (_dir, directories) = places();
        let (many, barrier) = (8, Barrier::new(8));
        let claims: Vec<Claim> = std::thread::scope(|scope| {
            let start = || {
                scope.spawn(|| {
                    barrier.wait();
                    claim(&directories).unwrap()
                })
            };
            let started: Vec<_> = (0..many).map(|_| start()).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let residents = claims.iter().filter(|claim| matches!(claim, Claim::Resident(_))).count();
        assert_eq!(residents, 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_that_a_crash_left_is_taken_over() {
        let (_dir, directories) = places();
        directories.make().unwrap();
        crate::directories::make_private(directories.socket().parent().unwrap()).unwrap();
        drop(std::os::unix::net::UnixListener::bind(directories.socket()).unwrap());
        assert!(directories.socket().exists());
        assert!(find(&directories).unwrap().is_none());
        assert!(matches!(claim(&directories).unwrap(), Claim::Resident(_)));
    }

    #[test]
    fn a_holder_that_does_not_answer_is_named() {
        let (_dir, directories) = places();
        directories.make().unwrap();
        let _held = try_lock(&directories.lock()).unwrap().unwrap();
        let claimed = claim_within(&directories, Duration::from_millis(50));
        let fault = claimed.err().unwrap();
        let id = std::process::id().to_string();
        assert!(!cfg!(unix) || fault.sentence.contains(&id), "{fault}");
    }
}
