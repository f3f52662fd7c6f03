//! A frame: the window as elements, laid out, painted with its texts.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use render::geometry::{Point, Rect};
use render::layout::{self, Element, Layout, Place};
use render::scene::Scene;
use render::scene::{Border, Quad, Radii};
use render::shape::{Direction, Ligatures, ShapedLine, TextStyle};
use render::theme::Colors;
use text::{Line, Positions};

use super::{Overlay, Program};
use crate::buffer::{Buffer, BufferId, OnDisk};
use crate::input::Focus;
use crate::line_input::LineInput;
use crate::notice::Notice;
use crate::panes::{GAP, Pane, PaneId};
use crate::picker::Picker;
use crate::settings::Whitespace;
use crate::shell::Request;
use crate::ui::first_page::{Hint, Recent};
use crate::ui::status::About;
use crate::ui::tabs::{PaneFocus, Tab, TabState};
use crate::ui::target::{Field, Target};
use crate::ui::{card, find_bar, first_page, notices, status, tabs, title, type_scale};
use crate::view::paint::{self, Blanks, Drawn, Options, ViewFocus};
use crate::view::{EditorView, Margins, Scale, ScrollEnd};

/// The commands that the first page tells of.
pub const HINTS: &[(&str, &str)] = &[
    ("Open a file", "file.open"),
    ("Find a file by name", "file.find"),
    ("All commands", "palette.open"),
    ("New text", "file.new"),
    ("Split to the right", "pane.split_right"),
    ("Go to a symbol", "symbol.go_to"),
    ("Switch light and dark", "theme.toggle"),
];

/// A frame of compared texts is built this often until its rows stand still.
const REFITS_MAX: usize = 4;

/// Recent files that the first page lists.
const RECENT_SHOWN: usize = 6;

impl Program {
    /// Builds the scene if something changed since the last one.
    pub fn prepare(&mut self, now: Instant) {
        if std::mem::take(&mut self.window.frame.is_wanted) {
            self.build(now);
            // What was measured while it was drawn may have moved rows that stand side by side.
            let mut tries = 0;
            while !self.comparisons.is_empty() && self.fit_comparisons() {
                tries += 1;
                if tries == REFITS_MAX {
                    self.window.redraw();
                    break;
                }
                self.build(now);
            }
            self.window.frame.is_unpresented = true;
        }
    }

    /// What [`Program::prepare`] built last.
    pub fn scene(&self) -> &Scene {
        &self.window.frame.scene
    }

    /// Notes that the scene is on the screen.
    pub fn presented(&mut self) {
        self.window.frame.is_unpresented = false;
    }

    /// The rectangle in which panes lie.
    pub fn panes_area(&self) -> Rect {
        Rect {
            x: GAP,
            y: title::HEIGHT,
            width: (self.window.size.width - 2.0 * GAP).max(0.0),
            height: (self.window.size.height - title::HEIGHT - status::HEIGHT).max(0.0),
        }
    }

    fn build(&mut self, now: Instant) {
        self.advance(now);
        self.scroll_together();
        self.buffers.values_mut().for_each(|buffer| buffer.colors.begin_frame());
        let colors = self.window.theme.colors;
        self.begin_slides();
        let root = self.elements(&colors);
        let mut layout = layout::lay_out(&root, self.window.size, &mut self.shaper, Direction::Ltr);
        if self.window.movements.slides.are_under_way() {
            // Where things belong is known once they are laid out.
            self.shift_slides(&layout);
            let root = self.elements(&colors);
            layout = layout::lay_out(&root, self.window.size, &mut self.shaper, Direction::Ltr);
        }
        self.note_slides(&layout);
        let mut scene = std::mem::replace(&mut self.window.frame.scene, Scene::new(colors.canvas));
        scene.clear(colors.canvas);
        self.window.frame.views.clear();
        self.window.frame.caret = None;
        layout.paint_with(&mut scene, &mut |scene, id, rect| match Target::of(id) {
            Some(Target::View(pane)) => self.paint_view(scene, pane, rect),
            Some(Target::Field(field)) => self.paint_field(scene, field, rect),
            Some(Target::Qr) => {
                if let Some(Overlay::Picker(Picker { qr: Some(qr), .. })) = &self.window.overlay {
                    card::paint_code(qr, rect, scene);
                }
            }
            _ => {}
        });
        self.paint_hover(&layout, &mut scene);
        self.window.frame.scene = scene;
        self.window.frame.layout = Some(layout);
        self.shaper.end_frame();
        self.schedule_colors();
        self.schedule_crumbs();
        self.tell_shell();
    }

