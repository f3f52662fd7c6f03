//! The shaper: fonts, caches, and the ways from a text to a line.
//!
//! - Monospaced ASCII goes straight from a table of advances: no font of ours has a ligature there
//!   (a test compares with full shaping).
//! - Everything else is cut into pieces. A monospaced piece of single characters also comes from
//!   tables; the rest is shaped by cosmic-text, whose font system holds only the bundled faces and
//!   the system faces that were needed so far: its own walk through all fonts of a machine would
//!   read the disk at every miss.
//! - Long lines: at most [`LINE_BYTES_MAX`] bytes are laid out, and at most [`SHAPED_BYTES_MAX`]
//!   of them, in chunks of [`CHUNK_BYTES_MAX`], are shaped in full; beyond that letters are placed
//!   one by one and do not join. Callers cut longer lines into stretches.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use cosmic_text::fontdb;
use cosmic_text::{Attrs, AttrsList, FeatureTag, FontFeatures, FontSystem, ShapeGlyph, ShapeWord};
use unicode_segmentation::UnicodeSegmentation;

use super::assemble::{Assembly, digest_of};
use super::cache::LineCache;
use super::face::{Face, FaceId, Skew, TableFace};
use super::fallback::{Fallback, Presentation, SystemIndex};
use super::fonts::{self, Bundled, Fonts, Generation};
use super::line::{Clusters, Direction, Glyph, Ink, ShapedLine};
use super::pieces::{self, Coverage, Piece, Source};
use super::style::{
    Family, Ligatures, ParagraphDirection, ShapeOptions, Slant, StyleSpan, TextStyle, Weight,
};
use crate::digest::{BuildDigest, Digest};

/// Bytes of a line that are laid out; what follows is not there.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a line that get full shaping.
const SHAPED_BYTES_MAX: usize = 16 << 10;
/// Bytes that are shaped in one go, so that cost stays linear.
const CHUNK_BYTES_MAX: usize = 2 << 10;

/// Shapes text. One per thread that shapes; the result can go anywhere.
pub struct Shaper {
    sources: Sources,
    cache: LineCache,
    generation: Generation,
}

impl std::fmt::Debug for Shaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shaper")
            .field("generation", &self.generation)
            .field("lines", &self.cache.len())
            .finish_non_exhaustive()
    }
}

impl Shaper {
    /// A shaper with these fonts.
    pub fn new(fonts: Fonts) -> Self {
        Self {
            sources: Sources::new(fonts),
            cache: LineCache::default(),
            generation: Generation::default(),
        }
    }

    /// Takes fonts that a worker found. Lines shaped before stay valid but may show boxes: shape
    /// them again when [`Self::generation`] has moved.
    pub fn install(&mut self, fonts: Fonts) {
        self.sources.install(fonts);
        self.cache.clear();
        self.generation.0 += 1;
    }

    /// Moves with every [`Self::install`].
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Lines in the cache.
    pub fn cached_lines(&self) -> usize {
        self.cache.len()
    }

    /// Counts a frame: lines that no frame asks for are dropped after two seconds of frames.
    pub fn end_frame(&mut self) {
        self.cache.end_frame();
    }

    /// The natural width of a column of the family of code at `size`, logical pixels. A family
    /// whose characters differ in width has columns for its widest.
    pub fn cell_width(&mut self, size: f32) -> f32 {
        self.sources.cell(&TextStyle::mono(size))
    }

    /// Whether the characters of the family of code are all of one width.
    pub fn is_monospaced(&mut self) -> bool {
        self.sources.primary_table(&TextStyle::mono(14.0)).is_even()
    }

    /// Shapes a line of one style. A tab counts as a space: callers place stops.
    pub fn shape(
        &mut self,
        text: &str,
        style: TextStyle,
        options: ShapeOptions,
    ) -> Arc<ShapedLine> {
        self.shape_spans(text, style, &[], options)
    }

