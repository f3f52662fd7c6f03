//! Every setting: its key, what it takes, what it is by itself, and what it does.

use render::shape::{BUNDLED_MONO, BUNDLED_UI};
use serde_json::Value;

use super::choice::{
    Level, LineEnding, LineNumbers, ReduceMotion, Renderer, SoftWrap, ThemeMode, Whitespace,
};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `table.name`, as in the file.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is when no layer says otherwise.
    pub preset: Preset,
    /// What it does, for the reference.
    pub about: &'static str,
}

/// What a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Truth,
    /// A whole number in this range, both ends included.
    Integer(i64, i64),
    /// A number in this range, both ends included.
    Number(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A string of 1 to [`TEXT_BYTES_MAX`] bytes.
    Text,
    /// Up to [`LIST_MAX`] of those.
    List,
}

/// What a setting is by itself.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// For [`Kind::Truth`].
    Truth(bool),
    /// For [`Kind::Integer`].
    Integer(i64),
    /// For [`Kind::Number`].
    Number(f64),
    /// For [`Kind::Choice`] and [`Kind::Text`].
    Text(&'static str),
    /// For [`Kind::List`]: nothing in it.
    Empty,
}

/// The longest text that a setting takes; names of fonts and themes are far shorter.
pub const TEXT_BYTES_MAX: usize = 256;

/// The longest list that a setting takes.
pub const LIST_MAX: usize = 16;

impl Preset {
    /// As JSON.
    pub fn value(self) -> Value {
        match self {
            Self::Truth(truth) => Value::from(truth),
            Self::Integer(number) => Value::from(number),
            Self::Number(number) => Value::from(number),
            Self::Text(text) => Value::from(text),
            Self::Empty => Value::Array(Vec::new()),
        }
    }
}

impl Kind {
    /// Whether `value` is one that this takes.
    pub fn takes(self, value: &Value) -> bool {
        match self {
            Self::Truth => value.is_boolean(),
            Self::Integer(low, high) => {
                value.as_i64().is_some_and(|number| (low..=high).contains(&number))
            }
            Self::Number(low, high) => {
                value.as_f64().is_some_and(|number| (low..=high).contains(&number))
            }
            Self::Choice(names) => value.as_str().is_some_and(|name| names.contains(&name)),
            Self::Text => {
                value.as_str().is_some_and(|text| (1..=TEXT_BYTES_MAX).contains(&text.len()))
            }
            Self::List => value.as_array().is_some_and(|list| {
                list.len() <= LIST_MAX && list.iter().all(|one| Self::Text.takes(one))
            }),
        }
    }

    /// What it takes, in words: "a whole number from 1 to 16".
    pub fn words(self) -> String {
        match self {
            Self::Truth => "true or false".to_owned(),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Number(low, high) => format!("a number from {low} to {high}"),
            Self::Choice(names) => {
                let (last, first) = names.split_last().expect("a choice has names");
                let first: Vec<_> = first.iter().map(|name| format!("\"{name}\"")).collect();
                format!("{} or \"{last}\"", first.join(", "))
            }
            Self::Text => format!("a string of 1 to {TEXT_BYTES_MAX} bytes"),
            Self::List => format!("a list of up to {LIST_MAX} strings"),
        }
    }
}

/// The setting called `key`.
pub fn find(key: &str) -> Option<&'static Setting> {
    SCHEMA.iter().find(|setting| setting.key == key)
}

const fn truth(key: &'static str, preset: bool, about: &'static str) -> Setting {
    Setting { key, kind: Kind::Truth, preset: Preset::Truth(preset), about }
}

const fn number(
    key: &'static str,
    (low, high): (f64, f64),
    preset: f64,
    about: &'static str,
) -> Setting {
    Setting { key, kind: Kind::Number(low, high), preset: Preset::Number(preset), about }
}

const fn integer(
    key: &'static str,
    (low, high): (i64, i64),
    preset: i64,
    about: &'static str,
) -> Setting {
    Setting { key, kind: Kind::Integer(low, high), preset: Preset::Integer(preset), about }
}

const fn choice(
    key: &'static str,
    names: &'static [&'static str],
    preset: &'static str,
    about: &'static str,
) -> Setting {
    Setting { key, kind: Kind::Choice(names), preset: Preset::Text(preset), about }
}

