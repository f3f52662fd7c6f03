use super::principal::Principal;
use super::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use kernel::action::{Action, Effect, Risk, Shape, Thread};
use kernel::disk::RealDisk;
use kernel::gate::Gate;
use rpc::local::Listener;
use serde_json::{Value, json};

use crate::directories::Directories;
use crate::profile::{Keys, open_or_make};
use crate::registry::{Command, FaultKind, Registry};

const SOON: Duration = Duration::from_secs(20);

struct Letters(Sender<Request>);

impl Mailbox for Letters {
    fn post(&self, request: Request) {
        // A test that is over hears nothing more.
        drop(self.0.send(request));
    }
}

fn registry() -> Registry {
    let action = |id, effect, risk| Command {
        action: Action {
            id,
            title: "",
            about: "",
            arguments: &[],
            result: Shape::Any,
            effect,
            risk,
            thread: Thread::Ui,
        },
        run: |_, _| Ok(Value::Null),
    };
    Registry::gather(&[&[
        action("buffer.text", Effect::Pure, Risk::L0),
        action("app.keys", Effect::Once, Risk::L1),
        action("edit.paste", Effect::Once, Risk::L1),
    ]])
}

fn serve(folder: &Path, driving: Driving) -> (PathBuf, Control, Receiver<Request>) {
    let socket = folder.join("run").join("control.sock");
    let (sender, requests) = channel();
    let listener = Listener::bind(&socket).unwrap();
    let control = {
        let gate = Gate::new(Default::default(), Default::default()).0;
        let (registry, around) = (registry(), Default::default());
        let desk = Desk { registry, gate: Arc::new(gate), around, driving };
        Control::serve(listener, desk, Letters(sender)).unwrap()
    };
    (socket, control, requests)
}

fn kind(result: Result<Value, crate::registry::Fault>) -> FaultKind {
    result.unwrap_err().kind
}

#[test]
fn a_call_reaches_the_mailbox_and_its_answer_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, _control, requests) = serve(dir.path(), Driving::Allowed);
    let ui = std::thread::spawn(move || {
        let request = requests.recv_timeout(SOON).unwrap();
        assert_eq!((request.method.as_str(), &request.params), ("app.keys", &json!({"keys": "a"})));
        assert_eq!(request.principal, Principal::Driver);
        (request.reply)(Ok(json!(7)));
        let request = requests.recv_timeout(SOON).unwrap();
        (request.reply)(Err(crate::registry::Fault::state("Nothing is open.")));
        drop(requests.recv_timeout(SOON).unwrap());
    });
    let client = Client::connect(&socket).unwrap().unwrap();
    assert_eq!(client.call("app.keys", json!({"keys": "a"}), SOON).unwrap(), 7);
    let fault = client.call("buffer.text", Value::Null, SOON).unwrap_err();
    assert_eq!((fault.kind, fault.sentence.as_str()), (FaultKind::State, "Nothing is open."));
    assert_eq!(kind(client.call("buffer.text", Value::Null, SOON)), FaultKind::Internal);
    ui.join().unwrap();
}

#[test]
fn what_is_not_allowed_never_reaches_the_mailbox() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, _control, requests) = serve(dir.path(), Driving::Refused);
    let client = Client::connect(&socket).unwrap().unwrap();
    for method in ["app.keys", "edit.paste"] {
        assert_eq!(kind(client.call(method, Value::Null, SOON)), FaultKind::Denied, "{method}");
    }
    assert_eq!(kind(client.call("nothing.here", Value::Null, SOON)), FaultKind::Unknown);
    assert!(requests.try_recv().is_err());
}

#[test]
fn the_owner_proves_itself_with_the_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let directories = Directories::under(dir.path(), dir.path().into());
    directories.make().unwrap();
    let words = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    };
    let (right, wrong) = (words("right", "open sesame"), words("wrong", "open barley"));
    let opened = open_or_make(&RealDisk, &directories, Some(&right)).unwrap();
    let Keys::Open(unlocked) = opened.keys else { panic!("it is new") };
    let (socket, control, requests) = serve(dir.path(), Driving::Refused);
    let client = Client::connect(&socket).unwrap().unwrap();
    assert!(client.prove(&directories, &right).is_err(), "nothing can be proved yet");
    control.trust(Verifier::new(&unlocked));
    assert!(client.prove(&directories, &wrong).is_err());
    let forged = client.call("owner.prove", json!({"answer": "0".repeat(64)}), SOON);
    assert_eq!(kind(forged), FaultKind::State, "without a challenge there is nothing to answer");
    client.prove(&directories, &right).unwrap();
    let ui = std::thread::spawn(move || {
        let request = requests.recv_timeout(SOON).unwrap();
        assert_eq!(request.principal, Principal::Owner);
        (request.reply)(Ok(Value::Null));
    });
    client.call("edit.paste", Value::Null, SOON).unwrap();
    ui.join().unwrap();
    let other = Client::connect(&socket).unwrap().unwrap();
    let denied = other.call("edit.paste", Value::Null, SOON);
    assert_eq!(kind(denied), FaultKind::Denied, "a proof is its connection's alone");
}

#[test]
fn connections_that_ended_make_room_for_new_ones() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, _control, _requests) = serve(dir.path(), Driving::Refused);
    for _ in 0..200 {
        let client = Client::connect(&socket).unwrap().unwrap();
        let asked = client.call("owner.challenge", Value::Null, SOON);
        // The end of the one before may be noticed a moment later than it happened.
        if asked.is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let client = Client::connect(&socket).unwrap().unwrap();
    client.call("owner.challenge", Value::Null, SOON).unwrap();
}
