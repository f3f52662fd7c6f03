//! What floats over the text: the palette, the pickers, the prompts.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;

use ignore::WalkBuilder;
use kernel::action::{Action, Argument, Effect, Need};
use serde_json::{Value, json};

use super::{Overlay, Program};
use crate::fuzzy::Ranking;
use crate::picker::{Entries, Entry, Kind, Picker, Ranked, Target};
use crate::prompt::{Prompt, Question, parse_line};
use crate::registry::path_to_json;
use crate::view::Follow;
use crate::workers::Urgency;

/// Files that the picker knows; more are left out, and it says so.
const FILES_MAX: usize = 1_000_000;

impl Program {
    /// Opens the palette with every command.
    pub fn open_palette(&mut self) {
        let entries = self.registry.all().filter(|command| is_for_people(&command.action));
        let mut entries: Vec<Entry> = entries
            .map(|command| Entry {
                label: command.action.title.to_owned(),
                detail: group(command.action.id).to_owned(),
                keys: self.caps(command.action.id),
                depth: 0,
                stretches: Vec::new(),
                target: Target::Command(command.action.id),
            })
            .collect();
        entries.sort_by(|a, b| a.label.cmp(&b.label));
        let mut picker = Picker::new(Kind::Commands, "Type a command");
        picker.fill(Arc::new(Entries::new(entries)));
        self.open_overlay(Overlay::Picker(picker));
    }

    /// The keys of a command, each press as its caps.
    pub fn caps(&self, action: &str) -> Vec<Vec<String>> {
        let keys = self.keymap.keys_for(action).unwrap_or_default();
        keys.iter().map(|press| press.caps()).collect()
    }

    /// Opens the file picker; the list of last time is shown while a new one is gathered.
    pub fn open_file_picker(&mut self) {
        let Some(folder) = self.window.folder.clone() else {
            self.ask(Question::Open, self.start_folder());
            return;
        };
        let mut picker = Picker::new(Kind::Files, "Find a file by name");
        if let Some(entries) = &self.window.files.entries {
            picker.fill(Arc::clone(entries));
        }
        let is_first = picker.entries.is_none();
        self.open_overlay(Overlay::Picker(picker));
        let (hidden, ignored) =
            (self.settings.picker().hidden_files, self.settings.picker().ignored_files);
        let urgency = if is_first { Urgency::Awaited } else { Urgency::Background };
        let done = self.here(|program: &mut Program, entries| {
            let entries = Arc::new(entries);
            program.window.files.entries = Some(Arc::clone(&entries));
            if let Some(Overlay::Picker(picker)) = &mut program.window.overlay
                && picker.kind == Kind::Files
            {
                picker.entries = Some(entries);
                program.rank_picker();
            }
        });
        let work = move || gather(&folder, hidden, ignored);
        self.workers.run("listing files", urgency, work, done);
        self.rank_picker();
    }

    /// Opens the picker of the symbols of the focused text.
    pub fn open_symbol_picker(&mut self) {
        let Some((_, buffer)) = self.active() else { return };
        let (snapshot, rope) = (buffer.syntax.snapshot(), buffer.rope().clone());
        let picker = Picker::new(Kind::Symbols, "Go to a symbol");
        self.open_overlay(Overlay::Picker(picker));
        let done = self.here(|program: &mut Program, entries| {
            if let Some(Overlay::Picker(picker)) = &mut program.window.overlay
                && picker.kind == Kind::Symbols
            {
                picker.entries = Some(Arc::new(entries));
                program.rank_picker();
                program.redraw();
            }
        });
        self.workers.run(
            "listing symbols",
            Urgency::Awaited,
            move || {
                let symbols = snapshot.map_or_else(Vec::new, |it| it.tree().outline(&rope));
                let entry = |symbol: syntax::Symbol| Entry {
                    detail: symbol.kind.name().to_owned(),
                    label: symbol.label,
                    keys: Vec::new(),
                    depth: symbol.depth,
                    stretches: Vec::new(),
                    target: Target::Place(symbol.name_range),
                };
                Entries::new(symbols.into_iter().map(entry).collect())
            },
            done,
        );
    }

