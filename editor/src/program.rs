//! The whole state of the program on its UI thread, and what happens to it.
//!
//! Four things come in: [`Input`] from a shell, completions from workers, calls from the control
//! socket, and the time. All of them end in commands of the one registry. Two things go out: a
//! frame when something changed, and [`Request`]s to the shell. Nothing here blocks.

mod authority;
mod call;
mod clipboard;
mod compare;
mod devices;
mod early;
mod edit;
mod find;
mod folders;
pub mod frame;
mod keys;
mod leave;
mod merge;
mod motion;
mod open;
mod overlay;
mod panels;
mod parse;
mod pointer;
mod restore;
mod save;
mod session;
mod sharing;
mod slide;
mod start;
mod state;
mod unlock;
mod watch;
mod window;
mod windows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::gate::Gate;
use kernel::keys::Unlocked;
use kernel::principal::Principal;
use kernel::run::schedule::Scheduler;
use render::glyph::{Hinting, Rasterisation};
use render::shape::{FontChoice, MissingFont, Shaper};
use smallvec::SmallVec;

use crate::buffer::{Buffer, BufferId};
use crate::clipboard::Clipboard;
use crate::control::Control;
use crate::files::watch::Watcher;
use crate::guard::Around;
use crate::input::{Focus, Input};
use crate::instance::Held;
use crate::journal::Journal;
use crate::keymap::Keymap;
use crate::notice::{Notices, Severity};
use crate::picker::Picker;
use crate::preferences::{self, Changes, Preference, Preferred};
use crate::prompt::Prompt;
use crate::registry::{Fault, Registry};
use crate::settings::{Layer, Settings};
use crate::shell::{Reply, Request};
use crate::stores::Stores;
use crate::view::EditorView;
use crate::workers::{Completion, Workers};

pub use edit::{Travel, pairs_of};
pub use leave::{Then, What};
pub use overlay::Confirm;
pub use parse::ParseFlag;
pub use start::Start;
pub use state::font_choice;
pub use window::{Visibility, Window, WindowId};

