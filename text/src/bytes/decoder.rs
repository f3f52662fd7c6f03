//! Bytes to text, in one pass over pieces of any size.

use ropey::{Rope, RopeBuilder};

use super::encoding::{Bom, Charset, Encoding, Endian};
use super::{ESCAPES, detect, encoder, escape, holds_escape};

/// What decoding a file gave.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The text.
    pub rope: Rope,
    /// How it was written; encoding the rope with it gives back the same bytes.
    pub encoding: Encoding,
    /// How many bytes did not decode and stand in the rope as escapes.
    pub escaped: usize,
    /// Whether a person would read it.
    pub content: Content,
    /// The encoding that was asked for, when the bytes are not in it.
    pub refused: Option<Encoding>,
}

/// Whether a person would read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It looks like text.
    Text,
    /// It holds NUL, or more than a tenth of it does not decode.
    Binary,
}

/// Decodes what is already in memory; see [`Decoder`].
pub fn decode(bytes: &[u8], hint: Option<Encoding>) -> Decoded {
    let mut decoder = Decoder::new(hint);
    // Pieces bound what is copied when a character spans two of them.
    for piece in bytes.chunks(1 << 18) {
        decoder.feed(piece);
    }
    decoder.finish()
}

/// A decoder that is fed a file piece by piece.
///
/// A byte order mark decides before the hint does. Without either, UTF-32 and UTF-16 are
/// recognised by their NUL bytes, then UTF-8 is taken if it decodes, or if more of what is not
/// ASCII decodes than does not; then the legacy encoding that the bytes look most like; then
/// UTF-8 with escapes.
pub struct Decoder {
    hint: Option<Encoding>,
    /// The start of the file, until enough is there to decide.
    head: Vec<u8>,
    stage: Option<Stage>,
    sink: Sink,
    total: usize,
}

struct Stage {
    encoding: Encoding,
    /// The start of a character whose rest has not come.
    carry: Vec<u8>,
}

#[derive(Default)]
struct Sink {
    rope: RopeBuilder,
    escaped: usize,
    /// Characters beyond ASCII that did decode.
    wide: usize,
    nul: bool,
}

impl Sink {
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.nul |= bytes.contains(&0);
        if bytes.is_ascii() {
            self.rope.append(text);
            return;
        }
        self.wide += bytes.iter().filter(|byte| **byte >= 0xC0).count();
        if !holds_escape(text) {
            self.rope.append(text);
            return;
        }
        let mut plain = 0;
        for (at, found) in text.char_indices().filter(|(_, c)| ESCAPES.contains(c)) {
            self.rope.append(&text[plain..at]);
            plain = at + found.len_utf8();
            self.escapes(&bytes[at..plain]);
        }
        self.rope.append(&text[plain..]);
    }

    fn escapes(&mut self, bytes: &[u8]) {
        self.nul |= bytes.contains(&0);
        self.escaped += bytes.len();
        let text: String = bytes.iter().map(|byte| escape(*byte)).collect();
        self.rope.append(&text);
    }
}

