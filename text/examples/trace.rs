//! Types a trace of 260,000 keystrokes into a document, with undo groups, a log record of each
//! edit and some anchors, and says how fast that went.
//!
//! `cargo run --release -p text --example trace`

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::time::Instant;

use text::edit::Bias;
use text::{Authors, CharOffset, CharRange, Document, Edit, Operation, Origin, Rope, Transaction};

const KEYSTROKES: usize = 260_000;

fn main() {
    let trace = trace();
    for run in 0..3 {
        let mut document = Document::from_base(Rope::new());
        for _ in 0..8 {
            document.anchors_mut().insert(CharOffset(0), Bias::After);
        }
        let mut record = Vec::with_capacity(KEYSTROKES * 40);
        let mut log: Vec<Operation> = Vec::with_capacity(KEYSTROKES);
        let start = Instant::now();
        for (edit, origin) in &trace {
            let change = document.apply(Transaction::single(edit.clone()), *origin);
            let change = change.expect("the trace stays within the text");
            change.operations.iter().for_each(|operation| operation.encode(&mut record));
            log.extend(change.operations);
        }
        let elapsed = start.elapsed();
        let rate = KEYSTROKES as f64 / elapsed.as_secs_f64() / 1e6;
        println!("run {run}: {elapsed:?}, {rate:.2} M edits/s, {} bytes of log", record.len());
        let start = Instant::now();
        let restored = Document::restore(Rope::new(), &log, Authors::default());
        println!("  restored in {:?}", start.elapsed());
        assert_eq!(restored.document.rope(), document.rope());
        let start = Instant::now();
        let mut groups = 0;
        while document.undo().is_some() {
            groups += 1;
        }
        println!("  {groups} groups undone in {:?}", start.elapsed());
        assert_eq!(document.rope().len_chars(), 0);
    }
}

/// Words typed at a caret that wanders, with corrections, as people write.
fn trace() -> Vec<(Edit, Origin)> {
    let mut state = 7u64;
    let mut random = move |limit: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let (mut caret, mut length) = (0usize, 0usize);
    let mut trace = Vec::with_capacity(KEYSTROKES);
    while trace.len() < KEYSTROKES {
        if random(60) == 0 {
            caret = random(length + 1);
        }
        if random(8) == 0 && caret > 0 {
            let range = CharRange::new(CharOffset(caret - 1), CharOffset(caret));
            trace.push((Edit::delete(range), Origin::DELETING));
            (caret, length) = (caret - 1, length - 1);
        } else {
            let letter = ["e", "t", "a", " ", "o", "n", "\n", "s"][random(8)];
            trace.push((Edit::insert(CharOffset(caret), letter), Origin::TYPING));
            (caret, length) = (caret + 1, length + 1);
        }
    }
    trace
}
