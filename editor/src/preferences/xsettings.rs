//! The XSETTINGS of an X display: what a settings daemon of the desktop tells programs, without a
//! bus. See the specification 0.5 at freedesktop.org.
//!
//! The daemon owns the selection `_XSETTINGS_S0` (0 for the screen) and writes everything into one
//! property of its window. This reads that, then waits for changes and for another daemon.

use std::time::Duration;

use render::glyph::{Hinting, Smoothing};
use render::motion::Motion;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{Atom, ChangeWindowAttributesAux, ConnectionExt, EventMask, Window};
use x11rb::rust_connection::RustConnection;

use super::{Preference, Preferred};
use crate::input::Appearance;
use crate::record::{self, Field};
use crate::settings::Level;

/// Longer than any daemon writes.
const BYTES_MAX: usize = 256 * 1024;

/// Settings of one daemon that are looked at.
const SETTINGS_MAX: usize = 4096;

/// A double click can be this far apart; what is outside was not meant.
const DOUBLE_CLICK_MS: std::ops::RangeInclusive<i32> = 50..=5000;

/// Asks, then listens until the display ends.
pub fn listen(tell: &impl Fn(Preference)) {
    if let Err(reason) = try_listen(tell) {
        // Wayland, or a display that is gone: that is no trouble of the person's.
        record::event(Level::Debug, "xsettings.none", &[("reason", Field::text(&reason))]);
    }
}

struct Display {
    connection: RustConnection,
    selection: Atom,
    property: Atom,
    manager: Atom,
}

fn try_listen(tell: &impl Fn(Preference)) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let (connection, screen) = x11rb::connect(None).map_err(|error| told(&error))?;
    let root = connection.setup().roots.get(screen).ok_or("there is no screen")?.root;
    let atom = |name: &str| -> Result<Atom, String> {
        let cookie = connection.intern_atom(false, name.as_bytes());
        let reply = cookie.map_err(|error| told(&error))?.reply();
        reply.map(|reply| reply.atom).map_err(|error| told(&error))
    };
    let (selection, property, manager) =
        (atom(&format!("_XSETTINGS_S{screen}"))?, atom("_XSETTINGS_SETTINGS")?, atom("MANAGER")?);
    let display = Display { connection, selection, property, manager };
    display.watch(root, EventMask::STRUCTURE_NOTIFY).map_err(|error| told(&error))?;
    let mut owner = display.read(tell);
    loop {
        let event = display.connection.wait_for_event().map_err(|error| told(&error))?;
        let is_news = match event {
            Event::PropertyNotify(it) => Some(it.window) == owner && it.atom == display.property,
            Event::DestroyNotify(it) => Some(it.window) == owner,
            Event::ClientMessage(it) => {
                it.type_ == display.manager && it.data.as_data32()[1] == display.selection
            }
            _ => false,
        };
        if is_news {
            owner = display.read(tell);
        }
    }
}

impl Display {
    fn watch(&self, window: Window, events: EventMask) -> Result<(), ReplyError> {
        let wanted = ChangeWindowAttributesAux::new().event_mask(events);
        self.connection.change_window_attributes(window, &wanted)?.check()
    }

    /// Tells everything that the daemon says; answers its window, if there is one.
    fn read(&self, tell: &impl Fn(Preference)) -> Option<Window> {
        match self.try_read() {
            Ok((owner, settings)) => {
                settings.into_iter().for_each(tell);
                Some(owner)
            }
            // The one that follows says that it is there.
            Err(reason) => {
                record::event(Level::Debug, "xsettings.none", &[("reason", Field::text(&reason))]);
                None
            }
        }
    }

    fn try_read(&self) -> Result<(Window, Vec<Preference>), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let owner = self.connection.get_selection_owner(self.selection);
        let owner = owner.map_err(|error| told(&error))?.reply().map_err(|error| told(&error))?;
        if owner.owner == x11rb::NONE {
            return Err("no settings daemon runs".to_owned());
        }
        let owner = owner.owner;
        // Watched first, so that what changes meanwhile is read again.
        let events = EventMask::STRUCTURE_NOTIFY | EventMask::PROPERTY_CHANGE;
        self.watch(owner, events).map_err(|error| told(&error))?;
        let words = u32::try_from(BYTES_MAX / 4).expect("it is a small number");
        let (kind, none) = (self.property, 0);
        let cookie = self.connection.get_property(false, owner, self.property, kind, none, words);
        let reply = cookie.map_err(|error| told(&error))?.reply().map_err(|error| told(&error))?;
        if reply.bytes_after > 0 {
            return Err("its settings are longer than any that are known".to_owned());
        }
        let all = parse(&reply.value).ok_or("its settings are damaged")?;
        Ok((owner, all.iter().filter_map(|(name, value)| preference(name, value)).collect()))
    }
}

/// A setting's value, of the kinds that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(i32),
    Text(String),
    Color,
}

