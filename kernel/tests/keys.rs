//! Slots and generations of a profile's keys, through failures.

#![allow(clippy::unwrap_used, reason = "what a test needs and cannot have is its failure")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use kernel::disk::sim::SimDisk;
use kernel::disk::{Disk, Open};
use kernel::keys::{
    Generation, KdfCost, KeyError, Keychain, KeychainError, Origin, Passphrase, Profile,
    Protection, RecoveryWords, Unlocked, Way,
};
use zeroize::Zeroizing;

const CHEAP: KdfCost = KdfCost { passes: 1, memory_kib: 64, lanes: 1 };

fn dir() -> &'static Path {
    Path::new("p")
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn made(disk: &SimDisk) -> Unlocked {
    Profile::create(disk, dir(), Protection::PassphraseAt(phrase("first"), CHEAP)).unwrap()
}

fn unlock(disk: &SimDisk, words: &str) -> Result<Unlocked, KeyError> {
    Profile::open(disk, dir()).unwrap().unlock(&phrase(words))
}

fn sealed(profile: &Unlocked, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    profile.sealer("test").seal(b"about", plain, &mut out).unwrap();
    out
}

fn opened(profile: &Unlocked, sealed: &[u8]) -> Option<Vec<u8>> {
    profile.opener("test").open(b"about", sealed).map(|plain| plain.to_vec())
}

/// A keychain that forgets nothing and can be switched off. What a real one does with the calls is
/// tested beside its implementation.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, Vec<u8>>>);

impl Keychain for Kept {
    fn put(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        self.0.lock().unwrap().insert(account.to_owned(), secret.to_vec());
        Ok(())
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        let kept = self.0.lock().unwrap().get(account).cloned();
        kept.map(Zeroizing::new).ok_or(KeychainError::Missing)
    }

    fn remove(&self, account: &str) -> Result<(), KeychainError> {
        self.0.lock().unwrap().remove(account);
        Ok(())
    }
}

#[test]
fn a_changed_passphrase_is_the_only_one() {
    let disk = SimDisk::new(1);
    let first = made(&disk);
    let old = sealed(&first, b"old");
    let name = first.derive("names");
    first.set_passphrase(&disk, dir(), &phrase("second"), CHEAP).unwrap();
    disk.cut_power();
    assert!(matches!(unlock(&disk, "first"), Err(KeyError::WrongPassphrase)));
    let again = unlock(&disk, "second").unwrap();
    assert_eq!(opened(&again, &old).unwrap(), b"old");
    assert_eq!(again.derive("names"), name);
    // The twin too: damage must not bring the old passphrase back.
    disk.flip_bit(Path::new("p/profile"), 100, 3);
    assert!(matches!(unlock(&disk, "first"), Err(KeyError::WrongPassphrase)));
    unlock(&disk, "second").unwrap();
}

#[test]
fn twelve_words_recover_and_newer_ones_replace_them() {
    let disk = SimDisk::new(1);
    let profile = made(&disk);
    let old = profile.set_recovery(&disk, dir(), CHEAP).unwrap();
    let words = profile.set_recovery(&disk, dir(), CHEAP).unwrap();
    let locked = Profile::open(&disk, dir()).unwrap();
    assert_eq!(locked.ways(), [Way::Passphrase, Way::Recovery]);
    assert!(matches!(locked.recover(&old), Err(KeyError::WrongWords)));
    let written = words.reveal().to_string();
    let recovered = locked.recover(&RecoveryWords::parse(&written).unwrap()).unwrap();
    assert_eq!(opened(&recovered, &sealed(&profile, b"x")).unwrap(), b"x");
    recovered.set_passphrase(&disk, dir(), &phrase("new"), CHEAP).unwrap();
    unlock(&disk, "new").unwrap();
    let bytes = kernel::disk::read(&disk, Path::new("p/profile"), 1 << 20).unwrap();
    let header = String::from_utf8(bytes).unwrap();
    for word in written.split(' ').filter(|word| word.len() > 4) {
        assert!(!header.contains(word), "{word} lies in the header");
    }
}

#[test]
fn a_keychain_unlocks_what_it_was_given() {
    let disk = SimDisk::new(1);
    let (profile, keychain) = (made(&disk), Kept::default());
    let locked = Profile::open(&disk, dir()).unwrap();
    assert!(matches!(locked.unlock_from(&keychain), Err(KeyError::NoSlot)));
    profile.set_keychain(&disk, dir(), &keychain).unwrap();
    let locked = Profile::open(&disk, dir()).unwrap();
    let unlocked = locked.unlock_from(&keychain).unwrap();
    assert_eq!(opened(&unlocked, &sealed(&profile, b"x")).unwrap(), b"x");
    let missing = |kept: &Kept| {
        let error = locked.unlock_from(kept).unwrap_err();
        matches!(error, KeyError::Keychain(KeychainError::Missing))
    };
    assert!(missing(&Kept::default()));
    let other = Kept::default();
    made(&SimDisk::new(2)).set_keychain(&disk, dir(), &other).unwrap_err();
    for secret in other.0.lock().unwrap().values() {
        let wrong = Kept::default();
        wrong.put(&format!("profile {}", profile.id()), secret).unwrap();
        assert!(missing(&wrong), "another profile's secret opened this one");
    }
}

