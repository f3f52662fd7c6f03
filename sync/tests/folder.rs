//! Two devices that share a folder: what is on one's disk comes to be on the other's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kernel::ledger::{DeviceKey, Signer};
use net::{Channel, DeviceId, EpochId, EpochKey, Standing};
use sync::batch::Batch;
use sync::message::{Digest, Message};
use sync::{Act, ChainId, Members, RelativePath, Replica, Trouble, Workspace, WorkspaceId};
use text::{Author, CharOffset, Edit, Operation, Origin, Rope, TextHash, Transaction};

const WORKSPACE: WorkspaceId = WorkspaceId([4; 16]);

struct Everybody(EpochKey);

impl Members for Everybody {
    fn standing(&self, _: DeviceId) -> Standing {
        Standing::Member
    }

    fn current(&self) -> Option<(EpochId, &EpochKey)> {
        Some((EpochId([1; 32]), &self.0))
    }

    fn key(&self, _: EpochId) -> Option<&EpochKey> {
        Some(&self.0)
    }
}

struct Side {
    id: DeviceId,
    signer: Arc<DeviceKey>,
    workspace: Workspace,
    disk: BTreeMap<String, String>,
    bases: BTreeMap<TextHash, String>,
    log: Vec<Batch>,
    /// What an editor with an open file was told.
    editor: Vec<Operation>,
    sent: VecDeque<(Channel, Vec<u8>)>,
    starts: u8,
    told: Vec<Trouble>,
}

fn members() -> Everybody {
    Everybody(EpochKey::new([8; 32]))
}

fn path(text: &str) -> RelativePath {
    RelativePath::new(text).unwrap()
}

impl Side {
    fn new(seed: u8) -> Self {
        let signer = Arc::new(DeviceKey::from_seed(&[seed; 32]));
        let own: Arc<dyn Signer> = signer.clone();
        let replica = Replica::new(WORKSPACE, ChainId([seed; 16]), own);
        let workspace = Workspace::new(replica, Author::from_bytes([seed; 16]));
        let id = signer.id();
        let (disk, bases) = (BTreeMap::new(), BTreeMap::new());
        let (log, editor, sent) = (Vec::new(), Vec::new(), VecDeque::new());
        let told = Vec::new();
        Side { id, signer, workspace, disk, bases, log, editor, sent, starts: 0, told }
    }

    fn carry_out(&mut self, acts: Vec<Act>) {
        let mut todo: VecDeque<Act> = acts.into();
        while let Some(act) = todo.pop_front() {
            match act {
                Act::Log(batch) => {
                    let header = *batch.header();
                    self.log.push(batch);
                    todo.extend(self.workspace.durable(header.chain, header.number + 1));
                }
                Act::Send(_, channel, bytes) => self.sent.push_back((channel, bytes)),
                Act::ReadBase(to, base) => {
                    let text = self.bases.get(&base).map(String::as_str);
                    todo.extend(self.workspace.hand_base(to, base, text));
                }
                Act::KeepBase(base, text) => {
                    self.bases.insert(base, text);
                }
                Act::LoadBase(base) => {
                    let text = self.bases.get(&base).cloned();
                    todo.extend(self.workspace.base(base, text.as_deref()));
                }
                Act::Write(writing) => {
                    let found = self.disk.get(writing.path.as_str());
                    let found = found.map(|text| TextHash::of(&Rope::from_str(text)));
                    assert_eq!(found, writing.before, "nobody else wrote");
                    self.disk.insert(writing.path.as_str().to_owned(), writing.text.to_string());
                }
                Act::Move(from, to) => {
                    let text = self.disk.remove(from.as_str()).unwrap();
                    self.disk.insert(to.as_str().to_owned(), text);
                }
                Act::Remove(path, _) => {
                    self.disk.remove(path.as_str());
                }
                Act::Edited(_, operations) => self.editor.extend(operations),
                Act::Saved(..) => {}
                Act::Trouble(trouble) => self.told.push(trouble),
            }
        }
    }

    /// Another program writes a file.
    fn write(&mut self, name: &str, text: &str) {
        self.disk.insert(name.to_owned(), text.to_owned());
        let acts = self.workspace.outside(&path(name), Some(text.to_owned()), &members()).unwrap();
        self.carry_out(acts);
    }

