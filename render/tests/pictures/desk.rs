//! A window as the look has it, for pictures and figures.

use std::sync::Arc;

use render::color::Color;
use render::geometry::{Insets, Point, Rect, Size};
use render::icon::Icon;
use render::layout::{Align, Element, ElementId, Layout, lay_out};
use render::scene::{Border, ColorSpan, Quad, Radii, Rule, RuleStyle, Scene};
use render::shape::{
    Affinity, Direction, Fonts, ParagraphDirection, ShapeOptions, Shaper, TextStyle, Weight,
};
use render::theme::measures as m;
use render::theme::{Appearance, Theme};

use crate::goldens::check;

pub const SIZE: Size = Size::new(1280.0, 800.0);
const CODE: ElementId = ElementId(1);
const PROSE: ElementId = ElementId(2);

pub const SOURCE: &[&str] = &[
    "/// A change on its way to every room that asked for it.",
    "pub struct Change {",
    "    pub document: DocumentId,",
    "    pub before: Rope,",
    "    pub after: Rope,",
    "    pub author: Author,",
    "}",
    "",
    "impl Document {",
    "    /// Applies a person's own edit; never waits.",
    "    pub fn apply(&mut self, edit: Transaction) -> Change {",
    "        let before = self.rope.clone();",
    "        let version = self.history.record(&edit);",
    "        for splice in edit.splices() {",
    "            self.rope.splice(splice.range, splice.text);",
    "            self.selections.shift(splice);",
    "        }",
    "        self.undo.push(edit.invert(&before), version);",
    "        Change::new(self.id, before, version)",
    "    }",
    "",
    "    // السطر العربي يُشكَّل ويُرتَّب كما يُكتب",
    "    pub fn greeting() -> &'static str { \"مرحبا بالعالم\" }",
    "}",
    "",
    "#[cfg(test)]",
    "mod tests {",
    "    use super::*;",
];

/// Colours by a crude reading of words, which is enough to have many spans.
fn colors(text: &str, theme: &Theme) -> Arc<[ColorSpan]> {
    let mut spans = Vec::new();
    let trimmed = text.trim_start();
    if trimmed.starts_with("//") {
        let start = (text.len() - trimmed.len()) as u32;
        spans.push(ColorSpan { bytes: start..text.len() as u32, color: theme.syntax("comment") });
        return spans.into();
    }
    let mut at = 0;
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
        let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
        let capture = match name {
            "pub" | "struct" | "impl" | "fn" | "mut" | "self" | "let" | "for" | "in" | "mod"
            | "use" | "super" => Some("keyword"),
            _ if name.starts_with(char::is_uppercase) => Some("type"),
            _ if word.ends_with('(') => Some("function"),
            _ => None,
        };
        if let Some(capture) = capture.filter(|_| !name.is_empty()) {
            let bytes = at as u32..(at + name.len()) as u32;
            spans.push(ColorSpan { bytes, color: theme.syntax(capture) });
        }
        at += word.len();
    }
    spans.into()
}

fn sheet(theme: &Theme) -> Element {
    let c = &theme.colors;
    Element::column().fill(c.surface).border(Border::solid(1.0, c.border)).radius(m::PANE_RADIUS)
}

fn tab(name: &str, chosen: bool, theme: &Theme) -> Element {
    let c = &theme.colors;
    let color = if chosen { c.text } else { c.muted };
    let tab = Element::row()
        .height(m::TAB)
        .padding(Insets::xy(12.0, 0.0))
        .gap(6.0)
        .child(Element::text(name, TextStyle::ui(m::UI), color));
    if !chosen {
        return tab;
    }
    let dot = Element::row().size(6.0, 6.0).radius(3.0).fill(c.caret);
    tab.fill(c.raised).border(Border::solid(1.0, c.border)).radius(m::ROW_RADIUS).child(dot)
}

fn tabs(names: &[&str], theme: &Theme) -> Element {
    let tabs = names.iter().enumerate().map(|(i, name)| tab(name, i == 0, theme));
    Element::row().height(m::TAB_STRIP).padding(Insets::xy(6.0, 0.0)).children(tabs)
}

