//! Cosigning another device's checkpoints, and catching one that rewrites its ledger.

use std::fmt;

use super::LedgerError;
use super::checkpoint::Checkpoint;
use super::merkle::{self, TreeHash};

/// What shows that a ledger of one size begins with that of an older checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof(pub Vec<TreeHash>);

impl ConsistencyProof {
    /// Whether it does, for checkpoints of one device.
    #[must_use]
    pub fn proves(&self, old: &Checkpoint, new: &Checkpoint) -> bool {
        old.device == new.device
            && merkle::proves_consistency((old.size, old.root), (new.size, new.root), &self.0)
    }
}

/// Why a checkpoint was not cosigned.
#[derive(Debug)]
#[non_exhaustive]
pub enum CosignError {
    /// It is this device's own.
    Own,
    /// Its signature is not its device's.
    NotGenuine,
    /// It is of fewer entries than one that was seen: an old message, or a ledger that was put
    /// back. Both checkpoints are signed, so anybody can judge by them.
    WentBack(Box<[Checkpoint; 2]>),
    /// Two checkpoints of the same size and different roots, both signed: the device keeps two
    /// histories, and this is the proof of it.
    Equivocates(Box<[Checkpoint; 2]>),
    /// The proof does not lead from the checkpoint that was seen to the new one.
    NotProven(Box<[Checkpoint; 2]>),
    /// It could not be kept.
    Ledger(LedgerError),
}

impl fmt::Display for CosignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Own => return f.write_str("a device does not cosign its own checkpoint"),
            Self::NotGenuine => {
                return f.write_str("the checkpoint is not signed by its device: ask it again");
            }
            Self::Ledger(error) => return error.fmt(f),
            Self::WentBack(both) => (both, "has fewer entries than it had"),
            Self::Equivocates(both) => (both, "was rewritten: two histories are signed"),
            Self::NotProven(both) => (both, "is not shown to continue what was seen"),
        };
        let (both, fault) = what;
        let device = both[0].device.to_string();
        write!(f, "the ledger of device {}… {fault}: look into that device", &device[..8])
    }
}

impl std::error::Error for CosignError {}

impl From<LedgerError> for CosignError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Whether `now` continues `before`.
pub(super) fn check(
    before: Option<&Checkpoint>,
    now: &Checkpoint,
    proof: &ConsistencyProof,
) -> Result<(), CosignError> {
    if !now.is_genuine() {
        return Err(CosignError::NotGenuine);
    }
    let Some(before) = before else { return Ok(()) };
    let both = || Box::new([before.clone(), now.clone()]);
    if now.size < before.size {
        return Err(CosignError::WentBack(both()));
    }
    if now.size == before.size {
        let same = now.root == before.root;
        return if same { Ok(()) } else { Err(CosignError::Equivocates(both())) };
    }
    if proof.proves(before, now) { Ok(()) } else { Err(CosignError::NotProven(both())) }
}
