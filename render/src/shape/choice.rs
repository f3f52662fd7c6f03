//! Families that a person chose by name, looked up among the system's faces: for a worker, since
//! it reads the files that will be drawn.

use std::fmt;
use std::sync::Arc;

use cosmic_text::fontdb::{self, Database, FaceInfo, Query, Source};

use super::face::Skew;
use super::fallback::SystemIndex;
use super::fonts::SystemFace;
use super::style::{Family, Slant, TextStyle, Weight};

/// The bundled families, which are always there.
pub const BUNDLED_MONO: &str = "Geist Mono";
/// The bundled family of the interface.
pub const BUNDLED_UI: &str = "Geist";

/// A larger file is no font for code; a family is up to six files.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FontChoice {
    /// The family of code.
    pub mono: String,
    /// The family of the interface.
    pub ui: String,
    /// Families for what those lack, the first that has a character counts.
    pub fallback: Vec<String>,
}

impl Default for FontChoice {
    fn default() -> Self {
        Self { mono: BUNDLED_MONO.to_owned(), ui: BUNDLED_UI.to_owned(), fallback: Vec::new() }
    }
}

/// A family that was chosen and cannot be drawn with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFont {
    /// As it was chosen.
    pub name: String,
    /// What draws instead; `None` for a fallback family, which the others stand in for.
    pub instead: Option<&'static str>,
}

impl fmt::Display for MissingFont {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instead {
            Some(instead) => write!(f, "no font \"{}\": {instead} instead", self.name),
            None => write!(f, "no fallback font \"{}\"", self.name),
        }
    }
}

/// A face of a chosen family, read.
pub(crate) struct ChosenFace {
    /// Its data in memory, under a family name of its own: nothing else answers to it.
    pub info: FaceInfo,
    /// What it is called in its file.
    pub name: String,
}

/// Which face draws a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Its place among the chosen faces.
    pub face: usize,
    /// Whether it stands in for a slanted one.
    pub skew: Skew,
}

/// What became of a choice.
#[derive(Default)]
pub(crate) struct Chosen {
    pub faces: Vec<ChosenFace>,
    cuts: [Option<Cut>; CUTS],
    /// Faces that come before those that are found by themselves.
    pub fallback: Vec<SystemIndex>,
    pub missing: Vec<MissingFont>,
}

const WEIGHTS: [(Weight, u16); 3] =
    [(Weight::Regular, 400), (Weight::Medium, 500), (Weight::SemiBold, 600)];
const SLANTS: [Slant; 2] = [Slant::Upright, Slant::Italic];
const CUTS: usize = 2 * WEIGHTS.len() * SLANTS.len();

fn place(family: Family, weight: Weight, slant: Slant) -> usize {
    let weight = WEIGHTS.iter().position(|(one, _)| *one == weight).unwrap_or_default();
    let family = usize::from(family == Family::Mono);
    (family * WEIGHTS.len() + weight) * SLANTS.len() + usize::from(slant == Slant::Italic)
}

impl Chosen {
    /// The face of a style, where a family was chosen that is there.
    pub fn cut(&self, style: &TextStyle) -> Option<Cut> {
        self.cuts[place(style.family, style.weight, style.slant)]
    }

    /// Forgets a face that turned out not to be one; its styles are drawn by the bundled family.
    pub fn drop_face(&mut self, face: usize) {
        for cut in &mut self.cuts {
            *cut = cut.filter(|cut| cut.face != face);
        }
    }

    /// Looks up a choice among all faces of a machine. `system` are those that draw something.
    pub fn find(choice: &FontChoice, database: &Database, system: &[SystemFace]) -> Self {
        let mut chosen = Self::default();
        let families =
            [(Family::Mono, &choice.mono, BUNDLED_MONO), (Family::Ui, &choice.ui, BUNDLED_UI)];
        for (family, name, bundled) in families {
            let is_bundled = name.eq_ignore_ascii_case(bundled);
            if !is_bundled && !chosen.take_family(family, name, database) {
                let instead = Some(bundled);
                chosen.missing.push(MissingFont { name: name.clone(), instead });
            }
        }
        for name in &choice.fallback {
            let found = upright(name, system);
            match found {
                Some(index) => chosen.fallback.push(index),
                None => {
                    chosen.missing.push(MissingFont { name: name.clone(), instead: None });
                }
            }
        }
        chosen
    }

