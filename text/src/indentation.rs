//! How a text indents its lines, read off the text itself.

use std::fmt;

use ropey::{Rope, RopeSlice};

/// What one step of indentation is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indentation {
    /// One tab.
    Tab,
    /// That many spaces, 1 to 16.
    Spaces(u8),
}

impl Indentation {
    /// The characters of one step.
    pub fn as_str(self) -> &'static str {
        const SPACES: &str = "                ";
        match self {
            Indentation::Tab => "\t",
            Indentation::Spaces(count) => &SPACES[..usize::from(count).clamp(1, SPACES.len())],
        }
    }
}

impl fmt::Display for Indentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Indentation::Tab => f.pad("tabs"),
            Indentation::Spaces(count) => write!(f, "{count} spaces"),
        }
    }
}

/// How many lines [`detect`] should look at, where nobody knows better.
pub const LINES: usize = 2000;

/// The widest leading space that counts as indentation rather than as alignment.
const WIDEST: usize = 200;

/// What the first `lines` lines of a text indent with; none if no line is indented.
///
/// Tabs win if more lines begin with one than with spaces. The width of a step is the difference
/// between neighbouring lines that occurs most, where a step in counts twice a step out (which
/// may close several); single spaces are alignment or the stars of a comment, and count only if
/// there is nothing else.
pub fn detect(rope: &Rope, lines: usize) -> Option<Indentation> {
    let mut tabs = 0;
    let mut spaced = 0;
    let mut steps = [0_usize; 9];
    let mut widths = [0_usize; 9];
    let mut previous = 0;
    for line in rope.lines().take(lines) {
        let Some(leading) = leading(line) else { continue };
        match leading {
            Leading::Tab => {
                tabs += 1;
                continue;
            }
            Leading::Comment => continue,
            Leading::Spaces(width) => {
                spaced += usize::from(width > 0);
                let step = width.abs_diff(previous);
                if (1..=8).contains(&step) {
                    steps[step] += if width > previous { 2 } else { 1 };
                }
                (2..=8).filter(|unit| width > 0 && width % unit == 0).for_each(|u| widths[u] += 1);
                previous = width;
            }
        }
    }
    if tabs >= spaced.max(1) {
        return Some(Indentation::Tab);
    }
    if spaced == 0 {
        return None;
    }
    let best = (2..=8).max_by_key(|unit| (steps[*unit], widths[*unit])).unwrap_or(2);
    let width = if steps[best] > 0 { best } else { 1 };
    Some(Indentation::Spaces(width as u8))
}

enum Leading {
    Tab,
    Spaces(usize),
    /// The inside of a block comment, whose stars stand one column in.
    Comment,
}

/// What a line begins with; none for a blank line or one that nobody indented by hand.
fn leading(line: RopeSlice<'_>) -> Option<Leading> {
    let mut width = 0;
    for character in line.chars().take(WIDEST) {
        match character {
            ' ' => width += 1,
            '\t' if width == 0 => return Some(Leading::Tab),
            '\t' | '\n' | '\r' => return None,
            '*' if width % 2 == 1 => return Some(Leading::Comment),
            _ => return Some(Leading::Spaces(width)),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Indentation> {
        detect(&Rope::from_str(text), LINES)
    }

    #[test]
    fn widths_are_read_from_the_steps_between_lines() {
        let two = "a:\n  b:\n    c: 1\n    d: 2\n  e: 3\n";
        assert_eq!(found(two), Some(Indentation::Spaces(2)));
        let four =
            "def f():\n    if x:\n        y()\n        z()\n    return 1\n\ndef g():\n    h()\n";
        assert_eq!(found(four), Some(Indentation::Spaces(4)));
        let eight = "f()\n{\n        x;\n        if (y)\n                z;\n}\n";
        assert_eq!(found(eight), Some(Indentation::Spaces(8)));
        assert_eq!(found("x\n   y\n      z\n   y\nx\n"), Some(Indentation::Spaces(3)));
    }

    #[test]
    fn comments_and_alignment_do_not_mislead() {
        let text = "/**\n * doc\n * doc\n */\nint f() {\n    call(one,\n         two,\n\
                    \x20        three);\n    if (x) {\n        y();\n    }\n}\n\
                    /*\n * more\n */\nint g() {\n    z();\n}\n";
        assert_eq!(found(text), Some(Indentation::Spaces(4)));
    }

    #[test]
    fn tabs_win_where_more_lines_have_them() {
        assert_eq!(found("a {\n\tb {\n\t\tc\n\t}\n  stray\n}\n"), Some(Indentation::Tab));
        assert_eq!(found("no indentation\nat all\n"), None);
        assert_eq!(found(""), None);
    }
}
