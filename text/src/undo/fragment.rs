//! Characters that a change put in or took out: always their number, and their text where undo
//! will need it.

use ropey::Rope;

use crate::position::{CharOffset, CharRange, Positions};

/// From this many bytes on a text is kept as a rope, which shares what it was cut from.
const LONG_BYTES: usize = 4096;

/// A piece of text, or only its length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fragment {
    chars: usize,
    text: Words,
}

/// The text of a [`Fragment`].
#[derive(Clone, Debug, Default)]
enum Words {
    /// It is not needed: an insertion's text stands in the document.
    #[default]
    Unknown,
    Short(String),
    Long(Rope),
}

impl Fragment {
    /// So many characters, whichever they are.
    pub fn unknown(chars: usize) -> Self {
        Fragment { chars, text: Words::Unknown }
    }

    /// What stands in a range; costs O(log n) for a long one.
    pub fn cut(rope: &Rope, range: CharRange) -> Self {
        if range.is_empty() {
            return Fragment { chars: 0, text: Words::Short(String::new()) };
        }
        let slice = rope.slice_of(range);
        let words = match slice.len_bytes() < LONG_BYTES {
            true => Words::Short(slice.into()),
            false => Words::Long(slice.into()),
        };
        Fragment { chars: range.len(), text: words }
    }

    pub fn chars(&self) -> usize {
        self.chars
    }

    /// Bytes of its text.
    pub fn bytes(&self) -> usize {
        match &self.text {
            Words::Unknown => 0,
            Words::Short(text) => text.capacity(),
            Words::Long(rope) => rope.len_bytes(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.chars == 0
    }

    /// Its text.
    ///
    /// # Panics
    /// When it is unknown.
    pub fn text(&self) -> Box<str> {
        match &self.text {
            Words::Short(text) => text.as_str().into(),
            Words::Long(rope) => rope.to_string().into(),
            Words::Unknown if self.chars == 0 => "".into(),
            Words::Unknown => unreachable!("a text that is put back was kept"),
        }
    }

    /// Puts its text into a rope; it must be known.
    pub fn insert_into(&self, rope: &mut Rope, at: CharOffset) {
        match &self.text {
            Words::Short(text) => rope.insert(at.0, text),
            _ if self.chars == 0 => {}
            _ => rope.insert(at.0, &self.text()),
        }
    }

    /// The characters before `at` and those from it on.
    pub fn split(self, at: usize) -> (Fragment, Fragment) {
        debug_assert!(at <= self.chars);
        let (first, second) = match self.text {
            Words::Unknown => (Words::Unknown, Words::Unknown),
            Words::Short(mut text) => {
                let byte = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
                let rest = text.split_off(byte);
                (Words::Short(text), Words::Short(rest))
            }
            Words::Long(mut rope) => {
                let rest = rope.split_off(at);
                (Words::Long(rope), Words::Long(rest))
            }
        };
        (Fragment { chars: at, text: first }, Fragment { chars: self.chars - at, text: second })
    }

    /// Adds what follows it. Unknown on either side makes the sum unknown.
    pub fn append(&mut self, other: Fragment) {
        if self.is_empty() {
            *self = other;
            return;
        }
        if other.is_empty() {
            return;
        }
        self.chars += other.chars;
        let mine = std::mem::take(&mut self.text);
        self.text = match (mine, other.text) {
            (Words::Unknown, _) | (_, Words::Unknown) => Words::Unknown,
            (Words::Short(mut mine), Words::Short(more)) if mine.len() < LONG_BYTES => {
                mine.push_str(&more);
                Words::Short(mine)
            }
            (mine, more) => {
                let mut rope = mine.into_rope();
                rope.append(more.into_rope());
                Words::Long(rope)
            }
        };
    }

    /// Whether both are known and equal, or equally long where one is unknown.
    pub fn agrees_with(&self, other: &Fragment) -> bool {
        self.chars == other.chars
            && match (&self.text, &other.text) {
                (Words::Unknown, _) | (_, Words::Unknown) => true,
                (Words::Short(a), Words::Short(b)) => a == b,
                (a, b) => a.clone().into_rope() == b.clone().into_rope(),
            }
    }
}

impl Words {
    fn into_rope(self) -> Rope {
        match self {
            Words::Unknown => Rope::new(),
            Words::Short(text) => Rope::from(text),
            Words::Long(rope) => rope,
        }
    }
}
