//! Saving, and what other programs do to open files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use text::merge::{Conflict, Merge};
use text::{Edit, Grouping, Line, Origin, Positions, Rope, Transaction, Version};

use super::Program;
use crate::buffer::{Buffer, BufferId, OnDisk};
use crate::files::load::{self, Contents};
use crate::files::save::{self, Expect, Saved};
use crate::files::stamp::Stamp;
use crate::files::trouble::Trouble;
use crate::notice::Severity;
use crate::record::{self, Field};
use crate::registry::{Fault, path_to_json};
use crate::settings::Level;
use crate::shell::Reply;
use crate::workers::Urgency;

/// A change that another program made, merged in.
const OUTSIDE: Origin = Origin { group: Grouping::Command, cause: text::Cause::Outside };

impl Program {
    /// Saves a buffer, to another path if one is given; `reply` gets path and size.
    pub fn save(&mut self, id: BufferId, to: Option<PathBuf>, reply: Reply) {
        self.tidy_for_saving(id);
        let Some(buffer) = self.buffers.get_mut(&id) else {
            return reply(Err(Fault::state("The text was closed before it was saved.")));
        };
        let to = to.map(|path| load::absolute(&path));
        let Some(path) = to.clone().or_else(|| buffer.path.clone()) else {
            self.ask_where_to_save();
            return reply(Err(Fault::state("This text has no file yet; give it a path.")));
        };
        buffer.document.seal_group();
        let is_own = buffer.path.as_deref() == Some(path.as_path());
        let seen = match (&buffer.on_disk, is_own) {
            (OnDisk::Seen(stamp), true) => Known::Seen(stamp.clone()),
            (OnDisk::Nothing | OnDisk::Deleted, true) => Known::Missing,
            // The person named another file: what is there gives way, as its name was typed.
            (_, false) => Known::Anything,
        };
        let (rope, version) = (buffer.rope().clone(), buffer.document.version());
        let (encoding, saved) = (buffer.encoding, buffer.saved.clone());
        let safety = self.places.state.join("saving");
        let work = {
            let (path, rope) = (path.clone(), rope.clone());
            move || write(&path, &rope, encoding, seen, &saved, &safety)
        };
        self.workers.run(
            format!("saving {}", path.display()),
            Urgency::Awaited,
            work,
            move |program, written| match written {
                Ok(saved) => {
                    record_save(&path, &saved);
                    let answer = json!({ "path": path_to_json(&path), "bytes": saved.bytes });
                    program.saved(id, path, rope, version, saved);
                    // The file itself is durable; without a journal that is all there is.
                    match program.journal.is_missing() {
                        true => reply(Ok(answer)),
                        false => program.answer_durably(answer, reply),
                    }
                }
                Err(trouble) if trouble.is_changed_outside() => {
                    program.check_disk(id);
                    reply(Err(Fault::state(trouble.to_string())));
                }
                Err(trouble) => reply(Err(Fault::machine(trouble.to_string()))),
            },
        );
    }

