//! Checking a whole ledger against what was signed of it.

use super::open::Near;
use super::replay::{Fold, Step};
use super::{Fault, Ledger, LedgerError};
use crate::log::Sequence;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Entries that the ledger has, those that are missing included.
    pub entries: u64,
    /// Checkpoints that were met.
    pub checkpoints: u64,
    /// Holes that were mended when they were found; each has an entry `ledger.mend`.
    pub mends: u64,
    /// What is wrong, in the order of entries; a thousand at most.
    pub faults: Vec<Fault>,
}

impl Verified {
    /// Whether every entry is there and as it was signed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }
}

pub(super) fn verify(ledger: &Ledger) -> Result<Verified, LedgerError> {
    let (tiles, frontier, last) = {
        let state = ledger.state();
        (state.tiles.clone(), state.frontier.clone(), state.last)
    };
    ledger.writer.wait_written(ledger.patience)?;
    let mut fold = Fold::new(ledger.signer.id(), super::merkle::Frontier::default());
    let mut near = Near::default();
    let size = frontier.size();
    let known = &mut |index| (index < size).then(|| near.hash(&tiles, index)).flatten();
    ledger.writer.reader().replay_between(
        &ledger.opener,
        Sequence(1)..=last,
        |header| header.stream == ledger.stream && super::owns(header),
        |record| {
            // The steps matter to opening alone.
            let _step: Step = fold.take(&record, known);
        },
    )?;
    fold.fill(size, known);
    if fold.frontier == frontier {
        fold.agree();
    } else if fold.frontier.size() >= size {
        fold.disagree(size);
    }
    let Fold { checkpoints, mends, faults, .. } = fold;
    Ok(Verified { entries: size, checkpoints, mends, faults })
}
