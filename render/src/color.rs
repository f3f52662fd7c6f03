//! Colours: sRGB bytes with straight alpha, and the contrast of one on another.

use std::fmt;

/// An sRGB colour with straight (not premultiplied) alpha.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red, sRGB encoded.
    pub r: u8,
    /// Green, sRGB encoded.
    pub g: u8,
    /// Blue, sRGB encoded.
    pub b: u8,
    /// Opacity, 255 is opaque.
    pub a: u8,
}

/// A text that is no colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColorError(String);

impl fmt::Display for ColorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no colour; write #rgb, #rrggbb or #rrggbbaa", self.0)
    }
}

impl std::error::Error for ColorError {}

impl Color {
    /// Nothing at all.
    pub const TRANSPARENT: Self = Self { r: 0, g: 0, b: 0, a: 0 };
    /// Opaque black.
    pub const BLACK: Self = Self::rgb(0, 0, 0);
    /// Opaque white.
    pub const WHITE: Self = Self::rgb(255, 255, 255);

    /// An opaque colour.
    pub const fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b, a: 255 }
    }

    /// An opaque colour from `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Self::rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
    }

    /// Reads `#rgb`, `#rrggbb` or `#rrggbbaa`.
    ///
    /// # Errors
    /// When the text has another form; the error says which text.
    pub fn from_hex(text: &str) -> Result<Self, ColorError> {
        let error = || ColorError(text.to_owned());
        let digits = text.strip_prefix('#').ok_or_else(error)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let value = u32::from_str_radix(digits, 16).map_err(|_| error())?;
        match digits.len() {
            3 => {
                let nibble = |shift: u32| ((value >> shift & 0xf) * 0x11) as u8;
                Ok(Self::rgb(nibble(8), nibble(4), nibble(0)))
            }
            6 => Ok(Self::hex(value)),
            8 => Ok(Self::hex(value >> 8).with_alpha(value as u8)),
            _ => Err(error()),
        }
    }

    /// This colour at another opacity.
    pub const fn with_alpha(self, a: u8) -> Self {
        Self { a, ..self }
    }

    /// Whether it hides what lies below.
    pub const fn is_opaque(self) -> bool {
        self.a == 255
    }

    /// This colour painted over `below`, blended in sRGB as the renderers do.
    pub fn over(self, below: Self) -> Self {
        let (top, bottom) = (u32::from(self.a), u32::from(below.a));
        let alpha = top * 255 + bottom * (255 - top);
        if alpha == 0 {
            return Self::TRANSPARENT;
        }
        let channel = |t: u8, b: u8| {
            let sum = u32::from(t) * top * 255 + u32::from(b) * bottom * (255 - top);
            ((sum + alpha / 2) / alpha) as u8
        };
        Self {
            r: channel(self.r, below.r),
            g: channel(self.g, below.g),
            b: channel(self.b, below.b),
            a: ((alpha + 127) / 255) as u8,
        }
    }

    /// The colour `amount` of the way (0 to 1) towards `other`, alpha included.
    pub fn mix(self, other: Self, amount: f32) -> Self {
        let amount = amount.clamp(0.0, 1.0);
        let channel = |from: u8, to: u8| {
            (f32::from(from) + (f32::from(to) - f32::from(from)) * amount).round() as u8
        };
        Self {
            r: channel(self.r, other.r),
            g: channel(self.g, other.g),
            b: channel(self.b, other.b),
            a: channel(self.a, other.a),
        }
    }

    /// Relative luminance, 0 to 1, as WCAG 2.2 defines it; alpha is ignored.
    pub fn luminance(self) -> f32 {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }

    /// The colour as `0x00RRGGBB`, the form of a pixel in a CPU target.
    pub const fn to_pixel(self) -> u32 {
        (self.r as u32) << 16 | (self.g as u32) << 8 | self.b as u32
    }
}

/// The contrast ratio of two opaque colours, 1 to 21, as WCAG 2.2 defines it.
pub fn contrast(a: Color, b: Color) -> f32 {
    let (a, b) = (a.luminance(), b.luminance());
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_forms_are_read_and_others_refused() {
        assert_eq!(Color::from_hex("#fbc881"), Ok(Color::rgb(0xfb, 0xc8, 0x81)));
        assert_eq!(Color::from_hex("#1af"), Ok(Color::rgb(0x11, 0xaa, 0xff)));
        assert_eq!(Color::from_hex("#01020304"), Ok(Color::rgb(1, 2, 3).with_alpha(4)));
        for bad in ["fbc881", "#12", "#12345", "#+12345", "#gggggg", "#", ""] {
            assert!(Color::from_hex(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn contrast_matches_the_published_extremes() {
        assert!((contrast(Color::BLACK, Color::WHITE) - 21.0).abs() < 0.01);
        // WCAG's own example of the grey that just passes on white.
        assert!((contrast(Color::hex(0x0076_7676), Color::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn over_keeps_opaque_and_blends_half() {
        let half = Color::WHITE.with_alpha(128).over(Color::BLACK);
        assert_eq!(half, Color::rgb(128, 128, 128));
        assert_eq!(Color::hex(0x12_3456).over(Color::WHITE), Color::hex(0x12_3456));
        assert_eq!(Color::TRANSPARENT.over(Color::TRANSPARENT), Color::TRANSPARENT);
    }
}
