//! Personal data: addresses, telephone numbers, accounts, cards, names in paths.

use std::sync::LazyLock;

use regex::Regex;

use super::formats::compile;
use super::{Add, FindingKind};

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[A-Za-z0-9-]{1,63}";
    compile(&format!(r"[A-Za-z0-9._%+-]{{1,64}}@{label}(?:\.{label}){{0,8}}\.[A-Za-z]{{2,24}}"))
});

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"\+[1-9](?:[ .()-]{0,2}[0-9]){7,14}",
        r"|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}(?-u:\b)",
    ))
});

static IBAN: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?-u:\b)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?-u:\b)")
});

static CARD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?-u:\b)[2-6](?:[ -]?[0-9]){12,18}(?-u:\b)"));

static HOME: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"(?:/home/|/Users/|(?i:\b[a-z]:[\\/]{1,2}Users[\\/]{1,2}))([^\s/\\:"'<>|`,;)]{1,64})"#,
    )
});

pub(super) fn scan(text: &str, add: Add<'_>) {
    if text.contains('@') {
        for found in EMAIL.find_iter(text) {
            // The account of a Git server is nobody's.
            if !found.as_str().starts_with("git@") {
                add(found.range(), FindingKind::Email);
            }
        }
    }
    for found in PHONE.find_iter(text) {
        add(found.range(), FindingKind::Phone);
    }
    for found in IBAN.find_iter(text) {
        if is_iban(found.as_str()) {
            add(found.range(), FindingKind::Iban);
        }
    }
    for found in CARD.find_iter(text) {
        if is_card(found.as_str()) {
            add(found.range(), FindingKind::Card);
        }
    }
    for found in HOME.captures_iter(text) {
        let name = found.get(1).expect("the pattern has it");
        if !matches!(name.as_str(), "Shared" | "Public" | "*") {
            add(name.range(), FindingKind::Home);
        }
    }
}

/// ISO 13616: the country and check digits moved to the end, letters as 10 to 35, modulo 97 is 1.
fn is_iban(text: &str) -> bool {
    let letters: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let moved = letters[4..].iter().chain(&letters[..4]);
    let rest = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    (15..=34).contains(&letters.len()) && rest == 1
}

/// ISO/IEC 7812: an issuer's range and Luhn's check digit.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.bytes().filter_map(|byte| (byte as char).to_digit(10)).collect();
    let prefix = digits[..4].iter().fold(0, |prefix, digit| prefix * 10 + digit);
    let is_issued = match prefix {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => digits.len() == 14,
        6011 | 6440..=6599 | 3528..=3589 => digits.len() == 16,
        _ => false,
    };
    let doubled = |(at, digit): (usize, &u32)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, twice) if twice > 9 => twice - 9,
        (_, twice) => twice,
    };
    is_issued && digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}
