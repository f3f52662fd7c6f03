//! Which face draws a character that the bundled ones lack. Hits and misses are both cached: a
//! miss costs one hash look-up afterwards.

use std::collections::HashMap;

use super::fonts::SystemFace;
use crate::digest::BuildDigest;

/// Families that come first when they cover a character, best first. What a platform ships, and
/// sans before serif, since fallback stands beside Geist.
const PREFERRED: [&str; 22] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei UI",
    "Microsoft YaHei",
    "Noto Sans CJK JP",
    "Hiragino Sans",
    "Yu Gothic UI",
    "Noto Sans CJK KR",
    "Malgun Gothic",
    "WenQuanYi Micro Hei",
    "Noto Sans",
    "Noto Sans Mono",
    "Noto Sans Symbols",
    "Noto Sans Symbols2",
    "Noto Sans Math",
    "Segoe UI",
    "Segoe UI Symbol",
    "Apple Symbols",
    "DejaVu Sans Mono",
    "DejaVu Sans",
    "FreeMono",
];

/// An index in the list of system faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SystemIndex(pub u32);

/// How a cluster asks to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Presentation {
    Text,
    Emoji,
}

/// The cache of answers.
#[derive(Default)]
pub(crate) struct Fallback {
    answers: HashMap<(char, Presentation), Option<SystemIndex>, BuildDigest>,
}

impl Fallback {
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    /// The face for `c`, if any has it.
    pub fn face_for(
        &mut self,
        faces: &[SystemFace],
        c: char,
        presentation: Presentation,
    ) -> Option<SystemIndex> {
        *self.answers.entry((c, presentation)).or_insert_with(|| choose(faces, c, presentation))
    }
}

fn choose(faces: &[SystemFace], c: char, presentation: Presentation) -> Option<SystemIndex> {
    let best = faces
        .iter()
        .enumerate()
        .filter(|(_, face)| face.covers(c))
        .min_by_key(|(index, face)| (rank(face, presentation), *index))?;
    Some(SystemIndex(u32::try_from(best.0).ok()?))
}

/// Lower is better: right presentation, upright and regular, preferred family, sans.
fn rank(face: &SystemFace, presentation: Presentation) -> (bool, bool, u16, usize, bool) {
    let family = face.family();
    let emoji = family.contains("Emoji");
    let wrong_kind = emoji != (presentation == Presentation::Emoji);
    let slanted = face.info.style != cosmic_text::Style::Normal;
    let weight = face.info.weight.0.abs_diff(400);
    let preferred = PREFERRED.iter().position(|name| *name == family).unwrap_or(PREFERRED.len());
    (wrong_kind, slanted, weight, preferred, family.contains("Serif"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::fonts::{Bundled, bundled};

    fn face(family: &str, weight: u16, range: (char, char)) -> SystemFace {
        let (database, ids) = bundled();
        let mut info = database.face(ids[Bundled::UiRegular as usize]).unwrap().clone();
        info.families[0].0 = family.to_owned();
        info.weight = cosmic_text::Weight(weight);
        SystemFace::new(info, vec![(range.0 as u32, range.1 as u32)])
    }

    #[test]
    fn regular_preferred_sans_of_the_right_kind_comes_first() {
        let han = ('一', '龥');
        let faces = [
            face("Some Serif", 400, han),
            face("Noto Sans CJK SC", 700, han),
            face("Noto Sans CJK SC", 400, han),
            face("Noto Color Emoji", 400, ('☀', '☂')),
            face("DejaVu Sans", 400, ('☀', '☂')),
        ];
        let mut fallback = Fallback::default();
        let mut ask = |c, kind| fallback.face_for(&faces, c, kind).map(|index| index.0);
        assert_eq!(ask('世', Presentation::Text), Some(2));
        assert_eq!(ask('☀', Presentation::Text), Some(4));
        assert_eq!(ask('☀', Presentation::Emoji), Some(3));
        assert_eq!(ask('ก', Presentation::Text), None);
    }

    #[test]
    fn a_miss_is_asked_for_once() {
        let mut fallback = Fallback::default();
        assert_eq!(fallback.face_for(&[], '世', Presentation::Text), None);
        // Only clearing forgets it: the answer comes from the cache, whatever faces there are.
        let faces = [face("Any", 400, ('一', '龥'))];
        assert_eq!(fallback.face_for(&faces, '世', Presentation::Text), None);
        fallback.clear();
        assert!(fallback.face_for(&faces, '世', Presentation::Text).is_some());
    }
}
