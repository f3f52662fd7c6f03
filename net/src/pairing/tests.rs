use std::time::{Duration, Instant};

use kernel::ledger::DeviceKey;

use super::shower::Hosting;
use super::*;
use crate::entry::GroupId;
use crate::identity::{Card, DeviceName};

struct Scene {
    host: DeviceKey,
    host_card: Card,
    guest: DeviceKey,
    guest_card: Card,
    name: DeviceName,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let (host, guest) = (DeviceKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
        let host_card = Card::sign(&host, DeviceName::near("desk"), [1; 32]);
        let guest_card = Card::sign(&guest, DeviceName::near("studio"), [2; 32]);
        let name = DeviceName::near("home");
        Self { host, host_card, guest, guest_card, name, now: Instant::now() }
    }

    fn hosting(&self) -> Hosting<'_> {
        let group = GroupId([6; 32]);
        Hosting { signer: &self.host, card: &self.host_card, group, group_name: &self.name }
    }

    fn offer(&self) -> Offer {
        let code = Code::fresh([5; 32], Vec::new()).unwrap();
        Offer::new(code, ShortCode::fresh().unwrap(), self.now)
    }

    fn join(&self, way: &Way, exporter: u8) -> (Joiner, Vec<u8>) {
        let exporter = [exporter; 32];
        match way {
            Way::Scanned(code) => Joiner::scanned(code, &self.guest_card, exporter),
            Way::Typed(code) => Joiner::typed(code, &self.guest_card, exporter),
        }
        .unwrap()
    }

    /// Speaks until somebody is asked; the words of the newcomer.
    fn speak(
        &self,
        joiner: &mut Joiner,
        first: Vec<u8>,
        shower: &mut Shower,
        offer: &mut Offer,
    ) -> Result<Words, PairError> {
        let mut frame = first;
        loop {
            let step = shower.hear(&frame, offer, &self.hosting(), self.now)?;
            let ShowerStep::Send(answer) = step else { panic!("asked too early") };
            match joiner.hear(&answer)? {
                JoinerStep::Send(next) => frame = next,
                JoinerStep::Confirm { host, words } => {
                    assert_eq!(host.card, self.host_card);
                    assert_eq!(host.group_name, self.name);
                    return Ok(words);
                }
            }
        }
    }
}

enum Way {
    Scanned(Code),
    Typed(ShortCode),
}

fn ways(offer: &Offer) -> [Way; 2] {
    [Way::Scanned(offer.code().clone()), Way::Typed(offer.short().clone())]
}

#[test]
fn both_ways_lead_to_the_same_four_words_and_to_both_persons() {
    let scene = Scene::new();
    for at in 0..2 {
        let mut offer = scene.offer();
        let way = &ways(&offer)[at];
        let (mut joiner, first) = scene.join(way, 7);
        let mut shower = Shower::new([7; 32]);
        let words = scene.speak(&mut joiner, first, &mut shower, &mut offer).unwrap();
        assert_eq!(shower.admit(&words.to_string()), Err(PairError::Refused), "nobody is there");
        assert_eq!(joiner.confirm("a b c d", &scene.guest), Err(PairError::WrongWords));
        let written = words.to_string().to_uppercase();
        let card = joiner.confirm(&written, &scene.guest).unwrap();
        let step = shower.hear(&card, &mut offer, &scene.hosting(), scene.now).unwrap();
        let ShowerStep::Ask { card, words: shown } = step else { panic!("nobody was asked") };
        assert_eq!((card, shown), (scene.guest_card.clone(), words));
        assert_eq!(shower.admit("a b c d"), Err(PairError::WrongWords));
        assert_eq!(shower.admit(&words.to_string()), Ok(()));
        assert_eq!(shower.admit(&words.to_string()), Err(PairError::Refused));
    }
}

#[test]
fn before_the_person_confirms_nothing_says_who_the_newcomer_is() {
    let scene = Scene::new();
    let mut offer = scene.offer();
    let (mut joiner, first) = scene.join(&ways(&offer)[0], 7);
    let mut shower = Shower::new([7; 32]);
    let mut sent = first.clone();
    let mut frame = first;
    loop {
        let step = shower.hear(&frame, &mut offer, &scene.hosting(), scene.now).unwrap();
        let ShowerStep::Send(answer) = step else { panic!() };
        match joiner.hear(&answer).unwrap() {
            JoinerStep::Send(next) => frame = next,
            JoinerStep::Confirm { .. } => break,
        }
        sent.extend_from_slice(&frame);
    }
    let has = |what: &[u8]| sent.windows(what.len()).any(|window| window == what);
    assert!(!has(&scene.guest_card.device.0) && !has(b"studio") && !has(&[2; 32]));
}

#[test]
fn who_sits_between_two_connections_without_the_code_is_refused() {
    let scene = Scene::new();
    for at in 0..2 {
        let mut offer = scene.offer();
        // The newcomer's connection ends at the one between, and exports something else.
        let (mut joiner, first) = scene.join(&ways(&offer)[at], 7);
        let mut shower = Shower::new([8; 32]);
        let ended = scene.speak(&mut joiner, first, &mut shower, &mut offer);
        assert_eq!(ended, Err(PairError::WrongCode));
    }
}

