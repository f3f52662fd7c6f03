//! What colours cost: on the thread that draws, and on the worker that parses.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use syntax::{Languages, ParseJob, Parsed, Syntax};
use text::{CharOffset, CharRange, Edit, Rope};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source;

const BYTES: usize = 1_000_000;
const VISIBLE_LINES: usize = 50;
const BUDGET: Duration = Duration::from_secs(30);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["syntax.edit"], run: edit },
        Measure { rows: &["syntax.parse"], run: parse },
    ]
}

fn rust() -> Result<Syntax, String> {
    let language = Languages::builtin().named("rust").ok_or("syntax has no Rust")?;
    Ok(Syntax::new(Some(language)))
}

fn parsed(job: Option<ParseJob>) -> Result<Parsed, String> {
    let parsed = job.ok_or("there is nothing to parse")?.run(&AtomicBool::new(false), BUDGET);
    match parsed.stop() {
        None => Ok(parsed),
        Some(stop) => Err(format!("the parse stopped: {stop:?}")),
    }
}

/// Letters typed all over the text. The thread that draws pays for moving the tree, for colouring
/// what is visible from the moved tree, for taking the worker's answer and for colouring again.
fn edit() -> Result<Vec<Figure>, String> {
    let mut rope = Rope::from_str(&source::of_bytes(BYTES));
    let mut syntax = rust()?;
    syntax.install(parsed(syntax.job(&rope))?, &rope);
    let mut numbers = source::Numbers::from_seed(5);
    let (mut times, mut coloured) = (Samples::default(), 0);
    let (mut moving, mut taking) = (Samples::default(), Samples::default());
    for _ in 0..200 {
        let line = numbers.below(rope.len_lines() - VISIBLE_LINES);
        let at = rope.line_to_char(line) + 4;
        let before = rope.clone();
        rope.insert(at, "x");
        let edits = [Edit::insert(CharOffset(at), "x")];
        let last = rope.line_to_char((line + VISIBLE_LINES).min(rope.len_lines()));
        let visible =
            CharRange { start: CharOffset(rope.line_to_char(line)), end: CharOffset(last) };
        let start = thread_cpu();
        syntax.edit(&before, &rope, &edits);
        moving.push_ms(thread_cpu() - start);
        coloured += syntax.highlights(&rope, visible).len();
        let shown = thread_cpu() - start;
        let answer = parsed(syntax.job(&rope))?;
        let start = thread_cpu();
        // The tree that it retires is dropped after the clock was read, as a worker would.
        let installed = syntax.install(answer, &rope);
        taking.push_ms(thread_cpu() - start);
        coloured += syntax.highlights(&rope, visible).len();
        times.push_ms(shown + (thread_cpu() - start));
        drop(installed);
    }
    if coloured < 200 * 2 * VISIBLE_LINES {
        return Err(format!("only {coloured} spans were coloured in 400 screens"));
    }
    let figure = Figure::new("syntax.edit", times.percentile(0.99));
    let figure = figure.beside("p50", times.median()).beside("max", times.max());
    let (moving, taking) = (moving.percentile(0.99), taking.percentile(0.99));
    Ok(vec![figure.beside("moving p99", moving).beside("taking p99", taking)])
}

/// The first parse of a language also compiles its queries, so it does not count.
fn parse() -> Result<Vec<Figure>, String> {
    let rope = Rope::from_str(&source::of_bytes(BYTES));
    parsed(rust()?.job(&rope))?;
    let (mut clock, mut cpu) = (Samples::default(), Samples::default());
    for _ in 0..9 {
        let start = thread_cpu();
        clock.push_ms(parsed(rust()?.job(&rope))?.took());
        cpu.push_ms(thread_cpu() - start);
    }
    Ok(vec![
        Figure::new("syntax.parse", clock.median())
            .beside("max", clock.max())
            .beside("cpu", cpu.median()),
    ])
}
