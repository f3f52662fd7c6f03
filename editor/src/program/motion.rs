//! What moves: the card and notices that come, panes that open and close, and what `slide` has:
//! tabs that change places and notices that leave. Nothing else does.

use std::time::{Duration, Instant};

use render::geometry::Rect;
use render::motion::{Motion, Spring};

use super::slide::Slides;
use super::{Program, Visibility, Window};
use crate::panes::PaneId;
use crate::settings::ReduceMotion;

/// Between two frames of a movement.
const FRAME: Duration = Duration::from_millis(16);

/// How far above its place the card begins, logical pixels.
const CARD_RISE: f32 = 14.0;

/// How far below its place a notice begins, logical pixels.
const NOTICE_DROP: f32 = 20.0;

/// Movements under way.
pub struct Movements {
    /// How far the card is above its place, logical pixels.
    card: Spring,
    /// How far the notices are below their place, logical pixels.
    notices: Spring,
    /// How far panes are from where they were to where they belong, 0 to 1.
    panes: Spring,
    from: Vec<(PaneId, Rect)>,
    /// Tabs and notices on their way.
    pub(super) slides: Slides,
    last: Option<Instant>,
}

impl Default for Movements {
    fn default() -> Self {
        Movements {
            card: Spring::at(0.0),
            notices: Spring::at(0.0),
            panes: Spring::at(1.0),
            from: Vec::new(),
            slides: Slides::default(),
            last: None,
        }
    }
}

impl Movements {
    pub(super) fn are_under_way(&self) -> bool {
        let comes = !(self.card.is_at_rest() && self.notices.is_at_rest());
        comes || !self.panes.is_at_rest() || self.slides.are_under_way()
    }

    /// When the next frame is due.
    fn next(&self) -> Option<Instant> {
        self.are_under_way().then(|| self.last.unwrap_or_else(Instant::now) + FRAME)
    }
}

impl Program {
    /// Whether anything moves: what the person says, else what the system prefers.
    pub fn motion(&self) -> Motion {
        match self.settings.appearance().reduce_motion {
            ReduceMotion::On => Motion::Reduced,
            ReduceMotion::Off | ReduceMotion::System if !self.is_seen => Motion::Reduced,
            ReduceMotion::Off => Motion::Full,
            ReduceMotion::System => self.preferred.motion(),
        }
    }

    /// Notes whether anything of the window is seen. What nobody sees is not drawn and does not
    /// move, so that it wakes nobody.
    pub fn set_visibility(&mut self, visibility: Visibility) {
        self.window.visibility = visibility;
        if visibility == Visibility::Hidden {
            self.window.movements = Movements::default();
        }
        self.redraw();
    }

    pub(super) fn motion_here(&self) -> Motion {
        motion_in(&self.window, self.motion())
    }

    /// Nobody sees this program: nothing moves.
    pub fn stand_still(&mut self) {
        self.is_seen = false;
    }

    /// The card comes.
    pub(super) fn bring_card(&mut self) {
        if self.window.overlay.is_none() {
            self.window.movements.card = Spring::at(CARD_RISE);
        }
        let motion = self.motion_here();
        self.window.movements.card.send(0.0, motion);
        self.window.movements.last = None;
    }

    /// A notice comes, where the keyboard is.
    pub(super) fn bring_notice(&mut self) {
        let (motion, focus) = (self.motion(), self.focus);
        let mut windows = self.windows_mut();
        if let Some(window) = windows.find(|window| window.id == focus) {
            window.movements.notices = Spring::at(NOTICE_DROP);
            window.movements.notices.send(0.0, motion_in(window, motion));
            window.movements.last = None;
        }
    }

    /// How far the notices are below their place.
    pub(super) fn notice_drop(&self) -> f32 {
        self.window.movements.notices.value().round()
    }

    /// Panes are about to open or close: they move from where they are now.
    pub(super) fn move_panes(&mut self) {
        self.window.movements.from = self.shown_panes();
        self.window.movements.panes = Spring::at(0.0);
        let motion = self.motion_here();
        self.window.movements.panes.send(1.0, motion);
        self.window.movements.last = None;
    }

    /// Where panes are drawn now.
    pub(super) fn shown_panes(&self) -> Vec<(PaneId, Rect)> {
        let targets = self.window.panes.layout(self.panes_area());
        let share = self.window.movements.panes.value();
        if self.window.movements.panes.is_at_rest() {
            return targets;
        }
        let from = |id: PaneId, target: Rect| {
            let known = self.window.movements.from.iter().find(|(pane, _)| *pane == id);
            // A new pane grows from its far edge.
            known.map_or(Rect { x: target.right(), width: 0.0, ..target }, |(_, rect)| *rect)
        };
        let between = |a: f32, b: f32| (a + (b - a) * share).round();
        targets
            .into_iter()
            .map(|(id, to)| {
                let from = from(id, to);
                let rect = Rect {
                    x: between(from.x, to.x),
                    y: between(from.y, to.y),
                    width: between(from.width, to.width).max(0.0),
                    height: between(from.height, to.height).max(0.0),
                };
                (id, rect)
            })
            .collect()
    }

    /// How far the card is above its place.
    pub(super) fn card_rise(&self) -> f32 {
        self.window.movements.card.value().round()
    }

    /// Lets movements go on until `now`.
    pub(super) fn advance(&mut self, now: Instant) {
        if !self.window.movements.are_under_way() {
            self.window.movements.last = None;
            return;
        }
        let passed = self.window.movements.last.map_or(Duration::ZERO, |last| now - last);
        self.window.movements.last = Some(now);
        self.window.movements.card.advance(passed);
        self.window.movements.notices.advance(passed);
        self.window.movements.panes.advance(passed);
        self.window.movements.slides.advance(passed);
    }

    /// When the next frame of a movement is due.
    pub(super) fn next_movement(&self) -> Option<Instant> {
        self.windows().filter_map(|window| window.movements.next()).min()
    }
}

/// What nobody sees does not move.
fn motion_in(window: &Window, wanted: Motion) -> Motion {
    match window.visibility {
        Visibility::Seen => wanted,
        Visibility::Hidden => Motion::Reduced,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::command::stage::Stage;

    #[test]
    fn a_notice_rises_to_its_place_unless_less_motion_is_wanted() {
        let mut stage = Stage::new();
        stage.program.warn("Something is so.");
        assert_eq!(stage.program.notice_drop(), NOTICE_DROP);
        let mut now = Instant::now();
        for _ in 0..60 {
            now += FRAME;
            stage.program.tick(now);
            stage.program.prepare(now);
        }
        assert_eq!(stage.program.notice_drop(), 0.0);
        assert_eq!(stage.program.next_movement(), None, "what rests asks for no frame");
        stage.program.warn("Something is so.");
        assert_eq!(stage.program.notice_drop(), 0.0, "it is there already");
        let still = json!({ "key": "appearance.reduce_motion", "value": "on", "layer": "session" });
        stage.run("settings.set", still).unwrap();
        stage.program.warn("Something else is so.");
        assert_eq!(stage.program.notice_drop(), 0.0);
    }

    #[test]
    fn a_window_that_nobody_sees_does_not_wake_for_movement() {
        let mut stage = Stage::with("|");
        stage.keys("ctrl-shift-p");
        assert!(stage.program.next_movement().is_some());
        stage.program.set_visibility(Visibility::Hidden);
        assert_eq!(stage.program.next_movement(), None);
        stage.program.warn("Something is so.");
        stage.keys("escape ctrl-\\");
        assert_eq!(stage.program.next_movement(), None);
    }
}
