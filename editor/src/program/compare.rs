//! Comparing two texts in panes beside each other, both edited as ever.
//!
//! The differences are worked out on a worker, anew after every edit; until they come, the old
//! ones move along with the text. The two views scroll together.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use text::{Document, Line, Origin, Positions, Version};

use super::Program;
use crate::buffer::{BufferId, OnDisk};
use crate::compare::{Alignment, CompareId, Parts, Side, compare};
use crate::files::load;
use crate::find::Direction;
use crate::panes::{PaneId, Toward};
use crate::registry::{Fault, path_to_json};
use crate::shell::Reply;
use crate::view::{EditorView, Follow};
use crate::workers::Urgency;

/// Two texts that are compared.
pub(super) struct Comparison {
    pub id: CompareId,
    before: BufferId,
    after: BufferId,
    is_under_way: bool,
    /// The side before is what is saved of the one after.
    pub(super) is_of_saved: bool,
    /// The row at the top of both views when they last agreed.
    top: f64,
}

impl Comparison {
    fn new(id: CompareId, before: BufferId, after: BufferId) -> Self {
        Comparison { id, before, after, is_under_way: false, is_of_saved: false, top: 0.0 }
    }
}

impl Program {
    /// Opens two files beside each other and compares them; `before` is the focused text where no
    /// path is given. `reply` gets both paths, or in a sentence why it was not done.
    pub fn compare_files(&mut self, before: Option<PathBuf>, after: PathBuf, reply: Reply) {
        self.compare_then(before, after, move |_, compared| {
            reply(compared.map(|(_, paths)| paths))
        });
    }

    /// The same; `then` gets the two buffers and both paths.
    pub fn compare_then(
        &mut self,
        before: Option<PathBuf>,
        after: PathBuf,
        then: impl FnOnce(&mut Program, Result<([BufferId; 2], Value), Fault>) + Send + 'static,
    ) {
        let (before, after) = (before.map(|path| load::absolute(&path)), load::absolute(&after));
        let focused = match (&before, self.need_active()) {
            (None, Err(fault)) => return then(self, Err(fault)),
            (_, focused) => focused.ok().map(|(view, _)| view.buffer),
        };
        let paths: Vec<PathBuf> = before.iter().chain([&after]).cloned().collect();
        // Nothing is opened unless both are there.
        let work = move || paths.iter().try_for_each(|path| is_file(path));
        let done = self.here(move |program: &mut Program, found: Result<(), Fault>| {
            match (found, before) {
                (Err(fault), _) => then(program, Err(fault)),
                (Ok(()), None) => {
                    let before = focused.expect("without a path the focused text is compared");
                    program.open_after(before, after, then);
                }
                (Ok(()), Some(before)) => {
                    program.open_then(before, None, move |program, opened| {
                        match opened.and_then(|id| id.ok_or_else(no_file)) {
                            Ok(before) => program.open_after(before, after, then),
                            Err(fault) => then(program, Err(fault)),
                        }
                    });
                }
            }
        });
        self.workers.run("finding what to compare", Urgency::Awaited, work, done);
    }

    /// Opens what the focused pane's text became, in the pane to the right.
    fn open_after(
        &mut self,
        before: BufferId,
        after: PathBuf,
        then: impl FnOnce(&mut Program, Result<([BufferId; 2], Value), Fault>) + Send + 'static,
    ) {
        if self.buffer_at(&after) == Some(before) {
            let fault = Fault::state("A text is not compared with itself; name another file.");
            return then(self, Err(fault));
        }
        let left = self.window.panes.focus();
        let area = self.panes_area();
        let right = match self.window.panes.beside(left, Toward::Right, area) {
            Some(pane) => pane,
            None => {
                self.move_panes();
                self.window.panes.split(left, Toward::Right)
            }
        };
        self.focus_pane(right);
        self.open_then(after, None, move |program, opened| {
            match opened.and_then(|id| id.ok_or_else(no_file)) {
                Ok(id) => {
                    program.begin_comparison([(left, before), (right, id)]);
                    let path = |id| {
                        let buffer = program.buffers.get(&id);
                        buffer.and_then(|buffer| buffer.path.as_deref().map(path_to_json))
                    };
                    let paths = json!({ "before": path(before), "path": path(id) });
                    then(program, Ok(([before, id], paths)));
                }
                Err(fault) => {
                    let is_empty =
                        program.window.panes.get(right).is_some_and(|pane| pane.items.is_empty());
                    if is_empty {
                        program.window.panes.close(right);
                    }
                    then(program, Err(fault));
                }
            }
        });
    }