fn tree(theme: &Theme) -> Element {
    let c = &theme.colors;
    let rows = [
        (0.0, Some(Icon::TriangleRight), "kernel"),
        (0.0, Some(Icon::TriangleRight), "render"),
        (0.0, Some(Icon::TriangleDown), "text"),
        (14.0, Some(Icon::TriangleDown), "src"),
        (28.0, None, "buffer.rs"),
        (28.0, None, "document.rs"),
        (28.0, None, "history.rs"),
        (14.0, None, "Cargo.toml"),
        (0.0, None, "README.md"),
    ];
    let rows = rows.into_iter().map(|(indent, icon, name)| {
        let color = if icon.is_some() { c.muted } else { c.text };
        let row = Element::row()
            .height(m::TREE_ROW)
            .padding(Insets { left: 10.0 + indent, right: 10.0, ..Insets::default() })
            .gap(2.0)
            .maybe(icon.map(|icon| Element::icon(icon, 12.0, c.muted)))
            .child(Element::text(name, TextStyle::ui(m::UI), color));
        if name != "document.rs" {
            return row;
        }
        let state = TextStyle::mono(11.0).weight(Weight::SemiBold);
        row.fill(c.raised)
            .border(Border::solid(1.0, c.border))
            .radius(m::ROW_RADIUS)
            .child(Element::spacer())
            .child(Element::text("M", state, c.warning))
    });
    let head = Element::text("hearth", TextStyle::ui(11.0).weight(Weight::SemiBold), c.muted)
        .height(m::TREE_ROW)
        .margin(Insets::xy(10.0, 0.0));
    Element::column().width(216.0).padding(Insets::xy(0.0, 6.0)).child(head).children(rows)
}

fn root(theme: &Theme) -> Element {
    let c = &theme.colors;
    let ui = TextStyle::ui(m::UI);
    let title = Element::row()
        .height(m::TITLE)
        .gap(10.0)
        .padding(Insets::xy(16.0, 0.0))
        .child(Element::text("hearth", ui.weight(Weight::SemiBold), c.text))
        .child(Element::text("main", ui, c.muted))
        .child(Element::spacer())
        .child(Element::text("in step", ui, c.muted));
    let crumbs = Element::row()
        .height(m::BREADCRUMBS)
        .padding(Insets::xy(16.0, 0.0))
        .child(Element::text("text › src › document.rs", TextStyle::ui(m::SMALL), c.muted));
    let rule = || Element::row().height(1.0).fill(c.line);
    let code = sheet(theme)
        .grow(1.0)
        .clip()
        .child(tabs(&["document.rs", "history.rs", "selection.rs"], theme))
        .child(rule())
        .child(crumbs)
        .child(Element::custom(CODE).grow(1.0));
    let prose = sheet(theme)
        .width(402.0)
        .clip()
        .child(tabs(&["notes.md", "preview"], theme))
        .child(rule())
        .child(Element::custom(PROSE).grow(1.0));
    let panes = Element::row()
        .grow(1.0)
        .align(Align::Stretch)
        .gap(m::GAP)
        .padding(Insets { left: 12.0, right: 8.0, top: 0.0, bottom: 0.0 })
        .children([tree(theme).margin(Insets { right: 4.0, ..Insets::default() }), code, prose]);
    let small = |text| Element::text(text, TextStyle::ui(m::SMALL), c.muted);
    let status = Element::row()
        .height(m::STATUS)
        .gap(18.0)
        .padding(Insets::xy(18.0, 0.0))
        .children(["58:31", "Rust", "UTF-8", "LF"].map(small))
        .child(Element::spacer())
        .child(small("0 problems"));
    Element::column().children([title, panes, status])
}

/// The window's state between frames.
pub struct Desk {
    pub shaper: Shaper,
    pub theme: &'static Theme,
    pub lines: Vec<String>,
    pub first: usize,
}

impl Desk {
    pub fn new(appearance: Appearance) -> Self {
        Self {
            shaper: Shaper::new(Fonts::bundled()),
            theme: Theme::built_in(appearance),
            lines: SOURCE.iter().map(|line| (*line).to_owned()).collect(),
            first: 41,
        }
    }

    pub fn layout(&mut self) -> Layout {
        lay_out(&root(self.theme), SIZE, &mut self.shaper, Direction::Ltr)
    }

    /// Builds a frame.
    pub fn scene(&mut self) -> Scene {
        let layout = self.layout();
        let mut scene = Scene::new(self.theme.colors.canvas);
        layout.paint_with(&mut scene, &mut |scene, id, rect| match id {
            CODE => self.code(scene, rect),
            _ => self.prose(scene, rect),
        });
        scene
    }

