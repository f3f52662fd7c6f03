//! How the program begins: what is needed for a first frame now, everything else after it.

use std::sync::Arc;
use std::time::Instant;

use kernel::disk::RealDisk;
use kernel::gate::Gate;
use kernel::keys::{Origin, Profile, Sealer, Unlocked};
use kernel::log::{Log, LogOptions};
use kernel::principal::Principal;
use render::shape::{Fonts, Shaper};
use serde_json::Value;

use super::{Program, Window, WindowId};
use crate::cli::{Beginning, Mode, Opening, Place, Wait};
use crate::clipboard::Clipboard;
use crate::control::{Control, Desk, Driving, Mailbox, Request, Verifier};
use crate::directories::Directories;
use crate::guard;
use crate::instance::Resident;
use crate::journal::{self, Journal, Lock, Restored};
use crate::keymap::Keymap;
use crate::notice::{Notices, Severity};
use crate::profile::{self, Guard, Keys};
use crate::record::{self, Field, Measure};
use crate::registry::{Fault, Registry};
use crate::settings::{Level, Settings};
use crate::stores;
use crate::workers::{Post, Urgency, Workers};

/// A process that may become the program.
pub struct Start {
    /// What the command line says.
    pub beginning: Beginning,
    /// Which clipboard it shares.
    pub clipboard: Clipboard,
}

/// Hands calls of the control socket to the UI thread.
struct ToUi(Post);

impl Mailbox for ToUi {
    fn post(&self, request: Request) {
        (self.0)(Box::new(move |program: &mut Program| program.control(request)));
    }
}

/// What a profile gives for the journal at once, and what it still has to be asked for.
struct Profiled {
    sealer: Sealer,
    keys: Option<Unlocked>,
    lock: Lock,
    problem: Option<Fault>,
}

impl Start {
    /// Makes the program. `post` is how other threads reach its loop.
    pub fn begin(self, post: Post) -> Result<Program, Fault> {
        crate::schedule::as_interactive();
        let Beginning { directories, opening, mode, resident, .. } = self.beginning;
        let clipboard = self.clipboard;
        let Resident { listener, lock } = resident;
        let driving = match mode {
            Mode::Window => Driving::Refused,
            Mode::Drive | Mode::Headless => Driving::Allowed,
        };
        let mut program = Program::new(directories, clipboard, Arc::clone(&post));
        program.held = Some(lock);
        let (gate, problems) = guard::gate(&program.places, None);
        program.gate = Arc::new(gate);
        let desk = Desk {
            registry: Registry::gather(crate::command::GROUPS),
            gate: Arc::clone(&program.gate),
            around: program.around.clone(),
            driving,
        };
        let control = Control::serve(listener, desk, ToUi(post))
            .map_err(|error| Fault::machine(format!("The control socket failed: {error}.")))?;
        problems.iter().for_each(|problem| program.warn(format!("{problem}.")));
        program.control = Some(control);
        program.load_files();
        program.open_journal();
        program.restore_then(opening);
        Ok(program)
    }
}

impl Program {
    /// A program with nothing open and no journal.
    pub fn new(places: Directories, clipboard: Clipboard, post: Post) -> Self {
        let registry = Registry::gather(crate::command::GROUPS);
        let (keymap, _) = Keymap::load(&[Keymap::bundled()], &registry);
        Program {
            registry,
            keymap,
            settings: Settings::default(),
            shaper: Shaper::new(Fonts::bundled()),
            window: Window::new(WindowId(1)),
            others: Vec::new(),
            focus: WindowId(1),
            next_window: 1,
            comparisons: Vec::new(),
            next_compare: 0,
            is_seen: true,
            buffers: Default::default(),
            notices: Notices::default(),
            workers: Workers::new(post),
            journal: Journal::missing("the journal is not open yet"),
            clipboard,
            recent: Vec::new(),
            closed: Vec::new(),
            memory: Default::default(),
            places,
            requests: Vec::new(),
            preferred: Default::default(),
            last_command: "start".to_owned(),
            calls: Default::default(),
            next_buffer: 1,
            next_draft: 0,
            session_due: None,
            is_restoring: false,
            held: None,
            control: None,
            watcher: None,
            offered: None,
            last_find: None,
            kept_layout: 0,
            fonts: None,
            missing_fonts: Vec::new(),
            is_proportional: false,
            keys: None,
            gate: Arc::new(Gate::new(Default::default(), Default::default()).0),
            stores: None,
            is_opening_stores: false,
            sharing: Default::default(),
            around: Default::default(),
            told_of_policy: Vec::new(),
            told_of_folders: Default::default(),
            scheduler: None,
            inbox_count: 0,
            caller: Principal::Owner,
        }
    }

