//! How a device comes to a group: a trusted one shows a code, the newcomer scans or types it, and
//! a person on each says that the words on both screens are the same.
//!
//! Two values speak with each other, [`Shower`] and [`Joiner`]; who carries their frames is
//! another's matter. In order:
//!
//! 1. The newcomer opens: with a proof of the scanned secret, or with its half of SPAKE2 over the
//!    typed code, which is then confirmed, the newcomer first. All of it is keyed with what TLS
//!    exports, so that whoever sits between two connections proves nothing on either.
//! 2. The trusted device commits to a random number; the newcomer answers with a commitment to its
//!    own card; the trusted one opens its number and says who it is, signed. Both now have the same
//!    four words: 44 bits of the hash of all of that. Whoever sits between has one guess, since it
//!    must commit itself on either side before it sees the other's part.
//! 3. Only when the newcomer's person has confirmed the words does it send its card, which must be
//!    what it was committed to. Only when a person has admitted it with the words on the trusted
//!    one is it sent the group.
//!
//! So scanning alone admits nobody: a stranger that scanned is asked about on the trusted device,
//! and a newcomer that scanned a stranger's code is asked before it says who it is.

mod code;
mod joiner;
mod proof;
mod shower;
#[cfg(test)]
mod tests;

pub use code::{Code, CodeError, Qr, ShortCode, read_picture};
pub use joiner::{Host, Joiner, JoinerStep};
pub use proof::Words;
pub use shower::{Hosting, Offer, Shower, ShowerStep};

/// How long a code lives.
pub const CODE_LIFE: std::time::Duration = std::time::Duration::from_secs(120);
/// Wrong tries that end a code.
pub const TRIES: u8 = 3;
/// Bytes of a pairing frame at most, but for the last, which holds the group.
pub const FRAME_BYTES_MAX: usize = 4096;
/// Bytes of the frame with the group at most.
pub const GROUP_BYTES_MAX: usize = 16 << 20;

/// Why a pairing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairError {
    /// The code is too old.
    Expired,
    /// The code was used.
    Used,
    /// The code was tried wrongly too often.
    Tries,
    /// The code is not the one that is shown.
    WrongCode,
    /// The words are not those of this pairing.
    WrongWords,
    /// The person on the other device refused.
    Refused,
    /// The other side sent what it must not.
    Malformed,
    /// Nobody answers, or the link was lost.
    Lost,
    /// The system gave no random bytes.
    Random,
}

impl PairError {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Expired => 0,
            Self::Used => 1,
            Self::Tries => 2,
            Self::WrongCode => 3,
            Self::WrongWords | Self::Refused => 4,
            Self::Malformed | Self::Lost | Self::Random => 5,
        }
    }

    pub(crate) fn of_byte(byte: u64) -> Self {
        match byte {
            0 => Self::Expired,
            1 => Self::Used,
            2 => Self::Tries,
            3 => Self::WrongCode,
            4 => Self::Refused,
            _ => Self::Lost,
        }
    }
}

impl std::fmt::Display for PairError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Expired => "the code is too old: show a new one",
            Self::Used => {
                "the code was used already: if not by you, show a new one and look who \
                 is waiting"
            }
            Self::Tries => "the code was tried wrongly three times: show a new one",
            Self::WrongCode => "that is not the code that is shown: try it again",
            Self::WrongWords => {
                "the words are not the ones on the other screen: if they differ there, refuse, \
                 since somebody is between the two"
            }
            Self::Refused => "the other device refused",
            Self::Malformed => "the other side speaks another language: update both devices",
            Self::Lost => "the other device does not answer: check that both are on one network",
            Self::Random => "the system gives no random bytes: restart the machine",
        })
    }
}

impl std::error::Error for PairError {}
