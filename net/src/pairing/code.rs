//! What is scanned and what is typed.
//!
//! The code is `HEARTH:` and base32 of `version (1) | secret (32) | fingerprint (32) | addresses |
//! check (4)`, in the capitals and digits that a QR code packs best; the check is the start of the
//! BLAKE3 hash of all before it. The short code is 50 random bits as ten letters and digits without
//! those that are taken for others.

use std::net::SocketAddr;

use zeroize::Zeroizing;

use crate::codec::{Reader, Writer};
use crate::identity::random;
use crate::kept::{read_addresses, write_addresses};

const PREFIX: &str = "HEARTH:";
const VERSION: u8 = 1;
/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Without I, L, O and U.
const TYPED: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code at most.
const CODE_LEN_MAX: usize = 1024;
/// Pixels of a picture at most, and bytes of its file.
const PIXELS_MAX: u32 = 64 << 20;
const PICTURE_BYTES_MAX: usize = 64 << 20;

/// Why a code cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// It is no code of ours, or not whole.
    Malformed,
    /// A later Hearth made it.
    Newer,
    /// The picture is no PNG that can be read.
    Picture,
    /// There is no code of ours in the picture.
    Nothing,
}

impl std::fmt::Display for CodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => "that is no whole pairing code: copy it again, from HEARTH: on",
            Self::Newer => "a later Hearth made that code: update this one",
            Self::Picture => "the picture cannot be read: save it as a PNG",
            Self::Nothing => "there is no pairing code in the picture: take it closer",
        })
    }
}

impl std::error::Error for CodeError {}

/// What a scanned code holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    pub(crate) secret: Zeroizing<[u8; 32]>,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) addresses: Vec<SocketAddr>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(..)")
    }
}

impl Code {
    /// A fresh code for whoever has the key with this fingerprint, at these addresses; `None` when
    /// the system gives no random bytes.
    #[must_use]
    pub fn fresh(fingerprint: [u8; 32], addresses: Vec<SocketAddr>) -> Option<Self> {
        Some(Self { secret: random()?, fingerprint, addresses })
    }

    /// Where the one that shows it is.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The text that is shown.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let mut writer = Writer::default();
        writer.byte(VERSION).fixed(&*self.secret).fixed(&self.fingerprint);
        write_addresses(&mut writer, &self.addresses);
        let mut bytes = Zeroizing::new(writer.finish());
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(&check.as_bytes()[..4]);
        let mut text = Zeroizing::new(PREFIX.to_owned());
        let (mut held, mut bits) = (0u32, 0);
        for byte in bytes.iter() {
            held = (held << 8) | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(BASE32[(held >> bits) as usize & 31].into());
            }
        }
        if bits > 0 {
            text.push(BASE32[(held << (5 - bits)) as usize & 31].into());
        }
        text
    }

    /// Reads what [`Code::text`] wrote, whatever space is around and within it.
    ///
    /// # Errors
    /// [`CodeError::Malformed`] or [`CodeError::Newer`].
    pub fn read(text: &str) -> Result<Self, CodeError> {
        if text.len() > CODE_LEN_MAX {
            return Err(CodeError::Malformed);
        }
        let text: Zeroizing<String> = Zeroizing::new(
            text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect(),
        );
        let letters = text.strip_prefix(PREFIX).ok_or(CodeError::Malformed)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(letters.len() * 5 / 8));
        let (mut held, mut bits) = (0u32, 0);
        for letter in letters.bytes() {
            let value = BASE32.iter().position(|it| *it == letter);
            let value = value.and_then(|it| u32::try_from(it).ok()).ok_or(CodeError::Malformed)?;
            held = (held << 5) | value;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push((held >> bits & 0xff) as u8);
                held &= (1 << bits) - 1;
            }
        }
        if bits >= 5 || held != 0 {
            return Err(CodeError::Malformed);
        }
        let split = bytes.len().checked_sub(4).ok_or(CodeError::Malformed)?;
        let (body, check) = bytes.split_at(split);
        if blake3::hash(body).as_bytes()[..4] != *check {
            return Err(CodeError::Malformed);
        }
        match body.first() {
            Some(&VERSION) => Self::decode(&body[1..]).ok_or(CodeError::Malformed),
            _ => Err(CodeError::Newer),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let secret = Zeroizing::new(reader.fixed()?);
        let fingerprint = reader.fixed()?;
        let addresses = read_addresses(&mut reader)?;
        reader.end()?;
        Some(Self { secret, fingerprint, addresses })
    }
}

