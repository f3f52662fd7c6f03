//! What a program that a step runs can reach.
//!
//! On Linux it gets namespaces of its own where the system lets an ordinary user have them (no
//! network but for those that it was promised, places hidden, all files read-only but for some),
//! Landlock for the same writes, which outlives a hole in the first, no new rights, and limits.
//! What of that this system lacks is said: [`Held::told`] is for a person. Elsewhere nothing holds.
//! It has the processes of the machine in sight, and can end those of its owner.
//!
//! Every call between fork and exec is a plain system call on memory made before: the child of a
//! program with threads may not allocate.

#[cfg(target_os = "linux")]
mod linux;

use std::path::PathBuf;
use std::process::Command;

/// Names of sandboxes that a policy can ask for: in all of them a program has no network, whatever
/// its plan says.
pub const NAMES: [&str; 3] = ["process", "pack", "trainer"];

/// What a program may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walls {
    /// Folders and files that may be written; all else is only read.
    pub writes: Vec<PathBuf>,
    /// Folders and files that it does not see.
    pub hidden: Vec<PathBuf>,
    /// Whether it reaches the network.
    pub network: Network,
    /// The largest file that it may write, in bytes.
    pub file_bytes_max: Option<u64>,
    /// CPU time, in seconds.
    pub cpu_s_max: Option<u64>,
}

/// Whether a program reaches the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// It does not, and no socket of this machine with an abstract name.
    #[default]
    None,
    /// As everybody.
    Open,
}

/// What holds on this system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Namespaces: no network, hidden places, read-only files.
    pub spaces: bool,
    /// Landlock: read-only files.
    pub landlock: bool,
    /// Why something of that does not hold.
    pub lacks: Option<String>,
}

impl Held {
    /// Whether what [`Walls`] says is kept, each word of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.spaces
    }

    /// The same for a person, as the words behind "it runs".
    #[must_use]
    pub fn told(&self) -> String {
        let lacks = self.lacks.as_deref().unwrap_or("this system has no means for it");
        match (self.spaces, self.landlock) {
            (true, true) => "sandboxed".to_owned(),
            (true, false) => format!("sandboxed, by namespaces alone: {lacks}"),
            (false, true) => format!(
                "not sandboxed but for what it writes: it reaches the network and sees every file \
                 ({lacks})"
            ),
            (false, false) => format!("not sandboxed: {lacks}"),
        }
    }
}

/// What this system can hold, found out once by trying it in a child.
#[must_use]
pub fn ability() -> &'static Held {
    static FOUND: std::sync::OnceLock<Held> = std::sync::OnceLock::new();
    FOUND.get_or_init(probe)
}

/// Puts `command` behind `walls`, as far as this system can.
///
/// # Errors
/// A place whose name the system cannot take.
pub fn wall_in(command: &mut Command, walls: &Walls) -> Result<(), String> {
    for name in ["HEARTH_PASSPHRASE_FILE", "HEARTH_HOME", "SSH_AUTH_SOCK", "SSH_AGENT_PID"] {
        command.env_remove(name);
    }
    put(command, walls)
}

#[cfg(target_os = "linux")]
fn probe() -> Held {
    linux::probe()
}

#[cfg(target_os = "linux")]
fn put(command: &mut Command, walls: &Walls) -> Result<(), String> {
    linux::wall_in(command, walls, ability())
}

#[cfg(not(target_os = "linux"))]
fn probe() -> Held {
    let lacks = Some(format!("Hearth knows no sandbox on {}", std::env::consts::OS));
    Held { lacks, ..Held::default() }
}

#[cfg(not(target_os = "linux"))]
fn put(_: &mut Command, _: &Walls) -> Result<(), String> {
    Ok(())
}
