//! What is known beside the bytes themselves: roots, how objects stand, packs of the other tier.
//!
//! Each fact is a frame with a key (its id), and of two frames of one key that with the higher
//! sequence holds. A checkpoint writes every fact again and makes what came before void, so that
//! packs with old facts can go.

use std::collections::{BTreeMap, HashMap};

use super::bytes::{Bytes, put_text};
use super::frame::{FrameId, Kind};
use super::index::Place;
use super::{ObjectId, Root};

/// The longest holder and key, in bytes each.
pub(super) const NAME_BYTES_MAX: usize = 4096;

/// Entries of a pack in the other tier, at most: its list must fit a frame.
pub(super) const AWAY_ENTRIES_MAX: usize = 40_000;

/// How an object stands with the sweep and the tiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// When a sweep first found that nothing holds it, in seconds since 1970.
    pub(super) tombstone: Option<u64>,
    /// Whether its chunks are left to the other tier.
    pub(super) evicted: bool,
    /// It was swept: its manifest, which may still lie in this pack, is void until it is put again.
    pub(super) swept: Option<u64>,
}

/// What a pack of the other tier holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Away {
    /// BLAKE3 of the whole pack; `None` once it is given up.
    pub(super) hash: Option<[u8; 32]>,
    pub(super) entries: Vec<(FrameId, Place)>,
}

/// A fact, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Root(Root, Option<ObjectId>),
    Standing(FrameId, Standing),
    Away(u64, Away),
}

/// A fact's value with its sequence.
#[derive(Clone, Debug)]
struct Known<T> {
    sequence: u64,
    value: T,
}

/// All facts of a store.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    roots: BTreeMap<Root, Known<Option<ObjectId>>>,
    standings: HashMap<FrameId, Known<Standing>>,
    away: BTreeMap<u64, Known<Away>>,
    /// Facts with a lower sequence are void.
    void_below: u64,
}

impl Fact {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Root(..) => Kind::Root,
            Self::Standing(..) => Kind::Standing,
            Self::Away(..) => Kind::Away,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Root(root, object) => {
                put_text(&root.holder, &mut out);
                put_text(&root.key, &mut out);
                if let Some(object) = object {
                    out.extend_from_slice(&object.0);
                }
            }
            Self::Standing(id, standing) => {
                out.extend_from_slice(&id.0);
                put_option(standing.tombstone, &mut out);
                out.push(u8::from(standing.evicted));
                put_option(standing.swept, &mut out);
            }
            Self::Away(pack, away) => {
                out.extend_from_slice(&pack.to_le_bytes());
                out.extend_from_slice(&away.hash.unwrap_or_default());
                for (id, place) in &away.entries {
                    out.extend_from_slice(&id.0);
                    place.put(&mut out);
                }
            }
        }
        out
    }

    pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let fact = match kind {
            Kind::Root => {
                let holder = bytes.text(NAME_BYTES_MAX)?;
                let root = Root { holder, key: bytes.text(NAME_BYTES_MAX)? };
                let object = if bytes.0.is_empty() { None } else { Some(bytes.array()?) };
                Self::Root(root, object.map(ObjectId))
            }
            Kind::Standing => {
                let id = FrameId(bytes.array()?);
                let tombstone = take_option(&mut bytes)?;
                let evicted = bytes.u8()? != 0;
                let swept = take_option(&mut bytes)?;
                Self::Standing(id, Standing { tombstone, evicted, swept })
            }
            Kind::Away => {
                let pack = bytes.u64()?;
                let hash = Some(bytes.array()?).filter(|hash| *hash != [0; 32]);
                let mut entries = Vec::new();
                while !bytes.0.is_empty() {
                    entries.push((FrameId(bytes.array()?), Place::take(&mut bytes)?));
                }
                Self::Away(pack, Away { hash, entries })
            }
            _ => return None,
        };
        bytes.end().map(|()| fact)
    }
}

fn put_option(number: Option<u64>, out: &mut Vec<u8>) {
    out.push(u8::from(number.is_some()));
    out.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
}

