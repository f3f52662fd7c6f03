//! The trusted side.

use std::time::Instant;

use kernel::ledger::Signer;
use zeroize::Zeroizing;

use super::code::{Code, ShortCode};
use super::proof::{HALF_BYTES, Half, ProofKey, Prover, Transcript, Words, commit};
use super::{CODE_LIFE, FRAME_BYTES_MAX, PairError, TRIES};
use crate::codec::{Reader, Writer};
use crate::entry::GroupId;
use crate::identity::{Card, DeviceName, is_signed, random};

pub(super) const HOST: &[u8] = b"hearth 2026-11 pairing host";
pub(super) const GUEST: &[u8] = b"hearth 2026-11 pairing guest";

/// A code that is shown, for all connections that try it.
pub struct Offer {
    code: Code,
    short: ShortCode,
    shown: Instant,
    tries: u8,
    is_taken: bool,
}

impl Offer {
    /// Shows a code from `now` on.
    #[must_use]
    pub fn new(code: Code, short: ShortCode, now: Instant) -> Self {
        Self { code, short, shown: now, tries: TRIES, is_taken: false }
    }

    /// What is scanned.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// What is typed.
    #[must_use]
    pub fn short(&self) -> &ShortCode {
        &self.short
    }

    /// How long it lives still, or why it does not.
    ///
    /// # Errors
    /// [`PairError::Used`], [`PairError::Tries`], [`PairError::Expired`].
    pub fn left(&self, now: Instant) -> Result<std::time::Duration, PairError> {
        match () {
            () if self.is_taken => Err(PairError::Used),
            () if self.tries == 0 => Err(PairError::Tries),
            () => {
                let left = CODE_LIFE.checked_sub(now.saturating_duration_since(self.shown));
                left.filter(|left| !left.is_zero()).ok_or(PairError::Expired)
            }
        }
    }

    fn attempt(&mut self, now: Instant) -> Result<(), PairError> {
        self.left(now)?;
        self.tries -= 1;
        Ok(())
    }

    /// One proof is right: nobody else's counts any more.
    fn take(&mut self, now: Instant) -> Result<(), PairError> {
        match self.left(now) {
            Err(PairError::Tries) | Ok(_) => {
                self.is_taken = true;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// What the trusted side says of itself.
pub struct Hosting<'a> {
    /// Signs for it.
    pub signer: &'a dyn Signer,
    /// Its card.
    pub card: &'a Card,
    /// Its group.
    pub group: GroupId,
    /// What that is called.
    pub group_name: &'a DeviceName,
}

/// What follows from a frame.
#[derive(Debug)]
pub enum ShowerStep {
    /// To be sent.
    Send(Vec<u8>),
    /// The newcomer has said who it is: a person is asked.
    Ask {
        /// In its own words.
        card: Card,
        /// What both screens show.
        words: Words,
    },
}

enum State {
    Opening,
    /// A half of SPAKE2 is out.
    Typed(ProofKey),
    /// It is proved, and a number was committed to.
    Committed(Zeroizing<[u8; 32]>),
    /// The number was shown, with what the newcomer is committed to.
    Shown {
        commitment: [u8; 32],
        words: Words,
    },
    /// A person is asked.
    Asked {
        words: Words,
        tries: u8,
    },
    Ended,
}

/// One connection to a device that shows a code.
pub struct Shower {
    exporter: [u8; 32],
    pub(super) transcript: Transcript,
    state: State,
}

impl Shower {
    /// Of a connection that exports `exporter`.
    #[must_use]
    pub fn new(exporter: [u8; 32]) -> Self {
        Self { exporter, transcript: Transcript::new(&exporter), state: State::Opening }
    }

    /// Hears a frame. After an error the connection is to be ended.
    ///
    /// # Errors
    /// [`PairError`].
    pub fn hear(
        &mut self,
        frame: &[u8],
        offer: &mut Offer,
        hosting: &Hosting<'_>,
        now: Instant,
    ) -> Result<ShowerStep, PairError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(PairError::Malformed);
        }
        let before = self.transcript.hash();
        self.transcript.add(frame);
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Opening => self.open(frame, offer, now),
            State::Typed(key) => {
                let proof = frame.try_into().map_err(|_| PairError::Malformed)?;
                if !key.is_proof(Prover::Joiner, proof) {
                    return Err(PairError::WrongCode);
                }
                offer.take(now)?;
                self.proved(&key)
            }
            State::Committed(number) => self.show(frame, &number, hosting),
            State::Shown { commitment, words } => self.ask(frame, before, commitment, words),
            State::Asked { .. } | State::Ended => Err(PairError::Malformed),
        }
    }