/// The whole state; owned by the UI thread.
pub struct Program {
    /// Everything that can be done.
    pub registry: Registry,
    /// Which keys do it.
    pub keymap: Keymap,
    /// How the person wants it.
    pub settings: Settings,
    /// Shapes lines.
    pub shaper: Shaper,
    /// The window that commands act in.
    pub window: Window,
    /// Open texts.
    pub buffers: BTreeMap<BufferId, Buffer>,
    /// What was said.
    pub notices: Notices,
    /// Work off this thread.
    pub workers: Workers,
    /// What survives a crash.
    pub journal: Journal,
    /// What was copied.
    pub clipboard: Clipboard,
    /// Files that were open lately, newest first.
    pub recent: Vec<PathBuf>,
    /// What was closed, newest last.
    pub closed: Vec<leave::Closed>,
    /// What commands keep between two calls.
    pub memory: crate::command::Memory,
    /// Other files of the machine that the program reads and follows.
    pub places: crate::directories::Directories,
    /// The other windows, in no order.
    others: Vec<Window>,
    /// The window that has the keyboard, or had it last.
    focus: WindowId,
    next_window: u64,
    /// Texts that are compared.
    comparisons: Vec<compare::Comparison>,
    next_compare: u64,
    requests: Vec<(WindowId, Request)>,
    /// Without a screen nobody sees movement.
    is_seen: bool,
    /// What the system prefers.
    preferred: preferences::Told,
    last_command: String,
    calls: call::Calls,
    next_buffer: u64,
    next_draft: u32,
    /// When the session is kept next.
    session_due: Option<Instant>,
    /// What was open is still being restored: the session on disk is newer than ours.
    is_restoring: bool,
    /// The profile's keys, once it is unlocked.
    pub keys: Option<Arc<Unlocked>>,
    /// Who may do what.
    pub gate: Arc<Gate>,
    /// What the unlocked profile keeps beside its texts, once it is open.
    pub stores: Option<Arc<Stores>>,
    is_opening_stores: bool,
    /// Folders that other devices share.
    sharing: sharing::SharedFolders,
    /// What runs know of the person and the windows' folders.
    around: Around,
    /// What was wrong with the policy when it was read last.
    told_of_policy: Vec<kernel::gate::Problem>,
    /// What folders said when the person was told last.
    told_of_folders: BTreeMap<PathBuf, folders::Told>,
    /// Does by itself what nobody waits for.
    scheduler: Option<Scheduler>,
    /// Questions that wait for a person.
    inbox_count: usize,
    /// Whose call it is that runs.
    caller: Principal,
    /// The right to be the profile's process.
    held: Option<Held>,
    control: Option<Control>,
    watcher: Option<Watcher>,
    /// What was handed to the primary selection last.
    offered: Option<text::CharRange>,
    /// What was looked for last, for the next step without a bar.
    last_find: Option<(String, crate::find::Options)>,
    /// The layout that the kept session has.
    kept_layout: u64,
    /// The fonts that were looked up; `None` until the first frame is there.
    fonts: Option<FontChoice>,
    /// Those of them that are not there.
    missing_fonts: Vec<MissingFont>,
    /// The font of code has characters of different widths.
    is_proportional: bool,
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

impl RendererName {
    /// As `app.state` tells it.
    pub fn name(self) -> &'static str {
        match self {
            RendererName::Gpu => "gpu",
            RendererName::Cpu => "cpu",
        }
    }
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

impl Program {
    /// Takes one event from the shell.
    pub fn input(&mut self, input: Input) {
        self.around.presence.touch();
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
                if (self.window.size, self.window.scale) != (size, scale) {
                    (self.window.size, self.window.scale) = (size, scale);
                    self.redraw();
                }
            }
            Input::Focus(focus) => self.focus_changed(focus),
            Input::Appearance(appearance) => {
                let what = Preferred::Appearance(appearance);
                self.prefer(Preference { what, from: preferences::Source::Desktop });
            }
            Input::Drop(path) => self.open_path(path, None),
            Input::Close => self.close_window(self.window.id),
        }
        self.keep_changed_layout();
    }

    /// Runs the answer of a worker.
    pub fn complete(&mut self, completion: Completion) {
        completion(self);
        self.keep_changed_layout();
        self.answer_settled_calls();
    }

    /// Asks what the system prefers, and follows it.
    pub fn follow_preferences(&self) {
        let post = self.workers.post();
        preferences::follow(move |preference| {
            post(Box::new(move |program: &mut Program| program.prefer(preference)));
        });
    }

    fn prefer(&mut self, preference: Preference) {
        let (appearance, drawn) = (self.preferred.appearance(), self.rasterisation());
        self.preferred.take(preference);
        if self.preferred.appearance() != appearance {
            self.choose_theme();
        }
        if self.rasterisation() != drawn {
            self.redraw_all();
        }
    }

    /// Two clicks within this time are a double click.
    pub fn double_click(&self) -> Duration {
        self.preferred.double_click()
    }

    /// Lets time pass: notices go, animations move.
    pub fn tick(&mut self, now: Instant) {
        if self.notices.expire(now) {
            self.redraw_all();
        }
        self.windows_mut()
            .filter(|window| window.movements.are_under_way())
            .for_each(Window::redraw);
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
        self.window.is_unshown()
    }

    /// The windows that are seen and in which something changed since their last frame.
    pub fn unshown(&self) -> SmallVec<[WindowId; 4]> {
        let all = self.others.iter().chain([&self.window]);
        all.filter(|window| window.is_unshown() && window.visibility == Visibility::Seen)
            .map(|window| window.id)
            .collect()
    }

    /// Whether everything that a frame would show is in the journal, so that a kill loses none.
    pub fn may_present(&mut self) -> bool {
        self.journal.is_written()
    }

    /// Asks for a frame of the window that commands act in.
    pub fn redraw(&mut self) {
        self.window.redraw();
        self.session_moved();
    }

    /// What the shell has to do, and with which window.
    pub fn take_requests(&mut self) -> Vec<(WindowId, Request)> {
        std::mem::take(&mut self.requests)
    }

    /// Asks something of the shell, for the window that commands act in.
    pub fn request(&mut self, request: Request) {
        self.requests.push((self.window.id, request));
    }

    /// Says something to the person.
    pub fn say(&mut self, severity: Severity, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.notices.shown().iter().any(|notice| notice.sentence == sentence) {
            self.bring_notice();
        }
        self.notices.say(severity, sentence, Instant::now());
        self.redraw_all();
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

    /// Notes who draws.
    pub fn set_renderer(&mut self, renderer: RendererName, adapter: Option<String>) {
        if renderer == RendererName::Gpu {
            self.window.without_gpu = None;
        }
        self.window.renderer = renderer;
        self.window.adapter = adapter;
    }

    /// How glyphs become pixels.
    pub fn rasterisation(&self) -> Rasterisation {
        let appearance = self.settings.appearance();
        let own = if appearance.hinting { Hinting::On } else { Hinting::Off };
        let says = self.settings.origin("appearance.hinting");
        let is_own = says.is_some_and(|origin| origin.layer != Layer::BuiltIn);
        Rasterisation {
            // What the person says counts more than what the system does.
            hinting: self.preferred.hinting().filter(|_| !is_own).unwrap_or(own),
            smoothing: self.preferred.smoothing(),
            gamma: appearance.gamma,
            bins: Rasterisation::default().bins.at(self.window.scale),
        }
    }

    /// Notes why no GPU draws though one was wanted.
    pub fn gpu_missing(&mut self, reason: String) {
        crate::record::notice("Note", &reason);
        if self.wanted_renderer() == WantedRenderer::Gpu {
            self.warn(reason.clone());
        }
        self.window.without_gpu = Some(reason);
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

    /// Does what assistive technology asks for.
    pub fn accessibility_action(&mut self, request: &accesskit::ActionRequest) {
        crate::accessibility::act(self, request);
    }

    /// The view that has the focus.
    pub fn view(&self) -> Option<&EditorView> {
        self.window.panes.focused().item()
    }

    /// The view that has the focus, with its buffer.
    pub fn active(&mut self) -> Option<(&mut EditorView, &mut Buffer)> {
        let view = self.window.panes.focused_mut().item_mut()?;
        let buffer = self.buffers.get_mut(&view.buffer)?;
        Some((view, buffer))
    }

    /// The view that has the focus, with its buffer, or a fault that says that there is none.
    pub fn need_active(&mut self) -> Result<(&mut EditorView, &mut Buffer), Fault> {
        self.active().ok_or_else(|| Fault::state("No text is open; open a file first."))
    }

    fn focus_changed(&mut self, focus: Focus) {
        self.window.window_focus = focus;
        match focus {
            Focus::Lost => self.window.pending.clear(),
            Focus::Gained => {
                // A watcher can miss what a network file system does.
                self.check_all_files();
                if self.is_seen && preferences::CHANGES == Changes::Asked {
                    self.follow_preferences();
                }
            }
        }
        self.redraw();
    }

    /// Not everything is durable, and would be gone with the process: the person is asked.
    fn cannot_quit(&mut self, reason: &str) {
        if self.buffers.values().any(Buffer::is_dirty) {
            let reason = reason.trim_end_matches('.');
            self.say(
                Severity::Error,
                format!("The newest edits are not on the disk yet ({reason}); save them first."),
            );
        }
        self.leave(What::Process);
    }

    /// Ends the process once everything is durable. Unsaved texts come back at the next start.
    pub fn quit(&mut self) {
        self.quit_then(Box::new(|_| {}));
    }

    /// The same, and tells whoever asked for it before the process ends.
    pub fn quit_then(&mut self, reply: Reply) {
        self.keep_session();
        let post = self.workers.post();
        self.journal.when_durable(Box::new(move |result| {
            reply(Ok(serde_json::Value::Null));
            post(Box::new(move |program: &mut Program| match result {
                Ok(()) => program.request(Request::Quit),
                Err(sentence) => program.cannot_quit(&sentence),
            }));
        }));
    }

    /// The last act of the process, after the shell has gone.
    pub fn close(&mut self) {
        // What it drives has ended when it is dropped.
        self.scheduler = None;
        if let Some(stores) = self.stores.take() {
            stores.close();
        }
        self.journal.close(Duration::from_secs(2));
        if let Some(control) = &self.control {
            control.drain(Duration::from_millis(500));
        }
    }
}
