//! What an element of the window stands for, packed into its id: for clicks, for painting and for
//! assistive technology, which all find elements by id.

use render::layout::ElementId;

use crate::panes::PaneId;

/// Something that can be pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A tab of a pane.
    Tab(PaneId, u32),
    /// The sign in a tab that closes it.
    TabClose(PaneId, u32),
    /// A pane, where nothing else is.
    Pane(PaneId),
    /// The text of a pane's tab.
    View(PaneId),
    /// A part of the path above the text.
    Breadcrumb(PaneId, u32),
    /// A line of the open picker's list.
    PickerRow(u32),
    /// The card of the open picker or prompt.
    Card,
    /// A line that is typed into.
    Field(Field),
    /// A button or switch of the find bar.
    Find(FindPart),
    /// A notice, which a click dismisses.
    Notice(u32),
    /// A part of the status line.
    Status(StatusPart),
    /// A recent file on the first page.
    Recent(u32),
    /// A command on the first page.
    Hint(u32),
    /// A code to scan.
    Qr,
}

/// Lines that are typed into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    /// Of the picker or prompt.
    Overlay,
    /// What is searched for.
    Find,
    /// What replaces it.
    Replace,
}

/// Parts of the find bar that can be pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FindPart {
    /// The bar itself.
    Bar,
    /// Whether upper and lower case differ.
    Case,
    /// Whether only whole words count.
    Word,
    /// Whether it is a regular expression.
    Regex,
    /// To the match before.
    Previous,
    /// To the next match.
    Next,
    /// Replaces one match.
    ReplaceOne,
    /// Replaces all matches.
    ReplaceAll,
    /// Closes the bar.
    Close,
}

/// Parts of the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatusPart {
    /// Line and column.
    Position,
    /// The language.
    Language,
    /// The encoding.
    Encoding,
    /// The line ending.
    LineEnding,
    /// What an indentation is.
    Indentation,
    /// What is degraded, or in progress.
    State,
}

const FIELDS: [Field; 3] = [Field::Overlay, Field::Find, Field::Replace];
const FIND_PARTS: [FindPart; 9] = [
    FindPart::Bar,
    FindPart::Case,
    FindPart::Word,
    FindPart::Regex,
    FindPart::Previous,
    FindPart::Next,
    FindPart::ReplaceOne,
    FindPart::ReplaceAll,
    FindPart::Close,
];
const STATUS_PARTS: [StatusPart; 6] = [
    StatusPart::Position,
    StatusPart::Language,
    StatusPart::Encoding,
    StatusPart::LineEnding,
    StatusPart::Indentation,
    StatusPart::State,
];

impl Target {
    /// Its id: 8 bits of kind, 24 of pane, 32 of index. A window never has 16 million panes.
    pub fn id(self) -> ElementId {
        let pack = |kind: u64, pane: u64, index: u64| {
            ElementId(kind << 56 | (pane & 0xff_ffff) << 32 | index)
        };
        match self {
            Target::Tab(pane, index) => pack(1, pane.0, index.into()),
            Target::TabClose(pane, index) => pack(2, pane.0, index.into()),
            Target::Pane(pane) => pack(3, pane.0, 0),
            Target::View(pane) => pack(4, pane.0, 0),
            Target::Breadcrumb(pane, index) => pack(5, pane.0, index.into()),
            Target::PickerRow(index) => pack(6, 0, index.into()),
            Target::Card => pack(7, 0, 0),
            Target::Field(field) => pack(8, 0, field as u64),
            Target::Find(part) => pack(9, 0, part as u64),
            Target::Notice(index) => pack(10, 0, index.into()),
            Target::Status(part) => pack(11, 0, part as u64),
            Target::Recent(index) => pack(12, 0, index.into()),
            Target::Hint(index) => pack(13, 0, index.into()),
            Target::Qr => pack(14, 0, 0),
        }
    }

    /// What an id stands for; `None` for one that [`Target::id`] does not give.
    pub fn of(id: ElementId) -> Option<Self> {
        let pane = PaneId(id.0 >> 32 & 0xff_ffff);
        let index = id.0 as u32;
        Some(match id.0 >> 56 {
            1 => Target::Tab(pane, index),
            2 => Target::TabClose(pane, index),
            3 => Target::Pane(pane),
            4 => Target::View(pane),
            5 => Target::Breadcrumb(pane, index),
            6 => Target::PickerRow(index),
            7 => Target::Card,
            8 => Target::Field(*FIELDS.get(index as usize)?),
            9 => Target::Find(*FIND_PARTS.get(index as usize)?),
            10 => Target::Notice(index),
            11 => Target::Status(*STATUS_PARTS.get(index as usize)?),
            12 => Target::Recent(index),
            13 => Target::Hint(index),
            14 => Target::Qr,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_comes_back_from_its_id() {
        let pane = PaneId(77);
        let mut all = vec![
            Target::Tab(pane, 3),
            Target::TabClose(pane, u32::MAX),
            Target::Pane(pane),
            Target::View(pane),
            Target::Breadcrumb(pane, 1),
            Target::PickerRow(9),
            Target::Card,
            Target::Notice(2),
            Target::Recent(0),
            Target::Hint(4),
            Target::Qr,
        ];
        all.extend(FIELDS.map(Target::Field));
        all.extend(FIND_PARTS.map(Target::Find));
        all.extend(STATUS_PARTS.map(Target::Status));
        for target in all {
            assert_eq!(Target::of(target.id()), Some(target));
        }
        assert_eq!(Target::of(ElementId(0)), None);
    }
}
