//! The status line at the bottom of the window.

use render::geometry::Insets;
use render::layout::{Element, Overflow, Role};
use render::theme::Colors;

use super::target::{StatusPart, Target};
use super::type_scale::{SMALL, SMALL_STRONG};

/// Height of the line, logical pixels.
pub const HEIGHT: f32 = 30.0;

/// What it says of the text that has the focus.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Line and column of the caret, or how much is selected.
    pub position: String,
    /// The language.
    pub language: String,
    /// The encoding.
    pub encoding: String,
    /// The line ending.
    pub line_ending: String,
    /// What an indentation is.
    pub indentation: String,
}

/// The line: what is known of the text, then what is degraded or in progress.
pub fn line(about: Option<&About>, states: &[String], colors: &Colors) -> Element {
    let mut row = Element::row()
        .height(HEIGHT)
        .shrink(0.0)
        .gap(18.0)
        .padding(Insets { left: 18.0, right: 18.0, ..Insets::default() })
        .role(Role::Status);
    if let Some(about) = about {
        let part = |part: StatusPart, words: &str| {
            Element::text(words, SMALL, colors.muted)
                .id(Target::Status(part).id())
                .role(Role::Button)
                .shrink(0.0)
        };
        row = row
            .child(
                Element::text(about.position.as_str(), SMALL_STRONG, colors.text)
                    .id(Target::Status(StatusPart::Position).id())
                    .role(Role::Button)
                    .shrink(0.0),
            )
            .child(part(StatusPart::Language, &about.language))
            .child(part(StatusPart::Encoding, &about.encoding))
            .child(part(StatusPart::LineEnding, &about.line_ending))
            .child(part(StatusPart::Indentation, &about.indentation));
    }
    row = row.child(Element::spacer());
    for state in states {
        row = row.child(
            Element::text(state.as_str(), SMALL, colors.muted)
                .id(Target::Status(StatusPart::State).id())
                .role(Role::Button)
                .overflow(Overflow::Ellipsis),
        );
    }
    row
}
