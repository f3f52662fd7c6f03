//! The system's keychain, behind a trait: a machine without a display may have none.

use std::fmt;

use zeroize::Zeroizing;

/// A place of the system's that keeps small secrets for the person who is logged in. A call may
/// take long, since the system may ask that person: never on the UI thread.
pub trait Keychain: Send + Sync {
    /// Keeps `secret` under `account`, in the place of what was there.
    ///
    /// # Errors
    /// Why it could not be kept.
    fn put(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError>;

    /// What is kept under `account`.
    ///
    /// # Errors
    /// [`KeychainError::Missing`] when nothing is.
    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError>;

    /// Takes away what is kept under `account`, if anything is.
    ///
    /// # Errors
    /// Why it could not be taken away.
    fn remove(&self, account: &str) -> Result<(), KeychainError>;
}

/// Why a keychain did not do what was asked.
#[derive(Debug, PartialEq, Eq)]
pub enum KeychainError {
    /// Nothing is kept under that account.
    Missing,
    /// This machine has no keychain, or nobody unlocked it; what the system says of it.
    Unavailable(String),
}

impl fmt::Display for KeychainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the keychain has no key for this profile"),
            Self::Unavailable(why) => write!(f, "the system's keychain cannot be used ({why})"),
        }
    }
}

impl std::error::Error for KeychainError {}
