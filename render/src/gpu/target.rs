//! Drawing into memory: pictures of a window, and tests.

use super::card::Card;
use super::painter::Painter;
use super::pictures::texture;
use super::{Adapter, Gpu, Lost, NoGpu, Wanted};
use crate::geometry::PhysicalSize;
use crate::glyph::Rasterisation;
use crate::scene::Scene;

/// A device without a window.
pub struct GpuTarget {
    card: Card,
    painter: Painter,
}

impl std::fmt::Debug for GpuTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuTarget").field("adapter", &self.card.info).finish_non_exhaustive()
    }
}

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

impl GpuTarget {
    /// Finds an adapter and opens it. Takes up to some hundred milliseconds.
    ///
    /// # Errors
    /// As [`Gpu::probe`].
    pub fn open(wanted: Wanted, settings: Rasterisation) -> Result<Self, NoGpu> {
        Gpu::probe_off_screen(wanted)?.off_screen(settings)
    }

    pub(super) fn new(card: Card, settings: Rasterisation) -> Self {
        let painter = Painter::new(&card, FORMAT, settings);
        Self { card, painter }
    }

    /// What draws.
    pub fn adapter(&self) -> &Adapter {
        &self.card.info
    }

    /// Draws a scene and reads it back, as rows of `0x00RRGGBB`; waits for the device.
    ///
    /// # Errors
    /// When the device is lost, or `size` is more than its textures can have.
    pub fn render_to_pixels(
        &mut self,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
    ) -> Result<Vec<u32>, Lost> {
        render_to_pixels(&self.card, &mut self.painter, FORMAT, scene, size, scale)
    }

    /// Loses the device, as a driver might, for tests.
    pub fn lose_device(&self) {
        self.card.lose();
    }
}

/// Draws into a texture of the painter's format and reads it.
pub(super) fn render_to_pixels(
    card: &Card,
    painter: &mut Painter,
    format: wgpu::TextureFormat,
    scene: &Scene,
    size: PhysicalSize,
    scale: f32,
) -> Result<Vec<u32>, Lost> {
    card.check()?;
    if size.pixels() == 0 {
        return Ok(Vec::new());
    }
    let most = card.side_max();
    if size.width.max(size.height) > most {
        let reason = format!("{} draws at most {most} pixels a side.", card.info);
        return Err(Lost { reason });
    }
    let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
    let texture = texture(&card.device, (size.width, size.height), format, usage);
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    painter.paint(card, scene, size, scale, &view);
    let bytes = read(card, &texture)?;
    card.check()?;
    let row_bytes = row_bytes(size.width) as usize;
    let is_bgra = format == wgpu::TextureFormat::Bgra8Unorm;
    let pixel = |texel: &[u8]| {
        let (r, b) = if is_bgra { (texel[2], texel[0]) } else { (texel[0], texel[2]) };
        u32::from(r) << 16 | u32::from(texel[1]) << 8 | u32::from(b)
    };
    let rows = bytes.chunks_exact(row_bytes);
    Ok(rows.flat_map(|row| row[..size.width as usize * 4].chunks_exact(4).map(pixel)).collect())
}

/// The bytes from one row of a copied texture to the next.
fn row_bytes(width: u32) -> u32 {
    (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

fn read(card: &Card, texture: &wgpu::Texture) -> Result<Vec<u8>, Lost> {
    let row_bytes = row_bytes(texture.width());
    let buffer = card.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("read back"),
        size: u64::from(row_bytes) * u64::from(texture.height()),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder =
        card.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row_bytes),
                rows_per_image: None,
            },
        },
        texture.size(),
    );
    card.queue.submit([encoder.finish()]);
    let (told, answer) = std::sync::mpsc::channel();
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| {
        // The receiver is gone only when the wait below has failed already.
        let _ = told.send(result);
    });
    let failed = |what: String| Lost { reason: format!("{} gave no pixels: {what}.", card.info) };
    card.device
        .poll(wgpu::PollType::wait_indefinitely())
        .map_err(|error| failed(error.to_string()))?;
    match answer.try_recv() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(error) => return Err(failed(error.to_string())),
    }
    let view = buffer.slice(..).get_mapped_range().map_err(|error| failed(error.to_string()))?;
    Ok(view.to_vec())
}
