use std::collections::BTreeSet;

use kernel::ledger::{DeviceKey, Signer};

use super::*;

/// A device of a test, with its own copy of the log.
struct Machine {
    key: DeviceKey,
    wrapping: WrappingKey,
    group: Group,
}

fn card(seed: u8) -> (DeviceKey, WrappingKey, Card) {
    let key = DeviceKey::from_seed(&[seed; 32]);
    let wrapping = WrappingKey::from_bytes(&[seed; 32]);
    let card = Card::sign(&key, DeviceName::near(&format!("m{seed}")), wrapping.public());
    (key, wrapping, card)
}

impl Machine {
    fn first() -> Self {
        let (key, wrapping, card) = card(1);
        let group = Group::found(&key, DeviceName::near("home"), card).unwrap();
        Self { key, wrapping, group }
    }

    fn id(&self) -> DeviceId {
        self.key.id()
    }

    fn admit(&mut self, seed: u8) -> Self {
        let (key, wrapping, card) = card(seed);
        let entry = self.group.admit(&self.key, card, Role::Member).unwrap();
        self.group.take([entry], &self.wrapping).unwrap();
        let group = Group::decode(&self.group.encode(), &wrapping).unwrap();
        Self { key, wrapping, group }
    }

    fn remove(&mut self, device: DeviceId) {
        let entry = self.group.remove(&self.key, device, Frontier::default()).unwrap();
        self.group.take([entry], &self.wrapping).unwrap();
    }

    fn hear(&mut self, other: &Self) {
        let known: BTreeSet<EntryId> = self.group.ids().collect();
        let lacking: Vec<Entry> = other.group.lacking(&known).cloned().collect();
        self.group.take(lacking, &self.wrapping).unwrap();
    }
}

fn stands(group: &Group) -> Vec<(DeviceId, Standing, String)> {
    group.devices().map(|it| (it.id, it.standing.clone(), it.name.to_string())).collect()
}

#[test]
fn a_newcomer_reads_what_was_sealed_before_it_came() {
    let mut desk = Machine::first();
    let first = desk.group.current_epoch().unwrap();
    let laptop = desk.admit(2);
    assert_eq!(laptop.group.standing(laptop.id()), Standing::Member);
    assert_eq!(laptop.group.current_epoch(), Some(first));
    let (mine, theirs) = (desk.group.epoch(first).unwrap(), laptop.group.epoch(first).unwrap());
    assert_eq!(mine.commitment(), theirs.commitment());
    assert_eq!(desk.group.standing(DeviceId([9; 32])), Standing::Stranger);
}

#[test]
fn a_removed_device_has_no_key_of_the_epoch_after_it() {
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    let mut phone = desk.admit(3);
    laptop.hear(&desk);
    laptop.remove(phone.id());
    desk.hear(&laptop);
    phone.hear(&laptop);
    let epoch = desk.group.current_epoch().unwrap();
    assert_eq!(Some(epoch), laptop.group.current_epoch());
    assert!(desk.group.epoch(epoch).is_some() && laptop.group.epoch(epoch).is_some());
    assert!(phone.group.epoch(epoch).is_none());
    assert!(desk.group.share_key(epoch, phone.id()).is_none());
    assert_eq!(desk.group.standing(phone.id()), Standing::Removed(Frontier::default()));
    assert!(matches!(
        phone.group.rename(&phone.key, phone.id(), DeviceName::near("x")),
        Err(GroupError::Standing)
    ));
}

#[test]
fn removal_beats_what_the_removed_device_did_meanwhile() {
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    let intruder = laptop.admit(3);
    desk.remove(laptop.id());
    desk.hear(&laptop);
    assert_eq!(desk.group.standing(intruder.id()), Standing::Stranger);
    assert_eq!(desk.group.quarantined().count(), 1);
    assert!(!desk.group.standing(laptop.id()).belongs());
    // What it did before is kept, and so is whom it admitted then.
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    let phone = laptop.admit(3);
    desk.hear(&laptop);
    desk.remove(laptop.id());
    assert_eq!(desk.group.standing(phone.id()), Standing::Member);
}

