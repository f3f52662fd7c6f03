//! Changes as algebra: compose, invert, and carry one past another.
//!
//! A delta walks over a text from its start: it keeps characters, puts some in, takes some out.
//! What it does not mention at the end is kept. Between two kept stretches there is at most one
//! insertion and then at most one deletion, so that equal changes are equal values. `transform`
//! is the diamond of operational transformation: for two deltas of one text it gives what each
//! has to be after the other.

use ropey::Rope;
use smallvec::SmallVec;

use super::fragment::Fragment;
use crate::edit::{Bias, Edit};
use crate::position::{CharOffset, CharRange, Positions};

/// One stretch of a [`Delta`]; never empty.
#[derive(Clone, Debug)]
enum Part {
    Keep(usize),
    Insert(Fragment),
    Delete(Fragment),
}

/// A change of a text, without the text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delta {
    parts: SmallVec<[Part; 2]>,
}

impl Delta {
    /// One edit. `removed` is what it takes out; of what it puts in, only the length is kept.
    pub fn single(edit: &Edit, removed: Fragment) -> Self {
        let mut delta = Delta::default();
        delta.keep(edit.range.start.0);
        delta.insert(Fragment::unknown(edit.text.chars().count()));
        delta.delete(removed);
        delta
    }

    /// Several edits, sorted and disjoint; `removed` holds what each takes out.
    pub fn from_edits(edits: &[Edit], removed: &[Fragment]) -> Self {
        let mut delta = Delta::default();
        let mut at = 0;
        for (edit, removed) in edits.iter().zip(removed) {
            delta.keep(edit.range.start.0 - at);
            delta.insert(Fragment::unknown(edit.text.chars().count()));
            delta.delete(removed.clone());
            at = edit.range.end.0;
        }
        delta
    }

