//! What a settings daemon of the X display says, by a real property of a real window.
#![cfg(target_os = "linux")]

use std::time::Duration;

use serde_json::{Value, json};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, PropMode, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::stage::{IDLE_MAX, Stage};

/// A settings daemon, as small as it can be.
struct Daemon {
    connection: RustConnection,
    window: u32,
    serial: u32,
}

enum Setting<'a> {
    Number(&'a str, i32),
    Text(&'a str, &'a str),
}

use Setting::{Number, Text};

impl Daemon {
    /// Takes the selection and tells everybody that it is there.
    fn start(display: &str, settings: &[Setting<'_>]) -> Self {
        let (connection, screen) = x11rb::connect(Some(display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let window = connection.generate_id().unwrap();
        let (class, look) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        connection.create_window(0, window, root, 0, 0, 1, 1, 0, class, 0, &look).unwrap();
        let mut daemon = Self { connection, window, serial: 0 };
        daemon.say(settings);
        let selection = daemon.atom("_XSETTINGS_S0");
        daemon.connection.set_selection_owner(window, selection, x11rb::CURRENT_TIME).unwrap();
        let manager = daemon.atom("MANAGER");
        let words = [x11rb::CURRENT_TIME, selection, window, 0, 0];
        let told = ClientMessageEvent::new(32, root, manager, words);
        daemon.connection.send_event(false, root, EventMask::STRUCTURE_NOTIFY, told).unwrap();
        daemon.connection.sync().unwrap();
        daemon
    }

    fn atom(&self, name: &str) -> u32 {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    /// Writes these and no others.
    fn say(&mut self, settings: &[Setting<'_>]) {
        self.serial += 1;
        let mut bytes = vec![0_u8; 4];
        bytes.extend(self.serial.to_le_bytes());
        bytes.extend((settings.len() as u32).to_le_bytes());
        let fill = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
        for setting in settings {
            let (kind, name) = match setting {
                Number(name, _) => (0, name),
                Text(name, _) => (1, name),
            };
            bytes.extend([kind, 0]);
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend(name.as_bytes());
            fill(&mut bytes);
            bytes.extend(self.serial.to_le_bytes());
            match setting {
                Number(_, number) => bytes.extend(number.to_le_bytes()),
                Text(_, text) => {
                    bytes.extend((text.len() as u32).to_le_bytes());
                    bytes.extend(text.as_bytes());
                    fill(&mut bytes);
                }
            }
        }
        let property = self.atom("_XSETTINGS_SETTINGS");
        let (mode, window) = (PropMode::REPLACE, self.window);
        self.connection.change_property8(mode, window, property, property, &bytes).unwrap();
        self.connection.sync().unwrap();
    }

    /// Something that is no settings at all.
    fn babble(&self) {
        let property = self.atom("_XSETTINGS_SETTINGS");
        let (mode, kind) = (PropMode::REPLACE, AtomEnum::STRING);
        let bytes = [0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255];
        self.connection.change_property8(mode, self.window, property, kind, &bytes).unwrap();
        self.connection.sync().unwrap();
    }
}

const DARK: &[Setting<'static>] = &[
    Text("Net/ThemeName", "Adwaita-dark"),
    Number("Net/DoubleClickTime", 1500),
    Number("Xft/Hinting", 0),
    Number("Xft/Antialias", 0),
    Number("Gtk/EnableAnimations", 0),
];

fn says(state: &Value) -> (&Value, &Value, &Value, &Value, &Value) {
    let glyphs = &state["glyphs"];
    let (theme, motion) = (&state["theme"], &state["motion"]);
    (theme, motion, &glyphs["hinting"], &glyphs["smoothing"], &state["double_click_ms"])
}

/// How far apart the text's darkest and lightest pixels are is told by colours alone.
fn colours(stage: &mut Stage) -> usize {
    stage.hearth.wait_idle(IDLE_MAX).unwrap();
    let path = stage.home.beside("drawn.png");
    stage.hearth.screenshot(&path).unwrap().colours()
}

#[test]
fn the_settings_of_the_display_are_followed_without_a_bus() {
    let daemon = std::cell::RefCell::new(None);
    let text = "word word word word word word word word word word\n".repeat(200);
    let stage = Stage::open_with("the_settings_of_the_display", &text, |display| {
        *daemon.borrow_mut() = Some(Daemon::start(display.name(), DARK));
    });
    let (Some(mut stage), Some(mut daemon)) = (stage, daemon.into_inner()) else { return };
    let dark =
        (&json!("Hearth Dark"), &json!("reduced"), &json!(false), &json!(false), &json!(1500));
    stage.hearth.until(|state| says(state) == dark).unwrap();
    let rough = colours(&mut stage);

    // Two clicks a second apart are a double click for this daemon, and the word is selected.
    let word = |stage: &mut Stage| {
        stage.hearth.keys("escape ctrl-home").unwrap();
        stage.window(&["mousemove", "--window"], &["300", "300"]);
        stage.display.xdotool(&["click", "1", "sleep", "0.8", "click", "1"]).unwrap();
        stage.hearth.wait_idle(IDLE_MAX).unwrap();
        let selected = stage.hearth.item().unwrap()["selections"][0].clone();
        selected["anchor"] != selected["head"]
    };
    assert!(word(&mut stage), "within the time that the daemon gives");

    daemon.say(&[
        Text("Net/ThemeName", "Adwaita"),
        Number("Net/DoubleClickTime", 250),
        Number("Xft/Hinting", 1),
        Number("Xft/Antialias", 1),
        Number("Gtk/EnableAnimations", 1),
    ]);
    let light = (&json!("Hearth Light"), &json!("full"), &json!(true), &json!(true), &json!(250));
    stage.hearth.until(|state| says(state) == light).unwrap();
    let smooth = colours(&mut stage);
    assert!(smooth > rough * 2, "edges are blended again: {rough} colours, then {smooth}");
    assert!(!word(&mut stage), "0.8 s is too long now");

    // Damage changes nothing, and another daemon takes the place of one that ends.
    daemon.babble();
    std::thread::sleep(Duration::from_millis(200));
    stage.hearth.until(|state| says(state) == light).unwrap();
    drop(daemon);
    let second = Daemon::start(stage.display.name(), DARK);
    stage.hearth.until(|state| says(state) == dark).unwrap();
    drop(second);

    let own = json!({ "key": "appearance.hinting", "value": true, "layer": "session" });
    stage.hearth.call("settings.set", own).unwrap();
    let state = stage.hearth.until(|state| state["glyphs"]["hinting"] == json!(true)).unwrap();
    assert_eq!(state["glyphs"]["smoothing"], json!(false), "the person said nothing of that");
}
