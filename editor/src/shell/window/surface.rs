//! Where frames of a window go: pixels of the CPU renderer through softbuffer, or a GPU surface.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use render::cpu::{Contents, CpuRenderer};
use render::geometry::PhysicalSize;
use render::glyph::Rasterisation;
use render::scene::Scene;
use serde_json::Value;
use softbuffer::{Context, Rect, Surface as Pixels};
use winit::window::Window;

use crate::program::{RendererName, WantedRenderer};
use crate::registry::Fault;
use crate::shell::picture::Picture;

/// Presents scenes in a window.
pub struct Surface {
    canvas: Canvas,
    rasterisation: Rasterisation,
}

enum Canvas {
    Cpu(Cpu),
}

struct Cpu {
    renderer: CpuRenderer,
    pixels: Pixels<Arc<Window>, Arc<Window>>,
    size: PhysicalSize,
}

impl Surface {
    /// Opens the wanted surface.
    pub fn open(window: &Arc<Window>, _wanted: WantedRenderer) -> Result<Self, Fault> {
        let canvas = Canvas::Cpu(Cpu::open(window)?);
        Ok(Surface { canvas, rasterisation: Rasterisation::default() })
    }

    /// Rasterises glyphs differently from now on.
    pub fn set_rasterisation(&mut self, rasterisation: Rasterisation) {
        self.rasterisation = rasterisation;
        match &mut self.canvas {
            Canvas::Cpu(cpu) => cpu.renderer.set_rasterisation(rasterisation),
        }
    }

    /// What draws.
    pub fn description(&self) -> RendererName {
        match &self.canvas {
            Canvas::Cpu(_) => RendererName::Cpu,
        }
    }

    /// Draws a scene and shows it; a surface without room shows nothing.
    pub fn present(&mut self, window: &Window, scene: &Scene, scale: f32) -> Result<(), String> {
        match &mut self.canvas {
            Canvas::Cpu(cpu) => cpu.present(window, scene, scale).map_err(|error| {
                format!("The window could not be drawn ({error}); resize it to try again.")
            }),
        }
    }

    /// Writes what is drawn as a PNG.
    pub fn picture(
        &mut self,
        window: &Window,
        scene: &Scene,
        scale: f32,
        path: &Path,
    ) -> Result<Value, Fault> {
        match &mut self.canvas {
            Canvas::Cpu(_) => {
                let inner = window.inner_size();
                let size = PhysicalSize { width: inner.width, height: inner.height };
                let mut pixels = vec![0; size.width as usize * size.height as usize];
                // A renderer of its own, so that the damage of the window's stays true.
                CpuRenderer::new(self.rasterisation).draw(
                    scene,
                    size,
                    scale,
                    Contents::Unknown,
                    &mut pixels,
                );
                Picture { width: size.width, height: size.height, pixels: &pixels }.answer(path)
            }
        }
    }

    /// Loses the GPU's device.
    pub fn lose_device(&mut self) -> Result<Value, Fault> {
        match &mut self.canvas {
            Canvas::Cpu(_) => Err(Fault::state(
                "There is no GPU device to lose: this window is drawn on the CPU.",
            )),
        }
    }
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
