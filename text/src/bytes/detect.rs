//! Guesses: which encoding bytes are in when nothing says so.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::encoding::{Bom, Charset, Encoding, Endian};

/// How many bytes from the start decide between UTF-8 and UTF-16.
pub(super) const SAMPLE: usize = 4096;

/// The most bytes that the guess of a legacy encoding looks at.
pub(super) const GUESS_LIMIT: usize = 1 << 20;

/// The encoding that a byte order mark announces.
pub(super) fn from_mark(bytes: &[u8]) -> Option<Encoding> {
    [
        Encoding::Utf8(Bom::Present),
        Encoding::Utf16(Endian::Little, Bom::Present),
        Encoding::Utf16(Endian::Big, Bom::Present),
    ]
    .into_iter()
    .find(|encoding| bytes.starts_with(encoding.mark()))
}

/// Of so many code units of a text one at least is Latin, where none is a blank.
const LATIN_SHARE: usize = 8;

/// UTF-16 without a mark, seen by NUL bytes that stand on one side of the code units only, in
/// a sample that holds no control character, no lone surrogate and nothing of private use. One NUL
/// is easily met in other bytes too, so there have to be blanks or a good share of Latin letters.
pub(super) fn bare_utf16(sample: &[u8]) -> Option<Endian> {
    let nul = |parity: usize| sample.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let endian = match (nul(0), nul(1)) {
        (0, odd) if odd > 0 => Endian::Little,
        (even, 0) if even > 0 => Endian::Big,
        _ => return None,
    };
    let units = sample.chunks_exact(2).map(|pair| match endian {
        Endian::Little => u16::from_le_bytes([pair[0], pair[1]]),
        Endian::Big => u16::from_be_bytes([pair[0], pair[1]]),
    });
    let count = sample.len() / 2;
    let is_text = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{c}' => true,
        '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' => false,
        c => !c.is_control(),
    };
    let (mut seen, mut latin, mut blanks) = (0, 0, 0);
    for unit in char::decode_utf16(units) {
        seen += 1;
        match unit {
            Ok(character) if is_text(character) => {
                latin += usize::from(character <= '\u{ff}');
                blanks += usize::from(character.is_whitespace());
            }
            // The sample may have cut the last pair of surrogates in two.
            Err(_) if seen + 1 >= count && count * 2 == SAMPLE => {}
            _ => return None,
        }
    }
    (blanks > 0 || latin * LATIN_SHARE >= count).then_some(endian)
}

/// The legacy encoding that bytes look most like.
pub(super) fn legacy<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<Charset> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut left = GUESS_LIMIT;
    for piece in pieces {
        let part = &piece[..piece.len().min(left)];
        detector.feed(part, false);
        left -= part.len();
        if left == 0 {
            break;
        }
    }
    detector.feed(b"", true);
    Charset::new(detector.guess(None, Utf8Detection::Deny))
}
