//! Finding and replacing in the focused text.

use std::sync::Arc;
use std::time::{Duration, Instant};

use text::search::{Limits, Match, Query, Replaced, Searcher, Stopped, Template, Wrap};
use text::{CharRange, Origin, Positions, Rope, Selection, Selections, Transaction};

use super::Program;
use crate::find::{Direction, Find, MATCHES_MAX, Progress, Rows};
use crate::notice::Severity;
use crate::ui::target::Field;
use crate::view::Follow;
use crate::workers::Urgency;

/// A search that takes longer is stopped, and says so.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(10);

/// A selection longer than this is not taken as what is looked for.
const SEED_CHARS_MAX: usize = 200;

/// What a search found.
struct Found {
    matches: Vec<CharRange>,
    progress: Progress,
}

impl Program {
    /// Opens the find bar of the focused view, with what is selected in it.
    pub fn open_find(&mut self, rows: Rows) {
        let Some((view, buffer)) = self.active() else { return };
        let selected = view.selections.primary().range();
        let is_seed = !selected.is_empty() && selected.len() <= SEED_CHARS_MAX;
        let seed = is_seed.then(|| buffer.rope().slice_of(selected).to_string());
        let seed = seed.filter(|seed| !seed.contains(['\n', '\r']));
        let head = selected.start;
        match &mut view.find {
            Some(find) => {
                find.rows = rows;
                find.origin = head;
                match seed {
                    Some(seed) => find.input = crate::line_input::LineInput::selected(seed),
                    None => find.input.select_all(),
                }
            }
            None => view.find = Some(Find::new(&seed.unwrap_or_default(), head, rows)),
        }
        self.window.find_focus = Some(Field::Find);
        self.search();
    }

    /// Closes the find bar; what was found last stays selected.
    pub fn close_find(&mut self) {
        self.window.find_focus = None;
        let find = self.active().and_then(|(view, _)| view.find.take());
        if let Some(find) = find.filter(|find| !find.input.is_empty()) {
            self.last_find = Some((find.input.text().to_owned(), find.options));
        }
        self.redraw();
    }

    /// Looks for what is typed in the bar, on a worker.
    pub fn search(&mut self) {
        let Some((view, buffer)) = self.active() else { return };
        let id = view.buffer;
        let Some(find) = &mut view.find else { return };
        find.generation += 1;
        find.current = None;
        find.is_stale = false;
        find.matches = Arc::from([]);
        if find.input.is_empty() {
            find.progress = Progress::Nothing;
            self.redraw();
            return;
        }
        let searcher = match find.query().compile() {
            Ok(searcher) => searcher,
            Err(error) => {
                find.progress = Progress::Refused(error.to_string());
                self.redraw();
                return;
            }
        };
        find.progress = Progress::Looking;
        let (rope, generation) = (buffer.rope().clone(), find.generation);
        let pane = self.window.panes.focus();
        let done = self.here(move |program: &mut Program, found: Found| {
            let view = program.window.panes.get_mut(pane).and_then(|pane| pane.item_mut());
            let Some(view) = view.filter(|view| view.buffer == id) else { return };
            let Some(find) = view.find.as_mut().filter(|find| find.generation == generation) else {
                return;
            };
            find.matches = found.matches.into();
            find.progress = found.progress;
            let step = find.step.take();
            let origin = find.origin;
            match step {
                Some(direction) => program.step_match(direction),
                None if program.window.find_focus.is_some() => program.preview_match(origin),
                None => program.note_current(),
            }
            program.redraw();
        });
        let work = move || look(&searcher, &rope);
        self.workers.run("finding", Urgency::Awaited, work, done);
    }

    /// Looks again when the text under an open bar has changed.
    pub(super) fn refresh_search(&mut self) {
        let is_stale = self
            .view()
            .and_then(|view| view.find.as_ref())
            .is_some_and(|find| find.is_stale && !find.input.is_empty());
        if is_stale && self.window.find_focus.is_none() {
            self.search();
        }
    }

