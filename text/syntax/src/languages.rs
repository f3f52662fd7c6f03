//! The registry of languages, and how the language of a text is found.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::builtin;
use crate::grammar::{Grammar, Problem};
use crate::language::LanguageSpec;

/// All languages that are known. Cheap to clone.
#[derive(Clone)]
pub struct Languages {
    entries: Arc<[Entry]>,
}

struct Entry {
    spec: LanguageSpec,
    /// Compiled when it is first parsed, on the thread that parses.
    grammar: OnceLock<Result<Arc<Grammar>, Problem>>,
}

/// One language of a registry. Cheap to clone.
#[derive(Clone)]
pub struct Language {
    registry: Languages,
    index: usize,
}

impl Languages {
    /// A registry of these languages; where two have one name, the last one counts.
    pub fn new(specs: Vec<LanguageSpec>) -> Self {
        let entries = specs.into_iter().rev();
        let entries = entries.map(|spec| Entry { spec, grammar: OnceLock::new() });
        Languages { entries: entries.collect() }
    }

    /// The languages that come with the program.
    pub fn builtin() -> &'static Languages {
        static BUILTIN: OnceLock<Languages> = OnceLock::new();
        BUILTIN.get_or_init(|| Languages::new(builtin::specs()))
    }

    /// All of them, by name; parsers of injected parts (`markdown_inline`) are not among them.
    pub fn all(&self) -> Vec<Language> {
        let mut all: Vec<Language> = (0..self.entries.len())
            .map(|index| Language { registry: self.clone(), index })
            .filter(|language| !language.name().ends_with("_inline"))
            .collect();
        all.sort_by_key(Language::name);
        all.dedup_by_key(|language| language.name());
        all
    }

    /// The language of this name or alias, in any case: `Rust`, `rs`, `c`, `sh`.
    pub fn named(&self, name: &str) -> Option<Language> {
        let is = |candidate: &str| candidate.eq_ignore_ascii_case(name);
        self.find(|spec| is(spec.name))
            .or_else(|| self.find(|spec| spec.aliases.iter().any(|alias| is(alias))))
    }

    /// The language of a code fence (` ```rust,ignore `): its first word, as a name, an alias
    /// or an extension.
    pub fn of_fence(&self, info: &str) -> Option<Language> {
        let end = |c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}' | ':' | ';');
        let info = info.trim_start_matches(|c: char| end(c) || c == '.');
        let word = info.split(end).next().filter(|word| !word.is_empty())?;
        let extension = word.to_ascii_lowercase();
        self.named(word).or_else(|| self.find(|spec| spec.extensions.contains(&extension.as_str())))
    }

    /// The language of a file: by its name, then its extension, then its first line (`#!` and
    /// the modelines of Emacs and Vim). `None` is plain text.
    pub fn detect(&self, file_name: Option<&str>, first_line: &str) -> Option<Language> {
        file_name
            .and_then(|path| self.of_file_name(path))
            .or_else(|| self.of_first_line(first_line))
    }

    fn of_file_name(&self, path: &str) -> Option<Language> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let by_name = self.find(|spec| spec.file_names.contains(&name));
        by_name.or_else(|| {
            let (stem, extension) = name.rsplit_once('.')?;
            let extension = extension.to_ascii_lowercase();
            let found = self.find(|spec| spec.extensions.contains(&extension.as_str()));
            // `main.rs.bak`, `settings.json.in`: what is before says it.
            let copies = ["bak", "orig", "in", "tmpl", "new", "old", "example"];
            found.or_else(|| {
                copies.contains(&extension.as_str()).then(|| self.of_file_name(stem))?
            })
        })
    }

    fn of_first_line(&self, line: &str) -> Option<Language> {
        // A first line may be a whole minified file.
        let line: String = line.chars().take(200).collect();
        if let Some(command) = line.strip_prefix("#!") {
            return self.of_interpreter(command);
        }
        let modeline = if let Some((_, rest)) = line.split_once("-*-") {
            let inside = rest.split("-*-").next()?.trim();
            let mode = inside.split(';').find_map(|part| part.trim().strip_prefix("mode:"));
            Some(mode.unwrap_or(inside).trim().to_owned())
        } else {
            let marks = ["ft=", "filetype=", "syntax="];
            let rest = marks.iter().find_map(|mark| {
                let (before, rest) = line.split_once(mark)?;
                (before.contains("vim:") || before.contains("vi:")).then_some(rest)
            });
            rest.map(|rest| rest.split([' ', ':']).next().unwrap_or("").to_owned())
        };
        self.named(&modeline?)
    }

    fn of_interpreter(&self, command: &str) -> Option<Language> {
        let mut words = command.split_whitespace();
        let mut program = words.next()?.rsplit('/').next()?;
        if program == "env" {
            program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
            program = program.rsplit('/').next()?;
        }
        let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        self.find(|spec| spec.interpreters.iter().any(|name| *name == bare || *name == program))
    }

    fn find(&self, test: impl Fn(&LanguageSpec) -> bool) -> Option<Language> {
        let index = self.entries.iter().position(|entry| test(&entry.spec))?;
        Some(Language { registry: self.clone(), index })
    }

    /// What did not work in the languages that were parsed so far.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for entry in self.entries.iter() {
            match entry.grammar.get() {
                Some(Ok(grammar)) => problems.extend(grammar.problems.iter().cloned()),
                Some(Err(problem)) if entry.spec.grammar.is_some() => {
                    problems.push(problem.clone())
                }
                _ => {}
            }
        }
        problems
    }
}