#[test]
fn the_last_way_is_not_taken_away() {
    let disk = SimDisk::new(1);
    let (profile, keychain) = (made(&disk), Kept::default());
    profile.set_recovery(&disk, dir(), CHEAP).unwrap();
    let remove = |way| profile.remove_way(&disk, dir(), way);
    assert!(matches!(remove(Way::Passphrase), Err(KeyError::LastSlot)));
    assert!(matches!(remove(Way::Keychain), Err(KeyError::NoSlot)));
    profile.set_keychain(&disk, dir(), &keychain).unwrap();
    remove(Way::Passphrase).unwrap();
    assert!(matches!(unlock(&disk, "first"), Err(KeyError::NoSlot)));
    Profile::open(&disk, dir()).unwrap().unlock_from(&keychain).unwrap();
}

#[test]
fn a_passphrase_ends_an_unprotected_profile() {
    let disk = SimDisk::new(1);
    let profile = Profile::create(&disk, dir(), Protection::Unprotected).unwrap();
    profile.set_passphrase(&disk, dir(), &phrase("now"), CHEAP).unwrap();
    let locked = Profile::open(&disk, dir()).unwrap();
    assert_eq!(locked.ways(), [Way::Passphrase]);
    assert!(locked.unlock_unprotected().is_err());
}

#[test]
fn rotation_goes_on_under_what_was_handed_out_before() {
    let disk = SimDisk::new(1);
    let profile = made(&disk);
    let keychain = Kept::default();
    profile.set_keychain(&disk, dir(), &keychain).unwrap();
    let words = profile.set_recovery(&disk, dir(), CHEAP).unwrap();
    let (sealer, opener) = (profile.sealer("test"), profile.opener("test"));
    let locked = Profile::open(&disk, dir()).unwrap().sealer("test").unwrap();
    let seal = |sealer: &kernel::keys::Sealer| {
        let mut out = Vec::new();
        sealer.seal(b"about", b"text", &mut out).unwrap();
        out
    };
    let mut all = vec![seal(&sealer), seal(&locked)];
    let name = profile.derive("names");
    assert_eq!(profile.rotate(&disk, dir()).unwrap(), Generation(2));
    all.push(seal(&sealer));
    assert_eq!(all[2][1..3], [2, 0], "the sealer went over to the new key");
    all.push(seal(&locked));
    all.push(seal(&Profile::open(&disk, dir()).unwrap().sealer("test").unwrap()));
    for one in &all {
        assert_eq!(**opener.open(b"about", one).unwrap(), *b"text");
    }
    disk.cut_power();
    let locked = Profile::open(&disk, dir()).unwrap();
    for again in [
        locked.unlock(&phrase("first")).unwrap(),
        locked.unlock_from(&keychain).unwrap(),
        locked.recover(&words).unwrap(),
    ] {
        assert_eq!(again.generation(), Generation(2));
        assert_eq!(again.derive("names"), name);
        assert!(all.iter().all(|one| opened(&again, one).unwrap() == b"text"));
    }
    profile.forget_old(&disk, dir()).unwrap();
    let again = unlock(&disk, "first").unwrap();
    assert_eq!(again.generations(), [Generation(2)]);
    assert!(opened(&again, &all[0]).is_none(), "what is forgotten opens nothing");
    assert_eq!(opened(&again, &all[2]).unwrap(), b"text");
}

#[test]
fn a_change_by_another_process_is_noticed_and_kept() {
    let disk = SimDisk::new(1);
    let here = made(&disk);
    let other = unlock(&disk, "first").unwrap();
    other.set_passphrase(&disk, dir(), &phrase("second"), CHEAP).unwrap();
    here.set_recovery(&disk, dir(), CHEAP).unwrap();
    unlock(&disk, "second").unwrap();
    other.rotate(&disk, dir()).unwrap();
    let error = here.set_recovery(&disk, dir(), CHEAP).unwrap_err();
    assert!(matches!(error, KeyError::Changed(_)), "{error}");
    let held = disk.lock(Path::new("p/profile.lock")).unwrap();
    let error = other.rotate(&disk, dir()).unwrap_err();
    assert!(matches!(error, KeyError::Busy(_)), "{error}");
    drop(held);
    other.rotate(&disk, dir()).unwrap();
}