    /// Compares the focused text with what its file held when that was last read or written.
    ///
    /// # Errors
    /// When nothing is open or it has no file.
    pub fn compare_with_saved(&mut self) -> Result<(), Fault> {
        let (view, buffer) = self.need_active()?;
        let after = view.buffer;
        if buffer.on_disk == OnDisk::Nothing {
            return Err(Fault::state("This text has no file yet to be compared with."));
        }
        let (saved, title) = (buffer.saved.clone(), buffer.title());
        let language = buffer.syntax.language().cloned();
        let right = self.window.panes.focus();
        let reply = self.answer_later();
        let done = self.here(move |program: &mut Program, document: Document| {
            if program.window.panes.get(right).is_none() {
                return reply(Err(Fault::state("The pane was closed meanwhile.")));
            }
            let before = program.add_buffer(document, language);
            program.next_draft += 1;
            let draft = program.next_draft;
            if let Some(buffer) = program.buffers.get_mut(&before) {
                buffer.draft = draft;
                buffer.named = Some(format!("{title}, as it was saved"));
            }
            program.move_panes();
            let left = program.window.panes.split(right, Toward::Left);
            program.show(left, before, None);
            program.schedule_parse(before);
            program.focus_pane(right);
            program.begin_comparison([(left, before), (right, after)]);
            if let Some(comparison) = program.comparisons.last_mut() {
                comparison.is_of_saved = true;
            }
            // It may have been saved while this was made.
            program.follow_saved(after);
            reply(Ok(Value::Null));
        });
        let work = move || Document::from_base(saved);
        self.workers.run("reading what was saved", Urgency::Awaited, work, done);
        Ok(())
    }

    /// What is saved of a text has changed: what it is compared with follows, unless somebody has
    /// edited that.
    pub(super) fn follow_saved(&mut self, id: BufferId) {
        let of_it = self.comparisons.iter().filter(|one| one.after == id && one.is_of_saved);
        let befores: Vec<BufferId> = of_it.map(|one| one.before).collect();
        for before in befores {
            let (Some(shown), Some(buffer)) = (self.buffers.get(&before), self.buffers.get(&id))
            else {
                continue;
            };
            let (saved, shown) = match shown.is_dirty() || *shown.rope() == buffer.saved {
                true => continue,
                false => (buffer.saved.clone(), shown.rope().clone()),
            };
            self.workers.run(
                "following what was saved",
                Urgency::Background,
                move || (text::diff::transaction(&shown, &saved), shown, saved),
                move |program, (transaction, shown, saved)| {
                    let Some(buffer) = program.buffers.get(&before) else { return };
                    if !buffer.rope().is_instance(&shown) {
                        return program.follow_saved(id);
                    }
                    program.apply_to(before, transaction, Origin::COMMAND);
                    if let Some(buffer) = program.buffers.get_mut(&before) {
                        // It is what it shows, not an edit of anybody's.
                        buffer.mark_never_saved(saved);
                    }
                },
            );
        }
    }

    /// Makes the views of two texts in two panes the sides of a comparison.
    fn begin_comparison(&mut self, sides: [(PaneId, BufferId); 2]) {
        self.next_compare += 1;
        let id = CompareId(self.next_compare);
        for ((pane, buffer), side) in sides.into_iter().zip([Side::Before, Side::After]) {
            let pane = self.window.panes.get_mut(pane);
            let items = pane.map(|pane| pane.items.iter_mut()).into_iter().flatten();
            for view in items.filter(|view| view.buffer == buffer) {
                view.align(Alignment::waiting(id, side));
            }
        }
        let [(_, before), (_, after)] = sides;
        self.comparisons.push(Comparison::new(id, before, after));
        self.end_lone_comparisons();
        self.compare_again(id);
        self.redraw();
    }

    /// Goes on with comparisons that were under way when the process ended.
    pub(super) fn resume_comparisons(&mut self) {
        let mut sides: Vec<(CompareId, Side, BufferId)> = Vec::new();
        for view in self.all_views() {
            let buffer = view.buffer;
            sides.extend(view.alignment.as_ref().map(|one| (one.compare, one.side, buffer)));
        }
        let befores = sides.iter().filter(|(_, side, _)| *side == Side::Before);
        let paired = befores.filter_map(|(id, _, before)| {
            let is_other =
                |one: &&(CompareId, Side, BufferId)| one.0 == *id && one.1 == Side::After;
            sides.iter().find(is_other).map(|(_, _, after)| Comparison::new(*id, *before, *after))
        });
        self.comparisons = paired.collect();
        self.next_compare = sides.iter().map(|(id, ..)| id.0).max().unwrap_or(0);
        self.end_lone_comparisons();
        let ids: Vec<CompareId> = self.comparisons.iter().map(|one| one.id).collect();
        ids.into_iter().for_each(|id| self.compare_again(id));
    }

