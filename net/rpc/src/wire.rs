//! Two directions of bytes, and how to end them.

use std::io::{self, Read, Write};
use std::process::Child;

/// A reader, a writer, and what wakes the reader when the connection is to end.
pub struct Wire {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) writer: Box<dyn Write + Send>,
    pub(crate) stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Wire {
    /// Any pair. Without [`Wire::with_stop`] the reader's thread ends when the other side does.
    pub fn new(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), stop: None }
    }

    /// What makes a blocked read return when the peer is closed.
    #[must_use]
    pub fn with_stop(mut self, stop: impl FnOnce() + Send + 'static) -> Self {
        self.stop = Some(Box::new(stop));
        self
    }

    /// Our own standard input and output.
    #[must_use]
    pub fn stdio() -> Self {
        Self::new(io::stdin(), io::stdout())
    }

    /// The standard input and output of a child that was started with both piped; `None` if they
    /// were not, or were taken already.
    pub fn child(child: &mut Child) -> Option<Self> {
        Some(Self::new(child.stdout.take()?, child.stdin.take()?))
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}
