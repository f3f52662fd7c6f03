//! Tabs and splits.

use serde_json::{Value, json};

use super::{start, with_file};
use tests::instance::{Home, Instance};

fn panes(hearth: &mut Instance) -> Vec<Value> {
    hearth.call("app.state", json!({})).unwrap()["panes"].as_array().unwrap().clone()
}

#[test]
fn tabs_are_stepped_through_and_closed() {
    let home = Home::new().unwrap();
    let paths = ["a.txt", "b.txt", "c.txt"].map(|name| home.file(name, name).unwrap());
    let mut hearth = start(&home, &[&paths[0], &paths[1], &paths[2]]);
    let titles = |hearth: &mut Instance| -> Vec<Value> {
        panes(hearth)[0]["items"].as_array().unwrap().iter().map(|i| i["title"].clone()).collect()
    };
    assert_eq!(titles(&mut hearth), [json!("a.txt"), json!("b.txt"), json!("c.txt")]);
    hearth.keys("alt-1").unwrap();
    assert_eq!(hearth.item().unwrap()["title"], json!("a.txt"));
    hearth.keys("ctrl-pagedown").unwrap();
    assert_eq!(hearth.item().unwrap()["title"], json!("b.txt"));
    hearth.keys("ctrl-w").unwrap();
    assert_eq!(titles(&mut hearth), [json!("a.txt"), json!("c.txt")]);
    hearth.keys("ctrl-shift-t").unwrap();
    hearth.until(|state| state["panes"][0]["items"].as_array().unwrap().len() == 3).unwrap();
    assert_eq!(hearth.item().unwrap()["title"], json!("b.txt"));
}

#[test]
fn two_panes_show_one_text_and_each_its_own_cursor() {
    let (_home, mut hearth, _) = with_file("a.txt", "abc\n");
    hearth.keys("ctrl-\\").unwrap();
    assert_eq!(panes(&mut hearth).len(), 2);
    hearth.keys("end !").unwrap();
    hearth.keys("ctrl-1 home ?").unwrap();
    let panes = panes(&mut hearth);
    assert_eq!(hearth.text().unwrap(), "?abc!\n");
    assert_eq!(panes[0]["active"], json!(true), "{panes:?}");
    assert_eq!(panes[0]["items"][0]["selections"][0]["head"], json!([0, 1]));
    assert_eq!(panes[1]["items"][0]["selections"][0]["head"], json!([0, 5]));
    assert_eq!(panes[0]["items"][0]["text_hash"], panes[1]["items"][0]["text_hash"]);
}

#[test]
fn a_pane_is_closed_and_its_text_stays_in_the_other() {
    let (_home, mut hearth, _) = with_file("a.txt", "abc\n");
    hearth.keys("ctrl-k down x ctrl-k w").unwrap();
    assert_eq!(panes(&mut hearth).len(), 1);
    assert_eq!(hearth.text().unwrap(), "xabc\n");
}

#[test]
fn an_unsaved_text_is_not_closed_without_a_question() {
    let (_home, mut hearth, path) = with_file("a.txt", "abc\n");
    hearth.keys("x ctrl-w").unwrap();
    hearth.keys("escape").unwrap();
    assert_eq!(hearth.text().unwrap(), "xabc\n");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "abc\n");
}
