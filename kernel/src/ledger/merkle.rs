//! The Merkle tree of RFC 6962, section 2.1, over SHA-256.
//!
//! A leaf is hashed behind a 0 byte and a node behind a 1 byte, so that neither passes for the
//! other. A tree of `n` leaves splits at the largest power of two below `n`: its left part is
//! perfect, and never changes again.

use std::fmt;

use sha2::{Digest, Sha256};

/// Deeper than any tree: sizes are `u64`.
pub(super) const DEPTH_MAX: usize = 64;

/// A SHA-256 hash in a tree: of an entry, or of all entries below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// The root of a tree without leaves.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf.
    #[must_use]
    pub fn of_leaf(leaf: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
    }

    /// The hash of a node over its two halves.
    #[must_use]
    pub fn of_node(left: Self, right: Self) -> Self {
        let mut bytes = [1; 65];
        bytes[1..33].copy_from_slice(&left.0);
        bytes[33..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

/// What has to be kept to grow a tree: the roots of its perfect subtrees, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// A frontier that was kept; `None` when no tree of that size has so many peaks.
    pub(super) fn new(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    pub(super) fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a size with ones has as many peaks");
            hash = TreeHash::of_node(left, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub(super) fn root(&self) -> TreeHash {
        let folded = self.peaks.iter().rev().copied();
        let root = folded.reduce(|right, left| TreeHash::of_node(left, right));
        root.unwrap_or_else(TreeHash::of_nothing)
    }
}

/// Where the hashes of perfect subtrees come from.
pub(super) trait Nodes {
    type Error;

    /// The root over the leaves from `index << level` to `(index + 1) << level`.
    fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, Self::Error>;
}

/// The hash over the leaves from `start` to `end`, a subtree of some tree.
fn subtree<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<TreeHash, N::Error> {
    let len = end - start;
    if len.is_power_of_two() {
        let level = len.trailing_zeros();
        return nodes.perfect(level, start >> level);
    }
    let middle = start + split(len);
    Ok(TreeHash::of_node(subtree(nodes, start, middle)?, subtree(nodes, middle, end)?))
}

/// The largest power of two below `len`, which is 2 or more.
fn split(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}

/// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1).
pub(super) fn inclusion<N: Nodes>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, N::Error> {
    assert!(index < size, "the caller has checked that the tree has this leaf");
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is the beginning of that of `new` (RFC 6962, 2.1.2).
pub(super) fn consistency<N: Nodes>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<TreeHash>, N::Error> {
    assert!(old <= new, "the caller has checked that the tree grew");
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut path) = (0, new, Vec::new());
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    // The old tree itself is known to whoever asks.
    if start > 0 {
        path.push(subtree(nodes, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `path` leads from the leaf `index` to the root of a tree of `size` leaves (RFC 9162,
/// 2.1.3.2).
pub(super) fn proves_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    path: &[TreeHash],
    root: TreeHash,
) -> bool {
    if index >= size || path.len() > DEPTH_MAX {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for &beside in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = TreeHash::of_node(beside, hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = TreeHash::of_node(hash, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether `path` leads from the tree (`old`, `old_root`) to (`new`, `new_root`) (RFC 9162,
/// 2.1.4.2).
pub(super) fn proves_consistency(
    (old, old_root): (u64, TreeHash),
    (new, new_root): (u64, TreeHash),
    path: &[TreeHash],
) -> bool {
    if old > new || path.len() > 2 * DEPTH_MAX {
        return false;
    }
    if old == new || old == 0 {
        let is_known = if old == new { old_root == new_root } else { true };
        return path.is_empty() && is_known && (old > 0 || old_root == TreeHash::of_nothing());
    }
    let mut path = path.iter().copied();
    let first = if old.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut from_old, mut from_new) = (first, first);
    for beside in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            from_old = TreeHash::of_node(beside, from_old);
            from_new = TreeHash::of_node(beside, from_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            from_new = TreeHash::of_node(from_new, beside);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == old_root && from_new == new_root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    /// The leaves of the vectors that Certificate Transparency's implementations publish
    /// (`merkletree/merkle_verifier_test.go`, `cpp/merkletree/merkle_tree_test.cc`).
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    struct Leaves(Vec<TreeHash>);

    impl Nodes for Leaves {
        type Error = ();

        fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, ()> {
            let of = |range: std::ops::Range<u64>| {
                let mut frontier = Frontier::default();
                range.for_each(|at| frontier.push(self.0[at as usize]));
                frontier.root()
            };
            Ok(of(index << level..(index + 1) << level))
        }
    }

    fn leaves(count: usize) -> Leaves {
        Leaves((0..count).map(|at| TreeHash::of_leaf(&at.to_le_bytes())).collect())
    }

    #[test]
    fn the_published_roots_and_paths_come_out() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Frontier::default().root().to_string(), empty);
        let (mut frontier, mut hashes) = (Frontier::default(), Vec::new());
        for (leaf, root) in LEAVES.iter().zip(ROOTS) {
            hashes.push(TreeHash::of_leaf(leaf));
            frontier.push(TreeHash::of_leaf(leaf));
            assert_eq!(frontier.root().to_string(), root);
        }
        let nodes = Leaves(hashes);
        let hex = |path: Vec<TreeHash>| path.iter().map(ToString::to_string).collect::<Vec<_>>();
        // The path of leaf 0 in 8, of leaf 2 in 3, and from 6 to 8, as published.
        assert_eq!(
            hex(inclusion(&nodes, 0, 8).unwrap()),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        let two = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
        assert_eq!(hex(inclusion(&nodes, 2, 3).unwrap()), [two]);
        assert_eq!(
            hex(consistency(&nodes, 6, 8).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn every_proof_holds_and_no_changed_one_does() {
        let nodes = leaves(70);
        let mut frontier = Frontier::default();
        let mut roots = vec![frontier.root()];
        for &leaf in &nodes.0 {
            frontier.push(leaf);
            roots.push(frontier.root());
        }
        let mut random = SplitMix::new(1);
        for size in 1..=70_usize {
            let root = roots[size];
            for index in 0..size {
                let path = inclusion(&nodes, index as u64, size as u64).unwrap();
                let (at, of, leaf) = (index as u64, size as u64, nodes.0[index]);
                assert!(proves_inclusion(leaf, at, of, &path, root));
                let other = nodes.0[(index + 1) % 70];
                assert!(!proves_inclusion(other, at, of, &path, root));
                assert!(!proves_inclusion(leaf, at, of, &path, roots[size - 1]));
                assert!(!proves_inclusion(leaf, of, of, &path, root));
                assert!(!proves_inclusion(leaf, at, of, &[&path[..], &[leaf]].concat(), root));
            }
            for (old, &old_root) in roots.iter().enumerate().take(size + 1) {
                let path = consistency(&nodes, old as u64, size as u64).unwrap();
                let (was, is) = ((old as u64, old_root), (size as u64, root));
                assert!(proves_consistency(was, is, &path), "{old} to {size}");
                let wrong = (old as u64, TreeHash::of_leaf(b"x"));
                assert!(!proves_consistency(wrong, is, &path), "{old} to {size}");
                if !path.is_empty() {
                    let mut bad = path.clone();
                    bad[random.below(path.len() as u64) as usize].0[7] ^= 1;
                    assert!(!proves_consistency(was, is, &bad), "{old} to {size}");
                    assert!(!proves_consistency(was, is, &path[1..]), "{old} to {size}");
                }
            }
        }
    }
}