    /// Shapes a line of several styles; `base` holds where no span does. Spans are ascending and
    /// disjoint.
    pub fn shape_spans(
        &mut self,
        text: &str,
        base: TextStyle,
        spans: &[StyleSpan],
        options: ShapeOptions,
    ) -> Arc<ShapedLine> {
        let text = bounded(text);
        let mut digest = Digest::default();
        (text, base, options, self.generation).hash(&mut digest);
        for span in spans {
            (span.bytes.start, span.bytes.end, span.style).hash(&mut digest);
        }
        let key = digest.finish();
        if let Some(line) = self.cache.get(key, text) {
            return line;
        }
        let plain = base.family == Family::Mono
            && spans.is_empty()
            && options.direction != ParagraphDirection::Rtl
            && text.is_ascii()
            && !self.sources.may_join(&base);
        let line = Arc::new(if plain {
            self.sources.ascii_line(text, &base, options.cell_width, key)
        } else {
            self.sources.line(text, &base, spans, options, key)
        });
        self.cache.insert(key, text, Arc::clone(&line));
        line
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE_BYTES_MAX)]
}

/// The fonts in use.
struct Sources {
    system: FontSystem,
    /// The bundled faces, then the chosen ones.
    own: Vec<fontdb::ID>,
    tables: Vec<Option<TableFace>>,
    faces: HashMap<(fontdb::ID, u16), Arc<Face>, BuildDigest>,
    fonts: Fonts,
    loaded: HashMap<SystemIndex, Option<fontdb::ID>, BuildDigest>,
    fallback: Fallback,
}

/// The bundled face of a style and how far it is from what was asked.
fn primary(style: &TextStyle) -> (Bundled, Skew) {
    let italic = style.slant == Slant::Italic;
    let skew = if italic { Skew::Oblique } else { Skew::None };
    match (style.family, style.weight) {
        (Family::Ui, Weight::Regular) => (Bundled::UiRegular, skew),
        (Family::Ui, Weight::Medium) => (Bundled::UiMedium, skew),
        (Family::Ui, Weight::SemiBold) => (Bundled::UiSemiBold, skew),
        (Family::Mono, Weight::SemiBold) => (Bundled::MonoBold, skew),
        (Family::Mono, _) if italic => (Bundled::MonoItalic, Skew::None),
        (Family::Mono, Weight::Regular) => (Bundled::MonoRegular, Skew::None),
        (Family::Mono, Weight::Medium) => (Bundled::MonoMedium, Skew::None),
    }
}

fn arabic(style: &TextStyle) -> Bundled {
    match style.weight {
        Weight::SemiBold => Bundled::ArabicBold,
        Weight::Regular | Weight::Medium => Bundled::ArabicRegular,
    }
}

impl Sources {
    fn new(fonts: Fonts) -> Self {
        let (database, bundled) = fonts::bundled();
        let tables = std::iter::repeat_with(|| None).take(bundled.len() * 2).collect();
        let mut sources = Self {
            system: FontSystem::new_with_locale_and_db("en-US".to_owned(), database),
            own: bundled,
            tables,
            faces: HashMap::default(),
            fonts: Fonts::bundled(),
            loaded: HashMap::default(),
            fallback: Fallback::default(),
        };
        sources.install(fonts);
        sources
    }

    /// Takes other fonts. A chosen face that does not parse after all is not drawn with.
    fn install(&mut self, mut fonts: Fonts) {
        for id in self.own.split_off(BUNDLED_FACES) {
            self.system.db_mut().remove_face(id);
        }
        self.tables.truncate(BUNDLED_FACES * 2);
        for place in 0..fonts.chosen.faces.len() {
            let info = fonts.chosen.faces[place].info.clone();
            let weight = info.weight;
            let id = self.system.db_mut().push_face_info(info);
            self.own.push(id);
            self.tables.extend([None, None]);
            if self.system.get_font(id, weight).is_none() {
                fonts.chosen.drop_face(place);
            }
        }
        self.fonts = fonts;
        self.fallback.clear();
        self.loaded.clear();
    }

    /// The face of a style by its place, and how far it is from what was asked.
    fn own_face(&self, style: &TextStyle) -> (usize, Skew) {
        match self.fonts.chosen.cut(style) {
            Some(cut) => (BUNDLED_FACES + cut.face, cut.skew),
            None => {
                let (which, skew) = primary(style);
                (which as usize, skew)
            }
        }
    }