/// Bytes that are read from the front, in the order that they were written in.
struct Reader<'a> {
    rest: &'a [u8],
    is_little: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let bytes: [u8; 4] = self.take(4)?.try_into().ok()?;
        Some(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn short(&mut self) -> Option<u16> {
        let bytes: [u8; 2] = self.take(2)?.try_into().ok()?;
        Some(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    /// Text, and what fills its last four bytes.
    fn text(&mut self, count: usize) -> Option<String> {
        let text = String::from_utf8_lossy(self.take(count)?).into_owned();
        self.take(count.next_multiple_of(4) - count)?;
        Some(text)
    }
}

/// Every setting by its name; `None` for bytes that are none.
fn parse(bytes: &[u8]) -> Option<Vec<(String, Value)>> {
    let is_little = match bytes.first()? {
        0 => true,
        1 => false,
        _ => return None,
    };
    let mut reader = Reader { rest: bytes.get(4..)?, is_little };
    let (_serial, count) = (reader.number()?, reader.number()? as usize);
    if count > SETTINGS_MAX {
        return None;
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let kind = reader.take(2)?[0];
        let length = usize::from(reader.short()?);
        let name = reader.text(length)?;
        let _last_change = reader.number()?;
        let value = match kind {
            0 => Value::Number(reader.number()?.cast_signed()),
            1 => {
                let length = reader.number()? as usize;
                if length > BYTES_MAX {
                    return None;
                }
                Value::Text(reader.text(length)?)
            }
            2 => {
                reader.take(8)?;
                Value::Color
            }
            _ => return None,
        };
        all.push((name, value));
    }
    Some(all)
}

/// What a setting says to us, if it does. The caret of Hearth does not blink, so that
/// `Net/CursorBlink` has nothing to say; `Xft/DPI` is the window's scale, which winit reads.
fn preference(name: &str, value: &Value) -> Option<Preference> {
    let what = match (name, value) {
        ("Net/ThemeName", Value::Text(theme)) => {
            let name = theme.to_lowercase();
            let is_dark = ["-dark", ":dark", "_dark"].iter().any(|end| name.ends_with(end));
            Preferred::Appearance(if is_dark { Appearance::Dark } else { Appearance::Light })
        }
        ("Gtk/EnableAnimations", Value::Number(moves)) => {
            Preferred::Motion(if *moves == 0 { Motion::Reduced } else { Motion::Full })
        }
        ("Xft/Hinting", Value::Number(number @ 0..=1)) => {
            Preferred::Hinting(if *number == 0 { Hinting::Off } else { Hinting::On })
        }
        ("Xft/HintStyle", Value::Text(style)) if style == "hintnone" => {
            Preferred::Hinting(Hinting::Off)
        }
        ("Xft/Antialias", Value::Number(number @ 0..=1)) => {
            Preferred::Smoothing(if *number == 0 { Smoothing::Off } else { Smoothing::On })
        }
        ("Net/DoubleClickTime", Value::Number(ms)) if DOUBLE_CLICK_MS.contains(ms) => {
            Preferred::DoubleClick(Duration::from_millis(u64::from(ms.unsigned_abs())))
        }
        _ => return None,
    };
    Some(Preference { what, from: super::Source::Display })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings as a daemon of either byte order writes them.
    fn written(is_little: bool) -> Vec<u8> {
        let long = |it: u32| if is_little { it.to_le_bytes() } else { it.to_be_bytes() };
        let short = |it: u16| if is_little { it.to_le_bytes() } else { it.to_be_bytes() };
        let mut bytes = vec![u8::from(!is_little), 0, 0, 0];
        bytes.extend(long(7));
        bytes.extend(long(3));
        let mut head = |kind: u8, name: &str| {
            bytes.extend([kind, 0]);
            bytes.extend(short(name.len() as u16));
            bytes.extend(name.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(long(7));
            std::mem::take(&mut bytes)
        };
        let mut all = head(0, "Net/DoubleClickTime");
        all.extend(long(321));
        all.extend(head(2, "Gtk/Color"));
        all.extend([1; 8]);
        all.extend(head(1, "Net/ThemeName"));
        all.extend(long(12));
        all.extend(b"Adwaita-dark");
        all
    }

    #[test]
    fn settings_are_read_in_either_byte_order() {
        for is_little in [true, false] {
            let all = parse(&written(is_little)).unwrap();
            assert_eq!(all.len(), 3);
            assert_eq!(all[0], ("Net/DoubleClickTime".to_owned(), Value::Number(321)));
            assert_eq!(all[1].1, Value::Color);
            let told: Vec<_> = all.iter().filter_map(|(name, it)| preference(name, it)).collect();
            assert_eq!(told[0].what, Preferred::DoubleClick(Duration::from_millis(321)));
            assert_eq!(told[1].what, Preferred::Appearance(Appearance::Dark));
        }
    }

    #[test]
    fn no_bytes_of_another_program_are_believed() {
        let good = written(true);
        for cut in 0..good.len() {
            assert_eq!(parse(&good[..cut]), None, "cut at {cut}");
        }
        let mut random = 12345_u64;
        for _ in 0..20_000 {
            let mut bad = good.clone();
            for _ in 0..3 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (random >> 33) as usize % bad.len();
                bad[at] = (random >> 20) as u8;
            }
            // Whatever it answers, it answers.
            drop(parse(&bad));
        }
        let huge = [&[0, 0, 0, 0, 1, 0, 0, 0][..], &u32::MAX.to_le_bytes()].concat();
        assert_eq!(parse(&huge), None);
        assert_eq!(preference("Net/DoubleClickTime", &Value::Number(-5)), None);
        assert_eq!(preference("Xft/Hinting", &Value::Number(-1)), None, "no preference");
    }
}
