//! The other editors of this machine, measured as Hearth is: in a window under Xvfb, with the same
//! file, keys and eye.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests::instance::Home;

use crate::eye::{Area, Eye, ink};
use crate::measure::Figure;
use crate::samples::Samples;
use crate::start::{TEXT_INK, middle};

/// How long one of them may take to show its window, or its text.
const LIMIT: Duration = Duration::from_secs(30);

/// An editor.
pub struct Neighbour {
    /// What it is called in the table, which is its program's name.
    pub name: &'static str,
    /// Debian's package.
    package: &'static str,
    /// What goes before the file, for a line that it is opened at.
    arguments: fn(usize) -> Vec<String>,
}

/// Those that issues and designs compare with.
const ALL: [Neighbour; 3] = [
    Neighbour {
        name: "gvim",
        package: "vim-gtk3",
        arguments: |line| {
            let typing = ["-f", "-c", "syntax on", "-c", "startinsert"].map(str::to_owned);
            typing.into_iter().chain([format!("+{line}")]).collect()
        },
    },
    Neighbour {
        name: "kate",
        package: "kate",
        arguments: |line| vec!["-n".to_owned(), "-b".to_owned(), "-l".to_owned(), line.to_string()],
    },
    Neighbour {
        name: "emacs",
        package: "emacs-gtk",
        arguments: |line| vec!["-Q".to_owned(), format!("+{line}")],
    },
];

/// Those that are installed; says how to install the others.
pub fn installed() -> Vec<Neighbour> {
    let paths: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|paths| std::env::split_paths(&paths).collect())
        .unwrap_or_default();
    let is_there = |it: &Neighbour| {
        let found = paths.iter().any(|folder| folder.join(it.name).is_file());
        if !found {
            eprintln!("no {} to measure beside: apt-get install {}", it.name, it.package);
        }
        found
    };
    ALL.into_iter().filter(is_there).collect()
}

impl Neighbour {
    /// Starts it with a file, in a home of its own.
    fn start(&self, home: &Home, display: &str, file: &Path, line: usize) -> Result<End, String> {
        let mut command = Command::new(self.name);
        command.args((self.arguments)(line)).arg(file);
        command.env("DISPLAY", display).env("HOME", home.beside(self.name));
        command.env("XDG_RUNTIME_DIR", home.beside(self.name)).env_remove("XDG_CONFIG_HOME");
        // Kate asks over its text whether to start a language server that it finds.
        command.env("PATH", "/usr/bin:/bin");
        command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        std::fs::create_dir_all(home.beside(self.name)).map_err(|error| error.to_string())?;
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.name))?;
        Ok(End(child))
    }

    /// From its start to the text of a file on the screen: the median of five after one.
    pub fn text(&self, home: &Home, display: &str, file: &Path) -> Result<f64, String> {
        let mut times = Samples::default();
        for round in 0..6 {
            let eye = Eye::open(display)?;
            let begun = Instant::now();
            let _end = self.start(home, display, file, 1)?;
            eye.window(LIMIT)?;
            // It may grow, or show something small before itself.
            let time = loop {
                let (_, area) = eye.window(LIMIT)?;
                let step = Duration::from_millis(200);
                let full = |image: &[u8]| ink(image) > TEXT_INK;
                match eye.until(Instant::now(), middle(area), step, full) {
                    Ok(_) => break begun.elapsed(),
                    Err(error) if begun.elapsed() > LIMIT => {
                        return Err(format!("{}: {error}", self.name));
                    }
                    Err(_) => {}
                }
            };
            if round > 0 {
                times.push_ms(time);
            }
        }
        Ok(times.median())
    }

    /// It with a file open, waiting for keys; answers what ends it and its window's place.
    pub fn open(
        &self,
        home: &Home,
        display: &str,
        eye: &Eye,
        file: &Path,
        line: usize,
    ) -> Result<(End, Area), String> {
        let end = self.start(home, display, file, line)?;
        eye.window(LIMIT)?;
        // Colours of a large file, and windows that grow, come late.
        std::thread::sleep(Duration::from_secs(4));
        let (window, area) = eye.window(LIMIT)?;
        eye.focus(window)?;
        // Some give the keys to a panel until their text is clicked on.
        eye.click(area)?;
        std::thread::sleep(Duration::from_millis(500));
        Ok((end, area))
    }
}

/// Puts what each of them gave beside a figure; one that gave nothing is named.
pub fn beside(mut figure: Figure, given: &[(&'static str, Result<f64, String>)]) -> Figure {
    for (name, value) in given {
        match value {
            Ok(value) => figure = figure.beside(name, *value),
            Err(error) => eprintln!("{name} was not measured: {error}"),
        }
    }
    figure
}

/// Asks a process to end when dropped, and waits until it has.
pub struct End(pub Child);

impl Drop for End {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).expect("a process id fits");
        // SAFETY: the child was not waited for yet, so the id is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let start = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) {
            if start.elapsed() > Duration::from_secs(5) {
                // It may end by itself just now; then there is nothing to kill or to wait for.
                let _ = self.0.kill().and_then(|()| self.0.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
