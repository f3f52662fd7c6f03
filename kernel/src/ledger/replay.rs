//! Going through a ledger's records, for opening it and for verifying it.

use super::checkpoint::{CHECKPOINT_BYTES, Checkpoint};
use super::entry::{Bytes, ENTRY_BYTES_MAX, Entry};
use super::head::{decode_peaks, encode_peaks};
use super::merkle::{Frontier, TreeHash};
use super::{FAULTS_MAX, Fault};
use crate::log::{Kind, Record};
use crate::principal::DeviceId;

/// An index (8 bytes) and an entry.
pub(super) const ENTRY: Kind = Kind(0x4c01);
/// A checkpoint of this device and its peaks.
pub(super) const CHECKPOINT: Kind = Kind(0x4c02);
/// A checkpoint of another device that was cosigned.
pub(super) const WITNESSED: Kind = Kind(0x4c03);
/// A size (8 bytes): what stands from there on was appended anew behind this.
pub(super) const CUT: Kind = Kind(0x4c04);

/// The payload of an [`ENTRY`].
pub(super) fn entry_payload(index: u64, entry: &Entry) -> Vec<u8> {
    let mut payload = Vec::with_capacity(ENTRY_BYTES_MAX / 4);
    payload.extend_from_slice(&index.to_le_bytes());
    entry.encode(&mut payload);
    payload
}

/// The index and the entry's bytes.
pub(super) fn split_entry(payload: &[u8]) -> Option<(u64, &[u8])> {
    let (index, entry) = payload.split_first_chunk()?;
    Some((u64::from_le_bytes(*index), entry))
}

/// The payload of a [`CHECKPOINT`].
pub(super) fn checkpoint_payload(checkpoint: &Checkpoint, frontier: &Frontier) -> Vec<u8> {
    let mut payload = checkpoint.encode();
    encode_peaks(frontier.peaks(), &mut payload);
    payload
}

fn split_checkpoint(payload: &[u8]) -> Option<(Checkpoint, Frontier)> {
    let mut bytes = Bytes(payload);
    let checkpoint = Checkpoint::decode(bytes.slice(CHECKPOINT_BYTES)?)?;
    let frontier = Frontier::new(checkpoint.size, decode_peaks(&mut bytes)?)?;
    let is_whole = bytes.0.is_empty() && frontier.root() == checkpoint.root;
    is_whole.then_some((checkpoint, frontier))
}

/// What a record brought.
#[derive(Debug)]
pub(super) enum Step {
    /// The next leaf of the tree.
    Leaf(TreeHash),
    /// An entry behind a hole: it counts when a checkpoint follows, and goes when a cut does.
    Adrift(Entry),
    /// A checkpoint that the tree agrees with, with the leaves that were adrift before it.
    Checkpoint(Checkpoint, Vec<TreeHash>),
    /// One that it does not agree with, behind a hole or after a change: the tree goes on from
    /// there, and what came after `agreed` entries is not known to be right.
    Resumed { checkpoint: Checkpoint, agreed: u64 },
    /// Another device's checkpoint.
    Witnessed(Checkpoint),
    /// What was adrift was appended anew.
    Cut,
    /// Nothing that counts; the fault is noted.
    Nothing,
}

/// The state of a walk.
pub(super) struct Fold {
    device: DeviceId,
    pub(super) frontier: Frontier,
    pub(super) faults: Vec<Fault>,
    pub(super) checkpoints: u64,
    /// Losses that were mended: what they cost stands in the ledger itself.
    pub(super) mends: u64,
    /// Entries whose hash differs from the one kept beside the log, since the last checkpoint.
    differing: Vec<u64>,
    /// The size at the last checkpoint that the tree agreed with.
    agreed: u64,
    /// Behind a hole: places and leaves, until a checkpoint or a cut decides of them.
    adrift: Vec<(u64, TreeHash)>,
}

impl Fold {
    pub(super) fn new(device: DeviceId, frontier: Frontier) -> Self {
        let agreed = frontier.size();
        Self {
            device,
            frontier,
            faults: Vec::new(),
            checkpoints: 0,
            mends: 0,
            differing: Vec::new(),
            agreed,
            adrift: Vec::new(),
        }
    }

    /// The first entry behind the hole that the tree ends at, if it does.
    pub(super) fn hole(&self) -> Option<u64> {
        self.adrift.first().map(|(index, _)| *index)
    }

    /// Takes the next record. `known` gives the hash that is kept beside the log, if there is one.
    pub(super) fn take(
        &mut self,
        record: &Record,
        known: &mut dyn FnMut(u64) -> Option<TreeHash>,
    ) -> Step {
        match record.header.kind {
            ENTRY => self.take_entry(&record.payload, known),
            CHECKPOINT => self.take_checkpoint(&record.payload, known),
            WITNESSED => match Checkpoint::decode(&record.payload) {
                Some(checkpoint) => Step::Witnessed(checkpoint),
                None => self.fault(Fault::Unreadable { near: self.frontier.size() }),
            },
            CUT => self.take_cut(&record.payload),
            _ => self.fault(Fault::Unreadable { near: self.frontier.size() }),
        }
    }

    fn take_entry(
        &mut self,
        payload: &[u8],
        known: &mut dyn FnMut(u64) -> Option<TreeHash>,
    ) -> Step {
        let near = self.frontier.size();
        let Some((index, bytes)) = split_entry(payload) else {
            return self.fault(Fault::Unreadable { near });
        };
        let Some(entry) = Entry::decode(bytes) else {
            return self.fault(Fault::Unreadable { near: index });
        };
        let last = self.adrift.last().map(|(index, _)| *index);
        if index < last.map_or(near, |last| last + 1) {
            return self.fault(Fault::Repeated { entry: index });
        }
        let leaf = TreeHash::of_leaf(bytes);
        if index > near {
            self.adrift.push((index, leaf));
            return Step::Adrift(entry);
        }
        if known(index).is_some_and(|kept| kept != leaf) {
            self.differing.push(index);
        }
        self.frontier.push(leaf);
        Step::Leaf(leaf)
    }

