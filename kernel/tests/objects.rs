//! Objects on a disk that fails in every way that it can, from a seed (`HEARTH_SEED`), beside a
//! model that cannot. `HEARTH_OPERATIONS` sets how many operations the model is held to; a million
//! take a few minutes with
//! `HEARTH_OPERATIONS=1000000 cargo test --release -p kernel --test objects model`.

#![allow(clippy::unwrap_used, reason = "the lint's exception does not reach what helps the tests")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::disk::sim::{Reads, SimDisk, SplitMix};
use kernel::disk::{Disk, DiskFile, Open};
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::object::{Now, ObjectError, ObjectId, ObjectOptions, ObjectStore, Root};

const DIR: &str = "home/objects";
const GRACE: Duration = Duration::from_secs(60);

fn number(name: &str, usual: u64) -> u64 {
    let number = std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(usual);
    eprintln!("{name}={number}");
    number
}

fn seed() -> u64 {
    number("HEARTH_SEED", 1)
}

fn profile() -> Unlocked {
    let disk = SimDisk::new(0);
    Profile::create(&disk, Path::new("home"), Protection::Unprotected).unwrap()
}

fn small() -> ObjectOptions {
    ObjectOptions { pack_bytes: 60_000, cache_bytes: 100_000, ..ObjectOptions::default() }
}

fn try_open(disk: &SimDisk, profile: &Unlocked) -> Result<ObjectStore, ObjectError> {
    ObjectStore::open(Arc::new(disk.process()), Path::new(DIR), profile, small())
}

fn open(disk: &SimDisk, profile: &Unlocked) -> ObjectStore {
    try_open(disk, profile).unwrap()
}

/// Content that compresses a little, is shared in part between objects, and is mostly short.
fn content(random: &mut SplitMix) -> Vec<u8> {
    let len = match random.below(20) {
        0 => 0,
        1 | 2 => random.below(120_000),
        3..=6 => random.below(20_000),
        _ => random.below(300),
    };
    let mut source = SplitMix::new(random.below(12));
    let mut bytes: Vec<u8> = (0..len).map(|_| source.next_u64() as u8 & 0x3f).collect();
    if !bytes.is_empty() && random.once_in(2) {
        let at = random.below(len) as usize;
        bytes[at] ^= random.next_u64() as u8;
    }
    bytes
}

/// What the store has promised.
#[derive(Default, Clone)]
struct Model {
    /// Every content that was ever handed over.
    ever: BTreeMap<ObjectId, Vec<u8>>,
    /// Objects that must be there.
    there: BTreeSet<ObjectId>,
    /// What each root may hold: one thing, or two when it is not known whether a hold came through.
    roots: BTreeMap<Root, BTreeSet<Option<ObjectId>>>,
}

impl Model {
    /// Every answer is right or an error, and what was promised is there.
    fn check(&self, store: &ObjectStore, context: &str) {
        for (id, content) in &self.ever {
            match store.get(*id) {
                Ok(got) => assert!(*got == *content, "{context}: another content for {id}"),
                Err(ObjectError::Missing(_)) => {
                    assert!(!self.there.contains(id), "{context}: {id} is lost");
                }
                Err(error) => panic!("{context}: {error}"),
            }
        }
        for (root, may) in &self.roots {
            let held = store.held(root);
            assert!(may.contains(&held), "{context}: {root:?} holds {held:?}, not {may:?}");
        }
        assert_eq!(store.verify().unwrap(), [], "{context}");
    }

    /// What is not known to have come through is settled by looking.
    fn settle(&mut self, store: &ObjectStore) {
        for (root, may) in &mut self.roots {
            *may = BTreeSet::from([store.held(root)]);
        }
        self.there = self.ever.keys().copied().filter(|id| store.contains(*id)).collect();
    }

