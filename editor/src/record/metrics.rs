//! Latencies and memory over the runs on this machine, and the bytes that they are kept as.
//!
//! What is counted belongs to a period of a month; what is answered covers the present one and the
//! one before, so that old figures do not hide new ones.
//!
//! Bytes, version 1, little-endian: [`MAGIC`], the version (u16), the present period, the one
//! before, and the BLAKE3 of all before. A period is when it began (u64, milliseconds since 1970),
//! starts (u32), the measures and the stalls. These two are a count (u16) and as many of: a name
//! (its length, u8), sum and max (u64), filled buckets (u16), and for each its number (u16) and its
//! count (u64), ascending.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::histogram::{BUCKETS, Figures, Live};

const MAGIC: &[u8; 16] = b"hearth metrics\0\n";
const VERSION: u16 = 1;
const HASH_BYTES: usize = 32;

/// A period is over after thirty days.
const PERIOD_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Measures, and causes of stalls, that are told apart: more would not be bounded.
const NAMES_MAX: usize = 64;

/// Stands for the causes beyond that.
const OTHERS: &str = "other causes";

/// What is measured. A name carries its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// From an input to the frame that shows it.
    InputToPresent,
    /// CPU time of the UI thread for that.
    UiCpu,
    /// One frame, from its layout to the screen.
    Frame,
    /// One write of the journal.
    JournalWrite,
    /// One sync of the journal.
    JournalSync,
    /// From the start to what was open being there again.
    Restore,
    /// From asking for a file to its first screen.
    Open,
    /// What lies in memory.
    Resident,
}

impl Measure {
    /// All of them, in the order that they are told.
    const ALL: [Self; 8] = [
        Self::InputToPresent,
        Self::UiCpu,
        Self::Frame,
        Self::JournalWrite,
        Self::JournalSync,
        Self::Restore,
        Self::Open,
        Self::Resident,
    ];

    /// Its name in the file and in `app.metrics`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InputToPresent => "input_to_present_us",
            Self::UiCpu => "ui_cpu_us",
            Self::Frame => "frame_us",
            Self::JournalWrite => "journal_write_us",
            Self::JournalSync => "journal_sync_us",
            Self::Restore => "restore_us",
            Self::Open => "open_us",
            Self::Resident => "resident_kib",
        }
    }
}

/// What this process has counted and nobody has taken yet.
static LIVE: [Live; Measure::ALL.len()] = [const { Live::new() }; Measure::ALL.len()];

/// Counts a value. It waits for nobody.
pub(super) fn count(measure: Measure, value: u64) {
    LIVE[measure as usize].count(value);
}

/// A time as it is counted.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What was counted in the last two periods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    present: Period,
    before: Period,
}

/// What was counted in a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Period {
    /// When it began, in milliseconds since 1970; 0 for one that never was.
    since_ms: u64,
    /// Processes that counted.
    starts: u32,
    measures: BTreeMap<String, Figures>,
    stalls: BTreeMap<String, Figures>,
}

/// Why bytes are no metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A later Hearth wrote them.
    Newer,
    /// They are not what was written.
    Damaged,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Newer => "was written by a later Hearth",
            Self::Damaged => "is damaged",
        })
    }
}

impl Metrics {
    /// Nothing counted, from now on.
    pub(super) fn begin(now_ms: u64) -> Self {
        let present = Period { since_ms: now_ms, ..Period::default() };
        Self { present, before: Period::default() }
    }

    /// One more process counts.
    pub(super) fn started(&mut self) {
        self.present.starts = self.present.starts.saturating_add(1);
    }

    /// Begins another period when the present one is over. A clock that went back begins none.
    pub(super) fn turn(&mut self, now_ms: u64) {
        self.present.since_ms = self.present.since_ms.min(now_ms);
        if now_ms - self.present.since_ms > PERIOD_MS {
            let next = Self::begin(now_ms);
            self.before = std::mem::replace(self, next).present;
        }
    }

    /// Takes what this process has counted since the last time.
    pub(super) fn take(&mut self) {
        for measure in Measure::ALL {
            let figures = self.present.measures.entry(measure.name().to_owned()).or_default();
            LIVE[measure as usize].take_into(figures);
        }
    }

    /// Counts a stall.
    pub(super) fn stalled(&mut self, time: Duration, cause: &str) {
        let stalls = &mut self.present.stalls;
        let cause = &cause[..cause.floor_char_boundary(usize::from(u8::MAX))];
        let is_known = stalls.contains_key(cause) || stalls.len() + 1 < NAMES_MAX;
        let name = if is_known { cause } else { OTHERS };
        stalls.entry(name.to_owned()).or_default().count(micros(time));
    }

