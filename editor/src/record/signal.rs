//! Reports of fatal signals: a text that says which one and where, and a minidump beside it.
//!
//! Everything is prepared before, since a handler may call only what is async-signal-safe
//! (POSIX.1-2017, 2.4.3): both files are open and the memory is there. No memory of the process
//! leaves it but what [`super::minidump`] keeps.

use std::ffi::c_void;
use std::fs::OpenOptions;
use std::mem::MaybeUninit;
use std::os::fd::IntoRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::SystemTime;

use libc::{c_int, siginfo_t};

const SIGNALS: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// How the files of a report end.
const TEXT: &str = "-signal.txt";
const DUMP: &str = "-signal.dmp";

/// Open for the report and for its dump, or -1.
static FILE: AtomicI32 = AtomicI32::new(-1);
static DUMP_FILE: AtomicI32 = AtomicI32::new(-1);

/// The thread that writes the report, or 0, and whether it has.
static WRITER: AtomicI32 = AtomicI32::new(0);
static IS_WRITTEN: AtomicBool = AtomicBool::new(false);

/// How long another thread that crashes waits for it, in milliseconds.
const REPORT_MS_MAX: usize = 10_000;

/// What handled each signal before; Rust's own handler tells of an overflown stack.
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Opens the files of a report that may come, and takes the signals.
pub(super) fn install(folder: &Path) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let begin = format!("{:013}-{}", since.as_millis(), std::process::id());
    let open = |end: &str| {
        let path = folder.join(format!("{begin}{end}"));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    };
    let Ok(file) = open(TEXT) else { return };
    if FILE.compare_exchange(-1, file.into_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return;
    }
    if let Ok(file) = open(DUMP) {
        DUMP_FILE.store(file.into_raw_fd(), Ordering::SeqCst);
    }
    clear_unused(folder);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let stop = super::minidump::install();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let stop: Option<c_int> = None;
    let mut before = [const { MaybeUninit::<libc::sigaction>::zeroed() }; SIGNALS.len()];
    for (signal, before) in SIGNALS.iter().zip(&mut before) {
        // SAFETY: the pointer is to a sigaction of ours, and a null action only asks.
        unsafe { libc::sigaction(*signal, std::ptr::null(), before.as_mut_ptr()) };
    }
    // SAFETY: an all-zero sigaction is a valid one, and the calls above filled those they could.
    let before = before.map(|before| unsafe { before.assume_init() });
    if BEFORE.set(before).is_err() {
        return;
    }
    for signal in SIGNALS {
        // SAFETY: an all-zero sigaction is valid; the fields that count are set below.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        if let Some(stop) = stop {
            // Two handlers do not fit on one alternate stack.
            // SAFETY: the set is ours, and all zeros is an empty one.
            unsafe { libc::sigaddset(&raw mut action.sa_mask, stop) };
        }
        // SAFETY: the handler has the signature that SA_SIGINFO asks for, and lives for ever.
        unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    }
}

/// Deletes what earlier processes made ready and never wrote.
fn clear_unused(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let empty = std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == 0);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let begin = name.strip_suffix(TEXT).or_else(|| name.strip_suffix(DUMP));
        let process = begin.and_then(|name| name.split('-').next_back());
        let alive = process.is_some_and(|id| Path::new("/proc").join(id).exists());
        if empty && process.is_some() && !alive {
            // It is seen again at the next start.
            drop(std::fs::remove_file(&path));
        }
    }
}

/// Writes the report, gives the signal back to whoever had it, and returns into the fault, which
/// happens again. A signal that somebody sent happens no more: it is sent again.
extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands a valid siginfo_t to a handler with SA_SIGINFO.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as u64) };
    let is_sent = code <= 0;
    // SAFETY: it only asks.
    let own = unsafe { libc::syscall(libc::SYS_gettid) as c_int };
    match WRITER.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => {
            // Of a signal that was sent the same bytes tell the sender.
            let address = if is_sent { 0 } else { address };
            report(signal, code, address, context);
            IS_WRITTEN.store(true, Ordering::SeqCst);
        }
        // Another thread writes: this one would end the process before it is done.
        Err(writer) if writer != own => wait_for_report(),
        // The report itself failed.
        Err(_) => {}
    }
    let index = SIGNALS.iter().position(|known| *known == signal);
    if is_sent {
        // SAFETY: an all-zero sigaction is the default action; the thread is this one.
        unsafe {
            let action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    } else if let (Some(before), Some(index)) = (BEFORE.get(), index) {
        // SAFETY: it is what sigaction gave for this signal.
        unsafe { libc::sigaction(signal, &raw const before[index], std::ptr::null_mut()) };
    }
}

fn wait_for_report() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    for _ in 0..REPORT_MS_MAX {
        if IS_WRITTEN.load(Ordering::SeqCst) {
            return;
        }
        // SAFETY: the time is valid, and nobody wants to know what is left of it.
        unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
    }
}