    /// The table of one of the own faces.
    fn table(&mut self, place: usize, skew: Skew) -> &mut TableFace {
        let index = place * 2 + usize::from(skew == Skew::Oblique);
        if self.tables[index].is_none() {
            let id = self.own[place];
            let info = self.system.db().face(id).expect("an own face stays in the database");
            let (weight, number) = (info.weight, info.index);
            let font = self.system.get_font(id, weight).expect("it parsed when it was installed");
            let id = match place.checked_sub(BUNDLED_FACES) {
                // Bundled faces have small ids; the top bit keeps all others apart from them.
                None => FaceId(index as u64),
                Some(chosen) => {
                    let name = &self.fonts.chosen.faces[chosen].name;
                    FaceId(digest_of(("chosen", name, number, skew)) | 1 << 63)
                }
            };
            let face = Arc::new(Face::new(id, font, weight.0, skew));
            self.tables[index] = Some(TableFace::new(face));
        }
        self.tables[index].as_mut().expect("filled above")
    }

    fn primary_table(&mut self, style: &TextStyle) -> &mut TableFace {
        let (place, skew) = self.own_face(style);
        self.table(place, skew)
    }

    fn cell(&mut self, style: &TextStyle) -> f32 {
        self.primary_table(style).column() * style.size
    }

    /// Bundled faces join nothing that is not joined by its script; of others nobody knows.
    fn may_join(&self, style: &TextStyle) -> bool {
        style.ligatures == Ligatures::On && self.fonts.chosen.cut(style).is_some()
    }

    /// A face that shaping chose.
    fn face(&mut self, id: fontdb::ID, weight: fontdb::Weight, skew: Skew) -> Option<Arc<Face>> {
        if let Some(place) = self.own.iter().position(|own| *own == id) {
            return Some(Arc::clone(&self.table(place, skew).face));
        }
        if let Some(face) = self.faces.get(&(id, weight.0)) {
            return Some(Arc::clone(face));
        }
        let info = self.system.db().face(id)?;
        let name = (&info.post_script_name, info.index, weight.0);
        let identity = FaceId(digest_of(name) | 1 << 63);
        let font = self.system.get_font(id, weight)?;
        let face = Arc::new(Face::new(identity, font, weight.0, Skew::None));
        self.faces.insert((id, weight.0), Arc::clone(&face));
        Some(face)
    }

    fn load(&mut self, index: SystemIndex) -> Option<fontdb::ID> {
        if let Some(id) = self.loaded.get(&index) {
            return *id;
        }
        let info = self.fonts.system[index.0 as usize].info.clone();
        let name = info.post_script_name.clone();
        let database = self.system.db_mut();
        let known = database.faces().find(|face| face.post_script_name == name).map(|f| f.id);
        let id = Some(known.unwrap_or_else(|| database.push_face_info(info)));
        self.loaded.insert(index, id);
        id
    }

    /// A monospaced ASCII line: every byte one column.
    fn ascii_line(
        &mut self,
        text: &str,
        style: &TextStyle,
        cell: Option<f32>,
        identity: u64,
    ) -> ShapedLine {
        let advance = cell.unwrap_or_else(|| self.cell(style)) + style.tracking;
        let table = self.primary_table(style);
        let is_even = table.is_even();
        let mut glyphs = Vec::with_capacity(text.len());
        for (byte, c) in text.bytes().enumerate() {
            if c != b' ' && c != b'\t' {
                let (id, natural) = table.get(char::from(c));
                // What is narrower than its column stands in the middle of it.
                let shift = if is_even { 0.0 } else { (advance - natural * style.size) / 2.0 };
                let x = byte as f32 * advance + shift;
                glyphs.push(Glyph { id, byte: byte as u32, x, y: 0.0 });
            }
        }
        let face = Arc::clone(&table.face);
        let mut ink = Ink::default();
        ink.cover(&face, style.size);
        let (ascent, descent) = (face.ascent * style.size, face.descent * style.size);
        let range = 0..glyphs.len() as u32;
        let span = super::line::GlyphSpan { face, size: style.size, glyphs: range };
        ShapedLine {
            identity,
            width: text.len() as f32 * advance,
            ascent,
            descent,
            ink,
            direction: Direction::Ltr,
            len: text.len() as u32,
            glyphs: glyphs.into(),
            spans: smallvec::smallvec![span],
            clusters: Clusters::Uniform { advance, bytes: text.len() as u32 },
        }
    }