    /// A veil over what would be pressed.
    fn paint_hover(&self, layout: &Layout, scene: &mut Scene) {
        let Some(rect) = self.window.hover.and_then(|target| layout.rect(target.id())) else {
            return;
        };
        let veil = self.window.theme.colors.mark.with_alpha(0x1e);
        let rect = Rect { x: rect.x - 2.0, width: rect.width + 4.0, ..rect };
        scene.quad(Quad { radii: Radii::all(7.0), ..Quad::fill(rect, veil) });
    }

    /// The window as elements.
    fn elements(&self, colors: &Colors) -> Element {
        let (name, detail) = self.title_words();
        let panes = self.shown_panes();
        let area = self.panes_area();
        let placed = panes.iter().filter_map(|(id, rect)| {
            let pane = self.window.panes.get(*id)?;
            Some(self.pane(pane, *rect, area, colors))
        });
        let middle = Element::column().height(area.height).shrink(0.0).children(placed);
        let about = self.about();
        let width = self.window.size.width;
        Element::column()
            .size(self.window.size.width, self.window.size.height)
            .child(title::bar(&name, &detail, colors))
            .child(middle)
            .child(status::line(about.as_ref(), &self.states(), colors))
            .children(self.leaving_notices(colors))
            .maybe(self.notice_stack(width, colors))
            .maybe(self.overlay_element(colors))
    }

    /// What was said is shown where the keyboard is, and there alone.
    pub(super) fn shown_notices(&self) -> &[Notice] {
        if self.window.id == self.focus { self.notices.shown() } else { &[] }
    }

    fn notice_stack(&self, width: f32, colors: &Colors) -> Option<Element> {
        let slides = &self.window.movements.slides;
        let shift = |index| slides.shift_of(Target::Notice(index)).y;
        notices::stack(self.shown_notices(), width, self.notice_drop(), shift, colors)
    }

    fn overlay_element(&self, colors: &Colors) -> Option<Element> {
        let width = self.window.size.width;
        Some(match self.window.overlay.as_ref()? {
            Overlay::Picker(picker) => card::picker(picker, width, self.card_rise(), colors),
            Overlay::Prompt(prompt) => {
                let hint = prompt.trouble.as_deref().unwrap_or(prompt.question.hint());
                let secrecy = match prompt.input.is_secret() {
                    true => layout::Role::PasswordInput,
                    false => layout::Role::TextInput,
                };
                let question = prompt.question.placeholder();
                card::prompt(question, hint, secrecy, width, self.card_rise(), colors)
            }
        })
    }

    fn title_words(&self) -> (String, String) {
        let file = self.view().and_then(|view| self.buffers.get(&view.buffer));
        let folder = self.window.folder.as_deref();
        let name = folder
            .and_then(|folder| folder.file_name())
            .map_or_else(|| "hearth".to_owned(), |name| name.to_string_lossy().into_owned());
        let detail = match (file, folder) {
            (Some(buffer), _) => buffer.title(),
            (None, Some(folder)) => shorten(folder),
            (None, None) => String::new(),
        };
        (name, detail)
    }

    fn pane(&self, pane: &Pane<EditorView>, rect: Rect, area: Rect, colors: &Colors) -> Element {
        let is_focused = pane.id == self.window.panes.focus();
        let focus = if is_focused { PaneFocus::Here } else { PaneFocus::Elsewhere };
        let sheet = Element::column()
            .id(Target::Pane(pane.id).id())
            .place(Place { start: Some(rect.x), top: Some(rect.y - area.y), ..Place::default() })
            .size(rect.width, rect.height)
            .radius(10.0)
            .fill(colors.surface)
            .border(Border::solid(1.0, colors.border))
            .clip();
        let Some(view) = pane.item() else {
            return sheet.child(self.first_page(colors));
        };
        let Some(buffer) = self.buffers.get(&view.buffer) else { return sheet };
        let strip = tabs::strip(pane.id, &self.tabs(pane), pane.active, focus, colors);
        let rule = Element::row().height(1.0).shrink(0.0).fill(colors.line);
        let find = view
            .find
            .as_ref()
            .map(|find| find_bar::bar(find, self.window.find_focus.filter(|_| is_focused), colors));
        let text = Element::custom(Target::View(pane.id).id())
            .role(layout::Role::TextArea)
            .label(buffer.title())
            .grow(1.0);
        sheet
            .child(strip)
            .child(rule)
            .maybe(find)
            .child(tabs::path(pane.id, &self.path_parts(buffer), colors))
            .child(text)
    }

