//! The command line: what each word of it does.
//!
//! Parsing is in `invocation`, what is opened in `opening`; each subcommand has a file. Errors are
//! one sentence on standard error, with exit code 1, or 2 for wrong usage.

mod asks;
mod ctl;
mod devices;
mod doctor;
mod inbox;
mod init;
mod invocation;
mod kill_switch;
mod ledger;
#[cfg(target_os = "linux")]
mod libraries;
mod list;
mod opening;
mod policy;
mod profile_keys;
mod reach;
mod runs;
mod sync;
mod trust;

pub use invocation::Mode;
pub use ledger::utc;
pub use opening::{COMMAND as OPEN_COMMAND, Item, Opening, Place, Wait};

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::directories::Directories;
use crate::instance::{self, Claim, Resident};
use crate::record;
use crate::registry::{Fault, FaultKind};
use crate::settings::Level;
use invocation::{Form, Invocation, Open};

/// What a process that became resident starts from.
pub struct Beginning {
    /// Its files.
    pub directories: Directories,
    /// What to open first.
    pub opening: Opening,
    /// With a window or without.
    pub mode: Mode,
    /// The profile, and where clients come in.
    pub resident: Resident,
}

/// The most that is taken from standard input.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// How long a second process waits for the first to open its files.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// As good as for ever.
const WAIT_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const HELP: &str = "\
Hearth, a code editor.

hearth [PATH[:LINE[:COLUMN]]]...  open files or a folder; `-` is standard input
    --new                         in a new window
    --wait                        end when what was opened is closed again
    --diff A B                    compare two files beside each other
    --headless                    without a window; scripts may drive it
    --drive                       with a window that scripts may drive
hearth ctl COMMAND [ARGUMENTS]    run a command in the running instance; the arguments are one
                                  JSON object or key=value each, the answer is JSON
hearth commands                   list the commands (--json, --markdown)
hearth settings                   list the settings (--json, --markdown, --schema)
hearth init [--unprotected]       make the profile, with a passphrase or without
hearth profile                    what unlocks the profile
    passphrase                    set or change its passphrase
    words                         make the twelve words that recover it; they are shown once
    recover                       with the twelve words, set a new passphrase
    keychain [--remove]           let the system's keychain unlock it, or no more
    rotate                        seal with a new key from now on
hearth trust PATH [--revoke]      let a folder's own files count, or no more
hearth runs                       work in steps that outlives the program
    start PLAN [--as WHO]         start one from a plan's file, with the rights of WHO
    show RUN, why RUN STEP        how it stands, and why
    logs RUN [STEP]               what its steps printed
    resume RUN, cancel RUN        go on with it, or stop it and take back what was done
hearth inbox                      what waits for your word
    show ITEM                     a question, with what it would change
    approve ITEM [--for WHEN]     once, session or always
    deny ITEM                     it is not asked again
hearth kill-switch [on|off]       stop whatever acts on its own, or let it act again
hearth ledger tail [--count N]    what was decided lately
    show ENTRY                    one entry, and what proves that it is there
    verify                        hold every entry against what was signed
    export --format jsonl|csv     every entry
hearth policy check principal=P action=A [resource=R] [risk=L2] [when=trusted,mains]
    explain ...                   the same, with every rule that was looked at
    who-can action=A [...]        what everybody would be told
    test [FILE]                   run the tests that your policy carries
hearth pair --show                a code for a new device, to scan, to paste or to type
    --join CODE [--at ADDRESS]    on the new one: CODE is the text, a picture of it, or the short
                                  code, with the address beside it on another network
    --join CODE --confirm \"W W W W\"
                                  the same words are on the other screen
hearth devices                    your machines
    pending                       who waits to be admitted
    admit ID --words \"W W W W\"   with the words that its screen shows
    refuse ID, remove ID          a newcomer; a device, which reads nothing from then on
    rename ID NAME                on all of them
hearth sync                       folders that your devices share, and how they stand
    share PATH                    share one
    join ID PATH                  bring it into a folder of this device
hearth doctor                     what this machine has and lacks, and what to do about it
    --repair                      make the index of the profile's rows anew from its log
    --seen                        note that the crash reports were seen
    --adapters                    list what can draw
hearth --version, --help

Subcommands take --json. HEARTH_HOME is a folder for all of the program's own files;
HEARTH_PASSPHRASE_FILE names a file with the profile's passphrase.
";

/// Does what the command line says; `resident` runs the program where this process becomes the
/// profile's own.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    resident: impl FnOnce(Beginning) -> Result<(), Fault>,
) -> ExitCode {
    let done = match invocation::parse(arguments) {
        Ok(Invocation::Open(open)) => start(open, resident),
        Ok(invocation) => subcommand(invocation),
        Err(usage) => Err(Fault::usage(format!("{usage} See `hearth --help`."))),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            // Without standard error there is nobody to tell.
            drop(writeln!(std::io::stderr(), "hearth: {fault}"));
            ExitCode::from(if fault.kind == FaultKind::Usage { 2 } else { 1 })
        }
    }
}

