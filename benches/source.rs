//! Rust source of any size, the same every time, for files that are opened and edited.

/// Small numbers from a seed, by splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014).
pub struct Numbers(u64);

impl Numbers {
    /// A sequence that `seed` alone decides.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed % bound.max(1) as u64) as usize
    }
}

const WORDS: [&str; 16] = [
    "anchor", "bucket", "cursor", "digest", "extent", "frame", "gather", "handle", "index",
    "journal", "kernel", "lattice", "marker", "notice", "offset", "packet",
];

/// Rust source of exactly `lines` lines, dense enough that highlighting has work on each.
pub fn of_lines(lines: usize) -> String {
    let mut numbers = Numbers::from_seed(7);
    let mut text = String::new();
    let mut written = 0;
    while written < lines {
        for line in item(&mut numbers, written).lines().take(lines - written) {
            text.push_str(line);
            text.push('\n');
            written += 1;
        }
    }
    text
}

/// Rust source of at least `bytes` bytes, by less than one item more.
pub fn of_bytes(bytes: usize) -> String {
    let mut numbers = Numbers::from_seed(11);
    let mut text = String::with_capacity(bytes + 1024);
    let mut at = 0;
    while text.len() < bytes {
        text.push_str(&item(&mut numbers, at));
        at += 1;
    }
    text
}

fn item(numbers: &mut Numbers, at: usize) -> String {
    let mut word = || WORDS[numbers.below(WORDS.len())];
    let (a, b, c, d) = (word(), word(), word(), word());
    format!(
        "/// Takes the {a} of a {b} and answers its {c}, if it has one.\n\
         pub fn {a}_{b}_{at}({c}: &[u64], {d}_max: usize) -> Option<u64> {{\n\
         \x20   let mut total = 0x{at:x}_u64; // the {d} comes later\n\
         \x20   for (at, value) in {c}.iter().enumerate().take({d}_max) {{\n\
         \x20       match value {{\n\
         \x20           0..=9 => total = total.wrapping_add(*value << (at % 7)),\n\
         \x20           other if *other % 3 == 0 => return Some(total ^ other),\n\
         \x20           _ => println!(\"{a} {{at}} of {b}: {{value:>8}}\"),\n\
         \x20       }}\n\
         \x20   }}\n\
         \x20   ({c}.len() > {at} && total != 0).then_some(total)\n\
         }}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_long_as_asked_and_always_the_same() {
        assert_eq!(of_lines(1000).lines().count(), 1000);
        assert!((10_000..11_000).contains(&of_bytes(10_000).len()));
        assert_eq!(of_bytes(5_000), of_bytes(5_000));
    }
}
