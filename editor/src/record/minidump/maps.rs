//! What is mapped: `/proc/self/maps`, read without an allocation.

use std::ops::Range;

use super::output::Location;

const REGIONS_MAX: usize = 2048;
const MODULES_MAX: usize = 256;
const STACKS_MAX: usize = super::threads::THREADS_MAX;
const NAME_BYTES_MAX: usize = 64;

/// A stack pointer this far below what is mapped has run over the end of its stack.
const OVERRUN_BYTES: u64 = 256 << 10;

/// A longer stack is none: something else is mapped behind it.
const STACK_BYTES_MAX: u64 = 8 << 20;

/// A range of addresses with equal rights.
#[derive(Clone, Copy)]
struct Region {
    start: u64,
    end: u64,
    is_readable: bool,
    /// Of a file that is a module.
    is_code: bool,
}

/// A file that code is run from.
#[derive(Clone, Copy)]
pub(super) struct Module {
    pub(super) start: u64,
    pub(super) end: u64,
    inode: u64,
    has_code: bool,
    name: [u8; NAME_BYTES_MAX],
    name_len: usize,
    /// Where its name and its build id were written.
    pub(super) written_name: u32,
    pub(super) code_view: Location,
}

impl Module {
    const NONE: Self = Self {
        start: 0,
        end: 0,
        inode: 0,
        has_code: false,
        name: [0; NAME_BYTES_MAX],
        name_len: 0,
        written_name: 0,
        code_view: Location::NONE,
    };

    /// The name of its file, without folders: a home has its owner's name.
    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.name_len).unwrap_or_default()
    }
}

pub(super) struct Maps {
    regions: [Region; REGIONS_MAX],
    region_count: usize,
    modules: [Module; MODULES_MAX],
    module_count: usize,
    stacks: [(u64, u64); STACKS_MAX],
    stack_count: usize,
}

/// A line of the table, as far as it was read.
struct Line {
    field: Field,
    start: u64,
    end: u64,
    rights: [u8; 4],
    rights_len: usize,
    inode: u64,
    name: [u8; NAME_BYTES_MAX],
    name_len: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Start,
    End,
    Rights,
    Offset,
    Device,
    Inode,
    Path,
}

impl Line {
    const NEW: Self = Self {
        field: Field::Start,
        start: 0,
        end: 0,
        rights: [0; 4],
        rights_len: 0,
        inode: 0,
        name: [0; NAME_BYTES_MAX],
        name_len: 0,
    };

    /// Takes the next byte of the line; its last, a line end, is not among them.
    fn take(&mut self, byte: u8) {
        let hex = |number: u64| match char::from(byte).to_digit(16) {
            Some(digit) => (number << 4) | u64::from(digit),
            None => number,
        };
        self.field = match (self.field, byte) {
            (Field::Start, b'-') => Field::End,
            (Field::End, b' ') => Field::Rights,
            (Field::Rights, b' ') => Field::Offset,
            (Field::Offset, b' ') => Field::Device,
            (Field::Device, b' ') => Field::Inode,
            (Field::Inode, b' ') => Field::Path,
            (field, _) => {
                match field {
                    Field::Start => self.start = hex(self.start),
                    Field::End => self.end = hex(self.end),
                    Field::Rights => {
                        if let Some(place) = self.rights.get_mut(self.rights_len) {
                            *place = byte;
                            self.rights_len += 1;
                        }
                    }
                    Field::Inode => {
                        let digit = u64::from(byte.wrapping_sub(b'0'));
                        self.inode = self.inode.wrapping_mul(10).wrapping_add(digit);
                    }
                    Field::Path => self.take_name(byte),
                    Field::Offset | Field::Device => {}
                }
                field
            }
        };
    }

    fn take_name(&mut self, byte: u8) {
        if byte == b'/' || self.name_len == 0 && byte == b' ' {
            self.name_len = 0;
        } else if let Some(place) = self.name.get_mut(self.name_len) {
            *place = byte;
            self.name_len += 1;
        }
    }
}

impl Maps {
    pub(super) const fn new() -> Self {
        Self {
            regions: [Region { start: 0, end: 0, is_readable: false, is_code: false }; REGIONS_MAX],
            region_count: 0,
            modules: [Module::NONE; MODULES_MAX],
            module_count: 0,
            stacks: [(0, 0); STACKS_MAX],
            stack_count: 0,
        }
    }

    /// Reads the table of this process.
    pub(super) fn read(&mut self) {
        // SAFETY: the path ends with a zero.
        let file =
            unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        let (mut line, mut bytes) = (Line::NEW, [0_u8; 512]);
        loop {
            // SAFETY: the buffer is as long as `read` is told.
            let read = unsafe { libc::read(file, bytes.as_mut_ptr().cast(), bytes.len()) };
            let Ok(read @ 1..) = usize::try_from(read) else { break };
            for byte in bytes.get(..read).unwrap_or_default() {
                if *byte == b'\n' {
                    self.add(&line);
                    line = Line::NEW;
                } else {
                    line.take(*byte);
                }
            }
        }
        // SAFETY: it is ours; closing one that was never opened fails and harms nothing.
        unsafe { libc::close(file) };
        self.drop_data();
    }

