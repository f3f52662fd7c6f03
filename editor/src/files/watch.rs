//! Tells when other programs touch files that matter here.
//!
//! Folders are watched, not files: a file that is replaced by a rename keeps its name and nothing
//! else. An event only says where to look; what happened is read from the file.
//!
//! Another program may write beside an open file all the time, or into it. What is beside is
//! dropped on the thread that the system wakes; what is told is told a few times a second at most.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// These paths may have changed.
    Paths(Vec<PathBuf>),
    /// These files are followed from now on; what happened to them before was not seen.
    Following(BTreeSet<PathBuf>),
    /// Events were lost: anything may have changed.
    Everything,
    /// Watching does not work, for this reason.
    Failed(String),
}

/// Events that come within this time of each other are told together.
const TOGETHER: Duration = Duration::from_millis(30);

/// Events that never pause this long are told as often as this.
const TOGETHER_MAX: Duration = Duration::from_millis(250);

/// More paths than this at once are told as [`Seen::Everything`].
const PATHS_MAX: usize = 1_000;

enum Order {
    Follow(Wanted),
    Changed(Vec<PathBuf>),
    /// The system lost count.
    Lost,
}

/// What is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    files: BTreeSet<PathBuf>,
    /// Folders of which every file is.
    folders: BTreeSet<PathBuf>,
}

impl Wanted {
    fn has(&self, path: &Path) -> bool {
        self.files.contains(path) || path.parent().is_some_and(|at| self.folders.contains(at))
    }

    fn watched(&self) -> BTreeSet<PathBuf> {
        let beside = self.files.iter().filter_map(|file| file.parent());
        beside.map(Path::to_path_buf).chain(self.folders.iter().cloned()).collect()
    }
}

/// Watches folders on a thread of its own.
pub struct Watcher {
    orders: Sender<Order>,
    wanted: Wanted,
}

impl Watcher {
    /// Starts to watch nothing; `tell` runs on the watcher's thread.
    pub fn start(tell: impl Fn(Seen) + Send + 'static) -> std::io::Result<Self> {
        let (send, receive) = channel();
        let events = send.clone();
        std::thread::Builder::new()
            .name("watcher".to_owned())
            .spawn(move || run(&receive, events, &tell))?;
        Ok(Watcher { orders: send, wanted: Wanted::default() })
    }

    /// Follows exactly these files, and all files of these folders, from now on.
    pub fn follow<'a>(
        &mut self,
        files: impl Iterator<Item = &'a Path>,
        folders: impl Iterator<Item = &'a Path>,
    ) {
        let wanted = Wanted {
            files: files.map(Path::to_path_buf).collect(),
            folders: folders.map(Path::to_path_buf).collect(),
        };
        if wanted != self.wanted {
            self.wanted.clone_from(&wanted);
            // A thread that has ended told why it did.
            let _ = self.orders.send(Order::Follow(wanted));
        }
    }
}

/// Passes on what concerns `wanted`, on the thread that hears of everything.
fn pass_on(event: Result<Event, notify::Error>, wanted: &Mutex<Wanted>, orders: &Sender<Order>) {
    let order = match event {
        Err(_) => Order::Lost,
        Ok(event) if event.need_rescan() => Order::Lost,
        Ok(event) if event.kind.is_access() => return,
        Ok(Event { mut paths, .. }) => {
            let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
            paths.retain(|path| wanted.has(path));
            if paths.is_empty() {
                return;
            }
            Order::Changed(paths)
        }
    };
    // The program is ending when nobody listens.
    let _ = orders.send(order);
}

fn run(orders: &Receiver<Order>, events: Sender<Order>, tell: &dyn Fn(Seen)) {
    let wanted = Arc::new(Mutex::new(Wanted::default()));
    let heard = Arc::clone(&wanted);
    let handler = move |event| pass_on(event, &heard, &events);
    let mut followed = match RecommendedWatcher::new(handler, Config::default()) {
        Ok(watcher) => Followed { watcher, watched: BTreeSet::new(), wanted },
        Err(error) => return tell(Seen::Failed(error.to_string())),
    };
    while let Ok(first) = orders.recv() {
        let mut gathered = Gathered::default();
        let start = Instant::now();
        let mut take = |order, gathered: &mut Gathered| match order {
            Order::Follow(now) => followed.follow(now, tell),
            Order::Changed(paths) => gathered.paths.extend(paths),
            Order::Lost => gathered.is_lost = true,
        };
        take(first, &mut gathered);
        while !gathered.is_over(start) {
            // Asleep meanwhile, however many come.
            std::thread::sleep(TOGETHER);
            let come: Vec<Order> = orders.try_iter().collect();
            if come.is_empty() {
                break;
            }
            come.into_iter().for_each(|order| take(order, &mut gathered));
        }
        gathered.tell(tell);
    }
}

