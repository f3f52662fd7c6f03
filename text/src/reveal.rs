//! What a line holds that a reader cannot see or would take for something else.
//!
//! Shown are the bidirectional controls that reorder code ("Trojan Source", CVE-2021-42574), zero
//! width and other control characters, odd spaces, and letters that look like those of another
//! script ([`lookalike`]). Ordinary Arabic, Persian, Greek, Cyrillic, Chinese or Japanese prose
//! and emoji are left alone: a joiner is legitimate between letters that join, a Cyrillic letter
//! in a Cyrillic word.

pub mod lookalike;

use std::ops::Range;

use crate::word::{self, Class};

/// One thing to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revealed {
    /// Its bytes in the line.
    pub bytes: Range<usize>,
    /// What is wrong with it.
    pub kind: Kind,
    /// What to write in its place or beside it: `RLO`, `NBSP`, `U+E0041`; for a look-alike the
    /// ASCII character that it is taken for.
    pub label: &'static str,
    /// The character itself.
    pub char: char,
}

impl Revealed {
    /// The code point as people look it up, `U+202E`.
    pub fn code_point(&self) -> String {
        format!("U+{:04X}", self.char as u32)
    }
}

/// Why a character is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It changes the order in which text is seen.
    BidiControl,
    /// It has no width.
    ZeroWidth,
    /// A control character, or one that Unicode has deprecated or given no meaning.
    Control,
    /// A byte order mark inside the text.
    ByteOrderMark,
    /// A blank that is not the common one.
    OddSpace,
    /// A character that looks like an ASCII one.
    LookAlike,
}

/// Everything to be shown in one line, given without its line ending, in order of position.
pub fn reveal(line: &str) -> Vec<Revealed> {
    let mut found = Vec::new();
    if line.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return found;
    }
    for (at, c) in line.char_indices() {
        let Some((kind, label)) = name(c) else { continue };
        let after = at + c.len_utf8();
        if !is_legitimate(c, &line[..at], &line[after..]) {
            found.push(Revealed { bytes: at..after, kind, label, char: c });
        }
    }
    reveal_lookalikes(line, &mut found);
    found.sort_by_key(|one| one.bytes.start);
    found
}

/// The name in the box of a character that cannot be seen, whatever stands around it; none for
/// one that is seen, for a tab and for line endings. A joiner has none, since it is part of the
/// cluster before it: only [`reveal`] knows whether it belongs there.
pub fn label(c: char) -> Option<&'static str> {
    match name(c) {
        Some((Kind::OddSpace, _)) | None => None,
        Some((_, label)) => Some(label),
    }
}

/// Kind and label of a character that is not seen as what it is.
fn name(c: char) -> Option<(Kind, &'static str)> {
    use Kind::{BidiControl, ByteOrderMark, Control, OddSpace, ZeroWidth};
    Some(match c {
        '\t' | '\n' | '\r' | ' '..='~' => return None,
        '\0'..='\u{1f}' => (Control, C0[c as usize]),
        '\u{7f}' => (Control, "DEL"),
        '\u{85}' => (Control, "NEL"),
        '\u{80}'..='\u{9f}' => (Control, "C1"),
        '\u{a0}' => (OddSpace, "NBSP"),
        '\u{ad}' => (ZeroWidth, "SHY"),
        '\u{34f}' => (ZeroWidth, "CGJ"),
        '\u{61c}' => (BidiControl, "ALM"),
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => (OddSpace, "HF"),
        '\u{1680}' => (OddSpace, "OGSP"),
        '\u{17b4}' | '\u{17b5}' => (ZeroWidth, "KIV"),
        '\u{180b}'..='\u{180f}' => (ZeroWidth, "MVS"),
        '\u{2000}'..='\u{200a}' => (OddSpace, SPACES[c as usize - 0x2000]),
        '\u{200b}' => (ZeroWidth, "ZWSP"),
        '\u{200c}' => (ZeroWidth, "ZWNJ"),
        '\u{200d}' => (ZeroWidth, "ZWJ"),
        '\u{200e}' => (BidiControl, "LRM"),
        '\u{200f}' => (BidiControl, "RLM"),
        '\u{2028}' => (Control, "LS"),
        '\u{2029}' => (Control, "PS"),
        '\u{202a}'..='\u{202e}' => (BidiControl, EMBEDDINGS[c as usize - 0x202a]),
        '\u{202f}' => (OddSpace, "NNBSP"),
        '\u{205f}' => (OddSpace, "MMSP"),
        '\u{2060}' => (ZeroWidth, "WJ"),
        '\u{2061}'..='\u{2064}' => (ZeroWidth, "IMO"),
        '\u{2066}'..='\u{2069}' => (BidiControl, ISOLATES[c as usize - 0x2066]),
        '\u{206a}'..='\u{206f}' => (Control, "DEPR"),
        '\u{2800}' => (OddSpace, "BRSP"),
        '\u{3000}' => (OddSpace, "IDSP"),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => (ZeroWidth, "VS"),
        '\u{feff}' => (ByteOrderMark, "BOM"),
        '\u{fff9}'..='\u{fffb}' => (Control, "IA"),
        '\u{e0000}'..='\u{e007f}' => (ZeroWidth, "TAG"),
        _ => return None,
    })
}

