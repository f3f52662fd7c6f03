//! One record's bytes.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | the marker `f5 'h' 'f' 1`, its last byte being the version |
//! | 4 | 4 | length of the sealed body |
//! | 8 | 8 | sequence |
//! | 16 | 8 | how many sequences right before this one were dropped on purpose |
//! | 24 | 16 | stream |
//! | 40 | 2 | kind |
//! | 42 | 8 | BLAKE3 of the body, cut to 8 bytes |
//! | 50 | 8 | BLAKE3 of the 50 bytes before, cut to 8 bytes |
//! | 58 | | the sealed body |
//!
//! Numbers are little-endian. Bytes 8 to 42 are the seal's associated data. The header has a
//! checksum of its own, so that a reader who lost its place finds the next frame by its marker:
//! the bodies are ciphertext, in which a marker with a right checksum does not come up by chance.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Kind, PAYLOAD_BYTES_MAX, RecordHeader, Sequence, StreamId};
use crate::keys::{KeyError, Opener, SEAL_OVERHEAD_MAX, Sealer};

/// Bytes before the body.
pub(super) const HEAD: usize = 58;

const MARKER: [u8; 4] = [0xf5, b'h', b'f', 1];
const BODY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + SEAL_OVERHEAD_MAX;
/// So that no arithmetic on a number that was read can overflow.
const SEQUENCE_MAX: u64 = 1 << 62;
/// What the seal is bound to.
const BOUND: Range<usize> = 8..42;

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) record: RecordHeader,
    pub(super) skipped: u64,
    body_bytes: usize,
    body_sum: [u8; 8],
}

impl FrameHeader {
    pub(super) fn sequence(&self) -> u64 {
        self.record.sequence.0
    }
}

/// A whole frame inside a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    /// Head and body.
    pub(super) bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes`, if a whole and undamaged one is there.
    #[cfg(test)]
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        Self::behind(decode_head(bytes)?, bytes)
    }

    /// The frame at the start of `bytes`, whose header was decoded there.
    pub(super) fn behind(header: FrameHeader, bytes: &'a [u8]) -> Option<Self> {
        let body = bytes.get(HEAD..HEAD + header.body_bytes)?;
        let whole = sum(body) == header.body_sum;
        whole.then(|| Self { header, bytes: &bytes[..HEAD + header.body_bytes] })
    }

    /// The payload, if the key opens it.
    pub(super) fn open(&self, opener: &Opener) -> Option<Zeroizing<Vec<u8>>> {
        opener.open(&self.bytes[BOUND], self.body())
    }

    /// What was sealed.
    pub(super) fn body(&self) -> &'a [u8] {
        &self.bytes[HEAD..]
    }
}

/// Appends the frame of one record to `out`; on an error `out` is as it was.
pub(super) fn encode(
    record: RecordHeader,
    skipped: u64,
    payload: &[u8],
    sealer: &Sealer,
    out: &mut Vec<u8>,
) -> Result<(), KeyError> {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "the length was checked when it was accepted");
    let start = out.len();
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&MARKER);
    head[8..16].copy_from_slice(&record.sequence.0.to_le_bytes());
    head[16..24].copy_from_slice(&skipped.to_le_bytes());
    head[24..40].copy_from_slice(&record.stream.0.to_le_bytes());
    head[40..42].copy_from_slice(&record.kind.0.to_le_bytes());
    out.extend_from_slice(&head);
    if let Err(error) = sealer.seal(&head[BOUND], payload, out) {
        out.truncate(start);
        return Err(error);
    }
    let body = &out[start + HEAD..];
    let body_bytes = u32::try_from(body.len()).expect("a payload is far below 4 GiB");
    head[4..8].copy_from_slice(&body_bytes.to_le_bytes());
    head[42..50].copy_from_slice(&sum(body));
    let head_sum = sum(&head[..50]);
    head[50..].copy_from_slice(&head_sum);
    out[start..start + HEAD].copy_from_slice(&head);
    Ok(())
}

/// Where in `bytes` the next undamaged frame header is, from `from` on, and what it says.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<(usize, FrameHeader)> {
    let mut at = from;
    while let Some(step) = bytes.get(at..)?.iter().position(|&byte| byte == MARKER[0]) {
        at += step;
        if let Some(header) = decode_head(&bytes[at..]) {
            return Some((at, header));
        }
        at += 1;
    }
    None
}

/// The first 8 bytes of the BLAKE3 hash: against accidents; the seal is against people.
pub(super) fn sum(bytes: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(bytes);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}

fn decode_head(bytes: &[u8]) -> Option<FrameHeader> {
    let head: &[u8; HEAD] = bytes.first_chunk()?;
    if head[..4] != MARKER || head[50..] != sum(&head[..50]) {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(*head[at..].first_chunk().expect("8 bytes"));
    let stream = u128::from_le_bytes(*head[24..].first_chunk().expect("16 bytes"));
    let body_bytes = u32::from_le_bytes(*head[4..].first_chunk().expect("4 bytes")) as usize;
    let (sequence, skipped) = (number(8), number(16));
    // A sequence of 0 or a skip beyond the beginning was never written, nor were so many records.
    if body_bytes > BODY_BYTES_MAX || skipped >= sequence || sequence > SEQUENCE_MAX {
        return None;
    }
    let kind = Kind(u16::from_le_bytes([head[40], head[41]]));
    let record = RecordHeader { sequence: Sequence(sequence), stream: StreamId(stream), kind };
    let body_sum = *head[42..].first_chunk().expect("8 bytes");
    Some(FrameHeader { record, skipped, body_bytes, body_sum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::{SimDisk, SplitMix};
    use crate::keys::{Profile, Protection};

    #[test]
    fn any_flip_is_noticed_and_garbage_is_no_frame() {
        let disk = SimDisk::new(1);
        let dir = std::path::Path::new("p");
        let profile = Profile::create(&disk, dir, Protection::Unprotected).unwrap();
        let record = RecordHeader { sequence: Sequence(9), stream: StreamId(7), kind: Kind(3) };
        let mut bytes = Vec::new();
        encode(record, 4, b"payload", &profile.sealer("log"), &mut bytes).unwrap();
        let frame = Frame::decode(&bytes).unwrap();
        assert_eq!((frame.header.record, frame.header.skipped), (record, 4));
        assert_eq!(**frame.open(&profile.opener("log")).unwrap(), *b"payload");
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(Frame::decode(&bad).is_none(), "bit {at}");
        }
        let mut random = SplitMix::new(1);
        let noise: Vec<u8> = (0..100_000).map(|_| random.next_u64() as u8).collect();
        assert!(find(&noise, 0).is_none());
        let both = [&noise[..], &bytes, &noise].concat();
        assert_eq!(find(&both, 0).unwrap().0, noise.len());
    }
}