/// What happened close together.
#[derive(Default)]
struct Gathered {
    paths: BTreeSet<PathBuf>,
    is_lost: bool,
}

impl Gathered {
    /// Whether there is nothing more to wait for.
    fn is_over(&self, start: Instant) -> bool {
        let is_late = start.elapsed() >= TOGETHER_MAX;
        is_late || self.is_lost || self.paths.is_empty() || self.paths.len() > PATHS_MAX
    }

    fn tell(self, tell: &dyn Fn(Seen)) {
        if self.is_lost || self.paths.len() > PATHS_MAX {
            tell(Seen::Everything);
        } else if !self.paths.is_empty() {
            tell(Seen::Paths(self.paths.into_iter().collect()));
        }
    }
}

/// What the system is asked to tell of.
struct Followed {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    wanted: Arc<Mutex<Wanted>>,
}

impl Followed {
    fn follow(&mut self, now: Wanted, tell: &dyn Fn(Seen)) {
        let files = now.files.clone();
        let folders = now.watched();
        let before = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *wanted, now)
        };
        let fresh = rewatch(&mut self.watcher, &mut self.watched, folders);
        let is_new = |file: &PathBuf| {
            !before.files.contains(file) || file.parent().is_some_and(|at| fresh.contains(at))
        };
        let new: BTreeSet<PathBuf> = files.into_iter().filter(is_new).collect();
        if !new.is_empty() {
            tell(Seen::Following(new));
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

    fn started(folder: &Path) -> (Watcher, Receiver<Seen>, PathBuf) {
        let path = folder.join("file");
        std::fs::write(&path, "one").unwrap();
        let (send, receive) = channel();
        let mut watcher = Watcher::start(move |seen| drop(send.send(seen))).unwrap();
        watcher.follow([path.as_path()].into_iter(), std::iter::empty());
        let following = Seen::Following(BTreeSet::from([path.clone()]));
        assert_eq!(receive.recv_timeout(Duration::from_secs(5)).unwrap(), following);
        (watcher, receive, path)
    }

    #[test]
    fn a_file_that_is_replaced_is_told_of_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (_watcher, receive, path) = started(&folder);
        let draft = folder.join("draft");
        std::fs::write(&draft, "two").unwrap();
        std::fs::rename(&draft, &path).unwrap();
        let told = receive.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(told, Seen::Paths(vec![path]));
    }

    #[test]
    fn what_is_written_beside_a_file_all_the_time_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (_watcher, receive, path) = started(&folder);
        for number in 0..2_000 {
            std::fs::write(folder.join(format!("beside{}", number % 7)), "x").unwrap();
        }
        std::fs::write(&path, "two").unwrap();
        let told = receive.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(told, Seen::Paths(vec![path]), "nothing came before it");
    }

    #[test]
    fn a_file_that_is_written_without_pause_is_told_of_a_few_times_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (_watcher, receive, path) = started(&folder);
        let start = Instant::now();
        let mut written = 0;
        while start.elapsed() < Duration::from_millis(1500) {
            std::fs::write(&path, "x").unwrap();
            written += 1;
            std::thread::sleep(Duration::from_millis(2));
        }
        let first = receive.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(first, Seen::Paths(vec![path]));
        let told = 1 + receive.try_iter().count();
        assert!((2..=8).contains(&told), "{written} writes were told {told} times");
    }

    #[test]
    fn every_file_of_a_followed_folder_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (mut watcher, receive, path) = started(&folder);
        let inner = folder.join("themes");
        std::fs::create_dir(&inner).unwrap();
        watcher.follow([path.as_path()].into_iter(), [inner.as_path()].into_iter());
        // The watch stands some time after it was asked for.
        let new = inner.join("new");
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            std::fs::write(&new, "x").unwrap();
            match receive.recv_timeout(Duration::from_millis(200)) {
                Ok(told) => break assert_eq!(told, Seen::Paths(vec![new])),
                Err(_) => assert!(Instant::now() < until, "it was never told of"),
            }
        }
    }
}
