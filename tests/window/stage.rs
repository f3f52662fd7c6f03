//! A display with the program's window in it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};
use tests::picture::Picture;
use tests::skip;

/// What has not happened after this long will not.
pub const IDLE_MAX: Duration = Duration::from_secs(10);

/// The program's window on a display of its own, with the keyboard.
pub struct Stage {
    pub hearth: Instance,
    pub display: Display,
    pub home: Home,
    pub path: PathBuf,
}

impl Stage {
    /// Opens `a.txt` with `text`; `None`, said, where there is no display.
    pub fn open(test: &str, text: &str) -> Option<Self> {
        Self::open_with(test, text, |_| {})
    }

    /// The same on a display that `prepare` saw first.
    pub fn open_with(test: &str, text: &str, prepare: impl Fn(&Display)) -> Option<Self> {
        Self::open_prepared(test, text, |display, _| prepare(display))
    }

    /// The same with a display and a home that `prepare` saw first.
    pub fn open_prepared(
        test: &str,
        text: &str,
        prepare: impl Fn(&Display, &Home),
    ) -> Option<Self> {
        let display = match Display::start(1280, 900) {
            Ok(display) => display,
            Err(error) => {
                skip(test, &error);
                return None;
            }
        };
        let home = Home::new().unwrap();
        prepare(&display, &home);
        let path = home.file("a.txt", text).unwrap();
        let hearth = start(&home, &display, &path);
        let stage = Self { hearth, display, home, path };
        stage.display.focus(stage.hearth.pid()).unwrap();
        Some(stage)
    }

    /// Kills the program and starts it once more on the same display.
    pub fn restart(&mut self) {
        let pid = self.hearth.pid().to_string();
        // One that ended by itself is not there to be killed.
        let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
        // Killed is what it is meant to have ended by.
        let _ = self.hearth.ended(IDLE_MAX);
        self.hearth = start(&self.home, &self.display, &self.path);
    }

    /// Waits until the text is `wanted`.
    pub fn until_text(&mut self, wanted: &str) {
        let start = Instant::now();
        loop {
            let text = self.hearth.text().unwrap();
            if text == wanted {
                return;
            }
            assert!(start.elapsed() < IDLE_MAX, "{text:?} is not {wanted:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Does something with the window through xdotool: its name and what follows the window.
    pub fn window(&self, verb: &[&str], more: &[&str]) {
        let pid = self.hearth.pid().to_string();
        self.display.xdotool(&[&Display::search(&pid), verb, &["%1"], more].concat()).unwrap();
    }

    /// What the display shows of the window.
    pub fn import(&self) -> Picture {
        let pid = self.hearth.pid().to_string();
        let mut search = self.display.command("xdotool");
        let found = search.args(Display::search(&pid)).output().unwrap();
        let window = String::from_utf8(found.stdout).unwrap();
        let window = window.lines().next().expect("it has a window").to_owned();
        let path = self.home.beside("shown.png");
        let mut import = self.display.command("import");
        let status = import.args(["-silent", "-window", &window]).arg(&path).status();
        assert!(status.expect("import (package imagemagick) starts").success());
        Picture::read(&path).unwrap()
    }
}

fn start(home: &Home, display: &Display, path: &std::path::Path) -> Instance {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", display.name()).env("LC_ALL", "en_US.UTF-8");
    command.arg("--drive").arg(path);
    let mut hearth = Instance::start(command, home).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth
}
