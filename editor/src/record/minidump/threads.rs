//! The other threads: found, stopped where they are, and let go again.
//!
//! A thread is stopped by a signal of its own, whose handler keeps the registers that the kernel
//! gives it and sleeps until the dump is written. One that does not answer in time, since it waits
//! within the kernel or has blocked all signals, is left out.

use std::ffi::{c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};

use libc::siginfo_t;

pub(super) const THREADS_MAX: usize = 128;

/// How long threads have to stop, and the longest that one stays so, in milliseconds.
const STOP_MS: usize = 250;
const STOPPED_MS_MAX: usize = 10_000;

/// The signal that stops a thread; 0 where there is none.
static STOP: AtomicI32 = AtomicI32::new(0);
static IS_RELEASED: AtomicBool = AtomicBool::new(true);

/// Threads that are asked to stop, and the registers of those that did.
static ASKED: [AtomicI32; THREADS_MAX] = [const { AtomicI32::new(0) }; THREADS_MAX];
static STOPPED: [AtomicPtr<c_void>; THREADS_MAX] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; THREADS_MAX];
static STOPPED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// A thread that stands still.
#[derive(Clone, Copy)]
pub(super) struct Thread {
    pub(super) id: c_int,
    /// Its `ucontext_t`.
    pub(super) context: *mut c_void,
}

pub(super) struct Threads {
    all: [Thread; THREADS_MAX],
    count: usize,
    found: usize,
}

/// Takes a signal for stopping, one that nobody else has, and answers which.
pub(crate) fn install() -> Option<c_int> {
    let free = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().find(|signal| {
        let mut known = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null action only asks, and the place is one sigaction long; all zeros are one.
        let known = unsafe {
            libc::sigaction(*signal, std::ptr::null(), known.as_mut_ptr());
            known.assume_init()
        };
        known.sa_sigaction == libc::SIG_DFL
    });
    let signal = free?;
    // SAFETY: an all-zero sigaction is valid; the fields that count are set below.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = stop_here as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the handler has the signature that SA_SIGINFO asks for, and lives for ever.
    if unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } != 0 {
        return None;
    }
    STOP.store(signal, Ordering::SeqCst);
    Some(signal)
}

extern "C" fn stop_here(_signal: c_int, _info: *mut siginfo_t, context: *mut c_void) {
    if IS_RELEASED.load(Ordering::SeqCst) {
        return;
    }
    // SAFETY: it is this thread's own.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; what the thread was at may be about to read it.
    let kept = unsafe { *errno };
    let own = own_id();
    let mut slots = ASKED.iter().zip(&STOPPED);
    let slot = slots.find(|(asked, _)| asked.load(Ordering::SeqCst) == own);
    if let Some((_, stopped)) = slot {
        stopped.store(context, Ordering::SeqCst);
        STOPPED_COUNT.fetch_add(1, Ordering::SeqCst);
        for _ in 0..STOPPED_MS_MAX {
            if IS_RELEASED.load(Ordering::SeqCst) {
                break;
            }
            sleep_1_ms();
        }
    }
    // SAFETY: as above.
    unsafe { *errno = kept };
}

impl Threads {
    pub(super) const fn new() -> Self {
        let none = Thread { id: 0, context: std::ptr::null_mut() };
        Self { all: [none; THREADS_MAX], count: 0, found: 0 }
    }

