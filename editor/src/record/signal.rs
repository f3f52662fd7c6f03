//! A report of a fatal signal: which one, where, the registers and what was mapped.
//!
//! It holds no memory: a stack may hold a buffer's text or a key. Addresses are resolved later
//! with the map and the program's symbols. Everything is prepared before, since a handler may call
//! only what is async-signal-safe (POSIX.1-2017, 2.4.3): `write`, `open`, `read`, `sigaction`.

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

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Open for the report, or -1.
static FILE: AtomicI32 = AtomicI32::new(-1);

/// What handled each signal before; Rust's own handler tells of an overflown stack.
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Opens the file of a report that may come, and takes the signals.
pub(super) fn install(folder: &Path) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = format!("{:013}-{}-signal.txt", since.as_millis(), std::process::id());
    let path = folder.join(name);
    let opened = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
    let Ok(file) = opened else { return };
    if FILE.compare_exchange(-1, file.into_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return;
    }
    clear_unused(folder, &path);
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
        // SAFETY: the handler has the signature that SA_SIGINFO asks for, and lives for ever.
        unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    }
}

/// Deletes what earlier processes made ready and never wrote.
fn clear_unused(folder: &Path, own: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let empty = std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == 0);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let process = name.strip_suffix("-signal.txt").and_then(|name| name.split('-').next_back());
        let alive = process.is_some_and(|id| Path::new("/proc").join(id).exists());
        if empty && path != own && process.is_some() && !alive {
            // It is seen again at the next start.
            drop(std::fs::remove_file(&path));
        }
    }
}

/// Writes the report, gives the signal back to whoever had it, and returns into the fault, which
/// happens again.
extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    if !ENTERED.swap(true, Ordering::SeqCst) {
        let mut line = Line::new();
        line.text("fatal signal ").number(signal as u64, 10);
        // SAFETY: the kernel hands a valid siginfo_t to a handler with SA_SIGINFO.
        line.text(" at address 0x").number(unsafe { (*info).si_addr() } as u64, 16).send();
        line.text("version ").text(env!("CARGO_PKG_VERSION")).send();
        registers(&mut line, context);
        copy_map();
    }
    let index = SIGNALS.iter().position(|known| *known == signal);
    if let (Some(before), Some(index)) = (BEFORE.get(), index) {
        // SAFETY: it is what sigaction gave for this signal.
        unsafe { libc::sigaction(signal, &raw const before[index], std::ptr::null_mut()) };
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(line: &mut Line, context: *mut c_void) {
    // SAFETY: the kernel hands a valid ucontext_t to a handler with SA_SIGINFO.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    for (name, at) in [
        ("rip", libc::REG_RIP),
        ("rsp", libc::REG_RSP),
        ("rbp", libc::REG_RBP),
        ("error", libc::REG_ERR),
        ("trap", libc::REG_TRAPNO),
    ] {
        line.text(name).text(" 0x").number(registers[at as usize] as u64, 16).send();
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn registers(line: &mut Line, _context: *mut c_void) {
    line.text("registers are not read on this processor").send();
}

/// Copies `/proc/self/maps`, which gives the addresses their files.
fn copy_map() {
    // SAFETY: the path ends with a zero; the buffer is as long as read is told.
    unsafe {
        let map = libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if map < 0 {
            return;
        }
        let mut buffer = [0_u8; 4096];
        loop {
            let read = libc::read(map, buffer.as_mut_ptr().cast(), buffer.len());
            let Ok(read) = usize::try_from(read) else { break };
            if read == 0 {
                break;
            }
            send(&buffer[..read]);
        }
        libc::close(map);
    }
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
        self.text("\n");
        send(&self.bytes[..self.len]);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// Runs in a process of its own, started by the test below.
    #[test]
    #[ignore = "ends its process; the test below runs it"]
    fn fault() {
        let folder = std::env::var_os("HEARTH_TEST_CRASHES").expect("the other test sets it");
        install(Path::new(&folder));
        // SAFETY: it is not: reading an unmapped address is what this test is about.
        unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(0x1008)) };
    }

    #[test]
    fn a_fault_leaves_a_report_and_still_ends_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "record::signal::tests::fault", "--ignored"])
            .env("HEARTH_TEST_CRASHES", dir.path())
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
        let reports = super::super::reports(dir.path());
        assert_eq!(reports[0].message, "fatal signal 11 at address 0x1008");
        let text = std::fs::read_to_string(&reports[0].path).unwrap();
        assert!(text.contains("[stack]"), "{text}");
    }

    #[test]
    fn numbers_are_written_without_an_allocation() {
        let mut line = Line::new();
        line.number(0, 10).text(" ").number(u64::MAX, 16).text(" ").number(u64::MAX, 10);
        let text = std::str::from_utf8(&line.bytes[..line.len]).unwrap();
        assert_eq!(text, "0 ffffffffffffffff 18446744073709551615");
    }
}