    /// What is not held for certain may be gone from now on.
    fn sweep(&mut self) {
        let certain = self.roots.values().filter(|may| may.len() == 1);
        let held: BTreeSet<ObjectId> = certain.flatten().filter_map(|object| *object).collect();
        self.there.retain(|id| held.contains(id));
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Faults {
    None,
    Crashes,
    CrashesAndDisks,
}

struct Life {
    random: SplitMix,
    disk: SimDisk,
    profile: Unlocked,
    model: Model,
    now: Now,
    faults: Faults,
}

impl Life {
    fn new(seed: u64, faults: Faults) -> Self {
        let (random, disk) = (SplitMix::new(seed), SimDisk::new(seed));
        let (model, now) = (Model::default(), Now::read());
        Self { random, disk, profile: profile(), model, now, faults }
    }

    fn root(&mut self) -> Root {
        let (holder, key) = (self.random.below(2), self.random.below(6));
        Root::new(&format!("holder {holder}"), &format!("key {key}"))
    }

    fn put(&mut self, store: &ObjectStore) {
        let (content, root) = (content(&mut self.random), self.root());
        let id = ObjectId::of(&content);
        self.model.ever.insert(id, content.clone());
        let is_held = self.random.once_in(2);
        let outcome = match (is_held, self.random.once_in(3)) {
            (true, _) => store.put_held(&root, &content),
            (false, true) => store.put_from(&mut &content[..]),
            (false, false) => store.put(&content),
        };
        if is_held {
            self.may_hold(&root, Some(id), outcome.is_ok());
        }
        if outcome.is_ok() {
            self.model.there.insert(id);
        } else {
            assert_ne!(self.faults, Faults::None, "{outcome:?}");
        }
    }

    fn may_hold(&mut self, root: &Root, object: Option<ObjectId>, is_done: bool) {
        let may = self.model.roots.entry(root.clone()).or_insert_with(|| [None].into());
        if is_done {
            may.clear();
        }
        may.insert(object);
    }

    fn batch(&mut self, store: &ObjectStore) {
        let mut batch = store.batch();
        let mut held = Vec::new();
        for _ in 0..1 + self.random.below(5) {
            let (content, root) = (content(&mut self.random), self.root());
            let id = ObjectId::of(&content);
            self.model.ever.insert(id, content.clone());
            if batch.put(&content).is_err() || batch.hold(&root, id).is_err() {
                return;
            }
            held.push((root, id));
        }
        if self.random.once_in(5) {
            return;
        }
        let is_done = batch.commit().is_ok();
        let last: BTreeMap<Root, ObjectId> = held.iter().cloned().collect();
        for (root, id) in last {
            self.may_hold(&root, Some(id), is_done);
        }
        if is_done {
            self.model.there.extend(held.into_iter().map(|(_, id)| id));
        }
    }

    fn act(&mut self, store: &ObjectStore) {
        match self.random.below(24) {
            0..=9 => self.put(store),
            10 | 11 => self.batch(store),
            12..=15 => {
                let root = self.root();
                let is_done = store.release(&root).is_ok();
                self.may_hold(&root, None, is_done);
            }
            16 | 17 => {
                let known = self.model.ever.len() as u64;
                let Some(id) = (known > 0).then(|| self.random.below(known)) else { return };
                let id = *self.model.ever.keys().nth(id as usize).unwrap();
                let root = self.root();
                match store.hold(&root, id) {
                    Err(ObjectError::Missing(_)) => assert!(!self.model.there.contains(&id)),
                    outcome => self.may_hold(&root, Some(id), outcome.is_ok()),
                }
            }
            18 => self.sweep(store),
            19 => self.look(store),
            20 => drop(store.save_index()),
            21 if self.faults == Faults::CrashesAndDisks => {
                let room = if self.random.once_in(2) { self.random.below(40_000) } else { 1 << 30 };
                self.disk.set_capacity(self.disk.used() + room);
            }
            22 if self.faults == Faults::CrashesAndDisks => {
                self.disk.fail_syncs(self.random.below(3) as u32);
            }
            23 if self.faults == Faults::CrashesAndDisks => {
                self.disk.fail_writes(self.random.below(6), 1, io::ErrorKind::Other);
            }
            _ => {}
        }
    }

    /// Sweeps now, or when the grace of everything is over, on a clock that people set.
    fn sweep(&mut self, store: &ObjectStore) {
        self.now = self.now.after(Duration::from_secs(1 + self.random.below(100)));
        let mut now = self.now;
        match self.random.below(6) {
            0 => now.wall += Duration::from_secs(365 * 86_400),
            1 => now.wall -= Duration::from_secs(365 * 86_400),
            _ => {}
        }
        let outcome = store.sweep(now, GRACE);
        let is_done = outcome.is_ok();
        assert!(is_done || self.faults != Faults::None, "{outcome:?}");
        self.model.sweep();
    }

    fn look(&mut self, store: &ObjectStore) {
        let Some((id, content)) = self.model.ever.iter().next_back() else { return };
        let len = content.len() as u64;
        let from = self.random.below(len + 1);
        let to = from + self.random.below(len + 1);
        match store.get_range(*id, from..to) {
            Ok(got) => assert!(*got == content[from as usize..to.min(len) as usize]),
            Err(ObjectError::Missing(_)) => assert!(!self.model.there.contains(id)),
            Err(error) => assert_ne!(self.faults, Faults::None, "{error}"),
        }
    }

    /// A few processes, each ended by a kill, a cut, or by itself.
    fn live(&mut self, processes: u64, context: &str) {
        for process in 0..processes {
            let context = format!("{context}, process {process}");
            let store = open(&self.disk, &self.profile);
            self.model.check(&store, &context);
            self.model.settle(&store);
            if self.random.once_in(2) {
                self.disk.crash_after(self.random.below(150));
            }
            for _ in 0..self.random.below(40) {
                self.act(&store);
            }
            self.disk.set_capacity(u64::MAX);
            self.disk.fail_syncs(0);
            self.disk.fail_writes(0, 0, io::ErrorKind::Other);
            match self.random.below(3) {
                0 => self.disk.cut_power(),
                1 => self.disk.kill(),
                // The announced crash may come while the index is saved.
                _ => {}
            }
            drop(store);
            self.disk.kill();
        }
        let store = open(&self.disk, &self.profile);
        self.model.check(&store, context);
    }
}

#[test]
fn cuts_and_kills_lose_nothing_that_was_promised() {
    let seed = seed();
    for life in 0..40 {
        let seed = seed.wrapping_mul(1000) + life;
        Life::new(seed, Faults::Crashes).live(6, &format!("seed {seed}"));
    }
}

#[test]
fn full_disks_and_failed_syncs_lose_nothing_that_was_promised() {
    let seed = seed();
    for life in 0..40 {
        let seed = seed.wrapping_mul(1000) + life;
        Life::new(seed, Faults::CrashesAndDisks).live(6, &format!("seed {seed}"));
    }
}

#[test]
fn a_million_operations_do_what_the_model_does() {
    let (seed, operations) = (seed(), number("HEARTH_OPERATIONS", 2_000));
    let mut life = Life::new(seed, Faults::None);
    let mut done = 0;
    while done < operations {
        let store = open(&life.disk, &life.profile);
        for _ in 0..500 {
            life.act(&store);
        }
        done += 500;
        life.model.check(&store, &format!("after {done}"));
        // What nothing holds any more is not looked for again.
        life.model.settle(&store);
        let there = life.model.there.clone();
        life.model.ever.retain(|id, _| there.contains(id));
    }
}

/// Puts, releases, sweeps: each kind of write that there is.
fn work(store: &ObjectStore, model: &mut Model, now: Now) -> Result<(), ObjectError> {
    let mut random = SplitMix::new(7);
    for round in 0..12 {
        let root = Root::new("a", &format!("{}", round % 4));
        let one = content(&mut random);
        let id = ObjectId::of(&one);
        model.ever.insert(id, one.clone());
        model.roots.entry(root.clone()).or_insert_with(|| [None].into()).insert(Some(id));
        store.put_held(&root, &one)?;
        model.roots.insert(root, [Some(id)].into());
        model.there.insert(id);
    }
    model.sweep();
    store.sweep(now, GRACE)?;
    store.sweep(now.after(2 * GRACE), GRACE)?;
    store.save_index()?;
    let one = vec![3; 40_000];
    model.ever.insert(ObjectId::of(&one), one.clone());
    model.there.insert(store.put(&one)?);
    Ok(())
}

#[test]
fn a_cut_at_every_step_and_another_in_the_recovery_lose_nothing() {
    let profile = profile();
    let mut step = 0;
    loop {
        let (disk, mut model) = (SimDisk::new(step), Model::default());
        disk.crash_after(step);
        let store = try_open(&disk, &profile);
        let outcome = store.and_then(|store| work(&store, &mut model, Now::read()));
        disk.cut_power();
        // The recovery writes with the first put; it is cut as well.
        let second = SplitMix::new(step).below(8);
        let store = open(&disk, &profile);
        disk.crash_after(second);
        drop(store.put(b"after the cut"));
        drop(store);
        disk.cut_power();
        let store = open(&disk, &profile);
        store.put(b"after the cut").unwrap();
        model.check(&store, &format!("step {step}"));
        drop(store);
        disk.cut_power();
        model.check(&open(&disk, &profile), &format!("step {step}, again"));
        if outcome.is_ok() {
            break;
        }
        step += 1;
    }
    assert!(step > 50, "only {step} steps were cut");
}

#[test]
fn a_write_that_fails_anywhere_leaves_the_store_well() {
    let profile = profile();
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        let mut at = 0;
        loop {
            let (disk, mut model) = (SimDisk::new(at), Model::default());
            let store = open(&disk, &profile);
            disk.fail_writes(at, 1, kind);
            let outcome = work(&store, &mut model, Now::read());
            disk.fail_writes(0, 0, kind);
            model.check(&store, &format!("{kind:?} at write {at}"));
            model.there.insert(store.put(b"it goes on").unwrap());
            model.ever.insert(ObjectId::of(b"it goes on"), b"it goes on".to_vec());
            drop(store);
            disk.cut_power();
            model.check(&open(&disk, &profile), &format!("{kind:?} at write {at}, then a cut"));
            if outcome.is_ok() {
                break;
            }
            at += 1;
        }
        assert!(at > 10, "only {at} writes failed");
    }
}

#[test]
fn a_failed_sync_is_told_and_costs_nothing_that_was_promised() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    let kept = store.put_held(&Root::new("a", "b"), b"kept").unwrap();
    disk.fail_syncs(1);
    assert!(matches!(store.put(b"lost"), Err(ObjectError::SyncFailed(_))));
    assert!(matches!(store.get(ObjectId::of(b"lost")), Err(ObjectError::Missing(_))));
    let again = store.put(b"lost").unwrap();
    disk.cut_power();
    drop(store);
    let store = open(&disk, &profile);
    assert_eq!(**store.get(kept).unwrap(), *b"kept");
    assert_eq!(**store.get(again).unwrap(), *b"lost");
}

