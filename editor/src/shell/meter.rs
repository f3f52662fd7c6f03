//! What a frame costs: from an input to its presented frame, by the clock and in CPU time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::record::{self, Measure};

/// As many samples are kept as a long bench makes; then the oldest half goes.
const SAMPLES_MAX: usize = 200_000;

/// Stalls kept by name.
const STALLS_MAX: usize = 100;

/// The longest that the UI thread may be busy at a stretch.
const STALL_MIN: Duration = Duration::from_millis(8);

/// Frames and their cost since the last reset.
#[derive(Default)]
pub struct Meter {
    frames: u64,
    to_present: Samples,
    cpu: Samples,
    /// What it takes to tell assistive technology of a frame; empty while none listens.
    told: Samples,
    stalls: Vec<(Duration, String)>,
    waiting: Option<(Instant, Duration)>,
}

#[derive(Default)]
struct Samples(Vec<u32>);

impl Meter {
    /// An input arrived; the clock runs until the next [`Meter::presented`].
    pub fn arrived(&mut self) {
        if self.waiting.is_none() {
            self.waiting = Some((Instant::now(), thread_time()));
        }
    }

    /// An input led to no frame.
    pub fn settled(&mut self) {
        self.waiting = None;
    }

    /// A frame is on the screen.
    pub fn presented(&mut self) {
        self.frames += 1;
        if let Some((start, cpu)) = self.waiting.take() {
            let (waited, worked) = (start.elapsed(), thread_time().saturating_sub(cpu));
            self.to_present.push(waited);
            self.cpu.push(worked);
            record::time(Measure::InputToPresent, waited);
            record::time(Measure::UiCpu, worked);
        }
    }

    /// The UI thread was busy with a frame.
    pub fn drawn(&mut self, time: Duration) {
        record::time(Measure::Frame, time);
        self.busy(time, || "a frame".to_owned());
    }

    /// Assistive technology was told of a frame.
    pub fn told(&mut self, time: Duration) {
        self.told.push(time);
        self.busy(time, || "telling assistive technology".to_owned());
    }

    /// The UI thread was busy with one thing; recorded with its cause when it took too long.
    pub fn busy(&mut self, time: Duration, cause: impl FnOnce() -> String) {
        if time >= STALL_MIN && self.stalls.len() < STALLS_MAX {
            let cause = cause();
            record::stall(time, &cause);
            self.stalls.push((time, cause));
        }
    }

    /// As `app.frames` answers it.
    pub fn report(&self) -> Value {
        let stalls: Vec<Value> = self
            .stalls
            .iter()
            .map(|(time, cause)| json!({"ms": time.as_secs_f64() * 1e3, "cause": cause}))
            .collect();
        json!({
            "frames": self.frames,
            "input_to_present_us": self.to_present.summary(),
            "ui_cpu_us": self.cpu.summary(),
            "reader_us": self.told.summary(),
            "stalls": stalls,
        })
    }

    /// Leaves the figures in the records, for `hearth doctor`.
    pub fn record(&self) {
        if self.frames > 0 {
            record::metrics(self.report());
        }
    }

    /// Counts anew.
    pub fn reset(&mut self) {
        *self = Meter { waiting: self.waiting, ..Meter::default() };
    }
}

impl Samples {
    fn push(&mut self, time: Duration) {
        if self.0.len() == SAMPLES_MAX {
            self.0.drain(..SAMPLES_MAX / 2);
        }
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    fn summary(&self) -> Value {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let last = sorted.len().saturating_sub(1) as f64;
            sorted.get((last * share).ceil() as usize).copied()
        };
        json!({"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)})
    }
}

/// CPU time of this thread.
#[cfg(unix)]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one timespec, and the clock exists on every Unix here.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } != 0;
    if failed {
        return Duration::ZERO;
    }
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// CPU time of this thread is not measured here; the clock stands in for it.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_measured_from_the_first_input_that_it_shows() {
        let mut meter = Meter::default();
        meter.arrived();
        std::thread::sleep(Duration::from_millis(3));
        meter.arrived();
        meter.presented();
        meter.presented();
        let report = meter.report();
        assert_eq!(report["frames"], 2);
        assert!(report["input_to_present_us"]["p50"].as_u64().unwrap() >= 3000);
    }

    #[test]
    fn a_long_stretch_is_a_stall_with_its_cause() {
        let mut meter = Meter::default();
        meter.busy(Duration::from_millis(7), || unreachable!("too short to be told"));
        meter.busy(Duration::from_millis(9), || "file.open".to_owned());
        assert_eq!(meter.report()["stalls"][0]["cause"], "file.open");
        meter.reset();
        assert!(meter.report()["stalls"].as_array().unwrap().is_empty());
    }
}
