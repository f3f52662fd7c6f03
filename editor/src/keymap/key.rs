//! Keys and what is held with them, read and written as `ctrl-shift-p`.

use std::fmt;

/// A key by what it stands for on the layout, without modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A key that types this character when nothing is held; always its lower-case form.
    Character(char),
    /// `f1` to `f24`.
    Function(u8),
    /// A key with a name of its own.
    Named(Named),
}

/// Keys with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Named {
    /// `enter`, the keypad's too.
    Enter,
    /// `escape`.
    Escape,
    /// `tab`.
    Tab,
    /// `space`.
    Space,
    /// `backspace`.
    Backspace,
    /// `delete`.
    Delete,
    /// `insert`.
    Insert,
    /// `left`.
    Left,
    /// `right`.
    Right,
    /// `up`.
    Up,
    /// `down`.
    Down,
    /// `home`.
    Home,
    /// `end`.
    End,
    /// `pageup`.
    PageUp,
    /// `pagedown`.
    PageDown,
    /// `menu`, which opens a context menu.
    Menu,
}

/// Names as they are written, and the sign that a key cap shows where it has a shorter one.
const NAMES: &[(Named, &str, &str)] = &[
    (Named::Enter, "enter", "↵"),
    (Named::Escape, "escape", "esc"),
    (Named::Tab, "tab", "tab"),
    (Named::Space, "space", "space"),
    (Named::Backspace, "backspace", "⌫"),
    (Named::Delete, "delete", "del"),
    (Named::Insert, "insert", "ins"),
    (Named::Left, "left", "←"),
    (Named::Right, "right", "→"),
    (Named::Up, "up", "↑"),
    (Named::Down, "down", "↓"),
    (Named::Home, "home", "home"),
    (Named::End, "end", "end"),
    (Named::PageUp, "pageup", "pgup"),
    (Named::PageDown, "pagedown", "pgdn"),
    (Named::Menu, "menu", "menu"),
];

/// Highest function key that a keyboard sends.
const FUNCTION_MAX: u8 = 24;

impl Key {
    /// Reads `p`, `\`, `f3`, `pagedown`. A capital letter is not a key; see [`KeyPress::parse`].
    fn parse(text: &str) -> Option<Self> {
        if let Some((named, ..)) = NAMES.iter().find(|(_, name, _)| *name == text) {
            return Some(Self::Named(*named));
        }
        let mut letters = text.chars();
        let (first, rest) = (letters.next()?, letters.as_str());
        if rest.is_empty() {
            let typed = !first.is_whitespace() && !first.is_control() && !first.is_uppercase();
            return typed.then_some(Self::Character(first));
        }
        let number: u8 = text.strip_prefix('f')?.parse().ok()?;
        let plain = !rest.starts_with(['0', '+']);
        (plain && (1..=FUNCTION_MAX).contains(&number)).then_some(Self::Function(number))
    }

    /// What a key cap in the interface shows: `p`, `↓`, `F3`.
    fn cap(self) -> String {
        match self {
            Self::Character(letter) => letter.to_string(),
            Self::Function(number) => format!("F{number}"),
            Self::Named(named) => entry(named).2.to_owned(),
        }
    }
}

fn entry(named: Named) -> &'static (Named, &'static str, &'static str) {
    NAMES.iter().find(|(known, ..)| *known == named).expect("every named key has its names")
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(letter) => write!(formatter, "{letter}"),
            Self::Function(number) => write!(formatter, "f{number}"),
            Self::Named(named) => formatter.write_str(entry(*named).1),
        }
    }
}

/// What is held while a key goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Modifiers {
    /// `ctrl`
    pub control: bool,
    /// `alt`, option on macOS
    pub alt: bool,
    /// `shift`
    pub shift: bool,
    /// `cmd` on macOS, the logo key elsewhere
    pub command: bool,
}

/// Whose habits decide what `secondary` means and which tables of a keymap count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux and the BSDs.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

impl Platform {
    /// The one that this program was built for.
    pub const HERE: Self = if cfg!(target_os = "macos") {
        Self::Macos
    } else if cfg!(windows) {
        Self::Windows
    } else {
        Self::Linux
    };
}

impl Modifiers {
    /// Nothing held.
    pub const NONE: Self = Self { control: false, alt: false, shift: false, command: false };