/// A code to type: ten letters and digits, 50 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortCode(Zeroizing<String>);

impl std::fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShortCode(..)")
    }
}

impl ShortCode {
    /// Letters of it.
    pub const LEN: usize = 10;

    /// A fresh one; `None` when the system gives no random bytes.
    #[must_use]
    pub fn fresh() -> Option<Self> {
        let bytes = random::<{ Self::LEN }>()?;
        // 256 is a multiple of 32, so that every letter is as likely.
        let letters = bytes.iter().map(|byte| char::from(TYPED[usize::from(byte % 32)]));
        Some(Self(Zeroizing::new(letters.collect())))
    }

    /// Reads what a person typed: in any case, with any dashes and spaces, and with the letters
    /// that were meant where others look like them.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > CODE_LEN_MAX {
            return None;
        }
        let mut letters = Zeroizing::new(String::new());
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let meant = match c.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                'U' => 'V',
                other => other,
            };
            u8::try_from(meant).ok().filter(|byte| TYPED.contains(byte))?;
            letters.push(meant);
        }
        (letters.len() == Self::LEN).then_some(Self(letters))
    }

    /// As it is shown: `K7QX-4M2P-9T`.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let (a, rest) = self.0.split_at(4);
        let (b, c) = rest.split_at(4);
        Zeroizing::new(format!("{a}-{b}-{c}"))
    }

    pub(crate) fn letters(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A QR code: a square of dark and light modules, without the quiet margin around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Modules on a side.
    pub width: usize,
    dark: Vec<bool>,
}

impl Qr {
    /// Modules of light around it that a reader needs.
    pub const MARGIN: usize = 4;

    /// The code of `text`; `None` for a text that fits none.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
        let width = code.width();
        let dark = code.to_colors().into_iter().map(|color| color == qrcode::Color::Dark);
        Some(Self { width, dark: dark.collect() })
    }

    /// Whether a module is dark; those outside are light.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// As text of half blocks, two modules a letter, with its margin: light modules are drawn, as
    /// on a dark terminal.
    #[must_use]
    pub fn drawn(&self) -> String {
        let margin = Self::MARGIN;
        let light = |x: usize, y: usize| {
            let inside = x.checked_sub(margin).zip(y.checked_sub(margin));
            !inside.is_some_and(|(x, y)| y < self.width && self.is_dark(x, y))
        };
        let side = self.width + 2 * margin;
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            for x in 0..side {
                text.push(match (light(x, y), y + 1 < side && light(x, y + 1)) {
                    (true, true) => '\u{2588}',
                    (true, false) => '\u{2580}',
                    (false, true) => '\u{2584}',
                    (false, false) => ' ',
                });
            }
            text.push('\n');
        }
        text
    }
}

/// The code in a PNG.
///
/// # Errors
/// [`CodeError::Picture`] or [`CodeError::Nothing`], or why the code in it is none of ours.
pub fn read_picture(file: &[u8]) -> Result<Code, CodeError> {
    let (width, height, gray) = gray(file).ok_or(CodeError::Picture)?;
    // What reads the picture was not made for an enemy's: a panic of it is a picture without code.
    let read = std::panic::catch_unwind(|| {
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            gray.get(y * width + x).copied().unwrap_or(255)
        });
        let grids = picture.detect_grids();
        let texts = grids.iter().filter_map(|grid| grid.decode().ok().map(|(_, text)| text));
        texts.map(|text| Code::read(&text)).reduce(Result::or)
    });
    read.ok().flatten().unwrap_or(Err(CodeError::Nothing))
}

