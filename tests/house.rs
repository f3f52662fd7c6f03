//! Holds the crate graph of the design: the manifests may draw the arrows that it names, no others.

#![allow(clippy::unwrap_used, reason = "what a test reads and cannot is a failure of the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;
use tests::tree;
use toml::Table;

/// What each room may stand on, its tests included. `Everything` is for what looks at the whole.
const ROOMS: &[(&str, Floor)] = &[
    ("text", Floor::Rooms(&[])),
    ("syntax", Floor::Rooms(&["text"])),
    ("render", Floor::Rooms(&[])),
    ("kernel", Floor::Rooms(&[])),
    ("rpc", Floor::Rooms(&[])),
    ("net", Floor::Rooms(&["kernel"])),
    ("sync", Floor::Rooms(&["text", "kernel", "net"])),
    ("train", Floor::Rooms(&["text", "syntax", "kernel"])),
    ("editor", Floor::Everything),
    ("tests", Floor::Everything),
    ("benches", Floor::Everything),
];

enum Floor {
    Rooms(&'static [&'static str]),
    Everything,
}

/// Nothing that a plain `cargo build` makes may bring these in.
const UNWANTED: &[(&str, &str)] = &[
    ("loro", "a rival, for benches/rivals"),
    ("yrs", "a rival, for benches/rivals"),
    ("automerge", "a rival, for benches/rivals"),
    ("cedar-policy", "an oracle for tests alone"),
    ("cudarc", "CUDA stays behind a feature"),
    ("aws-lc-sys", "ring builds in a quarter of the time"),
    ("openssl-sys", "needs a -dev package"),
    ("webkit2gtk-sys", "no web view"),
    ("wry", "no web view"),
    ("iroh", "246 crates; an optional feature at most"),
];

/// A manifest of the workspace.
struct Manifest {
    path: String,
    table: Table,
}

impl Manifest {
    fn name(&self) -> &str {
        self.table["package"]["name"].as_str().unwrap_or_default()
    }

    /// The names in every table of dependencies: plain, dev, build, and those of a target.
    fn dependencies(&self) -> BTreeSet<&str> {
        let mut tables = vec![&self.table];
        if let Some(targets) = self.table.get("target").and_then(|value| value.as_table()) {
            tables.extend(targets.values().filter_map(|value| value.as_table()));
        }
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        let found =
            tables.iter().flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)));
        found.filter_map(|value| value.as_table()).flat_map(dependency_names).collect()
    }
}

/// A dependency's crate, which `package` may name where the key does not.
fn dependency_names(table: &Table) -> impl Iterator<Item = &str> {
    table.iter().map(|(key, value)| {
        value.get("package").and_then(|package| package.as_str()).unwrap_or(key)
    })
}

fn root_manifest() -> Table {
    fs::read_to_string(tree::root().join("Cargo.toml")).unwrap().parse().unwrap()
}

fn list(table: &Table, key: &str) -> Vec<String> {
    let values = table["workspace"][key].as_array().unwrap();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn manifests() -> Vec<Manifest> {
    let read = |folder: String| {
        let path = format!("{folder}/Cargo.toml");
        let text = fs::read_to_string(tree::root().join(&path)).unwrap();
        Manifest { table: text.parse().unwrap(), path }
    };
    list(&root_manifest(), "members").into_iter().map(read).collect()
}

/// Arrows between our own crates that the design does not draw.
fn stray_arrows(manifests: &[Manifest]) -> Vec<String> {
    let ours: BTreeSet<_> = manifests.iter().map(Manifest::name).collect();
    let floors: BTreeMap<_, _> = ROOMS.iter().map(|(name, floor)| (*name, floor)).collect();
    let mut found = Vec::new();
    for manifest in manifests {
        let name = manifest.name();
        let allowed = match floors.get(name) {
            None => {
                found.push(format!("{}: `{name}` is no room of the design", manifest.path));
                continue;
            }
            Some(Floor::Everything) => continue,
            Some(Floor::Rooms(rooms)) => rooms,
        };
        for dependency in manifest.dependencies() {
            if ours.contains(dependency) && !allowed.contains(&dependency) {
                found.push(format!("{}: `{name}` must not stand on `{dependency}`", manifest.path));
            }
        }
    }
    found
}

/// What a crate of ours has to take from the workspace and does not.
fn own_ways(manifest: &Manifest) -> Vec<String> {
    let inherits = |table: &str, key: Option<&str>| {
        let value = manifest.table.get(table)?;
        let value = key.map_or(Some(value), |key| value.get(key))?;
        value.get("workspace")?.as_bool()
    };
    let mut found = Vec::new();
    if inherits("lints", None) != Some(true) {
        found.push(format!("{}: lints are not the workspace's", manifest.path));
    }
    for key in ["edition", "rust-version", "license", "version", "publish"] {
        if inherits("package", Some(key)) != Some(true) {
            found.push(format!("{}: {key} is not the workspace's", manifest.path));
        }
    }
    found
}

/// The versions of `name` in a `Cargo.lock`.
fn locked(lock: &Table, name: &str) -> Vec<String> {
    let packages = lock["package"].as_array().unwrap();
    let same = packages.iter().filter(|package| package["name"].as_str() == Some(name));
    same.map(|package| package["version"].as_str().unwrap().to_owned()).collect()
}

fn lock() -> Table {
    fs::read_to_string(tree::root().join("Cargo.lock")).unwrap().parse().unwrap()
}

/// The names of all that the default members resolve to with their default features, on Linux.
fn resolved(metadata: &Value) -> BTreeSet<String> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let edges: BTreeMap<_, _> =
        nodes.iter().map(|node| (node["id"].as_str().unwrap(), &node["dependencies"])).collect();
    let names = metadata["packages"].as_array().unwrap().iter();
    let names: BTreeMap<_, _> =
        names.map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap())).collect();
    let mut found = BTreeSet::new();
    let members = metadata["workspace_default_members"].as_array().unwrap();
    let mut open: Vec<_> = members.iter().map(|id| id.as_str().unwrap()).collect();
    while let Some(id) = open.pop() {
        if found.insert(names[id].to_owned()) {
            open.extend(edges[id].as_array().unwrap().iter().map(|id| id.as_str().unwrap()));
        }
    }
    found
}

