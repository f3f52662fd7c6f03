//! Where a line may be broken: the rules of Unicode (UAX 14), as an editor needs them.
//!
//! The rules keep closing marks and small kana with what is before them, opening ones with what is
//! after, numbers and words of letters together, and let Han be broken anywhere else. They were
//! made for prose. In code and in addresses, where people read `a->b`, `--flag`, `vec![]` or
//! `https://a.b/c-d`, they break at marks where nobody looks for it; so between two ASCII
//! characters that touch, a line is broken only at the hyphens and slashes of words.

use unicode_linebreak::{BreakOpportunity, linebreaks};

/// The last place, as a byte, at which a row of this text may end, of those that `is_boundary`
/// allows. White space at its start belongs to what follows.
pub(super) fn last(text: &str, is_boundary: impl Fn(usize) -> bool) -> Option<usize> {
    let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
    let mut last = None;
    for (byte, _) in linebreaks(text).filter(|(_, kind)| *kind == BreakOpportunity::Allowed) {
        if byte > indent && byte < text.len() && is_boundary(byte) && is_good(text, byte) {
            last = Some(byte);
        }
    }
    // A run of white space may be broken anywhere: its end could be far beyond the edge. And the
    // rules know a slash between words only, not one that begins a path or a comment.
    let blank = |byte: u8| matches!(byte, b' ' | b'\t');
    let begins = |byte: u8| blank(byte) || byte == b'/';
    let bytes = text.as_bytes();
    let behind = last.map_or(indent + 1, |last| last + 1);
    let run = (behind..bytes.len()).rev().find(|at| begins(bytes[*at]) && blank(bytes[at - 1]));
    run.or(last)
}

/// Whether a break that the rules allow is one that a reader expects.
fn is_good(text: &str, byte: usize) -> bool {
    let (before, after) = text.split_at(byte);
    let (Some(left), Some(right)) = (before.chars().next_back(), after.chars().next()) else {
        return false;
    };
    if !left.is_ascii() || !right.is_ascii() || left.is_ascii_whitespace() {
        return true;
    }
    let mark = before.len() - 1;
    let is_word = before[..mark].ends_with(|c: char| c.is_alphanumeric());
    match left {
        '-' => is_word && right.is_ascii_alphanumeric() && !is_address(&before[..mark]),
        '/' => is_word && right.is_ascii_alphanumeric(),
        _ => false,
    }
}

/// Whether a text ends in an address, of which a hyphen may be a part.
fn is_address(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.contains("://") || word.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with `|` at every place where a row may end that holds what is before it and the
    /// next character.
    fn broken(text: &str) -> String {
        let mut places: Vec<usize> = Vec::new();
        for (byte, letter) in text.char_indices() {
            places.extend(last(&text[..byte + letter.len_utf8()], |at| text.is_char_boundary(at)));
        }
        places.dedup();
        let mut shown = text.to_owned();
        places.iter().rev().for_each(|byte| shown.insert(*byte, '|'));
        shown
    }

    #[test]
    fn words_are_kept_whole_and_code_too() {
        assert_eq!(broken("one two, three"), "one |two, |three");
        assert_eq!(broken("  if !a->b(&c)? && d"), "  if !a->b(&c)? |&& |d");
        assert_eq!(broken("println!(\"{x:?}\", 3.14, 50%)"), "println!(\"{x:?}\", |3.14, |50%)");
        assert_eq!(broken("well-known --flag -1 a-1"), "well-|known |--flag |-1 |a-1");
        assert_eq!(broken("a   b"), "a | | |b", "a run of blanks may go over the edge");
        assert_eq!(broken("no\u{a0}break here\u{200b}too"), "no\u{a0}break |here\u{200b}|too");
    }

    #[test]
    fn an_address_is_broken_at_its_slashes_alone() {
        let text = "see https://a-b.example/one-two/three?q=a-b&c=(d)#e now";
        let expected = "see |https://a-b.example/|one-two/|three?q=a-b&c=(d)#e |now";
        assert_eq!(broken(text), expected);
        assert_eq!(broken("src/main.rs //x"), "src/|main.rs |//x");
    }

    #[test]
    fn han_is_broken_anywhere_but_before_what_closes_and_after_what_opens() {
        assert_eq!(broken("文字、「本」です。ー"), "文|字、|「本」|で|す。ー");
        assert_eq!(broken("カッコ"), "カッ|コ", "a small kana does not start a row");
        assert_eq!(broken("文word字"), "文|word|字");
        assert_eq!(broken("한국어 글"), "한|국|어 |글");
    }

    #[test]
    fn arabic_is_broken_between_words_and_emoji_between_each_other() {
        assert_eq!(broken("مرحبا، يا عالم"), "مرحبا، |يا |عالم");
        assert_eq!(broken("👩‍👩‍👧👍🏽🇸🇦"), "👩‍👩‍👧|👍🏽|🇸🇦");
    }
}
