//! Cutting a line into pieces that one face can draw in one direction.
//!
//! A piece is a stretch of one bidi level, style, script and face. Cuts fall between graphemes.

use std::ops::Range;

use unicode_bidi::{Level, ParagraphBidiInfo};
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::fallback::{Presentation, SystemIndex};
use super::line::Direction;
use super::style::{Family, ParagraphDirection, StyleSpan, TextStyle};

/// Who draws a piece, and how much work that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Characters straight to glyphs of the style's own face: monospaced, nothing to join.
    Table,
    /// The style's own face, shaped.
    Primary,
    /// The bundled Arabic face, shaped.
    Arabic,
    /// A face of the system, shaped.
    System(SystemIndex),
    /// No face has it: a box.
    Missing,
}

/// A stretch of text for one face.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub bytes: Range<usize>,
    pub style: TextStyle,
    pub source: Source,
    pub direction: Direction,
    pub level: Level,
    /// Whether its letters join or stack, so that neither grid nor tracking may part them.
    pub joined: bool,
    script: Script,
}

/// What decides the face of a grapheme.
pub(crate) trait Coverage {
    /// Whether the style's own face draws all of `grapheme`.
    fn primary(&mut self, style: &TextStyle, grapheme: &str) -> bool;
    /// Whether the style's own face may join letters that are not joined by their script.
    fn joins(&mut self, style: &TextStyle) -> bool;
    /// The face that was chosen for what the style's own lacks, if one has `grapheme`.
    fn chosen(&mut self, grapheme: &str) -> Option<SystemIndex>;
    /// Whether the bundled Arabic face does.
    fn arabic(&mut self, style: &TextStyle, grapheme: &str) -> bool;
    /// The system's face for it, if any.
    fn system(&mut self, grapheme: &str, presentation: Presentation) -> Option<SystemIndex>;
}

/// Whether a character may turn a line right to left (UAX 9 classes R, AL, AN and the controls),
/// by block, generously.
fn may_be_rtl(c: char) -> bool {
    matches!(c as u32,
        0x0590..=0x08ff | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069
        | 0xfb1d..=0xfdff | 0xfe70..=0xfeff | 0x1_0800..=0x1_0fff | 0x1_e800..=0x1_efff)
}

/// Characters that have no look of their own and never decide a face.
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(c as u32,
        0x00ad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x180b..=0x180f | 0x200b..=0x200f
        | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
        | 0xe0000..=0xe0fff)
}

/// Scripts whose letters join or stack, so that a column grid would tear them.
fn keeps_advances(script: Script) -> bool {
    !matches!(
        script,
        Script::Common
            | Script::Inherited
            | Script::Unknown
            | Script::Latin
            | Script::Greek
            | Script::Cyrillic
            | Script::Armenian
            | Script::Georgian
            | Script::Hebrew
            | Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Hangul
            | Script::Bopomofo
            | Script::Yi
    )
}

/// The columns a grapheme takes on a grid: 1 or 2.
pub(crate) fn columns(grapheme: &str) -> u32 {
    if grapheme.len() == 1 || grapheme.width() < 2 { 1 } else { 2 }
}

/// The paragraph's direction and the runs of equal level, from left to right.
fn visual_runs(
    text: &str,
    direction: ParagraphDirection,
) -> (Direction, Vec<(Range<usize>, Level)>) {
    let level = match direction {
        ParagraphDirection::Auto => None,
        ParagraphDirection::Ltr => Some(Level::ltr()),
        ParagraphDirection::Rtl => Some(Level::rtl()),
    };
    if level.is_none_or(|level| level.is_ltr()) && !text.chars().any(may_be_rtl) {
        return (Direction::Ltr, vec![(0..text.len(), Level::ltr())]);
    }
    let bidi = ParagraphBidiInfo::new(text, level);
    let (levels, runs) = bidi.visual_runs(0..text.len());
    let runs = runs.into_iter().map(|run| (run.clone(), levels[run.start])).collect();
    let direction = if bidi.paragraph_level.is_rtl() { Direction::Rtl } else { Direction::Ltr };
    (direction, runs)
}

