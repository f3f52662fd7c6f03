//! Commands and who waits for them: keys, the palette, the control socket.
//!
//! A handler answers at once, or takes the reply with [`Program::answer_later`] and gives it to
//! the worker that knows. What was changed is durable before a caller on the socket hears of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kernel::action::Risk;
use serde_json::Value;
use smallvec::smallvec;

use super::Program;
use crate::input::Input;
use crate::keymap::KeyPress;
use crate::registry::{Arguments, Fault, FaultKind};
use crate::shell::Reply;

/// Callers that wait.
#[derive(Default)]
pub struct Calls {
    current: Option<Reply>,
    driven: VecDeque<Driven>,
    idle: Vec<IdleWait>,
}

/// Keys of a script that are not pressed yet.
struct Driven {
    keys: VecDeque<KeyPress>,
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
        self.call(id, arguments, reply);
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

    /// Presses keys one after the other, each when what the one before started is done.
    pub fn drive(&mut self, keys: Vec<KeyPress>, reply: Reply) {
        self.calls.driven.push_back(Driven { keys: keys.into(), reply });
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
            match driven.keys.pop_front() {
                Some(press) => {
                    self.input(Input::Key { presses: smallvec![press], text: press.typed() });
                }
                None => {
                    let Some(driven) = self.calls.driven.pop_front() else { return };
                    self.answer_durably(Value::Null, driven.reply);
                }
            }
        }
    }
}
