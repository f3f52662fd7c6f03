//! Line endings: counted, never changed unless asked.

use std::fmt;

use ropey::Rope;

use crate::edit::{Edit, Transaction};
use crate::position::{CharOffset, CharRange};

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl LineEnding {
    /// Its characters.
    pub fn as_str(self) -> &'static str {
        match self {
            LineEnding::Lf => "\n",
            LineEnding::CrLf => "\r\n",
            LineEnding::Cr => "\r",
        }
    }
}

impl fmt::Display for LineEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LineEnding::Lf => "LF",
            LineEnding::CrLf => "CRLF",
            LineEnding::Cr => "CR",
        })
    }
}

/// How many lines of a text end in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineEndings {
    /// Lines that end in `\n`.
    pub lf: usize,
    /// Lines that end in `\r\n`.
    pub crlf: usize,
    /// Lines that end in `\r`.
    pub cr: usize,
}

impl LineEndings {
    /// Counts all of a text's line endings.
    pub fn of(rope: &Rope) -> Self {
        let has_cr = |chunk: &str| chunk.as_bytes().contains(&b'\r');
        if !rope.chunks().any(has_cr) {
            // Then the rope has counted them.
            return LineEndings { lf: rope.len_lines() - 1, ..LineEndings::default() };
        }
        let mut counts = LineEndings::default();
        each(rope, |_, ending| match ending {
            LineEnding::Lf => counts.lf += 1,
            LineEnding::CrLf => counts.crlf += 1,
            LineEnding::Cr => counts.cr += 1,
        });
        counts
    }

    /// The one that most lines have; LF before CRLF before CR where they are as many. None in a
    /// text of one line.
    pub fn dominant(self) -> Option<LineEnding> {
        let all =
            [(self.cr, LineEnding::Cr), (self.crlf, LineEnding::CrLf), (self.lf, LineEnding::Lf)];
        all.into_iter().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0).map(|x| x.1)
    }

    /// Whether there is more than one kind.
    pub fn is_mixed(self) -> bool {
        [self.lf, self.crlf, self.cr].iter().filter(|count| **count > 0).count() > 1
    }
}

/// The transaction after which every line of a text ends in one way; it touches no other line.
pub fn convert(rope: &Rope, to: LineEnding) -> Transaction {
    let mut edits = Vec::new();
    each(rope, |at, ending| {
        let range = CharRange { start: at, end: at + ending.as_str().len() };
        if ending != to {
            edits.push(Edit::replace(range, to.as_str()));
        }
    });
    Transaction::new(edits).expect("line endings are disjoint and not empty")
}

/// Visits every line ending in order.
fn each(rope: &Rope, mut visit: impl FnMut(CharOffset, LineEnding)) {
    // A carriage return at the end of one chunk whose line feed may start the next.
    let mut pending: Option<CharOffset> = None;
    let mut passed = 0;
    for chunk in rope.chunks() {
        let is_ascii = chunk.is_ascii();
        let bytes = chunk.as_bytes();
        let (mut counted_bytes, mut counted) = (0, 0);
        for (index, byte) in bytes.iter().enumerate() {
            if *byte != b'\n' && *byte != b'\r' {
                continue;
            }
            counted += match is_ascii {
                true => index - counted_bytes,
                false => chunk[counted_bytes..index].chars().count(),
            };
            counted_bytes = index;
            let at = CharOffset(passed + counted);
            let follows = pending.take_if(|cr| *byte == b'\n' && *cr + 1 == at);
            if let Some(cr) = pending.take() {
                visit(cr, LineEnding::Cr);
            }
            match (byte, follows) {
                (b'\n', Some(cr)) => visit(cr, LineEnding::CrLf),
                (b'\n', None) => visit(at, LineEnding::Lf),
                _ => pending = Some(at),
            }
        }
        passed += counted + chunk[counted_bytes..].chars().count();
    }
    if let Some(cr) = pending {
        visit(cr, LineEnding::Cr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    #[test]
    fn mixed_endings_are_counted_and_the_most_common_wins() {
        let counts = LineEndings::of(&Rope::from_str("a\r\nb\r\nc\nd\re\r"));
        assert_eq!(counts, LineEndings { lf: 1, crlf: 2, cr: 2 });
        assert_eq!(counts.dominant(), Some(LineEnding::CrLf));
        assert!(counts.is_mixed());
        assert_eq!(LineEndings::of(&Rope::from_str("one")).dominant(), None);
    }

    #[test]
    fn converting_gives_what_replacing_in_a_string_gives() {
        let mut random = Seeded::new(11);
        let parts = ["\r", "\n", "\r\n", "x", "ع", "longer words in a line "];
        for _ in 0..200 {
            let text: String = (0..random.below(400)).map(|_| *random.pick(&parts)).collect();
            let plain = text.replace("\r\n", "\n").replace('\r', "\n");
            for to in [LineEnding::Lf, LineEnding::CrLf, LineEnding::Cr] {
                let mut rope = Rope::from_str(&text);
                convert(&rope, to).apply_to(&mut rope);
                assert_eq!(rope, plain.replace('\n', to.as_str()));
            }
        }
    }
}
