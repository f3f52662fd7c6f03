//! The texts of a shared folder: what devices wrote, and what lies on this one's disk.
//!
//! For every file that was edited there is a document here, beside the one of an editor that has
//! it open. A file that nobody has open is written to the disk when a device says that it saved
//! it; what another program writes into it becomes operations. What is on the disk is handed in
//! and out: no file is touched here.

use std::collections::{BTreeMap, BTreeSet};

use net::{Channel, DeviceId};
use text::change::Grouping;
use text::{Author, Authors, Cause, Document, Operation, Origin, Rope, TextHash};

use crate::files::File;
use crate::id::{ChainId, FileId};
use crate::item::{Item, RelativePath};
use crate::members::Members;
use crate::message::Digest;
use crate::replica::{Output, Replica, Trouble, WriteError};

const OUTSIDE: Origin = Origin { group: Grouping::Command, cause: Cause::Outside };

/// What the owner of a workspace has to do, in this order.
#[derive(Clone, Debug)]
pub enum Act {
    /// See [`Output::Log`].
    Log(crate::batch::Batch),
    /// See [`Output::Send`].
    Send(DeviceId, Channel, Vec<u8>),
    /// A peer needs the text of a base: answer with [`Workspace::hand_base`].
    ReadBase(DeviceId, TextHash),
    /// Keep a text under its hash, and hand it in again with [`Workspace::base`] when it is asked
    /// for.
    KeepBase(TextHash, String),
    /// Hand in the text of a base, if it is kept.
    LoadBase(TextHash),
    /// Bring a file on the disk to this text.
    Write(Writing),
    /// A file lies elsewhere now.
    Move(RelativePath, RelativePath),
    /// A file was deleted elsewhere; `was` is what it held.
    Remove(RelativePath, TextHash),
    /// An open file was edited elsewhere.
    Edited(FileId, Vec<Operation>),
    /// A device says that its disk holds this text of an open file.
    Saved(FileId, TextHash),
    /// A person has to be told.
    Trouble(Trouble),
}

/// What a file is brought to.
#[derive(Clone, Debug)]
pub struct Writing {
    /// Where it lies.
    pub path: RelativePath,
    /// Its text.
    pub text: Rope,
    /// What it should hold before; if it holds something else, that is another program's work, to
    /// be handed in with [`Workspace::outside`] first. `None` if there should be none.
    pub before: Option<TextHash>,
    held: Option<Rope>,
}

#[derive(Debug)]
struct Text {
    path: RelativePath,
    base: TextHash,
    document: Option<Document>,
    /// What waits for the base.
    waiting: Vec<Operation>,
    /// How many of those were in the file when it was saved last; from a log alone.
    saved: Option<usize>,
    /// What the disk holds, as far as it is known.
    on_disk: Option<Rope>,
    is_open: bool,
    /// It is written once its base is there.
    is_due: bool,
}

/// A document for an editor, and the history that it comes from.
#[derive(Debug)]
pub struct Attached {
    /// Which file.
    pub file: FileId,
    /// Written to by this process.
    pub document: Document,
    /// What its history starts from.
    pub base: Rope,
    /// Its history.
    pub operations: Vec<Operation>,
    /// What the disk held when it was looked at last.
    pub on_disk: Option<Rope>,
}

/// A shared folder.
pub struct Workspace {
    replica: Replica,
    /// Who writes what other programs did.
    author: Author,
    texts: BTreeMap<FileId, Text>,
    paths: BTreeMap<RelativePath, FileId>,
    bases: BTreeMap<TextHash, Rope>,
    /// Files whose text differs from a peer's at an equal version: they are made anew.
    doubtful: BTreeSet<FileId>,
}

impl Workspace {
    /// A workspace with what its replica holds; `author` writes what other programs do.
    #[must_use]
    pub fn new(replica: Replica, author: Author) -> Self {
        let (texts, paths, bases) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let doubtful = BTreeSet::new();
        Self { replica, author, texts, paths, bases, doubtful }
    }

    /// Its chains.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The file that lies at a path.
    #[must_use]
    pub fn file_at(&self, path: &RelativePath) -> Option<FileId> {
        self.paths.get(path).copied()
    }

    /// All files, by their paths.
    pub fn paths(&self) -> impl Iterator<Item = &RelativePath> {
        self.paths.keys()
    }

