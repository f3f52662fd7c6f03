//! Assignments to names that sound like credentials, in code, JSON, YAML and environment files;
//! passwords in addresses; headers.

use std::sync::LazyLock;

use regex::Regex;

use super::formats::compile;
use super::{Add, FindingKind};

/// A name, what joins it to a value, and the value in one of three forms.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let name = concat!(
        r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|",
        r"(?:api|access|private|secret|signing|encryption|account|master|auth)[_-]?key)",
    );
    let double = r#""((?:[^"\\\n]|\\.){4,512})""#;
    let single = r"'((?:[^'\\\n]|\\.){4,512})'";
    let bare = r#"([^\s"'`,;(){}<>\[\]]{6,512})"#;
    let value = format!("(?:{double}|{single}|{bare})");
    compile(&format!(
        r#"(?i-u:\b[a-z0-9_.-]*{name}[a-z0-9_]*)["']?[ \t]*(:=|=>|[:=])[ \t]*{value}"#,
    ))
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@"'<>]{0,256}:([^\s/@"'<>]{1,512})@"#)
});

static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"(?i-u:\b(?:authorization|x-api-key|x-auth-token|cookie|set-cookie)["']?[ \t]*[:=]"#,
        r#"[ \t]*["']?(?:(?:bearer|basic|token|digest)[ \t]+)?|\bbearer[ \t]+)"#,
        r"([A-Za-z0-9._~+/=-]{12,4096})",
    ))
});

pub(super) fn scan(text: &str, add: Add<'_>) {
    // Most text has nothing to join a name to a value.
    if text.contains([':', '=']) {
        for found in ASSIGNED.captures_iter(text) {
            let group = |number| found.get(number).map(|it: regex::Match<'_>| it);
            if let Some(quoted) = group(2).or(group(3)) {
                if is_value(quoted.as_str()) {
                    add(quoted.range(), FindingKind::Password);
                }
            } else if let Some(bare) = group(4) {
                let name = &text[found.get(0).expect("group 0 is all").start()..bare.start()];
                if is_bare_value(name, bare.as_str()) {
                    add(bare.range(), FindingKind::Password);
                }
            }
        }
        for found in ADDRESS.captures_iter(text) {
            let password = found.get(1).expect("the pattern has it");
            if is_value(password.as_str()) {
                add(password.range(), FindingKind::AddressPassword);
            }
        }
    }
    for found in HEADER.captures_iter(text) {
        let value = found.get(1).expect("the pattern has it");
        if value.as_str().bytes().any(|byte| byte.is_ascii_digit()) {
            add(value.range(), FindingKind::Authorization);
        }
    }
}

/// Whether a quoted text can be a secret: not a sentence, not a place for one.
fn is_value(text: &str) -> bool {
    let is_place = text.starts_with(['$', '<', '{', '%', '[', '\\']) || text.contains("...");
    let is_mask = text.bytes().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-'));
    !is_place && !is_mask && !text.contains(char::is_whitespace) && !text.contains("{}")
}

/// Whether what stands without quotes can be one: in an environment file anything, elsewhere what
/// is no word, number, type or path of a program.
fn is_bare_value(name: &str, text: &str) -> bool {
    if !is_value(text) || text.starts_with(['&', '*', '=', '-', '!', '>']) || text.contains("::") {
        return false;
    }
    let name_end = name.trim_end_matches(['=', ':', ' ', '\t']);
    let is_upper = name_end.bytes().all(|byte| !byte.is_ascii_lowercase());
    if is_upper && name.ends_with('=') {
        return true;
    }
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let is_odd = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.');
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_call = text.contains('.')
        && text.split('.').all(|part| {
            part.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
    is_mixed && !is_call && (has(is_odd) || text.len() >= 8 || name.ends_with('='))
}