#[test]
fn reads_that_fail_or_come_short_are_no_damage() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let options = ObjectOptions { cache_bytes: 0, ..small() };
    let open = || {
        let disk: Arc<dyn Disk> = Arc::new(disk.process());
        ObjectStore::open(disk, Path::new(DIR), &profile, options.clone()).unwrap()
    };
    let content: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(at) >> 7) as u8).collect();
    let id = open().put(&content).unwrap();
    let store = open();
    disk.set_reads(Reads::Short);
    assert!(*store.get(id).unwrap() == content);
    disk.fail_reads(1, 1);
    assert!(matches!(store.get(id), Err(ObjectError::Disk(..))));
    assert!(*store.get(id).unwrap() == content);
}

fn files(disk: &SimDisk) -> Vec<String> {
    disk.list(Path::new(DIR)).unwrap()
}

fn bytes(disk: &SimDisk, name: &str) -> Vec<u8> {
    kernel::disk::read(disk, &Path::new(DIR).join(name), 1 << 30).unwrap()
}

/// A store with a few objects, each held, in several packs.
fn filled(disk: &SimDisk, profile: &Unlocked) -> BTreeMap<Root, Vec<u8>> {
    let (store, mut random) = (open(disk, profile), SplitMix::new(3));
    let mut all = BTreeMap::new();
    for key in 0..25 {
        let root = Root::new("a", &key.to_string());
        let mut content = content(&mut random);
        content.extend_from_slice(key.to_string().as_bytes());
        store.put_held(&root, &content).unwrap();
        all.insert(root, content);
    }
    all
}

