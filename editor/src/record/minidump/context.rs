//! Registers: from the kernel's `ucontext_t` to the dump's `CONTEXT`.

use std::ffi::c_void;

use super::keep::Keep;

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{ARCHITECTURE, CONTEXT_BYTES, encode, stack_pointer};

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{ARCHITECTURE, CONTEXT_BYTES, encode, stack_pointer};

/// Puts a little-endian number at an offset of a context.
fn put<const N: usize>(bytes: &mut [u8], at: usize, number: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..at + N) {
        place.copy_from_slice(&number);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{Keep, c_void, put};

    /// `PROCESSOR_ARCHITECTURE_AMD64`
    pub(crate) const ARCHITECTURE: u16 = 9;
    pub(crate) const CONTEXT_BYTES: usize = 1232;

    /// `CONTEXT_AMD64` with control, integer and segment registers. Those of floating point are
    /// left out: texts are copied through them.
    const FLAGS: u32 = 0x10_0000 | 1 | 2 | 4;

    /// Where each register stands, in the order that `CONTEXT` has from offset 0x78 on.
    const ORDER: [i32; 17] = [
        libc::REG_RAX,
        libc::REG_RCX,
        libc::REG_RDX,
        libc::REG_RBX,
        libc::REG_RSP,
        libc::REG_RBP,
        libc::REG_RSI,
        libc::REG_RDI,
        libc::REG_R8,
        libc::REG_R9,
        libc::REG_R10,
        libc::REG_R11,
        libc::REG_R12,
        libc::REG_R13,
        libc::REG_R14,
        libc::REG_R15,
        libc::REG_RIP,
    ];

    fn registers(context: *mut c_void) -> &'static [i64; 23] {
        // SAFETY: the kernel gave it to a handler that has not returned, and does not change it.
        unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs }
    }

    pub(crate) fn stack_pointer(context: *mut c_void) -> u64 {
        registers(context)[libc::REG_RSP as usize].cast_unsigned()
    }

    pub(crate) fn encode(context: *mut c_void, keep: Keep<'_>, bytes: &mut [u8; CONTEXT_BYTES]) {
        let registers = registers(context);
        bytes.fill(0);
        put(bytes, 0x30, FLAGS.to_le_bytes());
        let segments = registers[libc::REG_CSGSFS as usize].to_le_bytes();
        put(bytes, 0x38, [segments[0], segments[1]]);
        put(bytes, 0x3e, [segments[4], segments[5], segments[2], segments[3]]);
        put(bytes, 0x44, (registers[libc::REG_EFL as usize] as u32).to_le_bytes());
        for (index, register) in ORDER.iter().enumerate() {
            let word = keep.word(registers[*register as usize].cast_unsigned());
            put(bytes, 0x78 + 8 * index, word.to_le_bytes());
        }
    }
}

/// Its types are checked; it was never run.
#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use super::{Keep, c_void, put};

    /// `PROCESSOR_ARCHITECTURE_ARM64`
    pub(crate) const ARCHITECTURE: u16 = 12;
    pub(crate) const CONTEXT_BYTES: usize = 912;

    /// `CONTEXT_ARM64` with control and integer registers.
    const FLAGS: u32 = 0x40_0000 | 1 | 2;

    fn machine(context: *mut c_void) -> &'static libc::mcontext_t {
        // SAFETY: the kernel gave it to a handler that has not returned, and does not change it.
        unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext }
    }

    pub(crate) fn stack_pointer(context: *mut c_void) -> u64 {
        machine(context).sp
    }

    pub(crate) fn encode(context: *mut c_void, keep: Keep<'_>, bytes: &mut [u8; CONTEXT_BYTES]) {
        let machine = machine(context);
        bytes.fill(0);
        put(bytes, 0, FLAGS.to_le_bytes());
        put(bytes, 4, (machine.pstate as u32).to_le_bytes());
        for (index, word) in machine.regs.iter().chain([&machine.sp, &machine.pc]).enumerate() {
            put(bytes, 8 + 8 * index, keep.word(*word).to_le_bytes());
        }
    }
}