impl Decoder {
    /// A decoder that tries the hinted encoding first: what a setting or the person says.
    pub fn new(hint: Option<Encoding>) -> Self {
        Decoder { hint, head: Vec::new(), stage: None, sink: Sink::default(), total: 0 }
    }

    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.total += bytes.len();
        match &mut self.stage {
            Some(stage) => stage.feed(&mut self.sink, bytes),
            None => {
                self.head.extend_from_slice(bytes);
                if self.head.len() >= detect::SAMPLE {
                    self.decide();
                }
            }
        }
    }

    fn decide(&mut self) {
        let sample = &self.head[..self.head.len().min(detect::SAMPLE)];
        let encoding = match (detect::from_mark(sample), self.hint) {
            (Some(marked), _) => marked,
            (None, Some(Encoding::Utf16(endian, _))) => Encoding::Utf16(endian, Bom::Absent),
            (None, Some(Encoding::Utf32(endian, _))) => Encoding::Utf32(endian, Bom::Absent),
            (None, Some(_)) => Encoding::DEFAULT,
            (None, None) => match (detect::bare_utf32(sample), detect::bare_utf16(sample)) {
                (Some(endian), _) => Encoding::Utf32(endian, Bom::Absent),
                (None, Some(endian)) => Encoding::Utf16(endian, Bom::Absent),
                (None, None) => Encoding::DEFAULT,
            },
        };
        let mut stage = Stage { encoding, carry: Vec::new() };
        let head = std::mem::take(&mut self.head);
        stage.feed(&mut self.sink, &head[encoding.mark().len()..]);
        self.stage = Some(stage);
    }

    /// The text, when all pieces have been fed.
    pub fn finish(mut self) -> Decoded {
        if self.stage.is_none() {
            self.decide();
        }
        let stage = self.stage.take().expect("the encoding was just decided");
        self.sink.escapes(&stage.carry);
        let unicode = Decoded {
            rope: std::mem::take(&mut self.sink.rope).finish(),
            encoding: stage.encoding,
            escaped: self.sink.escaped,
            content: match self.sink.nul || self.sink.escaped > self.total / 10 {
                true => Content::Binary,
                false => Content::Text,
            },
            refused: None,
        };
        if unicode.encoding != Encoding::DEFAULT {
            return unicode;
        }
        self.legacy(unicode)
    }

    /// The text in a legacy encoding where one was asked for or is likelier than UTF-8.
    fn legacy(&self, unicode: Decoded) -> Decoded {
        let charset = match self.hint {
            Some(Encoding::Legacy(charset)) => Some(charset),
            None if !self.sink.nul && self.sink.escaped > self.sink.wide => guess(&unicode.rope),
            _ => None,
        };
        let Some(charset) = charset else { return unicode };
        match decode_legacy(&unicode.rope, charset) {
            Some(rope) => Decoded {
                rope,
                encoding: Encoding::Legacy(charset),
                escaped: 0,
                content: if self.sink.nul { Content::Binary } else { Content::Text },
                refused: None,
            },
            None => Decoded {
                refused: self.hint.filter(|hint| *hint == Encoding::Legacy(charset)),
                ..unicode
            },
        }
    }
}

impl Stage {
    fn feed(&mut self, sink: &mut Sink, bytes: &[u8]) {
        let joined;
        let mut input = bytes;
        if !self.carry.is_empty() {
            joined = [std::mem::take(&mut self.carry).as_slice(), bytes].concat();
            input = &joined;
        }
        let rest = match self.encoding {
            Encoding::Utf16(endian, _) => utf16(sink, input, endian),
            Encoding::Utf32(endian, _) => utf32(sink, input, endian),
            Encoding::Utf8(_) | Encoding::Legacy(_) => utf8(sink, input),
        };
        self.carry.extend_from_slice(rest);
    }
}

/// Decodes UTF-8 and returns the start of a character that the input cuts off.
fn utf8<'b>(sink: &mut Sink, mut input: &'b [u8]) -> &'b [u8] {
    loop {
        let error = match std::str::from_utf8(input) {
            Ok(text) => {
                sink.text(text);
                return &[];
            }
            Err(error) => error,
        };
        let (valid, rest) = input.split_at(error.valid_up_to());
        sink.text(std::str::from_utf8(valid).expect("it was just found to be valid"));
        match error.error_len() {
            None => return rest,
            Some(wrong) => {
                sink.escapes(&rest[..wrong]);
                input = &rest[wrong..];
            }
        }
    }
}