/// Cuts `text` into pieces, from left to right as they are seen.
pub(crate) fn cut(
    text: &str,
    base: &TextStyle,
    spans: &[StyleSpan],
    direction: ParagraphDirection,
    coverage: &mut dyn Coverage,
) -> (Direction, Vec<Piece>) {
    let (paragraph, runs) = visual_runs(text, direction);
    let mut pieces = Vec::new();
    for (bytes, level) in runs {
        let first = pieces.len();
        cut_run(text, bytes, level, base, spans, coverage, &mut pieces);
        if level.is_rtl() {
            pieces[first..].reverse();
        }
    }
    (paragraph, pieces)
}

fn cut_run(
    text: &str,
    bytes: Range<usize>,
    level: Level,
    base: &TextStyle,
    spans: &[StyleSpan],
    coverage: &mut dyn Coverage,
    pieces: &mut Vec<Piece>,
) {
    let direction = if level.is_rtl() { Direction::Rtl } else { Direction::Ltr };
    let first = pieces.len();
    let mut span = spans.partition_point(|span| span.bytes.end <= bytes.start);
    let mut at = bytes.start;
    while at < bytes.end {
        while spans.get(span).is_some_and(|span| span.bytes.end <= at) {
            span += 1;
        }
        let (style, until) = match spans.get(span) {
            Some(span) if span.bytes.start <= at => (&span.style, span.bytes.end),
            Some(span) => (base, span.bytes.start),
            None => (base, bytes.end),
        };
        let until = until.min(bytes.end);
        let plain = if level.is_ltr() { plain_ascii(text, at..until) } else { 0 };
        let piece = if plain > 0 {
            let source = match style.family {
                Family::Mono if !coverage.joins(style) => Source::Table,
                Family::Mono | Family::Ui => Source::Primary,
            };
            let (bytes, script) = (at..at + plain, Script::Latin);
            Piece { bytes, style: *style, source, direction, level, joined: false, script }
        } else {
            let grapheme = text[at..bytes.end].graphemes(true).next().unwrap_or_default();
            let before = pieces[first..].last().map(|piece| piece.source);
            let (source, script) = source_of(grapheme, style, level, before, coverage);
            let (bytes, joined) = (at..at + grapheme.len(), keeps_advances(script));
            Piece { bytes, style: *style, source, direction, level, joined, script }
        };
        at = piece.bytes.end;
        match pieces[first..].last_mut().filter(|last| last.takes(&piece)) {
            Some(last) => {
                last.bytes.end = piece.bytes.end;
                if is_shared(last.script) {
                    last.script = piece.script;
                }
            }
            None => pieces.push(piece),
        }
    }
}

/// The bytes of printable ASCII at the start of a range that surely are graphemes of their own: the
/// last one before anything else may be combined with it.
fn plain_ascii(text: &str, range: Range<usize>) -> usize {
    let bytes = &text.as_bytes()[range.clone()];
    let printable = bytes.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
    let all = range.start + printable == text.len();
    if all { printable } else { printable.saturating_sub(1) }
}

impl Piece {
    /// A whole text as one piece, left to right.
    #[cfg(test)]
    pub fn whole(text: &str, style: TextStyle, source: Source) -> Self {
        let (bytes, direction, level) = (0..text.len(), Direction::Ltr, Level::ltr());
        Self { bytes, style, source, direction, level, joined: false, script: Script::Latin }
    }

    /// Whether `next` may be shaped together with this.
    fn takes(&self, next: &Self) -> bool {
        self.style == next.style
            && self.source == next.source
            && (self.joined == next.joined || next.script == Script::Common)
            && merges(self.script, next.script)
    }
}

fn is_shared(script: Script) -> bool {
    matches!(script, Script::Common | Script::Inherited)
}

/// Whether two neighbours may be shaped as one script: shared characters go with what precedes.
fn merges(before: Script, after: Script) -> bool {
    before == after || is_shared(after) || is_shared(before)
}

