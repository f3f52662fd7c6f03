//! Folding: hiding what stands under a line.
//!
//! What can be folded is looked up on a worker, by the tree where there is one, else by how lines
//! are indented.

use serde_json::Value;
use syntax::SyntaxTree;
use text::movement::{first_non_blank, is_blank};
use text::{CharRange, Line, Positions, Rope};

use super::describe::look;
use crate::buffer::Buffer;
use crate::program::Program;
use crate::registry::{Command, Fault};
use crate::view::{EditorView, Follow};
use crate::workers::Urgency;

/// What folds.
pub const COMMANDS: &[Command] = &[
    look("fold.toggle", "Fold or unfold", "At each cursor.", |program, _| {
        let (view, buffer) = program.need_active()?;
        let is_open = carets(view, buffer).iter().all(|line| at(view, buffer, *line).is_none());
        if is_open { close(program, Which::AtCarets) } else { open(program) }
    }),
    look("fold.close", "Fold", "The innermost block around each cursor.", |program, _| {
        close(program, Which::AtCarets)
    }),
    look("fold.open", "Unfold", "What is folded at each cursor.", |program, _| open(program)),
    look("fold.all", "Fold all", "Every block of the text.", |program, _| {
        close(program, Which::All)
    }),
    look("fold.unfold_all", "Unfold all", "Shows the whole text.", |program, _| {
        let (view, _) = program.need_active()?;
        view.set_folds(Vec::new());
        program.redraw();
        Ok(Value::Null)
    }),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    AtCarets,
    All,
}

/// Lines of which the first stays and the others up to the last are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Foldable {
    first: Line,
    last: Line,
}

impl Foldable {
    fn range(self, rope: &Rope) -> CharRange {
        CharRange { start: rope.line_end(self.first), end: rope.line_end(self.last) }
    }
}

/// The lines of the carets, each once.
fn carets(view: &EditorView, buffer: &Buffer) -> Vec<Line> {
    let mut lines: Vec<Line> =
        view.selections.iter().map(|one| buffer.rope().line_of(one.head)).collect();
    lines.dedup();
    lines
}

/// The fold that begins on a line or ends there, where a caret behind its sign stands.
fn at(view: &EditorView, buffer: &Buffer, line: Line) -> Option<CharRange> {
    let rope = buffer.rope();
    view.fold_at(line, rope).or_else(|| {
        let folds = view.display.folds().folds().iter();
        folds.copied().find(|fold| rope.line_of(fold.end) == line)
    })
}

fn open(program: &mut Program) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    let opened: Vec<CharRange> =
        carets(view, buffer).into_iter().filter_map(|line| at(view, buffer, line)).collect();
    let folds = view.display.folds().folds().iter().copied();
    let rest = folds.filter(|fold| !opened.contains(fold)).collect();
    view.set_folds(rest);
    program.redraw();
    Ok(Value::Null)
}

fn close(program: &mut Program, which: Which) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    let (id, pane) = (view.buffer, program.window.panes.focus());
    let Some(buffer) = program.buffers.get(&id) else { return Ok(Value::Null) };
    let (rope, snapshot) = (buffer.rope().clone(), buffer.syntax.snapshot());
    let tab = program.style(buffer).tab.cells();
    let reply = program.answer_later();
    let work = move || {
        let tree = snapshot.map(|snapshot| snapshot.tree());
        (foldable(&rope, tree.as_deref(), tab), rope)
    };
    let done = program.here(move |program: &mut Program, (foldable, rope): (Vec<_>, Rope)| {
        let buffer = program.buffers.get(&id).filter(|it| it.rope().is_instance(&rope));
        let view = program.window.panes.get_mut(pane).and_then(|pane| pane.item_mut());
        let view = view.filter(|view| view.buffer == id);
        let (Some(buffer), Some(view)) = (buffer, view) else {
            return reply(Err(Fault::state("The text changed meanwhile; fold again.")));
        };
        fold(view, buffer, &foldable, which);
        program.redraw();
        reply(Ok(Value::Null));
    });
    program.workers.run("looking for what can be folded", Urgency::Awaited, work, done);
    Ok(Value::Null)
}

