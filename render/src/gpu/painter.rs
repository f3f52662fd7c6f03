//! Paints frames: one pipeline, one buffer write, one draw call for each picture.

use super::atlas::{Atlas, AtlasSides};
use super::card::Card;
use super::frame::Frame;
use super::instance::{Header, Instance};
use super::pictures::{Pictures, SAMPLED, texture, texture_entry, write_rows};
use crate::geometry::PhysicalSize;
use crate::glyph::{BitmapKind, CURVES, CoverageCurves, GlyphCache, Rasterisation};
use crate::scene::Scene;

const HEADER_BYTES: u64 = size_of::<Header>() as u64;
const INSTANCE_BYTES: u64 = size_of::<Instance>() as u64;
/// Room for so many instances at first; a dense screen has some 6,000.
const INSTANCES_FIRST: u64 = 4096;

/// Draws scenes to views of one format.
pub(super) struct Painter {
    glyphs: GlyphCache,
    atlas: Atlas,
    frame: Frame,
    pictures: Pictures,
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    buffer: wgpu::Buffer,
    /// The sheets on the device, coverage and colour.
    sheets: [wgpu::Texture; 2],
    curves: wgpu::Texture,
    group: wgpu::BindGroup,
}

const KINDS: [BitmapKind; 2] = [BitmapKind::Coverage, BitmapKind::Color];

fn sheet_texture(card: &Card, kind: BitmapKind, side: u32) -> wgpu::Texture {
    let format = match kind {
        BitmapKind::Coverage => wgpu::TextureFormat::R8Unorm,
        BitmapKind::Color => wgpu::TextureFormat::Rgba8Unorm,
    };
    texture(&card.device, (side, side), format, SAMPLED)
}

/// The curves of the text, one a row, and below them the one that changes nothing.
fn curve_texture(card: &Card, settings: Rasterisation) -> wgpu::Texture {
    let curves = CoverageCurves::new(settings.gamma);
    let plain = (0..=255_u8).collect::<Vec<u8>>();
    let texels: Vec<u8> = curves.tables().iter().flatten().copied().chain(plain).collect();
    let size = (256, CURVES as u32 + 1);
    let texture = texture(&card.device, size, wgpu::TextureFormat::R8Unorm, SAMPLED);
    write_rows(&card.queue, &texture, 0, &texels);
    texture
}

fn frame_buffer(card: &Card, instances: u64) -> wgpu::Buffer {
    card.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("frame"),
        size: HEADER_BYTES + instances * INSTANCE_BYTES,
        usage: wgpu::BufferUsages::VERTEX
            | wgpu::BufferUsages::UNIFORM
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn group_layout(card: &Card) -> wgpu::BindGroupLayout {
    let header = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: wgpu::BufferSize::new(HEADER_BYTES),
        },
        count: None,
    };
    card.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("frame"),
        entries: &[header, texture_entry(1), texture_entry(2), texture_entry(3)],
    })
}

fn pipeline(
    card: &Card,
    format: wgpu::TextureFormat,
    groups: [&wgpu::BindGroupLayout; 2],
) -> wgpu::RenderPipeline {
    let device = &card.device;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("paint"),
        source: wgpu::ShaderSource::Wgsl(include_str!("paint.wgsl").into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("paint"),
        bind_group_layouts: &groups.map(Some),
        ..wgpu::PipelineLayoutDescriptor::default()
    });
    let over = |source: wgpu::BlendFactor| wgpu::BlendComponent {
        src_factor: source,
        dst_factor: wgpu::BlendFactor::OneMinusSrcAlpha,
        operation: wgpu::BlendOperation::Add,
    };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("paint"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("place"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: INSTANCE_BYTES,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &Instance::ATTRIBUTES,
            })],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("paint"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: Some(wgpu::BlendState {
                    color: over(wgpu::BlendFactor::SrcAlpha),
                    alpha: over(wgpu::BlendFactor::One),
                }),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

fn bind(
    card: &Card,
    layout: &wgpu::BindGroupLayout,
    buffer: &wgpu::Buffer,
    textures: [&wgpu::Texture; 3],
) -> wgpu::BindGroup {
    let views =
        textures.map(|texture| texture.create_view(&wgpu::TextureViewDescriptor::default()));
    let view = |index: usize| wgpu::BindGroupEntry {
        binding: index as u32 + 1,
        resource: wgpu::BindingResource::TextureView(&views[index]),
    };
    let header = wgpu::BindGroupEntry {
        binding: 0,
        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer,
            offset: 0,
            size: wgpu::BufferSize::new(HEADER_BYTES),
        }),
    };
    card.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("frame"),
        layout,
        entries: &[header, view(0), view(1), view(2)],
    })
}

