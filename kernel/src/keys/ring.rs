//! The generations of a profile's data key.
//!
//! Rotation puts a new generation in front: sealers go over to it at their next seal, openers find
//! the generation that a seal names. Older ones stay until nothing is sealed under them any more.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{KeyError, ProfileId, Secret, random};

/// More rotations than a daily one makes in ten years, kept at once.
const GENERATIONS_MAX: usize = 4096;

/// The layout of [`Ring::encode`].
const FORMAT: u8 = 1;

/// A data key's number in the order of rotations; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u16);

/// One generation: the data key, and the pair that seals what is written while locked.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) generation: Generation,
    pub(super) data_key: Secret,
    pub(super) private: StaticSecret,
    pub(super) public: [u8; 32],
}

impl Keys {
    fn new(generation: Generation, data_key: Secret, private: [u8; 32]) -> Self {
        let private = StaticSecret::from(private);
        let public = PublicKey::from(&private).to_bytes();
        Self { generation, data_key, private, public }
    }

    fn random(generation: Generation) -> Result<Self, KeyError> {
        let private = Zeroizing::new(random::<32>()?);
        Ok(Self::new(generation, Zeroizing::new(random()?), *private))
    }
}

/// Every key that opens a profile.
pub(super) struct Ring {
    pub(super) id: ProfileId,
    /// What [`super::Unlocked::derive`] starts from. It seals nothing and is never rotated, so that
    /// names and proofs that were derived from it stay what they are.
    pub(super) root: Secret,
    /// Ascending and never empty.
    generations: RwLock<Vec<Keys>>,
    current: AtomicU16,
}

impl Ring {
    /// A ring with a first generation.
    pub(super) fn random(id: ProfileId) -> Result<Self, KeyError> {
        let first = Keys::random(Generation(1))?;
        Ok(Self::of(id, Zeroizing::new(random()?), vec![first]))
    }

    fn of(id: ProfileId, root: Secret, generations: Vec<Keys>) -> Self {
        let last = generations.last().expect("a ring has a generation").generation;
        let current = AtomicU16::new(last.0);
        Self { id, root, generations: RwLock::new(generations), current }
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Keys>> {
        self.generations.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The generation that seals.
    pub(super) fn current(&self) -> Generation {
        Generation(self.current.load(Ordering::Acquire))
    }

    /// Its keys.
    pub(super) fn current_keys(&self) -> Keys {
        self.keys(self.current()).expect("the current generation is in the ring")
    }

    pub(super) fn keys(&self, generation: Generation) -> Option<Keys> {
        self.read().iter().find(|keys| keys.generation == generation).cloned()
    }

    pub(super) fn generations(&self) -> Vec<Generation> {
        self.read().iter().map(|keys| keys.generation).collect()
    }

    /// Adds a generation that can be opened with and does not seal yet.
    pub(super) fn prepare(&self) -> Result<Keys, KeyError> {
        let mut all = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        let last = all.last().expect("a ring has a generation").generation;
        if all.len() == GENERATIONS_MAX || last.0 == u16::MAX {
            return Err(KeyError::Generations);
        }
        let fresh = Keys::random(Generation(last.0 + 1))?;
        all.push(fresh.clone());
        Ok(fresh)
    }

    /// Seals under a prepared generation from now on.
    pub(super) fn go_over_to(&self, generation: Generation) {
        assert!(self.keys(generation).is_some(), "only what was prepared can seal");
        self.current.store(generation.0, Ordering::Release);
    }

    /// Forgets every generation but the current one.
    pub(super) fn forget_old(&self) {
        let current = self.current();
        let mut all = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|keys| keys.generation >= current);
    }

    /// The secrets of the generations from `first` to `last`: format, root, count, then each
    /// generation's number (little-endian), data key and private half, then what the caller adds.
    pub(super) fn encode(
        &self,
        range: std::ops::RangeInclusive<Generation>,
        machine: Option<[u8; 32]>,
    ) -> Zeroizing<Vec<u8>> {
        let all = self.read();
        let kept = || all.iter().filter(|keys| range.contains(&keys.generation));
        // Reserved whole: growing would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(68 + kept().count() * 66));
        bytes.push(FORMAT);
        bytes.extend_from_slice(&*self.root);
        bytes.push(u8::from(machine.is_some()));
        bytes.extend_from_slice(&machine.unwrap_or_default());
        let count = u16::try_from(kept().count()).expect("limited when prepared");
        bytes.extend_from_slice(&count.to_le_bytes());
        for keys in kept() {
            bytes.extend_from_slice(&keys.generation.0.to_le_bytes());
            bytes.extend_from_slice(&*keys.data_key);
            bytes.extend_from_slice(keys.private.as_bytes());
        }
        bytes
    }

    /// Reads [`Ring::encode`]: the ring and the machine's mark. `None` for anything else.
    pub(super) fn decode(id: ProfileId, bytes: &[u8]) -> Option<(Self, Option<[u8; 32]>)> {
        let (&format, rest) = bytes.split_first()?;
        let (root, rest) = rest.split_first_chunk::<32>()?;
        let (&is_marked, rest) = rest.split_first()?;
        let (mark, rest) = rest.split_first_chunk::<32>()?;
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        let count = usize::from(u16::from_le_bytes(*count));
        if format != FORMAT || count == 0 || count > GENERATIONS_MAX || is_marked > 1 {
            return None;
        }
        let mut all: Vec<Keys> = Vec::with_capacity(count);
        for _ in 0..count {
            let (number, after) = rest.split_first_chunk::<2>()?;
            let (key, after) = after.split_first_chunk::<32>()?;
            let (private, after) = after.split_first_chunk::<32>()?;
            rest = after;
            let number = Generation(u16::from_le_bytes(*number));
            if number.0 == 0 || all.last().is_some_and(|last| last.generation >= number) {
                return None;
            }
            all.push(Keys::new(number, Zeroizing::new(*key), *private));
        }
        let machine = (is_marked == 1).then_some(*mark);
        let ring = Self::of(id, Zeroizing::new(*root), all);
        rest.is_empty().then_some((ring, machine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_comes_back_as_it_was_and_nothing_else_does() {
        let ring = Ring::random(ProfileId([3; 16])).unwrap();
        let second = ring.prepare().unwrap();
        assert_eq!(ring.current(), Generation(1), "what is prepared does not seal");
        let bytes = ring.encode(Generation(1)..=second.generation, Some([9; 32]));
        let (again, machine) = Ring::decode(ring.id, &bytes).unwrap();
        assert_eq!(machine, Some([9; 32]));
        assert_eq!(again.current(), Generation(2), "the newest that was kept seals");
        assert_eq!(again.generations(), [Generation(1), Generation(2)]);
        assert_eq!(again.current_keys().data_key, second.data_key);
        for end in 0..bytes.len() {
            assert!(Ring::decode(ring.id, &bytes[..end]).is_none(), "{end} bytes");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert!(Ring::decode(ring.id, &longer).is_none());
    }

    #[test]
    fn the_current_generation_is_never_forgotten() {
        let ring = Ring::random(ProfileId([3; 16])).unwrap();
        let next = ring.prepare().unwrap().generation;
        ring.forget_old();
        assert_eq!(ring.generations(), [Generation(1), next]);
        ring.go_over_to(next);
        ring.forget_old();
        assert_eq!(ring.generations(), [next]);
        assert_eq!(ring.current(), next);
    }
}
