//! The description of an element: built anew for every frame, laid out by [`super::lay_out`].

use std::ops::Range;
use std::sync::Arc;

use crate::color::Color;
use crate::geometry::Insets;
use crate::icon::Icon;
use crate::scene::{Border, ColorSpan, Radii, Shadow};
use crate::shape::{ParagraphDirection, StyleSpan, TextStyle};

/// The name of an element that can be hit, found or read by assistive technology. Its owner
/// decides the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId(pub u64);

/// What an element is to assistive technology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Groups others.
    Group,
    /// Words that only inform.
    Label,
    /// A heading.
    Heading,
    /// Does something when pressed.
    Button,
    /// A link to elsewhere.
    Link,
    /// One of a tab list.
    Tab,
    /// Holds tabs.
    TabList,
    /// One row of a list.
    ListItem,
    /// Holds rows.
    List,
    /// One row of a tree.
    TreeItem,
    /// Holds tree rows.
    Tree,
    /// One line of input.
    TextInput,
    /// One line of input that is not shown.
    PasswordInput,
    /// An editor's text.
    TextArea,
    /// A dialog.
    Dialog,
    /// A passing message.
    Status,
    /// An urgent message.
    Alert,
    /// Scrolls its neighbour.
    ScrollBar,
    /// How far a work is.
    Progress,
    /// On or off.
    CheckBox,
    /// A picture.
    Image,
}

/// The axis along which children lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Axis {
    /// From the start edge to the end edge.
    #[default]
    Row,
    /// From the top to the bottom.
    Column,
}

/// Where children lie across the axis, or along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Align {
    /// At the start edge.
    Start,
    /// In the middle.
    Center,
    /// At the end edge.
    End,
    /// Filling the space (across), apart at the ends (along).
    Stretch,
}

/// A length along one axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Length {
    /// By content.
    #[default]
    Auto,
    /// Logical pixels.
    Px(f32),
    /// A share of the parent, 0 to 1.
    Share(f32),
}

impl From<f32> for Length {
    fn from(px: f32) -> Self {
        Self::Px(px)
    }
}

/// What to do with text that is wider than its room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// Let it stand out (or be cut by a clip).
    #[default]
    Visible,
    /// End with an ellipsis.
    Ellipsis,
    /// Break it at spaces into more lines.
    Wrap,
}

/// The words of an element.
#[derive(Clone, Debug)]
pub struct Text {
    /// What is said.
    pub text: Arc<str>,
    /// Its style where no span holds.
    pub style: TextStyle,
    /// Stretches in other styles, ascending and disjoint.
    pub spans: Vec<StyleSpan>,
    /// Its colour where no colour span holds.
    pub color: Color,
    /// Stretches in other colours, ascending and disjoint.
    pub colors: Vec<ColorSpan>,
    /// Height of a line, logical pixels.
    pub line_height: f32,
    /// What is done with too much of it.
    pub overflow: Overflow,
    /// Base direction.
    pub direction: ParagraphDirection,
}

/// What an element shows inside itself.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// Its children.
    #[default]
    Children,
    /// Words.
    Text(Box<Text>),
    /// An icon in a colour.
    Icon(Icon, Color),
    /// Something painted by its owner, who is called with the id and the rectangle.
    Custom,
}

/// Where an absolutely placed element lies in its parent: distances from the edges, each optional.
/// Start and end follow the direction of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// From the start edge.
    pub start: Option<f32>,
    /// From the top edge.
    pub top: Option<f32>,
    /// From the end edge.
    pub end: Option<f32>,
    /// From the bottom edge.
    pub bottom: Option<f32>,
}

/// How it lies. `Insets::left` is the start edge, `right` the end edge.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub axis: Axis,
    pub padding: Insets,
    pub margin: Insets,
    pub gap: f32,
    pub size: (Length, Length),
    pub min: (Length, Length),
    pub max: (Length, Length),
    pub grow: f32,
    pub shrink: f32,
    pub align: Align,
    pub justify: Align,
    pub align_self: Option<Align>,
    pub place: Option<Place>,
    pub clip: bool,
}