#[test]
fn what_is_sealed_anew_opens_when_the_old_key_is_forgotten_and_a_cut_costs_nothing() {
    let mut is_through = false;
    for after in 0.. {
        if is_through {
            break;
        }
        let (home, disk) = (SimDisk::new(0), SimDisk::new(after));
        let profile = Profile::create(&home, Path::new("home"), Protection::Unprotected).unwrap();
        let all = filled(&disk, &profile);
        let check = |store: &ObjectStore| {
            for (root, content) in &all {
                let object = store.held(root).unwrap();
                assert_eq!(&**store.get(object).unwrap(), content, "cut after {after}");
            }
        };
        profile.rotate(&home, Path::new("home")).unwrap();
        disk.crash_after(after * 5);
        let sealed = try_open(&disk, &profile).and_then(|store| store.seal_anew());
        is_through = !disk.is_off();
        disk.cut_power();
        if is_through {
            assert_eq!(sealed.unwrap(), 0);
            profile.forget_old(&home, Path::new("home")).unwrap();
        }
        let store = open(&disk, &profile);
        check(&store);
        assert!(store.verify().unwrap().is_empty());
        store.put_held(&Root::new("b", "later"), b"later").unwrap();
    }
}

#[test]
fn a_flip_in_any_block_is_never_a_wrong_value_and_never_unnoticed() {
    let profile = profile();
    let disk = SimDisk::new(1);
    let all = filled(&disk, &profile);
    let mut flips = 0;
    for name in files(&disk).iter().filter(|name| *name != "lock") {
        let (path, len) = (Path::new(DIR).join(name), bytes(&disk, name).len() as u64);
        let mut random = SplitMix::new(len);
        for block in 0..len.div_ceil(512) {
            let at = (block * 512 + random.below(512)).min(len - 1);
            let bit = random.below(8) as u8;
            for index in [true, false] {
                let saved = bytes(&disk, "index");
                if !index {
                    disk.remove(&Path::new(DIR).join("index")).unwrap();
                    if name == "index" {
                        let file = disk.open(&Path::new(DIR).join("index"), Open::CreateNew);
                        file.unwrap().append(&saved).unwrap();
                    }
                }
                disk.flip_bit(&path, at, bit);
                let store = open(&disk, &profile);
                let context = format!("bit {bit} of byte {at} of {name}, with index: {index}");
                let lost = all.iter().filter(|(root, content)| {
                    let got = store.held(root).map(|id| store.get(id));
                    match got {
                        Some(Ok(got)) => assert!(*got == **content, "{context}: another content"),
                        Some(Err(ObjectError::Damaged(_) | ObjectError::Missing(_))) | None => {
                            return true;
                        }
                        Some(Err(error)) => panic!("{context}: {error}"),
                    }
                    false
                });
                let lost = lost.count();
                let is_told = !store.found().is_empty() || !store.verify().unwrap().is_empty();
                assert!(lost == 0 || is_told, "{context}: {lost} objects are lost silently");
                drop(store);
                disk.flip_bit(&path, at, bit);
                restore(&disk, &saved);
                flips += 1;
            }
        }
    }
    assert!(flips > 300, "only {flips} flips");
}

