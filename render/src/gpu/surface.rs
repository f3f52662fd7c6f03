//! A window drawn by the GPU.
//!
//! Frames are shown in step with the screen, one queued at most. Every state that a surface can be
//! in ends in a [`Presented`] or in [`Lost`]; a window that is resized, hidden or put on another
//! screen costs a new swapchain and nothing else.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use wgpu::CurrentSurfaceTexture as Current;

use super::card::Card;
use super::painter::Painter;
use super::probe::Host;
use super::target::render_to_pixels;
use super::{Adapter, Attached, Lost, NoGpu, Presented};
use crate::digest::Digest;
use crate::geometry::PhysicalSize;
use crate::glyph::Rasterisation;
use crate::scene::Scene;

/// Presents scenes in a window. Can be made on one thread and used on another.
pub struct GpuSurface {
    card: Card,
    painter: Painter,
    surface: wgpu::Surface<'static>,
    instance: wgpu::Instance,
    window: Arc<dyn Host>,
    config: wgpu::SurfaceConfiguration,
    /// Whether the swapchain is what `config` says.
    configured: bool,
    /// The digest of what the window shows.
    shown: Option<u64>,
}

impl std::fmt::Debug for GpuSurface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuSurface").field("adapter", &self.card.info).finish_non_exhaustive()
    }
}

/// A hash of all that decides the pixels of a frame.
fn digest(scene: &Scene, size: PhysicalSize, scale: f32) -> u64 {
    let mut state = Digest::default();
    (size, scale.to_bits(), scene.background).hash(&mut state);
    for primitive in scene.primitives() {
        primitive.digest().hash(&mut state);
    }
    state.finish()
}

/// How a surface is configured, without its size.
fn config(
    surface: &wgpu::Surface<'_>,
    card: &Card,
) -> Option<(wgpu::SurfaceConfiguration, wgpu::TextureFormat)> {
    let able = surface.get_capabilities(&card.adapter);
    let linear = [wgpu::TextureFormat::Bgra8Unorm, wgpu::TextureFormat::Rgba8Unorm];
    // Blending is in sRGB: the surface must be viewed without a transfer.
    let plain = linear.into_iter().find(|format| able.formats.contains(format));
    let viewed = linear.into_iter().find(|format| able.formats.contains(&format.add_srgb_suffix()));
    let (format, view) = match (plain, viewed) {
        (Some(format), _) => (format, format),
        (None, Some(view)) => (view.add_srgb_suffix(), view),
        (None, None) => return None,
    };
    let alpha = [wgpu::CompositeAlphaMode::Opaque, wgpu::CompositeAlphaMode::Inherit];
    let alpha = alpha.into_iter().find(|mode| able.alpha_modes.contains(mode));
    let config = wgpu::SurfaceConfiguration {
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        format,
        color_space: wgpu::SurfaceColorSpace::Auto,
        width: 0,
        height: 0,
        present_mode: wgpu::PresentMode::Fifo,
        desired_maximum_frame_latency: 1,
        alpha_mode: alpha.unwrap_or(wgpu::CompositeAlphaMode::Auto),
        view_formats: if view == format { Vec::new() } else { vec![view] },
    };
    Some((config, view))
}

impl GpuSurface {
    pub(super) fn new(
        attached: Attached,
        card: Card,
        settings: Rasterisation,
    ) -> Result<Self, NoGpu> {
        let Some((config, view)) = config(&attached.surface, &card) else {
            let reason = format!("{} offers no format of eight bits for this window.", card.info);
            return Err(NoGpu { reason, adapter: Some(card.info) });
        };
        let painter = Painter::new(&card, view, settings);
        // A pipeline that the driver refuses is told here, not with the first frame.
        if let Err(lost) = card.check() {
            return Err(NoGpu { reason: lost.reason, adapter: Some(card.info) });
        }
        let Attached { instance, surface, window, .. } = attached;
        let (configured, shown) = (false, None);
        Ok(Self { card, painter, surface, instance, window, config, configured, shown })
    }

    /// What draws.
    pub fn adapter(&self) -> &Adapter {
        &self.card.info
    }

    /// Rasterises differently from the next frame on.
    pub fn set_rasterisation(&mut self, settings: Rasterisation) {
        if settings != self.painter.settings() {
            self.painter.set_rasterisation(&self.card, settings);
            self.shown = None;
        }
    }

    /// Forgets what the window shows: the next frame is drawn though its scene is the same. For
    /// when the system asks for a redraw.
    pub fn invalidate(&mut self) {
        self.shown = None;
    }

