//! Real windows: winit's events in, presented frames out.

mod keys;
mod surface;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accesskit_winit::Adapter;
use render::geometry::{Point, Size};
use winit::application::ApplicationHandler;
use winit::dpi::{LogicalPosition, LogicalSize, PhysicalPosition};
use winit::event::{ElementState, Ime, MouseButton, MouseScrollDelta, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::{CursorIcon, Theme, Window};

use super::meter::Meter;
use super::{PointerShape, Request};
use crate::accessibility;
use crate::input::{Appearance, Button, Focus, Input, Scroll};
use crate::keymap::Modifiers;
use crate::program::{Program, RendererName, Start, Visibility, WindowId};
use crate::registry::Fault;
use crate::workers::{Completion, Post};
use surface::{Found, Outcome, Shown, Surface, Tell};

/// Two clicks are one double click within this distance, logical pixels.
const DOUBLE_CLICK_SLACK: f32 = 4.0;

/// What wakes the loop besides the windows themselves.
enum Wake {
    Done(Completion),
    Accessibility(accesskit_winit::Event),
    Gpu(WindowId, Found),
}

impl From<accesskit_winit::Event> for Wake {
    fn from(event: accesskit_winit::Event) -> Self {
        Wake::Accessibility(event)
    }
}

/// Runs the program in windows until it quits. `start` makes the program, given how other
/// threads reach it.
pub fn run(start: Start) -> Result<(), Fault> {
    let event_loop = event_loop()?;
    event_loop.set_control_flow(ControlFlow::Wait);
    let proxy = event_loop.create_proxy();
    let program = start.begin(post_through(proxy.clone()))?;
    program.follow_preferences();
    let mut shell =
        Shell { program, proxy, stages: BTreeMap::new(), meter: Meter::default(), failed: None };
    let ended = event_loop.run_app(&mut shell);
    shell.meter.record();
    shell.program.close();
    match (shell.failed, ended) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(no_window(&error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

fn post_through(proxy: EventLoopProxy<Wake>) -> Post {
    Arc::new(move |completion| {
        // A loop that has ended needs no answer any more.
        let _ = proxy.send_event(Wake::Done(completion));
    })
}

/// A missing library makes winit panic on some systems; that is a sentence here.
fn event_loop() -> Result<EventLoop<Wake>, Fault> {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let made = std::panic::catch_unwind(|| EventLoop::<Wake>::with_user_event().build());
    std::panic::set_hook(quiet);
    match made {
        Ok(Ok(event_loop)) => Ok(event_loop),
        Ok(Err(_)) => Err(no_display()),
        Err(_) => Err(Fault::machine(
            "No window can be opened because a library is missing; install libxkbcommon-x11-0, \
             or start with --headless.",
        )),
    }
}

/// What winit says of a missing display names files of its own source.
fn no_display() -> Fault {
    let named = ["WAYLAND_DISPLAY", "DISPLAY"].into_iter().find_map(std::env::var_os);
    Fault::machine(match named.filter(|name| !name.is_empty()) {
        Some(name) => format!(
            "The display \"{}\" cannot be reached; start from a desktop, or with --headless.",
            name.to_string_lossy()
        ),
        None => "There is no display here; start from a desktop, or with --headless.".to_owned(),
    })
}

fn no_window(reason: &str) -> Fault {
    Fault::machine(format!(
        "No window can be opened ({}); start from a desktop, or with --headless.",
        reason.trim_end_matches('.')
    ))
}

struct Shell {
    program: Program,
    proxy: EventLoopProxy<Wake>,
    stages: BTreeMap<WindowId, Stage>,
    /// What all windows cost.
    meter: Meter,
    failed: Option<Fault>,
}

/// A window and what belongs to it.
struct Stage {
    window: Arc<Window>,
    surface: Surface,
    adapter: Adapter,
    tell: Tell,
    modifiers: winit::keyboard::ModifiersState,
    pointer: Point,
    clicks: Option<Clicks>,
    /// Two clicks within this time are a double click.
    double_click: Duration,
    occluded: bool,
    /// Whether input methods are on.
    takes_text: bool,
}

struct Clicks {
    button: Button,
    at: Point,
    when: Instant,
    count: u8,
}

impl ApplicationHandler<Wake> for Shell {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        self.follow(event_loop);
    }

    fn new_events(&mut self, _event_loop: &ActiveEventLoop, cause: StartCause) {
        if matches!(cause, StartCause::ResumeTimeReached { .. }) {
            self.program.tick(Instant::now());
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, wake: Wake) {
        match wake {
            Wake::Done(completion) => {
                let start = Instant::now();
                self.program.complete(completion);
                self.meter.busy(start.elapsed(), || "an answer from a worker".to_owned());
            }
            Wake::Accessibility(event) => self.accessibility(event),
            Wake::Gpu(id, found) => self.gpu_found(id, found),
        }
        self.after(event_loop);
    }

    fn window_event(
        &mut self,
        event_loop: &ActiveEventLoop,
        window: winit::window::WindowId,
        event: WindowEvent,
    ) {
        let found = self.stages.iter_mut().find(|(_, stage)| stage.window.id() == window);
        let Some((id, stage)) = found else { return };
        let id = *id;
        stage.adapter.process_event(&stage.window, &event);
        if matches!(event, WindowEvent::RedrawRequested) {
            self.draw(id);
            self.carry_out_all(event_loop);
            return;
        }
        if let WindowEvent::Occluded(occluded) = event {
            stage.occluded = occluded;
            let visibility = if occluded { Visibility::Hidden } else { Visibility::Seen };
            self.program.within(id, |program| program.set_visibility(visibility));
            return self.after(event_loop);
        }
        stage.double_click = self.program.double_click();
        let Some(input) = stage.translate(event) else { return };
        self.meter.arrived();
        let start = Instant::now();
        let name = input.name();
        self.program.input_in(id, input);
        self.meter.busy(start.elapsed(), || name.to_owned());
        self.after(event_loop);
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        event_loop.set_control_flow(match self.program.wake_at() {
            Some(at) => ControlFlow::WaitUntil(at),
            None => ControlFlow::Wait,
        });
        // A frame that waits for the journal is asked for again when the journal is there.
        let unshown = self.program.unshown();
        if !unshown.is_empty() && self.program.may_present() {
            let stages = unshown.iter().filter_map(|id| self.stages.get(id));
            stages.filter(|stage| !stage.occluded).for_each(|stage| stage.window.request_redraw());
        }
    }
}

impl Shell {
    /// Carries out what the program asked for while it handled something.
    fn after(&mut self, event_loop: &ActiveEventLoop) {
        self.follow(event_loop);
        self.carry_out_all(event_loop);
        let unshown = self.program.unshown();
        if unshown.is_empty() {
            self.meter.settled();
        }
        let stages = unshown.iter().filter_map(|id| self.stages.get(id));
        stages.for_each(|stage| stage.window.request_redraw());
    }

    /// Shows each window that the program has, and no other.
    fn follow(&mut self, event_loop: &ActiveEventLoop) {
        let mut ids = self.program.window_ids();
        self.stages.retain(|id, _| ids.contains(id));
        // The system gives the keyboard to the window that is shown last.
        let focus = self.program.focused_window();
        ids.sort_by_key(|id| *id == focus);
        ids.retain(|id| !self.stages.contains_key(id));
        for id in ids {
            let proxy = self.proxy.clone();
            let opened = self.program.within(id, |program| Stage::open(event_loop, program, proxy));
            match opened {
                Ok(stage) => {
                    self.stages.insert(id, stage);
                }
                Err(fault) if self.stages.is_empty() => {
                    self.failed = Some(fault);
                    return event_loop.exit();
                }
                Err(fault) => self.program.window_refused(id, &fault),
            }
        }
    }

    fn draw(&mut self, id: WindowId) {
        let Some(stage) = self.stages.get_mut(&id).filter(|stage| !stage.occluded) else { return };
        let meter = &mut self.meter;
        self.program.within(id, |program| stage.draw(program, meter));
    }

    fn gpu_found(&mut self, id: WindowId, found: Found) {
        let Some(stage) = self.stages.get_mut(&id) else { return };
        let outcome = stage.surface.take(found, &stage.tell);
        self.program.within(id, |program| match outcome {
            Outcome::Searching => {}
            Outcome::Taken(adapter) => {
                program.set_renderer(RendererName::Gpu, Some(adapter));
                program.redraw();
            }
            Outcome::None(reason) => program.gpu_missing(reason),
        });
    }

    fn accessibility(&mut self, event: accesskit_winit::Event) {
        let found = self.stages.iter_mut().find(|(_, stage)| stage.window.id() == event.window_id);
        let Some((id, stage)) = found else { return };
        self.program.within(*id, |program| match event.window_event {
            accesskit_winit::WindowEvent::InitialTreeRequested => {
                let scale = stage.window.scale_factor();
                stage.adapter.update_if_active(|| accessibility::tree(program, scale));
            }
            accesskit_winit::WindowEvent::ActionRequested(request) => {
                program.accessibility_action(&request);
            }
            accesskit_winit::WindowEvent::AccessibilityDeactivated => {}
        });
    }

    fn carry_out_all(&mut self, event_loop: &ActiveEventLoop) {
        for (id, request) in self.program.take_requests() {
            self.carry_out(event_loop, id, request);
        }
    }

    fn carry_out(&mut self, event_loop: &ActiveEventLoop, id: WindowId, request: Request) {
        let Some(stage) = self.stages.get_mut(&id) else { return };
        let window = &stage.window;
        match request {
            Request::Quit => event_loop.exit(),
            Request::Title(title) => window.set_title(&title),
            Request::Caret(area) => {
                if stage.takes_text != area.is_some() {
                    stage.takes_text = area.is_some();
                    window.set_ime_allowed(stage.takes_text);
                }
                if let Some(area) = area {
                    window.set_ime_cursor_area(
                        LogicalPosition::new(area.x, area.y),
                        LogicalSize::new(area.width.max(1.0), area.height),
                    );
                }
            }
            Request::Pointer(shape) => window.set_cursor(icon(shape)),
            Request::Resize { width, height, .. } => {
                // The system answers with an event of its own, now or later.
                let _ = window.request_inner_size(LogicalSize::new(width, height));
            }
            Request::Screenshot { path, reply } => {
                let scale = window.scale_factor() as f32;
                self.program.within(id, |program| {
                    program.prepare(Instant::now());
                    reply(stage.surface.picture(program.scene(), scale, &path));
                });
            }
            Request::LoseDevice(reply) => {
                reply(stage.surface.lose_device());
                self.program.within(id, Program::redraw);
            }
            Request::Frames { reset, reply } => {
                reply(Ok(self.meter.report()));
                if reset {
                    self.meter.reset();
                }
            }
            Request::Fullscreen => {
                let other = match window.fullscreen() {
                    Some(_) => None,
                    None => Some(winit::window::Fullscreen::Borderless(None)),
                };
                window.set_fullscreen(other);
            }
            Request::Raise => {
                window.set_minimized(false);
                window.focus_window();
            }
        }
    }
}

impl Stage {
    fn open(
        event_loop: &ActiveEventLoop,
        program: &mut Program,
        proxy: EventLoopProxy<Wake>,
    ) -> Result<Self, Fault> {
        let size = program.window.size();
        let attributes = Window::default_attributes()
            .with_title("Hearth")
            .with_visible(false)
            .with_inner_size(LogicalSize::new(size.width, size.height))
            .with_min_inner_size(LogicalSize::new(320.0, 200.0));
        let window =
            event_loop.create_window(attributes).map_err(|error| no_window(&error.to_string()))?;
        let window = Arc::new(window);
        let (found, id) = (proxy.clone(), program.window.id);
        let tell: Tell = Arc::new(move |gpu| {
            // A loop that has ended draws no more.
            let _ = found.send_event(Wake::Gpu(id, gpu));
        });
        let adapter = Adapter::with_event_loop_proxy(event_loop, &window, proxy);
        let surface = Surface::open(&window, program.wanted_renderer())?;
        program.set_renderer(surface.description(), None);
        let scale = window.scale_factor();
        let inner = window.inner_size().to_logical::<f32>(scale);
        if let Some(theme) = window.theme() {
            program.input(Input::Appearance(appearance(theme)));
        }
        program.input(Input::Resize {
            size: Size { width: inner.width, height: inner.height },
            scale: scale as f32,
        });
        window.set_visible(true);
        window.request_redraw();
        Ok(Stage {
            window,
            surface,
            adapter,
            tell,
            modifiers: winit::keyboard::ModifiersState::empty(),
            pointer: Point { x: 0.0, y: 0.0 },
            clicks: None,
            double_click: Duration::ZERO,
            occluded: false,
            takes_text: false,
        })
    }

    fn draw(&mut self, program: &mut Program, meter: &mut Meter) {
        if !program.wants_frame() {
            // The system lost what it showed of the window.
            self.surface.expose();
            if self.surface.description() == RendererName::Cpu {
                return;
            }
        }
        let start = Instant::now();
        let scale = self.window.scale_factor() as f32;
        program.prepare(start);
        // What is shown must survive a kill: the journal's write is awaited, never waited for. Its
        // writer wakes the loop.
        if !program.may_present() {
            return;
        }
        self.surface.set_rasterisation(program.rasterisation());
        match self.surface.present(program.scene(), scale) {
            Ok(Shown::Yes) => {
                meter.presented();
                program.presented();
            }
            Ok(Shown::Later) => {}
            Ok(Shown::Lost) => program.set_renderer(RendererName::Cpu, None),
            Err(sentence) => {
                program.presented();
                program.warn(sentence);
            }
        }
        self.surface.search(&self.tell);
        meter.drawn(start.elapsed());
        self.tell_reader(program, meter, f64::from(scale));
    }

    /// Tells assistive technology of the frame; where none listens nothing is worked out.
    fn tell_reader(&mut self, program: &mut Program, meter: &mut Meter, scale: f64) {
        let (start, mut is_heard) = (Instant::now(), false);
        self.adapter.update_if_active(|| {
            is_heard = true;
            accessibility::tree(program, scale)
        });
        if is_heard {
            meter.told(start.elapsed());
        }
    }

    fn translate(&mut self, event: WindowEvent) -> Option<Input> {
        let modifiers = keys::modifiers(self.modifiers);
        Some(match event {
            WindowEvent::CloseRequested => Input::Close,
            WindowEvent::Resized(_) => self.resized(),
            WindowEvent::ScaleFactorChanged { .. } => self.resized(),
            WindowEvent::Focused(true) => Input::Focus(Focus::Gained),
            WindowEvent::Focused(false) => Input::Focus(Focus::Lost),
            WindowEvent::ThemeChanged(theme) => Input::Appearance(appearance(theme)),
            WindowEvent::DroppedFile(path) => Input::Drop(path),
            WindowEvent::ModifiersChanged(state) => {
                self.modifiers = state.state();
                return None;
            }
            WindowEvent::KeyboardInput { event, is_synthetic: false, .. } => {
                let pressed = event.state == ElementState::Pressed;
                pressed.then(|| keys::input(&event, self.modifiers))??
            }
            WindowEvent::Ime(Ime::Preedit(text, cursor)) => {
                let cursor = cursor.map_or(text.len(), |(start, _)| start);
                Input::Preedit { text, cursor }
            }
            WindowEvent::Ime(Ime::Commit(text)) => Input::Text(text),
            WindowEvent::CursorMoved { position, .. } => {
                self.pointer = self.logical(position);
                Input::Move { at: self.pointer, modifiers }
            }
            WindowEvent::CursorLeft { .. } => Input::Leave,
            WindowEvent::MouseInput { state, button, .. } => {
                return self.click(state, button, modifiers);
            }
            WindowEvent::MouseWheel { delta, .. } => {
                let by = match delta {
                    MouseScrollDelta::LineDelta(x, y) => Scroll::Lines(-x, -y),
                    MouseScrollDelta::PixelDelta(by) => {
                        let by = by.to_logical::<f32>(self.window.scale_factor());
                        Scroll::Pixels(-by.x, -by.y)
                    }
                };
                Input::Scroll { at: self.pointer, by, modifiers }
            }
            _ => return None,
        })
    }

    fn resized(&self) -> Input {
        let scale = self.window.scale_factor();
        let size = self.window.inner_size().to_logical::<f32>(scale);
        Input::Resize { size: Size { width: size.width, height: size.height }, scale: scale as f32 }
    }

    fn click(
        &mut self,
        state: ElementState,
        button: MouseButton,
        modifiers: Modifiers,
    ) -> Option<Input> {
        let button = match button {
            MouseButton::Left => Button::Left,
            MouseButton::Middle => Button::Middle,
            MouseButton::Right => Button::Right,
            _ => return None,
        };
        let (at, now) = (self.pointer, Instant::now());
        if state == ElementState::Released {
            return Some(Input::Release { at, button });
        }
        let again = self.clicks.as_ref().filter(|last| {
            last.button == button
                && now - last.when < self.double_click
                && (last.at.x - at.x).abs() < DOUBLE_CLICK_SLACK
                && (last.at.y - at.y).abs() < DOUBLE_CLICK_SLACK
        });
        // A fourth click starts over, as everywhere.
        let count = again.map_or(1, |last| last.count % 3 + 1);
        self.clicks = Some(Clicks { button, at, when: now, count });
        Some(Input::Press { at, button, count, modifiers })
    }

    fn logical(&self, position: PhysicalPosition<f64>) -> Point {
        let at = position.to_logical::<f32>(self.window.scale_factor());
        Point { x: at.x, y: at.y }
    }
}

fn appearance(theme: Theme) -> Appearance {
    match theme {
        Theme::Light => Appearance::Light,
        Theme::Dark => Appearance::Dark,
    }
}

fn icon(shape: PointerShape) -> CursorIcon {
    match shape {
        PointerShape::Arrow => CursorIcon::Default,
        PointerShape::Text => CursorIcon::Text,
        PointerShape::Hand => CursorIcon::Pointer,
        PointerShape::ResizeColumn => CursorIcon::ColResize,
        PointerShape::ResizeRow => CursorIcon::RowResize,
    }
}
