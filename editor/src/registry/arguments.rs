//! The arguments of one call, checked against what its action declares.

use std::path::PathBuf;

use kernel::action::{Action, Argument, Need, Shape};
use serde_json::{Map, Value};

use super::Fault;
use super::path::path_from_json;

/// Arguments whose names and shapes agree with their action.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    fields: Map<String, Value>,
}

impl Arguments {
    /// Checks `given` (an object, or `null` for none) against `action`.
    ///
    /// A name that the action does not have, a value of another shape and a missing required
    /// argument are refused with a sentence that names the argument and what it takes. A `null`
    /// counts as left out.
    pub fn check(action: &Action, given: Value) -> Result<Self, Fault> {
        let mut fields = match given {
            Value::Null => Map::new(),
            Value::Object(fields) => fields,
            other => {
                let got = kind_of(&other);
                return Err(Fault::usage(format!(
                    "The arguments of {} are a JSON object, not {got}.",
                    action.id
                )));
            }
        };
        fields.retain(|_, value| !value.is_null());
        for (name, value) in &fields {
            let Some(argument) = action.arguments.iter().find(|known| known.name == name) else {
                return Err(unknown_name(action, name));
            };
            if !fits(argument.shape, value) {
                return Err(misshaped(action, argument, value));
            }
        }
        let missing = action
            .arguments
            .iter()
            .find(|known| known.need == Need::Required && !fields.contains_key(known.name));
        match missing {
            Some(argument) => Err(Fault::usage(format!(
                "{} needs \"{}\", {} ({}).",
                action.id,
                argument.name,
                shape_name(argument.shape),
                argument.about
            ))),
            None => Ok(Self { fields }),
        }
    }

    /// The value called `name` as it came.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The string called `name`.
    pub fn text(&self, name: &str) -> Result<&str, Fault> {
        self.maybe_text(name)?.ok_or_else(|| missing(name, "a string"))
    }

    /// The string called `name`, if it was given.
    pub fn maybe_text(&self, name: &str) -> Result<Option<&str>, Fault> {
        self.read(name, "a string", Value::as_str)
    }

    /// The path called `name`.
    pub fn path(&self, name: &str) -> Result<PathBuf, Fault> {
        self.maybe_path(name)?.ok_or_else(|| missing(name, "a path"))
    }

    /// The path called `name`, if it was given.
    pub fn maybe_path(&self, name: &str) -> Result<Option<PathBuf>, Fault> {
        self.read(name, "a path", path_from_json)
    }

    /// The whole number called `name`.
    pub fn integer(&self, name: &str) -> Result<i64, Fault> {
        self.maybe_integer(name)?.ok_or_else(|| missing(name, "a whole number"))
    }

    /// The whole number called `name`, if it was given.
    pub fn maybe_integer(&self, name: &str) -> Result<Option<i64>, Fault> {
        self.read(name, "a whole number", Value::as_i64)
    }

    /// The whole number from 0 called `name`, if it was given: a line, a count, an index.
    pub fn maybe_count(&self, name: &str) -> Result<Option<usize>, Fault> {
        self.read(name, "a whole number from 0", |value| usize::try_from(value.as_u64()?).ok())
    }

    /// The finite number called `name`, if it was given.
    pub fn maybe_number(&self, name: &str) -> Result<Option<f64>, Fault> {
        self.read(name, "a number", |value| value.as_f64().filter(|number| number.is_finite()))
    }

    /// Whether `name` was given as `true`.
    pub fn truth(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.maybe_truth(name)?.unwrap_or(false))
    }

    /// The truth called `name`, if it was given.
    pub fn maybe_truth(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.read(name, "true or false", Value::as_bool)
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        takes: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(value) => match convert(value) {
                Some(converted) => Ok(Some(converted)),
                None => Err(Fault::usage(format!("\"{name}\" takes {takes}."))),
            },
        }
    }
}

fn fits(shape: Shape, value: &Value) -> bool {
    match shape {
        Shape::Nothing => value.is_null(),
        Shape::Truth => value.is_boolean(),
        Shape::Integer => value.is_i64() || value.is_u64(),
        Shape::Number => value.as_f64().is_some_and(f64::is_finite),
        Shape::Text => value.is_string(),
        Shape::Path => path_from_json(value).is_some(),
        Shape::List => value.is_array(),
        Shape::Object => value.is_object(),
        Shape::Any => true,
    }
}

