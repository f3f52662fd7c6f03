//! Where the program keeps what is its own.
//!
//! The platform's folders, or everything under `HEARTH_HOME`, so that several instances can live
//! on one machine.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::keymap::Platform;
use crate::registry::Fault;

/// The variable that moves everything under one folder.
pub const HOME_VARIABLE: &str = "HEARTH_HOME";

/// Folders, none of which has to exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// What the person wrote: settings and keys.
    pub config: PathBuf,
    /// What must not be lost: the profile, its log, trust.
    pub data: PathBuf,
    /// What is of this machine: records, the socket, the credential file.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// A short path for a socket, should `state` be too long for one.
    pub runtime: PathBuf,
}

/// Reads an environment variable; an empty one counts as unset.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Directories {
    /// Those of this process.
    ///
    /// # Errors
    /// When the environment names no home folder.
    pub fn of_process() -> Result<Self, Fault> {
        let variable = |name: &str| std::env::var_os(name);
        let mut found = Self::resolve(Platform::HERE, &variable)?;
        // Another working directory must not mean another profile.
        for folder in [
            &mut found.config,
            &mut found.data,
            &mut found.state,
            &mut found.cache,
            &mut found.runtime,
        ] {
            *folder = std::path::absolute(&*folder)
                .map_err(|error| Fault::file("Finding", folder, &error))?;
        }
        Ok(found)
    }

    /// Those of `platform` with these variables.
    ///
    /// Linux follows the XDG base directory specification 0.8, where a relative path is ignored;
    /// macOS uses `~/Library`, Windows `%APPDATA%` and `%LOCALAPPDATA%`.
    ///
    /// # Errors
    /// When no home folder is named.
    pub fn resolve(platform: Platform, variable: Variable<'_>) -> Result<Self, Fault> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let temporary = || set("TMPDIR").unwrap_or_else(std::env::temp_dir);
        if let Some(home) = set(HOME_VARIABLE) {
            return Ok(Self::under(&home, temporary()));
        }
        let home = |name: &str| {
            set(name).ok_or_else(|| {
                Fault::machine(format!(
                    "No home folder is known: set {name}, or {HOME_VARIABLE} to a folder to use."
                ))
            })
        };
        Ok(match platform {
            Platform::Linux => {
                let xdg = |name: &str, usual: &str| match set(name).filter(|path| path.has_root()) {
                    Some(path) => Ok(path.join("hearth")),
                    None => Ok(home("HOME")?.join(usual).join("hearth")),
                };
                Self {
                    config: xdg("XDG_CONFIG_HOME", ".config")?,
                    data: xdg("XDG_DATA_HOME", ".local/share")?,
                    state: xdg("XDG_STATE_HOME", ".local/state")?,
                    cache: xdg("XDG_CACHE_HOME", ".cache")?,
                    runtime: set("XDG_RUNTIME_DIR").unwrap_or_else(temporary),
                }
            }
            Platform::Macos => {
                let library = home("HOME")?.join("Library");
                let support = library.join("Application Support/Hearth");
                Self {
                    config: support.join("config"),
                    data: support.join("data"),
                    state: support.join("state"),
                    cache: library.join("Caches/Hearth"),
                    runtime: temporary(),
                }
            }
            Platform::Windows => {
                let (roaming, local) = (home("APPDATA")?, home("LOCALAPPDATA")?);
                Self {
                    config: roaming.join("Hearth"),
                    data: local.join("Hearth").join("data"),
                    state: local.join("Hearth").join("state"),
                    cache: local.join("Hearth").join("cache"),
                    runtime: temporary(),
                }
            }
        })
    }

    /// All of them under `home`, for tests and for several instances.
    pub fn under(home: &Path, runtime: PathBuf) -> Self {
        Self {
            config: home.join("config"),
            data: home.join("data"),
            state: home.join("state"),
            cache: home.join("cache"),
            runtime,
        }
    }

    /// Makes the folders that are missing, for their owner alone.
    ///
    /// # Errors
    /// The first folder that could not be made.
    pub fn make(&self) -> Result<(), Fault> {
        for folder in [&self.config, &self.data, &self.state, &self.cache] {
            make_private(folder).map_err(|error| Fault::file("Making", folder, &error))?;
        }
        Ok(())
    }

    /// The person's settings.
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// This machine's settings.
    pub fn device_settings(&self) -> PathBuf {
        self.config.join("device.toml")
    }

    /// The person's keys.
    pub fn keymap(&self) -> PathBuf {
        self.config.join("keymap.toml")
    }

    /// The folder of the profile's header.
    pub fn profile(&self) -> PathBuf {
        self.data.join("profile")
    }

    /// The sealed log.
    pub fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    /// The index of the rows.
    pub fn rows(&self) -> PathBuf {
        self.data.join("rows")
    }

    /// The objects.
    pub fn objects(&self) -> PathBuf {
        self.data.join("objects")
    }

    /// The heads of this profile's ledgers, a folder for each device.
    pub fn ledgers(&self) -> PathBuf {
        self.data.join("ledger")
    }

    /// The keys of what the ledger's evidence is about.
    pub fn subjects(&self) -> PathBuf {
        self.data.join("subjects")
    }

    /// What this device signs with, sealed.
    pub fn identity(&self) -> PathBuf {
        self.data.join("identity")
    }

    /// The owner's other devices, sealed.
    pub fn devices(&self) -> PathBuf {
        self.data.join("devices")
    }

    /// While this file is there, nothing acts on its own.
    pub fn kill_switch(&self) -> PathBuf {
        self.state.join("kill-switch")
    }

    /// The person's policy.
    pub fn policy(&self) -> PathBuf {
        self.config.join("policy.toml")
    }

    /// This machine's policy.
    pub fn device_policy(&self) -> PathBuf {
        self.config.join("device-policy.toml")
    }

    /// Where an earlier version kept the folders that the owner trusts, unsealed.
    pub fn old_trust(&self) -> PathBuf {
        self.data.join("trust.json")
    }

    /// The generated passphrase of a profile whose owner chose none yet.
    pub fn credential(&self) -> PathBuf {
        self.state.join("credential")
    }

    /// The records of what the program did.
    pub fn records(&self) -> PathBuf {
        self.state.join("records")
    }

    /// Crash reports.
    pub fn crashes(&self) -> PathBuf {
        self.state.join("crashes")
    }

    /// What the resident process holds locked.
    pub fn lock(&self) -> PathBuf {
        self.state.join("instance.lock")
    }

    /// The control socket, on Windows the path that its pipe is named for. Its folder holds nothing
    /// else and is its owner's alone.
    ///
    /// A Unix socket's path has 108 bytes on Linux and 104 on macOS (`sun_path`), the closing zero
    /// included; where `state` is longer, the socket lies under `runtime`, named for it.
    pub fn socket(&self) -> PathBuf {
        const BYTES_MAX: usize = 100;
        let usual = self.state.join("run").join("control.sock");
        if usual.as_os_str().len() <= BYTES_MAX {
            return usual;
        }
        let hash = blake3::hash(usual.as_os_str().as_encoded_bytes()).to_hex();
        self.runtime.join(format!("hearth-{}", &hash[..16])).join("control.sock")
    }
}

