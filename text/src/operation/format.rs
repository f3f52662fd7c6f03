//! The bytes of an operation, version 1.
//!
//! | field | bytes |
//! |---|---|
//! | version | `1` |
//! | flags | bit 0: deletion; bit 1: chained (see below); the others are 0 |
//! | author | 16 |
//! | sequence | number |
//! | parents, unless chained | count, then author and sequence of each, ascending |
//! | group | number: the sequence less the group's number |
//! | cause | 1; for undo (9) and redo (10) author and number of the group |
//! | position | number |
//! | text of an insertion | bytes as a number, then UTF-8 |
//! | length of a deletion | number |
//!
//! A number is a little-endian base-128 varint in its shortest form. *Chained* means that the
//! only parent is the author's previous character, and it must be used where that is so. There is
//! one way to write each operation, so equal operations are equal bytes. Decoding allocates what
//! the input holds, never what it claims.

use std::fmt;

use smallvec::SmallVec;

use super::{
    Cause, GroupId, MAX_NUMBER, MAX_PARENTS, MAX_TEXT_BYTES, Operation, OperationId, OperationKind,
};
use crate::author::Author;
use crate::position::{CharOffset, CharRange};

/// The version that is written. An older reader refuses a newer version whole.
pub const VERSION: u8 = 1;

const DELETION: u8 = 1;
const CHAINED: u8 = 2;
const UNDO: u8 = 9;
const REDO: u8 = 10;

