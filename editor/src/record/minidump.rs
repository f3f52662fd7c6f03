//! A minidump of this process, written while it dies.
//!
//! The format is Microsoft's (`minidumpapiset.h`), as Breakpad writes it on Linux: header, system,
//! process, threads with registers and stacks, their names, modules with build ids, memory,
//! exception. Everything here may run in a signal handler: it allocates nothing, takes no lock and
//! calls only what is async-signal-safe.
//!
//! What it never holds: text. Of registers and stacks only what a stack walk needs is kept
//! ([`Keep`]): addresses in a module's code, addresses in a stack, and integers that are smaller
//! than any character; every other word is zero. Of paths only the file's name is kept.

mod build_id;
mod context;
mod keep;
mod maps;
mod output;
mod threads;

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};

pub(super) use threads::install;

use context::{ARCHITECTURE, CONTEXT_BYTES};
use keep::Keep;
use maps::Maps;
use output::{Location, Output};
use threads::{THREADS_MAX, Threads};

/// Of the stack of the thread that crashed, and of each other one, in bytes.
const CRASHED_STACK_BYTES: u64 = 64 << 10;
const OTHER_STACK_BYTES: u64 = 16 << 10;

const SIGNATURE: u32 = u32::from_le_bytes(*b"MDMP");
const VERSION: u32 = 42899;
const HEADER_BYTES: usize = 32;

/// `MINIDUMP_STREAM_TYPE`
const THREAD_LIST: u32 = 3;
const MODULE_LIST: u32 = 4;
const MEMORY_LIST: u32 = 5;
const EXCEPTION: u32 = 6;
const SYSTEM_INFO: u32 = 7;
const MISC_INFO: u32 = 15;
const THREAD_NAMES: u32 = 24;
const STREAMS: usize = 7;
const DIRECTORY_BYTES: usize = STREAMS * 12;

/// Linux, as Breakpad numbers it.
const PLATFORM_LINUX: u32 = 0x8201;

/// A CodeView record with an ELF build id, as Breakpad names it: `BpEL`.
const CODEVIEW_ELF: u32 = 0x4270_454c;

/// What is written down of a thread.
#[derive(Clone, Copy)]
struct Written {
    id: c_int,
    start: u64,
    stack: Location,
    context: Location,
    name: u32,
}

/// Memory that was there before the crash.
struct Room {
    maps: Maps,
    threads: Threads,
    written: [Written; THREADS_MAX],
    context: [u8; CONTEXT_BYTES],
    output: Output,
}

struct Reserved(UnsafeCell<Room>);

// SAFETY: `write` alone touches it, and its caller sees to it that only one thread ever calls that.
unsafe impl Sync for Reserved {}

static ROOM: Reserved = Reserved(UnsafeCell::new(Room {
    maps: Maps::new(),
    threads: Threads::new(),
    written: [Written { id: 0, start: 0, stack: Location::NONE, context: Location::NONE, name: 0 };
        THREADS_MAX],
    context: [0; CONTEXT_BYTES],
    output: Output::new(),
}));

/// What happened, as the kernel tells a handler.
#[derive(Clone, Copy)]
pub(super) struct Fault {
    /// The signal.
    pub signal: c_int,
    /// Its `si_code`.
    pub code: c_int,
    /// Where it happened, where the signal has a place.
    pub address: u64,
    /// The registers: a `ucontext_t`.
    pub context: *mut c_void,
}

/// Writes a dump to the open file `file`, and answers how far `fault.address` may be told.
///
/// # Safety
/// It is called once in the life of a process, by a handler that was given `fault.context`.
pub(super) unsafe fn write(file: c_int, fault: &Fault) {
    // SAFETY: it is called once, so nobody else has it.
    let room = unsafe { &mut *ROOM.0.get() };
    let Room { maps, threads, written, context, output } = room;
    threads.stop(fault.context);
    maps.read();
    for thread in threads.all() {
        maps.add_stack(context::stack_pointer(thread.context));
    }
    output.begin(file, HEADER_BYTES + DIRECTORY_BYTES);
    let keep = Keep { maps };
    let count = threads.all().len().min(written.len());
    for (thread, place) in threads.all().iter().zip(written.iter_mut()) {
        *place = write_thread(output, keep, thread, fault, context);
    }
    let written = written.get(..count).unwrap_or_default();
    let streams = [
        (SYSTEM_INFO, system(output)),
        (MISC_INFO, process(output)),
        (EXCEPTION, exception(output, keep, fault, written)),
        (THREAD_LIST, thread_list(output, written)),
        (THREAD_NAMES, thread_names(output, written)),
        (MEMORY_LIST, memory_list(output, written)),
        (MODULE_LIST, modules(output, maps)),
    ];
    output.finish();
    head(output, &streams);
    threads.release();
}

/// Whether an address that a fault was at tells nothing but where it was: one that lies near
/// nothing that is mapped may be text that was taken for a pointer.
///
/// # Safety
/// As [`write()`], and after it.
pub(super) unsafe fn is_plain(address: u64) -> bool {
    // SAFETY: `write` has returned, and is not called again.
    let room = unsafe { &*ROOM.0.get() };
    Keep { maps: &room.maps }.address(address) == address
}

/// How many threads are in the dump, of how many.
///
/// # Safety
/// As [`write()`], and after it.
pub(super) unsafe fn thread_counts() -> (usize, usize) {
    // SAFETY: `write` has returned, and is not called again.
    let room = unsafe { &*ROOM.0.get() };
    (room.threads.all().len(), room.threads.found())
}

