//! What both sides compute alike: the keys of their proofs, the transcript, and the words.

use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::Zeroizing;

use super::code::{Code, ShortCode};

const SECRET: &str = "hearth 2026-11 pairing by a scanned secret";
const TYPED: &str = "hearth 2026-11 pairing by a typed code";
const WORDS: &str = "hearth 2026-11 pairing check words";

/// Bytes of a half of SPAKE2.
pub(super) const HALF_BYTES: usize = 33;

/// Who proves.
#[derive(Clone, Copy)]
pub(super) enum Prover {
    Joiner,
    Shower,
}

/// Proves that one has what was shown, on this very connection.
pub(super) struct ProofKey(Zeroizing<[u8; 32]>);

impl ProofKey {
    /// Of a scanned secret.
    pub(super) fn of_code(code: &Code, exporter: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(SECRET);
        hasher.update(&*code.secret).update(&code.fingerprint).update(exporter);
        Self(Zeroizing::new(*hasher.finalize().as_bytes()))
    }

    /// Of what SPAKE2 agreed on.
    fn of_typed(agreed: &[u8], halves: [&[u8]; 2], exporter: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(TYPED);
        hasher.update(agreed).update(halves[0]).update(halves[1]).update(exporter);
        Self(Zeroizing::new(*hasher.finalize().as_bytes()))
    }

    pub(super) fn prove(&self, who: Prover) -> [u8; 32] {
        let role: &[u8] = match who {
            Prover::Joiner => b"joiner",
            Prover::Shower => b"shower",
        };
        *blake3::keyed_hash(&self.0, role).as_bytes()
    }

    /// Compared in constant time.
    pub(super) fn is_proof(&self, who: Prover, proof: [u8; 32]) -> bool {
        blake3::Hash::from(self.prove(who)) == blake3::Hash::from(proof)
    }
}

/// One side's half of SPAKE2 over a typed code.
pub(super) struct Half {
    state: Spake2<Ed25519Group>,
    pub(super) message: Vec<u8>,
}

impl Half {
    pub(super) fn start(code: &ShortCode, who: Prover) -> Self {
        let password = Password::new(code.letters());
        let (joiner, shower) = (Identity::new(b"hearth joiner"), Identity::new(b"hearth shower"));
        let (state, message) = match who {
            Prover::Joiner => Spake2::start_a(&password, &joiner, &shower),
            Prover::Shower => Spake2::start_b(&password, &joiner, &shower),
        };
        Self { state, message }
    }

    /// `None` when the other half is none.
    pub(super) fn finish(self, who: Prover, other: &[u8], exporter: &[u8; 32]) -> Option<ProofKey> {
        let agreed = Zeroizing::new(self.state.finish(other).ok()?);
        let halves = match who {
            Prover::Joiner => [&self.message[..], other],
            Prover::Shower => [other, &self.message[..]],
        };
        Some(ProofKey::of_typed(&agreed, halves, exporter))
    }
}

/// Every frame that went, in order, behind what TLS exports.
#[derive(Clone)]
pub(super) struct Transcript(blake3::Hasher);

impl Transcript {
    pub(super) fn new(exporter: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hearth 2026-11 pairing transcript").update(exporter);
        Self(hasher)
    }

    pub(super) fn add(&mut self, frame: &[u8]) {
        self.0.update(&(frame.len() as u64).to_le_bytes()).update(frame);
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    /// The words of everything so far.
    pub(super) fn words(&self) -> Words {
        let hash = blake3::derive_key(WORDS, &self.hash());
        let list = bip39::Language::English.word_list();
        let bits = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
        Words([0, 11, 22, 33].map(|from| list[(bits >> from & 2047) as usize]))
    }
}

/// Four words that both screens show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub [&'static str; 4]);

impl Words {
    /// Whether a person wrote these words, in any case and with any space.
    #[must_use]
    pub fn are(&self, text: &str) -> bool {
        let mut written = text.split_whitespace();
        let same = self
            .0
            .iter()
            .all(|word| written.next().is_some_and(|written| written.eq_ignore_ascii_case(word)));
        same && written.next().is_none()
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// A newcomer's commitment to what it will say of itself.
pub(super) fn commit(blind: &[u8; 32], card: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"hearth 2026-11 pairing commitment").update(blind).update(card);
    *hasher.finalize().as_bytes()
}
