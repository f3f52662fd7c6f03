//! How the system shares its cores among the threads of this process.
//!
//! A key goes through three short stretches of work: the UI thread, the log's writer, the UI
//! thread again. On a busy machine each of them waits for its turn. A thread that asks for short
//! turns gets them sooner (Linux 6.12 on, `sched_setattr`), and takes no more of the core for
//! that; older systems ignore it. Background work stands back.

use std::time::Duration;

/// How long a turn of a thread is that a person waits for.
const SHORT: Duration = Duration::from_micros(100);

/// How far background work stands back: a tenth of the weight of others.
const BACKGROUND_NICENESS: i32 = 10;

/// The calling thread, and those that it starts from now on, answer a person.
pub fn as_interactive() {
    set(0, SHORT);
}

/// Nobody waits for the calling thread.
pub fn as_background() {
    set(BACKGROUND_NICENESS, Duration::ZERO);
}

/// As the kernel's `sched/types.h` has it, in its first version.
#[cfg(target_os = "linux")]
#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// The length of a turn in nanoseconds; 0 for the system's own.
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Makes the calling thread nicer by `niceness`. What the system refuses changes nothing that a
/// person sees while the machine is idle, so it is not told.
#[cfg(target_os = "linux")]
fn set(niceness: i32, turn: Duration) {
    // SAFETY: getpriority takes numbers and has no other effect; 0 is the calling thread.
    let before = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        nice: (before + niceness).min(19),
        priority: 0,
        runtime: turn.as_nanos() as u64,
        deadline: 0,
        period: 0,
    };
    // SAFETY: the pointer is to attributes that live through the call and name their own size; 0 is
    // the calling thread.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

/// Elsewhere the system decides alone.
#[cfg(not(target_os = "linux"))]
fn set(_niceness: i32, _turn: Duration) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn background_threads_stand_back_and_others_do_not() {
        let niceness = |set: fn()| {
            std::thread::spawn(move || {
                // SAFETY: as above.
                let before = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
                set();
                // SAFETY: as above.
                unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) - before }
            })
            .join()
            .unwrap()
        };
        assert_eq!(niceness(as_interactive), 0);
        assert!(niceness(as_background) > 0);
    }
}