/// Decodes UTF-16 and returns what the input cuts off: a byte, or half a surrogate pair.
fn utf16<'b>(sink: &mut Sink, input: &'b [u8], endian: Endian) -> &'b [u8] {
    let unit = |at: usize| match endian {
        Endian::Little => u16::from_le_bytes([input[at], input[at + 1]]),
        Endian::Big => u16::from_be_bytes([input[at], input[at + 1]]),
    };
    let mut text = String::with_capacity(input.len() / 2);
    let mut at = 0;
    while at + 2 <= input.len() {
        let (character, width) = match unit(at) {
            0xD800..=0xDBFF if at + 4 > input.len() => break,
            high @ 0xD800..=0xDBFF => match unit(at + 2) {
                low @ 0xDC00..=0xDFFF => {
                    let low_bits = u32::from(low) - 0xDC00;
                    let code = 0x10000 + ((u32::from(high) - 0xD800) << 10) + low_bits;
                    (char::from_u32(code), 4)
                }
                _ => (None, 2),
            },
            unit => (char::from_u32(u32::from(unit)), 2),
        };
        match character.filter(|c| !ESCAPES.contains(c)) {
            Some(character) => text.push(character),
            None => {
                sink.text(&std::mem::take(&mut text));
                sink.escapes(&input[at..at + width]);
            }
        }
        at += width;
    }
    sink.text(&text);
    &input[at..]
}

/// Decodes UTF-32 and returns the start of a unit that the input cuts off.
fn utf32<'b>(sink: &mut Sink, input: &'b [u8], endian: Endian) -> &'b [u8] {
    let (units, rest) = input.as_chunks::<4>();
    let mut text = String::with_capacity(units.len());
    for unit in units {
        match char::from_u32(endian.unit32(*unit)).filter(|c| !ESCAPES.contains(c)) {
            Some(character) => text.push(character),
            None => {
                sink.text(&std::mem::take(&mut text));
                sink.escapes(unit);
            }
        }
    }
    sink.text(&text);
    rest
}

/// Guesses from the bytes that a UTF-8 rope with escapes stands for.
fn guess(rope: &Rope) -> Option<Charset> {
    let mut pieces = Vec::new();
    let mut length = 0;
    for piece in raw(rope) {
        length += piece.len();
        pieces.push(piece);
        if length >= detect::GUESS_LIMIT {
            break;
        }
    }
    detect::legacy(pieces.iter().map(AsRef::as_ref))
}

/// The bytes of a file that was read as UTF-8 with escapes.
fn raw(rope: &Rope) -> impl Iterator<Item = std::borrow::Cow<'_, [u8]>> {
    encoder::chunks(rope, Encoding::DEFAULT)
        .map(|piece| piece.expect("UTF-8 writes every character"))
}

/// Decodes the bytes behind a rope again; none if that cannot be undone.
fn decode_legacy(rope: &Rope, charset: Charset) -> Option<Rope> {
    let mut decoder = charset.inner().new_decoder_without_bom_handling();
    let mut builder = RopeBuilder::new();
    let mut text = String::new();
    for piece in raw(rope).map(Some).chain([None]) {
        let bytes = piece.as_deref().unwrap_or_default();
        let needed = decoder.max_utf8_buffer_length_without_replacement(bytes.len())?;
        text.clear();
        text.reserve(needed);
        let (result, _) =
            decoder.decode_to_string_without_replacement(bytes, &mut text, piece.is_none());
        if result != encoding_rs::DecoderResult::InputEmpty || holds_escape(&text) {
            return None;
        }
        builder.append(&text);
    }
    let legacy = builder.finish();
    writes_same_bytes(&legacy, charset, rope).then_some(legacy)
}

/// Whether a text in a legacy encoding is byte for byte what was read.
fn writes_same_bytes(legacy: &Rope, charset: Charset, read: &Rope) -> bool {
    let mut expected = raw(read);
    let mut piece = std::borrow::Cow::Borrowed(&[][..]);
    let mut at = 0;
    for written in encoder::chunks(legacy, Encoding::Legacy(charset)) {
        let Ok(written) = written else { return false };
        let mut written = written.as_ref();
        while !written.is_empty() {
            if at == piece.len() {
                let Some(next) = expected.next() else { return false };
                (piece, at) = (next, 0);
            }
            let length = written.len().min(piece.len() - at);
            if written[..length] != piece[at..at + length] {
                return false;
            }
            written = &written[length..];
            at += length;
        }
    }
    at == piece.len() && expected.all(|rest| rest.is_empty())
}