    fn line(
        &mut self,
        text: &str,
        base: &TextStyle,
        spans: &[StyleSpan],
        options: ShapeOptions,
        identity: u64,
    ) -> ShapedLine {
        let (direction, pieces) = pieces::cut(text, base, spans, options.direction, self);
        let mut assembly = Assembly::default();
        for style in std::iter::once(base).chain(spans.iter().map(|span| &span.style)) {
            assembly.measure(&self.primary_table(style).face, style.size);
        }
        let mut budget = SHAPED_BYTES_MAX;
        for piece in &pieces {
            let cell = match piece.style.family {
                Family::Mono => Some(options.cell_width.unwrap_or_else(|| self.cell(&piece.style))),
                Family::Ui => None,
            };
            let shaped = matches!(piece.source, Source::Primary | Source::Arabic)
                || matches!(piece.source, Source::System(_));
            if shaped && budget >= piece.bytes.len() {
                budget -= piece.bytes.len();
                for bytes in chunks(text, piece) {
                    self.shape_piece(text, piece, bytes, cell, &mut assembly);
                }
            } else {
                self.place_piece(text, piece, cell, &mut assembly);
            }
        }
        assembly.finish(identity, text, direction)
    }

    /// Places a piece character by character, without shaping.
    fn place_piece(
        &mut self,
        text: &str,
        piece: &Piece,
        cell: Option<f32>,
        assembly: &mut Assembly,
    ) {
        let style = piece.style;
        let (place, skew) = match piece.source {
            Source::Arabic => (arabic(&style) as usize, Skew::None),
            _ => self.own_face(&style),
        };
        let table = self.table(place, skew);
        let is_even = table.is_even();
        let face = Arc::clone(&table.face);
        let mut place = |(offset, grapheme): (usize, &str)| {
            let first = grapheme.chars().next().unwrap_or(' ');
            let start = piece.bytes.start + offset;
            let missing = matches!(piece.source, Source::Missing | Source::System(_));
            let (id, advance) = table.get(if missing { '\u{0}' } else { first });
            let id = if missing { 0 } else { id };
            let natural = advance * style.size;
            let grid = cell.filter(|_| !piece.joined || missing);
            let width = grid.map_or(natural, |cell| cell * pieces::columns(grapheme) as f32);
            let is_centred = missing || (grid.is_some() && !is_even);
            let shift = if is_centred { (width - natural) / 2.0 } else { 0.0 };
            if !first.is_whitespace() {
                let x = assembly.pen + shift;
                let glyph = Glyph { id, byte: start as u32, x, y: 0.0 };
                assembly.glyph(&face, style.size, glyph);
            }
            let tracking = if piece.joined { 0.0 } else { style.tracking };
            assembly.cluster(start..start + grapheme.len(), width + tracking, piece.direction);
        };
        let piece_text = &text[piece.bytes.clone()];
        let graphemes = piece_text.grapheme_indices(true);
        match piece.direction {
            Direction::Ltr if piece_text.is_ascii() => {
                (0..piece_text.len()).for_each(|i| place((i, &piece_text[i..i + 1])));
            }
            Direction::Ltr => graphemes.for_each(&mut place),
            Direction::Rtl => graphemes.rev().for_each(&mut place),
        }
    }

