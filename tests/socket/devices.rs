//! Two machines of one owner, each an instance with a home of its own, that pair over loopback.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{one_sentence, start};
use tests::instance::{Home, Instance, Profile, binary};

const SOON: Duration = Duration::from_secs(20);

fn hearth(home: &Home, words: &[&str]) -> Output {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.args(words).output().unwrap()
}

/// What a subcommand answers with `--json`.
pub(super) fn json_of(home: &Home, words: &[&str]) -> Value {
    let output = hearth(home, &[words, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it says when it does not do it.
fn fault_of(home: &Home, words: &[&str]) -> String {
    let output = hearth(home, words);
    assert!(!output.status.success(), "{words:?} was done");
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

pub(super) fn until(home: &Home, words: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let value = json_of(home, words);
        if holds(&value) {
            return value;
        }
        assert!(begun.elapsed() < SOON, "{words:?} stays {value}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn words_of(value: &Value) -> String {
    let words = value["check_words"].as_array().unwrap();
    assert_eq!(words.len(), 4);
    words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn len(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

/// UDP sockets that a process has open.
#[cfg(target_os = "linux")]
fn udp_sockets(pid: u32) -> usize {
    let table =
        |name: &str| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    let text = table("udp") + &table("udp6");
    let rows = text.lines().filter(|line| !line.contains("inode"));
    let inodes: Vec<&str> = rows.filter_map(|line| line.split_whitespace().nth(9)).collect();
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = folder.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links
        .filter_map(|link| {
            let text = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            inodes.contains(&text.as_str()).then_some(())
        })
        .count()
}

pub(super) struct Pair {
    pub(super) desk: Home,
    pub(super) at_desk: Instance,
    pub(super) studio: Home,
    pub(super) at_studio: Instance,
}

pub(super) fn two() -> Pair {
    let (desk, studio) = (Home::new().unwrap(), Home::new().unwrap());
    let (at_desk, at_studio) = (start(&desk, &[]), start(&studio, &[]));
    Pair { desk, at_desk, studio, at_studio }
}

/// Pairs them with the calls that a person makes; the newcomer's id.
pub(super) fn paired(pair: &Pair) -> String {
    let shown = json_of(&pair.desk, &["pair", "--show", "--name", "desk"]);
    let code = shown["code"].as_str().unwrap();
    let joining = json_of(&pair.studio, &["pair", "--join", code, "--name", "studio"]);
    assert_eq!(joining["state"], json!("confirm"));
    let words = words_of(&joining);
    json_of(&pair.studio, &["pair", "--join", code, "--confirm", &words]);
    let pending = until(&pair.desk, &["devices", "pending"], |all| len(all) == 1);
    let id = pending[0]["id"].as_str().unwrap().to_owned();
    json_of(&pair.desk, &["devices", "admit", &id, "--words", &words]);
    let confirm = ["pair", "--join", code, "--confirm", &words];
    until(&pair.studio, &confirm, |joining| joining["state"] == json!("joined"));
    id
}

#[test]
fn two_instances_pair_as_people_do_and_find_each_other_again() {
    let mut pair = two();
    #[cfg(target_os = "linux")]
    for instance in [&pair.at_desk, &pair.at_studio] {
        assert_eq!(udp_sockets(instance.pid()), 0, "a socket was open before anybody asked");
    }
    assert_eq!(json_of(&pair.desk, &["devices"]), json!([]));
    let shown = json_of(&pair.desk, &["pair", "--show", "--name", "desk"]);
    let code = shown["code"].as_str().unwrap();
    assert!((100..=120).contains(&shown["expires_s"].as_u64().unwrap()), "{shown}");
    assert_eq!(shown["short_code"].as_str().unwrap().len(), 12);
    assert!(shown["qr"].as_str().unwrap().lines().count() > 20);
    let joining = json_of(&pair.studio, &["pair", "--join", code, "--name", "studio"]);
    assert_eq!((&joining["state"], &joining["name"]), (&json!("confirm"), &json!("desk")));
    let words = words_of(&joining);
    // Nothing of the newcomer's came before its person has confirmed.
    assert_eq!(json_of(&pair.desk, &["devices", "pending"]), json!([]));
    let wrong = ["pair", "--join", code, "--confirm", "abandon ability able about"];
    one_sentence(&fault_of(&pair.studio, &wrong), &["words"]);
    let confirm = ["pair", "--join", code, "--confirm", &words];
    assert_eq!(json_of(&pair.studio, &confirm)["state"], json!("waiting"));
    let pending = until(&pair.desk, &["devices", "pending"], |all| len(all) == 1);
    assert_eq!((&pending[0]["name"], words_of(&pending[0])), (&json!("studio"), words.clone()));
    let id = pending[0]["id"].as_str().unwrap();
    // Without the words, or as nobody in particular, nobody is admitted.
    let refused = ["devices", "admit", id, "--words", "abandon ability able about"];
    one_sentence(&fault_of(&pair.desk, &refused), &["words"]);
    let call = pair.at_desk.call("device.admit", json!({"id": id, "words": words}));
    one_sentence(&call.unwrap_err(), &["owner"]);
    assert_eq!(len(&json_of(&pair.desk, &["devices"])), 1);
    let admitted = json_of(&pair.desk, &["devices", "admit", id, "--words", &words]);
    assert_eq!(admitted, json!({"id": id, "name": "studio"}));
    until(&pair.studio, &confirm, |joining| joining["state"] == json!("joined"));
    let online = |all: &Value| {
        len(all) == 2 && all.as_array().unwrap().iter().all(|it| it["online"] == json!(true))
    };
    let all = until(&pair.desk, &["devices"], online);
    let studio = all.as_array().unwrap().iter().find(|it| it["id"] == json!(id)).unwrap();
    assert_eq!(
        (&studio["name"], &studio["this"], &studio["path"]),
        (&json!("studio"), &json!(false), &json!("direct"))
    );
    until(&pair.studio, &["devices"], online);
    let ledger = json_of(&pair.desk, &["ledger", "tail", "--count", "20"]);
    let has = ledger.as_array().unwrap().iter().any(|it| it["action"] == "device.admit");
    assert!(has, "{ledger}");
    // The newcomer ends and comes back by itself; without a program the list is still told.
    pair.at_studio.kill();
    let gone = |all: &Value| {
        all.as_array()
            .unwrap()
            .iter()
            .any(|it| it["id"] == json!(id) && it["online"] == json!(false))
    };
    until(&pair.desk, &["devices"], gone);
    assert_eq!(len(&json_of(&pair.studio, &["devices"])), 2);
    let _again = start(&pair.studio, &[]);
    until(&pair.desk, &["devices"], online);
}

#[test]
fn a_removed_device_is_out_on_both_sides_and_the_ledger_has_it() {
    let pair = two();
    let id = paired(&pair);
    let answer = json_of(&pair.desk, &["devices", "remove", &id]);
    assert_eq!(answer, json!({"id": id}));
    assert_eq!(len(&json_of(&pair.desk, &["devices"])), 1);
    let ledger = json_of(&pair.desk, &["ledger", "tail", "--count", "20"]);
    assert!(ledger.as_array().unwrap().iter().any(|it| it["action"] == "device.remove"));
    until(&pair.studio, &["devices"], |all| {
        all.as_array().unwrap().iter().all(|it| it["path"].is_null())
    });
    one_sentence(&fault_of(&pair.desk, &["devices", "remove", &id]), &["does not belong"]);
}

#[test]
fn a_picture_of_the_code_and_a_typed_one_lead_to_the_same_question() {
    let mut pair = two();
    // The window draws the code; a picture of the window is what another device scans.
    pair.at_desk.call("device.add", json!({})).unwrap_err();
    pair.at_desk.keys("ctrl-shift-p").unwrap();
    pair.at_desk.type_text("Add a device").unwrap();
    pair.at_desk.keys("enter").unwrap();
    pair.at_desk.wait_idle(SOON).unwrap();
    let picture = pair.desk.beside("window.png");
    pair.at_desk.screenshot(&picture).unwrap();
    let joining = json_of(&pair.studio, &["pair", "--join", picture.to_str().unwrap()]);
    assert_eq!(joining["state"], json!("confirm"));
    // Typed: the address stands beside the code.
    let shown = json_of(&pair.desk, &["pair", "--show"]);
    let (short, at) = (shown["short_code"].as_str().unwrap(), shown["at"][0].as_str().unwrap());
    let typed = short.to_lowercase();
    let joining = json_of(&pair.studio, &["pair", "--join", &typed, "--at", at]);
    assert_eq!(joining["state"], json!("confirm"));
    let used = fault_of(&pair.studio, &["pair", "--join", shown["code"].as_str().unwrap()]);
    one_sentence(&used, &["used already"]);
}

#[test]
fn pairing_needs_the_program_and_its_owner() {
    let home = Home::new().unwrap();
    let instance = start(&home, &[]);
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE").args(["pair", "--show"]);
    let said = command.output().unwrap().stderr;
    one_sentence(String::from_utf8_lossy(&said).trim(), &["HEARTH_PASSPHRASE_FILE"]);
    one_sentence(&fault_of(&home, &["pair", "--join", "no code"]), &["code"]);
    one_sentence(&fault_of(&home, &["devices", "admit", "7", "--words", "a b c d"]), &["id"]);
    instance.kill();
    one_sentence(&fault_of(&home, &["pair", "--show"]), &["does not run"]);
}