/// Why bytes are not an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too early.
    Truncated,
    /// They are of a version that this program does not know.
    Version(u8),
    /// A number, count or length is above its limit.
    Limit,
    /// They are not in the one form that is allowed.
    NotCanonical,
    /// The text is not UTF-8.
    NotUtf8,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Truncated => write!(f, "an operation's record ends too early"),
            DecodeError::Version(version) => {
                write!(f, "an operation's record has version {version}; this program reads 1")
            }
            DecodeError::Limit => write!(f, "a number in an operation's record is too large"),
            DecodeError::NotCanonical => write!(f, "an operation's record is not canonical"),
            DecodeError::NotUtf8 => write!(f, "the text of an operation's record is not UTF-8"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl Operation {
    /// Appends its record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let chained = self.is_chained();
        let deletion = matches!(self.kind, OperationKind::Delete { .. });
        out.extend([VERSION, u8::from(deletion) * DELETION + u8::from(chained) * CHAINED]);
        put_id(out, self.id);
        if !chained {
            put_number(out, self.parents.len() as u64);
            self.parents.iter().for_each(|parent| put_id(out, *parent));
        }
        put_number(out, self.id.sequence - self.group);
        put_cause(out, self.cause);
        match &self.kind {
            OperationKind::Insert { at, text } => {
                put_number(out, at.0 as u64);
                put_number(out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            OperationKind::Delete { range } => {
                put_number(out, range.start.0 as u64);
                put_number(out, range.len() as u64);
            }
        }
    }

    /// Its record.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        self.encode(&mut out);
        out
    }

    /// Reads one operation from the front of `bytes`; also says how many bytes it took.
    pub fn decode(bytes: &[u8]) -> Result<(Operation, usize), DecodeError> {
        let mut input = Input { rest: bytes };
        let operation = read(&mut input)?;
        Ok((operation, bytes.len() - input.rest.len()))
    }

    /// Whether it lies within the limits that its record can express.
    pub(crate) fn is_well_formed(&self) -> bool {
        let sorted = self.parents.windows(2).all(|pair| pair[0] < pair[1]);
        let body = match &self.kind {
            OperationKind::Insert { at, text } => {
                at.0 as u64 <= MAX_NUMBER && !text.is_empty() && text.len() <= MAX_TEXT_BYTES
            }
            OperationKind::Delete { range } => {
                range.start < range.end && range.end.0 as u64 <= MAX_NUMBER
            }
        };
        let cause = match self.cause {
            Cause::Other(code) => code > REDO,
            Cause::Undo { of } | Cause::Redo { of } => of.number <= MAX_NUMBER,
            _ => true,
        };
        body && cause
            && sorted
            && (1..=MAX_PARENTS).contains(&self.parents.len())
            && self.parents.iter().all(|parent| parent.sequence <= MAX_NUMBER)
            && self.id.sequence <= MAX_NUMBER
            && self.group <= self.id.sequence
    }
}

fn read(input: &mut Input<'_>) -> Result<Operation, DecodeError> {
    let version = input.byte()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let flags = input.byte()?;
    if flags & !(DELETION | CHAINED) != 0 {
        return Err(DecodeError::NotCanonical);
    }
    let id = input.id()?;
    let parents = read_parents(input, id, flags & CHAINED != 0)?;
    let back = input.number()?;
    let group = id.sequence.checked_sub(back).ok_or(DecodeError::NotCanonical)?;
    let cause = read_cause(input)?;
    let at = CharOffset(input.number()? as usize);
    let kind = if flags & DELETION != 0 {
        let end = at.0 as u64 + input.number()?;
        if end > MAX_NUMBER {
            return Err(DecodeError::Limit);
        }
        OperationKind::Delete { range: CharRange { start: at, end: CharOffset(end as usize) } }
    } else {
        let length = input.number()?;
        if length > MAX_TEXT_BYTES as u64 {
            return Err(DecodeError::Limit);
        }
        let text = std::str::from_utf8(input.take(length as usize)?);
        OperationKind::Insert { at, text: text.map_err(|_| DecodeError::NotUtf8)?.into() }
    };
    let operation = Operation { id, parents, kind, group, cause };
    let chained_as_flagged = operation.is_chained() == (flags & CHAINED != 0);
    match operation.is_well_formed() && chained_as_flagged {
        true => Ok(operation),
        false => Err(DecodeError::NotCanonical),
    }
}

fn read_parents(
    input: &mut Input<'_>,
    id: OperationId,
    chained: bool,
) -> Result<SmallVec<[OperationId; 1]>, DecodeError> {
    let mut parents = SmallVec::new();
    if chained {
        let sequence = id.sequence.checked_sub(1).ok_or(DecodeError::NotCanonical)?;
        parents.push(OperationId { author: id.author, sequence });
        return Ok(parents);
    }
    let count = input.number()?;
    if count > MAX_PARENTS as u64 {
        return Err(DecodeError::Limit);
    }
    for _ in 0..count {
        parents.push(input.id()?);
    }
    Ok(parents)
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_id(out: &mut Vec<u8>, id: OperationId) {
    out.extend_from_slice(&id.author.to_bytes());
    put_number(out, id.sequence);
}

fn put_cause(out: &mut Vec<u8>, cause: Cause) {
    let code = match cause {
        Cause::Typed => 1,
        Cause::Pasted => 2,
        Cause::Command => 3,
        Cause::Completed => 4,
        Cause::Suggested => 5,
        Cause::Formatted => 6,
        Cause::Outside => 7,
        Cause::Agent => 8,
        Cause::Undo { .. } => UNDO,
        Cause::Redo { .. } => REDO,
        Cause::Other(code) => code,
    };
    out.push(code);
    if let Cause::Undo { of } | Cause::Redo { of } = cause {
        put_id(out, OperationId { author: of.author, sequence: of.number });
    }
}

fn read_cause(input: &mut Input<'_>) -> Result<Cause, DecodeError> {
    let code = input.byte()?;
    let group = |input: &mut Input<'_>| {
        input.id().map(|id| GroupId { author: id.author, number: id.sequence })
    };
    Ok(match code {
        0 => return Err(DecodeError::NotCanonical),
        1 => Cause::Typed,
        2 => Cause::Pasted,
        3 => Cause::Command,
        4 => Cause::Completed,
        5 => Cause::Suggested,
        6 => Cause::Formatted,
        7 => Cause::Outside,
        8 => Cause::Agent,
        UNDO => Cause::Undo { of: group(input)? },
        REDO => Cause::Redo { of: group(input)? },
        other => Cause::Other(other),
    })
}

/// What is left to read.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0u64;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { within(number) } else { Err(DecodeError::NotCanonical) };
            }
            if shift > 42 {
                break;
            }
        }
        Err(DecodeError::Limit)
    }

    fn id(&mut self) -> Result<OperationId, DecodeError> {
        let mut author = [0; 16];
        author.copy_from_slice(self.take(16)?);
        Ok(OperationId { author: Author::from_bytes(author), sequence: self.number()? })
    }
}

