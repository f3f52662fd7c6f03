//! An entry and its bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version, 1 |
//! | 8 | time, in milliseconds since 1970 |
//! | 16 | trace |
//! | 1 | decision |
//! | 1 + | actor: its kind; a device and a hub have 32 bytes of key, an agent and a pack a name |
//! | 1 + | action: length, id |
//! | 1 + | rule: length, name; 0 for none |
//! | 1 + | subject: 0, or 1 and 32 bytes |
//! | 1 + | evidence: how many, 32 bytes each |
//!
//! Numbers are little-endian. There is one encoding of an entry, and a decoder that takes no other.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::principal::{ActionId, DeviceId, Name, Principal};

/// Hashes of evidence that one entry can have.
pub const EVIDENCE_MAX: usize = 16;

/// No entry is longer, in bytes.
pub(super) const ENTRY_BYTES_MAX: usize = 1024;

const VERSION: u8 = 1;

/// What was decided or done, by whom, and what shows it. Every field is of a closed grammar or a
/// hash: there is no room for text of a person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, by this machine's clock.
    pub time: Time,
    /// What it was a part of.
    pub trace: TraceId,
    /// Who.
    pub actor: Principal,
    /// Did, or asked to do, what.
    pub action: ActionId,
    /// To what, as [`crate::ledger::SubjectKeys::subject`] hashes it.
    pub subject: Option<SubjectHash>,
    /// What came of it.
    pub decision: Decision,
    /// The rule that decided.
    pub rule: Option<Name>,
    /// What it rests on; at most [`EVIDENCE_MAX`].
    pub evidence: Vec<EvidenceHash>,
}

/// What came of a request, or what happened without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Decision {
    /// The gate denied it.
    Denied = 0,
    /// The gate asked a person.
    Asked = 1,
    /// The gate allowed it with obligations.
    AllowedWith = 2,
    /// The gate allowed it.
    Allowed = 3,
    /// A person approved it.
    Approved = 4,
    /// A person refused it.
    Refused = 5,
    /// It was begun.
    Started = 6,
    /// It was done.
    Done = 7,
    /// It failed.
    Failed = 8,
    /// It was stopped.
    Stopped = 9,
    /// Something was put in the place of its predecessor.
    Promoted = 10,
    /// The predecessor was put back.
    RolledBack = 11,
    /// It was noted.
    Noted = 12,
}

impl Decision {
    const ALL: [Self; 13] = [
        Self::Denied,
        Self::Asked,
        Self::AllowedWith,
        Self::Allowed,
        Self::Approved,
        Self::Refused,
        Self::Started,
        Self::Done,
        Self::Failed,
        Self::Stopped,
        Self::Promoted,
        Self::RolledBack,
        Self::Noted,
    ];

    /// The word in an export.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Asked => "asked",
            Self::AllowedWith => "allowed_with",
            Self::Allowed => "allowed",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Noted => "noted",
        }
    }
}

/// Milliseconds since 1970, by a clock that may have been wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// What the clock says.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What the entries, log lines and spans of one undertaking have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

