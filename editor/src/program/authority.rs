//! The program before its gate: the stores once the profile is unlocked, the policy as its files
//! change, and what a person is asked.

use std::sync::Arc;

use kernel::authority::Event;
use kernel::gate::KillSwitch;
use kernel::inbox::{Item, ItemId, ItemState};
use kernel::principal::Principal;
use kernel::run::RunState;
use kernel::run::schedule::{LocalZone, Parts, Scheduler, ThisMachine};
use serde_json::Value;

use super::Program;
use crate::guard;
use crate::notice::Severity;
use crate::registry::{Arguments, Fault, FaultKind};
use crate::stores::{self, Asking, Driving, Opening, Stores, upkeep};
use crate::workers::Urgency;

impl Program {
    /// Opens what the profile keeps beside its texts.
    pub(super) fn open_stores(&mut self) {
        let (Some(keys), Some(log)) = (self.keys.clone(), self.journal.writer()) else { return };
        if self.stores.is_some() || std::mem::replace(&mut self.is_opening_stores, true) {
            return;
        }
        let post = self.workers.post();
        let told = move |event| {
            post(Box::new(move |program: &mut Program| program.hear_of_inbox(event)));
        };
        let places = self.places.clone();
        let (gate, around) = (Arc::clone(&self.gate), self.around.clone());
        self.workers.run(
            "opening the stores",
            Urgency::Background,
            move || {
                let files = guard::policy_files(&places, None, &Default::default());
                let told = Box::new(told);
                Stores::open(Opening { places, keys, log, gate, files, around, told })
            },
            Program::take_stores,
        );
    }

    fn take_stores(&mut self, opened: Result<(Stores, Vec<String>), Fault>) {
        self.is_opening_stores = false;
        match opened {
            Ok((stores, problems)) => {
                for problem in problems {
                    self.say(Severity::Warning, problem);
                }
                let stores = Arc::new(stores);
                self.stores = Some(Arc::clone(&stores));
                self.count_inbox();
                self.reload_folders_then(|program| {
                    // What a process before left goes on, unless a person has to say something.
                    program.go_on(is_left);
                });
                self.schedule_upkeep(&stores);
                self.start_sharing();
                self.listen_to_devices(&stores);
            }
            Err(fault) => {
                self.say(
                    Severity::Error,
                    format!("Nothing will act on its own, since {}", lowered(&fault.sentence)),
                );
                self.reload_folders();
            }
        }
    }

    /// Lets the upkeep be done while nobody needs the machine.
    fn schedule_upkeep(&mut self, stores: &Arc<Stores>) {
        let scheduler = Scheduler::start(Parts {
            runs: Arc::clone(&stores.runs),
            machine: Arc::new(ThisMachine),
            presence: Arc::clone(&self.around.presence),
            zone: Arc::new(LocalZone),
            places: 1,
        });
        match scheduler {
            Ok(scheduler) => {
                if let Some(upkeep) = upkeep::scheduled()
                    && let Err(error) = scheduler.schedule(upkeep)
                {
                    self.fail(&Fault::told(FaultKind::State, &error));
                }
                self.scheduler = Some(scheduler);
            }
            Err(error) => self.fail(&Fault::machine(format!(
                "No thread for what is done while nobody needs the machine: {error}."
            ))),
        }
        let runs = Arc::clone(&stores.runs);
        self.workers.run(
            "taking old upkeep away",
            Urgency::Background,
            move || upkeep::forget_old(&runs),
            |program, done| {
                if let Err(error) = done {
                    program.fail(&Fault::told(FaultKind::State, &error));
                }
            },
        );
    }

    /// News of the Inbox.
    fn hear_of_inbox(&mut self, event: Event) {
        let Some(stores) = self.stores.clone() else { return };
        match event {
            Event::Asked(id) => self.workers.run(
                "reading the Inbox",
                Urgency::Background,
                move || stores.authority.show(id).ok(),
                |program, item| {
                    if let Some(item) = item {
                        let sentence = format!("{}; it waits in the Inbox.", asks(&item));
                        program.say(Severity::Information, sentence);
                    }
                },
            ),
            Event::Settled(_) => self.go_on(|state| state == RunState::Asks),
        }
        self.count_inbox();
    }

    /// Goes on with runs that nobody drives; which there are is read on a worker.
    fn go_on(&mut self, with: fn(RunState) -> bool) {
        let Some(stores) = self.stores.clone() else { return };
        self.workers.run(
            "going on with runs",
            Urgency::Background,
            move || stores.go_on(with),
            |program, done| {
                if let Err(fault) = done {
                    program.fail(&fault);
                }
            },
        );
    }

