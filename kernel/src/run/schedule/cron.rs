//! Times that come again: the five fields of cron.
//!
//! Time is stepped minute by minute of the steady calendar (UTC), and each is asked what it is
//! called here. So a minute that the clocks leave out is not met. One that they show twice is met
//! twice: [`CronMemory`] lets only the first count, unless the time is one of every hour.

use std::fmt;
use std::str::FromStr;

/// A minute's name on the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 is Sunday.
    pub weekday: u8,
}

/// A time zone: what a minute is called here.
pub trait Zone {
    /// What the minute is called, counted from the beginning of 1970 in UTC.
    fn local(&self, minute: i64) -> LocalTime;
}

/// Minute, hour, day of the month, month and day of the week. When both days are given, either
/// will do, as cron has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_hour: bool,
    any_day: bool,
    any_weekday: bool,
}

/// Which field of a cron line is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError(String);

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CronError {}

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = &fields[..] else {
            let many = fields.len();
            return Err(CronError(format!("a time has five fields, this one has {many}")));
        };
        let weekday = field("the day of the week", weekdays, 0, 7)?;
        Ok(Self {
            minutes: field("the minute", minutes, 0, 59)?,
            hours: field("the hour", hours, 0, 23)?,
            days: field("the day", days, 1, 31)?,
            months: field("the month", months, 1, 12)?,
            // Sunday is 0 and 7.
            weekdays: (weekday | weekday >> 7) & 0x7f,
            any_hour: hours.starts_with('*'),
            any_day: days == "*",
            any_weekday: weekdays == "*",
        })
    }
}

/// One bit for each number: `*`, `5`, `1-5`, any of them with `/step`, and lists of those.
fn field(name: &str, text: &str, min: u64, max: u64) -> Result<u64, CronError> {
    let wrong = || CronError(format!("{name} \"{text}\" is not within {min} to {max}"));
    let number = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|it| is_plain && (min..=max).contains(it));
        number.ok_or_else(wrong)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse::<u64>().ok().filter(|&it| it > 0).ok_or_else(wrong)?)
            }
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((first, last)) => (number(first)?, number(last)?),
            None if part.contains('/') => (number(range)?, max),
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return Err(wrong());
        }
        let mut at = first;
        while at <= last {
            bits |= 1 << at;
            at = at.saturating_add(step);
        }
    }
    Ok(bits)
}

impl Cron {
    /// Whether a minute of that name is one of its times.
    #[must_use]
    pub fn is_at(&self, time: LocalTime) -> bool {
        let has = |bits: u64, number: u8| bits >> number & 1 == 1;
        let (day, weekday) = (has(self.days, time.day), has(self.weekdays, time.weekday));
        let is_day = match (self.any_day, self.any_weekday) {
            (false, false) => day || weekday,
            _ => day && weekday,
        };
        has(self.minutes, time.minute)
            && has(self.hours, time.hour)
            && has(self.months, time.month)
            && is_day
    }
}

/// How far back a time that was missed is looked for, in minutes: a week.
const BACK_MINUTES_MAX: i64 = 7 * 24 * 60;

/// What was looked at already, for one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CronMemory {
    minute: i64,
    last: Option<LocalTime>,
}

impl CronMemory {
    /// Nothing before or in `minute` counts.
    #[must_use]
    pub fn new(minute: i64) -> Self {
        Self { minute, last: None }
    }

    /// Whether a time has come since this was asked last: however many were missed, it is one. A
    /// clock that jumps back starts anew from there and makes nothing due.
    pub fn is_due(&mut self, cron: &Cron, zone: &dyn Zone, now: i64) -> bool {
        let first = self.minute.saturating_add(1).max(now.saturating_sub(BACK_MINUTES_MAX));
        if now < self.minute {
            self.last = None;
        }
        self.minute = now;
        let mut is_due = false;
        for minute in first..=now {
            let time = zone.local(minute);
            let is_new = cron.any_hour || self.last.is_none_or(|last| last < time);
            if cron.is_at(time) && is_new {
                is_due = true;
                self.last = Some(time);
            }
        }
        is_due
    }
}