    fn add(&mut self, line: &Line) {
        let has = |right: u8| line.rights.contains(&right);
        let name = line.name.get(..line.name_len).unwrap_or_default();
        let is_module = line.inode != 0 || name == b"[vdso]";
        let region = Region {
            start: line.start,
            end: line.end,
            is_readable: has(b'r'),
            is_code: is_module && has(b'x'),
        };
        if let Some(place) = self.regions.get_mut(self.region_count) {
            *place = region;
            self.region_count += 1;
        }
        if is_module {
            self.add_module(line, region);
        }
    }

    fn add_module(&mut self, line: &Line, region: Region) {
        let known = self.module_count.checked_sub(1).and_then(|last| self.modules.get_mut(last));
        if let Some(module) = known
            && module.inode == line.inode
            && module.name() == line.name.get(..line.name_len).unwrap_or_default()
        {
            module.end = region.end;
            module.has_code |= region.is_code;
            return;
        }
        // One that turned out to be data makes room.
        if known_is_data(self.modules.get(self.module_count.wrapping_sub(1))) {
            self.module_count -= 1;
        }
        if let Some(place) = self.modules.get_mut(self.module_count) {
            *place = Module {
                start: region.start,
                end: region.end,
                inode: line.inode,
                has_code: region.is_code,
                name: line.name,
                name_len: line.name_len,
                ..Module::NONE
            };
            self.module_count += 1;
        }
    }

    fn drop_data(&mut self) {
        if known_is_data(self.modules.get(self.module_count.wrapping_sub(1))) {
            self.module_count -= 1;
        }
    }

    /// Notes that a thread's stack lies where its pointer is.
    pub(super) fn add_stack(&mut self, pointer: u64) {
        let stack = self.stack(pointer, STACK_BYTES_MAX);
        if let Some(place) = self.stacks.get_mut(self.stack_count)
            && !stack.is_empty()
        {
            *place = (stack.start, stack.end);
            self.stack_count += 1;
        }
    }

    /// The mapped part of a stack from its pointer upwards, at most `limit` bytes, in whole words.
    pub(super) fn stack(&self, pointer: u64, limit: u64) -> Range<u64> {
        let pointer = pointer & !7;
        let behind = self.regions().partition_point(|region| region.end <= pointer);
        let mut above = self.regions().get(behind..).unwrap_or_default().iter();
        match above.find(|region| region.is_readable) {
            Some(region) if region.start.saturating_sub(OVERRUN_BYTES) <= pointer => {
                let start = pointer.max(region.start);
                start..region.end.min(start.saturating_add(limit))
            }
            _ => 0..0,
        }
    }

    fn regions(&self) -> &[Region] {
        self.regions.get(..self.region_count).unwrap_or_default()
    }

    pub(super) fn modules(&self) -> &[Module] {
        self.modules.get(..self.module_count).unwrap_or_default()
    }

    pub(super) fn set_written(&mut self, index: usize, name: u32, code_view: Location) {
        if let Some(module) = self.modules.get_mut(index) {
            (module.written_name, module.code_view) = (name, code_view);
        }
    }

    fn region_of(&self, address: u64) -> Option<&Region> {
        let behind = self.regions().partition_point(|region| region.end <= address);
        self.regions().get(behind).filter(|region| region.start <= address)
    }

    /// Whether an address leads into a module's code.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.region_of(address).is_some_and(|region| region.is_code)
    }

    /// Whether an address leads into a stack.
    pub(super) fn is_stack(&self, address: u64) -> bool {
        let mut stacks = self.stacks.iter().take(self.stack_count);
        stacks.any(|(start, end)| (*start..*end).contains(&address))
    }

    /// Whether something is mapped within `bytes` of an address.
    pub(super) fn is_near(&self, address: u64, bytes: u64) -> bool {
        self.regions().iter().any(|region| {
            let range = region.start.saturating_sub(bytes)..region.end.saturating_add(bytes);
            range.contains(&address)
        })
    }

    /// A number of memory; `None` where nothing can be read.
    pub(super) fn peek<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let end = address.checked_add(N as u64)?;
        self.region_of(address).filter(|region| region.is_readable && end <= region.end)?;
        let place = std::ptr::with_exposed_provenance::<[u8; N]>(address as usize);
        // SAFETY: the range is mapped for reading, and bytes need no alignment.
        Some(unsafe { place.read_volatile() })
    }
}

fn known_is_data(module: Option<&Module>) -> bool {
    module.is_some_and(|module| !module.has_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_mapped_and_its_code_known() {
        let mut maps = Box::new(Maps::new());
        maps.read();
        let code = this_process_is_mapped_and_its_code_known as *const () as u64;
        let word = 7_u64;
        let place = &raw const word as u64;
        assert!(maps.is_code(code) && !maps.is_code(place) && !maps.is_code(0x6f6c_6c65_6820));
        maps.add_stack(place);
        assert!(maps.is_stack(place) && !maps.is_stack(code));
        assert_eq!(maps.peek::<8>(place), Some(7_u64.to_le_bytes()));
        assert_eq!(maps.peek::<8>(8), None);
        let own = std::env::current_exe().unwrap();
        let name = own.file_name().unwrap().as_encoded_bytes();
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        let module = maps.modules().iter().find(|module| module.name() == name).unwrap();
        assert!((module.start..module.end).contains(&code));
        assert!(super::super::build_id::find(&maps, module).is_some(), "the linker writes one");
    }
}