    /// Both periods in one.
    fn both(&self) -> Period {
        let Self { present, before } = self;
        let is_first = before.since_ms == 0;
        Period {
            since_ms: if is_first { present.since_ms } else { before.since_ms },
            starts: present.starts.saturating_add(before.starts),
            measures: joined(&present.measures, &before.measures),
            stalls: joined(&present.stalls, &before.stalls),
        }
    }

    /// Of all values of a measure the one that `share` do not pass.
    pub fn quantile(&self, measure: Measure, share: f64) -> Option<u64> {
        self.both().measures.get(measure.name())?.quantile(share)
    }

    /// The greatest value of a measure; 0 where there is none.
    pub fn max(&self, measure: Measure) -> u64 {
        self.both().measures.get(measure.name()).map_or(0, |figures| figures.max)
    }

    /// How many stalls there were, and what caused most of them.
    pub fn stalls(&self) -> (u64, Option<String>) {
        let stalls = self.both().stalls;
        let total = stalls.values().fold(0_u64, |sum, one| sum.saturating_add(one.total()));
        let most = stalls.into_iter().max_by_key(|(_, figures)| figures.total());
        (total, most.map(|(cause, _)| cause))
    }

    /// When counting began, in milliseconds since 1970, and how many processes have counted.
    pub fn span(&self) -> (u64, u32) {
        let both = self.both();
        (both.since_ms, both.starts)
    }

    /// As `app.metrics` answers it: `{"since_ms", "starts", "measures": {name: figures}, "stalls":
    /// {cause: figures in microseconds}}`.
    pub fn to_json(&self) -> Value {
        let both = self.both();
        let told = |of: &BTreeMap<String, Figures>| -> Map<String, Value> {
            of.iter().map(|(name, figures)| (name.clone(), figures.to_json())).collect()
        };
        json!({
            "since_ms": both.since_ms,
            "starts": both.starts,
            "measures": told(&both.measures),
            "stalls": told(&both.stalls),
        })
    }

    /// As it is kept.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        for period in [&self.present, &self.before] {
            bytes.extend(period.since_ms.to_le_bytes());
            bytes.extend(period.starts.to_le_bytes());
            for named in [&period.measures, &period.stalls] {
                bytes.extend((named.len() as u16).to_le_bytes());
                for (name, figures) in named {
                    bytes.push(name.len() as u8);
                    bytes.extend(name.as_bytes());
                    put(figures, &mut bytes);
                }
            }
        }
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// Reads them back.
    ///
    /// # Errors
    /// [`Refused`]; whatever the bytes are, it neither panics nor takes more memory than they do.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Refused::Damaged)?;
        let version = Bytes(rest).u16().ok_or(Refused::Damaged)?;
        if version > VERSION {
            return Err(Refused::Newer);
        }
        let end = bytes.len().checked_sub(HASH_BYTES).ok_or(Refused::Damaged)?;
        let (body, hash) = bytes.split_at(end);
        if version == 0 || blake3::hash(body).as_bytes() != hash {
            return Err(Refused::Damaged);
        }
        let body = body.get(MAGIC.len() + 2..).ok_or(Refused::Damaged)?;
        Self::from_body(Bytes(body)).ok_or(Refused::Damaged)
    }

    fn from_body(mut body: Bytes<'_>) -> Option<Self> {
        let (present, before) = (body.period()?, body.period()?);
        body.0.is_empty().then_some(Self { present, before })
    }
}

/// What stands under a name in either, added up.
fn joined(
    one: &BTreeMap<String, Figures>,
    other: &BTreeMap<String, Figures>,
) -> BTreeMap<String, Figures> {
    let mut both = one.clone();
    for (name, figures) in other {
        both.entry(name.clone()).or_default().join(figures);
    }
    both
}

fn put(figures: &Figures, bytes: &mut Vec<u8>) {
    bytes.extend(figures.sum.to_le_bytes());
    bytes.extend(figures.max.to_le_bytes());
    bytes.extend((figures.filled().count() as u16).to_le_bytes());
    for (bucket, count) in figures.filled() {
        bytes.extend((bucket as u16).to_le_bytes());
        bytes.extend(count.to_le_bytes());
    }
}