fn unwanted(resolved: &BTreeSet<String>) -> Vec<String> {
    let bad = UNWANTED.iter().filter(|(name, _)| resolved.contains(*name));
    bad.map(|(name, why)| format!("{name} is built by default: {why}")).collect()
}

#[test]
fn crates_stand_only_on_what_the_design_says() {
    assert_eq!(stray_arrows(&manifests()), Vec::<String>::new());
}

#[test]
fn every_crate_takes_its_lints_and_edition_from_the_workspace() {
    let found: Vec<_> = manifests().iter().flat_map(own_ways).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn benches_are_built_only_when_asked_for() {
    let root = root_manifest();
    assert!(!list(&root, "default-members").contains(&"benches".to_owned()));
    assert!(list(&root, "exclude").contains(&"benches/rivals".to_owned()));
}

#[test]
fn every_profile_unwinds() {
    for (name, profile) in root_manifest()["profile"].as_table().unwrap() {
        let panic = profile.get("panic").map(|panic| panic.as_str().unwrap());
        assert!(panic.is_none_or(|panic| panic == "unwind"), "profile {name} aborts");
    }
}

#[test]
fn one_tree_sitter_runtime_is_locked() {
    assert_eq!(locked(&lock(), "tree-sitter").len(), 1);
}

#[test]
fn nothing_heavy_and_no_rival_is_built_by_default() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(tree::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let resolved = resolved(&serde_json::from_slice(&output.stdout).unwrap());
    assert!(resolved.contains("ropey"), "the default members were not resolved");
    assert_eq!(unwanted(&resolved), Vec::<String>::new());
}

/// Each check fails on what it is there for.
mod self_tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest { path: "x/Cargo.toml".to_owned(), table: text.parse().unwrap() }
    }

    fn pair(lower: &str, upper: &str, table: &str) -> Vec<Manifest> {
        vec![
            manifest(&format!("[package]\nname = \"{lower}\"\n[{table}]\n{upper} = \"1\"")),
            manifest(&format!("[package]\nname = \"{upper}\"")),
        ]
    }

    #[test]
    fn an_arrow_up_is_found_in_every_table() {
        for table in ["dependencies", "dev-dependencies", "target.'cfg(unix)'.build-dependencies"] {
            assert_eq!(stray_arrows(&pair("text", "render", table)).len(), 1, "{table}");
            assert_eq!(stray_arrows(&pair("syntax", "text", table)).len(), 0, "{table}");
        }
    }

    #[test]
    fn a_renamed_arrow_is_found() {
        let mut pair = pair("text", "render", "dependencies");
        let renamed = "[package]\nname = \"text\"\n[dependencies]\nx.package = \"render\"";
        pair[0] = manifest(renamed);
        assert_eq!(stray_arrows(&pair).len(), 1);
    }

    #[test]
    fn a_crate_that_the_design_does_not_know_is_found() {
        assert_eq!(stray_arrows(&[manifest("[package]\nname = \"cellar\"")]).len(), 1);
    }

    #[test]
    fn a_crate_with_its_own_lints_or_edition_is_found() {
        let own = "[package]\nname = \"text\"\nedition = \"2021\"\n[lints.rust]\n";
        assert_eq!(own_ways(&manifest(own)).len(), 6);
    }

    #[test]
    fn a_second_runtime_and_a_rival_are_found() {
        let two = "[[package]]\nname = \"tree-sitter\"\nversion = \"0.20.0\"\n\
                   [[package]]\nname = \"tree-sitter\"\nversion = \"0.27.0\"\n";
        assert_eq!(locked(&two.parse().unwrap(), "tree-sitter").len(), 2);
        assert_eq!(unwanted(&["ropey", "yrs"].map(str::to_owned).into()).len(), 1);
    }
}
