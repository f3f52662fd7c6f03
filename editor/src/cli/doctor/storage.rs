//! The disk, every record of the log on it, and the objects.

use std::path::Path;
use std::sync::Arc;

use kernel::disk::{Disk, RealDisk};
use kernel::keys::Unlocked;
use kernel::log::{Damage, DamageKind, LogError, LogOptions, LogReader, Report};
use kernel::object::{self, ObjectError, ObjectOptions, ObjectStore};

use super::Check;
use crate::directories::Directories;
use crate::instance;
use crate::journal;

/// Less free space than this is soon none.
const FREE_BYTES_MIN: u64 = 256 << 20;

/// Damaged places that are named one by one.
const NAMED_MAX: usize = 3;

/// How much room there is, and whether the log's reserve is there.
pub(super) fn check_disk(directories: &Directories) -> Check {
    let name = "disk";
    let there = directories.data.ancestors().find(|folder| folder.exists());
    let Some(folder) = there else { return Check::well(name, "nothing is stored yet") };
    let free = match RealDisk.free_space(folder) {
        Ok(free) => free,
        Err(error) => {
            let detail = format!("the free space of {} is not known ({error})", folder.display());
            return Check::well(name, detail);
        }
    };
    let log = directories.log();
    let kept = std::fs::metadata(log.join("reserve")).map_or(0, |found| found.len());
    let wanted = LogOptions::default().reserve_bytes;
    let reserve = match kept {
        kept if kept >= wanted => format!("; {} MB in reserve for typing", kept >> 20),
        0 if !log.exists() => String::new(),
        _ => "; the reserve for typing is used up or not made yet".to_owned(),
    };
    let detail = format!("{} MB free at {}{reserve}", free >> 20, folder.display());
    if free < FREE_BYTES_MIN {
        return Check::ill(name, detail, "free some space: a full disk keeps edits in memory only");
    }
    Check::well(name, detail)
}

/// Goes through every record of the log, and opens it where the profile is open.
pub(super) fn check_log(directories: &Directories, keys: Option<&Unlocked>) -> Check {
    let name = "log";
    let place = directories.log();
    if !place.exists() {
        return Check::well(name, "nothing was written yet");
    }
    let report = match survey(&place, keys) {
        // What runs may have taken a file away under the look: a second one meets it no more.
        Ok(report) if is_damaged(&report) && runs(directories) => survey(&place, keys),
        other => other,
    };
    match report {
        Err(error @ LogError::Newer(_)) => Check::ill(name, error.to_string(), "update Hearth"),
        Err(error) => Check::ill(name, error.to_string(), "check the disk and the folder's rights"),
        Ok(report) => told(&place, &report, keys.is_some()),
    }
}

/// What is damaged of the objects, as far as opening them would tell.
pub(super) fn check_objects(directories: &Directories, keys: Option<&Unlocked>) -> Check {
    let (name, place) = ("objects", directories.objects());
    let Some(keys) = keys.filter(|_| place.exists()) else {
        return Check::well(
            name,
            match place.exists() {
                true => "not looked at: the profile is locked here",
                false => "none yet",
            },
        );
    };
    let look = || {
        let name = ObjectOptions::default().name;
        let mut damage = ObjectStore::survey(&RealDisk, &place, keys, &name)?;
        // What an instance is writing is no damage.
        if runs(directories) {
            damage.retain(|damage| !matches!(damage.what, object::DamageKind::TornTail(..)));
        }
        Ok::<_, ObjectError>(damage)
    };
    let found = match look() {
        Ok(damage) if !damage.is_empty() && runs(directories) => look(),
        other => other,
    };
    match found {
        Err(error @ ObjectError::Newer(_)) => Check::ill(name, error.to_string(), "update Hearth"),
        Err(error) => Check::ill(name, error.to_string(), "check the disk and the folder's rights"),
        Ok(damage) if damage.is_empty() => {
            Check::well(name, format!("{}: what finds them is whole", place.display()))
        }
        Ok(damage) => {
            let places: Vec<String> = damage.iter().take(NAMED_MAX).map(object_damage).collect();
            let count = damage.len();
            Check::ill(
                name,
                format!("{}: {count} damaged places: {}", place.display(), places.join(", ")),
                "`hearth doctor --repair` says which objects are lost and keeps what is whole",
            )
        }
    }
}

fn survey(place: &Path, keys: Option<&Unlocked>) -> Result<Report, LogError> {
    let opener = keys.map(|keys| keys.opener(journal::PURPOSE));
    LogReader::beside(Arc::new(RealDisk), place).survey(opener.as_ref())
}

fn runs(directories: &Directories) -> bool {
    !matches!(instance::find(directories), Ok(None))
}

fn is_damaged(report: &Report) -> bool {
    !report.damage.is_empty()
}

fn told(place: &Path, report: &Report, is_open: bool) -> Check {
    let name = "log";
    let bytes = std::fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
    let bytes = bytes.filter(|entry| entry.path().extension().is_some_and(|end| end == "seg"));
    let bytes: u64 = bytes.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum();
    let how = if is_open { "opened and whole" } else { "whole, as far as a locked profile tells" };
    let records = format!("{} records in {} MB", report.records, bytes.div_ceil(1 << 20));
    if !is_damaged(report) {
        return Check::well(name, format!("{}: {records}, {how}", place.display()));
    }
    let count = report.damage.len() as u64 + report.damage_unlisted;
    let places: Vec<String> = report.damage.iter().take(NAMED_MAX).map(damage).collect();
    let more = count.saturating_sub(places.len() as u64);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Check::ill(
        name,
        format!(
            "{}: {records} are {how}; {count} damaged places: {}{more}",
            place.display(),
            places.join(", ")
        ),
        "what those places held is lost unless a backup has that file; check the disk, then let \
         `hearth doctor --repair` make the rows anew from what is whole",
    )
}

/// One damaged place among the objects, in words.
pub(super) fn object_damage(damage: &object::Damage) -> String {
    use object::DamageKind as Kind;
    let what = match &damage.what {
        Kind::Index => "made anew when it is next opened".to_owned(),
        Kind::PackHeader => "its own header".to_owned(),
        Kind::Unreadable(from, to) => format!("nothing readable from byte {from} to {to}"),
        Kind::TornTail(from, to) => format!("an end that was cut off, from byte {from} to {to}"),
        Kind::Fact(at) => format!("a fact at byte {at} that the key does not open"),
        Kind::Gone => "it is gone".to_owned(),
        Kind::Manifest => "what an object is made of".to_owned(),
        Kind::Object(id) => format!("object {id} cannot be read whole"),
        Kind::Root(_, id) => format!("object {id} is wanted and not there"),
        _ => "something that this version does not know".to_owned(),
    };
    format!("{}: {what}", damage.file)
}

/// One damaged place of the log, in words.
pub(super) fn damage(damage: &Damage) -> String {
    let Damage { segment, offset, bytes, what } = damage;
    let what = match what {
        DamageKind::SegmentHeader => "the file's own header".to_owned(),
        DamageKind::Unreadable => format!("{bytes} bytes that are no record"),
        DamageKind::TornTail => "an end that was cut off".to_owned(),
        DamageKind::Unopenable(_) => "a record that the key does not open".to_owned(),
        DamageKind::Reordered(_) => "a record out of its place".to_owned(),
        DamageKind::Missing(range) => {
            format!("{} records that are nowhere", range.end() - range.start() + 1)
        }
        DamageKind::UnreadableFile => return format!("{segment} cannot be read at all"),
        _ => "something that this version does not know".to_owned(),
    };
    format!("{segment} at byte {offset}: {what}")
}
