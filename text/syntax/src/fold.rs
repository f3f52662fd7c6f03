//! Which lines can be folded away.

use text::{Line, Positions, Rope};

use crate::language::Sections;
use crate::matches::{Haste, each_match};
use crate::tree::SyntaxTree;

/// What is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FoldKind {
    /// A block, a literal, a list.
    Block,
    /// Comments.
    Comment,
    /// Imports that follow each other.
    Imports,
    /// A section of prose or of a settings file.
    Section,
}

/// Lines that can be folded: `start` stays, those after it up to and with `end` go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FoldRange {
    /// The line that stays, with the fold's mark.
    pub start: Line,
    /// The last line that is hidden.
    pub end: Line,
    /// What it is.
    pub kind: FoldKind,
}

impl SyntaxTree {
    /// All folds, by first line, outer ones first; at most one begins on a line. Walks the whole
    /// tree (tens of milliseconds for a megabyte): for a worker.
    pub fn folds(&self, rope: &Rope) -> Vec<FoldRange> {
        let mut folds = Vec::new();
        for layer in self.layers.iter() {
            let Some(query) = &layer.grammar().folds else { continue };
            let kinds: Vec<FoldKind> = query.capture_names().iter().map(|it| kind(it)).collect();
            let words = layer.parsed.language.spec().outdent_words;
            let all = 0..layer.range().len();
            let text = layer.text(rope);
            // What a cut query leaves out cannot be folded.
            let _cut = each_match(query, layer.root(), &text, all, Haste::Whole, |found| {
                for capture in found.captures() {
                    let node = capture.node.byte_range();
                    let start = layer.start + node.start;
                    let end = layer.start + node.end;
                    let kind = kinds[capture.index as usize];
                    folds.extend(fold(rope, start, end, kind, words));
                }
            });
        }
        if self.language().spec().sections == Sections::ByHeading {
            for heading in self.outline(rope) {
                let start = rope.byte_of(heading.range.start).0;
                let end = rope.byte_of(heading.range.end).0;
                folds.extend(fold(rope, start, end, FoldKind::Section, &[]));
            }
        }
        folds.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
        join(folds)
    }
}

fn kind(capture: &str) -> FoldKind {
    match capture {
        "fold.comment" => FoldKind::Comment,
        "fold.imports" => FoldKind::Imports,
        "fold.section" => FoldKind::Section,
        _ => FoldKind::Block,
    }
}

/// The lines between two bytes. A line that only closes stays visible: `}`, `</a>`, `fi`.
fn fold(
    rope: &Rope,
    start: usize,
    end: usize,
    kind: FoldKind,
    words: &[&str],
) -> Option<FoldRange> {
    let end = end.min(rope.len_bytes());
    let start = start.min(end);
    let first = rope.byte_to_line(start);
    // Nodes that end with their line break end on the line before, blank lines left out.
    let mut last = rope.byte_to_line(end);
    let blank = |line: usize| {
        let from = rope.line_to_byte(line);
        rope.byte_slice(from..end.max(from)).chars().all(char::is_whitespace)
    };
    while last > first && blank(last) {
        last -= 1;
    }
    if kind == FoldKind::Block && last > first {
        let from = rope.line_to_byte(last);
        let text = rope.byte_slice(from..end.max(from)).chars().take(40).collect::<String>();
        let text = text.trim();
        let bare = !text.chars().any(char::is_alphanumeric);
        let closes = text.starts_with("</") || text == "#endif" || words.contains(&text);
        last -= usize::from(bare || closes);
    }
    // One line of comment is joined with its neighbours; of the rest a single line is no fold.
    let alone = matches!(kind, FoldKind::Comment | FoldKind::Imports);
    (last > first || alone).then_some(FoldRange { start: Line(first), end: Line(last), kind })
}

/// Joins comments and imports that follow each other; then one fold a line, the widest.
fn join(folds: Vec<FoldRange>) -> Vec<FoldRange> {
    let mut result: Vec<FoldRange> = Vec::new();
    let mut open: [Option<FoldRange>; 2] = [None, None];
    for fold in folds {
        let slot = match fold.kind {
            FoldKind::Comment => &mut open[0],
            FoldKind::Imports => &mut open[1],
            _ => {
                result.push(fold);
                continue;
            }
        };
        match slot {
            Some(before) if fold.start.0 <= before.end.0 + 1 => {
                before.end = before.end.max(fold.end)
            }
            _ => result.extend(slot.replace(fold)),
        }
    }
    result.extend(open.into_iter().flatten());
    result.retain(|fold| fold.end > fold.start);
    result.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
    result.dedup_by_key(|fold| fold.start);
    result
}
