//! Themes as data: colours by token and by syntax capture.
//!
//! A theme is a TOML file. What it lacks or has wrong is taken from the theme that is built in for
//! its appearance, and named in a list of warnings: a damaged theme costs that token alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::color::Color;

/// Sizes and distances of the look, logical pixels. They belong to the program, not to a theme.
pub mod measures;

const LIGHT: &str = include_str!("../../themes/hearth-light.toml");
const DARK: &str = include_str!("../../themes/hearth-dark.toml");

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Appearance {
    /// Dark words on a light ground.
    #[default]
    Light,
    /// Light words on a dark ground.
    Dark,
}

/// Something in a theme that was not usable, and what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeWarning {
    /// The token, `colors.canvas` for example; empty when it is the file as a whole.
    pub token: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ThemeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.token.is_empty() {
            return write!(
                f,
                "The theme cannot be read ({}); the built-in one is used.",
                self.reason
            );
        }
        write!(f, "{}: {}; the built-in value is used.", self.token, self.reason)
    }
}

macro_rules! tokens {
    ($($(#[$doc:meta])* $field:ident = $name:literal,)*) => {
        /// The colours that are not syntax.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Colors {
            $($(#[$doc])* pub $field: Color,)*
        }

        impl Colors {
            /// Every token in a theme file.
            pub const TOKENS: &'static [&'static str] = &[$($name),*];

            /// Reads each token by `read`, which gets its name and the value to fall back to.
            fn read(fallback: &Self, mut read: impl FnMut(&str, Color) -> Color) -> Self {
                Self { $($field: read($name, fallback.$field),)* }
            }

            const UNSET: Self = Self { $($field: Color::TRANSPARENT,)* };
        }
    };
}

tokens! {
    /// The desk on which panes lie.
    canvas = "canvas",
    /// Panes.
    surface = "surface",
    /// Selected rows and tabs, the palette, dialogs.
    raised = "raised",
    /// Inner rules.
    line = "line",
    /// Edges.
    border = "border",
    /// Focus and the main action.
    accent = "accent",
    /// Words on the accent.
    on_accent = "on-accent",
    /// Lines and marks, never words on the canvas.
    mark = "mark",
    /// Words.
    text = "text",
    /// Secondary words.
    muted = "muted",
    /// The caret, the unsaved dot, the curve that matters.
    caret = "caret",
    /// Under the caret's line.
    current_line = "current-line",
    /// Under selected text.
    selection = "selection",
    /// Errors, with a shape or a word beside the colour.
    error = "error",
    /// Warnings, likewise.
    warning = "warning",
    /// What is well, likewise.
    good = "good",
    /// Line numbers but the current one's, which has the colour of words.
    line_number = "line-number",
    /// What the machine proposes.
    suggestion = "suggestion",
    /// Another device's caret and label.
    presence = "presence",
    /// Words on the presence colour.
    on_presence = "on-presence",
    /// The one shadow.
    shadow = "shadow",
}

/// A theme.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// What it is called.
    pub name: String,
    /// What it is built on.
    pub appearance: Appearance,
    /// Colours but syntax.
    pub colors: Colors,
    syntax: BTreeMap<String, Color>,
}

static BUILT_IN: LazyLock<[Theme; 2]> = LazyLock::new(|| {
    let bare = |appearance| Theme {
        name: String::new(),
        appearance,
        colors: Colors::UNSET,
        syntax: BTreeMap::new(),
    };
    [(LIGHT, Appearance::Light), (DARK, Appearance::Dark)]
        .map(|(file, appearance)| Theme::read(file, &bare(appearance)).0)
});

impl Theme {
    /// The theme that is built in for an appearance.
    pub fn built_in(appearance: Appearance) -> &'static Self {
        &BUILT_IN[appearance as usize]
    }

    /// Reads a theme file; what it lacks comes from the built-in theme of the appearance that it
    /// names, or of `appearance` when it names none.
    pub fn load(file: &str, appearance: Appearance) -> (Self, Vec<ThemeWarning>) {
        let named = file.parse::<toml::Table>().ok().and_then(|table| {
            match table.get("appearance")?.as_str()? {
                "light" => Some(Appearance::Light),
                "dark" => Some(Appearance::Dark),
                _ => None,
            }
        });
        Self::read(file, Self::built_in(named.unwrap_or(appearance)))
    }

    fn read(file: &str, fallback: &Self) -> (Self, Vec<ThemeWarning>) {
        let table = match file.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let reason = error.message().to_owned();
                return (fallback.clone(), vec![ThemeWarning { token: String::new(), reason }]);
            }
        };
        let mut warnings = Vec::new();
        let empty = toml::Table::new();
        let given = table.get("colors").and_then(toml::Value::as_table).unwrap_or(&empty);
        let colors = Colors::read(&fallback.colors, |token, built_in| {
            color(&format!("colors.{token}"), given.get(token), built_in, &mut warnings)
        });
        for token in given.keys().filter(|key| !Colors::TOKENS.contains(&key.as_str())) {
            let reason = "no such token".to_owned();
            warnings.push(ThemeWarning { token: format!("colors.{token}"), reason });
        }
        let mut syntax = fallback.syntax.clone();
        for (capture, value) in
            table.get("syntax").and_then(toml::Value::as_table).unwrap_or(&empty)
        {
            let built_in = fallback.syntax(capture);
            let token = format!("syntax.{capture}");
            syntax.insert(capture.clone(), color(&token, Some(value), built_in, &mut warnings));
        }
        let name = table.get("name").and_then(toml::Value::as_str).unwrap_or(&fallback.name);
        let theme = Self { name: name.to_owned(), appearance: fallback.appearance, colors, syntax };
        (theme, warnings)
    }

    /// The colour of a syntax capture: `function.method` is `function` where it has none of its
    /// own, and the colour of words where nothing fits.
    pub fn syntax(&self, capture: &str) -> Color {
        let mut name = capture;
        loop {
            if let Some(color) = self.syntax.get(name) {
                return *color;
            }
            match name.rsplit_once('.') {
                Some((shorter, _)) => name = shorter,
                None => return self.colors.text,
            }
        }
    }

    /// The captures that have a colour of their own.
    pub fn captures(&self) -> impl Iterator<Item = (&str, Color)> {
        self.syntax.iter().map(|(capture, color)| (capture.as_str(), *color))
    }
}

