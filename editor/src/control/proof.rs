//! How a client proves that it acts for the owner, without sending the passphrase.
//!
//! Both sides derive one secret from the profile's data key, which the client unwraps with the
//! passphrase from the profile's header. The program sends a challenge, the client answers with
//! the keyed hash (BLAKE3) of it. A challenge is answered once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kernel::keys::{KeyError, Unlocked};

use crate::registry::Fault;

/// The purpose of the secret; another one gives another secret.
const PURPOSE: &str = "hearth 2026 control owner proof";

/// Wrong answers within [`WINDOW`] after which none is looked at.
const WRONG_MAX: usize = 5;

/// How long a wrong answer counts.
const WINDOW: Duration = Duration::from_secs(60);

/// A random question, in hexadecimal on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, Fault> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(|_| crate::profile::told(&KeyError::Random))?;
        Ok(Self(bits))
    }

    /// As it is sent.
    pub fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads what was sent.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(*blake3::Hash::from_hex(text).ok()?.as_bytes()))
    }
}

/// The owner's answer to `challenge`, in hexadecimal.
pub fn answer(unlocked: &Unlocked, challenge: Challenge) -> String {
    let secret = unlocked.derive(PURPOSE);
    blake3::keyed_hash(&secret, &challenge.0).to_hex().to_string()
}

/// Checks answers; one for the whole process, so that many connections guess no faster.
pub struct Verifier {
    secret: Option<Box<dyn Fn(Challenge) -> blake3::Hash + Send + Sync>>,
    wrong: Mutex<VecDeque<Instant>>,
}

impl Verifier {
    /// Checks against the secret of `unlocked`.
    pub fn new(unlocked: &Unlocked) -> Self {
        let secret = unlocked.derive(PURPOSE);
        let check = move |challenge: Challenge| blake3::keyed_hash(&secret, &challenge.0);
        Self { secret: Some(Box::new(check)), wrong: Mutex::default() }
    }

    /// Nobody can prove anything: the profile is locked, or no passphrase guards it.
    pub fn nobody() -> Self {
        Self { secret: None, wrong: Mutex::default() }
    }

    /// Checks an answer, which took place at `now`.
    ///
    /// # Errors
    /// A wrong answer, too many of them lately, or nothing to prove.
    pub fn check(&self, challenge: Challenge, answer: &str, now: Instant) -> Result<(), Fault> {
        let Some(expected) = &self.secret else {
            return Err(Fault::state(
                "Nothing can be proved: the profile is locked, or no passphrase of yours guards it \
                 (see `hearth doctor`).",
            ));
        };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.retain(|then| now.saturating_duration_since(*then) < WINDOW);
        if wrong.len() >= WRONG_MAX {
            return Err(Fault::denied("Too many wrong proofs came: wait a minute."));
        }
        // The comparison of hashes takes the same time whatever differs.
        if blake3::Hash::from_hex(answer).is_ok_and(|answer| answer == expected(challenge)) {
            return Ok(());
        }
        wrong.push_back(now);
        Err(Fault::denied("The proof is wrong: check the passphrase."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::disk::RealDisk;
    use kernel::keys::{Profile, Protection};

    fn unlocked() -> Unlocked {
        let dir = tempfile::tempdir().unwrap();
        Profile::create(&RealDisk, dir.path(), Protection::Unprotected).unwrap()
    }

    #[test]
    fn only_the_same_profile_proves_itself() {
        let (owner, stranger) = (unlocked(), unlocked());
        let verifier = Verifier::new(&owner);
        let challenge = Challenge::from_hex(&Challenge::new().unwrap().to_hex()).unwrap();
        let now = Instant::now();
        assert!(verifier.check(challenge, &answer(&owner, challenge), now).is_ok());
        assert!(verifier.check(challenge, &answer(&stranger, challenge), now).is_err());
        let other = Challenge::new().unwrap();
        assert!(verifier.check(other, &answer(&owner, challenge), now).is_err());
        assert!(verifier.check(challenge, "no hash", now).is_err());
        assert!(Verifier::nobody().check(challenge, &answer(&owner, challenge), now).is_err());
    }

    #[test]
    fn guessing_is_slow() {
        let owner = unlocked();
        let verifier = Verifier::new(&owner);
        let challenge = Challenge::new().unwrap();
        let right = answer(&owner, challenge);
        let start = Instant::now();
        for _ in 0..WRONG_MAX {
            assert!(verifier.check(challenge, &"0".repeat(64), start).is_err());
        }
        assert!(verifier.check(challenge, &right, start).is_err(), "even the right one waits");
        assert!(verifier.check(challenge, &right, start + WINDOW).is_ok());
    }
}
