//! `hearth doctor` on machines and profiles that are not well.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{IDLE_MAX, SESSION_KEPT, start, texts};
use tests::instance::{Home, Profile, binary};

/// `hearth doctor` with these options.
fn command(home: &Home, options: &[&str]) -> Command {
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.arg("doctor").args(options);
    command
}

/// What `hearth doctor --json` answers, by the name of a check.
fn examine(mut command: Command) -> impl Fn(&str) -> Value {
    let Output { status, stdout, stderr } = command.arg("--json").output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let checks: Value = serde_json::from_slice(&stdout).unwrap();
    for check in checks.as_array().unwrap() {
        let is_said = check["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        assert!(is_said && (check["ok"] == true || check["remedy"].is_string()), "{check}");
    }
    move |name| {
        let mut all = checks.as_array().unwrap().iter();
        let found = all.find(|check| check["check"] == name);
        found.unwrap_or_else(|| panic!("no check {name} in {checks}")).clone()
    }
}

fn detail(check: &Value) -> &str {
    check["detail"].as_str().unwrap()
}

/// How many records the check of the log counts.
fn records(check: &Value) -> usize {
    let counted = detail(check).split(" records").next().unwrap().rsplit(' ').next();
    counted.unwrap().parse().unwrap_or_else(|_| panic!("no count in {check}"))
}

/// A home in which some words were typed and left behind by a kill.
fn with_a_log() -> Home {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-n").unwrap();
    for number in 0..20 {
        hearth.type_text(&format!("word{number} ")).unwrap();
    }
    std::thread::sleep(SESSION_KEPT);
    hearth.kill();
    home
}

fn segments(home: &Home) -> Vec<PathBuf> {
    let all = fs::read_dir(home.profile().join("data/log")).unwrap().flatten();
    let mut paths: Vec<_> = all.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "seg"));
    paths.sort();
    paths
}

/// Flips a bit in the middle of the largest file of the log, and answers its name.
fn damage(home: &Home) -> String {
    let files = segments(home).into_iter();
    let largest = files.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[used / 2] ^= 0x10;
    fs::write(&largest, bytes).unwrap();
    largest.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn it_reads_every_record_beside_an_instance_and_with_a_locked_profile() {
    let home = with_a_log();
    let alone = examine(command(&home, &[]));
    assert_eq!(alone("log")["ok"], json!(true), "{}", alone("log"));
    assert!(detail(&alone("log")).contains("opened and whole"), "{}", alone("log"));
    assert!(records(&alone("log")) >= 20, "{}", alone("log"));
    let mut shut = command(&home, &[]);
    shut.env_remove("HEARTH_PASSPHRASE_FILE");
    let locked = examine(shut);
    assert!(detail(&locked("profile")).contains("locked here"), "{}", locked("profile"));
    assert!(detail(&locked("log")).contains("as far as a locked"), "{}", locked("log"));
    assert_eq!(records(&locked("log")), records(&alone("log")));
    let mut hearth = start(&home, &[]);
    hearth.type_text("more").unwrap();
    let beside = examine(command(&home, &[]));
    assert_eq!(beside("log")["ok"], json!(true), "{}", beside("log"));
    assert!(records(&beside("log")) > records(&alone("log")));
    assert!(detail(&beside("instance")).contains("answers"));
    assert!(detail(&beside("disk")).contains("in reserve"), "{}", beside("disk"));
    assert!(texts(&mut hearth)[0].contains("more"), "it edits on");
}

#[test]
fn damage_in_the_log_is_named_by_its_file_with_what_to_do() {
    let home = with_a_log();
    let whole = records(&examine(command(&home, &[]))("log"));
    let name = damage(&home);
    let before: Vec<_> = segments(&home).iter().map(|path| fs::read(path).unwrap()).collect();
    for is_open in [true, false] {
        let mut command = command(&home, &[]);
        if !is_open {
            command.env_remove("HEARTH_PASSPHRASE_FILE");
        }
        let told = examine(command)("log");
        assert_eq!(told["ok"], json!(false), "{told}");
        assert!(detail(&told).contains(&name) && detail(&told).contains("at byte"), "{told}");
        assert!(records(&told) + 2 >= whole && records(&told) < whole, "{whole}: {told}");
    }
    let after: Vec<_> = segments(&home).iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(before == after, "looking changes nothing");
}

#[test]
fn a_repair_waits_for_no_instance_and_says_what_it_did() {
    let home = with_a_log();
    let hearth = start(&home, &[]);
    let refused = command(&home, &["--repair"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("quit it, then repair") && said.trim().lines().count() == 1, "{said}");
    hearth.kill();
    let name = damage(&home);
    let output = command(&home, &["--repair", "--json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let repaired: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(repaired["records"].as_u64().unwrap() >= 19, "{repaired}");
    assert!(repaired["damage"][0].as_str().unwrap().contains(&name), "{repaired}");
    assert_eq!(repaired["lost"], json!(0), "{repaired}");
    let again = command(&home, &["--repair"]).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("No row is lost"), "{again:?}");
    // What was whole is there as ever.
    start(&home, &[]).wait_idle(IDLE_MAX).unwrap();
}

/// A Vulkan driver that does `what` as soon as it is loaded, and the variable that names it.
fn driver(home: &Home, what: &str) -> Result<(&'static str, PathBuf), String> {
    let source = home.file(
        "driver.c",
        format!(
            "#include <stdlib.h>\n#include <unistd.h>\n\
             __attribute__((constructor)) static void load(void) {{ {what} }}\n"
        ),
    )?;
    let library = home.beside("driver.so");
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source);
    let made = gcc.status().map_err(|error| error.to_string())?;
    if !made.success() {
        return Err("gcc made no driver".to_owned());
    }
    let manifest = json!({
        "file_format_version": "1.0.0",
        "ICD": { "library_path": library, "api_version": "1.3.0" },
    });
    let manifest = home.file("driver.json", manifest.to_string())?;
    Ok(("VK_DRIVER_FILES", manifest))
}

fn has_vulkan() -> bool {
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
        .iter()
        .any(|folder| Path::new(folder).join("libvulkan.so.1").exists())
}

#[test]
fn a_driver_that_crashes_or_hangs_is_a_row() {
    if !has_vulkan() {
        tests::skip("a_driver_that_crashes_or_hangs_is_a_row", "needs libvulkan1");
        return;
    }
    for (what, told) in [("abort();", "ended the process"), ("sleep(1000);", "did not answer")] {
        let home = Home::new().unwrap();
        let (variable, manifest) = driver(&home, what).unwrap();
        let mut command = command(&home, &[]);
        // Debian 12's loader knows the older name alone.
        command.env(variable, &manifest).env("VK_ICD_FILENAMES", &manifest);
        let begun = Instant::now();
        let check = examine(command)("adapters");
        assert_eq!(check["ok"], json!(false), "{what}: {check}");
        assert!(detail(&check).contains(told), "{what}: {check}");
        assert!(begun.elapsed() < Duration::from_secs(45), "{what}: it was waited for");
    }
}

#[test]
fn people_get_one_line_for_each_check_and_a_remedy_below() {
    let home = Home::new().unwrap();
    let output = command(&home, &[]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let first = told.lines().next().unwrap();
    assert!(first.starts_with("good   profile"), "{told}");
    let column = first.find("there is none").unwrap();
    for line in told.lines().take_while(|line| !line.is_empty()) {
        let begins = line.chars().nth(column).is_some_and(|letter| letter != ' ');
        assert!(begins && line.chars().nth(column - 1) == Some(' '), "{line:?} in\n{told}");
    }
}
