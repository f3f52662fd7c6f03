//! A workspace as one device has it: the chains, and what its peers said that they have.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kernel::ledger::Signer;
use net::{Channel, DeviceId, EpochId, Standing};
use text::{Author, Operation, TextHash};

use crate::base::{self, Coming};
use crate::batch::{Batch, Header};
use crate::chain::{Chain, Offer};
use crate::files::Files;
use crate::id::{ChainId, FileId, WorkspaceId};
use crate::item::{ITEMS_MAX, Item};
use crate::members::Members;
use crate::message::{Digest, Held, Message, NAMED_MAX};

/// Bytes on their way to one peer that it did not acknowledge, at most.
const WINDOW: usize = 8 << 20;
/// Bytes of operations that one batch takes together; a single larger operation still fits.
const BATCH_BYTES: usize = 256 << 10;

/// What the owner of a replica has to do, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Append a batch to the log, and call [`Replica::durable`] once it survives a power cut.
    Log(Batch),
    /// Send a frame.
    Send {
        /// To whom.
        to: DeviceId,
        /// On which channel.
        channel: Channel,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Another device wrote this.
    Apply {
        /// Who.
        device: DeviceId,
        /// What.
        items: Vec<Item>,
    },
    /// A peer needs the text of a base: answer with [`Replica::hand_base`].
    ReadBase {
        /// Who.
        to: DeviceId,
        /// Which.
        base: TextHash,
    },
    /// The text of a base came that [`Replica::want_base`] asked for.
    Base {
        /// Which.
        base: TextHash,
        /// Its text.
        text: String,
    },
    /// A peer tells what texts it has ([`Replica::tell_texts`]): compare those at equal versions.
    Texts {
        /// Who.
        from: DeviceId,
        /// Which texts at which versions.
        digests: Vec<Digest>,
    },
    /// A person has to be told.
    Trouble(Trouble),
}

/// What is not as it should be between devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A device continued a chain in two ways, or wrote as an author that is another chain's: a
    /// copied profile, or worse. The chain is not read on.
    Forked {
        /// Whose chain it is.
        device: DeviceId,
        /// Which.
        chain: ChainId,
    },
    /// A removed device wrote more than was kept of it.
    Quarantined {
        /// Which device.
        device: DeviceId,
        /// Which chain.
        chain: ChainId,
        /// From which batch on.
        number: u64,
    },
    /// Equal versions of a file have different texts.
    Differs {
        /// Which file.
        file: FileId,
        /// On which other device.
        device: DeviceId,
    },
    /// A peer sent bytes that are no message.
    Malformed {
        /// Which peer.
        from: DeviceId,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forked { device, .. } => write!(
                f,
                "The device {device} wrote two different histories, as a copied profile does; the \
                 second one is not taken. Remove that device, and add it anew."
            ),
            Self::Quarantined { device, .. } => {
                write!(f, "What the removed device {device} wrote afterwards was not taken.")
            }
            Self::Differs { file, device } => write!(
                f,
                "The file {file} differs from that on {device} though both know the same edits; it \
                 is read again from the log."
            ),
            Self::Malformed { from } => {
                write!(f, "The device {from} sent something that Hearth does not understand.")
            }
        }
    }
}

/// Why nothing can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// There is no key to seal with now; write it again when the keys have changed.
    NoKey,
    /// The system gave no random bytes, or one item alone is too large.
    Refused,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => f.write_str("the key of the group has not come yet"),
            Self::Refused => f.write_str("an edit is too large to be sent"),
        }
    }
}

impl std::error::Error for WriteError {}

/// How far a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which.
    pub device: DeviceId,
    /// Whether there is a link.
    pub is_linked: bool,
    /// Operations that it did not say it has.
    pub lag_operations: u64,
    /// Bytes of them.
    pub queue_bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Peer {
    is_linked: bool,
    /// It said on this link that it has the workspace. Others get none of it.
    is_here: bool,
    /// By its own word.
    has: BTreeMap<ChainId, u64>,
    /// Since the link stands.
    sent: BTreeMap<ChainId, u64>,
    /// Whether it was asked to send again what did not come.
    is_asked: bool,
}

