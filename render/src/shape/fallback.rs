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
