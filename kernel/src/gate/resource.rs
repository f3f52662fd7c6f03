//! What is acted on, in a form that has one spelling.

use std::fmt;
use std::io;
use std::path::{Component, Path};

use crate::principal::Name;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Nothing but the action itself.
    Nothing,
    /// A file or folder.
    Path(CanonicalPath),
    /// A host on the network.
    Domain(Domain),
    /// Something of the program's own: a model, a setting, a run.
    Named(Name),
}

impl Resource {
    /// The one that was written so, by [`Resource`]'s `Display`; a path is not resolved again.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text == "nothing" {
            return Some(Self::Nothing);
        }
        match text.split_once(':')? {
            ("path", path) => CanonicalPath::lexical(path).map(Self::Path),
            ("domain", name) => Domain::new(name).map(Self::Domain),
            ("name", name) => Name::new(name).ok().map(Self::Named),
            _ => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Path(path) => write!(f, "path:{}", path.0),
            Self::Domain(domain) => write!(f, "domain:{}", domain.0),
            Self::Named(name) => write!(f, "name:{name}"),
        }
    }
}

/// An absolute path without links, `.` and `..`, separated by `/` on every platform. There is no
/// way to make one but to have it resolved, so that no rule is asked about another spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalPath(pub(super) Box<str>);

impl CanonicalPath {
    /// Follows every link of `path`, an absolute one. What does not exist yet is taken as it is
    /// written, below the nearest folder that does. It asks the file system: not for the UI thread.
    ///
    /// # Errors
    /// `InvalidInput` for a relative path, one with `..` below what exists, or one that is no
    /// UTF-8; else what the system says.
    pub fn resolve(path: &Path) -> io::Result<Self> {
        let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
        if !path.is_absolute() {
            return Err(refused("the path is not absolute"));
        }
        let (mut known, mut rest) = (path.to_owned(), Vec::new());
        let mut resolved = loop {
            match std::fs::canonicalize(&known) {
                Ok(resolved) => break resolved,
                // A link that leads nowhere would lead somewhere once its goal is made.
                Err(_) if known.is_symlink() => {
                    return Err(refused("the path goes through a link that leads nowhere"));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match known.components().next_back() {
                        Some(Component::Normal(name)) => rest.push(name.to_owned()),
                        _ => return Err(refused("the path has `..` below what exists")),
                    }
                    known.pop();
                }
                Err(error) => return Err(error),
            }
        };
        resolved.extend(rest.iter().rev());
        Self::of_resolved(&resolved).ok_or_else(|| refused("the path is no UTF-8"))
    }

    fn of_resolved(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let text = if cfg!(windows) {
            text.strip_prefix(r"\\?\").unwrap_or(text).replace('\\', "/")
        } else {
            text.to_owned()
        };
        Self::lexical(&text)
    }

    /// One that is written canonically already: it is not resolved again.
    #[must_use]
    pub fn lexical(text: &str) -> Option<Self> {
        let rest = without_root(text)?;
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        (rest.is_empty() || rest.split('/').all(is_plain)).then(|| Self(text.into()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `folder`, or lies somewhere in it.
    #[must_use]
    pub fn is_within(&self, folder: &Self) -> bool {
        let rest = self.0.strip_prefix(folder.0.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is behind the root, a drive being the first part; `None` when there is no root.
pub(super) fn without_root(text: &str) -> Option<&str> {
    let is_drive =
        text.as_bytes().get(1..3) == Some(b":/") && text.as_bytes()[0].is_ascii_alphabetic();
    if is_drive { Some(text) } else { text.strip_prefix('/') }
}

/// A host's name in lower case, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(pub(super) Box<str>);

impl Domain {
    /// Takes a name of letters, digits, `-` and dots, as IDNA writes it, or an address.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(is_letter)
        };
        let is_name = text.len() <= 253 && text.split('.').all(is_label);
        let is_address = text.parse::<std::net::IpAddr>().is_ok();
        (is_name || is_address).then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_is_followed_through_links_and_what_is_missing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        let resolve = |path: &str| CanonicalPath::resolve(&root.join(path));
        let wanted = root.join("real/new/file");
        assert_eq!(resolve("link/new/file").unwrap().as_str(), wanted.to_str().unwrap());
        assert_eq!(resolve("link/../real").unwrap(), resolve("real").unwrap());
        assert!(resolve("real/new/../file").is_err());
        assert!(resolve("dangling/x").is_err());
        assert!(CanonicalPath::resolve(Path::new("real")).is_err());
    }

    #[test]
    fn domains_have_one_spelling() {
        assert_eq!(Domain::new("API.Example.com.").unwrap().as_str(), "api.example.com");
        assert!(Domain::new("::1").is_some() && Domain::new("127.0.0.1").is_some());
        for bad in ["", "a..b", "a b", "a/b", "user@host", "*.x"] {
            assert!(Domain::new(bad).is_none(), "{bad}");
        }
    }
}