    /// Grows the tree to `size` by what is adrift and by the hashes that are kept of the rest. The
    /// leaves it has grown by; fewer than asked for where neither knows one.
    pub(super) fn fill(
        &mut self,
        size: u64,
        known: &mut dyn FnMut(u64) -> Option<TreeHash>,
    ) -> Vec<TreeHash> {
        let mut adrift = std::mem::take(&mut self.adrift).into_iter().peekable();
        let (mut leaves, mut missing) = (Vec::new(), None::<(u64, u64)>);
        for index in self.frontier.size()..size {
            let leaf = match adrift.next_if(|(at, _)| *at == index) {
                Some((_, leaf)) => {
                    if known(index).is_some_and(|kept| kept != leaf) {
                        self.differing.push(index);
                    }
                    Some(leaf)
                }
                None => {
                    missing = match missing {
                        Some((first, last)) if last + 1 == index => Some((first, index)),
                        other => {
                            self.missing(other);
                            Some((index, index))
                        }
                    };
                    known(index)
                }
            };
            match leaf {
                Some(leaf) => leaves.push(leaf),
                None => {
                    // Up to the next one that is there, nothing is.
                    let last = adrift.peek().map_or(size, |(at, _)| *at).min(size) - 1;
                    missing = missing.map(|(first, _)| (first, last));
                    break;
                }
            }
        }
        self.missing(missing);
        leaves.iter().for_each(|&leaf| self.frontier.push(leaf));
        leaves
    }

    fn missing(&mut self, range: Option<(u64, u64)>) {
        if let Some((first, last)) = range {
            self.fault(Fault::Missing { first, last });
        }
    }

    fn take_checkpoint(
        &mut self,
        payload: &[u8],
        known: &mut dyn FnMut(u64) -> Option<TreeHash>,
    ) -> Step {
        let Some((checkpoint, frontier)) = split_checkpoint(payload) else {
            return self.fault(Fault::Forged { size: self.frontier.size() });
        };
        if checkpoint.device != self.device || checkpoint.size < self.agreed {
            return self.fault(Fault::Forged { size: checkpoint.size });
        }
        self.checkpoints += 1;
        let leaves = self.fill(checkpoint.size, known);
        if frontier == self.frontier {
            self.agree();
            return Step::Checkpoint(checkpoint, leaves);
        }
        if self.frontier.size() >= checkpoint.size {
            self.disagree(checkpoint.size);
        }
        // The device signed it, so what follows is held to it.
        let agreed = std::mem::replace(&mut self.agreed, checkpoint.size);
        self.differing.clear();
        self.frontier = frontier;
        Step::Resumed { checkpoint, agreed }
    }

    fn take_cut(&mut self, payload: &[u8]) -> Step {
        let size = payload.try_into().map(u64::from_le_bytes);
        // A cut below what was signed would be a way to rewrite.
        if size.is_ok_and(|size| size >= self.agreed && size == self.frontier.size()) {
            self.mends += 1;
            self.adrift.clear();
            return Step::Cut;
        }
        self.fault(Fault::Unreadable { near: self.frontier.size() })
    }

    /// The log gives the root that was signed: where the hashes beside it differ, they are wrong.
    pub(super) fn agree(&mut self) {
        for entry in std::mem::take(&mut self.differing) {
            self.fault(Fault::HashAltered { entry });
        }
        self.agreed = self.frontier.size();
    }

    /// The log gives another root than was signed for `size` entries.
    pub(super) fn disagree(&mut self, size: u64) {
        if self.differing.is_empty() {
            let (first, last) = (self.agreed, size.max(1) - 1);
            self.fault(Fault::Differs { first: first.min(last), last });
        }
        for entry in std::mem::take(&mut self.differing) {
            self.fault(Fault::Altered { entry });
        }
    }

    /// Notes `fault`, unless there are very many already.
    pub(super) fn fault(&mut self, fault: Fault) -> Step {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
        Step::Nothing
    }
}

/// Hands over the entries of a range in order, leaving out what a [`CUT`] has voided.
pub(super) struct Delivery<F> {
    each: F,
    next: u64,
    /// Entries behind a hole: a cut may still follow.
    held: Vec<(u64, Entry)>,
}

impl<F: FnMut(u64, Entry)> Delivery<F> {
    pub(super) fn new(start: u64, each: F) -> Self {
        Self { each, next: start, held: Vec::new() }
    }

    pub(super) fn take(&mut self, record: &Record, end: u64) {
        match record.header.kind {
            CUT => self.held.clear(),
            CHECKPOINT => self.release(),
            ENTRY => {
                let Some((index, bytes)) = split_entry(&record.payload) else { return };
                let Some(entry) = Entry::decode(bytes) else { return };
                if index < self.next || index >= end {
                    return;
                }
                if index == self.next && self.held.is_empty() {
                    self.next += 1;
                    (self.each)(index, entry);
                } else {
                    self.held.push((index, entry));
                }
            }
            _ => {}
        }
    }

    /// No cut follows.
    pub(super) fn release(&mut self) {
        for (index, entry) in std::mem::take(&mut self.held) {
            self.next = index + 1;
            (self.each)(index, entry);
        }
    }
}