/// What it looks like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paint {
    pub fill: Color,
    pub border: Option<Border>,
    pub radii: Radii,
    pub shadow: Option<Shadow>,
}

/// What it means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meaning {
    pub role: Option<Role>,
    pub label: Option<Arc<str>>,
    pub value: Option<Arc<str>>,
}

/// An element and its children. Builder methods take and give it by value.
#[derive(Clone, Debug)]
pub struct Element {
    pub(crate) id: Option<ElementId>,
    pub(crate) style: Style,
    pub(crate) paint: Paint,
    pub(crate) meaning: Meaning,
    pub(crate) content: Content,
    pub(crate) children: Vec<Element>,
}

impl Element {
    fn new(axis: Axis, content: Content) -> Self {
        let style = Style {
            axis,
            padding: Insets::default(),
            margin: Insets::default(),
            gap: 0.0,
            size: (Length::Auto, Length::Auto),
            min: (Length::Auto, Length::Auto),
            max: (Length::Auto, Length::Auto),
            grow: 0.0,
            shrink: 1.0,
            align: if axis == Axis::Row { Align::Center } else { Align::Stretch },
            justify: Align::Start,
            align_self: None,
            place: None,
            clip: false,
        };
        Self {
            id: None,
            style,
            paint: Paint::default(),
            meaning: Meaning::default(),
            content,
            children: Vec::new(),
        }
    }

    /// Children beside each other from the start edge, centred across.
    pub fn row() -> Self {
        Self::new(Axis::Row, Content::Children)
    }

    /// Children below each other, stretched across.
    pub fn column() -> Self {
        Self::new(Axis::Column, Content::Children)
    }

    /// Words in one style and colour; the line is 1.54 times as high as the style is large (13/20,
    /// 14/22), rounded to the 2 px grid.
    pub fn text(text: impl Into<Arc<str>>, style: TextStyle, color: Color) -> Self {
        let text = Text {
            text: text.into(),
            style,
            spans: Vec::new(),
            color,
            colors: Vec::new(),
            line_height: (style.size * 0.77).round() * 2.0,
            overflow: Overflow::Visible,
            direction: ParagraphDirection::Auto,
        };
        Self::new(Axis::Row, Content::Text(Box::new(text)))
    }

    /// An icon, `size` logical pixels square.
    pub fn icon(icon: Icon, size: f32, color: Color) -> Self {
        Self::new(Axis::Row, Content::Icon(icon, color)).size(size, size).shrink(0.0)
    }

    /// Room that its owner paints: [`super::Layout::paint_with`] calls with this id.
    pub fn custom(id: ElementId) -> Self {
        Self::new(Axis::Row, Content::Custom).id(id)
    }

    /// Room that takes what is left along the axis.
    pub fn spacer() -> Self {
        Self::row().grow(1.0)
    }

    /// Names it, so that it can be hit and found.
    pub fn id(mut self, id: ElementId) -> Self {
        self.id = Some(id);
        self
    }

    /// Adds a child.
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children.
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a child when there is one.
    pub fn maybe(mut self, child: Option<Self>) -> Self {
        self.children.extend(child);
        self
    }

    /// Room inside its edges. `left` is the start edge, `right` the end edge.
    pub fn padding(mut self, padding: Insets) -> Self {
        self.style.padding = padding;
        self
    }

    /// Room outside its edges. `left` is the start edge, `right` the end edge.
    pub fn margin(mut self, margin: Insets) -> Self {
        self.style.margin = margin;
        self
    }

    /// Room between children, logical pixels.
    pub fn gap(mut self, gap: f32) -> Self {
        self.style.gap = gap;
        self
    }

    /// Its width and height.
    pub fn size(mut self, width: impl Into<Length>, height: impl Into<Length>) -> Self {
        self.style.size = (width.into(), height.into());
        self
    }

