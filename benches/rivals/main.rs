//! Runs a trace of edits through loro, yrs and automerge, each on its own, and prints one JSON line
//! for each: `{"name", "seconds", "length"}`, in seconds of CPU.
//!
//! The trace is the file named as the only argument; a line of it is `POSITION DELETED INSERTED`,
//! in characters, the insertion as a JSON string.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use automerge::transaction::Transactable;
use automerge::{AutoCommit, ObjType, ReadDoc};
use loro::LoroDoc;
use yrs::{Doc, GetString, OffsetKind, Options, Text, Transact};

struct Edit {
    at: usize,
    deleted: usize,
    inserted: String,
}

fn read(path: &str) -> Option<Vec<Edit>> {
    let text = fs::read_to_string(path).ok()?;
    let line = |line: &str| {
        let mut fields = line.splitn(3, ' ');
        let at = fields.next()?.parse().ok()?;
        let deleted = fields.next()?.parse().ok()?;
        let inserted = fields.next()?.strip_prefix('"')?.strip_suffix('"')?.replace("\\n", "\n");
        Some(Edit { at, deleted, inserted })
    };
    text.lines().map(line).collect()
}

/// One transaction for each edit, as an editor that must not lose a key would have it.
fn run_loro(trace: &[Edit]) -> String {
    let doc = LoroDoc::new();
    let text = doc.get_text("text");
    for edit in trace {
        if edit.deleted > 0 {
            text.delete(edit.at, edit.deleted).expect("the trace stays within the text");
        }
        if !edit.inserted.is_empty() {
            text.insert(edit.at, &edit.inserted).expect("the trace stays within the text");
        }
        doc.commit();
    }
    text.to_string()
}

fn run_yrs(trace: &[Edit]) -> String {
    let doc = Doc::with_options(Options { offset_kind: OffsetKind::Utf16, ..Options::default() });
    let text = doc.get_or_insert_text("text");
    for edit in trace {
        let mut change = doc.transact_mut();
        let at = edit.at as u32;
        if edit.deleted > 0 {
            text.remove_range(&mut change, at, edit.deleted as u32);
        }
        if !edit.inserted.is_empty() {
            text.insert(&mut change, at, &edit.inserted);
        }
    }
    text.get_string(&doc.transact())
}

/// Automerge commits once at the end: it is its fastest way to take a trace.
fn run_automerge(trace: &[Edit]) -> String {
    let mut doc = AutoCommit::new();
    let text = doc.put_object(automerge::ROOT, "text", ObjType::Text).expect("a new document");
    for edit in trace {
        doc.splice_text(&text, edit.at, edit.deleted as isize, &edit.inserted)
            .expect("the trace stays within the text");
    }
    doc.commit();
    doc.text(&text).expect("the text was made above")
}

/// The CPU time of this thread, the only one: a busy machine does not count against a rival.
fn cpu() -> Duration {
    let said = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = said.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("Linux counts what each thread runs"))
}

fn main() -> ExitCode {
    let Some(trace) = std::env::args().nth(1).and_then(|path| read(&path)) else {
        eprintln!("rivals: needs the name of a trace");
        return ExitCode::from(2);
    };
    let rivals: [(&str, fn(&[Edit]) -> String); 3] =
        [("loro", run_loro), ("yrs", run_yrs), ("automerge", run_automerge)];
    for (name, run) in rivals {
        let start = cpu();
        let text = run(&trace);
        let seconds = (cpu() - start).as_secs_f64();
        let length = text.chars().count();
        println!("{{\"name\": \"{name}\", \"seconds\": {seconds}, \"length\": {length}}}");
    }
    ExitCode::SUCCESS
}
