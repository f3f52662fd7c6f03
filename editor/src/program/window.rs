//! One window: its panes, what floats over them, what was drawn, and who draws it.
//!
//! Texts do not belong to it: every window shows the same buffers.

use std::path::PathBuf;

use render::geometry::{Rect, Size};
use render::scene::Scene;
use render::theme::{self, Theme};

use super::leave::Leaving;
use super::motion::Movements;
use super::open::FileList;
use super::pointer::Drag;
use super::{Overlay, RendererName};
use crate::input::Focus;
use crate::keymap::KeyPress;
use crate::panes::{PaneId, Panes};
use crate::shell::PointerShape;
use crate::ui::target::{Field, Target};
use crate::view::{EditorView, Scroll};

/// Names a window for as long as it is open; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(pub u64);

/// The window's size until one is remembered, logical pixels.
const SIZE: Size = Size { width: 1280.0, height: 800.0 };

/// Whether anything of a window is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Something is.
    Seen,
    /// It lies under others, or is minimized.
    Hidden,
}

/// A window, whether a screen shows it or not.
pub struct Window {
    /// Its name.
    pub id: WindowId,
    /// Sheets with tabs.
    pub panes: Panes<EditorView>,
    /// What floats over the text and has the keyboard.
    pub overlay: Option<Overlay>,
    /// The folder that is worked in, if one was opened.
    pub folder: Option<PathBuf>,
    /// Which line of a find bar has the keyboard, if one has.
    pub find_focus: Option<Field>,
    /// How much larger text is here than the settings say; `None` until the person zooms.
    pub zoom: Option<f32>,
    /// How it looks.
    pub theme: Theme,
    /// The first keys of a chord.
    pub(super) pending: Vec<KeyPress>,
    pub(super) renderer: RendererName,
    pub(super) adapter: Option<String>,
    /// Why no GPU draws, if one was wanted.
    pub(super) without_gpu: Option<String>,
    pub(super) size: Size,
    pub(super) scale: f32,
    pub(super) frame: FrameState,
    pub(super) window_focus: Focus,
    pub(super) hover: Option<Target>,
    pub(super) drag: Option<Drag>,
    pub(super) pointer: PointerShape,
    pub(super) files: FileList,
    /// Where the view was before a prompt that previews.
    pub(super) before_prompt: Option<(text::Selections, Scroll)>,
    /// The person confirmed before the list was ranked.
    pub(super) confirm_when_ranked: bool,
    pub(super) movements: Movements,
    pub(super) visibility: Visibility,
    /// What is closed once the person has said what becomes of unsaved texts.
    pub(super) leaving: Option<Leaving>,
}

/// What is drawn, and what the last layout was.
pub(super) struct FrameState {
    pub scene: Scene,
    pub layout: Option<render::layout::Layout>,
    /// Where each pane's text lay in the last frame.
    pub views: Vec<(PaneId, Rect)>,
    /// Something changed since the scene was built.
    pub is_wanted: bool,
    /// The scene is not on the screen yet.
    pub is_unpresented: bool,
    /// Where the caret is drawn, and what the shell was told of it.
    pub caret: Option<Rect>,
    pub told_caret: Option<Rect>,
    pub title: String,
}

impl Window {
    /// An empty window that has the keyboard.
    pub(super) fn new(id: WindowId) -> Self {
        Window {
            id,
            panes: Panes::default(),
            overlay: None,
            folder: None,
            find_focus: None,
            zoom: None,
            theme: Theme::built_in(theme::Appearance::Light).clone(),
            pending: Vec::new(),
            renderer: RendererName::Cpu,
            adapter: None,
            without_gpu: None,
            size: SIZE,
            scale: 1.0,
            frame: FrameState {
                scene: Scene::new(render::color::Color::TRANSPARENT),
                layout: None,
                views: Vec::new(),
                is_wanted: true,
                is_unpresented: false,
                caret: None,
                told_caret: None,
                title: String::new(),
            },
            window_focus: Focus::Gained,
            hover: None,
            drag: None,
            pointer: PointerShape::default(),
            files: FileList::default(),
            before_prompt: None,
            confirm_when_ranked: false,
            movements: Movements::default(),
            visibility: Visibility::Seen,
            leaving: None,
        }
    }

    /// Every view of every pane.
    pub fn views(&self) -> impl Iterator<Item = &EditorView> {
        self.panes.iter().flat_map(|pane| pane.items.iter())
    }

    /// Every view of every pane.
    pub fn views_mut(&mut self) -> impl Iterator<Item = &mut EditorView> {
        self.panes.iter_mut().flat_map(|pane| pane.items.iter_mut())
    }

    /// Whether nothing was opened in it.
    pub fn is_blank(&self) -> bool {
        self.folder.is_none() && self.views().next().is_none()
    }

    /// Its size, in logical pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Who draws it, and on which adapter.
    pub fn renderer(&self) -> (RendererName, Option<&str>) {
        (self.renderer, self.adapter.as_deref())
    }

    /// Physical pixels for a logical one.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// What its title bar says.
    pub fn title(&self) -> &str {
        &self.frame.title
    }

    /// Whether something changed since its last frame.
    pub(super) fn is_unshown(&self) -> bool {
        self.frame.is_wanted || self.frame.is_unpresented
    }

    /// Asks for a frame.
    pub(super) fn redraw(&mut self) {
        self.frame.is_wanted = true;
    }
}
