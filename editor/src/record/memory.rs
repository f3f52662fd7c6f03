//! How much memory the process has.

/// Sizes in bytes; `None` where the system was not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What lies in memory now.
    pub resident: Option<u64>,
    /// The most that it ever was.
    pub peak: Option<u64>,
}

/// Reads it: on Linux from `/proc/self/status`; elsewhere nothing is known.
pub fn now() -> Memory {
    match std::fs::read_to_string("/proc/self/status") {
        Ok(text) => parse(&text),
        Err(_) => Memory::default(),
    }
}

fn parse(status: &str) -> Memory {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Memory { resident: field("VmRSS:"), peak: field("VmHWM:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let memory = parse("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n");
        assert_eq!(memory, Memory { resident: Some(1 << 20), peak: Some(2 << 20) });
        assert_eq!(parse("VmRSS: many"), Memory::default());
    }
}