/// A workspace on this device.
pub struct Replica {
    workspace: WorkspaceId,
    signer: Arc<dyn Signer>,
    /// What this process writes.
    own: ChainId,
    /// How many of those batches may be sent. One that is written on top of what came from others
    /// waits until that is durable here: else a power cut there and here could leave a third
    /// device with operations whose parents nobody has.
    sendable: u64,
    chains: BTreeMap<ChainId, Chain>,
    /// Which chain an author of operations belongs to.
    authors: BTreeMap<Author, ChainId>,
    files: Files,
    peers: BTreeMap<DeviceId, Peer>,
    coming: Coming,
}

impl Replica {
    /// A workspace of which nothing is known here yet, written to as the chain `own`, which no
    /// process before had.
    #[must_use]
    pub fn new(workspace: WorkspaceId, own: ChainId, signer: Arc<dyn Signer>) -> Self {
        Self {
            workspace,
            signer,
            own,
            sendable: 0,
            chains: BTreeMap::new(),
            authors: BTreeMap::new(),
            files: Files::default(),
            peers: BTreeMap::new(),
            coming: Coming::default(),
        }
    }

    /// The same with what the log holds, in the order in which it was logged. What does not follow
    /// is left out; a peer sends it again.
    #[must_use]
    pub fn restored(
        mut self,
        batches: impl IntoIterator<Item = Batch>,
        keys: &dyn Members,
    ) -> Self {
        for batch in batches {
            let is_here = batch.header().workspace == self.workspace;
            if !is_here || self.chain(&batch).offer(&batch) != Offer::Next {
                continue;
            }
            let Some(items) = keys.key(batch.header().epoch).and_then(|key| batch.open(key)) else {
                continue;
            };
            if self.claims(&batch, &items) {
                self.push(batch, &items);
            }
        }
        for chain in self.chains.values_mut() {
            chain.set_durable(chain.len());
        }
        self
    }

    /// Its name.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// All operations on a file, in the order in which they came. Opens every batch that has some:
    /// for a worker.
    #[must_use]
    pub fn operations(&self, file: FileId, keys: &dyn Members) -> Vec<Operation> {
        self.history(file, keys).0
    }

    /// The same, and how many of them came before a device last said that it saved the file.
    #[must_use]
    pub fn history(&self, file: FileId, keys: &dyn Members) -> (Vec<Operation>, usize) {
        let mut all = Vec::new();
        let mut saved = 0;
        for (index, (chain, number)) in self.files.edits(file).iter().enumerate() {
            if index == self.files.saved(file) {
                saved = all.len();
            }
            let batch = self.chains.get(chain).and_then(|chain| chain.get(*number));
            let items = batch.and_then(|it| it.open(keys.key(it.header().epoch)?));
            for item in items.unwrap_or_default() {
                match item {
                    Item::Edited { file: edited, operations } if edited == file => {
                        all.extend(operations);
                    }
                    _ => {}
                }
            }
        }
        if self.files.saved(file) == self.files.edits(file).len() {
            saved = all.len();
        }
        (all, saved)
    }

    /// How many batches of each chain are here: what [`net::Frontier`] holds of a removed device.
    pub fn held_of(&self, device: DeviceId) -> impl Iterator<Item = (ChainId, u64)> {
        let own = self.chains.iter().filter(move |(_, chain)| chain.device == device);
        own.map(|(id, chain)| (*id, chain.len()))
    }

    /// How many batches of this process every peer that has the workspace says it has; `None`
    /// while no such peer is linked.
    #[must_use]
    pub fn converged(&self) -> Option<u64> {
        let here = self.peers.values().filter(|peer| peer.is_here);
        here.map(|peer| peer.has.get(&self.own).copied().unwrap_or(0)).min()
    }

