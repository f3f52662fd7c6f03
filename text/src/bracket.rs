//! Pairs of brackets: the partner of one, and the pair around a place.
//!
//! A search gives up after [`REACH`] characters. What stands in strings and comments is skipped
//! if the caller knows where those are (`syntax` does, this crate does not).

use ropey::Rope;

use crate::position::{CharOffset, CharRange, Positions};

/// The characters that a search reads at most in one direction.
pub const REACH: usize = 200_000;

/// The bracket characters that every language shares.
pub const PAIRS: [(char, char); 3] = [('(', ')'), ('[', ']'), ('{', '}')];

/// Whether the character at an offset counts as code; see [`everything`].
pub type IsCode<'a> = &'a dyn Fn(CharOffset) -> bool;

/// For callers without a syntax tree: every bracket counts.
pub fn everything(_: CharOffset) -> bool {
    true
}

/// Two brackets that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where the opening one stands.
    pub open: CharOffset,
    /// Where the closing one stands.
    pub close: CharOffset,
}

impl Pair {
    /// What stands between them.
    pub fn inside(self) -> CharRange {
        CharRange { start: self.open + 1, end: self.close }
    }

    /// The brackets with what stands between them.
    pub fn around(self) -> CharRange {
        CharRange { start: self.open, end: self.close + 1 }
    }
}

/// The pair of a bracket that touches a caret: the one after it, else the one before it.
pub fn pair_at(rope: &Rope, caret: CharOffset, is_code: IsCode<'_>) -> Option<Pair> {
    let caret = rope.nearest(caret);
    pair_of(rope, caret, is_code).or_else(|| match caret.0 {
        0 => None,
        _ => pair_of(rope, caret - 1, is_code),
    })
}

/// The pair of the bracket that stands at an offset.
pub fn pair_of(rope: &Rope, at: CharOffset, is_code: IsCode<'_>) -> Option<Pair> {
    let c = rope.get_char(at.0)?;
    let (open, close) = PAIRS.into_iter().find(|&(open, close)| c == open || c == close)?;
    // A bracket in a string pairs with its like in strings, so that both can be jumped between.
    let wanted = is_code(at);
    let counts = |offset: CharOffset| is_code(offset) == wanted;
    let mut depth = 0_usize;
    if c == open {
        for (index, c) in rope.chars_at(at.0).take(REACH).enumerate() {
            let here = at + index;
            match c {
                _ if c == open && counts(here) => depth += 1,
                _ if c == close && counts(here) => depth -= 1,
                _ => continue,
            }
            if depth == 0 {
                return Some(Pair { open: at, close: here });
            }
        }
        return None;
    }
    let mut before = rope.chars_at(at.0 + 1);
    for index in 0..REACH.min(at.0 + 1) {
        let here = at - index;
        match before.prev()? {
            c if c == close && counts(here) => depth += 1,
            c if c == open && counts(here) => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(Pair { open: here, close: at });
        }
    }
    None
}

/// The innermost pair with a range strictly between its brackets, or with the range as what it
/// encloses. A closing bracket without its partner is passed over.
pub fn enclosing(rope: &Rope, range: CharRange, is_code: IsCode<'_>) -> Option<Pair> {
    let start = rope.nearest(range.start);
    let end = rope.nearest(range.end);
    let mut before = rope.chars_at(start.0);
    let mut closed = [0_usize; PAIRS.len()];
    for index in 1..=REACH.min(start.0) {
        let here = start - index;
        let c = before.prev()?;
        for (kind, &(open, close)) in PAIRS.iter().enumerate() {
            if c == close && is_code(here) {
                closed[kind] += 1;
            } else if c == open && is_code(here) {
                if closed[kind] > 0 {
                    closed[kind] -= 1;
                } else if let Some(pair) = pair_of(rope, here, is_code)
                    && pair.close >= end
                {
                    return Some(pair);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str, caret: usize) -> Option<(usize, usize)> {
        let found = pair_at(&Rope::from_str(text), CharOffset(caret), &everything);
        found.map(|pair| (pair.open.0, pair.close.0))
    }

    #[test]
    fn a_bracket_finds_its_partner_from_either_side() {
        let text = "f(a, [b, (c)])";
        assert_eq!(pair(text, 1), Some((1, 13)));
        assert_eq!(pair(text, 2), Some((1, 13)));
        assert_eq!(pair(text, 14), Some((1, 13)));
        assert_eq!(pair(text, 12), Some((5, 12)));
        assert_eq!(pair(text, 3), None);
        assert_eq!(pair("((", 0), None);
        assert_eq!(pair("]", 1), None);
    }

    #[test]
    fn brackets_in_strings_do_not_count_for_code() {
        let rope = Rope::from_str("(a ')' b)");
        let is_code = |offset: CharOffset| !(3..=5).contains(&offset.0);
        let found = pair_of(&rope, CharOffset(0), &is_code).unwrap();
        assert_eq!((found.open.0, found.close.0), (0, 8));
        assert_eq!(pair(rope.to_string().as_str(), 0), Some((0, 4)));
    }

    #[test]
    fn the_innermost_pair_encloses_and_grows() {
        let rope = Rope::from_str("a{b(c]d)e}");
        let find = |start, end| {
            let range = CharRange::new(CharOffset(start), CharOffset(end));
            enclosing(&rope, range, &everything).map(|pair| (pair.open.0, pair.close.0))
        };
        assert_eq!(find(5, 5), Some((3, 7)));
        assert_eq!(find(4, 7), Some((3, 7)));
        assert_eq!(find(3, 8), Some((1, 9)));
        assert_eq!(find(0, 0), None);
    }

    #[test]
    fn a_search_gives_up_at_its_reach() {
        let rope = Rope::from_str(&format!("({})", " ".repeat(REACH)));
        assert_eq!(pair_of(&rope, CharOffset(0), &everything), None);
    }
}