/// Puts the saved index back, which a store on a damaged disk has written anew.
fn restore(disk: &SimDisk, index: &[u8]) {
    kernel::disk::replace(disk, &Path::new(DIR).join("index"), index).unwrap();
}

#[test]
fn damage_stops_the_sweep_until_it_is_repaired() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let all = filled(&disk, &profile);
    let name = files(&disk).into_iter().find(|name| name.ends_with(".pack")).unwrap();
    disk.flip_bit(&Path::new(DIR).join(&name), 60, 3);
    disk.remove(&Path::new(DIR).join("index")).unwrap();
    let store = open(&disk, &profile);
    assert!(store.is_incomplete() && !store.found().is_empty());
    assert!(matches!(store.sweep(Now::read(), GRACE), Err(ObjectError::Incomplete)));
    drop(store);
    // It is not forgotten with the next opening, whose index is whole.
    let store = open(&disk, &profile);
    assert!(store.is_incomplete());
    store.repair().unwrap();
    store.sweep(Now::read(), GRACE).unwrap();
    drop(store);
    disk.remove(&Path::new(DIR).join("index")).unwrap();
    let store = open(&disk, &profile);
    assert_eq!((store.found(), store.is_incomplete()), (&[][..], false));
    // What was lost is healed by putting it again.
    for (root, content) in &all {
        let id = store.put_held(root, content).unwrap();
        assert!(*store.get(id).unwrap() == *content);
    }
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn a_pack_that_somebody_took_away_is_missed() {
    let profile = profile();
    for with_index in [true, false] {
        let disk = SimDisk::new(1);
        filled(&disk, &profile);
        let packs: Vec<String> =
            files(&disk).into_iter().filter(|name| name.ends_with(".pack")).collect();
        assert!(packs.len() > 3, "{packs:?}");
        disk.remove(&Path::new(DIR).join(&packs[1])).unwrap();
        if !with_index {
            disk.remove(&Path::new(DIR).join("index")).unwrap();
        }
        let store = open(&disk, &profile);
        let gone = store.found().iter().any(|damage| damage.file == packs[1]);
        assert!(gone && store.is_incomplete(), "{:?}", store.found());
    }
}

