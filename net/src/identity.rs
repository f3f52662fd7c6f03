//! Who a device is: an Ed25519 identity that only signs, the transport key that it certifies, and
//! the card by which it introduces itself.
//!
//! A transport key is a fresh Ed25519 key of each day and each start. Its certificate is
//! `identity (32) | sequence (8) | signature (64)`, the signature being the identity's over
//! `"hearth 2026-11 transport key"`, the sequence and the transport key. Of two certificates the
//! one with the higher sequence holds, whatever any clock says.

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use kernel::ledger::Signer;
use kernel::principal::DeviceId;
use zeroize::Zeroizing;

use crate::codec::{Reader, Writer};

const TRANSPORT: &[u8] = b"hearth 2026-11 transport key";
const CARD: &[u8] = b"hearth 2026-11 device card";

/// Bytes of a device's name at most.
pub const NAME_BYTES_MAX: usize = 64;

/// Whether `device` signed exactly this; strictly, so that no weak key and no second form passes.
#[must_use]
pub fn is_signed(device: DeviceId, message: &[u8], signature: &[u8; 64]) -> bool {
    let key = VerifyingKey::from_bytes(&device.0);
    key.is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).ok()?;
    Some(bytes)
}

/// What an identity says of a transport key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose key it is.
    pub device: DeviceId,
    /// Which of its keys: a higher one replaces it.
    pub sequence: u64,
    /// The transport key.
    pub key: [u8; 32],
    signature: [u8; 64],
}

impl Certificate {
    /// Bytes without the transport key, which stands beside it.
    pub const BYTES: usize = 32 + 8 + 64;

    /// Certifies `key`.
    #[must_use]
    pub fn sign(signer: &dyn Signer, sequence: u64, key: [u8; 32]) -> Self {
        let signature = signer.sign(&Self::message(sequence, &key));
        Self { device: signer.id(), sequence, key, signature }
    }

    fn message(sequence: u64, key: &[u8; 32]) -> Vec<u8> {
        Writer::after(TRANSPORT).number(sequence).fixed(key).finish()
    }

    /// The bytes that [`Certificate::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..32].copy_from_slice(&self.device.0);
        bytes[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[40..].copy_from_slice(&self.signature);
        bytes
    }

    /// Reads the certificate of `key`; `None` unless its identity signed exactly that.
    #[must_use]
    pub fn decode(bytes: &[u8], key: [u8; 32]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let device = DeviceId(reader.fixed()?);
        let (sequence, signature) = (reader.number()?, reader.fixed()?);
        reader.end()?;
        is_signed(device, &Self::message(sequence, &key), &signature).then_some(Self {
            device,
            sequence,
            key,
            signature,
        })
    }
}

/// A transport key with its certificate; wiped when dropped.
pub struct TransportKey {
    seed: Zeroizing<[u8; 32]>,
    certificate: Certificate,
}

impl TransportKey {
    /// A fresh key, certified with `sequence`; `None` when the system gives no random bytes.
    #[must_use]
    pub fn fresh(signer: &dyn Signer, sequence: u64) -> Option<Self> {
        let seed = random::<32>()?;
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Some(Self { certificate: Certificate::sign(signer, sequence, public), seed })
    }

    /// What its identity says of it.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }
}

impl std::fmt::Debug for TransportKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TransportKey({})", self.certificate.sequence)
    }
}

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Keeps and passes on what is sealed, and holds no key that opens it.
    Hub,
}

impl Role {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Hub => 1,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match reader.byte()? {
            0 => Some(Self::Member),
            1 => Some(Self::Hub),
            _ => None,
        }
    }
}

/// A device's name: 1 to [`NAME_BYTES_MAX`] bytes on one line, without what hides in text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName(Box<str>);

