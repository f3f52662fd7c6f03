//! The languages that come with the program: data only.

use std::borrow::Cow;

use crate::language::{Comments, IndentUnit, LanguageSpec, QuerySources, Sections};

/// The text of query files of one kind, in the order in which they are read.
macro_rules! files {
    ($kind:literal: $($language:literal)*) => {
        vec![$(Cow::Borrowed(
            include_str!(concat!("../queries/", $language, "/", $kind, ".scm"))
        )),*]
    };
}

/// The queries of a language, from the folders that it takes them from.
macro_rules! queries {
    ($($language:literal)*) => {
        QuerySources {
            highlights: files!("highlights": $($language)*),
            indents: files!("indents": $($language)*),
            folds: files!("folds": $($language)*),
            outline: files!("outline": $($language)*),
            brackets: files!("brackets": $($language)*),
            objects: files!("objects": $($language)*),
            injections: files!("injections": $($language)*),
        }
    };
}

const ROUND_SQUARE_CURLY: &[(char, char)] = &[('(', ')'), ('[', ']'), ('{', '}')];
const CLOSE_DOUBLE: &[(&str, &str)] = &[("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\"")];
const CLOSE_QUOTES: &[(&str, &str)] =
    &[("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\""), ("'", "'")];
const CLOSE_BACKTICK: &[(&str, &str)] =
    &[("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\""), ("'", "'"), ("`", "`")];
const SLASHES: Comments = Comments { line: Some("//"), block: Some(("/*", "*/")) };
const HASH: Comments = Comments { line: Some("#"), block: None };

/// A language of which only the defaults are known yet.
fn plain(name: &'static str, title: &'static str) -> LanguageSpec {
    LanguageSpec {
        name,
        title,
        aliases: &[],
        extensions: &[],
        file_names: &[],
        interpreters: &[],
        comments: Comments::default(),
        brackets: ROUND_SQUARE_CURLY,
        auto_close: CLOSE_DOUBLE,
        indent: IndentUnit::Spaces(4),
        indent_after: &[],
        outdent_words: &[],
        item_mark: None,
        margin_mark: None,
        sections: Sections::ByNode,
        grammar: None,
        queries: QuerySources::default(),
    }
}

/// All of them. Public so that a test or a setting may change one and make a registry of its own.
pub fn specs() -> Vec<LanguageSpec> {
    vec![
        rust(),
        python(),
        javascript(),
        typescript(),
        tsx(),
        c(),
        json(),
        toml(),
        yaml(),
        markdown(),
        markdown_inline(),
        rust_doc_inline(),
        bash(),
    ]
}

fn rust() -> LanguageSpec {
    LanguageSpec {
        aliases: &["rs"],
        extensions: &["rs"],
        interpreters: &["rust-script"],
        comments: SLASHES,
        indent_after: &["=", "=>"],
        grammar: Some(tree_sitter_rust::LANGUAGE),
        queries: queries!("rust"),
        ..plain("rust", "Rust")
    }
}

fn python() -> LanguageSpec {
    LanguageSpec {
        aliases: &["py", "python3"],
        extensions: &["py", "pyi", "pyw"],
        file_names: &["SConstruct", "SConscript", "wscript"],
        interpreters: &["python", "pypy", "uv"],
        comments: HASH,
        auto_close: CLOSE_QUOTES,
        indent_after: &[":"],
        outdent_words: &["else:", "elif", "except", "except:", "finally:"],
        grammar: Some(tree_sitter_python::LANGUAGE),
        queries: queries!("python"),
        ..plain("python", "Python")
    }
}

fn javascript() -> LanguageSpec {
    LanguageSpec {
        aliases: &["js", "jsx", "node"],
        extensions: &["js", "mjs", "cjs", "jsx"],
        interpreters: &["node", "nodejs"],
        comments: SLASHES,
        auto_close: CLOSE_BACKTICK,
        indent: IndentUnit::Spaces(2),
        indent_after: &["=", "=>"],
        grammar: Some(tree_sitter_javascript::LANGUAGE),
        queries: queries!("ecma" "javascript" "jsx"),
        ..plain("javascript", "JavaScript")
    }
}

fn typescript() -> LanguageSpec {
    LanguageSpec {
        aliases: &["ts"],
        extensions: &["ts", "mts", "cts"],
        interpreters: &["deno", "bun", "ts-node", "tsx"],
        grammar: Some(tree_sitter_typescript::LANGUAGE_TYPESCRIPT),
        queries: queries!("ecma" "typescript"),
        ..LanguageSpec { name: "typescript", title: "TypeScript", ..javascript() }
    }
}