    /// Ends comparisons one side of which is seen no more; the other is a text as any.
    pub(super) fn end_lone_comparisons(&mut self) {
        let sides: Vec<(CompareId, Side)> = self
            .all_views()
            .filter_map(|view| view.alignment.as_ref().map(|one| (one.compare, one.side)))
            .collect();
        let has = |id: CompareId, side: Side| sides.contains(&(id, side));
        self.comparisons.retain(|one| has(one.id, Side::Before) && has(one.id, Side::After));
        let ids: Vec<CompareId> = self.comparisons.iter().map(|one| one.id).collect();
        for view in self.all_views() {
            if view.alignment.as_ref().is_some_and(|one| !ids.contains(&one.compare)) {
                let row = view.row_near(view.scroll.row as usize);
                view.alignment = None;
                view.scroll.row = row as f64;
            }
        }
    }

    /// Compares again what shows a buffer that has changed.
    pub(super) fn compare_changed(&mut self, id: BufferId) {
        let touched = self.comparisons.iter().filter(|one| one.before == id || one.after == id);
        let touched: Vec<CompareId> = touched.map(|one| one.id).collect();
        touched.into_iter().for_each(|id| self.compare_again(id));
    }

    fn compare_again(&mut self, id: CompareId) {
        let Some(one) = self.comparisons.iter_mut().find(|one| one.id == id) else { return };
        if one.is_under_way {
            return;
        }
        let (Some(before), Some(after)) =
            (self.buffers.get(&one.before), self.buffers.get(&one.after))
        else {
            return;
        };
        one.is_under_way = true;
        let versions = (before.document.version(), after.document.version());
        let (before, after) = (before.rope().clone(), after.rope().clone());
        self.workers.run(
            "comparing",
            Urgency::Background,
            move || compare(&before, &after),
            move |program, parts| program.compared(id, versions, parts),
        );
    }

    fn compared(&mut self, id: CompareId, versions: (Version, Version), parts: Parts) {
        let Some(one) = self.comparisons.iter_mut().find(|one| one.id == id) else { return };
        one.is_under_way = false;
        let version = |id| self.buffers.get(&id).map(|buffer| buffer.document.version());
        let now = version(one.before).zip(version(one.after));
        if now != Some(versions) {
            // Something was typed meanwhile.
            return self.compare_again(id);
        }
        let Parts { before, after } = parts;
        for view in self.all_views() {
            let Some(side) = view.alignment.as_mut().filter(|one| one.compare == id) else {
                continue;
            };
            let top = side.shown(view.scroll.row as usize);
            side.install(match side.side {
                Side::Before => before.clone(),
                Side::After => after.clone(),
            });
            // What is seen stays where it is when blank rows come above it.
            let (crate::compare::Shown::Line(row) | crate::compare::Shown::Blank(row)) = top;
            view.scroll.row = side.row_of(row) as f64 + view.scroll.row.fract();
        }
        self.redraw_all();
    }

    /// Gives every stretch of two compared texts as many rows on both sides, as they are wrapped
    /// and folded now. Answers whether that moved any row.
    pub(super) fn fit_comparisons(&mut self) -> bool {
        let mut is_new = false;
        for comparison in &self.comparisons {
            let mut sides: Vec<&mut EditorView> = self
                .window
                .panes
                .iter_mut()
                .filter_map(|pane| pane.item_mut())
                .filter(|view| {
                    view.alignment.as_ref().is_some_and(|one| one.compare == comparison.id)
                })
                .collect();
            let [one, two] = &mut sides[..] else { continue };
            let room = one.room().min(two.room());
            let [own, other] = [&**one, &**two].map(|view| {
                let rope = view.display.rope();
                let row = |line: usize| match line < rope.len_lines() {
                    true => view.display.row_of_line(Line(line)).0,
                    false => view.display.row_count(),
                };
                let alignment = view.alignment.as_ref().expect("it was looked for");
                alignment.bounds_by(row)
            });
            if own.len() != other.len() {
                // Until it is compared anew, one side may have other parts.
                continue;
            }
            let [first, second] = crate::compare::blanks(&own, &other);
            for (view, bounds, blanks) in [(one, own, first), (two, other, second)] {
                let Some(alignment) = view.alignment.as_mut() else { continue };
                is_new |= alignment.room.replace(room) != Some(room);
                is_new |= alignment.fit(bounds, &blanks);
            }
        }
        is_new
    }

