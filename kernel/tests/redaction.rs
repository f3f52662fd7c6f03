//! Secrets made by a seed, from descriptions that share nothing with the scanner's patterns, and
//! this repository's own sources as text that has none.

// The lint's own exception does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use kernel::disk::sim::SplitMix;
use kernel::redaction::{FindingKind, redact, scan};

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

/// A provider, and pieces: literal text, or an alphabet with a length.
enum Piece {
    Text(&'static str),
    Some(&'static str, usize),
}

fn made() -> Vec<(&'static str, Vec<Piece>)> {
    use Piece::{Some as S, Text as T};
    vec![
        ("AWS", vec![T("AKIA"), S(BASE32, 16)]),
        ("Google", vec![T("AIza"), S(ALNUM, 35)]),
        ("GitHub", vec![T("ghp_"), S(ALNUM, 36)]),
        ("GitHub", vec![T("github_pat_"), S(ALNUM, 22), T("_"), S(ALNUM, 59)]),
        ("GitLab", vec![T("glpat-"), S(ALNUM, 20)]),
        ("Slack", vec![T("xoxb-"), S("0123456789", 12), T("-"), S(ALNUM, 24)]),
        ("Stripe", vec![T("sk_live_"), S(ALNUM, 24)]),
        ("Anthropic", vec![T("sk-ant-api03-"), S(ALNUM, 93), T("AA")]),
        ("OpenAI", vec![T("sk-proj-"), S(ALNUM, 48)]),
        ("npm", vec![T("npm_"), S(ALNUM, 36)]),
        ("PyPI", vec![T("pypi-AgEIcHlwaS5vcmc"), S(ALNUM, 70)]),
        ("crates.io", vec![T("cio"), S(ALNUM, 32)]),
        ("JWT", vec![T("eyJhbGciOiJIUzI1NiJ9.eyJ"), S(ALNUM, 40), T("."), S(ALNUM, 43)]),
        ("age", vec![T("AGE-SECRET-KEY-1"), S(BECH32, 58)]),
        ("Telegram", vec![S("123456789", 10), T(":AA"), S(ALNUM, 33)]),
        ("Discord", vec![T("M"), S(ALNUM, 25), T("."), S(ALNUM, 6), T("."), S(ALNUM, 38)]),
        ("Twilio", vec![T("SK"), S(HEX, 32)]),
        ("SendGrid", vec![T("SG."), S(ALNUM, 22), T("."), S(ALNUM, 43)]),
        ("Mailgun", vec![T("key-"), S(HEX, 32)]),
        ("DigitalOcean", vec![T("dop_v1_"), S(HEX, 64)]),
        ("Heroku", vec![T("HRKU-"), S(ALNUM, 60)]),
        ("Cloudflare", vec![T("v1.0-"), S(HEX, 24), T("-"), S(HEX, 146)]),
        ("Hugging Face", vec![T("hf_"), S(ALNUM, 34)]),
        ("Databricks", vec![T("dapi"), S(HEX, 32)]),
        ("Shopify", vec![T("shpat_"), S(HEX, 32)]),
        ("Square", vec![T("sq0atp-"), S(ALNUM, 22)]),
        ("Vault", vec![T("hvs."), S(ALNUM, 90)]),
        ("Terraform", vec![S(ALNUM, 14), T(".atlasv1."), S(ALNUM, 67)]),
        ("Docker", vec![T("dckr_pat_"), S(ALNUM, 27)]),
        ("Azure", vec![T("AccountKey="), S(ALNUM, 86), T("==")]),
        ("Azure", vec![S(ALNUM, 3), T("8Q~"), S(ALNUM, 34)]),
    ]
}

fn write(pieces: &[Piece], random: &mut SplitMix) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Some(of, len) => {
                let one = |_| of.as_bytes()[random.below(of.len() as u64) as usize] as char;
                text.extend((0..*len).map(one));
            }
        }
    }
    text
}

