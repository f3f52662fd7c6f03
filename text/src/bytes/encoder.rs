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
        Encoding::Utf32(endian, _) => Writer::Utf32 { endian, part: Vec::new() },
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
    /// `part` holds the bytes of escapes that are no whole unit yet.
    Utf32 {
        endian: Endian,
        part: Vec<u8>,
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
            Writer::Utf32 { endian, part } => {
                utf32(chunk, *endian, part, CharOffset(self.passed)).map(Cow::Owned)
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

/// Writes UTF-32. Escapes come in fours, or fewer at the very end, for the same reason.
fn utf32(
    chunk: Option<&str>,
    endian: Endian,
    part: &mut Vec<u8>,
    start: CharOffset,
) -> Result<Vec<u8>, CharOffset> {
    let Some(chunk) = chunk else { return Ok(std::mem::take(part)) };
    let mut bytes = Vec::with_capacity(chunk.len() * 4);
    for (index, character) in chunk.chars().enumerate() {
        match escaped_byte(character) {
            Some(byte) => part.push(byte),
            // Each of the bytes that are left over is a character of the text just before.
            None if !part.is_empty() => return Err(start + index - part.len()),
            None => bytes.extend(endian.bytes32(character.into())),
        }
        if part.len() == 4 {
            bytes.append(part);
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