    fn open(
        &mut self,
        frame: &[u8],
        offer: &mut Offer,
        now: Instant,
    ) -> Result<ShowerStep, PairError> {
        // Before anything is looked at: a try is a try, however it ends.
        offer.attempt(now)?;
        let mut reader = Reader::new(frame);
        match (reader.byte(), reader.rest()) {
            (Some(0), proof) => {
                let key = ProofKey::of_code(&offer.code, &self.exporter);
                let proof = proof.try_into().map_err(|_| PairError::Malformed)?;
                if !key.is_proof(Prover::Joiner, proof) {
                    return Err(PairError::WrongCode);
                }
                offer.take(now)?;
                self.proved(&key)
            }
            (Some(1), other) if other.len() == HALF_BYTES => {
                let half = Half::start(&offer.short, Prover::Shower);
                let message = half.message.clone();
                let key = half.finish(Prover::Shower, other, &self.exporter);
                self.state = State::Typed(key.ok_or(PairError::Malformed)?);
                Ok(self.send(message))
            }
            _ => Err(PairError::Malformed),
        }
    }

    fn proved(&mut self, key: &ProofKey) -> Result<ShowerStep, PairError> {
        let number = random::<32>().ok_or(PairError::Random)?;
        let commitment = blake3::hash(&*number);
        self.state = State::Committed(number);
        let proof = key.prove(Prover::Shower);
        Ok(self.send([proof, *commitment.as_bytes()].concat()))
    }

    fn show(
        &mut self,
        frame: &[u8],
        number: &[u8; 32],
        hosting: &Hosting<'_>,
    ) -> Result<ShowerStep, PairError> {
        let commitment = frame.try_into().map_err(|_| PairError::Malformed)?;
        let mut writer = Writer::default();
        writer.fixed(number).fixed(&hosting.group.0);
        writer.bytes(hosting.group_name.as_str().as_bytes());
        hosting.card.write(&mut writer);
        let mut said = writer.finish();
        let message = [HOST, &self.transcript.hash(), &said].concat();
        said.extend_from_slice(&hosting.signer.sign(&message));
        let step = self.send(said);
        self.state = State::Shown { commitment, words: self.transcript.words() };
        Ok(step)
    }

    fn ask(
        &mut self,
        frame: &[u8],
        before: [u8; 32],
        commitment: [u8; 32],
        words: Words,
    ) -> Result<ShowerStep, PairError> {
        let signed = frame.len().checked_sub(64).ok_or(PairError::Malformed)?;
        let (said, signature) = frame.split_at(signed);
        let mut reader = Reader::new(said);
        let blind = reader.fixed().ok_or(PairError::Malformed)?;
        let bytes = reader.rest();
        let card = Card::read(&mut reader).ok_or(PairError::Malformed)?;
        reader.end().ok_or(PairError::Malformed)?;
        let message = [GUEST, &before, said].concat();
        let signature = signature.try_into().map_err(|_| PairError::Malformed)?;
        let is_its = is_signed(card.device, &message, &signature);
        if !is_its || commit(&blind, bytes) != commitment {
            return Err(PairError::Malformed);
        }
        self.state = State::Asked { words, tries: TRIES };
        Ok(ShowerStep::Ask { card, words })
    }

    /// What both screens show, once both sides are committed to it; before the newcomer's person
    /// has confirmed it, nobody knows here who it is.
    #[must_use]
    pub fn words(&self) -> Option<Words> {
        match self.state {
            State::Shown { words, .. } | State::Asked { words, .. } => Some(words),
            _ => None,
        }
    }

    /// A person admits the newcomer with the words that its screen shows. Makes no frame: the
    /// group is sent when it holds the newcomer.
    ///
    /// # Errors
    /// [`PairError::WrongWords`], after which it can be tried again, twice; [`PairError::Tries`]
    /// from then on.
    pub fn admit(&mut self, written: &str) -> Result<(), PairError> {
        match &mut self.state {
            State::Asked { words, .. } if words.are(written) => {
                self.state = State::Ended;
                Ok(())
            }
            State::Asked { tries: 0 | 1, .. } => {
                self.state = State::Ended;
                Err(PairError::Tries)
            }
            State::Asked { tries, .. } => {
                *tries -= 1;
                Err(PairError::WrongWords)
            }
            _ => Err(PairError::Refused),
        }
    }

    fn send(&mut self, frame: Vec<u8>) -> ShowerStep {
        self.transcript.add(&frame);
        ShowerStep::Send(frame)
    }
}