#[test]
fn garbage_in_the_folder_never_panics() {
    let seed = seed();
    let profile = profile();
    for round in 0..60 {
        let mut random = SplitMix::new(seed.wrapping_mul(1000) + round);
        let disk = SimDisk::new(round);
        let all = filled(&disk, &profile);
        for name in files(&disk) {
            scramble(&*disk.open(&Path::new(DIR).join(name), Open::Write).unwrap(), &mut random);
        }
        let Ok(store) = try_open(&disk, &profile) else { continue };
        for content in all.values() {
            if let Ok(got) = store.get(ObjectId::of(content)) {
                assert!(*got == *content);
            }
        }
        drop(store.put(b"it goes on"));
        drop(store.repair());
        drop(store.sweep(Now::read(), GRACE));
    }
}

fn scramble(file: &dyn DiskFile, random: &mut SplitMix) {
    let len = file.len().unwrap();
    for _ in 0..random.below(6).min(len) {
        let at = random.below(len);
        match random.below(3) {
            0 => file.set_len(at + 1).unwrap(),
            1 => {
                // A piece of the file over another piece of it.
                let mut piece = vec![0; random.below(2000) as usize];
                let some = file.read_at(random.below(len), &mut piece).unwrap();
                file.write_all_at(at, &piece[..some]).unwrap();
            }
            _ => {
                let noise: Vec<u8> =
                    (0..random.below(300)).map(|_| random.next_u64() as u8).collect();
                file.write_all_at(at, &noise).unwrap();
            }
        }
    }
}

#[test]
fn nothing_that_is_handed_over_lies_on_the_disk_in_the_clear() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    let canary = b"a sentence that nobody else may read";
    let root = Root::new("holder of a canary", "key of a canary");
    let id = store.put_held(&root, canary).unwrap();
    store.sweep(Now::read(), GRACE).unwrap();
    drop(store);
    let hash = blake3::hash(canary);
    let secrets: [&[u8]; 4] = [canary, root.holder.as_bytes(), root.key.as_bytes(), &id.0];
    assert_eq!(*hash.as_bytes(), id.0);
    for name in files(&disk) {
        let bytes = bytes(&disk, &name);
        for secret in secrets {
            assert!(!bytes.windows(8).any(|window| window == &secret[..8]), "{name}");
        }
    }
}

#[test]
fn equal_content_is_kept_once_and_another_profile_cannot_tell() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    let mut content: Vec<u8> = Vec::new();
    let mut random = SplitMix::new(1);
    content.resize_with(400_000, || random.next_u64() as u8);
    store.put(&content).unwrap();
    let before = store.usage().unwrap();
    store.put(&content).unwrap();
    store.put_from(&mut &content[..]).unwrap();
    assert_eq!(store.usage().unwrap(), before);
    content[200_000] ^= 1;
    store.put(&content).unwrap();
    let after = store.usage().unwrap();
    assert!(after.chunks - before.chunks <= 2, "{before:?} {after:?}");
    let other = self::profile();
    let dir = Path::new("other");
    let store = ObjectStore::open(Arc::new(disk.process()), dir, &other, small()).unwrap();
    store.put(&content).unwrap();
    // A head says nothing but its marker, length, sequence and kind for as long as 20 bytes.
    let pieces = |dir: &str| -> HashSet<Vec<u8>> {
        let names = disk.list(Path::new(dir)).unwrap();
        let packs = names.iter().filter(|name| name.ends_with(".pack"));
        let read = |name| kernel::disk::read(&disk, &Path::new(dir).join(name), 1 << 30).unwrap();
        packs
            .map(read)
            .flat_map(|it| it[56..].windows(24).map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect()
    };
    assert!(pieces(DIR).is_disjoint(&pieces("other")));
}

#[test]
fn a_put_beyond_the_quota_is_refused_before_it_is_written() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let options = ObjectOptions { quota_bytes: Some(50_000), ..small() };
    let store =
        ObjectStore::open(Arc::new(disk.process()), Path::new(DIR), &profile, options).unwrap();
    let mut random = SplitMix::new(1);
    let mut noise = |len: usize| (0..len).map(|_| random.next_u64() as u8).collect::<Vec<u8>>();
    let (first, second) = (noise(30_000), noise(30_000));
    store.put(&first).unwrap();
    let used = disk.used();
    let error = store.put(&second).unwrap_err();
    assert!(matches!(error, ObjectError::Quota { .. }), "{error}");
    assert_eq!((disk.used(), store.contains(ObjectId::of(&second))), (used, false));
    // What is there already needs no room.
    store.put(&first).unwrap();
    store.sweep(Now::read(), Duration::ZERO).unwrap();
    store.sweep(Now::read(), Duration::ZERO).unwrap();
    store.put(&second).unwrap();
}