fn within(number: u64) -> Result<u64, DecodeError> {
    if number <= MAX_NUMBER { Ok(number) } else { Err(DecodeError::Limit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;
    use smallvec::smallvec;

    fn id(author: u8, sequence: u64) -> OperationId {
        OperationId { author: Author::from_bytes([author; 16]), sequence }
    }

    fn group(author: u8, number: u64) -> GroupId {
        GroupId { author: Author::from_bytes([author; 16]), number }
    }

    fn typed() -> Operation {
        Operation {
            id: id(1, 300),
            parents: smallvec![id(1, 299)],
            kind: OperationKind::Insert { at: CharOffset(70_000), text: "é𝄞\n".into() },
            group: 295,
            cause: Cause::Typed,
        }
    }

    fn taken_back() -> Operation {
        Operation {
            id: id(2, 0),
            parents: smallvec![id(0, 7), id(1, 302)],
            kind: OperationKind::Delete {
                range: CharRange { start: CharOffset(5), end: CharOffset(140) },
            },
            group: 0,
            cause: Cause::Undo { of: group(1, 295) },
        }
    }

    #[test]
    fn records_are_the_pinned_bytes() {
        let later = Operation { cause: Cause::Other(200), ..typed() };
        let golden: [(Operation, &[u8]); 3] = [
            (typed(), include_bytes!("../../golden/operation-1-insert.bin")),
            (taken_back(), include_bytes!("../../golden/operation-1-undo.bin")),
            (later, include_bytes!("../../golden/operation-1-unknown-cause.bin")),
        ];
        for (operation, bytes) in golden {
            assert_eq!(operation.to_bytes(), bytes, "{operation:?}");
            assert_eq!(Operation::decode(bytes), Ok((operation, bytes.len())));
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = typed().to_bytes();
        bytes[0] = 2;
        assert_eq!(Operation::decode(&bytes), Err(DecodeError::Version(2)));
    }

    #[test]
    fn every_prefix_is_truncated_and_claims_allocate_nothing() {
        let bytes = taken_back().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Operation::decode(&bytes[..end]), Err(DecodeError::Truncated));
        }
        let mut claims = typed().to_bytes();
        let text = claims.len() - "é𝄞\n".len() - 1;
        claims.splice(text..text + 1, [0xff, 0xff, 0x3f]);
        assert_eq!(Operation::decode(&claims), Err(DecodeError::Truncated));
        claims.splice(text..text + 3, [0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(Operation::decode(&claims), Err(DecodeError::Limit));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes() {
        let mut random = Seeded::new(11);
        let seeds = [typed().to_bytes(), taken_back().to_bytes()];
        let (mut decoded, mut refused) = (0, 0);
        for _ in 0..100_000 {
            let mut bytes = random.pick(&seeds).clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes[at] ^= 1 << random.below(8),
                    2 => bytes.insert(at, random.next() as u8),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            match Operation::decode(&bytes) {
                Ok((operation, length)) => {
                    decoded += 1;
                    assert_eq!(operation.to_bytes(), &bytes[..length]);
                }
                Err(_) => refused += 1,
            }
        }
        assert!(decoded > 1_000 && refused > 1_000, "{decoded} decoded, {refused} refused");
    }

    #[test]
    fn noise_is_never_more_than_an_error() {
        let mut random = Seeded::new(12);
        for _ in 0..50_000 {
            let mut noise: Vec<u8> = (0..random.below(80)).map(|_| random.next() as u8).collect();
            if let [version, flags, ..] = noise.as_mut_slice() {
                (*version, *flags) = (VERSION, *flags & 3);
            }
            if let Ok((operation, length)) = Operation::decode(&noise) {
                assert_eq!(operation.to_bytes(), &noise[..length]);
            }
        }
    }
}
