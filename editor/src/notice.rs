//! Notices: one sentence each, shown for a while in a corner, kept in a list and in the log.

use std::time::{Duration, Instant};

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Information,
    /// Something is degraded.
    Warning,
    /// Something did not happen.
    Error,
}

impl Severity {
    /// The word that stands beside the colour.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Information => "Note",
            Severity::Warning => "Warning",
            Severity::Error => "Error",
        }
    }

    /// How long it is shown; an error stays until it is dismissed.
    fn shown_for(self) -> Option<Duration> {
        match self {
            Severity::Information => Some(Duration::from_secs(5)),
            Severity::Warning => Some(Duration::from_secs(10)),
            Severity::Error => None,
        }
    }
}

/// One sentence for the person.
#[derive(Clone, Debug)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub sentence: String,
    until: Option<Instant>,
}

/// Shown at once.
const SHOWN_MAX: usize = 3;

/// What was said and is still shown; the log keeps the rest.
#[derive(Default)]
pub struct Notices {
    shown: Vec<Notice>,
    /// Those that were taken off since somebody asked.
    gone: Vec<Notice>,
}

impl Notices {
    /// Says something. A sentence that is shown already is not said twice.
    pub fn say(&mut self, severity: Severity, sentence: impl Into<String>, now: Instant) {
        let sentence = sentence.into();
        crate::record::notice(severity.word(), &sentence);
        let until = severity.shown_for().map(|time| now + time);
        if let Some(same) = self.shown.iter_mut().find(|notice| notice.sentence == sentence) {
            same.until = until;
            return;
        }
        let notice = Notice { severity, sentence, until };
        if self.shown.len() == SHOWN_MAX {
            let oldest = self.shown.remove(0);
            self.part_with(oldest);
        }
        self.shown.push(notice);
    }

    /// What is shown now, oldest first.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Takes one off the screen; answers whether there was one.
    pub fn dismiss(&mut self, index: usize) -> bool {
        index < self.shown.len() && {
            let notice = self.shown.remove(index);
            self.part_with(notice);
            true
        }
    }

    /// Those that were taken off since this was asked last, for whoever shows them leave.
    pub fn take_gone(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.gone)
    }

    fn part_with(&mut self, notice: Notice) {
        if self.gone.len() == SHOWN_MAX {
            self.gone.remove(0);
        }
        self.gone.push(notice);
    }

    /// Takes all off the screen; answers whether there were any.
    pub fn dismiss_all(&mut self) -> bool {
        let all = std::mem::take(&mut self.shown);
        let had_some = !all.is_empty();
        all.into_iter().for_each(|notice| self.part_with(notice));
        had_some
    }

    /// Takes off what has been shown long enough; answers whether anything went.
    pub fn expire(&mut self, now: Instant) -> bool {
        let is_over = |notice: &mut Notice| notice.until.is_some_and(|until| until <= now);
        let over: Vec<Notice> = self.shown.extract_if(.., is_over).collect();
        let went = !over.is_empty();
        over.into_iter().for_each(|notice| self.part_with(notice));
        went
    }

    /// When the next one goes.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.shown.iter().filter_map(|notice| notice.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_go_by_themselves_and_errors_stay() {
        let (mut notices, now) = (Notices::default(), Instant::now());
        notices.say(Severity::Information, "Saved.", now);
        notices.say(Severity::Error, "The disk is full.", now);
        assert_eq!(notices.next_expiry(), Some(now + Duration::from_secs(5)));
        assert!(notices.expire(now + Duration::from_secs(6)));
        assert_eq!(notices.shown().len(), 1);
        assert_eq!(notices.next_expiry(), None, "nothing wakes an idle window for an error");
    }

    #[test]
    fn the_same_sentence_is_shown_once() {
        let (mut notices, now) = (Notices::default(), Instant::now());
        notices.say(Severity::Warning, "Slow.", now);
        notices.say(Severity::Warning, "Slow.", now);
        assert_eq!(notices.shown().len(), 1);
    }
}
