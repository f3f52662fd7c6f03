//! How the machine is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// What a machine may say or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// It is so.
    Is(T),
    /// It does not say.
    Unknown,
}

impl<T> From<Option<T>> for Known<T> {
    fn from(it: Option<T>) -> Self {
        it.map_or(Self::Unknown, Self::Is)
    }
}

/// The machine at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// How long nobody has touched a key.
    pub idle: Known<Duration>,
    /// Whether it runs on mains.
    pub on_mains: Known<bool>,
    /// How much of the CPU is wanted: by pressure where the system gives it, in percent.
    pub cpu_percent: Known<f32>,
    /// The hottest part, in degrees Celsius.
    pub celsius: Known<f32>,
    /// Whether the network is paid by what is moved.
    pub metered: Known<bool>,
}

impl Snapshot {
    /// Nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            idle: Known::Unknown,
            on_mains: Known::Unknown,
            cpu_percent: Known::Unknown,
            celsius: Known::Unknown,
            metered: Known::Unknown,
        }
    }
}

/// Says how the machine is. `idle` is what the editor knows of its own keys; a system that knows
/// of all keys may say less.
pub trait MachineState: Send + Sync {
    /// Looks now. It may read files, and is not for the UI thread.
    fn look(&self, idle: Duration) -> Snapshot;
}

/// A machine that is as a test says.
#[derive(Debug)]
pub struct ScriptedMachine(Mutex<Snapshot>);

impl ScriptedMachine {
    /// It is so.
    #[must_use]
    pub fn new(state: Snapshot) -> Self {
        Self(Mutex::new(state))
    }

