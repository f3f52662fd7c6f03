use super::*;
use crate::registry::Command;
use kernel::action::{Action, Argument, Effect, Need, Risk, Shape, Thread};

const INDEX: &[Argument] =
    &[Argument { name: "index", shape: Shape::Integer, need: Need::Optional, about: "which" }];

/// A command for every id in `ids`; `pane.focus` takes an index.
fn registry(ids: &[&'static str]) -> Registry {
    let commands: Vec<_> = ids
        .iter()
        .map(|id| Action {
            id,
            title: "",
            about: "",
            arguments: if *id == "pane.focus" { INDEX } else { &[] },
            result: Shape::Nothing,
            effect: Effect::Once,
            risk: Risk::L0,
            thread: Thread::Ui,
        })
        .map(|action| Command { action, run: |_, _| Ok(serde_json::Value::Null) })
        .collect();
    Registry::gather(&[&commands])
}

const IDS: &[&str] = &["a.one", "a.two", "a.three", "pane.focus"];

fn load(layers: &[&str]) -> (Keymap, Vec<String>) {
    let layers: Vec<_> = layers.iter().map(|text| Source::new("k.toml", *text)).collect();
    let (keymap, problems) = Keymap::load_for(Platform::Linux, &layers, &registry(IDS));
    (keymap, problems.iter().map(Problem::to_string).collect())
}

/// What `keys` mean, pressed one after the other: the command, "pending" or "none".
fn meaning(keymap: &Keymap, contexts: &[&str], keys: &str) -> String {
    let mut pending = Vec::new();
    for press in KeyPress::parse_all(keys, Platform::Linux).unwrap() {
        match keymap.resolve(contexts, &pending, press) {
            Resolution::Action(bound) if bound.arguments.is_null() => return bound.action,
            Resolution::Action(bound) => return format!("{} {}", bound.action, bound.arguments),
            Resolution::Pending => pending.push(press),
            Resolution::None => return "none".to_owned(),
        }
    }
    "pending".to_owned()
}

#[test]
fn the_innermost_context_that_knows_a_key_wins() {
    let (keymap, problems) = load(&["[window]\nescape = 'a.one'\nf3 = 'a.three'\n\
         [editor]\nescape = 'a.two'\n"]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(meaning(&keymap, &["window", "editor"], "escape"), "a.two");
    assert_eq!(meaning(&keymap, &["window", "editor"], "f3"), "a.three");
    assert_eq!(meaning(&keymap, &["window", "input"], "escape"), "a.one");
    assert_eq!(meaning(&keymap, &["window"], "x"), "none");
}

#[test]
fn a_chord_is_found_across_contexts() {
    let (keymap, _) =
        load(&["[window]\n'ctrl-k down' = 'a.one'\n[editor]\n'ctrl-k ctrl-l' = 'a.two'"]);
    let contexts = ["window", "editor"];
    assert_eq!(meaning(&keymap, &contexts, "ctrl-k"), "pending");
    assert_eq!(meaning(&keymap, &contexts, "ctrl-k down"), "a.one");
    assert_eq!(meaning(&keymap, &contexts, "ctrl-k ctrl-l"), "a.two");
    assert_eq!(meaning(&keymap, &contexts, "ctrl-k x"), "none");
    assert_eq!(meaning(&keymap, &contexts, "down"), "none");
}

#[test]
fn a_later_layer_binds_anew_and_unbinds() {
    let base = "[window]\n'ctrl-p' = 'a.one'\n'ctrl-k s' = 'a.two'\n'ctrl-o' = 'a.three'";
    let own = "[window]\n'ctrl-p' = false\n'ctrl-k' = 'a.three'\n'ctrl-o' = 'a.one'";
    let (keymap, problems) = load(&[base, own]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-p"), "none");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-k"), "a.three");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-o"), "a.one");
}

#[test]
fn arguments_are_given_and_checked() {
    let (keymap, problems) = load(&["[window]\n'ctrl-1' = { action = 'pane.focus', index = 1 }\n\
         'ctrl-2' = { action = 'pane.focus', index = 'x' }\n\
         'ctrl-3' = { action = 'pane.focus', at = 1 }\n"]);
    assert_eq!(meaning(&keymap, &["window"], "ctrl-1"), "pane.focus {\"index\":1}");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-2"), "none");
    assert_eq!(
        problems,
        [
            "k.toml:3: \"index\" of pane.focus takes a whole number, not a string.",
            "k.toml:4: pane.focus has no argument \"at\"; it takes index.",
        ]
    );
}

#[test]
fn each_wrong_entry_is_named_with_its_line_and_costs_itself_alone() {
    let (keymap, problems) = load(&["[window]\n'ctrl-a' = 'a.tow'\n'hyper-b' = 'a.one'\n\
         'ctrl-c' = 3\nx = 'a.one'\n'ctrl-d' = = 'a.one'\n'ctrl-e' = 'a.one'\n\
         'ctrl-f' = false\n[desk]\nf1 = 'a.one'\n"]);
    let lines: Vec<_> = problems.iter().map(|text| text.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "3", "4", "5", "6", "8", "9"], "{problems:#?}");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-e"), "a.one");
}

