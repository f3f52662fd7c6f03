//! Long runs that look random, of letters and digits mixed.
//!
//! Hexadecimal is left alone: hashes and ids are everywhere, and are no secrets.

use std::ops::Range;

use super::{Add, FindingKind};

/// Shorter runs are as often words.
const BYTES_MIN: usize = 24;
/// Random base64 of 24 letters has about 4.3 bits a letter; words joined to a name have below 4.
const BITS_MIN: f64 = 4.1;
/// What is looked at of a run: longer ones are blobs, not keys, and are taken by their beginning.
const BYTES_MAX: usize = 4096;

pub(super) fn scan(text: &str, add: Add<'_>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes[at..].iter().take_while(|byte| is_part(**byte)).count();
        if len >= BYTES_MIN && is_random(&bytes[at..at + len.min(BYTES_MAX)]) {
            let range: Range<usize> = at..at + len;
            add(range, FindingKind::Random);
        }
        at += len + 1;
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'=' | b'_' | b'-')
}

fn is_random(run: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| run.iter().filter(|byte| is(byte)).count();
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let digits = count(u8::is_ascii_digit);
    if upper < 3 || lower < 3 || digits < 2 || run.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    // Words change their case and turn into digits seldom, random text at every second letter.
    let class = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    };
    let turns = run.windows(2).filter(|pair| class(&pair[0]) != class(&pair[1])).count();
    turns * 3 > run.len() && bits(run) >= BITS_MIN
}

/// Shannon's entropy of the bytes, in bits a byte.
fn bits(run: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    run.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let part = |count: &u32| {
        let share = f64::from(*count) / run.len() as f64;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}
