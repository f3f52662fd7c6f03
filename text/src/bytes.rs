//! Bytes in, bytes out: what a file holds becomes a rope, and saving gives back the same bytes.
//!
//! Every decoder here can be undone. UTF-8, UTF-16 and UTF-32 are decoded by hand-written,
//! streaming decoders which escape what does not decode (see [`ESCAPES`]); a legacy encoding is
//! taken only after encoding its text again gave the bytes that it came from. One copy of the
//! text is made, the rope itself; a file is fed to a [`Decoder`] in pieces and written from
//! [`chunks`].

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{CharOffset, Line};
    use crate::seeded::Seeded;
    use ropey::Rope;

    fn returns(bytes: &[u8], hint: Option<Encoding>) -> Decoded {
        let decoded = decode(bytes, hint);
        let again = encode(&decoded.rope, decoded.encoding).unwrap();
        assert!(again == bytes, "{} changed {bytes:02x?} to {again:02x?}", decoded.encoding);
        decoded
    }

    #[test]
    fn any_bytes_come_back_whatever_was_hinted() {
        let mut random = Seeded::new(0x5eed_b17e);
        let hints = [
            "utf-8",
            "utf-16le",
            "utf-16be",
            "utf-32le",
            "utf-32be",
            "windows-1256",
            "gb18030",
            "shift_jis",
        ];
        let parts: [&[u8]; 12] = [
            b"plain\r\n",
            "سلام".as_bytes(),
            "\u{10FE80}\u{10FEFF}\u{10FE00}".as_bytes(),
            b"\xEF\xBB\xBF",
            b"\xFF\xFE",
            b"\xFE\xFF",
            b"\x00\xD8\x41\x00",
            b"\xF4\x8F\xB8",
            b"\x1b$B",
            b"\xFF\xFE\0\0",
            b"\0\0\xFE\xFF",
            b"a\0\0\0\x80\xFE\x10\0\0\xD8\0\0",
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
        for mark in [&b""[..], b"\xFF\xFE", b"\0\0\xFE\xFF\0\0\0a"] {
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
    fn utf32_is_read_with_a_mark_and_where_the_bytes_leave_no_doubt() {
        let text = "سلام 𝄞\r\nabc\u{10FE90}";
        for (endian, mark) in
            [(Endian::Little, &b"\xFF\xFE\0\0"[..]), (Endian::Big, b"\0\0\xFE\xFF")]
        {
            let bytes: Vec<u8> =
                text.chars().flat_map(|letter| endian.bytes32(letter.into())).collect();
            let bare = returns(&bytes, None);
            assert_eq!(bare.encoding, Encoding::Utf32(endian, Bom::Absent));
            let marked = returns(&[mark, &bytes].concat(), None);
            assert_eq!(marked.encoding, Encoding::Utf32(endian, Bom::Present));
            assert_eq!(marked.content, Content::Binary, "an escape holds a NUL");
            for read in [bare, marked] {
                assert_eq!(read.escaped, 4, "what looks like an escape is one");
                assert!(read.rope.to_string().starts_with("سلام 𝄞\r\nabc"));
            }
            // A last unit that is cut off comes back too, here by hint.
            let hint = Some(Encoding::Utf32(endian, Bom::Absent));
            assert_eq!(returns(&bytes[..bytes.len() - 5], hint).escaped, 3);
        }
        let unsure = returns(b"\xFF\xFE\0\0a\0b\0", None);
        assert_eq!(unsure.encoding, Encoding::Utf16(Endian::Little, Bom::Present));
        assert_eq!(detect::bare_utf32(b"\x05\0\0\0\x07\0\0\0"), None, "two small numbers");
        assert_eq!(detect::bare_utf32(b"A\0\0\0B\0\0"), None, "half a unit");
    }

    #[test]
    fn part_of_an_escaped_unit_is_refused_in_utf32_too() {
        let mut decoded = decode(b"\xFF\xFE\0\0a\0\0\0\0\xD8\0\0b\0\0\0", None);
        assert_eq!((decoded.escaped, decoded.rope.len_chars()), (4, 6));
        decoded.rope.remove(1..2);
        let error = encode(&decoded.rope, decoded.encoding).unwrap_err();
        assert_eq!(error.at, CharOffset(1));
    }

    #[test]
    fn a_nul_among_other_bytes_is_not_utf16() {
        // Pairs of them are code points of Han, and the NUL stands where U+00E6 would have one.
        let mut bytes: Vec<u8> = (0..60).flat_map(|at| [0x40 + at, 0x4e + at % 40]).collect();
        assert_eq!(detect::bare_utf16(&bytes), None);
        bytes[40..42].copy_from_slice(b"\xE6\0");
        assert_eq!(detect::bare_utf16(&bytes), None);
        bytes[50..52].copy_from_slice(b"\n\0");
        assert_eq!(detect::bare_utf16(&bytes), Some(Endian::Little), "Han with a line end");
        assert_eq!(detect::bare_utf16(b"t\0e\0s\0t\0"), Some(Endian::Little));
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
