//! Objects between the local disk and another tier, which is a real folder.

#![allow(clippy::unwrap_used, reason = "the lint's exception does not reach what helps the tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kernel::disk::RealDisk;
use kernel::disk::sim::SplitMix;
use kernel::keys::{Profile, Protection, Unlocked};
use kernel::object::{
    Now, ObjectError, ObjectId, ObjectOptions, ObjectStore, RemoteConfig, Root, Tier,
};

struct Home {
    dir: tempfile::TempDir,
    profile: Unlocked,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("away")).unwrap();
        let profile =
            Profile::create(&RealDisk, &dir.path().join("home"), Protection::Unprotected).unwrap();
        Self { dir, profile }
    }

    fn open_with(&self, remote: Option<RemoteConfig>) -> ObjectStore {
        let options = ObjectOptions {
            pack_bytes: 200_000,
            cache_bytes: 0,
            remote,
            ..ObjectOptions::default()
        };
        let dir = self.dir.path().join("home/objects");
        ObjectStore::open(Arc::new(RealDisk), &dir, &self.profile, options).unwrap()
    }

    fn open(&self) -> ObjectStore {
        self.open_with(Some(RemoteConfig::Folder { path: self.dir.path().join("away") }))
    }

    fn away(&self) -> Vec<PathBuf> {
        files(&self.dir.path().join("away"))
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = SplitMix::new(seed);
    (0..len).map(|_| random.next_u64() as u8).collect()
}

/// Takes away what is not needed here any more.
fn sweep(store: &ObjectStore) {
    store.sweep(Now::read(), Duration::ZERO).unwrap();
    store.sweep(Now::read(), Duration::ZERO).unwrap();
}

#[test]
fn an_object_goes_out_is_read_through_and_comes_back() {
    let home = Home::new();
    let store = home.open();
    let (content, other) = (noise(1, 1_000_000), noise(2, 300_000));
    let id = store.put_held(&Root::new("a", "1"), &content).unwrap();
    let stays = store.put_held(&Root::new("a", "2"), &other).unwrap();
    let full = store.usage().unwrap().disk_bytes;
    assert!(matches!(store.evict(id), Err(ObjectError::NotAway(_))));
    store.copy_out(&[id]).unwrap();
    assert_eq!((store.tier(id).unwrap(), store.tier(stays).unwrap()), (Tier::Both, Tier::Local));
    store.evict(id).unwrap();
    sweep(&store);
    assert_eq!(store.tier(id).unwrap(), Tier::Remote);
    let left = store.usage().unwrap().disk_bytes;
    assert!(left < full - 900_000, "{left} of {full} bytes are left");
    // With a new process, and with an index that has to be built again.
    drop(store);
    fs::remove_file(home.dir.path().join("home/objects/index")).unwrap();
    let store = home.open();
    assert!(*store.get(id).unwrap() == content);
    assert!(**store.get_range(id, 500_000..500_100).unwrap() == content[500_000..500_100]);
    assert_eq!(store.verify().unwrap(), []);
    store.fetch(id).unwrap();
    assert_eq!(store.tier(id).unwrap(), Tier::Both);
    drop(store);
    for path in home.away() {
        fs::remove_file(path).unwrap();
    }
    assert!(*home.open().get(id).unwrap() == content, "it did not come back");
}

