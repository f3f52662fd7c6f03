//! Undo: which changes can be taken back, and what that takes now.
//!
//! The timeline lists the document's changes in the order in which they reached the text, each
//! relative to the text after the one before it. Undoing a group takes its changes out of the
//! timeline: the inverse is carried past everything that came later, and everything that came
//! later is rewritten as if the group had never been. So changes that were taken back leave no
//! trace that older ones would have to be carried past, and the order in which groups are undone
//! is free. The timeline is derived from the operations' tags, so it survives a restart; the
//! selections before a group are remembered only in memory.

pub(crate) mod delta;
pub(crate) mod fragment;
mod grouping;
mod limit;

use std::collections::HashSet;

use smallvec::SmallVec;

use crate::author::Authors;
use crate::edit::{Bias, Edit};
use crate::operation::{Cause, GroupId};
use crate::position::CharOffset;
use crate::selection::{Selection, Selections};
use delta::Delta;
use fragment::Fragment;
pub(crate) use grouping::OpenGroup;

/// Whose work an undo or redo concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// This device made it.
    Own,
    /// The owner made it on another device.
    Elsewhere,
}

/// One change of the text, of one group.
#[derive(Clone, Debug)]
struct Item {
    group: GroupId,
    whose: Whose,
    role: Role,
    delta: Delta,
    /// Before it, if it opens its group.
    selections: Option<Box<Selections>>,
}

/// Whether an item can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Work,
    /// It took a group back in a way that could not be taken out of the timeline.
    Reversal,
}

/// What redo brings back.
#[derive(Clone, Debug)]
struct Undone {
    group: GroupId,
    whose: Whose,
    delta: Delta,
    /// Changes that came while it was the newest; not yet carried past it.
    since: Vec<Delta>,
}

/// What taking a group back, or bringing it back, does to the text.
#[derive(Clone, Debug)]
pub(crate) struct Reversal {
    pub group: GroupId,
    pub whose: Whose,
    /// With the texts that it puts in.
    pub delta: Delta,
    /// The selections before the group, where they stand after this.
    pub selections: Option<Selections>,
}

/// The timeline of a document, and what was taken out of it.
#[derive(Clone, Debug)]
pub(crate) struct Undo {
    items: Vec<Item>,
    undone: Vec<Undone>,
    /// Groups whose reversal stands in the timeline.
    reversed: HashSet<GroupId>,
    /// Groups of which nothing is left in the text, until something elsewhere brings it back.
    gone: HashSet<GroupId>,
    pub open: Option<OpenGroup>,
    /// What all of it takes, at most.
    bytes: usize,
    bytes_max: usize,
    has_forgotten: bool,
}

impl Default for Undo {
    fn default() -> Self {
        Undo {
            items: Vec::new(),
            undone: Vec::new(),
            reversed: HashSet::new(),
            gone: HashSet::new(),
            open: None,
            bytes: 0,
            bytes_max: limit::BYTES_MAX,
            has_forgotten: false,
        }
    }
}

impl Undo {
    /// This device edits: one transaction of a group.
    pub fn record(
        &mut self,
        group: GroupId,
        edits: &[Edit],
        removed: &[Fragment],
        selections: Option<&Selections>,
    ) {
        self.undone.clear();
        let added: usize = removed.iter().map(Fragment::bytes).sum();
        if let Some(last) = self.items.last_mut()
            && last.group == group
        {
            let next = match (edits, removed) {
                ([edit], [removed]) => last.delta.extend(edit, removed.clone()),
                _ => Some(Delta::from_edits(edits, removed)),
            };
            if let Some(next) = next {
                last.delta = std::mem::take(&mut last.delta).then(next);
                self.remember(added + edits.len() * size_of::<Fragment>());
            }
            return;
        }
        self.items.push(Item {
            group,
            whose: Whose::Own,
            role: Role::Work,
            delta: Delta::from_edits(edits, removed),
            selections: selections.map(|selections| Box::new(selections.clone())),
        });
        let carets = selections.map_or(0, Selections::len);
        let parts = (edits.len() + 1) * size_of::<Fragment>() * 2;
        self.remember(size_of::<Item>() + added + parts + carets * 48);
    }

    /// The selections before a group, in the coordinates of the text then.
    pub fn selections_before(&self, group: GroupId) -> Option<&Selections> {
        let first = self.items_of(group).last()?;
        self.items[first].selections.as_deref()
    }