    /// Selects the match nearest to where the search began, while it is typed.
    fn preview_match(&mut self, origin: text::CharOffset) {
        let Some((view, _)) = self.active() else { return };
        let Some(find) = &mut view.find else { return };
        let Some(index) = find.next(origin) else {
            view.go_to(origin, Follow::Caret);
            return;
        };
        find.current = Some(index);
        let found = find.matches[index];
        let selection = Selection::new(found.start, found.end);
        view.select(Selections::single(selection), Follow::Center);
    }

    fn note_current(&mut self) {
        let Some((view, _)) = self.active() else { return };
        let selected = view.selections.primary().range();
        if let Some(find) = &mut view.find {
            find.current = find.matches.iter().position(|found| *found == selected);
        }
    }

    /// Goes to the next match or the one before.
    pub fn step_match(&mut self, direction: Direction) {
        let Some((view, _)) = self.active() else { return };
        let range = view.selections.primary().range();
        let Some(find) = &mut view.find else { return };
        if find.is_stale || find.progress == Progress::Looking {
            find.step = Some(direction);
            if find.is_stale {
                self.search();
            }
            return;
        }
        let index = match direction {
            Direction::Next if range.is_empty() => find.next(range.start),
            Direction::Next => find.next(range.start + 1),
            Direction::Previous => find.previous(range.start),
        };
        let Some(index) = index else { return };
        find.current = Some(index);
        let found = find.matches[index];
        find.origin = found.start;
        view.select(Selections::single(Selection::new(found.start, found.end)), Follow::Center);
        self.redraw();
    }

    /// Goes to the next match of what was looked for last, without a bar; opens one where nothing
    /// was.
    pub fn step_again(&mut self, direction: Direction) {
        let Some((pattern, options)) = self.last_find.clone() else {
            return self.open_find(Rows::Find);
        };
        let Some((view, buffer)) = self.active() else { return };
        let (id, range) = (view.buffer, view.selections.primary().range());
        let mut find = Find::new(&pattern, range.start, Rows::Find);
        find.options = options;
        let Ok(searcher) = find.query().compile() else { return };
        let rope = buffer.rope().clone();
        let done =
            self.here(move |program: &mut Program, found: Result<Option<Match>, Stopped>| {
                let Ok(Some(found)) = found else { return };
                let Some((view, _)) = program.active() else { return };
                if view.buffer == id {
                    let selection = Selection::new(found.range.start, found.range.end);
                    view.select(Selections::single(selection), Follow::Center);
                    program.redraw();
                }
            });
        self.workers.run(
            "finding",
            Urgency::Awaited,
            move || match direction {
                Direction::Next if range.is_empty() => {
                    searcher.next_from(&rope, range.start, Wrap::Around, limits())
                }
                Direction::Next => {
                    searcher.next_from(&rope, range.start + 1, Wrap::Around, limits())
                }
                Direction::Previous => {
                    searcher.previous_from(&rope, range.start, Wrap::Around, limits())
                }
            },
            done,
        );
    }

    /// Selects all matches at once, to edit them together.
    pub fn select_matches(&mut self) {
        let Some((view, _)) = self.active() else { return };
        let Some(find) = &view.find else { return };
        if find.matches.is_empty() {
            return;
        }
        let all = find.matches.iter().map(|found| Selection::new(found.start, found.end));
        let selections = Selections::new(all, find.current.unwrap_or(0));
        view.select(selections, Follow::Caret);
        self.window.find_focus = None;
        self.redraw();
    }

