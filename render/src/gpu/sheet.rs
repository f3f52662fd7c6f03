//! A square of packed bitmaps: where each lies, its pixels, and which rows the device lacks.
//!
//! Bitmaps stand on shelves, rows of about equal height. A sheet doubles its side until its limit;
//! what was placed keeps its place, so that instances of the frame being built stay true.

use std::ops::Range;

/// Sides of a sheet, texels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    pub first: u32,
    pub most: u32,
}

struct Shelf {
    top: u32,
    height: u32,
    /// Columns taken.
    taken: u32,
}

pub(super) struct Sheet {
    sides: Sides,
    side: u32,
    texel_bytes: u32,
    texels: Vec<u8>,
    shelves: Vec<Shelf>,
    /// Rows that differ from what was last uploaded.
    stale: Range<u32>,
}

/// A bitmap that found no room; the sheet is as large as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Sheet {
    pub fn new(sides: Sides, texel_bytes: u32) -> Self {
        let mut sheet = Self {
            sides,
            side: 0,
            texel_bytes,
            texels: Vec::new(),
            shelves: Vec::new(),
            stale: 0..0,
        };
        sheet.clear();
        sheet
    }

    /// Forgets every bitmap; the side stays.
    pub fn clear(&mut self) {
        self.side = self.side.max(self.sides.first);
        self.texels.clear();
        self.texels.resize((self.side * self.side * self.texel_bytes) as usize, 0);
        self.shelves.clear();
        self.stale = 0..self.side;
    }

    pub fn side(&self) -> u32 {
        self.side
    }

    /// Whether a bitmap fits into this sheet when it is empty and as large as it may be.
    pub fn may_hold(&self, width: u32, height: u32) -> bool {
        width.max(height) <= self.sides.most
    }

    /// Places a bitmap of gapless rows; its column and row.
    pub fn place(&mut self, width: u32, height: u32, rows: &[u8]) -> Result<(u32, u32), Full> {
        let place = loop {
            match self.room(width, height) {
                Some(place) => break place,
                None => self.grow()?,
            }
        };
        let (left, top) = place;
        let row_bytes = (width * self.texel_bytes) as usize;
        for (y, row) in (top..).zip(rows.chunks_exact(row_bytes)) {
            let start = ((y * self.side + left) * self.texel_bytes) as usize;
            self.texels[start..start + row_bytes].copy_from_slice(row);
        }
        let stale = if self.stale.is_empty() { top..top } else { self.stale.clone() };
        self.stale = stale.start.min(top)..stale.end.max(top + height);
        Ok(place)
    }

    /// The lowest shelf that fits, or a new one.
    fn room(&mut self, width: u32, height: u32) -> Option<(u32, u32)> {
        let side = self.side;
        let fits = |shelf: &&mut Shelf| {
            // Much lower bitmaps would waste the shelf.
            shelf.height >= height
                && shelf.height <= height + height / 2 + 2
                && shelf.taken + width <= side
        };
        let shelf = match self.shelves.iter_mut().filter(fits).min_by_key(|shelf| shelf.height) {
            Some(shelf) => shelf,
            None => {
                let top = self.shelves.last().map_or(0, |shelf| shelf.top + shelf.height);
                if width > side || top + height > side {
                    return None;
                }
                self.shelves.push(Shelf { top, height, taken: 0 });
                self.shelves.last_mut()?
            }
        };
        let place = (shelf.taken, shelf.top);
        shelf.taken += width;
        Some(place)
    }

    fn grow(&mut self) -> Result<(), Full> {
        if self.side * 2 > self.sides.most {
            return Err(Full);
        }
        let old = std::mem::take(&mut self.texels);
        let old_row = (self.side * self.texel_bytes) as usize;
        self.side *= 2;
        self.texels.resize((self.side * self.side * self.texel_bytes) as usize, 0);
        for (to, from) in self.texels.chunks_exact_mut(old_row * 2).zip(old.chunks_exact(old_row)) {
            to[..old_row].copy_from_slice(from);
        }
        self.stale = 0..self.side;
        Ok(())
    }

    /// The rows to upload, with their texels, once.
    pub fn take_stale(&mut self) -> Option<(Range<u32>, &[u8])> {
        let rows = std::mem::replace(&mut self.stale, 0..0);
        if rows.is_empty() {
            return None;
        }
        let row_bytes = (self.side * self.texel_bytes) as usize;
        let texels = &self.texels[rows.start as usize * row_bytes..rows.end as usize * row_bytes];
        Some((rows, texels))
    }

    /// The texels of a placed bitmap, row by row.
    pub fn copy(&self, (left, top): (u32, u32), width: u32, height: u32) -> Vec<u8> {
        let row_bytes = (width * self.texel_bytes) as usize;
        let row = |y: u32| {
            let start = ((y * self.side + left) * self.texel_bytes) as usize;
            &self.texels[start..start + row_bytes]
        };
        (top..top + height).flat_map(row).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(first: u32, most: u32) -> Sheet {
        Sheet::new(Sides { first, most }, 1)
    }

    #[test]
    fn bitmaps_never_overlap_and_survive_growth() {
        let mut sheet = sheet(16, 128);
        let mut placed = Vec::new();
        for i in 0..150_u32 {
            let (width, height) = (3 + i % 7, 4 + i % 5);
            let rows = vec![i as u8 + 1; (width * height) as usize];
            placed.push((sheet.place(width, height, &rows).unwrap(), width, height, i as u8 + 1));
        }
        assert_eq!(sheet.side(), 128);
        for (place, width, height, value) in placed {
            assert!(sheet.copy(place, width, height).iter().all(|texel| *texel == value));
        }
    }

    #[test]
    fn a_full_sheet_says_so_and_is_usable_once_cleared() {
        let mut sheet = sheet(8, 16);
        assert_eq!(sheet.place(17, 1, &[1; 17]), Err(Full));
        assert_eq!(sheet.place(16, 16, &[1; 256]), Ok((0, 0)));
        assert_eq!(sheet.place(1, 1, &[1]), Err(Full));
        sheet.clear();
        assert_eq!(sheet.place(1, 1, &[1]), Ok((0, 0)));
    }

    #[test]
    fn only_rows_that_changed_are_uploaded_and_only_once() {
        let mut sheet = sheet(16, 16);
        assert_eq!(sheet.take_stale().unwrap().0, 0..16);
        assert!(sheet.take_stale().is_none());
        sheet.place(4, 3, &[9; 12]).unwrap();
        let (rows, texels) = sheet.take_stale().unwrap();
        assert_eq!((rows, texels.len()), (0..3, 48));
        assert!(sheet.take_stale().is_none());
    }
}
