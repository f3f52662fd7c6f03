//! Whoever asks the gate and stands in the ledger.

use std::fmt;
use std::str::FromStr;

/// Who acts. Its text form is `owner`, `trainer`, `client`, `agent:NAME`, `pack:NAME`,
/// `device:KEY` or `hub:KEY`, a key being 64 hex digits.
///
/// ```
/// use kernel::principal::Principal;
/// let agent: Principal = "agent:code-review".parse().unwrap();
/// assert_eq!(agent.to_string(), "agent:code-review");
/// assert!("agent:Any text".parse::<Principal>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// The person whose machines these are, at the window or the terminal.
    Owner,
    /// Another machine of the owner's.
    Device(DeviceId),
    /// A device in the always-on role.
    Hub(DeviceId),
    /// A program that acts on a model's words.
    Agent(Name),
    /// An extension.
    Pack(Name),
    /// Learning.
    Trainer,
    /// A connection to the control socket.
    Client,
}

/// The kinds of [`Principal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// [`Principal::Owner`].
    Owner,
    /// [`Principal::Device`].
    Device,
    /// [`Principal::Hub`].
    Hub,
    /// [`Principal::Agent`].
    Agent,
    /// [`Principal::Pack`].
    Pack,
    /// [`Principal::Trainer`].
    Trainer,
    /// [`Principal::Client`].
    Client,
}

impl PrincipalKind {
    /// Every kind, in their order.
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Device,
        Self::Hub,
        Self::Agent,
        Self::Pack,
        Self::Trainer,
        Self::Client,
    ];

    /// The word before the colon.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Device => "device",
            Self::Hub => "hub",
            Self::Agent => "agent",
            Self::Pack => "pack",
            Self::Trainer => "trainer",
            Self::Client => "client",
        }
    }
}

impl Principal {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        match self {
            Self::Owner => PrincipalKind::Owner,
            Self::Device(_) => PrincipalKind::Device,
            Self::Hub(_) => PrincipalKind::Hub,
            Self::Agent(_) => PrincipalKind::Agent,
            Self::Pack(_) => PrincipalKind::Pack,
            Self::Trainer => PrincipalKind::Trainer,
            Self::Client => PrincipalKind::Client,
        }
    }

    /// Whether it acts without a person who does the acting: what the kill switch stops.
    ///
    /// A device brings what a person types there, and a client what a person's script asks.
    #[must_use]
    pub fn is_autonomous(&self) -> bool {
        matches!(self, Self::Agent(_) | Self::Pack(_) | Self::Trainer | Self::Hub(_))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::Owner | Self::Trainer | Self::Client => Ok(()),
            Self::Device(id) | Self::Hub(id) => write!(f, ":{id}"),
            Self::Agent(name) | Self::Pack(name) => write!(f, ":{name}"),
        }
    }
}

impl FromStr for Principal {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Ok(match text.split_once(':') {
            None if text == "owner" => Self::Owner,
            None if text == "trainer" => Self::Trainer,
            None if text == "client" => Self::Client,
            Some(("device", key)) => Self::Device(key.parse()?),
            Some(("hub", key)) => Self::Hub(key.parse()?),
            Some(("agent", name)) => Self::Agent(Name::new(name)?),
            Some(("pack", name)) => Self::Pack(Name::new(name)?),
            _ => return Err(BadName("principal")),
        })
    }
}

/// A device's Ed25519 public key, which is its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub [u8; 32]);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for DeviceId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 64 || !text.bytes().all(is_hex) {
            return Err(BadName("device key"));
        }
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().enumerate() {
            let pair = &text[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| BadName("device key"))?;
        }
        Ok(Self(key))
    }
}

/// A name that a file of the owner's or a manifest gives: words of lower-case letters and digits,
/// joined by `-`, `_` or `/`. The grammar is so narrow because names stand in the ledger for good:
/// what a person wrote, a path and the usual shapes of a secret do not fit it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

impl Name {
    /// The longest name, in bytes.
    pub const BYTES_MAX: usize = 64;
    /// The longest word in it: a key in hex is longer.
    pub const WORD_BYTES_MAX: usize = 20;

    /// Takes `text` if it is of the grammar.
    ///
    /// # Errors
    /// [`BadName`] if it is not.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let is_word = |word: &str| {
            let fits = (1..=Self::WORD_BYTES_MAX).contains(&word.len());
            fits && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if starts && text.len() <= Self::BYTES_MAX && text.split(['-', '_', '/']).all(is_word) {
            Ok(Self(text.into()))
        } else {
            Err(BadName("name"))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An action's id, `noun.verb`, as [`crate::Action::id`] has it; each part is a [`Name`] without
/// a slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(Box<str>);

impl ActionId {
    /// Takes `text` if it is of the grammar.
    ///
    /// # Errors
    /// [`BadName`] if it is not.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let is_part = |part: &str| !part.contains('/') && Name::new(part).is_ok();
        let is_id = text.len() <= Name::BYTES_MAX
            && text.split_once('.').is_some_and(|(noun, verb)| is_part(noun) && is_part(verb));
        if is_id { Ok(Self(text.into())) } else { Err(BadName("action id")) }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text that is not of its grammar; what it should have been. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName(pub &'static str);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "principal" => f.write_str(
                "that is no principal: write owner, trainer, client, agent:NAME, pack:NAME, \
                 device:KEY or hub:KEY",
            ),
            "device key" => f.write_str("that is no device key: write its 64 hex digits"),
            "action id" => f.write_str("that is no action: write noun.verb in lower case"),
            what => write!(
                f,
                "that is no {what}: write words of lower-case letters and digits, at most {} each, \
                 joined by - or _",
                Name::WORD_BYTES_MAX
            ),
        }
    }
}

impl std::error::Error for BadName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_written_as_they_are_read() {
        let key = "0a".repeat(32);
        for text in
            ["owner", "trainer", "client", "agent:a-1", "pack:x_y", &format!("device:{key}")]
        {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
        for text in ["", "Owner", "agent", "agent:", "agent:A", "device:0A", "owner:x", "agent:a b"]
        {
            assert!(text.parse::<Principal>().is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_and_paths_are_no_names() {
        for text in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "AKIAIOSFODNN7EXAMPLE",
            "/home/somebody",
            "me@example.org",
            "two words",
            "-x",
            "x--y",
            "",
        ] {
            assert!(Name::new(text).is_err(), "{text}");
        }
        assert!(ActionId::new("file.save").is_ok());
        for text in ["file", "file.save.as", "file.", "File.save", "a/b.c"] {
            assert!(ActionId::new(text).is_err(), "{text}");
        }
    }
}
