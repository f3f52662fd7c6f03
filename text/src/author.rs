//! Who makes operations: a name that is random for each start of the process.
//!
//! A number that a restarted or restored process could use a second time would make two histories
//! diverge silently, so no author outlives its process.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The author of operations: 128 random bits, new with each start of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author([u8; 16]);

impl Author {
    /// The author of this process; the same for every document that it opens.
    pub fn of_this_process() -> Self {
        static THIS: OnceLock<Author> = OnceLock::new();
        *THIS.get_or_init(Author::random)
    }

    /// A new author.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: a guess could repeat an author.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Author(bytes)
    }

    /// An author from its bytes, as a record or a test has them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Author(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Author({self})")
    }
}

/// The author that a document writes as, and those whose work counts as this device's own.
#[derive(Clone, Debug)]
pub struct Authors {
    this: Author,
    earlier: Arc<HashSet<Author>>,
}

impl Default for Authors {
    fn default() -> Self {
        Authors::new(Author::of_this_process())
    }
}

impl Authors {
    /// An author without a past.
    pub fn new(this: Author) -> Self {
        Authors { this, earlier: Arc::default() }
    }

    /// With the authors of earlier processes of this device, so that undo reaches their work.
    pub fn with_earlier(self, earlier: impl IntoIterator<Item = Author>) -> Self {
        Authors { earlier: Arc::new(earlier.into_iter().collect()), ..self }
    }

    /// The author of new operations.
    pub fn this(&self) -> Author {
        self.this
    }

    /// Whether this device made what the author made.
    pub fn is_own(&self, author: Author) -> bool {
        author == self.this || self.earlier.contains(&author)
    }
}
