//! Letters that look like ASCII ones in most fonts.
//!
//! A selection, made by hand, from the pairs of Unicode Technical Standard #39 (`confusables.txt`):
//! those of scripts that keyboards type, whose shapes are the same and not merely alike. Greek
//! letters that mathematics and physics use beside Latin ones (alpha, gamma, nu, rho and the like)
//! are left out on purpose, since a warning that is mostly wrong is not read.

/// The ASCII letter that a letter of another script is taken for.
pub fn letter(c: char) -> Option<&'static str> {
    if c.is_ascii() {
        return None;
    }
    if let 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' = c {
        return ascii(c as u32 - 0xfee0);
    }
    let found = LETTERS.binary_search_by_key(&c, |(letter, _)| *letter).ok()?;
    Some(LETTERS[found].1)
}

/// The ASCII character that a sign is taken for, wherever it stands.
pub fn punctuation(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{1c0}' => "|",
        '\u{1c3}' => "!",
        '\u{37e}' => ";",
        '\u{589}' | '\u{a789}' => ":",
        '\u{1fef}' => "`",
        '\u{2024}' => ".",
        _ => return None,
    })
}

/// Whether a letter is of the Latin script, fullwidth forms excepted.
pub fn is_latin(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | 'ª' | 'º' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ʸ' | 'ꜣ'..='ꞇ')
        || ('\u{1e00}'..='\u{1eff}').contains(&c)
}

fn ascii(code: u32) -> Option<&'static str> {
    const ALL: &str =
        "0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz";
    let index = usize::try_from(code).ok()?.checked_sub(0x30)?;
    ALL.get(index..index + 1)
}

/// Sorted by letter.
const LETTERS: [(char, &str); 72] = [
    ('\u{391}', "A"), // Greek from here
    ('\u{392}', "B"),
    ('\u{395}', "E"),
    ('\u{396}', "Z"),
    ('\u{397}', "H"),
    ('\u{399}', "I"),
    ('\u{39a}', "K"),
    ('\u{39c}', "M"),
    ('\u{39d}', "N"),
    ('\u{39f}', "O"),
    ('\u{3a1}', "P"),
    ('\u{3a4}', "T"),
    ('\u{3a5}', "Y"),
    ('\u{3a7}', "X"),
    ('\u{3bf}', "o"),
    ('\u{3f2}', "c"),
    ('\u{3f3}', "j"),
    ('\u{3f9}', "C"),
    ('\u{405}', "S"), // Cyrillic from here
    ('\u{406}', "I"),
    ('\u{408}', "J"),
    ('\u{410}', "A"),
    ('\u{412}', "B"),
    ('\u{415}', "E"),
    ('\u{417}', "3"),
    ('\u{41a}', "K"),
    ('\u{41c}', "M"),
    ('\u{41d}', "H"),
    ('\u{41e}', "O"),
    ('\u{420}', "P"),
    ('\u{421}', "C"),
    ('\u{422}', "T"),
    ('\u{423}', "Y"),
    ('\u{425}', "X"),
    ('\u{42c}', "b"),
    ('\u{430}', "a"),
    ('\u{435}', "e"),
    ('\u{43e}', "o"),
    ('\u{440}', "p"),
    ('\u{441}', "c"),
    ('\u{443}', "y"),
    ('\u{445}', "x"),
    ('\u{455}', "s"),
    ('\u{456}', "i"),
    ('\u{458}', "j"),
    ('\u{4ae}', "Y"),
    ('\u{4af}', "y"),
    ('\u{4bb}', "h"),
    ('\u{4c0}', "I"),
    ('\u{4cf}', "l"),
    ('\u{501}', "d"),
    ('\u{50c}', "G"),
    ('\u{51b}', "q"),
    ('\u{51c}', "W"),
    ('\u{51d}', "w"),
    ('\u{54d}', "U"), // Armenian from here
    ('\u{54f}', "S"),
    ('\u{555}', "O"),
    ('\u{561}', "w"),
    ('\u{563}', "q"),
    ('\u{566}', "q"),
    ('\u{570}', "h"),
    ('\u{578}', "n"),
    ('\u{57c}', "n"),
    ('\u{57d}', "u"),
    ('\u{581}', "g"),
    ('\u{585}', "o"),
    ('\u{2c9f}', "o"), // Coptic
    ('\u{a731}', "s"), // Latin small capital S
    ('\u{a7ae}', "I"),
    ('\u{ab83}', "w"), // Cherokee from here
    ('\u{abaa}', "s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_what_each_letter_looks_like() {
        assert!(LETTERS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(letter('\u{430}'), Some("a"));
        assert_eq!(letter('Ｚ'), Some("Z"));
        assert_eq!(letter('９'), Some("9"));
        assert_eq!(letter('a'), None);
        assert_eq!(letter('λ'), None);
        assert_eq!(letter('ж'), None);
    }
}
