//! The icons: shapes that a bundled font lacks or draws badly, as SVG paths on a square of 16.
//!
//! Names and paths are data in `themes/icons.toml`; an [`Icon`] is a name that is known to exist.

use std::sync::LazyLock;

/// The side of the square that the paths are drawn on.
pub const ICON_UNITS: f32 = 16.0;

/// An icon of the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Icon {
    /// A closed folder row, left to right.
    TriangleRight,
    /// A closed folder row, right to left.
    TriangleLeft,
    /// An open folder row.
    TriangleDown,
    /// Closed or previous, line.
    ChevronLeft,
    /// Next, line.
    ChevronRight,
    /// Opens downwards, line.
    ChevronDown,
    /// Opens upwards, line.
    ChevronUp,
    /// Done.
    Check,
    /// Close.
    Cross,
    /// Add.
    Plus,
    /// Remove.
    Minus,
    /// Unsaved, or a state.
    Dot,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// A note.
    Info,
    /// Find.
    Search,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Locked.
    Lock,
}

/// Every icon, in the order of its discriminant.
pub const ICONS: [Icon; 19] = [
    Icon::TriangleRight,
    Icon::TriangleLeft,
    Icon::TriangleDown,
    Icon::ChevronLeft,
    Icon::ChevronRight,
    Icon::ChevronDown,
    Icon::ChevronUp,
    Icon::Check,
    Icon::Cross,
    Icon::Plus,
    Icon::Minus,
    Icon::Dot,
    Icon::Error,
    Icon::Warning,
    Icon::Info,
    Icon::Search,
    Icon::File,
    Icon::Folder,
    Icon::Lock,
];

/// The data file: a table of name to path.
const FILE: &str = include_str!("../../themes/icons.toml");

static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let table: toml::Table = FILE.parse().expect("the bundled icons are TOML");
    ICONS
        .iter()
        .map(|icon| table.get(icon.name()).and_then(toml::Value::as_str).unwrap_or("").to_owned())
        .collect()
});

impl Icon {
    /// Its name in the data file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TriangleRight => "triangle-right",
            Self::TriangleLeft => "triangle-left",
            Self::TriangleDown => "triangle-down",
            Self::ChevronLeft => "chevron-left",
            Self::ChevronRight => "chevron-right",
            Self::ChevronDown => "chevron-down",
            Self::ChevronUp => "chevron-up",
            Self::Check => "check",
            Self::Cross => "cross",
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Dot => "dot",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Search => "search",
            Self::File => "file",
            Self::Folder => "folder",
            Self::Lock => "lock",
        }
    }

    /// Its path, filled by the even-odd rule.
    pub fn path(self) -> &'static str {
        &PATHS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_has_a_path_at_its_place() {
        for (index, icon) in ICONS.iter().enumerate() {
            assert_eq!(*icon as usize, index);
            assert!(icon.path().starts_with('M'), "{}", icon.name());
        }
    }
}
