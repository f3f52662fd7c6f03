//! Odd texts through what reads them: whatever stands in a file, nothing panics, and every answer
//! keeps the rules that its readers count on.

use text::bidi::{Base, BidiLine};
use text::display::{DisplayMap, DisplayPoint, Row};
use text::edit::Bias;
use text::movement::columns::Columns;
use text::movement::{PlainColumns, expand, multiply};
use text::search::{Limits, Query};
use text::width::TabWidth;
use text::{CharOffset, CharRange, Place, Positions, Rope, Selection, grapheme, reveal};

/// Splitmix64, printed and replayed like the seeds of other tests.
struct Seeded(u64);

impl Seeded {
    fn new(default: u64) -> Self {
        let named = std::env::var("HEARTH_SEED").ok();
        let seed = named.and_then(|text| text.parse().ok()).unwrap_or(default);
        eprintln!("HEARTH_SEED={seed}");
        Seeded(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn text(&mut self, parts: usize) -> String {
        (0..self.below(parts)).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }
}

const PARTS: [&str; 34] = [
    "a",
    "Z_9",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "(",
    ")",
    "[{",
    "}]",
    "\"",
    "-",
    "/",
    "https://a.b/c",
    "\u{301}",
    "e\u{301}",
    "\u{200d}",
    "\u{200b}",
    "\u{feff}",
    "\u{202e}",
    "\u{2066}",
    "\u{2069}",
    "سلام",
    "\u{64b}",
    "שלום",
    "文字、",
    "ッ",
    "👩‍👩‍👧",
    "🇸🇦",
    "🇸",
    "а",
    "\u{10fe80}",
    "\0",
];

/// A view of wrapped rows.
struct Wrapped(DisplayMap);

impl Columns for Wrapped {
    fn row(&self, at: Place) -> usize {
        self.0.to_display(at, Bias::Before).row.0
    }

    fn last_row(&self) -> usize {
        self.0.last_row().0
    }

    fn column(&self, at: Place) -> f32 {
        self.0.to_display(at, Bias::Before).column as f32
    }

    fn place(&self, row: usize, column: f32) -> Place {
        let column = if column.is_finite() { column as usize } else { usize::MAX };
        self.0.to_buffer(DisplayPoint { row: Row(row), column }, Bias::Before)
    }
}

#[test]
fn places_and_blocks_of_wrapped_rows_hold_together() {
    let mut random = Seeded::new(71);
    for _ in 0..400 {
        let rope = Rope::from(random.text(60));
        let mut map = DisplayMap::new(&rope, TabWidth::default());
        map.set_wrap(Some(2 + random.below(12)));
        map.measure(usize::MAX);
        let view = Wrapped(map);
        for row in 0..=view.last_row() {
            let end = view.place(row, f32::INFINITY);
            assert_eq!(view.row(end), row, "the end of a row is in it: {rope:?}");
            assert_eq!(view.place(row, view.column(end)).at, end.at, "{rope:?}");
            let start = view.place(row, 0.0);
            assert_eq!(view.row(start), row, "so is its start: {rope:?}");
            assert!(start.at <= end.at && grapheme::is_boundary(&rope, end.at), "{rope:?}");
        }
        let plain = PlainColumns::new(&rope, TabWidth::default());
        for columns in [&view as &dyn Columns, &plain] {
            let mut corner = || (random.below(columns.last_row() + 3), random.below(14) as f32);
            let block = multiply::block(columns, corner(), corner());
            for one in block.iter() {
                let is_boundary = |at| grapheme::is_boundary(&rope, at);
                assert!(is_boundary(one.anchor) && is_boundary(one.head), "{rope:?}");
            }
        }
    }
}

#[test]
fn what_is_revealed_is_in_order_and_holds_every_control_that_reorders() {
    let mut random = Seeded::new(72);
    for _ in 0..2_000 {
        let line = random.text(30).replace(['\n', '\r'], "");
        let found = reveal::reveal(&line);
        assert!(found.windows(2).all(|pair| pair[0].bytes.end <= pair[1].bytes.start), "{line:?}");
        for one in &found {
            assert!(line.get(one.bytes.clone()).is_some_and(|text| !text.is_empty()), "{line:?}");
        }
        for (byte, _) in line.match_indices(['\u{202e}', '\u{2066}', '\u{2069}', '\u{200b}']) {
            assert!(found.iter().any(|one| one.bytes.contains(&byte)), "{byte} in {line:?}");
        }
        for base in [Base::Auto, Base::Ltr, Base::Rtl] {
            let order = BidiLine::new(&line, base);
            let covered: usize = order.runs().iter().map(|run| run.bytes.len()).sum();
            assert!(order.is_plain() || covered == line.len(), "{line:?}");
        }
    }
}

#[test]
fn matches_stand_apart_and_growing_a_selection_ends_with_everything() {
    let mut random = Seeded::new(73);
    for _ in 0..600 {
        let rope = Rope::from(random.text(60));
        let pattern = random.text(3);
        if let Ok(searcher) = Query::literal(pattern.clone()).compile() {
            let all = CharRange { start: CharOffset(0), end: rope.end() };
            let matches = searcher.find_iter(&rope, all, Limits::default());
            let matches: Vec<CharRange> = matches.map(|found| found.unwrap().range).collect();
            let apart = matches.windows(2).all(|pair| pair[0].end <= pair[1].start);
            assert!(apart, "{pattern:?} in {rope:?}");
        }
        let at = grapheme::floor(&rope, CharOffset(random.below(rope.len_chars() + 1)));
        let mut selection = Selection::caret(at);
        for _ in 0..rope.len_chars() + 8 {
            let grown = expand::grow(&rope, selection, &text::bracket::everything);
            let (old, new) = (selection.range(), grown.range());
            assert!(new.start <= old.start && old.end <= new.end, "{rope:?}");
            selection = grown;
        }
        assert_eq!(selection.range(), CharRange { start: CharOffset(0), end: rope.end() });
    }
}
