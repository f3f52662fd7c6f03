//! The resident process's side of the control socket.
//!
//! Threads of their own accept and read; a call that may be made reaches the UI thread as one
//! [`Request`] through a [`Mailbox`]. Nothing here waits for the UI thread.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kernel::gate::Gate;
use rpc::local::Listener;
use rpc::{Canceller, Framing, Handler, Limits, Peer, RpcError, Wire};
use serde_json::{Value, json};

use super::principal::{Driving, Principal};
use super::proof::{Challenge, Verifier};
use crate::guard::Around;
use crate::record::{self, Field, Trace};
use crate::registry::{Fault, Registry};
use crate::settings::Level;

/// Clients at once; another is hung up on.
const CONNECTIONS_MAX: usize = 64;

/// Answers a call once, from any thread. A call whose answer is dropped fails by itself.
pub type Reply = Box<dyn FnOnce(Result<Value, Fault>) + Send>;

/// A call that its principal may make. Its arguments are not checked yet.
pub struct Request {
    /// Who calls.
    pub principal: Principal,
    /// The id of a command that exists.
    pub method: String,
    /// Its arguments, as they came.
    pub params: Value,
    /// What runs through everything that it causes.
    pub trace: Trace,
    /// Whether the caller still waits.
    pub cancelled: Canceller,
    /// Where the answer goes.
    pub reply: Reply,
}

/// Takes calls to the UI thread and wakes it.
pub trait Mailbox: Send + Sync + 'static {
    /// Hands over `request` without waiting. One that cannot be taken is dropped.
    fn post(&self, request: Request);
}

/// What calls are held against.
pub struct Desk {
    /// What there is.
    pub registry: Registry,
    /// Who may do it.
    pub gate: Arc<Gate>,
    /// Where the person works.
    pub around: Around,
    /// Whether the instance is driven.
    pub driving: Driving,
}

/// What all connections share.
struct Shared {
    mailbox: Box<dyn Mailbox>,
    desk: Desk,
    verifier: Mutex<Arc<Verifier>>,
    peers: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    open: HashMap<u64, Peer>,
    next: u64,
}

/// The server; it goes on until the process ends.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

impl Control {
    /// Serves `listener` on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn serve(listener: Listener, desk: Desk, mailbox: impl Mailbox) -> io::Result<Self> {
        let control = Self(Arc::new(Shared {
            mailbox: Box::new(mailbox),
            desk,
            verifier: Mutex::new(Arc::new(Verifier::nobody())),
            peers: Mutex::default(),
        }));
        let own = control.clone();
        std::thread::Builder::new().name("control".into()).spawn(move || {
            loop {
                match listener.accept() {
                    Ok(wire) => own.admit(wire),
                    Err(error) => {
                        let fields = [("error", Field::text(&error.to_string()))];
                        record::event(Level::Warn, "control.refuse", &fields);
                        // Without descriptors the next attempt fails at once too.
                        std::thread::sleep(Duration::from_millis(100));
                    }
                }
            }
        })?;
        Ok(control)
    }

    /// From now on the owner proves itself to `verifier`.
    pub fn trust(&self, verifier: Verifier) {
        *lock(&self.0.verifier) = Arc::new(verifier);
    }

    /// Lets what was answered reach its callers, for at most `timeout` each: the process ends then.
    pub fn drain(&self, timeout: Duration) {
        let peers: Vec<Peer> = lock(&self.0.peers).open.values().cloned().collect();
        peers.iter().for_each(|peer| peer.drain(timeout));
    }

    fn admit(&self, wire: Wire) {
        let number = {
            let mut peers = lock(&self.0.peers);
            if peers.open.len() >= CONNECTIONS_MAX {
                return;
            }
            peers.next += 1;
            peers.next
        };
        let connection = Connection {
            shared: Arc::clone(&self.0),
            number,
            principal: Principal::of_connection(self.0.desk.driving),
            challenge: None,
        };
        match Peer::start(wire, Framing::Newline, Limits::default(), connection) {
            Ok(peer) => {
                let mut peers = lock(&self.0.peers);
                // It may have ended before it was known; then nobody would take it out.
                if !peer.is_closed() {
                    peers.open.insert(number, peer);
                }
            }
            Err(error) => {
                let fields = [("error", Field::text(&error.to_string()))];
                record::event(Level::Warn, "control.refuse", &fields);
            }
        }
    }
}

/// A change under one of these is one call, so a panic leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Connection {
    shared: Arc<Shared>,
    number: u64,
    principal: Principal,
    challenge: Option<Challenge>,
}

impl Handler for Connection {
    fn request(&mut self, request: rpc::Request) {
        match request.method.as_str() {
            "owner.challenge" => {
                let challenge = Challenge::new();
                self.challenge = challenge.as_ref().ok().copied();
                let result = challenge.map(|made| json!({ "challenge": made.to_hex() }));
                request.answer(result.map_err(|fault| to_error(&fault)));
            }
            "owner.prove" => {
                let result = self.prove(&request.params);
                request.answer(result.map_err(|fault| to_error(&fault)));
            }
            _ => self.call(request),
        }
    }

    fn closed(&mut self, _why: Option<io::Error>) {
        // The peer is dropped outside the lock: dropping it ends threads.
        let peer = lock(&self.shared.peers).open.remove(&self.number);
        drop(peer);
    }
}

impl Connection {
    fn prove(&mut self, params: &Value) -> Result<Value, Fault> {
        let challenge = self.challenge.take().ok_or_else(|| {
            Fault::state("Ask for an owner.challenge first; each is answered once.")
        })?;
        let answer = params.get("answer").and_then(Value::as_str).unwrap_or_default();
        let verifier = Arc::clone(&*lock(&self.shared.verifier));
        let checked = verifier.check(challenge, answer, Instant::now());
        let result = Field::text(if checked.is_ok() { "right" } else { "wrong" });
        record::event(Level::Info, "owner.prove", &[("result", result)]);
        checked?;
        let is_terminal = params.get("at").and_then(Value::as_str) == Some("terminal");
        self.principal = if is_terminal { Principal::Terminal } else { Principal::Owner };
        Ok(Value::Null)
    }

    fn call(&self, request: rpc::Request) {
        let trace = Trace::new();
        let Desk { registry, gate, around, driving } = &self.shared.desk;
        let here = around.focused();
        let allowed = registry.find(&request.method).and_then(|command| {
            let at = (*driving, here.as_ref());
            self.principal.may(gate, &command.action, &request.params, at)
        });
        let redaction = match allowed {
            Ok(redaction) => redaction,
            Err(fault) => {
                let fields = [("principal", Field::text(self.principal.name()))];
                record::traced(Level::Info, "control.deny", trace, &fields);
                return request.answer(Err(to_error(&fault)));
            }
        };
        let fields = [
            ("principal", Field::text(self.principal.name())),
            ("method", Field::text(&request.method)),
        ];
        record::traced(Level::Debug, "control.call", trace, &fields);
        let (method, params) = (request.method.clone(), request.params.clone());
        let cancelled = request.canceller();
        let reply: Reply = Box::new(move |result: Result<Value, Fault>| {
            let cleared = result.map(|answer| redaction.of(answer));
            request.answer(cleared.map_err(|fault| to_error(&fault)));
        });
        let principal = self.principal;
        self.shared.mailbox.post(Request { principal, method, params, trace, cancelled, reply });
    }
}

fn to_error(fault: &Fault) -> RpcError {
    RpcError { code: fault.kind.code(), message: fault.sentence.clone(), data: None }
}
