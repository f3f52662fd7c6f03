//! Follows what other programs do to open files, and the person to settings, keys and themes.

use std::path::{Path, PathBuf};

use super::Program;
use crate::files::save;
use crate::files::watch::{Seen, Watcher};
use crate::notice::Severity;
use crate::workers::Urgency;

impl Program {
    /// Starts to watch the folders of open files and of the program's own.
    pub(super) fn watch_files(&mut self) {
        let post = self.workers.post();
        let started = Watcher::start(move |seen| {
            post(Box::new(move |program: &mut Program| program.seen_outside(seen)));
        });
        match started {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.follow_files();
            }
            Err(error) => self.watching_failed(&error.to_string()),
        }
    }

    /// Watches what is open now; cheap when nothing changed.
    pub(super) fn follow_files(&mut self) {
        let own: Vec<PathBuf> =
            own_files(&self.places).into_iter().chain(self.folder_files()).collect();
        let Some(watcher) = &mut self.watcher else { return };
        let open = self.buffers.values().filter_map(|buffer| buffer.path.as_deref());
        let themes = self.places.config.join("themes");
        let files = open.chain(own.iter().map(PathBuf::as_path));
        watcher.follow(files, std::iter::once(themes.as_path()));
    }

    fn seen_outside(&mut self, seen: Seen) {
        match seen {
            Seen::Following(files) => {
                // What was changed before the watch stood is seen now.
                if own_files(&self.places).iter().any(|own| files.contains(own)) {
                    self.reload_files();
                } else if self.folder_files().iter().any(|own| files.contains(own)) {
                    self.reload_folders();
                }
                let files: Vec<PathBuf> = files.into_iter().collect();
                self.files_changed(&files);
            }
            Seen::Everything => {
                self.check_all_files();
                self.reload_files();
            }
            Seen::Paths(paths) => {
                let themes = self.places.config.join("themes");
                if paths.iter().any(|path| path.starts_with(&themes)) {
                    self.choose_theme();
                }
                let own = own_files(&self.places);
                let folders = self.folder_files();
                if paths.iter().any(|path| own.contains(path)) {
                    self.reload_files();
                } else if paths.iter().any(|path| folders.contains(path)) {
                    self.reload_folders();
                }
                self.files_changed(&paths);
            }
            Seen::Failed(reason) => self.watching_failed(&reason),
        }
    }

    fn watching_failed(&mut self, reason: &str) {
        self.say(
            Severity::Warning,
            format!(
                "Changes by other programs are seen only when this window gets the focus: {}.",
                reason.trim_end_matches('.')
            ),
        );
    }

    /// Finishes saves that a crash cut off while they wrote a file in place.
    pub(super) fn finish_saves(&mut self) {
        let safety = self.places.state.join("saving");
        self.workers.run(
            "finishing saves",
            Urgency::Background,
            move || finish(&safety),
            |program, sentences: Vec<String>| {
                for sentence in sentences {
                    program.say(Severity::Warning, sentence);
                }
            },
        );
    }
}

fn own_files(places: &crate::directories::Directories) -> Vec<PathBuf> {
    vec![
        places.settings(),
        places.device_settings(),
        places.keymap(),
        places.policy(),
        places.device_policy(),
    ]
}

fn finish(safety: &Path) -> Vec<String> {
    save::sweep(safety);
    let mut sentences = Vec::new();
    for (target, bytes) in save::unfinished(safety) {
        let done = save::save(&target, &[&bytes], save::Expect::Anything, safety);
        sentences.push(match done {
            Ok(_) => format!(
                "{} was being saved when Hearth ended; it is whole again.",
                target.display()
            ),
            Err(trouble) => trouble.to_string(),
        });
    }
    sentences
}

#[cfg(test)]
mod tests {
    use crate::command::stage::Stage;

    #[test]
    fn a_file_that_another_program_writes_is_followed_by_itself() {
        let mut stage = Stage::with_file("a.txt", "one\n");
        stage.program.watch_files();
        stage.write("a.txt", "written outside\n");
        stage.until(|stage| stage.marked().contains("written outside"));
    }

    #[test]
    fn the_persons_settings_count_when_they_are_written() {
        let mut stage = Stage::new();
        let path = stage.program.places.settings();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        stage.program.watch_files();
        std::fs::write(path, "editor.tab_width = 7\n").unwrap();
        stage.until(|stage| stage.program.settings.editor().tab_width == 7);
    }

    #[test]
    fn a_save_that_a_crash_cut_off_is_finished_and_told() {
        let mut stage = Stage::new();
        let safety = stage.program.places.state.join("saving");
        std::fs::create_dir_all(&safety).unwrap();
        let target = stage.write("a.txt", "ha");
        std::fs::write(safety.join("k.path"), target.as_os_str().as_encoded_bytes()).unwrap();
        std::fs::write(safety.join("k.text"), "half and half\n").unwrap();
        stage.program.finish_saves();
        stage.settle();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "half and half\n");
        assert!(stage.notices()[0].contains("whole again"), "{:?}", stage.notices());
    }
}
