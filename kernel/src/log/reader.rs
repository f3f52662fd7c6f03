//! Replay: every record once, in order, whatever happened to the disk.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::frame::{Frame, FrameHeader};
use super::segment::{self, Segment, SegmentName};
use super::{Damage, DamageKind, Kind, LogError, Record, RecordHeader, Report, Sequence};
use crate::disk::Disk;
use crate::keys::Opener;

/// Reads a log, while it is being written too. Clones share the lock against compaction.
#[derive(Clone)]
pub struct LogReader {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    /// Held for writing while files are taken away.
    pub(super) layout: Arc<RwLock<()>>,
    /// The newest segment as it was found on opening, for the first replay: nobody writes to it any
    /// more, and reading it again would cost a start as much as the first time.
    pub(super) newest: Arc<Mutex<Option<Segment>>>,
}

impl fmt::Debug for LogReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogReader({})", self.dir.display())
    }
}

impl LogReader {
    /// Reads the log in `dir` beside whatever process writes it, and changes nothing. That process
    /// may take files away meanwhile: damage that is met then may be none.
    #[must_use]
    pub fn beside(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        let (layout, newest) = (Arc::default(), Arc::default());
        Self { disk, dir: dir.to_owned(), layout, newest }
    }

    /// Goes through every record and hands none over: all of them are counted, and opened where
    /// there is an opener. The end of the newest segment may be one that is being written.
    ///
    /// # Errors
    /// As [`LogReader::replay`].
    pub fn survey(&self, opener: Option<&Opener>) -> Result<Report, LogError> {
        let _layout = self.layout.read().unwrap_or_else(PoisonError::into_inner);
        let segments = segment::list(&*self.disk, &self.dir)?.segments;
        let mut report = Report::default();
        let places = Places { disk: &*self.disk, dir: &self.dir, known: None };
        let begin = Begin { last: 0, ceiling: u64::MAX };
        walk(places, &segments, begin, &mut |step| match step {
            Step::Damage(damage, _) => report.add(damage),
            Step::Frame(frame) if frame.header.record.kind == Kind::DROPPED => {}
            Step::Frame(frame) => match opener.map(|opener| frame.open(opener)) {
                Some(None) => report.add(frame.unopenable()),
                Some(Some(_)) | None => report.records += 1,
            },
        })?;
        Ok(report)
    }

    /// Hands over every record that `wanted` asks for, in order. It reads files and opens seals:
    /// not for the UI thread. Damage costs the damaged records alone and stands in the report.
    ///
    /// # Errors
    /// When the folder cannot be listed, or a later Hearth wrote a segment.
    pub fn replay(
        &self,
        opener: &Opener,
        wanted: impl Fn(&RecordHeader) -> bool,
        each: impl FnMut(Record),
    ) -> Result<Report, LogError> {
        self.replay_between(opener, Sequence(1)..=Sequence(u64::MAX), wanted, each)
    }

    /// [`LogReader::replay`] of the records in `between` alone. Segments that hold none of them
    /// are not read beyond their headers, and their damage is not told.
    ///
    /// # Errors
    /// As [`LogReader::replay`].
    pub fn replay_between(
        &self,
        opener: &Opener,
        between: RangeInclusive<Sequence>,
        wanted: impl Fn(&RecordHeader) -> bool,
        mut each: impl FnMut(Record),
    ) -> Result<Report, LogError> {
        let _layout = self.layout.read().unwrap_or_else(PoisonError::into_inner);
        let segments = segment::list(&*self.disk, &self.dir)?.segments;
        let (segments, begin) = holding(&*self.disk, &self.dir, segments, &between);
        let mut report = Report::default();
        let mut records = 0;
        let mut sound = Vec::new();
        let known = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let places = Places { disk: &*self.disk, dir: &self.dir, known };
        walk(places, &segments, begin, &mut |step| match step {
            Step::Damage(damage, _) => sound.push(damage),
            Step::Frame(frame) => {
                let header = frame.header.record;
                let is_inside = between.contains(&header.sequence);
                if !is_inside || header.kind == Kind::DROPPED || !wanted(&header) {
                    return;
                }
                match frame.open(opener) {
                    Some(payload) => {
                        records += 1;
                        each(Record { header, payload });
                    }
                    None => sound.push(frame.unopenable()),
                }
            }
        })?;
        report.records = records;
        for damage in sound {
            report.add(damage);
        }
        Ok(report)
    }
}

