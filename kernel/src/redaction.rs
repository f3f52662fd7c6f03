//! The one place that knows what a secret looks like.
//!
//! [`Secret`] is for what is known to be one: it cannot be printed. [`scan`] is for text that may
//! hold one: a log line, the message of a crash, a sample. It knows the published formats of
//! providers' keys, assignments to names that sound like credentials, what looks random, and
//! personal data. It errs on the side of taking too much out, and it can miss a secret that looks
//! like a word: what must not leave is not recorded in the first place.
//!
//! Everything runs in time linear in the text, whatever the text is.
//!
//! ```
//! use kernel::redaction::{redact, Secret};
//! assert_eq!(redact("nothing to hide"), "nothing to hide");
//! assert_eq!(redact("DB_PASSWORD=kite-8-lamp"), "DB_PASSWORD=[redacted: password]");
//! assert_eq!(format!("{:?}", Secret::new(vec![1_u8])), "Secret(..)");
//! ```

mod assignment;
mod entropy;
mod formats;
mod personal;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use zeroize::{Zeroize, Zeroizing};

/// A text with more findings than this is taken out whole from there on.
const FINDINGS_MAX: usize = 10_000;

/// A value that is wiped when dropped and never printed; there is no way to it but a call that
/// says so.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Keeps `value` from being printed.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one who uses it up.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// A key in a provider's published format; its name.
    Key(&'static str),
    /// What is assigned to a name that sounds like a credential.
    Password,
    /// The password in an address.
    AddressPassword,
    /// What an `Authorization` header or the like carries.
    Authorization,
    /// Letters and digits that look random.
    Random,
    /// An address of e-mail.
    Email,
    /// A telephone number.
    Phone,
    /// A bank account whose check digits are right.
    Iban,
    /// A payment card whose check digit is right.
    Card,
    /// The name of a person in the path of a home folder.
    Home,
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(provider) => return write!(f, "{provider} key"),
            Self::Password | Self::AddressPassword => "password",
            Self::Authorization => "authorization",
            Self::Random => "random text",
            Self::Email => "e-mail",
            Self::Phone => "telephone",
            Self::Iban => "bank account",
            Self::Card => "card",
            Self::Home => "name",
        })
    }
}

/// A place that should not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// What.
    pub kind: FindingKind,
}

/// Everything in `text` that should not be shown, in order, without overlaps.
#[must_use]
pub fn scan(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |range: Range<usize>, kind| found.push(Finding { range, kind });
    // In the order of what is known best: of two that begin together the first counts.
    formats::scan(text, &mut add);
    assignment::scan(text, &mut add);
    personal::scan(text, &mut add);
    entropy::scan(text, &mut add);
    found.sort_by_key(|finding| finding.range.start);
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        match merged.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
            }
            _ => merged.push(finding),
        }
    }
    if merged.len() > FINDINGS_MAX {
        merged.truncate(FINDINGS_MAX);
        merged.last_mut().expect("it holds many").range.end = text.len();
    }
    merged
}

/// `text` with `[redacted: KIND]` in the place of every finding.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = scan(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for Finding { range, kind } in found {
        out.push_str(&text[at..range.start]);
        out.push_str("[redacted: ");
        out.push_str(&kind.to_string());
        out.push(']');
        at = range.end;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// What takes a finding.
type Add<'a> = &'a mut dyn FnMut(Range<usize>, FindingKind);