    /// How many batches this process has written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.chains.get(&self.own).map_or(0, Chain::len)
    }

    /// How far each peer is that was ever linked since the start.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus> {
        self.peers.iter().map(|(device, peer)| {
            let mut status = PeerStatus {
                device: *device,
                is_linked: peer.is_linked,
                lag_operations: 0,
                queue_bytes: 0,
            };
            for (id, chain) in self.chains.iter().filter(|(_, chain)| chain.device != *device) {
                let has = peer.has.get(id).copied().unwrap_or(0);
                status.lag_operations += chain.operations_after(has);
                status.queue_bytes += chain.bytes_after(has);
            }
            status
        })
    }

    /// This device writes items, in as few batches as hold them.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn write(
        &mut self,
        items: Vec<Item>,
        members: &dyn Members,
    ) -> Result<Vec<Output>, WriteError> {
        let (epoch, key) = members.current().ok_or(WriteError::NoKey)?;
        let mut made = Vec::new();
        let own = self.chains.get(&self.own);
        let mut number = own.map_or(0, Chain::len);
        let mut previous = own.map_or_else(Default::default, |chain| chain.head(chain.len()));
        for items in portions(items) {
            let header = self.header(number, previous, epoch);
            let batch = Batch::seal(&*self.signer, header, key, &items);
            let batch = batch.ok_or(WriteError::Refused)?;
            (number, previous) = (number + 1, batch.id());
            made.push((batch, items));
        }
        let mut outputs = Vec::new();
        for (batch, items) in made {
            outputs.push(Output::Log(batch.clone()));
            self.push(batch, &items);
        }
        let mut others = self.chains.iter().filter(|(id, _)| **id != self.own);
        if others.all(|(_, chain)| chain.durable() == chain.len()) {
            self.sendable = number;
        }
        self.send_all(&mut outputs);
        Ok(outputs)
    }

    fn header(&self, number: u64, previous: crate::batch::BatchId, epoch: EpochId) -> Header {
        Header {
            workspace: self.workspace,
            device: self.signer.id(),
            chain: self.own,
            number,
            previous,
            epoch,
        }
    }

    /// The batches of a chain up to a number survive a power cut here: now they are acknowledged.
    pub fn durable(&mut self, chain: ChainId, count: u64) -> Vec<Output> {
        let Some(known) = self.chains.get_mut(&chain) else { return Vec::new() };
        if count <= known.durable() {
            return Vec::new();
        }
        known.set_durable(count);
        let held = Held { chain, count: known.durable(), head: known.head(known.durable()) };
        let have = Message::Have { resend: false, chains: vec![held] };
        if chain == self.own {
            self.sendable = self.sendable.max(held.count);
        }
        let linked = self.peers_here();
        let mut outputs: Vec<Output> =
            linked.iter().map(|to| self.message(*to, Channel::Control, &have)).collect();
        self.send_all(&mut outputs);
        outputs
    }

    /// A link to a device of the group stands.
    pub fn linked(&mut self, device: DeviceId) -> Vec<Output> {
        let peer = self.peers.entry(device).or_default();
        peer.is_linked = true;
        peer.is_here = false;
        peer.is_asked = false;
        peer.sent.clear();
        self.have(device, true)
    }

    /// The link has ended.
    pub fn unlinked(&mut self, device: DeviceId) {
        if let Some(peer) = self.peers.get_mut(&device) {
            peer.is_linked = false;
            peer.is_here = false;
        }
        self.coming.gone(device);
    }

    /// To be called each minute, and when members or keys changed: every peer is told everything
    /// that is held here, and asked again for what did not come or could not be read.
    pub fn tick(&mut self) -> Vec<Output> {
        let len = |id: &ChainId| self.chains.get(id).map_or(0, Chain::len);
        let lacks = |peer: &Peer| peer.has.iter().any(|(id, count)| *count > len(id));
        let linked = self.peers.iter().filter(|(_, peer)| peer.is_linked);
        let linked: Vec<(DeviceId, bool)> =
            linked.map(|(device, peer)| (*device, lacks(peer))).collect();
        let told = linked.iter().flat_map(|(device, lacks)| self.have(*device, *lacks));
        let mut outputs: Vec<Output> = told.collect();
        self.coming.again();
        for device in self.peers_here() {
            self.ask_bases(device, &mut outputs);
        }
        outputs
    }

    /// A frame came.
    pub fn receive(
        &mut self,
        from: DeviceId,
        channel: Channel,
        bytes: &[u8],
        members: &dyn Members,
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        let understood = match channel {
            Channel::Operations => Batch::decode(bytes)
                .filter(|batch| batch.header().workspace == self.workspace)
                .map(|batch| self.take(from, batch, members, &mut outputs)),
            _ => Message::decode(bytes)
                .filter(|(workspace, _)| *workspace == self.workspace)
                .map(|(_, message)| self.hear(from, message, &mut outputs)),
        };
        if understood.is_none() {
            outputs.push(Output::Trouble(Trouble::Malformed { from }));
        }
        outputs
    }

    fn hear(&mut self, from: DeviceId, message: Message, outputs: &mut Vec<Output>) {
        match message {
            Message::Have { resend, chains } => self.heard_have(from, resend, &chains, outputs),
            Message::WantBase(base) => outputs.push(Output::ReadBase { to: from, base }),
            Message::NoBase(base) => {
                self.coming.without(base, from);
                for other in self.peers_here() {
                    self.ask_bases(other, outputs);
                }
            }
            Message::Base { base, total, offset, bytes } => {
                if let Some(text) = self.coming.take(from, base, total, offset, &bytes) {
                    outputs.push(Output::Base { base, text });
                }
            }
            Message::Texts(digests) => outputs.push(Output::Texts { from, digests }),
        }
    }

    /// A peer says what it has.
    fn heard_have(
        &mut self,
        from: DeviceId,
        resend: bool,
        chains: &[Held],
        outputs: &mut Vec<Output>,
    ) {
        let peer = self.peers.entry(from).or_default();
        peer.is_linked = true;
        let is_new = !std::mem::replace(&mut peer.is_here, true);
        if resend {
            peer.sent.clear();
        }
        let mut lacks = false;
        for held in chains {
            let known = self.chains.get_mut(&held.chain);
            let len = known.as_ref().map_or(0, |chain| chain.len());
            lacks |= held.count > len;
            if let Some(chain) = known.filter(|_| held.count <= len)
                && chain.head(held.count) != held.head
            {
                // Anybody can say so. What its own device signed proves it, and is shown the peer.
                let ours = held.count.checked_sub(1).and_then(|number| chain.get(number));
                if let Some(batch) = ours.filter(|_| !chain.is_forked) {
                    let (bytes, channel) = (batch.bytes().to_vec(), Channel::Operations);
                    outputs.push(Output::Send { to: from, channel, bytes });
                }
                continue;
            }
            let has = peer.has.entry(held.chain).or_default();
            *has = if resend { held.count } else { held.count.max(*has) };
        }
        // It has what we lack, and may not know that.
        if lacks && !peer.is_asked {
            peer.is_asked = true;
            outputs.extend(self.have(from, false));
        }
        if is_new {
            // What was said on this link before may have come to nobody.
            outputs.extend(self.have(from, false));
            self.ask_bases(from, outputs);
        }
        self.send(from, outputs);
    }

    /// Takes a batch, whoever brought it.
    fn take(
        &mut self,
        from: DeviceId,
        batch: Batch,
        members: &dyn Members,
        outputs: &mut Vec<Output>,
    ) {
        let header = *batch.header();
        let (device, chain) = (header.device, header.chain);
        let may_write = match members.standing(device) {
            Standing::Member => true,
            Standing::Removed(frontier) => {
                frontier.0.get(&chain.0).is_some_and(|count| header.number < *count)
            }
            Standing::Hub | Standing::Stranger => false,
        };
        if !may_write {
            let number = header.number;
            return outputs.push(Output::Trouble(Trouble::Quarantined { device, chain, number }));
        }
        let known = self.chain(&batch);
        if known.is_forked {
            return;
        }
        match known.offer(&batch) {
            Offer::Known => {}
            Offer::Forked => self.fork(device, chain, outputs),
            Offer::Gap => {
                let peer = self.peers.entry(from).or_default();
                if !std::mem::replace(&mut peer.is_asked, true) {
                    outputs.extend(self.have(from, true));
                }
            }
            Offer::Next => {
                // Without the key it is as if it had not come: it is asked for again with the key.
                let Some(key) = members.key(header.epoch) else { return };
                let Some(items) = batch.open(key) else {
                    return outputs.push(Output::Trouble(Trouble::Malformed { from: device }));
                };
                if !self.claims(&batch, &items) {
                    return self.fork(device, chain, outputs);
                }
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.is_asked = false;
                    // It has what it sends; that it is durable there it will say itself.
                    let sent = peer.sent.entry(chain).or_default();
                    *sent = (*sent).max(header.number + 1);
                }
                outputs.push(Output::Log(batch.clone()));
                self.push(batch, &items);
                outputs.push(Output::Apply { device, items });
                self.send_all(outputs);
            }
        }
    }

    fn fork(&mut self, device: DeviceId, chain: ChainId, outputs: &mut Vec<Output>) {
        if let Some(known) = self.chains.get_mut(&chain) {
            known.is_forked = true;
        }
        outputs.push(Output::Trouble(Trouble::Forked { device, chain }));
    }

    fn chain(&mut self, batch: &Batch) -> &mut Chain {
        let header = batch.header();
        self.chains.entry(header.chain).or_insert_with(|| Chain::new(header.device))
    }

    /// Whether the authors of a batch's operations are its chain's own; they are from now on.
    fn claims(&mut self, batch: &Batch, items: &[Item]) -> bool {
        let chain = batch.header().chain;
        let authors = items.iter().flat_map(|item| match item {
            Item::Edited { operations, .. } => operations.as_slice(),
            _ => &[],
        });
        let authors: Vec<Author> = authors.map(|operation| operation.id.author).collect();
        let is_free = |author: &Author| self.authors.get(author).is_none_or(|it| *it == chain);
        if !authors.iter().all(is_free) {
            return false;
        }
        self.authors.extend(authors.into_iter().map(|author| (author, chain)));
        true
    }

    fn push(&mut self, batch: Batch, items: &[Item]) {
        let Header { chain, number, .. } = *batch.header();
        let count = |item: &Item| match item {
            Item::Edited { operations, .. } => operations.len() as u64,
            _ => 0,
        };
        let operations = items.iter().map(count).sum();
        items.iter().for_each(|item| self.files.take(item, chain, number));
        self.chain(&batch).push(batch, operations);
    }

    fn peers_here(&self) -> Vec<DeviceId> {
        let here = self.peers.iter().filter(|(_, peer)| peer.is_here);
        here.map(|(device, _)| *device).collect()
    }

    fn message(&self, to: DeviceId, channel: Channel, message: &Message) -> Output {
        Output::Send { to, channel, bytes: message.encode(self.workspace) }
    }

    /// Everything that is durable here, as messages.
    fn have(&self, to: DeviceId, resend: bool) -> Vec<Output> {
        let held = |(id, chain): (&ChainId, &Chain)| {
            let count = chain.durable();
            Held { chain: *id, count, head: chain.head(count) }
        };
        let all: Vec<Held> = self.chains.iter().map(held).collect();
        let mut parts: Vec<&[Held]> = all.chunks(NAMED_MAX).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        let told = parts.into_iter().enumerate().map(|(index, part)| Message::Have {
            resend: resend && index == 0,
            chains: part.to_vec(),
        });
        told.map(|have| self.message(to, Channel::Control, &have)).collect()
    }

    fn send_all(&mut self, outputs: &mut Vec<Output>) {
        for device in self.peers_here() {
            self.send(device, outputs);
        }
    }

    /// Sends a peer what it lacks, as far as the window goes.
    fn send(&mut self, to: DeviceId, outputs: &mut Vec<Output>) {
        let Some(peer) = self.peers.get_mut(&to).filter(|peer| peer.is_here) else { return };
        let mut open = WINDOW;
        for (id, chain) in &self.chains {
            let has = peer.has.get(id).copied().unwrap_or(0);
            let mut next = peer.sent.get(id).copied().unwrap_or(0).max(has);
            let on_the_way = (has..next).filter_map(|number| chain.get(number));
            open = open.saturating_sub(on_the_way.map(|batch| batch.bytes().len()).sum());
            let end = if *id == self.own { self.sendable } else { chain.len() };
            while let Some(batch) = chain.get(next).filter(|_| open > 0 && next < end) {
                open = open.saturating_sub(batch.bytes().len());
                next += 1;
                let bytes = batch.bytes().to_vec();
                outputs.push(Output::Send { to, channel: Channel::Operations, bytes });
            }
            peer.sent.insert(*id, next);
        }
    }

    /// The text of a base is needed here.
    pub fn want_base(&mut self, base: TextHash) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.coming.want(base) {
            for device in self.peers_here() {
                self.ask_bases(device, &mut outputs);
            }
        }
        outputs
    }

    fn ask_bases(&mut self, device: DeviceId, outputs: &mut Vec<Output>) {
        for base in self.coming.ask(device) {
            outputs.push(self.message(device, Channel::Bulk, &Message::WantBase(base)));
        }
    }

    /// Hands a peer the text of a base, or says that it is not here.
    pub fn hand_base(&self, to: DeviceId, base: TextHash, text: Option<&str>) -> Vec<Output> {
        let messages = match text {
            Some(text) => base::parts(base, text),
            None => vec![Message::NoBase(base)],
        };
        messages.iter().map(|message| self.message(to, Channel::Bulk, message)).collect()
    }

    /// Tells every peer that has the workspace what texts are here.
    #[must_use]
    pub fn tell_texts(&self, digests: &[Digest]) -> Vec<Output> {
        let told = digests.chunks(NAMED_MAX).map(|part| Message::Texts(part.to_vec()));
        let peers = self.peers_here();
        told.flat_map(|texts| {
            let to_each = peers.iter().map(|to| self.message(*to, Channel::Control, &texts));
            to_each.collect::<Vec<_>>()
        })
        .collect()
    }
}

/// Items in portions that a batch can hold.
fn portions(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut portions: Vec<Vec<Item>> = Vec::new();
    let mut room = 0;
    for item in items.into_iter().flat_map(split) {
        let bytes = crate::item::encode(std::slice::from_ref(&item)).len();
        match portions.last_mut() {
            Some(last) if bytes <= room && last.len() < ITEMS_MAX => {
                last.push(item);
                room -= bytes;
            }
            _ => {
                portions.push(vec![item]);
                room = BATCH_BYTES.saturating_sub(bytes);
            }
        }
    }
    portions
}

/// An item of many operations as several of fewer.
fn split(item: Item) -> Vec<Item> {
    let Item::Edited { file, operations } = item else { return vec![item] };
    let mut parts: Vec<Vec<Operation>> = Vec::new();
    let mut room = 0;
    for operation in operations {
        let bytes = operation.to_bytes().len();
        match parts.last_mut() {
            Some(last) if bytes <= room => {
                last.push(operation);
                room -= bytes;
            }
            _ => {
                parts.push(vec![operation]);
                room = BATCH_BYTES.saturating_sub(bytes);
            }
        }
    }
    parts.into_iter().map(|operations| Item::Edited { file, operations }).collect()
}
