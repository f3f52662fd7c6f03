//! Keys into a real window and pixels out of it, by X11, from one process with one clock.
//!
//! A key goes in through the XTest extension. The server tells through DAMAGE when something was
//! drawn, and only then are pixels fetched and compared: damage alone can repaint what was there.

use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xproto::{
    BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ConnectionExt as _, ImageFormat, InputFocus,
    KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT, MapState, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

/// By how much the channels of a colour differ, at least, that is no grey.
const COLOUR: u8 = 70;

/// Bytes of a pixel at a depth of 24 bits.
const PIXEL: usize = 4;

/// A rectangle of the screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub x: i16,
    pub y: i16,
    pub width: u16,
    pub height: u16,
}

/// A connection that looks at one display.
pub struct Eye {
    connection: RustConnection,
    root: Window,
    first_code: u8,
    /// Keysyms of each key code, the unshifted one first.
    codes: Vec<Vec<u32>>,
}

fn said(error: impl std::fmt::Display) -> String {
    format!("X: {error}")
}

impl Eye {
    /// Connects to `display` (`:7`).
    pub fn open(display: &str) -> Result<Self, String> {
        let (connection, screen) = x11rb::connect(Some(display)).map_err(said)?;
        let setup = connection.setup();
        let root = setup.roots[screen].root;
        let (first_code, last_code) = (setup.min_keycode, setup.max_keycode);
        let mapping = connection
            .get_keyboard_mapping(first_code, last_code - first_code + 1)
            .map_err(said)?
            .reply()
            .map_err(said)?;
        let per_code = usize::from(mapping.keysyms_per_keycode);
        let codes = mapping.keysyms.chunks(per_code).map(<[u32]>::to_vec).collect();
        let version = connection.damage_query_version(1, 1).map_err(said)?;
        version.reply().map_err(said)?;
        let damage = connection.generate_id().map_err(said)?;
        connection.damage_create(damage, root, ReportLevel::RAW_RECTANGLES).map_err(said)?;
        connection.flush().map_err(said)?;
        Ok(Self { connection, root, first_code, codes })
    }

    /// The largest visible window, once there is one.
    pub fn window(&self, limit: Duration) -> Result<(Window, Area), String> {
        let start = Instant::now();
        loop {
            let tree = self.connection.query_tree(self.root).map_err(said)?;
            let mut largest: Option<(u32, Window, Area)> = None;
            for window in tree.reply().map_err(said)?.children {
                if let Some(area) = self.visible(window)? {
                    let size = u32::from(area.width) * u32::from(area.height);
                    if largest.is_none_or(|(most, ..)| size > most) && size > 10_000 {
                        largest = Some((size, window, area));
                    }
                }
            }
            match largest {
                Some((_, window, area)) => return Ok((window, area)),
                None if start.elapsed() > limit => return Err("no window appeared".to_owned()),
                None => self.wait_damage(Duration::from_millis(2))?,
            };
        }
    }

    fn visible(&self, window: Window) -> Result<Option<Area>, String> {
        let attributes = self.connection.get_window_attributes(window).map_err(said)?;
        let geometry = self.connection.get_geometry(window).map_err(said)?;
        // A window may go away between the list and the question.
        let (Ok(attributes), Ok(geometry)) = (attributes.reply(), geometry.reply()) else {
            return Ok(None);
        };
        let area = Area {
            x: geometry.x.max(0),
            y: geometry.y.max(0),
            width: geometry.width,
            height: geometry.height,
        };
        Ok((attributes.map_state == MapState::VIEWABLE).then_some(area))
    }

    /// Gives `window` the keyboard: without a window manager nobody else does.
    pub fn focus(&self, window: Window) -> Result<(), String> {
        let time = x11rb::CURRENT_TIME;
        let focus = self.connection.set_input_focus(InputFocus::PARENT, window, time);
        focus.map_err(said)?.check().map_err(said)?;
        thread::sleep(Duration::from_millis(50));
        Ok(())
    }

