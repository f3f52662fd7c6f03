//! What a screen reader hears, asked over a real accessibility bus while real keys are typed.
#![cfg(target_os = "linux")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zbus::blocking::{Connection, MessageIterator, connection};
use zbus::zvariant::Value as Field;
use zbus::zvariant::{DynamicDeserialize, DynamicType, OwnedObjectPath, Structure, Type};

use super::bus::Bus;
use super::stage::{IDLE_MAX, Stage};
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};
use tests::skip;

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const TEXT: &str = "org.a11y.atspi.Text";
const EDITABLE: &str = "org.a11y.atspi.EditableText";
const COMPONENT: &str = "org.a11y.atspi.Component";
/// Bit of an object's state: it has the keyboard.
const FOCUSED: u32 = 1 << 12;
/// Positions are wanted from the corner of the window.
const IN_WINDOW: u32 = 1;
/// What a reader steps by.
const WORD: u32 = 1;
const LINE: u32 = 3;

/// The accessibility bus, as a desktop starts it; it ends when this is dropped.
struct Launcher(Child);

impl Drop for Launcher {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        // The status of a killed process tells nothing.
        let _ = self.0.wait();
    }
}

/// An object of the program on that bus: its owner and its path.
type Object = (String, OwnedObjectPath);

/// A change of a text that was told: what happened, where, and the characters.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    kind: String,
    at: i32,
    text: String,
}

/// The program in a window, and a reader of it.
struct Desk {
    hearth: Instance,
    display: Display,
    bus: Connection,
    heard: Receiver<Heard>,
    home: Home,
    _launcher: Launcher,
    _session: Bus,
}

fn launcher() -> Option<PathBuf> {
    let places = ["/usr/libexec", "/usr/lib/at-spi2-core", "/usr/lib"];
    let paths = places.iter().map(|place| Path::new(place).join("at-spi-bus-launcher"));
    paths.into_iter().find(|path| path.exists())
}

