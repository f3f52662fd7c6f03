//! The fonts there are: nine bundled files, and what a scan of the system found.

use std::sync::Arc;

use cosmic_text::fontdb::{self, Database, FaceInfo, Source};

use super::choice::{Chosen, FontChoice, MissingFont};

/// How often fonts were installed; lines shaped in another generation may look different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub(crate) u32);

/// The bundled files, in the order of [`Bundled`].
const FILES: [&[u8]; 9] = [
    include_bytes!("../../../themes/fonts/Geist-Regular.ttf"),
    include_bytes!("../../../themes/fonts/Geist-Medium.ttf"),
    include_bytes!("../../../themes/fonts/Geist-SemiBold.ttf"),
    include_bytes!("../../../themes/fonts/GeistMono-Regular.ttf"),
    include_bytes!("../../../themes/fonts/GeistMono-Medium.ttf"),
    include_bytes!("../../../themes/fonts/GeistMono-Bold.ttf"),
    include_bytes!("../../../themes/fonts/GeistMono-Italic.ttf"),
    include_bytes!("../../../themes/fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../../../themes/fonts/NotoSansArabic-Bold.ttf"),
];

/// A bundled face, by its place in the list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Bundled {
    UiRegular,
    UiMedium,
    UiSemiBold,
    MonoRegular,
    MonoMedium,
    MonoBold,
    MonoItalic,
    ArabicRegular,
    ArabicBold,
}

/// The bundled files as a database, and the id of each by its place.
pub(crate) fn bundled() -> (Database, Vec<fontdb::ID>) {
    let mut database = Database::new();
    let mut ids = Vec::with_capacity(FILES.len());
    for file in FILES {
        let loaded = database.load_font_source(Source::Binary(Arc::new(file)));
        ids.push(*loaded.first().expect("a bundled font has a face"));
    }
    (database, ids)
}

/// A face that the system has, and the characters it draws.
pub(crate) struct SystemFace {
    pub info: FaceInfo,
    /// Inclusive ranges of code points, ascending and disjoint.
    ranges: Box<[(u32, u32)]>,
}

impl SystemFace {
    /// A face that covers exactly `ranges`, ascending and disjoint.
    pub fn new(info: FaceInfo, ranges: Vec<(u32, u32)>) -> Self {
        Self { info, ranges: ranges.into() }
    }

    pub fn covers(&self, c: char) -> bool {
        let code = c as u32;
        let after = self.ranges.partition_point(|range| range.0 <= code);
        after > 0 && self.ranges[after - 1].1 >= code
    }

    pub fn family(&self) -> &str {
        self.info.families.first().map_or("", |(name, _)| name.as_str())
    }
}

/// What can be drawn beyond the bundled faces. Made on a worker, installed by
/// [`super::Shaper::install`].
#[derive(Default)]
pub struct Fonts {
    pub(crate) system: Vec<SystemFace>,
    pub(crate) chosen: Chosen,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({} system faces)", self.system.len())
    }
}

impl Fonts {
    /// The bundled fonts alone: what a process starts with.
    pub fn bundled() -> Self {
        Self::default()
    }

    /// The bundled fonts and every font of the system. Reads the disk for about 0.1 s and more:
    /// for a worker, after the first frame. Files that are no fonts are left out.
    pub fn scan_system() -> Self {
        Self::scan(&FontChoice::default())
    }

    /// The same, with the families that were chosen in front, read into memory.
    pub fn scan(choice: &FontChoice) -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        let mut system: Vec<SystemFace> = database
            .faces()
            .filter_map(|info| {
                let ranges = database.with_face_data(info.id, covered_ranges)??;
                Some(SystemFace::new(info.clone(), ranges))
            })
            .collect();
        // The order of a directory is an accident; the same fonts must give the same fallback.
        system.sort_by(|a, b| a.info.post_script_name.cmp(&b.info.post_script_name));
        let chosen = Chosen::find(choice, &database, &system);
        Self { system, chosen }
    }

    /// Chosen families that are not there.
    pub fn missing(&self) -> &[MissingFont] {
        &self.chosen.missing
    }

    /// Whether a face, bundled or of the system, has a letter. It reads the bundled ones anew.
    pub fn covers(&self, letter: char) -> bool {
        let code = letter as u32;
        let holds = |ranges: Vec<(u32, u32)>| ranges.iter().any(|(a, b)| (*a..=*b).contains(&code));
        self.system.iter().any(|face| face.covers(letter))
            || FILES.iter().any(|file| covered_ranges(file, 0).is_some_and(holds))
    }

    /// The faces beyond the bundled ones.
    pub fn system_faces(&self) -> usize {
        self.system.len()
    }
}

fn covered_ranges(data: &[u8], index: u32) -> Option<Vec<(u32, u32)>> {
    let font = swash::FontRef::from_index(data, index as usize)?;
    let mut codes = Vec::new();
    font.charmap().enumerate(|code, glyph| {
        if glyph != 0 {
            codes.push(code);
        }
    });
    codes.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for code in codes {
        match ranges.last_mut() {
            Some(range) if code <= range.1.saturating_add(1) => range.1 = code,
            _ => ranges.push((code, code)),
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_files_load_in_the_order_of_their_names() {
        let (database, ids) = bundled();
        assert_eq!(ids.len(), Bundled::ArabicBold as usize + 1);
        let face = |which: Bundled| {
            let info = database.face(ids[which as usize]).unwrap();
            (info.families[0].0.as_str(), info.weight.0)
        };
        assert_eq!(face(Bundled::UiSemiBold), ("Geist", 600));
        assert_eq!(face(Bundled::MonoBold), ("Geist Mono", 700));
        assert_eq!(face(Bundled::ArabicRegular), ("Noto Sans Arabic", 400));
    }

    #[test]
    fn the_bundled_faces_cover_their_scripts() {
        let fonts = Fonts::bundled();
        assert!(fonts.covers('A') && fonts.covers('س'));
        assert!(!fonts.covers('界'));
    }

    #[test]
    fn ranges_hold_exactly_what_the_font_maps() {
        let ranges = covered_ranges(FILES[Bundled::UiRegular as usize], 0).unwrap();
        let (database, ids) = bundled();
        let info = database.face(ids[0]).unwrap().clone();
        let face = SystemFace::new(info, ranges);
        assert!(face.covers('A') && face.covers('é') && face.covers('…'));
        assert!(!face.covers('界') && !face.covers('س') && !face.covers('\u{10ffff}'));
    }
}