    /// The selections before a group that came out of the history without any.
    pub fn set_selections_before(&mut self, group: GroupId, selections: Option<Selections>) {
        let Some(first) = self.items_of(group).last() else { return };
        let known = &mut self.items[first].selections;
        if known.is_none() {
            *known = selections.map(Box::new);
        }
    }

    /// A group's change came out of the history, in steps: a merge, or a replay after a restart.
    /// Answers the steps as one. What this device undid before a restart can be redone after it,
    /// since its undoing and redoing is logged.
    pub fn replay(
        &mut self,
        authors: &Authors,
        group: GroupId,
        cause: Cause,
        steps: Vec<Delta>,
    ) -> Delta {
        let whose = whose_of(authors, group);
        match (whose, cause) {
            (Whose::Elsewhere, _) => self.note_elsewhere(&steps),
            // It comes with its undoing.
            (Whose::Own, Cause::Undo { .. }) => {}
            (Whose::Own, Cause::Redo { of }) => self.replay_redo(of),
            (Whose::Own, _) => self.undone.clear(),
        }
        let delta = Delta::chain(steps);
        match cause {
            Cause::Undo { of } => self.replay_undo(authors, of, group, delta.clone()),
            _ => self.push(group, whose, Role::Work, delta.clone()),
        }
        delta
    }

    fn replay_undo(&mut self, authors: &Authors, of: GroupId, group: GroupId, delta: Delta) {
        let whose = whose_of(authors, group);
        let target = self.items_of(of).last().map(|first| self.items[first].whose);
        let agrees = |reversal: &Reversal| reversal.delta.agrees_with(&delta);
        let taken = self.excise_if(of, agrees);
        if whose == Whose::Own {
            let target = target.unwrap_or_else(|| whose_of(authors, of));
            self.push_undone(of, target, delta.inverted());
        }
        if taken.is_none() {
            // Somebody else's way of taking it back differs from ours, so it stands as a change.
            self.reversed.insert(of);
            self.push(group, whose, Role::Reversal, delta);
        }
    }

    /// This device brought a group back before a restart, and passed over those above it, of
    /// which nothing was left to bring back.
    fn replay_redo(&mut self, of: GroupId) {
        if self.undone.iter().any(|undone| undone.group == of) {
            while self.pop_undone().is_some_and(|undone| undone.group != of) {}
        }
    }

    /// Makes room for so many more changes, so that none of them has to move all others.
    pub fn reserve(&mut self, changes: usize) {
        self.items.reserve(changes);
    }

    fn push(&mut self, group: GroupId, whose: Whose, role: Role, delta: Delta) {
        let added = size_of::<Item>() + delta.bytes();
        match self.items.last_mut() {
            Some(last) if last.group == group && last.role == role => {
                last.delta = std::mem::take(&mut last.delta).then(delta);
            }
            _ => self.items.push(Item { group, whose, role, delta, selections: None }),
        }
        self.remember(added);
    }

    /// Takes the newest group out of the timeline: this device's, or failing that the newest
    /// that was made elsewhere. Groups of which nothing is left in the text are passed over, and
    /// stay in the timeline: no log tells of a look at them.
    pub fn take_back(&mut self) -> Option<Reversal> {
        loop {
            let group = self.newest(Whose::Own).or_else(|| self.newest(Whose::Elsewhere))?;
            match self.excise_if(group, |reversal| !reversal.delta.is_empty()) {
                Some(reversal) => {
                    if reversal.whose == Whose::Elsewhere {
                        self.gone.clear();
                    }
                    return Some(reversal);
                }
                None => {
                    self.gone.insert(group);
                }
            }
        }
    }

    /// Whether there is something to take back.
    pub fn can_take_back(&self) -> bool {
        self.newest(Whose::Own).or_else(|| self.newest(Whose::Elsewhere)).is_some()
    }

    fn newest(&self, whose: Whose) -> Option<GroupId> {
        let mut items = self.items.iter().rev();
        let found = items.find(|item| {
            item.whose == whose
                && item.role == Role::Work
                && !self.reversed.contains(&item.group)
                && !self.gone.contains(&item.group)
        });
        found.map(|item| item.group)
    }

