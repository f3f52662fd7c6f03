//! Patterns over paths, domains and ids.
//!
//! In a path `*` stands for any letters within one part, `**` alone in a part for any number of
//! parts. In a domain a leading `*.` stands for one label or more. Matching never goes back further
//! than the last star, so that its time is at most the product of the two lengths, both limited.

/// The longest pattern, in bytes.
pub(super) const PATTERN_BYTES_MAX: usize = 512;

/// A pattern over the parts of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathGlob {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`
    Any,
    /// No star in it.
    Plain(Box<str>),
    /// Stars in it.
    Starred(Box<str>),
}

impl PathGlob {
    /// A pattern for whole paths; `None` when it is not absolute, too long, or has a part that no
    /// canonical path has.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let rest = super::resource::without_root(pattern)?;
        let part = |part: &str| match part {
            "" | "." | ".." => None,
            "**" => Some(Part::Any),
            plain if !plain.contains('*') => Some(Part::Plain(plain.into())),
            starred => Some(Part::Starred(starred.into())),
        };
        let parts: Option<Vec<Part>> = match rest {
            "" => Some(Vec::new()),
            rest => rest.split('/').map(part).collect(),
        };
        (pattern.len() <= PATTERN_BYTES_MAX).then_some(Self { parts: parts? })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let Some(rest) = super::resource::without_root(path) else { return false };
        let (mut at, mut left) = (0, Some(rest).filter(|rest| !rest.is_empty()));
        // Where the last `**` stands, and what was left behind the parts that it has taken.
        let mut again: Option<(usize, Option<&str>)> = None;
        loop {
            match (self.parts.get(at), left) {
                (Some(Part::Any), _) => {
                    again = Some((at + 1, left));
                    at += 1;
                    continue;
                }
                (None, None) => return true,
                (Some(part), Some(rest)) => {
                    let (first, behind) = split(rest);
                    if part.matches(first) {
                        (at, left) = (at + 1, behind);
                        continue;
                    }
                }
                _ => {}
            }
            // The last `**` takes one part more.
            match again {
                Some((behind, Some(rest))) => {
                    let (_, rest) = split(rest);
                    again = Some((behind, rest));
                    (at, left) = (behind, rest);
                }
                _ => return false,
            }
        }
    }
}

impl Part {
    fn matches(&self, part: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Plain(plain) => **plain == *part,
            Self::Starred(pattern) => starred(pattern.as_bytes(), part.as_bytes()),
        }
    }
}

fn split(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('/') {
        Some((first, behind)) => (first, Some(behind)),
        None => (rest, None),
    }
}

/// Whether `*` in `pattern` can stand for something so that it is `text`.
pub(super) fn starred(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while of < text.len() {
        if pattern.get(at) == Some(&b'*') {
            again = Some((at + 1, of));
            at += 1;
        } else if pattern.get(at) == Some(&text[of]) {
            (at, of) = (at + 1, of + 1);
        } else if let Some((behind, taken)) = again {
            again = Some((behind, taken + 1));
            (at, of) = (behind, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Whether `domain` is `pattern`, or below it where the pattern begins with `*.`; `*` is any.
pub(super) fn domain(pattern: &str, domain: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => domain.len() > end.len() && domain.ends_with(end),
        None => pattern == domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SplitMix;

    /// The definition, without regard to time.
    fn slow(pattern: &[&str], path: &[&str]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some((&"**", rest)) => (0..=path.len()).any(|skip| slow(rest, &path[skip..])),
            Some((first, rest)) => path.split_first().is_some_and(|(part, left)| {
                slow_part(first.as_bytes(), part.as_bytes()) && slow(rest, left)
            }),
        }
    }

    fn slow_part(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| slow_part(rest, &text[skip..])),
            Some((first, rest)) => text
                .split_first()
                .is_some_and(|(byte, left)| byte == first && slow_part(rest, left)),
        }
    }

    #[test]
    fn patterns_mean_what_their_definition_says() {
        let mut random = SplitMix::new(1);
        let mut matched = 0;
        for _ in 0..200_000 {
            let mut parts = |of: &[&'static str], most: u64| -> Vec<&'static str> {
                let count = random.below(most);
                (0..count).map(|_| of[random.below(of.len() as u64) as usize]).collect()
            };
            let pattern = parts(&["a", "b", "**", "*", "a*", "*b*", "ab"], 6);
            let path = parts(&["a", "b", "ab", "aab", "ba"], 6);
            let glob = PathGlob::new(&format!("/{}", pattern.join("/"))).unwrap();
            let wanted = slow(&pattern, &path);
            matched += u32::from(wanted);
            assert_eq!(
                glob.matches(&format!("/{}", path.join("/"))),
                wanted,
                "{pattern:?} {path:?}"
            );
        }
        assert!(matched > 10_000);
    }

    #[test]
    fn the_worst_pattern_takes_no_more_than_the_product_of_the_lengths() {
        let glob = PathGlob::new(&format!("/{}b", "**/a/".repeat(80))).unwrap();
        let path = format!("/{}", "a/".repeat(1999) + "a");
        assert!(!glob.matches(&path));
        assert!(!starred("*a".repeat(200).as_bytes(), &[b'b'; 4000]));
    }

    #[test]
    fn a_starred_domain_is_below_and_not_beside() {
        assert!(domain("*.example.com", "a.b.example.com"));
        for other in ["example.com", "badexample.com", "example.com.evil.net"] {
            assert!(!domain("*.example.com", other), "{other}");
        }
        assert!(domain("example.com", "example.com") && domain("*", "x.y"));
    }
}
