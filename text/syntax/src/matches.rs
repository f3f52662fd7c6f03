//! Running a query within limits.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use tree_sitter::{
    Node, Query, QueryCursor, QueryCursorOptions, QueryCursorState, QueryMatch, StreamingIterator,
};

use crate::rope_text::LayerText;

/// Matches that a cursor keeps open at a time; the oldest is given up for a new one.
const MAX_OPEN: u32 = 512;

/// How long a query may run, by the clock. Only trees of garbage, with one flat error node of
/// tens of thousands of children, need more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// A key waits for it, on the thread that draws; there is another way if it is cut.
    Key,
    /// A worker answers for a screen.
    Screen,
    /// A worker walks the whole text.
    Whole,
}

impl Haste {
    fn budget(self) -> Duration {
        match self {
            Haste::Key => Duration::from_millis(1),
            Haste::Screen => Duration::from_millis(500),
            Haste::Whole => Duration::from_secs(2),
        }
    }
}

/// How far a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reach {
    /// To the end of what was asked.
    Whole,
    /// Its time was up: there may be more.
    Cut,
}

impl Reach {
    /// The worse of two.
    pub fn and(self, other: Reach) -> Reach {
        if self == Reach::Cut { self } else { other }
    }
}

thread_local! {
    /// The cursor of the query before: its buffers have grown to what a screen needs, and growing
    /// them anew took a third of what colouring an edited line costs.
    static CURSOR: Cell<Option<QueryCursor>> = const { Cell::new(None) };
}

/// Calls `each` with every match that has a part in a range of the layer's bytes, as long as
/// there is time.
pub(crate) fn each_match<'tree>(
    query: &Query,
    node: Node<'tree>,
    text: &LayerText<'_>,
    range: Range<usize>,
    haste: Haste,
    mut each: impl FnMut(&QueryMatch<'_, 'tree>),
) -> Reach {
    let begun = Instant::now();
    let mut reach = Reach::Whole;
    let mut progress = |_: &QueryCursorState| {
        if begun.elapsed() > haste.budget() {
            reach = Reach::Cut;
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = QueryCursorOptions::new().progress_callback(&mut progress);
    // `each` may run a query of its own; then the place is empty and it makes a cursor.
    let mut cursor = CURSOR.take().unwrap_or_default();
    cursor.set_match_limit(MAX_OPEN);
    cursor.set_byte_range(range);
    let mut matches = cursor.matches_with_options(query, node, text.clone(), options);
    while let Some(found) = matches.next() {
        each(found);
    }
    drop(matches);
    CURSOR.set(Some(cursor));
    reach
}
