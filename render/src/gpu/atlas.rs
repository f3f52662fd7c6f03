//! Glyphs and icons in two sheets, found by face and size first and by glyph then.
//!
//! The bitmaps are those of the [`GlyphCache`] that the CPU renderer has too. When a sheet is full,
//! what was not seen for longest leaves and the frame is built anew, since places have changed.

use std::collections::HashMap;

use super::sheet::{Full, Sheet, Sides};
use crate::digest::BuildDigest;
use crate::glyph::{BitmapKind, GlyphBitmap, GlyphKey};

/// A bitmap in a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Column and row in its sheet.
    pub place: (u32, u32),
    pub width: u32,
    pub height: u32,
    /// From the pen's pixel to the left column.
    pub left: i32,
    /// From the baseline up to the top row.
    pub top: i32,
    pub kind: BitmapKind,
    /// The frame that last showed it.
    seen: u64,
}

/// What is known of a glyph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing yet.
    Unknown,
    /// It leaves no mark.
    Blank,
    /// No sheet may be large enough for it.
    TooLarge,
    /// Its bitmap.
    Slot(Slot),
}

/// The glyphs of one face at one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageId(usize);

/// By glyph and bin: an index of `slots` plus [`FIRST_SLOT`], or one of the marks below.
type Page = Vec<u32>;

const UNKNOWN: u32 = 0;
const BLANK: u32 = 1;
const TOO_LARGE: u32 = 2;
const FIRST_SLOT: u32 = 3;
/// Faces times sizes; past this all is forgotten, between frames.
const PAGES_MAX: usize = 96;

pub(super) struct Atlas {
    coverage: Sheet,
    color: Sheet,
    pages: Vec<Page>,
    page_of: HashMap<GlyphKey, usize, BuildDigest>,
    slots: Vec<Slot>,
    frame: u64,
}

/// First and largest sides of the two sheets.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtlasSides {
    pub coverage: Sides,
    pub color: Sides,
}

impl AtlasSides {
    /// Sides for a device whose textures may have `most` texels a side.
    pub fn for_device(most: u32) -> Self {
        Self {
            coverage: Sides { first: 512, most: most.min(4096) },
            // Colour glyphs are rare: a first emoji grows it.
            color: Sides { first: 64, most: most.min(2048) },
        }
    }
}

impl Atlas {
    pub fn new(sides: AtlasSides) -> Self {
        Self {
            coverage: Sheet::new(sides.coverage, 1),
            color: Sheet::new(sides.color, 4),
            pages: Vec::new(),
            page_of: HashMap::default(),
            slots: Vec::new(),
            frame: 0,
        }
    }

    pub fn sheet(&mut self, kind: BitmapKind) -> &mut Sheet {
        match kind {
            BitmapKind::Coverage => &mut self.coverage,
            BitmapKind::Color => &mut self.color,
        }
    }

    /// Begins a frame.
    pub fn begin(&mut self) {
        self.frame += 1;
        if self.pages.len() > PAGES_MAX {
            self.clear();
        }
    }

    /// The page of a glyph's face and size.
    pub fn page(&mut self, key: GlyphKey) -> PageId {
        let key = GlyphKey { glyph: 0, bin: 0, ..key };
        let next = self.pages.len();
        let index = *self.page_of.entry(key).or_insert(next);
        if index == next {
            self.pages.push(Page::new());
        }
        PageId(index)
    }

    /// What is known of a glyph; a bitmap counts as seen in this frame.
    #[inline]
    pub fn find(&mut self, page: PageId, glyph: u16, bin: u8) -> Known {
        let index = usize::from(glyph) * 4 + usize::from(bin);
        match self.pages[page.0].get(index).copied().unwrap_or(UNKNOWN) {
            UNKNOWN => Known::Unknown,
            BLANK => Known::Blank,
            TOO_LARGE => Known::TooLarge,
            slot => {
                let slot = &mut self.slots[(slot - FIRST_SLOT) as usize];
                slot.seen = self.frame;
                Known::Slot(*slot)
            }
        }
    }

    /// Places a glyph's bitmap.
    pub fn add(
        &mut self,
        page: PageId,
        glyph: u16,
        bin: u8,
        bitmap: Option<&GlyphBitmap>,
    ) -> Result<Known, Full> {
        let (mark, known) = match bitmap {
            None => (BLANK, Known::Blank),
            Some(bitmap) if !self.sheet(bitmap.kind).may_hold(bitmap.width, bitmap.height) => {
                (TOO_LARGE, Known::TooLarge)
            }
            Some(bitmap) => {
                let sheet = self.sheet(bitmap.kind);
                let place = sheet.place(bitmap.width, bitmap.height, &bitmap.data)?;
                let slot = Slot {
                    place,
                    width: bitmap.width,
                    height: bitmap.height,
                    left: bitmap.left,
                    top: bitmap.top,
                    kind: bitmap.kind,
                    seen: self.frame,
                };
                self.slots.push(slot);
                (self.slots.len() as u32 - 1 + FIRST_SLOT, Known::Slot(slot))
            }
        };
        self.mark(page, glyph, bin, mark);
        Ok(known)
    }