const fn text(key: &'static str, preset: &'static str, about: &'static str) -> Setting {
    Setting { key, kind: Kind::Text, preset: Preset::Text(preset), about }
}

/// All settings, table by table, in the order of the reference.
pub const SCHEMA: &[Setting] = &[
    choice(
        "appearance.theme",
        ThemeMode::NAMES,
        ThemeMode::System.name(),
        "Light or dark, or as the system says.",
    ),
    text("appearance.light_theme", "Hearth Light", "The theme for light."),
    text("appearance.dark_theme", "Hearth Dark", "The theme for dark."),
    text(
        "appearance.font_family",
        BUNDLED_UI,
        "A font that the system has, for everything but the text.",
    ),
    Setting {
        key: "appearance.fallback_fonts",
        kind: Kind::List,
        preset: Preset::Empty,
        about: "Fonts for characters that the others lack; the first that has one draws it.",
    },
    number("appearance.zoom", (0.5, 4.0), 1.0, "Enlarges the text that is edited."),
    truth("appearance.hinting", true, "Fits the shapes of small letters to the pixel grid."),
    number(
        "appearance.gamma",
        (1.0, 3.0),
        1.2,
        "How letters blend with what lies under them: more makes dark text thinner.",
    ),
    choice(
        "appearance.reduce_motion",
        ReduceMotion::NAMES,
        ReduceMotion::System.name(),
        "Draws no movement when on; `system` follows the system.",
    ),
    choice(
        "appearance.renderer",
        Renderer::NAMES,
        Renderer::Auto.name(),
        "Draws on the GPU or the CPU; auto takes a real GPU where there is one. Read at the start.",
    ),
    text(
        "editor.font_family",
        BUNDLED_MONO,
        "A font that the system has, best a monospaced one, for the text.",
    ),
    number("editor.font_size", (6.0, 72.0), 14.0, "The size of code, in logical pixels."),
    number("editor.line_height", (1.0, 3.0), 1.57, "A line's height, in font sizes."),
    truth("editor.ligatures", true, "Joins letters where the typeface has a sign for them."),
    integer("editor.tab_width", (1, 16), 4, "The columns from one tab stop to the next."),
    truth("editor.insert_spaces", true, "Indents with spaces, where a file does not tell."),
    truth("editor.detect_indentation", true, "Indents as the file does already."),
    choice(
        "editor.soft_wrap",
        SoftWrap::NAMES,
        SoftWrap::Prose.name(),
        "Breaks long lines where the pane ends.",
    ),
    choice(
        "editor.line_numbers",
        LineNumbers::NAMES,
        LineNumbers::On.name(),
        "Numbers lines from the top or cursor.",
    ),
    truth("editor.indent_guides", true, "Draws a line at each level of indentation."),
    truth("editor.bracket_match", true, "Marks the bracket that belongs to the one at the cursor."),
    truth("editor.auto_close", true, "Types the closing bracket or quote with the opening one."),
    truth("editor.auto_surround", true, "Puts a typed bracket or quote around what is selected."),
    truth("editor.auto_indent", true, "Indents a new line as the code around it asks."),
    choice(
        "editor.whitespace",
        Whitespace::NAMES,
        Whitespace::Selection.name(),
        "Shows spaces and tabs.",
    ),
    truth(
        "editor.control_characters",
        true,
        "Shows characters that are invisible, change direction, or look like others.",
    ),
    number("editor.scroll_speed", (0.1, 10.0), 1.0, "Multiplies what a wheel or touchpad scrolls."),
    truth("editor.scroll_past_end", true, "Lets the last line scroll to the top."),
    integer("editor.scroll_margin", (0, 20), 3, "Lines kept in sight above and below the cursor."),
    truth("files.trim_trailing_whitespace", false, "Takes spaces off the ends of lines on saving."),
    truth("files.final_newline", true, "Ends a file that is saved with a line ending."),
    choice(
        "files.line_ending",
        LineEnding::NAMES,
        LineEnding::Lf.name(),
        "The line ending of a new file.",
    ),
    truth("files.editorconfig", true, "Follows .editorconfig files before these settings."),
    truth("picker.hidden_files", false, "Lists files whose names begin with a dot."),
    truth("picker.ignored_files", false, "Lists files that .gitignore leaves out."),
    choice(
        "records.level",
        Level::NAMES,
        Level::Info.name(),
        "The least weight that the log keeps.",
    ),
];
