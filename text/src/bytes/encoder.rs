//! Text to bytes, piece by piece.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::EncoderResult;
use ropey::Rope;
use ropey::iter::Chunks;

use super::encoding::{Encoding, Endian};
use super::{escaped_byte, holds_escape};
use crate::position::{CharOffset, Line, Positions};

/// A character that an encoding cannot write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// The character.
    pub character: char,
    /// Where it stands.
    pub at: CharOffset,
    /// The line that it stands in.
    pub line: Line,
    /// What cannot write it.
    pub encoding: Encoding,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.0 + 1;
        if let Some(byte) = escaped_byte(self.character) {
            return write!(
                f,
                "the stray byte {byte:02X} on line {line} cannot be written as {}; remove it, or \
                 save as UTF-8",
                self.encoding
            );
        }
        write!(
            f,
            "the character {:?} (U+{:04X}) on line {line} cannot be written as {}; save as UTF-8 \
             instead",
            self.character, self.character as u32, self.encoding
        )
    }
}

impl std::error::Error for EncodeError {}

/// A text's bytes in memory; see [`chunks`] for writing large ones.
pub fn encode(rope: &Rope, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(rope.len_bytes() + encoding.mark().len());
    for piece in chunks(rope, encoding) {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// A text's bytes, in order, in pieces of a few kilobytes; it ends after the first error.
pub fn chunks(rope: &Rope, encoding: Encoding) -> EncodedChunks<'_> {
    let writer = match encoding {
        Encoding::Utf8(_) => Writer::Utf8,
        Encoding::Utf16(endian, _) => Writer::Utf16 { endian, half: None },
        Encoding::Legacy(charset) => Writer::Legacy(Box::new(charset.inner().new_encoder())),
    };
    EncodedChunks {
        rope,
        encoding,
        writer,
        chunks: rope.chunks(),
        passed: 0,
        state: if encoding.mark().is_empty() { State::Text } else { State::Mark },
    }
}

/// See [`chunks`].
pub struct EncodedChunks<'r> {
    rope: &'r Rope,
    encoding: Encoding,
    writer: Writer,
    chunks: Chunks<'r>,
    /// Characters in the chunks before.
    passed: usize,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Mark,
    Text,
    Done,
}

enum Writer {
    Utf8,
    /// `half` is the byte of an escape that has no second byte yet.
    Utf16 {
        endian: Endian,
        half: Option<(CharOffset, u8)>,
    },
    Legacy(Box<encoding_rs::Encoder>),
}

impl<'r> Iterator for EncodedChunks<'r> {
    type Item = Result<Cow<'r, [u8]>, EncodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.state {
            State::Done => return None,
            State::Mark => {
                self.state = State::Text;
                return Some(Ok(Cow::Borrowed(self.encoding.mark())));
            }
            State::Text => {}
        }
        let chunk = self.chunks.next();
        if chunk.is_none() {
            self.state = State::Done;
        }
        let written = match &mut self.writer {
            Writer::Utf8 => Ok(utf8(chunk?)),
            Writer::Utf16 { endian, half } => {
                utf16(chunk, *endian, half, CharOffset(self.passed)).map(Cow::Owned)
            }
            Writer::Legacy(encoder) => legacy(chunk, encoder, self.passed).map(Cow::Owned),
        };
        if self.passed < self.rope.len_chars() {
            self.passed += chunk.map_or(0, |chunk| chunk.chars().count());
        }
        Some(written.map_err(|at| self.fail(at)))
    }
}

impl EncodedChunks<'_> {
    fn fail(&mut self, at: CharOffset) -> EncodeError {
        self.state = State::Done;
        EncodeError {
            character: self.rope.char(at.0),
            at,
            line: self.rope.line_of(at),
            encoding: self.encoding,
        }
    }
}

fn utf8(chunk: &str) -> Cow<'_, [u8]> {
    if !holds_escape(chunk) {
        return Cow::Borrowed(chunk.as_bytes());
    }
    let mut bytes = Vec::with_capacity(chunk.len());
    for character in chunk.chars() {
        match escaped_byte(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Writes UTF-16. Escapes come in pairs, or a single one at the very end: a lone one elsewhere
/// would shift every byte after it.
fn utf16(
    chunk: Option<&str>,
    endian: Endian,
    half: &mut Option<(CharOffset, u8)>,
    start: CharOffset,
) -> Result<Vec<u8>, CharOffset> {
    let Some(chunk) = chunk else {
        return Ok(half.take().map(|(_, byte)| vec![byte]).unwrap_or_default());
    };
    let mut bytes = Vec::with_capacity(chunk.len() * 2);
    for (index, character) in chunk.chars().enumerate() {
        match (escaped_byte(character), half.take()) {
            (Some(second), Some((_, first))) => bytes.extend([first, second]),
            (Some(first), None) => *half = Some((start + index, first)),
            (None, Some((at, _))) => return Err(at),
            (None, None) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    bytes.extend(match endian {
                        Endian::Little => unit.to_le_bytes(),
                        Endian::Big => unit.to_be_bytes(),
                    });
                }
            }
        }
    }
    Ok(bytes)
}

