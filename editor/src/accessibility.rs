//! The window for assistive technology: the same elements as the picture, as an AccessKit tree.
//!
//! Panes and fields have their text in it, as runs: of a pane what is seen and some rows around it,
//! so that a long text costs no more than a short one. Nothing here is called before somebody
//! listens.

mod act;
mod field;
mod page;
mod runs;

use std::collections::HashSet;

use accesskit::{
    Action, Live, Node, NodeId, Rect, Role, TextSelection, Toggled, TreeId, TreeUpdate,
};
use render::layout;

use crate::program::Program;
use crate::ui::target::Target;
pub use act::act;
use page::Extent;
use runs::Runs;

/// The window itself.
const WINDOW: NodeId = NodeId(u64::MAX);

/// The tree of the last layout, in physical pixels.
pub fn tree(program: &mut Program, scale: f64) -> TreeUpdate {
    let mut window = Node::new(Role::Window);
    window.set_label("Hearth");
    let mut nodes = Vec::new();
    let mut focus = WINDOW;
    let found = program.layout().map(layout::Layout::nodes).unwrap_or_default();
    let ids = ids_of(&found);
    let children = |parent: Option<usize>| -> Vec<NodeId> {
        let own = found.iter().enumerate().filter(|(_, node)| node.parent == parent);
        own.map(|(index, _)| ids[index]).collect()
    };
    window.set_children(children(None));
    for (index, node) in found.iter().enumerate() {
        let mut built = build(node, scale);
        let mut own = children(Some(index));
        // An id that was given twice names the first element alone.
        let target = node.id.filter(|id| ids[index] == NodeId(id.0)).and_then(Target::of);
        if let Some(text) = target.and_then(|target| text_of(program, target)) {
            own.extend(text.runs.ids());
            describe(&mut built, &text);
            nodes.extend(text.runs.into_nodes());
        }
        built.set_children(own);
        if target.is_some() && target == program.keyboard_target() {
            focus = ids[index];
        }
        nodes.push((ids[index], built));
    }
    nodes.push((WINDOW, window));
    let tree = Some(accesskit::TreeInfo::new(WINDOW));
    TreeUpdate { nodes, tree, tree_id: TreeId::ROOT, focus }
}

/// Elements without a name of their own are named by their place.
fn ids_of(nodes: &[layout::Node]) -> Vec<NodeId> {
    let mut seen = HashSet::new();
    let ids = nodes.iter().enumerate().map(|(index, node)| {
        let own = node.id.map(|id| NodeId(id.0)).filter(|id| seen.insert(*id));
        own.unwrap_or(NodeId(index as u64 + 1))
    });
    ids.collect()
}

/// The text of something that is typed into.
struct Text {
    runs: Runs,
    selection: Option<TextSelection>,
    extent: Extent,
}

fn text_of(program: &mut Program, target: Target) -> Option<Text> {
    match target {
        Target::View(pane) => {
            let page = act::page_of(program, pane)?;
            Some(Text { runs: page.runs, selection: page.selection, extent: page.extent })
        }
        Target::Field(field) => {
            let (runs, selection) = field::text(program, field)?;
            Some(Text { runs, selection, extent: Extent::Whole })
        }
        _ => None,
    }
}

fn describe(node: &mut Node, text: &Text) {
    if let Some(selection) = text.selection {
        node.set_text_selection(selection);
    }
    node.set_clips_children();
    node.add_action(Action::SetTextSelection);
    node.add_action(Action::ReplaceSelectedText);
    node.add_action(Action::ScrollIntoView);
    if text.extent == Extent::Whole {
        node.add_action(Action::SetValue);
    }
}

