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

/// The machine that this runs on. What a system does not say here is [`Known::Unknown`]: whether
/// its network is metered none does, as each keeps that behind a bus or objects of its own; how hot
/// it is Linux alone does, in degrees.
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
        Snapshot { idle, on_mains, cpu_percent: cpu_percent().into(), ..Snapshot::unknown() }
    }
}

/// How much of the CPUs was in use since the last look; the first has nothing to compare with.
#[cfg(target_os = "windows")]
fn cpu_percent() -> Option<f32> {
    use windows_sys::Win32::Foundation::FILETIME;
    use windows_sys::Win32::System::Threading::GetSystemTimes;

    /// Idle and all time of the last look, in steps of 100 ns.
    static LAST: Mutex<Option<(u64, u64)>> = Mutex::new(None);

    // SAFETY: zeros are valid FILETIMEs, which the call fills and which outlive it.
    let times = unsafe {
        let [mut idle, mut kernel, mut user]: [FILETIME; 3] = std::mem::zeroed();
        let done = GetSystemTimes(&mut idle, &mut kernel, &mut user);
        (done != 0).then_some([idle, kernel, user])
    };
    let number = |it: FILETIME| u64::from(it.dwHighDateTime) << 32 | u64::from(it.dwLowDateTime);
    let [idle, kernel, user] = times?.map(number);
    // The kernel's time has the idle time in it.
    let now = (idle, kernel + user);
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).replace(now)?;
    let (idle, all) = (now.0.checked_sub(last.0)?, now.1.checked_sub(last.1)?);
    (all > 0).then(|| (all.saturating_sub(idle) as f64 / all as f64 * 100.0) as f32)
}

#[cfg(target_os = "macos")]
impl MachineState for ThisMachine {
    fn look(&self, idle: Duration) -> Snapshot {
        let of_all = macos::idle().unwrap_or(idle);
        Snapshot {
            idle: Known::Is(of_all.min(idle)),
            on_mains: macos::on_mains().into(),
            cpu_percent: load_percent().into(),
            ..Snapshot::unknown()
        }
    }
}

#[cfg(target_os = "macos")]
mod macos {
    use std::ffi::{CStr, c_char, c_void};
    use std::time::Duration;

    #[link(name = "CoreGraphics", kind = "framework")]
    unsafe extern "C" {
        fn CGEventSourceSecondsSinceLastEventType(state: i32, event: u32) -> f64;
    }

    #[link(name = "IOKit", kind = "framework")]
    unsafe extern "C" {
        fn IOPSCopyPowerSourcesInfo() -> *const c_void;
        fn IOPSGetProvidingPowerSourceType(info: *const c_void) -> *const c_void;
    }

    #[link(name = "CoreFoundation", kind = "framework")]
    unsafe extern "C" {
        fn CFStringGetCString(
            text: *const c_void,
            buffer: *mut c_char,
            bytes: isize,
            encoding: u32,
        ) -> u8;
        fn CFRelease(object: *const c_void);
    }

    /// `kCGEventSourceStateCombinedSessionState`: all input of this session.
    const SESSION: i32 = 0;
    /// `kCGAnyInputEventType`.
    const ANY_INPUT: u32 = u32::MAX;
    /// `kCFStringEncodingUTF8`.
    const UTF_8: u32 = 0x0800_0100;

    /// How long nobody has touched a key or a mouse, in any program.
    pub(super) fn idle() -> Option<Duration> {
        // SAFETY: the call takes numbers and gives one.
        let seconds = unsafe { CGEventSourceSecondsSinceLastEventType(SESSION, ANY_INPUT) };
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Whether the power comes from mains: the system names what provides it.
    pub(super) fn on_mains() -> Option<bool> {
        let mut buffer: [c_char; 64] = [0; 64];
        // SAFETY: what is copied is released once; the type belongs to it and is read before; the
        // text is written within the buffer's length, with a zero at its end.
        let is_text = unsafe {
            let info = IOPSCopyPowerSourcesInfo();
            if info.is_null() {
                return None;
            }
            let kind = IOPSGetProvidingPowerSourceType(info);
            let is_text = !kind.is_null()
                && CFStringGetCString(kind, buffer.as_mut_ptr(), buffer.len() as isize, UTF_8) != 0;
            CFRelease(info);
            is_text
        };
        // SAFETY: the buffer ends with a zero, and outlives the text.
        let kind = is_text.then(|| unsafe { CStr::from_ptr(buffer.as_ptr()) })?;
        match kind.to_bytes() {
            b"AC Power" => Some(true),
            b"Battery Power" | b"UPS Power" => Some(false),
            _ => None,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
impl MachineState for ThisMachine {
    fn look(&self, idle: Duration) -> Snapshot {
        let cpu_percent = load_percent().into();
        Snapshot { idle: Known::Is(idle), cpu_percent, ..Snapshot::unknown() }
    }
}

/// The load of the last minute over the CPUs that there are.
#[cfg(not(any(target_os = "linux", target_os = "windows")))]
fn load_percent() -> Option<f32> {
    let mut loads = [0.0; 3];
    // SAFETY: there is room for the three numbers that are asked for.
    let some = unsafe { libc::getloadavg(loads.as_mut_ptr(), 3) };
    let cpus = std::thread::available_parallelism().ok().filter(|_| some > 0)?;
    Some((loads[0] / cpus.get() as f64 * 100.0).min(100.0) as f32)
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
