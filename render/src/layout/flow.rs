//! Running taffy over an element tree.

use taffy::prelude::{AlignItems, AvailableSpace, Dimension, Display, FlexDirection};
use taffy::prelude::{JustifyContent, LengthPercentage, LengthPercentageAuto, NodeId, TaffyTree};

use super::element::{Align, Axis, Content, Element, Length, Overflow, Style};
use super::words::Words;
use super::{Inside, Layout, Placed};
use crate::geometry::{Rect, Size};
use crate::scene::Radii;
use crate::shape::{Direction, Shaper};

/// Lays out a tree in a room whose top left corner is the origin; the root fills it.
pub fn lay_out(root: &Element, room: Size, shaper: &mut Shaper, direction: Direction) -> Layout {
    let mut flow = Flow { tree: TaffyTree::with_capacity(64), shaper };
    let node = flow.add(root);
    let mut style = flow.tree.style(node).expect("the root was added").clone();
    let fill = |given: Length, room: f32| match given {
        Length::Auto => Dimension::length(room),
        given => dimension(given),
    };
    style.size.width = fill(root.style.size.0, room.width);
    style.size.height = fill(root.style.size.1, room.height);
    flow.tree.set_style(node, style).expect("the root was added");
    let space = taffy::Size {
        width: AvailableSpace::Definite(room.width),
        height: AvailableSpace::Definite(room.height),
    };
    flow.tree
        .compute_layout_with_measure(node, space, |inputs, _, words, style| {
            let measure = |known: taffy::Size<Option<f32>>, space: taffy::Size<AvailableSpace>| {
                words.map_or(taffy::Size::ZERO, |words| measured(words, known, space))
            };
            taffy::compute_leaf_layout(inputs, style, |_, _| 0.0, measure)
        })
        .expect("every node of the tree was added to it");
    let bounds = Rect::from_origin(Default::default(), room);
    let mut layout = Layout { direction, placed: Vec::with_capacity(64) };
    flow.place(root, node, None, (0.0, 0.0), bounds, &mut layout.placed);
    if direction == Direction::Rtl {
        for placed in &mut layout.placed {
            reflect(placed, room.width);
        }
    }
    layout
}

fn measured(
    words: &Words,
    known: taffy::Size<Option<f32>>,
    space: taffy::Size<AvailableSpace>,
) -> taffy::Size<f32> {
    let room = known.width.unwrap_or(match space.width {
        AvailableSpace::Definite(width) => width,
        AvailableSpace::MinContent => 0.0,
        AvailableSpace::MaxContent => f32::INFINITY,
    });
    let size = words.measure(room);
    taffy::Size {
        width: known.width.unwrap_or(size.width),
        height: known.height.unwrap_or(size.height),
    }
}

fn reflect(placed: &mut Placed, width: f32) {
    for rect in [&mut placed.rect, &mut placed.visible] {
        rect.x = width - rect.x - rect.width;
    }
    let radii = placed.paint.radii;
    placed.paint.radii = Radii {
        top_left: radii.top_right,
        top_right: radii.top_left,
        bottom_right: radii.bottom_left,
        bottom_left: radii.bottom_right,
    };
}

struct Flow<'a> {
    tree: TaffyTree<Words>,
    shaper: &'a mut Shaper,
}

impl Flow<'_> {
    fn add(&mut self, element: &Element) -> NodeId {
        let style = style_of(element);
        let added = if let Content::Text(text) = &element.content {
            let words = Words::new(text, element.style.justify, self.shaper);
            self.tree.new_leaf_with_context(style, words)
        } else {
            let children: Vec<NodeId> =
                element.children.iter().map(|child| self.add(child)).collect();
            self.tree.new_with_children(style, &children)
        };
        added.expect("taffy adds every node")
    }

    fn place(
        &mut self,
        element: &Element,
        node: NodeId,
        parent: Option<usize>,
        origin: (f32, f32),
        visible: Rect,
        placed: &mut Vec<Placed>,
    ) {
        let found = self.tree.layout(node).expect("the node was laid out");
        let (x, y) = (origin.0 + found.location.x, origin.1 + found.location.y);
        let rect = Rect::new(x, y, found.size.width, found.size.height);
        let inside = match &element.content {
            Content::Children => Inside::Nothing,
            Content::Custom => Inside::Custom,
            Content::Icon(icon, color) => Inside::Icon(*icon, *color),
            Content::Text(_) => {
                let mut words =
                    self.tree.get_node_context(node).cloned().expect("a text has its words");
                words.fit(rect.width, self.shaper);
                Inside::Words(words)
            }
        };
        let index = placed.len();
        let seen = visible.intersect(rect);
        placed.push(Placed {
            id: element.id,
            parent,
            end: index + 1,
            rect,
            visible: seen,
            paint: element.paint.clone(),
            clip: element.style.clip,
            meaning: element.meaning.clone(),
            inside,
        });
        let visible = if element.style.clip { seen } else { visible };
        for (i, child) in element.children.iter().enumerate() {
            if let Ok(child_node) = self.tree.child_at_index(node, i) {
                self.place(child, child_node, Some(index), (x, y), visible, placed);
            }
        }
        placed[index].end = placed.len();
    }
}

