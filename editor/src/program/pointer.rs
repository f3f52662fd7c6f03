//! The pointer: what is under it, what it presses, drags and scrolls.

use render::geometry::{Point, Rect};
use serde_json::Value;
use text::movement::columns::Columns;
use text::movement::multiply;
use text::{Affinity, CharOffset, CharRange, Place, Positions, Selection, Selections};

use super::{Overlay, Program};
use crate::clipboard::Board;
use crate::find::Direction;
use crate::input::{Button, Scroll};
use crate::keymap::Modifiers;
use crate::panes::{Axis, Border, PaneId};
use crate::shell::{PointerShape, Request};
use crate::ui::target::{Field, FindPart, StatusPart, Target};
use crate::view::paint::{self, SCROLL_BAR};
use crate::view::{EditorView, Follow};

/// What is being dragged.
#[derive(Clone, Debug)]
pub enum Drag {
    /// A selection grows from what was pressed first.
    Select {
        /// In which pane.
        pane: PaneId,
        /// By what it grows.
        by: Grain,
        /// What was pressed first.
        from: CharRange,
        /// Selections that stay beside it.
        others: Vec<Selection>,
    },
    /// A rectangle of columns.
    Columns {
        /// In which pane.
        pane: PaneId,
        /// The cell that was pressed first: row and column.
        from: (usize, f32),
    },
    /// The border between two panes.
    Border(Border),
    /// The thumb of a vertical scroll bar, with the distance from its top.
    Thumb(PaneId, f32),
    /// A tab, which goes where it is let go.
    Tab(PaneId, u32),
}

/// By what a selection grows while it is dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// By characters.
    Character,
    /// By words.
    Word,
    /// By lines.
    Line,
}

/// Rows that one notch of a wheel turns.
const WHEEL_ROWS: f32 = 3.0;

impl Program {
    pub(super) fn press(&mut self, at: Point, button: Button, count: u8, modifiers: Modifiers) {
        let target = self.target_at(at);
        self.window.pending.clear();
        if self.window.overlay.is_some() && !is_of_overlay(target) {
            self.close_overlay();
            return;
        }
        match (target, button) {
            (Some(Target::View(pane)), _) => self.press_view(pane, at, button, count, modifiers),
            (Some(target), Button::Left) => self.press_target(target, at),
            (Some(Target::Tab(pane, index)), Button::Middle) => {
                self.close_tab(pane, index as usize);
            }
            (None, Button::Left) => {
                let area = self.panes_area();
                self.window.drag = self.window.panes.border_at(area, at).map(Drag::Border);
            }
            _ => {}
        }
        self.redraw();
    }

    fn press_target(&mut self, target: Target, at: Point) {
        match target {
            Target::Tab(pane, index) => {
                self.focus_tab(pane, index as usize);
                self.window.drag = Some(Drag::Tab(pane, index));
            }
            Target::TabClose(pane, index) => self.close_tab(pane, index as usize),
            Target::Pane(pane) => self.focus_pane(pane),
            Target::PickerRow(line) => {
                if let Some(Overlay::Picker(picker)) = &mut self.window.overlay {
                    picker.choose_line(line as usize);
                }
                self.confirm(super::overlay::Confirm::Here);
            }
            Target::Field(field) => self.press_field(field, at),
            Target::Find(part) => self.press_find(part),
            Target::Notice(index) => {
                self.notices.dismiss(index as usize);
            }
            Target::Status(part) => self.press_status(part),
            Target::Recent(index) => {
                if let Some(path) = self.recent.get(index as usize).cloned() {
                    self.open_path(path, None);
                }
            }
            Target::Hint(index) => {
                if let Some((_, id)) = super::frame::HINTS.get(index as usize) {
                    self.perform(id, Value::Null);
                }
            }
            Target::Breadcrumb(..) => self.perform("symbol.go_to", Value::Null),
            Target::View(_) | Target::Card | Target::Qr => {}
        }
    }

