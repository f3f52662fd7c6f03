//! What holds of a log in which devices contradict each other: a function of the set of entries,
//! whatever the order in which they came.
//!
//! An entry holds when its author belonged by what the entry stands on, and no removal that holds
//! cuts it off. A removal cuts off everything of the removed device that it does not stand on:
//! what is concurrent with it, and what comes later, up to a new admission that stands on the
//! removal. An admission that is concurrent with a removal of the same device loses, too.
//!
//! Removals are entries themselves, so that two of them can cut each other off. First all is
//! decided that follows without a circle. Of a circle that is left, the removal by the device
//! that was admitted first holds (by depth of its first admission, then its hash), which cuts off
//! others, and so on. So of two devices that remove each other, the one that came later goes.

use std::collections::{BTreeMap, BTreeSet};

use kernel::principal::DeviceId;

use super::{Device, Group, Placed, Standing};
use crate::entry::{Body, EntryId, Frontier};
use crate::epoch::EpochId;
use crate::identity::Role;

/// What was decided about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts.
    Holds,
    /// It does not.
    Void,
    /// It depends on what is not decided.
    Open,
}

/// Where the log speaks about a device.
#[derive(Default)]
struct About {
    admissions: Vec<usize>,
    removals: Vec<usize>,
    roles: Vec<usize>,
}

struct Case<'a> {
    log: &'a [Placed],
    about: BTreeMap<DeviceId, About>,
    verdicts: Vec<Verdict>,
}

impl Group {
    /// Decides every entry anew, and what follows from it.
    pub(super) fn judge(&mut self) {
        let mut case = Case::of(&self.log);
        case.decide();
        self.devices = case.devices();
        self.current = case.current_epoch();
        self.verdicts = case.verdicts;
    }
}

impl<'a> Case<'a> {
    fn of(log: &'a [Placed]) -> Self {
        let mut about: BTreeMap<DeviceId, About> = BTreeMap::new();
        for (place, it) in log.iter().enumerate() {
            match it.entry.body() {
                Body::Found { card, .. } | Body::Admit { card, .. } => {
                    about.entry(card.device).or_default().admissions.push(place);
                }
                Body::Remove { device, .. } => {
                    about.entry(*device).or_default().removals.push(place);
                }
                Body::SetRole { device, .. } => about.entry(*device).or_default().roles.push(place),
                Body::Rename { .. } | Body::Renew { .. } => {}
            }
        }
        Self { log, about, verdicts: vec![Verdict::Open; log.len()] }
    }

    fn decide(&mut self) {
        loop {
            let mut changed = false;
            for place in 0..self.log.len() {
                if self.verdicts[place] == Verdict::Open {
                    self.verdicts[place] = self.verdict(place);
                    changed |= self.verdicts[place] != Verdict::Open;
                }
            }
            if changed {
                continue;
            }
            let open = (0..self.log.len()).filter(|it| self.verdicts[*it] == Verdict::Open);
            let removals = open.filter(|it| self.is_removal(*it) && self.is_admitted(*it));
            match removals.min_by_key(|it| self.seniority(*it)) {
                Some(first) => self.verdicts[first] = Verdict::Holds,
                None => break,
            }
        }
        for verdict in &mut self.verdicts {
            if *verdict == Verdict::Open {
                *verdict = Verdict::Void;
            }
        }
    }

    fn is_removal(&self, place: usize) -> bool {
        matches!(self.log[place].entry.body(), Body::Remove { .. })
    }

    /// Whether an admission of the author holds that the entry stands on.
    fn is_admitted(&self, place: usize) -> bool {
        self.admissions(place).any(|it| self.verdicts[it] == Verdict::Holds)
    }

    /// The admissions of the author that the entry stands on.
    fn admissions(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let it = &self.log[place];
        let about = self.about.get(&it.entry.author());
        let all = about.map_or(&[][..], |about| &about.admissions);
        all.iter().copied().filter(move |admission| it.before.has(*admission))
    }

    /// Who was admitted first comes first.
    fn seniority(&self, place: usize) -> ((u64, EntryId), (u64, EntryId)) {
        let author = self.log[place].entry.author();
        let first = self
            .about
            .get(&author)
            .and_then(|about| about.admissions.iter().map(|it| self.rank(*it)).min());
        (first.unwrap_or((u64::MAX, EntryId([0xff; 32]))), self.rank(place))
    }

    /// An order of entries that is the same everywhere.
    fn rank(&self, place: usize) -> (u64, EntryId) {
        (self.log[place].depth, self.log[place].entry.id())
    }

