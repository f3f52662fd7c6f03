//! The title on top of the window.

use render::geometry::Insets;
use render::layout::{Element, Overflow, Role};
use render::theme::Colors;

use super::type_scale::{BODY, STRONG};

/// Height of the title, logical pixels.
pub const HEIGHT: f32 = 44.0;

/// The workspace and what of it is shown.
pub fn bar(workspace: &str, detail: &str, colors: &Colors) -> Element {
    Element::row()
        .height(HEIGHT)
        .shrink(0.0)
        .gap(10.0)
        .padding(Insets { left: 16.0, right: 16.0, ..Insets::default() })
        .child(Element::text(workspace, STRONG, colors.text).role(Role::Heading).shrink(0.0))
        .child(Element::text(detail, BODY, colors.muted).overflow(Overflow::Ellipsis))
}