fn fold(view: &mut EditorView, buffer: &Buffer, foldable: &[Foldable], which: Which) {
    let rope = buffer.rope();
    let mut folds = view.display.folds().folds().to_vec();
    match which {
        Which::All => folds = foldable.iter().map(|one| one.range(rope)).collect(),
        Which::AtCarets => {
            for line in carets(view, buffer) {
                let around = foldable.iter().filter(|one| one.first <= line && line <= one.last);
                let fresh = around.filter(|one| !folds.contains(&one.range(rope)));
                let innermost = fresh.min_by_key(|one| one.last.0 - one.first.0);
                folds.extend(innermost.map(|one| one.range(rope)));
            }
        }
    }
    view.set_folds(folds);
    view.follow = Follow::Caret;
}

fn foldable(rope: &Rope, tree: Option<&SyntaxTree>, tab: usize) -> Vec<Foldable> {
    match tree {
        Some(tree) => tree
            .folds(rope)
            .into_iter()
            .map(|fold| Foldable { first: fold.start, last: fold.end })
            .collect(),
        None => by_indentation(rope, tab),
    }
}

/// Lines with those below that are indented further; blank lines at the end stay.
fn by_indentation(rope: &Rope, tab: usize) -> Vec<Foldable> {
    let mut found = Vec::new();
    // Lines that are open, each with its indentation; the innermost last.
    let mut open: Vec<(usize, Line)> = Vec::new();
    let mut last_text = Line(0);
    let mut end = |open: &mut Vec<(usize, Line)>, depth: usize, last: Line| {
        while let Some((own, first)) = open.last().copied().filter(|(own, _)| *own >= depth) {
            open.pop();
            if last > first && own != usize::MAX {
                found.push(Foldable { first, last });
            }
        }
    };
    for line in (0..rope.len_lines()).map(Line) {
        if is_blank(rope, line) {
            continue;
        }
        let depth = depth(rope, line, tab);
        end(&mut open, depth, last_text);
        open.push((depth, line));
        last_text = line;
    }
    end(&mut open, 0, last_text);
    found.sort_by_key(|one| (one.first, std::cmp::Reverse(one.last)));
    found
}

fn depth(rope: &Rope, line: Line, tab: usize) -> usize {
    let blanks = CharRange { start: rope.line_start(line), end: first_non_blank(rope, line) };
    rope.slice_of(blanks).chars().fold(0, |column, blank| match blank {
        '\t' => (column / tab + 1) * tab,
        _ => column + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    #[test]
    fn blocks_fold_at_the_caret_and_open_again() {
        let text = "fn f() {\n    if x {\n        a|();\n    }\n}\n";
        let mut stage = Stage::with_file("a.rs", text);
        let rows = |stage: &Stage| stage.program.view().unwrap().display.row_count();
        assert_eq!(rows(&stage), 6);
        stage.keys("ctrl-shift-[");
        assert_eq!(rows(&stage), 5);
        assert_eq!(stage.marked(), "fn f() {\n    if x {|\n        a();\n    }\n}\n");
        stage.keys("ctrl-shift-[");
        assert_eq!(rows(&stage), 3, "the block around it is next");
        stage.keys("ctrl-k ctrl-j");
        assert_eq!(rows(&stage), 6);
        stage.keys("ctrl-k ctrl-0 ctrl-k ctrl-l");
        assert_eq!(rows(&stage), 5, "the outer block is open, the inner one is not");
    }

    #[test]
    fn lines_without_a_tree_fold_by_their_indentation() {
        let rope = Rope::from_str("a\n  b\n\tc\n\nd\ne\n f\n\n");
        let found = by_indentation(&rope, 4);
        let lines: Vec<_> = found.iter().map(|one| (one.first.0, one.last.0)).collect();
        assert_eq!(lines, [(0, 2), (1, 2), (5, 6)]);
    }
}
