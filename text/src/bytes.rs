//! Bytes in, bytes out: what a file holds becomes a rope, and saving gives back the same bytes.
//!
//! Every decoder here can be undone. UTF-8 and UTF-16 are decoded by hand-written, streaming
//! decoders which escape what does not decode (see [`ESCAPES`]); a legacy encoding is taken only
//! after encoding its text again gave the bytes that it came from. One copy of the text is made,
//! the rope itself; a file is fed to a [`Decoder`] in pieces and written from [`chunks`].

mod decoder;
mod detect;
mod encoder;
mod encoding;

pub use decoder::{Content, Decoded, Decoder, decode};
pub use encoder::{EncodeError, EncodedChunks, chunks, encode};
pub use encoding::{Bom, Charset, Encoding, Endian, UnknownEncoding};

/// The characters that stand for bytes which do not decode: `U+10FE00 + byte`, in the last
/// private plane, whose characters no font and no standard uses.
///
/// In a file that really holds one of these characters, its bytes are escaped one by one, so that
/// decoding stays reversible. Legacy encodings are never escaped.
pub const ESCAPES: std::ops::RangeInclusive<char> = '\u{10FE00}'..='\u{10FEFF}';

/// The byte that a character of the rope stands for, if it is an escape.
pub fn escaped_byte(character: char) -> Option<u8> {
    ESCAPES.contains(&character).then_some((character as u32 & 0xFF) as u8)
}

fn escape(byte: u8) -> char {
    char::from_u32(*ESCAPES.start() as u32 + u32::from(byte))
        .expect("the escapes are a block of scalar values")
}

/// The first UTF-8 byte of every escape; few real texts hold it at all.
const ESCAPE_LEAD: u8 = 0xF4;

fn holds_escape(text: &str) -> bool {
    text.as_bytes().contains(&ESCAPE_LEAD) && text.chars().any(|c| ESCAPES.contains(&c))
}
