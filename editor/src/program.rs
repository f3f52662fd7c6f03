//! The whole state of the program on its UI thread, and what happens to it.
//!
//! Four things come in: [`Input`] from a shell, completions from workers, calls from the control
//! socket, and the time. All of them end in commands of the one registry. Two things go out: a
//! frame when something changed, and [`Request`]s to the shell. Nothing here blocks.

mod call;
mod clipboard;
mod early;
mod edit;
mod find;
mod frame;
mod keys;
mod motion;
mod open;
mod overlay;
mod parse;
mod pointer;
mod restore;
mod save;
mod start;
mod state;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::keys::Unlocked;
use render::geometry::{Rect, Size};
use render::glyph::{Hinting, Rasterisation};
use render::scene::Scene;
use render::shape::Shaper;
use render::theme::Theme;

use crate::buffer::{Buffer, BufferId};
use crate::clipboard::Clipboard;
use crate::control::Control;
use crate::files::watch::Watcher;
use crate::input::{Appearance, Focus, Input};
use crate::instance::Held;
use crate::journal::Journal;
use crate::keymap::{KeyPress, Keymap};
use crate::notice::{Notices, Severity};
use crate::panes::{PaneId, Panes};
use crate::picker::Picker;
use crate::prompt::Prompt;
use crate::registry::{Fault, Registry};
use crate::settings::Settings;
use crate::shell::{PointerShape, Request};
use crate::ui::target::{Field, Target};
use crate::view::EditorView;
use crate::workers::{Completion, Workers};

pub use edit::{Travel, pairs_of};
pub use overlay::Confirm;
pub use parse::ParseFlag;
pub use start::Start;

/// The whole state; owned by the UI thread.
pub struct Program {
    /// Everything that can be done.
    pub registry: Registry,
    /// Which keys do it.
    pub keymap: Keymap,
    /// How the person wants it.
    pub settings: Settings,
    /// How it looks.
    pub theme: Theme,
    /// Shapes lines.
    pub shaper: Shaper,
    /// Sheets with tabs.
    pub panes: Panes<EditorView>,
    /// Open texts.
    pub buffers: BTreeMap<BufferId, Buffer>,
    /// What floats over the text and has the keyboard.
    pub overlay: Option<Overlay>,
    /// What was said.
    pub notices: Notices,
    /// Work off this thread.
    pub workers: Workers,
    /// What survives a crash.
    pub journal: Journal,
    /// What was copied.
    pub clipboard: Clipboard,
    /// The folder that is worked in, if one was opened.
    pub folder: Option<PathBuf>,
    /// Files that were open lately, newest first.
    pub recent: Vec<PathBuf>,
    /// Tabs that were closed, newest last.
    pub closed: Vec<PathBuf>,
    /// Which line of a find bar has the keyboard, if one has.
    pub find_focus: Option<Field>,
    /// What commands keep between two calls.
    pub memory: crate::command::Memory,
    /// Other files of the machine that the program reads and follows.
    pub places: crate::directories::Directories,
    pending: Vec<KeyPress>,
    requests: Vec<Request>,
    renderer: RendererName,
    adapter: Option<String>,
    size: Size,
    scale: f32,
    frame: FrameState,
    appearance: Appearance,
    window_focus: Focus,
    hover: Option<Target>,
    drag: Option<pointer::Drag>,
    pointer: PointerShape,
    last_command: String,
    calls: call::Calls,
    files: open::FileList,
    next_buffer: u64,
    next_draft: u32,
    /// Where the view was before a prompt that previews.
    before_prompt: Option<(text::Selections, crate::view::Scroll)>,
    /// The person confirmed before the list was ranked.
    confirm_when_ranked: bool,
    /// Width of a cell of the code font, logical pixels.
    cell: f32,
    /// When the session is kept next.
    session_due: Option<Instant>,
    /// What was open is still being restored: the session on disk is newer than ours.
    is_restoring: bool,
    /// The profile's keys, once it is unlocked.
    keys: Option<Arc<Unlocked>>,
    /// The right to be the profile's process.
    held: Option<Held>,
    control: Option<Control>,
    watcher: Option<Watcher>,
    movements: motion::Movements,
    /// The person was told that closing again gives up edits.
    may_lose_edits: bool,
    /// Why no GPU draws, if one was wanted.
    without_gpu: Option<String>,
    /// What was handed to the primary selection last.
    offered: Option<text::CharRange>,
    /// What was looked for last, for the next step without a bar.
    last_find: Option<(String, crate::find::Options)>,
    /// The layout that the kept session has.
    kept_layout: u64,
}

