//! The real program without a window, driven over its control socket.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authority;
mod bytes;
mod compare;
mod devices;
mod disk;
mod editing;
mod finding;
mod fonts;
mod outside;
mod panes;
mod pictures;
mod principals;
mod settings;
mod shapes;
mod sharing;
mod windows;

use std::path::Path;
use std::time::Duration;

use tests::instance::{Home, Instance, Profile, binary};

/// What is pending after this long is stuck.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// The program with these files open and nothing pending.
fn start(home: &Home, paths: &[&Path]) -> Instance {
    let mut hearth = Instance::headless(&binary(Profile::Dev).unwrap(), home, paths).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth
}

/// The program with one file of these bytes open.
fn with_file(name: &str, bytes: impl AsRef<[u8]>) -> (Home, Instance, std::path::PathBuf) {
    let home = Home::new().unwrap();
    let path = home.file(name, bytes).unwrap();
    let hearth = start(&home, &[&path]);
    (home, hearth, path)
}

/// Undoes until the text is `wanted`; an undo that changes nothing ends it.
fn undo_to(hearth: &mut Instance, wanted: &str) {
    for _ in 0..100 {
        let before = hearth.text().unwrap();
        if before == wanted {
            return;
        }
        hearth.keys("ctrl-z").unwrap();
        assert_ne!(hearth.text().unwrap(), before, "undo stopped before {wanted:?}");
    }
    panic!("a hundred undos did not lead to {wanted:?}");
}

/// Fails unless `fault` is one sentence that has all `words`.
fn one_sentence(fault: &str, words: &[&str]) {
    let fault = fault.trim_end_matches('"');
    assert!(!fault.contains("\\n") && !fault.contains('\n'), "more than a line: {fault}");
    assert!(fault.ends_with('.'), "no sentence: {fault}");
    for word in words {
        assert!(fault.contains(word), "it does not say {word:?}: {fault}");
    }
}
