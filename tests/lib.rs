//! Tests of the whole: what no single crate can say of itself.
//!
//! Each test is a target of this crate; this library holds what they stand on: the source tree as
//! the style and house tests read it, and the real program as the end-to-end tests drive it.
//!
//! # Invariants
//!
//! - The program is driven only through what people and scripts have: its command line, its control
//!   socket, and keys in a real window. Nothing here links `editor`.
//! - Every process started here ends with the value that started it.
//! - A test that cannot run on a machine says so through [`skip`], and `tests/run` counts it. It
//!   never passes in silence.
//!
//! # Must never know
//!
//! How any crate does what it does.
//!
//! # Where to start
//!
//! `tests/run` is the one command. [`rust`] is how `tidy.rs` reads a file, [`tree`] where it finds
//! them, `instance` how the program is driven, `display` how a window gets real keys. `socket/`,
//! `crash/` and `window/` hold the end-to-end tests.

#[cfg(unix)]
pub mod display;
#[cfg(unix)]
pub mod instance;
pub mod picture;
pub mod rust;
pub mod seed;
#[cfg(unix)]
pub mod small_disk;
pub mod tree;

/// Says on standard output that the test `name` could not run here, in the form that `tests/run`
/// counts and repeats at its end.
#[expect(clippy::print_stdout, reason = "the line is read by tests/run")]
pub fn skip(name: &str, reason: &str) {
    println!("SKIPPED: {name}: {reason}");
}
