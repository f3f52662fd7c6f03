//! What a fatal signal leaves: a report with a minidump that can be walked and holds no text.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use minidump::{
    Minidump, MinidumpException, MinidumpModule, MinidumpModuleList, MinidumpSystemInfo,
    MinidumpThreadList, MinidumpThreadNames, Module, UnifiedMemory,
};
use serde_json::json;

use super::records::doctor;
use super::{IDLE_MAX, start};
use tests::instance::{Home, Instance, Profile, binary};
use tests::seed::Seed;

const SIGSEGV: u32 = 11;
const SIGABRT: u32 = 6;

/// What is typed, and what unlocks the profile of a [`Home`].
const CANARIES: [&str; 2] = ["Zwetschgendatschi", "correct horse battery staple"];

/// So many characters in a row would tell something.
const SHOWS: usize = 5;

type Dump = Minidump<'static, Vec<u8>>;

fn send(signal: &str, pid: u32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn crashes(home: &Home, end: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(home.profile().join("state/crashes")).unwrap().flatten();
    let is_full = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(end) && path.metadata().unwrap().len() > 0
    };
    all.map(|entry| entry.path()).filter(is_full).collect()
}

/// Fails if a part of a canary stands in `bytes`, in UTF-8 or UTF-16.
fn holds_no_canary(bytes: &[u8], context: &str) {
    for canary in CANARIES {
        for part in canary.as_bytes().windows(SHOWS) {
            let wide: Vec<u8> = part.iter().flat_map(|byte| [*byte, 0]).collect();
            for form in [part, &wide] {
                let shows = bytes.windows(form.len()).any(|window| window == form);
                assert!(!shows, "{context}: {:?} shows", String::from_utf8_lossy(part));
            }
        }
    }
}

/// The functions of the program that the return addresses of the crashed thread lie in.
fn walked(dump: &Dump, hearth: &MinidumpModule) -> Vec<String> {
    let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().unwrap();
    let exception = dump.get_stream::<MinidumpException<'_>>().unwrap();
    let crashed = threads.get_thread(exception.get_crashing_thread_id()).unwrap();
    let context = crashed.context(&system, None).unwrap();
    let memory = dump.get_memory().unwrap();
    let stack = crashed.stack_memory(&memory).unwrap();
    let range = hearth.base_address()..hearth.base_address() + hearth.size();
    let pointer = context.get_stack_pointer();
    assert_eq!(pointer & !7, base(&stack), "the stack begins where its pointer is");
    let words = (0..).map_while(|word| stack.get_memory_at_address::<u64>(pointer + 8 * word));
    let inside = words.filter(|word| range.contains(word));
    let offsets = inside.map(|word| format!("{:#x}", word - hearth.base_address()));
    let mut tool = Command::new("addr2line");
    tool.args(["-f", "-C", "-e"]).arg(binary(Profile::Dev).unwrap()).args(offsets.take(200));
    let output = tool.output().expect("addr2line comes with gcc");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn base(memory: &UnifiedMemory<'_, '_>) -> u64 {
    match memory {
        UnifiedMemory::Memory(memory) => memory.base_address,
        UnifiedMemory::Memory64(memory) => memory.base_address,
    }
}

fn check(bytes: &[u8], signal: u32, context: &str) {
    let dump = Minidump::read(bytes.to_vec()).unwrap();
    let exception = dump.get_stream::<MinidumpException<'_>>().unwrap();
    assert_eq!(exception.raw.exception_record.exception_code, signal, "{context}");
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().unwrap();
    assert_eq!(threads.threads[0].raw.thread_id, exception.get_crashing_thread_id());
    let names = dump.get_stream::<MinidumpThreadNames>().unwrap();
    let names: Vec<_> = threads
        .threads
        .iter()
        .map(|thread| names.get_name(thread.raw.thread_id).unwrap().into_owned())
        .collect();
    for name in ["hearth", "records", "log writer", "durable"] {
        assert!(names.iter().any(|known| known == name), "{context}: no {name} in {names:?}");
    }
    let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
    for thread in &threads.threads {
        assert!(thread.context(&system, None).is_some(), "{context}: it has registers");
    }
    let modules = dump.get_stream::<MinidumpModuleList>().unwrap();
    let hearth = modules.iter().find(|module| module.code_file() == "hearth").unwrap();
    assert!(hearth.code_identifier().is_some(), "{context}: the linker writes a build id");
    assert!(modules.iter().any(|module| module.code_file().starts_with("libc.so")));
    let functions = walked(&dump, hearth);
    assert!(
        functions.iter().any(|name| name.contains("hearth::") && name.contains("run")),
        "{context}: the walk does not reach the program: {functions:#?}"
    );
}

#[test]
fn a_fatal_signal_while_typing_leaves_a_dump_that_can_be_walked_and_holds_no_text() {
    let mut seed = Seed::of_run("a_fatal_signal_while_typing");
    for round in 0..4 {
        let home = Home::new().unwrap();
        let mut command = home.command(&binary(Profile::Dev).unwrap());
        // The environment lies on the first thread's stack, above its frames.
        command.env("TOKEN", CANARIES[0]).env("PHRASE", CANARIES[1]).arg("--headless");
        let mut hearth = Instance::start(command, &home).unwrap();
        hearth.wait_idle(IDLE_MAX).unwrap();
        hearth.keys("ctrl-n").unwrap();
        hearth.type_text(CANARIES[0]).unwrap();
        let (pid, delay) = (hearth.pid(), Duration::from_millis(1 + seed.next() % 200));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(delay);
            send("-SEGV", pid);
        });
        while hearth.type_text(CANARIES[0]).is_ok() {}
        killer.join().unwrap();
        let ended = hearth.ended(IDLE_MAX).unwrap_err();
        assert!(ended.contains("signal: 11"), "{ended}");
        let dumps = crashes(&home, "-signal.dmp");
        assert_eq!(dumps.len(), 1, "one for each crash");
        let bytes = fs::read(&dumps[0]).unwrap();
        let context = format!("round {round}, after {delay:?}, {} bytes", bytes.len());
        check(&bytes, SIGSEGV, &context);
        holds_no_canary(&bytes, &context);
        let text = fs::read_to_string(&crashes(&home, "-signal.txt")[0]).unwrap();
        assert!(text.starts_with("fatal signal 11\n") && text.contains(" threads"), "{text}");
        holds_no_canary(text.as_bytes(), &context);
    }
}

#[test]
fn a_report_is_told_until_it_was_seen() {
    let home = Home::new().unwrap();
    let mut hearth = start(&home, &[]);
    hearth.keys("ctrl-n").unwrap();
    hearth.type_text("kept over the crash").unwrap();
    send("-ABRT", hearth.pid());
    assert!(hearth.ended(IDLE_MAX).unwrap_err().contains("signal: 6"));
    check(&fs::read(&crashes(&home, "-signal.dmp")[0]).unwrap(), SIGABRT, "aborted");
    // The next one runs on, and its own files, made ready and empty, are no reports.
    let mut again = start(&home, &[]);
    assert_eq!(again.text().unwrap(), "kept over the crash");
    let told = doctor(&home)("crashes");
    assert_eq!(told["ok"], json!(false), "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.starts_with("1 new report") && detail.contains("fatal signal 6"), "{detail}");
    let seen = home.command(&binary(Profile::Dev).unwrap()).args(["doctor", "--seen"]).output();
    let said = String::from_utf8(seen.unwrap().stdout).unwrap();
    assert!(said.contains("1 report"), "{said}");
    let told = doctor(&home)("crashes");
    assert_eq!(told["ok"], json!(true), "{told}");
}