fn write_thread(
    output: &mut Output,
    keep: Keep<'_>,
    thread: &threads::Thread,
    fault: &Fault,
    bytes: &mut [u8; CONTEXT_BYTES],
) -> Written {
    let is_crashed = thread.context == fault.context;
    context::encode(thread.context, keep, bytes);
    let context = output.put(bytes);
    let limit = if is_crashed { CRASHED_STACK_BYTES } else { OTHER_STACK_BYTES };
    let range = keep.maps.stack(context::stack_pointer(thread.context), limit);
    let begun = output.at();
    let mut address = range.start;
    while address < range.end {
        // SAFETY: the range is aligned and mapped for reading, and its thread does not run.
        let word =
            unsafe { std::ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() };
        output.u64(keep.word(word));
        address += 8;
    }
    let stack = output.since(begun);
    let name = output.at();
    let text = threads::name(thread.id);
    output.string(text.bytes());
    Written { id: thread.id, start: range.start, stack, context, name }
}

fn system(output: &mut Output) -> Location {
    let version = output.at();
    let mut system = std::mem::MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: it has room for one, and an all-zero one is valid too.
    let release = unsafe {
        libc::uname(system.as_mut_ptr());
        system.assume_init().release
    };
    output.string(release.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0));
    let begun = output.at();
    output.u16(ARCHITECTURE);
    output.zeros(4);
    // SAFETY: it only asks.
    let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    output.u16(processors.clamp(0, 255) as u16);
    output.zeros(12);
    output.u32(PLATFORM_LINUX);
    output.u32(version);
    output.zeros(4 + 24);
    output.since(begun)
}

/// Only the number of the process: when it began is in the records.
fn process(output: &mut Output) -> Location {
    let begun = output.at();
    output.u32(24);
    output.u32(1);
    // SAFETY: it only asks.
    output.u32(unsafe { libc::getpid() } as u32);
    output.zeros(12);
    output.since(begun)
}

fn exception(output: &mut Output, keep: Keep<'_>, fault: &Fault, written: &[Written]) -> Location {
    // The crashed thread comes first.
    let crashed = written.first();
    let begun = output.at();
    output.u32(crashed.map_or(0, |thread| thread.id as u32));
    output.u32(0);
    output.u32(fault.signal as u32);
    output.u32(fault.code as u32);
    output.u64(0);
    output.u64(keep.address(fault.address));
    output.zeros(8 + 15 * 8);
    output.location(crashed.map_or(Location::NONE, |thread| thread.context));
    output.since(begun)
}

fn thread_list(output: &mut Output, written: &[Written]) -> Location {
    let begun = output.at();
    output.u32(written.len() as u32);
    for thread in written {
        output.u32(thread.id as u32);
        output.zeros(12 + 8);
        output.u64(thread.start);
        output.location(thread.stack);
        output.location(thread.context);
    }
    output.since(begun)
}

fn thread_names(output: &mut Output, written: &[Written]) -> Location {
    let begun = output.at();
    output.u32(written.len() as u32);
    for thread in written {
        output.u32(thread.id as u32);
        output.u64(u64::from(thread.name));
    }
    output.since(begun)
}

fn memory_list(output: &mut Output, written: &[Written]) -> Location {
    let begun = output.at();
    let stacks = || written.iter().filter(|thread| thread.stack.bytes > 0);
    output.u32(stacks().count() as u32);
    for thread in stacks() {
        output.u64(thread.start);
        output.location(thread.stack);
    }
    output.since(begun)
}

fn modules(output: &mut Output, maps: &mut Maps) -> Location {
    for at in 0..maps.modules().len() {
        let Some(module) = maps.modules().get(at).copied() else { break };
        let name = output.at();
        output.string(module.name().iter().copied());
        let begun = output.at();
        let mut code_view = Location::NONE;
        if let Some(id) = build_id::find(maps, &module) {
            output.u32(CODEVIEW_ELF);
            id.bytes().iter().for_each(|byte| output.u8(*byte));
            code_view = output.since(begun);
        }
        maps.set_written(at, name, code_view);
    }
    let begun = output.at();
    output.u32(maps.modules().len() as u32);
    for module in maps.modules() {
        output.u64(module.start);
        output.u32((module.end - module.start).min(u64::from(u32::MAX)) as u32);
        output.zeros(8);
        output.u32(module.written_name);
        output.zeros(13 * 4);
        output.location(module.code_view);
        output.zeros(8 + 16);
    }
    output.since(begun)
}

/// The header and the directory, in the place that was left for them.
fn head(output: &mut Output, streams: &[(u32, Location); STREAMS]) {
    let mut bytes = [0_u8; HEADER_BYTES + DIRECTORY_BYTES];
    let mut at = 0;
    let mut put = |word: u32| {
        if let Some(place) = bytes.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        at += 4;
    };
    // SAFETY: it only asks.
    let now = unsafe { libc::time(std::ptr::null_mut()) };
    for word in [SIGNATURE, VERSION, STREAMS as u32, HEADER_BYTES as u32, 0, now as u32, 0, 0] {
        put(word);
    }
    for (kind, location) in streams {
        put(*kind);
        put(location.bytes);
        put(location.at);
    }
    output.put_at_start(&bytes);
}
