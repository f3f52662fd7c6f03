//! The name of how a file's bytes stand for characters.

use std::fmt;
use std::str::FromStr;

/// How a file's bytes stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, in which bytes that do not decode are escaped.
    Utf8(Bom),
    /// UTF-16, in which lone surrogates and a last odd byte are escaped.
    Utf16(Endian, Bom),
    /// UTF-32, in which units that are no character and last odd bytes are escaped.
    Utf32(Endian, Bom),
    /// One of the encodings from before Unicode.
    Legacy(Charset),
}

/// Whether a byte order mark stands at the start of the file. It is never part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bom {
    /// There is none.
    Absent,
    /// There is one.
    Present,
}

/// Which byte of a UTF-16 or UTF-32 code unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// The low one.
    Little,
    /// The high one.
    Big,
}

impl Endian {
    /// The number that the bytes of a UTF-32 unit stand for.
    pub(super) fn unit32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The bytes of a UTF-32 unit.
    pub(super) fn bytes32(self, unit: u32) -> [u8; 4] {
        match self {
            Endian::Little => unit.to_le_bytes(),
            Endian::Big => unit.to_be_bytes(),
        }
    }
}

/// A legacy encoding of the WHATWG standard; never one of the Unicode encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Charset(&'static encoding_rs::Encoding);

impl Charset {
    /// Takes an encoding that has both a decoder and an encoder and is not a Unicode one.
    pub(super) fn new(encoding: &'static encoding_rs::Encoding) -> Option<Self> {
        let other = [
            encoding_rs::UTF_8,
            encoding_rs::UTF_16LE,
            encoding_rs::UTF_16BE,
            encoding_rs::REPLACEMENT,
        ];
        (!other.contains(&encoding)).then_some(Charset(encoding))
    }

    pub(super) fn inner(self) -> &'static encoding_rs::Encoding {
        self.0
    }

    /// Its name in the WHATWG Encoding Standard, such as `windows-1256`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Encoding {
    /// What a new file gets.
    pub const DEFAULT: Encoding = Encoding::Utf8(Bom::Absent);

    /// The bytes that the file starts with, before its text.
    pub fn mark(self) -> &'static [u8] {
        match self {
            Encoding::Utf8(Bom::Present) => b"\xEF\xBB\xBF",
            Encoding::Utf16(Endian::Little, Bom::Present) => b"\xFF\xFE",
            Encoding::Utf16(Endian::Big, Bom::Present) => b"\xFE\xFF",
            Encoding::Utf32(Endian::Little, Bom::Present) => b"\xFF\xFE\0\0",
            Encoding::Utf32(Endian::Big, Bom::Present) => b"\0\0\xFE\xFF",
            _ => b"",
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Encoding::DEFAULT
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bom) = match self {
            Encoding::Utf8(bom) => ("UTF-8", *bom),
            Encoding::Utf16(Endian::Little, bom) => ("UTF-16 LE", *bom),
            Encoding::Utf16(Endian::Big, bom) => ("UTF-16 BE", *bom),
            Encoding::Utf32(Endian::Little, bom) => ("UTF-32 LE", *bom),
            Encoding::Utf32(Endian::Big, bom) => ("UTF-32 BE", *bom),
            Encoding::Legacy(charset) => (charset.name(), Bom::Absent),
        };
        match bom {
            Bom::Absent => f.pad(name),
            Bom::Present => f.pad(&format!("{name} with BOM")),
        }
    }
}

/// A name that is no encoding's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEncoding(String);

impl fmt::Display for UnknownEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "“{}” is no encoding known here; try utf-8, utf-8-bom, utf-16le, utf-16be, utf-32le, \
             utf-32be or a name of the WHATWG standard such as windows-1252",
            self.0
        )
    }
}

impl std::error::Error for UnknownEncoding {}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Reads what `Display` writes, the names of `.editorconfig`, and every label of the WHATWG
    /// standard; case, spaces and underscores do not matter.
    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let plain = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        let (stem, bom) = match plain.strip_suffix("-with-bom").or(plain.strip_suffix("-bom")) {
            Some(stem) => (stem, Bom::Present),
            None => (plain.as_str(), Bom::Absent),
        };
        match stem {
            "utf-8" | "utf8" => return Ok(Encoding::Utf8(bom)),
            "utf-16le" | "utf-16-le" => return Ok(Encoding::Utf16(Endian::Little, bom)),
            "utf-16be" | "utf-16-be" => return Ok(Encoding::Utf16(Endian::Big, bom)),
            "utf-32le" | "utf-32-le" => return Ok(Encoding::Utf32(Endian::Little, bom)),
            "utf-32be" | "utf-32-be" => return Ok(Encoding::Utf32(Endian::Big, bom)),
            _ => {}
        }
        let label = encoding_rs::Encoding::for_label(name.trim().as_bytes())
            .or_else(|| encoding_rs::Encoding::for_label(plain.as_bytes()));
        match label.and_then(Charset::new) {
            Some(charset) if bom == Bom::Absent => Ok(Encoding::Legacy(charset)),
            _ => Err(UnknownEncoding(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_written_is_read_again() {
        let mut all = vec![Encoding::Utf8(Bom::Absent), Encoding::Utf8(Bom::Present)];
        for endian in [Endian::Little, Endian::Big] {
            all.extend([Bom::Absent, Bom::Present].map(|bom| Encoding::Utf16(endian, bom)));
            all.extend([Bom::Absent, Bom::Present].map(|bom| Encoding::Utf32(endian, bom)));
        }
        for label in ["windows-1256", "shift_jis", "gb18030", "big5", "koi8-r", "iso-2022-jp"] {
            all.push(label.parse().unwrap());
        }
        for encoding in all {
            assert_eq!(encoding.to_string().parse(), Ok(encoding), "{encoding}");
        }
        assert_eq!("latin1".parse::<Encoding>().unwrap().to_string(), "windows-1252");
        assert_eq!("utf-8-bom".parse(), Ok(Encoding::Utf8(Bom::Present)));
    }

    #[test]
    fn a_name_that_is_none_says_what_would_be() {
        let error = "klingon".parse::<Encoding>().unwrap_err().to_string();
        assert!(error.contains("klingon") && error.contains("utf-8"), "{error}");
        assert!("replacement".parse::<Encoding>().is_err());
    }
}