fn source_of(
    grapheme: &str,
    style: &TextStyle,
    level: Level,
    before: Option<Source>,
    coverage: &mut dyn Coverage,
) -> (Source, Script) {
    let mut chars = grapheme.chars();
    let first = chars.next().unwrap_or(' ');
    let single = chars.next().is_none();
    let script = if first.is_ascii() { ascii_script(first) } else { first.script() };
    let emoji = grapheme.contains('\u{fe0f}') || is_emoji(first);
    if emoji && let Some(index) = coverage.system(grapheme, Presentation::Emoji) {
        return (Source::System(index), Script::Common);
    }
    // A space between Arabic words goes with them: one run to shape instead of three.
    let between = before == Some(Source::Arabic) && style.family == Family::Ui && grapheme == " ";
    if between && coverage.arabic(style, grapheme) {
        return (Source::Arabic, script);
    }
    if coverage.primary(style, grapheme) {
        // Right to left only what has no mirrored form.
        let plain = level.is_ltr() || first == ' ' || first.is_alphanumeric();
        let table = single
            && plain
            && style.family == Family::Mono
            && !keeps_advances(script)
            && !coverage.joins(style);
        return (if table { Source::Table } else { Source::Primary }, script);
    }
    if let Some(index) = coverage.chosen(grapheme) {
        return (Source::System(index), script);
    }
    if coverage.arabic(style, grapheme) {
        return (Source::Arabic, script);
    }
    match coverage.system(grapheme, Presentation::Text) {
        Some(index) => (Source::System(index), script),
        None => (Source::Missing, script),
    }
}

fn ascii_script(c: char) -> Script {
    if c.is_ascii_alphabetic() { Script::Latin } else { Script::Common }
}

/// Blocks whose characters are shown as emoji by default.
fn is_emoji(c: char) -> bool {
    matches!(c as u32, 0x1_f1e6..=0x1_f1ff | 0x1_f300..=0x1_f64f | 0x1_f680..=0x1_f6ff
        | 0x1_f7e0..=0x1_f7eb | 0x1_f90c..=0x1_f9ff | 0x1_fa70..=0x1_faff
        | 0x231a..=0x231b | 0x23e9..=0x23ec | 0x2705 | 0x2728 | 0x274c | 0x2753..=0x2755
        | 0x2757 | 0x2795..=0x2797 | 0x2b1b..=0x2b1c | 0x2b50 | 0x2b55)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The style's face has ASCII, the Arabic one its block, the system `世`; nobody has more.
    struct Faces;

    impl Coverage for Faces {
        fn primary(&mut self, _: &TextStyle, grapheme: &str) -> bool {
            grapheme.is_ascii()
        }

        fn joins(&mut self, _: &TextStyle) -> bool {
            false
        }

        fn chosen(&mut self, _: &str) -> Option<SystemIndex> {
            None
        }

        fn arabic(&mut self, _: &TextStyle, grapheme: &str) -> bool {
            grapheme.chars().all(|c| c == ' ' || ('\u{600}'..='\u{6ff}').contains(&c))
        }

        fn system(&mut self, grapheme: &str, _: Presentation) -> Option<SystemIndex> {
            (grapheme == "世").then_some(SystemIndex(3))
        }
    }

    fn cut_up(text: &str, style: &TextStyle) -> Vec<(String, Source)> {
        let (_, pieces) = cut(text, style, &[], ParagraphDirection::Ltr, &mut Faces);
        pieces.into_iter().map(|piece| (text[piece.bytes].to_owned(), piece.source)).collect()
    }

    #[test]
    fn pieces_follow_faces_and_lie_in_visual_order() {
        let expected = [
            ("ab ", Source::Table),
            ("عليكم", Source::Arabic),
            (" ", Source::Table),
            ("سلام", Source::Arabic),
            (" x ", Source::Table),
            ("世", Source::System(SystemIndex(3))),
            ("界", Source::Missing),
        ];
        let expected = expected.map(|(text, source)| (text.to_owned(), source));
        assert_eq!(cut_up("ab سلام عليكم x 世界", &TextStyle::mono(14.0)), expected);
        let prose = cut_up("ab سلام عليكم", &TextStyle::ui(14.0));
        assert_eq!(prose.len(), 2, "{prose:?}");
    }

    #[test]
    fn a_mark_keeps_its_letter() {
        assert_eq!(plain_ascii("abe\u{301}", 0..5), 2);
        assert_eq!(plain_ascii("abe", 0..3), 3);
        assert_eq!(plain_ascii("ab\tc", 0..4), 1);
        assert_eq!(
            (columns("a"), columns("世"), columns("👩\u{200d}💻"), columns("é")),
            (1, 2, 2, 1)
        );
    }
}
