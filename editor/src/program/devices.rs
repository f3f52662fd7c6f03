//! The owner's other machines in the window: the list, the code to scan, the words to compare.

use std::sync::Arc;

use net::node::{Guest, Joining, Seen, Shown};
use net::pairing::Words;
use net::{Event, Standing};
use serde_json::json;

use super::{Overlay, Program};
use crate::devices::{machine_name, path_word};
use crate::notice::Severity;
use crate::picker::{About, Entries, Entry, Kind, Picker, Target};
use crate::prompt::{Prompt, Question};
use crate::registry::{Fault, FaultKind};
use crate::sharing::Order;
use crate::stores::Stores;
use crate::workers::Urgency;

impl Program {
    /// Hears of the devices from now on; their node starts if this device has others.
    pub(super) fn listen_to_devices(&mut self, stores: &Arc<Stores>) {
        let (devices, post) = (Arc::clone(&stores.devices), self.workers.post());
        let sharing = self.sharing().cloned();
        if let Some(sharing) = sharing.clone() {
            devices.keep_by(Box::new(move |device| sharing.held_of(device)));
        }
        let begun = sharing.clone();
        let told = move |event: Event| {
            // Frames are for whoever shares folders, off this thread.
            if let Some(event) = match &sharing {
                Some(sharing) => sharing.hear(event),
                None => Some(event),
            } {
                post(Box::new(move |program: &mut Program| program.hear_of_devices(event)));
            }
        };
        self.workers.run(
            "starting the devices' node",
            Urgency::Background,
            move || {
                devices.listen(Box::new(told))?;
                let group = devices.node().and_then(|node| node.group());
                if let (Some(sharing), Some(group)) = (begun, group) {
                    sharing.tell(Order::Group(group));
                }
                Ok(())
            },
            |program, started: Result<(), Fault>| {
                if let Err(fault) = started {
                    program.fail(&fault);
                }
            },
        );
    }

    fn hear_of_devices(&mut self, event: Event) {
        match event {
            Event::Met(words) => {
                if let Some(Overlay::Picker(picker)) = &mut self.window.overlay
                    && picker.qr.is_some()
                {
                    picker.about = met(words);
                    self.redraw();
                }
            }
            Event::Asked(guest) => {
                self.say(
                    Severity::Information,
                    format!("{} wants to join your devices.", guest.name),
                );
                // Where the code is shown the question follows; elsewhere nobody is interrupted.
                if self.shows_code() {
                    self.open_overlay(Overlay::Picker(question(&guest)));
                }
            }
            Event::JoinEnded(Ok(())) => {
                self.say(Severity::Information, "This device belongs to your others now.");
            }
            Event::JoinEnded(Err(error)) => self.fail(&Fault::told(FaultKind::State, &error)),
            Event::Trouble(sentence) => self.warn(sentence),
            Event::Changed(_) | Event::Connected(..) | Event::Disconnected(_) => self.redraw_all(),
            Event::Received(..) | Event::Room(..) => {}
        }
    }

    fn shows_code(&self) -> bool {
        matches!(&self.window.overlay, Some(Overlay::Picker(picker)) if picker.qr.is_some())
    }