    /// Whether every file's text is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.texts.values().all(|text| text.document.is_some())
    }

    /// Takes what the replica held at the start; nothing is written for it.
    pub fn begin(&mut self, keys: &dyn Members) -> Vec<Act> {
        let mut acts = Vec::new();
        self.place(&mut acts);
        acts.retain(|act| matches!(act, Act::LoadBase(_)));
        let files: Vec<FileId> = self.texts.keys().copied().collect();
        for file in files {
            let (operations, saved) = self.replica.history(file, keys);
            if let Some(text) = self.texts.get_mut(&file) {
                text.waiting = operations;
                text.saved = Some(saved);
                text.is_due = false;
            }
        }
        acts
    }

    /// Shares files that lie on the disk.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing is shared.
    pub fn share(
        &mut self,
        files: Vec<(RelativePath, String)>,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        if members.current().is_none() {
            return Err(WriteError::NoKey);
        }
        let mut acts = Vec::new();
        let mut items = Vec::new();
        for (path, text) in files {
            if self.paths.contains_key(&path) {
                continue;
            }
            let rope = Rope::from_str(&text);
            let base = TextHash::of(&rope);
            let file = FileId::random().ok_or(WriteError::Refused)?;
            items.push(self.replica.files().place(file, path.clone(), base));
            let document = self.document(rope.clone(), &[]);
            let text_here = Text {
                path: path.clone(),
                base,
                document: Some(document),
                waiting: Vec::new(),
                saved: None,
                on_disk: Some(rope.clone()),
                is_open: false,
                is_due: false,
            };
            self.texts.insert(file, text_here);
            self.paths.insert(path, file);
            self.bases.insert(base, rope);
            acts.push(Act::KeepBase(base, text));
        }
        let outputs = self.replica.write(items, members)?;
        self.relay(outputs, &mut acts);
        Ok(acts)
    }

    fn document(&self, base: Rope, operations: &[Operation]) -> Document {
        Document::restore(base, operations, Authors::new(self.author)).document
    }

    /// An editor has a file open from now on.
    pub fn attach(&mut self, file: FileId, members: &dyn Members) -> Option<Attached> {
        let text = self.texts.get_mut(&file)?;
        text.document.as_ref()?;
        text.is_open = true;
        let base = self.bases.get(&text.base)?.clone();
        let on_disk = text.on_disk.clone();
        let operations = self.replica.operations(file, members);
        let restored = Document::restore(base.clone(), &operations, Authors::default());
        Some(Attached { file, document: restored.document, base, operations, on_disk })
    }

    /// No editor has it open any more; `on_disk` is what it saved last.
    pub fn detach(&mut self, file: FileId, on_disk: Rope) {
        if let Some(text) = self.texts.get_mut(&file) {
            text.is_open = false;
            text.on_disk = Some(on_disk);
        }
    }

    /// An editor wrote operations.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn edited(
        &mut self,
        file: FileId,
        operations: Vec<Operation>,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        let mut acts = Vec::new();
        let outputs = self
            .replica
            .write(vec![Item::Edited { file, operations: operations.clone() }], members)?;
        self.relay(outputs, &mut acts);
        self.merge(file, operations);
        Ok(acts)
    }

    /// An editor saved a file.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn saved(
        &mut self,
        file: FileId,
        saved: Rope,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        let mut acts = Vec::new();
        let hash = TextHash::of(&saved);
        let outputs = self.replica.write(vec![Item::Saved { file, text: hash }], members)?;
        if let Some(text) = self.texts.get_mut(&file) {
            text.on_disk = Some(saved);
        }
        self.relay(outputs, &mut acts);
        Ok(acts)
    }

    /// A file that no editor has open holds this text now, or is gone.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn outside(
        &mut self,
        path: &RelativePath,
        found: Option<String>,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        if members.current().is_none() {
            return Err(WriteError::NoKey);
        }
        let known = self.file_at(path);
        match (known, found) {
            (Some(file), Some(found)) => {
                self.changed_outside(file, &Rope::from_str(&found), members)
            }
            (Some(file), None) => self.removed_outside(file, members),
            (None, Some(found)) => self.share(vec![(path.clone(), found)], members),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn changed_outside(
        &mut self,
        file: FileId,
        found: &Rope,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        let Some(text) = self.texts.get_mut(&file) else { return Ok(Vec::new()) };
        let Some(document) = &mut text.document else { return Ok(Vec::new()) };
        let is_echo = text.on_disk.as_ref().is_some_and(|known| known == found);
        if text.is_open || is_echo {
            return Ok(Vec::new());
        }
        if document.rope() == found {
            text.on_disk = Some(found.clone());
            return Ok(Vec::new());
        }
        // What was written elsewhere since the disk was looked at last is not in what was found.
        let base = text.on_disk.clone().unwrap_or_else(|| document.rope().clone());
        let merge = text::merge::merge(&base, document.rope(), found);
        let mut operations = Vec::new();
        if let Ok(change) = document.apply(merge.transaction, OUTSIDE) {
            operations = change.operations.to_vec();
        }
        document.seal_group();
        text.on_disk = Some(found.clone());
        let hash = TextHash::of(document.rope());
        let mut items = Vec::new();
        if !operations.is_empty() {
            items.push(Item::Edited { file, operations });
        }
        items.push(Item::Saved { file, text: hash });
        let mut acts = Vec::new();
        let outputs = self.replica.write(items, members)?;
        self.relay(outputs, &mut acts);
        self.write_out(file, &mut acts);
        Ok(acts)
    }

    fn removed_outside(
        &mut self,
        file: FileId,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        let mut acts = Vec::new();
        let was_there = self.texts.get(&file).is_some_and(|text| text.on_disk.is_some());
        if was_there {
            let item = self.replica.files().remove(file);
            let outputs = self.replica.write(vec![item], members)?;
            self.relay(outputs, &mut acts);
            if let Some(text) = self.texts.remove(&file) {
                self.paths.remove(&text.path);
            }
        }
        Ok(acts)
    }

    /// The text of a base, that was asked for.
    pub fn base(&mut self, base: TextHash, text: Option<&str>) -> Vec<Act> {
        let mut acts = Vec::new();
        match text {
            Some(text) => self.base_came(base, text, &mut acts),
            None => {
                let outputs = self.replica.want_base(base);
                self.relay(outputs, &mut acts);
            }
        }
        acts
    }

    fn base_came(&mut self, base: TextHash, text: &str, acts: &mut Vec<Act>) {
        let rope = Rope::from_str(text);
        self.bases.insert(base, rope.clone());
        let of_it = |(file, text): (&FileId, &Text)| {
            (text.base == base && text.document.is_none()).then_some(*file)
        };
        let files: Vec<FileId> = self.texts.iter().filter_map(of_it).collect();
        for file in files {
            let author = self.author;
            let Some(text) = self.texts.get_mut(&file) else { continue };
            let operations = std::mem::take(&mut text.waiting);
            let restore = |operations: &[Operation]| {
                Document::restore(rope.clone(), operations, Authors::new(author)).document
            };
            if let Some(saved) = text.saved.take() {
                text.on_disk = Some(restore(&operations[..saved]).rope().clone());
            }
            text.document = Some(restore(&operations));
            if std::mem::take(&mut text.is_due) {
                self.write_out(file, acts);
            }
        }
    }

    /// Answers a peer that needs a base.
    pub fn hand_base(&self, to: DeviceId, base: TextHash, text: Option<&str>) -> Vec<Act> {
        let mut acts = Vec::new();
        for output in self.replica.hand_base(to, base, text) {
            if let Output::Send { to, channel, bytes } = output {
                acts.push(Act::Send(to, channel, bytes));
            }
        }
        acts
    }

    /// See [`Replica::receive`].
    pub fn receive(
        &mut self,
        from: DeviceId,
        channel: Channel,
        bytes: &[u8],
        members: &dyn Members,
    ) -> Vec<Act> {
        let outputs = self.replica.receive(from, channel, bytes, members);
        let mut acts = self.relayed(outputs);
        for file in std::mem::take(&mut self.doubtful) {
            self.make_anew(file, members);
            acts.push(Act::Trouble(Trouble::Differs { file, device: from }));
        }
        acts
    }

    /// Reads a text from its operations again.
    fn make_anew(&mut self, file: FileId, members: &dyn Members) {
        let operations = self.replica.operations(file, members);
        let base = self.texts.get(&file).and_then(|text| self.bases.get(&text.base)).cloned();
        let document = base.map(|base| self.document(base, &operations));
        if let Some(text) = self.texts.get_mut(&file) {
            text.document = document;
        }
    }

    /// What the texts are that were edited, for peers to compare.
    fn digests(&self) -> Vec<Digest> {
        let one = |(file, text): (&FileId, &Text)| {
            let document = text.document.as_ref()?;
            let is_edited = !self.replica.files().edits(*file).is_empty();
            is_edited.then(|| Digest {
                file: *file,
                version: version_hash(document),
                text: document.text_hash(),
            })
        };
        self.texts.iter().filter_map(one).collect()
    }

    fn compare(&mut self, digests: &[Digest]) {
        for digest in digests {
            let document = self.texts.get(&digest.file).and_then(|text| text.document.as_ref());
            let differs = document.is_some_and(|document| {
                version_hash(document) == digest.version && document.text_hash() != digest.text
            });
            if differs {
                self.doubtful.insert(digest.file);
            }
        }
    }

    /// See [`Replica::linked`].
    pub fn linked(&mut self, device: DeviceId) -> Vec<Act> {
        let outputs = self.replica.linked(device);
        self.relayed(outputs)
    }

    /// See [`Replica::unlinked`].
    pub fn unlinked(&mut self, device: DeviceId) {
        self.replica.unlinked(device);
    }

    /// See [`Replica::durable`].
    pub fn durable(&mut self, chain: ChainId, count: u64) -> Vec<Act> {
        let outputs = self.replica.durable(chain, count);
        self.relayed(outputs)
    }

    /// See [`Replica::tick`]. Peers are told what the texts are.
    pub fn tick(&mut self) -> Vec<Act> {
        let mut outputs = self.replica.tick();
        outputs.extend(self.replica.tell_texts(&self.digests()));
        self.relayed(outputs)
    }

    fn relayed(&mut self, outputs: Vec<Output>) -> Vec<Act> {
        let mut acts = Vec::new();
        self.relay(outputs, &mut acts);
        acts
    }

    fn relay(&mut self, outputs: Vec<Output>, acts: &mut Vec<Act>) {
        for output in outputs {
            match output {
                Output::Log(batch) => acts.push(Act::Log(batch)),
                Output::Send { to, channel, bytes } => acts.push(Act::Send(to, channel, bytes)),
                Output::ReadBase { to, base } => acts.push(Act::ReadBase(to, base)),
                Output::Base { base, text } => {
                    self.base_came(base, &text, acts);
                    acts.push(Act::KeepBase(base, text));
                }
                Output::Apply { items, .. } => self.apply(items, acts),
                Output::Texts { digests, .. } => self.compare(&digests),
                Output::Trouble(trouble) => acts.push(Act::Trouble(trouble)),
            }
        }
    }

    /// What another device wrote.
    fn apply(&mut self, items: Vec<Item>, acts: &mut Vec<Act>) {
        let placed = |item: &Item| !matches!(item, Item::Edited { .. } | Item::Saved { .. });
        let is_edited = |item: &Item| matches!(item, Item::Edited { .. });
        // An edit may bring back a file that was removed.
        if items.iter().any(placed)
            || items.iter().any(|it| is_edited(it) && !self.texts.contains_key(&it.file()))
        {
            self.place(acts);
        }
        for item in items {
            match item {
                Item::Edited { file, operations } => {
                    if self.texts.get(&file).is_some_and(|text| text.is_open) {
                        acts.push(Act::Edited(file, operations.clone()));
                    }
                    self.merge(file, operations);
                }
                Item::Saved { file, text } => {
                    if self.texts.get(&file).is_some_and(|text| text.is_open) {
                        acts.push(Act::Saved(file, text));
                    } else {
                        self.write_out(file, acts);
                    }
                }
                Item::Placed { .. } | Item::Removed { .. } => {}
            }
        }
    }

    /// Brings what is known of places to what the set of items says.
    fn place(&mut self, acts: &mut Vec<Act>) {
        let files: Vec<File> = self.replica.files().iter().collect();
        let there: BTreeMap<FileId, &File> = files.iter().map(|file| (file.id, file)).collect();
        let gone: Vec<FileId> =
            self.texts.keys().filter(|id| !there.contains_key(*id)).copied().collect();
        for file in gone {
            let Some(text) = self.texts.remove(&file) else { continue };
            if let Some(was) = text.on_disk {
                acts.push(Act::Remove(text.path, TextHash::of(&was)));
            }
        }
        let mut moves = Vec::new();
        let mut fresh = Vec::new();
        for file in files {
            match self.texts.get_mut(&file.id) {
                Some(text) if text.path == file.path => {}
                Some(text) => {
                    let from = std::mem::replace(&mut text.path, file.path.clone());
                    if text.on_disk.is_some() {
                        moves.push((from, file.path));
                    }
                }
                None => fresh.push(file),
            }
        }
        // What makes room goes first.
        while let Some(at) = moves.iter().position(|(_, to)| moves.iter().all(|(it, _)| it != to)) {
            let (from, to) = moves.remove(at);
            acts.push(Act::Move(from, to));
        }
        acts.extend(moves.into_iter().map(|(from, to)| Act::Move(from, to)));
        for File { id, path, base } in fresh {
            self.appear(id, path, base, acts);
        }
        self.paths = self.texts.iter().map(|(id, text)| (text.path.clone(), *id)).collect();
    }

    fn appear(&mut self, id: FileId, path: RelativePath, base: TextHash, acts: &mut Vec<Act>) {
        let document = self.bases.get(&base).cloned().map(|rope| self.document(rope, &[]));
        let is_here = document.is_some();
        let text = Text {
            path,
            base,
            document,
            waiting: Vec::new(),
            saved: None,
            on_disk: None,
            is_open: false,
            is_due: true,
        };
        self.texts.insert(id, text);
        match is_here {
            true => self.write_out(id, acts),
            false => acts.push(Act::LoadBase(base)),
        }
    }

    fn merge(&mut self, file: FileId, operations: Vec<Operation>) {
        let Some(text) = self.texts.get_mut(&file) else { return };
        match &mut text.document {
            // What it refuses is refused by every device; the others are merged.
            Some(document) => drop(document.merge(&operations)),
            None => text.waiting.extend(operations),
        }
    }

    /// Brings the disk to a file's text.
    fn write_out(&mut self, file: FileId, acts: &mut Vec<Act>) {
        let Some(text) = self.texts.get_mut(&file).filter(|text| !text.is_open) else { return };
        let Some(document) = &text.document else {
            text.is_due = true;
            return;
        };
        if text.on_disk.as_ref().is_some_and(|known| known == document.rope()) {
            return;
        }
        let held = text.on_disk.replace(document.rope().clone());
        let before = held.as_ref().map(TextHash::of);
        let (path, rope) = (text.path.clone(), document.rope().clone());
        let writing = Writing { path, text: rope, before, held };
        acts.push(Act::Write(writing));
    }

    /// A writing was not done, since the disk held something else: what it holds is handed in
    /// with [`Workspace::outside`] next.
    pub fn not_written(&mut self, writing: &Writing) {
        if let Some(text) = self.file_at(&writing.path).and_then(|file| self.texts.get_mut(&file)) {
            text.on_disk = writing.held.clone();
        }
    }

    /// A file has another name now, on this disk too.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn renamed(
        &mut self,
        file: FileId,
        path: RelativePath,
        members: &dyn Members,
    ) -> Result<Vec<Act>, WriteError> {
        let Some(text) = self.texts.get_mut(&file) else { return Ok(Vec::new()) };
        let item = self.replica.files().place(file, path.clone(), text.base);
        let outputs = self.replica.write(vec![item], members)?;
        self.paths.remove(&text.path);
        self.paths.insert(path.clone(), file);
        text.path = path;
        let mut acts = Vec::new();
        self.relay(outputs, &mut acts);
        Ok(acts)
    }

    /// The text of a file now, if it is here.
    #[must_use]
    pub fn text(&self, file: FileId) -> Option<&Rope> {
        self.texts.get(&file)?.document.as_ref().map(Document::rope)
    }
}

/// Names the version of a document: the same on every device that knows the same edits.
fn version_hash(document: &Document) -> [u8; 32] {
    *blake3::hash(document.version().to_string().as_bytes()).as_bytes()
}
