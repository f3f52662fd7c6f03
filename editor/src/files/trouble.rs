//! What goes wrong with a file, in one sentence that a person can act on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file was not opened or not saved. The text stays where it is: in the buffer and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    path: PathBuf,
    verb: Verb,
    cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Open,
    Save,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    ChangedOutside,
    Unwritable(String),
    System(io::ErrorKind, String),
}

impl Trouble {
    /// Reading it failed.
    pub fn opening(path: &Path, error: &io::Error) -> Self {
        Trouble::new(path, Verb::Open, error)
    }

    /// Writing it failed.
    pub fn saving(path: &Path, error: &io::Error) -> Self {
        Trouble::new(path, Verb::Save, error)
    }

    /// Another program wrote it since it was read.
    pub fn changed_outside(path: &Path) -> Self {
        Trouble { path: path.to_owned(), verb: Verb::Save, cause: Cause::ChangedOutside }
    }

    /// Its encoding cannot hold the text.
    pub fn unwritable(path: &Path, reason: impl Into<String>) -> Self {
        Trouble { path: path.to_owned(), verb: Verb::Save, cause: Cause::Unwritable(reason.into()) }
    }

    /// Whether another program's change stands in the way.
    pub fn is_changed_outside(&self) -> bool {
        self.cause == Cause::ChangedOutside
    }

    fn new(path: &Path, verb: Verb, error: &io::Error) -> Self {
        let cause = Cause::System(error.kind(), error.to_string());
        Trouble { path: path.to_owned(), verb, cause }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let not = match self.verb {
            Verb::Open => "was not opened",
            Verb::Save => "was not saved",
        };
        match &self.cause {
            Cause::ChangedOutside => {
                write!(f, "{path} {not}: another program has just changed it; save again.")
            }
            Cause::Unwritable(reason) => {
                write!(f, "{path} {not}: {}.", reason.trim_end_matches('.'))
            }
            Cause::System(kind, text) => {
                let folder = self.path.parent().unwrap_or(&self.path).display();
                match (kind, self.verb) {
                    (io::ErrorKind::NotFound, Verb::Save) => write!(
                        f,
                        "{path} {not}: the folder {folder} does not exist; create it or save \
                         elsewhere."
                    ),
                    (io::ErrorKind::PermissionDenied, Verb::Save) => write!(
                        f,
                        "{path} {not}: you may not write it; change its permissions or save \
                         elsewhere."
                    ),
                    (io::ErrorKind::PermissionDenied, Verb::Open) => {
                        write!(f, "{path} {not}: you may not read it; change its permissions.")
                    }
                    (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => write!(
                        f,
                        "{path} {not}: the disk is full; make room and save again. The text is \
                         kept."
                    ),
                    (io::ErrorKind::ReadOnlyFilesystem, _) => {
                        write!(f, "{path} {not}: its disk is read-only; save elsewhere.")
                    }
                    (io::ErrorKind::IsADirectory, _) => {
                        write!(f, "{path} {not}: it is a folder.")
                    }
                    _ => write!(f, "{path} {not}: {}.", text.trim_end_matches('.')),
                }
            }
        }
    }
}

impl std::error::Error for Trouble {}