#[expect(clippy::option_option, reason = "the outer one is whether the bytes were whole")]
fn take_option(bytes: &mut Bytes<'_>) -> Option<Option<u64>> {
    let is_there = bytes.u8()? != 0;
    let number = bytes.u64()?;
    Some(is_there.then_some(number))
}

impl Facts {
    /// Takes a fact in, unless a later one is known; answers the one that it replaced.
    pub(super) fn learn(&mut self, fact: Fact, sequence: u64) -> Learnt {
        if sequence < self.void_below {
            return Learnt::Stale;
        }
        match fact {
            Fact::Root(root, object) => {
                let old = self.roots.get(&root);
                if old.is_some_and(|old| old.sequence > sequence) {
                    return Learnt::Stale;
                }
                let before = old.map(|old| (old.sequence, old.value));
                self.roots.insert(root.clone(), Known { sequence, value: object });
                Learnt::Root(root, before)
            }
            Fact::Standing(id, standing) => {
                let old = self.standings.get(&id);
                if old.is_some_and(|old| old.sequence > sequence) {
                    return Learnt::Stale;
                }
                let before = old.map(|old| (old.sequence, old.value));
                self.standings.insert(id, Known { sequence, value: standing });
                Learnt::Standing(id, before)
            }
            Fact::Away(pack, away) => {
                if self.away.get(&pack).is_some_and(|old| old.sequence > sequence) {
                    return Learnt::Stale;
                }
                self.away.insert(pack, Known { sequence, value: away });
                Learnt::Away(pack)
            }
        }
    }

    /// Goes back to what was known before a fact that did not become durable.
    pub(super) fn forget(&mut self, learnt: Learnt) {
        match learnt {
            Learnt::Stale => {}
            Learnt::Root(root, None) => drop(self.roots.remove(&root)),
            Learnt::Root(root, Some((sequence, value))) => {
                self.roots.insert(root, Known { sequence, value });
            }
            Learnt::Standing(id, None) => drop(self.standings.remove(&id)),
            Learnt::Standing(id, Some((sequence, value))) => {
                self.standings.insert(id, Known { sequence, value });
            }
            // A pack is learnt once, under an id of its own, and given up once.
            Learnt::Away(pack) => drop(self.away.remove(&pack)),
        }
    }

    /// Makes what came before `sequence` void.
    pub(super) fn start_at(&mut self, sequence: u64) {
        if sequence > self.void_below {
            self.void_below = sequence;
            self.roots.retain(|_, known| known.sequence >= sequence);
            self.standings.retain(|_, known| known.sequence >= sequence);
            self.away.retain(|_, known| known.sequence >= sequence);
        }
    }

    pub(super) fn void_below(&self) -> u64 {
        self.void_below
    }

    /// Every root and what it holds.
    pub(super) fn roots(&self) -> impl Iterator<Item = (&Root, ObjectId)> {
        self.roots.iter().filter_map(|(root, known)| Some((root, known.value?)))
    }

