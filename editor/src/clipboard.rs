//! What was copied: the system's clipboard where there is one, and our own memory of it.

use std::sync::mpsc::{Sender, channel};

/// Which of the two clipboards of X11 and Wayland is meant; elsewhere there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// Copy and paste.
    Clipboard,
    /// What is selected, pasted by the middle button.
    Primary,
}

/// What the thread of the clipboard is asked.
enum Ask {
    Set(Board, String),
    Get(Board, Box<dyn FnOnce(Option<String>) + Send>),
}

/// The clipboard. Other programs answer for it, so it is asked on a thread of its own.
pub struct Clipboard {
    system: Option<Sender<Ask>>,
    copied: Option<String>,
    selected: Option<String>,
}

impl Clipboard {
    /// The clipboard of the system, opened when it is first used.
    pub fn of_system() -> Self {
        let (send, receive) = channel::<Ask>();
        let thread = std::thread::Builder::new().name("clipboard".to_owned()).spawn(move || {
            let mut board = None;
            for ask in receive {
                serve(&mut board, ask);
            }
        });
        Clipboard { system: thread.is_ok().then_some(send), copied: None, selected: None }
    }

    /// A clipboard of this process alone: without a window there is no system to share with.
    pub fn private() -> Self {
        Clipboard { system: None, copied: None, selected: None }
    }

    /// Copies a text.
    pub fn set(&mut self, board: Board, text: String) {
        if let Some(system) = &self.system {
            // Without its thread the text stays in our own memory, below.
            let _ = system.send(Ask::Set(board, text.clone()));
        }
        match board {
            Board::Clipboard => self.copied = Some(text),
            Board::Primary => self.selected = Some(text),
        }
    }

    /// Hands what was copied to `then`, now or from the clipboard's thread.
    pub fn get(&self, board: Board, then: impl FnOnce(Option<String>) + Send + 'static) {
        let own = match board {
            Board::Clipboard => self.copied.clone(),
            Board::Primary => self.selected.clone(),
        };
        match &self.system {
            Some(system) => {
                let ask = Ask::Get(board, Box::new(move |text| then(text.or(own))));
                // A thread that has ended took the question along, which a paste survives.
                let _ = system.send(ask);
            }
            None => then(own),
        }
    }
}

fn serve(board: &mut Option<arboard::Clipboard>, ask: Ask) {
    if board.is_none() {
        *board = arboard::Clipboard::new().ok();
    }
    match ask {
        Ask::Set(which, text) => {
            if let Some(board) = board {
                set(board, which, text);
            }
        }
        Ask::Get(which, then) => then(board.as_mut().and_then(|board| get(board, which))),
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn set(board: &mut arboard::Clipboard, which: Board, text: String) {
    use arboard::{LinuxClipboardKind, SetExtLinux};
    let kind = match which {
        Board::Clipboard => LinuxClipboardKind::Clipboard,
        Board::Primary => LinuxClipboardKind::Primary,
    };
    // Our own memory of it is what is left when the system takes no text.
    let _ = board.set().clipboard(kind).text(text);
}

#[cfg(all(unix, not(target_os = "macos")))]
fn get(board: &mut arboard::Clipboard, which: Board) -> Option<String> {
    use arboard::{GetExtLinux, LinuxClipboardKind};
    let kind = match which {
        Board::Clipboard => LinuxClipboardKind::Clipboard,
        Board::Primary => LinuxClipboardKind::Primary,
    };
    board.get().clipboard(kind).text().ok()
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn set(board: &mut arboard::Clipboard, which: Board, text: String) {
    if which == Board::Clipboard {
        // Our own memory of it is what is left when the system takes no text.
        let _ = board.set_text(text);
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn get(board: &mut arboard::Clipboard, which: Board) -> Option<String> {
    match which {
        Board::Clipboard => board.get_text().ok(),
        Board::Primary => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_boards_do_not_mix() {
        let mut clipboard = Clipboard::private();
        clipboard.set(Board::Clipboard, "copied".to_owned());
        clipboard.set(Board::Primary, "selected".to_owned());
        let (send, receive) = channel();
        clipboard.get(Board::Clipboard, move |text| send.send(text).unwrap());
        assert_eq!(receive.recv().unwrap().as_deref(), Some("copied"));
    }
}
