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

#[cfg(test)]
mod tests {
    use crate::{CharOffset, CharRange, Document, Edit, Grouping, Origin, Rope, Transaction};

    fn type_at(document: &mut Document, at: usize, text: &str) {
        for (index, letter) in text.chars().enumerate() {
            let edit = Edit::insert(CharOffset(at + index), letter.to_string());
            document.apply(Transaction::single(edit), Origin::TYPING).unwrap();
        }
    }

    fn delete(document: &mut Document, start: usize, end: usize) {
        let range = CharRange { start: CharOffset(start), end: CharOffset(end) };
        document.apply(Transaction::single(Edit::delete(range)), Origin::DELETING).unwrap();
    }

    /// The texts that undoing everything passes through.
    fn undone(document: &mut Document) -> Vec<String> {
        std::iter::from_fn(|| document.undo().map(|outcome| outcome.change.after().to_string()))
            .collect()
    }

    #[test]
    fn each_word_is_taken_back_with_the_space_after_it() {
        let mut document = Document::from_base(Rope::new());
        type_at(&mut document, 0, "one two\n  three");
        assert_eq!(undone(&mut document), ["one two\n  ", "one ", ""]);
    }

    #[test]
    fn typing_elsewhere_or_after_a_seal_is_a_new_group() {
        let mut document = Document::from_base(Rope::from_str("()"));
        type_at(&mut document, 1, "ab");
        type_at(&mut document, 4, "cd");
        document.seal_group();
        type_at(&mut document, 6, "ef");
        assert_eq!(undone(&mut document), ["(ab)cd", "(ab)", "()"]);
    }

    #[test]
    fn deletions_from_one_place_are_one_group_both_ways() {
        let mut document = Document::from_base(Rope::from_str("abcdefgh"));
        delete(&mut document, 3, 4);
        delete(&mut document, 2, 3);
        delete(&mut document, 2, 3);
        assert_eq!(document.rope(), "abfgh");
        delete(&mut document, 0, 1);
        assert_eq!(undone(&mut document), ["abfgh", "abcdefgh"]);
    }

    #[test]
    fn many_carets_type_one_word_together() {
        let mut document = Document::from_base(Rope::from_str("..."));
        for step in 0..3 {
            let at = |caret: usize| CharOffset(caret + step * (caret + 1));
            let edits = (0..3).map(|caret| Edit::insert(at(caret), "x")).collect();
            document.apply(Transaction::new(edits).unwrap(), Origin::TYPING).unwrap();
        }
        assert_eq!(document.rope(), "xxx.xxx.xxx.");
        assert_eq!(undone(&mut document), ["..."]);
    }

    #[test]
    fn a_paste_stands_alone_and_what_follows_can_be_joined_to_it() {
        let mut document = Document::from_base(Rope::new());
        type_at(&mut document, 0, "a");
        let paste = Transaction::single(Edit::insert(CharOffset(1), "b c"));
        document.apply(paste, Origin::PASTE).unwrap();
        let format = Transaction::single(Edit::insert(CharOffset(4), "!"));
        let joined = Origin { group: Grouping::WithPrevious, ..Origin::COMMAND };
        document.apply(format, joined).unwrap();
        type_at(&mut document, 5, "d");
        assert_eq!(undone(&mut document), ["ab c!", "a", ""]);
    }
}
