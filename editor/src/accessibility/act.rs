//! What assistive technology asks for.

use accesskit::{Action, ActionData, ActionRequest, NodeId, ScrollHint, TextSelection};
use render::layout::ElementId;
use text::transform::typing;
use text::{CharOffset, CharRange, Edit, Origin, Selection, Selections, Transaction};

use super::field;
use super::page::{self, Extent, Page};
use crate::line_input::LineInput;
use crate::panes::PaneId;
use crate::program::Program;
use crate::ui::target::{Field, Target};
use crate::view::Follow;
use crate::view::heard::Edge;

/// Does it.
pub fn act(program: &mut Program, request: &ActionRequest) {
    let node = request.target_node;
    let target = Target::of(ElementId(node.0));
    match (request.action, target, &request.data) {
        (Action::SetTextSelection, Some(target), Some(ActionData::SetTextSelection(selection))) => {
            select(program, target, selection);
        }
        (Action::ReplaceSelectedText, Some(target), Some(ActionData::Value(text))) => {
            replace_selected(program, target, text);
        }
        (Action::SetValue, Some(target), Some(ActionData::Value(text))) => {
            set_value(program, target, text);
        }
        (Action::ScrollIntoView, target, data) => scroll(program, node, target, data.as_ref()),
        (Action::Focus, Some(Target::View(pane)), _) => program.focus_text(pane),
        (Action::Click | Action::Focus, Some(target), _) => program.press_by_id(target),
        _ => return,
    }
    program.redraw();
}

/// What is told of the text of a pane.
pub fn page_of(program: &mut Program, pane: PaneId) -> Option<Page> {
    let scale = program.window.scale();
    let view = program.window.panes.get_mut(pane)?.item_mut()?;
    let buffer = program.buffers.get(&view.buffer)?;
    Some(page::page(pane, view, buffer, scale))
}

fn select(program: &mut Program, target: Target, selection: &TextSelection) {
    match target {
        Target::View(pane) => {
            let Some(page) = page_of(program, pane) else { return };
            let ends = (page.offset(selection.anchor), page.offset(selection.focus));
            let (Some(anchor), Some(head)) = ends else { return };
            program.focus_text(pane);
            program.select_one(Selection::new(anchor, head));
        }
        Target::Field(field) => {
            let Some((runs, _)) = field::text(program, field) else { return };
            let ends = (runs.offset(selection.anchor), runs.offset(selection.focus));
            let (Some(anchor), Some(head)) = ends else { return };
            if let Some(input) = focused_input(program, field) {
                input.select(anchor, head);
            }
        }
        _ => {}
    }
}

/// The line of a field, which gets the keyboard; `None` where it cannot have it.
fn focused_input(program: &mut Program, field: Field) -> Option<&mut LineInput> {
    match (field, &program.window.overlay) {
        (Field::Overlay, Some(_)) => {}
        (Field::Find | Field::Replace, None) => program.window.find_focus = Some(field),
        _ => return None,
    }
    program.line_input()
}

fn replace_selected(program: &mut Program, target: Target, text: &str) {
    match target {
        Target::View(pane) => {
            program.focus_text(pane);
            program.transform(Origin::PASTE, |view, buffer| {
                typing::insert(buffer.rope(), &view.selections, text)
            });
        }
        Target::Field(field) => {
            if let Some(input) = focused_input(program, field) {
                input.insert(text);
                program.input_changed();
            }
        }
        _ => {}
    }
}

fn set_value(program: &mut Program, target: Target, text: &str) {
    match target {
        Target::View(pane) => {
            let Some(page) = page_of(program, pane) else { return };
            if page.extent == Extent::Part {
                // What would be replaced was never told as a whole.
                return program.warn(
                    "Only a part of this text was told to the assistive technology, so it cannot \
                     replace the whole; select and replace instead.",
                );
            }
            program.focus_text(pane);
            let Some((_, buffer)) = program.active() else { return };
            let Some(edit) = difference(buffer.rope(), text) else { return };
            let end = edit.range.start + edit.text.chars().count();
            let caret = Selections::single(Selection::caret(end));
            program.apply(Transaction::single(edit), Origin::PASTE, caret);
        }
        Target::Field(field) => {
            if let Some(input) = focused_input(program, field) {
                input.select_all();
                input.insert(text);
                program.input_changed();
            }
        }
        _ => {}
    }
}

/// The one edit that makes a text another; `None` where they are equal.
fn difference(rope: &text::Rope, after: &str) -> Option<Edit> {
    let before = rope.to_string();
    let same = |(a, b): &(char, char)| a == b;
    let start = before.chars().zip(after.chars()).take_while(same).count();
    let (chars_before, chars_after) = (before.chars().count(), after.chars().count());
    let room = chars_before.min(chars_after) - start;
    let end = before.chars().rev().zip(after.chars().rev()).take(room).take_while(same).count();
    let range = CharRange { start: CharOffset(start), end: CharOffset(chars_before - end) };
    let text: String = after.chars().skip(start).take(chars_after - end - start).collect();
    (!range.is_empty() || !text.is_empty()).then(|| Edit::replace(range, text))
}

fn scroll(program: &mut Program, node: NodeId, target: Option<Target>, data: Option<&ActionData>) {
    let edge = match data {
        Some(ActionData::ScrollHint(ScrollHint::TopLeft | ScrollHint::TopEdge)) => Edge::Top,
        Some(ActionData::ScrollHint(ScrollHint::BottomRight | ScrollHint::BottomEdge)) => {
            Edge::Bottom
        }
        _ => Edge::Nearest,
    };
    if let Some(Target::View(pane)) = target {
        // A text as a whole comes into view with its caret.
        if let Some(view) = program.window.panes.get_mut(pane).and_then(|pane| pane.item_mut()) {
            view.follow = Follow::Caret;
        }
        return;
    }
    let panes: Vec<PaneId> = program.window.panes.iter().map(|pane| pane.id).collect();
    let Some(pane) = page::pane_of(node, panes.into_iter()) else { return };
    let start = page_of(program, pane).and_then(|page| page.runs.start_of(node));
    let view = program.window.panes.get_mut(pane).and_then(|pane| pane.item_mut());
    if let (Some(start), Some(view)) = (start, view) {
        view.reveal(CharOffset(start), edge);
    }
}
