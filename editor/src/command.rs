//! The groups of commands, one noun per file; the registry is gathered from this list.

mod describe;

use crate::registry::Command;

/// Every group that the program offers. A new file in `command/` adds its `COMMANDS` here.
pub const GROUPS: &[&[Command]] = &[];