    /// Shapes a chunk of a piece with cosmic-text.
    fn shape_piece(
        &mut self,
        text: &str,
        piece: &Piece,
        bytes: Range<usize>,
        cell: Option<f32>,
        assembly: &mut Assembly,
    ) {
        let (id, skew) = match piece.source {
            Source::Arabic => (self.own[arabic(&piece.style) as usize], Skew::None),
            Source::System(index) => match self.load(index) {
                Some(id) => (id, Skew::None),
                None => return self.place_piece(text, piece, cell, assembly),
            },
            _ => {
                let (place, skew) = self.own_face(&piece.style);
                (self.own[place], skew)
            }
        };
        let Some(info) = self.system.db().face(id) else { return };
        let family = info.families.first().map_or_else(String::new, |(name, _)| name.clone());
        let (weight, slant, stretch) = (info.weight, info.style, info.stretch);
        let mut features = FontFeatures::new();
        if piece.source == Source::Primary && piece.style.ligatures == Ligatures::Off {
            for tag in [b"liga", b"clig", b"calt", b"dlig"] {
                features.disable(FeatureTag::new(tag));
            }
        }
        let attrs = Attrs::new()
            .family(cosmic_text::Family::Name(&family))
            .weight(weight)
            .style(slant)
            .stretch(stretch)
            .font_features(features);
        let word = ShapeWord::new(
            &mut self.system,
            text,
            &AttrsList::new(&attrs),
            bytes.clone(),
            piece.level,
            false,
            cosmic_text::Shaping::Advanced,
        );
        self.place_shaped(text, piece, bytes, &word.glyphs, skew, cell, assembly);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one step, named")]
    fn place_shaped(
        &mut self,
        text: &str,
        piece: &Piece,
        bytes: Range<usize>,
        glyphs: &[ShapeGlyph],
        skew: Skew,
        cell: Option<f32>,
        assembly: &mut Assembly,
    ) {
        let size = piece.style.size;
        let grid = cell.filter(|_| !piece.joined);
        let is_even = self.primary_table(&piece.style).is_even();
        let tracking = if piece.joined { 0.0 } else { piece.style.tracking };
        let bounds: Vec<usize> = text[bytes.clone()]
            .grapheme_indices(true)
            .map(|(offset, _)| bytes.start + offset)
            .collect();
        for group in groups(glyphs, &bounds, piece.direction) {
            let first = bounds.partition_point(|start| *start < group.start);
            let last = bounds.partition_point(|start| *start < group.end).max(first + 1);
            let starts = &bounds[first.min(bounds.len() - 1)..last.min(bounds.len())];
            let end_of = |index: usize| starts.get(index + 1).copied().unwrap_or(group.end);
            let natural: f32 = group.glyphs.iter().map(|glyph| glyph.x_advance * size).sum();
            let target = grid.map_or(natural, |cell| {
                (0..starts.len())
                    .map(|i| cell * pieces::columns(&text[starts[i]..end_of(i)]) as f32)
                    .sum()
            });
            let foreign = matches!(piece.source, Source::System(_));
            let is_centred = foreign || (grid.is_some() && !is_even);
            let mut x = assembly.pen + if is_centred { (target - natural) / 2.0 } else { 0.0 };
            let blank = text[group.start..group.end].chars().all(char::is_whitespace);
            for glyph in group.glyphs {
                let face = self.face(glyph.font_id, glyph.font_weight, skew);
                if let Some(face) = face.filter(|_| !blank) {
                    let placed = Glyph {
                        id: glyph.glyph_id,
                        byte: glyph.start as u32,
                        x: x + glyph.x_offset * size,
                        y: -glyph.y_offset * size,
                    };
                    assembly.glyph(&face, size, placed);
                }
                x += glyph.x_advance * size;
            }
            let share = target / starts.len() as f32 + tracking;
            let mut add = |i: usize| {
                assembly.cluster(starts[i]..end_of(i), share, piece.direction);
            };
            match piece.direction {
                Direction::Ltr => (0..starts.len()).for_each(&mut add),
                Direction::Rtl => (0..starts.len()).rev().for_each(&mut add),
            }
        }
    }
}

/// How many faces are bundled.
const BUNDLED_FACES: usize = Bundled::ArabicBold as usize + 1;

/// Glyphs that belong together and the bytes they stand for.
struct Group<'a> {
    start: usize,
    end: usize,
    glyphs: &'a [ShapeGlyph],
}

