//! Pictures: scenes drawn by the CPU renderer and compared, byte for byte, with those in
//! `goldens/`. `HEARTH_UPDATE_GOLDENS=1` writes them anew: look at each one before it is committed.
//! `figures` measures, when asked for (`--ignored --nocapture`).

#![allow(clippy::unwrap_used, reason = "a test may; the lint only knows `#[test]` functions")]

mod agreement;
mod desk;
mod figures;
mod goldens;
mod marks;
mod repaint;
mod words;
