//! What a command line means, before anything is done.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::asks::{self, InboxAsk, LedgerAsk, PolicyAsk, RunsAsk, SwitchAsk};
use super::devices::{self as asks_devices, DevicesAsk, PairAsk};
use super::opening::{Place, Wait};
use super::sync::{self as asks_sync, SyncAsk};

/// Words of one command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// The program itself.
    Open(Open),
    /// `ctl COMMAND ...`
    Ctl {
        /// The command's id.
        command: String,
        /// One JSON object, or `key=value` each.
        arguments: Vec<OsString>,
    },
    /// `commands`
    Commands(Form),
    /// `settings`
    Settings(Form),
    /// `init`
    Init {
        /// Whether a passphrase guards the profile.
        protect: Protect,
        /// How to answer.
        form: Form,
    },
    /// `profile ...`
    Profile {
        /// What to do with it.
        change: ProfileChange,
        /// How to answer.
        form: Form,
    },
    /// `trust PATH`
    Trust {
        /// The folder.
        path: PathBuf,
        /// Whether to give or take trust.
        change: TrustChange,
        /// How to answer.
        form: Form,
    },
    /// `ledger ...`
    Ledger(LedgerAsk, Form),
    /// `policy ...`
    Policy(PolicyAsk, Form),
    /// `inbox ...`
    Inbox(InboxAsk, Form),
    /// `kill-switch ...`
    KillSwitch(SwitchAsk, Form),
    /// `runs ...`
    Runs(RunsAsk, Form),
    /// `pair ...`
    Pair(PairAsk, Form),
    /// `devices ...`
    Devices(DevicesAsk, Form),
    /// `sync ...`
    Sync(SyncAsk, Form),
    /// `doctor`
    Doctor {
        /// What it does.
        task: DoctorTask,
        /// How to answer.
        form: Form,
    },
    /// `--version`
    Version(Form),
    /// `--help`
    Help,
}

/// What to open, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// `PATH[:LINE[:COLUMN]]` each, or `-`.
    pub paths: Vec<OsString>,
    /// `--wait`
    pub wait: Wait,
    /// `--new`
    pub place: Place,
    /// `--diff A B`
    pub diff: Option<[OsString; 2]>,
    /// `--headless`, `--drive`
    pub mode: Mode,
}

/// How the program shows itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In a window.
    #[default]
    Window,
    /// In a window that scripts may drive.
    Drive,
    /// Without a window; scripts may drive it.
    Headless,
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// For people.
    #[default]
    Text,
    /// `--json`
    Json,
    /// `--markdown`
    Markdown,
    /// `--schema`
    Schema,
}

/// What guards a new profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protect {
    /// A passphrase.
    Passphrase,
    /// `--unprotected`
    Nothing,
}

/// What happens to the profile's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileChange {
    /// Nothing: it is shown.
    Show,
    /// `passphrase`
    Passphrase,
    /// `words`
    Words,
    /// `recover`
    Recover,
    /// `keychain`
    Keychain,
    /// `keychain --remove`
    NoKeychain,
    /// `rotate`
    Rotate,
}

/// What `doctor` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoctorTask {
    /// It looks at everything.
    Examine,
    /// `--seen`: the crash reports were seen.
    See,
    /// `--adapters`: it lists what can draw.
    Adapters,
    /// `--repair`: it makes the rows' index anew.
    Repair,
}

/// What happens to a folder's trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustChange {
    /// It is given.
    Give,
    /// `--revoke`
    Revoke,
}

/// Wrong usage, in one sentence.
pub type Usage = String;

/// Words that are subcommands when they come first.
const SUBCOMMANDS: &[&str] = &[
    "ctl",
    "commands",
    "settings",
    "init",
    "profile",
    "trust",
    "ledger",
    "policy",
    "inbox",
    "kill-switch",
    "runs",
    "pair",
    "devices",
    "sync",
    "doctor",
];

/// Options that a value follows.
const VALUED: &[&str] =
    &["--as", "--at", "--confirm", "--count", "--for", "--format", "--join", "--name", "--words"];

/// Reads `arguments`, the program's name not among them.
///
/// # Errors
/// What is wrong with them.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Usage> {
    let mut words: Vec<OsString> = arguments.into_iter().collect();
    let first = words.first().and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    if SUBCOMMANDS.contains(&first.as_str()) {
        words.remove(0);
        return subcommand(&first, words);
    }
    open(words)
}

