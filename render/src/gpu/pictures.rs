//! The textures of pictures, by what they show. One that no frame wanted for a while is freed.

use std::collections::HashMap;

use super::card::Card;
use crate::digest::BuildDigest;
use crate::scene::ImageData;

/// Frames that a picture outlives its last showing.
const KEPT_FRAMES: u64 = 120;

struct Picture {
    group: wgpu::BindGroup,
    seen: u64,
}

pub(super) struct Pictures {
    layout: wgpu::BindGroupLayout,
    by_digest: HashMap<u64, Picture, BuildDigest>,
    /// What is bound where no picture is.
    blank: wgpu::BindGroup,
    frame: u64,
}

pub(super) fn texture_entry(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    }
}

/// A texture of whole texels, without content.
pub(super) fn texture(
    device: &wgpu::Device,
    (width, height): (u32, u32),
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}

/// Writes whole rows of a texture, from row `top` on.
pub(super) fn write_rows(queue: &wgpu::Queue, texture: &wgpu::Texture, top: u32, texels: &[u8]) {
    let texel_bytes = texture.format().block_copy_size(None).unwrap_or(4);
    let row_bytes = texture.width() * texel_bytes;
    let mut copy = texture.as_image_copy();
    copy.origin.y = top;
    queue.write_texture(
        copy,
        texels,
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(row_bytes),
            rows_per_image: None,
        },
        wgpu::Extent3d {
            width: texture.width(),
            height: texels.len() as u32 / row_bytes,
            depth_or_array_layers: 1,
        },
    );
}

pub(super) const SAMPLED: wgpu::TextureUsages =
    wgpu::TextureUsages::TEXTURE_BINDING.union(wgpu::TextureUsages::COPY_DST);

fn group(
    card: &Card,
    layout: &wgpu::BindGroupLayout,
    size: (u32, u32),
    rgba: &[u8],
) -> wgpu::BindGroup {
    let texture = texture(&card.device, size, wgpu::TextureFormat::Rgba8Unorm, SAMPLED);
    write_rows(&card.queue, &texture, 0, rgba);
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    card.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout,
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::TextureView(&view),
        }],
    })
}

impl Pictures {
    pub fn new(card: &Card) -> Self {
        let layout = card.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("picture"),
            entries: &[texture_entry(0)],
        });
        let blank = group(card, &layout, (1, 1), &[0; 4]);
        Self { layout, by_digest: HashMap::default(), blank, frame: 0 }
    }

    pub fn layout(&self) -> &wgpu::BindGroupLayout {
        &self.layout
    }

    /// Begins a frame.
    pub fn begin(&mut self) {
        self.frame += 1;
        let frame = self.frame;
        self.by_digest.retain(|_, picture| picture.seen + KEPT_FRAMES >= frame);
    }

    /// Uploads a picture, unless the device has it.
    pub fn prepare(&mut self, card: &Card, data: &ImageData) {
        let frame = self.frame;
        let picture = self.by_digest.entry(data.digest()).or_insert_with(|| {
            let size = (data.width(), data.height());
            Picture { group: group(card, &self.layout, size, data.rgba()), seen: frame }
        });
        picture.seen = frame;
    }

    /// The binding of a picture that was prepared, or of none.
    pub fn binding(&self, data: Option<&ImageData>) -> &wgpu::BindGroup {
        let picture = data.and_then(|data| self.by_digest.get(&data.digest()));
        picture.map_or(&self.blank, |picture| &picture.group)
    }
}
