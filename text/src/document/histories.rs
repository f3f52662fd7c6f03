//! Random histories: several documents that edit, undo and exchange operations in any order.

use super::*;
use crate::position::{CharOffset, CharRange};
use crate::seeded::Seeded;

/// A device: its document, and its log in the order in which operations reached it.
struct Device {
    document: Document,
    log: Vec<Operation>,
    caret: usize,
}

const BASE: &str = "0123\r\n4567 89\n";

fn device(author: u8, base: &str) -> Device {
    let authors = Authors::new(Author::from_bytes([author; 16]));
    let document = Document::from_base_as(Rope::from_str(base), authors);
    Device { document, log: Vec::new(), caret: 0 }
}

impl Device {
    fn log_change(&mut self, change: &Change) {
        assert_eq!(change.after(), self.document.rope());
        let mut replayed = change.before().clone();
        Transaction::new(change.edits.to_vec()).unwrap().apply_to(&mut replayed);
        assert_eq!(&replayed, change.after(), "the edits lead from one text to the other");
        self.log.extend(change.operations.iter().cloned());
    }

    fn edit(&mut self, random: &mut Seeded, letters: &[&str]) {
        let length = self.document.rope().len_chars();
        if random.below(3) == 0 {
            self.caret = random.below(length + 1);
        }
        let at = CharOffset(self.caret.min(length));
        let end = CharOffset((at.0 + random.below(6)).min(length));
        let letters = *random.pick(letters);
        let (edits, origin) = match random.below(10) {
            0..5 => (vec![Edit::insert(at, letters)], Origin::TYPING),
            5 => (vec![Edit::delete(CharRange::new(at - 1, at))], Origin::DELETING),
            6 => (vec![Edit::delete(CharRange::new(at, end))], Origin::COMMAND),
            7 => (vec![Edit::replace(CharRange::new(at, end), letters)], Origin::PASTE),
            _ => {
                let far = CharOffset(end.0 + 1 + random.below(5));
                let mut edits = vec![Edit::replace(CharRange::new(at, end), letters)];
                if far.0 <= length {
                    edits.push(Edit::insert(far, letters));
                }
                (edits, Origin::COMMAND)
            }
        };
        self.caret = at.0 + 1;
        let change = self.document.apply(Transaction::new(edits).unwrap(), origin).unwrap();
        self.log_change(&change);
    }

    fn undo_or_redo(&mut self, random: &mut Seeded) {
        let outcome = match random.below(3) {
            0 => self.document.redo(),
            _ => self.document.undo(),
        };
        if let Some(outcome) = outcome {
            self.log_change(&outcome.change);
        }
    }

    fn receive(&mut self, operations: &[Operation]) {
        let change = self.document.merge(operations).unwrap();
        self.log_change(&change);
    }

    fn restored(&self, author: u8) -> Document {
        let authors = Authors::new(Author::from_bytes([author; 16]));
        self.restored_as(authors.with_earlier([self.document.author()]))
    }

    fn restored_as(&self, authors: Authors) -> Document {
        let restored = Document::restore(Rope::from_str(BASE), &self.log, authors);
        assert_eq!(restored.refused, []);
        restored.document
    }
}

/// Sends some of what one has logged to another, out of order and with repetitions.
fn send(devices: &mut [Device], from: usize, to: usize, random: &mut Seeded) {
    let log = &devices[from].log;
    let since = log.len() - random.below(log.len() + 1);
    let mut some: Vec<Operation> = log[since..].to_vec();
    for _ in 0..random.below(4) {
        if !some.is_empty() {
            let (a, b) = (random.below(some.len()), random.below(some.len()));
            some.swap(a, b);
            some.extend(some.get(a).cloned());
        }
    }
    devices[to].receive(&some);
}

fn exchange_all(devices: &mut [Device]) {
    for _ in 0..2 {
        for from in 0..devices.len() {
            for to in 0..devices.len() {
                let log = devices[from].log.clone();
                devices[to].receive(&log);
            }
        }
    }
}

#[test]
fn documents_converge_whatever_the_order_and_restore_from_their_logs() {
    let mut random = Seeded::new(41);
    for round in 0..1_500 {
        let mut devices = [device(1, BASE), device(2, BASE), device(3, BASE)];
        for _ in 0..random.below(40) {
            let who = random.below(3);
            match random.below(10) {
                0..5 => devices[who].edit(&mut random, &["a", "b ", "é𝄞", "\n", "word"]),
                5..7 => devices[who].undo_or_redo(&mut random),
                _ => send(&mut devices, who, (who + 1 + random.below(2)) % 3, &mut random),
            }
        }
        exchange_all(&mut devices);
        let (first, others) = devices.split_first().unwrap();
        for other in others {
            assert_eq!(other.document.version(), first.document.version(), "round {round}");
            assert_eq!(other.document.rope(), first.document.rope(), "round {round}");
            assert!(other.document.missing().is_empty());
        }
        for device in &devices {
            let restored = device.restored(9);
            assert_eq!(restored.version(), device.document.version(), "round {round}");
            assert_eq!(restored.rope(), device.document.rope(), "round {round}");
            assert_eq!(restored.text_hash(), first.document.text_hash());
        }
    }
}

