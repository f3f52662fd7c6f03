//! Which author, undo group, cause and length belong to each moment of a history.
//!
//! Moments are diamond-types' local times: every inserted or deleted character takes one, the
//! base takes the first ones. Neighbours that agree share a span, so a word typed is one span.

use std::collections::HashMap;

use crate::author::Author;
use crate::operation::{Cause, GroupId, Operation, OperationId, OperationKind};

/// Moments that follow each other and agree in everything but their number.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// The first moment.
    pub time: usize,
    /// Index of the author.
    pub agent: u32,
    /// Sequence number of the first moment.
    pub sequence: u64,
    pub group: u64,
    pub cause: Cause,
    /// Characters in the text before the first moment, at the version that it was made at.
    pub length: usize,
    /// What each moment adds to that.
    pub grows: Grows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grows {
    ByOne,
    LessByOne,
}

#[derive(Clone, Debug)]
struct Agent {
    author: Author,
    /// The number that diamond-types gave it.
    id: u32,
    next: u64,
    /// Indices of its spans, in order.
    spans: Vec<u32>,
}

/// All spans of a history.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    start: usize,
    next: usize,
    all: Vec<Span>,
    agents: Vec<Agent>,
    by_author: HashMap<Author, u32>,
}

impl Spans {
    /// No spans, over a base that takes the first `length` moments.
    pub fn new(length: usize) -> Self {
        Spans {
            start: length,
            next: length,
            all: Vec::new(),
            agents: Vec::new(),
            by_author: HashMap::new(),
        }
    }

    /// The moment after the last.
    pub fn next_time(&self) -> usize {
        self.next
    }

    /// The first moment after the base.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The index of an author that has operations.
    pub fn agent(&self, author: Author) -> Option<u32> {
        // The last one first: whoever types, types on.
        match self.all.last() {
            Some(last) if self.agents[last.agent as usize].author == author => Some(last.agent),
            _ => self.by_author.get(&author).copied(),
        }
    }

    /// Makes room for an author; `id` is its number in diamond-types.
    pub fn add_agent(&mut self, author: Author, id: u32) -> u32 {
        let index = self.agents.len() as u32;
        self.agents.push(Agent { author, id, next: 0, spans: Vec::new() });
        self.by_author.insert(author, index);
        index
    }

    /// An author's number in diamond-types.
    pub fn id_of(&self, agent: u32) -> u32 {
        self.agents[agent as usize].id
    }

    pub fn author_of(&self, agent: u32) -> Author {
        self.agents[agent as usize].author
    }

    pub fn next_sequence(&self, author: Author) -> u64 {
        self.agent(author).map_or(0, |agent| self.agents[agent as usize].next)
    }

    /// Adds an operation's moments. `length` is that of the text which it was made on.
    pub fn push(&mut self, agent: u32, operation: &Operation, chars: usize, length: usize) {
        let grows = match operation.kind {
            OperationKind::Insert { .. } => Grows::ByOne,
            OperationKind::Delete { .. } => Grows::LessByOne,
        };
        let next = Span {
            time: self.next,
            agent,
            sequence: operation.id.sequence,
            group: operation.group,
            cause: operation.cause,
            length,
            grows,
        };
        self.push_span(next, chars);
    }

    /// Adds moments as another list of spans had them.
    pub fn push_span(&mut self, next: Span, chars: usize) {
        debug_assert_eq!(next.time, self.next);
        let agent = next.agent as usize;
        debug_assert_eq!(next.sequence, self.agents[agent].next);
        self.next += chars;
        self.agents[agent].next += chars as u64;
        if self.all.last().is_some_and(|last| last.goes_on_as(&next)) {
            return;
        }
        self.agents[agent].spans.push(self.all.len() as u32);
        self.all.push(next);
    }

    /// Makes room for so many more spans.
    pub fn reserve(&mut self, spans: usize) {
        self.all.reserve(spans);
        self.agents.iter_mut().for_each(|agent| agent.spans.reserve(spans));
    }

    /// The moment of an operation's character.
    pub fn time_of(&self, id: OperationId) -> Option<usize> {
        let agent = &self.agents[self.agent(id.author)? as usize];
        if id.sequence >= agent.next {
            return None;
        }
        let after =
            agent.spans.partition_point(|span| self.all[*span as usize].sequence <= id.sequence);
        let span = &self.all[agent.spans[after - 1] as usize];
        Some(span.time + (id.sequence - span.sequence) as usize)
    }

    /// The span of a moment after the base, and the moment at which the next span starts.
    pub fn at(&self, time: usize) -> (&Span, usize) {
        let after = self.all.partition_point(|span| span.time <= time);
        (&self.all[after - 1], self.all.get(after).map_or(self.next, |span| span.time))
    }

    /// The length of the text after a moment, at the version that the moment is.
    pub fn length_after(&self, time: usize) -> usize {
        if time < self.start {
            return self.start;
        }
        let (span, _) = self.at(time);
        span.length_after(time - span.time + 1)
    }

    /// The name of a moment; `None` for the base's.
    pub fn id_at(&self, time: usize) -> Option<OperationId> {
        if time < self.start {
            return None;
        }
        let (span, _) = self.at(time);
        let sequence = span.sequence + (time - span.time) as u64;
        Some(OperationId { author: self.author_of(span.agent), sequence })
    }

    pub fn group_of(&self, span: &Span) -> GroupId {
        GroupId { author: self.author_of(span.agent), number: span.group }
    }
}

impl Span {
    fn length_after(&self, moments: usize) -> usize {
        match self.grows {
            Grows::ByOne => self.length + moments,
            Grows::LessByOne => self.length - moments,
        }
    }

    /// Whether a span that starts right after this one would only make it longer.
    fn goes_on_as(&self, next: &Span) -> bool {
        let moments = next.time - self.time;
        self.agent == next.agent
            && self.group == next.group
            && self.grows == next.grows
            && self.sequence + moments as u64 == next.sequence
            && self.cause == next.cause
            && (self.grows == Grows::ByOne || self.length >= moments)
            && self.length_after(moments) == next.length
    }
}
