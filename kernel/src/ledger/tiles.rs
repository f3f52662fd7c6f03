//! The tree's hashes on disk, so that a proof reads three blocks and not the history.
//!
//! A *tile* holds 256 neighbouring hashes of one row: row 0 are the leaves, row 1 the roots over
//! 256 leaves each, row 2 over 65,536, and so on. The file `tiles-ROW` has its full tiles, sealed,
//! one behind the other at equal distances; each knows the log's sequence of its first entry. A
//! tile that is not full yet is in memory, and in the head. All of it can be made again from the
//! log, and one that is damaged costs the proofs that go through it until then.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LedgerError;
use super::entry::Bytes;
use super::merkle::{Nodes, TreeHash};
use crate::disk::{Disk, DiskFile, Open};
use crate::keys::{DATA_KEY_OVERHEAD, Opener, Sealer};
use crate::log::Sequence;

/// Hashes in a tile: 2 to this power.
const HEIGHT: u32 = 8;
pub(super) const TILE: usize = 1 << HEIGHT;
/// Rows that a tree of `u64` leaves can have.
pub(super) const ROWS_MAX: usize = 64usize.div_ceil(HEIGHT as usize);
const PLAIN: usize = 8 + TILE * 32;
/// What sealing under the data key adds: mode, nonce, tag.
const SEALED: usize = PLAIN + DATA_KEY_OVERHEAD;

/// Some neighbouring hashes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// At or before the log's record of the first entry below.
    pub(super) first: Sequence,
    pub(super) hashes: Vec<TreeHash>,
}

/// The rows; see the module. A clone is cheap, and stays as it is while the tree grows.
#[derive(Clone)]
pub(super) struct Tiles {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    sealer: Sealer,
    opener: Opener,
    /// Each row's full tiles on the disk or waiting.
    full: Vec<u64>,
    /// Each row's tile that grows.
    growing: Vec<Arc<Tile>>,
    /// Full tiles that are not on the disk yet, as (row, number, tile).
    waiting: Vec<(usize, u64, Arc<Tile>)>,
}