    /// A program for tests: no journal, and work is answered through `post`.
    #[cfg(test)]
    pub fn for_tests(folder: &std::path::Path, post: Post) -> Self {
        let places = Directories::under(folder, folder.join("run"));
        let mut program = Program::new(places, Clipboard::private(), post);
        program.journal = Journal::unkept();
        program
    }

    /// A call from the control socket.
    fn control(&mut self, request: Request) {
        if request.cancelled.is_cancelled() {
            return;
        }
        let Request { principal, method, params, trace, reply, .. } = request;
        let start = Instant::now();
        let name = method.clone();
        let reply = Box::new(move |result: Result<Value, Fault>| {
            let ms = Field::Number(start.elapsed().as_secs_f64() * 1e3);
            let fields = [
                ("principal", Field::text(principal.name())),
                ("method", Field::text(&name)),
                ("result", Field::text(if result.is_ok() { "done" } else { "fault" })),
                ("ms", ms),
            ];
            record::traced(Level::Debug, "control.answer", trace, &fields);
            reply(result);
        });
        let before = self.speak_for(principal.of_gate());
        self.call(&method, params, reply);
        self.speak_for(before);
    }

    /// Opens the journal with what the profile gives without waiting.
    fn open_journal(&mut self) {
        let profiled = match open_profile(&self.places) {
            Ok(profiled) => profiled,
            Err(fault) => {
                self.journal = Journal::missing(fault.sentence.clone());
                self.fail(&fault);
                return;
            }
        };
        let disk = Arc::new(record::TimedDisk);
        let log = Log::open(disk, &self.places.log(), profiled.sealer, LogOptions::default());
        let journal = log.map_err(|error| error.to_string()).and_then(|log| {
            Journal::start(log, profiled.lock, self.workers.post())
                .map_err(|error| error.to_string())
        });
        match journal {
            Ok(journal) => self.journal = journal,
            Err(reason) => {
                self.journal = Journal::missing(reason.clone());
                self.say(
                    Severity::Error,
                    format!("Edits are not kept over a crash: {}.", reason.trim_end_matches('.')),
                );
            }
        }
        if let Some(problem) = profiled.problem {
            self.say(Severity::Warning, problem.sentence);
        }
        if let Some(keys) = profiled.keys {
            self.take_keys(keys);
        }
    }

    /// The profile is unlocked: what was written can be read, and the owner can prove itself.
    pub(super) fn take_keys(&mut self, keys: Unlocked) {
        self.journal.set_lock(Lock::Open, Some(keys.sealer(journal::PURPOSE)));
        if let Some(control) = &self.control {
            control.trust(Verifier::new(&keys));
        }
        let origin = keys.origin();
        let keys = Arc::new(keys);
        self.keys = Some(Arc::clone(&keys));
        match origin {
            Origin::Elsewhere => self.came_from_elsewhere(keys),
            _ => self.open_stores_when_calm(),
        }
    }

    /// The stores wait until what was open is back: nobody looks at them before.
    fn open_stores_when_calm(&mut self) {
        if !self.is_restoring {
            self.open_stores();
        }
    }

    /// Tells once that the profile was copied: two machines that both go on from it are two.
    fn came_from_elsewhere(&mut self, keys: Arc<Unlocked>) {
        self.say(
            Severity::Warning,
            "This profile comes from another machine: if that one goes on using it, the two will \
             not know of each other's edits."
                .to_owned(),
        );
        record::event(Level::Warn, "profile.copied", &[]);
        let places = self.places.clone();
        self.workers.run(
            "noting that the profile is here now",
            Urgency::Background,
            move || {
                stores::set_identity_aside(&places)?;
                keys.settle(&RealDisk, &places.profile()).map_err(|error| profile::told(&error))
            },
            |program, settled| match settled {
                Ok(()) => program.open_stores_when_calm(),
                Err(fault) => program.fail(&fault),
            },
        );
    }

