//! Where one undo group ends and the next begins.

use smallvec::SmallVec;

use crate::change::Grouping;
use crate::edit::{Bias, Edit, map_through};
use crate::operation::GroupId;
use crate::position::{CharOffset, CharRange};

/// The most characters that typing or deleting gathers into one group: a word in a script
/// without spaces should not become a page.
const GROUP_CHARS_MAX: usize = 256;

/// The group that the next edit may join.
#[derive(Clone, Debug)]
pub(crate) struct OpenGroup {
    pub group: GroupId,
    kind: Grouping,
    /// What each of its cursors has put in, in the coordinates of the text now.
    regions: SmallVec<[CharRange; 1]>,
    chars: usize,
    ends_in_space: bool,
}

impl OpenGroup {
    /// A group that begins with these edits.
    pub fn begin(group: GroupId, kind: Grouping, edits: &[Edit]) -> Self {
        let mut open =
            OpenGroup { group, kind, regions: SmallVec::new(), chars: 0, ends_in_space: false };
        open.cover(edits);
        open
    }

    /// Whether edits of some kind belong to it.
    pub fn takes(&self, kind: Grouping, edits: &[Edit]) -> bool {
        match kind {
            Grouping::WithPrevious => true,
            Grouping::Typing => self.goes_on_typing(edits),
            Grouping::Deleting => self.goes_on_deleting(edits),
            Grouping::Paste | Grouping::Command => false,
        }
    }

    /// Takes edits in.
    pub fn join(&mut self, edits: &[Edit]) {
        self.cover(edits);
    }

    /// The text changed for another reason.
    pub fn map(&mut self, edits: &[Edit]) {
        for region in &mut self.regions {
            let start = map_through(edits, region.start, Bias::After);
            let end = map_through(edits, region.end, Bias::Before);
            *region = CharRange { start, end: end.max(start) };
        }
    }

    fn goes_on_typing(&self, edits: &[Edit]) -> bool {
        let typed = |edit: &Edit| edit.range.is_empty() && edit.text.chars().count() <= 64;
        let within = |(edit, region): (&Edit, &CharRange)| {
            region.start <= edit.range.start && edit.range.start <= region.end
        };
        let new_word = self.ends_in_space
            && edits.iter().any(|edit| !edit.text.starts_with(char::is_whitespace));
        self.kind == Grouping::Typing
            && self.chars < GROUP_CHARS_MAX
            && edits.len() == self.regions.len()
            && edits.iter().all(typed)
            && edits.iter().zip(&self.regions).all(within)
            && !new_word
    }

    fn goes_on_deleting(&self, edits: &[Edit]) -> bool {
        let beside = |(edit, region): (&Edit, &CharRange)| {
            edit.text.is_empty()
                && (edit.range.end == region.start || edit.range.start == region.start)
        };
        self.kind == Grouping::Deleting
            && self.chars < GROUP_CHARS_MAX
            && edits.len() == self.regions.len()
            && edits.iter().zip(&self.regions).all(beside)
    }

    fn cover(&mut self, edits: &[Edit]) {
        let joined = self.regions.len() == edits.len();
        let (mut inserted, mut deleted) = (0, 0);
        let mut regions = SmallVec::with_capacity(edits.len());
        for (index, edit) in edits.iter().enumerate() {
            let chars = edit.text.chars().count();
            let start = edit.range.start.0 + inserted - deleted;
            let mut region = CharRange { start: CharOffset(start), end: CharOffset(start + chars) };
            if joined && self.kind == Grouping::Typing {
                // The cursors before it have moved what was typed here earlier.
                let earlier = self.regions[index];
                region.start = CharOffset(earlier.start.0 + inserted - deleted).min(region.start);
                let end = earlier.end.0 + inserted + chars - deleted - edit.range.len();
                region.end = CharOffset(end).max(region.end);
            }
            regions.push(region);
            inserted += chars;
            deleted += edit.range.len();
            self.chars += chars.max(edit.range.len());
        }
        self.regions = regions;
        let ends_in_space = |edit: &Edit| edit.text.ends_with(char::is_whitespace);
        self.ends_in_space = edits.iter().any(ends_in_space);
    }
}
