//! From a tree of elements to rectangles, hits, paint and meaning.
//!
//! An element tree is built for a frame, laid out by taffy's flexbox, and read through
//! [`Layout`]. Edges are whole logical pixels. Start and end are mirrored as a whole for a
//! right-to-left interface: the tree is laid out left to right and every x is reflected.

mod element;
mod flow;
mod paint;
mod words;

use std::sync::Arc;

pub use element::{Align, Axis, Content, Element, ElementId, Length, Overflow, Place, Role, Text};
pub use flow::lay_out;

use crate::geometry::{Point, Rect};
use crate::shape::{Direction, ShapedLine};

/// What paints inside a placed element.
#[derive(Clone, Debug)]
pub(crate) enum Inside {
    Nothing,
    Words(words::Words),
    Icon(crate::icon::Icon, crate::color::Color),
    Custom,
}

/// A placed element.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub id: Option<ElementId>,
    pub parent: Option<usize>,
    /// One past its last descendant.
    pub end: usize,
    pub rect: Rect,
    /// What of it can be seen and hit.
    pub visible: Rect,
    pub paint: element::Paint,
    pub clip: bool,
    pub meaning: element::Meaning,
    pub inside: Inside,
}

/// What an element means to assistive technology, and where it is.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, when it has one.
    pub id: Option<ElementId>,
    /// The nearest ancestor in the list.
    pub parent: Option<usize>,
    /// What it is.
    pub role: Role,
    /// What it is called: as it was labelled, else all words in it.
    pub label: Arc<str>,
    /// What it holds.
    pub value: Option<Arc<str>>,
    /// Where it is, logical pixels.
    pub rect: Rect,
}

/// A tree that was laid out. Immutable; lives for a frame or as long as nothing changes.
#[derive(Clone, Debug)]
pub struct Layout {
    direction: Direction,
    /// In paint order: parents before children, children in order.
    placed: Vec<Placed>,
}

impl Layout {
    /// Where the element of this id lies; the first one, should the id be given twice.
    pub fn rect(&self, id: ElementId) -> Option<Rect> {
        self.placed.iter().find(|placed| placed.id == Some(id)).map(|placed| placed.rect)
    }

    /// The topmost element with an id under a point that is not clipped away there.
    pub fn hit(&self, point: Point) -> Option<ElementId> {
        let under = |placed: &&Placed| placed.id.is_some() && placed.visible.contains(point);
        self.placed.iter().rev().find(under).and_then(|placed| placed.id)
    }

    /// The ids of the elements around the one of this id, itself first, outwards.
    pub fn path(&self, id: ElementId) -> Vec<ElementId> {
        let mut at = self.placed.iter().position(|placed| placed.id == Some(id));
        let mut path = Vec::new();
        while let Some(index) = at {
            path.extend(self.placed[index].id);
            at = self.placed[index].parent;
        }
        path
    }

    /// The lines of the text element of this id, as they were broken.
    pub fn lines(&self, id: ElementId) -> &[Arc<ShapedLine>] {
        let placed = self.placed.iter().find(|placed| placed.id == Some(id));
        match placed.map(|placed| &placed.inside) {
            Some(Inside::Words(words)) => words.lines(),
            _ => &[],
        }
    }

    /// The elements with a role, parents before children.
    pub fn nodes(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut index_of = vec![None; self.placed.len()];
        for (index, placed) in self.placed.iter().enumerate() {
            let Some(role) = placed.meaning.role else { continue };
            let mut ancestor = placed.parent;
            while let Some(at) = ancestor.filter(|at| index_of[*at].is_none()) {
                ancestor = self.placed[at].parent;
            }
            index_of[index] = Some(nodes.len());
            nodes.push(Node {
                id: placed.id,
                parent: ancestor.and_then(|at| index_of[at]),
                role,
                label: placed.meaning.label.clone().unwrap_or_else(|| self.words_of(index)),
                value: placed.meaning.value.clone(),
                rect: placed.rect,
            });
        }
        nodes
    }