    /// Lists the devices and who waits.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_devices(&mut self) -> Result<(), Fault> {
        let devices = Arc::clone(&self.need_stores()?.devices);
        self.show_when_read(
            "reading the devices",
            move || Ok((devices.list()?, devices.guests())),
            |(seen, guests)| list(&seen, &guests),
        );
        Ok(())
    }

    /// Shows one device, or the newcomer of that id.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn open_device(&mut self, id: &str) -> Result<(), Fault> {
        let (devices, id) = (Arc::clone(&self.need_stores()?.devices), id.to_owned());
        self.show_when_read(
            "reading the devices",
            move || {
                if let Some(guest) = devices.guests().iter().find(|it| it.id.to_string() == id) {
                    return Ok(question(guest));
                }
                let seen = devices.list()?;
                let found = seen.iter().find(|it| it.id.to_string() == id);
                found.map(device).ok_or_else(|| {
                    Fault::unknown("That device is not among yours: `device.open` lists them.")
                })
            },
            |picker| picker,
        );
        Ok(())
    }

    /// Shows a code to scan.
    ///
    /// # Errors
    /// While the profile is locked.
    pub fn add_device(&mut self) -> Result<(), Fault> {
        let devices = Arc::clone(&self.need_stores()?.devices);
        self.show_when_read(
            "making a pairing code",
            move || devices.show(machine_name()),
            |shown| code(&shown),
        );
        Ok(())
    }

    /// Goes to the device whose code was typed or pasted: `CODE` or `SHORT ADDRESS:PORT`.
    pub(super) fn join_by(&mut self, mut prompt: Prompt) {
        let typed = prompt.input.text().trim().to_owned();
        let devices = match self.need_stores() {
            Ok(stores) => Arc::clone(&stores.devices),
            Err(fault) => return self.fail(&fault),
        };
        prompt.trouble = Some("Looking for the other device…".to_owned());
        self.window.overlay = Some(Overlay::Prompt(prompt));
        let work = move || {
            let (code, at) = match typed.rsplit_once(' ') {
                Some((code, at)) if at.contains(':') && !typed.contains("HEARTH") => {
                    (code, Some(at))
                }
                _ => (typed.as_str(), None),
            };
            devices.join(code, at, machine_name())
        };
        let done = self.here(|program: &mut Program, joining: Result<Joining, Fault>| {
            let (Ok(joining), is_asked) = (&joining, program.asks_for_code()) else {
                let Err(fault) = joining else { return };
                return program.tell_in_prompt(fault);
            };
            if is_asked && let Some(picker) = words(joining) {
                program.open_overlay(Overlay::Picker(picker));
            }
        });
        self.workers.run("joining a device", Urgency::Awaited, work, done);
    }

    fn asks_for_code(&self) -> bool {
        matches!(&self.window.overlay, Some(Overlay::Prompt(prompt))
            if prompt.question == Question::PairingCode)
    }

    fn tell_in_prompt(&mut self, fault: Fault) {
        match &mut self.window.overlay {
            Some(Overlay::Prompt(prompt)) if prompt.question == Question::PairingCode => {
                prompt.trouble = Some(fault.sentence);
                self.redraw();
            }
            _ => self.fail(&fault),
        }
    }
}

fn entry(label: impl Into<String>, detail: impl Into<String>, target: Target) -> Entry {
    Entry {
        label: label.into(),
        detail: detail.into(),
        keys: Vec::new(),
        depth: 0,
        stretches: Vec::new(),
        target,
    }
}

fn panel(title: impl Into<String>, about: Vec<About>, entries: Vec<Entry>) -> Picker {
    let mut picker = Picker::new(Kind::Choices, title);
    picker.about = about;
    picker.fill(Arc::new(Entries::new(entries)));
    picker
}

fn list(seen: &[Seen], guests: &[Guest]) -> Picker {
    let look = |id: String| Target::Call("device.look", json!({ "id": id }));
    let mut entries: Vec<Entry> = guests
        .iter()
        .map(|it| entry(format!("{} wants to join", it.name), "look", look(it.id.to_string())))
        .collect();
    entries.extend(
        seen.iter()
            .filter(|it| it.standing.belongs())
            .map(|it| entry(it.name.as_str(), state(it), look(it.id.to_string()))),
    );
    entries.push(entry("Add a device", "shows a code to scan", Target::Command("device.add")));
    let is_alone = seen.iter().filter(|it| it.standing.belongs()).count() < 2;
    if is_alone {
        let target = Target::Command("device.enter");
        entries.push(entry("Join another device", "with the code that it shows", target));
    }
    let title = match seen.iter().filter(|it| it.standing.belongs()).count() {
        0 | 1 => "This is your only device yet".to_owned(),
        count => format!("{count} devices"),
    };
    panel(title, Vec::new(), entries)
}