#[test]
fn of_two_devices_that_remove_each_other_the_later_one_goes_everywhere() {
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    let mut phone = desk.admit(3);
    laptop.hear(&phone);
    laptop.remove(phone.id());
    phone.remove(laptop.id());
    let mut other = Group::decode(&desk.group.encode(), &desk.wrapping).unwrap();
    desk.hear(&laptop);
    desk.hear(&phone);
    let entries = |machine: &Machine| -> Vec<Entry> {
        machine.group.lacking(&BTreeSet::new()).cloned().collect()
    };
    other.take(entries(&phone), &desk.wrapping).unwrap();
    other.take(entries(&laptop), &desk.wrapping).unwrap();
    assert_eq!(stands(&desk.group), stands(&other));
    assert_eq!(desk.group.standing(laptop.id()), Standing::Member);
    assert!(!desk.group.standing(phone.id()).belongs());
    assert_eq!(desk.group.current_epoch(), other.current_epoch());
}

#[test]
fn after_concurrent_removals_nothing_is_sealed_until_an_epoch_without_both() {
    let mut desk = Machine::first();
    let (mut laptop, phone, tablet) = (desk.admit(2), desk.admit(3), desk.admit(4));
    laptop.hear(&desk);
    desk.remove(phone.id());
    laptop.remove(tablet.id());
    desk.hear(&laptop);
    assert_eq!(desk.group.current_epoch(), None);
    let entry = desk.group.renew(&desk.key).unwrap();
    let epoch = EpochId(entry.id().0);
    desk.group.take([entry], &desk.wrapping).unwrap();
    laptop.hear(&desk);
    assert_eq!(desk.group.current_epoch(), Some(epoch));
    assert_eq!(laptop.group.current_epoch(), Some(epoch));
    assert!(laptop.group.epoch(epoch).is_some());
}

#[test]
fn a_hub_gets_no_key_and_says_nothing_that_holds() {
    let mut desk = Machine::first();
    let mut hub = desk.admit(2);
    let entry = desk.group.set_role(&desk.key, hub.id(), Role::Hub).unwrap();
    desk.group.take([entry], &desk.wrapping).unwrap();
    hub.hear(&desk);
    let epoch = hub.group.current_epoch().unwrap();
    assert!(hub.group.epoch(epoch).is_none() && desk.group.epoch(epoch).is_some());
    assert_eq!(desk.group.standing(hub.id()), Standing::Hub);
    let forged = Body::Remove {
        device: desk.id(),
        frontier: Frontier::default(),
        epoch: NewEpoch { commitment: [0; 32], keys: BTreeMap::new() },
    };
    let entry = Entry::sign(&hub.key, hub.group.id(), hub.group.heads(), forged);
    desk.group.take([entry], &desk.wrapping).unwrap();
    assert_eq!(desk.group.standing(desk.id()), Standing::Member);
}

#[test]
fn a_removed_device_comes_back_by_a_new_admission_alone() {
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    desk.remove(laptop.id());
    laptop.hear(&desk);
    let (_, _, again) = card(2);
    let forged = Body::Admit { card: again, role: Role::Member, keys: BTreeMap::new() };
    let entry = Entry::sign(&laptop.key, desk.group.id(), desk.group.heads(), forged);
    desk.group.take([entry], &desk.wrapping).unwrap();
    assert!(!desk.group.standing(laptop.id()).belongs());
    let laptop = desk.admit(2);
    assert_eq!(desk.group.standing(laptop.id()), Standing::Member);
    let renamed = laptop.group.rename(&laptop.key, desk.id(), DeviceName::near("old")).unwrap();
    desk.group.take([renamed], &desk.wrapping).unwrap();
    assert_eq!(desk.group.devices().find(|it| it.id == desk.id()).unwrap().name.as_str(), "old");
}

