//! `hearth ledger`: what was decided.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use kernel::ledger::export;
use serde_json::{Value, json};

use super::asks::{ExportForm, LedgerAsk};
use super::invocation::Form;
use super::reach::{Reach, Wish};
use super::{line, print};
use crate::directories::Directories;
use crate::registry::Fault;

/// Entries of one page of an export.
const PAGE: u64 = 5000;

pub(super) fn run(
    directories: &Directories,
    ask: &LedgerAsk,
    form: Form,
) -> Result<ExitCode, Fault> {
    let reach = Reach::open(directories, Wish::Look)?;
    match ask {
        LedgerAsk::Tail { count } => {
            let answer = reach.ask("ledger.read", json!({ "count": count }))?;
            match form {
                Form::Json => print(&line(&answer["entries"])),
                _ => print(&table(&answer["entries"])),
            }
        }
        LedgerAsk::Show(index) => {
            let answer = reach.ask("ledger.show", json!({ "index": index }))?;
            match form {
                Form::Json => print(&line(&answer)),
                _ => print(&card(&answer)),
            }
        }
        LedgerAsk::Verify => verify(&reach, form),
        LedgerAsk::Export(how) => export_all(&reach, *how),
    }
}

fn verify(reach: &Reach, form: Form) -> Result<ExitCode, Fault> {
    let answer = reach.ask("ledger.verify", Value::Null)?;
    let is_ok = answer["ok"] == true;
    match form {
        Form::Json => print(&line(&answer))?,
        _ => {
            let mut text = format!(
                "{} entries, {} checkpoints: {}\n",
                answer["entries"],
                answer["checkpoints"],
                if is_ok { "every entry is as it was signed." } else { "not as they were signed." }
            );
            for fault in answer["faults"].as_array().into_iter().flatten() {
                text.push_str(&format!("  {}\n", fault.as_str().unwrap_or_default()));
            }
            print(&text)?
        }
    };
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every entry, page by page, so that millions need no memory.
fn export_all(reach: &Reach, how: ExportForm) -> Result<ExitCode, Fault> {
    let mut output = std::io::stdout().lock();
    let mut put = |text: String| match writeln!(output, "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Fault::file("Writing to", Path::new("standard output"), &error)),
        Ok(()) => Ok(true),
    };
    if how == ExportForm::Csv && !put(export::CSV_HEADER.to_owned())? {
        return Ok(ExitCode::SUCCESS);
    }
    let mut from = 0;
    loop {
        let page = reach.ask("ledger.read", json!({ "from": from, "count": PAGE }))?;
        for entry in page["entries"].as_array().into_iter().flatten() {
            let text = match how {
                ExportForm::JsonLines => entry.to_string(),
                ExportForm::Csv => csv(entry),
            };
            if !put(text)? {
                return Ok(ExitCode::SUCCESS);
            }
        }
        from += PAGE;
        if from >= page["size"].as_u64().unwrap_or(0) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// The columns of [`export::CSV_HEADER`]; no field of a ledger has a comma.
fn csv(entry: &Value) -> String {
    let column = |name: &str| match &entry[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    export::CSV_HEADER.split(',').map(column).collect::<Vec<_>>().join(",")
}

fn table(entries: &Value) -> String {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return "Nothing was decided yet.\n".to_owned();
    }
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("").to_owned();
    let width = |name: &str| entries.iter().map(|it| word(it, name).len()).max().unwrap_or(0);
    let (actor, decision, action) = (width("actor"), width("decision"), width("action"));
    let mut text = String::new();
    for entry in entries {
        let row = format!(
            "{:>5}  {}  {:<actor$}  {:<decision$}  {:<action$}  {}",
            entry["index"].to_string(),
            utc(entry["time_ms"].as_u64().unwrap_or(0)),
            word(entry, "actor"),
            word(entry, "decision"),
            word(entry, "action"),
            word(entry, "rule"),
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn card(answer: &Value) -> String {
    let entry = &answer["entry"];
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("{name:<11}{value}\n"));
        }
    };
    let word = |name: &str| entry[name].as_str().unwrap_or("").to_owned();
    row("entry", entry["index"].to_string());
    row("time", utc(entry["time_ms"].as_u64().unwrap_or(0)));
    for name in ["actor", "decision", "action", "rule", "subject", "trace"] {
        row(name, word(name));
    }
    for hash in entry["evidence"].as_array().into_iter().flatten() {
        row("evidence", hash.as_str().unwrap_or("").to_owned());
    }
    let proof = &answer["proof"];
    row(
        "proof",
        match proof["size"].as_u64() {
            Some(size) => format!(
                "it is in the ledger of {size} entries that {} signed",
                answer["device"].as_str().map_or("", |device| &device[..16.min(device.len())])
            ),
            None => "no checkpoint covers it yet".to_owned(),
        },
    );
    text
}

/// A moment in UTC, as people read it.
pub fn utc(ms: u64) -> String {
    let seconds = ms / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Year, month and day of a count of days since 1970, by Howard Hinnant's algorithm.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_as_the_calendar_has_them() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_827_696_000), "2000-02-29 12:34:56Z");
        assert_eq!(utc(1_796_083_199_999), "2026-11-30 23:59:59Z");
    }
}
