//! Where a new line starts, and where a line goes whose first word closes a block.
//!
//! A line's indentation is that of the line where its surroundings began, plus one unit if
//! something was opened on the way. What opens and ends is told by the indents query:
//!
//! - `@open` and `@close` tokens: `{` and `}`, `then` and `fi`;
//! - `@after` tokens: the next line is indented once more if one of them ends this one;
//! - `@statement` nodes: after the end of one, lines stand where it began;
//! - `@leave` nodes: after one, the block is left, as after Python's `return`.
//!
//! While the tree is not that of the text (the moments after a key), and where looking at it would
//! take longer than a key may, the characters of the line decide alone.

use std::borrow::Cow;
use std::ops::Range;

use text::{CharOffset, CharRange, Line, Positions, Rope};
use tree_sitter::Node;

use crate::bracket::mate;
use crate::language::{IndentUnit, LanguageSpec};
use crate::matches::{Haste, Reach, each_match};
use crate::spans::Region;
use crate::syntax::Syntax;
use crate::tree::{Layer, SyntaxTree};

/// How a text is indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndentStyle {
    /// One step.
    pub unit: IndentUnit,
    /// Columns from one tab stop to the next.
    pub tab_width: u8,
}

/// The indentation of what comes after a line break that is about to be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewlineIndent {
    /// That of the new line.
    pub line: String,
    /// Between an opening bracket and its closing one: that of the closing one, which goes to a
    /// line of its own after the new one.
    pub closer: Option<String>,
}

/// What the text before the cursor says about the next line.
struct Verdict {
    /// The line whose indentation counts.
    basis: Line,
    steps: i32,
    opened: bool,
}

impl Syntax {
    /// The indentation for a line break at an offset.
    pub fn indent_for_newline(
        &self,
        rope: &Rope,
        offset: CharOffset,
        style: IndentStyle,
    ) -> NewlineIndent {
        let offset = rope.nearest(offset);
        let line = rope.line_of(offset);
        let head = CharRange { start: rope.line_start(line), end: offset };
        let own = leading(rope, head);
        if own.len() == head.len() {
            // Nothing but blank space before: it stays what it is.
            return NewlineIndent { line: own, closer: None };
        }
        let tree = self.tree().filter(|_| self.is_current());
        let by_tree = tree.and_then(|tree| tree.verdict(rope, head));
        let verdict = by_tree.unwrap_or_else(|| self.verdict_by_characters(rope, head));
        let basis = leading(rope, rope.line_range(verdict.basis));
        let closes = self.closes_next(rope, offset);
        if verdict.opened && closes.is_some() {
            let line = stepped(&basis, 1, style);
            return NewlineIndent { line, closer: Some(basis) };
        }
        if let Some(at) = closes {
            let closer = self.outdent_at(rope, at, style);
            return NewlineIndent { line: closer.unwrap_or(basis), closer: None };
        }
        NewlineIndent { line: stepped(&basis, verdict.steps, style), closer: None }
    }

    /// The indentation that a line should have now that what stands before `offset` on it is the
    /// closing bracket or word that was just typed; `None` if it should stay as it is.
    pub fn outdent_for_closer(
        &self,
        rope: &Rope,
        offset: CharOffset,
        style: IndentStyle,
    ) -> Option<String> {
        let line = rope.line_of(offset);
        let head = CharRange { start: rope.line_start(line), end: rope.nearest(offset) };
        let own = leading(rope, head);
        let first = head.start + own.len();
        let word = rope.slice_of(CharRange::new(first, head.end)).to_string();
        let spec = self.language()?.spec();
        let indent = if word.chars().count() == 1 {
            self.outdent_at(rope, first, style)?
        } else if spec.outdent_words.contains(&word.as_str()) {
            self.outdent_word(rope, line, style)?
        } else {
            return None;
        };
        (indent != own).then_some(indent)
    }

    /// The indentation of the line on which the bracket closed at an offset was opened.
    fn outdent_at(&self, rope: &Rope, at: CharOffset, style: IndentStyle) -> Option<String> {
        let c = rope.get_char(at.0)?;
        let brackets = self.language()?.spec().brackets;
        let pair = *brackets.iter().find(|(_, close)| *close == c)?;
        let open = self.open_before(rope, at, pair)?;
        let line = rope.line_of(open);
        let indent = leading(rope, rope.line_range(line));
        // Counted anew, so that a file of tabs keeps tabs.
        Some(stepped(&indent, 0, style))
    }