    /// Asks a question with one line to answer it.
    pub fn ask(&mut self, question: Question, answer: impl Into<String>) {
        if let Some(view) = self.window.panes.focused_mut().item_mut() {
            self.window.before_prompt = Some((view.selections.clone(), view.scroll));
        }
        self.open_overlay(Overlay::Prompt(Prompt::new(question, answer)));
    }

    pub(super) fn ask_where_to_save(&mut self) {
        self.ask(Question::SaveAs, self.start_folder());
    }

    /// The folder that a path is likely to start with, as it is typed.
    pub fn start_folder(&self) -> String {
        let beside = self.view().and_then(|view| {
            self.buffers.get(&view.buffer)?.path.as_deref()?.parent().map(Path::to_path_buf)
        });
        let folder =
            beside.or_else(|| self.window.folder.clone()).or_else(|| std::env::current_dir().ok());
        folder.map_or_else(String::new, |folder| format!("{}{MAIN_SEPARATOR}", folder.display()))
    }

    pub(super) fn open_overlay(&mut self, overlay: Overlay) {
        self.bring_card();
        // Whatever is asked now, it is not what the question before was about.
        self.window.leaving = None;
        self.window.overlay = Some(overlay);
        self.redraw();
    }

    /// Closes what floats; a preview is taken back.
    pub fn close_overlay(&mut self) {
        self.window.overlay = None;
        self.window.leaving = None;
        self.window.confirm_when_ranked = false;
        if let Some((selections, scroll)) = self.window.before_prompt.take()
            && let Some(view) = self.window.panes.focused_mut().item_mut()
        {
            view.select(selections, Follow::Nothing);
            view.scroll = scroll;
        }
        self.redraw();
    }

    /// Ranks the open picker for what is typed, on a worker when the list is long.
    pub(super) fn rank_picker(&mut self) {
        let Some(Overlay::Picker(picker)) = &mut self.window.overlay else { return };
        if picker.rank() == Ranked::Now {
            if picker.entries.is_some() && std::mem::take(&mut self.window.confirm_when_ranked) {
                self.confirm(Confirm::Here);
            }
            return;
        }
        let Some(job) = picker.job() else { return };
        let done = self.here(|program: &mut Program, (query, ranking): (String, Arc<Ranking>)| {
            let Some(Overlay::Picker(picker)) = &mut program.window.overlay else { return };
            // A ranking for what was typed before is worth nothing.
            if picker.input.text() == query {
                picker.install(ranking);
                if std::mem::take(&mut program.window.confirm_when_ranked) {
                    program.confirm(Confirm::Here);
                }
                program.redraw();
            }
        });
        self.workers.run("ranking", Urgency::Awaited, job, done);
    }

    /// Does what the chosen entry or the answer says.
    pub fn confirm(&mut self, confirm: Confirm) {
        match self.window.overlay.take() {
            Some(Overlay::Picker(picker)) => self.confirm_entry(picker, confirm),
            Some(Overlay::Prompt(prompt)) => self.confirm_answer(prompt),
            None => {}
        }
        self.redraw();
    }

    fn confirm_entry(&mut self, picker: Picker, confirm: Confirm) {
        let Some(target) = picker.confirmed().map(|entry| entry.target.clone()) else {
            // Typed faster than the list was made: what it ranks first is meant.
            self.window.confirm_when_ranked = self.workers.is_awaited();
            self.window.overlay = Some(Overlay::Picker(picker));
            return;
        };
        if confirm == Confirm::Beside {
            let beside =
                self.window.panes.split(self.window.panes.focus(), crate::panes::Toward::Right);
            self.window.panes.set_focus(beside);
        }
        match target {
            Target::Command(id) => self.perform(id, Value::Null),
            Target::Call(id, arguments) => self.perform(id, arguments),
            Target::File(path) => {
                self.perform("file.open", json!({ "path": path_to_json(&path) }));
            }
            Target::Place(range) => self.go_to(range.start, Follow::Center),
            Target::Nothing => {}
        }
    }

