//! Types a trace of 260,000 keystrokes into a document, with undo groups, a log record of each
//! edit and some anchors, and says how fast that went.
//!
//! `cargo run --release -p text --example trace`

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::time::Instant;

use text::edit::Bias;
use text::{
    Author, Authors, CharOffset, CharRange, Document, Edit, Operation, Origin, Rope, Transaction,
};

const KEYSTROKES: usize = 260_000;

fn main() {
    let trace = trace();
    for (name, base) in [("empty", Rope::new()), ("7 MB", Rope::from("0123456\n".repeat(900_000)))]
    {
        for snapshot in [Snapshot::Dropped, Snapshot::Held] {
            type_trace(name, &base, &trace, snapshot);
        }
    }
    two_branches(&trace);
    merge_beside(&trace);
    live_pair(&trace);
}

/// Whether somebody still holds the text after the last change when the next one is made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Snapshot {
    Dropped,
    Held,
}

fn type_trace(name: &str, base: &Rope, trace: &[(Edit, Origin)], snapshot: Snapshot) {
    let mut document = Document::from_base(base.clone());
    for at in 0..8 {
        document.anchors_mut().insert(CharOffset(at), Bias::After);
    }
    let mut record = Vec::with_capacity(KEYSTROKES * 40);
    let mut log: Vec<Operation> = Vec::with_capacity(KEYSTROKES);
    let mut held = None;
    let start = Instant::now();
    for (edit, origin) in trace {
        let change = document.apply(Transaction::single(edit.clone()), *origin);
        let mut change = change.expect("the trace stays within the text");
        change.operations.iter().for_each(|operation| operation.encode(&mut record));
        log.append(&mut change.operations);
        if snapshot == Snapshot::Held {
            held = Some(change);
        }
    }
    let elapsed = start.elapsed();
    drop(held);
    let rate = KEYSTROKES as f64 / elapsed.as_secs_f64() / 1e6;
    println!("{name}, snapshot {snapshot:?}: {elapsed:?}, {rate:.2} M edits/s");
    let start = Instant::now();
    let restored = Document::restore(base.clone(), &log, Authors::default());
    println!("  {} bytes of log, restored in {:?}", record.len(), start.elapsed());
    assert_eq!(restored.document.rope(), document.rope());
    let start = Instant::now();
    let mut groups = 0;
    while document.undo().is_some() {
        groups += 1;
    }
    println!("  {groups} groups undone in {:?}", start.elapsed());
    assert_eq!(document.rope(), base);
}

fn writer() -> Document {
    Document::from_base_as(Rope::new(), Authors::new(Author::random()))
}

/// Two devices that typed 20,000 keys each without seeing each other.
fn two_branches(trace: &[(Edit, Origin)]) {
    let (mut a, mut b) = (writer(), writer());
    let mut sent = Vec::new();
    let mut own = Vec::new();
    for (edit, origin) in &trace[..20_000] {
        let typed = Transaction::single(edit.clone());
        own.extend(a.apply(typed.clone(), *origin).expect("it fits").operations);
        sent.extend(b.apply(typed, *origin).expect("it fits").operations);
    }
    let start = Instant::now();
    a.merge(&sent).expect("nothing is refused");
    println!("branches of 20,000 keys merged in {:?}", start.elapsed());
    let start = Instant::now();
    a.undo();
    println!("  one group undone past them in {:?}", start.elapsed());
    let log: Vec<Operation> = own.into_iter().chain(sent).collect();
    let start = Instant::now();
    Document::restore(Rope::new(), &log, Authors::new(a.author()));
    println!("  restored in {:?}", start.elapsed());
}

/// Two branches of 50,000 keys each, merged on a copy: what that costs the owner of the document.
fn merge_beside(trace: &[(Edit, Origin)]) {
    let (mut a, mut b) = (writer(), writer());
    let mut sent = Vec::new();
    for (edit, origin) in &trace[..50_000] {
        let typed = Transaction::single(edit.clone());
        a.apply(typed.clone(), *origin).expect("it fits");
        sent.extend(b.apply(typed, *origin).expect("it fits").operations);
    }
    let start = Instant::now();
    assert!(a.is_long_merge(&sent));
    println!("branches of 50,000 keys: judged in {:?}", start.elapsed());
    let start = Instant::now();
    let pending = a.start_merge(sent);
    println!("  started in {:?}", start.elapsed());
    let start = Instant::now();
    let ready = pending.run();
    println!("  merged elsewhere in {:?}", start.elapsed());
    let start = Instant::now();
    let finished = a.finish_merge(ready);
    println!("  taken over in {:?}", start.elapsed());
    let start = Instant::now();
    drop(finished);
    println!("  the old one freed in {:?}", start.elapsed());
}

/// Two devices that type at once, each three keys behind the other.
fn live_pair(trace: &[(Edit, Origin)]) {
    let (mut a, mut b) = (writer(), writer());
    let (mut log, mut to_a, mut to_b) = (Vec::new(), Vec::new(), Vec::new());
    let mut times = Vec::new();
    for (index, (edit, origin)) in trace[..20_000].iter().enumerate() {
        let at = |document: &Document| {
            let length = document.rope().len_chars();
            let clamp = |offset: CharOffset| CharOffset(offset.0.min(length));
            let range = CharRange::new(clamp(edit.range.start), clamp(edit.range.end));
            Transaction::single(Edit::replace(range, edit.text.clone()))
        };
        to_b.extend(a.apply(at(&a), *origin).expect("it fits").operations);
        log.extend(to_b.last().cloned());
        to_a.extend(b.apply(at(&b), *origin).expect("it fits").operations);
        if index % 3 == 2 {
            let start = Instant::now();
            a.merge(&to_a).expect("nothing is refused");
            times.push(start.elapsed());
            b.merge(&to_b).expect("nothing is refused");
            log.append(&mut to_a);
            to_b.clear();
        }
    }
    times.sort();
    let (median, last) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("live merges of three keys: p50 {median:?}, p99 {last:?}");
    let start = Instant::now();
    let restored = Document::restore(Rope::new(), &log, Authors::new(a.author()));
    println!("  {} operations restored in {:?}", log.len(), start.elapsed());
    assert_eq!(restored.refused, []);
    let start = Instant::now();
    let undone = std::iter::from_fn(|| a.undo()).take(100).count();
    println!("  {undone} groups undone in {:?}", start.elapsed());
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