/// The shape in a sentence: "takes ...".
pub(super) fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Nothing => "null",
        Shape::Truth => "true or false",
        Shape::Integer => "a whole number",
        Shape::Number => "a number",
        Shape::Text => "a string",
        Shape::Path => "a path",
        Shape::List => "a list",
        Shape::Object => "an object",
        Shape::Any => "any value",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a whole number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn unknown_name(action: &Action, name: &str) -> Fault {
    let name: String = name.chars().take(40).collect();
    let known: Vec<_> = action.arguments.iter().map(|argument| argument.name).collect();
    Fault::usage(match known.as_slice() {
        [] => format!("{} takes no arguments, so not \"{name}\".", action.id),
        known => {
            format!("{} has no argument \"{name}\"; it takes {}.", action.id, known.join(", "))
        }
    })
}

fn misshaped(action: &Action, argument: &Argument, value: &Value) -> Fault {
    Fault::usage(format!(
        "\"{}\" of {} takes {}, not {}.",
        argument.name,
        action.id,
        shape_name(argument.shape),
        kind_of(value)
    ))
}

fn missing(name: &str, takes: &str) -> Fault {
    Fault::usage(format!("\"{name}\" is missing; it takes {takes}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Effect, Risk, Thread};
    use serde_json::json;
    use std::path::Path;

    const fn argument(name: &'static str, shape: Shape, need: Need) -> Argument {
        Argument { name, shape, need, about: "what it is" }
    }

    const OPEN: Action = Action {
        id: "file.open",
        title: "Open a file",
        about: "",
        arguments: &[
            argument("path", Shape::Path, Need::Required),
            argument("line", Shape::Integer, Need::Optional),
            argument("at", Shape::List, Need::Optional),
            argument("ratio", Shape::Number, Need::Optional),
            argument("wait", Shape::Truth, Need::Optional),
        ],
        result: Shape::Object,
        effect: Effect::Idempotent,
        risk: Risk::L1,
        thread: Thread::Ui,
    };

    fn refusal(given: Value) -> String {
        Arguments::check(&OPEN, given).unwrap_err().sentence
    }

    #[test]
    fn good_arguments_are_read_by_type() {
        let given = json!({"path": "/a", "line": 3, "at": [1, 2], "wait": true, "ratio": 2});
        let arguments = Arguments::check(&OPEN, given).unwrap();
        assert_eq!(arguments.path("path").unwrap(), Path::new("/a"));
        assert_eq!(arguments.maybe_count("line").unwrap(), Some(3));
        assert_eq!(arguments.value("at"), Some(&json!([1, 2])));
        assert!(arguments.truth("wait").unwrap());
        assert_eq!(arguments.maybe_number("ratio").unwrap(), Some(2.0));
    }

    #[test]
    fn what_was_left_out_or_null_is_absent() {
        let arguments = Arguments::check(&OPEN, json!({"path": "/a", "line": null})).unwrap();
        assert_eq!(arguments.maybe_integer("line").unwrap(), None);
        assert!(!arguments.truth("wait").unwrap());
        assert!(arguments.value("line").is_none());
    }

    #[test]
    fn a_wrong_call_is_told_what_to_change() {
        assert_eq!(refusal(json!({})), "file.open needs \"path\", a path (what it is).");
        assert_eq!(refusal(Value::Null), refusal(json!({})));
        assert_eq!(refusal(json!([])), "The arguments of file.open are a JSON object, not a list.");
        assert_eq!(
            refusal(json!({"path": "/a", "lin": 3})),
            "file.open has no argument \"lin\"; it takes path, line, at, ratio, wait."
        );
        assert_eq!(
            refusal(json!({"path": "/a", "line": 1.5})),
            "\"line\" of file.open takes a whole number, not a fraction."
        );
        assert_eq!(
            refusal(json!({"path": ""})),
            "\"path\" of file.open takes a path, not an empty string."
        );
    }

    #[test]
    fn numbers_out_of_range_are_refused_when_read() {
        let given = json!({"path": "/a", "line": -1});
        let arguments = Arguments::check(&OPEN, given).unwrap();
        let sentence = arguments.maybe_count("line").unwrap_err().sentence;
        assert_eq!(sentence, "\"line\" takes a whole number from 0.");
    }
}