impl Tiles {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &Path, sealer: Sealer, opener: Opener) -> Self {
        let dir = dir.to_owned();
        let (full, growing, waiting) = (Vec::new(), Vec::new(), Vec::new());
        Self { disk, dir, sealer, opener, full, growing, waiting }
    }

    /// Takes up the tiles of a tree of `size` leaves; `None` when they cannot be its.
    pub(super) fn resume(&mut self, size: u64, growing: Vec<Tile>) -> Option<()> {
        let mut rest = size;
        for tile in &growing {
            if tile.hashes.len() as u64 != rest % TILE as u64 {
                return None;
            }
            rest /= TILE as u64;
        }
        if rest != 0 {
            return None;
        }
        let rows = 0..growing.len() as u32;
        self.full = rows.map(|row| size.checked_shr(HEIGHT * (row + 1)).unwrap_or(0)).collect();
        self.growing = growing.into_iter().map(Arc::new).collect();
        self.waiting.clear();
        Some(())
    }

    pub(super) fn growing(&self) -> &[Arc<Tile>] {
        &self.growing
    }

    /// The next leaf, whose record has the place `at`.
    pub(super) fn push(&mut self, leaf: TreeHash, at: Sequence) {
        let (mut hash, mut first) = (leaf, at);
        for row in 0..ROWS_MAX {
            if row == self.growing.len() {
                // The row above begins with the first entry of all.
                let hashes = Vec::with_capacity(TILE);
                self.growing.push(Arc::new(Tile { first, hashes }));
                self.full.push(0);
            }
            let growing = Arc::make_mut(&mut self.growing[row]);
            if growing.hashes.is_empty() {
                growing.first = first;
            }
            growing.hashes.push(hash);
            if growing.hashes.len() < TILE {
                break;
            }
            let tile = Tile { first: growing.first, hashes: std::mem::take(&mut growing.hashes) };
            (hash, first) = (over(&tile.hashes), tile.first);
            self.waiting.push((row, self.full[row], Arc::new(tile)));
            self.full[row] += 1;
        }
    }

    /// A tile, also of where the tree has not come to yet.
    pub(super) fn stored(&self, row: usize, number: u64) -> Option<Arc<Tile>> {
        self.tile(row, number).or_else(|| self.read(row, number).map(Arc::new))
    }

    /// Leaves what is on the disk for the leaves from `size` on: it may be better.
    pub(super) fn distrust(&mut self, size: u64) {
        let span = |row: usize| 1_u64.checked_shl(HEIGHT * (row as u32 + 1)).unwrap_or(u64::MAX);
        self.waiting.retain(|(row, number, _)| (number + 1).saturating_mul(span(*row)) <= size);
    }

    /// Leaves out the tiles of what is not known, when the tree goes on behind a hole: the tree
    /// then has `size` leaves, and proofs that need others are not given.
    pub(super) fn skip_to(&mut self, size: u64, at: Sequence) {
        let (mut rest, mut row) = (size, 0);
        while rest > 0 {
            if row == self.growing.len() {
                self.growing.push(Arc::new(Tile { first: at, hashes: Vec::new() }));
                self.full.push(0);
            }
            let known = (rest % TILE as u64) as usize;
            let growing = Arc::make_mut(&mut self.growing[row]);
            // A zero hash stands where none is known: it is no SHA-256 that anybody has found.
            growing.hashes.clear();
            growing.hashes.resize(known, UNKNOWN);
            growing.first = at;
            rest /= TILE as u64;
            self.full[row] = rest;
            row += 1;
        }
    }

    /// Writes what waits and makes it durable; [`Tiles::forget`] then takes it out of memory.
    pub(super) fn save(&self) -> Result<(), LedgerError> {
        for row in 0..self.full.len() {
            let mut of_row = self.waiting.iter().filter(|(of, ..)| *of == row).peekable();
            if of_row.peek().is_none() {
                continue;
            }
            let path = self.path(row);
            let file = self.open_or_make(&path).map_err(super::wrap(&path))?;
            // What is on the disk may know hashes that one with a hole does not.
            for (_, number, tile) in of_row.filter(|(.., tile)| !tile.hashes.contains(&UNKNOWN)) {
                let sealed = self.seal(row, *number, tile)?;
                file.write_all_at(number * SEALED as u64, &sealed).map_err(super::wrap(&path))?;
            }
            file.sync().map_err(super::wrap(&path))?;
        }
        self.disk.sync_dir(&self.dir).map_err(super::wrap(&self.dir))
    }

    /// Seals the tiles on the disk under the key that seals now. One that does not open is left out
    /// of the new file, and is made again with the tree.
    pub(super) fn seal_anew(&self) -> Result<(), LedgerError> {
        for row in 0..self.full.len() {
            let path = self.path(row);
            let fresh = path.with_extension("new");
            let mut any = None;
            for number in 0..self.full[row] {
                let Some(tile) = self.read(row, number) else { continue };
                let file = match &any {
                    Some(file) => file,
                    None => any.insert(
                        crate::disk::create_anew(&*self.disk, &fresh)
                            .map_err(super::wrap(&fresh))?,
                    ),
                };
                let sealed = self.seal(row, number, &tile)?;
                file.write_all_at(number * SEALED as u64, &sealed).map_err(super::wrap(&fresh))?;
            }
            if let Some(file) = any {
                file.sync().map_err(super::wrap(&fresh))?;
                self.disk.rename(&fresh, &path).map_err(super::wrap(&path))?;
            }
        }
        self.disk.sync_dir(&self.dir).map_err(super::wrap(&self.dir))
    }

    /// Lets go of the tiles that `saved`, an earlier clone, has written.
    pub(super) fn forget(&mut self, saved: &Self) {
        self.waiting.drain(..saved.waiting.len());
    }

    /// The tile `number` of a row, full or growing; `None` when it is not there or damaged.
    pub(super) fn tile(&self, row: usize, number: u64) -> Option<Arc<Tile>> {
        let full = *self.full.get(row)?;
        if number == full {
            return self.growing.get(row).cloned();
        }
        if number > full {
            return None;
        }
        let waiting = self.waiting.iter().find(|(of, at, _)| (*of, *at) == (row, number));
        waiting.map(|(.., tile)| tile.clone()).or_else(|| self.read(row, number).map(Arc::new))
    }

    fn read(&self, row: usize, number: u64) -> Option<Tile> {
        let file = self.disk.open(&self.path(row), Open::Read).ok()?;
        let mut sealed = [0; SEALED];
        let mut len = 0;
        while len < SEALED {
            match file.read_at(number * SEALED as u64 + len as u64, &mut sealed[len..]).ok()? {
                0 => return None,
                some => len += some,
            }
        }
        let plain = self.opener.open(&about(row, number), &sealed)?;
        let mut bytes = Bytes(&plain);
        let first = Sequence(bytes.number()?);
        let hashes: Option<_> = (0..TILE).map(|_| bytes.take().map(TreeHash)).collect();
        Some(Tile { first, hashes: hashes? })
    }

    fn seal(&self, row: usize, number: u64, tile: &Tile) -> Result<Vec<u8>, LedgerError> {
        let mut plain = tile.first.0.to_le_bytes().to_vec();
        tile.hashes.iter().for_each(|hash| plain.extend_from_slice(&hash.0));
        let mut sealed = Vec::with_capacity(SEALED);
        self.sealer.seal(&about(row, number), &plain, &mut sealed)?;
        assert_eq!(sealed.len(), SEALED, "the profile is unlocked, so the seal has one form");
        Ok(sealed)
    }

    fn path(&self, row: usize) -> PathBuf {
        self.dir.join(format!("tiles-{row}"))
    }

    fn open_or_make(&self, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
        match self.disk.open(path, Open::Write) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.disk.open(path, Open::CreateNew)
            }
            opened => opened,
        }
    }
}

/// Stands for a hash that is lost.
const UNKNOWN: TreeHash = TreeHash([0; 32]);

/// What a tile's seal is bound to.
fn about(row: usize, number: u64) -> Vec<u8> {
    [b"tile 1".as_slice(), &(row as u64).to_le_bytes(), &number.to_le_bytes()].concat()
}

/// The root over a power of two of neighbours.
fn over(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [one] => *one,
        _ if hashes.contains(&UNKNOWN) => UNKNOWN,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            TreeHash::of_node(over(left), over(right))
        }
    }
}

impl Nodes for Tiles {
    type Error = LedgerError;

    fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, LedgerError> {
        let (row, inside) = ((level / HEIGHT) as usize, level % HEIGHT);
        let start = index << inside;
        let (number, from) = (start / TILE as u64, (start % TILE as u64) as usize);
        let lost = || LedgerError::HashLost { first: index << level };
        let tile = self.tile(row, number).ok_or_else(lost)?;
        let hashes = tile.hashes.get(from..from + (1 << inside)).ok_or_else(lost)?;
        Some(over(hashes)).filter(|hash| *hash != UNKNOWN).ok_or_else(lost)
    }
}

/// Whether a hash stands for one that is lost.
pub(super) fn is_unknown(hash: TreeHash) -> bool {
    hash == UNKNOWN
}
