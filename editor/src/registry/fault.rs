//! What a person is told when something could not be done.

use std::fmt;

/// Why something was not done, as a value and as one sentence that says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What sort of failure it is, for programs.
    pub kind: Kind,
    /// One sentence, with its full stop, for people. It never holds text of a buffer or a secret.
    pub sentence: String,
}

/// Sorts of failure; each has a code on the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The call itself is wrong: arguments, key names, syntax.
    Usage,
    /// No such command, file, item or pane.
    Unknown,
    /// Whoever asks may not do this.
    Denied,
    /// It cannot be done as things are now: nothing is open, a profile is locked, a limit is met.
    State,
    /// The machine refused: disk, network, display, memory.
    Machine,
    /// It was given up: by its caller, by a time limit, or because the program ends.
    Cancelled,
    /// A fault of the program's own.
    Internal,
}

impl Fault {
    /// A fault of sort `kind`.
    pub fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    /// The call itself is wrong.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Usage, sentence)
    }

    /// What was named does not exist.
    pub fn unknown(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Unknown, sentence)
    }

    /// The caller may not do this.
    pub fn denied(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Denied, sentence)
    }

    /// It cannot be done as things are now.
    pub fn state(sentence: impl Into<String>) -> Self {
        Self::new(Kind::State, sentence)
    }

    /// The machine refused.
    pub fn machine(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Machine, sentence)
    }

    /// It was given up.
    pub fn cancelled(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Cancelled, sentence)
    }

    /// A fault of the program's own.
    pub fn internal(sentence: impl Into<String>) -> Self {
        Self::new(Kind::Internal, sentence)
    }

    /// What another room says of a failure, made a sentence.
    pub fn told(kind: Kind, error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        let mut letters = text.trim_end_matches('.').chars();
        let sentence = match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).chain(['.']).collect(),
            None => "It failed without a reason.".to_owned(),
        };
        Self { kind, sentence }
    }

    /// `what` could not be done with `path` because of `error`; adds what a person can do.
    pub fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => "; change its permissions or choose another place",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space and try again",
            ErrorKind::ReadOnlyFilesystem => "; its file system is read-only",
            _ => "",
        };
        let reason = reason(error);
        Self::machine(format!("{what} {} failed: {reason}{remedy}.", path.display()))
    }
}

/// What the system says of `error`, without the number that Rust appends.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "no reason given".to_owned(),
    }
}

impl Kind {
    /// The JSON-RPC error code; those of the standard where it has one.
    pub fn code(self) -> i64 {
        match self {
            Self::Usage => -32602,
            Self::Unknown => -32601,
            Self::Internal => -32603,
            Self::Denied => -32001,
            Self::State => -32002,
            Self::Machine => -32003,
            Self::Cancelled => -32800,
        }
    }

    /// The sort with this code; an unknown code is [`Kind::Internal`].
    pub fn from_code(code: i64) -> Self {
        [Self::Usage, Self::Unknown, Self::Denied, Self::State, Self::Machine, Self::Cancelled]
            .into_iter()
            .find(|kind| kind.code() == code)
            .unwrap_or(Self::Internal)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_survives_the_socket() {
        use Kind::*;
        for kind in [Usage, Unknown, Denied, State, Machine, Cancelled, Internal] {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
    }

    #[test]
    fn a_file_fault_names_the_file_and_the_way_on() {
        let error = std::io::Error::from_raw_os_error(13);
        let fault = Fault::file("Saving", std::path::Path::new("/x/y"), &error);
        assert_eq!(
            fault.sentence,
            "Saving /x/y failed: permission denied; change its permissions or choose another place."
        );
    }
}
