//! Rust source cut into tokens, as far as style checks need it.
//!
//! It knows comments (nested ones too), every kind of string, characters against lifetimes, and
//! raw identifiers. It does not know grammar: [`functions`] matches braces.

/// A piece of source, with the line that it starts on, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its source text, delimiters included.
    pub text: &'a str,
    /// The line of its first character, from 1.
    pub line: usize,
    /// The line of its last character, from 1.
    pub last_line: usize,
}

/// The sorts of [`Token`] that a check may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word or keyword; a raw identifier keeps its `r#`.
    Word,
    /// A single character of punctuation.
    Mark,
    /// A string, byte string, C string, character or number.
    Literal,
    /// `'a`.
    Lifetime,
    /// A comment of any kind, documentation included.
    Comment,
}

impl Token<'_> {
    /// Whether this is the word or mark `text`, rather than a literal or comment that reads so.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, without its module.
    pub name: String,
    /// The line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both counted.
    pub length: usize,
}

/// Cuts `source` into tokens. Never fails: an unclosed literal or comment reaches to the end.
#[must_use]
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else {
            let (kind, length) = measure(rest, first);
            (Some(kind), length.clamp(first.len_utf8(), rest.len()))
        };
        let (text, after) = rest.split_at(length);
        let last_line = line + text.matches('\n').count();
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line, last_line });
        }
        line = last_line;
        rest = after;
    }
    tokens
}

/// The functions with bodies in `tokens`, closures and function types not counted.
#[must_use]
pub fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let code: Vec<_> = tokens.iter().filter(|token| token.kind != Kind::Comment).collect();
    let mut found = Vec::new();
    for (at, token) in code.iter().enumerate() {
        let Some(name) = code.get(at + 1) else { break };
        if !token.is("fn") || name.kind != Kind::Word {
            continue;
        }
        if let Some(last_line) = body_end(&code[at..]) {
            found.push(Function {
                name: name.text.to_owned(),
                line: token.line,
                length: last_line - token.line + 1,
            });
        }
    }
    found
}

/// The line of the brace that closes the first body in `code`, or none if a `;` comes first.
fn body_end(code: &[&Token<'_>]) -> Option<usize> {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for token in code {
        match (token.kind, token.text) {
            (Kind::Mark, "(" | "[") if braces == 0 => brackets += 1,
            (Kind::Mark, ")" | "]") if braces == 0 => brackets = brackets.saturating_sub(1),
            (Kind::Mark, ";") if braces == 0 && brackets == 0 => return None,
            (Kind::Mark, "{") => braces += 1,
            (Kind::Mark, "}") => {
                braces = braces.checked_sub(1)?;
                if braces == 0 && brackets == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}

/// The kind and length in bytes of the token that `rest` starts with.
fn measure(rest: &str, first: char) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Kind::Literal, length);
    }
    if first == '\'' {
        return quote(rest);
    }
    if first.is_ascii_digit() {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        return (Kind::Literal, length.unwrap_or(rest.len()));
    }
    if first.is_alphabetic() || first == '_' {
        let prefix = if rest.starts_with("r#") { 2 } else { 0 };
        let word = rest[prefix..].find(|c: char| !(c.is_alphanumeric() || c == '_'));
        return (Kind::Word, word.map_or(rest.len(), |end| prefix + end));
    }
    (Kind::Mark, first.len_utf8())
}

fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the string literal at the start of `rest`, if there is one.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|rest| {
            let hashes = if prefix.ends_with('r') { rest.trim_start_matches('#') } else { rest };
            hashes.starts_with('"')
        })
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(rest[body..].find(&close).map_or(rest.len(), |end| body + end + close.len()));
    }
    Some(escaped(rest, body, '"'))
}

/// Where the literal that opened before `from` ends, a backslash hiding what follows it.
fn escaped(rest: &str, from: usize, close: char) -> usize {
    let mut hidden = false;
    for (at, c) in rest[from..].char_indices() {
        match c {
            _ if hidden => hidden = false,
            '\\' => hidden = true,
            _ if c == close => return from + at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character, `'x'`, or a lifetime, `'x`.
fn quote(rest: &str) -> (Kind, usize) {
    let mut inside = rest[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => (Kind::Literal, escaped(rest, 1, '\'')),
        (Some(one), Some('\'')) => (Kind::Literal, one.len_utf8() + 2),
        _ => {
            let end = rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '_'));
            (Kind::Lifetime, end.map_or(rest.len(), |end| end + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        tokens(source).iter().filter(|token| token.kind == kind).map(|token| token.text).collect()
    }

    #[test]
    fn comments_nest_and_strings_hide_them() {
        let source = "a /* x /* y */ z */ b \"// no\" // yes\nc";
        assert_eq!(texts(source, Kind::Comment), ["/* x /* y */ z */", "// yes"]);
        assert_eq!(texts(source, Kind::Word), ["a", "b", "c"]);
    }

    #[test]
    fn every_kind_of_string_is_one_literal() {
        for literal in [
            r#""a\"b""#,
            r####"r##"a"# fn {"##"####,
            r#"b"x""#,
            r##"br#"x"#"##,
            r#"c"x""#,
            r"'\''",
            "'{'",
            "b'x'",
        ] {
            let source = format!("let x = {literal};");
            let literals = texts(&source, Kind::Literal);
            let expected = literal.strip_prefix("b'").map_or(literal, |_| "'x'");
            assert_eq!(literals, [expected]);
        }
    }

    #[test]
    fn lifetimes_are_not_characters_and_raw_names_are_words() {
        assert_eq!(texts("fn f<'a>(r#type: &'a str)", Kind::Lifetime), ["'a", "'a"]);
        assert_eq!(texts("r#type + radius", Kind::Word), ["r#type", "radius"]);
    }

    #[test]
    fn lines_count_through_literals() {
        let all = tokens("\"a\nb\"\nc");
        assert_eq!((all[0].line, all[0].last_line, all[1].line), (1, 2, 3));
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let source = "trait T { fn no(&self) -> [u8; 3]; }\n\
                      fn one() { \"}\"; }\n\
                      fn two(f: fn(u8)) -> u8\nwhere u8: Copy,\n\
                      {\n  if true { 1 } else { 2 } // }\n}\n";
        let found = functions(&tokens(source));
        let shape: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.length)).collect();
        assert_eq!(shape, [("one", 2, 1), ("two", 3, 5)]);
    }
}
