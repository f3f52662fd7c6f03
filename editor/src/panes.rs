//! The panes of a window: a tree of splits whose leaves hold tabs.
//!
//! A value without pixels: it answers where a pane lies in a rectangle, which pane lies beside
//! another, and keeps one of them focused. There is always at least one pane.

use render::geometry::{Point, Rect};

/// Names a pane for as long as it exists; never used twice in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaneId(pub u64);

/// How the children of a split lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Beside each other.
    Row,
    /// Above each other.
    Column,
}

/// A direction in which focus, a split or a tab moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

impl Toward {
    fn axis(self) -> Axis {
        match self {
            Toward::Left | Toward::Right => Axis::Row,
            Toward::Up | Toward::Down => Axis::Column,
        }
    }

    fn is_forward(self) -> bool {
        matches!(self, Toward::Right | Toward::Down)
    }
}

/// A sheet with tabs, one of which is shown.
#[derive(Clone, Debug)]
pub struct Pane<T> {
    /// Its name.
    pub id: PaneId,
    /// Its tabs, from left to right.
    pub items: Vec<T>,
    /// The tab that is shown; 0 while there is none.
    pub active: usize,
}

impl<T> Pane<T> {
    /// The tab that is shown.
    pub fn item(&self) -> Option<&T> {
        self.items.get(self.active)
    }

    /// The tab that is shown.
    pub fn item_mut(&mut self) -> Option<&mut T> {
        self.items.get_mut(self.active)
    }

    /// Puts a tab behind the one that is shown, and shows it.
    pub fn insert(&mut self, item: T) {
        let at = if self.items.is_empty() { 0 } else { self.active + 1 };
        self.items.insert(at, item);
        self.active = at;
    }

    /// Takes a tab out; its neighbour is shown.
    pub fn remove(&mut self, index: usize) -> Option<T> {
        if index >= self.items.len() {
            return None;
        }
        let item = self.items.remove(index);
        if self.active > index || self.active == self.items.len() {
            self.active = self.active.saturating_sub(1);
        }
        Some(item)
    }

    /// Shows the tab `step` places on, going round.
    pub fn cycle(&mut self, step: isize) {
        let count = self.items.len() as isize;
        if count > 0 {
            self.active = (self.active as isize + step).rem_euclid(count) as usize;
        }
    }
}

#[derive(Clone, Debug)]
enum Node<T> {
    Leaf(Pane<T>),
    Split { axis: Axis, children: Vec<(f32, Node<T>)> },
}

/// The tree of panes and which of them has the focus.
#[derive(Clone, Debug)]
pub struct Panes<T> {
    root: Node<T>,
    focus: PaneId,
    next: u64,
}

/// The space between two panes, in logical pixels.
pub const GAP: f32 = 8.0;

/// No pane is made narrower or lower than this, in logical pixels.
const SIDE_MIN: f32 = 80.0;

impl<T> Default for Panes<T> {
    fn default() -> Self {
        let first = PaneId(1);
        let root = Node::Leaf(Pane { id: first, items: Vec::new(), active: 0 });
        Panes { root, focus: first, next: 2 }
    }
}

impl<T> Panes<T> {
    /// The pane that has the focus.
    pub fn focus(&self) -> PaneId {
        self.focus
    }

    /// Gives the focus to a pane; nothing happens if it does not exist.
    pub fn set_focus(&mut self, id: PaneId) {
        if self.get(id).is_some() {
            self.focus = id;
        }
    }

    /// The pane that has the focus.
    pub fn focused(&self) -> &Pane<T> {
        self.get(self.focus).expect("the focus names a pane that exists")
    }

    /// The pane that has the focus.
    pub fn focused_mut(&mut self) -> &mut Pane<T> {
        self.get_mut(self.focus).expect("the focus names a pane that exists")
    }