    fn verdict(&self, place: usize) -> Verdict {
        let it = &self.log[place];
        if matches!(it.entry.body(), Body::Found { .. }) {
            return Verdict::Holds;
        }
        if self.admissions(place).all(|it| self.verdicts[it] == Verdict::Void) {
            return Verdict::Void;
        }
        let mut waits = !self.is_admitted(place);
        let Some(about) = self.about.get(&it.entry.author()) else {
            return Verdict::Void;
        };
        for removal in about.removals.iter().copied().filter(|it| *it != place) {
            let stands_on_it = self.log[removal].before.has(place);
            if stands_on_it || self.verdicts[removal] == Verdict::Void {
                continue;
            }
            // Admissions after the removal: they may bring the author back.
            let back = self.admissions(place).filter(|it| self.log[*it].before.has(removal));
            let back: Vec<Verdict> = back.map(|it| self.verdicts[it]).collect();
            let excused = back.contains(&Verdict::Holds);
            let perhaps = back.contains(&Verdict::Open);
            match self.verdicts[removal] {
                _ if excused => {}
                Verdict::Holds if !perhaps => return Verdict::Void,
                _ => waits = true,
            }
        }
        for role in about.roles.iter().filter(|role| it.before.has(**role)) {
            waits |= self.verdicts[*role] == Verdict::Open;
        }
        if waits {
            return Verdict::Open;
        }
        match self.role(it.entry.author(), |at| it.before.has(at)) {
            Some(Role::Member) => Verdict::Holds,
            _ => Verdict::Void,
        }
    }

    /// The role of a device by the entries that `known` lets through.
    fn role(&self, device: DeviceId, known: impl Fn(usize) -> bool) -> Option<Role> {
        let about = self.about.get(&device)?;
        let said = about.admissions.iter().chain(&about.roles).copied();
        let holding = said.filter(|it| known(*it) && self.verdicts[*it] == Verdict::Holds);
        let last = holding.max_by_key(|it| self.rank(*it))?;
        match self.log[last].entry.body() {
            Body::Found { .. } => Some(Role::Member),
            Body::Admit { role, .. } | Body::SetRole { role, .. } => Some(*role),
            _ => None,
        }
    }

    fn holding<'b>(&'b self, places: &'b [usize]) -> impl Iterator<Item = usize> + 'b {
        places.iter().copied().filter(|it| self.verdicts[*it] == Verdict::Holds)
    }

    fn devices(&self) -> BTreeMap<DeviceId, Device> {
        let mut devices = BTreeMap::new();
        for (id, about) in &self.about {
            let last = self.holding(&about.admissions).max_by_key(|it| self.rank(*it));
            let Some(last) = last else { continue };
            let (Body::Found { card, .. } | Body::Admit { card, .. }) = self.log[last].entry.body()
            else {
                continue;
            };
            let belongs = self.holding(&about.admissions).any(|admission| {
                self.holding(&about.removals).all(|it| self.log[admission].before.has(it))
            });
            let standing = if belongs {
                match self.role(*id, |_| true) {
                    Some(Role::Hub) => Standing::Hub,
                    _ => Standing::Member,
                }
            } else {
                Standing::Removed(self.frontier(about))
            };
            let name = card.name.clone();
            let device = Device { id: *id, name, standing, wrapping: card.wrapping };
            devices.insert(*id, device);
        }
        self.rename(&mut devices);
        devices
    }

    /// What is kept of a removed device: what any of those that removed it had.
    fn frontier(&self, about: &About) -> Frontier {
        let mut kept = Frontier::default();
        for place in self.holding(&about.removals) {
            if let Body::Remove { frontier, .. } = self.log[place].entry.body() {
                kept = kept.join(frontier);
            }
        }
        kept
    }

    fn rename(&self, devices: &mut BTreeMap<DeviceId, Device>) {
        let holding = (0..self.log.len()).filter(|it| self.verdicts[*it] == Verdict::Holds);
        let mut places: Vec<usize> = holding.collect();
        places.sort_by_key(|it| self.rank(*it));
        for place in places {
            let (device, name) = match self.log[place].entry.body() {
                Body::Rename { device, name } => (device, name),
                Body::Admit { card, .. } => (&card.device, &card.name),
                _ => continue,
            };
            if let Some(known) = devices.get_mut(device) {
                known.name = name.clone();
            }
        }
    }

    /// The deepest epoch that stands on every removal and every device's becoming a hub.
    fn current_epoch(&self) -> Option<EpochId> {
        let cuts: BTreeSet<usize> = (0..self.log.len())
            .filter(|it| self.verdicts[*it] == Verdict::Holds)
            .filter(|it| {
                let body = self.log[*it].entry.body();
                matches!(body, Body::Remove { .. } | Body::SetRole { role: Role::Hub, .. })
            })
            .collect();
        let epochs = (0..self.log.len()).filter(|it| {
            self.verdicts[*it] == Verdict::Holds && self.log[*it].entry.body().epoch().is_some()
        });
        let clean =
            epochs.filter(|it| cuts.iter().all(|cut| cut == it || self.log[*it].before.has(*cut)));
        let last = clean.max_by_key(|it| self.rank(*it))?;
        Some(EpochId(self.log[last].entry.id().0))
    }
}
