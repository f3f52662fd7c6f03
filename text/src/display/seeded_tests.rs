//! Random histories of edits, folds, inlays and widths, replayed from a seed.

use super::*;
use crate::edit::Transaction;
use crate::position::CharOffset;
use crate::seeded::Seeded;

const PARTS: [&str; 22] = [
    "a",
    "word ",
    "fn main() {",
    "}",
    "\t",
    "    ",
    " ",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "ع",
    "سلام ",
    "文字",
    "e\u{301}",
    "👩‍👩‍👧",
    "🇸🇦",
    "-",
    "x-y",
    "\u{202e}",
    "  \n",
    "longer_than_a_row_can_be_wide",
];

fn text(random: &mut Seeded, parts: usize) -> String {
    (0..random.below(parts)).map(|_| *random.pick(&PARTS)).collect()
}

fn range(random: &mut Seeded, length: usize, most: usize) -> CharRange {
    let start = random.below(length + 1);
    let end = (start + random.below(most + 1)).min(length);
    CharRange::new(CharOffset(start), CharOffset(end))
}

fn edits(random: &mut Seeded, rope: &Rope) -> Transaction {
    let all = (0..1 + random.below(3)).map(|_| {
        let range = range(random, rope.len_chars(), 12);
        Edit::replace(range, text(random, 5))
    });
    let all: Vec<Edit> = all.collect();
    let first = all[0].clone();
    Transaction::new(all).unwrap_or_else(|_| Transaction::single(first))
}

fn inlays(random: &mut Seeded, length: usize) -> Vec<Inlay> {
    let texts = [": i32", "ghost\ntext", "文", "a\tb", "x"];
    (0..random.below(6))
        .map(|id| Inlay {
            id: InlayId(id as u64),
            at: CharOffset(random.below(length + 1)),
            bias: *random.pick(&[Bias::Before, Bias::After]),
            kind: *random.pick(&[InlayKind::Hint, InlayKind::Ghost, InlayKind::Preedit]),
            text: (*random.pick(&texts)).into(),
        })
        .collect()
}

fn all_rows(map: &DisplayMap) -> Vec<DisplayRow> {
    map.rows(Row(0)..Row(usize::MAX), 0..usize::MAX).collect()
}

/// What a person sees of a row, without where it stands in the document.
fn seen(map: &DisplayMap, row: &DisplayRow) -> String {
    let mut seen = format!("{:?} {} ", row.kind, row.indent);
    for segment in &row.segments {
        seen += &match &segment.content {
            Content::Text(range) => format!("{:?}{}", segment.columns, map.rope().slice_of(*range)),
            Content::Tab(_) => format!("{:?}tab", segment.columns),
            Content::Fold(_) => format!("{:?}fold", segment.columns),
            Content::Inlay(inlay, part) => {
                format!("{:?}{}", segment.columns, &inlay.text[part.clone()])
            }
        };
    }
    seen
}

