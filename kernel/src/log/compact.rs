//! Dropping records that nobody wants any more.
//!
//! Closed segments are taken in groups of neighbours whose files together fit one segment. What is
//! kept of a group is written to a new file, synced and renamed to a name that supersedes the
//! group; only then the old files go. Each kept frame says how many before it were dropped, under
//! its seal, so that a record that somebody else took away is still missed.

use std::io;
use std::path::Path;
use std::sync::PoisonError;

use super::reader::{Begin, Found, Places, Step, walk};
use super::segment::{self, Segment, SegmentHeader, SegmentName};
use super::{
    Damage, DamageKind, Kind, LogError, LogOptions, LogReader, RecordHeader, Report, Sequence,
    StreamId, frame,
};
use crate::disk::{self, Disk};
use crate::keys::{Opener, Sealer};

/// What a compaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Records that were dropped.
    pub dropped: u64,
    /// Segment files before and after.
    pub segments_before: usize,
    /// See `segments_before`.
    pub segments_after: usize,
    /// Damage that was met; its bytes were put aside, and it is not told again.
    pub report: Report,
}

/// A run of neighbours that is rewritten in one piece.
struct Group {
    names: Vec<SegmentName>,
    bytes: usize,
    /// The lowest sequence that it can hold.
    first: u64,
    /// The highest in it or before it.
    highest: u64,
    /// Higher sequences were voided by the segment behind it.
    ceiling: u64,
}

/// What is kept of a group.
struct Output {
    bytes: Vec<u8>,
    /// What the groups before covered.
    base: u64,
    /// Everything up to here is either in the output or was dropped.
    covered: u64,
    /// The last sequence that was met and not kept.
    dropped_last: Option<u64>,
    dropped: u64,
    /// Whether a single segment would become another.
    is_changed: bool,
}

pub(super) fn compact(
    reader: &LogReader,
    first_open: u64,
    opener: &Opener,
    sealer: &Sealer,
    options: LogOptions,
    keep: &dyn Fn(&RecordHeader) -> bool,
) -> Result<Compacted, LogError> {
    if sealer.is_locked() {
        return Err(LogError::Locked);
    }
    let _layout = reader.layout.write().unwrap_or_else(PoisonError::into_inner);
    let (disk, dir) = (&*reader.disk, reader.dir.as_path());
    let names = segment::list(disk, dir)?.segments;
    let closed = names.iter().filter(|name| name.last < first_open).count();
    let mut done = Compacted { segments_before: closed, ..Compacted::default() };
    let mut covered = 0;
    for group in groups(disk, dir, &names, first_open, options)? {
        let job = Job { disk, dir, opener, sealer, keep };
        let output = job.rewrite(&group, covered, &mut done.report)?;
        covered = output.covered;
        done.segments_after += 1;
        done.dropped += output.dropped;
        if group.names.len() > 1 || output.is_changed {
            job.put(&group, &output)?;
        }
    }
    Ok(done)
}

/// Neighbours that together fit a segment; segments that repeat each other's records stay together.
fn groups(
    disk: &dyn Disk,
    dir: &Path,
    names: &[SegmentName],
    first_open: u64,
    options: LogOptions,
) -> Result<Vec<Group>, LogError> {
    let mut groups: Vec<Group> = Vec::new();
    for &name in names {
        let segment = Segment::load(disk, dir, name)?.map_err(|_| unreadable(dir, name))?;
        if let (Some(last), Some(header)) = (groups.last_mut(), segment.header) {
            last.ceiling = header.begun_after.0;
        }
        if name.last >= first_open {
            break;
        }
        let sequences = segment.frames.iter().map(|(header, _)| header.sequence());
        let base = segment.header.map_or(0, |header| header.base.0);
        groups.push(Group {
            names: vec![name],
            bytes: segment.bytes.len(),
            first: sequences.clone().chain([base + 1]).min().unwrap_or(0),
            highest: sequences.max().unwrap_or(0).max(groups.last().map_or(0, |it| it.highest)),
            ceiling: u64::MAX,
        });
        join(&mut groups, options);
    }
    Ok(groups)
}

/// Joins the last group to the ones before it for as long as there is a reason.
fn join(groups: &mut Vec<Group>, options: LogOptions) {
    while let [.., before, last] = &mut groups[..] {
        let fits = (before.bytes + last.bytes) as u64 <= options.segment_bytes;
        if !fits && last.first > before.highest {
            break;
        }
        before.names.append(&mut last.names);
        before.bytes += last.bytes;
        before.first = before.first.min(last.first);
        before.highest = last.highest;
        before.ceiling = last.ceiling;
        groups.pop();
    }
}

