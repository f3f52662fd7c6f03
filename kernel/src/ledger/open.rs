//! Opening a ledger: the head, then the records behind it; without a head, all of them.

use std::collections::BTreeMap;

use super::checkpoint::Checkpoint;
use super::entry::{Decision, Entry, Time, TraceId};
use super::head::{self, Head};
use super::merkle::{Frontier, TreeHash};
use super::replay::{Fold, Step};
use super::tiles::{TILE, Tiles};
use super::{Fault, LedgerError, Parts, State, damaged, wrap};
use crate::disk;
use crate::log::{Record, Sequence};
use crate::principal::{ActionId, Principal};

/// A state, and what has to be done before it is used.
pub(super) struct Opened {
    pub(super) state: State,
    pub(super) faults: Vec<Fault>,
    /// Entries that stood behind a hole which no checkpoint covers.
    pub(super) adrift: Option<Vec<Entry>>,
    /// Whether the head has to be written anew.
    pub(super) is_stale: bool,
}

pub(super) fn open(parts: &Parts<'_>, mut tiles: Tiles) -> Result<Opened, LedgerError> {
    let head = read_head(parts)?;
    let (mut start, mut frontier) = (Sequence(1), Frontier::default());
    let (mut checkpoint, mut witnessed) = (None, BTreeMap::new());
    let had = head.as_ref().map(|head| (head.at, head.checkpoint.size));
    if let Some(head) = head {
        // The growing tiles of a head that opened belong to its frontier.
        let path = parts.dir.join(super::HEAD_FILE);
        tiles.resume(head.checkpoint.size, head.growing).ok_or_else(|| damaged(&path))?;
        (start, frontier) = (head.at, head.frontier);
        (checkpoint, witnessed) = (Some(head.checkpoint), head.witnessed);
    }
    let device = parts.signer.id();
    let mut walk = Walk {
        fold: Fold::new(device, frontier),
        tiles,
        checkpoint,
        witnessed,
        adrift: Vec::new(),
        near: Near::default(),
        met: false,
        last: Sequence(0),
    };
    let stream = super::stream(device);
    let log = parts.writer.reader();
    // Damage of this stream shows as what is missing.
    log.replay_between(
        &parts.opener,
        start..=Sequence(u64::MAX),
        |header| header.stream == stream && super::owns(header),
        |record| walk.take(&record, had),
    )?;
    if let Some((_, size)) = had.filter(|_| !walk.met) {
        walk.fold.fault(Fault::CheckpointGone { size });
    }
    let adrift = walk.fold.hole().map(|_| walk.adrift);
    if let Some(first) = walk.fold.hole() {
        walk.fold.fault(Fault::Missing { first: walk.fold.frontier.size(), last: first - 1 });
    }
    let faults = walk.fold.faults;
    let is_stale =
        !faults.is_empty() || adrift.is_some() || had.is_none() && walk.fold.frontier.size() > 0;
    let state = State {
        frontier: walk.fold.frontier,
        tiles: walk.tiles,
        checkpoint: walk.checkpoint,
        witnessed: walk.witnessed,
        last: walk.last,
    };
    Ok(Opened { state, faults, adrift, is_stale })
}

/// The entry that tells of a loss which was mended.
pub(super) fn mend_entry(parts: &Parts<'_>) -> Entry {
    Entry {
        time: Time::now(),
        trace: TraceId(0),
        actor: Principal::Device(parts.signer.id()),
        action: ActionId::new("ledger.mend").expect("it is of the grammar"),
        subject: None,
        decision: Decision::Failed,
        rule: None,
        evidence: Vec::new(),
    }
}

/// `None` when there is none, or none that can be used: then the log gives all of it again.
fn read_head(parts: &Parts<'_>) -> Result<Option<Head>, LedgerError> {
    let path = parts.dir.join(super::HEAD_FILE);
    let sealed = match disk::read(&*parts.disk, &path, head::HEAD_BYTES_MAX) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Ok(None),
        Err(error) => return Err(wrap(&path)(error)),
    };
    let opener = parts.keys.opener(super::PURPOSE);
    let plain = opener.open(head::ABOUT, &sealed);
    let Some(head) = plain.and_then(|plain| Head::decode(&plain)) else { return Ok(None) };
    if head.checkpoint.device != parts.signer.id() {
        return Err(LedgerError::OtherDevice);
    }
    Ok(Some(head))
}

/// The tile that was last asked for: neighbours are asked for in turn.
#[derive(Default)]
pub(super) struct Near(Option<(u64, Option<std::sync::Arc<super::tiles::Tile>>)>);

impl Near {
    /// The hash that is kept for leaf `index`.
    pub(super) fn hash(&mut self, tiles: &Tiles, index: u64) -> Option<TreeHash> {
        let number = index / TILE as u64;
        if self.0.as_ref().is_none_or(|(at, _)| *at != number) {
            self.0 = Some((number, tiles.stored(0, number)));
        }
        let (_, tile) = self.0.as_ref().expect("it was just put there");
        let hash = tile.as_ref()?.hashes.get((index % TILE as u64) as usize).copied();
        hash.filter(|hash| !super::tiles::is_unknown(*hash))
    }
}

struct Walk {
    fold: Fold,
    tiles: Tiles,
    checkpoint: Option<Checkpoint>,
    witnessed: BTreeMap<crate::principal::DeviceId, Checkpoint>,
    adrift: Vec<Entry>,
    near: Near,
    /// Whether the head's own checkpoint was met in its place.
    met: bool,
    /// The last record.
    last: Sequence,
}

impl Walk {
    fn take(&mut self, record: &Record, head: Option<(Sequence, u64)>) {
        let at = record.header.sequence;
        self.last = at;
        let (tiles, near) = (&self.tiles, &mut self.near);
        let step = self.fold.take(record, &mut |index| near.hash(tiles, index));
        match step {
            Step::Leaf(leaf) => self.push(leaf, at),
            Step::Adrift(entry) => self.adrift.push(entry),
            Step::Cut => self.adrift.clear(),
            Step::Checkpoint(checkpoint, leaves) => {
                self.adrift.clear();
                leaves.into_iter().for_each(|leaf| self.push(leaf, at));
                self.met |= head == Some((at, checkpoint.size));
                self.checkpoint = Some(checkpoint);
            }
            Step::Resumed { checkpoint, agreed } => {
                self.adrift.clear();
                self.tiles.distrust(agreed);
                self.tiles.skip_to(checkpoint.size, at);
                self.checkpoint = Some(checkpoint);
            }
            Step::Witnessed(checkpoint) => {
                self.witnessed.insert(checkpoint.device, checkpoint);
            }
            Step::Nothing => {}
        }
    }

    fn push(&mut self, leaf: TreeHash, at: Sequence) {
        // A tile that grows is another one now.
        self.near = Near::default();
        self.tiles.push(leaf, at);
    }
}