#[test]
fn who_sits_between_with_the_code_gives_both_screens_other_words() {
    let scene = Scene::new();
    // It knows the secret, as from a photograph, and proves it on both connections; towards the
    // newcomer it shows a code of its own with the same secret.
    let mut offer = scene.offer();
    let thief = Scene { guest: DeviceKey::from_seed(&[3; 32]), ..Scene::new() };
    let mut thiefs = Offer::new(offer.code().clone(), ShortCode::fresh().unwrap(), scene.now);
    let (mut victim, first) = scene.join(&ways(&offer)[0], 7);
    let mut front = Shower::new([7; 32]);
    let seen = scene.speak(&mut victim, first, &mut front, &mut thiefs).unwrap();
    let (mut back, first) = thief.join(&ways(&offer)[0], 8);
    let mut shower = Shower::new([8; 32]);
    let shown = scene.speak(&mut back, first, &mut shower, &mut offer).unwrap();
    assert_ne!(seen, shown);
    // The person reads the newcomer's screen to the trusted device, which refuses.
    let card = back.confirm(&shown.to_string(), &scene.guest).unwrap();
    shower.hear(&card, &mut offer, &scene.hosting(), scene.now).unwrap();
    assert_eq!(shower.admit(&seen.to_string()), Err(PairError::WrongWords));
}

#[test]
fn a_newcomer_cannot_become_another_after_the_words_are_shown() {
    let scene = Scene::new();
    let mut offer = scene.offer();
    let (mut joiner, first) = scene.join(&ways(&offer)[0], 7);
    let mut session = Shower::new([7; 32]);
    let words = scene.speak(&mut joiner, first, &mut session, &mut offer).unwrap();
    let honest = joiner.confirm(&words.to_string(), &scene.guest).unwrap();
    // The same blind, another card.
    let other = DeviceKey::from_seed(&[9; 32]);
    let card = Card::sign(&other, DeviceName::near("studio"), [9; 32]);
    let mut writer = crate::codec::Writer::after(&honest[..32]);
    card.write(&mut writer);
    let mut said = writer.finish();
    let message = [shower::GUEST, &session.transcript.hash(), &said].concat();
    said.extend_from_slice(&kernel::ledger::Signer::sign(&other, &message));
    let step = session.hear(&said, &mut offer, &scene.hosting(), scene.now);
    assert_eq!(step.err(), Some(PairError::Malformed));
}

#[test]
fn a_code_ends_with_its_time_its_use_and_three_wrong_tries() {
    let scene = Scene::new();
    let mut offer = scene.offer();
    let (_, first) = scene.join(&ways(&offer)[0], 7);
    let late = scene.now + CODE_LIFE;
    let hear = |offer: &mut Offer, first: &[u8], now| {
        Shower::new([7; 32]).hear(first, offer, &scene.hosting(), now).err()
    };
    assert!(offer.left(late - Duration::from_millis(1)).is_ok());
    assert_eq!(hear(&mut offer, &first, late), Some(PairError::Expired));
    assert_eq!(hear(&mut offer, &first, scene.now), None);
    assert_eq!(hear(&mut offer, &first, scene.now), Some(PairError::Used));
    // Typed wrongly three times; then the right one comes too late.
    let mut offer = scene.offer();
    for _ in 0..3 {
        let wrong = Way::Typed(ShortCode::fresh().unwrap());
        let (mut joiner, first) = scene.join(&wrong, 7);
        let mut shower = Shower::new([7; 32]);
        let ended = scene.speak(&mut joiner, first, &mut shower, &mut offer);
        assert_eq!(ended, Err(PairError::WrongCode));
    }
    let (_, first) = scene.join(&ways(&offer)[1], 7);
    assert_eq!(hear(&mut offer, &first, scene.now), Some(PairError::Tries));
    // Half a try is a try: whoever sees our half may have tested a guess with it.
    let mut offer = scene.offer();
    for _ in 0..3 {
        let (_, first) = scene.join(&ways(&offer)[1], 7);
        assert_eq!(hear(&mut offer, &first, scene.now), None);
    }
    assert_eq!(offer.left(scene.now), Err(PairError::Tries));
}

#[test]
fn the_third_try_may_be_the_right_one() {
    let scene = Scene::new();
    let mut offer = scene.offer();
    for at in 0..3 {
        let way = match at {
            2 => Way::Typed(offer.short().clone()),
            _ => Way::Typed(ShortCode::fresh().unwrap()),
        };
        let (mut joiner, first) = scene.join(&way, 7);
        let mut shower = Shower::new([7; 32]);
        let ended = scene.speak(&mut joiner, first, &mut shower, &mut offer);
        assert_eq!(ended.is_ok(), at == 2);
    }
}

#[test]
fn bytes_that_are_no_frame_end_the_pairing_at_every_step() {
    let scene = Scene::new();
    let junk: [&[u8]; 6] = [&[], &[0], &[1], &[9; 40], &[0xff; 200], &[0; FRAME_BYTES_MAX + 1]];
    for bytes in junk {
        for at in 0..2 {
            let mut offer = scene.offer();
            let hosting = scene.hosting();
            let (mut joiner, first) = scene.join(&ways(&offer)[at], 7);
            let mut opening = Shower::new([7; 32]);
            assert!(opening.hear(bytes, &mut offer, &hosting, scene.now).is_err());
            let mut second = Shower::new([7; 32]);
            second.hear(&first, &mut offer, &hosting, scene.now).unwrap();
            assert!(second.hear(bytes, &mut offer, &hosting, scene.now).is_err());
            assert!(joiner.hear(bytes).is_err());
            assert!(joiner.hear(bytes).is_err());
        }
    }
}