fn tsx() -> LanguageSpec {
    LanguageSpec {
        name: "tsx",
        title: "TSX",
        aliases: &["typescriptreact"],
        extensions: &["tsx"],
        interpreters: &[],
        grammar: Some(tree_sitter_typescript::LANGUAGE_TSX),
        queries: queries!("ecma" "typescript" "jsx"),
        ..javascript()
    }
}

fn c() -> LanguageSpec {
    LanguageSpec {
        aliases: &["h"],
        extensions: &["c", "h"],
        comments: SLASHES,
        auto_close: CLOSE_QUOTES,
        indent_after: &["="],
        margin_mark: Some("#"),
        grammar: Some(tree_sitter_c::LANGUAGE),
        queries: queries!("c"),
        ..plain("c", "C")
    }
}

fn json() -> LanguageSpec {
    LanguageSpec {
        aliases: &["jsonc", "json5"],
        extensions: &["json", "jsonc", "webmanifest", "geojson", "ipynb", "code-workspace"],
        file_names: &[".prettierrc", ".eslintrc", ".babelrc", "composer.lock", "flake.lock"],
        comments: SLASHES,
        indent: IndentUnit::Spaces(2),
        grammar: Some(tree_sitter_json::LANGUAGE),
        queries: queries!("json"),
        ..plain("json", "JSON")
    }
}

fn toml() -> LanguageSpec {
    LanguageSpec {
        extensions: &["toml"],
        file_names: &["Cargo.lock", "poetry.lock", "uv.lock", "Pipfile"],
        comments: HASH,
        auto_close: CLOSE_QUOTES,
        grammar: Some(tree_sitter_toml_ng::LANGUAGE),
        queries: queries!("toml"),
        ..plain("toml", "TOML")
    }
}

fn yaml() -> LanguageSpec {
    LanguageSpec {
        aliases: &["yml"],
        extensions: &["yaml", "yml"],
        file_names: &[".clang-format", ".clangd", ".clang-tidy"],
        comments: HASH,
        auto_close: CLOSE_QUOTES,
        indent: IndentUnit::Spaces(2),
        indent_after: &[":", ": |", ": >", ": |-", ": >-"],
        item_mark: Some("- "),
        grammar: Some(tree_sitter_yaml::LANGUAGE),
        queries: queries!("yaml"),
        ..plain("yaml", "YAML")
    }
}

fn markdown() -> LanguageSpec {
    LanguageSpec {
        aliases: &["md"],
        extensions: &["md", "markdown", "mkd"],
        file_names: &["README", "CHANGELOG"],
        comments: Comments { line: None, block: Some(("<!--", "-->")) },
        auto_close: &[("(", ")"), ("[", "]"), ("`", "`")],
        indent: IndentUnit::Spaces(2),
        sections: Sections::ByHeading,
        grammar: Some(tree_sitter_md::LANGUAGE),
        queries: queries!("markdown"),
        ..plain("markdown", "Markdown")
    }
}

fn markdown_inline() -> LanguageSpec {
    LanguageSpec {
        grammar: Some(tree_sitter_md::INLINE_LANGUAGE),
        queries: queries!("markdown_inline"),
        ..plain("markdown_inline", "Markdown inlines")
    }
}

/// The comments that document Rust: Markdown in which code is Rust. What is in a comment is no
/// part of the text's own folds and objects.
fn rust_doc_inline() -> LanguageSpec {
    LanguageSpec {
        sections: Sections::ByHeading,
        grammar: Some(tree_sitter_md::LANGUAGE),
        queries: QuerySources {
            highlights: files!("highlights": "markdown"),
            injections: files!("injections": "markdown" "rust_doc"),
            ..QuerySources::default()
        },
        ..plain("rust_doc_inline", "Rust documentation")
    }
}

fn bash() -> LanguageSpec {
    LanguageSpec {
        aliases: &["sh", "shell", "zsh", "console", "shell-script"],
        extensions: &["sh", "bash", "zsh", "ksh", "bats", "ebuild"],
        file_names: &[
            ".bashrc",
            ".bash_profile",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zprofile",
            ".zshenv",
            ".envrc",
            "PKGBUILD",
            "APKBUILD",
        ],
        interpreters: &["bash", "sh", "zsh", "dash", "ksh", "ash", "bats"],
        comments: HASH,
        auto_close: CLOSE_QUOTES,
        indent_after: &["then", "do", "else", " in"],
        outdent_words: &["fi", "done", "esac", "else", "elif"],
        grammar: Some(tree_sitter_bash::LANGUAGE),
        queries: queries!("bash"),
        ..plain("bash", "Shell")
    }
}