    fn take_family(&mut self, family: Family, name: &str, database: &Database) -> bool {
        let Some(name) = known_name(name, database) else { return false };
        for (weight, number) in WEIGHTS {
            for slant in SLANTS {
                let style = match slant {
                    Slant::Upright => fontdb::Style::Normal,
                    Slant::Italic => fontdb::Style::Italic,
                };
                let query = Query {
                    families: &[fontdb::Family::Name(&name)],
                    weight: fontdb::Weight(number),
                    style,
                    ..Query::default()
                };
                let found = database.query(&query).and_then(|id| database.face(id));
                let Some(info) = found else { continue };
                let is_upright = info.style == fontdb::Style::Normal;
                let skew = match slant {
                    Slant::Italic if is_upright => Skew::Oblique,
                    _ => Skew::None,
                };
                let face = self.face_of(info);
                self.cuts[place(family, weight, slant)] = face.map(|face| Cut { face, skew });
            }
        }
        self.cuts[place(family, Weight::Regular, Slant::Upright)].is_some()
    }

    /// The place of a face, whose file is read unless it was.
    fn face_of(&mut self, info: &FaceInfo) -> Option<usize> {
        let is_same =
            |face: &ChosenFace| face.name == info.post_script_name && face.info.index == info.index;
        if let Some(place) = self.faces.iter().position(is_same) {
            return Some(place);
        }
        let bytes = bytes_of(&info.source)?;
        swash::FontRef::from_index(bytes.as_ref().as_ref(), info.index as usize)?;
        let mut own = info.clone();
        own.families.truncate(1);
        own.families.first_mut()?.0 = format!("{} (chosen)", info.post_script_name);
        own.post_script_name = format!("{} (chosen)", info.post_script_name);
        own.source = Source::Binary(bytes);
        self.faces.push(ChosenFace { info: own, name: info.post_script_name.clone() });
        Some(self.faces.len() - 1)
    }
}

fn bytes_of(source: &Source) -> Option<Arc<dyn AsRef<[u8]> + Send + Sync>> {
    match source {
        Source::Binary(bytes) | Source::SharedFile(_, bytes) => Some(Arc::clone(bytes)),
        Source::File(path) => {
            let size = std::fs::metadata(path).ok()?.len();
            let bytes = (size <= FILE_BYTES_MAX).then(|| std::fs::read(path).ok())??;
            Some(Arc::new(bytes))
        }
    }
}

/// The family's name as the fonts have it: a person need not match its capitals.
fn known_name(name: &str, database: &Database) -> Option<String> {
    let names = database.faces().flat_map(|face| face.families.iter().map(|(name, _)| name));
    let mut same = names.filter(|known| known.eq_ignore_ascii_case(name));
    let first = same.next()?.clone();
    // The exact one counts more than one in other letters.
    Some(if first == name || !same.any(|known| known == name) { first } else { name.to_owned() })
}