/// What a minute is called in UTC, by Howard Hinnant's `civil_from_days`.
pub(super) fn utc(minute: i64) -> LocalTime {
    let (days, rest) = (minute.div_euclid(1440), minute.rem_euclid(1440));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    LocalTime {
        year: (yoe + era * 400 + i64::from(month <= 2)) as i32,
        month: month as u8,
        day: (doy - (153 * mp + 2) / 5 + 1) as u8,
        hour: (rest / 60) as u8,
        minute: (rest % 60) as u8,
        weekday: (days + 4).rem_euclid(7) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    /// Central European time around the two nights of 2026, by offsets alone.
    struct Berlin;

    /// 2026-03-29 01:00 and 2026-10-25 01:00, in UTC.
    const SPRING: i64 = 29_579_100;
    const AUTUMN: i64 = 29_881_500;

    impl Zone for Berlin {
        fn local(&self, minute: i64) -> LocalTime {
            let is_summer = (SPRING..AUTUMN).contains(&minute);
            utc(minute + if is_summer { 120 } else { 60 })
        }
    }

    fn count(cron: &str, from: i64, to: i64) -> usize {
        let cron: Cron = cron.parse().unwrap();
        let mut memory = CronMemory::new(from - 1);
        (from..to).filter(|&minute| memory.is_due(&cron, &Berlin, minute)).count()
    }

    #[test]
    fn nights_of_changing_clocks() {
        let before = |minute| Berlin.local(minute - 1);
        assert_eq!((before(SPRING).day, before(SPRING).hour, before(SPRING).weekday), (29, 1, 0));
        assert_eq!((Berlin.local(SPRING).hour, Berlin.local(AUTUMN).hour), (3, 2));
        assert_eq!(count("30 2 * * *", SPRING - 600, SPRING + 600), 0, "there is no half past two");
        assert_eq!(count("30 2 * * *", AUTUMN - 600, AUTUMN + 600), 1, "there are two");
        assert_eq!(count("0,30 2 * * *", AUTUMN - 600, AUTUMN + 600), 2);
        assert_eq!(count("0 * * * *", AUTUMN - 600, AUTUMN + 600), 20, "every hour is met");
        assert_eq!(count("30 3 * * *", SPRING - 600, SPRING + 600), 1);
    }

    #[test]
    fn what_was_missed_comes_once_and_jumps_harm_nothing() {
        let cron: Cron = "*/5 * * * *".parse().unwrap();
        let year = 365 * 24 * 60;
        let mut memory = CronMemory::new(SPRING);
        assert!(!memory.is_due(&cron, &Berlin, SPRING), "this minute is over");
        assert!(memory.is_due(&cron, &Berlin, SPRING + 600), "many were missed");
        assert!(!memory.is_due(&cron, &Berlin, SPRING + 601));
        assert!(memory.is_due(&cron, &Berlin, SPRING + year));
        assert!(!memory.is_due(&cron, &Berlin, SPRING + year));
        assert!(!memory.is_due(&cron, &Berlin, SPRING + 602), "back again");
        assert!(memory.is_due(&cron, &Berlin, SPRING + 605), "and it goes on");
    }

    #[test]
    fn fields_are_read_or_named() {
        assert_eq!("0 0 * * 7".parse::<Cron>(), "0 0 * * 0".parse());
        assert_eq!("1-5 * * * *".parse::<Cron>(), "1,2,3,4,5 * * * *".parse());
        assert_eq!("*/20 * * * *".parse::<Cron>(), "0,20,40 * * * *".parse());
        let error = "0 24 * * *".parse::<Cron>().unwrap_err().to_string();
        assert_eq!(error, "the hour \"24\" is not within 0 to 23");
        let either: Cron = "0 0 13 * 5".parse().unwrap();
        let friday = LocalTime { year: 2026, month: 2, day: 6, hour: 0, minute: 0, weekday: 5 };
        assert!(either.is_at(friday) && !either.is_at(LocalTime { weekday: 4, ..friday }));
        let mut random = SplitMix::new(4);
        for _ in 0..20_000 {
            let mut text = b"*/5 1-4,9 * 2 0-7/2".to_vec();
            for _ in 0..=random.below(3) {
                let at = random.below(text.len() as u64) as usize;
                text[at] = b"0123456789*/-, x\xff"[random.below(17) as usize];
            }
            if let Ok(cron) = String::from_utf8_lossy(&text).parse::<Cron>() {
                let all = [cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays];
                assert!(all.iter().all(|&bits| bits != 0), "a field that no time has");
            }
        }
    }
}
