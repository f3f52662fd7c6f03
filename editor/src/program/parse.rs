//! Keeps trees up with texts, on workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syntax::{Freshness, Parsed};

use super::Program;
use crate::buffer::BufferId;
use crate::workers::Urgency;

/// A parse that takes longer is given up, and the status line says so.
const PARSE_TIME_MAX: Duration = Duration::from_secs(20);

/// A parse that is under way.
#[derive(Clone, Default)]
pub struct ParseFlag(Arc<AtomicBool>);

impl Drop for ParseFlag {
    /// The buffer has gone or has another language: nobody wants the answer.
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Program {
    /// Parses a buffer's text unless that is under way; an answer that is behind asks again.
    pub fn schedule_parse(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if buffer.parsing.is_some() {
            return;
        }
        let Some(job) = buffer.syntax.job(buffer.document.rope()) else { return };
        let flag = ParseFlag::default();
        let cancel = Arc::clone(&flag.0);
        buffer.parsing = Some(flag);
        let name = format!("parsing {}", buffer.title());
        self.workers.run(
            name,
            Urgency::Background,
            move || job.run(&cancel, PARSE_TIME_MAX),
            move |program, parsed| program.parsed(id, parsed),
        );
    }

    fn parsed(&mut self, id: BufferId, parsed: Parsed) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        buffer.parsing = None;
        let rope = buffer.document.rope().clone();
        let was_colored = buffer.syntax.tree().is_some();
        let installed = buffer.syntax.install(parsed, &rope);
        match was_colored {
            true => buffer.colors.doubt(&rope, &installed.invalidated),
            false => self.recolor(id),
        }
        if let Some(retired) = installed.retired {
            // Freeing a large tree takes milliseconds.
            self.free("freeing a tree", retired);
        }
        if installed.freshness != Freshness::Dropped {
            self.redraw_showing(id);
        }
        self.schedule_parse(id);
    }

    /// Forgets all colours of a buffer.
    pub fn recolor(&mut self, id: BufferId) {
        if let Some(buffer) = self.buffers.get_mut(&id) {
            buffer.colors.clear();
        }
        self.views_of(id).for_each(crate::view::EditorView::forget_rows);
        self.redraw_showing(id);
    }
}
