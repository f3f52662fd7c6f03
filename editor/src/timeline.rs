//! When the steps of a run were tried, as stretches of one line.

use kernel::run::{RunView, Try, TryEnd};

/// What a run's line reaches over, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    from_ms: u64,
    to_ms: u64,
}

/// A try on that line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Where it begins, from 0 to 1.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
    /// What became of it; none while it runs, or where nobody knows.
    pub end: Option<TryEnd>,
}

impl Timeline {
    /// From the first try to the last end, or to `now_ms` while something may still happen.
    pub fn of(run: &RunView, now_ms: u64) -> Self {
        Self::over(run.steps.iter().flat_map(|step| &step.tries), run.ended_ms, now_ms)
    }

    /// The same over these tries.
    pub fn over<'a>(
        tries: impl Iterator<Item = &'a Try>,
        ended_ms: Option<u64>,
        now_ms: u64,
    ) -> Self {
        let (mut from, mut last) = (None::<u64>, 0);
        let mut is_open = false;
        for it in tries {
            from = Some(from.map_or(it.started_ms, |from| from.min(it.started_ms)));
            last = last.max(it.started_ms.saturating_add(it.took_ms.unwrap_or(0)));
            is_open |= it.end.is_none();
        }
        let from_ms = from.or(ended_ms).unwrap_or(now_ms);
        let end = match ended_ms {
            None if is_open => now_ms,
            ended => ended.unwrap_or(0).max(last),
        };
        // A clock that was put back makes no line that runs backwards.
        Self { from_ms, to_ms: end.max(from_ms.saturating_add(1)) }
    }

    /// How long it is, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.to_ms - self.from_ms
    }

    /// Where these lie on it.
    pub fn stretches(&self, tries: &[Try]) -> Vec<Stretch> {
        let part = |ms: u64| {
            let along = ms.saturating_sub(self.from_ms) as f64 / self.length_ms() as f64;
            along.min(1.0) as f32
        };
        let stretch = |it: &Try| Stretch {
            from: part(it.started_ms),
            to: part(it.took_ms.map_or(self.to_ms, |took| it.started_ms.saturating_add(took))),
            end: it.end,
        };
        tries.iter().map(stretch).collect()
    }
}

/// The stretches in so many columns of a terminal.
pub fn drawn(stretches: &[Stretch], columns: usize) -> String {
    let mut line = vec!['·'; columns];
    for it in stretches {
        let letter = match it.end {
            Some(TryEnd::Done) => '█',
            Some(TryEnd::Failed) => 'x',
            Some(TryEnd::Stopped) => '/',
            Some(TryEnd::TakenBack) => '<',
            None => '?',
        };
        let place = |part: f32| (part * columns as f32) as usize;
        let from = place(it.from).min(columns.saturating_sub(1));
        let to = place(it.to).clamp(from + 1, columns.max(from + 1));
        line[from..to].fill(letter);
    }
    line.into_iter().collect()
}

/// A time as people read it: milliseconds, seconds or minutes.
pub fn took(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

/// What became of a try, in a word.
pub fn end_word(end: Option<TryEnd>) -> &'static str {
    match end {
        Some(TryEnd::Done) => "done",
        Some(TryEnd::Failed) => "failed",
        Some(TryEnd::Stopped) => "stopped",
        Some(TryEnd::TakenBack) => "taken back",
        None => "not ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(started_ms: u64, took_ms: u64, end: TryEnd) -> Try {
        Try { started_ms, took_ms: Some(took_ms), end: Some(end) }
    }

    #[test]
    fn tries_lie_where_they_were() {
        let first = [tried(1000, 250, TryEnd::Failed), tried(1500, 500, TryEnd::Done)];
        let open = [Try { started_ms: 2500, took_ms: None, end: None }];
        let all = || first.iter().chain(&open);
        let line = Timeline::over(all(), None, 3000);
        assert_eq!(line.length_ms(), 2000);
        assert_eq!(drawn(&line.stretches(&first), 16), "xx··████········");
        assert_eq!(drawn(&line.stretches(&open), 16), "············????");
        let over = Timeline::over(first.iter(), Some(2200), 9000);
        assert_eq!(over.length_ms(), 1200, "now is nothing to a run that is over");
    }

    #[test]
    fn clocks_that_jump_and_runs_of_nothing_draw_a_line() {
        let back = [tried(5000, 10, TryEnd::Done), tried(10, 10, TryEnd::Done)];
        let line = Timeline::over(back.iter(), Some(20), 20);
        assert_eq!(drawn(&line.stretches(&back), 8).chars().count(), 8);
        let none = Timeline::over(std::iter::empty(), None, 7);
        assert_eq!((none.length_ms(), none.stretches(&[]).len()), (1, 0));
        let far = [tried(u64::MAX, u64::MAX, TryEnd::Done)];
        let line = Timeline::over(far.iter(), None, 0);
        assert_eq!(drawn(&line.stretches(&far), 4).chars().count(), 4);
    }

    #[test]
    fn times_are_told_in_what_fits() {
        assert_eq!([took(7), took(1234), took(61_000)], ["7 ms", "1.2 s", "1 min 1 s"]);
    }
}