/// Makes `folder` and what leads there; what is new is open to its owner alone.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(platform: Platform, set: &[(&str, &str)]) -> Result<Directories, Fault> {
        let variable = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        Directories::resolve(platform, &variable)
    }

    #[test]
    fn hearth_home_moves_everything() {
        for platform in [Platform::Linux, Platform::Macos, Platform::Windows] {
            let set = [("HEARTH_HOME", "/h"), ("HOME", "/home/a"), ("XDG_DATA_HOME", "/x")];
            let found = resolve(platform, &set).unwrap();
            for folder in [&found.config, &found.data, &found.state, &found.cache] {
                assert!(folder.starts_with("/h"), "{folder:?}");
            }
        }
    }

    #[test]
    fn linux_follows_xdg_and_ignores_relative_paths() {
        let set = [("HOME", "/home/a"), ("XDG_DATA_HOME", "/x"), ("XDG_STATE_HOME", "rel")];
        let found = resolve(Platform::Linux, &set).unwrap();
        assert_eq!(found.config, Path::new("/home/a/.config/hearth"));
        assert_eq!(found.data, Path::new("/x/hearth"));
        assert_eq!(found.state, Path::new("/home/a/.local/state/hearth"));
    }

    #[test]
    fn other_platforms_have_their_own_places() {
        let found = resolve(Platform::Macos, &[("HOME", "/Users/a")]).unwrap();
        assert!(found.cache.ends_with("Library/Caches/Hearth"));
        let set = [("APPDATA", "C:/R"), ("LOCALAPPDATA", "C:/L")];
        let found = resolve(Platform::Windows, &set).unwrap();
        assert_eq!(found.config, Path::new("C:/R/Hearth"));
        assert_eq!(found.data, Path::new("C:/L/Hearth/data"));
    }

    #[test]
    fn without_a_home_one_sentence_says_what_to_set() {
        let fault = resolve(Platform::Linux, &[("HOME", "")]).unwrap_err();
        assert!(fault.sentence.contains("HOME") && fault.sentence.contains("HEARTH_HOME"));
    }

    #[test]
    fn a_socket_path_is_never_too_long() {
        let short = Directories::under(Path::new("/h"), "/run/u".into());
        assert_eq!(short.socket(), Path::new("/h/state/run/control.sock"));
        let long = Directories::under(Path::new(&"/long".repeat(40)), "/run/u".into());
        let other = Directories::under(Path::new(&"/loong".repeat(40)), "/run/u".into());
        assert!(long.socket().as_os_str().len() < 100);
        assert_ne!(long.socket(), other.socket());
    }

    #[cfg(unix)]
    #[test]
    fn new_folders_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let found = Directories::under(&dir.path().join("h"), dir.path().into());
        found.make().unwrap();
        found.make().unwrap();
        let mode = std::fs::metadata(&found.state).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