    /// A word such as `fi` or `else:` stands one step left of the block that it ends.
    fn outdent_word(&self, rope: &Rope, line: Line, style: IndentStyle) -> Option<String> {
        let before = (0..line.0).rev().map(|at| rope.line_range(Line(at)));
        let before = before.take(1000).find(|range| leading(rope, *range).len() < range.len())?;
        let indent = leading(rope, before);
        let spec = self.language()?.spec();
        let text = rope.slice_of(before).to_string();
        let opens = spec.indent_after.iter().any(|ending| text.trim_end().ends_with(ending));
        Some(stepped(&indent, if opens { 0 } else { -1 }, style))
    }

    /// The closing bracket that follows, blank space apart, on the same line.
    fn closes_next(&self, rope: &Rope, offset: CharOffset) -> Option<CharOffset> {
        let mut rest = rope.chars_at(offset.0).take(1000).take_while(|c| *c != '\n');
        let blank = rest.by_ref().position(|c| !c.is_whitespace())?;
        let next = rope.get_char(offset.0 + blank)?;
        let brackets = self.language()?.spec().brackets;
        brackets.iter().any(|(_, close)| *close == next).then_some(offset + blank)
    }

    /// Brackets left open on the line, or an ending that asks for more.
    fn verdict_by_characters(&self, rope: &Rope, head: CharRange) -> Verdict {
        let mut verdict = Verdict { basis: rope.line_of(head.start), steps: 0, opened: false };
        let Some(language) = self.language() else { return verdict };
        let spec = language.spec();
        if spec.queries.indents.iter().all(|query| query.is_empty()) {
            // Prose: a bracket in it opens no block.
            return verdict;
        }
        let text = rope.slice_of(head).to_string();
        let bytes = rope.byte_of(head.start).0..rope.byte_of(head.end).0;
        let start = bytes.start;
        let painted = self.tree().map(|tree| tree.highlights(rope, bytes, Haste::Key));
        let spans = painted.map_or_else(Vec::new, |painted| painted.spans);
        let quoted = quoted(&text, spec);
        let is_code = |byte: usize| {
            let at = start + byte;
            let known = spans.iter().find(|span| span.start.0 <= at && at < span.end.0);
            let known = known.map(|span| span.highlight);
            !quoted.iter().any(|range| range.contains(&byte))
                && known.is_none_or(|it| Region::of(it) == Region::Code)
        };
        let mut open: Vec<char> = Vec::new();
        for (byte, c) in text.char_indices() {
            if let Some((_, close)) = spec.brackets.iter().find(|(open, _)| *open == c) {
                if is_code(byte) {
                    open.push(*close);
                }
            } else if open.last() == Some(&c) && is_code(byte) {
                open.pop();
            }
        }
        verdict.opened = !open.is_empty();
        let ending = text.trim_end();
        let asks = spec.indent_after.iter().any(|word| ending.ends_with(word))
            && is_code(ending.len().saturating_sub(1));
        verdict.steps = i32::from(verdict.opened || asks);
        verdict
    }
}

/// The strings and the comment of one line, for what was typed since the last parse.
fn quoted(line: &str, spec: &LanguageSpec) -> Vec<Range<usize>> {
    let is_quote = |c: char| {
        let mut pairs = spec.auto_close.iter();
        pairs.any(|(open, close)| open == close && open.starts_with(c))
    };
    let mut ranges = Vec::new();
    let mut inside: Option<(usize, char)> = None;
    let mut escaped = false;
    for (byte, c) in line.char_indices() {
        match inside {
            _ if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some((start, quote)) if c == quote => {
                ranges.push(start..byte + 1);
                inside = None;
            }
            Some(_) => {}
            None if is_quote(c) => inside = Some((byte, c)),
            None if spec.comments.line.is_some_and(|mark| line[byte..].starts_with(mark)) => {
                ranges.push(byte..line.len());
                return ranges;
            }
            None => {}
        }
    }
    // A quote that is not closed is as likely an apostrophe.
    ranges
}