    /// Counts what waits, for the status line.
    fn count_inbox(&mut self) {
        let Some(stores) = self.stores.clone() else { return };
        self.workers.run(
            "counting the Inbox",
            Urgency::Background,
            move || {
                let items = stores.authority.items().unwrap_or_default();
                items.iter().filter(|(_, item)| item.state == ItemState::Open).count()
            },
            |program, count| {
                program.inbox_count = count;
                program.redraw_all();
            },
        );
    }

    /// Does one of the stores' actions on a worker and answers its caller.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn ask_stores(&mut self, id: &'static str, arguments: &Arguments) -> Result<Value, Fault> {
        let stores = self.need_stores()?;
        let reply = self.answer_later();
        let asking = Asking {
            actor: self.caller.clone(),
            folder: self.window.folder.clone(),
            driving: Driving::Aside,
        };
        let arguments = arguments.clone();
        self.workers.run(
            id,
            Urgency::Awaited,
            move || {
                let answer = stores::act(&stores, id, &arguments, &asking)?;
                if id == "kill.off" {
                    stores.go_on(is_left)?;
                }
                Ok(answer)
            },
            move |program, answer| {
                program.redraw_all();
                if answer.is_ok() && matches!(id, "trust.grant" | "trust.revoke") {
                    // Whoever asked finds it in force.
                    program.reload_folders_then(move |_| reply(answer));
                } else {
                    reply(answer);
                }
            },
        );
        Ok(Value::Null)
    }

    /// The stores.
    ///
    /// # Errors
    /// While the profile is locked, or they are being opened.
    pub fn need_stores(&self) -> Result<Arc<Stores>, Fault> {
        self.stores.clone().ok_or_else(|| {
            Fault::state(match self.is_opening_stores {
                true => "The profile's stores are still being opened: try again in a moment.",
                false => "The profile is locked, so nothing is remembered: unlock it first.",
            })
        })
    }

    /// Throws the kill switch. Where no store remembers it, its file does.
    ///
    /// # Errors
    /// What the stores say.
    pub fn throw_kill_switch(
        &mut self,
        switch: KillSwitch,
        arguments: &Arguments,
    ) -> Result<Value, Fault> {
        let id = match switch {
            KillSwitch::On => {
                // At once, whatever the disk does.
                self.gate.set_kill_switch(switch);
                "kill.on"
            }
            KillSwitch::Off => "kill.off",
        };
        self.redraw_all();
        if self.stores.is_some() {
            return self.ask_stores(id, arguments);
        }
        let (file, gate) = (guard::switch(&self.places), Arc::clone(&self.gate));
        let reply = self.answer_later();
        self.workers.run(
            id,
            Urgency::Awaited,
            move || {
                let set = file.set(switch);
                set.map_err(|error| Fault::file("Writing", file.path(), &error))?;
                gate.set_kill_switch(switch);
                Ok(serde_json::json!({ "on": switch == KillSwitch::On }))
            },
            move |program, answer| {
                program.redraw_all();
                reply(answer);
            },
        );
        Ok(Value::Null)
    }

    /// What the status line says of the gate, where a person should know.
    pub(super) fn gate_states(&self) -> Vec<String> {
        let mut states = Vec::new();
        if self.gate.kill_switch() == KillSwitch::On {
            states.push("kill switch on: nothing acts on its own".to_owned());
        }
        match self.inbox_count {
            0 => {}
            1 => states.push("1 question in the Inbox".to_owned()),
            count => states.push(format!("{count} questions in the Inbox")),
        }
        states
    }

    /// Whose call it is that runs.
    pub(super) fn speak_for(&mut self, caller: Principal) -> Principal {
        std::mem::replace(&mut self.caller, caller)
    }
}

/// Whether a run that nobody drives may go on by itself.
fn is_left(state: RunState) -> bool {
    matches!(state, RunState::Waiting | RunState::Running | RunState::Cancelling)
}

/// Who asks for what, as the beginning of a sentence.
pub fn asks(item: &Item) -> String {
    let to = match item.resource.as_str() {
        "nothing" => String::new(),
        resource => format!(" to {}", resource.split_once(':').map_or(resource, |it| it.1)),
    };
    format!("{} asks for {}{to}", item.principal, item.action)
}

/// An item's id as a command takes it.
pub fn id_json(id: ItemId) -> Value {
    serde_json::json!({ "id": id.0 })
}

fn lowered(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