    /// The memory that it takes.
    pub fn bytes(&self) -> usize {
        let text = |part: &Part| match part {
            Part::Keep(_) => 0,
            Part::Insert(fragment) | Part::Delete(fragment) => fragment.bytes(),
        };
        self.parts.iter().map(|part| size_of::<Part>() + text(part)).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Keep(_)))
    }

    /// As edits in the coordinates of the text before. All inserted texts must be known.
    pub fn to_edits(&self) -> Vec<Edit> {
        self.edits_with(|_, fragment| fragment.text())
    }

    /// The same; what was inserted is read from the text after it.
    pub fn to_edits_of(&self, after: &Rope) -> Vec<Edit> {
        self.edits_with(|range, _| after.slice_of(range).to_string().into())
    }

    fn edits_with(&self, text: impl Fn(CharRange, &Fragment) -> Box<str>) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        let (mut before, mut after) = (CharOffset(0), CharOffset(0));
        let mut touches_last = false;
        for part in &self.parts {
            match part {
                Part::Keep(count) => {
                    before = before + *count;
                    after = after + *count;
                }
                Part::Insert(fragment) => {
                    let end = after + fragment.chars();
                    let range = CharRange { start: after, end };
                    edits.push(Edit::insert(before, text(range, fragment)));
                    after = end;
                }
                Part::Delete(fragment) => {
                    let end = before + fragment.chars();
                    match edits.last_mut() {
                        Some(last) if touches_last => last.range.end = end,
                        _ => edits.push(Edit::delete(CharRange { start: before, end })),
                    }
                    before = end;
                }
            }
            touches_last = !matches!(part, Part::Keep(_));
        }
        edits
    }

    /// The delta that takes this one back. What this one deleted must be known.
    pub fn inverted(&self) -> Delta {
        let mut inverse = Delta::default();
        for part in &self.parts {
            match part {
                Part::Keep(count) => inverse.keep(*count),
                Part::Insert(fragment) => inverse.delete(fragment.clone()),
                Part::Delete(fragment) => inverse.insert(fragment.clone()),
            }
        }
        inverse
    }

    /// Adds an edit of the text after it, if that is one of the ways in which people type;
    /// else gives it back as a delta of its own.
    pub fn extend(&mut self, edit: &Edit, removed: Fragment) -> Option<Delta> {
        let [Part::Keep(before), Part::Insert(inserted)] = self.parts.as_mut_slice() else {
            return Some(Delta::single(edit, removed));
        };
        let end = *before + inserted.chars();
        if removed.is_empty() && edit.range.start.0 == end {
            *inserted = Fragment::unknown(inserted.chars() + edit.text.chars().count());
            return None;
        }
        let inside = edit.range.start.0 > *before && edit.range.end.0 <= end;
        if edit.text.is_empty() && inside {
            *inserted = Fragment::unknown(inserted.chars() - removed.chars());
            return None;
        }
        Some(Delta::single(edit, removed))
    }

    /// This one and then another, in the coordinates of the text after this one.
    pub fn then(self, next: Delta) -> Delta {
        let mut out = Delta::default();
        let (mut a, mut b) = (Cursor::new(self), Cursor::new(next));
        loop {
            if let Some(Part::Delete(fragment)) = a.take_if(|part| matches!(part, Part::Delete(_)))
            {
                out.delete(fragment);
                continue;
            }
            if let Some(Part::Insert(fragment)) = b.take_if(|part| matches!(part, Part::Insert(_)))
            {
                out.insert(fragment);
                continue;
            }
            let Some(count) = shorter(a.left(), b.left()) else { return out.trimmed() };
            match (a.take(count), b.take(count)) {
                (Part::Keep(count), Part::Keep(_)) => out.keep(count),
                (Part::Keep(_), Part::Delete(fragment)) => out.delete(fragment),
                (Part::Insert(fragment), Part::Keep(_)) => out.insert(fragment),
                (Part::Insert(_), Part::Delete(_)) => {}
                _ => {
                    unreachable!("the first delta's deletions and the second's insertions are out")
                }
            }
        }
    }

    /// Many deltas, each of the text after the one before it, as one.
    pub fn chain(mut deltas: Vec<Delta>) -> Delta {
        // Pairs first: adding one at a time to a growing delta would be quadratic.
        while deltas.len() > 1 {
            let mut pairs = deltas.into_iter();
            let mut half = Vec::with_capacity(pairs.len().div_ceil(2));
            while let Some(first) = pairs.next() {
                half.push(match pairs.next() {
                    Some(second) => first.then(second),
                    None => first,
                });
            }
            deltas = half;
        }
        deltas.pop().unwrap_or_default()
    }

    /// For two deltas of one text: the first as it has to be after the second, and the second
    /// as it has to be after the first. Where both insert, the first stands before.
    pub fn transform(first: Delta, second: Delta) -> (Delta, Delta) {
        let (mut first_after, mut second_after) = (Delta::default(), Delta::default());
        let (mut a, mut b) = (Cursor::new(first), Cursor::new(second));
        loop {
            if let Some(Part::Insert(fragment)) = a.take_if(|part| matches!(part, Part::Insert(_)))
            {
                second_after.keep(fragment.chars());
                first_after.insert(fragment);
                continue;
            }
            if let Some(Part::Insert(fragment)) = b.take_if(|part| matches!(part, Part::Insert(_)))
            {
                first_after.keep(fragment.chars());
                second_after.insert(fragment);
                continue;
            }
            let Some(count) = shorter(a.left(), b.left()) else { break };
            match (a.take(count), b.take(count)) {
                (Part::Keep(count), Part::Keep(_)) => {
                    first_after.keep(count);
                    second_after.keep(count);
                }
                (Part::Delete(fragment), Part::Keep(_)) => first_after.delete(fragment),
                (Part::Keep(_), Part::Delete(fragment)) => second_after.delete(fragment),
                (Part::Delete(_), Part::Delete(_)) => {}
                _ => unreachable!("the insertions of both are out"),
            }
        }
        (first_after.trimmed(), second_after.trimmed())
    }

    /// Where an offset of the text before stands afterwards.
    pub fn map(&self, offset: CharOffset, bias: Bias) -> CharOffset {
        let (mut before, mut after) = (0, 0);
        for part in &self.parts {
            match part {
                Part::Keep(count) => {
                    if offset.0 < before + count {
                        break;
                    }
                    before += count;
                    after += count;
                }
                Part::Insert(_) if offset.0 == before && bias == Bias::Before => {
                    return CharOffset(after);
                }
                Part::Insert(fragment) => after += fragment.chars(),
                Part::Delete(fragment) => {
                    if offset.0 < before + fragment.chars() {
                        return CharOffset(after);
                    }
                    before += fragment.chars();
                }
            }
        }
        CharOffset(offset.0 - before + after)
    }

    /// Whether both do the same, as far as the inserted texts are known.
    pub fn agrees_with(&self, other: &Delta) -> bool {
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|pair| match pair {
                (Part::Keep(a), Part::Keep(b)) => a == b,
                (Part::Insert(a), Part::Insert(b)) => a.agrees_with(b),
                (Part::Delete(a), Part::Delete(b)) => a.chars() == b.chars(),
                _ => false,
            })
    }

    /// Without the keeping at its end, which goes without saying.
    fn trimmed(mut self) -> Delta {
        if let Some(Part::Keep(_)) = self.parts.last() {
            self.parts.pop();
        }
        self
    }

    fn keep(&mut self, count: usize) {
        match self.parts.last_mut() {
            _ if count == 0 => {}
            Some(Part::Keep(last)) => *last += count,
            _ => self.parts.push(Part::Keep(count)),
        }
    }

    fn insert(&mut self, fragment: Fragment) {
        if fragment.is_empty() {
            return;
        }
        // An insertion stands before the deletion at its place.
        let deleted = matches!(self.parts.last(), Some(Part::Delete(_)));
        let place = self.parts.len() - usize::from(deleted);
        match self.parts[..place].last_mut() {
            Some(Part::Insert(last)) => last.append(fragment),
            _ => self.parts.insert(place, Part::Insert(fragment)),
        }
    }

    fn delete(&mut self, fragment: Fragment) {
        match self.parts.last_mut() {
            _ if fragment.is_empty() => {}
            Some(Part::Delete(last)) => last.append(fragment),
            _ => self.parts.push(Part::Delete(fragment)),
        }
    }
}

