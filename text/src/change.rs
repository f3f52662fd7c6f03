//! Changes: what a document tells everybody else, once for each transaction or merge.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ropey::Rope;
use smallvec::SmallVec;

use crate::author::Author;
use crate::edit::Edit;
use crate::operation::{Cause, GroupId, Operation, OperationId};
use crate::position::CharOffset;
use crate::undo::fragment::Fragment;

/// Which open document; unique within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(u64);

impl DocumentId {
    /// One that no other document of this process has.
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        DocumentId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The BLAKE3 hash of a text as UTF-8; shown in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextHash([u8; 32]);

/// Bytes that are hashed at once: enough for all lanes of a vector unit, few enough for its cache.
const HASHED_BYTES: usize = 1 << 17;

impl TextHash {
    /// Hashes a text; 10 MB take about 4 ms.
    pub fn of(text: &Rope) -> Self {
        let mut hasher = blake3::Hasher::new();
        // A rope's chunks are so small that the hash could not work on several blocks at once.
        let mut gathered = Vec::with_capacity(HASHED_BYTES.min(text.len_bytes()));
        for chunk in text.chunks() {
            if gathered.len() + chunk.len() > HASHED_BYTES {
                hasher.update(&gathered);
                gathered.clear();
            }
            gathered.extend_from_slice(chunk.as_bytes());
        }
        hasher.update(&gathered);
        TextHash(*hasher.finalize().as_bytes())
    }

    /// The hash's bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// A hash from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        TextHash(bytes)
    }

    /// What operations on a base with this hash name as their parent. Its author is the first
    /// half of the hash, so that operations on another base are never taken for ours.
    pub fn root(self) -> OperationId {
        let mut author = [0; 16];
        author.copy_from_slice(&self.0[..16]);
        OperationId { author: Author::from_bytes(author), sequence: 0 }
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextHash({self})")
    }
}

/// Which operations a text holds. Equal versions mean equal text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The text that everything started from.
    pub base: TextHash,
    /// The last characters of the operations that nothing followed, in order; empty for a
    /// document that was never edited.
    pub frontier: SmallVec<[OperationId; 1]>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "base:{}", self.base)?;
        self.frontier.iter().try_for_each(|id| write!(f, "+{id}"))
    }
}

/// How an edit falls into undo groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One word with the space after it is one group, if it was typed in one go.
    Typing,
    /// Deletions that go on from the same place are one group.
    Deleting,
    /// A group of its own: a paste.
    Paste,
    /// A group of its own: a command.
    Command,
    /// Part of the group before it, unless that was sealed.
    WithPrevious,
}

/// Where an edit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// How it falls into undo groups.
    pub group: Grouping,
    /// Why it was made.
    pub cause: Cause,
}

impl Origin {
    /// Typed by hand.
    pub const TYPING: Origin = Origin { group: Grouping::Typing, cause: Cause::Typed };
    /// Deleted by hand.
    pub const DELETING: Origin = Origin { group: Grouping::Deleting, cause: Cause::Typed };
    /// Pasted.
    pub const PASTE: Origin = Origin { group: Grouping::Paste, cause: Cause::Pasted };
    /// A command.
    pub const COMMAND: Origin = Origin { group: Grouping::Command, cause: Cause::Command };
}

/// A document's text changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which document.
    pub document: DocumentId,
    /// What was replaced: sorted, disjoint, in the coordinates of the text before.
    pub edits: Arc<[Edit]>,
    /// The version after it.
    pub version: Version,
    /// Who made it; of a merge, who made the last operation of it.
    pub author: Author,
    /// Its undo group; of a merge, the last operation's.
    pub group: GroupId,
    /// Why; of a merge, the last operation's cause.
    pub cause: Cause,
    /// What to log and send; of a merge, what was merged.
    pub operations: Vec<Operation>,
    after: Rope,
    before: Before,
}

/// The text before a change. A snapshot that is held while the rope changes makes it copy a path
/// of nodes (2 us against 0.2), so after small edits it is worked out when somebody asks.
#[derive(Clone, Debug)]
enum Before {
    Kept(Rope),
    Derived { removed: SmallVec<[Fragment; 1]>, text: OnceLock<Rope> },
}

/// What the parts of a [`Change`] are, without its two texts.
pub(crate) struct ChangeParts {
    pub document: DocumentId,
    pub edits: Arc<[Edit]>,
    pub version: Version,
    pub author: Author,
    pub group: GroupId,
    pub cause: Cause,
    pub operations: Vec<Operation>,
}

impl Change {
    pub(crate) fn with_before(parts: ChangeParts, before: Rope, after: Rope) -> Self {
        Change::assemble(parts, Before::Kept(before), after)
    }

    /// `removed` holds what each of the edits took out.
    pub(crate) fn with_removed(
        parts: ChangeParts,
        removed: SmallVec<[Fragment; 1]>,
        after: Rope,
    ) -> Self {
        debug_assert_eq!(parts.edits.len(), removed.len());
        Change::assemble(parts, Before::Derived { removed, text: OnceLock::new() }, after)
    }

    fn assemble(parts: ChangeParts, before: Before, after: Rope) -> Self {
        let ChangeParts { document, edits, version, author, group, cause, operations } = parts;
        Change { document, edits, version, author, group, cause, operations, after, before }
    }

    /// The text after it.
    pub fn after(&self) -> &Rope {
        &self.after
    }

    /// The text before it.
    pub fn before(&self) -> &Rope {
        match &self.before {
            Before::Kept(rope) => rope,
            Before::Derived { removed, text } => text.get_or_init(|| self.taken_back(removed)),
        }
    }

    /// What each edit took out; nothing for a merge, which keeps the text before it.
    pub(crate) fn removed(&self) -> &[Fragment] {
        match &self.before {
            Before::Kept(_) => &[],
            Before::Derived { removed, .. } => removed,
        }
    }

    /// Whether the text stayed the same: nothing was new, or what came is held back.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    fn taken_back(&self, removed: &[Fragment]) -> Rope {
        let mut rope = self.after.clone();
        let mut starts = Vec::with_capacity(self.edits.len());
        let (mut inserted, mut deleted) = (0, 0);
        for edit in self.edits.iter() {
            let chars = edit.text.chars().count();
            starts.push((edit.range.start.0 + inserted - deleted, chars));
            inserted += chars;
            deleted += edit.range.len();
        }
        for ((start, chars), fragment) in starts.into_iter().zip(removed).rev() {
            rope.remove(start..start + chars);
            fragment.insert_into(&mut rope, CharOffset(start));
        }
        rope
    }
}
