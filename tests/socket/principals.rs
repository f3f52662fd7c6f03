//! Who may do what, and how many programs one profile has.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{one_sentence, start, with_file};
use tests::display::Display;
use tests::instance::{Home, Instance, Profile, binary};
use tests::skip;

fn ends_within(child: &mut Child, limit: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_window_that_was_not_started_to_be_driven_refuses_it() {
    let display = match Display::start(1000, 700) {
        Ok(display) => display,
        Err(error) => return skip("a_window_refuses_to_be_driven", &error),
    };
    let home = Home::new().unwrap();
    let path = home.file("a.txt", "abc\n").unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    command.env("DISPLAY", display.name()).arg(&path);
    let mut hearth = Instance::start(command, &home).unwrap();
    for (method, arguments) in [
        ("app.keys", json!({"keys": "x"})),
        ("app.text", json!({"text": "x"})),
        ("app.state", json!({})),
        ("app.screenshot", json!({"path": home.beside("p.png")})),
    ] {
        one_sentence(&hearth.call(method, arguments).unwrap_err(), &["--drive"]);
    }
    hearth.open(&path).unwrap();
    let text = hearth.call("buffer.text", json!({"path": path})).unwrap();
    assert_eq!(text["text"], json!("abc\n"), "reading is allowed");
    let fault = hearth.call("buffer.undo", json!({})).unwrap_err();
    one_sentence(&fault, &["owner"]);
}

#[test]
fn a_second_start_hands_its_files_over_and_ends() {
    let (home, mut hearth, _) = with_file("a.txt", "abc\n");
    let second = home.file("b.txt", "one\ntwo\n").unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    let status = command.arg(format!("{}:2", second.display())).status().unwrap();
    assert!(status.success());
    let item = hearth.item().unwrap();
    assert_eq!(item["path"], json!(second));
    assert_eq!(item["selections"][0]["head"], json!([1, 0]));
}

#[test]
fn standard_input_is_handed_over_as_a_draft() {
    let (home, mut hearth, _) = with_file("a.txt", "abc\n");
    let piped = home.file("piped", "from a pipe\n").unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    let input = std::fs::File::open(piped).unwrap();
    assert!(command.arg("-").stdin(input).status().unwrap().success());
    assert_eq!(hearth.text().unwrap(), "from a pipe\n");
    assert!(hearth.item().unwrap()["path"].is_null());
}

#[test]
fn a_start_that_waits_ends_when_its_file_is_closed() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    let path = home.file("message", "").unwrap();
    let mut command = home.command(&binary(Profile::Dev).unwrap());
    let mut waiting = command.arg("--wait").arg(&path).spawn().unwrap();
    hearth.until(|state| state["panes"][0]["items"][0]["path"] == json!(path)).unwrap();
    assert!(!ends_within(&mut waiting, Duration::from_millis(300)));
    hearth.keys("ctrl-w").unwrap();
    let ended = ends_within(&mut waiting, Duration::from_secs(5));
    if !ended {
        waiting.kill().unwrap();
    }
    assert!(ended, "it still waits");
}

#[test]
fn two_starts_at_once_make_one_resident() {
    for _ in 0..3 {
        let home = Home::new().unwrap();
        let program = binary(Profile::Dev).unwrap();
        let spawn = || -> Child {
            let mut command: Command = home.command(&program);
            command.arg("--headless").stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let (mut one, mut two) = (spawn(), spawn());
        let start = Instant::now();
        let ended = loop {
            let ended = [&mut one, &mut two].map(|child| child.try_wait().unwrap());
            if ended.iter().any(Option::is_some) || start.elapsed() > Duration::from_secs(20) {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        std::thread::sleep(Duration::from_millis(500));
        let after = [&mut one, &mut two].map(|child| child.try_wait().unwrap());
        one.kill().unwrap();
        two.kill().unwrap();
        let said = [one, two].map(|child| child.wait_with_output().unwrap().stderr);
        let said = said.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(ended.iter().flatten().count(), 1, "one of two ends: {ended:?} {said:?}");
        assert_eq!(after, ended, "the other stays: {said:?}");
        let refused = said.iter().find(|said| !said.is_empty()).unwrap();
        assert!(refused.contains("runs for this profile already"), "{refused}");
    }
}

#[test]
fn a_home_that_was_killed_starts_again_at_once() {
    let (home, hearth, path) = with_file("a.txt", "abc\n");
    hearth.kill();
    let mut again = start(&home, &[&path]);
    assert_eq!(again.text().unwrap(), "abc\n");
}

#[test]
fn the_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new().unwrap();
    let _hearth = start(&home, &[]);
    let socket = home.profile().join("state/run/control.sock");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket) & 0o077, 0, "{:o}", mode(&socket));
    assert_eq!(mode(socket.parent().unwrap()) & 0o077, 0);
}
