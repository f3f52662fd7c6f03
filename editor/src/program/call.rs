//! Commands and who waits for them: keys, the palette, the control socket.
//!
//! A handler answers at once, or takes the reply with [`Program::answer_later`] and gives it to
//! the worker that knows. What was changed is durable before a caller on the socket hears of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kernel::action::Risk;
use kernel::gate::{Context, Resource};
use kernel::principal::Principal;
use serde_json::Value;

use super::Program;
use crate::guard::{self, Redaction};
use crate::input::Input;
use crate::registry::{Arguments, Fault, FaultKind};
use crate::shell::Reply;

/// Callers that wait.
#[derive(Default)]
pub struct Calls {
    current: Option<Reply>,
    driven: VecDeque<Driven>,
    idle: Vec<IdleWait>,
}

/// Keys and texts of a script that are not typed yet.
struct Driven {
    inputs: VecDeque<Input>,
    reply: Reply,
}

/// Somebody who waits until nothing is pending.
struct IdleWait {
    until: Instant,
    reply: Reply,
}

impl Program {
    /// Runs a command for the person; a fault is shown.
    pub fn perform(&mut self, id: &str, arguments: Value) {
        let post = self.workers.post();
        let reply: Reply = Box::new(move |result| {
            // What was given up is no news: the person was asked something instead.
            if let Err(fault) = result
                && fault.kind != FaultKind::Cancelled
            {
                post(Box::new(move |program: &mut Program| program.fail(&fault)));
            }
        });
        match self.may_person(id) {
            Ok(()) => self.call(id, arguments, reply),
            Err(fault) => reply(Err(fault)),
        }
    }

    /// What a person does passes the gate as well: their policy may keep them from slips.
    fn may_person(&self, id: &str) -> Result<(), Fault> {
        let Ok(command) = self.registry.find(id) else { return Ok(()) };
        let (owner, nothing) = (Principal::Owner, Resource::Nothing);
        // What is done with a file is judged where it lies, all else where the window is.
        let is_about_file = id.starts_with("file.") || id.starts_with("edit.");
        let shown = self.view().and_then(|view| self.buffers.get(&view.buffer));
        let file = shown.filter(|_| is_about_file).and_then(|buffer| buffer.path.as_deref());
        let workspace = self.workspace_for(file);
        let (action, context) = (&command.action, Context::default());
        let asked =
            guard::decide(&self.gate, &owner, action, &nothing, context, workspace.as_ref());
        match asked? {
            Redaction::None => Ok(()),
            Redaction::Wanted => Err(Fault::denied(format!(
                "The policy lets {id} show nothing that looks like a secret, which a window cannot \
                 promise: take `redact` out of that rule."
            ))),
        }
    }

    /// Runs a command; `reply` gets its answer or why there is none.
    pub fn call(&mut self, id: &str, arguments: Value, reply: Reply) {
        let command = match self.registry.find(id) {
            Ok(command) => *command,
            Err(fault) => return reply(Err(fault)),
        };
        let arguments = match Arguments::check(&command.action, arguments) {
            Ok(arguments) => arguments,
            Err(fault) => return reply(Err(fault)),
        };
        command.action.id.clone_into(&mut self.last_command);
        let outer = self.calls.current.replace(reply);
        let result = (command.run)(self, &arguments);
        let reply = std::mem::replace(&mut self.calls.current, outer);
        match (reply, result) {
            // The handler took the reply along and will answer.
            (None, Ok(_)) => {}
            (None, Err(fault)) => self.fail(&fault),
            (Some(reply), Err(fault)) => reply(Err(fault)),
            (Some(reply), Ok(value)) if command.action.risk == Risk::L0 => reply(Ok(value)),
            (Some(reply), Ok(value)) => self.answer_durably(value, reply),
        }
    }

    /// Takes the reply of the command that runs, to be used when its work is done.
    pub fn answer_later(&mut self) -> Reply {
        self.calls.current.take().unwrap_or_else(|| Box::new(|_| {}))
    }

    /// Answers once everything so far is durable.
    pub fn answer_durably(&mut self, value: Value, reply: Reply) {
        self.journal.when_durable(Box::new(move |result| {
            let told = |reason: String| {
                Fault::machine(format!(
                    "It was done, but would not survive a crash: {}.",
                    reason.trim_end_matches('.')
                ))
            };
            reply(result.map(|()| value).map_err(told));
        }));
    }

