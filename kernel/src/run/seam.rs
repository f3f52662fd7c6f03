//! What runs need of other rooms: a place for bytes, and somebody who decides.

use std::fmt;

use super::Digest;

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

/// Who is asked before a step, and holds the kill switch.
pub trait GateKeeper: Send + Sync {
    /// Whether `principal` may do `action` to `resource` now. It is asked right before each try.
    fn decide(&self, principal: &str, action: &str, resource: &str) -> Decision;

    /// Whether everything autonomous has to stand still. It is asked many times a second.
    fn is_stopped(&self) -> bool;
}

/// What the gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Not now: a person has to say. The reason is shown.
    Ask(String),
    /// No, for this reason.
    Deny(String),
}
