//! What colours cost: on the thread that draws, and on the worker that parses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use syntax::{Languages, ParseJob, Parsed, Syntax, SyntaxTree};
use text::{CharOffset, CharRange, Edit, Rope};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source;

const BYTES: usize = 1_000_000;
const VISIBLE_LINES: usize = 50;
const EDITS: usize = 200;
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

/// A tree that was replaced.
type Retired = Option<Arc<SyntaxTree>>;

/// The thread that parses and frees trees, as the program has one. On the thread that draws, the
/// allocator would sort out the nodes of old trees in the middle of what is measured.
struct Worker {
    jobs: Sender<(Option<ParseJob>, Retired)>,
    answers: Receiver<Result<Parsed, String>>,
}

impl Worker {
    fn start() -> Self {
        let (jobs, asked) = channel::<(Option<ParseJob>, Retired)>();
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            for (job, retired) in asked {
                drop(retired);
                if answer.send(parsed(job)).is_err() {
                    break;
                }
            }
        });
        Worker { jobs, answers }
    }

    fn parse(&self, job: Option<ParseJob>, retired: Retired) -> Result<Parsed, String> {
        self.jobs.send((job, retired)).map_err(|error| error.to_string())?;
        self.answers.recv().map_err(|error| error.to_string())?
    }
}

/// Letters typed all over the text and taken back, one edit at a time: many break the syntax of
/// their line, as typing does, but the file does not turn into one large error. The thread that
/// draws pays for moving the tree, for colouring what is visible from the moved tree, for taking
/// the worker's answer and for colouring again.
fn edit() -> Result<Vec<Figure>, String> {
    let mut rope = Rope::from_str(&source::of_bytes(BYTES));
    let mut syntax = rust()?;
    let worker = Worker::start();
    syntax.install(worker.parse(syntax.job(&rope), None)?, &rope);
    let mut retired = None;
    let mut numbers = source::Numbers::from_seed(5);
    let (mut times, mut coloured) = (Samples::default(), 0);
    let (mut moving, mut taking) = (Samples::default(), Samples::default());
    let (mut line, mut at) = (0, 0);
    for step in 0..EDITS {
        let before = rope.clone();
        let edit = if step % 2 == 0 {
            line = numbers.below(rope.len_lines() - VISIBLE_LINES);
            at = rope.line_to_char(line) + 4;
            rope.insert(at, "x");
            Edit::insert(CharOffset(at), "x")
        } else {
            rope.remove(at..at + 1);
            Edit::delete(CharRange { start: CharOffset(at), end: CharOffset(at + 1) })
        };
        let edits = [edit];
        let last = rope.line_to_char((line + VISIBLE_LINES).min(rope.len_lines()));
        let visible =
            CharRange { start: CharOffset(rope.line_to_char(line)), end: CharOffset(last) };
        let start = thread_cpu();
        syntax.edit(&before, &rope, &edits);
        moving.push_ms(thread_cpu() - start);
        coloured += syntax.highlights(&rope, visible).len();
        let shown = thread_cpu() - start;
        let answer = worker.parse(syntax.job(&rope), retired.take())?;
        let start = thread_cpu();
        let installed = syntax.install(answer, &rope);
        taking.push_ms(thread_cpu() - start);
        coloured += syntax.highlights(&rope, visible).len();
        times.push_ms(shown + (thread_cpu() - start));
        retired = installed.retired;
    }
    if coloured < EDITS * 2 * VISIBLE_LINES {
        return Err(format!("only {coloured} spans were coloured in {} screens", EDITS * 2));
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
