//! More of the same: selecting what matches what is selected.

use std::time::{Duration, Instant};

use text::movement::multiply;
use text::search::{Limits, Query, Searcher, Stopped};
use text::{Rope, Selections};

use crate::program::Program;
use crate::registry::Fault;
use crate::view::Follow;
use crate::workers::Urgency;

/// Which matches are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// The next one too.
    Next,
    /// The next one in place of the newest.
    Instead,
    /// All of them.
    All,
}

/// How long the UI thread looks before a worker does.
const AT_ONCE_MAX: Duration = Duration::from_millis(2);

/// A search that takes longer is given up.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(10);

/// Selects more of what is selected, or of the word at the caret.
pub fn select(program: &mut Program, more: More) -> Result<(), Fault> {
    let looked_for = program.memory.looked_for.take();
    let (view, buffer) = program.need_active()?;
    let (rope, selections) = (buffer.rope().clone(), view.selections.clone());
    // A word that was taken from a caret is looked for as a word until the selections change.
    let query = match looked_for {
        Some((left, query)) if left == selections => query,
        _ => match multiply::pattern(&rope, &selections) {
            Some(query) => query,
            None => return Ok(()),
        },
    };
    let refused = |error: &dyn std::fmt::Display| Fault::state(format!("Nothing more: {error}."));
    let searcher = query.compile().map_err(|error| refused(&error))?;
    match look(&rope, &selections, &searcher, more, AT_ONCE_MAX) {
        Ok(found) => {
            take(program, found, query, more);
            Ok(())
        }
        Err(Stopped::TimedOut) => {
            look_on_worker(program, rope, selections, searcher, query, more);
            Ok(())
        }
        Err(stopped) => Err(refused(&stopped)),
    }
}

fn look(
    rope: &Rope,
    selections: &Selections,
    searcher: &Searcher,
    more: More,
    time: Duration,
) -> Result<Selections, Stopped> {
    let limits = Limits { cancel: None, deadline: Some(Instant::now() + time) };
    match more {
        More::Next => multiply::add_next_match(rope, selections, searcher, limits),
        More::Instead => {
            let found = multiply::add_next_match(rope, selections, searcher, limits)?;
            Ok(without(&found, selections))
        }
        More::All => multiply::select_all_matches(rope, selections, searcher, limits),
    }
}

/// `found` without the newest selection of those before it, if it has one more than they.
fn without(found: &Selections, before: &Selections) -> Selections {
    if found.len() <= before.len() {
        return found.clone();
    }
    let (dropped, newest) = (before.primary(), found.primary());
    let kept: Vec<_> = found.iter().filter(|one| one.range() != dropped.range()).collect();
    let primary = kept.iter().position(|one| one.range() == newest.range()).unwrap_or(0);
    Selections::new(kept, primary)
}

fn look_on_worker(
    program: &mut Program,
    rope: Rope,
    before: Selections,
    searcher: Searcher,
    query: Query,
    more: More,
) {
    let Some(view) = program.view() else { return };
    let (id, pane) = (view.buffer, program.window.panes.focus());
    let snapshot = rope.clone();
    let selections = before.clone();
    let work = move || look(&rope, &selections, &searcher, more, SEARCH_TIME_MAX);
    let done = program.here(move |program: &mut Program, found: Result<Selections, Stopped>| {
        let is_current = program.window.panes.focus() == pane
            && program.active().is_some_and(|(view, buffer)| {
                view.buffer == id
                    && view.selections == before
                    && buffer.rope().is_instance(&snapshot)
            });
        match found {
            Ok(found) if is_current => take(program, found, query, more),
            Ok(_) => {}
            Err(stopped) => program.warn(format!("Nothing more was selected: {stopped}.")),
        }
    });
    program.workers.run("looking for more of the same", Urgency::Awaited, work, done);
}

fn take(program: &mut Program, found: Selections, query: Query, more: More) {
    let Some((view, buffer)) = program.active() else { return };
    buffer.document.seal_group();
    let follow = if more == More::All { Follow::Nothing } else { Follow::Caret };
    view.select(found.clone(), follow);
    program.memory.looked_for = Some((found, query));
    program.redraw();
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;

    #[test]
    fn a_word_is_selected_and_then_its_like_as_words() {
        let mut stage = Stage::with("fo|o food foo bar foo");
        stage.keys("ctrl-d");
        assert_eq!(stage.marked(), "«foo|» food foo bar foo");
        stage.keys("ctrl-d");
        assert_eq!(stage.marked(), "«foo|» food «foo|» bar foo");
        stage.keys("ctrl-k ctrl-d");
        assert_eq!(stage.marked(), "«foo|» food foo bar «foo|»");
        stage.keys("escape ctrl-shift-l");
        assert_eq!(stage.marked(), "«foo|» «foo|»d «foo|» bar «foo|»", "a selection is any text");
    }

    #[test]
    fn typing_replaces_all_matches_at_once() {
        let mut stage = Stage::with("x| + x");
        stage.keys("ctrl-shift-l y");
        assert_eq!(stage.marked(), "y| + y|");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "«x|» + «x|»");
    }
}
