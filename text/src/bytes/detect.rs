//! Guesses: which encoding bytes are in when nothing says so.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::encoding::{Bom, Charset, Encoding, Endian};

/// How many bytes from the start decide between UTF-8, UTF-16 and UTF-32.
pub(super) const SAMPLE: usize = 4096;

/// The most bytes that the guess of a legacy encoding looks at.
pub(super) const GUESS_LIMIT: usize = 1 << 20;

/// The encoding that a byte order mark announces.
pub(super) fn from_mark(bytes: &[u8]) -> Option<Encoding> {
    let wide = [Endian::Little, Endian::Big].map(|endian| Encoding::Utf32(endian, Bom::Present));
    let is_wide = |encoding: &Encoding| {
        let Encoding::Utf32(endian, _) = *encoding else { return false };
        let (all, wrong) = units32(bytes, endian)
            .fold((0, 0), |(all, wrong), unit| (all + 1, wrong + usize::from(unit.is_none())));
        // The mark of UTF-16 and a NUL look the same, but text in UTF-16 makes no units of 32 bits.
        bytes.starts_with(encoding.mark()) && wrong * 2 < all
    };
    if let Some(wide) = wide.into_iter().find(is_wide) {
        return Some(wide);
    }
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

/// The code units of UTF-32, as far as they are whole, as characters.
fn units32(bytes: &[u8], endian: Endian) -> impl Iterator<Item = Option<char>> + '_ {
    let (units, _) = bytes.as_chunks::<4>();
    units.iter().map(move |unit| char::from_u32(endian.unit32(*unit)))
}

fn is_text(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{c}' => true,
        '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' => false,
        c => !c.is_control(),
    }
}

/// UTF-32 without a mark: whole units, all of them text, with blanks or a share of Latin letters
/// as in UTF-16. Of four bytes one is 0 and one at most 16, so that two units leave no doubt.
pub(super) fn bare_utf32(sample: &[u8]) -> Option<Endian> {
    let count = sample.len() / 4;
    if count < 2 || !sample.len().is_multiple_of(4) {
        return None;
    }
    let is_written_in = |endian: &Endian| {
        let (mut latin, mut blanks) = (0, 0);
        for unit in units32(sample, *endian) {
            let Some(character) = unit.filter(|c| is_text(*c)) else { return false };
            latin += usize::from(character <= '\u{ff}');
            blanks += usize::from(character.is_whitespace());
        }
        blanks > 0 || latin * LATIN_SHARE >= count
    };
    [Endian::Little, Endian::Big].into_iter().find(is_written_in)
}

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
