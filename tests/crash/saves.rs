//! Killed while a file is written.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{IDLE_MAX, kill_after, start};
use tests::instance::Home;
use tests::seed::Seed;

const ROUNDS: usize = 8;

#[test]
fn a_file_is_the_old_one_or_the_new_one() {
    let mut seed = Seed::of_run("a_file_is_the_old_one_or_the_new_one");
    let old = "the old text of a line\n".repeat(300_000);
    let new = format!("X{old}");
    for round in 0..ROUNDS {
        let linked = round % 2 == 1;
        let home = Home::new().unwrap();
        let path = home.file("work/big.txt", &old).unwrap();
        if linked {
            // Then it is written in place, after a copy was made.
            fs::hard_link(&path, home.beside("twin")).unwrap();
        }
        let mut hearth = start(&home, &[&path]);
        hearth.type_text("X").unwrap();
        let delay = Duration::from_micros(seed.next() % 40_000);
        let killer = kill_after(&hearth, delay);
        let saved = hearth.call("file.save", json!({}));
        killer.join().unwrap();
        drop(hearth);
        let mut again = start(&home, &[&path]);
        again.wait_idle(IDLE_MAX).unwrap();
        let found = fs::read_to_string(&path).unwrap();
        let notices = &again.call("app.state", json!({})).unwrap()["notices"];
        let context =
            format!("round {round}, linked: {linked}, killed after {delay:?}, it says {notices}");
        assert!(found == old || found == new, "{context}: {} bytes", found.len());
        assert!(saved.is_err() || found == new, "{context}: a save that was answered is there");
        assert_eq!(again.text().unwrap().len(), new.len(), "{context}");
        let beside = fs::read_dir(home.beside("work")).unwrap().count();
        assert_eq!(beside, 1, "{context}: something was left beside the file");
    }
}