    /// Presses and releases the key of `keysym`, unshifted.
    pub fn press(&self, keysym: u32) -> Result<(), String> {
        let at = self.codes.iter().position(|codes| codes.first() == Some(&keysym));
        let at = at.and_then(|at| u8::try_from(at).ok());
        let code = at.ok_or_else(|| format!("no key gives {keysym:#x}"))? + self.first_code;
        for kind in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            let time = x11rb::CURRENT_TIME;
            let fake = self.connection.xtest_fake_input(kind, code, time, self.root, 0, 0, 0);
            fake.map_err(said)?;
        }
        self.connection.flush().map_err(said)
    }

    /// Clicks with the first button in the middle of `area`.
    pub fn click(&self, area: Area) -> Result<(), String> {
        let x = area.x + (area.width / 2) as i16;
        let y = area.y + (area.height / 2) as i16;
        let (time, root) = (x11rb::CURRENT_TIME, self.root);
        let events = [(MOTION_NOTIFY_EVENT, 0), (BUTTON_PRESS_EVENT, 1), (BUTTON_RELEASE_EVENT, 1)];
        for (kind, detail) in events {
            let fake = self.connection.xtest_fake_input(kind, detail, time, root, x, y, 0);
            fake.map_err(said)?;
        }
        self.connection.flush().map_err(said)
    }

    /// The pixels of `area`, four bytes each, row by row.
    pub fn image(&self, area: Area) -> Result<Vec<u8>, String> {
        let Area { x, y, width, height } = area;
        let format = ImageFormat::Z_PIXMAP;
        let image = self.connection.get_image(format, self.root, x, y, width, height, !0);
        Ok(image.map_err(said)?.reply().map_err(said)?.data)
    }

    /// How long after `start` the pixels of `area` are first seen to satisfy `changed`.
    pub fn until(
        &self,
        start: Instant,
        area: Area,
        limit: Duration,
        changed: impl Fn(&[u8]) -> bool,
    ) -> Result<Duration, String> {
        loop {
            if changed(&self.image(area)?) {
                return Ok(start.elapsed());
            }
            if start.elapsed() > limit {
                return Err(format!("nothing changed on the screen in {limit:?}"));
            }
            self.wait_damage(Duration::from_millis(50))?;
        }
    }

    /// Presses a key and answers how long `area` took to look different.
    pub fn press_until_changed(&self, keysym: u32, area: Area) -> Result<Duration, String> {
        self.drain()?;
        let before = self.image(area)?;
        let start = Instant::now();
        self.press(keysym)?;
        self.wait_damage(Duration::from_secs(2))?;
        self.until(start, area, Duration::from_secs(2), |now| now != before)
    }

    /// Forgets the damage that was reported so far.
    fn drain(&self) -> Result<bool, String> {
        let mut any = false;
        while let Some(event) = self.connection.poll_for_event().map_err(said)? {
            any |= matches!(event, Event::DamageNotify(_));
        }
        Ok(any)
    }

    /// Waits until something is drawn, or until `limit`.
    fn wait_damage(&self, limit: Duration) -> Result<(), String> {
        let start = Instant::now();
        while !self.drain()? {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                break;
            }
            let wait = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
            let fd = self.connection.stream().as_raw_fd();
            let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid pollfd, which lives through the call.
            unsafe { libc::poll(&raw mut poll, 1, wait) };
        }
        Ok(())
    }
}

/// The rows of `area` that differ between two of its images, as groups from top to bottom.
pub fn changed_rows(area: Area, before: &[u8], after: &[u8]) -> Vec<Area> {
    let stride = usize::from(area.width) * PIXEL;
    let rows = before.chunks(stride).zip(after.chunks(stride)).enumerate();
    let mut groups: Vec<Area> = Vec::new();
    for (at, _) in rows.filter(|(_, (before, after))| before != after) {
        let y = area.y + i16::try_from(at).expect("a screen's height fits");
        match groups.last_mut() {
            Some(group) if y - (group.y + group.height as i16) < 3 => {
                group.height = (y - group.y) as u16 + 1;
            }
            _ => groups.push(Area { y, height: 1, ..area }),
        }
    }
    groups
}

/// The share of pixels (0 to 1) that are not of the most frequent colour: the ink.
pub fn ink(image: &[u8]) -> f64 {
    let mut colours = std::collections::HashMap::new();
    for pixel in image.chunks_exact(PIXEL) {
        *colours.entry([pixel[0], pixel[1], pixel[2]]).or_insert(0_usize) += 1;
    }
    let ground = colours.values().max().copied().unwrap_or_default();
    1.0 - ground as f64 / (image.len() / PIXEL).max(1) as f64
}

/// The part of an image that is neither black, white nor any grey, warm ones included.
pub fn colour(image: &[u8]) -> f64 {
    let is_coloured = |pixel: &[u8]| {
        let (most, least) = (pixel[..3].iter().max(), pixel[..3].iter().min());
        most.zip(least).is_some_and(|(most, least)| most - least > COLOUR)
    };
    let coloured = image.chunks_exact(PIXEL).filter(|pixel| is_coloured(pixel)).count();
    coloured as f64 / (image.len() / PIXEL).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_changed_are_grouped() {
        let area = Area { x: 0, y: 10, width: 1, height: 8 };
        let before = [0_u8; 32];
        let mut after = before;
        after[4] = 1;
        after[8] = 1;
        after[28] = 1;
        let rows: Vec<_> =
            changed_rows(area, &before, &after).iter().map(|area| (area.y, area.height)).collect();
        assert_eq!(rows, [(11, 2), (17, 1)]);
    }

    #[test]
    fn a_key_typed_into_a_real_window_is_seen() {
        let name = "a_key_typed_into_a_real_window_is_seen";
        let display = match ::tests::display::Display::start(800, 600) {
            Ok(display) => display,
            Err(reason) => return ::tests::skip(name, &reason),
        };
        let mut xterm = display.command("xterm");
        let Ok(mut xterm) = xterm.args(["+bc", "-e", "cat"]).spawn() else {
            return ::tests::skip(name, "needs xterm");
        };
        let eye = Eye::open(display.name()).unwrap();
        let (window, area) = eye.window(Duration::from_secs(10)).unwrap();
        eye.focus(window).unwrap();
        thread::sleep(Duration::from_millis(500));
        let before = eye.image(area).unwrap();
        let took = eye.press_until_changed(0x78, area).unwrap();
        let rows = changed_rows(area, &before, &eye.image(area).unwrap());
        assert!(took < Duration::from_secs(1) && !rows.is_empty(), "{took:?} {rows:?}");
        assert!(rows[0].height < 40, "one line of text changed, not {rows:?}");
        let start = Instant::now();
        let limit = Duration::from_millis(200);
        assert!(eye.until(start, area, limit, |_| false).is_err(), "nothing else happens");
        xterm.kill().unwrap();
        xterm.wait().unwrap();
    }

    #[test]
    fn an_even_ground_has_no_ink() {
        assert!(ink(&[7; 64]).abs() < 1e-9);
        let half: Vec<u8> = (0..64).map(|at| if at < 32 { 1 } else { 9 }).collect();
        assert!((ink(&half) - 0.5).abs() < 1e-9);
    }
}