    /// Scrolls both sides of each comparison in this window to the same rows. The one that moved
    /// leads.
    pub(super) fn scroll_together(&mut self) {
        self.fit_comparisons();
        let focus = self.window.panes.focus();
        for comparison in &mut self.comparisons {
            let mut sides: Vec<(PaneId, &mut EditorView)> = self
                .window
                .panes
                .iter_mut()
                .filter_map(|pane| {
                    let id = pane.id;
                    let view = pane.item_mut()?;
                    let is_of = view.alignment.as_ref()?.compare == comparison.id;
                    is_of.then_some((id, view))
                })
                .collect();
            // Until one side has room for what the other has, they cannot agree.
            let parts = |(_, view): &(PaneId, &mut EditorView)| {
                view.alignment.as_ref().map_or(0, |one| one.parts().len())
            };
            if sides.iter().map(parts).min() != sides.iter().map(parts).max() {
                continue;
            }
            // The keyboard may have moved a caret out of sight.
            sides.iter_mut().for_each(|(_, view)| view.bring_into_view());
            let moved = |view: &EditorView| (view.scroll.row - comparison.top).abs() > f64::EPSILON;
            sides.sort_by_key(|(pane, _)| *pane != focus);
            let leader = sides.iter().find(|(_, view)| moved(view)).or(sides.first());
            let Some(top) = leader.map(|(_, view)| view.scroll.row) else { continue };
            comparison.top = top;
            sides.iter_mut().for_each(|(_, view)| view.scroll.row = top);
        }
    }

    /// Goes to the next change of a compared text, or to the one before.
    ///
    /// # Errors
    /// When the focused text is not compared, or nothing differs.
    pub fn step_change(&mut self, direction: Direction) -> Result<(), Fault> {
        let (view, buffer) = self.need_active()?;
        let Some(alignment) = &view.alignment else {
            return Err(Fault::state("This text is not compared; compare it with another first."));
        };
        let rope = buffer.rope();
        let line = rope.line_of(view.selections.primary().head);
        let step = alignment.step(line.0, direction);
        let part = step.ok_or_else(|| Fault::state("The two texts are the same."))?;
        let at = rope.line_start(Line(part.lines.start).min(rope.last_line()));
        self.go_to(at, Follow::Center);
        Ok(())
    }

    /// What the status line says of a comparison.
    pub(super) fn comparison_words(&self) -> Option<String> {
        let view = self.view()?;
        let alignment = view.alignment.as_ref()?;
        let rope = self.buffers.get(&view.buffer)?.rope();
        let line = rope.line_of(view.selections.primary().head).0;
        let is_waiting =
            self.comparisons.iter().any(|one| one.id == alignment.compare && one.is_under_way);
        Some(match (alignment.parts().len(), alignment.place_of(line)) {
            (0, _) if is_waiting => return None,
            (0, _) => "no differences".to_owned(),
            (count, Some(place)) => format!("change {place} of {count}"),
            (1, None) => "1 change".to_owned(),
            (count, None) => format!("{count} changes"),
        })
    }
}

fn no_file() -> Fault {
    Fault::state("A folder is not compared; name two files.")
}