#[test]
fn a_put_is_safe_for_the_grace_whatever_the_wall_clock_says() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    let (id, now) = (store.put(b"put, not held yet").unwrap(), Now::read());
    let year = Duration::from_secs(365 * 86_400);
    assert_eq!(store.sweep(now, GRACE).unwrap().marked, 1);
    for wall in [now.wall + year, now.wall - year, now.wall + 2 * year] {
        store.sweep(Now { wall, ..now }, GRACE).unwrap();
        assert!(store.contains(id));
    }
    // Putting it again starts the grace anew; holding it ends the matter.
    store.put(b"put, not held yet").unwrap();
    let later = Now { wall: now.wall + 3 * year, ..now.after(2 * GRACE) };
    assert_eq!(store.sweep(later, GRACE).unwrap().objects, 0);
    store.hold(&Root::new("a", "b"), id).unwrap();
    store.sweep(later.after(2 * GRACE), GRACE).unwrap();
    assert!(store.contains(id));
    store.release(&Root::new("a", "b")).unwrap();
    store.sweep(later.after(3 * GRACE), GRACE).unwrap();
    let swept = store.sweep(later.after(5 * GRACE), GRACE).unwrap();
    assert_eq!((swept.objects, store.contains(id)), (1, false));
}

#[test]
fn what_is_swept_stays_gone_when_the_index_is_lost() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let all = filled(&disk, &profile);
    let store = open(&disk, &profile);
    let gone: Vec<&Root> = all.keys().step_by(2).collect();
    gone.iter().for_each(|root| store.release(root).unwrap());
    let before = store.usage().unwrap().disk_bytes;
    let now = Now::read();
    store.sweep(now, GRACE).unwrap();
    let swept = store.sweep(now.after(2 * GRACE), GRACE).unwrap();
    assert!(swept.objects > 5 && store.usage().unwrap().disk_bytes < before, "{swept:?}");
    drop(store);
    disk.remove(&Path::new(DIR).join("index")).unwrap();
    let store = open(&disk, &profile);
    for (root, content) in &all {
        let is_gone = gone.contains(&root);
        assert_eq!(store.held(root).is_none(), is_gone);
        assert_eq!(store.contains(ObjectId::of(content)), !is_gone, "{root:?}");
    }
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn puts_and_sweeps_at_once_lose_nothing() {
    const ROUNDS: u64 = 60;
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    // The clock goes with the slowest writer, so that no put waits longer than the grace.
    let rounds: [AtomicU64; 3] = Default::default();
    std::thread::scope(|scope| {
        for (writer, round) in rounds.iter().enumerate() {
            let store = store.clone();
            scope.spawn(move || {
                let mut random = SplitMix::new(writer as u64);
                // A writer that fails must not leave the sweeper waiting for it.
                let done = Done(round, ROUNDS);
                for at in 0..ROUNDS {
                    let content = content(&mut random);
                    let root = Root::new("a", &format!("{writer} {}", at % 5));
                    let id = store.put(&content).unwrap();
                    store.hold(&root, id).unwrap();
                    assert!(*store.get(id).unwrap() == content);
                    store.release(&root).unwrap();
                    round.store(at, Ordering::Relaxed);
                }
                drop(done);
            });
        }
        let (start, mut swept) = (Now::read(), 0);
        loop {
            let slowest = rounds.iter().map(|round| round.load(Ordering::Relaxed)).min().unwrap();
            let now = start.after(GRACE / 4 * slowest as u32);
            swept += store.sweep(now, GRACE).unwrap().objects;
            if slowest == ROUNDS {
                break;
            }
        }
        assert!(swept > 10, "only {swept} objects were swept");
    });
    assert_eq!(store.verify().unwrap(), []);
}

/// Says that a writer has ended, however it did.
struct Done<'a>(&'a AtomicU64, u64);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Relaxed);
    }
}

#[test]
fn a_second_process_is_told() {
    let (disk, profile) = (SimDisk::new(1), profile());
    let store = open(&disk, &profile);
    assert!(matches!(try_open(&disk, &profile), Err(ObjectError::Busy(_))));
    drop(store);
    open(&disk, &profile);
}
