//! The JSON of `INTERFACES.md`, to the letter.

use std::process::Command;

use serde_json::{Value, json};

use super::{IDLE_MAX, start, with_file};
use tests::instance::{Home, Profile, binary};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(|k| &**k).collect()
}

fn has(value: &Value, names: &[&str]) {
    let found = keys(value);
    for name in names {
        assert!(found.contains(name), "{name} is missing in {value}");
    }
}

#[test]
fn the_state_has_its_shape() {
    let (_home, mut hearth, path) = with_file("a.rs", "let é = 1;\nb\n");
    hearth.keys("ctrl-home right right right right right shift-down").unwrap();
    let state = hearth.call("app.state", json!({})).unwrap();
    has(&state, &["pid", "renderer", "adapter", "focus", "panes"]);
    assert_eq!(state["pid"], json!(hearth.pid()));
    assert_eq!(state["renderer"], json!("cpu"));
    let pane = &state["panes"][0];
    has(pane, &["id", "active", "items"]);
    assert_eq!(pane["active"], json!(true));
    let item = &pane["items"][0];
    has(item, &["kind", "active", "title", "path", "language", "encoding", "line_ending"]);
    has(item, &["dirty", "version", "text_hash", "line_count", "selections"]);
    assert_eq!(item["kind"], json!("editor"));
    assert_eq!(item["path"], json!(path));
    assert_eq!(item["line_count"], json!(3), "the empty line at the end counts");
    let hash = blake3::hash("let é = 1;\nb\n".as_bytes()).to_hex().to_string();
    assert_eq!(item["text_hash"], json!(hash));
    assert_eq!(item["selections"], json!([{"anchor": [0, 6], "head": [1, 1]}]), "bytes of a line");
}

#[test]
fn the_other_answers_have_their_shapes() {
    let (home, mut hearth, path) = with_file("a.txt", "abc\n");
    for (method, arguments) in [
        ("app.keys", json!({"keys": "x"})),
        ("app.text", json!({"text": "y"})),
        ("app.ime", json!({"preedit": "z", "cursor": 1})),
        ("app.ime", json!({"commit": "z"})),
        ("app.click", json!({"x": 500, "y": 300, "button": "left", "count": 1, "modifiers": []})),
        ("app.resize", json!({"width": 1000, "height": 700, "scale": 1})),
        ("app.wait_idle", json!({"timeout_ms": 5000})),
    ] {
        assert_eq!(hearth.call(method, arguments), Ok(Value::Null), "{method}");
    }
    let opened = hearth.call("file.open", json!({"path": path, "line": 0, "column": 2})).unwrap();
    assert_eq!(opened, json!({"path": path}));
    assert_eq!(hearth.item().unwrap()["selections"][0]["head"], json!([0, 2]));
    let text = hearth.call("buffer.text", json!({"path": path})).unwrap();
    has(&text, &["text", "version", "text_hash"]);
    let saved = hearth.call("file.save", json!({"path": path})).unwrap();
    assert_eq!(saved, json!({"path": path, "bytes": text["text"].as_str().unwrap().len()}));
    let picture = home.beside("p.png");
    let shot = hearth.call("app.screenshot", json!({"path": picture})).unwrap();
    assert_eq!((&shot["width"], &shot["height"]), (&json!(1000), &json!(700)));
    let frames = hearth.call("app.frames", json!({"reset": true})).unwrap();
    has(&frames, &["frames", "input_to_present_us", "ui_cpu_us", "stalls"]);
    for name in ["input_to_present_us", "ui_cpu_us"] {
        has(&frames[name], &["p50", "p95", "p99", "max"]);
    }
    for stall in frames["stalls"].as_array().unwrap() {
        has(stall, &["ms", "cause"]);
    }
}

#[test]
fn a_text_that_is_not_the_active_one_is_read_by_its_path() {
    let home = Home::new().unwrap();
    let (one, two) = (home.file("1", "one\n").unwrap(), home.file("2", "two\n").unwrap());
    let mut hearth = start(&home, &[&one, &two]);
    let text = hearth.call("buffer.text", json!({"path": one})).unwrap();
    assert_eq!(text["text"], json!("one\n"));
    let missing = home.beside("3");
    hearth.call("buffer.text", json!({"path": missing})).unwrap_err();
}

#[test]
fn a_call_that_makes_no_sense_is_refused_in_a_sentence() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    for (method, arguments) in [
        ("no.such", json!({})),
        ("app.keys", json!({})),
        ("app.keys", json!({"keys": "ctrl-nosuchkey"})),
        ("app.keys", json!({"keys": 7})),
        ("file.open", json!({"path": ""})),
        ("file.open", json!({"path": "/tmp/x", "line": -1})),
        ("app.resize", json!({"width": -5, "height": 1e12, "scale": 0})),
        ("app.screenshot", json!({"path": "/no/such/folder/p.png"})),
        ("buffer.text", json!({})),
        ("app.lose_device", json!({})),
    ] {
        let fault = hearth.call(method, arguments.clone()).unwrap_err();
        assert!(fault.trim_end_matches('"').ends_with('.'), "{method} {arguments}: {fault}");
    }
    hearth.wait_idle(IDLE_MAX).unwrap();
}

#[test]
fn ctl_prints_one_value_and_fails_with_one_sentence() {
    let (home, mut hearth, path) = with_file("a.txt", "abc\n");
    let hearth_binary = binary(Profile::Dev).unwrap();
    let run = |arguments: &[&str]| {
        let output = home.command(&hearth_binary).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, _) = run(&["ctl", "buffer.text"]);
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["text"], json!("abc\n"));
    let (code, out, _) = run(&["ctl", "app.keys", "keys=x y"]);
    assert_eq!((code, out.trim()), (Some(0), "null"));
    assert_eq!(hearth.text().unwrap(), "xyabc\n");
    let argument = json!({"path": path, "line": 0, "column": 1}).to_string();
    assert_eq!(run(&["ctl", "file.open", &argument]).0, Some(0));
    let (code, out, said) = run(&["ctl", "no.such"]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(run(&["--no-such-option"]).0, Some(2));
    let (code, out, _) = run(&["commands", "--json"]);
    assert_eq!(code, Some(0));
    let commands: Value = serde_json::from_str(&out).unwrap();
    assert!(commands.as_array().unwrap().len() > 60, "all commands are listed");
    let (code, out, _) = run(&["doctor", "--json"]);
    assert_eq!(code, Some(0));
    for check in serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap() {
        has(check, &["check", "ok", "detail"]);
    }
}

#[test]
fn a_folder_is_trusted_and_no_more() {
    let home = Home::new().unwrap();
    home.file("work/.hearth/settings.toml", "[editor]\ntab_width = 2\n").unwrap();
    let folder = home.beside("work");
    let run = |more: &[&str]| -> Value {
        let mut command: Command = home.command(&binary(Profile::Dev).unwrap());
        let output = command.arg("trust").arg(&folder).args(more).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let given = run(&["--json"]);
    assert_eq!((&given["path"], &given["trusted"]), (&json!(folder), &json!(true)));
    assert!(given["fingerprint"].is_string());
    assert_eq!(run(&["--revoke", "--json"])["trusted"], json!(false));
}
