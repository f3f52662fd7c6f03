//! The stores that keep their records in the log, as one question for whoever compacts it.

use crate::ledger;
use crate::log::RecordHeader;
use crate::row::{Condensed, ROW_STREAM};

/// Whether a store of the kernel still needs a record: a compaction that drops one of these loses
/// what was promised. `condensed` is what [`Rows::condense`](crate::row::Rows::condense) answered
/// last, if it was asked: without it every commit of rows is needed.
///
/// Rows and the ledger have their records in the log. Runs are rows, and objects keep packs of
/// their own, so neither has any. Of a record that is no store's it says `false`: whoever wrote it
/// has to say.
///
/// ```
/// # use kernel::log::LogWriter;
/// # use kernel::{keys::Opener, row::Rows};
/// # use std::error::Error;
/// # fn f(log: &LogWriter, opener: &Opener, rows: &Rows) -> Result<(), Box<dyn Error>> {
/// let condensed = rows.condense()?;
/// log.compact(opener, |header| kernel::stores::needs(header, Some(&condensed)))?;
/// # Ok(()) }
/// ```
#[must_use]
pub fn needs(header: &RecordHeader, condensed: Option<&Condensed>) -> bool {
    match header.stream {
        ROW_STREAM => condensed.is_none_or(|it| it.keeps(header)),
        _ => ledger::owns(header),
    }
}
