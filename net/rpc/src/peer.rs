//! One side of a connection: it calls, and is called.
//!
//! Two threads: one reads and hands over what comes, one writes what waits in a queue. Calls are
//! answered in whatever order the other side likes.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Wire;
use crate::codec::{self, Frame, Framing, Limits};
use crate::message::{ErrorCode, Id, Malformed, Message, RpcError};

/// The notification that asks to give a call up, as LSP has it.
const CANCEL: &str = "$/cancelRequest";

/// Whoever is called. All of it runs on the reader's thread: what takes time is moved elsewhere,
/// the [`Request`] with it.
pub trait Handler: Send + 'static {
    /// A call. Dropping `request` without an answer answers with an internal error.
    fn request(&mut self, request: Request);

    /// A notification.
    fn notification(&mut self, method: String, params: Value) {
        // By the standard, one that nobody knows is ignored.
        drop((method, params));
    }

    /// The connection has ended; `why` is none when the other side simply hung up.
    fn closed(&mut self, why: Option<io::Error>) {
        drop(why);
    }
}

/// Why a call has no result.
#[derive(Debug)]
pub enum CallError {
    /// The other side's own error.
    Answered(RpcError),
    /// No answer came in the time given; the other side was told to give it up.
    Late(Duration),
    /// The connection has ended.
    Closed,
    /// As many calls as allowed wait for answers, or as many bytes to be sent.
    Busy,
    /// The message is longer than the limit, in bytes.
    TooLong(usize),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(error) => error.fmt(f),
            Self::Late(time) => write!(f, "no answer came within {time:?}: try again"),
            Self::Closed => f.write_str("the connection has ended: connect again"),
            Self::Busy => f.write_str("too many calls wait for the other side: try again later"),
            Self::TooLong(len) => {
                write!(f, "a message of {len} bytes is over the limit: send less at once")
            }
        }
    }
}

impl std::error::Error for CallError {}

/// A call of ours that can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(i64);

type Answer = Box<dyn FnOnce(Result<Value, CallError>) + Send>;

/// One side of a connection; clones are the same side. The connection ends with [`Peer::close`],
/// with the last clone, or when the other side ends it.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    stop: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// What the threads hold too.
struct Shared {
    framing: Framing,
    limits: Limits,
    /// None once the connection has ended.
    outgoing: Mutex<Option<Sender<Vec<u8>>>>,
    outgoing_bytes: AtomicUsize,
    /// Calls of ours without an answer yet; none once the connection has ended.
    calls: Mutex<Option<HashMap<i64, Answer>>>,
    /// Calls of theirs that are being worked on.
    requests: Mutex<HashMap<Id, Arc<AtomicBool>>>,
    next_id: AtomicI64,
}