fn build(node: &layout::Node, scale: f64) -> Node {
    let mut built = Node::new(role(node.role));
    let rect = node.rect;
    let edge = |value: f32| f64::from(value) * scale;
    built.set_bounds(Rect {
        x0: edge(rect.x),
        y0: edge(rect.y),
        x1: edge(rect.right()),
        y1: edge(rect.bottom()),
    });
    if !node.label.is_empty() {
        built.set_label(node.label.to_string());
    }
    match (node.role, node.value.as_deref()) {
        (layout::Role::CheckBox, value) => {
            built.set_toggled(if value == Some("on") { Toggled::True } else { Toggled::False });
        }
        (layout::Role::Tab | layout::Role::ListItem, value) => {
            built.set_selected(value == Some("selected"));
        }
        (_, Some(value)) => built.set_value(value.to_owned()),
        (_, None) => {}
    }
    let is_pressed = matches!(
        node.role,
        layout::Role::Button
            | layout::Role::Link
            | layout::Role::Tab
            | layout::Role::ListItem
            | layout::Role::CheckBox
            | layout::Role::TextInput
            | layout::Role::PasswordInput
            | layout::Role::TextArea
    );
    let target = node.id.and_then(Target::of);
    if is_pressed && node.id.is_some() {
        built.add_action(Action::Click);
        built.add_action(Action::Focus);
    }
    match (target, node.role) {
        (Some(Target::Notice(_)), layout::Role::Alert) => built.set_live(Live::Assertive),
        (Some(Target::Notice(_)), _) => built.set_live(Live::Polite),
        _ => {}
    }
    built
}

fn role(role: layout::Role) -> Role {
    match role {
        layout::Role::Group => Role::Group,
        layout::Role::Label => Role::Label,
        layout::Role::Heading => Role::Heading,
        layout::Role::Button => Role::Button,
        layout::Role::Link => Role::Link,
        layout::Role::Tab => Role::Tab,
        layout::Role::TabList => Role::TabList,
        layout::Role::ListItem => Role::ListBoxOption,
        layout::Role::List => Role::ListBox,
        layout::Role::TreeItem => Role::TreeItem,
        layout::Role::Tree => Role::Tree,
        layout::Role::TextInput => Role::TextInput,
        layout::Role::PasswordInput => Role::PasswordInput,
        layout::Role::TextArea => Role::MultilineTextInput,
        layout::Role::Dialog => Role::Dialog,
        layout::Role::Status => Role::Status,
        layout::Role::Alert => Role::Alert,
        layout::Role::ScrollBar => Role::ScrollBar,
        layout::Role::Progress => Role::ProgressIndicator,
        layout::Role::CheckBox => Role::CheckBox,
        layout::Role::Image => Role::Image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    /// Every node has one parent, and its runs are where its children are: a reader's bridge ends
    /// the program where that does not hold.
    fn check(update: &TreeUpdate) {
        let ids: HashSet<NodeId> = update.nodes.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), update.nodes.len(), "an id was given twice");
        let mut seen = HashSet::new();
        for child in update.nodes.iter().flat_map(|(_, node)| node.children()) {
            assert!(ids.contains(child) && seen.insert(*child), "{child:?}");
        }
        assert_eq!(seen.len() + 1, ids.len(), "only the window has no parent");
        assert!(ids.contains(&update.focus));
    }

    fn told(stage: &mut Stage) -> TreeUpdate {
        stage.program.redraw();
        stage.program.prepare(std::time::Instant::now());
        tree(&mut stage.program, 1.0)
    }

    #[test]
    fn a_tree_holds_together_whatever_is_open() {
        let mut stage = Stage::with("one\n\ttwo سلام\n|");
        check(&told(&mut stage));
        for keys in ["ctrl-f", "o", "escape ctrl-\\", "ctrl-f", "ctrl-shift-p", "l i n e", "escape"]
        {
            stage.keys(keys);
            check(&told(&mut stage));
        }
    }

    #[test]
    fn the_text_that_has_the_keyboard_has_the_focus() {
        let mut stage = Stage::with("one|");
        let focused = |update: TreeUpdate| {
            let focus = update.focus;
            update.nodes.into_iter().find(|(id, _)| *id == focus).unwrap().1
        };
        assert_eq!(focused(told(&mut stage)).role(), Role::MultilineTextInput);
        stage.keys("ctrl-f");
        let field = focused(told(&mut stage));
        assert_eq!((field.role(), field.label()), (Role::TextInput, Some("Find")));
        assert!(field.text_selection().is_some());
    }
}
