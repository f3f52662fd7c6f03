//! Opening several things one after the other, for callers who may wait until they are closed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use text::{Line, Point};

use crate::buffer::BufferId;
use crate::cli::{Item, Opening, Place, Wait};
use crate::program::Program;
use crate::registry::{Fault, FaultKind};
use crate::shell::{Reply, Request};

/// Those whose items are not all opened, or not all closed again.
#[derive(Default)]
pub struct Waiting {
    callers: BTreeMap<u64, Caller>,
    next: u64,
}

struct Caller {
    /// What is still to be opened, in order.
    items: VecDeque<Item>,
    /// What was opened and not closed again.
    open: BTreeSet<BufferId>,
    wait: Wait,
    faults: Vec<String>,
    kind: FaultKind,
    reply: Reply,
}

impl Caller {
    fn answer(self) {
        (self.reply)(match self.faults.as_slice() {
            [] => Ok(Value::Null),
            faults => Err(Fault::new(self.kind, faults.join(" "))),
        });
    }
}

impl Program {
    /// Opens items in their order. `reply` hears when all are open, or when all are closed again
    /// if the caller waits for that; what could not be opened is said to it then.
    pub fn open_items(&mut self, opening: Opening, reply: Reply) {
        let caller = self.memory.waiting.next;
        self.memory.waiting.next += 1;
        if opening.place == Place::New {
            self.open_window();
        } else if opening.items.is_empty() {
            self.request(Request::Raise);
        }
        let entry = Caller {
            items: opening.items.into(),
            open: BTreeSet::new(),
            wait: opening.wait,
            faults: Vec::new(),
            kind: FaultKind::Machine,
            reply,
        };
        self.memory.waiting.callers.insert(caller, entry);
        self.open_next(caller);
    }

    /// Opens the next item of a caller; tabs come in the order of the items, not of the disk.
    fn open_next(&mut self, caller: u64) {
        let Some(entry) = self.memory.waiting.callers.get_mut(&caller) else { return };
        match entry.items.pop_front() {
            Some(Item::Path { path, line, column }) => {
                let point = |line| Point { line: Line(line), column: column.unwrap_or(0) };
                self.open_then(path, line.map(point), move |program, opened| {
                    program.item_opened(caller, opened);
                });
            }
            Some(Item::Text(text)) => {
                let id = self.new_draft(&text);
                self.item_opened(caller, Ok(Some(id)));
            }
            Some(Item::Diff { before, after }) => {
                self.compare_then(Some(before), after, move |program, compared| {
                    let opened = compared.map(|(ids, _)| ids.to_vec());
                    program.items_opened(caller, opened);
                });
            }
            None => self.answer_when_closed(caller),
        }
    }

    fn item_opened(&mut self, caller: u64, opened: Result<Option<BufferId>, Fault>) {
        self.items_opened(caller, opened.map(|id| id.into_iter().collect()));
    }

    fn items_opened(&mut self, caller: u64, opened: Result<Vec<BufferId>, Fault>) {
        let Some(entry) = self.memory.waiting.callers.get_mut(&caller) else { return };
        match opened {
            Ok(ids) => entry.open.extend(ids),
            Err(fault) => {
                entry.kind = fault.kind;
                entry.faults.push(fault.sentence);
            }
        }
        self.open_next(caller);
    }

    fn answer_when_closed(&mut self, caller: u64) {
        let callers = &mut self.memory.waiting.callers;
        let is_done = callers.get(&caller).is_some_and(|entry| {
            entry.items.is_empty() && (entry.wait == Wait::No || entry.open.is_empty())
        });
        if is_done && let Some(entry) = callers.remove(&caller) {
            entry.answer();
        }
    }

    /// Answers those who waited for a buffer to be closed and now wait for none.
    pub fn answer_closed(&mut self, id: BufferId) {
        let callers = &mut self.memory.waiting.callers;
        let hit: Vec<u64> = callers
            .iter_mut()
            .filter_map(|(caller, entry)| entry.open.remove(&id).then_some(*caller))
            .collect();
        hit.into_iter().for_each(|caller| self.answer_when_closed(caller));
    }
}
