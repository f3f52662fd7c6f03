//! Finding an adapter, and making a surface and a device with it.
//!
//! Three steps, because threads differ: looking for adapters and opening a device take up to some
//! hundred milliseconds each and belong on a worker; making a surface is quick, and on Windows and
//! macOS only the thread of the window may do it.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wgpu::rwh::{HasDisplayHandle, HasWindowHandle};

use super::card::Card;
use super::{Adapter, AdapterKind, GpuSurface, GpuTarget, NoGpu, Wanted};
use crate::glyph::Rasterisation;

/// A window to draw in, as winit has it.
pub trait Host: HasWindowHandle + HasDisplayHandle + Debug + Send + Sync + 'static {}

impl<T: HasWindowHandle + HasDisplayHandle + Debug + Send + Sync + 'static> Host for T {}

/// The adapters of this machine that will do.
pub struct Gpu {
    instance: wgpu::Instance,
    /// The best first.
    adapters: Vec<wgpu::Adapter>,
    wanted: Wanted,
}

impl Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.adapter()).finish_non_exhaustive()
    }
}

/// A window's surface, and the adapter that can draw in it.
pub struct Attached {
    pub(super) instance: wgpu::Instance,
    pub(super) surface: wgpu::Surface<'static>,
    pub(super) window: Arc<dyn Host>,
    adapter: wgpu::Adapter,
}

impl Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let adapter = describe(&self.adapter.get_info());
        f.debug_struct("Attached").field("adapter", &adapter).finish_non_exhaustive()
    }
}

/// Tells an adapter in our words.
pub(super) fn describe(info: &wgpu::AdapterInfo) -> Adapter {
    let kind = match info.device_type {
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
        wgpu::DeviceType::Other => AdapterKind::Unknown,
    };
    let backend = match info.backend {
        wgpu::Backend::Vulkan => "Vulkan",
        wgpu::Backend::Metal => "Metal",
        wgpu::Backend::Dx12 => "DirectX 12",
        wgpu::Backend::Gl => "OpenGL",
        wgpu::Backend::Noop | wgpu::Backend::BrowserWebGpu => "no backend of ours",
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    Adapter { name: info.name.clone(), kind, backend, driver }
}

/// Where an adapter stands among others: the lower, the better. The one in the processor first: it
/// drives the screen of a laptop, and an editor asks little.
fn rank(info: &wgpu::AdapterInfo) -> (u8, u8) {
    let backend = match info.backend {
        wgpu::Backend::Metal | wgpu::Backend::Dx12 => 0,
        wgpu::Backend::Vulkan => 1,
        _ => 2,
    };
    let kind = match info.device_type {
        wgpu::DeviceType::IntegratedGpu => 0,
        wgpu::DeviceType::DiscreteGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        // Behind every real one, whatever drives it.
        wgpu::DeviceType::Cpu => return (3, backend),
    };
    (backend, kind)
}

/// Whether the system knows of any graphics device. Asking costs microseconds; asking the drivers
/// loads a software rasteriser where there is none, which costs 70 MB for the process's life.
#[cfg(target_os = "linux")]
fn has_device() -> bool {
    let holds = |folder: &str, prefix: &str| {
        std::fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            })
        })
    };
    // Render nodes; NVIDIA's own; a Windows host's; phones' and boards'.
    holds("/dev/dri", "renderD")
        || ["nvidia", "dxg", "mali", "kgsl"].iter().any(|prefix| holds("/dev", prefix))
}

#[cfg(not(target_os = "linux"))]
fn has_device() -> bool {
    true
}

#[cfg(target_os = "linux")]
const MISSING: &str = "No graphics driver was found: install a Vulkan driver (on Debian \
                       mesa-vulkan-drivers and libvulkan1).";
#[cfg(not(target_os = "linux"))]
const MISSING: &str = "No graphics driver was found that can be drawn with.";

/// Runs what drivers may panic in.
fn guarded<T>(run: impl FnOnce() -> Result<T, NoGpu>) -> Result<T, NoGpu> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("it did not say why");
        Err(NoGpu::new(format!("The graphics driver failed: {said}.")))
    })
}

fn instance(backends: wgpu::Backends, window: Option<Arc<dyn Host>>) -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    // No validation layers: they are not installed, and cost much where they are.
    descriptor.flags = wgpu::InstanceFlags::empty();
    if let Some(window) = window {
        descriptor = descriptor.with_display_handle(Box::new(window));
    }
    wgpu::Instance::new(descriptor)
}