    /// It is so from now on.
    pub fn set(&self, state: Snapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl MachineState for ScriptedMachine {
    fn look(&self, _idle: Duration) -> Snapshot {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine that this runs on. Linux says all but whether its network is metered; what other
/// systems do not say here is [`Known::Unknown`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

/// Part of `/proc/pressure/cpu`: how much of the last ten seconds something waited for a CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// In percent.
    pub some_10_s: f32,
}

impl Pressure {
    /// Reads the kernel's text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
        let average = line.split(' ').find_map(|part| part.strip_prefix("avg10="))?;
        let some_10_s = average.parse().ok().filter(|it| (0.0..=100.0).contains(it))?;
        Some(Self { some_10_s })
    }
}

#[cfg(target_os = "linux")]
impl MachineState for ThisMachine {
    fn look(&self, idle: Duration) -> Snapshot {
        linux::look(std::path::Path::new("/"), idle)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::{Known, Pressure, Snapshot};

    pub(super) fn look(root: &Path, idle: Duration) -> Snapshot {
        Snapshot {
            idle: Known::Is(idle),
            on_mains: on_mains(&root.join("sys/class/power_supply")).into(),
            cpu_percent: cpu(root).into(),
            celsius: celsius(&root.join("sys/class/thermal")).into(),
            metered: Known::Unknown,
        }
    }

    fn read(path: &Path) -> Option<String> {
        Some(fs::read_to_string(path).ok()?.trim().to_owned())
    }

    /// On mains when a supply of that kind is online, or there is no battery at all.
    fn on_mains(dir: &Path) -> Option<bool> {
        let mut has_battery = false;
        // A machine that does not have the class cannot tell.
        let supplies = fs::read_dir(dir).ok()?;
        for supply in supplies.flatten() {
            let path = supply.path();
            // A mouse has a battery, too.
            if read(&path.join("scope")).as_deref() == Some("Device") {
                continue;
            }
            match read(&path.join("type")).as_deref() {
                Some("Battery") => has_battery = true,
                Some(_) if read(&path.join("online")).as_deref() == Some("1") => return Some(true),
                _ => {}
            }
        }
        Some(!has_battery)
    }

    fn cpu(root: &Path) -> Option<f32> {
        let pressure = read(&root.join("proc/pressure/cpu"));
        if let Some(pressure) = pressure.as_deref().and_then(Pressure::parse) {
            return Some(pressure.some_10_s);
        }
        // Without pressure: the load of the last minute, over the CPUs that there are.
        let load = read(&root.join("proc/loadavg"))?;
        let load: f32 = load.split(' ').next()?.parse().ok()?;
        let cpus = std::thread::available_parallelism().ok()?.get();
        Some((load / cpus as f32 * 100.0).min(100.0))
    }

    fn celsius(dir: &Path) -> Option<f32> {
        let zones = fs::read_dir(dir).ok()?.flatten();
        let degrees = zones.filter_map(|zone| read(&zone.path().join("temp"))?.parse::<f32>().ok());
        degrees.map(|thousandths| thousandths / 1000.0).reduce(f32::max)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn files_of_the_kernel_are_understood() {
            let root = tempfile::tempdir().unwrap();
            let put = |path: &str, text: &str| {
                let path = root.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            };
            let look = || look(root.path(), Duration::ZERO);
            assert_eq!(look().on_mains, Known::Unknown);
            put("sys/class/power_supply/mouse/type", "Battery\n");
            put("sys/class/power_supply/mouse/scope", "Device\n");
            assert_eq!(look().on_mains, Known::Is(true));
            put("sys/class/power_supply/BAT0/type", "Battery\n");
            assert_eq!(look().on_mains, Known::Is(false));
            put("sys/class/power_supply/AC/type", "Mains\n");
            put("sys/class/power_supply/AC/online", "1\n");
            assert_eq!(look().on_mains, Known::Is(true));
            put("proc/loadavg", "0.00 0.01 0.05 1/100 5\n");
            assert_eq!(look().cpu_percent, Known::Is(0.0));
            put("proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.00 total=9\n");
            assert_eq!(look().cpu_percent, Known::Is(12.5));
            put("sys/class/thermal/thermal_zone0/temp", "45000\n");
            put("sys/class/thermal/thermal_zone1/temp", "61500\n");
            assert_eq!(look().celsius, Known::Is(61.5));
        }
    }
}

#[cfg(target_os = "windows")]
impl MachineState for ThisMachine {
    fn look(&self, idle: Duration) -> Snapshot {
        use windows_sys::Win32::System::Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS};
        use windows_sys::Win32::System::SystemInformation::GetTickCount;
        use windows_sys::Win32::UI::Input::KeyboardAndMouse::{GetLastInputInfo, LASTINPUTINFO};

        // SAFETY: zeros are valid values of both, the calls fill them, and they outlive the calls.
        let (power, input, now) = unsafe {
            let mut power: SYSTEM_POWER_STATUS = std::mem::zeroed();
            let mut input: LASTINPUTINFO = std::mem::zeroed();
            input.cbSize = size_of::<LASTINPUTINFO>() as u32;
            let has_power = GetSystemPowerStatus(&mut power) != 0;
            let has_input = GetLastInputInfo(&mut input) != 0;
            (has_power.then_some(power), has_input.then_some(input), GetTickCount())
        };
        let of_all = input.map(|it| Duration::from_millis(now.wrapping_sub(it.dwTime).into()));
        let on_mains = match power.map(|it| it.ACLineStatus) {
            Some(0) => Known::Is(false),
            Some(1) => Known::Is(true),
            _ => Known::Unknown,
        };
        let idle = Known::Is(of_all.unwrap_or(idle).min(idle));
        Snapshot { idle, on_mains, ..Snapshot::unknown() }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "windows")))]
impl MachineState for ThisMachine {
    fn look(&self, idle: Duration) -> Snapshot {
        let mut loads = [0.0; 3];
        // SAFETY: there is room for the three numbers that are asked for.
        let some = unsafe { libc::getloadavg(loads.as_mut_ptr(), 3) };
        let cpus = std::thread::available_parallelism().ok().filter(|_| some > 0);
        let percent = |cpus: std::num::NonZero<usize>| {
            (loads[0] / cpus.get() as f64 * 100.0).min(100.0) as f32
        };
        let cpu_percent = cpus.map(percent).into();
        Snapshot { idle: Known::Is(idle), cpu_percent, ..Snapshot::unknown() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    #[test]
    fn pressure_is_read_or_refused() {
        let text = "some avg10=1.25 avg60=0.1 avg300=0.0 total=1\nfull avg10=0.00";
        assert_eq!(Pressure::parse(text), Some(Pressure { some_10_s: 1.25 }));
        let mut random = SplitMix::new(5);
        for _ in 0..2000 {
            let mut bytes = text.as_bytes().to_vec();
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next_u64() as u8;
            if let Some(it) = Pressure::parse(&String::from_utf8_lossy(&bytes)) {
                assert!((0.0..=100.0).contains(&it.some_10_s));
            }
        }
    }

    #[test]
    fn this_machine_answers() {
        let state = ThisMachine.look(Duration::from_secs(3));
        assert!(matches!(state.cpu_percent, Known::Is(0.0..=100.0)), "{state:?}");
    }
}
