//! The ledger: appended durably in groups, verified whole, proved entry by entry.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::disk::RealDisk;
use kernel::keys::{Profile, Protection};
use kernel::ledger::{
    Decision, DeviceKey, Entry, EvidenceHash, Ledger, Parts, SubjectHash, Time, TraceId,
};
use kernel::log::{Log, LogOptions, LogWriter};
use kernel::principal::{ActionId, Name};
use tempfile::TempDir;

use crate::clock::thread_cpu;
use crate::measure::{Figure, Measure};
use crate::source::Numbers;

const ENTRIES: u64 = 1_000_000;
/// What gathers before it is made durable: a night's step asks a few times a second, so this is
/// far more than waits in fact.
const GROUP: u64 = 1_000;
const DURABLE: u64 = 100_000;
const PROOFS: u64 = 2_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// What is measured here.
pub fn measures() -> Vec<Measure> {
    vec![Measure { rows: &["ledger.append", "ledger.verify", "ledger.proof"], run }]
}

fn run() -> Result<Vec<Figure>, String> {
    let folder = TempDir::with_prefix("hearth-ledger-").map_err(|error| error.to_string())?;
    let ledger = open(folder.path()).map_err(|error| error.to_string())?;
    let told = |error: kernel::ledger::LedgerError| error.to_string();
    let entry = entry();
    let start = Instant::now();
    for number in 1..=DURABLE {
        ledger.append(&entry).map_err(told)?;
        if number % GROUP == 0 {
            ledger.flush(PATIENCE).map_err(told)?;
        }
    }
    let append = DURABLE as f64 / start.elapsed().as_secs_f64();
    for number in DURABLE + 1..=ENTRIES {
        ledger.append(&entry).map_err(told)?;
        if number % (100 * GROUP) == 0 {
            ledger.checkpoint().map_err(told)?;
        }
    }
    let checkpoint = ledger.checkpoint().map_err(told)?;
    let (start, cpu) = (Instant::now(), thread_cpu());
    let verified = ledger.verify().map_err(told)?;
    let verify = (thread_cpu() - cpu).as_secs_f64();
    let by_clock = start.elapsed().as_secs_f64();
    if !verified.is_ok() || verified.entries != ENTRIES {
        return Err(format!("the ledger does not verify: {:?}", verified.faults.first()));
    }
    let mut numbers = Numbers::from_seed(5);
    let (mut worst, cpu) = (0.0_f64, thread_cpu());
    for _ in 0..PROOFS {
        let one = thread_cpu();
        let index = numbers.below(ENTRIES as usize) as u64;
        let proof = ledger.prove(index, ENTRIES).map_err(told)?;
        worst = worst.max((thread_cpu() - one).as_secs_f64() * 1e3);
        if !proof.proves(&entry, &checkpoint) {
            return Err(format!("entry {index} is not proved"));
        }
    }
    let proof = (thread_cpu() - cpu).as_secs_f64() * 1e3 / PROOFS as f64;
    Ok(vec![
        Figure::new("ledger.append", append).beside("group", GROUP as f64),
        Figure::new("ledger.verify", verify).beside("by the clock", by_clock),
        Figure::new("ledger.proof", proof).beside("max", worst),
    ])
}

fn open(folder: &Path) -> Result<Ledger, Box<dyn std::error::Error>> {
    let disk = Arc::new(RealDisk);
    let keys = Profile::create(&*disk, &folder.join("p"), Protection::Unprotected)?;
    let options = LogOptions::default();
    let log = Log::open(disk.clone(), &folder.join("log"), keys.sealer("log"), options)?;
    let parts = Parts {
        disk,
        dir: &folder.join("ledger"),
        writer: Arc::new(LogWriter::start(log, |_| {})?),
        opener: keys.opener("log"),
        keys: &keys,
        signer: Arc::new(DeviceKey::from_seed(&[7; 32])),
        patience: PATIENCE,
    };
    Ok(Ledger::open(parts)?.0)
}

/// One with everything in it, as a denial has it.
fn entry() -> Entry {
    Entry {
        time: Time(1_790_000_000_000),
        trace: TraceId(7),
        actor: "agent:code-review".parse().expect("it is of the grammar"),
        action: ActionId::new("file.write").expect("it is of the grammar"),
        subject: Some(SubjectHash([3; 32])),
        decision: Decision::Denied,
        rule: Some(Name::new("agent-asks").expect("it is of the grammar")),
        evidence: vec![EvidenceHash([4; 32])],
    }
}
