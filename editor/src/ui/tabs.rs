//! The strip of tabs on top of a pane, and the path above its text.

use render::geometry::Insets;
use render::icon::Icon;
use render::layout::{Align, Element, Overflow, Role};
use render::scene::Border;
use render::theme::Colors;

use super::target::Target;
use super::type_scale::{BODY, SMALL};
use crate::panes::PaneId;

/// What a tab shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Tab {
    /// The name of its file.
    pub title: String,
    /// What tells it from another tab of that name; empty where none is needed.
    pub detail: String,
    /// Whether its text is on the disk.
    pub state: TabState,
    /// How far it is drawn from where it belongs, logical pixels.
    pub shift: f32,
}

/// How a tab's text and its file stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabState {
    /// They are the same.
    Saved,
    /// There are edits that the file lacks.
    Unsaved,
    /// The file was deleted by another program.
    Deleted,
}

/// Whether a pane has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaneFocus {
    /// It has.
    Here,
    /// Another pane has.
    Elsewhere,
}

/// Height of the strip, logical pixels.
pub const STRIP_HEIGHT: f32 = 36.0;

/// Height of the path, logical pixels.
pub const PATH_HEIGHT: f32 = 26.0;

/// The strip of a pane's tabs.
pub fn strip(
    pane: PaneId,
    tabs: &[Tab],
    active: usize,
    focus: PaneFocus,
    colors: &Colors,
) -> Element {
    let tabs = tabs.iter().enumerate().map(|(index, tab)| {
        let is_active = index == active;
        one(pane, index as u32, tab, is_active, focus, colors)
    });
    Element::row()
        .height(STRIP_HEIGHT)
        .shrink(0.0)
        .padding(Insets { left: 6.0, right: 6.0, ..Insets::default() })
        .gap(2.0)
        .clip()
        .role(Role::TabList)
        .children(tabs)
}

fn one(
    pane: PaneId,
    index: u32,
    tab: &Tab,
    is_active: bool,
    focus: PaneFocus,
    colors: &Colors,
) -> Element {
    let words = match (is_active, focus) {
        (true, _) => colors.text,
        (false, _) => colors.muted,
    };
    let title = Element::text(tab.title.as_str(), BODY, words).overflow(Overflow::Ellipsis);
    let detail = (!tab.detail.is_empty()).then(|| {
        Element::text(tab.detail.as_str(), SMALL, colors.muted).overflow(Overflow::Ellipsis)
    });
    let mark = match tab.state {
        TabState::Saved => None,
        TabState::Unsaved => Some(dot(colors)),
        TabState::Deleted => Some(Element::text("deleted", SMALL, colors.error)),
    };
    let spoken = match tab.state {
        TabState::Saved => tab.title.clone(),
        TabState::Unsaved => format!("{}, not saved", tab.title),
        TabState::Deleted => format!("{}, its file was deleted", tab.title),
    };
    let tab = Element::row()
        .id(Target::Tab(pane, index).id())
        .role(Role::Tab)
        .label(spoken)
        .value(if is_active { "selected" } else { "" })
        .margin(Insets { left: tab.shift, right: -tab.shift, ..Insets::default() })
        .height(26.0)
        .max(260.0, 26.0)
        .radius(7.0)
        .padding(Insets { left: 12.0, right: 12.0, ..Insets::default() })
        .gap(8.0)
        .align(Align::Center)
        .child(title)
        .maybe(detail)
        .maybe(mark)
        .maybe(is_active.then(|| close(pane, index, colors)));
    match is_active {
        true => tab.fill(colors.raised).border(Border::solid(1.0, colors.border)),
        false => tab,
    }
}

fn dot(colors: &Colors) -> Element {
    Element::row().size(7.0, 7.0).shrink(0.0).radius(3.5).fill(colors.caret)
}

fn close(pane: PaneId, index: u32, colors: &Colors) -> Element {
    Element::row()
        .id(Target::TabClose(pane, index).id())
        .role(Role::Button)
        .label("Close")
        .size(16.0, 16.0)
        .shrink(0.0)
        .margin(Insets { right: -6.0, ..Insets::default() })
        .radius(4.0)
        .justify(Align::Center)
        .child(Element::icon(Icon::Cross, 10.0, colors.muted))
}

/// The path of the text and where in its outline the caret is.
pub fn path(pane: PaneId, parts: &[String], colors: &Colors) -> Element {
    let mut row = Element::row()
        .height(PATH_HEIGHT)
        .shrink(0.0)
        .padding(Insets { left: 16.0, right: 16.0, ..Insets::default() })
        .gap(4.0)
        .clip();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            row = row.child(Element::text("›", SMALL, colors.muted).shrink(0.0));
        }
        row = row.child(
            Element::text(part.as_str(), SMALL, colors.muted)
                .id(Target::Breadcrumb(pane, index as u32).id())
                .overflow(Overflow::Ellipsis),
        );
    }
    row
}
