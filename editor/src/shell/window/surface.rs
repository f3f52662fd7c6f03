//! Where frames of a window go: pixels of the CPU renderer through softbuffer, or a GPU surface.
//!
//! A window is drawn on the CPU at first, since that is there at once. Where a GPU is wanted it is
//! looked for on a thread after the first frame, and takes over when it is ready; a GPU that is
//! lost gives way to the CPU until it is found again.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use render::cpu::{Contents, CpuRenderer};
use render::geometry::PhysicalSize;
use render::glyph::Rasterisation;
use render::gpu::{Attached, Gpu, GpuSurface, NoGpu, Presented, Wanted};
use render::scene::Scene;
use serde_json::Value;
use softbuffer::{Context, Rect, Surface as Pixels};
use winit::window::Window;

use crate::program::{RendererName, WantedRenderer};
use crate::registry::Fault;
use crate::shell::picture::Picture;

/// Presents scenes in a window.
pub struct Surface {
    window: Arc<Window>,
    canvas: Canvas,
    rasterisation: Rasterisation,
    search: Search,
    wanted: Wanted,
}

enum Canvas {
    Cpu(Box<Cpu>),
    Gpu(Box<GpuSurface>),
}

/// Whether a GPU is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// None is wanted.
    Never,
    /// After the next frame.
    Due(Wanted),
    /// A thread is looking, or has looked.
    Begun,
}

/// What a search for a GPU found, to be handed to [`Surface::take`].
pub enum Found {
    /// Adapters; the window has to be attached to one on its own thread.
    Adapters(Result<Gpu, NoGpu>),
    /// A surface that can be drawn in.
    Surface(Box<Result<GpuSurface, NoGpu>>),
}

/// Brings what was found to the window's thread.
pub type Tell = Arc<dyn Fn(Found) + Send + Sync>;

/// What became of a search.
pub enum Outcome {
    /// It goes on.
    Searching,
    /// The GPU draws from now on.
    Taken(String),
    /// There is none that will do, for this reason.
    None(String),
}

struct Cpu {
    renderer: CpuRenderer,
    pixels: Pixels<Arc<Window>, Arc<Window>>,
    size: PhysicalSize,
}

impl Surface {
    /// Opens a surface that is drawn on the CPU.
    pub fn open(window: &Arc<Window>, wanted: WantedRenderer) -> Result<Self, Fault> {
        Ok(Surface {
            window: Arc::clone(window),
            canvas: Canvas::Cpu(Box::new(Cpu::open(window)?)),
            rasterisation: Rasterisation::default(),
            wanted: if wanted == WantedRenderer::Gpu { Wanted::Gpu } else { Wanted::Auto },
            search: match wanted {
                WantedRenderer::Auto => Search::Due(Wanted::Auto),
                WantedRenderer::Gpu => Search::Due(Wanted::Gpu),
                WantedRenderer::Cpu => Search::Never,
            },
        })
    }

    /// Looks for a GPU on a thread, if one is wanted and was not looked for yet.
    pub fn search(&mut self, tell: &Tell) {
        let Search::Due(wanted) = self.search else { return };
        self.search = Search::Begun;
        let (window, tell) = (Arc::clone(&self.window), Arc::clone(tell));
        let probe = move || tell(Found::Adapters(Gpu::probe(&window, wanted)));
        spawn("gpu probe", probe);
    }

    /// Goes on with what a search found.
    pub fn take(&mut self, found: Found, tell: &Tell) -> Outcome {
        let attached = match found {
            Found::Adapters(adapters) => {
                adapters.and_then(|gpu| gpu.attach(Arc::clone(&self.window)))
            }
            Found::Surface(opened) => {
                return match *opened {
                    Ok(surface) => {
                        let adapter = surface.adapter().to_string();
                        self.canvas = Canvas::Gpu(Box::new(surface));
                        Outcome::Taken(adapter)
                    }
                    Err(none) => Outcome::None(none.to_string()),
                };
            }
        };
        match attached {
            Ok(attached) => {
                self.open_device(attached, tell);
                Outcome::Searching
            }
            Err(none) => Outcome::None(none.to_string()),
        }
    }

    fn open_device(&self, attached: Attached, tell: &Tell) {
        let (tell, rasterisation) = (Arc::clone(tell), self.rasterisation);
        spawn("gpu device", move || {
            tell(Found::Surface(Box::new(attached.open(rasterisation))));
        });
    }

    /// Rasterises glyphs differently from now on.
    pub fn set_rasterisation(&mut self, rasterisation: Rasterisation) {
        self.rasterisation = rasterisation;
        match &mut self.canvas {
            Canvas::Cpu(cpu) => cpu.renderer.set_rasterisation(rasterisation),
            Canvas::Gpu(gpu) => gpu.set_rasterisation(rasterisation),
        }
    }

    /// What draws.
    pub fn description(&self) -> RendererName {
        match &self.canvas {
            Canvas::Cpu(_) => RendererName::Cpu,
            Canvas::Gpu(_) => RendererName::Gpu,
        }
    }

    /// The system wants the window shown again, though nothing in it changed. The GPU has to
    /// present the scene anew.
    pub fn expose(&mut self) {
        match &mut self.canvas {
            Canvas::Cpu(cpu) => cpu.expose(),
            Canvas::Gpu(gpu) => gpu.invalidate(),
        }
    }