fn check_equals_rebuilt(map: &DisplayMap) {
    let mut map = map.clone();
    let mut fresh = DisplayMap::new(map.rope(), map.tab_width());
    fresh.set_wrap(map.wrap_width());
    fresh.set_folds(map.folds().folds().to_vec());
    fresh.set_inlays(map.inline().inlays().cloned().collect());
    fresh.set_wrap(None);
    fresh.set_wrap(map.wrap_width());
    assert_eq!(fresh.measure(usize::MAX), Progress::Complete);
    assert_eq!(map.measure(usize::MAX), Progress::Complete);
    let rows = all_rows(&map);
    assert_eq!(rows, all_rows(&fresh));
    let first = |row: &&DisplayRow| row.kind == RowKind::First;
    let lines = map.rope().len_lines() - map.folds().hidden_lines();
    assert_eq!(rows.iter().filter(first).count(), lines);
    assert!(rows.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    assert_eq!(rows.last().map(|row| row.range.end), Some(map.rope().end()));
}

fn check_places(map: &DisplayMap, random: &mut Seeded) {
    let width = map.wrap_width().unwrap_or(usize::MAX);
    for row in all_rows(map) {
        // Clusters wider than the room, a tab or a white space beyond the edge aside.
        let fits = row.segments.iter().rev().skip(1).all(|part| part.columns.start <= width);
        assert!(fits, "{row:?} is wider than {width}");
        assert!(row.segments.windows(2).all(|pair| pair[0].columns.end == pair[1].columns.start));
    }
    let hidden: Vec<CharRange> = map.folds().placeholders().collect();
    let is_plain = hidden.is_empty() && map.inline().inlays().next().is_none();
    for at in (0..=map.rope().end().0).map(CharOffset) {
        let before = map.to_display(at, Bias::Before);
        let after = map.to_display(at, Bias::After);
        assert!(before <= after && after.row.0 < map.row_count());
        let back = map.to_buffer(before, Bias::Before).at;
        // Inside a cluster, the place is that cluster's start, behind inlays that stand there.
        let places = map.to_display(back, Bias::Before)..=map.to_display(back, Bias::After);
        assert!(places.contains(&before), "{at:?} comes back as {back:?}");
        if let Some(fold) = hidden.iter().find(|fold| fold.start < at && at < fold.end) {
            assert_eq!(back, fold.start);
        } else if is_plain {
            let end = map.rope().line_end(map.rope().line_of(at));
            assert_eq!(back, crate::grapheme::floor(map.rope(), at).min(end));
            assert_eq!(map.to_buffer(after, Bias::After).at, back);
        }
    }
    for _ in 0..40 {
        let row = Row(random.below(map.row_count() + 2));
        let point = DisplayPoint { row, column: random.below(60) };
        let clipped = map.clip(point, Bias::Before);
        assert_eq!(map.clip(clipped, Bias::Before), clipped, "{point:?}");
        check_window(map, row, random);
    }
}

/// A row cut to some columns shows there what the whole row does.
fn check_window(map: &DisplayMap, row: Row, random: &mut Seeded) {
    let start = random.below(30);
    let window = start..start + 1 + random.below(20);
    let part = map.row_segments(row, window.clone()).segments;
    let whole = map.row_segments(row, 0..usize::MAX).segments;
    let (Some(first), Some(last)) = (whole.first(), whole.last()) else {
        assert!(part.is_empty());
        return;
    };
    let low = window.start.max(first.columns.start);
    let high = window.end.min(last.columns.end);
    if low >= high {
        assert!(part.is_empty());
        return;
    }
    assert!(part[0].columns.start <= low && part[part.len() - 1].columns.end >= high);
    for segment in part {
        let holds = |other: &&Segment| {
            let inside = other.columns.start <= segment.columns.start
                && segment.columns.end <= other.columns.end;
            inside
                && match (&other.content, &segment.content) {
                    (Content::Text(a), Content::Text(b)) => a.start <= b.start && b.end <= a.end,
                    (Content::Inlay(a, _), Content::Inlay(b, _)) => a == b,
                    (a, b) => a == b,
                }
        };
        assert!(whole.iter().any(|other| holds(&other)), "{segment:?} in {whole:?}");
    }
}

/// Rows outside the spans must look as they did.
fn check_spans(before: &DisplayMap, after: &DisplayMap, spans: &RowSpans) {
    let (old, new) = (all_rows(before), all_rows(after));
    let (mut was, mut is) = (0, 0);
    let end = Span { old: Row(old.len())..Row(old.len()), new: Row(new.len())..Row(new.len()) };
    for span in spans.iter().chain([&end]) {
        let kept = span.old.start.0 - was;
        assert_eq!(kept, span.new.start.0 - is, "{spans:?}");
        for index in 0..kept {
            assert_eq!(seen(before, &old[was + index]), seen(after, &new[is + index]));
        }
        (was, is) = (span.old.end.0, span.new.end.0);
    }
}

fn step(map: &mut DisplayMap, random: &mut Seeded) {
    let before = map.clone();
    let length = map.rope().len_chars();
    let spans = match random.below(10) {
        0..=4 => {
            let transaction = edits(random, map.rope());
            let mut after = map.rope().clone();
            transaction.apply_to(&mut after);
            map.apply(&after, transaction.edits())
        }
        5 => map.fold(&[range(random, length, 30), range(random, length, 8)]),
        6 => map.unfold(range(random, length, 20)),
        7 => map.set_inlays(inlays(random, length)),
        8 => {
            let widths = [None, Some(4), Some(11), Some(24), Some(80)];
            map.set_wrap(*random.pick(&widths));
            map.measure(usize::MAX);
            return;
        }
        _ => {
            map.set_tab_width(TabWidth::new(1 + random.below(8)));
            map.measure(usize::MAX);
            return;
        }
    };
    check_spans(&before, map, &spans);
}

#[test]
fn whatever_happens_is_as_if_built_from_nothing() {
    let mut random = Seeded::new(0xd15b1a7);
    for _ in 0..60 {
        let rope = Rope::from_str(&text(&mut random, 120));
        let mut map = DisplayMap::new(&rope, TabWidth::default());
        map.measure(usize::MAX);
        for _ in 0..25 {
            step(&mut map, &mut random);
            check_equals_rebuilt(&map);
        }
        check_places(&map, &mut random);
        map.set_inlays(Vec::new());
        map.set_folds(Vec::new());
        check_places(&map, &mut random);
    }
}

#[test]
fn a_long_line_is_laid_out_the_same_however_it_came_to_be() {
    let mut random = Seeded::new(0x0109);
    for round in 0..24 {
        let mut line: String = (0..1200).map(|_| *random.pick(&PARTS)).collect();
        line.retain(|c| c != '\n' && c != '\r' && (round % 3 > 0 || c != '\t'));
        let rope = Rope::from_str(&format!("{line}{line}{line}\nend"));
        let mut map = DisplayMap::new(&rope, TabWidth::new(1 + round % 8));
        map.set_wrap(if round % 2 == 0 { Some(20 + round) } else { None });
        map.measure(usize::MAX);
        for _ in 0..12 {
            let at = range(&mut random, map.rope().len_chars() - 4, 3);
            let typed: String = text(&mut random, 3).replace(['\n', '\r'], "");
            let transaction = Transaction::single(Edit::replace(at, typed));
            let mut after = map.rope().clone();
            transaction.apply_to(&mut after);
            map.apply(&after, transaction.edits());
            check_equals_rebuilt(&map);
            let mut fresh = DisplayMap::new(&after, map.tab_width());
            fresh.set_wrap(map.wrap_width());
            fresh.measure(usize::MAX);
            for _ in 0..10 {
                let at = CharOffset(random.below(after.len_chars()));
                let point = map.to_display(at, Bias::Before);
                assert_eq!(point, fresh.to_display(at, Bias::Before));
                assert_eq!(
                    map.to_buffer(point, Bias::Before),
                    fresh.to_buffer(point, Bias::Before)
                );
            }
        }
    }
}

#[test]
fn measuring_by_budget_comes_to_the_same_and_never_lies_on_the_way() {
    let mut random = Seeded::new(0xb0d9e7);
    for _ in 0..20 {
        let long: String = text(&mut random, 3000).replace(['\n', '\r'], "");
        let rope = Rope::from_str(&format!("{}{long}\n{long}", text(&mut random, 300)));
        let mut map = DisplayMap::new(&rope, TabWidth::default());
        map.set_inlays(inlays(&mut random, rope.len_chars()));
        map.fold(&[range(&mut random, rope.len_chars(), 90)]);
        map.set_wrap(Some(10 + random.below(60)));
        let mut whole = map.clone();
        whole.measure(usize::MAX);
        let mut seen = map.clone();
        seen.measure_rows(Row(0)..Row(30), usize::MAX);
        let top =
            |map: &DisplayMap| -> Vec<DisplayRow> { map.rows(Row(0)..Row(30), 0..50).collect() };
        assert_eq!(top(&seen), top(&whole));
        let mut left = usize::MAX;
        loop {
            let at = CharOffset(random.below(rope.len_chars()));
            let point = map.to_display(at, Bias::Before);
            assert!(map.to_display(map.to_buffer(point, Bias::Before), Bias::After) >= point);
            match map.measure(1 + random.below(2000)) {
                Progress::Complete => break,
                Progress::Left(now) => {
                    assert!(now <= left);
                    left = now;
                }
            }
        }
        assert_eq!(all_rows(&map), all_rows(&whole));
    }
}

/// Lines of code, prose, Arabic and Han, of very different lengths.
fn mixed(random: &mut Seeded, lines: usize) -> Rope {
    let words = ["word ", "كلمة ", "文字、", "identifier_of_some_length ", "x "];
    let mut text = String::new();
    for _ in 0..lines {
        let most = *random.pick(&[3, 12, 80]);
        text.extend((0..random.below(most)).map(|_| *random.pick(&words)));
        text.push('\n');
    }
    Rope::from(text)
}

#[test]
fn the_height_hardly_changes_while_lines_are_measured() {
    let mut random = Seeded::new(0x4e16);
    for width in [20, 40, 80] {
        let mut map = DisplayMap::new(&mixed(&mut random, 8_000), TabWidth::default());
        map.set_wrap(Some(width));
        let expected = map.height();
        assert!(map.row_count() as f64 * 1.3 < expected, "one row a line would be far off");
        let mut whole = map.clone();
        whole.measure(usize::MAX);
        let rows = whole.row_count() as f64;
        assert_eq!(whole.height(), rows);
        assert!((expected / rows - 1.0).abs() < 0.15, "{expected} for {rows}");
        while map.measure(20_000) != Progress::Complete {
            let height = map.height();
            assert!((height / rows - 1.0).abs() < 0.15, "{height} on the way to {rows}");
            let row = Row(random.below(map.row_count()));
            let above = map.height_above(row);
            assert!(above <= height && (map.row_below(above) - row.0 as f64).abs() < 1e-6);
        }
        assert_eq!(map.height(), rows);
        for row in (0..map.row_count()).step_by(97) {
            assert_eq!(map.height_above(Row(row)), row as f64);
        }
    }
}

#[test]
fn a_line_that_is_measured_in_part_is_as_high_as_its_rest_lets_expect() {
    let rope = Rope::from("some words and 文字 ".repeat(20_000));
    let mut map = DisplayMap::new(&rope, TabWidth::default());
    map.set_wrap(Some(60));
    let mut whole = map.clone();
    whole.measure(usize::MAX);
    let rows = whole.row_count() as f64;
    loop {
        let height = map.height();
        assert!((height / rows - 1.0).abs() < 0.2, "{height} for {rows}");
        if map.measure(30_000) == Progress::Complete {
            break;
        }
    }
}
