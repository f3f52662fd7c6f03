//! Sockets on this machine that their owner alone can open.
//!
//! On Unix a socket of mode 0600 in a folder of mode 0700, and each side asks the kernel who the
//! other is. On Windows a named pipe that admits its owner and refuses other machines; its name is
//! made from the path.

#[cfg(windows)]
mod pipe;
#[cfg(unix)]
mod unix;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Wire;

#[cfg(windows)]
use pipe as platform;
#[cfg(unix)]
use unix as platform;

/// Waits for connections at one path.
pub struct Listener {
    inner: platform::Listener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. Its folder is made for the owner alone if it is missing, and refused if
    /// others can enter it: give the socket a folder of its own. A socket that a process left
    /// behind is taken over; of two processes that start at once the caller's own lock decides.
    ///
    /// # Errors
    /// [`LocalError`].
    pub fn bind(path: &Path) -> Result<Self, LocalError> {
        Ok(Self { inner: platform::Listener::bind(path)?, path: path.to_owned() })
    }

    /// Waits for the next connection. One of another user is refused and not told.
    ///
    /// # Errors
    /// What the system says; the listener can be asked again.
    pub fn accept(&self) -> io::Result<Wire> {
        self.inner.accept()
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.path.display())
    }
}

/// Connects to whoever listens at `path`.
///
/// # Errors
/// [`LocalError`]; [`LocalError::Nobody`] when no process listens there.
pub fn connect(path: &Path) -> Result<Wire, LocalError> {
    platform::connect(path)
}

/// Why there is no connection; each says what to do.
#[derive(Debug)]
pub enum LocalError {
    /// Nobody listens there.
    Nobody(PathBuf),
    /// Another process listens there.
    InUse(PathBuf),
    /// The folder belongs to another, or others can open it.
    Exposed(PathBuf),
    /// Another user's process listens there.
    Stranger(PathBuf),
    /// The path is longer than a socket's can be, in bytes.
    TooLong(PathBuf, usize),
    /// The system's own answer.
    System(PathBuf, io::Error),
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(path) => {
                write!(f, "no Hearth listens at {}: start one first", path.display())
            }
            Self::InUse(path) => write!(
                f,
                "another Hearth listens at {}: use that one, or set HEARTH_HOME to another folder",
                path.display()
            ),
            Self::Exposed(path) => {
                write!(f, "others can open {}: own it and run `chmod 700` on it", path.display())
            }
            Self::Stranger(path) => write!(
                f,
                "another user's process listens at {}: set HEARTH_HOME to a folder of your own",
                path.display()
            ),
            Self::TooLong(path, limit) => write!(
                f,
                "{} is longer than the {limit} bytes of a socket's path: use a shorter folder",
                path.display()
            ),
            Self::System(path, error) => write!(
                f,
                "{} could not be used as a socket ({error}): check the folder and its rights",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LocalError {}
