//! What the desktop prefers, asked of a settings portal over a real bus.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use zbus::blocking::{Connection, connection};
use zbus::zvariant::{OwnedValue, Value};

use super::bus::Bus;
use super::stage::IDLE_MAX;
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};
use tests::skip;

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const INTERFACE: &str = "org.freedesktop.portal.Settings";
const APPEARANCE: &str = "org.freedesktop.appearance";
const DESKTOP: &str = "org.gnome.desktop.interface";

/// The settings of a desktop that prefers dark and no movement.
struct Portal {
    /// An answer that takes this long is one that hangs.
    delay: Duration,
}

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Portal {
    fn read_all(&self, namespaces: Vec<String>) -> HashMap<String, HashMap<String, OwnedValue>> {
        std::thread::sleep(self.delay);
        let owned = |value: Value<'_>| value.try_to_owned().unwrap();
        let scheme = HashMap::from([("color-scheme".to_owned(), owned(Value::U32(1)))]);
        let moves = HashMap::from([("enable-animations".to_owned(), owned(Value::Bool(false)))]);
        let all = [(APPEARANCE, scheme), (DESKTOP, moves)];
        let asked = all.into_iter().filter(|(name, _)| namespaces.iter().any(|one| one == name));
        asked.map(|(name, keys)| (name.to_owned(), keys)).collect()
    }
}

/// The program in a window of a desktop with such a portal.
struct Desk {
    hearth: Instance,
    portal: Connection,
    _home: Home,
    _display: Display,
    _bus: Bus,
}

fn open(test: &str, delay: Duration) -> Option<Desk> {
    let started = Display::start(800, 600).and_then(|display| Ok((display, Bus::start()?)));
    let (display, bus) = match started {
        Ok(started) => started,
        Err(error) => {
            skip(test, &error);
            return None;
        }
    };
    let portal = connection::Builder::address(bus.address.as_str())
        .and_then(|builder| builder.name(NAME)?.serve_at(PATH, Portal { delay }))
        .and_then(|builder| builder.build())
        .unwrap();
    let home = Home::new().unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", display.name()).env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    command.arg("--drive");
    let mut hearth = Instance::start(command, &home).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    Some(Desk { hearth, portal, _home: home, _display: display, _bus: bus })
}

fn change(desk: &Desk, namespace: &str, key: &str, value: Value<'_>) {
    let body = (namespace, key, value);
    desk.portal.emit_signal(None::<&str>, PATH, INTERFACE, "SettingChanged", &body).unwrap();
}

#[test]
fn the_window_is_dark_and_still_where_the_desktop_is_and_follows_it() {
    let Some(mut desk) = open("the_window_is_dark_where_the_desktop_is", Duration::ZERO) else {
        return;
    };
    let is_dark = |state: &serde_json::Value| state["theme"] == json!("Hearth Dark");
    desk.hearth.until(|state| is_dark(state) && state["motion"] == json!("reduced")).unwrap();
    change(&desk, APPEARANCE, "color-scheme", Value::U32(2));
    change(&desk, DESKTOP, "enable-animations", Value::Bool(true));
    desk.hearth.until(|state| !is_dark(state) && state["motion"] == json!("full")).unwrap();
    let light = json!({ "key": "appearance.theme", "value": "light", "layer": "session" });
    desk.hearth.call("settings.set", light).unwrap();
    change(&desk, APPEARANCE, "color-scheme", Value::U32(1));
    change(&desk, DESKTOP, "enable-animations", Value::Bool(false));
    let state = desk.hearth.until(|state| state["motion"] == json!("reduced")).unwrap();
    assert!(!is_dark(&state), "what the person says counts more");
}

#[test]
fn a_portal_that_hangs_holds_nothing_up_and_still_tells_of_changes() {
    let delay = Duration::from_secs(20);
    let Some(mut desk) = open("a_portal_that_hangs", delay) else { return };
    desk.hearth.keys("ctrl-n x").unwrap();
    assert_eq!(desk.hearth.text().unwrap(), "x");
    // The answer is given up after five seconds.
    std::thread::sleep(Duration::from_secs(6));
    change(&desk, APPEARANCE, "color-scheme", Value::U32(1));
    desk.hearth.until(|state| state["theme"] == json!("Hearth Dark")).unwrap();
}
