//! How much undo remembers: the oldest groups go when their texts take too much memory.

use std::collections::HashSet;

use super::{Item, Role, Undo};
use crate::operation::GroupId;

/// The most bytes that undo and redo of one document take, about; 64 MiB hold some 100,000 words
/// typed singly and everything that was deleted in weeks. The log keeps what is forgotten here.
pub(super) const BYTES_MAX: usize = 64 << 20;

impl Undo {
    /// Whether older groups were forgotten.
    pub fn has_forgotten(&self) -> bool {
        self.has_forgotten
    }

    /// More is remembered. The sum only grows until it reaches the limit, and is then counted.
    pub(super) fn remember(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes > self.bytes_max {
            self.forget();
        }
    }

    /// Forgets the oldest groups until a quarter of the room is free.
    fn forget(&mut self) {
        let sizes: Vec<usize> = self.items.iter().map(Item::bytes).collect();
        let redo = |undo: &Undo| -> usize { undo.undone.iter().map(|one| one.delta.bytes()).sum() };
        self.bytes = sizes.iter().sum::<usize>() + redo(self);
        if self.bytes <= self.bytes_max {
            return;
        }
        let target = self.bytes_max / 4 * 3;
        // The newest group always stays: what was done last can be taken back, however large.
        let newest = self.items.last().map(|item| item.group);
        let mut count = 0;
        while self.bytes > target && self.items.get(count).is_some_and(|i| Some(i.group) != newest)
        {
            self.bytes -= sizes[count];
            count += 1;
        }
        let dropped: HashSet<GroupId> = self.items.drain(..count).map(|item| item.group).collect();
        // Part of a group is not taken back: what is left of one only stands between the others.
        let broken = self.items.iter_mut().filter(|item| dropped.contains(&item.group));
        broken.for_each(|item| item.role = Role::Reversal);
        let left: HashSet<GroupId> = self.items.iter().map(|item| item.group).collect();
        self.reversed.retain(|group| left.contains(group));
        self.gone.retain(|group| left.contains(group));
        self.has_forgotten |= count > 0;
        while self.bytes > target && self.undone.len() > 1 {
            self.bytes -= self.undone.remove(0).delta.bytes();
        }
    }
}

impl Item {
    fn bytes(&self) -> usize {
        let selections = self.selections.as_ref().map_or(0, |all| all.len() * 48);
        size_of::<Item>() + self.delta.bytes() + selections
    }
}

#[cfg(test)]
mod tests {
    use crate::position::{CharOffset, CharRange};
    use crate::{Document, Edit, Origin, Rope, Transaction};

    /// A document that remembers little, of so many lines of 100 bytes.
    fn forgetful(lines: usize, bytes_max: usize) -> Document {
        let line = format!("{}\n", "x".repeat(99));
        let mut document = Document::from_base(Rope::from(line.repeat(lines)));
        document.undo_mut().bytes_max = bytes_max;
        document
    }

    fn delete_line(document: &mut Document) {
        let line = CharRange { start: CharOffset(0), end: CharOffset(100) };
        document.apply(Transaction::single(Edit::delete(line)), Origin::COMMAND).unwrap();
    }

    #[test]
    fn the_oldest_groups_are_forgotten_and_the_newest_come_back() {
        let mut document = forgetful(1_000, 50_000);
        (0..1_000).for_each(|_| delete_line(&mut document));
        assert!(document.undo_mut().bytes <= 50_000);
        assert!(document.has_forgotten_undo() && document.can_undo());
        let mut undone = 0;
        while document.undo().is_some() {
            undone += 1;
        }
        assert_eq!(document.rope().len_chars(), undone * 100);
        assert!((80..500).contains(&undone), "{undone} groups of about 250 bytes");
        while document.redo().is_some() {}
        assert_eq!(document.rope().len_chars(), 0);
    }

    #[test]
    fn one_group_larger_than_the_room_can_still_be_taken_back() {
        let mut document = forgetful(1_000, 50_000);
        delete_line(&mut document);
        let before = document.rope().clone();
        let all = CharRange { start: CharOffset(0), end: CharOffset(before.len_chars()) };
        document.apply(Transaction::single(Edit::delete(all)), Origin::COMMAND).unwrap();
        document.undo().unwrap();
        assert_eq!(document.rope(), &before);
        assert!(document.undo().is_none(), "the line before it was forgotten");
        document.redo().unwrap();
        assert_eq!(document.rope(), "");
    }

    #[test]
    fn little_is_never_forgotten() {
        let mut document = forgetful(1_000, super::BYTES_MAX);
        (0..1_000).for_each(|_| delete_line(&mut document));
        while document.undo().is_some() {}
        assert_eq!(document.rope().len_chars(), 100_000);
        assert!(!document.has_forgotten_undo());
    }
}
