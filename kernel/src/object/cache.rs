//! The memory tier: what was opened last, up to a number of bytes; the oldest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::frame::FrameId;

/// Opened content, shared by whoever reads it and wiped when the last one is done.
pub(super) type Content = Arc<Zeroizing<Vec<u8>>>;

pub(super) struct Cache {
    limit: usize,
    held: usize,
    clock: u64,
    entries: HashMap<FrameId, (Content, u64)>,
    by_age: BTreeMap<u64, FrameId>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        let (entries, by_age) = (HashMap::new(), BTreeMap::new());
        Self { limit, held: 0, clock: 0, entries, by_age }
    }

    pub(super) fn get(&mut self, id: FrameId) -> Option<Content> {
        let (content, used) = self.entries.get_mut(&id)?;
        self.by_age.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.by_age.insert(self.clock, id);
        Some(content.clone())
    }

    pub(super) fn put(&mut self, id: FrameId, content: &Content) {
        if content.len() > self.limit || self.get(id).is_some() {
            return;
        }
        self.clock += 1;
        self.held += content.len();
        self.entries.insert(id, (content.clone(), self.clock));
        self.by_age.insert(self.clock, id);
        while self.held > self.limit {
            let Some((_, oldest)) = self.by_age.pop_first() else { return };
            if let Some((content, _)) = self.entries.remove(&oldest) {
                self.held -= content.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_longest_goes() {
        let content = |byte| -> Content { Arc::new(Zeroizing::new(vec![byte; 10])) };
        let id = |byte| FrameId([byte; 32]);
        let mut cache = Cache::new(25);
        cache.put(id(1), &content(1));
        cache.put(id(2), &content(2));
        assert!(cache.get(id(1)).is_some());
        cache.put(id(3), &content(3));
        let kept = [1, 2, 3].map(|byte| cache.get(id(byte)).is_some());
        assert_eq!((kept, cache.held), ([true, false, true], 20));
        cache.put(id(4), &Arc::new(Zeroizing::new(vec![4; 26])));
        assert!(cache.get(id(4)).is_none());
    }
}