fn start_bus(session: &Bus, home: &Home) -> Result<(Launcher, Connection), String> {
    let path = launcher().ok_or("at-spi-bus-launcher (package at-spi2-core) is missing")?;
    let mut command = Command::new(path);
    command.arg("--launch-immediately").env("DBUS_SESSION_BUS_ADDRESS", &session.address);
    command.env_remove("DISPLAY").env("XDG_RUNTIME_DIR", home.beside(""));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let launcher = Launcher(child.map_err(|error| error.to_string())?);
    let session = connection::Builder::address(session.address.as_str())
        .and_then(connection::Builder::build)
        .map_err(|error| error.to_string())?;
    let (name, path) = (Some("org.a11y.Bus"), "/org/a11y/bus");
    let start = Instant::now();
    let address: String = loop {
        match session.call_method(name, path, name, "GetAddress", &()) {
            Ok(answer) => break answer.body().deserialize().map_err(|error| error.to_string())?,
            Err(error) if start.elapsed() > IDLE_MAX => return Err(error.to_string()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    // What a desktop says once somebody starts a screen reader.
    let on = ("org.a11y.Status", "IsEnabled", zbus::zvariant::Value::Bool(true));
    let properties = Some("org.freedesktop.DBus.Properties");
    session.call_method(name, path, properties, "Set", &on).map_err(|error| error.to_string())?;
    let bus = connection::Builder::address(address.as_str())
        .and_then(connection::Builder::build)
        .map_err(|error| error.to_string())?;
    Ok((launcher, bus))
}

/// Tells what is said of texts from now on.
fn listen(bus: &Connection) -> Receiver<Heard> {
    let rule = "type='signal',interface='org.a11y.atspi.Event.Object'";
    let events = MessageIterator::for_match_rule(rule, bus, Some(4096)).unwrap();
    let (send, heard) = channel();
    std::thread::spawn(move || {
        for message in events.map_while(Result::ok) {
            let header = message.header();
            let member = header.member().map(|member| member.to_string()).unwrap_or_default();
            let body = message.body();
            let Ok(said) = body.deserialize::<Structure<'_>>() else { continue };
            let [Field::Str(kind), Field::I32(at), _, Field::Value(text), ..] = said.fields()
            else {
                continue;
            };
            let text = text.downcast_ref::<String>().unwrap_or_default();
            let told = Heard { kind: format!("{member}:{kind}"), at: *at, text };
            if send.send(told).is_err() {
                return;
            }
        }
    });
    heard
}

fn open(test: &str, text: &str) -> Option<Desk> {
    open_with(test, text, |_| {})
}

fn open_with(test: &str, text: &str, prepare: impl Fn(&Display)) -> Option<Desk> {
    let home = Home::new().unwrap();
    let started = Display::start(1280, 900).and_then(|display| {
        let session = Bus::start()?;
        let (launcher, bus) = start_bus(&session, &home)?;
        Ok((display, session, launcher, bus))
    });
    let (display, session, launcher, bus) = match started {
        Ok(started) => started,
        Err(error) => {
            skip(test, &error);
            return None;
        }
    };
    prepare(&display);
    let path = home.file("a.txt", text).unwrap();
    let heard = listen(&bus);
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", display.name()).env("DBUS_SESSION_BUS_ADDRESS", &session.address);
    command.env("LC_ALL", "en_US.UTF-8").arg("--drive").arg(path);
    let mut hearth = Instance::start(command, &home).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    display.focus(hearth.pid()).unwrap();
    Some(Desk { hearth, display, bus, heard, home, _launcher: launcher, _session: session })
}

impl Desk {
    fn ask<B, R>(&self, object: &Object, interface: &str, method: &str, body: &B) -> zbus::Result<R>
    where
        B: serde::Serialize + DynamicType,
        R: DeserializeOwned + Type + for<'d> DynamicDeserialize<'d>,
    {
        let (owner, path) = (object.0.as_str(), object.1.as_str());
        let answer = self.bus.call_method(Some(owner), path, Some(interface), method, body)?;
        answer.body().deserialize()
    }

    fn property<R>(&self, object: &Object, interface: &str, name: &str) -> zbus::Result<R>
    where
        R: TryFrom<zbus::zvariant::OwnedValue>,
    {
        let properties = "org.freedesktop.DBus.Properties";
        let value: zbus::zvariant::OwnedValue =
            self.ask(object, properties, "Get", &(interface, name))?;
        R::try_from(value).map_err(|_| zbus::Error::Failure(format!("{name} is of another type")))
    }

    /// Every object of the program that it tells of, the window's first.
    fn objects(&self) -> Vec<Object> {
        let root = OwnedObjectPath::try_from("/org/a11y/atspi/accessible/root").unwrap();
        let registry: Object = ("org.a11y.atspi.Registry".to_owned(), root);
        let mut waiting = VecDeque::from([registry]);
        let mut found = Vec::new();
        while let Some(object) = waiting.pop_front() {
            // One that has just gone has no children any more.
            let children: Vec<Object> =
                self.ask(&object, ACCESSIBLE, "GetChildren", &()).unwrap_or_default();
            waiting.extend(children);
            found.push(object);
        }
        found
    }

    /// The object that has the keyboard and a text, once there is one of this name.
    fn focused(&self, name: &str) -> Object {
        let start = Instant::now();
        loop {
            let is_meant = |object: &Object| {
                let state: zbus::Result<Vec<u32>> = self.ask(object, ACCESSIBLE, "GetState", &());
                let has_keys =
                    state.is_ok_and(|state| state.first().is_some_and(|it| it & FOCUSED != 0));
                has_keys
                    && self.interfaces(object).iter().any(|interface| interface == TEXT)
                    && self
                        .property::<String>(object, ACCESSIBLE, "Name")
                        .is_ok_and(|it| it == name)
            };
            if let Some(object) = self.objects().into_iter().find(is_meant) {
                return object;
            }
            assert!(start.elapsed() < IDLE_MAX, "nothing with a text {name:?} has the keyboard");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn interfaces(&self, object: &Object) -> Vec<String> {
        self.ask(object, ACCESSIBLE, "GetInterfaces", &()).unwrap_or_default()
    }

    fn text(&self, object: &Object) -> String {
        self.ask(object, TEXT, "GetText", &(0, -1)).unwrap()
    }

    fn caret(&self, object: &Object) -> i32 {
        self.property(object, TEXT, "CaretOffset").unwrap()
    }

    fn selection(&self, object: &Object) -> (i32, i32) {
        self.ask(object, TEXT, "GetSelection", &(0,)).unwrap()
    }

    /// What is at an offset, by words or lines.
    fn string_at(&self, object: &Object, at: i32, unit: u32) -> (String, i32, i32) {
        self.ask(object, TEXT, "GetStringAtOffset", &(at, unit)).unwrap()
    }

    /// Left edge, top, width and height of a character, in the window.
    fn extents(&self, object: &Object, at: i32) -> (i32, i32, i32, i32) {
        self.ask(object, TEXT, "GetCharacterExtents", &(at, IN_WINDOW)).unwrap()
    }

    /// Waits until the reader is told `text` and the caret is at `caret`.
    fn until(&self, object: &Object, text: &str, caret: i32) {
        let start = Instant::now();
        loop {
            let told = (self.text(object), self.caret(object));
            if told == (text.to_owned(), caret) {
                return;
            }
            assert!(start.elapsed() < IDLE_MAX, "{told:?} is not {:?}", (text, caret));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What was said of texts since the last call, once nothing more is.
    fn heard(&self) -> Vec<Heard> {
        let mut all = Vec::new();
        while let Ok(heard) = self.heard.recv_timeout(Duration::from_millis(400)) {
            all.push(heard);
        }
        all.retain(|heard| heard.kind.starts_with("Text"));
        all
    }

    fn selections(&mut self) -> Value {
        self.hearth.call("app.state", json!({})).unwrap()["panes"][0]["items"][0]["selections"]
            .clone()
    }
}

#[test]
fn a_reader_follows_what_is_typed_and_where_the_caret_goes() {
    let Some(mut desk) = open("a_reader_follows_what_is_typed", "one two\nthree\n") else { return };
    let text = desk.focused("a.txt");
    desk.until(&text, "one two\nthree\n", 0);
    assert_eq!(desk.property::<i32>(&text, TEXT, "CharacterCount").unwrap(), 14);
    assert!(desk.interfaces(&text).iter().any(|interface| interface == EDITABLE));
    desk.heard();
    desk.display.xdotool(&["type", "--delay", "5", "Hi "]).unwrap();
    desk.until(&text, "Hi one two\nthree\n", 3);
    let typed: String = desk
        .heard()
        .into_iter()
        .filter(|heard| heard.kind == "TextChanged:insert")
        .map(|heard| heard.text)
        .collect();
    assert_eq!(typed, "Hi ");
    desk.display.keys(&["Down"]).unwrap();
    desk.until(&text, "Hi one two\nthree\n", 14);
    desk.display.keys(&["shift+End"]).unwrap();
    desk.until(&text, "Hi one two\nthree\n", 16);
    assert_eq!(desk.selection(&text), (14, 16));
    let moved: Vec<i32> = desk
        .heard()
        .into_iter()
        .filter(|heard| heard.kind.starts_with("TextCaretMoved"))
        .map(|heard| heard.at)
        .collect();
    assert_eq!(moved, [14, 16]);
    desk.display.keys(&["BackSpace"]).unwrap();
    desk.until(&text, "Hi one two\nthr\n", 14);
    let gone = desk.heard();
    assert!(gone.iter().any(|heard| heard.kind == "TextChanged:delete" && heard.text == "ee"));
    assert_eq!(desk.string_at(&text, 4, WORD), ("one ".to_owned(), 3, 7));
    assert_eq!(desk.string_at(&text, 4, LINE), ("Hi one two\n".to_owned(), 0, 11));
    assert_eq!(desk.hearth.text().unwrap(), "Hi one two\nthr\n");
}

#[test]
fn arabic_is_told_in_the_order_it_is_read_and_lies_where_it_is_drawn() {
    let layout = |display: &Display| {
        let status = display.command("setxkbmap").arg("ara").status();
        assert!(status.expect("setxkbmap (package x11-xkb-utils) starts").success());
    };
    let Some(desk) = open_with("arabic_is_told", "", layout) else { return };
    let text = desk.focused("a.txt");
    // The keys of s, a and Space by their numbers.
    desk.display.keys(&["39", "38", "65"]).unwrap();
    desk.until(&text, "سش ", 3);
    let [first, second, blank] = [0, 1, 2].map(|at| desk.extents(&text, at));
    assert!(first.0 > second.0 && second.0 > blank.0, "{first:?} {second:?} {blank:?}");
    assert!((first.0 - second.0 - second.2).abs() <= 1, "they touch: {first:?} {second:?}");
    assert!(first.2 > 0 && first.3 > 10);
    let status = desk.display.command("setxkbmap").arg("us").status();
    assert!(status.unwrap().success());
    std::thread::sleep(Duration::from_millis(300));
    desk.display.xdotool(&["type", "--delay", "5", "ab"]).unwrap();
    desk.until(&text, "سش ab", 5);
    let [a, b] = [3, 4].map(|at| desk.extents(&text, at));
    assert!(a.0 < b.0 && b.0 < second.0, "Latin letters run to the right, left of the Arabic");
    assert_eq!(desk.string_at(&text, 1, WORD), ("سش ".to_owned(), 0, 3));
    let (x, y) = (first.0 + first.2 / 2, first.1 + first.3 / 2);
    let under: i32 = desk.ask(&text, TEXT, "GetOffsetAtPoint", &(x, y, IN_WINDOW)).unwrap();
    assert_eq!(under, 0, "what is under the pointer");
}

#[test]
fn a_reader_moves_the_caret_selects_and_replaces() {
    let Some(mut desk) = open("a_reader_moves_the_caret", "one\ntwo سلام\nthree\n") else {
        return;
    };
    let text = desk.focused("a.txt");
    assert!(desk.ask::<_, bool>(&text, TEXT, "SetCaretOffset", &(6,)).unwrap());
    desk.until(&text, "one\ntwo سلام\nthree\n", 6);
    assert_eq!(desk.selections(), json!([{ "anchor": [1, 2], "head": [1, 2] }]));
    desk.display.keys(&["x"]).unwrap();
    desk.until(&text, "one\ntwxo سلام\nthree\n", 7);
    assert!(desk.ask::<_, bool>(&text, TEXT, "SetSelection", &(0, 9, 13)).unwrap());
    desk.hearth
        .until(|state| {
            let selections = &state["panes"][0]["items"][0]["selections"];
            *selections == json!([{ "anchor": [1, 5], "head": [1, 13] }])
        })
        .unwrap();
    // The reader is told with the next frame.
    desk.until(&text, "one\ntwxo سلام\nthree\n", 13);
    assert_eq!(desk.selection(&text), (9, 13));
    let all = "new\nwhole\n";
    assert!(desk.ask::<_, bool>(&text, EDITABLE, "SetTextContents", &(all,)).unwrap());
    desk.until(&text, all, 8);
    desk.display.keys(&["ctrl+z"]).unwrap();
    desk.until(&text, "one\ntwxo سلام\nthree\n", 13);
}

#[test]
fn of_a_large_file_a_part_is_told_and_a_line_break_is_heard_as_one() {
    let lines: String =
        (0..250_000).map(|line| format!("{line:06} some words of a file\n")).collect();
    let Some(mut desk) = open("of_a_large_file", &lines) else { return };
    let text = desk.focused("a.txt");
    desk.hearth.call("line.go_to", json!({ "line": 100_000, "column": 6 })).unwrap();
    desk.hearth.wait_idle(IDLE_MAX).unwrap();
    let start = Instant::now();
    while !desk.text(&text).contains("100000 some") {
        assert!(start.elapsed() < IDLE_MAX, "what is seen is not told");
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = desk.text(&text);
    assert!(told.len() < 40_000, "{} bytes were told", told.len());
    let caret = desk.caret(&text);
    let before: String = told.chars().take(usize::try_from(caret).unwrap()).collect();
    assert!(before.ends_with("\n100000"), "the caret is in the line that one went to");
    desk.heard();
    desk.display.keys(&["Return", "x", "Page_Down", "Page_Up"]).unwrap();
    desk.hearth
        .until(|state| state["panes"][0]["items"][0]["line_count"] == json!(250_002))
        .unwrap();
    let changes = desk.heard();
    let changes: Vec<&Heard> =
        changes.iter().filter(|heard| heard.kind.starts_with("TextChanged")).collect();
    assert!(changes.iter().all(|heard| heard.text.len() < 3), "{changes:?}");
    assert!(!changes.is_empty());
    // A key costs what it costs in a short file.
    desk.hearth.call("app.frames", json!({ "reset": true })).unwrap();
    desk.display.xdotool(&["type", "--delay", "20", "and some more of it"]).unwrap();
    desk.hearth.wait_idle(IDLE_MAX).unwrap();
    let frames = desk.hearth.call("app.frames", json!({})).unwrap();
    let told = frames["reader_us"]["p50"].as_u64().expect("a reader listens");
    eprintln!("telling a reader of a frame takes {told} us");
    assert!(told < 8_000, "{frames}");
}

#[test]
fn nothing_is_told_while_nobody_listens() {
    let Some(mut stage) = Stage::open("nothing_is_told", "text\n") else { return };
    stage.display.xdotool(&["type", "--delay", "5", "more "]).unwrap();
    stage.until_text("more text\n");
    let frames = stage.hearth.call("app.frames", json!({})).unwrap();
    assert_eq!(frames["reader_us"]["p50"], json!(null), "{frames}");
}

#[test]
fn fields_of_prompts_pickers_and_the_find_bar_are_read_too() {
    let Some(mut desk) = open("fields_are_read_too", "one two one\n") else { return };
    desk.focused("a.txt");
    desk.display.keys(&["ctrl+f"]).unwrap();
    let find = desk.focused("Find");
    desk.display.xdotool(&["type", "--delay", "5", "one "]).unwrap();
    desk.until(&find, "one ", 4);
    // An input method gives whole words.
    desk.hearth.type_text("سلام").unwrap();
    desk.until(&find, "one سلام", 8);
    desk.display.keys(&["shift+Left", "shift+Left"]).unwrap();
    desk.until(&find, "one سلام", 6);
    assert_eq!(desk.selection(&find), (6, 8));
    assert_eq!(desk.string_at(&find, 5, WORD), ("سلام".to_owned(), 4, 8));
    let (right, left) = (desk.extents(&find, 4), desk.extents(&find, 5));
    assert!(right.0 > left.0 && right.0 > desk.extents(&find, 0).0);
    assert!(desk.ask::<_, bool>(&find, EDITABLE, "SetTextContents", &("two",)).unwrap());
    desk.until(&find, "two", 3);
    desk.display.keys(&["Escape", "ctrl+shift+p"]).unwrap();
    let palette = desk.focused("Type a command");
    desk.display.xdotool(&["type", "--delay", "5", "go to line"]).unwrap();
    desk.until(&palette, "go to line", 10);
    assert!(desk.ask::<_, bool>(&palette, TEXT, "SetCaretOffset", &(2,)).unwrap());
    desk.until(&palette, "go to line", 2);
    desk.display.keys(&["End", "Return"]).unwrap();
    let prompt = desk.focused("Go to line, or line:column");
    desk.display.xdotool(&["type", "--delay", "5", "1:5"]).unwrap();
    desk.until(&prompt, "1:5", 3);
    desk.display.keys(&["Return"]).unwrap();
    let text = desk.focused("a.txt");
    desk.until(&text, "one two one\n", 4);
    assert!(desk.home.profile().exists());
}

#[test]
fn a_row_that_is_not_seen_is_scrolled_to_and_the_text_takes_the_keyboard() {
    let lines: String = (0..200).map(|line| format!("line {line}\n")).collect();
    let Some(desk) = open("a_row_that_is_not_seen", &lines) else { return };
    let text = desk.focused("a.txt");
    let told = desk.text(&text);
    let at = i32::try_from(told.find("line 60\n").expect("rows around are told")).unwrap();
    let anywhere = 6_u32;
    let body = (at, at + 4, anywhere);
    assert!(desk.ask::<_, bool>(&text, TEXT, "ScrollSubstringTo", &body).unwrap());
    let start = Instant::now();
    loop {
        let (_, y, width, height) = desk.extents(&text, at);
        if width > 0 && y > 0 && y + height < 800 {
            break;
        }
        assert!(start.elapsed() < IDLE_MAX, "{y} is not in the window");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(desk.caret(&text), 0, "the caret is where it was");
    desk.display.keys(&["ctrl+f"]).unwrap();
    desk.focused("Find");
    assert!(desk.ask::<_, bool>(&text, COMPONENT, "GrabFocus", &()).unwrap());
    desk.focused("a.txt");
}