fn open(words: Vec<OsString>) -> Result<Invocation, Usage> {
    let mut open = Open::default();
    let mut special = None;
    let mut form = Form::Text;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--") => {
                open.paths.extend(words);
                break;
            }
            Some("--wait") => open.wait = Wait::UntilClosed,
            Some("--new") => open.place = Place::New,
            Some("--diff") => open.diff = Some(two(&mut words)?),
            Some("--drive") if open.mode != Mode::Headless => open.mode = Mode::Drive,
            Some("--drive") => {}
            Some("--headless") => open.mode = Mode::Headless,
            Some("--version" | "-V") => special = Some(Invocation::Version(Form::Text)),
            Some("--help" | "-h") => special = Some(Invocation::Help),
            Some("--json") => form = Form::Json,
            Some("") => return Err("An empty path names nothing.".to_owned()),
            _ if is_option(&word) => return Err(unknown_option(&word)),
            _ => open.paths.push(word),
        }
    }
    match (special, form) {
        (Some(Invocation::Version(_)), form) => Ok(Invocation::Version(form)),
        (Some(special), _) => Ok(special),
        (None, Form::Text) => Ok(Invocation::Open(open)),
        (None, _) => Err("--json belongs to a subcommand or to --version.".to_owned()),
    }
}

/// The two files that `--diff` compares.
fn two(words: &mut impl Iterator<Item = OsString>) -> Result<[OsString; 2], Usage> {
    match (words.next(), words.next()) {
        (Some(before), Some(after)) if !is_option(&before) && !is_option(&after) => {
            Ok([before, after])
        }
        _ => Err("--diff needs two files.".to_owned()),
    }
}

/// Words of a subcommand: those that are options, and the others.
pub(super) struct Words {
    name: &'static str,
    options: Vec<String>,
    values: Vec<(String, OsString)>,
    rest: Vec<OsString>,
}

impl Words {
    fn read(name: &str, words: Vec<OsString>) -> Result<Self, Usage> {
        let name = SUBCOMMANDS.iter().find(|known| **known == name).expect("it was found there");
        let (mut options, mut values, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if word == "--" {
                rest.extend(words);
                break;
            } else if let Some(option) = word.to_str().filter(|word| VALUED.contains(word)) {
                let value = words.next().ok_or_else(|| format!("{option} needs a value."))?;
                values.push((option.to_owned(), value));
            } else if is_option(&word) {
                options.push(word.into_string().map_err(|word| unknown_option(&word))?);
            } else {
                rest.push(word);
            }
        }
        Ok(Self { name, options, values, rest })
    }

    /// Takes an option out; whether it was there.
    pub(super) fn take(&mut self, option: &str) -> bool {
        let before = self.options.len();
        self.options.retain(|given| given != option);
        self.options.len() < before
    }

    /// Takes the value of an option out; the last one counts.
    pub(super) fn value(&mut self, option: &str) -> Result<Option<String>, Usage> {
        let (mine, others) = std::mem::take(&mut self.values)
            .into_iter()
            .partition(|(given, _): &(String, OsString)| given == option);
        self.values = others;
        let mine: Vec<(String, OsString)> = mine;
        mine.into_iter()
            .next_back()
            .map(|(_, value)| value.into_string().map_err(|_| format!("{option} is plain text.")))
            .transpose()
    }

    fn form(&mut self, allowed: &[(&str, Form)]) -> Form {
        let found = allowed.iter().filter(|(option, _)| self.take(option)).last();
        found.map_or(Form::Text, |(_, form)| *form)
    }

    /// Refuses what nobody took.
    pub(super) fn end(self, words_max: usize) -> Result<Vec<OsString>, Usage> {
        let option = self.options.first().or(self.values.first().map(|(option, _)| option));
        if let Some(option) = option {
            return Err(format!("`hearth {}` has no option {option}.", self.name));
        }
        match self.rest.get(words_max) {
            Some(word) => {
                Err(format!("`hearth {}` does not take \"{}\".", self.name, word.display()))
            }
            None => Ok(self.rest),
        }
    }
}

