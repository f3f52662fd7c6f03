//! An open device, and whether it still works.

use std::sync::{Arc, Mutex, PoisonError};

use super::probe::describe;
use super::{Adapter, Lost, NoGpu};

/// A device with its queue. What goes wrong later is remembered, never thrown.
pub(super) struct Card {
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: Adapter,
    /// The first thing that went wrong.
    fault: Arc<Mutex<Option<String>>>,
}

fn remember(fault: &Mutex<Option<String>>, what: String) {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
}

impl Card {
    /// Opens a device. Takes up to some hundred milliseconds: for a worker.
    pub fn open(adapter: wgpu::Adapter) -> Result<Self, NoGpu> {
        let info = describe(&adapter.get_info());
        // What OpenGL ES 3.0 offers, but textures as large as they can be.
        let limits = wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits());
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("hearth"),
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..wgpu::DeviceDescriptor::default()
        }))
        .map_err(|error| NoGpu {
            reason: format!("{info} could not be opened: {error}."),
            adapter: Some(info.clone()),
        })?;
        let fault = Arc::new(Mutex::new(None));
        let on_loss = Arc::clone(&fault);
        device.set_device_lost_callback(move |reason, message| {
            remember(&on_loss, format!("the device was lost ({reason:?}, {message})"));
        });
        let on_error = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            remember(&on_error, error.to_string());
        }));
        Ok(Self { adapter, device, queue, info, fault })
    }

    /// Fails once anything went wrong.
    pub fn check(&self) -> Result<(), Lost> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(what) => Err(Lost { reason: format!("{} stopped drawing: {what}.", self.info) }),
        }
    }

    /// Loses the device, as a driver might.
    pub fn lose(&self) {
        self.device.destroy();
        // The callback comes from a poll. Its result says only whether the queue is empty.
        let _ = self.device.poll(wgpu::PollType::Poll);
    }

    /// The largest side of a texture, texels.
    pub fn side_max(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d.min(super::instance::EXTENT_MAX)
    }
}
