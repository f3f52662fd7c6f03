//! The whole program without a screen: the same inputs, drawn to memory, a picture for each window.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use render::cpu::{Contents, CpuRenderer};
use render::geometry::PhysicalSize;
use render::geometry::Size;
use render::glyph::Rasterisation;

use super::meter::Meter;
use super::picture::Picture;
use super::{Reply, Request};
use crate::input::Input;
use crate::program::{Program, RendererName, Start, WindowId};
use crate::registry::Fault;
use crate::workers::{Completion, Post};

/// Runs the program without a screen until it quits.
pub fn run(start: Start) -> Result<(), Fault> {
    let (send, receive) = crossbeam_channel::unbounded::<Completion>();
    let post: Post = Arc::new(move |completion| {
        // A loop that has ended needs no answer any more.
        let _ = send.send(completion);
    });
    let mut program = start.begin(post)?;
    program.stand_still();
    let mut shell = Shell { stages: BTreeMap::new(), meter: Meter::default() };
    shell.run(&mut program, &receive);
    shell.meter.record();
    program.close();
    Ok(())
}

struct Shell {
    stages: BTreeMap<WindowId, Stage>,
    /// What all windows cost.
    meter: Meter,
}

/// What a window is drawn to.
struct Stage {
    renderer: CpuRenderer,
    pixels: Vec<u32>,
    /// Whether `pixels` holds the frame before.
    is_drawn: bool,
    size: Size,
    scale: f32,
}

enum Flow {
    Continue,
    Quit,
}

/// What became of a frame.
#[derive(PartialEq, Eq)]
enum Drawn {
    Yes,
    /// The journal is behind: its writer wakes the loop.
    Later,
}

impl Shell {
    fn run(&mut self, program: &mut Program, receive: &Receiver<Completion>) {
        loop {
            if let Flow::Quit = self.after(program) {
                return;
            }
            let completion = match program.wake_at() {
                None => receive.recv().ok(),
                Some(at) => match receive.recv_deadline(at) {
                    Ok(completion) => Some(completion),
                    Err(RecvTimeoutError::Timeout) => {
                        program.tick(Instant::now());
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => None,
                },
            };
            let Some(completion) = completion else { return };
            self.meter.arrived();
            let start = Instant::now();
            program.complete(completion);
            self.meter.busy(start.elapsed(), || program.last_command().to_owned());
        }
    }

    /// Carries out requests and draws; what a request changes is drawn as well.
    fn after(&mut self, program: &mut Program) -> Flow {
        loop {
            self.follow(program);
            for (id, request) in program.take_requests() {
                let flow = program.within(id, |program| self.carry_out(program, request));
                if let Flow::Quit = flow {
                    return Flow::Quit;
                }
            }
            let unshown = program.unshown();
            if unshown.is_empty() {
                self.meter.settled();
                return Flow::Continue;
            }
            let mut is_behind = false;
            for id in unshown {
                is_behind |= program.within(id, |program| self.draw(program)) == Drawn::Later;
            }
            if is_behind {
                return Flow::Continue;
            }
        }
    }

    /// Has a stage for each window, and no other.
    fn follow(&mut self, program: &mut Program) {
        let ids = program.window_ids();
        self.stages.retain(|id, _| ids.contains(id));
        for id in ids {
            if let Entry::Vacant(place) = self.stages.entry(id) {
                program.within(id, |program| {
                    program.set_renderer(RendererName::Cpu, None);
                    let (size, scale) = (program.window.size(), program.window.scale());
                    place.insert(Stage::new(size, scale));
                });
            }
        }
    }

    fn draw(&mut self, program: &mut Program) -> Drawn {
        let Some(stage) = self.stages.get_mut(&program.window.id) else { return Drawn::Later };
        let start = Instant::now();
        program.prepare(start);
        if !program.may_present() {
            return Drawn::Later;
        }
        stage.draw(program);
        program.presented();
        self.meter.presented();
        self.meter.drawn(start.elapsed());
        Drawn::Yes
    }

    fn carry_out(&mut self, program: &mut Program, request: Request) -> Flow {
        let Some(stage) = self.stages.get_mut(&program.window.id) else { return Flow::Continue };
        match request {
            Request::Quit => return Flow::Quit,
            Request::Resize { width, height, scale } => {
                stage.size = Size { width, height };
                stage.scale = scale.unwrap_or(stage.scale);
                stage.is_drawn = false;
                program.input(Input::Resize { size: stage.size, scale: stage.scale });
            }
            Request::Screenshot { path, reply } => stage.screenshot(program, &path, reply),
            Request::LoseDevice(reply) => reply(Err(Fault::state(
                "There is no GPU device to lose: this instance draws on the CPU.",
            ))),
            Request::Frames { reset, reply } => {
                reply(Ok(self.meter.report()));
                if reset {
                    self.meter.reset();
                }
            }
            // Nothing outside shows these.
            Request::Title(_)
            | Request::Caret(_)
            | Request::Pointer(_)
            | Request::Fullscreen
            | Request::Raise => {}
        }
        Flow::Continue
    }
}

impl Stage {
    fn new(size: Size, scale: f32) -> Self {
        Stage {
            renderer: CpuRenderer::new(Rasterisation::default()),
            pixels: Vec::new(),
            is_drawn: false,
            size,
            scale,
        }
    }

    fn draw(&mut self, program: &Program) {
        self.renderer.set_rasterisation(program.rasterisation());
        let size = physical(self.size, self.scale);
        let pixels = size.pixels();
        if self.pixels.len() != pixels {
            self.pixels.resize(pixels, 0);
            self.is_drawn = false;
        }
        let contents = match self.is_drawn {
            true => Contents::Frame(1),
            false => Contents::Unknown,
        };
        self.renderer.draw(program.scene(), size, self.scale, contents, &mut self.pixels);
        self.is_drawn = true;
    }

    fn screenshot(&mut self, program: &mut Program, path: &std::path::Path, reply: Reply) {
        program.prepare(Instant::now());
        let size = physical(self.size, self.scale);
        let mut pixels = vec![0; size.pixels()];
        // A renderer of its own, so that the damage of the stage's stays true.
        CpuRenderer::new(program.rasterisation()).draw(
            program.scene(),
            size,
            self.scale,
            Contents::Unknown,
            &mut pixels,
        );
        let picture = Picture { width: size.width, height: size.height, pixels: &pixels };
        reply(picture.answer(path));
    }
}

fn physical(size: Size, scale: f32) -> PhysicalSize {
    let pixels = |length: f32| (length * scale).round().max(1.0) as u32;
    PhysicalSize { width: pixels(size.width), height: pixels(size.height) }
}