    /// Replaces the selected match and goes to the next one.
    pub fn replace_one(&mut self) {
        let Some((view, buffer)) = self.active() else { return };
        let selected = view.selections.primary().range();
        let Some(find) = &view.find else { return };
        if !find.matches.contains(&selected) {
            return self.step_match(Direction::Next);
        }
        let made =
            prepare(&find.query(), find.replacement.text()).and_then(|(searcher, template)| {
                let rope = buffer.rope();
                let bytes = rope.byte_of(selected.start).0..rope.byte_of(selected.end).0;
                let found = Match { range: selected, bytes };
                searcher
                    .replacement(rope, &found, &template, buffer.line_ending)
                    .map_err(|error| error.to_string())
            });
        match made {
            Ok(text) => {
                let end = selected.start + text.chars().count();
                let transaction = Transaction::single(text::Edit::replace(selected, text));
                let after = Selections::single(Selection::caret(end));
                if let Some(find) = self.active().and_then(|(view, _)| view.find.as_mut()) {
                    find.origin = end;
                    find.step = Some(Direction::Next);
                }
                self.apply(transaction, Origin::COMMAND, after);
                self.search();
            }
            Err(sentence) => {
                self.say(Severity::Error, format!("Nothing was replaced: {sentence}."))
            }
        }
    }

    /// Replaces every match, as one group of undo.
    pub fn replace_all(&mut self) {
        let Some((view, buffer)) = self.active() else { return };
        let Some(find) = &view.find else { return };
        let (query, template) = (find.query(), find.replacement.text().to_owned());
        let (rope, version, id, ending) =
            (buffer.rope().clone(), buffer.document.version(), view.buffer, buffer.line_ending);
        let done = self.here(move |program: &mut Program, replaced: Result<Replaced, String>| {
            match replaced {
                Ok(replaced) => {
                    let is_current = program
                        .buffers
                        .get(&id)
                        .is_some_and(|buffer| buffer.document.version() == version);
                    if !is_current {
                        let sentence = "Nothing was replaced: the text changed meanwhile.";
                        return program.say(Severity::Warning, sentence);
                    }
                    let count = replaced.matches;
                    program.apply_to(id, replaced.transaction, Origin::COMMAND);
                    let places = if count == 1 { "1 place" } else { &format!("{count} places") };
                    program.say(Severity::Information, format!("Replaced in {places}."));
                    program.search();
                }
                Err(sentence) => {
                    program.say(Severity::Error, format!("Nothing was replaced: {sentence}."));
                }
            }
        });
        self.workers.run(
            "replacing",
            Urgency::Awaited,
            move || {
                let (searcher, template) = prepare(&query, &template)?;
                let whole = CharRange { start: text::CharOffset(0), end: rope.end() };
                let limits = limits();
                searcher
                    .replace_all(&rope, whole, &template, ending, limits)
                    .map_err(|stopped| stopped.to_string())
            },
            done,
        );
    }
}

fn limits() -> Limits<'static> {
    Limits { cancel: None, deadline: Some(Instant::now() + SEARCH_TIME_MAX) }
}

fn prepare(query: &Query, template: &str) -> Result<(Searcher, Template), String> {
    let searcher = query.compile().map_err(|error| error.to_string())?;
    let template = Template::new(template, query.kind).map_err(|error| error.to_string())?;
    searcher.check(&template).map_err(|error| error.to_string())?;
    Ok((searcher, template))
}

fn look(searcher: &Searcher, rope: &Rope) -> Found {
    let whole = CharRange { start: text::CharOffset(0), end: rope.end() };
    let mut matches = Vec::new();
    for found in searcher.find_iter(rope, whole, limits()) {
        match found {
            Ok(_) if matches.len() == MATCHES_MAX => {
                return Found { matches, progress: Progress::More };
            }
            Ok(found) if found.range.is_empty() => {}
            Ok(found) => matches.push(found.range),
            Err(Stopped::TimedOut) => return Found { matches, progress: Progress::More },
            Err(stopped) => {
                return Found { matches, progress: Progress::Refused(stopped.to_string()) };
            }
        }
    }
    Found { matches, progress: Progress::Complete }
}
