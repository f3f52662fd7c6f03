//! The card that floats over the text: the palette, the pickers, the prompts.

use kernel::run::TryEnd;
use net::pairing::Qr;
use render::color::Color;
use render::geometry::{Insets, Point, Rect};
use render::layout::{Element, Overflow, Place, Role};
use render::scene::{Border, Quad, Radii, Scene, Shadow};
use render::shape::Weight;
use render::theme::Colors;

use super::keycaps;
use super::target::{Field, Target};
use super::type_scale::{BODY, CODE, SMALL};
use crate::fuzzy;
use crate::picker::{About, Entry, Picker};
use crate::timeline::Stretch;

/// The card's greatest width and its distance from the top of the window, logical pixels.
const WIDTH: f32 = 620.0;
const TOP: f32 = 92.0;

/// The line of a run's tries, logical pixels.
const TRACK_WIDTH: f32 = 200.0;
const TRACK_HEIGHT: f32 = 16.0;

/// The column beside it.
const DETAIL_WIDTH: f32 = 116.0;

/// The column that facts have their names in, logical pixels.
const NAME_WIDTH: f32 = 44.0;

/// The one shadow that there is, for what floats.
pub fn shadow(colors: &Colors) -> Shadow {
    Shadow { offset: Point::new(0.0, 8.0), blur: 28.0, color: colors.shadow }
}

/// An open picker over a window of this width.
pub fn picker(picker: &Picker, width: f32, rise: f32, colors: &Colors) -> Element {
    let rows: Vec<Element> = picker
        .shown()
        .map(|(line, entry)| row(picker, line, entry, line == picker.chosen, colors))
        .collect();
    let empty = rows.is_empty().then(|| {
        let words = match &picker.entries {
            None => "Looking…",
            Some(entries) if entries.all.is_empty() => "There is nothing here yet",
            Some(_) => "Nothing matches; Escape closes this",
        };
        note(words, colors)
    });
    let list = Element::column()
        .padding(Insets { left: 8.0, right: 8.0, top: 6.0, bottom: 8.0 })
        .role(Role::List)
        .children(rows)
        .maybe(empty);
    let about = (!picker.about.is_empty()).then(|| about(&picker.about, colors));
    let about = match &picker.qr {
        None => about,
        Some(qr) => Some(
            Element::row()
                .padding(Insets { left: 20.0, right: 4.0, top: 16.0, bottom: 8.0 })
                .gap(4.0)
                .child(code(qr))
                .maybe(about.map(|about| about.grow(1.0))),
        ),
    };
    frame(width, rise, &picker.placeholder, Role::TextInput, colors).maybe(about).child(list)
}

/// The size of a module of a code to scan, logical pixels.
const MODULE: f32 = 4.0;

fn code(qr: &Qr) -> Element {
    let side = (qr.width + 2 * Qr::MARGIN) as f32 * MODULE;
    Element::custom(Target::Qr.id())
        .role(Role::Image)
        .label("Code to scan on the new device")
        .size(side, side)
        .shrink(0.0)
}

/// Draws a code, dark on white whatever the theme: that is what readers look for.
pub fn paint_code(qr: &Qr, rect: Rect, scene: &mut Scene) {
    let (white, black) = (Color::rgb(0xff, 0xff, 0xff), Color::rgb(0x14, 0x12, 0x18));
    scene.quad(Quad { radii: Radii::all(12.0), ..Quad::fill(rect, white) });
    let from = Qr::MARGIN as f32 * MODULE;
    for y in 0..qr.width {
        let mut x = 0;
        while x < qr.width {
            let run = (x..qr.width).take_while(|x| qr.is_dark(*x, y)).count();
            if run > 0 {
                let rect = Rect {
                    x: rect.x + from + x as f32 * MODULE,
                    y: rect.y + from + y as f32 * MODULE,
                    width: run as f32 * MODULE,
                    height: MODULE,
                };
                scene.quad(Quad::fill(rect, black));
            }
            x += run.max(1);
        }
    }
}

/// What a question is about.
fn about(lines: &[About], colors: &Colors) -> Element {
    let words =
        |words: &str, style| Element::text(words, style, colors.text).overflow(Overflow::Ellipsis);
    let line = |line: &About| {
        let row = Element::row().height(26.0).shrink(0.0).gap(10.0);
        match line {
            // The dot that its tab has.
            About::Unsaved(title) => row
                .child(Element::row().size(7.0, 7.0).shrink(0.0).radius(3.5).fill(colors.caret))
                .child(words(title, BODY)),
            About::Words(sentence) => row.child(words(sentence, BODY)),
            About::Fact(name, value) => row
                .child(Element::text(*name, SMALL, colors.muted).width(NAME_WIDTH).shrink(0.0))
                .child(words(value, BODY)),
            About::Code(code) => row.height(20.0).child(words(code, CODE)),
            About::CheckWords(all) => row.height(44.0).children(all.map(|word| {
                Element::row()
                    .height(32.0)
                    .shrink(0.0)
                    .radius(8.0)
                    .padding(Insets { left: 12.0, right: 12.0, ..Insets::default() })
                    .border(Border::solid(1.0, colors.border))
                    .child(Element::text(word, CODE, colors.text))
            })),
        }
    };
    Element::column()
        .padding(Insets { left: 20.0, right: 20.0, top: 8.0, bottom: 4.0 })
        .children(lines.iter().map(line))
}

/// An open prompt: a question with one line, and what is wrong with what was typed.
pub fn prompt(
    question: &str,
    hint: &str,
    role: Role,
    width: f32,
    rise: f32,
    colors: &Colors,
) -> Element {
    frame(width, rise, question, role, colors).child(
        Element::column()
            .padding(Insets { left: 8.0, right: 8.0, top: 4.0, bottom: 8.0 })
            .child(note(hint, colors)),
    )
}