fn subcommand(name: &str, words: Vec<OsString>) -> Result<Invocation, Usage> {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Invocation::Help);
    }
    if name == "ctl" {
        return ctl(words);
    }
    let mut words = Words::read(name, words)?;
    let json = &[("--json", Form::Json)];
    match name {
        "commands" => {
            let form = words.form(&[("--json", Form::Json), ("--markdown", Form::Markdown)]);
            words.end(0).map(|_| Invocation::Commands(form))
        }
        "settings" => {
            let form = words.form(&[
                ("--json", Form::Json),
                ("--markdown", Form::Markdown),
                ("--schema", Form::Schema),
            ]);
            words.end(0).map(|_| Invocation::Settings(form))
        }
        "init" => {
            let form = words.form(json);
            let unprotected = words.take("--unprotected");
            let protect = if unprotected { Protect::Nothing } else { Protect::Passphrase };
            words.end(0).map(|_| Invocation::Init { protect, form })
        }
        "profile" => {
            let form = words.form(json);
            let remove = words.take("--remove");
            let change = match words.end(1)?.pop().as_deref().map(OsStr::as_encoded_bytes) {
                None => ProfileChange::Show,
                Some(b"passphrase") => ProfileChange::Passphrase,
                Some(b"words") => ProfileChange::Words,
                Some(b"recover") => ProfileChange::Recover,
                Some(b"keychain") if remove => ProfileChange::NoKeychain,
                Some(b"keychain") => ProfileChange::Keychain,
                Some(b"rotate") => ProfileChange::Rotate,
                Some(_) => {
                    return Err("`hearth profile` knows passphrase, words, recover, keychain and \
                                rotate."
                        .to_owned());
                }
            };
            if remove && change != ProfileChange::NoKeychain {
                return Err("--remove belongs to `hearth profile keychain`.".to_owned());
            }
            Ok(Invocation::Profile { change, form })
        }
        "trust" => {
            let form = words.form(json);
            let revoke = words.take("--revoke");
            let change = if revoke { TrustChange::Revoke } else { TrustChange::Give };
            let path = words.end(1)?.pop().ok_or("`hearth trust` needs a folder.")?;
            Ok(Invocation::Trust { path: path.into(), change, form })
        }
        "ledger" | "policy" | "inbox" | "kill-switch" | "runs" | "pair" | "devices" | "sync" => {
            let form = words.form(json);
            of_stores(name, words, form)
        }
        _ => {
            let form = words.form(json);
            doctor(words).map(|task| Invocation::Doctor { task, form })
        }
    }
}

fn doctor(mut words: Words) -> Result<DoctorTask, Usage> {
    let tasks = [
        ("--seen", DoctorTask::See),
        ("--adapters", DoctorTask::Adapters),
        ("--repair", DoctorTask::Repair),
    ];
    let given: Vec<_> = tasks.iter().filter(|(option, _)| words.take(option)).collect();
    words.end(0)?;
    match given.as_slice() {
        [] => Ok(DoctorTask::Examine),
        [(_, task)] => Ok(*task),
        _ => Err("`hearth doctor` does one thing at a time.".to_owned()),
    }
}

/// What is asked of the gate and what it remembers.
fn of_stores(name: &str, words: Words, form: Form) -> Result<Invocation, Usage> {
    match name {
        "ledger" => asks::ledger(words).map(|ask| Invocation::Ledger(ask, form)),
        "policy" => asks::policy(words).map(|ask| Invocation::Policy(ask, form)),
        "inbox" => asks::inbox(words).map(|ask| Invocation::Inbox(ask, form)),
        "runs" => asks::runs(words).map(|ask| Invocation::Runs(ask, form)),
        "pair" => asks_devices::pair(words).map(|ask| Invocation::Pair(ask, form)),
        "sync" => asks_sync::ask(words).map(|ask| Invocation::Sync(ask, form)),
        "devices" => asks_devices::devices(words).map(|ask| Invocation::Devices(ask, form)),
        _ => asks::kill_switch(words).map(|ask| Invocation::KillSwitch(ask, form)),
    }
}

/// Arguments of `ctl` are the command's own, so nothing of them is an option but `--json`, which
/// changes nothing: the answer is JSON anyway.
fn ctl(words: Vec<OsString>) -> Result<Invocation, Usage> {
    let mut words = words.into_iter().filter(|word| word != "--json");
    let command =
        words.next().ok_or("`hearth ctl` needs a command; `hearth commands` lists them.")?;
    let command = command.into_string().map_err(|_| "A command's name is plain text.")?;
    Ok(Invocation::Ctl { command, arguments: words.collect() })
}

/// A lone `-` is standard input.
fn is_option(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    bytes.len() > 1 && bytes[0] == b'-'
}