    /// Types keys and texts one after the other, each when what the one before started is done.
    pub fn drive(&mut self, inputs: Vec<Input>, reply: Reply) {
        self.calls.driven.push_back(Driven { inputs: inputs.into(), reply });
        self.press_driven_keys();
    }

    /// Answers when nothing is pending, or names what is when the time is up.
    pub fn wait_idle(&mut self, timeout: Duration, reply: Reply) {
        self.calls.idle.push(IdleWait { until: Instant::now() + timeout, reply });
        self.answer_settled_calls();
    }

    /// Goes on with callers who wait for work that may be done now.
    pub(super) fn answer_settled_calls(&mut self) {
        self.press_driven_keys();
        self.answer_idle(Instant::now());
    }

    /// When the next caller has waited long enough.
    pub(super) fn next_call_timeout(&self) -> Option<Instant> {
        self.calls.idle.iter().map(|wait| wait.until).min()
    }

    pub(super) fn answer_idle(&mut self, now: Instant) {
        if self.calls.idle.is_empty() {
            return;
        }
        let pending = self.pending_work();
        let mut waiting = Vec::new();
        for wait in std::mem::take(&mut self.calls.idle) {
            match () {
                () if pending.is_empty() => (wait.reply)(Ok(Value::Null)),
                () if now >= wait.until => (wait.reply)(Err(Fault::state(format!(
                    "Still pending after the time given: {}.",
                    pending.join(", ")
                )))),
                () => waiting.push(wait),
            }
        }
        self.calls.idle = waiting;
    }

    fn pending_work(&self) -> Vec<String> {
        let mut pending = self.workers.pending();
        if !self.calls.driven.is_empty() {
            pending.push("keys".to_owned());
        }
        pending
    }

    fn press_driven_keys(&mut self) {
        while let Some(driven) = self.calls.driven.front_mut() {
            if self.workers.is_awaited() {
                return;
            }
            match driven.inputs.pop_front() {
                Some(input) => self.input(input),
                None => {
                    let Some(driven) = self.calls.driven.pop_front() else { return };
                    self.answer_durably(Value::Null, driven.reply);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use serde_json::json;

    use super::*;
    use crate::command::stage::Stage;
    use crate::workers::Urgency;

    #[test]
    fn what_a_person_asked_for_and_did_not_get_is_shown() {
        let mut stage = Stage::new();
        stage.program.perform("tab.reopen", Value::Null);
        stage.program.perform("tab.reopn", Value::Null);
        stage.program.perform("tab.focus", json!({ "index": "one" }));
        stage.until(|stage| stage.notices().len() == 3);
        let shown = stage.notices();
        assert_eq!(shown[0], "No tab was closed.");
        assert!(shown[1].contains("tab.reopen"), "{shown:?}");
        assert!(shown[2].contains("index"), "{shown:?}");
    }

    #[test]
    fn whoever_waits_in_vain_is_told_for_what() {
        let mut stage = Stage::new();
        let (go, wait) = channel::<()>();
        let work = move || wait.recv().is_err();
        stage.program.workers.run("a long job", Urgency::Background, work, |_, _| {});
        let (send, answer) = channel();
        let reply: Reply = Box::new(move |result| send.send(result).unwrap());
        stage.program.wait_idle(Duration::from_millis(1), reply);
        let until = stage.program.next_call_timeout().unwrap();
        stage.program.tick(until);
        let fault = answer.try_recv().unwrap().unwrap_err();
        assert!(fault.sentence.contains("a long job"), "{fault}");
        drop(go);
        stage.settle();
        stage.run("app.wait_idle", Value::Null).unwrap();
    }

    #[test]
    fn a_key_waits_for_what_the_key_before_it_started() {
        let mut stage = Stage::new();
        let path = stage.write("a.txt", "text");
        stage.keys("ctrl-o");
        let typed = path.to_string_lossy().into_owned();
        stage.run("app.keys", json!({ "keys": "ctrl-a" })).unwrap();
        stage.run("app.text", json!({ "text": typed })).unwrap();
        stage.keys("enter x");
        assert_eq!(stage.marked(), "x|text", "the letter came after the file");
    }
}