    fn remove(&mut self, name: &str) {
        self.disk.remove(name);
        let acts = self.workspace.outside(&path(name), None, &members()).unwrap();
        self.carry_out(acts);
    }

    /// The process ends, and another one begins with the same log.
    fn restart(&mut self) {
        self.starts += 1;
        let own: Arc<dyn Signer> = self.signer.clone();
        let chain = ChainId([100 + self.starts; 16]);
        let replica = Replica::new(WORKSPACE, chain, own).restored(self.log.clone(), &members());
        let author = Author::from_bytes([100 + self.starts; 16]);
        self.workspace = Workspace::new(replica, author);
        let acts = self.workspace.begin(&members());
        self.carry_out(acts);
    }
}

/// Lets the two talk until they have nothing more to say.
fn talk(a: &mut Side, b: &mut Side) {
    loop {
        let (from, to) = if a.sent.is_empty() { (&mut *b, &mut *a) } else { (&mut *a, &mut *b) };
        let Some((channel, bytes)) = from.sent.pop_front() else {
            assert_eq!((&a.told, &b.told), (&vec![], &vec![]), "nothing was wrong");
            return;
        };
        let acts = to.workspace.receive(from.id, channel, &bytes, &members());
        to.carry_out(acts);
    }
}

fn meet(a: &mut Side, b: &mut Side) {
    for (one, other) in [(0, b.id), (1, a.id)] {
        let side = if one == 0 { &mut *a } else { &mut *b };
        side.workspace.unlinked(other);
        side.sent.clear();
        let acts = side.workspace.linked(other);
        side.carry_out(acts);
    }
    talk(a, b);
}

fn shared(files: &[(&str, &str)]) -> (Side, Side) {
    let (mut a, mut b) = (Side::new(1), Side::new(2));
    let owned = |(name, text): &(&str, &str)| (path(name), (*text).to_owned());
    a.disk = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let acts = a.workspace.share(files.iter().map(owned).collect(), &members()).unwrap();
    a.carry_out(acts);
    meet(&mut a, &mut b);
    (a, b)
}

#[test]
fn what_is_shared_comes_whole_to_an_empty_folder() {
    let long = "line of a long text\n".repeat(40_000);
    let (a, b) = shared(&[("a.txt", "one\n"), ("src/b.rs", ""), ("c.txt", &long)]);
    assert_eq!(b.disk, a.disk);
    assert!(b.workspace.is_whole());
}

#[test]
fn a_device_that_joins_on_a_link_that_stands_gets_everything() {
    let (mut a, mut b) = (Side::new(1), Side::new(2));
    a.disk.insert("a.txt".to_owned(), "one\n".to_owned());
    let acts = a.workspace.linked(b.id);
    a.carry_out(acts);
    let acts = a.workspace.share(vec![(path("a.txt"), "one\n".to_owned())], &members()).unwrap();
    a.carry_out(acts);
    assert!(a.sent.iter().all(|(channel, _)| *channel == Channel::Control), "nobody asked for it");
    // What was said so far came to a device without the workspace.
    a.sent.clear();
    let acts = b.workspace.linked(a.id);
    b.carry_out(acts);
    talk(&mut a, &mut b);
    assert_eq!(b.disk, a.disk);
    assert!(a.workspace.replica().peers().all(|peer| peer.lag_operations == 0));
    assert_eq!(a.workspace.replica().converged(), Some(1), "it said that it has it");
}

#[test]
fn what_another_program_writes_here_is_written_there_and_does_not_come_back() {
    let (mut a, mut b) = shared(&[("a.txt", "one\ntwo\n")]);
    a.write("a.txt", "one\ntwo and a half\n");
    talk(&mut a, &mut b);
    assert_eq!(b.disk["a.txt"], "one\ntwo and a half\n");
    let logged = a.log.len();
    // The other side's watcher sees what was just written.
    let text = b.disk["a.txt"].clone();
    b.write("a.txt", &text);
    talk(&mut a, &mut b);
    assert_eq!(a.log.len(), logged, "an echo is no edit");
    a.write("new.txt", "fresh");
    b.remove("a.txt");
    talk(&mut a, &mut b);
    assert_eq!(a.disk, BTreeMap::from([("new.txt".to_owned(), "fresh".to_owned())]));
    assert_eq!(b.disk, a.disk);
}