    /// A pane by name.
    pub fn get(&self, id: PaneId) -> Option<&Pane<T>> {
        self.iter().find(|pane| pane.id == id)
    }

    /// A pane by name.
    pub fn get_mut(&mut self, id: PaneId) -> Option<&mut Pane<T>> {
        self.iter_mut().find(|pane| pane.id == id)
    }

    /// All panes, in reading order.
    pub fn iter(&self) -> impl Iterator<Item = &Pane<T>> {
        let mut panes = Vec::new();
        collect(&self.root, &mut panes);
        panes.into_iter()
    }

    /// All panes, in reading order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pane<T>> {
        let mut panes = Vec::new();
        collect_mut(&mut self.root, &mut panes);
        panes.into_iter()
    }

    /// Opens an empty pane beside another and answers its name; the focus stays.
    pub fn split(&mut self, beside: PaneId, toward: Toward) -> PaneId {
        let id = PaneId(self.next);
        self.next += 1;
        let pane = Pane { id, items: Vec::new(), active: 0 };
        split_node(&mut self.root, beside, toward, &mut Some(pane));
        id
    }

    /// Closes a pane and answers its tabs; its neighbour takes the room and the focus. The last
    /// pane stays, empty.
    pub fn close(&mut self, id: PaneId) -> Vec<T> {
        if self.iter().count() == 1 {
            let pane = self.focused_mut();
            pane.active = 0;
            return std::mem::take(&mut pane.items);
        }
        let heir = self.neighbour_in_order(id);
        let Some(pane) = remove_node(&mut self.root, id) else { return Vec::new() };
        collapse(&mut self.root);
        if self.focus == id {
            self.focus = heir.unwrap_or_else(|| self.iter().next().expect("one is left").id);
        }
        pane.items
    }

    /// Where each pane lies in `area`, in reading order.
    pub fn layout(&self, area: Rect) -> Vec<(PaneId, Rect)> {
        let mut placed = Vec::new();
        place(&self.root, area, &mut placed);
        placed
    }

    /// The nearest pane in a direction, as seen in `area`.
    pub fn beside(&self, id: PaneId, toward: Toward, area: Rect) -> Option<PaneId> {
        let placed = self.layout(area);
        let from = placed.iter().find(|(pane, _)| *pane == id)?.1;
        let probe = match toward {
            Toward::Left => Point { x: from.x - GAP - 1.0, y: from.y + 1.0 },
            Toward::Right => Point { x: from.x + from.width + GAP + 1.0, y: from.y + 1.0 },
            Toward::Up => Point { x: from.x + 1.0, y: from.y - GAP - 1.0 },
            Toward::Down => Point { x: from.x + 1.0, y: from.y + from.height + GAP + 1.0 },
        };
        placed.into_iter().find(|(_, rect)| rect.contains(probe)).map(|(pane, _)| pane)
    }

    /// Moves the border that lies at `point` by a distance; answers whether there was one.
    pub fn drag_border(&mut self, area: Rect, border: Border, to: Point) -> bool {
        let mut path = border.path.as_slice();
        let (mut node, mut rect) = (&mut self.root, area);
        loop {
            let Node::Split { axis, children } = node else { return false };
            let spans = spans(*axis, rect, children);
            if path.is_empty() {
                return resize(*axis, children, &spans, border.after, to);
            }
            rect = spans[path[0]];
            node = &mut children[path[0]].1;
            path = &path[1..];
        }
    }

    /// The border between two panes at a point, to be dragged.
    pub fn border_at(&self, area: Rect, point: Point) -> Option<Border> {
        find_border(&self.root, area, point, &mut Vec::new())
    }

    /// The shape of the tree, to be kept and restored.
    pub fn shape(&self) -> Shape {
        shape_of(&self.root)
    }

    /// A tree of a kept shape, with the tabs that `fill` gives for each pane.
    pub fn from_shape(
        shape: &Shape,
        focus: PaneId,
        mut fill: impl FnMut(PaneId) -> (Vec<T>, usize),
    ) -> Self {
        let mut highest = 0;
        let mut root = node_of(shape, &mut fill, &mut highest);
        collapse(&mut root);
        let mut panes = Panes { root, focus, next: highest + 1 };
        if panes.get(focus).is_none() {
            let first = panes.iter().next().expect("a tree has a leaf").id;
            panes.focus = first;
        }
        panes
    }

    fn neighbour_in_order(&self, id: PaneId) -> Option<PaneId> {
        let order: Vec<PaneId> = self.iter().map(|pane| pane.id).collect();
        let at = order.iter().position(|pane| *pane == id)?;
        let heir = if at == 0 { 1 } else { at - 1 };
        order.get(heir).copied()
    }
}