/// What floats over the text and has the keyboard.
pub enum Overlay {
    /// A ranked list.
    Picker(Picker),
    /// A question.
    Prompt(Prompt),
}

/// Who draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RendererName {
    /// The GPU.
    Gpu,
    /// This processor.
    Cpu,
}

/// Who should draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedRenderer {
    /// The GPU where it is a real one.
    Auto,
    /// The GPU, even a software one.
    Gpu,
    /// This processor.
    Cpu,
}

/// What is drawn, and what the last layout was.
struct FrameState {
    scene: Scene,
    layout: Option<render::layout::Layout>,
    /// Where each pane's text lay in the last frame.
    views: Vec<(PaneId, Rect)>,
    /// Something changed since the scene was built.
    is_wanted: bool,
    /// The scene is not on the screen yet.
    is_unpresented: bool,
    /// Where the caret is drawn, and what the shell was told of it.
    caret: Option<Rect>,
    told_caret: Option<Rect>,
    title: String,
}

impl Program {
    /// Takes one event from the shell.
    pub fn input(&mut self, input: Input) {
        match input {
            Input::Key { presses, text } => self.key(&presses, text.as_deref()),
            Input::Text(text) => self.typed(&text),
            Input::Preedit { text, cursor } => self.compose(&text, cursor),
            Input::Press { at, button, count, modifiers } => {
                self.press(at, button, count, modifiers);
            }
            Input::Move { at, modifiers } => self.pointer_moved(at, modifiers),
            Input::Release { at, button } => self.release(at, button),
            Input::Leave => self.set_hover(None),
            Input::Scroll { at, by, modifiers } => self.scrolled(at, by, modifiers),
            Input::Resize { size, scale } => {
                if (self.size, self.scale) != (size, scale) {
                    (self.size, self.scale) = (size, scale);
                    self.redraw();
                }
            }
            Input::Focus(focus) => self.focus_changed(focus),
            Input::Appearance(appearance) => {
                self.appearance = appearance;
                self.choose_theme();
            }
            Input::Drop(path) => self.open_path(path, None),
            Input::Close => self.quit(),
        }
        self.keep_changed_layout();
    }

    /// Runs the answer of a worker.
    pub fn complete(&mut self, completion: Completion) {
        completion(self);
        self.keep_changed_layout();
        self.answer_settled_calls();
    }

    /// Lets time pass: notices go, animations move.
    pub fn tick(&mut self, now: Instant) {
        if self.notices.expire(now) {
            self.redraw();
        }
        if self.is_moving() {
            self.redraw();
        }
        self.renew_when_due(now);
        self.answer_idle(now);
        self.keep_session_when_due(now);
    }

