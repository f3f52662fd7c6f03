//! A virtual X display with real keys.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// An Xvfb of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts Xvfb on a free display, 24 bits deep, at 96 DPI.
    ///
    /// # Errors
    ///
    /// That Xvfb is not installed, or what it said in place of a display number.
    pub fn start(width: u32, height: u32) -> Result<Self, String> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-dpi", "96"])
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb (package xvfb) does not start: {error}"))?;
        let stdout = server.stdout.take().expect("standard output was piped");
        let mut number = String::new();
        let read = BufReader::new(stdout).read_line(&mut number);
        let display = Self { server, name: format!(":{}", number.trim()) };
        match read {
            Ok(_) if number.trim().parse::<u32>().is_ok() => Ok(display),
            _ => Err("Xvfb (package xvfb) named no display".to_owned()),
        }
    }

    /// What `DISPLAY` is set to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A program that uses this display.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
        command
    }

    /// Gives the keyboard to the first visible window of process `pid`: without a window manager
    /// nobody else does.
    ///
    /// # Errors
    ///
    /// That there is no such window, or no xdotool.
    pub fn focus(&self, pid: u32) -> Result<(), String> {
        let pid = pid.to_string();
        let search = Self::search(&pid);
        self.xdotool(&[&["search", "--sync"], &search[1..], &["windowfocus", "--sync"]].concat())
    }

    /// The words by which xdotool finds the visible windows of a process.
    #[must_use]
    pub fn search(pid: &str) -> [&str; 7] {
        // Without a pattern it takes the next word of its command line for one.
        ["search", "--all", "--onlyvisible", "--pid", pid, "--name", ""]
    }

    /// Presses keys by their X names, one after another: `ctrl+p`, `a`, `Return`.
    ///
    /// # Errors
    ///
    /// What xdotool said, or that it is not installed.
    pub fn keys(&self, keys: &[&str]) -> Result<(), String> {
        self.xdotool(&[&["key", "--delay", "1"], keys].concat())
    }

    /// Runs xdotool with these arguments.
    ///
    /// # Errors
    ///
    /// As [`Display::keys`].
    pub fn xdotool(&self, arguments: &[&str]) -> Result<(), String> {
        let mut xdotool = self.command("xdotool");
        let output = xdotool
            .args(arguments)
            .output()
            .map_err(|error| format!("xdotool (package xdotool) does not start: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("xdotool: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.server.kill();
        // The status of a killed process tells nothing.
        let _ = self.server.wait();
    }
}