/// The border between two neighbours in a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Border {
    /// How its panes lie.
    pub axis: Axis,
    path: Vec<usize>,
    after: usize,
}

/// A tree without tabs, as it is kept over a restart.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Shape {
    /// One pane.
    Pane(u64),
    /// Panes beside each other, each with its share of the room.
    Row(Vec<(f32, Shape)>),
    /// Panes above each other, each with its share of the room.
    Column(Vec<(f32, Shape)>),
}

fn shape_of<T>(node: &Node<T>) -> Shape {
    match node {
        Node::Leaf(pane) => Shape::Pane(pane.id.0),
        Node::Split { axis, children } => {
            let inner = children.iter().map(|(share, child)| (*share, shape_of(child))).collect();
            match axis {
                Axis::Row => Shape::Row(inner),
                Axis::Column => Shape::Column(inner),
            }
        }
    }
}

fn node_of<T>(
    shape: &Shape,
    fill: &mut impl FnMut(PaneId) -> (Vec<T>, usize),
    highest: &mut u64,
) -> Node<T> {
    let mut inner = |children: &[(f32, Shape)]| {
        children
            .iter()
            .map(|(share, child)| (share.clamp(0.05, 1.0), node_of(child, fill, highest)))
            .collect::<Vec<_>>()
    };
    match shape {
        Shape::Row(children) if !children.is_empty() => {
            Node::Split { axis: Axis::Row, children: inner(children) }
        }
        Shape::Column(children) if !children.is_empty() => {
            Node::Split { axis: Axis::Column, children: inner(children) }
        }
        Shape::Row(_) | Shape::Column(_) => {
            *highest += 1;
            Node::Leaf(Pane { id: PaneId(*highest), items: Vec::new(), active: 0 })
        }
        Shape::Pane(id) => {
            *highest = (*highest).max(*id);
            let (items, active) = fill(PaneId(*id));
            let active = active.min(items.len().saturating_sub(1));
            Node::Leaf(Pane { id: PaneId(*id), items, active })
        }
    }
}

fn collect<'a, T>(node: &'a Node<T>, into: &mut Vec<&'a Pane<T>>) {
    match node {
        Node::Leaf(pane) => into.push(pane),
        Node::Split { children, .. } => {
            children.iter().for_each(|(_, child)| collect(child, into));
        }
    }
}

fn collect_mut<'a, T>(node: &'a mut Node<T>, into: &mut Vec<&'a mut Pane<T>>) {
    match node {
        Node::Leaf(pane) => into.push(pane),
        Node::Split { children, .. } => {
            children.iter_mut().for_each(|(_, child)| collect_mut(child, into));
        }
    }
}

