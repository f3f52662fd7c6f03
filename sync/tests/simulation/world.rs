//! Devices, their logs and the links between them, all of one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kernel::ledger::{DeviceKey, Signer};
use net::{Channel, DeviceId, EpochId, EpochKey, Frontier, Standing};
use sync::batch::Batch;
use sync::{ChainId, FileId, Item, Members, Output, RelativePath, Replica, Trouble, WorkspaceId};
use text::{
    Author, Authors, CharOffset, CharRange, Document, Edit, Operation, OperationId, Origin, Rope,
    Transaction,
};

const WORKSPACE: WorkspaceId = WorkspaceId([9; 16]);
const BASE: &str = "one two three\nfour five six\nسبعة ثمانية\n";

/// Which faults happen while devices live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    None,
    All,
}

pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// What the device log says.
#[derive(Clone)]
struct Log {
    members: BTreeMap<DeviceId, Standing>,
    epoch: (EpochId, EpochKey),
}

impl Members for Log {
    fn standing(&self, device: DeviceId) -> Standing {
        self.members.get(&device).cloned().unwrap_or(Standing::Stranger)
    }

    fn current(&self) -> Option<(EpochId, &EpochKey)> {
        Some((self.epoch.0, &self.epoch.1))
    }

    fn key(&self, epoch: EpochId) -> Option<&EpochKey> {
        (epoch == self.epoch.0).then_some(&self.epoch.1)
    }
}

struct Device {
    signer: Arc<DeviceKey>,
    replica: Replica,
    documents: BTreeMap<FileId, Document>,
    author: Author,
    /// In the order in which they were logged; so many of them survive a power cut.
    log: Vec<Batch>,
    durable: usize,
    /// Operations that were acknowledged as durable to whoever typed them.
    acknowledged: BTreeSet<(FileId, OperationId)>,
    written: Vec<(usize, FileId, OperationId)>,
    told: Vec<Trouble>,
}

pub struct World {
    seed: u64,
    random: Random,
    faults: Faults,
    members: Log,
    devices: Vec<Device>,
    /// Frames on their way, from a device to a device, in order for each channel.
    ways: BTreeMap<(usize, usize, Channel), VecDeque<Vec<u8>>>,
    links: BTreeSet<(usize, usize)>,
    removed: Option<usize>,
    copied: Option<usize>,
}

