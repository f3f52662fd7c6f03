//! Settings, keys and themes: they take hold while it runs, and what is wrong is named.

use std::fs;

use serde_json::json;

use super::{IDLE_MAX, start, with_file};
use tests::instance::Home;

fn config(home: &Home, name: &str, text: &str) {
    let path = home.profile().join("config").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn settings_take_hold_while_it_runs() {
    let (home, mut hearth, _) = with_file("a.txt", "");
    let picture = home.beside("p.png");
    let before = hearth.screenshot(&picture).unwrap();
    config(&home, "settings.toml", "[appearance]\ntheme = \"dark\"\n");
    let dark = |hearth: &mut tests::instance::Instance| {
        let now = hearth.screenshot(&picture).unwrap();
        now.at(2, 2).iter().all(|channel| *channel < 0x40)
    };
    assert!(before.at(2, 2).iter().all(|channel| *channel > 0xc0), "light without a setting");
    let start = std::time::Instant::now();
    while !dark(&mut hearth) {
        assert!(start.elapsed() < IDLE_MAX, "the dark theme never came");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_bad_setting_is_named_with_its_line_and_the_others_count() {
    let home = Home::new().unwrap();
    config(&home, "settings.toml", "[editor]\ntab_width = 0\nauto_close = false\nno_such = 1\n");
    let path = home.file("a.txt", "").unwrap();
    let mut hearth = start(&home, &[&path]);
    home.said("settings.toml:2").unwrap();
    home.said("no_such").unwrap();
    hearth.type_text("(").unwrap();
    assert_eq!(hearth.text().unwrap(), "(", "auto_close = false counts");
}

#[test]
fn a_torn_settings_file_is_named_and_the_old_ones_stay() {
    let home = Home::new().unwrap();
    config(&home, "settings.toml", "[editor]\nauto_close = false\n");
    let path = home.file("a.txt", "").unwrap();
    let mut hearth = start(&home, &[&path]);
    config(&home, "settings.toml", "[editor\nauto_close = = true");
    home.said("settings.toml:1").unwrap();
    hearth.type_text("(").unwrap();
    assert_eq!(hearth.text().unwrap(), "(");
}

#[test]
fn settings_that_are_not_utf8_are_named() {
    let home = Home::new().unwrap();
    let path = home.profile().join("config/settings.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"[editor]\n# \xff\n").unwrap();
    let _hearth = start(&home, &[]);
    home.said("settings.toml").unwrap();
}

#[test]
fn keys_are_bound_and_unbound_while_it_runs() {
    let (home, mut hearth, _) = with_file("a.txt", "one\ntwo\n");
    config(
        &home,
        "keymap.toml",
        "[editor]\n\"ctrl-j\" = \"cursor.buffer_end\"\n\"ctrl-d\" = false\n",
    );
    let start = std::time::Instant::now();
    loop {
        hearth.keys("ctrl-home ctrl-j").unwrap();
        if hearth.item().unwrap()["selections"][0]["head"] == json!([2, 0]) {
            break;
        }
        assert!(start.elapsed() < IDLE_MAX, "the key was never bound");
    }
    hearth.keys("ctrl-home ctrl-d").unwrap();
    let selection = hearth.item().unwrap()["selections"][0].clone();
    assert_eq!(selection["anchor"], selection["head"], "ctrl-d does nothing any more");
}

#[test]
fn a_bad_key_is_named_with_its_line() {
    let home = Home::new().unwrap();
    config(
        &home,
        "keymap.toml",
        "[editor]\n\"ctrl-j\" = \"no.such\"\n\"nokey-x\" = \"file.new\"\n",
    );
    let _hearth = start(&home, &[]);
    home.said("keymap.toml:2").unwrap();
    home.said("keymap.toml:3").unwrap();
}

#[test]
fn a_damaged_theme_costs_its_bad_entries_and_is_named() {
    let home = Home::new().unwrap();
    config(&home, "settings.toml", "[appearance]\ntheme = \"light\"\nlight_theme = \"Mine\"\n");
    config(
        &home,
        "themes/Mine.toml",
        "name = \"Mine\"\nappearance = \"light\"\n[colors]\ncanvas = \"#00ff00\"\n\
         surface = \"not a colour\"\n",
    );
    let path = home.file("a.txt", "").unwrap();
    let mut hearth = start(&home, &[&path]);
    home.said("Mine.toml").unwrap();
    hearth.wait_idle(IDLE_MAX).unwrap();
    let picture = hearth.screenshot(&home.beside("p.png")).unwrap();
    assert_eq!(picture.at(2, 2), [0, 255, 0], "the good entry counts");
}

#[test]
fn a_missing_theme_is_named() {
    let home = Home::new().unwrap();
    config(&home, "settings.toml", "[appearance]\ndark_theme = \"Nowhere\"\ntheme = \"dark\"\n");
    let _hearth = start(&home, &[]);
    home.said("Nowhere").unwrap();
}

#[test]
fn an_untrusted_folders_settings_do_not_count() {
    let home = Home::new().unwrap();
    home.file("work/.hearth/settings.toml", "[editor]\nauto_close = false\n").unwrap();
    let path = home.file("work/a.txt", "").unwrap();
    let mut hearth = start(&home, &[&home.beside("work"), &path]);
    hearth.type_text("(").unwrap();
    assert_eq!(hearth.text().unwrap(), "()");
}