/// Finds the leaf and puts the new one beside it; a parent of the same axis takes it in.
fn split_node<T>(
    node: &mut Node<T>,
    beside: PaneId,
    toward: Toward,
    new: &mut Option<Pane<T>>,
) -> bool {
    match node {
        Node::Leaf(pane) if pane.id == beside => {
            let Some(new) = new.take() else { return true };
            let old = std::mem::replace(
                node,
                Node::Split { axis: toward.axis(), children: Vec::with_capacity(2) },
            );
            let Node::Split { children, .. } = node else { return true };
            children.push((0.5, old));
            children.insert(usize::from(toward.is_forward()), (0.5, Node::Leaf(new)));
            true
        }
        Node::Leaf(_) => false,
        Node::Split { axis, children } => {
            let here = children
                .iter()
                .position(|(_, child)| matches!(child, Node::Leaf(pane) if pane.id == beside));
            if let Some(at) = here.filter(|_| *axis == toward.axis()) {
                let Some(new) = new.take() else { return true };
                let half = children[at].0 / 2.0;
                children[at].0 = half;
                children.insert(at + usize::from(toward.is_forward()), (half, Node::Leaf(new)));
                return true;
            }
            children.iter_mut().any(|(_, child)| split_node(child, beside, toward, new))
        }
    }
}

fn remove_node<T>(node: &mut Node<T>, id: PaneId) -> Option<Pane<T>> {
    let Node::Split { children, .. } = node else { return None };
    let here =
        children.iter().position(|(_, child)| matches!(child, Node::Leaf(pane) if pane.id == id));
    match here {
        Some(at) => {
            let (share, removed) = children.remove(at);
            if let Some(heir) = children.get_mut(at.saturating_sub(1)) {
                heir.0 += share;
            }
            match removed {
                Node::Leaf(pane) => Some(pane),
                Node::Split { .. } => None,
            }
        }
        None => children.iter_mut().find_map(|(_, child)| remove_node(child, id)),
    }
}

/// A split with one child is that child.
fn collapse<T>(node: &mut Node<T>) {
    if let Node::Split { children, .. } = node {
        children.iter_mut().for_each(|(_, child)| collapse(child));
        if children.len() == 1 {
            let (_, only) = children.remove(0);
            *node = only;
        }
    }
}

/// The rectangles of a split's children.
fn spans<T>(axis: Axis, area: Rect, children: &[(f32, Node<T>)]) -> Vec<Rect> {
    let total: f32 = children.iter().map(|(share, _)| share).sum();
    let length = match axis {
        Axis::Row => area.width,
        Axis::Column => area.height,
    };
    let room = (length - GAP * (children.len() - 1) as f32).max(0.0);
    let mut at = 0.0_f32;
    let mut rects = Vec::with_capacity(children.len());
    for (index, (share, _)) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        // Whole pixels, so that edges stay crisp; the last child takes what rounding left.
        let size = if last { length - at } else { (room * share / total).round() };
        rects.push(match axis {
            Axis::Row => Rect { x: area.x + at, width: size.max(0.0), ..area },
            Axis::Column => Rect { y: area.y + at, height: size.max(0.0), ..area },
        });
        at += size + GAP;
    }
    rects
}

fn place<T>(node: &Node<T>, area: Rect, into: &mut Vec<(PaneId, Rect)>) {
    match node {
        Node::Leaf(pane) => into.push((pane.id, area)),
        Node::Split { axis, children } => {
            let rects = spans(*axis, area, children);
            children.iter().zip(rects).for_each(|((_, child), rect)| place(child, rect, into));
        }
    }
}

fn find_border<T>(
    node: &Node<T>,
    area: Rect,
    point: Point,
    path: &mut Vec<usize>,
) -> Option<Border> {
    let Node::Split { axis, children } = node else { return None };
    let rects = spans(*axis, area, children);
    for (index, pair) in rects.windows(2).enumerate() {
        let (start, end, at) = match axis {
            Axis::Row => (pair[0].x + pair[0].width, pair[1].x, point.x),
            Axis::Column => (pair[0].y + pair[0].height, pair[1].y, point.y),
        };
        if at >= start && at <= end && area.contains(point) {
            return Some(Border { axis: *axis, path: path.clone(), after: index });
        }
    }
    for (index, (_, child)) in children.iter().enumerate() {
        path.push(index);
        if let Some(found) = find_border(child, rects[index], point, path) {
            return Some(found);
        }
        path.pop();
    }
    None
}

