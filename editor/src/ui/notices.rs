//! Notices in the corner of the window.

use render::color::Color;
use render::geometry::{Insets, Rect};
use render::icon::Icon;
use render::layout::{Align, Element, Overflow, Place, Role};
use render::scene::Border;
use render::theme::Colors;

use super::card;
use super::target::Target;
use super::type_scale::{BODY, SMALL_STRONG};
use crate::notice::{Notice, Severity};

/// How far a notice has gone to the side when it is out of sight, logical pixels.
const GONE: f32 = 48.0;

/// The notices that are shown, above the status line or `drop` below their place while they come;
/// `None` when there are none. `shift` says how far below its place each one is drawn.
pub fn stack(
    notices: &[Notice],
    width: f32,
    drop: f32,
    shift: impl Fn(u32) -> f32,
    colors: &Colors,
) -> Option<Element> {
    if notices.is_empty() {
        return None;
    }
    let room = 420.0_f32.min(width - 32.0).max(0.0);
    let cards = notices.iter().enumerate().map(|(index, notice)| {
        let (index, by) = (index as u32, shift(index as u32));
        one(index, notice, colors).margin(Insets { top: by, bottom: -by, ..Insets::default() })
    });
    Some(
        Element::column()
            .place(Place { end: Some(16.0), bottom: Some(46.0 - drop), ..Place::default() })
            .width(room)
            .gap(8.0)
            .children(cards),
    )
}

/// A notice that is no more, on its `way` out from 0 to 1: it fades, and nobody can press or hear
/// it.
pub fn leaving(notice: &Notice, at: Rect, way: f32, colors: &Colors) -> Element {
    let way = way.clamp(0.0, 1.0);
    let fade = |color: Color| color.with_alpha((f32::from(color.a) * (1.0 - way)).round() as u8);
    let faded = Colors {
        raised: fade(colors.raised),
        border: fade(colors.border),
        shadow: fade(colors.shadow),
        text: fade(colors.text),
        muted: fade(colors.muted),
        warning: fade(colors.warning),
        error: fade(colors.error),
        ..*colors
    };
    card_of(notice, &faded).width(at.width).place(Place {
        start: Some(at.x + (GONE * way).round()),
        top: Some(at.y),
        ..Place::default()
    })
}

fn one(index: u32, notice: &Notice, colors: &Colors) -> Element {
    let role = match notice.severity {
        Severity::Information => Role::Status,
        Severity::Warning | Severity::Error => Role::Alert,
    };
    card_of(notice, colors)
        .id(Target::Notice(index).id())
        .role(role)
        .label(notice.sentence.as_str())
}

fn card_of(notice: &Notice, colors: &Colors) -> Element {
    let (icon, color) = match notice.severity {
        Severity::Information => (Icon::Info, colors.muted),
        Severity::Warning => (Icon::Warning, colors.warning),
        Severity::Error => (Icon::Error, colors.error),
    };
    let words = Element::column()
        .grow(1.0)
        .shrink(1.0)
        .gap(2.0)
        .child(Element::text(notice.severity.word(), SMALL_STRONG, color))
        .child(Element::text(notice.sentence.as_str(), BODY, colors.text).overflow(Overflow::Wrap));
    Element::row()
        .align(Align::Start)
        .gap(10.0)
        .padding(Insets { left: 14.0, right: 14.0, top: 12.0, bottom: 12.0 })
        .radius(10.0)
        .fill(colors.raised)
        .border(Border::solid(1.0, colors.border))
        .shadow(card::shadow(colors))
        .child(Element::icon(icon, 16.0, color))
        .child(words)
        .child(Element::icon(Icon::Cross, 10.0, colors.muted))
}
