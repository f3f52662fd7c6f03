//! The system's keychain: the Secret Service on Linux, Keychain on macOS, the Credential Manager
//! on Windows. It is looked for only when a profile is to be kept there.

use std::sync::Arc;

use kernel::keys::{Keychain, KeychainError};
use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

/// Under which program's name the system lists what we keep.
const SERVICE: &str = "Hearth";

/// The keychain of whoever is logged in.
pub struct SystemKeychain(Arc<CredentialStore>);

impl SystemKeychain {
    /// Connects to it. It may start a service and ask a person: not for the UI thread.
    ///
    /// # Errors
    /// [`KeychainError::Unavailable`] on a machine without one, such as a server.
    pub fn open() -> Result<Self, KeychainError> {
        #[cfg(target_os = "macos")]
        let store = apple_native_keyring_store::keychain::Store::new();
        #[cfg(windows)]
        let store = windows_native_keyring_store::Store::new();
        #[cfg(all(unix, not(target_os = "macos")))]
        let store = zbus_secret_service_keyring_store::Store::new();
        match store {
            Ok(store) => Ok(Self(store)),
            Err(error) => Err(told(&error)),
        }
    }

    fn entry(&self, account: &str) -> Result<Entry, KeychainError> {
        Entry::new_in_store(&self.0, SERVICE, account).map_err(|error| told(&error))
    }
}

impl Keychain for SystemKeychain {
    fn put(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        self.entry(account)?.set_secret(secret).map_err(|error| told(&error))
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        self.entry(account)?.get_secret().map(Zeroizing::new).map_err(|error| told(&error))
    }

    fn remove(&self, account: &str) -> Result<(), KeychainError> {
        match self.entry(account)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Without what the error holds: some kinds carry the secret that could not be read.
fn told(error: &Error) -> KeychainError {
    match error {
        Error::NoEntry => KeychainError::Missing,
        Error::PlatformFailure(why) | Error::NoStorageAccess(why) => {
            KeychainError::Unavailable(why.to_string())
        }
        _ => KeychainError::Unavailable("it answers what Hearth does not understand".to_owned()),
    }
}
