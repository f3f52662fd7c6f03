//! The whole state of the program on its UI thread.

/// The whole state of the program; owned by the UI thread.
pub struct Program;
