//! What the program is told about itself and its surroundings: settings, themes, panes.

use std::path::{Path, PathBuf};

use kernel::log::Health;
use render::shape::{FontChoice, Fonts};
use render::theme::{self, Theme};
use text::{Selection, Selections};

use super::Program;
use crate::directories::Directories;
use crate::input::Appearance;
use crate::keymap::Keymap;
use crate::notice::Severity;
use crate::panes::{PaneId, Toward};
use crate::settings::{Changes, Layer, Settings, ThemeMode};
use crate::source::{Problem, Source};
use crate::view::{EditorView, Follow};
use crate::workers::Urgency;

impl Program {
    /// Reads settings, keys and themes from their files, on a worker; what changed takes hold.
    pub fn reload_files(&mut self) {
        let places = self.places.clone();
        self.workers.run(
            "reading settings",
            Urgency::Awaited,
            move || read_own_files(&places),
            Program::take_own_files,
        );
        self.reload_folders();
    }

    /// Reads them before there is a window, so that the first frame looks as the person wants it.
    pub(super) fn load_files(&mut self) {
        let files = read_own_files(&self.places);
        self.take_own_files(files);
    }

    fn take_own_files(&mut self, files: OwnFiles) {
        self.take_settings(Layer::User, files.user.as_ref());
        self.take_settings(Layer::Device, files.device.as_ref());
        self.take_keymap(files.keymap);
        self.tell_problems(&files.problems);
    }

    fn take_settings(&mut self, layer: Layer, source: Option<&Source>) {
        let changes = self.settings.reload(layer, source);
        self.settings_changed(&changes);
    }

    /// Lets changed settings take hold, and says what was wrong in their file.
    pub fn settings_changed(&mut self, changes: &Changes) {
        self.tell_problems(&changes.problems);
        if changes.keys.iter().any(|key| key.starts_with("appearance.")) {
            self.choose_theme();
        }
        if self.fonts.as_ref().is_some_and(|fonts| *fonts != font_choice(&self.settings)) {
            self.load_system_fonts();
        }
        if !changes.keys.is_empty() {
            crate::record::set_level(self.settings.records().level);
            self.all_views().for_each(EditorView::forget_rows);
            self.redraw_all();
        }
    }

    fn take_keymap(&mut self, own: Option<Source>) {
        let layers: Vec<Source> = std::iter::once(Keymap::bundled()).chain(own).collect();
        let (keymap, problems) = Keymap::load(&layers, &self.registry);
        self.keymap = keymap;
        self.tell_problems(&problems);
        self.redraw();
    }

    fn tell_problems(&mut self, problems: &[Problem]) {
        const TOLD_MAX: usize = 3;
        for problem in problems.iter().take(TOLD_MAX) {
            self.say(Severity::Warning, problem.to_string());
        }
        if problems.len() > TOLD_MAX {
            let rest = problems.len() - TOLD_MAX;
            self.say(
                Severity::Warning,
                format!("{rest} more problems; `hearth doctor` lists them."),
            );
        }
    }

    /// Chooses the theme that settings and system want, in every window.
    pub fn choose_theme(&mut self) {
        for id in self.window_ids() {
            self.within(id, Program::choose_theme_here);
        }
    }

    /// The same for the window that commands act in.
    pub(super) fn choose_theme_here(&mut self) {
        let appearance = self.settings.appearance();
        let wanted = match appearance.theme {
            ThemeMode::Light => theme::Appearance::Light,
            ThemeMode::Dark => theme::Appearance::Dark,
            ThemeMode::System => match self.preferred.appearance() {
                Appearance::Light => theme::Appearance::Light,
                Appearance::Dark => theme::Appearance::Dark,
            },
        };
        let name = match wanted {
            theme::Appearance::Light => appearance.light_theme.clone(),
            theme::Appearance::Dark => appearance.dark_theme.clone(),
        };
        self.take_theme(Theme::built_in(wanted).clone());
        let built_in = Theme::built_in(wanted).name.clone();
        if name != built_in {
            self.load_theme(name, wanted);
        }
    }

    fn load_theme(&mut self, name: String, wanted: theme::Appearance) {
        let file = self.places.config.join("themes").join(format!("{name}.toml"));
        let done = self.here(
            |program: &mut Program, read: Result<(Theme, Vec<String>), String>| match read {
                Ok((theme, warnings)) => {
                    program.take_theme(theme);
                    warnings.into_iter().for_each(|warning| program.warn(warning));
                }
                Err(sentence) => program.warn(sentence),
            },
        );
        self.workers.run(
            "reading a theme",
            Urgency::Background,
            move || {
                let text = std::fs::read_to_string(&file).map_err(|_| {
                    format!("There is no theme \"{name}\": {} is missing.", file.display())
                })?;
                let (theme, warnings) = Theme::load(&text, wanted);
                let told = warnings.iter().take(3);
                let told =
                    told.map(|it| format!("{}: {}: {}.", file.display(), it.token, it.reason));
                Ok((theme, told.collect()))
            },
            done,
        );
    }