const C0: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "FS", "GS", "RS", "US",
];
const SPACES: [&str; 11] =
    ["NQSP", "MQSP", "ENSP", "EMSP", "3/MSP", "4/MSP", "6/MSP", "FSP", "PSP", "THSP", "HSP"];
const EMBEDDINGS: [&str; 5] = ["LRE", "RLE", "PDF", "LRO", "RLO"];
const ISOLATES: [&str; 4] = ["LRI", "RLI", "FSI", "PDI"];

/// Whether a character that cannot be seen belongs where it stands.
fn is_legitimate(c: char, before: &str, after: &str) -> bool {
    let last = || before.chars().next_back();
    let base = || before.chars().rev().find(|&c| word::class(c) != Class::Mark);
    let next = || after.chars().next();
    match c {
        // Persian and Urdu keep letters apart with it, Indic scripts choose a form; once.
        '\u{200c}' => {
            last().is_some_and(|c| c != '\u{200c}')
                && base().is_some_and(joins)
                && next().is_some_and(joins)
        }
        '\u{200d}' => {
            let joiner = last().is_some_and(|c| c != '\u{200d}');
            joiner && (base().is_some_and(joins) || joins_emoji(before, next()))
        }
        '\u{fe00}'..='\u{fe0f}' => {
            base().is_some_and(takes_variant)
                && last().is_some_and(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}'))
        }
        '\u{e0100}'..='\u{e01ef}' => last().is_some_and(is_ideograph),
        // The flags of England, Scotland and Wales are written with tags.
        '\u{e0020}'..='\u{e007f}' => {
            before.trim_end_matches(|c| matches!(c, '\u{e0020}'..='\u{e007e}')).ends_with('🏴')
        }
        // The ideographic space is the common one between ideographs.
        '\u{3000}' => {
            last().or_else(next).is_none_or(is_east_asian) || next().is_some_and(is_east_asian)
        }
        '\u{180b}'..='\u{180f}' => last().is_some_and(|c| matches!(c, '\u{1820}'..='\u{18aa}')),
        '\u{34f}' => base().is_some_and(|c| matches!(c, '\u{591}'..='\u{5f4}')),
        _ => false,
    }
}

/// Letters whose form a joiner changes: Arabic, Syriac, N'Ko, Mongolian, and Indic scripts.
fn joins(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{64a}'
        | '\u{66e}'..='\u{6d3}'
        | '\u{6d5}'..='\u{6ff}'
        | '\u{710}'..='\u{77f}'
        | '\u{7ca}'..='\u{7ea}'
        | '\u{8a0}'..='\u{8c9}'
        | '\u{900}'..='\u{dff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{1820}'..='\u{18aa}')
}

fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let base = before.chars().rev().find(|&c| !matches!(c, '\u{fe0f}' | '🏻'..='🏿'));
    base.is_some_and(is_pictograph) && next.is_some_and(is_pictograph)
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{3030}' | '\u{303d}')
}