/// The segments that can hold records of `between`, and where their walk begins.
fn holding(
    disk: &dyn Disk,
    dir: &Path,
    mut segments: Vec<SegmentName>,
    between: &RangeInclusive<Sequence>,
) -> (Vec<SegmentName>, Begin) {
    let header = |name: &SegmentName| Segment::header_of(disk, dir, *name);
    let mut begin = Begin { last: 0, ceiling: u64::MAX };
    // Nothing is left out of a replay of everything.
    if between.start().0 > 1 {
        // What lies before such a segment and is above was voided by it. Its base alone would not
        // do: the power may have taken the copies that it was begun with.
        let is_behind = |name: &SegmentName| {
            header(name).is_some_and(|header| header.begun_after < *between.start())
        };
        begin.last = between.start().0 - 1;
        segments.drain(..segments.iter().rposition(is_behind).unwrap_or(0));
    }
    if between.end().0 < u64::MAX {
        let beyond =
            |name: &SegmentName| header(name).is_some_and(|header| header.base >= *between.end());
        let end = segments.iter().position(beyond).unwrap_or(segments.len());
        for name in &segments[end..] {
            begin.ceiling = begin.ceiling.min(header(name).map_or(u64::MAX, |it| it.begun_after.0));
        }
        segments.truncate(end);
    }
    (segments, begin)
}

/// What a walk knows before its first segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// Records up to here lie before it.
    pub(super) last: u64,
    /// What is above was voided by a segment behind these.
    pub(super) ceiling: u64,
}

/// A frame and where it was found.
pub(super) struct Found<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) segment: SegmentName,
    pub(super) offset: usize,
}

impl Found<'_> {
    pub(super) fn unopenable(&self) -> Damage {
        Damage {
            segment: self.segment.to_string(),
            offset: self.offset as u64,
            bytes: self.frame.bytes.len() as u64,
            what: DamageKind::Unopenable(self.frame.header.record.sequence),
        }
    }
}

impl<'a> std::ops::Deref for Found<'a> {
    type Target = Frame<'a>;

    fn deref(&self) -> &Frame<'a> {
        &self.frame
    }
}

/// What a walk meets.
pub(super) enum Step<'a> {
    /// Damage, with its bytes where there are any.
    Damage(Damage, &'a [u8]),
    /// The next frame in the order of sequences.
    Frame(Found<'a>),
}

/// Frames that wait because the next segment repeats or continues them.
type Waiting = BTreeMap<u64, (SegmentName, usize, FrameHeader, Vec<u8>)>;

/// Where segments come from.
pub(super) struct Places<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) dir: &'a Path,
    /// One that is in memory already.
    pub(super) known: Option<Segment>,
}

