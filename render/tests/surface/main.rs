//! A real window under Xvfb, drawn by the GPU renderer through all that happens to windows.
//!
//! The test runs itself anew inside a display of its own. Without Xvfb, ImageMagick or an adapter
//! (lavapipe will do) it says `SKIPPED`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint only knows `#[test]` functions")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use render::color::Color;
use render::geometry::{PhysicalSize, Rect};
use render::glyph::Rasterisation;
use render::gpu::{Gpu, GpuSurface, Presented, Wanted};
use render::scene::Scene;
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::platform::pump_events::EventLoopExtPumpEvents;
use winit::platform::x11::EventLoopBuilderExtX11;
use winit::window::{Window, WindowId};

const TEST: &str = "a_window_is_drawn_whatever_happens_to_it";
const SHOWN: Presented = Presented::Shown { left_out: 0 };

fn has(program: &str) -> bool {
    let mut probe = Command::new("which");
    probe.arg(program).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn a_window_is_drawn_whatever_happens_to_it() {
    for program in ["xvfb-run", "import"] {
        if !has(program) {
            eprintln!("SKIPPED: {TEST}: {program} is not installed");
            return;
        }
    }
    let output = Command::new("xvfb-run")
        .args(["-a", "-s", "-screen 0 800x600x24", "timeout", "120"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inside", "--ignored", "--nocapture"])
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    eprintln!("{told}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(told.contains("SKIPPED") || told.contains("every step was taken"));
}

#[derive(Default)]
struct App {
    window: Option<Arc<Window>>,
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let size = winit::dpi::PhysicalSize::new(300, 200);
        let attributes = Window::default_attributes().with_inner_size(size);
        self.window = Some(Arc::new(event_loop.create_window(attributes).unwrap()));
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}
}

struct Bench {
    event_loop: EventLoop<()>,
    app: App,
}

impl Bench {
    fn new() -> Self {
        let event_loop = EventLoop::builder().with_x11().with_any_thread(true).build().unwrap();
        let mut bench = Self { event_loop, app: App::default() };
        bench.pump_until(|bench| bench.app.window.is_some());
        bench
    }

    fn window(&self) -> &Arc<Window> {
        self.app.window.as_ref().unwrap()
    }

    fn size(&self) -> PhysicalSize {
        let size = self.window().inner_size();
        PhysicalSize::new(size.width, size.height)
    }

    fn pump(&mut self) {
        self.event_loop.pump_app_events(Some(Duration::from_millis(10)), &mut self.app);
    }

    fn pump_until(&mut self, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !reached(self) {
            assert!(Instant::now() < deadline, "the window system did not answer");
            self.pump();
        }
    }

    /// Presents until it is shown; a surface may ask for another try.
    fn show(&mut self, surface: &mut GpuSurface, color: Color) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut notified = 0;
        loop {
            self.pump();
            let scene = scene(color);
            let size = self.size();
            match surface.present(&scene, size, 1.0, || notified += 1).unwrap() {
                SHOWN => break,
                other => assert!(Instant::now() < deadline, "{other:?}"),
            }
        }
        assert_eq!(notified, 1, "told exactly once, of the frame that was shown");
        let mut seen = None;
        while Instant::now() < deadline {
            seen = self.seen();
            if seen == Some(color) {
                return;
            }
            self.pump();
        }
        panic!("the screen shows {seen:?}, not {color:?}");
    }

    /// The colour of the last pixel of the window, as the screen shows it.
    fn seen(&self) -> Option<Color> {
        let at = self.window().inner_position().unwrap();
        let (x, y) = (at.x + self.size().width as i32 - 1, at.y + self.size().height as i32 - 1);
        let crop = format!("1x1+{x}+{y}");
        let mut import = Command::new("import");
        import.args(["-silent", "-window", "root", "-crop", &crop, "-depth", "8", "rgb:-"]);
        match import.output().unwrap().stdout[..] {
            [r, g, b] => Some(Color::rgb(r, g, b)),
            _ => None,
        }
    }
}

fn scene(color: Color) -> Scene {
    let mut scene = Scene::new(Color::BLACK);
    scene.fill(Rect::new(0.0, 0.0, 4000.0, 4000.0), color);
    scene
}

fn open(window: &Arc<Window>) -> Option<GpuSurface> {
    let window = Arc::clone(window);
    // On a thread of its own, as the editor does.
    let worker = std::thread::spawn(move || {
        let start = Instant::now();
        let gpu = Gpu::probe(&window, Wanted::Gpu)?;
        let probed = start.elapsed();
        let attached = gpu.attach(window)?;
        let made = start.elapsed();
        let surface = attached.open(Rasterisation::default())?;
        let opened = start.elapsed();
        eprintln!("probe {probed:?}, attach {:?}, open {:?}", made - probed, opened - made);
        Ok::<_, render::gpu::NoGpu>(surface)
    });
    match worker.join().unwrap() {
        Ok(surface) => Some(surface),
        Err(none) => {
            eprintln!("SKIPPED: {TEST}: {none}");
            None
        }
    }
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("RssAnon"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + " ").collect()
}

#[test]
#[ignore = "runs inside the display that the other test makes"]
fn inside() {
    let mut bench = Bench::new();
    eprintln!("before the GPU: {}", resident());
    let window = Arc::clone(bench.window());
    let Some(mut surface) = open(&window) else { return };
    eprintln!("{}: {}", surface.adapter(), resident());

    bench.show(&mut surface, Color::rgb(10, 20, 30));
    let (size, same) = (bench.size(), scene(Color::rgb(10, 20, 30)));
    let unchanged = surface.present(&same, size, 1.0, || panic!("nothing is shown"));
    assert_eq!(unchanged, Ok(Presented::Unchanged));
    surface.invalidate();
    assert_eq!(surface.present(&same, size, 1.0, || {}), Ok(SHOWN));
    assert_eq!(surface.present(&same, size, 2.0, || {}), Ok(SHOWN), "another scale");
    let none = PhysicalSize::new(0, 40);
    assert_eq!(surface.present(&same, none, 1.0, || panic!()), Ok(Presented::Hidden));

    for (width, height) in [(500, 400), (120, 90), (640, 480)] {
        // The size comes as an event; there is none at once under X11.
        // The server may grant it later; the frame below is of another size either way.
        let _ = window.request_inner_size(winit::dpi::PhysicalSize::new(width, height));
        // A frame of the size that it no longer has: anything but an end.
        surface.invalidate();
        surface.present(&same, size, 1.0, || {}).unwrap();
        bench.pump_until(|bench| bench.size() == PhysicalSize::new(width, height));
        bench.show(&mut surface, Color::rgb(width as u8, height as u8, 7));
    }

    window.set_visible(false);
    for value in 0..3 {
        bench.pump();
        surface.present(&scene(Color::rgb(value, 0, 0)), bench.size(), 1.0, || {}).unwrap();
    }
    window.set_visible(true);
    surface.invalidate();
    bench.show(&mut surface, Color::rgb(90, 80, 70));

    for pause in [Duration::ZERO, Duration::from_millis(50)] {
        let mut times = Vec::new();
        for value in 0..20 {
            std::thread::sleep(pause);
            let scene = scene(Color::rgb(value, pause.as_millis() as u8, value));
            let start = Instant::now();
            surface.present(&scene, bench.size(), 1.0, || {}).unwrap();
            times.push(start.elapsed());
        }
        times.sort();
        eprintln!("{pause:?} apart, present: median {:?}, slowest {:?}", times[10], times[19]);
    }
    eprintln!("{}", resident());

    let pixels = surface.render_to_pixels(&same, PhysicalSize::new(3, 2), 1.0).unwrap();
    assert_eq!(pixels, [0x000a_141e; 6]);

    surface.lose_device();
    let lost = surface.present(&same, bench.size(), 1.0, || panic!("nothing is shown"));
    eprintln!("{}", lost.unwrap_err());
    drop(surface);
    let mut again = open(&window).unwrap();
    bench.show(&mut again, Color::rgb(1, 200, 3));
    eprintln!("every step was taken");
}
