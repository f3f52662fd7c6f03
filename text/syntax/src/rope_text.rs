//! A rope as parsers and queries read it: in chunks, by byte, from wherever a layer starts.

use std::ops::Range;

use text::Rope;
use tree_sitter::{Node, TextProvider};

/// The part of a rope that one layer is parsed from; its byte 0 is `range.start` of the rope.
#[derive(Clone)]
pub(crate) struct LayerText<'a> {
    rope: &'a Rope,
    range: Range<usize>,
    /// What the parser reads after the end.
    suffix: &'static str,
}

impl<'a> LayerText<'a> {
    /// The text between two bytes of a rope, clamped to it.
    pub(crate) fn new(rope: &'a Rope, range: Range<usize>) -> Self {
        let end = range.end.min(rope.len_bytes());
        LayerText { rope, range: range.start.min(end)..end, suffix: "" }
    }

    /// The same for a parser that is to read something more at the end, which no other reader is
    /// shown.
    pub(crate) fn with_suffix(self, suffix: &'static str) -> Self {
        LayerText { suffix, ..self }
    }

    /// As [`LayerText::chunk`], the suffix included.
    pub(crate) fn chunk_to_parse(&self, byte: usize) -> &'a [u8] {
        let past = byte.checked_sub(self.range.len());
        match past {
            None => self.chunk(byte),
            Some(past) => self.suffix.as_bytes().get(past..).unwrap_or_default(),
        }
    }

    /// What stands from a byte on, as far as one chunk of the rope goes; empty at the end.
    pub(crate) fn chunk(&self, byte: usize) -> &'a [u8] {
        let at = self.range.start.saturating_add(byte);
        if at >= self.range.end {
            return &[];
        }
        let (chunk, start, _, _) = self.rope.chunk_at_byte(at);
        let end = (self.range.end - start).min(chunk.len());
        &chunk.as_bytes()[at - start..end]
    }

    /// The chunks between two bytes. Bytes, not characters: a shifted tree may point into one.
    pub(crate) fn chunks(&self, range: Range<usize>) -> Chunks<'a> {
        Chunks { text: self.clone(), at: range.start, end: range.end }
    }

    /// The text between two bytes, at most `limit` of them.
    pub(crate) fn string(&self, range: Range<usize>, limit: usize) -> String {
        let end = range.end.min(range.start.saturating_add(limit));
        let bytes: Vec<u8> = self.chunks(range.start..end).flatten().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl<'a> TextProvider<&'a [u8]> for LayerText<'a> {
    type I = Chunks<'a>;

    fn text(&mut self, node: Node<'_>) -> Chunks<'a> {
        self.chunks(node.byte_range())
    }
}

/// See [`LayerText::chunks`].
pub(crate) struct Chunks<'a> {
    text: LayerText<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let chunk = self.text.chunk(self.at);
        let length = chunk.len().min(self.end.saturating_sub(self.at));
        self.at += length;
        (length > 0).then(|| &chunk[..length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_a_layer_are_its_text_and_no_more() {
        let source = "aé\n".repeat(3000);
        let rope = Rope::from_str(&source);
        let text = LayerText::new(&rope, 4..source.len() - 4);
        assert_eq!(text.string(0..usize::MAX, usize::MAX), source[4..source.len() - 4]);
        assert_eq!(text.string(1..3, usize::MAX), source[5..7]);
        assert!(text.chunk(usize::MAX).is_empty());
        assert_eq!(LayerText::new(&rope, 9..usize::MAX).chunk(source.len()), b"");
    }
}