/// Goes through `segments` in the order of sequences, each sequence once.
///
/// After a failed sync the same records stand in several segments, and in the first ones perhaps
/// not whole: so a frame that is not below all that the next segment can hold waits for it.
pub(super) fn walk(
    mut places: Places<'_>,
    segments: &[SegmentName],
    begin: Begin,
    each: &mut dyn FnMut(Step<'_>),
) -> Result<(), LogError> {
    let ceilings = ceilings(places.disk, places.dir, segments, begin.ceiling);
    let mut waiting = Waiting::new();
    let mut last = begin.last;
    let mut durable = 0;
    let mut names = segments.iter();
    let mut next = load_next(&mut places, &mut names, each)?;
    while let Some(segment) = next {
        next = load_next(&mut places, &mut names, each)?;
        // A next segment that does not say where it begins makes everything wait for it.
        let until = match &next {
            Some(next) => next.header.map_or(0, |header| header.base.0 + 1),
            None => u64::MAX,
        };
        durable = durable.max(segment.header.map_or(0, |header| header.durable.0));
        tell_damage(&segment, next.is_none(), each);
        let ceiling = ceilings[&segment.name];
        merge(&segment, ceiling, until, &mut waiting, &mut last, each);
    }
    // A segment that was begun when more was durable knows of records that are gone.
    if durable > last {
        let segment = segments.last().map(ToString::to_string).unwrap_or_default();
        let what = DamageKind::Missing(last + 1..=durable);
        each(Step::Damage(Damage { segment, offset: 0, bytes: 0, what }, &[]));
    }
    Ok(())
}

/// Above which sequence the frames of each segment were voided by a later one.
fn ceilings(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[SegmentName],
    mut ceiling: u64,
) -> BTreeMap<SegmentName, u64> {
    let mut ceilings = BTreeMap::new();
    for &name in segments.iter().rev() {
        ceilings.insert(name, ceiling);
        let header = Segment::header_of(disk, dir, name);
        ceiling = ceiling.min(header.map_or(u64::MAX, |header| header.begun_after.0));
    }
    ceilings
}

/// The next segment that can be read at all.
fn load_next<'n>(
    places: &mut Places<'_>,
    names: &mut impl Iterator<Item = &'n SegmentName>,
    each: &mut dyn FnMut(Step<'_>),
) -> Result<Option<Segment>, LogError> {
    for &name in names {
        if let Some(segment) = places.known.take_if(|segment| segment.name == name) {
            return Ok(Some(segment));
        }
        match Segment::load(places.disk, places.dir, name)? {
            Ok(segment) if segment.is_blank() => {}
            Ok(segment) => return Ok(Some(segment)),
            Err(damage) => each(Step::Damage(damage, &[])),
        }
    }
    Ok(None)
}

fn tell_damage(segment: &Segment, is_newest: bool, each: &mut dyn FnMut(Step<'_>)) {
    let mut tell = |range: &Range<usize>, what| {
        each(Step::Damage(segment.damage(range, what), &segment.bytes[range.clone()]));
    };
    // The newest one may be in the middle of its first write.
    if segment.header.is_none() && !(is_newest && segment.frames.is_empty()) {
        tell(&(0..segment::HEADER.min(segment.bytes.len())), DamageKind::SegmentHeader);
    }
    for hole in &segment.holes {
        tell(hole, DamageKind::Unreadable);
    }
    // The newest tail was cut and told when the log was opened, or is being written now.
    if !is_newest && !segment.tail.is_empty() {
        tell(&segment.tail, DamageKind::Unreadable);
    }
    let mut highest = 0;
    for (header, range) in &segment.frames {
        if header.sequence() < highest {
            tell(range, DamageKind::Reordered(Sequence(header.sequence())));
        }
        highest = highest.max(header.sequence());
    }
}

/// Hands over what is below `until`, from `segment` and from what waits; the rest waits.
fn merge(
    segment: &Segment,
    ceiling: u64,
    until: u64,
    waiting: &mut Waiting,
    last: &mut u64,
    each: &mut dyn FnMut(Step<'_>),
) {
    let mut order: Vec<_> = segment.frames_up_to(ceiling).cloned().collect();
    order.sort_by_key(|(header, _)| header.sequence());
    let mut hand_over = |name: SegmentName, offset: usize, header: FrameHeader, bytes: &[u8]| {
        let frame = Frame { header, bytes };
        let sequence = header.sequence();
        if sequence <= *last {
            return;
        }
        let claimed = sequence - header.skipped;
        if claimed > *last + 1 {
            let what = DamageKind::Missing(*last + 1..=claimed - 1);
            let (segment, offset) = (name.to_string(), offset as u64);
            each(Step::Damage(Damage { segment, offset, bytes: 0, what }, &[]));
        }
        each(Step::Frame(Found { frame, segment: name, offset }));
        *last = sequence;
    };
    for (header, range) in order {
        // The newest copy counts: an older one may be of a write that failed and came back.
        waiting.remove(&header.sequence());
        while let Some(entry) = waiting.first_entry() {
            if *entry.key() > header.sequence() || *entry.key() >= until {
                break;
            }
            let (name, offset, header, bytes) = entry.remove();
            hand_over(name, offset, header, &bytes);
        }
        let bytes = &segment.bytes[range.clone()];
        if header.sequence() < until {
            hand_over(segment.name, range.start, header, bytes);
        } else {
            let place = (segment.name, range.start, header, bytes.to_vec());
            waiting.insert(header.sequence(), place);
        }
    }
    while let Some(entry) = waiting.first_entry() {
        if *entry.key() >= until {
            break;
        }
        let (name, offset, header, bytes) = entry.remove();
        hand_over(name, offset, header, &bytes);
    }
}
