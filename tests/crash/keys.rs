//! Changes of what unlocks a profile, as its owner makes them at the terminal.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::{SESSION_KEPT, start, texts};
use tests::instance::{Home, Instance, Profile, binary};

/// `hearth profile ... --json` with `lines` on standard input, with a passphrase file or without.
fn profile(home: &Home, words: &[&str], lines: &str, file: Option<&str>) -> Output {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    match file {
        None => drop(command.env_remove("HEARTH_PASSPHRASE_FILE")),
        Some("") => {}
        Some(name) => drop(command.env("HEARTH_PASSPHRASE_FILE", home.beside(name))),
    }
    command.arg("profile").args(words).arg("--json");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn done(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A file with a passphrase that only its owner can read.
fn words_file(home: &Home, name: &str, words: &str) {
    use std::os::unix::fs::PermissionsExt;

    let path = home.file(name, words).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn started_with(home: &Home, name: &str) -> Instance {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("HEARTH_PASSPHRASE_FILE", home.beside(name)).arg("--headless");
    let mut hearth = Instance::start(command, home).unwrap();
    hearth.wait_idle(super::IDLE_MAX).unwrap();
    hearth
}

/// A home in which a draft was typed and left behind by a kill.
fn with_a_draft(text: &str) -> Home {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text(text).unwrap();
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    home
}

#[test]
fn a_changed_passphrase_opens_what_the_old_one_did() {
    let home = with_a_draft("typed before");
    words_file(&home, "new", "a better passphrase\n");
    let wrong = profile(&home, &["passphrase"], "not it\na better passphrase\n", None);
    assert!(refused(&wrong).contains("passphrase"), "{wrong:?}");
    let right = profile(&home, &["passphrase"], "a better passphrase\n", Some(""));
    assert_eq!(done(&right)["ways"], json!(["passphrase"]));
    let mut hearth = started_with(&home, "new");
    assert_eq!(texts(&mut hearth), ["typed before"]);
    hearth.kill();
    let again = profile(&home, &["passphrase"], "x\n", Some(""));
    assert!(refused(&again).contains("does not unlock"), "the old one is worth nothing now");
}

#[test]
fn twelve_words_recover_a_profile_whose_passphrase_is_lost() {
    let home = with_a_draft("worth recovering");
    let made = done(&profile(&home, &["words"], "", Some("")));
    let words: Vec<&str> =
        made["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words.len(), 12);
    words_file(&home, "new", "chosen after the loss\n");
    let mut swapped = words.clone();
    swapped.swap(0, 11);
    if swapped != words {
        let lines = format!("{}\nchosen after the loss\n", swapped.join(" "));
        // Their checksum is wrong, or by chance they are another profile's.
        let swapped = profile(&home, &["recover"], &lines, None);
        assert!(!swapped.status.success() && swapped.stdout.is_empty(), "{swapped:?}");
    }
    let lines = format!("{}\nchosen after the loss\n", words.join(" "));
    done(&profile(&home, &["recover"], &lines, None));
    assert_eq!(texts(&mut started_with(&home, "new")), ["worth recovering"]);
}

#[test]
fn a_key_is_rotated_while_somebody_types() {
    let home = with_a_draft("old ");
    let mut hearth = start(&home, &[]);
    let text = "name = \"greet\"\n[[steps]]\nname = \"greet\"\naction = \"process.run\"\n\
                version = 1\neffect = \"once\"\ninputs.program = { value = \"echo\" }\n\
                inputs.arguments = { value = \"hello\" }\n";
    let plan = home.file("plan.toml", text).unwrap();
    ask(&home, &["kill-switch", "on"]);
    ask(&home, &["kill-switch", "off"]);
    ask(&home, &["runs", "start", plan.to_str().unwrap()]);
    hearth.keys("ctrl-end").unwrap();
    let rotation = std::thread::scope(|scope| {
        let rotation = scope.spawn(|| profile(&home, &["rotate"], "", Some("")));
        for number in 0..60 {
            hearth.type_text(&format!("{number} ")).unwrap();
        }
        rotation.join().unwrap()
    });
    assert_eq!(done(&rotation)["generation"], 2);
    hearth.type_text("new").unwrap();
    let typed = hearth.text().unwrap();
    assert!(typed.starts_with("old 0 1 2 ") && typed.ends_with("59 new"), "{typed}");
    hearth.kill();
    let mut again = start(&home, &[]);
    assert_eq!(texts(&mut again), std::slice::from_ref(&typed));
    again.kill();
    // Without a running instance, and then with one that has never heard of it.
    assert_eq!(done(&profile(&home, &["rotate"], "", Some("")))["generation"], 3);
    let mut last = start(&home, &[]);
    assert_eq!(texts(&mut last), [typed]);
    // Rows, objects and the ledger are sealed under the new key as well.
    let log = ask(&home, &["runs", "logs", "1"]);
    assert!(log["greet"].as_str().is_some_and(|log| log.ends_with("\nhello\n")), "{log}");
    let verified = ask(&home, &["ledger", "verify"]);
    assert_eq!(verified["ok"], json!(true), "{verified}");
    assert!(ask(&home, &["ledger", "show", "0"])["proof"]["size"].as_u64() >= Some(2));
}

/// What a subcommand answers with `--json`.
fn ask(home: &Home, words: &[&str]) -> Value {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    let output = command.args(words).arg("--json").output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_socket_client_cannot_rotate_the_key() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    let fault = hearth.call("profile.rotate_key", json!({})).unwrap_err();
    assert!(fault.contains("owner"), "{fault}");
}

/// A session bus of its own with a keychain on it, unlocked by a password, as a login does.
fn in_a_session(home: &Home, script: &str) -> Command {
    let mut command = home.command("dbus-run-session".as_ref());
    command.env("HOME", home.beside("owner")).env_remove("HEARTH_PASSPHRASE_FILE");
    command.env("XDG_DATA_HOME", home.beside("owner/share"));
    command.env("XDG_RUNTIME_DIR", home.beside("owner/run"));
    command.env("HEARTH", binary(Profile::Dev).unwrap());
    let unlock = "printf login | gnome-keyring-daemon --unlock --components=secrets >/dev/null";
    command.args(["--", "sh", "-c", &format!("{unlock}; {script}")]);
    command
}

fn has_keychain() -> bool {
    ["dbus-run-session", "gnome-keyring-daemon"].iter().all(|name| {
        Command::new("sh")
            .args(["-c", &format!("command -v {name}")])
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

#[test]
fn the_systems_keychain_unlocks_the_profile() {
    if !has_keychain() {
        tests::skip("the_systems_keychain_unlocks_the_profile", "needs gnome-keyring and dbus");
        return;
    }
    let home = with_a_draft("behind the keychain");
    std::fs::create_dir_all(home.beside("owner/run")).unwrap();
    std::fs::create_dir_all(home.beside("owner/share")).unwrap();
    words_file(&home, "known", "correct horse battery staple\n");
    let file = home.beside("known");
    let keep = format!(
        "HEARTH_PASSPHRASE_FILE={} \"$HEARTH\" profile keychain --json",
        file.to_str().unwrap()
    );
    let kept = in_a_session(&home, &keep).output().unwrap();
    assert_eq!(done(&kept)["ways"], json!(["passphrase", "keychain"]));
    // Another login later: nobody types a passphrase.
    let command = in_a_session(&home, "exec \"$HEARTH\" --headless");
    let mut hearth = Instance::start(command, &home).unwrap();
    hearth.wait_idle(super::IDLE_MAX).unwrap();
    assert_eq!(texts(&mut hearth), ["behind the keychain"]);
    hearth.call("app.quit", json!({})).unwrap();
    hearth.ended(super::IDLE_MAX).unwrap();
    // A machine without a keychain says so, and edits all the same.
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/no");
    command.arg("--headless");
    let mut shut = Instance::start(command, &home).unwrap();
    shut.wait_idle(super::IDLE_MAX).unwrap();
    home.said("keychain").unwrap();
    shut.keys("ctrl-n").unwrap();
    shut.type_text("typed without it").unwrap();
    shut.call("app.quit", json!({})).unwrap();
    shut.ended(super::IDLE_MAX).unwrap();
    let remove = "\"$HEARTH\" profile keychain --remove --json";
    let removed = in_a_session(&home, remove).output().unwrap();
    assert_eq!(done(&removed)["ways"], json!(["passphrase"]));
    let mut found = texts(&mut start(&home, &[]));
    found.sort();
    assert_eq!(found, ["behind the keychain", "typed without it"]);
}