/// The upright face of a family that is nearest to regular.
fn upright(name: &str, system: &[SystemFace]) -> Option<SystemIndex> {
    let is_of = |face: &SystemFace| {
        face.info.families.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let found =
        system.iter().enumerate().filter(|(_, face)| is_of(face)).min_by_key(|(at, face)| {
            let is_slanted = face.info.style != fontdb::Style::Normal;
            (is_slanted, face.info.weight.0.abs_diff(400), *at)
        });
    found.and_then(|(at, _)| u32::try_from(at).ok()).map(SystemIndex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::fonts::bundled;
    use crate::shape::{Affinity, Fonts, Ligatures, ShapeOptions, Shaper};

    /// The bundled fonts as if a system had them, and a choice among them.
    fn find(mono: &str, ui: &str, fallback: &[&str]) -> Fonts {
        let database = bundled().0;
        let face = |info: &FaceInfo| SystemFace::new(info.clone(), vec![(0x600, 0x6ff)]);
        let system: Vec<SystemFace> = database.faces().map(face).collect();
        let fallback = fallback.iter().map(|name| (*name).to_owned()).collect();
        let choice = FontChoice { mono: mono.to_owned(), ui: ui.to_owned(), fallback };
        let chosen = Chosen::find(&choice, &database, &system);
        Fonts { system, chosen }
    }

    #[test]
    fn a_family_is_found_in_any_letters_with_its_weights_and_a_slant() {
        let fonts = find("gEIST", BUNDLED_UI, &[]);
        assert!(fonts.missing().is_empty());
        let cut = |style: TextStyle| fonts.chosen.cut(&style).unwrap();
        let mono = TextStyle::mono(14.0);
        let upright = cut(mono);
        let bold = cut(mono.weight(Weight::SemiBold));
        let italic = cut(mono.slant(Slant::Italic));
        assert_eq!((upright.skew, italic.skew), (Skew::None, Skew::Oblique));
        assert_eq!(upright.face, italic.face, "it has no italic of its own");
        assert_ne!(upright.face, bold.face);
        assert!(fonts.chosen.cut(&TextStyle::ui(13.0)).is_none(), "that is bundled");
    }

    #[test]
    fn what_is_missing_is_named_with_what_draws_instead() {
        let fonts = find("No Such Mono", "No Such Sans", &["Noto Sans Arabic", "Neither"]);
        let told: Vec<String> = fonts.missing().iter().map(ToString::to_string).collect();
        let wanted = [
            "no font \"No Such Mono\": Geist Mono instead",
            "no font \"No Such Sans\": Geist instead",
            "no fallback font \"Neither\"",
        ];
        assert_eq!(told, wanted);
        assert_eq!(fonts.chosen.fallback.len(), 1);
    }

    #[test]
    fn a_chosen_font_is_drawn_with_and_given_up_again() {
        let mut shaper = Shaper::new(Fonts::bundled());
        let style = TextStyle::mono(14.0).ligatures(Ligatures::On);
        let face = |shaper: &mut Shaper| {
            let line = shaper.shape("code", style, ShapeOptions::default());
            line.spans()[0].face.id()
        };
        let before = face(&mut shaper);
        shaper.install(find("Geist", BUNDLED_UI, &[]));
        let chosen = face(&mut shaper);
        assert_ne!(chosen, before);
        shaper.install(find("Noto Sans Arabic", BUNDLED_UI, &[]));
        shaper.install(find("Geist", BUNDLED_UI, &[]));
        assert_eq!(face(&mut shaper), chosen, "the same font is the same face");
        shaper.install(find(BUNDLED_MONO, BUNDLED_UI, &[]));
        assert_eq!(face(&mut shaper), before);
    }

    #[test]
    fn characters_of_any_width_stand_in_even_columns() {
        let mut shaper = Shaper::new(find("Geist", BUNDLED_UI, &[]));
        assert!(!shaper.is_monospaced());
        let cell = shaper.cell_width(14.0);
        let options = ShapeOptions { cell_width: Some(cell), ..ShapeOptions::default() };
        for ligatures in [Ligatures::On, Ligatures::Off] {
            let style = TextStyle::mono(14.0).ligatures(ligatures);
            for text in ["iiii", "WWWW", "fi->", "a世b"] {
                let line = shaper.shape(text, style, options);
                let x = line.x_of(1, Affinity::Downstream);
                assert!((line.width() - 4.0 * cell).abs() < 0.01, "{text}: {}", line.width());
                assert!((x - cell).abs() < 0.01, "{text}: {x}");
            }
            let narrow = shaper.shape("i", style, options);
            assert!(narrow.glyphs()[0].x > cell / 4.0, "it stands in the middle");
        }
        let mut even = Shaper::new(Fonts::bundled());
        assert!(even.is_monospaced());
    }

    #[test]
    fn fallback_fonts_keep_their_order_and_are_upright_and_regular() {
        let fonts = find(BUNDLED_MONO, BUNDLED_UI, &["noto sans arabic", "Geist Mono"]);
        let names = fonts.chosen.fallback.iter().map(|index| {
            let info = &fonts.system[index.0 as usize].info;
            (info.post_script_name.as_str(), info.weight.0)
        });
        let names: Vec<_> = names.collect();
        assert_eq!(names, [("NotoSansArabic-Regular", 400), ("GeistMono-Regular", 400)]);
    }
}
