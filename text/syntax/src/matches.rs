//! Running a query within limits.

use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use tree_sitter::{
    Node, Query, QueryCursor, QueryCursorOptions, QueryCursorState, QueryMatch, StreamingIterator,
};

use crate::rope_text::LayerText;

/// Matches that a cursor keeps open at a time; the oldest is given up for a new one.
const MAX_OPEN: u32 = 512;
/// How long one query may run, by the clock, on whatever thread.
const BUDGET: Duration = Duration::from_secs(1);

/// Calls `each` with every match that has a part in a range of the layer's bytes.
pub(crate) fn each_match<'tree>(
    query: &Query,
    node: Node<'tree>,
    text: &LayerText<'_>,
    range: Range<usize>,
    mut each: impl FnMut(&QueryMatch<'_, 'tree>),
) {
    let begun = Instant::now();
    let mut progress = |_: &QueryCursorState| {
        if begun.elapsed() > BUDGET { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
