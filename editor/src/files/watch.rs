//! Tells when other programs touch files that matter here.
//!
//! Folders are watched, not files: a file that is replaced by a rename keeps its name and nothing
//! else. An event only says where to look; what happened is read from the file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// These paths may have changed.
    Paths(Vec<PathBuf>),
    /// These folders are watched from now on; what happened in them before was not seen.
    Watching(BTreeSet<PathBuf>),
    /// Events were lost: anything may have changed.
    Everything,
    /// Watching does not work, for this reason.
    Failed(String),
}

/// Events that come within this time of each other are told together.
const TOGETHER: Duration = Duration::from_millis(30);

/// More paths than this at once are told as [`Seen::Everything`].
const PATHS_MAX: usize = 1_000;

enum Order {
    Watch(BTreeSet<PathBuf>),
    Event(Result<Event, notify::Error>),
}

/// Watches folders on a thread of its own.
pub struct Watcher {
    orders: Sender<Order>,
    folders: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Starts to watch nothing; `tell` runs on the watcher's thread.
    pub fn start(tell: impl Fn(Seen) + Send + 'static) -> std::io::Result<Self> {
        let (send, receive) = channel();
        let events = send.clone();
        std::thread::Builder::new()
            .name("watcher".to_owned())
            .spawn(move || run(&receive, events, &tell))?;
        Ok(Watcher { orders: send, folders: BTreeSet::new() })
    }

    /// Watches exactly the folders of these files from now on.
    pub fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let folders: BTreeSet<PathBuf> =
            files.filter_map(Path::parent).map(Path::to_path_buf).collect();
        if folders != self.folders {
            self.folders.clone_from(&folders);
            // A thread that has ended told why it did.
            let _ = self.orders.send(Order::Watch(folders));
        }
    }
}

fn run(orders: &Receiver<Order>, events: Sender<Order>, tell: &dyn Fn(Seen)) {
    let handler = move |event| {
        // The program is ending when nobody listens.
        let _ = events.send(Order::Event(event));
    };
    let mut watcher = match RecommendedWatcher::new(handler, Config::default()) {
        Ok(watcher) => watcher,
        Err(error) => return tell(Seen::Failed(error.to_string())),
    };
    let mut watched: BTreeSet<PathBuf> = BTreeSet::new();
    while let Ok(first) = orders.recv() {
        let mut paths = BTreeSet::new();
        let mut is_lost = false;
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Watch(folders) => {
                    let new = rewatch(&mut watcher, &mut watched, folders);
                    if !new.is_empty() {
                        tell(Seen::Watching(new));
                    }
                }
                Order::Event(Ok(event)) => {
                    is_lost |= event.need_rescan();
                    if !event.kind.is_access() {
                        paths.extend(event.paths);
                    }
                }
                Order::Event(Err(_)) => is_lost = true,
            }
            next = orders.recv_timeout(TOGETHER).ok();
            if paths.len() > PATHS_MAX {
                is_lost = true;
                break;
            }
        }
        if is_lost {
            tell(Seen::Everything);
        } else if !paths.is_empty() {
            tell(Seen::Paths(paths.into_iter().collect()));
        }
    }
}

fn rewatch(
    watcher: &mut RecommendedWatcher,
    watched: &mut BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
) -> BTreeSet<PathBuf> {
    let gone: Vec<PathBuf> =
        watched.iter().filter(|folder| !folders.contains(*folder)).cloned().collect();
    for folder in gone {
        watched.remove(&folder);
        // A folder that was deleted is watched no more anyway.
        let _ = watcher.unwatch(&folder);
    }
    let mut new = BTreeSet::new();
    for folder in folders {
        // A folder that does not exist is looked at when the window gets the focus.
        if !watched.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok()
        {
            watched.insert(folder.clone());
            new.insert(folder);
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_replaced_is_told_of_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let path = folder.join("file");
        std::fs::write(&path, "one").unwrap();
        let (send, receive) = channel();
        let mut watcher = Watcher::start(move |seen| send.send(seen).unwrap()).unwrap();
        watcher.follow([path.as_path()].into_iter());
        let watching = Seen::Watching(BTreeSet::from([folder.clone()]));
        assert_eq!(receive.recv_timeout(Duration::from_secs(5)).unwrap(), watching);
        let draft = folder.join("draft");
        std::fs::write(&draft, "two").unwrap();
        std::fs::rename(&draft, &path).unwrap();
        let mut named = false;
        while let Ok(seen) = receive.recv_timeout(Duration::from_secs(5)) {
            if matches!(&seen, Seen::Paths(paths) if paths.contains(&path)) {
                named = true;
                break;
            }
        }
        assert!(named, "the replaced file was told of");
    }
}
