//! The GPU renderer: the same scenes as the CPU renderer, through wgpu.
//!
//! [`Gpu::probe`] looks for an adapter, [`Gpu::attach`] makes a surface of a window and
//! [`Attached::open`] a device for it; [`GpuSurface::present`] draws. [`GpuTarget`] draws into
//! memory. A frame is built by `frame` (scene to instances), kept small by `atlas` (glyphs) and
//! painted by `painter` with one pipeline, `paint.wgsl`.
//!
//! It agrees with [`crate::cpu`] up to rounding, but where several layers overlap below the round
//! corner of a clip: there each layer is cut by itself, and the CPU renderer cuts them together.
//! Blending is in sRGB as there, so targets are viewed without an sRGB transfer.
//!
//! Nothing here panics for want of a driver: see [`NoGpu`]. A lost device is told by [`Lost`]; the
//! owner drops what it had and probes anew.

mod atlas;
mod card;
mod frame;
mod instance;
mod painter;
mod pictures;
mod probe;
mod sheet;
mod surface;
mod target;

use std::fmt;

pub use probe::{Attached, Gpu, Host, adapters};
pub use surface::GpuSurface;
pub use target::GpuTarget;

/// Which adapters will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// A GPU; a rasteriser in software (lavapipe, llvmpipe, WARP) counts as none, since the CPU
    /// renderer is faster than any of them.
    #[default]
    Auto,
    /// A GPU if there is one, else whatever wgpu can draw with.
    Gpu,
}

/// What does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdapterKind {
    /// A part of the processor's chip.
    Integrated,
    /// A card.
    Discrete,
    /// A virtual machine's share of one.
    Virtual,
    /// A rasteriser in software.
    Software,
    /// What did not say.
    Unknown,
}

/// An adapter, for people and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// The name that the driver gives.
    pub name: String,
    /// What does the work.
    pub kind: AdapterKind,
    /// The interface it is driven by: Vulkan, Metal, DirectX 12 or OpenGL.
    pub backend: &'static str,
    /// The driver and its version, as far as it tells.
    pub driver: String,
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.backend)
    }
}

/// Why there is no GPU to draw with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoGpu {
    /// One sentence for people, which names what is missing where that is known.
    pub reason: String,
    /// The adapter that was found and refused, if one was.
    pub adapter: Option<Adapter>,
}

impl NoGpu {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), adapter: None }
    }
}

impl fmt::Display for NoGpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for NoGpu {}

/// The device is gone, or refuses to work: drop what drew and probe anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// One sentence for people and logs.
    pub reason: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Lost {}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// It is on its way to the screen.
    Shown {
        /// What could not be drawn as the scene has it: pictures and glyphs larger than a texture
        /// may be, round clips past the 255th (theirs are sharp). Zero in any usual frame.
        left_out: u32,
    },
    /// The window shows it already; nothing was done.
    Unchanged,
    /// The window has no pixels or cannot be seen; nothing was done.
    Hidden,
    /// The window was not ready; present again with the next redraw.
    Later,
}
