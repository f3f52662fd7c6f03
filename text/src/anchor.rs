//! Anchors: places that move with the text around them (gutter marks, folds, diagnostics).
//!
//! They stand in order of position in one list with a seam. What lies behind the seam is moved by
//! one common shift, so an edit near the last one touches only the anchors between the two, and
//! typing between ten thousand diagnostics costs no more than between two.

use crate::edit::{Bias, Edit};
use crate::position::{CharOffset, CharRange};

/// The name of a place in one [`AnchorSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Anchor {
    slot: u32,
    generation: u32,
}

/// Anchors of one text.
#[derive(Clone, Debug, Default)]
pub struct AnchorSet {
    /// In order of (place, bias) up to `sorted`; the rest came since and is sorted when needed.
    entries: Vec<Entry>,
    sorted: usize,
    /// Entries from here up to `sorted` stand `shift` further than they say.
    seam: usize,
    shift: isize,
    slots: Vec<Slot>,
    free: Vec<u32>,
    removed: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: usize,
    slot: u32,
    after: bool,
    alive: bool,
}

/// Which of the anchors that stand exactly at an offset count as later than it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ties {
    All,
    /// Those that go after an insertion.
    After,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    entry: u32,
    generation: u32,
}

impl AnchorSet {
    /// A set without anchors.
    pub fn new() -> Self {
        AnchorSet::default()
    }