#[test]
fn conflicts_of_one_layer_are_reported_and_the_first_stays() {
    let (keymap, problems) =
        load(&["[window]\n'ctrl-shift-a' = 'a.one'\n'shift-ctrl-a' = 'a.two'\n\
         'ctrl-k x' = 'a.one'\n'ctrl-k' = 'a.three'\n"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("k.toml:3: \"ctrl-shift-a\" cannot be bound as well"));
    assert!(
        problems[1].starts_with("k.toml:5: \"ctrl-k\" cannot be bound as well as \"ctrl-k x\"")
    );
    assert_eq!(meaning(&keymap, &["window"], "ctrl-k x"), "a.one");
    assert_eq!(meaning(&keymap, &["window"], "ctrl-shift-a"), "a.one");
}

#[test]
fn tables_of_a_platform_count_there_alone() {
    let text = "[window]\n'secondary-a' = 'a.one'\n[macos.window]\n'cmd-b' = 'a.two'\n\
                [other.window]\n'ctrl-b' = 'a.two'\n[linux.window]\n'ctrl-b' = 'a.three'\n";
    let sources = [Source::new("k.toml", text)];
    let on = |platform| Keymap::load_for(platform, &sources, &registry(IDS));
    let (linux, problems) = on(Platform::Linux);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(meaning(&linux, &["window"], "ctrl-a"), "a.one");
    assert_eq!(meaning(&linux, &["window"], "ctrl-b"), "a.three");
    assert_eq!(meaning(&linux, &["window"], "cmd-b"), "none");
    assert_eq!(meaning(&on(Platform::Windows).0, &["window"], "ctrl-b"), "a.two");
    assert_eq!(meaning(&on(Platform::Macos).0, &["window"], "cmd-b"), "a.two");
    assert_eq!(meaning(&on(Platform::Macos).0, &["window"], "cmd-a"), "a.one");
}

#[test]
fn shown_keys_are_the_persons_own_before_the_bundled_ones() {
    let base = "[window]\n'ctrl-k down' = 'a.one'\nf5 = 'a.one'\nf6 = 'a.two'\n\
                'ctrl-1' = { action = 'pane.focus', index = 1 }";
    let (keymap, _) = load(&[base, "[window]\nf9 = 'a.two'"]);
    assert_eq!(keymap.text_for("a.one").as_deref(), Some("ctrl-k down"));
    assert_eq!(keymap.text_for("a.two").as_deref(), Some("f9"));
    assert_eq!(keymap.text_for("pane.focus"), None, "it takes an argument");
}

#[test]
fn an_event_is_looked_up_in_each_of_its_readings() {
    let (keymap, _) = load(&["[editor]\n'ctrl-c' = 'a.one'"]);
    let held = Modifiers { control: true, ..Modifiers::NONE };
    let readings = KeyPress::readings(Key::Character('ؤ'), None, Some('c'), held);
    let (press, found) = keymap.resolve_first(&["editor"], &[], &readings);
    assert_eq!(press, Some(readings[1]));
    assert!(matches!(found, Resolution::Action(_)));
}

/// Ids that the bundled keys name, read without the registry.
fn bundled_ids() -> Vec<&'static str> {
    let ids = DEFAULT_KEYS.lines().filter(|line| !line.starts_with('#'));
    let ids = ids.filter_map(|line| {
        let value = line.split_once("\" = ")?.1;
        let value = value.strip_prefix("{ action = ").unwrap_or(value);
        value.split('"').nth(1)
    });
    ids.collect()
}

#[test]
fn the_bundled_keys_have_no_conflicts_on_any_platform() {
    let ids = bundled_ids();
    assert!(ids.len() > 150, "only {} bindings were read", ids.len());
    let command = |id: &&'static str| Command {
        action: Action {
            id,
            title: "",
            about: "",
            arguments: INDEX,
            result: Shape::Nothing,
            effect: Effect::Once,
            risk: Risk::L0,
            thread: Thread::Ui,
        },
        run: |_, _| Ok(serde_json::Value::Null),
    };
    let commands: Vec<_> = ids.iter().map(command).collect();
    let registry = Registry::gather(&[&commands]);
    for platform in [Platform::Linux, Platform::Windows, Platform::Macos] {
        let (_, problems) = Keymap::load_for(platform, &[Keymap::bundled()], &registry);
        assert!(problems.is_empty(), "{platform:?}: {problems:#?}");
    }
}

#[test]
fn every_bundled_key_runs_a_command_that_exists() {
    let registry = Registry::gather(crate::command::GROUPS);
    for platform in [Platform::Linux, Platform::Windows, Platform::Macos] {
        let (_, problems) = Keymap::load_for(platform, &[Keymap::bundled()], &registry);
        let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert!(problems.is_empty(), "{platform:?}:\n{}", problems.join("\n"));
    }
}