impl SyntaxTree {
    /// What the tree says about the line after `head`; `None` where its language says nothing.
    fn verdict(&self, rope: &Rope, head: CharRange) -> Option<Verdict> {
        let first = head.start + leading(rope, head).len();
        let bytes = rope.byte_of(first).0..rope.byte_of(head.end).0;
        let layer = self.layers_in(bytes.clone()).filter(|layer| {
            let holds = layer.start <= bytes.start && bytes.end <= layer.end;
            holds && layer.grammar().indents.is_some()
        });
        let layer = layer.last()?;
        let marks = Marks::collect(layer, rope, &layer.clip(&bytes))?;
        let line = rope.line_of(head.start);
        let row_of =
            |byte: usize| Line(rope.byte_to_line((layer.start + byte).min(rope.len_bytes())));
        let mut basis = line;
        let mut depth = 0_i32;
        for token in &marks.tokens {
            match token.kind {
                Mark::Close if depth > 0 => depth -= 1,
                Mark::Close => {
                    let open = mate(token.node, false).map(|open| row_of(open.start_byte()));
                    basis = open.unwrap_or(basis).min(basis);
                }
                Mark::Open => depth += 1,
            }
        }
        for start in &marks.ended {
            basis = row_of(*start).min(basis);
        }
        let opened = depth > 0;
        let steps = match () {
            () if opened || marks.asks => 1,
            () if marks.leaves => -1,
            () => 0,
        };
        Some(Verdict { basis, steps, opened })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Open,
    Close,
}

struct Token<'t> {
    node: Node<'t>,
    kind: Mark,
}

/// What the indents query finds on one line, before the cursor.
struct Marks<'t> {
    tokens: Vec<Token<'t>>,
    /// Where statements began that end here.
    ended: Vec<usize>,
    /// Whether the last token wants the next line indented.
    asks: bool,
    leaves: bool,
}

impl<'t> Marks<'t> {
    fn collect(layer: &'t Layer, rope: &Rope, head: &Range<usize>) -> Option<Marks<'t>> {
        let query = layer.grammar().indents.as_ref()?;
        let names = query.capture_names();
        let text = layer.text(rope);
        let line = text.string(head.clone(), usize::MAX);
        let last = head.start + line.trim_end().len();
        let mut marks = Marks { tokens: Vec::new(), ended: Vec::new(), asks: false, leaves: false };
        let reach = each_match(query, layer.root(), &text, head.clone(), Haste::Key, |found| {
            for capture in found.captures() {
                let range = capture.node.byte_range();
                let here = head.start <= range.start && range.end <= head.end;
                let kind = match names[capture.index as usize] {
                    "open" if here => Mark::Open,
                    "close" if here => Mark::Close,
                    "after" => {
                        marks.asks |= range.end == last;
                        continue;
                    }
                    "statement" => {
                        if head.start < range.end && range.end <= last {
                            marks.ended.push(range.start);
                        }
                        continue;
                    }
                    "leave" => {
                        marks.leaves |= head.start < range.end && range.end <= last;
                        continue;
                    }
                    _ => continue,
                };
                if range.start < range.end {
                    marks.tokens.push(Token { node: capture.node, kind });
                }
            }
        });
        if reach == Reach::Cut {
            return None;
        }
        // `else` closes before it opens.
        marks.tokens.sort_by_key(|token| (token.node.start_byte(), token.kind == Mark::Open));
        Some(marks)
    }
}

/// The blank space at the start of a range.
fn leading(rope: &Rope, range: CharRange) -> String {
    rope.slice_of(range).chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// Indentation moved by some units. What was indented with anything else stays in front.
fn stepped(indent: &str, steps: i32, style: IndentStyle) -> String {
    let unit = style.unit.text();
    match steps {
        0 => indent.to_owned(),
        1.. => format!("{indent}{}", unit.repeat(steps as usize)),
        _ => {
            let tab = usize::from(style.tab_width.max(1));
            let column = |text: &str| {
                text.chars().fold(0, |at, c| if c == '\t' { at / tab * tab + tab } else { at + 1 })
            };
            let less = column(&unit) * steps.unsigned_abs() as usize;
            let wanted = column(indent).saturating_sub(less);
            let mut kept: Cow<'_, str> = indent.into();
            while column(&kept) > wanted {
                kept.to_mut().pop();
            }
            // Half a tab is left: spaces fill it.
            let missing = wanted - column(&kept);
            format!("{kept}{}", " ".repeat(missing))
        }
    }
}