/// Every adapter that some driver offers, the best first, software ones too. It loads all of the
/// drivers: a bad one can end the process or never answer, so ask in a process of its own.
///
/// # Errors
/// When a driver panics.
pub fn adapters() -> Result<Vec<Adapter>, NoGpu> {
    guarded(|| {
        let instance = instance(wgpu::Backends::all(), None);
        let mut found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        found.sort_by_key(|adapter| rank(&adapter.get_info()));
        Ok(found.iter().map(|adapter| describe(&adapter.get_info())).collect())
    })
}

impl Gpu {
    /// Looks for adapters to draw in a window with. Takes up to some hundred milliseconds: for a
    /// worker. Never panics.
    ///
    /// # Errors
    /// When there is none that will do; the error says what to install, or which one was refused.
    pub fn probe(window: &Arc<impl Host>, wanted: Wanted) -> Result<Self, NoGpu> {
        let window: Arc<dyn Host> = Arc::clone(window) as Arc<dyn Host>;
        guarded(|| Self::look(Some(&window), wanted))
    }

    /// Looks for adapters to draw into memory with, as [`Gpu::probe`] does.
    ///
    /// # Errors
    /// As [`Gpu::probe`].
    pub fn probe_off_screen(wanted: Wanted) -> Result<Self, NoGpu> {
        guarded(|| Self::look(None, wanted))
    }

    fn look(window: Option<&Arc<dyn Host>>, wanted: Wanted) -> Result<Self, NoGpu> {
        if wanted == Wanted::Auto && !has_device() {
            return Err(NoGpu::new("This machine has no graphics device."));
        }
        let mut refused = None;
        // OpenGL is asked only when nothing better is there: its libraries are large.
        for backends in [wgpu::Backends::PRIMARY, wgpu::Backends::GL] {
            let instance = instance(backends, window.cloned());
            let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
            adapters.sort_by_key(|adapter| rank(&adapter.get_info()));
            let software =
                |adapter: &wgpu::Adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu;
            if wanted == Wanted::Auto {
                refused = adapters.iter().find(|a| software(a)).map(|a| describe(&a.get_info()));
                adapters.retain(|adapter| !software(adapter));
            }
            if !adapters.is_empty() {
                return Ok(Self { instance, adapters, wanted });
            }
        }
        Err(match refused {
            Some(adapter) => NoGpu {
                reason: format!(
                    "The only graphics adapter, {adapter}, draws in software, which is slower \
                     than drawing on the CPU directly."
                ),
                adapter: Some(adapter),
            },
            None => NoGpu::new(MISSING),
        })
    }

    /// The best adapter.
    pub fn adapter(&self) -> Adapter {
        let best = self.adapters.first().expect("a probe without adapters is an error");
        describe(&best.get_info())
    }

    /// Which adapters were looked for.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Makes a surface of a window: the one that was probed for. Quick, and for the thread of the
    /// window (on Linux any will do).
    ///
    /// # Errors
    /// When no adapter can draw in that window.
    pub fn attach(self, window: Arc<impl Host>) -> Result<Attached, NoGpu> {
        let window: Arc<dyn Host> = window;
        guarded(|| {
            let surface = self.instance.create_surface(Arc::clone(&window)).map_err(|error| {
                NoGpu::new(format!("The window cannot be drawn in with the GPU: {error}."))
            })?;
            let fitting =
                self.adapters.iter().find(|adapter| adapter.is_surface_supported(&surface));
            let Some(adapter) = fitting.cloned() else {
                let best = self.adapter();
                let reason = format!("{best} cannot draw in this window.");
                return Err(NoGpu { reason, adapter: Some(best) });
            };
            Ok(Attached { instance: self.instance, surface, window, adapter })
        })
    }

    /// Opens a device that draws into memory.
    ///
    /// # Errors
    /// When no adapter opens one; the error is that of the best.
    pub fn off_screen(self, settings: Rasterisation) -> Result<GpuTarget, NoGpu> {
        let best = self.adapters.into_iter().next().expect("a probe has adapters");
        guarded(|| Ok(GpuTarget::new(Card::open(best)?, settings)))
    }

    /// All three steps at once, on a thread that may make surfaces and may wait: on Linux any
    /// worker.
    ///
    /// # Errors
    /// As each step.
    pub fn open(
        window: Arc<impl Host>,
        wanted: Wanted,
        settings: Rasterisation,
    ) -> Result<GpuSurface, NoGpu> {
        Self::probe(&window, wanted)?.attach(window)?.open(settings)
    }
}

impl Attached {
    /// Opens a device for the surface. Takes up to some hundred milliseconds: for a worker.
    ///
    /// # Errors
    /// When the device cannot be opened, or the surface has no format to draw in.
    pub fn open(self, settings: Rasterisation) -> Result<GpuSurface, NoGpu> {
        guarded(|| {
            let card = Card::open(self.adapter.clone())?;
            GpuSurface::new(self, card, settings)
        })
    }
}
