//! The files of this repository, as a checkout holds them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests stand in a folder of the workspace").to_owned()
}

/// Every file under `root` whose path relative to it satisfies `wanted`, sorted. Hidden folders
/// and build output are left out, `.ci` is not.
///
/// # Errors
///
/// What the file system said, with the path that it said it of.
pub fn files(root: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| format!("{}: {error}", path.display()))?;
            if kind.is_dir() && enters(&entry.file_name().to_string_lossy()) {
                folders.push(path);
            } else if kind.is_file() {
                let relative = path.strip_prefix(root).expect("found below the root").to_owned();
                if wanted(&relative) {
                    found.push(relative);
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn enters(folder: &str) -> bool {
    folder == ".ci" || !(folder.starts_with('.') || folder == "target" || folder == "node_modules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_found_and_build_output_is_not() {
        let rust = files(&root(), |path| path.extension().is_some_and(|end| end == "rs")).unwrap();
        assert!(rust.contains(&PathBuf::from("tests/tree.rs")));
        assert!(!rust.iter().any(|path| path.starts_with("target")));
    }
}
