//! `hearth ctl`: one call to the running instance.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use kernel::action::{Action, Shape};
use serde_json::{Map, Value};

use crate::directories::Directories;
use crate::instance;
use crate::profile;
use crate::registry::{Fault, FaultKind, Registry, path_to_json};

/// A command that takes longer is better started than waited for.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Calls `command`. A call that is the owner's is proved with the passphrase, if its file is known.
pub(super) fn call(
    directories: &Directories,
    command: &str,
    arguments: &[OsString],
) -> Result<Value, Fault> {
    let registry = Registry::gather(crate::command::GROUPS);
    // The instance may be of another version, so it decides what exists.
    let action = registry.get(command).map(|command| command.action);
    let folder = std::env::current_dir().unwrap_or_default();
    let arguments = read(arguments, action.as_ref(), &folder)?;
    let client = instance::find(directories)?.ok_or_else(|| {
        Fault::state("No Hearth runs for this profile: start one with `hearth` first.")
    })?;
    let answer = client.call(command, arguments.clone(), TIMEOUT);
    match (answer, profile::passphrase_file()) {
        (Err(fault), Some(passphrase)) if fault.kind == FaultKind::Denied => {
            client.prove(directories, &passphrase)?;
            client.call(command, arguments, TIMEOUT)
        }
        (answer, _) => answer,
    }
}

/// Reads one JSON object or `key=value` words. Relative paths start from `folder`, since the
/// instance has another current folder.
fn read(words: &[OsString], action: Option<&Action>, folder: &Path) -> Result<Value, Fault> {
    let shape_of = |name: &str| {
        let argument = action?.arguments.iter().find(|argument| argument.name == name)?;
        Some(argument.shape)
    };
    let mut fields = match words {
        [] => return Ok(Value::Null),
        [one] if one.as_encoded_bytes().trim_ascii_start().starts_with(b"{") => {
            let text = one.to_str().ok_or_else(|| Fault::usage("JSON is UTF-8."))?;
            serde_json::from_str::<Map<String, Value>>(text)
                .map_err(|error| Fault::usage(format!("The arguments are not JSON: {error}.")))?
        }
        words => {
            let mut fields = Map::new();
            for word in words {
                let (name, value) = pair(word)?;
                let value = value_of(value, shape_of(&name));
                fields.insert(name, value);
            }
            fields
        }
    };
    for (name, value) in &mut fields {
        if let (Some(Shape::Path), Some(text)) = (shape_of(name), value.as_str())
            && !text.is_empty()
        {
            *value = path_to_json(&folder.join(text));
        }
    }
    Ok(Value::Object(fields))
}

/// `key=value` apart; the value may be a name that is not UTF-8.
fn pair(word: &OsStr) -> Result<(String, OsString), Fault> {
    let wrong =
        || Fault::usage(format!("\"{}\" is neither key=value nor a JSON object.", word.display()));
    if let Some(text) = word.to_str() {
        let (name, value) =
            text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
        return Ok((name.to_owned(), value.into()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = word.as_bytes();
        let at = bytes.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let name = std::str::from_utf8(&bytes[..at]).map_err(|_| wrong())?;
        Ok((name.to_owned(), OsStr::from_bytes(&bytes[at + 1..]).to_owned()))
    }
    #[cfg(not(unix))]
    Err(wrong())
}

/// What a word means where `shape` is expected: text as it is, else JSON where it is some.
fn value_of(word: OsString, shape: Option<Shape>) -> Value {
    let Some(text) = word.to_str() else { return path_to_json(Path::new(&word)) };
    match shape {
        Some(Shape::Text | Shape::Path) => Value::from(text),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::action::{Argument, Effect, Need, Risk, Thread};
    use serde_json::json;

    const fn argument(name: &'static str, shape: Shape) -> Argument {
        Argument { name, shape, need: Need::Optional, about: "" }
    }

    const OPEN: Action = Action {
        id: "file.open",
        title: "",
        about: "",
        arguments: &[argument("path", Shape::Path), argument("text", Shape::Text)],
        result: Shape::Nothing,
        effect: Effect::Once,
        risk: Risk::L0,
        thread: Thread::Ui,
    };

    fn arguments(words: &[&str]) -> Result<Value, Fault> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        read(&words, Some(&OPEN), Path::new("/w"))
    }

    #[test]
    fn both_forms_mean_the_same() {
        let expected = json!({"path": "/w/a=b.rs", "line": 3, "text": "42"});
        assert_eq!(arguments(&["path=a=b.rs", "line=3", "text=42"]).unwrap(), expected);
        let text = r#" {"path": "a=b.rs", "line": 3, "text": "42"}"#;
        assert_eq!(arguments(&[text]).unwrap(), expected);
        assert_eq!(arguments(&[]).unwrap(), Value::Null);
        assert_eq!(arguments(&["path=/abs"]).unwrap(), json!({"path": "/abs"}));
        assert_eq!(arguments(&["other=words here"]).unwrap(), json!({"other": "words here"}));
    }

    #[test]
    fn what_is_neither_form_is_refused() {
        for words in [&["path"][..], &["=x"], &["{\"a\":"], &["[1]"], &["a=1", "{}"]] {
            let fault = arguments(words).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Usage, "{words:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_gets_through() {
        use std::os::unix::ffi::OsStrExt;
        let word = OsStr::from_bytes(b"path=/a\xff").to_owned();
        let read = read(&[word], Some(&OPEN), Path::new("/w")).unwrap();
        assert_eq!(read["path"], json!({ "bytes": [b'/', b'a', 0xff] }));
    }
}
