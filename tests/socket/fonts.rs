//! Fonts that a person chose by name.

use std::path::Path;

use serde_json::{Value, json};

use super::{IDLE_MAX, with_file};
use tests::instance::{Home, Instance, Profile, binary};
use tests::picture::Picture;
use tests::skip;

/// Whether a file of a font is there; says so where it is not.
fn has_font(test: &str, path: &str, package: &str) -> bool {
    let is_there = Path::new(path).exists();
    if !is_there {
        skip(test, &format!("{path} is missing (package {package})"));
    }
    is_there
}

const FIRA: &str = "/usr/share/fonts/truetype/firacode/FiraCode-Regular.ttf";
const NASKH: &str = "/usr/share/fonts/truetype/noto/NotoNaskhArabic-Regular.ttf";
const SANS: &str = "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf";

/// Sets a setting of this session, and waits for the fonts.
fn set(hearth: &mut Instance, key: &str, value: Value) {
    let arguments = json!({ "key": key, "value": value, "layer": "session" });
    hearth.call("settings.set", arguments).unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
}

fn states(hearth: &mut Instance) -> Vec<String> {
    let state = hearth.call("app.state", json!({})).unwrap();
    let states = state["states"].as_array().unwrap();
    states.iter().map(|state| state.as_str().unwrap().to_owned()).collect()
}

fn picture(hearth: &mut Instance, home: &Home) -> Picture {
    hearth.screenshot(&home.beside("picture.png")).unwrap()
}

#[test]
fn a_chosen_font_draws_its_ligatures_and_no_others() {
    if !has_font("a_chosen_font_draws_its_ligatures", FIRA, "fonts-firacode") {
        return;
    }
    let (home, mut hearth, _) = with_file("a.rs", "fn a() -> i32 { b != c && d >= e => f }\n");
    hearth.wait_idle(IDLE_MAX).unwrap();
    let bundled = picture(&mut hearth, &home);
    set(&mut hearth, "editor.ligatures", json!(false));
    assert_eq!(picture(&mut hearth, &home).differing(&bundled), 0, "Geist Mono has none");
    set(&mut hearth, "editor.font_family", json!("fira code"));
    let apart = picture(&mut hearth, &home);
    assert!(apart.differing(&bundled) > 500, "another font is drawn");
    set(&mut hearth, "editor.ligatures", json!(true));
    let joined = picture(&mut hearth, &home);
    assert!(joined.differing(&apart) > 50, "letters are joined");
    // The grid holds: what follows the ligatures stands where it stood.
    hearth.keys("ctrl-end enter x").unwrap();
    assert!(states(&mut hearth).is_empty(), "{:?}", states(&mut hearth));
    hearth.keys("ctrl-z ctrl-z ctrl-home").unwrap();
    set(&mut hearth, "editor.font_family", json!("Geist Mono"));
    assert_eq!(picture(&mut hearth, &home).differing(&bundled), 0, "and the bundled one again");
}

#[test]
fn a_missing_font_is_told_where_one_looks_and_by_the_doctor() {
    let (home, mut hearth, _) = with_file("a.txt", "some text\n");
    let file = home.profile().join("config/settings.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let text = "[editor]\nfont_family = \"No Such Font\"\n[appearance]\n\
                fallback_fonts = [\"Nor This\"]\n";
    std::fs::write(&file, text).unwrap();
    let wanted = ["no font \"No Such Font\": Geist Mono instead", "no fallback font \"Nor This\""];
    hearth.until(|state| state["states"] == json!(wanted)).unwrap();
    let mut doctor = home.command(&binary(Profile::Dev).unwrap());
    let output = doctor.args(["doctor", "--json"]).output().unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fonts = checks.as_array().unwrap().iter().find(|it| it["check"] == json!("fonts")).unwrap();
    assert_eq!(fonts["ok"], json!(false), "{fonts}");
    assert_eq!(fonts["detail"], json!(wanted.join(", ")));
    assert!(fonts["remedy"].as_str().unwrap().contains("editor.font_family"));
    std::fs::write(&file, "[editor]\nfont_family = \"Geist Mono\"\n").unwrap();
    hearth.until(|state| state["states"] == json!([])).unwrap();
}

#[test]
fn fallback_fonts_come_in_the_order_of_the_list_and_the_interface_has_its_own() {
    if !has_font("fallback_fonts_come_in_order", NASKH, "fonts-noto-core")
        || !has_font("fallback_fonts_come_in_order", SANS, "fonts-noto-core")
    {
        return;
    }
    let (home, mut hearth, _) = with_file("a.txt", "مرحبا بالعالم\n");
    hearth.wait_idle(IDLE_MAX).unwrap();
    let bundled = picture(&mut hearth, &home);
    set(&mut hearth, "appearance.fallback_fonts", json!(["Noto Naskh Arabic"]));
    let naskh = picture(&mut hearth, &home);
    assert!(naskh.differing(&bundled) > 50);
    let both = json!(["Noto Sans", "Noto Naskh Arabic"]);
    set(&mut hearth, "appearance.fallback_fonts", both);
    assert_eq!(picture(&mut hearth, &home).differing(&naskh), 0, "Noto Sans has no Arabic");
    set(&mut hearth, "appearance.fallback_fonts", json!([]));
    set(&mut hearth, "appearance.font_family", json!("Noto Sans"));
    assert!(picture(&mut hearth, &home).differing(&bundled) > 50, "tabs and status line");
    set(&mut hearth, "editor.font_family", json!("Noto Sans"));
    assert_eq!(states(&mut hearth), ["Noto Sans is not monospaced"]);
}