impl DeviceName {
    /// Takes `text` if it can stand on a line as it is.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let shown = |c: char| {
            let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}' | '\u{61c}' | '\u{180e}');
            !c.is_control() && !hidden
        };
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.trim() == text;
        (fits && text.chars().all(shown)).then(|| Self(text.into()))
    }

    /// The nearest name to `text`; "device" when nothing of it can stand.
    #[must_use]
    pub fn near(text: &str) -> Self {
        let mut kept = String::new();
        for c in text.trim().chars() {
            let one = Self::new(&format!("x{c}x")).is_some();
            if one && kept.len() + c.len_utf8() <= NAME_BYTES_MAX {
                kept.push(c);
            }
        }
        Self::new(kept.trim()).unwrap_or_else(|| Self("device".into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Self::new(reader.text(NAME_BYTES_MAX)?)
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a device introduces itself, signed by its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its identity.
    pub device: DeviceId,
    /// What it calls itself.
    pub name: DeviceName,
    /// The X25519 key that keys are wrapped for.
    pub wrapping: [u8; 32],
    signature: [u8; 64],
}

impl Card {
    /// Bytes of a card at most.
    pub const BYTES_MAX: usize = 32 + 4 + NAME_BYTES_MAX + 32 + 64;

    /// Signs a card.
    #[must_use]
    pub fn sign(signer: &dyn Signer, name: DeviceName, wrapping: [u8; 32]) -> Self {
        let mut card = Self { device: signer.id(), name, wrapping, signature: [0; 64] };
        card.signature = signer.sign(&card.message());
        card
    }

    fn message(&self) -> Vec<u8> {
        let mut writer = Writer::after(CARD);
        writer.fixed(&self.device.0).bytes(self.name.as_str().as_bytes());
        writer.fixed(&self.wrapping).finish()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.fixed(&self.message()[CARD.len()..]).fixed(&self.signature);
    }

    /// Reads a card; `None` unless its device signed exactly that.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let device = DeviceId(reader.fixed()?);
        let name = DeviceName::read(reader)?;
        let (wrapping, signature) = (reader.fixed()?, reader.fixed()?);
        let card = Self { device, name, wrapping, signature };
        is_signed(device, &card.message(), &signature).then_some(card)
    }
}

#[cfg(test)]
mod tests {
    use kernel::ledger::DeviceKey;

    use super::*;

    #[test]
    fn a_certificate_holds_for_one_key_and_one_sequence_alone() {
        let signer = DeviceKey::from_seed(&[3; 32]);
        let key = TransportKey::fresh(&signer, 5).unwrap();
        let good = key.certificate();
        let bytes = good.encode();
        assert_eq!(Certificate::decode(&bytes, good.key), Some(*good));
        for at in 0..bytes.len() {
            let mut bad = bytes;
            bad[at] ^= 1;
            assert_eq!(Certificate::decode(&bad, good.key), None, "a flip at {at} passed");
        }
        assert_eq!(Certificate::decode(&bytes, [1; 32]), None);
        assert_eq!(format!("{key:?}"), "TransportKey(5)");
    }

    #[test]
    fn a_card_is_its_devices_own_word() {
        let signer = DeviceKey::from_seed(&[3; 32]);
        let card = Card::sign(&signer, DeviceName::near("studio"), [7; 32]);
        let mut writer = Writer::default();
        card.write(&mut writer);
        let bytes = writer.finish();
        assert_eq!(Card::read(&mut Reader::new(&bytes)), Some(card));
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(Card::read(&mut Reader::new(&bad)), None, "a flip at {at} passed");
        }
    }

    #[test]
    fn what_hides_in_text_is_in_no_name() {
        assert!(DeviceName::new("Desk 2").is_some());
        for text in ["", " a", "a\nb", "a\u{202e}b", "a\u{200b}b", &"x".repeat(65)] {
            assert!(DeviceName::new(text).is_none(), "{text:?}");
        }
        assert_eq!(DeviceName::near("a\u{202e}\nb ").as_str(), "ab");
        assert_eq!(DeviceName::near("\n").as_str(), "device");
    }
}