    fn press_field(&mut self, field: Field, at: Point) {
        if field != Field::Overlay {
            self.window.find_focus = Some(field);
        }
        let Some(rect) =
            self.window.frame.layout.as_ref().and_then(|it| it.rect(Target::Field(field).id()))
        else {
            return;
        };
        let style = super::frame::field_style(field);
        let Some(input) = self.line_input() else { return };
        let shown = input.veiled();
        let line = self.shaper.shape(shown.text(), style, Default::default());
        let (byte, _) = line.byte_at(at.x - rect.x);
        if let Some(input) = self.line_input() {
            input.place(byte);
        }
    }

    fn press_find(&mut self, part: FindPart) {
        let id = match part {
            FindPart::Bar => return,
            FindPart::Case => "find.case_toggle",
            FindPart::Word => "find.word_toggle",
            FindPart::Regex => "find.regex_toggle",
            FindPart::Previous => return self.step_match(Direction::Previous),
            FindPart::Next => return self.step_match(Direction::Next),
            FindPart::ReplaceOne => "find.replace_one",
            FindPart::ReplaceAll => "find.replace_all",
            FindPart::Close => "find.close",
        };
        self.perform(id, Value::Null);
    }

    fn press_status(&mut self, part: StatusPart) {
        let id = match part {
            StatusPart::Position => "line.go_to",
            StatusPart::Language
            | StatusPart::Encoding
            | StatusPart::LineEnding
            | StatusPart::Indentation => "palette.open",
            StatusPart::State if self.journal.is_locked() => "profile.unlock",
            StatusPart::State => "palette.open",
        };
        self.perform(id, Value::Null);
    }

    fn press_view(
        &mut self,
        pane: PaneId,
        at: Point,
        button: Button,
        count: u8,
        modifiers: Modifiers,
    ) {
        self.focus_pane(pane);
        self.window.find_focus = None;
        let Some((_, area)) = self.window.frame.views.iter().find(|(id, _)| *id == pane).copied()
        else {
            return;
        };
        let Some((view, buffer)) = self.active() else { return };
        if let Some(thumb) = paint::vertical_thumb(view, area)
            && at.x >= area.x + area.width - SCROLL_BAR
        {
            self.press_scroll_bar(pane, area, thumb, at);
            return;
        }
        let place = view.place_at(at);
        buffer.document.seal_group();
        if at.x < view.area.x && self.press_gutter(place.at) {
            return;
        }
        match button {
            Button::Left => self.press_text(pane, at, place, count, modifiers),
            Button::Middle => {
                if let Some((view, _)) = self.active() {
                    view.go_to(place.at, Follow::Caret);
                }
                self.paste_from(Board::Primary);
            }
            Button::Right => {}
        }
    }

    /// A press in the gutter opens the fold of that line; answers whether there was one.
    fn press_gutter(&mut self, offset: CharOffset) -> bool {
        let Some((view, buffer)) = self.active() else { return false };
        let line = buffer.rope().line_of(offset);
        let Some(fold) = view.fold_at(line, buffer.rope()) else { return false };
        let folds = view.display.folds().folds().iter().copied();
        let rest = folds.filter(|one| *one != fold).collect();
        view.set_folds(rest);
        true
    }

    fn press_text(
        &mut self,
        pane: PaneId,
        at: Point,
        place: Place,
        count: u8,
        modifiers: Modifiers,
    ) {
        let Some((view, buffer)) = self.active() else { return };
        let (rope, offset) = (buffer.rope(), place.at);
        let (by, from) = match count {
            1 => (Grain::Character, CharRange::at(offset)),
            2 => (Grain::Word, text::word::at(rope, offset)),
            _ => (Grain::Line, whole_line(rope, offset)),
        };
        if modifiers.alt && modifiers.shift && count == 1 {
            let from = (view.row_at(at), view.column_at(at));
            view.go_to(offset, Follow::Nothing);
            self.window.drag = Some(Drag::Columns { pane, from });
            return;
        }
        let anchor = view.selections.primary().anchor;
        let (pressed, from) = match modifiers.shift {
            true => (Selection::new(anchor, offset), CharRange::at(anchor)),
            false => (Selection::new(from.start, from.end), from),
        };
        let pressed = shown_at(pressed, place);
        let others: Vec<Selection> = match modifiers.alt && !modifiers.shift {
            true => view.selections.iter().collect(),
            false => Vec::new(),
        };
        let primary = others.len();
        let all = others.iter().copied().chain([pressed]);
        view.select(Selections::new(all, primary), Follow::Nothing);
        self.window.drag = Some(Drag::Select { pane, by, from, others });
    }

