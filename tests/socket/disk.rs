//! What the disk does not give or take: one sentence, and the text stays.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{IDLE_MAX, one_sentence, start, with_file};
use tests::instance::{Home, Instance, Profile, binary};
use tests::skip;

/// The program without root's right to read and write everything; `None`, said, where that cannot
/// be taken away.
fn without_privileges(test: &str, home: &Home) -> Option<Instance> {
    let inner = home.command(&binary(Profile::Dev).unwrap());
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(inner.get_program());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.arg("--headless");
    match Instance::start(command, home) {
        Ok(mut hearth) => {
            hearth.wait_idle(IDLE_MAX).unwrap();
            Some(hearth)
        }
        Err(error) => {
            skip(test, &format!("needs setpriv (package util-linux) and root: {error}"));
            None
        }
    }
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_missing_path_is_an_empty_buffer_of_that_name() {
    let home = Home::new().unwrap();
    let path = home.beside("not/yet/there.rs");
    let mut hearth = start(&home, &[&path]);
    let item = hearth.item().unwrap();
    assert_eq!((&item["path"], &item["title"]), (&json!(path), &json!("there.rs")));
    assert_eq!(item["dirty"], json!(false));
    assert_eq!(hearth.text().unwrap(), "");
    assert!(!path.exists(), "nothing is made before it is saved");
    hearth.type_text("fn a() {}\n").unwrap();
    let fault = hearth.call("file.save", json!({})).unwrap_err();
    one_sentence(&fault, &["there.rs", "does not exist"]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "fn a() {}\n");
}

#[test]
fn a_file_that_may_not_be_read_is_one_sentence() {
    let home = Home::new().unwrap();
    let path = home.file("secret.txt", "x\n").unwrap();
    permit(&path, 0);
    let Some(mut hearth) = without_privileges("a_file_that_may_not_be_read", &home) else { return };
    one_sentence(&hearth.open(&path).unwrap_err(), &["secret.txt", "may not read"]);
}

#[test]
fn a_folder_that_may_not_be_entered_is_one_sentence() {
    let home = Home::new().unwrap();
    let path = home.file("closed/a.txt", "x\n").unwrap();
    permit(path.parent().unwrap(), 0);
    let test = "a_folder_that_may_not_be_entered";
    if let Some(mut hearth) = without_privileges(test, &home) {
        one_sentence(&hearth.open(&path).unwrap_err(), &["a.txt", "may not read"]);
    }
    permit(path.parent().unwrap(), 0o700);
}

#[test]
fn a_file_that_may_not_be_written_keeps_the_text_in_the_buffer() {
    let home = Home::new().unwrap();
    let path = home.file("closed/a.txt", "old\n").unwrap();
    permit(&path, 0o400);
    permit(path.parent().unwrap(), 0o500);
    let test = "a_file_that_may_not_be_written";
    if let Some(mut hearth) = without_privileges(test, &home) {
        hearth.open(&path).unwrap();
        hearth.type_text("new ").unwrap();
        one_sentence(&hearth.call("file.save", json!({})).unwrap_err(), &["a.txt", "may not"]);
        assert_eq!(hearth.text().unwrap(), "new old\n");
        assert_eq!(hearth.item().unwrap()["dirty"], json!(true));
        hearth.keys("ctrl-s").unwrap();
        home.said("may not write").unwrap();
        permit(path.parent().unwrap(), 0o700);
        permit(&path, 0o600);
        hearth.call("file.save", json!({})).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new old\n");
    }
    permit(path.parent().unwrap(), 0o700);
}

#[test]
fn a_name_that_is_not_unicode_is_opened_edited_and_saved() {
    let home = Home::new().unwrap();
    let path = home.beside("x").with_file_name(OsStr::from_bytes(b"na\xffme.txt"));
    fs::write(&path, "old\n").unwrap();
    let mut hearth = start(&home, &[&path]);
    let item = hearth.item().unwrap();
    assert_eq!(item["path"], json!({"bytes": path.as_os_str().as_bytes()}), "{item}");
    hearth.type_text("new ").unwrap();
    let answer = hearth.call("file.save", json!({})).unwrap();
    assert_eq!(answer["bytes"], json!(8));
    assert_eq!(fs::read_to_string(&path).unwrap(), "new old\n");
}

#[test]
fn a_folder_that_vanished_keeps_the_text() {
    let (_home, mut hearth, path) = with_file("gone/a.txt", "old\n");
    hearth.type_text("new ").unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    one_sentence(&hearth.call("file.save", json!({})).unwrap_err(), &["a.txt", "not saved"]);
    assert_eq!(hearth.text().unwrap(), "new old\n");
    fs::create_dir(path.parent().unwrap()).unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new old\n");
}

#[test]
fn what_is_no_file_is_one_sentence() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    one_sentence(&hearth.open(Path::new("/dev/zero")).unwrap_err(), &["/dev/zero"]);
    let long = home.beside(&"n".repeat(300));
    one_sentence(&hearth.open(&long).unwrap_err(), &["nnn"]);
    let through = home.file("file", "x\n").unwrap().join("inside");
    one_sentence(&hearth.open(&through).unwrap_err(), &["inside"]);
    let knot = home.beside("knot");
    symlink(&knot, &knot).unwrap();
    one_sentence(&hearth.open(&knot).unwrap_err(), &["knot"]);
    assert!(hearth.item().unwrap().is_null(), "nothing was opened");
}

#[test]
fn saving_keeps_mode_and_links() {
    let home = Home::new().unwrap();
    let path = home.file("script.sh", "#!/bin/sh\n").unwrap();
    permit(&path, 0o751);
    let (link, twin) = (home.beside("link"), home.beside("twin"));
    symlink(&path, &link).unwrap();
    fs::hard_link(&path, &twin).unwrap();
    let mut hearth = start(&home, &[&link]);
    hearth.keys("ctrl-end x").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
    assert_eq!(fs::read(&path).unwrap(), b"#!/bin/sh\nx\n");
    assert_eq!(fs::read(&twin).unwrap(), b"#!/bin/sh\nx\n", "the hard link was kept");
}
