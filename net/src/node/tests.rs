use std::path::Path as File;
use std::time::Instant;

use kernel::disk::sim::SimDisk;
use kernel::keys::{Profile, Protection};
use kernel::ledger::DeviceKey;

use super::*;
use crate::kept::PURPOSE;
use crate::link::Gone;
use crate::pairing::{Code, ShortCode};

/// A device with a disk of its own, which can be started again.
struct Machine {
    disk: SimDisk,
    seed: u8,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Machine {
    fn new(seed: u8) -> Self {
        let disk = SimDisk::new(u64::from(seed));
        Profile::create(&disk, File::new("p"), Protection::Unprotected).unwrap();
        Self { disk, seed }
    }

    fn key(&self) -> DeviceKey {
        DeviceKey::from_seed(&[self.seed; 32])
    }

    fn store(&self) -> Store {
        let keys = Profile::open(&self.disk, File::new("p")).unwrap().unlock_unprotected().unwrap();
        Store {
            disk: Arc::new(self.disk.clone()),
            path: "devices".into(),
            sealer: keys.sealer(PURPOSE),
            opener: keys.opener(PURPOSE),
        }
    }

    fn start(&self) -> (Node, Events) {
        self.start_with(Discover::Nobody)
    }

    fn start_with(&self, discover: Discover) -> (Node, Events) {
        let signer = Arc::new(self.key());
        Node::start(Config { signer, store: self.store(), discover }).unwrap()
    }
}

fn name(text: &str) -> DeviceName {
    DeviceName::near(text)
}

fn until(events: &mut Events, mut wanted: impl FnMut(&Event) -> bool) -> Event {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match events.poll() {
            Some(event) if wanted(&event) => return event,
            Some(_) => {}
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    panic!("it did not come in {PATIENCE:?}");
}

fn at(node: &Node) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], node.port()))
}

/// Two machines of one group, as pairing leaves them; neither runs.
fn grouped() -> (Machine, Machine) {
    let (one, two) = (Machine::new(1), Machine::new(2));
    let (node, _) = one.start();
    node.found(name("home"), name("desk")).unwrap();
    let mut kept = Kept::fresh().unwrap();
    let card = Card::sign(&two.key(), name("laptop"), kept.wrapping.public());
    node.admit(card, Role::Member).unwrap();
    let group = node.group().unwrap();
    kept.group = Some(Group::decode(&group.encode(), &kept.wrapping).unwrap());
    two.store().save(&kept).unwrap();
    (one, two)
}

#[test]
fn a_device_without_a_group_opens_no_socket() {
    let (node, _) = Machine::new(1).start();
    assert_eq!(node.port(), 0);
    assert!(node.group().is_none());
}

#[test]
fn frames_arrive_in_order_on_each_channel_and_links_come_back() {
    let (one, two) = grouped();
    let ((desk, mut at_desk), (laptop, mut at_laptop)) = (one.start(), two.start());
    laptop.tell_of(desk.me(), at(&desk));
    let me = laptop.me();
    until(&mut at_desk, |event| matches!(event, Event::Connected(from, _) if *from == me));
    until(&mut at_laptop, |event| matches!(event, Event::Connected(..)));
    for channel in [Channel::Operations, Channel::Control, Channel::Bulk] {
        for at in 0..200u32 {
            laptop.send(desk.me(), channel, &at.to_le_bytes()).unwrap();
        }
    }
    let mut next = [0u32; 4];
    while next.iter().sum::<u32>() < 600 {
        let came = until(&mut at_desk, |event| matches!(event, Event::Received(..)));
        let Event::Received(_, channel, frame) = came else { unreachable!() };
        assert_eq!(frame, next[channel.place()].to_le_bytes());
        next[channel.place()] += 1;
    }
    laptop.send(desk.me(), Channel::Presence, b"here").unwrap();
    until(
        &mut at_desk,
        |event| matches!(event, Event::Received(_, Channel::Presence, frame) if frame == b"here"),
    );
    assert_eq!(
        laptop.send(desk.me(), Channel::Presence, &[0; DATAGRAM_BYTES_MAX + 1]),
        Err(SendError::TooLong)
    );
    drop((laptop, at_laptop));
    until(&mut at_desk, |event| matches!(event, Event::Disconnected(..)));
    assert_eq!(desk.send(me, Channel::Control, b"x"), Err(SendError::NoLink));
    assert!(desk.devices().iter().any(|it| it.id == me && it.last_seen.is_some()));
    // Started again it is known by a fresh transport key, and finds its way by itself.
    let (laptop, _at_laptop) = two.start();
    until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
    assert!(desk.devices().iter().any(|it| it.id == laptop.me() && it.path.is_some()));
}