fn is_file(path: &Path) -> Result<(), Fault> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(no_file()),
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::file("Comparing", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    const OLD: &str = "one\ntwo\nthree\nfour\nfive\n";
    const NEW: &str = "one\n2\nthree\nthree and a half\nfour\nfive\n";

    /// Two files that are compared; the one after has the keyboard.
    fn compared() -> Stage {
        let mut stage = Stage::new();
        let (old, new) = (stage.write("old.txt", OLD), stage.write("new.txt", NEW));
        let paths = json!({ "before": old, "path": new });
        assert_eq!(stage.run("file.diff", paths.clone()).unwrap(), paths);
        stage.settle();
        stage
    }

    fn words(stage: &Stage) -> String {
        stage.program.comparison_words().unwrap_or_default()
    }

    fn rows(stage: &Stage, line: usize) -> Vec<usize> {
        stage.program.window.views().map(|view| view.shown_row(line)).collect()
    }

    #[test]
    fn two_files_stand_beside_each_other_with_equal_lines_at_equal_heights() {
        let stage = compared();
        assert_eq!(stage.program.window.panes.iter().count(), 2);
        assert_eq!(words(&stage), "2 changes");
        let five: Vec<usize> = [4, 5]
            .into_iter()
            .zip(stage.program.window.views())
            .map(|(line, view)| view.shown_row(line))
            .collect();
        assert_eq!(five[0], five[1]);
    }

    #[test]
    fn changes_are_gone_to_one_after_the_other() {
        let mut stage = compared();
        stage.keys("f7");
        assert_eq!(stage.marked(), NEW.replace("\n2", "\n|2"));
        assert_eq!(words(&stage), "change 1 of 2");
        stage.keys("f7");
        assert_eq!(stage.marked(), NEW.replace("three and", "|three and"));
        stage.keys("shift-f7");
        assert_eq!(words(&stage), "change 1 of 2");
        stage.keys("ctrl-w f7");
        assert_eq!(stage.notices().len(), 1, "one text alone has no changes");
    }

    #[test]
    fn an_edit_on_either_side_is_compared_anew() {
        let mut stage = compared();
        stage.keys("f7 delete t w o");
        assert_eq!(words(&stage), "1 change");
        stage.run("pane.focus_left", Value::Null).unwrap();
        stage.keys("ctrl-home down down end enter");
        stage.run("app.text", json!({ "text": "three and a half" })).unwrap();
        stage.settle();
        assert_eq!(words(&stage), "no differences");
        assert_eq!(rows(&stage, 5), [5, 5]);
        stage.keys("ctrl-z");
        assert_eq!(words(&stage), "change 1 of 1", "the caret stands in it again");
    }

    #[test]
    fn both_sides_scroll_together() {
        let mut stage = Stage::new();
        let long: String = (0..400).map(|line| format!("line {line}\n")).collect();
        let (old, new) = (stage.write("old", &long), stage.write("new", &format!("new\n{long}")));
        stage.run("file.diff", json!({ "before": old, "path": new })).unwrap();
        stage.settle();
        let now = std::time::Instant::now();
        stage.program.prepare(now);
        stage.keys("ctrl-end");
        stage.program.prepare(now);
        let tops: Vec<f64> = stage.program.window.views().map(|view| view.scroll.row).collect();
        assert!(tops[0] > 300.0 && tops[0] == tops[1], "{tops:?}");
        stage.run("pane.focus_left", Value::Null).unwrap();
        stage.keys("ctrl-up ctrl-up");
        stage.program.prepare(now);
        let after: Vec<f64> = stage.program.window.views().map(|view| view.scroll.row).collect();
        assert_eq!(after, [tops[0] - 2.0, tops[0] - 2.0]);
    }

    #[test]
    fn a_text_is_compared_with_what_was_saved() {
        let mut stage = Stage::with_file("a.txt", "one\n|two\n");
        stage.keys("x");
        stage.run("file.diff_saved", Value::Null).unwrap();
        stage.settle();
        assert_eq!(words(&stage), "change 1 of 1");
        assert_eq!(stage.marked(), "one\nx|two\n");
        let titles: Vec<String> =
            stage.program.buffers.values().map(crate::buffer::Buffer::title).collect();
        assert_eq!(titles, ["a.txt", "a.txt, as it was saved"]);
        stage.keys("ctrl-z");
        assert_eq!(words(&stage), "no differences");
        stage.run("pane.focus_left", Value::Null).unwrap();
        stage.keys("ctrl-w");
        assert!(stage.program.window.overlay.is_none(), "nobody edited it: it just goes");
        assert!(stage.program.window.views().all(|view| view.alignment.is_none()));
        assert_eq!(stage.program.window.panes.iter().count(), 1);
    }

    #[test]
    fn what_cannot_be_compared_is_told_and_nothing_is_opened() {
        let mut stage = Stage::new();
        let here = stage.write("here", "text");
        let missing = json!({ "before": here, "path": stage.path("missing") });
        let fault = stage.run("file.diff", missing).unwrap_err();
        assert!(fault.sentence.contains("missing"), "{fault}");
        let folder = json!({ "before": here, "path": stage.folder.path() });
        assert!(stage.run("file.diff", folder).is_err());
        assert!(stage.program.window.is_blank());
        stage.run("file.open", json!({ "path": here })).unwrap();
        let fault = stage.run("file.diff", json!({ "path": here })).unwrap_err();
        assert!(fault.sentence.contains("itself"), "{fault}");
        assert_eq!(stage.program.window.panes.iter().count(), 1);
        stage.keys("ctrl-n x");
        assert!(stage.run("file.diff_saved", Value::Null).is_err());
    }

    #[test]
    fn wrapped_and_folded_lines_stand_beside_what_they_belong_to() {
        let long = "word ".repeat(120);
        let old = format!("{long}\nsame\nfn f() {{\n    1\n}}\nold\nlast\n");
        let new = format!("{long}\nsame\nfn f() {{\n    1\n}}\nnew {long}\nmore\nlast\n");
        let mut stage = Stage::new();
        // Panes are as wide as they will be at once.
        stage.program.stand_still();
        let (old, new) = (stage.write("old.rs", &old), stage.write("new.rs", &new));
        stage.run("file.diff", json!({ "before": old, "path": new })).unwrap();
        stage.settle();
        let now = std::time::Instant::now();
        let draw = |stage: &mut Stage| {
            let mut frames = 0;
            while stage.program.wants_frame() {
                stage.program.prepare(now + std::time::Duration::from_secs(60 * frames));
                stage.program.presented();
                frames += 1;
                assert!(frames < 20, "it never comes to rest");
                // No frame shows rows that are out of step.
                let rows = |view: &EditorView| {
                    let (line, rope) = (Line(1), view.display.rope());
                    assert!(rope.len_lines() > 5);
                    view.shown_row(view.display.row_of_line(line).0)
                };
                let rows: Vec<usize> = stage.program.window.views().map(rows).collect();
                let widths = stage.program.window.views().map(|view| view.display.wrap_width());
                let widths: Vec<Option<usize>> = widths.collect();
                assert!(widths[0] != widths[1] || rows[0] == rows[1], "{widths:?} {rows:?}");
            }
        };
        let shown = |stage: &Stage, lines: [usize; 2]| -> Vec<usize> {
            let views = stage.program.window.views().zip(lines);
            let row = |view: &EditorView, line| view.display.row_of_line(Line(line)).0;
            views.map(|(view, line)| view.shown_row(row(view, line))).collect()
        };
        draw(&mut stage);
        stage.keys("alt-z");
        draw(&mut stage);
        stage.run("pane.focus_left", Value::Null).unwrap();
        stage.keys("alt-z");
        draw(&mut stage);
        let widths: Vec<Option<usize>> =
            stage.program.window.views().map(|view| view.display.wrap_width()).collect();
        assert!(widths[0].is_some() && widths[0] == widths[1], "{widths:?}");
        let same = shown(&stage, [1, 1]);
        assert!(same[0] == same[1] && same[0] > 5, "the line above takes many rows: {same:?}");
        let last = shown(&stage, [6, 7]);
        assert!(last[0] == last[1] && last[0] > 2 * same[0], "{last:?}");
        // Folded on one side alone, what follows still stands beside its like.
        stage.run("fold.all", Value::Null).unwrap();
        stage.settle();
        draw(&mut stage);
        let view = stage.program.view().unwrap();
        assert_eq!(view.display.folds().folds().len(), 1);
        assert_eq!(shown(&stage, [6, 7]), last);
    }

    #[test]
    fn what_was_saved_follows_when_the_text_is_saved_again() {
        let mut stage = Stage::with_file("a.txt", "one\n|two\nthree\n");
        stage.keys("x");
        stage.run("file.diff_saved", Value::Null).unwrap();
        stage.settle();
        assert_eq!(words(&stage), "change 1 of 1");
        stage.run("file.save", Value::Null).unwrap();
        stage.settle();
        assert_eq!(words(&stage), "no differences");
        stage.keys("ctrl-end y");
        stage.settle();
        assert_eq!(words(&stage), "change 1 of 1", "edits are compared with what is saved now");
        let before = stage.program.buffers.values().find(|buffer| buffer.named.is_some()).unwrap();
        assert!(before.rope() == "one\nxtwo\nthree\n" && !before.is_dirty());
        // What somebody typed there is theirs.
        stage.run("pane.focus_left", Value::Null).unwrap();
        stage.keys("z");
        stage.run("pane.focus_right", Value::Null).unwrap();
        stage.run("file.save", Value::Null).unwrap();
        stage.settle();
        let before = stage.program.buffers.values().find(|buffer| buffer.named.is_some()).unwrap();
        assert!(before.rope().to_string().contains('z'));
    }
}
