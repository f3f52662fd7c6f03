//! What is kept of a ledger's state, so that opening it reads the last records alone.

use std::collections::BTreeMap;

use super::checkpoint::{CHECKPOINT_BYTES, Checkpoint};
use super::entry::Bytes;
use super::merkle::{Frontier, TreeHash};
use super::tiles::{ROWS_MAX, TILE, Tile};
use crate::log::Sequence;
use crate::principal::DeviceId;

/// What its seal is bound to; the number is the format's.
pub(super) const ABOUT: &[u8] = b"head 1";

/// A frontier, eight growing tiles and two thousand devices.
pub(super) const HEAD_BYTES_MAX: usize = 512 * 1024;

/// The state as a checkpoint left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) frontier: Frontier,
    pub(super) growing: Vec<Tile>,
    pub(super) checkpoint: Checkpoint,
    /// Where the log has that checkpoint.
    pub(super) at: Sequence,
    pub(super) witnessed: BTreeMap<DeviceId, Checkpoint>,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.at.0.to_le_bytes().to_vec();
        out.extend(self.checkpoint.encode());
        encode_peaks(self.frontier.peaks(), &mut out);
        out.push(u8::try_from(self.growing.len()).expect("there are eight rows at most"));
        for tile in &self.growing {
            out.extend_from_slice(&tile.first.0.to_le_bytes());
            let count = u16::try_from(tile.hashes.len()).expect("a tile has 256 hashes");
            out.extend_from_slice(&count.to_le_bytes());
            tile.hashes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
        }
        self.witnessed.values().for_each(|checkpoint| out.extend(checkpoint.encode()));
        out
    }

    /// `None` when it is not one, or does not agree with itself.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let at = Sequence(bytes.number()?);
        let checkpoint = Checkpoint::decode(bytes.slice(CHECKPOINT_BYTES)?)?;
        let frontier = Frontier::new(checkpoint.size, decode_peaks(&mut bytes)?)?;
        let rows = usize::from(bytes.byte()?);
        if rows > ROWS_MAX || frontier.root() != checkpoint.root {
            return None;
        }
        let mut growing = Vec::with_capacity(rows);
        for _ in 0..rows {
            let first = Sequence(bytes.number()?);
            let count = usize::from(u16::from_le_bytes(bytes.take()?));
            if count >= TILE {
                return None;
            }
            let hashes: Option<_> = (0..count).map(|_| bytes.take().map(TreeHash)).collect();
            growing.push(Tile { first, hashes: hashes? });
        }
        let mut witnessed = BTreeMap::new();
        while !bytes.0.is_empty() {
            let checkpoint = Checkpoint::decode(bytes.slice(CHECKPOINT_BYTES)?)?;
            witnessed.insert(checkpoint.device, checkpoint);
        }
        Some(Self { frontier, growing, checkpoint, at, witnessed })
    }
}

/// How many (1 byte), then 32 bytes each.
pub(super) fn encode_peaks(peaks: &[TreeHash], out: &mut Vec<u8>) {
    out.push(u8::try_from(peaks.len()).expect("a u64 has 64 ones at most"));
    peaks.iter().for_each(|peak| out.extend_from_slice(&peak.0));
}

pub(super) fn decode_peaks(bytes: &mut Bytes<'_>) -> Option<Vec<TreeHash>> {
    let count = bytes.byte()?;
    (0..count).map(|_| bytes.take().map(TreeHash)).collect()
}