fn files() -> [FileId; 3] {
    [FileId([1; 16]), FileId([2; 16]), FileId([3; 16])]
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> Self {
        let mut random = Random(seed);
        let count = 2 + random.below(4);
        let signers: Vec<Arc<DeviceKey>> =
            (0..count).map(|_| Arc::new(DeviceKey::from_seed(&random.bytes()))).collect();
        let members = Log {
            members: signers.iter().map(|it| (it.id(), Standing::Member)).collect(),
            epoch: (EpochId([5; 32]), EpochKey::new([6; 32])),
        };
        let devices = signers.into_iter().map(|it| Device::start(it, &mut random)).collect();
        let ways = BTreeMap::new();
        let links = BTreeSet::new();
        let (removed, copied) = (None, None);
        let mut world =
            World { seed, random, faults, members, devices, ways, links, removed, copied };
        let base = text::TextHash::of(&Rope::from_str(BASE));
        let place = |(index, file): (usize, FileId)| {
            let path = RelativePath::new(&format!("file{index}.txt")).unwrap();
            world_files(&world.devices[0].replica, file, path, base)
        };
        let items: Vec<Item> = files().into_iter().enumerate().map(place).collect();
        world.write(0, items);
        for a in 0..count {
            for b in a + 1..count {
                world.link(a, b);
            }
        }
        world
    }

    /// Lets so many things happen.
    pub fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            let device = self.random.below(self.devices.len());
            match self.random.below(if self.faults == Faults::All { 40 } else { 24 }) {
                0..10 => self.edit(device),
                10..22 => self.deliver(),
                22 | 23 => self.sync_disk(device),
                24 | 25 => self.cut_or_join(device),
                26 => self.restart(device, true),
                27 => self.restart(device, false),
                28 => self.repeat_a_frame(),
                29 => self.tick(device),
                30 => self.rename_or_remove(device),
                _ => self.deliver(),
            }
        }
    }

    /// All links up, everything delivered, all disks in sync.
    pub fn heal(&mut self) {
        for a in 0..self.devices.len() {
            for b in a + 1..self.devices.len() {
                self.unlink(a, b);
                self.link(a, b);
            }
        }
        for _ in 0..3 {
            let mut rounds = 0;
            while self.ways.values().any(|way| !way.is_empty()) {
                self.deliver();
                if self.random.below(8) == 0 {
                    let device = self.random.below(self.devices.len());
                    self.sync_disk(device);
                }
                rounds += 1;
                assert!(rounds < 200_000, "seed {}: the devices never come to rest", self.seed);
            }
            for device in 0..self.devices.len() {
                self.sync_disk(device);
                self.tick(device);
            }
        }
        while self.ways.values().any(|way| !way.is_empty()) {
            self.deliver();
        }
    }

    pub fn texts(&self) -> Vec<Vec<String>> {
        let text = |device: &Device, file: &FileId| device.documents[file].rope().to_string();
        let of = |device: &Device| files().iter().map(|file| text(device, file)).collect();
        self.devices.iter().map(of).collect()
    }

    pub fn check(&self) {
        let all: Vec<usize> = (0..self.devices.len()).collect();
        self.check_these(&all);
        for device in &self.devices {
            assert_eq!(device.told, [], "seed {}: nothing was wrong", self.seed);
        }
    }

    fn check_these(&self, these: &[usize]) {
        let texts = self.texts();
        let first = these[0];
        for device in these {
            assert_eq!(texts[*device], texts[first], "seed {}", self.seed);
            let one = &self.devices[*device];
            let files: Vec<_> = one.replica.files().iter().collect();
            let there: Vec<_> = self.devices[first].replica.files().iter().collect();
            assert_eq!(files, there, "seed {}", self.seed);
            for file in self::files() {
                let document = &one.documents[&file];
                assert_eq!(document.missing(), [], "seed {}", self.seed);
                let other = &self.devices[first].documents[&file];
                assert_eq!(document.version(), other.version(), "seed {}", self.seed);
            }
            for other in these {
                for (file, id) in &self.devices[*other].acknowledged {
                    let all = one.replica.operations(*file, &self.members);
                    let has = all.iter().any(|operation| operation.id == *id);
                    assert!(has, "seed {}: {id} was acknowledged and is lost", self.seed);
                }
            }
            for status in one.replica.peers() {
                let is_one_of_these =
                    these.iter().any(|it| self.devices[*it].signer.id() == status.device);
                if is_one_of_these {
                    assert_eq!(status.lag_operations, 0, "seed {}", self.seed);
                }
            }
        }
    }

    /// A second machine goes on with a copy of a device's log and its running chain.
    pub fn copy_and_write_on(&mut self) {
        self.heal();
        let copied = self.random.below(self.devices.len());
        self.copied = Some(copied);
        // Both write as the chain that only one of them may write: one's batch reaches its peer,
        // the other's reaches another.
        let file = files()[0];
        let before = self.devices[copied].log.len();
        while self.devices[copied].log.len() == before {
            self.edit_file(copied, file);
        }
        let log = self.devices[copied].log.clone();
        let last = log.last().expect("it wrote").clone();
        let header = *last.header();
        let place = Item::Saved { file, text: text::TextHash::from_bytes([1; 32]) };
        let signer = Arc::clone(&self.devices[copied].signer);
        let (_, key) = self.members.current().unwrap();
        let other = Batch::seal(&*signer, header, key, &[place]).unwrap();
        let peer = (copied + 1) % self.devices.len();
        let from = signer.id();
        let outputs = self.devices[peer].replica.receive(
            from,
            Channel::Operations,
            other.bytes(),
            &self.members,
        );
        self.carry_out(peer, outputs);
    }

    pub fn was_told_of_a_fork(&self) -> bool {
        let forked = |trouble: &Trouble| matches!(trouble, Trouble::Forked { .. });
        self.devices.iter().any(|device| device.told.iter().any(forked))
    }

    pub fn check_all_but_the_copied(&self) {
        // Chains of all others are whole everywhere.
        let copied = self.devices[self.copied.expect("one was copied")].signer.id();
        let held = |device: &Device, of: &Device| -> Vec<(ChainId, u64)> {
            device.replica.held_of(of.signer.id()).collect()
        };
        for device in &self.devices {
            for of in self.devices.iter().filter(|it| it.signer.id() != copied) {
                assert_eq!(held(device, of), held(of, of), "seed {}", self.seed);
            }
        }
    }

    pub fn remove_one_and_let_it_write(&mut self) {
        let removed = self.random.below(self.devices.len());
        let id = self.devices[removed].signer.id();
        let kept = self.devices[removed].replica.held_of(id);
        let frontier = Frontier(kept.map(|(chain, count)| (chain.0, count)).collect());
        self.members.members.insert(id, Standing::Removed(frontier));
        self.removed = Some(removed);
        for _ in 0..5 {
            self.edit(removed);
        }
    }

    pub fn check_without_the_removed(&self) {
        let removed = self.removed.expect("one was removed");
        let others: Vec<usize> = (0..self.devices.len()).filter(|it| *it != removed).collect();
        let id = self.devices[removed].signer.id();
        let kept = |device: usize| -> u64 {
            self.devices[device].replica.held_of(id).map(|(_, count)| count).sum()
        };
        let texts = self.texts();
        for other in &others {
            assert!(kept(*other) < kept(removed), "seed {}: its edits were taken", self.seed);
            assert_eq!(texts[*other], texts[others[0]], "seed {}", self.seed);
        }
        let quarantined = |trouble: &Trouble| matches!(trouble, Trouble::Quarantined { .. });
        assert!(others.iter().any(|it| self.devices[*it].told.iter().any(quarantined)));
    }

    /// Frames of noise, and real ones with a byte changed.
    pub fn send_garbage(&mut self, count: usize) {
        for _ in 0..count {
            let to = self.random.below(self.devices.len());
            let from = self.random.below(self.devices.len());
            let mut bytes = match self.devices[from].log.first() {
                Some(batch) if self.random.below(2) == 0 => batch.bytes().to_vec(),
                _ => (0..self.random.below(200)).map(|_| self.random.next() as u8).collect(),
            };
            if !bytes.is_empty() {
                let at = self.random.below(bytes.len());
                bytes[at] ^= 1 << self.random.below(8);
                bytes.truncate(self.random.below(bytes.len() + 1).max(1));
            }
            let channel = Channel::ALL[self.random.below(4)];
            let id = self.devices[from].signer.id();
            let outputs = self.devices[to].replica.receive(id, channel, &bytes, &self.members);
            let mut outputs = outputs;
            outputs.retain(|it| !matches!(it, Output::Trouble(Trouble::Malformed { .. })));
            self.carry_out(to, outputs);
        }
    }

    fn edit(&mut self, device: usize) {
        let file = files()[self.random.below(3)];
        self.edit_file(device, file);
    }

    fn edit_file(&mut self, device: usize, file: FileId) {
        let document = self.devices[device].documents.get_mut(&file).unwrap();
        let length = document.rope().len_chars();
        let start = self.random.below(length + 1);
        let end = (start + self.random.below(4)).min(length);
        let texts = ["", "a", "word ", "خمسة", "\n", "🙂"];
        let text = texts[self.random.below(texts.len())];
        let range = CharRange { start: CharOffset(start), end: CharOffset(end) };
        let edit = Transaction::single(Edit::replace(range, text));
        let change = document.apply(edit, Origin::TYPING).unwrap();
        let operations: Vec<Operation> = change.operations.to_vec();
        if !operations.is_empty() {
            self.write(device, vec![Item::Edited { file, operations }]);
        }
    }

    fn rename_or_remove(&mut self, device: usize) {
        let file = files()[self.random.below(3)];
        let replica = &self.devices[device].replica;
        let item = match self.random.below(3) {
            0 => replica.files().remove(file),
            _ => {
                let name = format!("dir{}/file{}.txt", self.random.below(2), self.random.below(3));
                let base = text::TextHash::of(&Rope::from_str(BASE));
                replica.files().place(file, RelativePath::new(&name).unwrap(), base)
            }
        };
        self.write(device, vec![item]);
    }

    fn write(&mut self, device: usize, items: Vec<Item>) {
        let one = &mut self.devices[device];
        let outputs = one.replica.write(items.clone(), &self.members).unwrap();
        let at = one.log.len();
        for item in &items {
            if let Item::Edited { file, operations } = item {
                let ids = operations.iter().map(|operation| (at, *file, operation.id));
                one.written.extend(ids);
            }
        }
        self.carry_out(device, outputs);
    }

    fn carry_out(&mut self, device: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Log(batch) => self.devices[device].log.push(batch),
                Output::Send { to, channel, bytes } => {
                    let to = self.devices.iter().position(|it| it.signer.id() == to).unwrap();
                    let is_linked = self.links.contains(&(device.min(to), device.max(to)));
                    if is_linked {
                        self.ways.entry((device, to, channel)).or_default().push_back(bytes);
                    }
                }
                Output::Apply { items, .. } => self.devices[device].apply(&items),
                Output::Trouble(trouble) => self.devices[device].told.push(trouble),
                Output::ReadBase { .. } | Output::Base { .. } | Output::Texts { .. } => {}
            }
        }
    }

    fn deliver(&mut self) {
        let full: Vec<_> =
            self.ways.iter().filter(|(_, way)| !way.is_empty()).map(|(key, _)| *key).collect();
        if full.is_empty() {
            return;
        }
        let key = full[self.random.below(full.len())];
        let bytes = self.ways.get_mut(&key).and_then(VecDeque::pop_front).unwrap();
        self.hand_over(key, &bytes);
    }

    fn hand_over(&mut self, (from, to, channel): (usize, usize, Channel), bytes: &[u8]) {
        let id = self.devices[from].signer.id();
        let outputs = self.devices[to].replica.receive(id, channel, bytes, &self.members);
        self.carry_out(to, outputs);
    }

    /// A frame of an earlier time comes again, as a relay may replay it.
    fn repeat_a_frame(&mut self) {
        let from = self.random.below(self.devices.len());
        let to = (from + 1 + self.random.below(self.devices.len() - 1)) % self.devices.len();
        let log = &self.devices[from].log;
        if log.is_empty() {
            return;
        }
        let bytes = log[self.random.below(log.len())].bytes().to_vec();
        self.hand_over((from, to, Channel::Operations), &bytes);
    }

    fn link(&mut self, a: usize, b: usize) {
        if self.links.insert((a.min(b), a.max(b))) {
            for (from, to) in [(a, b), (b, a)] {
                let id = self.devices[to].signer.id();
                let outputs = self.devices[from].replica.linked(id);
                self.carry_out(from, outputs);
            }
        }
    }

    /// What is on its way is lost.
    fn unlink(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            self.ways.retain(|(from, to, _), _| (*from, *to) != (a, b) && (*from, *to) != (b, a));
            for (from, to) in [(a, b), (b, a)] {
                let id = self.devices[to].signer.id();
                self.devices[from].replica.unlinked(id);
            }
        }
    }

    fn cut_or_join(&mut self, device: usize) {
        let other = (device + 1 + self.random.below(self.devices.len() - 1)) % self.devices.len();
        match self.links.contains(&(device.min(other), device.max(other))) {
            true => self.unlink(device, other),
            false => self.link(device, other),
        }
    }

    fn tick(&mut self, device: usize) {
        let outputs = self.devices[device].replica.tick();
        self.carry_out(device, outputs);
    }

    fn sync_disk(&mut self, device: usize) {
        let one = &mut self.devices[device];
        one.durable = one.log.len();
        let durable = one.durable;
        let done = one.written.iter().filter(|(at, ..)| *at < durable);
        one.acknowledged.extend(done.map(|(_, file, id)| (*file, *id)));
        one.written.retain(|(at, ..)| *at >= durable);
        let mut counts: BTreeMap<ChainId, u64> = BTreeMap::new();
        for batch in &one.log {
            *counts.entry(batch.header().chain).or_default() += 1;
        }
        let outputs: Vec<Output> = counts
            .into_iter()
            .flat_map(|(chain, count)| one.replica.durable(chain, count))
            .collect();
        self.carry_out(device, outputs);
    }

    /// A kill keeps what was written, a power cut what was synced.
    fn restart(&mut self, device: usize, is_power_cut: bool) {
        for other in 0..self.devices.len() {
            if other != device {
                self.unlink(device, other);
            }
        }
        let one = &mut self.devices[device];
        if is_power_cut {
            one.log.truncate(one.durable);
        }
        one.durable = one.log.len();
        one.written.clear();
        one.author = Author::from_bytes(self.random.bytes());
        let own = ChainId(self.random.bytes());
        let signer: Arc<dyn Signer> = one.signer.clone();
        let replica = Replica::new(WORKSPACE, own, signer);
        one.replica = replica.restored(one.log.iter().cloned(), &self.members);
        for file in files() {
            let operations = one.replica.operations(file, &self.members);
            let restored =
                Document::restore(Rope::from_str(BASE), &operations, Authors::new(one.author));
            assert!(restored.refused.is_empty(), "seed {}", self.seed);
            one.documents.insert(file, restored.document);
        }
        for other in 0..self.devices.len() {
            if other != device && self.random.below(2) == 0 {
                self.link(device, other);
            }
        }
    }
}

fn world_files(replica: &Replica, file: FileId, path: RelativePath, base: text::TextHash) -> Item {
    replica.files().place(file, path, base)
}

impl Device {
    fn start(signer: Arc<DeviceKey>, random: &mut Random) -> Self {
        let author = Author::from_bytes(random.bytes());
        let own = ChainId(random.bytes());
        let replica = Replica::new(WORKSPACE, own, signer.clone());
        let document = || Document::from_base_as(Rope::from_str(BASE), Authors::new(author));
        Device {
            signer,
            replica,
            documents: files().into_iter().map(|file| (file, document())).collect(),
            author,
            log: Vec::new(),
            durable: 0,
            acknowledged: BTreeSet::new(),
            written: Vec::new(),
            told: Vec::new(),
        }
    }

    fn apply(&mut self, items: &[Item]) {
        for item in items {
            if let Item::Edited { file, operations } = item {
                let document = self.documents.get_mut(file).expect("it is one of the three");
                document.merge(operations).expect("what came was checked before it was sent");
            }
        }
    }
}