fn takes_variant(c: char) -> bool {
    let keycap = matches!(c, '#' | '*' | '0'..='9' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ');
    keycap
        || is_pictograph(c)
        || is_ideograph(c)
        || matches!(c, '\u{1000}'..='\u{109f}')
        || matches!(c, '\u{3297}' | '\u{3299}' | '\u{2200}'..='\u{22ff}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_east_asian(c: char) -> bool {
    is_ideograph(c) || matches!(c, '\u{3000}'..='\u{30ff}' | '\u{ac00}'..='\u{d7a3}' | '！'..='￮')
}

/// Look-alikes: in a word that mixes scripts, and in a word of look-alikes alone on a line whose
/// other letters are all Latin.
fn reveal_lookalikes(line: &str, found: &mut Vec<Revealed>) {
    let mut foreign_prose = false;
    let mut latin_words = false;
    for word in words(line) {
        let latin = line[word.clone()].chars().any(lookalike::is_latin);
        latin_words |= latin;
        foreign_prose |= !latin && !is_all_lookalike(&line[word]);
    }
    for word in words(line) {
        let text = &line[word.clone()];
        let mixed = text.chars().any(lookalike::is_latin);
        let posing = latin_words && !foreign_prose && is_all_lookalike(text);
        if !mixed && !posing {
            continue;
        }
        for (at, c) in text.char_indices() {
            if let Some(ascii) = lookalike::letter(c) {
                let start = word.start + at;
                let bytes = start..start + c.len_utf8();
                found.push(Revealed { bytes, kind: Kind::LookAlike, label: ascii, char: c });
            }
        }
    }
    for (at, c) in line.char_indices() {
        if let Some(ascii) = lookalike::punctuation(c) {
            let bytes = at..at + c.len_utf8();
            found.push(Revealed { bytes, kind: Kind::LookAlike, label: ascii, char: c });
        }
    }
}

/// The words of a line that hold a letter beyond ASCII, or an ASCII letter.
fn words(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_word = |c: char| matches!(word::class(c), Class::Word | Class::Mark);
    let mut at = 0;
    line.split(move |c: char| !is_word(c)).filter_map(move |word| {
        let start = at;
        let end = start + word.len();
        at = end + line[end..].chars().next().map_or(0, char::len_utf8);
        word.chars().any(char::is_alphabetic).then_some(start..end)
    })
}

fn is_all_lookalike(word: &str) -> bool {
    word.chars().filter(|c| c.is_alphabetic()).all(|c| lookalike::letter(c).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(line: &str) -> Vec<&'static str> {
        reveal(line).into_iter().map(|one| one.label).collect()
    }

    #[test]
    fn controls_that_reorder_code_are_shown() {
        let line = "/*\u{202e} } \u{2066}if (isAdmin)\u{2069} \u{2066} begin admins only */";
        assert_eq!(labels(line), ["RLO", "LRI", "PDI", "LRI"]);
        let first = &reveal(line)[0];
        assert_eq!(first.kind, Kind::BidiControl);
        assert_eq!(first.bytes, 2..5);
        assert_eq!(first.code_point(), "U+202E");
    }

    #[test]
    fn what_has_no_width_and_odd_blanks_are_shown() {
        assert_eq!(labels("a\u{200b}b\u{feff}c\u{a0}d\u{2003}e"), ["ZWSP", "BOM", "NBSP", "EMSP"]);
        assert_eq!(labels("\0\u{1b}[0m\u{7f}\u{85}"), ["NUL", "ESC", "DEL", "NEL"]);
        assert_eq!(labels("a\tb c"), [""; 0]);
        assert_eq!(labels("hello\u{3164}x"), ["HF"]);
    }

    #[test]
    fn a_joiner_is_shown_only_where_nothing_joins() {
        assert_eq!(labels("می\u{200c}خواهم"), [""; 0]);
        assert_eq!(labels("क्\u{200d}ष"), [""; 0]);
        assert_eq!(labels("👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 👩🏽\u{200d}🚀"), [""; 0]);
        assert_eq!(labels("pass\u{200d}word us\u{200c}er"), ["ZWJ", "ZWNJ"]);
        assert_eq!(labels("می\u{200c}\u{200c}خ"), ["ZWNJ", "ZWNJ"]);
        assert_eq!(labels("a\u{fe0f} 1\u{fe0f}\u{20e3}"), ["VS"]);
        assert_eq!(labels("🏴\u{e0067}\u{e0062}\u{e007f} a\u{e0041}"), ["TAG"]);
    }

    #[test]
    fn letters_that_pose_as_others_are_shown() {
        assert_eq!(labels("let p\u{430}ssword = 1;"), ["a"]);
        assert_eq!(labels("if \u{430} == 1 {"), ["a"]);
        assert_eq!(labels("Α_max and \u{41d}ello"), ["A", "H"]);
        assert_eq!(labels("foo()\u{37e}"), [";"]);
        assert_eq!(reveal("x\u{440}").first().map(|one| one.kind), Some(Kind::LookAlike));
    }

    #[test]
    fn ordinary_prose_of_every_script_is_left_alone() {
        for line in [
            "كل تعديل عملية: تُطبَّق هنا",
            "let greeting = \"مرحبا بالعالم\";",
            "Съешь ещё этих мягких французских булок, да выпей же чаю",
            "// Комментарий: a и b",
            "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
            "let λ = α * β; // ΔE",
            "中文、日本語　と 한국어",
            "naïve café — “quotes” … 50 €",
            "Он сказал: да, а ты?",
        ] {
            assert_eq!(labels(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_box_is_named_without_its_context() {
        assert_eq!(label('\u{202e}'), Some("RLO"));
        assert_eq!(label('\u{a0}'), None);
        assert_eq!(label('\t'), None);
        assert_eq!(label('ع'), None);
    }
}
