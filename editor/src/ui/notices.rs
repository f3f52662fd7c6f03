//! Notices in the corner of the window.

use render::geometry::Insets;
use render::icon::Icon;
use render::layout::{Align, Element, Overflow, Place, Role};
use render::scene::Border;
use render::theme::Colors;

use super::card;
use super::target::Target;
use super::type_scale::{BODY, SMALL_STRONG};
use crate::notice::{Notice, Severity};

/// The notices that are shown, above the status line or `drop` below their place while they come;
/// `None` when there are none.
pub fn stack(notices: &[Notice], width: f32, drop: f32, colors: &Colors) -> Option<Element> {
    if notices.is_empty() {
        return None;
    }
    let room = 420.0_f32.min(width - 32.0).max(0.0);
    let cards = notices.iter().enumerate().map(|(index, notice)| one(index as u32, notice, colors));
    Some(
        Element::column()
            .place(Place { end: Some(16.0), bottom: Some(46.0 - drop), ..Place::default() })
            .width(room)
            .gap(8.0)
            .children(cards),
    )
}

fn one(index: u32, notice: &Notice, colors: &Colors) -> Element {
    let (icon, color, role) = match notice.severity {
        Severity::Information => (Icon::Info, colors.muted, Role::Status),
        Severity::Warning => (Icon::Warning, colors.warning, Role::Alert),
        Severity::Error => (Icon::Error, colors.error, Role::Alert),
    };
    let words = Element::column()
        .grow(1.0)
        .shrink(1.0)
        .gap(2.0)
        .child(Element::text(notice.severity.word(), SMALL_STRONG, color))
        .child(Element::text(notice.sentence.as_str(), BODY, colors.text).overflow(Overflow::Wrap));
    Element::row()
        .id(Target::Notice(index).id())
        .role(role)
        .label(notice.sentence.as_str())
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