/// Bytes that are read from the front; `None` when there are too few, or they make no sense.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn period(&mut self) -> Option<Period> {
        let (since_ms, starts) = (self.u64()?, self.u32()?);
        let (measures, stalls) = (self.named()?, self.named()?);
        Some(Period { since_ms, starts, measures, stalls })
    }

    fn named(&mut self) -> Option<BTreeMap<String, Figures>> {
        let count = usize::from(self.u16()?);
        let mut named = BTreeMap::new();
        for _ in 0..count {
            let len = usize::from(*self.take(1)?.first()?);
            let name = std::str::from_utf8(self.take(len)?).ok()?.to_owned();
            let is_new = named.insert(name, self.figures()?).is_none();
            if !is_new || named.len() > NAMES_MAX {
                return None;
            }
        }
        Some(named)
    }

    fn figures(&mut self) -> Option<Figures> {
        let mut figures = Figures::of(self.u64()?, self.u64()?);
        let mut least = 0;
        for _ in 0..self.u16()? {
            let (bucket, count) = (usize::from(self.u16()?), self.u64()?);
            if bucket < least || bucket >= BUCKETS || count == 0 {
                return None;
            }
            figures.add(bucket, count);
            least = bucket + 1;
        }
        Some(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Metrics {
        let mut metrics = Metrics::begin(1_700_000_000_000);
        metrics.started();
        metrics.take();
        let figures = metrics.present.measures.get_mut(Measure::Frame.name()).unwrap();
        (0..500).for_each(|value| figures.count(value * value));
        metrics.stalled(Duration::from_millis(9), "file.open");
        metrics.stalled(Duration::from_millis(12), "file.open");
        metrics.turn(1_700_000_000_000 + PERIOD_MS + 1);
        metrics.started();
        metrics.stalled(Duration::from_millis(30), "a frame");
        metrics
    }

    /// A generator of Marsaglia's (xorshift, 2003).
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % end as u64) as usize
        }
    }

    fn with_its_hash(mut bytes: Vec<u8>) -> Vec<u8> {
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        bytes
    }

    #[test]
    fn metrics_survive_their_bytes() {
        let metrics = some();
        assert_eq!(Metrics::decode(&metrics.encode()), Ok(metrics.clone()));
        assert_eq!(metrics.stalls(), (3, Some("file.open".to_owned())));
        assert_eq!(metrics.to_json()["stalls"]["file.open"]["count"], 2);
    }

    #[test]
    fn figures_are_let_go_when_they_are_two_periods_old() {
        let mut metrics = some();
        let (since_ms, starts) = metrics.span();
        assert_eq!((since_ms, starts), (1_700_000_000_000, 2));
        assert_eq!(metrics.quantile(Measure::Frame, 1.0), Some(249_001));
        // A clock that goes back, and then on.
        metrics.turn(1_000);
        assert_eq!(metrics.stalls().0, 3);
        metrics.turn(1_000 + PERIOD_MS);
        assert_eq!(metrics.stalls().0, 3);
        metrics.turn(2_000 + PERIOD_MS);
        assert_eq!(metrics.stalls(), (1, Some("a frame".to_owned())));
        assert_eq!(metrics.quantile(Measure::Frame, 1.0), None);
        metrics.turn(u64::MAX);
        assert_eq!(metrics.stalls(), (0, None));
    }

    #[test]
    fn causes_are_bounded() {
        let mut metrics = Metrics::default();
        for number in 0..1000 {
            metrics.stalled(Duration::from_millis(9), &format!("cause {number}"));
        }
        assert_eq!(metrics.present.stalls.len(), NAMES_MAX);
        assert_eq!(metrics.stalls(), (1000, Some(OTHERS.to_owned())));
        assert_eq!(Metrics::decode(&metrics.encode()), Ok(metrics));
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = some().encode();
        bytes[MAGIC.len()] = 2;
        assert_eq!(Metrics::decode(&bytes), Err(Refused::Newer));
        let whole = some().encode();
        for len in 0..whole.len() {
            assert_eq!(Metrics::decode(&whole[..len]), Err(Refused::Damaged), "{len}");
        }
        for at in (0..whole.len()).filter(|at| !(MAGIC.len()..MAGIC.len() + 2).contains(at)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert_eq!(Metrics::decode(&bytes), Err(Refused::Damaged), "{at}");
        }
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics() {
        let mut random = Random(0x5eed_1234_5678_9abc);
        let whole = some().encode();
        let body = &whole[..whole.len() - HASH_BYTES];
        let mut read = 0;
        for _ in 0..40_000 {
            // Of a hash that fits, so that what lies behind it is met.
            let mut bytes = body.to_vec();
            for _ in 0..1 + random.below(6) {
                let at = MAGIC.len() + 2 + random.below(bytes.len() - MAGIC.len() - 2);
                match random.below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, random.below(256) as u8),
                    _ => bytes[at] = random.below(256) as u8,
                }
                if bytes.len() <= MAGIC.len() + 2 {
                    break;
                }
            }
            if let Ok(metrics) = Metrics::decode(&with_its_hash(bytes)) {
                read += 1;
                let again = Metrics::decode(&metrics.encode());
                assert_eq!(again.as_ref(), Ok(&metrics));
                metrics.to_json();
            }
            let noise: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
            assert!(Metrics::decode(&noise).is_err());
        }
        assert!(read > 100, "only {read} were read: this tests nothing");
    }
}