#[test]
fn alone_undoing_everything_leads_to_the_base_and_redoing_back_again() {
    let mut random = Seeded::new(42);
    for _ in 0..1_000 {
        let mut alone = device(1, BASE);
        for _ in 0..random.below(40) {
            match random.below(5) {
                0 => alone.undo_or_redo(&mut random),
                _ => alone.edit(&mut random, &["a", "b ", "é𝄞", "\n"]),
            }
        }
        while let Some(outcome) = alone.document.redo() {
            alone.log_change(&outcome.change);
        }
        let end = alone.document.rope().clone();
        let mut restored = alone.restored(2);
        while let Some(outcome) = alone.document.undo() {
            assert_eq!(outcome.whose, Whose::Own);
            let same = restored.undo().unwrap();
            assert_eq!(same.change.after(), outcome.change.after(), "undo survives a restart");
        }
        assert_eq!(alone.document.rope(), BASE);
        assert!(restored.undo().is_none());
        while let Some(outcome) = alone.document.redo() {
            assert_eq!(outcome.change.after(), restored.redo().unwrap().change.after());
        }
        assert_eq!(alone.document.rope(), &end);
    }
}

#[test]
fn undo_takes_back_ones_own_work_and_leaves_the_others() {
    let mut random = Seeded::new(43);
    for round in 0..1_000 {
        let mut devices = [device(1, BASE), device(2, BASE)];
        let mut written = Vec::new();
        for _ in 0..random.below(40) {
            match random.below(4) {
                0 | 1 => devices[0].edit(&mut random, &["a", "b ", "word"]),
                2 => {
                    // The other one only writes, so that all of it must be left.
                    let length = devices[1].document.rope().len_chars();
                    let letter = *random.pick(&["A", "B", "C"]);
                    let edit = Edit::insert(CharOffset(random.below(length + 1)), letter);
                    let typed = Transaction::single(edit);
                    let change = devices[1].document.apply(typed, Origin::TYPING).unwrap();
                    devices[1].log_change(&change);
                    written.push(letter);
                }
                _ => {
                    let log = devices[1].log.clone();
                    devices[0].receive(&log);
                    let log = devices[0].log.clone();
                    devices[1].receive(&log);
                }
            }
        }
        exchange_all(&mut devices);
        let mut restored = devices[0].restored(9);
        let own = &mut devices[0].document;
        for document in [own, &mut restored] {
            let mut theirs = document.clone();
            while let Some(outcome) = theirs.undo()
                && outcome.whose == Whose::Own
            {
                *document = theirs.clone();
            }
            let text = document.rope().to_string();
            let mut left: Vec<String> =
                text.chars().filter(char::is_ascii_uppercase).map(String::from).collect();
            left.sort_unstable();
            written.sort_unstable();
            assert_eq!(left, written, "round {round}");
            let base: String = text.chars().filter(|c| !c.is_ascii_uppercase()).collect();
            assert_eq!(base, BASE, "round {round}");
            while document.undo().is_some() {}
            assert_eq!(document.rope(), BASE, "round {round}");
        }
    }
}

#[test]
fn redo_brings_back_ones_own_work_past_what_others_wrote_since() {
    let mut random = Seeded::new(44);
    for round in 0..600 {
        let mut here = device(1, BASE);
        let mut there = device(2, BASE);
        for _ in 0..1 + random.below(20) {
            match random.below(4) {
                0 => here.undo_or_redo(&mut random),
                _ => here.edit(&mut random, &["a", "b ", "word"]),
            }
        }
        let mut restored = here.restored(9);
        assert_eq!(restored.can_redo(), here.document.can_redo(), "round {round}");
        while let Some(outcome) = here.document.redo() {
            here.log_change(&outcome.change);
            restored.redo().unwrap();
        }
        let full = here.document.rope().to_string();
        there.receive(&here.log);
        let steps = random.below(6);
        for _ in 0..steps {
            let letter = *random.pick(&["A", "B"]);
            let at = random.below(there.document.rope().len_chars() + 1);
            let edit = Transaction::single(Edit::insert(CharOffset(at), letter));
            let typed = there.document.apply(edit, Origin::TYPING).unwrap().operations;
            let next = here.document.clone().undo();
            if next.is_some_and(|next| next.whose == Whose::Own) {
                let outcome = here.document.undo().unwrap();
                here.log_change(&outcome.change);
                restored.undo().unwrap();
            }
            here.receive(&typed);
            restored.merge(&typed).unwrap();
            if !here.document.can_redo() {
                break;
            }
        }
        for document in [&mut here.document, &mut restored] {
            while document.redo().is_some() {}
            let text = document.rope().to_string();
            let own: String = text.chars().filter(|c| !c.is_ascii_uppercase()).collect();
            assert_eq!(own, full, "round {round}");
        }
    }
}