fn state(seen: &Seen) -> String {
    let role = if seen.standing == Standing::Hub { "hub, " } else { "" };
    let state = match (seen.this, path_word(seen), seen.last_seen) {
        (true, ..) => "this device".to_owned(),
        (_, Some("relay"), _) => "connected through a hub".to_owned(),
        (_, Some(_), _) => "connected".to_owned(),
        (_, None, Some(ago)) => format!("seen {} ago", span(ago.as_secs())),
        (_, None, None) => "not seen yet".to_owned(),
    };
    format!("{role}{state}")
}

fn span(seconds: u64) -> String {
    match seconds / 60 {
        0 => "less than a minute".to_owned(),
        1 => "a minute".to_owned(),
        minutes @ 2..=119 => format!("{minutes} minutes"),
        minutes @ 120..=2879 => format!("{} hours", minutes / 60),
        minutes => format!("{} days", minutes / (60 * 24)),
    }
}

fn device(seen: &Seen) -> Picker {
    let id = seen.id.to_string();
    let about = vec![About::Fact("State", state(seen)), About::Fact("Id", id[..16].to_owned())];
    let mut entries = vec![entry("Back to the devices", "", Target::Command("device.open"))];
    if !seen.this && seen.standing.belongs() {
        let remove = Target::Call("device.remove", json!({ "id": id }));
        let label = format!("Remove {}", seen.name);
        entries.push(entry(label, "it reads nothing from then on", remove));
    }
    panel(seen.name.as_str(), about, entries)
}

/// The code to scan, as long as nobody has come.
fn code(shown: &Shown) -> Picker {
    let mut about = vec![
        About::Words("Scan this on the new machine, or type there:".to_owned()),
        About::Code(shown.short.to_string()),
    ];
    about.extend(shown.at.first().map(|at| About::Fact("At", at.to_string())));
    about.extend([
        About::Words(format!("It works once, for {} seconds.", shown.left.as_secs())),
        About::Words("Nothing is shared before you admit it.".to_owned()),
    ]);
    let mut picker = panel(
        "Add a device",
        about,
        vec![
            entry("Close", "the code goes on", Target::Nothing),
            entry("Take the code back", "", Target::Command("device.hide")),
        ],
    );
    picker.qr = Some(Arc::new(shown.qr.clone()));
    picker
}

/// A newcomer has the code and is asked.
fn met(words: Words) -> Vec<About> {
    vec![
        About::Words("A device has the code.".to_owned()),
        About::Words("Confirm there if it shows these words:".to_owned()),
        About::CheckWords(words.0),
    ]
}

/// Whether a newcomer is to be admitted.
fn question(guest: &Guest) -> Picker {
    let id = guest.id.to_string();
    let admit = json!({ "id": id, "words": guest.words.to_string() });
    panel(
        format!("{} wants to join", guest.name),
        vec![
            About::Words("Both screens must show the same four words.".to_owned()),
            About::CheckWords(guest.words.0),
            About::Words("Nothing is shared before you admit it.".to_owned()),
        ],
        vec![
            entry("Decide later", "", Target::Nothing),
            entry(
                format!("Admit {}", guest.name),
                "the words are the same",
                Target::Call("device.admit", admit),
            ),
            entry(
                "Refuse",
                "they differ, or it is none of yours",
                Target::Call("device.refuse", json!({ "id": id })),
            ),
        ],
    )
}

/// Whether this newcomer's person sees the same words on the other screen.
fn words(joining: &Joining) -> Option<Picker> {
    let Joining::Asked(host, words) = joining else { return None };
    let confirm = Target::Call("device.confirm", json!({ "words": words.to_string() }));
    Some(panel(
        format!("Join {}", host.card.name),
        vec![
            About::Fact("Group", host.group_name.to_string()),
            About::Words("Both screens must show the same four words.".to_owned()),
            About::CheckWords(words.0),
            About::Words("Nothing of this device was sent yet.".to_owned()),
        ],
        vec![
            entry("Do not join", "they differ", Target::Command("device.leave_joining")),
            entry("The words are the same: join", "", confirm),
        ],
    ))
}
