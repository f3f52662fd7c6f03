//! A question with one line to answer it.

use crate::line_input::LineInput;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// To which line, or line and column, to go.
    Line,
    /// Which file to open.
    Open,
    /// Under which path to save.
    SaveAs,
    /// With which file to compare.
    Compare,
    /// The passphrase of the profile.
    Passphrase,
    /// The code that another device shows.
    PairingCode,
}

impl Question {
    /// What stands in the empty line.
    pub fn placeholder(self) -> &'static str {
        match self {
            Question::Line => "Go to line, or line:column",
            Question::Open => "Path of a file to open",
            Question::SaveAs => "Path to save to",
            Question::Compare => "Path of a file to compare with",
            Question::Passphrase => "Passphrase of the profile",
            Question::PairingCode => "Code that the other device shows",
        }
    }

    /// What stands below the line.
    pub fn hint(self) -> &'static str {
        match self {
            Question::Line => "Enter goes there, Escape goes back",
            Question::Open => "Enter opens it, Tab completes; a new name makes a new file",
            Question::SaveAs => "Enter saves there, Tab completes",
            Question::Compare => "Enter shows both beside each other, Tab completes",
            Question::Passphrase => "Enter unlocks: what was unsaved comes back, and its undo",
            Question::PairingCode => "Paste all of it, or type the ten letters and digits",
        }
    }
}

/// An open question.
pub struct Prompt {
    /// What is asked.
    pub question: Question,
    /// What is typed.
    pub input: LineInput,
    /// What is wrong with it, shown in place of the hint.
    pub trouble: Option<String>,
}

impl Prompt {
    /// Asks, with an answer to start from.
    pub fn new(question: Question, answer: impl Into<String>) -> Self {
        let mut input = match question {
            Question::Passphrase => LineInput::secret(),
            _ => LineInput::default(),
        };
        if question != Question::Passphrase {
            input.set(answer);
        }
        Prompt { question, input, trouble: None }
    }
}

/// A line and a column, `12` or `12:5`, as a person types them from 1; answered from 0.
pub fn parse_line(answer: &str) -> Option<(usize, usize)> {
    let answer = answer.trim();
    let (line, column) = match answer.split_once([':', ',']) {
        Some((line, column)) => (line.trim(), column.trim()),
        None => (answer, ""),
    };
    let line: usize = line.parse().ok()?;
    let column: usize = if column.is_empty() { 1 } else { column.parse().ok()? };
    Some((line.saturating_sub(1), column.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_read_as_people_type_them() {
        assert_eq!(parse_line("12"), Some((11, 0)));
        assert_eq!(parse_line(" 12:5 "), Some((11, 4)));
        assert_eq!(parse_line("12:"), Some((11, 0)));
        assert_eq!(parse_line("0"), Some((0, 0)));
        assert_eq!(parse_line("x"), None);
        assert_eq!(parse_line("99999999999999999999999"), None);
    }
}