    fn code(&mut self, scene: &mut Scene, rect: Rect) {
        let c = self.theme.colors;
        let options = ShapeOptions { direction: ParagraphDirection::Ltr, cell_width: None };
        for (i, text) in self.lines.iter().enumerate() {
            let row = Rect::new(rect.x, rect.y + i as f32 * m::CODE_LINE, rect.width, m::CODE_LINE);
            if row.y > rect.bottom() {
                break;
            }
            let line = self.shaper.shape(text, TextStyle::mono(m::CODE), options);
            let baseline = row.y + line.baseline_in(m::CODE_LINE);
            let left = rect.x + 56.0;
            if i == 17 {
                scene.fill(Rect::new(row.x, row.y, row.width, row.height), c.current_line);
            }
            if i == 14 {
                for (x0, x1) in line.spans_of(43..54) {
                    scene.fill(Rect::new(left + x0, row.y + 1.0, x1 - x0, 20.0), c.selection);
                }
            }
            let number = (self.first + i).to_string();
            let number = self.shaper.shape(&number, TextStyle::mono(m::LINE_NUMBER), options);
            let at = Point::new(rect.x + 38.0 - number.width(), baseline);
            scene.text(&number, at, if i == 17 { c.text } else { c.line_number });
            let spans = colors(text, self.theme);
            scene.glyphs(&line, Point::new(left, baseline), c.text, &spans);
            if i == 17 {
                let x = left + line.x_of(28, Affinity::Downstream);
                scene.fill(Rect::new(x, row.y + 2.0, 2.0, 18.0), c.caret);
                let origin = Point::new(x, row.y + 20.0);
                let length = left + line.width() - x;
                let style = RuleStyle::Dashed;
                scene.rule(Rule { origin, length, thickness: 1.0, color: c.mark, style });
            }
        }
    }

    fn prose(&mut self, scene: &mut Scene, rect: Rect) {
        let c = self.theme.colors;
        let options = ShapeOptions::default();
        let heading =
            TextStyle::ui(m::HEADING).weight(Weight::SemiBold).tracking(m::HEADING_TRACKING);
        let body = TextStyle::ui(14.0);
        let lines = [
            ("Keeping devices in step", heading, 44.0),
            ("An edit is an operation. It is applied here at once, written", body, 24.0),
            ("to the log, and sent; the other machine shows it before", body, 24.0),
            ("you look up.", body, 36.0),
            ("كل تعديل عملية: تُطبَّق هنا فورًا، ثم تُرسل إلى أجهزتك الأخرى", body, 27.0),
            ("دون قفل ولا فقدان.", body, 27.0),
        ];
        let mut top = rect.y + 10.0;
        for (text, style, height) in lines {
            let line = self.shaper.shape(text, style, options);
            let x = match line.direction() {
                Direction::Ltr => rect.x + 22.0,
                Direction::Rtl => rect.right() - 22.0 - line.width(),
            };
            scene.text(&line, Point::new(x, top + line.baseline_in(height)), c.text);
            top += height;
        }
    }

    /// The palette over everything.
    pub fn palette(&mut self, scene: &mut Scene) {
        let c = self.theme.colors;
        let rect = Rect::new(330.0, 92.0, 620.0, 268.0);
        scene.quad(Quad {
            rect,
            radii: Radii::all(m::PALETTE_RADIUS),
            fill: c.raised,
            border: Some(Border::solid(1.0, c.border)),
            shadow: Some(m::shadow(c.shadow)),
        });
        for (i, text) in ["Split pane right", "Split pane down", "Show problems"].iter().enumerate()
        {
            let row = Rect::new(340.0, 148.0 + 34.0 * i as f32, 600.0, m::PALETTE_ROW);
            if i == 0 {
                let mut chosen = Quad::fill(row, c.current_line);
                chosen.radii = Radii::all(m::ROW_RADIUS);
                chosen.border = Some(Border::solid(1.0, c.accent));
                scene.quad(chosen);
            }
            let line = self.shaper.shape(text, TextStyle::ui(m::UI), ShapeOptions::default());
            let at = Point::new(352.0, row.y + line.baseline_in(row.height));
            let color = if i == 0 { c.text } else { c.text.mix(Color::hex(0x80_8080), 0.1) };
            scene.text(&line, at, color);
        }
    }
}

#[test]
fn the_desk_looks_as_it_did() {
    let mut light = Desk::new(Appearance::Light);
    let mut scene = light.scene();
    check("desk-light", &scene, (1280, 800), 1.0);
    light.palette(&mut scene);
    check("desk-palette-1.5", &scene, (1280, 800), 1.5);
    let dark = Desk::new(Appearance::Dark).scene();
    check("desk-dark", &dark, (1280, 800), 1.0);
}
