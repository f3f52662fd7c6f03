//! Settings as the program reads them: plain fields, filled when a layer changes.

use serde_json::Value;

use super::choice::{
    Level, LineEnding, LineNumbers, ReduceMotion, Renderer, SoftWrap, ThemeMode, Whitespace,
};

/// The table `appearance`; the schema says what each field does.
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance {
    pub theme: ThemeMode,
    pub light_theme: String,
    pub dark_theme: String,
    pub font_family: String,
    pub fallback_fonts: Vec<String>,
    pub zoom: f32,
    pub hinting: bool,
    pub gamma: f32,
    pub reduce_motion: ReduceMotion,
    pub renderer: Renderer,
}

/// The table `editor`; the schema says what each field does.
#[derive(Clone, Debug, PartialEq)]
pub struct Editor {
    pub font_family: String,
    pub font_size: f32,
    pub line_height: f32,
    pub ligatures: bool,
    pub tab_width: usize,
    pub insert_spaces: bool,
    pub detect_indentation: bool,
    pub soft_wrap: SoftWrap,
    pub line_numbers: LineNumbers,
    pub indent_guides: bool,
    pub bracket_match: bool,
    pub auto_close: bool,
    pub auto_surround: bool,
    pub auto_indent: bool,
    pub whitespace: Whitespace,
    pub control_characters: bool,
    pub scroll_speed: f32,
    pub scroll_past_end: bool,
    pub scroll_margin: usize,
}

/// The table `files`; the schema says what each field does.
#[derive(Clone, Debug, PartialEq)]
pub struct Files {
    pub trim_trailing_whitespace: bool,
    pub final_newline: bool,
    pub line_ending: LineEnding,
    pub editorconfig: bool,
}

/// The table `picker`; the schema says what each field does.
#[derive(Clone, Debug, PartialEq)]
pub struct Picker {
    pub hidden_files: bool,
    pub ignored_files: bool,
}

/// The table `records`; the schema says what each field does.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    pub level: Level,
}

/// All tables, as they count in one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tables {
    pub appearance: Appearance,
    pub editor: Editor,
    pub files: Files,
    pub picker: Picker,
    pub records: Records,
}

/// Reads values that the schema has checked already.
pub(super) struct Reader<F>(pub F);

impl<'a, F: Fn(&str) -> &'a Value> Reader<F> {
    fn truth(&self, key: &str) -> bool {
        (self.0)(key).as_bool().expect("the schema lets only truths through")
    }

    fn number(&self, key: &str) -> f32 {
        (self.0)(key).as_f64().expect("the schema lets only numbers through") as f32
    }

    fn count(&self, key: &str) -> usize {
        let number = (self.0)(key).as_u64().expect("the schema lets only counts through");
        usize::try_from(number).expect("the schema's ranges are small")
    }

    fn text(&self, key: &str) -> String {
        (self.0)(key).as_str().expect("the schema lets only text through").to_owned()
    }

    fn list(&self, key: &str) -> Vec<String> {
        let list = (self.0)(key).as_array().expect("the schema lets only lists through");
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn choice<T>(&self, key: &str, from_name: fn(&str) -> Option<T>) -> T {
        let name = (self.0)(key).as_str().expect("the schema lets only text through");
        from_name(name).expect("the schema lets only its own words through")
    }

    pub fn tables(&self) -> Tables {
        Tables {
            appearance: self.appearance(),
            editor: self.editor(),
            files: self.files(),
            picker: self.picker(),
            records: self.records(),
        }
    }

    fn appearance(&self) -> Appearance {
        Appearance {
            theme: self.choice("appearance.theme", ThemeMode::from_name),
            light_theme: self.text("appearance.light_theme"),
            dark_theme: self.text("appearance.dark_theme"),
            font_family: self.text("appearance.font_family"),
            fallback_fonts: self.list("appearance.fallback_fonts"),
            zoom: self.number("appearance.zoom"),
            hinting: self.truth("appearance.hinting"),
            gamma: self.number("appearance.gamma"),
            reduce_motion: self.choice("appearance.reduce_motion", ReduceMotion::from_name),
            renderer: self.choice("appearance.renderer", Renderer::from_name),
        }
    }

    fn editor(&self) -> Editor {
        Editor {
            font_family: self.text("editor.font_family"),
            font_size: self.number("editor.font_size"),
            line_height: self.number("editor.line_height"),
            ligatures: self.truth("editor.ligatures"),
            tab_width: self.count("editor.tab_width"),
            insert_spaces: self.truth("editor.insert_spaces"),
            detect_indentation: self.truth("editor.detect_indentation"),
            soft_wrap: self.choice("editor.soft_wrap", SoftWrap::from_name),
            line_numbers: self.choice("editor.line_numbers", LineNumbers::from_name),
            indent_guides: self.truth("editor.indent_guides"),
            bracket_match: self.truth("editor.bracket_match"),
            auto_close: self.truth("editor.auto_close"),
            auto_surround: self.truth("editor.auto_surround"),
            auto_indent: self.truth("editor.auto_indent"),
            whitespace: self.choice("editor.whitespace", Whitespace::from_name),
            control_characters: self.truth("editor.control_characters"),
            scroll_speed: self.number("editor.scroll_speed"),
            scroll_past_end: self.truth("editor.scroll_past_end"),
            scroll_margin: self.count("editor.scroll_margin"),
        }
    }

    fn files(&self) -> Files {
        Files {
            trim_trailing_whitespace: self.truth("files.trim_trailing_whitespace"),
            final_newline: self.truth("files.final_newline"),
            line_ending: self.choice("files.line_ending", LineEnding::from_name),
            editorconfig: self.truth("files.editorconfig"),
        }
    }

    fn picker(&self) -> Picker {
        Picker {
            hidden_files: self.truth("picker.hidden_files"),
            ignored_files: self.truth("picker.ignored_files"),
        }
    }

    fn records(&self) -> Records {
        Records { level: self.choice("records.level", Level::from_name) }
    }
}