fn random() -> SplitMix {
    let given = std::env::var("HEARTH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| kernel::ledger::Time::now().0);
    eprintln!("HEARTH_SEED={seed}");
    SplitMix::new(seed)
}

#[test]
fn every_provider_s_key_is_found_and_named_wherever_it_stands() {
    let mut random = random();
    for (provider, pieces) in made() {
        for _ in 0..50 {
            let secret = write(&pieces, &mut random);
            for around in ["@", "let x = \"@\";", "see @ here", "{\"a\":[\"@\"]}", "ä @\n", "(@)"]
            {
                let text = around.replace('@', &secret);
                let kept = redact(&text);
                assert!(!kept.contains(&secret), "{provider}: {text}");
                let named = format!("{provider} key]");
                let first = scan(&text).remove(0).kind;
                // The name beside an Azure key is that of a password too.
                let is_named = kept.contains(&named) || first == FindingKind::Password;
                assert!(is_named, "{provider}: {kept}");
            }
        }
    }
}

#[test]
fn private_keys_are_taken_whole_and_also_when_they_are_cut_short() {
    for kind in ["RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "] {
        let key = format!("-----BEGIN {kind}PRIVATE KEY-----\nMIIEow\nIBAAKC\n");
        let whole = format!("before {key}-----END {kind}PRIVATE KEY----- after");
        assert_eq!(redact(&whole), "before [redacted: private key] after");
        assert_eq!(redact(&key), "[redacted: private key]");
    }
    let public = "-----BEGIN PUBLIC KEY-----";
    assert_eq!(redact(public), public);
}

#[test]
fn what_is_assigned_to_a_credential_is_taken() {
    for (text, secret) in [
        (r#"password = "hunter2""#, "hunter2"),
        (r#"{"client_secret": "kite-lamp-7"}"#, "kite-lamp-7"),
        ("DATABASE_PASSWORD=correcthorse", "correcthorse"),
        ("export API_KEY=abcdef", "abcdef"),
        ("  db_password: s3cret-word", "s3cret-word"),
        ("Server=db;User Id=sa;Password=Tr0ub4dor&3;", "Tr0ub4dor&3"),
        ("postgres://app:quiet-river@db.internal/x", "quiet-river"),
        ("https://user:p4ss@host/", "p4ss"),
        ("Authorization: Bearer abc123def456ghi789", "abc123def456ghi789"),
        ("authorization: Basic dXNlcjpwYXNzd29yZDE=", "dXNlcjpwYXNzd29yZDE="),
        ("access_token='0a1b2c3d4e'", "0a1b2c3d4e"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
    ] {
        let kept = redact(text);
        assert!(!kept.contains(secret), "{text}: {kept}");
        assert!(kept.contains("[redacted: "), "{text}");
    }
}

#[test]
fn personal_data_is_taken_where_its_check_digits_are_right() {
    for (text, kind) in [
        ("to jane.doe+x@mail.example.org now", FindingKind::Email),
        ("call +49 30 1234567 now", FindingKind::Phone),
        ("call (415) 555-0132 now", FindingKind::Phone),
        ("pay DE89 3704 0044 0532 0130 00 now", FindingKind::Iban),
        ("pay GB82WEST12345698765432 now", FindingKind::Iban),
        ("card 4111 1111 1111 1111 now", FindingKind::Card),
        ("card 378282246310005 now", FindingKind::Card),
        ("in /home/jane/src now", FindingKind::Home),
        (r"in C:\Users\jane\src now", FindingKind::Home),
    ] {
        let found = scan(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].kind, kind, "{text}");
        assert!(text[found[0].range.end..].ends_with("now"));
    }
    for text in [
        "DE89 3704 0044 0532 0130 01",
        "card 4111 1111 1111 1112",
        "1790000000000",
        "git@github.com:a/b",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn what_looks_random_is_taken_and_long_names_are_not() {
    let mut random = random();
    let mut missed = 0;
    for _ in 0..1000 {
        let secret = write(&[Piece::Some(ALNUM, 40)], &mut random);
        missed += u32::from(scan(&format!("x {secret} y")).is_empty());
    }
    assert!(missed < 50, "{missed} of 1000 were missed");
    for name in ["a_power_cut_anywhere_costs_nothing", "VkPhysicalDeviceVulkan12Properties"] {
        assert_eq!(redact(name), name);
    }
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn few_clean_lines_of_this_repository_are_taken_for_secrets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(root, &mut files);
    // These are about secrets, and full of them.
    files.retain(|path| !path.to_string_lossy().contains("redaction"));
    let (mut lines, mut taken) = (0, Vec::new());
    for path in files {
        for line in std::fs::read_to_string(path).unwrap().lines() {
            lines += 1;
            if !scan(line).is_empty() {
                taken.push(format!("{line} => {}", redact(line)));
            }
        }
    }
    assert!(lines > 10_000);
    let share = taken.len() as f64 / lines as f64;
    eprintln!("{} of {lines} lines, {:.3} %", taken.len(), share * 100.0);
    assert!(share < 0.005, "{}", taken.join("\n"));
}

#[test]
fn time_grows_with_the_length_of_the_worst_text_and_no_faster() {
    let units =
        ["a", "-", "password=", "eyJ", "1 ", "+1 ", "@a.", "\"", "://a:", "AAAA ", "/home/"];
    for unit in units {
        let cost = |times: usize| {
            let text = unit.repeat(times);
            let (start, mut least) = (std::time::Instant::now(), f64::MAX);
            while start.elapsed().as_millis() < 60 {
                let begun = std::time::Instant::now();
                std::hint::black_box(scan(&text));
                least = least.min(begun.elapsed().as_secs_f64());
            }
            least
        };
        let (short, long) = (cost(2_000), cost(32_000));
        // Sixteen times the text; a square would cost 256 times.
        assert!(long < short * 80.0, "{unit:?}: {short} s, then {long} s");
    }
}
