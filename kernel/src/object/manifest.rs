//! What an object is made of: a tree of lists, so that no list grows with the object.
//!
//! A manifest is a version (1 byte), the level (1), the object's hash (32), its length (8), the
//! number of entries (4), and the entries: an id (32) and how many bytes of the object are below it
//! (8). On level 0 the entries are chunks, above it they are nodes of the level below; a node is
//! its level (1), the number (4) and the entries.

use super::bytes::Bytes;
use super::frame::FrameId;
use super::{ObjectError, ObjectId};

/// Entries in one list: 40 KB, and 32 MB of an object on level 0.
const ENTRIES_MAX: usize = 1024;
/// With that many levels, an object would have 2^65 bytes.
const LEVEL_MAX: u8 = 5;
const VERSION: u8 = 1;

/// A piece of an object: a chunk, or a node with all that is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: FrameId,
    /// How much of the object it is, in bytes; never 0.
    pub(super) bytes: u64,
}

/// A list of pieces, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// 0 when the entries are chunks.
    pub(super) level: u8,
    pub(super) entries: Vec<Entry>,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) object: ObjectId,
    pub(super) bytes: u64,
    pub(super) top: Node,
}

impl Node {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.level);
        let count = u32::try_from(self.entries.len()).expect("a list is limited");
        out.extend_from_slice(&count.to_le_bytes());
        for entry in &self.entries {
            out.extend_from_slice(&entry.id.0);
            out.extend_from_slice(&entry.bytes.to_le_bytes());
        }
    }

    /// The node of `expected` bytes that `bytes` is.
    pub(super) fn decode(bytes: &[u8], expected: u64) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let node = Self::take(&mut bytes, expected)?;
        bytes.end().map(|()| node)
    }

    fn take(bytes: &mut Bytes<'_>, expected: u64) -> Option<Self> {
        let (level, count) = (bytes.u8()?, bytes.u32()? as usize);
        if level > LEVEL_MAX || count > ENTRIES_MAX {
            return None;
        }
        let mut entries = Vec::with_capacity(count);
        let mut total = 0_u64;
        for _ in 0..count {
            let entry = Entry { id: FrameId(bytes.array()?), bytes: bytes.u64()? };
            total = total.checked_add(entry.bytes).filter(|_| entry.bytes > 0)?;
            entries.push(entry);
        }
        (total == expected).then_some(Self { level, entries })
    }
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.object.0);
        out.extend_from_slice(&self.bytes.to_le_bytes());
        self.top.encode(&mut out);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let version = bytes.u8()?;
        let (object, len) = (ObjectId(bytes.array()?), bytes.u64()?);
        let top = Node::take(&mut bytes, len).filter(|_| version == VERSION)?;
        bytes.end().map(|()| Self { object, bytes: len, top })
    }
}

/// Stores a node and answers its name.
pub(super) type Write<'a> = dyn FnMut(&Node) -> Result<FrameId, ObjectError> + 'a;

/// Gathers the chunks of an object in order, handing out a node whenever a list is full.
#[derive(Default)]
pub(super) struct Tree {
    levels: Vec<Vec<Entry>>,
}

impl Tree {
    /// Adds a chunk. `write` stores a full node and answers its name.
    pub(super) fn push(&mut self, chunk: Entry, write: &mut Write<'_>) -> Result<(), ObjectError> {
        self.push_at(0, chunk, write)
    }

    fn push_at(
        &mut self,
        first: usize,
        mut entry: Entry,
        write: &mut Write<'_>,
    ) -> Result<(), ObjectError> {
        for level in first.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            if self.levels[level].len() < ENTRIES_MAX {
                self.levels[level].push(entry);
                break;
            }
            let full = std::mem::replace(&mut self.levels[level], vec![entry]);
            entry = close(level, full, write)?;
        }
        Ok(())
    }

    /// The list that leads to everything that was added.
    pub(super) fn finish(mut self, write: &mut Write<'_>) -> Result<Node, ObjectError> {
        let mut level = 0;
        while level + 1 < self.levels.len() {
            let rest = std::mem::take(&mut self.levels[level]);
            let entry = close(level, rest, write)?;
            level += 1;
            self.push_at(level, entry, write)?;
        }
        let entries = self.levels.pop().unwrap_or_default();
        Ok(Node { level: level_number(level), entries })
    }
}

fn level_number(level: usize) -> u8 {
    u8::try_from(level).expect("an object has few levels")
}

fn close(level: usize, entries: Vec<Entry>, write: &mut Write<'_>) -> Result<Entry, ObjectError> {
    let bytes = entries.iter().map(|entry| entry.bytes).sum();
    let id = write(&Node { level: level_number(level), entries })?;
    Ok(Entry { id, bytes })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::disk::sim::SplitMix;

    fn id(number: u64) -> FrameId {
        FrameId(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    fn leaves(node: &Node, nodes: &HashMap<FrameId, Node>, out: &mut Vec<Entry>) {
        for entry in &node.entries {
            match node.level {
                0 => out.push(*entry),
                _ => {
                    let below = &nodes[&entry.id];
                    assert_eq!(below.level + 1, node.level);
                    assert_eq!(below.entries.iter().map(|it| it.bytes).sum::<u64>(), entry.bytes);
                    leaves(below, nodes, out);
                }
            }
        }
    }

    #[test]
    fn a_tree_of_any_size_leads_to_its_chunks_in_order() {
        let full = ENTRIES_MAX as u64;
        let squared = full * full;
        for count in [0, 1, full - 1, full, full + 1, 5 * full, squared, squared + 1] {
            let mut nodes = HashMap::new();
            let mut write = |node: &Node| {
                let id = id(nodes.len() as u64 | 1 << 63);
                nodes.insert(id, node.clone());
                Ok(id)
            };
            let chunks: Vec<Entry> =
                (0..count).map(|at| Entry { id: id(at), bytes: 1 + at % 7 }).collect();
            let mut tree = Tree::default();
            for chunk in &chunks {
                tree.push(*chunk, &mut write).unwrap();
            }
            let top = tree.finish(&mut write).unwrap();
            let mut got = Vec::new();
            leaves(&top, &nodes, &mut got);
            assert!(got == chunks, "{count} chunks did not come back");
            assert!(nodes.values().all(|node| node.entries.len() <= ENTRIES_MAX));
        }
    }

    #[test]
    fn no_mutation_of_a_manifest_panics_or_lies_about_its_length() {
        let entries = (0..20).map(|at| Entry { id: id(at), bytes: at + 1 }).collect();
        let top = Node { level: 1, entries };
        let manifest = Manifest { object: ObjectId([7; 32]), bytes: 210, top };
        let good = manifest.encode();
        assert_eq!(Manifest::decode(&good), Some(manifest));
        let mut random = SplitMix::new(5);
        for _ in 0..50_000 {
            let mut bad = good.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bad.len() as u64) as usize;
                bad[at] = random.next_u64() as u8;
            }
            bad.truncate(random.below(2 * bad.len() as u64) as usize);
            if let Some(got) = Manifest::decode(&bad) {
                let total: u64 = got.top.entries.iter().map(|entry| entry.bytes).sum();
                assert_eq!(total, got.bytes);
            }
        }
    }
}