    /// Restores what was open, then opens what was asked for.
    fn restore_then(&mut self, opening: Opening) {
        self.is_restoring = true;
        self.open_early(&opening);
        let (reader, keys) = (self.journal.reader(), self.keys.clone());
        let places = self.places.clone();
        let start = Instant::now();
        self.workers.run(
            "restoring what was open",
            Urgency::Awaited,
            move || {
                let unlocked = match &keys {
                    Some(_) => Ok(None),
                    None => unlock(&places).map(Some),
                };
                let keys = match (&keys, &unlocked) {
                    (Some(keys), _) => Some(keys.as_ref()),
                    (None, Ok(keys)) => keys.as_ref(),
                    (None, Err(_)) => None,
                };
                let restored = match (reader, keys) {
                    (Some(reader), Some(keys)) => {
                        journal::restore(&reader, &keys.opener(journal::PURPOSE))
                            .map_err(|error| error.to_string())
                    }
                    _ => Ok(Restored::default()),
                };
                (restored, unlocked)
            },
            move |program, (restored, unlocked)| {
                match unlocked {
                    Ok(Some(keys)) => program.take_keys(keys),
                    Ok(None) => {}
                    Err(fault) => {
                        program.journal.set_lock(Lock::Locked, None);
                        program.say(Severity::Warning, fault.sentence);
                    }
                }
                let early = program.set_early_aside();
                match restored {
                    Ok(mut restored) => {
                        // What was typed since the start is in the log already, and still open.
                        restored.texts.retain(|text| !early.holds(text.stream));
                        program.take_restored(restored);
                    }
                    Err(sentence) => program.say(
                        Severity::Error,
                        format!("What was open could not be restored: {sentence}."),
                    ),
                }
                program.take_back(early, opening.place);
                program.is_restoring = false;
                record::time(Measure::Restore, start.elapsed());
                program.open_all(opening);
                program.after_start();
            },
        );
    }

    /// What may wait until the first frame is there.
    fn after_start(&mut self) {
        self.load_system_fonts();
        self.watch_files();
        self.finish_saves();
        self.open_stores();
        self.reload_folders();
        self.redraw();
    }

    /// Opens what the command line named; what goes wrong is shown.
    fn open_all(&mut self, opening: Opening) {
        let post = self.workers.post();
        let reply = Box::new(move |result: Result<Value, Fault>| {
            if let Err(fault) = result {
                post(Box::new(move |program: &mut Program| program.fail(&fault)));
            }
        });
        if opening.items.is_empty() {
            return;
        }
        // Files are in the window of their own by now, if they wanted one and were opened early.
        let has_own = self.window.is_blank() || self.window.id != WindowId(1);
        let place = if has_own { Place::Current } else { opening.place };
        // Nobody waits here: the process is this one.
        self.open_items(Opening { wait: Wait::No, place, ..opening }, reply);
    }
}

/// The profile as far as it opens at once. A passphrase is stretched later, on a worker: until
/// then what is typed is sealed to the public key.
fn open_profile(places: &Directories) -> Result<Profiled, Fault> {
    let disk = RealDisk;
    let file = profile::passphrase_file();
    // Both may take long, and a keychain may ask its owner.
    if matches!(profile::guard(&disk, places)?, Some(Guard::Passphrase | Guard::Keychain)) {
        let locked = Profile::open(&disk, &places.profile()).map_err(|e| profile::told(&e))?;
        let sealer = locked.sealer(journal::PURPOSE).map_err(|e| profile::told(&e))?;
        return Ok(Profiled { sealer, keys: None, lock: Lock::Opening, problem: None });
    }
    let opened = profile::open_or_make(&disk, places, file.as_deref())?;
    // That nothing protects a profile is its owner's choice, which stands in the records.
    record::event(Level::Info, "profile.open", &[("guard", Field::text(opened.guard.name()))]);
    match opened.keys {
        Keys::Open(keys) => Ok(Profiled {
            sealer: keys.sealer(journal::PURPOSE),
            keys: Some(keys),
            lock: Lock::Open,
            problem: None,
        }),
        Keys::Sealed { locked, reason } => Ok(Profiled {
            sealer: locked.sealer(journal::PURPOSE).map_err(|e| profile::told(&e))?,
            keys: None,
            lock: Lock::Locked,
            problem: Some(reason),
        }),
    }
}

/// Stretches the passphrase and unlocks the profile. Takes a good part of a second.
fn unlock(places: &Directories) -> Result<Unlocked, Fault> {
    let file = profile::passphrase_file();
    match profile::open_or_make(&RealDisk, places, file.as_deref())?.keys {
        Keys::Open(keys) => Ok(keys),
        Keys::Sealed { reason, .. } => Err(reason),
    }
}
