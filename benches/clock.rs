//! CPU time and memory, of this thread and of other processes.

use std::fs;
use std::time::Duration;

/// The CPU time that the calling thread has used.
pub fn thread_cpu() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The CPU time that all threads of this process have used, those that have ended included.
pub fn process_cpu_now() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock(which: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that lives through the call, which only writes to it.
    let status = unsafe { libc::clock_gettime(which, &raw mut time) };
    assert_eq!(status, 0, "Linux has CPU clocks for every thread and for the process");
    let seconds = u64::try_from(time.tv_sec).expect("CPU time is not negative");
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// The CPU time that process `pid` has used, to the kernel's tick (10 ms as a rule).
pub fn process_cpu(pid: u32) -> Result<Duration, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th after it.
    let after = stat.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
    let fields: Vec<_> = after.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let (Some(user), Some(system)) = (ticks(11), ticks(12)) else {
        return Err(format!("{path} does not read as proc(5) has it"));
    };
    // SAFETY: sysconf takes a constant and has no other effect.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let per_second = u64::try_from(per_second).unwrap_or(100).max(1);
    Ok(Duration::from_millis((user + system) * 1000 / per_second))
}

/// A line of `/proc/PID/status` that is in kB (`VmRSS`, `RssAnon`), in MB of 1,000,000 bytes.
pub fn memory(pid: u32, line: &str) -> Result<f64, String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map(|kb| kb * 1024.0 / 1e6).ok_or_else(|| format!("{path} has no {line}"))
}

#[cfg(test)]
mod tests {
    use std::process::id;
    use std::thread;

    use super::*;

    #[test]
    fn a_sleeping_thread_uses_no_cpu_and_a_busy_one_does() {
        let start = thread_cpu();
        thread::sleep(Duration::from_millis(30));
        assert!(thread_cpu() - start < Duration::from_millis(20));
        let start = thread_cpu();
        while thread_cpu() - start < Duration::from_millis(30) {}
        assert!(process_cpu(id()).unwrap() >= Duration::from_millis(20));
    }

    #[test]
    fn this_process_has_memory() {
        assert!(memory(id(), "VmRSS").unwrap() > 0.5);
        assert!(memory(id(), "VmNothing").is_err());
    }
}
