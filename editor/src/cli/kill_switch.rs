//! `hearth kill-switch`: whoever it is may stop what acts on its own; to let it act again is its
//! owner's word.

use kernel::gate::KillSwitch;
use serde_json::{Value, json};

use super::asks::SwitchAsk;
use super::invocation::Form;
use super::line;
use super::reach::{Reach, Wish};
use crate::directories::Directories;
use crate::guard;
use crate::instance;
use crate::registry::{Fault, FaultKind};

pub(super) fn run(directories: &Directories, ask: SwitchAsk, form: Form) -> Result<String, Fault> {
    let switch = guard::switch(directories);
    match ask {
        SwitchAsk::State => {}
        SwitchAsk::On => {
            // The file first: it holds even where the program does not answer.
            directories.make()?;
            switch
                .set(KillSwitch::On)
                .map_err(|error| Fault::file("Writing", switch.path(), &error))?;
            if let Some(client) = instance::find(directories)? {
                let timeout = std::time::Duration::from_secs(10);
                client.call("kill.on", Value::Null, timeout).map_err(|fault| {
                    Fault::new(
                        FaultKind::Machine,
                        format!(
                            "The switch is thrown for the next start, and the running Hearth did \
                             not take it: {} End it.",
                            fault.sentence
                        ),
                    )
                })?;
            }
        }
        SwitchAsk::Off => {
            if switch.state() == KillSwitch::Off {
                return Err(Fault::state("The kill switch is off already."));
            }
            Reach::open(directories, Wish::Word)?.ask("kill.off", json!({ "sure": true }))?;
        }
    }
    let is_on = switch.state() == KillSwitch::On;
    Ok(match form {
        Form::Json => line(&json!({ "on": is_on })),
        _ if is_on => "The kill switch is on: nothing acts on its own.\n".to_owned(),
        _ => "The kill switch is off.\n".to_owned(),
    })
}