#[test]
fn a_queue_that_is_full_holds_back_and_says_when_it_has_room() {
    let (one, two) = grouped();
    let ((desk, mut at_desk), (laptop, mut at_laptop)) = (one.start(), two.start());
    laptop.tell_of(desk.me(), at(&desk));
    until(&mut at_laptop, |event| matches!(event, Event::Connected(..)));
    let frame = vec![7; 1 << 20];
    let mut sent = 0;
    loop {
        match laptop.send(desk.me(), Channel::Bulk, &frame) {
            Ok(()) => sent += 1,
            Err(SendError::Full) if sent > 60 => break,
            Err(SendError::Full) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 200, "nothing held it back");
        if sent > 10 && sent < 60 {
            // Nobody reads at the desk: what is queued there is bounded, and so is this.
            std::thread::sleep(Duration::from_millis(1));
            if laptop.send(desk.me(), Channel::Bulk, &frame) == Err(SendError::Full) {
                break;
            }
            sent += 1;
        }
    }
    for _ in 0..sent {
        until(&mut at_desk, |event| matches!(event, Event::Received(_, Channel::Bulk, _)));
    }
    until(&mut at_laptop, |event| matches!(event, Event::Room(_, Channel::Bulk)));
}

#[test]
fn a_stranger_is_refused_before_a_link_is() {
    let (one, _) = grouped();
    let (desk, mut at_desk) = one.start();
    until(&mut at_desk, |event| matches!(event, Event::Changed(_)));
    let stranger = DeviceKey::from_seed(&[9; 32]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (here, there) = (desk.me(), at(&desk));
    let tried = runtime.block_on(async {
        let roll = Arc::new(Roll::default());
        roll.set([(here, None)]);
        let key = TransportKey::fresh(&stranger, 1).unwrap();
        let quic = Quic::start(0, roll, key, [0; 16]).unwrap();
        quic.go(here, there).await.err()
    });
    assert_eq!(tried, Some(Gone::Lost));
    std::thread::sleep(Duration::from_millis(200));
    while let Some(event) = at_desk.poll() {
        assert!(!matches!(event, Event::Connected(..) | Event::Received(..)), "{event:?}");
    }
}

#[test]
fn a_removed_device_hears_it_and_is_linked_no_more() {
    let (one, two) = grouped();
    let ((desk, mut at_desk), (laptop, mut at_laptop)) = (one.start(), two.start());
    laptop.tell_of(desk.me(), at(&desk));
    let me = laptop.me();
    until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
    let epoch = desk.group().unwrap().current_epoch();
    desk.remove(me, Frontier::default()).unwrap();
    until(&mut at_desk, |event| matches!(event, Event::Disconnected(..)));
    until(
        &mut at_laptop,
        |event| matches!(event, Event::Changed(group) if !group.standing(me).belongs()),
    );
    assert_ne!(desk.group().unwrap().current_epoch(), epoch);
    let next = desk.group().unwrap().current_epoch().unwrap();
    assert!(laptop.group().unwrap().epoch(next).is_none());
    // It stays so after both have started anew.
    drop((desk, laptop));
    let ((desk, mut at_desk), (laptop, _events)) = (one.start(), two.start());
    desk.tell_of(me, at(&laptop));
    laptop.tell_of(desk.me(), at(&desk));
    std::thread::sleep(Duration::from_millis(600));
    while let Some(event) = at_desk.poll() {
        assert!(!matches!(event, Event::Connected(..)), "a removed device was linked");
    }
}

#[test]
fn what_one_device_decides_reaches_a_third_through_another() {
    let (one, two) = grouped();
    let three = Machine::new(3);
    let ((desk, mut at_desk), (laptop, mut at_laptop)) = (one.start(), two.start());
    let mut kept = Kept::fresh().unwrap();
    let card = Card::sign(&three.key(), name("phone"), kept.wrapping.public());
    laptop.admit(card, Role::Member).unwrap();
    let group = laptop.group().unwrap();
    kept.group = Some(Group::decode(&group.encode(), &kept.wrapping).unwrap());
    three.store().save(&kept).unwrap();
    // The phone knows the laptop alone, and the desk does not know of the phone yet.
    let (phone, mut at_phone) = three.start();
    phone.tell_of(laptop.me(), at(&laptop));
    until(&mut at_laptop, |event| matches!(event, Event::Connected(..)));
    laptop.tell_of(desk.me(), at(&desk));
    let third = phone.me();
    until(
        &mut at_desk,
        |event| matches!(event, Event::Changed(group) if group.standing(third) == Standing::Member),
    );
    until(&mut at_desk, |event| matches!(event, Event::Connected(from, _) if *from == third));
    desk.rename(third, name("pocket")).unwrap();
    until(&mut at_phone, |event| {
        let Event::Changed(group) = event else { return false };
        group.devices().any(|it| it.id == third && it.name == name("pocket"))
    });
}

#[test]
fn a_transport_key_that_was_replaced_is_refused() {
    let (one, two) = grouped();
    let ((desk, mut at_desk), (laptop, _at_laptop)) = (one.start(), two.start());
    laptop.tell_of(desk.me(), at(&desk));
    until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (here, there) = (desk.me(), at(&desk));
    let tried = runtime.block_on(async {
        let roll = Arc::new(Roll::default());
        roll.set([(here, None)]);
        let key = TransportKey::fresh(&two.key(), 1).unwrap();
        let quic = Quic::start(0, roll, key, [0; 16]).unwrap();
        quic.go(here, there).await.err()
    });
    assert_eq!(tried, Some(Gone::Lost), "an old key of a member was let in");
    laptop.rotate().unwrap();
    desk.rotate().unwrap();
}

/// Two machines that have never met.
fn strangers() -> [(Node, Events); 2] {
    [Machine::new(11).start(), Machine::new(12).start()]
}

fn scan(shown: &Shown) -> Way {
    Way::Scanned(Code::read(&shown.code).unwrap())
}

fn asked(joining: &Joining) -> String {
    let Joining::Asked(host, words) = joining else { panic!("{joining:?}") };
    assert_eq!(host.card.name, name("desk"));
    assert_eq!(host.group_name, name("home"));
    words.to_string()
}

fn pair_error<T: std::fmt::Debug>(result: Result<T, NodeError>) -> PairError {
    match result {
        Err(NodeError::Pair(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_devices_pair_by_either_code_and_are_linked() {
    for is_typed in [false, true] {
        let [(desk, mut at_desk), (studio, mut at_studio)] = strangers();
        let shown = desk.show(name("home"), name("desk")).unwrap();
        assert!(shown.left > Duration::from_secs(100));
        let way = match is_typed {
            true => Way::Typed(ShortCode::read(&shown.short).unwrap(), shown.at.clone()),
            false => scan(&shown),
        };
        let words = asked(&studio.join(way, name("studio")).unwrap());
        // Both screens have the words before either person has said anything.
        assert_eq!(desk.watched().unwrap().words.unwrap().to_string(), words);
        assert_eq!(studio.port(), 0, "it listens before it belongs");
        std::thread::sleep(Duration::from_millis(50));
        assert!(desk.guests().is_empty(), "it said who it is before its person confirmed");
        assert_eq!(pair_error(studio.confirm("no such words here")), PairError::WrongWords);
        assert!(matches!(studio.confirm(&words).unwrap(), Joining::Waiting(..)));
        until(&mut at_desk, |event| matches!(event, Event::Asked(_)));
        let guests = desk.guests();
        assert_eq!((guests[0].id, guests[0].name.clone()), (studio.me(), name("studio")));
        assert_eq!(guests[0].words.to_string(), words);
        assert!(studio.group().is_none(), "it joined before it was admitted");
        let wrong = desk.admit_guest(studio.me(), "abandon ability able about");
        assert_eq!(pair_error(wrong), PairError::WrongWords);
        assert_eq!(desk.admit_guest(studio.me(), &words).unwrap(), guests[0]);
        until(&mut at_studio, |event| matches!(event, Event::JoinEnded(Ok(()))));
        assert!(matches!(studio.confirm(&words).unwrap(), Joining::Joined(..)));
        until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
        let (mine, theirs) = (desk.group().unwrap(), studio.group().unwrap());
        let epoch = mine.current_epoch().unwrap();
        assert_eq!(theirs.current_epoch(), Some(epoch));
        assert!(theirs.epoch(epoch).is_some());
        assert!(desk.guests().is_empty());
        assert!(matches!(studio.join(scan(&shown), name("x")), Err(NodeError::Grouped)));
    }
}

#[test]
fn scanning_admits_nobody_without_a_person_on_either_side() {
    let [(desk, mut at_desk), (studio, mut at_studio)] = strangers();
    // A stranger that photographed the code is asked about, and refused.
    let shown = desk.show(name("home"), name("desk")).unwrap();
    let words = asked(&studio.join(scan(&shown), name("studio")).unwrap());
    studio.confirm(&words).unwrap();
    until(&mut at_desk, |event| matches!(event, Event::Asked(_)));
    assert!(desk.refuse_guest(studio.me()));
    until(&mut at_studio, |event| matches!(event, Event::JoinEnded(Err(PairError::Refused))));
    assert_eq!(desk.group().unwrap().devices().count(), 1);
    assert!(studio.group().is_none());
    // The owner's own newcomer then finds the code used, and so hears of the stranger.
    let (phone, _events) = Machine::new(13).start();
    assert_eq!(pair_error(phone.join(scan(&shown), name("phone"))), PairError::Used);
    // A newcomer that scanned a stranger's code and is stopped by its person joined nothing.
    let shown = desk.show(name("home"), name("desk")).unwrap();
    asked(&phone.join(scan(&shown), name("phone")).unwrap());
    phone.stop_joining();
    std::thread::sleep(Duration::from_millis(100));
    assert!(desk.guests().is_empty() && phone.group().is_none());
}

#[test]
fn three_wrong_short_codes_end_a_shown_code_over_the_network() {
    let [(desk, _at_desk), (studio, _at_studio)] = strangers();
    let shown = desk.show(name("home"), name("desk")).unwrap();
    for _ in 0..3 {
        let way = Way::Typed(ShortCode::fresh().unwrap(), shown.at.clone());
        assert_eq!(pair_error(studio.join(way, name("studio"))), PairError::WrongCode);
    }
    let way = Way::Typed(ShortCode::read(&shown.short).unwrap(), shown.at.clone());
    assert_eq!(pair_error(studio.join(way, name("studio"))), PairError::Tries);
    assert!(desk.shown().is_none());
}

#[test]
fn a_code_whose_key_is_anothers_leads_nowhere() {
    let [(desk, _at_desk), (studio, _at_studio)] = strangers();
    let shown = desk.show(name("home"), name("desk")).unwrap();
    let mut code = Code::read(&shown.code).unwrap();
    code.fingerprint = [9; 32];
    let tried = studio.join(Way::Scanned(code), name("studio"));
    assert_eq!(pair_error(tried), PairError::Lost);
    assert!(desk.shown().is_some(), "nobody has used the code");
}

#[test]
fn on_one_network_devices_find_each_other_and_a_typed_code_without_an_address() {
    let (one, two) = (Machine::new(21), Machine::new(22));
    let (desk, mut at_desk) = one.start_with(Discover::LocalNetwork);
    let (studio, _at_studio) = two.start_with(Discover::LocalNetwork);
    let shown = desk.show(name("home"), name("desk")).unwrap();
    let way = Way::Typed(ShortCode::read(&shown.short).unwrap(), Vec::new());
    let words = asked(&studio.join(way, name("studio")).unwrap());
    studio.confirm(&words).unwrap();
    until(&mut at_desk, |event| matches!(event, Event::Asked(_)));
    desk.admit_guest(studio.me(), &words).unwrap();
    until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
    // Both forget where the other was, as after a move to another network.
    drop((desk, studio, at_desk));
    for machine in [&one, &two] {
        let mut kept = machine.store().load().unwrap().unwrap();
        kept.peers.values_mut().for_each(|peer| peer.addresses.clear());
        kept.port = 0;
        machine.store().save(&kept).unwrap();
    }
    let (_desk, mut at_desk) = one.start_with(Discover::LocalNetwork);
    let (_studio, _events) = two.start_with(Discover::LocalNetwork);
    until(&mut at_desk, |event| matches!(event, Event::Connected(..)));
}