/// It may be readable another day, so nothing is done without it.
fn unreadable(dir: &Path, name: SegmentName) -> LogError {
    let error = io::Error::other("it cannot be read, so that the log cannot be compacted");
    LogError::Disk(dir.join(name.to_string()), error)
}

/// What the rewriting of every group needs.
struct Job<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    opener: &'a Opener,
    sealer: &'a Sealer,
    keep: &'a dyn Fn(&RecordHeader) -> bool,
}

impl Job<'_> {
    fn rewrite(
        &self,
        group: &Group,
        covered: u64,
        report: &mut Report,
    ) -> Result<Output, LogError> {
        let mut output = Output {
            bytes: Vec::new(),
            base: covered,
            covered,
            dropped_last: None,
            dropped: 0,
            is_changed: false,
        };
        let mut failed = None;
        let mut is_first = true;
        let places = Places { disk: self.disk, dir: self.dir, known: None };
        let begin = Begin { last: 0, ceiling: group.ceiling };
        walk(places, &group.names, begin, &mut |step| match step {
            Step::Damage(damage, bytes) if !bytes.is_empty() => {
                self.put_aside(damage, bytes, report, &mut output);
            }
            Step::Damage(damage, _) if damage.what == DamageKind::UnreadableFile => {
                failed.get_or_insert(unreadable(self.dir, group.names[0]));
            }
            Step::Damage(damage, _) if !is_first => {
                report.add(damage);
                output.is_changed = true;
            }
            // A group does not know what the one before it covered.
            Step::Damage(..) => {}
            Step::Frame(found) => {
                is_first = false;
                if let Err(error) = self.take(&found, &mut output, report) {
                    failed.get_or_insert(error);
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        // The end of the range has to stand there, or its absence would be told as a loss.
        if let Some(last) = output.dropped_last.filter(|&last| last > output.covered) {
            let record =
                RecordHeader { sequence: Sequence(last), stream: StreamId(0), kind: Kind::DROPPED };
            let skipped = last - output.covered - 1;
            frame::encode(record, skipped, &[], self.sealer, &mut output.bytes)?;
            output.covered = last;
        }
        Ok(output)
    }

    fn take(
        &self,
        found: &Found<'_>,
        output: &mut Output,
        report: &mut Report,
    ) -> Result<(), LogError> {
        let record = found.header.record;
        let sequence = record.sequence.0;
        if sequence <= output.covered {
            // A copy of what another group holds.
            output.is_changed = true;
            return Ok(());
        }
        let is_placeholder = record.kind == Kind::DROPPED;
        if is_placeholder || !(self.keep)(&record) {
            output.dropped_last = Some(sequence);
            output.dropped += u64::from(!is_placeholder);
            output.is_changed |= !is_placeholder;
            return Ok(());
        }
        let skipped = sequence - output.covered - 1;
        if skipped == found.header.skipped && !self.sealer.would_renew(found.body()) {
            output.bytes.extend_from_slice(found.bytes);
        } else if let Some(payload) = found.open(self.opener) {
            frame::encode(record, skipped, &payload, self.sealer, &mut output.bytes)?;
            output.is_changed = true;
        } else {
            self.put_aside(found.unopenable(), found.bytes, report, output);
            output.dropped_last = Some(sequence);
            return Ok(());
        }
        output.covered = sequence;
        Ok(())
    }

    fn put_aside(&self, damage: Damage, bytes: &[u8], report: &mut Report, output: &mut Output) {
        segment::quarantine(self.disk, self.dir, &damage, bytes);
        report.add(damage);
        output.is_changed = true;
    }

    /// Puts the output in the group's place.
    fn put(&self, group: &Group, output: &Output) -> Result<(), LogError> {
        let (first, last) = (group.names[0], group.names[group.names.len() - 1]);
        let generation = group.names.iter().map(|name| name.generation).max().unwrap_or(0) + 1;
        let name = SegmentName { first: first.first, last: last.last, generation };
        let fresh = self.dir.join("compact.new");
        let wrap = |error| LogError::Disk(fresh.clone(), error);
        let file = disk::create_anew(self.disk, &fresh).map_err(wrap)?;
        let (base, known) = (Sequence(output.base), Sequence(output.covered));
        let header = SegmentHeader { durable: known, base, begun_after: known };
        file.write_all_at(0, &header.encode()).map_err(wrap)?;
        file.write_all_at(segment::HEADER as u64, &output.bytes).map_err(wrap)?;
        file.sync().map_err(wrap)?;
        self.disk.rename(&fresh, &self.dir.join(name.to_string())).map_err(wrap)?;
        // The old files may go only when the new name is there to stay.
        self.disk.sync_dir(self.dir).map_err(wrap)?;
        for old in &group.names {
            // It is superseded for as long as it stays.
            drop(self.disk.remove(&self.dir.join(old.to_string())));
        }
        Ok(())
    }
}
