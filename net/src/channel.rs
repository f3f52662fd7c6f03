//! What goes apart on a link, so that one kind of traffic never waits for another.

/// A kind of traffic between two devices. Frames of one channel arrive in order; those of
/// different ones do not wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// What the devices agree on: the device log, versions, acknowledgements. Reliable.
    Control,
    /// Operations of documents and of file trees. Reliable, before everything else.
    Operations,
    /// Objects and whole texts. Reliable, after everything else.
    Bulk,
    /// Where who is. Unreliable: a frame is at most one datagram, may be lost, and is never late.
    Presence,
}

impl Channel {
    /// Every channel, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Presence, Self::Operations, Self::Control, Self::Bulk];

    /// Its place in [`Channel::ALL`].
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Presence => 0,
            Self::Operations => 1,
            Self::Control => 2,
            Self::Bulk => 3,
        }
    }
}
