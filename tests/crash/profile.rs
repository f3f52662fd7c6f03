//! Damaged logs and locked profiles.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use super::{IDLE_MAX, SESSION_KEPT, items, start, texts};
use tests::instance::{Home, Instance, Profile, binary};
use tests::seed::Seed;

fn segments(home: &Home) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![home.profile().join("data/log")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Where the bytes of a file end that are not the zeros of what was preallocated.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[test]
fn a_flipped_byte_costs_its_record_and_is_named() {
    let mut seed = Seed::of_run("a_flipped_byte_costs_its_record_and_is_named");
    for round in 0..4 {
        let home = Home::new().unwrap();
        let paths = ["a.txt", "b.txt"].map(|name| home.file(name, "").unwrap());
        let mut hearth = start(&home, &[&paths[0], &paths[1]]);
        let mut expected = [String::new(), String::new()];
        for number in 0..20 {
            let tab = number % 2;
            hearth.keys(["alt-1", "alt-2"][tab]).unwrap();
            let word = format!("word{number}_");
            hearth.type_text(&word).unwrap();
            expected[tab].push_str(&word);
        }
        std::thread::sleep(SESSION_KEPT);
        hearth.kill();
        let files = segments(&home);
        let bytes_of = |path: &PathBuf| used(&fs::read(path).unwrap());
        let largest = files.iter().max_by_key(|path| bytes_of(path)).unwrap();
        let mut bytes = fs::read(largest).unwrap();
        let end = used(&bytes);
        let at = end / 4 + seed.below(end / 2);
        bytes[at] ^= 0x40;
        fs::write(largest, bytes).unwrap();
        let context = format!("round {round}, byte {at} of {end} in {}", largest.display());
        let mut again = start(&home, &[&paths[0], &paths[1]]);
        let notices = again.call("app.state", json!({})).unwrap()["notices"].to_string();
        let told = format!("{notices}{}", home.records());
        assert!(told.contains("damaged"), "{context}: nothing names it: {told}");
        let found = texts(&mut again);
        let whole = expected.iter().filter(|text| found.contains(text)).count();
        assert!(whole >= 1, "{context}: both texts suffered: {found:?}");
        again.keys("ctrl-n").unwrap();
        again.type_text("still durable").unwrap();
        again.kill();
        let last = texts(&mut start(&home, &[]));
        assert!(last.contains(&"still durable".to_owned()), "{context}: {last:?}");
    }
}

#[test]
fn a_truncated_log_costs_its_end_alone() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "").unwrap();
    let mut hearth = start(&home, &[&path]);
    for number in 0..30 {
        hearth.type_text(&format!("word{number}_")).unwrap();
    }
    hearth.kill();
    let files = segments(&home);
    let largest = files.iter().max_by_key(|path| used(&fs::read(path).unwrap())).unwrap();
    let bytes = fs::read(largest).unwrap();
    fs::write(largest, &bytes[..used(&bytes) - 3]).unwrap();
    let mut again = start(&home, &[&path]);
    let text = again.text().unwrap();
    assert!(text.starts_with("word0_word1_"), "{text}");
}

/// The program without the passphrase, so that the profile stays locked.
pub fn locked(home: &Home) -> Instance {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE").arg("--headless");
    let mut hearth = Instance::start(command, home).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth
}

#[test]
fn a_locked_profile_edits_durably_and_restores_once_it_is_unlocked() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("typed while unlocked").unwrap();
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    for word in ["one", "two"] {
        let mut shut = locked(&home);
        home.said("locked").unwrap();
        assert!(!texts(&mut shut).contains(&"typed while unlocked".to_owned()));
        shut.keys("ctrl-n").unwrap();
        shut.type_text(&format!("typed while locked {word}")).unwrap();
        shut.kill();
    }
    let mut open = start(&home, &[]);
    let mut found = texts(&mut open);
    found.sort();
    let wanted = ["typed while locked one", "typed while locked two", "typed while unlocked"];
    assert_eq!(found, wanted);
    assert!(items(&mut open).iter().all(|item| item["dirty"] == json!(true)));
}

#[test]
fn a_wrong_passphrase_is_told_and_loses_nothing() {
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "base\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("kept ").unwrap();
    hearth.kill();
    let wrong = home.file("wrong", "not the passphrase at all\n").unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("HEARTH_PASSPHRASE_FILE", wrong).arg("--headless").arg(&path);
    let mut shut = Instance::start(command, &home).unwrap();
    shut.wait_idle(IDLE_MAX).unwrap();
    home.said("passphrase").unwrap();
    shut.kill();
    assert_eq!(start(&home, &[&path]).text().unwrap(), "kept base\n");
}

#[test]
fn no_typed_word_lies_readable_in_the_home() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("Zwetschgendatschi is a secret").unwrap();
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    let mut folders = vec![home.profile()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).unwrap();
                let shows = bytes.windows(12).any(|piece| piece == b"Zwetschgenda");
                assert!(!shows, "{} holds what was typed", entry.path().display());
            }
        }
    }
}