fn resize<T>(
    axis: Axis,
    children: &mut [(f32, Node<T>)],
    rects: &[Rect],
    after: usize,
    to: Point,
) -> bool {
    let (Some(first), Some(second)) = (rects.get(after), rects.get(after + 1)) else {
        return false;
    };
    let (start, end, at) = match axis {
        Axis::Row => (first.x, second.x + second.width, to.x),
        Axis::Column => (first.y, second.y + second.height, to.y),
    };
    let room = end - start - GAP;
    if room <= 2.0 * SIDE_MIN {
        return false;
    }
    let size = (at - start - GAP / 2.0).clamp(SIDE_MIN, room - SIDE_MIN);
    let shares = children[after].0 + children[after + 1].0;
    children[after].0 = shares * size / room;
    children[after + 1].0 = shares - children[after].0;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { x: 0.0, y: 0.0, width: 1008.0, height: 608.0 };

    fn three() -> (Panes<u8>, PaneId, PaneId, PaneId) {
        let mut panes = Panes::<u8>::default();
        let left = panes.focus();
        let right = panes.split(left, Toward::Right);
        let below = panes.split(right, Toward::Down);
        (panes, left, right, below)
    }

    #[test]
    fn splits_share_the_room_in_whole_pixels() {
        let (panes, left, right, below) = three();
        assert_eq!(
            panes.layout(AREA),
            vec![
                (left, Rect { x: 0.0, y: 0.0, width: 500.0, height: 608.0 }),
                (right, Rect { x: 508.0, y: 0.0, width: 500.0, height: 300.0 }),
                (below, Rect { x: 508.0, y: 308.0, width: 500.0, height: 300.0 }),
            ]
        );
    }

    #[test]
    fn focus_moves_to_the_pane_that_lies_there() {
        let (panes, left, right, below) = three();
        assert_eq!(panes.beside(left, Toward::Right, AREA), Some(right));
        assert_eq!(panes.beside(below, Toward::Up, AREA), Some(right));
        assert_eq!(panes.beside(below, Toward::Left, AREA), Some(left));
        assert_eq!(panes.beside(left, Toward::Left, AREA), None);
    }

    #[test]
    fn closing_gives_the_room_and_the_focus_to_a_neighbour() {
        let (mut panes, left, right, below) = three();
        panes.set_focus(below);
        panes.get_mut(below).unwrap().insert(7);
        assert_eq!(panes.close(below), vec![7]);
        assert_eq!(panes.focus(), right);
        panes.close(right);
        assert_eq!(panes.layout(AREA), vec![(left, AREA)]);
        panes.close(left);
        assert_eq!(panes.focus(), left, "the last pane stays");
    }

    #[test]
    fn a_border_is_dragged_within_bounds() {
        let (mut panes, ..) = three();
        let border = panes.border_at(AREA, Point { x: 504.0, y: 10.0 }).unwrap();
        assert!(panes.drag_border(AREA, border.clone(), Point { x: 304.0, y: 0.0 }));
        assert_eq!(panes.layout(AREA)[0].1.width, 300.0);
        panes.drag_border(AREA, border, Point { x: 0.0, y: 0.0 });
        assert_eq!(panes.layout(AREA)[0].1.width, SIDE_MIN);
    }

    #[test]
    fn a_kept_shape_gives_the_same_tree() {
        let (mut panes, left, right, below) = three();
        panes.set_focus(right);
        let again = Panes::<u8>::from_shape(&panes.shape(), right, |_| (Vec::new(), 3));
        assert_eq!(again.layout(AREA), panes.layout(AREA));
        assert_eq!(again.focus(), right);
        let fresh = { again }.split(left, Toward::Down);
        assert!(fresh > below, "a name is never used twice");
    }
}