    fn confirm_answer(&mut self, mut prompt: Prompt) {
        if prompt.question == Question::Passphrase {
            return self.unlock_with(prompt);
        }
        if prompt.question == Question::PairingCode {
            return self.join_by(prompt);
        }
        let answer = prompt.input.text().trim().to_owned();
        let path = |answer: &str| expand(answer, self.window.folder.as_deref());
        match prompt.question {
            Question::Passphrase | Question::PairingCode => {}
            Question::Line => match parse_line(&answer) {
                Some((line, column)) => {
                    self.window.before_prompt = None;
                    self.go_to_line(line, column, Follow::Center);
                }
                None => {
                    prompt.trouble = Some("Type a number, such as 120 or 120:8".to_owned());
                    self.window.overlay = Some(Overlay::Prompt(prompt));
                }
            },
            Question::Open | Question::SaveAs | Question::Compare if answer.is_empty() => {
                prompt.trouble = Some("Type a path".to_owned());
                self.window.overlay = Some(Overlay::Prompt(prompt));
            }
            Question::Open => {
                let path = path_to_json(&path(&answer));
                self.window.before_prompt = None;
                self.perform("file.open", json!({ "path": path }));
            }
            Question::Compare => {
                let path = path_to_json(&path(&answer));
                self.window.before_prompt = None;
                self.perform("file.diff", json!({ "path": path }));
            }
            Question::SaveAs => {
                let path = path(&answer);
                self.window.before_prompt = None;
                match self.window.leaving.take() {
                    Some(leaving) => self.save_draft_and_leave(path, leaving),
                    None => {
                        self.perform("file.save_as", json!({ "path": path_to_json(&path) }));
                    }
                }
            }
        }
    }

    /// Shows where an answer would lead, while it is typed.
    pub(super) fn preview_prompt(&mut self) {
        let Some(Overlay::Prompt(prompt)) = &self.window.overlay else { return };
        if prompt.question == Question::Line
            && let Some((line, column)) = parse_line(prompt.input.text())
        {
            self.go_to_line(line, column, Follow::Center);
        }
    }

    /// Completes the path that is being typed, as far as there is one way on.
    pub fn complete_path(&mut self) {
        let folder = self.window.folder.clone();
        let Some(Overlay::Prompt(prompt)) = &mut self.window.overlay else { return };
        if !matches!(prompt.question, Question::Open | Question::SaveAs | Question::Compare) {
            return;
        }
        let typed = prompt.input.text().to_owned();
        let done = |program: &mut Program, completed: Option<(String, String)>| {
            if let (Some((typed, completed)), Some(Overlay::Prompt(prompt))) =
                (completed, &mut program.window.overlay)
                && prompt.input.text() == typed
            {
                prompt.input.set(completed);
                program.redraw();
            }
        };
        let work = move || complete(&typed, folder.as_deref()).map(|completed| (typed, completed));
        let done = self.here(done);
        self.workers.run("completing a path", Urgency::Awaited, work, done);
    }
}

/// Where what was chosen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// In the focused pane.
    Here,
    /// In a new pane beside it.
    Beside,
}

/// Driving a window, reading state and what needs arguments are for scripts and for the program.
fn is_for_people(action: &Action) -> bool {
    let needs = |argument: &Argument| argument.need == Need::Required;
    let is_driving = action.id.starts_with("app.") && action.id != "app.quit";
    // These act on what floats, and the palette itself is that.
    let is_of_overlay = matches!(group(action.id), "list" | "prompt" | "picker" | "palette");
    !is_driving
        && !is_of_overlay
        && action.effect != Effect::Pure
        && !action.arguments.iter().any(needs)
}

fn group(id: &str) -> &str {
    id.split_once('.').map_or(id, |(noun, _)| noun)
}

fn gather(folder: &Path, hidden: bool, ignored: bool) -> Entries {
    let walk = WalkBuilder::new(folder)
        .hidden(!hidden)
        .git_ignore(!ignored)
        .git_exclude(!ignored)
        .git_global(!ignored)
        .ignore(!ignored)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let files = walk
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| !kind.is_dir()))
        .take(FILES_MAX);
    let mut entries: Vec<Entry> = files
        .map(|entry| {
            let path = entry.into_path();
            let label = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            Entry {
                label,
                detail: String::new(),
                keys: Vec::new(),
                depth: 0,
                stretches: Vec::new(),
                target: Target::File(path),
            }
        })
        .collect();
    entries.sort_by(|a, b| a.label.cmp(&b.label));
    Entries::new(entries)
}