/// The shorter of two stretches; none is one without end.
fn shorter(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// A walk over a delta that can stop inside its parts. After its last part it keeps for ever.
struct Cursor {
    parts: smallvec::IntoIter<[Part; 2]>,
    current: Option<Part>,
}

impl Cursor {
    fn new(delta: Delta) -> Self {
        let mut parts = delta.parts.into_iter();
        let current = parts.next();
        Cursor { parts, current }
    }

    fn left(&self) -> Option<usize> {
        self.current.as_ref().map(|part| match part {
            Part::Keep(count) => *count,
            Part::Insert(fragment) | Part::Delete(fragment) => fragment.chars(),
        })
    }

    fn take_if(&mut self, wanted: impl Fn(&Part) -> bool) -> Option<Part> {
        if !self.current.as_ref().is_some_and(wanted) {
            return None;
        }
        std::mem::replace(&mut self.current, self.parts.next())
    }

    /// Takes `count` characters, at most what is left of the current part.
    fn take(&mut self, count: usize) -> Part {
        let Some(part) = self.current.take() else { return Part::Keep(count) };
        let (taken, rest) = match part {
            Part::Keep(all) => (Part::Keep(count), Part::Keep(all - count)),
            Part::Insert(fragment) => {
                let (first, second) = fragment.split(count);
                (Part::Insert(first), Part::Insert(second))
            }
            Part::Delete(fragment) => {
                let (first, second) = fragment.split(count);
                (Part::Delete(first), Part::Delete(second))
            }
        };
        self.current = match rest {
            Part::Keep(0) => self.parts.next(),
            Part::Insert(rest) if rest.is_empty() => self.parts.next(),
            Part::Delete(rest) if rest.is_empty() => self.parts.next(),
            rest => Some(rest),
        };
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Transaction;
    use crate::seeded::Seeded;

    const TEXTS: [&str; 4] = ["a", "bc", "é𝄞", "defg"];

    fn known(text: &str) -> Fragment {
        let rope = Rope::from_str(text);
        let all = CharRange { start: CharOffset(0), end: rope.end() };
        Fragment::cut(&rope, all)
    }

    /// A delta of a text, with all texts known.
    fn some_delta(random: &mut Seeded, rope: &Rope) -> Delta {
        let mut delta = Delta::default();
        let mut at = 0;
        for _ in 0..random.below(5) {
            let kept = random.below(rope.len_chars() - at + 1);
            delta.keep(kept);
            at += kept;
            if random.below(2) == 0 {
                let text = random.pick(&TEXTS);
                delta.insert(known(text));
            }
            let end = at + random.below((rope.len_chars() - at).min(5) + 1);
            let range = CharRange { start: CharOffset(at), end: CharOffset(end) };
            delta.delete(Fragment::cut(rope, range));
            at = end;
        }
        delta.trimmed()
    }

    fn after(rope: &Rope, delta: &Delta) -> Rope {
        let mut rope = rope.clone();
        Transaction::new(delta.to_edits()).unwrap().apply_to(&mut rope);
        rope
    }

    fn some_text(random: &mut Seeded) -> Rope {
        let text: String =
            (0..random.below(30)).map(|_| *random.pick(&['0', '1', 'ن', '𝄞'])).collect();
        Rope::from(text)
    }

    #[test]
    fn composing_is_applying_one_after_the_other() {
        let mut random = Seeded::new(31);
        for _ in 0..5_000 {
            let text = some_text(&mut random);
            let first = some_delta(&mut random, &text);
            let middle = after(&text, &first);
            let second = some_delta(&mut random, &middle);
            let end = after(&middle, &second);
            assert_eq!(after(&text, &first.then(second)), end);
        }
    }

    #[test]
    fn an_inverse_takes_back() {
        let mut random = Seeded::new(32);
        for _ in 0..5_000 {
            let text = some_text(&mut random);
            let delta = some_delta(&mut random, &text);
            assert_eq!(after(&after(&text, &delta), &delta.inverted()), text);
        }
    }

    #[test]
    fn both_ways_around_the_diamond_meet() {
        let mut random = Seeded::new(33);
        for _ in 0..5_000 {
            let text = some_text(&mut random);
            let (a, b) = (some_delta(&mut random, &text), some_delta(&mut random, &text));
            let (a_after, b_after) = Delta::transform(a.clone(), b.clone());
            let left = after(&after(&text, &a), &b_after);
            let right = after(&after(&text, &b), &a_after);
            assert_eq!(left, right, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_chain_is_its_links_in_turn() {
        let mut random = Seeded::new(34);
        for _ in 0..500 {
            let text = some_text(&mut random);
            let mut end = text.clone();
            let mut links = Vec::new();
            for _ in 0..random.below(9) {
                links.push(some_delta(&mut random, &end));
                end = after(&end, &links[links.len() - 1]);
            }
            assert_eq!(after(&text, &Delta::chain(links)), end);
        }
    }

    #[test]
    fn offsets_move_as_through_the_edits() {
        let mut random = Seeded::new(35);
        for _ in 0..2_000 {
            let text = some_text(&mut random);
            let delta = some_delta(&mut random, &text);
            let edits = Transaction::new(delta.to_edits()).unwrap();
            for at in (0..=text.len_chars()).map(CharOffset) {
                let within = edits.edits().iter().any(|edit| {
                    !edit.text.is_empty() && edit.range.start <= at && at < edit.range.end
                });
                // Inside a replacement only a delta can tell what was put before it.
                if !within {
                    let expected = edits.map(at, Bias::After);
                    assert_eq!(delta.map(at, Bias::After), expected, "{delta:?} {at:?}");
                }
            }
        }
    }
}
