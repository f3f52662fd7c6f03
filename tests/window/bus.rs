//! A D-Bus daemon for one test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A session bus of its own; it ends when this is dropped.
pub struct Bus {
    daemon: Child,
    /// Where it is reached.
    pub address: String,
}

impl Bus {
    /// Starts one; a sentence where there is none to start.
    pub fn start() -> Result<Self, String> {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        let mut daemon = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("dbus-daemon (package dbus) does not start: {error}"))?;
        let stdout = daemon.stdout.take().expect("it is piped");
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).map_err(|error| error.to_string())?;
        Ok(Bus { daemon, address: address.trim().to_owned() })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.daemon.kill();
        // The status of a killed process tells nothing.
        let _ = self.daemon.wait();
    }
}