impl Painter {
    /// A painter for views of `format`, which has no sRGB transfer.
    pub fn new(card: &Card, format: wgpu::TextureFormat, settings: Rasterisation) -> Self {
        let side_max = card.side_max();
        let mut atlas = Atlas::new(AtlasSides::for_device(side_max));
        let sheets = KINDS.map(|kind| sheet_texture(card, kind, atlas.sheet(kind).side()));
        let curves = curve_texture(card, settings);
        let buffer = frame_buffer(card, INSTANCES_FIRST);
        let layout = group_layout(card);
        let group = bind(card, &layout, &buffer, [&sheets[0], &sheets[1], &curves]);
        let pictures = Pictures::new(card);
        let pipeline = pipeline(card, format, [&layout, pictures.layout()]);
        Self {
            glyphs: GlyphCache::new(settings),
            atlas,
            frame: Frame { picture_side_max: side_max, ..Frame::default() },
            pictures,
            pipeline,
            layout,
            buffer,
            sheets,
            curves,
            group,
        }
    }

    /// Rasterises differently from now on.
    pub fn set_rasterisation(&mut self, card: &Card, settings: Rasterisation) {
        self.glyphs = GlyphCache::new(settings);
        self.atlas.clear();
        self.curves = curve_texture(card, settings);
        self.rebind(card);
    }

    pub fn settings(&self) -> Rasterisation {
        self.glyphs.settings()
    }

    fn rebind(&mut self, card: &Card) {
        let textures = [&self.sheets[0], &self.sheets[1], &self.curves];
        self.group = bind(card, &self.layout, &self.buffer, textures);
    }

    /// Draws a scene over all of a view; the number of things left out.
    pub fn paint(
        &mut self,
        card: &Card,
        scene: &Scene,
        size: PhysicalSize,
        scale: f32,
        view: &wgpu::TextureView,
    ) -> u32 {
        self.frame.build(scene, size, scale, &mut self.atlas, &mut self.glyphs);
        self.upload(card, size);
        let mut encoder =
            card.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.encode(scene, view, &mut encoder);
        card.queue.submit([encoder.finish()]);
        self.frame.left_out
    }

    /// Brings to the device what it lacks of the frame.
    fn upload(&mut self, card: &Card, size: PhysicalSize) {
        let mut moved = false;
        for (kind, texture) in KINDS.into_iter().zip(&mut self.sheets) {
            let sheet = self.atlas.sheet(kind);
            if sheet.side() != texture.width() {
                *texture = sheet_texture(card, kind, sheet.side());
                moved = true;
            }
            if let Some((rows, texels)) = sheet.take_stale() {
                write_rows(&card.queue, texture, rows.start, texels);
            }
        }
        let count = self.frame.instances.len() as u64;
        if self.buffer.size() < HEADER_BYTES + count * INSTANCE_BYTES {
            self.buffer = frame_buffer(card, count.next_power_of_two());
            moved = true;
        }
        if moved {
            self.rebind(card);
        }
        let header = Header::new(size, &self.frame.clips);
        let bytes = HEADER_BYTES + count * INSTANCE_BYTES;
        let bytes = wgpu::BufferSize::new(bytes).expect("the header has bytes");
        // No room means that the device is lost, which is told after the frame.
        if let Some(mut write) = card.queue.write_buffer_with(&self.buffer, 0, bytes) {
            let at = HEADER_BYTES as usize;
            write.slice(..at).copy_from_slice(bytemuck::bytes_of(&header));
            write.slice(at..).copy_from_slice(bytemuck::cast_slice(&self.frame.instances));
        }
        self.pictures.begin();
        for picture in self.frame.batches.iter().filter_map(|batch| batch.picture.as_deref()) {
            self.pictures.prepare(card, picture);
        }
    }

    fn encode(&self, scene: &Scene, view: &wgpu::TextureView, encoder: &mut wgpu::CommandEncoder) {
        let channel = |byte: u8| f64::from(byte) / 255.0;
        let ground = scene.background;
        let ground = wgpu::Color {
            r: channel(ground.r),
            g: channel(ground.g),
            b: channel(ground.b),
            a: 1.0,
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("paint"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(ground),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        for batch in self.frame.batches.iter().filter(|batch| !batch.instances.is_empty()) {
            pass.set_bind_group(1, self.pictures.binding(batch.picture.as_deref()), &[]);
            // An offset into the buffer, since OpenGL ES has no first instance.
            let at = |index: u32| HEADER_BYTES + u64::from(index) * INSTANCE_BYTES;
            let bytes = at(batch.instances.start)..at(batch.instances.end);
            pass.set_vertex_buffer(0, self.buffer.slice(bytes));
            pass.draw(0..4, 0..batch.instances.len() as u32);
        }
    }
}
