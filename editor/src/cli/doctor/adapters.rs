//! What can draw. Drivers are asked in a process of its own: one that crashes or hangs is a row
//! here, and no more.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use render::gpu::{self, Adapter, AdapterKind};
use serde_json::{Value, json};

use super::super::invocation::Form;
use super::super::line;
use super::Check;
use crate::registry::Fault;

/// Drivers that take longer than this never come back.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Answers of `hearth doctor --adapters` are shorter.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

fn kind(adapter: &Adapter) -> &'static str {
    match adapter.kind {
        AdapterKind::Integrated => "integrated",
        AdapterKind::Discrete => "discrete",
        AdapterKind::Virtual => "virtual",
        AdapterKind::Software => "software",
        AdapterKind::Unknown => "unknown",
    }
}

/// `hearth doctor --adapters`: all of them, the best first.
///
/// # Errors
/// What a driver said when it failed.
pub(super) fn list(form: Form) -> Result<String, Fault> {
    let adapters = gpu::adapters().map_err(|none| Fault::machine(none.to_string()))?;
    if form == Form::Json {
        let row = |adapter: &Adapter| {
            json!({
                "name": adapter.name,
                "kind": kind(adapter),
                "backend": adapter.backend,
                "driver": adapter.driver,
            })
        };
        return Ok(line(&adapters.iter().map(row).collect::<Value>()));
    }
    if adapters.is_empty() {
        return Ok("No driver offers an adapter; the CPU draws.\n".to_owned());
    }
    Ok(adapters.iter().map(|one| format!("{one}, {}, {}\n", kind(one), one.driver)).collect())
}

/// Asks `program`, which is this one.
pub(super) fn check(program: &Path, wanted: &str) -> Check {
    let name = "adapters";
    let mut command = Command::new(program);
    command.args(["doctor", "--adapters", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let remedy = "update or remove the graphics driver, or set appearance.renderer = \"cpu\"";
    let ill = |reason: String| Check::ill(name, reason, remedy);
    match command.spawn().and_then(|child| answer(child, ANSWER_MAX)) {
        Err(error) => ill(format!("the drivers could not be asked ({error})")),
        Ok(None) => {
            ill(format!("a graphics driver did not answer within {} s", ANSWER_MAX.as_secs()))
        }
        Ok(Some((status, _))) if !status.success() => {
            ill(format!("a graphics driver ended the process that asked it ({status})"))
        }
        Ok(Some((_, text))) => told(&text, wanted),
    }
}

fn told(text: &str, wanted: &str) -> Check {
    let name = "adapters";
    let adapters: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let word = |adapter: &Value, field: &str| adapter[field].as_str().unwrap_or("").to_owned();
    let told: Vec<String> = adapters
        .iter()
        .map(|adapter| {
            let (name, backend) = (word(adapter, "name"), word(adapter, "backend"));
            format!("{name} ({backend}, {})", word(adapter, "kind"))
        })
        .collect();
    match told.as_slice() {
        [] if wanted == "gpu" => Check::ill(
            name,
            "none, but the setting is \"gpu\"",
            "install a Vulkan driver (on Debian mesa-vulkan-drivers and libvulkan1)",
        ),
        [] => Check::well(name, "none: the CPU draws"),
        told => Check::well(name, told.join(", ")),
    }
}

/// How a process ended and what it said; `None` when it took too long and was ended.
fn answer(mut child: Child, time: Duration) -> std::io::Result<Option<(ExitStatus, String)>> {
    let start = Instant::now();
    let output = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        // What is no text is no answer.
        drop(output.map(|output| output.take(ANSWER_BYTES_MAX).read_to_string(&mut text)));
        text
    });
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some((status, reader.join().unwrap_or_default())));
        }
        if start.elapsed() > time {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn answered(script: &str) -> Option<(ExitStatus, String)> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        answer(command.spawn().unwrap(), Duration::from_millis(1500)).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_hangs_is_ended_and_one_that_crashes_is_told() {
        assert_eq!(answered("echo here").unwrap().1, "here\n");
        assert!(!answered("kill -SEGV $$").unwrap().0.success());
        assert!(answered("exec sleep 100").is_none());
    }

    #[test]
    fn adapters_are_told_with_what_they_are() {
        let text = r#"[{"name": "A", "kind": "software", "backend": "Vulkan", "driver": "x"}]"#;
        assert_eq!(told(text, "auto").detail, "A (Vulkan, software)");
        assert!(told("[]", "auto").ok && !told("[]", "gpu").ok);
    }
}
