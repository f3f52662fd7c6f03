//! Bytes in, bytes out.

use serde_json::json;

use super::{IDLE_MAX, start, with_file};
use tests::instance::Home;
use tests::seed::Seed;

/// Opens a file of these bytes, edits, takes that back, saves, and answers what the file holds.
fn round_trip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let (_home, mut hearth, path) = with_file(name, bytes);
    hearth.keys("x").unwrap();
    assert_eq!(hearth.item().unwrap()["dirty"], json!(true), "{name}: nothing was typed");
    hearth.call("file.save", json!({})).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), bytes, "{name}: the edit was not saved");
    hearth.keys("ctrl-z").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    std::fs::read(&path).unwrap()
}

fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn every_encoding_and_line_ending_gives_back_the_same_bytes() {
    let text = "first\nالثاني 👍\n三\n";
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("plain", text.into()),
        ("bom", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("utf16le", utf16(text, u16::to_le_bytes)),
        ("utf16be", utf16(text, u16::to_be_bytes)),
        ("utf16le-crlf", utf16("a\r\nb\r\n", u16::to_le_bytes)),
        ("invalid", b"ok \xff\xfe\x80 \xc3( \xe2\x82 end\n".to_vec()),
        ("nul", b"a\0b\0\0c\n".to_vec()),
        ("crlf", b"a\r\nb\r\n".to_vec()),
        ("cr", b"a\rb\rc\r".to_vec()),
        ("mixed", b"a\nb\r\nc\rd\n\r\n".to_vec()),
        ("line-separators", "a\u{2028}b\u{85}c\u{b}d\u{c}e\n".into()),
        ("latin1", b"caf\xe9 au lait, d\xe9j\xe0 vu, \xe0 la carte\n".to_vec()),
    ];
    cases.push(("empty-lines", b"\n\n\n".to_vec()));
    for (name, bytes) in cases {
        assert_eq!(round_trip(name, &bytes), bytes, "{name}");
    }
}

#[test]
fn any_bytes_come_back() {
    let mut seed = Seed::of_run("any_bytes_come_back");
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    for round in 0..12 {
        let mut bytes: Vec<u8> = (0..seed.below(400)).map(|_| seed.next() as u8).collect();
        bytes.push(b'\n');
        let path = home.file(&format!("{round}.bin"), &bytes).unwrap();
        hearth.open(&path).unwrap();
        hearth.keys("x").unwrap();
        hearth.call("file.save", json!({})).unwrap();
        hearth.keys("ctrl-z").unwrap();
        hearth.call("file.save", json!({})).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "round {round}");
    }
}

#[test]
fn what_a_file_is_is_told() {
    for (name, bytes, encoding, ending) in [
        ("lf", &b"a\nb\n"[..], "utf-8", "lf"),
        ("crlf", b"a\r\nb\r\n", "utf-8", "crlf"),
        ("cr", b"a\rb\r", "utf-8", "cr"),
        ("mixed", b"a\nb\r\nc\r", "utf-8", "mixed"),
        ("wide", b"\xff\xfea\0\n\0", "utf-16", "lf"),
    ] {
        let (_home, mut hearth, _) = with_file(name, bytes);
        let item = hearth.item().unwrap();
        assert_eq!(item["line_ending"], json!(ending), "{name}");
        let told = item["encoding"].as_str().unwrap().to_lowercase();
        assert!(told.starts_with(encoding), "{name}: {told}");
    }
}

#[test]
fn a_new_line_ends_as_the_others_do() {
    let (_home, mut hearth, path) = with_file("a.txt", "a\r\nb\r\n");
    hearth.keys("ctrl-end n enter").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"a\r\nb\r\nn\r\n");
}

#[test]
fn a_file_that_was_only_looked_at_is_not_written() {
    let (_home, mut hearth, path) = with_file("a.txt", "no line end");
    hearth.keys("down end ctrl-end").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    hearth.keys("ctrl-s").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"no line end", "nobody edited it");
}

#[test]
fn the_editorconfig_of_the_folder_is_followed() {
    let home = Home::new().unwrap();
    home.file(
        "work/.editorconfig",
        "root = true\n[*]\nindent_style = tab\nend_of_line = crlf\n\
         trim_trailing_whitespace = true\ninsert_final_newline = true\n[*.py]\n\
         indent_style = space\nindent_size = 3\n",
    )
    .unwrap();
    let path = home.beside("work/a.txt");
    let mut hearth = start(&home, &[&path]);
    hearth.keys("a space space enter tab b").unwrap();
    hearth.call("file.save", json!({})).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\r\n\tb\r\n");
    let python = home.beside("work/a.py");
    hearth.open(&python).unwrap();
    hearth.keys("tab p").unwrap();
    assert_eq!(hearth.text().unwrap(), "   p");
}