    /// How many anchors there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.removed
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an anchor at an offset; `bias` says where it goes when text is inserted there.
    pub fn insert(&mut self, at: CharOffset, bias: Bias) -> Anchor {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize].entry = self.entries.len() as u32;
        self.entries.push(Entry { at: at.0, slot, after: bias == Bias::After, alive: true });
        Anchor { slot, generation: self.slots[slot as usize].generation }
    }

    /// Takes an anchor away; one that is gone already is no matter.
    pub fn remove(&mut self, anchor: Anchor) {
        let Some(slot) = self.slots.get_mut(anchor.slot as usize) else { return };
        if slot.generation != anchor.generation {
            return;
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.entries[slot.entry as usize].alive = false;
        self.removed += 1;
        if self.removed > 64 && self.removed * 2 > self.entries.len() {
            self.compact();
        }
    }

    /// Where an anchor stands; `None` if it was removed.
    pub fn get(&self, anchor: Anchor) -> Option<CharOffset> {
        let slot = self.slots.get(anchor.slot as usize)?;
        (slot.generation == anchor.generation).then(|| self.place(slot.entry as usize))
    }

    /// Moves all anchors through the edits of a change.
    pub fn map(&mut self, edits: &[Edit]) {
        if self.entries.is_empty() {
            return;
        }
        self.sort();
        // From the last to the first, so that no edit moves what another refers to.
        for edit in edits.iter().rev() {
            self.map_one(edit.range, edit.text.chars().count());
        }
    }

    fn map_one(&mut self, range: CharRange, chars: usize) {
        let CharRange { start, end } = range;
        let first = self.first_from(start.0, Ties::All);
        // Those that stand at the end and keep before an insertion there are moved by hand, since
        // others may land beside them.
        let beyond = self.first_from(end.0, Ties::After);
        self.move_seam(beyond);
        if !range.is_empty() {
            for entry in &mut self.entries[first..beyond] {
                let moves = entry.at == end.0 || (entry.after && entry.at > start.0);
                entry.at = if moves { start.0 + chars } else { start.0 };
            }
        }
        self.shift += chars as isize - range.len() as isize;
        if !range.is_empty() && beyond - first > 1 {
            self.entries[first..beyond].sort_by_key(|entry| (entry.at, entry.after));
            self.renumber(first, beyond);
        }
    }

    /// The first sorted entry that stands at `at` or later.
    fn first_from(&self, at: usize, ties: Ties) -> usize {
        let (mut low, mut high) = (0, self.sorted);
        while low < high {
            let middle = (low + high) / 2;
            let place = self.place(middle).0;
            let before_tie = ties == Ties::After && place == at && !self.entries[middle].after;
            let earlier = place < at || before_tie;
            if earlier {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn place(&self, index: usize) -> CharOffset {
        let shifted = index >= self.seam && index < self.sorted;
        let shift = if shifted { self.shift } else { 0 };
        CharOffset(self.entries[index].at.wrapping_add_signed(shift))
    }

    fn move_seam(&mut self, to: usize) {
        let shift = self.shift;
        if shift != 0 {
            let (low, high, by) = match to < self.seam {
                true => (to, self.seam, shift.wrapping_neg()),
                false => (self.seam, to, shift),
            };
            for entry in &mut self.entries[low..high] {
                entry.at = entry.at.wrapping_add_signed(by);
            }
        }
        self.seam = to;
    }

    /// Brings what was added since into the order.
    fn sort(&mut self) {
        if self.sorted == self.entries.len() {
            return;
        }
        self.settle();
        self.entries.sort_by_key(|entry| (entry.at, entry.after));
        self.sorted = self.entries.len();
        self.seam = self.sorted;
        self.renumber(0, self.sorted);
    }

    /// Writes the shift into the entries.
    fn settle(&mut self) {
        self.move_seam(self.sorted);
        self.shift = 0;
    }

    fn compact(&mut self) {
        self.settle();
        let dead: Vec<u32> = self.entries.iter().filter(|e| !e.alive).map(|e| e.slot).collect();
        self.free.extend(dead);
        self.entries.retain(|entry| entry.alive);
        self.removed = 0;
        self.sorted = 0;
        self.seam = 0;
        self.sort();
    }

    fn renumber(&mut self, from: usize, to: usize) {
        for index in from..to {
            self.slots[self.entries[index].slot as usize].entry = index as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Transaction, map_through};
    use crate::seeded::Seeded;

    /// Sorted edits with at least one character between them.
    fn some_edits(random: &mut Seeded, length: usize) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut at = random.below(length + 1);
        while at <= length && edits.len() < 4 {
            let end = (at + random.below(6)).min(length);
            let range = CharRange::new(CharOffset(at), CharOffset(end));
            edits.push(Edit::replace(range, "x".repeat(random.below(4))));
            at = end + 1 + random.below(length / 2 + 1);
        }
        Transaction::new(edits).unwrap().into_edits()
    }

    #[test]
    fn anchors_move_as_offsets_do() {
        let mut random = Seeded::new(21);
        for _ in 0..300 {
            let mut set = AnchorSet::new();
            let mut model: Vec<(Anchor, usize, Bias)> = Vec::new();
            let mut length = 40;
            for _ in 0..40 {
                for _ in 0..random.below(4) {
                    let at = random.below(length + 1);
                    let bias = *random.pick(&[Bias::Before, Bias::After]);
                    model.push((set.insert(CharOffset(at), bias), at, bias));
                }
                if random.below(3) == 0 && !model.is_empty() {
                    let (gone, ..) = model.swap_remove(random.below(model.len()));
                    set.remove(gone);
                    assert_eq!(set.get(gone), None);
                }
                let edits = some_edits(&mut random, length);
                set.map(&edits);
                for (anchor, at, bias) in &mut model {
                    *at = map_through(&edits, CharOffset(*at), *bias).0;
                    assert_eq!(set.get(*anchor), Some(CharOffset(*at)), "{edits:?} {bias:?}");
                }
                let inserted: usize = edits.iter().map(|edit| edit.text.len()).sum();
                let deleted: usize = edits.iter().map(|edit| edit.range.len()).sum();
                length = length + inserted - deleted;
                assert_eq!(set.len(), model.len());
            }
        }
    }

    #[test]
    fn a_name_is_not_used_twice() {
        let mut set = AnchorSet::new();
        let gone: Vec<Anchor> =
            (0..200).map(|at| set.insert(CharOffset(at), Bias::After)).collect();
        gone.iter().for_each(|anchor| set.remove(*anchor));
        gone.iter().for_each(|anchor| set.remove(*anchor));
        assert!(set.is_empty());
        let fresh = set.insert(CharOffset(7), Bias::Before);
        assert!(gone.iter().all(|anchor| set.get(*anchor).is_none()));
        assert_eq!(set.get(fresh), Some(CharOffset(7)));
    }
}
