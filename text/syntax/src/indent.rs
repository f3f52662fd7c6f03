//! Where a new line starts, and where a line goes whose first word closes a block.
//!
//! A line's indentation is that of the line where its surroundings began, plus one unit if
//! something was opened on the way. What opens and ends is told by the indents query:
//!
//! - `@open` and `@close` tokens: `{` and `}`, `then` and `fi`;
//! - `@after` tokens: the next line is indented once more if one of them ends this one;
//! - `@statement` nodes: after the end of one, lines stand where it began;
//! - `@leave` nodes: after one, the block is left, as after Python's `return`;
//! - `@end` tokens: they end what a token on an earlier line began, one step back, as `;;` does.
//!
//! While the tree is not that of the text (the moments after a key), and where looking at it would
//! take longer than a key may, the characters of the line decide alone.

use std::borrow::Cow;
use std::ops::Range;

use text::{ByteOffset, CharOffset, CharRange, Line, Positions, Rope};
use tree_sitter::Node;

use crate::bracket::mate;
use crate::language::{IndentUnit, LanguageSpec};
use crate::matches::{Haste, Reach, each_match};
use crate::spans::Region;
use crate::syntax::Syntax;
use crate::tree::{Layer, SyntaxTree};

/// How many brackets are followed back to where a statement began.
const BRACKETS_FOLLOWED: usize = 8;

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
        if let Some(before) = self.before_margin(rope, line) {
            return NewlineIndent { closer: None, ..self.indent_for_newline(rope, before, style) };
        }
        let tree = self.tree().filter(|_| self.is_current());
        let by_tree = tree.and_then(|tree| tree.verdict(rope, head, self));
        let verdict = by_tree.unwrap_or_else(|| self.verdict_by_characters(rope, head));
        let basis = self.indent_of(rope, verdict.basis);
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
        let indent = if spec.margin_mark == Some(word.as_str()) {
            String::new()
        } else if word.chars().count() == 1 {
            self.outdent_at(rope, first, style)?
        } else if spec.outdent_words.contains(&word.as_str()) {
            self.outdent_word(rope, line, style)?
        } else {
            return None;
        };
        (indent != own).then_some(indent)
    }

    /// The indentation of a line for those that go on with it. The mark of a list's item that
    /// begins a mapping counts: what belongs to it stands below its first key.
    fn indent_of(&self, rope: &Rope, line: Line) -> String {
        let range = rope.line_range(line);
        let mut indent = leading(rope, range);
        let mark = self.language().and_then(|language| language.spec().item_mark);
        let Some(mark) = mark else { return indent };
        let start = range.start + indent.len();
        let text: String = rope.slice_of(CharRange { start, end: range.end }).chars().collect();
        let mut rest = text.trim_end();
        while let Some(inner) = rest.strip_prefix(mark)
            && (inner.contains(": ") || inner.ends_with(':'))
        {
            indent.push_str(&" ".repeat(mark.len()));
            rest = inner;
        }
        indent
    }

    /// The line on which a bracket at a byte was opened, by counting characters: for what the tree
    /// takes for an error.
    fn opened_on(&self, rope: &Rope, byte: usize) -> Option<Line> {
        let at = rope.char_of_byte(ByteOffset(byte));
        let close = rope.get_char(at.0)?;
        let brackets = self.language()?.spec().brackets;
        let pair = *brackets.iter().find(|(_, other)| *other == close)?;
        Some(rope.line_of(self.open_before(rope, at, pair)?))
    }

    /// The indentation of the line on which the bracket closed at an offset was opened.
    fn outdent_at(&self, rope: &Rope, at: CharOffset, style: IndentStyle) -> Option<String> {
        let c = rope.get_char(at.0)?;
        let brackets = self.language()?.spec().brackets;
        let pair = *brackets.iter().find(|(_, close)| *close == c)?;
        let open = self.open_before(rope, at, pair)?;
        let line = self.statement_of(rope, open);
        let indent = leading(rope, rope.line_range(line));
        // Counted anew, so that a file of tabs keeps tabs.
        Some(stepped(&indent, 0, style))
    }

    /// The line on which a bracket stands, or the one where the brackets were opened that close on
    /// it before: the first line of a call or of a function's parameters.
    fn statement_of(&self, rope: &Rope, mut open: CharOffset) -> Line {
        for _ in 0..BRACKETS_FOLLOWED {
            let start = rope.line_start(rope.line_of(open));
            let head = rope.slice_of(CharRange { start, end: open }).to_string();
            let mut depth = 0_i32;
            let closes = head.chars().position(|c| {
                depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
                depth < 0
            });
            let Some(at) = closes.map(|at| start + at) else { break };
            let pair = if rope.get_char(at.0) == Some(')') { ('(', ')') } else { ('[', ']') };
            match self.open_before(rope, at, pair) {
                Some(before) => open = before,
                None => break,
            }
        }
        rope.line_of(open)
    }

    /// For a line at the margin, the end of the line before it that is none.
    fn before_margin(&self, rope: &Rope, line: Line) -> Option<CharOffset> {
        let mark = self.language()?.spec().margin_mark?;
        let is_at_margin = |line: Line| {
            let text: String = rope.slice_of(rope.line_range(line)).chars().take(200).collect();
            text.trim_start().starts_with(mark)
        };
        if !is_at_margin(line) {
            return None;
        }
        let is_text = |line: &Line| {
            let range = rope.line_range(*line);
            leading(rope, range).len() < range.len() && !is_at_margin(*line)
        };
        let before = (0..line.0).rev().take(1000).map(Line).find(is_text)?;
        Some(rope.line_end(before))
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
    fn verdict(&self, rope: &Rope, head: CharRange, syntax: &Syntax) -> Option<Verdict> {
        let first = head.start + leading(rope, head).len();
        let bytes = rope.byte_of(first).0..rope.byte_of(head.end).0;
        let layer = self.layers_in(bytes.clone()).filter(|layer| {
            let holds = layer.start <= bytes.start && bytes.end <= layer.end;
            holds && layer.grammar().indents.is_some()
        });
        let layer = layer.last()?;
        let marks = Marks::collect(&layer, rope, &layer.clip(&bytes))?;
        let line = rope.line_of(head.start);
        let row_of =
            |byte: usize| Line(rope.byte_to_line((layer.start + byte).min(rope.len_bytes())));
        let mut basis = line;
        let (mut depth, mut ended) = (0_i32, false);
        for token in &marks.tokens {
            match token.kind {
                Mark::Close | Mark::End if depth > 0 => depth -= 1,
                Mark::End => ended = true,
                Mark::Close => {
                    let byte = layer.start + token.node.start_byte();
                    let open = mate(token.node, false).map(|open| row_of(open.start_byte()));
                    let open = open.or_else(|| syntax.opened_on(rope, byte));
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
            () if marks.leaves || ended => -1,
            () => 0,
        };
        Some(Verdict { basis, steps, opened })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Open,
    Close,
    End,
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
                    "end" if here => Mark::End,
                    "after" => {
                        marks.asks |= range.end == last;
                        continue;
                    }
                    "statement" => {
                        let ends = head.start < range.end && range.end <= last;
                        if ends && !ends_unfinished(capture.node) {
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

/// Whether the parser made up a node's end: what is being typed is taken for finished then.
fn ends_unfinished(node: Node<'_>) -> bool {
    let mut last = Some(node).filter(|node| node.has_error());
    while let Some(node) = last {
        if node.is_missing() {
            return true;
        }
        last = node.child_count().checked_sub(1).and_then(|at| node.child(at));
    }
    false
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