    /// Where a group's changes stand, the newest first. An author's groups follow each other, so
    /// the search ends at the first other one.
    fn items_of(&self, group: GroupId) -> impl Iterator<Item = usize> + '_ {
        let newest = self.items.iter().rposition(|item| item.group == group);
        let up_to = newest.map_or(0, |newest| newest + 1);
        let by_author =
            (0..up_to).rev().filter(move |index| self.items[*index].group.author == group.author);
        by_author.take_while(move |index| self.items[*index].group == group)
    }

    /// Takes a group out of the timeline if its reversal is as wanted.
    fn excise_if(
        &mut self,
        group: GroupId,
        is_wanted: impl Fn(&Reversal) -> bool,
    ) -> Option<Reversal> {
        let first = self.items_of(group).last()?;
        let saved = self.items[first..].to_vec();
        let reversal = self.excise(group);
        if is_wanted(&reversal) {
            return Some(reversal);
        }
        self.items.truncate(first);
        self.items.extend(saved);
        None
    }

    /// Takes all of a group's changes out of the timeline.
    fn excise(&mut self, group: GroupId) -> Reversal {
        let mut whose = Whose::Own;
        let mut total = Delta::default();
        let mut selections = None;
        let indices: SmallVec<[usize; 4]> = self.items_of(group).collect();
        for index in indices {
            let item = self.items.remove(index);
            whose = item.whose;
            selections = item.selections.map(|selections| *selections);
            let mut inverse = item.delta.inverted();
            for later in &mut self.items[index..] {
                let delta = std::mem::take(&mut later.delta);
                (inverse, later.delta) = Delta::transform(inverse, delta);
                if let Some(before) = &mut selections {
                    *before = mapped(before, &later.delta);
                }
            }
            total = total.then(inverse);
        }
        Reversal { group, whose, delta: total, selections }
    }

    /// A reversal was applied: `inverse` would bring the group back.
    pub fn push_undone(&mut self, group: GroupId, whose: Whose, inverse: Delta) {
        let added = inverse.bytes();
        self.undone.push(Undone { group, whose, delta: inverse, since: Vec::new() });
        self.remember(added);
    }

    /// The newest group that was taken back.
    pub fn bring_back(&mut self) -> Option<Reversal> {
        loop {
            let undone = self.pop_undone()?;
            if !undone.delta.is_empty() {
                return Some(undone);
            }
        }
    }

    /// Whether there is something to bring back.
    pub fn can_bring_back(&self) -> bool {
        !self.undone.is_empty()
    }

    /// A group was brought back under a new name.
    pub fn push_redone(&mut self, group: GroupId, whose: Whose, delta: Delta) {
        self.push(group, whose, Role::Work, delta);
    }

    fn pop_undone(&mut self) -> Option<Reversal> {
        let Undone { group, whose, mut delta, since } = self.undone.pop()?;
        let mut below = self.undone.last_mut();
        for came in since {
            let (after, rest) = Delta::transform(delta, came);
            delta = after;
            if let Some(below) = &mut below {
                below.since.push(rest);
            }
        }
        Some(Reversal { group, whose, delta, selections: None })
    }

    /// Somebody else's change, in steps. Each counts: as one they would no longer tell what was
    /// put in where something had been taken out.
    fn note_elsewhere(&mut self, steps: &[Delta]) {
        self.gone.clear();
        if let Some(newest) = self.undone.last_mut() {
            newest.since.extend_from_slice(steps);
        }
    }
}

fn whose_of(authors: &Authors, group: GroupId) -> Whose {
    match authors.is_own(group.author) {
        true => Whose::Own,
        false => Whose::Elsewhere,
    }
}

fn mapped(selections: &Selections, delta: &Delta) -> Selections {
    selections.map(|selection| match selection.is_caret() {
        true => Selection::caret(delta.map(selection.head, Bias::After)),
        false => Selection::new(
            delta.map(selection.anchor, Bias::After),
            delta.map(selection.head, Bias::After),
        ),
    })
}

/// Carets at the ends of what edits put in, or where they only took out; in the coordinates of
/// the text after them.
pub(crate) fn selections_after(edits: &[Edit]) -> Selections {
    let (mut inserted, mut deleted) = (0, 0);
    let puts_in = edits.iter().any(|edit| !edit.text.is_empty());
    let carets: SmallVec<[Selection; 1]> = edits
        .iter()
        .filter_map(|edit| {
            inserted += edit.text.chars().count();
            deleted += edit.range.len();
            // A blank taken away beside the text that came back is nowhere to go to.
            let counts = !puts_in || !edit.text.is_empty();
            counts.then(|| Selection::caret(CharOffset(edit.range.end.0 + inserted - deleted)))
        })
        .collect();
    let last = carets.len().saturating_sub(1);
    Selections::new(carets, last)
}
