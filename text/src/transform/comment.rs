//! Comments, on and off.

use ropey::Rope;

use super::{Block, Builder, Carry, Transformed, block_of, blocks, leading};
use crate::edit::Edit;
use crate::movement::{first_non_blank, is_blank};
use crate::position::{CharOffset, CharRange, Line, Positions};
use crate::selection::Selections;
use crate::word::{self, Class};

/// How a language writes comments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens<'a> {
    /// What begins a comment to the end of the line.
    pub line: Option<&'a str>,
    /// What begins and ends a comment.
    pub block: Option<(&'a str, &'a str)>,
}

impl<'a> Tokens<'a> {
    /// A language with line comments only.
    pub fn line(token: &'a str) -> Self {
        Tokens { line: Some(token), block: None }
    }

    /// A language with block comments only.
    pub fn block(open: &'a str, close: &'a str) -> Self {
        Tokens { line: None, block: Some((open, close)) }
    }
}

/// Turns the lines of the selections into comments, or back if all of them are. A language
/// without line comments gets a block comment around the text of the lines.
pub fn toggle(rope: &Rope, selections: &Selections, tokens: Tokens<'_>) -> Transformed {
    let chosen = blocks(rope, selections);
    if let Some(token) = tokens.line {
        let edits = chosen.into_iter().flat_map(|block| lines(rope, block, token)).collect();
        return Transformed::carried(rope, edits, selections, Carry::Include);
    }
    let Some((open, close)) = tokens.block else {
        return Transformed::nothing(selections);
    };
    let mut edits = Vec::new();
    for block in chosen {
        let end = rope.line_range(block.last);
        let range = CharRange {
            start: first_non_blank(rope, block.first),
            end: word::skip_left(rope, end, end.end, Class::Space),
        };
        let range = CharRange { end: range.end.max(range.start), ..range };
        edits.extend(around(rope, range, open, close));
    }
    Transformed::carried(rope, edits, selections, Carry::Include)
}

/// Puts a block comment around each selection, or around the line of a caret, or takes it away.
pub fn toggle_block(rope: &Rope, selections: &Selections, tokens: Tokens<'_>) -> Transformed {
    let Some((open, close)) = tokens.block else {
        return toggle(rope, selections, tokens);
    };
    let mut builder = Builder::new(rope);
    for one in selections.iter() {
        let mut range = one.range();
        if one.is_caret() {
            let block = block_of(rope, one);
            range = CharRange { start: first_non_blank(rope, block.first), ..block.range(rope) };
        }
        let start = builder.place(range.start);
        let offset = one.head - range.start;
        let mut edits = around(rope, range, open, close);
        edits.sort_by_key(|edit| edit.range.start);
        let mut moved = 0_isize;
        for edit in edits {
            if edit.range.start <= range.start {
                moved = edit.text.chars().count() as isize - edit.range.len() as isize;
            }
            builder.replace(edit.range, edit.text.into_string());
        }
        let end = builder.place(range.end);
        match one.is_caret() {
            true => {
                let caret = CharOffset((start + offset).0.saturating_add_signed(moved));
                let caret = caret.max(start).min(end);
                builder.keep(caret, caret);
            }
            false if one.anchor < one.head => builder.keep(start, end),
            false => builder.keep(end, start),
        }
    }
    builder.finish(selections.primary_index())
}

/// The edits that put line comments before the lines of a block, or take them away.
fn lines(rope: &Rope, block: Block, token: &str) -> Vec<Edit> {
    let mut chosen: Vec<Line> = block.lines().filter(|&line| !is_blank(rope, line)).collect();
    if chosen.is_empty() {
        chosen = block.lines().collect();
    }
    let length = token.chars().count();
    let token_at = |line| {
        let start = first_non_blank(rope, line);
        is_at(rope, start, token).then_some(start)
    };
    if let Some(starts) = chosen.iter().map(|&line| token_at(line)).collect::<Option<Vec<_>>>() {
        let end = |start: CharOffset| match rope.get_char(start.0 + length) {
            Some(' ') => start + length + 1,
            _ => start + length,
        };
        return starts
            .into_iter()
            .map(|start| Edit::delete(CharRange { start, end: end(start) }))
            .collect();
    }
    // The blanks that all lines share, compared as they are, so that tabs are not split.
    let mut common = leading(rope, chosen[0]);
    for &line in &chosen[1..] {
        let own = leading(rope, line);
        let same = common.bytes().zip(own.bytes()).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    let comment = format!("{token} ");
    chosen
        .into_iter()
        .map(|line| Edit::insert(rope.line_start(line) + common.len(), comment.as_str()))
        .collect()
}

/// The edits that put a block comment around a range, or take away the one that it is.
fn around(rope: &Rope, range: CharRange, open: &str, close: &str) -> Vec<Edit> {
    let (before, after) = (open.chars().count(), close.chars().count());
    if range.len() >= before + after
        && is_at(rope, range.start, open)
        && is_at(rope, range.end - after, close)
    {
        let mut inside = CharRange { start: range.start + before, end: range.end - after };
        if inside.len() >= 2 {
            inside.start = inside.start + usize::from(rope.char(inside.start.0) == ' ');
        }
        if !inside.is_empty() {
            inside.end = inside.end - usize::from(rope.char(inside.end.0 - 1) == ' ');
        }
        return vec![
            Edit::delete(CharRange { start: range.start, end: inside.start }),
            Edit::delete(CharRange { start: inside.end, end: range.end }),
        ];
    }
    if range.is_empty() {
        return vec![Edit::insert(range.start, format!("{open}  {close}"))];
    }
    vec![
        Edit::insert(range.start, format!("{open} ")),
        Edit::insert(range.end, format!(" {close}")),
    ]
}

fn is_at(rope: &Rope, at: CharOffset, token: &str) -> bool {
    let length = token.chars().count();
    rope.chars_at(rope.nearest(at).0).take(length).eq(token.chars())
}

#[cfg(test)]
mod tests {
    use super::super::tests::after;
    use super::*;

    #[test]
    fn line_comments_stand_in_one_column_and_come_off_again() {
        let run = |text| after(text, |r, s| toggle(r, s, Tokens::line("//")));
        assert_eq!(run("  a|b"), "  // a|b");
        assert_eq!(run("  // a|b"), "  a|b");
        assert_eq!(run("//a|b"), "a|b");
        assert_eq!(run("«  a\r\n\r\n    b|»\r\n"), "«  // a\r\n\r\n  //   b|»\r\n");
        assert_eq!(run("«  // a\n\n  //   b|»\n"), "«  a\n\n    b|»\n");
        assert_eq!(run("«// a\nb|»"), "«// // a\n// b|»");
        assert_eq!(run("\t«a\n  b|»"), "// \t«a\n//   b|»");
        assert_eq!(run("|"), "// |");
    }

    #[test]
    fn a_language_with_blocks_only_gets_blocks() {
        let html = Tokens::block("<!--", "-->");
        let run = |text| after(text, |r, s| toggle(r, s, html));
        assert_eq!(run("  a|b \n"), "  <!-- a|b --> \n");
        assert_eq!(run("  <!-- a|b --> \n"), "  a|b \n");
        let block = |text| after(text, |r, s| toggle_block(r, s, html));
        assert_eq!(block("a «b|» c"), "a «<!-- b -->|» c");
        assert_eq!(block("a «<!-- b -->|» c"), "a «b|» c");
        assert_eq!(block("«|a»«b|»"), "«|<!-- a -->»«<!-- b -->|»");
        assert_eq!(block("  a|b"), "  <!-- a|b -->");
    }
}