fn subcommand(invocation: Invocation) -> Result<ExitCode, Fault> {
    match invocation {
        Invocation::Open(_) => unreachable!("it is started by its caller"),
        Invocation::Ctl { command, arguments } => {
            let answer = ctl::call(&Directories::of_process()?, &command, &arguments)?;
            print(&format!("{answer}\n"))
        }
        Invocation::Commands(form) => print(&list::commands(&Directories::of_process(), form)),
        Invocation::Settings(form) => print(&list::settings(&Directories::of_process()?, form)),
        Invocation::Init { protect, form } => {
            print(&init::run(&Directories::of_process()?, protect, form)?)
        }
        Invocation::Profile { change, form } => {
            print(&profile_keys::run(&Directories::of_process()?, change, form)?)
        }
        Invocation::Trust { path, change, form } => {
            print(&trust::run(&Directories::of_process()?, &path, change, form)?)
        }
        Invocation::Ledger(ask, form) => ledger::run(&Directories::of_process()?, &ask, form),
        Invocation::Policy(ask, form) => policy::run(&Directories::of_process()?, &ask, form),
        Invocation::Inbox(ask, form) => {
            print(&inbox::run(&Directories::of_process()?, &ask, form)?)
        }
        Invocation::KillSwitch(ask, form) => {
            print(&kill_switch::run(&Directories::of_process()?, ask, form)?)
        }
        Invocation::Runs(ask, form) => print(&runs::run(&Directories::of_process()?, &ask, form)?),
        Invocation::Pair(ask, form) => devices::run_pair(&Directories::of_process()?, &ask, form),
        Invocation::Devices(ask, form) => {
            print(&devices::run(&Directories::of_process()?, &ask, form)?)
        }
        Invocation::Sync(ask, form) => print(&sync::run(&Directories::of_process()?, &ask, form)?),
        Invocation::Doctor { task, form } => {
            print(&doctor::run(&Directories::of_process()?, task, form)?)
        }
        Invocation::Version(Form::Text) => {
            print(&format!("hearth {}\n", env!("CARGO_PKG_VERSION")))
        }
        Invocation::Version(_) => {
            print(&format!("{}\n", json!({ "version": env!("CARGO_PKG_VERSION") })))
        }
        Invocation::Help => print(HELP),
    }
}

fn start(
    open: Open,
    resident: impl FnOnce(Beginning) -> Result<(), Fault>,
) -> Result<ExitCode, Fault> {
    let directories = Directories::of_process()?;
    let mode = open.mode;
    let opening = gather(open)?;
    match instance::claim(&directories)? {
        Claim::Resident(claimed) => {
            record::install_crash_reports(&directories.crashes());
            // A program without records still edits; `doctor` names what is wrong with the folder.
            drop(record::start(&directories.records(), Level::Info));
            let beginning = Beginning { directories, opening, mode, resident: claimed };
            let done = resident(beginning);
            record::flush(Duration::from_secs(2));
            done?;
        }
        Claim::Second(_) if mode != Mode::Window => {
            return Err(Fault::state(
                "A Hearth runs for this profile already: end it, or set HEARTH_HOME to another \
                 folder.",
            ));
        }
        Claim::Second(client) => {
            let waits = opening.wait == Wait::UntilClosed;
            let timeout = if waits { WAIT_TIMEOUT } else { OPEN_TIMEOUT };
            client.call(OPEN_COMMAND, opening.to_json(), timeout)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes paths absolute and reads standard input.
fn gather(open: Open) -> Result<Opening, Fault> {
    let folder = || {
        std::env::current_dir()
            .map_err(|error| Fault::file("Finding", Path::new("the current folder"), &error))
    };
    let mut items = Vec::new();
    for argument in open.paths {
        items.push(if argument == "-" {
            Item::Text(standard_input()?)
        } else if Path::new(&argument).is_absolute() {
            Item::from_argument(&argument, Path::new(""), &Path::exists)
        } else {
            Item::from_argument(&argument, &folder()?, &Path::exists)
        });
    }
    if let Some(files) = open.diff {
        let absolute = |file: &OsString| -> Result<PathBuf, Fault> {
            let path = match Path::new(file).is_absolute() {
                true => PathBuf::from(file),
                false => folder()?.join(file),
            };
            // Said here, where it was typed, and before any window opens.
            let found = std::fs::metadata(&path);
            let found = found.map_err(|error| Fault::file("Comparing", &path, &error))?;
            match found.is_dir() {
                true => Err(Fault::state("A folder is not compared; name two files.")),
                false => Ok(path),
            }
        };
        let [before, after] = files;
        items.push(Item::Diff { before: absolute(&before)?, after: absolute(&after)? });
    }
    Ok(Opening { items, wait: open.wait, place: open.place })
}

fn standard_input() -> Result<String, Fault> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(len) if len as u64 > INPUT_BYTES_MAX => Err(Fault::machine(format!(
            "Standard input has more than {} MB: save it to a file and open that.",
            INPUT_BYTES_MAX >> 20
        ))),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Fault::machine("Standard input is not UTF-8: save it to a file and open that."))
        }
        Err(error) => Err(Fault::file("Reading", Path::new("standard input"), &error)),
    }
}

/// Prints to standard output. A reader that has gone, such as `head`, is no error.
fn print(text: &str) -> Result<ExitCode, Fault> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Fault::file("Writing to", Path::new("standard output"), &error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// `value` as one line.
fn line(value: &Value) -> String {
    format!("{value}\n")
}
