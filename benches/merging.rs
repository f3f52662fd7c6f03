//! Two devices that typed for a while without having met: what their merge costs the thread that
//! owns the document, which goes on being typed into.

use std::time::Duration;

use text::{
    Author, Authors, CharOffset, CharRange, Document, Edit, Finished, Operation, Origin, Rope,
    Transaction,
};

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::samples::Samples;
use crate::trace::{Key, keys};

/// Keys on each side.
const KEYSTROKES: usize = 50_000;

/// A merge that has not caught up by then never will.
const ROUNDS_MAX: usize = 8;

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["merge.stall"], run }]
}

fn run() -> Result<Vec<Figure>, String> {
    let keys = keys(KEYSTROKES);
    let mut worst = Samples::default();
    for _ in 0..5 {
        worst.push_ms(merged(&keys)?);
    }
    Ok(vec![Figure::new("merge.stall", worst.max())])
}

/// The longest of the steps that the owner takes, in CPU time.
fn merged(keys: &[Key]) -> Result<Duration, String> {
    let base = Rope::from("a line that both devices have had all the time\n".repeat(4_000));
    let device = || Document::from_base_as(base.clone(), Authors::new(Author::random()));
    let (mut here, mut there) = (device(), device());
    typed(&mut here, keys)?;
    let sent = typed(&mut there, keys)?;
    let mut worst = Duration::ZERO;
    let mut timed = |start: Duration| worst = worst.max(thread_cpu() - start);
    let start = thread_cpu();
    if !here.is_long_merge(&sent) {
        return Err("the merge was not found to be long".to_owned());
    }
    timed(start);
    let start = thread_cpu();
    let mut pending = here.start_merge(sent);
    timed(start);
    for _ in 0..ROUNDS_MAX {
        // A key falls while the merge is under way.
        let end = CharOffset(here.rope().len_chars());
        let key = Transaction::single(Edit::insert(end, "x"));
        here.apply(key, Origin::TYPING).map_err(|error| error.to_string())?;
        let ready = pending.run();
        let start = thread_cpu();
        let finished = here.finish_merge(ready);
        timed(start);
        match finished {
            Finished::Again(next) => pending = *next,
            Finished::Merged { outcome, .. } => {
                outcome.map_err(|error| error.to_string())?;
                return Ok(worst);
            }
        }
    }
    Err("the merge never caught up".to_owned())
}

fn typed(document: &mut Document, keys: &[Key]) -> Result<Vec<Operation>, String> {
    let mut operations = Vec::with_capacity(keys.len());
    for key in keys {
        let place = CharOffset(key.at);
        let (edit, origin) = if key.deleted > 0 {
            let range = CharRange { start: place, end: CharOffset(key.at + key.deleted) };
            (Edit::delete(range), Origin::DELETING)
        } else {
            (Edit::insert(place, key.inserted), Origin::TYPING)
        };
        let change = document.apply(Transaction::single(edit), origin);
        operations.extend(change.map_err(|error| error.to_string())?.operations);
    }
    Ok(operations)
}
