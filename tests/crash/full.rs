//! Disks without room.

use std::fs;

use serde_json::json;

use super::{one_sentence, start, texts};
use tests::instance::{Home, Instance};
use tests::skip;
use tests::small_disk::SmallDisk;

fn notices(hearth: &mut Instance) -> String {
    hearth.call("app.state", json!({})).unwrap()["notices"].to_string()
}

/// Types until `count` words were typed or one was refused; answers what was typed, and how much
/// of it was answered.
fn type_words(hearth: &mut Instance, count: usize) -> (String, usize) {
    let (mut typed, mut answered) = (String::new(), 0);
    for number in 0..count {
        let word = format!("word{number}_");
        typed.push_str(&word);
        match hearth.type_text(&word) {
            Ok(()) => answered = typed.len(),
            Err(fault) => {
                one_sentence(&fault, &[]);
                break;
            }
        }
    }
    (typed, answered)
}

#[test]
fn a_file_on_a_full_disk_keeps_its_old_text_until_there_is_room() {
    let home = Home::new().unwrap();
    let disk = match SmallDisk::mount(&home.beside("small"), 1 << 20) {
        Ok(disk) => disk,
        Err(error) => return skip("a_file_on_a_full_disk", &error),
    };
    let old = "old text\n".repeat(20_000);
    let path = home.file("small/a.txt", &old).unwrap();
    let mut hearth = start(&home, &[&path]);
    disk.fill();
    hearth.type_text("new ").unwrap();
    one_sentence(&hearth.call("file.save", json!({})).unwrap_err(), &["a.txt", "disk is full"]);
    assert!(fs::read_to_string(&path).unwrap() == old, "the file is as it was");
    assert_eq!(hearth.text().unwrap().len(), old.len() + 4);
    assert_eq!(hearth.item().unwrap()["dirty"], json!(true));
    let left: Vec<_> = fs::read_dir(home.beside("small")).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "a.txt and the ballast alone: {left:?}");
    disk.empty();
    hearth.call("file.save", json!({})).unwrap();
    assert!(fs::read_to_string(&path).unwrap() == format!("new {old}"));
}

#[test]
fn typing_goes_on_when_the_profiles_disk_is_full() {
    let home = Home::new().unwrap();
    let disk = match SmallDisk::mount(&home.profile(), 48 << 20) {
        Ok(disk) => disk,
        Err(error) => return skip("typing_goes_on_when_the_profiles_disk_is_full", &error),
    };
    let path = home.file("a.txt", "").unwrap();
    let mut hearth = start(&home, &[&path]);
    hearth.type_text("before_").unwrap();
    disk.fill();
    let (typed, answered) = type_words(&mut hearth, 200);
    assert!(answered > 0, "the reserve keeps typing durable");
    assert_eq!(hearth.text().unwrap(), format!("before_{typed}"));
    assert!(notices(&mut hearth).contains("full"), "{}", notices(&mut hearth));
    hearth.call("file.save", json!({})).ok();
    assert!(fs::read_to_string(&path).unwrap().contains("before_word0_"), "another disk has room");
    // A crash while it is full loses nothing that was answered.
    hearth.kill();
    let mut again = start(&home, &[&path]);
    let text = again.text().unwrap();
    assert!(text.starts_with(&format!("before_{}", &typed[..answered])), "{text}");
    disk.empty();
    again.keys("ctrl-end").unwrap();
    let mut room = again.type_text("after");
    for _ in 0..50 {
        if room.is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        room = again.type_text("after");
    }
    room.expect("there is room again");
    let last = again.text().unwrap();
    again.kill();
    assert_eq!(texts(&mut start(&home, &[]))[0], last);
}

#[test]
fn a_start_on_a_full_disk_says_so_and_edits() {
    let home = Home::new().unwrap();
    let disk = match SmallDisk::mount(&home.profile(), 48 << 20) {
        Ok(disk) => disk,
        Err(error) => return skip("a_start_on_a_full_disk", &error),
    };
    let path = home.file("a.txt", "text\n").unwrap();
    let mut first = start(&home, &[&path]);
    first.type_text("kept ").unwrap();
    first.kill();
    disk.fill();
    let mut hearth = start(&home, &[&path]);
    assert_eq!(hearth.text().unwrap(), "kept text\n");
    hearth.type_text("x").ok();
    assert!(hearth.text().unwrap().contains('x'));
}

#[test]
fn a_first_start_on_a_full_disk_says_so_and_edits() {
    let home = Home::new().unwrap();
    let disk = match SmallDisk::mount(&home.profile(), 1 << 20) {
        Ok(disk) => disk,
        Err(error) => return skip("a_first_start_on_a_full_disk", &error),
    };
    disk.fill();
    let path = home.file("a.txt", "text\n").unwrap();
    let mut command =
        home.command(&tests::instance::binary(tests::instance::Profile::Dev).unwrap());
    command.arg("--headless").arg(&path);
    match Instance::start(command, &home) {
        // It runs and says that nothing is kept.
        Ok(mut hearth) => {
            hearth.wait_idle(super::IDLE_MAX).unwrap();
            assert!(!notices(&mut hearth).is_empty());
            hearth.type_text("x").ok();
            hearth.call("file.save", json!({})).ok();
            assert_eq!(fs::read_to_string(&path).unwrap(), "xtext\n");
        }
        // Without a folder for its socket it cannot; then a sentence tells why.
        Err(said) => one_sentence(&said, &["hearth: "]),
    }
}