fn dimension(length: Length) -> Dimension {
    match length {
        Length::Auto => Dimension::auto(),
        Length::Px(px) => Dimension::length(px),
        Length::Share(share) => Dimension::percent(share),
    }
}

fn bound(length: Length) -> LengthPercentageAuto {
    match length {
        Length::Auto => LengthPercentageAuto::auto(),
        Length::Px(px) => LengthPercentageAuto::length(px),
        Length::Share(share) => LengthPercentageAuto::percent(share),
    }
}

fn across(align: Align) -> AlignItems {
    match align {
        Align::Start => AlignItems::START,
        Align::Center => AlignItems::CENTER,
        Align::End => AlignItems::END,
        Align::Stretch => AlignItems::STRETCH,
    }
}

fn along(justify: Align) -> JustifyContent {
    match justify {
        Align::Start => JustifyContent::START,
        Align::Center => JustifyContent::CENTER,
        Align::End => JustifyContent::END,
        Align::Stretch => JustifyContent::SPACE_BETWEEN,
    }
}

fn style_of(element: &Element) -> taffy::Style {
    let style = &element.style;
    let mut min = (bound(style.min.0), bound(style.min.1));
    if let Content::Text(text) = &element.content
        && text.overflow == Overflow::Ellipsis
        && style.min.0 == Length::Auto
    {
        min.0 = LengthPercentageAuto::length(0.0);
    }
    let padding = style.padding;
    let margin = style.margin;
    taffy::Style {
        display: Display::Flex,
        flex_direction: match style.axis {
            Axis::Row => FlexDirection::Row,
            Axis::Column => FlexDirection::Column,
        },
        position: position(style),
        inset: inset(style),
        size: taffy::Size { width: dimension(style.size.0), height: dimension(style.size.1) },
        min_size: taffy::Size { width: min.0, height: min.1 },
        max_size: taffy::Size { width: bound(style.max.0), height: bound(style.max.1) },
        padding: taffy::Rect {
            left: LengthPercentage::length(padding.left),
            right: LengthPercentage::length(padding.right),
            top: LengthPercentage::length(padding.top),
            bottom: LengthPercentage::length(padding.bottom),
        },
        margin: taffy::Rect {
            left: LengthPercentageAuto::length(margin.left),
            right: LengthPercentageAuto::length(margin.right),
            top: LengthPercentageAuto::length(margin.top),
            bottom: LengthPercentageAuto::length(margin.bottom),
        },
        gap: taffy::Size {
            width: LengthPercentage::length(style.gap),
            height: LengthPercentage::length(style.gap),
        },
        flex_grow: style.grow,
        flex_shrink: style.shrink,
        align_items: across(style.align),
        align_self: style.align_self.map(across),
        justify_content: along(style.justify),
        ..taffy::Style::default()
    }
}

fn position(style: &Style) -> taffy::Position {
    if style.place.is_some() { taffy::Position::Absolute } else { taffy::Position::Relative }
}

fn inset(style: &Style) -> taffy::Rect<LengthPercentageAuto> {
    let edge =
        |edge: Option<f32>| edge.map_or(LengthPercentageAuto::auto(), LengthPercentageAuto::length);
    let place = style.place.unwrap_or_default();
    taffy::Rect {
        left: edge(place.start),
        right: edge(place.end),
        top: edge(place.top),
        bottom: edge(place.bottom),
    }
}
