//! What a pane without a text shows: where one was lately, and the keys that bring things.

use render::geometry::Insets;
use render::layout::{Align, Element, Overflow, Role};
use render::theme::Colors;

use super::keycaps;
use super::target::Target;
use super::type_scale::{BODY, HEADING, SMALL, STRONG};

/// A file or folder that was open lately.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    /// Its name.
    pub name: String,
    /// The folder that it lies in.
    pub place: String,
}

/// A command worth knowing, with its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// What it does.
    pub title: &'static str,
    /// The keys that do it.
    pub keys: Vec<Vec<String>>,
}

/// The greeting for an hour of the day.
pub fn greeting(hour: u32) -> &'static str {
    match hour {
        5..=11 => "Good morning",
        12..=17 => "Good afternoon",
        _ => "Good evening",
    }
}

/// The page.
pub fn page(greeting: &str, recent: &[Recent], hints: &[Hint], colors: &Colors) -> Element {
    let empty = recent.is_empty().then(|| {
        Element::text("Files that you open will be listed here", BODY, colors.muted)
            .margin(Insets { left: 14.0, top: 4.0, ..Insets::default() })
    });
    let left = Element::column()
        .width(328.0)
        .shrink(1.0)
        .child(
            Element::text(greeting, HEADING, colors.text)
                .role(Role::Heading)
                .line_height(34.0)
                .margin(Insets { left: 14.0, bottom: 18.0, ..Insets::default() }),
        )
        .children(recent.iter().enumerate().map(|(index, recent)| place(index, recent, colors)))
        .maybe(empty);
    let right = Element::column()
        .width(270.0)
        .shrink(1.0)
        .gap(10.0)
        .margin(Insets { top: 14.0, ..Insets::default() })
        .children(hints.iter().enumerate().map(|(index, hint)| key(index, hint, colors)));
    let columns = Element::row()
        .justify(Align::Center)
        .align(Align::Start)
        .gap(82.0)
        .child(left)
        .child(right);
    Element::column().grow(1.0).justify(Align::Center).padding(Insets::all(24.0)).child(columns)
}

fn place(index: usize, recent: &Recent, colors: &Colors) -> Element {
    Element::column()
        .id(Target::Recent(index as u32).id())
        .role(Role::Button)
        .label(format!("{}, {}", recent.name, recent.place))
        .height(57.0)
        .radius(9.0)
        .justify(Align::Center)
        .padding(Insets { left: 14.0, right: 14.0, ..Insets::default() })
        .child(
            Element::text(recent.name.as_str(), STRONG, colors.text).overflow(Overflow::Ellipsis),
        )
        .child(
            Element::text(recent.place.as_str(), SMALL, colors.muted).overflow(Overflow::Ellipsis),
        )
}

fn key(index: usize, hint: &Hint, colors: &Colors) -> Element {
    Element::row()
        .id(Target::Hint(index as u32).id())
        .role(Role::Button)
        .label(hint.title)
        .height(20.0)
        .child(Element::text(hint.title, BODY, colors.text))
        .child(Element::spacer())
        .child(keycaps::words(&hint.keys, colors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_follows_the_day() {
        assert_eq!(greeting(5), "Good morning");
        assert_eq!(greeting(12), "Good afternoon");
        assert_eq!(greeting(2), "Good evening");
    }
}