impl Peer {
    /// Starts reading and writing.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        wire: Wire,
        framing: Framing,
        limits: Limits,
        handler: impl Handler,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::new(Shared {
            framing,
            limits,
            outgoing: Mutex::new(Some(sender)),
            outgoing_bytes: AtomicUsize::new(0),
            calls: Mutex::new(Some(HashMap::new())),
            requests: Mutex::new(HashMap::new()),
            next_id: AtomicI64::new(1),
        });
        let Wire { reader, writer, stop } = wire;
        let its = shared.clone();
        thread::Builder::new()
            .name("rpc writer".into())
            .spawn(move || write_loop(writer, &receiver, &its))?;
        let its = shared.clone();
        thread::Builder::new()
            .name("rpc reader".into())
            .spawn(move || read_loop(reader, &its, handler))?;
        Ok(Self(Arc::new(Inner { shared, stop: Mutex::new(stop) })))
    }

    /// Calls and waits for the answer. Not for the UI thread, nor from within a [`Handler`].
    ///
    /// # Errors
    /// [`CallError`]; when it is late, the call is cancelled.
    pub fn call(&self, method: &str, params: Value, timeout: Duration) -> Result<Value, CallError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let id = self.send(method, params, move |answer| {
            // Nobody waits any more when it was late.
            drop(sender.send(answer));
        })?;
        match receiver.recv_timeout(timeout) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => Err(CallError::Closed),
            Err(RecvTimeoutError::Timeout) => {
                self.cancel(id);
                self.0.shared.take_call(id.0);
                Err(CallError::Late(timeout))
            }
        }
    }

    /// Waits until what was answered so far is with the other side's system, but no longer than
    /// `timeout`: for a process that is about to end.
    pub fn drain(&self, timeout: Duration) {
        let begun = Instant::now();
        while self.0.shared.outgoing_bytes.load(Ordering::Relaxed) > 0
            && !self.is_closed()
            && begun.elapsed() < timeout
        {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Calls without waiting. `answer` runs once, on the reader's thread, and must not block.
    ///
    /// # Errors
    /// When the call could not be sent; `answer` is then dropped without being run.
    pub fn send(
        &self,
        method: &str,
        params: Value,
        answer: impl FnOnce(Result<Value, CallError>) + Send + 'static,
    ) -> Result<CallId, CallError> {
        let shared = &self.0.shared;
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let message = Message::Request { id: Id::Number(id), method: method.to_owned(), params };
        {
            let mut calls = lock(&shared.calls);
            let calls = calls.as_mut().ok_or(CallError::Closed)?;
            if calls.len() >= shared.limits.calls {
                return Err(CallError::Busy);
            }
            // Before it is sent: the answer may come at once.
            calls.insert(id, Box::new(answer));
        }
        if let Err(error) = shared.put(&message) {
            shared.take_call(id);
            return Err(error);
        }
        Ok(CallId(id))
    }

    /// Tells the other side that the answer is not needed. It still answers, mostly with
    /// [`ErrorCode::Cancelled`].
    pub fn cancel(&self, call: CallId) {
        // A connection that has ended needs no telling.
        drop(self.notify(CANCEL, json!({"id": call.0})));
    }

    /// Tells without wanting an answer, and without waiting.
    ///
    /// # Errors
    /// When it could not be put into the queue.
    pub fn notify(&self, method: &str, params: Value) -> Result<(), CallError> {
        self.0.shared.put(&Message::Notification { method: method.to_owned(), params })
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        lock(&self.0.shared.outgoing).is_none()
    }

    /// Ends the connection: what waits is still written, calls end with [`CallError::Closed`].
    pub fn close(&self) {
        self.0.close();
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({:?}, closed: {})", self.0.shared.framing, self.is_closed())
    }
}

impl Inner {
    fn close(&self) {
        self.shared.end();
        if let Some(stop) = lock(&self.stop).take() {
            stop();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// A call of the other side's, which is owed an answer.
pub struct Request {
    /// What is asked.
    pub method: String,
    /// An object, an array, or null.
    pub params: Value,
    /// None once it was answered.
    id: Option<Id>,
    cancelled: Arc<AtomicBool>,
    shared: Weak<Shared>,
}

/// Tells whether a [`Request`] is still wanted, from any thread.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<AtomicBool>);

impl Canceller {
    /// Whether the other side does not want the answer any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Request {
    /// Answers it. An answer over the limit becomes an error that says so.
    pub fn answer(mut self, result: Result<Value, RpcError>) {
        self.answer_once(result);
    }

    /// Whether the other side does not want the answer any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The same for whoever works on it.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(self.cancelled.clone())
    }

    fn answer_once(&mut self, result: Result<Value, RpcError>) {
        let (Some(id), Some(shared)) = (self.id.take(), self.shared.upgrade()) else { return };
        lock(&shared.requests).remove(&id);
        let message = Message::Response { id: Some(id.clone()), result };
        if let Err(error) = shared.put(&message) {
            let result = Err(RpcError::new(ErrorCode::Internal, error.to_string()));
            // If even that cannot be sent, the connection is ending.
            drop(shared.put(&Message::Response { id: Some(id), result }));
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.id.is_some() {
            let message = "the call was given up without an answer";
            self.answer_once(Err(RpcError::new(ErrorCode::Internal, message)));
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?}, {:?})", self.method, self.id)
    }
}

impl Shared {
    fn put(&self, message: &Message) -> Result<(), CallError> {
        let bytes = message.encode();
        if bytes.len() > self.limits.frame_bytes {
            return Err(CallError::TooLong(bytes.len()));
        }
        let bytes = codec::frame(self.framing, &bytes);
        let len = bytes.len();
        let outgoing = lock(&self.outgoing);
        let outgoing = outgoing.as_ref().ok_or(CallError::Closed)?;
        if self.outgoing_bytes.load(Ordering::Relaxed) + len > self.limits.outgoing_bytes {
            return Err(CallError::Busy);
        }
        self.outgoing_bytes.fetch_add(len, Ordering::Relaxed);
        outgoing.send(bytes).map_err(|_| CallError::Closed)
    }

    fn take_call(&self, id: i64) -> Option<Answer> {
        lock(&self.calls).as_mut()?.remove(&id)
    }

    /// Ends everything that waits, once.
    fn end(&self) {
        drop(lock(&self.outgoing).take());
        let calls = lock(&self.calls).take();
        for (_, answer) in calls.into_iter().flatten() {
            answer(Err(CallError::Closed));
        }
        for cancelled in lock(&self.requests).values() {
            cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// A panic while one of these is held leaves it whole: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_loop(mut writer: Box<dyn Write + Send>, queue: &Receiver<Vec<u8>>, shared: &Shared) {
    for bytes in queue {
        let written = writer.write_all(&bytes).and_then(|()| writer.flush());
        shared.outgoing_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        if written.is_err() {
            // The reader meets the same end and tells it.
            shared.end();
            return;
        }
    }
}

fn read_loop(reader: Box<dyn Read + Send>, shared: &Arc<Shared>, mut handler: impl Handler) {
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let mut malformed = 0;
    // A handler that panics ends the connection, not those who wait for answers.
    let ended = Ended(shared.clone());
    let why = loop {
        let frame = match codec::read_frame(&mut reader, shared.framing, &shared.limits) {
            Ok(Frame::End) => break None,
            Ok(frame) => frame,
            Err(error) => break Some(error),
        };
        let parsed = match &frame {
            Frame::Message(bytes) => Message::parse(bytes, shared.limits.depth),
            Frame::TooLong | Frame::End => Err(too_long(&shared.limits)),
        };
        match parsed {
            Ok(message) => {
                malformed = 0;
                take(shared, message, &mut handler);
            }
            Err(Malformed { id, error }) => {
                malformed += 1;
                // A full queue means that the other side does not read: then it goes without.
                drop(shared.put(&Message::Response { id, result: Err(error) }));
                if malformed >= shared.limits.malformed {
                    break Some(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the other side does not speak JSON-RPC",
                    ));
                }
            }
        }
    };
    drop(ended);
    handler.closed(why);
}

/// Ends everything that waits when it goes.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn too_long(limits: &Limits) -> Malformed {
    let message = format!("the message is longer than {} bytes", limits.frame_bytes);
    Malformed { id: None, error: RpcError::new(ErrorCode::InvalidRequest, message) }
}

fn take(shared: &Arc<Shared>, message: Message, handler: &mut impl Handler) {
    match message {
        Message::Notification { method, params } if method == CANCEL => {
            let id = params.get("id").and_then(Id::from_json);
            if let Some(cancelled) = id.and_then(|id| lock(&shared.requests).get(&id).cloned()) {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
        Message::Notification { method, params } => handler.notification(method, params),
        Message::Response { id: Some(Id::Number(id)), result } => {
            // An answer to nothing, or one that came too late, is dropped.
            if let Some(answer) = shared.take_call(id) {
                answer(result.map_err(CallError::Answered));
            }
        }
        // It answers something that we never sent; answering it could go on for ever.
        Message::Response { .. } => {}
        Message::Request { id, method, params } => match admit(shared, &id) {
            Err(error) => {
                // As above: a side that does not read goes without.
                drop(shared.put(&Message::Response { id: Some(id), result: Err(error) }));
            }
            Ok(cancelled) => {
                let shared = Arc::downgrade(shared);
                handler.request(Request { method, params, id: Some(id), cancelled, shared });
            }
        },
    }
}

/// Makes a place for a call of theirs.
fn admit(shared: &Shared, id: &Id) -> Result<Arc<AtomicBool>, RpcError> {
    let mut requests = lock(&shared.requests);
    if requests.len() >= shared.limits.requests {
        return Err(RpcError::new(ErrorCode::Internal, "too many calls at once: wait for answers"));
    }
    if requests.contains_key(id) {
        return Err(RpcError::new(ErrorCode::InvalidRequest, "this id is in use"));
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    requests.insert(id.clone(), cancelled.clone());
    Ok(cancelled)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::local::{self, Listener};

    const SOON: Duration = Duration::from_secs(20);

    /// Answers `echo`, holds `hold` until it is cancelled, tells what ended.
    struct Echo(Sender<String>);

    impl Handler for Echo {
        fn request(&mut self, request: Request) {
            match request.method.as_str() {
                "echo" => {
                    let params = request.params.clone();
                    request.answer(Ok(params));
                }
                "long" => request.answer(Ok(json!("x".repeat(20_000)))),
                "hold" => drop(thread::spawn(move || {
                    while !request.is_cancelled() {
                        thread::sleep(Duration::from_millis(1));
                    }
                    request.answer(Err(RpcError::new(ErrorCode::Cancelled, "cancelled")));
                })),
                "drop" => drop(request),
                _ => {
                    let error = RpcError::method_not_found(&request.method);
                    request.answer(Err(error));
                }
            }
        }

        fn notification(&mut self, method: String, params: Value) {
            self.0.send(format!("{method} {params}")).unwrap();
        }

        fn closed(&mut self, why: Option<io::Error>) {
            drop(self.0.send(format!("closed {:?}", why.map(|error| error.kind()))));
        }
    }

    fn limits() -> Limits {
        Limits { frame_bytes: 10_000, calls: 4, requests: 3, ..Limits::default() }
    }

    fn side(wire: Wire, framing: Framing) -> (Peer, Receiver<String>) {
        let (sender, receiver) = mpsc::channel();
        (Peer::start(wire, framing, limits(), Echo(sender)).unwrap(), receiver)
    }

    fn pipes() -> (Wire, Wire) {
        let (left_in, right_out) = io::pipe().unwrap();
        let (right_in, left_out) = io::pipe().unwrap();
        (Wire::new(left_in, left_out), Wire::new(right_in, right_out))
    }

    fn socket() -> (Wire, Wire) {
        let home = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&home.path().join("run/control")).unwrap();
        let path = listener.path().to_owned();
        let here = thread::spawn(move || local::connect(&path).unwrap());
        let there = listener.accept().unwrap();
        (here.join().unwrap(), there)
    }

    fn each_way(test: impl Fn(Wire, Wire, Framing)) {
        for framing in [Framing::Newline, Framing::ContentLength] {
            for (left, right) in [pipes(), socket()] {
                test(left, right, framing);
            }
        }
    }

    #[test]
    fn both_sides_call_over_pipes_and_sockets() {
        each_way(|left, right, framing| {
            let (left, _told) = side(left, framing);
            let (right, told) = side(right, framing);
            let text = json!({"text": "line\nline \u{1f525}"});
            assert_eq!(left.call("echo", text.clone(), SOON).unwrap(), text);
            assert_eq!(right.call("echo", json!([1]), SOON).unwrap(), json!([1]));
            let error = left.call("nothing", Value::Null, SOON).unwrap_err();
            assert!(matches!(error, CallError::Answered(error) if error.code == -32601));
            left.notify("told", json!([2])).unwrap();
            assert_eq!(told.recv_timeout(SOON).unwrap(), "told [2]");
        });
    }

    #[test]
    fn an_end_reaches_those_who_wait_and_the_other_side() {
        each_way(|left, right, framing| {
            let (left, told) = side(left, framing);
            let (right, told_right) = side(right, framing);
            let (sender, receiver) = mpsc::channel();
            left.send("hold", Value::Null, move |answer| sender.send(answer).unwrap()).unwrap();
            right.close();
            let answer = receiver.recv_timeout(SOON).unwrap();
            assert!(matches!(answer, Err(CallError::Closed)));
            assert_eq!(told.recv_timeout(SOON).unwrap(), "closed None");
            let late = left.call("echo", Value::Null, SOON);
            assert!(matches!(late, Err(CallError::Closed)));
            drop(left);
            assert_eq!(told_right.recv_timeout(SOON).unwrap(), "closed None");
        });
    }

    #[test]
    fn a_late_call_is_cancelled_at_the_other_side() {
        let (left, right) = socket();
        let (left, _told) = side(left, Framing::Newline);
        let (right, _told) = side(right, Framing::Newline);
        let start = Instant::now();
        let late = left.call("hold", Value::Null, Duration::from_millis(30));
        assert!(matches!(late, Err(CallError::Late(_))));
        assert!(start.elapsed() < SOON);
        // Their side has no call any more once its answer came; three held would refuse a fourth.
        for _ in 0..5 {
            let late = left.call("hold", Value::Null, Duration::from_millis(200));
            assert!(matches!(late, Err(CallError::Late(_))), "{late:?}");
        }
        drop(right);
    }

    #[test]
    fn limits_are_held_and_told() {
        let (left, right) = pipes();
        let (left, _told) = side(left, Framing::Newline);
        let (_right, _told_too) = side(right, Framing::Newline);
        let long = left.call("echo", json!(["x".repeat(10_000)]), SOON);
        assert!(matches!(long, Err(CallError::TooLong(_))));
        let long = left.call("long", Value::Null, SOON).unwrap_err();
        assert!(matches!(long, CallError::Answered(error) if error.code == -32603));
        let dropped = left.call("drop", Value::Null, SOON).unwrap_err();
        assert!(matches!(dropped, CallError::Answered(error) if error.code == -32603));
        let (sender, answers) = mpsc::channel();
        let mut held = Vec::new();
        for _ in 0..4 {
            let sender = sender.clone();
            held.push(left.send("hold", Value::Null, move |it| sender.send(it).unwrap()).unwrap());
        }
        assert!(matches!(left.call("echo", Value::Null, SOON), Err(CallError::Busy)));
        // The other side takes three at once.
        let refused = answers.recv_timeout(SOON).unwrap().unwrap_err();
        assert!(matches!(refused, CallError::Answered(error) if error.code == -32603));
        held.iter().for_each(|&call| left.cancel(call));
        for _ in 0..3 {
            let cancelled = answers.recv_timeout(SOON).unwrap().unwrap_err();
            assert!(matches!(cancelled, CallError::Answered(error) if error.code == -32800));
        }
        assert_eq!(left.call("echo", json!([]), SOON).unwrap(), json!([]));
    }

    #[test]
    fn a_malformed_message_is_answered_and_the_next_one_served() {
        let (mut raw, peer) = pipes();
        let (_peer, told) = side(peer, Framing::Newline);
        let long = "x".repeat(20_000);
        let text = format!(
            "{{nonsense\n[1]\n{long}\n\
             {{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"echo\",\"params\":[7]}}\n"
        );
        raw.writer.write_all(text.as_bytes()).unwrap();
        let mut reader = BufReader::new(raw.reader);
        let mut answers = Vec::new();
        for _ in 0..4 {
            match codec::read_frame(&mut reader, Framing::Newline, &limits()).unwrap() {
                Frame::Message(bytes) => answers.push(Message::parse(&bytes, 10).unwrap()),
                other => panic!("{other:?}"),
            }
        }
        let code = |message: &Message| match message {
            Message::Response { id: None, result: Err(error) } => error.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(answers[..3].iter().map(code).collect::<Vec<_>>(), [-32700, -32600, -32600]);
        let echo = Message::Response { id: Some(Id::Text("a".into())), result: Ok(json!([7])) };
        assert_eq!(answers[3], echo);
        // Nothing but noise is hung up on.
        raw.writer.write_all("?\n".repeat(100).as_bytes()).unwrap();
        assert_eq!(told.recv_timeout(SOON).unwrap(), "closed Some(InvalidData)");
    }

    /// SplitMix64, as `kernel` has it for its own tests.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn garbage_never_panics_and_never_hangs() {
        let seed = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(7);
        eprintln!("HEARTH_SEED={seed}");
        let mut state = seed;
        let good = br#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":["b",1e9,null]}}"#;
        for round in 0..300 {
            let framing = [Framing::Newline, Framing::ContentLength][round % 2];
            let mut bytes = Vec::new();
            for _ in 0..1 + next(&mut state) % 5 {
                bytes.extend(codec::frame(framing, good));
            }
            for _ in 0..next(&mut state) % 8 {
                let at = next(&mut state) as usize % bytes.len();
                match next(&mut state) % 3 {
                    0 => bytes[at] ^= 1 << (next(&mut state) % 8),
                    1 => drop(bytes.drain(at..bytes.len().min(at + 5))),
                    _ => bytes.insert(at, next(&mut state) as u8),
                }
                if bytes.is_empty() {
                    bytes.push(b'{');
                }
            }
            let (sender, told) = mpsc::channel();
            // The reader's end is the bytes' end; answers go nowhere.
            let wire = Wire::new(io::Cursor::new(bytes), io::sink());
            let _peer = Peer::start(wire, framing, limits(), Echo(sender)).unwrap();
            let mut last = told.recv_timeout(SOON);
            while last.as_ref().is_ok_and(|told| !told.starts_with("closed")) {
                last = told.recv_timeout(SOON);
            }
            assert!(last.is_ok(), "seed {seed}, round {round}: the reader is gone or hangs");
        }
    }
}
