//! Finding and replacing in the focused text.

use serde_json::Value;
use text::search::{Case, Kind, Words};

use super::describe::{key, look};
use crate::find::{Direction, Options, Rows};
use crate::program::Program;
use crate::registry::{Command, Fault};
use crate::ui::target::Field;

/// What finds.
pub const COMMANDS: &[Command] = &[
    look("find.open", "Find", "Opens the find bar with what is selected.", |program, _| {
        program.need_active()?;
        program.open_find(Rows::Find);
        Ok(Value::Null)
    }),
    look(
        "find.replace",
        "Find and replace",
        "Opens the find bar with a line for the replacement.",
        |program, _| {
            program.need_active()?;
            program.open_find(Rows::FindAndReplace);
            Ok(Value::Null)
        },
    ),
    look("find.close", "Close the find bar", "The match stays selected.", |program, _| {
        program.close_find();
        Ok(Value::Null)
    }),
    look("find.next", "Next match", "Of what was looked for last.", |program, _| {
        step(program, Direction::Next)
    }),
    look("find.previous", "Previous match", "Of what was looked for last.", |program, _| {
        step(program, Direction::Previous)
    }),
    look("find.field_next", "Next line of the find bar", "Goes round.", |program, _| {
        field_next(program)
    }),
    look("find.case_toggle", "Match case", "Only as written, or as it comes.", |program, _| {
        toggle(program, |options| {
            options.case = match options.case {
                Case::Sensitive => Case::default(),
                Case::Insensitive | Case::Smart => Case::Sensitive,
            };
        })
    }),
    look("find.word_toggle", "Match whole words", "Or parts of them too.", |program, _| {
        toggle(program, |options| {
            options.words = match options.words {
                Words::Any => Words::Whole,
                Words::Whole => Words::Any,
            };
        })
    }),
    look("find.regex_toggle", "Find by expression", "Or as it stands.", |program, _| {
        toggle(program, |options| {
            options.kind = match options.kind {
                Kind::Literal => Kind::Regex,
                Kind::Regex => Kind::Literal,
            };
        })
    }),
    key("find.replace_one", "Replace the match", "And go to the next one.", |program, _| {
        program.need_active()?;
        program.replace_one();
        Ok(Value::Null)
    }),
    key("find.replace_all", "Replace all matches", "As one step of undo.", |program, _| {
        program.need_active()?;
        program.replace_all();
        Ok(Value::Null)
    }),
];

fn step(program: &mut Program, direction: Direction) -> Result<Value, Fault> {
    let (view, buffer) = program.need_active()?;
    buffer.document.seal_group();
    match view.find.is_some() {
        true => program.step_match(direction),
        false => program.step_again(direction),
    }
    Ok(Value::Null)
}

fn field_next(program: &mut Program) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    let rows = view.find.as_ref().map(|find| find.rows);
    program.window.find_focus = match (program.window.find_focus, rows) {
        (Some(Field::Find), Some(Rows::FindAndReplace)) => Some(Field::Replace),
        (_, Some(_)) => Some(Field::Find),
        (_, None) => None,
    };
    program.redraw();
    Ok(Value::Null)
}

fn toggle(program: &mut Program, change: impl FnOnce(&mut Options)) -> Result<Value, Fault> {
    let (view, _) = program.need_active()?;
    let find = view.find.as_mut().ok_or_else(|| Fault::state("The find bar is not open."))?;
    change(&mut find.options);
    program.search();
    program.redraw();
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;

    #[test]
    fn matches_are_found_stepped_through_and_replaced() {
        let mut stage = Stage::with("|a b A b");
        stage.keys("ctrl-f b");
        assert_eq!(stage.marked(), "a «b|» A b", "it is shown while it is typed");
        stage.keys("enter");
        assert_eq!(stage.marked(), "a b A «b|»");
        stage.keys("enter");
        assert_eq!(stage.marked(), "a «b|» A b", "it goes round");
        stage.keys("escape ctrl-h tab x ctrl-enter");
        assert_eq!(stage.marked().replace(['|', '«', '»'], ""), "a x A x");
    }

    #[test]
    fn case_counts_when_one_says_so() {
        let mut stage = Stage::with("|A a");
        stage.keys("ctrl-f a alt-c");
        assert_eq!(stage.marked(), "A «a|»");
        stage.keys("alt-c alt-enter");
        assert_eq!(stage.marked(), "«A|» «a|»");
    }
}
