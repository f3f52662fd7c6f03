//! The sizes of words in the interface.

use render::shape::{TextStyle, Weight};

/// Words of the interface: 13 on 20.
pub const BODY: TextStyle = TextStyle::ui(13.0);

/// What stands out among them.
pub const STRONG: TextStyle = TextStyle::ui(13.0).weight(Weight::SemiBold);

/// Secondary words.
pub const SMALL: TextStyle = TextStyle::ui(12.0);

/// Secondary words that stand out.
pub const SMALL_STRONG: TextStyle = TextStyle::ui(12.0).weight(Weight::SemiBold);

/// A heading.
pub const HEADING: TextStyle =
    TextStyle { tracking: -0.8, ..TextStyle::ui(26.0) }.weight(Weight::SemiBold);

/// Keys, as they stand on a keyboard.
pub const KEYS: TextStyle = TextStyle::mono(11.0);

/// A line of a file in a question.
pub const CODE: TextStyle = TextStyle::mono(12.0);

/// What is typed into a palette.
pub const TYPED: TextStyle = TextStyle::ui(15.0);
