//! Why rows did not do what was asked.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::keys::KeyError;
use crate::log::LogError;

/// Why rows did not do what was asked; each says what to do. Clones are cheap: a whole group may be
/// told the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RowError {
    /// A condition of the transaction did not hold: look again, and decide anew.
    Conflict,
    /// Something is longer than it may be.
    TooLong {
        /// What.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A row of this table was sealed here and is not what this build reads.
    Undecodable(&'static str),
    /// Another process has these rows open.
    Busy(PathBuf),
    /// A later Hearth wrote this file.
    Newer(PathBuf),
    /// A later Hearth wrote rows to the log.
    NewerRecord,
    /// A later Hearth brought these tables to a step that this one does not know.
    NewerSchema {
        /// The schema's name.
        schema: &'static str,
        /// The step that it has reached.
        found: u32,
        /// The last that is known here.
        known: u32,
    },
    /// The index is damaged; it is being made anew.
    Damaged(String),
    /// Too much waits already.
    Backlog,
    /// There is no answer yet.
    Late,
    /// The thread that commits has ended.
    Closed,
    /// The log's own answer.
    Log(Arc<LogError>),
    /// The keys' own answer.
    Keys(Arc<KeyError>),
    /// The disk's own answer for a path.
    Disk(PathBuf, Arc<io::Error>),
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("somebody else changed the same rows first: try again"),
            Self::TooLong { what, bytes, max } => {
                write!(f, "{what} of {bytes} bytes is over the rows' {max}: split it")
            }
            Self::Undecodable(table) => write!(
                f,
                "a row of the table \"{table}\" has a shape unknown here: update this Hearth"
            ),
            Self::Busy(dir) => write!(
                f,
                "another Hearth uses {}: use that one, or set HEARTH_HOME to another folder",
                dir.display()
            ),
            Self::Newer(path) => write!(
                f,
                "{} was written by a later Hearth: update this one to read it",
                path.display()
            ),
            Self::NewerRecord => {
                f.write_str("a later Hearth wrote rows to the log: update this one to read them")
            }
            Self::NewerSchema { schema, found, known } => write!(
                f,
                "the tables of \"{schema}\" are at step {found} of a later Hearth, this one knows \
                 {known}: update it"
            ),
            Self::Damaged(what) => write!(
                f,
                "the index of the rows is damaged ({what}): it is made anew from the log, and \
                 `hearth doctor --repair` does so at once"
            ),
            Self::Backlog => {
                f.write_str("too much waits for the disk already: free some space, or check it")
            }
            Self::Late => f.write_str("the disk did not answer in time: check that it is well"),
            Self::Closed => f.write_str("the rows' writer has ended: restart Hearth"),
            Self::Log(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::Disk(path, error) => write!(
                f,
                "{} could not be used ({error}): check the disk and the folder's rights",
                path.display()
            ),
        }
    }
}

impl std::error::Error for RowError {}

impl From<LogError> for RowError {
    fn from(error: LogError) -> Self {
        Self::Log(Arc::new(error))
    }
}

impl From<KeyError> for RowError {
    fn from(error: KeyError) -> Self {
        Self::Keys(Arc::new(error))
    }
}
