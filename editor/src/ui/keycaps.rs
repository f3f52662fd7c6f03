//! Keys as a person finds them on a keyboard.

use render::geometry::Insets;
use render::layout::{Align, Element};
use render::scene::Border;
use render::theme::Colors;

use super::type_scale::KEYS;

/// One cap for each key of each press; presses of a chord stand a little apart.
pub fn caps(presses: &[Vec<String>], colors: &Colors) -> Element {
    let chords = presses.iter().map(|press| {
        let caps = press.iter().map(|key| cap(key, colors));
        Element::row().gap(4.0).children(caps)
    });
    Element::row().shrink(0.0).gap(10.0).children(chords)
}

fn cap(key: &str, colors: &Colors) -> Element {
    Element::row()
        .height(20.0)
        .min(20.0, 20.0)
        .padding(Insets { left: 6.0, right: 6.0, ..Insets::default() })
        .justify(Align::Center)
        .radius(5.0)
        .border(Border::solid(1.0, colors.border))
        .child(Element::text(key, KEYS, colors.muted))
}

/// The keys as words, without caps.
pub fn words(presses: &[Vec<String>], colors: &Colors) -> Element {
    let text = presses.iter().map(|press| press.join(" ")).collect::<Vec<_>>().join("  ");
    Element::text(text, render::shape::TextStyle::mono(12.0), colors.muted).shrink(0.0)
}