    fn saved(&mut self, id: BufferId, path: PathBuf, rope: Rope, version: Version, saved: Saved) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let is_new_name = buffer.path.as_ref() != Some(&path);
        buffer.path = Some(path.clone());
        buffer.mark_saved(rope, version, saved.stamp);
        self.journal.saved(buffer);
        self.share_saved(id);
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if is_new_name {
            let language = Buffer::detect_language(Some(&path), buffer.rope());
            let differs = buffer.syntax.language() != language.as_ref();
            if differs {
                buffer.set_language(language);
                self.recolor(id);
                self.schedule_parse(id);
            }
        }
        self.follow_saved(id);
        self.after_own_save(&path);
        self.redraw_showing(id);
    }

    /// Blanks at line ends and the last line end, as project and person want them.
    fn tidy_for_saving(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get(&id) else { return };
        let files = self.settings.files_for(buffer.path.as_deref());
        let (trim, close) = (files.trim_trailing_whitespace, files.final_newline);
        if !buffer.is_dirty() && buffer.on_disk != OnDisk::Nothing {
            // What nobody edited is left as it is.
            return;
        }
        let trim = buffer.house_rules.trim_trailing.unwrap_or(trim);
        let close = buffer.house_rules.final_newline.unwrap_or(close);
        let rope = buffer.rope();
        let mut edits = Vec::new();
        if trim {
            edits.extend(blanks_at_line_ends(rope));
        }
        let end = rope.end();
        let last = rope.get_char(end.0.saturating_sub(1));
        // Behind a byte that is no text a line end may not be one either.
        let is_text = last.is_some_and(|last| text::bytes::escaped_byte(last).is_none());
        if close && is_text && rope.line_start(rope.last_line()) != end {
            let covered = edits.last().is_some_and(|edit: &Edit| edit.range.end == end);
            match covered {
                // Two edits may not meet: the blanks at the end become the line end.
                true => {
                    let last = edits.last_mut().expect("it was just looked at");
                    last.text = buffer.line_ending.as_str().into();
                }
                false => edits.push(Edit::insert(end, buffer.line_ending.as_str())),
            }
        }
        if let Ok(transaction) = Transaction::new(edits) {
            self.apply_to(id, transaction, Origin::COMMAND);
        }
    }

    /// Looks at a buffer's file again: another program may have changed or deleted it.
    pub fn check_disk(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let Some(path) = buffer.path.clone() else { return };
        let must_look = std::mem::take(&mut buffer.must_look);
        let seen = match &buffer.on_disk {
            OnDisk::Seen(stamp) if !must_look => Some(stamp.clone()),
            _ => None,
        };
        let encoding = buffer.encoding;
        let name = format!("looking at {}", path.display());
        self.workers.run(
            name,
            Urgency::Background,
            move || look(&path, seen.as_ref(), encoding),
            move |program, look| program.looked(id, look),
        );
    }

    fn looked(&mut self, id: BufferId, look: Look) {
        match look {
            Look::Same => {}
            Look::Gone => self.file_gone(id),
            Look::Unreadable(sentence) => self.say(Severity::Warning, sentence),
            Look::Changed(contents) => self.merge_outside(id, *contents),
        }
    }

    fn file_gone(&mut self, id: BufferId) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        if matches!(buffer.on_disk, OnDisk::Seen(_)) {
            buffer.on_disk = OnDisk::Deleted;
            let title = buffer.title();
            self.say(
                Severity::Warning,
                format!("{title} was deleted by another program; its text is still here."),
            );
        }
    }

    /// Merges what another program wrote into the text, as one group that undo takes back.
    pub(super) fn merge_outside(&mut self, id: BufferId, contents: Contents) {
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let Contents { rope: theirs, stamp, .. } = contents;
        if theirs == buffer.saved {
            // Touched, or our own save seen from outside.
            buffer.note_stamp(stamp);
            return;
        }
        let (base, ours, version) =
            (buffer.saved.clone(), buffer.rope().clone(), buffer.document.version());
        let name = format!("merging {}", buffer.title());
        self.workers.run(
            name,
            Urgency::Background,
            move || (text::merge::merge(&base, &ours, &theirs), theirs),
            move |program, (merge, theirs)| {
                let is_current = program
                    .buffers
                    .get(&id)
                    .is_some_and(|buffer| buffer.document.version() == version);
                match is_current {
                    true => program.take_merge(id, merge, theirs, stamp),
                    // Something was typed meanwhile: the merge is made again.
                    false => program.check_disk(id),
                }
            },
        );
    }

    fn take_merge(&mut self, id: BufferId, merge: Merge, theirs: Rope, stamp: Stamp) {
        let Merge { transaction, conflicts } = merge;
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        let was_dirty = buffer.is_dirty();
        buffer.document.seal_group();
        self.apply_to(id, transaction, OUTSIDE);
        let Some(buffer) = self.buffers.get_mut(&id) else { return };
        buffer.document.seal_group();
        buffer.mark_on_disk(theirs, stamp);
        self.journal.saved(buffer);
        let title = buffer.title();
        self.follow_saved(id);
        self.share_saved(id);
        match (was_dirty, conflicts.as_slice()) {
            (false, _) => {}
            (true, []) => self.say(
                Severity::Information,
                format!("{title} was changed by another program; both changes are in the text."),
            ),
            (true, conflicts) => self.say(
                Severity::Warning,
                format!(
                    "{title} was changed by another program where you had edited it too ({}); \
                     your text is kept, and saving writes it.",
                    places(conflicts)
                ),
            ),
        }
        self.redraw_showing(id);
    }

    /// Looks at all open files again: the window got the focus, or the watcher lost count.
    pub fn check_all_files(&mut self) {
        let ids: Vec<BufferId> = self.buffers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.check_disk(id));
    }

    /// Looks at the open files among these paths.
    pub fn files_changed(&mut self, paths: &[PathBuf]) {
        let hit = |buffer: &&Buffer| {
            buffer.path.as_ref().is_some_and(|path| paths.iter().any(|changed| changed == path))
        };
        let ids: Vec<BufferId> =
            self.buffers.values().filter(hit).map(|buffer| buffer.id).collect();
        ids.into_iter().for_each(|id| self.check_disk(id));
    }

    /// Whether a text may be saved at a path: another open text may not have it.
    ///
    /// # Errors
    /// That another has it, and what to do.
    pub fn check_free(&self, id: BufferId, path: &Path) -> Result<(), Fault> {
        match self.buffer_at(path) {
            Some(other) if other != id => Err(Fault::state(format!(
                "{} is open in another tab: close it first, or choose another name.",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Answers a save as the control socket does.
    pub fn save_active(&mut self, to: Option<PathBuf>) -> Result<Value, Fault> {
        let id = self.need_active()?.0.buffer;
        let reply = self.answer_later();
        self.save(id, to, reply);
        Ok(Value::Null)
    }
}

/// Which of the ways was taken tells later why a file's links or owner are as they are.
fn record_save(path: &Path, saved: &Saved) {
    let fields = [
        ("path", Field::path(path)),
        ("bytes", Field::Count(saved.bytes)),
        ("way", Field::text(saved.way.name())),
    ];
    record::event(Level::Info, "file.save", &fields);
}

/// What is known of the file that is to be written.
enum Known {
    Seen(Stamp),
    Missing,
    Anything,
}

fn write(
    path: &Path,
    rope: &Rope,
    encoding: text::bytes::Encoding,
    known: Known,
    saved: &Rope,
    safety: &Path,
) -> Result<Saved, Trouble> {
    let bytes = text::bytes::encode(rope, encoding)
        .map_err(|error| Trouble::unwritable(path, error.to_string()))?;
    let expect = match &known {
        Known::Seen(stamp) => Expect::Unchanged(stamp),
        Known::Missing => Expect::Missing,
        Known::Anything => Expect::Anything,
    };
    match save::save(path, &[&bytes], expect, safety) {
        // A touched file is not a changed one: its content decides.
        Err(trouble) if trouble.is_changed_outside() => match load::read(path, Some(encoding)) {
            Ok(now) if now.rope == *saved => {
                save::save(path, &[&bytes], Expect::Unchanged(&now.stamp), safety)
            }
            _ => Err(trouble),
        },
        other => other,
    }
}

/// What a look at a file found.
enum Look {
    Same,
    Gone,
    Changed(Box<Contents>),
    Unreadable(String),
}

fn look(path: &Path, seen: Option<&Stamp>, encoding: text::bytes::Encoding) -> Look {
    match Stamp::of(path) {
        Ok(None) => Look::Gone,
        Ok(Some(now)) if seen.is_some_and(|seen| seen.same_file_state(&now)) => Look::Same,
        Ok(Some(_)) => match load::read(path, Some(encoding)) {
            Ok(contents) => Look::Changed(Box::new(contents)),
            Err(error) => Look::Unreadable(Trouble::opening(path, &error).to_string()),
        },
        Err(error) => Look::Unreadable(Trouble::opening(path, &error).to_string()),
    }
}

fn blanks_at_line_ends(rope: &Rope) -> Vec<Edit> {
    (0..rope.len_lines())
        .filter_map(|line| {
            let range = rope.line_range(Line(line));
            let blanks = rope
                .slice_of(range)
                .chars_at(range.len())
                .reversed()
                .take_while(|letter| matches!(letter, ' ' | '\t'))
                .count();
            let start = range.end - blanks;
            (blanks > 0).then(|| Edit::delete(text::CharRange { start, end: range.end }))
        })
        .collect()
}

fn places(conflicts: &[Conflict]) -> String {
    match conflicts {
        [_] => "in 1 place".to_owned(),
        more => format!("in {} places", more.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::stage::Stage;

    const FILE: &str = "one\ntwo\nthree\n";

    /// A file that was opened and edited in its first line.
    fn edited() -> Stage {
        let mut stage = Stage::with_file("a.txt", &format!("|{FILE}"));
        stage.keys("x");
        stage
    }

    fn look_again(stage: &mut Stage) {
        stage.program.check_all_files();
        stage.settle();
    }

    fn is_dirty(stage: &mut Stage) -> bool {
        stage.program.active().unwrap().1.is_dirty()
    }

    #[test]
    fn what_another_program_wrote_joins_unsaved_edits_and_undo_takes_it_back() {
        let mut stage = edited();
        stage.write("a.txt", "one\ntwo\nthree and more\n");
        look_again(&mut stage);
        assert_eq!(stage.marked(), "x|one\ntwo\nthree and more\n");
        assert!(stage.notices()[0].contains("both changes"), "{:?}", stage.notices());
        assert!(is_dirty(&mut stage), "the edit is not in the file");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "x|one\ntwo\nthree\n");
        stage.keys("ctrl-z");
        assert_eq!(stage.marked(), "|one\ntwo\nthree\n");
        assert!(is_dirty(&mut stage), "the file holds what the other program wrote");
    }

    #[test]
    fn a_text_without_edits_follows_its_file_in_silence() {
        let mut stage = Stage::with_file("a.txt", FILE);
        stage.write("a.txt", "another text\n");
        look_again(&mut stage);
        assert!(stage.marked().contains("another text"));
        assert!(!is_dirty(&mut stage));
        assert!(stage.notices().is_empty(), "{:?}", stage.notices());
    }

    #[test]
    fn where_both_wrote_the_persons_text_stays_and_that_is_said() {
        let mut stage = edited();
        stage.write("a.txt", "ONE\ntwo\nthree\n");
        look_again(&mut stage);
        assert_eq!(stage.marked(), "x|one\ntwo\nthree\n");
        assert!(stage.notices()[0].contains("in 1 place"), "{:?}", stage.notices());
        stage.run("file.save", Value::Null).unwrap();
        let written = std::fs::read_to_string(stage.path("a.txt")).unwrap();
        assert_eq!(written, "xone\ntwo\nthree\n");
    }

    #[test]
    fn a_save_over_what_was_not_seen_is_refused_and_merged() {
        let mut stage = edited();
        stage.write("a.txt", "one\ntwo\nthree and more\n");
        let refused = stage.run("file.save", Value::Null).unwrap_err();
        assert!(refused.sentence.contains("changed"), "{refused}");
        stage.settle();
        stage.run("file.save", Value::Null).unwrap();
        let written = std::fs::read_to_string(stage.path("a.txt")).unwrap();
        assert_eq!(written, "xone\ntwo\nthree and more\n");
        assert!(!is_dirty(&mut stage));
    }

    #[test]
    fn a_deleted_file_leaves_its_text_and_saving_makes_it_anew() {
        let mut stage = edited();
        std::fs::remove_file(stage.path("a.txt")).unwrap();
        look_again(&mut stage);
        look_again(&mut stage);
        assert_eq!(stage.notices().len(), 1, "it is said once: {:?}", stage.notices());
        assert_eq!(stage.marked(), "x|one\ntwo\nthree\n");
        stage.run("file.save", Value::Null).unwrap();
        let written = std::fs::read_to_string(stage.path("a.txt")).unwrap();
        assert_eq!(written, "xone\ntwo\nthree\n");
    }

    #[test]
    fn saving_trims_and_closes_the_last_line_where_that_is_wanted() {
        let mut stage = Stage::with_file("a.txt", "|one \t\n\n  \ntwo  ");
        let trim = json!({ "key": "files.trim_trailing_whitespace", "value": true,
                           "layer": "session" });
        stage.run("settings.set", trim).unwrap();
        let read = |stage: &Stage| std::fs::read_to_string(stage.path("a.txt")).unwrap();
        stage.run("file.save", Value::Null).unwrap();
        assert_eq!(read(&stage), "one \t\n\n  \ntwo  ", "nobody edited it");
        stage.keys("x");
        stage.run("file.save", Value::Null).unwrap();
        assert_eq!(read(&stage), "xone\n\n\ntwo\n");
    }
}
