//! Sizes and distances, from the look's two-pixel grid.

use crate::color::Color;
use crate::geometry::Point;
use crate::scene::Shadow;

/// Height of the title.
pub const TITLE: f32 = 44.0;
/// Height of the status.
pub const STATUS: f32 = 30.0;
/// Between panes, and from the window's edge.
pub const GAP: f32 = 8.0;
/// Height of a tree row.
pub const TREE_ROW: f32 = 26.0;
/// Height of a tab strip.
pub const TAB_STRIP: f32 = 36.0;
/// Height of a tab.
pub const TAB: f32 = 26.0;
/// Height of the breadcrumbs.
pub const BREADCRUMBS: f32 = 26.0;
/// Height of a palette row.
pub const PALETTE_ROW: f32 = 34.0;
/// Height of a panel row.
pub const PANEL_ROW: f32 = 32.0;

/// Corner radius of rows and tabs.
pub const ROW_RADIUS: f32 = 7.0;
/// Corner radius of buttons.
pub const BUTTON_RADIUS: f32 = 9.0;
/// Corner radius of panes.
pub const PANE_RADIUS: f32 = 10.0;
/// Corner radius of the palette.
pub const PALETTE_RADIUS: f32 = 12.0;
/// Corner radius of dialogs.
pub const DIALOG_RADIUS: f32 = 14.0;

/// Size of interface text.
pub const UI: f32 = 13.0;
/// Line height of interface text.
pub const UI_LINE: f32 = 20.0;
/// Size of secondary text.
pub const SMALL: f32 = 12.0;
/// Size of a heading.
pub const HEADING: f32 = 22.0;
/// Tracking of a heading.
pub const HEADING_TRACKING: f32 = -0.5;
/// Size of code.
pub const CODE: f32 = 14.0;
/// Line height of code.
pub const CODE_LINE: f32 = 22.0;
/// Size of line numbers.
pub const LINE_NUMBER: f32 = 12.5;
/// Size of the terminal.
pub const TERMINAL: f32 = 13.0;
/// Line height of the terminal.
pub const TERMINAL_LINE: f32 = 20.0;

/// The one shadow, for what floats.
pub const fn shadow(color: Color) -> Shadow {
    Shadow { offset: Point::new(0.0, 12.0), blur: 40.0, color }
}
