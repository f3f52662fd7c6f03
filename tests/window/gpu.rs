//! The window drawn by the GPU renderer, on Mesa's software driver.

use serde_json::{Value, json};

use tests::instance::Instance;
use tests::skip;

use crate::stage::Stage;

const NAME: &str = "a_lost_gpu_comes_back_and_no_text_is_lost";

fn state(hearth: &mut Instance, wanted: &str) -> bool {
    hearth.until(|state| state["renderer"] == wanted).is_ok()
}

#[test]
fn a_lost_gpu_comes_back_and_no_text_is_lost() {
    let driver = std::path::Path::new("/usr/share/vulkan/icd.d");
    let has_driver = std::fs::read_dir(driver).is_ok_and(|files| {
        files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("lvp"))
    });
    if !has_driver {
        skip(NAME, "there is no software Vulkan driver (mesa-vulkan-drivers)");
        return;
    }
    let settings = "[appearance]\nrenderer = \"gpu\"\n";
    let Some(mut stage) = Stage::open_prepared(NAME, "text\n", |_, home| {
        home.file("home/config/settings.toml", settings).unwrap();
    }) else {
        return;
    };
    assert!(state(&mut stage.hearth, "gpu"), "the GPU took over");
    stage.hearth.type_text("before ").unwrap();
    let lost = stage.hearth.call("app.lose_device", json!({}));
    assert_eq!(lost, Ok(Value::Null));
    stage.hearth.type_text("after ").unwrap();
    stage.until_text("before after text\n");
    assert!(state(&mut stage.hearth, "gpu"), "the GPU came back");
    let path = stage.home.beside("drawn.png");
    let drawn = stage.hearth.screenshot(&path).unwrap();
    assert!(drawn.colours() > 10, "something is drawn");
}