    fn take_theme(&mut self, theme: Theme) {
        self.window.theme = theme;
        self.window.views_mut().for_each(EditorView::forget_rows);
        self.redraw();
    }

    /// Takes the fonts of the system, gathered on a worker after the first frame.
    pub fn load_system_fonts(&mut self) {
        let choice = font_choice(&self.settings);
        self.fonts = Some(choice.clone());
        self.workers.run(
            "reading fonts",
            Urgency::Background,
            move || (Fonts::scan(&choice), choice),
            |program, (fonts, choice)| {
                if program.fonts.as_ref() != Some(&choice) {
                    // Others were chosen meanwhile, and come.
                    return;
                }
                program.missing_fonts = fonts.missing().to_vec();
                program.shaper.install(fonts);
                program.is_proportional = !program.shaper.is_monospaced();
                program.all_views().for_each(EditorView::forget_rows);
                program.redraw_all();
            },
        );
    }

    /// Gives the focus to a pane.
    pub fn focus_pane(&mut self, pane: PaneId) {
        if self.window.panes.focus() != pane {
            self.window.panes.set_focus(pane);
            self.window.find_focus = None;
        }
        self.redraw();
    }

    /// Gives a pane's text the keyboard, which its find bar may have.
    pub fn focus_text(&mut self, pane: PaneId) {
        self.focus_pane(pane);
        self.window.find_focus = None;
    }

    /// Selects one stretch of the focused text.
    pub fn select_one(&mut self, selection: Selection) {
        if let Some((view, buffer)) = self.active() {
            view.select(Selections::single(selection), Follow::Caret);
            buffer.document.seal_group();
            self.redraw();
        }
    }

    /// Shows a tab of a pane and gives it the focus.
    pub fn focus_tab(&mut self, pane: PaneId, index: usize) {
        if let Some(found) = self.window.panes.get_mut(pane)
            && index < found.items.len()
        {
            found.active = index;
        }
        self.window.find_focus = None;
        self.focus_pane(pane);
    }

    /// Opens a pane beside the focused one, with a view of the same text.
    pub fn split(&mut self, toward: Toward) {
        let twin = self.view().map(EditorView::twin);
        self.move_panes();
        let pane = self.window.panes.split(self.window.panes.focus(), toward);
        if let (Some(view), Some(pane)) = (twin, self.window.panes.get_mut(pane)) {
            pane.insert(view);
        }
        self.window.panes.set_focus(pane);
        self.window.find_focus = None;
        self.redraw();
    }

    /// Moves a tab to another pane, or to another place in its own.
    pub fn move_tab(&mut self, from: PaneId, index: usize, to: PaneId, place: Option<usize>) {
        let Some(view) = self.window.panes.get_mut(from).and_then(|pane| pane.remove(index)) else {
            return;
        };
        match self.window.panes.get_mut(to) {
            Some(pane) => {
                let place = place.unwrap_or(pane.items.len()).min(pane.items.len());
                pane.items.insert(place, view);
                pane.active = place;
            }
            None => {
                if let Some(pane) = self.window.panes.get_mut(from) {
                    pane.insert(view);
                }
                return;
            }
        }
        let is_empty = self.window.panes.get(from).is_some_and(|pane| pane.items.is_empty());
        if is_empty && from != to {
            self.window.panes.close(from);
        }
        self.window.panes.set_focus(to);
        self.window.find_focus = None;
        self.redraw();
    }

    /// Takes a change of the journal's health.
    pub fn journal_health(&mut self, health: Health) {
        let before = self.journal.trouble();
        self.journal.set_health(health);
        match (self.journal.trouble(), before) {
            (Some(now), before) if before.as_deref() != Some(now.as_str()) => {
                self.say(Severity::Error, format!("{}.", capitalized(&now)));
            }
            (None, Some(_)) => {
                self.say(Severity::Information, "The disk takes edits again; all are kept.");
            }
            _ => {}
        }
        self.redraw();
    }

    /// Our own save is not another program's.
    pub(super) fn after_own_save(&mut self, path: &Path) {
        let is_own = [self.places.settings(), self.places.device_settings(), self.places.keymap()]
            .iter()
            .any(|own| own == path);
        if is_own {
            self.reload_files();
        }
    }
}

/// The fonts that the settings name.
pub fn font_choice(settings: &Settings) -> FontChoice {
    let (editor, appearance) = (settings.editor(), settings.appearance());
    FontChoice {
        mono: editor.font_family.clone(),
        ui: appearance.font_family.clone(),
        fallback: appearance.fallback_fonts.clone(),
    }
}

/// The settings of the person and of this device, and the person's keys.
fn read_own_files(places: &Directories) -> OwnFiles {
    let mut problems = Vec::new();
    let mut read = |path: PathBuf| match Source::read(&path) {
        Ok(source) => source,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    OwnFiles {
        user: read(places.settings()),
        device: read(places.device_settings()),
        keymap: read(places.keymap()),
        problems,
    }
}

/// The files that the person wrote for the program, as they were read.
struct OwnFiles {
    user: Option<Source>,
    device: Option<Source>,
    keymap: Option<Source>,
    problems: Vec<Problem>,
}

fn capitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