fn legacy(
    chunk: Option<&str>,
    encoder: &mut encoding_rs::Encoder,
    passed: usize,
) -> Result<Vec<u8>, CharOffset> {
    let text = chunk.unwrap_or_default();
    let mut bytes = Vec::with_capacity(text.len() + 16);
    let mut read = 0;
    loop {
        let (result, consumed) = encoder.encode_from_utf8_to_vec_without_replacement(
            &text[read..],
            &mut bytes,
            chunk.is_none(),
        );
        read += consumed;
        match result {
            EncoderResult::InputEmpty => return Ok(bytes),
            EncoderResult::OutputFull => bytes.reserve(text.len() - read + 64),
            EncoderResult::Unmappable(_) => {
                return Err(CharOffset(passed + text[..read].chars().count() - 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bom, Content, Decoder, ESCAPES, decode};
    use super::*;
    use crate::seeded::Seeded;

    fn returns(bytes: &[u8], hint: Option<Encoding>) -> super::super::Decoded {
        let decoded = decode(bytes, hint);
        let again = encode(&decoded.rope, decoded.encoding).unwrap();
        assert!(again == bytes, "{} changed {bytes:02x?} to {again:02x?}", decoded.encoding);
        decoded
    }

    #[test]
    fn any_bytes_come_back_whatever_was_hinted() {
        let mut random = Seeded::new(0x5eed_b17e);
        let hints = ["utf-8", "utf-16le", "utf-16be", "windows-1256", "gb18030", "shift_jis"];
        let parts: [&[u8]; 9] = [
            b"plain\r\n",
            "سلام".as_bytes(),
            "\u{10FE80}\u{10FEFF}\u{10FE00}".as_bytes(),
            b"\xEF\xBB\xBF",
            b"\xFF\xFE",
            b"\xFE\xFF",
            b"\x00\xD8\x41\x00",
            b"\xF4\x8F\xB8",
            b"\x1b$B",
        ];
        for _ in 0..3000 {
            let mut bytes = Vec::new();
            for _ in 0..random.below(12) {
                match random.below(3) {
                    0 => bytes.extend((0..random.below(9)).map(|_| random.below(256) as u8)),
                    _ => bytes.extend_from_slice(parts[random.below(parts.len())]),
                }
            }
            returns(&bytes, None);
            returns(&bytes, Some(random.pick(&hints).parse().unwrap()));
        }
    }

    #[test]
    fn pieces_of_any_size_decode_like_the_whole() {
        let mut random = Seeded::new(7);
        let mut bytes: Vec<u8> = "aé𝄞ع\u{10FE90}".repeat(900).into_bytes();
        bytes[5000] = 0xFF;
        for mark in [&b""[..], b"\xFF\xFE"] {
            let bytes = [mark, &bytes].concat();
            let whole = decode(&bytes, None);
            let mut decoder = Decoder::new(None);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(1 + random.below(7)));
                decoder.feed(piece);
                rest = after;
            }
            let pieced = decoder.finish();
            assert_eq!(pieced.rope, whole.rope);
            assert_eq!((pieced.encoding, pieced.escaped), (whole.encoding, whole.escaped));
        }
    }

    #[test]
    fn marks_and_bare_utf16_are_recognised() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        assert_eq!(returns(b"\xEF\xBB\xBFa", None).encoding, Encoding::Utf8(Bom::Present));
        let bare = returns(&utf16("السلام عليكم\r\n"), None);
        assert_eq!(bare.encoding, Encoding::Utf16(Endian::Little, Bom::Absent));
        assert_eq!(bare.rope, "السلام عليكم\r\n");
        let lone = returns(b"\xFE\xFF\xD8\x00\x00a\x00", None);
        assert_eq!((lone.escaped, lone.rope.len_chars()), (3, 4));
    }

    #[test]
    fn an_arabic_page_in_windows_1256_reads_as_arabic() {
        let text = "هذا نص عربي قصير كتب قبل يونيكود، وفيه جملة أخرى بعد الأولى.\r\n".repeat(4);
        let (bytes, _, _) = encoding_rs::WINDOWS_1256.encode(&text);
        let decoded = returns(&bytes, None);
        assert_eq!(decoded.encoding.to_string(), "windows-1256");
        assert_eq!(decoded.rope, text);
    }

    #[test]
    fn one_wrong_byte_in_utf8_stays_one_wrong_byte() {
        let decoded = returns(b"na\xC3\xAFve caf\xC3\xA9 \xFF!", None);
        assert_eq!((decoded.encoding, decoded.escaped), (Encoding::DEFAULT, 1));
        assert_eq!(decoded.content, Content::Text);
        assert_eq!(decoded.rope.chars().filter(|c| ESCAPES.contains(c)).count(), 1);
    }

    #[test]
    fn nul_marks_a_file_as_binary() {
        assert_eq!(returns(b"\x7fELF\x02\x01\x01\0\0\0\0\xfe", None).content, Content::Binary);
        assert_eq!(returns(b"", None).content, Content::Text);
    }

    #[test]
    fn what_an_encoding_cannot_write_is_named_with_its_line() {
        let rope = Rope::from_str("one\nprix: 3 €, ع\n");
        let error = encode(&rope, "windows-1252".parse().unwrap()).unwrap_err();
        assert_eq!((error.character, error.line, error.at), ('ع', Line(1), CharOffset(15)));
        let said = error.to_string();
        assert!(said.contains("line 2") && said.contains("save as UTF-8"), "{said}");
    }

    #[test]
    fn half_an_escaped_unit_is_refused_rather_than_shifting_the_file() {
        let mut decoded = decode(b"\xFF\xFEa\x00\x00\xD8b\x00", None);
        decoded.rope.remove(1..2);
        let error = encode(&decoded.rope, decoded.encoding).unwrap_err();
        assert_eq!(error.at, CharOffset(1));
    }

    #[test]
    fn a_hint_that_the_bytes_contradict_is_reported() {
        let hint: Encoding = "shift_jis".parse().unwrap();
        let decoded = returns(b"\xFF\xFF\x80", Some(hint));
        assert_eq!(decoded.refused, Some(hint));
    }
}
