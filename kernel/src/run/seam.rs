//! What runs need of other rooms: a place for bytes, and somebody who decides.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Digest, RunId};
use crate::gate::Obligations;

/// Where outputs, logs and plans are kept: bytes by their BLAKE3 hash.
pub trait Artifacts: Send + Sync {
    /// Keeps `bytes`; when it answers, they are durable, and stay.
    ///
    /// # Errors
    /// Why they are not kept.
    fn put(&self, bytes: &[u8]) -> Result<Digest, ArtifactError>;

    /// The bytes of that name, checked against it.
    ///
    /// # Errors
    /// They are not there, or damaged.
    fn get(&self, name: Digest) -> Result<Vec<u8>, ArtifactError>;

    /// No run needs these any more. Keeping them all the same is right, too, and the default.
    ///
    /// # Errors
    /// Why they are still kept.
    fn release(&self, _names: &[Digest]) -> Result<(), ArtifactError> {
        Ok(())
    }
}

/// Why bytes were not kept or given: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactError(pub String);

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArtifactError {}

/// A step that is about to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// For whom its run is done.
    pub principal: &'a str,
    /// The folder in which it was asked for.
    pub workspace: Option<&'a str>,
    /// The run.
    pub run: RunId,
    /// The step's name in it.
    pub step: &'a str,
    /// What it does.
    pub action: &'a str,
    /// To what, as the plan says.
    pub resource: &'a str,
    /// The hash of action, version and inputs.
    pub identity: Option<Digest>,
    /// What it takes, by hash.
    pub inputs: &'a BTreeMap<String, Digest>,
    /// What of that stands in the plan itself.
    pub inline: &'a BTreeMap<String, String>,
}

/// Who is asked before a step, and holds the kill switch.
pub trait GateKeeper: Send + Sync {
    /// Whether it may be done now. It is asked right before each try, and again before what takes a
    /// step back.
    fn decide(&self, wish: &Wish<'_>) -> Decision;

    /// Whether everything autonomous has to stand still. It is asked many times a second.
    fn is_stopped(&self) -> bool;
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Go on, and keep to these.
    AllowWith(Box<Obligations>),
    /// It was done too often lately: ask again after so long.
    Later(Duration),
    /// Not now: a person has to say. The reason is shown.
    Ask(String),
    /// No, for this reason.
    Deny(String),
}
