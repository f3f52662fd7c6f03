//! A program without a shell, for tests: commands and keys go in, marked texts come out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use text::{CharOffset, Selection, Selections};

use crate::program::Program;
use crate::registry::Fault;
use crate::view::Follow;
use crate::workers::Completion;

/// A worker that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program, what its workers answered, and the folder of its files.
pub struct Stage {
    pub program: Program,
    pub folder: TempDir,
    receive: Receiver<Completion>,
}

impl Stage {
    /// A program with nothing open.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (send, receive) = channel();
        let post = Arc::new(move |completion| {
            // A test may end before its workers.
            let _ = send.send(completion);
        });
        let program = Program::for_tests(folder.path(), post);
        Stage { program, folder, receive }
    }

    /// A program with a draft, in which `|` is a caret and `«a|»` a selection.
    pub fn with(marked: &str) -> Self {
        let mut stage = Stage::new();
        let (text, selections) = unmarked(marked);
        stage.program.new_draft(&text);
        stage.select(selections);
        stage
    }

    /// A program with a file that was parsed, marked likewise.
    pub fn with_file(name: &str, marked: &str) -> Self {
        let mut stage = Stage::new();
        let (text, selections) = unmarked(marked);
        let path = stage.write(name, &text);
        stage.run("file.open", json!({ "path": path })).unwrap();
        stage.settle();
        stage.select(selections);
        stage
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn select(&mut self, selections: Selections) {
        let (view, _) = self.program.active().unwrap();
        view.select(selections, Follow::Caret);
    }

    /// Calls a command as the control socket does, and waits for its answer.
    pub fn run(&mut self, id: &str, arguments: Value) -> Result<Value, Fault> {
        let (send, answer) = channel();
        self.program.call(
            id,
            arguments,
            Box::new(move |result| {
                // Nobody listens any more once the test has its answer.
                let _ = send.send(result);
            }),
        );
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(result) = answer.try_recv() {
                return result;
            }
            // The journal's thread answers by itself.
            match self.receive.recv_timeout(Duration::from_millis(5)) {
                Ok(completion) => self.program.complete(completion),
                Err(_) => assert!(Instant::now() < until, "{id} was not answered"),
            }
        }
    }

    /// Presses keys, and waits until they are done.
    pub fn keys(&mut self, keys: &str) {
        self.run("app.keys", json!({ "keys": keys })).unwrap();
        self.settle();
    }

    /// Waits until no work is pending.
    pub fn settle(&mut self) {
        loop {
            if let Ok(completion) = self.receive.try_recv() {
                self.program.complete(completion);
            } else if self.program.workers.pending().is_empty() {
                return;
            } else {
                self.pump();
            }
        }
    }

    /// Waits for what other threads tell by themselves until `is_so`.
    pub fn until(&mut self, is_so: impl Fn(&mut Stage) -> bool) {
        while !is_so(self) {
            self.pump();
        }
    }

    fn pump(&mut self) {
        let completion = self.receive.recv_timeout(PATIENCE);
        self.program.complete(completion.expect("a worker answers"));
    }

    /// The focused text with its carets and selections marked.
    pub fn marked(&mut self) -> String {
        let (view, buffer) = self.program.active().unwrap();
        let mut marks: Vec<(usize, &str)> = Vec::new();
        for one in view.selections.iter() {
            let range = one.range();
            match (one.is_caret(), one.anchor < one.head) {
                (true, _) => marks.push((one.head.0, "|")),
                (_, true) => marks.extend([(range.start.0, "«"), (range.end.0, "|»")]),
                (_, false) => marks.extend([(range.start.0, "«|"), (range.end.0, "»")]),
            }
        }
        let mut marks = marks.into_iter().peekable();
        let mut shown = String::new();
        for (index, letter) in buffer.rope().chars().map(Some).chain([None]).enumerate() {
            while let Some((_, mark)) = marks.next_if(|(at, _)| *at == index) {
                shown.push_str(mark);
            }
            shown.extend(letter);
        }
        shown
    }

    /// The sentences that are shown.
    pub fn notices(&self) -> Vec<String> {
        self.program.notices.shown().iter().map(|notice| notice.sentence.clone()).collect()
    }
}

fn unmarked(marked: &str) -> (String, Selections) {
    let mut text = String::new();
    let mut found = Vec::new();
    let (mut anchor, mut head) = (None, None);
    for letter in marked.chars() {
        let at = CharOffset(text.chars().count());
        match letter {
            '«' => anchor = Some(at),
            '|' if anchor.is_some() => head = Some(at),
            '|' => found.push(Selection::caret(at)),
            '»' => {
                let (anchor, head) = (anchor.take().unwrap(), head.take().unwrap());
                found.push(Selection::new(if head == at { anchor } else { at }, head));
            }
            letter => text.push(letter),
        }
    }
    (text, Selections::new(found, 0))
}
