//! Points, sizes and rectangles in logical pixels, and their physical counterparts.
//!
//! Logical coordinates are `f32` with y growing downwards; a renderer multiplies by the scale
//! factor. Physical coordinates are whole device pixels.

/// A position in logical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Distance from the left edge.
    pub x: f32,
    /// Distance from the top edge.
    pub y: f32,
}

impl Point {
    /// A point at `x`, `y`.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// This point moved by `dx`, `dy`.
    pub fn offset(self, dx: f32, dy: f32) -> Self {
        Self::new(self.x + dx, self.y + dy)
    }
}

/// An extent in logical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Horizontal extent.
    pub width: f32,
    /// Vertical extent.
    pub height: f32,
}

impl Size {
    /// A size of `width` by `height`.
    pub const fn new(width: f32, height: f32) -> Self {
        Self { width, height }
    }
}

/// An axis-parallel rectangle in logical pixels. One without a positive extent is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Horizontal extent.
    pub width: f32,
    /// Vertical extent.
    pub height: f32,
}

impl Rect {
    /// A rectangle from its top left corner and its extent.
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    /// A rectangle from a corner and a size.
    pub const fn from_origin(origin: Point, size: Size) -> Self {
        Self::new(origin.x, origin.y, size.width, size.height)
    }

    /// A rectangle from its edges.
    pub fn from_edges(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        Self::new(left, top, right - left, bottom - top)
    }

    /// The right edge.
    pub fn right(self) -> f32 {
        self.x + self.width
    }

    /// The bottom edge.
    pub fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// The top left corner.
    pub const fn origin(self) -> Point {
        Point::new(self.x, self.y)
    }

    /// The extent.
    pub const fn size(self) -> Size {
        Size::new(self.width, self.height)
    }

    /// The centre.
    pub fn center(self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Whether nothing lies inside; a NaN extent counts as empty.
    pub fn is_empty(self) -> bool {
        !(self.width > 0.0 && self.height > 0.0)
    }

    /// Whether `point` lies inside; the left and top edges belong to the rectangle, the right and
    /// bottom ones do not.
    pub fn contains(self, point: Point) -> bool {
        point.x >= self.x && point.x < self.right() && point.y >= self.y && point.y < self.bottom()
    }

    /// This rectangle moved by `dx`, `dy`.
    pub fn offset(self, dx: f32, dy: f32) -> Self {
        Self::new(self.x + dx, self.y + dy, self.width, self.height)
    }

    /// This rectangle without `insets`; extents stop at zero.
    pub fn inset(self, insets: Insets) -> Self {
        Self::new(
            self.x + insets.left,
            self.y + insets.top,
            (self.width - insets.left - insets.right).max(0.0),
            (self.height - insets.top - insets.bottom).max(0.0),
        )
    }

    /// This rectangle grown by `by` on every side (shrunk when negative).
    pub fn outset(self, by: f32) -> Self {
        self.inset(Insets::all(-by))
    }

    /// What both rectangles cover; empty when they do not overlap.
    pub fn intersect(self, other: Self) -> Self {
        let (left, top) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        Self::new(left, top, (right - left).max(0.0), (bottom - top).max(0.0))
    }

    /// The smallest rectangle around both; an empty one does not count.
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self::from_edges(
            self.x.min(other.x),
            self.y.min(other.y),
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        )
    }
}

/// Distances from the four edges of a rectangle, in logical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Insets {
    /// From the left edge.
    pub left: f32,
    /// From the top edge.
    pub top: f32,
    /// From the right edge.
    pub right: f32,
    /// From the bottom edge.
    pub bottom: f32,
}

impl Insets {
    /// The same distance on every side.
    pub const fn all(by: f32) -> Self {
        Self { left: by, top: by, right: by, bottom: by }
    }

    /// `x` on the left and right, `y` at the top and bottom.
    pub const fn xy(x: f32, y: f32) -> Self {
        Self { left: x, top: y, right: x, bottom: y }
    }
}

/// The extent of a target in device pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PhysicalSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PhysicalSize {
    /// A target of `width` columns and `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The pixels of a target, `width * height`.
    pub fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

/// A rectangle of device pixels, by its half-open edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PhysicalRect {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// One past the last column.
    pub right: i32,
    /// One past the last row.
    pub bottom: i32,
}

impl PhysicalRect {
    /// A rectangle from its half-open edges.
    pub const fn new(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self { left, top, right, bottom }
    }

    /// The whole of a target.
    pub fn of(size: PhysicalSize) -> Self {
        let edge = |extent: u32| i32::try_from(extent).unwrap_or(i32::MAX);
        Self::new(0, 0, edge(size.width), edge(size.height))
    }

    /// The smallest rectangle of whole pixels around `rect` drawn at `scale`.
    pub fn around(rect: Rect, scale: f32) -> Self {
        // A float-to-int cast saturates, so absurd coordinates stay in range.
        Self::new(
            (rect.x * scale).floor() as i32,
            (rect.y * scale).floor() as i32,
            (rect.right() * scale).ceil() as i32,
            (rect.bottom() * scale).ceil() as i32,
        )
    }

    /// Columns covered.
    pub fn width(self) -> i32 {
        self.right.saturating_sub(self.left).max(0)
    }

    /// Rows covered.
    pub fn height(self) -> i32 {
        self.bottom.saturating_sub(self.top).max(0)
    }

    /// Pixels covered.
    pub fn area(self) -> i64 {
        i64::from(self.width()) * i64::from(self.height())
    }

    /// Whether no pixel lies inside.
    pub fn is_empty(self) -> bool {
        self.right <= self.left || self.bottom <= self.top
    }

    /// What both cover; empty when they do not overlap.
    pub fn intersect(self, other: Self) -> Self {
        Self::new(
            self.left.max(other.left),
            self.top.max(other.top),
            self.right.min(other.right),
            self.bottom.min(other.bottom),
        )
    }

    /// The smallest rectangle around both; an empty one does not count.
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self::new(
            self.left.min(other.left),
            self.top.min(other.top),
            self.right.max(other.right),
            self.bottom.max(other.bottom),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersection_of_disjoint_rectangles_is_empty() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert!(a.intersect(Rect::new(10.0, 0.0, 5.0, 5.0)).is_empty());
        assert_eq!(a.intersect(Rect::new(5.0, 5.0, 10.0, 2.0)), Rect::new(5.0, 5.0, 5.0, 2.0));
    }

    #[test]
    fn union_ignores_empty_rectangles() {
        let a = Rect::new(4.0, 4.0, 2.0, 2.0);
        assert_eq!(Rect::default().union(a), a);
        assert_eq!(a.union(Rect::new(0.0, 0.0, 1.0, 1.0)), Rect::new(0.0, 0.0, 6.0, 6.0));
    }

    #[test]
    fn insets_stop_at_zero_extent() {
        let shrunk = Rect::new(0.0, 0.0, 10.0, 4.0).inset(Insets::all(3.0));
        assert_eq!(shrunk, Rect::new(3.0, 3.0, 4.0, 0.0));
    }

    #[test]
    fn physical_rectangle_covers_every_touched_pixel() {
        let rect = PhysicalRect::around(Rect::new(0.4, 1.0, 1.0, 1.0), 1.5);
        assert_eq!(rect, PhysicalRect::new(0, 1, 3, 3));
        assert_eq!(rect.area(), 6);
    }
}
