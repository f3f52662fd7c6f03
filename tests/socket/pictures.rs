//! What is drawn, and that nothing is drawn when nothing changes.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{IDLE_MAX, start, with_file};
use tests::instance::Home;

const CODE: &str = "//! A file.\n\nfn main() {\n    let greeting = \"مرحبا 世界 👋\";\n\
    \tprintln!(\"{greeting}\");\n}\n";

#[test]
fn pictures_have_their_size_and_are_not_blank_in_both_themes_and_every_scale() {
    for theme in ["light", "dark"] {
        let home = Home::new().unwrap();
        let config = home.profile().join("config");
        fs::create_dir_all(&config).unwrap();
        let setting = format!("[appearance]\ntheme = \"{theme}\"\n");
        fs::write(config.join("settings.toml"), setting).unwrap();
        let path = home.file("a.rs", CODE).unwrap();
        let mut hearth = start(&home, &[&path]);
        for (scale, width, height) in [(1.0, 1280, 800), (1.25, 1600, 1000), (2.0, 2560, 1600)] {
            let size = json!({"width": 1280, "height": 800, "scale": scale});
            hearth.call("app.resize", size).unwrap();
            hearth.wait_idle(IDLE_MAX).unwrap();
            let picture = hearth.screenshot(&home.beside("p.png")).unwrap();
            assert_eq!((picture.width, picture.height), (width, height), "{theme} {scale}");
            assert!(picture.colours() > 40, "{theme} {scale}: {} colours", picture.colours());
            let corner = match theme {
                "light" => [0xf4, 0xed, 0xf3],
                _ => [0x0c; 3],
            };
            assert_eq!(picture.at(1, 1), corner, "{theme} {scale}: the desk");
        }
    }
}

#[test]
fn the_same_text_gives_the_same_picture() {
    let shot = || {
        let (home, mut hearth, _) = with_file("a.rs", CODE);
        // The title names the folder, which differs.
        hearth.call("app.resize", json!({"width": 900, "height": 600, "scale": 1})).unwrap();
        hearth.wait_idle(IDLE_MAX).unwrap();
        hearth.screenshot(&home.beside("p.png")).unwrap()
    };
    let (one, two) = (shot(), shot());
    let below_title = |picture: &tests::picture::Picture| picture.pixels[900 * 120..].to_vec();
    let differing = below_title(&one).into_iter().zip(below_title(&two)).filter(|(a, b)| a != b);
    assert_eq!(differing.count(), 0);
}

#[test]
fn nothing_is_drawn_and_nothing_computed_while_nothing_changes() {
    let (_home, mut hearth, _) = with_file("a.rs", CODE);
    hearth.keys("x").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    // Notices go by themselves, and the session is kept a while after the last key.
    std::thread::sleep(Duration::from_secs(6));
    hearth.call("app.frames", json!({"reset": true})).unwrap();
    let before = cpu_ticks(hearth.pid());
    std::thread::sleep(Duration::from_secs(3));
    let after = cpu_ticks(hearth.pid());
    let frames = hearth.call("app.frames", json!({})).unwrap();
    assert_eq!(frames["frames"], json!(0), "{frames}");
    assert!(after - before <= 1, "{} ticks of 10 ms in 3 s", after - before);
}

/// User and system time of a process in ticks of 10 ms (proc(5), stat, fields 14 and 15).
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_key_draws_a_frame() {
    let (home, mut hearth, _) = with_file("a.rs", CODE);
    let picture = home.beside("p.png");
    let before = hearth.screenshot(&picture).unwrap();
    hearth.call("app.frames", json!({"reset": true})).unwrap();
    hearth.keys("x").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let frames = hearth.call("app.frames", json!({})).unwrap()["frames"].as_u64().unwrap();
    assert!((1..=6).contains(&frames), "{frames} frames for one key");
    assert!(hearth.screenshot(&picture).unwrap().differing(&before) > 10);
}

#[test]
fn characters_that_hide_are_shown() {
    let plain = picture_of("if access { grant(); }\n");
    for (name, hidden) in [
        ("right-to-left override", "\u{202e}"),
        ("left-to-right isolate", "\u{2066}"),
        ("pop isolate", "\u{2069}"),
        ("zero-width space", "\u{200b}"),
        ("zero-width joiner", "\u{200d}"),
        ("byte order mark", "\u{feff}"),
        ("soft hyphen", "\u{ad}"),
        ("escape", "\u{1b}"),
        ("tag letter", "\u{e0041}"),
    ] {
        let shown = picture_of(&format!("if access{hidden} {{ grant(); }}\n"));
        let differing = shown.differing(&plain);
        assert!(differing > 30, "{name}: {differing} pixels differ");
    }
}

#[test]
fn a_letter_that_looks_like_another_is_shown() {
    let latin = picture_of("let scope = 1;\n");
    let cyrillic = picture_of("let s\u{441}ope = 1;\n");
    assert!(cyrillic.differing(&latin) > 30, "{}", cyrillic.differing(&latin));
}

/// The part of the window where the text stands, with the cursor away from it.
fn picture_of(text: &str) -> tests::picture::Picture {
    let (home, mut hearth, _) = with_file("a.txt", format!("{text}\n\n\n"));
    hearth.keys("ctrl-end").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let mut picture = hearth.screenshot(&home.beside("p.png")).unwrap();
    // The status line counts, and the title names the folder.
    let rows = picture.width as usize;
    picture.pixels = picture.pixels[rows * 80..rows * 700].to_vec();
    picture.height = 620;
    picture
}

#[test]
fn tiny_and_huge_windows_are_drawn() {
    let (home, mut hearth, _) = with_file("a.rs", CODE);
    for (width, height, scale) in [(40, 30, 1.0), (1, 1, 1.0), (4000, 3000, 1.0), (300, 200, 3.0)] {
        let size = json!({"width": width, "height": height, "scale": scale});
        hearth.call("app.resize", size).unwrap();
        hearth.wait_idle(IDLE_MAX).unwrap();
        hearth.screenshot(&home.beside("p.png")).unwrap();
    }
    assert_eq!(hearth.text().unwrap(), CODE);
}
