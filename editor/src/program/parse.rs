//! Keeps trees and colours up with texts, on workers.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use syntax::{Freshness, ParseJob, ParseStop, Parsed, Syntax};
use text::Rope;

use super::Program;
use crate::buffer::BufferId;
use crate::view::colors::{self, Answer, Painter, Question, Thirst};
use crate::workers::Urgency;

/// A parse that takes longer is given up, and the status line says so.
const PARSE_TIME_MAX: Duration = Duration::from_secs(20);

/// How long a text rests before a tree with errors that was made in steps is made again.
const RENEWAL_DELAY: Duration = Duration::from_millis(600);

/// A text larger than this, in bytes, is coloured from its beginning first.
const PREVIEWED_FROM: usize = 256 << 10;

/// How much of it, in bytes, and how long that may take.
const PREVIEW: usize = 48 << 10;
const PREVIEW_TIME_MAX: Duration = Duration::from_millis(500);

/// A parse that is under way.
pub struct ParseFlag {
    is_cancelled: Arc<AtomicBool>,
    /// Whether it only refines a tree that is right: an edit makes it pointless.
    is_refinement: bool,
}

impl Drop for ParseFlag {
    /// The buffer has gone, has another text or another language: nobody wants the answer.
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl Program {
    /// Parses a buffer's text unless that is under way; an answer that is behind asks again. What
    /// is shown of it is painted by the same job, so that both come at once.
    pub fn schedule_parse(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let outdated = |flag: &ParseFlag| flag.is_refinement && !buffer.syntax.is_current();
        if buffer.parsing.as_ref().is_some_and(|flag| !outdated(flag)) {
            return;
        }
        let Some(job) = buffer.syntax.job(buffer.document.rope()) else { return };
        if buffer.syntax.tree().is_none() && job.rope().len_bytes() > PREVIEWED_FROM {
            self.schedule_preview(id);
        }
        self.run_parse(id, job);
    }

    fn run_parse(&mut self, id: BufferId, job: ParseJob) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let cancel = Arc::new(AtomicBool::new(false));
        let is_cancelled = Arc::clone(&cancel);
        buffer.parsing = Some(ParseFlag { is_cancelled, is_refinement: job.is_refinement() });
        let question = buffer.colors.along(job.rope());
        let name = format!("parsing {}", buffer.title());
        self.workers.run(
            name,
            Urgency::Background,
            move || {
                let parsed = job.run(&cancel, PARSE_TIME_MAX);
                let tree = parsed.tree();
                let answer = tree.map(|tree| colors::paint(tree, job.rope(), question.lines()));
                (parsed, question, answer)
            },
            move |program, (parsed, question, answer)| program.parsed(id, parsed, question, answer),
        );
    }