/// Groups glyphs, which are in visual order, so that each group starts at a grapheme.
fn groups<'a>(glyphs: &'a [ShapeGlyph], bounds: &[usize], direction: Direction) -> Vec<Group<'a>> {
    let starts_grapheme = |byte: usize| bounds.binary_search(&byte).is_ok();
    let mut groups: Vec<(Range<usize>, usize, usize)> = Vec::new();
    let mut open = false;
    for (index, glyph) in glyphs.iter().enumerate() {
        let joins = match direction {
            // What continues a grapheme follows it, or precedes it right to left.
            Direction::Ltr => !starts_grapheme(glyph.start),
            Direction::Rtl => open,
        };
        match groups.last_mut() {
            Some(last) if joins || last.1 == glyph.start => {
                last.0.end = index + 1;
                last.1 = last.1.min(glyph.start);
                last.2 = last.2.max(glyph.end);
            }
            _ => groups.push((index..index + 1, glyph.start, glyph.end)),
        }
        open = !starts_grapheme(glyph.start);
    }
    groups
        .into_iter()
        .map(|(range, start, end)| Group { start, end, glyphs: &glyphs[range] })
        .collect()
}

/// A piece in chunks that are shaped in one go, from left to right as they are seen, cut after
/// white space where there is some.
fn chunks(text: &str, piece: &Piece) -> Vec<Range<usize>> {
    if piece.bytes.len() <= CHUNK_BYTES_MAX {
        return vec![piece.bytes.clone()];
    }
    let mut chunks = Vec::new();
    let (mut start, mut cut, mut blank) = (piece.bytes.start, piece.bytes.start, false);
    for (offset, grapheme) in text[piece.bytes.clone()].grapheme_indices(true) {
        let at = piece.bytes.start + offset;
        if at + grapheme.len() - start > CHUNK_BYTES_MAX && at > start {
            let end = if blank { cut } else { at };
            chunks.push(start..end);
            (start, blank) = (end, false);
        }
        if grapheme.chars().all(char::is_whitespace) {
            (cut, blank) = (at + grapheme.len(), true);
        }
    }
    chunks.push(start..piece.bytes.end);
    if piece.direction == Direction::Rtl {
        chunks.reverse();
    }
    chunks
}

impl Coverage for Sources {
    fn primary(&mut self, style: &TextStyle, grapheme: &str) -> bool {
        let table = self.primary_table(style);
        grapheme.chars().all(|c| c == '\t' || pieces::is_ignorable(c) || table.covers(c))
    }

    fn joins(&mut self, style: &TextStyle) -> bool {
        self.may_join(style)
    }

    fn chosen(&mut self, grapheme: &str) -> Option<SystemIndex> {
        let all = &self.fonts;
        let faces = all.chosen.fallback.iter();
        let has = |face: &fonts::SystemFace| {
            grapheme.chars().all(|c| pieces::is_ignorable(c) || face.covers(c))
        };
        faces.copied().find(|index| has(&all.system[index.0 as usize]))
    }

    fn arabic(&mut self, style: &TextStyle, grapheme: &str) -> bool {
        let table = self.table(arabic(style) as usize, Skew::None);
        grapheme.chars().all(|c| pieces::is_ignorable(c) || table.covers(c))
    }

