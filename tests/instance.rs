//! The real program in a home of its own, driven over its control socket.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A start that takes longer than this has failed.
const START_MAX: Duration = Duration::from_secs(20);
/// An answer that takes longer than this will not come.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A sentence that takes longer than this is not said.
const SAID_MAX: Duration = Duration::from_secs(8);

/// How the binary under test is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As `cargo build` makes it: what tests drive.
    Dev,
    /// As `cargo build --release` makes it: what is measured.
    Release,
}

/// Builds `hearth` and answers where it lies. Cargo is asked once per process and profile.
///
/// # Errors
///
/// The last line of what the compiler said.
pub fn binary(profile: Profile) -> Result<PathBuf, String> {
    // For one who has it already, such as a machine without a compiler.
    if let Some(path) = env::var_os("HEARTH_BINARY") {
        return Ok(PathBuf::from(path));
    }
    static BUILT: Mutex<Vec<(Profile, PathBuf)>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().expect("no build panics while it holds the lock");
    if let Some((_, path)) = built.iter().find(|(known, _)| *known == profile) {
        return Ok(path.clone());
    }
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["build", "--quiet", "--package", "editor", "--bin", "hearth"]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    cargo.current_dir(crate::tree::root());
    let output = cargo.output().map_err(|error| format!("cargo does not start: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("hearth does not build: {}", said.trim()));
    }
    let path = executable(&output.stdout).ok_or("cargo named no executable")?;
    built.push((profile, path.clone()));
    Ok(path)
}

/// The last executable that cargo's messages name.
fn executable(messages: &[u8]) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    let parsed = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut named = parsed.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    named.next_back()
}

/// A folder for `HEARTH_HOME`, with the passphrase that unlocks the profile in it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty home: the first start makes the profile.
    ///
    /// # Errors
    ///
    /// What the file system said.
    pub fn new() -> Result<Self, String> {
        let made = TempDir::with_prefix("hearth-").map_err(|error| error.to_string())?;
        let home = Self { folder: made };
        fs::create_dir(home.profile()).map_err(|error| error.to_string())?;
        let mut passphrase = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            // One that others may read is refused.
            .mode(0o600)
            .open(home.passphrase())
            .map_err(|error| error.to_string())?;
        passphrase
            .write_all(b"correct horse battery staple\n")
            .map_err(|error| error.to_string())?;
        Ok(home)
    }

    /// What `HEARTH_HOME` is set to.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A folder beside the home, for the files of a test.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the home, with the folders that its name asks for.
    ///
    /// # Errors
    ///
    /// What the file system said.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf, String> {
        let path = self.beside(name);
        let folder = path.parent().expect("it lies in the folder of the home");
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        fs::write(&path, bytes).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// Everything that the program recorded, which has every sentence that it showed.
    #[must_use]
    pub fn records(&self) -> String {
        let files = fs::read_dir(self.profile().join("state/records"));
        let mut paths: Vec<_> =
            files.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.into_iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
    }

    /// Waits until the program has recorded `words`.
    ///
    /// # Errors
    ///
    /// What it recorded instead.
    pub fn said(&self, words: &str) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < SAID_MAX {
            if self.records().contains(words) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!("nothing said \"{words}\" in:\n{}", self.records()))
    }

    /// The program at `binary`, told of this home and of nothing else of the machine's owner.
    #[must_use]
    pub fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.env("HEARTH_HOME", self.profile());
        command.env("HEARTH_PASSPHRASE_FILE", self.passphrase());
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.stdin(Stdio::null());
        command
    }

    fn passphrase(&self) -> PathBuf {
        self.folder.path().join("passphrase")
    }

    /// The control socket: whatever socket the instance made under its home.
    fn socket(&self) -> Option<PathBuf> {
        let mut folders = vec![self.profile()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).ok()?.flatten() {
                let kind = entry.file_type().ok()?;
                if kind.is_socket() {
                    return Some(entry.path());
                }
                if kind.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        None
    }
}

/// A running `hearth`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Instance {
    child: Child,
    socket: BufReader<UnixStream>,
    next: u64,
}

impl Instance {
    /// Starts the program without a window, with `paths` open, and waits until it answers.
    ///
    /// # Errors
    ///
    /// That it does not start, ended early (with what it said), or never answered.
    pub fn headless(binary: &Path, home: &Home, paths: &[&Path]) -> Result<Self, String> {
        let mut command = home.command(binary);
        command.arg("--headless").args(paths);
        Self::start(command, home)
    }

    /// Starts the program with a window on `display` (`:7`), drivable, and waits until it answers.
    ///
    /// # Errors
    ///
    /// As [`Instance::headless`].
    pub fn windowed(
        binary: &Path,
        home: &Home,
        display: &str,
        paths: &[&Path],
    ) -> Result<Self, String> {
        let mut command = home.command(binary);
        command.env("DISPLAY", display).arg("--drive").args(paths);
        Self::start(command, home)
    }