/// Some devices work, undo and exchange for a while.
fn after_some_work<const N: usize>(random: &mut Seeded) -> [Device; N] {
    let mut devices = std::array::from_fn(|index| device(index as u8 + 1, BASE));
    for _ in 0..random.below(40) {
        let who = random.below(N);
        match random.below(10) {
            0..4 => devices[who].edit(random, &["a", "b ", "é𝄞", "\n", "word"]),
            4..8 => devices[who].undo_or_redo(random),
            _ => send(&mut devices, (who + 1 + random.below(N - 1)) % N, who, random),
        }
    }
    devices
}

/// One step of a document: what it did to the text, and whose work it was.
fn step(outcome: Option<UndoOutcome>) -> Option<(String, Whose)> {
    outcome.map(|outcome| (outcome.change.after().to_string(), outcome.whose))
}

/// Steps a document and its restored twin in random ways, and back to the end; answers what each
/// step of both did.
fn steps_of_both(here: &Device, random: &mut Seeded) -> Vec<[Option<(String, Whose)>; 2]> {
    let (mut live, mut restored) = (here.document.clone(), here.restored(9));
    let turns = random.below(60);
    let mut steps = Vec::new();
    for turn in 0..turns + 100 {
        steps.push(match turn < turns && random.below(3) > 0 {
            true => [step(live.undo()), step(restored.undo())],
            false => [step(live.redo()), step(restored.redo())],
        });
    }
    assert!(live.redo().is_none() && restored.redo().is_none());
    steps
}

#[test]
fn a_restored_document_steps_as_the_live_one_would_have() {
    let mut random = Seeded::new(45);
    for round in 0..4_000 {
        let [here, _] = after_some_work(&mut random);
        for [expected, got] in steps_of_both(&here, &mut random) {
            assert_eq!(got, expected, "round {round}");
        }
    }
}

#[test]
fn with_two_others_a_restored_document_brings_the_same_own_work_back() {
    let mut random = Seeded::new(47);
    let letters = |(text, whose): (String, Whose)| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        (letters, whose)
    };
    for round in 0..4_000 {
        // What two others wrote without having seen each other has no order in the log. So one's
        // own text may come back before or behind theirs where all around it was deleted, and
        // which of them wrote last is open.
        let [here, _, _] = after_some_work(&mut random);
        let steps = steps_of_both(&here, &mut random).into_iter();
        let is_own = |step: &Option<(String, Whose)>| !matches!(step, Some((_, Whose::Elsewhere)));
        for [expected, got] in steps.take_while(|[expected, _]| is_own(expected)) {
            assert_eq!(got.map(letters), expected.map(letters), "round {round}");
        }
    }
}

#[test]
fn a_restored_document_goes_on_as_the_live_one_whatever_comes() {
    let mut random = Seeded::new(46);
    for round in 0..2_000 {
        let [mut here, mut there] = after_some_work(&mut random);
        let authors = Authors::new(here.document.author());
        let mut restored = here.restored_as(authors.clone());
        for turn in 0..random.below(40) {
            let place = format!("round {round}, turn {turn}");
            match random.below(10) {
                0 => restored = here.restored_as(authors.clone()),
                1 => {
                    here.document.seal_group();
                    restored.seal_group();
                    let logged = here.log.len();
                    here.edit(&mut random, &["c", "d "]);
                    // What was written here is its own, whichever way it came into the log.
                    restored.merge(&here.log[logged..]).unwrap();
                }
                2..4 => there.edit(&mut random, &["A", "B "]),
                4 => there.undo_or_redo(&mut random),
                5 => {
                    let log = there.log.clone();
                    here.receive(&log);
                    restored.merge(&log).unwrap();
                }
                6 => there.receive(&here.log.clone()),
                7 => {
                    let outcome = here.document.redo();
                    if let Some(outcome) = &outcome {
                        here.log_change(&outcome.change);
                    }
                    assert_eq!(step(restored.redo()), step(outcome), "{place}");
                }
                _ => {
                    let outcome = here.document.undo();
                    if let Some(outcome) = &outcome {
                        here.log_change(&outcome.change);
                    }
                    assert_eq!(step(restored.undo()), step(outcome), "{place}");
                }
            }
            assert_eq!(restored.version(), here.document.version(), "{place}");
            assert_eq!(restored.rope(), here.document.rope(), "{place}");
        }
    }
}