/// The size of a PNG, and its brightness.
fn gray(file: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    if file.len() > PICTURE_BYTES_MAX {
        return None;
    }
    let limits = png::Limits { bytes: 4 * PIXELS_MAX as usize };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width.checked_mul(height)? > PIXELS_MAX {
        return None;
    }
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut pixels).ok()?;
    let samples = info.color_type.samples();
    let gray = pixels[..info.buffer_size()].chunks_exact(samples).map(|pixel| {
        let sum = |of: &[u8]| of.iter().map(|it| u32::from(*it)).sum::<u32>();
        let (bright, alpha) = match samples {
            1 => (sum(&pixel[..1]), 255),
            2 => (sum(&pixel[..1]), u32::from(pixel[1])),
            3 => (sum(pixel) / 3, 255),
            _ => (sum(&pixel[..3]) / 3, u32::from(pixel[3])),
        };
        // On white, where it is transparent.
        u8::try_from((bright * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)
    });
    Some((width as usize, height as usize, gray.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        let addresses = vec!["192.168.1.7:4000".parse().unwrap(), "[fe80::1]:9".parse().unwrap()];
        Code::fresh([5; 32], addresses).unwrap()
    }

    #[test]
    fn a_code_is_read_as_it_was_shown_and_no_wrong_letter_passes() {
        let code = code();
        let text = code.text();
        assert_eq!(Code::read(&text), Ok(code.clone()));
        assert_eq!(Code::read(&format!(" {}\n", text.to_lowercase())), Ok(code));
        for at in 0..text.len() {
            let mut bad = text.as_bytes().to_vec();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            assert!(Code::read(std::str::from_utf8(&bad).unwrap()).is_err(), "letter {at}");
            assert!(Code::read(&text[..at]).is_err());
        }
        assert!(Code::read(&"HEARTH:A".repeat(1000)).is_err());
    }

    #[test]
    fn a_short_code_is_read_as_people_type() {
        let code = ShortCode::fresh().unwrap();
        assert_eq!(code.text().len(), 12);
        assert_eq!(ShortCode::read(&code.text().to_lowercase()), Some(code.clone()));
        assert_eq!(ShortCode::read(&code.text().replace('-', " ")), Some(code));
        assert_eq!(ShortCode::read("IO10-0000-00"), ShortCode::read("1010 000000"));
        for text in ["", "K7QX-4M2P-9", "K7QX-4M2P-9TT", "K7QX-4M2P-9!", "K7QX-4M2P-9é"] {
            assert!(ShortCode::read(text).is_none(), "{text}");
        }
    }

    fn picture(qr: &Qr, scale: usize) -> Vec<u8> {
        let side = (qr.width + 2 * Qr::MARGIN) * scale;
        let mut pixels = vec![255; side * side];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = ((at % side) / scale, (at / side) / scale);
            let inside = x.checked_sub(Qr::MARGIN).zip(y.checked_sub(Qr::MARGIN));
            if inside.is_some_and(|(x, y)| qr.is_dark(x, y)) {
                *pixel = 20;
            }
        }
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side as u32, side as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        file
    }

    #[test]
    fn a_picture_of_a_code_is_read() {
        let code = code();
        let qr = Qr::of(&code.text()).unwrap();
        assert_eq!(read_picture(&picture(&qr, 4)), Ok(code));
        let other = Qr::of("https://example.org").unwrap();
        assert_eq!(read_picture(&picture(&other, 4)), Err(CodeError::Malformed));
        let lines: Vec<usize> = qr.drawn().lines().map(|line| line.chars().count()).collect();
        assert!(lines.iter().all(|len| *len == qr.width + 2 * Qr::MARGIN));
    }

    #[test]
    fn a_picture_that_is_none_is_refused() {
        let good = picture(&Qr::of(&code().text()).unwrap(), 3);
        assert_eq!(read_picture(b"no picture"), Err(CodeError::Picture));
        assert_eq!(read_picture(&good[..good.len() / 2]), Err(CodeError::Picture));
        let mut huge = good.clone();
        huge[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(read_picture(&huge), Err(CodeError::Picture));
    }
}