/// Writes the text's first words before anything can go wrong again, then the dump, then the rest.
fn report(signal: c_int, code: c_int, address: u64, context: *mut c_void) {
    let mut line = Line::new();
    line.text("fatal signal ").number(signal as u64, 10).send();
    dump(&mut line, signal, code, address, context);
    line.text("\nversion ").text(env!("CARGO_PKG_VERSION")).text("\n").send();
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn dump(line: &mut Line, signal: c_int, code: c_int, address: u64, context: *mut c_void) {
    use super::minidump::{self, Fault};
    let file = DUMP_FILE.load(Ordering::SeqCst);
    let fault = Fault { signal, code, address, context };
    // SAFETY: only the first fault comes here, and the kernel gave the context to its handler.
    let (is_plain, (told, found)) = unsafe {
        minidump::write(file, &fault);
        (minidump::is_plain(address), minidump::thread_counts())
    };
    if code > 0 && is_plain {
        line.text(" at address 0x").number(address, 16);
    }
    line.text("\n").number(told as u64, 10).text(" of ").number(found as u64, 10);
    line.text(" threads stand in the minidump beside this file").send();
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn dump(line: &mut Line, _: c_int, _: c_int, _: u64, _: *mut c_void) {
    line.text("\nno minidump is written on this processor").send();
}

fn send(bytes: &[u8]) {
    // SAFETY: the pointer and length are those of `bytes`. What cannot be written is lost.
    unsafe { libc::write(FILE.load(Ordering::SeqCst), bytes.as_ptr().cast(), bytes.len()) };
}

/// A line that is put together without an allocation.
struct Line {
    bytes: [u8; 128],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Self { bytes: [0; 128], len: 0 }
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for byte in text.bytes() {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = byte;
                self.len += 1;
            }
        }
        self
    }

    fn number(&mut self, mut number: u64, base: u64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdef"[(number % base) as usize];
            number /= base;
            if number == 0 {
                break;
            }
        }
        let digits = std::str::from_utf8(&digits[at..]).unwrap_or_default();
        self.text(digits)
    }

    fn send(&mut self) {
        send(&self.bytes[..self.len]);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// Runs in a process of its own, started by the tests below.
    #[test]
    #[ignore = "ends its process; the tests below run it"]
    fn fault() {
        let set = |name: &str| std::env::var_os(name).expect("the other tests set it");
        install(Path::new(&set("HEARTH_TEST_CRASHES")));
        if set("HEARTH_TEST_FAULT") == "overflow" {
            std::hint::black_box(overflow(std::hint::black_box(0)));
        }
        let all = std::sync::Barrier::new(8);
        if set("HEARTH_TEST_FAULT") == "many" {
            std::thread::scope(|scope| {
                for address in 0x1000..0x1008_usize {
                    let all = &all;
                    scope.spawn(move || {
                        let place = std::ptr::without_provenance::<u8>(address);
                        all.wait();
                        // SAFETY: as below.
                        unsafe { place.read_volatile() }
                    });
                }
            });
        }
        // SAFETY: it is not: reading an unmapped address is what this test is about.
        unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(0x1008)) };
    }

    /// Calls itself until its stack has run out.
    fn overflow(depth: usize) -> usize {
        let room = std::hint::black_box([depth; 512]);
        match depth {
            usize::MAX => 0,
            depth => overflow(depth + 1) + room[depth % 512],
        }
    }

    /// The report that a fault left, once its signal has ended the process.
    fn report_of(fault: &str, signal: c_int) -> (String, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "record::signal::tests::fault", "--ignored"])
            .env("HEARTH_TEST_CRASHES", dir.path())
            .env("HEARTH_TEST_FAULT", fault)
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(signal), "{output:?}");
        let reports = super::super::reports(dir.path());
        let text = std::fs::read_to_string(&reports[0].path).unwrap();
        (text, std::fs::read(reports[0].dump.as_ref().unwrap()).unwrap())
    }

    #[test]
    fn a_fault_leaves_a_report_and_still_ends_the_process() {
        let (text, dump) = report_of("read", libc::SIGSEGV);
        assert!(text.starts_with("fatal signal 11 at address 0x1008\n"), "{text}");
        assert!(text.contains(" threads ") && dump.starts_with(b"MDMP"), "{text}");
    }

    #[test]
    fn threads_that_fault_at_once_leave_one_whole_report() {
        for _ in 0..20 {
            let (text, dump) = report_of("many", libc::SIGSEGV);
            assert!(text.starts_with("fatal signal 11 at address 0x100"), "{text}");
            assert!(text.contains("version") && dump.starts_with(b"MDMP"), "{text}");
        }
    }

    /// The handler has the alternate stack alone.
    #[test]
    fn an_overflown_stack_leaves_a_report_too() {
        let (text, dump) = report_of("overflow", libc::SIGABRT);
        assert!(text.starts_with("fatal signal 11 at address 0x"), "{text}");
        assert!(text.contains("version") && dump.starts_with(b"MDMP"), "{text}");
    }

    #[test]
    fn numbers_are_written_without_an_allocation() {
        let mut line = Line::new();
        line.number(0, 10).text(" ").number(u64::MAX, 16).text(" ").number(u64::MAX, 10);
        let text = std::str::from_utf8(&line.bytes[..line.len]).unwrap();
        assert_eq!(text, "0 ffffffffffffffff 18446744073709551615");
    }
}