    /// Stops all threads but this one, whose registers are `context`; it comes first.
    pub(super) fn stop(&mut self, context: *mut c_void) {
        let own = own_id();
        self.add(Thread { id: own, context });
        self.found = 1;
        let signal = STOP.load(Ordering::SeqCst);
        if signal == 0 {
            return;
        }
        IS_RELEASED.store(false, Ordering::SeqCst);
        // The first place is this thread's.
        let mut asked = 1;
        each_thread(|id| {
            if id == own {
                return;
            }
            self.found += 1;
            let Some(slot) = ASKED.get(asked) else { return };
            slot.store(id, Ordering::SeqCst);
            asked += 1;
            // SAFETY: it names a thread of this process and a signal that is handled; one that has
            // ended is not found.
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), id, signal) };
        });
        for _ in 0..STOP_MS {
            if STOPPED_COUNT.load(Ordering::SeqCst) + 1 >= asked {
                break;
            }
            sleep_1_ms();
        }
        for (asked, stopped) in ASKED.iter().zip(&STOPPED).skip(1) {
            let context = stopped.load(Ordering::SeqCst);
            if !context.is_null() {
                self.add(Thread { id: asked.load(Ordering::SeqCst), context });
            }
        }
    }

    fn add(&mut self, thread: Thread) {
        if let Some(place) = self.all.get_mut(self.count) {
            *place = thread;
            self.count += 1;
        }
    }

    /// Those that stand still, the crashed one first.
    pub(super) fn all(&self) -> &[Thread] {
        self.all.get(..self.count).unwrap_or_default()
    }

    /// How many there were.
    pub(super) fn found(&self) -> usize {
        self.found
    }

    /// Lets them go on, until the signal ends the process.
    pub(super) fn release(&self) {
        IS_RELEASED.store(true, Ordering::SeqCst);
    }
}

/// The name of a thread: its first bytes, as the kernel keeps them.
pub(super) struct Name {
    bytes: [u8; 16],
    len: usize,
}

impl Name {
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> + Clone + '_ {
        self.bytes.iter().copied().take(self.len).take_while(|byte| *byte != b'\n')
    }
}

/// The name of thread `id`; empty where it has ended.
pub(super) fn name(id: c_int) -> Name {
    let mut name = Name { bytes: [0; 16], len: 0 };
    let mut path = [0_u8; 48];
    let mut digits = [0_u8; 10];
    let mut len = 0;
    let mut number = id.unsigned_abs();
    while let Some(place) = digits.get_mut(len) {
        *place = b'0' + (number % 10) as u8;
        (number, len) = (number / 10, len + 1);
        if number == 0 {
            break;
        }
    }
    let digits = digits.iter().take(len).rev();
    let parts = b"/proc/self/task/".iter().chain(digits).chain(b"/comm");
    path.iter_mut().zip(parts).for_each(|(place, byte)| *place = *byte);
    // SAFETY: the path ends with a zero; the buffer is as long as `read` is told.
    unsafe {
        let file = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        let read = libc::read(file, name.bytes.as_mut_ptr().cast(), name.bytes.len());
        name.len = usize::try_from(read).unwrap_or(0);
        libc::close(file);
    }
    name
}

fn own_id() -> c_int {
    // SAFETY: it only asks.
    unsafe { libc::syscall(libc::SYS_gettid) as c_int }
}

fn sleep_1_ms() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // SAFETY: the time is valid, and nobody wants to know what is left of it.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

/// The threads of this process, from `/proc/self/task`.
fn each_thread(mut each: impl FnMut(c_int)) {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path ends with a zero.
    let folder = unsafe { libc::open(c"/proc/self/task".as_ptr(), flags) };
    let mut bytes = [0_u8; 1024];
    loop {
        // SAFETY: the buffer is as long as the kernel is told.
        let read: c_long =
            unsafe { libc::syscall(libc::SYS_getdents64, folder, bytes.as_mut_ptr(), bytes.len()) };
        let Ok(read @ 1..) = usize::try_from(read) else { break };
        let mut entries = bytes.get(..read).unwrap_or_default();
        // `struct linux_dirent64`: inode, offset, length of the entry (u16), type, name.
        while let Some(&[low, high]) = entries.get(16..18) {
            let len = usize::from(u16::from_le_bytes([low, high])).max(1);
            let name = entries.get(19..).unwrap_or_default();
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit());
            let id = digits.fold(0, |id: c_int, digit| {
                id.wrapping_mul(10).wrapping_add(c_int::from(digit - b'0'))
            });
            if id > 0 {
                each(id);
            }
            entries = entries.get(len..).unwrap_or_default();
        }
    }
    // SAFETY: it is ours; closing one that was never opened fails and harms nothing.
    unsafe { libc::close(folder) };
}
