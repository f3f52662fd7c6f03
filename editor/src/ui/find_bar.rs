//! The bar above a text that finds and replaces in it.

use render::geometry::Insets;
use render::icon::Icon;
use render::layout::{Align, Element, Role};
use render::scene::Border;
use render::theme::Colors;

use super::target::{Field, FindPart, Target};
use super::type_scale::SMALL;
use text::search::{Case, Kind, Words};

use crate::find::{Find, Rows};

/// Height of one line of the bar, logical pixels.
const LINE: f32 = 36.0;

/// The bar: a line to find, and one to replace when it is asked for.
pub fn bar(find: &Find, focused: Option<Field>, colors: &Colors) -> Element {
    let rule = Element::row().height(1.0).shrink(0.0).fill(colors.line);
    let column = Element::column()
        .id(Target::Find(FindPart::Bar).id())
        .shrink(0.0)
        .child(first(find, focused, colors));
    match find.rows {
        Rows::Find => column.child(rule),
        Rows::FindAndReplace => column.child(second(find, focused, colors)).child(rule),
    }
}

fn first(find: &Find, focused: Option<Field>, colors: &Colors) -> Element {
    let switches = [
        (FindPart::Case, "Aa", "Match case", find.options.case == Case::Sensitive),
        (FindPart::Word, "ab", "Whole words", find.options.words == Words::Whole),
        (FindPart::Regex, ".*", "Regular expression", find.options.kind == Kind::Regex),
    ];
    let switches = switches.map(|(part, sign, label, on)| switch(part, sign, label, on, colors));
    line()
        .child(field(Field::Find, "Find", focused, colors))
        .children(switches)
        .child(
            Element::text(find.summary(), SMALL, find_color(find, colors))
                .role(Role::Status)
                .min(92.0, 20.0)
                .shrink(0.0),
        )
        .child(icon(FindPart::Previous, Icon::ChevronUp, "Previous match", colors))
        .child(icon(FindPart::Next, Icon::ChevronDown, "Next match", colors))
        .child(icon(FindPart::Close, Icon::Cross, "Close", colors))
}

fn second(_find: &Find, focused: Option<Field>, colors: &Colors) -> Element {
    line()
        .child(field(Field::Replace, "Replace with", focused, colors))
        .child(button(FindPart::ReplaceOne, "Replace", colors))
        .child(button(FindPart::ReplaceAll, "Replace all", colors))
}

fn line() -> Element {
    Element::row().height(LINE).shrink(0.0).gap(6.0).padding(Insets {
        left: 10.0,
        right: 10.0,
        ..Insets::default()
    })
}

fn find_color(find: &Find, colors: &Colors) -> render::color::Color {
    if find.is_in_vain() { colors.error } else { colors.muted }
}

fn field(field: Field, label: &str, focused: Option<Field>, colors: &Colors) -> Element {
    let edge = if focused == Some(field) { colors.accent } else { colors.border };
    Element::row()
        .height(26.0)
        .grow(1.0)
        .min(80.0, 26.0)
        .max(420.0, 26.0)
        .padding(Insets { left: 10.0, right: 10.0, ..Insets::default() })
        .radius(7.0)
        .fill(colors.raised)
        .border(Border::solid(1.0, edge))
        .child(
            Element::custom(Target::Field(field).id())
                .role(Role::TextInput)
                .label(label)
                .height(20.0)
                .grow(1.0),
        )
}

fn switch(part: FindPart, sign: &'static str, label: &str, on: bool, colors: &Colors) -> Element {
    let words = if on { colors.text } else { colors.muted };
    let element = Element::row()
        .id(Target::Find(part).id())
        .role(Role::CheckBox)
        .label(label)
        .value(if on { "on" } else { "off" })
        .size(28.0, 26.0)
        .shrink(0.0)
        .radius(7.0)
        .justify(Align::Center)
        .child(Element::text(sign, render::shape::TextStyle::mono(12.0), words));
    match on {
        true => element.fill(colors.raised).border(Border::solid(1.0, colors.border)),
        false => element,
    }
}

fn icon(part: FindPart, icon: Icon, label: &str, colors: &Colors) -> Element {
    Element::row()
        .id(Target::Find(part).id())
        .role(Role::Button)
        .label(label)
        .size(26.0, 26.0)
        .shrink(0.0)
        .justify(Align::Center)
        .child(Element::icon(icon, 14.0, colors.muted))
}

fn button(part: FindPart, words: &'static str, colors: &Colors) -> Element {
    Element::row()
        .id(Target::Find(part).id())
        .role(Role::Button)
        .label(words)
        .height(26.0)
        .shrink(0.0)
        .radius(7.0)
        .padding(Insets { left: 10.0, right: 10.0, ..Insets::default() })
        .border(Border::solid(1.0, colors.border))
        .child(Element::text(words, SMALL, colors.text))
}
