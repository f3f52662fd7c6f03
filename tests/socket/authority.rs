//! The gate and what stands around it, as their owner meets them: the Inbox, the kill switch, the
//! ledger, the policy and runs, over the socket, at the terminal and with keys.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{IDLE_MAX, one_sentence, start};
use tests::instance::{Home, Instance, Profile, binary};

const SOON: Duration = Duration::from_secs(20);

fn hearth(home: &Home, words: &[&str]) -> Output {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.args(words).output().unwrap()
}

/// What a subcommand answers with `--json`.
fn json_of(home: &Home, words: &[&str]) -> Value {
    let output = hearth(home, &[words, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until `holds` of what a subcommand answers.
fn until(home: &Home, words: &[&str], holds: impl Fn(&Value) -> bool) -> Value {
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

/// A plan with one step that appends a line to `target`.
fn plan(home: &Home, target: &Path) -> PathBuf {
    let text = format!(
        "name = \"publish\"\n[[steps]]\nname = \"append\"\naction = \"process.run\"\nversion = 1\n\
         effect = \"once\"\nresource = \"nothing\"\ninputs.program = {{ value = \"sh\" }}\n\
         inputs.arguments = {{ value = \"-c\\necho done >> {}; echo printed\" }}\n\
         inputs.writes = {{ value = \"{}\" }}\n",
        target.display(),
        target.parent().unwrap().display()
    );
    home.file("plan.toml", text).unwrap()
}

/// A plan of the same shape that does something else.
fn other_command(home: &Home) -> String {
    let plan = std::fs::read_to_string(home.beside("plan.toml")).unwrap();
    plan.replace("echo printed", "echo another")
}

/// A trusted folder that is open.
fn with_folder() -> (Home, Instance, PathBuf) {
    let home = Home::new().unwrap();
    let file = home.file("code/main.rs", "fn main() {}\n").unwrap();
    let folder = file.parent().unwrap().to_owned();
    assert!(hearth(&home, &["trust", folder.to_str().unwrap()]).status.success());
    let hearth = start(&home, &[&folder]);
    (home, hearth, folder)
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn decisions(home: &Home) -> Vec<String> {
    let entries = json_of(home, &["ledger", "tail", "--count", "100"]);
    let word = |entry: &Value| {
        let part = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", part("actor"), part("decision"), part("action"))
    };
    entries.as_array().unwrap().iter().map(word).collect()
}

#[test]
fn an_agents_step_waits_for_its_owner_and_then_goes_on() {
    let (home, mut instance, folder) = with_folder();
    let target = folder.join("published");
    let plan = plan(&home, &target);
    let plan = plan.to_str().unwrap();
    json_of(&home, &["runs", "start", plan, "--as", "agent:helper"]);
    let item = &until(&home, &["inbox"], |items| !items.as_array().unwrap().is_empty())[0];
    assert_eq!(
        (&item["principal"], &item["action"], &item["risk"], &item["state"]),
        (&json!("agent:helper"), &json!("process.run"), &json!("L3"), &json!("open"))
    );
    until(&home, &["runs"], |runs| runs[0]["state"] == "asks");
    let shown = json_of(&home, &["inbox", "show", "1"]);
    let diff = shown["diff"].as_str().unwrap();
    assert!(diff.contains("program: sh\n") && diff.contains("echo printed"), "{diff}");
    assert_eq!(shown["origin"], json!("run 1, step append"));
    // No client's word counts, though it may drive the window or knows the passphrase.
    for method in ["inbox.approve", "inbox.deny"] {
        one_sentence(&instance.call(method, json!({"id": 1})).unwrap_err(), &["person"]);
        let id = if method == "inbox.approve" { "id=1" } else { "id=01" };
        let script = hearth(&home, &["ctl", method, id]);
        assert!(!script.status.success());
    }
    // A script without the passphrase is no person either.
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE");
    let output = command.args(["inbox", "approve", "1"]).output().unwrap();
    one_sentence(String::from_utf8_lossy(&output.stderr).trim(), &["HEARTH_PASSPHRASE_FILE"]);
    assert_eq!(lines(&target), 0);
    // An approval is of what was looked at: another command of the same action is another item.
    let other = home.file("other.toml", other_command(&home)).unwrap();
    json_of(&home, &["runs", "start", other.to_str().unwrap(), "--as", "agent:helper"]);
    until(&home, &["inbox"], |items| items.as_array().unwrap().len() == 2);
    let approved = json_of(&home, &["inbox", "approve", "1"]);
    assert_eq!(approved["state"], json!("approved"));
    until(&home, &["runs"], |runs| runs[0]["state"] == "done");
    assert_eq!(lines(&target), 1);
    let log = json_of(&home, &["runs", "logs", "1"]);
    assert_eq!(log["append"], json!("It runs sandboxed.\nprinted\n"));
    // Once is once.
    json_of(&home, &["runs", "start", plan, "--as", "agent:helper"]);
    until(&home, &["runs"], |runs| runs[2]["state"] == "asks");
    assert_eq!(json_of(&home, &["runs"])[1]["state"], json!("asks"), "nobody approved that one");
    assert_eq!(lines(&target), 1);
    let told = decisions(&home);
    for line in [
        "owner done trust.grant",
        "agent:helper asked process.run",
        "owner approved inbox.approve",
        "agent:helper approved process.run",
    ] {
        assert!(told.iter().any(|it| it == line), "{line} is not in {told:?}");
    }
}

#[test]
fn a_person_answers_in_the_window() {
    let (home, mut instance, folder) = with_folder();
    let target = folder.join("published");
    let plan = plan(&home, &target);
    let plan = plan.to_str().unwrap();
    json_of(&home, &["runs", "start", plan, "--as", "agent:helper"]);
    until(&home, &["inbox"], |items| !items.as_array().unwrap().is_empty());
    home.said("agent:helper asks for process.run").unwrap();
    // Whoever only presses Enter approves nothing.
    instance.keys("ctrl-k i enter enter").unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(json_of(&home, &["inbox"])[0]["state"], json!("open"));
    instance.keys("ctrl-k i enter").unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    instance.type_text("always").unwrap();
    instance.keys("enter").unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    let policy = home.profile().join("config/policy.toml");
    assert!(!policy.exists(), "it is shown before it is written");
    instance.type_text("write").unwrap();
    instance.keys("enter").unwrap();
    until(&home, &["runs"], |runs| runs[0]["state"] == "done");
    let written = std::fs::read_to_string(&policy).unwrap();
    assert!(written.contains("principal = [\"agent:helper\"]"), "{written}");
    assert!(written.contains("answers = [\"builtin:agent-asks\"]"), "{written}");
    assert_eq!(json_of(&home, &["inbox"])[0]["state"], json!("always"));
    json_of(&home, &["runs", "start", plan, "--as", "agent:helper"]);
    until(&home, &["runs"], |runs| runs[1]["state"] == "done");
    assert_eq!(lines(&target), 2);
}

#[test]
fn what_is_denied_fails_its_run_and_a_stranger_to_the_folder_is_denied_at_once() {
    let (home, mut instance, folder) = with_folder();
    let target = folder.join("published");
    let plan = plan(&home, &target);
    let plan = plan.to_str().unwrap();
    json_of(&home, &["runs", "start", plan, "--as", "agent:helper"]);
    until(&home, &["inbox"], |items| !items.as_array().unwrap().is_empty());
    json_of(&home, &["inbox", "deny", "1"]);
    until(&home, &["runs"], |runs| runs[0]["state"] == "failed");
    let again = hearth(&home, &["inbox", "approve", "1"]);
    one_sentence(String::from_utf8_lossy(&again.stderr).trim(), &["denied"]);
    // Without trust nothing of a folder may run, and nobody is asked.
    let folder = folder.to_str().unwrap();
    assert!(hearth(&home, &["trust", folder, "--revoke"]).status.success());
    let begun = Instant::now();
    while !decisions(&home).iter().any(|it| it == "owner done trust.revoke") {
        assert!(begun.elapsed() < SOON, "the ledger was not told");
        std::thread::sleep(Duration::from_millis(20));
    }
    instance.wait_idle(IDLE_MAX).unwrap();
    json_of(&home, &["runs", "start", plan, "--as", "agent:other"]);
    until(&home, &["runs"], |runs| runs[1]["state"] == "failed");
    assert_eq!(json_of(&home, &["inbox"]).as_array().unwrap().len(), 1);
    assert_eq!(lines(&target), 0);
}

/// A plan that sleeps for `seconds`, a number that is nobody else's.
fn sleeper(home: &Home, seconds: &str, effect: &str) -> PathBuf {
    let text = format!(
        "name = \"sleep\"\n[[steps]]\nname = \"sleep\"\naction = \"process.run\"\nversion = 1\n\
         effect = \"{effect}\"\nresource = \"nothing\"\ninputs.program = {{ value = \"sleep\" }}\n\
         inputs.arguments = {{ value = \"{seconds}\" }}\n"
    );
    home.file("sleep.toml", text).unwrap()
}

/// Whether a process sleeps for `seconds`.
fn sleeps(seconds: &str) -> bool {
    let wanted = format!("sleep\0{seconds}\0").into_bytes();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|command| command == wanted)
    })
}

fn wait_for_sleep(seconds: &str, is_wanted: bool, limit: Duration) {
    let begun = Instant::now();
    while sleeps(seconds) != is_wanted {
        assert!(begun.elapsed() < limit, "a process sleeps for {seconds}: {}", !is_wanted);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_kill_switch_stops_a_process_within_a_second_and_survives_a_restart() {
    let home = Home::new().unwrap();
    let instance = start(&home, &[]);
    let plan = sleeper(&home, "3141.501", "idempotent");
    json_of(&home, &["runs", "start", plan.to_str().unwrap()]);
    wait_for_sleep("3141.501", true, SOON);
    let begun = Instant::now();
    assert_eq!(json_of(&home, &["kill-switch", "on"]), json!({ "on": true }));
    wait_for_sleep("3141.501", false, Duration::from_secs(1));
    assert!(begun.elapsed() < Duration::from_secs(3));
    instance.kill();
    let mut instance = start(&home, &[]);
    assert_eq!(instance.call("kill.state", json!({})).unwrap(), json!({ "on": true }));
    std::thread::sleep(Duration::from_millis(500));
    assert!(!sleeps("3141.501"), "it went on under the kill switch");
    one_sentence(&instance.call("kill.off", json!({"sure": true})).unwrap_err(), &["person"]);
    assert_eq!(json_of(&home, &["kill-switch", "off"]), json!({ "on": false }));
    // What was stopped goes on.
    wait_for_sleep("3141.501", true, SOON);
    json_of(&home, &["runs", "cancel", "1"]);
    wait_for_sleep("3141.501", false, SOON);
    until(&home, &["runs"], |runs| runs[0]["state"] == "cancelled");
    let told = decisions(&home);
    let of_switch: Vec<_> = told.iter().filter(|it| it.contains("kill.")).collect();
    assert_eq!(of_switch, ["client done kill.on", "owner done kill.off"]);
    // With a key, and by a file, with nothing running.
    instance.keys("ctrl-alt-k").unwrap();
    until(&home, &["kill-switch"], |it| it["on"] == true);
    instance.kill();
    assert_eq!(json_of(&home, &["kill-switch", "off"]), json!({ "on": false }));
    std::fs::write(home.profile().join("state/kill-switch"), "").unwrap();
    assert_eq!(json_of(&home, &["kill-switch"]), json!({ "on": true }));
}

#[test]
fn a_run_that_a_kill_cut_off_goes_on_and_what_counts_each_time_is_asked_about() {
    let home = Home::new().unwrap();
    let instance = start(&home, &[]);
    let plan = sleeper(&home, "3141.502", "idempotent");
    json_of(&home, &["runs", "start", plan.to_str().unwrap()]);
    wait_for_sleep("3141.502", true, SOON);
    let once = sleeper(&home, "3141.503", "once");
    json_of(&home, &["runs", "start", once.to_str().unwrap()]);
    wait_for_sleep("3141.503", true, SOON);
    instance.kill();
    for seconds in ["3141.502", "3141.503"] {
        assert!(std::process::Command::new("pkill").args(["-f", seconds]).status().is_ok());
        wait_for_sleep(seconds, false, SOON);
    }
    let _instance = start(&home, &[]);
    wait_for_sleep("3141.502", true, SOON);
    until(&home, &["runs"], |runs| runs[1]["state"] == "asks");
    let step = json_of(&home, &["runs", "why", "2", "sleep"]);
    assert_eq!(step["state"], json!("in_doubt"), "{step}");
    assert!(!sleeps("3141.503"), "it was done again unasked");
    json_of(&home, &["runs", "cancel", "1"]);
    wait_for_sleep("3141.502", false, SOON);
}

#[test]
fn the_ledger_is_read_verified_and_exported_with_and_without_the_program() {
    let home = Home::new().unwrap();
    let run = plan(&home, &home.beside("published"));
    let mut instance = start(&home, &[]);
    for _ in 0..3 {
        json_of(&home, &["kill-switch", "on"]);
        json_of(&home, &["kill-switch", "off"]);
    }
    let check = |home: &Home| {
        let verified = json_of(home, &["ledger", "verify"]);
        let size = verified["entries"].as_u64().unwrap() as usize;
        assert!(size >= 6 && verified["ok"] == true, "{verified}");
        let shown = json_of(home, &["ledger", "show", "4"]);
        assert_eq!(shown["entry"]["action"], json!("kill.on"));
        assert_eq!(shown["proof"]["size"], json!(size));
        let lines = hearth(home, &["ledger", "export", "--format", "jsonl"]).stdout;
        let lines = String::from_utf8(lines).unwrap();
        let entries: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(entries.len(), size);
        assert_eq!(entries[5]["index"], json!(5));
        let csv = hearth(home, &["ledger", "export", "--format", "csv"]).stdout;
        let csv = String::from_utf8(csv).unwrap();
        assert_eq!(csv.lines().count(), size + 1);
        assert!(csv.starts_with("index,time_ms,trace,actor,action,"), "{csv}");
        assert_eq!(json_of(home, &["ledger", "tail", "--count", "2"]).as_array().unwrap().len(), 2);
    };
    check(&home);
    let fault = hearth(&home, &["ledger", "show", "99"]);
    one_sentence(String::from_utf8_lossy(&fault.stderr).trim(), &["99", "6"]);
    instance.call("app.quit", json!({})).unwrap();
    instance.ended(SOON).unwrap();
    check(&home);
    assert_eq!(json_of(&home, &["inbox"]), json!([]));
    // The journal is restored and tidied beside it, and leaves it as it is.
    for _ in 0..3 {
        let mut instance = start(&home, &[]);
        check(&home);
        let run = json_of(&home, &["runs", "start", run.to_str().unwrap()]);
        until(&home, &["runs", "show", run["id"].as_str().unwrap()], |it| it["state"] == "done");
        instance.call("app.quit", json!({})).unwrap();
        instance.ended(SOON).unwrap();
    }
    assert_eq!(json_of(&home, &["runs"]).as_array().unwrap().len(), 3);
}

#[test]
fn a_flipped_byte_of_the_log_is_named_and_the_exit_code_says_so() {
    let home = Home::new().unwrap();
    let mut instance = start(&home, &[]);
    for _ in 0..20 {
        json_of(&home, &["kill-switch", "on"]);
        json_of(&home, &["kill-switch", "off"]);
    }
    json_of(&home, &["ledger", "show", "0"]);
    instance.call("app.quit", json!({})).unwrap();
    instance.ended(SOON).unwrap();
    let folder = home.profile().join("data/log");
    let mut segments: Vec<_> =
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    segments.retain(|path| path.metadata().is_ok_and(|it| it.is_file() && it.len() > 1000));
    segments.sort();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    bytes[used / 2] ^= 4;
    std::fs::write(&segments[0], bytes).unwrap();
    let output = hearth(&home, &["ledger", "verify", "--json"]);
    let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verified["ok"], json!(false), "{verified}");
    assert_eq!(output.status.code(), Some(1));
    assert!(!verified["faults"].as_array().unwrap().is_empty());
}

#[test]
fn the_policy_answers_explains_and_takes_hold_as_it_is_written() {
    let home = Home::new().unwrap();
    let file = home.file("a.txt", "abc\n").unwrap();
    let mut instance = start(&home, &[]);
    let check = |words: &[&str]| json_of(&home, &[&["policy", "check"], words].concat());
    let asked = check(&["principal=owner", "action=file.save"]);
    assert_eq!(
        (&asked["decision"], &asked["rule"], &asked["layer"], &asked["obligations"]),
        (&json!("allow"), &json!("owner-acts"), &json!("builtin"), &Value::Null)
    );
    assert!(asked["epoch"].is_u64());
    let agent = ["principal=agent:x", "action=file.save", "when=trusted"];
    assert_eq!(check(&agent)["decision"], json!("ask"));
    let explained = json_of(&home, &[&["policy", "explain"], &agent[..]].concat());
    let applies = |rule: &Value| rule["applies"] == true;
    let rules = explained["rules"].as_array().unwrap();
    assert!(rules.iter().filter(|it| applies(it)).any(|it| it["rule"] == "agent-asks"));
    let who = json_of(&home, &["policy", "who-can", "action=kill.on"]);
    assert!(who.as_array().unwrap().iter().all(|it| it["decision"] == "allow"), "{who}");
    let policy = home.profile().join("config/policy.toml");
    let own = "[[rule]]\nid = \"no-opening\"\neffect = \"forbid\"\nprincipal = [\"client\"]\n\
               action = [\"file.open\"]\n\n[[test]]\nprincipal = \"client\"\naction = \
               \"file.open\"\nrisk = \"L1\"\nexpect = \"deny\"\n";
    std::fs::write(&policy, own).unwrap();
    let told = until_refused(&mut instance, &file);
    one_sentence(&told, &["no-opening"]);
    assert_eq!(json_of(&home, &["policy", "test"])["ok"], json!(true));
    // A damaged policy may have forbidden anything: all but its owner are denied.
    instance.kill();
    std::fs::write(&policy, own.replace("deny", "allow").replace("[[test]]", "[[test")).unwrap();
    let mut instance = Instance::headless(&binary(Profile::Dev).unwrap(), &home, &[]).unwrap();
    home.said("everybody but the owner is denied").unwrap();
    one_sentence(&instance.open(&file).unwrap_err(), &["damaged", "hearth policy test"]);
    let output = hearth(&home, &["policy", "test"]);
    assert_eq!(output.status.code(), Some(2));
    one_sentence(String::from_utf8_lossy(&output.stderr).trim(), &["policy.toml:", "mend"]);
    std::fs::write(&policy, own.replace("expect = \"deny\"", "expect = \"allow\"")).unwrap();
    let output = hearth(&home, &["policy", "test", "--json"]);
    assert_eq!(output.status.code(), Some(1), "a test that does not hold");
    std::fs::remove_file(&policy).unwrap();
    let begun = Instant::now();
    while instance.open(&file).is_err() {
        assert!(begun.elapsed() < SOON, "it was mended and is still denied");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn until_refused(instance: &mut Instance, file: &Path) -> String {
    let begun = Instant::now();
    loop {
        match instance.open(file) {
            Err(told) => return told,
            Ok(_) => assert!(begun.elapsed() < SOON, "the policy did not take hold"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_workspaces_policy_only_narrows_and_only_once_it_is_trusted() {
    let home = Home::new().unwrap();
    let text = "[[rule]]\nid = \"quiet\"\neffect = \"forbid\"\nprincipal = [\"client\"]\naction = \
                [\"file.open\"]\n\n[[rule]]\nid = \"free\"\neffect = \"permit\"\nprincipal = \
                [\"agent\"]\naction = [\"*\"]\n";
    let policy = home.file("code/.hearth/policy.toml", text).unwrap();
    let file = home.file("code/main.rs", "fn main() {}\n").unwrap();
    let folder = file.parent().unwrap();
    let mut instance = start(&home, &[folder]);
    instance.open(&file).unwrap();
    home.said("is not approved and counts for nothing").unwrap();
    assert!(hearth(&home, &["trust", folder.to_str().unwrap()]).status.success());
    one_sentence(&until_refused(&mut instance, &file), &["quiet", "workspace"]);
    home.said("`free` permits, and a workspace may only narrow").unwrap();
    // Another text than the one that was trusted is inert again.
    std::fs::write(&policy, text.replace("quiet", "silent")).unwrap();
    instance.keys("ctrl-o escape").unwrap();
    let folder = folder.to_str().unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.current_dir(folder).args(["policy", "check", "principal=client", "action=file.open"]);
    let output = command.arg("--json").output().unwrap();
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(checked["decision"], json!("allow"));
}

#[test]
fn the_upkeep_is_a_run_that_the_gate_the_ledger_and_the_switch_hold_for() {
    let home = Home::new().unwrap();
    let mut instance = start(&home, &[]);
    let upkeep = |instance: &mut Instance, state: &str| {
        let run = instance.call("upkeep.now", json!({})).unwrap();
        let run = run["id"].as_str().unwrap().to_owned();
        let is_driven = |it: &Value| it["reason"] != "nobody has driven it yet";
        until(&home, &["runs", "show", &run], |it| it["state"] == state && is_driven(it))
    };
    let done = upkeep(&mut instance, "done");
    assert_eq!(done["principal"], json!("pack:hearth/upkeep"));
    let told = decisions(&home);
    for action in ["ledger.checkpoint", "log.tidy", "object.sweep"] {
        assert!(told.contains(&format!("pack:hearth/upkeep allowed {action}")), "{told:?}");
    }
    json_of(&home, &["kill-switch", "on"]);
    let stopped = upkeep(&mut instance, "waiting");
    assert!(stopped["reason"].as_str().unwrap().contains("kill switch"), "{stopped}");
    json_of(&home, &["kill-switch", "off"]);
    until(&home, &["runs", "show", "2"], |it| it["state"] == "done");
    // Its owner's policy is above the program's own.
    let own = "[[rule]]\nid = \"no-sweep\"\neffect = \"forbid\"\nprincipal = [\"pack\"]\naction = \
               [\"object.sweep\"]\n";
    std::fs::write(home.profile().join("config/policy.toml"), own).unwrap();
    let begun = Instant::now();
    while json_of(
        &home,
        &["policy", "check", "principal=pack:hearth/upkeep", "action=object.sweep"],
    )["decision"]
        != "deny"
    {
        assert!(begun.elapsed() < SOON);
    }
    instance.keys("ctrl-n").unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    instance.wait_idle(IDLE_MAX).unwrap();
    let failed = upkeep(&mut instance, "failed");
    assert!(failed["reason"].as_str().unwrap().contains("no-sweep"), "{failed}");
    instance.keys("x ctrl-z").unwrap();
    assert_eq!(instance.text().unwrap(), "");
}

#[test]
fn a_locked_profile_has_no_stores_and_says_so_and_can_be_stopped() {
    let home = Home::new().unwrap();
    start(&home, &[]).kill();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE").arg("--headless");
    let mut instance = Instance::start(command, &home).unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    one_sentence(&instance.call("inbox.list", json!({})).unwrap_err(), &["locked"]);
    assert_eq!(instance.call("kill.on", json!({})).unwrap(), json!({ "on": true }));
    instance.kill();
    let _instance = start(&home, &[]);
    let begun = Instant::now();
    while !decisions(&home).iter().any(|it| it == "owner noted kill.on") {
        assert!(begun.elapsed() < SOON, "the ledger was not told of it");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn trust_is_sealed_a_persons_word_and_unknown_to_a_locked_profile() {
    let home = Home::new().unwrap();
    home.file("atrustedfolder/.hearth/settings.toml", "[editor]\nauto_close = false\n").unwrap();
    let file = home.file("atrustedfolder/a.txt", "").unwrap();
    let folder = file.parent().unwrap();
    let name = folder.to_str().unwrap();
    let mut instance = start(&home, &[folder]);
    // Nothing on the socket gives it, not even in an instance that is driven.
    let told = instance.call("trust.grant", json!({ "path": folder })).unwrap_err();
    one_sentence(&told, &["person"]);
    let given = json_of(&home, &["trust", name]);
    assert_eq!((&given["path"], &given["trusted"]), (&json!(folder), &json!(true)));
    assert_eq!(given["fingerprint"].as_str().unwrap().len(), 64);
    let listed = instance.call("trust.list", json!({})).unwrap();
    assert_eq!(listed, json!([given]));
    instance.open(&file).unwrap();
    instance.type_text("(").unwrap();
    assert_eq!(instance.text().unwrap(), "(", "it counts as soon as it was said");
    instance.keys("ctrl-z").unwrap();
    instance.call("app.quit", json!({})).unwrap();
    instance.ended(SOON).unwrap();
    let mut places = vec![home.profile().join("data")];
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => places.push(entry.path()),
                kind if kind.is_file() => {
                    let bytes = std::fs::read(entry.path()).unwrap();
                    let is_told = bytes.windows(14).any(|part| part == b"atrustedfolder");
                    assert!(!is_told, "{} names it in the clear", entry.path().display());
                }
                _ => {}
            }
        }
    }
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env_remove("HEARTH_PASSPHRASE_FILE").arg("--headless").arg(folder).arg(&file);
    let mut locked = Instance::start(command, &home).unwrap();
    locked.wait_idle(IDLE_MAX).unwrap();
    home.said("the profile is locked and nobody knows whether its folder is trusted").unwrap();
    locked.open(&file).unwrap();
    locked.type_text("(").unwrap();
    assert_eq!(locked.text().unwrap(), "()", "what nobody knows does not count");
    one_sentence(&locked.call("trust.list", json!({})).unwrap_err(), &["locked"]);
    locked.kill();
    assert_eq!(json_of(&home, &["trust", name, "--revoke"])["trusted"], json!(false));
    let told = decisions(&home);
    for entry in ["owner done trust.grant", "owner done trust.revoke"] {
        assert!(told.iter().any(|it| it == entry), "{told:?}");
    }
    let mut instance = start(&home, &[folder]);
    instance.open(&file).unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(instance.call("trust.list", json!({})).unwrap(), json!([]));
    home.said("its folder is not trusted as it is now").unwrap();
}

#[test]
fn a_run_tells_when_each_step_was_tried_and_how_it_was_held() {
    let (home, mut instance, folder) = with_folder();
    let step = |name: &str, script: &str, after: &str| {
        format!(
            "[[steps]]\nname = \"{name}\"\naction = \"process.run\"\nversion = 1\neffect = \
             \"idempotent\"\nresource = \"nothing\"\ninputs.program = {{ value = \"sh\" }}\n\
             inputs.arguments = {{ value = \"-c\\n{script}\" }}\nafter = [{after}]\n"
        )
    };
    let outside = folder.join("outside");
    let plan = home.file(
        "times.toml",
        format!(
            "name = \"times\"\n{}{}{}",
            step("first", "sleep 0.4", ""),
            step("second", "sleep 0.2; ls /proc/net/unix >/dev/null", "\"first\""),
            step("third", &format!("echo x > {}", outside.display()), "\"second\""),
        ),
    );
    json_of(&home, &["runs", "start", plan.unwrap().to_str().unwrap()]);
    until(&home, &["runs"], |runs| runs[0]["state"] == "failed");
    let shown = json_of(&home, &["runs", "show", "1"]);
    let tried = |step: usize| shown["steps"][step]["tries"][0].clone();
    assert!(tried(0)["took_ms"].as_u64().unwrap() >= 400, "{shown}");
    assert!(tried(1)["started_ms"].as_u64() >= tried(0)["started_ms"].as_u64(), "{shown}");
    assert_eq!((&tried(1)["end"], &tried(2)["end"]), (&json!("done"), &json!("failed")));
    assert!(shown["ended_ms"].as_u64() >= shown["begun_ms"].as_u64());
    assert_eq!(shown["workspace"], json!(folder), "it was asked for in the window's folder");
    assert!(!outside.exists(), "no input of the plan said that it writes there");
    let output = hearth(&home, &["runs", "show", "1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("████") && text.contains("failed"), "{text}");
    let log = json_of(&home, &["runs", "logs", "1", "first"]);
    assert!(log["first"].as_str().unwrap().starts_with("It runs sandboxed"), "{log}");
    let checked = json_of(&home, &["policy", "check", "principal=owner", "action=process.run"]);
    assert!(checked["runs"].as_str().unwrap().contains("sandboxed"), "{checked}");
    instance.keys("ctrl-k r enter").unwrap();
    instance.wait_idle(IDLE_MAX).unwrap();
    let picture = home.beside("run.png");
    instance.screenshot(&picture).unwrap();
    if let Some(keep) = std::env::var_os("HEARTH_KEEP") {
        std::fs::copy(&picture, Path::new(&keep).join("run.png")).unwrap();
    }
}