fn color(
    token: &str,
    value: Option<&toml::Value>,
    built_in: Color,
    warnings: &mut Vec<ThemeWarning>,
) -> Color {
    let reason = match value {
        None => "is missing".to_owned(),
        Some(toml::Value::String(text)) => match Color::from_hex(text) {
            Ok(color) => return color,
            Err(error) => error.to_string(),
        },
        Some(_) => "is not a text like \"#rrggbb\"".to_owned(),
    };
    warnings.push(ThemeWarning { token: token.to_owned(), reason });
    built_in
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::contrast;

    #[test]
    fn built_in_themes_are_whole() {
        for (file, appearance) in [(LIGHT, Appearance::Light), (DARK, Appearance::Dark)] {
            let (theme, warnings) = Theme::load(file, appearance);
            assert_eq!(warnings, []);
            assert_eq!(&theme, Theme::built_in(appearance));
            assert_eq!(theme.appearance, appearance);
        }
    }

    /// A colour of words by its name, and what it may lie on.
    type Pair<'a> = (String, Color, &'a [(&'a str, Color)]);

    #[test]
    fn words_have_enough_contrast_on_what_lies_under_them() {
        for appearance in [Appearance::Light, Appearance::Dark] {
            let theme = Theme::built_in(appearance);
            let c = &theme.colors;
            let grounds = [
                ("canvas", c.canvas),
                ("surface", c.surface),
                ("raised", c.raised),
                ("current-line", c.current_line),
                ("selection", c.selection),
            ];
            let code = &grounds[1..];
            let mut pairs: Vec<Pair<'_>> = vec![
                ("text".into(), c.text, &grounds),
                ("muted".into(), c.muted, &grounds),
                ("error".into(), c.error, &grounds),
                ("warning".into(), c.warning, &grounds),
                ("good".into(), c.good, &grounds),
                // Numbers stand in the gutter; the current line's has the colour of words.
                ("line-number".into(), c.line_number, &grounds[1..2]),
            ];
            let proposed = [("surface", c.surface), ("current-line", c.current_line)];
            pairs.push(("suggestion".into(), c.suggestion, &proposed));
            let accent = [("accent", c.accent)];
            pairs.push(("on-accent".into(), c.on_accent, &accent));
            let presence = [("presence", c.presence)];
            pairs.push(("on-presence".into(), c.on_presence, &presence));
            pairs.extend(theme.captures().map(|(name, color)| (name.to_owned(), color, code)));
            for (name, color, grounds) in pairs {
                for (ground_name, ground) in grounds {
                    let ratio = contrast(color, *ground);
                    let theme = &theme.name;
                    assert!(ratio >= 4.5, "{theme}: {name} on {ground_name} has {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn a_damaged_token_costs_itself_alone_and_is_named() {
        let file = "appearance = \"dark\"\n[colors]\ncanvas = \"#123456\"\nsurface = \"blue\"\n\
                    shine = \"#ffffff\"\n[syntax]\nstring = 7\nkeyword = \"#ff0000\"\n";
        let (theme, warnings) = Theme::load(file, Appearance::Light);
        let dark = Theme::built_in(Appearance::Dark);
        assert_eq!(theme.colors.canvas, Color::hex(0x12_3456));
        assert_eq!(theme.colors.surface, dark.colors.surface);
        assert_eq!(theme.syntax("keyword"), Color::hex(0xff_0000));
        assert_eq!(theme.syntax("string"), dark.syntax("string"));
        let named: Vec<&str> = warnings.iter().map(|warning| warning.token.as_str()).collect();
        for token in ["colors.surface", "colors.text", "colors.shine", "syntax.string"] {
            assert!(named.contains(&token), "{token} in {named:?}");
        }
        assert!(!named.contains(&"colors.canvas"));
        let (broken, warnings) = Theme::load("colors = [", Appearance::Dark);
        assert_eq!(&broken, dark);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn captures_fall_back_at_their_dots() {
        let theme = Theme::built_in(Appearance::Light);
        assert_eq!(theme.syntax("function.method.call"), theme.syntax("function"));
        assert_ne!(theme.syntax("variable.builtin"), theme.syntax("variable"));
        assert_eq!(theme.syntax("nothing.known"), theme.colors.text);
    }
}