macro_rules! hash_of {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

hash_of!(
    /// What an entry is about: a keyed hash, so that who has an export cannot try paths or names.
    SubjectHash
);

hash_of!(
    /// BLAKE3 of what shows that an entry is so: of an object, or of sealed bytes.
    EvidenceHash
);

impl Entry {
    /// Appends its bytes to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&self.trace.0.to_le_bytes());
        out.push(self.decision as u8);
        match &self.actor {
            Principal::Owner => out.push(0),
            Principal::Device(id) => out.extend([&[1][..], &id.0].concat()),
            Principal::Hub(id) => out.extend([&[2][..], &id.0].concat()),
            Principal::Agent(name) => {
                out.push(3);
                text(name.as_str(), out);
            }
            Principal::Pack(name) => {
                out.push(4);
                text(name.as_str(), out);
            }
            Principal::Trainer => out.push(5),
            Principal::Client => out.push(6),
        }
        text(self.action.as_str(), out);
        text(self.rule.as_ref().map_or("", Name::as_str), out);
        out.push(u8::from(self.subject.is_some()));
        out.extend_from_slice(self.subject.as_ref().map_or(&[], |subject| &subject.0));
        assert!(self.evidence.len() <= EVIDENCE_MAX, "it was counted when it was appended");
        out.push(self.evidence.len() as u8);
        self.evidence.iter().for_each(|hash| out.extend_from_slice(&hash.0));
    }

    /// The entry whose bytes these are; `None` when they are not exactly one's.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        if bytes.byte()? != VERSION {
            return None;
        }
        let time = Time(u64::from_le_bytes(bytes.take()?));
        let trace = TraceId(u128::from_le_bytes(bytes.take()?));
        let decision = *Decision::ALL.get(usize::from(bytes.byte()?))?;
        let actor = match bytes.byte()? {
            0 => Principal::Owner,
            1 => Principal::Device(DeviceId(bytes.take()?)),
            2 => Principal::Hub(DeviceId(bytes.take()?)),
            3 => Principal::Agent(Name::new(bytes.text()?).ok()?),
            4 => Principal::Pack(Name::new(bytes.text()?).ok()?),
            5 => Principal::Trainer,
            6 => Principal::Client,
            _ => return None,
        };
        let action = ActionId::new(bytes.text()?).ok()?;
        let rule = match bytes.text()? {
            "" => None,
            rule => Some(Name::new(rule).ok()?),
        };
        let subject = match bytes.byte()? {
            0 => None,
            1 => Some(SubjectHash(bytes.take()?)),
            _ => return None,
        };
        let count = usize::from(bytes.byte()?);
        if count > EVIDENCE_MAX {
            return None;
        }
        let evidence: Option<_> = (0..count).map(|_| bytes.take().map(EvidenceHash)).collect();
        let evidence = evidence?;
        bytes.0.is_empty().then_some(Self {
            time,
            trace,
            actor,
            action,
            subject,
            decision,
            rule,
            evidence,
        })
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("a name has at most 64 bytes"));
    out.extend_from_slice(text.as_bytes());
}

/// Bytes that are taken from the front.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = usize::from(self.byte()?);
        std::str::from_utf8(self.slice(len)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    fn entry() -> Entry {
        Entry {
            time: Time(1_790_000_000_000),
            trace: TraceId(0x0102_0304),
            actor: "agent:code-review".parse().unwrap(),
            action: ActionId::new("file.write").unwrap(),
            subject: Some(SubjectHash([0xaa; 32])),
            decision: Decision::Denied,
            rule: Some(Name::new("no-secrets").unwrap()),
            evidence: vec![EvidenceHash([0xbb; 32])],
        }
    }

    fn bytes(entry: &Entry) -> Vec<u8> {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        bytes
    }

    #[test]
    fn the_bytes_are_pinned() {
        let hex: String = bytes(&entry()).iter().map(|byte| format!("{byte:02x}")).collect();
        let (a, b) = ("aa".repeat(32), "bb".repeat(32));
        let golden = [
            "01",
            "006c50c4a0010000",
            "04030201000000000000000000000000",
            "00",
            "030b636f64652d726576696577",
            "0a66696c652e7772697465",
            "0a6e6f2d73656372657473",
            "01",
            &a,
            "01",
            &b,
        ];
        assert_eq!(hex, golden.concat());
        assert_eq!(Entry::decode(&bytes(&entry())), Some(entry()));
    }

    #[test]
    fn the_longest_entry_is_within_the_limit() {
        let long = Name::new(&["a2345678901234567890"; 3].join("-")).unwrap();
        let mut entry = entry();
        entry.actor = Principal::Agent(long.clone());
        entry.rule = Some(long);
        entry.action = ActionId::new(&format!("{}.{}", "n".repeat(20), "v".repeat(20))).unwrap();
        entry.evidence = vec![EvidenceHash([1; 32]); EVIDENCE_MAX];
        let bytes = bytes(&entry);
        assert!(bytes.len() <= ENTRY_BYTES_MAX);
        assert_eq!(Entry::decode(&bytes), Some(entry));
    }

    #[test]
    fn a_forged_entry_is_refused_or_encodes_to_itself() {
        let (good, mut random) = (bytes(&entry()), SplitMix::new(7));
        for end in 0..good.len() {
            assert_eq!(Entry::decode(&good[..end]), None);
        }
        assert_eq!(Entry::decode(&[&good[..], &[0]].concat()), None);
        for _ in 0..200_000 {
            let mut bad = good.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bad.len() as u64) as usize;
                bad[at] = random.next_u64() as u8;
            }
            if random.once_in(4) {
                bad.truncate(random.below(bad.len() as u64) as usize);
            }
            if let Some(entry) = Entry::decode(&bad) {
                assert_eq!(bytes(&entry), bad);
            }
        }
    }
}