    /// Starts `command`, which is `hearth` in some form that keeps running, and waits until it
    /// answers. What it says on standard error stands in `stderr` beside the home.
    ///
    /// # Errors
    ///
    /// As [`Instance::headless`].
    pub fn start(mut command: Command, home: &Home) -> Result<Self, String> {
        let log = home.beside("stderr");
        let stderr = fs::File::create(&log).map_err(|error| error.to_string())?;
        command.stderr(stderr).stdout(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("hearth: {error}"))?;
        match connect(&mut child, home, &log) {
            Ok(socket) => Ok(Self { child, socket: BufReader::new(socket), next: 0 }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Calls a command of the program and answers its result.
    ///
    /// # Errors
    ///
    /// The message of the error that it answered, or how the connection broke.
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.next += 1;
        let id = self.next;
        let call = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let broke = |error: std::io::Error| format!("{method}: {error}");
        self.socket.get_mut().write_all(format!("{call}\n").as_bytes()).map_err(broke)?;
        loop {
            let mut line = String::new();
            if self.socket.read_line(&mut line).map_err(broke)? == 0 {
                return Err(format!("{method}: the connection was closed"));
            }
            let mut answer: Value = serde_json::from_str(&line)
                .map_err(|error| format!("{method}: {error} in {line}"))?;
            if answer["id"] != json!(id) {
                continue;
            }
            return match answer.get("error") {
                Some(error) => Err(format!("{method}: {}", error["message"])),
                None => Ok(answer["result"].take()),
            };
        }
    }

    /// Presses keys, `ctrl-p m a i n enter`.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn keys(&mut self, keys: &str) -> Result<(), String> {
        self.call("app.keys", json!({"keys": keys})).map(drop)
    }

    /// Types text as an input method does.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn type_text(&mut self, text: &str) -> Result<(), String> {
        self.call("app.text", json!({"text": text})).map(drop)
    }

    /// Opens a file in the focused pane.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn open(&mut self, path: &Path) -> Result<Value, String> {
        self.call("file.open", json!({"path": path}))
    }

    /// The text of the active buffer.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn text(&mut self) -> Result<String, String> {
        let answer = self.call("buffer.text", json!({}))?;
        answer["text"].as_str().map(str::to_owned).ok_or_else(|| format!("no text: {answer}"))
    }

    /// The active item of the active pane, as `app.state` tells it; `null` if there is none.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`].
    pub fn item(&mut self) -> Result<Value, String> {
        let state = self.call("app.state", json!({}))?;
        let active = |list: &Value| {
            let mut found = list.as_array().into_iter().flatten();
            found.find(|one| one["active"] == json!(true)).cloned().unwrap_or_default()
        };
        Ok(active(&active(&state["panes"])["items"]))
    }

    /// Waits until `holds` of what `app.state` answers.
    ///
    /// # Errors
    ///
    /// The state that it still had after some seconds.
    pub fn until(&mut self, holds: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let start = Instant::now();
        loop {
            let state = self.call("app.state", json!({}))?;
            if holds(&state) {
                return Ok(state);
            }
            if start.elapsed() > SAID_MAX {
                return Err(format!("it stays so: {state}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes a picture of the window as it is drawn, in a PNG at `path`.
    ///
    /// # Errors
    ///
    /// As [`Instance::call`], or what is wrong with the picture.
    pub fn screenshot(&mut self, path: &Path) -> Result<crate::picture::Picture, String> {
        self.call("app.screenshot", json!({"path": path}))?;
        crate::picture::Picture::read(path)
    }

    /// Waits until no background work is pending.
    ///
    /// # Errors
    ///
    /// The work that is still pending after `limit`.
    pub fn wait_idle(&mut self, limit: Duration) -> Result<(), String> {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.call("app.wait_idle", json!({"timeout_ms": limit})).map(drop)
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    ///
    /// That it still runs after `limit`, or ended with a failure.
    pub fn ended(&mut self, limit: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < limit {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("it ended with {status}")),
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("it still runs after {limit:?}"))
    }

    /// Ends the process with no chance to tidy up, as a crash does.
    pub fn kill(mut self) {
        end(&mut self.child);
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn connect(child: &mut Child, home: &Home, log: &Path) -> Result<UnixStream, String> {
    let start = Instant::now();
    while start.elapsed() < START_MAX {
        if let Some(socket) = home.socket().and_then(|path| UnixStream::connect(path).ok()) {
            socket.set_read_timeout(Some(ANSWER_MAX)).map_err(|error| error.to_string())?;
            return Ok(socket);
        }
        if let Ok(Some(status)) = child.try_wait() {
            let said = fs::read_to_string(log).unwrap_or_default();
            return Err(format!("hearth ended with {status}: {}", said.trim()));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Err(format!("hearth made no socket under its home within {} s", START_MAX.as_secs()))
}

fn end(child: &mut Child) {
    // It may have ended by itself; then there is nothing to kill.
    let _ = child.kill();
    // The status of a killed process tells nothing.
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages =
            b"{\"executable\":null}\n{\"executable\":\"/t/hearth\"}\n{\"success\":true}\n";
        assert_eq!(executable(messages), Some(PathBuf::from("/t/hearth")));
    }

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_what_it_said() {
        let home = Home::new().unwrap();
        let mut shell = home.command(Path::new("/bin/sh"));
        shell.args(["-c", "echo no display here >&2; exit 3"]);
        let error = Instance::start(shell, &home).unwrap_err();
        assert!(error.contains("no display here") && error.contains('3'), "{error}");
    }
}