    /// Takes one `ctrl-`, `cmd-` ... off the front of `text`; a modifier held twice is refused.
    fn take<'a>(&mut self, text: &'a str, platform: Platform) -> Option<&'a str> {
        // A lone `-` after a modifier is the key itself, so a prefix needs something behind it.
        let (name, rest) = text.split_once('-').filter(|(_, rest)| !rest.is_empty())?;
        let held = match (name, platform) {
            ("ctrl", _) => &mut self.control,
            ("alt", _) => &mut self.alt,
            ("shift", _) => &mut self.shift,
            ("cmd", _) | ("secondary", Platform::Macos) => &mut self.command,
            ("secondary", _) => &mut self.control,
            _ => return None,
        };
        (!std::mem::replace(held, true)).then_some(rest)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let held = [
            (self.control, "ctrl"),
            (self.command, "cmd"),
            (self.alt, "alt"),
            (self.shift, "shift"),
        ];
        held.into_iter().filter_map(|(held, name)| held.then_some(name))
    }
}

/// A key going down, with what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPress {
    /// Which key.
    pub key: Key,
    /// What is held.
    pub modifiers: Modifiers,
}

impl KeyPress {
    /// `key` with `modifiers` held; a capital letter becomes its key with shift.
    pub fn new(key: Key, modifiers: Modifiers) -> Self {
        let Key::Character(letter) = key else { return Self { key, modifiers } };
        if letter == ' ' {
            return Self { key: Key::Named(Named::Space), modifiers };
        }
        let mut lower = letter.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(low), None) if low != letter => {
                Self { key: Key::Character(low), modifiers: Modifiers { shift: true, ..modifiers } }
            }
            _ => Self { key, modifiers },
        }
    }

    /// Reads `ctrl-shift-p`, `secondary-\`, `alt-left`, `f3`, `-`, `P` (which is `shift-p`).
    ///
    /// # Errors
    /// One sentence that names what was not understood.
    pub fn parse(text: &str, platform: Platform) -> Result<Self, String> {
        let mut modifiers = Modifiers::NONE;
        let mut rest = text;
        while let Some(shorter) = modifiers.take(rest, platform) {
            rest = shorter;
        }
        let mut letters = rest.chars();
        if let (Some(first), None) = (letters.next(), letters.next())
            && first.is_uppercase()
        {
            return Ok(Self::new(Key::Character(first), modifiers));
        }
        match Key::parse(rest) {
            Some(key) => Ok(Self { key, modifiers }),
            None if text.is_empty() => Err("a key is missing".to_owned()),
            None => Err(format!(
                "\"{}\" is not a key; write ctrl-, alt-, shift-, cmd- or secondary-, then a \
                 character or a name such as left, pageup, escape or f3",
                text.chars().take(40).collect::<String>()
            )),
        }
    }

    /// Reads keys that follow each other, separated by spaces: `ctrl-k down`.
    ///
    /// # Errors
    /// The first key that was not understood, and an empty list.
    pub fn parse_all(text: &str, platform: Platform) -> Result<Vec<Self>, String> {
        let keys = text.split_ascii_whitespace().map(|key| Self::parse(key, platform));
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() { Err("a key is missing".to_owned()) } else { Ok(keys) }
    }

    /// The character that this press types when no command takes it: no modifier but shift.
    /// Without a layout, shift makes capitals only; a window knows better and uses what it got.
    pub fn typed(self) -> Option<String> {
        let Modifiers { control, alt, command, shift } = self.modifiers;
        if control || alt || command {
            return None;
        }
        match self.key {
            Key::Character(letter) if shift => Some(letter.to_uppercase().collect()),
            Key::Character(letter) => Some(letter.to_string()),
            Key::Named(Named::Space) => Some(" ".to_owned()),
            _ => None,
        }
    }

    /// The ways to read one event of a keyboard, likeliest first, to be looked up in this order.
    ///
    /// `base` is the key without modifiers on the current layout, `typed` what it gives with
    /// them, `latin` the character that the same key has on a US layout. So `ctrl-?` matches where
    /// `?` needs shift, and `ctrl-c` matches on an Arabic layout.
    pub fn readings(
        base: Key,
        typed: Option<char>,
        latin: Option<char>,
        modifiers: Modifiers,
    ) -> Vec<Self> {
        let mut readings = vec![Self::new(base, modifiers)];
        let mut add = |press: Self| {
            if !readings.contains(&press) {
                readings.push(press);
            }
        };
        let shifted = typed.filter(|letter| !letter.is_alphanumeric() && !letter.is_control());
        if let (Some(letter), true) = (shifted, modifiers.shift) {
            let modifiers = Modifiers { shift: false, ..modifiers };
            add(Self { key: Key::Character(letter), modifiers });
        }
        let foreign = matches!(base, Key::Character(letter) if !letter.is_ascii());
        if let (Some(letter), true) = (latin, foreign) {
            add(Self::new(Key::Character(letter), modifiers));
        }
        readings
    }

    /// What the key caps in the interface show: `["ctrl", "k"]`.
    pub fn caps(self) -> Vec<String> {
        let mut caps: Vec<_> = self.modifiers.names().map(str::to_owned).collect();
        caps.push(self.key.cap());
        caps
    }
}