    /// Draws a scene at a scale factor and shows it, unless the window shows it already.
    /// `size` is that of the window now. `before_present` runs right before the frame is shown, and
    /// only then: winit wants its `pre_present_notify` there.
    ///
    /// Waits for the screen when a frame is queued already.
    ///
    /// # Errors
    /// When the device is lost. The surface is of no use then; open another.
    pub fn present(
        &mut self,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
        before_present: impl FnOnce(),
    ) -> Result<Presented, Lost> {
        self.card.check()?;
        let most = self.card.side_max();
        let size = PhysicalSize::new(size.width.min(most), size.height.min(most));
        if size.pixels() == 0 {
            return Ok(Presented::Hidden);
        }
        let wanted = digest(scene, size, scale);
        if self.shown == Some(wanted) {
            return Ok(Presented::Unchanged);
        }
        self.shown = None;
        let texture = match self.acquire(size)? {
            Ok(texture) => texture,
            Err(instead) => return Ok(instead),
        };
        let format = self.config.view_formats.first().copied();
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor { format, ..Default::default() });
        let left_out = self.painter.paint(&self.card, scene, size, scale, &view);
        before_present();
        self.card.queue.present(texture);
        self.card.check()?;
        self.shown = Some(wanted);
        Ok(Presented::Shown { left_out })
    }

    /// A texture of the window's, or what is to be said without one.
    fn acquire(
        &mut self,
        size: PhysicalSize,
    ) -> Result<Result<wgpu::SurfaceTexture, Presented>, Lost> {
        // Once for what the window became since, once for what it becomes meanwhile.
        for _ in 0..2 {
            if !self.configured
                || (self.config.width, self.config.height) != (size.width, size.height)
            {
                (self.config.width, self.config.height) = (size.width, size.height);
                self.surface.configure(&self.card.device, &self.config);
                self.card.check()?;
                self.configured = true;
            }
            match self.surface.get_current_texture() {
                Current::Success(texture) => return Ok(Ok(texture)),
                Current::Suboptimal(texture) => {
                    self.configured = false;
                    return Ok(Ok(texture));
                }
                Current::Outdated => self.configured = false,
                Current::Lost => self.remake()?,
                Current::Occluded => return Ok(Err(Presented::Hidden)),
                Current::Timeout => return Ok(Err(Presented::Later)),
                Current::Validation => {
                    self.card.check()?;
                    let reason = format!("{} refused the window's surface.", self.card.info);
                    return Err(Lost { reason });
                }
            }
            self.card.check()?;
        }
        Ok(Err(Presented::Later))
    }

    /// Makes the surface anew: the window's, not the device, was lost.
    fn remake(&mut self) -> Result<(), Lost> {
        self.configured = false;
        self.surface = self.instance.create_surface(Arc::clone(&self.window)).map_err(|error| {
            Lost { reason: format!("The window's surface could not be made anew: {error}.") }
        })?;
        Ok(())
    }

    /// Draws a scene into memory with this surface's device, as rows of `0x00RRGGBB`; the window
    /// keeps what it shows. Waits for the device.
    ///
    /// # Errors
    /// As [`super::GpuTarget::render_to_pixels`].
    pub fn render_to_pixels(
        &mut self,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
    ) -> Result<Vec<u32>, Lost> {
        let format = self.config.view_formats.first().copied().unwrap_or(self.config.format);
        render_to_pixels(&self.card, &mut self.painter, format, scene, size, scale)
    }

    /// Loses the device, as a driver might, for tests: the next [`GpuSurface::present`] fails.
    pub fn lose_device(&self) {
        self.card.lose();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::Color;
    use crate::geometry::Rect;

    #[test]
    fn a_surface_may_move_between_threads() {
        fn assert_send<T: Send>() {}
        assert_send::<GpuSurface>();
        assert_send::<Attached>();
        assert_send::<super::super::Gpu>();
        assert_send::<super::super::GpuTarget>();
    }

    #[test]
    fn digests_tell_scenes_sizes_and_scales_apart() {
        let size = PhysicalSize::new(10, 10);
        let mut scene = Scene::new(Color::WHITE);
        let empty = digest(&scene, size, 1.0);
        assert_eq!(empty, digest(&scene, size, 1.0));
        assert_ne!(empty, digest(&scene, size, 1.25));
        assert_ne!(empty, digest(&scene, PhysicalSize::new(10, 11), 1.0));
        assert_ne!(empty, digest(&Scene::new(Color::BLACK), size, 1.0));
        scene.fill(Rect::new(0.0, 0.0, 1.0, 1.0), Color::BLACK);
        assert_ne!(empty, digest(&scene, size, 1.0));
    }
}