    /// Its width.
    pub fn width(mut self, width: impl Into<Length>) -> Self {
        self.style.size.0 = width.into();
        self
    }

    /// Its height.
    pub fn height(mut self, height: impl Into<Length>) -> Self {
        self.style.size.1 = height.into();
        self
    }

    /// Its least width and height.
    pub fn min(mut self, width: impl Into<Length>, height: impl Into<Length>) -> Self {
        self.style.min = (width.into(), height.into());
        self
    }

    /// Its greatest width and height.
    pub fn max(mut self, width: impl Into<Length>, height: impl Into<Length>) -> Self {
        self.style.max = (width.into(), height.into());
        self
    }

    /// Its share of the room that is left along the parent's axis.
    pub fn grow(mut self, grow: f32) -> Self {
        self.style.grow = grow;
        self
    }

    /// Its share of the room that lacks along the parent's axis; 1 by default.
    pub fn shrink(mut self, shrink: f32) -> Self {
        self.style.shrink = shrink;
        self
    }

    /// Where children lie across the axis.
    pub fn align(mut self, align: Align) -> Self {
        self.style.align = align;
        self
    }

    /// Where children lie along the axis; text, where it lies in a wider box.
    pub fn justify(mut self, justify: Align) -> Self {
        self.style.justify = justify;
        self
    }

    /// Where it lies itself across its parent's axis.
    pub fn align_self(mut self, align: Align) -> Self {
        self.style.align_self = Some(align);
        self
    }

    /// Takes it out of the flow and places it in its parent.
    pub fn place(mut self, place: Place) -> Self {
        self.style.place = Some(place);
        self
    }

    /// Cuts what stands out of it, at its corners too.
    pub fn clip(mut self) -> Self {
        self.style.clip = true;
        self
    }

    /// Its fill.
    pub fn fill(mut self, fill: Color) -> Self {
        self.paint.fill = fill;
        self
    }

    /// Its border. It takes no room: give padding for it.
    pub fn border(mut self, border: Border) -> Self {
        self.paint.border = Some(border);
        self
    }

    /// The same radius at all of its corners.
    pub fn radius(mut self, radius: f32) -> Self {
        self.paint.radii = Radii::all(radius);
        self
    }

    /// Its corners.
    pub fn radii(mut self, radii: Radii) -> Self {
        self.paint.radii = radii;
        self
    }

    /// Its shadow.
    pub fn shadow(mut self, shadow: Shadow) -> Self {
        self.paint.shadow = Some(shadow);
        self
    }

    fn edit_text(mut self, edit: impl FnOnce(&mut Text)) -> Self {
        if let Content::Text(text) = &mut self.content {
            edit(text);
        }
        self
    }

    /// The height of a line of its text; nothing for other elements, as with all that follows.
    pub fn line_height(self, height: f32) -> Self {
        self.edit_text(|text| text.line_height = height)
    }

    /// What is done with too much text.
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.edit_text(|text| text.overflow = overflow)
    }

    /// The base direction of its text.
    pub fn text_direction(self, direction: ParagraphDirection) -> Self {
        self.edit_text(|text| text.direction = direction)
    }

    /// Some bytes of its text in another style; in ascending order.
    pub fn span(self, bytes: Range<usize>, style: TextStyle) -> Self {
        self.edit_text(|text| text.spans.push(StyleSpan { bytes, style }))
    }

    /// Some bytes of its text in another colour; in ascending order.
    pub fn color_span(self, bytes: Range<usize>, color: Color) -> Self {
        let bytes = bytes.start as u32..bytes.end as u32;
        self.edit_text(|text| text.colors.push(ColorSpan { bytes, color }))
    }

    /// What it is to assistive technology.
    pub fn role(mut self, role: Role) -> Self {
        self.meaning.role = Some(role);
        self
    }

    /// What it is called; its text by default.
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.meaning.label = Some(label.into());
        self
    }

    /// What it holds.
    pub fn value(mut self, value: impl Into<Arc<str>>) -> Self {
        self.meaning.value = Some(value.into());
        self
    }
}