fn frame(width: f32, rise: f32, label: &str, role: Role, colors: &Colors) -> Element {
    let room = WIDTH.min(width - 32.0).max(0.0);
    let field = Element::custom(Target::Field(Field::Overlay).id())
        .role(role)
        .label(label)
        .height(22.0)
        .grow(1.0);
    let head = Element::row()
        .height(48.0)
        .shrink(0.0)
        .padding(Insets { left: 20.0, right: 20.0, top: 6.0, ..Insets::default() })
        .child(field);
    let rule = Element::row()
        .height(1.0)
        .shrink(0.0)
        .margin(Insets { left: 8.0, right: 8.0, ..Insets::default() })
        .fill(colors.line);
    Element::column()
        .id(Target::Card.id())
        .role(Role::Dialog)
        .label(label)
        .place(Place {
            start: Some(((width - room) / 2.0).round()),
            top: Some(TOP - rise),
            ..Place::default()
        })
        .width(room)
        .radius(12.0)
        .fill(colors.raised)
        .border(Border::solid(1.0, colors.border))
        .shadow(shadow(colors))
        .child(head)
        .child(rule)
}

fn note(words: &str, colors: &Colors) -> Element {
    Element::row()
        .height(34.0)
        .padding(Insets { left: 12.0, right: 12.0, ..Insets::default() })
        .child(Element::text(words, BODY, colors.muted).overflow(Overflow::Ellipsis))
}

fn row(picker: &Picker, line: usize, entry: &Entry, is_chosen: bool, colors: &Colors) -> Element {
    let left = 12.0 + f32::from(entry.depth) * 14.0;
    let row = Element::row()
        .id(Target::PickerRow(line as u32).id())
        .role(Role::ListItem)
        .label(entry.label.as_str())
        .value(if is_chosen { "selected" } else { "" })
        .height(34.0)
        .shrink(0.0)
        .radius(8.0)
        .gap(18.0)
        .padding(Insets { left, right: 12.0, ..Insets::default() })
        .child(marked(picker, &entry.label, colors).grow(1.0).overflow(Overflow::Ellipsis))
        .maybe((!entry.stretches.is_empty()).then(|| track(&entry.stretches, colors)))
        .maybe((!entry.detail.is_empty()).then(|| {
            let detail = Element::text(entry.detail.as_str(), SMALL, colors.muted);
            let detail = detail.overflow(Overflow::Ellipsis);
            // Lines that are compared stand under each other.
            if entry.stretches.is_empty() { detail } else { detail.width(DETAIL_WIDTH).shrink(0.0) }
        }))
        .maybe((!entry.keys.is_empty()).then(|| keycaps::caps(&entry.keys, colors)));
    match is_chosen {
        true => row.fill(colors.current_line).border(Border::solid(1.0, focus_edge(colors))),
        false => row,
    }
}

/// A line with the stretches on it, each of a height of its own beside its colour.
fn track(stretches: &[Stretch], colors: &Colors) -> Element {
    let bar = |it: &Stretch| {
        let (color, height) = match it.end {
            Some(TryEnd::Done) => (colors.good, 10.0),
            Some(TryEnd::Failed) => (colors.error, 14.0),
            Some(TryEnd::Stopped) => (colors.warning, 6.0),
            Some(TryEnd::TakenBack) => (colors.mark, 6.0),
            None => (colors.caret, 10.0),
        };
        let start = (it.from * TRACK_WIDTH).min(TRACK_WIDTH - 2.0);
        let place = Place {
            start: Some(start.round()),
            top: Some((TRACK_HEIGHT - height) / 2.0),
            ..Place::default()
        };
        let width = ((it.to - it.from) * TRACK_WIDTH).max(2.0).min(TRACK_WIDTH - start);
        Element::row().place(place).size(width.round(), height).radius(2.0).fill(color)
    };
    let line = Element::row()
        .place(Place { start: Some(0.0), top: Some(TRACK_HEIGHT / 2.0 - 0.5), ..Place::default() })
        .size(TRACK_WIDTH, 1.0)
        .fill(colors.border);
    Element::row()
        .size(TRACK_WIDTH, TRACK_HEIGHT)
        .shrink(0.0)
        .child(line)
        .children(stretches.iter().map(bar))
}

/// The edge of the one thing that has the focus.
pub fn focus_edge(colors: &Colors) -> Color {
    colors.accent
}

/// The label with the characters that matched in another weight and colour.
fn marked(picker: &Picker, label: &str, colors: &Colors) -> Element {
    let mut element = Element::text(label, BODY, colors.text);
    let query = picker.input.text();
    if query.trim().is_empty() {
        return element;
    }
    let hits = fuzzy::matched(label, picker.texts(), query);
    let mut hits = hits.into_iter().peekable();
    let mut run: Option<std::ops::Range<usize>> = None;
    for (index, (byte, letter)) in label.char_indices().enumerate() {
        if hits.peek() != Some(&(index as u32)) {
            continue;
        }
        hits.next();
        let end = byte + letter.len_utf8();
        match &mut run {
            Some(run) if run.end == byte => run.end = end,
            _ => {
                element = mark(element, run.replace(byte..end), colors);
            }
        }
    }
    mark(element, run, colors)
}

fn mark(element: Element, run: Option<std::ops::Range<usize>>, colors: &Colors) -> Element {
    match run {
        None => element,
        Some(run) => {
            element.span(run.clone(), BODY.weight(Weight::SemiBold)).color_span(run, colors.caret)
        }
    }
}