fn unknown_option(word: &OsStr) -> Usage {
    let word = word.display();
    format!("There is no option {word}; for a file of that name write `hearth -- {word}`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Invocation, Usage> {
        parse(words.iter().map(OsString::from))
    }

    fn opened(words: &[&str]) -> Open {
        match read(words).unwrap() {
            Invocation::Open(open) => open,
            other => panic!("{words:?} gave {other:?}"),
        }
    }

    #[test]
    fn paths_and_options_may_be_mixed() {
        let open = opened(&["--wait", "a.rs:3", "--new", "-", "--", "--odd"]);
        assert_eq!(open.paths, ["a.rs:3", "-", "--odd"]);
        assert_eq!((open.wait, open.place), (Wait::UntilClosed, Place::New));
        assert_eq!(opened(&[]), Open::default());
        assert_eq!(opened(&["--headless", "--drive"]).mode, Mode::Headless);
        assert_eq!(opened(&["--drive", "x"]).mode, Mode::Drive);
        let compared = opened(&["c", "--diff", "a", "b", "d"]);
        assert_eq!(compared.diff, Some(["a".into(), "b".into()]));
        assert_eq!(compared.paths, ["c", "d"]);
    }

    #[test]
    fn subcommands_come_first() {
        assert_eq!(read(&["commands", "--json"]), Ok(Invocation::Commands(Form::Json)));
        assert_eq!(read(&["settings", "--schema"]), Ok(Invocation::Settings(Form::Schema)));
        let doctor = |task| Ok(Invocation::Doctor { task, form: Form::Text });
        assert_eq!(read(&["doctor"]), doctor(DoctorTask::Examine));
        assert_eq!(read(&["doctor", "--seen"]), doctor(DoctorTask::See));
        assert_eq!(opened(&["./doctor"]).paths, ["./doctor"]);
        assert_eq!(opened(&["a", "doctor"]).paths, ["a", "doctor"]);
        let init = Invocation::Init { protect: Protect::Nothing, form: Form::Json };
        assert_eq!(read(&["init", "--unprotected", "--json"]), Ok(init));
        let runs = Invocation::Runs(RunsAsk::Why { run: 7, step: "build".into() }, Form::Json);
        assert_eq!(read(&["runs", "why", "7", "build", "--json"]), Ok(runs));
        let tail = Invocation::Ledger(LedgerAsk::Tail { count: 5 }, Form::Text);
        assert_eq!(read(&["ledger", "tail", "--count", "5"]), Ok(tail));
        let switch = Invocation::KillSwitch(SwitchAsk::On, Form::Text);
        assert_eq!(read(&["kill-switch", "on"]), Ok(switch));
        let profile = |change| Ok(Invocation::Profile { change, form: Form::Text });
        assert_eq!(read(&["profile"]), profile(ProfileChange::Show));
        assert_eq!(read(&["profile", "words"]), profile(ProfileChange::Words));
        let removed = profile(ProfileChange::NoKeychain);
        assert_eq!(read(&["profile", "keychain", "--remove"]), removed);
        let trust =
            Invocation::Trust { path: "/c".into(), change: TrustChange::Revoke, form: Form::Text };
        assert_eq!(read(&["trust", "/c", "--revoke"]), Ok(trust));
    }

    #[test]
    fn ctl_leaves_the_arguments_to_the_command() {
        let got = read(&["ctl", "app.text", "text=-x --wait"]).unwrap();
        let arguments = vec![OsString::from("text=-x --wait")];
        assert_eq!(got, Invocation::Ctl { command: "app.text".into(), arguments });
    }

    #[test]
    fn wrong_usage_is_told_in_a_sentence() {
        for words in [
            &["--nope"][..],
            &["--diff", "a"],
            &["--diff", "a", "--wait"],
            &["ctl"],
            &["trust"],
            &["trust", "a", "b"],
            &["profile", "key"],
            &["profile", "words", "--remove"],
            &["commands", "x"],
            &["doctor", "--markdown"],
            &["doctor", "--seen", "--repair"],
            &["ledger", "show"],
            &["ledger", "export", "--format", "xml"],
            &["ledger", "tail", "--count"],
            &["policy", "check", "action=a.b"],
            &["inbox", "approve", "one"],
            &["inbox", "approve", "1", "--for", "ever"],
            &["kill-switch", "maybe"],
            &["runs", "show"],
            &["runs", "--count", "3"],
            &["--json", "a"],
            &[""],
        ] {
            let told = read(words).unwrap_err();
            assert!(told.ends_with('.') && told.len() > 10, "{words:?}: {told}");
        }
    }

    #[test]
    fn version_and_help_win_over_paths() {
        assert_eq!(read(&["x", "--version", "--json"]), Ok(Invocation::Version(Form::Json)));
        assert_eq!(read(&["-h"]), Ok(Invocation::Help));
        assert_eq!(read(&["trust", "--help"]), Ok(Invocation::Help));
    }
}
