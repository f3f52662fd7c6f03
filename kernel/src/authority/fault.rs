//! Why an answer could not be given, or did not count.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::gate::{PolicyError, Verdict};
use crate::inbox::{ItemId, ItemState};
use crate::ledger::LedgerError;
use crate::principal::BadName;
use crate::row::RowError;

/// Each says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is no such item.
    Unknown(ItemId),
    /// It was answered, or its time is over.
    Settled(ItemId, ItemState),
    /// It was asked by a Hearth that names things otherwise.
    Unreadable(ItemId),
    /// It cannot be taken back, so it is approved one time and no more.
    EachTime,
    /// There is no rule for just this resource.
    NoRule(String),
    /// The policy file is not what was shown.
    Changed(PathBuf),
    /// What would change is longer than a person can look at, in bytes.
    TooLong(usize),
    /// Who asks has too many open questions.
    Full,
    /// The policy file is damaged.
    Policy(PolicyError),
    /// The edit was made and taken back: this still decides otherwise.
    StillAsked(Box<Verdict>),
    /// The policy does not let whoever said it say that.
    Refused(Box<Verdict>),
    /// The action has no right name.
    Name(BadName),
    /// The rows' own answer.
    Row(RowError),
    /// The ledger's own answer.
    Ledger(LedgerError),
    /// The disk's own answer for a path.
    Disk(PathBuf, io::Error),
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => write!(f, "there is no item {id} in the Inbox"),
            Self::Settled(id, state) => {
                let how = match state {
                    ItemState::Expired => "its time is over; it is asked anew when it is needed",
                    ItemState::Denied => "it was denied",
                    _ => "it was approved",
                };
                write!(f, "item {id} can be answered no more: {how}")
            }
            Self::Unreadable(id) => {
                write!(f, "item {id} was asked by another version of Hearth: deny it")
            }
            Self::EachTime => {
                f.write_str("it cannot be taken back, so it is asked each time: approve it once")
            }
            Self::NoRule(resource) => {
                write!(
                    f,
                    "a rule cannot name `{resource}` alone: approve it once or for the session"
                )
            }
            Self::Changed(path) => {
                write!(f, "{} was changed since it was shown: look again", path.display())
            }
            Self::TooLong(max) => {
                write!(f, "a change of over {} KB is not asked: make it smaller", max / 1024)
            }
            Self::Full => f.write_str("too many questions are open: answer or deny some first"),
            Self::Policy(error) => error.fmt(f),
            Self::StillAsked(verdict) => {
                let rule = verdict.because.rule.as_ref().map_or("default-deny", |it| it.as_str());
                let layer = verdict.because.layer.name();
                write!(
                    f,
                    "the policy still says `{}` by `{rule}` of the {layer} layer, so the edit was \
                     taken back: change that rule first",
                    verdict.decided.name()
                )
            }
            Self::Refused(verdict) => {
                let rule = verdict.because.rule.as_ref().map_or("default-deny", |it| it.as_str());
                let layer = verdict.because.layer.name();
                write!(
                    f,
                    "the policy answers `{}` by `{rule}` of the {layer} layer: a person does this \
                     in the window or at a terminal",
                    verdict.decided.name()
                )
            }
            Self::Name(error) => error.fmt(f),
            Self::Row(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Disk(path, error) => {
                write!(f, "{} could not be used ({error}): check it and its rights", path.display())
            }
        }
    }
}

impl std::error::Error for AuthorityError {}

impl From<LedgerError> for AuthorityError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}
