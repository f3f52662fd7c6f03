//! What colours cost: on the thread that draws, and until a worker has painted what is seen.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use syntax::{Haste, Languages, ParseJob, Parsed, Reach, Syntax, SyntaxTree};
use text::{CharOffset, CharRange, Edit, Rope};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::source;

const BYTES: usize = 1_000_000;
/// What the program asks for with a screen of 50 lines: 60 more on each side.
const PAINTED_LINES: usize = 170;
const EDITS: usize = 200;
const BUDGET: Duration = Duration::from_secs(30);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![
        Measure { rows: &["syntax.edit", "syntax.colored"], run: edit },
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

/// What a worker is asked: a text to parse, bytes of it to paint, and a tree to free.
type Asked = (Option<ParseJob>, Range<usize>, Retired);

/// What it answers: a tree, and how many spans it painted.
type Answer = Result<(Parsed, usize), String>;

/// The thread that parses, paints and frees trees, as the program has one. On the thread that
/// draws, the allocator would sort out the nodes of old trees in the middle of what is measured.
struct Worker {
    jobs: Sender<Asked>,
    answers: Receiver<Answer>,
}

impl Worker {
    fn start() -> Self {
        let (jobs, asked) = channel::<Asked>();
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            for (job, bytes, retired) in asked {
                drop(retired);
                if answer.send(painted(job, bytes)).is_err() {
                    break;
                }
            }
        });
        Worker { jobs, answers }
    }

    fn ask(&self, job: Option<ParseJob>, bytes: Range<usize>, retired: Retired) -> Answer {
        self.jobs.send((job, bytes, retired)).map_err(|error| error.to_string())?;
        self.answers.recv().map_err(|error| error.to_string())?
    }
}

fn painted(job: Option<ParseJob>, bytes: Range<usize>) -> Answer {
    let rope = job.as_ref().map(|job| job.rope().clone()).unwrap_or_default();
    let parsed = parsed(job)?;
    let tree = parsed.tree().ok_or("there is no tree")?;
    let painted = tree.highlights(&rope, bytes, Haste::Screen);
    match painted.reach {
        Reach::Whole => Ok((parsed, painted.spans.len())),
        Reach::Cut => Err("painting a screen was cut short".to_owned()),
    }
}

/// Letters typed all over the text and taken back, one edit at a time: many break the syntax of
/// their line, as typing does, and some turn the file into one large error. The thread that draws
/// notes the edit, makes the job and takes the answer; a worker moves the old tree, parses and
/// paints. What the program does beside that, shifting the colours of the lines that it shows, is
/// in `typing.cpu`.
fn edit() -> Result<Vec<Figure>, String> {
    let mut rope = Rope::from_str(&source::of_bytes(BYTES));
    let mut syntax = rust()?;
    let worker = Worker::start();
    let (first, _) = worker.ask(syntax.job(&rope), 0..0, None)?;
    syntax.install(first, &rope);
    let mut retired = None;
    let mut numbers = source::Numbers::from_seed(5);
    let (mut times, mut colored) = (Samples::default(), Samples::default());
    let mut spans = 0;
    let (mut line, mut at) = (0, 0);
    for step in 0..EDITS {
        let before = rope.clone();
        let edit = if step % 2 == 0 {
            line = numbers.below(rope.len_lines() - PAINTED_LINES);
            at = rope.line_to_char(line) + 4;
            rope.insert(at, "x");
            Edit::insert(CharOffset(at), "x")
        } else {
            rope.remove(at..at + 1);
            Edit::delete(CharRange { start: CharOffset(at), end: CharOffset(at + 1) })
        };
        let edits = [edit];
        let last = (line + PAINTED_LINES).min(rope.len_lines());
        let visible = rope.line_to_byte(line)..rope.line_to_byte(last);
        let (clock, start) = (Instant::now(), thread_cpu());
        syntax.edit(&before, &rope, &edits);
        let job = syntax.job(&rope);
        let asked = thread_cpu() - start;
        let (answer, count) = worker.ask(job, visible, retired.take())?;
        let start = thread_cpu();
        let installed = syntax.install(answer, &rope);
        times.push_ms(asked + (thread_cpu() - start));
        colored.push_ms(clock.elapsed());
        spans += count;
        retired = installed.retired;
    }
    if spans < EDITS * PAINTED_LINES {
        return Err(format!("only {spans} spans were painted in {EDITS} screens"));
    }
    Ok(vec![
        Figure::new("syntax.edit", times.percentile(0.99))
            .beside("p50", times.median())
            .beside("max", times.max()),
        Figure::new("syntax.colored", colored.median())
            .beside("p99", colored.percentile(0.99))
            .beside("max", colored.max()),
    ])
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
