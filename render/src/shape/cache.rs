//! Lines that were shaped before, by what they were shaped from. One that was not asked for in
//! [`IDLE_FRAMES`] frames is dropped.

use std::collections::HashMap;
use std::sync::Arc;

use super::line::ShapedLine;
use crate::digest::BuildDigest;

/// Two seconds at 60 Hz: a page up and down again finds its lines.
const IDLE_FRAMES: u64 = 120;
/// Sweeping costs a walk over all entries, so it is done now and then.
const SWEEP_EVERY: u64 = 32;
/// Beyond this many lines a sweep keeps only the last frames'.
const LINES_MAX: usize = 8192;

struct Entry {
    /// Kept to tell a collision of hashes, which a file's author could construct.
    text: Box<str>,
    line: Arc<ShapedLine>,
    last_frame: u64,
}

/// The cache. Keys are digests of text, styles, options and generation.
#[derive(Default)]
pub(crate) struct LineCache {
    entries: HashMap<u64, Entry, BuildDigest>,
    frame: u64,
}

impl LineCache {
    pub fn get(&mut self, key: u64, text: &str) -> Option<Arc<ShapedLine>> {
        let frame = self.frame;
        let entry = self.entries.get_mut(&key).filter(|entry| *entry.text == *text)?;
        entry.last_frame = frame;
        Some(Arc::clone(&entry.line))
    }

    pub fn insert(&mut self, key: u64, text: &str, line: Arc<ShapedLine>) {
        let entry = Entry { text: text.into(), line, last_frame: self.frame };
        self.entries.insert(key, entry);
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Counts a frame and drops what was idle for long.
    pub fn end_frame(&mut self) {
        self.frame += 1;
        let crowded = self.entries.len() > LINES_MAX;
        if crowded || self.frame.is_multiple_of(SWEEP_EVERY) {
            let keep = if crowded { 1 } else { IDLE_FRAMES };
            let frame = self.frame;
            self.entries.retain(|_, entry| frame - entry.last_frame <= keep);
        }
    }
}