    /// The roots of one holder.
    pub(super) fn roots_of<'a>(
        &'a self,
        holder: &'a str,
    ) -> impl Iterator<Item = (&'a Root, ObjectId)> {
        let first = Root { holder: holder.to_owned(), key: String::new() };
        let from = self.roots.range(first..).take_while(move |(root, _)| root.holder == holder);
        from.filter_map(|(root, known)| Some((root, known.value?)))
    }

    pub(super) fn root(&self, root: &Root) -> Option<ObjectId> {
        self.roots.get(root)?.value
    }

    pub(super) fn standing(&self, object: FrameId) -> Standing {
        self.standings.get(&object).map(|known| known.value).unwrap_or_default()
    }

    /// Objects whose manifests are void, wherever they lie.
    pub(super) fn swept(&self) -> impl Iterator<Item = FrameId> {
        let swept = self.standings.iter().filter(|(_, known)| known.value.swept.is_some());
        swept.map(|(id, _)| *id)
    }

    /// The packs of the other tier that are still wanted.
    pub(super) fn away(&self) -> impl Iterator<Item = (u64, &Away)> {
        self.away
            .iter()
            .filter(|(_, known)| known.value.hash.is_some())
            .map(|(pack, known)| (*pack, &known.value))
    }

    /// Everything that still says something; `is_gone` tells whether a pack has been retired.
    pub(super) fn all(&self, is_gone: impl Fn(u64) -> bool) -> Vec<Fact> {
        let roots = self.roots().map(|(root, object)| Fact::Root(root.clone(), Some(object)));
        let standings = self.standings.iter().filter_map(|(id, known)| {
            let mut standing = known.value;
            standing.swept = standing.swept.filter(|pack| !is_gone(*pack));
            (standing != Standing::default()).then_some(Fact::Standing(*id, standing))
        });
        let away = self.away().map(|(pack, away)| Fact::Away(pack, away.clone()));
        roots.chain(standings).chain(away).collect()
    }

    /// Everything with its sequences, for the index file.
    pub(super) fn known(&self) -> Vec<(u64, Fact)> {
        let roots = self.roots.iter();
        let roots =
            roots.map(|(root, known)| (known.sequence, Fact::Root(root.clone(), known.value)));
        let standings = self.standings.iter();
        let standings =
            standings.map(|(id, known)| (known.sequence, Fact::Standing(*id, known.value)));
        let away = self.away.iter();
        let away =
            away.map(|(pack, known)| (known.sequence, Fact::Away(*pack, known.value.clone())));
        roots.chain(standings).chain(away).collect()
    }
}

/// What learning a fact has changed.
#[derive(Debug)]
pub(super) enum Learnt {
    /// Nothing.
    Stale,
    Root(Root, Option<(u64, Option<ObjectId>)>),
    Standing(FrameId, Option<(u64, Standing)>),
    Away(u64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    fn all() -> Vec<Fact> {
        let (id, place) =
            (FrameId([5; 32]), Place { pack: 7, offset: 9, bytes: 11, kind: Kind::Chunk });
        vec![
            Fact::Root(Root::new("runs", "42/log"), Some(ObjectId([3; 32]))),
            Fact::Root(Root::new("runs", ""), None),
            Fact::Standing(id, Standing { tombstone: Some(8), evicted: true, swept: None }),
            Fact::Standing(id, Standing { tombstone: None, evicted: false, swept: Some(4) }),
            Fact::Away(6, Away { hash: Some([1; 32]), entries: vec![(id, place); 3] }),
            Fact::Away(6, Away { hash: None, entries: Vec::new() }),
        ]
    }

    #[test]
    fn facts_come_back_and_no_mutation_of_them_panics() {
        let mut random = SplitMix::new(4);
        for fact in all() {
            let good = fact.encode();
            assert_eq!(Fact::decode(fact.kind(), &good), Some(fact.clone()));
            for _ in 0..20_000 {
                let mut bad = good.clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(bad.len() as u64) as usize;
                    bad[at] = random.next_u64() as u8;
                }
                bad.truncate(random.below(2 * bad.len() as u64) as usize);
                if let Some(other) = Fact::decode(fact.kind(), &bad) {
                    assert_eq!(other.kind(), fact.kind());
                }
            }
        }
    }

    #[test]
    fn the_later_fact_holds_and_what_a_checkpoint_voids_does_not_come_back() {
        let (root, mut facts) = (Root::new("a", "b"), Facts::default());
        let held = |number| Fact::Root(Root::new("a", "b"), Some(ObjectId([number; 32])));
        facts.learn(held(2), 20);
        facts.learn(held(1), 10);
        assert_eq!(facts.root(&root), Some(ObjectId([2; 32])));
        let learnt = facts.learn(held(3), 30);
        facts.forget(learnt);
        assert_eq!(facts.root(&root), Some(ObjectId([2; 32])));
        facts.start_at(25);
        facts.learn(held(2), 20);
        assert_eq!(facts.root(&root), None);
    }
}