impl fmt::Debug for Languages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.spec.name)).finish()
    }
}

impl Language {
    /// Its data: comment tokens, pairs, indentation, names.
    pub fn spec(&self) -> &LanguageSpec {
        &self.registry.entries[self.index].spec
    }

    /// Its name in settings and messages.
    pub fn name(&self) -> &'static str {
        self.spec().name
    }

    /// Its name as people write it.
    pub fn title(&self) -> &'static str {
        self.spec().title
    }

    /// The registry that it stands in, where injected languages are looked up.
    pub fn registry(&self) -> &Languages {
        &self.registry
    }

    /// Whether it has a grammar at all.
    pub fn has_grammar(&self) -> bool {
        self.spec().grammar.is_some()
    }

    /// What did not work in it. Compiles it, which takes up to a tenth of a second: for workers
    /// and `doctor`, not for the thread that draws.
    pub fn check(&self) -> Vec<Problem> {
        match self.grammar() {
            Ok(grammar) => grammar.problems.clone(),
            Err(_) if !self.has_grammar() => Vec::new(),
            Err(problem) => vec![problem],
        }
    }

    /// Compiles it, once.
    pub(crate) fn grammar(&self) -> Result<Arc<Grammar>, Problem> {
        let entry = &self.registry.entries[self.index];
        entry.grammar.get_or_init(|| Grammar::compile(&entry.spec).map(Arc::new)).clone()
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.registry.entries, &other.registry.entries)
    }
}

impl Eq for Language {}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(name: &str, line: &str) -> Option<&'static str> {
        Languages::builtin().detect(Some(name), line).map(|language| language.name())
    }

    #[test]
    fn files_are_known_by_name_extension_and_first_line() {
        assert_eq!(detect("src/main.rs", ""), Some("rust"));
        assert_eq!(detect("C:\\x\\A.TSX", ""), Some("tsx"));
        assert_eq!(detect("Cargo.lock", ""), Some("toml"));
        assert_eq!(detect(".bashrc", ""), Some("bash"));
        assert_eq!(detect("main.c.orig", ""), Some("c"));
        assert_eq!(detect("run", "#!/usr/bin/env -S PYTHONPATH=. python3.12 -u"), Some("python"));
        assert_eq!(detect("run", "#!/bin/sh"), Some("bash"));
        assert_eq!(detect("x", "# -*- mode: Python; coding: utf-8 -*-"), Some("python"));
        assert_eq!(detect("x", "# vim: set ft=yaml :"), Some("yaml"));
        assert_eq!(detect("x.unknown", "plain"), None);
        assert_eq!(detect("", ""), None);
    }

    #[test]
    fn code_fences_name_languages_loosely() {
        let of = |info| Languages::builtin().of_fence(info).map(|language| language.name());
        assert_eq!(of("rust,ignore"), Some("rust"));
        assert_eq!(of("{.python .numberLines}"), Some("python"));
        assert_eq!(of("JS"), Some("javascript"));
        assert_eq!(of("sh"), Some("bash"));
        assert_eq!(of("rs"), Some("rust"));
        assert_eq!(of(""), None);
    }
}
