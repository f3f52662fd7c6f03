//! A machine whose every core is busy compiling.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

/// Compilers that run until this is dropped, one for each core.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

impl Load {
    /// Starts compiling.
    pub fn start() -> Result<Self, String> {
        let folder = TempDir::with_prefix("hearth-load-").map_err(|error| error.to_string())?;
        let source = folder.path().join("load.rs");
        fs::write(&source, program()).map_err(|error| error.to_string())?;
        let stop = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let mut threads = Vec::new();
        for core in 0..cores {
            let mut compiler = Command::new("rustc");
            compiler.args(["--crate-type", "lib", "--emit", "obj", "-Copt-level=3", "-o"]);
            compiler.arg(folder.path().join(format!("{core}.o"))).arg(&source);
            compiler.stdout(Stdio::null()).stderr(Stdio::null());
            let first = compiler.spawn().map_err(|error| format!("rustc: {error}"))?;
            let stop = Arc::clone(&stop);
            threads.push(thread::spawn(move || again(compiler, first, &stop)));
        }
        thread::sleep(Duration::from_millis(300));
        Ok(Self { stop, threads, _folder: folder })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A compiler's thread that panicked has ended, which is all that is asked of it.
            let _ = thread.join();
        }
    }
}

fn again(mut compiler: Command, first: Child, stop: &AtomicBool) {
    let mut running = first;
    while !stop.load(Ordering::Relaxed) {
        match running.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            _ => match compiler.spawn() {
                Ok(next) => running = next,
                Err(_) => return,
            },
        }
    }
    // It may have ended by itself; then there is nothing to kill or to wait for.
    let _ = running.kill().and_then(|()| running.wait());
}

/// Enough to keep an optimising compiler busy for seconds.
fn program() -> String {
    let function = |at: usize| {
        format!(
            "pub fn f{at}(x: &[u64]) -> Vec<u64> {{\n    let mut all: Vec<u64> = x.iter()\
             .map(|v| v.rotate_left({}) ^ {at}).collect();\n    all.sort();\n    all.dedup();\n    \
             all\n}}\n",
            at % 63
        )
    };
    (0..400).map(function).collect()
}