    fn parsed(&mut self, id: BufferId, parsed: Parsed, question: Question, answer: Option<Answer>) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if parsed.stop() == Some(&ParseStop::Cancelled) {
            // Another one runs in its place.
            buffer.colors.take(&question, None, Painter::Newest);
            return;
        }
        buffer.parsing = None;
        let rope = buffer.document.rope().clone();
        let installed = buffer.syntax.install(parsed, &rope);
        let is_used = installed.freshness != Freshness::Dropped;
        if is_used {
            buffer.colors.doubt(&rope, &installed.invalidated);
        }
        buffer.colors.take(&question, answer.filter(|_| is_used), Painter::Newest);
        if let Some(retired) = installed.retired {
            // Freeing a large tree takes milliseconds.
            self.free("freeing a tree", retired);
        }
        if is_used {
            self.redraw_showing(id);
        }
        self.schedule_parse(id);
        self.schedule_renewal(id);
    }

    /// Notes that a doubtful tree is to be made again once nobody has typed for a while.
    fn schedule_renewal(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        buffer.renewal_due = buffer.syntax.is_doubtful().then(|| Instant::now() + RENEWAL_DELAY);
    }

    /// When the next doubtful tree is made again.
    pub(super) fn next_renewal(&self) -> Option<Instant> {
        self.buffers.values().filter_map(|buffer| buffer.renewal_due).min()
    }

    /// Makes the doubtful trees again whose texts have rested.
    pub(super) fn renew_when_due(&mut self, now: Instant) {
        let due = self.buffers.values_mut().filter(|it| it.renewal_due.is_some_and(|at| at <= now));
        let jobs: Vec<_> = due
            .filter_map(|buffer| {
                buffer.renewal_due = None;
                let job = buffer.syntax.renewal(buffer.document.rope());
                Some((buffer.id, job.filter(|_| buffer.parsing.is_none())?))
            })
            .collect();
        for (id, job) in jobs {
            self.run_parse(id, job);
        }
    }

    /// Colours the beginning of a large text from that alone, until the whole of it is parsed.
    fn schedule_preview(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let Some(language) = buffer.syntax.language().cloned() else { return };
        let rope = buffer.document.rope().clone();
        let question = buffer.colors.along(&rope);
        self.workers.run(
            format!("colouring the beginning of {}", buffer.title()),
            Urgency::Seen,
            move || {
                let lines = rope.byte_to_line(PREVIEW);
                let head: Rope = rope.byte_slice(..rope.line_to_byte(lines)).into();
                let mut syntax = Syntax::new(Some(language));
                let parsed = syntax.job(&head)?.run(&AtomicBool::new(false), PREVIEW_TIME_MAX);
                syntax.install(parsed, &head);
                let clip = |range: &Range<usize>| range.start.min(lines)..range.end.min(lines);
                let wanted: Vec<_> = question.lines().iter().map(clip).collect();
                let answer = syntax.tree().map(|tree| colors::paint(tree, &head, &wanted));
                Some((question, answer))
            },
            move |program, found| {
                let Some((question, answer)) = found else { return };
                let Some(buffer) = program.buffers.get_mut(&id) else { return };
                // The whole may have been faster.
                let answer = answer.filter(|_| buffer.syntax.tree().is_none());
                buffer.colors.take(&question, answer, Painter::Older);
                program.redraw_showing(id);
            },
        );
    }

    /// Asks for the colours that the frame just built lacks. A view that scrolls gets them from
    /// the tree that is there, moved along with the edits, while a parse may be under way.
    pub(super) fn schedule_colors(&mut self) {
        for (id, buffer) in &mut self.buffers {
            if buffer.is_coloring {
                continue;
            }
            let Some(snapshot) = buffer.syntax.snapshot() else { continue };
            let thirst = match buffer.syntax.is_current() {
                true => Thirst::Doubted,
                false => Thirst::Unknown,
            };
            let rope = buffer.document.rope();
            let Some(question) = buffer.colors.missing(rope, thirst) else { continue };
            buffer.is_coloring = true;
            let (id, rope) = (*id, rope.clone());
            self.workers.run(
                format!("colouring {}", buffer.title()),
                Urgency::Seen,
                move || {
                    let answer = colors::paint(&snapshot.tree(), &rope, question.lines());
                    (question, answer)
                },
                move |program, (question, answer)| {
                    let Some(buffer) = program.buffers.get_mut(&id) else { return };
                    buffer.is_coloring = false;
                    buffer.colors.take(&question, Some(answer), Painter::Older);
                    program.redraw_showing(id);
                },
            );
        }
    }

    /// Asks for the symbols around the caret where those that are shown are another line's.
    pub(super) fn schedule_crumbs(&mut self) {
        let Some(view) = self.view() else { return };
        let (id, at) = (view.buffer, view.selections.primary().head);
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let Some(place) = buffer.crumbs.missing(&buffer.syntax, buffer.document.rope(), at) else {
            return;
        };
        let Some(snapshot) = buffer.syntax.snapshot() else { return };
        let rope = buffer.document.rope().clone();
        self.workers.run(
            "finding the symbols around the caret",
            Urgency::Seen,
            move || {
                let symbols = snapshot.tree().breadcrumbs(&rope, at);
                symbols.into_iter().map(|symbol| symbol.label).collect::<Vec<_>>()
            },
            move |program, labels| {
                let Some(buffer) = program.buffers.get_mut(&id) else { return };
                if buffer.crumbs.take(place, labels) {
                    program.redraw_showing(id);
                }
                program.schedule_crumbs();
            },
        );
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::Value;
    use text::Line;

    use crate::command::stage::Stage;

    const BODY: &str = "/// Some words.\nfn name(a: u8) -> u8 {\n    a + 1\n}\n\n";

    /// Draws until nothing is asked for any more; how many frames that took.
    fn draw(stage: &mut Stage) -> usize {
        for frames in 1..10 {
            stage.program.prepare(Instant::now());
            stage.settle();
            if !stage.program.wants_frame() || frames > 1 && is_colored(stage) {
                return frames;
            }
        }
        panic!("it never came to rest");
    }

    fn shown(stage: &mut Stage) -> Vec<Line> {
        let panes = stage.program.window.panes.iter_mut();
        let views = panes.flat_map(|pane| pane.item_mut());
        let rows = views.flat_map(|view| {
            let first = view.scroll.row as usize;
            let last = (first + view.rows_in_view()).min(view.display.row_count());
            (first..last).map(|row| view.display.line_of_row(text::display::Row(row)))
        });
        rows.collect()
    }

    fn is_colored(stage: &mut Stage) -> bool {
        let lines = shown(stage);
        let (_, buffer) = stage.program.active().unwrap();
        assert!(!lines.is_empty());
        lines.iter().all(|line| buffer.colors.line(*line).is_some())
    }

    #[test]
    fn what_is_scrolled_to_is_coloured_in_every_view() {
        let mut stage = Stage::with_file("a.rs", &BODY.repeat(400));
        draw(&mut stage);
        assert!(is_colored(&mut stage), "the first screen");
        stage.run("pane.split_right", Value::Null).unwrap();
        stage.keys("ctrl-end");
        draw(&mut stage);
        assert!(is_colored(&mut stage), "the end in one view, the beginning in the other");
        assert!(shown(&mut stage).iter().any(|line| line.0 > 1_900));
    }

    #[test]
    fn a_key_keeps_the_colours_of_its_line_until_the_answer_comes() {
        let mut stage = Stage::with_file("a.rs", "fn name|() {}\n");
        draw(&mut stage);
        stage.program.input(crate::input::Input::Text("s".to_owned()));
        let (_, buffer) = stage.program.active().unwrap();
        let runs = buffer.colors.line(Line(0)).unwrap();
        let name = runs.iter().find(|run| run.highlight.name() == "function").unwrap();
        assert_eq!((name.start, name.end), (3, 8));
    }

    #[test]
    fn a_large_file_is_coloured_from_its_beginning_and_a_broken_one_made_again() {
        let mut stage = Stage::with_file("a.rs", &BODY.repeat(6_000));
        draw(&mut stage);
        assert!(is_colored(&mut stage));
        stage.keys("( { [");
        draw(&mut stage);
        let due = stage.program.next_renewal().expect("a tree with errors is doubted");
        stage.program.tick(due);
        stage.settle();
        assert_eq!(stage.program.next_renewal(), None, "once");
    }
}