/// The path that a person means: `~` is their home, others start at the folder.
fn expand(answer: &str, folder: Option<&Path>) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default();
    if answer == "~" {
        return home();
    }
    match answer.strip_prefix("~/") {
        Some(rest) => home().join(rest),
        None => folder.unwrap_or(Path::new("")).join(answer),
    }
}

/// What is typed, with as much added as all that begin like it have in common.
fn complete(typed: &str, folder: Option<&Path>) -> Option<String> {
    let split = typed.rfind(['/', MAIN_SEPARATOR]).map_or(0, |at| at + 1);
    let (parent, start) = typed.split_at(split);
    let parent_path = expand(if parent.is_empty() { "." } else { parent }, folder);
    let mut names: Vec<String> = std::fs::read_dir(parent_path)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let mut name = entry.file_name().into_string().ok()?;
            if entry.path().is_dir() {
                name.push(MAIN_SEPARATOR);
            }
            let is_meant = !name.starts_with('.') || start.starts_with('.');
            (name.starts_with(start) && is_meant).then_some(name)
        })
        .collect();
    names.sort();
    let first = names.first()?.clone();
    let common = names.iter().fold(first, |common, name| {
        let same = common.char_indices().zip(name.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(name.len()), |((at, _), _)| at);
        common[..end].to_owned()
    });
    (common.len() > start.len()).then(|| format!("{parent}{common}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;
    use crate::input::Input;

    #[test]
    fn a_path_is_completed_as_far_as_there_is_one_way_on() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["notes-a.md", "notes-b.md", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let complete = |typed: &str| complete(typed, Some(folder.path()));
        assert_eq!(complete("n").as_deref(), Some("notes-"));
        assert_eq!(complete("notes-"), None);
        assert_eq!(complete("s").unwrap(), format!("sub{MAIN_SEPARATOR}"));
        assert_eq!(complete(".h").as_deref(), Some(".hidden"));
        assert_eq!(complete("x"), None);
    }

    #[test]
    fn a_choice_that_is_confirmed_before_the_list_is_there_is_the_first_of_it() {
        let mut stage = Stage::new();
        for name in ["alpha.txt", "beta.txt", "gamma.txt"] {
            stage.write(name, name);
        }
        stage.program.window.folder = Some(stage.folder.path().to_owned());
        stage.program.open_file_picker();
        stage.program.input(Input::Text("bta".into()));
        stage.program.confirm(Confirm::Here);
        assert!(stage.program.window.overlay.is_some(), "nothing was listed yet");
        stage.settle();
        assert!(stage.program.window.overlay.is_none());
        assert_eq!(stage.marked(), "|beta.txt");
    }

    #[test]
    fn a_line_is_shown_while_it_is_typed_and_left_again_when_one_thinks_better() {
        let mut stage = Stage::with("a|\nb\nc");
        stage.program.ask(Question::Line, "");
        stage.program.input(Input::Text("3".into()));
        assert_eq!(stage.marked(), "a\nb\n|c");
        stage.program.close_overlay();
        assert_eq!(stage.marked(), "a|\nb\nc");
        stage.program.ask(Question::Line, "no number");
        stage.program.confirm(Confirm::Here);
        let Some(Overlay::Prompt(prompt)) = &stage.program.window.overlay else {
            panic!("it is asked")
        };
        assert!(prompt.trouble.is_some(), "what is wrong is said where it was typed");
    }

    #[test]
    fn the_picker_lists_what_is_not_ignored() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        std::fs::write(folder.path().join(".git/config"), "").unwrap();
        std::fs::write(folder.path().join(".gitignore"), "built\n").unwrap();
        std::fs::write(folder.path().join("built"), "").unwrap();
        std::fs::write(folder.path().join("kept"), "").unwrap();
        let labels = |hidden, ignored| -> Vec<String> {
            let entries = gather(folder.path(), hidden, ignored);
            entries.all.iter().map(|entry| entry.label.clone()).collect()
        };
        assert_eq!(labels(false, false), ["kept"]);
        assert_eq!(labels(true, true), [".gitignore", "built", "kept"]);
    }
}