#[test]
fn a_shared_key_is_taken_only_if_it_is_the_epochs() {
    let mut desk = Machine::first();
    let mut laptop = desk.admit(2);
    let phone = desk.admit(3);
    desk.remove(phone.id());
    laptop.hear(&desk);
    let epoch = desk.group.current_epoch().unwrap();
    let wrapped = desk.group.share_key(epoch, laptop.id()).unwrap();
    assert!(laptop.group.take_key(epoch, laptop.id(), &wrapped, &laptop.wrapping));
    assert!(!laptop.group.keep_key(epoch, EpochKey::new([0; 32])));
    assert!(desk.group.share_key(epoch, DeviceId([7; 32])).is_none());
}

#[test]
fn entries_of_another_group_and_without_their_parents_are_refused() {
    let mut desk = Machine::first();
    let other = Machine { ..Machine::first() };
    let (_, _, third) = card(3);
    let foreign = other.group.admit(&other.key, third.clone(), Role::Member).unwrap();
    assert_eq!(desk.group.take([foreign], &desk.wrapping), Err(GroupError::Foreign));
    let id = desk.group.id();
    let body = Body::Admit { card: third, role: Role::Member, keys: BTreeMap::new() };
    let orphan = Entry::sign(&desk.key, id, [EntryId([5; 32])], body);
    assert_eq!(desk.group.take([orphan], &desk.wrapping), Err(GroupError::Parents));
    let bytes = desk.group.encode();
    for len in 0..bytes.len() {
        assert!(Group::decode(&bytes[..len], &desk.wrapping).is_err());
    }
}

/// A small generator, so that a seed is the whole story.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}

/// Devices act at once, hear each other by chance, and end with the same log in other orders.
#[test]
fn whatever_the_order_of_arrival_the_same_log_says_the_same() {
    let mut cut_off = 0;
    for seed in 0..150 {
        let mut random = Seeded(seed);
        let mut first = Machine::first();
        let mut machines: Vec<Machine> = (2..6).map(|seed| first.admit(seed)).collect();
        machines.insert(0, first);
        let ids: Vec<DeviceId> = machines.iter().map(Machine::id).collect();
        for _ in 0..25 {
            let (one, other) = (random.below(5), random.below(5));
            let machine = &mut machines[one];
            let made = match random.below(6) {
                0 => machine.group.remove(&machine.key, ids[other], Frontier::default()),
                1 => machine.group.admit(&machine.key, card(other as u8 + 1).2, Role::Member),
                2 => machine.group.rename(&machine.key, ids[other], DeviceName::near("new")),
                3 => machine.group.set_role(&machine.key, ids[other], Role::Hub),
                _ => {
                    let known: BTreeSet<EntryId> = machines[one].group.ids().collect();
                    let heard: Vec<Entry> =
                        machines[other].group.lacking(&known).cloned().collect();
                    let machine = &mut machines[one];
                    machine.group.take(heard, &machine.wrapping).unwrap();
                    continue;
                }
            };
            if let Ok(entry) = made {
                machine.group.take([entry], &machine.wrapping).unwrap();
            }
        }
        let mut said: Vec<_> = Vec::new();
        for at in 0..5 {
            for step in 1..5 {
                let known: BTreeSet<EntryId> = machines[at].group.ids().collect();
                let from = (at * 2 + step) % 5;
                let heard: Vec<Entry> = machines[from].group.lacking(&known).cloned().collect();
                let machine = &mut machines[at];
                machine.group.take(heard, &machine.wrapping).unwrap();
            }
            let group = &machines[at].group;
            let void: BTreeSet<EntryId> = group.quarantined().map(Entry::id).collect();
            cut_off += void.len();
            said.push((stands(group), group.current_epoch(), void, group.heads()));
        }
        for other in &said[1..] {
            assert_eq!(said[0], *other, "seed {seed}");
        }
    }
    assert!(cut_off > 100, "the seeds must cut something off: {cut_off}");
}