    fn tabs(&self, pane: &Pane<EditorView>) -> Vec<Tab> {
        let title = |id: BufferId| self.buffers.get(&id).map(Buffer::title).unwrap_or_default();
        pane.items
            .iter()
            .enumerate()
            .map(|(index, view)| {
                let target = Target::Tab(pane.id, index as u32);
                let shift = self.window.movements.slides.shift_of(target).x;
                let own = title(view.buffer);
                let is_shared = pane
                    .items
                    .iter()
                    .any(|other| other.buffer != view.buffer && title(other.buffer) == own);
                let buffer = self.buffers.get(&view.buffer);
                let folder = buffer
                    .and_then(|buffer| buffer.path.as_deref()?.parent()?.file_name())
                    .map(|name| name.to_string_lossy().into_owned());
                let state = match buffer {
                    Some(buffer) if buffer.on_disk == OnDisk::Deleted => TabState::Deleted,
                    Some(buffer) if buffer.is_dirty() => TabState::Unsaved,
                    _ => TabState::Saved,
                };
                let detail = folder.filter(|_| is_shared).unwrap_or_default();
                Tab { title: own, detail, state, shift }
            })
            .collect()
    }

    /// Folders, file and symbols that lead to the caret.
    fn path_parts(&self, buffer: &Buffer) -> Vec<String> {
        let mut parts: Vec<String> = match &buffer.path {
            None => vec![buffer.title()],
            Some(path) => {
                let inside =
                    self.window.folder.as_deref().and_then(|folder| path.strip_prefix(folder).ok());
                let shown = inside.map_or_else(|| shorten(path), |path| path.display().to_string());
                shown
                    .split(['/', '\\'])
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
        };
        const PARTS_MAX: usize = 6;
        if parts.len() > PARTS_MAX {
            parts.drain(..parts.len() - PARTS_MAX);
        }
        parts.extend(buffer.crumbs.labels().iter().cloned());
        parts
    }

    fn first_page(&self, colors: &Colors) -> Element {
        let recent: Vec<Recent> = self
            .recent
            .iter()
            .take(RECENT_SHOWN)
            .map(|path| Recent {
                name: path.file_name().map_or_else(
                    || path.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                ),
                place: path.parent().map(shorten).unwrap_or_default(),
            })
            .collect();
        let hints: Vec<Hint> =
            HINTS.iter().map(|(title, id)| Hint { title, keys: self.caps(id) }).collect();
        first_page::page(first_page::greeting(hour()), &recent, &hints, colors)
    }

    fn about(&self) -> Option<About> {
        let view = self.view()?;
        let buffer = self.buffers.get(&view.buffer)?;
        let rope = buffer.rope();
        let primary = view.selections.primary();
        let line: Line = rope.line_of(primary.head);
        let column = primary.head - rope.line_start(line);
        let place = format!("{}:{}", line.0 + 1, column + 1);
        let selected: usize = view.selections.iter().map(|one| one.range().len()).sum();
        let position = match (view.selections.len(), selected) {
            (1, 0) => place,
            (1, count) => format!("{place} ({count} selected)"),
            (carets, _) => format!("{place} ({carets} cursors)"),
        };
        Some(About {
            position,
            language: buffer
                .syntax
                .language()
                .map_or("Plain text", syntax::Language::title)
                .to_owned(),
            encoding: buffer.encoding.to_string(),
            line_ending: match buffer.has_mixed_endings {
                true => "Mixed line endings".to_owned(),
                false => buffer.line_ending.to_string(),
            },
            indentation: match buffer.indentation {
                text::indentation::Indentation::Tab => "Tabs".to_owned(),
                text::indentation::Indentation::Spaces(count) => format!("{count} spaces"),
            },
        })
    }

    /// What is degraded or awaited, for the right end of the status line.
    pub fn states(&self) -> Vec<String> {
        let mut states = Vec::new();
        states.extend(self.pending_keys());
        states.extend(self.comparison_words());
        states.extend(self.journal.trouble());
        states.extend(self.gate_states());
        let stopped = self.view().and_then(|view| {
            self.buffers.get(&view.buffer)?.syntax.stopped().map(ToString::to_string)
        });
        states.extend(stopped);
        if self.view().is_some_and(|view| self.lacks_colors(view.buffer)) {
            states.push("some colours are missing: the text is one large error".to_owned());
        }
        states.extend(self.missing_fonts.iter().map(ToString::to_string));
        if self.is_proportional {
            states.push(format!("{} is not monospaced", self.settings.editor().font_family));
        }
        if self.window.renderer == super::RendererName::Cpu && self.window.without_gpu.is_some() {
            states.push("drawn on the CPU".to_owned());
        }
        states
    }

    fn lacks_colors(&self, buffer: BufferId) -> bool {
        self.buffers.get(&buffer).is_some_and(|buffer| buffer.colors.is_cut())
    }

    /// How much larger text is in this window than its size in the settings.
    pub fn zoom(&self) -> f32 {
        self.window.zoom.unwrap_or(self.settings.appearance().zoom)
    }

    /// The size of code, in whole or half logical pixels.
    fn font_size(&self) -> f32 {
        (self.settings.editor().font_size * self.zoom() * 2.0).round() / 2.0
    }

    fn options(&self, pane: PaneId, buffer: BufferId, cell: f32) -> Options {
        let editor = self.settings.editor();
        let buffer = self.buffers.get(&buffer);
        let font = self.font_size();
        let has_keys = pane == self.window.panes.focus()
            && self.window.window_focus == Focus::Gained
            && self.window.overlay.is_none()
            && self.window.find_focus.is_none();
        let path = buffer.and_then(|buffer| buffer.path.as_deref());
        let setting = self.settings.editor_for(path).tab_width;
        let tab = buffer.map_or(setting, |buffer| buffer.tab_width(setting));
        let step = buffer.map_or(4, |buffer| match buffer.indentation {
            text::indentation::Indentation::Tab => tab,
            text::indentation::Indentation::Spaces(count) => usize::from(count),
        });
        Options {
            scale: Scale { font, cell, row: (font * editor.line_height).round() },
            tab: text::width::TabWidth::new(tab),
            guides: editor.indent_guides.then_some(step),
            ligatures: if editor.ligatures { Ligatures::On } else { Ligatures::Off },
            blanks: match editor.whitespace {
                Whitespace::None => Blanks::Hidden,
                Whitespace::Selection => Blanks::Selected,
                Whitespace::All => Blanks::Shown,
            },
            numbers: editor.line_numbers,
            brackets: editor.bracket_match.into(),
            reveals: editor.control_characters.into(),
            margins: Margins {
                rows: editor.scroll_margin,
                end: match editor.scroll_past_end {
                    true => ScrollEnd::LastRowOnTop,
                    false => ScrollEnd::LastRowBelow,
                },
            },
            focus: if has_keys { ViewFocus::Here } else { ViewFocus::Elsewhere },
        }
    }

    fn paint_view(&mut self, scene: &mut Scene, pane: PaneId, rect: Rect) {
        let Some(id) =
            self.window.panes.get(pane).and_then(|pane| pane.item()).map(|view| view.buffer)
        else {
            return;
        };
        let cell = self.shaper.cell_width(self.font_size());
        let options = self.options(pane, id, cell);
        let Some(view) = self.window.panes.get_mut(pane).and_then(|pane| pane.item_mut()) else {
            return;
        };
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let Drawn { caret } =
            paint::view(view, buffer, rect, options, &mut self.shaper, &self.window.theme, scene);
        self.window.frame.views.push((pane, rect));
        if options.focus == ViewFocus::Here {
            self.window.frame.caret = caret;
        }
    }

    fn paint_field(&mut self, scene: &mut Scene, field: Field, rect: Rect) {
        let colors = self.window.theme.colors;
        let (is_focused, placeholder) = match field {
            Field::Overlay => (true, self.overlay_placeholder()),
            Field::Find => (self.window.find_focus == Some(field), "Find".to_owned()),
            Field::Replace => (self.window.find_focus == Some(field), "Replace with".to_owned()),
        };
        let Some(input) = self.field(field).map(LineInput::veiled) else { return };
        let style = field_style(field);
        let FieldLine { line, left, x } = self.field_line(&input, style, rect);
        let baseline = rect.y + line.baseline_in(rect.height);
        scene.clipped(rect, 0.0, |scene| {
            let selection = if is_focused { input.selection() } else { 0..0 };
            let selected = line.spans_of(selection);
            for (x0, x1) in selected {
                let rect = Rect { x: left + x0, width: x1 - x0, ..rect };
                scene.quad(Quad { radii: Radii::all(2.0), ..Quad::fill(rect, colors.selection) });
            }
            if line.is_empty() {
                let line = self.shaper.shape(&placeholder, style, Default::default());
                scene.text(&line, Point { x: rect.x, y: baseline }, colors.muted);
            } else {
                scene.text(&line, Point { x: left, y: baseline }, colors.text);
            }
            if is_focused {
                let caret = Rect { x: (left + x).round(), width: 2.0, ..rect };
                scene.fill(caret, colors.caret);
                self.window.frame.caret = Some(caret);
            }
        });
    }

    fn overlay_placeholder(&self) -> String {
        match &self.window.overlay {
            Some(Overlay::Picker(picker)) => picker.placeholder.clone(),
            Some(Overlay::Prompt(prompt)) => prompt.question.placeholder().to_owned(),
            None => String::new(),
        }
    }

    /// A field's text as it is drawn in `rect`.
    pub fn field_line(&mut self, input: &LineInput, style: TextStyle, rect: Rect) -> FieldLine {
        let (shown, caret) = input.shown();
        let line = self.shaper.shape(&shown, style, Default::default());
        let x = line.x_of(caret, render::shape::Affinity::Downstream);
        // A long text is scrolled so that the caret is seen.
        let left = rect.x - (x - rect.width + 2.0).max(0.0);
        FieldLine { line, left, x }
    }

    /// What is typed into a field, if it is open.
    pub fn field(&self, field: Field) -> Option<&LineInput> {
        match (field, &self.window.overlay) {
            (Field::Overlay, Some(Overlay::Picker(picker))) => Some(&picker.input),
            (Field::Overlay, Some(Overlay::Prompt(prompt))) => Some(&prompt.input),
            (Field::Overlay, None) => None,
            (Field::Find, _) => Some(&self.view()?.find.as_ref()?.input),
            (Field::Replace, _) => Some(&self.view()?.find.as_ref()?.replacement),
        }
    }

    /// Tells the shell what changed outside the picture: the title, and where text goes.
    fn tell_shell(&mut self) {
        let (name, detail) = self.title_words();
        let title = if detail.is_empty() { name } else { format!("{detail} — {name}") };
        if title != self.window.frame.title {
            self.window.frame.title.clone_from(&title);
            self.request(Request::Title(title));
        }
        if self.window.frame.caret != self.window.frame.told_caret {
            self.window.frame.told_caret = self.window.frame.caret;
            self.request(Request::Caret(self.window.frame.caret));
        }
    }

    /// The last layout, for assistive technology.
    pub fn layout(&self) -> Option<&Layout> {
        self.window.frame.layout.as_ref()
    }
}

/// What is typed into a field, as it is drawn.
pub struct FieldLine {
    /// Its text.
    pub line: Arc<ShapedLine>,
    /// The text's left edge, which may lie left of the field.
    pub left: f32,
    /// The caret, from there.
    pub x: f32,
}

/// The style of what is typed into a field.
pub fn field_style(field: Field) -> TextStyle {
    match field {
        Field::Overlay => type_scale::TYPED,
        Field::Find | Field::Replace => type_scale::BODY,
    }
}

/// A path with the home folder as `~`.
fn shorten(path: &std::path::Path) -> String {
    match std::env::home_dir().and_then(|home| path.strip_prefix(home).ok().map(|p| p.to_owned())) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The hour of the day here.
fn hour() -> u32 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    local_hour(now.as_secs())
}

#[cfg(unix)]
fn local_hour(seconds: u64) -> u32 {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(0);
    // SAFETY: an all-zero `tm` is a valid value of that plain struct.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right type.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    u32::try_from(parts.tm_hour).unwrap_or(12)
}

/// Without a time zone the greeting follows UTC.
#[cfg(not(unix))]
fn local_hour(seconds: u64) -> u32 {
    (seconds / 3600 % 24) as u32
}