    fn mark(&mut self, page: PageId, glyph: u16, bin: u8, mark: u32) {
        let page = &mut self.pages[page.0];
        let index = usize::from(glyph) * 4 + usize::from(bin);
        if page.len() <= index {
            page.resize((index + 1).next_multiple_of(256), UNKNOWN);
        }
        page[index] = mark;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.coverage.clear();
        self.color.clear();
        self.pages.clear();
        self.page_of.clear();
        self.slots.clear();
    }

    /// Makes room: keeps what was seen last, up to half of each sheet. Pages keep their ids.
    pub fn evict(&mut self) {
        let mut old: Vec<(usize, Slot)> = self.slots.drain(..).enumerate().collect();
        old.sort_by_key(|(index, slot)| (std::cmp::Reverse(slot.seen), *index));
        let mut moved = vec![UNKNOWN; old.len()];
        for kind in [BitmapKind::Coverage, BitmapKind::Color] {
            let sheet = match kind {
                BitmapKind::Coverage => &mut self.coverage,
                BitmapKind::Color => &mut self.color,
            };
            let mut room = u64::from(sheet.side()).pow(2) / 2;
            let kept: Vec<_> = old
                .iter()
                .filter(|(_, slot)| slot.kind == kind)
                .map_while(|(index, slot)| {
                    room = room.checked_sub(u64::from(slot.width) * u64::from(slot.height))?;
                    Some((*index, *slot, sheet.copy(slot.place, slot.width, slot.height)))
                })
                .collect();
            sheet.clear();
            for (index, slot, texels) in kept {
                if let Ok(place) = sheet.place(slot.width, slot.height, &texels) {
                    moved[index] = self.slots.len() as u32 + FIRST_SLOT;
                    self.slots.push(Slot { place, ..slot });
                }
            }
        }
        for entry in self.pages.iter_mut().flatten().filter(|entry| **entry >= FIRST_SLOT) {
            *entry = moved[(*entry - FIRST_SLOT) as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glyph::{GlyphCache, Rasterisation};
    use crate::icon::Icon;

    fn atlas(most: u32) -> (Atlas, PageId) {
        let sides = Sides { first: most.min(8), most };
        let mut atlas = Atlas::new(AtlasSides { coverage: sides, color: sides });
        let key = GlyphCache::new(Rasterisation::default()).icon_key(Icon::Check, 8);
        let page = atlas.page(key);
        atlas.begin();
        (atlas, page)
    }

    fn bitmap(value: u8) -> GlyphBitmap {
        let data = vec![value; 64].into();
        GlyphBitmap { left: 1, top: 2, width: 8, height: 8, kind: BitmapKind::Coverage, data }
    }

    #[test]
    fn a_glyph_is_placed_once_and_found_again() {
        let (mut atlas, page) = atlas(64);
        assert_eq!(atlas.find(page, 7, 3), Known::Unknown);
        let added = atlas.add(page, 7, 3, Some(&bitmap(5))).unwrap();
        assert_eq!(atlas.find(page, 7, 3), added);
        assert_eq!(atlas.add(page, 8, 0, None), Ok(Known::Blank));
        assert_eq!(atlas.find(page, 8, 0), Known::Blank);
        assert_eq!(atlas.find(page, 7, 2), Known::Unknown);
    }

    #[test]
    fn eviction_keeps_what_was_seen_last() {
        let (mut atlas, page) = atlas(32);
        for glyph in 0..16 {
            atlas.add(page, glyph, 0, Some(&bitmap(glyph as u8 + 1))).unwrap();
        }
        assert_eq!(atlas.add(page, 16, 0, Some(&bitmap(17))), Err(Full));
        atlas.begin();
        for glyph in [3, 9] {
            atlas.find(page, glyph, 0);
        }
        atlas.evict();
        for glyph in 0..16 {
            let known = atlas.find(page, glyph, 0);
            // Half of the sheet: the two of this frame, and six of the frame before.
            let kept = [3, 9].contains(&glyph) || [0, 1, 2, 4, 5, 6].contains(&glyph);
            match known {
                Known::Slot(slot) if kept => {
                    let texels = atlas.coverage.copy(slot.place, 8, 8);
                    assert!(texels.iter().all(|texel| *texel == glyph as u8 + 1));
                }
                Known::Unknown if !kept => {}
                other => panic!("glyph {glyph}: {other:?}"),
            }
        }
        assert!(atlas.add(page, 16, 0, Some(&bitmap(17))).is_ok());
    }

    #[test]
    fn what_no_sheet_can_hold_is_not_tried_again() {
        let (mut atlas, page) = atlas(4);
        assert_eq!(atlas.add(page, 1, 0, Some(&bitmap(1))), Ok(Known::TooLarge));
        assert_eq!(atlas.find(page, 1, 0), Known::TooLarge);
    }
}