impl fmt::Display for KeyPress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.modifiers.names() {
            write!(formatter, "{name}-")?;
        }
        write!(formatter, "{}", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(text: &str) -> KeyPress {
        KeyPress::parse(text, Platform::Linux).unwrap()
    }

    #[test]
    fn keys_are_written_as_they_are_read() {
        for text in [
            "ctrl-shift-p",
            "alt-left",
            "enter",
            "escape",
            "f3",
            "f24",
            "space",
            "\\",
            "ctrl--",
            "-",
            "ctrl-alt-shift-pagedown",
            "cmd-,",
            "ctrl-+",
            "ü",
            "ctrl-ؤ",
            "menu",
        ] {
            assert_eq!(press(text).to_string(), text);
        }
        for (named, name, _) in NAMES {
            assert_eq!(press(name).key, Key::Named(*named));
        }
    }

    #[test]
    fn secondary_is_command_on_a_mac_and_control_elsewhere() {
        assert_eq!(press("secondary-s"), press("ctrl-s"));
        assert_eq!(press("shift-secondary-s"), press("ctrl-shift-s"));
        let mac = KeyPress::parse("secondary-s", Platform::Macos).unwrap();
        assert_eq!(mac, press("cmd-s"));
    }

    #[test]
    fn a_capital_is_its_key_with_shift() {
        assert_eq!(press("P"), press("shift-p"));
        assert_eq!(press("ctrl-P"), press("ctrl-shift-p"));
        assert_eq!(KeyPress::new(Key::Character('É'), Modifiers::NONE), press("shift-é"));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in ["", "ctrl", "hyper-x", "ctrl-ctrl-x", "f0", "f25", "f+1", "f01", "pgdn", "ab"]
        {
            let refused = KeyPress::parse(text, Platform::Linux);
            assert!(refused.is_err(), "{text:?} gave {refused:?}");
        }
        assert!(KeyPress::parse_all("  ", Platform::Linux).is_err());
        assert_eq!(KeyPress::parse_all("ctrl-k  down", Platform::Linux).unwrap().len(), 2);
    }

    #[test]
    fn only_plain_presses_type() {
        assert_eq!(press("a").typed().as_deref(), Some("a"));
        assert_eq!(press("A").typed().as_deref(), Some("A"));
        assert_eq!(press("space").typed().as_deref(), Some(" "));
        for text in ["ctrl-a", "alt-a", "cmd-a", "enter", "f3"] {
            assert_eq!(press(text).typed(), None, "{text}");
        }
    }

    #[test]
    fn shifted_signs_and_foreign_layouts_are_read_both_ways() {
        let held = Modifiers { control: true, shift: true, ..Modifiers::NONE };
        let readings = KeyPress::readings(Key::Character('='), Some('+'), Some('='), held);
        assert_eq!(readings, [press("ctrl-shift-="), press("ctrl-+")]);
        let held = Modifiers { control: true, ..Modifiers::NONE };
        let readings = KeyPress::readings(Key::Character('ؤ'), None, Some('c'), held);
        assert_eq!(readings, [press("ctrl-ؤ"), press("ctrl-c")]);
        let readings = KeyPress::readings(Key::Character('z'), Some('z'), Some('y'), held);
        assert_eq!(readings, [press("ctrl-z")], "a German z is not a y");
    }

    #[test]
    fn caps_are_single_keys() {
        assert_eq!(press("ctrl-shift-down").caps(), ["ctrl", "shift", "↓"]);
    }
}