#[test]
fn any_power_cut_leaves_a_profile_that_opens_everything() {
    for after in 0..60 {
        let disk = SimDisk::new(after);
        let profile = made(&disk);
        let before = sealed(&profile, b"before");
        disk.crash_after(after);
        let rotated = profile.rotate(&disk, dir());
        let later = rotated.is_ok().then(|| sealed(&profile, b"later"));
        let changed = profile.set_passphrase(&disk, dir(), &phrase("second"), CHEAP);
        disk.cut_power();
        let again = match (unlock(&disk, "first"), unlock(&disk, "second")) {
            (Ok(again), Err(_)) => {
                assert!(changed.is_err(), "an answer was not durable");
                again
            }
            (Err(_), Ok(again)) => again,
            (Err(error), Err(_)) => panic!("after {after} steps: {error}"),
            (Ok(_), Ok(_)) => panic!("after {after} steps both passphrases unlock"),
        };
        assert_eq!(opened(&again, &before).unwrap(), b"before", "after {after} steps");
        if let Some(later) = later {
            assert_eq!(opened(&again, &later).unwrap(), b"later", "after {after} steps");
        }
        again.rotate(&disk, dir()).unwrap();
    }
}

#[test]
fn a_full_disk_leaves_the_old_keys_sealing() {
    let disk = SimDisk::new(1);
    let profile = made(&disk);
    disk.set_capacity(0);
    profile.rotate(&disk, dir()).unwrap_err();
    assert_eq!(profile.generation(), Generation(1));
    let kept = sealed(&profile, b"kept");
    disk.set_capacity(u64::MAX);
    profile.rotate(&disk, dir()).unwrap();
    assert_eq!(opened(&unlock(&disk, "first").unwrap(), &kept).unwrap(), b"kept");
}

#[test]
fn a_profile_that_was_copied_to_another_machine_is_noticed() {
    let disk = SimDisk::new(1);
    let be = |id: &[u8]| {
        disk.create_dir(Path::new("/etc")).unwrap();
        disk.open(Path::new("/etc/machine-id"), Open::Truncate).unwrap().append(id).unwrap();
    };
    be(b"11111111111111111111111111111111\n");
    made(&disk);
    assert_eq!(unlock(&disk, "first").unwrap().origin(), Origin::Here);
    be(b"22222222222222222222222222222222\n");
    let copied = unlock(&disk, "first").unwrap();
    assert_eq!(copied.origin(), Origin::Elsewhere);
    // A change of the passphrase does not hide it.
    copied.set_passphrase(&disk, dir(), &phrase("second"), CHEAP).unwrap();
    let copied = unlock(&disk, "second").unwrap();
    assert_eq!(copied.origin(), Origin::Elsewhere);
    copied.settle(&disk, dir()).unwrap();
    assert_eq!(unlock(&disk, "second").unwrap().origin(), Origin::Here);
}

/// Looks through everything that this process can write, freed memory included, but for the stack
/// that it runs on: what a call leaves there the next ones overwrite.
#[cfg(target_os = "linux")]
fn memory_holds(needle: &[u8]) -> usize {
    use std::os::unix::fs::FileExt;

    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut found = 0;
    let mut block = vec![0; 1 << 20];
    let own = block.as_ptr() as u64..block.as_ptr() as u64 + block.len() as u64;
    let here = (&raw const found) as u64;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let parse = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, to) = (parse(from), parse(to));
        if (at..to).contains(&here) {
            continue;
        }
        while at < to {
            let some = block.len().min((to - at) as usize);
            let Ok(read) = memory.read_at(&mut block[..some], at) else { break };
            let hits = block[..read].windows(needle.len()).enumerate();
            let is_own = |offset: usize| own.contains(&(at + offset as u64));
            found += hits.filter(|(offset, some)| *some == needle && !is_own(*offset)).count();
            at += (some.saturating_sub(needle.len())).max(1) as u64;
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_secret_is_wiped_from_memory() {
    // The test holds the needle turned around, so that it does not find itself.
    let turned: Vec<u8> = b"4321 egdirbtoof ysniqret a si siht".to_vec();
    let disk = SimDisk::new(1);
    let words: Zeroizing<Vec<u8>> = Zeroizing::new(turned.iter().rev().copied().collect());
    let passphrase = Passphrase::new(&words).unwrap();
    assert!(memory_holds(&words) >= 2, "the search finds what is there");
    let protection = Protection::PassphraseAt(passphrase.clone(), CHEAP);
    let profile = Profile::create(&disk, dir(), protection).unwrap();
    let again = Profile::open(&disk, dir()).unwrap().unlock(&passphrase).unwrap();
    again.set_passphrase(&disk, dir(), &passphrase, CHEAP).unwrap();
    let secret = profile.derive("canary");
    let mark: Zeroizing<Vec<u8>> = Zeroizing::new(secret.to_vec());
    drop((secret, profile, again, passphrase));
    let needle = mark.clone();
    assert_eq!(memory_holds(&needle), 2, "a derived secret was left behind");
    assert_eq!(memory_holds(&words), 1, "a passphrase was left behind");
}
