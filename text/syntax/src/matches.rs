//! Running a query within limits.

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use tree_sitter::{
    Node, Query, QueryCursor, QueryCursorOptions, QueryCursorState, QueryMatch, StreamingIterator,
};

use crate::rope_text::LayerText;

/// Matches that a cursor keeps open at a time; the oldest is given up for a new one.
const MAX_OPEN: u32 = 512;
/// How long a query may run, by the clock. Only trees of garbage, thousands of nodes deep, need
/// more; what was found until then is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Someone waits for what is on the screen.
    Screen,
    /// The whole text, on a worker.
    Whole,
}

impl Haste {
    fn budget(self) -> Duration {
        match self {
            Haste::Screen => Duration::from_millis(40),
            Haste::Whole => Duration::from_secs(2),
        }
    }
}

/// Calls `each` with every match that has a part in a range of the layer's bytes.
pub(crate) fn each_match<'tree>(
    query: &Query,
    node: Node<'tree>,
    text: &LayerText<'_>,
    range: Range<usize>,
    haste: Haste,
    mut each: impl FnMut(&QueryMatch<'_, 'tree>),
) {
    let begun = Instant::now();
    let mut progress = |_: &QueryCursorState| {
        if begun.elapsed() > haste.budget() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = QueryCursorOptions::new().progress_callback(&mut progress);
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MAX_OPEN);
    cursor.set_byte_range(range);
    let mut matches = cursor.matches_with_options(query, node, text.clone(), options);
    while let Some(found) = matches.next() {
        each(found);
    }
}