    /// When [`Program::tick`] wants to be called next.
    pub fn wake_at(&self) -> Option<Instant> {
        [
            self.notices.next_expiry(),
            self.next_call_timeout(),
            self.session_due,
            self.next_renewal(),
            self.next_movement(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether something changed since the last frame.
    pub fn wants_frame(&self) -> bool {
        self.frame.is_wanted || self.frame.is_unpresented
    }

    /// Whether everything that a frame would show is in the journal, so that a kill loses none.
    pub fn may_present(&self) -> bool {
        self.journal.is_written()
    }

    /// Asks for a frame.
    pub fn redraw(&mut self) {
        self.frame.is_wanted = true;
        self.session_moved();
    }

    /// What the shell has to do.
    pub fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requests)
    }

    /// Asks something of the shell.
    pub fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Says something to the person.
    pub fn say(&mut self, severity: Severity, sentence: impl Into<String>) {
        self.notices.say(severity, sentence, Instant::now());
        self.redraw();
    }

    /// Says that something is degraded.
    pub fn warn(&mut self, sentence: impl Into<String>) {
        self.say(Severity::Warning, sentence);
    }

    /// Says why something did not happen.
    pub fn fail(&mut self, fault: &Fault) {
        self.say(Severity::Error, fault.sentence.clone());
    }

    /// Says that a job on a worker panicked; the crash report has the rest.
    pub fn report_failed_job(&mut self, name: &str) {
        self.say(
            Severity::Error,
            format!("{name} failed inside; nothing was lost, and `hearth doctor` has the report."),
        );
    }

    /// The command that ran last, as the cause of a stall.
    pub fn last_command(&self) -> &str {
        &self.last_command
    }

    /// Who draws, and on which adapter.
    pub fn renderer(&self) -> (RendererName, Option<&str>) {
        (self.renderer, self.adapter.as_deref())
    }

    /// Notes who draws.
    pub fn set_renderer(&mut self, renderer: RendererName, adapter: Option<String>) {
        if renderer == RendererName::Gpu {
            self.without_gpu = None;
        }
        self.renderer = renderer;
        self.adapter = adapter;
    }

    /// How glyphs become pixels.
    pub fn rasterisation(&self) -> Rasterisation {
        let appearance = self.settings.appearance();
        Rasterisation {
            hinting: if appearance.hinting { Hinting::On } else { Hinting::Off },
            gamma: appearance.gamma,
            bins: Rasterisation::default().bins.at(self.scale),
        }
    }

    /// Notes why no GPU draws though one was wanted.
    pub fn gpu_missing(&mut self, reason: String) {
        crate::record::notice("Note", &reason);
        if self.wanted_renderer() == WantedRenderer::Gpu {
            self.warn(reason.clone());
        }
        self.without_gpu = Some(reason);
        self.redraw();
    }

    /// Who should draw.
    pub fn wanted_renderer(&self) -> WantedRenderer {
        match self.settings.appearance().renderer {
            crate::settings::Renderer::Auto => WantedRenderer::Auto,
            crate::settings::Renderer::Gpu => WantedRenderer::Gpu,
            crate::settings::Renderer::Cpu => WantedRenderer::Cpu,
        }
    }

    /// The size of the window when it opens, in logical pixels.
    pub fn preferred_size(&self) -> Size {
        self.size
    }

    /// Lets go of what a screen reader asked for: it presses what it was told of.
    pub fn accessibility_action(&mut self, request: &accesskit::ActionRequest) {
        crate::accessibility::act(self, request);
    }

    /// The view that has the focus.
    pub fn view(&self) -> Option<&EditorView> {
        self.panes.focused().item()
    }

    /// The view that has the focus, with its buffer.
    pub fn active(&mut self) -> Option<(&mut EditorView, &mut Buffer)> {
        let view = self.panes.focused_mut().item_mut()?;
        let buffer = self.buffers.get_mut(&view.buffer)?;
        Some((view, buffer))
    }

    /// The view that has the focus, with its buffer, or a fault that says that there is none.
    pub fn need_active(&mut self) -> Result<(&mut EditorView, &mut Buffer), Fault> {
        self.active().ok_or_else(|| Fault::state("No text is open; open a file first."))
    }

    fn focus_changed(&mut self, focus: Focus) {
        self.window_focus = focus;
        match focus {
            Focus::Lost => self.pending.clear(),
            // A watcher can miss what a network file system does.
            Focus::Gained => self.check_all_files(),
        }
        self.redraw();
    }

    /// Not everything is durable: the person is told, and asked for once more.
    fn cannot_quit(&mut self, reason: &str) {
        let nothing_to_lose = !self.buffers.values().any(Buffer::is_dirty);
        if self.may_lose_edits || nothing_to_lose {
            self.request(Request::Quit);
            return;
        }
        self.may_lose_edits = true;
        self.say(
            Severity::Error,
            format!(
                "The newest edits are not on the disk yet ({reason}); save them elsewhere, or \
                 close again to give them up."
            ),
        );
    }

    /// Ends the process once everything is durable. Unsaved texts come back at the next start.
    pub fn quit(&mut self) {
        self.keep_session();
        let post = self.workers.post();
        self.journal.when_durable(Box::new(move |result| {
            post(Box::new(move |program: &mut Program| match result {
                Ok(()) => program.request(Request::Quit),
                Err(sentence) => program.cannot_quit(&sentence),
            }));
        }));
    }

    /// The last act of the process, after the shell has gone.
    pub fn close(&mut self) {
        self.journal.close(Duration::from_secs(2));
    }
}
