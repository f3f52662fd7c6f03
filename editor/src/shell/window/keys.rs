//! winit's keys as ours.

use smallvec::SmallVec;
use winit::event::KeyEvent;
use winit::keyboard::{Key as Logical, KeyCode, ModifiersState, NamedKey, PhysicalKey};
use winit::platform::modifier_supplement::KeyEventExtModifierSupplement;

use crate::input::Input;
use crate::keymap::{Key, KeyPress, Modifiers, Named};

/// What is held, as ours.
pub fn modifiers(state: ModifiersState) -> Modifiers {
    Modifiers {
        control: state.control_key(),
        alt: state.alt_key(),
        shift: state.shift_key(),
        command: state.super_key(),
    }
}

/// A key that went down; `None` for a modifier alone and for keys that we have no name for.
pub fn input(event: &KeyEvent, state: ModifiersState) -> Option<Input> {
    let held = modifiers(state);
    let typed = event.text.as_ref().map(ToString::to_string).filter(|text| is_text(text));
    let typed_sign = match logical(&event.logical_key) {
        Some(Key::Character(sign)) => Some(sign),
        _ => None,
    };
    let presses: SmallVec<[KeyPress; 3]> = match logical(&event.key_without_modifiers()) {
        Some(base) => KeyPress::readings(base, typed_sign, latin(event.physical_key), held).into(),
        // The Linefeed key of old keyboards has no name in winit.
        None if matches!(event.text.as_deref(), Some("\n" | "\r")) => {
            SmallVec::from_iter([KeyPress::new(Key::Named(Named::Enter), held)])
        }
        None => SmallVec::new(),
    };
    (!presses.is_empty() || typed.is_some()).then_some(Input::Key { presses, text: typed })
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn logical(key: &Logical) -> Option<Key> {
    match key {
        Logical::Character(text) => {
            let mut letters = text.chars();
            let first = letters.next().filter(|letter| !letter.is_control())?;
            letters.next().is_none().then_some(Key::Character(first))
        }
        Logical::Named(named) => named_key(*named),
        Logical::Unidentified(_) | Logical::Dead(_) => None,
    }
}

fn named_key(key: NamedKey) -> Option<Key> {
    let function = |number| Some(Key::Function(number));
    let named = match key {
        NamedKey::Enter => Named::Enter,
        NamedKey::Escape => Named::Escape,
        NamedKey::Tab => Named::Tab,
        NamedKey::Space => Named::Space,
        NamedKey::Backspace => Named::Backspace,
        NamedKey::Delete => Named::Delete,
        NamedKey::Insert => Named::Insert,
        NamedKey::ArrowLeft => Named::Left,
        NamedKey::ArrowRight => Named::Right,
        NamedKey::ArrowUp => Named::Up,
        NamedKey::ArrowDown => Named::Down,
        NamedKey::Home => Named::Home,
        NamedKey::End => Named::End,
        NamedKey::PageUp => Named::PageUp,
        NamedKey::PageDown => Named::PageDown,
        NamedKey::ContextMenu => Named::Menu,
        NamedKey::F1 => return function(1),
        NamedKey::F2 => return function(2),
        NamedKey::F3 => return function(3),
        NamedKey::F4 => return function(4),
        NamedKey::F5 => return function(5),
        NamedKey::F6 => return function(6),
        NamedKey::F7 => return function(7),
        NamedKey::F8 => return function(8),
        NamedKey::F9 => return function(9),
        NamedKey::F10 => return function(10),
        NamedKey::F11 => return function(11),
        NamedKey::F12 => return function(12),
        _ => return None,
    };
    Some(Key::Named(named))
}

/// The letter or digit that a US keyboard has in that place.
fn latin(key: PhysicalKey) -> Option<char> {
    let PhysicalKey::Code(code) = key else { return None };
    Some(match code {
        KeyCode::KeyA => 'a',
        KeyCode::KeyB => 'b',
        KeyCode::KeyC => 'c',
        KeyCode::KeyD => 'd',
        KeyCode::KeyE => 'e',
        KeyCode::KeyF => 'f',
        KeyCode::KeyG => 'g',
        KeyCode::KeyH => 'h',
        KeyCode::KeyI => 'i',
        KeyCode::KeyJ => 'j',
        KeyCode::KeyK => 'k',
        KeyCode::KeyL => 'l',
        KeyCode::KeyM => 'm',
        KeyCode::KeyN => 'n',
        KeyCode::KeyO => 'o',
        KeyCode::KeyP => 'p',
        KeyCode::KeyQ => 'q',
        KeyCode::KeyR => 'r',
        KeyCode::KeyS => 's',
        KeyCode::KeyT => 't',
        KeyCode::KeyU => 'u',
        KeyCode::KeyV => 'v',
        KeyCode::KeyW => 'w',
        KeyCode::KeyX => 'x',
        KeyCode::KeyY => 'y',
        KeyCode::KeyZ => 'z',
        KeyCode::Digit0 => '0',
        KeyCode::Digit1 => '1',
        KeyCode::Digit2 => '2',
        KeyCode::Digit3 => '3',
        KeyCode::Digit4 => '4',
        KeyCode::Digit5 => '5',
        KeyCode::Digit6 => '6',
        KeyCode::Digit7 => '7',
        KeyCode::Digit8 => '8',
        KeyCode::Digit9 => '9',
        KeyCode::Backslash => '\\',
        KeyCode::Slash => '/',
        KeyCode::Comma => ',',
        KeyCode::Period => '.',
        KeyCode::Minus => '-',
        KeyCode::Equal => '=',
        KeyCode::BracketLeft => '[',
        KeyCode::BracketRight => ']',
        KeyCode::Backquote => '`',
        _ => return None,
    })
}
