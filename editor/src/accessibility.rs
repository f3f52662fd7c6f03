//! The window for assistive technology: the same elements as the picture, as an AccessKit tree.

use accesskit::{Action, ActionRequest, Node, NodeId, Rect, Role, Toggled, TreeId, TreeUpdate};
use render::layout::{self, ElementId};

use crate::program::Program;
use crate::ui::target::Target;

/// The window itself.
const WINDOW: NodeId = NodeId(u64::MAX);

/// The tree of the last layout, in physical pixels.
pub fn tree(program: &Program, scale: f64) -> TreeUpdate {
    let mut window = Node::new(Role::Window);
    window.set_label("Hearth");
    let mut nodes = Vec::new();
    let mut focus = WINDOW;
    if let Some(layout) = program.layout() {
        let found = layout.nodes();
        let ids: Vec<NodeId> =
            found.iter().enumerate().map(|(index, node)| id_of(node.id, index)).collect();
        let children = |parent: Option<usize>| -> Vec<NodeId> {
            let own = found.iter().enumerate().filter(|(_, node)| node.parent == parent);
            own.map(|(index, _)| ids[index]).collect()
        };
        window.set_children(children(None));
        for (index, node) in found.iter().enumerate() {
            let mut built = build(node, scale);
            built.set_children(children(Some(index)));
            if is_focus(program, node.id) {
                focus = ids[index];
            }
            nodes.push((ids[index], built));
        }
    }
    nodes.push((WINDOW, window));
    let tree = Some(accesskit::TreeInfo::new(WINDOW));
    TreeUpdate { nodes, tree, tree_id: TreeId::ROOT, focus }
}

/// Does what assistive technology asks for.
pub fn act(program: &mut Program, request: &ActionRequest) {
    if let (Action::Click | Action::Focus, Some(target)) =
        (request.action, Target::of(ElementId(request.target_node.0)))
    {
        program.press_by_id(target);
    }
}

/// Elements without a name of their own are named by their place.
fn id_of(id: Option<ElementId>, index: usize) -> NodeId {
    NodeId(id.map_or(index as u64 + 1, |id| id.0))
}

fn is_focus(program: &Program, id: Option<ElementId>) -> bool {
    let target = id.and_then(Target::of);
    target.is_some() && target == program.keyboard_target()
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
            | layout::Role::TextArea
    );
    if is_pressed && node.id.is_some() {
        built.add_action(Action::Click);
        built.add_action(Action::Focus);
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