    fn press_scroll_bar(&mut self, pane: PaneId, area: Rect, thumb: Rect, at: Point) {
        let inside = at.y >= thumb.y && at.y < thumb.y + thumb.height;
        let grip = if inside { at.y - thumb.y } else { thumb.height / 2.0 };
        self.window.drag = Some(Drag::Thumb(pane, grip));
        self.drag_thumb(pane, area, grip, at);
    }

    fn drag_thumb(&mut self, pane: PaneId, area: Rect, grip: f32, at: Point) {
        let Some(view) = self.window.panes.get_mut(pane).and_then(|pane| pane.item_mut()) else {
            return;
        };
        let Some(thumb) = paint::vertical_thumb(view, area) else { return };
        let room = (area.height - 8.0 - thumb.height).max(1.0);
        let share = f64::from(((at.y - grip - area.y - 4.0) / room).clamp(0.0, 1.0));
        let to = view.row_at_share(share);
        let by = to - view.scroll.row;
        view.scroll_by(by, 0.0);
        self.redraw();
    }

    pub(super) fn pointer_moved(&mut self, at: Point, _modifiers: Modifiers) {
        match self.window.drag.clone() {
            Some(Drag::Select { pane, by, from, others }) => {
                self.drag_selection(pane, by, from, others, at);
            }
            Some(Drag::Columns { pane, from }) => self.drag_columns(pane, from, at),
            Some(Drag::Border(border)) => {
                let area = self.panes_area();
                self.window.panes.drag_border(area, border, at);
                self.redraw();
            }
            Some(Drag::Thumb(pane, grip)) => {
                if let Some((_, area)) =
                    self.window.frame.views.iter().find(|(id, _)| *id == pane).copied()
                {
                    self.drag_thumb(pane, area, grip, at);
                }
            }
            Some(Drag::Tab(..)) | None => {
                let target = self.target_at(at);
                self.set_hover(target);
                self.set_pointer_shape(target, at);
            }
        }
    }

    fn drag_selection(
        &mut self,
        pane: PaneId,
        by: Grain,
        from: CharRange,
        others: Vec<Selection>,
        at: Point,
    ) {
        if self.window.panes.focus() != pane {
            return;
        }
        let Some((view, buffer)) = self.active() else { return };
        // Beyond the edge the text comes to meet the pointer.
        let beyond =
            (at.y - view.area.y).min(0.0) + (at.y - view.area.y - view.area.height).max(0.0);
        if beyond != 0.0 {
            view.scroll_by(f64::from((beyond / view.scale.row).clamp(-3.0, 3.0)), 0.0);
        }
        let rope = buffer.rope();
        let place = view.place_at(at);
        let offset = place.at;
        let reach = match by {
            Grain::Character => CharRange::at(offset),
            Grain::Word => text::word::at(rope, offset),
            Grain::Line => whole_line(rope, offset),
        };
        let selection = match offset < from.start {
            true => Selection::new(from.end, reach.start),
            false => Selection::new(from.start, reach.end.max(from.end)),
        };
        let primary = others.len();
        let all = others.into_iter().chain([shown_at(selection, place)]);
        view.select(Selections::new(all, primary), Follow::Nothing);
        self.redraw();
    }

    fn drag_columns(&mut self, pane: PaneId, from: (usize, f32), at: Point) {
        if self.window.panes.focus() != pane {
            return;
        }
        let Some((view, _)) = self.active() else { return };
        let to = (view.row_at(at), view.column_at(at));
        let selections = multiply::block(view, from, to);
        view.select(selections, Follow::Nothing);
        self.redraw();
    }

