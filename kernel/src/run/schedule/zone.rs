//! What a minute is called where the machine is.

use super::cron::{LocalTime, Zone};

/// The time zone of the machine, as the system has it: on Unix what `TZ` or `/etc/localtime` say,
/// on Windows its setting. A change of it counts from the next time on.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalZone;

#[cfg(unix)]
impl Zone for LocalZone {
    fn local(&self, minute: i64) -> LocalTime {
        unsafe extern "C" {
            /// Reads the zone's file again if it has changed. The `libc` crate lacks it on some
            /// systems; POSIX has it on all.
            fn tzset();
        }
        let seconds: libc::time_t = minute.saturating_mul(60);
        // SAFETY: zeros are a valid `tm`, and both places outlive the call, which writes to the
        // second alone. `tzset` takes nothing; like every reader of the environment it relies on
        // nobody setting variables beside it, which Rust calls unsafe where that is done.
        let (time, known) = unsafe {
            tzset();
            let mut time: libc::tm = std::mem::zeroed();
            let known = libc::localtime_r(&seconds, &mut time);
            (time, !known.is_null())
        };
        if !known {
            return super::cron::utc(minute);
        }
        LocalTime {
            year: time.tm_year.saturating_add(1900),
            month: time.tm_mon as u8 + 1,
            day: time.tm_mday as u8,
            hour: time.tm_hour as u8,
            minute: time.tm_min as u8,
            weekday: time.tm_wday as u8,
        }
    }
}

#[cfg(windows)]
impl Zone for LocalZone {
    fn local(&self, minute: i64) -> LocalTime {
        use windows_sys::Win32::Foundation::SYSTEMTIME;
        use windows_sys::Win32::System::Time::SystemTimeToTzSpecificLocalTimeEx;

        let name = super::cron::utc(minute);
        let as_system = |it: LocalTime| {
            // Windows' calendar begins in 1601.
            let year = u16::try_from(it.year).ok().filter(|year| (1601..30_000).contains(year))?;
            Some(SYSTEMTIME {
                wYear: year,
                wMonth: it.month.into(),
                wDayOfWeek: it.weekday.into(),
                wDay: it.day.into(),
                wHour: it.hour.into(),
                wMinute: it.minute.into(),
                wSecond: 0,
                wMilliseconds: 0,
            })
        };
        let Some(utc) = as_system(name) else { return name };
        // SAFETY: zeros are a valid SYSTEMTIME, both places outlive the call, and no zone at all
        // stands for the current one.
        let local = unsafe {
            let mut local: SYSTEMTIME = std::mem::zeroed();
            let done = SystemTimeToTzSpecificLocalTimeEx(std::ptr::null(), &utc, &mut local);
            (done != 0).then_some(local)
        };
        let Some(local) = local else { return name };
        LocalTime {
            year: local.wYear.into(),
            month: local.wMonth as u8,
            day: local.wDay as u8,
            hour: local.wHour as u8,
            minute: local.wMinute as u8,
            weekday: local.wDayOfWeek as u8,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A zone is a property of the process, so the test starts itself again in each.
    #[test]
    fn minutes_have_the_names_that_the_zone_gives_them() {
        let name = "run::schedule::zone::tests::minutes_have_the_names_that_the_zone_gives_them";
        // 2026-03-29 01:00 and 2026-10-25 01:00 in UTC, when the clocks of Berlin change.
        const SPRING: i64 = 29_579_100;
        const AUTUMN: i64 = 29_881_500;
        let zones = [
            ("UTC0", [(29, 0, 59), (29, 1, 0), (25, 0, 59), (25, 1, 0)]),
            ("CET-1CEST,M3.5.0,M10.5.0/3", [(29, 1, 59), (29, 3, 0), (25, 2, 59), (25, 2, 0)]),
            ("<+0545>-5:45", [(29, 6, 44), (29, 6, 45), (25, 6, 44), (25, 6, 45)]),
        ];
        if let Ok(number) = std::env::var("HEARTH_ZONE_CHILD") {
            let (_, expected) = zones[number.parse::<usize>().unwrap()];
            for (minute, name) in [SPRING - 1, SPRING, AUTUMN - 1, AUTUMN].iter().zip(expected) {
                let local = LocalZone.local(*minute);
                assert_eq!((local.day, local.hour, local.minute), name, "{local:?}");
                assert_eq!((local.year, local.weekday), (2026, 0));
            }
            return;
        }
        for (number, (zone, _)) in zones.iter().enumerate() {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", name]).env("TZ", zone);
            let output = child.env("HEARTH_ZONE_CHILD", number.to_string()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && said.contains("1 passed"), "{zone}: {said}");
        }
    }
}
