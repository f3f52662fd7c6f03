//! Twelve words that recover a profile: 128 random bits and a checksum in BIP 39's English list.

use std::fmt;

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use super::{KeyError, Passphrase, random};

/// What a person writes down and keeps away from the machine. Wiped when dropped; only
/// [`RecoveryWords::reveal`] shows it.
#[derive(Clone)]
pub struct RecoveryWords(Zeroizing<[u8; 16]>);

impl RecoveryWords {
    /// How many words there are.
    pub const COUNT: usize = 12;

    /// New ones.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random() -> Result<Self, KeyError> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    /// Reads words as somebody types them: any case, any white space between them.
    ///
    /// # Errors
    /// [`KeyError::UnknownWord`] with the place of a word that is not in the list, or
    /// [`KeyError::BadWords`] when their number or their checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let lower = Zeroizing::new(text.to_lowercase());
        let words: Vec<&str> = lower.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| Language::English.find_word(word).is_none())
        {
            return Err(KeyError::UnknownWord(at + 1));
        }
        if words.len() != Self::COUNT {
            return Err(KeyError::BadWords);
        }
        let joined = Zeroizing::new(words.join(" "));
        let read = Mnemonic::parse_in_normalized(Language::English, &joined);
        let (entropy, length) = read.map_err(|_| KeyError::BadWords)?.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let bits = entropy[..length].try_into().map_err(|_| KeyError::BadWords)?;
        Ok(Self(Zeroizing::new(bits)))
    }

    /// The words, a blank between them.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let words = Mnemonic::from_entropy_in(Language::English, &*self.0);
        Zeroizing::new(words.expect("16 bytes make twelve words").to_string())
    }

    /// As a passphrase to be stretched: the words, not their bits, so that other programs that
    /// know BIP 39 can follow.
    pub(super) fn passphrase(&self) -> Passphrase {
        Passphrase::new(self.reveal().as_bytes()).expect("twelve words are no empty passphrase")
    }
}

impl fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryWords(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        // From the test vectors that BIP 39 names.
        let vectors: [(&[u8; 16], &str); 3] = [
            (
                &[0; 16],
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                 abandon about",
            ),
            (
                &[0x7f; 16],
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
            ),
            (&[0xff; 16], "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong"),
        ];
        for (bits, words) in vectors {
            assert_eq!(*RecoveryWords(Zeroizing::new(*bits)).reveal(), words);
            assert_eq!(*RecoveryWords::parse(words).unwrap().0, *bits);
        }
    }

    #[test]
    fn words_are_read_as_they_are_typed_and_slips_are_named() {
        let words = RecoveryWords::random().unwrap();
        let typed = words.reveal().to_uppercase().replace(' ', "\n  ");
        assert_eq!(*RecoveryWords::parse(&typed).unwrap().0, *words.0);
        let slip = "legal winner thank year wave sausag worth useful legal winner thank yellow";
        assert!(matches!(RecoveryWords::parse(slip), Err(KeyError::UnknownWord(6))));
        let swapped = "winner legal thank year wave sausage worth useful legal winner thank yellow";
        assert!(matches!(RecoveryWords::parse(swapped), Err(KeyError::BadWords)));
        assert!(matches!(RecoveryWords::parse("legal winner"), Err(KeyError::BadWords)));
        assert_eq!(format!("{words:?}"), "RecoveryWords(..)");
    }
}
