//! The whole program without a window: the same inputs, drawn to memory.

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
use crate::program::{Program, RendererName, Start};
use crate::registry::Fault;
use crate::workers::{Completion, Post};

/// The size of the picture until a script asks for another, in logical pixels.
const SIZE: Size = Size { width: 1280.0, height: 800.0 };

/// Runs the program without a window until it quits.
pub fn run(start: Start) -> Result<(), Fault> {
    let (send, receive) = crossbeam_channel::unbounded::<Completion>();
    let post: Post = Arc::new(move |completion| {
        // A loop that has ended needs no answer any more.
        let _ = send.send(completion);
    });
    let mut program = start.begin(post)?;
    program.set_renderer(RendererName::Cpu, None);
    program.stand_still();
    let mut stage = Stage::new();
    program.input(Input::Resize { size: SIZE, scale: 1.0 });
    stage.run(&mut program, &receive);
    stage.meter.record();
    program.close();
    Ok(())
}

struct Stage {
    renderer: CpuRenderer,
    pixels: Vec<u32>,
    /// Whether `pixels` holds the frame before.
    is_drawn: bool,
    size: Size,
    scale: f32,
    meter: Meter,
}

enum Flow {
    Continue,
    Quit,
}

impl Stage {
    fn new() -> Self {
        Stage {
            renderer: CpuRenderer::new(Rasterisation::default()),
            pixels: Vec::new(),
            is_drawn: false,
            size: SIZE,
            scale: 1.0,
            meter: Meter::default(),
        }
    }

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
            for request in program.take_requests() {
                if let Flow::Quit = self.carry_out(program, request) {
                    return Flow::Quit;
                }
            }
            if !program.wants_frame() {
                self.meter.settled();
                return Flow::Continue;
            }
            self.draw(program);
            if program.wants_frame() {
                // The journal is behind: its writer wakes the loop.
                return Flow::Continue;
            }
        }
    }

    fn draw(&mut self, program: &mut Program) {
        let start = Instant::now();
        program.prepare(start);
        if !program.may_present() {
            return;
        }
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
        program.presented();
        self.is_drawn = true;
        self.meter.presented();
        self.meter.busy(start.elapsed(), || "a frame".to_owned());
    }

    fn carry_out(&mut self, program: &mut Program, request: Request) -> Flow {
        match request {
            Request::Quit => return Flow::Quit,
            Request::Resize { width, height, scale } => {
                self.size = Size { width, height };
                self.scale = scale.unwrap_or(self.scale);
                self.is_drawn = false;
                program.input(Input::Resize { size: self.size, scale: self.scale });
            }
            Request::Screenshot { path, reply } => self.screenshot(program, &path, reply),
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
