//! Paths in JSON: a string, or its bytes where a name is not Unicode.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// `path` as a string; a name that is not Unicode as `{"bytes": [..]}` on Unix and
/// `{"wide": [..]}` (UTF-16 units) on Windows.
pub fn path_to_json(path: &Path) -> Value {
    if let Some(text) = path.to_str() {
        return Value::from(text);
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        json!({ "bytes": path.as_os_str().as_bytes() })
    }
    #[cfg(windows)]
    {
        use std::os::windows::ffi::OsStrExt;
        json!({ "wide": path.as_os_str().encode_wide().collect::<Vec<u16>>() })
    }
}

/// The inverse of [`path_to_json`]; `None` for anything else, an empty name, or a NUL in a name.
pub fn path_from_json(value: &Value) -> Option<PathBuf> {
    let name = match value {
        Value::String(text) => OsString::from(text),
        Value::Object(fields) if fields.len() == 1 => raw_name(fields)?,
        _ => return None,
    };
    let whole = !name.is_empty() && !name.as_encoded_bytes().contains(&0);
    whole.then(|| PathBuf::from(name))
}

#[cfg(unix)]
fn raw_name(fields: &serde_json::Map<String, Value>) -> Option<OsString> {
    use std::os::unix::ffi::OsStringExt;
    let units = fields.get("bytes")?.as_array()?.iter();
    let bytes: Option<Vec<u8>> = units.map(|unit| u8::try_from(unit.as_u64()?).ok()).collect();
    Some(OsString::from_vec(bytes?))
}

#[cfg(windows)]
fn raw_name(fields: &serde_json::Map<String, Value>) -> Option<OsString> {
    use std::os::windows::ffi::OsStringExt;
    let units = fields.get("wide")?.as_array()?.iter();
    let wide: Option<Vec<u16>> = units.map(|unit| u16::try_from(unit.as_u64()?).ok()).collect();
    Some(OsString::from_wide(&wide?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unicode_path_is_a_string() {
        let path = Path::new("/tmp/ملف.rs");
        assert_eq!(path_to_json(path), json!("/tmp/ملف.rs"));
        assert_eq!(path_from_json(&path_to_json(path)).as_deref(), Some(path));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_unicode_comes_back_whole() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff\xfe"));
        assert_eq!(path_from_json(&path_to_json(path)).as_deref(), Some(path));
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for bad in [json!(""), json!("a\0b"), json!(3), json!({"bytes": [300]}), json!({})] {
            assert_eq!(path_from_json(&bad), None, "{bad}");
        }
    }
}