    fn system(&mut self, grapheme: &str, presentation: Presentation) -> Option<SystemIndex> {
        let mut chars = grapheme.chars().filter(|c| !pieces::is_ignorable(*c));
        let first = chars.next()?;
        let index = self.fallback.face_for(&self.fonts.system, first, presentation)?;
        let face = &self.fonts.system[index.0 as usize];
        let emoji = face.family().contains("Emoji");
        if presentation == Presentation::Emoji && !emoji {
            return None;
        }
        chars.all(|c| face.covers(c)).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONO: TextStyle = TextStyle::mono(14.0);

    #[test]
    fn the_table_gives_what_full_shaping_gives() {
        // A font with ligatures or kerning for ASCII would differ here.
        let text = "fn a() -> i32 { x != y && a >= b || c <= d; e == f; www /* */ :: => 0xff }";
        let mut shaper = Shaper::new(Fonts::bundled());
        for weight in [Weight::Regular, Weight::Medium, Weight::SemiBold] {
            let style = MONO.weight(weight).ligatures(Ligatures::On);
            let table = shaper.sources.ascii_line(text, &style, None, 0);
            let piece = Piece::whole(text, style, Source::Primary);
            let mut assembly = Assembly::default();
            let cell = Some(shaper.sources.cell(&style));
            shaper.sources.shape_piece(text, &piece, 0..text.len(), cell, &mut assembly);
            let shaped = assembly.finish(0, text, Direction::Ltr);
            let ids = |line: &ShapedLine| -> Vec<(u16, u32)> {
                line.glyphs().iter().map(|glyph| (glyph.id, glyph.byte)).collect()
            };
            let inked: Vec<_> = ids(&shaped);
            assert_eq!(ids(&table), inked);
            for (a, b) in table.glyphs().iter().zip(shaped.glyphs()) {
                assert!((a.x - b.x).abs() < 0.01);
            }
        }
    }

    #[test]
    fn a_line_is_shaped_once_until_it_was_idle_for_long() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let options = ShapeOptions::default();
        let first = shaper.shape("once", MONO, options);
        assert!(Arc::ptr_eq(&first, &shaper.shape("once", MONO, options)));
        assert!(!Arc::ptr_eq(&first, &shaper.shape("once", MONO.tracking(1.0), options)));
        for _ in 0..200 {
            shaper.shape("kept", MONO, options);
            shaper.end_frame();
        }
        assert_eq!(shaper.cached_lines(), 1);
    }

    #[test]
    fn installed_fonts_begin_a_generation() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let options = ShapeOptions::default();
        let before = (shaper.generation(), shaper.shape("世", MONO, options));
        shaper.install(Fonts::scan_system());
        assert!(shaper.generation() > before.0);
        let after = shaper.shape("世", MONO, options);
        assert_ne!(after.identity(), before.1.identity());
        // The grid holds whether the system has a face for it or not.
        assert_eq!(after.width(), before.1.width());
    }

    #[test]
    fn styles_of_one_line_meet_at_their_bytes() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let bold = StyleSpan { bytes: 2..4, style: MONO.weight(Weight::SemiBold) };
        let line = shaper.shape_spans("abcdef", MONO, &[bold], ShapeOptions::default());
        let faces: Vec<Range<u32>> = line.spans().iter().map(|span| span.glyphs.clone()).collect();
        assert_eq!(faces, [0..2, 2..4, 4..6]);
        assert_ne!(line.spans()[0].face.id(), line.spans()[1].face.id());
        assert_eq!(line.spans()[0].face.id(), line.spans()[2].face.id());
    }

    #[test]
    fn an_endless_line_is_bounded() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let options = ShapeOptions::default();
        let ascii = shaper.shape(&"x".repeat(LINE_BYTES_MAX + 10), MONO, options);
        assert_eq!(ascii.len(), LINE_BYTES_MAX);
        let arabic = "سلام ".repeat(4 << 10);
        let line = shaper.shape(&arabic, TextStyle::ui(13.0), options);
        assert_eq!(line.len(), arabic.len());
        assert_eq!(line.clusters().map(|c| c.end).max(), Some(arabic.len() as u32));
    }

    #[test]
    fn chunks_cover_a_piece_in_visual_order() {
        let text = "سلام عليكم ".repeat(600);
        let mut piece = Piece::whole(&text, MONO, Source::Arabic);
        piece.direction = Direction::Rtl;
        let chunks = chunks(&text, &piece);
        assert!(chunks.len() > 3 && chunks.iter().all(|c| c.len() <= CHUNK_BYTES_MAX));
        assert!(chunks.windows(2).all(|pair| pair[1].end == pair[0].start));
        assert_eq!((chunks[0].end, chunks[chunks.len() - 1].start), (text.len(), 0));
        assert!(chunks.iter().all(|chunk| text[chunk.clone()].ends_with(' ')));
    }
}
