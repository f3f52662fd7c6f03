//! What has a name on every device.

use std::fmt;
use std::str::FromStr;

/// A folder that devices share: random, made by the device that shared it first. Written as 32 hex
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId(pub [u8; 16]);

/// A file of a workspace, whatever its name is and wherever it lies: random. Written as 32 hex
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub [u8; 16]);

/// What one process of one device wrote into one workspace, batch after batch: random. Written as
/// 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub [u8; 16]);

/// A text that names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("that is no id: write its 32 hex digits")
    }
}

impl std::error::Error for BadId {}

fn parse(text: &str) -> Result<[u8; 16], BadId> {
    let digits = text.as_bytes();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(BadId);
    }
    let number = u128::from_str_radix(text, 16).map_err(|_| BadId)?;
    Ok(number.to_be_bytes())
}

macro_rules! named {
    ($($name:ident),*) => {$(
        impl $name {
            /// A new one. `None` where the system has no random bytes.
            #[must_use]
            pub fn random() -> Option<Self> {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes).ok()?;
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                parse(text).map(Self)
            }
        }
    )*};
}

named!(WorkspaceId, FileId, ChainId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let id = WorkspaceId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "00", "+00102030405060708090a0b0c0d0eff", &"g".repeat(32)] {
            assert_eq!(wrong.parse::<WorkspaceId>(), Err(BadId), "{wrong}");
        }
    }
}