    pub(super) fn release(&mut self, at: Point, button: Button) {
        if button != Button::Left {
            return;
        }
        match self.window.drag.take() {
            Some(Drag::Select { .. } | Drag::Columns { .. }) => self.offer_primary(),
            Some(Drag::Tab(pane, index)) => self.drop_dragged_tab(pane, index, at),
            _ => {}
        }
        self.redraw();
    }

    /// A tab goes to the pane, or the place in its strip, where it is let go.
    fn drop_dragged_tab(&mut self, from: PaneId, index: u32, at: Point) {
        let to = match self.target_at(at) {
            Some(Target::Tab(pane, place) | Target::TabClose(pane, place)) => {
                Some((pane, Some(place as usize)))
            }
            Some(Target::Pane(pane) | Target::View(pane)) if pane != from => Some((pane, None)),
            _ => None,
        };
        if let Some((pane, place)) = to
            && (pane, place) != (from, Some(index as usize))
        {
            self.move_tab(from, index as usize, pane, place);
        }
    }

    /// Hands what keys selected to whoever pastes with the middle button, once for each selection.
    pub(super) fn offer_selected(&mut self) {
        const CHARS_MAX: usize = 1 << 16;
        let Some((view, _)) = self.active() else { return };
        let range = view.selections.primary().range();
        let offered = (!range.is_empty() && range.len() <= CHARS_MAX).then_some(range);
        if offered != self.offered {
            self.offered = offered;
            if offered.is_some() {
                self.offer_primary();
            }
        }
    }

    /// Hands what is selected to whoever pastes with the middle button.
    pub fn offer_primary(&mut self) {
        let Some((view, buffer)) = self.active() else { return };
        let range = view.selections.primary().range();
        const CHARS_MAX: usize = 1 << 20;
        if !range.is_empty() && range.len() <= CHARS_MAX {
            let text = buffer.rope().slice_of(range).to_string();
            self.clipboard.set(Board::Primary, text);
        }
    }

    pub(super) fn scrolled(&mut self, at: Point, by: Scroll, modifiers: Modifiers) {
        let speed = self.settings.editor().scroll_speed;
        if modifiers.control {
            let notches = match by {
                Scroll::Lines(_, y) => y,
                Scroll::Pixels(_, y) => y / 40.0,
            };
            let id = if notches < 0.0 { "view.zoom_in" } else { "view.zoom_out" };
            if notches != 0.0 {
                self.perform(id, Value::Null);
            }
            return;
        }
        let target = self.target_at(at);
        if let (Some(Overlay::Picker(picker)), true) =
            (&mut self.window.overlay, is_of_overlay(target))
        {
            let rows = match by {
                Scroll::Lines(_, y) => y * WHEEL_ROWS,
                Scroll::Pixels(_, y) => y / 34.0,
            };
            picker.scroll(rows.round() as isize);
            self.redraw();
            return;
        }
        let Some(Target::View(pane)) = target else { return };
        let Some(view) = self.window.panes.get_mut(pane).and_then(|pane| pane.item_mut()) else {
            return;
        };
        let (x, rows) = match by {
            Scroll::Lines(x, y) => (x * WHEEL_ROWS * view.scale.cell, y * WHEEL_ROWS),
            Scroll::Pixels(x, y) => (x, y / view.scale.row),
        };
        let (x, rows) = if modifiers.shift { (rows * view.scale.row, 0.0) } else { (x, rows) };
        view.scroll_by(f64::from(rows * speed), x * speed);
        self.redraw();
    }

    /// What lies under a point.
    pub(super) fn target_at(&self, at: Point) -> Option<Target> {
        let layout = self.window.frame.layout.as_ref()?;
        Target::of(layout.hit(at)?)
    }

    pub(super) fn set_hover(&mut self, target: Option<Target>) {
        let target = target.filter(|target| is_pressable(*target));
        if self.window.hover != target {
            self.window.hover = target;
            self.redraw();
        }
    }

