//! The batches of one chain, as far as they are here.

use net::DeviceId;

use crate::batch::{Batch, BatchId};

/// A chain.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    /// Who writes it.
    pub device: DeviceId,
    batches: Vec<Batch>,
    /// How many operations came before each batch, and before the next one.
    operations: Vec<u64>,
    durable: u64,
    /// It was continued in two ways.
    pub is_forked: bool,
}

/// How a batch relates to a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It comes next.
    Next,
    /// It is here.
    Known,
    /// Some before it are missing.
    Gap,
    /// Another one is here in its place, or it follows another one.
    Forked,
}

impl Chain {
    pub fn new(device: DeviceId) -> Self {
        Self { device, batches: Vec::new(), operations: vec![0], durable: 0, is_forked: false }
    }

    pub fn len(&self) -> u64 {
        self.batches.len() as u64
    }

    /// How many of them survive a power cut here.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    pub fn set_durable(&mut self, count: u64) {
        self.durable = self.durable.max(count.min(self.len()));
    }

    /// The last of the first `count`.
    pub fn head(&self, count: u64) -> BatchId {
        let last = count.checked_sub(1).and_then(|at| self.get(at));
        last.map_or(BatchId::default(), Batch::id)
    }

    pub fn get(&self, number: u64) -> Option<&Batch> {
        self.batches.get(usize::try_from(number).ok()?)
    }

    pub fn offer(&self, batch: &Batch) -> Offer {
        let header = batch.header();
        if header.device != self.device {
            return Offer::Forked;
        }
        match self.get(header.number) {
            Some(known) if known.id() == batch.id() => Offer::Known,
            Some(_) => Offer::Forked,
            None if header.number > self.len() => Offer::Gap,
            None if header.previous != self.head(self.len()) => Offer::Forked,
            None => Offer::Next,
        }
    }

    /// Takes a batch that comes next, with how many operations it holds.
    pub fn push(&mut self, batch: Batch, operations: u64) {
        debug_assert_eq!(self.offer(&batch), Offer::Next);
        self.operations.push(self.operations[self.batches.len()] + operations);
        self.batches.push(batch);
    }

    /// Operations of the batches from a number on.
    pub fn operations_after(&self, number: u64) -> u64 {
        let at = usize::try_from(number).unwrap_or(usize::MAX).min(self.batches.len());
        self.operations[self.batches.len()] - self.operations[at]
    }

    /// Bytes of the batches from a number on.
    pub fn bytes_after(&self, number: u64) -> u64 {
        let at = usize::try_from(number).unwrap_or(usize::MAX).min(self.batches.len());
        self.batches[at..].iter().map(|batch| batch.bytes().len() as u64).sum()
    }
}