    /// Draws a scene and shows it; a surface without room shows nothing.
    ///
    /// # Errors
    /// A sentence when nothing could be shown. A GPU that was lost gave way to the CPU.
    pub fn present(&mut self, scene: &Scene, scale: f32) -> Result<Shown, String> {
        let inner = self.window.inner_size();
        let size = PhysicalSize { width: inner.width, height: inner.height };
        let lost = match &mut self.canvas {
            Canvas::Cpu(cpu) => {
                cpu.present(&self.window, scene, scale).map_err(|error| {
                    format!("The window could not be drawn ({error}); resize it to try again.")
                })?;
                return Ok(Shown::Yes);
            }
            Canvas::Gpu(gpu) => {
                match gpu.present(scene, size, scale, || self.window.pre_present_notify()) {
                    Ok(Presented::Later) => return Ok(Shown::Later),
                    Ok(_) => return Ok(Shown::Yes),
                    Err(lost) => lost,
                }
            }
        };
        let cpu = Cpu::open(&self.window).map_err(|fault| fault.sentence)?;
        self.canvas = Canvas::Cpu(Box::new(cpu));
        self.search = Search::Due(self.wanted);
        crate::record::notice("Warning", &lost.reason);
        Ok(Shown::Lost)
    }

    /// Writes what is drawn as a PNG.
    pub fn picture(&mut self, scene: &Scene, scale: f32, path: &Path) -> Result<Value, Fault> {
        let inner = self.window.inner_size();
        let size = PhysicalSize { width: inner.width, height: inner.height };
        let pixels = match &mut self.canvas {
            Canvas::Cpu(_) => {
                let mut pixels = vec![0; size.pixels()];
                // A renderer of its own, so that the damage of the window's stays true.
                CpuRenderer::new(self.rasterisation).draw(
                    scene,
                    size,
                    scale,
                    Contents::Unknown,
                    &mut pixels,
                );
                pixels
            }
            Canvas::Gpu(gpu) => gpu
                .render_to_pixels(scene, size, scale)
                .map_err(|lost| Fault::machine(lost.to_string()))?,
        };
        Picture { width: size.width, height: size.height, pixels: &pixels }.answer(path)
    }

    /// Loses the GPU's device, as a driver might.
    pub fn lose_device(&mut self) -> Result<Value, Fault> {
        match &mut self.canvas {
            Canvas::Cpu(_) => Err(Fault::state(
                "There is no GPU device to lose: this window is drawn on the CPU.",
            )),
            Canvas::Gpu(gpu) => {
                gpu.lose_device();
                gpu.invalidate();
                Ok(Value::Null)
            }
        }
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is shown, or nobody could see it.
    Yes,
    /// The window was not ready: it has to be presented again.
    Later,
    /// The GPU was lost: the CPU has to present it.
    Lost,
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    // Without a thread there is no GPU, and the CPU goes on.
    drop(thread);
}

impl Cpu {
    fn open(window: &Arc<Window>) -> Result<Self, Fault> {
        let failed = |error: softbuffer::SoftBufferError| {
            Fault::machine(format!("The window cannot be drawn into: {error}."))
        };
        let context = Context::new(Arc::clone(window)).map_err(failed)?;
        let pixels = Pixels::new(&context, Arc::clone(window)).map_err(failed)?;
        let size = PhysicalSize { width: 0, height: 0 };
        Ok(Cpu { renderer: CpuRenderer::new(Rasterisation::default()), pixels, size })
    }

    /// Shows once more what was drawn last.
    fn expose(&mut self) {
        if self.size.pixels() == 0 {
            return;
        }
        let shown = self.pixels.buffer_mut().and_then(|buffer| match buffer.age() {
            // What it held is gone: the next frame is painted whole.
            0 => Ok(()),
            _ => buffer.present(),
        });
        // A window that cannot be shown now is exposed again when it can.
        drop(shown);
    }

    fn present(
        &mut self,
        window: &Window,
        scene: &Scene,
        scale: f32,
    ) -> Result<(), softbuffer::SoftBufferError> {
        let inner = window.inner_size();
        let (Some(width), Some(height)) =
            (NonZeroU32::new(inner.width), NonZeroU32::new(inner.height))
        else {
            return Ok(());
        };
        let size = PhysicalSize { width: inner.width, height: inner.height };
        if size != self.size {
            self.pixels.resize(width, height)?;
            self.size = size;
        }
        let mut buffer = self.pixels.buffer_mut()?;
        let contents = match buffer.age() {
            0 => Contents::Unknown,
            age => Contents::Frame(age),
        };
        let damage = self.renderer.draw(scene, size, scale, contents, &mut buffer);
        let rects: Vec<Rect> = damage
            .rects
            .iter()
            .filter_map(|rect| {
                let length = |from: i32, to: i32| NonZeroU32::new(u32::try_from(to - from).ok()?);
                Some(Rect {
                    x: u32::try_from(rect.left).ok()?,
                    y: u32::try_from(rect.top).ok()?,
                    width: length(rect.left, rect.right)?,
                    height: length(rect.top, rect.bottom)?,
                })
            })
            .collect();
        if rects.is_empty() {
            return Ok(());
        }
        window.pre_present_notify();
        buffer.present_with_damage(&rects)
    }
}