    fn set_pointer_shape(&mut self, target: Option<Target>, at: Point) {
        let shape = match target {
            Some(Target::View(pane)) => self.shape_in_view(pane, at),
            Some(Target::Field(_)) => PointerShape::Text,
            Some(Target::Pane(_) | Target::Card | Target::Find(FindPart::Bar)) => {
                PointerShape::Arrow
            }
            Some(_) => PointerShape::Hand,
            None => {
                match self.window.panes.border_at(self.panes_area(), at).map(|border| border.axis) {
                    Some(Axis::Row) => PointerShape::ResizeColumn,
                    Some(Axis::Column) => PointerShape::ResizeRow,
                    None => PointerShape::Arrow,
                }
            }
        };
        if shape != self.window.pointer {
            self.window.pointer = shape;
            self.request(Request::Pointer(shape));
        }
    }

    fn shape_in_view(&self, pane: PaneId, at: Point) -> PointerShape {
        let view = self.window.panes.get(pane).and_then(|pane| pane.item());
        let in_text =
            view.is_some_and(|view| at.x >= view.area.x && at.x < view.area.x + view.area.width);
        if in_text { PointerShape::Text } else { PointerShape::Arrow }
    }

    /// Presses what assistive technology was told of.
    pub fn press_by_id(&mut self, target: Target) {
        let at = self
            .window
            .frame
            .layout
            .as_ref()
            .and_then(|layout| layout.rect(target.id()))
            .map_or(Point { x: 0.0, y: 0.0 }, |rect| Point { x: rect.x, y: rect.y });
        match target {
            Target::View(pane) => self.focus_pane(pane),
            target => self.press_target(target, at),
        }
        self.window.drag = None;
        self.redraw();
    }
}

/// Whether something happens when it is pressed, so that it answers to the pointer.
fn is_pressable(target: Target) -> bool {
    !matches!(
        target,
        Target::View(_)
            | Target::Pane(_)
            | Target::Card
            | Target::Qr
            | Target::Field(_)
            | Target::Find(FindPart::Bar)
    )
}

fn is_of_overlay(target: Option<Target>) -> bool {
    matches!(
        target,
        Some(Target::PickerRow(_) | Target::Card | Target::Qr | Target::Field(Field::Overlay))
    )
}

/// A selection whose caret is shown on the side that was pressed, if it stands there.
fn shown_at(selection: Selection, place: Place) -> Selection {
    match selection.head == place.at {
        true => Selection { affinity: place.affinity, ..selection },
        false => selection,
    }
}

/// A line with its line ending.
fn whole_line(rope: &text::Rope, offset: CharOffset) -> CharRange {
    let line = rope.line_of(offset);
    CharRange { start: rope.line_start(line), end: rope.line_start(line + 1) }
}

impl EditorView {
    /// The row under a point.
    pub fn row_at(&self, at: Point) -> usize {
        let y = f64::from((at.y - self.area.y) / self.scale.row) + self.scroll.row;
        self.row_near(y.max(0.0) as usize)
    }

    /// The column under a point, in cells.
    pub fn column_at(&self, at: Point) -> f32 {
        ((at.x - self.area.x + self.scroll.x) / self.scale.cell).max(0.0)
    }

    /// The place under a point; a row that was never drawn is measured in cells.
    pub fn place_at(&self, at: Point) -> Place {
        let rows = self.shown_rows() as f64 - self.scroll.row;
        if f64::from((at.y - self.area.y) / self.scale.row) >= rows {
            // Below the last row there is nothing but the end.
            return self.display.rope().end().into();
        }
        let row = self.row_at(at);
        match self.drawn_row(row) {
            Some(drawn) => {
                let at = drawn.offset_at(at.x - self.area.x + self.scroll.x);
                // The row's end stays in the row, though the next one starts with it.
                let upper = Place { at, affinity: Affinity::Upstream };
                if self.row(at.into()) != row && self.row(upper) == row { upper } else { at.into() }
            }
            None => self.place(row, self.column_at(at)),
        }
    }
}