#[test]
fn the_local_copy_stays_unless_the_other_one_is_whole() {
    let home = Home::new();
    let store = home.open();
    let content = noise(1, 500_000);
    let id = store.put_held(&Root::new("a", "1"), &content).unwrap();
    store.copy_out(&[id]).unwrap();
    let path = home.away().pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(store.evict(id), Err(ObjectError::NotAway(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(store.evict(id), Err(ObjectError::NotAway(_))));
    sweep(&store);
    assert!(*store.get(id).unwrap() == content);
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    store.evict(id).unwrap();
    sweep(&store);
    // What goes wrong there later is never a wrong value.
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(store.get(id), Err(ObjectError::Damaged(_))));
    assert!(!store.verify().unwrap().is_empty());
    drop(store);
    assert!(matches!(home.open_with(None).get(id), Err(ObjectError::NoRemote)));
    // Putting it again heals it.
    let store = home.open();
    store.put(&content).unwrap();
    assert!(*store.get(id).unwrap() == content);
}

#[test]
fn what_nothing_holds_goes_from_the_other_tier_too() {
    let home = Home::new();
    let store = home.open();
    let (one, two) = (noise(1, 300_000), noise(2, 300_000));
    let held = store.put_held(&Root::new("a", "1"), &one).unwrap();
    let root = Root::new("a", "2");
    let dropped = store.put_held(&root, &two).unwrap();
    store.copy_out(&[held]).unwrap();
    store.copy_out(&[dropped]).unwrap();
    store.evict(held).unwrap();
    store.evict(dropped).unwrap();
    assert_eq!(home.away().len(), 2);
    store.release(&root).unwrap();
    sweep(&store);
    assert_eq!(home.away().len(), 1);
    assert!(*store.get(held).unwrap() == one && !store.contains(dropped));
}

#[test]
fn nothing_lies_in_the_other_tier_in_the_clear() {
    let home = Home::new();
    let store = home.open();
    let canary = b"a sentence that nobody else may read";
    let id = store.put_held(&Root::new("holder", "key"), canary).unwrap();
    store.copy_out(&[id]).unwrap();
    let away = home.away();
    assert_eq!(away.len(), 1);
    let mut bytes = fs::read(&away[0]).unwrap();
    bytes.extend_from_slice(away[0].to_str().unwrap().as_bytes());
    for secret in [&canary[..], &id.0, id.to_string().as_bytes()] {
        assert!(!bytes.windows(8).any(|window| window == &secret[..8]));
    }
}

#[test]
fn the_real_disk_keeps_objects_and_refuses_a_second_process() {
    let home = Home::new();
    let store = home.open();
    let content = noise(1, 3_000_000);
    let id = store.put_from(&mut &content[..]).unwrap();
    assert_eq!(id, ObjectId::of(&content));
    let (dir, options) = (home.dir.path().join("home/objects"), ObjectOptions::default());
    let second = ObjectStore::open(Arc::new(RealDisk), &dir, &home.profile, options);
    assert!(matches!(second, Err(ObjectError::Busy(_))));
    drop(store);
    assert!(*home.open().get(id).unwrap() == content);
}

#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_without_the_feature_is_refused_in_one_sentence() {
    let home = Home::new();
    let config: RemoteConfig = toml::from_str("kind = 's3'\nbucket = 'mine'").unwrap();
    let options = ObjectOptions { remote: Some(config), ..ObjectOptions::default() };
    let dir = home.dir.path().join("home/objects");
    let refused = ObjectStore::open(Arc::new(RealDisk), &dir, &home.profile, options);
    assert!(refused.err().unwrap().to_string().contains("feature `s3`"));
}

/// `HEARTH_S3` holds the settings of a bucket: `kind = 's3'` and so on.
#[cfg(feature = "s3")]
#[test]
fn a_bucket_serves_as_the_folder_does() {
    let Ok(config) = std::env::var("HEARTH_S3") else {
        eprintln!("not run: HEARTH_S3 names no bucket");
        return;
    };
    let home = Home::new();
    let store = home.open_with(Some(toml::from_str(&config).unwrap()));
    let content = noise(1, 1_000_000);
    let root = Root::new("a", "1");
    let id = store.put_held(&root, &content).unwrap();
    store.copy_out(&[id]).unwrap();
    store.evict(id).unwrap();
    sweep(&store);
    assert_eq!(store.tier(id).unwrap(), Tier::Remote);
    assert!(*store.get(id).unwrap() == content);
    store.release(&root).unwrap();
    sweep(&store);
    assert!(!store.contains(id));
}