#[test]
fn what_both_wrote_while_apart_is_in_both_afterwards() {
    let (mut a, mut b) = shared(&[("a.txt", "one\ntwo\nthree\n")]);
    a.write("a.txt", "ONE\ntwo\nthree\n");
    b.write("a.txt", "one\ntwo\nTHREE\n");
    meet(&mut a, &mut b);
    assert_eq!(a.disk["a.txt"], "ONE\ntwo\nTHREE\n");
    assert_eq!(b.disk, a.disk);
}

#[test]
fn what_an_editor_types_is_on_the_other_disk_once_it_is_saved() {
    let (mut a, mut b) = shared(&[("a.txt", "one\n")]);
    let file = a.workspace.file_at(&path("a.txt")).unwrap();
    let mut attached = a.workspace.attach(file, &members()).unwrap();
    let typed = Transaction::single(Edit::insert(CharOffset(0), "typed "));
    let change = attached.document.apply(typed, Origin::TYPING).unwrap();
    let acts = a.workspace.edited(file, change.operations.to_vec(), &members()).unwrap();
    a.carry_out(acts);
    talk(&mut a, &mut b);
    assert_eq!(b.workspace.text(file).unwrap().to_string(), "typed one\n");
    assert_eq!(b.disk["a.txt"], "one\n", "it is not saved yet");
    // Somebody who opens it there sees it.
    let mut there = b.workspace.attach(file, &members()).unwrap();
    assert_eq!(there.document.rope().to_string(), "typed one\n");
    b.workspace.detach(file, Rope::from_str("one\n"));
    let saved = attached.document.rope().clone();
    a.disk.insert("a.txt".to_owned(), saved.to_string());
    let acts = a.workspace.saved(file, saved, &members()).unwrap();
    a.carry_out(acts);
    talk(&mut a, &mut b);
    assert_eq!(b.disk["a.txt"], "typed one\n");
    // And an editor there that has it open is told of each edit.
    there = b.workspace.attach(file, &members()).unwrap();
    let more = Transaction::single(Edit::insert(CharOffset(0), "more "));
    let change = attached.document.apply(more, Origin::TYPING).unwrap();
    let acts = a.workspace.edited(file, change.operations.to_vec(), &members()).unwrap();
    a.carry_out(acts);
    talk(&mut a, &mut b);
    there.document.merge(&b.editor).unwrap();
    assert_eq!(there.document.rope().to_string(), "more typed one\n");
}

#[test]
fn a_restart_knows_what_was_saved_and_what_was_not() {
    let (mut a, mut b) = shared(&[("a.txt", "one\n")]);
    a.write("a.txt", "one\ntwo\n");
    talk(&mut a, &mut b);
    b.restart();
    // While it was down another program wrote on; what it did not know stays.
    a.write("a.txt", "zero\none\ntwo\n");
    meet(&mut a, &mut b);
    assert_eq!(b.disk, a.disk);
    b.restart();
    b.write("a.txt", "zero\none\ntwo\nthree\n");
    meet(&mut a, &mut b);
    assert_eq!(a.disk["a.txt"], "zero\none\ntwo\nthree\n");
    assert_eq!(b.disk, a.disk);
}

#[test]
fn texts_that_differ_at_equal_versions_are_told_and_made_anew() {
    let (mut a, mut b) = shared(&[("a.txt", "one\n"), ("b.txt", "two\n")]);
    a.write("a.txt", "one and more\n");
    talk(&mut a, &mut b);
    for side in [&mut a, &mut b] {
        let acts = side.workspace.tick();
        side.carry_out(acts);
    }
    let told = a.sent.iter().filter_map(|(_, bytes)| Message::decode(bytes));
    let mut digests = told.filter_map(|(_, message)| match message {
        Message::Texts(digests) => Some(digests),
        _ => None,
    });
    let [digest] = digests.next().unwrap()[..] else { panic!("only the edited text is told") };
    talk(&mut a, &mut b);
    // A device whose memory failed says something else of the same version.
    let wrong = Digest { text: TextHash::from_bytes([9; 32]), ..digest };
    let frame = Message::Texts(vec![wrong]).encode(WORKSPACE);
    let acts = b.workspace.receive(a.id, Channel::Control, &frame, &members());
    b.carry_out(acts);
    assert_eq!(b.told, [Trouble::Differs { file: digest.file, device: a.id }]);
    assert_eq!(b.workspace.text(digest.file).unwrap().to_string(), "one and more\n");
}
