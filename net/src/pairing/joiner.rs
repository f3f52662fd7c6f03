//! The newcomer's side.

use kernel::ledger::Signer;
use zeroize::Zeroizing;

use super::code::{Code, ShortCode};
use super::proof::{HALF_BYTES, Half, ProofKey, Prover, Transcript, Words, commit};
use super::shower::{GUEST, HOST};
use super::{FRAME_BYTES_MAX, PairError};
use crate::codec::{Reader, Writer};
use crate::entry::GroupId;
use crate::identity::{Card, DeviceName, is_signed, random};

/// Who shows the code, as it said and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its card.
    pub card: Card,
    /// The group that the newcomer would be in.
    pub group: GroupId,
    /// What that is called.
    pub group_name: DeviceName,
}

/// What follows from a frame.
#[derive(Debug)]
pub enum JoinerStep {
    /// To be sent.
    Send(Vec<u8>),
    /// A person is asked whether these words are on the other screen, too.
    Confirm {
        /// Who shows the code.
        host: Box<Host>,
        /// The words.
        words: Words,
    },
}

enum State {
    /// A half of SPAKE2 is out.
    Typed(Half),
    /// The proof is out.
    Proving(ProofKey),
    /// The commitment is out, the other's is here.
    Committed([u8; 32]),
    /// A person is asked.
    Asked(Words),
    Ended,
}

/// A newcomer on a connection to a device that shows a code.
pub struct Joiner {
    exporter: [u8; 32],
    transcript: Transcript,
    state: State,
    /// What it will say of itself.
    card: Vec<u8>,
    blind: Zeroizing<[u8; 32]>,
}

impl Joiner {
    /// Opens with a scanned code; what is to be sent comes with it.
    ///
    /// # Errors
    /// [`PairError::Random`].
    pub fn scanned(
        code: &Code,
        card: &Card,
        exporter: [u8; 32],
    ) -> Result<(Self, Vec<u8>), PairError> {
        let key = ProofKey::of_code(code, &exporter);
        let frame = [&[0], &key.prove(Prover::Joiner)[..]].concat();
        Self::open(State::Proving(key), frame, card, exporter)
    }

    /// Opens with a typed code; what is to be sent comes with it.
    ///
    /// # Errors
    /// [`PairError::Random`].
    pub fn typed(
        code: &ShortCode,
        card: &Card,
        exporter: [u8; 32],
    ) -> Result<(Self, Vec<u8>), PairError> {
        let half = Half::start(code, Prover::Joiner);
        let frame = [&[1], &half.message[..]].concat();
        Self::open(State::Typed(half), frame, card, exporter)
    }

    fn open(
        state: State,
        frame: Vec<u8>,
        card: &Card,
        exporter: [u8; 32],
    ) -> Result<(Self, Vec<u8>), PairError> {
        let blind = random::<32>().ok_or(PairError::Random)?;
        let mut writer = Writer::default();
        card.write(&mut writer);
        let mut transcript = Transcript::new(&exporter);
        transcript.add(&frame);
        Ok((Self { exporter, transcript, state, card: writer.finish(), blind }, frame))
    }

    /// Hears a frame. After an error the connection is to be ended.
    ///
    /// # Errors
    /// [`PairError`].
    pub fn hear(&mut self, frame: &[u8]) -> Result<JoinerStep, PairError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(PairError::Malformed);
        }
        let before = self.transcript.hash();
        self.transcript.add(frame);
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Typed(half) => {
                if frame.len() != HALF_BYTES {
                    return Err(PairError::Malformed);
                }
                let key = half.finish(Prover::Joiner, frame, &self.exporter);
                let key = key.ok_or(PairError::Malformed)?;
                let proof = key.prove(Prover::Joiner).to_vec();
                self.state = State::Proving(key);
                Ok(self.send(proof))
            }
            State::Proving(key) => {
                let mut reader = Reader::new(frame);
                let proof = reader.fixed().ok_or(PairError::Malformed)?;
                let committed = reader.fixed().ok_or(PairError::Malformed)?;
                reader.end().ok_or(PairError::Malformed)?;
                if !key.is_proof(Prover::Shower, proof) {
                    return Err(PairError::WrongCode);
                }
                self.state = State::Committed(committed);
                let commitment = commit(&self.blind, &self.card).to_vec();
                Ok(self.send(commitment))
            }
            State::Committed(committed) => {
                let host = read_host(frame, before, committed).ok_or(PairError::Malformed)?;
                let words = self.transcript.words();
                self.state = State::Asked(words);
                Ok(JoinerStep::Confirm { host: Box::new(host), words })
            }
            State::Asked(_) | State::Ended => Err(PairError::Malformed),
        }
    }

    /// A person says that these words are on the other screen, too: what to send, which is the
    /// first that says who this device is.
    ///
    /// # Errors
    /// [`PairError::WrongWords`], after which it can be tried again; [`PairError::Malformed`] when
    /// no person is asked.
    pub fn confirm(&mut self, written: &str, signer: &dyn Signer) -> Result<Vec<u8>, PairError> {
        let State::Asked(words) = &self.state else {
            return Err(PairError::Malformed);
        };
        if !words.are(written) {
            return Err(PairError::WrongWords);
        }
        self.state = State::Ended;
        let mut said = [&*self.blind, &self.card[..]].concat();
        let message = [GUEST, &self.transcript.hash(), &said].concat();
        said.extend_from_slice(&signer.sign(&message));
        Ok(said)
    }

    fn send(&mut self, frame: Vec<u8>) -> JoinerStep {
        self.transcript.add(&frame);
        JoinerStep::Send(frame)
    }
}

fn read_host(frame: &[u8], before: [u8; 32], committed: [u8; 32]) -> Option<Host> {
    let (said, signature) = frame.split_at_checked(frame.len().checked_sub(64)?)?;
    // The transcript as the other had it when it signed: with our commitment, without this frame.
    let mut reader = Reader::new(said);
    let number = reader.fixed::<32>()?;
    let group = GroupId(reader.fixed()?);
    let group_name = DeviceName::read(&mut reader)?;
    let card = Card::read(&mut reader)?;
    reader.end()?;
    let message = [HOST, &before, said].concat();
    let is_its = is_signed(card.device, &message, signature.try_into().ok()?);
    let is_committed = blake3::hash(&number) == blake3::Hash::from(committed);
    (is_its && is_committed).then_some(Host { card, group, group_name })
}