    /// All words in an element, with spaces between.
    fn words_of(&self, index: usize) -> Arc<str> {
        let texts = self.placed[index..self.placed[index].end].iter();
        let words: Vec<&str> = texts
            .filter_map(|placed| match &placed.inside {
                Inside::Words(words) => Some(words.text()),
                _ => None,
            })
            .collect();
        words.join(" ").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Color;
    use crate::geometry::{Insets, Size};
    use crate::shape::{Fonts, Shaper, TextStyle};

    const ROOM: Size = Size::new(200.0, 100.0);

    fn laid_out(root: &Element, direction: Direction) -> Layout {
        lay_out(root, ROOM, &mut Shaper::new(Fonts::bundled()), direction)
    }

    fn id(n: u64) -> ElementId {
        ElementId(n)
    }

    #[test]
    fn what_is_left_goes_to_what_grows() {
        let root = Element::row()
            .padding(Insets::all(8.0))
            .gap(4.0)
            .align(Align::Stretch)
            .child(Element::row().id(id(1)).width(50.0))
            .child(Element::row().id(id(2)).grow(1.0));
        let layout = laid_out(&root, Direction::Ltr);
        assert_eq!(layout.rect(id(1)), Some(Rect::new(8.0, 8.0, 50.0, 84.0)));
        assert_eq!(layout.rect(id(2)), Some(Rect::new(62.0, 8.0, 130.0, 84.0)));
    }

    #[test]
    fn right_to_left_reflects_everything() {
        let root = Element::row()
            .padding(Insets { left: 10.0, ..Insets::default() })
            .child(Element::row().id(id(1)).size(30.0, 20.0));
        let layout = laid_out(&root, Direction::Rtl);
        assert_eq!(layout.rect(id(1)), Some(Rect::new(160.0, 40.0, 30.0, 20.0)));
    }

    #[test]
    fn the_topmost_visible_element_is_hit() {
        let place = Place { start: Some(0.0), top: Some(0.0), ..Place::default() };
        let wide = Element::row().id(id(2)).size(150.0, 20.0).shrink(0.0);
        let root = Element::row()
            .id(id(0))
            .align(Align::Start)
            .child(Element::row().id(id(1)).size(40.0, 40.0).clip().child(wide))
            .child(Element::row().id(id(3)).size(10.0, 10.0).place(place));
        let layout = laid_out(&root, Direction::Ltr);
        assert_eq!(layout.hit(Point::new(5.0, 5.0)), Some(id(3)));
        assert_eq!(layout.hit(Point::new(30.0, 20.0)), Some(id(2)));
        // Clipped away there, although its rectangle reaches further.
        assert_eq!(layout.hit(Point::new(60.0, 20.0)), Some(id(0)));
        assert_eq!(layout.hit(Point::new(500.0, 0.0)), None);
        assert_eq!(layout.path(id(2)), [id(2), id(1), id(0)]);
    }

    #[test]
    fn long_words_end_with_an_ellipsis_or_break() {
        let text = "one two three four five six seven eight nine ten";
        let style = TextStyle::ui(13.0);
        let element = |overflow| {
            let words = Element::text(text, style, Color::BLACK).id(id(1)).overflow(overflow);
            Element::column().child(words)
        };
        let cut = laid_out(&element(Overflow::Ellipsis), Direction::Ltr);
        assert_eq!(cut.lines(id(1)).len(), 1);
        assert!(cut.lines(id(1))[0].width() <= ROOM.width);
        assert!(cut.lines(id(1))[0].len() < text.len());
        let broken = laid_out(&element(Overflow::Wrap), Direction::Ltr);
        let lines = broken.lines(id(1));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.width() <= ROOM.width));
        assert_eq!(broken.rect(id(1)).unwrap().height, 20.0 * lines.len() as f32);
    }

    #[test]
    fn nodes_carry_role_words_and_the_nearest_parent() {
        let words = Element::text("Save", TextStyle::ui(13.0), Color::BLACK);
        let button = Element::row().id(id(7)).role(Role::Button).child(words);
        let root = Element::column().role(Role::Group).label("bar").child(
            // An element without a role does not stand between.
            Element::row().child(button),
        );
        let nodes = laid_out(&root, Direction::Ltr).nodes();
        assert_eq!(nodes.len(), 2);
        assert_eq!(
            (nodes[1].parent, nodes[1].role, &*nodes[1].label),
            (Some(0), Role::Button, "Save")
        );
        assert_eq!(&*nodes[0].label, "bar");
    }
}
